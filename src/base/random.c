#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_init(struct random *random)
{
	memset(random, 0, sizeof *random);
}

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void random_init_seeded(struct random *random, uint64_t seed)
{
	random_init(random);
	random->seeded = true;
	random->state[0] = splitmix(&seed);
	random->state[1] = splitmix(&seed);
}

/* xorshift128+ */
static uint64_t next_seeded(struct random *random)
{
	uint64_t a = random->state[0], b = random->state[1];

	random->state[0] = b;
	a ^= a << 23;
	random->state[1] = a ^ b ^ a >> 17 ^ b >> 26;
	return random->state[1] + b;
}

static void refill(struct random *random)
{
	if (random->seeded) {
		for (size_t i = 0; i < sizeof random->pool; i += sizeof(uint64_t)) {
			uint64_t word = next_seeded(random);
			memcpy(random->pool + i, &word, sizeof word);
		}
	} else if (getrandom(random->pool, sizeof random->pool, 0) != (ssize_t)sizeof random->pool) {
		fputs("offhook: the kernel gives no random bytes\n", stderr);
		abort();
	}
	random->left = sizeof random->pool;
}

void random_fill(struct random *random, void *bytes, size_t n)
{
	unsigned char *to = bytes;

	while (n) {
		if (!random->left)
			refill(random);
		size_t take = n < random->left ? n : random->left;
		unsigned char *from = random->pool + sizeof random->pool - random->left;
		memcpy(to, from, take);
		memset(from, 0, take);
		random->left -= take;
		to += take;
		n -= take;
	}
}

uint32_t random_u32(struct random *random)
{
	uint32_t value;

	random_fill(random, &value, sizeof value);
	return value;
}

uint32_t random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)((uint64_t)random_u32(random) * bound >> 32);
}

void random_token(struct random *random, char *text, size_t chars)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	random_fill(random, text, chars);
	for (size_t i = 0; i < chars; i++)
		text[i] = alphabet[(unsigned char)text[i] & 31];
	text[chars] = '\0';
}
