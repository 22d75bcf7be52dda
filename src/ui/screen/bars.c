/* The rows around the views: status above, notice and keys below, and the list of completions. */
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How much of the accounts is written: all; without their domains; only how those are that are not registered. */
enum width { WIDE, NARROW, NARROWEST };

static void account_state(const struct account_view *account, enum width width, struct buf *to)
{
	if (account->needs_password) {
		buf_printf(to, "password?");
		return;
	}
	if (strcmp(account->state, "failed")) {
		buf_printf(to, "%s", account->no_registrar ? "no registrar" : account->state);
		return;
	}
	/* A registrar that was not reached has given no code. */
	const char *cause = account->cause ? account->cause : "";
	bool answered = !*cause || !strcmp(cause, "refused") || !strcmp(cause, "auth");
	if (account->code && answered)
		buf_printf(to, "%u", account->code);
	else
		buf_printf(to, "%s", *cause ? cause : "failed");
	if (account->retry_s)
		buf_printf(to, ", retry %us", account->retry_s);
	else if (width != NARROWEST)
		buf_printf(to, ", given up");
}

static void account_text(const struct account_view *account, enum width width, struct buf *to)
{
	bool utf8 = draw_is_utf8(), registered = !strcmp(account->state, "registered");
	struct slice name = slice_of(account->name);

	if (width == NARROW)
		name = slice_sub(name, 0, slice_find(name, '@'));
	buf_printf(to, "%.*s%s%s ", width == NARROWEST ? 0 : (int)name.n, name.p, width == NARROWEST ? "" : " ",
		   theme_glyph(registered ? GLYPH_ACTIVE : GLYPH_IDLE, utf8));
	if (!registered) {
		account_state(account, width, to);
		return;
	}
	uint32_t left = account->expires_left_s;
	if (width == WIDE && left >= 60)
		buf_printf(to, "%um left", (left + 30) / 60);
	else if (width == WIDE)
		buf_printf(to, "%us left", left);
	if (account->voicemail && account->voicemail_new)
		buf_printf(to, "%s%u voicemail", width == WIDE ? ", " : "", account->voicemail_new);
	else if (account->voicemail)
		buf_printf(to, "%svoicemail", width == WIDE ? ", " : "");
}

static void clock_text(bool seconds, char *text, size_t room)
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(text, room, seconds ? "%H:%M:%S" : "%H:%M", &local);
}

/* A device that is gone, or never was there, says so: a flat line could be silence. */
static void add_level(const struct screen *screen, const char *name, const char *device, const double *db,
		      struct buf *to)
{
	const char *trouble = phone_device_trouble(screen->config.phone, device);

	buf_printf(to, "%s ", name);
	if (*trouble)
		buf_printf(to, "%s ", trouble);
	else
		for (int i = 0; i < LEVELS; i++)
			buf_printf(to, "%s", theme_level(db[i], draw_is_utf8()));
	buf_add_char(to, ' ');
}

static void add_levels(const struct screen *screen, struct buf *to)
{
	add_level(screen, "mic", "input", screen->mic_db, to);
	add_level(screen, "spk", "output", screen->heard_db, to);
	buf_add_char(to, ' ');
}

static const struct call_view *selected_call(const struct screen *screen)
{
	for (size_t i = 0; i < screen->call_count && i < CALLS_SHOWN; i++)
		if (screen->calls[i].selected)
			return &screen->calls[i];
	return NULL;
}

/* Who it is in a word: the name, else the user, else the host. */
static struct slice short_name(const struct call_view *call)
{
	struct slice uri = slice_of(call->uri), rest = slice_from(uri, slice_find(uri, ':') + 1);

	if (*call->name)
		return slice_of(call->name);
	return slice_find(uri, ':') < uri.n ? slice_sub(rest, 0, slice_find(rest, '@')) : uri;
}

/* Where the calls are not in sight, the one that commands mean. */
static void add_call_in_short(const struct screen *screen, struct buf *to)
{
	const struct call_view *call = selected_call(screen);
	bool utf8 = draw_is_utf8();

	if (!call || screen->panes[VIEW_CALLS].shown)
		return;
	buf_printf(to, "%s%u %s ", theme_glyph(GLYPH_SELECTED, utf8), call->number, call_glyph(call));
	if (screen->cols >= 70) {
		text_add(to, short_name(call), 16, utf8);
		buf_add_char(to, ' ');
	}
	if (call->muted)
		buf_printf(to, "muted ");
	if (call->answered_us)
		call_clock(call, to);
	else
		buf_printf(to, "%s", call_state_name(call->state));
	buf_printf(to, "  ");
}

/* What somebody who was away wants to know. */
static void add_waiting(const struct screen *screen, struct buf *to)
{
	size_t unread = phone_messages_unseen(screen->config.phone);
	bool is_number;
	double missed = 0;
	struct buf text;

	buf_init(&text, 64);
	if (phone_quantity(screen->config.phone, 0, SLICE("calls.missed"), &text, &missed, &is_number) && is_number &&
	    missed >= 1)
		buf_printf(to, "%.0f missed  ", missed);
	if (unread)
		buf_printf(to, "%zu message%s  ", unread, unread == 1 ? "" : "s");
	buf_fini(&text);
}

