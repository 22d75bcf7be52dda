/* REFERs of ours (RFC 3515): we ask the peer of a call, or somebody outside of calls, to call another. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "sip/ua/subscription.h"

#include <string.h>

enum {
	ASKED_S = 180, /* how long we listen for what comes of it */
	URI_MAX = 4096,
	LINE_MAX = 256,
	FAREWELL_US = 1000000, /* in which who takes over our call with him ends it (RFC 3891 3) */
};

/* What we have asked of somebody. */
struct referral {
	struct list_node node;
	struct phone *phone;
	unsigned call;    /* 0: outside of calls */
	unsigned request; /* that its events tell */
	char *target, *peer;
	struct subscription *subscription;
	unsigned code;
	bool over; /* told how it ended */
	unsigned with; /* the call that was to be replaced; 0: none */
	bool ended; /* nothing more is told of it; it waits for `farewell` */
	struct timer farewell;
};

static void referral_free(struct referral *referral)
{
	timer_stop(referral->phone->timers, &referral->farewell);
	list_remove(&referral->node);
	subscription_free(referral->subscription);
	free(referral->target);
	free(referral->peer);
	free(referral);
}

/* `outcome`: the REFER itself came to nothing; NULL: what the other side told. */
static void referral_event(struct referral *referral, enum event_kind kind, unsigned code, struct slice reason,
			   const struct outcome *outcome)
{
	struct event *event = transfer_event(referral->phone, referral->call ? kind : EVENT_REFER, referral->call,
					     referral->target);

	if (!referral->call) {
		event_text(event, "direction", SLICE("out"));
		event_text(event, "to", slice_of(referral->peer));
		event_number(event, "request", referral->request);
	} else if (kind != EVENT_TRANSFER_PROGRESS) {
		event_text(event, "by", SLICE("us"));
	}
	if (code)
		event_number(event, "code", code);
	event_text(event, "reason", reason);
	if (outcome)
		event_text(event, "cause",
			   outcome->cause == CAUSE_RESPONSE ? SLICE("refused") : slice_of(cause_name(outcome->cause)));
}

/* Who knows no Replaces has taken the transferred call as another one, and still has ours. */
static void say_farewell(void *arg)
{
	struct referral *referral = arg;
	struct call *with = call_find(referral->phone, referral->with);

	if (with && !with->ended && with->session)
		session_hangup(with->session, (struct slice){ 0 });
	if (referral->ended)
		referral_free(referral);
}

/* The peer talks to whom we meant: our part is over (RFC 5589 6.1). */
static void succeeded(struct referral *referral, unsigned code, struct slice reason)
{
	struct call *call = referral->call ? call_find(referral->phone, referral->call) : NULL;

	referral->over = true;
	referral_event(referral, EVENT_TRANSFERRED, code, reason, NULL);
	if (call && !call->ended && call->session)
		session_hangup(call->session, (struct slice){ 0 });
}

/* `code` 0: nobody has said one. */
static void went_wrong(struct referral *referral, unsigned code, struct slice reason, const struct outcome *outcome)
{
	char *words = clean(reason);

	referral->over = true;
	referral_event(referral, EVENT_TRANSFER_FAILED, code, reason, outcome);
	if (outcome)
		phone_note_outcome(referral->phone, outcome, NULL, words, "transfer to %s", referral->target);
	else if (code)
		phone_note_failure(referral->phone, "transfer to %s: %u %s", referral->target, code, words);
	else
		phone_note_failure(referral->phone, "transfer to %s: %s", referral->target, words);
	free(words);
}

/* "SIP/2.0 180 Ringing" (RFC 3420). @return 0: no status line */
static unsigned read_fragment(struct slice body, struct slice *reason)
{
	struct slice line = slice_trim(slice_cut(&body, '\n')), version = slice_cut(&line, ' '),
		     number = slice_cut(&line, ' ');
	uint32_t code;

	if (!slice_ieq(version, SLICE("SIP/2.0")) || !slice_to_u32(number, &code) || code < 100 || code > 699)
		return 0;
	*reason = utf8_cut(slice_trim(line), LINE_MAX);
	return code;
}

static unsigned on_notify(void *arg, struct subscription *subscription, int branch, const struct sip_message *notify,
			  const struct package_state *state)
{
	struct referral *referral = arg;
	struct slice reason = { 0 };
	unsigned code;

	(void)subscription;
	(void)branch;
	(void)state;
	if (notify->body.n && !sip_message_has_body(notify, "message", "sipfrag"))
		return 415;
	code = read_fragment(sip_message_body(notify, "message", "sipfrag"), &reason);
	if (notify->body.n && !code)
		return 400;
	if (!code || referral->over)
		return 0;
	referral->code = code;
	if (code < 200)
		referral_event(referral, EVENT_TRANSFER_PROGRESS, code, reason, NULL);
	else if (code < 300)
		succeeded(referral, code, reason);
	else
		went_wrong(referral, code, reason, NULL);
	/* Where nothing is told of it (RFC 4488) nobody knows when the other has taken over. */
	if (referral->with && code >= 200 && code < 300)
		timer_start(referral->phone->timers, &referral->farewell, FAREWELL_US, say_farewell, referral);
	return 0;
}

