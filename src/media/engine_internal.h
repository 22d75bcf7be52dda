/*
 * The engine's two halves. engine.c is called by the loop's thread; engine_media.c is the media thread, or what
 * engine_step() does.
 * Between them are two rings:
 *
 *   commands  loop -> media. Full: the rest waits in a list of the loop's, and the media thread rings the loop's bell
 *             when it has
 *             taken some, so nothing is lost and nobody waits.
 *   notes     media -> loop. Room is kept for what gives resources back: a command is only executed while its answer
 *             fits. Events
 *             of streams that do not fit stay with the stream and are tried again in the next tick; digits beyond 32
 *             are left out.
 */
#pragma once

#include "base/ring.h"
#include "media/audio/device.h"
#include "media/mixer.h"
#include "media/stream.h"
#include "media/tone.h"

#include <pthread.h>

enum {
	ENGINE_TICK_US = 10000,
	ENGINE_STREAMS_MAX = 4096,
	ENGINE_COMMANDS = 1024, ENGINE_NOTES = 512,
	ENGINE_NOTES_KEPT = 32,           /* of them for resources that come back */
	ENGINE_ANSWERS_MAX = 4,           /* notes that one command can cause */
	ENGINE_MESSAGES = 16,
};

enum command_kind {
	COMMAND_ADD, COMMAND_CHANGE, COMMAND_REMOVE, COMMAND_SELECT, COMMAND_MUTE, COMMAND_DIGIT, COMMAND_DEVICE,
	COMMAND_TONE, COMMAND_JITTER,
};

struct command {
	enum command_kind kind;
	struct stream *stream;
	union {
		struct stream_setup *setup;
		bool muted;
		struct dtmf_item digit;
		struct { enum engine_device which; struct device *device; } port;
		enum engine_tone tone;
		struct { uint32_t min_ms, max_ms; } jitter;
	} u;
};

enum note_kind { NOTE_EVENT, NOTE_CLOSED, NOTE_SETUP, NOTE_DEVICE_RETURNED, NOTE_DEVICE_STATE };

struct note {
	enum note_kind kind;
	struct stream *stream;
	union {
		struct { enum engine_event_kind kind; int side; char digit; enum media_codec codec; } event;
		struct stream_setup *setup;
		struct device *device;
		struct { enum engine_device which; const char *state; char text[96]; } health;
	} u;
};

/* The loop's view of a device. */
struct port {
	char *name;               /* as it was chosen */
	struct device *device;    /* open now; the media thread has it */
	bool kept;                /* cheap to hold open: null, tone, file */
	bool lost;                /* as the media thread told last */
};

enum { CONTROL_COMMANDS, CONTROL_TIMER, CONTROL_DEVICE };

/* The media thread's view. */
struct slot {
	struct device *device;
	enum err health;          /* as told last */
	bool runaway;             /* its clock cannot be believed */
	unsigned ticks;           /* by its clock, since window_us */
	int64_t window_us;
	uint32_t fed, xruns;      /* ticks it got or gave; what it had told of xruns then */
	int slack_frames;         /* an output: what shall wait beyond the period that it takes next */
	int low_frames, surplus_frames; /* an input: least that was left over of late; what of it is too much */
	unsigned low_ticks;
};

struct engine {
	bool threaded;
	pthread_t thread;
	atomic_bool quit, overflowed;
	int event_fd, command_fd;
	struct ring *commands, *notes;

	/* the loop's */
	struct random *random;
	struct engine_settings settings;
	struct list streams;
	size_t stream_count;
	struct command *waiting;  /* commands that did not fit */
	size_t waiting_count, waiting_room;
	struct port ports[ENGINE_DEVICES];
	enum engine_tone tone_wanted;
	struct engine_event messages[ENGINE_MESSAGES]; /* of the loop's own making */
	size_t message_first, message_count;

	/* the media thread's */
	int64_t now_us, next_tick_us; /* INT64_MAX: asleep */
	int control_poll, packet_poll, timer_fd;
	int64_t armed_us;
	struct random media_random;
	struct receive_batch *batch;
	struct list active;
	size_t active_count;
	struct stream *selected;
	bool muted;
	struct tone tone;
	struct slot slots[ENGINE_DEVICES];
	struct mixer mixer;
};

/** The media thread's work at `now_us`: commands, then the ticks that are due. */
void engine_turn(struct engine *engine, int64_t now_us);
/** Execute waiting commands as far as their answers fit. */
void engine_run_commands(struct engine *engine, int64_t now_us);
/** @return false: no descriptors left; engine_media_fini() all the same */
bool engine_media_init(struct engine *engine);
void engine_media_fini(struct engine *engine);
/** Start the thread. @return false when there is none to be had */
bool engine_media_start(struct engine *engine);
void engine_ring_bell(int fd);
void engine_send_command(struct engine *engine, const struct command *command);

/* engine_devices.c, the loop's thread */
void engine_ports_init(struct engine *engine);
void engine_ports_fini(struct engine *engine);
/** Open the devices that something needs now and let go of the others. */
void engine_ports_update(struct engine *engine);
void engine_port_told(struct engine *engine, const struct note *note);
void engine_say_device(struct engine *engine, enum engine_device which, const char *state, const char *why);
