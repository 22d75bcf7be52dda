/*
 * Whatever a peer and a user do, in whatever order: nothing is used after its end, no handler is called after the last,
 * and when everybody has gone the user agent comes to rest. Each run is a seed and can be repeated exactly.
 */
#include "tests/unit/sip/ua/lab/lab.h"

#include "base/xmalloc.h"

enum { LIVE_MAX = 32, KEPT_MAX = 24, RUNS = 150, STEPS = 150 };

struct chaos {
	struct lab lab;
	struct random random;
	struct session *live[LIVE_MAX];
	size_t live_count;
	struct fake_packet *kept[KEPT_MAX]; /* what the user agent sent lately */
	size_t kept_count;
	struct registration *registration;
	struct request *request;
	unsigned number;
};

static unsigned below(struct chaos *c, unsigned bound)
{
	return random_below(&c->random, bound);
}

static bool is_live(const struct chaos *c, const struct session *session)
{
	for (size_t i = 0; i < c->live_count; i++)
		if (c->live[i] == session)
			return true;
	return false;
}

static void add_live(struct chaos *c, struct session *session)
{
	assert_true(c->live_count < LIVE_MAX);
	assert_false(is_live(c, session));
	c->live[c->live_count++] = session;
}

static void drop_live(struct chaos *c, struct session *session)
{
	for (size_t i = 0; i < c->live_count; i++) {
		if (c->live[i] == session) {
			c->live[i] = c->live[--c->live_count];
			return;
		}
	}
	fail_msg("a session ended twice");
}

/* ---- handlers: sometimes the user does something inside one ---- */

static void meddle(struct chaos *c, struct session *session)
{
	assert_true(is_live(c, session));
	if (below(c, 12) == 0)
		session_hangup(session, SLICE("SIP;cause=200"));
	else if (below(c, 12) == 0)
		(void)!session_reinvite(session, SLICE("x"));
	else if (below(c, 12) == 0)
		(void)!session_update(session, below(c, 2));
	else if (below(c, 12) == 0)
		(void)!session_progress(session, 180, slice_of(NULL));
	else if (below(c, 12) == 0)
		(void)!session_answer(session);
}

static void on_provisional(void *arg, struct session *session, int leg, struct sip_message *response)
{
	assert_true(leg >= -1 && response->status < 200);
	meddle(arg, session);
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	const struct sip_message *success = session_is_caller(session) ? message : session_last_sent(session);

	assert_true(leg >= 0 && success->status / 100 == 2);
	meddle(arg, session);
}

static void on_acknowledged(void *arg, struct session *session)
{
	meddle(arg, session);
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	assert_true(outcome->status >= 300);
	drop_live(arg, session);
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	assert_true(outcome->status >= 200 && by_peer == (request != NULL));
	drop_live(arg, session);
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	assert_true(leg >= 0 && message->body.n);
	meddle(arg, session);
	buf_add(answer, SLICE("a"));
	return below(arg, 10) ? 0 : 488;
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	(void) final;
	assert_true(leg >= 0 && message->body.n);
	meddle(arg, session);
	return below(arg, 10) != 0;
}

static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	(void)leg;
	meddle(arg, session);
	buf_add(offer, SLICE("o"));
}

static void on_reinvited(void *arg, struct session *session, const struct outcome *outcome)
{
	assert_true(outcome->status >= 200);
	meddle(arg, session);
}

static void on_peer_reinvited(void *arg, struct session *session, struct sip_message *request)
{
	assert_non_null(request);
	meddle(arg, session);
}

static void on_refreshed(void *arg, struct session *session, struct slice method, const struct outcome *outcome)
{
	assert_true(method.n && outcome->status >= 200);
	meddle(arg, session);
}

static unsigned on_session_request(void *arg, struct session *session, struct server_transaction *st,
				   struct sip_message *request)
{
	assert_true(st && request->is_request);
	meddle(arg, session);
	return below(arg, 2) ? 200 : 0;
}

static const struct session_handlers handlers = { on_provisional,    on_answered,        on_acknowledged,
						  on_failed,         on_ended,           on_offer,
						  on_answer,         on_make_offer,      on_reinvited,
						  on_peer_reinvited, on_reinvited,       on_peer_reinvited,
						  on_refreshed,      on_session_request, NULL,
						  NULL,              NULL,               NULL,
						  NULL };

static void set_handlers(struct chaos *c, struct session *session)
{
	struct session_handlers mine = handlers;

	mine.arg = c;
	session_set_handlers(session, &mine);
	add_live(c, session);
}

