/* Names for addresses. */
#include "base/utf8.h"
#include "command/argument.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RINGS "warble|bell|chime|beep|silent"

static enum command_result do_contact_add(struct invocation *invocation)
{
	const char *kind = invocation_option(invocation, "kind", 0),
		   *prefer = invocation_option(invocation, "prefer", 0);
	uint64_t preference = 0;
	bool good = true;

	if (prefer && (!slice_to_u64(slice_of(prefer), 100, &preference) || !preference))
		return invocation_fail(invocation, STATUS_USAGE, "range",
				       "prefer= is a number from 1 (called first) to 100");
	for (size_t i = 0; good && i < invocation->rest_count; i++)
		good = phone_contact_add(invocation->phone, slice_of(invocation->values[0]),
					 slice_of(invocation->rest[i]), kind, (unsigned)preference,
					 &invocation->failure);
	return invocation_end(invocation, good);
}

/* A sound file that is not there would only be missed when they call. */
static bool check_ring(const char *ring, struct failure *failure)
{
	return choice_has(RINGS "|off|default", slice_of(ring)) || access(ring, R_OK) == 0 ||
	       fail(failure, STATUS_SOUND, "ring",
		    "'%.200s' is neither a tone (" RINGS ") nor a sound file that can be read", ring);
}

/* "off" is the word for: as all others; but calls of a contact can also be kept from being answered. */
static enum command_result do_contact_set(struct invocation *invocation)
{
	static const char *const keys[] = { "ring", "auto-answer", "speed" };
	bool any = false, good = true;

	for (size_t i = 0; good && i < ARRAY_LEN(keys); i++) {
		const char *value = invocation_option(invocation, keys[i], 0);
		if (!value)
			continue;
		any = true;
		if (!i && !check_ring(value, &invocation->failure))
			return invocation_end(invocation, false);
		if (!strcmp(value, "default") || (!strcmp(value, "off") && strcmp(keys[i], "auto-answer") != 0))
			value = "";
		good = phone_contact_set(invocation->phone, slice_of(invocation->values[0]), keys[i], slice_of(value),
					 &invocation->failure);
	}
	if (!any)
		return invocation_fail(invocation, STATUS_USAGE, "arguments",
				       "set what? ring=, auto-answer= or speed=, as in `contact set %s speed=7`",
				       invocation->values[0]);
	return invocation_end(invocation, good);
}

struct listing {
	struct invocation *invocation;
	json_t *list;
};

static json_t *addresses_of(const struct contact_view *contact)
{
	json_t *list = json_array();

	for (size_t i = 0; i < contact->count; i++) {
		struct buf way;
		buf_init(&way, 2048);
		contact_way(contact, i, &way);
		json_t *address =
			json_pack("{s:s, s:s}", "target", contact->addresses[i].target, "call", buf_text(&way));
		if (*contact->addresses[i].kind)
			json_object_set_new(address, "kind", json_string(contact->addresses[i].kind));
		if (contact->addresses[i].preference)
			json_object_set_new(address, "prefer", json_integer(contact->addresses[i].preference));
		json_array_append_new(list, address);
		buf_fini(&way);
	}
	return list;
}

static void on_contact(void *arg, const struct contact_view *contact)
{
	struct listing *listing = arg;
	json_t *row = json_pack("{s:s, s:s, s:o}", "name", contact->name, "target", contact->addresses[0].target,
				"addresses", addresses_of(contact));

	contact_lines(contact, listing->invocation->out);
	if (*contact->ring)
		json_object_set_new(row, "ring", json_string(contact->ring));
	if (*contact->auto_answer)
		json_object_set_new(row, "auto-answer", json_string(contact->auto_answer));
	if (contact->speed)
		json_object_set_new(row, "speed", json_integer(contact->speed));
	json_array_append_new(listing->list, row);
}

static enum command_result do_contact_list(struct invocation *invocation)
{
	struct listing listing = { invocation, json_array() };

	phone_contacts(invocation->phone, on_contact, &listing);
	if (!json_array_size(listing.list))
		buf_printf(invocation->out, "no contacts\n");
	invocation->result = listing.list;
	return COMMAND_DONE;
}

static enum command_result do_contact_remove(struct invocation *invocation)
{
	return invocation_end(invocation, phone_contact_remove(invocation->phone, slice_of(invocation->values[0]),
							       &invocation->failure));
}

