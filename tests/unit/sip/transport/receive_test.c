#include "tests/unit/sip/transport/recorder.h"

#define PEER "198.51.100.7:5070"
#define HERE "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKp\r\nMax-Forwards: 70\r\n"
#define REST                                                                                                           \
	"From: <sip:bob@example.net>;tag=f1\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 1 "                   \
	"OPTIONS\r\nContent-Length: 0\r\n\r\n"

static void expect_via(struct recorder *recorder, const char *via, const char *completed)
{
	char *text = request_text("OPTIONS", via);
	unsigned before = recorder->requests;

	fake_net_datagram(&recorder->net, PEER, text);
	free(text);
	assert_int_equal(recorder->requests, before + 1);
	assert_slice(sip_message_value(recorder->last, SIP_HEADER_VIA), completed);
}

/* RFC 3261 18.2.1, RFC 3581 4 */
static void the_top_via_is_completed(void **state)
{
	struct recorder *recorder = *state;

	expect_via(recorder, "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKa",
		   "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKa");
	expect_via(recorder, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa",
		   "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=198.51.100.7");
	expect_via(recorder, "SIP/2.0/UDP host.example;branch=z9hG4bKa;rport",
		   "SIP/2.0/UDP host.example;branch=z9hG4bKa;received=198.51.100.7;rport=5070");
	expect_via(recorder, "SIP/2.0/UDP 198.51.100.7;rport;branch=z9hG4bKa;x=\"a;b\"",
		   "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa;x=\"a;b\";received=198.51.100.7;rport=5070");
}

static void forged_received_and_rport_are_taken_out(void **state)
{
	struct recorder *recorder = *state;

	expect_via(recorder, "SIP/2.0/UDP 198.51.100.7:5070;received=203.0.113.1;branch=z9hG4bKa",
		   "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKa");
	expect_via(recorder, "SIP/2.0/UDP 10.0.0.1;rport=99;branch=z9hG4bKa;Received=203.0.113.1",
		   "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=198.51.100.7;rport=5070");
}

static void only_the_top_via_is_touched(void **state)
{
	struct recorder *recorder = *state;

	expect_via(recorder,
		   "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport , SIP/2.0/TCP h2;branch=z9hG4bKb\r\nVia: SIP/2.0/TLS "
		   "h3;branch=z9hG4bKc;rport",
		   "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=198.51.100.7;rport=5070 , SIP/2.0/TCP "
		   "h2;branch=z9hG4bKb");
	assert_slice(sip_message_via(recorder->last, 1)->host, "h2");
	assert_slice(sip_message_via(recorder->last, 2)->text, "SIP/2.0/TLS h3;branch=z9hG4bKc;rport");
	assert_null(sip_message_via(recorder->last, 3));
}

static void folded_lines_and_body_survive(void **state)
{
	struct recorder *recorder = *state;

	fake_net_datagram(&recorder->net, PEER,
			  "MESSAGE sip:alice@192.0.2.1 SIP/2.0\r\nv: SIP/2.0/UDP\r\n "
			  "10.0.0.1\r\n\t;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n"
			  "f: <sip:bob@example.net>;tag=f1\r\nt: <sip:alice@192.0.2.1>\r\ni: c1\r\nCSeq: 1\r\n  "
			  "MESSAGE\r\nc: text/plain\r\nl: 5\r\n\r\nhello");
	assert_int_equal(recorder->requests, 1);
	const struct sip_via *via = sip_message_via(recorder->last, 0);
	assert_non_null(via);
	assert_slice(via->received, "198.51.100.7");
	assert_int_equal(via->rport, 5070);
	assert_slice(recorder->last->body, "hello");
	assert_slice(sip_message_call_id(recorder->last), "c1");
}

static void keep_alives_are_silent(void **state)
{
	struct recorder *recorder = *state;

	fake_net_datagram(&recorder->net, PEER, "\r\n\r\n");
	fake_net_datagram(&recorder->net, PEER, "\r\n");
	fake_net_datagram_bytes(&recorder->net, PEER, slice_make("\0\0\0\0", 4));
	fake_net_datagram_bytes(&recorder->net, PEER, slice_of(""));
	assert_int_equal(recorder->wires + recorder->requests + fake_net_waiting(&recorder->net), 0);
	fake_net_datagram(&recorder->net, PEER, "\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\n" HERE REST);
	assert_int_equal(recorder->requests, 1);
	assert_int_equal(recorder->wires, 1);
}

static void garbage_is_not_answered(void **state)
{
	struct recorder *recorder = *state;
	static const char *const texts[] = {
		"hello",
		"\x16\x03\x01\x02",
		"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
		"OPTIONS sip:a@b SIP/2.0\r\n" REST, /* no Via */
		"ACK sip:a@b SIP/2.0\r\n" HERE
		"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n\r\n", /* no CSeq */
		"ACK sip:a@b SIP/2.0\r\n" HERE REST, /* CSeq of another method */
		"ACK sip:a@b SIP/7.0\r\n" HERE
		"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 ACK\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		fake_net_datagram(&recorder->net, PEER, texts[i]);
	assert_int_equal(recorder->requests, 0);
	assert_int_equal(fake_net_waiting(&recorder->net), 0);
}

static void broken_requests_are_answered_without_state(void **state)
{
	struct recorder *recorder = *state;
	const char *text =
		"OPTIONS sip:a@b SIP/2.0\r\n" HERE "From: <sip:bob@example.net>;tag=f1\r\nTo: "
						   "<sip:alice@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n";

	fake_net_datagram(&recorder->net, PEER, text);
	fake_net_datagram(&recorder->net, PEER, text);
	assert_int_equal(recorder->requests, 0);
	struct fake_packet *first = fake_net_take(&recorder->net), *second = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(first, "400"));
	assert_address(&first->remote, PEER);
	assert_slice(sip_message_call_id(first->message), "c1");
	/* 8.2.7: the same tag each time. */
	assert_true(sip_message_to(first->message)->tag.n > 0);
	assert_string_equal(first->bytes, second->bytes);
	fake_net_datagram(&recorder->net, PEER, "OPTIONS sip:a@b SIP/7.0\r\n" HERE REST);
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "505"));
	/* By its Via the sender finds it without a CSeq as well. */
	fake_net_datagram(&recorder->net, PEER,
			  "OPTIONS sip:a@b SIP/2.0\r\n" HERE
			  "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n\r\n");
	assert_true(fake_packet_is(fake_net_take(&recorder->net), "400"));
}

