/*
 * What the way to the peer can carry, by its reports alone: congestion slows the encoder and time heals it, copies are
 * armed by measured loss and go where they make it worse, and nothing passes what the peer takes.
 */
#include "media/stream.h"

#include "base/xmalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { REPORT_US = 5 * SECOND_US, REPORT_PACKETS = 250, QUIET_MS = 20, QUEUED_MS = 300 };

static struct stream *stream_of(enum media_codec codec, uint32_t max_bitrate)
{
	struct stream *stream = xcalloc(1, sizeof *stream);

	stream->config.send.codec = codec;
	stream->config.send.max_bitrate = max_bitrate;
	stream->config.has_send_red = true;
	stream->peer_reported = true;
	stream->rate.slower = 1;
	return stream;
}

/* So many reports of this loss and round trip, one each 5 s. */
static void reports(struct stream *stream, int count, double loss, double rtt_ms, int64_t *now_us)
{
	for (int i = 0; i < count; i++) {
		*now_us += REPORT_US;
		stream_rate_report(stream, loss, REPORT_PACKETS, rtt_ms, *now_us);
		stream_rate_update(stream, *now_us);
	}
}

static uint32_t most(const struct stream *stream)
{
	return stream_rate_path(stream, 5).max_bitrate;
}

static void congestion_slows_and_time_heals(void **state)
{
	struct stream *stream = stream_of(MEDIA_OPUS, 0);
	int64_t now_us = 0;
	uint32_t before = UINT32_MAX;

	(void)state;
	stream->config.has_send_red = false;
	/* Loss without a queue is no congestion: sending less would not help. */
	reports(stream, 20, 0.2, QUIET_MS, &now_us);
	assert_int_equal(most(stream), 0);
	/* A longer way is none either. */
	reports(stream, 5, 0, QUEUED_MS, &now_us);
	assert_int_equal(most(stream), 0);
	for (int i = 0; i < 5; i++) {
		reports(stream, 1, 0.05, QUEUED_MS, &now_us);
		assert_in_range(most(stream), 1, before - 1);
		before = most(stream);
	}
	reports(stream, 100, 0.05, 100 * QUEUED_MS, &now_us);
	before = most(stream);
	assert_in_range(before, 16000, 32000); /* it never falls silent */
	reports(stream, 1, 0.05, 1000 * QUEUED_MS, &now_us);
	assert_int_equal(most(stream), before);
	while (most(stream)) {
		before = most(stream);
		reports(stream, 1, 0, QUIET_MS, &now_us);
		assert_true(!most(stream) || most(stream) > before);
	}
	/* Where next to nothing comes, it may be our packets that are in the way. */
	reports(stream, 1, 0.5, QUIET_MS, &now_us);
	assert_int_not_equal(most(stream), 0);
	free(stream);
}

static void copies_are_armed_by_measured_loss(void **state)
{
	struct stream *stream = stream_of(MEDIA_OPUS, 0);
	int64_t now_us = 0;

	(void)state;
	reports(stream, 5, 0, QUIET_MS, &now_us);
	assert_int_equal(stream->rate.copies, 0);
	assert_false(stream_rate_path(stream, 5).copied);
	reports(stream, 1, 0.1, QUIET_MS, &now_us);
	assert_int_equal(stream->rate.copies, 2);
	struct codec_path path = stream_rate_path(stream, 5);
	assert_true(path.copied);
	assert_true(path.loss < 0.1 * 0.1); /* of what copies leave the codec need not know */
	reports(stream, 40, 0, QUIET_MS, &now_us);
	assert_int_equal(stream->rate.copies, 0);
	/* Congestion is not answered by more packets. */
	reports(stream, 1, 0.1, QUIET_MS, &now_us);
	assert_int_equal(stream->rate.copies, 2);
	reports(stream, 1, 0.1, QUEUED_MS, &now_us);
	assert_int_equal(stream->rate.copies, 0);
	free(stream);
}

