#include "base/xmalloc.h"
#include "media/tap.h"
#include "media/engine_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { JITTER_MIN_MS = 10, JITTER_MAX_MS = 300, TAP_BYTES = 16 << 20 };

struct engine *engine_new(struct random *random, bool threaded)
{
	struct engine *engine = xcalloc(1, sizeof *engine);

	engine->threaded = threaded;
	engine->random = random;
	engine->settings = (struct engine_settings){ JITTER_MIN_MS, JITTER_MAX_MS };
	engine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	engine->command_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	engine->commands = ring_new(ENGINE_COMMANDS, sizeof(struct command));
	engine->notes = ring_new(ENGINE_NOTES, sizeof(struct note));
	engine->tap = tap_new(TAP_BYTES);
	list_init(&engine->streams);
	list_init(&engine->recordings);
	engine_ports_init(engine);
	bool good = engine_media_init(engine) && engine->event_fd >= 0 && engine->command_fd >= 0;
	if (good && (!threaded || engine_media_start(engine)))
		return engine;
	engine->threaded = false;
	engine_free(engine);
	return NULL;
}

/* ---- commands to the media thread ---- */

static void keep_waiting(struct engine *engine, const struct command *command)
{
	if (engine->waiting_count == engine->waiting_room) {
		engine->waiting_room = engine->waiting_room ? engine->waiting_room * 2 : 64;
		engine->waiting = xrealloc(engine->waiting, engine->waiting_room * sizeof *engine->waiting);
	}
	engine->waiting[engine->waiting_count++] = *command;
}

/* Move on what did not fit before. */
static void flush_waiting(struct engine *engine)
{
	if (!engine->waiting_count)
		return;
	uint32_t sent = ring_write(engine->commands, engine->waiting, (uint32_t)engine->waiting_count);
	engine->waiting_count -= sent;
	memmove(engine->waiting, engine->waiting + sent, engine->waiting_count * sizeof *engine->waiting);
	atomic_store(&engine->overflowed, engine->waiting_count > 0);
	if (sent)
		engine_ring_bell(engine->command_fd);
}

void engine_send_command(struct engine *engine, const struct command *command)
{
	flush_waiting(engine);
	if (engine->waiting_count || ring_write(engine->commands, command, 1) != 1) {
		keep_waiting(engine, command);
		atomic_store(&engine->overflowed, true);
		engine_ring_bell(engine->command_fd);
		return;
	}
	engine->untold = true;
}

