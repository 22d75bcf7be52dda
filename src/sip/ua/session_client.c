#include "sip/ua/session_internal.h"

#include "base/xmalloc.h"

#include <assert.h>

bool session_own_contact(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct session *session = arg;

	return request_add_contact(session->ua, session->profile, draft, target, slice_of(NULL));
}

/* ---- cancelling ---- */

void session_cancel(struct session *session, struct slice reason, struct outcome words)
{
	if (session->cancelled)
		return;
	session->cancelled = true;
	session->cancel_words = words;
	timer_stop(session->ua->world.timers, &session->timeout);
	if (session->invite)
		request_cancel(session->invite, reason);
}

bool session_cancels_later(const struct session *session)
{
	return session->cancelled && session->invite && request_cancels_later(session->invite);
}

static void not_answered(void *arg)
{
	session_cancel(arg, slice_of(NULL), core_outcome(408, CAUSE_TIMEOUT, ERR_TIMEOUT));
}

/* ---- ACK ---- */

static struct ack *find_ack(struct leg *leg, uint32_t cseq)
{
	LIST_EACH(&leg->acks, node) {
		struct ack *ack = LIST_ENTRY(node, struct ack, node);
		if (ack->cseq == cseq)
			return ack;
	}
	return NULL;
}

void session_acknowledge(struct leg *leg, const struct sip_message *invite, struct slice body)
{
	struct session *session = leg->session;
	struct ack *ack = ack_send(leg->dialog, invite, body, session->profile);
	size_t count = 0;

	list_prepend(&leg->acks, &ack->node);
	session_note_ack(session, ack);
	/* The oldest is that of the first 2xx, which may come again for 32 seconds: it stays. */
	LIST_EACH(&leg->acks, node) {
		if (++count < ACKS_MAX || node == list_last(&leg->acks))
			continue;
		list_remove(node);
		ack_free(LIST_ENTRY(node, struct ack, node));
	}
}

/* @return true: this 2xx was acknowledged before, and now again */
bool session_repeat_ack(struct leg *leg, const struct sip_message *response)
{
	struct ack *ack = find_ack(leg, sip_message_cseq(response)->number);

	if (ack)
		ack_repeat(ack);
	return ack != NULL;
}

void session_check_acks(struct session *session)
{
	if (!session->leg || session->state != SESSION_CONFIRMED)
		return;
	LIST_EACH(&session->leg->acks, node) {
		const struct ack *ack = LIST_ENTRY(node, struct ack, node);
		if (!ack_is_lost(ack))
			continue;
		session_break(session, core_outcome(503, core_cause(ack->err), ack->err));
		return;
	}
}

static struct slice scope_of(const struct session *session)
{
	struct list_node *first = list_first(&session->legs);

	if (session->invite)
		return request_scope(session->invite);
	return first ? slice_of(LIST_ENTRY(first, struct leg, node)->dialog->scope) : slice_of(NULL);
}

/* The dialog that was heard of first and is not used. */
static struct leg *oldest_idle(struct session *session)
{
	LIST_EACH(&session->legs, node) {
		struct leg *leg = LIST_ENTRY(node, struct leg, node);
		if (leg != session->leg && !leg->bye && leg != session->update.leg)
			return leg;
	}
	return NULL;
}

static bool has_room(struct session *session)
{
	size_t count = 0;

	LIST_EACH(&session->legs, node)
		count++;
	return count < LEGS_MAX;
}

/* The leg of a response, made when it is the first of its dialog; a 2xx takes the place of an idle one when there are
 * too many. @return NULL: there is no room */
static struct leg *leg_of(struct session *session, const struct sip_message *invite, const struct sip_message *response)
{
	const struct sip_address *to = sip_message_to(response);
	struct leg *leg = session_find_leg(session, to->tag);

	if (leg)
		return leg;
	if (!has_room(session)) {
		struct leg *idle = response->status >= 200 ? oldest_idle(session) : NULL;
		if (!idle)
			return NULL;
		session_drop_leg(idle);
	}
	leg = session_add_leg(session, dialog_new_client(session->ua, invite, response, scope_of(session)));
	leg->turn = session->offer ? TURN_OURS : TURN_NONE;
	return leg;
}

/* ---- offers and answers ---- */

/* Write the answer to the offer that a 2xx must bring where our INVITE had none (13.2.1). @return the status to refuse
 * with, 0: accepted */
unsigned session_take_offer(struct leg *leg, const struct sip_message *response, struct buf *answer)
{
	if (!session_has_sdp(response))
		return 488;
	return session_ask_own_answer(leg, response, answer);
}

