/* UPDATE (RFC 3311), sent and received, before and after the answer; whose turn it is by RFC 6337 4. */
#include "base/xmalloc.h"
#include "sip/ua/session_internal.h"

/* ---- ours ---- */

void session_update_stop(struct session *session)
{
	struct update_client *update = &session->update;

	timer_stop(session->ua->world.timers, &update->glare);
	update->waits = false;
	/* The request itself is an errand: it ends with the dialog. */
	update->request = NULL;
	update->leg = NULL;
}

static void tell(struct session *session, bool refreshing, const struct outcome *outcome)
{
	struct session_handlers *handlers = &session->handlers;

	if (outcome->status >= 300)
		session_clock_failed(session, outcome);
	if (refreshing && handlers->refreshed)
		handlers->refreshed(handlers->arg, session, SLICE("UPDATE"), outcome);
	else if (!refreshing && handlers->updated)
		handlers->updated(handlers->arg, session, outcome);
}

void session_update_lost(struct session *session)
{
	struct outcome gone = core_outcome(481, CAUSE_LOCAL, ERR_NONE);

	session->update.request = NULL;
	session->update.leg = NULL;
	tell(session, session->update.refreshing, &gone);
}

/* Only a session that is up expires (RFC 4028 3): an UPDATE before the answer, or of a fork, has no say in that. */
static bool is_up(const struct leg *leg)
{
	return leg == leg->session->leg && leg->session->state == SESSION_CONFIRMED;
}

static void glare_over(void *arg)
{
	session_go_on(arg);
}

/* @return true: it will be sent again, after the pause of 14.1 or 14.2, or with the interval that a 422 asks for */
static bool comes_again(struct session *session, const struct outcome *outcome)
{
	struct update_client *update = &session->update;
	bool small = outcome->status == 422 && outcome->response;
	bool asked = update->waits && !update->refreshes, asked_offers = update->waits && update->offers;
	int64_t pause_us = 0;

	if (small ? !session_clock_retry(session, outcome->response)
		  : !session_was_in_the_way(session, outcome, &pause_us) ||
			    !session_glares_on(session, &update->glares, &update->glares_since_us))
		return false;
	/* What was asked for meanwhile goes with it. */
	update->waits = true;
	update->offers = update->offered || asked_offers;
	update->refreshes = update->refreshing && !asked;
	if (!small)
		timer_start(session->ua->world.timers, &update->glare, pause_us, glare_over, session);
	return true;
}

/* @return false: the answer is not usable */
static bool accepted(struct leg *leg, const struct outcome *outcome, bool offered)
{
	struct session *session = leg->session;
	struct session_handlers *handlers = &session->handlers;

	session->update.glares = 0;
	dialog_refresh(leg->dialog, outcome->response);
	session_learn(leg, outcome->response);
	if (session->update.timed)
		session_clock_take(session, outcome->response);
	if (!offered)
		return true;
	return session_has_sdp(outcome->response) &&
	       (!handlers->answer ||
		handlers->answer(handlers->arg, session, leg->number, outcome->response,
				 session->state == SESSION_CONFIRMED));
}

static void on_update(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct session *session = arg;
	struct update_client *update = &session->update;
	struct leg *leg = update->leg;
	bool offered = update->offered, refreshing = update->refreshing;

	(void)request;
	if (!final || !update->request)
		return;
	update->request = NULL;
	update->leg = NULL;
	if (offered)
		leg->turn = TURN_NONE;
	if (outcome->status < 300 && outcome->response) {
		if (!accepted(leg, outcome, offered)) {
			struct outcome bad = core_outcome(488, CAUSE_MEDIA, ERR_MEDIA);
			tell(session, refreshing, &bad);
			if (session_is_over(session))
				return;
			/* An offer without any answer has changed nothing: the old session stands. */
			if (session->state == SESSION_CONFIRMED && session_has_sdp(outcome->response))
				session_break(session, bad);
			else
				session_go_on(session);
			return;
		}
	} else {
		/* Then it is done by re-INVITE from now on. */
		if (outcome->status == 405 || outcome->status == 501) {
			leg->has_allow = true;
			leg->peer_updates = false;
		}
		if (comes_again(session, outcome)) {
			session_go_on(session);
			return;
		}
		update->glares = 0;
	}
	tell(session, refreshing, outcome);
	if (!session_is_over(session))
		session_go_on(session);
}

/* May an offer go now (RFC 3311 5.1, RFC 6337 4.1)? */
static bool may_offer(const struct session *session, const struct leg *leg)
{
	return leg->turn == TURN_NONE && leg->agreed && !session->reinvite &&
	       !(session->reliable.outstanding && session->reliable.described) && !session->server.wants_ack &&
	       !(session->server.pending && session->server.again);
}

