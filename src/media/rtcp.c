#include "media/rtcp.h"

#include <string.h>

enum { SDES_CNAME = 1, BLOCK_BYTES = 24, SENDER_BYTES = 20, OVERHEAD_BYTES = 28 };
static const double RTCP_SHARE = 0.05, LEAST_S = 5, REDUCED_S_KBITS = 360, REDUCED_S = 1;
#define NTP_UNIX_S UINT64_C(2208988800)

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
	return p + 4;
}

uint64_t rtcp_ntp(int64_t unix_us)
{
	uint64_t us = unix_us < 0 ? 0 : (uint64_t)unix_us;

	return (us / 1000000 + NTP_UNIX_S) << 32 | (us % 1000000 << 32) / 1000000;
}

uint32_t rtcp_ntp_middle(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

double rtcp_round_trip_ms(const struct rtcp_block *block, uint32_t now)
{
	if (!block->lsr)
		return -1;
	int32_t trip = (int32_t)(now - block->lsr - block->dlsr);
	/* The resolution is 15 us and clocks are read at different moments: a little below nothing is nothing. */
	if (trip < 0)
		return trip > -66 ? 0 : -1;
	return trip * 1000.0 / 65536.0;
}

/* ---- printing ---- */

static uint8_t *print_head(uint8_t *p, unsigned count, uint8_t type, size_t bytes)
{
	size_t words = bytes / 4 - 1;

	p[0] = (uint8_t)(2 << 6 | count);
	p[1] = type;
	p[2] = (uint8_t)(words >> 8);
	p[3] = (uint8_t)words;
	return p + 4;
}

static uint8_t *print_block(uint8_t *p, const struct rtcp_block *block)
{
	int32_t lost = block->lost > 0x7fffff ? 0x7fffff : block->lost < -0x800000 ? -0x800000 : block->lost;

	p = put32(p, block->ssrc);
	p = put32(p, (uint32_t)block->fraction << 24 | ((uint32_t)lost & 0xffffff));
	p = put32(p, block->highest);
	p = put32(p, block->jitter);
	p = put32(p, block->lsr);
	return put32(p, block->dlsr);
}

static uint8_t *print_report(uint8_t *p, const struct rtcp_report *report)
{
	size_t bytes = 8u + (report->is_sender ? SENDER_BYTES : 0u) + (report->has_block ? BLOCK_BYTES : 0u);

	p = print_head(p, report->has_block, report->is_sender ? RTCP_SR : RTCP_RR, bytes);
	p = put32(p, report->ssrc);
	if (report->is_sender) {
		p = put32(p, (uint32_t)(report->ntp >> 32));
		p = put32(p, (uint32_t)report->ntp);
		p = put32(p, report->timestamp);
		p = put32(p, report->packets);
		p = put32(p, report->octets);
	}
	return report->has_block ? print_block(p, &report->block) : p;
}

static uint8_t *print_cname(uint8_t *p, uint32_t ssrc, const char *cname)
{
	size_t n = strnlen(cname, RTCP_CNAME_MAX_BYTES - 1);
	size_t bytes = (8 + 2 + n + 1 + 3) & ~(size_t)3; /* at least one zero ends the list of items */
	uint8_t *end = p + bytes;

	p = print_head(p, 1, RTCP_SDES, bytes);
	p = put32(p, ssrc);
	*p++ = SDES_CNAME;
	*p++ = (uint8_t)n;
	memcpy(p, cname, n);
	memset(p + n, 0, (size_t)(end - p) - n);
	return end;
}

size_t rtcp_print(const struct rtcp_report *report, uint8_t *out, size_t room)
{
	uint8_t *p = out;

	if (room < RTCP_MAX_BYTES)
		return 0;
	p = print_report(p, report);
	p = print_cname(p, report->ssrc, report->cname);
	p += rtcp_xr_print(&report->xr, report->ssrc, p, room - (size_t)(p - out));
	if (report->bye) {
		p = print_head(p, 1, RTCP_BYE, 8);
		p = put32(p, report->ssrc);
	}
	return (size_t)(p - out);
}

/* ---- parsing ---- */

/* A.2: version, a report first, no padding but in the last, lengths that add up. */
static bool valid_compound(const uint8_t *bytes, size_t n)
{
	size_t at = 0;

	if (n < 8 || n % 4 || (bytes[1] != RTCP_SR && bytes[1] != RTCP_RR))
		return false;
	while (at < n) {
		if (n - at < 4 || bytes[at] >> 6 != 2)
			return false;
		size_t size = 4 * ((size_t)(bytes[at + 2] << 8 | bytes[at + 3]) + 1);
		if (size > n - at)
			return false;
		bool last = size == n - at;
		if (bytes[at] & 0x20 && (!last || bytes[n - 1] == 0 || bytes[n - 1] % 4 || bytes[n - 1] > size - 4))
			return false;
		at += size;
	}
	return true;
}

static void parse_blocks(struct rtcp_report *report, const uint8_t *p, size_t n, unsigned count, uint32_t about)
{
	for (; count && n >= BLOCK_BYTES; count--, p += BLOCK_BYTES, n -= BLOCK_BYTES) {
		if (get32(p) != about)
			continue;
		uint32_t lost = get32(p + 4) & 0xffffff;
		report->has_block = true;
		report->block = (struct rtcp_block){
			.ssrc = about,
			.fraction = p[4],
			.lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost,
			.highest = get32(p + 8),
			.jitter = get32(p + 12),
			.lsr = get32(p + 16),
			.dlsr = get32(p + 20),
		};
	}
}

static bool parse_sender(struct rtcp_report *report, const uint8_t *p, size_t n, unsigned count, uint32_t about)
{
	if (n < 4 + SENDER_BYTES)
		return false;
	report->ssrc = get32(p);
	report->is_sender = true;
	report->ntp = (uint64_t)get32(p + 4) << 32 | get32(p + 8);
	report->timestamp = get32(p + 12);
	report->packets = get32(p + 16);
	report->octets = get32(p + 20);
	parse_blocks(report, p + 4 + SENDER_BYTES, n - 4 - SENDER_BYTES, count, about);
	return true;
}

static bool parse_receiver(struct rtcp_report *report, const uint8_t *p, size_t n, unsigned count, uint32_t about)
{
	if (n < 4)
		return false;
	if (!report->is_sender)
		report->ssrc = get32(p);
	parse_blocks(report, p + 4, n - 4, count, about);
	return true;
}

static void parse_names(struct rtcp_report *report, const uint8_t *p, size_t n)
{
	if (n < 4 || get32(p) != report->ssrc)
		return;
	for (p += 4, n -= 4; n >= 2 && p[0] != 0 && p[1] <= n - 2u; n -= 2u + p[1], p += 2 + p[1]) {
		if (p[0] != SDES_CNAME)
			continue;
		size_t length = p[1] < RTCP_CNAME_MAX_BYTES ? p[1] : RTCP_CNAME_MAX_BYTES - 1;
		memcpy(report->cname, p + 2, length);
		report->cname[length] = '\0';
		return;
	}
}

static void parse_bye(struct rtcp_report *report, const uint8_t *p, size_t n, unsigned count)
{
	for (; count && n >= 4; count--, p += 4, n -= 4)
		report->bye |= get32(p) == report->ssrc;
}

bool rtcp_parse(struct rtcp_report *report, const uint8_t *bytes, size_t n, uint32_t about)
{
	*report = (struct rtcp_report){ 0 };
	if (!valid_compound(bytes, n))
		return false;
	for (size_t at = 0; at < n;) {
		const uint8_t *p = bytes + at + 4;
		unsigned count = bytes[at] & 31;
		size_t size = 4 * ((size_t)(bytes[at + 2] << 8 | bytes[at + 3]) + 1), body = size - 4;
		bool good = true;
		if (bytes[at] & 0x20)
			body -= bytes[n - 1];
		if (bytes[at + 1] == RTCP_SR)
			good = parse_sender(report, p, body, count, about);
		else if (bytes[at + 1] == RTCP_RR)
			good = parse_receiver(report, p, body, count, about);
		else if (bytes[at + 1] == RTCP_SDES)
			parse_names(report, p, body);
		else if (bytes[at + 1] == RTCP_BYE)
			parse_bye(report, p, body, count);
		else if (bytes[at + 1] == RTCP_XR && body >= 4 && get32(p) == report->ssrc)
			good = rtcp_xr_parse(&report->xr, p, body, about);
		if (!good)
			return false;
		at += size;
	}
	return true;
}

/* ---- when to report ---- */

/* The interval of A.7 before chance has its say, in seconds. */
static double interval_s(const struct rtcp_schedule *schedule)
{
	double least_s = LEAST_S, reduced_s = REDUCED_S_KBITS * 1000 * RTCP_SHARE / 8 / schedule->bandwidth;
	double bandwidth = schedule->bandwidth, members = schedule->members;

	if (schedule->senders && reduced_s < least_s)
		least_s = reduced_s > REDUCED_S ? reduced_s : REDUCED_S;
	if (schedule->initial)
		least_s /= 2;

	/* Senders share a quarter among themselves when they are a quarter of the members or fewer. */
	if (schedule->senders * 4 <= schedule->members) {
		members = schedule->we_sent ? schedule->senders : schedule->members - schedule->senders;
		bandwidth *= schedule->we_sent ? 0.25 : 0.75;
	}
	double interval = schedule->average_bytes * members / bandwidth;
	return interval < least_s ? least_s : interval;
}

/* Between a half and one and a half; 1.21828 = e - 3/2 makes up for the reconsideration (6.3.1). */
static int64_t randomised_us(double interval, double chance)
{
	return (int64_t)(interval * (0.5 + chance) / 1.21828 * 1e6);
}

int64_t rtcp_interval_us(const struct rtcp_schedule *schedule, struct random *random)
{
	return randomised_us(interval_s(schedule), random_u32(random) / 4294967296.0);
}

void rtcp_schedule_init(struct rtcp_schedule *schedule, int64_t now_us, double session_bits, struct random *random)
{
	*schedule = (struct rtcp_schedule){
		.average_bytes = 100 + OVERHEAD_BYTES,
		.bandwidth = session_bits * RTCP_SHARE / 8,
		.members = 1,
		.members_before = 1,
		.initial = true,
		.last_us = now_us,
	};
	schedule->next_us = now_us + rtcp_interval_us(schedule, random);
}

void rtcp_schedule_bandwidth(struct rtcp_schedule *schedule, double session_bits)
{
	schedule->bandwidth = session_bits * RTCP_SHARE / 8;
}

void rtcp_schedule_size(struct rtcp_schedule *schedule, size_t bytes)
{
	schedule->average_bytes += ((double)(bytes + OVERHEAD_BYTES) - schedule->average_bytes) / 16;
}

static void reported(struct rtcp_schedule *schedule, int64_t due_us, struct random *random)
{
	schedule->last_us = due_us;
	schedule->initial = false;
	schedule->next_us = due_us + rtcp_interval_us(schedule, random);
}

bool rtcp_schedule_early(struct rtcp_schedule *schedule, int64_t now_us, struct random *random)
{
	double interval = interval_s(schedule);
	int64_t due_us = schedule->last_us + (int64_t)(interval * 1e6);

	if (!schedule->initial && now_us < schedule->last_us + randomised_us(interval, 0))
		return false;
	reported(schedule, schedule->initial || due_us < now_us ? now_us : due_us, random);
	return true;
}

bool rtcp_schedule_due(struct rtcp_schedule *schedule, int64_t now_us, struct random *random)
{
	int64_t next_us = schedule->last_us + rtcp_interval_us(schedule, random);

	schedule->members_before = schedule->members;
	if (next_us > now_us) {
		schedule->next_us = next_us;
		return false;
	}
	reported(schedule, now_us, random);
	return true;
}
