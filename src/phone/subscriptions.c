#include "base/xmalloc.h"
#include "bodies/dialog_info.h"
#include "bodies/pidf.h"
#include "bodies/reginfo.h"
#include "bodies/summary.h"
#include "phone/watch.h"

#include <inttypes.h>

enum {
	WATCHES_MAX = 256,
	EXPIRES_S = 3600,
	WHOLE_PAUSE_S = 10, /* between two requests for a whole document: some servers never send one */
};

static const struct {
	const char *name, *accept, *type, *subtype;
	bool forks;
} packages[] = {
	[PACKAGE_PRESENCE] = { "presence", PIDF_TYPE, "application", "pidf+xml", false },
	[PACKAGE_DIALOG] = { "dialog", DIALOG_INFO_TYPE, "application", "dialog-info+xml", true },
	[PACKAGE_SUMMARY] = { "message-summary", SUMMARY_TYPE, "application", "simple-message-summary", true },
	[PACKAGE_REG] = { "reg", REGINFO_TYPE, "application", "reginfo+xml", false },
};

const char *watch_package_name(enum package package)
{
	return packages[package].name;
}

struct subscriptions *subscriptions_new(struct phone *phone)
{
	struct subscriptions *all = xcalloc(1, sizeof *all);

	all->phone = phone;
	list_init(&all->watches);
	return all;
}

static void watch_free(struct watch *watch)
{
	if (watch->mailbox_of)
		watch->mailbox_of->mailbox = NULL;
	timer_stop(watch->all->phone->timers, &watch->whole);
	watch->all->count--;
	list_remove(&watch->node);
	subscription_free(watch->subscription);
	for (size_t i = 0; i < WATCH_TABLES_MAX; i++)
		dialog_table_fini(&watch->tables[i]);
	free(watch->uri);
	free(watch->name);
	free(watch->account_name);
	free(watch->said);
	free(watch->shown);
	free(watch);
}

void subscriptions_free(struct subscriptions *all)
{
	LIST_EACH(&all->watches, node)
		watch_free(LIST_ENTRY(node, struct watch, node));
	free(all);
}

/* ---- events ---- */

static struct event *watch_event(struct watch *watch, enum event_kind kind)
{
	struct event *event = events_add(watch->all->phone->events, kind, 0);

	event_text(event, "from", slice_of(watch->uri));
	event_text(event, "name", slice_of(watch->name));
	event_text(event, "account", slice_of(watch->account_name));
	return event;
}

/* The same words again are no news. */
static bool is_news(struct watch *watch, const char *words)
{
	if (watch->said && !strcmp(watch->said, words))
		return false;
	xreplace(&watch->said, words);
	return true;
}

static unsigned tell_presence(struct watch *watch, struct slice body)
{
	struct pidf pidf;

	if (pidf_read(body, &pidf))
		return 400;
	char *words = xasprintf("%d %s", pidf.presence, pidf.note);
	if (is_news(watch, words)) {
		struct event *event = watch_event(watch, EVENT_PRESENCE);
		free(watch->shown);
		watch->shown = xasprintf("%s%s%s", presence_name(pidf.presence), *pidf.note ? " " : "", pidf.note);
		event_text(event, "state", slice_of(presence_name(pidf.presence)));
		event_text(event, "text", slice_of(pidf.note));
	}
	free(words);
	return 0;
}

static void tell_line(struct watch *watch)
{
	const struct dialog_row *row = watch_best_row(watch);
	const char *state = row ? dialog_row_state_name(row->state) : "terminated";
	char *words = xasprintf("%s %d %s", state, row && row->initiator, row ? row->remote_identity : "");

	if (is_news(watch, words)) {
		struct event *event = watch_event(watch, EVENT_DIALOG_INFO);
		event_text(event, "state", slice_of(state));
		if (row && row->has_direction)
			event_text(event, "direction", row->initiator ? SLICE("out") : SLICE("in"));
		if (row)
			event_text(event, "peer", slice_of(row->remote_identity));
	}
	free(words);
}

