#include "net/connection.h"

#include "net/tls.h"

enum { OVERHEAD = 1024 }; /* what TLS adds to a message of the greatest length, and more */

static bool is_secure(enum sip_protocol protocol)
{
	return protocol == SIP_TLS || protocol == SIP_WSS;
}

enum err wrap_prepare(struct connection *c)
{
	const struct sip_target *target = flow_target(c->flow);
	struct buf why;

	if (!is_secure(c->protocol))
		return ERR_NONE;
	buf_init(&why, TLS_WHY);
	c->tls = c->accepted ? tls_server(c->net->tls, c->protocol == SIP_TLS, &why)
			     : tls_client(c->net->tls, target->name, &target->address, &why);
	if (!c->tls)
		flow_explain(c->flow, buf_text(&why));
	buf_fini(&why);
	return c->tls ? ERR_NONE : ERR_TLS;
}

void wrap_fini(struct connection *c)
{
	tls_free(c->tls);
	c->tls = NULL;
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

void wrap_begin(struct connection *c)
{
	if (!c->tls) {
		opened(c);
		return;
	}
	if (c->flow)
		flow_explain(c->flow, "the TLS handshake was not finished in time");
	tls_start(c->tls);
	enum err err = flush_tls(c);
	if (err)
		connection_fail(c, err, "");
}

static void take_plain(struct connection *c, struct slice bytes)
{
	if (c->flow && c->net->transport)
		transport_flow_bytes(c->net->transport, c->flow, bytes);
}

static void take_secured(struct connection *c, struct slice bytes)
{
	char *plain = (char *)c->net->packets + PACKET_MAX; /* the first packet is what came from the socket */
	enum tls_state state = tls_take(c->tls, bytes);
	size_t n;

	enum err err = flush_tls(c);
	if (state == TLS_OPEN && !c->open)
		opened(c);
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
	if (!c->tls)
		return connection_queue(c, bytes);
	/* What was encrypted must go, or the other side can read nothing more: so the room is looked at before. */
	if (bytes.n + OVERHEAD > connection_room(c))
		return ERR_FULL;
	if (!tls_write(c->tls, bytes))
		return ERR_TLS;
	return flush_tls(c);
}

void wrap_end(struct connection *c)
{
	if (!c->tls)
		return;
	tls_shut(c->tls);
	(void)!flush_tls(c);
}

void wrap_cut(struct connection *c)
{
	if (c->tls && c->flow && !c->open)
		flow_explain(c->flow, "the other side closed the connection during the TLS handshake");
	else if (c->tls && c->flow)
		wrap_end(c);
}
