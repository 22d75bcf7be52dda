#include "sip/transport/internal.h"

#include "base/xmalloc.h"

#define ASLEEP_US (30 * SECOND_US) /* while settings.keep_alive_us is 0: how often that is looked at again */

static bool same_target(const struct sip_target *a, const struct sip_target *b)
{
	return a->protocol == b->protocol && address_eq(&a->address, &b->address) && address_eq(&a->local, &b->local) &&
	       slice_ieq(slice_of(a->name), slice_of(b->name));
}

static struct keep_alive *find(const struct transport *transport, const struct sip_target *target)
{
	LIST_EACH(&transport->keep_alives, node) {
		struct keep_alive *keep_alive = LIST_ENTRY(node, struct keep_alive, node);
		if (same_target(&keep_alive->target, target))
			return keep_alive;
	}
	return NULL;
}

bool keep_alive__wants(const struct transport *transport, const struct flow *flow)
{
	LIST_EACH(&transport->keep_alives, node) {
		if (flow__to(transport, &LIST_ENTRY(node, struct keep_alive, node)->target) == flow)
			return true;
	}
	return false;
}

/*
 * A pong that does not come ends nothing: it is owed only where outbound was agreed (RFC 5626 4.4.1), and many peers do
 * not know it. A dead connection shows at the next request, or by the system's own patience with what is not
 * acknowledged.
 */
static void ping_flow(struct flow *flow)
{
	const struct sip_world *world = &flow->transport->world;

	if (flow->state != FLOW_OPEN)
		return;
	enum err err = world->ops->send_stream(world->net, flow, SLICE("\r\n\r\n"));
	if (err && err != ERR_FULL)
		flow__fail_later(flow, err);
	else if (!err)
		flow->framing.awaits_pong = true;
}

static void ping_datagram(struct transport *transport, const struct sip_target *target)
{
	const struct sip_world *world = &transport->world;
	struct address local = target->local;

	if (!address_is_set(&local) && !world->ops->local_address(world->net, SIP_UDP, &target->address, &local))
		return;
	/* A lost keep-alive is as good as an error: the next comes soon, and a dead path shows at the next
	 * registration. */
	(void)world->ops->send_datagram(world->net, &local, &target->address, SLICE("\r\n\r\n"));
}

static void rearm(struct keep_alive *keep_alive);

static void ping(void *arg)
{
	struct keep_alive *keep_alive = arg;
	struct transport *transport = keep_alive->transport;
	struct flow *flow;

	rearm(keep_alive);
	if (!transport->settings.keep_alive_us)
		return;
	if (!sip_protocol_is_stream(keep_alive->target.protocol))
		ping_datagram(transport, &keep_alive->target);
	else if ((flow = flow__to(transport, &keep_alive->target)))
		ping_flow(flow);
}

/* RFC 5626 4.4: between 80 and 100 percent of the interval, so that many phones do not ping in step. */
static void rearm(struct keep_alive *keep_alive)
{
	struct transport *transport = keep_alive->transport;
	int64_t interval = transport->settings.keep_alive_us;

	interval = interval ? interval - interval * random_below(transport->world.random, 21) / 100 : ASLEEP_US;
	timer_start(transport->world.timers, &keep_alive->timer, interval, ping, keep_alive);
}

void keep_alive__free(struct keep_alive *keep_alive)
{
	timer_stop(keep_alive->transport->world.timers, &keep_alive->timer);
	list_remove(&keep_alive->node);
	free(keep_alive);
}

void transport_keep_alive(struct transport *transport, const struct sip_target *target, bool on)
{
	struct keep_alive *keep_alive = find(transport, target);

	if (!on) {
		if (keep_alive && --keep_alive->count == 0)
			keep_alive__free(keep_alive);
		return;
	}
	if (!keep_alive) {
		keep_alive = xcalloc(1, sizeof *keep_alive);
		keep_alive->transport = transport;
		keep_alive->target = *target;
		list_append(&transport->keep_alives, &keep_alive->node);
		rearm(keep_alive);
	}
	keep_alive->count++;
}
