/* RFC 3263 against a small name server of the test's own on the same loop, and against dnsmasq where there is one. */
#include "fake_transport.h"

#include "net/dns_answer.h"

struct row {
	const char *name;
	enum dns_type type;
	uint32_t ttl_s;
	unsigned a, b, c;          /* SRV priority, weight, port; NAPTR order, preference */
	const char *text, *target; /* address; NAPTR services; SRV target, replacement, CNAME */
};

struct server {
	int fd;
	struct loop_watch *watch;
	const struct row *rows;
	unsigned questions;
	bool deaf;                 /* hears questions and does not answer */
	enum dns_type deaf_for;    /* only to these; 0: to all */
	char servers[ADDRESS_TEXT];
};

struct world {
	struct transport *t;
	struct server server;
	bool done;
	enum err err;
	struct sip_target targets[LOCATE_MAX];
	size_t count;
};

static struct world *the_world(struct transport *t)
{
	return *(struct world **)(void *)t->last;
}

/* ---- the name server ---- */

static void put_u16(struct buf *to, unsigned value)
{
	buf_add_char(to, (char)(value >> 8));
	buf_add_char(to, (char)value);
}

static void put_name(struct buf *to, const char *name)
{
	struct slice rest = slice_of(name);

	while (rest.n) {
		struct slice label = slice_cut(&rest, '.');
		buf_add_char(to, (char)label.n);
		buf_add(to, label);
	}
	buf_add_char(to, '\0');
}

static void put_text(struct buf *to, const char *text)
{
	buf_add_char(to, (char)strlen(text));
	buf_add(to, slice_of(text));
}

static void put_data(struct buf *to, const struct row *row)
{
	struct address address;

	switch (row->type) {
	case DNS_A:
	case DNS_AAAA:
		assert_true(address_parse_host(&address, slice_of(row->text), 0));
		if (row->type == DNS_A)
			buf_add(to, slice_make(&address.u.v4.sin_addr, 4));
		else
			buf_add(to, slice_make(&address.u.v6.sin6_addr, 16));
		break;
	case DNS_SRV:
		put_u16(to, row->a);
		put_u16(to, row->b);
		put_u16(to, row->c);
		put_name(to, row->target);
		break;
	case DNS_NAPTR:
		put_u16(to, row->a);
		put_u16(to, row->b);
		put_text(to, "s");
		put_text(to, row->text);
		put_text(to, "");
		put_name(to, row->target);
		break;
	case DNS_CNAME:
		put_name(to, row->target);
		break;
	}
}

static void put_row(struct buf *to, const struct row *row)
{
	struct buf data;

	buf_init(&data, 1024);
	put_data(&data, row);
	put_name(to, row->name);
	put_u16(to, (unsigned)row->type);
	put_u16(to, 1);
	put_u16(to, row->ttl_s >> 16);
	put_u16(to, row->ttl_s & 0xffff);
	put_u16(to, (unsigned)data.n);
	buf_add(to, buf_slice(&data));
	buf_fini(&data);
}

static void read_question(struct slice packet, char name[256], unsigned *type, size_t *end)
{
	size_t at = 12, n = 0;

	while (at < packet.n && packet.p[at]) {
		size_t length = (unsigned char)packet.p[at++];
		assert_true(at + length < packet.n && n + length + 1 < 255);
		if (n)
			name[n++] = '.';
		memcpy(name + n, packet.p + at, length);
		n += length;
		at += length;
	}
	name[n] = '\0';
	assert_true(at + 5 <= packet.n);
	*type = (unsigned)(unsigned char)packet.p[at + 1] << 8 | (unsigned char)packet.p[at + 2];
	*end = at + 5;
}

