#include "loop/loop.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

enum { OUTPUT_MAX = 65536 };

struct loop_child {
	uv_process_t process;
	uv_pipe_t pipe;
	struct loop *loop;
	loop_child_h *done; /* NULL: killed, nobody wants to know */
	void *arg;
	int open_handles;
	bool pipe_closing;
	size_t output_bytes;
	char output[OUTPUT_MAX];
	char dropped[4096]; /* what passes the bound is read, so that the child does not block, and forgotten */
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct loop_child *child = handle->data;

	if (--child->open_handles == 0)
		free(child);
}

static void close_pipe(struct loop_child *child)
{
	if (child->pipe_closing)
		return;
	child->pipe_closing = true;
	uv_close((uv_handle_t *)&child->pipe, on_handle_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct loop_child *child = handle->data;
	size_t room = OUTPUT_MAX - child->output_bytes;

	(void)suggested;
	*buf = room ? uv_buf_init(child->output + child->output_bytes, (unsigned)room) :
		      uv_buf_init(child->dropped, sizeof child->dropped);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct loop_child *child = stream->data;

	if (n > 0 && buf->base != child->dropped)
		child->output_bytes += (size_t)n;
	else if (n < 0)
		close_pipe(child);
}

/*
 * All that the child itself wrote is in the pipe when it has ended. The end of file is not waited for: something that
 * it left running in the background may hold the pipe for ever.
 */
static void read_rest(struct loop_child *child)
{
	int fd;

	if (child->pipe_closing || uv_fileno((uv_handle_t *)&child->pipe, &fd) != 0)
		return;
	while (child->output_bytes < OUTPUT_MAX) {
		ssize_t n = read(fd, child->output + child->output_bytes, OUTPUT_MAX - child->output_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		child->output_bytes += (size_t)n;
	}
}

static void on_exit_status(uv_process_t *process, int64_t status, int signal)
{
	struct loop_child *child = CONTAINER_OF(process, struct loop_child, process);

	loop_begin_turn(child->loop);
	read_rest(child);
	close_pipe(child);
	uv_close((uv_handle_t *)&child->process, on_handle_closed);
	if (child->done)
		child->done(child->arg, signal ? 128 + signal : (int)status, child->output, child->output_bytes);
}

static enum err spawn(struct loop_child *child, char *const argv[])
{
	uv_stdio_container_t stdio[3] = {
		[0] = { .flags = UV_IGNORE },
		[1] = { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->pipe },
		[2] = { .flags = UV_IGNORE },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_status,
		.flags = UV_PROCESS_DETACHED, /* a group of its own, so that all it starts can be ended with it */
		.file = argv[0],
		.args = (char **)(uintptr_t)argv,
		.stdio = stdio,
		.stdio_count = 3,
	};
	int rc = uv_spawn(loop_uv(child->loop), &child->process, &options);

	if (rc == UV_ENOENT || rc == UV_ENOTDIR)
		return ERR_NOT_FOUND;
	if (rc == UV_EACCES || rc == UV_EPERM)
		return ERR_PERMISSION;
	return rc ? ERR_IO : ERR_NONE;
}

struct loop_child *loop_run_child(struct loop *loop, char *const argv[], loop_child_h *done, void *arg, enum err *err)
{
	struct loop_child *child = xcalloc(1, sizeof *child);

	child->loop = loop;
	child->done = done;
	child->arg = arg;
	child->open_handles = 2;
	child->process.data = child->pipe.data = child;
	uv_pipe_init(loop_uv(loop), &child->pipe, 0);
	*err = spawn(child, argv);
	if (!*err && uv_read_start((uv_stream_t *)&child->pipe, on_alloc, on_read) != 0) {
		loop_child_kill(child);
		*err = ERR_IO;
		return NULL;
	}
	if (!*err)
		return child;
	close_pipe(child);
	uv_close((uv_handle_t *)&child->process, on_handle_closed);
	return NULL;
}

void loop_child_kill(struct loop_child *child)
{
	if (!child)
		return;
	child->done = NULL;
	close_pipe(child);
	if (child->process.pid > 0)
		kill(-child->process.pid, SIGKILL);
}
