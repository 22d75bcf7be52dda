/* Pauses: what is sent instead of silence, and what is heard in those of the peer (RFC 3389). */
#include "media/stream.h"

#include <string.h>

enum {
	NOISE_AGAIN_MS = 1000,    /* what is sent keeps the way open, and tells that we are there */
	NOISE_LEAST_MS = 100,     /* between two descriptions */
	NOISE_CHANGED_DB = 3,
};

/* ---- ours ---- */

bool stream_may_pause(const struct stream *stream)
{
	const struct encoder *encoder = stream->encoders[stream->config.send.codec];

	return stream->config.has_send_comfort && encoder && encoder->ops->describe;
}

void stream_watch_voice(struct stream *stream, const int16_t *pcm)
{
	if (stream_may_pause(stream))
		stream->spoke |= voice_tick(&stream->voice_watch, pcm);
}

/* Is the description that was sent last no longer good, or too old? */
static bool worth_sending(const struct stream *stream, const struct comfort *noise, uint32_t since_ms)
{
	int change = (int)noise->level - stream->noise_sent.level;

	if (!stream->pausing || since_ms >= NOISE_AGAIN_MS)
		return true;
	return since_ms >= NOISE_LEAST_MS && (change >= NOISE_CHANGED_DB || change <= -NOISE_CHANGED_DB);
}

void stream_say_pause(struct stream *stream)
{
	const struct stream_codec *send = &stream->config.send;
	uint8_t payload[COMFORT_MAX_BYTES];
	struct comfort noise;

	if (!stream->pausing)
		stream->comfort_ear = (struct comfort_ear){ 0 };
	encoder_describe(stream->encoders[send->codec], stream->said, stream->said_frames, &stream->comfort_ear,
			 &noise);
	stream->noise_age_ms += (uint32_t)(stream->said_frames / CODEC_MS_FRAMES);
	if (worth_sending(stream, &noise, stream->noise_age_ms)) {
		struct rtp_packet packet = {
			.payload_type = stream->config.send_comfort,
			.timestamp = stream->frame_timestamp,
			.payload = payload,
			.payload_bytes = comfort_print(&noise, payload, sizeof payload),
		};
		stream_send(stream, &packet);
		stream->noise_sent = noise;
		stream->noise_age_ms = 0;
	}
	stream->pausing = true;
	stream->talking = false;
}

/* ---- the peer's ---- */

/* The static number needs no agreement: gateways send it unasked (RFC 3551 6). */
bool stream_is_comfort(const struct stream *stream, uint8_t payload_type)
{
	for (size_t i = 0; i < stream->config.receive_comfort_count; i++)
		if (stream->config.receive_comforts[i] == payload_type)
			return true;
	return payload_type == COMFORT_PAYLOAD_TYPE && !stream_codec_of(stream, payload_type);
}

void stream_take_pause(struct stream *stream, const struct rtp_packet *packet, uint32_t extended)
{
	struct comfort noise;
	bool overtaken = stream->peer_pauses && (int32_t)(extended - stream->comfort_sequence) < 0;

	if (overtaken || !comfort_parse(&noise, packet->payload, packet->payload_bytes))
		return;
	stream->comfort = noise;
	stream->comfort_sequence = extended;
	stream->peer_pauses = true;
}

bool stream_hear_pause(struct stream *stream, int16_t *pcm, size_t frames)
{
	struct decoder *decoder = stream->decoders[stream->play_codec];
	int16_t whole[CODEC_TICK_FRAMES];

	if (!stream->peer_pauses || !decoder || frames > CODEC_TICK_FRAMES ||
	    !decoder_noise(decoder, &stream->comfort, whole))
		return false;
	memcpy(pcm, whole, frames * sizeof *pcm);
	return true;
}
