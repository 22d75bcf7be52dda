/* Outbound, GRUU, Service-Route: what a REGISTER says, what its answer means, and flows that fail. */
#include "tests/unit/sip/ua/lab/lab.h"

#include "sip/transport/stun.h"

#define INSTANCE "urn:uuid:00000000-0000-4000-8000-000000000001"
#define INSTANCE_PARAM "+sip.instance=\"<" INSTANCE ">\""
#define REGISTRAR "192.0.2.50:5060"

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	struct lab *lab = arg;

	(void)registration;
	buf_printf(&lab->said, "registered %u%s|", expires, first ? " first" : "");
}

static void on_failed(void *arg, struct registration *registration, const struct outcome *outcome, int64_t retry_us)
{
	struct lab *lab = arg;

	(void)registration;
	buf_printf(&lab->said, "failed %u%s|", outcome->status, retry_us ? " again" : "");
}

static struct registration *begin(struct lab *lab, const char *registrar)
{
	struct registration_config config = { .identity = &lab->alice,
					      .registrar = slice_of(registrar),
					      .expires = 3600,
					      .instance = INSTANCE,
					      .outbound = true,
					      .gruu = true,
					      .handlers = {
						      .registered = on_registered, .failed = on_failed, .arg = lab } };
	enum err err;
	struct registration *registration = registration_new(lab->ua, &config, &err);

	assert_non_null(registration);
	registration_start(registration);
	lab_pass(lab, 0);
	return registration;
}

static void done(struct lab *lab, struct registration *registration)
{
	registration_free(registration);
	ua_sweep(lab->ua);
}

static void agree(struct lab *lab, const struct fake_packet *packet, const char *more)
{
	char lines[1024];

	snprintf(lines, sizeof lines,
		 "Contact: <sip:somebody@192.0.2.99>;expires=9, <sip:alice@198.51.100.1:7000>;" INSTANCE_PARAM
		 ";reg-id=1;expires=600%s",
		 more);
	lab_answer(lab, packet, 200, "r", lines, "");
}

static void what_a_register_says_and_learns(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab, "sip:192.0.2.50");
	struct fake_packet *packet = lab_take(lab, "REGISTER");

	lab_has(packet, SIP_HEADER_SUPPORTED, "path, gruu, outbound");
	lab_value(packet, SIP_HEADER_CONTACT,
		  "<sip:alice@192.0.2.1:5060>;" INSTANCE_PARAM ";reg-id=1;expires=3600");
	agree(lab, packet,
	      ";pub-gruu=\"sip:alice@192.0.2.1;gr=x\";temp-gruu=\"sip:tgruu.7@192.0.2.1;gr\"\r\nRequire: outbound\r\n"
	      "Service-Route: <sip:p2.example.com;lr>, <sip:home.example.com;lr>\r\n");
	/* Ours is known by its instance, whatever its URI has become. */
	lab_said(lab, "registered 600 first|");
	assert_true(registration_outbound(registration));
	assert_string_equal(registration_gruu(registration, false), "sip:alice@192.0.2.1;gr=x");
	assert_string_equal(registration_gruu(registration, true), "sip:tgruu.7@192.0.2.1;gr");
	assert_string_equal(registration_service_route(registration)[0], "<sip:p2.example.com;lr>");
	assert_string_equal(registration_service_route(registration)[1], "<sip:home.example.com;lr>");
	assert_null(registration_service_route(registration)[2]);
	/* and what the next answer does not say is over */
	registration_start(registration);
	lab_pass(lab, 0);
	lab_answer(lab, lab_take(lab, "REGISTER"), 200, "r", "", "");
	assert_false(registration_outbound(registration));
	assert_null(registration_gruu(registration, false));
	assert_null(registration_service_route(registration)[0]);
	done(lab, registration);
}

static void a_first_hop_that_lacks_it(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab, "sip:192.0.2.50");

	lab_answer(lab, lab_take(lab, "REGISTER"), 439, "r", "", "");
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_has_not(packet, SIP_HEADER_CONTACT, "reg-id");
	lab_has(packet, SIP_HEADER_CONTACT, INSTANCE_PARAM);
	lab_has_not(packet, SIP_HEADER_SUPPORTED, "outbound");
	agree(lab, packet, "\r\nRequire: outbound\r\n");
	lab_said(lab, "registered 600 first|");
	assert_false(registration_outbound(registration));
	done(lab, registration);
}

