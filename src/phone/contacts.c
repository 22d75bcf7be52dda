#include "phone/contacts.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <stdio.h>
#include <string.h>

enum { KIND_MAX = 32 };

struct way {
	struct map_node by_uri;
	struct contact *contact;
	char *target, *kind, *uri_key; /* uri_key: in lower case */
	unsigned preference;
};

struct contact {
	struct map_node by_name;
	char *name, *key; /* key: in lower case */
	struct way *addresses[CONTACT_ADDRESSES_MAX]; /* the preferred first */
	size_t count;
	char *ring, *auto_answer;
	unsigned speed; /* 0: none */
};

struct contacts {
	const char *dir;
	struct buf others; /* lines of the file that are no contacts: comments, and what was damaged */
	bool unread;       /* the file could not be read: it must not be overwritten */
	struct contact **sorted; /* by name */
	size_t count, room;
	struct map by_name, by_uri;
	struct contact *speed[CONTACT_SPEED_MAX + 1];
};

/* ---- keys ---- */

/* "tel:+1 (555) 0100" and "+1-555-0100" -> "+15550100"; NULL: no number that is the same everywhere */
static char *number_key(struct slice text)
{
	char digits[64];
	size_t n = 0;

	if (slice_ibegins(text, SLICE("tel:")))
		text = slice_from(text, 4);
	if (!text.n || text.p[0] != '+')
		return NULL;
	for (size_t i = 1; i < text.n; i++) {
		if (text.p[i] >= '0' && text.p[i] <= '9' && n < sizeof digits - 1)
			digits[n++] = text.p[i];
		else if (!strchr("-. ()/", text.p[i]))
			return NULL;
	}
	return n ? xasprintf("+%.*s", (int)n, digits) : NULL;
}

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
	text = slice_cut(&text, '?');
	char *number = number_key(text);
	return number ? number : slice_dup_lower(text);
}

/* ---- whom a word means ---- */

struct contact *contacts_named(const struct contacts *contacts, struct slice name)
{
	char *key = slice_dup_lower(slice_trim(name));
	struct map_node *node = map_find(&contacts->by_name, slice_of(key));

	free(key);
	return node ? CONTAINER_OF(node, struct contact, by_name) : NULL;
}

/* "work", "2". @return its place; contact->count: none */
static size_t place_of(const struct contact *contact, struct slice which)
{
	uint64_t number;

	for (size_t i = 0; i < contact->count; i++)
		if (slice_ieq(slice_of(contact->addresses[i]->kind), which) && which.n)
			return i;
	if (slice_to_u64(which, contact->count, &number) && number >= 1)
		return (size_t)number - 1;
	return contact->count;
}

/* "NAME/work", and with a blank "NAME 2": cut at the last one. */
static struct contact *find_place(const struct contacts *contacts, struct slice word, char separator, size_t *place)
{
	size_t at = word.n;

	while (at && word.p[at - 1] != separator)
		at--;
	struct contact *contact = at ? contacts_named(contacts, slice_sub(word, 0, at - 1)) : NULL;
	if (!contact)
		return NULL;
	*place = place_of(contact, slice_trim(slice_from(word, at)));
	return *place < contact->count ? contact : NULL;
}

static struct contact *find_speed(const struct contacts *contacts, struct slice word)
{
	uint64_t number;

	return word.n <= 2 && slice_to_u64(word, CONTACT_SPEED_MAX, &number) ? contacts->speed[number] : NULL;
}

static struct contact *find(const struct contacts *contacts, struct slice word, size_t *place)
{
	struct contact *contact;

	word = slice_trim(word);
	*place = 0;
	if ((contact = contacts_named(contacts, word)) || (contact = find_speed(contacts, word)))
		return contact;
	if ((contact = find_place(contacts, word, '/', place)))
		return contact;
	return find_place(contacts, word, ' ', place);
}

bool contacts_find(const struct contacts *contacts, struct slice word, struct contact_found *found)
{
	size_t place;
	const struct contact *contact = find(contacts, word, &place);

	if (contact)
		*found = (struct contact_found){ contact->name, contact->addresses[place]->target };
	return contact != NULL;
}

static const struct contact *whose(const struct contacts *contacts, struct slice key)
{
	struct map_node *node = map_find(&contacts->by_uri, key);

	return node ? CONTAINER_OF(node, struct way, by_uri)->contact : NULL;
}

