/* Redundant packets taken apart: copies of lost ones come to the jitter buffer under the numbers of those (RFC
 * 2198). */
#include "media/stream.h"

enum { AGE_MAX = 8 };

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

/*
 * A copy tells its age only; each packet before has a number of its own, and nearly always they are all of one length.
 * @param least  it is at least so many packets old, as there are newer copies
 * @return how many packets before
 */
static uint32_t age_of(uint32_t frames, uint64_t offset_frames, size_t least)
{
	uint64_t age = frames && offset_frames % frames == 0 ? offset_frames / frames : 0;

	return age >= least && age <= AGE_MAX ? (uint32_t)age : (uint32_t)least;
}

/* @return how many packets before this one its copy is of; 0: nothing that can be used */
static uint32_t put_copy(struct stream *stream, const struct rtp_packet *packet, uint32_t extended, size_t least,
		     const struct red_block *block, int64_t arrival_us)
{
	const struct stream_codec *codec = stream_codec_of(stream, block->payload_type);
	uint32_t rate = codec ? codec_clock_rate(codec->codec) : 0;

	if (!codec || rate != stream->receive_clock_rate || !block->bytes)
		return 0;
	uint32_t frames = (uint32_t)codec_frames(codec->codec, block->payload, block->bytes);
	uint32_t age = age_of(frames, (uint64_t)block->offset * CODEC_RATE_HZ / rate, least);
	struct jitter_packet put = {
		.sequence = extended - age,
		.timestamp = packet->timestamp - block->offset,
		.clock_rate = rate,
		.frames = frames,
		.tag = (uint8_t)codec->codec,
		.is_copy = true,
		.payload = block->payload,
		.bytes = block->bytes,
	};
	if (!frames)
		return 0;
	jitter_put(&stream->jitter, &put, arrival_us);
	return age;
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
	uint32_t nearest = 0;
	for (size_t i = 0; i + 1 < count; i++)
		nearest = put_copy(stream, packet, extended, count - 1 - i, &blocks[i], arrival_us);
	if (nearest > 1)
		stream->far_seen = STREAM_FEC_HOLD_TICKS;
	else if (nearest)
		stream->far_seen = 0;
}
