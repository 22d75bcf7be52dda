/* Somebody asks us to call another (REFER, RFC 3515), or another takes a call over by Replaces (RFC 3891). */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "sip/ua/notifier.h"

#include <inttypes.h>

enum {
	ASKED_S = 180,      /* how long a REFER is told of the call that follows it */
	PATIENCE_S = 170,   /* how long it waits for our user */
	LEAVES_S = 2,       /* who asked hangs up, once the call that was asked for is up */
	PENDING_MAX = 16,   /* REFERs of others at a time ... */
	PENDING_OF_ONE = 4, /* ... of one call, or of one host outside of calls */
	URI_MAX = 4096,
	LINE_MAX = 256,
};

/* What somebody has asked us to call. */
struct transfer {
	struct list_node node;
	struct phone *phone;
	unsigned call, number; /* in which it was asked, 0: outside of calls; that follows it, 0: not yet */
	unsigned request;      /* for `accept-transfer request=` */
	bool stranger;         /* neither in a call nor from our own server or this machine */
	struct address host;
	char *target, *replaces, *join, *referred_by, *from, *account;
	struct notifier *notifier; /* NULL: nothing is to be told (norefersub) */
	unsigned code;             /* of the call that follows */
	char *reason;
	struct timer patience;
};

/* ---- events ---- */

struct event *transfer_event(struct phone *phone, enum event_kind kind, unsigned number, const char *target)
{
	struct event *event = events_add(phone->events, kind, number);
	const struct call *call = number ? call_find(phone, number) : NULL;

	if (call)
		event_text(event, "id", slice_of(call->id));
	event_text(event, "target", slice_of(target));
	return event;
}

/* ---- asked by others ---- */

static void transfer_free(struct transfer *transfer)
{
	char *const texts[] = { transfer->target, transfer->replaces, transfer->join,  transfer->referred_by,
				transfer->from,   transfer->account,  transfer->reason };

	timer_stop(transfer->phone->timers, &transfer->patience);
	list_remove(&transfer->node);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	free(transfer);
}

static void write_fragment(void *arg, struct notifier *notifier, struct buf *body, struct slice *type)
{
	const struct transfer *transfer = arg;

	(void)notifier;
	buf_printf(body, "SIP/2.0 %u %s\r\n", transfer->code, transfer->reason);
	*type = SLICE("message/sipfrag;version=2.0");
}

/* Who asked does not want to know any more. */
static void notifier_gone(void *arg, struct notifier *notifier)
{
	struct transfer *transfer = arg;

	(void)notifier;
	transfer->notifier = NULL;
}

static void tell(struct transfer *transfer, unsigned code, struct slice reason)
{
	bool changed = code != transfer->code;

	transfer->code = code;
	free(transfer->reason);
	transfer->reason = clean(reason.n ? utf8_cut(reason, LINE_MAX) : sip_status_phrase(code));
	if (!transfer->notifier || !changed)
		return;
	if (code < 200) {
		notifier_changed(transfer->notifier);
		return;
	}
	notifier_end(transfer->notifier, "noresource", 0);
	transfer->notifier = NULL;
}

/* The value of Replaces, or of Join, among the headers of a URI. */
static char *dialog_named(const struct sip_uri *uri, struct slice wanted)
{
	struct slice rest = uri->headers;
	struct sip_replaces read;
	struct arena arena;
	char *found = NULL;

	arena_init(&arena);
	while (rest.n && !found) {
		struct slice value = slice_cut(&rest, '&'), name = slice_cut(&value, '=');
		if (!slice_ieq(name, wanted))
			continue;
		struct slice plain = sip_unescape(&arena, value);
		found = sip_replaces_parse(plain, &read) ? slice_dup(plain) : NULL;
	}
	arena_fini(&arena);
	return found;
}

/* Refer-To: exactly one, whom an INVITE can reach (RFC 3515 2.4.2). @return 0, or the status that refuses */
static unsigned read_refer_to(const struct sip_message *refer, struct transfer *transfer)
{
	struct slice value = sip_message_value(refer, SIP_HEADER_REFER_TO), method;
	struct sip_address address;
	struct buf target;

	if (sip_message_header(refer, SIP_HEADER_REFER_TO, 1) || !sip_address_parse(value, &address, NULL) ||
	    address.star || address.uri.text.n > URI_MAX)
		return 400;
	if (address.uri.scheme == SIP_SCHEME_OTHER)
		return 416;
	/* What shall be sent there is a call; nothing else is done at a stranger's word. */
	if (sip_uri_param(&address.uri, SLICE("method"), &method) && !slice_ieq(method, SLICE("INVITE")))
		return 603;
	buf_init(&target, URI_MAX + 64);
	sip_uri_print_request(&target, &address.uri);
	transfer->target = buf_take(&target);
	if (address.uri.headers.n) {
		transfer->replaces = dialog_named(&address.uri, SLICE("Replaces"));
		transfer->join = transfer->replaces ? NULL : dialog_named(&address.uri, SLICE("Join"));
	}
	return 0;
}

