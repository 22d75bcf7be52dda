#include "tests/unit/sip/ua/lab/lab.h"

static void ring(struct lab *lab)
{
	lab_request(lab, "INVITE", "c1", 1, false, "Record-Route: <sip:192.0.2.31;lr>\r\n" SDP_LINES, "o1");
	lab_take(lab, "100");
	lab_said(lab, "incoming bob|");
}

static void a_call_rings_is_answered_and_acknowledged(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	assert_int_equal(session_state(lab->session), SESSION_INCOMING);
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	struct fake_packet *ringing = lab_take(lab, "180");
	lab_has(ringing, SIP_HEADER_TO, ";tag=");
	lab_value(ringing, SIP_HEADER_RECORD_ROUTE, "<sip:192.0.2.31;lr>");
	lab_value(ringing, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1:5060>");
	assert_int_equal(session_state(lab->session), SESSION_EARLY);
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	lab_value(ok, SIP_HEADER_RECORD_ROUTE, "<sip:192.0.2.31;lr>");
	lab_value(ok, SIP_HEADER_SERVER, "offhook/test");
	lab_has(ok, SIP_HEADER_ALLOW, "INVITE");
	lab_body(ok, "a1");
	assert_true(slice_eq(fake_packet_value(ok, SIP_HEADER_TO, 0), fake_packet_value(ringing, SIP_HEADER_TO, 0)));
	assert_int_equal(session_last_sent(lab->session)->status, 200);
	lab_said(lab, "offer 0 o1|answered 0 200|");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	lab_ack(lab, 1, "", "");
	lab_said(lab, "acknowledged|");
	assert_true(slice_eq(session_last_received(lab->session)->method_name, SLICE("ACK")));
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_to(bye, "192.0.2.31:5060");
	lab_uri(bye, "sip:bob@192.0.2.9");
	lab_value(bye, SIP_HEADER_ROUTE, "<sip:192.0.2.31;lr>");
	lab_has(bye, SIP_HEADER_TO, "Bob <sip:bob@192.0.2.9>;tag=b");
	lab_has(bye, SIP_HEADER_FROM, "<sip:alice@192.0.2.1>;tag=");
	lab_said(lab, "ended us 200 none|");
}

static void the_200_is_repeated_until_the_ack(void **state)
{
	struct lab *lab = *state;
	static const int64_t pauses_ms[] = { 500, 1000, 2000, 4000, 4000, 4000 };
	struct fake_packet *first = lab_called(lab);

	for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
		lab_pass(lab, pauses_ms[i] * MS_US - MS_US);
		lab_quiet(lab);
		lab_pass(lab, MS_US);
		assert_string_equal(lab_take(lab, "200")->bytes, first->bytes);
	}
	lab_ack(lab, 1, "", "");
	lab_pass(lab, 60 * SECOND_US);
	lab_quiet(lab);
	lab_said(lab, "acknowledged|");
}

static void without_ack_it_ends_with_bye_after_64_t1(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *packet;
	int byes = 0;

	lab_called(lab);
	lab_pass(lab, 31 * SECOND_US);
	lab_said(lab, "");
	fake_net_drop(&lab->net);
	lab_pass(lab, SECOND_US);
	while ((packet = fake_net_take(&lab->net)) != NULL)
		byes += fake_packet_is(packet, "BYE");
	assert_int_equal(byes, 1);
	lab_said(lab, "ended us 408 timeout|");
}

