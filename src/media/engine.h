/*
 * media: RTP, RTCP, jitter buffer, codecs, mixer, DTMF, files, tones, and the one thread that runs them. Knows neither
 * SIP nor SDP nor the loop: it is given a description of a stream.
 *
 *   engine       all streams and the devices, for the loop's thread; engine_step() is the engine, a thread only calls
 *                it. engine_media is that thread, engine_tick what it does every 10 ms and when, engine_mix who hears
 *                what, engine_slots the devices as it sees them, engine_devices as the loop does, engine_files what is
 *                played and recorded, engine_rest who takes no part for a while; engine_internal is shared
 *   stream       one call's sound: encode, send. stream_network its sockets, stream_guard floods of strangers,
 *                stream_source what came from whom, stream_security SRTP, stream_hear what is heard, stream_comfort
 *                pauses, stream_red redundancy taken apart, stream_rate what the way can carry, stream_report its
 *                snapshot and events
 *   names        of codecs and crypto-suites
 *   rtp          packets and their source (RFC 3550 5, A.1)
 *   rtcp         SR, RR, SDES, BYE and their timing (RFC 3550 6); rtcp_xr extended reports (RFC 3611)
 *   srtp         what makes them secret and authentic (RFC 3711)
 *   red          copies of earlier packets in a packet (RFC 2198)
 *   comfort      the noise of pauses (RFC 3389)
 *   dtmf         RFC 4733 events, sent and received; dtmf_detect digits as tones, made and recognised
 *   jitter       the jitter buffer: a function of packets and time; delay how much of it the network wants
 *   stretch      sound made a little shorter or longer
 *   burst        losses in a row (RFC 3611)
 *   quality      the E-model (G.107)
 *   tap          the packets of the last minutes, for captures
 *   mixer        what is heard together
 *   cleaner      the microphone without echo and noise
 *   probe        a test of loudspeaker and microphone
 *   file         sound files that are heard; record those that are written; sndfile the library that knows their kinds
 *   tone         ring, ringback, busy tones (tones.def: by country); the strongest frequency heard
 *   level        dB of what is heard and said
 *   codec/       codec (the face), opus, and those of samples: g711, g722, l16 over pcm; conceal for lost packets
 *   audio/       device (the face), null, file, tone, helper (offhook-sound; shared is the memory between, leaving how
 *                one ends that is not needed any more)
 */
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/random.h"
#include "media/cleaner.h"
#include "media/probe.h"

struct engine;
struct stream;

enum media_codec {
	MEDIA_PCMU, MEDIA_PCMA, MEDIA_OPUS, MEDIA_G722,
	MEDIA_L16_48, MEDIA_L16_44, MEDIA_L16_16, MEDIA_L16_8, /* mono, of 48, 44.1, 16 and 8 kHz */
	MEDIA_CODECS,
};
/** As SDP names the encoding: "PCMU", "opus", "L16". */
const char *media_codec_name(enum media_codec codec);
/** As people choose it: where one encoding has several rates, "L16/16000". */
const char *media_codec_word(enum media_codec codec);
/** What it always takes, bit/s, without headers; 0: as much as it is given. */
uint32_t media_codec_bitrate(enum media_codec codec);
/** Does a word of people mean this one? "L16" means it at every rate; any case. */
bool media_codec_means(struct slice word, enum media_codec codec);
/** Does it mean any? */
bool media_codec_exists(struct slice word);

struct stream_codec {
	enum media_codec codec;
	uint8_t payload_type;      /* on the wire, in this direction */
	uint32_t ptime_ms;         /* sending: length of a packet, 10 to 60; 0: 20 */
	uint32_t max_bitrate;      /* what the peer takes, bit/s; 0: any */
	uint32_t max_rate_hz;      /* opus maxplaybackrate: sound above half of it is of no use to the peer; 0: any */
	bool fec, dtx, cbr;        /* opus: what the peer's fmtp asks for */
};