static void read_referrer(const struct sip_message *refer, struct transfer *transfer)
{
	struct slice value = sip_message_value(refer, SIP_HEADER_REFERRED_BY);
	const struct sip_address *from = sip_message_from(refer);
	struct sip_address by;

	if (value.n && value.n < URI_MAX && sip_address_parse(value, &by, NULL)) {
		transfer->referred_by = slice_dup(value);
		transfer->from = clean(by.uri.text);
	} else {
		transfer->from = clean(from ? from->uri.text : (struct slice){ 0 });
	}
}

static void nobody_decides(void *arg);
static void refuse(struct transfer *transfer, unsigned code, const char *reason);

/* One host, or call, does not take all the room there is; and where strangers have, the one that has waited longest
 * goes. */
static bool has_room(struct phone *phone, unsigned call, const struct address *host)
{
	struct transfer *oldest = NULL;
	size_t all = 0, of_one = 0;

	LIST_EACH(&phone->transfers, node) {
		struct transfer *transfer = LIST_ENTRY(node, struct transfer, node);
		all++;
		of_one += transfer->call == call && (call || address_same_host(&transfer->host, host));
		if (!oldest && transfer->stranger && !transfer->number)
			oldest = transfer;
	}
	if (of_one >= PENDING_OF_ONE)
		return false;
	if (all < PENDING_MAX)
		return true;
	if (oldest)
		refuse(oldest, 480, "Temporarily Unavailable");
	return oldest != NULL;
}

/* `call`: in which it was asked, or 0. */
static struct transfer *transfer_new(struct phone *phone, unsigned call, const struct address *host,
				     const struct sip_message *refer, unsigned *status)
{
	struct transfer *transfer;

	*status = has_room(phone, call, host) ? 0 : 486;
	if (*status)
		return NULL;
	transfer = xcalloc(1, sizeof *transfer);
	transfer->phone = phone;
	transfer->call = call;
	transfer->host = *host;
	transfer->request = ++phone->last_transfer;
	transfer->code = 100;
	transfer->reason = xstrdup("Trying");
	list_append(&phone->transfers, &transfer->node);
	*status = read_refer_to(refer, transfer);
	if (*status) {
		transfer_free(transfer);
		return NULL;
	}
	read_referrer(refer, transfer);
	timer_start(phone->timers, &transfer->patience, PATIENCE_S * SECOND_US, nobody_decides, transfer);
	return transfer;
}

/* 202 without NOTIFYs, as who asked wants it (RFC 4488), or with them. @return 0, or what was answered instead */
static unsigned begin_telling(struct transfer *transfer, struct server_transaction *st, struct sip_message *refer,
			      const struct identity *identity, struct dialog *dialog)
{
	struct sip_token_params sub;
	unsigned status = 0;

	if (sip_token_params_parse(sip_message_value(refer, SIP_HEADER_REFER_SUB), &sub) &&
	    slice_ieq(sub.token, SLICE("false"))) {
		ua_accept_quietly(transfer->phone->ua, st);
		return 0;
	}
	struct notifier_config config = { .identity = identity,
					  .expires = ASKED_S,
					  .dialog = dialog,
					  .handlers = { write_fragment, notifier_gone, transfer } };
	transfer->notifier = notifier_accept(transfer->phone->ua, st, refer, &config, &status);
	return transfer->notifier ? 0 : status;
}

static bool dial(struct transfer *transfer, struct failure *failure);

static const char *follow_transfer(const struct phone *phone, const struct account *account)
{
	return settings_text(account_settings(phone, account, "call.follow-transfer"), "call.follow-transfer");
}

static void taken(struct transfer *transfer, enum event_kind kind)
{
	const struct account *account =
		*transfer->account ? account_find(transfer->phone, slice_of(transfer->account)) : NULL;
	bool on = !transfer->stranger && !strcmp(follow_transfer(transfer->phone, account), "on");
	struct event *event = transfer_event(transfer->phone, kind, transfer->call, transfer->target);
	const struct log *log = transfer->phone->log;
	struct failure failure;

	if (kind == EVENT_REFER)
		event_text(event, "direction", SLICE("in"));
	event_text(event, "from", slice_of(transfer->from));
	event_text(event, "account", slice_of(transfer->account));
	event_number(event, "request", transfer->request);
	if (on && !dial(transfer, &failure))
		log_line(log, LOG_ERROR, "%s", failure.text);
}

