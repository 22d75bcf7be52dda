#include "tests/unit/unit.h"
#include "base/xmalloc.h"
#include "ui/text.h"

#include <locale.h>

static bool utf8;

static void test_columns(void **state)
{
	(void)state;
	assert_int_equal(text_cols(SLICE("abc")), 3);
	assert_int_equal(text_cols(SLICE("a\033b\377")), 4); /* shown as question marks */
	if (!utf8)
		skip();
	assert_int_equal(text_cols(SLICE("日本")), 4);
	assert_int_equal(text_cols(SLICE("e\xcc\x81t\xc3\xa9")), 3); /* a combining accent takes none */
}

static void expect_add(struct slice text, size_t cols, bool as_utf8, const char *wanted)
{
	struct buf to;

	buf_init(&to, 1000);
	text_add(&to, text, cols, as_utf8);
	assert_string_equal(buf_text(&to), wanted);
	buf_fini(&to);
}

static void test_clipping(void **state)
{
	(void)state;
	expect_add(SLICE("hello"), 5, true, "hello");
	expect_add(SLICE("hello"), 4, false, "hel~");
	expect_add(SLICE("hello"), 0, false, "");
	expect_add(SLICE("\033[2Jx"), 9, true, "?[2Jx"); /* no control reaches the terminal */
	expect_add(SLICE("a\nb\tc"), 9, true, "a?b?c");
	if (!utf8)
		skip();
	expect_add(SLICE("hello"), 4, true, "hel…");
	expect_add(SLICE("日本語"), 5, true, "日本…");
	expect_add(SLICE("日本語"), 4, true, "日…");
	expect_add(SLICE("日x"), 4, false, "??x");
}

static void test_padding(void **state)
{
	struct buf to;

	(void)state;
	buf_init(&to, 1000);
	text_add_padded(&to, SLICE("ab"), 5, true);
	assert_string_equal(buf_text(&to), "ab   ");
	buf_fini(&to);
}

static void test_breaking(void **state)
{
	size_t skip;

	(void)state;
	assert_int_equal(text_break(SLICE("one two three"), 9, &skip), 7);
	assert_int_equal(skip, 1);
	assert_int_equal(text_break(SLICE("one two"), 9, &skip), 7);
	assert_int_equal(skip, 0);
	assert_int_equal(text_break(SLICE("abcdefghijkl"), 5, &skip), 5);
	assert_int_equal(skip, 0);
	assert_int_equal(text_break(SLICE(""), 5, &skip), 0);
	assert_true(text_break(SLICE("日本"), 1, &skip) > 0); /* always forward */
}

/* Wherever the cursor is, it is in sight, what is drawn fits, and a prompt is there. */
static void test_window(void **state)
{
	char line[200];
	struct buf to;

	(void)state;
	for (size_t i = 0; i < sizeof line; i++)
		line[i] = (char)('a' + i % 26);
	for (size_t cols = 20; cols < 100; cols += 7)
		for (size_t n = 0; n <= sizeof line; n += 13)
			for (size_t point = 0; point <= n; point++) {
				buf_init(&to, 1000);
				size_t cursor = text_line_window(&to, SLICE("offhook> "), slice_make(line, n), point,
								 cols, true);
				assert_true(cursor < cols);
				assert_true(to.n <= cols);
				assert_true(slice_begins(buf_slice(&to), SLICE("offhook> ")));
				if (point < n)
					assert_int_equal(to.p[cursor], line[point]);
				else
					assert_int_equal(cursor, to.n);
				buf_fini(&to);
			}
}

static void test_window_of_wide_characters(void **state)
{
	struct buf to;
	char line[300];
	size_t n = 0;

	(void)state;
	if (!utf8)
		skip();
	for (; n + 3 <= sizeof line; n += 3)
		memcpy(line + n, "語", 3);
	for (size_t point = 0; point <= n; point += 3) {
		buf_init(&to, 1000);
		size_t cursor = text_line_window(&to, SLICE("> "), slice_make(line, n), point, 30, true);
		assert_true(cursor < 30);
		assert_true(text_cols(buf_slice(&to)) <= 30);
		buf_fini(&to);
	}
}