static void on_incoming(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	assert_true(invite->is_request && source->flow_id == 0);
	set_handlers(arg, session);
	meddle(arg, session);
}

static void on_outcome(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct chaos *c = arg;

	assert_true(outcome->status >= 100);
	if (final && c->request == request)
		c->request = NULL;
}

static void on_errand(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	(void)arg;
	assert_true(request != NULL && outcome->status >= 200 && final);
}

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	struct chaos *c = arg;

	(void)first;
	assert_true(expires > 0 && registration == c->registration);
	if (below(c, 8) == 0) {
		registration_free(registration);
		c->registration = NULL;
	}
}

static void on_register_failed(void *arg, struct registration *registration, const struct outcome *outcome,
			       int64_t retry_us)
{
	assert_true(retry_us >= 0 && outcome->status >= 200);
	on_registered(arg, registration, 1, false);
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	on_register_failed(arg, registration, outcome, 0);
}

/* ---- what the user does ---- */

static void user_calls(struct chaos *c)
{
	static const char *const targets[] = { "sip:bob@192.0.2.9", "sip:bob@biloxi.com", "sip:bob@nowhere.example",
					       "sip:bob@192.0.2.9;transport=tcp" };
	struct call_config config = { .identity = &c->lab.alice,
				      .target = slice_of(targets[below(c, 4)]),
				      .offer = below(c, 4) ? SLICE("o") : slice_of(NULL),
				      .timeout_us = below(c, 3) ? 0 : 20 * SECOND_US,
				      .handlers = handlers };
	enum err err;

	config.handlers.arg = c;
	if (c->live_count < LIVE_MAX / 2)
		add_live(c, session_call(c->lab.ua, &config, &err));
}

static void user_acts(struct chaos *c)
{
	struct session *session = c->live_count ? c->live[below(c, (unsigned)c->live_count)] : NULL;

	if (!session)
		return;
	(void)session_last_sent(session);
	(void)session_last_received(session);
	switch (below(c, 9)) {
	case 7:
		(void)!session_update(session, below(c, 2));
		break;
	case 8:
		(void)!session_reoffer(session);
		break;
	case 0:
		session_hangup(session, slice_of(NULL));
		break;
	case 1:
		(void)!session_progress(session, 180 + 3 * below(c, 2), below(c, 2) ? SLICE("e") : slice_of(NULL));
		break;
	case 2:
	case 3:
		(void)!session_answer(session);
		break;
	case 4:
		(void)!session_reject(session, 300 + below(c, 400), SLICE("no"), SLICE("sip:x@h"));
		break;
	case 5:
		(void)!session_reinvite(session, below(c, 3) ? SLICE("r") : slice_of(NULL));
		break;
	default:
		(void)!session_request(session, SLICE("INFO"), SLICE("text/plain"), SLICE("i"), NULL, 0, on_errand, c);
		break;
	}
}

static void user_registers(struct chaos *c)
{
	struct registration_config config = { .identity = &c->lab.alice,
					      .registrar = SLICE("sip:192.0.2.50"),
					      .expires = 100,
					      .handlers = { .registered = on_registered,
							    .failed = on_register_failed,
							    .unregistered = on_unregistered,
							    .arg = c } };
	enum err err;

	if (!c->registration)
		c->registration = registration_new(c->lab.ua, &config, &err);
	switch (below(c, 5)) {
	case 0:
		registration_stop(c->registration, below(c, 2));
		break;
	case 1:
		registration_fetch(c->registration);
		break;
	case 2:
		registration_free(c->registration);
		c->registration = NULL;
		break;
	default:
		registration_start(c->registration);
		break;
	}
}

static void user_asks(struct chaos *c)
{
	struct request_config config = { .identity = &c->lab.alice,
					 .method = SLICE("OPTIONS"),
					 .target = SLICE("sip:biloxi.com"),
					 .wants_provisional = true,
					 .handler = on_outcome,
					 .arg = c };
	enum err err;

	if (c->request) {
		request_detach(c->request);
		c->request = NULL;
	} else {
		c->request = ua_request(c->lab.ua, &config, &err);
	}
}

/* ---- what the peer does ---- */

static void collect(struct chaos *c)
{
	struct fake_packet *packet;

	while ((packet = fake_net_take(&c->lab.net)) != NULL)
		/* A 400 repeats what was garbled. */
		if (packet->message && !sip_message_check(packet->message).status)
			c->kept[c->kept_count++ % KEPT_MAX] = packet;
}

