#include "tests/unit/unit.h"

#include "sip/syntax/kept.h"
#include "sip/syntax/message.h"
#include "tests/bench/messages.h"
#define GUARD_ROOM SIP_MESSAGE_MAX
#include "tests/unit/guard_group.h"

#define VIA "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM "From: <sip:a@h>;tag=1\r\n"
#define TO "To: <sip:b@h>\r\n"
#define REST FROM TO "Call-ID: c\r\nCSeq: 1 OPTIONS\r\n"
#define REQUEST(lines) "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST lines "\r\n"

static enum scan parse_slice(struct slice s, enum sip_framing framing, struct sip_message **message, size_t *used,
			     size_t *offset)
{
	*message = NULL;
	*used = *offset = 999999;
	return sip_message_parse(guard_place(&guard, s), framing, message, used, offset);
}

static struct sip_message *parse(const char *text)
{
	struct sip_message *message;
	size_t used, offset;

	if (parse_slice(slice_of(text), SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		fail_msg("fault at %zu of: %s", offset, text);
	return message;
}

static void check_text(struct slice s, const char *text)
{
	if (!slice_eq(s, slice_of(text)))
		fail_msg("'%.*s' instead of '%s'", SLICE_ARG(s), text);
}

static void a_request(void **state)
{
	struct sip_message *message = parse(BENCH_LARGE);

	(void)state;
	assert_true(message->is_request);
	assert_int_equal(message->method, SIP_INVITE);
	check_text(message->request_uri, "sip:+442079460123@sbc7.example.net:5060;user=phone;transport=udp");
	check_text(message->version, "SIP/2.0");
	assert_int_equal(message->header_count, 20);
	assert_int_equal(message->body.n, 356);
	assert_int_equal(sip_message_check(message).status, 0);
	assert_int_equal(sip_message_request_uri(message)->port, 5060);
	check_text(sip_message_via(message, 0)->branch, "z9hG4bK0fa3.4b7d2c1e9a5f.0");
	check_text(sip_message_via(message, 1)->received, "203.0.113.77");
	assert_null(sip_message_via(message, 2));
	check_text(sip_message_from(message)->display, "\"Reception, second floor\"");
	check_text(sip_message_to(message)->uri.user, "+442079460123");
	check_text(sip_message_address(message, SIP_HEADER_RECORD_ROUTE, 1)->uri.host, "edge3.example.com");
	assert_null(sip_message_address(message, SIP_HEADER_RECORD_ROUTE, 2));
	assert_null(sip_message_address(message, SIP_HEADER_ROUTE, 0));
	check_text(sip_message_address(message, SIP_HEADER_P_ASSERTED_IDENTITY, 0)->uri.host, "example.com");
	assert_int_equal(sip_message_cseq(message)->number, 20881);
	assert_true(sip_message_has_body(message, "application", "sdp"));
	assert_false(sip_message_has_body(message, "text", "plain"));
	assert_true(sip_message_lists(message, SIP_HEADER_SUPPORTED, SLICE("100REL")));
	assert_false(sip_message_lists(message, SIP_HEADER_SUPPORTED, SLICE("100")));
	/* Asked twice, the same value comes back. */
	assert_ptr_equal(sip_message_to(message), sip_message_to(message));
	assert_ptr_equal(sip_message_via(message, 1), sip_message_via(message, 1));
	sip_message_unref(message);
}

static void a_response(void **state)
{
	struct sip_message *message = parse(BENCH_RINGING);

	(void)state;
	assert_false(message->is_request);
	assert_int_equal(message->status, 180);
	check_text(message->reason, "Ringing");
	assert_int_equal(message->method, SIP_INVITE);
	check_text(message->method_name, "INVITE");
	check_text(sip_message_via(message, 2)->received, "192.0.2.1");
	check_text(sip_message_to(message)->tag, "a6c85cf");
	assert_null(sip_message_request_uri(message));
	assert_int_equal(sip_message_check(message).status, 0);
	assert_int_equal(message->body.n, 0);
	sip_message_unref(message);
}

static void reason_phrases(void **state)
{
	static const struct {
		const char *line, *reason;
	} rows[] = {
		{ "SIP/2.0 100 ", "" },
		{ "SIP/2.0 100", "" },
		{ "SIP/2.0 200 OK  then", "OK  then" },
		{ "sip/2.0 699 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", "= 2**3 * 5**2 \xd0\xbd\xd0\xbe" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[400];
		snprintf(text, sizeof text, "%s\r\n" VIA REST "\r\n", rows[i].line);
		struct sip_message *message = parse(text);
		check_text(message->reason, rows[i].reason);
		assert_int_equal(sip_message_check(message).status, 0);
		sip_message_unref(message);
	}
}

static void statuses_out_of_range_are_faults(void **state)
{
	static const char *const numbers[] = { "700", "099", "99", "1000", "4294967301", "0",
		"99999999999999999999999999" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		char text[400];
		snprintf(text, sizeof text, "SIP/2.0 %s x\r\n" VIA REST "\r\n", numbers[i]);
		struct sip_message *message = parse(text);
		assert_int_equal(message->status, 0);
		assert_int_equal(sip_message_check(message).status, 400);
		sip_message_unref(message);
	}
}

static void no_sip_messages(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} rows[] = {
		{ "", 0 },
		{ "\r\n\r\n", 0 },
		{ "hello", 5 },
		{ "GET / HTTP/1.1\r\n\r\n", 6 },
		{ "INVITE sip:a@h\r\n\r\n", 7 },
		{ "INVITE\r\n\r\n", 6 },
		{ " INVITE sip:a@h SIP/2.0\r\n\r\n", 0 },
		{ "IN\"VITE sip:a@h SIP/2.0\r\n\r\n", 2 },
		{ "INVITE sip:a@h SIP/2\r\n\r\n", 15 },
		{ "INVITE sip:a@h SIP/2.x\r\n\r\n", 15 },
		{ "INVITE sip:a@h\tSIP/2.0\r\n\r\n", 7 },
		{ "SIP/2.0\r\n\r\n", 7 },
		{ "SIP/2.0 \r\n\r\n", 8 },
		{ "SIP/2.0 20x OK\r\n\r\n", 10 },
		{ "SIP/2.0 -200 OK\r\n\r\n", 8 },
		{ "SIP/ 200 OK\r\n\r\n", 4 },
		{ "OPTIONS sip:h SIP/2.0\r\n folded: x\r\n\r\n", 23 },
		{ "OPTIONS sip:h SIP/2.0\r\nVia: x", 29 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_message *message;
		size_t used, offset;
		if (parse_slice(slice_of(rows[i].text), SIP_DATAGRAM, &message, &used, &offset) != SCAN_BAD)
			fail_msg("row %zu was accepted", i);
		if (offset != rows[i].offset)
			fail_msg("row %zu: offset %zu instead of %zu", i, offset, rows[i].offset);
	}
}

static void folds_become_one_blank(void **state)
{
	struct sip_message *message = parse("OPTIONS sip:b@h SIP/2.0\r\n"
					    "TO :\r\n sip:b@h ;   tag    = 1\r\n"
					    "from   : \"J \\\\\\\"\"       <sip:j@e>\r\n  ;\r\n  tag = 98\r\n"
					    "Subject: one \t\r\n \t \r\n two\n\tthree  \r\n"
					    "s :\r\n"
					    "X:\r\n \r\n"
					    "cseq: 0009\r\n  OPTIONS\r\n"
					    "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
					    "i:c\r\n\r\n");

	(void)state;
	assert_int_equal(sip_message_check(message).status, 0);
	assert_int_equal(message->header_count, 8);
	check_text(message->headers[0].name, "TO");
	check_text(message->headers[0].value, "sip:b@h ;   tag    = 1");
	check_text(message->headers[1].value, "\"J \\\\\\\"\"       <sip:j@e> ; tag = 98");
	check_text(message->headers[2].value, "one two three");
	assert_int_equal(message->headers[3].id, SIP_HEADER_SUBJECT);
	assert_int_equal(message->headers[3].value.n, 0);
	assert_int_equal(message->headers[4].value.n, 0);
	assert_int_equal(sip_message_cseq(message)->number, 9);
	check_text(sip_message_via(message, 0)->transport, "UDP");
	check_text(sip_message_from(message)->tag, "98");
	/* The bytes are still what came. */
	assert_true(slice_find_slice(message->bytes, SLICE("one \t\r\n")) < message->bytes.n);
	sip_message_unref(message);
}

static void bare_line_feeds_end_lines(void **state)
{
	struct sip_message *message = parse("OPTIONS sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h\nf: <sip:a@h>\nt: <sip:b@h>\n"
					    "i: c\nCSeq: 1 OPTIONS\n\nbody");

	(void)state;
	assert_int_equal(sip_message_check(message).status, 0);
	check_text(message->body, "body");
	sip_message_unref(message);
}

static void unknown_fields_keep_their_order(void **state)
{
	struct sip_message *message = parse(REQUEST("X-B: 2\r\nX-A: 1\r\nUnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
						    "C%6Fntact: <sip:x@y>\r\nx-b: 3\r\nNumber: 5\r\n"));

	(void)state;
	assert_int_equal(sip_message_check(message).status, 0);
	check_text(sip_message_header_named(message, SLICE("x-B"), 0)->value, "2");
	check_text(sip_message_header_named(message, SLICE("X-B"), 1)->value, "3");
	assert_null(sip_message_header_named(message, SLICE("X-B"), 2));
	check_text(sip_message_header(message, SIP_HEADER_OTHER, 1)->name, "X-A");
	check_text(sip_message_header(message, SIP_HEADER_OTHER, 2)->value, ";;,,;;,;");
	assert_null(sip_message_address(message, SIP_HEADER_CONTACT, 0));
	check_text(sip_message_header_named(message, SLICE("f"), 0)->value, "<sip:a@h>;tag=1");
	assert_null(sip_message_header_named(message, SLICE("m"), 0));
	sip_message_unref(message);
}

static void lists_over_several_lines(void **state)
{
	static const char *const expected[] = { "sip:1@h", "sip:2@h", "sip:3@h", "sip:4@h" };
	struct sip_message *message = parse(REQUEST("Contact: <sip:1@h>;q=1 , \"a, b\" <sip:2@h>\r\n"
		"Supported: a,,b ,\r\n"
						    "m: <sip:3@h>\r\nk:\r\nk: c\r\nContact: <sip:4@h>\r\n"
						    "In-Reply-To: a<,\"b@c\r\n"));
	struct sip_values values;
	struct slice value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		check_text(sip_message_address(message, SIP_HEADER_CONTACT, i)->uri.text, expected[i]);
	assert_null(sip_message_address(message, SIP_HEADER_CONTACT, 4));
	sip_values_begin(&values, message, SIP_HEADER_SUPPORTED);
	for (const char *name = "a"; *name <= 'c'; name = *name == 'a' ? "b" : *name == 'b' ? "c" : "d") {
		assert_true(sip_values_next(&values, &value));
		check_text(value, name);
	}
	assert_false(sip_values_next(&values, &value));
	assert_false(sip_values_next(&values, &value));
	sip_values_begin(&values, message, SIP_HEADER_IN_REPLY_TO);
	assert_true(sip_values_next(&values, &value));
	check_text(value, "a<");
	assert_true(sip_values_next(&values, &value));
	check_text(value, "\"b@c");
	sip_values_begin(&values, message, SIP_HEADER_SUBJECT);
	assert_false(sip_values_next(&values, &value));
	sip_message_unref(message);
}

static void challenges_are_not_split(void **state)
{
	struct sip_message *message = parse(REQUEST("Authorization: Digest a=1, b=2\r\nAuthorization: Digest c=3\r\n"));
	struct sip_values values;
	struct slice value;

	(void)state;
	assert_int_equal(sip_message_check(message).status, 0);
	sip_values_begin(&values, message, SIP_HEADER_AUTHORIZATION);
	assert_true(sip_values_next(&values, &value));
	check_text(value, "Digest a=1, b=2");
	assert_true(sip_values_next(&values, &value));
	check_text(value, "Digest c=3");
	assert_false(sip_values_next(&values, &value));
	sip_message_unref(message);
}

static void more_values_than_room(void **state)
{
	char text[40000];
	size_t n = (size_t)snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" REST);

	(void)state;
	for (int i = 0; i < 120; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "Via: SIP/2.0/UDP h%d;branch=%d, SIP/2.0/TCP x\r\n"
				      "Route: <sip:r%d;lr>,<sip:s%d>\r\n", i, i, i, i);
	snprintf(text + n, sizeof text - n, "\r\n");
	struct sip_message *message = parse(text);
	assert_int_equal(sip_message_check(message).status, 0);
	char host[16];
	for (size_t i = 0; i < 120; i++) {
		snprintf(host, sizeof host, "h%zu", i);
		check_text(sip_message_via(message, 2 * i)->host, host);
		snprintf(host, sizeof host, "s%zu", i);
		check_text(sip_message_address(message, SIP_HEADER_ROUTE, 2 * i + 1)->uri.host, host);
	}
	assert_null(sip_message_via(message, 240));
	sip_message_unref(message);
}

/* A message of commas must not become many times as large when it is decoded. */
static void too_many_values_are_malformed(void **state)
{
	static const struct {
		enum sip_header_id id;
		const char *name, *fault;
	} rows[] = {
		{ SIP_HEADER_VIA, "Via", "Malformed Via" },
		{ SIP_HEADER_CONTACT, "Contact", "Malformed Contact" },
	};
	static char text[60000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = (size_t)snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST "%s: ",
			rows[i].name);
		memset(text + n, ',', 50000);
		snprintf(text + n + 50000, sizeof text - n - 50000, "\r\n\r\n");
		struct sip_message *message = parse(text);
		assert_string_equal(sip_message_check(message).text, rows[i].fault);
		assert_null(sip_message_address(message, SIP_HEADER_CONTACT, 0));
		assert_null(sip_message_via(message, 1));
		sip_message_unref(message);
	}
	size_t n = (size_t)snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST "Contact: <sip:a@h>");
	for (int i = 1; i < SIP_VALUES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, ",<sip:a@h>");
	snprintf(text + n, sizeof text - n, "\r\n\r\n");
	struct sip_message *message = parse(text);
	assert_int_equal(sip_message_check(message).status, 0);
	sip_message_unref(message);
	snprintf(text + n, sizeof text - n, ",<sip:a@h>\r\n\r\n");
	message = parse(text);
	assert_int_equal(sip_message_check(message).status, 400);
	sip_message_unref(message);
}

static void too_many_lines_are_a_fault(void **state)
{
	char text[20000];
	size_t n = (size_t)snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST);

