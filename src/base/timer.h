/*
 * Timers on an injected clock: a binary heap. Time is microseconds of a monotonic clock, read once
 * per turn by whoever turns the loop; in tests it is set by hand, so 32 seconds pass in no time.
 *
 * A timer is a member of its owner; the owner stops it before it goes.
 */
#pragma once

#include "base/base.h"

typedef void timer_h(void *arg);

struct timer {
	int64_t due_us;
	uint64_t order;  /* equal due times fire in the order they were started */
	size_t slot;     /* place in the heap + 1; 0 = not running */
	timer_h *fire;
	void *arg;
};

struct timers {
	int64_t now_us;
	struct timer **heap;
	size_t count, room;
	uint64_t started;
};

void timers_init(struct timers *timers, int64_t now_us);
/** Frees the heap; timers still running are forgotten. */
void timers_fini(struct timers *timers);
/** When the next timer is due, or INT64_MAX. */
int64_t timers_next_us(const struct timers *timers);
/**
 * Set the clock (never back) and fire what was due, in order of due time. A timer started by a
 * handler with a due time not after now fires in the next call, so no handler can starve the loop.
 */
void timers_run(struct timers *timers, int64_t now_us);
/** Virtual time: step from due time to due time until `now_us + us` is reached. For tests and simulations. */
void timers_advance(struct timers *timers, int64_t us);

/** (Re)start: `fire(arg)` is called once, `after_us` from now; negative counts as 0. Never calls back before it
 * returns. */
void timer_start(struct timers *timers, struct timer *timer, int64_t after_us, timer_h *fire, void *arg);
/** Harmless when not running. */
void timer_stop(struct timers *timers, struct timer *timer);

static inline bool timer_running(const struct timer *timer)
{
	return timer->slot != 0;
}

/** How much of what others can bring about without end is let through; zeroed: nothing was yet. */
struct pace {
	int64_t owed_us; /* when all that was let through would have been due, one after the other */
};

/**
 * May one more be let through? `at_once` in a row, and then one each `each_us`. What may not does not count.
 * @param now_us  of struct timers
 */
bool pace_takes(struct pace *pace, int64_t now_us, int64_t each_us, unsigned at_once);
