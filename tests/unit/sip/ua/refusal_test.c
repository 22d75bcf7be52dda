/* What a refusal of RFC 3261 21.4 and its extensions makes a user agent client do: once more in another form where
 * there is one (8.1.3.5), else the end. */
#include "tests/unit/sip/ua/lab/lab.h"

struct asked {
	int finals;
	unsigned status;
};

static void on_outcome(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct asked *asked = arg;

	(void)request;
	asked->finals += final;
	asked->status = outcome->status;
}

static struct fake_packet *ask(struct lab *lab, struct asked *asked, const char *target, const char *type)
{
	struct request_config config = { .identity = &lab->alice,
					 .method = SLICE("MESSAGE"),
					 .target = slice_of(target),
					 .content_type = slice_of(type),
					 .body = SLICE("hello"),
					 .handler = on_outcome,
					 .arg = asked };
	enum err err;

	*asked = (struct asked){ 0 };
	assert_non_null(ua_request(lab->ua, &config, &err));
	return lab_take(lab, "MESSAGE");
}

static void is_over(struct lab *lab, const struct asked *asked, unsigned status)
{
	assert_int_equal(asked->finals, 1);
	assert_int_equal(asked->status, status);
	lab_quiet(lab);
}

/* The next attempt: a new transaction of the same call and sender. */
static struct fake_packet *again(struct lab *lab, const struct fake_packet *before)
{
	struct slice method = before->message->method_name;
	char name[32];

	snprintf(name, sizeof name, "%.*s", SLICE_ARG(method));
	struct fake_packet *packet = lab_take(lab, name);
	assert_int_equal(lab_cseq(packet), lab_cseq(before) + 1);
	assert_true(slice_eq(fake_packet_value(packet, SIP_HEADER_CALL_ID, 0),
			     fake_packet_value(before, SIP_HEADER_CALL_ID, 0)));
	assert_true(slice_eq(fake_packet_value(packet, SIP_HEADER_FROM, 0),
			     fake_packet_value(before, SIP_HEADER_FROM, 0)));
	assert_true(slice_eq(fake_packet_value(packet, SIP_HEADER_TO, 0),
			     fake_packet_value(before, SIP_HEADER_TO, 0)));
	return packet;
}

/* With all that a refusal can ask for, as far as there is nothing in it that we could do. */
static const char *const wishes =
	"Accept: application/x-other\r\nAllow: OPTIONS\r\nUnsupported: x-other\r\nRequire: 100rel\r\n"
	"Retry-After: 1\r\nMin-Expires: 7200\r\nContact: <sip:carol@192.0.2.20>\r\n";

static void all_others_are_the_end(void **state)
{
	struct lab *lab = *state;
	struct asked asked;

	for (unsigned status = 400; status < 500; status++) {
		lab_answer(lab, ask(lab, &asked, "sip:bob@192.0.2.9", "text/plain"), status, "b", wishes, "");
		lab_pass(lab, 60 * SECOND_US);
		is_over(lab, &asked, status);
		lab_call(lab, NULL, "o1");
		lab_answer(lab, lab_take(lab, "INVITE"), status, "b", wishes, "");
		lab_take(lab, "ACK");
		lab_pass(lab, 60 * SECOND_US);
		lab_quiet(lab);
		char said[64];
		snprintf(said, sizeof said, "failed %u %s|", status,
			 status == 401 || status == 407 ? "auth" : "response");
		lab_said(lab, said);
	}
}

