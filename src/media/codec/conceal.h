/*
 * Concealment of lost packets for codecs that have none. What was heard last is taken apart into a filter (linear
 * prediction) and what excites it; the excitation goes on, in speech by pitch periods and more and more mixed with
 * noise, through the same filter, and fades away. The first good samples are faded in over it. Where the packet behind
 * a hole is there already, the hole is filled from both its ends.
 */
#pragma once

#include "base/base.h"

/* Sizes at 8 kHz. */
enum {
	CONCEAL_HISTORY = 400, CONCEAL_LAG_MAX = 120, CONCEAL_SCALE_MAX = 6, CONCEAL_ORDER_MAX = 52,
	CONCEAL_EXCITATION = CONCEAL_LAG_MAX * CONCEAL_SCALE_MAX,
};

/* How a sound goes on by itself. */
struct conceal_voice {
	size_t order, lag;
	float filter[CONCEAL_ORDER_MAX];     /* x[n] = e[n] + sum of filter[k] * x[n - 1 - k] */
	float memory[CONCEAL_ORDER_MAX];     /* the newest first */
	float excitation[CONCEAL_EXCITATION]; /* one pitch period */
	float noise;                         /* its strength where there is no pitch */
	float voiced, decay;                 /* share of the pitch; gain of a period to the next */
	uint32_t random;
	size_t at;                           /* samples since the sound ended */
};

struct conceal {
	unsigned scale;                   /* rate / 8000, up to CONCEAL_SCALE_MAX; 0 is 1 */
	int16_t history[CONCEAL_HISTORY * CONCEAL_SCALE_MAX]; /* the last 50 ms that were played */
	struct conceal_voice voice;       /* while packets are missing */
	size_t lost;                      /* samples invented since the last good one */
};

/** Good samples, about to be played: remembered, and after a loss joined to what was invented. */
void conceal_good(struct conceal *conceal, int16_t *samples, size_t n);
/** Invent `n` samples. Any number of them; nothing but zeros after 60 ms. */
void conceal_lost(struct conceal *conceal, int16_t *samples, size_t n);
/** What conceal_lost() would invent next, without doing it. */
void conceal_peek(const struct conceal *conceal, int16_t *samples, size_t n);
/**
 * Invent the `n` samples before `next`, which will be played behind them and is good.
 * @param next_n  at least 10 ms, or it is as conceal_lost(); of more than 50 ms the first are looked at
 */
void conceal_between(struct conceal *conceal, const int16_t *next, size_t next_n, int16_t *samples, size_t n);
