/* What keys and entered lines do to the screen before the command line sees them. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "command/words.h"
#include "ui/screen/screen.h"

#include <stdio.h>

enum { TARGET_GUARD_MS = 500 };

/* Choose a view; it stays. */
static void show_view(struct screen *screen, enum view view)
{
	screen->view = view;
	screen->long_text = false;
}

/* Back from a long text or a message: the view before it, and no word of keys that do nothing now. */
static void leave(struct screen *screen)
{
	if (screen->long_text || screen->view == VIEW_MESSAGE)
		screen->view = screen->view == VIEW_MESSAGE ? VIEW_LADDER : screen->back_to;
	screen->long_text = false;
	screen->panes[VIEW_LOG].moved = false;
	screen->notice[0] = 0;
}

static void set_focus(struct screen *screen, bool view)
{
	screen->view_focus = view;
	screen->finding = false;
	line_drop_completions();
	screen_touch(screen);
}

void screen_prepare(struct screen *screen, const char *command, const char *word)
{
	struct buf quoted;

	set_focus(screen, false);
	line_clear();
	line_paste(slice_of(command));
	line_bytes(SLICE(" "));
	/* A stranger may have chosen it: on the line it must be nothing but itself. */
	buf_init(&quoted, LINE_MAX_BYTES);
	words_quote_name(&quoted, slice_of(word));
	line_paste(buf_slice(&quoted));
	buf_fini(&quoted);
}

/* ---- commands by key ---- */

/* @return true: what the key would touch changed just now, the person meant another one */
static bool is_guarded(struct screen *screen, int64_t changed_us)
{
	if (loop_timers(screen->config.loop)->now_us - changed_us >= TARGET_GUARD_MS * MS_US)
		return false;
	screen_notice(screen, STYLE_ALERT, "the calls changed just now: nothing was done, press again");
	return true;
}

static void run_on(struct screen *screen, const char *what, unsigned call, int64_t changed_us)
{
	char line[64];

	if (is_guarded(screen, changed_us))
		return;
	if (!call) {
		screen_notice(screen, STYLE_ALERT,
			      !strcmp(what, "hangup") ? "no call to hang up" : "no call is ringing");
		return;
	}
	snprintf(line, sizeof line, "%s %s%u", what, strcmp(what, "reject") ? "" : "call=", call);
	leave(screen);
	prompt_run(screen->prompt, line);
}

/* Keys of `bind`: a command that says no call means one that may have changed a moment ago. */
static bool run_bound(struct screen *screen, const char *key)
{
	static const char *const on_ringing[] = { "answer", "accept",   "reject",  "decline",
						  "ring",   "progress", "redirect" };
	static const char *const on_selected[] = { "hangup", "bye",    "cancel", "hold",
						   "resume", "unhold", "mute",   "unmute" };
	const char *command =
		commands_binding(screen->config.commands, layout_name(screen->view), screen->view_focus, key);

	if (!command)
		return false;
	struct slice rest = slice_of(command), word = slice_cut(&rest, ' ');
	for (size_t i = 0; i < ARRAY_LEN(on_ringing); i++)
		if (slice_eq(word, slice_of(on_ringing[i])) && is_guarded(screen, screen->ringing_changed_us))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(on_selected); i++)
		if (slice_eq(word, slice_of(on_selected[i])) && is_guarded(screen, screen->hang_up_changed_us))
			return true;
	if (!screen_entered(screen, command))
		prompt_run(screen->prompt, command);
	return true;
}

/* ---- searching ---- */

static void find(struct screen *screen, const char *text, bool backwards)
{
	struct pane *pane = layout_scrolled(screen);

	if (!text && !pane->find) {
		screen_notice(screen, STYLE_DIM, "nothing was searched for yet: `/` or F3");
		return;
	}
	if (!pane_find(pane, text, backwards) && pane->find)
		screen_notice(screen, STYLE_ALERT, "not found");
	else
		screen->notice[0] = 0;
}

