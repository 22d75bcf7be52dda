#include "tests/unit/sip/transport/recorder.h"

#define PEER "198.51.100.7:5060"

static enum err send_to(struct recorder *recorder, const struct sip_target *target, uint64_t *flow_id)
{
	struct sip_message *message = our_request(recorder, target, 0);
	enum err err = transport_send_request(recorder->transport, target, message, flow_id);

	sip_message_unref(message);
	return err;
}

static void datagrams_leave_at_once(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("udp " PEER);
	uint64_t flow_id = 9;

	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(flow_id, 0);
	struct fake_packet *packet = fake_net_take(&recorder->net);
	assert_address(&packet->remote, PEER);
	assert_address(&packet->local, "192.0.2.1:5060");
	assert_true(recorder->wire_sent);
	recorder->net.datagram_err = ERR_UNREACHABLE;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_UNREACHABLE);
	assert_int_equal(recorder->wires, 1);
	fake_net_icmp(&recorder->net, PEER);
	assert_int_equal(recorder->failures, 1);
	assert_int_equal(recorder->failed_protocol, SIP_UDP);
	assert_address(&recorder->failed_remote, PEER);
}

static void a_target_we_cannot_speak_to_has_no_route(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("udp [2001:db8::1]:5060");
	struct sip_target known = fake_target("udp " PEER);
	struct sip_message *message = our_request(recorder, &known, 0);
	char text[ADDRESS_TEXT];
	uint64_t flow_id;

	assert_false(transport_sent_by(recorder->transport, &target, text));
	assert_int_equal(transport_send_request(recorder->transport, &target, message, &flow_id), ERR_NO_ROUTE);
	sip_message_unref(message);
}

static void requests_wait_for_one_connection_and_leave_in_order(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t first, second;

	assert_int_equal(send_to(recorder, &target, &first), ERR_NONE);
	assert_int_equal(send_to(recorder, &target, &second), ERR_NONE);
	assert_true(first != 0);
	assert_int_equal(first, second);
	assert_int_equal(recorder->net.connect_count, 1);
	assert_int_equal(recorder->net.sent_count, 0);
	fake_net_pass(&recorder->net, 0);
	assert_int_equal(recorder->net.sent_count, 2);
	assert_int_equal(send_to(recorder, &target, &second), ERR_NONE);
	assert_int_equal(recorder->net.sent_count, 3);
	assert_int_equal(recorder->net.connect_count, 1);
}

static void what_waits_is_bounded(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t flow_id;
	unsigned sent = 0;

	recorder->net.connect = FAKE_HANGS;
	while (sent < 1000 && send_to(recorder, &target, &flow_id) == ERR_NONE)
		sent++;
	assert_int_equal(sent, 32);
	struct sip_target big = fake_target("tcp 198.51.100.8:5060");
	struct sip_message *message = our_request(recorder, &big, 60000);
	for (sent = 0; sent < 1000 && transport_send_request(recorder->transport, &big, message, &flow_id) == ERR_NONE;
	     sent++)
		;
	assert_int_equal(sent, 4);
	sip_message_unref(message);
}

static void a_connection_has_five_seconds_or_what_the_target_says(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t flow_id;

	recorder->net.connect = FAKE_HANGS;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	fake_net_pass(&recorder->net, 5 * SECOND_US - 1);
	assert_int_equal(recorder->failures, 0);
	fake_net_pass(&recorder->net, 1);
	fake_net_pass(&recorder->net, 0);
	assert_int_equal(recorder->failures, 1);
	assert_int_equal(recorder->failed_err, ERR_TIMEOUT);
	assert_int_equal(recorder->failed_flow_id, flow_id);
	assert_int_equal(recorder->net.closed_count, 1);
	uint64_t old = flow_id;
	target.connect_timeout_us = SECOND_US;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_true(flow_id != old);
	fake_net_pass(&recorder->net, SECOND_US + 1);
	assert_int_equal(recorder->failures, 2);
}

static void refused_connections_are_reported(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t flow_id;

	recorder->net.connect = FAKE_FAILS;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_UNREACHABLE);
	recorder->net.connect = FAKE_REFUSES;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(recorder->failures, 0);
	fake_net_pass(&recorder->net, 0);
	assert_int_equal(recorder->failures, 1);
	assert_int_equal(recorder->failed_err, ERR_REFUSED);
	assert_int_equal(recorder->failed_flow_id, flow_id);
}

