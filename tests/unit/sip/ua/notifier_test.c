#include "tests/unit/sip/ua/lab/lab.h"

#include "base/xmalloc.h"
#include "sip/ua/core.h"
#include "sip/ua/dialog.h"
#include "sip/ua/notifier.h"

/* The phone above: it takes every SUBSCRIBE and tells how often it was asked. */
struct desk {
	struct lab lab;
	struct notifier *notifier;
	struct dialog *dialog;
	unsigned asked, status, count;
	bool pending;
	uint32_t least;
};

static void on_state(void *arg, struct notifier *notifier, struct buf *body, struct slice *type)
{
	struct desk *desk = arg;

	(void)notifier;
	buf_printf(body, "state %u", ++desk->asked);
	*type = SLICE("text/plain");
}

static void on_ended(void *arg, struct notifier *notifier)
{
	struct desk *desk = arg;

	assert_ptr_equal(notifier, desk->notifier);
	desk->notifier = NULL;
	buf_printf(&desk->lab.said, "ended|");
}

static unsigned on_request(void *arg, struct server_transaction *st, struct sip_message *request,
			   const struct sip_source *source)
{
	struct desk *desk = arg;
	struct notifier_config config = { .identity = &desk->lab.alice,
					  .expires = 600,
					  .least = desk->least,
					  .pending = desk->pending,
					  .dialog = desk->dialog,
					  .handlers = { on_state, on_ended, desk } };

	(void)source;
	if (request->method == SIP_MESSAGE)
		return 415;
	if (request->method != SIP_SUBSCRIBE && request->method != SIP_REFER)
		return 481;
	struct notifier *notifier = notifier_accept(desk->lab.ua, st, request, &config, &desk->status);
	if (notifier) {
		desk->notifier = notifier;
		desk->count++;
	}
	return 0;
}

static int setup(void **state)
{
	struct desk *desk = xcalloc(1, sizeof *desk);

	lab_init(&desk->lab);
	desk->lab.ua->handlers.request = on_request;
	desk->lab.ua->handlers.accept = NULL;
	desk->lab.ua->handlers.arg = desk;
	ua_settings(desk->lab.ua)->events = "presence, dialog";
	*state = desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;

	lab_fini(&desk->lab);
	free(desk);
	return 0;
}

#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void subscribe(struct desk *desk, unsigned cseq, bool again, const char *lines)
{
	char *all = xasprintf("Event: presence\r\n%s", lines);

	lab_request(&desk->lab, "SUBSCRIBE", "s1", cseq, again, all, "");
	free(all);
}

static struct fake_packet *accepted(struct desk *desk)
{
	struct fake_packet *ok = lab_take(&desk->lab, "200");

	snprintf(desk->lab.invite_tag, sizeof desk->lab.invite_tag, "%.*s",
		 SLICE_ARG(sip_message_to(ok->message)->tag));
	return ok;
}

static void told(struct desk *desk, const char *state, const char *body)
{
	struct fake_packet *notify = lab_take(&desk->lab, "NOTIFY");

	lab_value(notify, SIP_HEADER_SUBSCRIPTION_STATE, state);
	lab_value(notify, SIP_HEADER_EVENT, "presence");
	lab_body(notify, body);
	lab_answer(&desk->lab, notify, 200, NULL, "", "");
}

static void it_tells_refreshes_and_ends(void **state)
{
	struct desk *desk = *state;
	struct lab *lab = &desk->lab;

	subscribe(desk, 1, false, "Expires: 300\r\n");
	struct fake_packet *ok = accepted(desk);
	lab_value(ok, SIP_HEADER_EXPIRES, "300");
	lab_has(ok, SIP_HEADER_CONTACT, "192.0.2.1");
	struct fake_packet *notify = lab_take(lab, "NOTIFY");
	lab_uri(notify, "sip:bob@192.0.2.9");
	lab_has(notify, SIP_HEADER_CONTACT, "192.0.2.1");
	lab_value(notify, SIP_HEADER_SUBSCRIPTION_STATE, "active;expires=300");
	lab_body(notify, "state 1");
	/* One at a time: what changes meanwhile is told once. */
	notifier_changed(desk->notifier);
	notifier_changed(desk->notifier);
	lab_quiet(lab);
	lab_answer(lab, notify, 200, NULL, "", "");
	told(desk, "active;expires=300", "state 2");
	lab_quiet(lab);
	lab_pass(lab, 100 * SECOND_US);
	subscribe(desk, 2, true, "Expires: 1000\r\n");
	lab_value(lab_take(lab, "200"), SIP_HEADER_EXPIRES, "600");
	told(desk, "active;expires=600", "state 3");
	subscribe(desk, 3, true, "Expires: 0\r\n");
	lab_value(lab_take(lab, "200"), SIP_HEADER_EXPIRES, "0");
	told(desk, "terminated;reason=timeout", "state 4");
	lab_said(lab, "ended|");
	lab_pass(lab, SECOND_US);
	subscribe(desk, 4, true, "Expires: 600\r\n");
	lab_take(lab, "481");
	assert_int_equal(lab->ua->dialogs.count, 0);
}