/* How packets are protected. CLEAR: not at all. */
enum stream_suite {
	STREAM_CLEAR,
	STREAM_AES_CM_128_HMAC_SHA1_80, STREAM_AES_CM_128_HMAC_SHA1_32, /* RFC 4568 */
	STREAM_AES_192_CM_HMAC_SHA1_80, STREAM_AES_192_CM_HMAC_SHA1_32, /* RFC 6188 */
	STREAM_AES_256_CM_HMAC_SHA1_80, STREAM_AES_256_CM_HMAC_SHA1_32,
	STREAM_AEAD_AES_128_GCM, STREAM_AEAD_AES_256_GCM,               /* RFC 7714 */
	STREAM_SUITES,
};
/** As IANA registered it for SDP, "none" for STREAM_CLEAR. */
const char *stream_suite_name(enum stream_suite suite);
/** Bytes of master key and salt together. */
size_t stream_suite_key_bytes(enum stream_suite suite);
/** By name, as it is written. @return false: none of ours */
bool stream_suite_find(struct slice name, enum stream_suite *suite);

enum { STREAM_KEY_BYTES = 46, STREAM_KEYS_MAX = 4, STREAM_MKI_BYTES = 128 };

struct stream_key {
	uint8_t bytes[STREAM_KEY_BYTES]; /* master key, then salt */
	uint64_t mki;                    /* what tells it from the others; as long as mki_bytes says */
};

struct stream_protection {
	enum stream_suite suite;
	struct stream_key send;
	struct stream_key receive[STREAM_KEYS_MAX];
	size_t receive_count;
	size_t mki_bytes;           /* at the end of what the peer sends; 0: none */
	unsigned window;            /* packets that replays are looked for in; 0: as usual */
};

enum { STREAM_CODECS_MAX = 16, STREAM_EVENTS_MAX = 4 };

struct stream_config {
	/* bound, non-blocking UDP sockets; the stream closes them when it is freed. rtcp_fd -1: none */
	int rtp_fd, rtcp_fd;
	struct address local;       /* where rtp_fd is bound: comes back with ENGINE_CLOSED; unset: it is asked for */
	struct address rtp, rtcp;   /* where to send; unset: not yet or not at all */
	bool rtcp_mux;              /* RTCP leaves by rtp_fd, to where the sound goes (RFC 5761) */
	bool sends, receives;       /* direction as agreed: hold stops one or both; RTCP goes on */
	bool on_hold;               /* of what we say only files go out */
	struct stream_codec send;
	struct stream_codec receive[STREAM_CODECS_MAX];
	size_t receive_count;
	struct { uint8_t payload_type; uint32_t clock_rate; } send_event, receive_events[STREAM_EVENTS_MAX];
	bool has_send_event;
	/* redundancy (RFC 2198): payload types by clock rate; the sent one goes with `send` */
	struct { uint8_t payload_type; uint32_t clock_rate; } receive_reds[STREAM_EVENTS_MAX];
	size_t receive_red_count;
	uint8_t send_red;
	/* comfort noise (RFC 3389): payload types; the sent one has the clock of `send` */
	uint8_t receive_comforts[STREAM_EVENTS_MAX];
	size_t receive_comfort_count;
	uint8_t send_comfort;
	bool has_send_comfort;
	bool has_send_red;
	size_t receive_event_count;
	uint32_t jitter_min_ms, jitter_max_ms; /* as in engine_settings, for this stream alone; both 0: as those are */
	bool detect_tones;          /* digits in the peer's voice; only where no events were agreed on */
	bool loop_back;             /* the echo test: send what is heard instead of the microphone, and play nothing */
	char cname[64];             /* RTCP SDES */
	struct stream_protection protection;
};

/*
 * Of Opus, 0 to 10. What libopus adds above this costs nearly as much as all below it, and is not heard: on the scale
 * of tests/sound it is 0.06 at 54 kbit/s and 0.01 at 82 kbit/s.
 */
enum { ENGINE_COMPLEXITY_MOST = 5 };

