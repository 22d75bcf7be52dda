#include "media/tone.h"

#include <complex.h>
#include <math.h>
#include <string.h>

enum { RATE_HZ = 48000, FFT_BITS = 12, FFT_SIZE = 1 << FFT_BITS, EDGE_FRAMES = 240, CADENCE_MAX = 6 };
static const double AMPLITUDE = 3276.8; /* each frequency: -20 dB; two of them: -17 dB */
static const double LEAST_HZ = 30, MOST_HZ = 3800;

enum { KINDS = TONE_ERROR + 1 };

/* Cadences are on, off, on, off ... in ms; all 0: without end. */
struct pattern {
	double hz[2];
	uint32_t cadence_ms[CADENCE_MAX];
};

/* The ringer is the same everywhere. In the order of ENGINE_RINGS. */
static const struct pattern RINGS[] = {
	{ { 660, 880 }, { 400, 200, 400, 2000 } },
	{ { 1000, 1250 }, { 60, 40, 60, 40, 60, 1740 } },
	{ { 523.25, 783.99 }, { 700, 300, 700, 3000 } },
	{ { 1000, 1000 }, { 150, 2850 } },
	{ { 0, 0 }, { 0 } },
};

/* ITU-T E.180, supplement 2. Tones that are modulated there have the two side bands here. */
static const struct {
	char country[3];
	struct pattern patterns[KINDS];
} COUNTRIES[] = {
#define COUNTRY(name, ringback, busy, waiting, error)                                                                  \
	{ name, { [TONE_RINGBACK] = { ringback }, [TONE_BUSY] = { busy }, [TONE_WAITING] = { waiting },                \
		  [TONE_ERROR] = { error } } },
#define TONE(a, b, ...) { a, b }, { __VA_ARGS__ }
#include "media/tones.def"
#undef TONE
#undef COUNTRY
};

static const struct pattern *pattern_of(const struct tone *tone, enum engine_tone which)
{
	return which == TONE_RING ? &RINGS[tone->ring] : &COUNTRIES[tone->country].patterns[which];
}

bool tone_country_find(struct slice name, size_t *country)
{
	for (size_t i = 0; i < ARRAY_LEN(COUNTRIES); i++)
		if (slice_ieq(name, slice_of(COUNTRIES[i].country))) {
			*country = i;
			return true;
		}
	return false;
}

bool tone_ring_find(struct slice name, size_t *ring)
{
	struct slice rest = SLICE(ENGINE_RINGS);

	for (*ring = 0; rest.p; ++*ring)
		if (slice_eq(slice_cut(&rest, '|'), name))
			return true;
	return false;
}

void tone_start(struct tone *tone, enum engine_tone which)
{
	/* The tone that ends keeps its pattern until its edge is over, so only the gain's goal changes then. */
	tone->which = which;
	tone->at = 0;
}

static bool is_on(const struct pattern *pattern, uint64_t at)
{
	uint64_t ms = at / (RATE_HZ / 1000), whole = 0;

	for (size_t i = 0; i < CADENCE_MAX; i++)
		whole += pattern->cadence_ms[i];
	if (!whole)
		return pattern->hz[0] > 0;
	ms %= whole;
	for (size_t i = 0; i < CADENCE_MAX; i++) {
		if (ms < pattern->cadence_ms[i])
			return i % 2 == 0;
		ms -= pattern->cadence_ms[i];
	}
	return false;
}

bool tone_fill(struct tone *tone, int16_t *pcm, size_t frames)
{
	const struct pattern *pattern = pattern_of(tone, tone->which);

	if (tone->which == TONE_NONE) {
		tone->gain = 0;
		return false;
	}
	for (size_t i = 0; i < frames; i++) {
		double goal = is_on(pattern, tone->at) ? 1 : 0, value = 0;
		if (tone->gain < goal)
			tone->gain = fmin(goal, tone->gain + 1.0 / EDGE_FRAMES);
		else if (tone->gain > goal)
			tone->gain = fmax(goal, tone->gain - 1.0 / EDGE_FRAMES);
		for (size_t k = 0; k < 2 && tone->gain > 0; k++) {
			tone->phase[k] += 2 * M_PI * pattern->hz[k] / RATE_HZ;
			if (tone->phase[k] > 2 * M_PI)
				tone->phase[k] -= 2 * M_PI;
			value += sin(tone->phase[k]);
		}
		pcm[i] = (int16_t)(value * tone->gain * AMPLITUDE);
		tone->at++;
	}
	return true;
}

/* ---- the strongest frequency ---- */

static void fft(float complex x[FFT_SIZE])
{
	for (size_t i = 1, j = 0; i < FFT_SIZE; i++) {
		size_t bit = FFT_SIZE >> 1;
		for (; j & bit; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			float complex t = x[i];
			x[i] = x[j];
			x[j] = t;
		}
	}
	for (size_t size = 2; size <= FFT_SIZE; size *= 2) {
		double complex step = cexp(-2 * M_PI * I / (double)size), turn = 1;
		for (size_t k = 0; k < size / 2; k++) {
			float complex w = (float complex)turn;
			for (size_t i = k; i < FFT_SIZE; i += size) {
				float complex a = x[i], b = x[i + size / 2];
				float re = crealf(w) * crealf(b) - cimagf(w) * cimagf(b);
				float im = crealf(w) * cimagf(b) + cimagf(w) * crealf(b);
				b = re + im * (float complex)I;
				x[i] = a + b;
				x[i + size / 2] = a - b;
			}
			turn *= step;
		}
	}
}

static double power(float complex x)
{
	return (double)crealf(x) * crealf(x) + (double)cimagf(x) * cimagf(x) + 1e-9;
}

double tone_find(const int16_t pcm[TONE_FIND_FRAMES])
{
	static const double BIN_HZ = (double)TONE_FIND_RATE_HZ / FFT_SIZE;
	float complex x[FFT_SIZE];
	double energy = 0;

	for (size_t i = 0; i < TONE_FIND_FRAMES; i++)
		energy += (double)pcm[i] * pcm[i];
	/* -57 dB: below it there is only the noise of a codec, and what the low-pass left of higher tones. */
	if (energy < 32.0 * 32.0 * TONE_FIND_FRAMES)
		return 0;
	for (size_t i = 0; i < FFT_SIZE; i++)
		x[i] = i < TONE_FIND_FRAMES
			       ? (float)(pcm[i] * (0.5 - 0.5 * cos(2 * M_PI * (double)i / TONE_FIND_FRAMES)))
			       : 0;
	fft(x);
	size_t best = (size_t)(LEAST_HZ / BIN_HZ), last = (size_t)(MOST_HZ / BIN_HZ);
	for (size_t i = best; i <= last; i++)
		if (power(x[i]) > power(x[best]))
			best = i;
	/* A parabola through the logarithms of the peak and its neighbours. */
	double left = log(power(x[best - 1])), peak = log(power(x[best])), right = log(power(x[best + 1]));
	double bend = left - 2 * peak + right;
	double offset = bend < 0 ? 0.5 * (left - right) / bend : 0;
	if (fabs(offset) > 1)
		offset = 0;
	return ((double)best + offset) * BIN_HZ;
}
