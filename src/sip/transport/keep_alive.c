#include "sip/transport/internal.h"

#include "base/xmalloc.h"

enum { STUN_TRIES = 7 };
#define PONG_US (10 * SECOND_US)  /* RFC 5626 4.4.1 */
#define STUN_RTO_US (500 * MS_US) /* RFC 5389 7.2.1: seven transmissions, then 16 times this */
#define ASLEEP_US (30 * SECOND_US) /* while settings.keep_alive_us is 0: how often that is looked at again */

static bool same_target(const struct sip_target *a, const struct sip_target *b)
{
	return a->protocol == b->protocol && address_eq(&a->address, &b->address) && address_eq(&a->local, &b->local) &&
	       a->security == b->security && slice_ieq(slice_of(a->name), slice_of(b->name));
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

static void no_pong(void *arg)
{
	struct keep_alive *keep_alive = arg;
	struct flow *flow = flow__by_id(keep_alive->transport, keep_alive->flow_id);

	if (flow && flow->framing.awaits_pong)
		flow__fail_later(flow, ERR_TIMEOUT);
}

/*
 * Without an agreement a pong that does not come ends nothing: many peers do not know it (RFC 5626 4.4.1). A dead
 * connection shows at the next request, or by the system's own patience with what is not acknowledged.
 */
static void ping_flow(struct keep_alive *keep_alive, struct flow *flow)
{
	const struct sip_world *world = &flow->transport->world;
	/* Pings may follow each other faster than the patience for a pong lasts: the silence counts, from the first on.
	 */
	bool silent = flow->framing.awaits_pong && keep_alive->flow_id == flow->id &&
		      timer_running(&keep_alive->answer);

	if (flow->state != FLOW_OPEN)
		return;
	enum err err = world->ops->send_stream(world->net, flow, SLICE("\r\n\r\n"));
	if (err && err != ERR_FULL)
		flow__fail_later(flow, err);
	if (err)
		return;
	flow->framing.awaits_pong = true;
	keep_alive->flow_id = flow->id;
	if (keep_alive->agreed && !silent)
		timer_start(world->timers, &keep_alive->answer, PONG_US, no_pong, keep_alive);
}

/* ---- STUN (RFC 5626 4.4.2) ---- */

static void send_datagram(struct keep_alive *keep_alive, struct slice bytes)
{
	const struct sip_world *world = &keep_alive->transport->world;
	const struct sip_target *target = &keep_alive->target;
	struct address local = target->local;

	if (!address_is_set(&local) && !world->ops->local_address(world->net, SIP_UDP, &target->address, &local))
		return;
	/* A lost keep-alive is as good as an error: the next comes soon, and a dead path shows at the next
	 * registration. */
	(void)world->ops->send_datagram(world->net, &local, &target->address, bytes);
}

static void transmit(void *arg)
{
	struct keep_alive *keep_alive = arg;
	struct transport *transport = keep_alive->transport;
	unsigned char bytes[STUN_REQUEST];

	if (keep_alive->transmissions == STUN_TRIES) {
		struct address remote = keep_alive->target.address;
		keep_alive->transmissions = 0;
		transport_datagram_failed(transport, &remote, ERR_TIMEOUT);
		return;
	}
	stun_print_request(keep_alive->id, bytes);
	send_datagram(keep_alive, slice_make(bytes, sizeof bytes));
	keep_alive->transmissions++;
	int64_t wait_us = keep_alive->transmissions == STUN_TRIES ? 16 * STUN_RTO_US
								   : STUN_RTO_US << (keep_alive->transmissions - 1);
	timer_start(transport->world.timers, &keep_alive->answer, wait_us, transmit, keep_alive);
}

static void ask(struct keep_alive *keep_alive)
{
	if (keep_alive->transmissions)
		return;
	random_fill(keep_alive->transport->world.random, keep_alive->id, sizeof keep_alive->id);
	transmit(keep_alive);
}

static void take_answer(struct keep_alive *keep_alive, const struct address *mapped)
{
	struct transport *transport = keep_alive->transport;
	struct address remote = keep_alive->target.address;
	bool moved = address_is_set(&keep_alive->mapped) && !address_eq(&keep_alive->mapped, mapped);

	keep_alive->transmissions = 0;
	timer_stop(transport->world.timers, &keep_alive->answer);
	keep_alive->mapped = *mapped;
	if (moved && transport->handlers.moved)
		transport->handlers.moved(transport->handlers.arg, &remote);
}

void keep_alive__stun(struct transport *transport, const struct address *local, const struct address *remote,
		      struct slice datagram)
{
	const struct sip_world *world = &transport->world;
	unsigned char bytes[STUN_RESPONSE_MAX];
	struct address mapped;

	LIST_EACH(&transport->keep_alives, node) {
		struct keep_alive *keep_alive = LIST_ENTRY(node, struct keep_alive, node);
		if (keep_alive->transmissions && address_eq(&keep_alive->target.address, remote) &&
		    stun_read_response(datagram, keep_alive->id, &mapped)) {
			take_answer(keep_alive, &mapped);
			return;
		}
	}
	size_t n = stun_print_response(datagram, remote, bytes);
	if (n && transport__within_rate(transport))
		(void)world->ops->send_datagram(world->net, local, remote, slice_make(bytes, n));
}

/* ---- the rhythm ---- */

/* As often as the other side asks, or as we think right where that is more often; 0: never. */
static int64_t interval_of(const struct keep_alive *keep_alive)
{
	int64_t ours = keep_alive->transport->settings.keep_alive_us, theirs = keep_alive->interval_us;

	return theirs && (!ours || theirs < ours) ? theirs : ours;
}

static void rearm(struct keep_alive *keep_alive);

static void ping(void *arg)
{
	struct keep_alive *keep_alive = arg;
	struct transport *transport = keep_alive->transport;
	struct flow *flow;

	rearm(keep_alive);
	if (!interval_of(keep_alive))
		return;
	if (sip_protocol_is_stream(keep_alive->target.protocol)) {
		if ((flow = flow__to(transport, &keep_alive->target)))
			ping_flow(keep_alive, flow);
	} else if (keep_alive->agreed) {
		ask(keep_alive);
	} else {
		send_datagram(keep_alive, SLICE("\r\n\r\n"));
	}
}

/* RFC 5626 4.4: between 80 and 100 percent of the interval, so that many phones do not ping in step. */
static void rearm(struct keep_alive *keep_alive)
{
	struct transport *transport = keep_alive->transport;
	int64_t interval = interval_of(keep_alive);

	interval = interval ? interval - interval * random_below(transport->world.random, 21) / 100 : ASLEEP_US;
	timer_start(transport->world.timers, &keep_alive->timer, interval, ping, keep_alive);
}

void keep_alive__free(struct keep_alive *keep_alive)
{
	timer_stop(keep_alive->transport->world.timers, &keep_alive->timer);
	timer_stop(keep_alive->transport->world.timers, &keep_alive->answer);
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

void transport_keep_alive_agreed(struct transport *transport, const struct sip_target *target, bool agreed,
				 int64_t interval_us)
{
	struct keep_alive *keep_alive = find(transport, target);

	if (!keep_alive || (keep_alive->agreed == agreed && keep_alive->interval_us == interval_us))
		return;
	keep_alive->agreed = agreed;
	keep_alive->interval_us = interval_us;
	keep_alive->transmissions = 0;
	timer_stop(transport->world.timers, &keep_alive->answer);
	rearm(keep_alive);
}
