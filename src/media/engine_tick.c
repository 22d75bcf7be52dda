/*
 * The media thread's ticks of 10 ms: what is done in one, and when one is due: by the clock of a device, or, where
 * there is none, by the timer.
 */
#include "media/engine_internal.h"
#include "media/file.h"
#include "media/stretch.h"

#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum {
	BEHIND_MAX_TICKS = 20,    /* so many at once; more is a suspended machine, and what was missed is gone */
	PACED_MAX_STEPS = 48,     /* halves of ticks: a card may have periods of 200 ms */
	EXTRA_TICKS = 20,         /* so rarely the microphone's half runs twice between two of the loudspeaker's */
	STALL_US = 30000,         /* a device that does not move for so long, and half as much again as it usually */
	STALL_MOST_US = 200000,   /* takes, but no longer than this: the timer goes on */
	RUNAWAY_WINDOW_US = 200000, RUNAWAY_TICKS = 30, /* half as much again as there should be */
	SLACK_FIRST_FRAMES = 32, SLACK_FRAMES = 144, /* the period that is promised is time enough for most machines */
	SETTLE_TICKS = 50,        /* at the beginning nothing waits, and xruns mean nothing */
	POLL_BATCH = 128,
	LOAD_TICKS = 20,
	TOLD_APART = 50,          /* LOAD_TICKS */
	PHASE_GUARD_FRAMES = 48,  /* so much more than needed is left, */
	PHASE_LOOSE_FRAMES = 144, /* and as much as this is left alone, */
	PHASE_SHORT_FRAMES = 24,  /* as is so much less */
	PHASE_MOST_FRAMES = 360,  /* moved at once */
};

static const double LOAD_SHARE = 0.05, LOAD_HIGH = 0.5, LOAD_LOW = 0.25; /* of a tick */

/* ---- the tick ---- */

static void receive(struct engine *engine, const struct stream_turn *turn)
{
	struct epoll_event events[POLL_BATCH];
	/* Level triggered, and each ready socket is emptied: so many rounds see every socket once. */
	size_t rounds = 2 * engine->active_count / POLL_BATCH + 1;
	int n = POLL_BATCH;

	for (; rounds && n == POLL_BATCH; rounds--) {
		n = epoll_wait(engine->packet_poll, events, POLL_BATCH, 0);
		for (int i = 0; i < n; i++) {
			struct stream *stream = (struct stream *)(uintptr_t)(events[i].data.u64 & ~UINT64_C(1));
			engine_rouse(engine, stream);
			if (events[i].data.u64 & 1)
				stream_receive_rtcp(stream, turn);
			else
				stream_receive_rtp(stream, turn);
		}
	}
}

static void play_tone(struct engine *engine)
{
	int16_t pcm[DEVICE_TICK_FRAMES];
	bool ringing = engine->tone.which == TONE_RING;

	if (!tone_fill(&engine->tone, pcm, DEVICE_TICK_FRAMES))
		return;
	/* A file that is over after all (it shrank) leaves the tone to ring. */
	if (ringing && engine->ring)
		player_read(engine->ring->player, pcm);
	if (ringing)
		engine_write_output(engine, ENGINE_RINGER, pcm);
	else
		mixer_add(&engine->mixer, pcm);
}

static bool encodes_opus(const struct engine *engine)
{
	LIST_EACH(&engine->active, node) {
		const struct stream *stream = LIST_ENTRY(node, struct stream, node);
		if (stream->config.sends && stream->config.send.codec == MEDIA_OPUS)
			return true;
	}
	return false;
}

/* Once when it begins and once when it is over, and not again and again where the load wavers. */
static void tell_busy(struct engine *engine)
{
	struct note note = { .kind = NOTE_BUSY };
	bool busy = engine->complexity < ENGINE_COMPLEXITY_MOST && encodes_opus(engine);

	note.u.complexity = engine->complexity;
	if (busy == engine->told_busy || (engine->told_ago < TOLD_APART && !busy) || !engine_note_fits(engine) ||
	    (!busy && engine->complexity < ENGINE_COMPLEXITY_MOST))
		return;
	engine->told_busy = busy;
	engine->told_ago = 0;
	engine_note_send(engine, &note);
}

