/* Colour by meaning and the glyphs, each from one table. Nothing is told by colour alone. */
#pragma once

#include "base/base.h"

enum style {
	STYLE_PLAIN,
	STYLE_BAR,
	STYLE_TITLE,
	STYLE_FOCUS,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_ALERT,
	STYLE_SELECTED,
	STYLE_REQUEST,
	STYLE_TYPED,
	STYLE_CURSOR,
	STYLE_FOUND,
	STYLE_HEADER,
	STYLE_MEDIA,
	STYLES
};
enum glyph {
	GLYPH_ACTIVE,
	GLYPH_IDLE,
	GLYPH_RINGING,
	GLYPH_HELD,
	GLYPH_ENDED,
	GLYPH_SELECTED,
	GLYPH_BELL,
	GLYPH_HORIZONTAL,
	GLYPH_VERTICAL,
	GLYPH_DOWN,
	GLYPH_LEFT,
	GLYPHS
};

/** After newterm(): make the colour pairs, unless NO_COLOR is set or the terminal has none. */
void theme_start(void);
/** screen.theme. @return true: colours are others now */
bool theme_choose(const char *name);
/** Attributes for ncurses. */
unsigned long theme_attributes(enum style style);
const char *theme_glyph(enum glyph glyph, bool utf8);
/** A column of `rows` cells for a value between 0 and 1: what stands in cell `row`, 0 at the bottom. */
const char *theme_bar(double share, int row, int rows, bool utf8);
/** A bar for a level between -60 dB and 0 dB. */
const char *theme_level(double db, bool utf8);