static void add_accounts(const struct screen *screen, enum width width, struct buf *to)
{
	if (width == WIDE)
		buf_printf(to, " offhook  ");
	if (!screen->account_count)
		buf_printf(to, " no account");
	for (size_t i = 0; i < screen->account_count && i < ACCOUNTS_SHOWN; i++) {
		buf_printf(to, "%s", i && width == WIDE ? "   " : i ? "  " : " ");
		account_text(&screen->accounts[i], width, to);
	}
}

void bar_status(struct screen *screen, int row)
{
	struct area area = { row, 0, 1, screen->cols };
	struct buf left, right;
	char clock[16];

	buf_init(&left, UI_LINE_BYTES);
	buf_init(&right, UI_LINE_BYTES);
	clock_text(screen->call_count > 0, clock, sizeof clock);
	add_waiting(screen, &right);
	add_call_in_short(screen, &right);
	if (screen->call_count && screen->cols >= 70)
		add_levels(screen, &right);
	buf_printf(&right, "%s ", clock);
	int right_cols = (int)text_cols(buf_slice(&right)), left_cols = screen->cols - right_cols - 1;
	for (int width = WIDE; width <= NARROWEST && (!left.n || (int)text_cols(buf_slice(&left)) > left_cols);
	     width++) {
		buf_clear(&left);
		add_accounts(screen, (enum width)width, &left);
	}
	draw_text(&area, 0, 0, screen->cols, STYLE_BAR, SLICE(""));
	if (left_cols > 0)
		draw_text(&area, 0, 0, left_cols, STYLE_BAR, buf_slice(&left));
	draw_text(&area, 0, left_cols + 1 > 0 ? left_cols + 1 : 0, 0, STYLE_BAR, buf_slice(&right));
	buf_fini(&left);
	buf_fini(&right);
}

void bar_notice(struct screen *screen, int row)
{
	struct area area = { row, 0, 1, screen->cols };

	draw_text(&area, 0, 1, 0, screen->notice_style, slice_of(screen->notice));
}

/* ---- keys ---- */

enum { ITEMS_MAX = 24 };

struct item {
	char text[48];
	int order, rank; /* where it stands; which goes first when there is no room, the highest */
	bool shown;
};

struct items {
	struct item item[ITEMS_MAX];
	size_t count;
};

static void add_item(struct items *items, int order, int rank, const char *format, ...) PRINTF_LIKE(4, 5);
static void add_item(struct items *items, int order, int rank, const char *format, ...)
{
	va_list args;

	if (items->count == ITEMS_MAX)
		return;
	struct item *item = &items->item[items->count++];
	*item = (struct item){ .order = order, .rank = rank };
	va_start(args, format);
	vsnprintf(item->text, sizeof item->text, format, args);
	va_end(args);
}

static const char *bound(const struct screen *screen, const char *key)
{
	return commands_binding(screen->config.commands, layout_name(screen->view), screen->view_focus, key);
}

/* Keys that a call waits for, each with its number; a key that was bound to something else shows that. */
static void add_call_keys(const struct screen *screen, struct items *items)
{
	unsigned ringing = screen->targets.ringing, up = screen->targets.hang_up;

	if (ringing && !bound(screen, "F2"))
		add_item(items, 2, 0, "F2 answer %u", ringing);
	if (up && !bound(screen, "F8"))
		add_item(items, 8, 2, "F8 hang up %u", up);
	if (ringing && !bound(screen, "F9"))
		add_item(items, 9, 1, "F9 reject %u", ringing);
}

static void add_bound_key(void *arg, const char *view, const char *key, const char *command)
{
	struct items *items = arg;
	unsigned number = 0;

	(void)view;
	if (key[0] == 'F')
		sscanf(key + 1, "%2u", &number);
	add_item(items, number ? (int)number : 20, number ? 3 : 6, "%s %.24s", key, command);
}

struct binding_filter {
	struct items *items;
	const struct screen *screen;
};

static void add_if_here(void *arg, const char *view, const char *key, const char *command)
{
	struct binding_filter *filter = arg;

	if (bound(filter->screen, key) == command)
		add_bound_key(filter->items, view, key, command);
}

static void add_view_keys(const struct screen *screen, struct items *items)
{
	static const char *const enters[VIEWS] = {
		[VIEW_CALLS] = "Enter select", [VIEW_LADDER] = "Enter message", [VIEW_CONTACTS] = "Enter call",
		[VIEW_MESSAGES] = "Enter reply",
		[VIEW_HISTORY] = "Enter call", [VIEW_MESSAGE] = "d compare  y copy",
	};

	if (screen->finding) {
		add_item(items, 30, 4, "Enter find  Esc stop");
		return;
	}
	if (!screen->view_focus) {
		if (!bound(screen, "F1"))
			add_item(items, 1, 7, "F1 help");
		if (!bound(screen, "F6"))
			add_item(items, 6, 4, "F6 view");
		return;
	}
	if (!bound(screen, "F6"))
		add_item(items, 6, 4, "F6 line");
	if (enters[screen->view])
		add_item(items, 30, 5, "%s", enters[screen->view]);
	add_item(items, 31, 6, "/ find");
	add_item(items, 32, 7, "z zoom");
}

