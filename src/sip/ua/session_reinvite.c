/* re-INVITEs of ours (RFC 3261 14.1): one after the other, after a glare again, as refreshes of the timer. */
#include "base/xmalloc.h"
#include "sip/ua/session_internal.h"

enum { BUSY_MOST_S = 10 }; /* what a 500 of 14.2 asks for at most */

static void end_reinvite(struct session *session, const struct outcome *outcome)
{
	struct session_handlers *handlers = &session->handlers;
	bool refreshes = session->reinvite_refreshes;

	session->glares = 0;
	if (outcome->status >= 300)
		session_clock_failed(session, outcome);
	if (refreshes && handlers->refreshed)
		handlers->refreshed(handlers->arg, session, SLICE("INVITE"), outcome);
	else if (!refreshes && handlers->reinvited)
		handlers->reinvited(handlers->arg, session, outcome);
}

/*
 * Who asks a user first says so each minute (13.3.1.1). Of a peer, or a proxy, that was restarted after its 100 nothing
 * more comes, and all later changes would wait for it: the re-INVITE is cancelled, and the silence that follows is the
 * end of the call.
 */
#define REINVITE_SILENCE_US (96 * SECOND_US)

static void nothing_more_is_heard(void *arg)
{
	struct session *session = arg;

	if (session->reinvite)
		request_cancel(session->reinvite, slice_of(NULL));
}

static void wait_for_more(struct session *session)
{
	timer_start(session->ua->world.timers, &session->reinvite_limit, REINVITE_SILENCE_US, nothing_more_is_heard,
		    session);
}

static void glare_over(void *arg)
{
	session_go_on(arg);
}

/* The pause before what met a request of the peer is sent again (14.1). [us] */
static int64_t glare_pause(struct session *session)
{
	struct random *random = session->ua->world.random;

	return session->leg && !session->leg->dialog->ours ? random_below(random, 201) * 10 * MS_US
							   : 2100 * MS_US + random_below(random, 191) * 10 * MS_US;
}

/* The peer's own may wait for an answer that does not come, until its Timer B. */
bool session_glares_on(struct session *session, unsigned *glares, int64_t *since_us)
{
	int64_t now_us = session->ua->world.timers->now_us;

	if (!*glares)
		*since_us = now_us;
	return ++*glares <= GLARES_MAX || now_us - *since_us < GLARES_US;
}

bool session_was_in_the_way(struct session *session, const struct outcome *outcome, int64_t *pause_us)
{
	struct sip_retry_after after;

	*pause_us = outcome->status == 491 ? glare_pause(session) : 0;
	if (outcome->status != 500 || !outcome->response)
		return outcome->status == 491;
	if (!sip_retry_after_parse(sip_message_value(outcome->response, SIP_HEADER_RETRY_AFTER), &after) ||
	    after.seconds > BUSY_MOST_S)
		return false;
	*pause_us = after.seconds ? (int64_t)after.seconds * SECOND_US : SECOND_US / 2;
	return true;
}

static void after_glare(struct session *session, const struct outcome *outcome, int64_t pause_us)
{
	if (!session_glares_on(session, &session->glares, &session->glares_since_us)) {
		end_reinvite(session, outcome);
		return;
	}
	/* What was asked for meanwhile takes its place, and is told of by its own name. */
	if (!session->reinvite_waits)
		session->next_refreshes = session->reinvite_refreshes;
	session->reinvite_waits = true;
	timer_start(session->ua->world.timers, &session->glare, pause_us, glare_over, session);
}

