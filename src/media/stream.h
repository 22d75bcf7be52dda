/*
 * One call's sound. A stream is made and freed on the loop's thread; in between it belongs to the media thread, but for
 * the part that
 * is marked as the loop's and for the snapshot, which anybody may read.
 *
 *   stream           life, configuration, what is said
 *   stream_hear      what is heard: decoding, recovering, concealing, stretching
 *   stream_network   sockets, where the peer is, RTCP
 *   stream_guard     floods of strangers
 *   stream_source    the sources of its packets: numbers, what is missing
 *   stream_security  the keys in use (SRTP)
 *   stream_comfort   pauses in what is said and heard
 *   stream_rate      what the way to the peer can carry
 *   stream_red       redundant packets
 *   stream_report    the snapshot and the events
 */
#pragma once

#include "base/list.h"
#include "base/timer.h"
#include "media/codec/codec.h"
#include "media/comfort.h"
#include "media/dtmf.h"
#include "media/dtmf_detect.h"
#include "media/engine.h"
#include "media/jitter.h"
#include "media/level.h"
#include "media/mixer.h"
#include "media/red.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/srtp.h"
#include "media/stretch.h"

#include <stdatomic.h>

struct mmsghdr;
struct playing;
struct recording;

enum {
	STREAM_LATCH_SILENCE_US = 500000, /* after it somebody else may be followed */
	STREAM_BATCH = 16, STREAM_DATAGRAM_BYTES = 2240, STREAM_CONTROL_BYTES = 64,
	STREAM_PLAY_FRAMES = 480 + CODEC_PACKET_MAX_FRAMES + 960,
	STREAM_SAY_FRAMES = 60 * CODEC_MS_FRAMES,
	STREAM_NARROW_WORDS = 1000,       /* four samples of 8 kHz each: 500 ms */
	STREAM_DIGITS_HEARD = 32,
	COMFORT_PAYLOAD_TYPE = 13,
	STREAM_FORMER_SOURCES = 4,        /* whose counts are kept, should they come back */
	STREAM_OPUS_BITRATE = 112000,     /* with copies and all, unless the peer takes less */
	STREAM_FEC_HOLD_TICKS = 1000,     /* what repairs losses is expected so long after it was seen or needed */
};

/* What seals and opens a stream's packets. NULL: clear. */
struct stream_security {
	struct secure *sender, *receiver;
	struct secure *former;            /* the peer's key before the present one */
	bool former_counts;               /* no packet made with the present one has come yet */
};

/* What the loop's thread prepares for engine_add() and engine_change(): the codec objects that the stream lacks. */
struct stream_setup {
	struct stream_config config;
	struct encoder *encoders[MEDIA_CODECS];
	struct decoder *decoders[MEDIA_CODECS];
	bool new_sender, new_receiver;    /* `security` takes the place of what the stream has */
	struct stream_security security;  /* on its way back: what is no longer used */
};

/* What one tick brings to all streams. */
struct stream_turn {
	int64_t now_us;
	int64_t wall_us;                  /* microseconds since 1970 at now_us */
	bool kernel_time;                 /* arrival is what the kernel saw, not now_us */
	int complexity;                   /* of encoders, 0..10 */
	struct random *random;            /* of the media thread */
	struct receive_batch *batch;
};

/* Room for one recvmmsg(); one for all streams. */
struct receive_batch;
struct receive_batch *receive_batch_new(void);

/* What the way to the peer can carry, by its reports. */
struct stream_rate {
	double loss;                      /* that is expected of what we send, 0..1 */
	double least_rtt_ms;              /* 0: none known */
	double slower;                    /* share of the full rate that congestion leaves */
	unsigned copies;                  /* of the packets before it, that each packet carries; 0: disarmed */
	bool far;                         /* its one copy is of the packet before the last */
	double loss_before, loss_after;   /* arming, by reports */
	uint64_t packets_after;           /* of which loss_after is the share */
	unsigned watched, strikes;
	int64_t blocked_until_us;
};

struct stream_totals {
	uint64_t received, expected, duplicates, lost, bursts;
};

struct stream {
	/* the loop's */
	void *user;
	bool removed, can_send_events, sends, receives, uses_devices;
	bool uses_input, uses_output;     /* it counts there */
	bool has_encoder[MEDIA_CODECS], has_decoder[MEDIA_CODECS];
	struct stream_protection prepared;
	struct playing *plays;            /* what was begun last and is not known to be over */
	struct recording *records;
	struct list_node loop_node;

