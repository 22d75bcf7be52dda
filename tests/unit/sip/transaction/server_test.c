#include "tests/unit/sip/transaction/recorder.h"

#include "base/xmalloc.h"

/* ---- INVITE: figure 7 ---- */

static void an_invite_gets_100_at_once(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	expect_log(recorder, "INVITE");
	struct fake_packet *trying = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(trying, "100"));
	assert_slice(fake_packet_value(trying, SIP_HEADER_TO, 0), TO);
	expect_silence(recorder);
	assert_slice(server_transaction_request(recorder->st)->method_name, "INVITE");
	assert_null(server_transaction_source(recorder->st)->flow);
	assert_int_equal(server_transaction_source(recorder->st)->protocol, SIP_UDP);
}

/* Who rings at once has tried, and some callers wait for one after the other; a final response needs none (17.2.1). */
static void a_100_precedes_what_rings_at_once(void **state)
{
	struct recorder *recorder = *state;

	recorder->answer_at_once = 180;
	receive(recorder, "INVITE");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	struct fake_packet *ringing = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(ringing, "180"));
	receive(recorder, "INVITE");
	assert_string_equal(fake_net_take(&recorder->net)->bytes, ringing->bytes);
	expect_silence(recorder);
}

static void no_100_precedes_a_refusal_at_once(void **state)
{
	struct recorder *recorder = *state;

	recorder->answer_at_once = 486;
	receive(recorder, "INVITE");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "486"));
	expect_silence(recorder);
}

