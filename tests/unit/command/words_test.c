#include "command/script.h"
#include "command/words.h"
#include "tests/unit/command/fake_phone.h"

/* $who is Bob, $evil comes from the network, nothing else is known. */
static bool expand(void *arg, struct slice name, struct buf *value, bool *network, struct failure *failure)
{
	(void)arg;
	if (slice_eq(name, SLICE("who")))
		buf_printf(value, "Bob B. \"x\" $who");
	else if (slice_eq(name, SLICE("evil"))) {
		buf_printf(value, "../.ssh/\033[2Jid\302\233x\n");
		*network = true;
	} else if (slice_eq(name, SLICE("media.loss")))
		buf_printf(value, "1%%");
	else
		return fail(failure, STATUS_USAGE, "variable", "$%.*s: no such variable", SLICE_ARG(name));
	return true;
}

/* The words of a line, each in brackets; or the error and where. */
static const char *words_of(const char *line)
{
	static char text[4096];
	struct words words = { .line = slice_of(line), .expand = expand };
	struct word word;
	struct failure failure;
	struct buf out;
	enum words_result result;
	size_t at;

	word_init(&word);
	buf_init(&out, sizeof text);
	while ((result = words_next(&words, &word, &failure, &at)) == WORD_OK)
		buf_printf(&out, "[%s]", buf_text(&word.text));
	if (result == WORD_BAD) {
		buf_clear(&out);
		buf_printf(&out, "%zu: %s", at, failure.text);
	}
	snprintf(text, sizeof text, "%s", buf_text(&out));
	buf_fini(&out);
	word_fini(&word);
	return text;
}

static void test_words(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "   \t ", "" },
		{ "call bob", "[call][bob]" },
		{ "  call\t bob  ", "[call][bob]" },
		{ "a \"b c\" d", "[a][b c][d]" },
		{ "a 'b \"c' d", "[a][b \"c][d]" },
		{ "a\"b c\"d'e f'", "[ab cde f]" },
		{ "\"\" ''", "[][]" },
		{ "\"\\n\\t\\\"\\\\\\$who\"", "[\n\t\"\\$who]" },
		{ "'\\n $who'", "[\\n $who]" },
		{ "$who ${who}", "[Bob B. \"x\" $who][Bob B. \"x\" $who]" },
		{ "\"<$who>\"", "[<Bob B. \"x\" $who>]" },
		{ "${media.loss}x $$who", "[1%x][$who]" },
		{ "#no # comment", "[#no][#][comment]" },
		{ "C:\\dir", "[C:\\dir]" },
		{ "header=\"Subject: a b\" x", "[header=Subject: a b][x]" },
		{ "say \"open", "4: this \" is never closed" },
		{ "say 'open", "4: this ' is never closed" },
		{ "say \"a\\qb\"", "6: no such escape: in \"...\" there are \\n \\t \\\" \\\\ and \\$" },
		{ "say 5$",
		  "5: a '$' needs the name of a variable behind it, as $call or ${media.loss}; write $$ for a dollar" },
		{ "say ${}",
		  "4: a '$' needs the name of a variable behind it, as $call or ${media.loss}; write $$ for a dollar" },
		{ "say ${a b}",
		  "4: a '$' needs the name of a variable behind it, as $call or ${media.loss}; write $$ for a dollar" },
		{ "say ${open",
		  "4: a '$' needs the name of a variable behind it, as $call or ${media.loss}; write $$ for a dollar" },
		{ "say $nobody", "4: $nobody: no such variable" },
		{ "$evil", "[../.ssh/[2Jidx]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(words_of(rows[i][0]), rows[i][1]);
}

static void read_one(const char *line, struct word *word, words_expand_h *by)
{
	struct words words = { .line = slice_of(line), .expand = by };
	struct failure failure;
	size_t at;

	assert_int_equal(words_next(&words, word, &failure, &at), WORD_OK);
}

static void test_marks(void **state)
{
	struct word word;

	(void)state;
	word_init(&word);
	read_one("from=work", &word, expand);
	assert_int_equal(word.name_bytes, 4);
	read_one("\"from=work\"", &word, expand);
	assert_true(word.quoted && word.name_bytes == SIZE_MAX);
	read_one("$who=x", &word, expand);
	assert_true(word.dynamic && word.name_bytes == SIZE_MAX);
	read_one("x=a=b", &word, expand);
	assert_int_equal(word.name_bytes, 1);
	/* Only checking: names are not looked up, but a quantity must exist. */
	read_one("a$nobody", &word, NULL);
	assert_true(word.dynamic);
	word_fini(&word);
}

