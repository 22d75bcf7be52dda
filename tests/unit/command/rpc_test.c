/* JSON-RPC on the command table. */
#include "tests/unit/command/fake_phone.h"

#include <jansson.h>

static char answer[1 << 16];
static int answers;

static void on_reply(void *arg, const char *line)
{
	(void)arg;
	if (!line)
		return;
	answers++;
	snprintf(answer, sizeof answer, "%s", line);
	assert_null(strchr(line, '\n'));
}

static const char *ask(struct fake *fake, const char *line)
{
	answers = 0;
	answer[0] = '\0';
	rpc_line(fake->runner, slice_of(line), on_reply, NULL);
	return answer;
}

#define REQUEST(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}"
#define RESULT(result) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" result "}"

static void test_results(void **state)
{
	static const char *const rows[][3] = {
		{ REQUEST("call", "{\"target\":\"sip:bob@biloxi.com\",\"from\":\"work\",\"header\":[\"A:1\",\"B:2\"]}"),
		  RESULT("{\"call\":1,\"id\":\"id1\"}"), "call sip:bob@biloxi.com from=work A:1\n" },
		{ REQUEST("dtmf", "{\"digits\":\"42#\",\"call\":1}"), RESULT("{\"call\":1}"), "dtmf 1 42# ''\n" },
		{ REQUEST("account.add", "{\"address\":\"sip:a@b\",\"password\":\"x y\",\"expires\":60}"), RESULT("{}"),
		  "account add sip:a@b [password=x y] [expires=60]\n" },
		{ REQUEST("unregister", "{\"account\":\"work\",\"all\":true}"), RESULT("{}"), "unregister 'work' 1\n" },
		{ REQUEST("contact.add", "{\"name\":\"Bob\",\"target\":[\"sip:b@c\"]}"), RESULT("{}"),
		  "contact add 'Bob' sip:b@c - 0\n" },
		{ REQUEST("set", "{\"name\":\"call.max\",\"value\":5}"), RESULT("{}"), "set call.max=5\n" },
		{ REQUEST("get", "{\"name\":\"call.max\"}"), RESULT("{\"name\":\"call.max\",\"value\":\"5\"}"), "" },
		{ REQUEST("echo", "{\"text\":\"$who\"}"), RESULT("{\"text\":\"$who\"}"), "" },
		{ REQUEST("why", "{}"), RESULT("{\"text\":\"because\"}"), "why '1'\n" },
		{ REQUEST("codec", "{}"),
		  RESULT("[{\"name\":\"opus\",\"enabled\":true},{\"name\":\"PCMU\",\"enabled\":true},{\"name\":"
			 "\"PCMA\",\"enabled\":false}]"),
		  "" },
		{ REQUEST("contact.list", "{}"),
		  RESULT("[{\"name\":\"Bob Brown\",\"target\":\"sip:bob@biloxi.com\",\"addresses\":"
			 "[{\"target\":\"sip:bob@biloxi.com\",\"call\":\"Bob Brown\"}]},"
			 "{\"name\":\"Carol\",\"target\":\"sip:carol@chicago.com\",\"addresses\":"
			 "[{\"target\":\"sip:carol@chicago.com\",\"call\":\"Carol/work\",\"kind\":\"work\","
			 "\"prefer\":1},"
			 "{\"target\":\"+1-555-0100\",\"call\":\"Carol/mobile\",\"kind\":\"mobile\"}],"
			 "\"ring\":\"chime\",\"auto-answer\":\"off\",\"speed\":7},"
			 "{\"name\":\"Zoe O'Brien\",\"target\":\"sip:zoe@dublin.com\",\"addresses\":"
			 "[{\"target\":\"sip:zoe@dublin.com\",\"call\":\"Zoe O'Brien\"}]}]"),
		  "" },
		{ REQUEST("on",
			  "{\"event\":\"incoming\",\"name\":\"pick\",\"from\":\"*@a.com\",\"command\":\"answer\"}"),
		  RESULT("{\"handler\":\"pick\"}"), "" },
		{ REQUEST("expect", "{\"left\":\"calls.count\",\"op\":\"==\",\"right\":1}"), RESULT("{}"), "" },
		{ REQUEST("command", "{\"line\":\"mute 1\"}"), RESULT("{\"call\":1}"), "mute 1 1\n" },
		{ REQUEST("command", "{\"words\":[\"echo\",\"a  b $who #c\"],\"text\":true}"),
		  RESULT("{\"text\":\"a  b $who #c\"}"), "" },
		{ REQUEST("command", "{\"line\":\"get call.max\",\"text\":true,\"columns\":100}"),
		  RESULT("{\"text\":\"5\"}"), "" },
		{ REQUEST("command", "{\"line\":\"mut 1\",\"interactive\":true}"), RESULT("{\"call\":1}"),
		  "mute 1 1\n" },
		{ REQUEST("complete", "{\"line\":\"hangu\",\"point\":5}"),
		  RESULT("{\"start\":0,\"words\":[\"hangup\"]}"), "" },
		{ REQUEST("interrupt", "{}"), RESULT("{}"), "" },
		{ REQUEST("contact.import", "{\"file\":\"a.vcf\"}"), RESULT("{\"taken\":2,\"left\":1}"),
		  "import a.vcf\n" },
		{ REQUEST("command", "{\"line\":\"contact export a.vcf\",\"text\":true,\"folder\":\"/x\"}"),
		  RESULT("{\"text\":\"2 written\"}"), "export /x/a.vcf\n" },
		{ REQUEST("history", "{\"kind\":\"missed\",\"since\":\"2h\",\"match\":\"x*\",\"last\":1}"),
		  RESULT("[{\"entry\":2,\"time\":1795344122,\"direction\":\"in\",\"how\":\"missed\",\"seconds\":0,"
			 "\"code\":487,\"account\":\"work\",\"address\":\"sip:c@d\",\"name\":\"Carol\",\"why\":\"no\","
			 "\"dialled\":\"\"}"
			 "]"),
		  "history kind=missed since=1 match=x*\nhistory seen\n" },
		{ REQUEST("command", "{\"line\":\"history format=csv since=2026-11-22T10:30\",\"text\":true}"),
		  RESULT("{\"text\":\"number,time,direction,how,seconds,code,account,address,name,why,dialled\\n"
			 "2,2026-11-22T10:42:02Z,in,missed,0,487,\\\"work\\\",\\\"sip:c@d\\\",\\\"Carol\\\","
			 "\\\"no\\\",\\\"\\\"\\n"
			 "1,2026-11-22T10:40:00Z,out,answered,75,200,\\\"\\\",\\\"sip:b@c\\\",\\\"'=x\\\"\\\"\\\","
			 "\\\"\\\",\\\"Bob/work\\\"\"}"),
		  "history kind= since=1 match=\nhistory seen\n" },
		{ REQUEST("command", "{\"line\":\"if calls.count == 1 do get call.max\"}"),
		  RESULT("{\"name\":\"call.max\",\"value\":\"5\"}"), "" },
		{ REQUEST("command", "{\"line\":\"if calls.count == 7 do get call.max\"}"), RESULT("{}"), "" },
		{ REQUEST("call", "[\"sip:bob@biloxi.com\"]"), RESULT("{\"call\":2,\"id\":\"id2\"}"),
		  "call sip:bob@biloxi.com\n" },
		{ REQUEST("set", "[\"call.max\",5]"), RESULT("{}"), "set call.max=5\n" },
		{ REQUEST("contact.add", "[\"Bob\",\"sip:b@c\",\"sip:d@e\"]"), RESULT("{}"),
		  "contact add 'Bob' sip:b@c - 0\ncontact add 'Bob' sip:d@e - 0\n" },
		{ REQUEST("if", "[\"calls.count\",\"==\",2,\"get call.max\"]"),
		  RESULT("{\"name\":\"call.max\",\"value\":\"5\"}"), "" },
		{ REQUEST("command", "[\"get call.max\"]"), RESULT("{\"name\":\"call.max\",\"value\":\"5\"}"), "" },
		{ REQUEST("why", "[null]"), RESULT("{\"text\":\"because\"}"), "why '2'\n" },
		{ REQUEST("redial", "{\"entry\":2}"), RESULT("{\"call\":3,\"id\":\"id3\"}"), "call sip:c@d\n" },
	};
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(ask(fake, rows[i][0]), rows[i][1]);
		assert_int_equal(answers, 1);
		assert_string_equal(fake_told(fake), rows[i][2]);
	}
	assert_string_equal(fake_said(fake), ""); /* answers go to those who asked */
}

