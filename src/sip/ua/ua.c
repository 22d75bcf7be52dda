#include "sip/ua/ua.h"

#include "base/xmalloc.h"
#include "sip/ua/dialog.h"
#include "sip/ua/notifier_internal.h"
#include "sip/ua/registration_internal.h"
#include "sip/ua/session_internal.h"
#include "sip/ua/subscription_internal.h"

#include <assert.h>

enum { MAX_SESSIONS = 64, MAX_NOTIFIERS = 256, UNSUPPORTED_MAX = 2048, RETRY_AFTER_S = 4 };

/* ---- refusals with what they must say ---- */

static void add_allow(void *arg, struct sip_draft *draft)
{
	(void)arg;
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
}

/* What a refusal tells of. */
struct refusal {
	struct ua *ua;
	const struct sip_message *request;
	const struct session_options *options;
};

static void accept_lines(struct sip_draft *draft, bool text)
{
	sip_draft_add(draft, SIP_HEADER_ACCEPT,
		      text ? "text/plain, application/im-iscomposing+xml" : "application/sdp, multipart/mixed");
	sip_draft_add(draft, SIP_HEADER_ACCEPT_ENCODING, "identity");
}

static void add_accept(void *arg, struct sip_draft *draft)
{
	const struct refusal *refusal = arg;

	accept_lines(draft, refusal->request->method == SIP_MESSAGE);
}

static void add_unsupported(void *arg, struct sip_draft *draft)
{
	const struct refusal *refusal = arg;
	struct buf list;

	buf_init(&list, UNSUPPORTED_MAX);
	if (core_unsupported(refusal->request, refusal->options, &list) && list.n)
		sip_draft_add_slice(draft, SIP_HEADER_UNSUPPORTED, buf_slice(&list));
	buf_fini(&list);
}

static void event_lines(const struct ua *ua, struct sip_draft *draft)
{
	if (ua->settings.events)
		sip_draft_add(draft, SIP_HEADER_ALLOW_EVENTS, "%s", ua->settings.events);
}

/* What may be subscribed to instead (RFC 6665 8.3.2). */
static void add_events(void *arg, struct sip_draft *draft)
{
	const struct refusal *refusal = arg;

	event_lines(refusal->ua, draft);
}

/* The extension without which an INVITE is not taken here (RFC 3261 21.4.15). */
static void add_required(void *arg, struct sip_draft *draft)
{
	const struct refusal *refusal = arg;
	const struct session_options *options = refusal->options;
	bool reliable = options->reliable == RELIABLE_REQUIRED && !session_peer_supports(refusal->request, "100rel");
	bool timer = options->timer == TIMER_REQUIRED && !session_peer_supports(refusal->request, "timer");

	sip_draft_add(draft, SIP_HEADER_REQUIRE, "%s%s%s", reliable ? "100rel" : "", reliable && timer ? ", " : "",
		      timer ? "timer" : "");
}

static void add_min_se(void *arg, struct sip_draft *draft)
{
	const struct refusal *refusal = arg;

	sip_draft_add(draft, SIP_HEADER_MIN_SE, "%u", session_least_s(refusal->options));
}

/* What is short now may be there again soon. */
static void add_retry_after(void *arg, struct sip_draft *draft)
{
	(void)arg;
	sip_draft_add(draft, SIP_HEADER_RETRY_AFTER, "%u", RETRY_AFTER_S);
}

static void refuse_session(struct ua *ua, struct server_transaction *st, struct sip_message *request, unsigned status,
			   const struct session_options *options)
{
	struct refusal refusal = { ua, request, options };
	core_add_h *add = NULL;

	if (status == 405)
		add = add_allow;
	else if (status == 415)
		add = add_accept;
	else if (status == 420)
		add = add_unsupported;
	else if (status == 421)
		add = add_required;
	else if (status == 422)
		add = add_min_se;
	else if (status == 489)
		add = add_events;
	else if (status == 503)
		add = add_retry_after;
	core_respond(ua, st, status, add, &refusal);
}

