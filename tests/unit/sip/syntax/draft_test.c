#include "tests/unit/unit.h"

#include "sip/syntax/draft.h"
#include "tests/bench/messages.h"

static void check_text(struct slice s, const char *text)
{
	if (!slice_eq(s, slice_of(text)))
		fail_msg("'%.*s' instead of '%s'", SLICE_ARG(s), text);
}

static struct sip_message *parse(const char *text)
{
	struct sip_message *message;
	size_t used, offset;

	assert_int_equal(sip_message_parse(slice_of(text), SIP_DATAGRAM, &message, &used, &offset), SCAN_OK);
	return message;
}

static void a_request_is_written(void **state)
{
	struct sip_draft *draft = sip_draft_request(SLICE("INVITE"), SLICE("sip:bob@biloxi.com"));

	(void)state;
	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "%d", 70);
	sip_draft_add_slice(draft, SIP_HEADER_TO, SLICE("<sip:bob@biloxi.com>"));
	sip_draft_add(draft, SIP_HEADER_FROM, "<sip:%s@h>;tag=%x", "alice", 0x1f);
	sip_draft_add_slice(draft, SIP_HEADER_CALL_ID, SLICE("c"));
	sip_draft_add(draft, SIP_HEADER_CSEQ, "1 INVITE");
	sip_draft_add_named(draft, SLICE("X-Own"), SLICE("1"));
	sip_draft_add_named(draft, SLICE("m"), SLICE("<sip:a@h>"));
	sip_draft_body(draft, SLICE("application/sdp"), SLICE("v=0\r\n"));
	struct sip_message *message = sip_draft_finish(draft, SLICE("SIP/2.0/UDP h;branch=z9hG4bK1"));
	check_text(message->bytes, "INVITE sip:bob@biloxi.com SIP/2.0\r\n"
				   "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
				   "Max-Forwards: 70\r\n"
				   "To: <sip:bob@biloxi.com>\r\n"
				   "From: <sip:alice@h>;tag=1f\r\n"
				   "Call-ID: c\r\n"
				   "CSeq: 1 INVITE\r\n"
				   "X-Own: 1\r\n"
				   "Contact: <sip:a@h>\r\n"
				   "Content-Type: application/sdp\r\n"
				   "Content-Length: 5\r\n\r\nv=0\r\n");
	assert_int_equal(sip_message_check(message).status, 0);
	check_text(message->body, "v=0\r\n");
	/* The Via of usual length is longer than this one. */
	assert_in_range(sip_draft_size(draft), message->bytes.n, message->bytes.n + 128);
	sip_message_unref(message);
	sip_draft_free(draft);
}

static void lines_are_changed(void **state)
{
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:a@h"));

	(void)state;
	sip_draft_add(draft, SIP_HEADER_ROUTE, "<sip:1;lr>");
	sip_draft_add(draft, SIP_HEADER_SUBJECT, "x");
	sip_draft_add(draft, SIP_HEADER_ROUTE, "<sip:2;lr>");
	check_text(sip_draft_value(draft, SIP_HEADER_ROUTE, 1), "<sip:2;lr>");
	assert_null(sip_draft_value(draft, SIP_HEADER_ROUTE, 2).p);
	sip_draft_set(draft, SIP_HEADER_ROUTE, "<sip:%d;lr>", 3);
	check_text(sip_draft_value(draft, SIP_HEADER_ROUTE, 0), "<sip:3;lr>");
	assert_null(sip_draft_value(draft, SIP_HEADER_ROUTE, 1).p);
	check_text(sip_draft_value(draft, SIP_HEADER_SUBJECT, 0), "x");
	sip_draft_set(draft, SIP_HEADER_EXPIRES, "60");
	check_text(sip_draft_value(draft, SIP_HEADER_EXPIRES, 0), "60");
	sip_draft_remove(draft, SIP_HEADER_SUBJECT);
	assert_null(sip_draft_value(draft, SIP_HEADER_SUBJECT, 0).p);
	check_text(sip_draft_method(draft), "OPTIONS");
	sip_draft_free(draft);
	sip_draft_free(NULL);
}

