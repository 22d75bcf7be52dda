/* Help, the man page and shell completion: complete, well formed, and what they say of the tables. */
#include "tests/unit/command/fake_phone.h"

#include "command/event_keys.h"
#include "command/foreign.h"
#include "command/help.h"
#include "command/options.h"
#include "command/table.h"

#include <unistd.h>

static struct buf out, flat;

static const char *help(const char *topic)
{
	buf_clear(&out);
	assert_true(help_print(slice_of(topic), &out));
	return buf_text(&out);
}

/* The same, as if a line had no end. */
static const char *unwrapped(const char *topic)
{
	const char *text = help(topic);

	buf_clear(&flat);
	for (; *text; text++)
		if (*text != ' ' && *text != '\n')
			buf_add_char(&flat, *text);
		else if (text[1] != ' ')
			buf_add_char(&flat, ' ');
	return buf_text(&flat);
}

static void test_topics(void **state)
{
	(void)state;
	assert_non_null(strstr(help(""), "Calls\n  call              call someone\n"));
	for (size_t i = 0, n = table_count(); i < n; i++) {
		const char *overview = help("");
		assert_non_null(strstr(overview, table_row(i)->name));
		const char *text = help(table_row(i)->name);
		assert_int_equal(strncmp(text, table_row(i)->name, strlen(table_row(i)->name)), 0);
		for (size_t k = 0; k < COMMAND_EXAMPLES_MAX && table_row(i)->examples[k]; k++)
			assert_non_null(strstr(text, table_row(i)->examples[k]));
		for (size_t k = 0; k < COMMAND_OPTIONS_MAX && table_row(i)->options[k].name; k++)
			assert_non_null(strstr(text, table_row(i)->options[k].name));
	}
	assert_non_null(strstr(help("dial"), "also: dial invite"));
	assert_non_null(strstr(help("account"), "account add"));
	for (size_t i = 0; i < setting_count; i++) {
		assert_non_null(strstr(help("settings"), setting_rows[i].name));
		assert_non_null(strstr(unwrapped(setting_rows[i].name), setting_rows[i].sentence));
	}
	assert_non_null(strstr(help("quantities"), "media.loss"));
	assert_non_null(strstr(help("keys"), "F8                hang up"));
	assert_false(help_print(SLICE("nothing"), &out));
}

static void check_width(const char *topic)
{
	struct slice text = slice_of(help(topic));

	while (text.n)
		assert_true(slice_cut(&text, '\n').n <= 80);
}

/* No line of help is wider than a terminal. */
static void test_width(void **state)
{
	const struct help_row *row;

	(void)state;
	for (size_t i = 0; i < setting_count; i++)
		check_width(setting_rows[i].name);
	for (int i = 0; i < EVENT_KINDS; i++)
		check_width(event_name((enum event_kind)i));
	for (size_t i = 0; (row = help_quantity_row(i)); i++)
		if (quantity_exists(row->name))
			check_width(row->name);
	for (size_t i = 0, n = table_count(); i <= n; i++) {
		struct slice text = slice_of(help(i < n ? table_row(i)->name : ""));
		while (text.n) {
			struct slice line = slice_cut(&text, '\n');
			if (line.n > 80 && strncmp(line.p, "    ", 4)) /* examples and keys stand as they are */
				assert_true(slice_begins(line, SLICE("Keys:")));
		}
	}
}

/* On a narrow terminal nothing is wider than it but words that are, such as the choices of an option. */
static void test_narrow(void **state)
{
	(void)state;
	help_set_width(40);
	struct slice text = slice_of(help("forward"));
	while (text.n) {
		struct slice line = slice_cut(&text, '\n');
		assert_true(line.n <= 40 || slice_begins(line, SLICE("    ")));
	}
	assert_non_null(strstr(help("call"), "  encryption=off|optional|required\n      encrypt its sound by SRTP,\n"));
	assert_non_null(strstr(help("settings"), "  audio.side-tone\n      how loud you hear your own\n"));
	help_set_width(1);
	help("call");
	help_set_width(1000);
	assert_non_null(strstr(help(""), "Calls\n  call              call someone\n"));
}

