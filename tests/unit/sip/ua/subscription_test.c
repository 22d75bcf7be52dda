#include "tests/unit/sip/ua/lab/lab.h"

#include "base/xmalloc.h"
#include "sip/ua/dialog.h"
#include "sip/ua/session_internal.h"
#include "sip/ua/subscription.h"

/* What the NOTIFYs of a test are sent to: the last SUBSCRIBE or REFER. */
static struct {
	char call_id[64], tag[64];
	bool free_in_notify;
	unsigned refuse_with;
} peer;

static unsigned on_notify(void *arg, struct subscription *subscription, int branch, const struct sip_message *notify,
			  const struct package_state *state)
{
	struct lab *lab = arg;

	buf_printf(&lab->said, "notify %d %s %.*s|", branch, subscription_state_name(state->state),
		   SLICE_ARG(notify->body));
	if (peer.free_in_notify)
		subscription_free(subscription);
	return peer.refuse_with;
}

static void on_accepted(void *arg, struct subscription *subscription, const struct sip_message *response)
{
	(void)subscription;
	buf_printf(&((struct lab *)arg)->said, "accepted %u|", response->status);
}

static void on_ended(void *arg, struct subscription *subscription, const struct outcome *outcome, const char *reason,
		     int64_t retry_us)
{
	(void)subscription;
	buf_printf(&((struct lab *)arg)->said, "ended %u '%s' %lld|", outcome->status, reason,
		   retry_us < 0 ? -1LL : (long long)(retry_us / SECOND_US));
}

static struct subscription_config config_of(struct lab *lab)
{
	peer.free_in_notify = false;
	peer.refuse_with = 0;
	return (struct subscription_config){ .identity = &lab->alice,
					     .target = SLICE("sip:bob@192.0.2.9"),
					     .event = SLICE("presence"),
					     .accept = SLICE("application/pidf+xml"),
					     .expires = 600,
					     .keep = true,
					     .handlers = { on_accepted, on_notify, on_ended, lab } };
}

static struct subscription *begin(struct lab *lab, const struct subscription_config *config)
{
	enum err err;
	struct subscription *s = subscription_new(lab->ua, config, &err);

	assert_non_null(s);
	assert_int_equal(err, ERR_NONE);
	return s;
}

static void keep_peer(const struct fake_packet *request)
{
	snprintf(peer.call_id, sizeof peer.call_id, "%.*s", SLICE_ARG(sip_message_call_id(request->message)));
	snprintf(peer.tag, sizeof peer.tag, "%.*s", SLICE_ARG(sip_message_from(request->message)->tag));
}

static struct fake_packet *take(struct lab *lab)
{
	struct fake_packet *subscribe = lab_take(lab, "SUBSCRIBE");

	keep_peer(subscribe);
	return subscribe;
}

/* NOTIFY from the notifier with this tag; `lines` has Event and Subscription-State. */
static void notify_raw(struct lab *lab, const char *from_tag, unsigned cseq, const char *lines, const char *body)
{
	char *text = xasprintf("NOTIFY sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			       "192.0.2.9:5060;branch=z9hG4bKn%s%s%u\r\nMax-Forwards: 70\r\n"
			       "From: <sip:bob@192.0.2.9>;tag=%s\r\nTo: <sip:alice@192.0.2.1>;tag=%s\r\nCall-ID: "
			       "%s\r\nCSeq: %u NOTIFY\r\n" BOB_CONTACT "%sContent-Length: %zu\r\n\r\n%s",
			       from_tag, peer.call_id, cseq, from_tag, peer.tag, peer.call_id, cseq, lines,
			       strlen(body), body);

	lab_request_text(lab, text);
	free(text);
}

static void notify(struct lab *lab, const char *from_tag, unsigned cseq, const char *state, const char *body)
{
	char lines[256];

	snprintf(lines, sizeof lines, "Event: presence\r\nSubscription-State: %s\r\n", state);
	notify_raw(lab, from_tag, cseq, lines, body);
}