	struct tap *tap;
	/* both */
	atomic_uint digits_queued;
	_Atomic uint64_t version;         /* odd while the snapshot is being written */
	_Atomic uint64_t snapshot[sizeof(struct stream_stats) / 8];
	_Atomic uint64_t narrow_at;       /* words ever written */

	/* the media thread's */
	struct list_node node;
	struct engine *engine;            /* where it rests */
	bool resting;                     /* it takes no part in ticks: */
	unsigned quiet_ticks;             /* since something happened in it */
	int64_t rested_us;                /* since its last tick */
	struct timer rest;                /* until then */
	struct stream_config config;
	struct encoder *encoders[MEDIA_CODECS];
	struct decoder *decoders[MEDIA_CODECS];
	bool muted, joined;               /* joined: in the conference */
	bool in_room;                     /* heard_now is in what the conference hears */
	struct playing *playing;          /* a file that is played in it */
	struct recording *recording;
	struct limiter limiter;           /* of what the peer hears */

	struct stream_security security;

	/* saying */
	uint32_t ssrc, clock, frame_timestamp; /* clock: RTP time of now */
	uint16_t sequence;
	size_t said_frames;               /* of `said` */
	bool talking;                     /* the last packet was voice, right before: no marker */
	/* spoke: somebody may have, since the last packet. pausing: the last was noise */
	bool spoke, pausing;
	struct voice_watch voice_watch;
	struct comfort_ear comfort_ear;
	struct comfort noise_sent;
	uint32_t noise_age_ms;
	struct dtmf_tone dtmf_tone;
	uint64_t sent_packets, sent_bytes, sent_octets;
	struct level mic;

	/* the network */
	struct address remote, latched, candidate;
	bool is_latched;
	unsigned candidate_count;
	uint32_t candidate_ssrc;
	uint16_t candidate_sequence;
	int64_t latched_us;               /* last packet of the latched address */
	unsigned strangers;               /* packets of others in this tick; a long one counts several times */
	int64_t guarded_until_us;         /* until then the kernel drops theirs; 0: it does not */
	uint32_t dropped;                 /* so many it had dropped when that was looked at last */
	bool has_source;
	struct rtp_source source, rival;  /* rival: another SSRC on probation */
	bool has_rival;
	struct rtp_source former[STREAM_FORMER_SOURCES]; /* oldest first */
	size_t former_count;
	struct stream_totals past;        /* of sources and sequences before these */
	uint64_t received_packets, received_bytes, forged_packets, replayed_packets, stray_packets, moves, restarts;
	uint64_t keep_alive_packets;
	uint64_t refused_told;            /* so many were refused when that was told last */
	int64_t started_us, last_packet_us, receiving_us;
	int64_t restarted_us;             /* when that was told last; 0: never */
	bool resumed; /* we want to hear again: what passed before the next packet is not expected */
	enum media_codec receive_codec, play_codec;
	uint32_t receive_clock_rate;
	struct dtmf_receiver dtmf_receiver;
	struct dtmf_detector dtmf_detector;

	/* RTCP */
	struct rtcp_schedule schedule;
	struct address rtcp_seen;         /* where the peer's reports come from */
	uint32_t report_lsr;              /* middle of the NTP time of the peer's last SR */
	int64_t report_us;                /* when it came */
	uint64_t sent_at_report, sent_at_peer_report, lost_at_report;
	bool told_loss;                   /* the last report had any */
	double peer_loss, rtt_ms;
	struct stream_rate rate;
	struct red_memory red_memory;
	int complexity;                   /* of the encoder, when it last was asked */
	bool peer_reported, peer_asks_time; /* RRT (RFC 3611 4.4) seen: */
	uint32_t peer_time;               /* middle of its NTP time */
	int64_t peer_time_us;             /* when it came */
	struct rtcp_voip peer_voip;       /* what the peer says of what it hears; its ssrc 0: nothing yet */
	uint64_t fec_repaired;            /* packets that the one behind them repaired */

