/* What is done to calls by command: which one is meant, and the doing. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/screening.h"

#include <inttypes.h>

enum { ANSWER_MAX = 2 * SDP_MAX };

static bool no_such_call(struct failure *failure, unsigned number)
{
	return fail(failure, STATUS_CALL, "no-such-call", "there is no call %u", number);
}

static bool is_ringing(const struct call *call)
{
	return call->incoming && !call_is_up(call) && !call->ended;
}

static bool fits(const struct call *call, enum call_meant meant)
{
	return meant == MEANT_RINGING ? is_ringing(call) : call->state == CALL_HELD;
}

/* The only call that rings, or is held; several are an error that lists them. */
static bool find_only(struct phone *phone, enum call_meant meant, struct call **found, struct failure *failure)
{
	struct buf list;
	size_t count = 0;

	buf_init(&list, 120);
	*found = NULL;
	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (!fits(call, meant))
			continue;
		/* A conference is one: with one of its calls all are resumed. */
		if (meant == MEANT_HELD && *found && (*found)->in_conference && call->in_conference)
			continue;
		*found = call;
		buf_printf(&list, "%s%u", count++ ? ", " : "", call->number);
	}
	const char *word = meant == MEANT_RINGING ? "ring" : "are on hold";
	if (!count)
		fail(failure, STATUS_CALL, "no-such-call",
		     meant == MEANT_RINGING ? "no call is ringing" : "no call is on hold");
	else if (count > 1)
		fail(failure, STATUS_CALL, "ambiguous", "calls %s %s: say which", buf_text(&list), word);
	buf_fini(&list);
	return count == 1;
}

static struct call *only_dialled(const struct phone *phone)
{
	struct call *found = NULL;

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (call->incoming || call_is_up(call))
			continue;
		if (found)
			return NULL;
		found = call;
	}
	return found;
}

static bool find_meant(struct phone *phone, unsigned *number, enum call_meant meant, struct call **found,
		       struct failure *failure)
{
	if (*number) {
		*found = call_find(phone, *number);
		if (!*found)
			return no_such_call(failure, *number);
		if ((*found)->ended)
			return fail(failure, STATUS_CALL, "call-ended", "call %u has ended", *number);
		return true;
	}
	if (meant == MEANT_RINGING || meant == MEANT_HELD) {
		if (!find_only(phone, meant, found, failure))
			return false;
	} else {
		*found = phone->selected ? call_find(phone, phone->selected) : NULL;
		if (!*found && meant == MEANT_HANGUP)
			*found = only_dialled(phone);
		if (!*found)
			return fail(failure, STATUS_CALL, "no-such-call", "there is no call now");
	}
	*number = (*found)->number;
	return true;
}

bool call_meant(struct phone *phone, unsigned *number, struct call **call, struct failure *failure)
{
	return find_meant(phone, number, MEANT_SELECTED, call, failure);
}

bool phone_say_also(struct phone *phone, enum call_meant meant, unsigned *number, const struct request_words *words,
		    struct failure *failure)
{
	struct extra_header extra[EXTRA_HEADERS_MAX];
	struct call *call;
	int count = extra_headers_read(words->headers, extra, EXTRA_HEADERS_MAX, failure);

	if (count < 0 || !body_is_good(words->type, words->body, failure) ||
	    !find_meant(phone, number, meant, &call, failure))
		return false;
	if (!call->session || (!call->incoming && !call_is_up(call)))
		return fail(failure, STATUS_CALL, "state",
			    "call %u is being dialled: what ends that (CANCEL) carries nothing of yours", call->number);
	enum err err = session_say_also(call->session, extra, (size_t)count, words->type, words->body);
	return !err || fail(failure, STATUS_USAGE, err_name(err), "header=: %s", err_text(err));
}

