/* Whole phones over loopback: calls from the first packet to the last. */
#include "base/xmalloc.h"
#include "tests/unit/phone/phone_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void add_line(void *arg, const struct ladder_line *line)
{
	buf_printf(arg, "%.*s\n", SLICE_ARG(line->text));
}

static void the_echo_test(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;
	struct buf out;
	unsigned call = dial(phone, "echo", NULL);

	assert_int_equal(call, 1);
	await(world, phone, EVENT_TRYING);
	await(world, phone, EVENT_RINGING);
	const struct event *event = await(world, phone, EVENT_ANSWERED);
	assert_string_equal(event_value(event, "codec"), "opus");
	assert_string_equal(event_value(event, "to"), "echo");
	assert_true(number_of(phone, call, "calls.count") == 1);
	await(world, phone, EVENT_MEDIA);
	must(phone_dtmf(phone, &call, SLICE("#"), SLICE("auto"), &failure), &failure);
	event = await(world, phone, EVENT_ENDED);
	assert_string_equal(event_value(event, "by"), "the peer");
	/* The numbers of its sound stay readable. */
	assert_true(number_of(phone, call, "media.received") > 0);
	assert_true(number_of(phone, call, "media.sent") > 0);
	assert_true(number_of(phone, call, "calls.count") == 0);
	char *state_text = text_of(phone, call, "call.state");
	assert_string_equal(state_text, "ended");
	free(state_text);
	/* The phone's own side is in the trace once: an INVITE, an ACK, a BYE. */
	buf_init(&out, 1 << 20);
	phone_ladder(phone, &(struct message_filter){ .call = call }, 80, true, add_line, &out);
	assert_non_null(strstr(buf_text(&out), "F1 INVITE (sdp)"));
	assert_non_null(strstr(buf_text(&out), "200 OK (sdp)"));
	assert_non_null(strstr(buf_text(&out), "RTP opus"));
	assert_non_null(strstr(buf_text(&out), "BYE"));
	assert_null(strstr(strstr(buf_text(&out), "BYE") + 3, "BYE"));
	assert_null(strstr(buf_text(&out), "again"));
	buf_clear(&out);
	assert_true(phone_why(phone, (struct slice){ 0 }, &out, &failure));
	assert_non_null(strstr(buf_text(&out), "ended after"));
	buf_fini(&out);
}

static bool loud(struct world *world)
{
	double hz = number_of(world->phones[0], 0, "tone.hz");

	return hz > 430 && hz < 450 && number_of(world->phones[0], 0, "heard.level") > -40;
}

static void the_echo_is_heard(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct failure failure;
	unsigned call = dial(phone, "echo", &(struct call_options){ .codec = "PCMU" });

	const struct event *event = await(world, phone, EVENT_ANSWERED);
	assert_string_equal(event_value(event, "codec"), "PCMU");
	assert_true(world_run(world, loud, 8 * SECOND_US));
	must(phone_hangup(phone, &call, &failure), &failure);
	event = await(world, phone, EVENT_ENDED);
	assert_string_equal(event_value(event, "by"), "us");
}

static void the_default_invite_fits_into_a_packet(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);

	dial(phone, "echo", NULL);
	await(world, phone, EVENT_TRYING);
	const struct trace_entry *entry = trace_first(phone->trace);
	assert_non_null(entry);
	assert_true(slice_begins(entry->bytes, SLICE("INVITE ")));
	assert_true(entry->bytes.n < 1300 - 200);
	await(world, phone, EVENT_ANSWERED);
}

static void ringing_answer_and_digits(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned call = dial(a, address_of(b, "bob"), &(struct call_options){ .display = "Alice" }), theirs = 0;

	const struct event *event = await(world, b, EVENT_INCOMING);
	assert_string_equal(event_value(event, "name"), "Alice");
	assert_non_null(event_value(event, "callid"));
	await(world, a, EVENT_RINGING);
	must(phone_answer(b, &theirs, 0, &failure), &failure);
	assert_int_equal(theirs, 1);
	await(world, a, EVENT_ANSWERED);
	await(world, b, EVENT_ANSWERED);
	await(world, a, EVENT_MEDIA);
	await(world, b, EVENT_MEDIA);
	must(phone_dtmf(a, &call, SLICE("4"), (struct slice){ 0 }, &failure), &failure);
	event = await(world, b, EVENT_DTMF);
	assert_string_equal(event_value(event, "digit"), "4");
	assert_string_equal(event_value(event, "via"), "rtp");
	must(phone_hangup(b, &theirs, &failure), &failure);
	event = await(world, a, EVENT_ENDED);
	assert_string_equal(event_value(event, "by"), "the peer");
	await(world, b, EVENT_ENDED);
	/* Over: nothing more can be done to it. */
	assert_false(phone_hold(a, &call, &failure));
	assert_string_equal(failure.reason, "call-ended");
	call = 99;
	assert_false(phone_hangup(a, &call, &failure));
	assert_string_equal(failure.reason, "no-such-call");
}

