#include "ui/screen/pane.h"

#include "base/xmalloc.h"
#include "ui/text.h"

#include <stdio.h>

void pane_clear(struct pane *pane)
{
	for (size_t i = 0; i < pane->count; i++)
		free(pane->row[i].text);
	pane->count = 0;
	free(pane->head);
	pane->head = NULL;
}

void pane_fini(struct pane *pane)
{
	pane_clear(pane);
	free(pane->row);
	free(pane->find);
	*pane = (struct pane){ 0 };
}

struct pane_row *pane_add(struct pane *pane, enum style style, uint64_t key, struct slice text)
{
	if (pane->count == pane->room) {
		pane->room = pane->room ? pane->room * 2 : 64;
		pane->row = xrealloc(pane->row, pane->room * sizeof *pane->row);
	}
	struct pane_row *row = &pane->row[pane->count++];
	*row = (struct pane_row){ .text = slice_dup(text), .style = style, .key = key };
	return row;
}

struct pane_row *pane_printf(struct pane *pane, enum style style, uint64_t key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	struct pane_row *row = pane_add(pane, style, key, slice_of(text));
	free(text);
	return row;
}

void pane_hint(struct pane *pane, size_t cols, const char *text)
{
	struct slice rest = slice_of(text);
	size_t skip;

	while (rest.n) {
		size_t n = text_break(rest, cols > 2 ? cols - 1 : 1, &skip);
		pane_printf(pane, STYLE_DIM, 0, " %.*s", (int)n, rest.p);
		rest = slice_from(rest, n + skip);
	}
}

void pane_trim(struct pane *pane, size_t most)
{
	size_t drop = pane->count > most ? pane->count - most : 0;

	for (size_t i = 0; i < drop; i++)
		free(pane->row[i].text);
	if (drop)
		memmove(pane->row, pane->row + drop, (pane->count - drop) * sizeof *pane->row);
	pane->count -= drop;
	pane->top = pane->top > drop ? pane->top - drop : 0;
	pane->cursor = pane->cursor > drop ? pane->cursor - drop : 0;
}

static size_t last_top(const struct pane *pane)
{
	return pane->count > pane->page ? pane->count - pane->page : 0;
}

static size_t thing_end(const struct pane *pane, size_t at)
{
	uint64_t key = pane->row[at].key;

	while (key && at + 1 < pane->count && pane->row[at + 1].key == key)
		at++;
	return at;
}

static size_t thing_start(const struct pane *pane, size_t at)
{
	uint64_t key = pane->row[at].key;

	while (key && at > 0 && pane->row[at - 1].key == key)
		at--;
	return at;
}

/* The whole thing in sight, its first row before its last. */
static void bring_into_sight(struct pane *pane, size_t at)
{
	size_t start = thing_start(pane, at), end = thing_end(pane, at);

	if (pane->page && end >= pane->top + pane->page)
		pane->top = end + 1 - pane->page;
	if (start < pane->top)
		pane->top = start;
}

/* Rows may have come and gone since: what is out of range is put right. */
static void settle(struct pane *pane, bool focus, uint64_t show)
{
	if (pane->cursor >= pane->count)
		pane->cursor = pane->count ? pane->count - 1 : 0;
	if (pane->follows && !pane->moved) {
		pane->top = last_top(pane);
		if (pane->has_cursor && pane->count)
			pane->cursor = pane->count - 1;
	} else if (!pane->moved && show) {
		size_t cursor = pane->cursor;
		if (pane_mean(pane, show))
			bring_into_sight(pane, pane->cursor);
		pane->cursor = focus ? cursor : pane->cursor;
	}
	if (pane->top > last_top(pane))
		pane->top = last_top(pane);
	if (pane->follows && pane->moved && pane->top == last_top(pane) &&
	    (!pane->has_cursor || pane->cursor + 1 >= pane->count))
		pane->moved = false;
}

static void draw_row(const struct pane *pane, int at, const struct pane_row *row, bool meant)
{
	struct slice text = slice_of(row->text), find = slice_of(pane->find);
	enum style style = meant ? STYLE_CURSOR : row->style;
	int col = 0;

	if (row->lead && !meant)
		col = draw_text(&pane->area, at, 0, 0, row->lead_style, slice_sub(text, 0, row->lead));
	draw_text(&pane->area, at, col, meant ? pane->area.cols : 0, style,
		  row->lead && !meant ? slice_from(text, row->lead) : text);
	size_t found = find.n ? slice_ifind_slice(text, find) : text.n;
	if (found < text.n) {
		int from = draw_cols(slice_sub(text, 0, found));
		if (from < pane->area.cols)
			draw_text(&pane->area, at, from, 0, STYLE_FOUND, slice_sub(text, found, find.n));
	}
}

