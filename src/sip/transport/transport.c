#include "sip/transport/internal.h"

#include "base/xmalloc.h"

#define NO_STREAM_US (600 * SECOND_US)

/* ---- the protocols ---- */

static const struct {
	struct slice name;
	bool stream;
	uint16_t port;
} protocols[SIP_PROTOCOLS] = {
	[SIP_UDP] = { SLICE_INIT("UDP"), false, 5060 },
	[SIP_TCP] = { SLICE_INIT("TCP"), true, 5060 },
	[SIP_TLS] = { SLICE_INIT("TLS"), true, 5061 },
	[SIP_WS] = { SLICE_INIT("WS"), true, 80 },
	[SIP_WSS] = { SLICE_INIT("WSS"), true, 443 },
};

struct slice sip_protocol_name(enum sip_protocol protocol)
{
	return protocols[protocol].name;
}

bool sip_protocol_find(struct slice name, enum sip_protocol *protocol)
{
	for (int i = 0; i < SIP_PROTOCOLS; i++) {
		if (slice_ieq(name, protocols[i].name)) {
			*protocol = (enum sip_protocol)i;
			return true;
		}
	}
	return false;
}

bool sip_protocol_is_stream(enum sip_protocol protocol)
{
	return protocols[protocol].stream;
}

uint16_t sip_protocol_port(enum sip_protocol protocol)
{
	return protocols[protocol].port;
}

/* ---- the object ---- */

struct transport *transport_new(const struct sip_world *world, const struct transport_handlers *handlers)
{
	struct transport *transport = xcalloc(1, sizeof *transport);

	transport->world = *world;
	transport->handlers = *handlers;
	transport->settings = (struct transport_settings){
		.udp_limit = 1300,
		.keep_alive_us = 25 * SECOND_US,
		.max_flows = 256,
	};
	list_init(&transport->flows);
	map_init(&transport->flows_by_id, world->random);
	map_init(&transport->flows_by_target, world->random);
	map_init(&transport->flows_by_alias, world->random);
	list_init(&transport->keep_alives);
	list_init(&transport->replies);
	list_init(&transport->races);
	random_fill(world->random, transport->tag_key, sizeof transport->tag_key);
	return transport;
}

void transport_free(struct transport *transport)
{
	const struct sip_world *world = &transport->world;

	races__free(transport);
	LIST_EACH(&transport->keep_alives, node)
		keep_alive__free(LIST_ENTRY(node, struct keep_alive, node));
	LIST_EACH(&transport->replies, node) {
		struct reply *reply = LIST_ENTRY(node, struct reply, node);
		world->ops->locate_cancel(world->net, reply->lookup);
		reply__free(reply);
	}
	LIST_EACH(&transport->flows, node) {
		struct flow *flow = LIST_ENTRY(node, struct flow, node);
		world->ops->close(world->net, flow);
		flow__free(flow);
	}
	map_fini(&transport->flows_by_id);
	map_fini(&transport->flows_by_target);
	map_fini(&transport->flows_by_alias);
	free(transport->why);
	free(transport);
}

struct transport_settings *transport_settings(struct transport *transport)
{
	return &transport->settings;
}

const struct transport_counters *transport_counters(const struct transport *transport)
{
	return &transport->counters;
}

void transport__trace(struct transport *transport, bool sent, enum sip_protocol protocol, const struct address *local,
		      const struct address *remote, struct slice bytes)
{
	struct sip_wire wire = {
		.sent = sent, .protocol = protocol, .local = *local, .remote = *remote, .bytes = bytes
	};

	if (transport->handlers.wire)
		transport->handlers.wire(transport->handlers.arg, &wire);
}

/* ---- who we are ---- */

bool transport__sent_by_ours(const struct transport *transport, const struct address *address)
{
	for (size_t i = 0; i < SENT_BY_MAX; i++) {
		if (address_is_set(&transport->sent_by[i]) && address_eq(&transport->sent_by[i], address))
			return true;
	}
	return false;
}

static void remember_sent_by(struct transport *transport, const struct address *address)
{
	if (!transport__sent_by_ours(transport, address))
		transport->sent_by[transport->sent_by_next++ % SENT_BY_MAX] = *address;
}

