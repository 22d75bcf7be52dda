/*
 * How loud: over the last 500 ms, in dB where a sine of full scale is 0 and silence -127. And that sound at 8 kHz, for
 * tone_find().
 */
#pragma once

#include "base/base.h"

enum { LEVEL_TICKS = 50, LEVEL_TICK_FRAMES = 480, LEVEL_TAPS = 36, LEVEL_NARROW_FRAMES = 80 };

struct level {
	double energy[LEVEL_TICKS]; /* of each tick */
	size_t at;
};

/** Add a tick of 480 frames; NULL: silence. */
void level_add(struct level *level, const int16_t *pcm);
double level_db(const struct level *level);
/** dB of one mean square, as level_db counts. */
double level_of_power(double mean_square);
/** Is there nothing at all in these frames, as in calls that wait? */
bool level_is_nothing(const int16_t *pcm, size_t n);

struct decimator {
	int16_t past[LEVEL_TAPS];
};
/** 480 frames of 48 kHz (NULL: silence) to 80 of 8 kHz. */
void decimator_run(struct decimator *decimator, const int16_t *pcm, int16_t narrow[LEVEL_NARROW_FRAMES]);
