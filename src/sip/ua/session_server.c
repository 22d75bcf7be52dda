#include "sip/ua/session_internal.h"

#include "base/xmalloc.h"

#include <assert.h>

enum { MINUTE_US = 60 * 1000 * 1000 };

static int64_t t1_us(const struct session *session)
{
	return transaction_settings(session->ua->transactions)->t1_us;
}

static void stop_ringing(struct session *session)
{
	timer_stop(session->ua->world.timers, &session->ring);
	timer_stop(session->ua->world.timers, &session->expiry);
	timer_stop(session->ua->world.timers, &session->minute);
}

void session_server_stop(struct session *session)
{
	timer_stop(session->ua->world.timers, &session->server.repeat);
	timer_stop(session->ua->world.timers, &session->server.give_up);
	stop_ringing(session);
	session->server.wants_ack = false;
	session_reliable_stop(session);
}

void session_server_release(struct session *session)
{
	if (session->server.st)
		server_transaction_set_user(session->server.st, NULL);
	session->server.st = NULL;
}

void session_server_gone(struct session *session, struct server_transaction *st)
{
	if (session->server.st == st)
		session->server.st = NULL;
}

/* ---- responses to INVITE ---- */

/* Is our Contact to be a sips URI (12.1.1)? */
static bool wants_sips(const struct sip_message *request)
{
	const struct sip_uri *uri = sip_message_request_uri(request);
	const struct sip_address *next = sip_message_address(request, SIP_HEADER_RECORD_ROUTE, 0);

	if (!next)
		next = sip_message_address(request, SIP_HEADER_CONTACT, 0);
	return (uri && uri->scheme == SIP_SCHEME_SIPS) || (next && next->uri.scheme == SIP_SCHEME_SIPS);
}

void session_add_contact(struct session *session, struct sip_draft *draft, const struct sip_message *request,
			 const struct sip_target *hop)
{
	const struct sip_uri *uri = sip_message_request_uri(request);
	bool secure = wants_sips(request);
	struct slice user = uri && uri->scheme != SIP_SCHEME_OTHER ? uri->user : slice_of(NULL);
	struct buf contact;

	buf_init(&contact, 2048);
	if (profile_contact(session->profile, transactions_transport(session->ua->transactions), hop, secure, user,
			    &contact))
		sip_draft_add_slice(draft, SIP_HEADER_CONTACT, buf_slice(&contact));
	buf_fini(&contact);
}

static void add_dialog_lines(struct session *session, struct sip_draft *draft)
{
	const struct sip_message *request = session->server.request;

	if (!session->server.again)
		sip_draft_copy_header(draft, request, SIP_HEADER_RECORD_ROUTE);
	session_add_contact(session, draft, request, &session->hop);
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
}

static struct sip_draft *response_draft(struct session *session, unsigned status, struct slice reason)
{
	struct sip_draft *draft =
		core_response(session->ua, session->server.request, status, reason, slice_of(session->local_tag));

	if (status > 100 && status < 300)
		add_dialog_lines(session, draft);
	if (status / 100 == 2) /* 13.3.1.4: though it be empty */
		core_add_supported(draft, &session->options, NULL);
	return draft;
}

static enum err send_response(struct session *session, struct sip_draft *draft)
{
	enum err err = ERR_STATE;

	if (session->server.st)
		err = transaction_respond(session->server.st, draft);
	session_note_response(session, draft);
	if (err)
		log_line(session->ua->world.log, LOG_NOTICE, "a response to INVITE could not be sent: %s",
			 err_text(err));
	return err;
}

