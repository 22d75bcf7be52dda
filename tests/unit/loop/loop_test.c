/* Turns, timers, watches, signals and children, on the real loop. */
#include "loop/loop.h"

#include "base/slice.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct loop *loop;
	struct timer guard;     /* no test may hang */
	struct timer timers[4];
	char order[64];         /* what happened, a letter each */
	size_t happened;
	struct loop_watch *watch, *other;
	struct loop_signal *signal;
	int fds[2];
	int events, turns, status;
	char output[65536];
	size_t output_bytes;
};

static void note(struct world *w, char c)
{
	if (w->happened < sizeof w->order - 1)
		w->order[w->happened++] = c;
}

static void too_late(void *arg)
{
	(void)arg;
	fail_msg("the test did not end within 60 s");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->loop = loop_new();
	timer_start(loop_timers(w->loop), &w->guard, 60 * SECOND_US, too_late, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	timer_stop(loop_timers(w->loop), &w->guard);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void fire_a(void *arg)
{
	note(arg, 'a');
}

static void fire_b(void *arg)
{
	note(arg, 'b');
}

static void fire_stop(void *arg)
{
	struct world *w = arg;

	note(w, 's');
	loop_stop(w->loop);
}

static void end_e(void *arg)
{
	struct world *w = arg;

	w->turns++;
	note(w, 'e');
}

static void test_timers_fire_in_order_and_the_turn_is_finished(void **state)
{
	struct world *w = *state;
	struct timers *timers = loop_timers(w->loop);
	int64_t before = timers->now_us;

	timer_start(timers, &w->timers[0], 30 * MS_US, fire_stop, w);
	timer_start(timers, &w->timers[1], 10 * MS_US, fire_b, w);
	timer_start(timers, &w->timers[2], 5 * MS_US, fire_a, w);
	timer_start(timers, &w->timers[3], 5 * MS_US, fire_b, w);
	timer_stop(timers, &w->timers[3]);
	loop_at_turn_end(w->loop, end_e, w);
	loop_run(w->loop);
	assert_true(timers->now_us - before >= 30 * MS_US);
	/* One turn end before the first wait; then each turn ends after its timers, the last one too. */
	assert_int_equal(w->order[0], 'e');
	assert_int_equal(w->order[w->happened - 1], 'e');
	assert_int_equal(w->order[w->happened - 2], 's');
	assert_non_null(strchr(w->order, 'a'));
	assert_true(strchr(w->order, 'a') < strchr(w->order, 'b'));
	assert_null(strchr(strchr(w->order, 'b') + 1, 'b'));
}

static void test_waiting_costs_no_turns(void **state)
{
	struct world *w = *state;

	loop_at_turn_end(w->loop, end_e, w);
	timer_start(loop_timers(w->loop), &w->timers[0], 60 * MS_US, fire_stop, w);
	clock_t cpu = clock();
	loop_run(w->loop);
	/* The first turn end, the one of the timer, and one more where the system's clocks are coarse. */
	assert_in_range(w->turns, 2, 3);
	assert_true(clock() - cpu < CLOCKS_PER_SEC / 20);
}

static void end_again(void *arg)
{
	struct world *w = arg;

	if (++w->turns < 5)
		loop_again(w->loop);
	else
		loop_stop(w->loop);
}

static void test_again_takes_another_turn_without_waiting(void **state)
{
	struct world *w = *state;

	loop_at_turn_end(w->loop, end_again, w);
	loop_run(w->loop);
	assert_int_equal(w->turns, 5);
}

static void fire_zero(void *arg)
{
	struct world *w = arg;

	if (++w->events == 3)
		loop_stop(w->loop);
	else
		timer_start(loop_timers(w->loop), &w->timers[0], 0, fire_zero, w);
}

static void test_a_timer_due_at_once_fires_in_the_next_turn(void **state)
{
	struct world *w = *state;

	loop_at_turn_end(w->loop, end_e, w);
	timer_start(loop_timers(w->loop), &w->timers[0], 0, fire_zero, w);
	loop_run(w->loop);
	assert_int_equal(w->events, 3);
	assert_in_range(w->turns, 3, 4);
}

static void on_readable(void *arg, int events)
{
	struct world *w = arg;
	char byte;

	w->events |= events;
	assert_int_equal(read(w->fds[0], &byte, 1), 1);
	note(w, byte);
	if (byte == 'z') {
		loop_unwatch(w->watch);
		close(w->fds[0]);
		loop_stop(w->loop);
	}
}

static void write_z(void *arg)
{
	struct world *w = arg;

	assert_int_equal(write(w->fds[1], "yz", 2), 2);
}

static void test_a_watch_tells_and_may_be_ended_inside_its_handler(void **state)
{
	struct world *w = *state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds), 0);
	w->watch = loop_watch(w->loop, w->fds[0], LOOP_READ, on_readable, w);
	assert_int_equal(write(w->fds[1], "x", 1), 1);
	timer_start(loop_timers(w->loop), &w->timers[0], 5 * MS_US, write_z, w);
	loop_run(w->loop);
	assert_string_equal(w->order, "xyz");
	assert_int_equal(w->events, LOOP_READ);
	close(w->fds[1]);
}