	(void)state;
	for (int i = 0; i < SIP_HEADERS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "X: %d\r\n", i);
	snprintf(text + n, sizeof text - n, "Content-Length: 1\r\n\r\nxyz");
	struct sip_message *message;
	size_t used, offset;
	assert_int_equal(parse_slice(slice_of(text), SIP_STREAM, &message, &used, &offset), SCAN_OK);
	assert_int_equal(message->header_count, SIP_HEADERS_MAX);
	assert_int_equal(message->body.n, 1);
	assert_int_equal(sip_message_check(message).status, 513);
	sip_message_unref(message);
}

static void malformed_values_are_absent(void **state)
{
	struct sip_message *message = parse("OPTIONS < SIP/2.0\r\nVia: x\r\nVia: SIP/2.0/UDP h\r\nFrom: *\r\n"
		"To: \"\r\nCSeq: x\r\n"
					    "Content-Type: x\r\nMax-Forwards: y\r\n\r\n");
	uint32_t seconds;

	(void)state;
	assert_null(sip_message_request_uri(message));
	assert_null(sip_message_via(message, 0));
	check_text(sip_message_via(message, 1)->host, "h");
	assert_null(sip_message_from(message));
	assert_null(sip_message_to(message));
	assert_null(sip_message_cseq(message));
	assert_null(sip_message_content_type(message));
	assert_int_equal(sip_message_call_id(message).n, 0);
	assert_false(sip_message_seconds(message, SIP_HEADER_MAX_FORWARDS, &seconds));
	assert_false(sip_message_seconds(message, SIP_HEADER_EXPIRES, &seconds));
	sip_message_unref(message);
}