	/* hearing */
	struct jitter jitter;
	size_t play_frames, since_stretch; /* play_frames: of `play` */
	size_t quiet_frames, short_frames; /* heard since sound, and since the delay became too short */
	struct stretch_noise noise_heard;
	int16_t heard_now[CODEC_TICK_FRAMES]; /* of this tick */
	bool peer_pauses;                 /* it described the noise of its pause, and has not spoken since */
	struct comfort comfort;
	uint32_t comfort_sequence;        /* extended, of its packet */
	bool invented;                    /* what was decoded last was not said by anybody */
	int16_t spare[CODEC_CONCEAL_STEP_MAX]; /* invented, and not heard yet */
	size_t spare_frames;
	/* ticks for which the buffer still waits for what the next packet carries of a lost one; since one carried
	 * such */
	unsigned fec_armed, fec_seen, copies_seen, second_seen, far_seen, deep_armed;
	unsigned hope;                    /* ticks for which copies may be on their way; hoped: that was so */
	bool hoped;
	unsigned kept_ticks;              /* for which delay that is no longer needed has waited for a pause: */
	unsigned overdue;                 /* none came: ticks for which it may go without one */
	struct level heard;
	struct decimator decimator;
	_Alignas(8) int16_t narrow_now[LEVEL_NARROW_FRAMES]; /* heard_now at 8 kHz, for whom that is enough */
	int64_t loud_us[2];               /* when each side was last louder than silence; 0: not watched */
	double mos, heard_db, mic_db;     /* heard_db and mic_db as of this tick */
	unsigned ticks;

	/* events that still have to be told: bits of enum engine_event_kind, twice for the two sides of silence */
	uint32_t events, told;
	struct { char digit; bool audible; } digits_heard[STREAM_DIGITS_HEARD];
	size_t digits_heard_count;

	/* dtmf_sender's queue and all below is not cleared in a new stream: what was never written is never read */
	struct dtmf_sender dtmf_sender;
	_Atomic uint64_t narrow[STREAM_NARROW_WORDS]; /* of both; stream_start() clears it */
	int16_t said[STREAM_SAY_FRAMES];
	int16_t play[STREAM_PLAY_FRAMES];
};

/* ---- the loop's thread ---- */

/** @return NULL with *err = ERR_UNSUPPORTED when a codec cannot be made; the sockets are then still the caller's */
struct stream *stream_new(const struct stream_config *config, void *user, uint32_t jitter_min_ms,
			  uint32_t jitter_max_ms, struct random *random, struct stream_setup **setup, enum err *err);
/** Make what `config` needs and the stream has not; NULL with *err = ERR_UNSUPPORTED. */
struct stream_setup *stream_prepare(struct stream *stream, const struct stream_config *config, enum err *err);
void stream_setup_free(struct stream_setup *setup);
/** Close the sockets and free all. */
void stream_free(struct stream *stream);

/* ---- the media thread ---- */

/** Take over what was prepared; the emptied setup goes back to the loop's thread to be freed. */
void stream_apply(struct stream *stream, struct stream_setup *setup, int64_t now_us);
/** Throw away what queued in the sockets before, and start the clocks. */
void stream_start(struct stream *stream, const struct stream_turn *turn);
/** Say goodbye by RTCP. */
void stream_stop(struct stream *stream, const struct stream_turn *turn);
/** The first half of a tick of 10 ms, by stream_hear.c: heard_now gets what the peer says. */
void stream_hear(struct stream *stream, const struct stream_turn *turn);
/** It was quiet for longer than within a word: the moment at which the delay may change without being heard. */
bool stream_hears_pause(const struct stream *stream);
/**
 * The second half: say it, report, publish.
 * @param pcm  480 frames for the peer; NULL: silence. A stream that loops back says what it heard instead
 */
void stream_say(struct stream *stream, const struct stream_turn *turn, const int16_t *pcm);
/** Is nothing heard, said, awaited, or still to be told? Then a tick without packets would change nothing. */
bool stream_is_quiet(const struct stream *stream);
/** It took no part in so many ticks; the clock of RTP went on. */
void stream_skip(struct stream *stream, uint32_t ticks);
/* stream_rate.c */
/**
 * The peer reported.
 * @param loss     of the packets that it speaks of, 0..1
 * @param packets  how many those are, about
 * @param rtt_ms   negative: not known
 */
void stream_rate_report(struct stream *stream, double loss, uint64_t packets, double rtt_ms, int64_t now_us);
/** Now and then: arm copies where they help, disarm them where they must not be. */
void stream_rate_update(struct stream *stream, int64_t now_us);
struct codec_path stream_rate_path(const struct stream *stream, int complexity);