static void ask_for_whole(void *arg)
{
	struct watch *watch = arg;

	watch->whole_us = watch->all->phone->timers->now_us + WHOLE_PAUSE_S * SECOND_US;
	subscription_refresh(watch->subscription);
}

static unsigned take_dialogs(struct watch *watch, int branch, struct slice body)
{
	struct dialog_table *table = &watch->tables[branch < WATCH_TABLES_MAX ? branch : WATCH_TABLES_MAX - 1];
	enum err err = dialog_table_take(table, body);

	/* One that came late says nothing any more, and is no fault (4.3). */
	if (err)
		return err == ERR_STATE ? 0 : 400;
	struct timers *timers = watch->all->phone->timers;
	if (table->gap && !timer_running(&watch->whole))
		timer_start(timers, &watch->whole,
			    watch->whole_us > timers->now_us ? watch->whole_us - timers->now_us : 0, ask_for_whole,
			    watch);
	tell_line(watch);
	return 0;
}

static void tell_mailbox(struct event *event, const struct summary *summary)
{
	event_text(event, "state", summary->waiting ? SLICE("waiting") : SLICE("none"));
	if (summary->has_counts) {
		event_number(event, "new", summary->fresh);
		event_number(event, "old", summary->old);
	}
}

static void keep_mailbox(struct account *account, const struct summary *summary)
{
	account->voicemail.known = true;
	account->voicemail.waiting = summary->waiting;
	account->voicemail.has_counts = summary->has_counts;
	account->voicemail.fresh = summary->fresh;
	account->voicemail.old = summary->old;
}

static char *mailbox_words(const struct summary *summary)
{
	return xasprintf("%d %d %" PRIu32 " %" PRIu32, summary->waiting, summary->has_counts, summary->fresh,
			 summary->old);
}

static unsigned take_summary(struct watch *watch, struct slice body)
{
	struct summary summary;

	if (summary_read(body, &summary))
		return 400;
	char *words = mailbox_words(&summary);
	if (watch->mailbox_of)
		keep_mailbox(watch->mailbox_of, &summary);
	if (is_news(watch, words))
		tell_mailbox(watch_event(watch, EVENT_VOICEMAIL), &summary);
	free(words);
	return 0;
}

static unsigned tell_registration(struct watch *watch, struct slice body)
{
	struct reginfo *reginfo = xcalloc(1, sizeof *reginfo);
	struct buf contacts;

	if (reginfo_read(body, reginfo)) {
		free(reginfo);
		return 400;
	}
	buf_init(&contacts, 8192);
	for (size_t i = 0; i < reginfo->count; i++)
		if (reginfo->contacts[i].active)
			buf_printf(&contacts, "%s%s", contacts.n ? " " : "", reginfo->contacts[i].uri);
	char *words = xasprintf("%d %s", reginfo->active, buf_text(&contacts));
	if (is_news(watch, words)) {
		struct event *event = watch_event(watch, EVENT_REG);
		event_text(event, "state", reginfo->active ? SLICE("active") : SLICE("terminated"));
		event_text(event, "contacts", buf_slice(&contacts));
	}
	free(words);
	free(reginfo);
	buf_fini(&contacts);
	return 0;
}

/* ---- what the subscription says ---- */

/* A NOTIFY as it came, for packages and texts that nobody here understands better. */
static void tell_notify(struct watch *watch, const struct sip_message *notify, const struct package_state *state)
{
	struct event *event = watch_event(watch, EVENT_NOTIFY);

	event_text(event, "package", slice_of(watch_package_name(watch->package)));
	event_text(event, "state", slice_of(subscription_state_name(state->state)));
	event_text(event, "reason", state->reason);
	event_text(event, "type", sip_message_value(notify, SIP_HEADER_CONTENT_TYPE));
	event_lines(event, "body", notify->body);
}

