#include "media/codec/opus.h"

#include "base/xmalloc.h"

#include <opus/opus.h>
#include <string.h>

enum { CLEAN_BITRATE = 48000, LEAST_BITRATE = 6000 };

struct opus_encoder {
	struct encoder base;
	OpusEncoder *state;
	bool fec;                 /* the peer asked for it */
	int loss_percent, complexity;
};

struct opus_decoder {
	struct decoder base;
	OpusDecoder *state;
};

static struct encoder *new_encoder(enum media_codec codec)
{
	(void)codec;
	int error;
	OpusEncoder *state = opus_encoder_create(CODEC_RATE_HZ, 1, OPUS_APPLICATION_VOIP, &error);
	if (!state)
		return NULL;
	struct opus_encoder *encoder = xcalloc(1, sizeof *encoder);
	encoder->base.ops = &opus_ops;
	encoder->state = state;
	encoder->complexity = 9;
	opus_encoder_ctl(state, OPUS_SET_COMPLEXITY(9));
	opus_encoder_ctl(state, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	return &encoder->base;
}

static void free_encoder(struct encoder *base)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);

	opus_encoder_destroy(encoder->state);
	free(encoder);
}

static struct decoder *new_decoder(enum media_codec codec)
{
	(void)codec;
	int error;
	OpusDecoder *state = opus_decoder_create(CODEC_RATE_HZ, 1, &error);
	if (!state)
		return NULL;
	struct opus_decoder *decoder = xcalloc(1, sizeof *decoder);
	decoder->base.ops = &opus_ops;
	decoder->state = state;
	return &decoder->base;
}

static void free_decoder(struct decoder *base)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);

	opus_decoder_destroy(decoder->state);
	free(decoder);
}

/* libopus has frames of 10, 20, 40 and 60 ms. */
static uint32_t ptime(enum media_codec codec, uint32_t wanted_ms)
{
	(void)codec;
	return wanted_ms == 30 ? 20 : wanted_ms == 50 ? 40 : wanted_ms;
}

static void configure(struct encoder *base, const struct stream_codec *settings)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);
	uint32_t bitrate = CLEAN_BITRATE;

	if (settings->max_bitrate && settings->max_bitrate < bitrate)
		bitrate = settings->max_bitrate < LEAST_BITRATE ? LEAST_BITRATE : settings->max_bitrate;
	encoder->fec = settings->fec;
	opus_encoder_ctl(encoder->state, OPUS_SET_BITRATE((opus_int32)bitrate));
	opus_encoder_ctl(encoder->state, OPUS_SET_VBR(!settings->cbr));
	opus_encoder_ctl(encoder->state, OPUS_SET_DTX(settings->dtx));
	opus_encoder_ctl(encoder->state, OPUS_SET_INBAND_FEC(encoder->fec && encoder->loss_percent > 0));
}

/* The bits of FEC are taken from the speech: below one percent of loss it costs more than it gives. */
static void adapt(struct encoder *base, double loss, int complexity)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);
	int percent = loss < 0.01 ? 0 : loss > 0.3 ? 30 : (int)(loss * 100 + 0.5);

	if (percent != encoder->loss_percent) {
		encoder->loss_percent = percent;
		opus_encoder_ctl(encoder->state, OPUS_SET_PACKET_LOSS_PERC(percent));
		opus_encoder_ctl(encoder->state, OPUS_SET_INBAND_FEC(encoder->fec && percent > 0));
	}
	if (complexity != encoder->complexity) {
		encoder->complexity = complexity;
		opus_encoder_ctl(encoder->state, OPUS_SET_COMPLEXITY(complexity));
	}
}

static size_t encode(struct encoder *base, const int16_t *pcm, size_t frames, uint8_t *out, size_t room)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);
	opus_int32 n = opus_encode(encoder->state, pcm, (int)frames, out, (opus_int32)room);

	/* Up to 2 bytes is DTX: nothing need be sent (opus_encode(3)). */
	return n > 2 ? (size_t)n : 0;
}

static size_t count_frames(enum media_codec codec, const uint8_t *payload, size_t n)
{
	(void)codec;
	if (n > CODEC_PAYLOAD_MAX_BYTES)
		return 0;
	int frames = opus_packet_get_nb_samples(payload, (opus_int32)n, CODEC_RATE_HZ);
	return frames > 0 ? (size_t)frames : 0;
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t n, int16_t *pcm)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);
	int frames = opus_decode(decoder->state, payload, (opus_int32)n, pcm, CODEC_PACKET_MAX_FRAMES, 0);

	return frames > 0 ? (size_t)frames : 0;
}

static size_t recover(struct decoder *base, const uint8_t *next, size_t n, int16_t *pcm, size_t frames)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);

	if (!count_frames(MEDIA_OPUS, next, n))
		return 0;
	/* Without FEC in the packet libopus conceals, which is what the caller would do next. */
	return opus_decode(decoder->state, next, (opus_int32)n, pcm, (int)frames, 1) == (int)frames ? frames : 0;
}

static void conceal(struct decoder *base, int16_t *pcm, size_t frames)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);

	if (opus_decode(decoder->state, NULL, 0, pcm, (int)frames, 0) != (int)frames)
		memset(pcm, 0, frames * sizeof *pcm);
}

const struct codec_ops opus_ops = {
	.codec = MEDIA_OPUS,
	.clock_rate = CODEC_RATE_HZ,
	.delay_ms = 7,
	.impairment = 0,
	.robustness = 16, /* no ITU table has Opus; fitted to listening-model scores at 5 to 20 % loss */
	.encoder_new = new_encoder,
	.decoder_new = new_decoder,
	.encoder_free = free_encoder,
	.decoder_free = free_decoder,
	.ptime = ptime,
	.configure = configure,
	.adapt = adapt,
	.encode = encode,
	.frames = count_frames,
	.decode = decode,
	.recover = recover,
	.conceal = conceal,
};
