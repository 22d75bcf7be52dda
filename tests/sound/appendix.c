#include "appendix.h"

#include <math.h>
#include <string.h>

enum { TEMPLATE = 160, PERIODS_MAX = 3, GONE = 6, JOIN_MORE = 32 };
static const float LEAST_ENERGY = 250, FADE = 0.2f; /* of a frame */

static int16_t to_sample(float value)
{
	return (int16_t)lrintf(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

static float *end_of(float *buffer)
{
	return buffer + APPENDIX_HISTORY;
}

/* ---- pitch ---- */

/* Cross-correlation of the last 20 ms with those `lag` before, over the root of the energy of the latter. */
static float likeness(const float *end, size_t lag, size_t step)
{
	float product = 0, energy = 0;

	for (const float *p = end - TEMPLATE; p < end; p += step) {
		product += *p * *(p - lag);
		energy += *(p - lag) * *(p - lag);
	}
	return product / sqrtf(energy < LEAST_ENERGY ? LEAST_ENERGY : energy);
}

/* At half the rate first, then each lag beside the best. */
static size_t find_pitch(const float *end)
{
	size_t best = APPENDIX_PITCH_MAX;
	float highest = likeness(end, best, 2);

	for (size_t lag = APPENDIX_PITCH_MAX - 2; lag >= APPENDIX_PITCH_MIN; lag -= 2) {
		float value = likeness(end, lag, 2);
		if (value >= highest) {
			highest = value;
			best = lag;
		}
	}
	size_t coarse = best;
	highest = likeness(end, coarse, 1);
	for (size_t lag = coarse - 1; lag <= coarse + 1; lag++) {
		if (lag < APPENDIX_PITCH_MIN || lag > APPENDIX_PITCH_MAX || likeness(end, lag, 1) <= highest)
			continue;
		highest = likeness(end, lag, 1);
		best = lag;
	}
	return best;
}

/* ---- periods ---- */

/* From `left` to `right` by triangular windows. */
static void overlap(const float *left, const float *right, float *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float w = ((float)i + 1) / (float)n;
		to[i] = left[i] * (1 - w) + right[i] * w;
	}
}

/* Repeat the last `periods`: the end of the buffer is bent towards what stands before the first of them. */
static void set_loop(struct appendix *appendix, size_t periods)
{
	float *end = end_of(appendix->pitch_buffer);
	size_t n = appendix->quarter;

	appendix->loop = periods * appendix->pitch;
	overlap(appendix->tail, end - appendix->loop - n, end - n, n);
}

static void take(struct appendix *appendix, float *to, size_t n)
{
	const float *from = end_of(appendix->pitch_buffer) - appendix->loop;

	for (size_t i = 0; i < n; i++) {
		to[i] = from[appendix->at];
		appendix->at = (appendix->at + 1) % appendix->loop;
	}
}

/* The first frame is as loud as what was before; then 20 % less for each. */
static void fade(struct appendix *appendix, float *frame)
{
	float gain = 1 - FADE * ((float)appendix->lost - 1);

	for (size_t i = 0; i < APPENDIX_FRAME; i++) {
		frame[i] *= gain;
		gain -= FADE / APPENDIX_FRAME;
	}
}

static void begin(struct appendix *appendix)
{
	memcpy(appendix->pitch_buffer, appendix->history, sizeof appendix->history);
	appendix->pitch = find_pitch(end_of(appendix->history));
	appendix->quarter = appendix->pitch / 4;
	memcpy(appendix->tail, end_of(appendix->history) - appendix->quarter, appendix->quarter * sizeof(float));
	appendix->at = 0;
	set_loop(appendix, 1);
	/* What has not been played yet begins to go over already. */
	memcpy(end_of(appendix->history) - appendix->quarter, end_of(appendix->pitch_buffer) - appendix->quarter,
	       appendix->quarter * sizeof(float));
}

/* One period more, blended in over a quarter of one. */
static void lengthen(struct appendix *appendix, float *frame)
{
	float before[APPENDIX_DELAY];
	size_t at = appendix->at;

	take(appendix, before, appendix->quarter);
	appendix->at = at % appendix->pitch;
	set_loop(appendix, appendix->lost + 1);
	take(appendix, frame, APPENDIX_FRAME);
	overlap(before, frame, frame, appendix->quarter);
}

/* ---- in and out ---- */

static void put_out(struct appendix *appendix, const float *in, int16_t *out)
{
	float *history = appendix->history;

	memmove(history, history + APPENDIX_FRAME, (APPENDIX_HISTORY - APPENDIX_FRAME) * sizeof *history);
	memcpy(history + APPENDIX_HISTORY - APPENDIX_FRAME, in, APPENDIX_FRAME * sizeof *in);
	for (size_t i = 0; i < APPENDIX_FRAME; i++)
		out[i] = to_sample(history[APPENDIX_HISTORY - APPENDIX_FRAME - APPENDIX_DELAY + i]);
}

void appendix_lost(struct appendix *appendix, int16_t frame[APPENDIX_FRAME])
{
	float invented[APPENDIX_FRAME] = { 0 };

	if (!appendix->lost) {
		begin(appendix);
		take(appendix, invented, APPENDIX_FRAME);
	} else if (appendix->lost < PERIODS_MAX) {
		lengthen(appendix, invented);
		fade(appendix, invented);
	} else if (appendix->lost < GONE) {
		take(appendix, invented, APPENDIX_FRAME);
		fade(appendix, invented);
	}
	appendix->lost++;
	put_out(appendix, invented, frame);
}

void appendix_good(struct appendix *appendix, int16_t frame[APPENDIX_FRAME])
{
	float good[APPENDIX_FRAME], on[APPENDIX_FRAME] = { 0 };

	for (size_t i = 0; i < APPENDIX_FRAME; i++)
		good[i] = frame[i];
	if (appendix->lost) {
		size_t n = appendix->quarter + (appendix->lost - 1) * JOIN_MORE;
		float gain = 1 - FADE * ((float)appendix->lost - 1);
		if (n > APPENDIX_FRAME)
			n = APPENDIX_FRAME;
		take(appendix, on, n);
		for (size_t i = 0; i < n; i++)
			on[i] *= gain > 0 ? gain : 0;
		overlap(on, good, good, n);
		appendix->lost = 0;
	}
	put_out(appendix, good, frame);
}
