/* Concealment, tones, levels, stretching, devices: samples in, samples out. */
#include "media/audio/device.h"
#include "media/codec/conceal.h"
#include "media/level.h"
#include "media/stretch.h"
#include "media/tone.h"
#include "fake_helper.h"
#include "wave.h"

#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The largest step from one sample to the next: a click is one that the sound itself does not have. */
static int steepest(const int16_t *pcm, size_t n)
{
	int most = 0;

	for (size_t i = 1; i < n; i++)
		most = abs(pcm[i] - pcm[i - 1]) > most ? abs(pcm[i] - pcm[i - 1]) : most;
	return most;
}

static void concealment_goes_on_without_a_click(void **state)
{
	(void)state;
	int16_t pcm[8000];

	for (double hz = 100; hz <= 500; hz += 57) {
		struct conceal conceal = { 0 };
		sine(pcm, 8000, hz, 8000, 8000, 0);
		int natural = steepest(pcm, 8000);
		for (size_t at = 0; at < 8000; at += 80) {
			if (at == 4000 || at == 4080)
				conceal_lost(&conceal, pcm + at, 80);
			else
				conceal_good(&conceal, pcm + at, 80);
		}
		assert_true(steepest(pcm, 8000) < natural * 2);
		assert_true(rms(pcm + 4000, 80) > 0.85 * 8000 / sqrt(2));
		assert_true(rms(pcm + 4080, 80) > 0.5 * 8000 / sqrt(2));
	}
	/* a long loss ends in silence */
	struct conceal conceal = { 0 };
	conceal_good(&conceal, pcm, 4000);
	conceal_lost(&conceal, pcm, 800);
	assert_true(rms(pcm + 480, 320) == 0);
	/* noise and silence do not disturb it either */
	memset(pcm, 0, sizeof pcm);
	conceal_good(&conceal, pcm, 4000);
	conceal_lost(&conceal, pcm, 800);
	assert_true(rms(pcm, 800) == 0);
}

/* Something like a vowel: pulses of a pitch through two formants. */
static void vowel(int16_t *pcm, size_t n, double hz, double rate_hz)
{
	double y[2] = { 0 }, z[2] = { 0 }, phase = 0;
	const double formants[2] = { 700, 1800 }, r = exp(-M_PI * 120 / rate_hz);

	for (size_t i = 0; i < n; i++) {
		phase += hz / rate_hz;
		double x = phase >= 1 ? 3000 : 0;
		phase -= phase >= 1;
		double a = x + 2 * r * cos(2 * M_PI * formants[0] / rate_hz) * y[0] - r * r * y[1];
		y[1] = y[0];
		y[0] = a;
		double b = a * 0.2 + 2 * r * cos(2 * M_PI * formants[1] / rate_hz) * z[0] - r * r * z[1];
		z[1] = z[0];
		z[0] = b;
		pcm[i] = (int16_t)(b < -32000 ? -32000 : b > 32000 ? 32000 : b);
	}
}

static double error_share(const int16_t *a, const int16_t *b, size_t n)
{
	double error = 0, all = 1;

	for (size_t i = 0; i < n; i++) {
		error += pow(a[i] - b[i], 2);
		all += pow(a[i], 2);
	}
	return error / all;
}

/* A vowel with a hole of 20 ms: the pitch goes on in phase, louder than it was it never is; both ends help. */
static void a_vowel_goes_on(void **state)
{
	(void)state;
	static int16_t whole[28800], heard[28800];

	for (unsigned scale = 1; scale <= 6; scale = scale == 1 ? 2 : scale + 4) {
		size_t part = 160 * scale, hole = 4000 * scale / part * part;
		double guessed = 0, joined = 0;
		for (double hz = 80; hz <= 300; hz += 20) {
			vowel(whole, ARRAY_LEN(whole), hz, 8000 * scale);
			for (int both = 0; both < 2; both++) {
				static struct conceal conceal;
				conceal = (struct conceal){ .scale = scale };
				memcpy(heard, whole, sizeof heard);
				for (size_t at = 0; at < hole; at += part)
					conceal_good(&conceal, heard + at, part);
				if (both)
					conceal_between(&conceal, heard + hole + part, part, heard + hole, part);
				else
					conceal_lost(&conceal, heard + hole, part);
				conceal_good(&conceal, heard + hole + part, part);
				assert_true(rms(heard + hole, part) < 1.35 * rms(whole + hole, part));
				assert_true(rms(heard + hole, part) > 0.5 * rms(whole + hole, part));
				*(both ? &joined : &guessed) += error_share(whole + hole, heard + hole, part) / 12;
				/* behind it nothing but the join differs, and after both ends not even that */
				assert_memory_equal(heard + hole + part + 80 * scale, whole + hole + part + 80 * scale,
						    80 * scale * sizeof *heard);
				if (both)
					assert_memory_equal(heard + hole + part, whole + hole + part,
							    part * sizeof *heard);
			}
		}
		/* of twelve pitches, some of which fall between two samples */
		assert_true(guessed < 0.35);
		assert_true(joined < 0.2 && joined < guessed * 0.7);
	}
}