static void refuse(struct ua *ua, struct server_transaction *st, struct sip_message *request, unsigned status)
{
	refuse_session(ua, st, request, status, &ua->settings.session);
}

/* ---- the checks of 8.2, in its order; each answers 0 or the status that refuses ---- */

static unsigned check_method(const struct sip_message *request)
{
	switch (request->method) {
	case SIP_METHOD_OTHER:
		return 501;
	case SIP_INVITE:
	case SIP_OPTIONS:
	case SIP_BYE:
	case SIP_SUBSCRIBE:
	case SIP_NOTIFY:
	case SIP_MESSAGE:
	case SIP_PRACK:
	case SIP_UPDATE:
	case SIP_INFO:
	case SIP_REFER:
		return 0;
	default:
		return 405;
	}
}

static unsigned check_scheme(const struct sip_message *request)
{
	const struct sip_uri *uri = sip_message_request_uri(request);

	return uri && uri->scheme != SIP_SCHEME_OTHER ? 0 : 416;
}

static unsigned check_require(const struct sip_message *request, const struct session_options *options)
{
	struct buf list;

	buf_init(&list, UNSUPPORTED_MAX);
	unsigned status = core_unsupported(request, options, &list) ? 420 : 0;
	buf_fini(&list);
	return status;
}

static unsigned check_body(const struct sip_message *request)
{
	if (sip_message_has_strange_part(request, "application", "sdp"))
		return 415;
	if (!request->body.n || sip_message_has_body(request, "application", "sdp") ||
	    sip_message_body_is_optional(request))
		return 0;
	return 415;
}

/* ---- OPTIONS (11.2) ---- */

struct capabilities {
	struct ua *ua;
	const struct sip_message *request;
};

static void add_body(const struct capabilities *c, struct sip_draft *draft)
{
	struct ua_handlers *handlers = &c->ua->handlers;
	struct slice type = slice_of(NULL);
	struct sip_media_type parsed;
	struct buf body;

	if (!handlers->capabilities)
		return;
	buf_init(&body, SIP_MESSAGE_MAX / 2);
	handlers->capabilities(handlers->arg, &body, &type);
	if (body.n && sip_media_type_parse(type, &parsed)) {
		char *main = slice_dup(parsed.type), *sub = slice_dup(parsed.subtype);
		if (sip_message_accepts(c->request, main, sub))
			sip_draft_body(draft, type, buf_slice(&body));
		free(main);
		free(sub);
	}
	buf_fini(&body);
}

static void add_capabilities(void *arg, struct sip_draft *draft)
{
	const struct capabilities *c = arg;

	add_allow(NULL, draft);
	accept_lines(draft, false);
	event_lines(c->ua, draft);
	sip_draft_add(draft, SIP_HEADER_ACCEPT_LANGUAGE, "en");
	core_add_supported(draft, &c->ua->settings.session, OPTION_ANSWER_MODE);
	add_body(c, draft);
}

static void answer_options(struct ua *ua, struct server_transaction *st, struct sip_message *request)
{
	struct capabilities c = { ua, request };
	bool outside = !sip_message_to(request)->tag.n;

	/* As an INVITE would be answered now (11.2). */
	if (outside && ua->session_count >= ua->settings.max_sessions) {
		refuse(ua, st, request, 486);
		return;
	}
	core_respond(ua, st, 200, add_capabilities, &c);
}

/* ---- requests inside dialogs (12.2.2) ---- */

/* May this SUBSCRIBE make a subscription, by its Event? @return 0, or the status that says no */
static unsigned check_event(struct ua *ua, const struct sip_message *request)
{
	struct package_event event;

	/* RFC 6665 4.2.3: without one it is for PINT */
	if (!package_event_of(request, &event))
		return 489;
	/* RFC 3515 2.4.4: only a REFER makes such a subscription. */
	if (slice_eq(event.name, SLICE("refer")))
		return 403;
	return package_is_in(slice_of(ua->settings.events), event.name) ? 0 : 489;
}