/* How much more there is stays in sight, whatever is cut of the title. */
static void draw_title_of(const struct pane *pane, const struct area *area, const char *title, bool focus)
{
	char more[40] = "";
	struct buf text;

	if (pane->top < last_top(pane))
		snprintf(more, sizeof more, " (%zu more: PgDn)", last_top(pane) - pane->top);
	if ((int)strlen(more) * 2 > area->cols)
		more[0] = '\0';
	buf_init(&text, 1024);
	text_add(&text, slice_of(title), (size_t)area->cols - 1 - strlen(more), draw_is_utf8());
	buf_printf(&text, "%s", more);
	draw_title(area, buf_text(&text), focus);
	buf_fini(&text);
}

/* The head takes a row where two are left for what it stands above. */
static void place(struct pane *pane, const struct area *area)
{
	int head = pane->head && area->rows > 3 ? 1 : 0;

	pane->area = (struct area){ area->y + 1 + head, area->x, area->rows - 1 - head, area->cols };
	pane->page = area->rows > 1 + head ? (size_t)(area->rows - 1 - head) : 0;
	if (head)
		draw_string(area, 1, 0, STYLE_TITLE, pane->head);
}

void pane_draw(struct pane *pane, const struct area *area, const char *title, bool focus, uint64_t show)
{
	place(pane, area);
	pane->shown = true;
	settle(pane, focus, show);
	draw_title_of(pane, area, title, focus);
	uint64_t key = pane->count ? pane->row[pane->cursor].key : 0;
	for (size_t i = pane->top; i < pane->count && i < pane->top + pane->page; i++)
		draw_row(pane, (int)(i - pane->top), &pane->row[i],
			 focus && pane->has_cursor && key && pane->row[i].key == key);
}

void pane_scroll(struct pane *pane, int rows)
{
	size_t by = (size_t)(rows < 0 ? -rows : rows);

	if (rows < 0)
		pane->top = pane->top > by ? pane->top - by : 0;
	else
		pane->top += by;
	if (pane->top > last_top(pane))
		pane->top = last_top(pane);
	pane->moved = true;
}

void pane_move(struct pane *pane, int steps)
{
	size_t at = pane->cursor;

	if (!pane->has_cursor || !pane->count) {
		pane_scroll(pane, steps);
		return;
	}
	pane->moved = true;
	for (; steps < 0; steps++) {
		size_t start = thing_start(pane, at), before = start;
		while (before > 0 && !pane->row[before - 1].key)
			before--;
		at = before > 0 ? thing_start(pane, before - 1) : start;
	}
	for (; steps > 0; steps--) {
		size_t next = thing_end(pane, at) + 1;
		while (next < pane->count && !pane->row[next].key)
			next++;
		at = next < pane->count ? next : at;
	}
	pane->cursor = at;
	bring_into_sight(pane, at);
	/* What stands above the first thing or below the last belongs to it. */
	if (!thing_start(pane, at) || !pane->row[thing_start(pane, at) - 1].key)
		pane->top = thing_start(pane, at) < pane->page ? 0 : pane->top;
}

void pane_page(struct pane *pane, bool up, bool half)
{
	size_t page = pane->page > 2 ? pane->page - 1 : 1, by = half && page > 1 ? page / 2 : page;

	pane_scroll(pane, up ? -(int)by : (int)by);
	if (!pane->has_cursor || !pane->count)
		return;
	if (pane->cursor < pane->top)
		pane->cursor = pane->top;
	if (pane->cursor >= pane->top + pane->page)
		pane->cursor = pane->top + pane->page - 1;
	if (!up && pane->top == last_top(pane))
		pane->cursor = pane->count - 1;
	if (up && !pane->top)
		pane->cursor = 0;
}

void pane_ends(struct pane *pane, bool first)
{
	pane->moved = true;
	pane->top = first ? 0 : last_top(pane);
	pane->cursor = first || !pane->count ? 0 : pane->count - 1;
	if (first && pane->has_cursor && pane->count && !pane->row[0].key)
		pane_move(pane, 1);
}

const struct pane_row *pane_at(const struct pane *pane)
{
	return pane->has_cursor && pane->cursor < pane->count && pane->row[pane->cursor].key ? &pane->row[pane->cursor]
											     : NULL;
}

bool pane_mean(struct pane *pane, uint64_t key)
{
	for (size_t i = 0; i < pane->count; i++)
		if (pane->row[i].key == key) {
			pane->cursor = i;
			return true;
		}
	return false;
}

bool pane_find(struct pane *pane, const char *text, bool backwards)
{
	struct slice find;

	if (text)
		xreplace(&pane->find, *text ? text : NULL);
	find = slice_of(pane->find);
	if (!find.n || !pane->count)
		return false;
	size_t from = pane->cursor < pane->count ? pane->cursor : pane->count - 1;
	for (size_t i = text ? 0 : 1; i <= pane->count; i++) {
		size_t at = (from + (backwards ? pane->count - i % pane->count : i)) % pane->count;
		struct slice row = slice_of(pane->row[at].text);
		if (slice_ifind_slice(row, find) == row.n)
			continue;
		pane->cursor = at;
		pane->moved = true;
		bring_into_sight(pane, at);
		return true;
	}
	return false;
}
