/*
 * The detector of digits: how surely it hears what it must (ITU-T Q.24) and how surely it refuses what it must not, as
 * a table; and what it takes for a digit in recordings of real speech.
 *
 *   tones table          the table of docs/sound.md; the last column is what a row must reach
 *   tones speech FILE... WAV files, one behind the other, at several levels, as they are and as G.711; ends with 1 when
 *                        a digit was heard
 *   tones write FILE     each digit ten times as offhook sends it, 48 kHz, for path_sim
 */
#include "media/codec/g711.h"
#include "media/dtmf_detect.h"

#include "base/random.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = DETECT_RATE_HZ, TIMES = 25, PADDING_MS = 60 };

static const double LOW[4] = { 697, 770, 852, 941 }, HIGH[4] = { 1209, 1336, 1477, 1633 };
static const char DIGITS[4][5] = { "123A", "456B", "789C", "*0#D" };

static double uniform(struct random *random)
{
	return random_below(random, 1 << 24) / (double)(1 << 24);
}

/* Mean 0, variance 1. */
static double gaussian(struct random *random)
{
	return sqrt(-2 * log(uniform(random) + 1e-9)) * cos(2 * M_PI * uniform(random));
}

static int16_t clipped(double sample)
{
	return (int16_t)lrint(fmax(-32768, fmin(32767, sample)));
}

/* ---- the table ---- */

/* dB, a sine of full scale is 0; a frequency is wrong by a share; the tone comes `times` times with gaps between. */
struct row {
	const char *what;
	double low_db, high_db, off, snr_db;
	unsigned tone_ms, gap_ms, pause_ms; /* pause: a drop-out in the middle */
	int must;                           /* 1: each is heard; 0: none is; -1: it may */
};

enum { QUIET = 200 };

static const struct row rows[] = {
	{ "as offhook sends them", -11.1, -9.1, 0, QUIET, 100, 70, 0, 1 },
	{ "level of each tone -3 dB", -6.1, -6.1, 0, QUIET, 50, 50, 0, 1 },
	{ "level -30 dB", -30, -30, 0, QUIET, 50, 50, 0, 1 },
	{ "level -40 dB", -40, -40, 0, QUIET, 50, 50, 0, 1 },
	{ "level -45 dB", -45, -45, 0, QUIET, 50, 50, 0, 1 },
	{ "level -50 dB", -50, -50, 0, QUIET, 50, 50, 0, -1 },
	{ "level -60 dB", -60, -60, 0, QUIET, 50, 50, 0, 0 },
	{ "tone of 80 ms", -12, -12, 0, QUIET, 80, 50, 0, 1 },
	{ "tone of 50 ms", -12, -12, 0, QUIET, 50, 50, 0, 1 },
	{ "tone of 40 ms, gap of 40 ms", -12, -12, 0, QUIET, 40, 40, 0, 1 },
	{ "tone of 35 ms", -12, -12, 0, QUIET, 35, 50, 0, -1 },
	{ "tone of 30 ms", -12, -12, 0, QUIET, 30, 50, 0, -1 },
	{ "tone of 25 ms", -12, -12, 0, QUIET, 25, 50, 0, -1 },
	{ "tone of 23 ms", -12, -12, 0, QUIET, 23, 50, 0, 0 },
	{ "tone of 20 ms", -12, -12, 0, QUIET, 20, 50, 0, 0 },
	{ "high tone 4 dB above", -16, -12, 0, QUIET, 50, 50, 0, 1 },
	{ "high tone 6 dB above", -18, -12, 0, QUIET, 50, 50, 0, -1 },
	{ "high tone 8 dB above", -20, -12, 0, QUIET, 50, 50, 0, 0 },
	{ "high tone 4 dB below", -12, -16, 0, QUIET, 50, 50, 0, 1 },
	{ "high tone 8 dB below", -12, -20, 0, QUIET, 50, 50, 0, 1 },
	{ "high tone 9 dB below", -12, -21, 0, QUIET, 50, 50, 0, -1 },
	{ "high tone 10 dB below", -12, -22, 0, QUIET, 50, 50, 0, 0 },
	{ "high tone 12 dB below", -12, -24, 0, QUIET, 50, 50, 0, 0 },
	{ "frequencies 1.5 % high", -12, -12, 0.015, QUIET, 50, 50, 0, 1 },
	{ "frequencies 1.5 % low", -12, -12, -0.015, QUIET, 50, 50, 0, 1 },
	{ "frequencies 1.8 % high", -12, -12, 0.018, QUIET, 50, 50, 0, -1 },
	{ "frequencies 1.8 % low", -12, -12, -0.018, QUIET, 50, 50, 0, -1 },
	{ "frequencies 2.5 % high", -12, -12, 0.025, QUIET, 50, 50, 0, -1 },
	{ "frequencies 2.5 % low", -12, -12, -0.025, QUIET, 50, 50, 0, -1 },
	{ "frequencies 3.5 % high", -12, -12, 0.035, QUIET, 50, 50, 0, 0 },
	{ "frequencies 3.5 % low", -12, -12, -0.035, QUIET, 50, 50, 0, 0 },
	{ "white noise 30 dB below", -12, -12, 0, 30, 50, 50, 0, 1 },
	{ "white noise 20 dB below", -12, -12, 0, 20, 50, 50, 0, 1 },
	{ "white noise 15 dB below", -12, -12, 0, 15, 50, 50, 0, 1 },
	{ "white noise 15 dB below, 40 ms", -12, -12, 0, 15, 40, 40, 0, -1 },
	{ "white noise 12 dB below", -12, -12, 0, 12, 50, 50, 0, -1 },
	{ "white noise 10 dB below", -12, -12, 0, 10, 50, 50, 0, -1 },
	{ "white noise 10 dB below, 100 ms", -12, -12, 0, 10, 100, 70, 0, -1 },
	{ "white noise 5 dB below", -12, -12, 0, 5, 50, 50, 0, -1 },
	{ "all at its limit at once", -30, -36, 0.015, 20, 50, 50, 0, 1 },
	{ "a drop-out of 10 ms in it", -12, -12, 0, QUIET, 150, 50, 10, 1 },
	{ "the low tone alone", -12, -QUIET, 0, QUIET, 100, 50, 0, 0 },
	{ "the high tone alone", -QUIET, -12, 0, QUIET, 100, 50, 0, 0 },
};

