/* RFC 2198: payloads folded and unfolded, and copies that fill the holes of a jitter buffer. */
#include "media/jitter.h"
#include "media/red.h"

#include "../guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void folds_and_unfolds(void **state)
{
	(void)state;
	struct red_memory memory = { 0 };
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	uint8_t out[400];

	/* the first has nothing to copy */
	size_t n = red_print(&memory, 1, 96, 1000, (const uint8_t *)"first", 5, out, sizeof out);
	assert_int_equal(n, 6);
	assert_memory_equal(out, "\x60" "first", 6);
	n = red_print(&memory, 1, 96, 1960, (const uint8_t *)"second!", 7, out, sizeof out);
	/* F and 96; 960 in 14 bits, 5 in 10; F clear and 96 */
	assert_memory_equal(out, "\xe0\x0f\x00\x05\x60" "firstsecond!", 17);
	assert_int_equal(red_parse(blocks, out, n), 2);
	assert_int_equal(blocks[0].payload_type, 96);
	assert_int_equal(blocks[0].offset, 960);
	assert_int_equal(blocks[0].bytes, 5);
	assert_memory_equal(blocks[0].payload, "first", 5);
	assert_int_equal(blocks[1].offset, 0);
	assert_int_equal(blocks[1].bytes, 7);
	assert_memory_equal(blocks[1].payload, "second!", 7);
}

static void two_copies(void **state)
{
	(void)state;
	struct red_memory memory = { 0 };
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	uint8_t out[400];

	red_remember(&memory, 0, (const uint8_t *)"one", 3);
	assert_int_equal(red_print(&memory, 2, 96, 960, (const uint8_t *)"two!", 4, out, sizeof out), 5 + 3 + 4);
	size_t n = red_print(&memory, 2, 96, 1920, (const uint8_t *)"three", 5, out, sizeof out);
	assert_int_equal(n, 9 + 12);
	/* the oldest first */
	assert_int_equal(red_parse(blocks, out, n), 3);
	assert_int_equal(blocks[0].offset, 1920);
	assert_memory_equal(blocks[0].payload, "onetwo!three", 12);
	assert_int_equal(blocks[1].offset, 960);
	assert_int_equal(blocks[1].bytes, 4);
	/* room for one only, and one only wanted: the newer */
	n = red_print(&memory, 2, 96, 2880, (const uint8_t *)"four", 4, out, 17);
	assert_int_equal(red_parse(blocks, out, n), 2);
	assert_memory_equal(blocks[0].payload, "threefour", 9);
	n = red_print(&memory, 1, 96, 3840, (const uint8_t *)"five", 4, out, sizeof out);
	assert_int_equal(red_parse(blocks, out, n), 2);
	assert_memory_equal(blocks[0].payload, "fourfive", 8);
	/* behind one that cannot be copied nothing older is, or the receiver would number it wrongly */
	static const uint8_t big[1500];
	red_remember(&memory, 4800, big, 1024);
	n = red_print(&memory, 2, 96, 5760, (const uint8_t *)"six", 3, out, sizeof out);
	assert_int_equal(red_parse(blocks, out, n), 1);
}

/* One copy, of the packet before the last: two losses in a row do not take a packet and its copy. */
static void a_far_copy(void **state)
{
	(void)state;
	struct red_memory memory = { .skipped = 1 };
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	uint8_t out[400];

	/* none is old enough yet */
	assert_int_equal(red_print(&memory, 1, 0, 160, (const uint8_t *)"one", 3, out, sizeof out), 4);
	assert_int_equal(red_print(&memory, 1, 0, 320, (const uint8_t *)"two", 3, out, sizeof out), 4);
	size_t n = red_print(&memory, 1, 0, 480, (const uint8_t *)"three", 5, out, sizeof out);
	assert_int_equal(red_parse(blocks, out, n), 2);
	assert_int_equal(blocks[0].offset, 320);
	assert_memory_equal(blocks[0].payload, "onethree", 8);
	/* what is skipped need not fit; what is behind something that cannot be copied does not go */
	n = red_print(&memory, 1, 0, 640, (const uint8_t *)"4", 1, out, 1 + 4 + 3 + 1);
	assert_int_equal(red_parse(blocks, out, n), 2);
	assert_memory_equal(blocks[0].payload, "two4", 4);
	static const uint8_t big[1024];
	red_remember(&memory, 800, big, sizeof big);
	n = red_print(&memory, 1, 0, 960, (const uint8_t *)"six", 3, out, sizeof out);
	assert_int_equal(red_parse(blocks, out, n), 1);
}

