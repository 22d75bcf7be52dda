/* Calls that hear each other; and what those hear whom we hold. */
#include "phone/phone_internal.h"

static size_t members(const struct phone *phone, struct call **last)
{
	size_t count = 0;

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (!call->in_conference)
			continue;
		*last = call;
		count++;
	}
	return count;
}

static void leave(struct call *call)
{
	call->in_conference = false;
	if (call->media.stream)
		engine_join(call->phone->engine, call->media.stream, false);
}

static void join(struct call *call)
{
	struct failure ignored;

	call->in_conference = true;
	engine_join(call->phone->engine, call->media.stream, true);
	if (call_will_be_held(call))
		call_change_start(call, CHANGE_RESUME, false, &ignored);
}

/* One alone is a call as any other. */
static void dissolve_if_alone(struct phone *phone)
{
	struct call *last = NULL;

	if (members(phone, &last) == 1)
		leave(last);
}

static bool may_join(struct phone *phone, unsigned *number, struct call **call, struct failure *failure)
{
	if (!call_meant(phone, number, call, failure))
		return false;
	if (!call_is_up(*call) || !(*call)->media.stream)
		return fail(failure, STATUS_CALL, "not-answered", "call %u is not answered yet", *number);
	return true;
}

bool phone_conference(struct phone *phone, const unsigned *numbers, size_t count, struct failure *failure)
{
	struct call *call, *selected = phone->selected ? call_find(phone, phone->selected) : NULL;
	unsigned number;

	for (size_t i = 0; i < count; i++) {
		number = numbers[i];
		if (!may_join(phone, &number, &call, failure))
			return false;
	}
	/* One that is named joins the conference that there is, or the call that is talked in. */
	bool alone = !members(phone, &call);
	for (size_t i = 1; alone && i < count; i++)
		alone = numbers[i] == numbers[0];
	if (alone && (!selected || selected->number == numbers[0] || !call_is_up(selected) || !selected->media.stream))
		return fail(failure, STATUS_CALL, "state", "a conference takes two calls: `conference 1 2`");
	if (alone)
		join(selected);
	for (size_t i = 0; i < count; i++) {
		call = call_find(phone, numbers[i]);
		if (!call->in_conference || call_will_be_held(call))
			join(call);
	}
	if (!selected || !selected->in_conference)
		calls_select(phone, call_find(phone, numbers[0]));
	calls_update_tones(phone);
	return true;
}

void conference_add(struct call *call, struct call *newcomer)
{
	if (!call->in_conference || call_will_be_held(call))
		join(call);
	join(newcomer);
	calls_update_tones(call->phone);
}

bool phone_split(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call, *other = NULL;

	if (!call_meant(phone, number, &call, failure))
		return false;
	if (!call->in_conference)
		return fail(failure, STATUS_CALL, "state", "call %u is in no conference", *number);
	leave(call);
	members(phone, &other);
	dissolve_if_alone(phone);
	if (phone->selected == call->number)
		calls_select(phone, other);
	/* I stay with the others, so this one waits. */
	if (settings_on(call_settings(call, "call.auto-hold"), "call.auto-hold") && call_is_up(call) &&
	    !call_will_be_held(call))
		return call_change_start(call, CHANGE_HOLD, false, failure);
	return true;
}

void conference_left(struct call *call)
{
	if (!call->in_conference)
		return;
	call->in_conference = false;
	dissolve_if_alone(call->phone);
}

void conference_resume_others(struct call *call)
{
	LIST_EACH(&call->phone->calls, node) {
		struct call *other = LIST_ENTRY(node, struct call, node);
		if (call->in_conference && other != call && other->in_conference && call_will_be_held(other))
			join(other);
	}
}

/* ---- hold music ---- */

bool hold_music_wanted(const struct call_media *media)
{
	return *settings_text(media_settings(media, "call.hold-music"), "call.hold-music") != '\0';
}

void call_hold_music(struct call *call)
{
	const char *path = settings_text(call_settings(call, "call.hold-music"), "call.hold-music");

	if (!call->media.stream)
		return;
	if (!call->held_by_us) {
		if (!call_plays(call))
			engine_stop_playing(call->phone->engine, call->media.stream);
		return;
	}
	enum err err = *path ? engine_play(call->phone->engine, call->media.stream, path, PLAY_TO_PEER | PLAY_AROUND)
			     : ERR_NONE;
	/* Where the peer takes nothing from us there is nobody to play to. */
	if (err && err != ERR_STATE)
		log_line(call->phone->log, LOG_WARNING, "call.hold-music: '%s' cannot be played: %s", path,
			 sound_err_text(err));
}
