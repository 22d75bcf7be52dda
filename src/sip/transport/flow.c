#include "sip/transport/internal.h"

#include "base/xmalloc.h"

#define CONNECT_TIMEOUT_US (5 * SECOND_US)
#define MESSAGE_TIMEOUT_US (32 * SECOND_US) /* a message that has begun ends within this */
#define IDLE_US (60 * SECOND_US)            /* after this a flow may make room for another */

/* ---- finding them: by number, by where they lead, and by where else a peer said that they do ---- */

static struct flow_key key_of(enum sip_protocol protocol, const struct address *address)
{
	struct flow_key key = { .protocol = (uint8_t)protocol };
	struct in6_addr host = address_as_v6(address);

	memcpy(key.host, &host, sizeof key.host);
	memcpy(key.port, &(uint16_t){ address_port(address) }, sizeof key.port);
	return key;
}

static struct slice key_slice(const struct flow_key *key)
{
	return slice_make(key, sizeof *key);
}

static void enlist(struct flow *flow)
{
	struct transport *transport = flow->transport;

	flow->key = key_of(flow->target.protocol, &flow->target.address);
	map_add(&transport->flows_by_id, &flow->by_id, slice_make(&flow->id, sizeof flow->id));
	map_add(&transport->flows_by_target, &flow->by_target, key_slice(&flow->key));
	list_append(&transport->flows, &flow->node);
}

static void unlist(struct flow *flow)
{
	struct transport *transport = flow->transport;

	map_remove(&transport->flows_by_id, &flow->by_id);
	map_remove(&transport->flows_by_target, &flow->by_target);
	map_remove(&transport->flows_by_alias, &flow->by_alias);
	list_remove(&flow->node);
}

static struct flow *new_flow(struct transport *transport, const struct sip_target *target, bool incoming)
{
	struct flow *flow = xcalloc(1, sizeof *flow);

	flow->transport = transport;
	flow->id = ++transport->last_flow_id;
	flow->target = *target;
	flow->incoming = incoming;
	flow->used_us = transport->world.timers->now_us;
	framing_init(&flow->framing);
	list_init(&flow->waiting);
	enlist(flow);
	return flow;
}

static void waiting_free(struct waiting *waiting)
{
	list_remove(&waiting->node);
	sip_message_unref(waiting->message);
	free(waiting);
}

void flow__free(struct flow *flow)
{
	struct timers *timers = flow->transport->world.timers;

	timer_stop(timers, &flow->timer);
	LIST_EACH(&flow->waiting, node)
		waiting_free(LIST_ENTRY(node, struct waiting, node));
	framing_fini(&flow->framing);
	free(flow->why);
	free(flow->invalid);
	unlist(flow);
	free(flow);
}

struct flow *flow__by_id(const struct transport *transport, uint64_t id)
{
	struct map_node *node = map_find(&transport->flows_by_id, slice_make(&id, sizeof id));
	struct flow *flow = node ? CONTAINER_OF(node, struct flow, by_id) : NULL;

	return flow && flow->state != FLOW_FAILING ? flow : NULL;
}

static bool is_near(const struct flow *flow, const struct sip_target *target)
{
	return flow->state != FLOW_FAILING && flow->target.protocol == target->protocol &&
	       address_eq(&flow->target.address, &target->address);
}

/* RFC 5923 8.2: on a connection that came in requests go back only to who has proved to be whom they are for. */
static bool is_alias(const struct flow *flow, const struct sip_target *target)
{
	const struct sip_world *world = &flow->transport->world;

	return flow->state == FLOW_OPEN && flow->target.protocol == target->protocol &&
	       address_is_set(&flow->alias) && address_eq(&flow->alias, &target->address) && world->ops->proves &&
	       world->ops->proves(world->net, flow, slice_of(target->name));
}

/*
 * Over TLS a name must have been proved for the flow, so one that came in serves only targets without one. A target
 * that is an address alone asks for nobody in particular: whoever is there already will do, or every Record-Route by
 * address would need a certificate for the address.
 */
