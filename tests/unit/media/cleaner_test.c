/* Echo, noise and level of the microphone, in a synthetic room. The figures are printed. */
#include "media/cleaner.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TICK = CLEANER_FRAMES, SECONDS = 12, TICKS = SECONDS * 100, ROOM = 9600 };

/* Something like speech: noise through two resonances that move, in syllables with pauses. */
struct speaker {
	struct random random;
	double y[2][2];
	uint64_t at;
};

static double noise(struct random *random)
{
	return (double)random_below(random, 65536) / 32768 - 1;
}

static double speak(struct speaker *speaker)
{
	double seconds = (double)speaker->at++ / 48000, x = noise(&speaker->random), sum = 0;
	double syllable = fmax(0, sin(2 * M_PI * 3.3 * seconds)) * (fmod(seconds, 4) < 3 ? 1 : 0);

	for (int k = 0; k < 2; k++) {
		double hz = (k ? 1500 : 450) * (1 + 0.3 * sin(2 * M_PI * (k ? 0.7 : 0.4) * seconds)), r = 0.995;
		double y = x * 0.02 + 2 * r * cos(2 * M_PI * hz / 48000) * speaker->y[k][0] - r * r * speaker->y[k][1];
		speaker->y[k][1] = speaker->y[k][0];
		speaker->y[k][0] = y;
		sum += y;
	}
	return 9000 * sum * syllable;
}

static int16_t clip(double value)
{
	return (int16_t)lrint(fmax(-32768, fmin(32767, value)));
}

/* The way from the loudspeaker to the microphone: 10 ms, then a tail that falls by 60 dB in 280 ms; thinly set. */
struct room {
	size_t count;
	struct {
		size_t delay;
		float gain;
	} echoes[ROOM / 7 + 1];
	float past[2 * ROOM]; /* the last ROOM samples, twice, so that they stand in one piece somewhere */
	size_t at;
};

static void room_init(struct room *room)
{
	struct random random;

	memset(room, 0, sizeof *room);
	random_init_seeded(&random, 4);
	for (size_t i = 480; i < ROOM; i += 7) {
		room->echoes[room->count].delay = i;
		room->echoes[room->count++].gain =
			(float)(0.06 * noise(&random) * pow(10, -3.0 * (double)(i - 480) / (0.28 * 48000)));
	}
	room->echoes[0].gain = 0.3f;
}

static double room_hears(struct room *room, double loudspeaker)
{
	const float *now = &room->past[ROOM + room->at];
	double sum = 0;

	room->past[room->at] = room->past[ROOM + room->at] = (float)loudspeaker;
	for (size_t i = 0; i < room->count; i++)
		sum += (double)room->echoes[i].gain * *(now - room->echoes[i].delay);
	room->at = (room->at + 1) % ROOM;
	return sum;
}

static double energy_of(const int16_t *pcm)
{
	double sum = 0;

	for (int i = 0; i < TICK; i++)
		sum += (double)pcm[i] * pcm[i];
	return sum;
}

/* @return what is taken away of the echo after 6 s [dB] */
static double echo_loss(bool with_echo_canceller, int device_ticks)
{
	static struct room room;
	struct cleaner_settings settings = { .echo = with_echo_canceller, .noise = !with_echo_canceller };
	struct cleaner *cleaner = cleaner_new(&settings);
	struct speaker speaker = { .y = { { 0 } } };
	static int16_t played[64][TICK];
	double before = 0, after = 0;

	room_init(&room);
	memset(played, 0, sizeof played);
	random_init_seeded(&speaker.random, 5);
	for (int t = 0; t < TICKS; t++) {
		int16_t mic[TICK], *now = played[t % 64];
		const int16_t *out = played[(t + 64 - device_ticks) % 64], *last = played[(t + 63) % 64];
		for (int i = 0; i < TICK; i++)
			now[i] = clip(speak(&speaker));
		for (int i = 0; i < TICK; i++)
			mic[i] = clip(room_hears(&room, t >= device_ticks ? out[i] : 0));
		double raw = energy_of(mic);
		cleaner_run(cleaner, mic, last);
		if (t > TICKS / 2) {
			before += raw;
			after += energy_of(mic);
		}
	}
	cleaner_free(cleaner);
	return 10 * log10(before / (after + 1));
}

static void echo_goes(void **state)
{
	(void)state;
	double short_way = echo_loss(true, 1), long_way = echo_loss(true, 6), without = echo_loss(false, 1);

	printf("# echo return loss after 6 s: %.1f dB, with a device 60 ms late %.1f dB, without canceller %.1f dB\n",
	       short_way, long_way, without);
	assert_true(short_way > 20);
	assert_true(long_way > 20);
	assert_true(without < 6);
}

/* Near speech comes through while nothing is heard, at about its level. */
static void speech_stays(void **state)
{
	struct cleaner_settings settings = { .echo = true, .noise = true };
	struct cleaner *cleaner = cleaner_new(&settings);
	struct speaker speaker = { .y = { { 0 } } };
	static const int16_t silence[TICK];
	double before = 0, after = 0;

	(void)state;
	random_init_seeded(&speaker.random, 6);
	for (int t = 0; t < TICKS; t++) {
		int16_t mic[TICK];
		for (int i = 0; i < TICK; i++)
			mic[i] = clip(speak(&speaker));
		before += energy_of(mic);
		cleaner_run(cleaner, mic, silence);
		after += energy_of(mic);
	}
	cleaner_free(cleaner);
	double change = 10 * log10(after / before);
	printf("# speech through it: %.1f dB\n", change);
	assert_true(fabs(change) < 3);
}

static void noise_goes_and_level_rises(void **state)
{
	struct cleaner_settings noise_only = { .noise = true }, gain_only = { .gain = true };
	struct cleaner *quiet = cleaner_new(&noise_only), *loud = cleaner_new(&gain_only);
	struct random random;
	struct speaker speaker = { .y = { { 0 } } };
	static const int16_t silence[TICK];
	double noise_before = 0, noise_after = 0, speech_before = 0, speech_after = 0;

	(void)state;
	random_init_seeded(&random, 8);
	random_init_seeded(&speaker.random, 9);
	for (int t = 0; t < TICKS; t++) {
		int16_t hiss[TICK], soft[TICK];
		for (int i = 0; i < TICK; i++) {
			hiss[i] = clip(300 * noise(&random));
			soft[i] = clip(speak(&speaker) / 8);
		}
		double h = energy_of(hiss), s = energy_of(soft);
		cleaner_run(quiet, hiss, silence);
		cleaner_run(loud, soft, silence);
		if (t < TICKS / 2)
			continue;
		noise_before += h;
		noise_after += energy_of(hiss);
		speech_before += s;
		speech_after += energy_of(soft);
	}
	cleaner_free(quiet);
	cleaner_free(loud);
	printf("# noise %.1f dB, soft speech %+.1f dB\n", 10 * log10(noise_after / noise_before),
	       10 * log10(speech_after / speech_before));
	assert_true(noise_after < noise_before / 10);
	assert_true(speech_after > speech_before * 2);
}

static void off_is_nothing(void **state)
{
	struct cleaner_settings off = { false, false, false };

	(void)state;
	assert_null(cleaner_new(&off));
	cleaner_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_goes),
		cmocka_unit_test(speech_stays),
		cmocka_unit_test(noise_goes_and_level_rises),
		cmocka_unit_test(off_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
