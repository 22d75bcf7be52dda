/* Scripts, variables, comparing, and what a runner does with failures. */
#include "tests/unit/command/fake_phone.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- files ---- */

/* A file in a folder of its own; gone with forget(). */
static char folder[] = "/tmp/offhook-runner-XXXXXX", path[300];

static const char *write_file(const char *name, const char *text)
{
	if (strstr(folder, "XXXXXX"))
		assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void test_file_is_checked_whole(void **state)
{
	struct fake *fake = *state;

	assert_false(fake_file(
		fake, "echo one\n# comment with \"\n\n  sleep 5\n\tanwser\necho two\\\n  three ${media.zzzz}\r\n"));
	assert_string_equal(
		fake_said(fake),
		"! f.call:4:9: 5 has no unit: write 5s, 5ms or 5m [2 duration]\n      sleep 5\n            ^\n"
		"! f.call:5:2: anwser: no such command; did you mean 'answer'? [2 no-such-command]\n     anwser\n     "
		"^\n"
		"! f.call:7:9: media.zzzz: no such quantity or setting; `help quantities` lists them [2 quantity]\n"
		"      "
		"three ${media.zzzz}\n            "
		"^\n");
	assert_int_equal(runner_status(fake->runner), STATUS_USAGE);
}

/* A pipe, a device or a folder is told at once: nobody waits for its end. Rubbish is told once. */
static void test_no_command_files(void **state)
{
	struct fake *fake = *state;
	char fifo[300], sentence[400];

	write_file("x", "");
	snprintf(fifo, sizeof fifo, "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_false(runner_file(fake->runner, fifo, NULL, 0));
	snprintf(sentence, sizeof sentence, "! %s cannot be read: it is a pipe and no regular file [6 file]\n", fifo);
	assert_string_equal(fake_said(fake), sentence);
	assert_int_equal(runner_status(fake->runner), STATUS_SOUND);
	unlink(fifo);
	assert_false(runner_file(fake->runner, "/dev/zero", NULL, 0));
	assert_non_null(strstr(fake_said(fake), "it is a device"));
	assert_false(runner_file(fake->runner, "/", NULL, 0));
	assert_non_null(strstr(fake_said(fake), "it is a directory"));
	assert_false(runner_text(fake->runner, "bin", slice_make("echo a\nx\0y\n\0z\nfoo\n", 17)));
	assert_string_equal(fake_said(fake),
			    "! bin:2:2: a zero byte: this is no command file [2 syntax]\n    x y\n     ^\n");
}

static void test_many_errors(void **state)
{
	struct fake *fake = *state;
	struct buf text, out;
	size_t errors = 0;

	buf_init(&text, 65536);
	buf_init(&out, 65536);
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "foo\n");
	assert_false(fake_file(fake, buf_text(&text)));
	const char *said = fake_said(fake);
	for (const char *at = said; (at = strstr(at, "no such command")); at++)
		errors++;
	assert_int_equal(errors, 20);
	assert_non_null(strstr(said, "! f.call: and 980 errors more [2 syntax]\n"));
	const char *many = write_file("many.call", buf_text(&text));
	int status;
	assert_int_equal(commands_check_file(fake->commands, many, &out, &status), 1000);
	assert_int_equal(status, STATUS_USAGE);
	assert_non_null(strstr(buf_text(&out), "many.call: and 980 errors more\n"));
	buf_fini(&text);
	buf_fini(&out);
}

static void test_lines(void **state)
{
	struct fake *fake = *state;

	assert_true(fake_file(
		fake, "\xef\xbb\xbf# first\necho a\\\n b\r\n   echo c # no comment\n#echo \\\necho d\necho e\\"));
	assert_string_equal(fake_said(fake), "> a b\n> c # no comment\n> d\n> e\n");
	assert_int_equal(fake->ended, 1);
	assert_true(fake_file(fake, ""));
	assert_true(fake_file(fake, "# nothing\n\n"));
	assert_int_equal(fake->ended, 3);
	assert_true(runner_text(fake->runner, "x", slice_make("echo \0", 5)));
	assert_false(runner_text(fake->runner, "x", slice_make("echo \0b", 7)));
}

static void test_failure_ends_script(void **state)
{
	struct fake *fake = *state;

	assert_true(fake_file(fake, "-hangup 9\necho on, status $status\nhangup 8\necho never\n"));
	assert_string_equal(fake_said(fake),
			    "! f.call:1:1: there is no call 9 [4 no-such-call]\n    -hangup 9\n    ^\n> on, status 4\n"
			    "! f.call:3:1: there is no call 8 [4 no-such-call]\n    hangup 8\n    ^\n");
	assert_int_equal(fake->status, STATUS_CALL);
	assert_int_equal(fake->ended, 1);
	/* Later files of a script that is over do not run. */
	assert_true(fake_file(fake, "echo later\n"));
	assert_string_equal(fake_said(fake), "");
}

static void test_phone_failure(void **state)
{
	struct fake *fake = *state;

	fake->phone->next_failure =
		(struct failure){ .status = STATUS_NETWORK, .reason = "dns", .text = "no such host", .sip = 503 };
	fake_run(fake, "-call sip:b@nowhere");
	fake_run(fake, "echo $status $code");
	assert_string_equal(fake_said(fake),
			    "! -x:1:1: no such host [7 dns]\n    -call sip:b@nowhere\n    ^\n> 7 503\n");
}

static void test_shell(void **state)
{
	struct fake *fake = *state;
	struct buf why;

	fake_run(fake, "-shell date");
	assert_non_null(strstr(fake_said(fake), "set script.allow-shell on"));
	buf_init(&why, 1024);
	assert_true(settings_set(fake->phone->settings, setting_find(SLICE("script.allow-shell")), SLICE("on"), &why));
	buf_fini(&why);
	fake_run(fake, "-shell nosuch");
	assert_non_null(strstr(fake_said(fake), "'nosuch' cannot be run"));
	fake_run(fake, "-shell 'nosuch thing'");
	assert_non_null(strstr(fake_said(fake), "shell sh -c 'LINE'"));
	/* Words are final; what it writes is made harmless; the next command waits for its end. */
	fake_run(fake, "let who \"a; b\"");
	fake_run(fake, "shell notify -- \"from $who\" k=v");
	assert_string_equal(fake->loop.child_words, "[notify][--][from a; b][k=v]");
	fake_said(fake);
	fake_run(fake, "echo after");
	assert_string_equal(fake_said(fake), "");
	fake->loop.child_done(fake->loop.child_arg, 0, "one\ntwo\033[2J\n", 12);
	assert_string_equal(fake_said(fake), "= one\ntwo?[2J\n> after\n");
	/* C-c ends it as well. */
	runner_keep_going(fake->runner, true);
	fake_run(fake, "shell sleep 9");
	runner_interrupt(fake->runner);
	assert_int_equal(fake->loop.killed, 1);
	fake_said(fake);
	fake_run(fake, "shell false");
	fake->loop.child_done(fake->loop.child_arg, 3, "", 0);
	assert_non_null(strstr(fake_said(fake), "'false' ended with status 3"));
}

static void test_source(void **state)
{
	struct fake *fake = *state;
	char line[400];

	snprintf(line, sizeof line, "source %s Bob \"two words\"",
		 write_file("inner.call", "echo $1/$2/$3/$#\nif $# == 2 do echo $1 again\nhangup 7\necho never\n"));
	runner_keep_going(fake->runner, true);
	fake_run(fake, line);
	const char *said = fake_said(fake);
	assert_non_null(strstr(said, "> Bob/two words//2\n> Bob again\n! "));
	assert_non_null(strstr(said, "inner.call:3:1: there is no call 7"));
	assert_null(strstr(said, "never"));
	/* The prompt goes on, and the arguments are gone. */
	fake_run(fake, "echo [$1] $# $0");
	assert_string_equal(fake_said(fake), "> [] 0 -x\n");
	/* A file that sources itself comes to an end. */
	write_file("loop.call", "");
	snprintf(line, sizeof line, "source %s", path);
	write_file("loop.call", line);
	fake_run(fake, line);
	assert_non_null(strstr(fake_said(fake), "files that source files, more than 32 deep"));
	/* One with errors does not run at all. */
	snprintf(line, sizeof line, "source %s", write_file("bad.call", "echo one\nfoo\n"));
	fake_run(fake, line);
	said = fake_said(fake);
	assert_non_null(strstr(said, "bad.call:2:1: foo: no such command"));
	assert_non_null(strstr(said, "bad.call has 1 error; nothing of it was run [2 syntax]"));
	assert_null(strstr(said, "> one"));
	snprintf(line, sizeof line, "source %s", folder);
	fake_run(fake, line);
	assert_non_null(strstr(fake_said(fake), "[6 file]"));
}

static void test_runner_file(void **state)
{
	struct fake *fake = *state;
	static const char *const args[] = { "sip:b@c" };
	struct buf out;
	int status;

	assert_true(runner_file(fake->runner, write_file("call.call", "call $1\necho $0\n"), args, 1));
	assert_string_equal(fake_told(fake), "call sip:b@c\n");
	assert_non_null(strstr(fake_said(fake), "/call.call\n"));
	buf_init(&out, 1000);
	assert_int_equal(commands_check_file(fake->commands, path, &out, &status), 0);
	const char *bad = write_file("bad.call", "foo\nalias y call\ny bob\nbar\n");
	assert_int_equal(commands_check_file(fake->commands, bad, &out, &status), 2);
	assert_non_null(strstr(buf_text(&out), "bad.call:1:1: foo: no such command"));
	assert_non_null(strstr(buf_text(&out), "bad.call:4:1: bar: no such command"));
	buf_clear(&out);
	assert_int_equal(commands_check_file(fake->commands, "/nonexistent", &out, &status), 1);
	assert_int_equal(status, STATUS_SOUND);
	assert_string_equal(buf_text(&out), "/nonexistent cannot be read: there is no such file\n");
	buf_fini(&out);
	assert_false(runner_file(fake->runner, "/nonexistent", NULL, 0));
	assert_int_equal(runner_status(fake->runner), STATUS_SOUND);
}

static void test_exit(void **state)
{
	struct fake *fake = *state;
	int status = 77;

	assert_true(fake_file(fake, "if calls.count == 0 do exit 3\necho never\n"));
	assert_int_equal(fake->status, 3);
	assert_string_equal(fake_said(fake), "");
	assert_false(commands_quit_wanted(fake->commands, &status));
	struct runner_output output = fake_output(fake);
	struct runner *prompt = runner_new(fake->commands, "prompt", &output);
	runner_keep_going(prompt, true);
	runner_line(prompt, SLICE("exit 2"), true);
	assert_true(commands_quit_wanted(fake->commands, &status));
	assert_int_equal(status, 2);
	runner_free(prompt);
}

/* A chat is for who types: a file has `message`. */
static void test_no_chat_in_files(void **state)
{
	struct fake *fake = *state;

	assert_true(fake_file(fake, "chat sip:bob@biloxi.com\necho never\n"));
	assert_non_null(strstr(fake_said(fake), "`chat` is for lines that are typed: use `message TARGET TEXT` here"));
	assert_int_equal(fake->status, STATUS_USAGE);
}

/* Quotes around a whole command are taken off, as people who know a shell write them; so is one word of words. */
static void test_quoted_commands(void **state)
{
	struct fake *fake = *state;
	static const char *const words[] = { "alias", "cheer", "echo 'hip  hip' $who" };

	runner_keep_going(fake->runner, true);
	fake_run(fake, "let who you");
	fake_run(fake, "alias hi 'echo ho $who'");
	fake_run(fake, "hi there");
	fake_run(fake, "if 1 < 2 do \"echo a \\\"quoted\\\" text\"");
	fake_run(fake, "if 2 < 10 do echo \"two\" words");
	runner_words(fake->runner, words, ARRAY_LEN(words));
	fake_run(fake, "cheer");
	fake_run(fake, "bind F5 \"echo x\"");
	assert_string_equal(commands_binding(fake->commands, "calls", false, "F5"), "echo x");
	assert_string_equal(fake_said(fake), "> ho you there\n> a \"quoted\" text\n> two words\n> hip  hip you\n");
}

static void test_quit(void **state)
{
	struct fake *fake = *state;
	int status = 77;

	assert_true(fake_file(fake, "quit\necho never\n"));
	assert_true(commands_quit_wanted(fake->commands, &status));
	assert_int_equal(status, 0);
	assert_string_equal(fake_said(fake), "");
}

static size_t helped;

static void count_help(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	(void)arg;
	(void)runner;
	(void)invocation;
	helped += strlen(text) > 0;
}

/* Long answers cost time: some of them are as much as a turn may do, and the phone gets its own between. */
static void test_long_answers_share_the_loop(void **state)
{
	struct fake *fake = *state;
	struct buf text;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < 64; i++)
		buf_printf(&text, "help settings\n");
	struct runner *runner = runner_new(fake->commands, "long", &(struct runner_output){ .result = count_help });
	helped = 0;
	assert_true(runner_text(runner, "long", buf_slice(&text)));
	assert_in_range(helped, 1, 8);
	for (int turns = 0; turns < 64 && helped < 64; turns++) {
		size_t before = helped;
		assert_true(fake->loop.again);
		fake->loop.again = 0;
		commands_turn_end(fake->commands);
		assert_in_range(helped - before, 1, 8);
	}
	assert_int_equal(helped, 64);
	/* The same where each comes by itself, as the requests of a batch do. */
	helped = 0;
	fake_turn(fake);
	for (int i = 0; i < 64; i++)
		runner_line(runner, SLICE("help settings"), false);
	assert_in_range(helped, 1, 8);
	fake_turn(fake);
	assert_int_equal(helped, 64);
	runner_free(runner);
	buf_fini(&text);
}