static enum command_result do_contact_import(struct invocation *invocation)
{
	size_t taken, left;
	bool good =
		phone_contacts_import(invocation->phone, invocation->values[0], &taken, &left, &invocation->failure);

	if (good) {
		buf_printf(invocation->out, "%zu taken", taken);
		if (left)
			buf_printf(invocation->out, ", %zu left out: they have no address or number to call", left);
		buf_add_char(invocation->out, '\n');
		invocation->result = json_pack("{s:i, s:i}", "taken", (int)taken, "left", (int)left);
	}
	return invocation_end(invocation, good);
}

static enum command_result do_contact_export(struct invocation *invocation)
{
	size_t count;
	bool good = phone_contacts_export(invocation->phone, invocation->values[0], &count, &invocation->failure);

	if (good) {
		buf_printf(invocation->out, "%zu written\n", count);
		invocation->result = json_pack("{s:i}", "count", (int)count);
	}
	return invocation_end(invocation, good);
}

/* ---- history ---- */

/* "2h", "30m": that long ago; "2026-11-22", "2026-11-22T10:30": local time. @return false: neither */
static bool since_when(const char *text, int64_t *unix_s)
{
	struct tm tm = { .tm_isdst = -1 };
	int64_t us;
	const char *end = strptime(text, "%Y-%m-%d", &tm);

	if (end && *end == 'T')
		end = strptime(end + 1, "%H:%M", &tm);
	if (end && !*end) {
		*unix_s = (int64_t)mktime(&tm);
		return true;
	}
	if (!duration_parse(slice_of(text), &us) || us <= 0 || us == INT64_MAX)
		return false;
	*unix_s = (int64_t)time(NULL) - us / SECOND_US;
	return true;
}

struct history_listing {
	struct invocation *invocation;
	json_t *list;
	bool csv;
	size_t left, count;
};

static void on_history(void *arg, const struct history_row *row)
{
	struct history_listing *listing = arg;

	if (!listing->left)
		return;
	listing->left--;
	listing->count++;
	if (listing->csv)
		history_csv_line(row, listing->invocation->out);
	else
		history_line(row, listing->invocation->out);
	json_array_append_new(listing->list,
			      json_pack("{s:i, s:I, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "entry",
					(int)row->number, "time", (json_int_t)row->unix_s, "direction",
					row->incoming ? "in" : "out", "how", row->how, "seconds", (int)row->seconds,
					"code", (int)row->code, "account", row->account, "address", row->uri, "name",
					row->name, "why", row->why, "dialled", row->dialled));
}

static enum command_result do_history(struct invocation *invocation)
{
	const char *since = invocation_option(invocation, "since", 0), *last = invocation_option(invocation, "last", 0),
		   *format = invocation_option(invocation, "format", 0);
	struct history_listing listing = { .invocation = invocation,
					   .list = json_array(),
					   .csv = format && !strcmp(format, "csv"),
					   .left = last ? strtoul(last, NULL, 10) : SIZE_MAX };
	struct history_filter filter = { .kind = invocation->values[0],
					 .match = invocation_option(invocation, "match", 0) };

	bool filtered = filter.kind || filter.match || since;

	invocation->result = listing.list;
	if (since && !since_when(since, &filter.since_unix_s))
		return invocation_fail(invocation, STATUS_USAGE, "since",
				       "'%.60s' is no time: write 2h for the last two hours, or 2026-11-22, or "
				       "2026-11-22T10:30",
				       since);
	if (listing.csv)
		buf_printf(invocation->out, HISTORY_CSV_HEAD);
	phone_history(invocation->phone, &filter, on_history, &listing);
	phone_history_seen(invocation->phone);
	if (!listing.count && !listing.csv)
		buf_printf(invocation->out, filtered ? "no calls like that\n" : "no calls\n");
	return COMMAND_DONE;
}

