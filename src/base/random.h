/*
 * Random bytes: from the kernel in the phone, from a seed in simulations, so that any failure can
 * be repeated exactly.
 */
#pragma once

#include "base/base.h"

struct random {
	bool seeded;
	uint64_t state[2]; /* of the seeded generator */
	unsigned char pool[256];
	size_t left;       /* unused bytes at the end of pool */
};

/** Bytes of the kernel (getrandom), fetched 256 at a time. */
void random_init(struct random *random);
/** A repeatable sequence: for tests and simulations only. */
void random_init_seeded(struct random *random, uint64_t seed);
void random_fill(struct random *random, void *bytes, size_t n);
uint32_t random_u32(struct random *random);
/** Uniform in 0..bound-1; bound > 0. */
uint32_t random_below(struct random *random, uint32_t bound);
/** `chars` characters of [a-z2-7] (5 bits each) and a NUL into `text`, which has chars + 1 bytes. For tags, branches,
 * Call-IDs. */
void random_token(struct random *random, char *text, size_t chars);
