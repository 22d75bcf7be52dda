/* One engine and those who speak RTP to it by hand: whose sound is followed, and what of strangers and junk is not. */
#include "engine_rig.h"

/* A socket of a stranger who speaks RTP by hand. */
struct stranger {
	int fd;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
};

static void speak(struct stranger *stranger, const struct address *to, uint8_t payload_type, uint8_t fill, size_t n)
{
	uint8_t payload[400], bytes[500];
	struct rtp_packet packet = { .payload_type = payload_type, .sequence = stranger->sequence++,
				     .timestamp = stranger->timestamp, .ssrc = stranger->ssrc, .payload = payload,
				     .payload_bytes = n };

	memset(payload, fill, sizeof payload);
	stranger->timestamp += 160;
	size_t size = rtp_print(&packet, bytes, sizeof bytes);
	assert_int_equal(sendto(stranger->fd, bytes, size, 0, &to->u.any, address_len(to)), size);
}

static ssize_t hears(struct stranger *stranger)
{
	uint8_t bytes[2048];
	ssize_t n, total = 0;

	while ((n = recv(stranger->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		total += n;
	return total;
}

struct lone {
	struct random random;
	struct engine *engine;
	struct stream *stream;
	struct address at;
	int64_t now_us;
};

/* It has its socket, and no turn yet. */
static void lone_add(struct lone *lone, const struct address *peer)
{
	struct stream_config config = config_of(MEDIA_PCMU);
	enum err err;

	*lone = (struct lone){ .now_us = FIRST_US };
	random_init_seeded(&lone->random, 9);
	config.rtp_fd = udp_socket(&lone->at);
	if (peer)
		config.rtp = *peer;
	lone->engine = engine_new(&lone->random, false);
	lone->stream = engine_add(lone->engine, &config, NULL, &err);
	assert_non_null(lone->stream);
	engine_select(lone->engine, lone->stream);
}

static void lone_begin(struct lone *lone, const struct address *peer)
{
	lone_add(lone, peer);
	engine_step(lone->engine, lone->now_us);
}

static void lone_run(struct lone *lone, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++)
		engine_step(lone->engine, lone->now_us += STEP_US);
}

static void lone_end(struct lone *lone)
{
	engine_remove(lone->engine, lone->stream);
	engine_free(lone->engine);
}

static void send_bytes(const struct stranger *stranger, const struct address *to, const void *bytes, size_t n)
{
	assert_int_equal(sendto(stranger->fd, bytes, n, 0, &to->u.any, address_len(to)), n);
}

/* RFC 6263: each kind of keep-alive, before the first sound and behind it: counted apart, never as refused, and only
 * from the peer. */
static void keep_alives_are_no_strays(void **state)
{
	(void)state;
	static const uint8_t stun[20] = { 0x00, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1 };
	static const uint8_t version_0[12] = { 0, 0, 0, 1 };
	struct address peer_at, other_at;
	struct stranger peer = { .ssrc = 1 }, other = { .ssrc = 0 };
	struct stream_stats stats;
	struct lone lone;

	peer.fd = udp_socket(&peer_at);
	lone_begin(&lone, &peer_at);
	for (unsigned round = 1; round <= 2; round++) {
		send_bytes(&peer, &lone.at, "", 0);
		send_bytes(&peer, &lone.at, "\r\n\r\n", 4);
		send_bytes(&peer, &lone.at, stun, sizeof stun);
		send_bytes(&peer, &lone.at, version_0, sizeof version_0);
		lone_run(&lone, 20);
		engine_stats(lone.stream, &stats);
		assert_int_equal(stats.stray_packets, 0);
		assert_int_equal(stats.keep_alive_packets, round == 1 ? 4 : 9);
		/* A payload number of nobody's makes no source; later it is counted as all that has a sequence number
		 * is, as comfort noise always is. */
		speak(&peer, &lone.at, 20, 0, 0);
		speak(&peer, &lone.at, 13, 0x40, 1);
		lone_run(&lone, 20);
		engine_stats(lone.stream, &stats);
		assert_int_equal(stats.stray_packets, 0);
		assert_int_equal(stats.keep_alive_packets, round == 1 ? 5 : 9);
		for (unsigned i = 0; i < 5; i++)
			speak(&peer, &lone.at, 0, 0xff, 160);
		lone_run(&lone, 20);
	}
	engine_stats(lone.stream, &stats);
	assert_int_equal(stats.received_packets, 13);
	assert_int_equal(stats.lost_packets, 0);
	/* Of a codec that nobody agreed on, from a host of nobody's: stray as ever. */
	other.fd = socket_on(2, &other_at);
	send_bytes(&other, &lone.at, stun, sizeof stun);
	send_bytes(&other, &lone.at, "", 0);
	lone_run(&lone, 20);
	engine_stats(lone.stream, &stats);
	assert_int_equal(stats.stray_packets, 2);
	assert_int_equal(stats.keep_alive_packets, 9);
	lone_end(&lone);
	close(other.fd);
	close(peer.fd);
}

/* What came while devices were opened would stay as delay for the whole call. */
static void what_queued_before_it_began_is_forgotten(void **state)
{
	(void)state;
	struct address peer_at;
	struct stranger peer = { .ssrc = 1 };
	struct stream_stats stats;
	struct lone lone;

	peer.fd = udp_socket(&peer_at);
	lone_add(&lone, &peer_at);
	for (int i = 0; i < 50; i++)
		speak(&peer, &lone.at, 0, 0xff, 160);
	engine_step(lone.engine, lone.now_us);
	lone_run(&lone, 20);
	engine_stats(lone.stream, &stats);
	assert_int_equal(stats.received_packets, 0);
	speak(&peer, &lone.at, 0, 0xff, 160);
	lone_run(&lone, 20);
	engine_stats(lone.stream, &stats);
	assert_int_equal(stats.received_packets, 1);
	assert_int_equal(stats.lost_packets, 0);
	lone_end(&lone);
	close(peer.fd);
}

static void follows_another_source_only_after_silence(void **state)
{
	(void)state;
	struct address peer_at, thief_at;
	struct stranger peer = { .ssrc = 1 }, thief = { .ssrc = 2 };
	struct lone lone;

	peer.fd = udp_socket(&peer_at);
	thief.fd = udp_socket(&thief_at);
	lone_begin(&lone, NULL); /* nothing signalled: the first valid source is believed */
	speak(&thief, &lone.at, 77, 0, 160); /* an unknown type is no valid source */
	lone_run(&lone, 20);
	assert_int_equal(hears(&thief), 0);
	for (int i = 0; i < 50; i++) {
		speak(&peer, &lone.at, 0, 0x55, 160);
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_true(hears(&peer) > 40 * 172);
	assert_int_equal(hears(&thief), 0);
	struct stream_stats stats;
	engine_stats(lone.stream, &stats);
	assert_int_equal(stats.received_packets, 50);
	for (int i = 0; i < 40; i++) {
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_true(hears(&thief) > 10 * 172);
	struct seen seen = { 0 };
	char there[ADDRESS_TEXT];
	collect(lone.engine, &seen);
	assert_int_equal(seen.count[ENGINE_MOVED], 1);
	assert_string_equal(seen.last[ENGINE_MOVED].text, address_print(&thief_at, there));
	assert_int_equal(seen.count[ENGINE_RESTARTED], 1);
	hears(&peer);
	lone_run(&lone, 100);
	assert_int_equal(hears(&peer), 0);
	lone_end(&lone);
	close(peer.fd);
	close(thief.fd);
}

/* A silent peer (a hold, no voice) leaves nothing for a stranger on another host who does not know its SSRC. */
static void a_silence_is_no_invitation_to_another_host(void **state)
{
	(void)state;
	struct address peer_at, thief_at;
	struct stranger peer = { .ssrc = 1 }, thief = { .ssrc = 2 };
	struct lone lone;

	peer.fd = udp_socket(&peer_at);
	thief.fd = socket_on(2, &thief_at);
	lone_begin(&lone, NULL);
	for (int i = 0; i < 10; i++) {
		speak(&peer, &lone.at, 0, 0x55, 160);
		lone_run(&lone, 20);
	}
	lone_run(&lone, 2000);
	hears(&peer);
	for (int i = 0; i < 50; i++) {
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_int_equal(hears(&thief), 0);
	assert_true(hears(&peer) > 40 * 172);
	/* With the peer's SSRC it is the peer, whose address changed. */
	thief.ssrc = 1;
	for (int i = 0; i < 50; i++) {
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_true(hears(&thief) > 40 * 172);
	lone_end(&lone);
	close(peer.fd);
	close(thief.fd);
}

static void restarts_and_junk_are_survived(void **state)
{
	(void)state;
	struct address peer_at;
	struct stranger peer = { .ssrc = 1, .sequence = 65530, .timestamp = UINT32_MAX - 500 };
	struct lone lone;
	struct stream_stats stats;
	struct random junk;

	random_init_seeded(&junk, 3);
	peer.fd = udp_socket(&peer_at);
	lone_begin(&lone, &peer_at);
	for (int i = 0; i < 400; i++) {
		if (i == 100)
			peer.ssrc = 99;
		if (i == 200) {
			peer.sequence = (uint16_t)(peer.sequence + 20000);
			peer.timestamp += 4000000;
		}
		if (i == 300)
			peer.timestamp -= 12345678;
		speak(&peer, &lone.at, i % 7 ? 0 : 8, 0x20, 160);
		uint8_t bytes[300];
		random_fill(&junk, bytes, sizeof bytes);
		bytes[0] = (uint8_t)(i % 3 ? 0x80 | (bytes[0] & 0x3f) : bytes[0]);
		bytes[1] = (uint8_t)(i % 2 ? bytes[1] : (i % 4 ? 0 : 101));
		sendto(peer.fd, bytes, random_below(&junk, sizeof bytes), 0, &lone.at.u.any, address_len(&lone.at));
		lone_run(&lone, 20);
	}
	for (int i = 0; i < 100; i++) {
		speak(&peer, &lone.at, 0, (uint8_t)(i & 1 ? 0x20 : 0xa0), 160);
		lone_run(&lone, 20);
	}
	struct seen seen = { 0 };
	collect(lone.engine, &seen);
	assert_in_range(seen.count[ENGINE_RESTARTED], 1, 2); /* not with each of them */
	assert_in_range(seen.count[ENGINE_REFUSED], 1, 4);   /* the junk, when it is 50, and doubled */
	assert_int_equal(seen.count[ENGINE_MOVED], 0);
	engine_stats(lone.stream, &stats);
	assert_true(stats.received_packets > 480);
	assert_true(stats.heard_level_db > -25); /* still heard */
	assert_true(stats.buffer_ms < 60);
	lone_end(&lone);
	close(peer.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_another_source_only_after_silence),
		cmocka_unit_test(a_silence_is_no_invitation_to_another_host),
		cmocka_unit_test(restarts_and_junk_are_survived),
		cmocka_unit_test(keep_alives_are_no_strays),
		cmocka_unit_test(what_queued_before_it_began_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