static void refuse(struct session *session, unsigned status, struct slice reason, struct slice contact)
{
	struct sip_draft *draft = response_draft(session, status, reason);

	if (contact.n && slice_find(contact, '<') < contact.n)
		sip_draft_add_slice(draft, SIP_HEADER_CONTACT, contact);
	else if (contact.n)
		sip_draft_add(draft, SIP_HEADER_CONTACT, "<%.*s>", SLICE_ARG(contact));
	if (status == 415)
		sip_draft_add(draft, SIP_HEADER_ACCEPT, "application/sdp");
	session_add_warning(session, draft, status);
	if (status == 422)
		sip_draft_add(draft, SIP_HEADER_MIN_SE, "%u", session_least_s(&session->options));
	session_finish(session, draft, slice_of(NULL));
	session->server.pending = false;
	if (session->leg->turn == TURN_PEERS)
		session->leg->turn = TURN_NONE;
	stop_ringing(session);
	session_reliable_stop(session);
	/* Nothing more can be done about a refusal that could not be sent: the caller's own timers end it. */
	(void)!send_response(session, draft);
	session_server_release(session);
}

void session_refuse(struct session *session, unsigned status)
{
	if (session->server.pending)
		refuse(session, status, slice_of(NULL), slice_of(NULL));
}

/* ---- 2xx until ACK (13.3.1.4) ---- */

static void repeat_success(void *arg)
{
	struct session *session = arg;
	struct invite_server *server = &session->server;
	int64_t t2_us = transaction_settings(session->ua->transactions)->t2_us;

	if (server->st)
		transaction_repeat(server->st);
	server->interval_us = server->interval_us * 2 < t2_us ? server->interval_us * 2 : t2_us;
	timer_start(session->ua->world.timers, &server->repeat, server->interval_us, repeat_success, session);
}

/* Nobody acknowledged: the session ends with BYE. */
static void no_ack(void *arg)
{
	struct session *session = arg;
	bool waited = session->bye_waits;

	session_server_stop(session);
	if (waited) {
		session->bye_waits = false;
		session_bye(session->leg);
	} else {
		session_break(session, core_outcome(408, CAUSE_TIMEOUT, ERR_TIMEOUT));
	}
}

static void send_success(struct session *session, struct slice body)
{
	struct invite_server *server = &session->server;
	struct sip_draft *draft = response_draft(session, 200, slice_of(NULL));

	session_finish(session, draft, body);
	session_clock_answer(session, server->request, draft);
	session->leg->turn = server->offered ? TURN_OURS : TURN_NONE;
	session->leg->agreed |= !server->offered;
	stop_ringing(session);
	session_reliable_stop(session);
	server->pending = false;
	server->wants_ack = true;
	/* What cannot be sent now is sent again until the ACK comes or time is up. */
	(void)!send_response(session, draft);
	server->interval_us = t1_us(session);
	timer_start(session->ua->world.timers, &server->repeat, server->interval_us, repeat_success, session);
	timer_start(session->ua->world.timers, &server->give_up, 64 * t1_us(session), no_ack, session);
}

/* The ACK brings no answer to our offer, or one that is of no use: without it there never was a session; in a later one
 * that which was agreed before stands, as after any re-INVITE that fails (14.1). */
static void not_answered(struct session *session, bool again)
{
	if (!again)
		session_break(session, core_outcome(488, CAUSE_MEDIA, ERR_MEDIA));
	else if (session->handlers.offer_lost)
		session->handlers.offer_lost(session->handlers.arg, session);
}

static void acknowledged(struct session *session, struct sip_message *ack, bool again, bool offered)
{
	struct session_handlers *handlers = &session->handlers;

	if (offered) {
		session->leg->turn = TURN_NONE;
		session->leg->agreed = true;
	}
	if (offered && (!session_has_sdp(ack) || (handlers->answer && !handlers->answer(handlers->arg, session,
										session->leg->number, ack, true)))) {
		not_answered(session, again);
		return;
	}
	if (session_is_over(session))
		return;
	if (!again && handlers->acknowledged)
		handlers->acknowledged(handlers->arg, session);
	if (again && offered && handlers->peer_reinvited)
		handlers->peer_reinvited(handlers->arg, session, session->server.request);
}

void session_take_ack(struct session *session, struct sip_message *ack)
{
	struct invite_server *server = &session->server;

	if (!server->wants_ack || sip_message_cseq(ack)->number != sip_message_cseq(server->request)->number)
		return;
	bool again = server->again, offered = server->offered;
	session_server_stop(session);
	server->offered = false;
	if (session->bye_waits) {
		session->bye_waits = false;
		session_bye(session->leg);
		return;
	}
	if (session_is_over(session))
		return;
	acknowledged(session, ack, again, offered);
	session_go_on(session);
}