bool transport_sent_by(struct transport *transport, const struct sip_target *target, char text[ADDRESS_TEXT])
{
	const struct sip_world *world = &transport->world;
	struct address local;

	/* The listening port is what a peer can reach; that of a connection of ours only where there is no other. */
	if (!world->ops->local_address(world->net, target->protocol, &target->address, &local))
		return false;
	if (address_is_set(&target->local) && !sip_protocol_is_stream(target->protocol))
		local = target->local;
	if (!address_port(&local)) {
		struct flow *flow = flow__near(transport, target);
		if (!flow && flow__open(transport, target, &flow))
			return false;
		local = flow->target.local;
	}
	remember_sent_by(transport, &local);
	address_print(&local, text);
	return true;
}

bool transport_says_alias(const struct transport *transport, const struct sip_target *target)
{
	return transport->settings.alias && target->protocol == SIP_TLS;
}

bool transport_reached_by_flow(struct transport *transport, const struct sip_target *target)
{
	const struct sip_world *world = &transport->world;
	struct address local;

	return sip_protocol_is_stream(target->protocol) &&
	       world->ops->local_address(world->net, target->protocol, &target->address, &local) &&
	       !address_port(&local);
}

bool transport_failed_was_ours(const struct transport *transport)
{
	return transport->was_ours;
}

struct slice transport_explanation(const struct transport *transport)
{
	return slice_of(transport->why);
}

/* ---- UDP or TCP by size (18.1.1) ---- */

static bool stream_refused(const struct transport *transport, const struct address *remote)
{
	for (size_t i = 0; i < NO_STREAM_MAX; i++) {
		if (transport->no_stream[i].until_us > transport->world.timers->now_us &&
		    address_eq(&transport->no_stream[i].remote, remote))
			return true;
	}
	return false;
}

enum sip_protocol transport_choose(struct transport *transport, const struct sip_target *target, size_t bytes)
{
	const struct sip_world *world = &transport->world;
	size_t limit = transport->settings.udp_limit;
	struct address local;

	if (target->protocol != SIP_UDP || !limit || bytes <= limit || stream_refused(transport, &target->address))
		return target->protocol;
	return world->ops->local_address(world->net, SIP_TCP, &target->address, &local) ? SIP_TCP : SIP_UDP;
}

void transport_no_stream(struct transport *transport, const struct address *remote)
{
	size_t slot = transport->no_stream_next;

	for (size_t i = 0; i < NO_STREAM_MAX; i++) {
		if (address_is_set(&transport->no_stream[i].remote) &&
		    address_eq(&transport->no_stream[i].remote, remote))
			slot = i;
	}
	if (slot == transport->no_stream_next)
		transport->no_stream_next = (slot + 1) % NO_STREAM_MAX;
	transport->no_stream[slot].remote = *remote;
	transport->no_stream[slot].until_us = transport->world.timers->now_us + NO_STREAM_US;
}

/* ---- out ---- */

enum err transport__datagram_send(struct transport *transport, const struct address *local,
				  const struct address *remote, struct slice bytes)
{
	enum err err = transport->world.ops->send_datagram(transport->world.net, local, remote, bytes);

	if (!err)
		transport__trace(transport, true, SIP_UDP, local, remote, bytes);
	return err;
}

bool transport_is_connected(const struct transport *transport, const struct sip_target *target)
{
	const struct flow *flow = sip_protocol_is_stream(target->protocol) ? flow__to(transport, target) : NULL;

	return flow && flow->state == FLOW_OPEN;
}

enum err transport_connect(struct transport *transport, const struct sip_target *target)
{
	struct flow *flow;

	free(transport->why);
	transport->why = NULL;
	return sip_protocol_is_stream(target->protocol) ? flow__open(transport, target, &flow) : ERR_NONE;
}

enum err transport_send_request(struct transport *transport, const struct sip_target *target,
				const struct sip_message *request, uint64_t *flow_id)
{
	const struct sip_world *world = &transport->world;
	struct address local = target->local;
	struct flow *flow;

	*flow_id = 0;
	free(transport->why);
	transport->why = NULL;
	if (sip_protocol_is_stream(target->protocol)) {
		enum err err = flow__open(transport, target, &flow);
		if (err)
			return err;
		*flow_id = flow->id;
		return flow__send(flow, request, false);
	}
	if (!address_is_set(&local) &&
	    !world->ops->local_address(world->net, target->protocol, &target->address, &local))
		return ERR_NO_ROUTE;
	return transport__datagram_send(transport, &local, &target->address, request->bytes);
}

/* ---- in ---- */

void transport_datagram_failed(struct transport *transport, const struct address *remote, enum err err)
{
	free(transport->why);
	transport->why = NULL;
	transport->was_ours = false;
	transport->handlers.failed(transport->handlers.arg, SIP_UDP, remote, 0, err);
}
