/* What was written, with whom, when; what is shown counts as read. */
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct adding {
	struct pane *pane;
	size_t cols;
	int day; /* of the message before */
};

static const char *who(const struct message_record *record)
{
	return *record->name ? record->name : record->peer;
}

/* A row with the date where a day begins. */
static void add_day(struct adding *adding, const struct tm *local)
{
	char date[32];

	if (local->tm_year * 366 + local->tm_yday == adding->day)
		return;
	adding->day = local->tm_year * 366 + local->tm_yday;
	strftime(date, sizeof date, " %A %Y-%m-%d", local);
	pane_add(adding->pane, STYLE_DIM, 0, slice_of(date));
}

static void add_message(void *arg, const struct message_record *record)
{
	struct adding *adding = arg;
	time_t seconds = (time_t)(record->unix_us / SECOND_US);
	enum style style = record->state == MESSAGE_FAILED    ? STYLE_BAD
			   : record->state == MESSAGE_SENDING ? STYLE_DIM
							      : STYLE_PLAIN;
	bool fresh = record->state == MESSAGE_RECEIVED && !record->seen;
	struct buf line, lead;
	struct tm local;
	char clock[16];

	localtime_r(&seconds, &local);
	add_day(adding, &local);
	strftime(clock, sizeof clock, "%H:%M", &local);
	buf_init(&lead, UI_LINE_BYTES);
	buf_init(&line, 2 * UI_LINE_BYTES);
	if (record->state == MESSAGE_RECEIVED)
		buf_printf(&lead, "%s%s %s: ", fresh ? "*" : " ", clock, who(record));
	else
		buf_printf(&lead, " %s you to %s: ", clock, who(record));
	buf_printf(&line, "%s%s", buf_text(&lead), record->text);
	if (record->state == MESSAGE_FAILED) {
		buf_printf(&line, " (not delivered: ");
		outcome_text(&line, record->code, record->reason, NULL);
		buf_add_char(&line, ')');
	}
	bool first = true;
	for (struct slice rest = buf_slice(&line); rest.n || first;) {
		struct slice part = slice_cut(&rest, '\n');
		do {
			size_t skip, indent = first ? 0 : 7,
				     n = text_break(part, adding->cols > indent ? adding->cols - indent : 1, &skip);
			struct pane_row *row =
				pane_printf(adding->pane, fresh ? STYLE_ALERT : style, record->number, "%*s%.*s",
					    (int)indent, "", SLICE_ARG(slice_sub(part, 0, n)));
			row->lead = first && lead.n < n ? lead.n : 0;
			row->lead_style = record->state == MESSAGE_RECEIVED ? STYLE_HEADER : STYLE_DIM;
			part = slice_from(part, n + skip);
			first = false;
		} while (part.n);
	}
	buf_fini(&line);
	buf_fini(&lead);
}

void view_messages_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct adding adding = { .pane = pane, .cols = (size_t)cols, .day = -1 };
	struct failure failure;

	(void)rows;
	pane->follows = pane->has_cursor = true;
	if (screen->messages_cols == cols && screen->messages_seen == screen->seen && pane->count)
		return;
	screen->messages_cols = cols;
	screen->messages_seen = screen->seen;
	pane_clear(pane);
	phone_messages(screen->config.phone, (struct slice){ 0 }, add_message, &adding, &failure);
	if (!pane->count)
		pane_hint(pane, (size_t)cols, "no messages: `message ADDRESS TEXT` writes one");
}

struct pick {
	uint64_t number;
	char *peer;
};

static void pick_peer(void *arg, const struct message_record *record)
{
	struct pick *pick = arg;

	if (record->number == pick->number && !pick->peer)
		pick->peer = slice_dup(slice_of(record->peer));
}

void view_messages_enter(struct screen *screen, const struct pane_row *row)
{
	struct pick pick = { .number = row->key };
	struct failure failure;

	phone_messages(screen->config.phone, (struct slice){ 0 }, pick_peer, &pick, &failure);
	if (pick.peer) {
		screen_prepare(screen, "message ", pick.peer);
		line_bytes(SLICE(" "));
	}
	free(pick.peer);
}