/* Overload: what is new comes again later, what is under way goes on (docs/decisions/0090-floods.md). */
static void overload_puts_off_what_is_new(void **state)
{
	struct recorder *recorder = *state;
	struct transport *transport = transactions_transport(recorder->transactions);

	receive(recorder, "INVITE");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	/* Something piled up while nobody read: it is soon done. */
	transport_waited(transport, 251 * MS_US);
	receive_from(recorder, "INFO", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKpile", TO, 9);
	expect_log(recorder, "INVITE INFO");
	expect_silence(recorder);
	timers_advance(&recorder->net.timers, 251 * MS_US);
	transport_waited(transport, 251 * MS_US);
	receive(recorder, "INVITE"); /* again: known */
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	receive_from(recorder, "INVITE", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKnew", TO, 2);
	struct fake_packet *later = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(later, "503"));
	assert_slice(fake_packet_value(later, SIP_HEADER_RETRY_AFTER, 0), "10");
	receive_from(recorder, "BYE", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKbye", TO ";tag=ours", 3);
	expect_log(recorder, "BYE");
	expect_silence(recorder);
	assert_int_equal(transaction_counters(recorder->transactions)->refused, 1);
	transport_waited(transport, 249 * MS_US);
	receive_from(recorder, "OPTIONS", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKnext", TO, 4);
	expect_log(recorder, "OPTIONS");
}

static void a_retransmission_gets_the_last_response(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	receive(recorder, "INVITE");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	assert_int_equal(respond(recorder, recorder->st, 180), ERR_NONE);
	struct fake_packet *ringing = fake_net_take(&recorder->net);
	receive(recorder, "INVITE");
	assert_string_equal(fake_net_take(&recorder->net)->bytes, ringing->bytes);
	transaction_repeat(recorder->st);
	assert_string_equal(fake_net_take(&recorder->net)->bytes, ringing->bytes);
	expect_log(recorder, "INVITE");
}

/* Timer G: 0.5 1 2 4 4 ... s after each other; timer H after 32 s (17.2.1). The ACK is lost. */
static void a_final_response_is_repeated_until_the_ack(void **state)
{
	static const int64_t at_ms[] = { 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500 };
	struct recorder *recorder = *state;
	int64_t t0 = recorder->net.timers.now_us;

	receive(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	assert_int_equal(respond(recorder, recorder->st, 486), ERR_NONE);
	fake_net_pass(&recorder->net, 64 * T1 - 1);
	for (size_t i = 0; i < ARRAY_LEN(at_ms); i++)
		expect_packet(recorder, "486", t0, at_ms[i] * MS_US);
	expect_silence(recorder);
	expect_log(recorder, "INVITE");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone:timeout");
	assert_int_equal(transactions_count(recorder->transactions), 0);
}

static void the_ack_ends_it_after_timer_i(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	assert_int_equal(respond(recorder, recorder->st, 486), ERR_NONE);
	fake_net_pass(&recorder->net, T1 + 1);
	fake_net_drop(&recorder->net);
	receive(recorder, "INVITE"); /* the INVITE again: the response again */
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "486"));
	receive_from(recorder, "ACK", VIA, TO ";tag=ours", 1);
	receive_from(recorder, "ACK", VIA, TO ";tag=ours", 1);
	receive(recorder, "INVITE");
	fake_net_pass(&recorder->net, 5 * SECOND_US - 1);
	expect_log(recorder, "INVITE");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
	expect_silence(recorder);
}

static void on_a_stream_nothing_is_repeated(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
	char *invite = request_text("INVITE", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKs", TO, 1);
	char *ack = request_text("ACK", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKs", TO ";tag=ours", 1);

	fake_net_bytes(&recorder->net, flow, invite);
	assert_int_equal(respond(recorder, recorder->st, 486), ERR_NONE);
	fake_net_pass(&recorder->net, 32 * SECOND_US - 1);
	assert_int_equal(fake_net_waiting(&recorder->net), 2);
	fake_net_bytes(&recorder->net, flow, ack);
	expect_log(recorder, "INVITE");
	fake_net_pass(&recorder->net, 0); /* timer I is zero */
	expect_log(recorder, "gone");
	free(invite);
	free(ack);
}

/* RFC 6026: the 2xx is the user's to repeat; retransmissions are absorbed, ACKs go up; timer L is 64*T1 on all
 * transports. */
static void in_accepted_acks_pass_and_invites_do_not(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	struct fake_packet *ok = fake_net_take(&recorder->net);
	receive(recorder, "INVITE");
	fake_net_pass(&recorder->net, 10 * SECOND_US);
	expect_silence(recorder);
	transaction_repeat(recorder->st);
	assert_string_equal(fake_net_take(&recorder->net)->bytes, ok->bytes);
	receive_from(recorder, "ACK", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKother", TO ";tag=ours", 1);
	receive_from(recorder, "ACK", VIA, TO ";tag=ours", 1); /* a peer that keeps the branch */
	expect_log(recorder, "INVITE ack ack");
	fake_net_pass(&recorder->net, 22 * SECOND_US - 1);
	expect_log(recorder, "");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
}

static void after_a_final_response_no_other_is_sent(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	keep_last(recorder, server_transaction_request(recorder->st));
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	fake_net_drop(&recorder->net);
	assert_int_equal(respond(recorder, recorder->st, 180), ERR_STATE);
	assert_int_equal(respond(recorder, recorder->st, 486), ERR_STATE);
	expect_silence(recorder);
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
}

/* RFC 6026 8.8: an error is told, the state stays; the next repetition may succeed. */
static void a_response_that_cannot_be_sent_ends_nothing(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	recorder->net.datagram_err = ERR_UNREACHABLE;
	assert_int_equal(respond(recorder, recorder->st, 486), ERR_UNREACHABLE);
	fake_net_pass(&recorder->net, T1 - 1);
	recorder->net.datagram_err = ERR_NONE;
	fake_net_pass(&recorder->net, 1);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "486"));
	receive_from(recorder, "ACK", VIA, TO ";tag=ours", 1);
	fake_net_pass(&recorder->net, 5 * SECOND_US);
	expect_log(recorder, "INVITE gone");
	/* All fails: the last word says so. */
	receive_from(recorder, "INVITE", VIA "b", TO, 2);
	recorder->net.datagram_err = ERR_UNREACHABLE;
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_UNREACHABLE);
	fake_net_pass(&recorder->net, 32 * SECOND_US);
	expect_log(recorder, "INVITE gone:unreachable");
}

/* ---- the others: figure 8 ---- */

static void a_final_response_is_kept_for_timer_j(void **state)
{
	struct recorder *recorder = *state;

	recorder->answer_at_once = 200;
	receive(recorder, "OPTIONS");
	struct fake_packet *ok = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(ok, "200"));
	assert_null(server_transaction_request(recorder->st));
	fake_net_pass(&recorder->net, 64 * T1 - 1);
	expect_silence(recorder);
	receive(recorder, "OPTIONS");
	assert_string_equal(fake_net_take(&recorder->net)->bytes, ok->bytes);
	expect_log(recorder, "OPTIONS");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
	assert_int_equal(timers_next_us(&recorder->net.timers), INT64_MAX);
}

static void on_a_stream_timer_j_is_zero(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
	char *options = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKs", TO, 1);

	recorder->answer_at_once = 200;
	fake_net_bytes(&recorder->net, flow, options);
	assert_ptr_equal(fake_net_take(&recorder->net)->flow, flow);
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "OPTIONS gone");
	free(options);
}

