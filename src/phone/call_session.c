/* What the session of a call tells, and re-INVITEs. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

enum {
	RINGBACK_AFTER_US = 1000000,
	PROOF_US = 1000000, /* an ACK that is lost once comes after half of it */
};

static void ringback_due(void *arg)
{
	struct call *call = arg;

	call->ringback = !call->media.heard;
	calls_update_tones(call->phone);
}

/* ---- what the session tells ---- */

static struct slice sdp_of(const struct sip_message *message)
{
	return sip_message_body(message, "application", "sdp");
}

static void told_hold(struct call *call)
{
	bool holds = call->media.plan.peer_holds;

	if (holds == call->held_by_peer)
		return;
	call->held_by_peer = holds;
	call_event(call, holds ? EVENT_REMOTE_HELD : EVENT_REMOTE_RESUMED);
}

/* 183, and every other 1xx that is not known (RFC 3261 8.1.3.2). */
static bool is_progress(unsigned status)
{
	return status == 183 || (status > 100 && status < 200 && !sip_status_known(status));
}

static void on_provisional(void *arg, struct session *session, int leg, struct sip_message *response)
{
	struct call *call = arg;
	bool sdp = sdp_of(response).n > 0;

	(void)session;
	if (response->status == 199) {
		media_forget_leg(&call->media, leg);
		call_sound_changed(call);
		return;
	}
	call_keep_id(call);
	call_set_status(call, response->status, response->reason);
	if (!call->trying_said) {
		call->trying_said = true;
		if (call->state == CALL_DIALLING)
			call_set_state(call, CALL_TRYING);
		call_event(call, EVENT_TRYING);
	}
	if (response->status == 180) {
		call->ringback = true;
		if (call->state != CALL_EARLY)
			call_set_state(call, CALL_RINGING);
		if (!call->ringing_said)
			call_event(call, EVENT_RINGING);
		call->ringing_said = true;
	} else if (is_progress(response->status) && !call->ringback && !timer_running(&call->ringback_timer)) {
		timer_start(call->phone->timers, &call->ringback_timer, RINGBACK_AFTER_US, ringback_due, call);
	}
	if (sdp && call->media.plan.usable && !call->early_said && call->media.early != MEDIA_EARLY_OFF) {
		call_set_state(call, CALL_EARLY);
		call->early_said = true;
		event_text(call_event(call, EVENT_EARLY_MEDIA), "codec", slice_of(media_codec_in_use(&call->media)));
	}
	call_sound_changed(call);
	calls_update_tones(call->phone);
	transfer_progress(call, response->status, response->reason);
}

static void send_first_digits(struct call *call)
{
	struct failure failure;

	if (call->digits && *call->digits &&
	    !call_send_digits(call, slice_of(call->digits), (struct slice){ 0 }, &failure))
		log_line(call->phone->log, LOG_WARNING, "the digits %s were not sent: %s", call->digits, failure.text);
}

static void proof_missing(void *arg)
{
	struct call *call = arg;

	log_line(call->phone->log, LOG_NOTICE, "call %u: nobody has acknowledged the answer: the sound waits",
		 call->number);
	media_withhold(&call->media, true);
}

void call_proved(struct call *call)
{
	timer_stop(call->phone->timers, &call->proof_timer);
	media_withhold(&call->media, false);
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	struct call *call = arg;

	call_keep_id(call);
	timer_stop(call->phone->timers, &call->ringback_timer);
	timer_stop(call->phone->timers, &call->answer_timer);
	if (call->beeps)
		calls_beep(call->phone);
	call->ringback = false;
	call->answered_us = call->phone->timers->now_us;
	call_set_state(call, CALL_ANSWERED);
	sip_message_unref(call->invite);
	call->invite = NULL;
	if (!call->incoming && message && !message->is_request)
		call_set_status(call, message->status, message->reason);
	else
		call_set_status(call, 200, SLICE("OK"));
	bool sound = call->incoming || media_choose_leg(&call->media, leg);
	call_sound_changed(call);
	event_text(call_event(call, EVENT_ANSWERED), "codec", slice_of(media_codec_in_use(&call->media)));
	call->held_by_peer = false;
	told_hold(call);
	calls_update_tones(call->phone);
	if (!sound) {
		log_line(call->phone->log, LOG_WARNING, "call %u: answered without saying where sound goes",
			 call->number);
		session_hangup(session, SLICE("SIP;cause=488;text=\"No session description in the answer\""));
		return;
	}
	send_first_digits(call);
	transfer_progress(call, 200, SLICE("OK"));
	if (call->incoming) {
		if (!call->media.heard)
			timer_start(call->phone->timers, &call->proof_timer, PROOF_US, proof_missing, call);
		transfer_replace(call);
		join_answered(call);
	}
}

