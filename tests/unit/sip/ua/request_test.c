#include "tests/unit/sip/ua/lab/lab.h"

#define CHALLENGE_MD5                                                                                                  \
	"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", algorithm=MD5, qop=\"auth\", "                   \
	"opaque=\"q\\\"x\"\r\n"
#define CHALLENGE_PROXY "Proxy-Authenticate: Digest realm=\"atlanta.com\", nonce=\"p1\", qop=\"auth\"\r\n"

struct asked {
	int provisional, final;
	unsigned status;
	enum cause cause;
	enum err err;
};

static void on_outcome(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct asked *asked = arg;

	assert_non_null(request);
	asked->provisional += !final;
	asked->final += final;
	asked->status = outcome->status;
	asked->cause = outcome->cause;
	asked->err = outcome->err;
}

static struct request *ask(struct lab *lab, struct asked *asked, const char *method, const char *target,
			   const char *body)
{
	struct request_config config = { .identity = &lab->alice,
					 .method = slice_of(method),
					 .target = slice_of(target),
					 .content_type = SLICE("text/plain"),
					 .body = slice_of(body),
					 .wants_provisional = true,
					 .handler = on_outcome,
					 .arg = asked };
	enum err err;
	struct request *request = ua_request(lab->ua, &config, &err);

	assert_non_null(request);
	return request;
}

static void a_request_gets_its_answer(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	ask(lab, &asked, "OPTIONS", "sip:192.0.2.9:5062;transport=udp", NULL);
	struct fake_packet *options = lab_take(lab, "OPTIONS");
	lab_to(options, "192.0.2.9:5062");
	lab_value(options, SIP_HEADER_ACCEPT, "application/sdp");
	lab_answer(lab, options, 100, NULL, "", "");
	lab_answer(lab, options, 200, "b", "", "");
	assert_int_equal(asked.provisional, 1);
	assert_int_equal(asked.final, 1);
	assert_int_equal(asked.status, 200);
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
}

static void what_is_no_request_is_refused(void **state)
{
	struct lab *lab = *state;
	struct request_config config = { .identity = &lab->alice,
					 .method = SLICE("INVITE"),
					 .target = SLICE("sip:192.0.2.9") };
	enum err err;

	assert_null(ua_request(lab->ua, &config, &err));
	assert_int_equal(err, ERR_UNSUPPORTED);
	config.method = SLICE("OPT IONS");
	assert_null(ua_request(lab->ua, &config, &err));
	config.method = SLICE("OPTIONS");
	config.target = SLICE("http://192.0.2.9");
	assert_null(ua_request(lab->ua, &config, &err));
	assert_int_equal(err, ERR_UNSUPPORTED);
	config.target = SLICE("not a uri");
	assert_null(ua_request(lab->ua, &config, &err));
	assert_int_equal(err, ERR_SYNTAX);
}

static void the_next_target_is_tried_after_icmp_503_and_silence(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	fake_net_name(&lab->net, "biloxi.com", "udp 192.0.2.11:5060");
	fake_net_name(&lab->net, "biloxi.com", "udp 192.0.2.12:5060");
	fake_net_name(&lab->net, "biloxi.com", "udp 192.0.2.13:5060");
	fake_net_name(&lab->net, "biloxi.com", "udp 192.0.2.14:5060");
	ask(lab, &asked, "OPTIONS", "sip:bob@biloxi.com", NULL);
	struct fake_packet *first = lab_take(lab, "OPTIONS");
	lab_to(first, "192.0.2.11:5060");
	fake_net_icmp(&lab->net, "192.0.2.11:5060");
	fake_net_icmp(&lab->net, "192.0.2.11:5060");
	struct fake_packet *second = lab_take(lab, "OPTIONS");
	lab_to(second, "192.0.2.12:5060");
	assert_int_equal(lab_cseq(second), lab_cseq(first) + 1);
	assert_true(slice_eq(fake_packet_value(second, SIP_HEADER_CALL_ID, 0),
			     fake_packet_value(first, SIP_HEADER_CALL_ID, 0)));
	assert_true(
		slice_eq(fake_packet_value(second, SIP_HEADER_FROM, 0), fake_packet_value(first, SIP_HEADER_FROM, 0)));
	lab_answer(lab, second, 503, "b", "", "");
	lab_to(lab_take(lab, "OPTIONS"), "192.0.2.13:5060");
	lab_pass(lab, 31900 * MS_US);
	fake_net_drop(&lab->net);
	lab_pass(lab, 100 * MS_US);
	struct fake_packet *last = lab_take(lab, "OPTIONS");
	lab_to(last, "192.0.2.14:5060");
	assert_int_equal(asked.final, 0);
	lab_answer(lab, last, 503, "b", "", "");
	assert_int_equal(asked.final, 1);
	assert_int_equal(asked.status, 503);
	assert_int_equal(asked.cause, CAUSE_RESPONSE);
}