static void answer_question(struct server *server, struct slice packet, const struct address *from)
{
	char name[256];
	struct buf out, rows;
	unsigned type, count = 0;
	size_t end;
	bool known = false;
	struct slice wanted;

	read_question(packet, name, &type, &end);
	server->questions++;
	if (server->deaf && (!server->deaf_for || server->deaf_for == type))
		return;
	buf_init(&out, 65536);
	buf_init(&rows, 65536);
	wanted = slice_of(name);
	for (const struct row *row = server->rows; row->name; row++) {
		if (!slice_ieq(slice_of(row->name), wanted))
			continue;
		known = true;
		if (row->type != type && row->type != DNS_CNAME)
			continue;
		count++;
		put_row(&rows, row);
		if (row->type == DNS_CNAME) /* what it stands for follows further down in the table */
			wanted = slice_of(row->target);
	}
	buf_add(&out, slice_sub(packet, 0, 2));
	put_u16(&out, known ? 0x8180 : 0x8183);
	put_u16(&out, 1);
	put_u16(&out, count);
	put_u16(&out, 0);
	put_u16(&out, 0);
	buf_add(&out, slice_sub(packet, 12, end - 12));
	buf_add(&out, buf_slice(&rows));
	assert_int_equal(sendto(server->fd, out.p, out.n, 0, &from->u.any, address_len(from)), (ssize_t)out.n);
	buf_fini(&rows);
	buf_fini(&out);
}

static void on_question(void *arg, int events)
{
	struct server *server = arg;
	struct address from = { 0 };
	socklen_t length = sizeof from.u;
	char packet[1024];

	(void)events;
	ssize_t n = recvfrom(server->fd, packet, sizeof packet, MSG_DONTWAIT, &from.u.any, &length);
	if (n > 0)
		answer_question(server, slice_make(packet, (size_t)n), &from);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	struct address any = fake_address("127.0.0.1:0"), bound = { 0 };
	socklen_t length = sizeof bound.u;

	w->t = fake_transport_new(NULL);
	memcpy(w->t->last, &w, sizeof w);
	fake_listen(w->t, "0.0.0.0:0");
	w->server.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(w->server.fd, &any.u.any, address_len(&any)), 0);
	assert_int_equal(getsockname(w->server.fd, &bound.u.any, &length), 0);
	w->server.watch = loop_watch(w->t->loop, w->server.fd, LOOP_READ, on_question, &w->server);
	address_print(&bound, w->server.servers);
	assert_int_equal(net_set_dns(w->t->net, w->server.servers), ERR_NONE);
	net_seed(w->t->net, 1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	loop_unwatch(w->server.watch);
	close(w->server.fd);
	fake_transport_free(w->t);
	free(w);
	return 0;
}

/* ---- asking ---- */

static void on_located(void *arg, enum err err, const struct sip_target *targets, size_t count)
{
	struct world *w = arg;

	assert_false(w->done);
	w->done = true;
	w->err = err;
	w->count = count;
	memcpy(w->targets, targets, count * sizeof *targets);
}

static bool located(struct transport *t)
{
	return the_world(t)->done;
}

static void *begin(struct world *w, struct sip_hop hop)
{
	w->done = false;
	void *handle = net_ops()->locate(w->t->net, &hop, on_located, w);
	assert_false(w->done);
	return handle;
}

static void locate(struct world *w, struct sip_hop hop)
{
	begin(w, hop);
	fake_await(w->t, located);
}

static void assert_target(const struct world *w, size_t i, enum sip_protocol protocol, const char *address)
{
	char text[ADDRESS_TEXT];

	assert_true(i < w->count);
	assert_string_equal(address_print(&w->targets[i].address, text), address);
	assert_int_equal(w->targets[i].protocol, protocol);
}

static void test_numbers_need_no_name_server(void **state)
{
	struct world *w = *state;

	locate(w, (struct sip_hop){ .host = "127.0.0.5" });
	assert_int_equal(w->err, ERR_NONE);
	assert_int_equal(w->count, 1);
	assert_target(w, 0, SIP_UDP, "127.0.0.5:5060");
	assert_string_equal(w->targets[0].name, "");
	locate(w, (struct sip_hop){ .host = "127.0.0.5", .port = 5070, .has_protocol = true, .protocol = SIP_TCP });
	assert_target(w, 0, SIP_TCP, "127.0.0.5:5070");
	locate(w, (struct sip_hop){ .host = "::1" });
	assert_int_equal(w->err, ERR_NO_ROUTE); /* nobody of ours listens on IPv6 */
	assert_int_equal(w->count, 0);
	locate(w, (struct sip_hop){ .host = "0.0.0.0" });
	assert_int_equal(w->err, ERR_NO_ROUTE);
	if (fake_has_v6()) {
		fake_listen(w->t, "[::1]:0");
		locate(w, (struct sip_hop){ .host = "::1", .port = 6000 });
		assert_target(w, 0, SIP_UDP, "[::1]:6000");
	}
	assert_int_equal(w->server.questions, 0);
}

