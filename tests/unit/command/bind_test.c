/* Lines -> commands: what the phone is told, and every error of the language. */
#include "tests/unit/command/fake_phone.h"

#include "command/internal.h"
#include "command/table.h"
#include "command/words.h"

static void test_told(void **state)
{
	static const char *const rows[][2] = {
		{ "call sip:bob@biloxi.com", "call sip:bob@biloxi.com\n" },
		{ "/call bob", "call bob\n" },
		{ "dial Bob Brown from=work codec=opus", "call Bob Brown from=work codec=opus\n" },
		{ "call \"Bob\" <sip:bob@b.com> sdp=none", "call Bob <sip:bob@b.com> nosdp\n" },
		{ "call sip:bob@b.com;transport=tcp header=\"Subject: a = b\"",
		  "call sip:bob@b.com;transport=tcp Subject: a = b\n" },
		{ "call from=work bob", "call bob from=work\n" },
		{ "reject", "reject 0 486 ''\n" },
		{ "reject 603", "reject 0 603 ''\n" },
		{ "reject 480 Gone  fishing, it's nice", "reject 0 480 'Gone  fishing, it's nice'\n" },
		{ "reject 480 \"Gone fishing\"", "reject 0 480 'Gone fishing'\n" },
		{ "reject 480 \"Gone\" \"a  b\" c call=id1", "reject 1 480 'Gone a  b c'\n" },
		{ "redirect Carol Smith", "redirect 0 Carol Smith\n" },
		{ "hangup all", "hangup -1\n" },
		{ "dtmf 42# via=rtp", "dtmf 0 42# 'rtp'\n" },
		{ "answer after=1500ms", "answer 0 after 1500000\n" },
		{ "select next", "select 0 1\n" },
		{ "reinvite sdp=none", "reinvite 0 1\n" },
		{ "update sdp=none", "update 0 1\n" },
		{ "transfer sip:carol@chicago.com", "transfer 0 sip:carol@chicago.com -\n" },
		{ "transfer Carol Smith call=id1 header=\"Subject: x\"", "transfer 1 Carol Smith Subject: x\n" },
		{ "transfer with=id1", "transfer 0 with 1 -\n" },
		{ "accept-transfer", "accept-transfer 0 request 0\n" },
		{ "accept-transfer request=3", "accept-transfer 0 request 3\n" },
		{ "refuse-watcher 2", "refuse watcher 2\n" },
		{ "hangup header=\"Reason: SIP;cause=200\" type=text/plain body=bye",
		  "also 2 0 Reason: SIP;cause=200 text/plain 'bye'\nhangup 0\n" },
		{ "refuse-transfer id1", "refuse-transfer 1 request 0\n" },
		{ "refer sip:desk@a.com to=sip:bob@b.com", "refer sip:desk@a.com sip:bob@b.com -\n" },
		{ "unregister work all=yes", "unregister 'work' 1\n" },
		{ "account add sip:alice@a.com password=\"a b\" name=work",
		  "account add sip:alice@a.com [password=a b] [name=work]\n" },
		{ "account set work expires=60", "account set work [expires=60]\n" },
		{ "contact add \"Bob Brown\" sip:b@c.d 123",
		  "contact add 'Bob Brown' sip:b@c.d - 0\ncontact add 'Bob Brown' 123 - 0\n" },
		{ "contact add Bob 123 kind=mobile prefer=2", "contact add 'Bob' 123 mobile 2\n" },
		{ "contact set Bob speed=7 ring=bell auto-answer=off",
		  "contact set 'Bob' ring='bell'\ncontact set 'Bob' auto-answer='off'\ncontact set 'Bob' speed='7'\n" },
		{ "contact set Bob speed=off ring=off auto-answer=default",
		  "contact set 'Bob' ring=''\ncontact set 'Bob' auto-answer=''\ncontact set 'Bob' speed=''\n" },
		{ "audio use \"USB Headset\" default",
		  "audio input 'USB Headset,default' 1\naudio output 'USB Headset,default' 1\n" },
		{ "set sip.listen 127.0.0.1:5060 [::1]:5060", "set sip.listen=127.0.0.1:5060 [::1]:5060\n" },
		{ "set audio.input \"USB Headset\" default", "audio input 'USB Headset,default' 1\n" },
		{ "set call.auto-answer on", "set call.auto-answer=on\n" },
		{ "codec order PCMA", "set media.codecs=PCMA opus PCMU\n" },
		{ "codec enable PCMA", "set media.codecs=opus PCMU PCMA\n" },
		{ "codec disable opus", "set media.codecs=PCMU\n" },
		{ "why", "why ''\n" },
		{ "mute", "mute 0 1\n" },
	};
	struct fake *fake = *state;

	fake_call(fake, true, CALL_INCOMING);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		runner_set_call(fake->runner, 0);
		fake_run(fake, rows[i][0]);
		assert_string_equal(fake_told(fake), rows[i][1]);
		fake->phone->call_count = 1;
	}
	assert_null(strstr(fake_said(fake), "! "));
}

