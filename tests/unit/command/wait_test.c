/* Waiting for events, in virtual time. */
#include "tests/unit/command/fake_phone.h"

static void end_call(struct fake *fake, unsigned call, enum call_state state, unsigned code, const char *reason)
{
	struct call_view *view = &fake->phone->calls[call - 1];
	char text[64];

	view->state = state;
	view->code = code;
	view->reason = reason;
	snprintf(text, sizeof text, "code=%u", code);
	char because[64];
	snprintf(because, sizeof because, "reason=%s", reason);
	fake_event(fake, state == CALL_FAILED ? "failed" : "ended", call, text, because, NULL);
}

static void test_event_comes(void **state)
{
	struct fake *fake = *state;

	assert_true(fake_file(fake, "call sip:bob@b.com\nwait ringing\necho rings $event $code\nwait answered "
				    "within=20s\necho up $call $reason\n"));
	assert_string_equal(fake_said(fake), "= call 1: dialling sip:bob@b.com\n");
	fake_event(fake, "ringing", 1, "code=180", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> rings ringing 180\n");
	fake_event(fake, "answered", 1, "code=200", "reason=OK", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> up 1 OK\n");
	assert_int_equal(fake->ended, 1);
	assert_int_equal(fake->status, 0);
}

static void test_out_of_time(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "wait incoming within=10s");
	fake_advance(fake, 9999 * MS_US);
	assert_string_equal(fake_said(fake), "");
	fake_advance(fake, 2 * MS_US);
	assert_string_equal(fake_said(fake),
			    "! -x:1:1: no 'incoming' within 10s [5 timeout]\n    wait incoming within=10s\n    ^\n");
	assert_int_equal(runner_status(fake->runner), STATUS_TIMEOUT);
	/* The script is over. */
	fake_run(fake, "echo more");
	assert_string_equal(fake_said(fake), "");
	assert_int_equal(fake->ended, 1);
}

static void test_default_time(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "set script.timeout 3s");
	fake_run(fake, "wait incoming status=9");
	fake_advance(fake, 2900 * MS_US);
	assert_int_equal(fake->ended, 1); /* of `set` */
	fake_advance(fake, 200 * MS_US);
	assert_int_equal(fake->ended, 2);
	assert_int_equal(fake->status, 9);
}

static void test_forever(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "wait incoming within=none");
	fake_advance(fake, 86400 * SECOND_US);
	assert_false(runner_idle(fake->runner));
	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), NULL);
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
}

/* Each event satisfies one wait, and what came earlier is remembered in any order. */
static void test_remembered(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "call a");
	fake_event(fake, "dtmf", 1, "digit=1", NULL);
	fake_event(fake, "dtmf", 1, "digit=2", NULL);
	fake_event(fake, "ringing", 1, "code=180", NULL);
	fake->phone->calls[0].state = CALL_RINGING;
	fake_run(fake, "wait ringing");
	fake_run(fake, "wait dtmf digit=2");
	fake_run(fake, "echo $digit");
	fake_run(fake, "wait dtmf");
	fake_run(fake, "echo $digit");
	fake_run(fake, "wait dtmf within=1s");
	assert_string_equal(fake_said(fake), "= call 1: dialling a\n> 2\n> 1\n");
	fake_advance(fake, 1100 * MS_US);
	assert_int_equal(runner_status(fake->runner), STATUS_TIMEOUT);
}

/* What was before the script began is none of its events. */
static void test_begins_fresh(void **state)
{
	struct fake *fake = *state;
	struct runner_output output = fake_output(fake);

	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), NULL);
	struct runner *late = runner_new(fake->commands, "late", &output);
	runner_line(late, SLICE("wait incoming within=1s"), false);
	fake_advance(fake, 2 * SECOND_US);
	assert_int_equal(runner_status(late), STATUS_TIMEOUT);
	runner_free(late);
}

/* Other calls' events are not meant, but for incoming ones. */
static void test_latest_call(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "call a");
	fake_run(fake, "call b");
	fake_run(fake, "wait answered");
	fake_event(fake, "answered", 1, NULL);
	fake_turn(fake);
	assert_false(runner_idle(fake->runner));
	fake_event(fake, "answered", 2, NULL);
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "wait answered call=1 within=1s");
	assert_true(runner_idle(fake->runner));
	unsigned third = fake_call(fake, true, CALL_INCOMING);
	fake_event(fake, "incoming", third, "from=sip:x@y", NULL);
	fake_said(fake);
	fake_run(fake, "wait incoming");
	fake_run(fake, "echo $call $from");
	fake_run(fake, "answer");
	assert_string_equal(fake_said(fake), "> 3 sip:x@y\n");
	assert_non_null(strstr(fake_told(fake), "answer 3 after 0\n"));
	/* By id, by pattern, and one that there is not. */
	fake_run(fake, "wait ended call=* within=5s");
	end_call(fake, 1, CALL_ENDED, 0, "");
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "wait ended call=id7");
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

