#include "base/xmalloc.h"
#include "media/engine_internal.h"
#include "media/file.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	BEHIND_MAX_TICKS = 20,    /* so many at once; more is a suspended machine, and what was missed is gone */
	PACED_MAX_TICKS = 4,
	STALL_US = 30000,         /* a device that does not move for so long: the timer goes on */
	RUNAWAY_WINDOW_US = 200000, RUNAWAY_TICKS = 30, /* half as much again as there should be */
	SLACK_FIRST_FRAMES = 32, SLACK_FRAMES = 144, /* the period that is promised is time enough for most machines */
	SETTLE_TICKS = 50,        /* at the beginning nothing waits, and xruns mean nothing */
	POLL_BATCH = 128,
	LOAD_TICKS = 20,
	REAL_TIME_PRIORITY = 5, NICE_PRIORITY = -11,
};

static const double LOAD_SHARE = 0.05, LOAD_HIGH = 0.5, LOAD_LOW = 0.25; /* of a tick */

static int64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

void engine_ring_bell(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof one);

	(void)n; /* a full counter rings too */
}

static void silence_bell(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof count);

	(void)n;
}

/* ---- notes ---- */

void engine_note_send(struct engine *engine, const struct note *note)
{
	uint32_t sent = ring_write(engine->notes, note, 1);

	assert(sent == 1);
	(void)sent;
	engine->told = true;
}

bool engine_note_fits(const struct engine *engine)
{
	return ring_room(engine->notes) > ENGINE_NOTES_KEPT;
}

static void tell(struct engine *engine, struct stream *stream, unsigned event)
{
	struct note note = { .kind = NOTE_EVENT, .stream = stream };

	note.u.event.kind = event == STREAM_EVENT_SILENT_PEER ? ENGINE_SILENT : (enum engine_event_kind)event;
	note.u.event.side = event == STREAM_EVENT_SILENT_PEER;
	note.u.event.codec = stream->receive_codec;
	if (event == ENGINE_MOVED)
		address_print(&stream->latched, note.u.event.address);
	engine_note_send(engine, &note);
}

static void tell_events(struct engine *engine, struct stream *stream)
{
	for (unsigned event = 0; stream->events && event <= STREAM_EVENT_SILENT_PEER; event++) {
		if (!(stream->events & 1u << event))
			continue;
		if (!engine_note_fits(engine))
			return;
		stream->events &= ~(1u << event);
		tell(engine, stream, event);
	}
	size_t told = 0;
	for (; told < stream->digits_heard_count && engine_note_fits(engine); told++) {
		struct note note = { .kind = NOTE_EVENT, .stream = stream };
		note.u.event.kind = ENGINE_DTMF;
		note.u.event.digit = stream->digits_heard[told].digit;
		note.u.event.audible = stream->digits_heard[told].audible;
		engine_note_send(engine, &note);
	}
	stream->digits_heard_count -= told;
	memmove(stream->digits_heard, stream->digits_heard + told,
		stream->digits_heard_count * sizeof *stream->digits_heard);
}

/* ---- commands ---- */

static struct stream_turn turn_of(struct engine *engine, int64_t now_us)
{
	int64_t wall_us = now_us;

	if (engine->threaded)
		wall_us += clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	return (struct stream_turn){
		.now_us = now_us,
		.wall_us = wall_us,
		.kernel_time = engine->threaded,
		.complexity = engine->complexity,
		.random = &engine->media_random,
		.batch = engine->batch,
	};
}

