/*
 * Cards whose periods are no ticks, at any phase to each other: what is said leaves when it was said, and the ticks of
 * a loudspeaker move until packets wait no longer than they must. In virtual time.
 */
#include "card.h"
#include "rig.h"

enum { SLACK = 48, SIDES = 2, SETTLED_S = 6, RUN_S = 10, PHASES = 15, MOST_PERIOD = 2048 };

static int period; /* of the cards, in frames */

struct phone {
	struct engine *engine;
	struct stream *stream;
	struct card *mic, *speaker;
	double next_us;
	uint64_t late, gaps, dumb; /* once it had settled */
};

/* A period of its card: what was played and said, and what the engine does about it. */
static void callback(struct phone *phone)
{
	int16_t played[MOST_PERIOD];
	static const int16_t SILENCE[MOST_PERIOD];

	card_take(phone->speaker, played, period);
	card_put(phone->mic, SILENCE, period);
	engine_step(phone->engine, (int64_t)phone->next_us);
	phone->next_us += period * 1e6 / 48000;
}

static void run(struct phone *phones, double until_us)
{
	for (;;) {
		struct phone *phone = phones[0].next_us <= phones[1].next_us ? &phones[0] : &phones[1];
		if (phone->next_us >= until_us)
			return;
		callback(phone);
	}
}

static void talk_at_phase(int phase)
{
	struct phone phones[SIDES];
	struct rig rig;

	rig_begin(&rig, SIDES);
	for (size_t i = 0; i < SIDES; i++) {
		phones[i] = (struct phone){ .engine = rig.engines[i], .next_us = (double)rig.now_us };
		phones[i].mic = card_plug_in(rig.engines[i], ENGINE_INPUT, period);
		phones[i].speaker = card_plug_in(rig.engines[i], ENGINE_OUTPUT, period);
	}
	/* The second began so many periods and a part later: every phase of its ticks to those of the first. */
	phones[1].next_us += phase * period * 1e6 / 48000 + 700;
	rig_link(&rig, 0, 1, &phones[0].stream, &phones[1].stream);
	for (size_t i = 0; i < SIDES; i++)
		engine_select(phones[i].engine, phones[i].stream);
	run(phones, (double)rig.now_us + SETTLED_S * 1e6);
	for (size_t i = 0; i < SIDES; i++) {
		phones[i].gaps = phones[i].speaker->gaps;
		phones[i].dumb = phones[i].mic->gaps;
		phones[i].late = phones[i].stream->jitter.counts.concealed;
	}
	run(phones, (double)rig.now_us + RUN_S * 1e6);
	for (size_t i = 0; i < SIDES; i++) {
		const struct jitter *jitter = &phones[i].stream->jitter;
		assert_true(jitter->phased);
		assert_true(jitter->spare > -DEVICE_TICK_FRAMES / 2 && jitter->spare < DEVICE_TICK_FRAMES / 2);
		/* Two periods that are no ticks make packets late by up to both; the rest is guard. */
		assert_true(jitter->delay_ms < 12 + 1.4 * period / CODEC_MS_FRAMES);
		assert_int_equal(jitter->counts.concealed, phones[i].late);
		assert_int_equal(phones[i].speaker->gaps, phones[i].gaps);
		assert_true(phones[i].mic->gaps <= phones[i].dumb + 1);
		assert_true(phones[i].mic->frames < DEVICE_TICK_FRAMES);
		assert_true(phones[i].speaker->frames < period + DEVICE_TICK_FRAMES + SLACK);
	}
	rig.now_us = (int64_t)phones[0].next_us;
	rig_end(&rig);
}

static void packets_wait_no_longer_than_they_must(void **state)
{
	(void)state;

	static const int PERIODS[] = { 64, 128, 240, 256, 441, 480, 512, 1024, 2048 };

	for (size_t i = 0; i < ARRAY_LEN(PERIODS); i++) {
		period = PERIODS[i];
		for (int phase = 0; phase < PHASES; phase++)
			talk_at_phase(phase);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_wait_no_longer_than_they_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
