#include "ui/screen/theme.h"

#include <ncurses.h>
#include <stdlib.h>

static const struct {
	short foreground;  /* -1: the terminal's own */
	attr_t attributes; /* with colours or without */
} styles[STYLES] = {
	[STYLE_PLAIN] = { -1, A_NORMAL },    [STYLE_BAR] = { -1, A_REVERSE },
	[STYLE_TITLE] = { -1, A_BOLD },      [STYLE_FOCUS] = { -1, A_BOLD | A_REVERSE },
	[STYLE_DIM] = { -1, A_DIM },         [STYLE_GOOD] = { COLOR_GREEN, A_NORMAL },
	[STYLE_BAD] = { COLOR_RED, A_BOLD }, [STYLE_ALERT] = { COLOR_YELLOW, A_BOLD },
	[STYLE_SELECTED] = { -1, A_BOLD },   [STYLE_REQUEST] = { COLOR_CYAN, A_NORMAL },
	[STYLE_TYPED] = { -1, A_BOLD },      [STYLE_CURSOR] = { -1, A_REVERSE },
	[STYLE_FOUND] = { COLOR_YELLOW, A_REVERSE | A_BOLD },
	[STYLE_HEADER] = { COLOR_CYAN, A_BOLD },
	[STYLE_MEDIA] = { COLOR_GREEN, A_NORMAL },
};

static const struct {
	const char *utf8, *ascii;
} glyphs[GLYPHS] = {
	[GLYPH_ACTIVE] = { "●", "*" }, [GLYPH_IDLE] = { "○", "o" },       [GLYPH_RINGING] = { "◌", "?" },
	[GLYPH_HELD] = { "‖", "=" },   [GLYPH_ENDED] = { "·", "." },      [GLYPH_SELECTED] = { "▶", ">" },
	[GLYPH_BELL] = { "♪", "!" },   [GLYPH_HORIZONTAL] = { "─", "-" }, [GLYPH_VERTICAL] = { "│", "|" },
	[GLYPH_DOWN] = { "┬", "+" },   [GLYPH_LEFT] = { "┤", "+" },
};

static bool coloured;

void theme_start(void)
{
	const char *no_color = getenv("NO_COLOR");

	coloured = !(no_color && *no_color) && has_colors() && start_color() == OK && use_default_colors() == OK;
	for (short i = 0; coloured && i < STYLES; i++)
		init_pair((short)(i + 1), styles[i].foreground, -1);
}

unsigned long theme_attributes(enum style style)
{
	attr_t attributes = styles[style].attributes;

	if (coloured && styles[style].foreground >= 0)
		attributes |= (attr_t)COLOR_PAIR(style + 1);
	return attributes;
}

const char *theme_glyph(enum glyph glyph, bool utf8)
{
	return utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;
}

static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const ascii[] = { "_", ".", ":", "-", "=", "+", "*", "#" };

const char *theme_bar(double share, int row, int rows, bool utf8)
{
	int eighths = (int)(share * rows * 8 + 0.5) - row * 8;

	if (!row && eighths < 1)
		eighths = 1; /* nothing is a line at the bottom, no gap */
	if (eighths <= 0)
		return " ";
	return utf8 ? bars[eighths > 8 ? 7 : eighths - 1] : ascii[eighths > 8 ? 7 : eighths - 1];
}

const char *theme_level(double db, bool utf8)
{
	int i = (int)((db + 60) / 7.5);

	i = i < 0 ? 0 : i > 7 ? 7 : i;
	return utf8 ? bars[i] : ascii[i];
}