/* The low bit of the pointer tells RTCP from RTP; streams are aligned. */
static void watch_socket(struct engine *engine, struct stream *stream, int fd, uint64_t is_rtcp)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)(uintptr_t)stream | is_rtcp };

	if (fd >= 0)
		epoll_ctl(engine->packet_poll, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch_socket(struct engine *engine, int fd)
{
	if (fd >= 0)
		epoll_ctl(engine->packet_poll, EPOLL_CTL_DEL, fd, NULL);
}

static void give_back_setup(struct engine *engine, struct stream_setup *setup)
{
	struct note note = { .kind = NOTE_SETUP };

	note.u.setup = setup;
	engine_note_send(engine, &note);
}

static void add(struct engine *engine, struct stream *stream, struct stream_setup *setup, int64_t now_us)
{
	struct stream_turn turn = turn_of(engine, now_us);

	stream_apply(stream, setup, now_us);
	give_back_setup(engine, setup);
	stream_start(stream, &turn);
	watch_socket(engine, stream, stream->config.rtp_fd, 0);
	watch_socket(engine, stream, stream->config.rtcp_fd, 1);
	list_append(&engine->active, &stream->node);
	engine->active_count++;
}

static void remove_stream(struct engine *engine, struct stream *stream, int64_t now_us)
{
	struct stream_turn turn = turn_of(engine, now_us);
	struct note note = { .kind = NOTE_CLOSED, .stream = stream };

	engine_put_playing(engine, stream, NULL);
	engine_put_recording(engine, stream, NULL);
	stream_stop(stream, &turn);
	unwatch_socket(engine, stream->config.rtp_fd);
	unwatch_socket(engine, stream->config.rtcp_fd);
	list_remove(&stream->node);
	engine->active_count--;
	if (engine->selected == stream)
		engine->selected = NULL;
	engine_note_send(engine, &note);
}

static void put_cleaner(struct engine *engine, struct cleaner *cleaner)
{
	struct note note = { .kind = NOTE_CLEANER };

	note.u.cleaner = engine->cleaner;
	engine->cleaner = cleaner;
	if (note.u.cleaner)
		engine_note_send(engine, &note);
}

static void set_jitter(struct engine *engine, uint32_t min_ms, uint32_t max_ms)
{
	LIST_EACH(&engine->active, node) {
		struct stream *stream = LIST_ENTRY(node, struct stream, node);
		if (!stream->config.jitter_max_ms)
			jitter_set_bounds(&stream->jitter, min_ms, max_ms);
	}
}

static void execute(struct engine *engine, const struct command *command, int64_t now_us)
{
	struct stream *stream = command->stream;

	switch (command->kind) {
	case COMMAND_ADD:
		add(engine, stream, command->u.setup, now_us);
		break;
	case COMMAND_CHANGE:
		stream_apply(stream, command->u.setup, now_us);
		give_back_setup(engine, command->u.setup);
		break;
	case COMMAND_REMOVE:
		remove_stream(engine, stream, now_us);
		break;
	case COMMAND_SELECT:
		engine->selected = stream;
		break;
	case COMMAND_MUTE:
		*(stream ? &stream->muted : &engine->muted) = command->u.muted;
		break;
	case COMMAND_DIGIT:
		if (!dtmf_queue(&stream->dtmf_sender, &command->u.digit))
			atomic_fetch_sub(&stream->digits_queued, 1);
		break;
	case COMMAND_DEVICE:
		engine_put_device(engine, command->u.port.which, command->u.port.device);
		break;
	case COMMAND_TONE:
		tone_start(&engine->tone, command->u.tone);
		break;
	case COMMAND_PLAY:
		engine_put_playing(engine, stream, command->u.playing);
		break;
	case COMMAND_RECORD:
		engine_put_recording(engine, stream, command->u.recording);
		break;
	case COMMAND_PAUSE:
		if (stream->recording)
			stream->recording->paused = command->u.paused;
		break;
	case COMMAND_JOIN:
		stream->joined = command->u.joined;
		break;
	case COMMAND_PROBE:
		engine->probe = command->u.probe;
		break;
	case COMMAND_CLEANER:
		put_cleaner(engine, command->u.cleaner);
		break;
	case COMMAND_LEVELS:
		engine->levels = command->u.levels;
		break;
	case COMMAND_COUNTRY:
		engine->tone.country = command->u.country;
		break;
	case COMMAND_RING:
		engine_put_ring(engine, command->u.ring.pattern, command->u.ring.file);
		break;
	case COMMAND_JITTER:
		set_jitter(engine, command->u.jitter.min_ms, command->u.jitter.max_ms);
		break;
	}
}

void engine_run_commands(struct engine *engine, int64_t now_us)
{
	struct command command;
	bool any = false;

	while (ring_room(engine->notes) >= ENGINE_ANSWERS_MAX && ring_read(engine->commands, &command, 1) == 1) {
		execute(engine, &command, now_us);
		any = true;
	}
	if (ring_room(engine->notes) < ENGINE_ANSWERS_MAX) {
		atomic_store(&engine->blocked, true);
		engine->told = true;
	}
	if (any && atomic_load(&engine->overflowed))
		engine->told = true;
}

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

/*
 * Encoders may be as thorough as the processor allows: when ticks take too much of their 10 ms, less, and again more
 * when there is room. In virtual time ticks take none.
 */
static void watch_load(struct engine *engine, int64_t began_us)
{
	if (!engine->threaded)
		return;
	double used = (double)(clock_us(CLOCK_MONOTONIC) - began_us) / ENGINE_TICK_US;
	engine->load += (used - engine->load) * LOAD_SHARE;
	if (++engine->load_ticks < LOAD_TICKS)
		return;
	engine->load_ticks = 0;
	if (engine->load > LOAD_HIGH && engine->complexity > 0)
		engine->complexity--;
	else if (engine->load < LOAD_LOW && engine->complexity < ENGINE_COMPLEXITY_MOST)
		engine->complexity++;
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

static void tick(struct engine *engine, int64_t now_us)
{
	int64_t began_us = engine->threaded ? clock_us(CLOCK_MONOTONIC) : 0;
	struct stream_turn turn = turn_of(engine, now_us);
	int16_t mic[DEVICE_TICK_FRAMES], heard[DEVICE_TICK_FRAMES];

	engine->now_us = now_us;
	engine_check_devices(engine);
	engine_read_input(engine, mic);
	mixer_clear(&engine->mixer);
	run_probe(engine, mic);
	if (engine->cleaner)
		cleaner_run(engine->cleaner, mic, engine->last_heard);
	engine_amplify(engine, mic);
	receive(engine, &turn);
	play_tone(engine);
	engine_mix(engine, &turn, mic, heard);
	if (engine->probe)
		probe_sounded(engine->probe, heard);
	LIST_EACH(&engine->active, node)
		tell_events(engine, LIST_ENTRY(node, struct stream, node));
	memcpy(engine->last_heard, heard, sizeof heard);
	engine_write_output(engine, ENGINE_OUTPUT, heard);
	engine_return_old_devices(engine);
	watch_load(engine, began_us);
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

static void run_paced(struct engine *engine, struct slot *pacer, int64_t now_us)
{
	for (int n = 0;
	     n < PACED_MAX_TICKS && !pacer->runaway && wants_tick(pacer, pacer == &engine->slots[ENGINE_INPUT]); n++) {
		tick(engine, now_us);
		pacer->fed++;
		guard(pacer, now_us);
		engine->next_tick_us = now_us + STALL_US;
	}
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
	for (int n = 0; engine->next_tick_us <= now_us && n < BEHIND_MAX_TICKS; n++) {
		tick(engine, engine->next_tick_us);
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

/* ---- the thread ---- */

/* It goes on by itself tick after tick: while it leads there is nothing to set. */
static void arm_timer(struct engine *engine)
{
	struct itimerspec when = { 0 };
	int64_t at_us = engine->next_tick_us;

	if (at_us == engine->armed_us)
		return;
	engine->armed_us = at_us;
	if (at_us != INT64_MAX) {
		when.it_value.tv_sec = at_us / SECOND_US;
		when.it_value.tv_nsec = at_us % SECOND_US * 1000;
		when.it_interval.tv_nsec = ENGINE_TICK_US * 1000;
	}
	timerfd_settime(engine->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void wait_for_work(struct engine *engine)
{
	struct epoll_event events[2 + ENGINE_DEVICES];
	int n = epoll_wait(engine->control_poll, events, ARRAY_LEN(events), -1);

	for (int i = 0; i < n; i++) {
		uint32_t which = events[i].data.u32;
		if (which == CONTROL_COMMANDS) {
			silence_bell(engine->command_fd);
		} else if (which == CONTROL_TIMER) {
			silence_bell(engine->timer_fd);
			/* More than one tick may have passed: then it is set anew. */
			if (engine->armed_us != INT64_MAX)
				engine->armed_us += ENGINE_TICK_US;
		} else {
			struct device *device = engine->slots[which - CONTROL_DEVICE].device;
			if (device)
				silence_bell(device->ops->wake_fd(device));
		}
	}
}

/*
 * While ticks come, a command waits for the next of them, in which it would have had its effect anyway: a call that is
 * set up and ends costs no switch to this thread and back. The last command before it rests is not overlooked.
 */
static void rest(struct engine *engine)
{
	bool ticking = engine->next_tick_us != INT64_MAX;

	if (ticking == atomic_load(&engine->ticking))
		return;
	atomic_store(&engine->ticking, ticking);
	atomic_thread_fence(memory_order_seq_cst);
	if (!ticking && ring_count(engine->commands))
		engine_ring_bell(engine->command_fd);
}

static void *run(void *arg)
{
	struct engine *engine = arg;
	struct sched_param priority = { .sched_priority = REAL_TIME_PRIORITY };

	/* Allowed to few; without it a loaded machine makes the sound late by some milliseconds more. */
	if (pthread_setschedparam(pthread_self(), SCHED_RR, &priority) != 0)
		setpriority(PRIO_PROCESS, (id_t)gettid(), NICE_PRIORITY);
	while (!atomic_load(&engine->quit)) {
		wait_for_work(engine);
		engine_turn(engine, clock_us(CLOCK_MONOTONIC));
		arm_timer(engine);
		rest(engine);
	}
	return NULL;
}

bool engine_media_init(struct engine *engine)
{
	struct epoll_event commands = { .events = EPOLLIN, .data.u32 = CONTROL_COMMANDS };
	struct epoll_event timer = { .events = EPOLLIN, .data.u32 = CONTROL_TIMER };

	engine->next_tick_us = engine->armed_us = INT64_MAX;
	engine->complexity = ENGINE_COMPLEXITY_MOST;
	engine->control_poll = epoll_create1(EPOLL_CLOEXEC);
	engine->packet_poll = epoll_create1(EPOLL_CLOEXEC);
	engine->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	epoll_ctl(engine->control_poll, EPOLL_CTL_ADD, engine->command_fd, &commands);
	epoll_ctl(engine->control_poll, EPOLL_CTL_ADD, engine->timer_fd, &timer);
	random_init_seeded(&engine->media_random,
			   (uint64_t)random_u32(engine->random) << 32 | random_u32(engine->random));
	engine->batch = receive_batch_new();
	engine->levels = (struct engine_levels){ 1, 1, 0 };
	list_init(&engine->active);
	return engine->control_poll >= 0 && engine->packet_poll >= 0 && engine->timer_fd >= 0;
}

bool engine_media_start(struct engine *engine)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&engine->thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

void engine_media_fini(struct engine *engine)
{
	const int fds[] = { engine->control_poll, engine->packet_poll, engine->timer_fd };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	cleaner_free(engine->cleaner);
	probe_free(engine->probe);
	free(engine->batch);
}