static void hold_and_resume(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned call, none = 0;

	must_set(b, "call.auto-answer", "on");
	call = dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_ANSWERED);
	await(world, b, EVENT_ANSWERED);
	must(phone_hold(a, &call, &failure), &failure);
	await(world, a, EVENT_HELD);
	await(world, b, EVENT_REMOTE_HELD);
	struct call_view view;
	assert_true(phone_view_call(a, call, &view));
	assert_int_equal(view.state, CALL_HELD);
	assert_true(phone_view_call(b, 1, &view));
	assert_true(view.held_by_peer);
	must(phone_resume(a, &none, &failure), &failure);
	assert_int_equal(none, call);
	await(world, a, EVENT_RESUMED);
	await(world, b, EVENT_REMOTE_RESUMED);
	/* Without an offer the peer makes one. */
	must(phone_reinvite(a, &call, true, &failure), &failure);
	const struct event *event = await(world, a, EVENT_REINVITE);
	assert_string_equal(event_value(event, "code"), "200");
	assert_true(phone_view_call(a, call, &view));
	assert_int_equal(view.state, CALL_ANSWERED);
}

static void a_second_call_holds_the_first(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned first, second, none = 0;

	must_set(b, "call.auto-answer", "on");
	first = dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_ANSWERED);
	second = dial(a, address_of(b, "carol"), NULL);
	await(world, a, EVENT_HELD);
	assert_int_equal(phone_selected(a), second);
	struct call_view view;
	assert_true(phone_view_call(a, first, &view));
	assert_true(view.held_by_us);
	must(phone_hangup(a, &none, &failure), &failure);
	assert_int_equal(none, second);
	await(world, a, EVENT_ENDED);
	assert_int_equal(phone_selected(a), first);
	none = 0;
	must(phone_resume(a, &none, &failure), &failure);
	await(world, a, EVENT_RESUMED);
}

/* Each command says what shall be in the end, whatever is under way; one after the other they all come about. */
static void what_was_meant_last_is_what_happens(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	struct call_view view;
	unsigned call, none = 0;

	must_set(b, "call.auto-answer", "on");
	call = dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_ANSWERED);
	await(world, b, EVENT_ANSWERED);
	/* Before the answer to `hold` came: the call is the one on hold already. */
	must(phone_hold(a, &call, &failure), &failure);
	must(phone_resume(a, &none, &failure), &failure);
	assert_int_equal(none, call);
	await(world, a, EVENT_HELD);
	await(world, b, EVENT_REMOTE_HELD);
	await(world, a, EVENT_RESUMED);
	await(world, b, EVENT_REMOTE_RESUMED);
	/* A re-INVITE under way, then hold and another re-INVITE: that one is told of by the hold's own. */
	must(phone_reinvite(a, &call, false, &failure), &failure);
	must(phone_hold(a, &call, &failure), &failure);
	must(phone_reinvite(a, &call, false, &failure), &failure);
	await(world, a, EVENT_REINVITE);
	await(world, a, EVENT_REINVITE);
	await(world, a, EVENT_HELD);
	/* Without an offer it stands for itself. */
	must(phone_resume(a, &call, &failure), &failure);
	must(phone_reinvite(a, &call, true, &failure), &failure);
	await(world, a, EVENT_RESUMED);
	const struct event *event = await(world, a, EVENT_REINVITE);
	assert_string_equal(event_value(event, "code"), "200");
	/* Hold, resume, hold: the last one counts. */
	must(phone_hold(a, &call, &failure), &failure);
	must(phone_resume(a, &call, &failure), &failure);
	must(phone_hold(a, &call, &failure), &failure);
	await(world, a, EVENT_HELD);
	await(world, b, EVENT_REMOTE_HELD);
	assert_true(phone_view_call(a, call, &view));
	assert_true(view.held_by_us && view.to_be_held);
	must(phone_reinvite(a, &call, false, &failure), &failure);
	await(world, a, EVENT_REINVITE);
	assert_true(phone_view_call(a, call, &view));
	assert_int_equal(view.state, CALL_HELD);
}

