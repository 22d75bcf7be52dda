/* Devices with a clock of their own: they pace the engine, stall, run away, are lost and come back. In virtual time. */
#include "base/xmalloc.h"
#include "media/engine_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct card {
	struct device device;
	int pending;             /* -1: no clock */
	uint64_t written, gaps;  /* frames; periods that found too little */
	enum err health;
	bool *closed;
	int16_t first, last;     /* samples written */
	uint64_t writes;
};

static size_t card_read(struct device *device, int16_t *samples, size_t frames)
{
	struct card *card = CONTAINER_OF(device, struct card, device);

	memset(samples, 0, frames * sizeof *samples);
	card->pending -= (int)frames < card->pending ? (int)frames : card->pending;
	return frames;
}

static size_t card_write(struct device *device, const int16_t *samples, size_t frames)
{
	struct card *card = CONTAINER_OF(device, struct card, device);

	if (!card->writes++)
		card->first = samples[0];
	card->last = samples[frames - 1];
	card->written += frames;
	if (card->pending >= 0)
		card->pending += (int)frames;
	return frames;
}

static int card_pending(struct device *device)
{
	return CONTAINER_OF(device, struct card, device)->pending;
}

static int no_fd(struct device *device)
{
	(void)device;
	return -1;
}

static enum err card_health(struct device *device)
{
	return CONTAINER_OF(device, struct card, device)->health;
}

static void card_close(struct device *device)
{
	struct card *card = CONTAINER_OF(device, struct card, device);

	*card->closed = true;
	free(card);
}

static struct card *plug_in_late(struct engine *engine, enum engine_device which, bool *closed)
{
	static const struct device_ops OPS = { .name = "late", .read = card_read, .write = card_write,
		.pending = card_pending, .wake_fd = no_fd, .health = card_health, .close = card_close };
	static struct device_ops late;
	struct card *card = xcalloc(1, sizeof *card);
	struct command command = { .kind = COMMAND_DEVICE };

	late = OPS;
	late.comes_to_life = true;
	*closed = false;
	card->pending = -1;
	card->device.ops = &late;
	card->closed = closed;
	engine->ports[which].device = &card->device;
	command.u.port.which = which;
	command.u.port.device = &card->device;
	engine_send_command(engine, &command);
	return card;
}

static struct card *plug_in(struct engine *engine, enum engine_device which, bool *closed)
{
	static const struct device_ops OPS = { .name = "card", .read = card_read, .write = card_write,
		.pending = card_pending, .wake_fd = no_fd, .health = card_health, .close = card_close };
	struct card *card = xcalloc(1, sizeof *card);
	struct command command = { .kind = COMMAND_DEVICE };

	*closed = false;
	card->device.ops = &OPS;
	card->closed = closed;
	engine->ports[which].device = &card->device;
	command.u.port.which = which;
	command.u.port.device = &card->device;
	engine_send_command(engine, &command);
	return card;
}

/* The card plays `frames` each `period_us`; the engine is woken then, and when it asked to be. */
static int64_t run(struct engine *engine, struct card *card, int64_t now, int64_t until, int64_t period_us, int frames)
{
	int64_t period = now;

	while (now < until) {
		int64_t next = engine_next_us(engine) < period ? engine_next_us(engine) : period;
		now = next > now ? next : now;
		if (now == period) {
			card->gaps += card->pending < frames;
			card->pending = card->pending < frames ? 0 : card->pending - frames;
			period += period_us;
		}
		engine_step(engine, now);
	}
	return now;
}

