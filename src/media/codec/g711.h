/* G.711: mu-law and A-law, and the concealment of lost packets by repeated pitch periods. */
#pragma once

#include "media/codec/codec.h"

extern const struct codec_ops g711_mu_ops, g711_a_ops;

uint8_t g711_mu_encode(int16_t sample);
int16_t g711_mu_decode(uint8_t code);
uint8_t g711_a_encode(int16_t sample);
int16_t g711_a_decode(uint8_t code);

/*
 * Concealment at 8 kHz: the last pitch period is repeated, of one, then two, then three periods so that it does not
 * buzz, and
 * fades to nothing within 60 ms; the first good samples are faded in over it.
 */
enum { CONCEAL_HISTORY = 400, CONCEAL_LOOP_MAX = 360 };
struct conceal {
	int16_t history[CONCEAL_HISTORY]; /* the last 50 ms that were played */
	int16_t before[CONCEAL_HISTORY];  /* the history as it was when the loss began */
	int16_t loop[CONCEAL_LOOP_MAX];   /* what is repeated while packets are missing */
	size_t lag, periods, loop_size, at;
	size_t lost;                      /* samples invented since the last good one */
};
/** Good samples, about to be played: remembered, and after a loss joined to what was invented. */
void conceal_good(struct conceal *conceal, int16_t *samples, size_t n);
/** Invent `n` samples. */
void conceal_lost(struct conceal *conceal, int16_t *samples, size_t n);
