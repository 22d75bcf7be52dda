/*
 * screen: the phone on a whole terminal.
 *
 *   screen       layout, the turn, what runners and the log say
 *   control      keys, and lines that pick a view
 *   bars         status row, notice, keys, completions
 *   view_calls   the calls
 *   view_ladder  the ladder of a call
 *   view_log     events and what commands print
 *   draw         ncurses, into the output queue
 *   theme        colours and glyphs
 */
#pragma once

#include "ui/input.h"
#include "ui/prompt.h"
#include "ui/screen/draw.h"
#include "ui/ui.h"

enum view { VIEW_CALLS, VIEW_LADDER, VIEW_LOG, VIEWS };

enum { LOG_LINES_MAX = 4000, CALLS_SHOWN = 128, ACCOUNTS_SHOWN = 32, LEVELS = 3, NOTICE_MAX = 400 };

struct log_line {
	char *text;
	enum style style;
};

/* The newest lines, a ring: number n (from 0) stands at n % LOG_LINES_MAX. */
struct screen_log {
	struct log_line lines[LOG_LINES_MAX];
	size_t count; /* ever added */
};

/* The calls that function keys would touch now. */
struct targets {
	unsigned ringing, hang_up;
};

struct screen {
	struct ui ui;
	struct ui_config config;
	struct prompt *prompt;
	struct input *input;
	struct output *terminal; /* standard output */
	struct loop_signal *resized, *continued;
	struct loop_watch *errors; /* what others write to standard error */
	struct lines error_lines;
	int errors_fd, saved_error_fd;
	int rows, cols;
	bool dirty, typed, ended, title_set;
	enum view view;
	bool view_focus, zoomed;
	bool long_text;       /* the log view was opened for a long text: the next line or Esc closes it */
	size_t scroll[VIEWS]; /* rows above the end (ladder, log) or below the start (calls) */
	size_t page[VIEWS];   /* rows shown of each, for page keys */
	struct screen_log log;
	char notice[NOTICE_MAX];
	enum style notice_style;
	uint64_t seen;                     /* events told */
	unsigned latest_call, ladder_call; /* of the newest event; chosen by `show ladder N`, 0: selected or latest */
	struct call_view calls[CALLS_SHOWN];
	size_t call_count; /* may be above CALLS_SHOWN */
	struct account_view accounts[ACCOUNTS_SHOWN];
	size_t account_count;
	struct targets targets;
	int64_t targets_changed_us, drawn_us;
	double mic_db[LEVELS], heard_db[LEVELS];
	struct timer tick, redraw;
};

/* ---- bars ---- */
void bar_status(struct screen *screen, int row);
void bar_notice(struct screen *screen, int row);
void bar_keys(struct screen *screen, int row);
/** The list of completions above the command line, over whatever is there. */
void bar_completions(struct screen *screen, int last_row);

/* ---- views; `area` with the title row ---- */
/** Rows that all calls would take, with the title. */
int view_calls_rows(const struct screen *screen);
void view_calls(struct screen *screen, const struct area *area);
void view_ladder(struct screen *screen, const struct area *area);
/** The call whose ladder is shown; 0: everything kept. */
unsigned view_ladder_call(const struct screen *screen);
void view_log(struct screen *screen, const struct area *area);

/* ---- control: functions of struct prompt_handler, arg is the screen ---- */
bool screen_key(void *arg, enum key key, struct slice bytes);
bool screen_text(void *arg, struct slice bytes);
bool screen_entered(void *arg, const char *text);

/** Somebody typed: draw in this turn. */
void screen_touch(void *arg);
/** The row below the views says the first line of `text`. */
void screen_notice(struct screen *screen, enum style style, const char *text);
/** Add text, a line a line feed. */
void screen_log_add(struct screen *screen, enum style style, const char *text);
void screen_log_free(struct screen_log *log);
