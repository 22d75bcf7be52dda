#include "loop/loop.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <time.h>
#include <uv.h>

#define SLEPT_US (3 * SECOND_US) /* less is a hiccup, and told to nobody */
#define SLEEP_LEAST_US (20 * MS_US) /* less is what reading two clocks differs by */

struct turn_end {
	loop_h *handler;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t alive; /* an active handle: a loop with nothing to watch waits for its timers */
	uv_timer_t alarm;   /* wakes us when the next of `timers` is due; stopped when there is none */
	uv_idle_t hurry;    /* active: libuv must not wait in this turn */
	struct timers timers;
	struct turn_end *ends;
	size_t end_count;
	loop_slept_h *slept;
	void *slept_arg;
	int64_t asleep_first_us, asleep_us; /* when the loop was made, and at this turn */
	loop_h *on_resume;
	void *resume_arg;
	bool begun;         /* the clock was read for this turn */
	bool again;         /* somebody wants another turn at once */
	bool stopped;
};

struct loop_watch {
	uv_poll_t poll;
	struct loop *loop;
	loop_watch_h *handler;
	void *arg;
	int events;
	bool closed;
};

struct loop_signal {
	uv_signal_t signal;
	struct loop *loop;
	loop_signal_h *handler;
	void *arg;
	bool closed;
};

static int64_t read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

/* The one clock stands still while the computer sleeps, the other does not. They are read again when something came
 * between. */
static int64_t slept_us(void *arg)
{
	int64_t before_us, all_us, after_us;
	int tries = 0;

	(void)arg;
	do {
		before_us = read_us(CLOCK_MONOTONIC);
		all_us = read_us(CLOCK_BOOTTIME);
		after_us = read_us(CLOCK_MONOTONIC);
	} while (after_us - before_us > MS_US && ++tries < 10);
	return all_us - after_us;
}

/* How far our clock is before libuv's. */
static int64_t ahead_us(const struct loop *loop)
{
	return loop->asleep_us - loop->asleep_first_us;
}

static int64_t clock_us(const struct loop *loop)
{
	return (int64_t)(uv_hrtime() / 1000) + ahead_us(loop);
}

static void on_prepare(uv_prepare_t *prepare)
{
	(void)prepare;
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

/*
 * The due timers fire in loop_begin_turn(). When libuv finds the alarm due before it polls, it would now wait without
 * limit, because no other timer of its own is running: an idle handle keeps it from that.
 */
static void on_alarm(uv_timer_t *alarm)
{
	struct loop *loop = CONTAINER_OF(alarm, struct loop, alarm);

	uv_idle_start(&loop->hurry, on_idle);
}

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof *loop);
	int rc = uv_loop_init(&loop->uv);

	assert(rc == 0);
	rc = uv_prepare_init(&loop->uv, &loop->alive);
	assert(rc == 0);
	uv_prepare_start(&loop->alive, on_prepare);
	rc = uv_timer_init(&loop->uv, &loop->alarm);
	assert(rc == 0);
	rc = uv_idle_init(&loop->uv, &loop->hurry);
	assert(rc == 0);
	(void)rc;
	loop->slept = slept_us;
	loop->asleep_first_us = loop->asleep_us = slept_us(NULL);
	timers_init(&loop->timers, clock_us(loop));
	return loop;
}

/* Anything else would keep loop_free() waiting for ever; a killed child is waited for, shortly. */
static void check_closed(uv_handle_t *handle, void *arg)
{
	(void)arg;
	assert(uv_is_closing(handle) || (handle->type == UV_SIGNAL && handle->data));
	(void)handle;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop->begun = true; /* no timer fires any more */
	uv_close((uv_handle_t *)&loop->alive, NULL);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	uv_close((uv_handle_t *)&loop->hurry, NULL);
	uv_walk(&loop->uv, check_closed, NULL);
	while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
		;
	int rc = uv_loop_close(&loop->uv);
	assert(rc == 0);
	(void)rc;
	timers_fini(&loop->timers);
	free(loop->ends);
	free(loop);
}

