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
	}
	screen->dirty = true;
}

void screen_log_free(struct screen_log *log)
{
	for (size_t i = 0; i < LOG_LINES_MAX; i++)
		free(log->lines[i].text);
}

/* The first row of a line has its number, the others have none. */
static void add_wrapped(struct pane *pane, struct slice line, enum style style, size_t cols, uint64_t number)
{
	size_t skip, n, hang = text_hang(line, cols), indent = 0;
	bool first = true;

	do {
		struct buf row;
		buf_init(&row, line.n + indent + 1);
		n = text_break(line, cols > indent ? cols - indent : 1, &skip);
		for (size_t i = 0; i < indent; i++)
			buf_add_char(&row, ' ');
		buf_add(&row, slice_sub(line, 0, n));
		pane_add(pane, style, first ? number : 0, buf_slice(&row));
		buf_fini(&row);
		line = slice_from(line, n + skip);
		indent = hang;
		first = false;
	} while (line.n);
}

/* Lines are wrapped once, when they are new or the width is. */
void view_log_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct screen_log *log = &screen->log;

	(void)rows;
	pane->follows = true;
	if (cols != screen->log_cols) {
		pane_clear(pane);
		pane->moved = false;
		screen->log_shown = log->count > LOG_LINES_MAX ? log->count - LOG_LINES_MAX : 0;
	}
	screen->log_cols = cols;
	if (screen->log_shown + LOG_LINES_MAX < log->count)
		screen->log_shown = log->count - LOG_LINES_MAX;
	for (; screen->log_shown < log->count; screen->log_shown++) {
		const struct log_line *line = &log->lines[screen->log_shown % LOG_LINES_MAX];
		add_wrapped(pane, slice_of(line->text), line->style, (size_t)cols,
			    screen->log_shown + 1);
	}
	if (pane->count > 2 * LOG_LINES_MAX)
		pane_trim(pane, LOG_LINES_MAX);
}
