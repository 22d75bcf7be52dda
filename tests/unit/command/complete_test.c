/* What Tab offers. */
#include "tests/unit/command/fake_phone.h"

#include <unistd.h>

/* "START: a b c" */
static const char *offers(struct fake *fake, const char *line)
{
	static char text[8192];
	struct completion completion;
	size_t n;

	commands_complete(fake->commands, slice_of(line), strlen(line), &completion);
	n = (size_t)snprintf(text, sizeof text, "%zu:", completion.start);
	for (size_t i = 0; i < completion.count; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, " %s", completion.words[i]);
	completion_fini(&completion);
	return text;
}

static void test_offers(void **state)
{
	static const char *const rows[][2] = {
		{ "ans", "0: answer" },
		{ "  /ans", "2: /answer" },
		{ "-han", "0: -hangup" },
		{ "xyz", "0:" },
		{ "myo", "0: myown" },
		{ "account ", "8: add bindings default list remove set show" },
		{ "acco re", "5: remove" },
		{ "audio in", "6: input" },
		{ "call B", "5: Bob Brown" },
		{ "call Bob B", "5: Bob Brown" },
		{ "call \"Bob B", "5: \"Bob Brown\"" },
		{ "call e", "5: echo" },
		{ "call Car", "5: Carol Carol/mobile Carol/work" },
		{ "contact set Bob ring=chi", "21: chime" },
		{ "contact add Bob 1 kind=", "23: fax home mobile work" },
		{ "call sip:d", "5: sip:dave@denver.com" },
		{ "call sip:$", "5: \"sip:\\$HOME@evil.example\"" },
		{ "call Zoe", "5: \"Zoe O'Brien\"" },
		{ "call Zoe O", "5: \"Zoe O'Brien\"" },
		{ "call 'Zoe O", "5: \"Zoe O'Brien\"" },
		{ "call Bob ",
		  "9: anonymous= body= codec= display= early= encryption= from= header= input= output= record= "
		  "sdp= timeout= type=" },
		{ "call Bob fr", "9: from=" },
		{ "call Bob from=w", "14: work" },
		{ "call Bob from=work fr", "19:" },
		{ "call Bob codec=", "15: PCMA PCMU opus" },
		{ "call Bob sdp=", "13: none" },
		{ "answer ", "7: 1 2 after= body= header= type=" },
		{ "hangup a", "7: all" },
		{ "select ", "7: 1 2 next previous" },
		{ "reject 486 ca", "11: call=" },
		{ "dtmf 1 via=", "11: audio auto info rtp" },
		{ "register ", "9: work" },
		{ "unregister work all=", "20: no yes" },
		{ "account add sip:a@b pass", "20: password-command= password=" },
		{ "account set work exp", "17: expires=" },
		{ "contact remove ", "15: \"Bob Brown\" \"Zoe O'Brien\" Carol" },
		{ "contact remove \"Bo", "15: \"Bob Brown\"" },
		{ "audio use U", "10: \"USB Headset\"" },
		{ "audio use nu", "10: null" },
		{ "audio use ", "10: \"USB Headset\" default null" },
		{ "audio input ", "12: \"Desk Microphone\" \"USB Headset\" default file: null tone:440" },
		{ "audio output ", "13: \"USB Headset\" Screen default file: null" },
		{ "audio ringer ", "13: \"USB Headset\" Screen default null" },
		{ "set audio.output t", "17:" },
		{ "set audio.ringer f", "17:" },
		{ "call Bob output=t", "16:" },
		{ "call Bob input=t", "15: tone:440" },
		{ "message e", "8:" },
		{ "transfer e", "9:" },
		{ "unsubscribe a", "12: all" },
		{ "forward busy o", "13: off" },
		{ "codec order op", "12: opus" },
		{ "set call.auto-a", "4: call.auto-answer call.auto-answer-for" },
		{ "set call.auto-answer ", "21: off on progress" },
		{ "set call.auto-answer on ", "24:" },
		{ "bind F5 ho", "8: hold" },
		{ "bind calls F1", "11: F1 F10 F11 F12" },
		{ "bind lad", "5: ladder" },
		{ "unbind F", "7: F1 F10 F11 F12 F2 F3 F4 F5 F6 F7 F8 F9" },
		{ "trace save x since", "13: since=" },
		{ "set audio.input U", "16: \"USB Headset\"" },
		{ "get media.j", "4: media.jitter-max media.jitter-min" },
		{ "wait ans", "5: answered" },
		{ "wait no", "5: not notify" },
		{ "wait failed|en", "5: failed|ended" },
		{ "wait not ans", "9: answered" },
		{ "wait answered wi", "14: within=" },
		{ "wait incoming fr", "14: from=" },
		{ "wait incoming dig", "14:" },
		{ "wait dtmf dig", "10: digit=" },
		{ "wait answered account=", "22: work" },
		{ "expect media.l", "7: media.loss" },
		{ "expect media.loss ", "18: != < <= == =~ > >=" },
		{ "if calls.count == 1 ", "20: do" },
		{ "if calls.count == 1 do ans", "23: answer" },
		{ "on incoming ",
		  "12: account= as call= callid= direction= diverted= do from= id= identity= join= name= signed= to=" },
		{ "on incoming as x ", "17: do" },
		{ "on incoming do reject ca", "22: call=" },
		{ "on incoming from=x as y do call Bob fr", "36: from=" },
		{ "off ", "4: all pick" },
		{ "show cal", "5: call calls" },
		{ "show settings dns", "14: dns.servers" },
		{ "help acc", "5: accept-transfer accept-watcher account add account bindings account default account "
			      "list account remove account set account show accounts" },
		{ "help account s", "13: set show" },
		{ "echo $ca", "5: $call" },
		{ "echo ${med", "5: ${media.loss} ${media.mos}" },
		{ "echo $mi", "5: $mine" },
		{ "quit ", "5:" },
		{ "trace l", "6: ladder list" },
		{ "source tests/unit/command/fake_phone.",
		  "7: tests/unit/command/fake_phone.c tests/unit/command/fake_phone.h" },
		{ "call x input=file:tests/unit/comm", "13: file:tests/unit/command/" },
	};
	struct fake *fake = *state;
	const char *source = getenv("OFFHOOK_SOURCE");

	if (source)
		assert_int_equal(chdir(source), 0);
	fake_call(fake, false, CALL_ANSWERED);
	fake_call(fake, true, CALL_INCOMING);
	fake->phone->account_count = 1;
	fake->phone->accounts[0] =
		(struct account_view){ .name = "work", .address = "a@work.com", .state = "registered" };
	fake_run(fake, "alias myown call");
	fake_run(fake, "let mine 5");
	fake_run(fake, "on incoming as pick do answer");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = offers(fake, rows[i][0]);
		if (strcmp(got, rows[i][1]))
			fail_msg("%s\nshould offer %s\nbut offers %s", rows[i][0], rows[i][1], got);
	}
}

/* The point need not be the end; and at every point of strange lines nothing breaks. */
static void test_points(void **state)
{
	static const char *const lines[] = { "call Bob from=work",
					     "on incoming do if $code == 486 do \"",
					     "\"",
					     "'",
					     "$",
					     "${",
					     "/",
					     "-",
					     "wait |||",
					     "on on on on",
					     "if if if if if",
					     "account account",
					     "set set =",
					     "call = = =",
					     "echo \"$x ${media.loss" };
	struct fake *fake = *state;
	struct completion completion;

	commands_complete(fake->commands, SLICE("an call bob"), 2, &completion);
	assert_int_equal(completion.count, 1);
	assert_string_equal(completion.words[0], "answer");
	completion_fini(&completion);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		for (size_t point = 0; point <= strlen(lines[i]) + 1; point++) {
			commands_complete(fake->commands, slice_of(lines[i]), point, &completion);
			assert_true(completion.start <= strlen(lines[i]));
			completion_fini(&completion);
		}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(offers), TEST(points) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
