#include "sip/ua/request.h"

#include "base/xmalloc.h"

#include <assert.h>

enum {
	ATTEMPTS_MAX = 24,             /* of one request, whatever the servers say */
	OVERTAKEN_MAX = 3,             /* of those, after requests of the same dialog that came first */
	RETRY_AFTER_MAX_S = 3600,
	SIZE_CONNECT_US = 1000 * 1000, /* how long TCP may take to open where size alone chose it */
};

struct request {
	struct mortal mortal;
	struct list_node node;
	struct ua *ua;
	struct profile *profile;
	struct sip_draft *draft;
	bool strict, others_dialog, registers, elsewhere, is_invite;
	uint32_t *cseq, own_cseq;
	char *scope;
	struct hop hop;
	size_t target;   /* which of hop.targets */
	bool upgraded;   /* TCP instead of UDP because of its size */
	bool no_upgrade; /* that did not work */
	bool stays_on_stream, was_too_big;
	bool repeat_cseq; /* the next attempt is the same request by another way */
	bool heard;       /* a response came for the present target, by its protocol */
	unsigned attempts, overtaken;
	unsigned sends_most; /* of the next attempt; 0: as often as it takes */
	enum err last_err;
	struct race *race; /* for the connection of the next attempt */
	struct client_transaction *ct;
	struct sip_message *sent;
	struct sip_target sent_to;
	struct digest_tries tries;
	bool cancelled, finished;
	struct timer timer; /* ends it where nothing was sent yet */
	request_prepare_h *prepare;
	request_event_h *event; /* NULL: nobody listens any more */
	void *arg;
	/* ua_request() and session_request() */
	request_h *handler;
	void *handler_arg;
	bool wants_provisional;
};

static void end_race(struct request *r)
{
	if (r->race)
		transport_race_cancel(r->race);
	r->race = NULL;
}

static void request_free(struct mortal *mortal)
{
	struct request *r = CONTAINER_OF(mortal, struct request, mortal);

	timer_stop(r->ua->world.timers, &r->timer);
	end_race(r);
	if (r->ct)
		client_transaction_detach(r->ct);
	hop_fini(&r->hop);
	list_remove(&r->node);
	profile_unref(r->profile);
	sip_draft_free(r->draft);
	sip_message_unref(r->sent);
	digest_tries_fini(&r->tries);
	free(r->scope);
	free(r);
}

void request_free_all(struct ua *ua)
{
	LIST_EACH(&ua->requests, node) {
		struct request *r = LIST_ENTRY(node, struct request, node);
		list_remove(&r->mortal.node);
		request_free(&r->mortal);
	}
}

static void let_go(struct request *r)
{
	if (r->ct)
		client_transaction_detach(r->ct);
	r->ct = NULL;
}

/* The one final outcome. A 2xx to INVITE keeps the transaction: more of them may come. */
static void finish(struct request *r, const struct outcome *outcome)
{
	assert(!r->finished);
	r->finished = true;
	timer_stop(r->ua->world.timers, &r->timer);
	bool more = r->is_invite && r->ct && outcome->response && outcome->status < 300;
	if (!more) {
		let_go(r);
		core_bury(r->ua, &r->mortal, request_free);
	}
	if (r->event)
		r->event(r->arg, r, REQUEST_FINAL, outcome);
}

/* Without a response; what the network said of it, if it said anything, is the phrase. */
static void finish_with(struct request *r, unsigned status, enum cause cause, enum err err)
{
	struct outcome outcome = core_outcome(status, cause, err);

	if (err && core_cause(err) != CAUSE_DNS) {
		struct slice words = transport_explanation(transactions_transport(r->ua->transactions));
		if (words.n)
			outcome.reason = words;
	}
	finish(r, &outcome);
}

/* ---- attempts ---- */

static client_transaction_h on_event;

/* Credentials go to the account's own hosts, and its realms are known from there only. */
static bool at_home(struct request *r, const struct sip_target *target)
{
	enum digest_place place = r->elsewhere	 ? DIGEST_ELSEWHERE
				  : r->registers ? DIGEST_REGISTRAR
						 : DIGEST_ANY_PLACE;

	return digest_trusts_hop(r->ua->digests, r->profile, slice_of(r->hop.host), &target->address, place);
}

/* A registration keeps to what it was asked for itself: a registrar that finds a proxy's credentials beside its own may
 * stumble over them (kamailio 5.6 does, fatally). */
static struct digest_scope scope_of(const struct request *r)
{
	struct slice call = sip_draft_value(r->draft, SIP_HEADER_CALL_ID, 0);

