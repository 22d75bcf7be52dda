/* Calls by number: their life from the first message to the last, as the session tells it. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

enum { RINGBACK_AFTER_US = 1000000, BUSY_US = 3000000, OFFER_MAX = 2 * SDP_MAX };

const char *call_state_name(enum call_state state)
{
	static const char *const names[] = { "calling", "trying", "ringing", "early", "incoming", "answered", "held", "ended", "failed" };

	return names[state];
}

bool call_is_up(const struct call *call)
{
	return call->state == CALL_ANSWERED || call->state == CALL_HELD;
}

/* ---- look-up, making, freeing ---- */

struct call *call_find(const struct phone *phone, unsigned number)
{
	struct map_node *node = map_find(&phone->by_number, slice_make(&number, sizeof number));

	return node ? CONTAINER_OF(node, struct call, by_number) : NULL;
}

struct call *call_new(struct phone *phone, bool incoming)
{
	struct call *call = xcalloc(1, sizeof *call);

	call->phone = phone;
	call->number = ++phone->last_call;
	call->incoming = incoming;
	call->state = incoming ? CALL_INCOMING : CALL_DIALLING;
	call->started_us = phone->timers->now_us;
	call->name = xstrdup("");
	call->uri = xstrdup("");
	call->account_name = xstrdup("");
	call->account_uri = xstrdup("");
	call->call_id = xstrdup("");
	call->reason = xstrdup("");
	random_token(&phone->random, call->id, ID_CHARS);
	media_init(&call->media, phone, call->number, false);
	map_add(&phone->by_number, &call->by_number, slice_make(&call->number, sizeof call->number));
	map_add(&phone->by_id, &call->by_id, slice_of(call->id));
	list_append(&phone->calls, &call->node);
	phone->call_count++;
	return call;
}

void call_setup_free(struct call_setup *setup)
{
	if (!setup)
		return;
	for (char **header = setup->headers; header && *header; header++)
		free(*header);
	for (size_t i = 0; i < setup->queued; i++)
		free(setup->queue[i]);
	for (size_t i = 0; i < setup->tried_count; i++)
		free(setup->tried[i]);
	free(setup->headers);
	free(setup->uri);
	free(setup->display);
	free(setup);
}

static void stop_timers(struct call *call)
{
	timer_stop(call->phone->timers, &call->answer_timer);
	timer_stop(call->phone->timers, &call->ringback_timer);
	timer_stop(call->phone->timers, &call->work_timer);
}

void call_free(struct call *call)
{
	char *const texts[] = { call->account_name, call->name, call->uri, call->account_uri, call->call_id, call->target, call->digits,
				call->reason, call->cause, call->detail, call->redirect, call->codec };

	stop_timers(call);
	if (call->locating)
		net_ops()->locate_cancel(call->phone->net, call->locating);
	media_close(&call->media);
	map_remove(&call->phone->by_number, &call->by_number);
	map_remove(&call->phone->by_id, &call->by_id);
	list_remove(&call->node);
	sip_message_unref(call->invite);
	sip_message_unref(call->last_sent);
	sip_message_unref(call->last_received);
	call_setup_free(call->setup);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	free(call);
}

/* "sip:bob@biloxi.com:5070": without the parameters, which are no part of who it is. */
static char *plain_uri(const struct sip_uri *uri)
{
	struct buf text;

	buf_init(&text, 2048);
	utf8_clean(&text, uri->scheme_name, false);
	buf_add_char(&text, ':');
	utf8_clean(&text, uri->user, false);
	if (uri->host.n) {
		buf_printf(&text, "%s", uri->has_user ? "@" : "");
		utf8_clean(&text, uri->host, false);
	}
	if (uri->port)
		buf_printf(&text, ":%u", uri->port);
	if (!uri->host.n && !uri->user.n)
		utf8_clean(&text, uri->text, false);
	return buf_take(&text);
}

void call_set_peer(struct call *call, struct slice display, struct slice text)
{
	struct sip_uri uri;

	free(call->uri);
	call->uri = sip_uri_parse(text, &uri, NULL) ? plain_uri(&uri) : clean(text);
	free(call->name);
	const char *kept = contacts_name_of(call->phone->contacts, slice_of(call->uri));
	call->name = kept ? xstrdup(kept) : clean(display);
}

/* ---- events ---- */