static void test_what_we_do_not_speak(void **state)
{
	struct world *w = *state;

	locate(w, (struct sip_hop){ .host = "127.0.0.5", .secure = true });
	assert_target(w, 0, SIP_TLS, "127.0.0.5:5061");
	locate(w, (struct sip_hop){ .host = "127.0.0.5", .secure = true, .has_protocol = true, .protocol = SIP_UDP });
	assert_int_equal(w->err, ERR_UNSUPPORTED);
	net_close_listeners(w->t->net);
	locate(w, (struct sip_hop){ .host = "127.0.0.5" });
	assert_int_equal(w->err, ERR_NO_ROUTE);
	assert_int_equal(w->server.questions, 0);
}

static void test_localhost_without_a_name_server(void **state)
{
	struct world *w = *state;

	w->server.deaf = true;
	locate(w, (struct sip_hop){ .host = "localhost", .port = 5062 });
	assert_int_equal(w->err, ERR_NONE);
	assert_target(w, 0, SIP_UDP, "127.0.0.1:5062");
	assert_string_equal(w->targets[0].name, "localhost");
	locate(w, (struct sip_hop){ .host = "pbx.LOCALHOST" });
	assert_target(w, 0, SIP_UDP, "127.0.0.1:5060");
	assert_int_equal(w->server.questions, 0);
}

/* 127.0.0.0/8 stands for the world: every address there has a route. */
static const struct row full[] = {
	{ "a.example", DNS_NAPTR, 60, 20, 50, 0, "SIP+D2U", "_sip._udp.a.example" },
	{ "a.example", DNS_NAPTR, 60, 10, 50, 0, "SIPS+D2T", "_sips._tcp.a.example" },
	{ "a.example", DNS_NAPTR, 60, 20, 10, 0, "SIP+D2T", "_sip._tcp.other.example" },
	{ "a.example", DNS_A, 60, 0, 0, 0, "127.0.9.9", NULL },
	{ "_sip._udp.a.example", DNS_SRV, 60, 2, 0, 5065, NULL, "p2.a.example" },
	{ "_sip._udp.a.example", DNS_SRV, 60, 1, 0, 5064, NULL, "p1.a.example" },
	{ "_sip._tcp.a.example", DNS_SRV, 60, 1, 0, 5099, NULL, "p1.a.example" },
	{ "_sip._tcp.other.example", DNS_SRV, 60, 1, 0, 5066, NULL, "p1.a.example" },
	{ "p1.a.example", DNS_A, 60, 0, 0, 0, "127.0.1.1", NULL },
	{ "p1.a.example", DNS_A, 60, 0, 0, 0, "127.0.1.2", NULL },
	{ "p2.a.example", DNS_CNAME, 60, 0, 0, 0, NULL, "q2.a.example" },
	{ "q2.a.example", DNS_A, 60, 0, 0, 0, "127.0.2.1", NULL },
	{ 0 },
};

static void test_naptr_chooses_transport_and_order(void **state)
{
	struct world *w = *state;

	w->server.rows = full;
	locate(w, (struct sip_hop){ .host = "A.Example." });
	assert_int_equal(w->err, ERR_NONE);
	assert_int_equal(w->count, 5);
	assert_target(w, 0, SIP_TCP, "127.0.1.1:5066");
	assert_target(w, 1, SIP_TCP, "127.0.1.2:5066");
	assert_target(w, 2, SIP_UDP, "127.0.1.1:5064");
	assert_target(w, 3, SIP_UDP, "127.0.1.2:5064");
	assert_target(w, 4, SIP_UDP, "127.0.2.1:5065"); /* by way of a CNAME */
	assert_string_equal(w->targets[0].name, "A.Example");
}

