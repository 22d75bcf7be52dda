/* What a terminal sends, cut into text, keys and pastes, however it arrives. */
#include "tests/unit/unit.h"
#include "ui/keys.h"

#include <stdio.h>

static struct timers timers;
static struct buf told;

static void on_text(void *arg, struct slice bytes)
{
	(void)arg;
	buf_printf(&told, "[%.*s]", SLICE_ARG(bytes));
}

static void on_key(void *arg, enum key key, struct slice bytes)
{
	(void)arg;
	if (key == KEY_IS_CONTROL)
		buf_printf(&told, "(C-%c)", bytes.p[0] + '@');
	else
		buf_printf(&told, "(%d/%zu)", (int)key, bytes.n);
}

static void on_paste(void *arg, struct slice text)
{
	(void)arg;
	buf_printf(&told, "{%.*s}", SLICE_ARG(text));
}

static char named[KEY_NAME];

static void on_named(void *arg, enum key key, struct slice bytes)
{
	(void)arg;
	keys_name(key, bytes, named);
}

static struct keys *start(void)
{
	timers_init(&timers, 0);
	buf_init(&told, 4096);
	return keys_new(&timers, &(struct keys_handler){ on_text, on_key, on_paste, NULL });
}

static void expect(const char *wanted)
{
	assert_string_equal(buf_text(&told), wanted);
	buf_clear(&told);
}

static void finish(struct keys *keys)
{
	keys_free(keys);
	buf_fini(&told);
	timers_fini(&timers);
}

static const struct {
	const char *bytes;
	enum key key;
} sequences[] = {
	{ "\033OP", KEY_IS_F1 },       { "\033[11~", KEY_IS_F1 },       { "\033[[A", KEY_IS_F1 },
	{ "\033OQ", KEY_IS_F2 },       { "\033[12~", KEY_IS_F2 },       { "\033[17~", KEY_IS_F6 },
	{ "\033[19~", KEY_IS_F8 },     { "\033[20~", KEY_IS_F9 },       { "\033[24~", KEY_IS_F12 },
	{ "\033[A", KEY_IS_UP },       { "\033OB", KEY_IS_DOWN },       { "\033[1;5C", KEY_IS_RIGHT },
	{ "\033[5~", KEY_IS_PAGE_UP }, { "\033[6~", KEY_IS_PAGE_DOWN }, { "\033[H", KEY_IS_HOME },
	{ "\033[4~", KEY_IS_END },     { "\033x", KEY_IS_OTHER },       { "\033[99~", KEY_IS_OTHER },
	{ "\033[20;5~", KEY_IS_F9 },
};

/* Whole, and a byte at a time. */
static void test_sequences(void **state)
{
	struct keys *keys = start();
	char wanted[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
		struct slice bytes = slice_of(sequences[i].bytes);
		snprintf(wanted, sizeof wanted, "(%d/%zu)", (int)sequences[i].key, bytes.n);
		keys_bytes(keys, bytes);
		expect(wanted);
		for (size_t k = 0; k < bytes.n; k++) {
			expect("");
			keys_bytes(keys, slice_sub(bytes, k, 1));
			timers_advance(&timers, 5 * MS_US);
		}
		expect(wanted);
	}
	finish(keys);
}

static void test_lone_escape(void **state)
{
	struct keys *keys = start();
	char wanted[32];

	(void)state;
	snprintf(wanted, sizeof wanted, "(%d/1)", KEY_IS_ESCAPE);
	keys_bytes(keys, SLICE("\033"));
	timers_advance(&timers, 24 * MS_US);
	expect("");
	timers_advance(&timers, 2 * MS_US);
	expect(wanted);
	keys_bytes(keys, SLICE("x")); /* and does not become Meta for what is typed later */
	expect("[x]");
	finish(keys);
}

