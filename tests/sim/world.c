#include "tests/sim/world.h"

#include "base/map.h"
#include "base/xmalloc.h"

#include <stdio.h>

enum { LOST_IN_A_ROW = 10 };

struct datagram {
	struct list_node node;
	struct timer timer;
	struct world *world;
	struct address from, to;
	bool strange;
	size_t n;
	char bytes[];
};

struct host *world_host_at(struct world *world, const struct address *address)
{
	for (int i = 0; i < WORLD_HOSTS; i++)
		if (address_eq(&world->hosts[i].address, address))
			return &world->hosts[i];
	return NULL;
}

static void arrive(void *arg)
{
	struct datagram *datagram = arg;
	struct host *host = world_host_at(datagram->world, &datagram->to);

	list_remove(&datagram->node);
	if (host && host->transport && !host->cut) {
		datagram->world->arrived++;
		datagram->world->strange = datagram->strange;
		transport_datagram(host->transport, &datagram->to, &datagram->from,
				   slice_make(datagram->bytes, datagram->n));
		datagram->world->strange = false;
	} else if (datagram->world->nowhere && !(host && host->cut)) {
		datagram->world->nowhere(datagram->world->nowhere_arg, &datagram->from,
					 slice_make(datagram->bytes, datagram->n));
	}
	free(datagram);
}

static void fly(struct world *world, const struct address *from, const struct address *to, struct slice bytes,
		bool strange)
{
	struct datagram *datagram = xcalloc(1, sizeof *datagram + bytes.n);
	uint32_t spread = world->delay_max_us - world->delay_min_us;

	datagram->world = world;
	datagram->from = *from;
	datagram->to = *to;
	datagram->n = bytes.n;
	datagram->strange = strange;
	memcpy(datagram->bytes, bytes.p, bytes.n);
	list_append(&world->in_flight, &datagram->node);
	timer_start(&world->timers, &datagram->timer,
		    world->delay_min_us + (spread ? random_below(&world->random, spread) : 0), arrive, datagram);
}

/* Nothing is sent that we ourselves would refuse. Keep-alives are no messages. */
static void check_sent(struct world *world, struct slice bytes)
{
	struct sip_message *message;
	size_t used, offset = 0;

	if (world->strange || *world->fault || bytes.n < 16 || bytes.p[0] < 'A')
		return;
	if (sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK) {
		snprintf(world->fault, sizeof world->fault, "sent what is no message: %.*s",
			 SLICE_ARG(slice_sub(bytes, 0, 1600)));
		return;
	}
	if (message->is_request)
		world->requests[message->method]++;
	else
		world->responses[message->status]++;
	struct sip_fault fault = sip_message_check(message);
	if (fault.status)
		snprintf(world->fault, sizeof world->fault, "sent what we refuse (%s): %.*s", fault.text,
			 SLICE_ARG(slice_sub(bytes, 0, 1600)));
	for (size_t i = 0; i < message->header_count; i++)
		if (!sip_message_has_place(message, message->headers[i].id))
			snprintf(world->fault, sizeof world->fault, "sent %.*s, which has no place in this: %.*s",
				 SLICE_ARG(message->headers[i].name), SLICE_ARG(slice_sub(bytes, 0, 1600)));
	sip_message_unref(message);
}

static void overhear(struct world *world, struct slice bytes)
{
	struct buf *place = &world->overheard[world->sent % WORLD_OVERHEARD];

	buf_clear(place);
	buf_add(place, bytes);
}

/*
 * What is sent over and over arrives in the end: without a session timer the other side of a call would never learn of
 * its end else, and in some thousand seeds it happens that all eleven BYEs are lost.
 */
static bool is_lost(struct world *world, struct slice bytes)
{
	static const uint64_t key[2];
	uint32_t hash = (uint32_t)map_siphash(key, bytes);
	unsigned *times = &world->last_lost[hash % WORLD_LAST_LOST].times;

	if (random_below(&world->random, 100) >= world->loss_percent)
		return false;
	if (world->last_lost[hash % WORLD_LAST_LOST].hash != hash)
		*times = 0;
	world->last_lost[hash % WORLD_LAST_LOST].hash = hash;
	return ++*times < LOST_IN_A_ROW;
}

static enum err send_datagram(void *net, const struct address *local, const struct address *remote, struct slice bytes)
{
	struct host *host = net;
	struct world *world = host->world;

