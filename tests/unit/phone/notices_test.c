/* What happens to the sound again and again: told at first, summed up in a flood, seldom in one that does not end. */
#include "phone_fixture.h"

struct flood {
	struct phone *phone;
	struct call *call;
	struct timers timers, *before;
	uint64_t seen;
	struct buf line;
};

static void flood_call(struct world *world, struct flood *flood)
{
	struct failure failure;
	unsigned number;

	*flood = (struct flood){ .phone = world->phones[0] };
	if (!phone_call(flood->phone, SLICE("echo"), NULL, &number, NULL, &failure))
		fail_msg("%s", failure.text);
	await(world, flood->phone, EVENT_MEDIA);
	flood->call = call_find(flood->phone, number);
}

static void flood_clock(struct flood *flood)
{
	flood->before = flood->phone->timers;
	timers_init(&flood->timers, 1000000000);
	flood->phone->timers = &flood->timers;
	flood->seen = events_last(phone_events(flood->phone));
	buf_init(&flood->line, 1000);
}

static void flood_end(struct flood *flood)
{
	timer_stop(&flood->timers, &flood->call->notice_timer);
	flood->phone->timers = flood->before;
	timers_fini(&flood->timers);
	buf_fini(&flood->line);
}

/* A call whose notices have a clock of their own. */
static void flood_begin(struct world *world, struct flood *flood)
{
	world_phone(world, 0, false);
	flood_call(world, flood);
	flood_clock(flood);
}

/* The sentences of what was told since, without "call 1: ", '|' behind each. */
static const char *told(struct flood *flood)
{
	struct buf one;

	buf_clear(&flood->line);
	buf_init(&one, 500);
	for (const struct event *event; (event = events_next(phone_events(flood->phone), flood->seen)) != NULL;) {
		flood->seen = event->number;
		buf_clear(&one);
		event_sentence(event, &one);
		assert_true(slice_begins(buf_slice(&one), SLICE("call 1: ")));
		buf_printf(&flood->line, "%s|", buf_text(&one) + 8);
	}
	buf_fini(&one);
	return buf_text(&flood->line);
}

static size_t count_told(struct flood *flood)
{
	size_t count = 0;

	for (const char *p = told(flood); (p = strchr(p, '|')) != NULL; p++)
		count++;
	return count;
}

static void happens(struct flood *flood, struct engine_event event)
{
	calls_engine_event(flood->call, &event);
}

static void a_few_are_told_at_once(void **state)
{
	struct flood flood;

	flood_begin(*state, &flood);
	happens(&flood, (struct engine_event){ .kind = ENGINE_MOVED, .text = "192.0.2.4:4000", .counts = { 1 } });
	assert_string_equal(told(&flood), "the peer's sound comes from 192.0.2.4:4000 now|");
	happens(&flood, (struct engine_event){ .kind = ENGINE_RESTARTED, .counts = { 4 } });
	assert_string_equal(told(&flood), "the peer's sound began anew, from another machine or after a restart "
					  "(4 times since that was told last)|");
	happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { 7, 3 } });
	assert_string_equal(told(&flood),
			    "7 packets were not encrypted with the agreed key, 3 packets came again: refused|");
	struct engine_event codec = { .kind = ENGINE_CODEC };
	flood.call->notices[NOTICE_REFUSED].until_us = 0; /* as after ten quiet seconds */
	happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { 7, 3, 50 } });
	assert_string_equal(told(&flood), "50 packets came from elsewhere or were no RTP: refused|");
	for (int i = 0; i < 8; i++) {
		codec.codec = i % 2 ? MEDIA_PCMU : MEDIA_PCMA;
		happens(&flood, codec);
	}
	assert_int_equal(count_told(&flood), 8);
	/* Nothing waits to be told. */
	timers_advance(&flood.timers, 600 * SECOND_US);
	assert_string_equal(told(&flood), "");
	flood_end(&flood);
}

static void a_flood_is_summed_up(void **state)
{
	struct flood flood;
	uint64_t forged = 10;

	flood_begin(*state, &flood);
	happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { forged } });
	assert_string_equal(told(&flood), "10 packets were not encrypted with the agreed key: refused|");
	for (int i = 0; i < 9; i++, timers_advance(&flood.timers, SECOND_US)) {
		happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { forged += 100 } });
		assert_string_equal(told(&flood), "");
	}
	timers_advance(&flood.timers, SECOND_US);
	assert_string_equal(told(&flood), "900 packets were not encrypted with the agreed key: refused|");
	/* It goes on for an hour: after 10 s, 20 s, 40 s ... 320 s, which is the longest. */
	size_t count = 0;
	for (int i = 0; i < 3600; i++, timers_advance(&flood.timers, SECOND_US)) {
		happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { forged += 100 } });
		count += count_told(&flood);
	}
	assert_in_range(count, 13, 16);
	/* Then it is quiet, and the next is news again. */
	timers_advance(&flood.timers, 700 * SECOND_US);
	count_told(&flood);
	happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { forged, 1 } });
	assert_string_equal(told(&flood), "1 packet came again: refused|");
	flood_end(&flood);
}