/* What is known of a stream; a consistent copy. Times in ms, shares 0..1. */
struct stream_stats {
	uint64_t sent_packets, sent_bytes, received_packets, received_bytes;
	uint64_t expected_packets, lost_packets, late_packets, duplicate_packets, concealed_frames;
	uint64_t forged_packets, replayed_packets; /* that SRTP refused, RTCP included */
	uint64_t stray_packets;    /* from elsewhere, or no RTP */
	uint64_t keep_alive_packets; /* that only keep the way open (RFC 6263): none of the others */
	uint64_t moves, restarts;  /* as ENGINE_MOVED and ENGINE_RESTARTED, but all of them */
	double loss;               /* share of what was expected and never played */
	uint64_t repaired_packets, discarded_packets; /* lost but heard by FEC or a copy; came too late to be heard */
	double burst_ms;           /* mean duration of bursts of losses (RFC 3611 4.7.2); 0: none yet */
	double peer_mos;           /* as the peer estimates what it hears (RFC 3611); 0: it does not say */
	double peer_loss;          /* as the peer's RTCP says; 0 without report */
	double jitter_ms, buffer_ms;
	double rtt_ms;             /* from RTCP; negative: not known */
	double mos;                /* E-model estimate (G.107); 0: nothing heard yet */
	double heard_level_db, mic_level_db; /* over the last 500 ms; a sine of full scale is 0, silence -127 */
	double tone_hz;            /* strongest frequency heard over the last 500 ms; 0: none */
	enum media_codec receive_codec, send_codec;
	uint32_t receive_rate;
	int64_t last_packet_us;    /* engine time of the last RTP packet; 0: none yet */
	int complexity; /* how thorough the encoder is, of ENGINE_COMPLEXITY_MOST: less when the processor is busy */
	bool muted, sends_copies;  /* sends_copies: redundancy (RFC 2198) is armed */
};

enum engine_event_kind {
	ENGINE_FIRST_PACKET, /* sound of the peer begins */
	ENGINE_SILENT,       /* below -50 dB for 3 s; `side` 0 me, 1 peer; once until it is louder again */
	ENGINE_LOST,         /* no RTP for 3 s while the peer should send */
	ENGINE_DTMF,         /* `digit`, once a digit; `audible`: it was heard as tones */
	ENGINE_DTMF_SENT,    /* the queue of digits is empty */
	ENGINE_CODEC,        /* the peer changed to `codec` */
	ENGINE_MOVED,        /* its sound comes from another address now: `text` */
	/* its sound has another SSRC or began to count anew: another machine, a restart; at most every 5 s */
	ENGINE_RESTARTED,
	ENGINE_PEER_BYE,     /* RTCP BYE */
	/* SRTP has refused 10 packets, or 50 were stray, then as many again, then twice as many ... */
	ENGINE_REFUSED,
	/* `text` name, `kind` "input", "output", "ringer"; `state` "lost", "back", "failed" */
	ENGINE_DEVICE,
	ENGINE_PLAYED, /* a file is over or was stopped: `path`, `seconds`; `stream` NULL: it was played to me alone */
	ENGINE_RECORDED, /* a recording is whole and closed: `path`, `seconds`, `err`; also after its stream went */
	/* the processor is, or no longer is: Opus is encoded at `complexity` of ENGINE_COMPLEXITY_MOST */
	ENGINE_BUSY,
	ENGINE_PROBED,   /* a test of the devices is over: `probe` */
	/* a removed stream is gone and its ports are free; `stream` and `user` only say which: do not follow them */
	ENGINE_CLOSED,
};
struct engine_event {
	enum engine_event_kind kind;
	struct stream *stream;     /* NULL for devices */
	void *user;                /* the stream's */
	int side;
	char digit;
	bool audible;
	/* how often so far, told or not: ENGINE_MOVED, ENGINE_RESTARTED; ENGINE_REFUSED: forged, replayed, stray */
	uint64_t counts[3];
	enum media_codec codec;
	char text[128], kind_text[16], state[16];
	int complexity;
	struct address local;      /* ENGINE_CLOSED: where the sockets were bound, as the configuration said */
	const char *path;          /* valid until the next call of engine_next_event() */
	struct probe_result probe;
	double seconds;            /* that were played, or are in the file */
	double lost_seconds;       /* of a recording: the disk was too slow for them */
	enum err err;              /* of a recording: why it ended by itself */
};

