#include "tests/unit/unit.h"

#include "base/log.h"
#include "base/random.h"
#include "base/timer.h"

struct probe {
	struct timers *timers;
	struct timer timer;
	int fired, again;
	int64_t at_us;
	int *order, mark;
};

static void fire(void *arg)
{
	struct probe *probe = arg;

	probe->fired++;
	probe->at_us = probe->timers->now_us;
	if (probe->order)
		*probe->order = *probe->order * 10 + probe->mark;
	if (probe->again-- > 0)
		timer_start(probe->timers, &probe->timer, 0, fire, probe);
}

static void timers_fire_in_order_of_time_then_of_start(void **state)
{
	(void)state;
	struct timers timers;
	struct probe probes[4] = { 0 };
	int order = 0;
	const int64_t after[] = { 300, 100, 200, 100 };

	timers_init(&timers, 1000);
	for (int i = 0; i < 4; i++) {
		probes[i].timers = &timers;
		probes[i].order = &order;
		probes[i].mark = i + 1;
		timer_start(&timers, &probes[i].timer, after[i], fire, &probes[i]);
	}
	assert_int_equal(timers_next_us(&timers), 1100);
	timers_run(&timers, 1099);
	assert_int_equal(order, 0);
	timers_run(&timers, 2000);
	assert_int_equal(order, 2431);
	assert_int_equal(timers_next_us(&timers), INT64_MAX);
	timers_fini(&timers);
}

static void stopped_timers_do_not_fire(void **state)
{
	(void)state;
	enum { MANY = 500 };
	struct timers timers;
	struct probe *probes = calloc(MANY, sizeof *probes);
	struct random random;

	random_init_seeded(&random, 3);
	timers_init(&timers, 0);
	for (int i = 0; i < MANY; i++) {
		probes[i].timers = &timers;
		timer_start(&timers, &probes[i].timer, random_below(&random, 1000), fire, &probes[i]);
	}
	for (int i = 0; i < MANY; i += 2)
		timer_stop(&timers, &probes[i].timer);
	timer_stop(&timers, &probes[0].timer);
	timers_advance(&timers, 1000);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(probes[i].fired, i % 2);
	timers_fini(&timers);
	free(probes);
}

static void a_timer_that_restarts_itself_starves_nobody(void **state)
{
	(void)state;
	struct timers timers;
	struct probe greedy = { .timers = &timers, .again = 1000000 }, other = { .timers = &timers };

	timers_init(&timers, 0);
	timer_start(&timers, &greedy.timer, 0, fire, &greedy);
	timer_start(&timers, &other.timer, 0, fire, &other);
	timers_run(&timers, 0);
	assert_int_equal(greedy.fired, 1);
	assert_int_equal(other.fired, 1);
	timers_run(&timers, 0);
	assert_int_equal(greedy.fired, 2);
	timer_stop(&timers, &greedy.timer);
	timers_fini(&timers);
}

static void advance_stops_at_each_due_time(void **state)
{
	(void)state;
	struct timers timers;
	struct probe probe = { .timers = &timers };

	timers_init(&timers, 0);
	timer_start(&timers, &probe.timer, 32 * SECOND_US, fire, &probe);
	timers_advance(&timers, 100 * SECOND_US);
	assert_int_equal(probe.at_us, 32 * SECOND_US);
	assert_int_equal(timers.now_us, 100 * SECOND_US);
	timer_start(&timers, &probe.timer, -5, fire, &probe);
	assert_true(timer_running(&probe.timer));
	timers_run(&timers, 0); /* the clock never goes back */
	assert_int_equal(timers.now_us, 100 * SECOND_US);
	assert_int_equal(probe.fired, 2);
	timers_fini(&timers);
}

/* What others bring about without end is told some times at once, and then once a second. */
static void a_flood_of_lines_is_told_slowly(void **state)
{
	struct pace pace = { 0 };
	int64_t now_us = 7 * SECOND_US;
	unsigned told = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		told += pace_takes(&pace, now_us, SECOND_US, 50);
	assert_int_equal(told, 50);
	for (int i = 0; i < 1000; i++, now_us += SECOND_US / 100)
		told += pace_takes(&pace, now_us, SECOND_US, 50);
	assert_int_equal(told, 59);
	now_us += 1000 * SECOND_US;
	for (int i = 0; i < 1000; i++)
		told += pace_takes(&pace, now_us, SECOND_US, 50);
	assert_int_equal(told, 109);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_time_then_of_start),
		cmocka_unit_test(stopped_timers_do_not_fire),
		cmocka_unit_test(a_timer_that_restarts_itself_starves_nobody),
		cmocka_unit_test(advance_stops_at_each_due_time),
		cmocka_unit_test(a_flood_of_lines_is_told_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