static void kinds_do_not_hinder_each_other(void **state)
{
	struct flood flood;

	flood_begin(*state, &flood);
	struct engine_event codec = { .kind = ENGINE_CODEC }, moved = { .kind = ENGINE_MOVED, .text = "192.0.2.9:9" };
	for (unsigned i = 1; i <= 1000; i++) {
		codec.codec = i % 2 ? MEDIA_PCMU : MEDIA_G722;
		happens(&flood, codec);
		moved.counts[0] = i;
		happens(&flood, moved);
	}
	assert_int_equal(count_told(&flood), 8 + 3);
	happens(&flood, (struct engine_event){ .kind = ENGINE_RESTARTED, .counts = { 1 } });
	assert_int_equal(count_told(&flood), 1);
	timers_advance(&flood.timers, 10 * SECOND_US);
	assert_string_equal(told(&flood), "the peer's sound comes from 192.0.2.9:9 now (997 times since that was told "
					  "last)|the peer changed to G722|");
	/* A stream that was opened anew counts anew. */
	timers_advance(&flood.timers, 100 * SECOND_US);
	moved.counts[0] = 2;
	happens(&flood, moved);
	assert_string_equal(told(&flood), "the peer's sound comes from 192.0.2.9:9 now (2 times since that was told "
					  "last)|");
	flood_end(&flood);
}

/* A stranger's flood of packets must not keep what the peer does from being told. */
static void a_long_window_delays_no_other(void **state)
{
	struct flood flood;
	struct engine_event moved = { .kind = ENGINE_MOVED, .text = "192.0.2.9:9" };
	uint64_t forged = 10;

	flood_begin(*state, &flood);
	for (int i = 0; i < 400; i++, timers_advance(&flood.timers, SECOND_US))
		happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { forged += 100 } });
	happens(&flood, (struct engine_event){ .kind = ENGINE_REFUSED, .counts = { forged += 100 } });
	count_told(&flood);
	while (moved.counts[0] < 5) {
		moved.counts[0]++;
		happens(&flood, moved);
	}
	assert_int_equal(count_told(&flood), 3);
	timers_advance(&flood.timers, 10 * SECOND_US);
	assert_string_equal(told(&flood), "the peer's sound comes from 192.0.2.9:9 now (2 times since that was told "
					  "last)|");
	flood_end(&flood);
}

/* What the echo does not send is what we did not say: the microphone is to blame, and what is muted is no news. */
static void a_silent_echo_is_our_silence(void **state)
{
	struct engine_event silent = { .kind = ENGINE_SILENT, .side = 1 };
	struct buf why;
	struct flood flood;

	must_set(world_phone(*state, 0, false), "audio.input", "no-such-card");
	flood_call(*state, &flood);
	while (strcmp(event_value(await(*state, flood.phone, EVENT_DEVICE), "state"), "missing") != 0)
		;
	flood_clock(&flood);
	happens(&flood, silent);
	const struct event *event = events_next(phone_events(flood.phone), flood.seen);
	assert_string_equal(event_value(event, "side"), "me");
	assert_string_equal(event_value(event, "microphone"), "none");
	assert_string_equal(told(&flood), "no microphone can be used here, so the echo has nothing to send back: "
					  "`audio input tone:440` sends it a tone, `play FILE` a sound file|");
	buf_init(&why, 1000);
	explain_call(flood.call, &why);
	assert_non_null(strstr(buf_text(&why), " is up. But no microphone can be used here, "));
	flood.call->muted = true;
	happens(&flood, silent);
	assert_string_equal(told(&flood), "");
	buf_clear(&why);
	explain_call(flood.call, &why);
	assert_non_null(strstr(buf_text(&why), " is up, muted by you.\n"));
	buf_fini(&why);
	flood.call->muted = false;
	flood.call->is_echo = false;
	happens(&flood, silent);
	assert_string_equal(told(&flood), "nothing is heard from the peer|");
	flood_end(&flood);
}

/* What could not take its place leaves the microphone that is in use. */
static void a_file_that_is_not_there_changes_nothing(void **state)
{
	struct world *world = *state;
	struct failure failure;
	struct flood flood;

	flood_begin(world, &flood);
	must(phone_audio_use(flood.phone, "input", SLICE("file:/nonexistent.wav"), false, &failure), &failure);
	assert_non_null(strstr(world->warnings, "cannot be used: not found; 'tone:440' goes on"));
	flood_end(&flood);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_few_are_told_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_flood_is_summed_up, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(kinds_do_not_hinder_each_other, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_long_window_delays_no_other, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_there_changes_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_silent_echo_is_our_silence, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
