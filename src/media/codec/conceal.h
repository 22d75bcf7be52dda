/*
 * Concealment of lost packets for codecs that have none: the last pitch period is repeated, of one, then two, then
 * three periods so that it does not buzz, and fades to nothing within 60 ms; the first good samples are faded in over
 * it.
 */
#pragma once

#include "base/base.h"

/* Sizes at 8 kHz. */
enum { CONCEAL_HISTORY = 400, CONCEAL_LOOP_MAX = 360, CONCEAL_SCALE_MAX = 6 };

struct conceal {
	unsigned scale;                   /* rate / 8000, up to CONCEAL_SCALE_MAX; 0 is 1 */
	int16_t history[CONCEAL_HISTORY * CONCEAL_SCALE_MAX]; /* the last 50 ms that were played */
	int16_t before[CONCEAL_HISTORY * CONCEAL_SCALE_MAX];  /* the history as it was when the loss began */
	int16_t loop[CONCEAL_LOOP_MAX * CONCEAL_SCALE_MAX];   /* what is repeated while packets are missing */
	size_t lag, periods, loop_size, at;
	size_t lost;                      /* samples invented since the last good one */
};
/** Good samples, about to be played: remembered, and after a loss joined to what was invented. */
void conceal_good(struct conceal *conceal, int16_t *samples, size_t n);
/** Invent `n` samples. */
void conceal_lost(struct conceal *conceal, int16_t *samples, size_t n);