/* A pitch that falls by a tenth in the hole: from both ends it is met, from one it is not. */
static void a_gliding_pitch_is_met(void **state)
{
	(void)state;
	int16_t whole[1600], heard[1600];
	struct conceal conceal = { 0 };
	double phase = 0;

	for (size_t i = 0; i < 1600; i++) {
		double hz = i < 800 ? 150 : i > 960 ? 135 : 150 - 15 * ((double)i - 800) / 160;
		phase += 2 * M_PI * hz / 8000;
		whole[i] = (int16_t)(6000 * sin(phase) + 3000 * sin(2 * phase + 1) + 1500 * sin(5 * phase));
	}
	memcpy(heard, whole, sizeof heard);
	conceal_good(&conceal, heard, 800);
	struct conceal alone = conceal;
	conceal_between(&conceal, heard + 960, 160, heard + 800, 160);
	double joined = error_share(whole + 800, heard + 800, 160);
	conceal_lost(&alone, heard + 800, 160);
	double guessed = error_share(whole + 800, heard + 800, 160);
	assert_true(joined < 0.25);
	assert_true(joined < guessed / 2);
}

/* Packets too short to tell a pitch, a hole too long for two ends, no packets at all before: nothing breaks. */
static void concealment_at_its_bounds(void **state)
{
	(void)state;
	static int16_t pcm[5760], next[5760];
	struct random random;
	random_init_seeded(&random, 5);

	for (int i = 0; i < 42; i++) {
		static struct conceal conceal;
		conceal = (struct conceal){ .scale = (unsigned)(i % 7) };
		for (int turn = 0; turn < 6; turn++) {
			size_t n = 1 + random_below(&random, 5760), next_n = random_below(&random, 5761);
			for (size_t k = 0; k < 5760; k++)
				next[k] = i % 3 ? (int16_t)random_u32(&random) : i % 2 ? INT16_MIN : 0;
			switch (random_below(&random, 3)) {
			case 0:
				conceal_good(&conceal, next, n);
				break;
			case 1:
				conceal_lost(&conceal, pcm, n);
				break;
			default:
				conceal_between(&conceal, next, next_n, pcm, n);
			}
		}
	}
}

static void levels_and_tones(void **state)
{
	(void)state;
	struct level level = { 0 };
	struct decimator decimator = { 0 };
	int16_t pcm[480], narrow[TONE_FIND_FRAMES];

	assert_true(level_db(&level) == -127);
	for (double hz = 50; hz < 3600; hz += 137.7) {
		for (size_t i = 0; i < 50; i++) {
			sine(pcm, 480, hz, 48000, 3276.8, i * 480);
			level_add(&level, pcm);
			decimator_run(&decimator, pcm, narrow + i * 80);
		}
		assert_true(fabs(level_db(&level) + 20) < 0.2);
		assert_true(fabs(tone_find(narrow) - hz) < 0.5);
	}
	for (size_t i = 0; i < 50; i++)
		level_add(&level, NULL);
	assert_true(level_db(&level) == -127);
	memset(narrow, 0, sizeof narrow);
	assert_true(tone_find(narrow) == 0);
	/* a tone above 4 kHz is not taken for its mirror image */
	for (size_t i = 0; i < 100; i++) { /* its beginning is a click; it has passed after the first half second */
		sine(pcm, 480, 6500, 48000, 10000, i * 480);
		decimator_run(&decimator, pcm, narrow + i % 50 * 80);
	}
	assert_true(tone_find(narrow) == 0);
}

