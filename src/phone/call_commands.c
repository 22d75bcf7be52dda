/* What is done to calls by command: which one is meant, and the doing. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

enum { ANSWER_MAX = 2 * SDP_MAX };

static bool no_such_call(struct failure *failure, unsigned number)
{
	return fail(failure, STATUS_CALL, "no-such-call", "there is no call %u", number);
}

bool call_is_ringing(const struct call *call)
{
	return call->incoming && !call_is_up(call) && !call->ended;
}

static bool fits(const struct call *call, enum call_meant meant)
{
	return meant == MEANT_RINGING ? call_is_ringing(call) : call_is_up(call) && call_will_be_held(call);
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
	if (call_is_ringing(call))
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
	enum err err = media_open(&call->media, &call->local, call_codecs(call), encryption_of_call(call));
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

	if (!call_is_ringing(call))
		return;
	calls_auto_hold(call->phone, call);
	if (!call_answer_now(call, &failure))
		log_line(call->phone->log, LOG_ERROR, "%s", failure.text);
	else if (!call->ended)
		calls_select(call->phone, call);
}

void call_answer_after(struct call *call, int64_t after_us)
{
	timer_start(call->phone->timers, &call->answer_timer, after_us, answer_due, call);
}

bool phone_answer(struct phone *phone, unsigned *number, int64_t after_us, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_RINGING, &call, failure) || !need_ringing(call, failure))
		return false;
	if (after_us > 0) {
		call_answer_after(call, after_us);
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
	call->held_for = 0;
	return call_will_be_held(call) || call_change_start(call, CHANGE_HOLD, false, failure);
}

bool phone_resume(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_HELD, &call, failure) || !need_up(call, failure))
		return false;
	calls_auto_hold(phone, call);
	calls_select(phone, call);
	conference_resume_others(call);
	call->held_for = 0;
	return !call_will_be_held(call) || call_change_start(call, CHANGE_RESUME, false, failure);
}

bool phone_reinvite(struct phone *phone, unsigned *number, bool no_sdp, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_SELECTED, &call, failure) || !need_up(call, failure))
		return false;
	return call_offer_again(call, no_sdp, failure);
}

bool call_offer_again(struct call *call, bool no_sdp, struct failure *failure)
{
	if (media_list_again(&call->media, call_codecs(call)))
		return fail(failure, STATUS_USAGE, "no-such-codec", "there is no codec '%s'", call_codecs(call));
	return call_change_start(call, CHANGE_REINVITE, no_sdp, failure);
}

bool phone_update(struct phone *phone, unsigned *number, bool no_sdp, struct failure *failure)
{
	struct call *call;

	if (!find_meant(phone, number, MEANT_SELECTED, &call, failure))
		return false;
	enum err err = call->session ? session_update(call->session, !no_sdp) : ERR_STATE;
	if (!err)
		call->updating = true;
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

static bool is_changing(const struct call *call)
{
	return call->change != CHANGE_NONE || call->next_hold != CHANGE_NONE || call->next_reinvite || call->updating ||
	       call_is_transferring(call);
}

bool phone_change_under_way(const struct phone *phone, unsigned number)
{
	const struct call *call = call_find(phone, number);

	return call && !call->ended && is_changing(call);
}

bool phone_digits_under_way(const struct phone *phone, unsigned number, bool *stuck)
{
	const struct call *call = call_find(phone, number);

	*stuck = false;
	if (!call || call->ended)
		return false;
	*stuck = call->sends_digits && !is_changing(call) && !media_sends(&call->media);
	return !*stuck && (call->sends_digits || info_digits_wait(call->info_digits));
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
