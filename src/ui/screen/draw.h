/*
 * ncurses draws; what it would write to the terminal goes to a file in memory and from there to the output queue, so
 * that a terminal that does not read never blocks us. The only file that includes ncurses besides theme.c.
 */
#pragma once

#include "base/slice.h"
#include "ui/output.h"
#include "ui/screen/theme.h"

struct area {
	int y, x, rows, cols;
};

/* Clicks and the wheel are told, in the form that has no bounds (SGR). */
#define DRAW_MOUSE_ON "\033[?1000h\033[?1006h"
#define DRAW_MOUSE_OFF "\033[?1006l\033[?1000l"

/** Start ncurses for TERM. @return false: the terminal is not known or cannot do it */
bool draw_start(int rows, int cols, bool utf8);
void draw_stop(void);
bool draw_is_utf8(void);
/** The terminal's title, where it has one: "" for the usual. */
void draw_set_title(struct output *output, struct slice title);
/** What enters and leaves the screen, for terminal_take(); valid until the next call. */
const char *draw_enter_text(void);
const char *draw_leave_text(void);
void draw_resize(int rows, int cols);
/** Of so many columns, those to draw in: the last is left alone where nobody knows where the cursor goes behind it. */
int draw_usable_cols(int cols);
/** The next frame is drawn from nothing: somebody else wrote to the terminal. */
void draw_all_anew(void);
/** Begin a frame: an empty screen. */
void draw_begin(void);
/** Text in a row of `area`, clipped, cleaned; `cols` > 0: filled with blanks up to it. @return the column after it */
int draw_text(const struct area *area, int row, int col, int cols, enum style style, struct slice text);
int draw_string(const struct area *area, int row, int col, enum style style, const char *text);
/** Columns that a text takes where it is drawn. */
int draw_cols(struct slice text);
/** A rule with a title: "Calls ------". */
void draw_title(const struct area *area, const char *title, bool focus);
/** Draw a line of glyphs, down or across. */
void draw_rule(int y, int x, int length, enum glyph glyph, bool down);
/** End a frame: the cursor there (row < 0: hidden), the differences to the last frame to `output`. */
void draw_end(struct output *output, int row, int col);