/* Of a long prompt the end is shown: what is searched for, what was pressed. */
static void test_long_prompt(void **state)
{
	struct buf to;

	(void)state;
	buf_init(&to, 1000);
	size_t cursor = text_line_window(&to, SLICE("(reverse-i-search)`call': "), SLICE("call echo"), 5, 40, true);
	assert_string_equal(buf_text(&to), "<e-i-search)`call': call echo");
	assert_int_equal(cursor, 25);
	buf_clear(&to);
	text_line_window(&to, SLICE("日本日本> "), SLICE("x"), 1, 10, true);
	assert_string_equal(buf_text(&to), utf8 ? "<本> x" : "<???" "?> x");
	buf_fini(&to);
}

static const char *wrapped(const char *text, size_t cols)
{
	static char shown[256];
	struct buf buf;

	buf_init(&buf, sizeof shown - 1);
	text_wrap(&buf, slice_of(text), cols);
	snprintf(shown, sizeof shown, "%s", buf_text(&buf));
	buf_fini(&buf);
	return shown;
}

/* Rows end at blanks, later ones stand below the second column, and no word is broken. */
static void rows_of_words(void **state)
{
	(void)state;
	assert_string_equal(wrapped("one two three\n", 13), "one two three\n");
	assert_string_equal(wrapped("one two three\n", 12), "one two\nthree\n");
	assert_string_equal(wrapped("one two", 3), "one\ntwo");
	assert_string_equal(wrapped("a\n\nb c\n", 1), "a\n\nb\nc\n");
	assert_string_equal(wrapped("one   \n", 3), "one\n");
	assert_string_equal(wrapped("see sip:bob@biloxi.example.com now", 10), "see\nsip:bob@biloxi.example.com\nnow");
	assert_string_equal(wrapped("      ^\n", 4), "      ^\n");
	assert_string_equal(wrapped("  on   it is so\n", 12), "  on   it is\n       so\n");
	assert_string_equal(wrapped("name  it is together\n", 9), "name  it\n is\n together\n");
	assert_string_equal(wrapped("12:00:00 call ended\n", 15), "12:00:00 call\n         ended\n");
	assert_string_equal(wrapped("日本 日本\n", 5), "日本\n日本\n");
	assert_string_equal(wrapped("one of calls|media|log\n", 12), "one of\ncalls|media|\nlog\n");
	assert_string_equal(wrapped("", 5), "");
}

/* What a stranger wrote may be nothing but columns: the longest message, and more, costs next to nothing. */
static void columns_without_end(void **state)
{
	enum { N = 3 * 1000 * 1000 };
	char *line = xmalloc(N);

	(void)state;
	for (size_t i = 0; i < N; i++)
		line[i] = "a  "[i % 3];
	assert_int_equal(text_hang(slice_make(line, N), 80), 51);
	free(line);
	/* The time of an event takes no more of a narrow row than another first column. */
	assert_int_equal(text_hang(SLICE("12:00:00 call ended"), 14), 9);
	assert_int_equal(text_hang(SLICE("12:00:00 call ended"), 13), 0);
}

/* Choices are read downwards, in as many columns as fit, and no row ends in blanks. */
static void choices_in_columns(void **state)
{
	const char *const words[] = { "call", "codec", "conference", "contact", "dtmf" };
	struct buf to;

	(void)state;
	buf_init(&to, 200);
	text_add_columns(&to, words, 5, 80, true);
	assert_string_equal(buf_text(&to), "call        codec       conference  contact     dtmf\n");
	buf_clear(&to);
	text_add_columns(&to, words, 5, 25, true);
	assert_string_equal(buf_text(&to), "call        contact\ncodec       dtmf\nconference\n");
	buf_clear(&to);
	text_add_columns(&to, words, 3, 5, true);
	assert_string_equal(buf_text(&to), "call\ncodec\nconference\n");
	buf_fini(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns), cmocka_unit_test(test_clipping),
		cmocka_unit_test(test_padding), cmocka_unit_test(test_breaking),
		cmocka_unit_test(test_window),  cmocka_unit_test(test_window_of_wide_characters),
		cmocka_unit_test(test_long_prompt),
		cmocka_unit_test(rows_of_words), cmocka_unit_test(choices_in_columns),
		cmocka_unit_test(columns_without_end),
	};

	utf8 = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