static void tones_have_cadence_and_no_clicks(void **state)
{
	(void)state;
	static int16_t pcm[48000 * 7];
	struct tone tone = { 0 };

	assert_false(tone_fill(&tone, pcm, 480));
	tone_start(&tone, TONE_RINGBACK);
	for (size_t i = 0; i < ARRAY_LEN(pcm); i += 480)
		assert_true(tone_fill(&tone, pcm + i, 480));
	assert_true(rms(pcm + 4800, 48000) > 3000);
	assert_true(rms(pcm + 2 * 48000 + 480, 48000 * 4 - 960) == 0);
	assert_true(rms(pcm + 6 * 48000 + 480, 40000) > 3000);
	assert_true(steepest(pcm, ARRAY_LEN(pcm)) < 450); /* both sines together cannot do more */
	tone_start(&tone, TONE_BUSY);
	for (size_t i = 0; i < 48000; i += 480)
		assert_true(tone_fill(&tone, pcm + i, 480));
	assert_true(rms(pcm + 4800, 14400) > 3000 && rms(pcm + 24500, 23000) == 0);
	tone_start(&tone, TONE_NONE);
	assert_false(tone_fill(&tone, pcm, 480));
}

static void stretching_keeps_the_tone(void **state)
{
	(void)state;
	int16_t pcm[960 + 720];

	for (double hz = 110; hz < 1000; hz += 83) {
		sine(pcm, 960, hz, 48000, 8000, 0);
		int natural = steepest(pcm, 960);
		size_t gone = stretch_shorten(NULL, pcm, 960, 480);
		assert_true(gone > 0 && gone <= 480);
		assert_true(steepest(pcm, 960 - gone) < natural * 1.3 + 20);
		assert_true(rms(pcm, 960 - gone) > 0.85 * 8000 / sqrt(2));
		sine(pcm, 960, hz, 48000, 8000, 0);
		size_t more = stretch_lengthen(NULL, pcm, 960, 480);
		assert_true(more > 0 && more <= 480);
		assert_true(steepest(pcm, 960 + more) < natural * 1.3 + 20);
		assert_true(rms(pcm, 960 + more) > 0.85 * 8000 / sqrt(2));
	}
	memset(pcm, 0, sizeof pcm);
	assert_int_equal(stretch_shorten(NULL, pcm, 960, 300), 300);
	assert_int_equal(stretch_lengthen(NULL, pcm, 960, 720), 480);
	struct random random;
	random_init_seeded(&random, 2);
	for (size_t i = 0; i < 960; i++)
		pcm[i] = (int16_t)(random_below(&random, 20000) - 10000);
	assert_int_equal(stretch_shorten(NULL, pcm, 960, 480), 0); /* loud noise does not repeat: it is left alone */
}

/* What is always there is no speech: noise, and a louder one when it has been there for some seconds. A voice without
 * end is. */
static void noise_is_told_from_speech(void **state)
{
	(void)state;
	struct stretch_noise noise = { 0 };
	struct random random;
	int16_t quiet[960], loud[960], pcm[960];

	random_init_seeded(&random, 3);
	for (size_t packet = 0; packet < 900; packet++) {
		int32_t amplitude = packet < 300 ? 600 : 1800;
		for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
			quiet[i] = (int16_t)((int32_t)random_below(&random, 2 * (uint32_t)amplitude) - amplitude);
		sine(loud, ARRAY_LEN(loud), 150, 48000, 12000, packet * 960);
		stretch_listen(&noise, packet % 100 < 70 ? loud : quiet, ARRAY_LEN(loud));
		if ((packet > 100 && packet < 300) || packet > 600) {
			assert_true(stretch_is_silent(&noise, quiet, ARRAY_LEN(quiet)));
			memcpy(pcm, quiet, sizeof quiet);
			assert_int_equal(stretch_shorten(&noise, pcm, ARRAY_LEN(pcm), 480), 480);
		}
		assert_false(stretch_is_silent(&noise, loud, ARRAY_LEN(loud)));
	}
	assert_false(stretch_is_silent(NULL, quiet, ARRAY_LEN(quiet)));
	noise = (struct stretch_noise){ 0 };
	for (size_t packet = 0; packet < 1000; packet++) {
		sine(loud, ARRAY_LEN(loud), 150, 48000, 12000, packet * 960);
		stretch_listen(&noise, loud, ARRAY_LEN(loud));
		assert_false(stretch_is_silent(&noise, loud, ARRAY_LEN(loud)));
	}
}

