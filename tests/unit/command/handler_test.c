/* Commands that run by themselves: those that events start (`on`), and keys (`bind`). */
#include "tests/unit/command/fake_phone.h"

/* ---- handlers ---- */

static void test_handlers(void **state)
{
	struct fake *fake = *state;

	assert_false(commands_have_handlers(fake->commands));
	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), "from=sip:early@a.com", NULL);
	fake_run(fake, "on incoming from=*@a.com as pick do echo $from on $call");
	fake_run(fake, "on incoming do answer after=2s");
	fake_turn(fake);
	assert_string_equal(fake_said(fake), ""); /* what was before is not theirs */
	assert_true(commands_have_handlers(fake->commands));
	unsigned call = fake_call(fake, true, CALL_INCOMING);
	fake_event(fake, "incoming", call, "from=sip:bob@a.com", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> sip:bob@a.com on 2\n");
	assert_string_equal(fake_told(fake), "answer 2 after 2000000\n");
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "");
	/* One of the same name takes its place. */
	fake_run(fake, "on incoming as pick do echo new");
	fake_run(fake, "off 1");
	fake_event(fake, "incoming", call, "from=sip:x@y", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> new\n");
	assert_string_equal(fake_told(fake), "");
	fake_run(fake, "off all");
	assert_false(commands_have_handlers(fake->commands));
	fake_event(fake, "incoming", call, NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "");
	fake_run(fake, "off all");
	assert_int_equal(runner_status(fake->runner), 0);
}

/* A handler that causes its own event is taken off; what the network causes never does that. */
static void test_endless_handler(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "on incoming as in do echo $call");
	fake_run(fake, "on device as loop do echo again");
	unsigned call = fake_call(fake, true, CALL_INCOMING);
	for (int i = 0; i < 150; i++) {
		fake_event(fake, "device", 0, NULL);
		fake_event(fake, "incoming", call, NULL);
		fake_turn(fake);
	}
	const char *said = fake_said(fake);
	assert_non_null(strstr(said,
			       "`on device` (handler loop) fires itself without end, 100 times within a second: it is "
			       "taken off [2 endless]"));
	size_t again = 0, told = 0;
	for (const char *at = said; (at = strstr(at, "> again\n")); at++)
		again++;
	for (const char *at = said; (at = strstr(at, "> 1\n")); at++)
		told++;
	assert_int_equal(again, 100);
	assert_int_equal(told, 150);
	assert_true(commands_have_handlers(fake->commands));
	/* Slowly it may go on for ever. */
	fake_run(fake, "on device as loop do echo again");
	for (int i = 0; i < 150; i++) {
		fake_advance(fake, SECOND_US / 20);
		fake_event(fake, "device", 0, NULL);
		fake_turn(fake);
	}
	assert_null(strstr(fake_said(fake), "endless"));
}

/* Each firing is a script of its own: it may wait, and its failure is nobody else's. */
static void test_firings(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "on dtmf digit=# as bye do hangup");
	fake_run(fake, "on incoming do wait answered within=5s");
	unsigned first = fake_call(fake, true, CALL_INCOMING), second = fake_call(fake, true, CALL_INCOMING);
	fake_event(fake, "incoming", first, NULL);
	fake_event(fake, "incoming", second, NULL);
	fake_turn(fake);
	fake_event(fake, "dtmf", second, "digit=#", NULL);
	fake_event(fake, "dtmf", second, "digit=1", NULL);
	fake_turn(fake);
	assert_string_equal(fake_told(fake), "hangup 2\n");
	fake_advance(fake, 6 * SECOND_US);
	assert_string_equal(fake_said(fake),
			    "! on 1:1:1: no 'answered' within 5s [5 timeout]\n    wait answered within=5s\n    ^\n"
			    "! on 1:1:1: no 'answered' within 5s [5 timeout]\n    wait answered within=5s\n    ^\n");
	assert_int_equal(runner_status(fake->runner), 0);
}

/* A handler that removes itself and others, and one whose command makes events. */
static void test_handlers_change_handlers(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "on incoming as a do off all");
	fake_run(fake, "on incoming as b do echo b");
	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), NULL);
	fake_turn(fake);
	assert_false(commands_have_handlers(fake->commands));
	assert_string_equal(fake_said(fake), "");
	fake_run(fake, "on incoming do on dtmf as again do echo again");
	fake_event(fake, "incoming", 1, NULL);
	fake_event(fake, "dtmf", 1, "digit=1", NULL); /* before the handler was there */
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "");
	fake_event(fake, "dtmf", 1, "digit=1", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> again\n");
}

/* No more than a bounded number of them runs at a time. */
static void test_flood(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "on dtmf as slow do sleep 1h");
	unsigned call = fake_call(fake, true, CALL_ANSWERED);
	for (int i = 0; i < 300; i++)
		fake_event(fake, "dtmf", call, "digit=1", NULL);
	fake_turn(fake);
	const char *said = fake_said(fake);
	assert_non_null(strstr(said, "handler slow: 256 commands of handlers run already"));
	fake_run(fake, "on dtmf as third do on dtmf as fourth do echo x");
}

/* ---- keys ---- */

static void test_bind(void **state)
{
	struct fake *fake = *state;
	const char *said;

	runner_keep_going(fake->runner, true);
	fake_run(fake, "bind");
	fake_run(fake, "bind f5 hold");
	fake_run(fake, "bind calls m mute");
	fake_run(fake, "bind C-M-S-pgup echo far away");
	assert_string_equal(commands_binding(fake->commands, "calls", true, "F5"), "hold");
	assert_string_equal(commands_binding(fake->commands, "calls", false, "F5"), "hold");
	assert_string_equal(commands_binding(fake->commands, NULL, false, "C-M-S-PageUp"), "echo far away");
	assert_string_equal(commands_binding(fake->commands, "calls", true, "m"), "mute");
	assert_null(commands_binding(fake->commands, "calls", false, "m"));
	assert_null(commands_binding(fake->commands, "log", true, "m"));
	fake_run(fake, "bind calls F5 resume");
	assert_string_equal(commands_binding(fake->commands, "calls", true, "F5"), "resume");
	assert_string_equal(commands_binding(fake->commands, "log", true, "F5"), "hold");
	fake_run(fake, "unbind calls F5");
	assert_string_equal(commands_binding(fake->commands, "calls", true, "F5"), "hold");
	fake_run(fake, "bind");
	said = fake_said(fake);
	assert_non_null(strstr(said, "no keys of your own"));
	assert_non_null(strstr(said, "bind F5 hold\nbind calls m mute\n"));
	/* What cannot be. */
	fake_run(fake, "bind m mute");
	said = fake_said(fake);
	assert_non_null(strstr(said, "m belongs to the command line: bind it in a view"));
	fake_run(fake, "bind calls C-c mute");
	said = fake_said(fake);
	assert_non_null(strstr(said, "C-c means the same everywhere"));
	fake_run(fake, "bind F13 mute");
	said = fake_said(fake);
	assert_non_null(strstr(said, "'F13' is no key"));
	fake_run(fake, "bind F5 nonsense");
	said = fake_said(fake);
	assert_non_null(strstr(said, "nonsense: no such command"));
	fake_run(fake, "unbind F6");
	said = fake_said(fake);
	assert_non_null(strstr(said, "F6 is not bound"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(handlers),
		TEST(firings),
		TEST(endless_handler),
		TEST(handlers_change_handlers),
		TEST(flood),
		TEST(bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
