/* The ring of RTP packets: the newest are there, whole and in order, whatever their sizes. */
#include "tests/unit/unit.h"
#include "media/tap.h"

struct seen {
	unsigned first, last, count;
};

static void look(void *arg, const struct tap_packet *packet)
{
	struct seen *seen = arg;
	unsigned number = (unsigned)packet->unix_us;

	/* Its number says how long it is and what is in it. */
	assert_int_equal(packet->bytes.n, number * 7919 % 300);
	for (size_t i = 0; i < packet->bytes.n; i++)
		assert_int_equal((unsigned char)packet->bytes.p[i], number & 0xff);
	assert_int_equal(packet->user, number % 3);
	assert_int_equal(packet->sent, number % 2);
	if (seen->count++)
		assert_int_equal(number, seen->last + 1);
	else
		seen->first = number;
	seen->last = number;
}

static void put(struct tap *tap, unsigned number)
{
	char bytes[300];

	memset(bytes, (int)(number & 0xff), sizeof bytes);
	tap_add(tap, &(struct tap_packet){ .unix_us = number,
					   .user = number % 3,
					   .sent = number % 2,
					   .bytes = slice_make(bytes, number * 7919 % 300) });
}

static void keeps_the_newest(void **state)
{
	(void)state;
	for (size_t room = 1000; room < 4000; room += 37) {
		struct tap *tap = tap_new(room);
		for (unsigned i = 1; i <= 500; i++) {
			struct seen seen = { 0 };
			put(tap, i);
			tap_each(tap, look, &seen);
			assert_true(seen.count > 0);
			assert_int_equal(seen.last, i);
			/* More than a quarter of the room is in use when there was enough. */
			assert_true(i < 40 || seen.count * (300 + 120) * 4 > room);
		}
		tap_free(tap);
	}
}

static void nothing_and_too_much(void **state)
{
	struct tap *tap = tap_new(512);
	struct seen seen = { 0 };
	char *big = test_calloc(1, 4096);

	(void)state;
	tap_each(tap, look, &seen);
	tap_add(tap, &(struct tap_packet){ .bytes = slice_make(big, 4096) });
	tap_add(NULL, &(struct tap_packet){ 0 });
	tap_each(tap, look, &seen);
	assert_int_equal(seen.count, 0);
	tap_free(tap);
	test_free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_newest),
		cmocka_unit_test(nothing_and_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