static bool never_followed(const struct phone *phone, const struct account *account)
{
	return phone->shutting_down || !strcmp(follow_transfer(phone, account), "off");
}

unsigned call_take_refer(struct call *call, struct server_transaction *st, struct sip_message *refer)
{
	struct phone *phone = call->phone;
	struct account *account = *call->account_name ? account_find(phone, slice_of(call->account_name)) : NULL;
	struct identity identity;
	char nobody[160];
	unsigned status;

	if (!call_is_up(call) || call->is_echo)
		return 603;
	if (never_followed(phone, account))
		return 603;
	struct transfer *transfer = transfer_new(phone, call->number, &call->source, refer, &status);
	if (!transfer)
		return status;
	transfer->account = xstrdup(call->account_name);
	identity_of(phone, account, &call->local, nobody, &identity);
	if (begin_telling(transfer, st, refer, &identity, session_dialog(call->session))) {
		transfer_free(transfer);
		return SESSION_TAKEN;
	}
	taken(transfer, EVENT_TRANSFER_REQUEST);
	return SESSION_TAKEN;
}

unsigned phone_take_refer(struct phone *phone, struct server_transaction *st, struct sip_message *refer,
			  const struct sip_source *source)
{
	struct account *account = account_of_request(phone, refer, source);
	struct identity identity;
	char nobody[160];
	unsigned status;

	if (never_followed(phone, account))
		return 603;
	struct transfer *transfer = transfer_new(phone, 0, &source->remote, refer, &status);
	if (!transfer)
		return status;
	/* Whom our user talks to is meant by `on`; a packet from anywhere must not make us call at his cost. */
	transfer->stranger = !address_is_loopback(&source->remote) &&
			     !(account && account_is_server(account, &source->remote));
	transfer->account = xstrdup(account ? account->name : "");
	identity_of(phone, account, &source->local, nobody, &identity);
	if (begin_telling(transfer, st, refer, &identity, NULL)) {
		transfer_free(transfer);
		return 0;
	}
	taken(transfer, EVENT_REFER);
	return 0;
}

/* ---- following ---- */

static void still_there(void *arg)
{
	struct call *old = arg;

	calls_auto_hold(old->phone, old->phone->selected ? call_find(old->phone, old->phone->selected) : NULL);
}

/*
 * The call in which we were asked is not held meanwhile: who asks means to leave it (RFC 5589 6.1), and a re-INVITE
 * would meet the BYE. When the other one does not come about it goes on; when it does, it waits only if nobody leaves.
 */
static void return_to_old(struct transfer *transfer, bool good)
{
	struct call *old = transfer->call ? call_find(transfer->phone, transfer->call) : NULL;

	if (!old || old->ended || !old->session || call_will_be_held(old))
		return;
	if (good)
		timer_start(old->phone->timers, &old->leaving_timer, LEAVES_S * SECOND_US, still_there, old);
	else
		calls_select(transfer->phone, old);
}

static void followed(struct transfer *transfer, bool good)
{
	struct event *event = transfer_event(transfer->phone, good ? EVENT_TRANSFERRED : EVENT_TRANSFER_FAILED,
					     transfer->call, transfer->target);

	event_number(event, "code", transfer->code);
	event_text(event, "reason", slice_of(transfer->reason));
	event_text(event, "by", SLICE("peer"));
	return_to_old(transfer, good);
	transfer_free(transfer);
}

void transfer_progress(struct call *call, unsigned code, struct slice reason)
{
	struct transfer *transfer = call->follows;

	if (!transfer)
		return;
	tell(transfer, code, reason);
	if (code < 200)
		return;
	call->follows = NULL;
	followed(transfer, code < 300);
}

static void refuse(struct transfer *transfer, unsigned code, const char *reason)
{
	tell(transfer, code, slice_of(reason));
	followed(transfer, false);
}

static void nobody_decides(void *arg)
{
	struct transfer *transfer = arg;

	if (!transfer->number)
		refuse(transfer, 480, "Temporarily Unavailable");
}