/* ---- the first INVITE ---- */

static void give_up_ringing(struct session *session, unsigned status)
{
	struct outcome outcome = core_outcome(status, CAUSE_TIMEOUT, ERR_TIMEOUT);

	session_refuse(session, status);
	session_fail(session, &outcome);
}

static void nobody_answers(void *arg)
{
	give_up_ringing(arg, 480);
}

/* The caller wanted no answer later than this (13.3.1). */
static void invitation_expired(void *arg)
{
	give_up_ringing(arg, 487);
}

/* Proxies forget an INVITE that stays without a word for three minutes (13.3.1.1). */
static void still_ringing(void *arg)
{
	struct session *session = arg;

	/* What was acknowledged is not heard again: a new one does it. */
	if (session->server.st && session->server.pending && session_is_reliable(session, false))
		(void)!session_send_progress(session, 180, slice_of(NULL));
	else if (session->server.st && session->server.pending && !session->reliable.outstanding)
		transaction_repeat(session->server.st);
	timer_start(session->ua->world.timers, &session->minute, MINUTE_US, still_ringing, session);
}

struct sip_target session_source(const struct server_transaction *st)
{
	const struct sip_source *source = server_transaction_source(st);

	return (struct sip_target){ .protocol = source->protocol, .address = source->remote, .local = source->local };
}

static void begin_server(struct session *session, struct server_transaction *st, struct sip_message *invite, bool again)
{
	struct invite_server *server = &session->server;

	session_server_release(session);
	sip_message_unref(server->request);
	server->st = st;
	server->request = sip_message_ref(invite);
	server->again = again;
	server->pending = true;
	server->offered = false;
	server_transaction_set_user(st, session);
	session->hop = session_source(st);
}

void session_set_ring_timeout(struct session *session, int64_t timeout_us)
{
	timer_stop(session->ua->world.timers, &session->ring);
	if (timeout_us > 0)
		timer_start(session->ua->world.timers, &session->ring, timeout_us, nobody_answers, session);
}

struct session *session_incoming(struct ua *ua, struct server_transaction *st, struct sip_message *invite,
				 const struct session_options *options)
{
	struct profile *nobody = profile_new(NULL);
	uint32_t seconds;
	struct session *session = session_new(ua, nobody, false);

	profile_unref(nobody);
	session->options = *options;
	list_append(&ua->ringing, &session->among_ringing);
	struct slice from = sip_message_value(invite, SIP_HEADER_FROM);
	session->peer_text = slice_dup(from);
	/* Its length is told: in quotes a NUL may stand. */
	bool parsed = sip_address_parse(slice_make(session->peer_text, from.n), &session->peer, NULL);
	assert(parsed); /* it was checked when it came */
	(void)parsed;
	session->call_id = slice_dup(sip_message_call_id(invite));
	session->local_tag = core_token(ua, TAG_CHARS);
	server_transaction_set_tag(st, slice_of(session->local_tag));
	session->leg = session_add_leg(session, dialog_new_server(ua, invite, slice_of(session->local_tag)));
	session->leg->turn = session_has_sdp(invite) ? TURN_PEERS : TURN_NONE;
	session_learn(session->leg, invite);
	session_note_received(session, invite);
	begin_server(session, st, invite, false);
	session_set_ring_timeout(session, ua->settings.ring_timeout_us);
	if (sip_message_seconds(invite, SIP_HEADER_EXPIRES, &seconds))
		timer_start(ua->world.timers, &session->expiry, (int64_t)seconds * SECOND_US, invitation_expired,
			    session);
	return session;
}

bool session_is_ringing(const struct session *session)
{
	return !session->is_caller && !session_is_over(session) && session->server.pending && !session->server.again;
}

bool session_rings_from(const struct session *session, const struct address *host)
{
	return session_is_ringing(session) && address_same_host(&session->hop.address, host);
}

