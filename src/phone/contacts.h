/*
 * contacts: names for addresses. contacts.c has who they are and finds them, contacts_file.c keeps them in a file,
 * vcard.c reads and writes address books.
 *
 * The file has an address a line: NAME TAB ADDRESS, then what else is known of it, TAB KEY=VALUE each: kind and prefer
 * are of the address, ring, auto-answer and speed of the whole contact and stand in its first line. Lines of the same
 * name are one contact. Its first line tells the form; without it "Bob 2" behind "Bob" is Bob's second address, as
 * older versions wrote it.
 */
#pragma once

#include "base/buf.h"
#include "base/log.h"

#include <stdbool.h>

struct contacts;
struct contact;
struct phone;
struct failure;

enum { CONTACTS_MAX = 10000, CONTACT_ADDRESSES_MAX = 16, CONTACT_TEXT_MAX = 512, CONTACT_SPEED_MAX = 99 };
enum { CONTACT_PREFERENCE_MAX = 100 }; /* RFC 6350, 5.3; 1 is tried first */
#define CONTACTS_FORM "#offhook-contacts 2"

/** Reads the file in `dir` (NULL: nothing is kept); what is wrong with it is told by the log. Borrows both. */
struct contacts *contacts_new(const char *dir, const struct log *log) __attribute__((returns_nonnull));
void contacts_free(struct contacts *contacts);

/* Whom a word means, and which address of theirs. Borrowed until the contacts change. */
struct contact_found {
	const char *name, *target;
};
/**
 * A name, ASCII case ignored: their preferred address; "NAME/work" or "NAME/2": that one (so does "NAME 2"); the number
 * of a speed dial. @return false: nobody
 */
bool contacts_find(const struct contacts *contacts, struct slice word, struct contact_found *found);
/** The name of whom this address is: a sip: URI without its parameters, or a number with + wherever it comes from;
 * NULL: nobody's. Borrowed. */
const char *contacts_name_of(const struct contacts *contacts, struct slice uri);
/** How this caller rings; "": as all others. Borrowed. */
const char *contacts_ring_of(const struct contacts *contacts, struct slice uri);
/** "on", "progress", "off": how calls from exactly this address are answered; "": as all others. Borrowed. */
const char *contacts_auto_answer_of(const struct contacts *contacts, struct slice uri);

/* What an address is, beside the address itself. */
struct address_traits {
	struct slice kind;   /* "work"; empty: not told */
	unsigned preference; /* 1 is tried first; 0: not told, behind all others */
};
/** Add an address to a contact, or change what is known of one that it has; contacts_save() writes the file. */
bool contact_put(struct phone *phone, struct slice name, struct slice target, struct address_traits traits,
		 struct failure *failure);
bool contacts_save(struct phone *phone, struct failure *failure);

/* ---- between the files of contacts ---- */

/** Take an address as it stands, read by nobody. `uri` tells whether they have it already. @return NULL: no room */
struct contact *contacts_put(struct contacts *contacts, struct slice name, struct slice target, struct slice uri,
			     struct address_traits traits);
/** One whose name is exactly this; NULL: nobody's. */
struct contact *contacts_named(const struct contacts *contacts, struct slice name);
/** How many addresses. */
size_t contact_addresses(const struct contact *contact);
/**
 * Set "ring", "auto-answer" or "speed"; an empty value: as all others.
 * @return false with what is wrong with the value in `why`
 */
bool contact_trait(struct contacts *contacts, struct contact *contact, struct slice key, struct slice value,
		   struct buf *why);
/** Is this a word that can be the kind of an address? */
bool contact_kind_is_valid(struct slice kind);
void contacts_load(struct contacts *contacts, const char *dir, const struct log *log, struct buf *others,
		   bool *unread);