/* line, column, what is said */
static const struct {
	const char *line;
	unsigned column;
	const char *says;
} wrong[] = {
	{ "refuse", 1, "refuse: no such command; did you mean 'refuse-transfer'?" },
	{ "anwser", 1, "anwser: no such command; did you mean 'answer'?" },
	{ "'set call.max 5'", 1,
	  "set call.max 5: no such command; quotes around it all make one word of it: leave them out" },
	{ "xyzzy", 1, "xyzzy: no such command; `help` lists them" },
	{ "CALL bob", 1, "CALL: no such command; did you mean 'call'?" },
	{ "trace foo", 7, "trace foo: no such command; behind trace stands one of on, off, ladder" },
	{ "audio lst", 7, "audio lst: no such command; did you mean 'audio list'?" },
	{ "redial x", 8, "'x' is no number: digits alone are expected" },
	{ "record talk.wav", 8,
	  "record talk.wav: no such command; behind record stands one of start, stop, pause, resume" },
	{ "hangupall", 1, "hangupall: no such command; baresip's `hangupall` is `hangup all` here" },
	{ "dnd", 1, "dnd: no such command; baresip's `dnd` is `status dnd` here [2 no-such-command]" },
	{ "sip:bob@biloxi.com", 1, "sip:bob@biloxi.com: no such command; to call it, write call in front" },
	{ "+15550100", 1, "+15550100: no such command; to call it, write call in front" },
	{ "12", 1, "12: no such command; `help` lists them" },
	{ "/x", 1, "x: no such command; baresip's `x` is `hold` here, pjsua's `transfer TARGET`" },
	{ "friend list", 1, "linphonec's `friend` is `contact` here" },
	{ "hang", 1, "hang: no such command" },
	{ "account", 1, "account needs one of these behind it: add, set, list, show, bindings, remove, default" },
	{ "account ad x", 9, "account ad: no such command; did you mean 'account add'?" },
	{ "audio foo", 7,
	  "audio foo: no such command; behind audio stands one of list, use, input, output, ringer, test" },
	{ "$x bob", 1, "$x: no such variable" },
	{ "call", 5, "TARGET is missing: call TARGET" },
	{ "call \"\"", 6, "TARGET is empty" },
	{ "call bob fom=work", 10, "fom: no such option of 'call'; did you mean 'from'?" },
	{ "call bob foo=1", 10, "foo: no such option of 'call'" },
	{ "call bob from=work smith", 20, "'smith' is one word too many: call TARGET" },
	{ "call bob from=a from=b", 17, "from= is given twice" },
	{ "call bob sdp=some", 14, "sdp='some' is not none, the only value there is" },
	{ "call bob early=some", 16, "early='some' is not one of on|listen|off" },
	{ "call bob header=x", 17, "'x' is no header field: write header=Name:value" },
	{ "call bob header=\"a b:x\"", 17, "'a b:x' is no header field" },
	{ "call bob timeout=5", 18, "5 has no unit: write 5s, 5ms or 5m" },
	{ "call bob anonymous=maybe", 20, "'maybe' is neither yes nor no" },
	{ "answer 1 2", 10, "'2' is one word too many: answer [CALL] [after=DURATION]" },
	{ "answer afer=5s 2", 16, "'2' is one word too many" },
	{ "sleep 5", 7, "5 has no unit" },
	{ "sleep soon", 7, "'soon' is no duration: write 250ms, 10s, 5m, 1h or none" },
	{ "sleep 5s s", 10, "'s' is one word too many: sleep DURATION" },
	{ "dtmf 12x", 6, "'x' is no digit of a telephone" },
	{ "reject 200", 8, "'200' is no SIP status that refuses: a number from 400 to 699 is expected" },
	{ "reject 486 \"a\" \"b", 16, "this \" is never closed" },
	{ "reject 486 \"a\" call=1 call=2", 23, "call= is given twice" },
	{ "exit 256", 6, "'256' is no exit status: a number from 0 to 255 is expected" },
	{ "wait answred", 6, "answred: no such event; did you mean 'answered'?" },
	{ "wait answered|faild", 6, "faild: no such event; did you mean 'failed'?" },
	{ "wait", 5, "EVENT is missing: wait [not] EVENT [KEY=PATTERN]... [within=DURATION] [status=N]" },
	{ "wait not", 9, "EVENT is missing" },
	{ "wait answered form=x", 15, "form: no such option of 'wait'; did you mean 'from'?" },
	{ "wait not answered within=none", 1, "`wait not` needs an end: within=2s" },
	{ "expect media.los < 1%", 8, "media.los: no such quantity or setting; did you mean 'media.loss'?" },
	{ "expect media.loss ~ 1%", 19, "'~' is no comparison: there are == != < <= > >= and =~" },
	{ "expect media.loss <", 20, "RIGHT is missing" },
	{ "expect media.loss < 1 %", 23, "'%' is one word too many" },
	{ "expect call.remote =~ \"[\"", 1, "'[' is no regular expression" },
	{ "expect call.remote < 5", 1, "are not both numbers: < cannot compare them" },
	{ "echo $nobody", 6, "$nobody: no such variable; `let nobody VALUE` makes one" },
	{ "echo ${media.mso}", 6, "$media.mso: no such variable" },
	{ "echo 5$", 7, "a '$' needs the name of a variable behind it" },
	{ "let 5 x", 5, "'5' is no name: letters, digits and _, no digit first" },
	{ "let x", 6, "VALUE is missing: let NAME VALUE" },
	{ "let x a b", 9, "'b' is one word too many" },
	{ "let call 5", 1, "$call is the phone's own" },
	{ "set call.mx 5", 5, "call.mx: no such setting; did you mean 'call.max'?" },
	{ "set call.max many", 14, "call.max is a number from 1 to 10000" },
	{ "set call.max -1", 14, "call.max is a number from 1 to 10000" },
	{ "set call.max 0", 14, "call.max goes from 1 to 10000" },
	{ "get nothing.such", 5, "nothing.such: no such quantity or setting; `help quantities` lists them" },
	{ "show cals", 6, "'cals' is not one of" },
	{ "if calls.count == 0 do hangpu", 24, "hangpu: no such command; did you mean 'hangup'?" },
	{ "if calls.count == 0 dp hangup", 21, "'do' is expected, not 'dp'" },
	{ "if calls.count == 0 do", 23, "COMMAND is missing: if LEFT OP RIGHT do COMMAND" },
	{ "if calls.count == 0", 20, "'do' is missing" },
	{ "if 1 == 1 do sleep 1", 20, "1 has no unit" },
	{ "expect 1% == 2%", 1, "expect 1% == 2%: false" },
	{ "expect busy == ready", 8, "busy: no such quantity or setting" },
	{ "alias hi 'ecko ho'", 11, "ecko: no such command; did you mean 'echo'?" },
	{ "alias hi 'echo ho", 10, "this ' is never closed" },
	{ "on incoming do if $code == 1 do slep 1s", 33, "slep: no such command; did you mean 'sleep'?" },
	{ "on incoming as pick answer", 21, "'do' is expected, not 'answer'" },
	{ "on incoming as do answer", 19, "'do' is expected, not 'answer'" },
	{ "off nobody", 1, "there is no handler nobody: `show handlers` lists them" },
	{ "account add sip:a@b pasword=x", 21, "pasword: no such option of an account; did you mean 'password'?" },
	{ "account add sip:a@b secret", 21, "'secret' must be written as KEY=VALUE" },
	{ "account add sip:a@b call.max=3", 21, "call.max counts for the whole phone, no account has it for itself" },
	{ "account set work", 17, "KEY=VALUE is missing" },
	{ "alias hangup call", 1, "hangup is a command already" },
	{ "alias x foo", 9, "foo: no such command" },
	{ "alias x", 1, "what shall x stand for? alias NAME COMMAND" },
	{ "codec enable G729", 1, "G729: no such codec; `codec` lists them" },
	{ "source /nonexistent/file", 1, "/nonexistent/file cannot be read: there is no such file" },
	{ "help nothing", 6, "nothing: no help on this; `help` lists them" },
	{ "$call bob", 1, "the name of a command cannot come from a variable" },
	{ "dtmf \"\"", 6, "no digits" },
	{ "dtmf", 1, "`dtmf` without digits is a keypad for a terminal: write the digits behind it here" },
	{ "volume loud", 8, "'loud' is no level: write -6dB, 0dB, up, down or off" },
	{ "gain off", 6, "'off' is no level: write -6dB, 0dB, up or down" },
	{ "show calls 3", 1, "'3' is one word too many: `show calls` shows all of them" },
	{ "hangup \"a b\"", 8, "a call is expected: its number or id, or all" },
	{ "select \"\"", 8, "a call is expected: its number or id, next or previous" },
	{ "mute all", 1, "`mute` takes one call: write its number, or nothing for the microphone of all" },
	{ "bind Foo hold", 6, "'Foo' is no key and no view: keys are F1 to F12, C-x, M-1, PageUp and the like" },
	{ "unbind F5", 1, "F5 is not bound; `bind` lists the keys that are" },
	{ "unbind calls m", 1, "m is not bound in the view calls" },
	{ "expect call.remote =~ \"(a{1,200}){1,200}\"", 1, "would take too much memory" },
	{ "sleep none", 1, "sleep needs a duration" },
	{ "detach", 1, "this is the phone itself and no `offhook ctl`: `quit` ends it" },
	{ "transfer", 1, "transfer wants a TARGET, or with=CALL for the other call" },
	{ "refer sip:a@b", 14, "refer wants to=TARGET: whom it shall call" },
	{ "forward busy sip:a@b after=5s", 1, "after= goes with `forward noanswer`" },
	{ "forward noanswer sip:a@b after=10ms", 1, "after= is a second or more, as in after=20s" },
	{ "block off", 1, "'off' is no address: `block PATTERN off` takes one back" },
	{ "allow off", 1, "'off' is no address: `allow PATTERN off` takes one back" },
	{ "forward busy", 1, "where to? `forward busy TARGET` or `off`" },
	{ "subscribe dialog sip:a@b", 1, "the package is an option: subscribe sip:a@b package=dialog" },
	{ "unsubscribe reg bob", 1, "the package is an option: unsubscribe bob package=reg" },
	{ "subscribe sip:a@b expires=200h", 1, "expires= is a time up to 7 days, or none for one look" },
	{ "record start a.wav max=5", 24, "5 has no unit: write 5s, 5ms or 5m" },
	{ "exit banana", 6, "'banana' is no exit status: a number from 0 to 255 is expected" },
	{ "history since=yesterday", 1, "'yesterday' is no time: write 2h for the last two hours" },
	{ "account show nobody", 1, "there is no account: add one by `account add sip:you@example.com`" },
	{ "expect call.code == 5", 1, "expect call.code == 5: it has no value now" },
	{ "shell date", 1, "programs are not run unless the configuration file says 'set script.allow-shell on'" },
	{ "hangup 9", 1, "there is no call 9" },
	{ "call \"bob", 6, "this \" is never closed" },
};