static void other_refusals_are_final(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	fake_net_name(&lab->net, "biloxi.com", "udp 192.0.2.11:5060");
	fake_net_name(&lab->net, "biloxi.com", "udp 192.0.2.12:5060");
	ask(lab, &asked, "OPTIONS", "sip:bob@biloxi.com", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 500, "b", "", "");
	lab_quiet(lab);
	assert_int_equal(asked.status, 500);
}

static void the_account_and_the_uri_choose_the_transport(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	ask(lab, &asked, "OPTIONS", "sip:192.0.2.9;transport=tcp", NULL);
	struct fake_packet *packet = lab_take(lab, "OPTIONS");
	assert_int_equal(packet->protocol, SIP_TCP);
	lab_has(packet, SIP_HEADER_VIA, "SIP/2.0/TCP");
	lab->alice.has_protocol = true;
	lab->alice.protocol = SIP_TCP;
	ask(lab, &asked, "OPTIONS", "sip:192.0.2.10", NULL);
	assert_int_equal(lab_take(lab, "OPTIONS")->protocol, SIP_TCP);
	ask(lab, &asked, "OPTIONS", "sip:192.0.2.10;transport=udp", NULL);
	assert_int_equal(lab_take(lab, "OPTIONS")->protocol, SIP_UDP);
	ask(lab, &asked, "OPTIONS", "sip:192.0.2.10;transport=pigeon", NULL);
	lab_quiet(lab);
	assert_int_equal(asked.status, 503);
	assert_int_equal(asked.err, ERR_UNSUPPORTED);
}

static void a_preloaded_route_leads(void **state)
{
	struct lab *lab = *state;
	const char *routes[] = { "sip:192.0.2.31;lr", "<sip:192.0.2.32;lr>", NULL };
	struct asked asked = { 0 };

	lab->alice.routes = routes;
	ask(lab, &asked, "OPTIONS", "sip:bob@biloxi.com", NULL);
	struct fake_packet *packet = lab_take(lab, "OPTIONS");
	lab_to(packet, "192.0.2.31:5060");
	lab_uri(packet, "sip:bob@biloxi.com");
	lab_value(packet, SIP_HEADER_ROUTE, "<sip:192.0.2.31;lr>");
	assert_true(slice_eq(fake_packet_value(packet, SIP_HEADER_ROUTE, 1), SLICE("<sip:192.0.2.32;lr>")));
	ask(lab, &asked, "OPTIONS", "tel:+1234", NULL);
	lab_uri(lab_take(lab, "OPTIONS"), "tel:+1234");
}

/* ---- size (18.1.1) ---- */

static const char *big(void)
{
	static char text[1500];

	memset(text, 'x', sizeof text - 1);
	return text;
}

static void a_big_request_goes_by_tcp(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	ask(lab, &asked, "MESSAGE", "sip:bob@192.0.2.9", big());
	assert_int_equal(lab_take(lab, "MESSAGE")->protocol, SIP_TCP);
}