/* A long file loads and runs; the phone gets its turns meanwhile. */
static void test_many_lines(void **state)
{
	struct fake *fake = *state;
	struct buf text;
	struct timespec before, after;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "let x%d \"value %d\"\n", i % 100, i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_true(runner_text(fake->runner, "long.call", buf_slice(&text)));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	print_message("10000 lines loaded in %ld ms of this build\n",
		      (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000);
	assert_false(runner_idle(fake->runner));
	assert_int_equal(fake->loop.again, 1);
	fake_turn(fake);
	assert_true(runner_idle(fake->runner));
	fake_run(fake, "echo $x99");
	assert_string_equal(fake_said(fake), "> value 9999\n");
	buf_fini(&text);
}

/* ---- variables and comparing ---- */

static void test_variables(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "let peer \"Bob B.\"");
	fake_run(fake, "call $peer from=${peer}");
	assert_string_equal(fake_told(fake), "call Bob B. from=Bob B.\n");
	fake_said(fake);
	setenv("OFFHOOK_TEST", "from outside", 1);
	fake_run(fake, "echo $OFFHOOK_TEST $call $id $to ${call.max} ${calls.count} $status $$ $account");
	assert_string_equal(fake_said(fake), "> from outside 1 id1 sip:bob@biloxi.com 16 1 0 $ alice\n");
	/* What the other side says keeps no control character and gives no path. */
	fake_run(fake, "echo ${received.Contact}");
	assert_string_equal(fake_said(fake), "> ../..[31m/etc/.x\n");
	fake_run(fake, "let got ${received.Contact}");
	runner_keep_going(fake->runner, true);
	fake_run(fake, "source x/$got");
	assert_non_null(strstr(fake_said(fake), "! -x:6:1: x/[31metc.x cannot be read"));
	fake_run(fake, "source \"${call.remote}\"");
	assert_non_null(strstr(fake_said(fake), "[31metc.x cannot be read"));
}

