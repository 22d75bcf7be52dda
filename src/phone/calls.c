/* Calls by number: their life from the first message to the last, as the session tells it. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "media/codec/codec.h"
#include "phone/phone_internal.h"
#include "phone/presence.h"

const char *call_state_name(enum call_state state)
{
	static const char *const names[] = { "calling",  "trying", "ringing", "early", "incoming",
					     "answered", "held",   "ended",   "failed" };

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
	call->state = CALL_DIALLING;
	if (incoming)
		call_set_state(call, CALL_INCOMING);
	call->started_us = phone->timers->now_us;
	call->name = xstrdup("");
	call->uri = xstrdup("");
	call->account_name = xstrdup("");
	call->account_uri = xstrdup("");
	call->call_id = xstrdup("");
	call->reason = xstrdup("");
	random_token(&phone->random, call->id, ID_CHARS);
	media_init(&call->media, call);
	map_add(&phone->by_number, &call->by_number, slice_make(&call->number, sizeof call->number));
	map_add(&phone->by_id, &call->by_id, slice_of(call->id));
	list_append(&phone->calls, &call->node);
	phone->call_count++;
	return call;
}

/* Who asks whether anything rings, or whether somebody talks, need not go through all calls: that is asked with every
 * message. */
void call_set_state(struct call *call, enum call_state state)
{
	if (state == call->state)
		return;
	call->phone->talking += state == CALL_ANSWERED;
	call->phone->talking -= call->state == CALL_ANSWERED;
	if (state == CALL_INCOMING)
		list_append(&call->phone->ringing, &call->among_ringing);
	else
		list_remove(&call->among_ringing);
	call->state = state;
}

static void setup_free(struct call_setup *setup)
{
	if (!setup)
		return;
	for (char **header = setup->headers; header && *header; header++)
		free(*header);
	for (size_t i = 0; i < setup->queued; i++)
		free(setup->queue[i]);
	for (size_t i = 0; i < setup->tried_count; i++)
		free(setup->tried[i]);
	call_thread_fini(&setup->thread);
	free(setup->headers);
	free(setup->uri);
	free(setup->proxy);
	free(setup->display);
	free(setup->type);
	free(setup->body);
	free(setup);
}

static void stop_timers(struct call *call)
{
	timer_stop(call->phone->timers, &call->answer_timer);
	timer_stop(call->phone->timers, &call->proof_timer);
	timer_stop(call->phone->timers, &call->ringback_timer);
	timer_stop(call->phone->timers, &call->work_timer);
	timer_stop(call->phone->timers, &call->forward_timer);
	timer_stop(call->phone->timers, &call->notice_timer);
	timer_stop(call->phone->timers, &call->leaving_timer);
}