static void contacts_of_dialogs(void **state)
{
	struct lab *lab = *state;

	lab->alice.ob = true;
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_value(invite, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1:5060;ob>");
	lab_answer(lab, invite, 486, "b", "", "");
	lab_take(lab, "ACK");
	lab->alice.gruu = "sip:alice@192.0.2.1;gr=x";
	lab->alice.temporary_gruu = "sip:tgruu.7@192.0.2.1;gr";
	lab_call(lab, NULL, "o1");
	invite = lab_take(lab, "INVITE");
	lab_value(invite, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1;gr=x>");
	lab_answer(lab, invite, 486, "b", "", "");
	lab_take(lab, "ACK");
	lab->alice.anonymous = true;
	lab_call(lab, NULL, "o1");
	invite = lab_take(lab, "INVITE");
	lab_value(invite, SIP_HEADER_CONTACT, "<sip:tgruu.7@192.0.2.1;gr>");
	lab_answer(lab, invite, 486, "b", "", "");
}

/* The next packet that is no SIP message; NULL: none. */
static struct fake_packet *next_other(struct lab *lab)
{
	struct fake_packet *packet = fake_net_take(&lab->net);

	assert_true(!packet || !packet->message);
	return packet;
}

static void a_stream_without_pong_is_made_anew(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab, "sip:192.0.2.50;transport=tcp");

	agree(lab, lab_take(lab, "REGISTER"), "\r\nRequire: outbound\r\nFlow-Timer: 20\r\n");
	lab_said(lab, "registered 600 first|");
	/* the first ping comes within the registrar's time, and is answered */
	lab_pass(lab, 20 * SECOND_US);
	struct fake_packet *ping = next_other(lab);
	assert_non_null(ping);
	assert_string_equal(ping->bytes, "\r\n\r\n");
	assert_true(ping->sent_us >= 16 * SECOND_US - SECOND_US);
	fake_net_bytes(&lab->net, ping->flow, "\r\n");
	lab_pass(lab, 15 * SECOND_US);
	assert_true(fake_net_is_open(&lab->net, ping->flow));
	/* the second is not: ten seconds later the flow is given up, and soon there is another */
	lab_pass(lab, 10 * SECOND_US);
	assert_non_null(next_other(lab));
	lab_pass(lab, 15 * SECOND_US);
	assert_int_equal(lab->net.closed_count, 1);
	assert_int_equal(lab->net.connect_count, 2);
	struct fake_packet *again = lab_take(lab, "REGISTER");
	lab_has(again, SIP_HEADER_CONTACT, "reg-id=1");
	agree(lab, again, "\r\nRequire: outbound\r\n");
	lab_said(lab, "registered 600|");
	done(lab, registration);
}

static void a_stream_that_is_pinged_often_is_found_dead_as_well(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab, "sip:192.0.2.50;transport=tcp");

	agree(lab, lab_take(lab, "REGISTER"), "\r\nRequire: outbound\r\nFlow-Timer: 5\r\n");
	lab_said(lab, "registered 600 first|");
	for (int i = 0; i < 10; i++) {
		lab_pass(lab, 5 * SECOND_US);
		for (struct fake_packet *ping; (ping = next_other(lab));)
			fake_net_bytes(&lab->net, ping->flow, "\r\n");
	}
	assert_int_equal(lab->net.closed_count, 0);
	/* from here on nobody answers */
	lab_pass(lab, 15 * SECOND_US);
	assert_int_equal(lab->net.closed_count, 1);
	fake_net_drop(&lab->net);
	done(lab, registration);
}

/* The same, as soon as it is sent. */
static struct fake_packet *await_other(struct lab *lab, int64_t us)
{
	for (int64_t passed_us = 0; passed_us < us; passed_us += 100 * MS_US) {
		lab_pass(lab, 100 * MS_US);
		struct fake_packet *packet = next_other(lab);
		if (packet)
			return packet;
	}
	fail_msg("no keep-alive was sent in time");
	return NULL;
}

static void answer_stun(struct lab *lab, const struct fake_packet *packet, const char *seen)
{
	unsigned char bytes[STUN_RESPONSE_MAX];
	struct address address = fake_address(seen);
	size_t n = stun_print_response(slice_make(packet->bytes, packet->bytes_n), &address, bytes);

	assert_true(n > 0);
	fake_net_datagram_bytes(&lab->net, REGISTRAR, slice_make(bytes, n));
	lab_pass(lab, 0);
}

static void stun_over_udp(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab, "sip:192.0.2.50");

	agree(lab, lab_take(lab, "REGISTER"), "\r\nRequire: outbound\r\n");
	lab_said(lab, "registered 600 first|");
	struct fake_packet *request = await_other(lab, 26 * SECOND_US);
	assert_int_equal(request->bytes_n, STUN_REQUEST);
	answer_stun(lab, request, "198.51.100.1:7000");
	lab_pass(lab, 2 * SECOND_US);
	lab_quiet(lab);
	/* another address: the NAT has forgotten us, so the registrar must hear of it */
	request = await_other(lab, 26 * SECOND_US);
	answer_stun(lab, request, "198.51.100.1:7001");
	lab_pass(lab, 3 * SECOND_US);
	struct fake_packet *again = lab_take(lab, "REGISTER");
	agree(lab, again, "\r\nRequire: outbound\r\n");
	lab_said(lab, "registered 600|");
	fake_net_drop(&lab->net);
	/* no answer: seven transmissions, then the flow has failed and is made anew */
	(void)await_other(lab, 26 * SECOND_US);
	size_t count = 1;
	for (int i = 0; i < 45; i++) {
		lab_pass(lab, SECOND_US);
		struct fake_packet *packet;
		while ((packet = fake_net_take(&lab->net)) != NULL) {
			if (packet->message) {
				assert_true(fake_packet_is(packet, "REGISTER"));
				i = 100;
				break;
			}
			count++;
		}
	}
	assert_int_equal(count, 7);
	done(lab, registration);
}

static void without_an_agreement_nothing_is_expected(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab, "sip:192.0.2.50");

	agree(lab, lab_take(lab, "REGISTER"), "\r\n");
	lab_pass(lab, 26 * SECOND_US);
	struct fake_packet *packet = next_other(lab);
	assert_non_null(packet);
	assert_string_equal(packet->bytes, "\r\n\r\n");
	lab_pass(lab, 120 * SECOND_US);
	while ((packet = next_other(lab)) != NULL)
		assert_string_equal(packet->bytes, "\r\n\r\n");
	done(lab, registration);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(what_a_register_says_and_learns),
		LAB_TEST(a_first_hop_that_lacks_it),
		LAB_TEST(contacts_of_dialogs),
		LAB_TEST(a_stream_without_pong_is_made_anew),
		LAB_TEST(a_stream_that_is_pinged_often_is_found_dead_as_well),
		LAB_TEST(stun_over_udp),
		LAB_TEST(without_an_agreement_nothing_is_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
