#include "media/rtcp_xr.h"

#include <math.h>

enum { RRT = 4, DLRR = 5, VOIP = 7, VOIP_WORDS = 8, ADAPTIVE_BUFFER_STANDARD_PLC = 0xc0 | 0x30 };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	return put16(put16(p, value >> 16), value & 0xffff);
}

/* ---- printing ---- */

static uint8_t share(double value)
{
	return (uint8_t)(value <= 0 ? 0 : value >= 255 / 256.0 ? 255 : value * 256);
}

static uint32_t milliseconds(double ms)
{
	return ms <= 0 ? 0 : ms >= 65535 ? 65535 : (uint32_t)(ms + 0.5);
}

static uint8_t tenths(double mos)
{
	return mos < 1 ? RTCP_XR_UNKNOWN : (uint8_t)(mos * 10 + 0.5);
}

static uint8_t decibel(double db)
{
	return (uint8_t)(int8_t)(db < -126 ? -126 : db > 127 ? 127 : lrint(db));
}

static uint8_t *print_block_head(uint8_t *p, uint8_t type, uint32_t words)
{
	*p++ = type;
	*p++ = 0;
	return put16(p, words);
}

static uint8_t *print_voip(uint8_t *p, const struct rtcp_voip *voip)
{
	p = put32(print_block_head(p, VOIP, VOIP_WORDS), voip->ssrc);
	*p++ = share(voip->loss);
	*p++ = share(voip->discard);
	*p++ = share(voip->burst_density);
	*p++ = share(voip->gap_density);
	p = put16(p, milliseconds(voip->burst_ms));
	p = put16(p, milliseconds(voip->gap_ms));
	p = put16(p, milliseconds(voip->round_trip_ms));
	p = put16(p, milliseconds(voip->end_system_ms));
	*p++ = decibel(voip->signal_db);
	*p++ = decibel(voip->noise_db);
	*p++ = RTCP_XR_UNKNOWN; /* residual echo */
	*p++ = 16;              /* Gmin */
	*p++ = voip->rating > 0 ? (uint8_t)(voip->rating > 100 ? 100 : voip->rating + 0.5) : RTCP_XR_UNKNOWN;
	*p++ = RTCP_XR_UNKNOWN; /* R of a segment outside RTP */
	*p++ = tenths(voip->mos_listening);
	*p++ = tenths(voip->mos_conversation);
	*p++ = ADAPTIVE_BUFFER_STANDARD_PLC;
	*p++ = 0;
	p = put16(p, milliseconds(voip->buffer_ms));
	p = put16(p, milliseconds(voip->buffer_most_ms));
	return put16(p, milliseconds(voip->buffer_limit_ms));
}

size_t rtcp_xr_print(const struct rtcp_xr *xr, uint32_t ssrc, uint8_t *out, size_t room)
{
	uint8_t *p = out + 8;

	if (room < RTCP_XR_MAX_BYTES || (!xr->has_time && !xr->has_answer && !xr->has_voip))
		return 0;
	if (xr->has_time) {
		p = print_block_head(p, RRT, 2);
		p = put32(put32(p, (uint32_t)(xr->ntp >> 32)), (uint32_t)xr->ntp);
	}
	if (xr->has_answer) {
		p = print_block_head(p, DLRR, 3);
		p = put32(put32(put32(p, xr->answer_ssrc), xr->lrr), xr->dlrr);
	}
	if (xr->has_voip)
		p = print_voip(p, &xr->voip);
	out[0] = 2 << 6;
	out[1] = RTCP_XR;
	put16(out + 2, (uint32_t)(p - out) / 4 - 1);
	put32(out + 4, ssrc);
	return (size_t)(p - out);
}

/* ---- parsing ---- */

static void parse_answers(struct rtcp_xr *xr, const uint8_t *p, size_t n, uint32_t about)
{
	for (; n >= 12; p += 12, n -= 12) {
		if (get32(p) != about)
			continue;
		xr->has_answer = true;
		xr->answer_ssrc = about;
		xr->lrr = get32(p + 4);
		xr->dlrr = get32(p + 8);
	}
}

static double known_mos(uint8_t tenth)
{
	return tenth >= 10 && tenth <= 50 ? tenth / 10.0 : 0;
}

static void parse_voip(struct rtcp_xr *xr, const uint8_t *p, uint32_t about)
{
	if (get32(p) != about)
		return;
	xr->has_voip = true;
	xr->voip = (struct rtcp_voip){
		.ssrc = about,
		.loss = p[4] / 256.0,
		.discard = p[5] / 256.0,
		.burst_density = p[6] / 256.0,
		.gap_density = p[7] / 256.0,
		.burst_ms = p[8] << 8 | p[9],
		.gap_ms = p[10] << 8 | p[11],
		.round_trip_ms = p[12] << 8 | p[13],
		.end_system_ms = p[14] << 8 | p[15],
		.signal_db = (int8_t)p[16],
		.noise_db = (int8_t)p[17],
		.rating = p[20] <= 100 ? p[20] : 0,
		.mos_listening = known_mos(p[22]),
		.mos_conversation = known_mos(p[23]),
		.buffer_ms = p[26] << 8 | p[27],
		.buffer_most_ms = p[28] << 8 | p[29],
		.buffer_limit_ms = p[30] << 8 | p[31],
	};
}

bool rtcp_xr_parse(struct rtcp_xr *xr, const uint8_t *body, size_t n, uint32_t about)
{
	if (n < 4)
		return false;
	for (size_t at = 4; at < n;) {
		if (n - at < 4)
			return false;
		const uint8_t *p = body + at + 4;
		size_t size = 4 * (size_t)(body[at + 2] << 8 | body[at + 3]);
		if (size > n - at - 4)
			return false;
		if (body[at] == RRT && size == 8) {
			xr->has_time = true;
			xr->ntp = (uint64_t)get32(p) << 32 | get32(p + 4);
		} else if (body[at] == DLRR) {
			parse_answers(xr, p, size, about);
		} else if (body[at] == VOIP && size == 4 * VOIP_WORDS) {
			parse_voip(xr, p, about);
		}
		at += 4 + size;
	}
	return true;
}