static void tell_subscribed(struct watch *watch, const struct package_state *state)
{
	/* Pending, and active after that, are news; refreshes are not. */
	if (state->state == SUBSCRIPTION_TERMINATED || state->state == watch->told)
		return;
	watch->told = state->state;
	struct event *event = watch_event(watch, EVENT_SUBSCRIBED);
	event_text(event, "package", slice_of(watch_package_name(watch->package)));
	event_text(event, "state", slice_of(subscription_state_name(state->state)));
	event_number(event, "expires", subscription_left(watch->subscription));
}

static unsigned on_notify(void *arg, struct subscription *subscription, int branch, const struct sip_message *notify,
			  const struct package_state *state)
{
	struct watch *watch = arg;
	unsigned status = 0;

	(void)subscription;
	watch->settled = true;
	tell_subscribed(watch, state);
	tell_notify(watch, notify, state);
	if (!notify->body.n)
		return 0;
	if (!sip_message_has_body(notify, packages[watch->package].type, packages[watch->package].subtype))
		return 415;
	switch (watch->package) {
	case PACKAGE_PRESENCE:
		status = tell_presence(watch, notify->body);
		break;
	case PACKAGE_DIALOG:
		status = take_dialogs(watch, branch, notify->body);
		break;
	case PACKAGE_SUMMARY:
		status = take_summary(watch, notify->body);
		break;
	default:
		status = tell_registration(watch, notify->body);
		break;
	}
	return status;
}

/* A sentence where no response says why. */
static const char *end_words(const char *reason, const struct outcome *outcome)
{
	const char *local = explain_local_cause(outcome);

	if (!strcmp(reason, "silent"))
		return "it was accepted, but no NOTIFY came";
	if (!strcmp(reason, "expired"))
		return "it has expired";
	return local;
}

static void tell_failed(struct watch *watch, const struct outcome *outcome, const char *reason, int64_t retry_us)
{
	const char *package = watch_package_name(watch->package), *words = end_words(reason, outcome);
	bool refused = outcome->response && outcome->status >= 300;
	char *text = clean(words ? slice_of(words) : refused ? outcome->reason : slice_of(reason));
	struct event *event = watch_event(watch, EVENT_SUBSCRIBE_FAILED);

	watch->settled = true;
	event_text(event, "package", slice_of(package));
	if (outcome->status >= 300)
		event_number(event, "code", outcome->status);
	event_text(event, "reason", slice_of(text));
	event_text(event, "cause",
		   slice_of(outcome->cause == CAUSE_NONE || outcome->cause == CAUSE_RESPONSE
				    ? "refused"
				    : cause_name(outcome->cause)));
	event_number(event, "retry", retry_us > 0 ? (double)((retry_us + SECOND_US - 1) / SECOND_US) : 0);
	watch->retry_at_us = retry_us > 0 ? watch->all->phone->timers->now_us + retry_us : 0;
	if (refused || (words && words == explain_local_cause(outcome)))
		phone_note_outcome(watch->all->phone, outcome, watch->account_name, text, "%s of %s cannot be watched",
				   package, watch->uri);
	else
		phone_note_failure(watch->all->phone, "%s of %s cannot be watched: %s", package, watch->uri, text);
	free(text);
}

static void on_ended(void *arg, struct subscription *subscription, const struct outcome *outcome, const char *reason,
		     int64_t retry_us)
{
	struct watch *watch = arg;
	bool ours = watch->stopping || (watch->once && outcome->status == 200);

	(void)subscription;
	watch->told = SUBSCRIPTION_WAITING;
	timer_stop(watch->all->phone->timers, &watch->whole);
	for (size_t i = 0; i < WATCH_TABLES_MAX; i++) {
		dialog_table_fini(&watch->tables[i]);
		dialog_table_init(&watch->tables[i]);
	}
	/* What begins again at once is nothing to worry about. */
	if (!ours && retry_us != 0)
		tell_failed(watch, outcome, reason, retry_us);
	if (retry_us < 0)
		watch_free(watch);
}