/* The NOTIFY that comes within two seconds, and no copy of it. */
static struct fake_packet *comes_again(struct lab *lab)
{
	struct fake_packet *notify = NULL;

	for (int i = 0; i < 200 && !notify; i++) {
		lab_pass(lab, 10 * MS_US);
		notify = fake_net_take(&lab->net);
	}
	assert_true(notify && fake_packet_is(notify, "NOTIFY"));
	return notify;
}

/* linphonec answers 491 while a re-INVITE of ours waits in the dialog. */
static void what_came_in_the_way_is_sent_again(void **state)
{
	struct desk *desk = *state;
	struct lab *lab = &desk->lab;

	subscribe(desk, 1, false, "Expires: 300\r\n");
	accepted(desk);
	lab_answer(lab, lab_take(lab, "NOTIFY"), 491, NULL, "", "");
	lab_quiet(lab);
	struct fake_packet *notify = comes_again(lab);
	lab_body(notify, "state 1");
	lab_answer(lab, notify, 200, NULL, "", "");
	/* What changes meanwhile goes at once, and takes its place. */
	notifier_changed(desk->notifier);
	lab_answer(lab, lab_take(lab, "NOTIFY"), 491, NULL, "", "");
	notifier_changed(desk->notifier);
	told(desk, "active;expires=299", "state 3");
	lab_pass(lab, 2 * SECOND_US);
	lab_quiet(lab);
	/* The last one too, though nobody can be asked any more; but not for ever. */
	notifier_end(desk->notifier, "noresource", 0);
	for (int i = 0; i < 5; i++) {
		notify = i ? comes_again(lab) : lab_take(lab, "NOTIFY");
		lab_value(notify, SIP_HEADER_SUBSCRIPTION_STATE, "terminated;reason=noresource");
		lab_body(notify, "state 4");
		lab_answer(lab, notify, 491, NULL, "", "");
	}
	lab_pass(lab, 5 * SECOND_US);
	lab_quiet(lab);
}

static void it_expires(void **state)
{
	struct desk *desk = *state;

	subscribe(desk, 1, false, "");
	lab_value(accepted(desk), SIP_HEADER_EXPIRES, "600");
	told(desk, "active;expires=600", "state 1");
	lab_pass(&desk->lab, 600 * SECOND_US);
	told(desk, "terminated;reason=timeout", "state 2");
	lab_said(&desk->lab, "ended|");
}

static void one_look_is_no_subscription(void **state)
{
	struct desk *desk = *state;

	subscribe(desk, 1, false, "Expires: 0\r\n");
	lab_value(accepted(desk), SIP_HEADER_EXPIRES, "0");
	told(desk, "terminated;reason=timeout", "state 1");
	assert_int_equal(desk->status, 200);
	assert_null(desk->notifier);
	lab_said(&desk->lab, "");
}

static void pending_until_it_is_allowed(void **state)
{
	struct desk *desk = *state;

	desk->pending = true;
	subscribe(desk, 1, false, "Expires: 300\r\n");
	accepted(desk);
	told(desk, "pending;expires=300", "state 1");
	notifier_activate(desk->notifier);
	told(desk, "active;expires=300", "state 2");
	notifier_end(desk->notifier, "rejected", 0);
	told(desk, "terminated;reason=rejected", "state 3");
	lab_said(&desk->lab, "");
	lab_quiet(&desk->lab);
}

