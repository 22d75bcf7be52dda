/*
 * Two streams talk. What runs for each packet allocates nothing (malloc() is watched, while the network loses), and
 * strangers do not disturb.
 */
#include "media/stream.h"

#include <arpa/inet.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define WATCHED 0
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHED 0
#endif
#endif
#ifndef WATCHED
#define WATCHED 1
#endif

static unsigned long allocations;

#if WATCHED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
	allocations++;
	return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}
#endif

enum { TICKS = 3000, SETTLED = 100, ODD_FRAMES = 101 };

struct end {
	struct stream *stream;
	struct random random;
	struct address rtp, rtcp;
	int rtp_fd, rtcp_fd;
};

static int open_socket(struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof *address;

	*address = (struct address){ 0 };
	address->u.v4.sin_family = AF_INET;
	address->u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0 && bind(fd, &address->u.any, address_len(address)) == 0);
	assert_int_equal(getsockname(fd, &address->u.any, &n), 0);
	return fd;
}

static void begin(struct end *end, const struct end *other, enum media_codec codec)
{
	struct stream_config config = {
		.rtp_fd = end->rtp_fd, .rtcp_fd = end->rtcp_fd, .rtp = other->rtp, .rtcp = other->rtcp, .sends = true,
		.receives = true, .send = { .codec = codec, .payload_type = 96, .ptime_ms = 20, .fec = true },
		.receive_count = 1, .receive_red_count = 1, .has_send_red = true, .send_red = 97, .cname = "calm",
	};
	struct stream_setup *setup;
	enum err err;

	config.receive[0] = config.send;
	config.receive_reds[0].payload_type = 97;
	config.receive_reds[0].clock_rate = codec_clock_rate(codec);
	end->stream = stream_new(&config, NULL, 10, 300, &end->random, &setup, &err);
	assert_non_null(end->stream);
	stream_apply(end->stream, setup, 0);
	stream_setup_free(setup);
}

/* Two that talk, both from their first tick on. */
struct talk {
	struct end ends[2];
	struct receive_batch *batch;
	int64_t now_us;
};

static struct stream_turn turn_of(struct talk *talk, int i)
{
	return (struct stream_turn){ .now_us = talk->now_us, .wall_us = 1700000000 * SECOND_US + talk->now_us,
				     .complexity = 1, .random = &talk->ends[i].random, .batch = talk->batch };
}

static void talk_begin(struct talk *talk, enum media_codec codec)
{
	*talk = (struct talk){ .batch = receive_batch_new() };
	for (int i = 0; i < 2; i++) {
		struct end *end = &talk->ends[i];
		random_init_seeded(&end->random, (uint64_t)i + 1);
		end->rtp_fd = open_socket(&end->rtp);
		end->rtcp_fd = open_socket(&end->rtcp);
	}
	for (int i = 0; i < 2; i++) {
		struct stream_turn turn = turn_of(talk, i);
		begin(&talk->ends[i], &talk->ends[1 - i], codec);
		stream_start(talk->ends[i].stream, &turn);
	}
}

/* One tick of one end, at the time of the k-th. */
static void tick(struct talk *talk, int i, int64_t k, const int16_t *mic)
{
	struct stream *stream = talk->ends[i].stream;

	talk->now_us = k * 10000;
	struct stream_turn turn = turn_of(talk, i);
	stream_receive_rtp(stream, &turn);
	stream_receive_rtcp(stream, &turn);
	stream_hear(stream, &turn);
	stream_say(stream, &turn, mic);
}

/* The next packet that waits there is lost. @return was there one? */
static bool lose(const struct end *end)
{
	uint8_t lost;

	return recv(end->rtp_fd, &lost, 1, 0) >= 0;
}

static bool waits(const struct end *end)
{
	uint8_t first;

	return recv(end->rtp_fd, &first, 1, MSG_PEEK) >= 0;
}

static void talk_end(struct talk *talk)
{
	for (int i = 0; i < 2; i++)
		stream_free(talk->ends[i].stream);
	free(talk->batch);
}

