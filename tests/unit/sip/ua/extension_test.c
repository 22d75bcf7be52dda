/* UPDATE (RFC 3311), reliable provisional responses (RFC 3262) and session timers (RFC 4028), in both roles. */
#include "tests/unit/sip/ua/lab/lab.h"

#define RELIABLE(rseq) "Require: 100rel\r\nRSeq: " rseq "\r\nAllow: INVITE, UPDATE\r\n" BOB_CONTACT

static struct session_options *options(struct lab *lab)
{
	return &ua_settings(lab->ua)->session;
}

/* ---- UPDATE, as who sends it ---- */

static struct fake_packet *up_with(struct lab *lab, const char *lines)
{
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", lines, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 a1|answered 0 200|");
	return invite;
}

static struct fake_packet *up_with_update(struct lab *lab)
{
	return up_with(lab, "Allow: INVITE, UPDATE\r\n" BOB_CONTACT SDP_LINES);
}

static void ours_offers_and_refreshes_targets(void **state)
{
	struct lab *lab = *state;

	up_with_update(lab);
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	struct fake_packet *update = lab_take(lab, "UPDATE");
	lab_body(update, "o9");
	lab_has(update, SIP_HEADER_CONTACT, "alice@");
	lab_has(update, SIP_HEADER_ALLOW, "UPDATE");
	assert_int_equal(lab_cseq(update), 2);
	lab_answer(lab, update, 200, NULL, "Contact: <sip:bob@192.0.2.8>\r\n" SDP_LINES, "a2");
	lab_said(lab, "make|answer 0 a2|updated 200|");
	session_hangup(lab->session, slice_of(NULL));
	lab_uri(lab_take(lab, "BYE"), "sip:bob@192.0.2.8");
}

static void one_that_does_not_take_it_is_not_asked(void **state)
{
	struct lab *lab = *state;

	up_with(lab, "Allow: INVITE, ACK, BYE\r\n" BOB_CONTACT SDP_LINES);
	assert_int_equal(session_update(lab->session, true), ERR_UNSUPPORTED);
	lab_quiet(lab);
}

/* No Allow says nothing of what a peer can (RFC 3261 20.5); one that refuses the method is not asked again. */
static void one_that_says_nothing_may_be_asked(void **state)
{
	struct lab *lab = *state;

	up_with(lab, BOB_CONTACT SDP_LINES);
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	lab_answer(lab, lab_take(lab, "UPDATE"), 405, NULL, "", "");
	lab_said(lab, "make|updated 405|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	assert_int_equal(session_update(lab->session, true), ERR_UNSUPPORTED);
	lab_quiet(lab);
}

static void one_without_an_answer_leaves_the_session(void **state)
{
	struct lab *lab = *state;

	up_with_update(lab);
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	lab_answer(lab, lab_take(lab, "UPDATE"), 200, NULL, BOB_CONTACT, "");
	lab_said(lab, "make|updated 488|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	/* And offers go again. */
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	lab_body(lab_take(lab, "UPDATE"), "o9");
}

static void a_refused_one_leaves_the_session(void **state)
{
	struct lab *lab = *state;

	up_with_update(lab);
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	lab_answer(lab, lab_take(lab, "UPDATE"), 488, NULL, "", "");
	lab_said(lab, "make|updated 488|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	/* And offers go again. */
	assert_int_equal(session_reinvite(lab->session, SLICE("o3")), ERR_NONE);
	lab_body(lab_take(lab, "INVITE"), "o3");
}

static void glare_pauses_like_that_of_invite(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = up_with_update(lab);

	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	struct fake_packet *ours = lab_take(lab, "UPDATE");
	/* Our offer is pending: theirs gets 491, whatever brings it; what brings none is taken. */
	lab_inside(lab, invite, "UPDATE", 5, SDP_LINES, "o5");
	lab_take(lab, "491");
	lab_inside(lab, invite, "INVITE", 6, SDP_LINES, "o6");
	lab_take(lab, "491");
	lab_inside(lab, invite, "ACK", 6, "", "");
	lab_inside(lab, invite, "UPDATE", 7, "", "");
	lab_take(lab, "200");
	lab_answer(lab, ours, 491, NULL, "", "");
	lab_said(lab, "make|peer updated|");
	lab_pass(lab, 2090 * MS_US);
	lab_quiet(lab);
	lab_pass(lab, 1910 * MS_US);
	lab_answer(lab, lab_take(lab, "UPDATE"), 200, NULL, BOB_CONTACT SDP_LINES, "a2");
	lab_said(lab, "make|answer 0 a2|updated 200|");
}

static void it_waits_while_a_reinvite_is_under_way(void **state)
{
	struct lab *lab = *state;

	up_with_update(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *reinvite = lab_take(lab, "INVITE");
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	lab_quiet(lab);
	lab_answer(lab, reinvite, 200, NULL, BOB_CONTACT SDP_LINES, "a2");
	lab_take(lab, "ACK");
	lab_body(lab_take(lab, "UPDATE"), "o9");
	lab_said(lab, "answer 0 a2|reinvited 200|make|");
}

static void an_update_that_nobody_knows_of_ends_it(void **state)
{
	struct lab *lab = *state;

	up_with_update(lab);
	assert_int_equal(session_update(lab->session, false), ERR_NONE);
	struct fake_packet *update = lab_take(lab, "UPDATE");
	lab_body(update, "");
	lab_answer(lab, update, 481, NULL, "", "");
	lab_take(lab, "BYE");
	lab_said(lab, "updated 481|ended us 481 response|");
}

/* ---- UPDATE, as who gets it ---- */

static void theirs_is_answered_and_refreshes_the_target(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);

	lab_inside(lab, invite, "UPDATE", 5, SDP_LINES, "o5");
	struct fake_packet *ok = lab_take(lab, "200");
	lab_body(ok, "a1");
	lab_has(ok, SIP_HEADER_CONTACT, "alice@192.0.2.1");
	lab_said(lab, "offer 0 o5|peer updated|");
	lab->offer_status = 488;
	lab_inside(lab, invite, "UPDATE", 6, SDP_LINES, "o6");
	lab_take(lab, "488");
	lab_inside(lab, invite, "UPDATE", 4, "", "");
	lab_take(lab, "500");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	session_hangup(lab->session, slice_of(NULL));
	lab_uri(lab_take(lab, "BYE"), "sip:bob@192.0.2.7");
}

static void before_our_answer_an_offer_gets_500(void **state)
{
	struct lab *lab = *state;
	uint32_t seconds;

	lab_request(lab, "INVITE", "c1", 1, false, SDP_LINES, "o1");
	lab_take(lab, "100");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	struct fake_packet *ringing = lab_take(lab, "180");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ringing->message)->tag));
	lab_request(lab, "UPDATE", "c1", 2, true, SDP_LINES, "o2");
	struct fake_packet *refusal = lab_take(lab, "500");
	assert_true(slice_to_u32(fake_packet_value(refusal, SIP_HEADER_RETRY_AFTER, 0), &seconds) && seconds <= 10);
	lab_request(lab, "UPDATE", "c1", 3, true, "", "");
	lab_take(lab, "200");
	lab_said(lab, "incoming bob|peer updated|");
}