static void test_errors(void **state)
{
	static const char *const rows[][2] = {
		{ "{", "\"code\":-32700" },
		{ "{\"a\":1,\"a\":2}", "\"code\":-32700" },
		{ "{}", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"why\"}", "\"id\":5,\"error\":{\"code\":-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"why\"}", "\"id\":null,\"error\":{\"code\":-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":7}", "\"id\":\"a\",\"error\":{\"code\":-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call\",\"params\":\"x\"}",
		  "\"code\":-32600,\"message\":\"params are an object, arguments by name, or an array, arguments by "
		  "place\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"why\"}", "\"id\":null,\"error\":{\"code\":-32600" },
		{ "[", "\"id\":null,\"error\":{\"code\":-32700" },
		{ "[]", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"an array without "
			"requests\"" },
		{ "[1]", "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600" },
		{ REQUEST("hangup", "[1,2]"), "\"code\":2,\"message\":\"hangup takes no more than 1 params\"" },
		{ REQUEST("call", "[]"), "\"message\":\"TARGET is missing\"" },
		{ REQUEST("account.add", "[\"sip:a@b\",\"password=x\"]"),
		  "options go by name, so its params are an object" },
		{ REQUEST("cal", "{}"),
		  "\"error\":{\"code\":-32601,\"message\":\"cal: no such method; did you mean 'call'?\"" },
		{ REQUEST("account add", "{}"),
		  "\"code\":-32601,\"message\":\"account add: no such method; did you mean 'account.add'?\"" },
		{ REQUEST("call", "{}"),
		  "\"code\":2,\"message\":\"TARGET is missing\",\"data\":{\"reason\":\"params\"}" },
		{ REQUEST("alias", "{\"name\":\"hi\",\"command\":\"echo a\\nquit\"}"),
		  "\"code\":2,\"message\":\"COMMAND is more than one line\"" },
		{ REQUEST("call", "{\"target\":{}}"),
		  "\"code\":2,\"message\":\"'TARGET' must be a text or a number\"" },
		{ REQUEST("call", "{\"target\":\"a\",\"to\":\"b\"}"),
		  "\"message\":\"to: no such member of params of call\"" },
		{ REQUEST("call", "{\"target\":\"a\",\"codec\":[\"x\",\"y\"]}"),
		  "\"message\":\"'codec' takes one value\"" },
		{ REQUEST("sleep", "{\"duration\":5}"), "\"message\":\"5 has no unit: write 5s, 5ms or 5m\"" },
		{ REQUEST("wait", "{\"event\":\"answered\",\"not\":1}"), "\"message\":\"'not' is true or false\"" },
		{ REQUEST("account.add", "{\"address\":\"sip:a@b\",\"pasword\":\"x\"}"), "did you mean 'password'?" },
		{ REQUEST("if", "{\"left\":\"calls.count\",\"op\":\"==\",\"right\":0,\"command\":\"hangpu\"}"),
		  "hangpu: no such command" },
		{ REQUEST("hangup", "{\"call\":9}"),
		  "\"error\":{\"code\":4,\"message\":\"there is no call 9\",\"data\":{\"reason\":\"no-such-call\"}}" },
		{ REQUEST("command", "{}"), "\"code\":2,\"message\":\"command needs one member of params: line, a "
					    "text\"" },
		{ REQUEST("command", "{\"line\":\"  \"}"), "\"code\":2,\"message\":\"line is empty\"" },
		{ REQUEST("command", "{\"line\":\"why\",\"words\":[\"why\"]}"), "\"code\":2" },
		{ REQUEST("command", "{\"words\":[\"why\",7]}"), "\"code\":2" },
		{ REQUEST("command", "{\"words\":[]}"), "\"code\":2" },
		{ REQUEST("command", "{\"line\":\"why\",\"banana\":1}"), "\"code\":2" },
		{ REQUEST("complete", "{\"line\":\"hangu\",\"point\":9}"),
		  "\"message\":\"complete needs line, a text, and point, a place in it\"" },
		{ REQUEST("complete", "{\"line\":\"hangu\",\"point\":-1}"), "\"code\":2" },
		{ REQUEST("detach", "{}"), "not-attached" },
		{ REQUEST("history", "{\"since\":\"yesterday\"}"), "is no time: write 2h" },
		{ REQUEST("command", "{\"line\":\"anwser\"}"),
		  "\"code\":2,\"message\":\"anwser: no such command; did you mean 'answer'?\"" },
		{ REQUEST("expect", "{\"left\":\"calls.count\",\"op\":\"==\",\"right\":1}"),
		  "\"code\":1,\"message\":\"expect calls.count == 1: it was 0\"" },
	};
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = ask(fake, rows[i][0]);
		if (answers != 1 || !strstr(got, rows[i][1]))
			fail_msg("%s\nshould answer %s\nbut answers %s", rows[i][0], rows[i][1], got);
		json_t *json = json_loads(got, 0, NULL);
		assert_non_null(json);
		json_decref(json);
	}
	/* A failure of the protocol underneath carries its code. */
	fake->phone->next_failure =
		(struct failure){ .status = STATUS_CALL, .reason = "busy", .text = "busy", .sip = 486 };
	assert_string_equal(ask(fake, REQUEST("call", "{\"target\":\"x\"}")),
			    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":4,\"message\":\"busy\",\"data\":{"
			    "\"reason\":\"busy\",\"sip\":486}}}");
}