static void leaves_out_what_cannot_be_copied(void **state)
{
	(void)state;
	struct red_memory memory = { 0 };
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	static uint8_t big[1500], out[3000];

	/* too old for 14 bits, older than it should be, too long for 10 bits, no room for both */
	red_remember(&memory, 1000, big, 10);
	assert_int_equal(red_print(&memory, 1, 0, 1000 + 16384, big, 10, out, sizeof out), 11);
	red_remember(&memory, 2000, big, 10);
	assert_int_equal(red_print(&memory, 1, 0, 1000, big, 10, out, sizeof out), 11);
	red_remember(&memory, 0, big, 1024);
	assert_int_equal(red_print(&memory, 1, 0, 960, big, 10, out, sizeof out), 11);
	red_remember(&memory, 0, big, 1023);
	assert_int_equal(red_print(&memory, 1, 0, 16383, big, 200, out, 1200), 201);
	red_remember(&memory, 0, big, 1023);
	size_t n = red_print(&memory, 1, 0, 16383, big, 200, out, sizeof out);
	assert_int_equal(red_parse(blocks, out, n), 2);
	assert_int_equal(blocks[0].offset, 16383);
	assert_int_equal(blocks[0].bytes, 1023);
	red_forget(&memory);
	assert_int_equal(red_print(&memory, 1, 0, 20000, big, 10, out, sizeof out), 11);
	assert_int_equal(red_print(&memory, 1, 0, 20160, big, 10, out, 10), 0);
}

/* Every way to end too early, each at the end of a page. */
static void malformed_ones_are_refused(void **state)
{
	(void)state;
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	static const uint8_t whole[] = { 0xe0, 0x0f, 0x00, 0x05, 0x80, 0x01, 0x40, 0x02, 0x60, 1, 2, 3, 4, 5, 6, 7, 8 };

	struct guard guard = guard_new(sizeof whole);

	for (size_t n = 0; n <= sizeof whole; n++) {
		struct slice placed = guard_place(&guard, slice_make((const char *)whole, n));
		assert_int_equal(red_parse(blocks, (const uint8_t *)placed.p, n), n >= 16 ? 3 : 0);
	}
	guard_free(&guard);
	uint8_t many[4 * (RED_BLOCKS_MAX + 1) + 1];
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 4 == 0 && i + 1 < sizeof many ? 0x80 : 0;
	assert_int_equal(red_parse(blocks, many, sizeof many), 0);
}

static void copies_fill_holes(void **state)
{
	(void)state;
	struct jitter jitter;
	struct jitter_play it;
	uint8_t payload[1] = { 1 };
	unsigned played = 0, missing = 0;
	uint32_t queued = 0;

	jitter_init(&jitter, 10, 300);
	jitter_set_floor(&jitter, 20);
	for (uint32_t i = 0; i < 500; i++) {
		int64_t now = i * INT64_C(20000);
		struct jitter_packet packet = { .sequence = i, .timestamp = i * 160, .clock_rate = 8000, .frames = 960,
						.payload = payload, .bytes = 1 };
		if (i % 5 != 3) {
			jitter_put(&jitter, &packet, now);
			packet.is_copy = true;
			packet.sequence--;
			packet.timestamp -= 160;
			jitter_put(&jitter, &packet, now);
		}
		for (int k = 0; k < 2; k++, now += 10000) {
			while (queued < 480) {
				jitter_get(&jitter, now, queued, &it);
				played += it.what == JITTER_PACKET;
				missing += it.what == JITTER_MISSING;
				queued += it.what == JITTER_NOTHING ? 480 : it.frames;
			}
			queued -= 480;
		}
	}
	assert_int_equal(missing, 0);
	assert_true(played >= 496);
	assert_int_equal(jitter.counts.concealed + jitter.counts.late, 0);
	assert_true(jitter.counts.recovered >= 98 && jitter.counts.recovered <= 100);
	/* they were lost all the same: what waits for copies must not stop waiting */
	assert_true(jitter_loss(&jitter) > 0.15 && jitter_loss(&jitter) < 0.25);
	jitter_fini(&jitter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_and_unfolds),
		cmocka_unit_test(two_copies),
		cmocka_unit_test(a_far_copy),
		cmocka_unit_test(leaves_out_what_cannot_be_copied),
		cmocka_unit_test(malformed_ones_are_refused),
		cmocka_unit_test(copies_fill_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
