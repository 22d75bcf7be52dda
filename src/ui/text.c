#include "ui/text.h"

#include "base/utf8.h"

#include <wchar.h>

/* The character at the start of `s`: its bytes and columns; *shown is false for what is replaced by '?'. */
static size_t character(struct slice s, size_t *cols, bool *shown)
{
	uint32_t point;
	size_t n = utf8_decode(s, &point);
	int width = n ? wcwidth((wchar_t)point) : -1;

	*shown = width >= 0;
	*cols = width >= 0 ? (size_t)width : 1;
	return n ? n : 1;
}

size_t text_cols(struct slice s)
{
	size_t sum = 0, cols;
	bool shown;

	for (size_t i = 0; i < s.n; sum += cols)
		i += character(slice_from(s, i), &cols, &shown);
	return sum;
}

size_t text_fit(struct slice s, size_t cols, size_t *used)
{
	size_t i = 0, sum = 0, width;
	bool shown;

	while (i < s.n) {
		size_t n = character(slice_from(s, i), &width, &shown);
		if (sum + width > cols)
			break;
		sum += width;
		i += n;
	}
	if (used)
		*used = sum;
	return i;
}

/* Cleaned, and in ASCII alone where the terminal knows no more. */
static void add_shown(struct buf *to, struct slice s, bool utf8)
{
	size_t cols;
	bool shown;

	while (s.n) {
		size_t n = character(s, &cols, &shown);
		if (!shown || (!utf8 && (s.p[0] & 0x80)))
			for (size_t i = 0; i < cols; i++)
				buf_add_char(to, '?');
		else
			utf8_clean(to, slice_sub(s, 0, n), false);
		s = slice_from(s, n);
	}
}

size_t text_add(struct buf *to, struct slice s, size_t cols, bool utf8)
{
	size_t used, n = text_fit(s, cols, &used);

	if (n == s.n) {
		add_shown(to, s, utf8);
		return used;
	}
	if (!cols)
		return 0;
	n = text_fit(s, cols - 1, &used);
	add_shown(to, slice_sub(s, 0, n), utf8);
	buf_add(to, utf8 ? SLICE("…") : SLICE("~"));
	return used + 1;
}

void text_add_padded(struct buf *to, struct slice s, size_t cols, bool utf8)
{
	for (size_t used = text_add(to, s, cols, utf8); used < cols; used++)
		buf_add_char(to, ' ');
}

struct text_grid text_grid(const char *const *words, size_t count, size_t least, size_t room)
{
	struct text_grid grid = { .widest = least };

	for (size_t i = 0; i < count; i++) {
		size_t cols = text_cols(slice_of(words[i]));
		grid.widest = cols > grid.widest ? cols : grid.widest;
	}
	grid.width = grid.widest + 2;
	size_t across = room / grid.width ? room / grid.width : 1;
	grid.down = (count + across - 1) / across;
	return grid;
}

size_t text_break(struct slice s, size_t cols, size_t *skip)
{
	size_t n = text_fit(s, cols ? cols : 1, NULL), at = n;

	*skip = 0;
	if (n == s.n)
		return n;
	if (!n)
		return s.n ? 1 : 0; /* a wide character in a single column */
	while (at > 0 && s.p[at] != ' ')
		at--;
	/* A word longer than half the row is cut: a ragged column would cost more than it gains. */
	if (at < n / 2 || at == 0)
		return n;
	*skip = 1;
	return at;
}

size_t text_line_window(struct buf *to, struct slice prompt, struct slice line, size_t point, size_t cols, bool utf8)
{
	size_t left = text_cols(prompt), prompt_max = cols / 2;

	if (left > prompt_max) {
		prompt = slice_sub(prompt, 0, text_fit(prompt, prompt_max, &left));
	}
	add_shown(to, prompt, utf8);
	/* Cells after the prompt; the last column of the row is the cursor's when it stands behind the text. */
	size_t room = cols > left + 5 ? cols - left - 1 : 4, step = room / 3;
	size_t before = text_cols(slice_sub(line, 0, point)), hidden = 0, used;
	/* Scrolled by thirds, so that the text does not move with every key; the first and the last cell are for '<'
	 * and '>'. */
	if (text_cols(line) > room)
		while (before > hidden + room - 2)
			hidden += step;
	if (hidden) {
		size_t from = 0, skipped = 0, width;
		bool shown;
		for (; skipped < hidden + 1 && from < line.n; skipped += width)
			from += character(slice_from(line, from), &width, &shown);
		line = slice_from(line, from);
		buf_add_char(to, '<');
		room--;
		for (; skipped > hidden + 1; skipped--, room--) /* half of a wide character */
			buf_add_char(to, ' ');
	}
	size_t n = text_fit(line, room, &used);
	if (n < line.n)
		n = text_fit(line, room - 1, &used);
	add_shown(to, slice_sub(line, 0, n), utf8);
	if (n < line.n)
		buf_add_char(to, '>');
	return left + before - hidden;
}