static bool find_key(struct screen *screen, enum key key, struct slice bytes)
{
	if (key == KEY_IS_ESCAPE || (key == KEY_IS_CONTROL && (bytes.p[0] == 'C' - '@' || bytes.p[0] == 'G' - '@'))) {
		screen->finding = false;
		find(screen, "", false);
		return true;
	}
	if (key != KEY_IS_CONTROL)
		return true;
	switch (bytes.p[0]) {
	case '\r':
	case '\n':
		screen->finding = false;
		find(screen, buf_text(&screen->find), false);
		break;
	case 'H' - '@':
	case 0x7f:
		while (screen->find.n && (screen->find.p[screen->find.n - 1] & 0xc0) == 0x80)
			screen->find.n--;
		if (screen->find.n)
			screen->find.n--;
		else
			screen->finding = false;
		break;
	case 'U' - '@':
		buf_clear(&screen->find);
		break;
	default:
		break;
	}
	return true;
}

static void begin_find(struct screen *screen)
{
	line_drop_completions();
	buf_clear(&screen->find);
	screen->finding = true;
}

/* ---- keys ---- */

/* Keys that work everywhere. */
static bool common_key(struct screen *screen, enum key key, struct slice bytes)
{
	switch (key) {
	case KEY_IS_F1:
		prompt_run(screen->prompt, "help");
		return true;
	case KEY_IS_F2:
		run_on(screen, "answer", screen->targets.ringing, screen->ringing_changed_us);
		return true;
	case KEY_IS_F3:
		begin_find(screen);
		return true;
	case KEY_IS_F6:
		set_focus(screen, !screen->view_focus);
		return true;
	case KEY_IS_F8:
		run_on(screen, "hangup", screen->targets.hang_up, screen->hang_up_changed_us);
		return true;
	case KEY_IS_F9:
		run_on(screen, "reject", screen->targets.ringing, screen->ringing_changed_us);
		return true;
	case KEY_IS_PAGE_UP:
	case KEY_IS_PAGE_DOWN:
		pane_page(layout_scrolled(screen), key == KEY_IS_PAGE_UP, false);
		return true;
	case KEY_IS_CONTROL:
		if (bytes.p[0] != 'L' - '@')
			return false;
		draw_all_anew();
		return true;
	default:
		return false;
	}
}

static void enter(struct screen *screen)
{
	const struct pane_row *row = pane_at(&screen->panes[screen->view]);
	char line[40];

	if (!row) {
		if (screen->view == VIEW_LADDER)
			screen_notice(screen, STYLE_DIM, "no message in this row: Up and Down choose one");
		return;
	}
	switch (screen->view) {
	case VIEW_CALLS:
		snprintf(line, sizeof line, "select %u", (unsigned)row->key);
		prompt_run(screen->prompt, line);
		break;
	case VIEW_LADDER:
		screen->message = row->key;
		screen->message_beside = 0;
		screen->panes[VIEW_MESSAGE].top = 0;
		show_view(screen, VIEW_MESSAGE);
		break;
	case VIEW_MESSAGES:
		view_messages_enter(screen, row);
		break;
	case VIEW_CONTACTS:
		view_contacts_enter(screen, row);
		break;
	case VIEW_HISTORY:
		view_history_enter(screen, row);
		break;
	default:
		break;
	}
}

static bool view_control(struct screen *screen, char c)
{
	switch (c) {
	case '\t':
		show_view(screen, (enum view)((screen->view + 1) % VIEWS_NUMBERED));
		return true;
	case '\r':
	case '\n':
		enter(screen);
		return true;
	case 'B' - '@':
	case 'F' - '@':
	case 'U' - '@':
		pane_page(layout_scrolled(screen), c != 'F' - '@', c == 'U' - '@');
		return true;
	default:
		/* C-c, C-d and C-z mean the same in a view. */
		return c != 'C' - '@' && c != 'D' - '@' && c != 'Z' - '@';
	}
}

