/* How good it sounds, by the E-model of ITU-T G.107 and, for wide band, G.107.1. Pure. */
#pragma once

#include <stdbool.h>

/* What the E-model is told of one direction. */
struct quality_facts {
	double delay_ms;                /* mouth to ear */
	double loss;                    /* share of packets never heard, 0..1 */
	double burst;                   /* mean length of rows of losses against that of random loss, 1 or more */
	double impairment, robustness;  /* Ie and Bpl of the codec, on the scale of `wide` */
	bool wide;                      /* by G.107.1, whose scale goes to 129 */
};

/** Rating R of one direction. */
double quality_rating(const struct quality_facts *facts);
/** 1 to 4.5 */
double quality_mos(double rating, bool wide);
