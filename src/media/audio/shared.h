/*
 * What the phone and its sound helper share: a page of state and a ring of samples for each side, in a memfd that the
 * phone made. The helper inherits it as descriptor 3, an eventfd as 4 (written after each callback), and a pipe as
 * standard input whose end tells it to go.
 */
#pragma once

#include "base/ring.h"

enum { SOUND_MAGIC = 0x6f667332, SOUND_RING_FRAMES = 16384, SOUND_SHM_FD = 3, SOUND_WAKE_FD = 4 };
enum sound_state { SOUND_STARTING, SOUND_RUNNING, SOUND_FAILED };
enum { SOUND_IN, SOUND_OUT, SOUND_SIDES };

struct sound_side {
	_Atomic uint32_t rate_hz;      /* valid when RUNNING */
	_Atomic uint32_t period_frames; /* the largest callback so far */
	_Atomic uint32_t callbacks;    /* grows while the device is alive */
	_Atomic uint32_t xruns;
	char device[128];              /* the device's full name, when RUNNING */
};

struct sound_shared {
	uint32_t magic;
	_Atomic uint32_t state;        /* enum sound_state; the helper's */
	_Atomic uint32_t error;        /* enum err when FAILED */
	_Atomic uint32_t duplex;       /* both sides are one stream: one callback, one clock */
	char message[128];             /* why, when FAILED; written before state */
	struct sound_side sides[SOUND_SIDES];
	_Alignas(64) unsigned char ring_memory[]; /* a struct ring of int16_t, mono, at rate_hz, for each side */
};

static inline size_t sound_ring_bytes(void)
{
	return ring_bytes(SOUND_RING_FRAMES, sizeof(int16_t));
}

static inline struct ring *sound_ring(struct sound_shared *shared, int side)
{
	return (struct ring *)(void *)(shared->ring_memory + (size_t)side * sound_ring_bytes());
}

static inline size_t sound_shared_bytes(void)
{
	return sizeof(struct sound_shared) + SOUND_SIDES * sound_ring_bytes();
}
