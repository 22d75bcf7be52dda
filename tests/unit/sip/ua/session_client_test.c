#include "tests/unit/sip/ua/lab/lab.h"

static void an_invite_has_what_it_needs_and_is_small(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, "sip:bob@192.0.2.9;transport=udp?subject=x", "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_uri(invite, "sip:bob@192.0.2.9;transport=udp");
	lab_has(invite, SIP_HEADER_FROM, "Alice <sip:alice@192.0.2.1>;tag=");
	lab_value(invite, SIP_HEADER_TO, "<sip:bob@192.0.2.9>");
	lab_value(invite, SIP_HEADER_MAX_FORWARDS, "70");
	lab_value(invite, SIP_HEADER_CSEQ, "1 INVITE");
	lab_value(invite, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1:5060>");
	lab_value(invite, SIP_HEADER_USER_AGENT, "offhook/test");
	lab_has(invite, SIP_HEADER_ALLOW, "BYE");
	lab_has(invite, SIP_HEADER_VIA, "branch=z9hG4bK");
	lab_has(invite, SIP_HEADER_VIA, "rport");
	lab_value(invite, SIP_HEADER_CONTENT_TYPE, "application/sdp");
	lab_body(invite, "o1");
	/* With a usual description of 500 bytes it stays under the 1300 of 18.1.1. */
	assert_true(invite->bytes_n < 700);
}

static void a_call_goes_up_and_we_hang_up(void **state)
{
	struct lab *lab = *state;

	struct session *session = lab_call(lab, NULL, "o1");
	assert_int_equal(session_state(session), SESSION_CALLING);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 100, NULL, "", "");
	assert_int_equal(session_state(session), SESSION_PROCEEDING);
	lab_answer(lab, invite, 180, "b", BOB_CONTACT, "");
	assert_int_equal(session_state(session), SESSION_EARLY);
	lab_answer(lab, invite, 200, "b", "Contact: <sip:bob@192.0.2.8:5070>\r\n" SDP_LINES, "a1");
	lab_said(lab, "provisional -1 100|provisional 0 180|answer 0 a1|answered 0 200|");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_uri(ack, "sip:bob@192.0.2.8:5070");
	lab_value(ack, SIP_HEADER_CSEQ, "1 ACK");
	lab_has(ack, SIP_HEADER_TO, ";tag=b");
	assert_int_equal(address_port(&ack->remote), 5070);
	assert_true(slice_eq(session_last_sent(session)->method_name, SLICE("ACK")));
	session_hangup(session, SLICE("SIP;cause=200"));
	assert_int_equal(session_state(session), SESSION_TERMINATED);
	lab_said(lab, "ended us 200 none|");
	struct fake_packet *bye = lab_take(lab, "BYE");
	lab_value(bye, SIP_HEADER_CSEQ, "2 BYE");
	lab_value(bye, SIP_HEADER_REASON, "SIP;cause=200");
	lab_uri(bye, "sip:bob@192.0.2.8:5070");
	assert_false(ua_is_quiet(lab->ua));
	lab_answer(lab, bye, 200, NULL, "", "");
	assert_true(ua_is_quiet(lab->ua));
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
}

/* RFC 3261 19.1.5: the headers and the method of a Contact are nothing for a Request-URI, nor for a Refer-To of ours.
 */
static void a_remote_target_has_no_headers(void **state)
{
	struct lab *lab = *state;
	struct session *session = lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");

	lab_answer(lab, invite, 200, "b", "Contact: <sip:bob@192.0.2.8;method=BYE;x=y?Subject=z>\r\n" SDP_LINES, "a1");
	lab_uri(lab_take(lab, "ACK"), "sip:bob@192.0.2.8;x=y");
	assert_string_equal(session_remote_target(session), "sip:bob@192.0.2.8;x=y");
}

static void the_peer_hangs_up(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);
	char text[1024];

	snprintf(text, sizeof text,
		 "BYE sip:alice@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb1\r\nMax-Forwards: "
		 "70\r\n"
		 "From: <sip:bob@192.0.2.9>;tag=b\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: 7 BYE\r\nContent-Length: "
		 "0\r\n\r\n",
		 SLICE_ARG(fake_packet_value(invite, SIP_HEADER_FROM, 0)),
		 SLICE_ARG(fake_packet_value(invite, SIP_HEADER_CALL_ID, 0)));
	lab_request_text(lab, text);
	lab_take(lab, "200");
	lab_said(lab, "ended peer 200 none|");
	/* A second BYE finds nothing. */
	char *digit = strstr(text, "z9hG4bKb1") + 8;
	*digit = '2';
	strstr(text, "CSeq: 7")[6] = '8';
	lab_request_text(lab, text);
	lab_take(lab, "481");
}

