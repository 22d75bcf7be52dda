/* slice, utf8, address, error: text in and out. */
#include "tests/unit/unit.h"

#include "base/address.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>

static void slices_compare(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE("bob"), slice_of("bob")));
	assert_false(slice_eq(SLICE("bob"), SLICE("Bob")));
	assert_true(slice_ieq(SLICE("Via"), SLICE("vIA")));
	assert_false(slice_ieq(SLICE("Via"), SLICE("Vi")));
	assert_false(slice_ieq(SLICE("[[["), SLICE("{{{"))); /* no letters: bit 5 means nothing */
	assert_true(slice_begins(SLICE("sip:bob"), SLICE("sip:")));
	assert_true(slice_ibegins(SLICE("SIP:bob"), SLICE("sip:")));
	assert_true(slice_ends(SLICE("a.call"), SLICE(".call")));
}

static void words_of_lists_are_cut_off(void **state)
{
	(void)state;
	struct slice rest = SLICE(" tcp,\tudp , tls"), word;
	const char *const words[] = { "tcp", "udp", "tls" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_true(slice_list_word(&rest, &word));
		assert_true(slice_eq(word, slice_of(words[i])));
	}
	assert_false(slice_list_word(&rest, &word));
	rest = SLICE(" , ");
	assert_false(slice_list_word(&rest, &word));
}

static void only_letters_of_ascii_become_small(void **state)
{
	(void)state;
	struct buf text;

	buf_init(&text, 64);
	assert_true(buf_add_lower(&text, SLICE("Alice@[AZ]\xc3\x84")));
	assert_string_equal(buf_text(&text), "alice@[az]\xc3\x84");
	buf_fini(&text);
	char *copy = slice_dup_lower(SLICE("Alice@[AZ]\xc3\x84"));
	assert_string_equal(copy, "alice@[az]\xc3\x84");
	free(copy);
}

/* What is printed without the library is what the library prints. */
static void printing_is_as_printf_prints(void **state)
{
	(void)state;
	struct buf text;
	char wanted[512], digits[DECIMAL_ROOM];

#define PRINTS(...)                                                                                                    \
	do {                                                                                                           \
		snprintf(wanted, sizeof wanted, __VA_ARGS__);                                                          \
		buf_clear(&text);                                                                                      \
		assert_true(buf_printf(&text, __VA_ARGS__));                                                           \
		assert_string_equal(buf_text(&text), wanted);                                                          \
		assert_int_equal(text.n, strlen(wanted));                                                              \
	} while (0)
	buf_init(&text, 512);
	PRINTS("no conversion");
	PRINTS("%s", "text");
	PRINTS("<%s>%s", "", "b");
	PRINTS("%.*s|%.*s|%.*s|", 2, "abc", 9, "ab\0c", -1, "all of it");
	PRINTS("%u %u %u%%", 0u, 7u, UINT32_MAX);
	PRINTS("%" PRIu64 " %" PRIu64, (uint64_t)0, UINT64_MAX);
	PRINTS("%s %5d %02x %.3f %s", "others", -4, 10, 0.5, "too");
	PRINTS("%% %c", 'x');
#undef PRINTS
	struct slice nothing = buf_slice(&(struct buf){ 0 });
	buf_clear(&text);
	assert_true(buf_printf(&text, "%.*s", SLICE_ARG(nothing)) && !text.n);
	assert_int_equal(decimal_print(1000, digits), 4);
	assert_string_equal(digits, "1000");
	buf_fini(&text);
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	struct buf text;

	buf_init(&text, 8);
	assert_true(buf_printf(&text, "%s", "1234"));
	assert_false(buf_printf(&text, "%s%u", "567", 89u));
	assert_string_equal(buf_text(&text), "1234");
	assert_true(text.full);
	assert_false(buf_printf(&text, "%s", "56"));
	assert_string_equal(buf_text(&text), "123456");
	buf_fini(&text);
}

