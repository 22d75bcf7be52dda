#include "base/ring.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <string.h>

size_t ring_bytes(uint32_t capacity, uint32_t record_bytes)
{
	size_t bytes = sizeof(struct ring) + (size_t)capacity * record_bytes;

	return (bytes + 63) & ~(size_t)63;
}

struct ring *ring_init(void *memory, uint32_t capacity, uint32_t record_bytes)
{
	struct ring *ring = memory;

	assert(capacity && !(capacity & (capacity - 1)) && record_bytes);
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
	ring->capacity = capacity;
	ring->record_bytes = record_bytes;
	return ring;
}

struct ring *ring_new(uint32_t capacity, uint32_t record_bytes)
{
	void *memory = aligned_alloc(64, ring_bytes(capacity, record_bytes));

	if (!memory)
		abort();
	return ring_init(memory, capacity, record_bytes);
}

uint32_t ring_count(const struct ring *ring)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	uint32_t count = head - tail;

	/* Shared memory may be damaged by a dying peer: never believe more than fits. */
	return count <= ring->capacity ? count : ring->capacity;
}

uint32_t ring_room(const struct ring *ring)
{
	return ring->capacity - ring_count(ring);
}

static void *record_at(struct ring *ring, uint32_t position)
{
	return ring->bytes + (size_t)(position & (ring->capacity - 1)) * ring->record_bytes;
}

uint32_t ring_write(struct ring *ring, const void *records, uint32_t n)
{
	uint32_t room = ring_room(ring);
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (n > room)
		n = room;
	uint32_t to_end = ring->capacity - (head & (ring->capacity - 1));
	uint32_t first = n < to_end ? n : to_end;
	memcpy(record_at(ring, head), records, (size_t)first * ring->record_bytes);
	memcpy(ring->bytes, (const char *)records + (size_t)first * ring->record_bytes,
	       (size_t)(n - first) * ring->record_bytes);
	atomic_store_explicit(&ring->head, head + n, memory_order_release);
	return n;
}

uint32_t ring_read(struct ring *ring, void *records, uint32_t n)
{
	uint32_t count = ring_count(ring);
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (n > count)
		n = count;
	uint32_t to_end = ring->capacity - (tail & (ring->capacity - 1));
	uint32_t first = n < to_end ? n : to_end;
	memcpy(records, record_at(ring, tail), (size_t)first * ring->record_bytes);
	memcpy((char *)records + (size_t)first * ring->record_bytes, ring->bytes,
	       (size_t)(n - first) * ring->record_bytes);
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
	return n;
}
