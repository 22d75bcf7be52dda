#include "tests/unit/sip/transaction/recorder.h"

/* ---- INVITE: figure 5 ---- */

/* Timer A: 0.5 1 2 4 8 16 s after each other, timer B after 32 s (17.1.1.2). */
static void an_unanswered_invite_is_repeated_and_given_up(void **state)
{
	static const int64_t at[] = { 1, 3, 7, 15, 31, 63 };
	struct recorder *recorder = *state;
	int64_t t0 = recorder->net.timers.now_us;
	struct fake_packet *first = start(recorder, "INVITE", "udp " PEER);

	assert_int_equal(first->sent_us, t0);
	fake_net_pass(&recorder->net, 64 * T1 - 1);
	expect_log(recorder, "");
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		assert_string_equal(expect_packet(recorder, "INVITE", t0, at[i] * T1)->bytes, first->bytes);
	expect_silence(recorder);
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "timeout gone:timeout");
	assert_int_equal(transactions_count(recorder->transactions), 0);
	assert_int_equal(timers_next_us(&recorder->net.timers), INT64_MAX);
}

static void on_a_stream_nothing_is_repeated(void **state)
{
	struct recorder *recorder = *state;

	assert_true(fake_packet_is(start(recorder, "INVITE", "tcp " PEER), "INVITE"));
	fake_net_pass(&recorder->net, 64 * T1 - 1);
	expect_silence(recorder);
	expect_log(recorder, "");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "timeout gone:timeout");
}

static void the_via_is_ours_and_new_each_time(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *one = start(recorder, "INVITE", "udp " PEER), *two = start(recorder, "INVITE", "tls " PEER);
	const struct sip_via *via = sip_message_via(one->message, 0), *tls = sip_message_via(two->message, 0);

	assert_true(sip_via_has_magic(via));
	assert_slice(via->transport, "UDP");
	assert_slice(via->host, "192.0.2.1");
	assert_int_equal(via->port, 5060);
	assert_true(via->has_rport);
	assert_slice(tls->transport, "TLS");
	assert_int_equal(tls->port, 5061);
	assert_false(slice_eq(via->branch, tls->branch));
	assert_true(slice_eq(client_transaction_request(recorder->ct)->bytes, two->message->bytes));
}

static void a_provisional_stops_all_timers(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);

	fake_net_answer(&recorder->net, invite, 100, NULL, "", "");
	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	fake_net_pass(&recorder->net, 3600 * SECOND_US);
	expect_silence(recorder);
	expect_log(recorder, "100 180");
	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	expect_log(recorder, "200");
}

/* RFC 6026: 2xx of all forks for 64*T1, no ACK from this layer. */
static void in_accepted_every_2xx_passes(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);

	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	fake_net_answer(&recorder->net, invite, 486, "b", "", "");
	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	fake_net_pass(&recorder->net, 64 * T1 - 1);
	fake_net_answer(&recorder->net, invite, 202, "c", "", "");
	expect_log(recorder, "200 200 202");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
	expect_silence(recorder);
	fake_net_answer(&recorder->net, invite, 200, "d", "", "");
	expect_log(recorder, "stray");
	fake_net_answer(&recorder->net, invite, 486, "d", "", "");
	expect_log(recorder, "");
}

