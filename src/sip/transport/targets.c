#include "sip/transport/internal.h"

#include "base/xmalloc.h"

#define HEAD_START_US (250 * MS_US) /* RFC 8305 5: the Connection Attempt Delay */
#define FAILED_US (30 * SECOND_US)
#define FAILED_DOUBLINGS 4 /* to 8 minutes */

/* ---- targets that failed ---- */

static struct failed_target *failed_ever(struct transport *transport, const struct sip_target *target)
{
	for (size_t i = 0; i < FAILED_MAX; i++) {
		struct failed_target *failed = &transport->failed[i];
		if (failed->until_us && failed->protocol == target->protocol &&
		    address_eq(&failed->address, &target->address))
			return failed;
	}
	return NULL;
}

static bool has_failed(struct transport *transport, const struct sip_target *target)
{
	const struct failed_target *failed = failed_ever(transport, target);

	return failed && failed->until_us > transport->world.timers->now_us;
}

void transport_target_failed(struct transport *transport, const struct sip_target *target, int64_t us)
{
	struct failed_target *failed = failed_ever(transport, target);
	int64_t now_us = transport->world.timers->now_us;

	if (!failed) {
		failed = &transport->failed[transport->failed_next++ % FAILED_MAX];
		*failed = (struct failed_target){ .protocol = target->protocol, .address = target->address };
	} else if (failed->until_us <= now_us && failed->doublings < FAILED_DOUBLINGS) {
		failed->doublings++;
	}
	failed->until_us = now_us + (us ? us : FAILED_US << failed->doublings);
}

void transport_target_works(struct transport *transport, const struct sip_target *target)
{
	struct failed_target *failed = failed_ever(transport, target);

	if (failed)
		failed->until_us = 0;
}

void transport_order_targets(struct transport *transport, struct sip_target *targets, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct sip_target target = targets[i];
		size_t k = i;
		if (has_failed(transport, &target))
			continue;
		for (; k > 0 && has_failed(transport, &targets[k - 1]); k--)
			targets[k] = targets[k - 1];
		targets[k] = target;
	}
}

/* ---- two families, one connection (RFC 8305) ---- */

struct race {
	struct list_node node; /* in transport.races */
	struct transport *transport;
	struct sip_target targets[2];
	uint64_t flows[2];     /* 0: not begun, or failed */
	bool begun;            /* the second too */
	size_t winner;
	struct timer timer;    /* the head start; then what is to be told */
	race_h *done;
	void *arg;
};

static void discard(struct race *race)
{
	list_remove(&race->node);
	timer_stop(race->transport->world.timers, &race->timer);
	free(race);
}

/* Does another race wait for this flow as well? */
static bool is_shared(const struct race *race, uint64_t id)
{
	LIST_EACH(&race->transport->races, node) {
		const struct race *other = LIST_ENTRY(node, struct race, node);
		if (other != race && (other->flows[0] == id || other->flows[1] == id))
			return true;
	}
	return false;
}

/* Nobody has used it and nobody shall hear of it. */
static void drop_flow(const struct race *race, size_t i)
{
	struct transport *transport = race->transport;
	struct flow *flow = race->flows[i] ? flow__by_id(transport, race->flows[i]) : NULL;

	if (!flow || !list_empty(&flow->waiting) || flow->state != FLOW_CONNECTING || is_shared(race, flow->id))
		return;
	transport->world.ops->close(transport->world.net, flow);
	flow__free(flow);
}

static void tell(void *arg)
{
	struct race *race = arg;
	size_t winner = race->winner;
	race_h *done = race->done;
	void *done_arg = race->arg;

	drop_flow(race, 1 - winner);
	discard(race);
	done(done_arg, winner);
}

static void decide(struct race *race, size_t winner)
{
	race->winner = winner;
	timer_start(race->transport->world.timers, &race->timer, 0, tell, race);
}

static bool begin(struct race *race, size_t i)
{
	struct flow *flow;

	if (flow__open(race->transport, &race->targets[i], &flow))
		return false;
	race->flows[i] = flow->id;
	/* Of one that is there already no news will come. */
	if (flow->state == FLOW_OPEN)
		decide(race, i);
	return true;
}

static void second_begins(void *arg)
{
	struct race *race = arg;

	race->begun = true;
	/* With both failed the first one is told: its request meets the error again, with its words. */
	if (!begin(race, 1) && !race->flows[0])
		decide(race, 0);
}

struct race *transport_race(struct transport *transport, const struct sip_target targets[2], race_h *done, void *arg)
{
	if (!sip_protocol_is_stream(targets[0].protocol) || targets[0].protocol != targets[1].protocol ||
	    targets[0].host != targets[1].host ||
	    address_is_v6(&targets[0].address) == address_is_v6(&targets[1].address) ||
	    flow__to(transport, &targets[0]) || has_failed(transport, &targets[1]))
		return NULL;
	struct race *race = xcalloc(1, sizeof *race);
	race->transport = transport;
	race->targets[0] = targets[0];
	race->targets[1] = targets[1];
	race->done = done;
	race->arg = arg;
	list_append(&transport->races, &race->node);
	if (transport_is_connected(transport, &targets[1])) {
		decide(race, 1);
		return race;
	}
	int64_t head_start = begin(race, 0) ? HEAD_START_US : 0;
	timer_start(transport->world.timers, &race->timer, head_start, second_begins, race);
	return race;
}

void transport_race_cancel(struct race *race)
{
	drop_flow(race, 0);
	drop_flow(race, 1);
	discard(race);
}

void races__opened(struct transport *transport, uint64_t id)
{
	LIST_EACH(&transport->races, node) {
		struct race *race = LIST_ENTRY(node, struct race, node);
		for (size_t i = 0; i < 2; i++)
			if (race->flows[i] == id)
				decide(race, i);
	}
}

void races__failed(struct transport *transport, uint64_t id)
{
	LIST_EACH(&transport->races, node) {
		struct race *race = LIST_ENTRY(node, struct race, node);
		for (size_t i = 0; i < 2; i++)
			if (race->flows[i] == id)
				race->flows[i] = 0;
		if (race->flows[0] || race->flows[1])
			continue;
		if (race->begun)
			decide(race, 0);
		else /* no reason to wait longer */
			timer_start(transport->world.timers, &race->timer, 0, second_begins, race);
	}
}

void races__free(struct transport *transport)
{
	while (!list_empty(&transport->races))
		discard(LIST_ENTRY(list_first(&transport->races), struct race, node));
}