static void bodies_with_an_encoding(void **state)
{
	static const struct {
		const char *line;
		bool body;
	} rows[] = {
		{ "", true },
		{ "Content-Encoding: identity\r\n", true },
		{ "e: gzip\r\n", false },
		{ "e: identity, gzip\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[400];
		snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST
			"c: Application/SDP\r\n%s\r\nv=0\r\n", rows[i].line);
		struct sip_message *message = parse(text);
		assert_int_equal(sip_message_has_body(message, "application", "sdp"), rows[i].body);
		sip_message_unref(message);
	}
	struct sip_message *message = parse(REQUEST("c: application/sdp\r\nl: 0\r\n"));
	assert_false(sip_message_has_body(message, "application", "sdp"));
	sip_message_unref(message);
}

static void lengths_of_datagrams(void **state)
{
	static const struct {
		const char *lines, *body;
		unsigned status;
	} rows[] = {
		{ "", "12345", 0 },
		{ "Content-Length: 5\r\n", "12345", 0 },
		{ "l: 3\r\n", "123", 0 },
		{ "l:0\r\n", "", 0 },
		{ "l: 3\r\nContent-Length: 003\r\n", "123", 0 },
		{ "l: 6\r\n", "12345", 400 },
		{ "l: 3\r\nl: 4\r\n", "12345", 400 },
		{ "l: -3\r\n", "12345", 400 },
		{ "l: five\r\n", "12345", 400 },
		{ "l:\r\n", "12345", 400 },
		{ "l: 3, 3\r\n", "12345", 400 },
		{ "l: 3\r\nl: x\r\n", "12345", 400 },
		{ "l: x\r\nl: 3\r\n", "12345", 400 },
		{ "l: 4294967301\r\n", "12345", 400 },
		{ "l: 18446744073709551617\r\n", "12345", 400 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[400];
		snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST "%s\r\n12345", rows[i].lines);
		struct sip_message *message = parse(text);
		check_text(message->body, rows[i].body);
		assert_int_equal(sip_message_check(message).status, rows[i].status);
		/* What is behind the body belongs to nobody. */
		assert_ptr_equal(message->bytes.p + message->bytes.n, message->body.p + message->body.n);
		sip_message_unref(message);
	}
}

