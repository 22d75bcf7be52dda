#include "phone/phone_internal.h"

#include "tests/unit/unit.h"

#include "phone/event.h"

static void numbers_rise_and_fields_are_found(void **state)
{
	struct events *events = events_new();
	struct event *event = events_add(events, EVENT_INCOMING, 3);

	(void)state;
	event_text(event, "from", SLICE("sip:bob@biloxi.com"));
	event_text(event, "account", SLICE(""));
	event_number(event, "code", 200);
	event_number(event, "duration", 1.25);
	assert_int_equal(event->number, 1);
	assert_string_equal(event_value(event, "call"), "3");
	assert_string_equal(event_value(event, "from"), "sip:bob@biloxi.com");
	assert_string_equal(event_value(event, "code"), "200");
	assert_string_equal(event_value(event, "duration"), "1.250");
	assert_null(event_value(event, "account"));
	assert_int_equal(events_last(events), 1);
	assert_ptr_equal(events_next(events, 0), event);
	assert_null(events_next(events, 1));
	events_free(events);
}

static void what_comes_from_outside_is_cleaned(void **state)
{
	struct events *events = events_new();
	struct event *event = events_add(events, EVENT_INCOMING, 1);

	(void)state;
	event_text(event, "from", SLICE("a\033[31mb\r\nc\xff"));
	assert_string_equal(event_value(event, "from"), "a?[31mb??c?");
	event_lines(event, "body", SLICE("a: 1\r\n\tb\033\rc\n\r\n"));
	assert_string_equal(event_value(event, "body"), "a: 1  b? c");
	event_lines(event, "text", SLICE("\r\n"));
	assert_null(event_value(event, "text"));
	events_free(events);
}

static void a_reader_that_fell_behind_goes_on(void **state)
{
	struct events *events = events_new();
	const struct event *event;
	uint64_t at = 0, count = 0;

	(void)state;
	for (unsigned i = 0; i < EVENT_LOG_MAX + 100; i++)
		event_number(events_add(events, EVENT_TRYING, 0), "code", i);
	assert_int_equal(events_last(events), EVENT_LOG_MAX + 100);
	for (; (event = events_next(events, at)) != NULL; count++) {
		assert_true(event->number > at);
		at = event->number;
	}
	assert_int_equal(count, EVENT_LOG_MAX);
	assert_int_equal(at, EVENT_LOG_MAX + 100);
	events_free(events);
}