static void done(struct lab *lab, struct subscription *s)
{
	subscription_free(s);
	ua_sweep(lab->ua);
	lab_quiet(lab);
}

/* Until the next SUBSCRIBE, which must come within `us`. */
static struct fake_packet *await(struct lab *lab, int64_t us)
{
	for (int64_t passed_us = 0; passed_us < us; passed_us += 400 * MS_US) {
		lab_pass(lab, 400 * MS_US);
		struct fake_packet *packet = fake_net_take(&lab->net);
		if (packet && packet->message && packet->message->is_request) {
			assert_true(fake_packet_is(packet, "SUBSCRIBE"));
			return packet;
		}
	}
	fail_msg("no SUBSCRIBE was sent in time");
	return NULL;
}

static void it_subscribes_refreshes_and_unsubscribes(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);
	struct fake_packet *first = take(lab);

	lab_uri(first, "sip:bob@192.0.2.9");
	lab_value(first, SIP_HEADER_EVENT, "presence");
	lab_value(first, SIP_HEADER_EXPIRES, "600");
	lab_value(first, SIP_HEADER_ACCEPT, "application/pidf+xml");
	lab_has(first, SIP_HEADER_CONTACT, "192.0.2.1");
	lab_answer(lab, first, 200, "n", "Expires: 300\r\n" BOB_CONTACT, "");
	lab_said(lab, "accepted 200|");
	assert_int_equal(subscription_state(s), SUBSCRIPTION_WAITING);
	notify(lab, "n", 1, "pending;expires=300", "");
	lab_take(lab, "200");
	assert_int_equal(subscription_state(s), SUBSCRIPTION_PENDING);
	notify(lab, "n", 2, "active;expires=200", "here");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 pending |notify 0 active here|");
	assert_int_equal(subscription_left(s), 200);
	/* A number below is out of order, and changes nothing. */
	notify_raw(lab, "n", 0, "Event: presence\r\nSubscription-State: active;expires=2\r\n", "old");
	lab_take(lab, "500");
	struct fake_packet *second = await(lab, 182 * SECOND_US);
	assert_true(lab_cseq(second) > lab_cseq(first));
	lab_has(second, SIP_HEADER_TO, ";tag=n");
	lab_answer(lab, second, 200, "n", "Expires: 300\r\n", "");
	notify(lab, "n", 3, "active;expires=300", "again");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 active again|");
	subscription_stop(s);
	struct fake_packet *last = lab_take(lab, "SUBSCRIBE");
	lab_value(last, SIP_HEADER_EXPIRES, "0");
	lab_answer(lab, last, 200, "n", "Expires: 0\r\n", "");
	lab_said(lab, "");
	notify(lab, "n", 4, "terminated;reason=timeout", "bye");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 terminated bye|ended 200 'unsubscribed' -1|");
	assert_int_equal(subscription_state(s), SUBSCRIPTION_TERMINATED);
	lab_pass(lab, 3600 * SECOND_US);
	done(lab, s);
}

static void a_notify_may_come_before_the_2xx(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);
	struct fake_packet *first = take(lab);

	notify(lab, "n", 7, "active", "early");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 active early|");
	lab_answer(lab, first, 200, "n", "Expires: 100\r\n" BOB_CONTACT, "");
	lab_said(lab, "accepted 200|");
	assert_int_equal(subscription_left(s), 100);
	notify(lab, "n", 8, "active;expires=90", "");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 active |");
	done(lab, s);
}

