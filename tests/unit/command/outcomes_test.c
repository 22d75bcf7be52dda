/* What a script has sent or asked for must end well, and its end waits for it. */
#include "tests/unit/command/fake_phone.h"

#include "base/xmalloc.h"

#include <stdlib.h>

/* Who goes on whatever fails, as a client of the socket, waits in vain no longer than a file does. */
static void test_waits_of_clients(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake->phone->under_way = true;
	fake_run(fake, "message bob hello");
	fake_run(fake, "wait message-sent");
	fake->phone->under_way = false;
	fake_event(fake, "message-failed", 0, "message=1", "to=sip:bob@b.com", "code=480", "reason=Away", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "! -x:2:1: message to sip:bob@b.com not delivered: 480 Away [4 "
					     "message-failed]\n    wait message-sent\n    ^\n");
	fake_call(fake, false, CALL_ANSWERED);
	runner_set_call(fake->runner, 1);
	fake_run(fake, "transfer carol@c.com");
	fake->phone->under_way = true;
	fake_run(fake, "wait transferred");
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "");
	fake->phone->under_way = false;
	fake_event(fake, "transfer-failed", 1, "by=us", "target=sip:carol@c.com", "code=486", "reason=Busy", NULL);
	fake_turn(fake);
	assert_non_null(strstr(fake_said(fake), "the transfer to sip:carol@c.com failed: 486 Busy [4 refused]\n"));
	fake_event(fake, "subscribe-failed", 0, "from=sip:a@b", "package=presence", "code=503", "retry=30", NULL);
	fake_run(fake, "wait subscribed within=1s");
	fake_advance(fake, 2 * SECOND_US);
	assert_non_null(strstr(fake_said(fake), "no 'subscribed' within 1s; presence of sip:a@b is not watched: 503"));
}