static void on_acknowledged(void *arg, struct session *session)
{
	struct call *call = arg;

	(void)session;
	call_proved(call);
	call_sound_changed(call);
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	(void)session;
	if (!call_redirect(arg, outcome) && !call_by_next_proxy(arg, outcome))
		call_finish(arg, false, outcome, NULL);
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	struct call *call = arg;
	struct buf detail;

	(void)session;
	/* A Reason in the BYE (RFC 3326) is worth telling. */
	buf_init(&detail, 2048);
	if (request)
		explain_response(request, &detail);
	if (detail.n) {
		free(call->detail);
		call->detail = buf_take(&detail);
	}
	buf_fini(&detail);
	call_finish(call, true, outcome, by_peer ? "the peer" : "us");
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	struct call *call = arg;
	bool good = encryption_judge(call, session_way(session));

	unsigned status = !encryption_may_answer(&call->media, good, sdp_of(message)) ? 488
			  : call->incoming ? media_answer_offer(&call->media, sdp_of(message), answer)
					   : media_answer_leg(&call->media, leg, sdp_of(message), answer);
	if (!good && status)
		log_line(call->phone->log, LOG_WARNING,
			 "call %u: an offer was refused: everybody on the way could read the keys in its answer; see "
			 "media.encryption-over-clear", call->number);
	if (status == 488)
		session_set_warning(session, media_warning(&call->media, sdp_of(message)));
	call_sound_changed(call);
	return status;
}

static void on_refuse(void *arg, struct session *session, const struct sip_message *message, struct buf *answer)
{
	struct call *call = arg;

	(void)session;
	media_refuse_offer(&call->media, sdp_of(message), answer);
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	struct call *call = arg;

	(void)session;
	bool good = media_take_answer(&call->media, leg, sdp_of(message), final);
	call_sound_changed(call);
	if (good && final && call_is_up(call))
		told_hold(call);
	return good;
}

/* A hold begins to be one when its offer leaves, whatever the session had to do before. */
static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	struct call *call = arg;
	struct failure failure;

	if (call->incoming && !call_open_media(call, &failure)) {
		log_line(call->phone->log, LOG_WARNING, "%s", failure.text);
		return;
	}
	if (call->change == CHANGE_HOLD || call->change == CHANGE_RESUME)
		media_set_held(&call->media, call->change == CHANGE_HOLD);
	call->keys_kept = !encryption_judge(call, session_way(session));
	if (!call->keys_kept)
		media_offer_leg(&call->media, leg, offer);
}

static bool on_may_offer_to(void *arg, struct session *session, const struct sip_target *target)
{
	struct call *call = arg;

	(void)session;
	call->keys_kept = !encryption_may_offer_to(call, target);
	return !call->keys_kept;
}

/* Where the offer is of the wrong family, sound needs sockets of the other one. */
static bool on_offer_for(void *arg, struct session *session, const struct address *remote, struct buf *offer)
{
	struct call *call = arg;
	struct address local;

	(void)session;
	if (!call->media.opened || call->media.settled || address_is_v6(remote) == address_is_v6(&call->media.local) ||
	    !phone_local_for(call->phone, remote, &local) || address_is_v6(&local) != address_is_v6(remote))
		return false;
	enum err err = media_move(&call->media, &local);
	if (err) {
		log_line(call->phone->log, LOG_WARNING, "call %u: no sound at the address that is asked now: %s",
			 call->number, err_text(err));
		return false;
	}
	call->local = local;
	media_offer(&call->media, offer);
	return true;
}

/* ---- re-INVITE ---- */

/* @return the event: a refresh is one more thing to say */
static struct event *reinvite_event(struct call *call, const char *direction, unsigned code)
{
	struct event *event = events_add(call->phone->events, EVENT_REINVITE, call->number);

	event_text(event, "id", slice_of(call->id));
	event_text(event, "callid", slice_of(call->call_id));
	event_text(event, "direction", slice_of(direction));
	if (code)
		event_number(event, "code", code);
	return event;
}

