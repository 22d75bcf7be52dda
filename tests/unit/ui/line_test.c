/* Readline between our bytes and our drawing. */
#include "base/xmalloc.h"
#include "tests/unit/unit.h"
#include "ui/line.h"

#include <sys/stat.h>
#include <unistd.h>

static char *entered;
static char folder[64], history[128];

static void on_entered(void *arg, const char *text)
{
	(void)arg;
	xreplace(&entered, text);
}

static char *warned;

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	xreplace(&warned, text);
}

static void on_changed(void *arg)
{
	(void)arg;
}

static size_t complete(void *arg, const char *line, size_t point, char ***words, size_t *start)
{
	static const char *const names[] = { "call", "calls", "hangup", "from=work", "Built-in Audio" };
	size_t count = 0, at = point;

	(void)arg;
	while (at > 0 && line[at - 1] != ' ')
		at--;
	if (!strncmp(line, "audio ", 6))
		at = 6; /* a word with a blank in it */
	*start = at;
	*words = xcalloc(ARRAY_LEN(names), sizeof **words);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strncmp(names[i], line + at, point - at))
			(*words)[count++] = xstrdup(names[i]);
	return count;
}

static int start(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/offhook-line-%ld", (long)getpid());
	snprintf(history, sizeof history, "%s/state/line-history", folder);
	setenv("INPUTRC", "/dev/null", 1);
	setenv("TERM", "xterm", 1);
	line_start(&(struct line_handler){ on_entered, on_changed, complete, on_warning, NULL }, "offhook> ", history,
		   24, 80);
	return 0;
}

static int stop(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	line_stop();
	int rc = system(command);
	free(command);
	xreplace(&entered, NULL);
	return rc;
}

static void expect_drawn(const char *wanted, size_t cursor)
{
	struct buf row;

	buf_init(&row, 1000);
	assert_int_equal(line_draw(&row, 80, true), cursor);
	assert_string_equal(buf_text(&row), wanted);
	buf_fini(&row);
}

static void test_editing(void **state)
{
	(void)state;
	expect_drawn("offhook> ", 9);
	assert_true(line_is_bare());
	line_bytes(SLICE("cal bob\001\006\006\006l"));
	expect_drawn("offhook> call bob", 13);
	line_bytes(SLICE("\r"));
	assert_string_equal(entered, "call bob");
	expect_drawn("offhook> ", 9);
	line_bytes(SLICE("\020"));
	expect_drawn("offhook> call bob", 17);
	line_clear();
	expect_drawn("offhook> ", 9);
}

static void test_another_prompt_is_not_bare(void **state)
{
	(void)state;
	line_set_prompt("keypad> ");
	assert_false(line_is_bare());
	line_set_prompt("offhook> ");
	assert_true(line_is_bare());
}

static void test_search_is_left_by_clear(void **state)
{
	(void)state;
	line_bytes(SLICE("call bob\r"));
	line_bytes(SLICE("\022bo"));
	expect_drawn("(reverse-i-search)`bo': call bob", 29);
	line_clear();
	expect_drawn("offhook> ", 9);
	line_bytes(SLICE("x"));
	expect_drawn("offhook> x", 10);
	line_clear();
}

static void test_completion(void **state)
{
	size_t count;

	(void)state;
	line_bytes(SLICE("ha\t"));
	expect_drawn("offhook> hangup ", 16);
	line_clear();
	line_bytes(SLICE("ca\t"));
	expect_drawn("offhook> call", 13);
	const char *const *words = line_completions(&count);
	assert_int_equal(count, 2);
	assert_string_equal(words[0], "call");
	assert_string_equal(words[1], "calls");
	line_bytes(SLICE("s"));
	line_completions(&count);
	assert_int_equal(count, 0);
	line_clear();
	line_bytes(SLICE("audio Built-in A\t"));
	expect_drawn("offhook> audio Built-in Audio ", 30);
	line_clear();
}

static void test_paste_runs_nothing(void **state)
{
	(void)state;
	xreplace(&entered, "nothing");
	line_paste(SLICE("hangup all\nquit\r\n\033[A"));
	assert_string_equal(entered, "nothing");
	expect_drawn("offhook> hangup all quit  [A", 28);
	line_clear();
	line_paste(SLICE("call bob\n"));
	expect_drawn("offhook> call bob", 17);
	line_clear();
}

static void test_secret(void **state)
{
	char text[4096] = "";

	(void)state;
	line_ask_secret("password: ");
	assert_true(line_is_secret());
	line_bytes(SLICE("open sesame"));
	expect_drawn("password: ", 10);
	line_bytes(SLICE("\r"));
	assert_string_equal(entered, "open sesame");
	assert_false(line_is_secret());
	expect_drawn("offhook> ", 9);
	line_bytes(SLICE("\020"));
	struct buf row;
	buf_init(&row, 1000);
	line_draw(&row, 80, true);
	assert_null(strstr(buf_text(&row), "sesame"));
	buf_fini(&row);
	line_clear();
	FILE *file = fopen(history, "r");
	if (file) {
		assert_true(fread(text, 1, sizeof text - 1, file) > 0);
		fclose(file);
	}
	assert_null(strstr(text, "sesame"));
}