static void test_notifications(void **state)
{
	struct fake *fake = *state;

	ask(fake, "{\"jsonrpc\":\"2.0\",\"method\":\"mute\"}");
	assert_int_equal(answers, 0);
	assert_string_equal(fake_told(fake), "mute 0 1\n");
	ask(fake, "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}");
	assert_int_equal(answers, 0);
}

/* Several at once: one line of answers when the last has come, none for notifications, none at all for only those. */
static void test_batches(void **state)
{
	struct fake *fake = *state;
	struct runner_output output = fake_output(fake);

	runner_keep_going(fake->runner, true);
	assert_string_equal(ask(fake, "[" REQUEST("get", "[\"call.max\"]") ",{\"jsonrpc\":\"2.0\",\"method\":\"mute\"},"
				      "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"nosuch\"},7]"),
			    "[" RESULT("{\"name\":\"call.max\",\"value\":\"16\"}")
			    ",{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32601,\"message\":\"nosuch: no "
			    "such method\",\"data\":{\"reason\":\"no-such-method\"}}},{\"jsonrpc\":\"2.0\",\"id\":null,"
			    "\"error\":{\"code\":-32600,\"message\":\"a request has jsonrpc \\\"2.0\\\", a method, and "
			    "an id that is a text or a number\",\"data\":{\"reason\":\"request\"}}}]");
	assert_int_equal(answers, 1);
	assert_string_equal(fake_told(fake), "mute 0 1\n");
	ask(fake, "[{\"jsonrpc\":\"2.0\",\"method\":\"mute\"}]");
	assert_int_equal(answers, 0);
	ask(fake, "[" REQUEST("sleep", "[\"5s\"]") "," REQUEST("get", "[\"calls.count\"]") "]");
	assert_int_equal(answers, 0);
	runner_interrupt(fake->runner);
	assert_int_equal(answers, 1);
	assert_non_null(strstr(answer, "interrupted"));
	assert_non_null(strstr(answer, "what came before failed or was interrupted: this was not run"));
	/* Its runner goes before the last answer: so does what was collected. */
	struct runner *other = runner_new(fake->commands, "other", &output);
	runner_keep_going(other, true);
	answers = 0;
	rpc_line(other, SLICE("[" REQUEST("get", "[\"calls.count\"]") "," REQUEST("sleep", "[\"5s\"]") "]"), on_reply,
		 NULL);
	runner_free(other);
	assert_int_equal(answers, 0);
	char *many = malloc(1000), *p = many;
	for (int i = 0; i < 257; i++)
		p += sprintf(p, "%s7", i ? "," : "[");
	strcpy(p, "]");
	assert_non_null(strstr(ask(fake, many), "at most 256 requests"));
	free(many);
}

