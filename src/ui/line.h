/*
 * The command line: readline does the editing (its keys, its history, ~/.inputrc with `$if offhook`), we do the
 * drawing. line.c is the only file that includes readline. Readline reads no terminal and writes none: bytes are given
 * to it, and it tells that its line changed.
 *
 * One per process, as readline is.
 */
#pragma once

#include "base/buf.h"

enum {
	LINE_HISTORY_MAX = 1000,
	LINE_WHOLE_COLS = 60000, /* for line_draw(): all of the line, and the terminal wraps it */
};

struct line_handler {
	/** Enter was pressed. `text` lives until the return; wiped then when it was a secret. */
	void (*entered)(void *arg, const char *text);
	/** The line, its prompt or the list of completions changed: draw when convenient. */
	void (*changed)(void *arg);
	/** Fill `words` (malloc'd, each too) with what may stand in `line` from byte *start to `point`. @return how
	 * many */
	size_t (*complete)(void *arg, const char *line, size_t point, char ***words, size_t *start);
	/** What is typed cannot be written down: the sentence for people. */
	void (*warn)(void *arg, const char *text);
	void *arg;
};

/** Start readline. `history_path` NULL: no history is kept. `rows` and `cols` are those of the terminal. */
void line_start(const struct line_handler *handler, const char *prompt, const char *history_path, int rows, int cols);
void line_stop(void);
/** Give typed bytes to readline. */
void line_bytes(struct slice bytes);
/** Insert pasted text: line ends and tabs become blanks, other controls go; nothing is run. */
void line_paste(struct slice text);
/** C-c: forget what was typed. */
void line_clear(void);
bool line_is_empty(void);
/** What was typed; never NULL, borrowed until the next key. "" while a secret is. */
const char *line_text(void);
void line_set_prompt(const char *prompt);
/** Ask with `prompt` for something that is neither shown nor kept; ends with the next line entered or line_clear(). */
void line_ask_secret(const char *prompt);
bool line_is_secret(void);
void line_resize(int rows, int cols);
void line_set_vi(bool on);
bool line_is_vi(void);

/** What is shown in a row of `cols`: see text_line_window(). @return the cursor's column */
size_t line_draw(struct buf *to, size_t cols, bool utf8);
/** The usual prompt stands there alone: nothing is typed, and keys go where they usually go (no keypad, no chat). */
bool line_is_bare(void);

/** The completions offered by the last Tab, or count 0; they vanish with the next key. */
const char *const *line_completions(size_t *count);
void line_drop_completions(void);

/** A line as history may keep it: without `password=...`. NULL: not at all (blank). free(). */
char *line_for_history(const char *text);
