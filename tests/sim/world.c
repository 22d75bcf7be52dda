#include "tests/sim/world.h"

#include "base/xmalloc.h"

#include <stdio.h>

struct datagram {
	struct list_node node;
	struct timer timer;
	struct world *world;
	struct address from, to;
	size_t n;
	char bytes[];
};

static struct host *host_at(struct world *world, const struct address *address)
{
	for (int i = 0; i < WORLD_HOSTS; i++)
		if (address_eq(&world->hosts[i].address, address))
			return &world->hosts[i];
	return NULL;
}

static void arrive(void *arg)
{
	struct datagram *datagram = arg;
	struct host *host = host_at(datagram->world, &datagram->to);

	list_remove(&datagram->node);
	if (host && host->transport) {
		datagram->world->arrived++;
		transport_datagram(host->transport, &datagram->to, &datagram->from,
				   slice_make(datagram->bytes, datagram->n));
	}
	free(datagram);
}

static void fly(struct world *world, const struct address *from, const struct address *to, struct slice bytes)
{
	struct datagram *datagram = xcalloc(1, sizeof *datagram + bytes.n);
	uint32_t spread = world->delay_max_us - world->delay_min_us;

	datagram->world = world;
	datagram->from = *from;
	datagram->to = *to;
	datagram->n = bytes.n;
	memcpy(datagram->bytes, bytes.p, bytes.n);
	list_append(&world->in_flight, &datagram->node);
	timer_start(&world->timers, &datagram->timer,
		    world->delay_min_us + (spread ? random_below(&world->random, spread) : 0), arrive, datagram);
}

static enum err send_datagram(void *net, const struct address *local, const struct address *remote, struct slice bytes)
{
	struct host *host = net;
	struct world *world = host->world;

	(void)local;
	world->sent++;
	if (random_below(&world->random, 100) < world->loss_percent) {
		world->lost++;
		return ERR_NONE;
	}
	fly(world, &host->address, remote, bytes);
	if (random_below(&world->random, 100) < world->double_percent)
		fly(world, &host->address, remote, bytes);
	return ERR_NONE;
}

static enum err connect_nowhere(void *net, struct flow *flow)
{
	(void)net;
	(void)flow;
	return ERR_UNSUPPORTED;
}

static enum err send_nowhere(void *net, struct flow *flow, struct slice bytes)
{
	(void)net;
	(void)flow;
	(void)bytes;
	return ERR_CLOSED;
}

static void close_nothing(void *net, struct flow *flow)
{
	(void)net;
	(void)flow;
}

static bool local_address(void *net, enum sip_protocol protocol, const struct address *remote, struct address *local)
{
	struct host *host = net;

	(void)remote;
	*local = host->address;
	return protocol == SIP_UDP;
}

struct lookup {
	struct timer timer;
	struct host *host;
	struct sip_hop hop;
	locate_h *done;
	void *arg;
};

static void answer_lookup(void *arg)
{
	struct lookup *lookup = arg;
	struct sip_target target = { .protocol = SIP_UDP };
	bool found = address_parse_host(&target.address, slice_of(lookup->hop.host),
					lookup->hop.port ? lookup->hop.port : 5060);

	lookup->done(lookup->arg, found ? ERR_NONE : ERR_DNS, &target, found);
	free(lookup);
}

static void *locate(void *net, const struct sip_hop *hop, locate_h *done, void *arg)
{
	struct host *host = net;
	struct lookup *lookup = xcalloc(1, sizeof *lookup);

	*lookup = (struct lookup){ .host = host, .hop = *hop, .done = done, .arg = arg };
	timer_start(&host->world->timers, &lookup->timer, 0, answer_lookup, lookup);
	return lookup;
}

static void locate_cancel(void *net, void *handle)
{
	struct host *host = net;
	struct lookup *lookup = handle;

	timer_stop(&host->world->timers, &lookup->timer);
	free(lookup);
}

static const struct transport_ops world_ops = {
	.send_datagram = send_datagram,
	.connect = connect_nowhere,
	.send_stream = send_nowhere,
	.close = close_nothing,
	.local_address = local_address,
	.locate = locate,
	.locate_cancel = locate_cancel,
};

void world_init(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof *world);
	timers_init(&world->timers, SECOND_US);
	random_init_seeded(&world->random, seed);
	random_init_seeded(&world->host_random, seed ^ 0x5eed);
	list_init(&world->in_flight);
	for (int i = 0; i < WORLD_HOSTS; i++) {
		struct host *host = &world->hosts[i];
		char text[ADDRESS_TEXT];
		snprintf(text, sizeof text, "192.0.2.%d:5060", i + 1);
		if (!address_parse(&host->address, slice_of(text), 5060))
			abort();
		host->world = world;
		host->sip = (struct sip_world){
			.timers = &world->timers, .random = &world->host_random, .ops = &world_ops, .net = host
		};
	}
}

void world_fini(struct world *world)
{
	LIST_EACH(&world->in_flight, node) {
		struct datagram *datagram = LIST_ENTRY(node, struct datagram, node);
		list_remove(node);
		timer_stop(&world->timers, &datagram->timer);
		free(datagram);
	}
	timers_fini(&world->timers);
}

void world_pass(struct world *world, int64_t us, void (*each_turn)(void *arg), void *arg)
{
	int64_t end = world->timers.now_us + us;

	for (;;) {
		int64_t next = timers_next_us(&world->timers);
		if (next > end)
			break;
		timers_run(&world->timers, next);
		if (each_turn)
			each_turn(arg);
	}
	timers_run(&world->timers, end);
}
