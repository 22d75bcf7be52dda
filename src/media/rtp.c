#include "media/rtp.h"

#include <string.h>

enum { MAX_DROPOUT = 3000, MAX_MISORDER = 100, SEQUENCES = 65536, NO_BAD = SEQUENCES + 1 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, (uint16_t)(value >> 16));
	put16(p + 2, (uint16_t)value);
}

bool rtp_is_rtcp(const uint8_t *bytes, size_t n)
{
	return n >= 8 && bytes[0] >> 6 == RTP_VERSION && bytes[1] >= 192 && bytes[1] <= 223;
}

bool rtp_parse(struct rtp_packet *packet, const uint8_t *bytes, size_t n)
{
	if (n < RTP_HEADER_BYTES || bytes[0] >> 6 != RTP_VERSION)
		return false;
	size_t at = RTP_HEADER_BYTES + 4 * (size_t)(bytes[0] & 15);
	if (at > n)
		return false;
	if (bytes[0] & 0x10) {
		if (n - at < 4)
			return false;
		size_t extension = 4 + 4 * (size_t)get16(bytes + at + 2);
		if (extension > n - at)
			return false;
		at += extension;
	}
	size_t padding = 0;
	if (bytes[0] & 0x20) {
		padding = bytes[n - 1];
		if (padding == 0 || padding > n - at)
			return false;
	}
	*packet = (struct rtp_packet){
		.marker = bytes[1] & 0x80,
		.payload_type = bytes[1] & 0x7f,
		.sequence = get16(bytes + 2),
		.timestamp = get32(bytes + 4),
		.ssrc = get32(bytes + 8),
		.payload = bytes + at,
		.payload_bytes = n - at - padding,
	};
	return true;
}

size_t rtp_print(const struct rtp_packet *packet, uint8_t *out, size_t room)
{
	if (room < RTP_HEADER_BYTES || packet->payload_bytes > room - RTP_HEADER_BYTES)
		return 0;
	out[0] = RTP_VERSION << 6;
	out[1] = (uint8_t)((packet->marker ? 0x80 : 0) | (packet->payload_type & 0x7f));
	put16(out + 2, packet->sequence);
	put32(out + 4, packet->timestamp);
	put32(out + 8, packet->ssrc);
	if (packet->payload_bytes)
		memcpy(out + RTP_HEADER_BYTES, packet->payload, packet->payload_bytes);
	return RTP_HEADER_BYTES + packet->payload_bytes;
}

/* ---- the source ---- */

/* init_seq of A.1 */
static void begin(struct rtp_source *source, uint16_t sequence)
{
	source->base = source->highest = sequence;
	source->bad = NO_BAD;
	source->cycles = 0;
	source->received = source->duplicates = source->bursts = source->skipped = 0;
	source->expected_before = source->received_before = 0;
	memset(source->seen, 0, sizeof source->seen);
}

void rtp_source_init(struct rtp_source *source, uint32_t ssrc, uint16_t sequence, unsigned probation)
{
	*source = (struct rtp_source){ .ssrc = ssrc, .probation = probation };
	begin(source, sequence);
	source->highest = (uint16_t)(sequence - 1);
}

static void seen_shift(struct rtp_source *source, unsigned by)
{
	if (by >= 128) {
		source->seen[0] = source->seen[1] = 0;
	} else if (by >= 64) {
		source->seen[1] = source->seen[0] << (by - 64);
		source->seen[0] = 0;
	} else if (by > 0) {
		source->seen[1] = source->seen[1] << by | source->seen[0] >> (64 - by);
		source->seen[0] <<= by;
	}
}

/* @return whether it had been seen */
static bool seen_mark(struct rtp_source *source, unsigned back)
{
	uint64_t bit = UINT64_C(1) << (back & 63);
	uint64_t *word = &source->seen[back >> 6 & 1];
	bool was = *word & bit;

	*word |= bit;
	return was;
}

static enum rtp_verdict start(struct rtp_source *source, uint16_t sequence, uint32_t *extended)
{
	begin(source, sequence);
	source->valid = true;
	source->received = 1;
	source->has_transit = false;
	seen_mark(source, 0);
	*extended = sequence;
	return RTP_RESTARTED;
}

static enum rtp_verdict on_probation(struct rtp_source *source, uint16_t sequence, uint32_t *extended)
{
	if (source->probation == 0)
		return start(source, sequence, extended);
	if (sequence == (uint16_t)(source->highest + 1)) {
		source->highest = sequence;
		if (--source->probation == 0)
			return start(source, sequence, extended);
	} else {
		/* The packet that breaks the sequence is the first of the next try. */
		source->probation = 1;
		source->highest = sequence;
	}
	return RTP_WAIT;
}