struct event *call_event(struct call *call, enum event_kind kind)
{
	struct event *event = events_add(call->phone->events, kind, call->number);
	int64_t until = call->ended_us ? call->ended_us : call->phone->timers->now_us;

	event_text(event, "id", slice_of(call->id));
	event_text(event, "callid", slice_of(call->call_id));
	event_text(event, "direction", call->incoming ? SLICE("in") : SLICE("out"));
	event_text(event, "from", slice_of(call->incoming ? call->uri : call->account_uri));
	event_text(event, "to", slice_of(call->incoming ? call->account_uri : call->is_echo ? "echo" : call->uri));
	event_text(event, "name", slice_of(call->name));
	event_text(event, "account", slice_of(call->account_name));
	if (call->code)
		event_number(event, "code", call->code);
	event_text(event, "reason", slice_of(call->reason));
	event_text(event, "cause", slice_of(call->cause));
	if (call->answered_us)
		event_number(event, "duration", (double)((until - call->answered_us) / MS_US) / 1000);
	return event;
}

static void set_status(struct call *call, unsigned code, struct slice reason)
{
	call->code = code;
	free(call->reason);
	call->reason = clean(reason);
}

static void keep_call_id(struct call *call)
{
	if (!*call->call_id && call->session) {
		free(call->call_id);
		call->call_id = clean(session_call_id(call->session));
	}
}

/* ---- the sound ---- */

void call_sound_changed(struct call *call)
{
	struct phone *phone = call->phone;

	if (!call->media.stream)
		return;
	engine_mute(phone->engine, call->media.stream, call->muted);
	if (phone->selected == call->number)
		engine_select(phone->engine, call->media.stream);
}

static void set_tone(struct phone *phone, enum engine_tone tone)
{
	if (phone->tone == tone || (tone == TONE_NONE && !phone->engine))
		return;
	phone->tone = tone;
	engine_tone(phone_engine(phone), tone);
}

void calls_update_tones(struct phone *phone)
{
	enum engine_tone tone = TONE_NONE;
	bool rings = false, talks = false;

	LIST_EACH(&phone->calls, node) {
		const struct call *call = LIST_ENTRY(node, struct call, node);
		rings |= call->state == CALL_INCOMING && !call->answering && !call->wants_answer && !call->reject_code;
		talks |= call->state == CALL_ANSWERED;
	}
	const struct call *selected = phone->selected ? call_find(phone, phone->selected) : NULL;
	if (rings)
		tone = talks ? TONE_WAITING : TONE_RING;
	else if (selected && selected->ringback && !selected->media.heard)
		tone = TONE_RINGBACK;
	else if (!talks && timer_running(&phone->tone_timer))
		tone = TONE_BUSY;
	set_tone(phone, tone);
}

static void busy_over(void *arg)
{
	calls_update_tones(arg);
}

void calls_busy_tone(struct phone *phone)
{
	timer_start(phone->timers, &phone->tone_timer, BUSY_US, busy_over, phone);
}

static void ringback_due(void *arg)
{
	struct call *call = arg;

	call->ringback = !call->media.heard;
	calls_update_tones(call->phone);
}

void calls_select(struct phone *phone, struct call *call)
{
	phone->selected = call ? call->number : 0;
	if (call && call->media.stream)
		engine_select(phone->engine, call->media.stream);
	else if (phone->engine)
		engine_select(phone->engine, NULL);
	calls_update_tones(phone);
}

/* The selected one is gone: one that is talked in, else one on hold, else one that is dialled; the newest of them. */
void calls_select_another(struct phone *phone)
{
	struct call *best = NULL;
	int best_rank = 0;

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		int rank = call->state == CALL_ANSWERED ? 3 : call->state == CALL_HELD ? 2 : call->incoming ? 0 : 1;
		if (rank && rank >= best_rank) {
			best = call;
			best_rank = rank;
		}
	}
	calls_select(phone, best);
}

void calls_auto_hold(struct phone *phone, const struct call *but)
{
	struct failure ignored;

	if (!settings_on(phone->settings, "call.auto-hold"))
		return;
	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (call != but && call->state == CALL_ANSWERED && !call->held_by_us)
			call_change_start(call, CHANGE_HOLD, false, &ignored);
	}
}

/* ---- the end of a call ---- */

static void keep_messages(struct call *call)
{
	const struct sip_message *sent = session_last_sent(call->session), *received = session_last_received(call->session);

	if (sent)
		call->last_sent = sip_message_ref((struct sip_message *)(uintptr_t)sent);
	if (received)
		call->last_received = sip_message_ref((struct sip_message *)(uintptr_t)received);
}

