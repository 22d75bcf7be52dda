#include "media/probe.h"

#include "base/xmalloc.h"
#include "media/level.h"

#include <math.h>
#include <string.h>

enum {
	TICK_FRAMES = LEVEL_TICK_FRAMES, NARROW = LEVEL_NARROW_FRAMES, /* 48 kHz, 8 kHz */
	TICKS = 300, QUIET_FROM = 50, QUIET_TO = 98,
	CHIRPS = 3, FIRST_CHIRP = 100, BETWEEN = 60, CHIRP_TICKS = 5,
	LAGS = 50 * NARROW,              /* 500 ms are looked at */
};
static const double AMPLITUDE = 8000, FROM_HZ = 500, TO_HZ = 2800;
static const double SURE = 0.5;          /* of the correlation that an echo has with itself */

struct probe {
	size_t tick;
	struct decimator mic_down, play_down;
	int16_t heard[TICKS * NARROW], played[TICKS * NARROW]; /* at 8 kHz */
	double sounded; /* mean squares of the ticks with chirps, added up */
};

struct probe *probe_new(void)
{
	return xcalloc(1, sizeof(struct probe));
}

void probe_free(struct probe *probe)
{
	free(probe);
}

static bool in_chirp(size_t tick, size_t *into)
{
	for (size_t k = 0; k < CHIRPS; k++) {
		size_t begins = FIRST_CHIRP + k * BETWEEN;
		if (tick >= begins && tick < begins + CHIRP_TICKS) {
			*into = tick - begins;
			return true;
		}
	}
	return false;
}

static void chirp(size_t into, int16_t *play)
{
	const double length = CHIRP_TICKS * TICK_FRAMES, seconds = length / 48000;

	for (size_t i = 0; i < TICK_FRAMES; i++) {
		double at = (double)(into * TICK_FRAMES + i), t = at / 48000;
		double phase = 2 * M_PI * (FROM_HZ * t + (TO_HZ - FROM_HZ) * t * t / (2 * seconds));
		play[i] = (int16_t)lrint(AMPLITUDE * sin(M_PI * at / length) * sin(phase));
	}
}

bool probe_tick(struct probe *probe, const int16_t *mic, int16_t *play)
{
	size_t into;

	if (probe->tick == TICKS)
		return false;
	memset(play, 0, TICK_FRAMES * sizeof *play);
	if (in_chirp(probe->tick, &into))
		chirp(into, play);
	decimator_run(&probe->mic_down, mic, probe->heard + probe->tick * NARROW);
	decimator_run(&probe->play_down, play, probe->played + probe->tick * NARROW);
	probe->tick++;
	return true;
}

static double mean_square(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sum / (double)n;
}

bool probe_has_begun(const struct probe *probe)
{
	return probe->tick > 0;
}

void probe_sounded(struct probe *probe, const int16_t *heard)
{
	size_t into;

	if (probe->tick && in_chirp(probe->tick - 1, &into))
		probe->sounded += mean_square(heard, TICK_FRAMES);
}

/* How alike a chirp and what was heard `lag` later are: 1 entirely, 0 not at all. */
static double likeness(const struct probe *probe, size_t begins, size_t lag)
{
	const int16_t *a = probe->played + begins, *b = probe->heard + begins + lag;
	const size_t n = CHIRP_TICKS * NARROW;
	double product = 0;

	for (size_t i = 0; i < n; i++)
		product += (double)a[i] * b[i];
	return product / ((double)n * sqrt(mean_square(a, n) * mean_square(b, n)) + 1);
}

void probe_judge(const struct probe *probe, struct probe_result *result)
{
	size_t best_lag = 0;
	double best = 0;

	*result = (struct probe_result){ .heard_db = -127, .round_trip_ms = -1 };
	result->played_db = level_of_power(probe->sounded / (CHIRPS * CHIRP_TICKS));
	result->noise_db =
		level_of_power(mean_square(probe->heard + QUIET_FROM * NARROW, (QUIET_TO - QUIET_FROM) * NARROW));
	result->loudest_db = -127;
	for (size_t tick = 0; tick < TICKS; tick++) {
		double db = level_of_power(mean_square(probe->heard + tick * NARROW, NARROW));
		result->loudest_db = db > result->loudest_db ? db : result->loudest_db;
	}
	for (size_t lag = 0; lag < LAGS; lag++) {
		double sum = 0;
		for (size_t k = 0; k < CHIRPS; k++)
			sum += fabs(likeness(probe, (FIRST_CHIRP + k * BETWEEN) * NARROW, lag)) / CHIRPS;
		if (sum > best) {
			best = sum;
			best_lag = lag;
		}
	}
	if (best < SURE)
		return;
	result->round_trip_ms = (double)best_lag / 8;
	for (size_t k = 0; k < CHIRPS; k++) {
		/* One may have been swallowed. */
		const int16_t *from = probe->heard + (FIRST_CHIRP + k * BETWEEN) * NARROW + best_lag;
		double db = level_of_power(mean_square(from, CHIRP_TICKS * NARROW));
		result->heard_db = db > result->heard_db ? db : result->heard_db;
	}
}
