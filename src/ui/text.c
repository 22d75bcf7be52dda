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

void text_add_columns(struct buf *to, const char *const *words, size_t count, size_t room, bool utf8)
{
	struct text_grid grid = text_grid(words, count, 0, room);

	for (size_t y = 0; y < grid.down; y++) {
		for (size_t i = y; i < count; i += grid.down) {
			struct slice word = slice_of(words[i]);
			text_add_padded(to, word, i + grid.down < count ? grid.width : text_cols(word), utf8);
		}
		buf_add_char(to, '\n');
	}
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

static size_t longest_word(struct slice line)
{
	size_t longest = 0;

	while (line.n) {
		size_t cols = text_cols(slice_cut(&line, ' '));
		longest = cols > longest ? cols : longest;
	}
	return longest;
}

size_t text_hang(struct slice line, size_t cols)
{
	size_t lead = 0, at, fits = text_fit(line, cols * 2 / 3, NULL);

	while (lead < line.n && line.p[lead] == ' ')
		lead++;
	at = lead;
	if (line.n > 9 && line.p[2] == ':' && line.p[5] == ':' && line.p[8] == ' ')
		return cols * 2 / 3 < 9 ? 0 : 9;
	/* A peer's message may be all columns: no further than where one may be. */
	for (size_t i = lead + 2; i < line.n && i <= fits; i++)
		if (line.p[i - 1] == ' ' && line.p[i - 2] == ' ' && line.p[i] != ' ')
			at = i;
	size_t hang = text_cols(slice_sub(line, 0, at)), longest = longest_word(slice_from(line, at));
	/* No word is cut for the sake of a column. */
	if (longest <= cols && longest > cols - hang)
		hang = cols - longest;
	return hang <= cols * 2 / 3 ? hang : 0;
}

/* Behind the last bar of "a|b|c" that fits; 0: there is none. */
static size_t bar_end(struct slice s, size_t fits)
{
	while (fits && s.p[fits - 1] != '|')
		fits--;
	return fits;
}

/*
 * Where a row ends: at the last blank that fits, or behind a bar of choices, else at the first blank at all, so that a
 * word too long for a row stays whole and is the terminal's to wrap (an address can then be copied). @return bytes of
 * the row; *skip blanks behind it
 */
static size_t row_end(struct slice s, size_t cols, size_t *skip)
{
	size_t lead = 0, at = text_fit(s, cols, NULL);

	*skip = 0;
	if (at == s.n)
		return at;
	while (lead < s.n && s.p[lead] == ' ')
		lead++;
	size_t far = at;
	while (at > lead && s.p[at] != ' ')
		at--;
	if (at <= lead && (at = bar_end(s, far)) > 0)
		return at;
	if (at <= lead)
		for (at = far > lead ? far : lead; at < s.n && s.p[at] != ' ';)
			at++;
	while (at + *skip < s.n && s.p[at + *skip] == ' ')
		(*skip)++;
	return at;
}

void text_wrap(struct buf *to, struct slice text, size_t cols)
{
	while (text.n) {
		bool ends = slice_find(text, '\n') < text.n;
		struct slice line = slice_cut(&text, '\n');
		size_t hang = text_hang(line, cols), indent = 0, skip;
		do {
			size_t n = row_end(line, cols - indent, &skip);
			buf_add(to, slice_sub(line, 0, n));
			line = slice_from(line, n + skip);
			indent = hang;
			if (line.n)
				buf_printf(to, "\n%*s", (int)indent, "");
		} while (line.n);
		if (ends)
			buf_add_char(to, '\n');
	}
}

/* What of a prompt fits: its end, which tells what is searched for or was pressed. @return its columns */
static size_t add_prompt(struct buf *to, struct slice prompt, size_t most, bool utf8)
{
	size_t cols = text_cols(prompt);

	if (cols > most) {
		while (text_cols(prompt) > most - 1) {
			size_t n = text_fit(prompt, 1, NULL);
			prompt = slice_from(prompt, n ? n : text_fit(prompt, 2, NULL));
		}
		buf_add_char(to, '<');
		cols = 1 + text_cols(prompt);
	}
	add_shown(to, prompt, utf8);
	return cols;
}

size_t text_line_window(struct buf *to, struct slice prompt, struct slice line, size_t point, size_t cols, bool utf8)
{
	size_t left = add_prompt(to, prompt, cols / 2 ? cols / 2 : 1, utf8);

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