struct timers *loop_timers(struct loop *loop)
{
	return &loop->timers;
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

void loop_begin_turn(struct loop *loop)
{
	if (loop->begun)
		return;
	loop->begun = true;
	int64_t asleep_us = loop->slept(loop->slept_arg), more_us = asleep_us - loop->asleep_us;
	if (more_us >= SLEEP_LEAST_US)
		loop->asleep_us = asleep_us;
	int64_t now_us = clock_us(loop);
	if (more_us >= SLEPT_US && loop->on_resume) {
		loop->timers.now_us = now_us;
		loop->on_resume(loop->resume_arg);
	}
	timers_run(&loop->timers, now_us);
}

void loop_on_resume(struct loop *loop, loop_h *handler, void *arg)
{
	loop->on_resume = handler;
	loop->resume_arg = arg;
}

void loop_measure_sleep(struct loop *loop, loop_slept_h *slept, void *arg)
{
	int64_t ahead = ahead_us(loop);

	loop->slept = slept;
	loop->slept_arg = arg;
	loop->asleep_us = slept(arg);
	loop->asleep_first_us = loop->asleep_us - ahead;
}

/* Handlers may add handlers: the array may move while it is walked. */
static void end_turn(struct loop *loop)
{
	for (size_t i = 0; i < loop->end_count; i++) {
		struct turn_end end = loop->ends[i];
		end.handler(end.arg);
	}
}

/*
 * libuv counts whole milliseconds of the time awake. The alarm is set in absolute time, rounded up, so that it never
 * rings before the timer is due and costs one wake-up, not two.
 */
static void set_alarm(struct loop *loop, int64_t next_us)
{
	if (next_us == INT64_MAX) {
		uv_timer_stop(&loop->alarm);
		return;
	}
	uv_update_time(&loop->uv);
	uint64_t now_ms = uv_now(&loop->uv), next_ms = ((uint64_t)(next_us - ahead_us(loop)) + 999) / 1000;
	uv_timer_start(&loop->alarm, on_alarm, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

static void wait_for_events(struct loop *loop)
{
	int64_t next_us = timers_next_us(&loop->timers);
	bool at_once = loop->again || next_us <= loop->timers.now_us;

	loop->again = false;
	loop->begun = false;
	uv_idle_stop(&loop->hurry);
	if (at_once)
		uv_timer_stop(&loop->alarm);
	else
		set_alarm(loop, next_us);
	uv_run(&loop->uv, at_once ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	loop_begin_turn(loop);
	end_turn(loop);
	while (!loop->stopped) {
		wait_for_events(loop);
		loop_begin_turn(loop);
		end_turn(loop);
	}
	loop->begun = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

void loop_at_turn_end(struct loop *loop, loop_h *handler, void *arg)
{
	loop->ends = xrealloc(loop->ends, (loop->end_count + 1) * sizeof *loop->ends);
	loop->ends[loop->end_count++] = (struct turn_end){ handler, arg };
}

void loop_again(struct loop *loop)
{
	loop->again = true;
}

static int uv_events(int events)
{
	return (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void start_poll(struct loop_watch *watch)
{
	int rc = watch->events ? uv_poll_start(&watch->poll, uv_events(watch->events), on_poll)
			       : uv_poll_stop(&watch->poll);

	assert(rc == 0);
	(void)rc;
}

/* libuv stops watching a descriptor that has an error; we go on, because an error queue is read like anything else. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct loop_watch *watch = CONTAINER_OF(poll, struct loop_watch, poll);
	int ours = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);

	if (status < 0) {
		start_poll(watch);
		ours = watch->events | LOOP_ERROR;
	}
	loop_begin_turn(watch->loop);
	/* A timer that fired just now may have closed the watch or changed what it waits for. */
	ours &= watch->events | LOOP_ERROR;
	if (!watch->closed && ours)
		watch->handler(watch->arg, ours);
}

struct loop_watch *loop_watch(struct loop *loop, int fd, int events, loop_watch_h *handler, void *arg)
{
	struct loop_watch *watch = xcalloc(1, sizeof *watch);

	watch->loop = loop;
	watch->handler = handler;
	watch->arg = arg;
	watch->events = events;
	int rc = uv_poll_init(&loop->uv, &watch->poll, fd);
	assert(rc == 0);
	(void)rc;
	start_poll(watch);
	return watch;
}

void loop_watch_change(struct loop_watch *watch, int events)
{
	if (watch->events == events)
		return;
	watch->events = events;
	start_poll(watch);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(CONTAINER_OF(handle, struct loop_watch, poll));
}

void loop_unwatch(struct loop_watch *watch)
{
	if (!watch)
		return;
	watch->closed = true;
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct loop_signal *signal = CONTAINER_OF(handle, struct loop_signal, signal);

	loop_begin_turn(signal->loop);
	if (!signal->closed)
		signal->handler(signal->arg, number);
}

struct loop_signal *loop_signal(struct loop *loop, int number, loop_signal_h *handler, void *arg)
{
	struct loop_signal *signal = xcalloc(1, sizeof *signal);

	signal->loop = loop;
	signal->handler = handler;
	signal->arg = arg;
	int rc = uv_signal_init(&loop->uv, &signal->signal);
	assert(rc == 0);
	rc = uv_signal_start(&signal->signal, on_signal, number);
	assert(rc == 0);
	(void)rc;
	return signal;
}

static void on_signal_closed(uv_handle_t *handle)
{
	free(CONTAINER_OF(handle, struct loop_signal, signal));
}

void loop_signal_free(struct loop_signal *signal)
{
	if (!signal)
		return;
	signal->closed = true;
	uv_close((uv_handle_t *)&signal->signal, on_signal_closed);
}