static void refused_tcp_goes_back_to_udp_and_is_remembered(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	lab->net.connect = FAKE_REFUSES;
	ask(lab, &asked, "MESSAGE", "sip:bob@192.0.2.9", big());
	struct fake_packet *packet = lab_take(lab, "MESSAGE");
	assert_int_equal(packet->protocol, SIP_UDP);
	lab_value(packet, SIP_HEADER_CSEQ, "1 MESSAGE");
	lab_answer(lab, packet, 200, "b", "", "");
	unsigned connects = lab->net.connect_count;
	ask(lab, &asked, "MESSAGE", "sip:bob@192.0.2.9", big());
	assert_int_equal(lab_take(lab, "MESSAGE")->protocol, SIP_UDP);
	assert_int_equal(lab->net.connect_count, connects);
}

static void tcp_that_does_not_open_in_a_second_goes_back_to_udp(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	lab->net.connect = FAKE_HANGS;
	ask(lab, &asked, "MESSAGE", "sip:bob@192.0.2.9", big());
	lab_pass(lab, 900 * MS_US);
	lab_quiet(lab);
	lab_pass(lab, 200 * MS_US);
	assert_int_equal(lab_take(lab, "MESSAGE")->protocol, SIP_UDP);
	assert_int_equal(asked.final, 0);
}

/* ---- what a user can get wrong ---- */

static void what_is_no_token_is_no_method_and_no_header_name(void **state)
{
	static const char *const words[] = { "FO#", "A$B", "A&B", "A^B", "A|B", "F\x80", "FOO BAR", "" };
	struct lab *lab = *state;
	enum err err;

	lab_call_up(lab);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct slice word = slice_of(words[i]);
		struct extra_header extra = { word, SLICE("1") };
		struct request_config config = { .identity = &lab->alice,
						 .method = word,
						 .target = SLICE("sip:192.0.2.9") };
		assert_null(ua_request(lab->ua, &config, &err));
		assert_int_equal(err, ERR_UNSUPPORTED);
		config.method = SLICE("OPTIONS");
		config.extra = &extra;
		config.extra_count = 1;
		assert_null(ua_request(lab->ua, &config, &err));
		assert_int_equal(err, ERR_SYNTAX);
		assert_int_equal(
			session_request(lab->session, word, slice_of(NULL), slice_of(NULL), NULL, 0, NULL, NULL),
			ERR_SYNTAX);
	}
	lab_quiet(lab);
}

static void a_target_of_twenty_thousand_bytes_is_refused(void **state)
{
	struct lab *lab = *state;
	struct buf uri;
	enum err err;

	buf_init(&uri, 1 << 16);
	buf_add(&uri, SLICE("sip:"));
	for (int i = 0; i < 20000; i++)
		buf_add_char(&uri, 'a');
	buf_add(&uri, SLICE("@192.0.2.9"));
	struct call_config call = { .identity = &lab->alice, .target = buf_slice(&uri), .offer = SLICE("o1") };
	struct request_config config = { .identity = &lab->alice,
					 .method = SLICE("INFO"),
					 .target = buf_slice(&uri) };
	assert_null(session_call(lab->ua, &call, &err));
	assert_int_equal(err, ERR_SYNTAX);
	assert_null(ua_request(lab->ua, &config, &err));
	assert_int_equal(err, ERR_SYNTAX);
	buf_fini(&uri);
}

/* ---- digest ---- */

/* Alice's own server is the one that Bob's URI names. */
static void subscribe(struct lab *lab)
{
	lab->alice.uri = "sip:alice@192.0.2.9";
	lab->alice.password = "zanzibar";
}

static void a_401_is_answered_once(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b", CHALLENGE_MD5, "");
	struct fake_packet *again = lab_take(lab, "OPTIONS");
	assert_int_equal(lab_cseq(again), 2);
	lab_has(again, SIP_HEADER_AUTHORIZATION,
		"Digest username=\"alice\", realm=\"biloxi.com\", nonce=\"n1\", uri=\"sip:bob@192.0.2.9\"");
	lab_has(again, SIP_HEADER_AUTHORIZATION, "qop=auth, nc=00000001");
	lab_has(again, SIP_HEADER_AUTHORIZATION, "opaque=\"q\\\"x\"");
	lab_has(again, SIP_HEADER_AUTHORIZATION, "algorithm=MD5");
	assert_int_equal(asked.final, 0);
	/* The same realm again: the password is wrong, and no loop follows. */
	lab_answer(lab, again, 401, "b",
		   "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n2\", qop=\"auth\"\r\n", "");
	lab_quiet(lab);
	assert_int_equal(asked.final, 1);
	assert_int_equal(asked.status, 401);
	assert_int_equal(asked.cause, CAUSE_AUTH);
}