/* RFC 7118: servers of WebSocket are found by NAPTR alone, for sips only those that are secure. */
static void test_naptr_names_websocket(void **state)
{
	static const struct row rows[] = {
		{ "a.example", DNS_NAPTR, 60, 20, 50, 0, "SIP+D2W", "_ws.a.example" },
		{ "a.example", DNS_NAPTR, 60, 10, 50, 0, "SIPS+D2W", "_wss.a.example" },
		{ "_ws.a.example", DNS_SRV, 60, 1, 0, 80, NULL, "p1.a.example" },
		{ "_wss.a.example", DNS_SRV, 60, 1, 0, 443, NULL, "p1.a.example" },
		{ "p1.a.example", DNS_A, 60, 0, 0, 0, "127.0.1.1", NULL },
		{ 0 },
	};
	struct world *w = *state;

	w->server.rows = rows;
	locate(w, (struct sip_hop){ .host = "a.example" });
	assert_int_equal(w->count, 2);
	assert_target(w, 0, SIP_WSS, "127.0.1.1:443");
	assert_target(w, 1, SIP_WS, "127.0.1.1:80");
	locate(w, (struct sip_hop){ .host = "a.example", .secure = true });
	assert_int_equal(w->count, 1);
	assert_target(w, 0, SIP_WSS, "127.0.1.1:443");
}

static void test_a_port_leaves_only_addresses(void **state)
{
	struct world *w = *state;

	w->server.rows = full;
	locate(w, (struct sip_hop){ .host = "a.example", .port = 5070 });
	assert_int_equal(w->count, 1);
	assert_target(w, 0, SIP_UDP, "127.0.9.9:5070");
	assert_int_equal(w->server.questions, 1);
}

static void test_a_transport_leaves_out_naptr(void **state)
{
	struct world *w = *state;

	w->server.rows = full;
	locate(w, (struct sip_hop){ .host = "a.example", .has_protocol = true, .protocol = SIP_TCP });
	assert_int_equal(w->count, 2);
	assert_target(w, 0, SIP_TCP, "127.0.1.1:5099");
}

static void test_without_naptr_srv_and_without_srv_addresses(void **state)
{
	static const struct row rows[] = {
		{ "_sip._tcp.b.example", DNS_SRV, 60, 0, 0, 5066, NULL, "p.b.example" },
		{ "p.b.example", DNS_A, 60, 0, 0, 0, "127.0.3.1", NULL },
		{ "c.example", DNS_A, 60, 0, 0, 0, "127.0.3.2", NULL },
		{ "off.example", DNS_A, 60, 0, 0, 0, "127.0.3.3", NULL },
		{ "_sip._udp.off.example", DNS_SRV, 60, 0, 0, 0, NULL, "" },
		{ 0 },
	};
	struct world *w = *state;

	w->server.rows = rows;
	locate(w, (struct sip_hop){ .host = "b.example" });
	assert_int_equal(w->count, 1);
	assert_target(w, 0, SIP_TCP, "127.0.3.1:5066");
	locate(w, (struct sip_hop){ .host = "c.example" });
	assert_int_equal(w->count, 1);
	assert_target(w, 0, SIP_UDP, "127.0.3.2:5060");
	locate(w, (struct sip_hop){ .host = "nowhere.example" });
	assert_int_equal(w->err, ERR_DNS);
	assert_int_equal(w->count, 0);
	/* RFC 2782: the target "." says that the service is not there; the address is no substitute. */
	locate(w, (struct sip_hop){ .host = "off.example", .has_protocol = true, .protocol = SIP_UDP });
	assert_int_equal(w->err, ERR_DNS);
}

