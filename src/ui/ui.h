/*
 * ui: how people and programs meet the phone. A front end reads input, runs lines by a runner, and shows results, errors and events.
 *
 *   output   one bounded non-blocking queue for standard output and standard error
 *   input    standard input: terminal, pipe, file, closed
 *   plain    readline when interactive, plain lines else
 *   json     JSON-RPC lines
 *   screen/  ncurses: screen (layout, turn), view_*, line (the only file that includes readline), theme
 */
#pragma once

#include "command/command.h"
#include "loop/loop.h"

struct ui;

struct ui_config {
	struct loop *loop;
	struct phone *phone;
	struct commands *commands;
	bool interactive;      /* standard input and output are a terminal and no --batch */
	bool verbose;          /* -v: events in plain output when not interactive */
	bool reads_input;      /* standard input is commands */
	const char *state_dir; /* line history; NULL: none kept */
	struct runner *runner; /* made by the front end when NULL */
};

struct ui_ops {
	const char *name; /* "plain", "json", "screen" */
	struct ui *(*start)(const struct ui_config *config);
	/** Read the event log, draw. */
	void (*turn_end)(struct ui *ui);
	/** Has standard input ended and all that it gave been run? */
	bool (*finished)(const struct ui *ui);
	/** Results and errors of runners that are not the prompt's own (command files). */
	struct runner_output (*file_output)(struct ui *ui);
	/** Restore the terminal and free. */
	void (*stop)(struct ui *ui);
};
extern const struct ui_ops ui_plain, ui_json, ui_screen;