static void the_card_paces(void **state)
{
	(void)state;
	struct random random;
	bool closed;

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	struct card *card = plug_in(engine, ENGINE_OUTPUT, &closed);
	engine_tone(engine, TONE_BUSY);
	engine_step(engine, 0);
	/* a clock 1 % too fast: 10 s of it are 10.1 s of sound, no gap, never more than a tick and a period in hand */
	int64_t now = run(engine, card, 0, 10000000, 5280, 256);
	assert_true(card->gaps <= 1);
	assert_true(card->written >= 484000 && card->written <= 486000);
	assert_true(card->pending <= 960);

	/* it stands still: the timer goes on in its place */
	uint64_t before = card->written;
	for (int64_t until = now + 2000000; now < until; now += 10000)
		engine_step(engine, now);
	assert_true(card->written - before >= 94000 && card->written - before <= 97000);

	/* lost, and back */
	struct engine_event event;
	assert_false(engine_next_event(engine, &event));
	card->health = ERR_DEVICE;
	card->pending = -1;
	engine_step(engine, now += 100000);
	assert_true(engine_next_event(engine, &event));
	assert_int_equal(event.kind, ENGINE_DEVICE);
	assert_string_equal(event.state, "lost");
	assert_string_equal(event.kind_text, "output");
	assert_string_equal(engine_device_name(engine, ENGINE_OUTPUT), "null");
	card->health = ERR_NONE;
	card->pending = 0;
	engine_step(engine, now += 100000);
	assert_true(engine_next_event(engine, &event));
	assert_string_equal(event.state, "back");
	assert_false(engine_next_event(engine, &event));
	assert_int_equal(engine_use(engine, ENGINE_OUTPUT, "null"), ERR_NONE);
	engine_step(engine, now += 100000); /* it is faded out first */
	assert_false(engine_next_event(engine, &event));
	assert_true(closed);
	engine_tone(engine, TONE_NONE);
	engine_free(engine);
}

static void a_runaway_is_stopped(void **state)
{
	(void)state;
	struct random random;
	bool closed;

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	struct card *card = plug_in(engine, ENGINE_OUTPUT, &closed);
	engine_tone(engine, TONE_BUSY);
	int64_t now = run(engine, card, 0, 2000000, 100, 100000); /* swallows all at once */
	assert_true(card->written < 48000 * 2 * 3 / 2);
	struct engine_event event;
	assert_true(engine_next_event(engine, &event));
	assert_string_equal(event.state, "lost");
	assert_non_null(strstr(event.text, "too fast"));
	engine_tone(engine, TONE_NONE);
	engine_step(engine, now);
	engine_free(engine);
	assert_true(closed);
}

static void the_microphone_paces_alone(void **state)
{
	(void)state;
	struct random random;
	bool closed;

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	struct card *card = plug_in(engine, ENGINE_INPUT, &closed);
	engine_tone(engine, TONE_BUSY);
	int64_t now = 0;
	unsigned ticks = 0;
	for (int i = 0; i < 1000; i++, now += 5000) {
		int before = card->pending += 240;
		engine_step(engine, now);
		ticks += card->pending < before;
	}
	assert_in_range(ticks, 498, 502);
	assert_true(card->pending < 480);
	/* what piled up while we slept is thrown away, not kept as delay */
	card->pending = 48000;
	for (int i = 0; i < 100; i++, now += 10000) {
		card->pending += 480;
		engine_step(engine, now);
	}
	assert_true(card->pending < 5 * 480);
	engine_tone(engine, TONE_NONE);
	engine_step(engine, now);
	engine_free(engine);
}

static void collect(struct engine *engine, char *states, size_t room)
{
	struct engine_event event;

	states[0] = '\0';
	while (engine_next_event(engine, &event))
		if (strlen(states) + strlen(event.state) + 2 < room)
			strcat(strcat(states, event.state), " ");
}