static bool need_ringing(const struct call *call, struct failure *failure)
{
	if (is_ringing(call))
		return true;
	return fail(failure, STATUS_CALL, "not-ringing",
		    call->incoming ? "call %u is answered already" : "call %u is one that you made", call->number);
}

static bool need_up(const struct call *call, struct failure *failure)
{
	if (call_is_up(call))
		return true;
	return fail(failure, STATUS_CALL, "not-answered", "call %u is not answered yet", call->number);
}

static bool told(struct call *call, enum err err, const char *what, struct failure *failure)
{
	if (!err)
		return true;
	return fail(failure, STATUS_CALL, err_name(err), "call %u: %s is not possible: %s", call->number, what,
		    err_text(err));
}

/* ---- incoming ---- */

bool call_open_media(struct call *call, struct failure *failure)
{
	if (call->media.opened)
		return true;
	enum err err = media_open(&call->media, &call->local, NULL, encryption_of_call(call));
	if (err)
		return fail(failure, STATUS_NETWORK, err_name(err), "call %u: no port for sound: %s; see media.ports",
			    call->number, err_text(err));
	return true;
}

bool call_answer_now(struct call *call, struct failure *failure)
{
	call->wants_answer = false;
	if (call->answering)
		return true;
	if (!call_open_media(call, failure))
		return false;
	call->answering = true;
	enum err err = session_answer(call->session);
	if (!err && !call->ended)
		call_sound_changed(call);
	else
		call->answering = false;
	if (err == ERR_MEDIA)
		return fail(failure, STATUS_CALL, "media",
			    "call %u: the caller offers no sound that we can do; it was refused with 488",
			    call->number);
	return told(call, err, "answering", failure);
}

bool call_progress_now(struct call *call, struct failure *failure)
{
	struct buf answer;
	enum err err;

	call->wants_progress = false;
	if (!call_open_media(call, failure))
		return false;
	buf_init(&answer, ANSWER_MAX);
	/* Without an offer in the INVITE a 183 has nothing to answer: early media is not possible then. */
	bool sdp = sip_message_has_body(call->invite, "application", "sdp");
	if (sdp && !call->early_said &&
	    media_answer_offer(&call->media, sip_message_body(call->invite, "application", "sdp"), &answer)) {
		buf_fini(&answer);
		return fail(failure, STATUS_CALL, "media", "call %u: the caller offers no sound that we can do",
			    call->number);
	}
	err = session_progress(call->session, 183, buf_slice(&answer));
	buf_fini(&answer);
	if (err)
		return told(call, err, "183", failure);
	/* Early media is our sound: it needs the microphone, unless another call has it. */
	if (sdp && !call->phone->selected)
		calls_select(call->phone, call);
	call_sound_changed(call);
	if (sdp && !call->early_said) {
		call->early_said = true;
		event_text(call_event(call, EVENT_EARLY_MEDIA), "codec", slice_of(media_codec_in_use(&call->media)));
	}
	return true;
}

static void answer_due(void *arg)
{
	struct call *call = arg;
	struct failure failure;

	if (!is_ringing(call))
		return;
	calls_auto_hold(call->phone, call);
	if (!call_answer_now(call, &failure))
		log_line(call->phone->log, LOG_ERROR, "%s", failure.text);
	else if (!call->ended)
		calls_select(call->phone, call);
}

bool phone_answer(struct phone *phone, unsigned *number, int64_t after_us, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_RINGING, &call, failure) || !need_ringing(call, failure))
		return false;
	if (after_us > 0) {
		timer_start(phone->timers, &call->answer_timer, after_us, answer_due, call);
		return true;
	}
	timer_stop(phone->timers, &call->answer_timer);
	calls_auto_hold(phone, call);
	if (!call_answer_now(call, failure))
		return false;
	if (!call->ended)
		calls_select(phone, call);
	return true;
}

bool phone_ring(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_RINGING, &call, failure) || !need_ringing(call, failure))
		return false;
	call->wants_ring = false;
	return told(call, session_progress(call->session, 180, (struct slice){ 0 }), "ringing", failure);
}