/* 17.1.1.3 */
static void a_final_response_is_acked(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);
	int64_t t0 = recorder->net.timers.now_us;

	fake_net_answer(&recorder->net, invite, 486, "b", "", "");
	struct fake_packet *ack = expect_packet(recorder, "ACK", t0, 0);
	assert_slice(ack->message->request_uri, "sip:bob@example.net;x=y");
	assert_true(slice_eq(sip_message_via(ack->message, 0)->text, sip_message_via(invite->message, 0)->text));
	assert_null(sip_message_via(ack->message, 1));
	assert_slice(fake_packet_value(ack, SIP_HEADER_ROUTE, 0), "<sip:p1.example.net;lr>, <sip:p2.example.net;lr>");
	assert_slice(fake_packet_value(ack, SIP_HEADER_TO, 0), "<sip:bob@example.net>;tag=b");
	assert_slice(fake_packet_value(ack, SIP_HEADER_FROM, 0), "\"A\" <sip:alice@example.org>;tag=a1");
	assert_slice(fake_packet_value(ack, SIP_HEADER_CALL_ID, 0), "call-1");
	assert_slice(fake_packet_value(ack, SIP_HEADER_CSEQ, 0), "4711 ACK");
	assert_slice(fake_packet_value(ack, SIP_HEADER_MAX_FORWARDS, 0), "70");
	assert_int_equal(sip_message_check(ack->message).status, 0);
	expect_log(recorder, "486");
	/* Its retransmissions are acked and not passed up; timer D is 32 s. */
	fake_net_answer(&recorder->net, invite, 486, "b", "", "");
	assert_string_equal(expect_packet(recorder, "ACK", t0, 0)->bytes, ack->bytes);
	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	fake_net_pass(&recorder->net, 32 * SECOND_US - 1);
	expect_log(recorder, "");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
	expect_silence(recorder);
}

static void timer_d_is_32_s_whatever_t1_is(void **state)
{
	struct recorder *recorder = *state;

	transaction_settings(recorder->transactions)->t1_us = 10 * MS_US;
	fake_net_answer(&recorder->net, start(recorder, "INVITE", "udp " PEER), 486, "b", "", "");
	fake_net_pass(&recorder->net, 32 * SECOND_US - 1);
	expect_log(recorder, "486");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
}

static void on_a_stream_timer_d_is_zero(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "tcp " PEER);

	fake_net_answer(&recorder->net, invite, 603, "b", "", "");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "ACK"));
	expect_log(recorder, "603");
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "gone");
}

/* Figure 5: an error counts in Calling and Completed, not in Proceeding; ICMP is believed the second time. */
static void icmp_ends_an_unanswered_invite(void **state)
{
	struct recorder *recorder = *state;

	start(recorder, "INVITE", "udp " PEER);
	fake_net_icmp(&recorder->net, "198.51.100.8:5060");
	fake_net_icmp(&recorder->net, "198.51.100.7:5061");
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "");
	fake_net_icmp(&recorder->net, PEER);
	fake_net_pass(&recorder->net, 499 * MS_US);
	expect_log(recorder, "");
	fake_net_icmp(&recorder->net, PEER);
	expect_log(recorder, "");
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "error:refused gone:refused");
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);
	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	fake_net_icmp(&recorder->net, PEER);
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "180");
	fake_net_answer(&recorder->net, invite, 486, "b", "", "");
	fake_net_icmp(&recorder->net, PEER);
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "486 gone:refused");
}

static void a_closed_flow_ends_what_it_carried(void **state)
{
	struct recorder *recorder = *state;

	start(recorder, "INVITE", "tcp " PEER);
	fake_net_closed(&recorder->net, fake_net_newest(&recorder->net), ERR_RESET);
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "error:reset gone:reset");
	recorder->net.connect = FAKE_REFUSES;
	assert_null(start(recorder, "INVITE", "tcp " PEER));
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "error:refused gone:refused");
}

