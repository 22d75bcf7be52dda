#include "tests/unit/sip/ua/lab/lab.h"

static void request(struct lab *lab, const char *method, const char *uri, const char *lines, const char *body)
{
	static unsigned number;
	char text[2048];

	number++;
	snprintf(text, sizeof text,
		 "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKr%u\r\nMax-Forwards: 70\r\n"
		 "From: <sip:bob@192.0.2.9>;tag=b\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: call%u\r\nCSeq: 1 %s\r\n%s%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 method, uri, number, number, method,
		 strcmp(method, "INVITE") ? "" : "Contact: <sip:bob@192.0.2.9>\r\n", lines, strlen(body), body);
	lab_request_text(lab, text);
}

static void options_tells_what_we_can(void **state)
{
	struct lab *lab = *state;

	request(lab, "OPTIONS", "sip:alice@192.0.2.1", "", "");
	struct fake_packet *ok = lab_take(lab, "200");
	lab_has(ok, SIP_HEADER_ALLOW, "INVITE, ACK, CANCEL, BYE, OPTIONS");
	lab_has(ok, SIP_HEADER_ACCEPT, "application/sdp");
	assert_non_null(sip_message_header(ok->message, SIP_HEADER_SUPPORTED, 0));
	lab_has(ok, SIP_HEADER_TO, ";tag=");
	lab_body(ok, "caps");
	lab_value(ok, SIP_HEADER_CONTENT_TYPE, "application/sdp");
	/* Who cannot read the body does not get it. */
	request(lab, "OPTIONS", "sip:alice@192.0.2.1", "Accept: text/plain\r\n", "");
	lab_body(lab_take(lab, "200"), "");
}

static void methods_are_known_or_not(void **state)
{
	static const char *const known[] = { "REGISTER", "MESSAGE", "REFER", "PUBLISH" };
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		request(lab, known[i], "sip:alice@192.0.2.1", "", "");
		lab_has(lab_take(lab, "405"), SIP_HEADER_ALLOW, "INVITE, ACK, CANCEL, BYE, OPTIONS");
	}
	request(lab, "FROBNICATE", "sip:alice@192.0.2.1", "", "");
	lab_take(lab, "501");
	static const char *const inside[] = { "BYE", "UPDATE", "PRACK", "INFO" };
	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		request(lab, inside[i], "sip:alice@192.0.2.1", "", "");
		lab_take(lab, "481");
	}
}

static void the_checks_come_in_the_order_of_8_2(void **state)
{
	struct lab *lab = *state;

	/* Everything is wrong with it: method first. */
	request(lab, "FROBNICATE", "nonsense:alice", "Require: x\r\nContent-Type: text/plain\r\n", "y");
	lab_take(lab, "501");
	lab->accept_status = 404;
	request(lab, "INVITE", "nonsense:alice", "Require: x\r\nContent-Type: text/plain\r\n", "y");
	lab_take(lab, "416");
	request(lab, "INVITE", "sip:alice@192.0.2.1", "Require: x\r\nContent-Type: text/plain\r\n", "y");
	lab_take(lab, "404");
	lab->accept_status = 0;
	request(lab, "INVITE", "sip:alice@192.0.2.1", "Require: x, y\r\nRequire: z\r\nContent-Type: text/plain\r\n",
		"y");
	struct fake_packet *refusal = lab_take(lab, "420");
	lab_has(refusal, SIP_HEADER_UNSUPPORTED, "x");
	lab_has(refusal, SIP_HEADER_UNSUPPORTED, "y");
	lab_has(refusal, SIP_HEADER_UNSUPPORTED, "z");
	request(lab, "INVITE", "sip:alice@192.0.2.1", "Content-Type: text/plain\r\n", "y");
	refusal = lab_take(lab, "415");
	lab_value(refusal, SIP_HEADER_ACCEPT, "application/sdp, multipart/mixed");
	lab_value(refusal, SIP_HEADER_ACCEPT_ENCODING, "identity");
	/* A body of no type is of a type that nobody knows. */
	request(lab, "INVITE", "sip:alice@192.0.2.1", "", "y");
	lab_value(lab_take(lab, "415"), SIP_HEADER_ACCEPT, "application/sdp, multipart/mixed");
	lab_said(lab, "");
	fake_net_drop(&lab->net);
}