static void on_done(void *arg, const char *line)
{
	(void)line;
	++*(int *)arg;
}

/* Who counts what is not done yet hears of requests that were dropped, without an id too. */
static void test_dropped_are_counted(void **state)
{
	struct fake *fake = *state;
	int done = 0;

	runner_keep_going(fake->runner, true);
	for (int i = 0; i < 3; i++)
		rpc_line(fake->runner, SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":[\"5s\"]}"), on_done,
			 &done);
	runner_interrupt(fake->runner);
	assert_int_equal(done, 3);
}

/* What ends something does not wait for somebody's answer; all else keeps its turn, and so does what stands behind a
 * `wait`, in an array, or on a line. */
static void test_endings_do_not_wait(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	fake_call(fake, false, CALL_ANSWERED);
	ask(fake, REQUEST("options", "{\"target\":\"sip:x@y\"}"));
	ask(fake, REQUEST("echo", "{\"text\":\"in its turn\"}"));
	assert_int_equal(answers, 0);
	fake_told(fake);
	assert_string_equal(ask(fake, REQUEST("hangup", "{\"call\":1}")), RESULT("{\"call\":1}"));
	assert_string_equal(fake_told(fake), "hangup 1\n");
	assert_string_equal(ask(fake, REQUEST("command", "{\"line\":\"mute 1\"}")), RESULT("{\"call\":1}"));
	assert_string_equal(ask(fake, REQUEST("command", "{\"words\":[\"bye\",\"1\"]}")), RESULT("{\"call\":1}"));
	ask(fake, "[" REQUEST("hangup", "{\"call\":1}") "]");
	assert_int_equal(answers, 0);
	rpc_command_line(fake->runner, SLICE("hangup 1"), "line 1", on_reply, NULL);
	assert_int_equal(answers, 0);
	runner_interrupt(fake->runner);
	ask(fake, REQUEST("wait", "{\"event\":\"dtmf\",\"within\":\"5s\"}"));
	ask(fake, REQUEST("hangup", "{\"call\":1}"));
	assert_int_equal(answers, 0);
	/* A person who types it means now. */
	fake_told(fake);
	runner_line(fake->runner, SLICE("hangu 1"), true);
	assert_string_equal(fake_told(fake), "hangup 1\n");
	runner_interrupt(fake->runner);
	ask(fake, REQUEST("sleep", "{\"duration\":\"5s\"}"));
	runner_line(fake->runner, SLICE("hangup 1"), true);
	assert_string_equal(fake_told(fake), "");
	runner_interrupt(fake->runner);
	/* Nor does it pass a pause that is still to come. */
	ask(fake, REQUEST("options", "{\"target\":\"sip:x@y\"}"));
	ask(fake, REQUEST("wait", "{\"event\":\"dtmf\",\"within\":\"5s\"}"));
	fake_told(fake);
	ask(fake, REQUEST("hangup", "{\"call\":1}"));
	assert_string_equal(fake_told(fake), "");
	runner_line(fake->runner, SLICE("hangup 1"), true);
	assert_string_equal(fake_told(fake), "hangup 1\n");
	runner_line(fake->runner, SLICE("sleep 5s"), true);
	runner_line(fake->runner, SLICE("hangup 1"), true);
	assert_string_equal(fake_told(fake), "");
	runner_interrupt(fake->runner);
	/* Once that is over, only an answer stands before it: it passes, and lines and what is for later do not. */
	ask(fake, REQUEST("wait", "{\"event\":\"dtmf\",\"within\":\"5s\"}"));
	ask(fake, REQUEST("options", "{\"target\":\"sip:x@y\"}"));
	rpc_command_line(fake->runner, SLICE("unmute 1"), "line 1", on_reply, NULL);
	ask(fake, REQUEST("mute", "{\"call\":1}"));
	ask(fake, REQUEST("hangup", "{\"call\":1}"));
	ask(fake, REQUEST("sleep", "{\"duration\":\"5s\"}"));
	ask(fake, REQUEST("hangup", "{\"call\":1}"));
	fake_told(fake);
	assert_int_equal(answers, 0);
	event_text(events_add(phone_events(fake->phone), EVENT_DTMF, 1), "digit", SLICE("1"));
	commands_turn_end(fake->commands);
	assert_string_equal(fake_told(fake), "options sip:x@y\nmute 1 1\nhangup 1\n");
	runner_interrupt(fake->runner);
}

