/* Whole phones over loopback: what a call is dialled with, refusals and redirects, and dialling again. */
#include "base/xmalloc.h"
#include "tests/unit/phone/phone_fixture.h"

static void refused_and_redirected(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	struct buf out;
	unsigned theirs = 0;

	dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	must(phone_reject(b, &theirs, 0, (struct slice){ 0 }, &failure), &failure);
	const struct event *event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "code"), "486");
	assert_string_equal(event_value(event, "cause"), "response");
	await(world, b, EVENT_FAILED);
	buf_init(&out, 4096);
	assert_true(phone_why(a, (struct slice){ 0 }, &out, &failure));
	assert_non_null(strstr(buf_text(&out), "486 Busy Here"));

	dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	theirs = 0;
	must(phone_redirect(b, &theirs, SLICE("sip:carol@192.0.2.77"), &failure), &failure);
	event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "code"), "302");
	assert_string_equal(event_value(event, "target"), "sip:carol@192.0.2.77");
	buf_clear(&out);
	assert_true(phone_why(a, (struct slice){ 0 }, &out, &failure));
	assert_non_null(strstr(buf_text(&out), "sip:carol@192.0.2.77: `redial` calls that"));
	/* call.follow-redirect is ask: nobody was dialled, but one word does it. */
	unsigned again = 0;
	buf_clear(&out);
	must(phone_redial(a, 0, &again, &out, &failure), &failure);
	assert_non_null(strstr(buf_text(&out), "sip:carol@192.0.2.77"));
	buf_fini(&out);
}

/* The account of a call may be removed while it rings: what a 3xx names then is nobody's. */
static void redirected_without_its_account(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct call *call = call_new(phone, false);
	struct outcome outcome = { .status = 302, .reason = SLICE("Moved"), .cause = CAUSE_RESPONSE };
	struct sip_message *response;
	size_t used, offset;

	assert_int_equal(sip_message_parse(SLICE("SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n"
						 "From: <sip:x@y>;tag=a\r\nTo: <sip:b@y>;tag=b\r\nCall-ID: a\r\n"
						 "CSeq: 1 INVITE\r\nContact: <tel:+15550100>\r\n\r\n"),
					   SIP_DATAGRAM, &response, &used, &offset),
			 SCAN_OK);
	must_set(phone, "call.follow-redirect", "on");
	outcome.response = response;
	xreplace(&call->account_name, "work");
	call->target = xstrdup("bob");
	call->setup = xcalloc(1, sizeof *call->setup);
	call->setup->uri = xstrdup("sips:bob@biloxi.com");
	assert_false(call_redirect(call, &outcome));
	call_finish(call, false, &outcome, NULL);
	sip_message_unref(response);
}

/* Whoever lets a REFER be followed hears that it could not be, and so does who asked. */
static void a_transfer_that_cannot_be_dialled(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned request, number = 0;

	char *here = xstrdup(address_of(a, "alice"));
	must(phone_refer(b, slice_of(here), SLICE("sip:carol@192.0.2.77"), NULL, &request, &failure), &failure);
	await(world, a, EVENT_REFER);
	dial(a, address_of(b, "bob"), NULL);
	must_set(a, "call.max", "1");
	assert_false(phone_accept_transfer(a, &number, 0, &failure));
	assert_string_equal(failure.reason, "too-many-calls");
	for (const char *code = NULL; !code || strcmp(code, "503") != 0;)
		code = event_value(await(world, b, EVENT_REFER), "code");
	free(here);
}

static void take_row(void *arg, const struct history_row *row)
{
	const struct history_row **last = arg;

	*last = *last ? *last : row;
}

static void is_redialled_as(struct world *world, struct phone *phone, const char *word, const char *uri)
{
	const struct history_row *row = NULL;
	struct failure failure;
	unsigned call = 0;

	must(phone_redial(phone, 0, &call, NULL, &failure), &failure);
	await(world, phone, EVENT_RINGING);
	must(phone_hangup(phone, &call, &failure), &failure);
	await(world, phone, EVENT_FAILED);
	phone_history(phone, &(struct history_filter){ .match = uri }, take_row, &row);
	assert_non_null(row);
	assert_string_equal(row->uri, uri);
	assert_string_equal(row->dialled, word);
}

