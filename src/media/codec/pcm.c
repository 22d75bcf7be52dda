#include "media/codec/pcm.h"

#include "base/xmalloc.h"
#include "media/codec/conceal.h"

#include <assert.h>
#include <pthread.h>
#include <speex/speex_resampler.h>
#include <stddef.h>
#include <string.h>

enum { RESAMPLER_QUALITY = 3, NARROW_HZ = 8000, SPARES = 128, INVENTED_MAX = 1024 };

struct pcm_encoder {
	struct encoder base;
	const struct pcm_codec *codec;
	void *state;
	SpeexResamplerState *down; /* NULL: the codec's rate is ours */
	bool quiet;                /* the last packet was nothing but zeros, and so is the resampler's memory */
};

struct pcm_decoder {
	struct decoder base;
	const struct pcm_codec *codec;
	void *state;
	SpeexResamplerState *up;
	bool quiet;
	struct conceal conceal;
	int16_t invented[INVENTED_MAX + PCM_FOLLOW_AHEAD]; /* that the state has not followed yet */
	size_t invented_count;
	struct comfort_voice voice;
};

static const struct pcm_codec *codec_of(enum media_codec codec)
{
	return CONTAINER_OF(codec_ops(codec), struct pcm_codec, ops);
}

/* ---- lengths ---- */

static size_t bytes_of(const struct pcm_codec *codec, size_t samples)
{
	return samples * 2 / codec->samples_in_2_bytes;
}

static size_t samples_of(const struct pcm_codec *codec, size_t bytes)
{
	return bytes * codec->samples_in_2_bytes / 2;
}

/* To the nearest: 44.1 kHz does not divide evenly but in steps of 10 ms. */
static size_t frames_of(const struct pcm_codec *codec, size_t samples)
{
	return (samples * CODEC_RATE_HZ + codec->rate_hz / 2) / codec->rate_hz;
}

static size_t samples_at(const struct pcm_codec *codec, size_t frames)
{
	return frames * codec->rate_hz / CODEC_RATE_HZ;
}

uint32_t pcm_ptime(enum media_codec codec, uint32_t wanted_ms)
{
	uint32_t most = codec_of(codec)->packet_ms_max;

	return wanted_ms < most ? wanted_ms : most;
}

size_t pcm_frames(enum media_codec which, const uint8_t *payload, size_t n)
{
	const struct pcm_codec *codec = codec_of(which);

	(void)payload;
	return n <= CODEC_PAYLOAD_MAX_BYTES ? frames_of(codec, samples_of(codec, n)) : 0;
}

/* ---- life ---- */

/*
 * A resampler takes a filter of some thousand sines to make, which is more than all the signalling of a call. So a few
 * wait for the next call when their own is over; one that was reset is as good as new.
 */
static struct {
	pthread_mutex_t lock;
	SpeexResamplerState *state[SPARES];
	size_t count;
} spares = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool has_rates(SpeexResamplerState *state, uint32_t from_hz, uint32_t to_hz)
{
	spx_uint32_t from, to;

	speex_resampler_get_rate(state, &from, &to);
	return from == from_hz && to == to_hz;
}

static SpeexResamplerState *take_spare(uint32_t from_hz, uint32_t to_hz)
{
	SpeexResamplerState *found = NULL;

	pthread_mutex_lock(&spares.lock);
	for (size_t i = spares.count; i-- > 0 && !found;) {
		if (!has_rates(spares.state[i], from_hz, to_hz))
			continue;
		found = spares.state[i];
		spares.state[i] = spares.state[--spares.count];
	}
	pthread_mutex_unlock(&spares.lock);
	return found;
}

/* NULL is harmless. */
static void give_back(SpeexResamplerState *state)
{
	if (!state)
		return;
	pthread_mutex_lock(&spares.lock);
	if (spares.count < SPARES && speex_resampler_reset_mem(state) == RESAMPLER_ERR_SUCCESS) {
		spares.state[spares.count++] = state;
		state = NULL;
	}
	pthread_mutex_unlock(&spares.lock);
	if (state)
		speex_resampler_destroy(state);
}

static SpeexResamplerState *resampler(uint32_t from_hz, uint32_t to_hz, bool *good)
{
	int error = RESAMPLER_ERR_SUCCESS;
	SpeexResamplerState *state = from_hz == to_hz ? NULL : take_spare(from_hz, to_hz);

	if (from_hz != to_hz && !state)
		state = speex_resampler_init(1, from_hz, to_hz, RESAMPLER_QUALITY, &error);
	*good = error == RESAMPLER_ERR_SUCCESS;
	return state;
}

struct encoder *pcm_encoder_new(enum media_codec which)
{
	struct pcm_encoder *encoder = xcalloc(1, sizeof *encoder);
	bool good;