/* The one that plays goes on until the other lives; in one tick it falls to silence while the other rises. */
static void another_takes_over(void **state)
{
	(void)state;
	struct random random;
	bool closed[3];
	char states[100];

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	struct card *first = plug_in(engine, ENGINE_OUTPUT, &closed[0]);
	int64_t now = 0;
	engine_tone(engine, TONE_RINGBACK);
	for (int i = 0; i < 50; i++, first->pending = 0)
		engine_step(engine, now += 10000);
	struct card *second = plug_in_late(engine, ENGINE_OUTPUT, &closed[1]);
	for (int i = 0; i < 30; i++, first->pending = 0)
		engine_step(engine, now += 10000);
	assert_int_equal(second->writes, 0);
	assert_true(first->writes >= 79);
	second->pending = 0;
	uint64_t before = first->writes;
	engine_step(engine, now += 10000);
	assert_int_equal(first->writes, before + 1);
	assert_true(first->last > -200 && first->last < 200 && second->first == 0 && second->writes == 1);
	collect(engine, states, sizeof states);
	assert_true(closed[0] && !closed[1]);
	/* One that cannot be used is told; the one before goes on. */
	struct card *third = plug_in_late(engine, ENGINE_OUTPUT, &closed[2]);
	third->health = ERR_NOT_FOUND;
	before = second->writes;
	for (int i = 0; i < 10; i++, second->pending = 0)
		engine_step(engine, now += 10000);
	collect(engine, states, sizeof states);
	assert_string_equal(states, "failed ");
	assert_true(closed[2] && !closed[1] && second->writes >= before + 9);
	engine_tone(engine, TONE_NONE);
	engine_step(engine, now += 10000);
	engine_free(engine);
	assert_true(closed[1]);
}

/* Told as what could not be used, and as what is gone only when it was there once. */
static void what_never_lived_is_missing(void **state)
{
	(void)state;
	struct random random;
	bool closed;
	char states[100];

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	struct card *card = plug_in_late(engine, ENGINE_OUTPUT, &closed);
	int64_t now = 0;
	card->health = ERR_NOT_FOUND;
	engine_tone(engine, TONE_RINGBACK);
	for (int i = 0; i < 10; i++)
		engine_step(engine, now += 10000);
	collect(engine, states, sizeof states);
	assert_string_equal(states, "failed ");
	assert_true(engine_device_is_lost(engine, ENGINE_OUTPUT));
	assert_true(engine_device_is_missing(engine, ENGINE_OUTPUT));
	card->health = ERR_NONE;
	card->pending = 0;
	for (int i = 0; i < 10; i++, card->pending = 0)
		engine_step(engine, now += 10000);
	collect(engine, states, sizeof states);
	assert_string_equal(states, "back ");
	assert_false(engine_device_is_lost(engine, ENGINE_OUTPUT));
	assert_false(engine_device_is_missing(engine, ENGINE_OUTPUT));
	card->health = ERR_DEVICE;
	engine_step(engine, now += 10000);
	collect(engine, states, sizeof states);
	assert_string_equal(states, "lost ");
	assert_true(engine_device_is_lost(engine, ENGINE_OUTPUT));
	assert_false(engine_device_is_missing(engine, ENGINE_OUTPUT));
	engine_tone(engine, TONE_NONE);
	engine_step(engine, now += 10000);
	engine_free(engine);
}

/* What is played to find out whether it is heard waits until it can be heard; then it takes three seconds. */
static void a_test_waits_for_the_devices(void **state)
{
	(void)state;
	struct random random;
	struct engine_event event;
	bool closed;

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	struct card *card = plug_in_late(engine, ENGINE_OUTPUT, &closed);
	int64_t now = 0;
	assert_true(engine_probe(engine));
	assert_false(engine_probe(engine));
	for (int i = 0; i < 400; i++)
		engine_step(engine, now += 10000);
	assert_false(engine_next_event(engine, &event));
	for (int i = 0; i < 299; i++) {
		card->pending = 0;
		engine_step(engine, now += 10000);
	}
	assert_false(engine_next_event(engine, &event));
	for (int i = 0; i < 3; i++, card->pending = 0)
		engine_step(engine, now += 10000);
	assert_true(engine_next_event(engine, &event));
	assert_int_equal(event.kind, ENGINE_PROBED);
	assert_true(fabs(event.probe.played_db + 15.3) < 0.5 && event.probe.round_trip_ms < 0);
	assert_string_equal(event.probe.input, "null");
	engine_step(engine, now += 10000);
	engine_free(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_card_paces),
		cmocka_unit_test(a_runaway_is_stopped),
		cmocka_unit_test(the_microphone_paces_alone),
		cmocka_unit_test(another_takes_over),
		cmocka_unit_test(what_never_lived_is_missing),
		cmocka_unit_test(a_test_waits_for_the_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