static void test_expect(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *says;
	} rows[] = {
		{ "expect calls.count == 0", 0, "" },
		{ "expect calls.count != 0", 1, "expect calls.count != 0: it was 0" },
		{ "expect calls.count == 7 status=42", 42, "it was 0" },
		{ "expect media.loss < 1%", 0, "" },
		{ "expect media.loss <= 0.5%", 0, "" },
		{ "expect media.loss > 1%", 1, "it was 0.50%" },
		{ "expect heard.level > -50dB", 0, "" },
		{ "expect heard.level < -50dB", 1, "it was -30.0dB" },
		{ "expect call.code == 200", 1, "it has no value now" },
		{ "expect call.code != 200", 0, "" },
		{ "expect call.code < 200", 1, "it has no value now" },
		{ "expect call.state == \"\"", 0, "" },
		{ "expect call.max == 16", 0, "" },
		{ "expect call.auto-answer == off", 0, "" },
		{ "expect call.remote =~ ^\\.\\./", 0, "" },
		{ "expect call.remote =~ biloxi", 1, "" },
		{ "expect $call == \"\"", 0, "" },
		{ "expect \"abc\" == abd", 1, "expect abc == abd: false" },
		{ "expect \"10\" >= 9", 0, "" },
		{ "expect \"abc\" < 9", 2, "are not both numbers" },
	};
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fake_run(fake, rows[i].line);
		const char *said = fake_said(fake);
		if (runner_status(fake->runner) != rows[i].status || !strstr(said, rows[i].says))
			fail_msg("%s: status %d, %s", rows[i].line, runner_status(fake->runner), said);
	}
}