static void test_wait(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	ask(fake, REQUEST("call", "{\"target\":\"x\"}"));
	ask(fake, REQUEST("wait", "{\"event\":\"answered\",\"within\":\"5s\"}"));
	assert_int_equal(answers, 0);
	fake_event(fake, "answered", 1, "code=200", "reason=OK", NULL);
	fake_turn(fake);
	assert_int_equal(answers, 1);
	assert_non_null(strstr(answer, "\"result\":{\"event\":\"answered\",\"time\":\""));
	assert_non_null(strstr(answer, "\"call\":1,\"code\":200,\"reason\":\"OK\"}"));
	ask(fake, REQUEST("wait", "{\"event\":\"dtmf\",\"not\":true,\"within\":\"5s\"}"));
	ask(fake, REQUEST("call", "{\"target\":\"y\"}"));
	assert_int_equal(answers, 0);
	runner_interrupt(fake->runner);
	assert_int_equal(answers, 2); /* the waiting one and the one behind it */
}

/* A device that is not there is the answer itself, and what was in use stays; the list may take a while. */
static void test_devices(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	assert_non_null(strstr(ask(fake, REQUEST("audio.use", "{\"name\":[\"nosuch\"]}")),
			       "\"error\":{\"code\":6,\"message\":\"audio.input and audio.output: 'nosuch' cannot be "
			       "used"));
	assert_non_null(strstr(ask(fake, REQUEST("set", "{\"name\":\"audio.output\",\"value\":\"nosuch\"}")),
			       "\"error\":{\"code\":6"));
	assert_string_equal(fake_told(fake), "");
	assert_string_equal(ask(fake, REQUEST("audio.use", "{\"name\":[\"nosuch\",\"usb\"]}")), RESULT("{}"));
	assert_string_equal(fake_told(fake), "audio input 'nosuch,usb' 1\naudio output 'nosuch,usb' 1\n");
	fake->phone->slow_devices = true;
	ask(fake, REQUEST("audio.input", "{\"name\":[\"Headset\"]}"));
	assert_int_equal(answers, 0);
	fake_devices(fake);
	assert_int_equal(answers, 1);
	assert_string_equal(answer, RESULT("{}"));
	assert_string_equal(fake_told(fake), "audio input 'Headset' 1\n");
	ask(fake, REQUEST("audio.input", "{\"name\":[\"nosuch\"]}"));
	fake_devices(fake);
	assert_non_null(strstr(answer, "\"code\":6"));
	/* Whoever goes before the list comes is not told; neither list nor phone minds. */
	ask(fake, REQUEST("audio.input", "{\"name\":[\"nosuch\"]}"));
	runner_interrupt(fake->runner);
	assert_non_null(strstr(answer, "interrupted"));
	fake_devices(fake);
	assert_int_equal(answers, 1);
	assert_string_equal(fake_said(fake), "");
}

