/*
 * A pane: rows of text that a view has made, which part of them is shown, the row that the keys mean, and what is
 * searched for in them.
 */
#pragma once

#include "base/buf.h"
#include "ui/screen/draw.h"

struct pane_row {
	char *text;
	enum style style, lead_style;
	size_t lead;  /* bytes at the start that have lead_style */
	uint64_t key; /* what the row is about: a call, a message; neighbours with the same key are one thing. 0:
			 nothing */
};

struct pane {
	struct pane_row *row;
	size_t count, room;
	size_t top, page, cursor; /* the first row shown, rows shown, the row that keys mean */
	bool follows;             /* shows the end while nobody has scrolled away from it */
	bool moved;               /* somebody scrolled */
	bool has_cursor;          /* rows can be meant; else keys scroll */
	char *head;               /* a row above the others that does not scroll: what the columns are; NULL: none */
	char *find;               /* searched last; NULL: nothing */
	bool shown;               /* in the last frame */
	struct area area;         /* where its rows stood last, without the title */
};

void pane_fini(struct pane *pane);
/** No rows; where it stood is kept. */
void pane_clear(struct pane *pane);
/** Add a row; the text is cleaned where it is drawn. The row is valid until the next is added. */
struct pane_row *pane_add(struct pane *pane, enum style style, uint64_t key, struct slice text);
struct pane_row *pane_printf(struct pane *pane, enum style style, uint64_t key, const char *format, ...)
	PRINTF_LIKE(4, 5);
/** A hint where there is nothing else to show, broken at `cols`. */
void pane_hint(struct pane *pane, size_t cols, const char *text);
/** Forget the oldest rows beyond `most`. */
void pane_trim(struct pane *pane, size_t most);
/** Draw title and rows. `show` is a key whose rows are brought into sight while nobody has scrolled; 0: none. */
void pane_draw(struct pane *pane, const struct area *area, const char *title, bool focus, uint64_t show);
/** Move by things, or scroll by rows where nothing can be meant. */
void pane_move(struct pane *pane, int steps);
void pane_page(struct pane *pane, bool up, bool half);
void pane_ends(struct pane *pane, bool first);
/** Scroll by rows: the wheel. */
void pane_scroll(struct pane *pane, int rows);
/** The row that keys mean; NULL: none. */
const struct pane_row *pane_at(const struct pane *pane);
/** Mean the first row of this thing. @return false: there is none */
bool pane_mean(struct pane *pane, uint64_t key);
/** The next row (or the one before) with what is searched for; begins anew at the end. @return false: nowhere */
bool pane_find(struct pane *pane, const char *text, bool backwards);