static void one_dialog_or_many_as_the_package_says(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);

	lab_answer(lab, take(lab), 200, "n1", "Expires: 600\r\n" BOB_CONTACT, "");
	notify(lab, "n1", 1, "active;expires=600", "one");
	lab_take(lab, "200");
	notify(lab, "n2", 1, "active;expires=600", "two");
	lab_take(lab, "481");
	lab_said(lab, "accepted 200|notify 0 active one|");
	done(lab, s);

	config.forks = true;
	s = begin(lab, &config);
	lab_answer(lab, take(lab), 200, "n1", "Expires: 600\r\n" BOB_CONTACT, "");
	notify(lab, "n1", 1, "active;expires=600", "one");
	lab_take(lab, "200");
	notify(lab, "n2", 1, "active;expires=600", "two");
	lab_take(lab, "200");
	notify(lab, "n1", 2, "terminated;reason=noresource", "");
	lab_take(lab, "200");
	lab_said(lab, "accepted 200|notify 0 active one|notify 1 active two|notify 0 terminated |");
	/* After timer N it is too late for another. */
	lab_pass(lab, 33 * SECOND_US);
	notify(lab, "n3", 1, "active;expires=600", "three");
	lab_take(lab, "481");
	notify(lab, "n2", 2, "terminated;reason=noresource", "");
	lab_take(lab, "200");
	lab_said(lab, "notify 1 terminated |ended 200 'noresource' -1|");
	done(lab, s);
}

static void what_is_not_ours_gets_481(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);

	lab_answer(lab, take(lab), 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
	notify_raw(lab, "n", 1, "Event: dialog\r\nSubscription-State: active\r\n", "");
	lab_take(lab, "481");
	notify_raw(lab, "n", 2, "Event: presence;id=7\r\nSubscription-State: active\r\n", "");
	lab_take(lab, "481");
	notify(lab, "n", 3, "active;expires=600", "");
	lab_take(lab, "200");
	notify_raw(lab, "n", 4, "Event: dialog\r\nSubscription-State: active\r\n", "");
	lab_take(lab, "481");
	notify_raw(lab, "n", 5, "Event: presence\r\n", "");
	lab_take(lab, "400");
	peer.refuse_with = 415;
	notify(lab, "n", 6, "active;expires=600", "?");
	lab_take(lab, "415");
	lab_said(lab, "accepted 200|notify 0 active |notify 0 active ?|");
	done(lab, s);
	notify(lab, "n", 7, "active", "");
	lab_take(lab, "481");
}

