/*
 * What codecs of samples have in common: samples of one rate become bytes and back, by nothing or by little state.
 * Resampling (speexdsp) and concealment are the same for all.
 */
#pragma once

#include "media/codec/codec.h"

/* PCM_FOLLOW_AHEAD: samples behind those that are followed, which their filters reach into. */
enum { PCM_STATE_MAX = 512, PCM_FOLLOW_AHEAD = 22, PCM_CONCEAL_STEP = 6 /* one sample at 8 kHz */ };

struct pcm_codec {
	struct codec_ops ops;             /* made by PCM_OPS */
	uint32_t rate_hz;
	unsigned samples_in_2_bytes;
	uint32_t packet_ms_max;           /* what is sent must pass an Ethernet */
	size_t state_bytes;               /* up to PCM_STATE_MAX; 0: it has none */
	void *(*state_new)(bool decodes); /* NULL: none */
	void (*state_free)(void *state, bool decodes);
	void (*encode)(void *state, const int16_t *samples, size_t n, uint8_t *bytes);
	void (*decode)(void *state, const uint8_t *bytes, size_t n, int16_t *samples); /* n: bytes */
	/*
	 * A decoder that learns from what it decodes has to learn from what was invented in its place, or it takes
	 * what comes then for what it is not: be as if these `n` samples (even) had been decoded. PCM_FOLLOW_AHEAD
	 * samples that are heard behind them follow in the array. NULL: it does not learn.
	 */
	void (*follow)(void *state, const int16_t *heard, size_t n);
};

struct encoder *pcm_encoder_new(enum media_codec codec);
void pcm_encoder_free(struct encoder *base);
struct decoder *pcm_decoder_new(enum media_codec codec);
void pcm_decoder_free(struct decoder *base);
void pcm_configure(struct encoder *base, const struct stream_codec *settings);
void pcm_adapt(struct encoder *base, const struct codec_path *path);
size_t pcm_encode(struct encoder *base, const int16_t *pcm, size_t frames, uint8_t *out, size_t room);
size_t pcm_decode(struct decoder *base, const uint8_t *payload, size_t n, int16_t *pcm);
void pcm_conceal(struct decoder *base, int16_t *pcm, size_t frames);
void pcm_describe(struct encoder *base, const int16_t *pcm, size_t frames, struct comfort_ear *ear,
		  struct comfort *noise);
void pcm_noise(struct decoder *base, const struct comfort *noise, int16_t pcm[CODEC_TICK_FRAMES]);
void pcm_late(struct decoder *base, size_t frames);
/** Nothing is repeated in `next`, but with it the hole before it is filled from both its ends. */
size_t pcm_recover(struct decoder *base, const uint8_t *next, size_t n, int16_t *pcm, size_t frames);
uint32_t pcm_ptime(enum media_codec codec, uint32_t wanted_ms);
size_t pcm_frames(enum media_codec codec, const uint8_t *payload, size_t n);

#define PCM_OPS(which, clock, delay, wideband, ie, bpl)                                                                \
	{                                                                                                              \
		.codec = which, .clock_rate = clock, .delay_ms = delay, .wide = wideband, .impairment = ie,            \
		.robustness = bpl, .encoder_new = pcm_encoder_new, .decoder_new = pcm_decoder_new,                     \
		.encoder_free = pcm_encoder_free, .decoder_free = pcm_decoder_free, .ptime = pcm_ptime,                \
		.configure = pcm_configure, .adapt = pcm_adapt, .encode = pcm_encode, .frames = pcm_frames,            \
		.decode = pcm_decode, .joins = true, .recover = pcm_recover, .conceal = pcm_conceal,                   \
		.conceal_step = PCM_CONCEAL_STEP,                                                                      \
		.late = pcm_late,                                                                                      \
		.describe = pcm_describe, .noise = pcm_noise                                                           \
	}