static void outside_of_a_dialog_it_is_481(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "UPDATE", "c1", 1, false, "", "");
	lab_take(lab, "481");
	lab_request(lab, "PRACK", "c1", 2, false, "RAck: 1 1 INVITE\r\n", "");
	lab_take(lab, "481");
}

/* ---- reliable 1xx, as who calls ---- */

static void a_reliable_1xx_is_acknowledged_once_and_in_order(void **state)
{
	struct lab *lab = *state;

	options(lab)->reliable = RELIABLE_SUPPORTED;
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_has(invite, SIP_HEADER_SUPPORTED, "100rel");
	lab_answer(lab, invite, 180, "b", RELIABLE("7"), "");
	struct fake_packet *prack = lab_take(lab, "PRACK");
	lab_value(prack, SIP_HEADER_RACK, "7 1 INVITE");
	assert_int_equal(lab_cseq(prack), 2);
	lab_uri(prack, "sip:bob@192.0.2.9");
	/* Again, and one too far: neither is heard. */
	lab_answer(lab, invite, 180, "b", RELIABLE("7"), "");
	lab_answer(lab, invite, 183, "b", RELIABLE("9") SDP_LINES, "a1");
	lab_quiet(lab);
	lab_said(lab, "provisional 0 180|");
	lab_answer(lab, prack, 200, NULL, "", "");
	lab_answer(lab, invite, 183, "b", RELIABLE("8") SDP_LINES, "a1");
	lab_value(lab_take(lab, "PRACK"), SIP_HEADER_RACK, "8 1 INVITE");
	lab_said(lab, "answer 0 a1 early|provisional 0 183|");
	/* All is agreed: the 2xx says nothing more, and its ACK has the number of the INVITE. */
	lab_answer(lab, invite, 200, "b", BOB_CONTACT, "");
	lab_value(lab_take(lab, "ACK"), SIP_HEADER_CSEQ, "1 ACK");
	lab_said(lab, "answered 0 200|");
}

static void each_fork_counts_for_itself(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 183, "b", RELIABLE("1") SDP_LINES, "a1");
	lab_has(lab_take(lab, "PRACK"), SIP_HEADER_TO, ";tag=b");
	lab_answer(lab, invite, 183, "c", RELIABLE("50") SDP_LINES, "a2");
	struct fake_packet *prack = lab_take(lab, "PRACK");
	lab_has(prack, SIP_HEADER_TO, ";tag=c");
	lab_value(prack, SIP_HEADER_RACK, "50 1 INVITE");
	lab_said(lab, "answer 0 a1 early|provisional 0 183|answer 1 a2 early|provisional 1 183|");
	lab_answer(lab, invite, 200, "c", BOB_CONTACT, "");
	lab_has(lab_take(lab, "ACK"), SIP_HEADER_TO, ";tag=c");
	lab_said(lab, "answered 1 200|");
}

/* RFC 6337 2.1, pattern 4: the offer in the 1xx, the answer in the PRACK. */
static void an_offer_in_a_1xx_is_answered_in_the_prack(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, NULL);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 183, "b", RELIABLE("1") SDP_LINES, "o5");
	lab_body(lab_take(lab, "PRACK"), "a1");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT, "");
	lab_body(lab_take(lab, "ACK"), "");
	lab_said(lab, "offer 0 o5|provisional 0 183|answered 0 200|");
}

