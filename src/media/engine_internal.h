/*
 * The engine's halves. engine.c is called by the loop's thread; engine_media.c is the media thread, or what
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
#include "base/timer.h"
#include "media/audio/device.h"
#include "media/mixer.h"
#include "media/stream.h"
#include "media/tone.h"

#include <pthread.h>

enum {
	ENGINE_TICK_US = 10000,
	ENGINE_STREAMS_MAX = 32768, /* as many pairs of ports as an address has */
	ENGINE_COMMANDS = 1024, ENGINE_NOTES = 512,
	ENGINE_NOTES_KEPT = 32,           /* of them for resources that come back */
	ENGINE_ANSWERS_MAX = 4,           /* notes that one command can cause */
	ENGINE_MESSAGES = 16,
};

enum command_kind {
	COMMAND_ADD,
	COMMAND_CHANGE,
	COMMAND_REMOVE,
	COMMAND_SELECT,
	COMMAND_MUTE,
	COMMAND_DIGIT,
	COMMAND_DEVICE,
	COMMAND_TONE,
	COMMAND_JITTER,
	COMMAND_PLAY,
	COMMAND_RECORD,
	COMMAND_PAUSE,
	COMMAND_JOIN,
	COMMAND_LEVELS,
	COMMAND_COUNTRY,
	COMMAND_RING,
	COMMAND_CLEANER,
	COMMAND_PROBE,
};

/* A file that is played or written. The media thread has it until it gives it back by a note. */
struct playing {
	struct stream *stream;    /* NULL: to me alone */
	struct player *player;
	char *path;
	unsigned how;             /* PLAY_ bits */
};

struct recording {
	struct list_node node;    /* of the engine's recordings */
	struct stream *stream;    /* the loop's; NULL once that is gone */
	void *user;
	struct recorder *recorder;
	char *path;
	uint64_t frames, max_frames; /* the media thread's; max_frames 0: no end */
	bool paused;              /* the media thread's */
	bool wants_pause, stopped; /* the loop's; stopped: the media thread was told */
	bool returned;            /* the media thread has let go of it */
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
		struct playing *playing;     /* NULL: stop */
		struct recording *recording; /* NULL: stop */
		bool paused, joined;
		struct engine_levels levels;
		size_t country;
		struct { size_t pattern; struct playing *file; } ring; /* file NULL: the pattern */
		struct cleaner *cleaner;     /* NULL: none */
		struct probe *probe;
	} u;
};

enum note_kind { NOTE_EVENT, NOTE_CLOSED, NOTE_SETUP, NOTE_DEVICE_RETURNED, NOTE_DEVICE_STATE,
		 NOTE_PLAYED, NOTE_RECORDED, NOTE_CLEANER, NOTE_BUSY,
		 NOTE_PROBED };

struct note {
	enum note_kind kind;
	struct stream *stream;
	union {
		struct {
			enum engine_event_kind kind;
			int side;
			char digit;
			bool audible;
			uint64_t counts[3];
			enum media_codec codec;
			char address[ADDRESS_TEXT];
		} event;
		struct stream_setup *setup;
		struct device *device;
		struct {
			enum engine_device which;
			const char *state;
			char text[96];
			/* next: what failed before it could take over from `device`; NULL: `device` is meant */
			struct device *device, *next;
		} health;
		struct playing *playing;
		struct recording *recording;
		struct cleaner *cleaner;
		struct probe *probe;
		int complexity;
	} u;
};

/* The loop's view of a device. */
struct port {
	char *name;               /* as it was chosen */
	struct device *device;    /* open now; the media thread has it */
	bool kept;                /* cheap to hold open: null, tone, file */
	bool lost;                /* as the media thread told last */
	bool missing;             /* lost, and it never was there */
	bool stale;               /* another was chosen than the one that is open */
};

enum { CONTROL_COMMANDS, CONTROL_TIMER, CONTROL_DEVICE };

