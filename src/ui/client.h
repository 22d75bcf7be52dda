/*
 * client: one program that talks JSON-RPC with the phone, a message a line: --json's other end, or one connection of
 * the control socket. It has a runner, and so a current call, of its own.
 */
#pragma once

#include "command/command.h"
#include "loop/loop.h"
#include "ui/output.h"

struct client;

struct client_config {
	struct loop *loop;
	struct phone *phone;
	struct commands *commands;
	const char *name;      /* of its runner: "json", "socket" */
	int fd;                /* requests come from it; -1: none do. Stays the caller's */
	struct output *out;    /* answers and events go to it; stays the caller's */
	bool whole_lines_only; /* what stands behind the last line feed when input ends is no request */
	uint64_t seen;         /* events above this number are told */
	/** What its runner says beside the answers; NULL: the client itself is told, by notifications. */
	const struct runner_output *talk;
	/** Input could not be read: an errno. NULL: nobody wants to know */
	void (*failed)(void *arg, int error);
	void *arg;
};

/** Says hello. */
struct client *client_new(const struct client_config *config) __attribute__((returns_nonnull));
/** What it waits for is given up; not in a function that the client itself has called. */
void client_free(struct client *client);
/** Tell the events since the last turn, take what requests there is room for. */
void client_turn_end(struct client *client);
/** No more is taken from its input: the notification `exit` tells a status above -1, `bye` is for -1. */
void client_leave(struct client *client, int status);
/** The phone ends: the notification `bye`, where nothing that this client asked for is left undone. */
void client_say_bye(struct client *client);
/** Has its input ended and all that it asked been answered, or has it said `detach`? */
bool client_finished(const struct client *client);
/** A notification {"text": TEXT, ...}; `code` is the exit status that it stands for, or 0. */
void client_notify(struct client *client, const char *method, const char *text, int code);
/** A SIP message of the trace. */
void client_trace(struct client *client, const char *heading, const char *text);
