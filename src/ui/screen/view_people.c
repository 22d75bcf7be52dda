/* Contacts and history: rows that can be called. */
#include "base/xmalloc.h"
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>
#include <stdlib.h>

static void add_contact(void *arg, const char *name, const char *target)
{
	struct pane *pane = arg;
	struct buf row;

	buf_init(&row, 8192);
	buf_add_char(&row, ' ');
	text_add_padded(&row, slice_of(name), 24, draw_is_utf8());
	buf_printf(&row, "  %s", target);
	pane_add(pane, STYLE_PLAIN, pane->count + 1, buf_slice(&row));
	buf_fini(&row);
}

void view_contacts_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	(void)cols;
	(void)rows;
	pane->has_cursor = true;
	phone_contacts(screen->config.phone, add_contact, pane);
	if (!pane->count)
		pane_add(pane, STYLE_DIM, 0, SLICE(" no contacts: `contact add NAME ADDRESS` makes one"));
}

struct pick {
	uint64_t wanted, at;
	char *target;
};

static void pick_contact(void *arg, const char *name, const char *target)
{
	struct pick *pick = arg;

	(void)target;
	if (++pick->at == pick->wanted)
		pick->target = slice_dup(slice_of(name));
}

/* A person reads before dialling: the command stands in the line, and Enter runs it. */
void view_contacts_enter(struct screen *screen, const struct pane_row *row)
{
	struct pick pick = { .wanted = row->key };

	phone_contacts(screen->config.phone, pick_contact, &pick);
	if (pick.target)
		screen_prepare(screen, "call ", pick.target);
	free(pick.target);
}

struct past {
	struct pane *pane;
	unsigned wanted;
	char *target;
};

static void add_past(void *arg, const struct history_row *row)
{
	struct past *past = arg;
	bool missed = !strcmp(row->how, "missed"), failed = !strcmp(row->how, "failed");
	struct buf line;

	buf_init(&line, 4096);
	history_line(row, &line);
	pane_printf(past->pane, missed ? STYLE_ALERT : failed ? STYLE_BAD : STYLE_PLAIN, row->number, " %.*s",
		    SLICE_ARG(slice_trim(buf_slice(&line))));
	buf_fini(&line);
}

void view_history_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct past past = { .pane = pane };

	(void)cols;
	(void)rows;
	pane->has_cursor = true;
	phone_history(screen->config.phone, &(struct history_filter){ 0 }, add_past, &past);
	phone_history_seen(screen->config.phone);
	if (!pane->count)
		pane_add(pane, STYLE_DIM, 0, SLICE(" no call yet"));
}

static void pick_past(void *arg, const struct history_row *row)
{
	struct past *past = arg;

	if (row->number == past->wanted)
		past->target = xstrdup(row->uri);
}

void view_history_enter(struct screen *screen, const struct pane_row *row)
{
	struct past past = { .wanted = (unsigned)row->key };

	phone_history(screen->config.phone, &(struct history_filter){ 0 }, pick_past, &past);
	if (past.target)
		screen_prepare(screen, "call ", past.target);
	free(past.target);
}
