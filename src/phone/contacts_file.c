/* What the file of contacts says; the form before had no kinds, and every address a name of its own. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/contacts.h"
#include "phone/phone_internal.h"

#include <stdio.h>
#include <string.h>

struct loading {
	struct contacts *contacts;
	struct buf *others;
	bool old; /* "Bob 2" may be Bob's second address */
	size_t bad;
};

/* "Bob 2" while Bob has one address: that of Bob. */
static struct slice owner_of(const struct loading *loading, struct slice name)
{
	size_t at = name.n;
	uint64_t number;

	while (at && name.p[at - 1] != ' ')
		at--;
	if (!loading->old || !at || !slice_to_u64(slice_from(name, at), CONTACT_ADDRESSES_MAX, &number))
		return name;
	struct slice owner = slice_sub(name, 0, at - 1);
	const struct contact *contact = contacts_named(loading->contacts, owner);
	return contact && contact_addresses(contact) + 1 == number ? owner : name;
}

static struct address_traits traits_of(struct slice rest)
{
	struct address_traits traits = { 0 };
	uint64_t number;

	while (rest.p) {
		struct slice value = slice_cut(&rest, '\t'), key = slice_cut(&value, '=');
		if (slice_eq(key, SLICE("kind")) && contact_kind_is_valid(value))
			traits.kind = value;
		else if (slice_eq(key, SLICE("prefer")) && 
			 slice_to_u64(value, CONTACT_PREFERENCE_MAX, &number))
			traits.preference = (unsigned)number;
	}
	return traits;
}

/* What this version does not know, or what another contact has already, is left out. */
static void set_traits(const struct loading *loading, struct contact *contact, struct slice rest)
{
	struct buf why;

	buf_init(&why, 1024);
	while (rest.p) {
		struct slice value = slice_cut(&rest, '\t'), key = slice_cut(&value, '=');
		if (slice_eq(key, SLICE("ring")) || slice_eq(key, SLICE("auto-answer")) ||
		    slice_eq(key, SLICE("speed")))
			contact_trait(loading->contacts, contact, key, value, &why);
	}
	buf_fini(&why);
}

static bool take_contact(struct loading *loading, struct slice line)
{
	struct slice rest = line, name = slice_cut(&rest, '\t');

	if (!name.n || !rest.n || !utf8_valid(line))
		return false;
	struct slice target = slice_trim(slice_cut(&rest, '\t'));
	if (!target.n)
		return false;
	struct contact *contact =
		contacts_put(loading->contacts, owner_of(loading, name), target, target, traits_of(rest));
	if (contact)
		set_traits(loading, contact, rest);
	return contact != NULL;
}

/* What is no contact is somebody's all the same: it is kept for the next time the file is written. */
static void load_line(struct loading *loading, struct slice line)
{
	struct slice whole = line;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (!line.n)
		return;
	if (slice_eq(line, SLICE(CONTACTS_FORM))) {
		loading->old = false;
		return;
	}
	if (line.p[0] != '#') {
		if (take_contact(loading, line))
			return;
		loading->bad++;
	}
	buf_printf(loading->others, "%.*s\n", SLICE_ARG(whole));
}

void contacts_load(struct contacts *contacts, const char *dir, const struct log *log, struct buf *others, bool *unread)
{
	struct loading loading = { .contacts = contacts, .others = others, .old = true };
	char *path = xasprintf("%s/contacts", dir);
	struct buf text;

	buf_init(&text, FILE_TEXT_MAX);
	enum err err = read_file(path, &text);
	if (err) {
		*unread = true;
		log_line(log, LOG_WARNING, "%s cannot be read: %s; it is left as it is", path,
			 err == ERR_UNSUPPORTED ? "it is no file" : err_text(err));
	}
	for (struct slice rest = buf_slice(&text); !err && rest.n;)
		load_line(&loading, slice_cut(&rest, '\n'));
	if (loading.bad)
		log_line(log, LOG_WARNING, "contacts: %zu lines are not NAME TAB ADDRESS and were left out",
			 loading.bad);
	buf_fini(&text);
	free(path);
}
