/* The scanner, which looks at 64 bytes at once, held against looking at one after the other. */
#include "tests/unit/unit.h"

#include "sip/syntax/scan.h"
#define GUARD_ROOM 4096
#include "tests/unit/guard_group.h"

enum { LENGTHS = 200 }; /* three windows and what is left */

static const unsigned classes[] = {
	SCAN_TOKEN, SCAN_VALUE, SCAN_HOST, SCAN_USER, SCAN_PARAM, SCAN_HEADER, SCAN_URIC, SCAN_DISPLAY,
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* `n` letters, of which one in `rarity` is any byte instead. */
static void fill(char *bytes, size_t n, uint32_t rarity, uint32_t *state)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(next_random(state) % rarity ? "abcXYZ019-."[next_random(state) % 11] :
								  (char)next_random(state));
}

static void check_all_runs(struct slice s)
{
	const char *end = s.p + s.n;
	struct scanner scanner;

	for (size_t c = 0; c < ARRAY_LEN(classes); c++) {
		scan_begin(&scanner, s.p, end);
		for (const char *p = s.p; p <= end; p++)
			assert_ptr_equal(scan_while(&scanner, p, classes[c]), scan_run(p, end, classes[c]));
		/* Backwards: the window is left behind. */
		for (const char *p = end; p > s.p; p--)
			assert_ptr_equal(scan_while(&scanner, p - 1, classes[c]), scan_run(p - 1, end, classes[c]));
	}
}

static void runs_end_where_they_end_byte_by_byte(void **state)
{
	char bytes[LENGTHS];
	uint32_t seed = 1;

	(void)state;
	for (size_t n = 0; n <= LENGTHS; n++)
		for (uint32_t rarity = 1; rarity <= 100; rarity *= 10) {
			fill(bytes, n, rarity, &seed);
			check_all_runs(guard_place(&guard, slice_make(bytes, n)));
		}
}

static void every_byte_is_a_stop_or_of_every_class(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char bytes[64];
		struct scanner scanner;
		memset(bytes, c, sizeof bytes);
		struct slice s = guard_place(&guard, slice_make(bytes, sizeof bytes));
		scan_begin(&scanner, s.p, s.p + s.n);
		if (scan_stop(&scanner, s.p) == s.p)
			continue;
		assert_ptr_equal(scan_stop(&scanner, s.p), s.p + s.n);
		for (size_t i = 0; i < ARRAY_LEN(classes); i++)
			assert_true(scan_is((char)c, classes[i]));
	}
}

/* A URI without <> is scanned with an end of its own; what follows must be found all the same. */
static void an_end_in_the_middle_is_kept(void **state)
{
	char bytes[LENGTHS];
	struct scanner scanner;

	(void)state;
	memset(bytes, 'a', sizeof bytes);
	for (size_t at = 0; at < LENGTHS; at++) {
		bytes[at] = ';';
		struct slice s = guard_place(&guard, slice_make(bytes, sizeof bytes));
		const char *end = s.p + s.n, *middle = s.p + at;
		scan_begin(&scanner, s.p, end);
		scanner.end = middle;
		assert_ptr_equal(scan_while(&scanner, s.p, SCAN_HOST), middle);
		assert_ptr_equal(scan_while(&scanner, middle, SCAN_HOST), middle);
		scanner.end = end;
		assert_ptr_equal(scan_while(&scanner, s.p, SCAN_HOST), middle);
		assert_ptr_equal(scan_while(&scanner, middle + 1, SCAN_HOST), end);
		bytes[at] = 'a';
	}
}

static void escapes_and_strings(void **state)
{
	static const char long_run[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
	char bytes[LENGTHS];
	const char *fault = NULL;
	struct scanner scanner;

	(void)state;
	/* An escape at every place of a window. */
	for (size_t at = 0; at <= 70; at++) {
		size_t n = (size_t)snprintf(bytes, sizeof bytes, "%.*s%%4a-%s@", (int)at, long_run, long_run);
		struct slice s = guard_place(&guard, slice_make(bytes, n));
		scan_begin(&scanner, s.p, s.p + n);
		assert_ptr_equal(scan_escaped(&scanner, s.p, SCAN_USER, &fault), s.p + n - 1);
		for (size_t cut = 1; cut <= 2; cut++) {
			s = guard_place(&guard, slice_make(bytes, at + cut));
			scan_begin(&scanner, s.p, s.p + s.n);
			assert_null(scan_escaped(&scanner, s.p, SCAN_USER, &fault));
			assert_ptr_equal(fault, s.p + at);
		}
		n = (size_t)snprintf(bytes, sizeof bytes, "\"%.*s\\\"%s\"x", (int)at, long_run, long_run);
		s = guard_place(&guard, slice_make(bytes, n));
		assert_ptr_equal(scan_quoted(s.p, s.p + n), s.p + n - 1);
		assert_null(scan_quoted(s.p, s.p + n - 2));
	}
}

static void line_feeds_and_colons(void **state)
{
	char bytes[64 + SCAN_SLACK];

	(void)state;
	for (size_t at = 0; at <= 64; at++) {
		memset(bytes, 'x', sizeof bytes);
		memset(bytes + at, '\n', SCAN_SLACK);
		/* With and without a line feed in front of what stands behind a message. */
		for (size_t ended = 0; ended <= 1; ended++) {
			bytes[at] = ended ? '\n' : '\0';
			struct slice s = guard_place(&guard, slice_make(bytes, at + SCAN_SLACK));
			for (size_t from = 0; from <= at; from++)
				assert_ptr_equal(scan_line_feed(s.p + from), s.p + at + !ended);
		}
	}
	for (unsigned at = 0; at < 32; at++) {
		memset(bytes, 'x', sizeof bytes);
		bytes[at] = ':';
		assert_int_equal(scan_colon(bytes), at < 16 ? at : SCAN_NO_COLON);
	}
	for (size_t n = 0; n <= 16; n++)
		for (unsigned at = 0; at < 16; at++) {
			char other[16] = "0123456789abcdef", same[16] = "0123456789abcdef";
			other[at] ^= 1;
			assert_int_equal(scan_same(same, other, n), at >= n);
		}
	/* One that knows of no colon asks for so many. */
	assert_false(scan_same("0123456789abcdef", "0123456789abcdef", SCAN_NO_COLON + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_end_where_they_end_byte_by_byte),
		cmocka_unit_test(every_byte_is_a_stop_or_of_every_class),
		cmocka_unit_test(an_end_in_the_middle_is_kept),
		cmocka_unit_test(escapes_and_strings),
		cmocka_unit_test(line_feeds_and_colons),
	};

	return cmocka_run_group_tests(tests, guard_set_up, guard_tear_down);
}
