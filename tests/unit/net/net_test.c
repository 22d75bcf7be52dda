/* Sockets over the real loopback: datagrams, ICMP, connections, RTP pairs. */
#include "fake_transport.h"

#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

static int setup(void **state)
{
	*state = fake_transport_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	fake_transport_free(*state);
	return 0;
}

static bool has_datagram(struct transport *t)
{
	return t->datagrams > 0;
}

static bool has_wanted(struct transport *t)
{
	return t->datagrams == t->wanted;
}

static bool has_passed(struct transport *t)
{
	return t->passed;
}

static void pass(void *arg)
{
	struct transport *t = arg;

	t->passed = true;
}

static void pass_on_signal(void *arg, int number)
{
	(void)number;
	pass(arg);
}

static bool has_flow(struct transport *t)
{
	return t->flow_count == 1;
}

static bool has_failure(struct transport *t)
{
	return t->failures > 0;
}

static const struct address none;

/* A socket of the test itself, bound to a loopback address. */
static int plain_socket(const char *host, int type, struct address *bound)
{
	struct address address = fake_address(host);
	socklen_t length = sizeof bound->u;
	int fd = socket(address.u.any.sa_family, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address.u.any, address_len(&address)), 0);
	*bound = (struct address){ 0 };
	assert_int_equal(getsockname(fd, &bound->u.any, &length), 0);
	return fd;
}

static void test_port_0_is_the_same_for_udp_and_tcp(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0"), again = bound, other;
	enum err err;

	assert_true(address_port(&bound) > 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, &bound.u.any, address_len(&bound)), 0);
	close(fd);
	assert_false(net_listen(t->net, NET_PLAIN, &again, &err));
	assert_int_equal(err, ERR_ADDRESS_IN_USE);
	other = fake_listen(t, "127.0.0.2:0");
	assert_false(address_eq(&bound, &other));
	assert_true(net_bound(t->net, 0, &again, NULL));
	assert_true(address_eq(&again, &bound));
	assert_false(net_bound(t->net, 2, &again, NULL));
	net_close_listeners(t->net);
	assert_false(net_bound(t->net, 0, &again, NULL));
}

static void test_a_foreign_address_is_refused(void **state)
{
	struct transport *t = *state;
	struct address foreign = fake_address("192.0.2.77:0");
	enum err err;

	assert_false(net_listen(t->net, NET_PLAIN, &foreign, &err));
	assert_int_equal(err, ERR_UNREACHABLE);
}

static void exchange(struct transport *t, const char *listen_on, const char *peer_host, const char *reached_as)
{
	struct address bound = fake_listen(t, listen_on), peer, from = { 0 }, to = fake_address(reached_as);
	socklen_t length = sizeof from.u;
	char text[16];
	int fd = plain_socket(peer_host, SOCK_DGRAM, &peer);

	address_set_port(&to, address_port(&bound));
	assert_int_equal(sendto(fd, "hello", 5, 0, &to.u.any, address_len(&to)), 5);
	t->datagrams = 0;
	fake_await(t, has_datagram);
	assert_int_equal(t->last_bytes, 5);
	assert_memory_equal(t->last, "hello", 5);
	assert_true(address_eq(&t->remote, &peer));
	/* The address it came to, also when the socket is bound to all of them; and the answer leaves from there. */
	assert_true(address_eq(&t->local, &to));
	assert_int_equal(net_ops()->send_datagram(t->net, &t->local, &t->remote, SLICE("answer")), ERR_NONE);
	assert_int_equal(recvfrom(fd, text, sizeof text, 0, &from.u.any, &length), 6);
	assert_true(address_eq(&from, &to));
	/* Without a local address the route decides. */
	assert_int_equal(net_ops()->send_datagram(t->net, &none, &peer, SLICE("x")), ERR_NONE);
	assert_int_equal(recv(fd, text, sizeof text, 0), 1);
	close(fd);
}

