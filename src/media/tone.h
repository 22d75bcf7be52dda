/* Call progress tones, and the strongest frequency in what is heard. */
#pragma once

#include "base/slice.h"
#include "media/engine.h"

/* A tone under way; its phase runs on through pauses, its edges are rounded. */
struct tone {
	enum engine_tone which;
	size_t country;          /* whose tones; 0: those of North America */
	size_t ring;             /* which of ENGINE_RINGS; 0: warble */
	uint64_t at;             /* 48 kHz frames since it began */
	double phase[2];
	double gain;             /* runs towards 1 or 0 at the edges */
};

/** "de" -> its place in the table. @return false: not in it */
bool tone_country_find(struct slice name, size_t *country);
/** "chime" -> its place among ENGINE_RINGS. @return false: not one of them */
bool tone_ring_find(struct slice name, size_t *ring);
void tone_start(struct tone *tone, enum engine_tone which);
/** Fill `frames` of sound. @return false when there is none: TONE_NONE and the last edge is over */
bool tone_fill(struct tone *tone, int16_t *pcm, size_t frames);

enum { TONE_FIND_FRAMES = 4000, TONE_FIND_RATE_HZ = 8000 };
/**
 * The strongest frequency in half a second, to about 0.2 Hz for a steady tone.
 * @return Hz between 30 and 3800; 0 when there is nothing to be heard
 */
double tone_find(const int16_t pcm[TONE_FIND_FRAMES]);