static struct fake_packet *any_kept(struct chaos *c)
{
	size_t count = c->kept_count < KEPT_MAX ? c->kept_count : KEPT_MAX;

	return count ? c->kept[below(c, (unsigned)count)] : NULL;
}

static void peer_answers(struct chaos *c)
{
	static const unsigned statuses[] = { 100, 180, 183, 183, 200, 200, 200, 200, 202, 302, 401,
					     407, 408, 422, 423, 481, 486, 487, 491, 500, 503, 603 };
	static const char *const tags[] = { "b", "c", "d" };
	static const char *const lines[] = {
		BOB_CONTACT,
		BOB_CONTACT SDP_LINES,
		BOB_CONTACT SDP_LINES,
		"Contact: <sip:x@192.0.2.9>;expires=7\r\n",
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", stale=true\r\nProxy-Authenticate: Digest "
		"realm=\"p\", nonce=\"2\", qop=\"auth\"\r\n",
		"Record-Route: <sip:192.0.2.31;lr>, <sip:192.0.2.32>\r\nContact: "
		"<sip:bob@192.0.2.9;transport=tcp>\r\n" SDP_LINES,
		"Retry-After: 2\r\nMin-Expires: 900\r\nMin-SE: 200\r\n",
		"Require: 100rel\r\nRSeq: 1\r\nAllow: UPDATE\r\n" BOB_CONTACT SDP_LINES,
		"Require: 100rel\r\nRSeq: 2\r\nAllow: UPDATE\r\n" BOB_CONTACT SDP_LINES,
		"Session-Expires: 100;refresher=uac\r\nAllow: UPDATE\r\n" BOB_CONTACT SDP_LINES,
		"Session-Expires: 90;refresher=uas\r\n" BOB_CONTACT SDP_LINES,
		"Contact: *\r\n",
		"Expires: 0\r\n"
	};
	struct fake_packet *packet = any_kept(c);

	if (!packet || !packet->message->is_request || packet->message->method == SIP_ACK)
		return;
	unsigned line = below(c, ARRAY_LEN(lines));
	lab_answer(&c->lab, packet, statuses[below(c, ARRAY_LEN(statuses))], tags[below(c, 3)], lines[line],
		   strstr(lines[line], "Content-Type") ? "s" : "");
}

/* A request inside the dialog of some message that the user agent sent. */
static void peer_asks_inside(struct chaos *c)
{
	static const char *const methods[] = { "INVITE", "BYE",    "ACK",    "ACK",   "INFO", "OPTIONS",
					       "CANCEL", "UPDATE", "UPDATE", "PRACK", "PRACK" };
	struct fake_packet *packet = any_kept(c);
	const char *method = methods[below(c, ARRAY_LEN(methods))];
	char text[4096];

	if (!packet || !packet->message)
		return;
	bool request = packet->message->is_request, sdp = below(c, 2);
	struct slice theirs = fake_packet_value(packet, request ? SIP_HEADER_TO : SIP_HEADER_FROM, 0);
	struct slice ours = fake_packet_value(packet, request ? SIP_HEADER_FROM : SIP_HEADER_TO, 0);
	const char *tag = request && slice_find_slice(theirs, SLICE(";tag=")) == theirs.n ? ";tag=b" : "";
	unsigned cseq = below(c, 4) ? lab_cseq(packet) : below(c, 9);
	struct slice rseq = fake_packet_value(packet, SIP_HEADER_RSEQ, 0);
	char rack[64] = "";
	if (!strcmp(method, "PRACK")) {
		snprintf(rack, sizeof rack, "RAck: %.*s %u INVITE\r\n", SLICE_ARG(rseq.n ? rseq : SLICE("1")), cseq);
		cseq += 1 + below(c, 3);
	}
	snprintf(
		text, sizeof text,
		"%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKi%u\r\nMax-Forwards: 70\r\n"
		"From: %.*s%s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n%s%s%sContent-Length: %d\r\n\r\n%s",
		method, below(c, 3) ? c->number++ : below(c, 9), SLICE_ARG(theirs), tag, SLICE_ARG(ours),
		SLICE_ARG(fake_packet_value(packet, SIP_HEADER_CALL_ID, 0)), cseq, method, BOB_CONTACT, rack,
		sdp ? SDP_LINES : "", sdp ? 1 : 0, sdp ? "s" : "");
	lab_request_text(&c->lab, text);
}

