#include "phone/presence.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "bodies/dialog_info.h"
#include "phone/phone_internal.h"
#include "sip/ua/dialog.h"
#include "sip/ua/notifier.h"
#include "sip/ua/publication.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	EXPIRES_S = 3600,
	LEAST_S = 30,
	ROWS_MAX = 32,
	NOTE_MAX = 400,
	ASKING_MAX = 8,      /* that wait for our user's word */
	ASKING_OF_HOST = 2,  /* of those, of one host */
	ASK_AGAIN_S = 600,   /* told to those who had to make room */
};

/* Somebody who watches us. */
struct watcher {
	struct list_node node;
	struct presence_desk *desk;
	struct notifier *notifier;
	bool of_calls; /* package dialog */
	bool trusted;  /* our own server, or another program of our user */
	unsigned number; /* for `accept-watcher` */
	bool asking;   /* our user has not said whether they may */
	struct address host;
	uint32_t version;
	char *who, *entity;
};

/* What is published of an account. */
struct published {
	struct list_node node;
	struct presence_desk *desk;
	struct publication *publication;
	char *account_name, *entity;
	bool told, ending;
	bool settled; /* it is known how the last `publish` ended */
};

struct presence_desk {
	struct phone *phone;
	enum presence presence;
	char *text;
	struct list watchers, published;
	unsigned last_watcher;
	bool calls_changed;
};

/* ---- life ---- */

struct presence_desk *presence_new(struct phone *phone)
{
	struct presence_desk *desk = xcalloc(1, sizeof *desk);

	desk->phone = phone;
	desk->presence = PRESENCE_AVAILABLE;
	desk->text = xstrdup("");
	list_init(&desk->watchers);
	list_init(&desk->published);
	return desk;
}

static void watcher_free(struct watcher *watcher)
{
	list_remove(&watcher->node);
	free(watcher->who);
	free(watcher->entity);
	free(watcher);
}

static void published_free(struct published *published)
{
	list_remove(&published->node);
	publication_free(published->publication);
	free(published->account_name);
	free(published->entity);
	free(published);
}

void presence_free(struct presence_desk *desk)
{
	LIST_EACH(&desk->watchers, node) {
		struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		notifier_end(watcher->notifier, "noresource", 0);
		watcher_free(watcher);
	}
	LIST_EACH(&desk->published, node)
		published_free(LIST_ENTRY(node, struct published, node));
	free(desk->text);
	free(desk);
}

enum presence presence_now(const struct presence_desk *desk)
{
	return desk->presence;
}

const char *presence_text(const struct presence_desk *desk)
{
	return desk->text;
}

/* ---- what is told ---- */

static void write_presence(const struct presence_desk *desk, const char *entity, struct buf *body)
{
	struct pidf pidf = { .presence = desk->presence };

	snprintf(pidf.entity, sizeof pidf.entity, "%s", entity);
	snprintf(pidf.note, sizeof pidf.note, "%s", desk->text);
	pidf_write(&pidf, slice_of(entity), body);
}

static enum dialog_row_state row_state(const struct call *call)
{
	switch (call->state) {
	case CALL_DIALLING:
		return DIALOG_TRYING;
	case CALL_TRYING:
		return DIALOG_PROCEEDING;
	case CALL_RINGING:
	case CALL_EARLY:
	case CALL_INCOMING:
		return DIALOG_EARLY;
	case CALL_ANSWERED:
	case CALL_HELD:
		return DIALOG_CONFIRMED;
	default:
		return DIALOG_TERMINATED;
	}
}

/* Our Contact in this call; "" for calls out. */
static char *own_target(struct call *call)
{
	const struct account *account = account_find(call->phone, slice_of(call->account_name));
	struct identity identity;
	char nobody[160], host[ADDRESS_TEXT];
	struct buf uri;

	if (!call->incoming || !address_is_set(&call->local))
		return xstrdup("");
	identity_of(call->phone, account, &call->local, nobody, &identity);
	buf_init(&uri, 1024);
	buf_printf(&uri, "sip:");
	sip_escape_user(&uri, slice_of(account ? account->user : "offhook"));
	buf_printf(&uri, "@%s", address_print(identity.has_contact ? &identity.contact : &call->local, host));
	return buf_take(&uri);
}

