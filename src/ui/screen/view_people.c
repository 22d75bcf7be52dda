/* Contacts and history: rows that can be called. */
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

void view_history_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct failure failure;
	struct buf text;

	(void)cols;
	(void)rows;
	pane->has_cursor = true;
	buf_init(&text, 4 << 20);
	phone_show(screen->config.phone, SLICE("history"), (struct slice){ 0 }, &text, &failure);
	for (struct slice rest = buf_slice(&text); rest.n;) {
		struct slice line = slice_cut(&rest, '\n');
		bool missed = slice_find_slice(line, SLICE("  missed")) < line.n;
		bool failed = slice_find_slice(line, SLICE("  failed")) < line.n;
		bool call = line.n > 4 && line.p[4] == '-';
		pane_printf(pane, missed ? STYLE_ALERT : failed ? STYLE_BAD : STYLE_PLAIN, call ? pane->count + 1 : 0, " %.*s",
			    SLICE_ARG(line));
	}
	if (!pane->count)
		pane_add(pane, STYLE_DIM, 0, SLICE(" no call yet"));
	buf_fini(&text);
}

/* The address is the last thing of a row: "<sip:bob@biloxi.com>", or without a name the last word. */
void view_history_enter(struct screen *screen, const struct pane_row *row)
{
	struct slice line = slice_trim(slice_of(row->text));
	size_t at = slice_rfind(line, ' ');
	struct slice address = at < line.n ? slice_from(line, at + 1) : line;

	if (address.n > 2 && address.p[0] == '<')
		address = slice_sub(address, 1, address.n - 2);
	char *target = slice_dup(address);
	screen_prepare(screen, "call ", target);
	free(target);
}
