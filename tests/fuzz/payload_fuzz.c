/*
 * Fuzz target of what RTP and RTCP packets carry, each reader alone: redundancy (RFC 2198), extended reports (RFC
 * 3611), compound RTCP, and packets that claim to be sealed with a key that we have (RFC 3711). What was read is
 * written and read again, and says the same. The first byte: bit 0 chooses the suite, bit 1 RTCP, bit 2 whether that is
 * tried. Run: payload_fuzz tests/fuzz/corpus/payload
 */
#include "media/red.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/srtp.h"
#include "tests/fuzz/check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { US = 0x01020304 };

static void try_redundancy(const uint8_t *data, size_t size)
{
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	static struct red_memory memory;
	uint8_t out[4096];

	size_t count = red_parse(blocks, data, size);
	check(count <= RED_BLOCKS_MAX + 1);
	red_forget(&memory);
	uint32_t timestamp = 100000;
	for (size_t i = 0; i < count; i++) {
		check(blocks[i].payload >= data && blocks[i].payload + blocks[i].bytes <= data + size);
		check(blocks[i].payload_type < 128 && blocks[i].offset <= RED_OFFSET_MAX);
		/* What we make of it can be taken apart again, and ends with it. */
		struct red_block again[RED_BLOCKS_MAX + 1];
		timestamp += 160;
		size_t n = red_print(&memory, 1 + i % RED_COPIES_MAX, blocks[i].payload_type, timestamp,
				     blocks[i].payload, blocks[i].bytes, out, sizeof out);
		if (!n)
			continue;
		size_t parts = red_parse(again, out, n);
		check(parts >= 1 && parts <= 1 + 1 + i % RED_COPIES_MAX);
		check(again[parts - 1].bytes == blocks[i].bytes && !again[parts - 1].offset);
		check(!memcmp(again[parts - 1].payload, blocks[i].payload, blocks[i].bytes));
	}
}

static void try_reports(const uint8_t *data, size_t size)
{
	struct rtcp_report report, again;
	struct rtcp_xr xr = { 0 };
	uint8_t out[RTCP_MAX_BYTES];

	(void)!rtcp_xr_parse(&xr, data, size, US);
	(void)rtp_is_rtcp(data, size);
	if (!rtcp_parse(&report, data, size, US))
		return;
	check(memchr(report.cname, 0, sizeof report.cname) != NULL);
	(void)rtcp_round_trip_ms(&report.block, 7);
	report.block.ssrc = US;
	size_t n = rtcp_print(&report, out, sizeof out);
	check(n > 0 && rtcp_parse(&again, out, n, US));
	check(again.ssrc == report.ssrc && again.is_sender == report.is_sender && again.bye == report.bye);
	check(!report.has_block ||
	      (again.block.lost == report.block.lost && again.block.jitter == report.block.jitter));
	check(!strcmp(again.cname, report.cname));
}

/* A packet is given as it came, and as the peer would have sealed it: that one opens, once. */
static void try_sealed(uint8_t how, const uint8_t *data, size_t size)
{
	static const struct {
		enum stream_suite suite;
		size_t key;
	} suites[] = { { STREAM_AEAD_AES_128_GCM, 28 }, { STREAM_AES_CM_128_HMAC_SHA1_80, 30 } };
	_Alignas(4) uint8_t bytes[2048], twice[2048];
	struct stream_protection protection = { .suite = suites[how & 1].suite };
	bool rtcp = how & 2;

	if (size > sizeof bytes - SECURE_TRAILER_BYTES)
		return;
	protection.receive_count = 1;
	memset(protection.send.bytes, 7, suites[how & 1].key);
	protection.receive[0] = protection.send;
	struct secure *sealer = secure_new_sender(&protection), *opener = secure_new_receiver(&protection);
	check(sealer && opener);
	size_t n = size;
	memcpy(bytes, data, size);
	enum secure_verdict verdict = secure_open(opener, bytes, &n, rtcp);
	check(verdict != SECURE_GOOD && verdict != SECURE_REPLAYED); /* nobody forges by chance */
	memcpy(bytes, data, size);
	n = size;
	if (size >= 12 && data[0] >> 6 == 2 && rtp_is_rtcp(data, size) == rtcp &&
	    secure_seal(sealer, bytes, &n, rtcp)) {
		check(n <= size + SECURE_TRAILER_BYTES);
		size_t again = n;
		memcpy(twice, bytes, n);
		check(secure_open(opener, bytes, &n, rtcp) == SECURE_GOOD);
		check(n == size && !memcmp(bytes, data, size));
		check(secure_open(opener, twice, &again, rtcp) == SECURE_REPLAYED);
	}
	secure_free(sealer);
	secure_free(opener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;

	if (!started && !(started = secure_start()))
		abort();
	if (!size)
		return 0;
	try_redundancy(data + 1, size - 1);
	try_reports(data + 1, size - 1);
	if (data[0] & 4) /* dear: keys are made */
		try_sealed(data[0], data + 1, size - 1);
	return 0;
}