static void slices_are_found_and_cut(void **state)
{
	(void)state;
	struct slice s = SLICE("a;b;;c"), rest = s;

	assert_int_equal(slice_find(s, ';'), 1);
	assert_int_equal(slice_rfind(s, ';'), 4);
	assert_int_equal(slice_find(s, 'x'), s.n);
	assert_int_equal(slice_find_slice(s, SLICE(";;")), 3);
	assert_int_equal(slice_find_slice(s, SLICE("longer than it")), s.n);
	assert_int_equal(slice_ifind_slice(SLICE("xTag=1"), SLICE("tag=")), 1);
	assert_true(slice_eq(slice_cut(&rest, ';'), SLICE("a")));
	assert_true(slice_eq(slice_cut(&rest, ';'), SLICE("b")));
	assert_true(slice_eq(slice_cut(&rest, ';'), SLICE("")));
	assert_non_null(rest.p);
	assert_true(slice_eq(slice_cut(&rest, ';'), SLICE("c")));
	assert_null(rest.p);
	assert_true(slice_eq(slice_trim(SLICE(" \t\r\n x y \r\n")), SLICE("x y")));
	assert_int_equal(slice_sub(s, 100, 3).n, 0);
}

static void numbers_have_bounds(void **state)
{
	(void)state;
	uint32_t v;
	uint64_t w;

	assert_true(slice_to_u32(SLICE("4294967295"), &v));
	assert_int_equal(v, UINT32_MAX);
	assert_false(slice_to_u32(SLICE("4294967296"), &v));
	assert_false(slice_to_u32(SLICE(""), &v));
	assert_false(slice_to_u32(SLICE("-1"), &v));
	assert_false(slice_to_u32(SLICE("1 "), &v));
	assert_true(slice_to_u64(SLICE("0070"), 70, &w));
	assert_false(slice_to_u64(SLICE("71"), 70, &w));
	assert_false(slice_to_u64(SLICE("9"), 5, &w));
	assert_false(slice_to_u64(SLICE("99999999999999999999999"), UINT64_MAX, &w));
}

static void utf8_is_checked_and_cleaned(void **state)
{
	(void)state;
	struct { const char *in, *out; } cases[] = {
		{ "plain", "plain" },
		{ "J\xc3\xbcrgen \xe6\x97\xa5\xe6\x9c\xac", "J\xc3\xbcrgen \xe6\x97\xa5\xe6\x9c\xac" },
		{ "\x1b[2Jred", "?[2Jred" },
		{ "a\r\nb", "a??b" },
		{ "\xc0\xaf", "??" },                 /* overlong */
		{ "\xed\xa0\x80", "???" },             /* surrogate */
		{ "\xc2\x9b" "31m", "?31m" },          /* C1 CSI */
		{ "ab\xe2\x80\xae" "cd", "ab?cd" },    /* right-to-left override */
		{ "cut \xe6\x97", "cut ??" },
		{ "bo\xe2\x80\x8d" "b", "bo?b" }, /* a joiner that only hides */
		{ "\xc3\xbc\xe2\x80\x8c\xc3\xbc", "\xc3\xbc?\xc3\xbc" },
		/* Persian is spelt with it. */
		{ "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae", "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae" },
		{ "\xd9\x85\xe2\x80\x8c", "\xd9\x85?" },
		{ "\xd9\x85\xe2\x80\x8c" "a", "\xd9\x85?" "a" },
		/* A family of two. */
		{ "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", "\xf0\x9f\x91\xa8\xf0\x9f\x91\xa9" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *clean = utf8_clean_dup(slice_of(cases[i].in));
		assert_string_equal(clean, cases[i].out);
		free(clean);
	}
	assert_true(utf8_valid(SLICE("\xf0\x9f\x93\x9e")));
	assert_false(utf8_valid(SLICE("\xf8\x88\x80\x80\x80")));
	struct buf lines;
	buf_init(&lines, 100);
	utf8_clean(&lines, SLICE("a\r\nb\x07"), true);
	assert_string_equal(buf_text(&lines), "a\nb?");
	buf_fini(&lines);
}

/* What is longer than its buffer is cut, in one walk over it. */
static void texts_are_cut_between_characters(void **state)
{
	static const struct {
		const char *in;
		size_t max, wanted;
	} cases[] = {
		{ "abc", 3, 3 },
		{ "abcd", 3, 3 },
		{ "ab\xc3\xa4", 3, 2 },
		{ "ab\xc3\xa4", 4, 4 },
		{ "a\xf0\x9f\x93\x9e", 4, 1 },
		{ "a\xf0\x9f\x93\x9ez", 5, 5 },
		{ "\xe2\x82\xac", 2, 0 },
		{ "", 0, 0 },
		{ "\x80\x80\x80\x80\x80\x80", 5, 5 }, /* malformed */
	};
	char kept[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_cut(slice_of(cases[i].in), cases[i].max).n, cases[i].wanted);
	utf8_keep(kept, sizeof kept, SLICE("ab\xc3\xa4"));
	assert_string_equal(kept, "ab");
	utf8_keep(kept, sizeof kept, (struct slice){ 0 });
	assert_string_equal(kept, "");
}

static void cleaning_ends_where_it_is_full(void **state)
{
	static const char *const cases[][2] = { { "abcdefgh", "abcde" },
						{ "abcd\xc3\xbcyz", "abcd" },
						{ "ab\x01\x02\x03zz", "ab???" } };
	static char much[1 << 20];
	struct buf buf;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_init(&buf, 5);
		utf8_clean(&buf, slice_of(cases[i][0]), false);
		assert_string_equal(buf_text(&buf), cases[i][1]);
		assert_true(buf.full);
		utf8_clean(&buf, SLICE("z"), false);
		assert_string_equal(buf_text(&buf), cases[i][1]);
		buf_fini(&buf);
	}
	memset(much, 'a', sizeof much);
	buf_init(&buf, 2048);
	utf8_clean(&buf, slice_make(much, sizeof much), false);
	assert_int_equal(buf.n, 2048);
	buf_fini(&buf);
}

