#include "media/level.h"

#include <math.h>
#include <string.h>

enum { RATIO = 6, PADDED_TAPS = 40 }; /* padded: whole vectors of eight, so that compilers make such of it */
static const double SILENCE_DB = -127;

/* Low-pass: windowed sinc, 3500 Hz at 48 kHz, Kaiser window with beta 5; sums to 32768, without signs to 41024: so
 * many times a sample fits 32 bits. */
static const int16_t TAPS[PADDED_TAPS] = {
	22, 41, 52, 39, -16, -120, -263, -411, -508, -482, -264, 191, 884, 1764, 2728, 3639, 4349, 4739,
	4739, 4349, 3639, 2728, 1764, 884, 191, -264, -482, -508, -411, -263, -120, -16, 39, 52, 41, 22,
};

void level_add(struct level *level, const int16_t *pcm)
{
	int64_t sum = 0;

	for (size_t i = 0; pcm && i < LEVEL_TICK_FRAMES; i++)
		sum += (int64_t)pcm[i] * pcm[i];
	level->energy[level->at] = (double)sum;
	level->at = (level->at + 1) % LEVEL_TICKS;
}

double level_of_power(double mean_square)
{
	/* The mean square of a sine of full scale is half of the square of its peak. */
	double share = mean_square / (32768.0 * 32768.0 / 2);
	double db = share > 0 ? 10 * log10(share) : SILENCE_DB;

	return db < SILENCE_DB ? SILENCE_DB : db;
}

double level_db(const struct level *level)
{
	double sum = 0;

	for (size_t i = 0; i < LEVEL_TICKS; i++)
		sum += level->energy[i];
	return level_of_power(sum / (LEVEL_TICKS * LEVEL_TICK_FRAMES));
}

bool level_is_nothing(const int16_t *pcm, size_t n)
{
	int bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= pcm[i];
	return !bits;
}

void decimator_run(struct decimator *decimator, const int16_t *pcm, int16_t narrow[LEVEL_NARROW_FRAMES])
{
	int16_t all[LEVEL_TAPS + LEVEL_TICK_FRAMES];

	_Static_assert((LEVEL_NARROW_FRAMES - 1) * RATIO + PADDED_TAPS <= LEVEL_TAPS + LEVEL_TICK_FRAMES,
		       "the padding reads nothing beyond");
	/* Calls that wait hear nothing, and that is most of the work there is for them. */
	if ((!pcm || level_is_nothing(pcm, LEVEL_TICK_FRAMES)) && level_is_nothing(decimator->past, LEVEL_TAPS)) {
		memset(narrow, 0, LEVEL_NARROW_FRAMES * sizeof *narrow);
		return;
	}
	memcpy(all, decimator->past, sizeof decimator->past);
	if (pcm)
		memcpy(all + LEVEL_TAPS, pcm, LEVEL_TICK_FRAMES * sizeof *pcm);
	else
		memset(all + LEVEL_TAPS, 0, LEVEL_TICK_FRAMES * sizeof *pcm);
	for (size_t i = 0; i < LEVEL_NARROW_FRAMES; i++) {
		const int16_t *from = all + i * RATIO;
		int32_t sum = 0;
		for (size_t k = 0; k < PADDED_TAPS; k++)
			sum += from[k] * TAPS[k];
		sum /= 32768;
		narrow[i] = (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
	}
	memcpy(decimator->past, all + LEVEL_TICK_FRAMES, sizeof decimator->past);
}