/* Whoever knows a dialog's identifiers can take its call over by Replaces (RFC 3891 8), and From is only what somebody
 * says of himself: others than our server and our own programs get those of calls that ring here, for pickup. */
static void fill_row(const struct watcher *watcher, struct call *call, struct dialog_row *row)
{
	const struct dialog *dialog = call->session ? session_dialog(call->session) : NULL;
	static char none[] = "";
	bool named = watcher->trusted || (call->incoming && row_state(call) == DIALOG_EARLY);

	*row = (struct dialog_row){ .state = row_state(call),
				    .initiator = !call->incoming,
				    .has_direction = true,
				    .id = call->id,
				    .call_id = !named ? none : dialog ? dialog->call_id : call->call_id,
				    .local_tag = named && dialog ? dialog->local_tag : none,
				    .remote_tag = named && dialog ? dialog->remote_tag : none,
				    .local_identity = call->account_uri,
				    .local_target = own_target(call),
				    .remote_identity = call->uri,
				    .remote_display = call->name,
				    .remote_target = dialog ? dialog->remote_target : none };
}

static void write_dialogs(struct watcher *watcher, struct buf *body)
{
	struct dialog_row rows[ROWS_MAX] = { 0 };
	size_t count = 0;

	LIST_EACH(&watcher->desk->phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (!call->is_echo && !call->ended && count < ROWS_MAX)
			fill_row(watcher, call, &rows[count++]);
	}
	dialog_info_write(rows, count, watcher->version++, slice_of(watcher->entity), body);
	for (size_t i = 0; i < count; i++)
		free(rows[i].local_target);
}

static void on_state(void *arg, struct notifier *notifier, struct buf *body, struct slice *type)
{
	struct watcher *watcher = arg;

	(void)notifier;
	if (watcher->asking)
		return;
	if (watcher->of_calls) {
		write_dialogs(watcher, body);
		*type = SLICE(DIALOG_INFO_TYPE);
	} else {
		write_presence(watcher->desk, watcher->entity, body);
		*type = SLICE(PIDF_TYPE);
	}
}

static void on_watcher_ended(void *arg, struct notifier *notifier)
{
	(void)notifier;
	watcher_free(arg);
}

enum admission { ADMIT, ASK, REFUSE };

/*
 * Whom we talk to is nobody's business but our own server's and this machine's. Others only say who they are: a person
 * decides about them, or has said that contacts are believed. Who is no contact, where call.accept lets in those that
 * are known, is not asked about.
 */
static enum admission may_watch_calls(const struct phone *phone, const struct account *account, const char *who,
				      const struct sip_source *source)
{
	const char *policy = settings_text(account_settings(phone, account, "call.watchers"), "call.watchers");
	bool known = contacts_name_of(phone->contacts, slice_of(who)) != NULL;

	if (address_is_loopback(&source->remote) || (account && account_is_server(account, &source->remote)))
		return ADMIT;
	if (!strcmp(policy, "off") ||
	    (!known && strcmp(settings_text(phone->settings, "call.accept"), "any") != 0))
		return REFUSE;
	return known && !strcmp(policy, "known") ? ADMIT : ASK;
}

/* Another phone of this user on this machine, and nobody behind it: what came through a proxy has two Vias. */
static bool is_ourselves(const struct sip_message *request, const struct sip_source *source)
{
	struct sip_values values;
	struct slice via;

	sip_values_begin(&values, request, SIP_HEADER_VIA);
	bool straight = sip_values_next(&values, &via) && !sip_values_next(&values, &via);
	return straight && net_is_own_user(&source->remote, source->flow != NULL);
}

static void send_away(struct watcher *watcher, const char *reason, uint32_t retry_after)
{
	notifier_end(watcher->notifier, reason, retry_after);
	watcher_free(watcher);
}