static void what_cannot_start_says_why(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("udp [2001:db8::1]:5060");
	struct sip_draft *draft = draft_request("INVITE");
	enum err err;

	assert_null(transaction_start(recorder->transactions, draft, &target, on_client, recorder, &err));
	assert_int_equal(err, ERR_NO_ROUTE);
	target = fake_target("udp " PEER);
	recorder->net.datagram_err = ERR_UNREACHABLE;
	assert_null(transaction_start(recorder->transactions, draft, &target, on_client, recorder, &err));
	assert_int_equal(err, ERR_UNREACHABLE);
	expect_log(recorder, "");
	assert_int_equal(transactions_count(recorder->transactions), 0);
	/* A full socket is a lost datagram. */
	recorder->net.datagram_err = ERR_FULL;
	recorder->ct = transaction_start(recorder->transactions, draft, &target, on_client, recorder, &err);
	assert_non_null(recorder->ct);
	recorder->net.datagram_err = ERR_NONE;
	fake_net_pass(&recorder->net, T1);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "INVITE"));
	recorder->net.datagram_err = ERR_UNREACHABLE;
	fake_net_pass(&recorder->net, 2 * T1);
	expect_log(recorder, "error:unreachable gone:unreachable");
	sip_draft_free(draft);
}

/* ---- CANCEL: 9.1 ---- */

static void expect_cancel(const struct fake_packet *invite, const struct fake_packet *cancel)
{
	assert_slice(cancel->message->request_uri, "sip:bob@example.net;x=y");
	assert_true(slice_eq(sip_message_via(cancel->message, 0)->text, sip_message_via(invite->message, 0)->text));
	assert_slice(fake_packet_value(cancel, SIP_HEADER_ROUTE, 0),
		     "<sip:p1.example.net;lr>, <sip:p2.example.net;lr>");
	assert_slice(fake_packet_value(cancel, SIP_HEADER_TO, 0), "<sip:bob@example.net>");
	assert_slice(fake_packet_value(cancel, SIP_HEADER_CSEQ, 0), "4711 CANCEL");
	assert_slice(fake_packet_value(cancel, SIP_HEADER_CALL_ID, 0), "call-1");
	assert_int_equal(sip_message_check(cancel->message).status, 0);
}

static void cancel_waits_for_a_provisional(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);
	int64_t t0 = recorder->net.timers.now_us;

	transaction_cancel(recorder->ct, SLICE("SIP;cause=200;text=\"Call completed elsewhere\""));
	transaction_cancel(recorder->ct, slice_of(""));
	expect_silence(recorder);
	fake_net_answer(&recorder->net, invite, 100, NULL, "", "");
	struct fake_packet *cancel = expect_packet(recorder, "CANCEL", t0, 0);
	expect_cancel(invite, cancel);
	assert_slice(fake_packet_value(cancel, SIP_HEADER_REASON, 0),
		     "SIP;cause=200;text=\"Call completed elsewhere\"");
	expect_silence(recorder);
	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	fake_net_answer(&recorder->net, cancel, 200, "b", "", "");
	fake_net_answer(&recorder->net, invite, 487, "b", "", "");
	expect_packet(recorder, "ACK", t0, 0);
	expect_silence(recorder);
	expect_log(recorder, "100 180 487");
	fake_net_pass(&recorder->net, 32 * SECOND_US);
	expect_log(recorder, "gone");
	assert_int_equal(transactions_count(recorder->transactions), 0);
}

static void cancel_after_a_provisional_leaves_at_once(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);
	int64_t t0 = recorder->net.timers.now_us;

	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	transaction_cancel(recorder->ct, slice_of(""));
	transaction_cancel(recorder->ct, slice_of(""));
	struct fake_packet *cancel = expect_packet(recorder, "CANCEL", t0, 0);
	expect_cancel(invite, cancel);
	assert_int_equal(fake_packet_value(cancel, SIP_HEADER_REASON, 0).n, 0);
	expect_silence(recorder);
	/* It is a transaction of its own: repeated by timer E until answered. */
	fake_net_pass(&recorder->net, T1);
	expect_packet(recorder, "CANCEL", t0, T1);
	fake_net_answer(&recorder->net, cancel, 200, "b", "", "");
	fake_net_pass(&recorder->net, 63 * T1 - 1);
	expect_silence(recorder);
	expect_log(recorder, "180");
	/* Nobody answers the INVITE: given up 64*T1 after the CANCEL. */
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "timeout gone:timeout");
}