/* The answer to our offer, in this 2xx or in a 1xx before it. */
bool session_take_answer(struct leg *leg, const struct sip_message *response)
{
	struct session_handlers *handlers = &leg->session->handlers;
	const struct sip_message *carrier = session_has_sdp(response) ? response : leg->early;

	leg->turn = TURN_NONE;
	if (!carrier)
		return false;
	leg->agreed = true;
	return !handlers->answer || handlers->answer(handlers->arg, leg->session, leg->number, carrier, true);
}

/* The description in a 1xx: the answer to our offer, or in a reliable one the offer that we asked for (RFC 6337 2.1).
 * @return false: it is not usable */
static bool take_early(struct leg *leg, struct sip_message *response, bool reliable, struct buf *answer)
{
	struct session *session = leg->session;
	struct session_handlers *handlers = &session->handlers;

	if (leg->turn == TURN_OURS) {
		/* The first description is the answer; what later ones say is left to the 2xx (13.2.1). */
		if (leg->early && !reliable)
			return true;
		bool repeated = leg->early && slice_eq(leg->early->body, response->body);
		sip_message_unref(leg->early);
		leg->early = sip_message_ref(response);
		if (reliable) {
			leg->turn = TURN_NONE;
			leg->agreed = true;
		}
		return repeated || !handlers->answer ||
		       handlers->answer(handlers->arg, session, leg->number, response, false);
	}
	if (leg->agreed || !reliable || session->offer)
		return true;
	leg->agreed = true;
	return session_ask_own_answer(leg, response, answer) == 0;
}

/* ---- the first INVITE ---- */

/*
 * 199: this early dialog is no more, others of the INVITE may be (RFC 6228 4). Who is told has heard of it already.
 */
static void early_dialog_ended(struct leg *leg)
{
	struct session *session = leg->session;
	bool updates = session->update.leg == leg;

	if (session_is_over(session) || leg == session->leg || leg->bye)
		return;
	session_drop_leg(leg);
	if (updates)
		session_update_lost(session);
}

static void take_provisional(struct session *session, struct sip_message *response)
{
	const struct sip_address *to = sip_message_to(response);
	struct session_handlers *handlers = &session->handlers;
	bool reliable = session_wants_prack(response), good = true;
	struct leg *leg = NULL;
	struct buf answer;

	session_note_received(session, response);
	if (session_is_over(session))
		return;
	if (response->status > 100 && to->tag.n) {
		leg = leg_of(session, request_message(session->invite), response);
		if (leg && reliable && !session_take_rseq(leg, response))
			return;
		session->state = SESSION_EARLY;
	} else if (session->state == SESSION_CALLING) {
		session->state = SESSION_PROCEEDING;
	}
	buf_init(&answer, SIP_MESSAGE_MAX);
	if (leg) {
		session_learn(leg, response);
		if (reliable)
			dialog_refresh(leg->dialog, response);
	}
	if (leg && session_has_sdp(response) && !session->cancelled && response->status != 199)
		good = take_early(leg, response, reliable, &answer);
	if (leg && reliable && !session_is_over(session))
		session_send_prack(leg, response, buf_slice(&answer));
	buf_fini(&answer);
	if (!good) {
		session_cancel(session, slice_of(NULL), core_outcome(488, CAUSE_MEDIA, ERR_MEDIA));
		return;
	}
	if (!session_is_over(session) && handlers->provisional)
		handlers->provisional(handlers->arg, session, leg ? leg->number : -1, response);
	if (leg && response->status == 199)
		early_dialog_ended(leg);
	if (!session_is_over(session))
		session_go_on(session);
}

/* A 2xx that nobody wants any more: ACK, then BYE (13.2.2.4). */
static void turn_away(struct leg *leg, const struct sip_message *invite)
{
	session_acknowledge(leg, invite, slice_of(NULL));
	session_bye(leg);
}

static void answered(struct leg *leg, const struct sip_message *invite, struct sip_message *response)
{
	struct session *session = leg->session;
	struct outcome refused = core_outcome(488, CAUSE_MEDIA, ERR_MEDIA);
	bool usable = true;

	session->leg = leg;
	session_learn(leg, response);
	if (leg->agreed) {
		/* It was all said in a reliable 1xx: what stands in the 2xx is a copy. */
		session_acknowledge(leg, invite, slice_of(NULL));
	} else if (session->offer) {
		session_acknowledge(leg, invite, slice_of(NULL));
		usable = session_take_answer(leg, response);
	} else {
		struct buf answer;
		buf_init(&answer, SIP_MESSAGE_MAX);
		usable = session_take_offer(leg, response, &answer) == 0;
		session_acknowledge(leg, invite, buf_slice(&answer));
		buf_fini(&answer);
		leg->agreed = usable;
	}
	if (!usable) {
		session_bye(leg);
		refused.response = response;
		session_fail(session, &refused);
		return;
	}
	/* A handler may have hung up meanwhile. */
	if (session->cancelled) {
		session_bye(leg);
		session_fail(session, &session->cancel_words);
		return;
	}
	session->state = SESSION_CONFIRMED;
	session_clock_take(session, response);
	if (session->handlers.answered)
		session->handlers.answered(session->handlers.arg, session, leg->number, response);
	session_go_on(session);
}