static bool serves(const struct flow *flow, const struct sip_target *target)
{
	if (is_alias(flow, target))
		return true;
	if (!is_near(flow, target))
		return false;
	if (target->protocol != SIP_TLS && target->protocol != SIP_WSS)
		return true;
	/* What was let through by the laxer rules of one account is not good enough for another. */
	if (!flow->incoming && flow->target.security != target->security)
		return false;
	if (!target->name[0])
		return true;
	return slice_ieq(slice_of(flow->target.name), slice_of(target->name));
}

/* How near is a flow that leads there: the one that is meant, one that would do, any. */
static int nearness(const struct flow *flow, const struct sip_target *target)
{
	if (address_is_set(&target->local) && address_eq(&flow->target.local, &target->local))
		return 3;
	return serves(flow, target) ? 2 : 1;
}

struct flow *flow__near(const struct transport *transport, const struct sip_target *target)
{
	struct flow_key key = key_of(target->protocol, &target->address);
	struct flow *found = NULL;
	int best = 0;

	for (struct map_node *node = map_find(&transport->flows_by_target, key_slice(&key)); node;
	     node = map_find_next(node)) {
		struct flow *flow = CONTAINER_OF(node, struct flow, by_target);
		int near = is_near(flow, target) ? nearness(flow, target) : 0;
		/* Of equals the oldest, which is the last. */
		if (near && near >= best) {
			found = flow;
			best = near;
		}
	}
	return found;
}

/* The oldest of those that will do: who is near, or is so by an alias. */
struct flow *flow__to(const struct transport *transport, const struct sip_target *target)
{
	struct flow_key key = key_of(target->protocol, &target->address);
	struct flow *found = NULL;

	for (struct map_node *node = map_find(&transport->flows_by_target, key_slice(&key)); node;
	     node = map_find_next(node)) {
		struct flow *flow = CONTAINER_OF(node, struct flow, by_target);
		found = serves(flow, target) ? flow : found;
	}
	for (struct map_node *node = map_find(&transport->flows_by_alias, key_slice(&key)); node;
	     node = map_find_next(node)) {
		struct flow *flow = CONTAINER_OF(node, struct flow, by_alias);
		found = serves(flow, target) && (!found || flow->id < found->id) ? flow : found;
	}
	return found;
}

/* Make room for one more among `max`. @return false: the limit is reached */
static bool make_room(struct transport *transport, size_t max)
{
	struct flow *oldest = NULL;
	size_t live = 0;

	LIST_EACH(&transport->flows, node) {
		struct flow *flow = LIST_ENTRY(node, struct flow, node);
		if (flow->state == FLOW_FAILING)
			continue;
		live++;
		if (flow->state == FLOW_OPEN && (!oldest || flow->used_us < oldest->used_us) &&
		    !keep_alive__wants(transport, flow))
			oldest = flow;
	}
	if (live < max)
		return true;
	if (!oldest || transport->world.timers->now_us - oldest->used_us < IDLE_US)
		return false;
	flow__fail_later(oldest, ERR_FULL);
	return true;
}

/* What is known of the flow's end outlives it for a moment. */
static void keep_explanation(struct flow *flow)
{
	free(flow->transport->why);
	flow->transport->why = flow->why;
	flow->why = NULL;
}

static void connect_timeout(void *arg)
{
	flow__fail_later(arg, ERR_TIMEOUT);
}

enum err flow__open(struct transport *transport, const struct sip_target *target, struct flow **flow)
{
	const struct sip_world *world = &transport->world;

	*flow = flow__to(transport, target);
	if (*flow)
		return ERR_NONE;
	if (!make_room(transport, transport->settings.max_flows))
		return ERR_FULL;
	*flow = new_flow(transport, target, false);
	enum err err = world->ops->connect(world->net, *flow);
	if (err) {
		keep_explanation(*flow);
		flow__free(*flow);
		*flow = NULL;
		return err;
	}
	int64_t patience = target->connect_timeout_us ? target->connect_timeout_us : CONNECT_TIMEOUT_US;
	timer_start(world->timers, &(*flow)->timer, patience, connect_timeout, *flow);
	return ERR_NONE;
}

static enum err send_now(struct flow *flow, const struct sip_message *message)
{
	struct transport *transport = flow->transport;
	enum err err = transport->world.ops->send_stream(transport->world.net, flow, message->bytes);

	if (!err) {
		flow->used_us = transport->world.timers->now_us;
		transport__trace(transport, true, flow->target.protocol, &flow->target.local, &flow->target.address,
				 message->bytes);
	} else if (err != ERR_FULL) {
		flow__fail_later(flow, err);
	}
	return err;
}