static void a_2xx_may_cross_the_cancel(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);

	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	transaction_cancel(recorder->ct, slice_of(""));
	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	fake_net_drop(&recorder->net);
	transaction_cancel(recorder->ct, slice_of(""));
	fake_net_pass(&recorder->net, 32 * SECOND_US - 1);
	expect_log(recorder, "180 200");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
}

static void without_a_provisional_a_cancelled_invite_times_out(void **state)
{
	struct recorder *recorder = *state;

	start(recorder, "INVITE", "udp " PEER);
	transaction_cancel(recorder->ct, slice_of(""));
	fake_net_pass(&recorder->net, 64 * T1);
	expect_log(recorder, "timeout gone:timeout");
	for (struct fake_packet *packet; (packet = fake_net_take(&recorder->net));)
		assert_true(fake_packet_is(packet, "INVITE"));
}

/* What waits for its connection is taken back: it never leaves, and nobody is told any more. */
static void a_request_that_has_not_left_is_withdrawn(void **state)
{
	struct recorder *recorder = *state;

	recorder->net.connect = FAKE_HANGS;
	assert_null(start(recorder, "INVITE", "tcp " PEER));
	assert_true(client_transaction_withdraw(recorder->ct));
	fake_net_opened(&recorder->net, fake_net_newest(&recorder->net));
	fake_net_pass(&recorder->net, 64 * T1);
	expect_silence(recorder);
	recorder->net.connect = FAKE_OPENS;
	start(recorder, "INVITE", "udp " PEER);
	assert_false(client_transaction_withdraw(recorder->ct));
	assert_false(client_transaction_cancels_later(recorder->ct));
	transaction_cancel(recorder->ct, slice_of(""));
	assert_true(client_transaction_cancels_later(recorder->ct));
	fake_net_pass(&recorder->net, 64 * T1);
	expect_log(recorder, "timeout gone:timeout");
}

static void only_an_invite_is_cancelled(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *options = start(recorder, "OPTIONS", "udp " PEER);

	fake_net_answer(&recorder->net, options, 100, NULL, "", "");
	transaction_cancel(recorder->ct, slice_of(""));
	expect_silence(recorder);
}

/* ---- the others: figure 6 ---- */

/* Timer E: 0.5 1 2 4 4 4 ... s after each other, timer F after 32 s (17.1.2.2). */
static void an_unanswered_request_is_repeated_up_to_t2(void **state)
{
	static const int64_t at_ms[] = { 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500 };
	struct recorder *recorder = *state;
	int64_t t0 = recorder->net.timers.now_us;

	start(recorder, "OPTIONS", "udp " PEER);
	fake_net_pass(&recorder->net, 64 * T1 - 1);
	for (size_t i = 0; i < ARRAY_LEN(at_ms); i++)
		expect_packet(recorder, "OPTIONS", t0, at_ms[i] * MS_US);
	expect_silence(recorder);
	expect_log(recorder, "");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "timeout gone:timeout");
}

/* In Proceeding it goes on every T2 and timer F still runs. */
static void a_provisional_slows_the_repetition(void **state)
{
	static const int64_t at_ms[] = { 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500 };
	struct recorder *recorder = *state;
	int64_t t0 = recorder->net.timers.now_us;
	struct fake_packet *options = start(recorder, "OPTIONS", "udp " PEER);

	fake_net_pass(&recorder->net, 600 * MS_US);
	fake_net_answer(&recorder->net, options, 100, NULL, "", "");
	fake_net_pass(&recorder->net, 64 * T1 - 600 * MS_US - 1);
	for (size_t i = 0; i < ARRAY_LEN(at_ms); i++)
		expect_packet(recorder, "OPTIONS", t0, at_ms[i] * MS_US);
	expect_silence(recorder);
	expect_log(recorder, "100");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "timeout gone:timeout");
}