static void test_errors(void **state)
{
	struct fake *fake = *state;

	runner_keep_going(fake->runner, true);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char where[64];
		fake_run(fake, wrong[i].line);
		const char *said = fake_said(fake);
		snprintf(where, sizeof where, "! -x:%zu:%u: ", i + 1, wrong[i].column);
		if (!strstr(said, wrong[i].says) || strncmp(said, where, strlen(where)) || !strstr(said, wrong[i].line))
			fail_msg("%s\nshould say %s%s\nbut says %s", wrong[i].line, where, wrong[i].says, said);
		assert_null(strchr(fake_told(fake), '\n'));
	}
}

/* What only long lines say. */
static void test_errors_of_size(void **state)
{
	struct fake *fake = *state;
	char *line = malloc(LINE_MAX_BYTES + 100), *p;

	runner_keep_going(fake->runner, true);
	p = line + sprintf(line, "call bob");
	for (int i = 0; i <= BOUND_OPTIONS_MAX; i++)
		p += sprintf(p, " header=A:%d", i);
	fake_run(fake, line);
	assert_non_null(strstr(fake_said(fake), "too many options"));
	p = line + sprintf(line, "conference");
	for (int i = 0; i <= 64; i++)
		p += sprintf(p, " 1");
	fake_run(fake, line);
	assert_non_null(strstr(fake_said(fake), "at most 64 calls are taken at once"));
	p = line;
	for (int i = 0; i < 40; i++)
		p += sprintf(p, "if 1 == 1 do ");
	sprintf(p, "hold");
	fake_run(fake, line);
	assert_non_null(strstr(fake_said(fake), "commands within commands, too deep"));
	p = line + sprintf(line, "let big ");
	memset(p, 'x', LINE_MAX_BYTES * 3 / 4);
	p[LINE_MAX_BYTES * 3 / 4] = '\0';
	fake_run(fake, line);
	assert_string_equal(fake_said(fake), "");
	fake_run(fake, "let bigger $big$big");
	assert_non_null(strstr(fake_said(fake), "the word is too long"));
	fake_run(fake, "echo $big $big");
	assert_non_null(strstr(fake_said(fake), "the text is too long"));
	runner_line(fake->runner, slice_make("echo\0x", 6), false);
	assert_non_null(strstr(fake_said(fake), "the line is too long, or it has a zero byte"));
	free(line);
}

