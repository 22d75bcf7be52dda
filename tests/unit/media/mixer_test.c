/* Adding up, turning down, and who hears whom in a conference. */
#include "media/engine_internal.h"
#include "media/mixer.h"
#include "media/tone.h"
#include "rig.h"

static void fill(int16_t *pcm, double amplitude, double hz, int tick)
{
	for (int i = 0; i < MIXER_FRAMES; i++)
		pcm[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hz * (tick * MIXER_FRAMES + i) / 48000));
}

static int loudest(const int16_t *pcm)
{
	int most = 0;

	for (int i = 0; i < MIXER_FRAMES; i++)
		most = abs(pcm[i]) > most ? abs(pcm[i]) : most;
	return most;
}

static void what_fits_is_exact(void **state)
{
	int16_t a[MIXER_FRAMES], b[MIXER_FRAMES], out[MIXER_FRAMES];
	struct mixer mixer;
	struct limiter limiter = { 0 };

	(void)state;
	fill(a, 16000, 440, 0);
	fill(b, 16000, 700, 0);
	mixer_clear(&mixer);
	mixer_add(&mixer, a);
	mixer_add(&mixer, b);
	mixer_take(&mixer, &limiter, out);
	for (int i = 0; i < MIXER_FRAMES; i++)
		assert_int_equal(out[i], a[i] + b[i]);
}

/* Four of full scale: never wraps, is turned down and stays a sine, and comes up again when three have gone. */
static void too_much_is_turned_down(void **state)
{
	int16_t pcm[MIXER_FRAMES], out[MIXER_FRAMES];
	struct mixer mixer;
	struct limiter limiter = { 0 };

	(void)state;
	for (int tick = 0; tick < 200; tick++) {
		int sources = tick < 20 ? 4 : 1;
		fill(pcm, 32767, 1000, tick);
		mixer_clear(&mixer);
		for (int k = 0; k < sources; k++)
			mixer_add(&mixer, pcm);
		mixer_take(&mixer, &limiter, out);
		if (tick > 0 && tick < 20)
			for (int i = 0; i < MIXER_FRAMES; i++)
				assert_true(abs(out[i] - pcm[i]) <= 2);
	}
	for (int i = 0; i < MIXER_FRAMES; i++)
		assert_int_equal(out[i], pcm[i]);
	assert_true(limiter.less == 0);
}

/* No step between two samples that the sine itself does not have. */
static void turning_down_does_not_click(void **state)
{
	int16_t pcm[MIXER_FRAMES], out[MIXER_FRAMES], last = 0;
	struct mixer mixer;
	struct limiter limiter = { 0 };

	(void)state;
	for (int tick = 0; tick < 60; tick++) {
		fill(pcm, 30000, 200, tick);
		mixer_clear(&mixer);
		for (int k = 0; k < (tick / 20 == 1 ? 3 : 1); k++)
			mixer_add(&mixer, pcm);
		mixer_take(&mixer, &limiter, out);
		for (int i = 0; i < MIXER_FRAMES; i++) {
			assert_true(abs(out[i] - last) < 3 * 30000 * 2 * M_PI * 200 / 48000 + 3000);
			last = out[i];
		}
	}
}