static void test_if(void **state)
{
	struct fake *fake = *state;

	assert_true(fake_file(fake, "if calls.count == 0 do echo none\nif calls.count > 0 do echo some\nif calls.count "
				    "== 0 do if media.loss < 1% do echo both\n"
				    "-if calls.count == 0 do hangup 9\nif calls.count == 0 do -hangup 8\nif "
				    "calls.count == 0 do hangup 7\necho never\n"));
	const char *said = fake_said(fake);
	assert_non_null(strstr(said, "> none\n> both\n! f.call:4:25: there is no call 9"));
	assert_non_null(strstr(said, "! f.call:5:24: there is no call 8"));
	assert_non_null(strstr(said, "! f.call:6:24: there is no call 7"));
	assert_null(strstr(said, "never"));
	assert_null(strstr(said, "some"));
}

static void test_ladder(void **state)
{
	struct fake *fake = *state;

	fake_call(fake, false, CALL_ANSWERED);
	runner_set_columns(fake->runner, 120, true);
	fake_run(fake, "trace ladder call=1");
	fake_run(fake, "trace text");
	fake_run(fake, "show ladder");
	assert_string_equal(fake_said(fake),
			    "= ladder of 1, 120 wide, ascii\n= text of 0\n= ladder of 0, 120 wide, ascii\n");
	fake_run(fake, "show messages bob");
	assert_string_equal(fake_told(fake), "messages bob\n");
	fake_run(fake, "trace on");
	assert_true(fake->phone->traced);
	fake_run(fake, "trace off");
	assert_false(fake->phone->traced);
}