static void addresses_are_read_and_printed(void **state)
{
	(void)state;
	struct { const char *in; const char *out; } cases[] = {
		{ "192.0.2.4:5070", "192.0.2.4:5070" }, { "192.0.2.4", "192.0.2.4:5060" },
		{ "[2001:db8::1]:5070", "[2001:db8::1]:5070" }, { "[2001:db8::1]", "[2001:db8::1]:5060" },
		{ "2001:db8::1", "[2001:db8::1]:5060" },
		{ "192.0.2.4:65536", NULL }, { "192.0.2.4:", NULL }, { "192.0.2", NULL }, { "", NULL },
		{ "biloxi.com", NULL },
		{ ":5060", NULL }, { "[]:1", NULL }, { "]:1", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address a;
		char text[ADDRESS_TEXT];
		bool is = address_parse(&a, slice_of(cases[i].in), 5060);
		assert_int_equal(is, cases[i].out != NULL);
		if (is)
			assert_string_equal(address_print(&a, text), cases[i].out);
	}
}

static void addresses_compare(void **state)
{
	(void)state;
	struct address a, b;

	assert_true(address_parse(&a, SLICE("192.0.2.4:1"), 0));
	assert_true(address_parse(&b, SLICE("[::ffff:192.0.2.4]:1"), 0));
	assert_true(address_eq(&a, &b));
	address_set_port(&b, 2);
	assert_false(address_eq(&a, &b));
	assert_true(address_same_host(&a, &b));
	assert_true(address_parse(&a, SLICE("[::]:1"), 0));
	assert_true(address_is_any(&a));
	assert_true(address_parse(&a, SLICE("127.9.9.9"), 0));
	assert_true(address_is_loopback(&a));
}

static void every_error_has_name_and_sentence(void **state)
{
	(void)state;
	for (int e = 0; e < ERR_COUNT; e++) {
		assert_true(strlen(err_text((enum err)e)) > 3);
		if (e != ERR_INTERNAL)
			assert_string_not_equal(err_name((enum err)e), "internal");
	}
	assert_string_equal(err_text(err_from_errno(EROFS)), "the file system is read-only");
	assert_string_equal(err_name(err_from_errno(EROFS)), "read-only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare),
		cmocka_unit_test(printing_is_as_printf_prints),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(slices_are_found_and_cut),
		cmocka_unit_test(words_of_lists_are_cut_off),
		cmocka_unit_test(only_letters_of_ascii_become_small),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(utf8_is_checked_and_cleaned),
		cmocka_unit_test(texts_are_cut_between_characters),
		cmocka_unit_test(cleaning_ends_where_it_is_full),
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(addresses_compare),
		cmocka_unit_test(every_error_has_name_and_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