static void encoded_and_unreadable_bodies(void **state)
{
	struct lab *lab = *state;

	request(lab, "INVITE", "sip:alice@192.0.2.1", "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
		"zz");
	lab_take(lab, "415");
	fake_net_drop(&lab->net);
	request(lab, "INVITE", "sip:alice@192.0.2.1",
		"Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n", "hi");
	lab_said(lab, "incoming bob|");
	/* It counts as none: the offer is ours to make. */
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_body(lab_take(lab, "200"), "o9");
}

/* RFC 3261 20.11: what describes something else than the session is no offer, and must be understood unless it says
 * not.
 */
static void descriptions_of_something_else(void **state)
{
	static const struct {
		const char *disposition, *outcome;
	} rows[] = {
		{ "icon", "415" },
		{ "early-session", "415" },
		{ "early-session;handling=required", "415" },
		{ "early-session;handling=optional", "200" },
		{ "session;handling=required", "200" },
		{ "Session", "200" },
	};
	struct lab *lab = *state;
	char lines[160];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(lines, sizeof lines, "Content-Type: application/sdp\r\nContent-Disposition: %s\r\n",
			 rows[i].disposition);
		lab->session = NULL;
		request(lab, "INVITE", "sip:alice@192.0.2.1", lines, "o1");
		if (lab->session)
			assert_int_equal(session_answer(lab->session), ERR_NONE);
		lab_take(lab, rows[i].outcome);
		if (lab->session)
			session_hangup(lab->session, slice_of(NULL));
		fake_net_drop(&lab->net);
	}
}

static void an_answer_that_nobody_could_read_is_406(void **state)
{
	struct lab *lab = *state;

	request(lab, "INVITE", "sip:alice@192.0.2.1",
		"Accept: text/nobodyKnowsThis\r\nContent-Type: application/sdp\r\n", "o1");
	lab_take(lab, "406");
	fake_net_drop(&lab->net);
	request(lab, "INVITE", "sip:alice@192.0.2.1",
		"Accept: text/plain, application/*;q=0.5\r\nContent-Type: application/sdp\r\n", "o1");
	lab_said(lab, "incoming bob|");
	fake_net_drop(&lab->net);
	/* The most particular range says how much it is wanted; "0" is not at all. */
	request(lab, "INVITE", "sip:alice@192.0.2.1",
		"Accept: */*, application/sdp;q=0.00\r\nContent-Type: application/sdp\r\n", "o1");
	lab_take(lab, "406");
	fake_net_drop(&lab->net);
	request(lab, "INVITE", "sip:alice@192.0.2.1",
		"Accept: */*;q=0, application/sdp;q=0.01\r\nContent-Type: application/sdp\r\n", "o1");
	lab_said(lab, "incoming bob|");
}

static void tags_of_no_dialog_are_481(void **state)
{
	static const char *const methods[] = { "INVITE", "OPTIONS", "BYE" };
	struct lab *lab = *state;

	snprintf(lab->invite_tag, sizeof lab->invite_tag, "nowhere");
	for (unsigned i = 0; i < ARRAY_LEN(methods); i++) {
		lab_request(lab, methods[i], "lost", i + 1, true, "", "");
		lab_take(lab, "481");
		fake_net_drop(&lab->net);
	}
	lab_request(lab, "ACK", "lost", 9, true, "", "");
	lab_quiet(lab);
}

static void a_tel_uri_may_be_ours(void **state)
{
	struct lab *lab = *state;

	request(lab, "INVITE", "tel:+12125551212", SDP_LINES, "o1");
	lab_said(lab, "incoming bob|");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_take(lab, "200");
}

static void cancel_of_nothing_is_481(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "CANCEL", "none", 1, false, "", "");
	lab_take(lab, "481");
}

static void every_prefix_of_a_call_is_survived(void **state)
{
	struct lab *lab = *state;
	const char *text =
		"INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKp\r\nMax-Forwards: "
		"70\r\n"
		"From: \"B\" <sip:bob@192.0.2.9>;tag=b\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: p\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:bob@192.0.2.9>\r\nRecord-Route: <sip:1.2.3.4;lr>\r\nContent-Type: "
		"application/sdp\r\nContent-Length: 2\r\n\r\no1";

	for (size_t n = 1; n < strlen(text); n++) {
		fake_net_datagram_bytes(&lab->net, "192.0.2.9:5060", slice_make(text, n));
		lab_pass(lab, 0);
		fake_net_drop(&lab->net);
	}
	fake_net_datagram(&lab->net, "192.0.2.9:5060", text);
	lab_pass(lab, 40 * SECOND_US);
	assert_true(ua_is_quiet(lab->ua));
}

