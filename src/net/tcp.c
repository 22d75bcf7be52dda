#include "net/connection.h"

#include "net/tls.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { READS_A_TURN = 4, ACCEPTS_A_TURN = 16, BACKLOG = 128 };
#define DRAIN_US (5 * SECOND_US)
#define HANDSHAKE_US (10 * SECOND_US) /* for those who come to us; ours is the transport's patience */

static void set_options(int fd)
{
	int on = 1, idle_s = 60, interval_s = 15, count = 4, user_timeout_ms = 32000;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

enum err tcp_open(const struct address *address, int *fd)
{
	int on = 1;

	*fd = socket(address->u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_from_errno(errno);
	if ((address_is_v6(address) && setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
	    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(*fd, &address->u.any, address_len(address)) != 0 || listen(*fd, BACKLOG) != 0) {
		enum err err = err_from_errno(errno);
		close(*fd);
		*fd = -1;
		return err;
	}
	return ERR_NONE;
}

/* The memory goes at once, or when the handler that we are in returns. */
static void discard(struct connection *c)
{
	if (!c->closed) {
		c->closed = true;
		list_remove(&c->node);
		timer_stop(loop_timers(c->net->loop), &c->timer);
		loop_unwatch(c->watch);
		close(c->fd);
	}
	if (c->busy)
		return;
	wrap_fini(c);
	buf_fini(&c->queue);
	free(c);
}

/* To be called last: the transport may close other things, or the connection may be gone. */
static void tell_closed(struct net *net, struct flow *flow, enum err err)
{
	if (!flow || !net->transport)
		return;
	flow_set_connection(flow, NULL);
	transport_flow_closed(net->transport, flow, err);
}

/* A connection that ends while the keys are agreed on: TLS is what did not come about, however it ended. */
static enum err what_ended(const struct connection *c, enum err err)
{
	if (err && err != ERR_RESET)
		return err;
	return c->tls && tls_state(c->tls) == TLS_HANDSHAKE ? ERR_TLS : ERR_RESET;
}

void connection_fail(struct connection *c, enum err err, const char *why)
{
	struct flow *flow = c->flow;
	struct net *net = c->net;

	if (flow && *why)
		flow_explain(flow, why);
	err = what_ended(c, err);
	c->flow = NULL;
	discard(c);
	tell_closed(net, flow, err);
}

static size_t waiting(const struct connection *c)
{
	return c->queue.n - c->written;
}

static void set_watch(struct connection *c)
{
	int events = c->connecting ? LOOP_WRITE : (c->ended ? 0 : LOOP_READ) | (waiting(c) ? LOOP_WRITE : 0);

	loop_watch_change(c->watch, events);
}

static void on_drain_late(void *arg)
{
	discard(arg);
}

/* Nobody above knows this connection any more: it ends when all that was accepted for sending is sent. */
static void let_drain(struct connection *c)
{
	if (!waiting(c)) {
		discard(c);
		return;
	}
	timer_start(loop_timers(c->net->loop), &c->timer, DRAIN_US, on_drain_late, c);
	set_watch(c);
}

/* @return ERR_NONE, also when the socket takes no more for now */
static enum err write_queue(struct connection *c)
{
	while (waiting(c)) {
		ssize_t n = send(c->fd, c->queue.p + c->written, waiting(c), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? ERR_NONE : err_from_errno(errno);
		c->written += (size_t)n;
	}
	buf_clear(&c->queue);
	c->written = 0;
	return ERR_NONE;
}

void connection_end(struct connection *c, enum err err)
{
	struct flow *flow = c->flow;
	struct net *net = c->net;

	enum err told = what_ended(c, err);
	wrap_cut(c);
	c->ended = true;
	c->flow = NULL;
	if (err)
		discard(c);
	else
		let_drain(c);
	tell_closed(net, flow, told);
}

static void read_stream(struct connection *c)
{
	for (int i = 0; i < READS_A_TURN && !c->closed && !c->ended; i++) {
		ssize_t n = recv(c->fd, c->net->packets, PACKET_MAX, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			connection_end(c, n < 0 ? err_from_errno(errno) : ERR_NONE);
		else
			wrap_received(c, slice_make(c->net->packets, (size_t)n));
	}
}

/* A port of our own in the range of ephemeral ports can be connected with itself. */
static bool is_own_echo(int fd)
{
	struct address local = socket_address(fd), remote = { 0 };
	socklen_t length = sizeof remote.u;

	return getpeername(fd, &remote.u.any, &length) == 0 && address_eq(&local, &remote);
}

static void finish_connect(struct connection *c)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (!error && is_own_echo(c->fd))
		error = ECONNREFUSED;
	if (error) {
		connection_fail(c, err_from_errno(error), "");
		return;
	}
	c->connecting = false;
	set_watch(c);
	wrap_begin(c);
}

static void on_tcp(void *arg, int events)
{
	struct connection *c = arg;

	c->busy = true;
	if (c->connecting) {
		finish_connect(c);
	} else {
		if (!c->ended && events & (LOOP_READ | LOOP_ERROR))
			read_stream(c);
		enum err err = ERR_NONE;
		if (!c->closed && events & (LOOP_WRITE | LOOP_ERROR))
			err = write_queue(c);
		if (!c->closed && err)
			connection_fail(c, err, "");
		else if (!c->closed && !c->flow && !waiting(c))
			discard(c);
		else if (!c->closed)
			set_watch(c);
	}
	c->busy = false;
	if (c->closed)
		discard(c);
}

static struct connection *connection_new(struct net *net, enum sip_protocol protocol, int fd, bool connecting)
{
	struct connection *c = xcalloc(1, sizeof *c);

	c->net = net;
	c->protocol = protocol;
	c->accepted = !connecting;
	c->fd = fd;
	c->connecting = connecting;
	buf_init(&c->queue, CONNECTION_QUEUE_MAX);
	set_options(fd);
	list_append(&net->connections, &c->node);
	c->watch = loop_watch(net->loop, fd, connecting ? LOOP_WRITE : LOOP_READ, on_tcp, c);
	return c;
}

static enum err start_connect(int fd, const struct address *local, const struct address *remote)
{
	int on = 1;

	if (address_is_set(local) && !address_is_any(local)) {
		struct address from = *local;
		address_set_port(&from, 0);
		/* Let the port be chosen at connect(), where the remote is known: far more connections fit. */
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
		if (bind(fd, &from.u.any, address_len(&from)) != 0)
			return err_from_errno(errno);
	}
	if (connect(fd, &remote->u.any, address_len(remote)) != 0 && errno != EINPROGRESS && errno != EINTR)
		return err_from_errno(errno);
	return ERR_NONE;
}

enum err tcp_connect(void *arg, struct flow *flow)
{
	struct net *net = arg;
	const struct sip_target *target = flow_target(flow);
	struct address local = target->local;

	if (!address_is_set(&target->address) || !address_port(&target->address))
		return ERR_NO_ROUTE;
	if (address_is_set(&local) && address_is_v6(&local) != address_is_v6(&target->address))
		local = (struct address){ 0 };
	if (!address_is_set(&local))
		(void)net_local_address(net, target->protocol, &target->address, &local);
	int fd = socket(target->address.u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	struct connection *c = connection_new(net, target->protocol, fd, true);
	c->flow = flow;
	enum err err = wrap_prepare(c);
	if (!err)
		err = start_connect(fd, &local, &target->address);
	if (err) {
		discard(c);
		return err;
	}
	local = socket_address(fd);
	flow_set_local(flow, &local);
	flow_set_connection(flow, c);
	return ERR_NONE;
}

enum err connection_queue(struct connection *c, struct slice bytes)
{
	if (c->written) {
		buf_drop(&c->queue, c->written);
		c->written = 0;
	}
	bool was_empty = !waiting(c);
	if (bytes.n > connection_room(c))
		return ERR_FULL;
	buf_add(&c->queue, bytes);
	/* An error is met again by the next read, which also tells the transport that the flow is gone. */
	enum err err = was_empty ? write_queue(c) : ERR_NONE;
	if (err) {
		buf_clear(&c->queue);
		c->written = 0;
	}
	set_watch(c);
	return err;
}

size_t connection_room(const struct connection *c)
{
	return c->queue.max - waiting(c);
}

enum err tcp_send(void *net, struct flow *flow, struct slice bytes)
{
	struct connection *c = flow_connection(flow);

	(void)net;
	return c && !c->closed && c->open ? wrap_send(c, bytes) : ERR_STATE;
}

void tcp_close(void *net, struct flow *flow)
{
	struct connection *c = flow_connection(flow);

	(void)net;
	flow_set_connection(flow, NULL);
	if (!c || c->closed)
		return;
	c->flow = NULL;
	if (c->connecting) {
		discard(c);
		return;
	}
	wrap_end(c);
	c->ended = true;
	let_drain(c);
}

void tcp_close_all(struct net *net)
{
	while (!list_empty(&net->connections))
		discard(LIST_ENTRY(list_first(&net->connections), struct connection, node));
}

/* Descriptors have run out: take one connection with the spare one and drop it, or the listener stays ready. */
static void refuse_one(struct listener *listener)
{
	struct net *net = listener->net;

	if (net->spare_fd < 0)
		return;
	close(net->spare_fd);
	int fd = accept4(listener->tcp, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* A flood is told once. */
	if (!net->said_refused)
		log_line(net->log, LOG_WARNING, "connections are refused: too many open files");
	net->said_refused = true;
}

static void on_handshake_late(void *arg)
{
	connection_fail(arg, ERR_TIMEOUT, "");
}

/* The one stream among what a listener takes. */
static enum sip_protocol stream_protocol(unsigned protocols)
{
	for (int i = SIP_TCP; i < SIP_PROTOCOLS; i++)
		if (protocols & 1u << i)
			return (enum sip_protocol)i;
	return SIP_TCP;
}

static void adopt(struct listener *listener, int fd, const struct address *remote)
{
	struct net *net = listener->net;
	struct address local = socket_address(fd);

	if (!net->transport) {
		close(fd);
		return;
	}
	struct connection *c = connection_new(net, stream_protocol(listener->protocols), fd, false);
	c->busy = true;
	struct flow *flow = transport_accepted(net->transport, c->protocol, &local, remote, c);
	c->flow = c->closed ? NULL : flow;
	if (flow && !c->closed && wrap_prepare(c) == ERR_NONE)
		wrap_begin(c);
	else if (flow && !c->closed)
		connection_fail(c, ERR_TLS, "");
	c->busy = false;
	if (c->closed || !flow)
		discard(c);
	else if (!c->open)
		timer_start(loop_timers(net->loop), &c->timer, HANDSHAKE_US, on_handshake_late, c);
}

static void on_accept(void *arg, int events)
{
	struct listener *listener = arg;

	(void)events;
	listener->busy = true;
	for (int i = 0; i < ACCEPTS_A_TURN && !listener->closed; i++) {
		struct address remote = { 0 };
		socklen_t length = sizeof remote.u;
		int fd = accept4(listener->tcp, &remote.u.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			listener->net->said_refused = false;
			adopt(listener, fd, &remote);
		} else if (errno == EMFILE || errno == ENFILE) {
			refuse_one(listener);
			break;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			break;
		}
	}
	listener->busy = false;
	if (listener->closed)
		listener_release(listener);
}

void tcp_watch(struct listener *listener)
{
	listener->tcp_watch = loop_watch(listener->net->loop, listener->tcp, LOOP_READ, on_accept, listener);
}