/* It stopped telling, or its time for that is over: how it ended nobody knows, and no code is made up for it. */
static void left_untold(struct referral *referral)
{
	char *words = referral->code ? xasprintf("nothing more was told of it after %u %.*s", referral->code,
						 SLICE_ARG(sip_status_phrase(referral->code)))
				     : xstrdup("nothing was told of it");

	went_wrong(referral, 0, slice_of(words), NULL);
	free(words);
}

static void on_end(void *arg, struct subscription *subscription, const struct outcome *outcome, const char *reason,
		   int64_t retry_us)
{
	struct referral *referral = arg;

	const char *local = !strcmp(reason, "silent") ? "it was accepted, but no NOTIFY came"
			    : outcome		       ? explain_local_cause(outcome)
						       : NULL;

	(void)subscription;
	(void)retry_us;
	if (!referral->over && !strcmp(reason, "norefersub"))
		succeeded(referral, outcome && outcome->status ? outcome->status : 202, SLICE("Accepted"));
	else if (!referral->over && !strcmp(reason, "expired"))
		left_untold(referral);
	else if (!referral->over && outcome && outcome->status >= 300)
		went_wrong(referral, outcome->status, local ? slice_of(local) : outcome->reason, outcome);
	else if (!referral->over)
		left_untold(referral);
	subscription_free(referral->subscription);
	referral->subscription = NULL;
	referral->ended = true;
	if (!timer_running(&referral->farewell))
		referral_free(referral);
}

/* Refer-To of a call that shall be replaced: "<sip:bob@biloxi.com?Replaces=...>". */
static void print_attended(const char *uri, struct slice replaces, struct buf *to)
{
	buf_printf(to, "<%s?Replaces=", uri);
	for (size_t i = 0; i < replaces.n; i++) {
		char c = replaces.p[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    strchr("-_.!~*'()", c))
			buf_add_char(to, c);
		else
			buf_printf(to, "%%%02X", (unsigned char)c);
	}
	buf_add_char(to, '>');
}

/* `with`: the call that is to be replaced, or 0. */
static bool refer(struct phone *phone, struct call *call, unsigned with, struct slice target, const char *peer,
		  const char *refer_to, const char *shown, const char *const *words, struct failure *failure)
{
	struct account *account = call ? *call->account_name ? account_find(phone, slice_of(call->account_name)) : NULL
				       : phone->default_account;
	struct extra_header extra[EXTRA_HEADERS_MAX + 2];
	struct identity identity;
	struct address local;
	char nobody[160];
	enum err err = ERR_NONE;
	int count = extra_headers_read(words, extra, EXTRA_HEADERS_MAX, failure);

	if (count < 0)
		return false;
	phone_local_towards(phone, peer, &local);
	identity_of(phone, account, call ? &call->local : &local, nobody, &identity);
	char *by = xasprintf("<%s>", identity.uri);
	extra[count++] = (struct extra_header){ SLICE("Refer-To"), slice_of(refer_to) };
	extra[count++] = (struct extra_header){ SLICE("Referred-By"), slice_of(by) };
	struct referral *referral = xcalloc(1, sizeof *referral);
	*referral = (struct referral){ .phone = phone,
				       .call = call ? call->number : 0,
				       .with = with,
				       .request = call ? 0 : ++phone->last_transfer,
				       .target = xstrdup(shown),
				       .peer = xstrdup(peer) };
	list_append(&phone->referrals, &referral->node);
	struct subscription_config config = { .identity = &identity,
					      .method = SLICE("REFER"),
					      .target = target,
					      .event = SLICE("refer"),
					      .accept = SLICE("message/sipfrag"),
					      .extra = extra,
					      .extra_count = (size_t)count,
					      .expires = ASKED_S,
					      .dialog = call ? session_dialog(call->session) : NULL,
					      .handlers = { NULL, on_notify, on_end, referral } };
	referral->subscription = subscription_new(phone->ua, &config, &err);
	free(by);
	if (referral->subscription)
		return true;
	referral_free(referral);
	return fail(failure, STATUS_CALL, err_name(err), "REFER cannot be sent: %s", err_text(err));
}

