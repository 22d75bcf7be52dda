/* script: a command file in memory: its lines as commands, and where each stands in the file. */
#pragma once

#include "command/command.h"

struct script_line {
	struct slice text; /* what is run: lines joined, blanks at both ends gone */
	size_t begins;     /* byte of the file where `text` begins */
	unsigned number;   /* of the first line in the file, 1 first */
	bool joined;       /* several lines of the file */
};

struct script {
	unsigned references;
	char *name, *text;
	size_t bytes;
	struct script_line *lines;
	size_t line_count;
};

enum { ERRORS_SHOWN = 20 }; /* of one file; the rest is only counted */

typedef void script_error_h(void *arg, const char *where, const struct failure *failure, const char *shown);

/**
 * Take `text` (copied) apart and check every line of it.
 * @param errors  told of each error, all of them
 * @return NULL if there was one; else with one reference
 */
struct script *script_new(struct commands *commands, const char *name, struct slice text, script_error_h *errors,
			  void *arg);
/** Read and check a regular file. One that cannot be read, and whatever else bears that name, is an error of status 6.
 */
struct script *script_read(struct commands *commands, const char *path, script_error_h *errors, void *arg);
struct script *script_keep(struct script *script);
void script_release(struct script *script);
/** Where byte `at` of a line's text stands: "f.call:3:7: "; and the line of the file with a caret below it. */
void script_where(const struct script *script, const struct script_line *line, size_t at, struct buf *where,
		  struct buf *shown);
/** A line (passwords as stars) with a caret below byte `at`, both indented by four blanks, cut to what a terminal
 * shows. */
void show_line(struct slice whole, size_t at, struct buf *shown);
/** Characters before byte `at`, plus one. */
unsigned column_of(struct slice line, size_t at);
