#include "media/codec/g711.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <speex/speex_resampler.h>
#include <string.h>

enum { RATE_HZ = 8000, RATIO = CODEC_RATE_HZ / RATE_HZ, TICK = RATE_HZ / 100, RESAMPLER_QUALITY = 3 };
enum { MU_BIAS = 132, MU_CLIP = 32635 };

/* ---- the two laws (ITU-T G.711, tables 1 and 2, as arithmetic) ---- */

/* Position of the highest bit of a magnitude, as the number of a segment: 0 for less than 256. */
static unsigned segment_of(unsigned magnitude)
{
	unsigned segment = 0;

	for (magnitude >>= 8; magnitude; magnitude >>= 1)
		segment++;
	return segment;
}

uint8_t g711_mu_encode(int16_t sample)
{
	int magnitude = sample < 0 ? -(int)sample : sample;
	unsigned sign = sample < 0 ? 0x80 : 0;

	if (magnitude > MU_CLIP)
		magnitude = MU_CLIP;
	magnitude += MU_BIAS;
	unsigned segment = segment_of((unsigned)magnitude);
	unsigned step = (unsigned)magnitude >> (segment + 3) & 15;
	return (uint8_t) ~(sign | segment << 4 | step);
}

int16_t g711_mu_decode(uint8_t code)
{
	unsigned bits = ~(unsigned)code & 0xff;
	int magnitude = (int)(((bits & 15) << 3) + MU_BIAS) << (bits >> 4 & 7);

	magnitude -= MU_BIAS;
	return (int16_t)(bits & 0x80 ? -magnitude : magnitude);
}

uint8_t g711_a_encode(int16_t sample)
{
	unsigned magnitude = (unsigned)(sample < 0 ? -1 - (int)sample : sample);
	unsigned segment = segment_of(magnitude);
	unsigned step = magnitude >> (segment ? segment + 3 : 4) & 15;
	unsigned bits = segment << 4 | step | (sample < 0 ? 0 : 0x80);

	return (uint8_t)(bits ^ 0x55);
}

int16_t g711_a_decode(uint8_t code)
{
	unsigned bits = code ^ 0x55u;
	unsigned segment = bits >> 4 & 7;
	int magnitude = (int)((bits & 15) << 4 | 8);

	if (segment)
		magnitude = (magnitude + 0x100) << (segment - 1);
	return (int16_t)(bits & 0x80 ? magnitude : -magnitude);
}

/* ---- concealment ---- */

enum { LAG_MIN = 40, LAG_MAX = 120, TEMPLATE = 160, JOIN_MAX = TICK, FADE_END = 6 * TICK };

static void remember(struct conceal *conceal, const int16_t *samples, size_t n)
{
	if (n >= CONCEAL_HISTORY) {
		memcpy(conceal->history, samples + n - CONCEAL_HISTORY, sizeof conceal->history);
		return;
	}
	memmove(conceal->history, conceal->history + n, (CONCEAL_HISTORY - n) * sizeof *samples);
	memcpy(conceal->history + CONCEAL_HISTORY - n, samples, n * sizeof *samples);
}

/* How well the last 20 ms repeat after `lag` samples: squared normalised correlation, -1 for opposite phase. */
static double likeness(const int16_t *end, size_t lag)
{
	int64_t product = 0, energy = 1;

	for (int i = -TEMPLATE; i < 0; i++) {
		int64_t past = end[i - (int)lag];
		product += end[i] * past;
		energy += past * past;
	}
	return product <= 0 ? -1 : (double)product * (double)product / (double)energy;
}

static size_t find_pitch(const struct conceal *conceal)
{
	const int16_t *end = conceal->history + CONCEAL_HISTORY;
	size_t best = LAG_MIN;
	double most = -1;

	for (size_t lag = LAG_MIN; lag <= LAG_MAX; lag++) {
		double value = likeness(end, lag);
		/* A little more for shorter lags: of equal multiples the shortest is the pitch. */
		if (value > most * 1.02 || most < 0) {
			most = value;
			best = lag;
		}
	}
	return best;
}

/*
 * Take the last `periods` pitch periods as the loop, with its end bent towards its beginning over a quarter of a
 * period.
 */