static void reasons(void **state)
{
	static const struct {
		const char *state, *said;
		int64_t least_s; /* until the next SUBSCRIBE; -1: none comes */
	} cases[] = {
		{ "terminated;reason=deactivated", "ended 200 'deactivated' 0|", 0 },
		{ "terminated;reason=timeout", "ended 200 'timeout' 0|", 0 },
		{ "terminated;reason=probation;retry-after=120", "ended 200 'probation' 120|", 120 },
		{ "terminated;reason=giveup;retry-after=200", "ended 200 'giveup' 200|", 200 },
		{ "terminated;reason=rejected", "ended 200 'rejected' -1|", -1 },
		{ "terminated;reason=noresource", "ended 200 'noresource' -1|", -1 },
		{ "terminated;reason=invariant;retry-after=1", "ended 200 'invariant' -1|", -1 },
		{ "terminated;retry-after=300", "ended 200 '' 300|", 300 },
		{ "terminated;retry-after=4000000000", "ended 200 '' 3600|", 3600 },
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct subscription_config config = config_of(lab);
		struct subscription *s = begin(lab, &config);
		lab_answer(lab, take(lab), 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
		notify(lab, "n", 1, cases[i].state, "");
		lab_take(lab, "200");
		char *said = xasprintf("accepted 200|notify 0 terminated |%s", cases[i].said);
		lab_said(lab, said);
		free(said);
		if (cases[i].least_s > 0) {
			lab_pass(lab, cases[i].least_s * SECOND_US - MS_US);
			lab_quiet(lab);
			lab_pass(lab, MS_US);
		}
		if (cases[i].least_s < 0) {
			lab_pass(lab, 7200 * SECOND_US);
			lab_quiet(lab);
		} else {
			char call_id[64];
			snprintf(call_id, sizeof call_id, "%s", peer.call_id);
			lab_answer(lab, take(lab), 481, "n", "", "");
			/* An unrelated one (4.1.2.2). */
			assert_string_not_equal(call_id, peer.call_id);
			lab_said(lab, "ended 481 'refused' -1|");
		}
		done(lab, s);
	}
}

static void who_ends_it_at_once_does_not_keep_us_busy(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);
	unsigned sent = 0;

	for (int64_t second = 0; second < 3600; second++) {
		struct fake_packet *packet;
		lab_pass(lab, SECOND_US);
		while ((packet = fake_net_take(&lab->net)) != NULL) {
			if (!fake_packet_is(packet, "SUBSCRIBE"))
				continue;
			sent++;
			keep_peer(packet);
			lab_answer(lab, packet, 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
			notify(lab, "n", 1, "terminated;reason=deactivated", "");
		}
	}
	assert_in_range(sent, 3, 12);
	buf_clear(&lab->said);
	done(lab, s);
}

static void a_2xx_without_notify_is_no_subscription(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);
	unsigned sent = 0;

	lab_answer(lab, take(lab), 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
	lab_pass(lab, 31 * SECOND_US);
	lab_said(lab, "accepted 200|");
	lab_pass(lab, 2 * SECOND_US);
	assert_non_null(strstr(buf_text(&lab->said), "ended 408 'silent' 3"));
	for (int64_t second = 0; second < 4 * 3600; second++) {
		struct fake_packet *packet;
		lab_pass(lab, SECOND_US);
		while ((packet = fake_net_take(&lab->net)) != NULL) {
			sent++;
			lab_answer(lab, packet, 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
		}
	}
	/* Every five minutes, then ever less often. */
	assert_in_range(sent, 4, 8);
	buf_clear(&lab->said);
	done(lab, s);
}

static void refusals(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);

	/* 423: for longer, at once: the same request with the next number (RFC 3261 8.1.3.5). */
	struct fake_packet *brief = take(lab);
	lab_answer(lab, brief, 423, "n", "Min-Expires: 1800\r\n", "");
	struct fake_packet *again = take(lab);
	assert_true(slice_eq(sip_message_value(again->message, SIP_HEADER_CALL_ID),
			     sip_message_value(brief->message, SIP_HEADER_CALL_ID)));
	assert_true(slice_eq(sip_message_value(again->message, SIP_HEADER_FROM),
			     sip_message_value(brief->message, SIP_HEADER_FROM)));
	lab_value(again, SIP_HEADER_CSEQ, "2 SUBSCRIBE");
	lab_value(again, SIP_HEADER_EXPIRES, "1800");
	lab_answer(lab, again, 489, "n", "Allow-Events: dialog\r\n", "");
	lab_said(lab, "ended 489 'refused' -1|");
	done(lab, s);
	s = begin(lab, &config);
	lab_answer(lab, take(lab), 503, "n", "Retry-After: 90\r\n", "");
	lab_said(lab, "ended 503 'refused' 90|");
	lab_pass(lab, 90 * SECOND_US);
	take(lab);
	/* Nobody answers at all. */
	lab_pass(lab, 40 * SECOND_US);
	assert_non_null(strstr(buf_text(&lab->said), "ended 408 'refused' "));
	buf_clear(&lab->said);
	while (fake_net_take(&lab->net))
		;
	done(lab, s);
}

static void a_refresh_may_fail(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);

	lab_answer(lab, take(lab), 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
	notify(lab, "n", 1, "active;expires=600", "");
	lab_take(lab, "200");
	lab_said(lab, "accepted 200|notify 0 active |");
	/* 500 leaves it standing, and there is time for another try; 481 ends it, and another is made. */
	lab_answer(lab, await(lab, 560 * SECOND_US), 500, "n", "", "");
	lab_said(lab, "");
	lab_answer(lab, await(lab, 60 * SECOND_US), 481, "n", "", "");
	lab_said(lab, "ended 481 'refused' 0|");
	struct fake_packet *next = take(lab);
	lab_has_not(next, SIP_HEADER_TO, ";tag=");
	lab_answer(lab, next, 200, "m", "Expires: 600\r\n" BOB_CONTACT, "");
	notify(lab, "m", 1, "active;expires=600", "");
	lab_take(lab, "200");
	/* A refresh that gets 200 but no NOTIFY (timer N). */
	lab_said(lab, "accepted 200|notify 0 active |");
	lab_answer(lab, await(lab, 560 * SECOND_US), 200, "m", "Expires: 600\r\n", "");
	lab_pass(lab, 31 * SECOND_US);
	lab_said(lab, "");
	lab_pass(lab, 2 * SECOND_US);
	lab_said(lab, "ended 408 'silent' 0|");
	take(lab);
	fake_net_take(&lab->net); /* once more */
	done(lab, s);
}

static void a_short_one_is_refreshed_in_its_dialog(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);

	lab_answer(lab, take(lab), 200, "n", "Expires: 3\r\n" BOB_CONTACT, "");
	notify(lab, "n", 1, "active;expires=3", "");
	lab_take(lab, "200");
	lab_said(lab, "accepted 200|notify 0 active |");
	struct fake_packet *second = await(lab, 2500 * MS_US);
	lab_has(second, SIP_HEADER_TO, ";tag=n");
	lab_answer(lab, second, 200, "n", "Expires: 3\r\n", "");
	notify(lab, "n", 2, "active;expires=3", "");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 active |");
	done(lab, s);
}