enum err flow__send(struct flow *flow, const struct sip_message *message, bool may_look_up)
{
	if (flow->state == FLOW_FAILING)
		return flow->err;
	if (flow->state == FLOW_OPEN)
		return send_now(flow, message);
	if (flow->waiting_count >= WAITING_MAX || flow->waiting_bytes + message->bytes.n > WAITING_BYTES_MAX)
		return ERR_FULL;
	struct waiting *waiting = xcalloc(1, sizeof *waiting);
	waiting->message = message__keep(message);
	waiting->may_look_up = may_look_up;
	list_append(&flow->waiting, &waiting->node);
	flow->waiting_count++;
	flow->waiting_bytes += message->bytes.n;
	return ERR_NONE;
}

bool transport_withdraw(struct transport *transport, uint64_t flow_id, const struct sip_message *message)
{
	struct flow *flow = flow_id ? flow__by_id(transport, flow_id) : NULL;

	if (!flow || flow->state == FLOW_OPEN)
		return false;
	LIST_EACH(&flow->waiting, node) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);
		if (!slice_eq(waiting->message->bytes, message->bytes))
			continue;
		flow->waiting_count--;
		flow->waiting_bytes -= message->bytes.n;
		waiting_free(waiting);
		return true;
	}
	return false;
}

/* Responses that waited for a connection that was never made get the second way of 18.2.2: where DNS says their sent-by
 * is. */
static void look_up_waiting(struct flow *flow)
{
	LIST_EACH(&flow->waiting, node) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);
		const struct sip_via *via = waiting->may_look_up ? sip_message_via(waiting->message, 0) : NULL;
		struct address literal;
		if (via && !address_parse_host(&literal, via->host, 0))
			reply__look_up(flow->transport, waiting->message, flow->target.protocol, &flow->target.local,
				       via->host, via->port);
	}
}

/* The last of a flow: whoever used it is told when it is gone already, so that a handler finds no trace of it. */
static void report(struct flow *flow, enum err err)
{
	struct transport *transport = flow->transport;
	struct sip_target target = flow->target;
	uint64_t id = flow->id;

	look_up_waiting(flow);
	keep_explanation(flow);
	transport->was_ours = !flow->incoming;
	flow__free(flow);
	races__failed(transport, id);
	transport->handlers.failed(transport->handlers.arg, target.protocol, &target.address, id, err);
}

static void fail_now(void *arg)
{
	struct flow *flow = arg;

	flow->transport->world.ops->close(flow->transport->world.net, flow);
	report(flow, flow->err);
}

void flow__fail_later(struct flow *flow, enum err err)
{
	if (flow->state == FLOW_FAILING)
		return;
	flow->state = FLOW_FAILING;
	flow->err = err;
	timer_start(flow->transport->world.timers, &flow->timer, 0, fail_now, flow);
}

struct sip_source flow__source(struct flow *flow)
{
	return (struct sip_source){
		.protocol = flow->target.protocol,
		.remote = flow->target.address,
		.local = flow->target.local,
		.flow = flow,
		.flow_id = flow->id,
	};
}

static void message_timeout(void *arg)
{
	((struct flow *)arg)->transport->counters.unfinished++;
	flow__fail_later(arg, ERR_TIMEOUT);
}

static void expect_message(struct flow *flow)
{
	timer_start(flow->transport->world.timers, &flow->timer, MESSAGE_TIMEOUT_US, message_timeout, flow);
}

/* Whoever has one IPv6 address usually has all of its /64. */
static bool same_neighbourhood(const struct address *a, const struct address *b)
{
	if (!address_is_v6(a) || !address_is_v6(b))
		return address_same_host(a, b);
	return memcmp(&a->u.v6.sin6_addr, &b->u.v6.sin6_addr, 8) == 0;
}

/* No one host can take all connections. */
static bool host_may_connect(const struct transport *transport, const struct address *remote)
{
	size_t count = 0, max = transport->settings.max_flows / 4;

	LIST_EACH(&transport->flows, node) {
		const struct flow *flow = LIST_ENTRY(node, struct flow, node);
		count += flow->incoming && flow->state == FLOW_OPEN &&
			 same_neighbourhood(&flow->target.address, remote);
	}
	return count < (max ? max : 1);
}