static void on_streams_the_200_is_repeated_too(void **state)
{
	struct lab *lab = *state;
	struct flow *flow = fake_net_accept(&lab->net, SIP_TCP, "192.0.2.9:40123");

	fake_net_bytes(
		&lab->net, flow,
		"INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP "
		"192.0.2.9:5060;branch=z9hG4bKt\r\nMax-Forwards: 70\r\n"
		"From: <sip:bob@192.0.2.9>;tag=b\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:bob@192.0.2.9;transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: "
		"2\r\n\r\no1");
	lab_take(lab, "100");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	assert_int_equal(ok->protocol, SIP_TCP);
	lab_value(ok, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1:5060;transport=tcp>");
	lab_pass(lab, 500 * MS_US);
	lab_take(lab, "200");
	lab_pass(lab, 1000 * MS_US);
	lab_take(lab, "200");
}

static void cancel_ends_it_with_487(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	lab_cancel(lab, 1);
	lab_take(lab, "200");
	lab_take(lab, "487");
	lab_said(lab, "failed 487 cancelled|");
	/* Too late for everything else. */
	assert_null(lab->session);
}

/* 9.2: the 200 and the 487 have one To tag, also when nothing but 100 was sent before. */
static void a_cancel_before_the_180_gets_the_tag_of_the_487(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	lab_cancel(lab, 1);
	struct slice ok = fake_packet_value(lab_take(lab, "200"), SIP_HEADER_TO, 0);
	assert_true(slice_find(ok, ';') < ok.n);
	struct fake_packet *last = lab_take(lab, "487");
	assert_true(slice_eq(fake_packet_value(last, SIP_HEADER_TO, 0), ok));
	lab_said(lab, "failed 487 cancelled|");
}

static void cancel_after_the_answer_changes_nothing(void **state)
{
	struct lab *lab = *state;

	lab_called(lab);
	lab_cancel(lab, 1);
	lab_take(lab, "200");
	lab_quiet(lab);
	lab_ack(lab, 1, "", "");
	lab_said(lab, "acknowledged|");
}

static void refusals_of_all_kinds(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	assert_int_equal(session_reject(lab->session, 200, slice_of(NULL), slice_of(NULL)), ERR_RANGE);
	assert_int_equal(session_reject(lab->session, 603, SLICE("No\r\nThanks"), slice_of(NULL)), ERR_NONE);
	assert_int_equal(session_answer(lab->session), ERR_STATE);
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_STATE);
	struct fake_packet *refusal = lab_take(lab, "603");
	lab_has(refusal, SIP_HEADER_TO, ";tag=");
	assert_true(refusal->message->reason.n > 0);
	lab_said(lab, "failed 603 local|");
	fake_net_drop(&lab->net);
	lab_request(lab, "INVITE", "c2", 1, false, "", "");
	lab_take(lab, "100");
	assert_int_equal(session_reject(lab->session, 302, slice_of(NULL), SLICE("sip:carol@192.0.2.20")), ERR_NONE);
	lab_value(lab_take(lab, "302"), SIP_HEADER_CONTACT, "<sip:carol@192.0.2.20>");
	lab_said(lab, "incoming bob|failed 302 local|");
	fake_net_drop(&lab->net);
	lab_request(lab, "INVITE", "c3", 1, false, "", "");
	lab_take(lab, "100");
	session_hangup(lab->session, slice_of(NULL));
	lab_take(lab, "480");
	lab_said(lab, "incoming bob|failed 480 local|");
}

static void refusing_in_the_handler_is_safe(void **state)
{
	struct lab *lab = *state;

	lab->reject_at_once = true;
	lab_request(lab, "INVITE", "c1", 1, false, SDP_LINES, "o1");
	/* 17.2.1: no 100 precedes what is there at once. */
	lab_take(lab, "486");
	lab_said(lab, "incoming bob|failed 486 local|");
}

static void an_unusable_offer_gets_488(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	lab->offer_status = 488;
	assert_int_equal(session_answer(lab->session), ERR_MEDIA);
	lab_take(lab, "488");
	lab_said(lab, "offer 0 o1|failed 488 media|");
}

static void an_answer_in_183_is_repeated_in_200(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	assert_int_equal(session_progress(lab->session, 183, SLICE("early")), ERR_NONE);
	lab_body(lab_take(lab, "183"), "early");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	lab_body(lab_take(lab, "180"), "");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_body(lab_take(lab, "200"), "early");
	lab_said(lab, "answered 0 200|");
}

static void a_late_offer_is_ours_and_the_ack_answers(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "INVITE", "c1", 1, false, "", "");
	lab_take(lab, "100");
	assert_int_equal(session_progress(lab->session, 183, SLICE("x")), ERR_STATE);
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	lab_body(ok, "o9");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	/* Before that answer a re-INVITE with another offer is a glare (RFC 5407 3.1.5). */
	lab_request(lab, "INVITE", "c1", 2, true, SDP_LINES, "o2");
	lab_take(lab, "491");
	lab_ack(lab, 2, "", "");
	lab_ack(lab, 1, SDP_LINES, "a9");
	lab_said(lab, "incoming bob|make|answered 0 200|answer 0 a9|acknowledged|");
}

static void an_ack_without_the_answer_ends_with_bye(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "INVITE", "c1", 1, false, "", "");
	lab_take(lab, "100");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	lab_ack(lab, 1, "", "");
	lab_take(lab, "BYE");
	lab_said(lab, "incoming bob|make|answered 0 200|ended us 488 media|");
}

static void hanging_up_before_the_ack_waits_for_it(void **state)
{
	struct lab *lab = *state;

	lab_called(lab);
	session_hangup(lab->session, slice_of(NULL));
	lab_said(lab, "ended us 200 none|");
	lab_quiet(lab);
	lab_ack(lab, 1, "", "");
	lab_answer(lab, lab_take(lab, "BYE"), 200, NULL, "", "");
	lab_quiet(lab);
	lab_said(lab, "");
}

