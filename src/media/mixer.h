/* What is heard together, added up; too much of it is turned down instead of cut off. */
#pragma once

#include "base/base.h"

enum { MIXER_FRAMES = 480 };

struct mixer {
	int32_t sum[MIXER_FRAMES];
	unsigned sources;
};

/* The memory of one output: how far it is turned down now. All zero at the beginning. */
struct limiter {
	float less; /* 0: not at all */
};

void mixer_clear(struct mixer *mixer);
/** Add one tick of sound. */
void mixer_add(struct mixer *mixer, const int16_t pcm[MIXER_FRAMES]);
/** Add one tick of sound made louder or softer by a factor. */
void mixer_add_scaled(struct mixer *mixer, const int16_t pcm[MIXER_FRAMES], float factor);
/** All of it louder or softer by a factor. */
void mixer_scale(struct mixer *mixer, float factor);
/** Add all that is in `room` but `own`, which must be in it. */
void mixer_add_others(struct mixer *mixer, const struct mixer *room, const int16_t own[MIXER_FRAMES]);
/**
 * The sum in 16 bits. What fits is left as it is, bit by bit. What does not is turned down within 1 ms, and comes up
 * again over about 200 ms.
 */
void mixer_take(const struct mixer *mixer, struct limiter *limiter, int16_t pcm[MIXER_FRAMES]);
