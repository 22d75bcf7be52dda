#include "net/connection.h"

#include "net/tls.h"
#include "net/websocket.h"

#include <stdio.h>

enum { OVERHEAD = 1024 }; /* what TLS adds to a message of the greatest length, and more */

static bool is_secure(enum sip_protocol protocol)
{
	return protocol == SIP_TLS || protocol == SIP_WSS;
}

static bool is_websocket(enum sip_protocol protocol)
{
	return protocol == SIP_WS || protocol == SIP_WSS;
}

static struct websocket *make_websocket(struct connection *c, const struct sip_target *target)
{
	struct net *net = c->net;
	char text[ADDRESS_TEXT], host[sizeof target->name + 8];
	uint16_t port = address_port(&target->address);

	if (c->accepted)
		return websocket_server(&net->random);
	const char *name = target->name[0] ? target->name : address_print_host(&target->address, true, text);
	if (port == sip_protocol_port(c->protocol))
		snprintf(host, sizeof host, "%s", name);
	else
		snprintf(host, sizeof host, "%s:%u", name, port);
	return websocket_client(&net->random, host, net->ws_path ? net->ws_path : "/");
}

enum err wrap_prepare(struct connection *c)
{
	const struct sip_target *target = flow_target(c->flow);
	struct buf why;

	if (is_websocket(c->protocol))
		c->ws = make_websocket(c, target);
	if (!is_secure(c->protocol))
		return ERR_NONE;
	buf_init(&why, TLS_WHY);
	struct tls_context *context = net_tls_context(c->net, target->security);
	c->tls = c->accepted ? tls_server(context, c->protocol == SIP_TLS, &why)
			     : tls_client(context, target->name, &target->address, &why);
	if (!c->tls)
		flow_explain(c->flow, buf_text(&why));
	buf_fini(&why);
	return c->tls ? ERR_NONE : ERR_TLS;
}

void wrap_fini(struct connection *c)
{
	tls_free(c->tls);
	websocket_free(c->ws);
	c->tls = NULL;
	c->ws = NULL;
}

/* What TLS has to say goes to the socket. */
static enum err flush_tls(struct connection *c)
{
	struct slice wire = tls_wire(c->tls);

	if (!wire.n)
		return ERR_NONE;
	enum err err = connection_queue(c, wire);
	tls_sent(c->tls);
	return err;
}

/* Bytes below WebSocket. */
static enum err send_plain(struct connection *c, struct slice bytes)
{
	if (!c->tls)
		return connection_queue(c, bytes);
	if (!tls_write(c->tls, bytes))
		return ERR_TLS;
	return flush_tls(c);
}

static enum err flush_websocket(struct connection *c)
{
	struct slice wire = websocket_wire(c->ws);

	if (!wire.n)
		return ERR_NONE;
	enum err err = wire.n + OVERHEAD > connection_room(c) ? ERR_FULL : send_plain(c, wire);
	websocket_sent(c->ws);
	return err;
}

static void opened(struct connection *c)
{
	struct address local = socket_address(c->fd);

	c->open = true;
	timer_stop(loop_timers(c->net->loop), &c->timer);
	if (!c->flow)
		return;
	flow_explain(c->flow, "");
	if (!c->accepted && c->net->transport)
		transport_flow_opened(c->net->transport, c->flow, &local);
}

/* The connection below WebSocket is there. */
static void plain_opened(struct connection *c)
{
	if (!c->ws) {
		opened(c);
		return;
	}
	if (c->flow)
		flow_explain(c->flow, "the WebSocket handshake was not finished in time");
	enum err err = flush_websocket(c);
	if (err)
		connection_fail(c, err, "");
}

void wrap_begin(struct connection *c)
{
	if (!c->tls) {
		plain_opened(c);
		return;
	}
	if (c->flow)
		flow_explain(c->flow, "the TLS handshake was not finished in time");
	tls_start(c->tls);
	enum err err = flush_tls(c);
	if (err)
		connection_fail(c, err, "");
}

static void take_websocket(struct connection *c, struct slice bytes)
{
	enum websocket_event event = WEBSOCKET_MORE;
	struct slice message;

	do {
		event = websocket_next(c->ws, &bytes, &message);
		if (event == WEBSOCKET_OPENED)
			opened(c);
		else if (event == WEBSOCKET_MESSAGE && c->flow && c->net->transport)
			transport_flow_message(c->net->transport, c->flow, message);
	} while (!c->closed && (event == WEBSOCKET_OPENED || event == WEBSOCKET_MESSAGE));
	if (c->closed)
		return;
	enum err err = flush_websocket(c);
	if (event == WEBSOCKET_FAILED)
		connection_fail(c, ERR_REFUSED, websocket_why(c->ws));
	else if (err)
		connection_fail(c, err, "");
	else if (event == WEBSOCKET_CLOSED && !c->ended)
		connection_end(c, ERR_NONE);
}

static void take_plain(struct connection *c, struct slice bytes)
{
	if (c->ws)
		take_websocket(c, bytes);
	else if (c->flow && c->net->transport)
		transport_flow_bytes(c->net->transport, c->flow, bytes);
}

static void take_secured(struct connection *c, struct slice bytes)
{
	char *plain = (char *)c->net->packets + PACKET_MAX; /* the first packet is what came from the socket */
	bool shaking = tls_state(c->tls) == TLS_HANDSHAKE;
	enum tls_state state = tls_take(c->tls, bytes);
	size_t n;

	enum err err = flush_tls(c);
	if (state == TLS_OPEN && shaking)
		plain_opened(c);
	while (!c->closed && (n = tls_read(c->tls, plain, PACKET_MAX)) > 0)
		take_plain(c, slice_make(plain, n));
	if (c->closed)
		return;
	if (!err)
		err = flush_tls(c);
	state = tls_state(c->tls);
	if (state == TLS_FAILED)
		connection_fail(c, ERR_TLS, tls_why(c->tls));
	else if (err)
		connection_fail(c, err, "");
	else if (state == TLS_ENDED && !c->ended)
		connection_end(c, ERR_NONE);
}

void wrap_received(struct connection *c, struct slice bytes)
{
	if (c->tls)
		take_secured(c, bytes);
	else
		take_plain(c, bytes);
}

enum err wrap_send(struct connection *c, struct slice bytes)
{
	/* What was encrypted must go, or the other side can read nothing more: so the room is looked at before. */
	if (bytes.n + OVERHEAD > connection_room(c))
		return ERR_FULL;
	if (!c->ws)
		return send_plain(c, bytes);
	return websocket_send(c->ws, bytes) ? flush_websocket(c) : ERR_FULL;
}

void wrap_end(struct connection *c)
{
	if (c->ws) {
		websocket_close(c->ws);
		(void)!flush_websocket(c);
	}
	if (!c->tls)
		return;
	tls_shut(c->tls);
	(void)!flush_tls(c);
}

void wrap_cut(struct connection *c)
{
	if (!c->tls && !c->ws)
		return;
	if (c->flow && !c->open)
		flow_explain(c->flow, c->tls && tls_state(c->tls) == TLS_HANDSHAKE
					      ? "the other side closed the connection during the TLS handshake"
					      : "the other side closed the connection during the WebSocket handshake");
	else
		wrap_end(c);
}

bool wrap_proves(void *net, const struct flow *flow, struct slice domain)
{
	const struct connection *c = flow_connection(flow);

	(void)net;
	return c && c->tls && c->open && tls_peer_is(c->tls, domain);
}
