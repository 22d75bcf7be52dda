#include "tests/unit/sip/ua/lab/lab.h"

/* Requests of the peer inside the dialog that we began: Call-ID and tags from our INVITE. */
static void peer_send(struct lab *lab, const struct fake_packet *invite, const char *method, const char *branch,
		      unsigned cseq, const char *lines, const char *body)
{
	char text[2048];

	snprintf(text, sizeof text,
		 "%s sip:alice@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
		 "192.0.2.9;branch=z9hG4bKp%s%u\r\nMax-Forwards: 70\r\n"
		 "From: <sip:bob@192.0.2.9>;tag=b\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\nContact: "
		 "<sip:bob@192.0.2.7>\r\n"
		 "%sContent-Length: %zu\r\n\r\n%s",
		 method, branch, cseq, SLICE_ARG(fake_packet_value(invite, SIP_HEADER_FROM, 0)),
		 SLICE_ARG(fake_packet_value(invite, SIP_HEADER_CALL_ID, 0)), cseq, method, lines, strlen(body), body);
	lab_request_text(lab, text);
}

static void peer_request(struct lab *lab, const struct fake_packet *invite, const char *method, unsigned cseq,
			 const char *lines, const char *body)
{
	peer_send(lab, invite, method, method, cseq, lines, body);
}

static void ours_is_accepted_and_acknowledged(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("hold")), ERR_NONE);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	assert_int_equal(lab_cseq(invite), 2);
	lab_body(invite, "hold");
	lab_has(invite, SIP_HEADER_TO, ";tag=b");
	lab_has(invite, SIP_HEADER_CONTACT, "alice@");
	lab_answer(lab, invite, 200, NULL, "Contact: <sip:bob@192.0.2.8>\r\n" SDP_LINES, "held");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_value(ack, SIP_HEADER_CSEQ, "2 ACK");
	lab_uri(ack, "sip:bob@192.0.2.8");
	lab_said(lab, "answer 0 held|reinvited 200|");
	lab_answer(lab, invite, 200, NULL, "Contact: <sip:bob@192.0.2.8>\r\n" SDP_LINES, "held");
	assert_string_equal(lab_take(lab, "ACK")->bytes, ack->bytes);
	lab_said(lab, "");
}

static void without_offer_the_ack_answers(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, slice_of(NULL)), ERR_NONE);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_body(invite, "");
	lab_answer(lab, invite, 200, NULL, BOB_CONTACT SDP_LINES, "o5");
	lab_body(lab_take(lab, "ACK"), "a1");
	lab_said(lab, "offer 0 o5|reinvited 200|");
}

/* Automatic answerers say 200 and answer nothing. */
static void a_200_without_answer_keeps_the_session(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(session_reinvite(lab->session, SLICE("hold")), ERR_NONE);
		lab_answer(lab, lab_take(lab, "INVITE"), 200, NULL, BOB_CONTACT, "");
		lab_body(lab_take(lab, "ACK"), "");
		lab_said(lab, "reinvited 488|");
		assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
		lab_quiet(lab);
	}
}

static void a_refusal_keeps_the_session(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 488, NULL, "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "reinvited 488|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	assert_int_equal(session_reinvite(lab->session, SLICE("o3")), ERR_NONE);
	lab_body(lab_take(lab, "INVITE"), "o3");
}

/* The peer's own re-INVITE waits for an answer that does not come: ours comes again until that is over, not for ever.
 */