static void streams_frame_by_length(void **state)
{
	static const char text[] = REQUEST("l: 3\r\n") "123";
	static const char two[] = REQUEST("l: 3\r\n") "123" BENCH_RINGING;
	struct sip_message *message;
	size_t used, offset;

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_int_equal(parse_slice(slice_make(text, n), SIP_STREAM, &message, &used, &offset), SCAN_MORE);
	assert_int_equal(parse_slice(slice_of(two), SIP_STREAM, &message, &used, &offset), SCAN_OK);
	assert_int_equal(used, sizeof text - 1);
	check_text(message->body, "123");
	sip_message_unref(message);
	assert_int_equal(parse_slice(slice_from(slice_of(two), used), SIP_STREAM, &message, &used, &offset), SCAN_OK);
	assert_int_equal(message->status, 180);
	sip_message_unref(message);
}

static void broken_streams(void **state)
{
	static const char *const lengths[] = { "", "l: x\r\n", "l: -1\r\n", "l: 3\r\nl: 4\r\n", "l: 65536\r\n",
		"l: 4294967295\r\n" };
	struct sip_message *message;
	size_t used, offset;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char text[400];
		int n = snprintf(text, sizeof text, "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST "%s\r\n", lengths[i]);
		assert_int_equal(parse_slice(slice_of(text), SIP_STREAM, &message, &used, &offset), SCAN_BAD);
		assert_int_equal(offset, n);
	}
	assert_int_equal(parse_slice(SLICE("GET / HTTP/1.1\r\n"), SIP_STREAM, &message, &used, &offset), SCAN_BAD);
	assert_int_equal(offset, 6);
}