static void copies_are_independent(void **state)
{
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:a@h"));

	(void)state;
	sip_draft_add(draft, SIP_HEADER_SUBJECT, "x");
	sip_draft_add_named(draft, SLICE("X-Own"), SLICE("1"));
	sip_draft_body(draft, SLICE("text/plain"), SLICE("a\0b"));
	struct sip_draft *copy = sip_draft_copy(draft);
	sip_draft_set(draft, SIP_HEADER_SUBJECT, "y");
	sip_draft_free(draft);
	struct sip_message *message = sip_draft_finish(copy, (struct slice){ NULL, 0 });
	check_text(sip_message_value(message, SIP_HEADER_SUBJECT), "x");
	check_text(sip_message_header_named(message, SLICE("x-own"), 0)->value, "1");
	assert_int_equal(message->body.n, 3);
	assert_memory_equal(message->body.p, "a\0b", 3);
	sip_message_unref(message);
	sip_draft_free(copy);
}

/* Nothing that came from outside begins a line of its own. */
static void injected_lines_stay_values(void **state)
{
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:a@h\r\nX: 1"));

	(void)state;
	sip_draft_add(draft, SIP_HEADER_SUBJECT, "%s", "a\r\nX: 1\r\n\r\nbody");
	sip_draft_add_named(draft, SLICE("X-Own"), SLICE("a\nX: 1\0b"));
	sip_draft_set(draft, SIP_HEADER_ORGANIZATION, "%s", "a\rX: 1");
	sip_draft_body(draft, SLICE("text/plain\r\nX: 1"), SLICE("x"));
	struct sip_message *message = sip_draft_finish(draft, SLICE("SIP/2.0/UDP h\r\nX: 1"));
	assert_int_equal(message->header_count, 6);
	assert_null(sip_message_header_named(message, SLICE("X"), 0));
	check_text(message->body, "x");
	sip_message_unref(message);
	sip_draft_free(draft);
}

static void responses_copy_what_they_must(void **state)
{
	struct sip_message *request = parse("INVITE sip:b@h SIP/2.0\r\n"
					    "v: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b\r\n"
					    "t: Bob\r\n <sip:b@h>\r\n"
					    "Via: SIP/2.0/TCP c\r\n"
					    "f: <sip:a@h>;tag=9\r\n"
					    "i: c\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\nSubject: no\r\n\r\n");
	struct sip_draft *draft = sip_draft_response(request, 180, (struct slice){ NULL, 0 }, SLICE("mine"));

	(void)state;
	sip_draft_copy_header(draft, request, SIP_HEADER_SUBJECT);
	struct sip_message *response = sip_draft_finish(draft, (struct slice){ NULL, 0 });
	check_text(response->bytes, "SIP/2.0 180 Ringing\r\n"
				    "Via: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b\r\n"
				    "Via: SIP/2.0/TCP c\r\n"
				    "From: <sip:a@h>;tag=9\r\n"
				    "To: Bob <sip:b@h>;tag=mine\r\n"
				    "Call-ID: c\r\n"
				    "CSeq: 7 INVITE\r\n"
				    "Subject: no\r\n"
				    "Content-Length: 0\r\n\r\n");
	sip_message_unref(response);
	sip_draft_free(draft);

	draft = sip_draft_response(request, 100, SLICE("Trying hard"), SLICE("mine"));
	response = sip_draft_finish(draft, (struct slice){ NULL, 0 });
	check_text(response->reason, "Trying hard");
	check_text(sip_message_value(response, SIP_HEADER_TO), "Bob <sip:b@h>");
	check_text(sip_message_value(response, SIP_HEADER_TIMESTAMP), "54");
	sip_message_unref(response);
	sip_draft_free(draft);
	sip_message_unref(request);
}

