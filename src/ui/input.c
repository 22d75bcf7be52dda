#include "ui/input.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384 };

struct input {
	struct loop *loop;
	int fd;
	int shared_flags; /* to restore; -1: nothing was changed */
	int error; /* why it ended; 0: as all things do */
	bool own, polled, paused, ended;
	bool *freed;              /* set when a handler frees us */
	struct loop_watch *watch; /* terminals, pipes and sockets */
	struct timer turn;        /* files: a chunk a turn */
	input_bytes_h *bytes;
	input_end_h *end;
	void *arg;
};

static void on_turn(void *arg);

static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void on_readable(void *arg, int events)
{
	(void)events;
	on_turn(arg);
}

static void keep_reading(struct input *input)
{
	if (input->polled) {
		if (!input->watch)
			input->watch =
				loop_watch(input->loop, input->fd, input->paused ? 0 : LOOP_READ, on_readable, input);
		else
			loop_watch_change(input->watch, input->paused ? 0 : LOOP_READ);
	} else if (input->paused) {
		timer_stop(loop_timers(input->loop), &input->turn);
	} else if (!timer_running(&input->turn)) {
		timer_start(loop_timers(input->loop), &input->turn, 0, on_turn, input);
	}
}

static void finish(struct input *input)
{
	loop_unwatch(input->watch);
	input->watch = NULL;
	input->ended = true;
	input->end(input->arg);
}

/* One read: of what is there, or of the next chunk of a file. */
static void on_turn(void *arg)
{
	struct input *input = arg;
	char chunk[CHUNK];
	bool freed = false;
	ssize_t n = input->fd < 0 ? 0 : read(input->fd, chunk, sizeof chunk);

	if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
		keep_reading(input);
		return;
	}
	if (n <= 0) {
		/* An error ends it like the end of a file; that a terminal went away is no more than that. */
		input->error = n < 0 && errno != EIO ? errno : 0;
		finish(input);
		return;
	}
	input->freed = &freed;
	input->bytes(input->arg, slice_make(chunk, (size_t)n));
	if (freed)
		return;
	input->freed = NULL;
	keep_reading(input);
}

struct input *input_new(struct loop *loop, int fd, input_bytes_h *bytes, input_end_h *end, void *arg)
{
	struct input *input = xcalloc(1, sizeof *input);
	struct stat st;

	input->loop = loop;
	input->fd = fd;
	input->shared_flags = -1;
	input->bytes = bytes;
	input->end = end;
	input->arg = arg;
	if (fd < 0 || fstat(fd, &st) < 0)
		input->fd = -1;
	else
		input->polled = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd));
	if (input->polled) {
		int again = open_again(fd);
		input->own = again >= 0;
		if (input->own)
			input->fd = again;
		else
			input->shared_flags = fcntl(fd, F_GETFL); /* libuv makes what it polls non-blocking */
	}
	keep_reading(input);
	return input;
}

void input_free(struct input *input)
{
	if (!input)
		return;
	if (input->freed)
		*input->freed = true;
	loop_unwatch(input->watch);
	timer_stop(loop_timers(input->loop), &input->turn);
	if (input->shared_flags >= 0)
		fcntl(input->fd, F_SETFL, input->shared_flags);
	if (input->own)
		close(input->fd);
	free(input);
}

void input_pause(struct input *input, bool paused)
{
	if (!input || input->ended || input->paused == paused)
		return;
	input->paused = paused;
	keep_reading(input);
}

int input_error(const struct input *input)
{
	return input ? input->error : 0;
}

void lines_init(struct lines *lines)
{
	*lines = (struct lines){ 0 };
	buf_init(&lines->rest, INPUT_LINE_BYTES + CHUNK);
}

void lines_fini(struct lines *lines)
{
	buf_fini(&lines->rest);
}

void lines_add(struct lines *lines, struct slice bytes)
{
	if (lines->skipping) {
		size_t end = slice_find(bytes, '\n');
		if (end == bytes.n)
			return;
		lines->skipping = false;
		bytes = slice_from(bytes, end + 1);
	}
	buf_add(&lines->rest, bytes);
	if (lines->rest.n > INPUT_LINE_BYTES && slice_find(buf_slice(&lines->rest), '\n') == lines->rest.n) {
		buf_clear(&lines->rest);
		lines->too_long++;
		lines->skipping = true;
	}
}

char *lines_next(struct lines *lines, bool ended)
{
	struct slice all = buf_slice(&lines->rest);
	size_t end = slice_find(all, '\n');

	if (end == all.n && (!ended || !all.n))
		return NULL;
	struct slice line = slice_sub(all, 0, end);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	char *text = slice_dup(line);
	buf_drop(&lines->rest, end + 1);
	return text;
}