/* What completion offers, and what a person asks for beside: words with several meanings, beginnings and keys. */
static void test_other_topics(void **state)
{
	(void)state;
	assert_non_null(strstr(help("dtmf"), "\nThe event dtmf: a digit"));
	assert_non_null(strstr(help("dtmf"), "keys      call id digit"));
	assert_non_null(strstr(help("codec"), "\nThe event codec: the codec changed"));
	assert_null(strstr(help("hangup"), "The event"));
	assert_non_null(strstr(help("sip"), "sip.t1 "));
	assert_null(strstr(help("sip."), "tls."));
	assert_non_null(strstr(help("heard"), "heard.level "));
	assert_non_null(strstr(help("F8"), "hang up"));
	assert_non_null(strstr(help("N"), "find a text"));
	assert_false(help_print(SLICE("to"), &out));
	assert_false(help_print(SLICE("."), &out));
	assert_false(help_print(SLICE("si"), &out));
}

/* Every event there is has its sentence and keys, and every key is an option of `wait`. */
static void test_events(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_KINDS; i++) {
		const struct event_help *row = event_help((enum event_kind)i);
		if (!row)
			fail_msg("event %s has no help", event_name((enum event_kind)i));
		assert_non_null(strstr(help("events"), row->name));
		struct slice keys = slice_of(row->keys), key;
		while (table_next_word(&keys, &key))
			assert_non_null(event_key_option(key));
	}
}

static void test_man(void **state)
{
	static const char *const sections[] = { ".TH OFFHOOK 1 ",    ".SH NAME\n",    ".SH SYNOPSIS\n",
						".SH DESCRIPTION\n", ".SH OPTIONS\n", ".SH COMMANDS\n",
						".SH SETTINGS\n",    ".SH EVENTS\n",  ".SH QUANTITIES\n",
						".SH EXIT STATUS\n", ".SH FILES\n",   ".SH EXAMPLES\n",
						".SH SEE ALSO\n" };
	const char *at;

	(void)state;
	buf_clear(&out);
	help_print_man(&out);
	at = buf_text(&out);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		at = strstr(at, sections[i]);
		assert_non_null(at);
	}
	for (struct slice rest = buf_slice(&out); rest.n;) {
		struct slice line = slice_cut(&rest, '\n');
		assert_true(line.n > 0 && line.n < 1200);
		assert_true(line.p[line.n - 1] != ' ');
		/* A line that begins with a dot or a quote is a macro we mean. */
		if (line.p[0] == '.')
			assert_true(line.n > 1 && strchr(".TSPIBRnfba\\", line.p[1]));
		assert_true(line.p[0] != '\'');
	}
}

/* groff has nothing to say about it. */
static void test_man_warnings(void **state)
{
	char name[] = "/tmp/offhook-man-XXXXXX", command[200], said[400] = "";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	buf_clear(&out);
	help_print_man(&out);
	assert_int_equal(write(fd, out.p, out.n), out.n);
	close(fd);
	if (system("command -v groff >/dev/null") != 0) {
		unlink(name);
		skip();
	}
	snprintf(command, sizeof command, "groff -man -ww -z -Tutf8 %s 2>&1", name);
	FILE *pipe = popen(command, "r");
	size_t n = fread(said, 1, sizeof said - 1, pipe);
	said[n] = '\0';
	int status = pclose(pipe);
	unlink(name);
	assert_string_equal(said, "");
	assert_int_equal(status, 0);
}

static void test_shell(void **state)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		buf_clear(&out);
		assert_true(help_print_shell_completion(slice_of(shells[i]), &out));
		assert_non_null(strstr(buf_text(&out), "redial"));
		assert_non_null(strstr(buf_text(&out), "timeout="));
		for (size_t k = 0; k < program_option_count; k++)
			if (program_options[k].name)
				assert_non_null(strstr(buf_text(&out), program_options[k].name));
	}
	assert_false(help_print_shell_completion(SLICE("csh"), &out));
}