static void early_updates_go_both_ways(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "b", "Allow: UPDATE\r\n" BOB_CONTACT, "");
	assert_int_equal(session_update(lab->session, true), ERR_UNSUPPORTED);
	lab_inside(lab, invite, "UPDATE", 5, SDP_LINES, "o5");
	lab_take(lab, "491");
	lab_answer(lab, invite, 183, "b", RELIABLE("1") SDP_LINES, "a1");
	lab_take(lab, "PRACK");
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	struct fake_packet *update = lab_take(lab, "UPDATE");
	lab_body(update, "o9");
	lab_answer(lab, update, 200, NULL, BOB_CONTACT SDP_LINES, "a9");
	lab_inside(lab, invite, "UPDATE", 6, SDP_LINES, "o6");
	lab_body(lab_take(lab, "200"), "a1");
	lab_said(lab, "provisional 0 180|answer 0 a1 early|provisional 0 183|make|answer 0 a9 early|updated 200|"
		      "offer 0 o6|peer updated|");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answered 0 200|");
}

/* One that goes on in an early dialog ends with it, and the next goes where it can. */
static void it_ends_with_its_early_dialog(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "a", "Allow: UPDATE\r\n" BOB_CONTACT, "");
	lab_answer(lab, invite, 180, "b", "Allow: UPDATE\r\n" BOB_CONTACT, "");
	assert_int_equal(session_update(lab->session, false), ERR_NONE);
	lab_has(lab_take(lab, "UPDATE"), SIP_HEADER_TO, "tag=a");
	assert_int_equal(session_update(lab->session, false), ERR_NONE);
	lab_quiet(lab);
	lab_answer(lab, invite, 199, "a", "", "");
	lab_said(lab, "provisional 0 180|provisional 1 180|provisional 0 199|updated 481|");
	struct fake_packet *next = lab_take(lab, "UPDATE");
	lab_has(next, SIP_HEADER_TO, "tag=b");
	lab_answer(lab, next, 200, NULL, BOB_CONTACT, "");
	lab_said(lab, "updated 200|");
}

static void a_reinvite_may_be_answered_early_and_fail(void **state)
{
	struct lab *lab = *state;

	up_with_update(lab);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 183, NULL, RELIABLE("4") SDP_LINES, "a2");
	lab_value(lab_take(lab, "PRACK"), SIP_HEADER_RACK, "4 2 INVITE");
	lab_answer(lab, invite, 486, NULL, "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 a2 early|reinvited 486|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

/* ---- reliable 1xx, as who is called ---- */

static void ring(struct lab *lab, const char *lines, const char *body)
{
	lab_request(lab, "INVITE", "c1", 1, false, lines, body);
	lab_take(lab, "100");
	lab_said(lab, "incoming bob|");
}

/* @return RSeq; the To tag is kept */
static unsigned take_reliable(struct lab *lab, const char *what, const char *body)
{
	struct fake_packet *response = lab_take(lab, what);
	uint32_t rseq;

	lab_has(response, SIP_HEADER_REQUIRE, "100rel");
	lab_body(response, body);
	assert_true(slice_to_u32(fake_packet_value(response, SIP_HEADER_RSEQ, 0), &rseq));
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(response->message)->tag));
	return rseq;
}

static void prack(struct lab *lab, unsigned cseq, unsigned rseq, const char *body)
{
	char lines[128];

	snprintf(lines, sizeof lines, "RAck: %u 1 INVITE\r\n%s", rseq, *body ? SDP_LINES : "");
	lab_request(lab, "PRACK", "c1", cseq, true, lines, body);
}

static void one_after_the_other_each_until_its_prack(void **state)
{
	struct lab *lab = *state;

	options(lab)->reliable = RELIABLE_SUPPORTED;
	ring(lab, "Require: 100rel\r\n" SDP_LINES, "o1");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	unsigned rseq = take_reliable(lab, "180", "");
	assert_int_equal(session_progress(lab->session, 183, SLICE("a1")), ERR_NONE);
	lab_pass(lab, 500 * MS_US);
	take_reliable(lab, "180", "");
	lab_pass(lab, 1000 * MS_US);
	take_reliable(lab, "180", "");
	prack(lab, 2, rseq + 1, "");
	lab_take(lab, "481");
	prack(lab, 3, rseq, "");
	lab_take(lab, "200");
	/* The next one has waited. */
	assert_int_equal(take_reliable(lab, "183", "a1"), rseq + 1);
	/* So does the answer, since the 183 carries a description (3). */
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_quiet(lab);
	prack(lab, 4, rseq + 1, "");
	lab_take(lab, "200");
	lab_body(lab_take(lab, "200"), "");
	lab_said(lab, "answered 0 200|");
	lab_ack(lab, 1, "", "");
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
}

