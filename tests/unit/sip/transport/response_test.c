#include "tests/unit/sip/transport/recorder.h"

/* Receive an OPTIONS with this Via and answer 200 by transport_send_response(). */
static enum err answer(struct recorder *recorder)
{
	struct sip_draft *draft = sip_draft_response(recorder->last, 200, slice_of(""), SLICE("t"));
	struct sip_message *response = sip_draft_finish(draft, slice_of(""));
	enum err err = transport_send_response(recorder->transport, &recorder->source, response);

	sip_message_unref(response);
	sip_draft_free(draft);
	return err;
}

static void receive(struct recorder *recorder, const char *from, const char *via)
{
	char *text = request_text("OPTIONS", via);
	unsigned before = recorder->requests;

	fake_net_datagram(&recorder->net, from, text);
	free(text);
	assert_int_equal(recorder->requests, before + 1);
}

static void expect_udp(struct recorder *recorder, const char *via, const char *to)
{
	receive(recorder, "198.51.100.7:33333", via);
	assert_int_equal(answer(recorder), ERR_NONE);
	fake_net_pass(&recorder->net, 0);
	struct fake_packet *packet = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(packet, "200"));
	assert_int_equal(packet->protocol, SIP_UDP);
	assert_address(&packet->remote, to);
	assert_address(&packet->local, "192.0.2.1:5060");
	assert_null(fake_net_take(&recorder->net));
}

/* 18.2.2, RFC 3581 4 */
static void udp_responses_go_where_the_via_says(void **state)
{
	struct recorder *recorder = *state;

	expect_udp(recorder, "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKa", "198.51.100.7:5070");
	expect_udp(recorder, "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKb", "198.51.100.7:5060");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKc", "198.51.100.7:5070");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKd;rport", "198.51.100.7:33333");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKe;maddr=224.2.0.1;rport", "224.2.0.1:5060");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKf;maddr=239.255.255.255", "239.255.255.255:5099");
	/* A forged received leads nowhere else. */
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:5070;received=203.0.113.9;rport=1;branch=z9hG4bKg",
		   "198.51.100.7:33333");
}

/* Otherwise anybody could have our answers sent to anybody. */
static void a_maddr_that_is_no_group_leads_nowhere_else(void **state)
{
	struct recorder *recorder = *state;

	fake_net_name(&recorder->net, "all.example", "udp 203.0.113.10:5060");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKa;maddr=203.0.113.9", "198.51.100.7:5099");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:53;branch=z9hG4bKb;maddr=127.0.0.1;rport", "198.51.100.7:33333");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1:53;branch=z9hG4bKc;maddr=[::1]", "198.51.100.7:53");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKd;maddr=240.0.0.1", "198.51.100.7:5060");
	expect_udp(recorder, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKe;maddr=all.example;rport", "198.51.100.7:33333");
	assert_int_equal(recorder->net.locate_count, 0);
}

static struct flow *receive_stream(struct recorder *recorder, const char *via)
{
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
	char *text = request_text("OPTIONS", via);

	fake_net_bytes(&recorder->net, flow, text);
	free(text);
	assert_int_equal(recorder->requests, 1);
	return flow;
}

static void stream_responses_go_back_on_their_connection(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = receive_stream(recorder, "SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bKa");

	assert_int_equal(answer(recorder), ERR_NONE);
	assert_ptr_equal(fake_net_take(&recorder->net)->flow, flow);
	assert_int_equal(recorder->net.connect_count, 0);
}

static void without_it_a_new_one_is_opened_to_the_port_of_sent_by(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = receive_stream(recorder, "SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bKa;rport");

	fake_net_closed(&recorder->net, flow, ERR_RESET);
	assert_int_equal(answer(recorder), ERR_NONE);
	fake_net_pass(&recorder->net, 0);
	struct fake_packet *packet = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(packet, "200"));
	assert_address(&packet->remote, "198.51.100.7:5070");
}

static void without_that_one_dns_is_asked(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = receive_stream(recorder, "SIP/2.0/TCP peer.example;branch=z9hG4bKa");

	fake_net_name(&recorder->net, "peer.example", "tcp 203.0.113.20:5090");
	fake_net_closed(&recorder->net, flow, ERR_RESET);
	recorder->net.connect = FAKE_HANGS;
	assert_int_equal(answer(recorder), ERR_NONE);
	assert_address(&flow_target(fake_net_newest(&recorder->net))->address, "198.51.100.7:5060");
	recorder->net.connect = FAKE_OPENS;
	fake_net_closed(&recorder->net, fake_net_newest(&recorder->net), ERR_REFUSED);
	fake_net_pass(&recorder->net, 0);
	fake_net_pass(&recorder->net, 0);
	struct fake_packet *packet = fake_net_take(&recorder->net);
	assert_true(fake_packet_is(packet, "200"));
	assert_address(&packet->remote, "203.0.113.20:5090");
}

static void an_ipv6_peer_is_answered(void **state)
{
	struct recorder *recorder = *state;

	recorder->net.local6 = fake_address("[2001:db8::1]:5060");
	receive(recorder, "[2001:db8::9]:5080", "SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bKa");
	assert_slice(sip_message_value(recorder->last, SIP_HEADER_VIA),
		     "SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bKa");
	assert_int_equal(answer(recorder), ERR_NONE);
	assert_address(&fake_net_take(&recorder->net)->remote, "[2001:db8::9]:5070");
	receive(recorder, "[2001:db8::9]:5080", "SIP/2.0/UDP [2001:db8::8]:5070;branch=z9hG4bKa;rport");
	assert_slice(sip_message_via(recorder->last, 0)->received, "2001:db8::9");
	assert_int_equal(answer(recorder), ERR_NONE);
	assert_address(&fake_net_take(&recorder->net)->remote, "[2001:db8::9]:5080");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, recorder_setup, recorder_teardown)
	const struct CMUnitTest tests[] = {
		TEST(udp_responses_go_where_the_via_says),
		TEST(a_maddr_that_is_no_group_leads_nowhere_else),
		TEST(stream_responses_go_back_on_their_connection),
		TEST(without_it_a_new_one_is_opened_to_the_port_of_sent_by),
		TEST(without_that_one_dns_is_asked),
		TEST(an_ipv6_peer_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