static void take_success(struct session *session, const struct sip_message *invite, struct sip_message *response)
{
	struct leg *leg = leg_of(session, invite, response);

	session_note_received(session, response);
	/* A 2xx of the dialog that was chosen is a repeated one (13.2.2.4), whether its ACK is still known or not. */
	if (!leg || session_repeat_ack(leg, response) || leg == session->leg)
		return;
	dialog_confirm(leg->dialog, response);
	dialog_raise_cseq(leg->dialog, sip_message_cseq(invite)->number);
	if (session->cancelled || session->leg || session_is_over(session)) {
		bool never_up = session->cancelled && !session->leg;
		turn_away(leg, invite);
		if (never_up)
			session_fail(session, &session->cancel_words);
		return;
	}
	answered(leg, invite, response);
}

static void take_failure(struct session *session, const struct outcome *outcome)
{
	struct outcome words = *outcome;

	/* Whatever the peer said: it ended because we wanted it to. */
	if (session->cancelled) {
		words.cause = session->cancel_words.cause;
		words.err = session->cancel_words.err;
		if (!words.response) {
			words.status = session->cancel_words.status;
			words.reason = session->cancel_words.reason;
		}
	}
	session_fail(session, &words);
}

static void send_invite(struct session *session);

/* What the user has added beside the session description is too much for the other side, or nothing that it reads:
 * the call is worth more (8.1.3.5; RFC 5621 3.1). @return false: nothing was added, or the rest is no better */
static bool without_more(struct session *session, const struct sip_message *refusal)
{
	if (!session->more_body[0] || !session->offer ||
	    (refusal->status == 415 && !sip_message_accepts(refusal, "application", "sdp")))
		return false;
	xreplace(&session->more_type, "");
	xreplace(&session->more_body, "");
	session_bodies(session->ua, session->invite_draft, slice_of(session->offer), slice_of(NULL), slice_of(NULL));
	return true;
}

/* The same INVITE as somebody on the way wants it: with a longer session timer (RFC 4028 7.3), or with less in it. */
static bool invite_again(struct session *session, const struct outcome *outcome)
{
	if (!outcome->response || session->cancelled || session_is_over(session))
		return false;
	switch (outcome->status) {
	case 413:
	case 415:
	case 513:
		if (!without_more(session, outcome->response))
			return false;
		break;
	case 422:
		if (!session_clock_retry(session, outcome->response))
			return false;
		break;
	default:
		return false;
	}
	session_note_received(session, outcome->response);
	session->state = SESSION_CALLING;
	sip_message_unref(session->invite_sent);
	session->invite_sent = NULL;
	send_invite(session);
	return true;
}

static void on_invite(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct session *session = arg;

	switch (event) {
	case REQUEST_PROVISIONAL:
		take_provisional(session, outcome->response);
		break;
	case REQUEST_FINAL:
		session_note_done(session, request);
		if (invite_again(session, outcome))
			break;
		timer_stop(session->ua->world.timers, &session->timeout);
		if (request_message(request))
			session->invite_sent =
				sip_message_ref((struct sip_message *)(uintptr_t)request_message(request));
		if (outcome->response && outcome->status < 300) {
			session->lingering++;
			take_success(session, session->invite_sent, outcome->response);
			session->invite = NULL;
		} else {
			session->invite = NULL;
			if (outcome->response)
				session_note_received(session, outcome->response);
			take_failure(session, outcome);
		}
		session_settle(session);
		break;
	case REQUEST_AGAIN:
		take_success(session, session->invite_sent, outcome->response);
		break;
	case REQUEST_GONE:
		session->lingering--;
		session_check_acks(session);
		session_settle(session);
		break;
	}
}

/* Does it answer the first INVITE, as it was sent last? */
static bool is_of_invite(const struct session *session, const struct sip_message *response)
{
	return session->invite_sent &&
	       sip_message_cseq(session->invite_sent)->number == sip_message_cseq(response)->number;
}

bool session_waits_on(const struct session *session, enum sip_protocol protocol, const struct address *remote)
{
	const struct sip_target *target =
		session->is_caller && session->invite ? request_target(session->invite) : NULL;

	return target && target->protocol == protocol && address_eq(&target->address, remote);
}

void session_late_success(struct session *session, struct leg *leg, struct sip_message *response)
{
	if (!session_repeat_ack(leg, response) && is_of_invite(session, response))
		take_success(session, session->invite_sent, response);
}