/* A 180 describes nothing: the answer waits for its PRACK, but not longer than until it would be repeated (3). */
static void an_answer_waits_a_little_for_any_prack(void **state)
{
	struct lab *lab = *state;

	options(lab)->reliable = RELIABLE_SUPPORTED;
	for (unsigned patient = 0; patient < 2; patient++) {
		char id[8];
		snprintf(id, sizeof id, "c%u", patient);
		lab_request(lab, "INVITE", id, 1, false, "Require: 100rel\r\n" SDP_LINES, "o1");
		lab_take(lab, "100");
		lab_said(lab, "incoming bob|");
		assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
		unsigned rseq = take_reliable(lab, "180", "");
		assert_int_equal(session_answer(lab->session), ERR_NONE);
		lab_quiet(lab);
		char lines[64];
		snprintf(lines, sizeof lines, "RAck: %u 1 INVITE\r\n", rseq);
		if (patient)
			lab_request(lab, "PRACK", id, 2, true, lines, "");
		else
			lab_pass(lab, 500 * MS_US);
		if (patient)
			lab_value(lab_take(lab, "200"), SIP_HEADER_CSEQ, "2 PRACK");
		lab_value(lab_take(lab, "200"), SIP_HEADER_CSEQ, "1 INVITE");
		lab_said(lab, "offer 0 o1|answered 0 200|");
		/* One that comes late is in order too. */
		if (!patient) {
			lab_request(lab, "PRACK", id, 2, true, lines, "");
			lab_value(lab_take(lab, "200"), SIP_HEADER_CSEQ, "2 PRACK");
		}
		lab_request(lab, "ACK", id, 1, true, "", "");
		lab_said(lab, "acknowledged|");
	}
}

static void a_new_offer_may_come_in_the_prack(void **state)
{
	struct lab *lab = *state;

	options(lab)->reliable = RELIABLE_SUPPORTED;
	ring(lab, "Supported: 100rel\r\n" SDP_LINES, "o1");
	/* Without a description it need not be reliable. */
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	lab_has_not(lab_take(lab, "180"), SIP_HEADER_REQUIRE, "100rel");
	assert_int_equal(session_progress(lab->session, 183, SLICE("a1")), ERR_NONE);
	unsigned rseq = take_reliable(lab, "183", "a1");
	prack(lab, 2, rseq, "o2");
	lab_body(lab_take(lab, "200"), "a1");
	lab_said(lab, "offer 0 o2|");
	lab_request(lab, "UPDATE", "c1", 3, true, SDP_LINES, "o3");
	lab_body(lab_take(lab, "200"), "a1");
	lab_said(lab, "offer 0 o3|peer updated|");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_body(lab_take(lab, "200"), "");
}

static void without_an_offer_the_first_1xx_brings_ours(void **state)
{
	struct lab *lab = *state;

	options(lab)->reliable = RELIABLE_SUPPORTED;
	ring(lab, "Require: 100rel\r\n", "");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	unsigned rseq = take_reliable(lab, "180", "o9");
	prack(lab, 2, rseq, "a9");
	lab_take(lab, "200");
	lab_said(lab, "make|answer 0 a9|");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_body(lab_take(lab, "200"), "");
	lab_said(lab, "answered 0 200|");
}

static void who_never_acknowledges_gets_a_5xx(void **state)
{
	struct lab *lab = *state;

	options(lab)->reliable = RELIABLE_REQUIRED;
	ring(lab, "Supported: 100rel\r\n" SDP_LINES, "o1");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	/* T1 doubling without bound: 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s */
	lab_pass(lab, 31900 * MS_US);
	for (int i = 0; i < 7; i++)
		take_reliable(lab, "180", "");
	lab_quiet(lab);
	lab_pass(lab, 200 * MS_US);
	lab_take(lab, "504");
	lab_said(lab, "failed 504 timeout|");
}

static void extensions_are_refused_or_asked_for(void **state)
{
	struct lab *lab = *state;

	lab_request(lab, "INVITE", "c1", 1, false, "Require: 100rel\r\n" SDP_LINES, "o1");
	lab_value(lab_take(lab, "420"), SIP_HEADER_UNSUPPORTED, "100rel");
	options(lab)->reliable = RELIABLE_REQUIRED;
	options(lab)->timer = TIMER_REQUIRED;
	lab_request(lab, "INVITE", "c2", 1, false, "Supported: timer\r\n" SDP_LINES, "o1");
	lab_value(lab_take(lab, "421"), SIP_HEADER_REQUIRE, "100rel");
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_value(invite, SIP_HEADER_REQUIRE, "100rel, timer");
	lab_value(invite, SIP_HEADER_SESSION_EXPIRES, "1800");
}

/* ---- session timers ---- */

static void who_is_refresher_refreshes_by_update(void **state)
{
	struct lab *lab = *state;

	*options(lab) = (struct session_options){ .timer = TIMER_REQUIRED, .expires_s = 600 };
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_value(invite, SIP_HEADER_SESSION_EXPIRES, "600");
	lab_answer(lab, invite, 200, "b",
		   "Allow: UPDATE\r\nRequire: timer\r\nSession-Expires: 400;refresher=uac\r\n" BOB_CONTACT SDP_LINES,
		   "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 a1|answered 0 200|");
	lab_pass(lab, 200 * SECOND_US);
	struct fake_packet *update = lab_take(lab, "UPDATE");
	lab_value(update, SIP_HEADER_SESSION_EXPIRES, "400;refresher=uac");
	lab_body(update, "");
	lab_answer(lab, update, 200, NULL, "Session-Expires: 400;refresher=uac\r\n" BOB_CONTACT, "");
	lab_said(lab, "refreshed UPDATE 200|");
	/* Nobody there the next time: the session ends. */
	lab_pass(lab, 240 * SECOND_US);
	lab_said(lab, "refreshed UPDATE 408|ended us 408 timeout|");
}

