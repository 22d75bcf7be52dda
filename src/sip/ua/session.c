#include "sip/ua/session_internal.h"

#include "base/xmalloc.h"

#include <assert.h>

const char *session_state_name(enum session_state state)
{
	static const char *const names[] = { "calling", "proceeding", "incoming", "early", "confirmed", "terminated" };

	return names[state];
}

/* ---- life ---- */

struct session *session_new(struct ua *ua, struct profile *profile, bool is_caller)
{
	struct session *session = xcalloc(1, sizeof *session);

	session->ua = ua;
	session->profile = profile_ref(profile);
	session->is_caller = is_caller;
	session->state = is_caller ? SESSION_CALLING : SESSION_INCOMING;
	session->options = ua->settings.session;
	session->counted = true;
	ua->session_count++;
	list_init(&session->legs);
	list_init(&session->errands);
	buf_init(&session->progress, SIP_MESSAGE_MAX);
	list_append(&ua->sessions, &session->node);
	return session;
}

void session_drop_errand(struct errand *errand)
{
	session_note_done(errand->session, errand->request);
	request_detach(errand->request);
	list_remove(&errand->node);
	free(errand);
}

static void stop_timers(struct session *session)
{
	struct timers *timers = session->ua->world.timers;

	timer_stop(timers, &session->timeout);
	timer_stop(timers, &session->glare);
	timer_stop(timers, &session->reinvite_limit);
	timer_stop(timers, &session->ring);
	timer_stop(timers, &session->expiry);
	timer_stop(timers, &session->minute);
	session_update_stop(session);
	session_reliable_stop(session);
	session_clock_stop(session);
}

static void drop_errands(struct session *session)
{
	LIST_EACH(&session->errands, node)
		session_drop_errand(LIST_ENTRY(node, struct errand, node));
}

static void session_free(struct mortal *mortal)
{
	struct session *session = CONTAINER_OF(mortal, struct session, mortal);

	stop_timers(session);
	timer_stop(session->ua->world.timers, &session->farewell);
	session_server_stop(session);
	session_server_release(session);
	drop_errands(session);
	LIST_EACH(&session->legs, node)
		session_free_leg(LIST_ENTRY(node, struct leg, node));
	if (session->counted)
		session->ua->session_count--;
	list_remove(&session->node);
	list_remove(&session->among_ringing);
	sip_draft_free(session->sent.draft);
	sip_draft_free(session->invite_draft);
	session_also_drop(session);
	sip_kept_fini(&session->sent.kept);
	sip_kept_fini(&session->received);
	sip_message_unref(session->invite_sent);
	sip_message_unref(session->server.request);
	buf_fini(&session->progress);
	profile_unref(session->profile);
	free(session->call_id);
	free(session->local_tag);
	free(session->target);
	free(session->peer_text);
	free(session->offer);
	free(session->more_type);
	free(session->more_body);
	free(session->next_offer);
	free(session->reason);
	free(session);
}

void session_free_all(struct ua *ua)
{
	LIST_EACH(&ua->sessions, node) {
		struct session *session = LIST_ENTRY(node, struct session, node);
		list_remove(&session->mortal.node);
		session_free(&session->mortal);
	}
}

/* Until its memory goes at the end of the turn nothing may find it: a 2xx of another fork that comes in the same turn
 * would begin a BYE that outlives it. */
static void hide(struct session *session)
{
	list_remove(&session->node);
	LIST_EACH(&session->legs, node)
		list_remove(&LIST_ENTRY(node, struct leg, node)->usage.node);
}

void session_settle(struct session *session)
{
	if (!session_is_over(session) || session->counted || session->invite || session->reinvite ||
	    session->lingering || session->byes || session->bye_waits)
		return;
	hide(session);
	core_bury(session->ua, &session->mortal, session_free);
}

/* ---- what was said last ---- */

static void clear_sent(struct session *session)
{
	sip_draft_free(session->sent.draft);
	session->sent.draft = NULL;
	session->sent.request = NULL;
	session->sent.ack = NULL;
}

void session_note_request(struct session *session, struct request *request)
{
	clear_sent(session);
	session->sent.request = request;
}

