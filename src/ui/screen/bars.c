/* The rows around the views: status above, notice and keys below, and the list of completions. */
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>
#include <time.h>

static void account_text(const struct account_view *account, struct buf *to)
{
	bool utf8 = draw_is_utf8();

	if (!strcmp(account->state, "registered")) {
		uint32_t left = account->expires_left_s;
		buf_printf(to, "%s %s ", account->name, theme_glyph(GLYPH_ACTIVE, utf8));
		if (left >= 60)
			buf_printf(to, "%um left", (left + 30) / 60);
		else
			buf_printf(to, "%us left", left);
		return;
	}
	buf_printf(to, "%s %s ", account->name, theme_glyph(GLYPH_IDLE, utf8));
	if (account->needs_password) {
		buf_printf(to, "password?");
		return;
	}
	if (strcmp(account->state, "failed")) {
		buf_printf(to, "%s", account->state);
		return;
	}
	if (account->code)
		buf_printf(to, "%u", account->code);
	else
		buf_printf(to, "%s", account->cause && *account->cause ? account->cause : "failed");
	if (account->retry_s)
		buf_printf(to, ", retry %us", account->retry_s);
	else
		buf_printf(to, ", given up");
}

static void clock_text(bool seconds, char *text, size_t room)
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(text, room, seconds ? "%H:%M:%S" : "%H:%M", &local);
}

static void add_levels(const struct screen *screen, struct buf *to)
{
	bool utf8 = draw_is_utf8();

	buf_printf(to, "mic ");
	for (int i = 0; i < LEVELS; i++)
		buf_printf(to, "%s", theme_level(screen->mic_db[i], utf8));
	buf_printf(to, " spk ");
	for (int i = 0; i < LEVELS; i++)
		buf_printf(to, "%s", theme_level(screen->heard_db[i], utf8));
	buf_printf(to, "  ");
}

void bar_status(struct screen *screen, int row)
{
	struct area area = { row, 0, 1, screen->cols };
	struct buf left, right;
	char clock[16];

	buf_init(&left, 8192);
	buf_init(&right, 256);
	clock_text(screen->call_count > 0, clock, sizeof clock);
	if (screen->call_count && screen->cols >= 70)
		add_levels(screen, &right);
	buf_printf(&right, "%s ", clock);
	buf_printf(&left, " offhook");
	for (size_t i = 0; i < screen->account_count && i < ACCOUNTS_SHOWN; i++) {
		buf_printf(&left, "   ");
		account_text(&screen->accounts[i], &left);
	}
	if (!screen->account_count)
		buf_printf(&left, "   no account");
	int right_cols = (int)text_cols(buf_slice(&right)), left_cols = screen->cols - right_cols - 1;
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

/* Keys are shown where they work, with the call that they would touch. */
void bar_keys(struct screen *screen, int row)
{
	static const char *const names[VIEWS] = { "1 Calls", "2 Ladder", "3 Log" };
	struct area area = { row, 0, 1, screen->cols };
	struct buf keys;
	int col = 1;

	for (int i = 0; i < VIEWS; i++) {
		/* A narrow row has room for the view that is shown, and for the keys. */
		if (screen->cols < 60 && (enum view)i != screen->view)
			continue;
		enum style style = (enum view)i != screen->view ? STYLE_DIM
				   : screen->view_focus         ? STYLE_FOCUS
								: STYLE_TITLE;
		col = draw_string(&area, 0, col, style, names[i]) + 2;
	}
	buf_init(&keys, 512);
	if (screen->targets.ringing)
		buf_printf(&keys, "F2 answer %u  ", screen->targets.ringing);
	if (screen->targets.hang_up)
		buf_printf(&keys, "F8 hang up %u  ", screen->targets.hang_up);
	if (screen->targets.ringing)
		buf_printf(&keys, "F9 reject %u  ", screen->targets.ringing);
	buf_printf(&keys, screen->view_focus ? "F6 line  " : "F6 view  ");
	buf_printf(&keys, screen->view_focus ? "PgUp PgDn  z zoom" : "F1 help");
	draw_text(&area, 0, col, 0, STYLE_PLAIN, buf_slice(&keys));
	buf_fini(&keys);
}

void bar_completions(struct screen *screen, int last_row)
{
	size_t count, widest = 4;
	const char *const *words = line_completions(&count);
	struct buf row;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		size_t cols = text_cols(slice_of(words[i]));
		widest = cols > widest ? cols : widest;
	}
	size_t width = widest + 2, room = (size_t)screen->cols - 2, across = room / width ? room / width : 1;
	size_t down = (count + across - 1) / across, most = (size_t)last_row / 2 > 1 ? (size_t)last_row / 2 : 1;
	bool cut = down > most;
	size_t lines = cut ? most : down;
	for (size_t y = 0; y < lines; y++) {
		struct area area = { last_row - (int)(lines - 1 - y), 0, 1, screen->cols };
		buf_init(&row, 16384);
		buf_add_char(&row, ' ');
		for (size_t i = y; i < count; i += down)
			text_add_padded(&row, slice_of(words[i]), width, draw_is_utf8());
		if (cut && y == lines - 1) {
			buf_clear(&row);
			buf_printf(&row, " ... %zu in all: type some more", count);
		}
		draw_text(&area, 0, 0, screen->cols, STYLE_BAR, buf_slice(&row));
		buf_fini(&row);
	}
}
