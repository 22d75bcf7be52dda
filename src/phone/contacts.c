/* Names for addresses, kept at once: one line each, NAME TAB TARGET. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <stdio.h>
#include <string.h>

enum { CONTACTS_MAX = 10000, CONTACT_TEXT_MAX = 512 };

struct contact {
	struct map_node by_name, by_uri;
	char *name, *target;
	char *key, *uri_key; /* in lower case */
};

struct contacts {
	const char *dir;
	const struct log *log;
	struct buf others; /* lines of the file that are no contacts: comments, and what was damaged */
	bool unread;       /* the file could not be read: it must not be overwritten */
	struct contact **sorted; /* by name */
	size_t count, room;
	struct map by_name, by_uri;
};

/* "Bob <sip:bob@biloxi.com;x>" and "sip:bob@biloxi.com" -> "bob@biloxi.com" */
static char *uri_key(struct slice text)
{
	size_t open = slice_find(text, '<');

	if (open < text.n) {
		text = slice_from(text, open + 1);
		text = slice_cut(&text, '>');
	}
	if (slice_ibegins(text, SLICE("sip:")))
		text = slice_from(text, 4);
	text = slice_cut(&text, ';');
	return slice_dup_lower(slice_cut(&text, '?'));
}

static struct contact *find(const struct contacts *contacts, struct slice name)
{
	char *key = slice_dup_lower(slice_trim(name));
	struct map_node *node = map_find(&contacts->by_name, slice_of(key));

	free(key);
	return node ? CONTAINER_OF(node, struct contact, by_name) : NULL;
}

static void contact_free(struct contacts *contacts, struct contact *contact)
{
	map_remove(&contacts->by_name, &contact->by_name);
	map_remove(&contacts->by_uri, &contact->by_uri);
	free(contact->name);
	free(contact->target);
	free(contact->key);
	free(contact->uri_key);
	free(contact);
}

static void set_target(struct contacts *contacts, struct contact *contact, struct slice target)
{
	map_remove(&contacts->by_uri, &contact->by_uri);
	free(contact->target);
	free(contact->uri_key);
	contact->target = slice_dup(target);
	contact->uri_key = uri_key(target);
	map_add(&contacts->by_uri, &contact->by_uri, slice_of(contact->uri_key));
}

static bool put(struct contacts *contacts, struct slice name, struct slice target)
{
	struct contact *contact = find(contacts, name);
	size_t at = 0;

	if (contact) {
		set_target(contacts, contact, target);
		return true;
	}
	if (contacts->count >= CONTACTS_MAX)
		return false;
	contact = xcalloc(1, sizeof *contact);
	contact->name = slice_dup(name);
	contact->key = slice_dup_lower(name);
	set_target(contacts, contact, target);
	map_add(&contacts->by_name, &contact->by_name, slice_of(contact->key));
	if (contacts->count == contacts->room) {
		contacts->room = contacts->room ? 2 * contacts->room : 16;
		contacts->sorted = xrealloc(contacts->sorted, contacts->room * sizeof(struct contact *));
	}
	/* Files are sorted already, so the place is mostly the end. */
	for (at = contacts->count; at && strcmp(contacts->sorted[at - 1]->key, contact->key) > 0; at--)
		contacts->sorted[at] = contacts->sorted[at - 1];
	contacts->sorted[at] = contact;
	contacts->count++;
	return true;
}

/* What is no contact is somebody's all the same: it is kept for the next time the file is written. */
static void load_line(struct contacts *contacts, struct slice line, size_t *bad)
{
	struct slice target = line, name;

	if (target.n && target.p[target.n - 1] == '\r')
		target.n--;
	if (!target.n)
		return;
	name = slice_cut(&target, '\t');
	if (line.p[0] != '#') {
		if (name.n && target.n && utf8_valid(line) && put(contacts, name, slice_trim(target)))
			return;
		++*bad;
	}
	buf_printf(&contacts->others, "%.*s\n", SLICE_ARG(line));
}

static void load(struct contacts *contacts, struct slice text)
{
	size_t bad = 0;

	while (text.n)
		load_line(contacts, slice_cut(&text, '\n'), &bad);
	if (bad)
		log_line(contacts->log, LOG_WARNING, "contacts: %zu lines are not NAME TAB ADDRESS and were left out",
			 bad);
}

static void read_contacts(struct contacts *contacts)
{
	char *path = xasprintf("%s/contacts", contacts->dir);
	struct buf text;

	buf_init(&text, FILE_TEXT_MAX);
	enum err err = read_file(path, &text);
	if (err) {
		contacts->unread = true;
		log_line(contacts->log, LOG_WARNING, "%s cannot be read: %s; it is left as it is", path,
			 err == ERR_UNSUPPORTED ? "it is no file" : err_text(err));
	} else {
		load(contacts, buf_slice(&text));
	}
	buf_fini(&text);
	free(path);
}

