/* What a notification sends to the terminal, and what a program gets as arguments. */
#include "tests/unit/unit.h"
#include "ui/notify.h"

static void expect_osc(const char *how, const char *term, bool tmux, const char *text, const char *wanted)
{
	struct buf bytes;

	buf_init(&bytes, 4096);
	notify_osc(how, term, tmux, slice_of(text), &bytes);
	assert_string_equal(buf_text(&bytes), wanted);
	buf_fini(&bytes);
}

static void sequences(void **state)
{
	(void)state;
	expect_osc("auto", "xterm-256color", false, "Bob is calling", "\033]9;Bob is calling\a");
	expect_osc("auto", "foot", false, "Bob is calling", "\033]777;notify;offhook;Bob is calling\a");
	expect_osc("777", "xterm", false, "Bob", "\033]777;notify;offhook;Bob\a");
	expect_osc("9", "linux", false, "Bob", "\033]9;Bob\a");
	expect_osc("auto", "linux", false, "Bob", "");
	expect_osc("auto", NULL, false, "Bob", "");
	expect_osc("off", "xterm", false, "Bob", "");
	expect_osc("auto", "tmux-256color", true, "Bob", "\033Ptmux;\033\033]9;Bob\a\033\\");
}

/* A name must not end the sequence, begin another or add a parameter. */
static void hostile_names(void **state)
{
	struct buf bytes;

	(void)state;
	buf_init(&bytes, 65536);
	notify_osc("9", "xterm", false, SLICE("a;b\033\\c\ad\033]52;c;eA==\a\xe2\x80\xae\xff"), &bytes);
	assert_null(strchr(buf_text(&bytes) + 1, '\033'));
	assert_int_equal(strcspn(buf_text(&bytes), "\a"), bytes.n - 1);
	assert_int_equal(strlen(strrchr(buf_text(&bytes), ';')), strlen(strchr(buf_text(&bytes), ';')));
	assert_null(strstr(buf_text(&bytes), "\xe2\x80\xae"));
	buf_clear(&bytes);
	char *longest = test_malloc(5001);
	memset(longest, 'x', 5000);
	longest[5000] = 0;
	notify_osc("9", "xterm", false, slice_of(longest), &bytes);
	assert_true(bytes.n < 200);
	test_free(longest);
	buf_fini(&bytes);
}

static void words(void **state)
{
	char *words[4] = { NULL };

	(void)state;
	assert_int_equal(notify_words(SLICE("  notify-send -u  'not so low' \"a b\"c  "), words, 4), 4);
	assert_string_equal(words[0], "notify-send");
	assert_string_equal(words[2], "not so low");
	assert_string_equal(words[3], "a bc");
	for (size_t i = 0; i < 4; i++)
		free(words[i]);
	assert_int_equal(notify_words(SLICE("   "), words, 4), 0);
	assert_int_equal(notify_words(SLICE("a b c d e"), words, 2), 2);
	free(words[0]);
	free(words[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