/*
 * Encoders may be as thorough as the processor allows: when ticks take too much of their 10 ms, less, and again more
 * when there is room.
 */
void engine_weigh_load(struct engine *engine, double used)
{
	engine->load += (used - engine->load) * LOAD_SHARE;
	if (++engine->load_ticks < LOAD_TICKS)
		return;
	engine->load_ticks = 0;
	if (engine->load > LOAD_HIGH && engine->complexity > 0)
		engine->complexity--;
	else if (engine->load < LOAD_LOW && engine->complexity < ENGINE_COMPLEXITY_MOST)
		engine->complexity++;
	engine->told_ago++;
	tell_busy(engine);
}

/* A device that is still being opened would swallow the first of it. */
static bool devices_are_opening(const struct engine *engine)
{
	for (enum engine_device which = ENGINE_INPUT; which <= ENGINE_OUTPUT; which++) {
		const struct slot *slot = &engine->slots[which];
		struct device *device = slot->device;
		if (slot->next || (device && device->ops->comes_to_life && slot->health == ERR_NONE &&
				   device->ops->pending(device) < 0))
			return true;
	}
	return false;
}

static void run_probe(struct engine *engine, const int16_t *mic)
{
	struct note note = { .kind = NOTE_PROBED };
	int16_t play[DEVICE_TICK_FRAMES];

	if (!engine->probe || (!probe_has_begun(engine->probe) && devices_are_opening(engine)))
		return;
	if (probe_tick(engine->probe, mic, play)) {
		mixer_add(&engine->mixer, play);
	} else if (engine_note_fits(engine)) {
		note.u.probe = engine->probe;
		engine->probe = NULL;
		engine_note_send(engine, &note);
	}
}

/* ---- its halves ---- */

enum { LOUDSPEAKER = 1, MICROPHONE = 2 };

/* The microphone's half: what it says goes to the peers. */
static void say(struct engine *engine, const struct stream_turn *turn)
{
	int16_t mic[DEVICE_TICK_FRAMES];

	engine_read_input(engine, mic);
	run_probe(engine, mic);
	if (engine->cleaner)
		cleaner_run(engine->cleaner, mic, engine->last_heard);
	engine_amplify(engine, mic);
	engine_mix_said(engine, turn, mic);
}

/* The loudspeaker's half: what the peers say is taken from the network and decoded. */
static void hear(struct engine *engine, const struct stream_turn *turn)
{
	engine_check_devices(engine);
	engine_rest_tick(engine);
	receive(engine, turn);
	play_tone(engine);
	engine_mix_heard(engine, turn);
}

/*
 * By how many frames all ticks from now on shall come sooner, so that a packet waits no longer than it must for the one
 * that fetches it. Where the loudspeaker has a clock of its own this is free; it is done in a pause, and for one
 * stream, since two have packets at different times.
 */
static int32_t phase_of(struct engine *engine, const int16_t *heard, bool can_move)
{
	struct stream *only = can_move ? engine_mix_only(engine) : NULL;

	LIST_EACH(&engine->active, node)
		LIST_ENTRY(node, struct stream, node)->jitter.phased = only != NULL;
	if (!only)
		return 0;
	int32_t sooner = jitter_phase(&only->jitter);
	if ((sooner >= -PHASE_SHORT_FRAMES && sooner <= PHASE_LOOSE_FRAMES) ||
	    !stream_hears_pause(only) || !stretch_is_silent(&only->noise_heard, heard, DEVICE_TICK_FRAMES))
		return 0;
	sooner -= PHASE_GUARD_FRAMES;
	sooner = sooner > PHASE_MOST_FRAMES    ? PHASE_MOST_FRAMES
		 : sooner < -PHASE_MOST_FRAMES ? -PHASE_MOST_FRAMES
					       : sooner;
	jitter_move_phase(&only->jitter, sooner);
	return sooner;
}