/* Which targets are addresses of one host must be told: only these may race. */
static void test_each_srv_host_has_its_number(void **state)
{
	static const struct row rows[] = {
		{ "_sip._tcp.n.example", DNS_SRV, 60, 0, 0, 5060, NULL, "a.n.example" },
		{ "_sip._tcp.n.example", DNS_SRV, 60, 1, 0, 5060, NULL, "b.n.example" },
		{ "a.n.example", DNS_A, 60, 0, 0, 0, "127.0.5.1", NULL },
		{ "a.n.example", DNS_A, 60, 0, 0, 0, "127.0.5.2", NULL },
		{ "b.n.example", DNS_A, 60, 0, 0, 0, "127.0.5.3", NULL },
		{ 0 },
	};
	struct world *w = *state;

	w->server.rows = rows;
	locate(w, (struct sip_hop){ .host = "n.example", .has_protocol = true, .protocol = SIP_TCP });
	assert_int_equal(w->count, 3);
	assert_int_equal(w->targets[1].host, w->targets[0].host);
	assert_int_not_equal(w->targets[2].host, w->targets[0].host);
	/* And a name that is not asked for services by is one host. */
	locate(w, (struct sip_hop){ .host = "a.n.example", .port = 5060 });
	assert_int_equal(w->count, 2);
	assert_int_equal(w->targets[1].host, w->targets[0].host);
}

static void test_weights_share_the_load(void **state)
{
	static const struct row rows[] = {
		{ "_sip._udp.w.example", DNS_SRV, 60, 1, 30, 1, NULL, "h.example" },
		{ "_sip._udp.w.example", DNS_SRV, 60, 1, 10, 2, NULL, "h.example" },
		{ "_sip._udp.w.example", DNS_SRV, 60, 1, 0, 3, NULL, "h.example" },
		{ "_sip._udp.w.example", DNS_SRV, 60, 0, 1, 4, NULL, "h.example" },
		{ "h.example", DNS_A, 60, 0, 0, 0, "127.0.4.1", NULL },
		{ 0 },
	};
	struct world *w = *state;
	unsigned second[5] = { 0 };

	w->server.rows = rows;
	for (int i = 0; i < 400; i++) {
		locate(w, (struct sip_hop){ .host = "w.example", .has_protocol = true, .protocol = SIP_UDP });
		assert_int_equal(w->count, 4);
		assert_int_equal(address_port(&w->targets[0].address), 4);
		second[address_port(&w->targets[1].address)]++;
	}
	/* 30/41, 10/41, 1/41 of 400, from a fixed seed. */
	assert_in_range(second[1], 260, 325);
	assert_in_range(second[2], 70, 130);
	assert_in_range(second[3], 1, 30);
}

static void test_answers_live_as_long_as_they_say(void **state)
{
	static const struct row rows[] = {
		{ "short.example", DNS_A, 10, 0, 0, 0, "127.0.5.1", NULL },
		{ "never.example", DNS_A, 0, 0, 0, 0, "127.0.5.2", NULL },
		{ 0 },
	};
	struct world *w = *state;
	struct timers *timers = loop_timers(w->t->loop);
	struct sip_hop hop = { .host = "short.example", .port = 5060 };

	w->server.rows = rows;
	locate(w, hop);
	locate(w, hop);
	assert_int_equal(w->server.questions, 1);
	timers_advance(timers, 9 * SECOND_US);
	locate(w, hop);
	assert_int_equal(w->server.questions, 1);
	timers_advance(timers, 2 * SECOND_US);
	locate(w, hop);
	assert_int_equal(w->server.questions, 2);
	assert_target(w, 0, SIP_UDP, "127.0.5.1:5060");
	/* A time to live of 0 serves those who had asked, and nobody later. */
	struct sip_hop never = { .host = "never.example", .port = 5060 };
	locate(w, never);
	assert_target(w, 0, SIP_UDP, "127.0.5.2:5060");
	timers_advance(timers, MS_US);
	locate(w, never);
	assert_target(w, 0, SIP_UDP, "127.0.5.2:5060");
	assert_int_equal(w->server.questions, 4);
	/* Other servers, other answers. */
	assert_int_equal(net_set_dns(w->t->net, w->server.servers), ERR_NONE);
	locate(w, hop);
	assert_int_equal(w->server.questions, 5);
}

