/*
 * Programs that are run. posix_spawn() and not uv_spawn(): that one forks, which copies the page tables of the whole
 * process, and the media thread waits for them meanwhile (a phone with hundreds of calls: tens of milliseconds).
 */
#include "loop/loop.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum { OUTPUT_MAX = 65536 };

struct loop_child {
	uv_signal_t ended; /* SIGCHLD; its `data` tells loop_free() that it will close */
	struct loop *loop;
	struct loop_watch *watch; /* of the pipe; NULL: closed */
	loop_child_h *done;       /* NULL: killed, nobody wants to know */
	void *arg;
	pid_t pid;
	int pipe;
	size_t output_bytes;
	char output[OUTPUT_MAX];
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void close_pipe(struct loop_child *child)
{
	if (!child->watch)
		return;
	loop_unwatch(child->watch);
	child->watch = NULL;
	close(child->pipe);
}

/* Past the bound it is read, so that the child does not block, and forgotten. @return false: nothing is left now */
static bool read_some(struct loop_child *child)
{
	char dropped[4096];
	size_t room = OUTPUT_MAX - child->output_bytes;
	ssize_t n = read(child->pipe, room ? child->output + child->output_bytes : dropped,
			 room ? room : sizeof dropped);

	if (n > 0 && room)
		child->output_bytes += (size_t)n;
	if (n < 0 && errno == EINTR)
		return true;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
		close_pipe(child);
	return n > 0;
}

static void on_output(void *arg, int events)
{
	(void)events;
	read_some(arg);
}

/*
 * All that the child itself wrote is in the pipe when it has ended. The end of file is not waited for: something that
 * it left running in the background may hold the pipe for ever.
 */
static void read_rest(struct loop_child *child)
{
	while (child->watch && child->output_bytes < OUTPUT_MAX && read_some(child))
		continue;
	close_pipe(child);
}

/* One signal may stand for several children. */
static void on_ended(uv_signal_t *handle, int number)
{
	struct loop_child *child = handle->data;
	int status = 0;

	(void)number;
	loop_begin_turn(child->loop);
	if (!child->pid || waitpid(child->pid, &status, WNOHANG) == 0)
		return;
	child->pid = 0;
	if (child->done)
		read_rest(child);
	uv_close((uv_handle_t *)&child->ended, on_closed);
	if (child->done)
		child->done(child->arg, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
			    child->output, child->output_bytes);
}

/* A group of its own, so that all it starts can be ended with it; no signal is blocked or ignored. */
static void set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static enum err spawn(struct loop_child *child, int output, char *const argv[])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	set_attributes(&attributes);
	int error = posix_spawnp(&child->pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		child->pid = 0;
	if (error == ENOENT || error == ENOTDIR)
		return ERR_NOT_FOUND;
	if (error == EACCES || error == EPERM)
		return ERR_PERMISSION;
	return error ? ERR_IO : ERR_NONE;
}

struct loop_child *loop_run_child(struct loop *loop, char *const argv[], loop_child_h *done, void *arg, enum err *err)
{
	int ends[2];

	*err = ERR_IO;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	struct loop_child *child = xcalloc(1, sizeof *child);
	child->loop = loop;
	child->done = done;
	child->arg = arg;
	child->pipe = ends[0];
	/* Before it can end. */
	uv_signal_init(loop_uv(loop), &child->ended);
	child->ended.data = child;
	*err = uv_signal_start(&child->ended, on_ended, SIGCHLD) ? ERR_IO : spawn(child, ends[1], argv);
	close(ends[1]);
	if (!*err) {
		child->watch = loop_watch(loop, child->pipe, LOOP_READ, on_output, child);
		return child;
	}
	close(child->pipe);
	uv_close((uv_handle_t *)&child->ended, on_closed);
	return NULL;
}

void loop_child_kill(struct loop_child *child)
{
	if (!child)
		return;
	child->done = NULL;
	close_pipe(child);
	if (child->pid > 0)
		kill(-child->pid, SIGKILL);
}