static void on_both(void *arg, int events)
{
	struct world *w = arg;

	w->events |= events;
	loop_watch_change(w->watch, 0);
	timer_start(loop_timers(w->loop), &w->timers[0], 5 * MS_US, fire_stop, w);
	note(w, 'w');
}

static void test_a_watch_changed_to_nothing_is_silent(void **state)
{
	struct world *w = *state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds), 0);
	w->watch = loop_watch(w->loop, w->fds[0], LOOP_READ, on_both, w);
	loop_watch_change(w->watch, LOOP_WRITE);
	loop_run(w->loop);
	assert_int_equal(w->events, LOOP_WRITE);
	assert_string_equal(w->order, "ws");
	loop_unwatch(w->watch);
	close(w->fds[0]);
	close(w->fds[1]);
}

static void on_first_of_two(void *arg, int events)
{
	struct world *w = arg;

	(void)events;
	note(w, '1');
	loop_unwatch(w->watch);
	loop_unwatch(w->other);
	w->watch = w->other = NULL;
	timer_start(loop_timers(w->loop), &w->timers[0], 2 * MS_US, fire_stop, w);
}

static void test_a_watch_ended_by_another_is_not_told(void **state)
{
	struct world *w = *state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds), 0);
	w->watch = loop_watch(w->loop, w->fds[0], LOOP_WRITE, on_first_of_two, w);
	w->other = loop_watch(w->loop, w->fds[1], LOOP_WRITE, on_first_of_two, w);
	loop_run(w->loop);
	assert_string_equal(w->order, "1s");
	close(w->fds[0]);
	close(w->fds[1]);
}

static void on_broken_pipe(void *arg, int events)
{
	struct world *w = arg;

	w->events |= events;
	if (++w->turns == 2) {
		loop_unwatch(w->watch);
		loop_stop(w->loop);
	}
}

static void test_an_error_is_told_and_watching_goes_on(void **state)
{
	struct world *w = *state;

	assert_int_equal(pipe(w->fds), 0);
	close(w->fds[0]);
	w->watch = loop_watch(w->loop, w->fds[1], LOOP_WRITE, on_broken_pipe, w);
	loop_run(w->loop);
	assert_int_equal(w->events, LOOP_WRITE | LOOP_ERROR);
	assert_int_equal(w->turns, 2);
	close(w->fds[1]);
}

static void check_clock(void *arg, int events)
{
	struct world *w = arg;
	struct timespec now;

	(void)events;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_us = now.tv_sec * SECOND_US + now.tv_nsec / 1000;
	/* Read in this turn, after the wait: not the 30 ms old time of the turn before. */
	assert_in_range(now_us - loop_timers(w->loop)->now_us, 0, 29 * MS_US);
	loop_unwatch(w->watch);
	loop_stop(w->loop);
}

static void test_the_clock_is_read_after_the_wait(void **state)
{
	struct world *w = *state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct timespec wait = { 0, 30 * 1000 * 1000 };
		nanosleep(&wait, NULL);
		_exit(write(w->fds[1], "x", 1) == 1 ? 0 : 1);
	}
	assert_true(pid > 0);
	w->watch = loop_watch(w->loop, w->fds[0], LOOP_READ, check_clock, w);
	loop_run(w->loop);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(w->fds[0]);
	close(w->fds[1]);
}

static void on_signal(void *arg, int number)
{
	struct world *w = arg;

	w->status = number;
	loop_signal_free(w->signal);
	loop_stop(w->loop);
}