/* ---- beginning and ending ---- */

static bool find_package(const char *name, enum package *package)
{
	for (int i = 0; i < PACKAGES; i++)
		if (!strcmp(packages[i].name, name)) {
			*package = (enum package)i;
			return true;
		}
	return false;
}

static struct watch *begin(struct subscriptions *all, const struct account *account, const char *uri,
			   enum package package, uint32_t expires, enum err *err)
{
	struct phone *phone = all->phone;
	struct watch *watch = xcalloc(1, sizeof *watch);
	const char *name = contacts_name_of(phone->contacts, slice_of(uri));
	struct identity identity;
	struct address local;
	char nobody[160];

	phone_local_towards(phone, uri, &local);
	identity_of(phone, account, &local, nobody, &identity);
	watch->all = all;
	watch->package = package;
	watch->once = !expires;
	watch->uri = xstrdup(uri);
	watch->name = xstrdup(name ? name : "");
	watch->account_name = xstrdup(account ? account->name : "");
	for (size_t i = 0; i < WATCH_TABLES_MAX; i++)
		dialog_table_init(&watch->tables[i]);
	list_append(&all->watches, &watch->node);
	all->count++;
	watch->subscription =
		subscription_new(phone->ua,
				 &(struct subscription_config){ .identity = &identity,
								.target = slice_of(uri),
								.event = slice_of(watch_package_name(package)),
								.accept = slice_of(packages[package].accept),
								.expires = expires,
								.forks = packages[package].forks,
								.keep = true,
								.handlers = { NULL, on_notify, on_ended, watch } },
				 err);
	if (watch->subscription)
		return watch;
	watch_free(watch);
	return NULL;
}

/* What is told already goes on as it is; of what is not, the news may be better now. */
static void ask_again(struct watch *watch)
{
	watch->settled = watch->told != SUBSCRIPTION_WAITING;
	subscription_refresh(watch->subscription);
}

bool phone_subscribe(struct phone *phone, struct slice to, const char *package_name, const char *from,
		     uint32_t expires_s, char **uri, struct failure *failure)
{
	struct subscriptions *all = phone->subscriptions;
	enum package package = PACKAGE_PRESENCE;
	struct account *account;
	struct target target;
	enum err err = ERR_NONE;

	if (package_name && !find_package(package_name, &package))
		return fail(failure, STATUS_USAGE, "package",
			    "'%s' is no package: presence, dialog, message-summary or reg", package_name);
	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if (!account_for(phone, from, &account, failure) || !phone_needs_start(phone, failure) ||
	    !target_read(phone, to, account, &target, failure))
		return false;
	struct watch *watch = subscriptions_find(all, target.uri, package);
	bool good = true;
	if (target.is_echo)
		good = fail(failure, STATUS_USAGE, "echo", "the echo test takes calls only");
	else if (watch)
		ask_again(watch);
	else if (all->count >= WATCHES_MAX)
		good = fail(failure, STATUS_USAGE, "full", "%d things are watched already", WATCHES_MAX);
	else if (!begin(all, account, target.uri, package, expires_s, &err))
		good = fail(failure, STATUS_CALL, err_name(err), "SUBSCRIBE cannot be sent: %s", err_text(err));
	if (good)
		*uri = xstrdup(target.uri);
	target_fini(&target);
	return good;
}

bool phone_subscribe_under_way(const struct phone *phone, const char *uri, const char *package_name)
{
	enum package package;
	const struct watch *watch =
		find_package(package_name, &package) ? subscriptions_find(phone->subscriptions, uri, package) : NULL;

	return watch && !watch->settled;
}

static void stop(struct watch *watch)
{
	watch->stopping = true;
	subscription_stop(watch->subscription);
}