static void make_loop(struct conceal *conceal, size_t periods)
{
	size_t size = conceal->lag * periods, quarter = conceal->lag / 4;
	const int16_t *from = conceal->before + CONCEAL_HISTORY - size;

	assert(size <= CONCEAL_LOOP_MAX);
	memcpy(conceal->loop, from, size * sizeof *from);
	if (CONCEAL_HISTORY >= size + quarter) {
		for (size_t i = 0; i < quarter; i++) {
			int w = (int)((i + 1) * 256 / (quarter + 1));
			int16_t *to = &conceal->loop[size - quarter + i];
			*to = (int16_t)((*to * (256 - w) + from[(ptrdiff_t)i - (ptrdiff_t)quarter] * w) / 256);
		}
	}
	conceal->periods = periods;
	conceal->loop_size = size;
}

/* Full for 10 ms, then straight to nothing at 60 ms. In 1/1024. */
static int gain_at(size_t lost)
{
	if (lost < TICK)
		return 1024;
	if (lost >= FADE_END)
		return 0;
	return (int)((FADE_END - lost) * 1024 / (FADE_END - TICK));
}

static int16_t next_invented(struct conceal *conceal)
{
	if (conceal->lost && conceal->lost % TICK == 0 && conceal->periods < 3 && conceal->lost <= 2 * TICK) {
		make_loop(conceal, conceal->periods + 1);
		/* The new loop ends with the old one, so the phase is kept by counting from there. */
		conceal->at = conceal->loop_size - conceal->lag + conceal->at % conceal->lag;
	}
	int sample = conceal->loop[conceal->at] * gain_at(conceal->lost) / 1024;
	conceal->at = (conceal->at + 1) % conceal->loop_size;
	conceal->lost++;
	return (int16_t)sample;
}

void conceal_lost(struct conceal *conceal, int16_t *samples, size_t n)
{
	if (!conceal->lost) {
		memcpy(conceal->before, conceal->history, sizeof conceal->before);
		conceal->lag = find_pitch(conceal);
		make_loop(conceal, 1);
		conceal->at = 0;
	}
	for (size_t i = 0; i < n; i++)
		samples[i] = next_invented(conceal);
	remember(conceal, samples, n);
}

void conceal_good(struct conceal *conceal, int16_t *samples, size_t n)
{
	if (conceal->lost) {
		size_t join = TICK / 2 + conceal->lost / 4;
		if (join > JOIN_MAX)
			join = JOIN_MAX;
		if (join > n)
			join = n;
		for (size_t i = 0; i < join; i++) {
			int w = (int)((i + 1) * 256 / (join + 1));
			samples[i] = (int16_t)((samples[i] * w + next_invented(conceal) * (256 - w)) / 256);
		}
		conceal->lost = 0;
	}
	remember(conceal, samples, n);
}

/* ---- the codec ---- */

struct g711_encoder {
	struct encoder base;
	SpeexResamplerState *down;
	bool quiet;              /* the last packet was nothing but zeros, and so is the resampler's memory */
};

struct g711_decoder {
	struct decoder base;
	SpeexResamplerState *up;
	bool quiet;
	struct conceal conceal;
};

/* Zeros after zeros need no resampling: that is most of the work for calls that wait. */
static bool all_zero(const int16_t *pcm, size_t n)
{
	int bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= pcm[i];
	return !bits;
}

static const struct codec_ops *ops_of(enum media_codec codec)
{
	return codec == MEDIA_PCMA ? &g711_a_ops : &g711_mu_ops;
}

static struct encoder *new_encoder(enum media_codec codec)
{
	int error;
	SpeexResamplerState *down = speex_resampler_init(1, CODEC_RATE_HZ, RATE_HZ, RESAMPLER_QUALITY, &error);
	if (!down)
		return NULL;
	struct g711_encoder *encoder = xcalloc(1, sizeof *encoder);
	encoder->base.ops = ops_of(codec);
	encoder->down = down;
	return &encoder->base;
}

static void free_encoder(struct encoder *base)
{
	struct g711_encoder *encoder = CONTAINER_OF(base, struct g711_encoder, base);

	speex_resampler_destroy(encoder->down);
	free(encoder);
}

static struct decoder *new_decoder(enum media_codec codec)
{
	int error;
	SpeexResamplerState *up = speex_resampler_init(1, RATE_HZ, CODEC_RATE_HZ, RESAMPLER_QUALITY, &error);
	if (!up)
		return NULL;
	struct g711_decoder *decoder = xcalloc(1, sizeof *decoder);
	decoder->base.ops = ops_of(codec);
	decoder->up = up;
	return &decoder->base;
}