static void reinvite_accepted(struct session *session, const struct sip_message *invite, const struct outcome *outcome)
{
	struct sip_message *response = outcome->response;
	struct leg *leg = session->leg;
	bool usable;

	dialog_refresh(leg->dialog, response);
	session_learn(leg, response);
	if (session_is_over(session)) {
		session_acknowledge(leg, invite, slice_of(NULL));
		return;
	}
	session_clock_take(session, response);
	if (session->reinvite_offered && leg->turn != TURN_OURS) {
		session_acknowledge(leg, invite, slice_of(NULL));
		usable = true;
	} else if (session->reinvite_offered) {
		session_acknowledge(leg, invite, slice_of(NULL));
		leg->turn = TURN_NONE;
		usable = session_has_sdp(response) && session_take_answer(leg, response);
	} else if (session->reinvite_agreed) {
		session_acknowledge(leg, invite, slice_of(NULL));
		usable = true;
	} else {
		struct buf answer;
		buf_init(&answer, SIP_MESSAGE_MAX);
		usable = session_take_offer(leg, response, &answer) == 0;
		session_acknowledge(leg, invite, buf_slice(&answer));
		buf_fini(&answer);
	}
	struct outcome bad = core_outcome(488, CAUSE_MEDIA, ERR_MEDIA);
	if (usable)
		end_reinvite(session, outcome);
	/* An offer without any answer has changed nothing: the old session stands. */
	else if (session->reinvite_offered && !session_has_sdp(response))
		end_reinvite(session, &bad);
	else
		session_break(session, bad);
}

static void reinvite_final(struct session *session, struct request *request, const struct outcome *outcome)
{
	int64_t pause_us;

	session_note_done(session, request);
	session->reinvite = NULL;
	timer_stop(session->ua->world.timers, &session->reinvite_limit);
	bool small = outcome->status == 422 && outcome->response && session_clock_retry(session, outcome->response);
	if (outcome->response)
		session_note_received(session, outcome->response);
	if (session->reinvite_offered && outcome->status >= 300)
		session->leg->turn = TURN_NONE;
	if (outcome->response && outcome->status < 300) {
		session->lingering++;
		reinvite_accepted(session, request_message(request), outcome);
	} else if (session_is_over(session)) {
		session_settle(session);
		return;
	} else if (session_was_in_the_way(session, outcome, &pause_us)) {
		after_glare(session, outcome, pause_us);
		return;
	} else if (small && !session->reinvite_waits) {
		session->reinvite_waits = true;
		session->next_refreshes = session->reinvite_refreshes;
	} else {
		end_reinvite(session, outcome);
		/* Without INVITE there is no session (RFC 5057 5.1). */
		bool gone = session_is_destroyed_by(outcome->status) || outcome->status == 405 ||
			    outcome->status == 501;
		if (gone && !session_is_over(session))
			session_break(session, core_outcome(outcome->status, outcome->cause, outcome->err));
	}
	session_go_on(session);
}

/* A 1xx to our re-INVITE: a reliable one may carry the answer. */
static void reinvite_progress(struct session *session, struct sip_message *response)
{
	struct leg *leg = session->leg;
	bool reliable = session_wants_prack(response);
	struct buf answer;

	session_note_received(session, response);
	if (!reliable || session_is_over(session) || !session_take_rseq(leg, response))
		return;
	buf_init(&answer, SIP_MESSAGE_MAX);
	if (session_has_sdp(response) && session->reinvite_offered && leg->turn == TURN_OURS) {
		leg->turn = TURN_NONE;
		if (session->handlers.answer &&
		    !session->handlers.answer(session->handlers.arg, session, leg->number, response, false))
			request_cancel(session->reinvite, slice_of(NULL));
	} else if (session_has_sdp(response) && !session->reinvite_offered && !session->reinvite_agreed) {
		session->reinvite_agreed = true;
		if (session_ask_own_answer(leg, response, &answer))
			request_cancel(session->reinvite, slice_of(NULL));
	}
	if (!session_is_over(session))
		session_send_prack(leg, response, buf_slice(&answer));
	buf_fini(&answer);
}

