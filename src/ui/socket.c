#include "ui/socket.h"

#include "base/list.h"
#include "base/xmalloc.h"
#include "ui/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKLOG = 64,
	SLOW_BYTES = 2 << 20,   /* that wait for a client before it is dropped */
	WORD_BYTES = 64 << 10,  /* room behind them for the word that says so */
	GRACE_S = 10,           /* for the last bytes to leave */
	LOCK_TRIES = 100,
};

struct connection {
	struct list_node node;
	struct control *control;
	struct client *client; /* NULL: it is told its last bytes */
	struct output *out;
	int fd, out_fd, pid;
	int64_t leave_us; /* loop time when it is closed, whatever still waits */
	struct timer timer;
};

struct control {
	struct loop *loop;
	struct phone *phone;
	struct commands *commands;
	const struct log *log;
	char *path;
	int fd;
	struct loop_watch *watch;
	struct list connections;
	size_t count;
	ino_t inode;
};

bool control_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof address->sun_path)
		return false;
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

char *control_default_path(void)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	struct stat info;
	char user[32];

	snprintf(user, sizeof user, "/run/user/%u", (unsigned)geteuid());
	if (!folder || *folder != '/')
		folder = user;
	if (stat(folder, &info) || !S_ISDIR(info.st_mode))
		return NULL;
	return xasprintf("%s/offhook.sock", folder);
}

int control_connect(const char *path)
{
	struct sockaddr_un address;
	int fd;

	if (!control_address(path, &address)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* ---- connections ---- */

static void connection_close(struct connection *connection)
{
	struct control *control = connection->control;

	if (connection->client)
		client_free(connection->client);
	timer_stop(loop_timers(control->loop), &connection->timer);
	output_free(connection->out);
	list_remove(&connection->node);
	control->count--;
	close(connection->out_fd);
	close(connection->fd);
	free(connection);
}

static void on_grace_over(void *arg)
{
	struct connection *connection = arg;

	loop_again(connection->control->loop); /* the turn's end closes it */
}

/* No more is taken from it; what waits for it may still leave. */
static void connection_retire(struct connection *connection)
{
	struct timers *timers = loop_timers(connection->control->loop);

	client_free(connection->client);
	connection->client = NULL;
	connection->leave_us = timers->now_us + GRACE_S * SECOND_US;
	timer_start(timers, &connection->timer, GRACE_S * SECOND_US, on_grace_over, connection);
}

static void on_drained(void *arg)
{
	struct connection *connection = arg;

	loop_again(connection->control->loop);
}

/* Both ends of the connection are closed, not only the one that we read. */
static bool is_hung_up(const struct connection *connection)
{
	struct pollfd state = { .fd = connection->fd, .events = POLLOUT };

	return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR));
}

static void connection_turn_end(struct connection *connection)
{
	struct control *control = connection->control;

	if (connection->client) {
		client_turn_end(connection->client);
		if (output_pending(connection->out) > SLOW_BYTES) {
			log_line(control->log, LOG_WARNING,
				 "a program at the control socket (pid %d) did not read for %d MiB and was dropped",
				 connection->pid, SLOW_BYTES >> 20);
			client_notify(connection->client, "dropped", "you read too slowly: this connection ends here",
				      STATUS_NETWORK);
			connection_retire(connection);
		} else if (client_finished(connection->client) || is_hung_up(connection)) {
			connection_retire(connection);
		}
	}
	if (output_broken(connection->out) ||
	    (!connection->client && (!output_pending(connection->out) ||
				     connection->leave_us <= loop_timers(control->loop)->now_us)))
		connection_close(connection);
}

/* ---- who may come in ---- */

static bool peer_is_ours(int fd, int *pid)
{
	struct ucred who;
	socklen_t n = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || n != sizeof who)
		return false;
	*pid = who.pid;
	return who.uid == geteuid();
}