/* Refreshes too wait as long as the notifier wants, while what stands lasts so long. */
static void a_refresh_is_tried_again_when_it_may_be(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);

	lab_answer(lab, take(lab), 200, "n", "Expires: 6000\r\n" BOB_CONTACT, "");
	notify(lab, "n", 1, "active;expires=6000", "");
	lab_take(lab, "200");
	/* Between 600 and 900 s are left: half of it would be sooner. */
	lab_answer(lab, await(lab, 5400 * SECOND_US), 503, "n", "Retry-After: 500\r\n", "");
	lab_pass(lab, 499 * SECOND_US);
	lab_quiet(lab);
	lab_pass(lab, 1100 * MS_US);
	lab_value(take(lab), SIP_HEADER_EVENT, "presence");
	done(lab, s);
}

static void stopping_before_anything_came(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);
	struct fake_packet *first = take(lab);

	subscription_stop(s);
	lab_quiet(lab);
	lab_answer(lab, first, 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
	notify(lab, "n", 1, "active;expires=600", "x");
	lab_take(lab, "200");
	struct fake_packet *last = lab_take(lab, "SUBSCRIBE");
	lab_value(last, SIP_HEADER_EXPIRES, "0");
	lab_answer(lab, last, 481, "n", "", "");
	lab_said(lab, "accepted 200|notify 0 active x|ended 481 'unsubscribed' -1|");
	done(lab, s);
}

/* Accepted by a NOTIFY without a time; then the answer is a refusal: of another fork, or the 2xx was lost. */
static void a_notify_before_a_refusal(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);
	struct subscription *s = begin(lab, &config);
	struct fake_packet *first = take(lab);

	notify(lab, "n", 7, "pending", "");
	lab_take(lab, "200");
	lab_answer(lab, first, 403, "n", "", "");
	lab_said(lab, "notify 0 pending |");
	assert_in_range(subscription_left(s), 1, 3600);
	done(lab, s);

	s = begin(lab, &config);
	first = take(lab);
	notify(lab, "n", 7, "pending", "");
	lab_take(lab, "200");
	subscription_stop(s);
	lab_quiet(lab);
	lab_answer(lab, first, 403, "n", "", "");
	struct fake_packet *last = lab_take(lab, "SUBSCRIBE");
	lab_value(last, SIP_HEADER_EXPIRES, "0");
	lab_answer(lab, last, 481, "n", "", "");
	lab_said(lab, "notify 0 pending |ended 481 'unsubscribed' -1|");
	done(lab, s);
}

static void it_may_be_freed_in_its_handler(void **state)
{
	struct lab *lab = *state;
	struct subscription_config config = config_of(lab);

	begin(lab, &config);
	lab_answer(lab, take(lab), 200, "n", "Expires: 600\r\n" BOB_CONTACT, "");
	peer.free_in_notify = true;
	notify(lab, "n", 1, "active;expires=600", "x");
	lab_take(lab, "200");
	lab_said(lab, "accepted 200|notify 0 active x|");
	done(lab, NULL);
}

