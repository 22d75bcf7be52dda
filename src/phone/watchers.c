/* Who watches us, our status or our calls (RFC 3856, 4235), whether they may, and what they are told. */
#include "phone/presence_internal.h"

#include "base/xmalloc.h"
#include "bodies/dialog_info.h"
#include "phone/phone_internal.h"
#include "sip/ua/dialog.h"
#include "sip/ua/notifier.h"

enum {
	LEAST_S = 30,
	ROWS_MAX = 32,
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

static void watcher_free(struct watcher *watcher)
{
	list_remove(&watcher->node);
	free(watcher->who);
	free(watcher->entity);
	free(watcher);
}

/* ---- what is told ---- */

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
		presence_write(watcher->desk, watcher->entity, body);
		*type = SLICE(PIDF_TYPE);
	}
}

static void on_watcher_ended(void *arg, struct notifier *notifier)
{
	(void)notifier;
	watcher_free(arg);
}

/* ---- who may ---- */

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
							   .expires = PRESENCE_EXPIRES_S,
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

/* ---- all of them ---- */

void watchers_tell(struct presence_desk *desk, bool of_calls)
{
	LIST_EACH(&desk->watchers, node) {
		struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		if (watcher->of_calls == of_calls && !watcher->asking)
			notifier_changed(watcher->notifier);
	}
}

void watchers_end(struct presence_desk *desk)
{
	LIST_EACH(&desk->watchers, node)
		send_away(LIST_ENTRY(node, struct watcher, node), "noresource", 0);
}

void watchers_show(const struct presence_desk *desk, struct buf *out)
{
	LIST_EACH(&desk->watchers, node) {
		const struct watcher *watcher = LIST_ENTRY(node, struct watcher, node);
		buf_printf(out, "  %-16s watched by %s as %s", watcher->of_calls ? "dialog" : "presence", watcher->who,
			   watcher->entity);
		if (watcher->asking)
			buf_printf(out, ", if you let them: `accept-watcher %u`", watcher->number);
		buf_add_char(out, '\n');
	}
}
