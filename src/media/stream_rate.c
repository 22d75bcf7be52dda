/*
 * What the way to the peer can carry, by its reports: the loss that is expected, the rate that congestion leaves, and
 * whether packets carry copies of the ones before (RFC 2198).
 */
#include "media/stream.h"

#include <math.h>

enum {
	LEAST_BITRATE = 16000,       /* congestion leaves this much, and copies are not sent for less */
	QUEUE_MS = 80,               /* a round trip that much longer than the shortest: packets queue */
	BLOCKED_US = 60000000,       /* copies made it worse: none for a minute, then for two, ... */
	USUAL_PACKETS = 250,         /* of a report: what follows is said of such ones */
	WATCHED_PACKETS = 1250,      /* after arming, that tell whether copies made it worse */
	STRIKES_MAX = 6,
};
static const double EXPECT_LESS = 0.3, ARM_LOSS = 0.01, FAR_LOSS = 0.04, DISARM_LOSS = 0.005, CONGESTED_LOSS = 0.02,
		    HOPELESS_LOSS = 0.35;
static const double RATE_DOWN = 0.8, RATE_UP = 1.1, RATE_LEAST = 0.25, FORGET_TRIP = 1.01;

/* Until the peer reports, what is lost on the way to us is the best guess of what is lost on the way back. */
static double expected_loss(const struct stream *stream)
{
	return stream->peer_reported ? stream->rate.loss : jitter_loss(&stream->jitter);
}

static uint32_t most_bitrate(const struct stream *stream)
{
	const struct stream_codec *send = &stream->config.send;

	return send->max_bitrate ? send->max_bitrate : UINT32_MAX;
}

/*
 * How many copies may go: what a packet carries must fit below what the peer takes. A codec of a fixed rate has one, or
 * it would be more than twice the rate; Opus has half its rate with copies, and two of them, so that two losses in a
 * row, and most bursts, are repaired.
 */
static unsigned copies_possible(const struct stream *stream)
{
	uint32_t fixed = media_codec_bitrate(stream->config.send.codec), most = most_bitrate(stream);

	if (!stream->config.has_send_red)
		return 0;
	if (!fixed && most / (RED_COPIES_MAX + 1) >= LEAST_BITRATE)
		return RED_COPIES_MAX;
	return most / 2 >= (fixed ? fixed : LEAST_BITRATE);
}

/*
 * One copy is lost with its packet when two are lost in a row, and a hole of two packets is much worse than two of one.
 * So where many are lost, and the receiver waits for two packets anyway, the copy goes two packets later.
 */
static void place_copies(struct stream *stream, double loss)
{
	struct stream_rate *rate = &stream->rate;

	rate->far = rate->copies == 1 && (rate->far || loss >= FAR_LOSS);
	stream->red_memory.skipped = rate->far;
}

static void disarm(struct stream *stream)
{
	stream->rate.copies = 0;
	stream->rate.far = false;
	red_forget(&stream->red_memory);
}

/* Two standard deviations of a share that was found among so many packets: a few say little. */
static double doubt(double share, uint64_t packets)
{
	double n = (double)packets, least = 1 / (n + 1), p = share > least ? share : least;

	return packets ? 2 * sqrt(p * (1 - p) / n) : 1;
}

/*
 * Copies help against loss that has nothing to do with how much is sent. If loss rises after they were armed, it has:
 * then they go, and stay away for longer each time (RFC 8083 in spirit: never answer congestion with more packets).
 * Chance is no rise: of one loss in five, the few packets of the first report have now none and now a third.
 */
static void watch_copies(struct stream *stream, double loss, uint64_t packets, int64_t now_us)
{
	struct stream_rate *rate = &stream->rate;

	if (!rate->copies)
		return;
	/* The first report tells of the time before for the greater part. */
	if (!rate->watched++) {
		double most = loss + doubt(loss, packets);
		rate->loss_before = most > rate->loss_before ? most : rate->loss_before;
	} else if (packets) {
		rate->packets_after += packets;
		rate->loss_after += (loss - rate->loss_after) * (double)packets / (double)rate->packets_after;
	}
	double least_after = rate->loss_after - doubt(rate->loss_after, rate->packets_after);
	if (rate->watched > 2 && rate->packets_after <= WATCHED_PACKETS &&
	    least_after > rate->loss_before * 1.5 + 0.05) {
		disarm(stream);
		rate->blocked_until_us = now_us + ((int64_t)BLOCKED_US << rate->strikes);
		rate->strikes += rate->strikes < STRIKES_MAX;
	} else if (rate->loss < DISARM_LOSS) {
		disarm(stream);
	}
}

void stream_rate_report(struct stream *stream, double loss, uint64_t packets, double rtt_ms, int64_t now_us)
{
	struct stream_rate *rate = &stream->rate;
	double weight = (double)packets / USUAL_PACKETS;

	rate->loss = loss > rate->loss ? loss : loss + (rate->loss - loss) * pow(1 - EXPECT_LESS, weight);
	watch_copies(stream, loss, packets, now_us);
	if (rtt_ms >= 0 && (rate->least_rtt_ms <= 0 || rtt_ms < rate->least_rtt_ms))
		rate->least_rtt_ms = rtt_ms;
	bool queues = rtt_ms >= 0 && rtt_ms > rate->least_rtt_ms * 1.25 + QUEUE_MS;
	if ((queues && loss >= CONGESTED_LOSS) || loss - doubt(loss, packets) >= HOPELESS_LOSS)
		rate->slower = rate->slower * RATE_DOWN > RATE_LEAST ? rate->slower * RATE_DOWN : RATE_LEAST;
	else
		rate->slower = rate->slower * pow(RATE_UP, weight) < 1 ? rate->slower * pow(RATE_UP, weight) : 1;
	rate->least_rtt_ms *= pow(FORGET_TRIP, weight);
}

void stream_rate_update(struct stream *stream, int64_t now_us)
{
	struct stream_rate *rate = &stream->rate;
	double loss = expected_loss(stream);

	unsigned possible = copies_possible(stream);
	if (rate->copies && (!possible || rate->slower < 1)) {
		disarm(stream);
	} else if (rate->copies) {
		rate->copies = possible;
	} else if (loss >= ARM_LOSS && rate->slower >= 1 && possible && now_us >= rate->blocked_until_us) {
		rate->copies = possible;
		rate->loss_before = loss;
		rate->loss_after = 0;
		rate->packets_after = 0;
		rate->watched = 0;
	}
	place_copies(stream, loss);
}

struct codec_path stream_rate_path(const struct stream *stream, int complexity)
{
	const struct stream_rate *rate = &stream->rate;
	double loss = expected_loss(stream);
	struct codec_path path = { .loss = loss, .complexity = complexity };
	uint32_t most = most_bitrate(stream);

	if (rate->copies) {
		most /= rate->copies + 1;
		path.copied = true;
		/* Copies save nearly everything: what the codec adds is for what they leave. */
		for (unsigned i = 0; i < rate->copies; i++)
			path.loss *= loss;
	}
	if (rate->slower < 1) {
		uint32_t slow = (uint32_t)(STREAM_OPUS_BITRATE * rate->slower);
		most = most < slow ? most : slow;
	}
	path.max_bitrate = most == UINT32_MAX ? 0 : most;
	return path;
}
