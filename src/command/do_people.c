/* Names for addresses. */
#include "base/utf8.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

/* Several targets under one name: the phone keeps one, so each but the first gets a number behind the name. */
static enum command_result do_contact_add(struct invocation *invocation)
{
	bool good = true;

	for (size_t i = 0; good && i < invocation->rest_count; i++) {
		struct buf name;
		buf_init(&name, 1024);
		buf_printf(&name, "%s", invocation->values[0]);
		if (i)
			buf_printf(&name, " %zu", i + 1);
		good = phone_contact_add(invocation->phone, buf_slice(&name), slice_of(invocation->rest[i]),
					 &invocation->failure);
		buf_fini(&name);
	}
	return invocation_end(invocation, good);
}

struct listing {
	struct invocation *invocation;
	json_t *list;
};

static void on_contact(void *arg, const char *name, const char *target)
{
	struct listing *listing = arg;

	buf_printf(listing->invocation->out, "%-24s %s\n", name, target);
	json_array_append_new(listing->list, json_pack("{s:s, s:s}", "name", name, "target", target));
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
			      json_pack("{s:i, s:I, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s}", "entry", (int)row->number,
					"time", (json_int_t)row->unix_s, "direction", row->incoming ? "in" : "out",
					"how", row->how, "seconds", (int)row->seconds, "code", (int)row->code,
					"account", row->account, "address", row->uri, "name", row->name, "why",
					row->why));
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
		buf_printf(invocation->out, "no calls\n");
	return COMMAND_DONE;
}

const struct command people_commands[] = {
	{ .name = "contact add",
	  .group = "people",
	  .run = do_contact_add,
	  .arguments = { { .name = "NAME", .kind = ARG_WORD, .text = "how you call them" },
			 { .name = "TARGET", .kind = ARG_TARGET, .repeats = true, .text = "their address or number" } },
	  .summary = "give an address a name",
	  .text = "The name is then a TARGET; a short one dials fast (`contact add 7 sip:bob@biloxi.com`, `call 7`). "
		  "Of several targets the second is kept as `NAME 2`, and so on. Contacts are kept at once.",
	  .examples = { "contact add Bob sip:bob@biloxi.com", "contact add \"Carol Smith\" +1-555-0100" } },
	{ .name = "contact list",
	  .group = "people",
	  .run = do_contact_list,
	  .summary = "list the contacts",
	  .text = "By name.",
	  .examples = { "contact list" } },
	{ .name = "contact remove",
	  .group = "people",
	  .run = do_contact_remove,
	  .arguments = { { .name = "NAME", .kind = ARG_CONTACT, .text = "a contact" } },
	  .summary = "forget a contact",
	  .text = "At once.",
	  .examples = { "contact remove Bob" } },
	{ .name = "contact import",
	  .group = "people",
	  .run = do_contact_import,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "vCards, of version 4.0 or older" } },
	  .summary = "take contacts from an address book",
	  .text = "What has a sip: address or a number is taken, under its FN; of several addresses the second becomes "
		  "`NAME 2`, and so on. A contact of that name is changed.",
	  .examples = { "contact import friends.vcf" } },
	{ .name = "contact export",
	  .group = "people",
	  .run = do_contact_export,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "where to; what is there is replaced" } },
	  .summary = "write the contacts as vCards",
	  .text = "Version 4.0 (RFC 6350). `NAME 2` stands in the card of NAME.",
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