static void test_bounds(void **state)
{
	struct fake *fake = *state;
	size_t n = RPC_LINE_MAX + 10;
	char *line = malloc(n + 1);

	memset(line, '[', n);
	line[n] = '\0';
	assert_non_null(strstr(ask(fake, line), "-32600,\"message\":\"a line may have at most 1 MiB\""));
	line[100000] = '\0'; /* deep */
	line[0] = '{';
	assert_non_null(strstr(ask(fake, line), "-32700"));
	free(line);
	/* Bytes that are no UTF-8, and every prefix of a request. */
	assert_non_null(strstr(ask(fake, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}"), "-32700"));
	static const char whole[] = REQUEST("call", "{\"target\":\"sip:bob@biloxi.com\",\"header\":[\"A:1\"]}");
	for (size_t i = 0; i < sizeof whole - 1; i++) {
		char *copy = malloc(i + 1);
		memcpy(copy, whole, i);
		rpc_line(fake->runner, slice_make(copy, i), on_reply, NULL);
		assert_non_null(strstr(answer, "-32700"));
		free(copy);
	}
}

static void test_event(void **state)
{
	struct fake *fake = *state;
	char *line;

	fake_event(fake, "incoming", 3, "from=sip:b@c", "code=0", NULL);
	struct event *event = (struct event *)(uintptr_t)events_next(fake->phone->events, 0);
	event_number(event, "duration", 1.011);
	event->unix_us = INT64_C(1795344122001999);
	line = rpc_event(event);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":\"incoming\","
				  "\"time\":\"2026-11-22T10:42:02.001Z\",\"call\":3,"
				  "\"from\":\"sip:b@c\",\"code\":0,\"duration\":1.011}}");
	free(line);
	line = rpc_hello();
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"name\":\"offhook\","
				  "\"version\":\"" PACKAGE_VERSION "\",\"protocol\":1}}");
	free(line);
}

