#include "media/codec/codec.h"

#include "media/codec/g711.h"
#include "media/codec/g722.h"
#include "media/codec/l16.h"
#include "media/codec/opus.h"

#include <assert.h>

static const struct codec_ops *const CODECS[MEDIA_CODECS] = {
	[MEDIA_PCMU] = &g711_mu.ops,  [MEDIA_PCMA] = &g711_a.ops,   [MEDIA_OPUS] = &opus_ops,
	[MEDIA_G722] = &g722.ops,     [MEDIA_L16_48] = &l16_48.ops, [MEDIA_L16_44] = &l16_44.ops,
	[MEDIA_L16_16] = &l16_16.ops, [MEDIA_L16_8] = &l16_8.ops,
};

const struct codec_ops *codec_ops(enum media_codec codec)
{
	assert(codec < MEDIA_CODECS);
	return CODECS[codec];
}

uint32_t codec_clock_rate(enum media_codec codec)
{
	return codec_ops(codec)->clock_rate;
}

uint32_t codec_ptime(enum media_codec codec, uint32_t wanted_ms)
{
	uint32_t ms = wanted_ms ? wanted_ms / 10 * 10 : 20;

	if (ms < 10)
		ms = 10;
	if (ms > 60)
		ms = 60;
	return codec_ops(codec)->ptime(codec, ms);
}

size_t codec_frames(enum media_codec codec, const uint8_t *payload, size_t n)
{
	size_t frames = n ? codec_ops(codec)->frames(codec, payload, n) : 0;

	return frames <= CODEC_PACKET_MAX_FRAMES ? frames : 0;
}

struct encoder *encoder_new(enum media_codec codec)
{
	return codec_ops(codec)->encoder_new(codec);
}

void encoder_free(struct encoder *encoder)
{
	if (encoder)
		encoder->ops->encoder_free(encoder);
}

void encoder_configure(struct encoder *encoder, const struct stream_codec *settings)
{
	encoder->ops->configure(encoder, settings);
}

void encoder_adapt(struct encoder *encoder, const struct codec_path *path)
{
	encoder->ops->adapt(encoder, path);
}

size_t encoder_encode(struct encoder *encoder, const int16_t *pcm, size_t frames, uint8_t *out, size_t room)
{
	return encoder->ops->encode(encoder, pcm, frames, out, room);
}

struct decoder *decoder_new(enum media_codec codec)
{
	return codec_ops(codec)->decoder_new(codec);
}

void decoder_free(struct decoder *decoder)
{
	if (decoder)
		decoder->ops->decoder_free(decoder);
}

size_t decoder_decode(struct decoder *decoder, const uint8_t *payload, size_t n, int16_t *pcm)
{
	/* Only what was measured to fit is decoded, so no decoder can write past `pcm`. */
	if (!codec_frames(decoder->ops->codec, payload, n))
		return 0;
	return decoder->ops->decode(decoder, payload, n, pcm);
}

bool decoder_carries_last(const struct decoder *decoder, const uint8_t *payload, size_t n)
{
	return decoder->ops->carries_last && decoder->ops->carries_last(payload, n);
}

size_t decoder_recover(struct decoder *decoder, const uint8_t *next, size_t n, int16_t *pcm, size_t frames)
{
	assert(frames <= CODEC_PACKET_MAX_FRAMES);
	return decoder->ops->recover ? decoder->ops->recover(decoder, next, n, pcm, frames) : 0;
}

void decoder_late(struct decoder *decoder, size_t frames)
{
	if (decoder->ops->late)
		decoder->ops->late(decoder, frames);
}

void decoder_conceal(struct decoder *decoder, int16_t *pcm, size_t frames)
{
	assert(frames <= CODEC_PACKET_MAX_FRAMES);
	decoder->ops->conceal(decoder, pcm, frames);
}

void encoder_describe(struct encoder *encoder, const int16_t *pcm, size_t frames, struct comfort_ear *ear,
		      struct comfort *noise)
{
	encoder->ops->describe(encoder, pcm, frames, ear, noise);
}

bool decoder_noise(struct decoder *decoder, const struct comfort *noise, int16_t pcm[CODEC_TICK_FRAMES])
{
	if (!decoder->ops->noise)
		return false;
	decoder->ops->noise(decoder, noise, pcm);
	return true;
}