void session_note_done(struct session *session, struct request *request)
{
	if (session->sent.request != request)
		return;
	session->sent.request = NULL;
	sip_kept_put(&session->sent.kept, request_message(request));
}

void session_note_ack(struct session *session, struct ack *ack)
{
	clear_sent(session);
	session->sent.ack = ack;
}

void session_note_response(struct session *session, struct sip_draft *draft)
{
	clear_sent(session);
	session->sent.draft = draft;
}

static void keep_response(struct session *session)
{
	if (!session->sent.draft)
		return;
	struct sip_message *message = sip_draft_finish(session->sent.draft, slice_of(NULL));
	sip_kept_put(&session->sent.kept, message);
	sip_message_unref(message);
	sip_draft_free(session->sent.draft);
	session->sent.draft = NULL;
}

void session_slim(struct session *session)
{
	keep_response(session);
	if (session->server.pending || session->server.wants_ack || session->reliable.outstanding)
		return;
	sip_message_unref(session->server.request);
	session->server.request = NULL;
}

void session_note_received(struct session *session, struct sip_message *message)
{
	sip_kept_put(&session->received, message);
}

/* What we said last, where that is not kept: it is being said. */
static const struct sip_message *being_sent(const struct session *session)
{
	if (session->sent.request && request_message(session->sent.request))
		return request_message(session->sent.request);
	return session->sent.ack ? session->sent.ack->sent : NULL;
}

const struct sip_message *session_last_sent(const struct session *session)
{
	/* A response is made a message only when somebody asks; that changes nothing that can be seen. */
	struct session *mine = (struct session *)(uintptr_t)session;

	keep_response(mine);
	const struct sip_message *now = being_sent(session);
	return now ? now : sip_kept_message(&mine->sent.kept);
}

const struct sip_message *session_last_received(const struct session *session)
{
	return sip_kept_message(&((struct session *)(uintptr_t)session)->received);
}

void session_copy_last(struct session *session, struct sip_kept *sent, struct sip_kept *received)
{
	const struct sip_message *now = being_sent(session);

	keep_response(session);
	if (now)
		sip_kept_put(sent, now);
	else
		sip_kept_copy(sent, &session->sent.kept);
	sip_kept_copy(received, &session->received);
}

/* ---- questions ---- */

void session_set_handlers(struct session *session, const struct session_handlers *handlers)
{
	session->handlers = *handlers;
}

void session_set_identity(struct session *session, const struct identity *identity)
{
	struct profile *profile = profile_new(identity);

	if (!profile)
		return;
	profile_unref(session->profile);
	session->profile = profile;
}

enum session_state session_state(const struct session *session)
{
	return session->state;
}

bool session_is_caller(const struct session *session)
{
	return session->is_caller;
}

void call_thread_fini(struct call_thread *thread)
{
	free(thread->to);
	free(thread->local_tag);
	free(thread->call_id);
	*thread = (struct call_thread){ 0 };
}

void session_thread(const struct session *session, struct call_thread *thread)
{
	call_thread_fini(thread);
	*thread = (struct call_thread){ .to = xstrdup(session->peer_text),
					.local_tag = xstrdup(session->local_tag),
					.call_id = xstrdup(session->call_id),
					.cseq = session->cseq };
}

struct slice session_call_id(const struct session *session)
{
	return slice_of(session->call_id);
}

const struct sip_address *session_peer(const struct session *session)
{
	return &session->peer;
}

/* ---- the end ---- */

/* No timer of the session's life runs on, and a re-INVITE that the peer only ever answers with 1xx must end some day.
 */
static void wind_up(struct session *session)
{
	session->reinvite_waits = false;
	stop_timers(session);
	if (session->reinvite)
		request_cancel(session->reinvite, slice_of(NULL));
}

/* From here on only what is on its way is brought to its end. */
static struct session_handlers close_down(struct session *session)
{
	struct session_handlers handlers = session->handlers;