/* RFC 8083: a loss that rises because of the copies takes them away for a minute, then for two. */
static void copies_that_make_it_worse_go(void **state)
{
	struct stream *stream = stream_of(MEDIA_PCMU, 0);
	int64_t now_us = 0;

	(void)state;
	for (int64_t minutes = 1; minutes <= 4; minutes *= 2) {
		reports(stream, 1, 0.05, QUIET_MS, &now_us);
		assert_int_equal(stream->rate.copies, 1);
		reports(stream, 1, 0.05, QUIET_MS, &now_us);
		reports(stream, 2, 0.3, QUIET_MS, &now_us);
		assert_int_equal(stream->rate.copies, 0);
		int64_t gone_us = now_us;
		while (now_us + REPORT_US < gone_us + minutes * 60 * SECOND_US) {
			reports(stream, 1, 0.05, QUIET_MS, &now_us);
			assert_int_equal(stream->rate.copies, 0);
		}
	}
	free(stream);
}

/* A report of so many packets, each lost with the same chance. */
static void random_report(struct stream *stream, struct random *random, uint32_t packets, int64_t *now_us)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < packets; i++)
		lost += random_below(random, 5) == 0;
	*now_us += packets * 20 * MS_US;
	stream_rate_report(stream, (double)lost / packets, packets, QUIET_MS, *now_us);
	stream_rate_update(stream, *now_us);
}

/* One packet in five is lost by chance, from the beginning on: that is no rise, whatever the first few say. */
static void chance_is_no_rise(void **state)
{
	enum { CALLS = 500 };
	int disarmed = 0;

	(void)state;
	for (int call = 0; call < CALLS; call++) {
		struct stream *stream = stream_of(MEDIA_PCMU, 0);
		struct random random;
		int64_t now_us = 0;

		random_init_seeded(&random, (uint64_t)call);
		stream->peer_reported = false;
		stream->jitter.loss = 0.05; /* armed by our own first loss */
		stream_rate_update(stream, now_us);
		assert_int_equal(stream->rate.copies, 1);
		stream->peer_reported = true;
		random_report(stream, &random, 5 + random_below(&random, 100), &now_us);
		for (int i = 0; i < 5; i++)
			random_report(stream, &random, 50 + random_below(&random, 200), &now_us);
		disarmed += !stream->rate.copies;
		free(stream);
	}
	assert_in_range(disarmed, 0, CALLS / 100);
}

/* b=, maxaveragebitrate: what a packet carries with its copies stays below. */
static void nothing_passes_what_the_peer_takes(void **state)
{
	static const struct { enum media_codec codec; uint32_t max_bitrate; unsigned copies; } rows[] = {
		{ MEDIA_OPUS, 60000, 2 }, { MEDIA_OPUS, 40000, 1 },	{ MEDIA_OPUS, 31000, 0 },
		{ MEDIA_PCMU, 64000, 0 }, { MEDIA_PCMU, 127000, 0 }, { MEDIA_PCMU, 128000, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stream *stream = stream_of(rows[i].codec, rows[i].max_bitrate);
		int64_t now_us = 0;
		reports(stream, 3, 0.1, QUIET_MS, &now_us);
		assert_int_equal(stream->rate.copies, rows[i].copies);
		assert_in_range(most(stream) * (rows[i].copies + 1), 1, rows[i].max_bitrate);
		/* and what congestion leaves is no more than that */
		reports(stream, 3, 0.1, QUEUED_MS, &now_us);
		assert_in_range(most(stream), 1, rows[i].max_bitrate);
		free(stream);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(congestion_slows_and_time_heals),
		cmocka_unit_test(copies_are_armed_by_measured_loss),
		cmocka_unit_test(copies_that_make_it_worse_go),
		cmocka_unit_test(chance_is_no_rise),
		cmocka_unit_test(nothing_passes_what_the_peer_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