static int by_order(const void *a, const void *b)
{
	return ((const struct item *)a)->order - ((const struct item *)b)->order;
}

/* What fits of the keys, the most needed first; *cols gets what they take. */
static void choose(struct items *items, int room, int *cols)
{
	*cols = 0;
	for (int rank = 0; rank <= 7; rank++)
		for (size_t i = 0; i < items->count; i++) {
			struct item *item = &items->item[i];
			int width = (int)text_cols(slice_of(item->text)) + (*cols ? 2 : 0);
			if (item->rank != rank || *cols + width > room)
				continue;
			item->shown = true;
			*cols += width;
		}
	if (items->count)
		qsort(items->item, items->count, sizeof items->item[0], by_order);
}

/* How the names of the views are written where there is little room. */
static const char *const short_names[VIEWS_NUMBERED] = { "Calls", "Lad", "Msg", "Con", "Hist", "Qual", "Log" };

enum tabs { TABS_WHOLE, TABS_SHORT, TABS_NUMBERS, TABS_CURRENT, TABS_NONE };

/* @return the columns that it takes with what parts it from the next; 0: it is not shown */
static int tab_text(const struct screen *screen, enum tabs how, int i, char text[32])
{
	bool current = (enum view)i == screen->view;
	const char *name =
		how == TABS_WHOLE || (current && how > TABS_SHORT) ? layout_title((enum view)i) : short_names[i];

	if (how == TABS_NONE || (how == TABS_CURRENT && !current))
		return 0;
	if (how == TABS_NUMBERS && !current)
		snprintf(text, 32, "%d", i + 1);
	else
		snprintf(text, 32, "%d %s", i + 1, name);
	bool close = how == TABS_SHORT || (how == TABS_NUMBERS && !current);
	return (int)strlen(text) + (close && i + 1 < VIEWS_NUMBERED ? 1 : 2);
}

/* The names of the views: all, short, of the others only the numbers, the one that is shown, or none. */
static int draw_tabs(struct screen *screen, const struct area *area, int room)
{
	enum tabs how = TABS_WHOLE;
	int col = 1;
	char text[32];

	for (; how < TABS_NONE; how++) {
		int width = 0;
		for (int i = 0; i < VIEWS_NUMBERED; i++)
			width += tab_text(screen, how, i, text);
		if (width <= room)
			break;
	}
	memset(screen->tabs, 0, sizeof screen->tabs);
	for (int i = 0; i < VIEWS_NUMBERED; i++) {
		int width = tab_text(screen, how, i, text);
		enum style style = (enum view)i != screen->view ? STYLE_DIM
				   : screen->view_focus		? STYLE_FOCUS
								: STYLE_TITLE;
		if (!width)
			continue;
		draw_string(area, 0, col, style, text);
		screen->tabs[i] = (struct area){ area->y, col, 1, (int)strlen(text) };
		col += width;
	}
	return col;
}

/* Keys are shown where they work, with the call that they would touch. */
void bar_keys(struct screen *screen, int row)
{
	struct area area = { row, 0, 1, screen->cols };
	struct items items = { .count = 0 };
	struct binding_filter filter = { &items, screen };
	int cols;

	add_call_keys(screen, &items);
	commands_bindings(screen->config.commands, add_if_here, &filter);
	add_view_keys(screen, &items);
	choose(&items, screen->cols - 1, &cols);
	int col = draw_tabs(screen, &area, screen->cols - 1 - cols);
	for (size_t i = 0; i < items.count; i++)
		if (items.item[i].shown)
			col = draw_string(&area, 0, col, STYLE_PLAIN, items.item[i].text) + 2;
}

void bar_completions(struct screen *screen, int last_row)
{
	size_t count;
	const char *const *words = line_completions(&count);
	struct buf row;

	if (!count)
		return;
	struct text_grid grid = text_grid(words, count, 4, (size_t)screen->cols - 2);
	size_t most = (size_t)last_row / 2 > 1 ? (size_t)last_row / 2 : 1;
	bool cut = grid.down > most;
	size_t lines = cut ? most : grid.down;
	for (size_t y = 0; y < lines; y++) {
		struct area area = { last_row - (int)(lines - 1 - y), 0, 1, screen->cols };
		buf_init(&row, 16384);
		buf_add_char(&row, ' ');
		for (size_t i = y; i < count; i += grid.down)
			text_add_padded(&row, slice_of(words[i]), grid.width, draw_is_utf8());
		if (cut && y == lines - 1) {
			buf_clear(&row);
			buf_printf(&row, " ... %zu in all: type some more", count);
		}
		draw_text(&area, 0, 0, screen->cols, STYLE_BAR, buf_slice(&row));
		buf_fini(&row);
	}
}
