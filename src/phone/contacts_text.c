/* Contacts as lines for people. */
#include "phone/phone.h"

#include <string.h>

void contact_way(const struct contact_view *contact, size_t place, struct buf *word)
{
	const char *kind = contact->addresses[place].kind;
	bool first = true;

	for (size_t i = 0; i < place; i++)
		first &= strcmp(contact->addresses[i].kind, kind) != 0;
	buf_printf(word, "%s", contact->name);
	if (*kind && first)
		buf_printf(word, "/%s", kind);
	else if (place)
		buf_printf(word, "/%zu", place + 1);
}

void contact_traits(const struct contact_view *contact, struct buf *out)
{
	if (contact->speed)
		buf_printf(out, "  speed=%u", contact->speed);
	if (*contact->ring)
		buf_printf(out, "  ring=%s", contact->ring);
	if (*contact->auto_answer)
		buf_printf(out, "  auto-answer=%s", contact->auto_answer);
}

void contact_lines(const struct contact_view *contact, struct buf *out)
{
	struct buf way;

	buf_init(&way, 2048);
	for (size_t i = 0; i < contact->count; i++) {
		buf_clear(&way);
		contact_way(contact, i, &way);
		buf_printf(out, "%-23s  %s", i ? buf_text(&way) : contact->name, contact->addresses[i].target);
		if (!i && *contact->addresses[i].kind)
			buf_printf(out, "  %s", contact->addresses[i].kind);
		if (!i)
			contact_traits(contact, out);
		buf_add_char(out, '\n');
	}
	buf_fini(&way);
}