	encoder->codec = codec_of(which);
	encoder->base.ops = &encoder->codec->ops;
	encoder->down = resampler(CODEC_RATE_HZ, encoder->codec->rate_hz, &good);
	if (encoder->codec->state_new)
		good = (encoder->state = encoder->codec->state_new(false)) != NULL && good;
	if (good)
		return &encoder->base;
	pcm_encoder_free(&encoder->base);
	return NULL;
}

void pcm_encoder_free(struct encoder *base)
{
	struct pcm_encoder *encoder = CONTAINER_OF(base, struct pcm_encoder, base);

	give_back(encoder->down);
	if (encoder->state)
		encoder->codec->state_free(encoder->state, false);
	free(encoder);
}

struct decoder *pcm_decoder_new(enum media_codec which)
{
	struct pcm_decoder *decoder = xcalloc(1, sizeof *decoder);
	bool good;

	decoder->codec = codec_of(which);
	decoder->base.ops = &decoder->codec->ops;
	decoder->conceal.scale = decoder->codec->rate_hz / NARROW_HZ;
	decoder->up = resampler(decoder->codec->rate_hz, CODEC_RATE_HZ, &good);
	if (decoder->codec->state_new)
		good = (decoder->state = decoder->codec->state_new(true)) != NULL && good;
	if (good)
		return &decoder->base;
	pcm_decoder_free(&decoder->base);
	return NULL;
}

void pcm_decoder_free(struct decoder *base)
{
	struct pcm_decoder *decoder = CONTAINER_OF(base, struct pcm_decoder, base);

	give_back(decoder->up);
	if (decoder->state)
		decoder->codec->state_free(decoder->state, true);
	free(decoder);
}

void pcm_configure(struct encoder *base, const struct stream_codec *settings)
{
	(void)base;
	(void)settings;
}

void pcm_adapt(struct encoder *base, const struct codec_path *path)
{
	(void)base;
	(void)path;
}

/* ---- work ---- */

/* Zeros after zeros need no resampling: that is most of the work for calls that wait. */
static bool all_zero(const int16_t *pcm, size_t n)
{
	int bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= pcm[i];
	return !bits;
}

/* `wanted` samples of `n`, exactly; what a resampler still holds back at its beginning is silence. */
static void resample(SpeexResamplerState *state, bool *quiet, const int16_t *from, size_t n, int16_t *to, size_t wanted)
{
	spx_uint32_t in = (spx_uint32_t)n, got = (spx_uint32_t)wanted;
	bool zero = all_zero(from, n);

	if (zero && *quiet)
		got = 0;
	else if (state)
		speex_resampler_process_int(state, 0, from, &in, to, &got);
	else
		memcpy(to, from, wanted * sizeof *to);
	*quiet = zero;
	if (got < wanted)
		memset(to + got, 0, (wanted - got) * sizeof *to);
}

size_t pcm_encode(struct encoder *base, const int16_t *pcm, size_t frames, uint8_t *out, size_t room)
{
	struct pcm_encoder *encoder = CONTAINER_OF(base, struct pcm_encoder, base);
	const struct pcm_codec *codec = encoder->codec;
	int16_t samples[CODEC_PACKET_MAX_FRAMES];
	size_t n = samples_at(codec, frames), bytes = bytes_of(codec, n);

	if (bytes > room || n > ARRAY_LEN(samples))
		return 0;
	resample(encoder->down, &encoder->quiet, pcm, frames, samples, n);
	codec->encode(encoder->state, samples, n, out);
	return bytes;
}

static size_t to_48k(struct pcm_decoder *decoder, const int16_t *samples, size_t n, int16_t *pcm)
{
	size_t frames = frames_of(decoder->codec, n);

	resample(decoder->up, &decoder->quiet, samples, n, pcm, frames);
	return frames;
}

/* ---- what was invented ---- */

/* The state goes on to the first `n` of what was invented; what is behind those is known as far as it was invented. */
static void follow(struct pcm_decoder *decoder, size_t n)
{
	size_t kept = decoder->invented_count;

	if (kept)
		conceal_peek(&decoder->conceal, decoder->invented + kept, PCM_FOLLOW_AHEAD);
	decoder->codec->follow(decoder->state, decoder->invented, n / 2 * 2);
	decoder->invented_count = 0;
}

static void catch_up(struct pcm_decoder *decoder)
{
	if (decoder->invented_count)
		follow(decoder, decoder->invented_count);
}

static void keep_invented(struct pcm_decoder *decoder, const int16_t *samples, size_t n)
{
	if (!decoder->codec->follow)
		return;
	while (n) {
		if (decoder->invented_count == INVENTED_MAX)
			catch_up(decoder);
		size_t fits = INVENTED_MAX - decoder->invented_count;
		size_t part = n < fits ? n : fits;
		memcpy(decoder->invented + decoder->invented_count, samples, part * sizeof *samples);
		decoder->invented_count += part;
		samples += part;
		n -= part;
	}
}

void pcm_late(struct decoder *base, size_t frames)
{
	struct pcm_decoder *decoder = CONTAINER_OF(base, struct pcm_decoder, base);
	size_t late = samples_at(decoder->codec, frames), kept = decoder->invented_count;

	if (kept)
		follow(decoder, kept > late ? kept - late : 0);
}