void engine_turn_end(struct engine *engine)
{
	if (!engine->untold)
		return;
	engine->untold = false;
	/* In order with rest(): either we see that it rests, or it sees the commands. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load(&engine->ticking))
		engine_ring_bell(engine->command_fd);
}

/* ---- stepping ---- */

void engine_step(struct engine *engine, int64_t now_us)
{
	assert(!engine->threaded);
	flush_waiting(engine);
	engine_turn(engine, now_us);
}

int64_t engine_next_us(const struct engine *engine)
{
	assert(!engine->threaded);
	return ring_count(engine->commands) || engine->waiting_count ? engine->now_us : engine->next_tick_us;
}

/* ---- events from it ---- */

int engine_event_fd(const struct engine *engine)
{
	return engine->event_fd;
}

/* @return whether it is something for the caller */
static bool handle_note(struct engine *engine, const struct note *note, struct engine_event *event)
{
	struct stream *stream = note->stream;

	switch (note->kind) {
	case NOTE_SETUP:
		stream_setup_free(note->u.setup);
		return false;
	case NOTE_DEVICE_RETURNED:
		device_close(note->u.device);
		return false;
	case NOTE_DEVICE_STATE:
		engine_port_told(engine, note);
		return false;
	case NOTE_PROBED:
		*event = (struct engine_event){ .kind = ENGINE_PROBED };
		probe_judge(note->u.probe, &event->probe);
		probe_free(note->u.probe);
		/* Now: once they are not needed any more, lost ones count as there again. */
		snprintf(event->probe.input, sizeof event->probe.input, "%s",
			 engine_device_name(engine, ENGINE_INPUT));
		snprintf(event->probe.output, sizeof event->probe.output, "%s",
			 engine_device_name(engine, ENGINE_OUTPUT));
		engine->probes = false;
		engine_ports_update(engine);
		return true;
	case NOTE_BUSY:
		*event = (struct engine_event){ .kind = ENGINE_BUSY, .complexity = note->u.complexity };
		return true;
	case NOTE_CLEANER:
		cleaner_free(note->u.cleaner);
		return false;
	case NOTE_PLAYED:
	case NOTE_RECORDED:
		return engine_file_returned(engine, note, event);
	case NOTE_CLOSED:
		*event = (struct engine_event){
			.kind = ENGINE_CLOSED, .stream = stream, .user = stream->user, .local = stream->config.local
		};
		stream_free(stream);
		return true;
	case NOTE_EVENT:
		break;
	}
	if (stream->removed)
		return false;
	*event = (struct engine_event){
		.kind = note->u.event.kind,
		.stream = stream,
		.user = stream->user,
		.side = note->u.event.side,
		.digit = note->u.event.digit,
		.audible = note->u.event.audible,
		.codec = note->u.event.codec,
	};
	memcpy(event->counts, note->u.event.counts, sizeof event->counts);
	if (event->kind == ENGINE_MOVED)
		snprintf(event->text, sizeof event->text, "%s", note->u.event.address);
	return true;
}

static bool take_message(struct engine *engine, struct engine_event *event)
{
	if (!engine->message_count)
		return false;
	*event = engine->messages[engine->message_first];
	engine->message_first = (engine->message_first + 1) % ENGINE_MESSAGES;
	engine->message_count--;
	return true;
}

static void silence_bell(struct engine *engine)
{
	uint64_t count;
	ssize_t n = read(engine->event_fd, &count, sizeof count);

	(void)n;
}

/* The bell stays on while there may be more, and is silenced before the ring is found empty. */
static bool next_note(struct engine *engine, struct engine_event *event)
{
	struct note note;

	for (bool silenced = false;; silenced = true) {
		while (ring_read(engine->notes, &note, 1) == 1) {
			if (!handle_note(engine, &note, event))
				continue;
			if (silenced)
				engine_ring_bell(engine->event_fd);
			return true;
		}
		if (silenced)
			return false;
		silence_bell(engine);
	}
}

bool engine_next_event(struct engine *engine, struct engine_event *event)
{
	flush_waiting(engine);
	engine_turn_end(engine);
	if (next_note(engine, event))
		return true;
	if (atomic_exchange(&engine->blocked, false))
		engine_ring_bell(engine->command_fd);
	return take_message(engine, event) || engine_next_recorded(engine, event);
}

struct tap *engine_tap(struct engine *engine)
{
	return engine->tap;
}

/* ---- streams ---- */

struct stream *engine_add(struct engine *engine, const struct stream_config *config, void *user, enum err *err)
{
	struct command command = { .kind = COMMAND_ADD };

	*err = ERR_FULL;
	if (engine->stream_count >= ENGINE_STREAMS_MAX)
		return NULL;
	bool own_jitter = config->jitter_max_ms > 0;
	struct stream *stream =
		stream_new(config, user, own_jitter ? config->jitter_min_ms : engine->settings.jitter_min_ms,
			   own_jitter ? config->jitter_max_ms : engine->settings.jitter_max_ms, engine->random,
			   &command.u.setup, err);
	if (!stream)
		return NULL;
	stream->tap = engine->tap;
	engine->stream_count++;
	list_append(&engine->streams, &stream->loop_node);
	engine_ports_count(engine, stream);
	engine_ports_update(engine);
	command.stream = stream;
	engine_send_command(engine, &command);
	return stream;
}

enum err engine_change(struct engine *engine, struct stream *stream, const struct stream_config *config)
{
	struct command command = { .kind = COMMAND_CHANGE, .stream = stream };
	enum err err;

	command.u.setup = stream_prepare(stream, config, &err);
	if (!command.u.setup)
		return err;
	engine_ports_count(engine, stream);
	engine_ports_update(engine);
	engine_send_command(engine, &command);
	return ERR_NONE;
}

void engine_remove(struct engine *engine, struct stream *stream)
{
	struct command command = { .kind = COMMAND_REMOVE, .stream = stream };

	assert(!stream->removed);
	stream->removed = true;
	engine_forget_stream(engine, stream);
	list_remove(&stream->loop_node);
	engine_ports_count(engine, stream);
	engine->stream_count--;
	engine_send_command(engine, &command);
	engine_ports_update(engine);
}

void engine_select(struct engine *engine, struct stream *stream)
{
	struct command command = { .kind = COMMAND_SELECT, .stream = stream };

	engine_send_command(engine, &command);
}

void engine_mute(struct engine *engine, struct stream *stream, bool muted)
{
	struct command command = { .kind = COMMAND_MUTE, .stream = stream };

	command.u.muted = muted;
	engine_send_command(engine, &command);
}

void engine_set_jitter(struct engine *engine, uint32_t min_ms, uint32_t max_ms)
{
	struct command command = { .kind = COMMAND_JITTER };

	engine->settings = (struct engine_settings){ min_ms, max_ms };
	command.u.jitter.min_ms = min_ms;
	command.u.jitter.max_ms = max_ms;
	engine_send_command(engine, &command);
}

static uint32_t in_ticks(uint32_t ms, uint32_t least_ms)
{
	ms = (ms + 9) / 10 * 10;
	return ms < least_ms ? least_ms : ms;
}

enum err engine_dtmf(struct engine *engine, struct stream *stream, const char *digits, const struct engine_digits *how)
{
	size_t n = strlen(digits);

	if (!stream->can_send_events && !how->audible)
		return ERR_UNSUPPORTED;
	if (!stream->sends)
		return ERR_STATE;
	for (size_t i = 0; i < n; i++)
		if (digits[i] != ',' && dtmf_code(digits[i]) < 0)
			return ERR_SYNTAX;
	if (n > DTMF_QUEUE || atomic_load(&stream->digits_queued) + n > DTMF_QUEUE)
		return ERR_FULL;
	atomic_fetch_add(&stream->digits_queued, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		struct command command = { .kind = COMMAND_DIGIT, .stream = stream };
		command.u.digit = (struct dtmf_item){
			.digit = digits[i],
			.audible = how->audible,
			.tone_ms = in_ticks(how->tone_ms ? how->tone_ms : DTMF_TONE_MS, 2 * DTMF_UPDATE_MS),
			.gap_ms = in_ticks(how->gap_ms ? how->gap_ms : DTMF_GAP_MS, 3 * DTMF_UPDATE_MS),
			.pause_ms = in_ticks(how->pause_ms, 10),
		};
		engine_send_command(engine, &command);
	}
	return ERR_NONE;
}

/* ---- the end ---- */

void engine_free(struct engine *engine)
{
	struct engine_event event;

	if (!engine)
		return;
	assert(list_empty(&engine->streams));
	engine_stop_playing(engine, NULL);
	engine_ring(engine, NULL);
	if (engine->threaded) {
		atomic_store(&engine->quit, true);
		engine_ring_bell(engine->command_fd);
		pthread_join(engine->thread, NULL);
		engine->threaded = false;
	}
	/* What was still under way both ways. */
	do {
		flush_waiting(engine);
		engine_run_commands(engine, engine->now_us);
		while (engine_next_event(engine, &event))
			continue;
	} while (ring_count(engine->commands) || engine->waiting_count);
	engine_files_fini(engine);
	engine_ports_fini(engine);
	engine_media_fini(engine);
	tap_free(engine->tap);
	if (engine->event_fd >= 0)
		close(engine->event_fd);
	if (engine->command_fd >= 0)
		close(engine->command_fd);
	free(engine->waiting);
	free(engine->commands);
	free(engine->notes);
	free(engine);
}
