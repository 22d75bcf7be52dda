/* Digits in a call: as events in RTP, as tones, by INFO. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

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

static uint32_t setting_ms(const struct call *call, const char *name)
{
	return (uint32_t)(settings_number(call_settings(call, name), name) / MS_US);
}

static bool send_by_sound(struct call *call, struct slice digits, bool audible, struct failure *failure)
{
	struct phone *phone = call->phone;
	struct engine_digits how = { .audible = audible,
				     .tone_ms = setting_ms(call, "dtmf.tone"),
				     .gap_ms = setting_ms(call, "dtmf.gap"),
				     .pause_ms = setting_ms(call, "dtmf.pause") };

	if (!call->media.stream)
		return fail(failure, STATUS_CALL, "not-answered", "call %u has no sound yet", call->number);
	char *text = slice_dup(digits);
	enum err err = engine_dtmf(phone->engine, call->media.stream, text, &how);
	free(text);
	switch (err) {
	case ERR_NONE:
		call->sends_digits = true;
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
		return fail(failure, STATUS_CALL, err_name(err), "call %u: sending digits is not possible: %s",
			    call->number, err_text(err));
	}
}

bool call_send_digits(struct call *call, struct slice digits, struct slice via, struct failure *failure)
{
	if (!via.n)
		via = slice_of(settings_text(call_settings(call, "dtmf.via"), "dtmf.via"));
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

	return call_meant(phone, number, &call, failure) &&
	       call_send_digits(call, digits, via, failure);
}