/* 415: text is UTF-8 with or without saying so. */
static void text_without_its_charset(void **state)
{
	static const struct {
		const char *type, *lines, *then;
	} rows[] = {
		{ "text/plain;charset=UTF-8", "Accept: text/plain\r\n", "text/plain" },
		{ "text/plain; charset=utf-8", "", "text/plain" },
		{ "text/plain;charset=UTF-8", "Accept: text/*;q=0.1\r\n", "text/plain" },
		{ "text/plain;charset=UTF-8", "Accept: text/html, text/plain;q=0\r\n", NULL },
		{ "text/plain;charset=ISO-8859-1", "Accept: text/plain\r\n", NULL },
		{ "text/plain;charset=UTF-8;format=flowed", "Accept: text/plain\r\n", NULL },
		{ "application/xml;charset=UTF-8", "Accept: application/xml\r\n", NULL },
		{ "text/plain", "Accept: text/plain\r\n", NULL },
	};
	struct lab *lab = *state;
	struct asked asked;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake_packet *packet = ask(lab, &asked, "sip:bob@192.0.2.9", rows[i].type);
		lab_value(packet, SIP_HEADER_CONTENT_TYPE, rows[i].type);
		lab_answer(lab, packet, 415, "b", rows[i].lines, "");
		if (rows[i].then) {
			packet = again(lab, packet);
			lab_value(packet, SIP_HEADER_CONTENT_TYPE, rows[i].then);
			lab_body(packet, "hello");
			lab_answer(lab, packet, 415, "b", rows[i].lines, "");
		}
		is_over(lab, &asked, 415);
	}
}

/* 416: a number of the telephone network is one of our domain too. An address is not made less safe. */
static void a_number_as_a_sip_address(void **state)
{
	static const char *const routes[] = { "<sip:192.0.2.31;lr>", NULL };
	static const char *const safe[] = { "<sips:192.0.2.31;lr>", NULL };
	struct lab *lab = *state;
	struct asked asked;

	lab->alice.routes = routes;
	struct fake_packet *packet = ask(lab, &asked, "tel:+49-30-123;ext=5", "text/plain");
	lab_uri(packet, "tel:+49-30-123;ext=5");
	lab_answer(lab, packet, 416, "b", "", "");
	packet = again(lab, packet);
	lab_uri(packet, "sip:+49-30-123;ext=5@192.0.2.1;user=phone");
	lab_value(packet, SIP_HEADER_ROUTE, "<sip:192.0.2.31;lr>");
	lab_answer(lab, packet, 416, "b", "", "");
	is_over(lab, &asked, 416);
	lab_call(lab, "tel:110;phone-context=+49", "o1");
	packet = lab_take(lab, "INVITE");
	lab_answer(lab, packet, 416, "b", "", "");
	lab_take(lab, "ACK");
	packet = again(lab, packet);
	lab_uri(packet, "sip:110;phone-context=+49@192.0.2.1;user=phone");
	lab_body(packet, "o1");
	lab_answer(lab, packet, 486, "b", "", "");
	lab_take(lab, "ACK");
	lab_said(lab, "failed 486 response|");
	/* Where the account is a sips one, so is the number. */
	lab->alice.uri = "sips:alice@192.0.2.1";
	lab->alice.routes = safe;
	packet = ask(lab, &asked, "tel:+4930", "text/plain");
	lab_answer(lab, packet, 416, "b", "", "");
	packet = again(lab, packet);
	lab_uri(packet, "sips:+4930@192.0.2.1;user=phone");
	lab_answer(lab, packet, 200, "b", "", "");
	is_over(lab, &asked, 200);
	packet = ask(lab, &asked, "sips:bob@192.0.2.9", "text/plain");
	lab_answer(lab, packet, 416, "b", "", "");
	is_over(lab, &asked, 416);
}