static struct subscription_config refer_config(struct lab *lab, struct dialog *dialog, const struct extra_header *to)
{
	struct subscription_config config = config_of(lab);

	config.method = SLICE("REFER");
	config.event = SLICE("refer");
	config.accept = SLICE("");
	config.expires = 0;
	config.extra = to;
	config.extra_count = 1;
	config.dialog = dialog;
	return config;
}

static void refer_inside_a_call_outlives_it(void **state)
{
	static const struct extra_header to = { SLICE_INIT("Refer-To"), SLICE_INIT("<sip:carol@192.0.2.30>") };
	struct lab *lab = *state;

	lab_call_up(lab);
	struct subscription_config config = refer_config(lab, lab->session->leg->dialog, &to);
	struct subscription *s = begin(lab, &config);
	struct fake_packet *refer = lab_take(lab, "REFER");
	lab_value(refer, SIP_HEADER_REFER_TO, "<sip:carol@192.0.2.30>");
	lab_has(refer, SIP_HEADER_TO, ";tag=b");
	keep_peer(refer);
	/* Its NOTIFY may overtake the 202. */
	notify_raw(lab, "b", 1, "Event: refer\r\nSubscription-State: active;expires=60\r\n", "SIP/2.0 100 Trying");
	lab_take(lab, "200");
	lab_answer(lab, refer, 202, "b", BOB_CONTACT, "");
	lab_said(lab, "notify 0 active SIP/2.0 100 Trying|accepted 202|");
	session_hangup(lab->session, slice_of(NULL));
	lab_answer(lab, lab_take(lab, "BYE"), 200, "b", "", "");
	lab_said(lab, "ended us 200 none|");
	lab_pass(lab, 40 * SECOND_US);
	lab_quiet(lab);
	char lines[128];
	snprintf(lines, sizeof lines, "Event: refer;id=%u\r\nSubscription-State: terminated;reason=noresource\r\n",
		 lab_cseq(refer));
	notify_raw(lab, "b", 2, lines, "SIP/2.0 200 OK");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 terminated SIP/2.0 200 OK|ended 200 'noresource' -1|");
	done(lab, s);
	/* The dialog went with it. */
	notify_raw(lab, "b", 3, lines, "");
	lab_take(lab, "481");
}

static void two_refers_in_a_call_are_told_apart(void **state)
{
	static const struct extra_header to = { SLICE_INIT("Refer-To"), SLICE_INIT("<sip:carol@192.0.2.30>") };
	struct lab *lab = *state;

	lab_call_up(lab);
	struct subscription_config config = refer_config(lab, lab->session->leg->dialog, &to);
	struct subscription *s1 = begin(lab, &config);
	struct fake_packet *first = lab_take(lab, "REFER");
	keep_peer(first);
	lab_answer(lab, first, 202, "b", BOB_CONTACT, "");
	struct subscription *s2 = begin(lab, &config);
	struct fake_packet *second = lab_take(lab, "REFER");
	lab_answer(lab, second, 202, "b", "Refer-Sub: false\r\n" BOB_CONTACT, "");
	lab_said(lab, "accepted 202|accepted 202|ended 202 'norefersub' -1|");
	notify_raw(lab, "b", 1, "Event: refer\r\nSubscription-State: active;expires=60\r\n", "1");
	lab_take(lab, "200");
	lab_said(lab, "notify 0 active 1|");
	subscription_free(s2);
	subscription_free(s1);
}