/* What a reliable 1xx brings besides: our offer, where the INVITE had none and nothing was offered yet (13.2.1). */
static void offer_early(struct session *session, struct buf *offer)
{
	if (!session_has_sdp(session->server.request) && !session->leg->agreed && session->leg->turn == TURN_NONE)
		session_ask_offer(session->leg, &session->hop, offer);
}

enum err session_send_progress(struct session *session, unsigned status, struct slice answer)
{
	struct leg *leg = session->leg;
	bool reliable = session_is_reliable(session, answer.n > 0);
	struct buf offer;

	buf_init(&offer, SIP_MESSAGE_MAX);
	if (reliable)
		offer_early(session, &offer);
	/* A handler may have done something else. */
	if (!session_is_ringing(session) || session->reliable.outstanding) {
		buf_fini(&offer);
		return ERR_STATE;
	}
	/* An answer that the caller has acknowledged is not said again. */
	struct slice body = offer.n ? buf_slice(&offer) : leg->agreed ? slice_of(NULL) : answer;
	struct sip_draft *draft = response_draft(session, status, slice_of(NULL));
	session_finish(session, draft, body);
	if (reliable) {
		struct reliable *r = &session->reliable;
		r->rseq = r->rseq ? r->rseq + 1 : 1 + random_below(session->ua->world.random, 0x7fffffff);
		sip_draft_add(draft, SIP_HEADER_REQUIRE, "100rel");
		sip_draft_add(draft, SIP_HEADER_RSEQ, "%u", r->rseq);
		if (body.n) {
			leg->turn = offer.n ? TURN_OURS : TURN_NONE;
			leg->agreed = !offer.n;
		}
	}
	session->state = SESSION_EARLY;
	timer_start(session->ua->world.timers, &session->minute, MINUTE_US, still_ringing, session);
	enum err err = send_response(session, draft);
	if (reliable)
		session_reliable_sent(session, body.n > 0);
	buf_fini(&offer);
	return err;
}

enum err session_progress(struct session *session, unsigned status, struct slice body)
{
	struct reliable *reliable = &session->reliable;

	if (!session_is_ringing(session))
		return ERR_STATE;
	if (status < 101 || status > 199)
		return ERR_RANGE;
	/* An offer of ours could only go into a reliable response, which asks for it itself (13.2.1). */
	if (body.n && !session_has_sdp(session->server.request))
		return ERR_STATE;
	if (body.n && !session->progress.n)
		buf_add(&session->progress, body);
	if (reliable->outstanding) {
		if (reliable->waiting_count == PROGRESS_MAX)
			return ERR_FULL;
		reliable->waiting[reliable->waiting_count].status = status;
		reliable->waiting[reliable->waiting_count++].described = body.n > 0;
		return ERR_NONE;
	}
	return session_send_progress(session, status, body.n ? buf_slice(&session->progress) : body);
}

/* The body of the 2xx. @return 0, or the status that refuses the INVITE */
static unsigned make_body(struct session *session, struct buf *body)
{
	unsigned status = 0;

	if (!session->server.again && session->leg->agreed) {
		/* All was said in reliable 1xx and their PRACKs. */
		session->server.offered = false;
	} else if (!session_has_sdp(session->server.request)) {
		session_ask_offer(session->leg, &session->hop, body);
		session->server.offered = body->n > 0;
		/* What is asked for cannot be said: then all stays as it is (14.2). */
		if (session->server.again && !body->n)
			status = 488;
	} else if (session->progress.n && !session->server.again) {
		buf_add(body, buf_slice(&session->progress));
	} else {
		status = session_ask_answer(session->leg, session->server.request, &session->hop, body);
	}
	return status;
}

enum err session_answer_now(struct session *session)
{
	struct buf body;