/* The media thread's view. */
struct slot {
	struct device *device;
	struct device *next;      /* takes over once it lives */
	struct device *old;       /* faded out in the next tick, then given back */
	bool lived;               /* it has sounded */
	bool fresh;               /* of an input: nothing was read of it yet */
	int least;                /* of an input: the fewest frames that were left after a tick, in this window */
	unsigned window_ticks;
	enum err health;          /* as told last */
	bool runaway;             /* its clock cannot be believed */
	unsigned ticks;           /* by its clock, since window_us */
	int64_t window_us;
	int64_t moved_us, gap_us; /* when its clock moved last, and how long it usually takes */
	uint32_t fed, xruns;      /* ticks it got or gave; what it had told of xruns then */
	int slack_frames;         /* an output: what shall wait beyond the period that it takes next */
};

struct engine {
	bool threaded;
	pthread_t thread;
	atomic_bool quit, overflowed;
	atomic_bool ticking;      /* the media thread wakes by itself, and sees then which commands there are */
	atomic_bool blocked;      /* it left commands where they are until there is room for notes */
	int event_fd, command_fd;
	struct ring *commands, *notes;

	struct tap *tap;

	/* the loop's */
	struct random *random;
	struct engine_settings settings;
	struct list streams;
	size_t stream_count;
	struct command *waiting;  /* commands that did not fit */
	size_t waiting_count, waiting_room;
	bool untold;              /* commands were sent in this turn: the bell rings at its end */
	struct port ports[ENGINE_DEVICES];
	int users[ENGINE_DEVICES]; /* streams that say something, that hear: not counted anew for each of thousands */
	enum engine_tone tone_wanted;
	struct cleaner_settings cleaning;
	bool probes;
	struct engine_event messages[ENGINE_MESSAGES]; /* of the loop's own making */
	size_t message_first, message_count;
	struct playing *plays;    /* to me alone */
	struct list recordings;   /* all, until they are told */
	char *told_path;          /* what the last event's path points to */

	/* the media thread's */
	int64_t now_us, next_tick_us; /* INT64_MAX: asleep */
	int control_poll, packet_poll, timer_fd;
	int64_t armed_us;
	struct random media_random;
	bool told;                /* notes were sent in this turn: the bell rings at its end */
	/* the loudspeaker's half of a tick ran, the microphone's did not; not for the first time */
	bool owes_saying, waited;
	unsigned since_extra;     /* ticks since the microphone's half ran although it was not owed */
	int64_t paced_us;         /* when a device asked for a tick last; 0: the timer leads */
	int64_t busy_us;          /* of this tick */
	double load;              /* share of a tick that a tick takes, smoothed */
	/* told_ago: since it was told that the encoders became less thorough, or no longer are */
	unsigned load_ticks, told_ago;
	bool told_busy;
	int complexity;           /* of encoders, up to ENGINE_COMPLEXITY_MOST, by the load */
	struct receive_batch *batch;
	struct list active, resting; /* of struct stream: those that take part in ticks, and those that do not */
	size_t active_count;      /* of both */
	struct timers rests;      /* when those that rest report */
	struct stream *selected;
	bool muted;
	struct tone tone;
	struct slot slots[ENGINE_DEVICES];
	struct playing *playing;  /* to me alone */
	struct playing *ring;     /* the file that rings; NULL: the tone does */
	struct mixer mixer, room; /* what I hear; all of the conference */
	struct probe *probe;      /* a test of the devices; NULL: none */
	struct cleaner *cleaner;  /* of the microphone; NULL: it is taken as it is */
	int16_t last_heard[DEVICE_TICK_FRAMES]; /* what went out in the tick before */
	struct limiter limiter, mic_limiter; /* of what I hear, of what I say */
	struct engine_levels levels;
};

/** The media thread's work at `now_us`: commands, then the ticks that are due. */
void engine_turn(struct engine *engine, int64_t now_us);
/** Execute waiting commands as far as their answers fit. */
void engine_run_commands(struct engine *engine, int64_t now_us);
/** @return false: no descriptors left; engine_media_fini() all the same */
bool engine_media_init(struct engine *engine);
void engine_media_fini(struct engine *engine);
/** A tick took so much of its time, 0..1: how thorough may encoders be? */
void engine_weigh_load(struct engine *engine, double used);
/* engine_media.c for engine_tick.c */
int64_t engine_clock_us(clockid_t clock);
struct stream_turn engine_turn_of(struct engine *engine, int64_t now_us);
void engine_tell_events(struct engine *engine, struct stream *stream);
/** Start the thread. @return false when there is none to be had */
bool engine_media_start(struct engine *engine);
void engine_ring_bell(int fd);
void engine_send_command(struct engine *engine, const struct command *command);

