#include "media/quality.h"
#include "media/stream.h"
#include "media/tone.h"

#include <string.h>

enum {
	QUIET_US = 3000000,
	LOST_US = 3000000,
	PAUSE_US = 30000000,
	WORD_SAMPLES = 4,
	QUALITY_TICKS = 10,
	TRIP_MAX_MS = 10000
};
static const double QUIET_DB = -50;

_Static_assert(sizeof(struct stream_stats) % sizeof(uint64_t) == 0, "the snapshot is copied by words");
_Static_assert(LEVEL_NARROW_FRAMES % WORD_SAMPLES == 0, "the narrow sound is written by words");

/* ---- events ---- */

void stream_tell(struct stream *stream, unsigned event)
{
	stream->events |= 1u << event;
}

/* More digits than fit while the loop does not listen are left out: the newest ones. */
void stream_tell_digit(struct stream *stream, char digit, bool audible)
{
	if (stream->digits_heard_count == STREAM_DIGITS_HEARD)
		return;
	stream->digits_heard[stream->digits_heard_count].digit = digit;
	stream->digits_heard[stream->digits_heard_count++].audible = audible;
}

/* One side: tell once when it was quiet for 3 s, until it is louder again. */
static void watch_side(struct stream *stream, int side, unsigned event, bool watched, double db, int64_t now_us)
{
	if (!watched) {
		stream->loud_us[side] = 0;
		return;
	}
	if (db >= QUIET_DB || !stream->loud_us[side]) {
		stream->loud_us[side] = now_us;
		if (db >= QUIET_DB)
			stream->told &= ~(1u << event);
	} else if (now_us - stream->loud_us[side] >= QUIET_US && !(stream->told & 1u << event)) {
		stream->told |= 1u << event;
		stream_tell(stream, event);
	}
}

void stream_watch(struct stream *stream, const struct stream_turn *turn, bool says)
{
	int64_t now_us = turn->now_us;
	int64_t last_us = stream->last_packet_us, since_us = stream->receiving_us;
	if (last_us > since_us)
		since_us = last_us;
	/* How often noise is described anew is the peer's choice (RFC 3389 5). */
	bool lost = stream->config.receives && now_us - since_us >= (stream->peer_pauses ? PAUSE_US : LOST_US);
	/* Nothing arriving is not silence but loss. */
	bool hears = stream->config.receives && stream->last_packet_us && now_us - stream->last_packet_us < SECOND_US;

	stream->mic_db = level_db(&stream->mic);
	stream->heard_db = level_db(&stream->heard);
	watch_side(stream, 0, ENGINE_SILENT, says, stream->mic_db, now_us);
	watch_side(stream, 1, STREAM_EVENT_SILENT_PEER, hears, stream->heard_db, now_us);
	if (lost && !(stream->told & 1u << ENGINE_LOST)) {
		stream->told |= 1u << ENGINE_LOST;
		stream_tell(stream, ENGINE_LOST);
	}
}

/* ---- the snapshot ---- */

/* What the E-model is told: losses that were repaired are none. */
static struct quality_facts facts_of(const struct stream *stream)
{
	const struct codec_ops *codec = codec_ops(stream->receive_codec);
	const struct burst *burst = &stream->jitter.burst;
	struct stream_totals totals = stream_totals(stream);
	double gone = (double)(burst->lost + burst->discarded), all = gone + (double)burst->received;
	struct quality_facts facts = {
		.delay_ms = stream->jitter.delay_ms + stream->jitter.usual_frames / (double)CODEC_MS_FRAMES +
			    codec->delay_ms,
		.burst = 1,
		.impairment = codec->impairment,
		.robustness = codec->robustness,
		.wide = codec->wide,
	};

	gone -= (double)stream->fec_repaired < gone ? (double)stream->fec_repaired : gone;
	facts.loss = all > 0 ? gone / all : 0;
	if (stream->rtt_ms > 0)
		facts.delay_ms += stream->rtt_ms / 2;
	if (totals.bursts && totals.lost)
		facts.burst = (double)totals.lost / (double)totals.bursts * (1 - facts.loss);
	if (facts.burst < 1)
		facts.burst = 1;
	return facts;
}

static double estimate(const struct stream *stream)
{
	struct quality_facts facts = facts_of(stream);

	return stream->received_packets ? quality_mos(quality_rating(&facts), facts.wide) : 0;
}

