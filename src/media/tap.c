#include "media/tap.h"

#include "base/xmalloc.h"

#include <pthread.h>
#include <string.h>

/* Packets stand one behind the other; those that would pass the end begin at the start. `size` 0: the rest is
 * unused. */
struct record {
	uint32_t size, bytes; /* with and without this and what rounds it up */
	int64_t unix_us;
	uintptr_t user;
	struct address local, remote;
	bool sent;
};

struct tap {
	pthread_mutex_t lock;
	size_t room, head, tail, used; /* head: the oldest; tail: where the next goes */
	char *memory;
};

enum { ALIGNMENT = 8 };

struct tap *tap_new(size_t bytes)
{
	struct tap *tap = xcalloc(1, sizeof *tap);

	pthread_mutex_init(&tap->lock, NULL);
	tap->room = bytes / ALIGNMENT * ALIGNMENT;
	tap->memory = xcalloc(1, tap->room); /* pages of the system, given when first written to */
	return tap;
}

void tap_free(struct tap *tap)
{
	if (!tap)
		return;
	pthread_mutex_destroy(&tap->lock);
	free(tap->memory);
	free(tap);
}

/* What stands at `at`, or at the start when nothing does. */
static struct record *record_at(const struct tap *tap, size_t *at)
{
	struct record *record = (struct record *)(void *)(tap->memory + *at);

	if (tap->room - *at < sizeof *record || !record->size) {
		*at = 0;
		record = (struct record *)(void *)tap->memory;
	}
	return record;
}

static void drop_oldest(struct tap *tap)
{
	size_t at = tap->head;
	const struct record *record = record_at(tap, &at);

	tap->head = at + record->size;
	tap->used--;
	if (!tap->used)
		tap->head = tap->tail = 0;
}

/* Bytes that nothing stands in, in one piece from `tail` on. */
static size_t free_behind(const struct tap *tap)
{
	if (!tap->used || tap->head < tap->tail)
		return tap->room - tap->tail;
	return tap->head - tap->tail;
}

static void add(struct tap *tap, const struct tap_packet *packet)
{
	size_t size = (sizeof(struct record) + packet->bytes.n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	if (size > tap->room / 2)
		return;
	while (free_behind(tap) < size) {
		if (tap->used && tap->head >= tap->tail) {
			drop_oldest(tap);
			continue;
		}
		/* The rest up to the end is too short. */
		if (tap->room - tap->tail >= sizeof(uint32_t))
			((struct record *)(void *)(tap->memory + tap->tail))->size = 0;
		tap->tail = 0;
		/* The oldest may stand at the very start: then the ring is full. */
		while (tap->used && tap->head < size)
			drop_oldest(tap);
		if (!tap->used)
			break;
	}
	struct record *record = (struct record *)(void *)(tap->memory + tap->tail);
	*record = (struct record){ (uint32_t)size, (uint32_t)packet->bytes.n, packet->unix_us, packet->user,
				   packet->local,  packet->remote,	      packet->sent };
	memcpy(record + 1, packet->bytes.p, packet->bytes.n);
	tap->tail += size;
	tap->used++;
}

void tap_add(struct tap *tap, const struct tap_packet *packet)
{
	if (!tap || pthread_mutex_trylock(&tap->lock))
		return;
	add(tap, packet);
	pthread_mutex_unlock(&tap->lock);
}

void tap_each(struct tap *tap, tap_h *each, void *arg)
{
	pthread_mutex_lock(&tap->lock);
	size_t at = tap->head;
	for (size_t i = 0; i < tap->used; i++) {
		const struct record *record = record_at(tap, &at);
		each(arg, &(struct tap_packet){ record->unix_us, record->user, record->sent, record->local,
						record->remote, slice_make(record + 1, record->bytes) });
		at += record->size;
	}
	pthread_mutex_unlock(&tap->lock);
}
