/*
 * Standard input, whatever it is: terminal, pipe, socket, file, device like /dev/null, or closed. Never blocks the
 * loop, never changes the flags of a terminal that the shell shares with us (see output.h).
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"

struct input;

/** Bytes that were read. May pause or free the input. */
typedef void input_bytes_h(void *arg, struct slice bytes);
/** No more will come. May free the input. */
typedef void input_end_h(void *arg);

/** Read `fd`, which stays the caller's. Never calls back before it returns; a closed fd ends at once, in the next turn.
 */
struct input *input_new(struct loop *loop, int fd, input_bytes_h *bytes, input_end_h *end, void *arg)
	__attribute__((returns_nonnull));
void input_free(struct input *input);
/** Why it ended before its end: an errno, as of a directory; 0: it did not. */
int input_error(const struct input *input);
/** Nothing is read while paused: whoever writes to us waits. */
void input_pause(struct input *input, bool paused);

/* Bytes cut into lines. Longer lines than INPUT_LINE_BYTES are left out and counted. */
enum { INPUT_LINE_BYTES = 1 << 20 };
struct lines {
	struct buf rest;
	bool skipping;
	size_t too_long;
};
void lines_init(struct lines *lines);
void lines_fini(struct lines *lines);
/** Add bytes. What is held never passes INPUT_LINE_BYTES beyond the bytes added. */
void lines_add(struct lines *lines, struct slice bytes);
/** The next whole line without LF and CR, or with `ended` what is left of the last one; free(). NULL: none. */
char *lines_next(struct lines *lines, bool ended);