static void test_text_and_controls(void **state)
{
	struct keys *keys = start();

	(void)state;
	keys_bytes(keys, SLICE("call bob\r\xc3\xa9\003"));
	expect("[call bob](C-M)[\xc3\xa9](C-C)");
	finish(keys);
}

static void test_paste(void **state)
{
	struct keys *keys = start();

	(void)state;
	keys_bytes(keys, SLICE("a\033[200~one\r\ntwo\033[20"));
	expect("[a]{one\r\ntwo}");
	timers_advance(&timers, SECOND_US);
	expect("");
	keys_bytes(keys, SLICE("1~b"));
	expect("[b]");
	finish(keys);
}

/* Any bytes in any pieces: never stuck, never out of bounds. */
static void test_noise(void **state)
{
	struct keys *keys = start();
	uint32_t seed = 12345;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char bytes[8];
		size_t n = 0;
		do {
			seed = seed * 1664525 + 1013904223;
			bytes[n++] = "\033[O~0123;Aab\r\003\xc3\xa9"[(seed >> 16) % 16];
		} while (n < sizeof bytes && seed >> 30);
		keys_bytes(keys, slice_make(bytes, n));
		timers_advance(&timers, (seed >> 20 & 3) * 10 * MS_US);
		buf_clear(&told);
	}
	timers_advance(&timers, SECOND_US);
	keys_bytes(keys, SLICE("\033[201~"));
	buf_clear(&told);
	keys_bytes(keys, SLICE("ok"));
	expect("[ok]");
	finish(keys);
}

static void names(void **state)
{
	static const struct {
		const char *bytes, *name;
	} known[] = {
		{ "\033OP", "F1" },	    { "\033[15~", "F5" },  { "\033[15;2~", "S-F5" }, { "\033[1;5R", "C-F3" },
		{ "\033[1;3D", "M-Left" }, { "\033[5~", "PageUp" }, { "\033x", "M-x" },	   { "\0331", "M-1" },
		{ "\024", "C-t" },	    { "\r", "Enter" },	    { "\t", "Tab" },		   { "\177", "BSpace" },
	};
	char name[KEY_NAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		named[0] = '\0';
		struct keys *keys = keys_new(&timers, &(struct keys_handler){ on_text, on_named, on_paste, NULL });
		keys_bytes(keys, slice_of(known[i].bytes));
		assert_string_equal(named, known[i].name);
		keys_free(keys);
	}
	assert_false(keys_name(KEY_IS_OTHER, SLICE("\033[99~"), name));
	assert_false(keys_name(KEY_IS_OTHER, SLICE("\033\033"), name));
	assert_true(keys_name(KEY_IS_CONTROL, slice_make("", 1), name));
	assert_string_equal(name, "C-Space");
}

static void mouse(void **state)
{
	struct mouse mouse;

	(void)state;
	assert_true(keys_mouse(SLICE("\033[<0;12;5M"), &mouse));
	assert_int_equal(mouse.button, 0);
	assert_int_equal(mouse.row, 4);
	assert_int_equal(mouse.col, 11);
	assert_true(mouse.pressed);
	assert_true(keys_mouse(SLICE("\033[<65;1;1m"), &mouse));
	assert_false(mouse.pressed);
	assert_false(keys_mouse(SLICE("\033[<M"), &mouse));
	assert_false(keys_mouse(SLICE("\033[<0;0;5M"), &mouse));
	assert_false(keys_mouse(SLICE("\033[<0;99999999999;5M"), &mouse));
	assert_false(keys_mouse(SLICE("\033[<0;1;-5M"), &mouse));
	struct keys *keys = start();
	keys_bytes(keys, SLICE("\033[<0;12;5M"));
	char wanted[32];
	snprintf(wanted, sizeof wanted, "(%d/10)", (int)KEY_IS_MOUSE);
	expect(wanted);
	finish(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_lone_escape),
		cmocka_unit_test(test_text_and_controls),
		cmocka_unit_test(test_paste),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(names),
		cmocka_unit_test(mouse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