static void a_repeated_2xx_gets_the_same_ack(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	struct fake_packet *first = lab_take(lab, "ACK");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	struct fake_packet *second = lab_take(lab, "ACK");
	assert_string_equal(first->bytes, second->bytes);
	/* Still after the transaction has gone. */
	lab_pass(lab, 40 * SECOND_US);
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	assert_string_equal(first->bytes, lab_take(lab, "ACK")->bytes);
	lab_said(lab, "answer 0 a1|answered 0 200|");
}

#define LOST_CONTACT "Contact: <sip:bob@lost.example>\r\n"

/* The name in the Contact of a 200 is not found at first: the ACK is tried again whenever the 200 comes again. */
static void an_ack_finds_its_way_later(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", LOST_CONTACT SDP_LINES, "a1");
	lab_pass(lab, SECOND_US);
	lab_quiet(lab);
	fake_net_name(&lab->net, "lost.example", "udp 192.0.2.77:5060");
	lab_answer(lab, invite, 200, "b", LOST_CONTACT SDP_LINES, "a1");
	lab_pass(lab, 0);
	lab_to(lab_take(lab, "ACK"), "192.0.2.77:5060");
	lab_pass(lab, 40 * SECOND_US);
	lab_said(lab, "answer 0 a1|answered 0 200|");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

/* It never is: the peer, which waits for the ACK, gives up, and so do we at the same time. */
static void a_call_without_a_way_for_its_ack_ends(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", LOST_CONTACT SDP_LINES, "a1");
	lab_pass(lab, 31 * SECOND_US);
	lab_answer(lab, invite, 200, "b", LOST_CONTACT SDP_LINES, "a1");
	lab_said(lab, "answer 0 a1|answered 0 200|");
	lab_pass(lab, 2 * SECOND_US);
	lab_said(lab, "ended us 503 dns|");
	lab_quiet(lab);
}

static void of_two_forks_the_second_answer_gets_ack_and_bye(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "x", "Contact: <sip:x@192.0.2.10>\r\n", "");
	lab_answer(lab, invite, 183, "y", "Contact: <sip:y@192.0.2.11>\r\n" SDP_LINES, "early");
	lab_said(lab, "provisional 0 180|answer 1 early early|provisional 1 183|");
	lab_answer(lab, invite, 200, "y", "Contact: <sip:y@192.0.2.11>\r\n" SDP_LINES, "ay");
	lab_uri(lab_take(lab, "ACK"), "sip:y@192.0.2.11");
	lab_said(lab, "answer 1 ay|answered 1 200|");
	lab_answer(lab, invite, 200, "x", "Contact: <sip:x@192.0.2.10>\r\n" SDP_LINES, "ax");
	struct fake_packet *bye = NULL, *ack = NULL;
	lab_pass(lab, 0);
	for (int i = 0; i < 2; i++) {
		struct fake_packet *packet = fake_net_take(&lab->net);
		if (fake_packet_is(packet, "ACK"))
			ack = packet;
		else if (fake_packet_is(packet, "BYE"))
			bye = packet;
	}
	assert_non_null(ack);
	assert_non_null(bye);
	lab_uri(ack, "sip:x@192.0.2.10");
	lab_has(bye, SIP_HEADER_TO, ";tag=x");
	lab_answer(lab, bye, 200, NULL, "", "");
	/* A third one that nobody announced, long after the transaction: just the same. */
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
	lab_answer(lab, invite, 200, "z", "Contact: <sip:z@192.0.2.12>\r\n" SDP_LINES, "az");
	lab_has(lab_take(lab, "ACK"), SIP_HEADER_TO, ";tag=z");
	lab_has(lab_take(lab, "BYE"), SIP_HEADER_TO, ";tag=z");
	lab_said(lab, "");
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

static void an_early_answer_serves_a_2xx_without_body(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 183, "b", BOB_CONTACT SDP_LINES, "early");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT, "");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 early early|provisional 0 183|answer 0 early|answered 0 200|");
}