/* @param anywhere  a number with + is theirs whichever gateway it comes from */
static const struct contact *contact_of(const struct contacts *contacts, struct slice uri, bool anywhere)
{
	if (!contacts->count)
		return NULL;
	char *key = uri_key(uri);
	const struct contact *contact = whose(contacts, slice_of(key));
	if (!contact && anywhere && key[0] == '+') {
		struct slice rest = slice_of(key);
		contact = whose(contacts, slice_cut(&rest, '@'));
	}
	free(key);
	return contact;
}

const char *contacts_name_of(const struct contacts *contacts, struct slice uri)
{
	const struct contact *contact = contact_of(contacts, uri, true);

	return contact ? contact->name : NULL;
}

const char *contacts_ring_of(const struct contacts *contacts, struct slice uri)
{
	const struct contact *contact = contact_of(contacts, uri, true);

	return contact ? contact->ring : "";
}

const char *contacts_auto_answer_of(const struct contacts *contacts, struct slice uri)
{
	const struct contact *contact = contact_of(contacts, uri, false);

	return contact ? contact->auto_answer : "";
}

size_t contact_addresses(const struct contact *contact)
{
	return contact->count;
}

/* ---- changing them ---- */

static void address_free(struct contacts *contacts, struct way *address)
{
	map_remove(&contacts->by_uri, &address->by_uri);
	free(address->target);
	free(address->kind);
	free(address->uri_key);
	free(address);
}

static void contact_free(struct contacts *contacts, struct contact *contact)
{
	map_remove(&contacts->by_name, &contact->by_name);
	for (size_t i = 0; i < contact->count; i++)
		address_free(contacts, contact->addresses[i]);
	free(contact->name);
	free(contact->key);
	free(contact->ring);
	free(contact->auto_answer);
	free(contact);
}

static struct contact *contact_new(struct contacts *contacts, struct slice name)
{
	struct contact *contact;
	size_t at;

	if (contacts->count >= CONTACTS_MAX)
		return NULL;
	contact = xcalloc(1, sizeof *contact);
	contact->name = slice_dup(name);
	contact->key = slice_dup_lower(name);
	contact->ring = xstrdup("");
	contact->auto_answer = xstrdup("");
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
	return contact;
}

static void forget(struct contacts *contacts, struct contact *contact)
{
	size_t at = 0;

	while (contacts->sorted[at] != contact)
		at++;
	memmove(&contacts->sorted[at], &contacts->sorted[at + 1],
		(contacts->count - at - 1) * sizeof(struct contact *));
	contacts->count--;
	if (contact->speed)
		contacts->speed[contact->speed] = NULL;
	contact_free(contacts, contact);
}

static struct way *take_out(struct contact *contact, size_t place)
{
	struct way *address = contact->addresses[place];

	memmove(&contact->addresses[place], &contact->addresses[place + 1],
		(contact->count - place - 1) * sizeof(struct way *));
	contact->count--;
	return address;
}

/* Behind all that are preferred as much. */
static void put_in(struct contact *contact, struct way *address)
{
	unsigned mine = address->preference ? address->preference : CONTACT_PREFERENCE_MAX + 1;
	size_t at = contact->count;

	for (; at; at--) {
		unsigned theirs = contact->addresses[at - 1]->preference;
		if ((theirs ? theirs : CONTACT_PREFERENCE_MAX + 1) <= mine)
			break;
		contact->addresses[at] = contact->addresses[at - 1];
	}
	contact->addresses[at] = address;
	contact->count++;
}

static struct way *address_of(struct contact *contact, const char *key)
{
	for (size_t i = 0; i < contact->count; i++)
		if (!strcmp(contact->addresses[i]->uri_key, key))
			return take_out(contact, i);
	return NULL;
}

struct contact *contacts_put(struct contacts *contacts, struct slice name, struct slice target, struct slice uri,
			     struct address_traits traits)
{
	struct contact *contact = contacts_named(contacts, name);
	char *key = uri_key(uri);

	if (!contact && !(contact = contact_new(contacts, name))) {
		free(key);
		return NULL;
	}
	struct way *address = address_of(contact, key);
	if (!address && contact->count == CONTACT_ADDRESSES_MAX) {
		free(key);
		return NULL;
	}
	if (!address) {
		address = xcalloc(1, sizeof *address);
		address->contact = contact;
		address->kind = xstrdup("");
		address->uri_key = xstrdup(key);
		map_add(&contacts->by_uri, &address->by_uri, slice_of(address->uri_key));
	}
	free(key);
	free(address->target);
	address->target = slice_dup(target);
	if (traits.kind.n) {
		free(address->kind);
		address->kind = slice_dup_lower(traits.kind);
	}
	if (traits.preference)
		address->preference = traits.preference;
	put_in(contact, address);
	return contact;
}