static void test_datagrams_on_one_address(void **state)
{
	exchange(*state, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0");
}

static void test_datagrams_on_all_addresses_answer_from_where_they_came_to(void **state)
{
	exchange(*state, "0.0.0.0:0", "127.0.0.1:0", "127.0.0.77:0");
}

static void test_datagrams_on_ipv6(void **state)
{
	if (!fake_has_v6())
		skip();
	exchange(*state, "[::1]:0", "[::1]:0", "[::1]:0");
	exchange(*state, "[::]:0", "[::1]:0", "[::1]:0");
}

static void test_many_datagrams_in_one_turn_and_large_ones(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0"), peer;
	int fd = plain_socket("127.0.0.1:0", SOCK_DGRAM, &peer);
	static char large[65507];

	for (int i = 0; i < 50; i++)
		assert_int_equal(sendto(fd, "x", 1, 0, &bound.u.any, address_len(&bound)), 1);
	memset(large, 'y', sizeof large);
	assert_int_equal(sendto(fd, large, sizeof large, 0, &bound.u.any, address_len(&bound)), sizeof large);
	t->wanted = 51;
	fake_await(t, has_wanted);
	assert_int_equal(t->last_bytes, sizeof large);
	assert_memory_equal(t->last, large, sizeof large);
	assert_int_equal(net_ops()->send_datagram(t->net, &none, &peer, slice_make(large, sizeof large)), ERR_NONE);
	static char too_large[66000];
	assert_int_equal(net_ops()->send_datagram(t->net, &none, &peer, slice_make(too_large, sizeof too_large)),
			 ERR_TOO_BIG);
	close(fd);
}

static void icmp(struct transport *t, const char *host)
{
	struct address bound = fake_listen(t, host), dead, living;
	int fd = plain_socket(host, SOCK_DGRAM, &dead), other = plain_socket(host, SOCK_DGRAM, &living);
	char text[8];

	close(fd);
	(void)bound;
	t->failures = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(net_ops()->send_datagram(t->net, &none, &dead, SLICE("anybody?")), ERR_NONE);
	/* The error that waits is not taken for this datagram's. */
	assert_int_equal(net_ops()->send_datagram(t->net, &none, &living, SLICE("you")), ERR_NONE);
	assert_int_equal(recv(other, text, sizeof text, 0), 3);
	fake_await(t, has_failure);
	assert_int_equal(t->failures, 1);
	assert_true(address_eq(&t->failed, &dead));
	assert_int_equal(t->failed_err, ERR_REFUSED);
	close(other);
}

static void test_a_dead_port_is_told_once(void **state)
{
	icmp(*state, "127.0.0.1:0");
	if (fake_has_v6())
		icmp(*state, "[::1]:0");
}

/* The connection was closed: then what came before it was read too. */
static void attach_and_send(void *arg, int events)
{
	struct transport *t = arg;

	(void)events;
	if (t->passed)
		return;
	t->passed = true;
	net_attach(t->net, t);
	assert_int_equal(sendto(t->fd, "z", 1, 0, &t->bound.u.any, address_len(&t->bound)), 1);
}

static void test_nobody_attached_and_no_listener(void **state)
{
	struct transport *t = *state;
	struct address peer, local, bound;
	int fd = plain_socket("127.0.0.1:0", SOCK_DGRAM, &peer);

	assert_int_equal(net_ops()->send_datagram(t->net, &none, &peer, SLICE("x")), ERR_NO_ROUTE);
	assert_false(net_ops()->local_address(t->net, SIP_UDP, &peer, &local));
	bound = fake_listen(t, "127.0.0.1:0");
	net_attach(t->net, NULL);
	assert_int_equal(sendto(fd, "x", 1, 0, &bound.u.any, address_len(&bound)), 1);
	int stream = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(stream, &bound.u.any, address_len(&bound)), 0);
	t->fd = fd;
	t->bound = bound;
	t->passed = false;
	struct loop_watch *watch = loop_watch(t->loop, stream, LOOP_READ, attach_and_send, t);
	fake_await(t, has_datagram);
	loop_unwatch(watch);
	assert_int_equal(t->datagrams, 1);
	assert_int_equal(t->last[0], 'z');
	assert_int_equal(t->flow_count, 0);
	close(stream);
	close(fd);
}