/* Who types `quit` at an attached terminal is asked once; a program is not, and `exit` leaves the phone alone. */
static void test_quit_asks(void **state)
{
	struct fake *fake = *state;
	const char *const typed = REQUEST("command", "{\"line\":\" /quit \",\"interactive\":true}");
	int status;

	fake_call(fake, true, CALL_ANSWERED);
	assert_non_null(strstr(ask(fake, typed), "1 call is up: quit once more to hang up and leave"));
	assert_non_null(strstr(answer, "`detach` leaves the phone running"));
	assert_false(commands_quit_wanted(fake->commands, &status));
	ask(fake, REQUEST("command", "{\"line\":\"why\",\"interactive\":true}"));
	assert_non_null(strstr(ask(fake, typed), "quit once more"));
	ask(fake, typed);
	assert_true(commands_quit_wanted(fake->commands, &status));
}

static void test_quit_of_programs(void **state)
{
	struct fake *fake = *state;
	int status;

	fake_call(fake, true, CALL_ANSWERED);
	ask(fake, REQUEST("command", "{\"line\":\"quit\"}"));
	assert_true(commands_quit_wanted(fake->commands, &status));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(results), TEST(errors),  TEST(notifications),
					    TEST(wait),    TEST(batches), TEST(dropped_are_counted),
					    TEST(endings_do_not_wait),
					    TEST(devices), TEST(bounds),  TEST(event),
					    TEST(quit_asks), TEST(quit_of_programs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
