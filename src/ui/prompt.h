/*
 * The command line that the plain front end and the screen share: keys go to readline, entered lines to a runner; asks
 * before leaving with calls up, asks for passwords, stops on C-z. How it is drawn is the front end's business.
 */
#pragma once

#include "ui/keys.h"
#include "ui/line.h"
#include "ui/ui.h"

struct prompt_handler {
	/** A line for people. */
	void (*say)(void *arg, const char *text);
	/** The line must be drawn anew. */
	void (*changed)(void *arg);
	/** Enter: `text` (NULL: a secret) leaves the line and is run next. @return true: the front end did it itself */
	bool (*entered)(void *arg, const char *text);
	/** A key or text before readline sees it. @return true: taken. NULL: nothing is taken */
	bool (*key)(void *arg, enum key key, struct slice bytes);
	bool (*text)(void *arg, struct slice bytes);
	/** C-z: stop now and draw everything anew afterwards. */
	void (*stop)(void *arg);
	bool ascii; /* no box drawing in what commands print */
	void *arg;
};

struct prompt;
struct prompt *prompt_new(const struct ui_config *config, const struct prompt_handler *handler,
			  const struct runner_output *output, int rows, int cols) __attribute__((returns_nonnull));
void prompt_free(struct prompt *prompt);
/** Bytes typed. */
void prompt_bytes(struct prompt *prompt, struct slice bytes);
/** Ask for the password of an account that lacks one; follow the settings. */
void prompt_turn_end(struct prompt *prompt);
/** The terminal has another size. */
void prompt_resize(struct prompt *prompt, int rows, int cols);
/** How wide the results of commands may be where they are shown; the terminal's width at first and after a resize. */
void prompt_set_columns(struct prompt *prompt, int cols);
/** C-c, or SIGINT from outside: clear the line; with an empty one stop what waits. */
void prompt_interrupt(struct prompt *prompt);
/** Run a line as if it had been typed, without history: function keys. */
void prompt_run(struct prompt *prompt, const char *line);
struct runner *prompt_runner(struct prompt *prompt);