/* All that I hear in this tick goes to the loudspeaker. */
static void sound(struct engine *engine, bool can_move)
{
	int16_t heard[DEVICE_TICK_FRAMES];

	engine_mix_take(engine, heard);
	if (engine->probe)
		probe_sounded(engine->probe, heard);
	LIST_EACH(&engine->active, node) {
		struct stream *stream = LIST_ENTRY(node, struct stream, node);
		engine_tell_events(engine, stream);
		engine_rest(engine, stream);
	}
	memcpy(engine->last_heard, heard, sizeof heard);
	engine_play_output(engine, heard, phase_of(engine, heard, can_move));
	engine_return_old_devices(engine);
}

/* In virtual time nothing takes any. */
static int64_t work_us(const struct engine *engine)
{
	return engine->threaded ? engine_clock_us(CLOCK_MONOTONIC) : 0;
}

/* What a tick does, or one half of it; its time is weighed with the loudspeaker's. */
static void tick(struct engine *engine, int64_t now_us, unsigned halves)
{
	int64_t began_us = work_us(engine);
	struct stream_turn turn = engine_turn_of(engine, now_us);

	engine->now_us = now_us;
	if (halves & LOUDSPEAKER)
		hear(engine, &turn);
	if (halves & MICROPHONE)
		say(engine, &turn);
	if (halves & LOUDSPEAKER)
		sound(engine, halves == LOUDSPEAKER);
	engine->owes_saying = halves == LOUDSPEAKER;
	engine->busy_us += work_us(engine) - began_us;
	if (!(halves & LOUDSPEAKER))
		return;
	if (engine->threaded)
		engine_weigh_load(engine, (double)engine->busy_us / ENGINE_TICK_US);
	engine->busy_us = 0;
}

/* ---- when to tick ---- */

bool engine_is_active(const struct engine *engine)
{
	return engine->active_count || engine->tone.which != TONE_NONE || engine->playing ||
	       engine->probe;
}

/*
 * The device whose clock leads: what is heard before what is said, for a gap in it is heard at once. NULL: the timer
 * leads.
 */
static struct slot *pacer_of(struct engine *engine)
{
	static const enum engine_device ORDER[] = { ENGINE_OUTPUT, ENGINE_RINGER, ENGINE_INPUT };

	for (size_t i = 0; i < ARRAY_LEN(ORDER); i++) {
		struct slot *slot = &engine->slots[ORDER[i]];
		/* The ringer is only fed while it rings. */
		if (ORDER[i] == ENGINE_RINGER && engine->tone.which != TONE_RING)
			continue;
		if (slot->device && !slot->runaway && slot->device->ops->pending(slot->device) >= 0)
			return slot;
	}
	return NULL;
}

/*
 * What waits in an output beyond its next period is delay for everything that is heard, so it is kept as little as this
 * machine can: a little at first, and more each time that the device runs dry.
 */
static int slack_of(struct slot *slot)
{
	const struct device_ops *ops = slot->device->ops;

	if (!ops->xruns)
		return DEVICE_TICK_FRAMES;
	uint32_t xruns = ops->xruns(slot->device);
	if (slot->fed < SETTLE_TICKS)
		slot->slack_frames = SLACK_FIRST_FRAMES;
	else if (xruns != slot->xruns && slot->slack_frames < DEVICE_TICK_FRAMES)
		slot->slack_frames += SLACK_FRAMES;
	slot->xruns = xruns;
	return slot->slack_frames;
}

static bool wants_tick(struct slot *slot, bool input)
{
	int pending = slot->device->ops->pending(slot->device);

	if (input)
		return pending >= DEVICE_TICK_FRAMES;
	return pending >= 0 && pending < slack_of(slot);
}

/* A device that swallows everything at once (ALSA's "null") would turn us into a busy loop. */
static void guard(struct slot *slot, int64_t now_us)
{
	if (now_us - slot->window_us >= RUNAWAY_WINDOW_US) {
		slot->window_us = now_us;
		slot->ticks = 0;
	}
	if (++slot->ticks > RUNAWAY_TICKS)
		slot->runaway = true;
}

/*
 * Where microphone and loudspeaker have clocks, each half of a tick runs when its own device has or needs 10 ms: what
 * is said leaves as soon as it was said, and when the loudspeaker's ticks come is free to suit the packets.
 */
