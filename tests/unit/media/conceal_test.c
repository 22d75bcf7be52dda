/*
 * Concealment beside that of G.711 Appendix I: the same packets of a voice are lost, and what each makes of it is
 * compared with what was said. tests/sound/conceal does that with recorded people and by two models of hearing.
 */
#include "tests/unit/unit.h"
#include "base/random.h"
#include "media/codec/conceal.h"
#include "tests/sound/appendix.h"

#include <math.h>

enum {
	RATE = 8000, PACKET = 160, PACKETS = 300, SAMPLES = PACKET * PACKETS, SYLLABLE = 1400,
	FRAME = 256, HOP = 128, BANDS = 20, BAND_HZ = 187, SEEDS = 3,
};
enum method { APPENDIX, ALONE, BOTH_ENDS, METHODS };

/* ---- a voice: pulses or noise through three resonances, another vowel each 175 ms, the pitch never still ---- */

static double resonate(double x, double hz, double width_hz, double memory[2])
{
	double r = exp(-M_PI * width_hz / RATE), turn = cos(2 * M_PI * hz / RATE);
	double y = x + 2 * r * turn * memory[0] - r * r * memory[1];

	memory[1] = memory[0];
	memory[0] = y;
	return y;
}

static void speak(int16_t *said)
{
	static const double VOWELS[][3] = {
		{ 730, 1090, 2440 }, { 270, 2290, 3010 }, { 570, 840, 2410 }, { 300, 870, 2240 }, { 530, 1840, 2480 },
	};
	static double sound[SAMPLES];
	double now[3] = { 500, 1500, 2500 }, memory[3][2] = { { 0 } }, phase = 0, most = 1;
	struct random random;

	random_init_seeded(&random, 7);
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t syllable = i / SYLLABLE, kind = syllable % 7;
		double t = (double)(i % SYLLABLE) / SYLLABLE, deep = syllable / 7 % 2 ? 1 : 1.8, pulse = 0;
		phase += deep * (105 + 30 * sin((double)i / 2900) + 8 * sin((double)i / 370)) / RATE;
		if (phase >= 1) {
			phase -= 1;
			pulse = 1;
		}
		double noise = random_u32(&random) / 4294967296.0 - 0.5;
		/* Of seven syllables one is noise and one a pause. */
		double x = kind == 5 ? 0.3 * noise : kind == 6 ? 0 : pulse + 0.01 * noise, loud = sin(M_PI * t);
		for (size_t k = 0; k < 3; k++) {
			now[k] += (VOWELS[syllable * 3 % 5][k] - now[k]) * 0.004;
			x = resonate(x, now[k], 70 + 30.0 * (double)k, memory[k]);
		}
		sound[i] = x * loud;
		most = fabs(sound[i]) > most ? fabs(sound[i]) : most;
	}
	for (size_t i = 0; i < SAMPLES; i++)
		said[i] = (int16_t)lrint(sound[i] / most * 20000);
}

/* ---- losses ---- */

static void lose(bool *lost, double share, double burst, uint64_t seed)
{
	struct random random;
	bool bad = false;

	random_init_seeded(&random, seed);
	for (size_t i = 0; i < PACKETS; i++) {
		double u = random_u32(&random) / 4294967296.0;
		if (burst <= 1)
			bad = u < share;
		else
			bad = bad ? u >= 1 / burst : u < share / burst / (1 - share);
		lost[i] = bad && i > 2;
	}
}

