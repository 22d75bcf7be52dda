/*
 * The control socket: a Unix socket on which programs of this user talk JSON-RPC with the running phone, several at a
 * time, each with a runner of its own. Nobody else gets in: the file is 0600, and the kernel says who connects.
 */
#pragma once

#include "command/command.h"
#include "loop/loop.h"

#include <sys/un.h>

struct control;

enum { CONTROL_CLIENTS_MAX = 64 };

/** Where the socket is when nobody says: $XDG_RUNTIME_DIR/offhook.sock, else in /run/user/UID; free(). NULL: neither is
 * there. */
char *control_default_path(void);
/**
 * Listen at `path`. What a phone left there that is no more is replaced. Clients are taken in once the loop turns.
 * @return NULL with `failure`, reason "running": another phone listens there, *pid is its process
 * Errors: "path" too long; "socket" something else lies there, or the folder cannot be written
 */
struct control *control_open(struct loop *loop, struct phone *phone, struct commands *commands, const struct log *log,
			     const char *path, int *pid, struct failure *failure);
/** Clients get what was answered already, then they are left; the socket goes. NULL is harmless. */
void control_close(struct control *control);
/** After the phone and the commands. */
void control_turn_end(struct control *control);
/** A line of the phone's log, and a message of the trace, for all clients. */
void control_message(struct control *control, enum log_level level, const char *text);
void control_trace(struct control *control, const char *heading, const char *text);

/** @return false: too long for the system */
bool control_address(const char *path, struct sockaddr_un *address) MUST_CHECK;
/** A connection to the phone that listens at `path`. @return -1 with errno */
int control_connect(const char *path) MUST_CHECK;