/* ---- extended reports ---- */

static double rating_of_100(double rating, bool wide)
{
	return wide ? rating / 1.29 : rating;
}

static void fill_voip(const struct stream *stream, struct rtcp_voip *voip)
{
	const struct burst *burst = &stream->jitter.burst;
	double all = (double)(burst->lost + burst->discarded + burst->received);
	struct burst_metrics rows = burst_metrics(burst, stream->jitter.usual_frames / (double)CODEC_MS_FRAMES);
	struct quality_facts facts = facts_of(stream);
	double rating = quality_rating(&facts);

	*voip = (struct rtcp_voip){
		.ssrc = stream->source.ssrc,
		.loss = all > 0 ? (double)burst->lost / all : 0,
		.discard = all > 0 ? (double)burst->discarded / all : 0,
		.burst_density = rows.burst_density,
		.gap_density = rows.gap_density,
		.burst_ms = rows.burst_ms,
		.gap_ms = rows.gap_ms,
		.round_trip_ms = stream->rtt_ms,
		.end_system_ms = facts.delay_ms - (stream->rtt_ms > 0 ? stream->rtt_ms / 2 : 0),
		.signal_db = stream->heard_db,
		.noise_db = RTCP_XR_UNKNOWN,
		.rating = rating_of_100(rating, facts.wide),
		.mos_conversation = quality_mos(rating, facts.wide),
		.buffer_ms = stream->jitter.delay_ms,
		.buffer_most_ms = (double)stream->jitter.target_us / 1000,
		.buffer_limit_ms = stream->jitter.max_ms,
	};
	facts.delay_ms = 0;
	voip->mos_listening = quality_mos(quality_rating(&facts), facts.wide);
}

void stream_fill_xr(const struct stream *stream, const struct stream_turn *turn, struct rtcp_report *report)
{
	struct rtcp_xr *xr = &report->xr;
	int64_t since_us = turn->now_us - stream->peer_time_us;

	/* Who sends has the round trip from its sender reports. */
	xr->has_time = !report->is_sender;
	xr->ntp = report->ntp;
	if (stream->peer_asks_time && stream->has_source && since_us >= 0) {
		xr->has_answer = true;
		xr->answer_ssrc = stream->source.ssrc;
		xr->lrr = stream->peer_time;
		xr->dlrr = (uint32_t)(since_us * 65536 / SECOND_US);
	}
	xr->has_voip = report->has_block;
	if (xr->has_voip)
		fill_voip(stream, &xr->voip);
}

void stream_take_xr(struct stream *stream, const struct rtcp_xr *xr, int64_t arrival_us, uint32_t now)
{
	if (xr->has_time) {
		stream->peer_asks_time = true;
		stream->peer_time = rtcp_ntp_middle(xr->ntp);
		stream->peer_time_us = arrival_us;
	}
	if (xr->has_answer) {
		struct rtcp_block block = { .lsr = xr->lrr, .dlsr = xr->dlrr };
		double rtt_ms = rtcp_round_trip_ms(&block, now);
		if (rtt_ms >= 0 && rtt_ms < TRIP_MAX_MS)
			stream->rtt_ms = rtt_ms;
	}
	if (xr->has_voip)
		stream->peer_voip = xr->voip;
}

/* ---- the snapshot, filled ---- */

