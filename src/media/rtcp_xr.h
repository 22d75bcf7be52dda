/* Extended reports (RFC 3611): the round trip for who does not send, and what a listener would say. Pure. */
#pragma once

#include "base/base.h"

enum { RTCP_XR = 207, RTCP_XR_MAX_BYTES = 64, RTCP_XR_UNKNOWN = 127 };

/* VoIP metrics, 4.7: shares 0..1, times in ms. */
struct rtcp_voip {
	uint32_t ssrc;                     /* about whom */
	double loss, discard, burst_density, gap_density;
	double burst_ms, gap_ms, round_trip_ms, end_system_ms;
	double signal_db, noise_db;        /* dB below 0 dBm0 are negative; 127: not known */
	double rating, mos_listening, mos_conversation; /* R 0..100, MOS 1..5; 0: not known */
	double buffer_ms, buffer_most_ms, buffer_limit_ms;
};

struct rtcp_xr {
	bool has_time;                     /* RRT, 4.4: */
	uint64_t ntp;
	bool has_answer;                   /* DLRR, 4.5, about one receiver: */
	uint32_t answer_ssrc, lrr, dlrr;   /* middle of its last RRT, and the delay since in 1/65536 s */
	bool has_voip;
	struct rtcp_voip voip;
};

/** One XR packet, to stand behind a report. @return bytes; 0: nothing to say, or less room than RTCP_XR_MAX_BYTES */
size_t rtcp_xr_print(const struct rtcp_xr *xr, uint32_t ssrc, uint8_t *out, size_t room);
/**
 * Take out what concerns us; unknown blocks are passed over (RFC 3611 3).
 * @param body   behind the common header of 4 bytes
 * @param about  our SSRC
 * @return false: a block passes the end of the packet
 */
bool rtcp_xr_parse(struct rtcp_xr *xr, const uint8_t *body, size_t n, uint32_t about) MUST_CHECK;