static void devices(void **state)
{
	(void)state;
	static const char *const WRONG[] = { "", "tone:", "tone:0", "tone:-5", "tone:30000", "tone:4x", "tone:4.",
		"file:" };
	int16_t pcm[480];
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
		assert_null(device_open(DEVICE_IN, WRONG[i], &err));
		assert_int_equal(err, ERR_SYNTAX);
	}
	assert_null(device_open(DEVICE_OUT, "tone:440", &err));
	struct device *device = device_open(DEVICE_IN, "tone:440.5", &err);
	assert_non_null(device);
	assert_int_equal(device->ops->read(device, pcm, 480), 480);
	assert_int_equal(device->ops->pending(device), -1);
	assert_true(rms(pcm, 480) > 7000);
	device_close(device);
	assert_null(device_open(DEVICE_OUT, "file:/nonexistent/dir/x.wav", &err));
	assert_int_equal(err, ERR_NOT_FOUND);

	/* no sound file */
	char path[] = "/tmp/media-sound-test-XXXXXX", name[64];
	int fd = mkstemp(path);
	snprintf(name, sizeof name, "file:%s", path);
	assert_int_equal(write(fd, "RIFFjunk", 8), 8);
	assert_null(device_open(DEVICE_IN, name, &err));
	assert_int_equal(err, ERR_IO);

	/* what was written is read again, round and round */
	device = device_open(DEVICE_OUT, name, &err);
	assert_non_null(device);
	for (int16_t i = 0; i < 100; i++) {
		for (size_t k = 0; k < 480; k++)
			pcm[k] = (int16_t)(i * 100);
		assert_int_equal(device->ops->write(device, pcm, 480), 480);
	}
	assert_int_equal(device->ops->health(device), ERR_NONE);
	device_close(device);
	device = device_open(DEVICE_IN, name, &err);
	assert_non_null(device);
	for (int i = 0; i < 250; i++) {
		device->ops->read(device, pcm, 480);
		assert_in_range(pcm[240] + 10, i % 100 * 100 + 9, i % 100 * 100 + 11);
	}
	device_close(device);
	close(fd);
	unlink(path);
}

/* Keys that the terminal makes signals of reach the phone alone: the helper is in a group of its own. */
static void the_helper_is_not_of_our_job(void **state)
{
	static const char script[] = "#!/bin/sh\nread -r pid name state parent group rest </proc/$$/stat\n"
				     "echo $pid $group >\"$0.says\"\n"
				     "printf '\\1\\0\\0\\0\\0\\0\\0\\0' >&4\nread -r end\n";
	char name[] = FAKE_HELPER_NAME, says[64];
	enum err err;
	int pid = 0, group = 0;

	(void)state;
	fake_helper_make(script, name);
	struct device *device = device_open(DEVICE_OUT, "any", &err);
	assert_non_null(device);
	struct pollfd called = { .fd = device->ops->wake_fd(device), .events = POLLIN };
	assert_int_equal(poll(&called, 1, 60000), 1);
	snprintf(says, sizeof says, "%s.says", name);
	FILE *file = fopen(says, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d %d", &pid, &group), 2);
	fclose(file);
	assert_int_equal(group, pid);
	device_close(device);
	unlink(says);
	unlink(name);
	unsetenv("OFFHOOK_SOUND");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(concealment_goes_on_without_a_click),
		cmocka_unit_test(a_vowel_goes_on),
		cmocka_unit_test(a_gliding_pitch_is_met),
		cmocka_unit_test(concealment_at_its_bounds),
		cmocka_unit_test(levels_and_tones),
		cmocka_unit_test(tones_have_cadence_and_no_clicks),
		cmocka_unit_test(stretching_keeps_the_tone),
		cmocka_unit_test(noise_is_told_from_speech),
		cmocka_unit_test(devices),
		cmocka_unit_test(the_helper_is_not_of_our_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