/* RFC 4320 4.1: 100 when timer E of the client has reached T2, that is after 3.5 s; before, retransmissions are
 * absorbed. */
static void a_slow_answer_is_announced_by_100(void **state)
{
	struct recorder *recorder = *state;
	int64_t t0 = recorder->net.timers.now_us;

	receive(recorder, "OPTIONS");
	fake_net_pass(&recorder->net, SECOND_US);
	receive(recorder, "OPTIONS");
	fake_net_pass(&recorder->net, 9 * SECOND_US);
	expect_packet(recorder, "100", t0, 3500 * MS_US);
	receive(recorder, "OPTIONS");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	expect_log(recorder, "OPTIONS");
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	expect_silence(recorder);
}

static void what_rfc_4320_forbids_is_refused(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "OPTIONS");
	assert_int_equal(respond(recorder, recorder->st, 408), ERR_RANGE);
	assert_int_equal(respond(recorder, recorder->st, 183), ERR_RANGE);
	assert_int_equal(respond(recorder, recorder->st, 100), ERR_RANGE);
	expect_silence(recorder);
	fake_net_pass(&recorder->net, 4 * SECOND_US);
	fake_net_drop(&recorder->net);
	assert_int_equal(respond(recorder, recorder->st, 100), ERR_NONE);
	assert_int_equal(respond(recorder, recorder->st, 404), ERR_NONE);
	assert_int_equal(fake_net_waiting(&recorder->net), 2);
	receive_from(recorder, "INVITE", VIA "i", TO, 2);
	assert_int_equal(respond(recorder, recorder->st, 408), ERR_NONE);
}

/* ---- matching: 17.2.3 ---- */

static void branch_sent_by_and_method_make_the_transaction(void **state)
{
	struct recorder *recorder = *state;

	recorder->answer_at_once = 200;
	receive_from(recorder, "OPTIONS", "SIP/2.0/UDP Host.Example:5070;branch=z9hG4bKm", TO ";tag=d", 1);
	receive_from(recorder, "OPTIONS", "SIP/2.0/UDP host.example:5070;branch=z9hG4bKm", TO ";tag=d", 1);
	expect_log(recorder, "OPTIONS");
	receive_from(recorder, "OPTIONS", "SIP/2.0/UDP host.example:5071;branch=z9hG4bKm", TO ";tag=d", 1);
	receive_from(recorder, "OPTIONS", "SIP/2.0/UDP host2.example:5070;branch=z9hG4bKm", TO ";tag=d", 1);
	receive_from(recorder, "OPTIONS", "SIP/2.0/UDP host.example:5070;branch=z9hG4bKM", TO ";tag=d", 1);
	receive_from(recorder, "INFO", "SIP/2.0/UDP host.example:5070;branch=z9hG4bKm", TO ";tag=d", 1);
	expect_log(recorder, "OPTIONS OPTIONS OPTIONS INFO");
	assert_int_equal(transactions_count(recorder->transactions), 5);
}

#define OLD "SIP/2.0/UDP 198.51.100.7:5060"

/* A peer of RFC 2543: no magic cookie, the same branch (or none) for everything. */
static void without_the_magic_cookie_other_fields_match(void **state)
{
	struct recorder *recorder = *state;

	receive_from(recorder, "INVITE", OLD, TO, 1);
	receive_from(recorder, "INVITE", OLD, TO, 1);
	expect_log(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	assert_int_equal(respond(recorder, recorder->st, 486), ERR_NONE);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "486"));
	/* An ACK matches by the To tag of the response. */
	receive_from(recorder, "ACK", OLD, TO ";tag=foreign", 1);
	receive_from(recorder, "ACK", OLD ";branch=1", TO ";tag=ours", 1);
	expect_log(recorder, "ack ack");
	receive_from(recorder, "ACK", OLD, TO ";tag=ours", 1);
	expect_log(recorder, "");
	fake_net_pass(&recorder->net, 5 * SECOND_US);
	expect_log(recorder, "gone");
	/* Inside a dialog the To tag counts. */
	recorder->answer_at_once = 200;
	receive_from(recorder, "BYE", OLD, TO ";tag=d1", 2);
	receive_from(recorder, "BYE", OLD, TO ";tag=d1", 2);
	receive_from(recorder, "BYE", OLD, TO ";tag=d2", 2);
	receive_from(recorder, "BYE", OLD, TO ";tag=d1", 3);
	expect_log(recorder, "BYE BYE BYE");
}

