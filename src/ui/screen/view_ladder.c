/* The ladder, and one message of it. */
#include "base/xmalloc.h"
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>

enum { REBUILD_MS = 250, BIG_LADDER = 400 };

/* The call whose ladder is shown; 0: everything kept. */
static unsigned view_ladder_call(const struct screen *screen)
{
	if (screen->ladder_call || screen->ladder_account)
		return screen->ladder_call;
	unsigned selected = phone_selected(screen->config.phone);
	return selected ? selected : screen->latest_call;
}

static void add_line(void *arg, const struct ladder_line *line)
{
	static const enum style styles[] = {
		[LADDER_NAMES] = STYLE_TITLE,	   [LADDER_BARS] = STYLE_DIM,	   [LADDER_REQUEST] = STYLE_REQUEST,
		[LADDER_RESPONSE] = STYLE_PLAIN,   [LADDER_FAILURE] = STYLE_BAD, [LADDER_ARROW] = STYLE_PLAIN,
		[LADDER_MEDIA] = STYLE_MEDIA,
	};

	struct pane *pane = arg;
	if (line->kind == LADDER_NAMES && !pane->head)
		pane->head = slice_dup(line->text);
	else
		pane_add(pane, styles[line->kind], line->number, line->text);
}

/* A long ladder under heavy traffic is not laid out for every frame. */
static bool is_fresh(const struct screen *screen, const struct pane *pane, unsigned call, int cols)
{
	int64_t age_us = loop_timers(screen->config.loop)->now_us - screen->ladder_built_us;

	if (call != screen->ladder_shown || cols != screen->ladder_cols ||
	    screen->ladder_account != screen->ladder_was_account)
		return false;
	return phone_trace_last(screen->config.phone) == screen->ladder_last ||
	       (pane->count > BIG_LADDER && age_us < REBUILD_MS * MS_US);
}

void view_ladder_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct message_filter filter = { .call = view_ladder_call(screen), .account = screen->ladder_account };

	(void)rows;
	pane->follows = pane->has_cursor = true;
	if (is_fresh(screen, pane, filter.call, cols))
		return;
	const struct pane_row *meant = pane_at(pane);
	uint64_t key = meant && pane->moved ? meant->key : 0;
	if (filter.call != screen->ladder_shown || filter.account != screen->ladder_was_account)
		pane->moved = false;
	screen->ladder_shown = filter.call;
	screen->ladder_was_account = screen->ladder_account;
	screen->ladder_cols = cols;
	screen->ladder_last = phone_trace_last(screen->config.phone);
	screen->ladder_built_us = loop_timers(screen->config.loop)->now_us;
	pane_clear(pane);
	phone_ladder(screen->config.phone, &filter, (unsigned)cols, !draw_is_utf8(), add_line, pane);
	if (key)
		pane_mean(pane, key);
	if (!pane->count)
		pane_hint(pane, (size_t)cols, "nothing was sent or received yet");
}

void view_ladder_title(const struct screen *screen, char *title, size_t room)
{
	unsigned call = view_ladder_call(screen);

	if (screen->ladder_account)
		snprintf(title, room, "Ladder: registration of %s", screen->ladder_account);
	else if (call)
		snprintf(title, room, "Ladder: call %u", call);
	else
		snprintf(title, room, "Ladder");
}

/* ---- one message ---- */

static void add_wrapped(struct pane *pane, enum style style, struct slice line, size_t lead, size_t cols)
{
	size_t skip, n, hang = 0;

	do {
		struct buf row;
		buf_init(&row, line.n + hang + 1);
		for (size_t i = 0; i < hang; i++)
			buf_add_char(&row, ' ');
		n = text_break(line, cols > hang ? cols - hang : 1, &skip);
		buf_add(&row, slice_sub(line, 0, n));
		struct pane_row *added = pane_add(pane, style, 0, buf_slice(&row));
		added->lead = hang ? 0 : lead;
		added->lead_style = STYLE_HEADER;
		buf_fini(&row);
		line = slice_from(line, n + skip);
		hang = 2;
	} while (line.n);
}

/* The lines of a text; [] points into it. */
static size_t split(struct slice text, struct slice *lines, size_t max)
{
	size_t count = 0;

	while (text.n && count < max)
		lines[count++] = slice_cut(&text, '\n');
	while (count && !lines[count - 1].n)
		count--;
	return count;
}

static void add_message(struct pane *pane, const struct slice *lines, size_t count, size_t cols)
{
	bool body = false;

	for (size_t i = 0; i < count; i++) {
		size_t colon = slice_find(lines[i], ':');
		bool folded = lines[i].n && (lines[i].p[0] == ' ' || lines[i].p[0] == '\t');
		bool header = i && !body && !folded && colon < lines[i].n;
		add_wrapped(pane, i ? STYLE_PLAIN : STYLE_TITLE, lines[i], header ? colon + 1 : 0, cols);
		body = body || !lines[i].n;
	}
}

enum { DIFF_LINES = 400 };

