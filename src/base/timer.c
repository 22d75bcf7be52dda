#include "base/timer.h"

#include "base/xmalloc.h"

void timers_init(struct timers *timers, int64_t now_us)
{
	*timers = (struct timers){ .now_us = now_us };
}

void timers_fini(struct timers *timers)
{
	for (size_t i = 0; i < timers->count; i++)
		timers->heap[i]->slot = 0;
	free(timers->heap);
	timers_init(timers, timers->now_us);
}

static bool before(const struct timer *a, const struct timer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void place(struct timers *timers, size_t i, struct timer *timer)
{
	timers->heap[i] = timer;
	timer->slot = i + 1;
}

static void sift_up(struct timers *timers, size_t i)
{
	struct timer *timer = timers->heap[i];

	while (i > 0 && before(timer, timers->heap[(i - 1) / 2])) {
		place(timers, i, timers->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(timers, i, timer);
}

static void sift_down(struct timers *timers, size_t i)
{
	struct timer *timer = timers->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= timers->count)
			break;
		if (child + 1 < timers->count && before(timers->heap[child + 1], timers->heap[child]))
			child++;
		if (!before(timers->heap[child], timer))
			break;
		place(timers, i, timers->heap[child]);
		i = child;
	}
	place(timers, i, timer);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
	if (!timer->slot)
		return;
	size_t i = timer->slot - 1;
	timer->slot = 0;
	struct timer *last = timers->heap[--timers->count];
	if (last == timer)
		return;
	place(timers, i, last);
	sift_up(timers, i);
	sift_down(timers, last->slot - 1);
}

void timer_start(struct timers *timers, struct timer *timer, int64_t after_us, timer_h *fire, void *arg)
{
	timer_stop(timers, timer);
	timer->due_us = timers->now_us + (after_us > 0 ? after_us : 0);
	timer->order = ++timers->started;
	timer->fire = fire;
	timer->arg = arg;
	if (timers->count == timers->room) {
		timers->room = timers->room ? timers->room * 2 : 32;
		timers->heap = xrealloc(timers->heap, timers->room * sizeof *timers->heap);
	}
	place(timers, timers->count++, timer);
	sift_up(timers, timers->count - 1);
}

int64_t timers_next_us(const struct timers *timers)
{
	return timers->count ? timers->heap[0]->due_us : INT64_MAX;
}

void timers_run(struct timers *timers, int64_t now_us)
{
	if (now_us > timers->now_us)
		timers->now_us = now_us;
	uint64_t newest = timers->started;
	while (timers->count && timers->heap[0]->due_us <= timers->now_us) {
		struct timer *timer = timers->heap[0];
		if (timer->order > newest)
			break;
		timer_stop(timers, timer);
		timer->fire(timer->arg);
	}
}

void timers_advance(struct timers *timers, int64_t us)
{
	int64_t end = timers->now_us + us;

	for (;;) {
		int64_t next = timers_next_us(timers);
		if (next > end)
			break;
		timers_run(timers, next);
	}
	timers_run(timers, end);
}

bool pace_takes(struct pace *pace, int64_t now_us, int64_t each_us, unsigned at_once)
{
	if (pace->owed_us < now_us)
		pace->owed_us = now_us;
	if (pace->owed_us - now_us > ((int64_t)at_once - 1) * each_us)
		return false;
	pace->owed_us += each_us;
	return true;
}