static void conceal_by(enum method method, const int16_t *said, const bool *lost, int16_t *heard)
{
	struct conceal conceal = { 0 };
	struct appendix appendix = { .lost = 0 };

	memcpy(heard, said, SAMPLES * sizeof *heard);
	for (size_t i = 0; i < PACKETS; i++) {
		int16_t *to = heard + i * PACKET;
		for (size_t k = 0; method == APPENDIX && k < PACKET; k += APPENDIX_FRAME)
			(lost[i] ? appendix_lost : appendix_good)(&appendix, to + k);
		if (method == APPENDIX)
			continue;
		if (!lost[i])
			conceal_good(&conceal, to, PACKET);
		else if (method == ALONE || i + 1 == PACKETS || lost[i + 1])
			conceal_lost(&conceal, to, PACKET);
		else
			conceal_between(&conceal, said + (i + 1) * PACKET, PACKET, to, PACKET);
	}
	if (method == APPENDIX)
		memmove(heard, heard + APPENDIX_DELAY, (SAMPLES - APPENDIX_DELAY) * sizeof *heard);
}

/* ---- how far off ---- */

/* Power in each band [dB] of a window; all that is softer than a whisper is the same. */
static void spectrum(const int16_t *samples, double db[BANDS])
{
	static double cosine[FRAME], sine[FRAME], window[FRAME];
	double re[FRAME / 2], im[FRAME / 2];

	for (size_t i = 0; i < FRAME && window[1] == 0; i++) {
		cosine[i] = cos(2 * M_PI * (double)i / FRAME);
		sine[i] = sin(2 * M_PI * (double)i / FRAME);
	}
	for (size_t i = 0; i < FRAME; i++)
		window[i] = 0.5 - 0.5 * cosine[i];
	for (size_t k = 0; k < BANDS; k++) {
		double power = 0;
		for (size_t bin = k * BAND_HZ * FRAME / RATE + 1; bin < (k + 1) * BAND_HZ * FRAME / RATE + 1; bin++) {
			re[bin] = im[bin] = 0;
			for (size_t i = 0; i < FRAME; i++) {
				re[bin] += samples[i] * window[i] * cosine[i * bin % FRAME];
				im[bin] += samples[i] * window[i] * sine[i * bin % FRAME];
			}
			power += re[bin] * re[bin] + im[bin] * im[bin];
		}
		db[k] = 10 * log10(power / FRAME + 1e6);
	}
}

/* Log-spectral distance [dB]: the mean over all windows that have something to say. */
static double distance(const int16_t *said, const int16_t *heard)
{
	double total = 0, windows = 0;

	for (size_t at = 0; at + FRAME + APPENDIX_DELAY <= SAMPLES; at += HOP) {
		double a[BANDS], b[BANDS], sum = 0;
		spectrum(said + at, a);
		spectrum(heard + at, b);
		for (size_t k = 0; k < BANDS; k++)
			sum += (a[k] - b[k]) * (a[k] - b[k]);
		total += sqrt(sum / BANDS);
		windows++;
	}
	return total / windows;
}

static void is_better_than_appendix_i(void **state)
{
	static const struct { double share, burst; } POINTS[] = { { 0.01, 1 }, { 0.03, 1 }, { 0.05, 1 }, { 0.1, 1 },
								  { 0.2, 1 }, { 0.05, 2.5 }, { 0.1, 2.5 } };
	static int16_t said[SAMPLES], heard[SAMPLES];

	(void)state;
	speak(said);
	assert_true(distance(said, said) == 0);
	for (size_t p = 0; p < ARRAY_LEN(POINTS); p++) {
		double off[METHODS] = { 0 };
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			bool lost[PACKETS];
			lose(lost, POINTS[p].share, POINTS[p].burst, seed);
			for (enum method method = 0; method < METHODS; method++) {
				conceal_by(method, said, lost, heard);
				off[method] += distance(said, heard) / SEEDS;
			}
		}
		print_message("# %2.0f %% in bursts of %.1f: Appendix I %.3f dB off, ours %.3f, from both ends %.3f\n",
			      POINTS[p].share * 100, POINTS[p].burst, off[APPENDIX], off[ALONE], off[BOTH_ENDS]);
		assert_true(off[APPENDIX] > 0);
		assert_true(off[ALONE] < off[APPENDIX]);
		assert_true(off[BOTH_ENDS] < off[ALONE]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_better_than_appendix_i),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
