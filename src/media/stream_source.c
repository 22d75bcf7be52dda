#include "media/stream.h"

enum { PROBATION = 1 /* of another SSRC: RFC 3550 A.1 wants two packets in sequence */ };

/* ---- totals ---- */

static void add_totals(struct stream_totals *totals, const struct rtp_source *source)
{
	totals->received += source->received;
	totals->expected += rtp_source_expected(source);
	totals->lost += rtp_source_lost(source);
	totals->duplicates += source->duplicates;
	totals->bursts += source->bursts;
}

struct stream_totals stream_totals(const struct stream *stream)
{
	struct stream_totals totals = stream->past;

	for (size_t i = 0; i < stream->former_count; i++)
		add_totals(&totals, &stream->former[i]);
	if (stream->has_source)
		add_totals(&totals, &stream->source);
	return totals;
}

/* ---- sources that were heard before ---- */

/* The oldest gives way. */
static void remember(struct stream *stream, const struct rtp_source *source)
{
	if (stream->former_count == STREAM_FORMER_SOURCES) {
		add_totals(&stream->past, &stream->former[0]);
		stream->former_count--;
		for (size_t i = 0; i < stream->former_count; i++)
			stream->former[i] = stream->former[i + 1];
	}
	stream->former[stream->former_count++] = *source;
}

/* What is counted of a source belongs to its SSRC: one that is back goes on where it was (RFC 3550 A.1). */
static bool recall(struct stream *stream, uint32_t ssrc)
{
	size_t i = 0;

	while (i < stream->former_count && stream->former[i].ssrc != ssrc)
		i++;
	if (i == stream->former_count)
		return false;
	stream->source = stream->former[i];
	stream->has_source = true;
	stream->former_count--;
	for (; i < stream->former_count; i++)
		stream->former[i] = stream->former[i + 1];
	return true;
}

void stream_forget_source(struct stream *stream)
{
	if (stream->has_source)
		remember(stream, &stream->source);
	stream->has_source = stream->has_rival = false;
	stream->told &= ~(1u << ENGINE_PEER_BYE);
	stream->peer_reported = false;
	stream->report_lsr = 0;
}

/* ---- the numbers of packets ---- */

/* A source that is back: what it sent to nobody in between is not expected. */
static enum rtp_verdict go_on(struct stream *stream, uint16_t sequence, uint32_t *extended)
{
	rtp_source_resume(&stream->source, sequence);
	enum rtp_verdict verdict = rtp_source_update(&stream->source, sequence, extended);
	return verdict == RTP_GOOD ? RTP_RESTARTED : verdict;
}

static enum rtp_verdict update_rival(struct stream *stream, const struct rtp_packet *packet, uint32_t *extended)
{
	if (!stream->has_rival || stream->rival.ssrc != packet->ssrc) {
		rtp_source_init(&stream->rival, packet->ssrc, packet->sequence, PROBATION);
		stream->rival.probation++; /* this very packet is counted by the update */
		stream->has_rival = true;
	}
	enum rtp_verdict verdict = rtp_source_update(&stream->rival, packet->sequence, extended);
	if (verdict != RTP_RESTARTED)
		return verdict;
	struct rtp_source rival = stream->rival;
	stream_forget_source(stream);
	if (recall(stream, packet->ssrc)) {
		/* The packet on probation came too. */
		go_on(stream, (uint16_t)(packet->sequence - 1), extended);
		stream->received_packets++;
		return go_on(stream, packet->sequence, extended);
	}
	stream->source = rival;
	stream->has_source = true;
	return verdict;
}

enum rtp_verdict stream_count_packet(struct stream *stream, const struct rtp_packet *packet, uint32_t *extended)
{
	if (stream->has_source && stream->source.ssrc != packet->ssrc)
		return update_rival(stream, packet, extended);
	if (!stream->has_source && recall(stream, packet->ssrc))
		return go_on(stream, packet->sequence, extended);
	if (!stream->has_source) {
		rtp_source_init(&stream->source, packet->ssrc, packet->sequence, 0);
		stream->has_source = true;
	}
	/* What was not passed on while nobody wanted to hear is not lost, and the time that has passed is no delay. */
	if (stream->resumed) {
		rtp_source_resume(&stream->source, packet->sequence);
		jitter_reset(&stream->jitter);
	}
	stream->resumed = false;
	struct rtp_source before = stream->source;
	enum rtp_verdict verdict = rtp_source_update(&stream->source, packet->sequence, extended);
	if (verdict == RTP_RESTARTED && before.valid)
		add_totals(&stream->past, &before);
	return verdict;
}

void stream_count_unheard(struct stream *stream, const struct rtp_packet *packet, size_t bytes)
{
	uint32_t extended;

	if (!stream->has_source || stream->source.ssrc != packet->ssrc ||
	    stream_count_packet(stream, packet, &extended) == RTP_WAIT)
		return;
	stream->received_packets++;
	stream->received_bytes += bytes;
	stream->source.has_transit = false;
}
