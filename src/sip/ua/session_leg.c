/* A leg: a dialog of a session, and the requests that come in it. */
#include "sip/ua/session_internal.h"

#include "base/xmalloc.h"

#include <assert.h>

static void forget_ack(struct session *session, struct ack *ack)
{
	if (session->sent.ack == ack) {
		sip_kept_put(&session->sent.kept, ack->sent);
		session->sent.ack = NULL;
	}
	list_remove(&ack->node);
	ack_free(ack);
}

void session_free_leg(struct leg *leg)
{
	LIST_EACH(&leg->session->errands, node) {
		struct errand *errand = LIST_ENTRY(node, struct errand, node);
		if (errand->leg == leg)
			session_drop_errand(errand);
	}
	LIST_EACH(&leg->acks, node)
		forget_ack(leg->session, LIST_ENTRY(node, struct ack, node));
	list_remove(&leg->node);
	list_remove(&leg->usage.node);
	dialog_free(leg->dialog);
	sip_message_unref(leg->early);
	free(leg);
}

static void take_bye(struct leg *leg, struct server_transaction *st, struct sip_message *bye)
{
	struct session *session = leg->session;
	struct outcome outcome = core_outcome(200, CAUSE_NONE, ERR_NONE);

	session_respond(session, st, 200);
	if (leg == session->leg && !session->is_caller && session->server.pending && !session->server.again) {
		/* The caller may leave an early dialog by BYE instead of CANCEL (15). */
		session_refuse(session, 487);
		outcome = core_outcome(487, CAUSE_CANCELLED, ERR_NONE);
		session_fail(session, &outcome);
		return;
	}
	if (session->server.pending)
		session_refuse(session, 487);
	session_server_stop(session);
	session->bye_waits = false;
	if (leg != session->leg || session_is_over(session)) {
		session_settle(session);
		return;
	}
	dialog_hide(leg->dialog);
	session_end(session, &outcome, true, bye);
}

/*
 * May the peer change the session once more? Who does without end fills the log of events, which all calls share, and
 * the devices with work. Refused by 500 nothing has changed, for either side (14.2, RFC 5057 5.1).
 */
static bool is_too_fast(struct session *session, enum sip_method method)
{
	enum { CHANGE_US = 100000, CHANGES_AT_ONCE = 32 };

	return (method == SIP_INVITE || method == SIP_UPDATE) &&
	       !pace_takes(&session->changes, session->ua->world.timers->now_us, CHANGE_US, CHANGES_AT_ONCE);
}

static bool leg_request(struct usage *usage, struct server_transaction *st, struct sip_message *request,
			const struct sip_source *source)
{
	struct leg *leg = CONTAINER_OF(usage, struct leg, usage);
	struct session *session = leg->session;
	unsigned status;

	(void)source;
	session_note_received(session, request);
	if (request->method == SIP_BYE) {
		take_bye(leg, st, request);
		return true;
	}
	if (request->method == SIP_PRACK) {
		session_take_prack(leg, st, request);
		return true;
	}
	/* Subscriptions in the dialog outlive the session (RFC 5057 4.1). */
	if (request->method == SIP_NOTIFY || request->method == SIP_SUBSCRIBE)
		return false;
	/* After our BYE, or of a fork that lost: the session is no more (RFC 5407 3.2.2). */
	if (session_is_over(session) || (session->leg && leg != session->leg)) {
		session_respond(session, st, 481);
		return true;
	}
	if (is_too_fast(session, request->method)) {
		session_respond(session, st, 500);
		return true;
	}
	if (request->method == SIP_INVITE) {
		session_take_reinvite(session, st, request);
		return true;
	}
	if (request->method == SIP_UPDATE) {
		session_take_update(leg, st, request);
		return true;
	}
	status = session->handlers.request ? session->handlers.request(session->handlers.arg, session, st, request) : 0;
	if (status >= 200)
		session_respond(session, st, status);
	return status != 0;
}

static void leg_ack(struct usage *usage, struct sip_message *ack)
{
	struct leg *leg = CONTAINER_OF(usage, struct leg, usage);

	session_note_received(leg->session, ack);
	session_take_ack(leg->session, ack);
	session_slim(leg->session);
}