struct outcome {
	unsigned hits, wrong, twice;
};

static double amplitude(double db)
{
	return db <= -QUIET ? 0 : 32767 * pow(10, db / 20);
}

/* One press in silence and noise; what was heard of it. */
static void press(const struct row *row, int low, int high, struct random *random, bool coded, struct outcome *outcome)
{
	struct dtmf_detector detector = { 0 };
	double a = amplitude(row->low_db), b = amplitude(row->high_db), p = uniform(random), q = uniform(random);
	/* The ratio is that of both tones together to all of the noise up to 4 kHz. */
	double noise = row->snr_db >= QUIET ? 0 : sqrt((a * a + b * b) / 2) * pow(10, -row->snr_db / 20);
	unsigned lead = PADDING_MS * 8 + random_below(random, DETECT_BLOCK), tone = row->tone_ms * 8,
		 end = lead + tone + PADDING_MS * 8, hole = lead + (tone - row->pause_ms * 8) / 2, heard = 0;

	for (unsigned i = 0; i < end; i++) {
		double t = (double)(i - lead) / RATE, sample = noise > 0 ? noise * gaussian(random) : 0;
		if (i >= lead && i < lead + tone && !(i >= hole && i < hole + row->pause_ms * 8))
			sample += a * sin(2 * M_PI * (LOW[low] * (1 + row->off) * t + p)) +
				  b * sin(2 * M_PI * (HIGH[high] * (1 + row->off) * t + q));
		int16_t narrow = clipped(sample);
		if (coded)
			narrow = g711_mu_decode(g711_mu_encode(narrow));
		char digit = dtmf_detect_narrow(&detector, &narrow, 1);
		if (!digit)
			continue;
		outcome->wrong += digit != DIGITS[low][high];
		outcome->twice += heard > 0;
		heard++;
		outcome->hits += heard == 1 && digit == DIGITS[low][high];
	}
}

static int table(void)
{
	enum { PRESSES = TIMES * 16 };
	int failed = 0;

	printf("| tones | heard | as PCMU | must |\n|---|---|---|---|\n");
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		const struct row *row = &rows[r];
		struct outcome seen[2] = { { 0 } };
		struct random random;
		random_init_seeded(&random, r + 1);
		for (int coded = 0; coded < 2; coded++)
			for (int i = 0; i < PRESSES; i++)
				press(row, i / 4 % 4, i % 4, &random, coded, &seen[coded]);
		bool good = true;
		for (int coded = 0; coded < 2; coded++) {
			good &= row->must < 0 || seen[coded].hits == (row->must ? PRESSES : 0);
			good &= !seen[coded].wrong && !seen[coded].twice;
		}
		failed += !good;
		printf("| %s | %.1f %% | %.1f %% | %s%s |\n", row->what, seen[0].hits * 100.0 / PRESSES,
		       seen[1].hits * 100.0 / PRESSES, row->must < 0 ? "" : row->must ? "all" : "none",
		       good ? "" : " FAILED");
		if (seen[0].wrong + seen[1].wrong + seen[0].twice + seen[1].twice)
			printf("  wrong %u, %u; twice %u, %u\n", seen[0].wrong, seen[1].wrong, seen[0].twice,
			       seen[1].twice);
	}
	return failed != 0;
}