static void a_final_response_ends_it_after_timer_k(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *options = start(recorder, "OPTIONS", "udp " PEER);

	fake_net_answer(&recorder->net, options, 404, "b", "", "");
	fake_net_answer(&recorder->net, options, 404, "b", "", "");
	fake_net_answer(&recorder->net, options, 200, "b", "", "");
	fake_net_icmp(&recorder->net, PEER);
	fake_net_pass(&recorder->net, 5 * SECOND_US - 1);
	expect_log(recorder, "404");
	fake_net_pass(&recorder->net, 1);
	expect_log(recorder, "gone");
	expect_silence(recorder);
	options = start(recorder, "OPTIONS", "tcp " PEER);
	fake_net_answer(&recorder->net, options, 200, "b", "", "");
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "200 gone");
}

static void errors_end_it_in_trying_and_proceeding(void **state)
{
	struct recorder *recorder = *state;

	start(recorder, "OPTIONS", "udp " PEER);
	fake_net_icmp(&recorder->net, PEER);
	fake_net_icmp(&recorder->net, PEER);
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "error:refused gone:refused");
	fake_net_answer(&recorder->net, start(recorder, "OPTIONS", "udp " PEER), 100, NULL, "", "");
	fake_net_icmp(&recorder->net, PEER);
	fake_net_icmp(&recorder->net, PEER);
	fake_net_pass(&recorder->net, 0);
	expect_log(recorder, "100 error:refused gone:refused");
}

/* 17.1.3: branch and CSeq method; nothing else of the response decides. */
static void only_branch_and_method_match(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *options = start(recorder, "OPTIONS", "udp " PEER);
	char *text = fake_net_answer_text(options, 200, "b", "", ""), *at;

	at = strstr(text, "4711 OPTIONS");
	memcpy(at, "4711 REFER  ", 12);
	fake_net_datagram(&recorder->net, PEER, text);
	expect_log(recorder, "");
	memcpy(at, "4711 OPTIONS", 12);
	at = strstr(text, "z9hG4bK") + 7;
	*at = *at == 'a' ? 'b' : 'a';
	fake_net_datagram(&recorder->net, PEER, text);
	expect_log(recorder, "");
	free(text);
	text = fake_net_answer_text(options, 200, "b", "", "");
	fake_net_datagram(&recorder->net, "203.0.113.77:1234", text);
	expect_log(recorder, "200");
	free(text);
}

/* ---- the rest ---- */

static void a_detached_transaction_runs_to_its_end_silently(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);

	fake_net_answer(&recorder->net, invite, 180, "b", "", "");
	transaction_cancel(recorder->ct, slice_of(""));
	client_transaction_detach(recorder->ct);
	fake_net_drop(&recorder->net);
	fake_net_answer(&recorder->net, invite, 487, "b", "", "");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "ACK"));
	fake_net_pass(&recorder->net, 64 * SECOND_US);
	expect_log(recorder, "180");
	assert_int_equal(transactions_count(recorder->transactions), 0);
}

static void the_ack_of_a_2xx_has_no_transaction(void **state)
{
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);
	struct sip_target target = fake_target("udp " PEER);
	struct sip_draft *draft = draft_request("ACK");
	struct sip_message *sent;

	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	assert_int_equal(transaction_send_ack(recorder->transactions, draft, &target, &sent), ERR_NONE);
	struct fake_packet *first = fake_net_take(&recorder->net);
	assert_false(slice_eq(sip_message_via(first->message, 0)->branch, sip_message_via(invite->message, 0)->branch));
	transaction_resend_ack(recorder->transactions, &target, sent);
	assert_string_equal(fake_net_take(&recorder->net)->bytes, first->bytes);
	assert_int_equal(transactions_count(recorder->transactions), 1);
	sip_message_unref(sent);
	target = fake_target("udp [2001:db8::1]:5060");
	assert_int_equal(transaction_send_ack(recorder->transactions, draft, &target, &sent), ERR_NO_ROUTE);
	assert_null(sent);
	sip_draft_free(draft);
}

