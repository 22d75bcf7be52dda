#include "ui/output.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct output {
	struct loop *loop;
	int fd;           /* what we write to: our own, or the caller's where it cannot be opened anew */
	int shared_flags; /* the caller's flags to restore, -1: nothing was changed */
	int error;        /* why it is broken, 0: it was closed from the start */
	bool own, broken, waits, polled;
	struct loop_watch *watch;
	struct buf queue;
	size_t dropped;
	output_notice_h *notice;
	loop_h *drained;
	void *drained_arg;
};

/* A new description of the same terminal or pipe, so that O_NONBLOCK is ours alone. Sockets cannot be opened again. */
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0)
		again = isatty(fd) ? open(ttyname(fd) ? ttyname(fd) : "", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
				   : -1;
	return again;
}

struct output *output_new(struct loop *loop, int fd, size_t max_bytes, output_notice_h *notice)
{
	struct output *output = xcalloc(1, sizeof *output);
	struct stat st;

	output->loop = loop;
	output->shared_flags = -1;
	output->notice = notice;
	buf_init(&output->queue, max_bytes);
	output->fd = fd;
	if (fd < 0 || fstat(fd, &st) < 0) {
		output->broken = true;
		return output;
	}
	/* Files and devices like /dev/null cannot be polled, nor need it. */
	output->polled = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd));
	if (!output->polled)
		return output;
	int again = open_again(fd);
	if (again >= 0) {
		output->fd = again;
		output->own = true;
		return output;
	}
	output->shared_flags = fcntl(fd, F_GETFL);
	if (output->shared_flags >= 0)
		fcntl(fd, F_SETFL, output->shared_flags | O_NONBLOCK);
	return output;
}

static void stop_waiting(struct output *output)
{
	loop_unwatch(output->watch);
	output->watch = NULL;
	output->waits = false;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	stop_waiting(output);
	if (output->shared_flags >= 0)
		fcntl(output->fd, F_SETFL, output->shared_flags);
	if (output->own)
		close(output->fd);
	buf_fini(&output->queue);
	free(output);
}

/* Write what the descriptor takes. */
static void push(struct output *output)
{
	while (output->queue.n && !output->broken) {
		ssize_t n = write(output->fd, output->queue.p, output->queue.n);
		if (n > 0) {
			buf_drop(&output->queue, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && output->polled) {
			return;
		} else {
			output->error = n < 0 ? errno : ENOSPC;
			output->broken = true;
		}
	}
	if (output->broken)
		buf_clear(&output->queue);
}

static void tell_dropped(struct output *output)
{
	if (!output->dropped || output->queue.n > output->queue.max / 2)
		return;
	char *line = output->notice ? output->notice(output->dropped) : NULL;
	output->dropped = 0;
	if (line)
		buf_add(&output->queue, slice_of(line));
	free(line);
}

static void on_writable(void *arg, int events)
{
	struct output *output = arg;

	(void)events;
	push(output);
	tell_dropped(output);
	if (output->queue.n)
		return;
	stop_waiting(output);
	if (output->drained)
		output->drained(output->drained_arg);
}

static void wait_for_room(struct output *output)
{
	if (output->waits)
		return;
	output->waits = true;
	output->watch = loop_watch(output->loop, output->fd, LOOP_WRITE, on_writable, output);
}

void output_write(struct output *output, struct slice bytes)
{
	if (output->broken || !bytes.n)
		return;
	tell_dropped(output);
	if (bytes.n > output->queue.max - output->queue.n) {
		output->dropped++;
		return;
	}
	buf_add(&output->queue, bytes);
	if (!output->waits)
		push(output);
	if (output->queue.n)
		wait_for_room(output);
}

void output_printf(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	output_write(output, slice_of(text));
	free(text);
}

size_t output_pending(const struct output *output)
{
	return output->queue.n;
}

bool output_broken(const struct output *output)
{
	return output->broken;
}

int output_error(const struct output *output)
{
	return output->error;
}

void output_on_drained(struct output *output, loop_h *drained, void *arg)
{
	output->drained = drained;
	output->drained_arg = arg;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void output_flush(struct output *output, int limit_ms)
{
	int64_t end_ms = now_ms() + limit_ms;

	for (;;) {
		push(output);
		tell_dropped(output);
		int64_t left_ms = limit_ms < 0 ? -1 : end_ms - now_ms();
		if (!output->queue.n || output->broken || (limit_ms >= 0 && left_ms <= 0))
			break;
		struct pollfd ready = { .fd = output->fd, .events = POLLOUT };
		if (poll(&ready, 1, (int)left_ms) < 0 && errno != EINTR)
			break;
	}
}
