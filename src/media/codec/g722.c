/*
 * Two bands of 8 kHz, split and joined by a mirror filter (QMF); each is ADPCM with a predictor of two poles and six
 * zeros. The names are those of the recommendation's blocks, the arithmetic is its 16 bits.
 */
#include "media/codec/g722.h"

#include "base/xmalloc.h"

#include <string.h>

enum { TAPS = 12, ZEROS = 6, LOW = 0, HIGH = 1 };

struct band {
	int nb, det;             /* logarithm of the step, the step */
	int s, sz;               /* what is predicted, and the part that the zeros predict */
	int r[3], p[3], a[3];    /* 1 is the newest of what was reconstructed; 0 is being worked on */
	int d[ZEROS + 1], b[ZEROS + 1];
};

struct g722_state {
	struct band bands[2];
	int x[2 * TAPS];         /* of the mirror filter, the newest last */
};

static const int QMF[TAPS] = { 3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11 };

/* The low band: decision levels (30 of a side), codes, and what they mean with 6 and with 4 bits. */
static const int Q6[30] = { 0,   35,  72,  110, 150, 190,  233,  276,  323,  370,  422,  473,  530,  587,  650,
			    714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919 };
static const int QM6[64] = {
	-136,   -136,   -136,   -136,   -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
	-9360,  -8576,  -7856,  -7192,  -6576,  -6000,  -5456,  -4944,  -4464,  -4008,  -3576,  -3168,  -2776,
	-2400,  -2032,  -1688,  -1360,  -1040,  -728,   24808,  21904,  19008,  16704,  14984,  13512,  12280,
	11192,  10232,  9360,   8576,   7856,   7192,   6576,   6000,   5456,   4944,   4464,   4008,   3576,
	3168,   2776,   2400,   2032,   1688,   1360,   1040,   728,    432,    136,    -432,   -136,
};
static const int QM4[16] = { 0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
			     20456, 12896,  8968,   6288,  4240,  2584,  1200,  0 };
static const int WL[16] = { -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60 };
/* The high band: two bits. */
static const int QM2[4] = { -7408, -1616, 7408, 1616 };
static const int WH[4] = { 798, -214, 798, -214 };
/* 2048 * 2^(i/32) */
static const int ILB[32] = { 2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543,
			     2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
			     3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008 };