static void hanging_up_when_no_ack_comes_says_goodbye_in_the_end(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *packet;
	int byes = 0;

	lab_called(lab);
	session_hangup(lab->session, slice_of(NULL));
	lab_pass(lab, 32 * SECOND_US);
	while ((packet = fake_net_take(&lab->net)) != NULL)
		byes += fake_packet_is(packet, "BYE");
	assert_int_equal(byes, 1);
	lab_said(lab, "ended us 200 none|");
}

static void an_unanswered_call_ends_with_480(void **state)
{
	struct lab *lab = *state;

	ua_settings(lab->ua)->ring_timeout_us = 30 * SECOND_US;
	ring(lab);
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	lab_take(lab, "180");
	lab_pass(lab, 29 * SECOND_US);
	lab_quiet(lab);
	lab_pass(lab, SECOND_US);
	lab_take(lab, "480");
	lab_said(lab, "failed 480 timeout|");
}

static void an_invitation_expires_when_its_caller_says(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "INVITE", "c1", 1, false, "Expires: 12\r\n" SDP_LINES, "o1");
	lab_pass(lab, 11 * SECOND_US);
	lab_said(lab, "incoming bob|");
	lab_pass(lab, SECOND_US);
	lab_take(lab, "487");
	lab_said(lab, "failed 487 timeout|");
	/* An answer in time stops that clock. */
	fake_net_drop(&lab->net);
	lab_request(lab, "INVITE", "c2", 1, false, "Expires: 12\r\n" SDP_LINES, "o1");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_pass(lab, 20 * SECOND_US);
	lab_said(lab, "incoming bob|offer 0 o1|answered 0 200|");
}

static void ringing_is_repeated_every_minute(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	lab_take(lab, "180");
	for (int i = 0; i < 4; i++) {
		lab_pass(lab, 59 * SECOND_US);
		lab_quiet(lab);
		lab_pass(lab, SECOND_US);
		lab_take(lab, "180");
	}
}

static void too_many_calls_are_busy(void **state)
{
	struct lab *lab = *state;

	ua_settings(lab->ua)->max_sessions = 1;
	ring(lab);
	lab_request(lab, "INVITE", "c2", 1, false, SDP_LINES, "o1");
	lab_take(lab, "486");
	lab_said(lab, "");
	lab_cancel(lab, 1);
	lab_said(lab, "failed 487 cancelled|");
	fake_net_drop(&lab->net);
	lab_request(lab, "INVITE", "c3", 1, false, SDP_LINES, "o1");
	lab_take(lab, "100");
}

static void the_caller_may_leave_by_bye_while_it_rings(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	struct fake_packet *ringing = lab_take(lab, "180");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ringing->message)->tag));
	lab_request(lab, "BYE", "c1", 2, true, "", "");
	lab_take(lab, "200");
	lab_take(lab, "487");
	lab_said(lab, "failed 487 cancelled|");
}

static void the_peers_bye_ends_it(void **state)
{
	struct lab *lab = *state;

	lab_called_up(lab);
	lab_request(lab, "BYE", "c1", 2, true, "Reason: Q.850;cause=16\r\n", "");
	lab_take(lab, "200");
	lab_said(lab, "ended peer 200 none|");
	lab_request(lab, "BYE", "c1", 3, true, "", "");
	lab_take(lab, "481");
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
}

static void two_byes_that_cross_are_both_answered(void **state)
{
	struct lab *lab = *state;

	lab_called_up(lab);
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_request(lab, "BYE", "c1", 2, true, "", "");
	lab_take(lab, "200");
	/* And a re-INVITE that crosses our BYE finds nothing (RFC 5407 3.2.2). */
	lab_request(lab, "INVITE", "c1", 3, true, SDP_LINES, "o2");
	lab_take(lab, "481");
	lab_answer(lab, bye, 200, NULL, "", "");
	lab_said(lab, "ended us 200 none|");
}

static void the_identity_of_the_called_names_the_contact(void **state)
{
	struct lab *lab = *state;

	ring(lab);
	lab->alice.contact_user = "alice#1";
	lab->alice.has_contact = true;
	lab->alice.contact = fake_address("203.0.113.5:6000");
	lab->alice.contact_protocol = SIP_UDP;
	session_set_identity(lab->session, &lab->alice);
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_value(lab_take(lab, "200"), SIP_HEADER_CONTACT, "<sip:alice%231@203.0.113.5:6000>");
}