/* A hub and three phones, each with a tone of its own: everybody hears all others and not himself. */
static void conference(void **state)
{
	static const double HZ[3] = { 500, 900, 1700 };
	struct rig rig;
	struct stream *hub[3], *phones[3];
	char name[32];

	(void)state;
	rig_begin(&rig, 4);
	for (size_t i = 0; i < 3; i++) {
		rig_link(&rig, 0, i + 1, &hub[i], &phones[i]);
		snprintf(name, sizeof name, "tone:%.0f", HZ[i]);
		assert_int_equal(engine_use(rig.engines[i + 1], ENGINE_INPUT, name), ERR_NONE);
		engine_select(rig.engines[i + 1], phones[i]);
	}
	rig_run(&rig, 1000);
	for (size_t i = 0; i < 3; i++)
		assert_true(rig_hz(phones[i]) == 0); /* nobody is in a conference yet */
	/* Two by two: what is heard then is one tone. */
	for (size_t out = 0; out < 3; out++) {
		for (size_t i = 0; i < 3; i++)
			engine_join(rig.engines[0], hub[i], i != out);
		rig_run(&rig, 1000);
		assert_true(rig_hz(phones[out]) == 0);
		assert_true(fabs(rig_hz(phones[(out + 1) % 3]) - HZ[(out + 2) % 3]) < 2);
		assert_true(fabs(rig_hz(phones[(out + 2) % 3]) - HZ[(out + 1) % 3]) < 2);
	}
	/* All three: two tones of -10 dB each are heard, whichever is the stronger, and never one's own. */
	for (size_t i = 0; i < 3; i++)
		engine_join(rig.engines[0], hub[i], true);
	rig_run(&rig, 1000);
	for (size_t i = 0; i < 3; i++) {
		struct stream_stats stats;
		engine_stats(phones[i], &stats);
		assert_true(fabs(stats.heard_level_db + 7) < 1);
		assert_true(fabs(stats.tone_hz - HZ[i]) > 100);
	}
	/* I take part while one of them is selected. */
	assert_int_equal(engine_use(rig.engines[0], ENGINE_INPUT, "tone:300"), ERR_NONE);
	engine_select(rig.engines[0], hub[0]);
	engine_join(rig.engines[0], hub[1], false);
	engine_join(rig.engines[0], hub[2], false);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(engine_use(rig.engines[i], ENGINE_INPUT, "null"), ERR_NONE);
	rig_run(&rig, 1000);
	assert_true(fabs(rig_hz(phones[0]) - 300) < 2);
	assert_true(rig_hz(phones[1]) == 0);
	engine_join(rig.engines[0], hub[1], true);
	rig_run(&rig, 1000);
	assert_true(fabs(rig_hz(phones[0]) - 300) < 2 && fabs(rig_hz(phones[1]) - 300) < 2 && rig_hz(phones[2]) == 0);
	/* Muted for one of them, I am still heard by the other. */
	engine_mute(rig.engines[0], hub[0], true);
	rig_run(&rig, 1000);
	assert_true(rig_hz(phones[0]) == 0 && fabs(rig_hz(phones[1]) - 300) < 2);
	rig_end(&rig);
}

/* Every country that can be chosen has every tone, and its tones are its own. */
static void tones_of_countries(void **state)
{
	struct slice rest = SLICE(TONE_COUNTRIES), word = slice_cut(&rest, '|');
	struct rig rig;
	int16_t pcm[480];

	(void)state;
	assert_true(slice_eq(word, SLICE("auto")));
	for (size_t count = 0; rest.p; count++) {
		size_t country;
		word = slice_cut(&rest, '|');
		assert_true(tone_country_find(word, &country));
		assert_int_equal(country, count);
		for (enum engine_tone which = TONE_RING; which <= TONE_ERROR; which++) {
			struct tone tone = { .country = country };
			tone_start(&tone, which);
			assert_true(tone_fill(&tone, pcm, 480));
			double energy = 0;
			for (int i = 0; i < 480; i++)
				energy += (double)pcm[i] * pcm[i];
			assert_true(energy > 480 * 1000.0 * 1000);
		}
	}
	rig_begin(&rig, 1);
	assert_false(engine_set_country(rig.engines[0], "xx"));
	assert_true(engine_set_country(rig.engines[0], "DE"));
	rig_end(&rig);
}

/* The microphone by its factor, what I hear by its own, and myself when I want to. */
static void levels(void **state)
{
	struct rig rig;
	struct stream *a, *b;
	struct stream_stats stats;
	struct engine_levels wanted = { 0.1f, 1, 0 };

	(void)state;
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	assert_int_equal(engine_use(rig.engines[0], ENGINE_INPUT, "tone:440"), ERR_NONE);
	engine_select(rig.engines[0], a);
	engine_set_levels(rig.engines[0], &wanted);
	rig_run(&rig, 1000);
	engine_stats(b, &stats);
	assert_true(fabs(stats.heard_level_db + 30) < 0.5);
	wanted.microphone = 10; /* more than full scale: turned down, still the tone */
	engine_set_levels(rig.engines[0], &wanted);
	rig_run(&rig, 1000);
	engine_stats(b, &stats);
	assert_true(fabs(stats.heard_level_db) < 0.5 && fabs(stats.tone_hz - 440) < 1);
	rig_end(&rig);
}