/* The caret stands below what is wrong. */
static void test_caret(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "call b\303\266b fom=x");
	assert_string_equal(fake_said(fake), "! -x:1:10: fom: no such option of 'call'; did you mean 'from'? [2 "
					     "option]\n    call b\303\266b fom=x\n             ^\n");
}

/* A password is never shown. */
static void test_password_is_not_shown(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "account add sip:a@b password=secret password=\"my secret\" pasword=x");
	const char *said = fake_said(fake);
	assert_null(strstr(said, "secret"));
	assert_non_null(strstr(said, "    account add sip:a@b password=****** password=*********** pasword=x\n"));
	fake_run(fake, "account add sip:a@b \"password=top secret\" bogus=1");
	assert_null(strstr(fake_said(fake), "secret"));
	fake_run(fake, "account add sip:a@b password=\"a\\\"b secret\" bogus=1");
	assert_null(strstr(fake_said(fake), "secret"));
}

/* Two commands of a file are checked before any is run; here what would be found there is found: a value behind a
 * variable is not. */
static void test_checks_only(void **state)
{
	static const char *const good[] = { "sleep $x",
					    "call $x from=$y",
					    "set call.max $x",
					    "set $x 5",
					    "expect $x < 5",
					    "wait answered within=$x",
					    "dtmf $d",
					    "account add $who password=$p",
					    "if $a == $b do sleep $c",
					    "on incoming do echo $from ${media.loss}",
					    "source $1 $2" };
	static const char *const bad[] = { "sleep $x y", "echo ${media.mso}", "account add $who pasword=$p",
					   "if $a == $b do slep", "set call.mx $x" };
	struct fake *fake = *state;
	struct bind_how how = { .commands = fake->commands };

	for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
		const char *line = i < ARRAY_LEN(good) ? good[i] : bad[i - ARRAY_LEN(good)];
		struct bound bound = { 0 };
		struct failure failure = { 0 };
		size_t at;
		bool is_good = bind_line(&how, slice_of(line), &bound, &failure, &at);
		bound_fini(&bound);
		if (is_good != (i < ARRAY_LEN(good)))
			fail_msg("%s: %s", line, failure.text);
	}
}

