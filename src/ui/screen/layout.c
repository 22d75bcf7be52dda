/* Which view stands where: calls and log at the left, another view beside them where there is room for both. */
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>

enum { ROWS_MIN = 10, COLS_MIN = 40, WIDE_COLS = 100, LOW_ROWS = 8 };

static const struct {
	const char *name, *title;
	void (*build)(struct screen *screen, struct pane *pane, int cols, int rows);
	void (*print_title)(const struct screen *screen, char *title, size_t room);
	bool keeps; /* builds anew only what changed */
} kinds[VIEWS] = {
	[VIEW_CALLS] = { "calls", "Calls", view_calls_build, NULL, false },
	[VIEW_LADDER] = { "ladder", "Ladder", view_ladder_build, view_ladder_title, true },
	[VIEW_MESSAGES] = { "messages", "Messages", view_messages_build, NULL, true },
	[VIEW_CONTACTS] = { "contacts", "Contacts", view_contacts_build, NULL, false },
	[VIEW_HISTORY] = { "history", "History", view_history_build, NULL, false },
	[VIEW_QUALITY] = { "quality", "Quality", view_quality_build, view_quality_title, false },
	[VIEW_LOG] = { "log", "Log", view_log_build, NULL, true },
	[VIEW_MESSAGE] = { "message", "Message", view_message_build, view_message_title, true },
};

const char *layout_name(enum view view)
{
	return kinds[view].name;
}

const char *layout_title(enum view view)
{
	return kinds[view].title;
}

static bool is_wide(const struct screen *screen)
{
	return screen->cols >= WIDE_COLS && !screen->zoomed;
}

int layout_left_cols(const struct screen *screen)
{
	return is_wide(screen) ? screen->cols * 9 / 20 : screen->cols;
}

struct pane *layout_scrolled(struct screen *screen)
{
	return &screen->panes[screen->view == VIEW_CALLS && !screen->view_focus ? VIEW_LOG : screen->view];
}

static void build(struct screen *screen, enum view view, const struct area *area)
{
	struct pane *pane = &screen->panes[view];

	if (!kinds[view].keeps)
		pane_clear(pane);
	kinds[view].build(screen, pane, area->cols, area->rows - 1);
}

/* The long text that was asked for begins at the top. */
static void scroll_to_long_text(struct screen *screen, const struct area *area)
{
	struct pane *pane = &screen->panes[VIEW_LOG];
	size_t page = area->rows > 1 ? (size_t)area->rows - 1 : 1, at = pane->count;

	if (!screen->long_from)
		return;
	size_t lines = screen->log.count - screen->long_from;
	/* Rows are more than lines where lines are wrapped: count those that begin a line back from the end. */
	while (at > 0 && lines > 0)
		if (pane->row[--at].key)
			lines--;
	screen->long_from = 0;
	if (pane->count - at <= page)
		return;
	pane->top = at;
	pane->moved = true;
}

static void draw_view(struct screen *screen, enum view view, const struct area *area)
{
	char title[200];

	build(screen, view, area);
	if (view == VIEW_LOG && screen->view == VIEW_LOG)
		scroll_to_long_text(screen, area);
	if (kinds[view].print_title)
		kinds[view].print_title(screen, title, sizeof title);
	else if (view == VIEW_CALLS && screen->call_count > 1)
		snprintf(title, sizeof title, "Calls: %zu", screen->call_count);
	else
		snprintf(title, sizeof title, "%s", kinds[view].title);
	pane_draw(&screen->panes[view], area, title, screen->view_focus && screen->view == view,
		  view == VIEW_CALLS ? view_calls_show(screen) : 0);
}

/* The calls take what they need, up to half of a high screen; on a low one all but two rows of the log. */
static void draw_calls_and_log(struct screen *screen, const struct area *area)
{
	int most = area->rows <= LOW_ROWS ? area->rows - 2 : area->rows / 2;
	struct area calls = *area;

	calls.rows = most;
	build(screen, VIEW_CALLS, &calls);
	int wanted = (int)screen->panes[VIEW_CALLS].count + 1;
	calls.rows = wanted < most ? wanted : most;
	struct area log = { area->y + calls.rows, area->x, area->rows - calls.rows, area->cols };
	draw_view(screen, VIEW_LOG, &log);
	draw_view(screen, VIEW_CALLS, &calls);
	if (is_wide(screen))
		draw_rule(log.y, area->cols, 1, GLYPH_LEFT, false);
}

static void draw_views(struct screen *screen, int top, int rows)
{
	struct area whole = { top, 0, rows, screen->cols }, left = whole, right = whole;
	enum view side = screen->view == VIEW_CALLS ? VIEW_LADDER : screen->view;

	for (int i = 0; i < VIEWS; i++)
		screen->panes[i].shown = false;
	if (!is_wide(screen)) {
		if (screen->view == VIEW_CALLS)
			draw_calls_and_log(screen, &whole);
		else
			draw_view(screen, screen->view, &whole);
		return;
	}
	left.cols = layout_left_cols(screen);
	right.x = left.cols + 1;
	right.cols = screen->cols - right.x;
	draw_rule(top, left.cols, rows, GLYPH_VERTICAL, true);
	draw_view(screen, side, &right);
	if (side == VIEW_LOG)
		draw_view(screen, VIEW_CALLS, &left);
	else
		draw_calls_and_log(screen, &left);
	draw_rule(top, left.cols, 1, GLYPH_DOWN, false);
}

static void draw_too_small(struct screen *screen)
{
	struct area area = { 0, 0, screen->rows, screen->cols };
	char text[80];

	snprintf(text, sizeof text, "%dx%d: %sneeds 40x10", screen->cols, screen->rows,
		 screen->cols < 28 ? "" : "offhook ");
	draw_begin();
	draw_string(&area, 0, 0, STYLE_PLAIN, text);
	draw_end(screen->terminal, -1, 0);
}

/* @return the cursor's column */
static int draw_line(struct screen *screen, const struct area *area)
{
	struct buf typed;
	size_t cursor;

	buf_init(&typed, 65536);
	if (screen->finding)
		cursor = text_line_window(&typed, SLICE("/"), buf_slice(&screen->find), screen->find.n,
					  (size_t)area->cols, draw_is_utf8());
	else
		cursor = line_draw(&typed, (size_t)area->cols, draw_is_utf8());
	draw_text(area, 0, 0, 0, STYLE_PLAIN, buf_slice(&typed));
	buf_fini(&typed);
	return (int)cursor;
}

void layout_frame(struct screen *screen)
{
	struct area line = { screen->rows - 1, 0, 1, screen->cols };

	if (screen->rows < ROWS_MIN || screen->cols < COLS_MIN) {
		draw_too_small(screen);
		return;
	}
	draw_begin();
	draw_views(screen, 1, screen->rows - 4);
	bar_status(screen, 0); /* messages that were shown just now are no news */
	bar_notice(screen, screen->rows - 3);
	bar_keys(screen, screen->rows - 2);
	bar_completions(screen, screen->rows - 2);
	int cursor = draw_line(screen, &line);
	if (screen->view_focus && !screen->finding)
		draw_end(screen->terminal, -1, 0);
	else
		draw_end(screen->terminal, screen->rows - 1, cursor);
}