bool phone_progress(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	return find_meant(phone, number, MEANT_RINGING, &call, failure) && need_ringing(call, failure) &&
	       call_progress_now(call, failure);
}

bool phone_reject(struct phone *phone, unsigned *number, unsigned code, struct slice reason, struct failure *failure)
{
	struct call *call;

	code = code ? code : 486;
	if (code < 400 || code > 699)
		return fail(failure, STATUS_USAGE, "range",
			    "a refusal is a code from 400 to 699; `redirect` sends callers elsewhere");
	if (!find_meant(phone, number, MEANT_RINGING, &call, failure) || !need_ringing(call, failure))
		return false;
	call->answering = true; /* dealt with: not missed */
	if (reason.n) {
		free(call->refusal);
		call->refusal = clean(reason);
	}
	return told(call, session_reject(call->session, code, reason, (struct slice){ 0 }), "refusing", failure);
}

bool phone_redirect(struct phone *phone, unsigned *number, struct slice text, struct failure *failure)
{
	struct call *call;
	struct target target;

	if (!find_meant(phone, number, MEANT_RINGING, &call, failure) || !need_ringing(call, failure) ||
	    !target_read(phone, text, account_find(phone, slice_of(call->account_name)), &target, failure))
		return false;
	if (target.is_echo) {
		target_fini(&target);
		return fail(failure, STATUS_USAGE, "syntax",
			    "the echo test is inside this phone: callers cannot be sent there");
	}
	char *contact = xasprintf("<%s>", target.uri);
	call->answering = true;
	bool good = told(call, session_reject(call->session, 302, (struct slice){ 0 }, slice_of(contact)),
			 "redirecting", failure);
	free(contact);
	target_fini(&target);
	return good;
}

/* ---- hanging up ---- */

static void hang_up(struct call *call)
{
	call->answering |= call->incoming;
	call->ringback = false;
	timer_stop(call->phone->timers, &call->answer_timer);
	timer_stop(call->phone->timers, &call->ringback_timer);
	if (call->session) {
		session_hangup(call->session, (struct slice){ 0 });
		return;
	}
	if (call->locating)
		net_ops()->locate_cancel(call->phone->net, call->locating);
	call->locating = NULL;
	struct outcome outcome = { .status = 487, .reason = SLICE("Request Terminated"), .cause = CAUSE_CANCELLED };
	call_finish(call, false, &outcome, "us");
}

bool phone_hangup(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	if (*number == ALL_CALLS) {
		LIST_EACH(&phone->calls, node)
			hang_up(LIST_ENTRY(node, struct call, node));
		return true;
	}
	if (!find_meant(phone, number, MEANT_HANGUP, &call, failure))
		return false;
	hang_up(call);
	calls_update_tones(phone);
	return true;
}

/* ---- during a call ---- */

bool phone_hold(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_SELECTED, &call, failure) || !need_up(call, failure))
		return false;
	return (call->held_by_us && !call->change) || call_change_start(call, CHANGE_HOLD, false, failure);
}

bool phone_resume(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_HELD, &call, failure) || !need_up(call, failure))
		return false;
	calls_auto_hold(phone, call);
	calls_select(phone, call);
	conference_resume_others(call);
	return (!call->held_by_us && !call->change) || call_change_start(call, CHANGE_RESUME, false, failure);
}

bool phone_reinvite(struct phone *phone, unsigned *number, bool no_sdp, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_SELECTED, &call, failure) || !need_up(call, failure))
		return false;
	if (call->change && no_sdp)
		return fail(failure, STATUS_CALL, "state", "call %u: a re-INVITE is under way already", call->number);
	return call_offer_again(call, no_sdp, failure);
}