/* Of the tone in the microphone (440 Hz, -10 dB) a share is heard in a call, and nothing of it while we are muted. */
static void i_hear_myself(void **state)
{
	struct rig rig;
	struct stream *a, *b;
	struct engine_levels wanted = { 1, 1, 0.25f };

	(void)state;
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	struct engine *engine = rig.engines[0];
	assert_int_equal(engine_use(engine, ENGINE_INPUT, "tone:440"), ERR_NONE);
	engine_select(engine, a);
	rig_run(&rig, 500);
	assert_true(loudest(engine->last_heard) < 10); /* A-law has no zero */
	engine_set_levels(engine, &wanted);
	rig_run(&rig, 500);
	assert_in_range(loudest(engine->last_heard), 10362 / 4 - 10, 10362 / 4 + 10);
	engine_mute(engine, NULL, true);
	rig_run(&rig, 500);
	assert_true(loudest(engine->last_heard) < 10);
	engine_mute(engine, NULL, false);
	engine_mute(engine, a, true);
	rig_run(&rig, 500);
	assert_true(loudest(engine->last_heard) < 10);
	rig_end(&rig);
}

/* Muted for one of a conference I am heard by the other, and hear myself; muted for both not any more. */
static void who_is_heard_by_one_hears_himself(void **state)
{
	struct rig rig;
	struct stream *hub[2], *phones[2];
	struct engine_levels wanted = { 1, 1, 0.25f };

	(void)state;
	rig_begin(&rig, 3);
	struct engine *engine = rig.engines[0];
	for (size_t i = 0; i < 2; i++) {
		rig_link(&rig, 0, i + 1, &hub[i], &phones[i]);
		engine_join(engine, hub[i], true);
	}
	assert_int_equal(engine_use(engine, ENGINE_INPUT, "tone:440"), ERR_NONE);
	engine_set_levels(engine, &wanted);
	engine_select(engine, hub[0]);
	engine_mute(engine, hub[0], true);
	rig_run(&rig, 500);
	assert_in_range(loudest(engine->last_heard), 10362 / 4 - 20, 10362 / 4 + 20);
	engine_mute(engine, hub[1], true);
	rig_run(&rig, 500);
	assert_true(loudest(engine->last_heard) < 20);
	rig_end(&rig);
}

/* What is played comes back by a device that loops, and how late. */
static void a_test_of_devices(void **state)
{
	static int16_t line[300][480];
	struct probe *probe = probe_new();
	struct probe_result result;
	int16_t mic[480], play[480];

	(void)state;
	for (int t = 0; t < 300; t++) {
		memset(mic, 0, sizeof mic);
		for (int i = 0; i < 480; i++) {
			int at = t * 480 + i - 2000; /* 41.7 ms late and a tenth as loud */
			mic[i] = (int16_t)(at >= 0 ? line[at / 480][at % 480] / 10 : 0);
		}
		assert_true(probe_tick(probe, mic, play));
		probe_sounded(probe, play);
		memcpy(line[t], play, sizeof play);
	}
	assert_false(probe_tick(probe, mic, play));
	probe_judge(probe, &result);
	assert_true(fabs(result.round_trip_ms - 41.67) < 0.2);
	/* A sine of 8000 under a hump of one: 12.2 and 3 dB below full scale. */
	assert_true(fabs(result.played_db + 15.3) < 0.5);
	/* The middle of a chirp, a tenth as loud. */
	assert_true(fabs(result.loudest_db + 32.2) < 0.7);
	assert_true(result.noise_db < -100 && result.heard_db > -40 && result.heard_db < -33);
	probe_free(probe);
	/* Nothing but noise comes back. */
	struct random random;
	random_init_seeded(&random, 5);
	probe = probe_new();
	do
		for (int i = 0; i < 480; i++)
			mic[i] = (int16_t)(random_below(&random, 2000) - 1000);
	while (probe_tick(probe, mic, play));
	probe_judge(probe, &result);
	assert_true(result.round_trip_ms < 0 && result.heard_db == -127 && result.noise_db > -45);
	assert_true(result.played_db == -127 && fabs(result.loudest_db - result.noise_db) < 2);
	probe_free(probe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_exact),
		cmocka_unit_test(too_much_is_turned_down),
		cmocka_unit_test(turning_down_does_not_click),
		cmocka_unit_test(conference),
		cmocka_unit_test(tones_of_countries),
		cmocka_unit_test(levels),
		cmocka_unit_test(i_hear_myself),
		cmocka_unit_test(who_is_heard_by_one_hears_himself),
		cmocka_unit_test(a_test_of_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