/* A script ends when it knows what became of its messages. */
static void test_messages_must_arrive(void **state)
{
	struct fake *fake = *state;

	fake->phone->under_way = true;
	assert_true(fake_file(fake, "message bob hello there"));
	assert_string_equal(fake_told(fake), "message bob 'hello there'\n");
	assert_int_equal(fake->ended, 0);
	fake->phone->under_way = false;
	fake_event(fake, "message-sent", 0, "message=1", "code=200", NULL);
	fake_turn(fake);
	assert_int_equal(fake->ended, 1);
	assert_int_equal(runner_status(fake->runner), 0);
	/* A wait has looked at this failure; at the next nobody has. */
	fake->phone->under_way = true;
	assert_true(fake_file(fake, "message bob one\nwait message-failed\necho seen $code"));
	fake->phone->under_way = false;
	fake_event(fake, "message-failed", 0, "message=2", "code=404", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> seen 404\n");
	assert_int_equal(runner_status(fake->runner), 0);
	fake->phone->under_way = true;
	assert_true(fake_file(fake, "message bob two"));
	fake->phone->under_way = false;
	fake_event(fake, "message-failed", 0, "message=3", "to=sip:bob@b.com", "code=480", "reason=Away", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "! message to sip:bob@b.com not delivered: 480 Away [4 message-failed]\n");
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

/* Nor does it end before it knows whether what it watches is told. */
static void test_subscriptions_must_work(void **state)
{
	struct fake *fake = *state;

	fake->phone->under_way = true;
	assert_true(fake_file(fake, "subscribe sip:bob@b.com package=dialog"));
	/* Of another package, and of another line. */
	fake_event(fake, "subscribe-failed", 0, "from=sip:bob@b.com", "package=presence", NULL);
	fake_event(fake, "subscribe-failed", 0, "from=sip:eve@b.com", "package=dialog", NULL);
	fake_turn(fake);
	assert_int_equal(fake->ended, 0);
	fake_event(fake, "subscribed", 0, "from=sip:bob@b.com", "package=dialog", NULL);
	fake_turn(fake);
	assert_int_equal(fake->ended, 1);
	assert_int_equal(runner_status(fake->runner), 0);
	fake_said(fake);
	/* A wait has looked at this failure; at the next nobody has. */
	assert_true(fake_file(fake, "subscribe sip:al@b.com\nwait subscribe-failed from=*al*\necho seen $code"));
	fake_event(fake, "subscribe-failed", 0, "from=sip:al@b.com", "package=presence", "code=489", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> seen 489\n");
	assert_int_equal(runner_status(fake->runner), 0);
	assert_true(fake_file(fake, "subscribe sip:bob@b.com"));
	fake_event(fake, "subscribe-failed", 0, "from=sip:bob@b.com", "package=presence", "code=489",
		   "reason=Bad Event", "cause=refused", "retry=0", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake),
			    "! presence of sip:bob@b.com is not watched: 489 Bad Event (refused) [4 refused]\n");
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

/* "held direction=out", and one word more. */
static void event_of_words(struct fake *fake, const char *text, unsigned call, const char *more)
{
	char copy[200], *words[5] = { 0 }, *at = copy;

	snprintf(copy, sizeof copy, "%s %s", text, more);
	for (size_t i = 0; i < ARRAY_LEN(words) && (words[i] = strsep(&at, " ")); i++)
		continue;
	fake_event(fake, words[0], call, words[1], words[2], words[3], words[4], NULL);
}

/* The same of all that has an outcome of its own: its event, and only that, ends the script. */
static void test_outcomes_are_waited_for(void **state)
{
	static const struct {
		const char *line, *other, *good, *bad;
		unsigned call;
		int status;
		const char *key; /* of all events */
	} rows[] = {
		{ "publish", "publish-failed account=bob", "published", "publish-failed code=489 cause=refused",
		  0, STATUS_CALL, "account=alice" },
		{ "publish off", "published account=alice", "unpublished",
		  "publish-failed code=503 cause=refused retry=0", 0, STATUS_CALL, "account=alice" },
		{ "unregister", "registered account=alice", "unregistered",
		  "register-failed code=500 cause=refused retry=0", 0, STATUS_REGISTER, "account=alice" },
		{ "register alice", "registered account=bob", "registered",
		  "register-failed code=503 cause=dns retry=0", 0, STATUS_NETWORK, "account=alice" },
		{ "hold 1", "reinvite direction=in", "held", "reinvite direction=out code=488", 1, STATUS_CALL,
		  "id=x" },
		{ "resume 1", "reinvite direction=out code=200", "resumed",
		  "reinvite direction=out code=488", 1, STATUS_CALL, "id=x" },
		{ "reinvite 1", "reinvite direction=out code=200 refresh=yes", "reinvite direction=out code=200",
		  "reinvite direction=out code=488", 1, STATUS_CALL, "id=x" },
		{ "update 1", "update direction=in", "update direction=out code=200",
		  "update direction=out code=500", 1, STATUS_CALL, "id=x" },
		{ "transfer carol call=1", "transferred by=them", "transferred by=us",
		  "transfer-failed by=us code=603", 1, STATUS_CALL, "id=x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int how = 0; how < 3; how++) {
			void *own = NULL;
			assert_int_equal(fake_setup(&own), 0);
			struct fake *fake = own;
			fake->phone->under_way = true;
			fake->phone->accounts[fake->phone->account_count++] =
				(struct account_view){ .name = "alice",
						       .address = "sip:alice@a.com",
						       .state = "registering" };
			fake_call(fake, false, strcmp(rows[i].line, "resume 1") ? CALL_ANSWERED : CALL_HELD);
			char *line = xasprintf("%s%s", how == 2 ? "-" : "", rows[i].line);
			assert_true(fake_file(fake, line));
			free(line);
			event_of_words(fake, rows[i].other, rows[i].call, "id=y");
			fake_turn(fake);
			assert_int_equal(fake->ended, 0);
			event_of_words(fake, how ? rows[i].bad : rows[i].good, rows[i].call, rows[i].key);
			fake_turn(fake);
			assert_int_equal(fake->ended, 1);
			assert_int_equal(runner_status(fake->runner), how == 1 ? rows[i].status : 0);
			fake_teardown(&own);
		}
	}
}

/* What was asked for and refused for good is not waited for. */
static void test_hopeless_subscriptions(void **state)
{
	struct fake *fake = *state;

	assert_true(
		fake_file(fake, "subscribe bob\nwait subscribe-failed\nsubscribe carol\nwait subscribed\necho fine"));
	fake_event(fake, "subscribe-failed", 0, "from=bob", "code=404", "retry=0", NULL);
	fake_turn(fake);
	fake_event(fake, "subscribed", 0, "from=carol", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "> fine\n");
	assert_true(fake_file(fake, "subscribe bob\nwait subscribed"));
	fake_event(fake, "subscribe-failed", 0, "from=bob", "code=503", "retry=30", NULL);
	fake_turn(fake);
	assert_string_equal(fake_said(fake), "");
	fake_event(fake, "subscribe-failed", 0, "from=bob", "code=489", "reason=Bad Event", "retry=0", NULL);
	fake_turn(fake);
	assert_non_null(strstr(fake_said(fake), "is not watched: 489 Bad Event"));
	assert_int_equal(runner_status(fake->runner), STATUS_CALL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(waits_of_clients),
		TEST(messages_must_arrive),
		TEST(subscriptions_must_work),
		cmocka_unit_test(test_outcomes_are_waited_for),
		TEST(hopeless_subscriptions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