/* Where a 3xx points to. */
static void keep_redirect(struct call *call, const struct sip_message *response)
{
	const struct sip_address *contact = sip_message_address(response, SIP_HEADER_CONTACT, 0);

	if (contact && !contact->star)
		call->redirect = clean(contact->uri.text);
}

static void keep_outcome(struct call *call, const struct outcome *outcome, bool was_up)
{
	struct buf detail;

	if (!was_up || outcome->cause == CAUSE_TIMEOUT || outcome->cause == CAUSE_CONNECT)
		set_status(call, outcome->status, outcome->reason);
	if (outcome->cause != CAUSE_NONE && !(was_up && outcome->cause == CAUSE_RESPONSE))
		xreplace(&call->cause, cause_name(outcome->cause));
	buf_init(&detail, 2048);
	if (outcome->response)
		explain_response(outcome->response, &detail);
	if (!was_up && outcome->response && outcome->status / 100 == 3)
		keep_redirect(call, outcome->response);
	if (detail.n) {
		free(call->detail);
		call->detail = buf_take(&detail);
	}
	buf_fini(&detail);
}

static void restore_devices(struct call *call)
{
	if (call->devices[ENGINE_INPUT])
		sound_apply(call->phone, ENGINE_INPUT);
	if (call->devices[ENGINE_OUTPUT])
		sound_apply(call->phone, ENGINE_OUTPUT);
}

void call_finish(struct call *call, bool was_up, const struct outcome *outcome, const char *by)
{
	struct phone *phone = call->phone;

	if (call->ended)
		return;
	call->ended = true;
	call->ended_us = phone->timers->now_us;
	call->ringback = false;
	stop_timers(call);
	keep_outcome(call, outcome, was_up);
	call->state = was_up ? CALL_ENDED : CALL_FAILED;
	if (call->session) {
		keep_call_id(call);
		keep_messages(call);
		call->session = NULL;
	}
	media_close(&call->media);
	restore_devices(call);
	struct event *event = call_event(call, was_up ? EVENT_ENDED : EVENT_FAILED);
	if (was_up && by)
		event_text(event, "by", slice_of(by));
	if (call->redirect)
		event_text(event, "target", slice_of(call->redirect));
	history_add(phone->history, call);
	if (!was_up && !call->incoming && outcome->cause != CAUSE_CANCELLED) {
		phone_note_failure(phone, "call %u to %s: %u %s", call->number, call->uri, call->code, call->reason);
		calls_busy_tone(phone);
	}
	list_remove(&call->node);
	phone->call_count--;
	list_append(&phone->ended, &call->node);
	phone->ended_count++;
	phone->latest_ended = call->number;
	if (phone->selected == call->number)
		calls_select_another(phone);
	else
		calls_update_tones(phone);
}

void call_fail_locally(struct call *call, enum cause cause, enum err err, const char *reason)
{
	struct outcome outcome = { .reason = slice_of(reason), .cause = cause, .err = err };

	call_finish(call, false, &outcome, "us");
}

/* ---- what the session tells ---- */

static struct slice sdp_of(const struct sip_message *message)
{
	return sip_message_has_body(message, "application", "sdp") ? message->body : (struct slice){ 0 };
}

static void told_hold(struct call *call)
{
	bool holds = call->media.plan.peer_holds;

	if (holds == call->held_by_peer)
		return;
	call->held_by_peer = holds;
	call_event(call, holds ? EVENT_REMOTE_HELD : EVENT_REMOTE_RESUMED);
}

static void on_provisional(void *arg, struct session *session, int leg, struct sip_message *response)
{
	struct call *call = arg;
	bool sdp = sdp_of(response).n > 0;

	(void)session;
	(void)leg;
	keep_call_id(call);
	set_status(call, response->status, response->reason);
	if (!call->trying_said) {
		call->trying_said = true;
		if (call->state == CALL_DIALLING)
			call->state = CALL_TRYING;
		call_event(call, EVENT_TRYING);
	}
	if (response->status == 180) {
		call->ringback = true;
		if (call->state != CALL_EARLY)
			call->state = CALL_RINGING;
		if (!call->ringing_said)
			call_event(call, EVENT_RINGING);
		call->ringing_said = true;
	} else if (response->status == 183 && !call->ringback && !timer_running(&call->ringback_timer)) {
		timer_start(call->phone->timers, &call->ringback_timer, RINGBACK_AFTER_US, ringback_due, call);
	}
	if (sdp && call->media.plan.usable && !call->early_said) {
		call->state = CALL_EARLY;
		call->early_said = true;
		event_text(call_event(call, EVENT_EARLY_MEDIA), "codec", slice_of(media_codec_in_use(&call->media)));
	}
	call_sound_changed(call);
	calls_update_tones(call->phone);
}

