/*
 * What is reported of a source (RFC 3550 6.4.1, A.1, A.3), read by a peer that speaks RTP by hand, in virtual time:
 * over holds, other sources and back, other codecs.
 */
#include "media/rtp.h"
#include "rig.h"

#include "media/rtcp.h"

enum { PACKET_MS = 20, REPORT_MS = 16000 /* two intervals at their longest */ };

struct peer {
	struct rig rig;
	struct stream *stream;
	struct stream_config config;
	struct address at, rtp_at, rtcp_at; /* at: of the stream */
	int rtp, rtcp;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	struct rtcp_block block;  /* the last that was reported */
	unsigned blocks;
};

static void begin(struct peer *peer)
{
	*peer = (struct peer){ .ssrc = 1, .sequence = 65000 };
	rig_begin(&peer->rig, 1);
	peer->rtp = rig_socket(&peer->rtp_at);
	peer->rtcp = rig_socket(&peer->rtcp_at);
	peer->config = (struct stream_config){ .sends = true, .receives = true, .cname = "x@y" };
	peer->config.send = (struct stream_codec){ .codec = MEDIA_PCMU, .payload_type = 0 };
	peer->config.receive[0] = peer->config.send;
	peer->config.receive[1] = (struct stream_codec){ .codec = MEDIA_L16_48, .payload_type = 96 };
	peer->config.receive_count = 2;
	peer->config.rtp = peer->rtp_at;
	peer->config.rtcp = peer->rtcp_at;
	struct address unused;
	peer->config.rtp_fd = rig_socket(&peer->at);
	peer->config.rtcp_fd = rig_socket(&unused);
	peer->stream = rig_add(&peer->rig, 0, &peer->config);
	rig_step(&peer->rig);
}

static void end(struct peer *peer)
{
	rig_end(&peer->rig);
	close(peer->rtp);
	close(peer->rtcp);
}

static void put(struct peer *peer, uint8_t payload_type)
{
	uint8_t payload[1920] = { 0 }, bytes[2000];
	struct rtp_packet packet = { .payload_type = payload_type, .sequence = peer->sequence,
				     .timestamp = peer->timestamp, .ssrc = peer->ssrc, .payload = payload,
				     .payload_bytes = payload_type ? sizeof payload : 160 };
	size_t n = rtp_print(&packet, bytes, sizeof bytes);

	assert_int_equal(sendto(peer->rtp, bytes, n, 0, &peer->at.u.any, address_len(&peer->at)), n);
}