static void an_old_2xx_ack_goes_up(void **state)
{
	struct recorder *recorder = *state;

	receive_from(recorder, "INVITE", OLD, TO, 1);
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	receive_from(recorder, "ACK", OLD, TO ";tag=ours", 1);
	expect_log(recorder, "INVITE ack");
}

/* ---- CANCEL: 9.2 ---- */

static void a_cancel_is_answered_and_told(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	assert_int_equal(respond(recorder, recorder->st, 180), ERR_NONE);
	fake_net_drop(&recorder->net);
	receive(recorder, "CANCEL");
	struct fake_packet *ok = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(ok, "200"));
	assert_slice(fake_packet_value(ok, SIP_HEADER_CSEQ, 0), "1 CANCEL");
	assert_slice(fake_packet_value(ok, SIP_HEADER_TO, 0), TO ";tag=ours");
	expect_log(recorder, "INVITE cancel");
	receive(recorder, "CANCEL");
	assert_string_equal(fake_net_take(&recorder->net)->bytes, ok->bytes);
	expect_log(recorder, "");
	assert_int_equal(respond(recorder, recorder->st, 487), ERR_NONE);
	receive_from(recorder, "ACK", VIA, TO ";tag=ours", 1);
	fake_net_pass(&recorder->net, 64 * SECOND_US);
	expect_log(recorder, "gone");
	assert_int_equal(transactions_count(recorder->transactions), 0);
}

static void a_cancel_before_any_tag_gets_one(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	receive(recorder, "CANCEL");
	assert_true(sip_message_to(fake_net_take(&recorder->net)->message)->tag.n >= 8);
	expect_log(recorder, "INVITE cancel");
}

static void a_cancel_of_nothing_gets_481(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "CANCEL");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "481"));
	receive(recorder, "CANCEL");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "481"));
	expect_log(recorder, "");
	assert_int_equal(transactions_count(recorder->transactions), 1);
}

/* Too late, or of something that cannot be cancelled: 200 and no effect. */
static void a_late_cancel_has_no_effect(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	fake_net_drop(&recorder->net);
	receive(recorder, "CANCEL");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	receive_from(recorder, "OPTIONS", VIA "o", TO, 2);
	receive_from(recorder, "CANCEL", VIA "o", TO, 2);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	expect_log(recorder, "INVITE OPTIONS");
}

static void an_old_cancel_matches_too(void **state)
{
	struct recorder *recorder = *state;

	receive_from(recorder, "INVITE", OLD, TO, 1);
	fake_net_drop(&recorder->net);
	receive_from(recorder, "CANCEL", OLD, TO, 2);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "481"));
	receive_from(recorder, "CANCEL", OLD, TO, 1);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	expect_log(recorder, "INVITE cancel");
}

/* 9.1, 17.1.1.3: what belongs to one transaction has one Call-ID and one CSeq number. */
static void one_branch_does_not_make_one_transaction(void **state)
{
	struct recorder *recorder = *state;
	char *other = request_text("OPTIONS", VIA, TO, 1), *cancel = request_text("CANCEL", VIA "i", TO, 1);

	recorder->answer_at_once = 200;
	receive(recorder, "OPTIONS");
	memcpy(strstr(other, "Call-ID: c1"), "Call-ID: c2", 11);
	fake_net_datagram(&recorder->net, PEER, other);
	receive_from(recorder, "OPTIONS", VIA, TO, 2);
	expect_log(recorder, "OPTIONS OPTIONS OPTIONS");
	fake_net_drop(&recorder->net);
	recorder->answer_at_once = 0;
	receive_from(recorder, "INVITE", VIA "i", TO, 1);
	fake_net_drop(&recorder->net);
	memcpy(strstr(cancel, "Call-ID: c1"), "Call-ID: c2", 11);
	fake_net_datagram(&recorder->net, PEER, cancel);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "481"));
	receive_from(recorder, "CANCEL", VIA "i", TO, 2);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "481"));
	expect_log(recorder, "INVITE");
	receive_from(recorder, "CANCEL", VIA "i", TO, 1);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	expect_log(recorder, "cancel");
	free(other);
	free(cancel);
}

/* ---- merged requests, limits ---- */