struct contacts *contacts_new(const char *dir, const struct log *log)
{
	struct contacts *contacts = xcalloc(1, sizeof *contacts);
	struct random random;

	random_init(&random);
	contacts->dir = dir;
	contacts->log = log;
	map_init(&contacts->by_name, &random);
	map_init(&contacts->by_uri, &random);
	buf_init(&contacts->others, FILE_TEXT_MAX);
	if (dir)
		read_contacts(contacts);
	return contacts;
}

void contacts_free(struct contacts *contacts)
{
	for (size_t i = 0; i < contacts->count; i++)
		contact_free(contacts, contacts->sorted[i]);
	map_fini(&contacts->by_name);
	map_fini(&contacts->by_uri);
	buf_fini(&contacts->others);
	free(contacts->sorted);
	free(contacts);
}

const char *contacts_find(const struct contacts *contacts, struct slice name)
{
	const struct contact *contact = find(contacts, name);

	return contact ? contact->target : NULL;
}

const char *contacts_proper_name(const struct contacts *contacts, struct slice name)
{
	const struct contact *contact = find(contacts, name);

	return contact ? contact->name : NULL;
}

const char *contacts_name_of(const struct contacts *contacts, struct slice uri)
{
	if (!contacts->count)
		return NULL;
	char *key = uri_key(uri);
	struct map_node *node = map_find(&contacts->by_uri, slice_of(key));
	free(key);
	return node ? CONTAINER_OF(node, struct contact, by_uri)->name : NULL;
}

static bool save(const struct contacts *contacts, struct failure *failure)
{
	struct buf text;

	if (!contacts->dir)
		return true;
	if (contacts->unread)
		return fail(
			failure, STATUS_SOUND, "unread",
			"%s/contacts could not be read and is left as it is: the change counts until the phone ends",
			contacts->dir);
	buf_init(&text, FILE_TEXT_MAX);
	buf_add(&text, buf_slice(&contacts->others));
	for (size_t i = 0; i < contacts->count; i++)
		buf_printf(&text, "%s\t%s\n", contacts->sorted[i]->name, contacts->sorted[i]->target);
	enum err err = text.full ? ERR_TOO_BIG : write_file(contacts->dir, "contacts", buf_slice(&text));
	buf_fini(&text);
	if (err)
		return fail(failure, STATUS_SOUND, err_name(err), "%s/contacts cannot be written: %s", contacts->dir,
			    err_text(err));
	return true;
}

bool contact_put(struct phone *phone, struct slice name, struct slice target, struct failure *failure)
{
	struct target read;

	name = slice_trim(name);
	target = slice_trim(target);
	if (!name.n || name.n > CONTACT_TEXT_MAX || slice_find(name, '\t') < name.n ||
	    slice_find(name, '\n') < name.n || !utf8_valid(name))
		return fail(failure, STATUS_USAGE, "syntax", "a contact's name is 1 to %d bytes of text in one line",
			    CONTACT_TEXT_MAX);
	if (target.n > CONTACT_TEXT_MAX)
		return fail(failure, STATUS_USAGE, "syntax", "the address is longer than %d bytes", CONTACT_TEXT_MAX);
	/* A bare number is kept as it is: it lives at the default account's domain, whichever that will be. */
	if (target_read(phone, target, phone->default_account, &read, failure))
		target_fini(&read);
	else if (strcmp(failure->reason, "no-domain") != 0)
		return false;
	if (!put(phone->contacts, name, target))
		return fail(failure, STATUS_USAGE, "full", "there are %d contacts already: remove some first",
			    CONTACTS_MAX);
	return true;
}

bool contacts_save(struct phone *phone, struct failure *failure)
{
	return save(phone->contacts, failure);
}

bool phone_contact_add(struct phone *phone, struct slice name, struct slice target, struct failure *failure)
{
	return contact_put(phone, name, target, failure) && save(phone->contacts, failure);
}

bool phone_contact_remove(struct phone *phone, struct slice name, struct failure *failure)
{
	struct contacts *contacts = phone->contacts;
	struct contact *contact = find(contacts, name);
	size_t at = 0;

	if (!contact)
		return fail(failure, STATUS_USAGE, "no-such-contact",
			    "there is no contact '%.*s': `contact list` shows them", SLICE_ARG(name));
	while (contacts->sorted[at] != contact)
		at++;
	memmove(&contacts->sorted[at], &contacts->sorted[at + 1],
		(contacts->count - at - 1) * sizeof(struct contact *));
	contacts->count--;
	contact_free(contacts, contact);
	return save(contacts, failure);
}

void phone_contacts(const struct phone *phone, phone_contact_h *each, void *arg)
{
	for (size_t i = 0; i < phone->contacts->count; i++)
		each(arg, phone->contacts->sorted[i]->name, phone->contacts->sorted[i]->target);
}