bool call_offer_again(struct call *call, bool no_sdp, struct failure *failure)
{
	if (media_list_again(&call->media, call->codec))
		return fail(failure, STATUS_USAGE, "no-such-codec", "there is no codec '%s'", call->codec);
	return call_change_start(call, CHANGE_REINVITE, no_sdp, failure);
}

bool phone_update(struct phone *phone, unsigned *number, bool no_sdp, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_SELECTED, &call, failure))
		return false;
	enum err err = call->session ? session_update(call->session, !no_sdp) : ERR_STATE;
	if (err == ERR_UNSUPPORTED)
		return fail(failure, STATUS_CALL, "no-update",
			    call_is_up(call) ? "call %u: the peer does not take UPDATE; `reinvite` does it"
					     : "call %u: before the answer UPDATE needs a peer that takes it and "
					       "reliable responses; `update sdp=none` may go",
			    call->number);
	if (err == ERR_STATE)
		return fail(failure, STATUS_CALL, "not-answered",
			    "call %u: nobody has sent more than 100 Trying yet, so there is no dialog to update",
			    call->number);
	return told(call, err, "UPDATE", failure);
}

bool phone_mute(struct phone *phone, unsigned number, bool muted, struct failure *failure)
{
	struct call *call;

	if (!number) {
		struct engine *engine = phone_engine(phone);
		phone->muted_all = muted; /* counts for an engine that comes later, too */
		if (engine)
			engine_mute(engine, NULL, muted);
		return true;
	}
	if (!find_meant(phone, &number, MEANT_SELECTED, &call, failure))
		return false;
	call->muted = call->media.muted = muted;
	call_sound_changed(call);
	return true;
}

static struct call *neighbour(struct phone *phone, int step)
{
	struct call *selected = call_find(phone, phone->selected);
	struct list_node *node;

	if (!selected)
		node = list_first(&phone->calls);
	else if (step > 0)
		node = list_next(&phone->calls, &selected->node);
	else
		node = selected->node.prev == &phone->calls.head ? NULL : selected->node.prev;
	if (!node)
		node = step > 0 ? list_first(&phone->calls) : list_last(&phone->calls);
	return node ? LIST_ENTRY(node, struct call, node) : NULL;
}

bool phone_select(struct phone *phone, unsigned *number, int step, struct failure *failure)
{
	struct call *call;

	if (step) {
		call = neighbour(phone, step);
		if (!call)
			return fail(failure, STATUS_CALL, "no-such-call", "there is no call now");
		*number = call->number;
	} else if (!find_meant(phone, number, MEANT_SELECTED, &call, failure)) {
		return false;
	}
	if (call->number != phone->selected)
		calls_auto_hold(phone, call);
	calls_select(phone, call);
	return true;
}

/* What of the ways this call has: events in RTP, tones where the codec leaves them whole, else INFO. */
static const char *best_way(const struct call *call)
{
	const struct media_plan *plan = &call->media.plan;

	if (!call->media.stream || !plan->usable)
		return "info";
	if (plan->config.has_send_event)
		return "rtp";
	return plan->config.send.codec == MEDIA_PCMU || plan->config.send.codec == MEDIA_PCMA ? "audio" : "info";
}

static uint32_t setting_ms(const struct phone *phone, const char *name)
{
	return (uint32_t)(settings_number(phone->settings, name) / MS_US);
}