/* 8.2.2.2 */
static void a_merged_request_gets_482(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	receive_from(recorder, "INVITE", VIA "second", TO, 1);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "482"));
	assert_int_equal(transaction_counters(recorder->transactions)->merged, 1);
	expect_silence(recorder);
	receive_from(recorder, "ACK", VIA "second", TO ";tag=x", 1);
	receive_from(recorder, "CANCEL", VIA "second", TO, 1);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	expect_log(recorder, "INVITE");
	/* Another CSeq, another method or a To tag makes it another request. */
	receive_from(recorder, "INVITE", VIA "third", TO, 2);
	receive_from(recorder, "OPTIONS", VIA "fourth", TO, 1);
	receive_from(recorder, "INVITE", VIA "fifth", TO ";tag=d", 1);
	expect_log(recorder, "INVITE OPTIONS INVITE");
}

static void above_the_limit_503_is_sent_without_state(void **state)
{
	struct recorder *recorder = *state;

	transaction_settings(recorder->transactions)->max = 1;
	receive(recorder, "INVITE");
	fake_net_drop(&recorder->net);
	receive_from(recorder, "OPTIONS", VIA "2", TO, 2);
	struct fake_packet *busy = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(busy, "503"));
	assert_true(fake_packet_value(busy, SIP_HEADER_RETRY_AFTER, 0).n > 0);
	receive_from(recorder, "ACK", VIA "3", TO ";tag=d", 2);
	expect_silence(recorder);
	/* What exists goes on: retransmission, CANCEL. */
	receive(recorder, "INVITE");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	receive(recorder, "CANCEL");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "200"));
	expect_log(recorder, "INVITE ack cancel");
	assert_int_equal(transactions_count(recorder->transactions), 1);
	assert_int_equal(transaction_counters(recorder->transactions)->refused, 1);
	assert_int_equal(transaction_counters(recorder->transactions)->again, 1);
}

/* An answered one only waits for retransmissions: who asks anew is not refused for its sake. */
static void above_the_limit_the_oldest_answered_goes(void **state)
{
	struct recorder *recorder = *state;

	transaction_settings(recorder->transactions)->max = 2;
	receive_from(recorder, "OPTIONS", VIA "1", TO, 1);
	assert_int_equal(respond(recorder, recorder->st, 200), ERR_NONE);
	receive_from(recorder, "OPTIONS", VIA "2", TO, 2);
	fake_net_drop(&recorder->net);
	receive_from(recorder, "OPTIONS", VIA "3", TO, 3);
	expect_log(recorder, "OPTIONS OPTIONS gone:full OPTIONS");
	expect_silence(recorder);
	assert_int_equal(transactions_count(recorder->transactions), 2);
	/* Two that wait for their answers stay. */
	receive_from(recorder, "OPTIONS", VIA "4", TO, 4);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "503"));
	expect_log(recorder, "");
	assert_int_equal(transaction_counters(recorder->transactions)->displaced, 1);
	assert_int_equal(transaction_counters(recorder->transactions)->refused, 1);
}

/* Short calls one after the other: the INVITE of a call that is over makes room, that of one that lives does not. */
static void above_the_limit_an_answered_call_goes_when_it_is_over(void **state)
{
	struct recorder *recorder = *state;

	transaction_settings(recorder->transactions)->max = 1;
	recorder->answer_at_once = 200;
	receive_from(recorder, "INVITE", VIA "1", TO, 1);
	server_transaction_set_user(recorder->st, recorder);
	fake_net_drop(&recorder->net);
	receive_from(recorder, "INVITE", VIA "2", TO, 2);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "503"));
	server_transaction_set_user(recorder->st, NULL);
	receive_from(recorder, "INVITE", VIA "2", TO, 2);
	expect_log(recorder, "INVITE gone:full INVITE");
	assert_int_equal(transactions_count(recorder->transactions), 1);
}

static char *long_invite(unsigned number)
{
	char *filler = xmalloc(50001), *text;

	memset(filler, 'x', 50000);
	filler[50000] = '\0';
	text = xasprintf("INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: %s%u;x=%s\r\nFrom: <sip:b@c>;tag=%u\r\nTo: %s\r\n"
			 "Call-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n",
			 VIA, number, filler, number, TO);
	free(filler);
	return text;
}

static void large_messages_are_kept_up_to_a_limit(void **state)
{
	struct recorder *recorder = *state;

	for (unsigned i = 0; i < 400; i++) {
		char *text = long_invite(i);
		fake_net_datagram(&recorder->net, PEER, text);
		assert_int_equal(respond(recorder, recorder->st, 486), ERR_NONE);
		free(text);
	}
	/* 4 KiB for each of 1000, and 50 kB in each response. */
	assert_in_range(transactions_count(recorder->transactions), 75, 82);
}