	assert(session->counted);
	session->state = SESSION_TERMINATED;
	session->counted = false;
	session->ua->session_count--;
	session->handlers = (struct session_handlers){ 0 };
	wind_up(session);
	drop_errands(session);
	return handlers;
}

void session_fail(struct session *session, const struct outcome *outcome)
{
	if (!session->counted)
		return;
	timer_stop(session->ua->world.timers, &session->farewell);
	struct session_handlers handlers = close_down(session);
	if (handlers.failed)
		handlers.failed(handlers.arg, session, outcome);
	session_settle(session);
}

void session_end(struct session *session, const struct outcome *outcome, bool by_peer, struct sip_message *request)
{
	if (!session->counted)
		return;
	timer_stop(session->ua->world.timers, &session->farewell);
	struct session_handlers handlers = close_down(session);
	if (handlers.ended)
		handlers.ended(handlers.arg, session, outcome, by_peer, request);
	session_settle(session);
}

static void say_farewell(void *arg)
{
	struct session *session = arg;

	if (session->was_up)
		session_end(session, &session->last_words, false, NULL);
	else
		session_fail(session, &session->last_words);
}

void session_end_later(struct session *session, struct outcome outcome)
{
	session->was_up = session->state == SESSION_CONFIRMED;
	session->state = SESSION_TERMINATED;
	session->last_words = outcome;
	wind_up(session);
	timer_start(session->ua->world.timers, &session->farewell, 0, say_farewell, session);
}

static void on_bye(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct leg *leg = arg;
	struct session *session = leg->session;

	if (event != REQUEST_FINAL)
		return;
	session_note_done(session, request);
	if (outcome->response)
		session_note_received(session, outcome->response);
	leg->bye = NULL;
	session->byes--;
	session_settle(session);
}

void session_bye(struct leg *leg)
{
	struct session *session = leg->session;
	bool strict;

	if (leg->bye)
		return;
	struct sip_draft *draft = dialog_draft(leg->dialog, SLICE("BYE"), &strict);
	core_user_agent(session->ua, draft);
	if (session->reason)
		sip_draft_add_slice(draft, SIP_HEADER_REASON, slice_of(session->reason));
	session_finish(session, draft, slice_of(NULL));
	leg->bye = request_start(session->ua, &(struct request_spec){ .profile = session->profile,
								      .draft = draft,
								      .strict = strict,
								      .others_dialog = !leg->dialog->ours,
								      .cseq = &leg->dialog->local_cseq,
								      .scope = slice_of(leg->dialog->scope),
								      .event = on_bye,
								      .arg = leg });
	session->byes++;
	session_note_request(session, leg->bye);
}

void session_break(struct session *session, struct outcome outcome)
{
	if (session_is_over(session))
		return;
	if (session->server.wants_ack && !session->server.again && outcome.cause != CAUSE_TIMEOUT)
		session->bye_waits = true;
	else
		session_bye(session->leg);
	session_end_later(session, outcome);
}

bool session_owes(const struct session *session)
{
	if (session->bye_waits || session->byes)
		return true;
	LIST_EACH(&session->legs, node)
		LIST_EACH(&LIST_ENTRY(node, struct leg, node)->acks, ack)
			if (hop_is_looking(&LIST_ENTRY(ack, struct ack, node)->hop))
				return true;
	return false;
}

void session_hurry(struct session *session)
{
	if (!session->bye_waits)
		return;
	session->bye_waits = false;
	session_server_stop(session);
	session_bye(session->leg);
}

void session_hangup(struct session *session, struct slice reason)
{
	if (session_is_over(session))
		return;
	if (reason.n && !session->reason)
		session->reason = slice_dup(reason);
	if (session->state == SESSION_CONFIRMED) {
		session_break(session, core_outcome(200, CAUSE_NONE, ERR_NONE));
	} else if (session->is_caller) {
		session_cancel(session, reason, core_outcome(487, CAUSE_CANCELLED, ERR_NONE));
	} else {
		session_refuse(session, 480);
		session_end_later(session, core_outcome(480, CAUSE_LOCAL, ERR_NONE));
	}
}

/* ---- inside the dialog ---- */

void session_set_warning(struct session *session, unsigned code)
{
	session->warning = code;
}

