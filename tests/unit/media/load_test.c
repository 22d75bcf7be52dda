/* How thorough encoders are follows what a tick takes. */
#include "rig.h"

#include "media/engine_internal.h"

/* Ticks that take long make encoders less thorough, which is told once, as is that it is over. */
static void a_busy_processor_is_told(void **state)
{
	(void)state;
	struct engine_event event;
	struct address here;
	struct rig rig;

	rig_begin(&rig, 1);
	struct engine *engine = rig.engines[0];
	for (int i = 0; i < 1000; i++)
		engine_weigh_load(engine, 0.9);
	/* with no Opus it is nobody's business */
	assert_false(engine_next_event(engine, &event));
	struct stream_config config = { .rtp_fd = rig_socket(&here), .rtcp_fd = -1, .sends = true, .receives = true,
					.send = { .codec = MEDIA_OPUS, .payload_type = 96 }, .cname = "x" };
	config.receive[config.receive_count++] = config.send;
	rig_add(&rig, 0, &config);
	engine_step(engine, rig.now_us);
	for (int i = 0; i < 1000; i++)
		engine_weigh_load(engine, 0.9);
	assert_true(engine_next_event(engine, &event));
	assert_int_equal(event.kind, ENGINE_BUSY);
	assert_true(event.complexity < ENGINE_COMPLEXITY_MOST);
	assert_false(engine_next_event(engine, &event));
	for (int i = 0; i < 4000; i++)
		engine_weigh_load(engine, 0.01);
	assert_true(engine_next_event(engine, &event));
	assert_int_equal(event.kind, ENGINE_BUSY);
	assert_int_equal(event.complexity, ENGINE_COMPLEXITY_MOST);
	assert_false(engine_next_event(engine, &event));
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_processor_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