/* A request that no usage of the dialog knows what to do with. */
static unsigned not_used(struct ua *ua, const struct sip_message *request)
{
	unsigned status;

	switch (request->method) {
	case SIP_METHOD_OTHER:
		return 501;
	case SIP_SUBSCRIBE:
		status = check_event(ua, request);
		return status ? status : 481;
	case SIP_NOTIFY:
	case SIP_INVITE:
	case SIP_BYE:
		return 481;
	default:
		return 405;
	}
}

/* MESSAGE, SUBSCRIBE and NOTIFY are no sessions' business. @return 0, or the status to refuse with */
static unsigned pass_up(struct ua *ua, struct server_transaction *st, struct sip_message *request,
			const struct sip_source *source)
{
	if (ua->handlers.request)
		return ua->handlers.request(ua->handlers.arg, st, request, source);
	return request->method == SIP_NOTIFY ? 481 : 405;
}

static void in_dialog(struct ua *ua, struct dialog *dialog, struct server_transaction *st, struct sip_message *request,
		      const struct sip_source *source)
{
	unsigned status = check_require(request, &ua->settings.session);

	if (!dialog_in_order(dialog, request))
		status = 500;
	else if (!status && (request->method == SIP_INVITE || request->method == SIP_UPDATE ||
			     request->method == SIP_PRACK))
		status = check_body(request);
	if (status) {
		refuse(ua, st, request, status);
		return;
	}
	if (request->method == SIP_OPTIONS) {
		answer_options(ua, st, request);
		return;
	}
	LIST_EACH(&dialog->usages, node) {
		struct usage *usage = LIST_ENTRY(node, struct usage, node);
		if (request->method != SIP_MESSAGE && usage->ops->request(usage, st, request, source))
			return;
	}
	status = request->method == SIP_MESSAGE ? pass_up(ua, st, request, source) : not_used(ua, request);
	if (status)
		refuse(ua, st, request, status);
}

/* ---- requests outside dialogs ---- */

/*
 * Nobody may keep all lines ringing: one host gets a quarter of them until we answer. The account's own servers bring
 * the calls of all the world, and this machine is trusted.
 */
static bool rings_too_much(struct ua *ua, const struct address *host)
{
	size_t share = ua->settings.max_sessions / 4, ringing = 0;

	if (address_is_loopback(host) || digest_knows_host(ua->digests, host))
		return false;
	LIST_EACH(&ua->ringing, node) {
		struct session *session = LIST_ENTRY(node, struct session, among_ringing);
		if (!session_is_ringing(session))
			list_remove(&session->among_ringing);
		else
			ringing += session_rings_from(session, host);
	}
	return ringing >= (share < 2 ? 2 : share);
}

/* What this session may use must fit what the caller asks for and what we ask of it. */
static unsigned check_options(const struct sip_message *invite, const struct session_options *options)
{
	if ((options->reliable == RELIABLE_REQUIRED && !session_peer_supports(invite, "100rel")) ||
	    (options->timer == TIMER_REQUIRED && !session_peer_supports(invite, "timer")))
		return 421;
	return session_interval_too_small(invite, options) ? 422 : 0;
}

/* Where would our requests go in its dialog (8.1.1.8)? Peers of RFC 2543 had no need to say (RFC 4475 3.4.1). */
static bool lacks_contact(const struct sip_message *invite)
{
	const struct sip_via *via = sip_message_via(invite, 0);

	return !sip_message_address(invite, SIP_HEADER_CONTACT, 0) && via && sip_via_has_magic(via);
}

