#include "tests/unit/unit.h"

#include "sip/transport/framing.h"

#include <sys/mman.h>
#include <unistd.h>

#define HEAD "OPTIONS sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"

/* What came out: m a message, i a ping, o a pong, X broken; messages are collected behind each other. */
struct seen {
	char events[64];
	struct buf messages;
};

static void seen_init(struct seen *seen)
{
	seen->events[0] = '\0';
	buf_init(&seen->messages, 1 << 20);
}

static bool feed(struct framing *framing, struct slice in, struct seen *seen)
{
	static const char marks[] = {
		[FRAMING_MESSAGE] = 'm', [FRAMING_PING] = 'i', [FRAMING_PONG] = 'o', [FRAMING_BROKEN] = 'X'
	};
	enum framing_result result;
	struct slice message;
	size_t n = strlen(seen->events);

	while ((result = framing_next(framing, &in, &message)) != FRAMING_MORE) {
		if (n + 1 < sizeof seen->events) {
			seen->events[n++] = marks[result];
			seen->events[n] = '\0';
		}
		if (result == FRAMING_MESSAGE)
			buf_add(&seen->messages, message);
		if (result == FRAMING_BROKEN)
			return false;
	}
	assert_int_equal(in.n, 0);
	return true;
}

static void expect(const char *text, bool awaits_pong, const char *events)
{
	struct framing framing;
	struct seen seen;

	framing_init(&framing);
	framing.awaits_pong = awaits_pong;
	seen_init(&seen);
	feed(&framing, slice_of(text), &seen);
	assert_string_equal(seen.events, events);
	buf_fini(&seen.messages);
	framing_fini(&framing);
}

static void messages_are_cut_at_their_content_length(void **state)
{
	(void)state;
	expect(HEAD "Content-Length: 4\r\n\r\nbody", false, "m");
	expect(HEAD "Content-Length: 4\r\n\r\nbod", false, "");
	expect(HEAD "l: 0\r\n\r\n" HEAD "L :\r\n  2\r\n\r\nxx" HEAD "Content-Length: 0\r\n\r\n", false, "mmm");
	expect("\r\n\r\n\r\n" HEAD "l: 0\r\n\r\n", false, "im");
}

static void a_stream_without_a_good_length_is_broken(void **state)
{
	(void)state;
	expect(HEAD "\r\n", false, "X");
	expect(HEAD "Content-Length: -1\r\n\r\n", false, "X");
	expect(HEAD "Content-Length: 4x\r\n\r\n", false, "X");
	expect(HEAD "Content-Length:\r\n\r\n", false, "X");
	expect(HEAD "Content-Length: 4\r\nl: 5\r\n\r\nbody", false, "X");
	expect(HEAD "Content-Length: 4\r\nl: 4\r\n\r\nbody", false, "m");
	expect(HEAD "Content-Length: 65536\r\n\r\n", false, "X");
	expect(HEAD "Content-Length: 99999999999999999999\r\n\r\n", false, "X");
	/* A line of the body or of another field is no Content-Length. */
	expect(HEAD "X-Content-Length: 4\r\n\r\n", false, "X");
	expect(HEAD "Subject: x\r\n Content-Length: 4\r\n\r\n", false, "X");
}

static void garbage_is_seen_at_once(void **state)
{
	(void)state;
	expect("\x16\x03\x01\x02", false, "X");
	expect("\r\r", false, "X");
	expect("\r\n\rX", false, "X");
	expect(" OPTIONS", false, "X");
	expect("\x80", false, "X");
}

static void pings_and_pongs_are_told_apart(void **state)
{
	(void)state;
	expect("\r\n\r\n", false, "i");
	expect("\r\n\r\n", true, "i");
	expect("\r\n", true, "o");
	expect("\r\n", false, "");
	expect("\r\n\r\n\r\n", true, "io");
	expect("\r\n" HEAD "l: 0\r\n\r\n", true, "om");
	expect("\r\n" HEAD "l: 0\r\n\r\n", false, "m");
}

