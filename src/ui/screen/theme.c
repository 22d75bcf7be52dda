#include "ui/screen/theme.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

/* For each style: the colour of sixteen (-1: the terminal's own), those of 256 on a dark and on a light background, and
 * what makes it stand out without colours. */
static const struct {
	short sixteen, dark, light;
	attr_t attributes;
} styles[STYLES] = {
	[STYLE_PLAIN] = { -1, -1, -1, A_NORMAL },
	[STYLE_BAR] = { -1, -1, -1, A_REVERSE },
	[STYLE_TITLE] = { -1, 252, 235, A_BOLD },
	[STYLE_FOCUS] = { -1, -1, -1, A_BOLD | A_REVERSE },
	[STYLE_DIM] = { -1, 246, 242, A_DIM },
	[STYLE_GOOD] = { COLOR_GREEN, 114, 28, A_NORMAL },
	[STYLE_BAD] = { COLOR_RED, 210, 160, A_BOLD },
	[STYLE_ALERT] = { COLOR_YELLOW, 221, 130, A_BOLD },
	[STYLE_SELECTED] = { -1, -1, -1, A_BOLD },
	[STYLE_REQUEST] = { COLOR_CYAN, 80, 25, A_NORMAL },
	[STYLE_TYPED] = { -1, -1, -1, A_BOLD },
	[STYLE_CURSOR] = { -1, -1, -1, A_REVERSE },
	[STYLE_FOUND] = { COLOR_YELLOW, 221, 130, A_REVERSE | A_BOLD },
	[STYLE_HEADER] = { COLOR_CYAN, 117, 24, A_BOLD },
	[STYLE_MEDIA] = { COLOR_GREEN, 114, 28, A_NORMAL },
};

static const struct {
	const char *utf8, *ascii;
} glyphs[GLYPHS] = {
	[GLYPH_ACTIVE] = { "●", "*" }, [GLYPH_IDLE] = { "○", "o" },	  [GLYPH_RINGING] = { "◌", "?" },
	[GLYPH_HELD] = { "‖", "=" },   [GLYPH_ENDED] = { "·", "." },	  [GLYPH_SELECTED] = { "▶", ">" },
	[GLYPH_BELL] = { "♪", "!" },   [GLYPH_HORIZONTAL] = { "─", "-" }, [GLYPH_VERTICAL] = { "│", "|" },
	[GLYPH_DOWN] = { "┬", "+" },   [GLYPH_LEFT] = { "┤", "+" },
};

static bool can_colour, coloured, rich; /* rich: the 256 colours are used */
static char chosen[16];

void theme_start(void)
{
	const char *no_color = getenv("NO_COLOR");

	chosen[0] = 0;
	can_colour = !(no_color && *no_color) && has_colors() && start_color() == OK && use_default_colors() == OK;
	theme_choose("auto");
}

bool theme_choose(const char *name)
{
	bool light = !strcmp(name, "light");

	if (!strncmp(chosen, name, sizeof chosen))
		return false;
	strncpy(chosen, name, sizeof chosen - 1);
	coloured = can_colour && strcmp(name, "mono") != 0;
	rich = coloured && COLORS >= 256 && strcmp(name, "auto") != 0;
	for (short i = 0; coloured && i < STYLES; i++)
		init_pair((short)(i + 1), !rich ? styles[i].sixteen : light ? styles[i].light : styles[i].dark, -1);
	return true;
}

unsigned long theme_attributes(enum style style)
{
	attr_t attributes = styles[style].attributes;
	bool has_colour = coloured && (rich ? styles[style].dark : styles[style].sixteen) >= 0;

	if (!has_colour)
		return attributes;
	/* A grey of its own needs no dimming besides. */
	return (attributes & ~(rich ? A_DIM : A_NORMAL)) | (attr_t)COLOR_PAIR(style + 1);
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