static void test_local_address_follows_the_route_and_the_listeners(void **state)
{
	struct transport *t = *state;
	struct address any = fake_listen(t, "0.0.0.0:0"), local, remote = fake_address("127.0.0.1:5060");
	struct address v6 = fake_address("[::1]:5060"), outside = fake_address("192.0.2.1:5060");

	assert_true(net_ops()->local_address(t->net, SIP_UDP, &remote, &local));
	assert_true(address_is_loopback(&local));
	assert_int_equal(address_port(&local), address_port(&any));
	assert_true(net_ops()->local_address(t->net, SIP_TCP, &remote, &local));
	/* Nothing listens for TLS, yet we reach others by it. */
	assert_true(net_ops()->local_address(t->net, SIP_TLS, &remote, &local));
	assert_true(address_is_loopback(&local));
	assert_int_equal(address_port(&local), 0);
	assert_false(net_ops()->local_address(t->net, SIP_UDP, &v6, &local));
	/* The listener whose address the route leaves from is better than the one on all addresses. */
	struct address exact = fake_listen(t, "127.0.0.1:0");
	assert_true(net_ops()->local_address(t->net, SIP_UDP, &remote, &local));
	assert_true(address_eq(&local, &exact));
	net_close_listeners(t->net);
	fake_listen(t, "127.0.0.2:0");
	assert_true(net_ops()->local_address(t->net, SIP_UDP, &remote, &local));
	assert_true(address_is_loopback(&local));
	assert_false(net_ops()->local_address(t->net, SIP_UDP, &outside, &local));
}

/* ---- connections ---- */

static bool opened(struct transport *t)
{
	return t->flow_count == 2 && t->flows[0]->opened;
}

static bool any_closed(struct transport *t)
{
	for (size_t i = 0; i < t->flow_count; i++)
		if (t->flows[i]->closed)
			return true;
	return false;
}

/* flows[0] connects to flows[1], both ours. */
static void connect_pair(struct transport *t, const char *host)
{
	struct address bound = fake_listen(t, host);
	struct flow *flow = fake_flow(t);

	flow->target.protocol = SIP_TCP;
	flow->target.address = bound;
	assert_int_equal(net_ops()->connect(t->net, flow), ERR_NONE);
	assert_false(flow->opened);
	assert_int_equal(net_ops()->send_stream(t->net, flow, SLICE("early")), ERR_STATE);
	fake_await(t, opened);
	assert_true(t->flows[1]->accepted);
	assert_true(address_eq(&t->flows[1]->remote, &flow->local));
	assert_true(address_eq(&t->flows[1]->local, &bound));
}

static bool echoed(struct transport *t)
{
	return t->flows[0]->bytes.n == 5;
}

static void test_a_connection_both_ways(void **state)
{
	struct transport *t = *state;

	t->echo_flows = false;
	connect_pair(t, "127.0.0.1:0");
	assert_int_equal(net_ops()->send_stream(t->net, t->flows[1], SLICE("hello")), ERR_NONE);
	fake_await(t, echoed);
	assert_string_equal(buf_text(&t->flows[0]->bytes), "hello");
	net_ops()->close(t->net, t->flows[0]);
	fake_await(t, any_closed);
	assert_false(t->flows[0]->closed); /* we closed it: nothing is reported */
	assert_true(t->flows[1]->closed);
	assert_int_equal(t->flows[1]->err, ERR_RESET);
}

static void test_a_connection_over_ipv6(void **state)
{
	if (!fake_has_v6())
		skip();
	connect_pair(*state, "[::1]:0");
}

static void test_a_bound_source(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0");
	struct flow *flow = fake_flow(t);

	flow->target =
		(struct sip_target){ .protocol = SIP_TCP, .address = bound, .local = fake_address("127.0.0.9:4711") };
	assert_int_equal(net_ops()->connect(t->net, flow), ERR_NONE);
	fake_await(t, opened);
	struct address host = fake_address("127.0.0.9:0");
	assert_true(address_same_host(&t->flows[1]->remote, &host));
	assert_true(address_same_host(&flow->local, &host));
}

static void test_a_refused_connection(void **state)
{
	struct transport *t = *state;
	struct address dead;
	int fd = plain_socket("127.0.0.1:0", SOCK_STREAM, &dead);
	struct flow *flow = fake_flow(t);

	close(fd);
	fake_listen(t, "127.0.0.1:0");
	flow->target = (struct sip_target){ .protocol = SIP_TCP, .address = dead };
	assert_int_equal(net_ops()->connect(t->net, flow), ERR_NONE);
	fake_await(t, any_closed);
	assert_int_equal(flow->err, ERR_REFUSED);
	assert_null(flow->connection);
}

static void test_a_connection_that_nobody_wants_is_closed(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0");
	struct flow *flow = fake_flow(t);

	t->refuse_flows = true;
	flow->target = (struct sip_target){ .protocol = SIP_TCP, .address = bound };
	assert_int_equal(net_ops()->connect(t->net, flow), ERR_NONE);
	fake_await(t, any_closed);
	assert_int_equal(t->flow_count, 1);
	assert_int_equal(flow->err, ERR_RESET);
}

