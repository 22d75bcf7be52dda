/* What is heard of calls that are not talked in: ringing, ringback, waiting, busy. */
#include "phone/phone_internal.h"

enum { BUSY_US = 3000000, BEEP_US = 400000 };

static void set_tone(struct phone *phone, enum engine_tone tone)
{
	if (phone->tone == tone || (tone == TONE_NONE && !phone->engine))
		return;
	struct engine *engine = phone_engine(phone);
	if (!engine)
		return;
	phone->tone = tone;
	engine_tone(engine, tone);
	/* The file of a ring that is over is closed. */
	if (tone != TONE_RING)
		engine_ring(engine, NULL);
}

/* As the contact wants it; what cannot be played is told, and it rings as for all others. */
static void choose_ring(struct phone *phone, const struct call *call)
{
	const char *ring = contacts_ring_of(phone->contacts, slice_of(call->uri));
	struct engine *engine = phone->tone == TONE_RING ? NULL : phone_engine(phone);
	enum err err = engine ? engine_ring(engine, *ring ? ring : NULL) : ERR_NONE;

	if (err) {
		log_line(phone->log, LOG_WARNING, "the ring of call %u cannot be played: %s: %s", call->number, ring,
			 err_text(err));
		engine_ring(engine, NULL);
	}
}

void calls_update_tones(struct phone *phone)
{
	enum engine_tone tone = TONE_NONE;
	const struct call *rings = NULL;
	bool talks = phone->talking > 0;

	LIST_EACH(&phone->ringing, node) {
		const struct call *call = LIST_ENTRY(node, struct call, among_ringing);
		if (!rings && !call->answering && !call->wants_answer && !call->reject_code)
			rings = call;
	}
	const struct call *selected = phone->selected ? call_find(phone, phone->selected) : NULL;
	if (timer_running(&phone->beep_timer))
		tone = TONE_WAITING;
	else if (rings)
		tone = talks ? TONE_WAITING : TONE_RING;
	else if (selected && selected->ringback && !selected->media.heard)
		tone = TONE_RINGBACK;
	else if (!talks && timer_running(&phone->tone_timer))
		tone = phone->failure_tone;
	if (tone == TONE_RING)
		choose_ring(phone, rings);
	set_tone(phone, tone);
}

static void busy_over(void *arg)
{
	calls_update_tones(arg);
}

void calls_beep(struct phone *phone)
{
	timer_start(phone->timers, &phone->beep_timer, BEEP_US, busy_over, phone);
	calls_update_tones(phone);
}

/* 486, 600 and 603 are busy; with what else went wrong another try may do. */
void calls_busy_tone(struct phone *phone, unsigned code)
{
	phone->failure_tone = code == 486 || code == 600 || code == 603 ? TONE_BUSY : TONE_ERROR;
	timer_start(phone->timers, &phone->tone_timer, BUSY_US, busy_over, phone);
}