	(void)local;
	world->sent++;
	check_sent(world, bytes);
	overhear(world, bytes);
	if (host->cut || is_lost(world, bytes)) {
		world->lost++;
		return ERR_NONE;
	}
	fly(world, &host->address, remote, bytes, false);
	if (random_below(&world->random, 100) < world->double_percent)
		fly(world, &host->address, remote, bytes, false);
	return ERR_NONE;
}

static enum err connect_stream(void *net, struct flow *flow)
{
	return streams_connect(net, flow);
}

static enum err send_stream(void *net, struct flow *flow, struct slice bytes)
{
	struct host *host = net;

	host->world->sent++;
	check_sent(host->world, bytes);
	return streams_send(flow, bytes);
}

static void close_stream(void *net, struct flow *flow)
{
	(void)net;
	streams_close(flow);
}

static bool local_address(void *net, enum sip_protocol protocol, const struct address *remote, struct address *local)
{
	struct host *host = net;

	(void)remote;
	*local = host->address;
	/* Nobody listens by WebSocket: who goes by it is reached by the connection that it made. */
	if (protocol == SIP_WS)
		address_set_port(local, 0);
	return protocol == SIP_UDP || protocol == SIP_TCP || protocol == SIP_TLS || protocol == SIP_WS;
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
	const struct world *world = lookup->host->world;
	struct sip_target targets[2] = { { .protocol = lookup->hop.has_protocol ? lookup->hop.protocol : SIP_UDP } };
	uint16_t port = lookup->hop.port ? lookup->hop.port : 5060;
	size_t count = 0;

	targets[1] = targets[0];
	if (strcmp(lookup->hop.host, WORLD_SERVER) != 0) {
		count = address_parse_host(&targets[0].address, slice_of(lookup->hop.host), port);
	} else {
		if (world->two_families && sip_protocol_is_stream(targets[0].protocol))
			count = address_parse_host(&targets[0].address, SLICE("2001:db8::1"), port);
		targets[count++].address = world->hosts[0].address;
	}
	lookup->done(lookup->arg, count ? ERR_NONE : ERR_DNS, targets, count);
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
	.connect = connect_stream,
	.send_stream = send_stream,
	.close = close_stream,
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
	list_init(&world->pipes);
	for (int i = 0; i < WORLD_OVERHEARD; i++)
		buf_init(&world->overheard[i], SIP_MESSAGE_MAX);
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
	streams_fini(world);
	for (int i = 0; i < WORLD_OVERHEARD; i++)
		buf_fini(&world->overheard[i]);
	timers_fini(&world->timers);
}

/* ---- the stranger ---- */

static void spoil(struct random *random, char *bytes, size_t *n)
{
	static const char nasty[] = "\r\n\t ;,<>\"\\:@%?=()[]09\xff";
	uint32_t changes = random_below(random, 5);

	while (changes-- && *n > 20) {
		size_t at = random_below(random, (uint32_t)*n);
		switch (random_below(random, 5)) {
		case 0:
			bytes[at] = (char)random_u32(random);
			break;
		case 1:
		case 2:
			bytes[at] = nasty[random_below(random, sizeof nasty - 1)];
			break;
		case 3:
			memmove(bytes + at, bytes + at + 1, *n - at - 1);
			--*n;
			break;
		default:
			*n = at + 1;
			break;
		}
	}
}

void world_annoy(struct world *world)
{
	struct random *random = &world->random;
	struct buf *known = &world->overheard[random_below(random, WORLD_OVERHEARD)];
	const struct address *to = &world->hosts[random_below(random, WORLD_HOSTS)].address;
	struct address stranger;

	if (!known->n || !address_parse(&stranger, SLICE("198.51.100.66:5070"), 5060))
		return;
	if (random_below(random, 2))
		stranger = world->hosts[random_below(random, WORLD_HOSTS)].address;
	char *copy = slice_dup(buf_slice(known));
	size_t n = known->n;
	spoil(random, copy, &n);
	fly(world, &stranger, to, slice_make(copy, n), true);
	world->hostile++;
	free(copy);
}

void world_heal(struct world *world)
{
	world->loss_percent = world->double_percent = 0;
	streams_heal(world);
	world->slow_handshakes_percent = world->broken_handshakes_percent = 0;
	world->delay_min_us = 1000;
	world->delay_max_us = 2000;
	for (int i = 0; i < WORLD_HOSTS; i++)
		world->hosts[i].cut = false;
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