/* Any two pieces, and one byte at a time, give what the whole gives. */
static void every_split_gives_the_same(void **state)
{
	static const char text[] = "\r\n\r\n" HEAD "Content-Length: 6\r\n\r\nbo\r\n\r\n" HEAD
				   "l: 0\r\n\r\n\r\n\r\nSIP/2.0 200 OK\r\nl:\r\n 1\r\n\r\nx";
	struct framing framing;
	struct seen whole, part;

	(void)state;
	framing_init(&framing);
	seen_init(&whole);
	assert_true(feed(&framing, slice_of(text), &whole));
	framing_fini(&framing);
	assert_string_equal(whole.events, "immim");
	for (size_t cut = 0; cut <= sizeof text; cut++) {
		framing_init(&framing);
		seen_init(&part);
		if (cut < sizeof text) {
			assert_true(feed(&framing, slice_sub(slice_of(text), 0, cut), &part));
			assert_true(feed(&framing, slice_from(slice_of(text), cut), &part));
		} else {
			for (size_t i = 0; i < sizeof text - 1; i++)
				assert_true(feed(&framing, slice_make(text + i, 1), &part));
		}
		assert_string_equal(part.events, whole.events);
		assert_true(slice_eq(buf_slice(&part.messages), buf_slice(&whole.messages)));
		buf_fini(&part.messages);
		framing_fini(&framing);
	}
	buf_fini(&whole.messages);
}

static void an_endless_header_ends_at_the_limit(void **state)
{
	struct framing framing;
	struct slice line = SLICE("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"), message;
	size_t fed = 0;

	(void)state;
	framing_init(&framing);
	for (;;) {
		struct slice in = line;
		enum framing_result result = framing_next(&framing, &in, &message);
		fed += line.n;
		if (result == FRAMING_BROKEN)
			break;
		assert_int_equal(result, FRAMING_MORE);
		assert_true(fed <= SIP_MESSAGE_MAX);
	}
	assert_true(framing.held.room <= 2 * SIP_MESSAGE_MAX);
	framing_fini(&framing);
}

static void the_largest_message_passes(void **state)
{
	struct buf text;
	struct framing framing;
	struct seen seen;
	char head[256];

	(void)state;
	int n = snprintf(head, sizeof head, HEAD "Content-Length: %05d\r\n\r\n", 0);
	size_t body = SIP_MESSAGE_MAX - (size_t)n;
	buf_init(&text, 1 << 20);
	buf_printf(&text, HEAD "Content-Length: %05zu\r\n\r\n", body);
	while (text.n < SIP_MESSAGE_MAX)
		buf_add_char(&text, 'b');
	framing_init(&framing);
	seen_init(&seen);
	assert_true(feed(&framing, buf_slice(&text), &seen));
	assert_string_equal(seen.events, "m");
	assert_int_equal(seen.messages.n, SIP_MESSAGE_MAX);
	/* An idle connection gives the memory back. */
	assert_true(feed(&framing, SLICE("\r"), &seen));
	assert_true(framing.held.room < SIP_MESSAGE_MAX);
	buf_fini(&seen.messages);
	framing_fini(&framing);
	buf_fini(&text);
}

static void partial_messages_are_known(void **state)
{
	struct framing framing;
	struct slice in = SLICE("\r"), message;

	(void)state;
	framing_init(&framing);
	assert_false(framing_is_partial(&framing));
	assert_int_equal(framing_next(&framing, &in, &message), FRAMING_MORE);
	assert_true(framing_is_partial(&framing));
	in = SLICE("\nOPT");
	assert_int_equal(framing_next(&framing, &in, &message), FRAMING_MORE);
	assert_true(framing_is_partial(&framing));
	in = SLICE("IONS x SIP/2.0\r\nl: 0\r\n\r\n");
	assert_int_equal(framing_next(&framing, &in, &message), FRAMING_MESSAGE);
	assert_false(framing_is_partial(&framing));
	framing_fini(&framing);
}

/* Nothing is read behind the last byte: each prefix of a message ends at a page that must not be touched. */
static void no_byte_behind_the_input_is_read(void **state)
{
	static const char text[] = "\r\n" HEAD "Content-Length: 2\r\nSubject: a\r\n b\r\n\r\nxy";
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
	for (size_t n = 1; n < sizeof text; n++) {
		char *at = memory + page - n;
		struct slice in = slice_make(at, n), message;
		struct framing framing;
		memcpy(at, text, n);
		framing_init(&framing);
		assert_int_equal(framing_next(&framing, &in, &message),
				 n == sizeof text - 1 ? FRAMING_MESSAGE : FRAMING_MORE);
		framing_fini(&framing);
	}
	munmap(memory, 2 * page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_cut_at_their_content_length),
		cmocka_unit_test(a_stream_without_a_good_length_is_broken),
		cmocka_unit_test(garbage_is_seen_at_once),
		cmocka_unit_test(pings_and_pongs_are_told_apart),
		cmocka_unit_test(every_split_gives_the_same),
		cmocka_unit_test(an_endless_header_ends_at_the_limit),
		cmocka_unit_test(the_largest_message_passes),
		cmocka_unit_test(partial_messages_are_known),
		cmocka_unit_test(no_byte_behind_the_input_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