static bool find_talking(struct phone *phone, unsigned *number, struct call **call, struct failure *failure)
{
	if (!call_meant(phone, number, call, failure))
		return false;
	if (!call_is_up(*call))
		return fail(failure, STATUS_CALL, "not-answered", "call %u is not answered yet", *number);
	LIST_EACH(&phone->referrals, node) {
		const struct referral *referral = LIST_ENTRY(node, struct referral, node);
		if (referral->call == *number && !referral->over)
			return fail(failure, STATUS_CALL, "state", "call %u is being transferred already", *number);
	}
	return true;
}

bool phone_transfer(struct phone *phone, unsigned *number, struct slice text, const char *const *headers,
		    struct failure *failure)
{
	struct target target;
	struct call *call;

	if (!find_talking(phone, number, &call, failure) ||
	    !target_read(phone, text, account_find(phone, slice_of(call->account_name)), &target, failure))
		return false;
	if (target.is_echo) {
		target_fini(&target);
		return fail(failure, STATUS_USAGE, "syntax",
			    "the echo test is inside this phone: nobody can be sent there");
	}
	char *refer_to = xasprintf("<%s>", target.uri);
	bool good = refer(phone, call, 0, (struct slice){ 0 }, call->uri, refer_to, target.uri, headers, failure);
	free(refer_to);
	target_fini(&target);
	return good;
}

/* By what URI the peer of a call is reached from elsewhere: its address of record where that is a name at our account's
 * side, else its Contact (RFC 5589 7.3). Owned by the caller. */
static char *public_uri(const struct call *call)
{
	struct sip_uri aor, contact;
	struct address literal;
	const char *target = session_remote_target(call->session);
	struct buf text;

	if (!target || !sip_uri_parse(slice_of(target), &contact, NULL))
		return xstrdup(call->uri);
	if (!sip_uri_param(&contact, SLICE("gr"), NULL) && *call->account_name &&
	    sip_uri_parse(slice_of(call->uri), &aor, NULL) && !address_parse_host(&literal, aor.host, 5060))
		return xstrdup(call->uri);
	buf_init(&text, URI_MAX + 64);
	sip_uri_print_request(&text, &contact);
	return buf_take(&text);
}

bool phone_transfer_with(struct phone *phone, unsigned *number, unsigned with, const char *const *headers,
			 struct failure *failure)
{
	struct call *call, *other = call_find(phone, with);
	struct buf replaces, refer_to;

	if (!other || other->ended || !other->session)
		return fail(failure, STATUS_CALL, "no-such-call", "there is no call %u to transfer to", with);
	if (!find_talking(phone, number, &call, failure))
		return false;
	if (other == call)
		return fail(failure, STATUS_USAGE, "same-call", "with= names another call than the one transferred");
	buf_init(&replaces, URI_MAX);
	buf_init(&refer_to, 4 * URI_MAX);
	bool good = session_print_replaces(other->session, &replaces);
	if (!good)
		fail(failure, STATUS_CALL, "not-answered",
		     "call %u is not answered yet: `transfer %s` sends the peer there without asking", with,
		     other->uri);
	if (good) {
		char *uri = public_uri(other);
		print_attended(uri, buf_slice(&replaces), &refer_to);
		good = refer(phone, call, with, (struct slice){ 0 }, call->uri, buf_text(&refer_to), other->uri,
			     headers, failure);
		free(uri);
	}
	buf_fini(&replaces);
	buf_fini(&refer_to);
	return good;
}

bool phone_refer(struct phone *phone, struct slice text, struct slice to, const char *const *headers,
		 unsigned *request, struct failure *failure)
{
	struct target whom, where;

	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if (!phone_needs_start(phone, failure) || !target_read(phone, text, phone->default_account, &whom, failure))
		return false;
	if (!target_read(phone, to, phone->default_account, &where, failure)) {
		target_fini(&whom);
		return false;
	}
	bool good = !whom.is_echo && !where.is_echo;
	if (!good)
		fail(failure, STATUS_USAGE, "syntax", "the echo test calls nobody, and nobody else can call it");
	char *refer_to = xasprintf("<%s>", where.uri);
	good = good && refer(phone, NULL, 0, slice_of(whom.uri), whom.uri, refer_to, where.uri, headers, failure);
	*request = phone->last_transfer;
	free(refer_to);
	target_fini(&whom);
	target_fini(&where);
	return good;
}

bool call_is_transferring(const struct call *call)
{
	LIST_EACH(&call->phone->referrals, node) {
		const struct referral *referral = LIST_ENTRY(node, struct referral, node);
		if (referral->call == call->number && !referral->over)
			return true;
	}
	return false;
}

bool phone_refers_under_way(const struct phone *phone)
{
	LIST_EACH(&phone->referrals, node) {
		const struct referral *referral = LIST_ENTRY(node, struct referral, node);
		if (!referral->call && !referral->over)
			return true;
	}
	return false;
}

void referrals_free(struct phone *phone)
{
	LIST_EACH(&phone->referrals, node)
		referral_free(LIST_ENTRY(node, struct referral, node));
}
