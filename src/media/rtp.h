/* RTP packets (RFC 3550 5.1) and what is known of their source (A.1, A.3, A.8). Pure: bytes and times in, facts out. */
#pragma once

#include "base/base.h"

enum { RTP_HEADER_BYTES = 12, RTP_VERSION = 2 };

struct rtp_packet {
	bool marker;
	uint8_t payload_type; /* 0..127 */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	const uint8_t *payload; /* into the bytes that were parsed */
	size_t payload_bytes;   /* without padding */
};

/** @return false when it is no RTP packet of version 2, or its CSRC list, extension or padding pass its end */
bool rtp_parse(struct rtp_packet *packet, const uint8_t *bytes, size_t n) MUST_CHECK;
/** Write header and payload. @return bytes, 0 when `room` is too small */
size_t rtp_print(const struct rtp_packet *packet, uint8_t *out, size_t room);
/** RTP and RTCP on one port are told apart by the second byte (RFC 5761 4). */
bool rtp_is_rtcp(const uint8_t *bytes, size_t n);

enum rtp_verdict {
	RTP_WAIT,      /* the source is on probation, or jumped: not yet to be played */
	RTP_GOOD,
	RTP_DUPLICATE,
	RTP_RESTARTED, /* good, and the first of a new sequence: forget what was before */
};

enum { RTP_SEEN_WORDS = 2 };

struct rtp_source {
	uint32_t ssrc;
	bool valid;                  /* probation is over */
	unsigned probation;          /* packets in sequence still wanted */
	uint16_t highest;            /* sequence number */
	uint32_t cycles;             /* 65536 times the wraps of `highest` */
	uint32_t base, bad;          /* first sequence number; the one that would confirm a restart, 65537: none */
	uint64_t skipped;            /* numbers that passed while nobody listened: not expected */
	uint64_t received;           /* without duplicates */
	uint64_t duplicates, bursts; /* bursts: how many times a gap opened */
	uint64_t expected_before, received_before; /* at the last report */
	uint64_t seen[RTP_SEEN_WORDS]; /* bit i: highest - i was received */
	bool has_transit;
	uint32_t transit, jitter;    /* in clock units; jitter times 16 */
};

/** @param probation  packets in sequence that are wanted before the source is believed; 0: believe the first */
void rtp_source_init(struct rtp_source *source, uint32_t ssrc, uint16_t sequence, unsigned probation);
/** A packet came. With RTP_GOOD, RTP_DUPLICATE and RTP_RESTARTED *extended is its extended sequence number. */
enum rtp_verdict rtp_source_update(struct rtp_source *source, uint16_t sequence, uint32_t *extended);
/**
 * Listening again after a while: `sequence` is the next that came, however far ahead. What passed in between is neither
 * expected nor lost; wraps and base stay, so that the extended number that is reported never goes back. To be called
 * before the update of that packet.
 */
void rtp_source_resume(struct rtp_source *source, uint16_t sequence);
/** Interarrival jitter (A.8). Not for packets whose timestamp stands still, such as telephone events. */
void rtp_source_arrival(struct rtp_source *source, uint32_t timestamp, int64_t arrival_us, uint32_t clock_rate);
uint64_t rtp_source_expected(const struct rtp_source *source);
/** Never below 0: duplicates are not counted as received. */
uint64_t rtp_source_lost(const struct rtp_source *source);
/** As reports tell it (6.4.1): duplicates count as received, so that it may be negative. */
int64_t rtp_source_cumulative(const struct rtp_source *source);
uint32_t rtp_source_highest(const struct rtp_source *source);
/** Share lost since the last call, in 1/256 (A.3); duplicates count as received. */
uint8_t rtp_source_fraction(struct rtp_source *source);
/** Timestamps have another rate from now on: the jitter keeps its length in time. */
void rtp_source_rescale(struct rtp_source *source, uint32_t old_rate, uint32_t new_rate);
double rtp_source_jitter_ms(const struct rtp_source *source, uint32_t clock_rate);
