#include "base/xmalloc.h"
#include "phone/watch.h"

#include <inttypes.h>

struct watch *subscriptions_find(const struct subscriptions *all, const char *uri, enum package package)
{
	LIST_EACH(&all->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);
		if (watch->package == package && !strcmp(watch->uri, uri) && !watch->stopping)
			return watch;
	}
	return NULL;
}

const struct dialog_row *watch_best_row(const struct watch *watch)
{
	const struct dialog_row *best = NULL;

	for (size_t i = 0; i < WATCH_TABLES_MAX; i++) {
		const struct dialog_row *row = dialog_table_best(&watch->tables[i]);
		if (row && (!best || (row->state == DIALOG_EARLY && !row->initiator)))
			best = row;
	}
	return best;
}

void subscriptions_show(const struct subscriptions *all, struct buf *out)
{
	LIST_EACH(&all->watches, node) {
		const struct watch *watch = LIST_ENTRY(node, struct watch, node);
		int64_t wait_us = watch->retry_at_us - all->phone->timers->now_us;
		bool waits = subscription_state(watch->subscription) == SUBSCRIPTION_WAITING && wait_us > 0;
		buf_printf(out, "  %-16s %-10s %6" PRIu32 " s  %s%s%s\n", watch_package_name(watch->package),
			   watch->stopping ? "ending"
					   : subscription_state_name(subscription_state(watch->subscription)),
			   waits ? (uint32_t)((wait_us + SECOND_US - 1) / SECOND_US)
				 : subscription_left(watch->subscription),
			   watch->name, *watch->name ? " " : "", watch->uri);
	}
}

/* That their line is busy says more than what they have published. */
bool phone_seen(const struct phone *phone, const char *name, struct buf *out)
{
	const char *shown = NULL;

	LIST_EACH(&phone->subscriptions->watches, node) {
		const struct watch *watch = LIST_ENTRY(node, struct watch, node);
		if (!*watch->name || strcmp(watch->name, name) != 0)
			continue;
		const struct dialog_row *row = watch->package == PACKAGE_DIALOG ? watch_best_row(watch) : NULL;
		if (row && row->state == DIALOG_CONFIRMED)
			shown = "on the phone";
		else if (row && row->state == DIALOG_EARLY && !row->initiator)
			shown = "rings";
		else if (watch->shown && !shown)
			shown = watch->shown;
	}
	if (shown)
		buf_printf(out, "%s", shown);
	return shown != NULL;
}

/* "call-id;to-tag=..;from-tag=.." of a document. @return false: it holds what no header field can */
static bool print_dialog(struct buf *to, const char *call_id, const char *to_tag, const char *from_tag)
{
	char *value = xasprintf("%s;to-tag=%s;from-tag=%s", call_id, to_tag, from_tag);
	struct sip_replaces read;
	bool good = sip_replaces_parse(slice_of(value), &read) && slice_eq(read.to_tag, slice_of(to_tag)) &&
		    slice_eq(read.from_tag, slice_of(from_tag));

	if (good)
		buf_printf(to, "%s", value);
	free(value);
	return good;
}

static bool is_named(const struct dialog_row *row)
{
	return *row->call_id && *row->local_tag && *row->remote_tag;
}

bool subscriptions_ringing(const struct subscriptions *all, const char *uri, struct buf *target, struct buf *replaces)
{
	const struct watch *watch = subscriptions_find(all, uri, PACKAGE_DIALOG);
	const struct dialog_row *row = watch ? watch_best_row(watch) : NULL;

	if (!row || row->state != DIALOG_EARLY || row->initiator || !is_named(row) ||
	    (!*row->remote_target && !*row->remote_identity))
		return false;
	/* Only the caller may let an early dialog be replaced: to-tag is his (RFC 3891 3). */
	if (!print_dialog(replaces, row->call_id, row->remote_tag, row->local_tag))
		return false;
	buf_printf(replaces, ";early-only");
	buf_printf(target, "%s", *row->remote_target ? row->remote_target : row->remote_identity);
	return true;
}

/* The call that the line is in, by any of its forks. */
static const struct dialog_row *confirmed_row(const struct watch *watch)
{
	for (size_t i = 0; i < WATCH_TABLES_MAX; i++) {
		const struct dialog_row *row = dialog_table_confirmed(&watch->tables[i]);
		if (row)
			return row;
	}
	return NULL;
}

bool subscriptions_talking(const struct subscriptions *all, const char *uri, struct buf *target, struct buf *join,
			   struct failure *failure)
{
	const struct watch *watch = subscriptions_find(all, uri, PACKAGE_DIALOG);
	const struct dialog_row *row = watch ? confirmed_row(watch) : NULL;

	if (!watch)
		return fail(failure, STATUS_CALL, "not-subscribed",
			    "the line of %s is not watched: `subscribe %s package=dialog` does it", uri, uri);
	if (!row)
		return fail(failure, STATUS_CALL, "no-call", "%s is in no call now, as far as is told", uri);
	if (!is_named(row) || !print_dialog(join, row->call_id, row->local_tag, row->remote_tag))
		return fail(failure, STATUS_CALL, "no-name",
			    "%s does not say which call it is in (Call-ID and tags), so it cannot be joined; many "
			    "phones tell "
			    "only those who watch them through their server",
			    uri);
	/* Whom we watch mixes: the address that we know him by, not what a document says. */
	buf_printf(target, "%s", uri);
	return true;
}
