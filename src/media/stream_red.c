/* Redundant packets taken apart: copies of lost ones come to the jitter buffer under the numbers of those (RFC
 * 2198). */
#include "media/stream.h"

const struct stream_codec *stream_codec_of(const struct stream *stream, uint8_t payload_type)
{
	const struct stream_config *config = &stream->config;

	for (size_t i = 0; i < config->receive_count; i++)
		if (config->receive[i].payload_type == payload_type)
			return &config->receive[i];
	return NULL;
}

bool stream_is_red(const struct stream *stream, uint8_t payload_type)
{
	for (size_t i = 0; i < stream->config.receive_red_count; i++)
		if (stream->config.receive_reds[i].payload_type == payload_type)
			return true;
	return false;
}

/* A copy tells its age only; that each packet before had a number of its own is what everybody does. */
static void put_copy(struct stream *stream, const struct rtp_packet *packet, uint32_t extended, size_t back,
		     const struct red_block *block, int64_t arrival_us)
{
	const struct stream_codec *codec = stream_codec_of(stream, block->payload_type);
	uint32_t rate = codec ? codec_clock_rate(codec->codec) : 0;

	if (!codec || rate != stream->receive_clock_rate || !block->bytes)
		return;
	struct jitter_packet put = {
		.sequence = extended - (uint32_t)back,
		.timestamp = packet->timestamp - block->offset,
		.clock_rate = rate,
		.frames = (uint32_t)codec_frames(codec->codec, block->payload, block->bytes),
		.tag = (uint8_t)codec->codec,
		.is_copy = true,
		.payload = block->payload,
		.bytes = block->bytes,
	};
	if (put.frames)
		jitter_put(&stream->jitter, &put, arrival_us);
}

bool stream_unfold(struct rtp_packet *packet, struct red_block blocks[], size_t *count)
{
	*count = red_parse(blocks, packet->payload, packet->payload_bytes);
	if (!*count)
		return false;
	packet->payload_type = blocks[*count - 1].payload_type;
	packet->payload = blocks[*count - 1].payload;
	packet->payload_bytes = blocks[*count - 1].bytes;
	return true;
}

void stream_put_copies(struct stream *stream, const struct rtp_packet *packet, uint32_t extended,
		       const struct red_block blocks[], size_t count, int64_t arrival_us)
{
	if (count > 1)
		stream->copies_seen = STREAM_FEC_HOLD_TICKS;
	if (count > 2)
		stream->second_seen = STREAM_FEC_HOLD_TICKS;
	for (size_t i = 0; i + 1 < count; i++)
		put_copy(stream, packet, extended, count - 1 - i, &blocks[i], arrival_us);
}