static void advance_5_s(void *arg)
{
	timers_advance(arg, 5 * SECOND_US);
}

static void test_a_dead_name_server_costs_5_s(void **state)
{
	struct world *w = *state;
	struct timers *timers = loop_timers(w->t->loop);
	struct timer later = { 0 };

	w->server.deaf = true;
	w->server.rows = full;
	int64_t before = timers->now_us;
	begin(w, (struct sip_hop){ .host = "a.example" });
	timer_start(timers, &later, 20 * MS_US, advance_5_s, timers);
	fake_await(w->t, located);
	assert_int_equal(w->err, ERR_NAME_SERVER);
	assert_true(timers->now_us - before < 5500 * MS_US);
	assert_true(w->server.questions > 0);
}

/* Some routers never answer questions for NAPTR: what else is known by the deadline is used. */
static void test_a_name_server_deaf_for_naptr(void **state)
{
	struct world *w = *state;
	struct timers *timers = loop_timers(w->t->loop);
	struct timer later = { 0 };

	w->server.deaf = true;
	w->server.deaf_for = DNS_NAPTR;
	w->server.rows = full;
	locate(w, (struct sip_hop){ .host = "p1.a.example", .port = 1 });
	locate(w, (struct sip_hop){ .host = "q2.a.example", .port = 1 });
	locate(w, (struct sip_hop){ .host = "p2.a.example", .port = 1 });
	begin(w, (struct sip_hop){ .host = "a.example" });
	timer_start(timers, &later, 50 * MS_US, advance_5_s, timers);
	fake_await(w->t, located);
	assert_int_equal(w->err, ERR_NONE);
	assert_target(w, 0, SIP_UDP, "127.0.1.1:5064");
}

static void test_a_refused_port_fails_at_once(void **state)
{
	struct world *w = *state;
	int64_t before = loop_timers(w->t->loop)->now_us;

	loop_unwatch(w->server.watch);
	w->server.watch = NULL;
	close(w->server.fd);
	w->server.fd = -1;
	locate(w, (struct sip_hop){ .host = "a.example" });
	assert_int_equal(w->err, ERR_NAME_SERVER);
	assert_true(loop_timers(w->t->loop)->now_us - before < 4 * SECOND_US);
}

static void test_cancelled_and_unfinished(void **state)
{
	struct world *w = *state;

	w->server.rows = full;
	void *handle = begin(w, (struct sip_hop){ .host = "127.0.0.1" });
	net_ops()->locate_cancel(w->t->net, handle);
	locate(w, (struct sip_hop){ .host = "q2.a.example", .port = 1 });
	assert_int_equal(w->count, 1); /* this one's, and told once */
	/* Left under way: net_free() takes it down. */
	w->server.deaf = true;
	begin(w, (struct sip_hop){ .host = "p1.a.example" });
}

static void test_lists_of_servers(void **state)
{
	struct world *w = *state;

	assert_int_equal(net_set_dns(w->t->net, "127.0.0.1, 127.0.0.2:5353,[::1]:53"), ERR_NONE);
	assert_int_equal(net_set_dns(w->t->net, ""), ERR_NONE);
	assert_int_equal(net_set_dns(w->t->net, NULL), ERR_NONE);
	assert_int_equal(net_set_dns(w->t->net, "dns.example"), ERR_SYNTAX);
	assert_int_equal(net_set_dns(w->t->net, "127.0.0.1:0"), ERR_SYNTAX);
	assert_int_equal(net_set_dns(w->t->net, "127.0.0.1,,127.0.0.2"), ERR_SYNTAX);
	assert_int_equal(
		net_set_dns(w->t->net, "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1"),
		ERR_SYNTAX);
}

