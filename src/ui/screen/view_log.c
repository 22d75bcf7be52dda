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

/* The first row of a line has its number, the others have none. */
static void add_wrapped(struct pane *pane, struct slice line, enum style style, size_t cols, uint64_t number)
{
	size_t skip, n, hang = hang_of(line, cols), indent = 0;
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