/* notes of the media thread */
bool engine_note_fits(const struct engine *engine);
void engine_note_send(struct engine *engine, const struct note *note);

/* engine_slots.c, the media thread */
/** Another device, or none. What it replaces is given back, once the new one lives. */
void engine_put_device(struct engine *engine, enum engine_device which, struct device *device);
/** Whatever lives by now takes over; what is ill is told. */
void engine_check_devices(struct engine *engine);
void engine_read_input(struct engine *engine, int16_t *mic);
void engine_write_output(struct engine *engine, enum engine_device which, const int16_t *pcm);
/**
 * A tick for the loudspeaker.
 * @param sooner  so many frames are left out (negative: added), fewer than a tick: all ticks after it come so much
 *                sooner
 */
void engine_play_output(struct engine *engine, const int16_t *pcm, int32_t sooner);
/** After a tick: what was faded out is given back. */
void engine_return_old_devices(struct engine *engine);
/** The engine slept: what came meanwhile is nobody's. */
void engine_freshen_input(struct engine *engine);
bool engine_is_active(const struct engine *engine);

/* engine_mix.c, the media thread */
/** The microphone as loud as it was asked for. */
void engine_amplify(struct engine *engine, int16_t *mic);
/** All streams hear; whom I talk to is mixed into what I hear. */
void engine_mix_heard(struct engine *engine, const struct stream_turn *turn);
/** All streams say; what I hear of that is mixed into the present tick of the loudspeaker or the next. */
void engine_mix_said(struct engine *engine, const struct stream_turn *turn, const int16_t *mic);
/** `heard` gets what I hear, and the next tick begins. */
void engine_mix_take(struct engine *engine, int16_t *heard);
/** The only stream that hears; NULL: there is none or more than one. */
struct stream *engine_mix_only(struct engine *engine);
/** Give back what is played there (NULL: to me), told or not, and play something else or nothing. */
void engine_put_playing(struct engine *engine, struct stream *stream, struct playing *playing);
/** The media thread: what rings from now on. The file before goes back to the loop. */
void engine_put_ring(struct engine *engine, size_t pattern, struct playing *file);
void engine_put_recording(struct engine *engine, struct stream *stream, struct recording *recording);

/* engine_rest.c, the media thread */
void engine_rest_init(struct engine *engine);
void engine_rest_fini(struct engine *engine);
/** At the beginning of a tick: who has a report to send takes part in it. */
void engine_rest_tick(struct engine *engine);
/** Something is done with the stream, or came for it: from now on it takes part again. */
void engine_rouse(struct engine *engine, struct stream *stream);
/** At the end of its tick: has nothing happened for so long that it shall rest? */
void engine_rest(struct engine *engine, struct stream *stream);

/* engine_files.c, the loop's thread */
/** What was played or recorded has come back. @return whether there is an event for the caller */
bool engine_file_returned(struct engine *engine, const struct note *note, struct engine_event *event);
/** A recording whose file is whole now. @return whether there is one */
bool engine_next_recorded(struct engine *engine, struct engine_event *event);
/** The stream goes: nobody is told any more what was played in it. */
void engine_forget_stream(struct engine *engine, const struct stream *stream);
/** Wait until every file is whole. The media thread has let go of all. */
void engine_files_fini(struct engine *engine);

/* engine_devices.c, the loop's thread */
void engine_ports_init(struct engine *engine);
void engine_ports_fini(struct engine *engine);
/** Where the stream counts: when it was added, changed, removed; before engine_ports_update(). */
void engine_ports_count(struct engine *engine, struct stream *stream);
/** Open the devices that something needs now and let go of the others. */
void engine_ports_update(struct engine *engine);
void engine_port_told(struct engine *engine, const struct note *note);
