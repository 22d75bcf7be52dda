#include "tests/unit/unit.h"

#include "base/ring.h"

#include <pthread.h>

static void ring_holds_what_fits(void **state)
{
	(void)state;
	struct ring *ring = ring_new(8, sizeof(int));
	int in[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, out[10];

	for (int round = 0; round < 5; round++) { /* over the seam */
		assert_int_equal(ring_write(ring, in, 10), 8);
		assert_int_equal(ring_room(ring), 0);
		assert_int_equal(ring_read(ring, out, 3), 3);
		assert_int_equal(ring_read(ring, out + 3, 1), 1);
		assert_int_equal(ring_read(ring, out + 4, 10), 4);
		assert_int_equal(out[2], 2);
		assert_int_equal(out[4], 4);
		assert_int_equal(out[7], 7);
		assert_int_equal(ring_write(ring, in, 3), 3); /* shifts the seam */
		assert_int_equal(ring_read(ring, out, 10), 3);
	}
	free(ring);
}

/* In shared memory the other side may write anything. */
static void a_damaged_ring_stays_in_bounds(void **state)
{
	(void)state;
	struct ring *ring = ring_new(8, 1);
	char out[64];

	atomic_store(&ring->head, 0x80000000u);
	assert_int_equal(ring_count(ring), 8);
	assert_int_equal(ring_room(ring), 0);
	assert_int_equal(ring_read(ring, out, sizeof out), 8);
	free(ring);
}

enum { PASSED = 200000 };

static void *produce(void *arg)
{
	struct ring *ring = arg;

	for (uint32_t i = 0; i < PASSED;)
		i += ring_write(ring, &i, 1);
	return NULL;
}

static void two_threads_lose_nothing(void **state)
{
	(void)state;
	struct ring *ring = ring_new(64, sizeof(uint32_t));
	pthread_t thread;
	uint32_t expected = 0, got[16];

	assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
	while (expected < PASSED) {
		uint32_t n = ring_read(ring, got, 16);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(got[i], expected++);
	}
	pthread_join(thread, NULL);
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_holds_what_fits),
		cmocka_unit_test(a_damaged_ring_stays_in_bounds),
		cmocka_unit_test(two_threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