/* @return false: there is none to be had, or the session has ended meanwhile */
static bool add_offer(struct leg *leg, struct sip_draft *draft)
{
	struct session *session = leg->session;
	struct buf offer;

	buf_init(&offer, SIP_MESSAGE_MAX);
	leg->turn = TURN_OURS;
	session_ask_own_offer(leg, &offer);
	session->update.offered = offer.n > 0;
	if (!offer.n)
		leg->turn = TURN_NONE;
	session_finish(session, draft, buf_slice(&offer));
	buf_fini(&offer);
	return session->update.offered && !session_is_over(session);
}

/* It is not sent. */
static void give_up_offer(struct session *session)
{
	struct outcome outcome = core_outcome(488, CAUSE_MEDIA, ERR_MEDIA);

	session->update.leg = NULL;
	if (session_is_over(session))
		return;
	tell(session, session->update.refreshing, &outcome);
	if (!session_is_over(session))
		session_go_on(session);
}

void session_try_update(struct session *session)
{
	struct update_client *update = &session->update;
	struct leg *leg = session_current(session);
	bool strict;

	if (!update->waits || update->leg || timer_running(&update->glare) || session_is_over(session) || !leg ||
	    (update->offers && !may_offer(session, leg)))
		return;
	update->waits = false;
	update->offered = update->offers;
	update->refreshing = update->refreshes;
	update->leg = leg;
	struct sip_draft *draft = dialog_draft(leg->dialog, SLICE("UPDATE"), &strict);
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	core_add_supported(draft, &session->options, NULL);
	core_user_agent(session->ua, draft);
	update->timed = is_up(leg);
	if (update->timed)
		session_clock_ask(session, draft);
	if (!update->offered) {
		session_finish(session, draft, slice_of(NULL));
	} else if (!add_offer(leg, draft)) {
		sip_draft_free(draft);
		give_up_offer(session);
		return;
	}
	update->request = session_errand(leg, draft, strict, on_update, session)->request;
}

enum err session_update(struct session *session, bool offer)
{
	const struct leg *leg = session_current(session);

	if (session_is_over(session) || !leg)
		return ERR_STATE;
	/* Who sends no Allow has not said that it does not (RFC 3261 20.5). */
	if ((leg->has_allow && !leg->peer_updates) || (offer && !leg->agreed))
		return ERR_UNSUPPORTED;
	session->update.waits = true;
	session->update.offers = offer;
	session->update.refreshes = false;
	session_try_update(session);
	return ERR_NONE;
}

void session_refresh_by_update(struct session *session)
{
	session->update.waits = true;
	session->update.offers = false;
	session->update.refreshes = true;
	session_try_update(session);
}

/* ---- the peer's ---- */

/* May its offer be answered now (RFC 3311 5.2)? @return the status that says no, 0: yes */
static unsigned in_the_way(const struct session *session, const struct leg *leg)
{
	if (leg->turn == TURN_OURS)
		return 491;
	if (leg->turn == TURN_PEERS || (session->reliable.outstanding && session->reliable.described))
		return 500;
	return 0;
}

static void refuse_interval(struct session *session, struct server_transaction *st)
{
	struct sip_draft *draft = session_response(session, st, 422);

	sip_draft_add(draft, SIP_HEADER_MIN_SE, "%u", session_least_s(&session->options));
	session_send(session, st, draft);
}

void session_take_update(struct leg *leg, struct server_transaction *st, struct sip_message *request)
{
	struct session *session = leg->session;
	struct session_handlers *handlers = &session->handlers;
	bool offered = session_has_sdp(request);
	unsigned status = offered ? in_the_way(session, leg) : 0;
	struct buf answer;

	if (!status && session_interval_too_small(request, &session->options)) {
		refuse_interval(session, st);
		return;
	}
	buf_init(&answer, SIP_MESSAGE_MAX);
	if (!status && offered) {
		struct sip_target way = session_source(st);
		leg->turn = TURN_PEERS;
		status = session_ask_answer(leg, request, &way, &answer);
		leg->turn = TURN_NONE;
	}
	if (session_is_over(session))
		status = 481;
	if (status) {
		session_respond(session, st, status);
		buf_fini(&answer);
		return;
	}
	if (offered)
		session->offer_is_old = true;
	dialog_refresh(leg->dialog, request);
	session_learn(leg, request);
	struct sip_draft *draft = session_response(session, st, 200);
	if (is_up(leg))
		session_clock_answer(session, request, draft);
	if (answer.n)
		sip_draft_body(draft, SLICE("application/sdp"), buf_slice(&answer));
	buf_fini(&answer);
	session_send(session, st, draft);
	if (handlers->peer_updated)
		handlers->peer_updated(handlers->arg, session, request);
	if (!session_is_over(session))
		session_go_on(session);
}