static void a_call_to_ourselves_works(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *packet;
	struct session *caller = lab_call(lab, "sip:alice@192.0.2.1:5060", "o1");

	/* Whatever the stack sends comes back to it, as over the loopback. */
	lab->answer_at_once = true;
	lab_pass(lab, 0);
	while ((packet = fake_net_take(&lab->net)) != NULL) {
		fake_net_datagram_bytes(&lab->net, "192.0.2.1:5060", slice_make(packet->bytes, packet->bytes_n));
		lab_pass(lab, 0);
	}
	assert_int_equal(session_state(caller), SESSION_CONFIRMED);
	session_hangup(caller, slice_of(NULL));
	lab_pass(lab, 0);
	while ((packet = fake_net_take(&lab->net)) != NULL) {
		fake_net_datagram_bytes(&lab->net, "192.0.2.1:5060", slice_make(packet->bytes, packet->bytes_n));
		lab_pass(lab, 0);
	}
	lab_said(lab, "incoming alice|offer 0 o1|answered 0 200|answer 0 a1|answered 0 "
		      "200|acknowledged|ended us 200 none|ended peer 200 none|");
}

/* The answer goes to whoever the packet says it is from: it must not be much larger. */
static void a_long_require_gets_a_short_420(void **state)
{
	struct lab *lab = *state;
	struct buf lines;

	request(lab, "OPTIONS", "sip:alice@192.0.2.1", "Require: foo,bar\r\nRequire: baz\r\n", "");
	lab_value(lab_take(lab, "420"), SIP_HEADER_UNSUPPORTED, "foo, bar, baz");
	buf_init(&lines, 2000);
	buf_add(&lines, SLICE("Require: a"));
	for (int i = 0; i < 500; i++)
		buf_add(&lines, SLICE(",a"));
	buf_add(&lines, SLICE("\r\n"));
	request(lab, "OPTIONS", "sip:alice@192.0.2.1", buf_text(&lines), "");
	struct fake_packet *refusal = lab_take(lab, "420");
	assert_null(sip_message_header(refusal->message, SIP_HEADER_UNSUPPORTED, 1));
	assert_true(refusal->bytes_n < 500);
	buf_clear(&lines);
	buf_add(&lines, SLICE("Require: "));
	for (int i = 0; i < 1000; i++)
		buf_add_char(&lines, 'a');
	buf_add(&lines, SLICE(", b\r\n"));
	request(lab, "OPTIONS", "sip:alice@192.0.2.1", buf_text(&lines), "");
	lab_value(lab_take(lab, "420"), SIP_HEADER_UNSUPPORTED, "b");
	buf_fini(&lines);
}

static void options_says_what_an_invite_would_get(void **state)
{
	struct lab *lab = *state;

	ua_settings(lab->ua)->max_sessions = 1;
	lab_called_up(lab);
	request(lab, "OPTIONS", "sip:alice@192.0.2.1", "", "");
	lab_take(lab, "486");
	/* In the dialog it asks about the other end of it. */
	lab_request(lab, "OPTIONS", "c1", 2, true, "", "");
	lab_take(lab, "200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(options_tells_what_we_can),
		LAB_TEST(methods_are_known_or_not),
		LAB_TEST(the_checks_come_in_the_order_of_8_2),
		LAB_TEST(encoded_and_unreadable_bodies),
		LAB_TEST(descriptions_of_something_else),
		LAB_TEST(an_answer_that_nobody_could_read_is_406),
		LAB_TEST(tags_of_no_dialog_are_481),
		LAB_TEST(a_tel_uri_may_be_ours),
		LAB_TEST(cancel_of_nothing_is_481),
		LAB_TEST(every_prefix_of_a_call_is_survived),
		LAB_TEST(a_call_to_ourselves_works),
		LAB_TEST(a_long_require_gets_a_short_420),
		LAB_TEST(options_says_what_an_invite_would_get),
	};

	return cmocka_run_group_tests_name("sip/ua/ua", tests, NULL, NULL);
}