/* The last one waits for its turn too, with the state as it was then; when all ends it does not wait. */
static void the_last_one_waits_for_the_one_before(void **state)
{
	struct desk *desk = *state;
	struct lab *lab = &desk->lab;

	subscribe(desk, 1, false, "Expires: 300\r\n");
	accepted(desk);
	struct fake_packet *first = lab_take(lab, "NOTIFY");
	lab_body(first, "state 1");
	notifier_end(desk->notifier, "noresource", 0);
	lab_quiet(lab);
	lab_answer(lab, first, 200, NULL, "", "");
	told(desk, "terminated;reason=noresource", "state 2");
	lab_said(lab, "");
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
}

static void it_ends_when_nobody_is_there(void **state)
{
	static const unsigned lost[] = { 404, 481, 489, 604 };
	struct desk *desk = *state;
	struct lab *lab = &desk->lab;

	for (unsigned i = 0; i < ARRAY_LEN(lost); i++) {
		char name[8];
		snprintf(name, sizeof name, "l%u", i);
		lab_request(lab, "SUBSCRIBE", name, 1, false, "Event: presence\r\n", "");
		lab_take(lab, "200");
		lab_answer(lab, lab_take(lab, "NOTIFY"), lost[i], NULL, "", "");
		lab_said(lab, "ended|");
	}
	subscribe(desk, 1, false, "");
	lab_take(lab, "200");
	lab_answer(lab, lab_take(lab, "NOTIFY"), 500, NULL, "", "");
	lab_said(lab, "");
	notifier_changed(desk->notifier);
	lab_take(lab, "NOTIFY");
	lab_pass(lab, 33 * SECOND_US);
	lab_said(lab, "ended|");
	while (fake_net_take(&lab->net))
		;
}

static void what_is_refused(void **state)
{
	struct desk *desk = *state;
	struct lab *lab = &desk->lab;

	lab_request(lab, "SUBSCRIBE", "r1", 1, false, "Event: kpml\r\n", "");
	lab_value(lab_take(lab, "489"), SIP_HEADER_ALLOW_EVENTS, "presence, dialog");
	/* RFC 6665 4.2.3 */
	lab_request(lab, "SUBSCRIBE", "r2", 1, false, "", "");
	lab_value(lab_take(lab, "489"), SIP_HEADER_ALLOW_EVENTS, "presence, dialog");
	desk->least = 60;
	lab_request(lab, "SUBSCRIBE", "r3", 1, false, "Event: dialog\r\nExpires: 10\r\n", "");
	lab_value(lab_take(lab, "423"), SIP_HEADER_MIN_EXPIRES, "60");
	lab_request(lab, "NOTIFY", "r4", 1, false, "Event: presence\r\nSubscription-State: active\r\n", "");
	lab_take(lab, "481");
	lab_request(lab, "MESSAGE", "r5", 1, false, "Content-Type: image/png\r\n", "x");
	lab_has(lab_take(lab, "415"), SIP_HEADER_ACCEPT, "text/plain");
	lab_request(lab, "OPTIONS", "r6", 1, false, "", "");
	lab_value(lab_take(lab, "200"), SIP_HEADER_ALLOW_EVENTS, "presence, dialog");
}

static void a_stranger_gets_a_quarter(void **state)
{
	struct desk *desk = *state;
	struct lab *lab = &desk->lab;

	ua_settings(lab->ua)->max_notifiers = 16;
	for (unsigned i = 0; i < 40; i++) {
		char name[8];
		snprintf(name, sizeof name, "q%u", i);
		lab_request(lab, "SUBSCRIBE", name, 1, false, "Event: presence\r\n", "");
		struct fake_packet *answer = fake_net_take(&lab->net);
		while (answer && answer->message->is_request)
			answer = fake_net_take(&lab->net);
		assert_int_equal(answer->message->status, i < 4 ? 200 : 503);
	}
	assert_int_equal(desk->count, 4);
	while (fake_net_take(&lab->net))
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(it_tells_refreshes_and_ends),  DESK_TEST(it_expires),
		DESK_TEST(what_came_in_the_way_is_sent_again),
		DESK_TEST(one_look_is_no_subscription),  DESK_TEST(pending_until_it_is_allowed),
		DESK_TEST(the_last_one_waits_for_the_one_before), DESK_TEST(what_is_refused),
		DESK_TEST(it_ends_when_nobody_is_there), DESK_TEST(what_is_refused),
		DESK_TEST(a_stranger_gets_a_quarter),
	};

	return cmocka_run_group_tests_name("sip/ua/notifier", tests, NULL, NULL);
}