/* A number is a place: "work2" is a kind, "2" is none. */
bool contact_kind_is_valid(struct slice kind)
{
	bool letter = false;

	if (!kind.n || kind.n > KIND_MAX)
		return false;
	for (size_t i = 0; i < kind.n; i++) {
		char c = kind.p[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_letter && c != '-' && !(c >= '0' && c <= '9'))
			return false;
		letter |= is_letter;
	}
	return letter;
}

static bool set_speed(struct contacts *contacts, struct contact *contact, struct slice value, struct buf *why)
{
	uint64_t number = 0;

	if (value.n && (!slice_to_u64(value, CONTACT_SPEED_MAX, &number) || !number)) {
		buf_printf(why, "a speed dial is a number from 1 to %d, or off", CONTACT_SPEED_MAX);
		return false;
	}
	if (number && contacts->speed[number] && contacts->speed[number] != contact) {
		buf_printf(why, "speed dial %u is %s: `contact set` theirs to off first", (unsigned)number,
			   contacts->speed[number]->name);
		return false;
	}
	if (contact->speed)
		contacts->speed[contact->speed] = NULL;
	contact->speed = (unsigned)number;
	if (number)
		contacts->speed[number] = contact;
	return true;
}

bool contact_trait(struct contacts *contacts, struct contact *contact, struct slice key, struct slice value,
		   struct buf *why)
{
	if (slice_eq(key, SLICE("speed")))
		return set_speed(contacts, contact, value, why);
	if (slice_eq(key, SLICE("auto-answer"))) {
		if (value.n && !slice_eq(value, SLICE("on")) && !slice_eq(value, SLICE("off")) &&
		    !slice_eq(value, SLICE("progress"))) {
			buf_printf(why, "auto-answer is on, progress or off");
			return false;
		}
		free(contact->auto_answer);
		contact->auto_answer = slice_dup(value);
		return true;
	}
	if (value.n > CONTACT_TEXT_MAX || slice_find(value, '\t') < value.n || slice_find(value, '\n') < value.n) {
		buf_printf(why, "a ring is one of %s, or a sound file", ENGINE_RINGS);
		return false;
	}
	free(contact->ring);
	contact->ring = slice_dup(value);
	return true;
}

struct contacts *contacts_new(const char *dir, const struct log *log)
{
	struct contacts *contacts = xcalloc(1, sizeof *contacts);
	struct random random;

	random_init(&random);
	contacts->dir = dir;
	map_init(&contacts->by_name, &random);
	map_init(&contacts->by_uri, &random);
	buf_init(&contacts->others, FILE_TEXT_MAX);
	if (dir)
		contacts_load(contacts, dir, log, &contacts->others, &contacts->unread);
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

/* ---- the file ---- */

static void print_contact(const struct contact *contact, struct buf *to)
{
	for (size_t i = 0; i < contact->count; i++) {
		const struct way *address = contact->addresses[i];
		buf_printf(to, "%s\t%s", contact->name, address->target);
		if (*address->kind)
			buf_printf(to, "\tkind=%s", address->kind);
		if (address->preference)
			buf_printf(to, "\tprefer=%u", address->preference);
		if (!i && *contact->ring)
			buf_printf(to, "\tring=%s", contact->ring);
		if (!i && *contact->auto_answer)
			buf_printf(to, "\tauto-answer=%s", contact->auto_answer);
		if (!i && contact->speed)
			buf_printf(to, "\tspeed=%u", contact->speed);
		buf_add_char(to, '\n');
	}
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
	buf_printf(&text, CONTACTS_FORM "\n");
	buf_add(&text, buf_slice(&contacts->others));
	for (size_t i = 0; i < contacts->count; i++)
		print_contact(contacts->sorted[i], &text);
	enum err err = text.full ? ERR_TOO_BIG : write_file(contacts->dir, "contacts", buf_slice(&text));
	buf_fini(&text);
	if (err)
		return fail(failure, STATUS_SOUND, err_name(err), "%s/contacts cannot be written: %s", contacts->dir,
			    err_text(err));
	return true;
}

bool contacts_save(struct phone *phone, struct failure *failure)
{
	return save(phone->contacts, failure);
}

/* ---- commands ---- */

/* What an address is whichever account there is: two ways to write it are one address. A name of others stays a name.
 */
static char *whole_uri(struct phone *phone, struct slice target)
{
	struct contact_found found;
	struct failure ignored;
	struct target read = { 0 };
	bool good = !contacts_find(phone->contacts, target, &found) &&
		    target_read(phone, target, NULL, &read, &ignored) && *read.uri;
	char *uri = good ? xstrdup(read.uri) : slice_dup(target);

	target_fini(&read);
	return uri;
}

bool contact_put(struct phone *phone, struct slice name, struct slice target, struct address_traits traits,
		 struct failure *failure)
{
	struct target read;