bool phone_unsubscribe(struct phone *phone, struct slice to, const char *package_name, struct failure *failure)
{
	enum package package = PACKAGE_PRESENCE;
	struct target target = { 0 };
	bool all = slice_eq(to, SLICE("all")), any = all;

	if (package_name && !find_package(package_name, &package))
		return fail(failure, STATUS_USAGE, "package",
			    "'%s' is no package: presence, dialog, message-summary or reg", package_name);
	if (!all && !target_read(phone, to, phone->default_account, &target, failure))
		return false;
	LIST_EACH(&phone->subscriptions->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);
		if (watch->stopping || watch->mailbox_of || (package_name && watch->package != package) ||
		    (!all && strcmp(watch->uri, target.uri) != 0))
			continue;
		any = true;
		stop(watch);
	}
	if (!all)
		target_fini(&target);
	return any || fail(failure, STATUS_USAGE, "not-subscribed",
			   "nothing of %.*s is watched: `show subscriptions` lists what is", SLICE_ARG(to));
}

/* ---- mailboxes ---- */

void subscriptions_account(struct account *account, bool registered)
{
	struct subscriptions *all = account->phone->subscriptions;
	struct failure failure;
	struct target target;
	enum err err = ERR_NONE;

	if (account->mailbox) {
		struct watch *watch = account->mailbox;
		watch->mailbox_of = NULL;
		account->mailbox = NULL;
		stop(watch);
	}
	account->voicemail.known = false;
	if (!registered || !account->voicemail.address || account->phone->shutting_down)
		return;
	struct slice address = slice_of(account->voicemail.address);
	if (slice_eq(address, SLICE("on")))
		address = slice_of(account->uri);
	if (!target_read(account->phone, address, account, &target, &failure)) {
		log_line(account->phone->log, LOG_ERROR, "account %s: voicemail: %s", account->name, failure.text);
		return;
	}
	struct watch *watch = begin(all, account, target.uri, PACKAGE_SUMMARY, EXPIRES_S, &err);
	if (watch)
		watch->mailbox_of = account;
	else
		log_line(account->phone->log, LOG_ERROR, "account %s: voicemail cannot be watched: %s", account->name,
			 err_text(err));
	account->mailbox = watch;
	target_fini(&target);
}

unsigned subscriptions_stray(struct subscriptions *all, const struct sip_message *notify,
			     const struct sip_source *source)
{
	struct account *account = account_of_request(all->phone, notify, source);
	struct package_event event;
	struct summary summary;

	if (!account || !account_is_server(account, &source->remote) || !package_event_of(notify, &event) ||
	    !slice_eq(event.name, SLICE("message-summary")) ||
	    !sip_message_has_body(notify, "application", "simple-message-summary"))
		return 481;
	if (summary_read(notify->body, &summary))
		return 400;
	bool news = !account->voicemail.known || account->voicemail.waiting != summary.waiting ||
		    account->voicemail.fresh != summary.fresh || account->voicemail.old != summary.old;
	keep_mailbox(account, &summary);
	if (news) {
		struct event *told = events_add(all->phone->events, EVENT_VOICEMAIL, 0);
		event_text(told, "from", slice_of(account->uri));
		event_text(told, "account", slice_of(account->name));
		tell_mailbox(told, &summary);
	}
	return 200;
}

/* ---- all of them ---- */

void subscriptions_moved(struct subscriptions *all)
{
	LIST_EACH(&all->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);
		if (!watch->stopping)
			subscription_refresh(watch->subscription);
	}
}

void subscriptions_shut_down(struct subscriptions *all)
{
	LIST_EACH(&all->watches, node) {
		struct watch *watch = LIST_ENTRY(node, struct watch, node);
		if (!watch->stopping)
			stop(watch);
	}
}

bool subscriptions_quiet(const struct subscriptions *all)
{
	return list_empty(&all->watches);
}