/* Only the credentials make it too big, and a server that has just been heard by UDP has no TCP. */
static void a_challenged_one_that_grew_goes_back_to_udp(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };
	char body[851] = { 0 };

	memset(body, 'x', sizeof body - 1);
	subscribe(lab);
	lab->net.connect = FAKE_REFUSES;
	ask(lab, &asked, "MESSAGE", "sip:bob@192.0.2.9", body);
	struct fake_packet *first = lab_take(lab, "MESSAGE");
	assert_int_equal(first->protocol, SIP_UDP);
	assert_int_equal(lab->net.connect_count, 0);
	lab_answer(lab, first, 401, "b", CHALLENGE_MD5, "");
	struct fake_packet *again = lab_take(lab, "MESSAGE");
	assert_int_equal(again->protocol, SIP_UDP);
	assert_int_equal(lab->net.connect_count, 1);
	lab_value(again, SIP_HEADER_CSEQ, "2 MESSAGE");
	lab_answer(lab, again, 200, "b", "", "");
	assert_int_equal(asked.status, 200);
}

static void without_password_a_challenge_is_the_end(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b", CHALLENGE_MD5, "");
	lab_quiet(lab);
	assert_int_equal(asked.cause, CAUSE_AUTH);
}

static void a_stale_nonce_is_renewed_once(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b", CHALLENGE_MD5, "");
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b",
		   "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n2\", stale=TRUE\r\n", "");
	struct fake_packet *third = lab_take(lab, "OPTIONS");
	lab_has(third, SIP_HEADER_AUTHORIZATION, "nonce=\"n2\"");
	lab_answer(lab, third, 401, "b", "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n3\", stale=true\r\n",
		   "");
	lab_quiet(lab);
	assert_int_equal(asked.cause, CAUSE_AUTH);
}

static void credentials_for_a_proxy_are_kept_for_the_next_request(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 407, "b", CHALLENGE_PROXY, "");
	lab_answer(lab, lab_take(lab, "OPTIONS"), 200, "b", "", "");
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	struct fake_packet *packet = lab_take(lab, "OPTIONS");
	lab_has(packet, SIP_HEADER_PROXY_AUTHORIZATION, "nc=00000002");
	/* The server forgot that nonce without saying so: the new one is answered. */
	lab_answer(lab, packet, 407, "b",
		   "Proxy-Authenticate: Digest realm=\"atlanta.com\", nonce=\"n7\", qop=\"auth\"\r\n", "");
	packet = lab_take(lab, "OPTIONS");
	lab_has(packet, SIP_HEADER_PROXY_AUTHORIZATION, "nonce=\"n7\"");
	lab_has(packet, SIP_HEADER_PROXY_AUTHORIZATION, "nc=00000001");
	lab_answer(lab, packet, 200, "b", "", "");
	/* Or it gives everybody the same one and counts from 1 each time: answered as who kept nothing would, once. */
	static const char same[] = "Proxy-Authenticate: Digest realm=\"atlanta.com\", nonce=\"n7\", qop=\"auth\"\r\n";
	for (int last = 0; last < 2; last++) {
		ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
		packet = lab_take(lab, "OPTIONS");
		lab_has(packet, SIP_HEADER_PROXY_AUTHORIZATION, "nc=00000002");
		lab_answer(lab, packet, 407, "b", same, "");
		packet = lab_take(lab, "OPTIONS");
		lab_has(packet, SIP_HEADER_PROXY_AUTHORIZATION, "nonce=\"n7\"");
		lab_has(packet, SIP_HEADER_PROXY_AUTHORIZATION, "nc=00000001");
		lab_answer(lab, packet, last ? 407 : 200, "b", last ? same : "", "");
	}
	lab_quiet(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	packet = lab_take(lab, "OPTIONS");
	lab_has_not(packet, SIP_HEADER_PROXY_AUTHORIZATION, "Digest");
	lab_answer(lab, packet, 407, "b", CHALLENGE_PROXY, "");
	lab_answer(lab, lab_take(lab, "OPTIONS"), 200, "b", "", "");
	/* But not elsewhere. */
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.10", NULL);
	lab_has_not(lab_take(lab, "OPTIONS"), SIP_HEADER_PROXY_AUTHORIZATION, "Digest");
}

