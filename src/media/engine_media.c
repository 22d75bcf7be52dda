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

enum { REAL_TIME_PRIORITY = 5, NICE_PRIORITY = -11 };

int64_t engine_clock_us(clockid_t clock)
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

static void count(const struct stream *stream, enum engine_event_kind kind, uint64_t counts[3])
{
	if (kind == ENGINE_MOVED)
		counts[0] = stream->moves;
	if (kind == ENGINE_RESTARTED)
		counts[0] = stream->restarts;
	if (kind != ENGINE_REFUSED)
		return;
	counts[0] = stream->forged_packets;
	counts[1] = stream->replayed_packets;
	counts[2] = stream->stray_packets;
}

static void tell(struct engine *engine, struct stream *stream, unsigned event)
{
	struct note note = { .kind = NOTE_EVENT, .stream = stream };

	note.u.event.kind = event == STREAM_EVENT_SILENT_PEER ? ENGINE_SILENT : (enum engine_event_kind)event;
	note.u.event.side = event == STREAM_EVENT_SILENT_PEER;
	note.u.event.codec = stream->receive_codec;
	count(stream, note.u.event.kind, note.u.event.counts);
	if (event == ENGINE_MOVED)
		address_print(&stream->latched, note.u.event.address);
	engine_note_send(engine, &note);
}

void engine_tell_events(struct engine *engine, struct stream *stream)
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

struct stream_turn engine_turn_of(struct engine *engine, int64_t now_us)
{
	int64_t wall_us = now_us;

	if (engine->threaded)
		wall_us += engine_clock_us(CLOCK_REALTIME) - engine_clock_us(CLOCK_MONOTONIC);
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
	struct stream_turn turn = engine_turn_of(engine, now_us);

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
	struct stream_turn turn = engine_turn_of(engine, now_us);
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

static void set_jitter(const struct list *streams, uint32_t min_ms, uint32_t max_ms)
{
	LIST_EACH(streams, node) {
		struct stream *stream = LIST_ENTRY(node, struct stream, node);
		if (!stream->config.jitter_max_ms)
			jitter_set_bounds(&stream->jitter, min_ms, max_ms);
	}
}

static void execute(struct engine *engine, const struct command *command, int64_t now_us)
{
	struct stream *stream = command->stream;

	if (stream && command->kind != COMMAND_ADD)
		engine_rouse(engine, stream);
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
		set_jitter(&engine->active, command->u.jitter.min_ms, command->u.jitter.max_ms);
		set_jitter(&engine->resting, command->u.jitter.min_ms, command->u.jitter.max_ms);
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

	pthread_setname_np(pthread_self(), "media"); /* for top -H, and tests/bench/sound */
	/* Allowed to few; without it a loaded machine makes the sound late by some milliseconds more. */
	if (pthread_setschedparam(pthread_self(), SCHED_RR, &priority) != 0)
		setpriority(PRIO_PROCESS, (id_t)gettid(), NICE_PRIORITY);
	while (!atomic_load(&engine->quit)) {
		wait_for_work(engine);
		engine_turn(engine, engine_clock_us(CLOCK_MONOTONIC));
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
	engine_rest_init(engine);
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
	engine_rest_fini(engine);
	cleaner_free(engine->cleaner);
	probe_free(engine->probe);
	free(engine->batch);
}
