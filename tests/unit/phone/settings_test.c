#include "tests/unit/unit.h"

#include "phone/settings.h"

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = { { "250ms", 250000 },
		     { "10s", 10 * SECOND_US },
		     { "5m", 300 * SECOND_US },
		     { "1h", 3600 * SECOND_US },
		     { "none", 0 },
		     { "1.5s", 1500000 },
		     { "0s", 0 },
		     { "20us", 20 } };
	static const char *const bad[] = {
		"", "10", "s", "ms", "-1s", "1 s", "1e3s", "1.s5", "10M", "99999999999999999999h", "1.0000000001s"
	};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(duration_parse(slice_of(good[i].text), &us));
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(duration_parse(slice_of(bad[i]), &us));
}

static void durations_print_as_they_are_read(void **state)
{
	static const char *const texts[] = { "250ms", "10s", "5m", "1h", "none", "1500ms", "20us", "24h" };
	struct buf buf;
	int64_t us;

	(void)state;
	buf_init(&buf, 64);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		buf_clear(&buf);
		assert_true(duration_parse(slice_of(texts[i]), &us));
		duration_print(&buf, us);
		assert_string_equal(buf_text(&buf), texts[i]);
	}
	buf_fini(&buf);
}

static void sizes(void **state)
{
	int64_t bytes;

	(void)state;
	assert_true(size_parse(SLICE("64k"), &bytes));
	assert_int_equal(bytes, 65536);
	assert_true(size_parse(SLICE("64M"), &bytes));
	assert_int_equal(bytes, 64 << 20);
	assert_true(size_parse(SLICE("1300"), &bytes));
	assert_int_equal(bytes, 1300);
	assert_true(size_parse(SLICE("off"), &bytes));
	assert_int_equal(bytes, 0);
	assert_false(size_parse(SLICE("k"), &bytes));
	assert_false(size_parse(SLICE(""), &bytes));
	assert_false(size_parse(SLICE("-5"), &bytes));
	assert_false(size_parse(SLICE("64x"), &bytes));
}

static void count_change(void *arg, const struct setting_row *row)
{
	(void)row;
	(*(int *)arg)++;
}

static bool set(struct settings *settings, const char *name, const char *value, struct buf *why)
{
	const struct setting_row *row = setting_find(slice_of(name));

	assert_non_null(row);
	buf_clear(why);
	return settings_set(settings, row, slice_of(value), why);
}

/* Each row: the value given, whether it is taken, and what is kept. */
static void values(void **state)
{
	static const struct {
		const char *name, *value, *kept; /* kept NULL: refused */
	} rows[] = {
		{ "sip.udp-limit", "off", "off" },
		{ "sip.udp-limit", "1400", "1400" },
		{ "sip.udp-limit", "12", NULL },
		{ "sip.t1", "100ms", "100ms" },
		{ "sip.t1", "100", NULL },
		{ "sip.t1", "none", NULL },
		{ "call.ring-timeout", "none", "none" },
		{ "call.max", "0", NULL },
		{ "call.max", "1000", "1000" },
		{ "call.auto-answer", "progress", "progress" },
		{ "call.auto-answer", "maybe", NULL },
		{ "call.auto-hold", "no", "off" },
		{ "media.ptime", "25ms", NULL },
		{ "media.ptime", "30ms", "30ms" },
		{ "audio.input", "tone:abc", NULL },
		{ "audio.input", "default, tone:440.5", "default, tone:440.5" },
		{ "media.codecs", "PCMU,opus", "PCMU,opus" },
		{ "media.codecs", "G729", NULL },
		{ "media.codecs", "", NULL },
		{ "media.ports", "30000-30010", "30000-30010" },
		{ "media.ports", "30010-30000", NULL },
		{ "media.ports", "80-90", NULL },
		{ "sip.listen", "127.0.0.1:0", "127.0.0.1:0" },
		{ "sip.listen", "example.com", NULL },
		{ "sip.listen", "", NULL },
		{ "dns.servers", "", "" },
		{ "dns.servers", "192.0.2.53 [2001:db8::53]:5353", "192.0.2.53 [2001:db8::53]:5353" },
		{ "sip.user-agent", "me\r\nEvil: yes", NULL },
		{ "audio.input", "tone:440", "tone:440" },
		{ "audio.input", " ", NULL },
		{ "trace.keep", "1M", "1M" },
	};
	struct settings *settings = settings_new(NULL, NULL);
	struct buf why;

	(void)state;
	buf_init(&why, 512);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool good = set(settings, rows[i].name, rows[i].value, &why);
		if (good != (rows[i].kept != NULL))
			fail_msg("%s = '%s': %s", rows[i].name, rows[i].value, buf_text(&why));
		if (good)
			assert_string_equal(settings_text(settings, rows[i].name), rows[i].kept);
		else
			assert_true(why.n > 0);
	}
	buf_fini(&why);
	settings_free(settings);
}

static void changes_are_told_once(void **state)
{
	int count = 0;
	struct settings *settings = settings_new(count_change, &count);
	struct buf why;

	(void)state;
	buf_init(&why, 512);
	assert_int_equal(count, 0);
	assert_false(settings_changed(settings, "call.max"));
	assert_true(set(settings, "call.max", "7", &why));
	assert_int_equal(count, 1);
	assert_true(settings_changed(settings, "call.max"));
	assert_true(set(settings, "call.max", "7", &why));
	assert_int_equal(count, 1);
	assert_false(set(settings, "call.max", "x", &why));
	assert_int_equal(count, 1);
	assert_int_equal(settings_number(settings, "call.max"), 7);
	assert_true(settings_on(settings, "call.auto-hold"));
	buf_fini(&why);
	settings_free(settings);
}

static void every_row_can_be_read(void **state)
{
	(void)state;
	assert_true(setting_count > 20);
	for (size_t i = 0; i < setting_count; i++) {
		assert_ptr_equal(setting_find(slice_of(setting_rows[i].name)), &setting_rows[i]);
		assert_true(strlen(setting_rows[i].sentence) > 10);
		assert_true(setting_rows[i].minimum <= setting_rows[i].maximum);
	}
	assert_null(setting_find(SLICE("sip.lisen")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(durations_print_as_they_are_read),
		cmocka_unit_test(sizes),
		cmocka_unit_test(values),
		cmocka_unit_test(changes_are_told_once),
		cmocka_unit_test(every_row_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