static void leg_success(struct usage *usage, struct sip_message *response)
{
	struct leg *leg = CONTAINER_OF(usage, struct leg, usage);

	session_late_success(leg->session, leg, response);
}

static const struct usage_ops leg_ops = { leg_request, leg_ack, leg_success };

struct leg *session_add_leg(struct session *session, struct dialog *dialog)
{
	struct leg *leg = xcalloc(1, sizeof *leg);

	leg->session = session;
	leg->number = session->leg_count++;
	leg->dialog = dialog;
	leg->usage.ops = &leg_ops;
	list_init(&leg->acks);
	dialog_add_usage(dialog, &leg->usage);
	list_append(&session->legs, &leg->node);
	return leg;
}

void session_drop_leg(struct leg *leg)
{
	assert(leg != leg->session->leg && !leg->bye);
	session_free_leg(leg);
}

struct leg *session_find_leg(struct session *session, struct slice remote_tag)
{
	LIST_EACH(&session->legs, node) {
		struct leg *leg = LIST_ENTRY(node, struct leg, node);
		if (dialog_has_remote_tag(leg->dialog, remote_tag))
			return leg;
	}
	return NULL;
}

struct leg *session_current(const struct session *session)
{
	struct list_node *first = list_first(&session->legs);

	if (session->leg || !first)
		return session->leg;
	LIST_EACH(&session->legs, node)
		if (LIST_ENTRY(node, struct leg, node)->agreed)
			return LIST_ENTRY(node, struct leg, node);
	return LIST_ENTRY(first, struct leg, node);
}

/* ---- Replaces (RFC 3891), Join (RFC 3911) ---- */

/* The session that this dialog belongs to. */
static struct session *session_of(const struct dialog *dialog)
{
	LIST_EACH(&dialog->usages, node) {
		struct usage *usage = LIST_ENTRY(node, struct usage, node);
		if (usage->ops == &leg_ops)
			return CONTAINER_OF(usage, struct leg, usage)->session;
	}
	return NULL;
}

/* @return 0, or the status that says that no session of ours is meant */
static unsigned find_named(struct ua *ua, const struct sip_replaces *wanted, struct session **session)
{
	const struct dialog *dialog = dialog_find_by(ua, wanted->call_id, wanted->to_tag, wanted->from_tag);

	*session = dialog ? session_of(dialog) : NULL;
	if (!*session)
		return 481;
	return session_is_over(*session) || (*session)->cancelled ? 603 : 0;
}

static unsigned find_replaced(struct ua *ua, const struct sip_replaces *wanted, struct session **replaced)
{
	struct session *session;
	unsigned status = find_named(ua, wanted, &session);

	if (status)
		return status;
	/* An early dialog may be replaced by whom we call only; a confirmed one not by who wants an early one. */
	if (session->state == SESSION_CONFIRMED ? wanted->early_only : !session->is_caller)
		return session->state == SESSION_CONFIRMED ? 486 : 481;
	*replaced = session;
	return 0;
}

static unsigned find_joined(struct ua *ua, const struct sip_replaces *wanted, struct session **joined)
{
	struct session *session;
	unsigned status = find_named(ua, wanted, &session);

	if (status)
		return status;
	/* Before the answer there is nothing to mix: "incapable of satisfying the Join" (RFC 3911 4). */
	if (session->state != SESSION_CONFIRMED)
		return 488;
	*joined = session;
	return 0;
}

unsigned session_find_named(struct ua *ua, const struct sip_message *invite, struct session **replaced,
			    struct session **joined)
{
	bool replaces = sip_message_header(invite, SIP_HEADER_REPLACES, 0) != NULL,
	     joins = sip_message_header(invite, SIP_HEADER_JOIN, 0) != NULL;
	enum sip_header_id id = joins ? SIP_HEADER_JOIN : SIP_HEADER_REPLACES;
	struct sip_replaces wanted;

	*replaced = *joined = NULL;
	if (!replaces && !joins)
		return 0;
	/* Both at once contradict each other. */
	if ((replaces && joins) || sip_message_header(invite, id, 1) ||
	    !sip_replaces_parse(sip_message_value(invite, id), &wanted))
		return 400;
	return joins ? find_joined(ua, &wanted, joined) : find_replaced(ua, &wanted, replaced);
}