/* 10,000 packets a second that look like the peer's, from a port that is not the peer's. */
static void forge(int fd, const struct end *to, const struct stream *peer, struct random *random)
{
	uint8_t bytes[RTP_HEADER_BYTES + 160];

	for (int i = 0; i < 100; i++) {
		struct rtp_packet packet = { .payload_type = 96,
					     .sequence = (uint16_t)(peer->sequence + i),
					     .timestamp = random_u32(random),
					     .ssrc = i % 2 ? peer->ssrc : random_u32(random),
					     .payload = bytes + RTP_HEADER_BYTES,
					     .payload_bytes = 160 };
		random_fill(random, bytes, sizeof bytes);
		uint8_t copy[sizeof bytes];
		size_t n = rtp_print(&packet, copy, sizeof copy);
		sendto(fd, copy, n, 0, &to->rtp.u.any, address_len(&to->rtp));
	}
}

static void a_flood_changes_nothing(void **state)
{
	(void)state;
	struct talk talk;
	struct random network;
	struct address stranger;
	struct stream_stats stats;
	int16_t mic[CODEC_TICK_FRAMES] = { 0 };

	random_init_seeded(&network, 4);
	int fd = open_socket(&stranger);
	talk_begin(&talk, MEDIA_PCMU);
	for (int64_t k = 0; k < 1000; k++) {
		if (k > 100)
			forge(fd, &talk.ends[0], talk.ends[1].stream, &network);
		for (int i = 0; i < 2; i++)
			tick(&talk, i, k, mic);
	}
	engine_stats(talk.ends[0].stream, &stats);
	assert_true(stats.received_packets >= 498 && stats.received_packets <= 500);
	assert_int_equal(stats.lost_packets + stats.late_packets + stats.concealed_frames, 0);
	talk_end(&talk);
	close(fd);
}

static void talk_with_losses(enum media_codec codec)
{
	struct talk talk;
	struct random network;
	int16_t mic[CODEC_TICK_FRAMES];
	unsigned long before = 0;

	random_init_seeded(&network, 3);
	talk_begin(&talk, codec);
	for (int64_t k = 0; k < TICKS; k++) {
		if (k == SETTLED)
			before = allocations;
		for (int i = 0; i < 2; i++) {
			if (random_below(&network, 20) == 0)
				(void)lose(&talk.ends[i]);
			for (size_t n = 0; n < CODEC_TICK_FRAMES; n++)
				mic[n] = (int16_t)(random_u32(&network) >> 20);
			tick(&talk, i, k, mic);
		}
	}
	assert_true(!WATCHED || before > 0);
	assert_int_equal(allocations - before, 0);
	for (int i = 0; i < 2; i++) {
		struct stream_stats stats;
		engine_stats(talk.ends[i].stream, &stats);
		/* it was no idle talk: losses, reports, copies and repairs all happened */
		assert_true(stats.received_packets > TICKS / 2 - 400 && stats.lost_packets > 20);
		assert_true(stats.repaired_packets > 10 && stats.peer_loss > 0 && stats.peer_mos > 1);
	}
	talk_end(&talk);
}

static void packets_allocate_nothing(void **state)
{
	(void)state;
	talk_with_losses(MEDIA_OPUS);
	talk_with_losses(MEDIA_PCMU);
}

/* Whatever delay is wanted for losses: it may come behind the first packet, not in front of it. */
static void the_first_packet_is_heard_at_once(void **state)
{
	static const enum media_codec codecs[] = { MEDIA_OPUS, MEDIA_PCMU };

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
		struct talk talk;
		int16_t mic[CODEC_TICK_FRAMES];
		const int16_t *heard;
		int64_t came = -1, k = 0;
		for (size_t n = 0; n < CODEC_TICK_FRAMES; n++)
			mic[n] = n % 96 < 48 ? 8000 : -8000;
		talk_begin(&talk, codecs[c]);
		heard = talk.ends[0].stream->heard_now;
		for (int loudest = 0; loudest < 200; k++) {
			tick(&talk, 1, k, mic);
			if (came < 0 && waits(&talk.ends[0]))
				came = k;
			tick(&talk, 0, k, mic);
			for (size_t n = 0; n < CODEC_TICK_FRAMES; n++)
				loudest = abs(heard[n]) > loudest ? abs(heard[n]) : loudest;
			assert_true(k < 50);
		}
		assert_in_range(k - 1 - came, 0, 2); /* ticks: 20 ms, a packet */
		talk_end(&talk);
	}
}