static void glare_is_waited_out(void **state)
{
	struct lab *lab = *state;
	int64_t begun_us = lab->net.timers.now_us;

	lab_called_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	while (lab->net.timers.now_us - begun_us < 33 * SECOND_US) {
		struct fake_packet *invite = fake_net_take(&lab->net);
		if (invite && fake_packet_is(invite, "INVITE"))
			lab_answer(lab, invite, 491, NULL, "", "");
		lab_pass(lab, 20 * MS_US);
	}
	lab_said(lab, "");
	while (lab->net.timers.now_us - begun_us < 60 * SECOND_US) {
		struct fake_packet *invite = fake_net_take(&lab->net);
		if (invite && fake_packet_is(invite, "INVITE"))
			lab_answer(lab, invite, 491, NULL, "", "");
		lab_pass(lab, 20 * MS_US);
	}
	lab_said(lab, "reinvited 491|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	/* The next one is counted anew. */
	assert_int_equal(session_reinvite(lab->session, SLICE("o3")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 491, NULL, "", "");
	lab_take(lab, "ACK");
	lab_pass(lab, 3 * SECOND_US);
	lab_take(lab, "INVITE");
}

/* A peer that was restarted after its 100: the re-INVITE is given up, and the call. */
static void a_reinvite_that_hangs_ends_it(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 100, NULL, "", "");
	/* It says that it takes long, and is waited for. */
	for (int i = 0; i < 5; i++) {
		lab_pass(lab, 60 * SECOND_US);
		lab_answer(lab, invite, 183, "b", BOB_CONTACT, "");
	}
	lab_pass(lab, 95 * SECOND_US);
	lab_quiet(lab);
	lab_pass(lab, SECOND_US);
	lab_answer(lab, lab_take(lab, "CANCEL"), 481, "b", "", "");
	lab_pass(lab, 33 * SECOND_US);
	lab_said(lab, "reinvited 408|ended us 408 timeout|");
	lab_take(lab, "BYE");
}

/* One that only takes long refuses when it is cancelled, and the session that was stands. */
static void a_reinvite_that_is_given_up_leaves_the_session(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 100, NULL, "", "");
	lab_pass(lab, 96 * SECOND_US);
	lab_answer(lab, lab_take(lab, "CANCEL"), 200, "b", "", "");
	lab_answer(lab, invite, 487, "b", "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "reinvited 487|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	assert_int_equal(session_reinvite(lab->session, SLICE("o3")), ERR_NONE);
	lab_body(lab_take(lab, "INVITE"), "o3");
}

static void a_481_or_silence_ends_it(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 481, NULL, "", "");
	lab_take(lab, "ACK");
	lab_take(lab, "BYE");
	lab_said(lab, "reinvited 481|ended us 481 response|");
	fake_net_drop(&lab->net);
	lab_pass(lab, 40 * SECOND_US);
	fake_net_drop(&lab->net);
	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_pass(lab, 33 * SECOND_US);
	lab_said(lab, "reinvited 408|ended us 408 timeout|");
}

static void a_second_waits_for_the_first(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *first = lab_take(lab, "INVITE");
	assert_int_equal(session_reinvite(lab->session, SLICE("o3")), ERR_NONE);
	lab_quiet(lab);
	lab_answer(lab, first, 200, NULL, BOB_CONTACT SDP_LINES, "a2");
	lab_take(lab, "ACK");
	struct fake_packet *second = lab_take(lab, "INVITE");
	lab_body(second, "o3");
	assert_int_equal(lab_cseq(second), 3);
	lab_said(lab, "answer 0 a2|reinvited 200|");
}