	name = slice_trim(name);
	target = slice_trim(target);
	if (!name.n || name.n > CONTACT_TEXT_MAX || slice_find(name, '\t') < name.n ||
	    slice_find(name, '\n') < name.n || !utf8_valid(name))
		return fail(failure, STATUS_USAGE, "syntax", "a contact's name is 1 to %d bytes of text in one line",
			    CONTACT_TEXT_MAX);
	if (target.n > CONTACT_TEXT_MAX || slice_find(target, '\t') < target.n)
		return fail(failure, STATUS_USAGE, "syntax", "an address is one line of at most %d bytes",
			    CONTACT_TEXT_MAX);
	if (traits.kind.n && !contact_kind_is_valid(traits.kind))
		return fail(failure, STATUS_USAGE, "syntax",
			    "the kind of an address is a word as work, home or mobile, not '%.*s'",
			    SLICE_ARG(slice_sub(traits.kind, 0, KIND_MAX)));
	/* A bare number is kept as it is: it lives at the default account's domain, whichever that will be. */
	if (target_read(phone, target, phone->default_account, &read, failure))
		target_fini(&read);
	else if (strcmp(failure->reason, "no-domain") != 0)
		return false;
	char *uri = whole_uri(phone, target);
	bool good = contacts_put(phone->contacts, name, target, slice_of(uri), traits) != NULL;
	free(uri);
	if (!good)
		return fail(failure, STATUS_USAGE, "full",
			    "there is room for %d contacts with %d addresses each: remove some first", CONTACTS_MAX,
			    CONTACT_ADDRESSES_MAX);
	return true;
}

bool phone_contact_add(struct phone *phone, struct slice name, struct slice target, const char *kind,
		       unsigned preference, struct failure *failure)
{
	struct address_traits traits = { slice_of(kind ? kind : ""), preference };

	return contact_put(phone, name, target, traits, failure) && save(phone->contacts, failure);
}

static bool no_such_contact(struct slice name, struct failure *failure)
{
	return fail(failure, STATUS_USAGE, "no-such-contact",
		    "there is no contact '%.*s': `contact list` shows them", SLICE_ARG(name));
}

bool phone_contact_set(struct phone *phone, struct slice name, const char *key, struct slice value,
		       struct failure *failure)
{
	struct contact *contact = contacts_named(phone->contacts, name);
	struct buf why;

	if (!contact)
		return no_such_contact(name, failure);
	buf_init(&why, 1024);
	bool good = contact_trait(phone->contacts, contact, slice_of(key), value, &why);
	if (!good)
		fail(failure, STATUS_USAGE, key, "%s", buf_text(&why));
	buf_fini(&why);
	return good && save(phone->contacts, failure);
}

bool phone_contact_remove(struct phone *phone, struct slice name, struct failure *failure)
{
	struct contacts *contacts = phone->contacts;
	struct contact *contact = contacts_named(contacts, name);
	size_t place;

	if (contact) {
		forget(contacts, contact);
		return save(contacts, failure);
	}
	contact = find_place(contacts, slice_trim(name), '/', &place);
	if (!contact)
		return no_such_contact(name, failure);
	if (contact->count == 1)
		forget(contacts, contact);
	else
		address_free(contacts, take_out(contact, place));
	return save(contacts, failure);
}

void phone_contacts(const struct phone *phone, phone_contact_h *each, void *arg)
{
	for (size_t i = 0; i < phone->contacts->count; i++) {
		const struct contact *contact = phone->contacts->sorted[i];
		struct contact_address addresses[CONTACT_ADDRESSES_MAX];
		for (size_t k = 0; k < contact->count; k++)
			addresses[k] = (struct contact_address){ .target = contact->addresses[k]->target,
								 .kind = contact->addresses[k]->kind,
								 .preference = contact->addresses[k]->preference };
		struct contact_view view = { .name = contact->name,
					     .ring = contact->ring,
					     .auto_answer = contact->auto_answer,
					     .speed = contact->speed,
					     .addresses = addresses,
					     .count = contact->count };
		each(arg, &view);
	}
}