static void take_reports(struct peer *peer)
{
	uint8_t bytes[2048];
	struct rtcp_report report;
	ssize_t n;

	while (recv(peer->rtp, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		continue;
	while ((n = recv(peer->rtcp, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
		assert_true(rtcp_parse(&report, bytes, (size_t)n, peer->ssrc));
		if (!report.has_block)
			continue;
		peer->block = report.block;
		peer->blocks++;
	}
}

/* Every `drop`th packet is lost on the way. */
static void speak(struct peer *peer, uint8_t payload_type, unsigned ms, unsigned drop)
{
	for (unsigned i = 0; i < ms / PACKET_MS; i++) {
		if (!drop || i % drop != drop - 1)
			put(peer, payload_type);
		peer->sequence++;
		peer->timestamp += payload_type ? 960 : 160;
		rig_run(&peer->rig, PACKET_MS);
		take_reports(peer);
	}
}

/* Speak until another report has come, and say what it is. */
static struct rtcp_block reported(struct peer *peer)
{
	unsigned before = peer->blocks;

	for (unsigned ms = 0; peer->blocks == before; ms += PACKET_MS) {
		assert_true(ms < REPORT_MS);
		speak(peer, 0, PACKET_MS, 0);
	}
	return peer->block;
}

static void hold(struct peer *peer, bool held)
{
	peer->config.receives = !held;
	assert_int_equal(engine_change(peer->rig.engines[0], peer->stream, &peer->config), ERR_NONE);
	rig_run(&peer->rig, PACKET_MS);
}

/* The extended number of the last packet that came, if it began at 65000 and went forward only. */
static uint32_t extended_of(const struct peer *peer, uint32_t wraps)
{
	return wraps * 65536 + (uint16_t)(peer->sequence - 1);
}

static void a_hold_restarts_no_count(void **state)
{
	(void)state;
	struct peer peer;

	begin(&peer);
	speak(&peer, 0, 20000, 100); /* wraps once, loses 10 */
	struct rtcp_block before = reported(&peer);
	assert_int_equal(before.highest, extended_of(&peer, 1));
	assert_int_equal(before.lost, 10);

	hold(&peer, true); /* a peer that falls silent */
	rig_run(&peer.rig, 30000);
	take_reports(&peer); /* of the hold */
	hold(&peer, false);
	struct rtcp_block after = reported(&peer);
	assert_int_equal(after.highest, extended_of(&peer, 1));
	assert_int_equal(after.lost, 10);
	assert_int_equal(after.fraction, 0);

	hold(&peer, true); /* one that goes on sending: what comes is received, though nobody listens */
	speak(&peer, 0, 20000, 0);
	hold(&peer, false);
	after = reported(&peer);
	assert_int_equal(after.highest, extended_of(&peer, 1));
	assert_int_equal(after.lost, 10);

	hold(&peer, true); /* and one whose packets somebody on the way does not pass on, for more than half a circle */
	peer.sequence = (uint16_t)(peer.sequence + 40000);
	hold(&peer, false);
	after = reported(&peer);
	assert_int_equal(after.highest, extended_of(&peer, 1));
	peer.sequence = (uint16_t)(peer.sequence + 2000); /* without a hold that is loss */
	after = reported(&peer);
	assert_int_equal(after.lost, 2010);
	hold(&peer, true);
	peer.sequence = (uint16_t)(peer.sequence + 30000);
	hold(&peer, false);
	after = reported(&peer);
	assert_int_equal(after.highest, extended_of(&peer, 2));
	assert_int_equal(after.lost, 2010);
	struct stream_stats stats;
	engine_stats(peer.stream, &stats);
	assert_int_equal(stats.lost_packets, 2010);
	end(&peer);
}

static void a_source_that_is_back_goes_on(void **state)
{
	(void)state;
	struct peer peer;

	begin(&peer);
	speak(&peer, 0, 20000, 100);
	struct rtcp_block first = reported(&peer);
	uint16_t sequence = peer.sequence;
	peer.ssrc = 2; /* music on hold, from elsewhere */
	peer.sequence = 30000;
	speak(&peer, 0, 5000, 0);
	struct rtcp_block music = reported(&peer);
	assert_int_equal(music.ssrc, 2);
	assert_int_equal(music.highest, extended_of(&peer, 0));
	assert_int_equal(music.lost, 0);
	peer.ssrc = 1;
	peer.sequence = sequence;
	struct rtcp_block again = reported(&peer);
	assert_int_equal(again.ssrc, 1);
	assert_int_equal(again.highest, extended_of(&peer, 1));
	assert_true(again.highest > first.highest);
	assert_int_equal(again.lost, first.lost);
	struct stream_stats stats;
	engine_stats(peer.stream, &stats);
	assert_int_equal(stats.lost_packets, 10);
	/* the packet that introduced the music is neither expected nor counted, the one that ended it is both */
	assert_int_equal(stats.received_packets, stats.expected_packets - 10);
	end(&peer);
}

/* More sources than are remembered: what the oldest lost stays in the totals. */
static void many_sources_lose_what_they_lost(void **state)
{
	(void)state;
	struct peer peer;
	struct stream_stats stats;

	begin(&peer);
	for (uint32_t ssrc = 1; ssrc <= 9; ssrc++) {
		peer.ssrc = ssrc;
		peer.sequence = (uint16_t)(ssrc * 1000);
		speak(&peer, 0, 2000, 50);
		speak(&peer, 0, 200, 0);
	}
	engine_stats(peer.stream, &stats);
	assert_int_equal(stats.lost_packets, 18);
	end(&peer);
}

static void another_clock_is_neither_loss_nor_jitter(void **state)
{
	(void)state;
	struct peer peer;

	begin(&peer);
	speak(&peer, 0, 5000, 0);
	struct rtcp_block narrow = reported(&peer);
	assert_true(narrow.jitter <= 1);
	for (int i = 0; i < 3; i++) {
		speak(&peer, 96, 3000, 0);
		assert_int_equal(peer.block.lost, 0);
		assert_true(peer.block.jitter <= 48);
		speak(&peer, 0, 3000, 0);
	}
	struct rtcp_block after = reported(&peer);
	assert_int_equal(after.highest, extended_of(&peer, 1));
	assert_int_equal(after.lost, 0);
	assert_true(after.jitter <= 8);
	struct stream_stats stats;
	engine_stats(peer.stream, &stats);
	assert_int_equal(stats.lost_packets, 0);
	assert_true(stats.jitter_ms < 1);
	end(&peer);
}

/* 6.4.1: what came twice counts as received, so that the number may be below nothing. */
static void duplicates_make_it_negative(void **state)
{
	(void)state;
	struct peer peer;

	begin(&peer);
	for (int i = 0; i < 50; i++) {
		put(&peer, 0);
		speak(&peer, 0, PACKET_MS, 0);
	}
	struct rtcp_block block = reported(&peer);
	assert_int_equal(block.lost, -50);
	assert_int_equal(block.fraction, 0);
	struct stream_stats stats;
	engine_stats(peer.stream, &stats);
	assert_int_equal(stats.duplicate_packets, 50);
	assert_int_equal(stats.lost_packets, 0);
	end(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hold_restarts_no_count),
		cmocka_unit_test(a_source_that_is_back_goes_on),
		cmocka_unit_test(many_sources_lose_what_they_lost),
		cmocka_unit_test(another_clock_is_neither_loss_nor_jitter),
		cmocka_unit_test(duplicates_make_it_negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