static void without_update_it_is_a_reinvite(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_ALWAYS;
	options(lab)->expires_s = 100;
	lab_call_up(lab); /* the peer knows nothing of it */
	lab_pass(lab, 50 * SECOND_US);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_body(invite, "o9");
	lab_answer(lab, invite, 200, NULL, BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "make|answer 0 a1|refreshed INVITE 200|");
}

/* What came due while something else was under way is not forgotten when that fails. */
static void a_refused_change_does_not_cost_the_refresh(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_ALWAYS;
	options(lab)->expires_s = 100;
	lab_call_up(lab);
	lab_pass(lab, 49 * SECOND_US);
	assert_int_equal(session_reinvite(lab->session, SLICE("o2")), ERR_NONE);
	struct fake_packet *ours = lab_take(lab, "INVITE");
	lab_answer(lab, ours, 100, NULL, "", "");
	lab_pass(lab, 2 * SECOND_US);
	lab_answer(lab, ours, 488, NULL, "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "reinvited 488|");
	lab_pass(lab, 10 * SECOND_US);
	lab_answer(lab, lab_take(lab, "INVITE"), 200, NULL, BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "make|answer 0 a1|refreshed INVITE 200|");
}

/* What the user asked for while a refresh was under way is told of, when a glare sends both back. */
static void after_a_glare_a_change_is_no_refresh(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_ALWAYS;
	options(lab)->expires_s = 100;
	lab_call_up(lab);
	lab_pass(lab, 50 * SECOND_US);
	struct fake_packet *refresh = lab_take(lab, "INVITE");
	assert_int_equal(session_reinvite(lab->session, SLICE("hold")), ERR_NONE);
	lab_answer(lab, refresh, 491, NULL, "", "");
	lab_take(lab, "ACK");
	lab_pass(lab, 4 * SECOND_US);
	struct fake_packet *change = lab_take(lab, "INVITE");
	lab_body(change, "hold");
	lab_answer(lab, change, 200, NULL, BOB_CONTACT SDP_LINES, "held");
	lab_take(lab, "ACK");
	lab_said(lab, "make|answer 0 held|reinvited 200|");
}

/* The same of an UPDATE, whose offer must not be forgotten. */
static void after_a_glare_an_update_has_its_offer(void **state)
{
	struct lab *lab = *state;

	*options(lab) = (struct session_options){ .timer = TIMER_REQUIRED, .expires_s = 600 };
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b",
		   "Allow: UPDATE\r\nRequire: timer\r\nSession-Expires: 400;refresher=uac\r\n" BOB_CONTACT SDP_LINES,
		   "a1");
	lab_take(lab, "ACK");
	lab_pass(lab, 200 * SECOND_US);
	struct fake_packet *refresh = lab_take(lab, "UPDATE");
	assert_int_equal(session_update(lab->session, true), ERR_NONE);
	lab_answer(lab, refresh, 491, NULL, "", "");
	lab_pass(lab, 4 * SECOND_US);
	struct fake_packet *change = lab_take(lab, "UPDATE");
	lab_body(change, "o9");
	lab_answer(lab, change, 200, NULL, "Session-Expires: 400;refresher=uac\r\n" BOB_CONTACT SDP_LINES, "a2");
	lab_said(lab, "answer 0 a1|answered 0 200|make|answer 0 a2|updated 200|");
}

/* There is no session yet that could expire: a phone may ring for as long as it likes. */
static void before_the_answer_no_clock_runs(void **state)
{
	struct lab *lab = *state;

	*options(lab) = (struct session_options){ .timer = TIMER_ALWAYS, .expires_s = 600 };
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "b", "Allow: UPDATE\r\n" BOB_CONTACT, "");
	lab_inside(lab, invite, "UPDATE", 5, "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n", "");
	assert_int_equal(fake_packet_value(lab_take(lab, "200"), SIP_HEADER_SESSION_EXPIRES, 0).n, 0);
	assert_int_equal(session_update(lab->session, false), ERR_NONE);
	struct fake_packet *update = lab_take(lab, "UPDATE");
	assert_int_equal(fake_packet_value(update, SIP_HEADER_SESSION_EXPIRES, 0).n, 0);
	lab_answer(lab, update, 200, NULL, "Session-Expires: 90;refresher=uas\r\n" BOB_CONTACT, "");
	lab_pass(lab, 100 * SECOND_US);
	lab_quiet(lab);
	lab_said(lab, "provisional 0 180|peer updated|updated 200|");
	/* One that is answered only after the INVITE has no say either. */
	assert_int_equal(session_update(lab->session, false), ERR_NONE);
	update = lab_take(lab, "UPDATE");
	lab_answer(lab, invite, 200, "b",
		   "Require: timer\r\nSession-Expires: 400;refresher=uac\r\n" BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_answer(lab, update, 200, NULL, BOB_CONTACT, "");
	lab_pass(lab, 200 * SECOND_US);
	lab_value(lab_take(lab, "UPDATE"), SIP_HEADER_SESSION_EXPIRES, "400;refresher=uac");
}