static void credentials_for_a_server_stay_in_their_dialog(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 401, "b", CHALLENGE_MD5, "");
	lab_take(lab, "ACK");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_has_not(lab_take(lab, "OPTIONS"), SIP_HEADER_AUTHORIZATION, "Digest");
	session_hangup(lab->session, slice_of(NULL));
	lab_has(lab_take(lab, "BYE"), SIP_HEADER_AUTHORIZATION, "nc=00000002");
	lab_said(lab, "answer 0 a1|answered 0 200|ended us 200 none|");
}

static void a_proxy_and_the_server_behind_it_both_ask(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 407, "b", CHALLENGE_PROXY, "");
	struct fake_packet *second = lab_take(lab, "OPTIONS");
	lab_has(second, SIP_HEADER_PROXY_AUTHORIZATION, "realm=\"atlanta.com\"");
	lab_answer(lab, second, 401, "b", CHALLENGE_MD5, "");
	struct fake_packet *third = lab_take(lab, "OPTIONS");
	lab_has(third, SIP_HEADER_PROXY_AUTHORIZATION, "realm=\"atlanta.com\"");
	lab_has(third, SIP_HEADER_PROXY_AUTHORIZATION, "nc=00000002");
	lab_has(third, SIP_HEADER_AUTHORIZATION, "realm=\"biloxi.com\"");
	lab_answer(lab, third, 200, "b", "", "");
	assert_int_equal(asked.status, 200);
}

static void the_strongest_algorithm_is_answered(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(
		lab, lab_take(lab, "OPTIONS"), 401, "b",
		"WWW-Authenticate: Basic realm=\"biloxi.com\"\r\n"
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"m\", algorithm=MD5, qop=\"auth\"\r\n"
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"s\", algorithm=SHA-256, qop=\"auth\"\r\n"
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"f\", algorithm=FUTURE-1, qop=\"auth\"\r\n"
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"t\", algorithm=SHA-512-256, qop=\"auth\"\r\n",
		"");
	struct fake_packet *packet = lab_take(lab, "OPTIONS");
	lab_has(packet, SIP_HEADER_AUTHORIZATION, "algorithm=SHA-256");
	lab_has(packet, SIP_HEADER_AUTHORIZATION, "nonce=\"s\"");
	assert_null(sip_message_header(packet->message, SIP_HEADER_AUTHORIZATION, 1));
}

/* Who is called must not learn what a password can be searched from, though he names our realm. */
static void a_stranger_gets_no_digest(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b", CHALLENGE_MD5, "");
	lab_answer(lab, lab_take(lab, "OPTIONS"), 200, "b", "", "");
	for (int i = 0; i < 2; i++) {
		lab->alice.realm = i ? "biloxi.com" : NULL;
		asked = (struct asked){ 0 };
		ask(lab, &asked, "OPTIONS", "sip:mallory@203.0.113.9", NULL);
		lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b", CHALLENGE_MD5, "");
		lab_quiet(lab);
		assert_int_equal(asked.cause, CAUSE_AUTH);
	}
}