/* A call with these lines that may hold a NUL, answered; then we hang up. @return the BYE */
static struct fake_packet *called_with(struct lab *lab, const char *names, struct slice lines)
{
	struct buf text;

	buf_init(&text, 1 << 16);
	buf_add(&text, SLICE("INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx"));
	buf_printf(&text, "%s\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n", names, names);
	buf_add(&text, lines);
	buf_add(&text, SLICE("Max-Forwards: 70\r\n" SDP_LINES "Content-Length: 2\r\n\r\no1"));
	fake_net_datagram_bytes(&lab->net, "192.0.2.9:5060", buf_slice(&text));
	buf_fini(&text);
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	lab_request(lab, "ACK", names, 1, true, "", "");
	session_hangup(lab->session, slice_of(NULL));
	return lab_take(lab, "BYE");
}

#define FROM_AND_TO "From: Bob <sip:bob@192.0.2.9>;tag=b\r\nTo: <sip:alice@192.0.2.1>\r\n"

/* A quoted string may hold one (25.1; RFC 4475 3.1.1.2). */
static void a_nul_in_a_name_cuts_nothing(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *bye;

	bye = called_with(lab, "n1",
			  SLICE(BOB_CONTACT FROM_AND_TO
				"Record-Route: \"a\\\0b\" <sip:192.0.2.7;lr>;x=\"\\\0\"\r\n"));
	lab_to(bye, "192.0.2.7:5060");
	lab_has(bye, SIP_HEADER_ROUTE, "<sip:192.0.2.7;lr>");
	bye = called_with(lab, "n2",
			  SLICE("From: \"a\\\0b\" <sip:bob@192.0.2.9>;tag=b\r\n"
				"To: \"c\\\0d\" <sip:alice@192.0.2.1>\r\n" BOB_CONTACT));
	assert_non_null(sip_message_to(bye->message));
	assert_true(slice_eq(sip_message_to(bye->message)->tag, SLICE("b")));
	assert_true(slice_eq(sip_message_from(bye->message)->tag, slice_of(lab->invite_tag)));
	buf_clear(&lab->said);
}

static void a_contact_of_thirty_thousand_bytes_is_no_target(void **state)
{
	struct lab *lab = *state;
	struct buf lines;

	buf_init(&lines, 1 << 16);
	buf_add(&lines, SLICE(FROM_AND_TO "Contact: <sip:"));
	for (int i = 0; i < 30000; i++)
		buf_add_char(&lines, 'a');
	buf_add(&lines, SLICE("@192.0.2.9>\r\n"));
	struct fake_packet *bye = called_with(lab, "n1", buf_slice(&lines));
	lab_uri(bye, "sip:bob@192.0.2.9");
	buf_fini(&lines);
	buf_clear(&lab->said);
}

static void a_route_that_no_request_can_follow_is_513(void **state)
{
	struct lab *lab = *state;
	struct buf lines;

	buf_init(&lines, 1 << 16);
	buf_add(&lines, SLICE("Record-Route: <sip:192.0.2.7;lr>"));
	for (int i = 0; i < 70; i++)
		buf_add(&lines, SLICE(", <sip:192.0.2.7;lr>"));
	buf_add(&lines, SLICE("\r\n" SDP_LINES));
	lab_request(lab, "INVITE", "c1", 1, false, buf_text(&lines), "o1");
	lab_take(lab, "513");
	buf_clear(&lines);
	buf_add(&lines, SLICE("Record-Route: <sip:"));
	for (int i = 0; i < 30000; i++)
		buf_add_char(&lines, 'a');
	buf_add(&lines, SLICE("@192.0.2.7>\r\n" SDP_LINES));
	lab_request(lab, "INVITE", "c2", 1, false, buf_text(&lines), "o1");
	lab_take(lab, "513");
	lab_said(lab, "");
	buf_fini(&lines);
}

static void a_sips_route_or_contact_makes_our_contact_sips(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "INVITE", "c1", 1, false, "Record-Route: <sips:192.0.2.31;lr>\r\n" SDP_LINES, "o1");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	lab_has(lab_take(lab, "180"), SIP_HEADER_CONTACT, "<sips:");
	lab_request(lab, "INVITE", "c2", 1, false, "Record-Route: <sip:192.0.2.31;lr>\r\n" SDP_LINES, "o1");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	lab_has(lab_take(lab, "180"), SIP_HEADER_CONTACT, "<sip:");
}

/* ---- one host alone cannot keep the phone busy ---- */