/* ---- decoding ---- */

size_t pcm_decode(struct decoder *base, const uint8_t *payload, size_t n, int16_t *pcm)
{
	struct pcm_decoder *decoder = CONTAINER_OF(base, struct pcm_decoder, base);
	int16_t samples[CODEC_PACKET_MAX_FRAMES];
	size_t count = samples_of(decoder->codec, n);

	catch_up(decoder);
	decoder->codec->decode(decoder->state, payload, bytes_of(decoder->codec, count), samples);
	conceal_good(&decoder->conceal, samples, count);
	return to_48k(decoder, samples, count, pcm);
}

void pcm_conceal(struct decoder *base, int16_t *pcm, size_t frames)
{
	struct pcm_decoder *decoder = CONTAINER_OF(base, struct pcm_decoder, base);
	int16_t samples[CODEC_PACKET_MAX_FRAMES];
	size_t n = samples_at(decoder->codec, frames);

	conceal_lost(&decoder->conceal, samples, n);
	keep_invented(decoder, samples, n);
	resample(decoder->up, &decoder->quiet, samples, n, pcm, frames);
}

void pcm_describe(struct encoder *base, const int16_t *pcm, size_t frames, struct comfort_ear *ear,
		  struct comfort *noise)
{
	struct pcm_encoder *encoder = CONTAINER_OF(base, struct pcm_encoder, base);
	int16_t samples[CODEC_PACKET_MAX_FRAMES];
	size_t n = samples_at(encoder->codec, frames);

	*noise = (struct comfort){ .level = 127 };
	if (n > ARRAY_LEN(samples))
		return;
	resample(encoder->down, &encoder->quiet, pcm, frames, samples, n);
	comfort_listen(ear, samples, n, noise);
}

void pcm_noise(struct decoder *base, const struct comfort *noise, int16_t pcm[CODEC_TICK_FRAMES])
{
	struct pcm_decoder *decoder = CONTAINER_OF(base, struct pcm_decoder, base);
	int16_t samples[CODEC_TICK_FRAMES];
	size_t n = samples_at(decoder->codec, CODEC_TICK_FRAMES);

	comfort_speak(&decoder->voice, noise, samples, n);
	resample(decoder->up, &decoder->quiet, samples, n, pcm, CODEC_TICK_FRAMES);
}

/*
 * Decode what is behind a hole of `hole` samples without coming to be there: the state stays as it is. A copy of it
 * that learns follows `guess`, what is heard in the hole and PCM_FOLLOW_AHEAD samples behind it.
 */
static void look_ahead(const struct pcm_decoder *decoder, const uint8_t *next, size_t count, const int16_t *guess,
		       size_t hole, int16_t *samples)
{
	const struct pcm_codec *codec = decoder->codec;
	_Alignas(max_align_t) uint8_t state[PCM_STATE_MAX];

	assert(codec->state_bytes <= sizeof state);
	if (decoder->state)
		memcpy(state, decoder->state, codec->state_bytes);
	if (codec->follow)
		codec->follow(state, guess, hole);
	codec->decode(decoder->state ? state : NULL, next, bytes_of(codec, count), samples);
}

/* A hole of `hole` samples with `count` behind it. `heard` gets the hole and PCM_FOLLOW_AHEAD of those. */
static void fill_hole(struct pcm_decoder *decoder, const uint8_t *next, size_t count, int16_t *heard, size_t hole)
{
	int16_t behind[CODEC_PACKET_MAX_FRAMES];
	size_t ahead = count < PCM_FOLLOW_AHEAD ? count : PCM_FOLLOW_AHEAD;

	memset(heard, 0, (hole + PCM_FOLLOW_AHEAD) * sizeof *heard);
	if (decoder->codec->follow)
		conceal_peek(&decoder->conceal, heard, hole + PCM_FOLLOW_AHEAD);
	look_ahead(decoder, next, count, heard, hole, behind);
	conceal_between(&decoder->conceal, behind, count, heard, hole);
	memcpy(heard + hole, behind, ahead * sizeof *heard);
}

size_t pcm_recover(struct decoder *base, const uint8_t *next, size_t n, int16_t *pcm, size_t frames)
{
	struct pcm_decoder *decoder = CONTAINER_OF(base, struct pcm_decoder, base);
	int16_t heard[CODEC_PACKET_MAX_FRAMES + PCM_FOLLOW_AHEAD];
	size_t hole = samples_at(decoder->codec, frames), count = samples_of(decoder->codec, n);

	if (!pcm_frames(decoder->codec->ops.codec, next, n))
		return 0;
	catch_up(decoder);
	fill_hole(decoder, next, count, heard, hole);
	if (decoder->codec->follow)
		decoder->codec->follow(decoder->state, heard, hole);
	resample(decoder->up, &decoder->quiet, heard, hole, pcm, frames);
	return frames;
}