/* Nor can all hosts together: a quarter is for connections of our own. */
static size_t room_for_others(const struct transport *transport)
{
	return transport->settings.max_flows - transport->settings.max_flows / 4;
}

/*
 * Full of those that only hold a place: who has waited longest without ever having said anything gives way, since
 * whoever comes properly says something at once.
 */
static bool silent_gives_way(struct transport *transport)
{
	LIST_EACH(&transport->flows, node) {
		struct flow *flow = LIST_ENTRY(node, struct flow, node);
		if (!flow->incoming || flow->state != FLOW_OPEN || flow->spoke)
			continue;
		transport->counters.refused_connections++;
		flow__fail_later(flow, ERR_FULL);
		return true;
	}
	return false;
}

struct flow *transport_accepted(struct transport *transport, enum sip_protocol protocol, const struct address *local,
				const struct address *remote, void *connection)
{
	struct sip_target target = { .protocol = protocol, .address = *remote, .local = *local };

	if (!host_may_connect(transport, remote) ||
	    (!make_room(transport, room_for_others(transport)) && !silent_gives_way(transport))) {
		transport->counters.refused_connections++;
		return NULL;
	}
	transport->counters.connections++;
	struct flow *flow = new_flow(transport, &target, true);
	flow->state = FLOW_OPEN;
	flow->connection = connection;
	expect_message(flow);
	return flow;
}

void transport_flow_opened(struct transport *transport, struct flow *flow, const struct address *local)
{
	if (flow->state != FLOW_CONNECTING)
		return;
	timer_stop(transport->world.timers, &flow->timer);
	flow->state = FLOW_OPEN;
	flow->target.local = *local;
	races__opened(transport, flow->id);
	if (transport->handlers.opened)
		transport->handlers.opened(transport->handlers.arg, &flow->target);
	LIST_EACH(&flow->waiting, node) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);
		enum err err = send_now(flow, waiting->message);
		if (err) {
			flow__fail_later(flow, err);
			return;
		}
		waiting_free(waiting);
	}
	flow->waiting_count = flow->waiting_bytes = 0;
}

static bool is_invalid(struct slice host)
{
	static const char domain[] = ".invalid";

	return host.n > sizeof domain - 1 &&
	       slice_ieq(slice_from(host, host.n - (sizeof domain - 1)), slice_of(domain));
}

/* RFC 5923 8.1: the sender says that requests to it may come by its own connection. */
static void note_alias(struct flow *flow, const struct sip_message *message)
{
	const struct sip_via *via = flow->incoming && flow->target.protocol == SIP_TLS && message->is_request
					    ? sip_message_via(message, 0)
					    : NULL;
	struct slice rest = via ? via->params : slice_of(NULL);
	struct sip_param param;

	while (sip_params_next(&rest, &param)) {
		if (!slice_ieq(param.name, SLICE("alias")))
			continue;
		flow->alias = flow->target.address;
		address_set_port(&flow->alias, via->port ? via->port : sip_protocol_port(SIP_TLS));
		map_remove(&flow->transport->flows_by_alias, &flow->by_alias);
		flow->alias_key = key_of(flow->target.protocol, &flow->alias);
		map_add(&flow->transport->flows_by_alias, &flow->by_alias, key_slice(&flow->alias_key));
	}
}

/* RFC 7118 8: who does not know its own address is found by its connection alone. */
static void note_invalid(struct flow *flow, const struct sip_message *message)
{
	const struct sip_via *via = flow->incoming && !flow->invalid ? sip_message_via(message, 0) : NULL;

	if (via && message->is_request && is_invalid(via->host))
		flow->invalid = slice_dup(via->host);
}

/* One framed message. @return false: not a SIP message after all */
static bool take_message(struct flow *flow, struct slice bytes, enum sip_framing framing)
{
	struct sip_source source = flow__source(flow);
	struct sip_message *message;
	size_t used, offset;

	transport__trace(flow->transport, false, source.protocol, &source.local, &source.remote, bytes);
	if (sip_message_parse(bytes, framing, &message, &used, &offset) != SCAN_OK)
		return false;
	flow->used_us = flow->transport->world.timers->now_us;
	flow->spoke = true;
	note_invalid(flow, message);
	note_alias(flow, message);
	if (used == bytes.n)
		transport__receive(flow->transport, message, &source);
	sip_message_unref(message);
	return used == bytes.n;
}