bool call_will_be_held(const struct call *call)
{
	if (call->next_hold != CHANGE_NONE)
		return call->next_hold == CHANGE_HOLD;
	return call->change == CHANGE_HOLD || (call->held_by_us && call->change != CHANGE_RESUME);
}

/* One after the other: of holding and resuming the last wish counts, and each re-INVITE that was asked for is told of.
 */
static void queue_change(struct call *call, enum call_change change, bool bare)
{
	if (change == CHANGE_REINVITE) {
		call->next_reinvite = true;
		call->next_bare = bare;
	} else {
		call->next_hold = change;
	}
	/* Nothing of ours is heard from now on, whatever is answered to what is under way. */
	if (change == CHANGE_HOLD)
		media_set_held(&call->media, true);
}

static enum err begin_change(struct call *call, enum call_change change, bool bare)
{
	/* Nothing of ours is heard from now on, however long the offer has to wait. */
	if (change == CHANGE_HOLD)
		media_set_held(&call->media, true);
	call->change = change;
	enum err err = bare ? session_reinvite(call->session, (struct slice){ 0 }) : session_reoffer(call->session);
	if (err) {
		call->change = CHANGE_NONE;
		media_set_held(&call->media, call->held_by_us);
	}
	return err;
}

bool call_change_start(struct call *call, enum call_change change, bool bare, struct failure *failure)
{
	if (call->change) {
		queue_change(call, change, bare);
		return true;
	}
	enum err err = begin_change(call, change, bare);
	return !err || fail(failure, STATUS_CALL, err_name(err), "call %u cannot be changed now: %s", call->number,
			    err_text(err));
}

/* Is this so already, in what we send too? */
static bool is_needless(const struct call *call, enum call_change hold)
{
	bool held = hold == CHANGE_HOLD;

	return call->held_by_us == held && call->media.held == held;
}

/* What was asked for while something else was under way. */
static void next_change(struct call *call)
{
	enum call_change hold = call->next_hold;
	bool asked = call->next_reinvite, bare = call->next_bare;

	if (!call->session || call->ended)
		return;
	call->next_hold = CHANGE_NONE;
	if (hold != CHANGE_NONE && is_needless(call, hold))
		hold = CHANGE_NONE;
	if (hold == CHANGE_NONE && !asked)
		return;
	/* Holding and resuming offer what a re-INVITE would, too; one without an offer stands for itself. */
	bool both = hold != CHANGE_NONE && asked && !bare;
	if (both || hold == CHANGE_NONE)
		call->next_reinvite = call->next_bare = false;
	call->change_is_asked = both;
	enum err err = begin_change(call, hold == CHANGE_NONE ? CHANGE_REINVITE : hold, hold == CHANGE_NONE && bare);
	if (err)
		log_line(call->phone->log, LOG_ERROR, "call %u cannot be changed now: %s", call->number, err_text(err));
}

static void change_done(struct call *call, enum call_change change)
{
	if (change == CHANGE_REINVITE || call->change_is_asked)
		reinvite_event(call, "out", 200);
	if (change == CHANGE_REINVITE)
		return;
	bool held = change == CHANGE_HOLD;
	if (held == call->held_by_us)
		return;
	call->held_by_us = held;
	call_set_state(call, held ? CALL_HELD : CALL_ANSWERED);
	call_event(call, held ? EVENT_HELD : EVENT_RESUMED);
	call_hold_music(call);
	call_sound_changed(call);
}

/* What was answered or, where nothing was, why: who has not answered has not said 408. */
static void tell_answer(struct event *event, const struct outcome *outcome)
{
	const char *local = explain_local_cause(outcome);

	event_text(event, "reason", local ? slice_of(local) : outcome->reason);
	if (local)
		event_text(event, "cause", slice_of(cause_name(outcome->cause)));
}

static void note_refusal(struct call *call, const char *method, const struct outcome *outcome)
{
	const char *local = explain_local_cause(outcome);
	char *reason = clean(outcome->reason);

	if (local)
		phone_note_failure(call->phone, "call %u: %s: %s", call->number, method, local);
	else
		phone_note_failure(call->phone, "call %u: %s: %u %s", call->number, method, outcome->status, reason);
	free(reason);
}

/* What is told of an offer that did not leave: not what its request came to. */
static const struct outcome *without_keys(struct call *call, const struct outcome *outcome, struct outcome *kept)
{
	if (!call->keys_kept)
		return outcome;
	call->keys_kept = false;
	*kept = (struct outcome){
		.status = 488,
		.cause = CAUSE_LOCAL,
		.reason = SLICE("the other side is reached now by a way on which everybody could read the keys of the "
				"sound: nothing was sent, and the call goes on as it was; "
				"media.encryption-over-clear on permits it")
	};
	return kept;
}

