#include "tests/unit/sip/ua/lab/lab.h"

#include "sip/ua/publication.h"

static struct publication *theirs; /* freed by `failed` for good and by `removed` */

static void on_body(void *arg, struct buf *body)
{
	(void)arg;
	buf_printf(body, "state");
}

static void on_published(void *arg, uint32_t expires)
{
	buf_printf(&((struct lab *)arg)->said, "published %u|", expires);
}

static void on_failed(void *arg, const struct outcome *outcome, int64_t retry_us)
{
	buf_printf(&((struct lab *)arg)->said, "failed %u %lld|", outcome->status,
		   retry_us < 0 ? -1LL : (long long)(retry_us / SECOND_US));
	if (retry_us < 0)
		publication_free(theirs);
}

static void on_removed(void *arg, const struct outcome *outcome)
{
	buf_printf(&((struct lab *)arg)->said, "removed %u|", outcome->status);
	publication_free(theirs);
}

static struct publication *begin(struct lab *lab)
{
	enum err err;

	theirs = publication_new(
		lab->ua,
		&(struct publication_config){ .identity = &lab->alice,
					      .target = SLICE("sip:alice@192.0.2.50"),
					      .event = SLICE("presence"),
					      .content_type = SLICE("application/pidf+xml"),
					      .expires = 600,
					      .handlers = { on_body, on_published, on_failed, on_removed, lab } },
		&err);
	assert_non_null(theirs);
	assert_int_equal(err, ERR_NONE);
	return theirs;
}

static struct fake_packet *await(struct lab *lab, int64_t us)
{
	for (int64_t passed_us = 0; passed_us < us; passed_us += 400 * MS_US) {
		lab_pass(lab, 400 * MS_US);
		struct fake_packet *packet = fake_net_take(&lab->net);
		if (packet && packet->message) {
			assert_true(fake_packet_is(packet, "PUBLISH"));
			return packet;
		}
	}
	fail_msg("no PUBLISH was sent in time");
	return NULL;
}

static void refresh_change_removal(void **state)
{
	struct lab *lab = *state;
	struct publication *p = begin(lab);
	struct fake_packet *first = lab_take(lab, "PUBLISH");

	lab_value(first, SIP_HEADER_EVENT, "presence");
	lab_value(first, SIP_HEADER_EXPIRES, "600");
	assert_null(sip_message_header(first->message, SIP_HEADER_SIP_IF_MATCH, 0));
	lab_has_not(first, SIP_HEADER_CONTACT, "sip");
	lab_body(first, "state");
	/* What changes meanwhile goes after it. */
	publication_changed(p);
	lab_quiet(lab);
	lab_answer(lab, first, 200, "s", "SIP-ETag: one\r\nExpires: 300\r\n", "");
	struct fake_packet *changed = lab_take(lab, "PUBLISH");
	lab_value(changed, SIP_HEADER_SIP_IF_MATCH, "one");
	lab_body(changed, "state");
	lab_answer(lab, changed, 200, "s", "SIP-ETag: two\r\nExpires: 300\r\n", "");
	lab_said(lab, "published 300|published 300|");
	/* A refresh has no body. */
	lab_pass(lab, 254 * SECOND_US);
	lab_quiet(lab);
	struct fake_packet *refresh = await(lab, 20 * SECOND_US);
	lab_value(refresh, SIP_HEADER_SIP_IF_MATCH, "two");
	lab_body(refresh, "");
	lab_answer(lab, refresh, 200, "s", "SIP-ETag: three\r\nExpires: 300\r\n", "");
	lab_said(lab, "published 300|");
	publication_stop(p);
	struct fake_packet *last = lab_take(lab, "PUBLISH");
	lab_value(last, SIP_HEADER_SIP_IF_MATCH, "three");
	lab_value(last, SIP_HEADER_EXPIRES, "0");
	lab_body(last, "");
	lab_answer(lab, last, 200, "s", "", "");
	lab_said(lab, "removed 200|");
	lab_pass(lab, 3600 * SECOND_US);
	lab_quiet(lab);
}