static void ring_from(struct lab *lab, const char *host, unsigned number)
{
	char text[1024], from[64];

	snprintf(from, sizeof from, "%s:5060", host);
	snprintf(text, sizeof text,
		 "INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKf%u\r\nMax-Forwards: 70\r\n"
		 "From: <sip:bob@%s>;tag=b\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: f%u\r\nCSeq: 1 INVITE\r\n"
		 "Contact: <sip:bob@%s>\r\nContent-Length: 0\r\n\r\n",
		 host, number, host, number, host);
	fake_net_datagram(&lab->net, from, text);
	ua_sweep(lab->ua);
}

static void one_host_may_hold_a_quarter_of_the_lines_ringing(void **state)
{
	struct lab *lab = *state;
	struct session *first = NULL;

	ua_settings(lab->ua)->max_sessions = 16;
	for (unsigned i = 0; i < 4; i++) {
		ring_from(lab, "203.0.113.9", i);
		first = first ? first : lab->session;
	}
	lab_said(lab, "incoming bob|incoming bob|incoming bob|incoming bob|");
	ring_from(lab, "203.0.113.9", 4);
	lab_take(lab, "486");
	ring_from(lab, "203.0.113.10", 5);
	lab_said(lab, "incoming bob|");
	/* Answered ones do not count. */
	assert_int_equal(session_answer(first), ERR_NONE);
	lab_said(lab, "make|answered 0 200|");
	fake_net_drop(&lab->net);
	ring_from(lab, "203.0.113.9", 6);
	lab_said(lab, "incoming bob|");
}

static void our_own_proxy_and_this_machine_bring_more(void **state)
{
	struct lab *lab = *state;
	struct request_config config = { .identity = &lab->alice,
					 .method = SLICE("OPTIONS"),
					 .target = SLICE("sip:203.0.113.9") };
	enum err err;

	ua_settings(lab->ua)->max_sessions = 16;
	lab->alice.uri = "sip:alice@203.0.113.9";
	assert_non_null(ua_request(lab->ua, &config, &err));
	lab_take(lab, "OPTIONS");
	for (unsigned i = 0; i < 8; i++) {
		ring_from(lab, "203.0.113.9", i);
		lab_said(lab, "incoming bob|");
		ring_from(lab, "127.0.0.1", 10 + i);
		lab_said(lab, "incoming bob|");
	}
	ring_from(lab, "127.0.0.1", 20);
	lab_said(lab, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_call_rings_is_answered_and_acknowledged),
		LAB_TEST(the_200_is_repeated_until_the_ack),
		LAB_TEST(without_ack_it_ends_with_bye_after_64_t1),
		LAB_TEST(on_streams_the_200_is_repeated_too),
		LAB_TEST(cancel_ends_it_with_487),
		LAB_TEST(a_cancel_before_the_180_gets_the_tag_of_the_487),
		LAB_TEST(cancel_after_the_answer_changes_nothing),
		LAB_TEST(refusals_of_all_kinds),
		LAB_TEST(refusing_in_the_handler_is_safe),
		LAB_TEST(an_unusable_offer_gets_488),
		LAB_TEST(an_answer_in_183_is_repeated_in_200),
		LAB_TEST(a_late_offer_is_ours_and_the_ack_answers),
		LAB_TEST(an_ack_without_the_answer_ends_with_bye),
		LAB_TEST(hanging_up_before_the_ack_waits_for_it),
		LAB_TEST(hanging_up_when_no_ack_comes_says_goodbye_in_the_end),
		LAB_TEST(an_unanswered_call_ends_with_480),
		LAB_TEST(an_invitation_expires_when_its_caller_says),
		LAB_TEST(ringing_is_repeated_every_minute),
		LAB_TEST(too_many_calls_are_busy),
		LAB_TEST(the_caller_may_leave_by_bye_while_it_rings),
		LAB_TEST(the_peers_bye_ends_it),
		LAB_TEST(two_byes_that_cross_are_both_answered),
		LAB_TEST(the_identity_of_the_called_names_the_contact),
		LAB_TEST(a_nul_in_a_name_cuts_nothing),
		LAB_TEST(a_contact_of_thirty_thousand_bytes_is_no_target),
		LAB_TEST(a_route_that_no_request_can_follow_is_513),
		LAB_TEST(a_sips_route_or_contact_makes_our_contact_sips),
		LAB_TEST(one_host_may_hold_a_quarter_of_the_lines_ringing),
		LAB_TEST(our_own_proxy_and_this_machine_bring_more),
	};

	return cmocka_run_group_tests_name("sip/ua/session_server", tests, NULL, NULL);
}