struct engine_settings {
	uint32_t jitter_min_ms, jitter_max_ms; /* 10, 300 */
};

/**
 * @param threaded  true: a thread of its own; false: the caller steps it by engine_step() (tests, simulations)
 * @return NULL: no descriptors or no thread left
 */
struct engine *engine_new(struct random *random, bool threaded);
/** Streams must have been removed. Stops the thread and the sound helper. */
void engine_free(struct engine *engine);
/** Not threaded: do everything that is due at `now_us`. */
void engine_step(struct engine *engine, int64_t now_us);
/** Not threaded: when to step again. */
int64_t engine_next_us(const struct engine *engine);
/** Readable (eventfd) when engine_next_event() has something. */
int engine_event_fd(const struct engine *engine);
bool engine_next_event(struct engine *engine, struct engine_event *event);
/**
 * The media thread wakes for what it was asked since: once a turn, after the turn's messages have left, so that a call
 * that is answered is not kept waiting by the thread that it wakes. engine_next_event() does the same.
 */
void engine_turn_end(struct engine *engine);
void engine_set_jitter(struct engine *engine, uint32_t min_ms, uint32_t max_ms);

/* ---- streams (the loop's thread) ---- */

/**
 * Start a stream; codec objects are made here, on the caller's thread. Errors: ERR_UNSUPPORTED codec; ERR_FULL too many
 * streams
 */
struct stream *engine_add(struct engine *engine, const struct stream_config *config, void *user, enum err *err);
/**
 * Change addresses, direction, codecs; sockets, SSRC and sequence numbers stay. rtp_fd and rtcp_fd of `config` are
 * ignored.
 */
enum err engine_change(struct engine *engine, struct stream *stream, const struct stream_config *config) MUST_CHECK;
/**
 * Send RTCP BYE, stop, give back: the stream is gone for the caller; no more events for it but ENGINE_CLOSED when its
 * ports are free.
 */
void engine_remove(struct engine *engine, struct stream *stream);
/** Which stream hears the microphone and is heard: at most one. NULL: none. */
void engine_select(struct engine *engine, struct stream *stream);
/** A consistent copy, never older than one tick. */
void engine_stats(const struct stream *stream, struct stream_stats *stats);
void engine_mute(struct engine *engine, struct stream *stream, bool muted);   /* stream NULL: the microphone for all */
/* How digits are sent; times in ms, in steps of 10. */
struct engine_digits {
	bool audible;              /* as tones in the voice; else as telephone-event */
	uint32_t tone_ms, gap_ms;  /* 0: 100, 70 */
	uint32_t pause_ms;         /* of a comma */
};
/**
 * Queue digits 0-9 * # A-D, and `,`. Nothing is queued when it fails: ERR_UNSUPPORTED
 * telephone-event was not agreed, and they are not to be audible; ERR_STATE the stream does not send (hold); ERR_SYNTAX
 * a character; ERR_FULL more than 256 would wait.
 */
enum err engine_dtmf(struct engine *engine, struct stream *stream, const char *digits,
		     const struct engine_digits *how) MUST_CHECK;

/* ---- files ---- */

enum {
	PLAY_TO_PEER = 1, PLAY_TO_ME = 2,
	PLAY_MIXED = 4,            /* the microphone goes on beside it */
	PLAY_AROUND = 8,           /* without end, and without ENGINE_PLAYED */
};
/**
 * Play a file in a call; what it played before ends. Told by ENGINE_PLAYED when it is over.
 * @param stream  NULL: to me alone, whatever calls there are
 * Errors: those of player_new(); ERR_STATE the stream does not send (hold), so its peer would hear nothing
 */
enum err engine_play(struct engine *engine, struct stream *stream, const char *path, unsigned how) MUST_CHECK;
/** @return false: nothing was played there */
bool engine_stop_playing(struct engine *engine, struct stream *stream);
/** Does a file play in it, other than PLAY_AROUND? */
bool engine_is_playing(const struct engine *engine, const struct stream *stream);
/**
 * Record a call, what we say on the left, what we hear on the right. It ends with the stream, by itself after `max_ms`
 * (0: never) or when writing fails, and is then told by ENGINE_RECORDED.
 * Errors: those of recorder_new(); ERR_STATE it is recorded already
 */