/* A stream that never ends its line or its header section is given up. */
static void endless_streams(void **state)
{
	struct guard large = guard_new(SIP_MESSAGE_MAX + 10);
	char *text = malloc(SIP_MESSAGE_MAX + 10);
	struct sip_message *message;
	size_t used, offset;

	(void)state;
	memset(text, 'A', SIP_MESSAGE_MAX + 10);
	struct slice s = guard_place(&large, slice_make(text, SIP_MESSAGE_MAX + 10));
	assert_int_equal(sip_message_parse(slice_from(s, 11), SIP_STREAM, &message, &used, &offset), SCAN_MORE);
	assert_int_equal(sip_message_parse(s, SIP_STREAM, &message, &used, &offset), SCAN_BAD);
	assert_int_equal(offset, SIP_MESSAGE_MAX);
	memcpy(text, "OPTIONS sip:h SIP/2.0\r\nX: ", 26);
	s = guard_place(&large, slice_make(text, SIP_MESSAGE_MAX));
	assert_int_equal(sip_message_parse(slice_sub(s, 0, s.n - 1), SIP_STREAM, &message, &used, &offset), SCAN_MORE);
	assert_int_equal(sip_message_parse(s, SIP_STREAM, &message, &used, &offset), SCAN_BAD);
	free(text);
	guard_free(&large);
}

static void prefixes_of_datagrams(void **state)
{
	static const char *const texts[] = { BENCH_INVITE, BENCH_RINGING, BENCH_LARGE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t whole = strlen(texts[i]);
		for (size_t n = 0; n < whole; n++) {
			struct sip_message *message;
			size_t used, offset;
			if (parse_slice(slice_make(texts[i], n), SIP_DATAGRAM, &message, &used, &offset) == SCAN_OK) {
				assert_int_not_equal(sip_message_check(message).status, 0);
				sip_message_unref(message);
			} else {
				assert_true(offset <= n);
			}
		}
	}
}

static void references_are_counted(void **state)
{
	struct sip_message *message = parse(BENCH_INVITE);

	(void)state;
	assert_ptr_equal(sip_message_ref(message), message);
	sip_message_unref(message);
	check_text(message->method_name, "INVITE");
	sip_message_unref(message);
	sip_message_unref(NULL);
}