static void on_reinvited(void *arg, struct session *session, const struct outcome *outcome)
{
	struct call *call = arg;
	enum call_change change = call->change;
	struct outcome kept;

	(void)session;
	outcome = without_keys(call, outcome, &kept);
	call->change = CHANGE_NONE;
	if (outcome->status / 100 == 2) {
		media_offer_stands(&call->media);
		change_done(call, change);
	} else {
		media_offer_refused(&call->media);
		media_set_held(&call->media, call->held_by_us);
		tell_answer(reinvite_event(call, "out", outcome->status), outcome);
		note_refusal(call, "re-INVITE", outcome);
	}
	call->change_is_asked = false;
	calls_update_tones(call->phone);
	next_change(call);
}

static void on_offer_lost(void *arg, struct session *session)
{
	struct call *call = arg;

	(void)session;
	media_offer_refused(&call->media);
	call_sound_changed(call);
}

static void on_peer_reinvited(void *arg, struct session *session, struct sip_message *request)
{
	struct call *call = arg;

	(void)session;
	(void)request;
	reinvite_event(call, "in", 0);
	told_hold(call);
}

/* ---- UPDATE, and what the session timer does ---- */

static void update_event(struct call *call, const char *direction, const struct outcome *outcome, bool refresh)
{
	struct event *event = events_add(call->phone->events, EVENT_UPDATE, call->number);

	event_text(event, "id", slice_of(call->id));
	event_text(event, "callid", slice_of(call->call_id));
	event_text(event, "direction", slice_of(direction));
	if (outcome) {
		event_number(event, "code", outcome->status);
		tell_answer(event, outcome);
	}
	if (refresh)
		event_text(event, "refresh", SLICE("yes"));
}

static void on_updated(void *arg, struct session *session, const struct outcome *outcome)
{
	struct call *call = arg;
	struct outcome kept;

	(void)session;
	outcome = without_keys(call, outcome, &kept);
	call->updating = false;
	if (outcome->status / 100 == 2) {
		media_offer_stands(&call->media);
	} else {
		media_offer_refused(&call->media);
		note_refusal(call, "UPDATE", outcome);
	}
	update_event(call, "out", outcome, false);
	call_sound_changed(call);
}

static void on_peer_updated(void *arg, struct session *session, struct sip_message *request)
{
	struct call *call = arg;

	(void)session;
	(void)request;
	update_event(call, "in", NULL, false);
	if (call_is_up(call))
		told_hold(call);
}

static void on_refreshed(void *arg, struct session *session, struct slice method, const struct outcome *outcome)
{
	struct call *call = arg;
	struct outcome kept;

	(void)session;
	outcome = without_keys(call, outcome, &kept);
	if (slice_eq(method, SLICE("UPDATE"))) {
		update_event(call, "out", outcome, true);
		return;
	}
	struct event *event = reinvite_event(call, "out", outcome->status);
	if (outcome->status / 100 == 2)
		media_offer_stands(&call->media);
	else
		media_offer_refused(&call->media);
	tell_answer(event, outcome);
	event_text(event, "refresh", SLICE("yes"));
}

/* ---- other requests of the peer ---- */

static unsigned on_request(void *arg, struct session *session, struct server_transaction *st,
			   struct sip_message *request)
{
	(void)session;
	switch (request->method) {
	case SIP_INFO:
		return call_take_info(arg, request);
	case SIP_REFER:
		return call_take_refer(arg, st, request);
	default:
		return 0;
	}
}

struct session_handlers call_handlers(struct call *call)
{
	return (struct session_handlers){
		.provisional = on_provisional,
		.answered = on_answered,
		.acknowledged = on_acknowledged,
		.failed = on_failed,
		.ended = on_ended,
		.offer = on_offer,
		.refuse = on_refuse,
		.answer = on_answer,
		.make_offer = on_make_offer,
		.offer_for = on_offer_for,
		.may_offer_to = on_may_offer_to,
		.reinvited = on_reinvited,
		.peer_reinvited = on_peer_reinvited,
		.offer_lost = on_offer_lost,
		.updated = on_updated,
		.peer_updated = on_peer_updated,
		.refreshed = on_refreshed,
		.request = on_request,
		.arg = call,
	};
}
