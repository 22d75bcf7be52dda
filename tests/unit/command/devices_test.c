/* The list of sound devices, and devices that a script has named and that are not there. */
#include "tests/unit/command/fake_phone.h"

#define LISTED                                                                                                         \
	"=   input output           null\n"                                                                            \
	"* input output           USB Headset\n"                                                                       \
	"  input                  Desk Microphone\n"                                                                   \
	"  output                 Screen\n"

static void test_devices(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake_run(fake, "audio");
	assert_string_equal(fake_said(fake), LISTED);
	fake->phone->slow_devices = true;
	fake_run(fake, "audio list");
	fake_run(fake, "echo next");
	assert_string_equal(fake_said(fake), "");
	fake_devices(fake);
	assert_string_equal(fake_said(fake), LISTED "> next\n");
	/* Nobody waits any more when the answer comes. */
	fake_run(fake, "audio list");
	runner_interrupt(fake->runner);
	fake_said(fake);
	fake_devices(fake);
	assert_string_equal(fake_said(fake), "");
	fake_run(fake, "audio list"); /* and one comes after everything is gone: the teardown's */
}

/* A script goes on at once, and ends with 6 when the list comes and has no such device, or not only one. */
static void test_named_devices(void **state)
{
	struct fake *fake = *state;

	fake->phone->slow_devices = true;
	assert_true(fake_file(fake, "set audio.input usb\nset audio.output 'Headset, default'\necho on\n"));
	assert_string_equal(fake_said(fake), "> on\n");
	assert_int_equal(fake->ended, 0);
	assert_false(runner_settled(fake->runner));
	fake_devices(fake);
	assert_int_equal(fake->ended, 1);
	assert_int_equal(runner_status(fake->runner), 0);
	assert_true(fake_file(fake, "set audio.input nosuch\nsleep 5s\necho never\n"));
	fake_said(fake);
	fake_devices(fake);
	const char *said = fake_said(fake);
	assert_non_null(strstr(said, "! f.call:1:1: audio.input: 'nosuch' cannot be used"));
	assert_non_null(strstr(said, "set audio.input nosuch"));
	assert_null(strstr(said, "never"));
	assert_true(runner_settled(fake->runner));
	assert_int_equal(runner_status(fake->runner), STATUS_SOUND);
}

/* Also when it has nothing else to do; a prompt, a JSON client and a hyphen in front go on. */
static void test_named_devices_at_the_end(void **state)
{
	struct fake *fake = *state;

	fake->phone->slow_devices = true;
	fake_run(fake, "-set audio.input nosuch");
	assert_true(runner_settled(fake->runner));
	runner_keep_going(fake->runner, true);
	fake_run(fake, "set audio.input nosuch");
	fake_devices(fake);
	assert_non_null(strstr(fake_said(fake), "'nosuch' cannot be used"));
	fake_run(fake, "echo on");
	assert_non_null(strstr(fake_said(fake), "> on"));
	runner_keep_going(fake->runner, false);
	fake_run(fake, "audio use nosuch");
	assert_false(runner_settled(fake->runner));
	fake_devices(fake);
	assert_true(runner_settled(fake->runner));
	assert_int_equal(runner_status(fake->runner), STATUS_SOUND);
	fake_run(fake, "set audio.ringer nosuch"); /* over: not even that is run; the teardown finds nothing */
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(devices),
		TEST(named_devices),
		TEST(named_devices_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
