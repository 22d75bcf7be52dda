/*
 * Intrusive hash map with slice keys. The hash is keyed (SipHash-2-4), because the keys come from
 * the network: nobody outside can make them collide.
 */
#pragma once

#include "base/slice.h"

struct random;

struct map_node {
	struct map_node *next;
	uint64_t hash;
	struct slice key; /* bytes owned by the thing that holds the node */
	bool in_map;
};

struct map {
	struct map_node **buckets;
	size_t bucket_count, count;
	uint64_t key[2];
};

/** An empty map; `random` gives its key and is not kept. */
void map_init(struct map *map, struct random *random);
/** Frees the buckets; the things are their owners'. */
void map_fini(struct map *map);
/** Add under `key`, whose bytes must live as long as the node is in the map. Equal keys may be added: find gives the
 * newest. */
void map_add(struct map *map, struct map_node *node, struct slice key);
/** The newest node with this key, or NULL; borrowed. */
struct map_node *map_find(const struct map *map, struct slice key);
/** The next older node with the same key, or NULL. */
struct map_node *map_find_next(const struct map_node *node);
/** Leave the map; harmless for a node that is not in it. */
void map_remove(struct map *map, struct map_node *node);
uint64_t map_siphash(const uint64_t key[2], struct slice bytes);

/* What stands for a key that is too long to be kept: 128 bits that nobody outside can make collide. */
struct fingerprint {
	uint64_t half[2];
};
/** Of these bytes under this map's own key (SipHash-2-4 with its output of 128 bits). */
struct fingerprint map_fingerprint(const struct map *map, struct slice bytes);

static inline struct slice fingerprint_slice(const struct fingerprint *fingerprint)
{
	return slice_make(fingerprint->half, sizeof fingerprint->half);
}
