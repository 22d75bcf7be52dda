/*
 * Many small allocations that are freed together: what one SIP message or one SDP needs.
 */
#pragma once

#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	char *next, *end;
};

/** An empty arena; its first block is made when first needed. */
void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);
/** Memory that lives as long as the arena, zeroed, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t bytes) __attribute__((returns_nonnull));
/** The same, but not zeroed: for what is filled whole. */
void *arena_take(struct arena *arena, size_t bytes) __attribute__((returns_nonnull));
/** A copy of `s` in the arena, with a NUL behind it that is not counted. */
struct slice arena_copy(struct arena *arena, struct slice s);
struct slice arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
