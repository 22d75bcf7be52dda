/* Which busy tone which country has: its frequencies and its cadence. */
#include "media/tone.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RATE_HZ = 48000, STEP = RATE_HZ / TONE_FIND_RATE_HZ, TICK = RATE_HZ / 100 };

/* The first half second of sound, without the pauses: at 8 kHz. @return how long the first burst is [ms] */
static unsigned collect(const char *country, int16_t out[TONE_FIND_FRAMES])
{
	struct tone tone = { 0 };
	unsigned first = 0;
	bool paused = false;
	size_t n = 0;

	assert_true(tone_country_find(slice_of(country), &tone.country));
	tone_start(&tone, TONE_BUSY);
	while (n + TICK / STEP <= TONE_FIND_FRAMES) {
		int16_t pcm[TICK] = { 0 };
		int loudest = 0;
		tone_fill(&tone, pcm, TICK);
		for (size_t i = 0; i < TICK; i++)
			loudest = abs(pcm[i]) > loudest ? abs(pcm[i]) : loudest;
		paused |= first && !loudest;
		first += loudest && !paused ? 10 : 0;
		for (size_t i = 0; loudest && i < TICK; i += STEP)
			out[n++] = pcm[i];
	}
	return first;
}

static void busy_by_country(void **state)
{
	static const struct {
		const char *country;
		double hz, other_hz;
		unsigned ms;
	} rows[] = {
		{ "us", 480, 620, 500 }, { "de", 425, 425, 480 }, { "gb", 400, 400, 375 }, { "at", 420, 420, 400 },
	};
	int16_t pcm[TONE_FIND_FRAMES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned ms = collect(rows[i].country, pcm);
		double hz = tone_find(pcm);
		if (fabs(hz - rows[i].hz) > 2 && fabs(hz - rows[i].other_hz) > 2)
			fail_msg("%s: busy is %g Hz", rows[i].country, hz);
		if (abs((int)ms - (int)rows[i].ms) > 20)
			fail_msg("%s: a burst of %u ms", rows[i].country, ms);
	}
}

static void no_such_country(void **state)
{
	size_t country = 7;

	(void)state;
	assert_false(tone_country_find(SLICE("xx"), &country));
	assert_true(tone_country_find(SLICE("DE"), &country));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(busy_by_country), cmocka_unit_test(no_such_country) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