	if (!session_is_ringing(session))
		return ERR_STATE;
	buf_init(&body, SIP_MESSAGE_MAX);
	unsigned status = make_body(session, &body);
	if (!session_is_ringing(session)) {
		buf_fini(&body);
		return ERR_STATE;
	}
	if (status) {
		session_refuse(session, status);
		session_end_later(session, core_outcome(status, CAUSE_MEDIA, ERR_MEDIA));
		buf_fini(&body);
		return ERR_MEDIA;
	}
	session->state = SESSION_CONFIRMED;
	send_success(session, buf_slice(&body));
	buf_fini(&body);
	if (session->handlers.answered)
		session->handlers.answered(session->handlers.arg, session, session->leg->number, NULL);
	return ERR_NONE;
}

enum err session_answer(struct session *session)
{
	if (!session_is_ringing(session))
		return ERR_STATE;
	/*
	 * RFC 3262 3: not before the PRACK of a description. Another is waited for until the 1xx would be repeated:
	 * callers that take one thing after the other find their PRACK answered first.
	 */
	if (session->reliable.outstanding) {
		session->reliable.answer_waits = true;
		return ERR_NONE;
	}
	return session_answer_now(session);
}

enum err session_reject(struct session *session, unsigned status, struct slice reason, struct slice contact)
{
	if (!session_is_ringing(session))
		return ERR_STATE;
	if (status < 300 || status > 699)
		return ERR_RANGE;
	refuse(session, status, reason, contact);
	session_end_later(session, core_outcome(status, CAUSE_LOCAL, ERR_NONE));
	return ERR_NONE;
}

void session_peer_cancelled(struct session *session, struct sip_message *cancel)
{
	struct outcome outcome = core_outcome(487, CAUSE_CANCELLED, ERR_NONE);
	bool first = !session->server.again;

	outcome.request = cancel;
	session_note_received(session, cancel);
	if (!session->server.pending)
		return;
	session_refuse(session, 487);
	if (first)
		session_fail(session, &outcome);
}

/* ---- re-INVITE ---- */

/* May it be answered now? @return the status that says no (14.2; RFC 5407 3.1.4, 3.1.5), 0: yes */
static unsigned reinvite_in_the_way(const struct session *session)
{
	/* One INVITE of the peer at a time; it may ask again soon. */
	if (session->server.pending)
		return 500;
	if (session->reinvite || (session->is_caller && session->state != SESSION_CONFIRMED))
		return 491;
	/* Our offer in an UPDATE, or in a 2xx, still waits for its answer. */
	if (session->leg->turn == TURN_OURS)
		return 491;
	return 0;
}

void session_take_reinvite(struct session *session, struct server_transaction *st, struct sip_message *request)
{
	unsigned status = reinvite_in_the_way(session);
	struct buf body;

	if (!status && session_interval_too_small(request, &session->options))
		status = 422;
	if (status) {
		struct sip_draft *draft = core_response(session->ua, request, status, slice_of(NULL), slice_of(NULL));
		if (status == 500)
			sip_draft_add(draft, SIP_HEADER_RETRY_AFTER, "%u",
				      random_below(session->ua->world.random, 11));
		if (status == 422)
			sip_draft_add(draft, SIP_HEADER_MIN_SE, "%u", session_least_s(&session->options));
		session_send(session, st, draft);
		return;
	}
	/* It comes only after our last 2xx arrived, so the ACK of that is no longer missed. */
	bool first_missing = session->server.wants_ack && !session->server.again;
	session_server_stop(session);
	begin_server(session, st, request, true);
	if (first_missing && session->handlers.acknowledged)
		session->handlers.acknowledged(session->handlers.arg, session);
	if (session_is_over(session)) {
		session_refuse(session, 487);
		return;
	}
	session->offer_is_old = true;
	buf_init(&body, SIP_MESSAGE_MAX);
	status = make_body(session, &body);
	if (session_is_over(session)) {
		session_refuse(session, 487);
	} else if (status) {
		session_refuse(session, status);
		/* Ours may have waited for the ACK that is not awaited any more. */
		session_go_on(session);
	} else {
		bool offered = session->server.offered;
		dialog_refresh(session->leg->dialog, request);
		session_learn(session->leg, request);
		send_success(session, buf_slice(&body));
		if (!offered && session->handlers.peer_reinvited)
			session->handlers.peer_reinvited(session->handlers.arg, session, request);
	}
	buf_fini(&body);
}
