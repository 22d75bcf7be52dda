/*
 * The ladder: the figure that every SIP engineer draws. One column for us and one for each party (party.c); each new
 * message has its F-number, what was seen before has the number of its first time.
 */
#include "base/random.h"
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/party.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	COLS_MIN = 40,
	COLS_MAX = 400,
	MESSAGES_MAX = 4000,
	LEFT = 4,       /* where our own line stands */
	TIME_COLS = 16, /* right of the last line */
	SPACE_LEAST = 24,
	SPACE_MOST = 40,
	FILLER = 0x110000, /* the second half of a wide character */
};

struct glyphs {
	uint32_t bar, dash, right, left, cross, media, fault, told, ellipsis;
};
static const struct glyphs drawn = { 0x2502, 0x2500, 0x25b6, 0x25c0, 0x253c, 0x2550, 0x2717, 0x254c, 0x2026 };
static const struct glyphs plain = { '|', '-', '>', '<', '+', '=', '!', '.', '~' };

struct seen {
	struct map_node node;
	unsigned number;
};

struct ladder {
	const struct glyphs *glyphs;
	struct parties parties;
	unsigned cols, columns, space; /* columns: those that have room */
	unsigned last_column;
	uint32_t *row;
	struct buf line;
	const struct ladder_options *options;
	struct map seen;
	struct seen *nodes;
	size_t node_count;
	unsigned numbered;
	int64_t begin_us;
	bool begun;
};

/* ---- one row of cells ---- */

static void put_point(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
	} else if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xe0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_add_char(out, (char)(0xf0 | c >> 18));
		buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	}
}

static void row_flush(struct ladder *ladder, enum ladder_kind kind, const struct trace_entry *entry)
{
	unsigned end = ladder->cols;

	while (end && ladder->row[end - 1] == ' ')
		end--;
	for (unsigned i = 0; i < end; i++)
		if (ladder->row[i] != FILLER)
			put_point(&ladder->line, ladder->row[i]);
	ladder->options->each(ladder->options->arg,
			      &(struct ladder_line){ buf_slice(&ladder->line), kind, entry ? entry->number : 0 });
	buf_clear(&ladder->line);
	for (unsigned i = 0; i < ladder->cols; i++)
		ladder->row[i] = ' ';
}

static bool is_combining(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x20d0 && c <= 0x20ff) ||
	       (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xfe20 && c <= 0xfe2f);
}