static bool has_halves(const struct engine *engine, const struct slot *pacer)
{
	const struct slot *mic = &engine->slots[ENGINE_INPUT];

	return pacer == &engine->slots[ENGINE_OUTPUT] && !engine->probe && mic->device && !mic->runaway &&
	       !mic->old && !pacer->old && mic->device->ops->pending(mic->device) >= 0;
}

/* The device moved. @return how long it may take to move again */
static int64_t stall_of(struct slot *slot, int64_t now_us)
{
	int64_t gap_us = slot->moved_us ? now_us - slot->moved_us : 0;

	slot->moved_us = now_us;
	if (gap_us > STALL_MOST_US)
		gap_us = STALL_MOST_US;
	slot->gap_us = gap_us > slot->gap_us ? gap_us : slot->gap_us - slot->gap_us / 64;
	return slot->gap_us * 3 / 2 > STALL_US ? slot->gap_us * 3 / 2 : STALL_US;
}

/* The halves alternate, but for when the loudspeaker's ticks moved past the microphone's. */
static bool may_say(struct engine *engine)
{
	if (!wants_tick(&engine->slots[ENGINE_INPUT], true) ||
	    (!engine->owes_saying && engine->since_extra < EXTRA_TICKS))
		return false;
	if (!engine->owes_saying)
		engine->since_extra = 0;
	return true;
}

/*
 * One step of what is due. A microphone whose ticks fall behind the loudspeaker's is waited for once; one that then
 * still has nothing is silent. @return false: nothing is
 */
static bool run_due(struct engine *engine, struct slot *pacer, int64_t now_us)
{
	bool halves = has_halves(engine, pacer);

	if (halves && may_say(engine)) {
		tick(engine, now_us, MICROPHONE);
		engine->waited = false;
		return true;
	}
	if (!wants_tick(pacer, pacer == &engine->slots[ENGINE_INPUT]))
		return false;
	if (halves) {
		if (engine->owes_saying && engine->waited)
			tick(engine, now_us, MICROPHONE);
		engine->waited = engine->waited || engine->owes_saying;
		engine->since_extra++;
		tick(engine, now_us, LOUDSPEAKER);
	} else {
		tick(engine, now_us, LOUDSPEAKER | MICROPHONE);
	}
	pacer->fed++;
	guard(pacer, now_us);
	return true;
}

static void run_paced(struct engine *engine, struct slot *pacer, int64_t now_us)
{
	int n = 0;

	while (n < PACED_MAX_STEPS && !pacer->runaway && run_due(engine, pacer, now_us))
		n++;
	if (!n)
		return;
	engine->paced_us = now_us;
	engine->next_tick_us = now_us + stall_of(pacer, now_us);
}

static void run_ticks(struct engine *engine, int64_t now_us)
{
	engine->now_us = now_us;
	engine_run_commands(engine, now_us);
	if (!engine_is_active(engine)) {
		engine->next_tick_us = INT64_MAX;
		return;
	}
	if (engine->next_tick_us == INT64_MAX) {
		engine->next_tick_us = now_us;
		engine_freshen_input(engine);
	}
	struct slot *pacer = pacer_of(engine);
	if (pacer)
		run_paced(engine, pacer, now_us);
	else if (engine->next_tick_us > engine->paced_us + STALL_US && engine->paced_us)
		engine->next_tick_us = engine->paced_us + STALL_US;
	if (!pacer)
		engine->paced_us = 0;
	for (int n = 0; engine->next_tick_us <= now_us && n < BEHIND_MAX_TICKS; n++) {
		tick(engine, engine->next_tick_us, LOUDSPEAKER | MICROPHONE);
		engine->next_tick_us += ENGINE_TICK_US;
	}
	if (engine->next_tick_us <= now_us)
		engine->next_tick_us = now_us + ENGINE_TICK_US;
}

void engine_turn(struct engine *engine, int64_t now_us)
{
	engine->told = false;
	run_ticks(engine, now_us);
	if (engine->told)
		engine_ring_bell(engine->event_fd);
}
