/* Text on a terminal: how wide it is, what of it fits, and what of a typed line is shown. */
#pragma once

#include "base/buf.h"

/** Columns that `s` takes. Malformed bytes and controls count one, as they are shown. */
size_t text_cols(struct slice s);
/** Bytes at the start of `s` that fit into `cols`; *used gets their columns. Combining marks stay with their letter. */
size_t text_fit(struct slice s, size_t cols, size_t *used);
/** Add what of `s` fits into `cols`, cleaned; what does not fit ends in an ellipsis ("~" when not `utf8`, and other
 * than ASCII becomes '?'). @return columns added */
size_t text_add(struct buf *to, struct slice s, size_t cols, bool utf8);
/** The same, filled up with blanks to exactly `cols`. */
void text_add_padded(struct buf *to, struct slice s, size_t cols, bool utf8);
/* Words in columns that are read downwards: word i stands in row i % down. */
struct text_grid {
	size_t widest, width, down; /* columns of the widest word, and with the blanks behind it; rows */
};
/** The layout of `count` words, at least one, in `room` columns; a word counts at least `least`. */
struct text_grid text_grid(const char *const *words, size_t count, size_t least, size_t room);
/** Add `count` words, at least one, in such columns: rows of at most `room` columns, each with its line feed. */
void text_add_columns(struct buf *to, const char *const *words, size_t count, size_t room, bool utf8);
/** Break `s` (one line) after at most `cols` columns, at a blank where there is one. @return bytes of the first part;
 * *skip blanks to leave out after it */
size_t text_break(struct slice s, size_t cols, size_t *skip);
/** Where the later rows of a line that does not fit begin: behind the time of an event, below the second column of a
 * table. */
size_t text_hang(struct slice line, size_t cols);
/** Add `text` in rows of at most `cols` columns (at least one), broken at blanks only: a longer word stays whole. */
void text_wrap(struct buf *to, struct slice text, size_t cols);

/**
 * What of prompt and typed line is shown in one row of `cols`: scrolled so that the cursor (byte `point` of `line`) is
 * in sight; '<' and '>' tell that there is more. @return the cursor's column
 */
size_t text_line_window(struct buf *to, struct slice prompt, struct slice line, size_t point, size_t cols, bool utf8);