/* 420: what is only said to be known is not said again; what is required stays so. */
static void fewer_claims(void **state)
{
	struct lab *lab = *state;

	struct session_options options = { .reliable = RELIABLE_SUPPORTED, .timer = TIMER_OPTIONAL };
	struct call_config config = { .identity = &lab->alice,
				      .target = SLICE("sip:bob@192.0.2.9"),
				      .offer = SLICE("o1"),
				      .options = &options,
				      .handlers = lab->session_handlers };
	enum err err;

	lab->session = session_call(lab->ua, &config, &err);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_has(invite, SIP_HEADER_SUPPORTED, "timer");
	lab_answer(lab, invite, 420, "b", "Unsupported: timer, 199\r\n", "");
	lab_take(lab, "ACK");
	invite = again(lab, invite);
	lab_has_not(invite, SIP_HEADER_SUPPORTED, "timer");
	lab_has_not(invite, SIP_HEADER_SUPPORTED, "199");
	lab_has(invite, SIP_HEADER_SUPPORTED, "100rel, replaces");
	lab_answer(lab, invite, 420, "b", "Unsupported: timer\r\n", "");
	lab_take(lab, "ACK");
	lab_said(lab, "failed 420 response|");
	options.reliable = RELIABLE_REQUIRED;
	lab->session = session_call(lab->ua, &config, &err);
	invite = lab_take(lab, "INVITE");
	lab_value(invite, SIP_HEADER_REQUIRE, "100rel");
	lab_answer(lab, invite, 420, "b", "Unsupported: timer, 100rel\r\n", "");
	lab_take(lab, "ACK");
	lab_said(lab, "failed 420 response|");
	lab_quiet(lab);
}

/* 413, 415, 513: the call without what the user has added to it. */
static void a_call_without_what_was_added(void **state)
{
	static const struct {
		unsigned status;
		const char *lines;
		bool once_more;
	} rows[] = {
		{ 413, "", true },
		{ 415, "", true },
		{ 415, "Accept: application/sdp\r\n", true },
		{ 415, "Accept: text/plain\r\n", false },
		{ 513, "", true },
		{ 488, "", false },
		{ 400, "", false },
	};
	struct lab *lab = *state;
	struct call_config config = { .identity = &lab->alice,
				      .target = SLICE("sip:bob@192.0.2.9"),
				      .offer = SLICE("o1"),
				      .content_type = SLICE("text/plain"),
				      .body = SLICE("look at this"),
				      .handlers = lab->session_handlers };
	enum err err;
	char said[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		lab->session = session_call(lab->ua, &config, &err);
		struct fake_packet *invite = lab_take(lab, "INVITE");
		lab_has(invite, SIP_HEADER_CONTENT_TYPE, "multipart/mixed");
		lab_answer(lab, invite, rows[i].status, "b", rows[i].lines, "");
		lab_take(lab, "ACK");
		if (rows[i].once_more) {
			invite = again(lab, invite);
			lab_value(invite, SIP_HEADER_CONTENT_TYPE, "application/sdp");
			lab_body(invite, "o1");
			lab_answer(lab, invite, rows[i].status, "b", rows[i].lines, "");
			lab_take(lab, "ACK");
		}
		snprintf(said, sizeof said, "failed %u response|", rows[i].status);
		lab_said(lab, said);
		lab_quiet(lab);
	}
	/* The same holds where the answer comes to the second attempt. */
	lab->session = session_call(lab->ua, &config, &err);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 415, "b", "", "");
	lab_take(lab, "ACK");
	lab_answer(lab, again(lab, invite), 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 a1|answered 0 200|");
}

/* Who has hung up meanwhile does not call again. */
static void nothing_is_tried_after_the_end(void **state)
{
	static const char *const routes[] = { "<sip:192.0.2.31;lr>", NULL };
	static const unsigned codes[] = { 415, 416, 420 };
	struct lab *lab = *state;

	lab->alice.routes = routes;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct session *session = lab_call(lab, "tel:+4930", "o1");
		struct fake_packet *invite = lab_take(lab, "INVITE");
		lab_answer(lab, invite, 180, "b", BOB_CONTACT, "");
		session_hangup(session, slice_of(""));
		lab_answer(lab, lab_take(lab, "CANCEL"), 200, "b", "", "");
		lab_answer(lab, invite, codes[i], "b", "Unsupported: timer\r\n", "");
		lab_take(lab, "ACK");
		lab_quiet(lab);
		buf_clear(&lab->said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(all_others_are_the_end),
		LAB_TEST(text_without_its_charset),
		LAB_TEST(a_number_as_a_sip_address),
		LAB_TEST(fewer_claims),
		LAB_TEST(a_call_without_what_was_added),
		LAB_TEST(nothing_is_tried_after_the_end),
	};

	return cmocka_run_group_tests_name("sip/ua/refusal", tests, NULL, NULL);
}
