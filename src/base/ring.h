/*
 * Single producer, single consumer queue of fixed-size records: the only thing two threads, or the
 * phone and its sound helper, share. Lock-free; it may live in shared memory, since it holds offsets
 * and no pointers.
 */
#pragma once

#include "base/base.h"

#include <stdatomic.h>

struct ring {
	_Alignas(64) _Atomic uint32_t head; /* records ever written, modulo 2^32; the producer's */
	_Alignas(64) _Atomic uint32_t tail; /* records ever read; the consumer's */
	_Alignas(64) uint32_t capacity;     /* records; a power of two */
	uint32_t record_bytes;
	_Alignas(64) unsigned char bytes[];
};

/** Bytes that a ring of `capacity` (a power of two) records needs. */
size_t ring_bytes(uint32_t capacity, uint32_t record_bytes);
/** Make a ring in `memory` of ring_bytes(), 64-byte aligned. */
struct ring *ring_init(void *memory, uint32_t capacity, uint32_t record_bytes);
/** A ring of one's own; free() releases it. */
struct ring *ring_new(uint32_t capacity, uint32_t record_bytes);
/** Records that wait. Exact for the consumer, at least this many have room for the producer. */
uint32_t ring_count(const struct ring *ring);
/** Records for which there is room. */
uint32_t ring_room(const struct ring *ring);
/** Producer: write up to `n` records. @return how many fitted */
uint32_t ring_write(struct ring *ring, const void *records, uint32_t n);
/** Consumer: take up to `n` records. @return how many there were */
uint32_t ring_read(struct ring *ring, void *records, uint32_t n);