static void send_first_digits(struct call *call)
{
	uint32_t pause_ms = (uint32_t)(settings_number(call->phone->settings, "dtmf.pause") / MS_US);

	if (!call->digits || !*call->digits || !call->media.stream)
		return;
	enum err err = engine_dtmf(call->phone->engine, call->media.stream, call->digits, pause_ms);
	if (err)
		log_line(call->phone->log, LOG_WARNING, "call %u: the digits %s were not sent: %s", call->number, call->digits, err_text(err));
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	struct call *call = arg;

	keep_call_id(call);
	timer_stop(call->phone->timers, &call->ringback_timer);
	timer_stop(call->phone->timers, &call->answer_timer);
	call->ringback = false;
	call->answered_us = call->phone->timers->now_us;
	call->state = CALL_ANSWERED;
	if (!call->incoming && message && !message->is_request)
		set_status(call, message->status, message->reason);
	else
		set_status(call, 200, SLICE("OK"));
	bool sound = call->incoming || media_choose_leg(&call->media, leg);
	call_sound_changed(call);
	event_text(call_event(call, EVENT_ANSWERED), "codec", slice_of(media_codec_in_use(&call->media)));
	call->held_by_peer = false;
	told_hold(call);
	calls_update_tones(call->phone);
	if (!sound) {
		log_line(call->phone->log, LOG_WARNING, "call %u: answered without saying where sound goes", call->number);
		session_hangup(session, SLICE("SIP;cause=488;text=\"No session description in the answer\""));
		return;
	}
	send_first_digits(call);
}