static void test_more_targets_than_are_kept(void **state)
{
	static struct row rows[24]; /* as many as one datagram holds */
	static char addresses[20][16];
	struct world *w = *state;

	for (unsigned i = 0; i < ARRAY_LEN(addresses); i++) {
		snprintf(addresses[i], sizeof addresses[i], "127.0.7.%u", i + 1);
		rows[i] = (struct row){ "m.ex", DNS_A, 60, 0, 0, 0, addresses[i], NULL };
	}
	w->server.rows = rows;
	locate(w, (struct sip_hop){ .host = "m.ex", .port = 5060 });
	assert_int_equal(w->count, LOCATE_MAX);
}

/* ---- a name server of the world ---- */

static pid_t start_dnsmasq(const char *port)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("dnsmasq", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
		       "--no-hosts", "--no-poll", "--bind-interfaces", "--listen-address=127.0.0.1", port,
		       "--pid-file=", "--user=", "--local-ttl=30",
		       "--naptr-record=biloxi.test,30,50,s,SIP+D2U,,_sip._udp.biloxi.test",
		       "--naptr-record=biloxi.test,90,50,s,SIPS+D2T,,_sips._tcp.biloxi.test",
		       "--srv-host=_sip._udp.biloxi.test,dead.biloxi.test,5060,0,10",
		       "--srv-host=_sip._udp.biloxi.test,proxy.biloxi.test,5070,1,10",
		       "--host-record=proxy.biloxi.test,127.0.1.2,::1", "--host-record=dead.biloxi.test,127.0.1.99",
		       (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void test_dnsmasq(void **state)
{
	struct world *w = *state;
	char port[32], servers[ADDRESS_TEXT];
	struct address free_port = fake_listen(w->t, "127.0.0.1:0");
	struct timers *timers = loop_timers(w->t->loop);
	int status;

	if (system("command -v dnsmasq >/dev/null") != 0) {
		print_message("dnsmasq is not installed\n");
		skip();
	}
	net_close_listeners(w->t->net);
	fake_listen(w->t, "0.0.0.0:0");
	if (fake_has_v6())
		fake_listen(w->t, "[::]:0");
	snprintf(port, sizeof port, "--port=%u", address_port(&free_port));
	pid_t pid = start_dnsmasq(port);
	assert_true(pid > 0);
	address_print(&free_port, servers);
	/* Until it is up: the port is refused, which is told fast and kept for 3 s that need not pass. */
	for (int i = 0; i < 500 && (i == 0 || w->err); i++) {
		assert_int_equal(net_set_dns(w->t->net, servers), ERR_NONE);
		locate(w, (struct sip_hop){ .host = "biloxi.test" });
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	}
	assert_int_equal(w->err, ERR_NONE);
	assert_target(w, 0, SIP_UDP, "127.0.1.99:5060");
	if (fake_has_v6())
		assert_target(w, 1, SIP_UDP, "[::1]:5070");
	assert_target(w, w->count - 1, SIP_UDP, "127.0.1.2:5070");
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* All of it is in the cache now. */
	timers_advance(timers, 25 * SECOND_US);
	locate(w, (struct sip_hop){ .host = "biloxi.test" });
	assert_int_equal(w->err, ERR_NONE);
	timers_advance(timers, 10 * SECOND_US);
	locate(w, (struct sip_hop){ .host = "biloxi.test" });
	assert_int_equal(w->err, ERR_NAME_SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_numbers_need_no_name_server),
		T(test_what_we_do_not_speak),
		T(test_localhost_without_a_name_server),
		T(test_naptr_chooses_transport_and_order),
		T(test_naptr_names_websocket),
		T(test_a_port_leaves_only_addresses),
		T(test_a_transport_leaves_out_naptr),
		T(test_without_naptr_srv_and_without_srv_addresses),
		T(test_each_srv_host_has_its_number),
		T(test_weights_share_the_load),
		T(test_answers_live_as_long_as_they_say),
		T(test_a_dead_name_server_costs_5_s),
		T(test_a_name_server_deaf_for_naptr),
		T(test_a_refused_port_fails_at_once),
		T(test_cancelled_and_unfinished),
		T(test_lists_of_servers),
		T(test_more_targets_than_are_kept),
		T(test_dnsmasq),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