static void the_outbound_proxy_may_ask(void **state)
{
	static const char *const routes[] = { "<sip:proxy.atlanta.com;lr>", NULL };
	struct lab *lab = *state;
	struct asked asked = { 0 };

	fake_net_name(&lab->net, "proxy.atlanta.com", "udp 192.0.2.31:5060");
	lab->alice.uri = "sip:alice@atlanta.com";
	lab->alice.password = "zanzibar";
	lab->alice.routes = routes;
	ask(lab, &asked, "OPTIONS", "sip:bob@biloxi.com", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 407, "b", CHALLENGE_PROXY, "");
	lab_has(lab_take(lab, "OPTIONS"), SIP_HEADER_PROXY_AUTHORIZATION, "realm=\"atlanta.com\"");
}

/* The proxy records its address, not its name: it is the same one still. */
static void the_proxy_may_ask_in_the_dialog_by_its_address(void **state)
{
	struct lab *lab = *state;

	fake_net_name(&lab->net, "atlanta.com", "udp 192.0.2.31:5060");
	lab->alice.uri = "sip:alice@atlanta.com";
	lab->alice.password = "zanzibar";
	lab_call(lab, "sip:bob@atlanta.com", "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b",
		   "Record-Route: <sip:192.0.2.31;lr>\r\n" BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	session_hangup(lab->session, slice_of(NULL));
	lab_answer(lab, lab_take(lab, "BYE"), 407, NULL, CHALLENGE_PROXY, "");
	lab_has(lab_take(lab, "BYE"), SIP_HEADER_PROXY_AUTHORIZATION, "realm=\"atlanta.com\"");
	lab_said(lab, "answer 0 a1|answered 0 200|ended us 200 none|");
}

/* The callee is reached directly from here on: what the proxy was told is not for him. */
static void a_contact_elsewhere_gets_no_credentials(void **state)
{
	struct lab *lab = *state;

	subscribe(lab);
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 407, "p", CHALLENGE_PROXY, "");
	lab_take(lab, "ACK");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_has(invite, SIP_HEADER_PROXY_AUTHORIZATION, "Digest");
	lab_answer(lab, invite, 200, "b", "Contact: <sip:bob@203.0.113.9>\r\n" SDP_LINES, "a1");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_to(ack, "203.0.113.9:5060");
	lab_has_not(ack, SIP_HEADER_PROXY_AUTHORIZATION, "Digest");
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_has_not(bye, SIP_HEADER_PROXY_AUTHORIZATION, "Digest");
	lab_answer(lab, bye, 407, NULL,
		   "Proxy-Authenticate: Digest realm=\"atlanta.com\", nonce=\"chosen\", stale=true\r\n", "");
	lab_quiet(lab);
	lab_said(lab, "answer 0 a1|answered 0 200|ended us 200 none|");
}

static void a_2xx_may_bring_the_next_nonce(void **state)
{
	struct lab *lab = *state;

	subscribe(lab);
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 401, "b", CHALLENGE_MD5, "");
	lab_take(lab, "ACK");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b",
		   BOB_CONTACT SDP_LINES "Authentication-Info: qop=auth, nextnonce=\"n2\"\r\n", "a1");
	lab_take(lab, "ACK");
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *again = lab_take(lab, "INVITE");
	lab_has(again, SIP_HEADER_AUTHORIZATION, "nonce=\"n2\"");
	lab_has(again, SIP_HEADER_AUTHORIZATION, "nc=00000001");
	lab_answer(lab, again, 200, NULL, BOB_CONTACT SDP_LINES "Authentication-Info: nextnonce=\r\n", "a1");
	lab_take(lab, "ACK");
	session_hangup(lab->session, slice_of(NULL));
	lab_has(lab_take(lab, "BYE"), SIP_HEADER_AUTHORIZATION, "nc=00000002");
}

static void a_realm_that_is_not_ours_gets_nothing(void **state)
{
	struct lab *lab = *state;
	struct asked asked = { 0 };

	subscribe(lab);
	lab->alice.realm = "atlanta.com";
	ask(lab, &asked, "OPTIONS", "sip:bob@192.0.2.9", NULL);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "b", CHALLENGE_MD5, "");
	lab_quiet(lab);
	assert_int_equal(asked.cause, CAUSE_AUTH);
}