static void the_peers_is_answered(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	peer_request(lab, invite, "INVITE", 5, SDP_LINES, "o5");
	struct fake_packet *ok = lab_take(lab, "200");
	lab_body(ok, "a1");
	lab_value(ok, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1:5060>");
	lab_said(lab, "offer 0 o5|peer reinvited|");
	lab_pass(lab, 500 * MS_US);
	lab_take(lab, "200");
	peer_request(lab, invite, "ACK", 5, "", "");
	lab_pass(lab, 5 * SECOND_US);
	lab_quiet(lab);
	/* Its Contact is the new remote target. */
	session_hangup(lab->session, slice_of(NULL));
	lab_uri(lab_take(lab, "BYE"), "sip:bob@192.0.2.7");
}

static void the_peers_without_offer_gets_ours(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	peer_request(lab, invite, "INVITE", 5, "", "");
	lab_body(lab_take(lab, "200"), "o9");
	lab_said(lab, "make|");
	peer_request(lab, invite, "ACK", 5, SDP_LINES, "a9");
	lab_said(lab, "answer 0 a9|peer reinvited|");
}

static void the_peers_is_refused_and_the_session_stands(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	lab->offer_status = 488;
	peer_request(lab, invite, "INVITE", 5, SDP_LINES, "o5");
	lab_take(lab, "488");
	lab_said(lab, "offer 0 o5|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

static void no_ack_for_the_peers_ends_it(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	peer_request(lab, invite, "INVITE", 5, SDP_LINES, "o5");
	lab_pass(lab, 33 * SECOND_US);
	lab_said(lab, "offer 0 o5|peer reinvited|ended us 408 timeout|");
}

static void glare_gets_491_and_ours_comes_again_later(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *ours = lab_take(lab, "INVITE");
	peer_request(lab, invite, "INVITE", 5, SDP_LINES, "o5");
	lab_take(lab, "491");
	peer_send(lab, invite, "ACK", "INVITE", 5, "", "");
	lab_answer(lab, ours, 491, NULL, "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "");
	/* We own the Call-ID: 2.1 to 4 seconds (14.1). */
	lab_pass(lab, 2090 * MS_US);
	lab_quiet(lab);
	lab_pass(lab, 1910 * MS_US);
	struct fake_packet *again = lab_take(lab, "INVITE");
	lab_body(again, "o2");
	assert_true(lab_cseq(again) > lab_cseq(ours));
	lab_answer(lab, again, 200, NULL, BOB_CONTACT SDP_LINES, "a2");
	lab_said(lab, "answer 0 a2|reinvited 200|");
}

static void after_a_glare_the_peers_offer_makes_ours_anew(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 491, NULL, "", "");
	lab_take(lab, "ACK");
	peer_request(lab, invite, "INVITE", 5, SDP_LINES, "o5");
	lab_take(lab, "200");
	peer_request(lab, invite, "ACK", 5, "", "");
	lab_pass(lab, 4 * SECOND_US);
	lab_body(lab_take(lab, "INVITE"), "o9");
	lab_said(lab, "offer 0 o5|peer reinvited|make|");
}

/* Without one the peer would be asked for an offer, which nobody meant. */
static void where_no_offer_can_be_made_none_is_sent(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 491, NULL, "", "");
	lab_take(lab, "ACK");
	peer_request(lab, invite, "INVITE", 5, SDP_LINES, "o5");
	lab_take(lab, "200");
	peer_request(lab, invite, "ACK", 5, "", "");
	const char *ours = lab->our_offer;
	lab->our_offer = "";
	lab_pass(lab, 4 * SECOND_US);
	lab_quiet(lab);
	lab_said(lab, "offer 0 o5|peer reinvited|make|reinvited 488|");
	assert_int_equal(session_reoffer(lab->session), ERR_NONE);
	lab_quiet(lab);
	lab_said(lab, "make|reinvited 488|");
	/* The session stands, and whose turn it is as well. */
	lab->our_offer = ours;
	assert_int_equal(session_reoffer(lab->session), ERR_NONE);
	lab_body(lab_take(lab, "INVITE"), ours);
}

/* 14.2, RFC 3311 5.2: who is busy with an offer says how long. Whoever asks for more than that is told of as it is. */
static void a_500_with_retry_after_is_asked_again(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 500, NULL, "Retry-After: 3\r\n", "");
	lab_take(lab, "ACK");
	lab_said(lab, "");
	lab_pass(lab, 2990 * MS_US);
	lab_quiet(lab);
	lab_pass(lab, 10 * MS_US);
	lab_answer(lab, lab_take(lab, "INVITE"), 500, NULL, "Retry-After: 60\r\n", "");
	lab_take(lab, "ACK");
	lab_said(lab, "reinvited 500|");
	lab_pass(lab, 100 * SECOND_US);
	lab_quiet(lab);
}

static void an_ack_without_an_answer_leaves_all_as_it_was(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	peer_request(lab, invite, "INVITE", 5, "", "");
	lab_body(lab_take(lab, "200"), "o9");
	peer_request(lab, invite, "ACK", 5, "", "");
	lab_quiet(lab);
	lab_said(lab, "make|offer lost|");
	/* And whose turn it is as well. */
	peer_request(lab, invite, "INVITE", 6, SDP_LINES, "o6");
	lab_take(lab, "200");
	peer_request(lab, invite, "ACK", 6, "", "");
	lab_said(lab, "offer 0 o6|peer reinvited|");
}

static void the_called_one_waits_less_after_a_glare(void **state)
{
	struct lab *lab = *state;

	lab_called_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *ours = lab_take(lab, "INVITE");
	assert_int_equal(lab_cseq(ours), 1);
	lab_answer(lab, ours, 491, NULL, "", "");
	lab_take(lab, "ACK");
	lab_pass(lab, 2010 * MS_US);
	lab_take(lab, "INVITE");
}

static void ours_waits_for_the_ack_of_the_first(void **state)
{
	struct lab *lab = *state;

	lab_called(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	lab_quiet(lab);
	lab_ack(lab, 1, "", "");
	lab_body(lab_take(lab, "INVITE"), "o2");
}

static void a_refused_one_before_the_ack_does_not_hold_ours_up(void **state)
{
	struct lab *lab = *state;

	lab_called(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("hold")), ERR_NONE);
	lab_quiet(lab);
	lab->offer_status = 488;
	lab_request(lab, "INVITE", "c1", 2, true, SDP_LINES BOB_CONTACT, "o2");
	lab_take(lab, "488");
	lab_body(lab_take(lab, "INVITE"), "o9"); /* written anew, for theirs came behind it */
}

static void a_reinvite_before_the_ack_counts_as_one(void **state)
{
	struct lab *lab = *state;

	lab_called(lab);
	lab_request(lab, "INVITE", "c1", 2, true, SDP_LINES, "o2");
	lab_body(lab_take(lab, "200"), "a1");
	lab_said(lab, "acknowledged|offer 0 o2|peer reinvited|");
	lab_ack(lab, 2, "", "");
	lab_pass(lab, 10 * SECOND_US);
	lab_quiet(lab);
}

static void a_second_invite_before_our_answer_gets_500(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "INVITE", "c1", 1, false, SDP_LINES, "o1");
	lab_take(lab, "100");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	struct fake_packet *ringing = lab_take(lab, "180");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ringing->message)->tag));
	lab_request(lab, "INVITE", "c1", 2, true, SDP_LINES, "o2");
	struct fake_packet *refusal = lab_take(lab, "500");
	uint32_t seconds;
	assert_true(slice_to_u32(fake_packet_value(refusal, SIP_HEADER_RETRY_AFTER, 0), &seconds));
	assert_true(seconds <= 10);
	lab_said(lab, "incoming bob|");
}