static void expect_kept(const char *typed, const char *wanted)
{
	char *kept = line_for_history(typed);

	if (wanted)
		assert_string_equal(kept, wanted);
	else
		assert_null(kept);
	free(kept);
}

static void test_passwords_are_not_kept(void **state)
{
	(void)state;
	expect_kept("account add sip:a@b password=secret user=a", "account add sip:a@b  user=a");
	expect_kept("account add sip:a@b password='two words'", "account add sip:a@b");
	expect_kept("account add sip:a@b password=\"a \\\" b\" expires=60", "account add sip:a@b  expires=60");
	expect_kept("account add sip:a@b \"password=two words\"", "account add sip:a@b");
	expect_kept("account set a PASSWORD=x\\ y", "account set a");
	expect_kept("account add sip:a@b password-command=\"pass a\"",
		    "account add sip:a@b password-command=\"pass a\"");
	expect_kept("message bob my-password=x", "message bob my-password=x");
	expect_kept("account add sip:a@b \"password=a\\\"b secret\" user=a", "account add sip:a@b  user=a");
	expect_kept("account add sip:a@b password=\"never closed user=a", "account add sip:a@b");
	expect_kept("  ", NULL);
}

/* Where nothing can be written that is said once, and the lines stay in memory. */
static void test_history_that_cannot_be_written(void **state)
{
	(void)state;
	line_stop();
	line_start(&(struct line_handler){ on_entered, on_changed, complete, on_warning, NULL }, "offhook> ",
		   "/dev/full", 24, 80);
	xreplace(&warned, NULL);
	line_bytes(SLICE("options carol\r"));
	assert_non_null(warned);
	assert_non_null(strstr(warned, "is kept no more: /dev/full: "));
	xreplace(&warned, NULL);
	line_bytes(SLICE("options dave\r"));
	assert_null(warned);
	line_bytes(SLICE("\020\020"));
	expect_drawn("offhook> options carol", 22);
	line_clear();
	line_stop();
	start(NULL);
}

static void test_history_file(void **state)
{
	struct stat st;
	char text[256] = "";

	(void)state;
	line_bytes(SLICE("options bob\r"));
	line_bytes(SLICE("options bob\r")); /* once is enough */
	assert_int_equal(stat(history, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	line_stop();
	/* A file that has grown is cut at the next start. */
	FILE *file = fopen(history, "a");
	for (int i = 0; i < 2 * LINE_HISTORY_MAX; i++)
		fprintf(file, "line %d\n", i);
	fclose(file);
	start(NULL);
	size_t lines = 0;
	file = fopen(history, "r");
	while (fgets(text, sizeof text, file))
		lines++;
	fclose(file);
	assert_int_equal(lines, LINE_HISTORY_MAX);
	assert_int_equal(stat(history, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	line_bytes(SLICE("\020"));
	expect_drawn("offhook> line 1999", 18);
	line_clear();
}

/* C-c in a line of history that was changed, and the same line again: readline had freed its changes twice. */
static void test_clear_in_a_changed_line_of_history(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		line_bytes(SLICE("echo one\r"));
		line_bytes(SLICE("echo two\r"));
		line_bytes(SLICE("typed\020\020 changed\016 too\020"));
		line_clear();
		expect_drawn("offhook> ", 9);
		line_bytes(SLICE("\020\020x\r"));
		line_bytes(SLICE("\020\020\016y\025\037\r"));
		line_bytes(SLICE("\022one"));
		line_clear();
		line_bytes(SLICE("\020\020\020\r"));
	}
	line_clear();
}

/* Keys in any order, searches above all: readline's memory stays whole (AddressSanitizer looks). */
static void test_searches_from_changed_lines(void **state)
{
	static const char *const keys[] = { "\033[A", "\033[B",   "\033[D",   "\r",   "\t",    "1",
					    "a",      "\022",     "\025",     "\001", "\033b", "é",
					    "\177",   "echo b\r", "\022\022", "\023", "\033n", "\033p" };
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		random = random * 1664525 + 1013904223;
		line_bytes(slice_of(keys[(random >> 16) % ARRAY_LEN(keys)]));
		if ((random >> 8) % 50 == 0)
			line_clear();
	}
	line_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_editing),      cmocka_unit_test(test_another_prompt_is_not_bare),
		cmocka_unit_test(test_search_is_left_by_clear),
		cmocka_unit_test(test_completion),   cmocka_unit_test(test_paste_runs_nothing),
		cmocka_unit_test(test_secret),       cmocka_unit_test(test_passwords_are_not_kept),
		cmocka_unit_test(test_history_that_cannot_be_written),
		cmocka_unit_test(test_clear_in_a_changed_line_of_history),
		cmocka_unit_test(test_searches_from_changed_lines),
		cmocka_unit_test(test_history_file),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
