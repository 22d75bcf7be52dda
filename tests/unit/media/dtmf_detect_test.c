/* Tones of the keypad recognised: Q.23's table, twist, noise, short tones and short gaps; and ten minutes of speech. */
#include "media/dtmf_detect.h"

#include "base/random.h"

#include "../unit.h"

#include <math.h>

enum { RATE = DETECT_RATE_HZ };

static const struct { char digit; double low, high; } table[] = {
	{ '1', 697, 1209 }, { '2', 697, 1336 }, { '3', 697, 1477 }, { 'A', 697, 1633 }, { '4', 770, 1209 },
	{ '5', 770, 1336 },
	{ '6', 770, 1477 }, { 'B', 770, 1633 }, { '7', 852, 1209 }, { '8', 852, 1336 }, { '9', 852, 1477 },
	{ 'C', 852, 1633 },
	{ '*', 941, 1209 }, { '0', 941, 1336 }, { '#', 941, 1477 }, { 'D', 941, 1633 },
};

struct press {
	double low_db, high_db;  /* of full scale */
	double off;              /* share by which the frequencies are wrong */
	double noise_db;
	unsigned lead, tone_ms, gap_ms;
};

static double amplitude(double db)
{
	return db <= -200 ? 0 : 32767 * pow(10, db / 20);
}

/* All digits one after the other, as often as `times`; @return how they were heard. */
static const char *heard(struct press press, unsigned times, uint64_t seed)
{
	static char text[400];
	struct dtmf_detector detector = { 0 };
	struct random random;
	size_t n = 0;
	int16_t silence[3000] = { 0 };

	random_init_seeded(&random, seed);
	dtmf_detect_narrow(&detector, silence, press.lead);
	for (size_t i = 0; i < times * ARRAY_LEN(table); i++) {
		unsigned tone = press.tone_ms * RATE / 1000, gap = press.gap_ms * RATE / 1000;
		double low = amplitude(press.low_db), high = amplitude(press.high_db),
		       noise = amplitude(press.noise_db);
		const double f = 1 + press.off;
		for (unsigned k = 0; k < tone + gap; k++) {
			double sample = 0;
			/* Gaussian enough: the sum of twelve. */
			for (int j = 0; j < 12 && noise > 0; j++)
				sample += random_below(&random, 20001) / 20000.0 - 0.5;
			sample *= noise;
			if (k < tone)
				sample += low * sin(2 * M_PI * k * table[i % 16].low * f / RATE) +
					  high * sin(2 * M_PI * k * table[i % 16].high * f / RATE + 1);
			int16_t narrow = (int16_t)fmax(-32768, fmin(32767, sample));
			char digit = dtmf_detect_narrow(&detector, &narrow, 1);
			if (digit && n < sizeof text - 1)
				text[n++] = digit;
		}
	}
	text[n] = '\0';
	return text;
}

#define ALL "123A456B789C*0#D"