/* The oldest that waits for our user's word, of this host (NULL: of any), when there are so many. */
static struct watcher *oldest_asking(const struct presence_desk *desk, const struct address *host, size_t many)
{
	struct watcher *oldest = NULL;
	size_t count = 0;

	LIST_EACH(&desk->watchers, node) {
		struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		if (!watcher->asking || (host && !address_same_host(&watcher->host, host)))
			continue;
		oldest = oldest ? oldest : watcher;
		count++;
	}
	return count >= many ? oldest : NULL;
}

/* One host does not push out others; where there are too many of them, who has waited longest comes again later. */
static void make_room(struct presence_desk *desk, const struct address *host)
{
	struct watcher *watcher = oldest_asking(desk, host, ASKING_OF_HOST);

	watcher = watcher ? watcher : oldest_asking(desk, NULL, ASKING_MAX);
	if (watcher)
		send_away(watcher, "giveup", ASK_AGAIN_S);
}

static void ask(struct watcher *watcher, const struct account *account)
{
	struct event *event = events_add(watcher->desk->phone->events, EVENT_WATCH_REQUEST, 0);

	event_number(event, "watcher", watcher->number);
	event_text(event, "from", slice_of(watcher->who));
	event_text(event, "account", slice_of(account ? account->name : ""));
	event_text(event, "package", watcher->of_calls ? SLICE("dialog") : SLICE("presence"));
}

/* Who it is: as our own server vouches for, else as they say. */
static char *who_asks(const struct phone *phone, const struct sip_message *request, const struct sip_source *source)
{
	const struct sip_address *asserted = account_trusts(phone, source) ? asserted_identity(request) : NULL;

	return peer_uri(asserted ? asserted->uri.text : sip_message_from(request)->uri.text);
}

unsigned presence_take(struct presence_desk *desk, struct server_transaction *st, struct sip_message *request,
		       const struct sip_source *source)
{
	struct account *account = account_of_request(desk->phone, request, source);
	struct package_event event;
	struct identity identity;
	char nobody[160];
	bool of_calls = package_event_of(request, &event) && slice_eq(event.name, SLICE("dialog"));
	unsigned status;

	if (!sip_message_accepts(request, "application", of_calls ? "dialog-info+xml" : "pidf+xml"))
		return 406;
	char *who = who_asks(desk->phone, request, source);
	enum admission admission = of_calls ? may_watch_calls(desk->phone, account, who, source) : ADMIT;
	if (admission == REFUSE) {
		free(who);
		return 403;
	}
	if (admission == ASK)
		make_room(desk, &source->remote);
	struct watcher *watcher = xcalloc(1, sizeof *watcher);

	identity_of(desk->phone, account, &source->local, nobody, &identity);
	watcher->desk = desk;
	watcher->number = ++desk->last_watcher;
	watcher->of_calls = of_calls;
	watcher->asking = admission == ASK;
	watcher->host = source->remote;
	watcher->trusted = (account && account_is_server(account, &source->remote)) || is_ourselves(request, source);
	watcher->who = who;
	watcher->entity = account ? xstrdup(account->uri) : peer_uri(sip_message_to(request)->uri.text);
	list_append(&desk->watchers, &watcher->node);
	watcher->notifier =
		notifier_accept(desk->phone->ua, st, request,
				&(struct notifier_config){ .identity = &identity,
							   .expires = EXPIRES_S,
							   .least = LEAST_S,
							   .pending = watcher->asking,
							   .handlers = { on_state, on_watcher_ended, watcher } },
				&status);
	if (!watcher->notifier)
		watcher_free(watcher);
	else if (watcher->asking)
		ask(watcher, account);
	return 0;
}

/* The only one that waits for a word, or the one of this number. */
static struct watcher *find_asking(struct presence_desk *desk, unsigned number, struct failure *failure)
{
	struct watcher *found = NULL;
	struct buf list;
	size_t count = 0;