static void refuse(int fd, const char *text)
{
	char *line = xasprintf("{\"jsonrpc\":\"2.0\",\"method\":\"error\",\"params\":{\"text\":\"%s\",\"code\":%d}}\n",
			       text, STATUS_NETWORK);

	if (send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		errno = 0; /* it is refused anyway */
	free(line);
	close(fd);
}

static void take_in(struct control *control, int fd)
{
	struct connection *connection;
	int pid = 0, out_fd;

	if (!peer_is_ours(fd, &pid)) {
		log_line(control->log, LOG_WARNING, "another user's process (pid %d) was refused at the control socket",
			 pid);
		close(fd);
		return;
	}
	if (control->count >= CONTROL_CLIENTS_MAX || (out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
		refuse(fd, "too many programs are connected already");
		return;
	}
	connection = xcalloc(1, sizeof *connection);
	connection->control = control;
	connection->fd = fd;
	connection->out_fd = out_fd;
	connection->pid = pid;
	connection->out = output_new(control->loop, out_fd, SLOW_BYTES + OUTPUT_MAX + WORD_BYTES, NULL);
	output_on_drained(connection->out, on_drained, connection);
	connection->client = client_new(&(struct client_config){ .loop = control->loop,
								 .phone = control->phone,
								 .commands = control->commands,
								 .name = "socket",
								 .fd = fd,
								 .out = connection->out,
								 .whole_lines_only = true,
								 .seen = events_last(phone_events(control->phone)),
								 .arg = connection });
	list_append(&control->connections, &connection->node);
	control->count++;
}

static void on_knock(void *arg, int events)
{
	struct control *control = arg;

	(void)events;
	for (int i = 0; i < BACKLOG; i++) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		take_in(control, fd);
	}
}

/* ---- the socket ---- */

/* Two phones that start at once must not take each other's new socket for an old one: one after the other. The lock is
 * on the folder, so that no file stays behind; a stranger who holds it only delays us. */
static int lock_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xasprintf("%.*s", (int)(slash - path) + 1, path) : xstrdup(".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
		poll(NULL, 0, 10);
	free(folder);
	return fd;
}

/* @return false: somebody listens there, or it is not ours to remove */
static bool clear_place(const char *path, int *pid, struct failure *failure)
{
	struct stat info;
	int fd;

	if (lstat(path, &info))
		return errno == ENOENT || fail(failure, STATUS_NETWORK, "socket", "the control socket %s: %s", path,
					       strerror(errno));
	if (!S_ISSOCK(info.st_mode))
		return fail(failure, STATUS_NETWORK, "socket",
			    "the control socket %s: something else lies there and is left alone", path);
	fd = control_connect(path);
	if (fd >= 0) {
		peer_is_ours(fd, pid);
		close(fd);
		return fail(failure, STATUS_NETWORK, "running",
			    "a phone of yours runs already (pid %d): `offhook ctl` talks to it, and `--socket none` "
			    "starts another beside it",
			    *pid);
	}
	if (errno != ECONNREFUSED || unlink(path))
		return fail(failure, STATUS_NETWORK, "socket", "the control socket %s: %s", path, strerror(errno));
	return true;
}

static int listen_at(const char *path, struct failure *failure)
{
	struct sockaddr_un address;
	int fd;

	if (!control_address(path, &address)) {
		fail(failure, STATUS_NETWORK, "path", "the control socket's path has more than %zu bytes: %s",
		     sizeof address.sun_path - 1, path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, BACKLOG) == 0;
	int error = errno;
	umask(mask);
	if (good)
		return fd;
	fail(failure, STATUS_NETWORK, "socket", "the control socket %s: %s", path, strerror(error));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct control *control_open(struct loop *loop, struct phone *phone, struct commands *commands, const struct log *log,
			     const char *path, int *pid, struct failure *failure)
{
	struct control *control = NULL;
	struct stat info;
	int lock = lock_folder(path), fd = clear_place(path, pid, failure) ? listen_at(path, failure) : -1;

	if (fd >= 0) {
		control = xcalloc(1, sizeof *control);
		control->loop = loop;
		control->phone = phone;
		control->commands = commands;
		control->log = log;
		control->path = xstrdup(path);
		control->fd = fd;
		control->inode = stat(path, &info) ? 0 : info.st_ino;
		list_init(&control->connections);
		control->watch = loop_watch(loop, fd, LOOP_READ, on_knock, control);
	}
	if (lock >= 0)
		close(lock);
	return control;
}

void control_close(struct control *control)
{
	struct stat info;

	if (!control)
		return;
	loop_unwatch(control->watch);
	/* Only ours: another may have been put in its place. */
	if (!lstat(control->path, &info) && info.st_ino == control->inode)
		unlink(control->path);
	close(control->fd);
	LIST_EACH(&control->connections, node) {
		struct connection *connection = LIST_ENTRY(node, struct connection, node);
		if (connection->client) {
			client_turn_end(connection->client);
			client_say_bye(connection->client);
		}
		output_flush(connection->out, 200);
		connection_close(connection);
	}
	free(control->path);
	free(control);
}

void control_turn_end(struct control *control)
{
	if (!control)
		return;
	LIST_EACH(&control->connections, node)
		connection_turn_end(LIST_ENTRY(node, struct connection, node));
}

void control_message(struct control *control, enum log_level level, const char *text)
{
	if (!control)
		return;
	LIST_EACH(&control->connections, node) {
		struct connection *connection = LIST_ENTRY(node, struct connection, node);
		if (connection->client)
			client_notify(connection->client, level == LOG_ERROR ? "error" : "warning", text, 0);
	}
}

void control_trace(struct control *control, const char *heading, const char *text)
{
	if (!control)
		return;
	LIST_EACH(&control->connections, node) {
		struct connection *connection = LIST_ENTRY(node, struct connection, node);
		if (connection->client)
			client_trace(connection->client, heading, text);
	}
}