static void a_late_offer_is_answered_in_the_ack(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, NULL);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_body(invite, "");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "o2");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_body(ack, "a1");
	lab_value(ack, SIP_HEADER_CONTENT_TYPE, "application/sdp");
	lab_said(lab, "offer 0 o2|answered 0 200|");
}

static void an_unusable_answer_ends_with_bye(void **state)
{
	struct lab *lab = *state;

	lab->refuse_answer = true;
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_take(lab, "BYE");
	lab_said(lab, "answer 0 a1|failed 488 media|");
}

/* 13.2.2.4: an offer in a 2xx cannot be refused with a status. */
static void an_offer_for_nothing_of_ours_is_answered_and_ended(void **state)
{
	struct lab *lab = *state;

	lab->offer_status = 488;
	lab_call(lab, NULL, NULL);
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", BOB_CONTACT SDP_LINES, "o2");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_body(ack, "none");
	lab_value(ack, SIP_HEADER_CONTENT_TYPE, "application/sdp");
	lab_take(lab, "BYE");
	lab_said(lab, "offer 0 o2|failed 488 media|");
}

static void an_offer_without_answer_ends_with_bye(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", BOB_CONTACT, "");
	lab_take(lab, "ACK");
	lab_take(lab, "BYE");
	lab_said(lab, "failed 488 media|");
}

static void cancel_waits_for_the_first_provisional(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	session_hangup(lab->session, slice_of(NULL));
	lab_quiet(lab);
	lab_answer(lab, invite, 100, NULL, "", "");
	struct fake_packet *cancel = lab_take(lab, "CANCEL");
	lab_value(cancel, SIP_HEADER_CSEQ, "1 CANCEL");
	lab_answer(lab, cancel, 200, "b", "", "");
	lab_answer(lab, invite, 487, "b", "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "provisional -1 100|failed 487 cancelled|");
}

static void hanging_up_before_anything_was_sent_sends_nothing(void **state)
{
	struct lab *lab = *state;

	lab->net.lookups_hang = true;
	lab_call(lab, "sip:bob@biloxi.com", "o1");
	session_hangup(lab->session, slice_of(NULL));
	lab_said(lab, "failed 487 cancelled|");
	lab_quiet(lab);
}

static void a_200_that_crosses_the_cancel_gets_ack_and_bye(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "b", BOB_CONTACT, "");
	session_hangup(lab->session, slice_of(NULL));
	lab_take(lab, "CANCEL");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_answer(lab, lab_take(lab, "BYE"), 200, NULL, "", "");
	lab_said(lab, "provisional 0 180|failed 487 cancelled|");
}

static void hanging_up_inside_a_handler_is_safe(void **state)
{
	struct lab *lab = *state;

	lab->hang_up_in_handler = true;
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "b", BOB_CONTACT, "");
	lab_take(lab, "CANCEL");
	lab_answer(lab, invite, 487, "b", "", "");
	lab_said(lab, "provisional 0 180|failed 487 cancelled|");
}

static void a_cancelled_call_without_final_answer_ends_by_itself(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 180, "b", BOB_CONTACT, "");
	session_hangup(lab->session, slice_of(NULL));
	lab_pass(lab, 31 * SECOND_US);
	lab_said(lab, "provisional 0 180|");
	lab_pass(lab, 2 * SECOND_US);
	lab_said(lab, "failed 487 cancelled|");
}

static void an_unanswered_call_is_cancelled_after_its_time(void **state)
{
	struct lab *lab = *state;
	struct call_config config = { .identity = &lab->alice,
				      .target = SLICE("sip:bob@192.0.2.9"),
				      .offer = SLICE("o1"),
				      .timeout_us = 20 * SECOND_US,
				      .handlers = lab->session_handlers };
	enum err err;

	lab->session = session_call(lab->ua, &config, &err);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 180, "b", BOB_CONTACT, "");
	lab_pass(lab, 19 * SECOND_US);
	lab_quiet(lab);
	lab_pass(lab, SECOND_US);
	lab_take(lab, "CANCEL");
	lab_answer(lab, invite, 487, "b", "", "");
	lab_said(lab, "provisional 0 180|failed 487 timeout|");
}

