/*
 * The jitter buffer: a function of packets and time, with no clock, socket or codec of its own.
 *
 * All positions are 48 kHz frames. A packet's transit is its arrival minus its position; media/delay says how much more
 * than the least transit is worth waiting. Playing runs on by itself: what is missing at its time is concealed, and a
 * packet that comes too late is played from its middle, thrown away or, when the delay is too short anyway, played from
 * its beginning.
 *
 * The caller plays in ticks of 10 ms, so a packet is fetched up to a tick before its first frame is played. Two lags
 * follow, both against a packet of the least transit: `lag`, from arrival to playing, which stretching changes frame by
 * frame, and what of it is left when the packet is fetched, which only changes by whole ticks and which must cover what
 * the network wants. So the shortest lag is the one at which nothing is queued when a packet is fetched.
 */
#pragma once

#include "media/burst.h"
#include "media/delay.h"

enum {
	JITTER_SLOTS = 64, /* a power of two */
	JITTER_PAYLOAD_MAX_BYTES = 1920,
};

struct jitter_slot {
	bool filler, is_copy;
	uint8_t tag;             /* the caller's: which codec */
	uint16_t bytes;
	uint32_t sequence, frames;
	int64_t at;              /* position */
	uint8_t payload[JITTER_PAYLOAD_MAX_BYTES];
};

struct jitter_counts {
	uint64_t late;           /* came after their time, or were thrown away to shorten a delay that had run away */
	uint64_t concealed;      /* 10 ms frames invented for packets that were lost or late */
	uint64_t recovered;      /* packets that were lost, and played from their copies */
	uint64_t played;
};

struct jitter {
	struct jitter_slot *slots; /* their memory is touched by packets alone: most calls have few of them at a time */
	uint64_t used;             /* a bit for each slot that holds a packet */
	uint32_t min_ms, max_ms, floor_ms;

	/* the newest packet, to which timestamps and sequence numbers are relative */
	bool started;
	uint32_t newest_timestamp, newest_sequence;
	int64_t newest_at;

	/* playing */
	bool playing, quiet, catching_up;
	uint32_t last_sequence;  /* taken out or given up */
	int64_t next_at;         /* position of the next frame that is given out */
	uint32_t usual_frames;   /* of a packet */
	uint32_t dry_frames;     /* given out since a packet last was there */
	uint32_t unclear;        /* 10 ms frames invented; lost or a pause? the next packet tells */
	unsigned late_run;

	/* delay */
	struct delay delay;
	int64_t target_us;       /* what the delay at fetching shall be */
	int64_t low_us, low_before_us, low_begin_us; /* least (lag + anchor) in this and the last window */
	bool phased;             /* the caller moves its ticks by less than one: jitter_phase() */
	int32_t spare;           /* frames at the last fetch beyond the target */
	unsigned steady;         /* packets played since the lag was changed from outside */
	double delay_ms, loss;   /* lag and losses, smoothed */
	double in_row;           /* share of the losses that came right after another, smoothed */
	unsigned loss_weighed;   /* packets in `loss` while they are few */
	bool lost_last;

	struct burst burst;      /* of packets that were not heard */
	struct jitter_counts counts;
};

struct jitter_packet {
	uint32_t sequence;       /* extended */
	uint32_t timestamp, clock_rate;
	/* 48 kHz frames in it; 0: nothing to play (an event, an unknown type): only its number counts */
	uint32_t frames;
	uint8_t tag;
	const uint8_t *payload;
	size_t bytes;
	bool is_copy;            /* came with a later packet: only fills a hole */
};

enum jitter_what {
	JITTER_NOTHING,          /* not begun, or nothing came for long: silence */
	JITTER_PACKET,           /* decode it */
	JITTER_MISSING,          /* conceal `frames`; `next`, if set, is the packet right behind the hole (for FEC) */
	JITTER_PAUSE,            /* the other side was silent here: comfort noise or fading out */
};

struct jitter_play {
	enum jitter_what what;
	const struct jitter_slot *packet, *next; /* borrowed until the next put */
	uint32_t frames;
	uint32_t skip;           /* frames whose time is over: of the packet, or of the lost one before `next` */
	/* JITTER_PACKET: frames of lag too many (shorten) or, negative, too few; 0: it is as it should be */
	int32_t excess;
	bool urgent;             /* the excess is worth a small audible change; else only silence is stretched */
};

void jitter_init(struct jitter *jitter, uint32_t min_ms, uint32_t max_ms);
void jitter_fini(struct jitter *jitter);
/** Forget packets and timing: another source, another clock. Counts and bounds stay. */
void jitter_reset(struct jitter *jitter);
void jitter_set_bounds(struct jitter *jitter, uint32_t min_ms, uint32_t max_ms);
/** A least delay while packets are lost, so that FEC of the next one is there in time; 0: none. */
void jitter_set_floor(struct jitter *jitter, uint32_t floor_ms);
/** A packet arrived. @return false when it came too late (counted), is a duplicate of one that waits, or is too big */
bool jitter_put(struct jitter *jitter, const struct jitter_packet *packet, int64_t arrival_us);
/**
 * What comes next? Called when fewer than 10 ms of decoded sound are left.
 * @param queued  decoded 48 kHz frames that the caller still has to play before: fewer than 480
 */
void jitter_get(struct jitter *jitter, int64_t now_us, uint32_t queued, struct jitter_play *play);
/** The caller made what it plays shorter (positive) or longer by so many frames. */
void jitter_stretched(struct jitter *jitter, int32_t frames);
/**
 * How many frames sooner the caller's ticks could come for what the network wants, less than a tick; negative: how many
 * later they should. 0 until that is known. Asked by a caller that can move its ticks, which then says what it did by
 * jitter_move_phase(); `phased` is its to set: lags are not changed for less than a tick then, once that is known.
 */
int32_t jitter_phase(const struct jitter *jitter);
/** All ticks from now on come so many frames sooner (negative: later). */
void jitter_move_phase(struct jitter *jitter, int32_t frames);
/** Came so many packets that what the network loses is known? */
bool jitter_knows_loss(const struct jitter *jitter);
/** Share of packets lost of late, 0..1, smoothed over about 100 packets. */
double jitter_loss(const struct jitter *jitter);
/** Share of these that came right behind another loss, 0..1: at random it is the loss itself. Over about 10 losses. */
double jitter_in_row(const struct jitter *jitter);
