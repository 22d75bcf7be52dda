#include "base/map.h"

#include "base/random.h"
#include "base/xmalloc.h"

enum { FIRST_BUCKETS = 16 };

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* The bytes mixed into the state, the last block with their number. */
static void sip_absorb(uint64_t v[4], const uint64_t key[2], struct slice bytes)
{
	uint64_t last = (uint64_t)bytes.n << 56;
	size_t whole = bytes.n & ~(size_t)7;

	v[0] ^= key[0] ^ 0x736f6d6570736575;
	v[1] ^= key[1] ^ 0x646f72616e646f6d;
	v[2] ^= key[0] ^ 0x6c7967656e657261;
	v[3] ^= key[1] ^ 0x7465646279746573;
	for (size_t i = 0; i < whole; i += 8) {
		uint64_t word = 0;
		for (size_t k = 0; k < 8; k++)
			word |= (uint64_t)(unsigned char)bytes.p[i + k] << (8 * k);
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t k = 0; whole + k < bytes.n; k++)
		last |= (uint64_t)(unsigned char)bytes.p[whole + k] << (8 * k);
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
}

static uint64_t sip_squeeze(uint64_t v[4])
{
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t map_siphash(const uint64_t key[2], struct slice bytes)
{
	uint64_t v[4] = { 0 };

	sip_absorb(v, key, bytes);
	v[2] ^= 0xff;
	return sip_squeeze(v);
}

/* The longer output differs from the first state on, so that it tells nothing of the shorter one. */
struct fingerprint map_fingerprint(const struct map *map, struct slice bytes)
{
	uint64_t v[4] = { 0, 0xee, 0, 0 };
	struct fingerprint fingerprint;

	sip_absorb(v, map->key, bytes);
	v[2] ^= 0xee;
	fingerprint.half[0] = sip_squeeze(v);
	v[1] ^= 0xdd;
	fingerprint.half[1] = sip_squeeze(v);
	return fingerprint;
}

void map_init(struct map *map, struct random *random)
{
	*map = (struct map){ .bucket_count = FIRST_BUCKETS };
	map->buckets = xcalloc(map->bucket_count, sizeof *map->buckets);
	random_fill(random, map->key, sizeof map->key);
}

void map_fini(struct map *map)
{
	free(map->buckets);
	map->buckets = NULL;
	map->bucket_count = map->count = 0;
}

static struct map_node **bucket_of(const struct map *map, uint64_t hash)
{
	return &map->buckets[hash & (map->bucket_count - 1)];
}

/* Oldest first within a bucket would turn the order of equal keys round; so links are appended. */
static void grow(struct map *map)
{
	struct map_node **old = map->buckets;
	size_t old_count = map->bucket_count;

	map->bucket_count *= 2;
	map->buckets = xcalloc(map->bucket_count, sizeof *map->buckets);
	for (size_t i = 0; i < old_count; i++) {
		struct map_node *node = old[i];
		while (node) {
			struct map_node *next = node->next;
			struct map_node **at = bucket_of(map, node->hash);
			while (*at)
				at = &(*at)->next;
			node->next = NULL;
			*at = node;
			node = next;
		}
	}
	free(old);
}

void map_add(struct map *map, struct map_node *node, struct slice key)
{
	if (map->count >= map->bucket_count)
		grow(map);
	node->key = key;
	node->hash = map_siphash(map->key, key);
	node->in_map = true;
	struct map_node **at = bucket_of(map, node->hash);
	node->next = *at;
	*at = node;
	map->count++;
}

static struct map_node *match(struct map_node *node, uint64_t hash, struct slice key)
{
	while (node && !(node->hash == hash && slice_eq(node->key, key)))
		node = node->next;
	return node;
}

struct map_node *map_find(const struct map *map, struct slice key)
{
	uint64_t hash = map_siphash(map->key, key);

	return match(*bucket_of(map, hash), hash, key);
}

struct map_node *map_find_next(const struct map_node *node)
{
	return match(node->next, node->hash, node->key);
}

void map_remove(struct map *map, struct map_node *node)
{
	if (!node->in_map)
		return;
	struct map_node **at = bucket_of(map, node->hash);
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->next = NULL;
	node->in_map = false;
	map->count--;
}