/* As who is called we may not even end it by BYE (RFC 3261 15). */
static void while_we_ring_no_clock_runs(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_OPTIONAL;
	ring(lab, SDP_LINES, "o1");
	assert_int_equal(session_progress(lab->session, 180, slice_of("")), ERR_NONE);
	struct fake_packet *ringing = lab_take(lab, "180");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ringing->message)->tag));
	lab_request(lab, "UPDATE", "c1", 2, true, "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n", "");
	assert_int_equal(fake_packet_value(lab_take(lab, "200"), SIP_HEADER_SESSION_EXPIRES, 0).n, 0);
	lab_said(lab, "peer updated|");
	lab_pass(lab, 70 * SECOND_US);
	lab_take(lab, "180"); /* again, each minute */
	lab_quiet(lab);
	assert_int_equal(session_state(lab->session), SESSION_EARLY);
}

static void a_422_is_asked_again_with_what_it_wants(void **state)
{
	struct lab *lab = *state;

	*options(lab) = (struct session_options){ .timer = TIMER_REQUIRED, .expires_s = 100 };
	lab_call(lab, NULL, "o1");
	struct fake_packet *first = lab_take(lab, "INVITE");
	lab_answer(lab, first, 422, "x", "Min-SE: 300\r\n", "");
	lab_take(lab, "ACK");
	struct fake_packet *second = lab_take(lab, "INVITE");
	lab_value(second, SIP_HEADER_SESSION_EXPIRES, "300");
	lab_value(second, SIP_HEADER_MIN_SE, "300");
	assert_int_equal(lab_cseq(second), 2);
	lab_has_not(second, SIP_HEADER_TO, "tag=");
	assert_true(slice_eq(fake_packet_value(first, SIP_HEADER_CALL_ID, 0),
			     fake_packet_value(second, SIP_HEADER_CALL_ID, 0)));
	lab_answer(lab, second, 200, "b", "Session-Expires: 300;refresher=uas\r\n" BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 a1|answered 0 200|");
	/* The peer does not refresh: BYE 32 s before the end. */
	lab_pass(lab, 267 * SECOND_US);
	lab_quiet(lab);
	lab_pass(lab, 2 * SECOND_US);
	lab_has(lab_take(lab, "BYE"), SIP_HEADER_REASON, "408");
	lab_said(lab, "ended us 408 timeout|");
}

static void as_who_is_called_we_answer_and_watch(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_OPTIONAL;
	ring(lab, "Supported: timer\r\nSession-Expires: 120\r\n" SDP_LINES, "o1");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	lab_value(ok, SIP_HEADER_SESSION_EXPIRES, "120;refresher=uac");
	lab_has(ok, SIP_HEADER_REQUIRE, "timer");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	lab_ack(lab, 1, "", "");
	lab_pass(lab, 80 * SECOND_US);
	lab_request(lab, "UPDATE", "c1", 2, true, "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n", "");
	lab_value(lab_take(lab, "200"), SIP_HEADER_SESSION_EXPIRES, "120;refresher=uac");
	lab_said(lab, "offer 0 o1|answered 0 200|acknowledged|peer updated|");
	lab_pass(lab, 87 * SECOND_US);
	lab_quiet(lab);
	lab_pass(lab, 2 * SECOND_US);
	lab_take(lab, "BYE");
	lab_said(lab, "ended us 408 timeout|");
}

static void a_short_interval_gets_422(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_OPTIONAL;
	options(lab)->least_s = 100;
	lab_request(lab, "INVITE", "c0", 1, false, "Supported: timer\r\nSession-Expires: 99\r\n" SDP_LINES, "o1");
	lab_value(lab_take(lab, "422"), SIP_HEADER_MIN_SE, "100");
}

/* In an UPDATE too; what only a 2xx says is not in it. */
static void a_short_interval_in_an_update_gets_422(void **state)
{
	struct lab *lab = *state;

	options(lab)->timer = TIMER_OPTIONAL;
	lab_called_up(lab);
	lab_request(lab, "UPDATE", "c1", 2, true, "Supported: timer\r\nSession-Expires: 30\r\n" BOB_CONTACT, "");
	struct fake_packet *refusal = lab_take(lab, "422");
	lab_value(refusal, SIP_HEADER_MIN_SE, "90");
	lab_has_not(refusal, SIP_HEADER_SUPPORTED, "");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

/* Beyond 32 at once and ten a second they are refused, with nothing changed; the session stands. */
static void changes_without_end_are_refused(void **state)
{
	struct lab *lab = *state;
	unsigned cseq = 2;

	lab_called_up(lab);
	for (; cseq < 2 + 32; cseq++) {
		lab_request(lab, "UPDATE", "c1", cseq, true, BOB_CONTACT, "");
		lab_take(lab, "200");
	}
	lab_request(lab, "UPDATE", "c1", cseq++, true, BOB_CONTACT, "");
	lab_has(lab_take(lab, "500"), SIP_HEADER_RETRY_AFTER, "");
	lab_request(lab, "INVITE", "c1", cseq++, true, BOB_CONTACT SDP_LINES, "o2");
	lab_take(lab, "500");
	lab_ack(lab, cseq - 1, "", "");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
	lab_pass(lab, SECOND_US / 10);
	lab_request(lab, "UPDATE", "c1", cseq++, true, BOB_CONTACT, "");
	lab_take(lab, "200");
	lab_request(lab, "UPDATE", "c1", cseq++, true, BOB_CONTACT, "");
	lab_take(lab, "500");
}

static void a_caller_without_timers_is_refreshed_by_us(void **state)
{
	struct lab *lab = *state;
	uint32_t interval, left;
	bool we;

	*options(lab) = (struct session_options){ .timer = TIMER_ALWAYS, .expires_s = 200 };
	ring(lab, SDP_LINES, "o1");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	lab_value(ok, SIP_HEADER_SESSION_EXPIRES, "200;refresher=uas");
	lab_has_not(ok, SIP_HEADER_REQUIRE, "timer");
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	lab_ack(lab, 1, "", "");
	assert_true(session_interval(lab->session, &interval, &we, &left));
	assert_true(interval == 200 && we && left == 100);
	lab_pass(lab, 100 * SECOND_US);
	lab_has(lab_take(lab, "INVITE"), SIP_HEADER_SESSION_EXPIRES, "200;refresher=uac");
}

/* ---- Replaces (RFC 3891 3) ---- */

static void invite_replacing(struct lab *lab, const char *name, const char *value, const char *more)
{
	char lines[512];

	snprintf(lines, sizeof lines, "Replaces: %s%s\r\n" SDP_LINES, value, more);
	lab_request(lab, "INVITE", name, 1, false, lines, "o2");
}

static void a_confirmed_dialog_is_replaced_by_who_knows_it(void **state)
{
	struct lab *lab = *state;
	struct buf mine;

	lab_called_up(lab);
	struct session *old = lab->session;
	buf_init(&mine, 512);
	/* Ours names the dialog as the peer sees it; the peer would be asked with the tags the other way round. */
	assert_true(session_print_replaces(old, &mine));
	char text[256];
	snprintf(text, sizeof text, "c1;to-tag=%s;from-tag=b", lab->invite_tag);
	char expected[256];
	snprintf(expected, sizeof expected, "c1;to-tag=b;from-tag=%s", lab->invite_tag);
	assert_string_equal(buf_text(&mine), expected);
	buf_fini(&mine);
	invite_replacing(lab, "r1", text, ";early-only");
	lab_take(lab, "486");
	invite_replacing(lab, "r2", expected, "");
	lab_take(lab, "481");
	invite_replacing(lab, "r3", "nonsense", "");
	lab_take(lab, "400");
	invite_replacing(lab, "r4", text, "\r\nJoin: c1;to-tag=x;from-tag=y");
	lab_take(lab, "400");
	/* All lines are taken, but this one takes the place of another. */
	ua_settings(lab->ua)->max_sessions = 1;
	lab_request(lab, "INVITE", "full", 1, false, SDP_LINES, "o2");
	lab_take(lab, "486");
	invite_replacing(lab, "r5", text, "");
	assert_ptr_not_equal(lab->session, old);
	lab_said(lab, "incoming bob|");
	assert_int_equal(session_reject(lab->session, 486, slice_of(NULL), slice_of(NULL)), ERR_NONE);
	/* Our BYE is on its way: there is nothing to replace any more. */
	lab_pass(lab, 0);
	fake_net_drop(&lab->net);
	session_hangup(old, slice_of(NULL));
	lab_take(lab, "BYE");
	invite_replacing(lab, "r6", text, "");
	lab_take(lab, "603");
	fake_net_drop(&lab->net);
}

static void an_early_dialog_is_replaced_only_where_we_call(void **state)
{
	struct lab *lab = *state;
	char text[256];

	lab_request(lab, "INVITE", "c1", 1, false, SDP_LINES, "o1");
	lab_take(lab, "100");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	struct slice tag = sip_message_to(lab_take(lab, "180")->message)->tag;
	snprintf(text, sizeof text, "c1;to-tag=%.*s;from-tag=b", SLICE_ARG(tag));
	invite_replacing(lab, "r1", text, "");
	lab_take(lab, "481");
	struct session *calling = lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "e", BOB_CONTACT, "");
	snprintf(text, sizeof text, "%.*s;to-tag=%.*s;from-tag=e",
		 SLICE_ARG(fake_packet_value(invite, SIP_HEADER_CALL_ID, 0)),
		 SLICE_ARG(sip_message_from(invite->message)->tag));
	invite_replacing(lab, "r2", text, ";early-only");
	assert_ptr_not_equal(lab->session, calling);
	lab_take(lab, "100");
	fake_net_drop(&lab->net);
}

/* ---- Join (RFC 3911 4) ---- */

static void invite_joining(struct lab *lab, const char *name, const char *value, const char *more)
{
	char lines[512];

	snprintf(lines, sizeof lines, "Join: %s\r\n%s" SDP_LINES, value, more);
	lab_request(lab, "INVITE", name, 1, false, lines, "o2");
}

static void a_confirmed_dialog_is_joined_by_who_knows_it(void **state)
{
	struct lab *lab = *state;
	char text[256], wrong[256];

	lab_called_up(lab);
	struct session *old = lab->session;
	snprintf(text, sizeof text, "c1;to-tag=%s;from-tag=b", lab->invite_tag);
	snprintf(wrong, sizeof wrong, "c1;to-tag=b;from-tag=%s", lab->invite_tag);
	invite_joining(lab, "j1", wrong, "");
	lab_take(lab, "481");
	invite_joining(lab, "j2", "c1", "");
	lab_take(lab, "400");
	invite_joining(lab, "j3", text, "Join: c1;to-tag=x;from-tag=y\r\n");
	lab_take(lab, "400");
	invite_joining(lab, "j4", text, "Require: join\r\n");
	assert_ptr_not_equal(lab->session, old);
	lab_said(lab, "incoming bob|");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	lab_has(lab_take(lab, "200"), SIP_HEADER_SUPPORTED, "join");
	/* The one that was joined stands as it was. */
	assert_int_equal(session_state(old), SESSION_CONFIRMED);
	lab_pass(lab, 0);
	fake_net_drop(&lab->net);
	session_hangup(old, slice_of(NULL));
	lab_take(lab, "BYE");
	invite_joining(lab, "j5", text, "");
	lab_take(lab, "603");
	fake_net_drop(&lab->net);
}

static void before_the_answer_there_is_nothing_to_join(void **state)
{
	struct lab *lab = *state;
	char text[256];

	lab_request(lab, "INVITE", "c1", 1, false, SDP_LINES, "o1");
	lab_take(lab, "100");
	assert_int_equal(session_progress(lab->session, 180, slice_of(NULL)), ERR_NONE);
	struct slice tag = sip_message_to(lab_take(lab, "180")->message)->tag;
	snprintf(text, sizeof text, "c1;to-tag=%.*s;from-tag=b", SLICE_ARG(tag));
	invite_joining(lab, "j1", text, "");
	lab_take(lab, "488");
	fake_net_drop(&lab->net);
}

/* ---- what the user adds ---- */

static void the_next_message_carries_what_is_added(void **state)
{
	struct lab *lab = *state;
	const struct extra_header extra[] = { { SLICE("Subject"), SLICE("tea") } },
				  ours[] = { { SLICE("Via"), SLICE("x") } };

	ring(lab, SDP_LINES, "o1");
	assert_int_equal(session_say_also(lab->session, ours, 1, slice_of(NULL), slice_of(NULL)), ERR_EXISTS);
	assert_int_equal(session_say_also(lab->session, extra, 1, SLICE("text/plain"), SLICE("hi")), ERR_NONE);
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	lab_value(ok, SIP_HEADER_SUBJECT, "tea");
	lab_has(ok, SIP_HEADER_CONTENT_TYPE, "multipart/mixed");
	assert_true(slice_eq(sip_message_body(ok->message, "application", "sdp"), SLICE("a1")));
	assert_true(slice_eq(sip_message_body(ok->message, "text", "plain"), SLICE("hi")));
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(sip_message_to(ok->message)->tag));
	lab_ack(lab, 1, "", "");
	assert_int_equal(session_say_also(lab->session, extra, 1, SLICE("text/plain"), SLICE("bye")), ERR_NONE);
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_value(bye, SIP_HEADER_SUBJECT, "tea");
	lab_body(bye, "bye");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(ours_offers_and_refreshes_targets),
		LAB_TEST(one_that_does_not_take_it_is_not_asked),
		LAB_TEST(one_that_says_nothing_may_be_asked),
		LAB_TEST(one_without_an_answer_leaves_the_session),
		LAB_TEST(a_refused_one_leaves_the_session),
		LAB_TEST(glare_pauses_like_that_of_invite),
		LAB_TEST(it_waits_while_a_reinvite_is_under_way),
		LAB_TEST(an_update_that_nobody_knows_of_ends_it),
		LAB_TEST(theirs_is_answered_and_refreshes_the_target),
		LAB_TEST(before_our_answer_an_offer_gets_500),
		LAB_TEST(outside_of_a_dialog_it_is_481),
		LAB_TEST(a_reliable_1xx_is_acknowledged_once_and_in_order),
		LAB_TEST(each_fork_counts_for_itself),
		LAB_TEST(an_offer_in_a_1xx_is_answered_in_the_prack),
		LAB_TEST(early_updates_go_both_ways),
		LAB_TEST(it_ends_with_its_early_dialog),
		LAB_TEST(a_reinvite_may_be_answered_early_and_fail),
		LAB_TEST(one_after_the_other_each_until_its_prack),
		LAB_TEST(an_answer_waits_a_little_for_any_prack),
		LAB_TEST(a_new_offer_may_come_in_the_prack),
		LAB_TEST(without_an_offer_the_first_1xx_brings_ours),
		LAB_TEST(who_never_acknowledges_gets_a_5xx),
		LAB_TEST(extensions_are_refused_or_asked_for),
		LAB_TEST(who_is_refresher_refreshes_by_update),
		LAB_TEST(without_update_it_is_a_reinvite),
		LAB_TEST(a_refused_change_does_not_cost_the_refresh),
		LAB_TEST(after_a_glare_a_change_is_no_refresh),
		LAB_TEST(after_a_glare_an_update_has_its_offer),
		LAB_TEST(before_the_answer_no_clock_runs),
		LAB_TEST(while_we_ring_no_clock_runs),
		LAB_TEST(a_422_is_asked_again_with_what_it_wants),
		LAB_TEST(as_who_is_called_we_answer_and_watch),
		LAB_TEST(a_short_interval_gets_422),
		LAB_TEST(a_short_interval_in_an_update_gets_422),
		LAB_TEST(a_confirmed_dialog_is_replaced_by_who_knows_it),
		LAB_TEST(an_early_dialog_is_replaced_only_where_we_call),
		LAB_TEST(a_confirmed_dialog_is_joined_by_who_knows_it),
		LAB_TEST(before_the_answer_there_is_nothing_to_join),
		LAB_TEST(the_next_message_carries_what_is_added),
		LAB_TEST(changes_without_end_are_refused),
		LAB_TEST(a_caller_without_timers_is_refreshed_by_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
