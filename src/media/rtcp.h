/* RTCP: reports, names, goodbyes (RFC 3550 6.4 to 6.6) and when to send them (6.3, A.7). Pure. */
#pragma once

#include "base/random.h"
#include "media/rtcp_xr.h"

enum { RTCP_SR = 200, RTCP_RR = 201, RTCP_SDES = 202, RTCP_BYE = 203, RTCP_MAX_BYTES = 256, RTCP_CNAME_MAX_BYTES = 64 };

struct rtcp_block {
	uint32_t ssrc;            /* whom it is about */
	uint8_t fraction;         /* lost since the last report, in 1/256 */
	int32_t lost;             /* in all, 24 bits */
	uint32_t highest, jitter; /* extended sequence number; clock units */
	uint32_t lsr, dlsr;       /* middle of the NTP time of the last SR; delay since, in 1/65536 s; 0: no SR yet */
};

/* What one compound packet says, sent or received. */
struct rtcp_report {
	uint32_t ssrc;            /* who reports */
	bool is_sender;
	uint64_t ntp;
	uint32_t timestamp, packets, octets;
	bool has_block;
	struct rtcp_block block;
	char cname[RTCP_CNAME_MAX_BYTES];
	struct rtcp_xr xr;        /* RFC 3611 */
	bool bye;
};

/** SR or RR, SDES CNAME, what there is of XR, and BYE if wanted. @return bytes, 0 when `room` is too small
 * (RTCP_MAX_BYTES is enough) */
size_t rtcp_print(const struct rtcp_report *report, uint8_t *out, size_t room);
/**
 * Validate a compound packet (A.2) and take out what concerns us.
 * @param about  our SSRC: only the block about it is taken
 * @return false when it is not well formed; nothing of it may be used then
 */
bool rtcp_parse(struct rtcp_report *report, const uint8_t *bytes, size_t n, uint32_t about) MUST_CHECK;
/** 64 bit NTP time of microseconds since 1970, and its middle 32 bits. */
uint64_t rtcp_ntp(int64_t unix_us);
uint32_t rtcp_ntp_middle(uint64_t ntp);
/** Round trip by RFC 3550 6.4.1 in ms; negative: the block does not tell. `now` is rtcp_ntp_middle(). */
double rtcp_round_trip_ms(const struct rtcp_block *block, uint32_t now);

/* When to report: one per stream. Members are we and the peer. */
struct rtcp_schedule {
	double average_bytes;     /* of compound packets with UDP and IP headers */
	double bandwidth;         /* bytes per second for RTCP: 5 % of the session's */
	unsigned members, senders;
	unsigned members_before;
	bool initial, we_sent;
	int64_t last_us, next_us; /* last: when the last one was due, at least */
};
void rtcp_schedule_init(struct rtcp_schedule *schedule, int64_t now_us, double session_bits, struct random *random);
/** What both sides send together, with IP headers, turned out to be so many bits per second. */
void rtcp_schedule_bandwidth(struct rtcp_schedule *schedule, double session_bits);
/** A compound packet was sent or received. */
void rtcp_schedule_size(struct rtcp_schedule *schedule, size_t bytes);
/**
 * The timer rang: shall a report go now? Reconsiders by 6.3.6; in either case next_us is set anew.
 */
bool rtcp_schedule_due(struct rtcp_schedule *schedule, int64_t now_us, struct random *random);
/**
 * There is something to tell: may a report go now? The first one always (6.2); a later one when the interval might have
 * been as short as this by chance, and the one that follows then comes as if this one had kept its time, so that there
 * are no more of them in the mean. @return whether one goes; next_us is set anew then
 */
bool rtcp_schedule_early(struct rtcp_schedule *schedule, int64_t now_us, struct random *random);
/**
 * The interval of A.7 in microseconds, randomised. Before that it is at least 5 s or, while somebody sends, the reduced
 * minimum of 6.2: 360 s divided by the session's kbit/s, but no less than 1 s; half of that before the first report.
 */
int64_t rtcp_interval_us(const struct rtcp_schedule *schedule, struct random *random);
