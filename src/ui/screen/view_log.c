#include "base/xmalloc.h"
#include "ui/screen/screen.h"
#include "ui/text.h"

void screen_log_add(struct screen *screen, enum style style, const char *text)
{
	struct slice rest = slice_of(text);

	while (rest.n) {
		struct slice line = slice_cut(&rest, '\n');
		struct log_line *place = &screen->log.lines[screen->log.count++ % LOG_LINES_MAX];
		free(place->text);
		*place = (struct log_line){ slice_dup(line), style };
		/* Whoever reads further up stays there. */
		if (screen->scroll[VIEW_LOG])
			screen->scroll[VIEW_LOG]++;
	}
	screen->dirty = true;
}

void screen_log_free(struct screen_log *log)
{
	for (size_t i = 0; i < LOG_LINES_MAX; i++)
		free(log->lines[i].text);
}

/* Where the later rows of a wrapped line begin: behind the time of an event, below the second column of a table. */
static size_t hang_of(struct slice line, size_t cols)
{
	size_t lead = 0, at;

	while (lead < line.n && line.p[lead] == ' ')
		lead++;
	at = lead;
	if (line.n > 9 && line.p[2] == ':' && line.p[5] == ':' && line.p[8] == ' ')
		return 9;
	for (size_t i = lead + 2; i < line.n; i++)
		if (line.p[i - 1] == ' ' && line.p[i - 2] == ' ' && line.p[i] != ' ' &&
		    text_cols(slice_sub(line, 0, i)) <= cols * 2 / 3)
			at = i;
	size_t hang = text_cols(slice_sub(line, 0, at));
	return hang <= cols * 2 / 3 ? hang : 0;
}

/* Rows that a line takes when it is wrapped. */
static int rows_of(struct slice line, size_t cols)
{
	int rows = 1;
	size_t skip, n, hang = hang_of(line, cols), room = cols;

	while ((n = text_break(line, room, &skip)) < line.n) {
		line = slice_from(line, n + skip);
		room = cols - hang;
		rows++;
	}
	return rows;
}

/* Draw `line` with its first row at `row`, which may be above the area. */
static void draw_wrapped(const struct area *area, int row, struct slice line, enum style style)
{
	size_t skip, n, hang = hang_of(line, (size_t)area->cols), col = 0;

	do {
		n = text_break(line, (size_t)area->cols - col, &skip);
		if (row >= 0)
			draw_text(area, row, (int)col, 0, style, slice_sub(line, 0, n));
		line = slice_from(line, n + skip);
		col = hang;
		row++;
	} while (line.n);
}

void view_log(struct screen *screen, const struct area *area)
{
	struct screen_log *log = &screen->log;
	struct area body = { area->y + 1, area->x, area->rows - 1, area->cols };
	size_t kept = log->count < LOG_LINES_MAX ? log->count : LOG_LINES_MAX;

	screen->page[VIEW_LOG] = body.rows > 0 ? (size_t)body.rows : 0;
	if (screen->scroll[VIEW_LOG] + screen->page[VIEW_LOG] > kept)
		screen->scroll[VIEW_LOG] = kept > screen->page[VIEW_LOG] ? kept - screen->page[VIEW_LOG] : 0;
	draw_title(area, screen->scroll[VIEW_LOG] ? "Log (PgDn: newer)" : "Log",
		   screen->view_focus && screen->view == VIEW_LOG);
	/* From the newest upwards, so that the newest is always whole; short logs begin at the top. */
	size_t last = log->count - screen->scroll[VIEW_LOG], first = last;
	int used = 0;
	while (first > log->count - kept && used < body.rows)
		used += rows_of(slice_of(log->lines[--first % LOG_LINES_MAX].text), (size_t)body.cols);
	for (int row = used > body.rows ? body.rows - used : 0; first < last; first++) {
		struct slice line = slice_of(log->lines[first % LOG_LINES_MAX].text);
		draw_wrapped(&body, row, line, log->lines[first % LOG_LINES_MAX].style);
		row += rows_of(line, (size_t)body.cols);
	}
}