static void new_invite(struct ua *ua, struct server_transaction *st, struct sip_message *invite,
		       const struct sip_source *source, const struct session_options *options)
{
	struct session *replaced, *joined;
	unsigned status = lacks_contact(invite) ? 400 : session_find_named(ua, invite, &replaced, &joined);

	if (!status)
		status = check_options(invite, options);
	if (status) {
		refuse_session(ua, st, invite, status, options);
		return;
	}
	if (!sip_message_accepts(invite, "application", "sdp")) {
		refuse(ua, st, invite, 406);
		return;
	}
	/* Who takes the place of another makes no more of them. */
	if ((ua->session_count >= ua->settings.max_sessions && !replaced) || !ua->handlers.incoming ||
	    rings_too_much(ua, &source->remote)) {
		refuse(ua, st, invite, 486);
		return;
	}
	if (!dialog_can_begin(invite)) {
		refuse(ua, st, invite, 513);
		return;
	}
	struct session *session = session_incoming(ua, st, invite, options);
	session->replaced = replaced;
	session->joined = joined;
	ua->handlers.incoming(ua->handlers.arg, session, invite, source);
	session->replaced = session->joined = NULL;
}

/* Requests that are nothing outside of a dialog. */
static bool needs_dialog(enum sip_method method)
{
	return method == SIP_BYE || method == SIP_PRACK || method == SIP_UPDATE || method == SIP_INFO;
}

static unsigned check_outside(struct ua *ua, const struct sip_message *request, const struct sip_source *source,
			      const struct session_options *options)
{
	unsigned status = check_method(request);

	/* A To tag names a dialog that we do not have. */
	if (!status && (sip_message_to(request)->tag.n || needs_dialog(request->method)))
		status = 481;
	if (!status)
		status = check_scheme(request);
	if (!status && request->method == SIP_SUBSCRIBE)
		status = check_event(ua, request);
	if (!status && ua->handlers.accept && request->method != SIP_NOTIFY)
		status = ua->handlers.accept(ua->handlers.arg, request, source);
	if (!status)
		status = check_require(request, options);
	if (!status && (request->method == SIP_INVITE || request->method == SIP_OPTIONS))
		status = check_body(request);
	return status;
}

static void on_request(void *arg, struct server_transaction *st, struct sip_message *request,
		       const struct sip_source *source)
{
	struct ua *ua = arg;
	struct dialog *dialog = sip_message_to(request)->tag.n ? dialog_find(ua, request) : NULL;

	if (dialog) {
		in_dialog(ua, dialog, st, request, source);
		return;
	}
	struct session_options options = ua->settings.session;
	if (request->method == SIP_INVITE && ua->handlers.options)
		ua->handlers.options(ua->handlers.arg, request, source, &options);
	if (request->method == SIP_NOTIFY && sip_message_to(request)->tag.n && !check_require(request, &options) &&
	    subscription_take_notify(ua, st, request))
		return;
	unsigned status = check_outside(ua, request, source, &options);
	if (!status && request->method == SIP_INVITE)
		new_invite(ua, st, request, source, &options);
	else if (!status && request->method == SIP_OPTIONS)
		answer_options(ua, st, request);
	else if (!status)
		status = pass_up(ua, st, request, source);
	if (status)
		refuse_session(ua, st, request, status, &options);
}

static void on_ack(void *arg, struct sip_message *ack, const struct sip_source *source)
{
	struct dialog *dialog = dialog_find(arg, ack);

	(void)source;
	if (!dialog)
		return;
	LIST_EACH(&dialog->usages, node) {
		struct usage *usage = LIST_ENTRY(node, struct usage, node);
		usage->ops->ack(usage, ack);
	}
}

static void on_cancel(void *arg, struct server_transaction *st, struct sip_message *cancel)
{
	struct session *session = server_transaction_user(st);

	(void)arg;
	if (session)
		session_peer_cancelled(session, cancel);
}

static void on_stray_2xx(void *arg, struct sip_message *response, const struct sip_source *source)
{
	struct ua *ua = arg;
	struct dialog *dialog = dialog_find(ua, response);

	(void)source;
	if (!dialog) {
		session_stray(ua, response);
		return;
	}
	LIST_EACH(&dialog->usages, node) {
		struct usage *usage = LIST_ENTRY(node, struct usage, node);
		usage->ops->success(usage, response);
	}
}

