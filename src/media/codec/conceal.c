#include "media/codec/conceal.h"

#include <assert.h>
#include <string.h>

/* At 8 kHz; at other rates `scale` times as much. */
enum { LAG_MIN = 40, LAG_MAX = 120, TEMPLATE = 160, TICK = 80 };

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

/* How well the last 20 ms repeat after `lag` samples: squared normalised correlation, -1 for opposite phase. */
static double likeness(const int16_t *end, size_t lag, size_t step)
{
	int64_t product = 0, energy = 1;

	for (int i = -TEMPLATE * (int)step; i < 0; i += (int)step) {
		int64_t past = end[i - (int)lag];
		product += end[i] * past;
		energy += past * past;
	}
	return product <= 0 ? -1 : (double)product * (double)product / (double)energy;
}

static size_t find_pitch(const struct conceal *conceal)
{
	const int16_t *end = conceal->history + kept(conceal);
	size_t step = scale_of(conceal), best = LAG_MIN * step, coarse;
	double most = -1;

	for (size_t lag = LAG_MIN * step; lag <= LAG_MAX * step; lag += step) {
		double value = likeness(end, lag, step);
		/* A little more for shorter lags: of equal multiples the shortest is the pitch. */
		if (value > most * 1.02 || most < 0) {
			most = value;
			best = lag;
		}
	}
	/* Found to 125 us; at high rates that is too coarse for the phase. */
	coarse = best;
	for (size_t lag = coarse - step + 1; step > 1 && lag < coarse + step; lag++) {
		double value = likeness(end, lag, step);
		if (lag <= LAG_MAX * step && value > most) {
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
	const int16_t *from = conceal->before + kept(conceal) - size;

	assert(size <= ARRAY_LEN(conceal->loop));
	memcpy(conceal->loop, from, size * sizeof *from);
	if (kept(conceal) >= size + quarter) {
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
static int gain_at(size_t lost, size_t tick)
{
	if (lost < tick)
		return 1024;
	if (lost >= 6 * tick)
		return 0;
	return (int)((6 * tick - lost) * 1024 / (5 * tick));
}

static int16_t next_invented(struct conceal *conceal)
{
	size_t tick = TICK * scale_of(conceal);

	if (conceal->lost && conceal->lost % tick == 0 && conceal->periods < 3 && conceal->lost <= 2 * tick) {
		make_loop(conceal, conceal->periods + 1);
		/* The new loop ends with the old one, so the phase is kept by counting from there. */
		conceal->at = conceal->loop_size - conceal->lag + conceal->at % conceal->lag;
	}
	int sample = conceal->loop[conceal->at] * gain_at(conceal->lost, tick) / 1024;
	conceal->at = (conceal->at + 1) % conceal->loop_size;
	conceal->lost++;
	return (int16_t)sample;
}

void conceal_lost(struct conceal *conceal, int16_t *samples, size_t n)
{
	if (!conceal->lost) {
		memcpy(conceal->before, conceal->history, kept(conceal) * sizeof *conceal->before);
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
		size_t tick = TICK * scale_of(conceal), join = tick / 2 + conceal->lost / 4;
		if (join > tick)
			join = tick;
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
