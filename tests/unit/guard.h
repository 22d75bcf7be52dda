/*
 * Input at the end of its memory: the byte behind it lies in a page that may not be touched, and so does the byte
 * before the pages it may lie in. A parser that reads one byte too far ends the test.
 */
#pragma once

#include "base/slice.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
	char *map;
	size_t bytes;  /* of the whole mapping */
	size_t room;   /* that may be read and written, before the last page */
};

/** Room for inputs of up to `room` bytes. */
static inline struct guard guard_new(size_t room)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct guard guard = { .room = (room + page - 1) / page * page };

	guard.bytes = guard.room + 2 * page;
	guard.map = mmap(NULL, guard.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(guard.map != MAP_FAILED);
	int refused = mprotect(guard.map + page, guard.room, PROT_READ | PROT_WRITE);
	assert(!refused);
	(void)refused;
	return guard;
}

/** `s` placed so that it ends where the memory ends. The next call takes the place again. */
static inline struct slice guard_place(const struct guard *guard, struct slice s)
{
	char *end = guard->map + guard->bytes - (size_t)sysconf(_SC_PAGESIZE);

	assert(s.n <= guard->room);
	if (s.n)
		memmove(end - s.n, s.p, s.n);
	return slice_make(end - s.n, s.n);
}

static inline void guard_free(struct guard *guard)
{
	munmap(guard->map, guard->bytes);
	guard->map = NULL;
}