static bool view_key(struct screen *screen, enum key key, struct slice bytes)
{
	switch (key) {
	case KEY_IS_ESCAPE:
		if (screen->view == VIEW_MESSAGE || screen->long_text)
			leave(screen);
		else
			set_focus(screen, false);
		return true;
	case KEY_IS_UP:
	case KEY_IS_DOWN:
		pane_move(layout_scrolled(screen), key == KEY_IS_UP ? -1 : 1);
		return true;
	case KEY_IS_LEFT:
	case KEY_IS_RIGHT:
		if (screen->view == VIEW_MESSAGE)
			view_message_step(screen, key == KEY_IS_LEFT ? -1 : 1);
		return true;
	case KEY_IS_HOME:
	case KEY_IS_END:
		pane_ends(layout_scrolled(screen), key == KEY_IS_HOME);
		return true;
	case KEY_IS_CONTROL:
		return view_control(screen, bytes.p[0]);
	default:
		return true;
	}
}

/* ---- the mouse ---- */

static bool is_in(const struct area *area, const struct mouse *mouse)
{
	return mouse->row >= area->y && mouse->row < area->y + area->rows && mouse->col >= area->x &&
	       mouse->col < area->x + area->cols;
}

/* A click on the row of a thing is Enter on it; elsewhere it only brings the keys there. */
static void click(struct screen *screen, enum view view, const struct mouse *mouse)
{
	struct pane *pane = &screen->panes[view];
	size_t at = pane->top + (size_t)(mouse->row - pane->area.y);

	show_view(screen, view);
	set_focus(screen, true);
	if (at >= pane->count || !pane->has_cursor || !pane->row[at].key)
		return;
	pane->cursor = at;
	pane->moved = true;
	enter(screen);
}