static void who_calls_us_gets_no_digest_of_our_password(void **state)
{
	struct lab *lab = *state;

	lab_called_up(lab);
	lab->alice.password = "zanzibar";
	session_set_identity(lab->session, &lab->alice);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 407, NULL, CHALLENGE_PROXY, "");
	lab_take(lab, "ACK");
	lab_quiet(lab);
	lab_said(lab, "reinvited 407|");
}

static void a_challenged_invite_keeps_its_credentials_in_ack_and_bye(void **state)
{
	struct lab *lab = *state;

	subscribe(lab);
	lab_call(lab, NULL, "o1");
	struct fake_packet *first = lab_take(lab, "INVITE");
	lab_answer(lab, first, 407, "p", CHALLENGE_PROXY, "");
	lab_value(lab_take(lab, "ACK"), SIP_HEADER_CSEQ, "1 ACK");
	struct fake_packet *second = lab_take(lab, "INVITE");
	lab_value(second, SIP_HEADER_CSEQ, "2 INVITE");
	lab_body(second, "o1");
	assert_true(
		slice_eq(fake_packet_value(second, SIP_HEADER_FROM, 0), fake_packet_value(first, SIP_HEADER_FROM, 0)));
	lab_answer(lab, second, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_value(ack, SIP_HEADER_CSEQ, "2 ACK");
	assert_true(slice_eq(fake_packet_value(ack, SIP_HEADER_PROXY_AUTHORIZATION, 0),
			     fake_packet_value(second, SIP_HEADER_PROXY_AUTHORIZATION, 0)));
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_value(bye, SIP_HEADER_CSEQ, "3 BYE");
	lab_has(bye, SIP_HEADER_PROXY_AUTHORIZATION, "nc=00000002");
	lab_said(lab, "answer 0 a1|answered 0 200|ended us 200 none|");
	lab_answer(lab, bye, 407, NULL,
		   "Proxy-Authenticate: Digest realm=\"atlanta.com\", nonce=\"p2\", stale=true\r\n", "");
	lab_has(lab_take(lab, "BYE"), SIP_HEADER_PROXY_AUTHORIZATION, "nonce=\"p2\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_request_gets_its_answer),
		LAB_TEST(what_is_no_request_is_refused),
		LAB_TEST(the_next_target_is_tried_after_icmp_503_and_silence),
		LAB_TEST(other_refusals_are_final),
		LAB_TEST(the_account_and_the_uri_choose_the_transport),
		LAB_TEST(a_preloaded_route_leads),
		LAB_TEST(a_big_request_goes_by_tcp),
		LAB_TEST(refused_tcp_goes_back_to_udp_and_is_remembered),
		LAB_TEST(tcp_that_does_not_open_in_a_second_goes_back_to_udp),
		LAB_TEST(a_challenged_one_that_grew_goes_back_to_udp),
		LAB_TEST(what_is_no_token_is_no_method_and_no_header_name),
		LAB_TEST(a_target_of_twenty_thousand_bytes_is_refused),
		LAB_TEST(a_401_is_answered_once),
		LAB_TEST(without_password_a_challenge_is_the_end),
		LAB_TEST(a_stale_nonce_is_renewed_once),
		LAB_TEST(credentials_for_a_proxy_are_kept_for_the_next_request),
		LAB_TEST(credentials_for_a_server_stay_in_their_dialog),
		LAB_TEST(a_proxy_and_the_server_behind_it_both_ask),
		LAB_TEST(the_strongest_algorithm_is_answered),
		LAB_TEST(a_stranger_gets_no_digest),
		LAB_TEST(the_outbound_proxy_may_ask),
		LAB_TEST(the_proxy_may_ask_in_the_dialog_by_its_address),
		LAB_TEST(a_contact_elsewhere_gets_no_credentials),
		LAB_TEST(a_2xx_may_bring_the_next_nonce),
		LAB_TEST(a_realm_that_is_not_ours_gets_nothing),
		LAB_TEST(who_calls_us_gets_no_digest_of_our_password),
		LAB_TEST(a_challenged_invite_keeps_its_credentials_in_ack_and_bye),
	};

	return cmocka_run_group_tests_name("sip/ua/request", tests, NULL, NULL);
}
