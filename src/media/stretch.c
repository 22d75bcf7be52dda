#include "media/stretch.h"

#include <math.h>
#include <string.h>

enum {
	DOWN = 6,                /* the search runs at 8 kHz */
	LAG_MIN = 20, LAG_MAX = 120, /* 2.5 and 15 ms at 8 kHz */
	COARSE_MAX = 960,
	SILENT_PIECE = 480,
	NOISE_WINDOW = 120000,   /* the least power is that of one to two windows of 2.5 s, in which everybody stops */
	NOISE_KNOWN = 48000,
};
static const double SILENT_POWER = 184.0 * 184.0, ALIKE = 0.8;
/* Noise wavers: its least power is so much below the most of it; speech is that much louder than its pauses. */
static const double NOISE_WAVERS = 5, SPEECH_ABOVE = 20, FORGET = 0.9998;

static double power_of(const int16_t *pcm, size_t frames)
{
	double sum = 0;

	for (size_t i = 0; i < frames; i++)
		sum += (double)pcm[i] * pcm[i];
	return frames ? sum / (double)frames : 0;
}

void stretch_listen(struct stretch_noise *noise, const int16_t *pcm, size_t frames)
{
	double power = power_of(pcm, frames);

	if (!noise->known)
		noise->least = noise->least_before = power;
	if (noise->frames >= NOISE_WINDOW) {
		noise->least_before = noise->least;
		noise->least = power;
		noise->frames = 0;
	}
	if (power < noise->least)
		noise->least = power;
	noise->loudest *= FORGET;
	if (power > noise->loudest)
		noise->loudest = power;
	noise->frames += frames;
	if (noise->known < NOISE_KNOWN)
		noise->known += frames;
}

/* Up to which power something is silence. */
static double silence_of(const struct stretch_noise *noise)
{
	if (!noise || noise->known < NOISE_KNOWN)
		return SILENT_POWER;
	double least = noise->least < noise->least_before ? noise->least : noise->least_before;
	double power = least * NOISE_WAVERS, most = noise->loudest / SPEECH_ABOVE;
	power = power < most ? power : most;
	return power > SILENT_POWER ? power : SILENT_POWER;
}

bool stretch_is_silent(const struct stretch_noise *noise, const int16_t *pcm, size_t frames)
{
	return power_of(pcm, frames) <= silence_of(noise);
}

/* Normalised correlation of a[0..n) and a[lag..lag+n), every `step`th sample. */
static double alike(const int16_t *a, size_t lag, size_t n, size_t step)
{
	double product = 0, left = 1, right = 1;

	for (size_t i = 0; i < n; i += step) {
		double x = a[i], y = a[i + lag];
		product += x * y;
		left += x * x;
		right += y * y;
	}
	return product / sqrt(left * right);
}

/* The lag (at 48 kHz) at which the beginning repeats best, at most `most`; 0: it does not. */
static size_t find_lag(const int16_t *pcm, size_t frames, size_t most)
{
	int16_t coarse[COARSE_MAX];
	size_t n = frames / DOWN < COARSE_MAX ? frames / DOWN : COARSE_MAX, best = 0;
	double highest = 0;

	for (size_t i = 0; i < n; i++) {
		int sum = 0;
		for (size_t k = 0; k < DOWN; k++)
			sum += pcm[i * DOWN + k];
		coarse[i] = (int16_t)(sum / DOWN);
	}
	for (size_t lag = LAG_MIN; lag <= LAG_MAX && 2 * lag <= n && (lag + 1) * DOWN <= most; lag++) {
		double value = alike(coarse, lag, lag, 1);
		if (value > highest) {
			highest = value;
			best = lag;
		}
	}
	if (highest < ALIKE)
		return 0;
	size_t fine = best * DOWN;
	highest = -1;
	for (size_t lag = best * DOWN - DOWN; lag <= best * DOWN + DOWN; lag++) {
		if (2 * lag > frames || lag > most)
			break;
		double value = alike(pcm, lag, lag, 2);
		if (value > highest) {
			highest = value;
			fine = lag;
		}
	}
	return fine;
}

static size_t piece(const struct stretch_noise *noise, const int16_t *pcm, size_t frames, size_t most)
{
	if (!stretch_is_silent(noise, pcm, frames))
		return find_lag(pcm, frames, most);
	size_t n = most < SILENT_PIECE ? most : SILENT_PIECE;
	return n > frames / 2 ? frames / 2 : n;
}

static int16_t blend(int16_t from, int16_t to, size_t i, size_t n)
{
	return (int16_t)(((int64_t)from * (int64_t)(n - i) + (int64_t)to * (int64_t)i) / (int64_t)n);
}

size_t stretch_shorten(const struct stretch_noise *noise, int16_t *pcm, size_t frames, size_t most)
{
	size_t n = piece(noise, pcm, frames, most);

	for (size_t i = 0; i < n; i++)
		pcm[i] = blend(pcm[i], pcm[i + n], i, n);
	if (n)
		memmove(pcm + n, pcm + 2 * n, (frames - 2 * n) * sizeof *pcm);
	return n;
}

size_t stretch_lengthen(const struct stretch_noise *noise, int16_t *pcm, size_t frames, size_t most)
{
	size_t n = piece(noise, pcm, frames, most);

	if (!n)
		return 0;
	memmove(pcm + 2 * n, pcm + n, (frames - n) * sizeof *pcm);
	/* Behind the first period its blend into itself again: second period at the start, first at the end. */
	for (size_t i = 0; i < n; i++)
		pcm[n + i] = blend(pcm[2 * n + i], pcm[i], i, n);
	return n;
}