/* The history has the word and the address: both find the call, and either calls again. */
static void words_and_addresses_are_kept(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	const struct history_row *row = NULL;
	struct failure failure;
	struct buf line;

	must_set(a, "history.keep", "10");
	char *bob = strdup(address_of(b, "bob")), *ben = strdup(address_of(b, "ben"));
	must(phone_contact_add(a, SLICE("Bob"), slice_of(bob), "work", 0, &failure), &failure);
	unsigned call = dial(a, "Bob/work,,12#", NULL);
	await(world, a, EVENT_RINGING);
	must(phone_hangup(a, &call, &failure), &failure);
	await(world, a, EVENT_FAILED);
	phone_history(a, &(struct history_filter){ .match = "bob/work" }, take_row, &row);
	assert_non_null(row);
	assert_string_equal(row->name, "Bob");
	buf_init(&line, 1024);
	history_line(row, &line);
	assert_non_null(strstr(buf_text(&line), " as Bob/work,,12#\n"));
	buf_fini(&line);
	is_redialled_as(world, a, "Bob/work,,12#", bob);
	/* The contact has moved: the word that was meant as that address means it no more. */
	must(phone_contact_remove(a, SLICE("Bob"), &failure), &failure);
	is_redialled_as(world, a, bob, bob);
	/* A bare name is a contact's again, at another address: whoever has that name is called. */
	must(phone_contact_add(a, SLICE("Bob"), slice_of(bob), NULL, 0, &failure), &failure);
	call = dial(a, "Bob", NULL);
	await(world, a, EVENT_RINGING);
	must(phone_hangup(a, &call, &failure), &failure);
	await(world, a, EVENT_FAILED);
	must(phone_contact_remove(a, SLICE("Bob"), &failure), &failure);
	must(phone_contact_add(a, SLICE("Bob"), slice_of(ben), NULL, 0, &failure), &failure);
	is_redialled_as(world, a, "Bob", ben);
	free(bob);
	free(ben);
}

static void a_redirect_is_followed_when_asked(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned theirs = 0;
	char *other = strdup(address_of(b, "carol"));

	must_set(a, "call.follow-redirect", "on");
	unsigned call = dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	must(phone_redirect(b, &theirs, slice_of(other), &failure), &failure);
	const struct event *event = await(world, a, EVENT_REDIRECTED);
	assert_string_equal(event_value(event, "target"), other);
	assert_string_equal(event_value(event, "code"), "302");
	await(world, b, EVENT_INCOMING);
	theirs = 0;
	must(phone_answer(b, &theirs, 0, &failure), &failure);
	event = await(world, a, EVENT_ANSWERED);
	assert_int_equal(event->call, call);
	/* In a circle it ends. */
	must(phone_hangup(a, &call, &failure), &failure);
	await(world, a, EVENT_ENDED);
	dial(a, address_of(b, "bob"), NULL);
	await(world, b, EVENT_INCOMING);
	theirs = 0;
	must(phone_redirect(b, &theirs, slice_of(address_of(b, "bob")), &failure), &failure);
	event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "code"), "302");
	free(other);
}

static void cancelled(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned none = 0;

	dial(a, address_of(b, "bob"), NULL);
	await(world, a, EVENT_RINGING);
	must(phone_hangup(a, &none, &failure), &failure);
	const struct event *event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "code"), "487");
	event = await(world, b, EVENT_FAILED);
	assert_string_equal(event_value(event, "cause"), "cancelled");
	assert_non_null(strstr(event_value(event, "why"), "The caller gave up before it was answered."));
	struct buf out;
	buf_init(&out, 4096);
	assert_true(phone_show(b, SLICE("history"), SLICE("missed"), &out, &failure));
	assert_non_null(strstr(buf_text(&out), "missed"));
	buf_fini(&out);
}

static void note_row(void *arg, const struct history_row *row)
{
	buf_printf(arg, "%u %s\n", row->code, row->why);
}