/* The first INVITEs are lost, then the ACK. */
static void loss_is_survived(void **state)
{
	struct recorder *recorder = *state;

	recorder->net.lose_next = 3;
	assert_null(start(recorder, "INVITE", "udp " PEER));
	fake_net_pass(&recorder->net, 7 * T1);
	struct fake_packet *invite = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(invite, "INVITE"));
	assert_int_equal(recorder->net.lost_count, 3);
	fake_net_answer(&recorder->net, invite, 486, "b", "", "");
	fake_net_drop(&recorder->net); /* the ACK is lost; the peer repeats its 486 */
	fake_net_pass(&recorder->net, T1);
	fake_net_answer(&recorder->net, invite, 486, "b", "", "");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "ACK"));
	expect_log(recorder, "486");
}

static void show_line(void *arg, const char *line)
{
	snprintf(arg, 256, "%s", line);
}

static void they_can_be_shown(void **state)
{
	struct recorder *recorder = *state;
	char line[256];

	start(recorder, "INVITE", "udp " PEER);
	transactions_show(recorder->transactions, show_line, line);
	assert_string_equal(line, "1  INVITE client  calling  INVITE  UDP 198.51.100.7:5060");
	assert_int_equal(recorder->wires, 1);
}

/* 8.2.6.2: a response repeats From, Call-ID and CSeq. */
static void a_response_with_another_dialog_is_none(void **state)
{
	static const struct {
		const char *field, *forged;
	} forgeries[] = { { "Call-ID: ", "X" }, { ";tag=a", "X" }, { "CSeq: 471", "2" } };
	struct recorder *recorder = *state;
	struct fake_packet *invite = start(recorder, "INVITE", "udp " PEER);

	for (size_t i = 0; i < ARRAY_LEN(forgeries); i++) {
		char *text = fake_net_answer_text(invite, 200, "b", "", ""), *place = strstr(text, forgeries[i].field);
		assert_non_null(place);
		place[strlen(forgeries[i].field)] = forgeries[i].forged[0];
		fake_net_send_back(&recorder->net, invite, text);
		free(text);
	}
	expect_log(recorder, "");
	fake_net_answer(&recorder->net, invite, 200, "b", "", "");
	expect_log(recorder, "200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unanswered_invite_is_repeated_and_given_up),
		TEST(on_a_stream_nothing_is_repeated),
		TEST(the_via_is_ours_and_new_each_time),
		TEST(a_provisional_stops_all_timers),
		TEST(in_accepted_every_2xx_passes),
		TEST(a_final_response_is_acked),
		TEST(timer_d_is_32_s_whatever_t1_is),
		TEST(on_a_stream_timer_d_is_zero),
		TEST(icmp_ends_an_unanswered_invite),
		TEST(a_closed_flow_ends_what_it_carried),
		TEST(what_cannot_start_says_why),
		TEST(cancel_waits_for_a_provisional),
		TEST(cancel_after_a_provisional_leaves_at_once),
		TEST(a_2xx_may_cross_the_cancel),
		TEST(without_a_provisional_a_cancelled_invite_times_out),
		TEST(a_request_that_has_not_left_is_withdrawn),
		TEST(only_an_invite_is_cancelled),
		TEST(an_unanswered_request_is_repeated_up_to_t2),
		TEST(a_provisional_slows_the_repetition),
		TEST(a_final_response_ends_it_after_timer_k),
		TEST(errors_end_it_in_trying_and_proceeding),
		TEST(only_branch_and_method_match),
		TEST(a_detached_transaction_runs_to_its_end_silently),
		TEST(the_ack_of_a_2xx_has_no_transaction),
		TEST(loss_is_survived),
		TEST(they_can_be_shown),
		TEST(a_response_with_another_dialog_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
