/* A tone, and how loud samples are. */
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>

static inline void sine(int16_t *pcm, size_t n, double hz, double rate, double amplitude, size_t from)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hz * (double)(from + i) / rate));
}

static inline double rms(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sqrt(sum / (double)n);
}