/* update_seq of A.1 */
enum rtp_verdict rtp_source_update(struct rtp_source *source, uint16_t sequence, uint32_t *extended)
{
	if (!source->valid)
		return on_probation(source, sequence, extended);
	uint16_t ahead = (uint16_t)(sequence - source->highest);
	if (ahead < MAX_DROPOUT && ahead > 0) {
		if (sequence < source->highest)
			source->cycles += SEQUENCES;
		source->bursts += ahead > 1;
		source->highest = sequence;
		seen_shift(source, ahead);
		seen_mark(source, 0);
		source->bad = NO_BAD;
	} else if (ahead > 0 && ahead <= SEQUENCES - MAX_MISORDER) {
		if (sequence != source->bad) {
			source->bad = (uint16_t)(sequence + 1);
			return RTP_WAIT;
		}
		/* Two in sequence after a jump: the other side restarted without telling. */
		return start(source, sequence, extended);
	}
	unsigned back = (uint16_t)(source->highest - sequence);
	uint32_t cycles = source->cycles;
	if (sequence > source->highest)
		cycles -= SEQUENCES; /* from before the wrap */
	*extended = cycles + sequence;
	if ((ahead == 0 || ahead > SEQUENCES - MAX_MISORDER) && seen_mark(source, back)) {
		source->duplicates++;
		return RTP_DUPLICATE;
	}
	source->received++;
	return RTP_GOOD;
}

void rtp_source_resume(struct rtp_source *source, uint16_t sequence)
{
	uint16_t ahead = (uint16_t)(sequence - source->highest), before = (uint16_t)(sequence - 1);

	source->has_transit = false;
	source->bad = NO_BAD;
	/* The next one, or one that was overtaken: nothing passed. */
	if (!source->valid || ahead <= 1 || ahead > SEQUENCES - MAX_MISORDER)
		return;
	if (before < source->highest)
		source->cycles += SEQUENCES;
	source->highest = before;
	source->skipped += ahead - 1u;
	seen_shift(source, ahead - 1u);
}

void rtp_source_arrival(struct rtp_source *source, uint32_t timestamp, int64_t arrival_us, uint32_t clock_rate)
{
	int64_t ms = arrival_us / 1000, rest_us = arrival_us % 1000;
	uint32_t arrival = (uint32_t)(ms * clock_rate / 1000 + rest_us * clock_rate / SECOND_US);
	uint32_t transit = arrival - timestamp;
	int64_t difference = (int32_t)(transit - source->transit);

	source->transit = transit;
	if (!source->has_transit) {
		source->has_transit = true;
		return;
	}
	if (difference < 0)
		difference = -difference;
	/* A jump of more than ten seconds is a new clock, no jitter. */
	if (difference > (int64_t)clock_rate * 10)
		return;
	source->jitter = (uint32_t)(source->jitter + difference - ((source->jitter + 8) >> 4));
}

uint32_t rtp_source_highest(const struct rtp_source *source)
{
	return source->cycles + source->highest;
}

uint64_t rtp_source_expected(const struct rtp_source *source)
{
	return source->valid ? (uint64_t)(uint32_t)(rtp_source_highest(source) - source->base + 1) - source->skipped
			     : 0;
}

uint64_t rtp_source_lost(const struct rtp_source *source)
{
	uint64_t expected = rtp_source_expected(source);

	return expected > source->received ? expected - source->received : 0;
}

static uint64_t came(const struct rtp_source *source)
{
	return source->received + source->duplicates;
}

int64_t rtp_source_cumulative(const struct rtp_source *source)
{
	return (int64_t)(rtp_source_expected(source) - came(source));
}

uint8_t rtp_source_fraction(struct rtp_source *source)
{
	uint64_t expected = rtp_source_expected(source);
	int64_t expected_now = (int64_t)(expected - source->expected_before);
	int64_t received_now = (int64_t)(came(source) - source->received_before);
	int64_t lost = expected_now - received_now;

	source->expected_before = expected;
	source->received_before = came(source);
	if (expected_now <= 0 || lost <= 0)
		return 0;
	int64_t fraction = lost * 256 / expected_now;
	return (uint8_t)(fraction > 255 ? 255 : fraction);
}

void rtp_source_rescale(struct rtp_source *source, uint32_t old_rate, uint32_t new_rate)
{
	source->jitter = (uint32_t)((uint64_t)source->jitter * new_rate / old_rate);
	source->has_transit = false;
}

double rtp_source_jitter_ms(const struct rtp_source *source, uint32_t clock_rate)
{
	return clock_rate ? source->jitter / 16.0 * 1000.0 / clock_rate : 0;
}