static void peer_calls(struct chaos *c)
{
	char name[32];

	snprintf(name, sizeof name, "n%u", below(c, 5) ? c->number++ : below(c, 20));
	static const char *const lines[] = { "", SDP_LINES, SDP_LINES, SDP_LINES "Supported: 100rel, timer\r\n",
					     SDP_LINES "Require: 100rel\r\nAllow: UPDATE\r\n",
					     "Require: 100rel\r\nAllow: UPDATE\r\n",
					     SDP_LINES "Supported: timer\r\nSession-Expires: 90\r\n" };
	lab_request(&c->lab, below(c, 4) ? "INVITE" : "CANCEL", name, 1, false, lines[below(c, ARRAY_LEN(lines))], "s");
}

/* A message of ours comes back with a few bytes changed. */
static void peer_garbles(struct chaos *c)
{
	struct fake_packet *packet = any_kept(c);

	if (!packet)
		return;
	char *bytes = slice_dup(slice_make(packet->bytes, packet->bytes_n));
	for (unsigned i = below(c, 6); i > 0; i--)
		bytes[below(c, (unsigned)packet->bytes_n)] = (char)below(c, 256);
	fake_net_datagram_bytes(&c->lab.net, "192.0.2.9:5060", slice_make(bytes, packet->bytes_n));
	free(bytes);
}

static void step(struct chaos *c)
{
	switch (below(c, 14)) {
	case 0:
		user_calls(c);
		break;
	case 1:
	case 2:
		user_acts(c);
		break;
	case 3:
		user_registers(c);
		break;
	case 4:
		user_asks(c);
		break;
	case 5:
		peer_calls(c);
		break;
	case 6:
	case 7:
		peer_asks_inside(c);
		break;
	case 8:
		peer_garbles(c);
		break;
	case 9:
		fake_net_icmp(&c->lab.net, "192.0.2.9:5060");
		break;
	case 10:
		lab_pass(&c->lab, (int64_t)below(c, below(c, 4) ? 1500 : 40000) * MS_US);
		break;
	default:
		peer_answers(c);
		break;
	}
	lab_pass(&c->lab, 0);
	collect(c);
}

static void run(struct chaos *c, uint64_t seed)
{
	memset(c, 0, sizeof *c);
	lab_init(&c->lab);
	random_init_seeded(&c->random, seed);
	c->lab.alice.password = "p";
	c->lab.net.connect = (enum fake_connect)below(c, 3);
	fake_net_name(&c->lab.net, "biloxi.com", "udp 192.0.2.9:5060");
	fake_net_name(&c->lab.net, "biloxi.com", "udp 192.0.2.10:5060");
	ua_free(c->lab.ua);
	struct ua_handlers ua_handlers = { .incoming = on_incoming, .arg = c };
	c->lab.ua = ua_new(&c->lab.net.world, &ua_handlers);
	ua_settings(c->lab.ua)->max_sessions = LIVE_MAX / 2;
	ua_settings(c->lab.ua)->session = (struct session_options){ .reliable = (enum reliable_mode)below(c, 3),
								     .timer = (enum timer_mode)below(c, 4),
								     .expires_s = 90 };
	fake_net_attach(&c->lab.net, transactions_transport(ua_transactions(c->lab.ua)));
	for (int i = 0; i < STEPS; i++)
		step(c);
}

/* Everybody hangs up, nobody answers any more: all comes to an end by its timers. */
static void wind_down(struct chaos *c)
{
	registration_free(c->registration);
	c->registration = NULL;
	for (size_t i = c->live_count; i-- > 0;)
		session_hangup(c->live[i], slice_of(NULL));
	for (int i = 0; i < 20 && c->live_count; i++)
		lab_pass(&c->lab, 33 * SECOND_US);
	assert_int_equal(c->live_count, 0);
	lab_pass(&c->lab, 200 * SECOND_US);
	assert_true(ua_is_quiet(c->lab.ua));
	assert_int_equal(transactions_count(ua_transactions(c->lab.ua)), 0);
}

static void any_order_of_things_is_survived(void **state)
{
	struct chaos *c = xcalloc(1, sizeof *c);

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		run(c, seed);
		if (seed % 4)
			wind_down(c);
		else
			registration_free(c->registration);
		lab_fini(&c->lab);
	}
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_things_is_survived),
	};

	return cmocka_run_group_tests_name("sip/ua/chaos", tests, NULL, NULL);
}