static void forgotten_tags_and_short_times(void **state)
{
	struct lab *lab = *state;
	struct publication *p = begin(lab);

	struct fake_packet *brief = lab_take(lab, "PUBLISH");
	lab_answer(lab, brief, 423, "s", "Min-Expires: 1800\r\n", "");
	struct fake_packet *longer = lab_take(lab, "PUBLISH");
	assert_true(slice_eq(sip_message_value(longer->message, SIP_HEADER_CALL_ID),
			     sip_message_value(brief->message, SIP_HEADER_CALL_ID)));
	lab_value(longer, SIP_HEADER_CSEQ, "2 PUBLISH");
	lab_value(longer, SIP_HEADER_EXPIRES, "1800");
	lab_body(longer, "state");
	lab_answer(lab, longer, 200, "s", "SIP-ETag: one\r\nExpires: 1800\r\n", "");
	lab_said(lab, "published 1800|");
	lab_answer(lab, await(lab, 1700 * SECOND_US), 412, "s", "", "");
	struct fake_packet *anew = lab_take(lab, "PUBLISH");
	assert_null(sip_message_header(anew->message, SIP_HEADER_SIP_IF_MATCH, 0));
	lab_body(anew, "state");
	lab_answer(lab, anew, 200, "s", "SIP-ETag: two\r\nExpires: 1800\r\n", "");
	lab_said(lab, "published 1800|");
	/* A server that forgets each tag at once is not asked for ever. */
	unsigned sent = 0;
	publication_changed(p);
	for (int i = 0; i < 40; i++) {
		lab_pass(lab, 0);
		struct fake_packet *packet = fake_net_take(&lab->net);
		if (!packet)
			break;
		sent++;
		lab_answer(lab, packet, 412, "s", "", "");
	}
	assert_in_range(sent, 1, 5);
	lab_said(lab, "failed 412 30|");
	publication_free(p);
	ua_sweep(lab->ua);
}

static void refusals(void **state)
{
	struct lab *lab = *state;

	begin(lab);
	lab_answer(lab, lab_take(lab, "PUBLISH"), 489, "s", "", "");
	lab_said(lab, "failed 489 -1|");
	struct publication *p = begin(lab);
	lab_answer(lab, lab_take(lab, "PUBLISH"), 503, "s", "Retry-After: 90\r\n", "");
	lab_said(lab, "failed 503 90|");
	publication_changed(p);
	lab_quiet(lab);
	lab_pass(lab, 90 * SECOND_US);
	lab_answer(lab, lab_take(lab, "PUBLISH"), 200, "s", "SIP-ETag: one\r\nExpires: 600\r\n", "");
	lab_said(lab, "published 600|");
	publication_free(p);
	ua_sweep(lab->ua);
}

static void stopped_before_it_was_there(void **state)
{
	struct lab *lab = *state;
	struct publication *p = begin(lab);
	struct fake_packet *first = lab_take(lab, "PUBLISH");

	publication_stop(p);
	lab_quiet(lab);
	lab_answer(lab, first, 200, "s", "SIP-ETag: one\r\nExpires: 600\r\n", "");
	lab_answer(lab, lab_take(lab, "PUBLISH"), 200, "s", "", "");
	lab_said(lab, "published 600|removed 200|");
	/* The server refuses to remove it, or does not know it any more. */
	for (unsigned status = 403; status <= 412; status += 9) {
		p = begin(lab);
		lab_answer(lab, lab_take(lab, "PUBLISH"), 200, "s", "SIP-ETag: one\r\nExpires: 600\r\n", "");
		publication_stop(p);
		lab_answer(lab, lab_take(lab, "PUBLISH"), status, "s", "", "");
		lab_said(lab, status == 403 ? "published 600|removed 403|" : "published 600|removed 200|");
	}
	/* It never was. */
	p = begin(lab);
	first = lab_take(lab, "PUBLISH");
	publication_stop(p);
	lab_answer(lab, first, 403, "s", "", "");
	lab_said(lab, "removed 200|");
	/* It was, but nobody says under which tag it could be taken away: told once, and nothing is refreshed. */
	p = begin(lab);
	first = lab_take(lab, "PUBLISH");
	publication_stop(p);
	lab_answer(lab, first, 200, "s", "Expires: 600\r\n", "");
	lab_said(lab, "published 600|removed 200|");
	lab_pass(lab, 700 * SECOND_US);
	lab_quiet(lab);
	lab_said(lab, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(refresh_change_removal),
		LAB_TEST(forgotten_tags_and_short_times),
		LAB_TEST(refusals),
		LAB_TEST(stopped_before_it_was_there),
	};

	return cmocka_run_group_tests_name("sip/ua/publication", tests, NULL, NULL);
}