static void collect(struct stream *stream, struct stream_stats *stats)
{
	struct stream_totals totals = stream_totals(stream);
	uint64_t gone = totals.lost + stream->jitter.counts.late;

	memset(stats, 0, sizeof *stats);
	stats->sent_packets = stream->sent_packets;
	stats->sent_bytes = stream->sent_bytes;
	stats->received_packets = stream->received_packets;
	stats->received_bytes = stream->received_bytes;
	stats->expected_packets = totals.expected;
	stats->lost_packets = totals.lost;
	stats->forged_packets = stream->forged_packets;
	stats->replayed_packets = stream->replayed_packets;
	stats->stray_packets = stream->stray_packets;
	stats->keep_alive_packets = stream->keep_alive_packets;
	stats->moves = stream->moves;
	stats->restarts = stream->restarts;
	stats->late_packets = stream->jitter.counts.late;
	stats->duplicate_packets = totals.duplicates;
	stats->concealed_frames = stream->jitter.counts.concealed;
	if (totals.expected)
		stats->loss = gone < totals.expected ? (double)gone / (double)totals.expected : 1;
	stats->peer_loss = stream->peer_loss;
	stats->jitter_ms = rtp_source_jitter_ms(&stream->source, stream->receive_clock_rate);
	stats->buffer_ms = stream->jitter.playing ? stream->jitter.delay_ms : 0;
	stats->rtt_ms = stream->rtt_ms;
	stats->heard_level_db = stream->heard_db;
	stats->mic_level_db = stream->mic_db;
	stats->receive_codec = stream->receive_clock_rate ? stream->receive_codec : stream->config.receive[0].codec;
	stats->send_codec = stream->config.send.codec;
	stats->receive_rate = codec_clock_rate(stats->receive_codec);
	stats->last_packet_us = stream->last_packet_us;
	stats->muted = stream->muted;
	if (stream->ticks % QUALITY_TICKS == 1)
		stream->mos = estimate(stream);
	stats->mos = stream->mos;
	stats->peer_mos = stream->peer_voip.mos_conversation;
	stats->repaired_packets = stream->jitter.counts.recovered + stream->fec_repaired;
	stats->discarded_packets = stream->jitter.burst.discarded;
	stats->complexity = stream->complexity;
	stats->sends_copies = stream->rate.copies > 0;
	struct burst_metrics rows =
		burst_metrics(&stream->jitter.burst, stream->jitter.usual_frames / (double)CODEC_MS_FRAMES);
	stats->burst_ms = rows.burst_ms;
}

/*
 * A sequence lock without fences: each word is stored with release after the odd version and loaded with acquire before
 * the version is read again, so a reader that sees one version twice saw words of one tick.
 */
void stream_publish(struct stream *stream)
{
	struct stream_stats stats;
	uint64_t words[sizeof stats / 8], samples[LEVEL_NARROW_FRAMES / WORD_SAMPLES];

	collect(stream, &stats);
	memcpy(words, &stats, sizeof words);
	memcpy(samples, stream->narrow_now, sizeof samples);
	uint64_t version = atomic_load_explicit(&stream->version, memory_order_relaxed);
	uint64_t at = atomic_load_explicit(&stream->narrow_at, memory_order_relaxed);
	atomic_store_explicit(&stream->version, version + 1, memory_order_relaxed);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		atomic_store_explicit(&stream->snapshot[i], words[i], memory_order_release);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		atomic_store_explicit(&stream->narrow[(at + i) % STREAM_NARROW_WORDS], samples[i],
				      memory_order_release);
	atomic_store_explicit(&stream->narrow_at, at + ARRAY_LEN(samples), memory_order_release);
	atomic_store_explicit(&stream->version, version + 2, memory_order_release);
}

/* `narrow` NULL: the numbers alone. */
static void copy_words(const struct stream *stream, uint64_t *words, uint64_t *narrow)
{
	uint64_t before, after;

	do {
		before = atomic_load_explicit(&stream->version, memory_order_acquire);
		for (size_t i = 0; i < sizeof(struct stream_stats) / 8; i++)
			words[i] = atomic_load_explicit(&stream->snapshot[i], memory_order_acquire);
		uint64_t at = atomic_load_explicit(&stream->narrow_at, memory_order_acquire);
		for (size_t i = 0; narrow && i < STREAM_NARROW_WORDS; i++)
			narrow[i] = atomic_load_explicit(&stream->narrow[(at + i) % STREAM_NARROW_WORDS],
							 memory_order_acquire);
		after = atomic_load_explicit(&stream->version, memory_order_relaxed);
	} while (before != after || before & 1);
}

void engine_stats(const struct stream *stream, struct stream_stats *stats)
{
	uint64_t words[sizeof *stats / 8], narrow[STREAM_NARROW_WORDS];
	int16_t pcm[TONE_FIND_FRAMES];

	/* Who was never heard makes no tone: a call that ends at once is not searched for one. */
	copy_words(stream, words, NULL);
	memcpy(stats, words, sizeof words);
	stats->tone_hz = 0;
	if (!stats->received_packets)
		return;
	copy_words(stream, words, narrow);
	memcpy(stats, words, sizeof words);
	memcpy(pcm, narrow, sizeof pcm);
	stats->tone_hz = tone_find(pcm);
}