/* A call that was held for one that comes to nothing goes on by itself. */
static void a_call_that_fails_gives_the_first_back(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	struct call_view view;

	must_set(b, "call.auto-answer", "on");
	unsigned first = dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_ANSWERED);
	must_set(b, "call.auto-answer", "off");
	unsigned second = dial(a, address_of(b, "carol"), NULL), theirs = 0;
	await(world, a, EVENT_HELD);
	await(world, b, EVENT_INCOMING);
	await(world, b, EVENT_INCOMING);
	assert_int_equal(phone_selected(a), second);
	must(phone_reject(b, &theirs, 486, (struct slice){ 0 }, &failure), &failure);
	await(world, a, EVENT_FAILED);
	await(world, a, EVENT_RESUMED);
	assert_int_equal(phone_selected(a), first);
	/* Not one that the user had put on hold before, */
	must(phone_hold(a, &first, &failure), &failure);
	await(world, a, EVENT_HELD);
	second = dial(a, address_of(b, "carol"), NULL);
	await(world, a, EVENT_RINGING);
	must(phone_hangup(a, &second, &failure), &failure);
	await(world, a, EVENT_FAILED);
	assert_true(phone_view_call(a, first, &view));
	assert_true(view.to_be_held);
	/* and none where that is not wanted. */
	must(phone_resume(a, &first, &failure), &failure);
	await(world, a, EVENT_RESUMED);
	must_set(a, "call.auto-resume", "off");
	second = dial(a, address_of(b, "carol"), NULL);
	await(world, a, EVENT_HELD);
	must(phone_hangup(a, &second, &failure), &failure);
	await(world, a, EVENT_FAILED);
	assert_true(phone_view_call(a, first, &view));
	assert_true(view.to_be_held);
	assert_int_equal(phone_selected(a), first);
}

static bool rings_back(const struct phone *phone)
{
	return phone->tone == TONE_RINGBACK;
}

/* Ringback with the 180, and off with the first sound of the callee: here early media after a 183. */
static void ringback_until_sound_comes(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned theirs = 0;

	must_set(b, "call.auto-ring", "off");
	unsigned call = dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	assert_false(rings_back(a));
	must(phone_ring(b, &theirs, &failure), &failure);
	await(world, a, EVENT_RINGING);
	assert_true(rings_back(a));
	theirs = 0;
	must(phone_progress(b, &theirs, &failure), &failure);
	await(world, a, EVENT_MEDIA);
	assert_false(rings_back(a));
	must(phone_hangup(a, &call, &failure), &failure);
	await(world, a, EVENT_FAILED);
	assert_false(rings_back(a));
}

/* Ring, or the knock of one more while we talk; busy where somebody does not want to, the other one where it did not
 * work. */
static void each_moment_has_its_tone(void **state)
{
	static const struct { unsigned code; enum engine_tone tone; } refusals[] = {
		{ 486, TONE_BUSY }, { 603, TONE_BUSY }, { 480, TONE_ERROR },
	};
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned theirs = 0, all = ALL_CALLS;

	dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	assert_int_equal(b->tone, TONE_RING);
	must(phone_answer(b, &theirs, 0, &failure), &failure);
	await(world, b, EVENT_ANSWERED);
	assert_int_equal(b->tone, TONE_NONE);
	dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	assert_int_equal(b->tone, TONE_WAITING);
	must(phone_hangup(b, &all, &failure), &failure);
	await(world, a, EVENT_ENDED);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		unsigned call = dial(a, address_of(b, "bob"), NULL);
		await(world, b, EVENT_INCOMING);
		theirs = 0;
		must(phone_reject(b, &theirs, refusals[i].code, (struct slice){ 0 }, &failure), &failure);
		while (await(world, a, EVENT_FAILED)->call != call)
			continue;
		assert_int_equal(a->tone, refusals[i].tone);
		assert_int_equal(b->tone, TONE_NONE);
	}
}