/* What had begun was a keep-alive. Who came to us and has said nothing else yet still owes a message. */
static void keep_alive_ends(struct flow *flow)
{
	if (flow->spoke || !flow->incoming)
		timer_stop(flow->transport->world.timers, &flow->timer);
}

static bool take(struct flow *flow, enum framing_result result, struct slice message)
{
	const struct sip_world *world = &flow->transport->world;

	switch (result) {
	case FRAMING_MESSAGE:
		timer_stop(world->timers, &flow->timer);
		return take_message(flow, message, SIP_STREAM);
	case FRAMING_PING:
		keep_alive_ends(flow);
		/* A pong that does not fit is not worth waiting for; the peer pings again. */
		(void)world->ops->send_stream(world->net, flow, SLICE("\r\n"));
		return true;
	case FRAMING_PONG:
		keep_alive_ends(flow);
		return true;
	case FRAMING_BROKEN:
		transport__refuse_unframed(flow, framing_head(&flow->framing));
		break;
	case FRAMING_MORE:
		break;
	}
	return false;
}

/* What comes on it makes no sense. */
static void cut(struct transport *transport, struct flow *flow)
{
	transport->counters.garbage++;
	flow__fail_later(flow, ERR_SYNTAX);
}

void transport_flow_bytes(struct transport *transport, struct flow *flow, struct slice bytes)
{
	enum framing_result result = FRAMING_MORE;
	struct slice message = { 0 };

	while (flow->state == FLOW_OPEN && (result = framing_next(&flow->framing, &bytes, &message)) != FRAMING_MORE) {
		if (!take(flow, result, message))
			cut(transport, flow);
	}
	if (flow->state == FLOW_OPEN && framing_is_partial(&flow->framing) && !timer_running(&flow->timer))
		expect_message(flow);
}

void transport_flow_message(struct transport *transport, struct flow *flow, struct slice message)
{
	if (flow->state != FLOW_OPEN)
		return;
	timer_stop(transport->world.timers, &flow->timer);
	/* RFC 7118 6: the keep-alives of RFC 5626 are messages there. */
	if (slice_eq(message, SLICE("\r\n\r\n")))
		(void)take(flow, FRAMING_PING, message);
	else if (slice_eq(message, SLICE("\r\n")))
		flow->framing.awaits_pong = false;
	else if (!take_message(flow, message, SIP_DATAGRAM))
		cut(transport, flow);
}

void transport_prefer_open(const struct transport *transport, struct sip_target *target)
{
	struct sip_target secure = *target;

	secure.protocol = SIP_WSS;
	if (target->protocol == SIP_WS && !flow__near(transport, target) && flow__near(transport, &secure))
		*target = secure;
}

bool transport_find_invalid(const struct transport *transport, struct slice host, struct sip_target *target)
{
	if (!is_invalid(host))
		return false;
	LIST_EACH(&transport->flows, node) {
		const struct flow *flow = LIST_ENTRY(node, struct flow, node);
		if (flow->state == FLOW_OPEN && flow->invalid && slice_ieq(slice_of(flow->invalid), host)) {
			*target = flow->target;
			return true;
		}
	}
	return false;
}

void transport_flow_closed(struct transport *transport, struct flow *flow, enum err err)
{
	(void)transport;
	report(flow, flow->state == FLOW_FAILING ? flow->err : err);
}

void flow_set_local(struct flow *flow, const struct address *local)
{
	flow->target.local = *local;
}

void flow_explain(struct flow *flow, const char *sentence)
{
	free(flow->why);
	flow->why = *sentence ? xstrdup(sentence) : NULL;
}

size_t transport_flow_count(const struct transport *transport)
{
	size_t count = 0;

	LIST_EACH(&transport->flows, node)
		count++;
	return count;
}

void *flow_connection(const struct flow *flow)
{
	return flow->connection;
}

void flow_set_connection(struct flow *flow, void *connection)
{
	flow->connection = connection;
}

const struct sip_target *flow_target(const struct flow *flow)
{
	return &flow->target;
}