static int clamp(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

static int saturate(int value)
{
	return clamp(value, INT16_MIN, INT16_MAX);
}

/* ---- one band ---- */

/* UPPOL2, UPPOL1: the poles follow the signs of what came. */
static void adapt_poles(struct band *band)
{
	bool same1 = (band->p[0] < 0) == (band->p[1] < 0), same2 = (band->p[0] < 0) == (band->p[2] < 0);
	int four = saturate(band->a[1] * 4), turned = same1 ? -four : four;

	int second = (clamp(turned, INT16_MIN, INT16_MAX) >> 7) + (same2 ? 128 : -128) + (band->a[2] * 32512 >> 15);
	band->a[2] = clamp(second, -12288, 12288);
	int first = saturate((same1 ? 192 : -192) + (band->a[1] * 32640 >> 15));
	int limit = saturate(15360 - band->a[2]);
	band->a[1] = clamp(first, -limit, limit);
}

/* UPZERO */
static void adapt_zeros(struct band *band)
{
	int step = band->d[0] ? 128 : 0;

	for (int i = 1; i <= ZEROS; i++) {
		bool same = (band->d[i] < 0) == (band->d[0] < 0);
		band->b[i] = saturate((same ? step : -step) + (band->b[i] * 32640 >> 15));
	}
}

/* FILTEP, FILTEZ, PREDIC */
static void predict(struct band *band)
{
	int poles = saturate((band->a[1] * saturate(2 * band->r[1]) >> 15) +
			     (band->a[2] * saturate(2 * band->r[2]) >> 15));
	int zeros = 0;

	for (int i = ZEROS; i > 0; i--)
		zeros += band->b[i] * saturate(2 * band->d[i]) >> 15;
	band->sz = saturate(zeros);
	band->s = saturate(poles + band->sz);
}

/* A quantized difference: reconstruct, learn, predict the next sample. */
static void step(struct band *band, int difference)
{
	band->d[0] = difference;
	band->r[0] = saturate(band->s + difference);
	band->p[0] = saturate(band->sz + difference);
	adapt_poles(band);
	adapt_zeros(band);
	memmove(&band->d[1], &band->d[0], ZEROS * sizeof band->d[0]);
	memmove(&band->r[1], &band->r[0], 2 * sizeof band->r[0]);
	memmove(&band->p[1], &band->p[0], 2 * sizeof band->p[0]);
	predict(band);
}

/* LOGSCL, SCALEL; LOGSCH, SCALEH */
static void scale(struct band *band, int weight, int most, int shift)
{
	band->nb = clamp((band->nb * 127 >> 7) + weight, 0, most);
	int by = shift - (band->nb >> 11), base = ILB[band->nb >> 6 & 31];
	band->det = (by < 0 ? base << -by : base >> by) * 4;
}

static void step_low(struct band *band, unsigned code)
{
	int difference = band->det * QM4[code >> 2] >> 15;

	scale(band, WL[code >> 2], 18432, 8);
	step(band, difference);
}

static void step_high(struct band *band, unsigned code)
{
	int difference = band->det * QM2[code] >> 15;

	scale(band, WH[code], 22528, 10);
	step(band, difference);
}

/* QUANTL */
static unsigned quantize_low(const struct band *band, int sample)
{
	int error = saturate(sample - band->s), magnitude = error < 0 ? -(error + 1) : error;
	unsigned level = 1;

	while (level < ARRAY_LEN(Q6) && magnitude >= Q6[level] * band->det >> 12)
		level++;
	if (error >= 0)
		return 62 - level;
	return level < 3 ? 64 - level : 34 - level;
}

/* QUANTH */
static unsigned quantize_high(const struct band *band, int sample)
{
	int error = saturate(sample - band->s), magnitude = error < 0 ? -(error + 1) : error;
	bool large = magnitude >= 564 * band->det >> 12;

	return error < 0 ? (large ? 0 : 1) : (large ? 2 : 3);
}

/* ---- both ---- */

static void *state_new(bool decodes)
{
	struct g722_state *state = xcalloc(1, sizeof *state);

	(void)decodes;
	state->bands[LOW].det = 32;
	state->bands[HIGH].det = 8;
	return state;
}

static void state_free(void *state, bool decodes)
{
	(void)decodes;
	free(state);
}

static void shift_in(struct g722_state *state, int first, int second)
{
	memmove(state->x, state->x + 2, (2 * TAPS - 2) * sizeof *state->x);
	state->x[2 * TAPS - 2] = first;
	state->x[2 * TAPS - 1] = second;
}

static void filter(const int *x, int *even, int *odd)
{
	*even = *odd = 0;
	for (int i = 0; i < TAPS; i++) {
		*odd += x[2 * i] * QMF[i];
		*even += x[2 * i + 1] * QMF[TAPS - 1 - i];
	}
}

static void encode(void *arg, const int16_t *samples, size_t n, uint8_t *bytes)
{
	struct g722_state *state = arg;
	struct band *low = &state->bands[LOW], *high = &state->bands[HIGH];

	for (size_t i = 0; i + 1 < n; i += 2) {
		int even, odd;
		shift_in(state, samples[i], samples[i + 1]);
		filter(state->x, &even, &odd);
		unsigned low_code = quantize_low(low, (even + odd) >> 14);
		unsigned high_code = quantize_high(high, (even - odd) >> 14);
		step_low(low, low_code);
		step_high(high, high_code);
		bytes[i / 2] = (uint8_t)(high_code << 6 | low_code);
	}
}

/* One code of both bands: what is heard then, but for the mirror filter, and what is learnt of it. */
static void take(struct g722_state *state, unsigned low_code, unsigned high_code)
{
	struct band *low = &state->bands[LOW], *high = &state->bands[HIGH];
	int low_sample = clamp(low->s + (low->det * QM6[low_code] >> 15), -16384, 16383);
	int high_sample = clamp(high->s + (high->det * QM2[high_code] >> 15), -16384, 16383);

	step_low(low, low_code);
	step_high(high, high_code);
	shift_in(state, low_sample + high_sample, low_sample - high_sample);
}

static void decode(void *arg, const uint8_t *bytes, size_t n, int16_t *samples)
{
	struct g722_state *state = arg;

	for (size_t i = 0; i < n; i++) {
		int even, odd;
		take(state, bytes[i] & 63, bytes[i] >> 6);
		filter(state->x, &even, &odd);
		samples[2 * i] = (int16_t)saturate(even >> 11);
		samples[2 * i + 1] = (int16_t)saturate(odd >> 11);
	}
}

/* What an encoder would have said for this to be heard. Both filters together delay by PCM_FOLLOW_AHEAD. */
static void follow(void *arg, const int16_t *heard, size_t n)
{
	struct g722_state *state = arg;

	for (size_t i = 0; i + 1 < n; i += 2) {
		int x[2 * TAPS], even, odd;
		for (size_t k = 0; k < ARRAY_LEN(x); k++)
			x[k] = heard[i + k];
		filter(x, &even, &odd);
		take(state, quantize_low(&state->bands[LOW], (even + odd) >> 14),
		     quantize_high(&state->bands[HIGH], (even - odd) >> 14));
	}
}

const struct pcm_codec g722 = {
	.ops = PCM_OPS(MEDIA_G722, 8000, 5, true, 13, 20),
	.rate_hz = 16000, .samples_in_2_bytes = 4, .packet_ms_max = 60,
	.state_bytes = sizeof(struct g722_state),
	.state_new = state_new, .state_free = state_free, .encode = encode, .decode = decode,
	.follow = follow,
};