/* Who promises news of a transfer for a year and says nothing keeps nobody waiting: ten minutes after each NOTIFY. */
static void what_a_refer_made_does_not_last_for_ever(void **state)
{
	static const struct extra_header to = { SLICE_INIT("Refer-To"), SLICE_INIT("<sip:carol@192.0.2.30>") };
	static const char lasts[] = "Event: refer\r\nSubscription-State: active;expires=31536000\r\n";
	struct lab *lab = *state;

	lab_call_up(lab);
	struct subscription_config config = refer_config(lab, lab->session->leg->dialog, &to);
	struct subscription *s = begin(lab, &config);
	struct fake_packet *refer = lab_take(lab, "REFER");
	keep_peer(refer);
	lab_answer(lab, refer, 202, "b", "Expires: 31536000\r\n" BOB_CONTACT, "");
	notify_raw(lab, "b", 1, lasts, "1");
	lab_take(lab, "200");
	lab_pass(lab, 599 * SECOND_US);
	notify_raw(lab, "b", 2, lasts, "2");
	lab_take(lab, "200");
	lab_pass(lab, 599 * SECOND_US);
	lab_said(lab, "accepted 202|notify 0 active 1|notify 0 active 2|");
	lab_pass(lab, 2 * SECOND_US);
	lab_said(lab, "ended 408 'expired' -1|");
	done(lab, s);
}

/* RFC 3515 2.4.4, 2.4.6: it is a SUBSCRIBE to the event, by the id that the NOTIFYs have. */
static void what_a_refer_made_is_unsubscribed(void **state)
{
	static const struct extra_header to = { SLICE_INIT("Refer-To"), SLICE_INIT("<sip:carol@192.0.2.30>") };
	struct lab *lab = *state;
	char lines[128], event[32];

	lab_call_up(lab);
	for (int named = 0; named < 2; named++) {
		struct subscription_config config = refer_config(lab, lab->session->leg->dialog, &to);
		struct subscription *s = begin(lab, &config);
		struct fake_packet *refer = lab_take(lab, "REFER");
		keep_peer(refer);
		lab_answer(lab, refer, 202, "b", BOB_CONTACT, "");
		snprintf(event, sizeof event, named ? "refer;id=%u" : "refer", lab_cseq(refer));
		snprintf(lines, sizeof lines, "Event: %s\r\nSubscription-State: active;expires=60\r\n", event);
		notify_raw(lab, "b", 1 + (unsigned)named, lines, "SIP/2.0 100 Trying");
		lab_take(lab, "200");
		subscription_stop(s);
		struct fake_packet *subscribe = lab_take(lab, "SUBSCRIBE");
		lab_value(subscribe, SIP_HEADER_EVENT, event);
		lab_value(subscribe, SIP_HEADER_EXPIRES, "0");
		assert_null(sip_message_header(subscribe->message, SIP_HEADER_REFER_TO, 0));
		lab_answer(lab, subscribe, 200, "b", "Expires: 0\r\n" BOB_CONTACT, "");
		lab_said(lab, "accepted 202|notify 0 active SIP/2.0 100 Trying|");
		done(lab, s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(what_a_refer_made_does_not_last_for_ever),
		LAB_TEST(it_subscribes_refreshes_and_unsubscribes),
		LAB_TEST(a_notify_may_come_before_the_2xx),
		LAB_TEST(one_dialog_or_many_as_the_package_says),
		LAB_TEST(what_is_not_ours_gets_481),
		LAB_TEST(reasons),
		LAB_TEST(who_ends_it_at_once_does_not_keep_us_busy),
		LAB_TEST(a_2xx_without_notify_is_no_subscription),
		LAB_TEST(refusals),
		LAB_TEST(a_refresh_may_fail),
		LAB_TEST(a_short_one_is_refreshed_in_its_dialog),
		LAB_TEST(a_refresh_is_tried_again_when_it_may_be),
		LAB_TEST(stopping_before_anything_came),
		LAB_TEST(a_notify_before_a_refusal),
		LAB_TEST(it_may_be_freed_in_its_handler),
		LAB_TEST(refer_inside_a_call_outlives_it),
		LAB_TEST(two_refers_in_a_call_are_told_apart),
		LAB_TEST(what_a_refer_made_is_unsubscribed),
	};

	return cmocka_run_group_tests_name("sip/ua/subscription", tests, NULL, NULL);
}