/* One packet to one end is lost, 250 ms after the beginning: 100 ms later the other sends copies; it waits for them.
 */
static void the_first_loss_is_told_at_once(void **state)
{
	(void)state;
	struct talk talk;
	const struct end *ends = talk.ends;
	int16_t mic[CODEC_TICK_FRAMES] = { 0 };
	bool gone = false;

	talk_begin(&talk, MEDIA_OPUS);
	for (int64_t k = 0; k < 45; k++) {
		if (k >= 25 && !gone)
			gone = lose(&ends[0]);
		for (int i = 0; i < 2; i++) {
			tick(&talk, i, k, mic);
			assert_true(k >= 25 || !ends[i].stream->peer_reported);
			assert_true(k < 5 || ends[i].stream->jitter.floor_ms == 40);
		}
	}
	assert_int_equal(ends[0].stream->jitter.floor_ms, 40);
	assert_true(ends[1].stream->peer_loss > 0);
	assert_int_equal(ends[1].stream->rate.copies, 2);
	assert_true(ends[0].stream->copies_seen);
	/* who lost nothing has no hurry, and when it is sure of that, no need of delay: in silence that goes at once */
	assert_false(ends[0].stream->peer_reported);
	for (int64_t k = 45; k < 200; k++)
		for (int i = 0; i < 2; i++)
			tick(&talk, i, k, mic);
	assert_int_equal(ends[0].stream->jitter.floor_ms, 20);
	assert_int_equal(ends[1].stream->jitter.floor_ms, 0);
	talk_end(&talk);
}

/*
 * Nothing is lost for ten seconds, then two packets to one end are, at any time since its last report: within a second
 * of them the other sends copies. One loss alone is not answered by twice the rate.
 */
static void losses_that_begin_later_are_told_soon(void **state)
{
	enum { CALLS = 8, CLEAN_TICKS = 1000, SOON_TICKS = 100, APART = 37, PAIR = 10 };

	(void)state;
	for (int call = 0; call < CALLS; call++) {
		struct talk talk;
		const struct end *ends = talk.ends;
		int16_t mic[CODEC_TICK_FRAMES] = { 0 };
		int64_t one = CLEAN_TICKS + call * APART, two = one + 1000, gone = 0;

		talk_begin(&talk, MEDIA_PCMU);
		for (int64_t k = 0; k < two + PAIR + SOON_TICKS; k++) {
			if ((k >= one && gone < 1) || (k >= two && gone < 2) || (k >= two + PAIR && gone < 3))
				gone += lose(&ends[0]);
			for (int i = 0; i < 2; i++)
				tick(&talk, i, k, mic);
			assert_true(k >= two || !ends[1].stream->rate.copies);
		}
		assert_int_equal(gone, 3);
		assert_int_equal(ends[1].stream->rate.copies, 1);
		assert_true(ends[0].stream->copies_seen);
		talk_end(&talk);
	}
}

/* So many packets come to the first end, of which one of `apart` is lost. @return the least delay for repairs, in ms */
static uint32_t least_floor(struct talk *talk, int64_t *k, unsigned packets, unsigned apart)
{
	int16_t mic[CODEC_TICK_FRAMES] = { 0 };
	uint32_t least = UINT32_MAX, floor_ms;

	for (unsigned came = 0; came < packets; ++*k) {
		if (waits(&talk->ends[0]) && ++came % apart == 0)
			(void)lose(&talk->ends[0]);
		for (int i = 0; i < 2; i++)
			tick(talk, i, *k, mic);
		floor_ms = talk->ends[0].stream->jitter.floor_ms;
		least = floor_ms < least && *k > SETTLED ? floor_ms : least;
	}
	return least;
}

