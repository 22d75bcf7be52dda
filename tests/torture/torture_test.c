/*
 * The torture messages of RFC 4475, from the folder that OFFHOOK_TORTURE names, and messages of our own for each of its
 * points: the verdict of the syntax floor, and that no part of any of them does harm.
 */
#include "tests/unit/unit.h"

#include "sip/syntax/message.h"
#include "tests/torture/touch.h"
#define GUARD_ROOM SIP_MESSAGE_MAX
#include "tests/unit/guard_group.h"

#define V "Via: SIP/2.0/UDP 192.0.2.53;branch=z9hG4bKkdjuw\r\n"
#define F "From: sip:caller@y.example;tag=323\r\n"
#define T "To: sip:user@x.example\r\n"
#define I "Call-ID: own.0ha0isndaksdj\r\n"
#define M "Max-Forwards: 70\r\n"
#define CS(method) "CSeq: 8 " method "\r\n"

static const struct own {
	const char *section;
	unsigned verdict;
	struct slice text;
} own[] = {
#define OWN(section, verdict, message) { section, verdict, SLICE_INIT(message) },
#include "tests/torture/own.def"
#undef OWN
};

static const struct {
	const char *file;
	unsigned verdict;
	const char *section;
} files[] = {
#define TORTURE(file, verdict, section, why) { file, verdict, section },
#include "tests/torture/rfc4475.def"
#undef TORTURE
};

static void check_verdict(const char *name, struct slice bytes, unsigned verdict)
{
	struct sip_message *message;
	size_t used, offset;

	if (sip_message_parse(guard_place(&guard, bytes), SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		fail_msg("%s: fault at %zu", name, offset);
	struct sip_fault fault = sip_message_check(message);
	if (fault.status != verdict)
		fail_msg("%s: %u %s instead of %u", name, fault.status, fault.text ? fault.text : "", verdict);
	touch_message(message);
	sip_message_unref(message);
}

/* Cut anywhere, a datagram is refused or judged, and a stream waits for more until its message is whole. */
static void check_prefixes(struct slice bytes, size_t step)
{
	struct sip_message *message;
	size_t used, offset;
	enum scan whole = sip_message_parse(guard_place(&guard, bytes), SIP_STREAM, &message, &used, &offset);
	size_t whole_bytes = whole == SCAN_OK ? used : SIZE_MAX, bad_from = whole == SCAN_BAD ? offset : SIZE_MAX;

	if (whole == SCAN_OK)
		sip_message_unref(message);
	for (size_t n = 0; n < bytes.n; n += step) {
		struct slice s = guard_place(&guard, slice_sub(bytes, 0, n));
		if (sip_message_parse(s, SIP_DATAGRAM, &message, &used, &offset) == SCAN_OK) {
			touch_message(message);
			sip_message_unref(message);
		} else {
			assert_true(offset <= n);
		}
		s = guard_place(&guard, slice_sub(bytes, 0, n));
		enum scan answer = sip_message_parse(s, SIP_STREAM, &message, &used, &offset);
		if (n < whole_bytes && n < bad_from)
			assert_int_equal(answer, SCAN_MORE);
		if (answer == SCAN_OK) {
			assert_int_equal(used, whole_bytes);
			sip_message_unref(message);
		}
	}
}

static void our_own_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		check_verdict(own[i].section, own[i].text, own[i].verdict);
}

static void prefixes_of_our_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		check_prefixes(own[i].text, 1);
}

/* One byte changed, inserted or left out, everywhere: what hostile or broken senders do to good messages. */
static void damaged_messages(void **state)
{
	static const char bytes[] = "\0\r\n\"<>;,:@%\\ (\xff" "9";
	char copy[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct slice text = own[i].text;
		for (size_t at = i % 3; at < text.n; at += 3) {
			struct sip_message *message;
			size_t used, offset;
			assert_true(text.n < sizeof copy);
			memcpy(copy, text.p, text.n);
			copy[at] = bytes[(at + i) % (sizeof bytes - 1)];
			struct slice s = guard_place(&guard, slice_make(copy, text.n));
			if (sip_message_parse(s, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
				continue;
			touch_message(message);
			sip_message_unref(message);
		}
	}
}

/* @return bytes read into `room`; the test is skipped without the folder */
static struct slice read_file(const char *name, char *room, size_t size)
{
	const char *folder = getenv("OFFHOOK_TORTURE");
	char path[1024];

	snprintf(path, sizeof path, "%s/%s.dat", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s cannot be read", path);
	size_t n = fread(room, 1, size, file);
	fclose(file);
	return slice_make(room, n);
}

static void messages_of_rfc_4475(void **state)
{
	static char room[SIP_MESSAGE_MAX];

	(void)state;
	if (!getenv("OFFHOOK_TORTURE"))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		check_verdict(files[i].file, read_file(files[i].file, room, sizeof room), files[i].verdict);
}

static void prefixes_of_rfc_4475(void **state)
{
	static char room[SIP_MESSAGE_MAX];

	(void)state;
	if (!getenv("OFFHOOK_TORTURE"))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		check_prefixes(read_file(files[i].file, room, sizeof room), 1);
}

/* Every section that has a file has a message of our own with the same verdict. */
static void our_own_cover_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		bool covered = false;
		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			covered |= strcmp(own[k].section, files[i].section) == 0 && own[k].verdict == files[i].verdict;
		if (!covered)
			fail_msg("no message of our own for %s", files[i].section);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_messages),
		cmocka_unit_test(prefixes_of_our_own),
		cmocka_unit_test(damaged_messages),
		cmocka_unit_test(our_own_cover_the_rfc),
		cmocka_unit_test(messages_of_rfc_4475),
		cmocka_unit_test(prefixes_of_rfc_4475),
	};

	return cmocka_run_group_tests(tests, guard_set_up, guard_tear_down);
}