void session_add_warning(struct session *session, struct sip_draft *draft, unsigned status)
{
	static const struct {
		unsigned code;
		const char *text;
	} rows[] = {
		{ 300, "Incompatible network protocol" },
		{ 301, "Incompatible network address formats" },
		{ 302, "Incompatible transport protocol" },
		{ 304, "Media type not available" },
		{ 305, "Incompatible media format" },
		{ 307, "Session description parameter not understood" },
		{ 330, "Multicast not available" },
		{ 399, "Miscellaneous warning" },
	};
	size_t i = 0;

	if (status != 488 && status != 606) /* 13.3.1.3, 21.6.4 */
		return;
	while (rows[i].code != session->warning && i + 1 < ARRAY_LEN(rows))
		i++;
	sip_draft_add(draft, SIP_HEADER_WARNING, "%u offhook \"%s\"", rows[i].code, rows[i].text);
	session->warning = 0;
}

void session_respond(struct session *session, struct server_transaction *st, unsigned status)
{
	struct sip_draft *draft =
		core_response(session->ua, server_transaction_request(st), status, slice_of(NULL), slice_of(NULL));

	if (status == 469) /* RFC 6086 4.2.2: none is wanted */
		sip_draft_add(draft, SIP_HEADER_RECV_INFO, "%s", "");
	session_add_warning(session, draft, status);
	if (status == 415)
		sip_draft_add(draft, SIP_HEADER_ACCEPT_ENCODING, "identity");
	if (status == 500)
		sip_draft_add(draft, SIP_HEADER_RETRY_AFTER, "%u", random_below(session->ua->world.random, 11));
	session_send(session, st, draft);
}

void session_send(struct session *session, struct server_transaction *st, struct sip_draft *draft)
{
	enum err err = transaction_respond(st, draft);

	session_note_response(session, draft);
	if (err)
		log_line(session->ua->world.log, LOG_NOTICE, "an answer could not be sent: %s", err_text(err));
}

struct sip_draft *session_response(struct session *session, struct server_transaction *st, unsigned status)
{
	const struct sip_message *request = server_transaction_request(st);
	struct sip_draft *draft = core_response(session->ua, request, status, slice_of(NULL), slice_of(NULL));

	if (request->method == SIP_UPDATE && status < 300) {
		const struct sip_source *source = server_transaction_source(st);
		struct sip_target hop = { .protocol = source->protocol,
					  .address = source->remote,
					  .local = source->local };
		session_add_contact(session, draft, request, &hop);
	}
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	if (status < 300) /* it has no place in others (20.37) */
		core_add_supported(draft, &session->options, NULL);
	return draft;
}

bool session_has_sdp(const struct sip_message *message)
{
	return sip_message_has_body(message, "application", "sdp");
}

void session_learn(struct leg *leg, const struct sip_message *message)
{
	if (!sip_message_header(message, SIP_HEADER_ALLOW, 0))
		return;
	leg->has_allow = true;
	leg->peer_updates = sip_message_lists(message, SIP_HEADER_ALLOW, SLICE("UPDATE"));
}

struct dialog *session_dialog(const struct session *session)
{
	struct leg *leg = session_current(session);

	return leg ? leg->dialog : NULL;
}

const char *session_remote_target(const struct session *session)
{
	struct leg *leg = session_current(session);

	return leg ? leg->dialog->remote_target : NULL;
}

bool session_print_replaces(const struct session *session, struct buf *to)
{
	if (session->state != SESSION_CONFIRMED)
		return false;
	const struct dialog *dialog = session->leg->dialog;
	buf_printf(to, "%s;to-tag=%s;from-tag=%s", dialog->call_id, dialog->remote_tag, dialog->local_tag);
	return true;
}

struct session *session_replaced(const struct session *session)
{
	return session->replaced;
}

struct session *session_joined(const struct session *session)
{
	return session->joined;
}

void session_go_on(struct session *session)
{
	session_try_reinvite(session);
	session_try_update(session);
}

void session_forget_face(struct session *session)
{
	session->profile->identity.has_contact = false;
}
