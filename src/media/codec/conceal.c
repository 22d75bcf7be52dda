#include "media/codec/conceal.h"

#include <math.h>
#include <string.h>

/* At 8 kHz; at other rates `scale` times as much. */
enum {
	LAG_MIN = 40, LAG_MAX = CONCEAL_LAG_MAX, LEAST = 80,
	TEMPLATE = 40,            /* what is compared: a longer piece finds the pitch of what was, not of what is */
	WINDOW = 240,             /* what the filter is made of */
	ORDER = 32, ORDER_MORE = 4, /* of the filter, and for each further 8 kHz */
	FULL = 80, GONE = 480,    /* how long it is not quieter, and when nothing is left */
	BUZZ = 240, HISS = 960,   /* a period that is repeated for longer turns into noise little by little */
	JOIN = 25,                /* blended into the first good samples */
	NEAR = 40,                /* compared where what comes from both ends meets */
	PIECE_MAX = CONCEAL_HISTORY * CONCEAL_SCALE_MAX,
};
static const double LEAK = 1.0001, WIDEN = 0.995, VOICED = 0.5, UNVOICED = 0, GLIDE = 0.05;

static size_t scale_of(const struct conceal *conceal)
{
	return conceal->scale ? conceal->scale : 1;
}

static size_t kept(const struct conceal *conceal)
{
	return CONCEAL_HISTORY * scale_of(conceal);
}

static void remember(struct conceal *conceal, const int16_t *samples, size_t n)
{
	size_t size = kept(conceal);

	if (n >= size) {
		memcpy(conceal->history, samples + n - size, size * sizeof *samples);
		return;
	}
	memmove(conceal->history, conceal->history + n, (size - n) * sizeof *samples);
	memcpy(conceal->history + size - n, samples, n * sizeof *samples);
}