static void a_send_error_fails_the_flow_but_never_inside_the_call(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t flow_id;

	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	fake_net_pass(&recorder->net, 0);
	recorder->net.stream_err = ERR_FULL;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_FULL);
	fake_net_pass(&recorder->net, 0);
	assert_int_equal(recorder->failures, 0);
	recorder->net.stream_err = ERR_RESET;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_RESET);
	assert_int_equal(recorder->failures, 0);
	recorder->net.stream_err = ERR_NONE;
	fake_net_pass(&recorder->net, 0);
	assert_int_equal(recorder->failures, 1);
	assert_int_equal(recorder->net.closed_count, 1);
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(recorder->net.connect_count, 2);
}

static void a_tls_connection_serves_only_its_name(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tls " PEER);
	uint64_t one, other, same;

	strcpy(target.name, "one.example");
	assert_int_equal(send_to(recorder, &target, &one), ERR_NONE);
	strcpy(target.name, "other.example");
	assert_int_equal(send_to(recorder, &target, &other), ERR_NONE);
	strcpy(target.name, "ONE.example");
	assert_int_equal(send_to(recorder, &target, &same), ERR_NONE);
	assert_true(one != other);
	assert_int_equal(one, same);
}

static void requests_go_on_connections_that_came_in(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
	struct sip_target target = fake_target("tcp 198.51.100.7:33333");
	uint64_t flow_id;

	assert_non_null(flow);
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(recorder->net.connect_count, 0);
	assert_ptr_equal(fake_net_take(&recorder->net)->flow, flow);
}

static void messages_come_out_of_a_stream(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
	char *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKa;rport");

	fake_net_bytes(&recorder->net, flow, "\r\n\r\n");
	assert_string_equal(fake_net_take(&recorder->net)->bytes, "\r\n");
	for (char *p = text; *p; p++)
		fake_net_bytes_n(&recorder->net, flow, slice_make(p, 1));
	assert_int_equal(recorder->requests, 1);
	assert_int_equal(recorder->source.protocol, SIP_TCP);
	assert_ptr_equal(recorder->source.flow, flow);
	assert_int_equal(sip_message_via(recorder->last, 0)->rport, 33333);
	assert_int_equal(recorder->wires, 1);
	free(text);
}

static void garbage_closes_the_flow(void **state)
{
	static const char *const texts[] = {
		"\x16\x03\x01",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"hello\r\nl: 0\r\n\r\n",
		"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
	};
	struct recorder *recorder = *state;

	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
		fake_net_bytes(&recorder->net, flow, texts[i]);
		fake_net_bytes(&recorder->net, flow, "more of it");
		fake_net_pass(&recorder->net, 0);
		assert_int_equal(recorder->failures, i + 1);
		assert_int_equal(recorder->failed_err, ERR_SYNTAX);
		assert_false(fake_net_is_open(&recorder->net, flow));
	}
	assert_int_equal(recorder->requests, 0);
	assert_int_equal(recorder->net.sent_count, 0);
}

/* Half a keep-alive is the beginning of a message; the other half is its end. */
static void a_keep_alive_in_two_parts_costs_no_connection(void **state)
{
	struct recorder *recorder = *state;
	char *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7:33333;branch=z9hG4bKa");
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33333");
	struct flow *silent = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:33334");

	fake_net_bytes(&recorder->net, flow, text);
	assert_int_equal(recorder->requests, 1);
	for (int i = 0; i < 4; i++) {
		fake_net_bytes(&recorder->net, flow, "\r\n\r");
		fake_net_bytes(&recorder->net, silent, "\r\n\r");
		fake_net_pass(&recorder->net, SECOND_US);
		fake_net_bytes(&recorder->net, flow, "\n");
		fake_net_bytes(&recorder->net, silent, "\n");
		fake_net_pass(&recorder->net, 10 * SECOND_US);
	}
	assert_true(fake_net_is_open(&recorder->net, flow));
	/* who says nothing else is no peer */
	assert_int_equal(recorder->failures, 1);
	assert_int_equal(transport_counters(recorder->transport)->unfinished, 1);
	free(text);
}