enum err engine_record(struct engine *engine, struct stream *stream, const char *path, uint64_t max_ms) MUST_CHECK;
/** @return false: it is not recorded */
bool engine_record_stop(struct engine *engine, struct stream *stream);
/** Leave out what comes, or go on. @return false: it is not recorded */
bool engine_record_pause(struct engine *engine, struct stream *stream, bool paused);
enum engine_recording { RECORDING_NONE, RECORDING_ON, RECORDING_PAUSED };
enum engine_recording engine_recording(const struct stream *stream);
/** The RTP packets that are still kept. */
struct tap;
struct tap *engine_tap(struct engine *engine);
/** Is a file of this user (NULL: of anybody) still being written, though its stream may be gone? */
bool engine_is_writing(const struct engine *engine, const void *user);

/* ---- conference ---- */

/**
 * In the conference all hear all others; I take part while one of its streams is selected.
 */
void engine_join(struct engine *engine, struct stream *stream, bool joined);

/* ---- devices and tones ---- */

enum engine_device { ENGINE_INPUT, ENGINE_OUTPUT, ENGINE_RINGER, ENGINE_DEVICES };
/**
 * Choose a device: "default", "null", "tone:440", "file:PATH.wav" (input: played round and round; output: recorded), or
 * the name (or unique part) of a PortAudio device. A missing or failing device is replaced by null and told by
 * ENGINE_DEVICE.
 * Errors: ERR_SYNTAX a malformed word; ERR_NOT_FOUND or ERR_IO a file
 */
enum err engine_use(struct engine *engine, enum engine_device which, const char *name) MUST_CHECK;
/* Factors: 1 leaves it as it is, 0 is silence. */
struct engine_levels {
	float microphone, output, side_tone;
};
/** Play and listen for three seconds, told by ENGINE_PROBED. @return false: one is under way */
bool engine_probe(struct engine *engine);
/** What is done to the microphone from now on. */
void engine_set_cleaning(struct engine *engine, const struct cleaner_settings *settings);
void engine_set_levels(struct engine *engine, const struct engine_levels *levels);
/** What is in use now, "null" ... */
const char *engine_device_name(const struct engine *engine, enum engine_device which);
/** Does silence take its place, because it is gone or could not be used? */
bool engine_device_is_lost(const struct engine *engine, enum engine_device which);
/** It is lost, and never could be used since it was chosen or needed. */
bool engine_device_is_missing(const struct engine *engine, enum engine_device which);
enum engine_tone { TONE_NONE, TONE_RING, TONE_RINGBACK, TONE_BUSY, TONE_WAITING, TONE_ERROR };
/* Whose tones there are, for a table of settings. */
#define TONE_COUNTRIES                                                                                                 \
	"auto|us|ca|mx|br|ar|cl|gb|ie|de|at|ch|fr|be|nl|lu|it|es|pt|dk|se|no|fi|is|pl|cz|sk|hu|ro|bg|gr|tr|ru|ua|ee|"  \
	"lv|lt|"                                                                                                       \
	"il|za|in|cn|hk|jp|kr|sg|my|au|nz"
/** "de", whose tones are played from now on. @return false: there is no such country in the table */
bool engine_set_country(struct engine *engine, const char *country);
/* How the ringer may sound, for a table of settings. */
#define ENGINE_RINGS "warble|bell|chime|beep|silent"
/**
 * What TONE_RING sounds like from now on. @param ring  one of ENGINE_RINGS; NULL: warble; else a sound file, over and
 * over. Errors: as player_new(); it rings as before then
 */
enum err engine_ring(struct engine *engine, const char *ring);
/** Ring goes to the ringer, the others to the output. TONE_NONE ends it. */
void engine_tone(struct engine *engine, enum engine_tone tone);
/** Devices are opened only while something needs them: a call, a tone, a test. */
