/* Contacts and history: rows that can be called. */
#include "base/xmalloc.h"
#include "ui/screen/screen.h"
#include "ui/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_COLS = 20, KIND_COLS = 6, ADDRESS_KEYS = 32 };

struct people {
	struct pane *pane;
	const struct phone *phone;
	size_t cols, number; /* of the contact, 1 is the first */
	struct buf row;
};

/* Name, what kind, where, and with the first what else is known: a row an address. */
static void add_address(struct people *people, const struct contact_view *contact, size_t place)
{
	const struct contact_address *address = &contact->addresses[place];
	size_t name_cols = people->cols < 60 ? people->cols / 3 - 2 : NAME_COLS;
	struct buf *row = &people->row, seen;

	buf_init(&seen, 1024);
	buf_clear(row);
	buf_add_char(row, ' ');
	text_add_padded(row, slice_of(place ? "" : contact->name), name_cols, draw_is_utf8());
	buf_add_char(row, ' ');
	if (people->cols >= 60)
		text_add_padded(row, slice_of(address->kind), KIND_COLS, draw_is_utf8());
	buf_printf(row, " %s", address->target);
	if (people->cols < 60 && *address->kind)
		buf_printf(row, " (%s)", address->kind);
	if (!place && phone_seen(people->phone, contact->name, &seen))
		buf_printf(row, "  [%s]", buf_text(&seen));
	if (!place)
		contact_traits(contact, row);
	buf_fini(&seen);
	pane_add(people->pane, STYLE_PLAIN, people->number * ADDRESS_KEYS + place, buf_slice(row));
}

static void add_contact(void *arg, const struct contact_view *contact)
{
	struct people *people = arg;

	people->number++;
	for (size_t i = 0; i < contact->count; i++)
		add_address(people, contact, i);
}

void view_contacts_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct people people = { .pane = pane, .phone = screen->config.phone, .cols = (size_t)cols };

	(void)rows;
	buf_init(&people.row, UI_LINE_BYTES);
	pane->has_cursor = true;
	phone_contacts(screen->config.phone, add_contact, &people);
	if (!pane->count)
		pane_hint(pane, (size_t)cols, "no contacts: `contact add NAME ADDRESS` makes one");
	buf_fini(&people.row);
}

struct pick {
	uint64_t wanted, at;
	struct buf way;
};

static void pick_contact(void *arg, const struct contact_view *contact)
{
	struct pick *pick = arg;

	if (++pick->at == pick->wanted / ADDRESS_KEYS && pick->wanted % ADDRESS_KEYS < contact->count)
		contact_way(contact, pick->wanted % ADDRESS_KEYS, &pick->way);
}

/* A person reads before dialling: the command stands in the line, and Enter runs it. */
void view_contacts_enter(struct screen *screen, const struct pane_row *row)
{
	struct pick pick = { .wanted = row->key };

	buf_init(&pick.way, 2048);
	phone_contacts(screen->config.phone, pick_contact, &pick);
	if (pick.way.n)
		screen_prepare(screen, "call ", buf_text(&pick.way));
	buf_fini(&pick.way);
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

	buf_init(&line, UI_LINE_BYTES);
	history_line(row, &line);
	pane_printf(past->pane, missed ? STYLE_ALERT : failed ? STYLE_BAD : STYLE_PLAIN, row->number, " %.*s",
		    SLICE_ARG(slice_trim(buf_slice(&line))));
	buf_fini(&line);
}

void view_history_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct past past = { .pane = pane };

	(void)rows;
	pane->has_cursor = true;
	phone_history(screen->config.phone, &(struct history_filter){ 0 }, add_past, &past);
	phone_history_seen(screen->config.phone);
	if (!pane->count)
		pane_hint(pane, (size_t)cols, "no call yet: each stands here when it is over");
}

static void pick_past(void *arg, const struct history_row *row)
{
	struct past *past = arg;

	if (row->number == past->wanted)
		past->target = xstrdup(history_target(row));
}

void view_history_enter(struct screen *screen, const struct pane_row *row)
{
	struct past past = { .wanted = (unsigned)row->key };

	phone_history(screen->config.phone, &(struct history_filter){ 0 }, pick_past, &past);
	if (past.target)
		screen_prepare(screen, "call ", past.target);
	free(past.target);
}