	buf_init(&list, 2048);
	LIST_EACH(&desk->watchers, node) {
		struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		if (!watcher->asking || (number && watcher->number != number))
			continue;
		found = watcher;
		buf_printf(&list, "%s%u (%s)", count++ ? ", " : "", watcher->number, watcher->who);
	}
	if (!count && number)
		fail(failure, STATUS_USAGE, "no-watcher", "nobody with the number %u waits to watch your calls",
		     number);
	else if (!count)
		fail(failure, STATUS_USAGE, "no-watcher", "nobody waits to watch your calls");
	else if (count > 1)
		fail(failure, STATUS_USAGE, "ambiguous", "%s want to watch your calls: say which", buf_text(&list));
	buf_fini(&list);
	return count == 1 ? found : NULL;
}

bool phone_admit_watcher(struct phone *phone, unsigned number, bool may, struct failure *failure)
{
	struct watcher *watcher = find_asking(phone->presence, number, failure);

	if (!watcher)
		return false;
	if (!may) {
		send_away(watcher, "rejected", 0);
		return true;
	}
	watcher->asking = false;
	notifier_activate(watcher->notifier);
	return true;
}

static void tell_watchers(struct presence_desk *desk, bool of_calls)
{
	LIST_EACH(&desk->watchers, node) {
		struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		if (watcher->of_calls == of_calls && !watcher->asking)
			notifier_changed(watcher->notifier);
	}
}

void presence_calls_changed(struct presence_desk *desk)
{
	desk->calls_changed = true;
}

void presence_turn_end(struct presence_desk *desk)
{
	if (!desk->calls_changed)
		return;
	desk->calls_changed = false;
	tell_watchers(desk, true);
}

/* ---- publishing ---- */

static struct published *find_published(const struct presence_desk *desk, const char *account_name)
{
	LIST_EACH(&desk->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (!strcmp(published->account_name, account_name) && !published->ending)
			return published;
	}
	return NULL;
}

static void on_body(void *arg, struct buf *body)
{
	struct published *published = arg;

	write_presence(published->desk, published->entity, body);
}

static struct event *published_event(struct published *published, enum event_kind kind)
{
	struct event *event = events_add(published->desk->phone->events, kind, 0);

	event_text(event, "account", slice_of(published->account_name));
	event_text(event, "state", slice_of(presence_name(published->desk->presence)));
	return event;
}

static void on_published(void *arg, uint32_t expires)
{
	struct published *published = arg;

	published->settled = true;
	if (published->told)
		return;
	published->told = true;
	event_number(published_event(published, EVENT_PUBLISHED), "expires", expires);
}

static void on_publish_failed(void *arg, const struct outcome *outcome, int64_t retry_us)
{
	struct published *published = arg;
	const char *local = explain_local_cause(outcome);
	struct event *event = published_event(published, EVENT_PUBLISH_FAILED);

	published->told = false;
	published->settled = true;
	event_number(event, "code", outcome->status);
	event_text(event, "reason", local ? slice_of(local) : outcome->reason);
	event_text(event, "cause", slice_of(outcome->cause == CAUSE_RESPONSE ? "refused" : cause_name(outcome->cause)));
	event_number(event, "retry", retry_us > 0 ? (double)((retry_us + SECOND_US - 1) / SECOND_US) : 0);
	phone_note_outcome(published->desk->phone, outcome, published->account_name, event_value(event, "reason"),
			   "the status of %s cannot be published", published->account_name);
	if (retry_us < 0)
		published_free(published);
}

static void on_unpublished(void *arg)
{
	published_free(arg);
}