	return (struct digest_scope){ .hop = r->registers ? call : request_scope(r), .call = call };
}

static void add_attempt_lines(struct request *r, struct sip_draft *draft, const struct sip_target *target)
{
	struct slice method = sip_draft_method(draft);
	struct digest_scope scope = scope_of(r);

	if (!r->repeat_cseq)
		++*r->cseq;
	r->repeat_cseq = false;
	sip_draft_set(draft, SIP_HEADER_CSEQ, "%u %.*s", *r->cseq, SLICE_ARG(method));
	if (at_home(r, target))
		digest_authorize(r->ua->digests, r->profile, &scope, draft, &r->tries);
}

static enum err start_transaction(struct request *r, struct sip_target *target)
{
	struct transport *transport = transactions_transport(r->ua->transactions);
	struct sip_draft *draft = sip_draft_copy(r->draft);
	/* A connection that can be reached only by itself has its address from here on. */
	enum err err = transport_connect(transport, target);
	if (err) {
		sip_draft_free(draft);
		return err;
	}
	err = ERR_NO_ROUTE;
	r->sends_most = 0;
	/* Contact names the way by which we can be reached, which size does not change. */
	if (!r->prepare || r->prepare(r->arg, draft, target)) {
		add_attempt_lines(r, draft, target);
		enum sip_protocol protocol =
			r->no_upgrade ? target->protocol : transport_choose(transport, target, sip_draft_size(draft));
		r->upgraded = protocol != target->protocol;
		r->was_too_big |= r->upgraded;
		if (r->upgraded) {
			target->protocol = protocol;
			target->connect_timeout_us = SIZE_CONNECT_US;
			r->heard = false; /* a challenge may have come by UDP */
		}
		r->ct = transaction_start(r->ua->transactions, draft, target, on_event, r, &err);
	}
	sip_draft_free(draft);
	if (!r->ct)
		return err;
	if (r->sends_most)
		client_transaction_send_at_most(r->ct, r->sends_most);
	sip_message_unref(r->sent);
	r->sent = sip_message_ref((struct sip_message *)(uintptr_t)client_transaction_request(r->ct));
	r->sent_to = *target;
	return ERR_NONE;
}

/* Size chose TCP, and TCP does not get there: UDP after all (18.1.1). @return false: it was not size */
static bool fall_back(struct request *r)
{
	if (!r->upgraded || r->heard || r->stays_on_stream)
		return false;
	transport_no_stream(transactions_transport(r->ua->transactions), &r->hop.targets[r->target].address);
	r->upgraded = false;
	r->no_upgrade = true;
	r->repeat_cseq = true;
	return true;
}

static bool next_target(struct request *r)
{
	r->upgraded = r->no_upgrade = r->heard = false;
	return ++r->target < r->hop.count;
}

static void attempt_now(struct request *r)
{
	do {
		struct sip_target target = r->hop.targets[r->target];
		if (r->attempts++ >= ATTEMPTS_MAX)
			break;
		r->last_err = start_transaction(r, &target);
		if (!r->last_err)
			return;
	} while (fall_back(r) || next_target(r));
	finish_with(r, 503, core_cause(r->last_err), r->last_err);
}

static void race_won(void *arg, size_t winner)
{
	struct request *r = arg;
	struct sip_target *pair = &r->hop.targets[r->target];

	r->race = NULL;
	if (winner) {
		struct sip_target first = pair[0];
		pair[0] = pair[1];
		pair[1] = first;
	}
	attempt_now(r);
}

/* Of two families the one that connects first (RFC 8305); else simply the next target. */
static void attempt(struct request *r)
{
	struct transport *transport = transactions_transport(r->ua->transactions);

	if (r->target + 1 < r->hop.count)
		r->race = transport_race(transport, &r->hop.targets[r->target], race_won, r);
	if (!r->race)
		attempt_now(r);
}

static void located(void *arg, enum err err)
{
	struct request *r = arg;

	if (r->cancelled)
		return;
	if (err) {
		finish_with(r, 503, core_cause(err), err);
		return;
	}
	attempt(r);
}

/* ---- what comes back ---- */

static void provisional(struct request *r, struct sip_message *response)
{
	struct outcome outcome = core_outcome_of(response, CAUSE_NONE);

	r->heard = true;
	if (r->event)
		r->event(r->arg, r, REQUEST_PROVISIONAL, &outcome);
}

static void again(struct request *r, struct sip_message *response)
{
	struct outcome outcome = core_outcome_of(response, CAUSE_NONE);

	if (r->event && response->status >= 200 && response->status < 300)
		r->event(r->arg, r, REQUEST_AGAIN, &outcome);
}

