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

/* Rows that a line takes when it is wrapped. */
static int rows_of(struct slice line, size_t cols)
{
	int rows = 1;
	size_t skip, n;

	while ((n = text_break(line, cols, &skip)) < line.n) {
		line = slice_from(line, n + skip);
		rows++;
	}
	return rows;
}

/* Draw `line` with its first row at `row`, which may be above the area. */
static void draw_wrapped(const struct area *area, int row, struct slice line, enum style style)
{
	size_t skip, n;

	do {
		n = text_break(line, (size_t)area->cols, &skip);
		if (row >= 0)
			draw_text(area, row, 0, 0, style, slice_sub(line, 0, n));
		line = slice_from(line, n + skip);
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