static void test_trace_filters(void **state)
{
	struct fake *fake = *state;
	const char *said;

	fake->phone->account_count = 1;
	fake->phone->accounts[0] =
		(struct account_view){ .name = "work", .address = "a@work.com", .state = "registered" };
	runner_keep_going(fake->runner, true);
	fake_run(fake, "trace list match=INVITE since=2m");
	fake_run(fake, "trace find \"Record-Route\" account=work");
	fake_run(fake, "trace save x.pcap rtp=headers");
	fake_run(fake, "trace save x.pcap rtp=much");
	fake_run(fake, "trace list account=nobody");
	said = fake_said(fake);
	assert_non_null(strstr(said, "= list of 0, match INVITE, since 120 s\n"));
	assert_non_null(strstr(said, "= found Record-Route of 0, account work\n"));
	assert_non_null(strstr(said, "x.pcap: 3 packets"));
	assert_non_null(strstr(said, "there is no account nobody"));
}

/* ---- a runner that goes while it speaks ---- */

/* In a chat lines are texts as they were typed. */
static void test_chat(void **state)
{
	struct fake *fake = *state;

	assert_null(runner_chat(fake->runner));
	fake_type(fake, "chat bob");
	assert_string_equal(runner_chat(fake->runner), "bob");
	fake_said(fake);
	fake_told(fake);
	runner_line(fake->runner, SLICE(" from=work \"a $b 'c\n"), true);
	runner_line(fake->runner, SLICE("quit"), true);
	runner_line(fake->runner, SLICE("//slash"), true);
	runner_line(fake->runner, SLICE("   "), true);
	assert_string_equal(fake_told(fake),
			    "message sip:bob@biloxi.com ' from=work \"a $b 'c'\n"
			    "message sip:bob@biloxi.com 'quit'\nmessage sip:bob@biloxi.com '/slash'\n");
	runner_typing(fake->runner, SLICE("he"));
	runner_typing(fake->runner, SLICE("/he"));
	assert_string_equal(fake_told(fake), "typing sip:bob@biloxi.com on\ntyping sip:bob@biloxi.com off\n");
	fake_type(fake, "/echo still here");
	assert_string_equal(fake_said(fake), "> still here\n");
	fake_type(fake, "/close");
	assert_null(runner_chat(fake->runner));
	fake_told(fake);
	fake_type(fake, "echo over");
	assert_string_equal(fake_said(fake), "> over\n");
	assert_string_equal(fake_told(fake), "");
	/* A file is checked before it runs: its lines are commands. */
	fake_file(fake, "chat bob");
	assert_null(runner_chat(fake->runner));
}