static void on_reinvite(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct session *session = arg;

	switch (event) {
	case REQUEST_PROVISIONAL:
		wait_for_more(session);
		reinvite_progress(session, outcome->response);
		break;
	case REQUEST_FINAL:
		reinvite_final(session, request, outcome);
		break;
	case REQUEST_AGAIN:
		if (session->leg)
			session_repeat_ack(session->leg, outcome->response);
		break;
	case REQUEST_GONE:
		session->lingering--;
		session_check_acks(session);
		session_settle(session);
		break;
	}
}

/*
 * After a glare the peer's offer may have changed what ours was built on: then it is written anew.
 * @return false: there is none to be had; without it the re-INVITE would ask the peer for an offer
 */
static bool renew_offer(struct session *session)
{
	struct buf offer;

	if (!session->offer_is_old || !session->next_offer[0])
		return true;
	buf_init(&offer, SIP_MESSAGE_MAX);
	session_ask_own_offer(session->leg, &offer);
	bool good = offer.n > 0;
	if (good) {
		free(session->next_offer);
		session->next_offer = buf_take(&offer);
	}
	buf_fini(&offer);
	return good;
}

static bool prepare_reinvite(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct session *session = arg;

	return session_own_contact(arg, draft, target) &&
	       (!session->reinvite_offered || session_may_offer_to(session, target));
}

/* It is not sent. */
static void give_up_offer(struct session *session)
{
	struct outcome outcome = core_outcome(488, CAUSE_MEDIA, ERR_MEDIA);

	session->leg->turn = TURN_NONE;
	end_reinvite(session, &outcome);
	session_go_on(session);
}

void session_try_reinvite(struct session *session)
{
	bool strict;

	if (!session->reinvite_waits || session->state != SESSION_CONFIRMED || session->reinvite ||
	    session->server.pending || session->server.wants_ack || timer_running(&session->glare) ||
	    session->update.request || session->leg->turn != TURN_NONE)
		return;
	session->reinvite_waits = false;
	session->reinvite_refreshes = session->next_refreshes;
	session->next_refreshes = session->reinvite_agreed = false;
	session->reinvite_offered = session->next_offer[0];
	if (session->reinvite_offered)
		session->leg->turn = TURN_OURS;
	bool offered = renew_offer(session);
	session->offer_is_old = false;
	if (session_is_over(session))
		return;
	if (!offered) {
		give_up_offer(session);
		return;
	}
	struct dialog *dialog = session->leg->dialog;
	struct sip_draft *draft = dialog_draft(dialog, SLICE("INVITE"), &strict);
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	core_add_supported(draft, &session->options, NULL);
	core_user_agent(session->ua, draft);
	session_clock_ask(session, draft);
	session_finish(session, draft, slice_of(session->next_offer));
	session->reinvite = request_start(session->ua, &(struct request_spec){ .profile = session->profile,
									       .draft = draft,
									       .strict = strict,
									       .others_dialog = !dialog->ours,
									       .cseq = &dialog->local_cseq,
									       .scope = slice_of(dialog->scope),
									       .prepare = prepare_reinvite,
									       .event = on_reinvite,
									       .arg = session });
	wait_for_more(session);
	session_note_request(session, session->reinvite);
}

static enum err reinvite(struct session *session, struct slice offer, bool anew)
{
	if (session->state != SESSION_CONFIRMED)
		return ERR_STATE;
	free(session->next_offer);
	session->next_offer = slice_dup(offer);
	session->offer_is_old = anew;
	session->reinvite_waits = true;
	session_try_reinvite(session);
	return ERR_NONE;
}

enum err session_reinvite(struct session *session, struct slice offer)
{
	session->next_refreshes = false;
	return reinvite(session, offer, false);
}

enum err session_reoffer(struct session *session)
{
	session->next_refreshes = false;
	/* What stands there is never sent: the offer is written when it leaves. */
	return reinvite(session, SLICE("?"), true);
}

void session_refresh_by_invite(struct session *session)
{
	session->next_refreshes = true;
	if (reinvite(session, SLICE("?"), true))
		session->next_refreshes = false;
}