static void use_mouse(struct screen *screen, struct slice bytes)
{
	enum { WHEEL_UP = 64, WHEEL_DOWN = 65, WHEEL_ROWS = 3 };
	struct mouse mouse;

	if (!keys_mouse(bytes, &mouse) || !mouse.pressed)
		return;
	for (int i = 0; i < VIEWS_NUMBERED; i++)
		if (mouse.button == 0 && is_in(&screen->tabs[i], &mouse)) {
			show_view(screen, (enum view)i);
			set_focus(screen, true);
			return;
		}
	for (int i = 0; i < VIEWS; i++) {
		if (!screen->panes[i].shown || !is_in(&screen->panes[i].area, &mouse))
			continue;
		if (mouse.button == 0)
			click(screen, (enum view)i, &mouse);
		else if (mouse.button == WHEEL_UP || mouse.button == WHEEL_DOWN)
			pane_scroll(&screen->panes[i], mouse.button == WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
		return;
	}
	if (mouse.button == 0 && mouse.row == screen->rows - 1)
		set_focus(screen, false);
}

bool screen_key(void *arg, enum key key, struct slice bytes)
{
	struct screen *screen = arg;
	char name[KEY_NAME];

	screen_touch(screen);
	if (key == KEY_IS_MOUSE) {
		use_mouse(screen, bytes);
		return true;
	}
	if (screen->finding && find_key(screen, key, bytes))
		return true;
	if (keys_name(key, bytes, name) && run_bound(screen, name))
		return true;
	if (common_key(screen, key, bytes))
		return true;
	if (screen->view_focus)
		return view_key(screen, key, bytes);
	if (key == KEY_IS_ESCAPE && !line_is_vi() && line_is_empty() && screen->view != VIEW_CALLS) {
		bool back = screen->long_text || screen->view == VIEW_MESSAGE;
		leave(screen);
		screen->view = back ? screen->view : VIEW_CALLS;
		return true;
	}
	return false;
}

static void message_letter(struct screen *screen, char c)
{
	switch (c) {
	case 'd':
		view_message_compare(screen);
		break;
	case 'y':
		view_message_copy(screen);
		break;
	case 'm':
		screen->message_marked = screen->message;
		screen_notice(screen, STYLE_PLAIN, "marked: `d` in another message compares with it");
		break;
	case 'q':
		leave(screen);
		break;
	default:
		break;
	}
}

static void view_letter(struct screen *screen, char c)
{
	if (c >= '1' && c < '1' + VIEWS_NUMBERED) {
		show_view(screen, (enum view)(c - '1'));
		return;
	}
	switch (c) {
	case 'z':
		screen->zoomed = !screen->zoomed;
		prompt_set_columns(screen->prompt, layout_left_cols(screen));
		break;
	case 'j':
	case 'k':
		pane_move(layout_scrolled(screen), c == 'k' ? -1 : 1);
		break;
	case 'g':
	case 'G':
		pane_ends(layout_scrolled(screen), c == 'g');
		break;
	case ' ':
		pane_page(layout_scrolled(screen), false, false);
		break;
	case '/':
		begin_find(screen);
		break;
	case 'n':
	case 'N':
		find(screen, NULL, c == 'N');
		break;
	case ':':
		set_focus(screen, false);
		break;
	default:
		if (screen->view == VIEW_MESSAGE && strchr("dymq", c))
			message_letter(screen, c);
		else
			screen_notice(screen, STYLE_DIM,
				      "in a view letters are keys; `:` or Esc goes back to the command line");
		break;
	}
}

bool screen_text(void *arg, struct slice bytes)
{
	struct screen *screen = arg;
	size_t i = 0;

	if (screen->finding) {
		buf_add(&screen->find, bytes);
		screen_touch(screen);
		return true;
	}
	if (!screen->view_focus)
		return false;
	screen_touch(screen);
	while (i < bytes.n && screen->view_focus && !screen->finding) {
		char key[2] = { bytes.p[i++], 0 };
		if (!run_bound(screen, key))
			view_letter(screen, key[0]);
	}
	/* What follows a `:` belongs to the line, what follows a `/` is searched for. */
	if (i < bytes.n && screen->finding)
		buf_add(&screen->find, slice_from(bytes, i));
	else if (i < bytes.n)
		line_bytes(slice_from(bytes, i));
	return true;
}

/* ---- lines ---- */

/* Which ladder or quality is meant. @return false: the command says what is wrong */
static bool take_subject(struct screen *screen, enum view view, struct slice subject)
{
	struct account_view account;
	unsigned call = subject.n ? phone_find_call(screen->config.phone, subject) : 0;

	if (view == VIEW_QUALITY) {
		screen->quality_call = call;
		return !subject.n || call;
	}
	if (view != VIEW_LADDER)
		return !subject.n;
	bool is_account = subject.n && !call && phone_view_account(screen->config.phone, subject, &account);
	if (subject.n && !call && !is_account)
		return false;
	screen->ladder_call = call;
	xreplace(&screen->ladder_account, is_account ? account.name : NULL);
	return true;
}

/* `show calls`, `show ladder [CALL|ACCOUNT]` and so on pick a view. */
static bool picks_view(struct screen *screen, struct slice line)
{
	struct slice rest = slice_trim(line);

	if (!slice_eq(slice_cut(&rest, ' '), SLICE("show")))
		return false;
	rest = slice_trim(rest);
	struct slice name = slice_cut(&rest, ' ');
	rest = slice_trim(rest);
	for (int i = 0; i < VIEWS_NUMBERED; i++) {
		if (!slice_eq(name, slice_of(layout_name((enum view)i))))
			continue;
		if (!take_subject(screen, (enum view)i, rest))
			return false;
		show_view(screen, (enum view)i);
		screen->panes[i].moved = false;
		return true;
	}
	return false;
}

bool screen_entered(void *arg, const char *text)
{
	struct screen *screen = arg;

	screen_touch(screen);
	if (!text)
		return false;
	char *kept = line_for_history(text);
	if (kept) {
		char *shown = xasprintf("> %s", kept);
		char *clean = utf8_clean_dup(slice_of(shown));
		screen->panes[VIEW_LOG].moved = false;
		screen_log_add(screen, STYLE_TYPED, clean);
		free(clean);
		free(shown);
	}
	free(kept);
	if (screen->long_text)
		leave(screen);
	return picks_view(screen, slice_of(text));
}