/* RFC 4475 3.3.1 */
static void what_is_missing_is_no_reason_for_silence(void **state)
{
	struct recorder *recorder = *state;

	fake_net_datagram(&recorder->net, PEER,
			  "INVITE sip:a@b SIP/2.0\r\nCSeq: 193942 INVITE\r\n" HERE "l: 0\r\n\r\n");
	struct fake_packet *answer = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(answer, "400"));
	assert_slice(fake_packet_value(answer, SIP_HEADER_CSEQ, 0), "193942 INVITE");
	assert_int_equal(recorder->requests, 0);
}

static void a_request_without_room_for_its_via_is_too_large(void **state)
{
	static const char head[] = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP host.example;branch=z9hG4bKa;rport\r\n"
				   "From: <sip:bob@example.net>;tag=f1\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c1\r\n"
				   "CSeq: 1 OPTIONS\r\nSubject: ";
	struct recorder *recorder = *state;
	char *text = malloc(SIP_MESSAGE_MAX);

	assert_non_null(text);
	memset(text, 'x', SIP_MESSAGE_MAX);
	memcpy(text, head, sizeof head - 1);
	memcpy(text + SIP_MESSAGE_MAX - 4, "\r\n\r\n", 4);
	fake_net_datagram_bytes(&recorder->net, PEER, slice_make(text, SIP_MESSAGE_MAX));
	free(text);
	assert_int_equal(recorder->requests, 0);
	struct fake_packet *answer = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(answer, "513"));
	assert_address(&answer->remote, PEER);
}

/* A quoted-pair may be a NUL (25.1). */
static void a_nul_in_the_via_is_borne(void **state)
{
	static const char text[] = "OPTIONS sip:a@b SIP/2.0\r\n"
				   "Via: SIP/2.0/UDP 198.51.100.7:5070;x=\"a\\\0b\";branch=z9hG4bKp\r\n" REST;
	struct recorder *recorder = *state;

	fake_net_datagram_bytes(&recorder->net, PEER, slice_make(text, sizeof text - 1));
	assert_int_equal(recorder->requests, 1);
	const struct sip_via *via = sip_message_via(recorder->last, 0);
	assert_non_null(via);
	assert_slice(via->branch, "z9hG4bKp");
}

static void stateless_answers_have_a_rate(void **state)
{
	struct recorder *recorder = *state;

	for (int i = 0; i < STATELESS_PER_SECOND + 50; i++)
		fake_net_datagram(&recorder->net, PEER, "OPTIONS sip:a@b SIP/7.0\r\n" HERE REST);
	assert_int_equal(fake_net_waiting(&recorder->net), STATELESS_PER_SECOND);
	fake_net_pass(&recorder->net, SECOND_US);
	fake_net_datagram(&recorder->net, PEER, "OPTIONS sip:a@b SIP/7.0\r\n" HERE REST);
	assert_int_equal(fake_net_waiting(&recorder->net), STATELESS_PER_SECOND + 1);
}

/* 18.1.2, 8.1.3.3 */
static void responses_to_others_are_dropped(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("udp " PEER);
	char text[ADDRESS_TEXT];
	static const char rest[] = "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 "
				   "OPTIONS\r\nContent-Length: 0\r\n\r\n";
	static const char *const vias[] = {
		"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKx\r\n",
		"Via: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKx\r\n",
		"Via: SIP/2.0/UDP example.org;branch=z9hG4bKx\r\n",
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx, SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKy\r\n",
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\nTo: <sip:second@to>\r\nCSeq: x\r\n",
		"",
	};
	char message[1024];

	assert_true(transport_sent_by(recorder->transport, &target, text));
	assert_string_equal(text, "192.0.2.1:5060");
	for (size_t i = 0; i < ARRAY_LEN(vias); i++) {
		snprintf(message, sizeof message, "SIP/2.0 200 OK\r\n%s%s", vias[i], rest);
		fake_net_datagram(&recorder->net, PEER, message);
	}
	assert_int_equal(recorder->responses, 0);
	snprintf(message, sizeof message,
		 "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;received=10.9.9.9\r\n%s", rest);
	fake_net_datagram(&recorder->net, PEER, message);
	assert_int_equal(recorder->responses, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, recorder_setup, recorder_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_top_via_is_completed),
		TEST(forged_received_and_rport_are_taken_out),
		TEST(only_the_top_via_is_touched),
		TEST(folded_lines_and_body_survive),
		TEST(keep_alives_are_silent),
		TEST(garbage_is_not_answered),
		TEST(broken_requests_are_answered_without_state),
		TEST(what_is_missing_is_no_reason_for_silence),
		TEST(a_request_without_room_for_its_via_is_too_large),
		TEST(a_nul_in_the_via_is_borne),
		TEST(stateless_answers_have_a_rate),
		TEST(responses_to_others_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