static void failures_tell_what_happened(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 486, "b", "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "failed 486 response|");
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 302, "b", "Contact: <sip:carol@192.0.2.20>\r\n", "");
	lab_take(lab, "ACK");
	lab_said(lab, "failed 302 response|");
	lab_call(lab, NULL, "o1");
	lab_pass(lab, 33 * SECOND_US);
	lab_said(lab, "failed 408 timeout|");
	fake_net_drop(&lab->net);
	lab_call(lab, NULL, "o1");
	lab_take(lab, "INVITE");
	fake_net_icmp(&lab->net, "192.0.2.9:5060");
	fake_net_icmp(&lab->net, "192.0.2.9:5060");
	lab_said(lab, "failed 503 connect|");
	lab_call(lab, "sip:bob@nowhere.example", "o1");
	lab_said(lab, "failed 503 dns|");
}

static void bad_targets_are_refused_at_once(void **state)
{
	struct lab *lab = *state;
	struct call_config config = { .identity = &lab->alice,
				      .target = SLICE("sip:"),
				      .handlers = lab->session_handlers };
	struct extra_header ours = { SLICE("Call-ID"), SLICE("x") };
	enum err err;

	assert_null(session_call(lab->ua, &config, &err));
	assert_int_equal(err, ERR_SYNTAX);
	config.target = SLICE("mailto:bob@biloxi.com");
	assert_null(session_call(lab->ua, &config, &err));
	assert_int_equal(err, ERR_UNSUPPORTED);
	config.target = SLICE("tel:+1234");
	assert_null(session_call(lab->ua, &config, &err));
	assert_int_equal(err, ERR_UNSUPPORTED);
	config.target = SLICE("sip:bob@192.0.2.9");
	config.extra = &ours;
	config.extra_count = 1;
	assert_null(session_call(lab->ua, &config, &err));
	assert_int_equal(err, ERR_EXISTS);
}

static void the_users_header_lines_cannot_begin_another(void **state)
{
	struct lab *lab = *state;
	struct extra_header extra[] = { { SLICE("Subject"), SLICE("hi\r\nBcc: all") },
					{ SLICE("Max-Forwards"), SLICE("3") } };
	struct call_config config = { .identity = &lab->alice,
				      .target = SLICE("sip:bob@192.0.2.9"),
				      .extra = extra,
				      .extra_count = 2,
				      .handlers = lab->session_handlers };
	enum err err;

	lab->session = session_call(lab->ua, &config, &err);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	assert_null(sip_message_header_named(invite->message, SLICE("Bcc"), 0));
	lab_has(invite, SIP_HEADER_SUBJECT, "Bcc");
	lab_value(invite, SIP_HEADER_MAX_FORWARDS, "3");
}

static void an_anonymous_caller_tells_nothing(void **state)
{
	struct lab *lab = *state;

	lab->alice.anonymous = true;
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_has(invite, SIP_HEADER_FROM, "<sip:anonymous@anonymous.invalid>;tag=");
	lab_value(invite, SIP_HEADER_PRIVACY, "id");
	assert_null(strstr(invite->bytes, "alice"));
	assert_null(strstr(invite->bytes, "Alice"));
}

static void a_route_set_is_followed(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(
		lab, invite, 200, "b",
		"Record-Route: <sip:192.0.2.32;lr>, <sip:192.0.2.31;lr>\r\nContact: <sip:bob@10.0.0.9>\r\n" SDP_LINES,
		"a1");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_uri(ack, "sip:bob@10.0.0.9");
	lab_to(ack, "192.0.2.31:5060");
	struct slice first = fake_packet_value(ack, SIP_HEADER_ROUTE, 0);
	assert_true(slice_find_slice(first, SLICE("192.0.2.31")) < first.n);
	session_hangup(lab->session, slice_of(NULL));
	struct fake_packet *bye = lab_take(lab, "BYE");
	assert_true(address_eq(&bye->remote, &ack->remote));
	lab_uri(bye, "sip:bob@10.0.0.9");
}