static void test_a_peer_that_does_not_read_fills_a_bounded_queue(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0");
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
	static char block[65536];
	enum err err = ERR_NONE;
	size_t sent = 0, got = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	assert_int_equal(connect(fd, &bound.u.any, address_len(&bound)), 0);
	fake_await(t, has_flow);
	for (int i = 0; i < 1000 && !err; i++) {
		memset(block, 'a' + i % 26, sizeof block);
		err = net_ops()->send_stream(t->net, t->flows[0], slice_make(block, sizeof block));
		sent += err ? 0 : sizeof block;
	}
	assert_int_equal(err, ERR_FULL);
	assert_in_range(sent, 1 << 19, 32 << 20);
	/* What was accepted arrives whole and in order once the peer reads, though the flow is closed meanwhile. */
	net_ops()->close(t->net, t->flows[0]);
	struct loop_signal *signal = loop_signal(t->loop, SIGCHLD, pass_on_signal, t);
	pid_t pid = fork();
	if (pid == 0) {
		ssize_t n;
		for (int i = 3; i < 1024; i++)
			if (i != fd)
				close(i); /* above all the other end */
		while ((n = read(fd, block, sizeof block)) > 0)
			for (ssize_t i = 0; i < n; i++, got++)
				if (block[i] != (char)('a' + got / sizeof block % 26))
					_exit(2);
		_exit(n == 0 && got == sent ? 0 : 3);
	}
	assert_true(pid > 0);
	close(fd);
	fake_await(t, has_passed);
	loop_signal_free(signal);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_half_close_still_gets_its_answer(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[16] = "";

	t->echo_flows = true;
	assert_int_equal(connect(fd, &bound.u.any, address_len(&bound)), 0);
	assert_int_equal(send(fd, "question", 8, 0), 8);
	shutdown(fd, SHUT_WR);
	fake_await(t, any_closed);
	assert_int_equal(recv(fd, text, sizeof text, MSG_WAITALL), 8);
	assert_string_equal(text, "question");
	close(fd);
}

static bool first_closed(struct transport *t)
{
	return t->flows[0]->closed;
}

static void test_close_inside_the_handler(void **state)
{
	struct transport *t = *state;

	t->close_at_bytes = true;
	connect_pair(t, "127.0.0.1:0");
	assert_int_equal(net_ops()->send_stream(t->net, t->flows[0], SLICE("die")), ERR_NONE);
	fake_await(t, first_closed);
	assert_int_equal(t->flows[0]->err, ERR_RESET);
}

static void test_a_reset_is_told(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger hard = { 1, 0 };

	assert_int_equal(connect(fd, &bound.u.any, address_len(&bound)), 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
	fake_await(t, any_closed);
	assert_int_equal(t->flows[0]->err, ERR_RESET);
}

static void pass_readable(void *arg, int events)
{
	(void)events;
	pass(arg);
}

static void test_out_of_descriptors_the_listener_does_not_spin(void **state)
{
	struct transport *t = *state;
	struct address bound = fake_listen(t, "127.0.0.1:0");
	int fd = socket(AF_INET, SOCK_STREAM, 0), held[1024], count = 0;
	struct rlimit limit, low;
	char byte;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (count < 1024 && (held[count] = dup(fd)) >= 0)
		count++;
	assert_int_equal(connect(fd, &bound.u.any, address_len(&bound)), 0);
	t->passed = false;
	struct loop_watch *watch = loop_watch(t->loop, fd, LOOP_READ, pass_readable, t);
	fake_await(t, has_passed);
	loop_unwatch(watch);
	assert_int_equal(t->flow_count, 0);
	while (count > 0)
		close(held[--count]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(recv(fd, &byte, 1, 0) <= 0); /* refused, not forgotten */
	close(fd);
}

/* ---- RTP ---- */

static void test_rtp_pair(void **state)
{
	struct address host = fake_address("127.0.0.1:0"), bound, second, rtcp = { 0 };
	int fds[2], more[2], value = 0;
	socklen_t length = sizeof rtcp.u, value_length = sizeof value;
	enum err err;
	struct net_ports *ports = net_ports_new(), *others = net_ports_new();
	/* Four ports below the ephemeral ones, of this process's own: tests run side by side. */
	uint16_t low = (uint16_t)(20001 + getpid() % 1000 * 10), high = (uint16_t)(low + 4);

	(void)state;
	assert_true(net_rtp_pair(ports, &host, low, high, &fds[0], &fds[1], &bound, &err));
	assert_true(address_port(&bound) == low + 1 || address_port(&bound) == low + 3);
	assert_int_equal(getsockname(fds[1], &rtcp.u.any, &length), 0);
	assert_int_equal(address_port(&rtcp), address_port(&bound) + 1);
	assert_int_equal(getsockopt(fds[0], IPPROTO_IP, IP_TOS, &value, &value_length), 0);
	assert_int_equal(value, 0xb8);
	assert_int_equal(getsockopt(fds[0], SOL_SOCKET, SO_TIMESTAMPNS, &value, &value_length), 0);
	assert_int_equal(value, 1);
	char byte;
	assert_int_equal(recv(fds[0], &byte, 1, 0), -1); /* does not block */
	assert_true(net_rtp_pair(ports, &host, low, high, &more[0], &more[1], &second, &err));
	assert_int_equal(address_port(&second), 2 * low + 4 - address_port(&bound));
	int none_left[2];
	assert_false(net_rtp_pair(ports, &host, low, high, &none_left[0], &none_left[1], &bound, &err));
	assert_int_equal(err, ERR_ADDRESS_IN_USE);
	struct address first = { 0 }, elsewhere = fake_address("127.0.0.2:0");
	length = sizeof first.u;
	assert_int_equal(getsockname(fds[0], &first.u.any, &length), 0);
	assert_true(net_rtp_full(ports, &host, low, high));
	assert_false(net_rtp_full(ports, &elsewhere, low, high));
	/* One that is let go is the one that is got next; what is only closed is not tried. */
	close(fds[0]);
	close(fds[1]);
	assert_false(net_rtp_pair(ports, &host, low, high, &none_left[0], &none_left[1], &bound, &err));
	net_rtp_release(ports, &first);
	net_rtp_release(ports, &first);
	assert_false(net_rtp_full(ports, &host, low, high));
	assert_true(net_rtp_pair(ports, &host, low, high, &fds[0], &fds[1], &bound, &err));
	assert_int_equal(address_port(&bound), address_port(&first));
	net_rtp_release(ports, &bound);
	net_rtp_release(ports, &second);
	/* What others hold is passed over. */
	assert_true(net_rtp_pair(others, &host, (uint16_t)(low + 4), (uint16_t)(low + 8), &none_left[0], &none_left[1],
				 &bound, &err));
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(more[i]);
		close(none_left[i]);
	}
	assert_false(net_rtp_pair(ports, &host, 30001, 30002, &fds[0], &fds[1], &bound, &err));
	assert_int_equal(err, ERR_RANGE);
	assert_false(net_rtp_pair(ports, &host, 30010, 30000, &fds[0], &fds[1], &bound, &err));
	assert_int_equal(err, ERR_RANGE);
	struct address foreign = fake_address("192.0.2.77:0");
	assert_false(net_rtp_pair(ports, &foreign, 30000, 30010, &fds[0], &fds[1], &bound, &err));
	assert_int_equal(err, ERR_UNREACHABLE);
	assert_true(net_rtp_pair(ports, &host, 65534, 65535, &fds[0], &fds[1], &bound, &err));
	assert_int_equal(address_port(&bound), 65534);
	close(fds[0]);
	close(fds[1]);
	net_ports_free(ports);
	net_ports_free(others);
}

static uint16_t port_of(int fd)
{
	struct address bound = { 0 };
	socklen_t length = sizeof bound.u;

	assert_int_equal(getsockname(fd, &bound.u.any, &length), 0);
	return address_port(&bound);
}

/* One pair ahead: who asks next gets it, it keeps nobody from the last ports, which are free when it is gone. */
static void test_rtp_spare(void **state)
{
	struct address host = fake_address("127.0.0.1:0"), bound;
	struct net_ports *ports = net_ports_new(), *others = net_ports_new();
	uint16_t low = (uint16_t)(20001 + getpid() % 1000 * 10), high = (uint16_t)(low + 4);
	int fds[2], more[2];
	enum err err;

	(void)state;
	assert_false(net_rtp_prepare(ports)); /* nobody asked */
	assert_true(net_rtp_pair(ports, &host, low, high, &fds[0], &fds[1], &bound, &err));
	assert_true(net_rtp_prepare(ports));
	assert_false(net_rtp_prepare(ports));
	assert_false(net_rtp_full(ports, &host, low, high));
	assert_false(net_rtp_pair(others, &host, low, high, &more[0], &more[1], &bound, &err)); /* it is bound */
	assert_true(net_rtp_pair(ports, &host, low, high, &more[0], &more[1], &bound, &err));
	assert_int_equal(port_of(more[0]), address_port(&bound));
	assert_int_equal(port_of(more[0]) + 1, port_of(more[1]));
	assert_int_equal(port_of(fds[0]) + port_of(more[0]), 2 * low + 4);
	assert_true(net_rtp_full(ports, &host, low, high));
	assert_false(net_rtp_prepare(ports)); /* there is none left */
	close(fds[0]);
	close(fds[1]);
	bound = fake_address("127.0.0.1:0");
	address_set_port(&bound, (uint16_t)(2 * low + 4 - port_of(more[0])));
	net_rtp_release(ports, &bound);
	/* Of no use to another range: that has a pair of its own, and the next spare. */
	assert_true(net_rtp_pair(ports, &host, low, high, &fds[0], &fds[1], &bound, &err));
	close(fds[0]);
	close(fds[1]);
	net_rtp_release(ports, &bound);
	assert_true(net_rtp_prepare(ports));
	assert_true(net_rtp_pair(ports, &host, (uint16_t)(low + 4), (uint16_t)(low + 8), &fds[0], &fds[1], &bound,
				 &err));
	assert_true(port_of(fds[0]) > low + 4);
	net_rtp_drop_spare(ports);
	close(fds[0]);
	close(fds[1]);
	assert_true(net_rtp_pair(others, &host, low, high, &fds[0], &fds[1], &bound, &err));
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(more[i]);
	}
	net_ports_free(ports);
	net_ports_free(others);
}

/* Sockets of ours on loopback are ours, also those bound to all addresses; where nobody is, and elsewhere, it is
 * nobody. */
static void test_whose_socket_it_is(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "::1", "::" };
	struct address bound, asked;

	(void)state;
	if (access("/proc/net/udp", R_OK))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		for (int stream = 0; stream < 2; stream++) {
			socklen_t n = sizeof bound.u;
			assert_true(address_parse_host(&bound, slice_of(hosts[i]), 0));
			int fd = socket(bound.u.any.sa_family, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
			assert_true(fd >= 0);
			assert_int_equal(bind(fd, &bound.u.any, address_len(&bound)), 0);
			if (stream)
				assert_int_equal(listen(fd, 1), 0);
			assert_int_equal(getsockname(fd, &bound.u.any, &n), 0);
			assert_true(address_parse_host(&asked, i < 2 ? SLICE("127.0.0.1") : SLICE("::1"),
						       address_port(&bound)));
			assert_true(net_is_own_user(&asked, stream));
			if (i != 1 && i != 3)
				assert_false(net_is_own_user(&(struct address){ 0 }, stream));
			close(fd);
			assert_false(net_is_own_user(&asked, stream));
		}
	assert_true(address_parse_host(&asked, SLICE("192.0.2.1"), 5060));
	assert_false(net_is_own_user(&asked, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_port_0_is_the_same_for_udp_and_tcp),
		T(test_a_foreign_address_is_refused),
		T(test_whose_socket_it_is),
		T(test_datagrams_on_one_address),
		T(test_datagrams_on_all_addresses_answer_from_where_they_came_to),
		T(test_datagrams_on_ipv6),
		T(test_many_datagrams_in_one_turn_and_large_ones),
		T(test_a_dead_port_is_told_once),
		T(test_nobody_attached_and_no_listener),
		T(test_local_address_follows_the_route_and_the_listeners),
		T(test_a_connection_both_ways),
		T(test_a_connection_over_ipv6),
		T(test_a_bound_source),
		T(test_a_refused_connection),
		T(test_a_connection_that_nobody_wants_is_closed),
		T(test_a_peer_that_does_not_read_fills_a_bounded_queue),
		T(test_half_close_still_gets_its_answer),
		T(test_close_inside_the_handler),
		T(test_a_reset_is_told),
		T(test_out_of_descriptors_the_listener_does_not_spin),
		cmocka_unit_test(test_rtp_pair),
		cmocka_unit_test(test_rtp_spare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