static bool send_by_sound(struct call *call, struct slice digits, bool audible, struct failure *failure)
{
	struct phone *phone = call->phone;
	struct engine_digits how = { .audible = audible,
				     .tone_ms = setting_ms(phone, "dtmf.tone"),
				     .gap_ms = setting_ms(phone, "dtmf.gap"),
				     .pause_ms = setting_ms(phone, "dtmf.pause") };

	if (!call->media.stream)
		return fail(failure, STATUS_CALL, "not-answered", "call %u has no sound yet", call->number);
	char *text = slice_dup(digits);
	enum err err = engine_dtmf(phone->engine, call->media.stream, text, &how);
	free(text);
	switch (err) {
	case ERR_NONE:
		return true;
	case ERR_UNSUPPORTED:
		return fail(failure, STATUS_CALL, "no-dtmf",
			    "call %u: the peer does not take digits as RTP events (telephone-event); via=audio and "
			    "via=info are other ways",
			    call->number);
	case ERR_SYNTAX:
		return fail(failure, STATUS_USAGE, "syntax",
			    "'%.*s': digits are 0-9, *, #, A-D, and a comma for a pause", SLICE_ARG(digits));
	case ERR_STATE:
		return fail(failure, STATUS_CALL, "state",
			    "call %u sends no sound now, so no digits either: is it on hold?", call->number);
	case ERR_FULL:
		return fail(failure, STATUS_CALL, "full", "call %u: too many digits wait to be sent", call->number);
	default:
		return told(call, err, "sending digits", failure);
	}
}

bool call_send_digits(struct call *call, struct slice digits, struct slice via, struct failure *failure)
{
	const struct phone *phone = call->phone;

	if (!via.n)
		via = slice_of(settings_text(
			account_settings(phone, account_find(phone, slice_of(call->account_name)), "dtmf.via"),
			"dtmf.via"));
	if (slice_eq(via, SLICE("auto")))
		via = slice_of(best_way(call));
	if (slice_eq(via, SLICE("info")))
		return call_send_info_digits(call, digits, failure);
	if (!slice_eq(via, SLICE("rtp")) && !slice_eq(via, SLICE("audio")))
		return fail(failure, STATUS_USAGE, "range", "via= is auto, rtp, info or audio, not '%.*s'",
			    SLICE_ARG(via));
	return send_by_sound(call, digits, slice_eq(via, SLICE("audio")), failure);
}

bool phone_dtmf(struct phone *phone, unsigned *number, struct slice digits, struct slice via, struct failure *failure)
{
	struct call *call;

	return find_meant(phone, number, MEANT_SELECTED, &call, failure) &&
	       call_send_digits(call, digits, via, failure);
}

/* ---- incoming calls ---- */

static void begin_work(void *arg)
{
	struct call *call = arg;
	struct failure failure;
	bool good = true, automatic = call->wants_answer || call->wants_progress;

	if (!is_ringing(call) || !call->session)
		return;
	if (call->reject_code) {
		enum err err = session_reject(call->session, call->reject_code, slice_of(call->refusal),
					      slice_of(call->forward_to));
		/* A handler of `on incoming` may have been told so already. */
		if (err && err != ERR_STATE)
			log_line(call->phone->log, LOG_WARNING, "call %u could not be refused", call->number);
	} else if (call->wants_answer) {
		good = call_answer_now(call, &failure);
		if (good && !call->ended && !call->phone->selected)
			calls_select(call->phone, call);
	} else if (call->wants_progress) {
		good = call_progress_now(call, &failure);
	} else if (call->wants_ring) {
		good = phone_ring(call->phone, &call->number, &failure);
	}
	if (!good)
		log_line(call->phone->log, LOG_ERROR, "%s", failure.text);
	/* Nobody is there to try again: the caller must not ring for ever. */
	if (!good && automatic && is_ringing(call) && call->session &&
	    session_reject(call->session, 500, (struct slice){ 0 }, (struct slice){ 0 }))
		log_line(call->phone->log, LOG_WARNING, "call %u could not be refused", call->number);
	calls_update_tones(call->phone);
}

/* Is there no way to answer its offer? */
static bool is_unacceptable(struct call *call)
{
	enum media_encryption encryption = encryption_of_call(call);
	bool required = encryption == MEDIA_ENCRYPTION_REQUIRED,
	     over_clear = required && !encryption_may_send_keys(call);

	bool answerable =
		!over_clear && (!sip_message_has_body(call->invite, "application", "sdp") ||
				media_can_answer(call->phone, sip_message_body(call->invite, "application", "sdp"),
						 &call->local, encryption));
	if (!answerable && required)
		log_line(call->phone->log, LOG_WARNING, "call %u from %s is refused: media.encryption is required, %s",
			 call->number, call->uri,
			 over_clear ? "and keys would be read by everybody on its way (media.encryption-over-clear)"
				    : "and its offer has nothing that we can encrypt");
	return !answerable;
}