static void a_strict_router_gets_its_own_request_uri(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b",
		   "Record-Route: <sip:192.0.2.32;lr>, <sip:192.0.2.31>\r\nContact: <sip:bob@10.0.0.9>\r\n" SDP_LINES,
		   "a1");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_uri(ack, "sip:192.0.2.31");
	lab_to(ack, "192.0.2.31:5060");
	lab_value(ack, SIP_HEADER_ROUTE, "<sip:192.0.2.32;lr>");
	assert_true(slice_eq(fake_packet_value(ack, SIP_HEADER_ROUTE, 1), SLICE("<sip:bob@10.0.0.9>")));
}

static void freeing_the_ua_in_mid_call_leaks_nothing(void **state)
{
	struct lab *lab = *state;

	lab_call_up(lab);
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 180, "b", BOB_CONTACT, "");
	lab_call(lab, "sip:bob@nowhere.example", "o1");
}

/* ---- what a hostile or strange peer says ---- */

/* A header line whose URI has a user part of so many bytes. Owned by the caller. */
static char *long_line(const char *name, size_t bytes, const char *host_and_end)
{
	struct buf line;

	buf_init(&line, bytes + 256);
	buf_printf(&line, "%s: <sip:", name);
	for (size_t i = 0; i < bytes; i++)
		buf_add_char(&line, 'a');
	buf_printf(&line, "@%s\r\n" SDP_LINES, host_and_end);
	return buf_take(&line);
}

static void a_contact_of_twenty_thousand_bytes_is_no_target(void **state)
{
	struct lab *lab = *state;
	char *lines = long_line("Contact", 20000, "203.0.113.9>");

	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", lines, "a1");
	lab_uri(lab_take(lab, "ACK"), "sip:bob@192.0.2.9");
	session_hangup(lab->session, slice_of(NULL));
	lab_uri(lab_take(lab, "BYE"), "sip:bob@192.0.2.9");
	lab_said(lab, "answer 0 a1|answered 0 200|ended us 200 none|");
	free(lines);
}

static void a_record_route_that_no_request_can_follow_is_none(void **state)
{
	struct lab *lab = *state;
	char *lines = long_line("Record-Route", 20000, "192.0.2.7>");

	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", lines, "a1");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_to(ack, "192.0.2.9:5060");
	assert_null(sip_message_header(ack->message, SIP_HEADER_ROUTE, 0));
	free(lines);
	/* A long one that can be followed is. */
	lines = long_line("Record-Route", 10000, "192.0.2.7>");
	buf_clear(&lab->said);
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", lines, "a1");
	lab_to(lab_take(lab, "ACK"), "192.0.2.7:5060");
	free(lines);
}

static void forty_record_routes_are_all_followed(void **state)
{
	struct lab *lab = *state;
	struct buf lines;

	buf_init(&lines, 1 << 16);
	for (int i = 0; i < 40; i++)
		buf_printf(&lines, "Record-Route: \"Number %d\" <sip:192.0.2.%d;lr>;n=%d\r\n", i, 100 + i, i);
	buf_add(&lines, SLICE(BOB_CONTACT SDP_LINES));
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", buf_text(&lines), "a1");
	struct fake_packet *ack = lab_take(lab, "ACK");
	lab_to(ack, "192.0.2.139:5060");
	lab_value(ack, SIP_HEADER_ROUTE, "<sip:192.0.2.139;lr>;n=39");
	assert_true(slice_eq(fake_packet_value(ack, SIP_HEADER_ROUTE, 39), SLICE("<sip:192.0.2.100;lr>;n=0")));
	/* More hops than a request can make. */
	for (int i = 0; i < 40; i++)
		buf_printf(&lines, "Record-Route: <sip:192.0.2.%d;lr>\r\n", 100 + i);
	lab_call(lab, NULL, "o1");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", buf_text(&lines), "a1");
	lab_to(lab_take(lab, "ACK"), "192.0.2.9:5060");
	buf_fini(&lines);
}