static void which_call_is_meant(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned none = 0;

	assert_false(phone_answer(b, &none, 0, &failure));
	assert_string_equal(failure.reason, "no-such-call");
	assert_int_equal(failure.status, STATUS_CALL);
	assert_false(phone_hangup(b, &none, &failure));
	dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	dial(a, address_of(b, "bob"), NULL);
	const struct event *event = await(world, b, EVENT_INCOMING);
	assert_int_equal(event->call, 2);
	none = 0;
	assert_false(phone_answer(b, &none, 0, &failure));
	assert_string_equal(failure.reason, "ambiguous");
	assert_non_null(strstr(failure.text, "1, 2"));
	unsigned by_id = phone_find_call(b, slice_of(event_value(event, "id")));
	assert_int_equal(by_id, 2);
	must(phone_answer(b, &by_id, 0, &failure), &failure);
	none = 0;
	assert_false(phone_hold(b, (unsigned[]){ 1 }, &failure));
	assert_string_equal(failure.reason, "not-answered");
	must(phone_answer(b, &none, 0, &failure), &failure);
	assert_int_equal(none, 1);
}

static void early_media(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned none = 0;

	must_set(b, "call.auto-answer", "progress");
	unsigned call = dial(a, address_of(b, "bob"), NULL);
	const struct event *event = await(world, a, EVENT_EARLY_MEDIA);
	assert_string_equal(event_value(event, "codec"), "opus");
	await(world, a, EVENT_MEDIA);
	struct call_view view;
	assert_true(phone_view_call(a, call, &view));
	assert_int_equal(view.state, CALL_EARLY);
	must(phone_answer(b, &none, 0, &failure), &failure);
	await(world, a, EVENT_ANSWERED);
}

/* What an account says itself goes before what the phone says, for its calls alone. */
static void settings_of_an_account(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	const char *const bob[] = { "registrar=none", "call.auto-answer=on", "media.codecs=PCMA", NULL },
			  *const carol[] = { "registrar=none", NULL }, *const whole[] = { "sip.t1=1s", NULL };
	struct failure failure;
	struct call_view view;

	must(phone_account_add(b, SLICE("bob@biloxi.com"), bob, &failure), &failure);
	must(phone_account_add(b, SLICE("carol@biloxi.com"), carol, &failure), &failure);
	/* Its user names an account as long as no other has the same. */
	struct account_view found;
	assert_true(phone_view_account(b, SLICE("bob"), &found));
	assert_string_equal(found.name, "bob@biloxi.com");
	assert_false(phone_view_account(b, SLICE("bo"), &found));
	must(phone_account_add(b, SLICE("bob@other.com"), carol, &failure), &failure);
	assert_false(phone_view_account(b, SLICE("bob"), &found));
	must(phone_account_remove(b, SLICE("bob@other.com"), &failure), &failure);
	dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_ANSWERED);
	await(world, b, EVENT_ANSWERED);
	assert_true(phone_view_call(b, 1, &view));
	assert_string_equal(view.codec, "PCMA");
	dial(a, address_of(b, "carol"), NULL);
	await(world, a, EVENT_RINGING);
	assert_true(phone_view_call(b, 2, &view));
	assert_int_equal(view.state, CALL_INCOMING);
	assert_false(phone_account_set(b, SLICE("bob@biloxi.com"), whole, &failure));
	assert_non_null(strstr(failure.text, "counts for the whole phone"));
}

/* Every setting of these groups that does not belong to sockets or transactions: none is taken and then not read. */
static void an_account_has_settings_of_its_own(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	const char *const alice[] = { "registrar=none", "call.auto-hold=off", NULL },
			  *const bob[] = { "registrar=none",	   "call.auto-answer=on",   "call.max=1",
					   "media.ptime=40ms",	   "media.ports=31000-31998", "media.jitter-max=80ms",
					   "media.rtcp-mux=off",   NULL },
			  *const carol[] = { "registrar=none", "call.ring-timeout=5s", NULL };
	struct failure failure;
	struct call_view view;

	must(phone_account_add(a, SLICE("alice@atlanta.com"), alice, &failure), &failure);
	must(phone_account_add(b, SLICE("bob@biloxi.com"), bob, &failure), &failure);
	must(phone_account_add(b, SLICE("carol@biloxi.com"), carol, &failure), &failure);
	unsigned first = dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_ANSWERED);
	const struct call_media *media = &call_find(b, 1)->media;
	assert_int_equal(media->ptime_ms, 40);
	assert_in_range(address_port(&media->local), 31000, 31998);
	assert_int_equal(media->plan.config.jitter_min_ms, 10);
	assert_int_equal(media->plan.config.jitter_max_ms, 80);
	assert_false(media->rtcp_mux);
	/* Bob has one call at a time, carol has room; nobody was put on hold for her. */
	dial(a, address_of(b, "bob"), NULL);
	assert_string_equal(event_value(await(world, a, EVENT_FAILED), "code"), "486");
	dial(a, address_of(b, "carol"), NULL);
	await(world, a, EVENT_RINGING);
	assert_true(phone_view_call(a, first, &view));
	assert_false(view.held_by_us || view.to_be_held);
	/* Three minutes for others, five seconds for her. */
	int64_t before_us = a->timers->now_us;
	assert_string_equal(event_value(await(world, a, EVENT_FAILED), "code"), "480");
	assert_in_range(a->timers->now_us - before_us, 4 * SECOND_US, 7 * SECOND_US);
}

