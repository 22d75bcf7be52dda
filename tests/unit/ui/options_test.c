/* The program's own command line. */
#include "ui/options.h"

#include "tests/unit/unit.h" /* behind the others: cmocka has a macro fail() */

static struct options options;
static struct failure failure;

static bool parse(const char *words)
{
	static char copy[400];
	static char *argv[32];
	int argc = 0;

	snprintf(copy, sizeof copy, "offhook|%s", words);
	for (char *word = strtok(copy, "|"); word; word = strtok(NULL, "|"))
		argv[argc++] = word;
	argv[argc] = NULL;
	memset(&failure, 0, sizeof failure);
	return options_parse(&options, argc, argv, &failure);
}

static void test_order_of_files_and_lines(void **state)
{
	(void)state;
	assert_true(parse("-n|-x|set a 1|-f|one.call|-etwo|-f|-|--stay"));
	assert_int_equal(options.source_count, 4);
	assert_false(options.sources[0].is_file);
	assert_string_equal(options.sources[0].text, "set a 1");
	assert_true(options.sources[1].is_file);
	assert_string_equal(options.sources[1].text, "one.call");
	assert_string_equal(options.sources[2].text, "two");
	assert_string_equal(options.sources[3].text, "-");
	assert_true(options.stay && options.no_config && !options.batch);
	assert_int_equal(options.word_count, 0);
	options_fini(&options);
}

static void test_words(void **state)
{
	(void)state;
	assert_true(parse("-nv|--plain|call|sip:bob@biloxi.com|--stay"));
	assert_int_equal(options.word_count, 3);
	assert_string_equal(options.words[0], "call");
	assert_string_equal(options.words[2], "--stay"); /* behind the first word all are its own */
	assert_true(options.verbose && options.no_config && !options.stay);
	assert_int_equal(options.front, FRONT_PLAIN);
	options_fini(&options);
	assert_true(parse("--|-hangup"));
	assert_int_equal(options.word_count, 1);
	assert_string_equal(options.words[0], "-hangup");
	options_fini(&options);
}

static void test_errands(void **state)
{
	(void)state;
	assert_true(parse("--check=a.call"));
	assert_int_equal(options.errand, ERRAND_CHECK);
	assert_string_equal(options.argument, "a.call");
	options_fini(&options);
	assert_true(parse("--print-completion|zsh"));
	assert_int_equal(options.errand, ERRAND_COMPLETION);
	assert_string_equal(options.argument, "zsh");
	options_fini(&options);
	assert_true(parse("-c|other|--json|--batch"));
	assert_string_equal(options.config, "other");
	assert_int_equal(options.front, FRONT_JSON);
	options_fini(&options);
}

static void test_errors(void **state)
{
	static const char *const wrong[] = { "--nonsense", "-q", "-f", "--check", "--stay=yes", "-nf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_false(parse(wrong[i]));
		assert_int_equal(failure.status, STATUS_USAGE);
		assert_true(strlen(failure.text) > 0);
		options_fini(&options);
	}
}

/* --help is the table: every option is in it. */
static void test_help(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	options_help(&text);
	assert_non_null(strstr(buf_text(&text), "-f FILE"));
	assert_non_null(strstr(buf_text(&text), "--print-completion SHELL"));
	assert_non_null(strstr(buf_text(&text), "--version"));
	for (struct slice rest = buf_slice(&text); rest.n;)
		assert_in_range(slice_cut(&rest, '\n').n, 0, 80);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_files_and_lines),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_errands),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
