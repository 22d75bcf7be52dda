#include "ui/screen/screen.h"

#include <ctype.h>
#include <stdio.h>

enum { LADDER_BYTES = 4 << 20 };

unsigned view_ladder_call(const struct screen *screen)
{
	if (screen->ladder_call)
		return screen->ladder_call;
	unsigned selected = phone_selected(screen->config.phone);
	return selected ? selected : screen->latest_call;
}

/* A row that carries a message has its number ("F12") before it: failures stand out, requests are told from answers. */
static enum style style_of(struct slice line)
{
	size_t at = 0;

	while (at < line.n && !(line.p[at] == 'F' && at + 1 < line.n && isdigit((unsigned char)line.p[at + 1]) &&
				(at == 0 || line.p[at - 1] == ' ')))
		at++;
	if (at == line.n)
		return STYLE_PLAIN;
	struct slice rest = slice_from(line, at);
	rest = slice_trim(slice_from(rest, slice_find(rest, ' ')));
	if (!rest.n)
		return STYLE_PLAIN;
	if (isupper((unsigned char)rest.p[0]))
		return STYLE_REQUEST;
	return rest.p[0] >= '4' && rest.p[0] <= '6' ? STYLE_BAD : STYLE_PLAIN;
}

static size_t count_lines(struct slice text)
{
	size_t lines = 0;

	while (text.n) {
		slice_cut(&text, '\n');
		lines++;
	}
	return lines;
}

void view_ladder(struct screen *screen, const struct area *area)
{
	struct area body = { area->y + 1, area->x, area->rows - 1, area->cols };
	unsigned call = view_ladder_call(screen);
	struct buf text;
	char title[64];

	if (call)
		snprintf(title, sizeof title, "Ladder: call %u", call);
	else
		snprintf(title, sizeof title, "Ladder");
	draw_title(area, title, screen->view_focus && screen->view == VIEW_LADDER);
	buf_init(&text, LADDER_BYTES);
	phone_ladder(screen->config.phone, call, (unsigned)body.cols, !draw_is_utf8(), &text);
	struct slice rest = buf_slice(&text);
	size_t lines = count_lines(rest), page = body.rows > 0 ? (size_t)body.rows : 0,
	       *scroll = &screen->scroll[VIEW_LADDER];
	screen->page[VIEW_LADDER] = page;
	if (*scroll + page > lines)
		*scroll = lines > page ? lines - page : 0;
	size_t first = lines > page + *scroll ? lines - page - *scroll : 0;
	for (size_t i = 0; rest.n && i < first + page; i++) {
		struct slice line = slice_cut(&rest, '\n');
		if (i >= first)
			draw_text(&body, (int)(i - first), 0, 0, style_of(line), line);
	}
	if (!lines)
		draw_text(&body, 0, 1, 0, STYLE_DIM, SLICE("nothing was sent or received yet"));
	buf_fini(&text);
}
