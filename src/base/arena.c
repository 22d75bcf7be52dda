#include "base/arena.h"

#include "base/xmalloc.h"

#include <stdarg.h>
#include <stdio.h>

/* The first block is small: most arenas hold a few texts, and many of them live as long as a call. */
enum { FIRST_BYTES = 1008, BLOCK_BYTES = 4080, ALIGN = 16 };

struct arena_block {
	struct arena_block *older;
	_Alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){ 0 };
}

void arena_fini(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *older = arena->blocks->older;
		free(arena->blocks);
		arena->blocks = older;
	}
	arena_init(arena);
}

static void *new_block(struct arena *arena, size_t bytes)
{
	struct arena_block *block = xmalloc(sizeof *block + bytes);

	block->older = arena->blocks;
	arena->blocks = block;
	return block->bytes;
}

void *arena_take(struct arena *arena, size_t bytes)
{
	size_t need = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	char *p;

	if (need > BLOCK_BYTES / 2) {
		p = new_block(arena, need);
	} else {
		if (need > (size_t)(arena->end - arena->next)) {
			size_t room = arena->blocks || need > FIRST_BYTES ? BLOCK_BYTES : FIRST_BYTES;
			arena->next = new_block(arena, room);
			arena->end = arena->next + room;
		}
		p = arena->next;
		arena->next += need;
	}
	return p;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	return memset(arena_take(arena, bytes), 0, bytes);
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
	char *p = arena_take(arena, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return slice_make(p, s.n);
}

struct slice arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	struct slice copy = arena_copy(arena, slice_of(text));
	free(text);
	return copy;
}
