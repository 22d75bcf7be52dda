/*
 * The microphone made clean: acoustic echo, noise and level, by speexdsp. 48 kHz in ticks of 10 ms; the work is done at
 * 16 kHz where speech is, so what is cleaned is wideband. With all of it off nothing is touched.
 */
#pragma once

#include "base/base.h"

enum { CLEANER_FRAMES = 480 };

struct cleaner_settings {
	bool echo, noise, gain;
};

struct cleaner;
/** @return owned, cleaner_free(); made on the loop's thread, NULL when all is off */
struct cleaner *cleaner_new(const struct cleaner_settings *settings);
void cleaner_free(struct cleaner *cleaner);
/**
 * Clean one tick in place.
 * @param heard  what went to the loudspeaker in the tick before. Its ring holds little more than a tick, and that never
 *               changes while a device plays, so this is as near to the echo as can be without looking for it; the
 *               filter is long enough for the rest
 */
void cleaner_run(struct cleaner *cleaner, int16_t mic[CLEANER_FRAMES], const int16_t heard[CLEANER_FRAMES]);
