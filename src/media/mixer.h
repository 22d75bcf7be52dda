/* All that is heard through one output, added up without wrapping. */
#pragma once

#include "base/base.h"

enum { MIXER_FRAMES = 480 };

struct mixer {
	int32_t sum[MIXER_FRAMES];
	unsigned sources;
};

void mixer_clear(struct mixer *mixer);
/** Add one tick of sound. */
void mixer_add(struct mixer *mixer, const int16_t pcm[MIXER_FRAMES]);
/** The sum, limited to 16 bits. */
void mixer_take(const struct mixer *mixer, int16_t pcm[MIXER_FRAMES]);