static void on_acknowledged(void *arg, struct session *session)
{
	struct call *call = arg;

	(void)session;
	call_sound_changed(call);
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	(void)session;
	if (!call_redirect(arg, outcome))
		call_finish(arg, false, outcome, NULL);
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer, struct sip_message *request)
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

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message, struct buf *answer)
{
	struct call *call = arg;

	(void)session;
	(void)leg;
	unsigned status = media_answer_offer(&call->media, sdp_of(message), answer);
	call_sound_changed(call);
	return status;
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

static void on_make_offer(void *arg, struct session *session, struct buf *offer)
{
	struct call *call = arg;

	(void)session;
	media_offer(&call->media, offer);
}

/* ---- re-INVITE ---- */

static void reinvite_event(struct call *call, const char *direction, unsigned code, struct slice reason)
{
	struct event *event = events_add(call->phone->events, EVENT_REINVITE, call->number);

	event_text(event, "id", slice_of(call->id));
	event_text(event, "callid", slice_of(call->call_id));
	event_text(event, "direction", slice_of(direction));
	if (code)
		event_number(event, "code", code);
	event_text(event, "reason", reason);
}

bool call_change_start(struct call *call, enum call_change change, bool no_sdp, struct failure *failure)
{
	struct buf offer;

	if (call->change) {
		/* One after the other; the last wish counts. */
		call->next_change = change;
		return true;
	}
	buf_init(&offer, OFFER_MAX);
	if (change != CHANGE_REINVITE)
		media_set_held(&call->media, change == CHANGE_HOLD);
	if (!no_sdp)
		media_offer(&call->media, &offer);
	call->change = change;
	enum err err = session_reinvite(call->session, buf_slice(&offer));
	buf_fini(&offer);
	if (!err)
		return true;
	call->change = CHANGE_NONE;
	media_offer_refused(&call->media);
	media_set_held(&call->media, call->held_by_us);
	return fail(failure, STATUS_CALL, err_name(err), "call %u cannot be changed now: %s", call->number, err_text(err));
}

static void change_done(struct call *call, enum call_change change)
{
	if (change == CHANGE_REINVITE) {
		reinvite_event(call, "out", 200, (struct slice){ 0 });
		return;
	}
	bool held = change == CHANGE_HOLD;
	if (held == call->held_by_us)
		return;
	call->held_by_us = held;
	call->state = held ? CALL_HELD : CALL_ANSWERED;
	call_event(call, held ? EVENT_HELD : EVENT_RESUMED);
	call_sound_changed(call);
}

static void on_reinvited(void *arg, struct session *session, const struct outcome *outcome)
{
	struct call *call = arg;
	struct failure ignored;
	enum call_change change = call->change, next = call->next_change;

	(void)session;
	call->change = call->next_change = CHANGE_NONE;
	if (outcome->status / 100 == 2) {
		change_done(call, change);
	} else {
		media_offer_refused(&call->media);
		media_set_held(&call->media, call->held_by_us);
		char *reason = clean(outcome->reason);
		reinvite_event(call, "out", outcome->status, slice_of(reason));
		phone_note_failure(call->phone, "call %u: re-INVITE: %u %s", call->number, outcome->status, reason);
		free(reason);
	}
	calls_update_tones(call->phone);
	if (next != CHANGE_NONE && call->session && !call->ended)
		call_change_start(call, next, false, &ignored);
}

static void on_peer_reinvited(void *arg, struct session *session, struct sip_message *request)
{
	struct call *call = arg;

	(void)session;
	(void)request;
	reinvite_event(call, "in", 0, (struct slice){ 0 });
	told_hold(call);
}

struct session_handlers call_handlers(struct call *call)
{
	return (struct session_handlers){
		.provisional = on_provisional, .answered = on_answered, .acknowledged = on_acknowledged, .failed = on_failed, .ended = on_ended,
		.offer = on_offer, .answer = on_answer, .make_offer = on_make_offer, .reinvited = on_reinvited, .peer_reinvited = on_peer_reinvited,
		.arg = call,
	};
}

/* ---- what the engine tells ---- */

static void on_first_packet(struct call *call)
{
	struct stream_stats stats;
	const char *codec;

	call->media.heard = true;
	call->ringback = false;
	timer_stop(call->phone->timers, &call->ringback_timer);
	media_stats(&call->media, &stats);
	codec = media_codec_name(stats.receive_codec);
	struct event *event = call_event(call, EVENT_MEDIA);
	event_text(event, "codec", slice_of(codec));
	event_number(event, "rate", stats.receive_rate);
	char *words = xasprintf("RTP %s", codec);
	trace_note(call->phone->trace, TRACE_MEDIA, SIP_UDP, NULL, slice_of(call->call_id), slice_of(words));
	free(words);
	calls_update_tones(call->phone);
}

void calls_engine_event(struct call *call, const struct engine_event *from)
{
	struct event *event;

	switch (from->kind) {
	case ENGINE_FIRST_PACKET:
		if (!call->media.heard)
			on_first_packet(call);
		break;
	case ENGINE_SILENT:
		event_text(call_event(call, EVENT_SILENT), "side", from->side ? SLICE("peer") : SLICE("me"));
		break;
	case ENGINE_LOST:
		call_event(call, EVENT_MEDIA_LOST);
		break;
	case ENGINE_DTMF:
		event = events_add(call->phone->events, EVENT_DTMF, call->number);
		event_text(event, "id", slice_of(call->id));
		event_text(event, "digit", slice_make(&from->digit, 1));
		event_text(event, "via", SLICE("rtp"));
		event_text(event, "from", slice_of(call->is_echo ? "echo" : call->uri));
		break;
	case ENGINE_CODEC:
		event_text(call_event(call, EVENT_CODEC), "codec", slice_of(media_codec_name(from->codec)));
		break;
	default:
		break;
	}
}

/* ---- all of them ---- */

void calls_turn_end(struct phone *phone)
{
	while (phone->ended_count > CALLS_REMEMBERED) {
		call_free(LIST_ENTRY(list_first(&phone->ended), struct call, node));
		phone->ended_count--;
	}
}

void calls_shut_down(struct phone *phone)
{
	struct failure ignored;

	LIST_EACH(&phone->calls, node) {
		unsigned number = LIST_ENTRY(node, struct call, node)->number;
		phone_hangup(phone, &number, &ignored);
	}
}

void calls_free(struct phone *phone)
{
	timer_stop(phone->timers, &phone->tone_timer);
	while (!list_empty(&phone->calls))
		call_free(LIST_ENTRY(list_first(&phone->calls), struct call, node));
	while (!list_empty(&phone->ended))
		call_free(LIST_ENTRY(list_first(&phone->ended), struct call, node));
}