static void free_decoder(struct decoder *base)
{
	struct g711_decoder *decoder = CONTAINER_OF(base, struct g711_decoder, base);

	speex_resampler_destroy(decoder->up);
	free(decoder);
}

static uint32_t ptime(uint32_t wanted_ms)
{
	return wanted_ms;
}

static void configure(struct encoder *base, const struct stream_codec *settings)
{
	(void)base;
	(void)settings;
}

static void adapt(struct encoder *base, double loss, int complexity)
{
	(void)base;
	(void)loss;
	(void)complexity;
}

static size_t encode(struct encoder *base, const int16_t *pcm, size_t frames, uint8_t *out, size_t room)
{
	struct g711_encoder *encoder = CONTAINER_OF(base, struct g711_encoder, base);
	int16_t narrow[CODEC_PACKET_MAX_FRAMES / RATIO];
	size_t wanted = frames / RATIO;
	spx_uint32_t in = (spx_uint32_t)frames, got = ARRAY_LEN(narrow);

	if (wanted > room || wanted > ARRAY_LEN(narrow))
		return 0;
	bool zero = all_zero(pcm, frames);
	if (zero && encoder->quiet)
		got = 0;
	else
		speex_resampler_process_int(encoder->down, 0, pcm, &in, narrow, &got);
	encoder->quiet = zero;
	for (; got < wanted; got++)
		narrow[got] = 0;
	for (size_t i = 0; i < wanted; i++)
		out[i] = base->ops->codec == MEDIA_PCMA ? g711_a_encode(narrow[i]) : g711_mu_encode(narrow[i]);
	return wanted;
}

static size_t count_frames(const uint8_t *payload, size_t n)
{
	(void)payload;
	return n <= CODEC_PACKET_MAX_FRAMES / RATIO ? n * RATIO : 0;
}

static void widen(struct g711_decoder *decoder, const int16_t *narrow, size_t n, int16_t *pcm)
{
	spx_uint32_t in = (spx_uint32_t)n, got = (spx_uint32_t)(n * RATIO);
	bool zero = all_zero(narrow, n);

	if (zero && decoder->quiet)
		got = 0;
	else
		speex_resampler_process_int(decoder->up, 0, narrow, &in, pcm, &got);
	decoder->quiet = zero;
	for (; got < n * RATIO; got++)
		pcm[got] = 0;
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t n, int16_t *pcm)
{
	struct g711_decoder *decoder = CONTAINER_OF(base, struct g711_decoder, base);
	int16_t narrow[CODEC_PACKET_MAX_FRAMES / RATIO];

	for (size_t i = 0; i < n; i++)
		narrow[i] = base->ops->codec == MEDIA_PCMA ? g711_a_decode(payload[i]) : g711_mu_decode(payload[i]);
	conceal_good(&decoder->conceal, narrow, n);
	widen(decoder, narrow, n, pcm);
	return n * RATIO;
}

static void conceal(struct decoder *base, int16_t *pcm, size_t frames)
{
	struct g711_decoder *decoder = CONTAINER_OF(base, struct g711_decoder, base);
	int16_t narrow[CODEC_PACKET_MAX_FRAMES / RATIO];
	size_t n = frames / RATIO;

	conceal_lost(&decoder->conceal, narrow, n);
	widen(decoder, narrow, n, pcm);
	memset(pcm + n * RATIO, 0, (frames - n * RATIO) * sizeof *pcm);
}

#define G711(which, text)                                                                          \
	{                                                                                          \
		.codec = which, .name = text, .clock_rate = RATE_HZ, .delay_ms = 6,                \
		.impairment = 0, .robustness = 25.1, /* G.113 appendix I, with concealment */      \
		.encoder_new = new_encoder, .decoder_new = new_decoder,                            \
		.encoder_free = free_encoder, .decoder_free = free_decoder, .ptime = ptime,        \
		.configure = configure, .adapt = adapt, .encode = encode, .frames = count_frames,  \
		.decode = decode, .conceal = conceal                                               \
	}

const struct codec_ops g711_mu_ops = G711(MEDIA_PCMU, "PCMU");
const struct codec_ops g711_a_ops = G711(MEDIA_PCMA, "PCMA");