static void test_prefixes(void **state)
{
	static const char *const rows[][2] = {
		{ "ans", "answer 0 after 0\n" },
		{ "hang", "hangup 0\n" },
		{ "acco add sip:a@b", "account add sip:a@b\n" },
		{ "account rem work", "account remove work\n" },
		{ "regi", "register ''\n" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fake_type(fake, rows[i][0]);
		assert_string_equal(fake_told(fake), rows[i][1]);
	}
	assert_string_equal(fake_said(fake), "");
	runner_keep_going(fake->runner, true);
	fake_type(fake, "re");
	assert_non_null(strstr(fake_said(fake), "! re could be "));
	fake_type(fake, "h");
	assert_string_equal(fake_said(fake), "! h could be hangup, hold, history, help; baresip's `h` is `help` here, "
						"pjsua's `hangup` [2 ambiguous]\n");
}

static void test_aliases(void **state)
{
	struct fake *fake = *state;

	fake_run(fake, "alias bob call sip:bob@biloxi.com");
	fake_run(fake, "bob from=work");
	fake_run(fake, "alias quick bob codec=opus");
	fake_run(fake, "quick");
	assert_string_equal(fake_told(fake), "call sip:bob@biloxi.com from=work\ncall sip:bob@biloxi.com codec=opus\n");
	runner_keep_going(fake->runner, true);
	fake_said(fake);
	fake_run(fake, "  bob fom=work");
	assert_non_null(strstr(fake_said(fake), "-x:5:5: fom: no such option"));
	fake_run(fake, "bbo");
	assert_non_null(strstr(fake_said(fake), "did you mean 'bob'?"));
	fake_run(fake, "save");
	assert_string_equal(fake_told(fake),
			    "save 'alias bob call sip:bob@biloxi.com\nalias quick bob codec=opus\n'\n");
	/* One that stands for itself ends. */
	fake_run(fake, "alias quick quick");
	fake_run(fake, "quick");
	assert_non_null(strstr(fake_said(fake), "aliases that stand for themselves"));
}

/* Words of the command line are final: no dollar, quote or comment counts. */
static void test_final_words(void **state)
{
	static const char *const call[] = { "call", "Bob \"B\" $x", "#1", "from=my work" };
	static const char *const echo[] = { "echo", "$code", "a  b" };
	static const char *const on[] = { "on", "incoming", "do", "echo", "two words", "$from" };
	struct fake *fake = *state;

	runner_words(fake->runner, call, ARRAY_LEN(call));
	assert_string_equal(fake_told(fake), "call Bob \"B\" $x #1 from=my work\n");
	fake_said(fake);
	runner_words(fake->runner, echo, ARRAY_LEN(echo));
	assert_string_equal(fake_said(fake), "> $code a  b\n");
	runner_words(fake->runner, on, ARRAY_LEN(on));
	fake_run(fake, "show handlers");
	assert_string_equal(fake_said(fake), "= on incoming as 1 do echo \"two words\" $from\n");
}

static void test_near(void **state)
{
	(void)state;
	assert_int_equal(near_distance(SLICE("anwser"), SLICE("answer")), 1);
	assert_int_equal(near_distance(SLICE(""), SLICE("abc")), 3);
	assert_int_equal(near_distance(SLICE("kitten"), SLICE("sitting")), 3);
	assert_int_equal(near_distance(SLICE("same"), SLICE("same")), 0);
}

/* Every row is whole: a group that help knows, texts, no name twice, examples that parse. */
static void test_rows(void **state)
{
	struct fake *fake = *state;
	struct bind_how how = { .commands = fake->commands };

	for (size_t i = 0, n = table_count(); i < n; i++) {
		const struct command *row = table_row(i);
		struct slice aliases = slice_of(row->aliases), alias;
		assert_ptr_equal(table_find(slice_of(row->name)), row);
		while (table_next_word(&aliases, &alias))
			assert_ptr_equal(table_find(alias), row);
		assert_non_null(row->run);
		assert_true(row->summary && row->summary[0] >= 'a' && row->summary[0] <= 'z' && row->text &&
			    row->examples[0]);
		for (size_t k = 0; k < COMMAND_EXAMPLES_MAX && row->examples[k]; k++) {
			struct bound bound = { 0 };
			struct failure failure = { 0 };
			size_t at;
			bool good = bind_line(&how, slice_of(row->examples[k]), &bound, &failure, &at);
			if (!good || bound.command != row)
				fail_msg("example %s: %s", row->examples[k], failure.text);
			bound_fini(&bound);
		}
	}
}

/* Every prefix of every example and of every wrong line: read within its bounds, whatever it is. */
static void test_line_prefixes(void **state)
{
	struct fake *fake = *state;
	struct bind_how how = { .commands = fake->commands, .interactive = true };

	for (size_t i = 0, n = table_count() + ARRAY_LEN(wrong); i < n; i++) {
		const char *line = i < table_count() ? table_row(i)->examples[0] : wrong[i - table_count()].line;
		for (size_t k = 0; k <= strlen(line); k++) {
			char *copy = malloc(k + 1);
			struct bound bound = { 0 };
			struct failure failure = { 0 };
			size_t at = 0;
			memcpy(copy, line, k);
			if (!bind_line(&how, slice_make(copy, k), &bound, &failure, &at))
				assert_true(failure.text[0] && at <= k);
			bound_fini(&bound);
			free(copy);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(told),        TEST(errors),   TEST(errors_of_size), TEST(caret),
		TEST(password_is_not_shown),
		TEST(checks_only), TEST(prefixes), TEST(aliases),       TEST(final_words),
		TEST(near),        TEST(rows),     TEST(line_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