static void garbage_in_a_websocket_is_counted_as_well(void **state)
{
	struct recorder *recorder = *state;
	struct flow *flow = fake_net_accept(&recorder->net, SIP_WS, "198.51.100.7:33333");

	transport_flow_message(recorder->transport, flow, SLICE("hello"));
	fake_net_pass(&recorder->net, 0);
	assert_false(fake_net_is_open(&recorder->net, flow));
	assert_int_equal(transport_counters(recorder->transport)->garbage, 1);
}

static void a_peer_that_never_ends_its_message_is_closed(void **state)
{
	struct recorder *recorder = *state;
	struct flow *silent = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:1001");
	struct flow *slow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:1002");
	struct flow *good = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:1003");
	char *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKa");

	fake_net_bytes(&recorder->net, good, text);
	fake_net_bytes(&recorder->net, slow, text);
	for (int i = 0; i < 33; i++) {
		fake_net_bytes_n(&recorder->net, slow, slice_make(text + i, 1));
		fake_net_pass(&recorder->net, SECOND_US);
	}
	assert_false(fake_net_is_open(&recorder->net, silent));
	assert_false(fake_net_is_open(&recorder->net, slow));
	assert_true(fake_net_is_open(&recorder->net, good));
	free(text);
}

static void connections_are_limited_and_the_idlest_makes_room(void **state)
{
	struct recorder *recorder = *state;
	char remote[64], *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKa");
	struct flow *flows[6];

	transport_settings(recorder->transport)->max_flows = 8;
	for (int i = 0; i < 6; i++) {
		snprintf(remote, sizeof remote, "198.51.100.%d:1000", i / 2);
		flows[i] = fake_net_accept(&recorder->net, SIP_TCP, remote);
		assert_non_null(flows[i]);
		fake_net_bytes(&recorder->net, flows[i], text);
		if (i == 1) /* no host has more than a quarter */
			assert_null(fake_net_accept(&recorder->net, SIP_TCP, remote));
		fake_net_pass(&recorder->net, SECOND_US);
	}
	assert_null(fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.99:1000"));
	fake_net_pass(&recorder->net, 60 * SECOND_US);
	assert_non_null(fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.99:1000"));
	fake_net_pass(&recorder->net, 0);
	assert_false(fake_net_is_open(&recorder->net, flows[0]));
	assert_true(fake_net_is_open(&recorder->net, flows[1]));
	free(text);
}

/* Whoever fills us with connections does not keep us from making our own. */
static void strangers_leave_room_for_our_own_connections(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	char remote[64], *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKa");
	struct flow *flow;
	uint64_t id;
	unsigned accepted = 0;

	recorder->net.local6 = fake_address("[2001:db8::1]:5060");
	transport_settings(recorder->transport)->max_flows = 8;
	for (int i = 1; i <= 20; i++) {
		snprintf(remote, sizeof remote, "[2001:db8:7::%d]:1000", i);
		flow = fake_net_accept(&recorder->net, SIP_TCP, remote);
		accepted += flow != NULL;
		if (flow)
			fake_net_bytes(&recorder->net, flow, text);
	}
	assert_int_equal(accepted, 2); /* one /64 is one host */
	for (int i = 1; i <= 20; i++) {
		snprintf(remote, sizeof remote, "198.51.100.%d:1000", i);
		flow = fake_net_accept(&recorder->net, SIP_TCP, remote);
		accepted += flow != NULL;
		if (flow)
			fake_net_bytes(&recorder->net, flow, text);
	}
	assert_int_equal(accepted, 6);
	assert_int_equal(send_to(recorder, &target, &id), ERR_NONE);
	free(text);
}

/* Who only holds a place, or sends a message byte by byte for ever, keeps nobody out who has something to say. */
static void the_silent_give_way(void **state)
{
	struct recorder *recorder = *state;
	char remote[64], *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKa");
	struct flow *flows[6];

	transport_settings(recorder->transport)->max_flows = 8;
	for (int i = 0; i < 6; i++) {
		snprintf(remote, sizeof remote, "198.51.100.%d:1000", i);
		flows[i] = fake_net_accept(&recorder->net, SIP_TCP, remote);
		assert_non_null(flows[i]);
		fake_net_bytes_n(&recorder->net, flows[i], slice_make(text, i == 0 ? strlen(text) : i == 1 ? 9 : 0));
		fake_net_pass(&recorder->net, SECOND_US);
	}
	struct flow *good = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.99:1000");
	assert_non_null(good);
	fake_net_bytes(&recorder->net, good, text);
	fake_net_pass(&recorder->net, 0);
	assert_true(fake_net_is_open(&recorder->net, flows[0]));
	assert_false(fake_net_is_open(&recorder->net, flows[1]));
	for (int i = 2; i < 6; i++)
		assert_true(fake_net_is_open(&recorder->net, flows[i]));
	assert_true(fake_net_is_open(&recorder->net, good));
	assert_int_equal(transport_counters(recorder->transport)->refused_connections, 1);
	free(text);
}

/* 18.1.1 */
static void big_requests_go_by_tcp(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("udp " PEER);

	assert_int_equal(transport_choose(recorder->transport, &target, 1300), SIP_UDP);
	assert_int_equal(transport_choose(recorder->transport, &target, 1301), SIP_TCP);
	transport_no_stream(recorder->transport, &target.address);
	assert_int_equal(transport_choose(recorder->transport, &target, 1301), SIP_UDP);
	struct sip_target other = fake_target("udp 198.51.100.8:5060");
	assert_int_equal(transport_choose(recorder->transport, &other, 1301), SIP_TCP);
	fake_net_pass(&recorder->net, 600 * SECOND_US);
	assert_int_equal(transport_choose(recorder->transport, &target, 1301), SIP_TCP);
	transport_settings(recorder->transport)->udp_limit = 0;
	assert_int_equal(transport_choose(recorder->transport, &target, 60000), SIP_UDP);
	transport_settings(recorder->transport)->udp_limit = 1300;
	recorder->net.local[SIP_TCP] = (struct address){ 0 };
	assert_int_equal(transport_choose(recorder->transport, &target, 60000), SIP_UDP);
	struct sip_target tls = fake_target("tls " PEER);
	assert_int_equal(transport_choose(recorder->transport, &tls, 60000), SIP_TLS);
}

/* RFC 5626 4.4: every 80 to 100 percent of the interval. */
static void udp_targets_are_kept_alive(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("udp " PEER);
	int64_t last = recorder->net.timers.now_us;

	transport_keep_alive(recorder->transport, &target, true);
	transport_keep_alive(recorder->transport, &target, true);
	fake_net_pass(&recorder->net, 100 * SECOND_US);
	unsigned count = 0;
	for (struct fake_packet *packet; (packet = fake_net_take(&recorder->net)); count++) {
		assert_string_equal(packet->bytes, "\r\n\r\n");
		assert_address(&packet->remote, PEER);
		assert_in_range(packet->sent_us - last, 20 * SECOND_US, 25 * SECOND_US);
		last = packet->sent_us;
	}
	assert_in_range(count, 4, 5);
	assert_int_equal(recorder->wires, 0);
	transport_keep_alive(recorder->transport, &target, false);
	fake_net_pass(&recorder->net, 30 * SECOND_US);
	assert_true(fake_net_waiting(&recorder->net) > 0);
	fake_net_drop(&recorder->net);
	transport_settings(recorder->transport)->keep_alive_us = 0;
	fake_net_pass(&recorder->net, 100 * SECOND_US);
	assert_int_equal(fake_net_waiting(&recorder->net), 0);
	transport_settings(recorder->transport)->keep_alive_us = 25 * SECOND_US;
	fake_net_pass(&recorder->net, 60 * SECOND_US);
	assert_true(fake_net_waiting(&recorder->net) > 0);
	transport_keep_alive(recorder->transport, &target, false);
	assert_int_equal(timers_next_us(&recorder->net.timers), INT64_MAX);
}

/* RFC 5626 4.4.1 lets a missing pong end a flow only where outbound was agreed, which we never ask for. */
static void a_missing_pong_ends_nothing(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t flow_id;
	unsigned pings = 0;

	transport_keep_alive(recorder->transport, &target, true);
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	fake_net_pass(&recorder->net, 0);
	struct flow *flow = fake_net_newest(&recorder->net);
	fake_net_drop(&recorder->net);
	fake_net_pass(&recorder->net, 30 * SECOND_US);
	assert_string_equal(fake_net_take(&recorder->net)->bytes, "\r\n\r\n");
	fake_net_bytes(&recorder->net, flow, "\r\n");
	fake_net_drop(&recorder->net);
	/* It has answered once, and never does again. */
	fake_net_pass(&recorder->net, 300 * SECOND_US);
	for (struct fake_packet *packet; (packet = fake_net_take(&recorder->net)); pings++)
		assert_string_equal(packet->bytes, "\r\n\r\n");
	assert_in_range(pings, 11, 15);
	assert_int_equal(recorder->failures, 0);
	assert_true(fake_net_is_open(&recorder->net, flow));
}

/* The pong may share its segment with a message. */
static void a_pong_in_front_of_a_message_counts(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	char *text = request_text("OPTIONS", "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKa"), *both;
	uint64_t flow_id;

	transport_keep_alive(recorder->transport, &target, true);
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	fake_net_pass(&recorder->net, 0);
	struct flow *flow = fake_net_newest(&recorder->net);
	fake_net_drop(&recorder->net);
	while (!fake_net_waiting(&recorder->net))
		fake_net_pass(&recorder->net, SECOND_US);
	fake_net_bytes(&recorder->net, flow, "\r\n");
	fake_net_drop(&recorder->net);
	while (!fake_net_waiting(&recorder->net))
		fake_net_pass(&recorder->net, SECOND_US);
	assert_true(asprintf(&both, "\r\n%s", text) > 0);
	fake_net_bytes(&recorder->net, flow, both);
	assert_int_equal(recorder->requests, 1);
	fake_net_pass(&recorder->net, 15 * SECOND_US);
	assert_int_equal(recorder->failures, 0);
	free(text);
	free(both);
}

/* RFC 4475 3.1.2.3: an error, then the end, since nobody knows where the next message begins. */
static void a_stream_without_lengths_is_refused_and_closed(void **state)
{
	static const struct {
		const char *length, *status;
	} lengths[] = {
		{ "", "400" },
		{ "Content-Length: -999\r\n", "400" },
		{ "Content-Length: five\r\n", "400" },
		{ "l: 99999999999\r\n", "400" },
		{ "l: 70000\r\nl: 1\r\n", "400" },
		{ "l: 70000\r\n", "513" },
		{ "l: 65500\r\n", "513" },
	};
	struct recorder *recorder = *state;
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:1001");
		snprintf(text, sizeof text,
			 "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKa\r\n"
			 "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n%s\r\n",
			 lengths[i].length);
		fake_net_bytes(&recorder->net, flow, text);
		struct fake_packet *answer = fake_net_take(&recorder->net);
		assert_true(fake_packet_is(answer, lengths[i].status));
		assert_ptr_equal(answer->flow, flow);
		fake_net_pass(&recorder->net, 0);
		assert_false(fake_net_is_open(&recorder->net, flow));
	}
	assert_int_equal(recorder->requests, 0);
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:1001");
	fake_net_bytes(&recorder->net, flow, "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKa\r\n\r\n");
	fake_net_pass(&recorder->net, 0);
	assert_int_equal(fake_net_waiting(&recorder->net), 0);
	assert_false(fake_net_is_open(&recorder->net, flow));
}

static void freeing_closes_what_is_open(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target target = fake_target("tcp " PEER);
	uint64_t flow_id;

	recorder->net.connect = FAKE_HANGS;
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	struct flow *broken = fake_net_accept(&recorder->net, SIP_TCP, "198.51.100.7:1001");
	fake_net_bytes(&recorder->net, broken, "\x16");
	transport_keep_alive(recorder->transport, &target, true);
	/* The teardown frees all; ASan and the network's own assertions watch. */
	assert_int_equal(recorder->failures, 0);
}

/* Where nothing of ours listens we are reached by a connection: each of two domains at one address by its own. */
static void who_is_reached_by_a_connection_shows_the_right_one(void **state)
{
	struct recorder *recorder = *state;
	struct sip_target one = fake_target("tls " PEER), other = one, back = one;
	char text[ADDRESS_TEXT];

	address_set_port(&recorder->net.local[SIP_TLS], 0);
	snprintf(one.name, sizeof one.name, "one.example");
	snprintf(other.name, sizeof other.name, "other.example");
	assert_true(transport_sent_by(recorder->transport, &one, text));
	assert_string_equal(text, "192.0.2.1:40001");
	assert_int_equal(transport_connect(recorder->transport, &other), ERR_NONE);
	fake_net_pass(&recorder->net, 0);
	for (int i = 0; i < 2; i++) {
		assert_true(transport_sent_by(recorder->transport, &one, text));
		assert_string_equal(text, "192.0.2.1:40001");
		assert_true(transport_sent_by(recorder->transport, &other, text));
		assert_string_equal(text, "192.0.2.1:40002");
	}
	/* the answer to what came by one of them says that one */
	back.local = fake_address("192.0.2.1:40002");
	assert_true(transport_sent_by(recorder->transport, &back, text));
	assert_string_equal(text, "192.0.2.1:40002");
	back.local = fake_address("192.0.2.1:40001");
	assert_true(transport_sent_by(recorder->transport, &back, text));
	assert_string_equal(text, "192.0.2.1:40001");
	assert_int_equal(recorder->net.connect_count, 2);
}

static bool proves_example(void *net, const struct flow *flow, struct slice domain)
{
	(void)net;
	(void)flow;
	return slice_ieq(domain, SLICE("example.net"));
}

static void an_alias_counts_where_the_domain_is_proved(void **state)
{
	struct recorder *recorder = *state;
	static struct transport_ops ops; /* the transport outlives this function */
	struct sip_world world = recorder->net.world;
	struct transport_handlers handlers = { .request = record_request, .failed = record_failed, .arg = recorder };
	struct sip_target target = fake_target("tls 198.51.100.7:5061");
	uint64_t flow_id;

	ops = *recorder->net.world.ops;
	ops.proves = proves_example;
	world.ops = &ops;
	transport_free(recorder->transport);
	recorder->transport = transport_new(&world, &handlers);
	fake_net_attach(&recorder->net, recorder->transport);
	struct flow *flow = fake_net_accept(&recorder->net, SIP_TLS, "198.51.100.7:33333");
	char *text = request_text("OPTIONS", "SIP/2.0/TLS 198.51.100.7;branch=z9hG4bKx;alias");
	fake_net_bytes(&recorder->net, flow, text);
	free(text);
	assert_int_equal(recorder->requests, 1);
	strcpy(target.name, "example.net");
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(recorder->net.connect_count, 0);
	assert_ptr_equal(fake_net_take(&recorder->net)->flow, flow);
	/* not for somebody else's domain, nor at another port */
	strcpy(target.name, "example.com");
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(recorder->net.connect_count, 1);
	target = fake_target("tls 198.51.100.7:5070");
	strcpy(target.name, "example.net");
	assert_int_equal(send_to(recorder, &target, &flow_id), ERR_NONE);
	assert_int_equal(recorder->net.connect_count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, recorder_setup, recorder_teardown)
	const struct CMUnitTest tests[] = {
		TEST(datagrams_leave_at_once),
		TEST(a_target_we_cannot_speak_to_has_no_route),
		TEST(requests_wait_for_one_connection_and_leave_in_order),
		TEST(what_waits_is_bounded),
		TEST(a_connection_has_five_seconds_or_what_the_target_says),
		TEST(refused_connections_are_reported),
		TEST(a_send_error_fails_the_flow_but_never_inside_the_call),
		TEST(a_tls_connection_serves_only_its_name),
		TEST(an_alias_counts_where_the_domain_is_proved),
		TEST(requests_go_on_connections_that_came_in),
		TEST(messages_come_out_of_a_stream),
		TEST(garbage_closes_the_flow),
		TEST(a_keep_alive_in_two_parts_costs_no_connection),
		TEST(who_is_reached_by_a_connection_shows_the_right_one),
		TEST(garbage_in_a_websocket_is_counted_as_well),
		TEST(a_peer_that_never_ends_its_message_is_closed),
		TEST(connections_are_limited_and_the_idlest_makes_room),
		TEST(strangers_leave_room_for_our_own_connections),
		TEST(the_silent_give_way),
		TEST(big_requests_go_by_tcp),
		TEST(udp_targets_are_kept_alive),
		TEST(a_missing_pong_ends_nothing),
		TEST(a_pong_in_front_of_a_message_counts),
		TEST(a_stream_without_lengths_is_refused_and_closed),
		TEST(freeing_closes_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