static size_t answered, ended;

static bool all_over(struct world *world)
{
	for (int i = 0; i < 2; i++)
		for (const struct event *event;
		     (event = events_next(phone_events(world->phones[i]), world->cursor[i][0])) != NULL;) {
			world->cursor[i][0] = event->number;
			if (i == 0 && event->kind == EVENT_ANSWERED) {
				struct failure failure;
				unsigned call = event->call;
				answered++;
				assert_true(phone_hangup(world->phones[0], &call, &failure));
			}
			ended += i == 1 && event->kind == EVENT_ENDED;
			if (i == 0 && event->kind == EVENT_FAILED)
				fail_msg("call %u failed", event->call);
		}
	return ended == 50;
}

static void fifty_at_once(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];

	answered = ended = 0;
	must_set(a, "call.max", "100");
	must_set(b, "call.max", "100");
	must_set(a, "call.auto-hold", "off");
	must_set(b, "call.auto-answer", "on");
	for (int i = 0; i < 50; i++)
		dial(a, address_of(b, "bob"), NULL);
	assert_true(world_run(world, all_over, 20 * SECOND_US));
	assert_int_equal(answered, 50);
}

static bool is_free(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof at);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Two pairs that no other program of this machine has. */
static void find_ports(char text[32])
{
	for (uint16_t low = 47000; low < 60000; low = (uint16_t)(low + 4)) {
		bool good = true;
		for (uint16_t i = 0; i < 4; i++)
			good = good && is_free((uint16_t)(low + i));
		snprintf(text, 32, "%u-%u", low, low + 3u);
		if (good)
			return;
	}
	fail_msg("no four ports are free");
}

static void the_ports_run_out(void **state)
{
	char ports[32];

	struct world *world = *state;
	struct phone *a = world_phone(world, 0, false);

	find_ports(ports);
	must_set(a, "media.ports", ports);
	must_set(a, "call.auto-hold", "off");
	for (int i = 0; i < 3; i++)
		dial(a, "echo", NULL);
	const struct event *event = await(world, a, EVENT_FAILED);
	assert_int_equal(event->call, 3);
	assert_non_null(strstr(event_value(event, "reason"), "media.ports"));
}

/* The encoders are less thorough under load: a script can wait for that, and for its end. */
static void a_busy_processor_is_an_event(void **state)
{
	struct phone *phone = world_phone(*state, 0, false);
	struct events *events = phone_events(phone);
	uint64_t before = events_last(events);
	struct buf line;

	buf_init(&line, 400);
	sound_told_busy(phone, 3);
	sound_told_busy(phone, ENGINE_COMPLEXITY_MOST);
	const struct event *event = events_next(events, before);
	assert_int_equal(event->kind, EVENT_BUSY);
	assert_int_equal(event->call, 0);
	assert_string_equal(event_value(event, "state"), "on");
	assert_string_equal(event_value(event, "complexity"), "3");
	event_sentence(event, &line);
	assert_true(slice_begins(buf_slice(&line), SLICE("the processor is busy: ")));
	event = events_next(events, event->number);
	assert_int_equal(event->kind, EVENT_BUSY);
	assert_string_equal(event_value(event, "state"), "off");
	buf_clear(&line);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "the processor has time again: what I say is encoded thoroughly");
	assert_null(events_next(events, event->number));
	buf_fini(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_echo_test, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_echo_is_heard, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_default_invite_fits_into_a_packet, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(ringing_answer_and_digits, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(hold_and_resume, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_second_call_holds_the_first, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_was_meant_last_is_what_happens, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_call_that_fails_gives_the_first_back, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(ringback_until_sound_comes, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(each_moment_has_its_tone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(which_call_is_meant, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(early_media, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_account_has_settings_of_its_own, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(settings_of_an_account, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(fifty_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_ports_run_out, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_busy_processor_is_an_event, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