static void test_patterns(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "wait incoming from=*@biloxi.com account=work");
	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), "from=sip:eve@evil.com", "account=work",
		   NULL);
	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), "from=sip:bob@biloxi.com", NULL);
	fake_turn(fake);
	assert_false(runner_idle(fake->runner));
	fake_event(fake, "incoming", fake_call(fake, true, CALL_INCOMING), "from=sip:bob@biloxi.com", "account=work",
		   NULL);
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
	assert_int_equal(runner_call(fake->runner), 3);
}

/* The call failed: waits for its answer end at once, with its code. */
static void test_call_fails(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "call a");
	fake_run(fake, "-wait answered|media within=60s");
	fake_run(fake, "echo $code $reason $status");
	fake_said(fake);
	end_call(fake, 1, CALL_FAILED, 486, "Busy Here");
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "! -x:2:1: call 1 failed: 486 Busy Here [4 failed]\n    -wait "
					     "answered|media within=60s\n    ^\n> 486 Busy Here 4\n");
	/* wait failed takes it. */
	fake_run(fake, "wait failed");
	assert_true(runner_idle(fake->runner));
	assert_int_equal(runner_status(fake->runner), 0);
	/* A failure comes once. */
	fake_run(fake, "wait ended");
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

static void test_hopeless(void **state)
{
	static const char *const lines[] = { "wait ringing", "wait trying", "wait early-media", "wait failed" };
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake_run(fake, "call a");
	fake->phone->calls[0].state = CALL_ANSWERED;
	fake_said(fake);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		fake_run(fake, lines[i]);
		assert_non_null(strstr(fake_said(fake), "cannot come any more [4 answered]"));
	}
	/* As long as one of several may come it is waited for. */
	fake_run(fake, "wait failed|ended");
	assert_false(runner_idle(fake->runner));
	end_call(fake, 1, CALL_ENDED, 200, "OK");
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "");
	fake_run(fake, "wait held");
	assert_non_null(strstr(fake_said(fake), "call 1 has ended ["));
}

static void test_is_so_already(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "call a");
	fake->phone->calls[0].state = CALL_ANSWERED;
	fake->phone->calls[0].has_media = true;
	fake_run(fake, "wait answered");
	fake_run(fake, "wait media direction=out");
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "wait held");
	assert_false(runner_idle(fake->runner));
	fake->phone->calls[0].held_by_us = true;
	fake->phone->calls[0].state = CALL_HELD;
	fake_event(fake, "held", 1, NULL);
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "wait held");
	assert_true(runner_idle(fake->runner));
	assert_int_equal(runner_status(fake->runner), 0);
}

static void test_registered(void **state)
{
	struct fake *fake = *state;
	struct account_view *view = &fake->phone->accounts[0];

	fake->phone->account_count = 2;
	view[0] = (struct account_view){
		.name = "alice", .address = "alice@atlanta.com", .state = "registering", .reason = "", .cause = ""
	};
	view[1] = (struct account_view){
		.name = "work", .address = "a@work.com", .state = "registered", .reason = "", .cause = ""
	};
	fake_run(fake, "wait registered");
	fake_run(fake, "wait registered account=work");
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "-wait registered account=al*");
	assert_false(runner_idle(fake->runner));
	/* A failure with a retry is waited out. */
	view[0].state = "failed";
	view[0].retry_s = 30;
	view[0].cause = "timeout";
	fake_event(fake, "register-failed", 0, "account=alice", "code=503", "retry=30", NULL);
	fake_turn(fake);
	assert_false(runner_idle(fake->runner));
	view[0].retry_s = 0;
	view[0].cause = "connect";
	view[0].reason = "nobody listens";
	fake_event(fake, "register-failed", 0, "account=alice", "retry=0", NULL);
	fake_turn(fake);
	assert_non_null(strstr(fake_said(fake), "alice@atlanta.com is not registered: nobody listens [7 connect]"));
	view[0].cause = "auth";
	view[0].code = 403;
	fake_run(fake, "wait register-failed code=503");
	fake_run(fake, "wait register-failed");
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "wait registered account=alice");
	assert_int_equal(runner_status(fake->runner), STATUS_REGISTER);
}

static void test_not(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake_run(fake, "call a");
	fake_said(fake);
	fake_run(fake, "wait not dtmf within=2s");
	fake_advance(fake, 1900 * MS_US);
	assert_false(runner_idle(fake->runner));
	fake_advance(fake, 200 * MS_US);
	assert_true(runner_idle(fake->runner));
	assert_int_equal(runner_status(fake->runner), 0);
	fake_run(fake, "wait not dtmf within=2s");
	fake_event(fake, "dtmf", 1, "digit=5", NULL);
	fake_turn(fake);
	assert_non_null(strstr(fake_said(fake), "dtmf came, which was not to come"));
	assert_int_equal(runner_status(fake->runner), STATUS_FALSE);
	/* What cannot come any more does not come. */
	end_call(fake, 1, CALL_ENDED, 0, "");
	fake_run(fake, "wait not held within=1h");
	assert_true(runner_idle(fake->runner));
	assert_int_equal(runner_status(fake->runner), 0);
}