/* What an INVITE keeps gets less with each step: the request goes with the final response, that with the ACK. */
static void a_finished_transaction_keeps_little(void **state)
{
	struct recorder *recorder = *state;

	for (unsigned i = 0; i < 400; i++) {
		char *text = long_invite(i), *via = xasprintf(VIA "%u", i);
		fake_net_datagram(&recorder->net, PEER, text);
		assert_int_equal(respond(recorder, recorder->st, 486), ERR_NONE);
		assert_null(server_transaction_request(recorder->st));
		receive_from(recorder, "ACK", via, TO ";tag=x", 1);
		free(via);
		free(text);
	}
	assert_int_equal(transactions_count(recorder->transactions), 400);
}

/* A forged source address, a long request, then short ones with the same branch: no flood for the one who is named. */
static void a_short_request_gets_no_long_response_again(void **state)
{
	struct recorder *recorder = *state;
	char *text = long_invite(1);

	fake_net_datagram(&recorder->net, PEER, text);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	receive_from(recorder, "INVITE", VIA "1", TO, 1);
	expect_silence(recorder);
	fake_net_datagram(&recorder->net, PEER, text);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "100"));
	free(text);
}

static void the_users_pointer_is_kept(void **state)
{
	struct recorder *recorder = *state;

	receive(recorder, "INVITE");
	assert_null(server_transaction_user(recorder->st));
	server_transaction_set_user(recorder->st, recorder);
	assert_ptr_equal(server_transaction_user(recorder->st), recorder);
}

/* Random bytes changed in good messages: nothing breaks, and whatever is left ends by itself. */
static void mutated_messages_do_no_harm(void **state)
{
	static const char *const methods[] = { "INVITE", "ACK", "CANCEL", "OPTIONS", "BYE" };
	struct recorder *recorder = *state;
	struct random random;

	random_init_seeded(&random, 5);
	recorder->answer_at_once = 486;
	for (int i = 0; i < 3000; i++) {
		char *text = request_text(methods[random_below(&random, 5)], VIA, TO, 1 + random_below(&random, 3));
		for (uint32_t k = random_below(&random, 4); k; k--)
			text[random_below(&random, (uint32_t)strlen(text))] = (char)(1 + random_below(&random, 255));
		fake_net_datagram(&recorder->net, PEER, text);
		free(text);
		recorder->log[0] = '\0';
		fake_net_drop(&recorder->net);
		fake_net_pass(&recorder->net, random_below(&random, 1000000));
	}
	fake_net_pass(&recorder->net, 64 * SECOND_US);
	assert_int_equal(transactions_count(recorder->transactions), 0);
	assert_true(recorder->wires > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_invite_gets_100_at_once),
		TEST(a_100_precedes_what_rings_at_once),
		TEST(no_100_precedes_a_refusal_at_once),
		TEST(overload_puts_off_what_is_new),
		TEST(a_retransmission_gets_the_last_response),
		TEST(a_final_response_is_repeated_until_the_ack),
		TEST(the_ack_ends_it_after_timer_i),
		TEST(on_a_stream_nothing_is_repeated),
		TEST(in_accepted_acks_pass_and_invites_do_not),
		TEST(after_a_final_response_no_other_is_sent),
		TEST(a_response_that_cannot_be_sent_ends_nothing),
		TEST(a_final_response_is_kept_for_timer_j),
		TEST(on_a_stream_timer_j_is_zero),
		TEST(a_slow_answer_is_announced_by_100),
		TEST(what_rfc_4320_forbids_is_refused),
		TEST(branch_sent_by_and_method_make_the_transaction),
		TEST(without_the_magic_cookie_other_fields_match),
		TEST(an_old_2xx_ack_goes_up),
		TEST(a_cancel_is_answered_and_told),
		TEST(a_cancel_before_any_tag_gets_one),
		TEST(a_cancel_of_nothing_gets_481),
		TEST(a_late_cancel_has_no_effect),
		TEST(an_old_cancel_matches_too),
		TEST(a_merged_request_gets_482),
		TEST(above_the_limit_503_is_sent_without_state),
		TEST(above_the_limit_the_oldest_answered_goes),
		TEST(above_the_limit_an_answered_call_goes_when_it_is_over),
		TEST(large_messages_are_kept_up_to_a_limit),
		TEST(a_finished_transaction_keeps_little),
		TEST(a_short_request_gets_no_long_response_again),
		TEST(the_users_pointer_is_kept),
		TEST(mutated_messages_do_no_harm),
		TEST(one_branch_does_not_make_one_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
