/*
 * ui: how people and programs meet the phone. A front end reads input, runs lines by a runner, and shows results,
 * errors and events.
 *
 *   output    one bounded non-blocking queue for a descriptor
 *   input     standard input: terminal, pipe, file, device, closed
 *   terminal  raw mode and its restoration
 *   keys      typed bytes cut into text, keys and pastes
 *   text      columns, clipping, wrapping, what of a typed line is shown
 *   line      readline; the only file that includes it
 *   prompt    the command line that plain and screen share: what is typed is run; quitting, passwords, completion
 *   options   the words of the program's own command line
 *   errand    --help, --version, the man page: what needs no phone
 *   sources   what the phone was started with: configuration, files, lines, words
 *   process   the descriptors and the home that we were started with
 *   notify    the bell, notifications of the terminal, notify.command
 *   show      which events are told, and how
 *   plain     lines of text, with the prompt when interactive
 *   json      JSON-RPC lines
 *   client    one program that talks JSON-RPC, on standard input or on the control socket
 *   socket    the control socket of the running phone
 *   service   readiness, for systemd
 *   ctl       `offhook ctl`, the other end of that socket
 *   screen/   ncurses, full screen: screen (its turn), layout (which view stands where), control (what keys do), bars
 *             (the rows around), pane (rows that scroll, are chosen and searched), draw, theme; the views view_calls,
 *             view_log, view_ladder, view_messages, view_people (contacts, history), view_quality
 */
#pragma once

#include "command/command.h"
#include "loop/loop.h"
#include "ui/output.h"

/* The most that a line may hold before it is cut: an address from the network fills a whole packet, and a row that has
 * no room for it would show nobody at all. */
enum { UI_LINE_BYTES = 256 << 10 };

struct ui_ops;
/* A front end's own struct begins with it. */
struct ui {
	const struct ui_ops *ops;
};

struct ui_config {
	struct loop *loop;
	struct phone *phone;
	struct commands *commands;
	bool interactive;        /* standard input and output are a terminal and no --batch */
	bool verbose;            /* -v: events in plain output when not interactive */
	bool reads_input;        /* standard input is commands */
	bool stays;              /* --stay: what is said there does not end the phone */
	const char *state_dir;   /* line history; NULL: none kept */
	struct output *out;      /* standard output */
	struct output *err;      /* standard error, as it was when the program started */
	struct failure *failure; /* why `start` returned NULL */
};

struct ui_ops {
	const char *name; /* "plain", "json", "screen" */
	/** @return NULL, with config->failure told: this front end cannot work here */
	struct ui *(*start)(const struct ui_config *config);
	/** Read the event log, run what was typed, draw. Once a turn, after the phone and the commands. */
	void (*turn_end)(struct ui *ui);
	/** Has standard input ended and all that it gave been run? */
	bool (*finished)(const struct ui *ui);
	/** The status of the first line of standard input that failed when not interactive, else 0. */
	int (*status)(const struct ui *ui);
	/** SIGINT came. @return false: it is not for this front end, the phone is to end */
	bool (*interrupt)(struct ui *ui);
	/** How runners that are not the prompt's own (command files) talk. */
	struct runner_output (*file_output)(struct ui *ui);
	/** A line of the phone's log, or a hint. */
	void (*message)(struct ui *ui, enum log_level level, const char *text);
	/** A SIP message while `trace on`: when, where and its first line; the whole text, cleaned and redacted. */
	void (*trace)(struct ui *ui, const char *heading, const char *text);
	/** Restore the terminal and free. */
	void (*stop)(struct ui *ui);
};
extern const struct ui_ops ui_plain, ui_json, ui_screen;