/* Longest common subsequence: what only the first has is marked `-`, what only the second has `+`. */
static void add_difference(struct pane *pane, const struct slice *a, size_t n, const struct slice *b, size_t m,
			   size_t cols)
{
	uint16_t *length = xcalloc((n + 1) * (m + 1), sizeof *length);
	size_t i = 0, k = 0;
	struct buf line;

	for (size_t y = n; y-- > 0;)
		for (size_t x = m; x-- > 0;)
			length[y * (m + 1) + x] = slice_eq(a[y], b[x])
							  ? (uint16_t)(length[(y + 1) * (m + 1) + x + 1] + 1)
						  : length[(y + 1) * (m + 1) + x] > length[y * (m + 1) + x + 1]
							  ? length[(y + 1) * (m + 1) + x]
							  : length[y * (m + 1) + x + 1];
	while (i < n || k < m) {
		bool same = i < n && k < m && slice_eq(a[i], b[k]);
		bool gone = !same && i < n && (k == m || length[(i + 1) * (m + 1) + k] >= length[i * (m + 1) + k + 1]);
		buf_init(&line, 1 << 20);
		buf_printf(&line, "%c ", same ? ' ' : gone ? '-' : '+');
		buf_add(&line, same || gone ? a[i] : b[k]);
		add_wrapped(pane, same ? STYLE_DIM : gone ? STYLE_BAD : STYLE_GOOD, buf_slice(&line), 0, cols);
		buf_fini(&line);
		i += same || gone;
		k += same || !gone;
	}
	free(length);
}

static void read_message(struct screen *screen, uint64_t number, struct buf *text, struct slice *lines, size_t *count)
{
	struct buf heading;

	buf_init(&heading, 1024);
	*count = phone_trace_message(screen->config.phone, number, &heading, text)
			 ? split(buf_slice(text), lines, DIFF_LINES)
			 : 0;
	buf_fini(&heading);
}

void view_message_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct slice *lines, *others;
	struct buf text, other;
	size_t count, other_count;

	(void)rows;
	if (screen->message_built == screen->message && screen->message_cols == cols &&
	    screen->message_shown_beside == screen->message_beside)
		return;
	screen->message_built = screen->message;
	screen->message_cols = cols;
	screen->message_shown_beside = screen->message_beside;
	pane_clear(pane);
	lines = xcalloc(2 * DIFF_LINES, sizeof *lines);
	others = lines + DIFF_LINES;
	buf_init(&text, 4 << 20);
	buf_init(&other, 4 << 20);
	read_message(screen, screen->message, &text, lines, &count);
	if (!count)
		pane_hint(pane, (size_t)cols, "this message is kept no more (`trace.keep`)");
	if (count && screen->message_beside) {
		read_message(screen, screen->message_beside, &other, others, &other_count);
		add_difference(pane, others, other_count, lines, count, (size_t)cols);
	} else {
		add_message(pane, lines, count, (size_t)cols);
	}
	buf_fini(&text);
	buf_fini(&other);
	free(lines);
}

void view_message_title(const struct screen *screen, char *title, size_t room)
{
	struct buf heading, text;

	buf_init(&heading, 1024);
	buf_init(&text, 4 << 20);
	if (!phone_trace_message(screen->config.phone, screen->message, &heading, &text))
		buf_printf(&heading, "Message");
	if (screen->message_beside)
		snprintf(title, room, "- before, + %s", buf_text(&heading));
	else
		snprintf(title, room, "%s", buf_text(&heading));
	buf_fini(&heading);
	buf_fini(&text);
}

/* The message before or after this one in the ladder. @return 0: there is none */
static uint64_t neighbour(struct screen *screen, int step)
{
	const struct pane *ladder = &screen->panes[VIEW_LADDER];
	uint64_t before = 0;
	bool passed = false;

	for (size_t i = 0; i < ladder->count; i++) {
		uint64_t key = ladder->row[i].key;
		if (key == screen->message)
			passed = true;
		else if (key && passed)
			return step > 0 ? key : before;
		else if (key)
			before = key;
	}
	return step < 0 && passed ? before : 0;
}

void view_message_step(struct screen *screen, int step)
{
	uint64_t number = neighbour(screen, step);

	if (!number)
		return;
	screen->message = number;
	screen->message_beside = screen->message_beside ? neighbour(screen, -1) : 0;
	screen->panes[VIEW_MESSAGE].top = 0;
	pane_mean(&screen->panes[VIEW_LADDER], number);
	screen->panes[VIEW_LADDER].moved = true;
}

void view_message_compare(struct screen *screen)
{
	if (screen->message_beside)
		screen->message_beside = 0;
	else if (screen->message_marked && screen->message_marked != screen->message)
		screen->message_beside = screen->message_marked;
	else
		screen->message_beside = neighbour(screen, -1);
	if (!screen->message_beside && !screen->panes[VIEW_MESSAGE].count)
		screen_notice(screen, STYLE_DIM, "no message stands before this one");
}

/* OSC 52: the terminal's own clipboard, over ssh too; tmux passes it on by itself (set-clipboard). */
void view_message_copy(struct screen *screen)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf heading, text, out;

	buf_init(&heading, 1024);
	buf_init(&text, 64 << 10);
	buf_init(&out, 128 << 10);
	if (phone_trace_message(screen->config.phone, screen->message, &heading, &text)) {
		buf_printf(&out, "\033]52;c;");
		const unsigned char *p = (const unsigned char *)buf_text(&text);
		for (size_t i = 0; i < text.n; i += 3) {
			uint32_t bits = (uint32_t)p[i] << 16 | (i + 1 < text.n ? (uint32_t)p[i + 1] << 8 : 0) |
					(i + 2 < text.n ? p[i + 2] : 0u);
			buf_add_char(&out, digits[bits >> 18]);
			buf_add_char(&out, digits[bits >> 12 & 63]);
			buf_add_char(&out, i + 1 < text.n ? digits[bits >> 6 & 63] : '=');
			buf_add_char(&out, i + 2 < text.n ? digits[bits & 63] : '=');
		}
		buf_add_char(&out, '\a');
		output_write(screen->terminal, buf_slice(&out));
		screen_notice(screen, STYLE_PLAIN, "copied, if the terminal takes it (OSC 52)");
	}
	buf_fini(&heading);
	buf_fini(&text);
	buf_fini(&out);
}