static void the_seventeenth_fork_may_answer(void **state)
{
	struct lab *lab = *state;
	char tag[16];

	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	for (int i = 0; i < 20; i++) {
		snprintf(tag, sizeof tag, "t%d", i);
		lab_answer(lab, invite, 180, tag, BOB_CONTACT, "");
	}
	buf_clear(&lab->said);
	lab_answer(lab, invite, 200, "winner", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 16 a1|answered 16 200|");
	/* Further answers get ACK and BYE as long as there is room. */
	for (int i = 0; i < 20; i++) {
		snprintf(tag, sizeof tag, "u%d", i);
		lab_answer(lab, invite, 200, tag, BOB_CONTACT SDP_LINES, "a1");
	}
	for (int i = 0; i < 15; i++) {
		lab_take(lab, "ACK");
		lab_take(lab, "BYE");
	}
	lab_quiet(lab);
	assert_int_equal(session_state(lab->session), SESSION_CONFIRMED);
}

static void a_stray_2xx_does_not_end_the_call(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);
	char *text = fake_net_answer_text(invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");

	strstr(text, "CSeq: 1")[6] = '7';
	char *branch = strstr(text, "branch=z9hG4bK") + 15;
	*branch = *branch == 'x' ? 'y' : 'x';
	fake_net_send_back(&lab->net, invite, text);
	lab_quiet(lab);
	/* Nor does it begin another dialog. */
	strstr(text, ";tag=b\r\n")[5] = 'c';
	fake_net_send_back(&lab->net, invite, text);
	lab_quiet(lab);
	free(text);
}

/* Its BYE was answered and its memory goes at the end of the turn: a 2xx of another fork that comes in between finds
 * nobody, and nothing begins that would outlive the session. */
static void a_stray_2xx_in_the_turn_of_the_end_finds_nobody(void **state)
{
	struct lab *lab = *state;
	struct fake_packet *invite = lab_call_up(lab);
	char *stray = fake_net_answer_text(invite, 200, "c", BOB_CONTACT SDP_LINES, "a1");
	char *known = fake_net_answer_text(invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");

	lab_pass(lab, 40 * SECOND_US);
	session_hangup(lab->session, slice_of(NULL));
	lab_said(lab, "ended us 200 none|");
	fake_net_answer(&lab->net, lab_take(lab, "BYE"), 200, NULL, "", "");
	fake_net_send_back(&lab->net, invite, stray);
	fake_net_send_back(&lab->net, invite, known);
	lab_quiet(lab);
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
	free(stray);
	free(known);
}

static void bye_is_numbered_above_the_invite_that_was_answered(void **state)
{
	struct lab *lab = *state;

	lab->alice.uri = "sip:alice@192.0.2.9";
	lab->alice.password = "zanzibar";
	lab_call(lab, NULL, "o1");
	struct fake_packet *first = lab_take(lab, "INVITE");
	lab_answer(lab, first, 180, "b", BOB_CONTACT, "");
	lab_answer(lab, first, 407, "b", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n1\"\r\n", "");
	lab_take(lab, "ACK");
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_value(lab_take(lab, "ACK"), SIP_HEADER_CSEQ, "2 ACK");
	session_hangup(lab->session, slice_of(NULL));
	lab_value(lab_take(lab, "BYE"), SIP_HEADER_CSEQ, "3 BYE");
}

static void on_info(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	unsigned *status = arg;

	(void)request;
	if (final)
		*status = outcome->status;
}

/* 12.2.2: who is overtaken by a later request of the dialog is refused, and comes again behind it; not for ever. */
static void what_was_overtaken_comes_again(void **state)
{
	struct lab *lab = *state;
	unsigned first = 0, second = 0;

	lab_call_up(lab);
	assert_int_equal(
		session_request(lab->session, SLICE("INFO"), slice_of(""), slice_of(""), NULL, 0, on_info, &first),
		ERR_NONE);
	struct fake_packet *info = lab_take(lab, "INFO");
	assert_int_equal(lab_cseq(info), 2);
	assert_int_equal(
		session_request(lab->session, SLICE("INFO"), slice_of(""), slice_of(""), NULL, 0, on_info, &second),
		ERR_NONE);
	struct fake_packet *later = lab_take(lab, "INFO");
	lab_answer(lab, later, 200, "b", "", "");
	assert_int_equal(second, 200);
	lab_answer(lab, info, 500, "b", "", "");
	info = lab_take(lab, "INFO");
	assert_int_equal(lab_cseq(info), 4);
	assert_int_equal(first, 0);
	/* In order it was refused for something else. */
	lab_answer(lab, info, 500, "b", "", "");
	assert_int_equal(first, 500);
	lab_quiet(lab);
}

static void neither_offers_nor_answers_end_with_bye(void **state)
{
	struct lab *lab = *state;

	lab_call(lab, NULL, NULL);
	lab_answer(lab, lab_take(lab, "INVITE"), 200, "b", BOB_CONTACT, "");
	lab_take(lab, "ACK");
	lab_take(lab, "BYE");
	lab_said(lab, "failed 488 media|");
}

/* What the account says of TLS counts for all of the call: its ACK takes the connection of the INVITE. */
static void the_ack_takes_the_connection_of_the_account(void **state)
{
	struct lab *lab = *state;

	lab->alice.security = 3;
	lab_call(lab, "sip:192.0.2.9;transport=tls", "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", "Contact: <sip:bob@192.0.2.9;transport=tls>\r\n" SDP_LINES, "a1");
	assert_ptr_equal(lab_take(lab, "ACK")->flow, invite->flow);
	assert_int_equal(lab->net.connect_count, 1);
}

static void a_long_ack_that_tcp_does_not_take_goes_by_udp(void **state)
{
	struct lab *lab = *state;
	char answer[1400] = "";

	memset(answer, 'a', sizeof answer - 1);
	lab->our_answer = answer;
	lab->net.connect = FAKE_REFUSES;
	lab_call(lab, NULL, NULL);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "o5");
	lab_pass(lab, 0);
	lab_quiet(lab);
	for (int i = 0; i < 2; i++) {
		lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "o5");
		struct fake_packet *ack = lab_take(lab, "ACK");
		lab_has(ack, SIP_HEADER_VIA, "SIP/2.0/UDP");
		lab_body(ack, answer);
	}
	assert_int_equal(lab->net.connect_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(the_ack_takes_the_connection_of_the_account),
		LAB_TEST(a_long_ack_that_tcp_does_not_take_goes_by_udp),
		LAB_TEST(an_invite_has_what_it_needs_and_is_small),
		LAB_TEST(a_call_goes_up_and_we_hang_up),
		LAB_TEST(a_remote_target_has_no_headers),
		LAB_TEST(the_peer_hangs_up),
		LAB_TEST(a_repeated_2xx_gets_the_same_ack),
		LAB_TEST(an_ack_finds_its_way_later),
		LAB_TEST(a_call_without_a_way_for_its_ack_ends),
		LAB_TEST(of_two_forks_the_second_answer_gets_ack_and_bye),
		LAB_TEST(an_early_answer_serves_a_2xx_without_body),
		LAB_TEST(a_late_offer_is_answered_in_the_ack),
		LAB_TEST(an_unusable_answer_ends_with_bye),
		LAB_TEST(an_offer_for_nothing_of_ours_is_answered_and_ended),
		LAB_TEST(an_offer_without_answer_ends_with_bye),
		LAB_TEST(cancel_waits_for_the_first_provisional),
		LAB_TEST(hanging_up_before_anything_was_sent_sends_nothing),
		LAB_TEST(a_200_that_crosses_the_cancel_gets_ack_and_bye),
		LAB_TEST(hanging_up_inside_a_handler_is_safe),
		LAB_TEST(a_cancelled_call_without_final_answer_ends_by_itself),
		LAB_TEST(an_unanswered_call_is_cancelled_after_its_time),
		LAB_TEST(failures_tell_what_happened),
		LAB_TEST(bad_targets_are_refused_at_once),
		LAB_TEST(the_users_header_lines_cannot_begin_another),
		LAB_TEST(an_anonymous_caller_tells_nothing),
		LAB_TEST(a_route_set_is_followed),
		LAB_TEST(a_strict_router_gets_its_own_request_uri),
		LAB_TEST(freeing_the_ua_in_mid_call_leaks_nothing),
		LAB_TEST(a_contact_of_twenty_thousand_bytes_is_no_target),
		LAB_TEST(a_record_route_that_no_request_can_follow_is_none),
		LAB_TEST(forty_record_routes_are_all_followed),
		LAB_TEST(the_seventeenth_fork_may_answer),
		LAB_TEST(a_stray_2xx_does_not_end_the_call),
		LAB_TEST(a_stray_2xx_in_the_turn_of_the_end_finds_nobody),
		LAB_TEST(bye_is_numbered_above_the_invite_that_was_answered),
		LAB_TEST(what_was_overtaken_comes_again),
		LAB_TEST(neither_offers_nor_answers_end_with_bye),
	};

	return cmocka_run_group_tests_name("sip/ua/session_client", tests, NULL, NULL);
}
