/*
 * Digits as tones (ITU-T Q.23): made and recognised (Q.24). Recognised is what lasts 40 ms, in noise, with unequal
 * tones and frequencies off by 1.5 %; not recognised is speech. Pure.
 */
#pragma once

#include "media/level.h"

enum { DETECT_RATE_HZ = 8000, DETECT_BLOCK = 102, DETECT_HOP = 51 };

struct dtmf_detector {
	struct decimator decimator;
	int16_t samples[DETECT_BLOCK];
	size_t count;
	char candidate, digit;   /* seen in the last blocks; the one that is held down; 0: none */
	double energy, hz[2];    /* of the last block, and where its two tones were */
	unsigned hits, misses;
};

/** A tick of 480 frames of 48 kHz. @return a digit when it was recognised, once each time it is pressed; else 0 */
char dtmf_detect(struct dtmf_detector *detector, const int16_t pcm[LEVEL_TICK_FRAMES]);
/** The same of samples at 8 kHz. */
char dtmf_detect_narrow(struct dtmf_detector *detector, const int16_t *samples, size_t n);

/* Where a digit's two tones are; between digits all zero. */
struct dtmf_tone {
	double low, high;        /* phases, of 1 */
	uint32_t at;             /* frames since it began */
};
/**
 * The next 480 frames of a digit's tones.
 * @param left_ms  until it ends, this tick included: its last 5 ms fade
 */
void dtmf_sound(struct dtmf_tone *tone, char digit, uint32_t left_ms, int16_t pcm[LEVEL_TICK_FRAMES]);