static void test_file_names(void **state)
{
	static const char *const rows[][2] = {
		{ "greeting.wav", "greeting.wav" },      { "../mine/.x", "../mine/.x" },
		{ "mail/$evil", "mail/ssh[2Jidx" },      { "$evil", "ssh[2Jidx" },
		{ "a-$evil.wav", "a-...ssh[2Jidx.wav" },
	};
	struct word word;

	(void)state;
	word_init(&word);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_one(rows[i][0], &word, expand);
		char *name = word_file_name(&word);
		assert_string_equal(name, rows[i][1]);
		free(name);
	}
	word_fini(&word);
}

static void test_rest(void **state)
{
	static const char *const rows[][2] = {
		{ "  it's \"so\"  here  ", "it's \"so\"  here" },
		{ "$who costs $$5 \\n", "Bob B. \"x\" $who costs $5 \\n" },
	};
	struct failure failure;
	struct word word;
	size_t at;

	(void)state;
	word_init(&word);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct words words = { .line = slice_of(rows[i][0]), .expand = expand };
		assert_int_equal(words_rest(&words, &word, &failure, &at), WORD_OK);
		assert_string_equal(buf_text(&word.text), rows[i][1]);
		assert_int_equal(words_rest(&words, &word, &failure, &at), WORD_NONE);
	}
	word_fini(&word);
}

/* What is quoted comes back as one word, the same. */
static void test_quote(void **state)
{
	static const char *const rows[] = { "plain",       "",    "two words",       "it's", "\"q\"",
					    "back\\slash", "a$b", "line\nfeed\ttab", "$" };
	struct buf line;
	struct word word;

	(void)state;
	word_init(&word);
	buf_init(&line, 1000);
	words_quote_name(&line, SLICE("Bob Brown"));
	assert_string_equal(buf_text(&line), "Bob Brown");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (words_has_special(slice_of(rows[i]))) {
			buf_clear(&line);
			words_quote_name(&line, slice_of(rows[i]));
			read_one(buf_text(&line), &word, expand);
			assert_string_equal(buf_text(&word.text), rows[i]);
		}
		buf_clear(&line);
		words_quote(&line, slice_of(rows[i]), false);
		read_one(buf_text(&line), &word, expand);
		assert_string_equal(buf_text(&word.text), rows[i]);
	}
	buf_fini(&line);
	word_fini(&word);
}

/* Every prefix of a line with everything in it: never beyond its end. */
static void test_prefixes(void **state)
{
	static const char line[] = "a\"b\\n$who${media.loss}\"'c $d'$$ header=\"x: y\" ${who}z\\";

	(void)state;
	for (size_t n = 0; n < sizeof line; n++) {
		char *copy = malloc(n + 1); /* its end is the sanitizer's */
		memcpy(copy, line, n);
		struct words words = { .line = slice_make(copy, n), .expand = expand };
		struct word word;
		struct failure failure;
		size_t at = 0;
		word_init(&word);
		while (words_next(&words, &word, &failure, &at) == WORD_OK)
			;
		assert_true(at <= n);
		word_fini(&word);
		free(copy);
	}
}

static void shown(const char *line, size_t at, const char *want)
{
	struct buf buf;

	buf_init(&buf, 1024);
	show_line(slice_of(line), at, &buf);
	assert_string_equal(buf_text(&buf), want);
	buf_fini(&buf);
}

/* The line of an error: nothing in a file moves the terminal or turns the writing around, and the caret stays below. */
static void test_shown(void **state)
{
	(void)state;
	shown("dial bob", 5, "    dial bob\n         ^\n");
	shown("", 0, "    \n    ^\n");
	shown("a", 7, "    a\n     ^\n");
	shown("\tb\033[2Jc", 2, "     b [2Jc\n      ^\n");
	shown("\302\2332Jx \342\200\256y\233z", 5, "    ?2Jx ?y?z\n        ^\n");
	shown("\303\244\303\244 b", 5, "    \303\244\303\244 b\n       ^\n");
	/* The place is inside a letter; the line is cut inside one. */
	shown("a\303\244b", 2, "    a\303\244b\n     ^\n");
	shown("a\303", 1, "    a?\n     ^\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_marks), cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_rest),  cmocka_unit_test(test_quote), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