static void free_it(void *arg, struct runner *runner, int status)
{
	(void)status;
	++*(int *)arg;
	runner_free(runner);
}

static void test_freed_by_its_output(void **state)
{
	struct fake *fake = *state;
	int freed = 0;
	struct runner_output output = { .ended = free_it, .arg = &freed };

	runner_line(runner_new(fake->commands, "a", &output), SLICE("echo x"), false);
	assert_int_equal(freed, 1);
	runner_line(runner_new(fake->commands, "b", &output), SLICE("sleep 1s"), false);
	assert_int_equal(freed, 1);
	fake_advance(fake, 2 * SECOND_US);
	assert_int_equal(freed, 2);
}

static int remove_files(void **state)
{
	(void)state;
	static const char *const names[] = { "inner.call", "loop.call", "bad.call", "call.call" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_checked_whole),
		TEST(no_command_files),
		TEST(many_errors),
		TEST(lines),
		TEST(failure_ends_script),
		TEST(phone_failure),
		TEST(source),
		TEST(runner_file),
		TEST(exit),
		TEST(quoted_commands),
		TEST(no_chat_in_files),
		TEST(shell),
		TEST(quit),
		TEST(long_answers_share_the_loop),
		TEST(many_lines),
		TEST(variables),
		TEST(expect),
		TEST(if),
		TEST(ladder),
		TEST(chat),
		TEST(trace_filters),
		TEST(freed_by_its_output),
	};

	return cmocka_run_group_tests(tests, NULL, remove_files);
}
