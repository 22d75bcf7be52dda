/*
 * screen: the phone on a whole terminal.
 *
 *   screen        the turn, what runners and the log say
 *   layout        which view stands where; a frame
 *   pane          rows, which are shown, which one is meant, what is found
 *   control       keys, and lines that pick a view
 *   bars          status row, notice, keys, completions
 *   view_calls    the calls
 *   view_ladder   the ladder of a call or a registration; one message
 *   view_messages what was written
 *   view_people   contacts and history
 *   view_quality  the sound of a call as curves
 *   view_log      events and what commands print
 *   draw          ncurses, into the output queue
 *   theme         colours and glyphs
 */
#pragma once

#include "ui/input.h"
#include "ui/notify.h"
#include "ui/prompt.h"
#include "ui/screen/pane.h"
#include "ui/ui.h"

/* In the order of their numbers; the last is opened from the ladder. */
enum view {
	VIEW_CALLS,
	VIEW_LADDER,
	VIEW_MESSAGES,
	VIEW_CONTACTS,
	VIEW_HISTORY,
	VIEW_QUALITY,
	VIEW_LOG,
	VIEW_MESSAGE,
	VIEWS,
	VIEWS_NUMBERED = VIEW_MESSAGE
};

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
	struct notify *notify;
	struct output *terminal; /* standard output */
	struct loop_signal *resized, *stopped, *continued;
	struct loop_watch *errors; /* what others write to standard error */
	struct lines error_lines;
	int errors_fd, saved_error_fd;
	int rows, cols;
	bool dirty, typed, ended, title_set, mouse_on;
	enum view view;
	bool view_focus, zoomed;
	enum view back_to; /* the view before the log or the message */
	size_t long_from;  /* the first line of the long text */
	bool long_text; /* the log view was opened for a long text: the next line or Esc closes it */
	struct pane panes[VIEWS];
	struct area tabs[VIEWS]; /* where the names of the views stand */
	bool finding;            /* what to search for is being typed */
	struct buf find;
	/* log */
	struct screen_log log;
	size_t log_shown; /* lines that stand in the pane */
	int log_cols;
	/* messages: of what the rows were made */
	uint64_t messages_seen;
	int messages_cols;
	/* ladder: whose it is, and of what the rows in its pane were made */
	unsigned ladder_call, ladder_shown; /* chosen by `show ladder N`, 0: selected or latest */
	char *ladder_account;
	const char *ladder_was_account;
	int ladder_cols;
	uint64_t ladder_last;
	int64_t ladder_built_us;
	/* message: by its number in the trace; beside it the one that it is compared with */
	uint64_t message, message_beside, message_marked, message_built, message_shown_beside;
	int message_cols;
	unsigned quality_call, quality_shown; /* chosen by `show quality N`, 0: selected or latest */
	char notice[NOTICE_MAX];
	enum style notice_style;
	uint64_t seen;                     /* events told */
	unsigned latest_call;              /* of the newest event */
	struct call_view calls[CALLS_SHOWN];
	size_t call_count; /* may be above CALLS_SHOWN */
	struct account_view accounts[ACCOUNTS_SHOWN];
	size_t account_count;
	struct targets targets;
	int64_t ringing_changed_us, hang_up_changed_us, drawn_us;
	int64_t pause_us; /* between the last frame and the next that nobody waits for */
	double mic_db[LEVELS], heard_db[LEVELS];
	struct timer tick, redraw;
};

/* ---- bars ---- */
void bar_status(struct screen *screen, int row);
void bar_notice(struct screen *screen, int row);
void bar_keys(struct screen *screen, int row);
/** The list of completions above the command line, over whatever is there. */
void bar_completions(struct screen *screen, int last_row);

/* ---- views: `build` fills the pane for so many columns and rows ---- */
void view_calls_build(struct screen *screen, struct pane *pane, int cols, int rows);
/** The sign of what state a call is in, and how long it is up: "00:42". */
const char *call_glyph(const struct call_view *call);
void call_clock(const struct call_view *call, struct buf *to);
/** The call that is to be in sight. */
uint64_t view_calls_show(const struct screen *screen);
void view_ladder_build(struct screen *screen, struct pane *pane, int cols, int rows);
void view_ladder_title(const struct screen *screen, char *title, size_t room);
void view_message_build(struct screen *screen, struct pane *pane, int cols, int rows);
void view_message_title(const struct screen *screen, char *title, size_t room);
/** The next message of the ladder, or the one before. */
void view_message_step(struct screen *screen, int step);
/** Compare with the marked message, else the one before; or no more. */
void view_message_compare(struct screen *screen);
void view_message_copy(struct screen *screen);
void view_messages_build(struct screen *screen, struct pane *pane, int cols, int rows);
void view_messages_enter(struct screen *screen, const struct pane_row *row);
void view_contacts_build(struct screen *screen, struct pane *pane, int cols, int rows);
void view_contacts_enter(struct screen *screen, const struct pane_row *row);
void view_history_build(struct screen *screen, struct pane *pane, int cols, int rows);
void view_history_enter(struct screen *screen, const struct pane_row *row);
void view_quality_build(struct screen *screen, struct pane *pane, int cols, int rows);
void view_quality_title(const struct screen *screen, char *title, size_t room);
void view_log_build(struct screen *screen, struct pane *pane, int cols, int rows);

/* ---- layout ---- */
/** "calls"; the view of VIEW_MESSAGE has no number and is "message". */
const char *layout_name(enum view view);
/** "Calls" */
const char *layout_title(enum view view);
/** Columns of the left side, where the results of commands are shown. */
int layout_left_cols(const struct screen *screen);
/** The pane that keys which scroll mean: of the view, or of the log below the calls. */
struct pane *layout_scrolled(struct screen *screen);
void layout_frame(struct screen *screen);

/* ---- control: functions of struct prompt_handler, arg is the screen ---- */
bool screen_key(void *arg, enum key key, struct slice bytes);
bool screen_text(void *arg, struct slice bytes);
bool screen_entered(void *arg, const char *text);

/** Go to the command line with `command` and a word in it, not run yet. */
void screen_prepare(struct screen *screen, const char *command, const char *word);
/** Somebody typed: draw in this turn. */
void screen_touch(void *arg);
/** The row below the views says the first line of `text`. */
void screen_notice(struct screen *screen, enum style style, const char *text);
/** Add text, a line a line feed. */
void screen_log_add(struct screen *screen, enum style style, const char *text);
void screen_log_free(struct screen_log *log);
