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
	lab_take(lab, "100");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_call_rings_is_answered_and_acknowledged),
		LAB_TEST(the_200_is_repeated_until_the_ack),
		LAB_TEST(without_ack_it_ends_with_bye_after_64_t1),
		LAB_TEST(on_streams_the_200_is_repeated_too),
		LAB_TEST(cancel_ends_it_with_487),
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
	};

	return cmocka_run_group_tests_name("sip/ua/session_server", tests, NULL, NULL);
}