static void note_replaced(struct call *call)
{
	const struct session *replaced = session_replaced(call->session);

	LIST_EACH(&call->phone->calls, node) {
		const struct call *old = LIST_ENTRY(node, struct call, node);
		if (replaced && old->session == replaced)
			call->replaces = old->number;
	}
}

/* As the caller asks. @return false: it asks for nothing special, or may not */
static bool decide_by_wish(struct call *call)
{
	int64_t after_us;
	enum auto_answer wish = call_wants_auto_answer(call, &after_us);

	if (wish == AUTO_ANSWER_REFUSED)
		call->reject_code = 403;
	if (wish != AUTO_ANSWER_YES)
		return wish == AUTO_ANSWER_REFUSED;
	call->beeps = true;
	call->wants_answer = !after_us;
	call->wants_ring = after_us && settings_on(call->phone->settings, "call.auto-ring");
	if (after_us)
		timer_start(call->phone->timers, &call->answer_timer, after_us, answer_due, call);
	return true;
}

static void decide(struct call *call)
{
	const struct settings *settings = call->phone->settings;
	const char *automatic = settings_text(settings, "call.auto-answer");

	note_replaced(call);
	if (is_unacceptable(call))
		call->reject_code = 488;
	else if (!strcmp(automatic, "on") || call->replaces)
		call->wants_answer = true;
	else if (decide_by_wish(call))
		return;
	else if (!strcmp(automatic, "progress"))
		call->wants_progress = true;
	else
		call->wants_ring = settings_on(settings, "call.auto-ring");
}

void calls_incoming(struct phone *phone, struct session *session, struct sip_message *invite,
		    const struct sip_source *source)
{
	struct call *call = call_new(phone, true);
	struct account *account = account_of_request(phone, invite, source);
	const struct sip_address *peer = session_peer(session), *to = sip_message_to(invite);
	struct session_handlers handlers = call_handlers(call);
	struct identity identity;
	struct arena arena;
	char nobody[160];

	arena_init(&arena);
	call->session = session;
	call->invite = sip_message_ref(invite);
	call->source = source->remote;
	call->local = source->local;
	call->private_signalling = signalling_is_private(source->protocol, &source->remote);
	identity_of(phone, account, &source->local, nobody, &identity);
	session_set_handlers(session, &handlers);
	session_set_identity(session, &identity);
	free(call->call_id);
	call->call_id = clean(session_call_id(session));
	if (peer)
		call_set_peer(call, sip_address_display(&arena, peer), peer->uri.text);
	arena_fini(&arena);
	call_note_caller(call, invite, source);
	if (account)
		xreplace(&call->account_name, account->name);
	free(call->account_uri);
	call->account_uri =
		account ? xstrdup(account->uri) : clean(to ? to->uri.text : sip_message_value(invite, SIP_HEADER_TO));
	call->target = NULL;
	decide(call);
	bool screened = !call->reject_code && !call->replaces && screening_take(phone->screening, call);
	call->wants_ring &= !screened;
	if (!screened)
		call_tell_caller(call, call_event(call, EVENT_INCOMING));
	if (call->wants_ring)
		screening_ringing(phone->screening, call);
	/* 180 leaves at once: a script that answers in this very turn must not overtake it. The rest is done when the
	 * session's own handler has returned. */
	if (call->wants_ring)
		begin_work(call);
	else
		timer_start(phone->timers, &call->work_timer, 0, begin_work, call);
	calls_update_tones(phone);
}