static enum challenge_end answer_challenge(struct request *r, struct sip_message *response)
{
	struct digest_scope scope = scope_of(r);
	enum digest_learning learning = r->registers	   ? DIGEST_LEARNS
					: r->others_dialog ? DIGEST_LEARNS_NOTHING
							   : DIGEST_LEARNS_OWN;

	if (!at_home(r, &r->sent_to))
		return r->registers || profile_has_password(r->profile) ? CHALLENGE_STRANGE_HOST
									: CHALLENGE_NO_PASSWORD;
	if (r->cancelled || r->attempts >= ATTEMPTS_MAX)
		return CHALLENGE_REFUSED;
	return digest_challenge(r->ua->digests, r->profile, &scope, response, learning, &r->tries);
}

/* 21.5.4: a server that says 503 is left alone as long as it asks for, up to an hour. */
static void note_answer(struct request *r, const struct sip_message *response)
{
	struct transport *transport = transactions_transport(r->ua->transactions);
	struct slice value = sip_message_value(response, SIP_HEADER_RETRY_AFTER);
	struct sip_retry_after after;
	int64_t us = 0;

	if (response->status != 503) {
		transport_target_works(transport, &r->sent_to);
		return;
	}
	if (value.n && sip_retry_after_parse(value, &after) && after.seconds)
		us = (int64_t)(after.seconds < RETRY_AFTER_MAX_S ? after.seconds : RETRY_AFTER_MAX_S) * SECOND_US;
	transport_target_failed(transport, &r->sent_to, us);
}

/*
 * A later request of the dialog, as one that answered a challenge, came there first: then this one is refused for its
 * CSeq (12.2.2), and with the next number it is in order. A BYE would leave the call standing there else. What a
 * re-INVITE is asked to wait for is something else (14.1).
 */
static bool was_overtaken(struct request *r, const struct sip_message *response)
{
	return response->status == 500 && !r->cancelled && r->event && sip_message_cseq(r->sent)->number < *r->cseq &&
	       !(r->is_invite && sip_message_header(response, SIP_HEADER_RETRY_AFTER, 0)) &&
	       r->attempts < ATTEMPTS_MAX && r->overtaken++ < OVERTAKEN_MAX;
}

static void final(struct request *r, struct sip_message *response)
{
	unsigned status = response->status;
	bool challenged = status == 401 || status == 407;
	enum challenge_end challenge = CHALLENGE_ANSWERED;

	r->heard = true;
	note_answer(r, response);
	if (challenged && (challenge = answer_challenge(r, response)) == CHALLENGE_ANSWERED) {
		let_go(r);
		attempt(r);
		return;
	}
	if (status == 503 && !r->cancelled && r->target + 1 < r->hop.count) {
		let_go(r);
		next_target(r);
		attempt(r);
		return;
	}
	if (was_overtaken(r, response) || (!r->cancelled && r->attempts < ATTEMPTS_MAX &&
					   request_reshape(r->draft, r->profile, response))) {
		let_go(r);
		attempt(r);
		return;
	}
	struct outcome outcome = core_outcome_of(response, status < 300 ? CAUSE_NONE : CAUSE_RESPONSE);
	if (status < 300) {
		struct digest_scope scope = scope_of(r);
		digest_next_nonce(r->ua->digests, r->profile, &scope, response, &r->tries);
	}
	if (challenged) {
		outcome.cause = CAUSE_AUTH;
		outcome.challenge = challenge;
		outcome.err = challenge == CHALLENGE_STRANGE_HOST ? ERR_PERMISSION : ERR_AUTH;
	}
	finish(r, &outcome);
}

/* No answer, or the way is broken: by UDP after all, by the next target, or the end. */
static void failed(struct request *r, unsigned status, enum cause cause, enum err err)
{
	bool was_heard = r->heard;

	if (r->cancelled) {
		finish_with(r, status, cause, err);
		return;
	}
	let_go(r);
	r->last_err = err;
	if (!was_heard)
		transport_target_failed(transactions_transport(r->ua->transactions), &r->sent_to, 0);
	if (cause != CAUSE_TIMEOUT && fall_back(r))
		attempt(r);
	else if (!was_heard && next_target(r))
		attempt(r);
	else
		finish_with(r, status, cause, err);
}

static void on_event(void *arg, struct client_transaction *ct, enum client_event event, struct sip_message *response,
		     enum err err)
{
	struct request *r = arg;

