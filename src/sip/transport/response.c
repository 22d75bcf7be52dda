#include "sip/transport/internal.h"

#include "base/xmalloc.h"

#include <stdio.h>

static enum err send_datagram(struct transport *transport, const struct address *local, const struct address *host,
			      uint16_t port, const struct sip_message *response)
{
	struct address to = *host;

	address_set_port(&to, port);
	return transport__datagram_send(transport, local, &to, response->bytes);
}

static bool is_multicast(const struct address *a)
{
	return address_is_v6(a) ? IN6_IS_ADDR_MULTICAST(&a->u.v6.sin6_addr)
				: IN_MULTICAST(ntohl(a->u.v4.sin_addr.s_addr));
}

/*
 * RFC 3581 4: to the port the request came from when its sender asked so, else to the port of sent-by; the address is
 * that of `received`, which is always the one the packet came from. A maddr counts only where it is a multicast group
 * (18.2.2): any other would let a stranger choose to whom we send.
 */
static enum err send_udp(struct transport *transport, const struct sip_source *source, const struct sip_via *via,
			 const struct sip_message *response)
{
	uint16_t port = via->port ? via->port : sip_protocol_port(SIP_UDP);
	struct address maddr;

	if (via->maddr.n && address_parse_host(&maddr, via->maddr, port) && is_multicast(&maddr))
		return send_datagram(transport, &source->local, &maddr, port, response);
	return send_datagram(transport, &source->local, &source->remote,
			     via->has_rport ? address_port(&source->remote) : port, response);
}

/* 18.2.2: on the connection of the request while it lives, else on another one to the same host at the port of sent-by.
 */
static enum err send_stream(struct transport *transport, const struct sip_source *source, const struct sip_via *via,
			    const struct sip_message *response)
{
	struct flow *flow = flow__by_id(transport, source->flow_id);
	struct sip_target target = { .protocol = source->protocol, .address = source->remote };
	struct address literal;

	if (flow)
		return flow__send(flow, response, false);
	address_set_port(&target.address, via->port ? via->port : sip_protocol_port(source->protocol));
	/* A certificate shows the name the sender gave itself. */
	if (!address_parse_host(&literal, via->host, 0))
		snprintf(target.name, sizeof target.name, "%.*s", SLICE_ARG(via->host));
	enum err err = flow__open(transport, &target, &flow);
	return err ? err : flow__send(flow, response, true);
}

enum err transport_send_response(struct transport *transport, const struct sip_source *source,
				 const struct sip_message *response)
{
	const struct sip_via *via = sip_message_via(response, 0);

	/* A 400 for a Via that nobody can read goes back to where the request came from (RFC 4475 3.1.2.1). */
	if (!via)
		return source->flow_id ? ERR_SYNTAX
				       : send_datagram(transport, &source->local, &source->remote,
						       address_port(&source->remote), response);
	if (sip_protocol_is_stream(source->protocol))
		return send_stream(transport, source, via, response);
	return send_udp(transport, source, via, response);
}

/* ---- responses that go where DNS says (RFC 3263 5) ---- */

void reply__free(struct reply *reply)
{
	reply->transport->reply_count--;
	list_remove(&reply->node);
	sip_message_unref(reply->message);
	free(reply);
}

static enum err send_reply(const struct reply *reply, const struct sip_target *target)
{
	struct transport *transport = reply->transport;
	struct flow *flow;

	if (target->protocol != reply->protocol)
		return ERR_NO_ROUTE;
	if (!sip_protocol_is_stream(target->protocol))
		return transport__datagram_send(transport, &reply->local, &target->address, reply->message->bytes);
	enum err err = flow__open(transport, target, &flow);
	return err ? err : flow__send(flow, reply->message, false);
}

static void found(void *arg, enum err err, const struct sip_target *targets, size_t count)
{
	struct reply *reply = arg;

	if (!count)
		log_line(reply->transport->world.log, LOG_DEBUG, "nowhere to send a response: %s", err_text(err));
	for (size_t i = 0; i < count; i++) {
		if (!send_reply(reply, &targets[i]))
			break;
	}
	reply__free(reply);
}

void reply__look_up(struct transport *transport, const struct sip_message *message, enum sip_protocol protocol,
		    const struct address *local, struct slice host, uint16_t port)
{
	struct sip_hop hop = { .port = port, .has_protocol = true, .protocol = protocol };

	if (transport->reply_count >= REPLIES_MAX || host.n >= sizeof hop.host)
		return;
	memcpy(hop.host, host.p, host.n);
	struct reply *reply = xcalloc(1, sizeof *reply);
	reply->transport = transport;
	reply->message = message__keep(message);
	reply->protocol = protocol;
	reply->local = *local;
	list_append(&transport->replies, &reply->node);
	transport->reply_count++;
	reply->lookup = transport->world.ops->locate(transport->world.net, &hop, found, reply);
}