static bool begin_publishing(struct presence_desk *desk, struct account *account, struct failure *failure)
{
	struct published *published = xcalloc(1, sizeof *published);
	struct identity identity;
	char nobody[160];
	enum err err = ERR_NONE;

	identity_of(desk->phone, account, NULL, nobody, &identity);
	published->desk = desk;
	published->account_name = xstrdup(account->name);
	published->entity = xstrdup(account->uri);
	list_append(&desk->published, &published->node);
	published->publication =
		publication_new(desk->phone->ua,
				&(struct publication_config){ .identity = &identity,
							      .target = slice_of(account->uri),
							      .event = SLICE("presence"),
							      .content_type = SLICE(PIDF_TYPE),
							      .expires = EXPIRES_S,
							      .handlers = { on_body, on_published, on_publish_failed,
									    on_unpublished, published } },
				&err);
	if (published->publication)
		return true;
	published_free(published);
	return fail(failure, STATUS_CALL, err_name(err), "PUBLISH cannot be sent: %s", err_text(err));
}

bool phone_publish_under_way(const struct phone *phone, const char *account)
{
	const struct published *published = find_published(phone->presence, account);

	return published && !published->settled;
}

bool phone_publish(struct phone *phone, const char *from, bool on, const char **name, struct failure *failure)
{
	struct presence_desk *desk = phone->presence;
	struct account *account;

	if (!account_for(phone, from, &account, failure))
		return false;
	if (!account)
		return fail(
			failure, STATUS_USAGE, "no-account",
			"a status is published at an account's server: add one by `account add sip:you@example.com`");
	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if (!phone_needs_start(phone, failure))
		return false;
	*name = account->name;
	struct published *published = find_published(desk, account->name);
	if (on && !published)
		return begin_publishing(desk, account, failure);
	if (on) {
		published->told = published->settled = false;
		publication_changed(published->publication);
	}
	if (!on && !published)
		return fail(failure, STATUS_USAGE, "not-published", "nothing is published of %s", account->name);
	if (!on) {
		published->ending = true;
		publication_stop(published->publication);
	}
	return true;
}

void presence_forget(struct account *account)
{
	struct published *published = find_published(account->phone->presence, account->name);

	if (!published)
		return;
	published->ending = true;
	publication_stop(published->publication);
}

/* ---- how we are ---- */

bool phone_set_status(struct phone *phone, struct slice word, struct slice text, struct failure *failure)
{
	struct presence_desk *desk = phone->presence;
	enum presence presence;

	if (!presence_find(word, &presence) || presence == PRESENCE_UNKNOWN)
		return fail(failure, STATUS_USAGE, "status",
			    "'%.*s' is no status: available, busy, away, dnd or offline",
			    SLICE_ARG(slice_sub(word, 0, 60)));
	if (text.n > NOTE_MAX)
		return fail(failure, STATUS_USAGE, "too-big", "the text of a status has at most %d bytes", NOTE_MAX);
	desk->presence = presence;
	free(desk->text);
	desk->text = clean(text);
	tell_watchers(desk, false);
	LIST_EACH(&desk->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (!published->ending)
			publication_changed(published->publication);
	}
	return true;
}

void phone_status(const struct phone *phone, const char **word, const char **text)
{
	*word = presence_name(phone->presence->presence);
	*text = phone->presence->text;
}

/* ---- the end, and looking ---- */

void presence_shut_down(struct presence_desk *desk)
{
	LIST_EACH(&desk->watchers, node) {
		struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		notifier_end(watcher->notifier, "noresource", 0);
		watcher_free(watcher);
	}
	LIST_EACH(&desk->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (published->ending)
			continue;
		published->ending = true;
		publication_stop(published->publication);
	}
}

bool presence_quiet(const struct presence_desk *desk)
{
	return list_empty(&desk->published);
}

void presence_show(const struct presence_desk *desk, struct buf *out)
{
	LIST_EACH(&desk->watchers, node) {
		const struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		buf_printf(out, "  %-16s watched by %s as %s", watcher->of_calls ? "dialog" : "presence", watcher->who,
			   watcher->entity);
		if (watcher->asking)
			buf_printf(out, ", if you let them: `accept-watcher %u`", watcher->number);
		buf_add_char(out, '\n');
	}
	LIST_EACH(&desk->published, node) {
		const struct published *published = LIST_ENTRY(node, struct published, node);
		buf_printf(out, "  %-16s %s at the server of %s\n", "presence",
			   published->told ? "published" : "being published", published->account_name);
	}
}