/* stream_comfort.c */
/** May what is no speech be left out, as agreed? */
bool stream_may_pause(const struct stream *stream);
/** A tick of what is said. NULL: silence */
void stream_watch_voice(struct stream *stream, const int16_t *pcm);
/** Instead of a packet of voice: describe what is no speech, when it is worth a packet. */
void stream_say_pause(struct stream *stream);
bool stream_is_comfort(const struct stream *stream, uint8_t payload_type);
void stream_take_pause(struct stream *stream, const struct rtp_packet *packet, uint32_t extended);
/** What is heard while the peer pauses: at most CODEC_TICK_FRAMES. @return false: it did not say what */
bool stream_hear_pause(struct stream *stream, int16_t *pcm, size_t frames);

/* stream_red.c */
const struct stream_codec *stream_codec_of(const struct stream *stream, uint8_t payload_type);
bool stream_is_red(const struct stream *stream, uint8_t payload_type);
/**
 * Take a redundant packet apart and make it what its primary block says.
 * @param blocks  RED_BLOCKS_MAX + 1
 * @return false: malformed
 */
bool stream_unfold(struct rtp_packet *packet, struct red_block blocks[], size_t *count);
/** The copies in it, after the packet itself. */
void stream_put_copies(struct stream *stream, const struct rtp_packet *packet, uint32_t extended,
		       const struct red_block blocks[], size_t count, int64_t arrival_us);

void stream_receive_rtp(struct stream *stream, const struct stream_turn *turn);
void stream_receive_rtcp(struct stream *stream, const struct stream_turn *turn);
/** Send an RTP packet of ours. @return whether the network took it */
bool stream_send(struct stream *stream, const struct rtp_packet *packet);
void stream_report_if_due(struct stream *stream, const struct stream_turn *turn);
void stream_unlatch(struct stream *stream);
/** A datagram of so many bytes came to the RTP socket. */
void stream_note_stranger(struct stream *stream, const struct address *from, size_t bytes);
/** Once a tick: a flood of strangers must not push the peer's packets out of the socket, so the kernel drops theirs for
 * some seconds, as long as the peer is heard. */
void stream_guard(struct stream *stream, int64_t now_us);
void stream_unguard(struct stream *stream);

/* stream_source.c */
/** The totals over all sources. */
struct stream_totals stream_totals(const struct stream *stream);
/** Another source is to be believed from now on; what was counted of this one is kept for its SSRC. */
void stream_forget_source(struct stream *stream);
/**
 * A packet of the peer came: what is it to its source (RFC 3550 A.1)? Another SSRC is believed after two packets in
 * sequence. @param extended  its extended sequence number, unless the verdict is RTP_WAIT
 */
enum rtp_verdict stream_count_packet(struct stream *stream, const struct rtp_packet *packet, uint32_t *extended);
/** One came that nobody listens to: received it is, and its number must not be missing later. */
void stream_count_unheard(struct stream *stream, const struct rtp_packet *packet, size_t bytes);

/* ---- keys: stream_security ---- */

/** The loop's thread: make what `setup->config` needs and the stream has not. @return false: the library cannot do
 * it */
bool stream_security_prepare(struct stream *stream, struct stream_setup *setup) MUST_CHECK;
void stream_security_free(struct stream_security *security);
/** The media thread: put the new keys in use; the old ones go back with the setup. */
void stream_security_apply(struct stream *stream, struct stream_setup *setup);
/** Protect what is about to leave, if this stream is protected. @return false: it must not leave */
bool stream_seal(struct stream *stream, uint8_t *bytes, size_t *n, bool rtcp) MUST_CHECK;
/** Take the protection off what came. @return false: it is not the peer's, or old; it was counted */
bool stream_open(struct stream *stream, uint8_t *bytes, size_t *n, bool rtcp) MUST_CHECK;

/* ---- events and snapshot: stream_report ---- */

enum { STREAM_EVENT_SILENT_PEER = ENGINE_CLOSED + 1 };
void stream_tell(struct stream *stream, unsigned event);
/** A packet was refused and counted: told when it is time. */
void stream_tell_refused(struct stream *stream);
void stream_tell_digit(struct stream *stream, char digit, bool audible);
/** The extended part of a report of ours (RFC 3611). */
void stream_fill_xr(const struct stream *stream, const struct stream_turn *turn, struct rtcp_report *report);
/** What the peer's says. @param now  middle of the NTP time of its arrival */
void stream_take_xr(struct stream *stream, const struct rtcp_xr *xr, int64_t arrival_us, uint32_t now);
/** Watch for silence and loss. `says`: this side is heard by the peer, so its silence is worth telling. */
void stream_watch(struct stream *stream, const struct stream_turn *turn, bool says);
/** Write the snapshot. */
void stream_publish(struct stream *stream);