/* ---- speech ---- */

struct listener {
	const char *name;
	double gain_db;
	int law; /* 0: as it is; 1: PCMU; 2: PCMA */
	struct dtmf_detector detector;
	unsigned digits;
};

static void hear(struct listener *listener, const char *path, const int16_t *samples, size_t n, size_t at)
{
	double gain = pow(10, listener->gain_db / 20);

	for (size_t i = 0; i < n; i++) {
		int16_t sample = clipped(samples[i] * gain);
		if (listener->law == 1)
			sample = g711_mu_decode(g711_mu_encode(sample));
		if (listener->law == 2)
			sample = g711_a_decode(g711_a_encode(sample));
		char digit = dtmf_detect_narrow(&listener->detector, &sample, 1);
		if (!digit)
			continue;
		listener->digits++;
		printf("  '%c' in %s at %.3f s, %s\n", digit, path, (double)(at + i) / RATE, listener->name);
	}
}

static int speech(char **paths, int count)
{
	static struct listener listeners[] = {
		{ .name = "as it is" },
		{ .name = "12 dB louder, clipped", .gain_db = 12 },
		{ .name = "6 dB louder", .gain_db = 6 },
		{ .name = "6 dB softer", .gain_db = -6 },
		{ .name = "12 dB softer", .gain_db = -12 },
		{ .name = "24 dB softer", .gain_db = -24 },
		{ .name = "PCMU", .law = 1 },
		{ .name = "PCMA", .law = 2 },
		{ .name = "PCMU, 20 dB softer", .gain_db = -20, .law = 1 },
		{ .name = "PCMA, 20 dB softer", .gain_db = -20, .law = 2 },
	};
	double seconds = 0;
	unsigned digits = 0;

	for (int k = 0; k < count; k++) {
		SF_INFO info = { 0 };
		SNDFILE *file = sf_open(paths[k], SFM_READ, &info);
		if (!file || info.channels != 1 || info.samplerate != RATE) {
			fprintf(stderr, "%s: a mono file of %d Hz is needed\n", paths[k], RATE);
			return 2;
		}
		int16_t samples[4096];
		size_t at = 0, n;
		for (; (n = (size_t)sf_readf_short(file, samples, ARRAY_LEN(samples))) > 0; at += n)
			for (size_t i = 0; i < ARRAY_LEN(listeners); i++)
				hear(&listeners[i], paths[k], samples, n, at);
		seconds += (double)at / RATE;
		sf_close(file);
	}
	for (size_t i = 0; i < ARRAY_LEN(listeners); i++) {
		printf("%s: %u digits in %.1f minutes\n", listeners[i].name, listeners[i].digits, seconds / 60);
		digits += listeners[i].digits;
	}
	return digits != 0;
}

/* ---- tones as a file ---- */

static int write_tones(const char *path)
{
	enum { TONE_MS = 100, GAP_MS = 70, EACH = 10, TICK_MS = 10 };
	SF_INFO info = { .samplerate = 48000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);
	int16_t pcm[LEVEL_TICK_FRAMES];

	if (!file) {
		fprintf(stderr, "%s: cannot be written\n", path);
		return 2;
	}
	for (int i = 0; i < EACH * 16; i++) {
		struct dtmf_tone tone = { 0 };
		for (uint32_t ms = TONE_MS; ms > 0; ms -= TICK_MS) {
			dtmf_sound(&tone, DIGITS[i / 4 % 4][i % 4], ms, pcm);
			sf_writef_short(file, pcm, LEVEL_TICK_FRAMES);
		}
		memset(pcm, 0, sizeof pcm);
		for (int ms = 0; ms < GAP_MS; ms += TICK_MS)
			sf_writef_short(file, pcm, LEVEL_TICK_FRAMES);
	}
	return sf_close(file) != 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "table"))
		return table();
	if (argc > 2 && !strcmp(argv[1], "speech"))
		return speech(argv + 2, argc - 2);
	if (argc == 3 && !strcmp(argv[1], "write"))
		return write_tones(argv[2]);
	fprintf(stderr, "usage: tones table | tones speech FILE... | tones write FILE\n");
	return 2;
}