void call_free(struct call *call)
{
	char *const texts[] = { call->account_name, call->name,       call->uri,        call->account_uri,
				call->call_id,      call->target,     call->digits,     call->reason,
				call->cause,        call->detail,     call->redirect,   call->codec,
				call->refusal,      call->forward_to, call->encryption, call->record_to,
				call->identity,     call->diverted,   call->challenge };

	stop_timers(call);
	account_drops_call(call);
	info_digits_free(call->info_digits);
	if (call->locating)
		net_ops()->locate_cancel(call->phone->net, call->locating);
	media_close(&call->media);
	map_remove(&call->phone->by_number, &call->by_number);
	map_remove(&call->phone->by_id, &call->by_id);
	list_remove(&call->node);
	call_set_state(call, CALL_ENDED);
	sip_message_unref(call->invite);
	sip_kept_fini(&call->last_sent);
	sip_kept_fini(&call->last_received);
	setup_free(call->setup);
	sampling_free(call->sampling);
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

char *peer_uri(struct slice text)
{
	struct sip_uri uri;

	return sip_uri_parse(text, &uri, NULL) ? plain_uri(&uri) : clean(text);
}

void call_set_peer(struct call *call, struct slice display, struct slice text)
{
	free(call->uri);
	call->uri = peer_uri(text);
	free(call->name);
	/* Whoever was dialled by a name is that one, even if others have the same address. */
	const char *kept = call->incoming || !display.n ? contacts_name_of(call->phone->contacts, slice_of(call->uri))
							: NULL;
	call->name = kept ? xstrdup(kept) : clean_name(display);
}

/* ---- events ---- */

struct event *call_event(struct call *call, enum event_kind kind)
{
	struct event *event = events_add(call->phone->events, kind, call->number);
	int64_t until = call->ended_us ? call->ended_us : call->phone->timers->now_us;

	/* What is an event here is one for who watches our lines. */
	presence_calls_changed(call->phone->presence);

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

void call_set_status(struct call *call, unsigned code, struct slice reason)
{
	call->code = code;
	free(call->reason);
	call->reason = clean(reason);
}

void call_keep_id(struct call *call)
{
	if (!*call->call_id && call->session) {
		free(call->call_id);
		call->call_id = clean(session_call_id(call->session));
	}
}

/* ---- the sound ---- */

/* Another codec than before is sent: agreed on by another exchange, or by another leg of a fork. */
static void tell_codec_sent(struct call *call)
{
	const struct media_plan *plan = &call->media.plan;
	enum media_codec codec = plan->config.send.codec;

	if (!plan->usable)
		return;
	if (call->codec_known && codec != call->codec_sent) {
		struct event *event = call_event(call, EVENT_CODEC);
		event_text(event, "codec", slice_of(media_codec_name(codec)));
		event_number(event, "rate", codec_clock_rate(codec));
		event_text(event, "side", SLICE("me"));
	}
	call->codec_known = true;
	call->codec_sent = codec;
}

void call_sound_changed(struct call *call)
{
	struct phone *phone = call->phone;

	if (!call->media.stream)
		return;
	tell_codec_sent(call);
	engine_mute(phone->engine, call->media.stream, call->muted);
	call_begin_record(call);
	if (phone->selected == call->number)
		engine_select(phone->engine, call->media.stream);
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
static void select_another(struct phone *phone)
{
	int best_rank = 0, most = phone->talking ? 3 : 2;
	struct call *best = NULL;

	/* From the newest on: mostly that is the one. */
	for (struct list_node *node = list_last(&phone->calls); node && best_rank < most;
	     node = node->prev == &phone->calls.head ? NULL : node->prev) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		int rank = call->state == CALL_ANSWERED ? 3 : call->state == CALL_HELD ? 2 : call->incoming ? 0 : 1;
		if (rank > best_rank) {
			best = call;
			best_rank = rank;
		}
	}
	calls_select(phone, best);
}

/* ---- the end of a call ---- */

/* Where a 3xx points to. */
static void keep_redirect(struct call *call, const struct sip_message *response)
{
	const struct sip_address *contact = sip_message_address(response, SIP_HEADER_CONTACT, 0);

	if (!contact || contact->star)
		return;
	call->redirect = clean(contact->uri.text);
	/* A proxy (305) or another service (380) is not whom `redial` should call. */
	if (response->status != 305 && response->status != 380 &&
	    strcmp(settings_text(call_settings(call, "call.follow-redirect"), "call.follow-redirect"), "ask") == 0)
		xreplace(&call->phone->redirected_to, call->redirect);
}

static bool answered_elsewhere(const struct sip_message *cancel)
{
	struct sip_values values;
	struct sip_reason reason;
	struct slice value;

	sip_values_begin(&values, cancel, SIP_HEADER_REASON);
	while (sip_values_next(&values, &value))
		if (sip_reason_parse(value, &reason) && slice_ieq(reason.protocol, SLICE("SIP")) &&
		    reason.cause / 100 == 2)
			return true;
	return false;
}

static void keep_outcome(struct call *call, const struct outcome *outcome, bool was_up)
{
	struct buf detail;

	const char *local = explain_local_cause(outcome);
	if (local && outcome->cause == CAUSE_TIMEOUT && (call->ringing_said || call->early_said))
		local = "it rang, but nobody answered in time";
	struct slice reason = call->refusal ? slice_of(call->refusal) : local ? slice_of(local) : outcome->reason;

	/* An answered call ends by a response where that says that the other side has none any more (RFC 5057 5.1). */
	bool gone = outcome->cause == CAUSE_RESPONSE && outcome->status >= 300;
	if (!was_up || gone || outcome->cause == CAUSE_TIMEOUT || outcome->cause == CAUSE_CONNECT)
		call_set_status(call, outcome->status, reason);
	if (outcome->cause != CAUSE_NONE && !(was_up && outcome->cause == CAUSE_RESPONSE))
		xreplace(&call->cause, cause_name(outcome->cause));
	buf_init(&detail, 2048);
	xreplace(&call->challenge, explain_challenge(outcome, call->account_name, &detail) ? buf_text(&detail) : NULL);
	buf_clear(&detail);
	if (outcome->response)
		explain_response(outcome->response, &detail);
	if (outcome->request)
		explain_response(outcome->request, &detail);
	/* Nobody missed what another of our phones has taken (RFC 3326). */
	if (outcome->request && answered_elsewhere(outcome->request))
		call->answering = true;
	if (!was_up && outcome->response && outcome->status / 100 == 3)
		keep_redirect(call, outcome->response);
	if (detail.n) {
		free(call->detail);
		call->detail = buf_take(&detail);
	}
	buf_fini(&detail);
}

void call_restore_devices(struct call *call)
{
	if (call->devices[ENGINE_INPUT])
		sound_apply(call->phone, ENGINE_INPUT);
	if (call->devices[ENGINE_OUTPUT])
		sound_apply(call->phone, ENGINE_OUTPUT);
}

static void tell_why(const struct call *call, struct event *event)
{
	struct buf why;

	buf_init(&why, 4096);
	explain_call_end(call, &why);
	event_text(event, "why", buf_slice(&why));
	buf_fini(&why);
}

void call_finish(struct call *call, bool was_up, const struct outcome *outcome, const char *by)
{
	struct phone *phone = call->phone;

	if (call->ended)
		return;
	call->ended = true;
	account_drops_call(call);
	call->ended_us = phone->timers->now_us;
	call->ringback = false;
	stop_timers(call);
	keep_outcome(call, outcome, was_up);
	call_set_state(call, was_up ? CALL_ENDED : CALL_FAILED);
	if (call->session) {
		call_keep_id(call);
		session_copy_last(call->session, &call->last_sent, &call->last_received);
		call->session = NULL;
	}
	media_close(&call->media);
	conference_left(call);
	call_restore_devices(call);
	struct event *event = call_event(call, was_up ? EVENT_ENDED : EVENT_FAILED);
	if (was_up && by)
		event_text(event, "by", slice_of(by));
	if (call->redirect)
		event_text(event, "target", slice_of(call->redirect));
	event_text(event, "detail", slice_of(call->detail));
	if (!was_up)
		tell_why(call, event);
	history_add(phone->history, call);
	call_requests_end(call);
	transfers_call_ended(call);
	if (!was_up && !call->incoming && outcome->cause != CAUSE_CANCELLED) {
		phone_note_failure(phone, "call %u to %s: %u %s", call->number, call->uri, call->code, call->reason);
		calls_busy_tone(phone, call->code);
	}
	if (!was_up)
		calls_return_to_held(call);
	list_remove(&call->node);
	phone->call_count--;
	list_append(&phone->ended, &call->node);
	phone->ended_count++;
	phone->latest_ended = call->number;
	if (phone->selected == call->number)
		select_another(phone);
	else
		calls_update_tones(phone);
}

void call_fail_locally(struct call *call, enum cause cause, enum err err, const char *reason)
{
	struct outcome outcome = { .reason = slice_of(reason), .cause = cause, .err = err };

	call_finish(call, false, &outcome, "us");
}

/* ---- what the engine tells ---- */

static void on_first_packet(struct call *call)
{
	struct stream_stats stats;
	const char *codec;

	call->media.heard = true;
	call_proved(call);
	sampling_begin(call->phone);
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

static bool is_muted(const struct call *call)
{
	return call->muted || call->phone->muted_all;
}

/* On hold, muted, or with no device at all nobody need be told. */
static bool silence_is_meant(const struct call *call, int side)
{
	if (call->held_by_peer || call->held_by_us)
		return true;
	return !side &&
	       (is_muted(call) || !strcmp(engine_device_name(call->phone->engine, ENGINE_INPUT), "null"));
}

const char *call_echoes_silence(const struct call *call)
{
	enum { QUIET_DB = -50 };
	struct stream_stats stats;

	if (!call->is_echo || !media_stats(&call->media, &stats) || stats.mic_level_db >= QUIET_DB)
		return NULL;
	return is_muted(call) ? "" : phone_device_trouble(call->phone, "input");
}

static void on_silence(struct call *call, int side)
{
	const char *trouble = side ? call_echoes_silence(call) : NULL;

	if (silence_is_meant(call, side))
		return;
	/* What the echo lacks is ours; a microphone that is there is told of by itself. */
	if (trouble && !*trouble)
		return;
	struct event *event = call_event(call, EVENT_SILENT);
	event_text(event, "side", side && !trouble ? SLICE("peer") : SLICE("me"));
	if (trouble)
		event_text(event, "microphone", slice_of(trouble));
}

enum { SAME_PRESS_US = 500000, DIGIT_US = 50000, DIGITS_AT_ONCE = 64 };

void call_tell_digit(struct call *call, char digit, const char *via)
{
	int64_t now_us = call->phone->timers->now_us;

	/* Some press a key by INFO and as tones at once: that is one digit. */
	if (call->digit == digit && strcmp(call->digit_via, via) != 0 && now_us - call->digit_us < SAME_PRESS_US)
		return;
	/* No keypad makes more than 20 digits a second, but what was under way during a gap may come at once. A peer
	 * that sends thousands fills the log of events, which all calls share. */
	if (!pace_takes(&call->digit_pace, now_us, DIGIT_US, DIGITS_AT_ONCE))
		return;
	call->digit = digit;
	call->digit_via = via;
	call->digit_us = now_us;
	struct event *event = events_add(call->phone->events, EVENT_DTMF, call->number);
	event_text(event, "id", slice_of(call->id));
	event_text(event, "digit", slice_make(&digit, 1));
	event_text(event, "via", slice_of(via));
	event_text(event, "from", slice_of(call->is_echo ? "echo" : call->uri));
}

void calls_engine_event(struct call *call, const struct engine_event *from)
{
	switch (from->kind) {
	case ENGINE_FIRST_PACKET:
		if (!call->media.heard)
			on_first_packet(call);
		break;
	case ENGINE_SILENT:
		on_silence(call, from->side);
		break;
	case ENGINE_LOST:
		if (call->held_by_peer || call->held_by_us)
			break;
		event_text(call_event(call, EVENT_MEDIA_LOST), "heard", call->media.heard ? SLICE("yes") : SLICE("no"));
		break;
	case ENGINE_DTMF_SENT:
		call->sends_digits = false;
		break;
	case ENGINE_DTMF:
		call_tell_digit(call, from->digit, from->audible ? "audio" : "rtp");
		break;
	case ENGINE_REFUSED:
	case ENGINE_MOVED:
	case ENGINE_RESTARTED:
	case ENGINE_CODEC:
		call_notice(call, from);
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
	timer_stop(phone->timers, &phone->beep_timer);
	while (!list_empty(&phone->calls))
		call_free(LIST_ENTRY(list_first(&phone->calls), struct call, node));
	while (!list_empty(&phone->ended))
		call_free(LIST_ENTRY(list_first(&phone->ended), struct call, node));
}