/* Each line added to or taken from a good request, and what check says. */
static void checks(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
		const char *fault;
	} rows[] = {
		{ REQUEST(""), 0, NULL },
		{ REQUEST("Max-Forwards: 255\r\n"), 0, NULL },
		{ REQUEST("Max-Forwards: 0\r\n"), 0, NULL },
		{ REQUEST("Max-Forwards: 256\r\n"), 400, "Malformed Max-Forwards" },
		{ REQUEST("Max-Forwards: -1\r\n"), 400, "Malformed Max-Forwards" },
		{ REQUEST("Max-Forwards: 1\r\nMax-Forwards: 1\r\n"), 400, "More than one Max-Forwards" },
		{ REQUEST("To: <sip:x@y>\r\n"), 400, "More than one To" },
		{ REQUEST("f: <sip:x@y>\r\n"), 400, "More than one From" },
		{ REQUEST("i: x\r\n"), 400, "More than one Call-ID" },
		{ REQUEST("CSeq: 2 OPTIONS\r\n"), 400, "More than one CSeq" },
		{ "REFER sip:b@h SIP/2.0\r\n" VIA FROM TO
		  "i: c\r\nCSeq: 1 REFER\r\nRefer-To: <sip:x@y>\r\nr: <sip:z@y>\r\n"
		  "\r\n",
		  400, "Repeated header field that has one value" },
		{ REQUEST("Content-Type: a/b\r\nc: a/b\r\n"), 400, "Repeated header field that has one value" },
		/* Of what is only told the first counts. */
		{ REQUEST("Session-Expires: 90\r\nSession-Expires: 91\r\n"), 0, NULL },
		{ REQUEST("Priority: urgent\r\nPriority: normal\r\nDate: a\r\nDate: b\r\n"), 0, NULL },
		/* What has no place in a request is ignored, whatever it looks like (RFC 3261 20). */
		{ REQUEST("Refer-To: <sip:x@y>\r\nr: <sip:z@y>\r\n"), 0, NULL },
		{ REQUEST("Event: ;\r\nRAck: x\r\nReplaces: ;\r\nSubscription-State: ;\r\n"), 0, NULL },
		{ "BYE sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 BYE\r\nContact: <<>\r\n\r\n", 0, NULL },
		{ REQUEST("User-Agent: a\r\nUser-Agent: b\r\n"), 0, NULL },
		{ REQUEST("Contact: <sip:x@y>;;\r\n"), 400, "Malformed Contact" },
		{ REQUEST("Contact: <sip:x@y>,\r\n"), 400, "Malformed Contact" },
		{ REQUEST("Contact: *\r\n"), 400, "Malformed Contact" },
		{ REQUEST("Contact: <sip:x@y>\r\nContact: *\r\n"), 400, "Malformed Contact" },
		{ REQUEST("Contact:\r\n"), 400, "Malformed Contact" },
		{ REQUEST("Route: <sip:x@y\r\n"), 400, "Malformed Route" },
		{ REQUEST("Record-Route: x\r\n"), 400, "Malformed Record-Route" },
		{ REQUEST("Require: a b\r\n"), 400, "Malformed Require" },
		{ REQUEST("Require:\r\n"), 0, NULL },
		{ REQUEST("Content-Type: x\r\n"), 400, "Malformed Content-Type" },
		{ REQUEST("Content-Type:\r\n"), 400, "Malformed Content-Type" },
		{ "SUBSCRIBE sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 SUBSCRIBE\r\nEvent: ;\r\n\r\n", 400,
		  "Malformed Event" },
		{ "INVITE sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 INVITE\r\nReplaces: ;\r\n\r\n", 400,
		  "Malformed Replaces" },
		{ REQUEST("Date: Fri, 01 Jan 2010 16:00:00 EST\r\n"), 0, NULL },
		{ REQUEST("Expires: 100000000000000000\r\n"), 0, NULL },
		{ REQUEST("Warning: 1812 overture \"x\"\r\n"), 0, NULL },
		{ REQUEST("no colon\r\n"), 400, "Malformed header line" },
		{ REQUEST(": no name\r\n"), 400, "Malformed header line" },
		{ REQUEST("a b: x\r\n"), 400, "Malformed header line" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" REST "\r\n", 400, "Missing Via" },
		{ "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" REST "\r\n", 400,
		  "Malformed Via" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA "Via: x\r\n" REST "\r\n", 400, "Malformed Via" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA TO "i: c\r\nCSeq: 1 OPTIONS\r\n\r\n", 400, "Missing From" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM "i: c\r\nCSeq: 1 OPTIONS\r\n\r\n", 400, "Missing To" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "CSeq: 1 OPTIONS\r\n\r\n", 400, "Missing Call-ID" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i:\r\nCSeq: 1 OPTIONS\r\n\r\n", 400, "Malformed Call-ID" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\n\r\n", 400, "Missing CSeq" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: OPTIONS\r\n\r\n", 400, "Malformed CSeq" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 2147483647 OPTIONS\r\n\r\n", 0, NULL },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 2147483648 OPTIONS\r\n\r\n", 400,
		  "CSeq number too large" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 4294967296 OPTIONS\r\n\r\n", 400,
		  "Malformed CSeq" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 INVITE\r\n\r\n", 400,
		  "CSeq method differs from the request" },
		{ "NEWMETHOD sip:b@h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 INVITE\r\n\r\n", 0, NULL },
		{ "OPTIONS sip:b@h SIP/7.0\r\n" VIA REST "\r\n", 505, "Version Not Supported" },
		{ "OPTIONS sip:b@h sip/2.0\r\n" VIA REST "\r\n", 0, NULL },
		{ "OPTIONS tel:+123 SIP/2.0\r\n" VIA REST "\r\n", 0, NULL },
		{ "OPTIONS nobodyKnowsThisScheme:opaque SIP/2.0\r\n" VIA REST "\r\n", 0, NULL },
		{ "OPTIONS <sip:b@h> SIP/2.0\r\n" VIA REST "\r\n", 400, "Malformed Request-URI" },
		{ "OPTIONS sip:b@h; lr SIP/2.0\r\n" VIA REST "\r\n", 400, "Malformed Request-URI" },
		{ "OPTIONS  sip:b@h  SIP/2.0\r\n" VIA REST "\r\n", 400, "Malformed Request-URI" },
		{ "OPTIONS sip:b@h SIP/2.0  \r\n" VIA REST "\r\n", 400, "Blanks behind the start line" },
		{ "OPTIONS sip:b@h?a=b SIP/2.0\r\n" VIA REST "\r\n", 400, "Header fields in the Request-URI" },
		{ "OPTIONS sip:b@h SIP/2.0\r\n" VIA REST, 400, "No empty line behind the header fields" },
		{ "SIP/2.0 200 OK\r\n" VIA REST "Contact: x\r\nDate: x\r\nMax-Forwards: x\r\nRefer-To: <\r\n\r\n", 0,
		  NULL },
		{ "SIP/2.0 200 OK\r\n" VIA REST "To: <sip:x@y>\r\n\r\n", 400, "More than one To" },
		/* Wherever they stand: the CSeq is not known yet. */
		{ "SIP/2.0 200 OK\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n" VIA REST "\r\n", 0, NULL },
		{ "SIP/2.0 200 OK\r\n" VIA REST "l: 9\r\n\r\n", 400, "Content-Length larger than the message" },
		{ "SIP/3.0 200 OK\r\n" VIA REST "\r\n", 505, "Version Not Supported" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_message *message = parse(rows[i].text);
		struct sip_fault fault = sip_message_check(message);
		if (fault.status != rows[i].status)
			fail_msg("row %zu: %u %s", i, fault.status, fault.text ? fault.text : "");
		if (rows[i].fault)
			assert_string_equal(fault.text, rows[i].fault);
		else
			assert_null(fault.text);
		sip_message_unref(message);
	}
}