static void a_2xx_that_crosses_our_bye_is_acknowledged(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *ours = lab_take(lab, "INVITE");
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_answer(lab, ours, 200, NULL, BOB_CONTACT SDP_LINES, "a2");
	lab_value(lab_take(lab, "ACK"), SIP_HEADER_CSEQ, "2 ACK");
	lab_answer(lab, bye, 200, NULL, "", "");
	lab_said(lab, "ended us 200 none|");
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
}

/* ---- other requests inside the dialog ---- */

static void on_done(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	unsigned *status = arg;

	assert_non_null(request);
	assert_true(final);
	*status = outcome->status;
}

static void our_requests_go_inside_the_dialog(void **state)
{
	struct lab *lab = *state;
	unsigned status = 0;

	assert_int_equal(session_request(lab_call(lab, NULL, "o1"), SLICE("INFO"), slice_of(NULL), slice_of(NULL), NULL,
					 0, on_done, &status),
			 ERR_STATE);
	lab_answer(lab, lab_take(lab, "INVITE"), 486, "b", "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "failed 486 response|");
	lab_call_up(lab);
	assert_int_equal(session_request(lab->session, SLICE("INFO"), SLICE("text/plain"), SLICE("5"), NULL, 0, on_done,
					 &status),
			 ERR_NONE);
	struct fake_packet *info = lab_take(lab, "INFO");
	lab_body(info, "5");
	lab_has(info, SIP_HEADER_TO, ";tag=b");
	assert_int_equal(lab_cseq(info), 2);
	lab_answer(lab, info, 200, NULL, "", "");
	assert_int_equal(status, 200);
	/* A 481 says that there is no dialog any more. */
	assert_int_equal(
		session_request(lab->session, SLICE("INFO"), slice_of(NULL), slice_of(NULL), NULL, 0, on_done, &status),
		ERR_NONE);
	lab_answer(lab, lab_take(lab, "INFO"), 481, NULL, "", "");
	assert_int_equal(status, 481);
	lab_take(lab, "BYE");
	lab_said(lab, "ended us 481 response|");
}

static void the_peers_requests_are_asked_about(void **state)
{
	struct lab *lab = *state;

	lab_called_up(lab);
	lab->request_status = 200;
	lab_request(lab, "INFO", "c1", 2, true, "", "");
	lab_take(lab, "200");
	lab->request_status = 0;
	lab_request(lab, "INFO", "c1", 3, true, "", "");
	lab_has(lab_take(lab, "405"), SIP_HEADER_ALLOW, "INVITE");
	lab_request(lab, "FOO", "c1", 4, true, "", "");
	lab_take(lab, "501");
	lab_request(lab, "OPTIONS", "c1", 5, true, "", "");
	lab_take(lab, "200");
	lab_said(lab, "request INFO|request INFO|request FOO|");
	/* Out of order, and with an unknown extension. */
	lab_request(lab, "INFO", "c1", 4, true, "", "");
	lab_take(lab, "500");
	lab_request(lab, "INFO", "c1", 6, true, "Require: nonsense\r\n", "");
	lab_value(lab_take(lab, "420"), SIP_HEADER_UNSUPPORTED, "nonsense");
	lab_said(lab, "");
}

static void the_first_200_may_come_again_after_many(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	for (int i = 0; i < 6; i++) {
		assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
		lab_answer(lab, lab_take(lab, "INVITE"), 200, NULL, BOB_CONTACT SDP_LINES, "a2");
		lab_take(lab, "ACK");
	}
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_value(lab_take(lab, "ACK"), SIP_HEADER_CSEQ, "1 ACK");
	lab_quiet(lab);
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

/* RFC 5057 5.1 */
static void some_refusals_end_the_dialog_too(void **state)
{
	static const unsigned statuses[] = { 404, 410, 416, 482, 483, 484, 485, 502, 604 };
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		lab_call_up(lab);
		assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
		lab_answer(lab, lab_take(lab, "INVITE"), statuses[i], NULL, "", "");
		lab_take(lab, "ACK");
		lab_answer(lab, lab_take(lab, "BYE"), 200, NULL, "", "");
		lab_pass(lab, 0);
		assert_null(lab->session);
		buf_clear(&lab->said);
	}
}

static void without_any_offer_it_ends_with_bye(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	assert_int_equal(session_reinvite(lab->session, slice_of(NULL)), ERR_NONE);
	lab_answer(lab, lab_take(lab, "INVITE"), 200, NULL, BOB_CONTACT, "");
	lab_take(lab, "ACK");
	lab_take(lab, "BYE");
	lab_said(lab, "ended us 488 media|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(ours_is_accepted_and_acknowledged),
		LAB_TEST(without_offer_the_ack_answers),
		LAB_TEST(a_200_without_answer_keeps_the_session),
		LAB_TEST(a_refusal_keeps_the_session),
		LAB_TEST(a_481_or_silence_ends_it),
		LAB_TEST(glare_is_waited_out),
		LAB_TEST(a_reinvite_that_hangs_ends_it),
		LAB_TEST(a_reinvite_that_is_given_up_leaves_the_session),
		LAB_TEST(a_second_waits_for_the_first),
		LAB_TEST(the_peers_is_answered),
		LAB_TEST(the_peers_without_offer_gets_ours),
		LAB_TEST(the_peers_is_refused_and_the_session_stands),
		LAB_TEST(no_ack_for_the_peers_ends_it),
		LAB_TEST(glare_gets_491_and_ours_comes_again_later),
		LAB_TEST(a_500_with_retry_after_is_asked_again),
		LAB_TEST(an_ack_without_an_answer_leaves_all_as_it_was),
		LAB_TEST(after_a_glare_the_peers_offer_makes_ours_anew),
		LAB_TEST(where_no_offer_can_be_made_none_is_sent),
		LAB_TEST(the_called_one_waits_less_after_a_glare),
		LAB_TEST(ours_waits_for_the_ack_of_the_first),
		LAB_TEST(a_refused_one_before_the_ack_does_not_hold_ours_up),
		LAB_TEST(a_reinvite_before_the_ack_counts_as_one),
		LAB_TEST(a_second_invite_before_our_answer_gets_500),
		LAB_TEST(a_2xx_that_crosses_our_bye_is_acknowledged),
		LAB_TEST(our_requests_go_inside_the_dialog),
		LAB_TEST(the_peers_requests_are_asked_about),
		LAB_TEST(the_first_200_may_come_again_after_many),
		LAB_TEST(some_refusals_end_the_dialog_too),
		LAB_TEST(without_any_offer_it_ends_with_bye),
	};

	return cmocka_run_group_tests_name("sip/ua/reinvite", tests, NULL, NULL);
}