static void every_digit(void **state)
{
	static const struct { const char *what; struct press press; bool heard; } rows[] = {
		{ "as we send them", { -11.1, -9.1, 0, -200, 0, 100, 70 }, true },
		{ "the shortest tones and gaps", { -12, -12, 0, -200, 0, 40, 40 }, true },
		{ "too short", { -12, -12, 0, -200, 0, 20, 40 }, false },
		{ "loud", { -6.1, -6.1, 0, -200, 0, 50, 50 }, true },
		{ "quiet", { -45, -45, 0, -200, 0, 50, 50 }, true },
		{ "too quiet to be meant", { -62, -62, 0, -200, 0, 50, 50 }, false },
		{ "reverse twist of 4 dB", { -16, -12, 0, -200, 0, 50, 50 }, true },
		{ "twist of 8 dB", { -12, -20, 0, -200, 0, 50, 50 }, true },
		{ "reverse twist of 10 dB", { -22, -12, 0, -200, 0, 50, 50 }, false },
		{ "twist of 13 dB", { -12, -25, 0, -200, 0, 50, 50 }, false },
		{ "1.5 % too high", { -12, -12, 0.015, -200, 0, 50, 50 }, true },
		{ "1.5 % too low", { -12, -12, -0.015, -200, 0, 50, 50 }, true },
		{ "3.5 % too high", { -12, -12, 0.035, -200, 0, 60, 50 }, false },
		{ "3.5 % too low", { -12, -12, -0.035, -200, 0, 60, 50 }, false },
		{ "noise 15 dB below", { -15, -15, 0, -30, 0, 60, 60 }, true },
		{ "one tone alone", { -12, -200, 0, -200, 0, 100, 50 }, false },
		{ "the other tone alone", { -200, -12, 0, -200, 0, 100, 50 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned lead = 0; lead < DETECT_HOP; lead += 5) {
			struct press press = rows[i].press;
			press.lead = lead;
			const char *text = heard(press, 1, lead + 1);
			if (strcmp(text, rows[i].heard ? ALL : ""))
				fail_msg("%s, %u samples later: '%s'", rows[i].what, lead, text);
		}
}

static void a_long_press_is_one_digit(void **state)
{
	struct dtmf_detector detector = { 0 };
	unsigned count = 0;

	(void)state;
	/* Five seconds with a drop-out of 10 ms each second. */
	for (unsigned k = 0; k < 5 * RATE; k++) {
		double five = 6000 * sin(2 * M_PI * k * 770 / RATE) + 6000 * sin(2 * M_PI * k * 1336 / RATE);
		double sample = k % RATE < 80 && k ? 0 : five;
		int16_t narrow = (int16_t)sample;
		count += dtmf_detect_narrow(&detector, &narrow, 1) == '5';
	}
	assert_int_equal(count, 1);
	/* The same digit again after a gap is another. */
	int16_t silence[320] = { 0 };
	dtmf_detect_narrow(&detector, silence, 320);
	for (unsigned k = 0; k < 400; k++) {
		int16_t narrow =
			(int16_t)(6000 * sin(2 * M_PI * k * 770 / RATE) + 6000 * sin(2 * M_PI * k * 1336 / RATE));
		count += dtmf_detect_narrow(&detector, &narrow, 1) == '5';
	}
	assert_int_equal(count, 2);
}

static void what_we_make_we_hear(void **state)
{
	static const char digits[] = "0123456789*#ABCDabcd";
	struct dtmf_detector detector = { 0 };
	char text[32] = "";
	int16_t pcm[LEVEL_TICK_FRAMES];

	(void)state;
	for (size_t i = 0; digits[i]; i++) {
		struct dtmf_tone tone = { 0 };
		for (uint32_t ms = 100; ms > 0; ms -= 10) {
			dtmf_sound(&tone, digits[i], ms, pcm);
			char digit = dtmf_detect(&detector, pcm);
			if (digit)
				strncat(text, &digit, 1);
		}
		memset(pcm, 0, sizeof pcm);
		for (int k = 0; k < 7; k++)
			assert_int_equal(dtmf_detect(&detector, pcm), 0);
	}
	assert_string_equal(text, "0123456789*#ABCDABCD");
}

/* A resonance of a vocal tract. */
struct formant {
	double a, b, y1, y2;
};

static double ring(struct formant *f, double x)
{
	double y = x + f->a * f->y1 - f->b * f->y2;

	f->y2 = f->y1;
	f->y1 = y;
	return y;
}

static void tune(struct formant *f, double hz, double width)
{
	double r = exp(-M_PI * width / RATE);

	f->a = 2 * r * cos(2 * M_PI * hz / RATE);
	f->b = r * r;
}

/*
 * Ten minutes of a made voice: pulses of a pitch that moves (women, men, children, singing), three formants that move
 * from vowel to vowel, whispers and breath between. Its harmonics fall on pairs of tones again and again.
 */
static void speech_has_no_digits(void **state)
{
	struct dtmf_detector detector = { 0 };
	struct formant formants[3] = { { 0 } };
	struct random random;
	double pitch = 120, aim = 120, phase = 0, level = 0, hz[3] = { 500, 1500, 2500 }, aims[3] = { 500, 1500, 2500 };
	unsigned digits = 0, left = 0;
	bool voiced = true;

	(void)state;
	random_init_seeded(&random, 4711);
	for (unsigned i = 0; i < 600 * RATE; i++) {
		if (!left--) {
			left = RATE / 20 + random_below(&random, RATE / 3);
			aim = 80 + random_below(&random, 320);
			aims[0] = 250 + random_below(&random, 700);
			aims[1] = 900 + random_below(&random, 1500);
			aims[2] = 2400 + random_below(&random, 800);
			voiced = random_below(&random, 5) != 0;
			level = random_below(&random, 10) ? 300 + random_below(&random, 1500) : 0;
		}
		pitch += (aim - pitch) * 0.0005;
		for (int k = 0; k < 3 && i % 16 == 0; k++) {
			hz[k] += (aims[k] - hz[k]) * 0.02;
			tune(&formants[k], hz[k], 60 + 30 * k);
		}
		phase += pitch / RATE;
		double source = (random_below(&random, 2001) / 1000.0 - 1) * (voiced ? 0.02 : 0.3);
		if (phase >= 1) {
			phase -= 1;
			source += voiced ? 1 : 0;
		}
		double sample = source * level;
		for (int k = 0; k < 3; k++)
			sample = ring(&formants[k], sample) * (k ? 0.4 : 0.6);
		int16_t narrow = (int16_t)fmax(-32768, fmin(32767, sample * 3));
		digits += dtmf_detect_narrow(&detector, &narrow, 1) != 0;
	}
	assert_int_equal(digits, 0);
}

static void noise_has_no_digits(void **state)
{
	struct dtmf_detector detector = { 0 };
	struct random random;

	(void)state;
	random_init_seeded(&random, 1);
	for (unsigned i = 0; i < 120 * RATE; i++) {
		int16_t narrow = (int16_t)(random_below(&random, 40000) - 20000);
		assert_int_equal(dtmf_detect_narrow(&detector, &narrow, 1), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_digit),
		cmocka_unit_test(a_long_press_is_one_digit),
		cmocka_unit_test(what_we_make_we_hear),
		cmocka_unit_test(speech_has_no_digits),
		cmocka_unit_test(noise_has_no_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