/* Whatever code refuses a call: event, `why` and history say the same about it, and what it means. */
static void every_refusal_is_explained(void **state)
{
	struct world *world = *state;
	struct phone *a = world_phone(world, 0, true), *b = world_phone(world, 1, false);
	struct failure failure;
	struct buf out;
	unsigned codes = 0;

	for (unsigned code = 400; code < 700; code++) {
		/* Challenges without a challenge, and codes after which we ask otherwise, have tests of their own. */
		if (!sip_status_known(code) || code == 401 || code == 407 || code == 422)
			continue;
		dial(a, address_of(b, "bob"), NULL);
		await(world, b, EVENT_INCOMING);
		unsigned theirs = 0;
		must(phone_reject(b, &theirs, code, (struct slice){ 0 }, &failure), &failure);
		/* Who has refused knows it, and is told nothing of who called. */
		assert_non_null(strstr(event_value(await(world, b, EVENT_FAILED), "why"), "It was refused here."));
		const struct event *event = await(world, a, EVENT_FAILED);
		const char *why = event_value(event, "why");
		assert_int_equal(strtoul(event_value(event, "code"), NULL, 10), code);
		assert_non_null(why);
		assert_non_null(strstr(why, sip_status_sentence(code)));
		buf_init(&out, 65536);
		assert_true(phone_why(a, (struct slice){ 0 }, &out, &failure));
		assert_non_null(strstr(buf_text(&out), why));
		buf_clear(&out);
		phone_history(a, &(struct history_filter){ .kind = "failed" }, note_row, &out);
		char *row = xasprintf("%u %s\n", code, why);
		assert_memory_equal(buf_text(&out), row, strlen(row)); /* the newest first */
		free(row);
		buf_fini(&out);
		codes++;
	}
	assert_true(codes > 40);
}

static void nobody_there(void **state)
{
	struct world *world = *state;
	struct phone *a = world_phone(world, 0, false);
	struct failure failure;
	struct buf out;

	dial(a, "sip:nobody@127.0.0.1:9", NULL);
	const struct event *event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "cause"), "connect");
	buf_init(&out, 8192);
	assert_true(phone_why(a, SLICE("1"), &out, &failure));
	assert_non_null(strstr(buf_text(&out), "no way there, or nothing listens. Check the address"));
	buf_fini(&out);
}

static void too_many_and_unknown(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	const char *const options[] = { "registrar=none", NULL };
	struct failure failure;

	assert_true(phone_account_add(b, SLICE("bob@biloxi.com"), options, &failure));
	dial(a, address_of(b, "mallory"), NULL);
	const struct event *event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "code"), "404");
	must_set(b, "call.max", "1");
	dial(a, address_of(b, "bob"), NULL);
	event = await(world, b, EVENT_INCOMING);
	assert_string_equal(event_value(event, "account"), "bob@biloxi.com");
	dial(a, address_of(b, "bob"), NULL);
	event = await(world, a, EVENT_FAILED);
	assert_string_equal(event_value(event, "code"), "486");
	must_set(a, "call.max", "1");
	unsigned call;
	assert_false(phone_call(a, SLICE("echo"), NULL, &call, NULL, &failure));
	assert_string_equal(failure.reason, "too-many-calls");
}

/* Keys go where the packets go: not the host of the URI tells whether others read them, but maddr (RFC 3261 19.1.1). */
static void keys_are_for_the_hop_not_the_host(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct call_options options = { .encryption = "required" };

	dial(phone, "sip:bob@127.0.0.1;maddr=192.0.2.7", &options);
	const struct event *event = await(world, phone, EVENT_FAILED);
	assert_non_null(strstr(event_value(event, "reason"), "media.encryption-over-clear"));
}

static void options_and_offerless_calls(void **state)
{
	struct world *world = *state;
	two_phones(world);
	struct phone *a = world->phones[0], *b = world->phones[1];
	struct failure failure;
	unsigned request = 0;

	must(phone_options(a, slice_of(address_of(b, "bob")), NULL, &request, &failure), &failure);
	const struct event *event = await(world, a, EVENT_RESPONSE);
	assert_string_equal(event_value(event, "code"), "200");
	assert_string_equal(event_value(event, "request"), "1");
	assert_non_null(strstr(event_value(event, "allow"), "INVITE"));
	must_set(b, "call.auto-answer", "on");
	const char *const headers[] = { "Subject: lunch", "X-Note:hi", NULL };
	unsigned call = dial(a, address_of(b, "bob"), &(struct call_options){ .no_sdp = true, .headers = headers });
	await(world, a, EVENT_ANSWERED);
	await(world, a, EVENT_MEDIA);
	await(world, b, EVENT_MEDIA);
	char *codec = text_of(a, call, "call.codec");
	assert_string_equal(codec, "opus");
	free(codec);
	const char *const forged[] = { "Via: x", NULL };
	assert_false(phone_call(a, SLICE("echo"), &(struct call_options){ .headers = forged }, &call, NULL, &failure));
	assert_string_equal(failure.reason, "header");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(redirected_without_its_account, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_transfer_that_cannot_be_dialled, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(refused_and_redirected, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(words_and_addresses_are_kept, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_redirect_is_followed_when_asked, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(cancelled, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(every_refusal_is_explained, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(nobody_there, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(too_many_and_unknown, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(keys_are_for_the_hop_not_the_host, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(options_and_offerless_calls, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