void session_stray(struct ua *ua, struct sip_message *response)
{
	LIST_EACH(&ua->sessions, node) {
		struct session *session = LIST_ENTRY(node, struct session, node);
		if (!session->is_caller || !is_of_invite(session, response) ||
		    !slice_eq(slice_of(session->call_id), sip_message_call_id(response)) ||
		    !slice_eq(slice_of(session->local_tag), sip_message_from(response)->tag))
			continue;
		take_success(session, session->invite_sent, response);
		return;
	}
}

/* Each attempt may go to an address of another family: what the offer names must be reached from there (RFC 6157 4). */
static bool prepare_invite(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct session *session = arg;
	const struct session_handlers *handlers = &session->handlers;
	struct buf offer;

	if (!session_own_contact(arg, draft, target) || (session->offer && !session_may_offer_to(session, target)))
		return false;
	if (!session->offer || !handlers->offer_for)
		return true;
	buf_init(&offer, SIP_MESSAGE_MAX);
	if (handlers->offer_for(handlers->arg, session, &target->address, &offer) && offer.n) {
		free(session->offer);
		session->offer = slice_dup(buf_slice(&offer));
		session->offer_renewed = true;
	}
	if (session->offer_renewed)
		session_bodies(session->ua, draft, slice_of(session->offer), slice_of(session->more_type),
			       slice_of(session->more_body));
	buf_fini(&offer);
	return true;
}

static void send_invite(struct session *session)
{
	struct sip_draft *draft = sip_draft_copy(session->invite_draft);

	session_clock_ask(session, draft);
	session->invite = request_start(session->ua, &(struct request_spec){ .profile = session->profile,
									     .draft = draft,
									     .strict = session->invite_strict,
									     .takes_protocol = true,
									     .cseq = &session->cseq,
									     .prepare = prepare_invite,
									     .event = on_invite,
									     .arg = session });
	session_note_request(session, session->invite);
}

static void start_invite(struct session *session, struct sip_draft *draft, bool strict,
			 const struct call_config *config)
{
	struct ua *ua = session->ua;
	bool reliable = session->options.reliable == RELIABLE_REQUIRED,
	     timer = session->options.timer == TIMER_REQUIRED;

	request_add_basics(draft, session->profile, false, slice_of(session->local_tag), slice_of(session->peer_text),
			   slice_of(session->call_id));
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	core_add_supported(draft, &session->options, "199"); /* RFC 6228 4: of use to who forks, and to nobody else */
	if (reliable || timer)
		sip_draft_add(draft, SIP_HEADER_REQUIRE, "%s%s%s", reliable ? "100rel" : "",
			      reliable && timer ? ", " : "", timer ? "timer" : "");
	core_user_agent(ua, draft);
	core_add_extra(draft, config->extra, config->extra_count);
	session_bodies(ua, draft, config->offer, config->content_type, config->body);
	session->invite_draft = draft;
	session->invite_strict = strict;
	send_invite(session);
	if (config->timeout_us > 0)
		timer_start(ua->world.timers, &session->timeout, config->timeout_us, not_answered, session);
}

/* Who is called by which Call-ID: as in the call that was redirected here, or anew. */
static void begin_thread(struct session *session, const struct call_config *config)
{
	const struct call_thread *thread = config->thread;
	struct buf to;

	if (thread && thread->call_id) {
		session->peer_text = xstrdup(thread->to);
		session->call_id = xstrdup(thread->call_id);
		session->local_tag = xstrdup(thread->local_tag);
		session->cseq = thread->cseq;
		return;
	}
	buf_init(&to, SIP_MESSAGE_MAX);
	request_print_to(&to, config->target);
	session->peer_text = buf_take(&to);
	session->call_id = core_token(session->ua, CALL_ID_CHARS);
	session->local_tag = core_token(session->ua, TAG_CHARS);
}

struct session *session_call(struct ua *ua, const struct call_config *config, enum err *err)
{
	bool strict;

	*err = core_check_extra(config->extra, config->extra_count);
	if (*err)
		return NULL;
	struct profile *profile = profile_new(config->identity);
	*err = ERR_SYNTAX;
	struct sip_draft *draft =
		profile ? request_outside(profile, SLICE("INVITE"), config->target, &strict, err) : NULL;
	if (!draft) {
		profile_unref(profile);
		return NULL;
	}
	struct session *session = session_new(ua, profile, true);
	begin_thread(session, config);
	session->handlers = config->handlers;
	if (config->options)
		session->options = *config->options;
	session->target = slice_dup(config->target);
	session->offer = config->offer.n ? slice_dup(config->offer) : NULL;
	session->more_type = slice_dup(config->content_type);
	session->more_body = slice_dup(config->body);
	bool parsed = sip_address_parse(slice_of(session->peer_text), &session->peer, NULL);
	assert(parsed);
	(void)parsed;
	start_invite(session, draft, strict, config);
	profile_unref(profile);
	return session;
}