/* Two packets of delay, for loss of 8 %, stay at 3 %, for the next 5 % by chance are near; at 1 % they go. */
static void repairs_do_not_come_and_go(void **state)
{
	(void)state;
	struct talk talk;
	int64_t k = 0;

	talk_begin(&talk, MEDIA_OPUS);
	assert_int_equal(least_floor(&talk, &k, 500, 12), 40);
	assert_int_equal(least_floor(&talk, &k, 1500, 33), 40);
	assert_in_range(least_floor(&talk, &k, 1500, 100), 0, 20);
	talk_end(&talk);
}

/* Of 13 packets two in a row are lost: the one copy that G.711 has goes two packets later, so both are repaired. */
static void two_in_a_row_are_repaired(void **state)
{
	(void)state;
	struct talk talk;
	const struct end *ends = talk.ends;
	int16_t mic[CODEC_TICK_FRAMES];
	unsigned came = 0;
	uint64_t before = 0;

	for (size_t n = 0; n < CODEC_TICK_FRAMES; n++)
		mic[n] = (int16_t)(n % 96 * 100);
	talk_begin(&talk, MEDIA_PCMU);
	for (int64_t k = 0; k < TICKS; k++) {
		if (waits(&ends[0]) && came++ % 13 > 10)
			(void)lose(&ends[0]);
		for (int i = 0; i < 2; i++)
			tick(&talk, i, k, mic);
		if (k == TICKS / 2)
			before = ends[0].stream->jitter.counts.concealed;
	}
	assert_true(ends[1].stream->rate.copies == 1 && ends[1].stream->rate.far);
	assert_true(ends[0].stream->jitter.counts.recovered > 200);
	assert_int_equal(ends[0].stream->jitter.counts.concealed, before);
	talk_end(&talk);
}

/*
 * Whatever the network loses, nothing clicks: what is heard of a tone bends a little more at a seam than the tone does,
 * but there is no step. Packets begin at an odd place of a tick here, as they do after a stretch.
 */
static void hear_a_tone(enum media_codec codec, double sharpest_allowed)
{
	struct talk talk;
	struct random network;
	int16_t mic[CODEC_TICK_FRAMES];
	double sharpest = 0, before = 0, last = 0, phase = 0;
	bool cut = false;

	random_init_seeded(&network, 5);
	talk_begin(&talk, codec);
	struct stream *hearer = talk.ends[0].stream;
	for (int64_t k = 0; k < TICKS; k++) {
		for (size_t n = 0; n < CODEC_TICK_FRAMES; n++, phase += 0.0201)
			mic[n] = (int16_t)lrint(6000 * sin(phase) + 3000 * sin(2 * phase));
		if (k < SETTLED && hearer->play_frames > ODD_FRAMES && !cut) {
			hearer->play_frames -= ODD_FRAMES;
			jitter_stretched(&hearer->jitter, ODD_FRAMES);
			cut = true;
		}
		if (k > SETTLED && waits(&talk.ends[0]) && random_below(&network, 8) == 0)
			(void)lose(&talk.ends[0]);
		for (int i = 0; i < 2; i++)
			tick(&talk, i, k, mic);
		for (size_t n = 0; n < CODEC_TICK_FRAMES; n++) {
			double now = hearer->heard_now[n], bend = fabs(now - 2 * last + before);
			before = last;
			last = now;
			if (k > SETTLED && bend > sharpest)
				sharpest = bend;
		}
	}
	print_message("# codec %d: the sharpest bend is %.0f\n", (int)codec, sharpest);
	assert_true(cut && hearer->jitter.counts.concealed > 4);
	assert_true(sharpest < sharpest_allowed);
	talk_end(&talk);
}

static void nothing_clicks(void **state)
{
	(void)state;
	hear_a_tone(MEDIA_PCMU, 250);
	hear_a_tone(MEDIA_G722, 250);
	hear_a_tone(MEDIA_OPUS, 250);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_allocate_nothing),
		cmocka_unit_test(a_flood_changes_nothing),
		cmocka_unit_test(the_first_packet_is_heard_at_once),
		cmocka_unit_test(the_first_loss_is_told_at_once),
		cmocka_unit_test(losses_that_begin_later_are_told_soon),
		cmocka_unit_test(repairs_do_not_come_and_go),
		cmocka_unit_test(two_in_a_row_are_repaired),
		cmocka_unit_test(nothing_clicks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