const struct command people_commands[] = {
	{ .name = "contact add",
	  .group = "people",
	  .run = do_contact_add,
	  .arguments = { { .name = "NAME", .kind = ARG_WORD, .text = "how you call them" },
			 { .name = "TARGET", .kind = ARG_TARGET, .repeats = true, .text = "their address or number" } },
	  .options = { { .name = "kind",
			 .kind = ARG_WORD,
			 .choices = "work|home|mobile|fax",
			 .text = "which of their addresses this is: `call NAME/work` dials it" },
		       { .name = "prefer",
			 .kind = ARG_NUMBER,
			 .text = "1 (called first) to 100; else they stand in the order in which they came" } },
	  .summary = "give an address a name",
	  .text = "The name is then a TARGET. A contact may have 16 addresses: `call NAME` dials the preferred one, "
		  "`call NAME/work` the one of that kind, `call NAME/2` the second. What they have already is "
		  "changed, not added twice. Contacts are kept at once.",
	  .examples = { "contact add Bob sip:bob@biloxi.com", "contact add \"Carol Smith\" +1-555-0100",
			"contact add Bob +1-555-0100 kind=mobile" } },
	{ .name = "contact set",
	  .group = "people",
	  .run = do_contact_set,
	  .arguments = { { .name = "NAME", .kind = ARG_CONTACT, .text = "a contact" } },
	  .options = { { .name = "ring",
			 .kind = ARG_FILE,
			 .choices = RINGS "|off",
			 .text = "warble, bell, chime, beep, silent, or a sound file; off: as all others" },
		       { .name = "auto-answer",
			 .kind = ARG_CHOICE,
			 .choices = "on|progress|off|default",
			 .text = "whether calls from exactly their addresses are answered by themselves; "
				 "default: as call.auto-answer says" },
		       { .name = "speed", .kind = ARG_WORD, .text = "a number from 1 to 99 that dials them, or off" } },
	  .summary = "how a contact rings, whether it is answered by itself, its speed dial",
	  .text = "An address tells who calls as far as the caller says the truth: let only those be answered by "
		  "themselves whose calls come through a server that checks it. `call 7` dials whom speed=7 was "
		  "given. Address books never bring these three.",
	  .examples = { "contact set Bob speed=7", "contact set Bob ring=chime",
			"contact set Bob auto-answer=default" } },
	{ .name = "contact list",
	  .group = "people",
	  .run = do_contact_list,
	  .summary = "list the contacts",
	  .text = "By name, each with the word that dials it.",
	  .examples = { "contact list" } },
	{ .name = "contact remove",
	  .group = "people",
	  .run = do_contact_remove,
	  .arguments = { { .name = "NAME", .kind = ARG_CONTACT, .text = "a contact; NAME/KIND: one address of it" } },
	  .summary = "forget a contact, or one of its addresses",
	  .text = "At once. With its last address a contact is gone.",
	  .examples = { "contact remove Bob", "contact remove Bob/mobile" } },
	{ .name = "contact import",
	  .group = "people",
	  .run = do_contact_import,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "vCards, of version 4.0 or older" } },
	  .summary = "take contacts from an address book",
	  .text = "What has a sip: address or a number (IMPP, TEL) is taken, under its FN, with TYPE as the kind and "
		  "PREF as the preference of each address. What a contact of that name did not have is added to it.",
	  .examples = { "contact import friends.vcf" } },
	{ .name = "contact export",
	  .group = "people",
	  .run = do_contact_export,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "where to; what is there is replaced" } },
	  .summary = "write the contacts as vCards",
	  .text = "Version 4.0 (RFC 6350), a card a contact, with all of its addresses, their TYPE and PREF. How they "
		  "ring, auto-answer and speed dial stay here.",
	  .examples = { "contact export friends.vcf" } },
	{ .name = "history",
	  .group = "people",
	  .run = do_history,
	  .arguments = { { .name = "KIND",
			   .kind = ARG_CHOICE,
			   .choices = "missed|in|out|answered|failed",
			   .optional = true,
			   .text = "only these" } },
	  .options = { { .name = "since",
			 .kind = ARG_WORD,
			 .text = "2h (the last two hours), 2026-11-22 or 2026-11-22T10:30" },
		       { .name = "match",
			 .kind = ARG_PATTERN,
			 .text = "a part of the name or address, or a shell pattern" },
		       { .name = "last", .kind = ARG_NUMBER, .text = "no more than so many, the newest" },
		       { .name = "format", .kind = ARG_CHOICE, .choices = "text|csv", .text = "how it is printed" } },
	  .summary = "list the calls of the past",
	  .text = "The newest first, each with a number: `redial NUMBER` calls whoever it was. They are kept in "
		  "history.db; history.keep says how many. Whoever has seen this has seen the missed calls: "
		  "calls.missed counts from here.",
	  .examples = { "history", "history missed since=24h", "history out match=biloxi last=5",
			"history format=csv" } },
};
const size_t people_command_count = ARRAY_LEN(people_commands);
