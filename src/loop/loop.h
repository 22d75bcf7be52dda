/*
 * loop: the one thread. libuv turns it; time is read once per turn and drives base/timer. It passes while the computer
 * sleeps as well: what was due meanwhile fires when it wakes up.
 *
 * A turn: due timers, ready descriptors, then the turn-end handlers in the order they were added
 * (scripts read events, objects die, the screen is drawn once).
 *
 *   loop    turns, timers, watches, signals
 *   child   programs that are run and whose output is caught
 */
#pragma once

#include "base/error.h"
#include "base/timer.h"

#include <sys/types.h>

struct loop;
struct uv_loop_s;

struct loop *loop_new(void) __attribute__((returns_nonnull));
/** All watches, signals and children must have been closed; runs the loop until libuv has let go of them. */
void loop_free(struct loop *loop);
/** The clock and timers of this thread. */
struct timers *loop_timers(struct loop *loop);
/**
 * For net/ and ui/ only: what libuv can do that loop.h does not wrap. Callbacks of such handles begin with
 * loop_begin_turn(), or the clock would stand where the last turn left it.
 */
struct uv_loop_s *loop_uv(struct loop *loop);
/** Read the clock for this turn and fire the due timers; does nothing when that was done in this turn already. */
void loop_begin_turn(struct loop *loop);
/** Turn until loop_stop(); the turn in which that was called is finished. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

typedef void loop_h(void *arg);
/**
 * Call once the computer has slept for three seconds or more, in the turn that finds it awake: the clock shows the time
 * that has passed, what was due meanwhile fires behind. One handler; NULL: none.
 */
void loop_on_resume(struct loop *loop, loop_h *handler, void *arg);
/** How long the computer has slept since it was started [us]. */
typedef int64_t loop_slept_h(void *arg);
/** Ask this instead of the system: for tests. */
void loop_measure_sleep(struct loop *loop, loop_slept_h *slept, void *arg);
/** Call at the end of every turn, until the loop is freed. A handler that makes more work calls loop_again(). */
void loop_at_turn_end(struct loop *loop, loop_h *handler, void *arg);
/** Take another turn without waiting. */
void loop_again(struct loop *loop);

/* LOOP_ERROR is told, never asked for: an error waits at the descriptor; the other bits are then set as watched. */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 };
struct loop_watch;
typedef void loop_watch_h(void *arg, int events);
/**
 * Watch a socket, pipe or eventfd (not a regular file). The descriptor stays the caller's.
 * @return owned by the caller: loop_unwatch()
 */
struct loop_watch *loop_watch(struct loop *loop, int fd, int events, loop_watch_h *handler, void *arg);
/** Watch for other events from now on; 0: for none. */
void loop_watch_change(struct loop_watch *watch, int events);
/** May be called inside the handler; NULL is harmless. After it returns the descriptor may be closed. */
void loop_unwatch(struct loop_watch *watch);

struct loop_signal;
typedef void loop_signal_h(void *arg, int signal);
struct loop_signal *loop_signal(struct loop *loop, int signal, loop_signal_h *handler, void *arg);
void loop_signal_free(struct loop_signal *signal);

/** A child that ran: its exit status (or 128 + signal) and what it wrote to standard output, at most 64 kB. */
typedef void loop_child_h(void *arg, int status, const char *output, size_t output_bytes);
struct loop_child;
/**
 * Run `argv` with standard input and error at /dev/null and standard output caught.
 * @return NULL with *err set when it could not be started; else owned by the loop until `done` was called
 * Errors: ERR_NOT_FOUND no such program; ERR_PERMISSION; ERR_IO no process or pipe
 */
struct loop_child *loop_run_child(struct loop *loop, char *const argv[], loop_child_h *done, void *arg, enum err *err);
/** Kill it and what it has started (SIGKILL to its process group); `done` is not called any more. NULL is harmless. */
void loop_child_kill(struct loop_child *child);