static void responses_to_damaged_requests(void **state)
{
	static const struct {
		const char *text, *to;
	} rows[] = {
		{ "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n", NULL },
		{ "OPTIONS sip:b@h SIP/2.0\r\nVia: x\r\nTo: \"open <sip:b@h>\r\nFrom: ;\r\nCSeq: x\r\n\r\n",
		  "\"open <sip:b@h>" },
		{ "OPTIONS sip:b@h SIP/2.0\r\nTo: <sip:b@h>;tag=theirs\r\n\r\n", "<sip:b@h>;tag=theirs" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_message *request = parse(rows[i].text);
		struct sip_draft *draft = sip_draft_response(request, 400, SLICE("Bad"), SLICE("mine"));
		struct sip_message *response = sip_draft_finish(draft, (struct slice){ NULL, 0 });
		check_text(sip_message_value(response, SIP_HEADER_TO), rows[i].to ? rows[i].to : "");
		assert_int_equal(response->status, 400);
		sip_message_unref(response);
		sip_draft_free(draft);
		sip_message_unref(request);
	}
}

/* Every field of a message goes through a draft and comes out the same. */
static void messages_go_round(void **state)
{
	static const char *const texts[] = { BENCH_INVITE, BENCH_LARGE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct sip_message *message = parse(texts[i]);
		struct sip_draft *draft = sip_draft_request(message->method_name, message->request_uri);
		for (size_t k = 0; k < message->header_count; k++)
			sip_draft_add_named(draft, message->headers[k].name, message->headers[k].value);
		sip_draft_body(draft, sip_message_value(message, SIP_HEADER_CONTENT_TYPE), message->body);
		struct sip_message *again = sip_draft_finish(draft, (struct slice){ NULL, 0 });
		check_text(again->bytes, texts[i]);
		sip_message_unref(again);
		sip_draft_free(draft);
		sip_message_unref(message);
	}
}

static void lengths_are_written_out(void **state)
{
	static const size_t sizes[] = { 0, 1, 9, 10, 11, 99, 100, 101, 9999, 10000, 65536 };
	struct sip_message *request = parse(BENCH_INVITE);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct sip_draft *draft = sip_draft_response(request, 699, SLICE("No"), SLICE("t"));
		char *body = calloc(1, sizes[i] + 1), text[16];
		sip_draft_body(draft, SLICE("a/b"), slice_make(body, sizes[i]));
		struct sip_message *message = sip_draft_finish(draft, slice_make(NULL, 0));
		snprintf(text, sizeof text, "%zu", sizes[i]);
		check_text(sip_message_value(message, SIP_HEADER_CONTENT_LENGTH), text);
		assert_int_equal(message->status, 699);
		assert_int_equal(message->body.n, sizes[i]);
		/* A response has no Via to come: its size is known exactly. */
		assert_int_equal(sip_draft_size(draft), message->bytes.n);
		sip_message_unref(message);
		sip_draft_free(draft);
		free(body);
	}
	sip_message_unref(request);
}

/* Wherever a control character stands: values are looked through eight bytes at a time. */
static void line_ends_become_blanks_at_any_place(void **state)
{
	static const char controls[] = { '\r', '\n', '\0' };

	(void)state;
	for (size_t at = 0; at < 40 * ARRAY_LEN(controls); at++) {
		char value[] = "v\xc3\xa4lue, as long as some words are: forty"; /* nothing else is changed */
		size_t n = sizeof value - 1, place = at / ARRAY_LEN(controls);
		struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:a@h"));
		value[place] = controls[at % ARRAY_LEN(controls)];
		sip_draft_add_slice(draft, SIP_HEADER_SUBJECT, slice_make(value, n));
		value[place] = ' ';
		assert_true(slice_eq(sip_draft_value(draft, SIP_HEADER_SUBJECT, 0), slice_make(value, n)));
		sip_draft_free(draft);
	}
}

static void large_drafts(void **state)
{
	struct sip_draft *draft = sip_draft_request(SLICE("MESSAGE"), SLICE("sip:b@h"));
	char *body = calloc(1, 200000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		sip_draft_add_named(draft, SLICE("X-Number"), SLICE("1"));
	sip_draft_body(draft, SLICE("text/plain"), slice_make(body, 200000));
	struct sip_message *message = sip_draft_finish(draft, SLICE("SIP/2.0/TCP h"));
	assert_int_equal(message->body.n, 200000);
	assert_in_range(sip_draft_size(draft), message->bytes.n, message->bytes.n + 128);
	sip_message_unref(message);
	sip_draft_free(draft);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_written),
		cmocka_unit_test(lines_are_changed),
		cmocka_unit_test(copies_are_independent),
		cmocka_unit_test(injected_lines_stay_values),
		cmocka_unit_test(responses_copy_what_they_must),
		cmocka_unit_test(responses_to_damaged_requests),
		cmocka_unit_test(messages_go_round),
		cmocka_unit_test(lengths_are_written_out),
		cmocka_unit_test(line_ends_become_blanks_at_any_place),
		cmocka_unit_test(large_drafts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