/* bash itself completes by what we print. */
static void test_bash(void **state)
{
	char name[] = "/tmp/offhook-bash-XXXXXX", command[700], said[400];
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	buf_clear(&out);
	help_print_shell_completion(SLICE("bash"), &out);
	assert_int_equal(write(fd, out.p, out.n), out.n);
	close(fd);
	snprintf(command, sizeof command,
		 "bash -c 'set -e; . %s; compopt() { :; }; t() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); _offhook "
		 "|| :; echo \"${COMPREPLY[*]}\"; }; "
		 "t offhook ans; t offhook -n -x foo acc; t offhook account re; t offhook call x cod; t offhook show "
		 "trans; t offhook --print-completion z' 2>&1",
		 name);
	FILE *pipe = popen(command, "r");
	size_t n = fread(said, 1, sizeof said - 1, pipe);
	said[n] = '\0';
	pclose(pipe);
	unlink(name);
	assert_string_equal(said,
			    "answer\naccept-transfer account accept-watcher\nremove\ncodec=\ntransactions\nzsh\n");
}

static int begin(void **state)
{
	(void)state;
	buf_init(&out, 4 << 20);
	buf_init(&flat, 4 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_fini(&out);
	buf_fini(&flat);
	return 0;
}

/* What one types who comes from another phone is a command here or is told what it is called here. */
static void test_every_command_of_other_phones(void **state)
{
	static const char words[] =
		/* baresip */
		"about accept a acceptdir answermode auplay ausrc callstat c conf_reload config dial d dialdir "
		"dnd entransp hangup b hangupall help h insmod rmmod listcalls l main medialdir memstat message M "
		"modules netstat options o play quit q refer R reginfo r reginvite setadelay sysinfo timers "
		"tlsissuer tlssubject uaaddheader uadel uadelall uafind ualist uanew uareg uarmheader vidsrc "
		"video_debug audio_debug A aubitrate callfind hold x line mute m reinvite I resume X sndcode "
		"statmode S transfer t video_cycle E videodir loglevel v apistate aufileinfo contacts C "
		"contact_next contact_prev dialcontact D addcontact rmcontact natbd auloop auloop_stop vidloop "
		"vidloop_stop snapshot snapshot_recv atransferstart T atransferabort atransferexec aucodecs "
		"vidcodecs encoders audio_info uastat z 100rel augain reject register unregister redial vumeter "
		"siptrace sipmon "
		/* pjsua */
		"M a h ha H v V U ] [ x X # * dq s u t T rr ru cl cc cd Cp L q S i o e dd dc d +b !a < > +a n ss "
		"vid call acc im pres stat conf video restart sleep log "
		/* linphonec */
		"answer autoanswer call calls call-logs camera chat conference duration echocancellation ec "
		"echolimiter el firewall friend help history ipv6 identify nat nortp-on-audio-mute param pause "
		"pwindow play playbackgain port proxy quit record redirect register resume snapshot "
		"preview-snapshot soundcard speak states staticpic status stun terminate transfer mute unmute "
		"unregister use-sips video-window vwindow vfureq webcam codec vcodec audio-codec video-codec "
		"acodec media-encryption ring zoom jitter ports friend-list log bandwidth ringback "
		"zrtp-set-verified "
		/* twinkle */
		"call answer answerbye reject redirect bye hold retrieve transfer conference mute dtmf redial "
		"register deregister fetch_reg options line dnd auto_answer user quit exit help zrtp presence "
		"message";
	struct slice rest = slice_of(words), word;

	(void)state;
	while ((word = slice_cut(&rest, ' ')).p) {
		struct buf told;
		if (!word.n)
			continue;
		buf_init(&told, 1000);
		if (!table_find(word) && !table_is_first_word(word) && !foreign_print(word, &told))
			fail_msg("%.*s: neither ours nor told what it is here", SLICE_ARG(word));
		buf_fini(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topics), cmocka_unit_test(test_width),        cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_other_topics),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_man),    cmocka_unit_test(test_man_warnings), cmocka_unit_test(test_shell),
		cmocka_unit_test(test_bash),   cmocka_unit_test(test_every_command_of_other_phones),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