static void raise_usr1(void *arg)
{
	(void)arg;
	kill(getpid(), SIGUSR1);
}

static void test_a_signal_is_told_in_the_loop(void **state)
{
	struct world *w = *state;

	w->signal = loop_signal(w->loop, SIGUSR1, on_signal, w);
	timer_start(loop_timers(w->loop), &w->timers[0], 0, raise_usr1, w);
	loop_run(w->loop);
	assert_int_equal(w->status, SIGUSR1);
}

static void on_child(void *arg, int status, const char *output, size_t output_bytes)
{
	struct world *w = arg;

	w->status = status;
	memcpy(w->output, output, output_bytes);
	w->output_bytes = output_bytes;
	loop_stop(w->loop);
}

static void run_shell(struct world *w, const char *command)
{
	char text[256];
	char *argv[] = { "/bin/sh", "-c", text, NULL };
	enum err err;

	snprintf(text, sizeof text, "%s", command);
	assert_non_null(loop_run_child(w->loop, argv, on_child, w, &err));
	assert_int_equal(err, ERR_NONE);
	loop_run(w->loop);
}

static void test_a_child_gives_status_and_output(void **state)
{
	struct world *w = *state;

	run_shell(w, "echo secret; echo noise >&2; cat; exit 3");
	assert_int_equal(w->status, 3);
	assert_int_equal(w->output_bytes, 7);
	assert_memory_equal(w->output, "secret\n", 7);
}

static void test_a_child_killed_by_a_signal(void **state)
{
	run_shell(*state, "kill -TERM $$");
	assert_int_equal(((struct world *)*state)->status, 128 + SIGTERM);
}

static void test_the_output_of_a_child_is_bounded(void **state)
{
	struct world *w = *state;

	run_shell(w, "head -c 300000 /dev/zero | tr '\\0' y; exit 0");
	assert_int_equal(w->status, 0);
	assert_int_equal(w->output_bytes, 65536);
	assert_int_equal(w->output[65535], 'y');
}

static void test_a_grandchild_that_keeps_the_pipe_is_not_waited_for(void **state)
{
	struct world *w = *state;
	int64_t before = loop_timers(w->loop)->now_us;

	run_shell(w, "echo done; sleep 5 & exit 0");
	assert_int_equal(w->output_bytes, 5);
	assert_true(loop_timers(w->loop)->now_us - before < 4 * SECOND_US);
}

static void test_a_program_that_is_missing(void **state)
{
	struct world *w = *state;
	char *argv[] = { "/nonexistent/program", NULL };
	enum err err = ERR_NONE;

	assert_null(loop_run_child(w->loop, argv, on_child, w, &err));
	assert_int_equal(err, ERR_NOT_FOUND);
	char *forbidden[] = { "/etc/passwd", NULL };
	assert_null(loop_run_child(w->loop, forbidden, on_child, w, &err));
	assert_int_equal(err, ERR_PERMISSION);
}

static void test_a_killed_child_says_nothing(void **state)
{
	struct world *w = *state;
	char *argv[] = { "/bin/sleep", "30", NULL };
	enum err err;

	w->status = -1;
	struct loop_child *child = loop_run_child(w->loop, argv, on_child, w, &err);
	assert_non_null(child);
	loop_child_kill(child);
	timer_start(loop_timers(w->loop), &w->timers[0], 20 * MS_US, fire_stop, w);
	loop_run(w->loop);
	assert_int_equal(w->status, -1);
}

