/* What keys and entered lines do to the screen before the command line sees them. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/screen/screen.h"

#include <stdio.h>

enum { TARGET_GUARD_MS = 500 };

static void scroll(struct screen *screen, bool up, size_t rows)
{
	size_t *at = &screen->scroll[screen->view == VIEW_CALLS && !screen->view_focus ? VIEW_LOG : screen->view];
	bool more = screen->view == VIEW_CALLS && screen->view_focus ? !up : up; /* the calls scroll from their start */

	if (more)
		*at += rows;
	else
		*at = *at > rows ? *at - rows : 0;
	screen_touch(screen);
}

static size_t page_of(const struct screen *screen)
{
	size_t page = screen->page[screen->view == VIEW_CALLS && !screen->view_focus ? VIEW_LOG : screen->view];

	return page > 2 ? page - 1 : 1;
}

/* A view that was chosen stays. */
static void show_view(struct screen *screen, enum view view)
{
	screen->view = view;
	screen->long_text = false;
}

/* Back from a long text: the newest of the log again, and no word of keys that do nothing now. */
static void leave_long_text(struct screen *screen)
{
	if (screen->long_text)
		screen->view = VIEW_CALLS;
	screen->long_text = false;
	screen->scroll[VIEW_LOG] = 0;
	screen->notice[0] = 0;
}

/* Run `what` with the call that the key shows; if that changed just now, the person meant another one. */
static void run_on(struct screen *screen, const char *what, unsigned call)
{
	char line[64];

	if (!call) {
		screen_notice(screen, STYLE_ALERT,
			      !strcmp(what, "hangup") ? "no call to hang up" : "no call is ringing");
		return;
	}
	if (loop_timers(screen->config.loop)->now_us - screen->targets_changed_us < TARGET_GUARD_MS * MS_US) {
		screen_notice(screen, STYLE_ALERT, "the calls changed just now: nothing was done, press again");
		return;
	}
	snprintf(line, sizeof line, "%s %s%u", what, strcmp(what, "reject") ? "" : "call=", call);
	leave_long_text(screen);
	prompt_run(screen->prompt, line);
}

static void set_focus(struct screen *screen, bool view)
{
	screen->view_focus = view;
	line_drop_completions();
	screen_touch(screen);
}

/* Keys that work everywhere. */
static bool common_key(struct screen *screen, enum key key, struct slice bytes)
{
	switch (key) {
	case KEY_IS_F1:
		prompt_run(screen->prompt, "help");
		return true;
	case KEY_IS_F2:
		run_on(screen, "answer", screen->targets.ringing);
		return true;
	case KEY_IS_F6:
		set_focus(screen, !screen->view_focus);
		return true;
	case KEY_IS_F8:
		run_on(screen, "hangup", screen->targets.hang_up);
		return true;
	case KEY_IS_F9:
		run_on(screen, "reject", screen->targets.ringing);
		return true;
	case KEY_IS_PAGE_UP:
	case KEY_IS_PAGE_DOWN:
		scroll(screen, key == KEY_IS_PAGE_UP, page_of(screen));
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

bool screen_key(void *arg, enum key key, struct slice bytes)
{
	struct screen *screen = arg;

	screen_touch(screen);
	if (common_key(screen, key, bytes))
		return true;
	if (!screen->view_focus) {
		if (key == KEY_IS_ESCAPE && !line_is_vi() && line_is_empty() && screen->view != VIEW_CALLS) {
			leave_long_text(screen);
			screen->view = VIEW_CALLS;
			return true;
		}
		return false;
	}
	switch (key) {
	case KEY_IS_ESCAPE:
		set_focus(screen, false);
		return true;
	case KEY_IS_UP:
	case KEY_IS_DOWN:
		scroll(screen, key == KEY_IS_UP, 1);
		return true;
	case KEY_IS_CONTROL:
		if (bytes.p[0] == '\t')
			show_view(screen, (enum view)((screen->view + 1) % VIEWS));
		/* C-c, C-d and C-z mean the same in a view. */
		return bytes.p[0] != 'C' - '@' && bytes.p[0] != 'D' - '@' && bytes.p[0] != 'Z' - '@';
	default:
		return true;
	}
}

static void view_letter(struct screen *screen, char c)
{
	switch (c) {
	case '1':
	case '2':
	case '3':
		show_view(screen, (enum view)(c - '1'));
		break;
	case 'z':
		screen->zoomed = !screen->zoomed;
		break;
	case 'j':
	case 'k':
		scroll(screen, c == 'k', 1);
		break;
	case ':':
		set_focus(screen, false);
		break;
	default:
		screen_notice(screen, STYLE_DIM,
			      "in a view letters are keys; `:` or Esc goes back to the command line");
		break;
	}
}

bool screen_text(void *arg, struct slice bytes)
{
	struct screen *screen = arg;
	size_t i = 0;

	if (!screen->view_focus)
		return false;
	screen_touch(screen);
	while (i < bytes.n && screen->view_focus)
		view_letter(screen, bytes.p[i++]);
	/* What follows a `:` belongs to the line. */
	if (i < bytes.n)
		line_bytes(slice_from(bytes, i));
	return true;
}

/* `show calls`, `show ladder [CALL]` and `show log` pick a view. */
static bool picks_view(struct screen *screen, struct slice line)
{
	static const struct slice names[VIEWS] = { SLICE_INIT("calls"), SLICE_INIT("ladder"), SLICE_INIT("log") };
	struct slice rest = slice_trim(line);

	if (!slice_eq(slice_cut(&rest, ' '), SLICE("show")))
		return false;
	rest = slice_trim(rest);
	struct slice name = slice_cut(&rest, ' ');
	rest = slice_trim(rest);
	for (int i = 0; i < VIEWS; i++) {
		if (!slice_eq(name, names[i]) || (rest.n && i != VIEW_LADDER))
			continue;
		unsigned call = rest.n ? phone_find_call(screen->config.phone, rest) : 0;
		if (rest.n && !call)
			return false; /* the command says what is wrong */
		screen->ladder_call = call;
		show_view(screen, (enum view)i);
		screen->scroll[i] = 0;
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
		screen->scroll[VIEW_LOG] = 0;
		screen_log_add(screen, STYLE_TYPED, clean);
		free(clean);
		free(shown);
	}
	free(kept);
	leave_long_text(screen);
	return picks_view(screen, slice_of(text));
}