static bool is_wide(uint32_t c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	       (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

/* Write within `from`..`to`; what is cut off ends in an ellipsis. @return where it ended */
static unsigned row_text(struct ladder *ladder, unsigned from, unsigned to, struct slice text)
{
	while (text.n) {
		uint32_t point = '?';
		size_t n = utf8_decode(text, &point);
		text = slice_from(text, n ? n : 1);
		unsigned width = is_combining(point) ? 0 : is_wide(point) ? 2 : 1;
		if (from + width > to || from + width > ladder->cols) {
			unsigned last = (to < ladder->cols ? to : ladder->cols) - 1;
			ladder->row[last] = ladder->glyphs->ellipsis;
			if (last && ladder->row[last - 1] != FILLER && is_wide(ladder->row[last - 1]))
				ladder->row[last - 1] = ' ';
			return last + 1;
		}
		if (width)
			ladder->row[from] = point;
		if (width == 2)
			ladder->row[from + 1] = FILLER;
		from += width;
	}
	return from;
}

static unsigned column_at(const struct ladder *ladder, unsigned party)
{
	return LEFT + (party + 1) * ladder->space;
}

static void row_bars(struct ladder *ladder)
{
	ladder->row[LEFT] = ladder->glyphs->bar;
	for (unsigned i = 0; i < ladder->columns; i++)
		ladder->row[column_at(ladder, i)] = ladder->glyphs->bar;
}

/* ---- who takes part ---- */

/* The column of a party; those for whom there is no room share the last one. *shares: it is not its own. */
static unsigned column_of(const struct ladder *ladder, unsigned party, bool *shares)
{
	*shares = party >= ladder->columns || (party == ladder->columns - 1 && ladder->parties.count > ladder->columns);
	return party < ladder->columns ? party : ladder->columns - 1;
}

static void lay_out(struct ladder *ladder)
{
	unsigned room = ladder->cols - LEFT - TIME_COLS, most = room / SPACE_LEAST;

	ladder->columns = ladder->parties.count;
	if (ladder->columns > (most ? most : 1))
		ladder->columns = most ? most : 1;
	ladder->space = room / (ladder->columns ? ladder->columns : 1);
	if (ladder->space > SPACE_MOST)
		ladder->space = SPACE_MOST;
}

static void draw_names(struct ladder *ladder)
{
	unsigned end = row_text(ladder, LEFT - 1, ladder->cols, SLICE("you"));

	for (unsigned i = 0; i < ladder->columns; i++) {
		struct slice name = slice_of(ladder->parties.party[i].name);
		unsigned half = (unsigned)name.n / 2, at = column_at(ladder, i), from = at > half ? at - half : 0,
			 next = i + 1 < ladder->columns ? column_at(ladder, i + 1) - 2 : ladder->cols;
		end = row_text(ladder, from > end + 2 ? from : end + 2, next, name);
	}
	row_flush(ladder, LADDER_NAMES, NULL);
}

/* ---- what happened ---- */

static void time_text(struct ladder *ladder, const struct trace_entry *entry, char text[32])
{
	int64_t us = entry->time_us - ladder->begin_us;

	if (!ladder->begun) {
		ladder->begun = true;
		ladder->begin_us = entry->time_us;
		trace_time(entry->unix_us, text);
	} else if (us < 1000) {
		snprintf(text, 32, "+%" PRId64 ".%" PRId64 " ms", us / 1000, us / 100 % 10);
	} else if (us < SECOND_US) {
		snprintf(text, 32, "+%" PRId64 " ms", us / 1000);
	} else {
		snprintf(text, 32, "+%" PRId64 ".%03" PRId64 " s", us / SECOND_US, us / 1000 % 1000);
	}
}

static struct slice start_line(const struct trace_entry *entry)
{
	struct slice rest = entry->bytes;

	return slice_trim(slice_cut(&rest, '\n'));
}

static bool has_sdp(struct slice message)
{
	size_t body = slice_find_slice(message, SLICE("\r\n\r\n"));

	return slice_begins(slice_from(message, body + 4), SLICE("v=0"));
}

/* A response's status, 0 for a request. */
static unsigned status_of(const struct trace_entry *entry)
{
	struct slice line = start_line(entry);
	uint32_t status = 0;

	if (!slice_ibegins(line, SLICE("SIP/2.0 ")) || !slice_to_u32(slice_sub(line, 8, 3), &status))
		return 0;
	return status;
}

static bool number_of(struct ladder *ladder, const struct trace_entry *entry, unsigned *number)
{
	struct map_node *known = map_find(&ladder->seen, entry->bytes);

	if (known) {
		*number = CONTAINER_OF(known, struct seen, node)->number;
		return true;
	}
	struct seen *seen = &ladder->nodes[ladder->node_count++];
	seen->number = *number = ++ladder->numbered;
	map_add(&ladder->seen, &seen->node, entry->bytes);
	return false;
}

static void label_text(struct ladder *ladder, const struct trace_entry *entry, bool shares, struct buf *label)
{
	struct slice line = start_line(entry);
	unsigned status = status_of(entry), number;
	char peer[ADDRESS_TEXT];
	bool again = number_of(ladder, entry, &number);

	buf_printf(label, "F%u ", number);
	if (status)
		utf8_clean(label, slice_sub(line, 8, 60), false);
	else
		utf8_clean(label, slice_sub(line, 0, slice_find(line, ' ') < 40 ? slice_find(line, ' ') : 40), false);
	if (has_sdp(entry->bytes))
		buf_printf(label, " (sdp)");
	if (again)
		buf_printf(label, " again");
	if (shares)
		buf_printf(label, " %s", address_print(&entry->remote, peer));
}

static void draw_dashes(struct ladder *ladder, unsigned from, unsigned to, uint32_t dash)
{
	for (unsigned i = from; i < to; i++)
		ladder->row[i] = ladder->row[i] == ladder->glyphs->bar ? ladder->glyphs->cross : dash;
}

/* From us to the party at `at`, and on to the one at `far`, which we only know from what the message says. */
static void draw_arrow(struct ladder *ladder, const struct trace_entry *entry, unsigned at, unsigned far)
{
	bool media = entry->kind == TRACE_MEDIA;

	row_bars(ladder);
	draw_dashes(ladder, LEFT + 1, at, media ? ladder->glyphs->media : ladder->glyphs->dash);
	if (far > at) {
		draw_dashes(ladder, at + 1, far, ladder->glyphs->told);
		if (entry->sent)
			ladder->row[far - 1] = ladder->glyphs->right;
		else
			ladder->row[at + 1] = ladder->glyphs->left;
	}
	if (media || entry->sent)
		ladder->row[at - 1] = ladder->glyphs->right;
	if (media || !entry->sent)
		ladder->row[LEFT + 1] = ladder->glyphs->left;
	row_flush(ladder, media ? LADDER_MEDIA : LADDER_ARROW, entry);
}

static void draw_label(struct ladder *ladder, unsigned at, struct slice label, const struct trace_entry *entry,
		       enum ladder_kind kind)
{
	char time[32];

	row_bars(ladder);
	time_text(ladder, entry, time);
	row_text(ladder, LEFT + 2, at, label);
	row_text(ladder, column_at(ladder, ladder->columns - 1) + 3, ladder->cols, slice_of(time));
	row_flush(ladder, kind, entry);
}

/* A sentence below what failed, broken at blanks. */
static void draw_sentence(struct ladder *ladder, struct slice text, const struct trace_entry *entry)
{
	while (text.n) {
		unsigned room = ladder->cols - LEFT - 4;
		size_t n = text.n;
		if (n > room) {
			n = slice_rfind(slice_sub(text, 0, room), ' ');
			if (!n || n > room)
				n = room;
		}
		ladder->row[LEFT] = ladder->glyphs->bar;
		ladder->row[LEFT + 2] = ladder->glyphs->fault;
		row_text(ladder, LEFT + 4, ladder->cols, slice_sub(text, 0, n));
		row_flush(ladder, LADDER_FAILURE, entry);
		text = slice_trim(slice_from(text, n));
	}
}

/* Challenges and the end of a cancelled call are the protocol's daily life. */
static bool is_failure(unsigned status)
{
	return status >= 400 && status != 401 && status != 407 && status != 487 && status != 491;
}

static void draw_message(struct ladder *ladder, const struct trace_entry *entry, unsigned column, bool shares)
{
	unsigned status = status_of(entry), before = ladder->numbered, far;
	bool far_shares, failure = is_failure(status);
	struct buf label;

	buf_init(&label, 1024);
	label_text(ladder, entry, shares, &label);
	far = column_of(ladder, parties_far(&ladder->parties, entry), &far_shares);
	draw_label(ladder, column_at(ladder, column), buf_slice(&label), entry,
		   failure  ? LADDER_FAILURE
		   : status ? LADDER_RESPONSE
			    : LADDER_REQUEST);
	draw_arrow(ladder, entry, column_at(ladder, column), column_at(ladder, far));
	if (failure && before != ladder->numbered)
		draw_sentence(ladder, slice_of(sip_status_sentence(status)), entry);
	buf_fini(&label);
}

static void draw_entry(struct ladder *ladder, const struct trace_entry *entry)
{
	bool shares = false, known = address_is_set(&entry->remote);
	unsigned column = known ? column_of(ladder, parties_find(&ladder->parties, &entry->remote), &shares)
				: ladder->last_column;
	struct buf label;

	ladder->last_column = column;
	if (entry->kind == TRACE_MESSAGE) {
		draw_message(ladder, entry, column, shares);
		return;
	}
	buf_init(&label, 1024);
	if (entry->kind != TRACE_MEDIA) {
		put_point(&label, ladder->glyphs->fault);
		buf_add_char(&label, ' ');
	}
	utf8_clean(&label, entry->bytes, false);
	draw_label(ladder, column_at(ladder, column), buf_slice(&label), entry,
		   entry->kind == TRACE_MEDIA ? LADDER_MEDIA : LADDER_FAILURE);
	if (entry->kind == TRACE_MEDIA)
		draw_arrow(ladder, entry, column_at(ladder, column), 0);
	buf_fini(&label);
}

static void start_drawing(struct ladder *ladder, size_t count, struct random *random)
{
	random_init(random);
	map_init(&ladder->seen, random);
	ladder->nodes = xcalloc(count + 1, sizeof *ladder->nodes);
	ladder->row = xcalloc(ladder->cols, sizeof *ladder->row);
	for (unsigned i = 0; i < ladder->cols; i++)
		ladder->row[i] = ' ';
	buf_init(&ladder->line, (size_t)ladder->cols * 4 + 1);
}

void ladder_draw(const struct trace *trace, const struct ladder_options *options)
{
	struct ladder ladder = { .glyphs = options->ascii ? &plain : &drawn, .options = options };
	const struct trace_entry *entry, *first = NULL;
	struct random random;
	size_t count = 0;

	ladder.cols = options->cols < COLS_MIN ? COLS_MIN : options->cols > COLS_MAX ? COLS_MAX : options->cols;
	for (entry = trace_latest(trace); entry && count < MESSAGES_MAX; entry = trace_before(trace, entry))
		if (trace_wanted(entry, options->filter)) {
			first = entry;
			count++;
		}
	for (entry = first; entry; entry = trace_next(trace, entry))
		if (trace_wanted(entry, options->filter))
			parties_add(&ladder.parties, entry);
	if (!ladder.parties.count)
		return;
	lay_out(&ladder);
	start_drawing(&ladder, count, &random);
	draw_names(&ladder);
	for (entry = first; entry; entry = trace_next(trace, entry))
		if (trace_wanted(entry, options->filter))
			draw_entry(&ladder, entry);
	row_bars(&ladder);
	row_flush(&ladder, LADDER_BARS, NULL);
	map_fini(&ladder.seen);
	free(ladder.nodes);
	free(ladder.row);
	buf_fini(&ladder.line);
}