/* @return false: nothing could be dialled, which whoever asked is told; the transfer is gone */
static bool dial(struct transfer *transfer, struct failure *failure)
{
	struct phone *phone = transfer->phone;
	char *by = transfer->referred_by ? xasprintf("Referred-By:%s", transfer->referred_by) : NULL,
	     *named = transfer->replaces ? xasprintf("Replaces:%s", transfer->replaces)
		      : transfer->join ? xasprintf("Join:%s", transfer->join)
				       : NULL;
	const char *headers[4] = { 0 };
	size_t count = 0;
	unsigned number;

	if (by)
		headers[count++] = by;
	if (named) {
		headers[count++] = named;
		headers[count++] = transfer->replaces ? "Require:replaces" : "Require:join";
	}
	struct call_options options = { .from = transfer->account && *transfer->account ? transfer->account : NULL,
					.headers = headers,
					.instead_of = transfer->call };
	bool good = phone_call(phone, slice_of(transfer->target), &options, &number, NULL, failure);
	free(by);
	free(named);
	if (!good) {
		refuse(transfer, 503, "Service Unavailable");
		return false;
	}
	struct call *call = call_find(phone, number);
	transfer->number = number;
	call->follows = transfer;
	if (call->ended)
		transfer_progress(call, call->code >= 300 ? call->code : 503, (struct slice){ 0 });
	return true;
}

/* "request=1 to sip:carol@chicago.com in call 2" */
static void describe(const struct transfer *transfer, bool first, struct buf *to)
{
	buf_printf(to, "%srequest=%u to %s", first ? "" : ", ", transfer->request, transfer->target);
	if (transfer->call)
		buf_printf(to, " in call %u", transfer->call);
	else
		buf_printf(to, " by %s", transfer->from);
}

/* The only one that waits for our word, or that of the call, or the one of this number. */
static struct transfer *find_pending(struct phone *phone, unsigned *number, unsigned request, struct failure *failure)
{
	struct transfer *found = NULL;
	struct buf list;
	size_t count = 0;

	buf_init(&list, 4096);
	LIST_EACH(&phone->transfers, node) {
		struct transfer *transfer = LIST_ENTRY(node, struct transfer, node);
		if (transfer->number || (*number && transfer->call != *number) ||
		    (request && transfer->request != request))
			continue;
		found = transfer;
		describe(transfer, !count++, &list);
	}
	if (count == 1)
		*number = found->call;
	else if (!count && request)
		fail(failure, STATUS_CALL, "no-transfer", "nobody waits for an answer to request %u", request);
	else if (!count && *number)
		fail(failure, STATUS_CALL, "no-transfer", "the peer of call %u has not asked for a transfer", *number);
	else if (!count)
		fail(failure, STATUS_CALL, "no-transfer", "nobody has asked for a transfer");
	else
		fail(failure, STATUS_CALL, "ambiguous", "%zu transfers are asked for, say which: %s", count,
		     buf_text(&list));
	buf_fini(&list);
	return count == 1 ? found : NULL;
}

bool phone_accept_transfer(struct phone *phone, unsigned *number, unsigned request, struct failure *failure)
{
	struct transfer *transfer = find_pending(phone, number, request, failure);

	return transfer && dial(transfer, failure);
}

bool phone_refuse_transfer(struct phone *phone, unsigned *number, unsigned request, struct failure *failure)
{
	struct transfer *transfer = find_pending(phone, number, request, failure);

	if (!transfer)
		return false;
	refuse(transfer, 603, "Declined");
	return true;
}

/* ---- Replaces ---- */

void transfer_replace(struct call *call)
{
	struct call *old = call->replaces ? call_find(call->phone, call->replaces) : NULL;

	if (!old || old->ended || !old->session)
		return;
	struct event *event = transfer_event(call->phone, EVENT_TRANSFERRED, old->number, call->uri);
	event_text(event, "by", SLICE("peer"));
	if (call->phone->selected == old->number || !call->phone->selected)
		calls_select(call->phone, call);
	session_hangup(old->session, (struct slice){ 0 });
}

/* ---- the end ---- */

void transfers_call_ended(struct call *call)
{
	struct phone *phone = call->phone;

	if (call->follows)
		transfer_progress(call, call->code >= 300 ? call->code : 487, slice_of(call->reason));
	LIST_EACH(&phone->transfers, node) {
		struct transfer *transfer = LIST_ENTRY(node, struct transfer, node);
		/* Who hangs up before our user has decided does not want it any more. */
		if (transfer->call == call->number && !transfer->number)
			refuse(transfer, 487, "Request Terminated");
	}
}

void transfers_free(struct phone *phone)
{
	LIST_EACH(&phone->transfers, node) {
		struct transfer *transfer = LIST_ENTRY(node, struct transfer, node);
		if (transfer->notifier)
			notifier_end(transfer->notifier, "noresource", 0);
		transfer_free(transfer);
	}
}