static void names_go_both_ways(void **state)
{
	enum event_kind kind;

	(void)state;
	for (int i = 0; i < EVENT_KINDS; i++) {
		assert_true(event_find(slice_of(event_name((enum event_kind)i)), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(event_find(SLICE("anwsered"), &kind));
}

/* Whatever the kind and whatever is missing, there is a sentence. */
static void every_event_has_a_sentence(void **state)
{
	struct events *events = events_new();
	struct buf line;

	(void)state;
	buf_init(&line, 4096);
	for (int i = 0; i < EVENT_KINDS; i++) {
		buf_clear(&line);
		event_sentence(events_add(events, (enum event_kind)i, 2), &line);
		assert_true(line.n > 5);
	}
	struct event *event = events_add(events, EVENT_ANSWERED, 1);
	event_text(event, "direction", SLICE("out"));
	event_text(event, "to", SLICE("sip:bob@biloxi.com"));
	event_text(event, "name", SLICE("Bob"));
	event_text(event, "codec", SLICE("opus"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "call 1: answered by Bob <sip:bob@biloxi.com> (opus)");
	event = events_add(events, EVENT_FAILED, 2);
	event_number(event, "code", 486);
	event_text(event, "reason", SLICE("Busy Here"));
	event_text(event, "cause", SLICE("response"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "call 2: failed: 486 Busy Here");
	event = events_add(events, EVENT_FAILED, 3);
	event_number(event, "code", 603);
	event_text(event, "reason", SLICE("Decline"));
	event_text(event, "cause", SLICE("local"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "call 3: failed: 603 Decline (by us)");
	event = events_add(events, EVENT_CODEC, 5);
	event_text(event, "codec", SLICE("G722"));
	event_text(event, "side", SLICE("me"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "call 5: we send G722 now");
	event = events_add(events, EVENT_MEDIA_LOST, 4);
	event_text(event, "heard", SLICE("no"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "call 4: no sound arrives");
	event = events_add(events, EVENT_DEVICE, 0);
	event_text(event, "name", SLICE("ghost"));
	event_text(event, "kind", SLICE("input"));
	event_text(event, "state", SLICE("missing"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "input device ghost: not there");
	event_text(event, "reason", SLICE("no such device"));
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "input device ghost: cannot be used (no such device)");
	buf_fini(&line);
	events_free(events);
}

/* A code stands in the list of calls where somebody sent it, not where it stands for a fault of our own. */
static void codes_of_past_calls(void **state)
{
	static const struct {
		unsigned code;
		const char *why, *wanted;
	} rows[] = {
		{ 404, "404 Not Found. Nobody with this address exists there.",
		  "  out  failed 404  sip:bob@biloxi.com\n" },
		{ 503, "503 Service Unavailable. The server is busy.", "  out  failed 503  sip:bob@biloxi.com\n" },
		{ 503, "no way there, or nothing listens. Check the address.",
		  "  out  failed      sip:bob@biloxi.com\n" },
		{ 486, "", "  out  failed 486  sip:bob@biloxi.com\n" },
	};
	struct buf line;

	(void)state;
	buf_init(&line, 400);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct history_row row = { .number = 1, .how = "failed", .code = rows[i].code, .why = rows[i].why,
					   .account = "", .uri = "sip:bob@biloxi.com", .name = "", .dialled = "" };
		buf_clear(&line);
		history_line(&row, &line);
		assert_non_null(strstr(buf_text(&line), rows[i].wanted));
	}
	buf_fini(&line);
}

/* Whoever mistyped a password must not have to guess what to type now. */
static void a_registration_given_up_says_where_to_look(void **state)
{
	struct events *events = events_new();
	struct event *event = events_add(events, EVENT_REGISTER_FAILED, 0);
	struct buf line;

	(void)state;
	event_text(event, "account", SLICE("work"));
	event_text(event, "code", SLICE("401"));
	event_text(event, "reason", SLICE("Unauthorized"));
	event_text(event, "cause", SLICE("auth"));
	event_text(event, "retry", SLICE("0"));
	buf_init(&line, 400);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "work: registration failed: 401 Unauthorized (auth); given up: `why` says "
					     "what to do");
	assert_non_null(strstr(explain_cause(CAUSE_AUTH, 401), "`account set NAME password=`"));
	buf_fini(&line);
	events_free(events);
}

/* `reinvite` and `update` by hand are answered in words; what the phone does by itself is not. */
static void what_became_of_a_reinvite(void **state)
{
	static const struct {
		enum event_kind kind;
		const char *direction, *code, *reason, *wanted;
	} rows[] = {
		{ EVENT_REINVITE, "out", "200", "", "call 2: the peer has taken our re-INVITE" },
		{ EVENT_UPDATE, "out", "200", "OK", "call 2: the peer has taken our UPDATE" },
		{ EVENT_REINVITE, "out", "488", "Not Acceptable Here",
		  "call 2: the peer has not taken our re-INVITE: 488 Not Acceptable Here" },
		{ EVENT_REINVITE, "in", NULL, "", "call 2: re-INVITE of the peer" },
	};
	struct events *events = events_new();
	struct buf line;

	(void)state;
	buf_init(&line, 400);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event *event = events_add(events, rows[i].kind, 2);
		event_text(event, "direction", slice_of(rows[i].direction));
		if (rows[i].code)
			event_text(event, "code", slice_of(rows[i].code));
		event_text(event, "reason", slice_of(rows[i].reason));
		buf_clear(&line);
		event_sentence(event, &line);
		assert_string_equal(buf_text(&line), rows[i].wanted);
	}
	buf_fini(&line);
	events_free(events);
}

/* Silence by choice is no fault of a device. */
static void a_sound_test_of_silence_says_so(void **state)
{
	static const struct {
		const char *input, *output, *wanted;
	} rows[] = {
		{ "null", "null", "the loudspeaker and microphone are null, which is silence" },
		{ "Mic", "null", "the loudspeaker is null" },
		{ "null", "Speaker", "the microphone is null" },
		{ "Mic", "Speaker", "is it muted, or the wrong device?" },
	};
	struct events *events = events_new();
	struct buf line;

	(void)state;
	buf_init(&line, 400);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event *event = events_add(events, EVENT_AUDIO_TEST, 0);
		event_text(event, "input", slice_of(rows[i].input));
		event_text(event, "output", slice_of(rows[i].output));
		event_text(event, "noise", SLICE("-127"));
		event_text(event, "loudest", SLICE("-127"));
		buf_clear(&line);
		event_sentence(event, &line);
		assert_non_null(strstr(buf_text(&line), rows[i].wanted));
	}
	buf_fini(&line);
	events_free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_rise_and_fields_are_found),
		cmocka_unit_test(what_comes_from_outside_is_cleaned),
		cmocka_unit_test(a_reader_that_fell_behind_goes_on),
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(every_event_has_a_sentence),
		cmocka_unit_test(codes_of_past_calls),
		cmocka_unit_test(a_registration_given_up_says_where_to_look),
		cmocka_unit_test(what_became_of_a_reinvite),
		cmocka_unit_test(a_sound_test_of_silence_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
