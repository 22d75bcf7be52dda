/*
 * Output to a descriptor that may be slow, stalled, broken or closed: a bounded queue that never blocks the loop.
 *
 * The flags of a terminal or pipe that we share with the shell stay as they are: where the system lets us we open it
 * anew and make that one non-blocking; where not, the old flags come back in output_free().
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"

struct output;

/** Tells readers, once there is room again, that `lines` pieces were left out: one line, free(). */
typedef char *output_notice_h(size_t lines);

/* Bytes that may wait for a reader; above OUTPUT_HIGH no more commands are read whose answers would only be left out.
 */
enum { OUTPUT_MAX = 4 << 20, OUTPUT_HIGH = 1 << 20 };

/** A queue for `fd`, which stays the caller's. A closed or unusable `fd` gives a queue that swallows everything.
 * `notice` may be NULL. */
struct output *output_new(struct loop *loop, int fd, size_t max_bytes, output_notice_h *notice)
	__attribute__((returns_nonnull));
/** Gives up what still waits, restores the descriptor's flags. */
void output_free(struct output *output);
/** Write now what the descriptor takes, queue the rest. What does not fit is left out whole and counted. */
void output_write(struct output *output, struct slice bytes);
void output_printf(struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);
/** Bytes that wait. */
size_t output_pending(const struct output *output);
/** The descriptor failed: nobody reads any more. */
bool output_broken(const struct output *output);
/** Why it failed: an errno; 0: it did not, or it was never open. */
int output_error(const struct output *output);
/** `drained(arg)` is called in a later turn whenever the queue has become empty. */
void output_on_drained(struct output *output, loop_h *drained, void *arg);
/** Wait, blocking, until all is written or `limit_ms` have passed (-1: no limit). For the end of the program only. */
void output_flush(struct output *output, int limit_ms);