	(void)ct;
	switch (event) {
	case CLIENT_RESPONSE:
		if (r->finished)
			again(r, response);
		else if (response->status < 200)
			provisional(r, response);
		else
			final(r, response);
		break;
	case CLIENT_TIMEOUT:
		if (!r->finished)
			failed(r, 408, CAUSE_TIMEOUT, ERR_TIMEOUT);
		break;
	case CLIENT_TRANSPORT_ERROR:
		if (!r->finished)
			failed(r, 503, core_cause(err), err);
		break;
	case CLIENT_GONE:
		r->ct = NULL;
		if (!r->finished) {
			failed(r, 503, CAUSE_CONNECT, ERR_CLOSED);
			break;
		}
		core_bury(r->ua, &r->mortal, request_free);
		if (r->event)
			r->event(r->arg, r, REQUEST_GONE, NULL);
		break;
	}
}

/* ---- for owners ---- */

struct request *request_start(struct ua *ua, const struct request_spec *spec)
{
	struct request *r = xcalloc(1, sizeof *r);

	r->ua = ua;
	r->profile = profile_ref(spec->profile);
	r->draft = spec->draft;
	r->strict = spec->strict;
	r->others_dialog = spec->others_dialog;
	r->registers = spec->registers;
	r->elsewhere = spec->elsewhere;
	r->stays_on_stream = spec->stays_on_stream;
	r->is_invite = slice_eq(sip_draft_method(spec->draft), SLICE("INVITE"));
	r->cseq = spec->cseq ? spec->cseq : &r->own_cseq;
	r->scope = spec->scope.n ? slice_dup(spec->scope) : NULL;
	r->prepare = spec->prepare;
	r->event = spec->event;
	r->arg = spec->arg;
	list_append(&ua->requests, &r->node);
	const struct identity *identity = &r->profile->identity;
	const enum sip_protocol *protocol =
		spec->takes_protocol && identity->has_protocol ? &identity->protocol : NULL;
	hop_find(&r->hop, ua, r->draft, r->strict, protocol, identity->security, located, r);
	return r;
}

void request_send_at_most(struct request *request, unsigned sends)
{
	request->sends_most = sends;
}

void request_detach(struct request *request)
{
	request->own_cseq = *request->cseq;
	request->cseq = &request->own_cseq;
	request->event = NULL;
	request->handler = NULL;
	/* Contact is the owner's to write: what is on its way runs to its end, but nothing more is tried. */
	if (request->prepare)
		request->cancelled = true;
	if (request->finished || (request->prepare && !request->ct)) {
		request->finished = true;
		end_race(request);
		hop_fini(&request->hop);
		let_go(request);
		core_bury(request->ua, &request->mortal, request_free);
	}
}

static void cancelled_unsent(void *arg)
{
	struct request *r = arg;

	if (!r->finished)
		finish_with(r, 487, CAUSE_CANCELLED, ERR_NONE);
}

void request_cancel(struct request *request, struct slice reason)
{
	if (request->finished || request->cancelled)
		return;
	request->cancelled = true;
	if (request->ct && client_transaction_withdraw(request->ct))
		request->ct = NULL;
	if (request->ct) {
		transaction_cancel(request->ct, reason);
		return;
	}
	end_race(request);
	hop_fini(&request->hop);
	timer_start(request->ua->world.timers, &request->timer, 0, cancelled_unsent, request);
}

bool request_cancels_later(const struct request *request)
{
	return request->ct && client_transaction_cancels_later(request->ct);
}

bool request_was_too_big(const struct request *request)
{
	return request->was_too_big;
}

const struct sip_message *request_message(const struct request *request)
{
	return request->sent;
}

bool request_is_at_home(struct request *request)
{
	return request->sent && at_home(request, &request->sent_to);
}

const struct sip_target *request_target(const struct request *request)
{
	return request->sent ? &request->sent_to : NULL;
}

struct slice request_scope(const struct request *request)
{
	return request->scope ? slice_of(request->scope) : slice_of(request->hop.host);
}

bool request_all_finished(const struct ua *ua)
{
	LIST_EACH(&ua->requests, node)
		if (!LIST_ENTRY(node, struct request, node)->finished)
			return false;
	return true;
}

static void tell_user(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	(void)arg;
	if (!request->handler || (event == REQUEST_PROVISIONAL && !request->wants_provisional))
		return;
	request->handler(request->handler_arg, request, outcome, event == REQUEST_FINAL);
}

void request_set_handler(struct request *request, bool wants_provisional, request_h *handler, void *arg)
{
	request->event = tell_user;
	request->handler = handler;
	request->handler_arg = arg;
	request->wants_provisional = wants_provisional;
}