static void on_server_gone(void *arg, struct server_transaction *st, enum err err)
{
	struct session *session = server_transaction_user(st);

	(void)arg;
	(void)err;
	if (session)
		session_server_gone(session, st);
}

static void on_wire(void *arg, const struct sip_wire *wire)
{
	struct ua *ua = arg;

	if (ua->handlers.wire && !ua->closing)
		ua->handlers.wire(ua->handlers.arg, wire);
}

static void on_failed(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		      enum err err)
{
	struct ua *ua = arg;

	if (ua->closing)
		return;
	registration_flow_failed(ua, protocol, remote);
	if (ua->handlers.failed)
		ua->handlers.failed(ua->handlers.arg, protocol, remote, flow_id, err);
}

static void on_opened(void *arg, const struct sip_target *target)
{
	struct ua *ua = arg;

	if (!ua->closing && ua->handlers.opened)
		ua->handlers.opened(ua->handlers.arg, target);
}

static void on_moved(void *arg, const struct address *remote)
{
	struct ua *ua = arg;

	if (!ua->closing)
		registration_moved(ua, remote);
}

/* ---- life ---- */

struct ua *ua_new(const struct sip_world *world, const struct ua_handlers *handlers)
{
	struct ua *ua = xcalloc(1, sizeof *ua);

	ua->world = *world;
	ua->handlers = *handlers;
	ua->settings.max_sessions = MAX_SESSIONS;
	ua->settings.max_notifiers = MAX_NOTIFIERS;
	ua->digests = digest_cache_new(world->random);
	map_init(&ua->dialogs, world->random);
	list_init(&ua->sessions);
	list_init(&ua->ringing);
	list_init(&ua->requests);
	list_init(&ua->registrations);
	list_init(&ua->subscriptions);
	list_init(&ua->notifiers);
	list_init(&ua->dead);
	ua->transactions = transactions_new(&ua->world, &(struct transaction_handlers){ .request = on_request,
											.ack = on_ack,
											.cancel = on_cancel,
											.stray_2xx = on_stray_2xx,
											.server_gone = on_server_gone,
											.wire = on_wire,
											.failed = on_failed,
											.opened = on_opened,
											.moved = on_moved,
											.arg = ua });
	return ua;
}

bool ua_is_quiet(const struct ua *ua)
{
	LIST_EACH(&ua->sessions, node)
		if (session_owes(LIST_ENTRY(node, struct session, node)))
			return false;
	return request_all_finished(ua) && !transactions_await_ack(ua->transactions);
}

void ua_hurry(struct ua *ua)
{
	LIST_EACH(&ua->sessions, node)
		session_hurry(LIST_ENTRY(node, struct session, node));
}

void ua_free(struct ua *ua)
{
	if (!ua)
		return;
	assert(list_empty(&ua->registrations));
	ua->closing = true;
	ua_sweep(ua);
	subscription_free_all(ua);
	notifier_free_all(ua);
	ua_sweep(ua);
	session_free_all(ua);
	request_free_all(ua);
	ua_sweep(ua);
	transactions_free(ua->transactions);
	digest_cache_free(ua->digests);
	map_fini(&ua->dialogs);
	free(ua);
}

static void add_refer_sub(void *arg, struct sip_draft *draft)
{
	(void)arg;
	sip_draft_add(draft, SIP_HEADER_REFER_SUB, "false");
}

void ua_accept_quietly(struct ua *ua, struct server_transaction *st)
{
	core_respond(ua, st, 202, add_refer_sub, NULL);
}

struct ua_settings *ua_settings(struct ua *ua)
{
	return &ua->settings;
}

struct transactions *ua_transactions(struct ua *ua)
{
	return ua->transactions;
}