static int16_t to_sample(float value)
{
	return (int16_t)lrintf(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

/* ---- what a sound is made of ---- */

/* Normalised correlation of the last `n` samples before `end` with those `lag` before, every `step`th sample. */
static double likeness(const float *end, size_t lag, size_t n, size_t step)
{
	double product = 0, here = 1, past = 1;

	for (const float *p = end - n; p < end; p += step) {
		double other = *(p - lag);
		product += *p * other;
		here += (double)*p * *p;
		past += other * other;
	}
	return product / sqrt(here * past);
}

/* The best of the lags `least` to `most`. *alike: how well the sound repeats after it */
static size_t best_lag(const float *end, size_t least, size_t most, size_t template, size_t scale, double *alike)
{
	size_t best = least;
	double highest = -2;

	for (size_t lag = least; lag <= most; lag += scale) {
		double value = likeness(end, lag, template, scale);
		/* A little more for shorter lags: of equal multiples the shortest is the pitch. */
		if (value > highest + (highest > 0 ? highest * 0.01 : 0)) {
			highest = value;
			best = lag;
		}
	}
	/* Found to 125 us; at high rates that is too coarse for the phase. */
	size_t coarse = best;
	for (size_t lag = coarse - scale + 1; scale > 1 && lag < coarse + scale; lag++) {
		double value = lag <= most ? likeness(end, lag, template, scale) : -2;
		if (value > highest) {
			highest = value;
			best = lag;
		}
	}
	*alike = highest;
	return best;
}

/*
 * @param n  samples that are known before `end`
 * @param hint  what the lag is where more is known, 0: nowhere. It helps when `n` is little.
 */
static size_t find_pitch(const float *end, size_t n, size_t hint, size_t scale, double *alike)
{
	size_t most = LAG_MAX * scale, template = TEMPLATE * scale;

	if (template + most <= n)
		return best_lag(end, LAG_MIN * scale, most, template, scale, alike);
	size_t least = hint - hint / 8;
	most = hint + hint / 8;
	if (hint && most + LAG_MIN * scale <= n) {
		size_t lag = best_lag(end, least, most, n - most, scale, alike);
		if (*alike > UNVOICED)
			return lag;
	}
	most = n / 2 < LAG_MAX * scale ? n / 2 : LAG_MAX * scale;
	return best_lag(end, LAG_MIN * scale, most, n - most, scale, alike);
}

/* Levinson and Durbin: the filter of `order` that predicts a sound of this autocorrelation. */
static void solve(const double *r, size_t order, float *filter)
{
	double a[CONCEAL_ORDER_MAX] = { 0 }, error = r[0];

	for (size_t i = 0; i < order && error > r[0] * 1e-7; i++) {
		double sum = r[i + 1], before[CONCEAL_ORDER_MAX];
		for (size_t k = 0; k < i; k++)
			sum -= a[k] * r[i - k];
		double reflection = sum / error;
		memcpy(before, a, sizeof before);
		for (size_t k = 0; k < i; k++)
			a[k] -= reflection * before[i - 1 - k];
		a[i] = reflection;
		error *= 1 - reflection * reflection;
	}
	double widen = 1;
	for (size_t i = 0; i < order; i++)
		filter[i] = (float)(a[i] * (widen *= WIDEN));
}

static void find_filter(const float *end, size_t n, size_t order, float *filter)
{
	double r[CONCEAL_ORDER_MAX + 1], w[PIECE_MAX];

	/* More weight on what is nearest to the end: a sine's quarter at the end, a long rise before. */
	for (size_t i = 0; i < n; i++) {
		double t = ((double)i + 0.5) / (double)n;
		w[i] = end[(ptrdiff_t)i - (ptrdiff_t)n] *
		       (t < 0.85 ? sin(t / 0.85 * M_PI / 2) : cos((t - 0.85) / 0.15 * M_PI / 2));
	}
	for (size_t lag = 0; lag <= order; lag++) {
		r[lag] = 0;
		for (size_t i = lag; i < n; i++)
			r[lag] += w[i] * w[i - lag];
	}
	r[0] = r[0] * LEAK + 1;
	solve(r, order, filter);
}

static double power(const float *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * x[i];
	return sum;
}

static float residual(const struct conceal_voice *voice, const float *p)
{
	float value = *p;

	for (size_t k = 0; k < voice->order; k++)
		value -= voice->filter[k] * *(p - 1 - k);
	return value;
}

/*
 * The last period, its end bent towards what was before its beginning: a pulse at the border is there once, not twice
 * or never.
 */
static void take_period(struct conceal_voice *voice, const float *end, size_t n)
{
	size_t lag = voice->lag < n - voice->order ? voice->lag : n - voice->order, quarter = lag / 4;

	voice->lag = lag;
	for (size_t i = 0; i < lag; i++)
		voice->excitation[i] = residual(voice, end - lag + i);
	if (lag + quarter + voice->order > n)
		return;
	for (size_t i = 0; i < quarter; i++) {
		float w = ((float)i + 1) / ((float)quarter + 1), *to = &voice->excitation[lag - quarter + i];
		*to = *to * (1 - w) + residual(voice, end - lag - quarter + i) * w;
	}
}

/* @param n  samples that are known before `end`: 10 ms at least. `hint` as of find_pitch() */
static void listen(struct conceal_voice *voice, const float *end, size_t n, size_t hint, size_t scale)
{
	double alike;
	size_t window = WINDOW * scale < n ? WINDOW * scale : n;

	voice->order = ORDER + ORDER_MORE * (scale - 1);
	if (voice->order > CONCEAL_ORDER_MAX)
		voice->order = CONCEAL_ORDER_MAX;
	voice->lag = find_pitch(end, n, hint, scale, &alike);
	find_filter(end, window, voice->order, voice->filter);
	for (size_t k = 0; k < voice->order; k++)
		voice->memory[k] = end[-1 - (ptrdiff_t)k];
	take_period(voice, end, n);
	size_t lag = voice->lag;
	voice->noise = (float)sqrt(power(voice->excitation, lag) / (double)lag);
	double voiced = (alike - UNVOICED) / (VOICED - UNVOICED);
	voice->voiced = (float)(voiced < 0 ? 0 : voiced > 1 ? 1 : voiced);
	/* Speech that is dying away goes on doing so. */
	double ratio = n >= 2 * lag ? sqrt((power(end - lag, lag) + 1) / (power(end - 2 * lag, lag) + 1)) : 1;
	voice->decay = (float)(ratio > 1 ? 1 : ratio < 0.5 ? 0.5 : ratio);
	voice->at = 0;
	voice->random = 1;
}

/* ---- going on ---- */

static float white(struct conceal_voice *voice)
{
	voice->random = voice->random * 1664525u + 1013904223u;
	return (float)((int32_t)voice->random / 2147483648.0 * 1.732);
}

static float gain_at(size_t at, size_t scale)
{
	float t = (float)at / (float)scale;

	if (t <= FULL)
		return 1;
	if (t >= GONE)
		return 0;
	return (GONE - t) / (GONE - FULL);
}

static float go_on(struct conceal_voice *voice, size_t scale)
{
	if (voice->at >= GONE * scale)
		return 0;
	size_t period = voice->at / voice->lag;
	float noisy = ((float)voice->at / (float)scale - BUZZ) / (HISS - BUZZ);
	float voiced = voice->voiced * (1 - (noisy > 0 ? noisy : 0));
	float value = voice->excitation[voice->at % voice->lag] * voiced + white(voice) * voice->noise * (1 - voiced);

	value *= powf(voice->decay, (float)(period + 1 < 4 ? period + 1 : 4) * 0.5f);
	for (size_t k = 0; k < voice->order; k++)
		value += voice->filter[k] * voice->memory[k];
	memmove(voice->memory + 1, voice->memory, (voice->order - 1) * sizeof *voice->memory);
	voice->memory[0] = value;
	return value * gain_at(voice->at++, scale);
}

static void begin(struct conceal *conceal)
{
	float known[PIECE_MAX];

	for (size_t i = 0; i < kept(conceal); i++)
		known[i] = conceal->history[i];
	listen(&conceal->voice, known + kept(conceal), kept(conceal), 0, scale_of(conceal));
}

void conceal_lost(struct conceal *conceal, int16_t *samples, size_t n)
{
	if (!conceal->lost)
		begin(conceal);
	conceal->lost += n;
	for (size_t i = 0; i < n; i++)
		samples[i] = to_sample(go_on(&conceal->voice, scale_of(conceal)));
	remember(conceal, samples, n);
}

void conceal_peek(const struct conceal *conceal, int16_t *samples, size_t n)
{
	struct conceal copy = *conceal;

	if (!copy.lost)
		begin(&copy);
	for (size_t i = 0; i < n; i++)
		samples[i] = to_sample(go_on(&copy.voice, scale_of(&copy)));
}

void conceal_good(struct conceal *conceal, int16_t *samples, size_t n)
{
	if (conceal->lost) {
		size_t scale = scale_of(conceal), join = JOIN * scale;
		if (join > n)
			join = n;
		for (size_t i = 0; i < join; i++) {
			float w = ((float)i + 1) / ((float)join + 1);
			samples[i] = to_sample(samples[i] * w + go_on(&conceal->voice, scale) * (1 - w));
		}
		conceal->lost = 0;
	}
	remember(conceal, samples, n);
}

/* ---- between two good ends ---- */

/*
 * `from` goes on for more than `n` samples; what should be behind them is `to`. The samples, a little stretched or
 * pressed so that the phase is right where they meet, go to `out`: a pitch that glides.
 */
static void glide(const float *from, size_t n, const float *to, size_t to_n, float *out)
{
	size_t most = (size_t)((double)n * GLIDE), best = n;
	double highest = -2;

	for (size_t end = n - most; end <= n + most; end++) {
		double product = 0, left = 1, right = 1;
		for (size_t i = 0; i < to_n; i++) {
			product += (double)from[end + i] * to[i];
			left += (double)from[end + i] * from[end + i];
			right += (double)to[i] * to[i];
		}
		double value = product / sqrt(left * right);
		if (value > highest) {
			highest = value;
			best = end;
		}
	}
	if (highest < 0.5)
		best = n;
	for (size_t i = 0; i < n; i++) {
		double at = (double)i * (double)best / (double)n;
		size_t whole = (size_t)at;
		float part = (float)(at - (double)whole);
		out[i] = from[whole] * (1 - part) + from[whole + 1] * part;
	}
}

/* Both add up to the strength that one has, however like they are. */
static void blend(const float *first, const float *second, size_t n, int16_t *samples)
{
	double product = 1, left = 1, right = 1;

	for (size_t i = 0; i < n; i++) {
		product += (double)first[i] * second[n - 1 - i];
		left += (double)first[i] * first[i];
		right += (double)second[n - 1 - i] * second[n - 1 - i];
	}
	double alike = product / sqrt(left * right);
	if (alike < 0)
		alike = 0;
	for (size_t i = 0; i < n; i++) {
		double t = ((double)i + 1) / ((double)n + 1), u = 1 - t;
		double norm = sqrt(t * t + u * u + 2 * t * u * alike);
		samples[i] = to_sample((float)((first[i] * u + second[n - 1 - i] * t) / norm));
	}
}

void conceal_between(struct conceal *conceal, const int16_t *next, size_t next_n, int16_t *samples, size_t n)
{
	size_t scale = scale_of(conceal), near = NEAR * scale, size = kept(conceal), more = n + n / 8 + near + 2;
	float known[PIECE_MAX], ahead[PIECE_MAX], back[PIECE_MAX], first[PIECE_MAX], second[PIECE_MAX];
	struct conceal_voice reversed;

	if (next_n < LEAST * scale || more > PIECE_MAX) {
		conceal_lost(conceal, samples, n);
		return;
	}
	if (next_n > size)
		next_n = size;
	if (!conceal->lost)
		begin(conceal);
	for (size_t i = 0; i < more; i++)
		ahead[i] = go_on(&conceal->voice, scale);
	for (size_t i = 0; i < next_n; i++)
		known[next_n - 1 - i] = next[i];
	listen(&reversed, known + next_n, next_n, conceal->voice.voiced > 0 ? conceal->voice.lag : 0, scale);
	for (size_t i = 0; i < more; i++)
		back[i] = go_on(&reversed, scale);
	for (size_t i = 0; i < near; i++)
		known[i] = next[i];
	glide(ahead, n, known, near, first);
	for (size_t i = 0; i < near; i++)
		known[i] = conceal->history[size - 1 - i];
	glide(back, n, known, near, second);
	blend(first, second, n, samples);
	conceal->lost = 0;
	remember(conceal, samples, n);
}
