#include "ui/screen/draw.h"

#include "base/xmalloc.h"
#include "ui/keys.h"
#include "ui/text.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <term.h>
#include <unistd.h>

static SCREEN *term;
static FILE *frame, *nothing; /* where ncurses writes; what it never reads */
static bool utf8;

static void no_files(void)
{
	if (frame)
		fclose(frame);
	if (nothing)
		fclose(nothing);
	frame = nothing = NULL;
}

bool draw_start(int rows, int cols, bool is_utf8)
{
	int fd = memfd_create("offhook-screen", MFD_CLOEXEC);

	utf8 = is_utf8;
	frame = fd >= 0 ? fdopen(fd, "w+") : NULL;
	nothing = fopen("/dev/null", "r");
	if (frame && nothing)
		term = newterm(NULL, frame, nothing);
	if (!term) {
		no_files();
		return false;
	}
	set_term(term);
	typeahead(-1);
	/* Without these the cursor cannot go where we want it. */
	if (!cursor_address || !clear_screen) {
		draw_stop();
		return false;
	}
	theme_start();
	leaveok(stdscr, FALSE);
	draw_resize(rows, cols);
	return true;
}

void draw_stop(void)
{
	if (!term)
		return;
	endwin();
	delscreen(term);
	term = NULL;
	no_files();
}

bool draw_is_utf8(void)
{
	return utf8;
}

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

/* Titles only where the terminal is known to take them: others would print the text. */
static bool has_title(void)
{
	static const char *const kinds[] = { "xterm", "tmux", "screen", "rxvt",  "alacritty", "foot",
					     "kitty", "st-",  "vte",    "gnome", "konsole",   "wezterm" };
	const char *name = getenv("TERM");

	for (size_t i = 0; name && i < ARRAY_LEN(kinds); i++)
		if (!strncmp(name, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

void draw_set_title(struct output *output, struct slice title)
{
	if (has_title())
		output_printf(output, "\033]2;%.*s\a", SLICE_ARG(title.n ? title : SLICE("offhook")));
}

/* The old title is pushed on the way in and popped on the way out, whichever way that is. */
const char *draw_enter_text(void)
{
	static char text[160];

	snprintf(text, sizeof text, "%s%s%s", or_nothing(enter_ca_mode), KEYS_PASTE_ON,
		 has_title() ? "\033[22;2t\033]2;offhook\a" : "");
	return text;
}

const char *draw_leave_text(void)
{
	static char text[192];

	snprintf(text, sizeof text, "%s%s%s%s%s%s%s", DRAW_MOUSE_OFF, KEYS_PASTE_OFF, or_nothing(exit_attribute_mode),
		 or_nothing(orig_pair), or_nothing(cursor_normal), has_title() ? "\033[23;2t" : "",
		 exit_ca_mode ? exit_ca_mode : "\r\n");
	return text;
}

void draw_resize(int rows, int cols)
{
	resizeterm(rows, cols);
	draw_all_anew();
}

/*
 * Behind the last column some terminals wrap at once, others before the next glyph (xenl). A description without xenl,
 * as that of TERM=ansi, is used with both, and what ncurses writes next by a relative movement would go astray.
 */
int draw_usable_cols(int cols)
{
	return auto_right_margin && !eat_newline_glitch && cols > 1 ? cols - 1 : cols;
}

void draw_all_anew(void)
{
	clearok(curscr, TRUE);
}

void draw_begin(void)
{
	erase();
}

int draw_text(const struct area *area, int row, int col, int cols, enum style style, struct slice text)
{
	struct buf shown;
	size_t room = area->cols > col ? (size_t)(area->cols - col) : 0;

	if (row < 0 || row >= area->rows || !room)
		return col;
	buf_init(&shown, text.n * 2 + room + 16);
	if (cols > 0) {
		room = (size_t)cols < room ? (size_t)cols : room;
		text_add_padded(&shown, text, room, utf8);
	} else {
		room = text_add(&shown, text, room, utf8);
	}
	attrset((int)theme_attributes(style));
	mvaddnstr(area->y + row, area->x + col, buf_text(&shown), (int)shown.n);
	attrset(A_NORMAL);
	buf_fini(&shown);
	return col + (int)room;
}

int draw_cols(struct slice text)
{
	return (int)text_cols(text);
}

int draw_string(const struct area *area, int row, int col, enum style style, const char *text)
{
	return draw_text(area, row, col, 0, style, slice_of(text));
}

void draw_rule(int y, int x, int length, enum glyph glyph, bool down)
{
	attrset((int)theme_attributes(STYLE_DIM));
	for (int i = 0; i < length; i++)
		mvaddstr(down ? y + i : y, down ? x : x + i, theme_glyph(glyph, utf8));
	attrset(A_NORMAL);
}

void draw_title(const struct area *area, const char *title, bool focus)
{
	int col = draw_text(area, 0, 1, 0, focus ? STYLE_FOCUS : STYLE_TITLE, slice_of(title));

	if (area->cols > col + 1)
		draw_rule(area->y, area->x + col + 1, area->cols - col - 1, GLYPH_HORIZONTAL, false);
}

/* What ncurses has written into the file in memory goes to the queue in one piece. */
static void hand_over(struct output *output)
{
	off_t end = lseek(fileno(frame), 0, SEEK_CUR);

	if (end <= 0)
		return;
	char *bytes = xmalloc((size_t)end);
	ssize_t n = pread(fileno(frame), bytes, (size_t)end, 0);
	if (n > 0)
		output_write(output, slice_make(bytes, (size_t)n));
	free(bytes);
	lseek(fileno(frame), 0, SEEK_SET);
	if (ftruncate(fileno(frame), 0) < 0)
		return; /* memory is not given back, nothing more */
}

void draw_end(struct output *output, int row, int col)
{
	curs_set(row >= 0);
	if (row >= 0)
		move(row, col);
	wnoutrefresh(stdscr);
	doupdate();
	hand_over(output);
}