static void a_star_contact_registers(void **state)
{
	struct sip_message *message = parse("REGISTER sip:h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 REGISTER\r\n"
					    "Contact: *\r\nExpires: 0\r\n\r\n");

	(void)state;
	assert_int_equal(sip_message_check(message).status, 0);
	assert_true(sip_message_address(message, SIP_HEADER_CONTACT, 0)->star);
	sip_message_unref(message);
}

/* ---- bodies of several parts ---- */

#define INVITE_WITH(type)                                                                                              \
	"INVITE sip:h SIP/2.0\r\n" VIA FROM TO "i: c\r\nCSeq: 1 INVITE\r\nContent-Type: " type "\r\n\r\n"

static void parts_are_picked_apart(void **state)
{
	static const struct {
		const char *text, *sdp; /* NULL: there is none */
		bool strange;
	} rows[] = {
		{ INVITE_WITH("multipart/mixed;boundary=b")
		  "pre\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\n"
		  "Content-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n",
		  "v=0\r\n", false },
		{ INVITE_WITH("Multipart/Mixed; boundary=\"a b\"")
		  "--a b \r\nC: application/sdp\r\n\r\nv=0\r\n--a b--", "v=0", false },
		/* bare line feeds, and no end */
		{ INVITE_WITH("multipart/related;boundary=b")
		  "--b\nContent-Type: application/sdp\n\nv=0\ns=-\n", "v=0\ns=-\n", false },
		{ INVITE_WITH("multipart/mixed;boundary=o")
		  "--o\r\nContent-Type: multipart/alternative;boundary=i\r\n\r\n--i\r\n"
		  "Content-Type: application/sdp\r\n\r\nv=0\r\n--i--\r\n--o--",
		  "v=0", false },
		{ INVITE_WITH("multipart/mixed;boundary=b")
		  "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: "
		  "base64\r\n\r\ndj0w\r\n--b--",
		  NULL, false },
		{ INVITE_WITH("multipart/mixed;boundary=b")
		  "--b\r\nContent-Type: x/y\r\nContent-Disposition: "
		  "z;handling=required\r\n\r\n1\r\n--b\r\n"
		  "Content-Type: application/sdp\r\n\r\nv=0\r\n--b--",
		  "v=0", true },
		/* The delimiter of another, none at all, an empty part. */
		{ INVITE_WITH("multipart/mixed;boundary=b")
		  "--bb\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bb--", NULL, false },
		{ INVITE_WITH("multipart/mixed")
		  "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--", NULL, false },
		{ INVITE_WITH("multipart/mixed;boundary=b") "--b\r\n--b\r\n\r\n--b--", NULL, false },
		{ INVITE_WITH("multipart/mixed;boundary=b") "--b", NULL, false },
		{ INVITE_WITH("multipart/mixed;boundary=b")
		  "--b--\r\nContent-Type: application/sdp\r\n\r\nv=0", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_message *message = parse(rows[i].text);
		struct slice body = sip_message_body(message, "application", "sdp");
		assert_int_equal(sip_message_has_body(message, "application", "sdp"), rows[i].sdp != NULL);
		if (rows[i].sdp)
			assert_true(slice_eq(body, slice_of(rows[i].sdp)));
		assert_int_equal(sip_message_has_strange_part(message, "application", "sdp"), rows[i].strange);
		sip_message_unref(message);
	}
}

/* ---- bytes alone ---- */

static void what_is_kept_is_read_again(void **state)
{
	struct sip_kept kept = { .message = NULL }, other = { .message = NULL };
	struct sip_message *folded = parse(REQUEST("Subject: two\r\n words\r\nContent-Length: 3\r\n") "abcdef"),
			   *second = parse(REQUEST("Subject: other\r\n"));

	(void)state;
	assert_null(sip_kept_message(&kept));
	sip_kept_put(&kept, folded);
	sip_message_unref(folded);
	sip_kept_copy(&other, &kept);
	check_text(sip_message_value(sip_kept_message(&kept), SIP_HEADER_SUBJECT), "two words");
	check_text(sip_kept_message(&kept)->body, "abc");
	assert_ptr_equal(sip_kept_message(&kept), sip_kept_message(&kept));
	sip_kept_put(&kept, second);
	check_text(sip_message_value(sip_kept_message(&kept), SIP_HEADER_SUBJECT), "other");
	check_text(sip_message_value(sip_kept_message(&other), SIP_HEADER_SUBJECT), "two words");
	sip_kept_put(&kept, NULL);
	assert_null(sip_kept_message(&kept));
	sip_kept_fini(&kept);
	sip_kept_fini(&other);
	sip_message_unref(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request),
		cmocka_unit_test(a_response),
		cmocka_unit_test(reason_phrases),
		cmocka_unit_test(statuses_out_of_range_are_faults),
		cmocka_unit_test(no_sip_messages),
		cmocka_unit_test(folds_become_one_blank),
		cmocka_unit_test(bare_line_feeds_end_lines),
		cmocka_unit_test(unknown_fields_keep_their_order),
		cmocka_unit_test(lists_over_several_lines),
		cmocka_unit_test(challenges_are_not_split),
		cmocka_unit_test(more_values_than_room),
		cmocka_unit_test(too_many_values_are_malformed),
		cmocka_unit_test(too_many_lines_are_a_fault),
		cmocka_unit_test(malformed_values_are_absent),
		cmocka_unit_test(bodies_with_an_encoding),
		cmocka_unit_test(lengths_of_datagrams),
		cmocka_unit_test(streams_frame_by_length),
		cmocka_unit_test(broken_streams),
		cmocka_unit_test(endless_streams),
		cmocka_unit_test(prefixes_of_datagrams),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(checks),
		cmocka_unit_test(a_star_contact_registers),
		cmocka_unit_test(parts_are_picked_apart),
		cmocka_unit_test(what_is_kept_is_read_again),
	};

	return cmocka_run_group_tests(tests, guard_set_up, guard_tear_down);
}