/* Nor does what it has started live on. */
static void test_a_killed_child_takes_its_own_along(void **state)
{
	struct world *w = *state;
	char script[] = "sleep 300 & echo $!; wait", *argv[] = { "/bin/sh", "-c", script, NULL };
	enum err err;
	int ends[2];
	char byte;

	/* The grandchild holds the pipe's other end: it is closed when the last of them is gone. */
	assert_int_equal(pipe(ends), 0);
	struct loop_child *child = loop_run_child(w->loop, argv, on_child, w, &err);
	assert_non_null(child);
	close(ends[1]);
	loop_child_kill(child);
	timer_start(loop_timers(w->loop), &w->timers[0], 20 * MS_US, fire_stop, w);
	loop_run(w->loop);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

/* ---- a computer that sleeps ---- */

static int64_t slept_us(void *arg)
{
	const int64_t *us = arg;

	return *us;
}

static void on_resume(void *arg)
{
	note(arg, 'r');
}

/* The clock shows what passed in the sleep: it is told first, then what was due fires, in its order. */
static void time_passes_in_a_sleep(void **state)
{
	struct world *w = *state;
	struct timers *timers = loop_timers(w->loop);
	int64_t asleep_us = 5 * SECOND_US;

	timer_stop(timers, &w->guard);
	loop_measure_sleep(w->loop, slept_us, &asleep_us);
	loop_on_resume(w->loop, on_resume, w);
	loop_begin_turn(w->loop);
	int64_t before_us = timers->now_us;
	timer_start(timers, &w->timers[0], 3600 * SECOND_US, fire_a, w);
	timer_start(timers, &w->timers[1], 1800 * SECOND_US, fire_b, w);
	timer_start(timers, &w->timers[2], 10 * MS_US, fire_stop, w);
	loop_run(w->loop);
	assert_string_equal(w->order, "s");
	asleep_us += 7200 * SECOND_US;
	timer_start(timers, &w->timers[2], 7200 * SECOND_US, fire_stop, w);
	loop_run(w->loop);
	assert_string_equal(w->order, "srbas");
	assert_true(timers->now_us - before_us >= 7200 * SECOND_US);
}

static void fire_sleep(void *arg)
{
	int64_t *asleep_us = arg;

	*asleep_us += 3600 * SECOND_US;
}

/* It wakes up in the middle of waiting; afterwards timers last as long as ever. */
static void it_sleeps_while_the_loop_waits(void **state)
{
	struct world *w = *state;
	struct timers *timers = loop_timers(w->loop);
	int64_t asleep_us = 0;

	loop_measure_sleep(w->loop, slept_us, &asleep_us);
	loop_on_resume(w->loop, on_resume, w);
	timer_stop(timers, &w->guard);
	loop_begin_turn(w->loop);
	timer_start(timers, &w->timers[0], 5 * MS_US, fire_sleep, &asleep_us);
	timer_start(timers, &w->timers[1], 1800 * SECOND_US, fire_b, w);
	timer_start(timers, &w->timers[2], 30 * MS_US, fire_a, w);
	timer_start(timers, &w->timers[3], 3600 * SECOND_US + 40 * MS_US, fire_stop, w);
	loop_run(w->loop);
	assert_string_equal(w->order, "rabs");
}

/* Two clocks are never read at the same moment, and a hiccup is no sleep: time does not go back for it either. */
static void a_moment_is_no_sleep(void **state)
{
	struct world *w = *state;
	struct timers *timers = loop_timers(w->loop);
	int64_t asleep_us = 0;

	loop_measure_sleep(w->loop, slept_us, &asleep_us);
	loop_on_resume(w->loop, on_resume, w);
	for (int i = 0; i < 4; i++) {
		static const int64_t steps[] = { 1, -1, 2 * SECOND_US, -SECOND_US };
		int64_t before_us = timers->now_us;
		asleep_us += steps[i];
		timer_start(timers, &w->timers[0], MS_US, fire_stop, w);
		loop_run(w->loop);
		assert_true(timers->now_us >= before_us);
	}
	assert_string_equal(w->order, "ssss");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_timers_fire_in_order_and_the_turn_is_finished),
		T(test_waiting_costs_no_turns),
		T(test_again_takes_another_turn_without_waiting),
		T(test_a_timer_due_at_once_fires_in_the_next_turn),
		T(test_a_watch_tells_and_may_be_ended_inside_its_handler),
		T(test_a_watch_changed_to_nothing_is_silent),
		T(test_a_watch_ended_by_another_is_not_told),
		T(test_an_error_is_told_and_watching_goes_on),
		T(test_the_clock_is_read_after_the_wait),
		T(test_a_signal_is_told_in_the_loop),
		T(test_a_child_gives_status_and_output),
		T(test_a_child_killed_by_a_signal),
		T(test_the_output_of_a_child_is_bounded),
		T(test_a_grandchild_that_keeps_the_pipe_is_not_waited_for),
		T(test_a_program_that_is_missing),
		T(test_a_killed_child_says_nothing),
		T(test_a_killed_child_takes_its_own_along),
		T(time_passes_in_a_sleep),
		T(it_sleeps_while_the_loop_waits),
		T(a_moment_is_no_sleep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