/* Without a call of its own a script takes the first that comes. */
static void test_no_call(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "wait answered");
	unsigned call = fake_call(fake, true, CALL_ANSWERED);
	fake_event(fake, "answered", call, NULL);
	fake_turn(fake);
	assert_int_equal(runner_call(fake->runner), call);
}

static void test_sleep_and_interrupt(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake_run(fake, "sleep 5s");
	fake_run(fake, "echo awake");
	fake_advance(fake, 4999 * MS_US);
	assert_string_equal(fake_said(fake), "");
	fake_advance(fake, 2 * MS_US);
	assert_string_equal(fake_said(fake), "> awake\n");
	fake_run(fake, "wait incoming");
	fake_run(fake, "echo never");
	runner_interrupt(fake->runner);
	assert_non_null(strstr(fake_said(fake), "interrupted"));
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "echo next");
	assert_string_equal(fake_said(fake), "> next\n");
}

static void test_options(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake_run(fake, "ping sip:b@c");
	fake_event(fake, "response", 0, "request=7", "code=200", NULL);
	fake_turn(fake);
	assert_false(runner_idle(fake->runner));
	fake_event(fake, "response", 0, "request=1", "code=200", "reason=OK", "duration=0.012", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "= 200 OK in 12 ms\n");
	fake_run(fake, "options sip:b@c");
	fake_event(fake, "response", 0, "request=2", "code=404", "reason=Not Found", "cause=response", NULL);
	fake_turn(fake);
	assert_non_null(strstr(fake_said(fake), "sip:b@c answered 404 Not Found [4 response]"));
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

/* More events than the log keeps: no wait is lost, none is satisfied by an old one. */
static void test_flood(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "call a");
	fake_run(fake, "wait dtmf digit=9 within=none");
	for (int i = 0; i < EVENT_LOG_MAX + 100; i++) {
		fake_event(fake, "dtmf", 1, "digit=1", NULL);
		if (i % 1000 == 0)
			fake_turn(fake);
	}
	fake_turn(fake);
	assert_false(runner_idle(fake->runner));
	fake_event(fake, "dtmf", 1, "digit=9", NULL);
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "wait dtmf digit=9 within=1s");
	fake_advance(fake, 2 * SECOND_US);
	assert_int_equal(runner_status(fake->runner), STATUS_TIMEOUT);
}

/* Another script than before, as each `offhook ctl COMMAND` is. */
static void begin_anew(struct fake *fake)
{
	struct runner_output output = fake_output(fake);

	runner_free(fake->runner);
	fake->runner = runner_new(fake->commands, "-x", &output);
	runner_keep_going(fake->runner, true);
	runner_set_call(fake->runner, 1);
	fake_said(fake);
}

/* What another script has brought about is so, as long as nothing else came since; a moment that is over is over. */
static void test_earlier(void **state)
{
	struct fake *fake = *state;

	fake_call(fake, false, CALL_ANSWERED);
	fake_event(fake, "held", 1, NULL);
	fake_event(fake, "resumed", 1, NULL);
	fake_event(fake, "unregistered", 0, "account=work", NULL);
	fake_event(fake, "dtmf", 1, "digit=1", NULL);
	begin_anew(fake);
	fake_run(fake, "wait resumed");
	fake_run(fake, "echo $event");
	fake_run(fake, "wait unregistered account=work within=1s");
	fake_run(fake, "echo $event");
	assert_string_equal(fake_said(fake), "> resumed\n> unregistered\n");
	static const char *const in_vain[] = { "wait resumed call=7 within=1s", "wait dtmf within=1s",
					       "wait unregistered account=home within=1s",
					       "wait remote-resumed within=1s" };
	for (size_t i = 0; i < ARRAY_LEN(in_vain); i++) {
		fake_run(fake, in_vain[i]);
		fake_advance(fake, 2 * SECOND_US);
		assert_true(runner_status(fake->runner) != 0);
	}
	fake_event(fake, "held", 1, NULL);
	fake_event(fake, "register-failed", 0, "account=work", "retry=30", NULL);
	fake_turn(fake);
	fake_said(fake);
	fake_run(fake, "wait resumed within=1s");
	fake_advance(fake, 2 * SECOND_US);
	fake_run(fake, "wait unregistered within=1s");
	fake_advance(fake, 2 * SECOND_US);
	assert_non_null(strstr(fake_said(fake), "no 'unregistered' within 1s"));
	end_call(fake, 1, CALL_ENDED, 200, "OK");
	begin_anew(fake);
	fake_run(fake, "wait ended");
	assert_int_equal(runner_status(fake->runner), 0);
	fake_run(fake, "wait failed");
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(event_comes),   TEST(out_of_time), TEST(default_time), TEST(forever),    TEST(remembered),
		TEST(begins_fresh),  TEST(latest_call), TEST(patterns),     TEST(call_fails), TEST(hopeless),
		TEST(is_so_already), TEST(registered),  TEST(not ),         TEST(no_call),    TEST(sleep_and_interrupt),
		TEST(options),       TEST(flood),       TEST(earlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
