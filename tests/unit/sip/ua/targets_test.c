/* The order of targets: what failed lately goes behind, and two families race for one connection. */
#include "tests/unit/sip/ua/lab/lab.h"

static unsigned last_status;

static void on_outcome(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	(void)arg;
	(void)request;
	if (final)
		last_status = outcome->status;
}

static void ask(struct lab *lab, const char *target)
{
	struct request_config config = {
		.identity = &lab->alice, .method = SLICE("OPTIONS"), .target = slice_of(target), .handler = on_outcome
	};
	enum err err;

	last_status = 0;
	assert_non_null(ua_request(lab->ua, &config, &err));
	lab_pass(lab, 0);
}

static void two(struct lab *lab, const char *first, const char *second)
{
	fake_net_name(&lab->net, "biloxi.com", first);
	fake_net_name(&lab->net, "biloxi.com", second);
}

static void a_server_that_says_503_is_left_alone_as_long_as_it_asks(void **state)
{
	struct lab *lab = *state;

	two(lab, "udp 192.0.2.8:5060", "udp 192.0.2.9:5060");
	ask(lab, "sip:biloxi.com");
	struct fake_packet *first = lab_take(lab, "OPTIONS");
	lab_to(first, "192.0.2.8:5060");
	lab_answer(lab, first, 503, "a", "Retry-After: 120\r\n", "");
	struct fake_packet *second = lab_take(lab, "OPTIONS");
	lab_to(second, "192.0.2.9:5060");
	lab_answer(lab, second, 200, "b", "", "");
	assert_int_equal(last_status, 200);
	lab_pass(lab, 100 * SECOND_US);
	ask(lab, "sip:biloxi.com");
	second = lab_take(lab, "OPTIONS");
	lab_to(second, "192.0.2.9:5060");
	lab_answer(lab, second, 200, "b", "", "");
	/* its time is over: it is the first again */
	lab_pass(lab, 30 * SECOND_US);
	ask(lab, "sip:biloxi.com");
	first = lab_take(lab, "OPTIONS");
	lab_to(first, "192.0.2.8:5060");
	lab_answer(lab, first, 200, "a", "", "");
}

static void a_dead_server_costs_one_request_its_patience(void **state)
{
	struct lab *lab = *state;

	two(lab, "udp 192.0.2.8:5060", "udp 192.0.2.9:5060");
	ask(lab, "sip:biloxi.com");
	lab_to(lab_take(lab, "OPTIONS"), "192.0.2.8:5060");
	lab_pass(lab, 32 * SECOND_US);
	struct fake_packet *packet;
	struct address second = fake_address("192.0.2.9:5060");
	do {
		packet = lab_take(lab, "OPTIONS");
	} while (!address_eq(&packet->remote, &second));
	lab_answer(lab, packet, 200, "b", "", "");
	fake_net_drop(&lab->net);
	ask(lab, "sip:biloxi.com");
	packet = lab_take(lab, "OPTIONS");
	lab_to(packet, "192.0.2.9:5060");
	/* both have failed: both are tried all the same */
	lab_answer(lab, packet, 503, "b", "", "");
	packet = lab_take(lab, "OPTIONS");
	lab_to(packet, "192.0.2.8:5060");
	lab_answer(lab, packet, 200, "a", "", "");
	assert_int_equal(last_status, 200);
}

/* A request to two servers of which the first may be dead. @return how long it took to be answered */
static int64_t patience(struct lab *lab, bool dead)
{
	struct address first = fake_address("192.0.2.8:5060");
	int64_t began_us = lab->net.timers.now_us;
	struct fake_packet *packet;

	ask(lab, "sip:biloxi.com");
	packet = lab_take(lab, "OPTIONS");
	if (dead && address_eq(&packet->remote, &first)) {
		lab_pass(lab, 32 * SECOND_US);
		do {
			packet = lab_take(lab, "OPTIONS");
		} while (address_eq(&packet->remote, &first));
	}
	lab_answer(lab, packet, 200, "a", "", "");
	assert_int_equal(last_status, 200);
	fake_net_drop(&lab->net);
	return lab->net.timers.now_us - began_us;
}

/* Who calls once in a while would else wait each time. */
static void one_that_stays_dead_is_asked_ever_less(void **state)
{
	struct lab *lab = *state;

	two(lab, "udp 192.0.2.8:5060", "udp 192.0.2.9:5060");
	for (int pause_s = 30; pause_s <= 480; pause_s *= 2) {
		assert_int_equal(patience(lab, true), 32 * SECOND_US);
		lab_pass(lab, (pause_s - 1) * SECOND_US);
		assert_int_equal(patience(lab, true), 0);
		lab_pass(lab, SECOND_US);
	}
	/* No longer than that. */
	assert_int_equal(patience(lab, true), 32 * SECOND_US);
	lab_pass(lab, 480 * SECOND_US);
	assert_int_equal(patience(lab, true), 32 * SECOND_US);
	lab_pass(lab, 480 * SECOND_US);
	/* It is back, and its past forgotten. */
	assert_int_equal(patience(lab, false), 0);
	assert_int_equal(patience(lab, true), 32 * SECOND_US);
	lab_pass(lab, 30 * SECOND_US);
	assert_int_equal(patience(lab, true), 32 * SECOND_US);
}

#define V6 "tcp [2001:db8::8]:5060"
#define V4 "tcp 192.0.2.8:5060"

static void race_begins(struct lab *lab)
{
	lab->net.local6 = fake_address("[2001:db8::1]:5060");
	lab->net.connect = FAKE_HANGS;
	two(lab, V6, V4);
	ask(lab, "sip:biloxi.com");
	assert_int_equal(lab->net.connect_count, 1);
}

static void a_family_that_leads_nowhere_costs_250_ms(void **state)
{
	struct lab *lab = *state;

	race_begins(lab);
	lab_pass(lab, 240 * MS_US);
	assert_int_equal(lab->net.connect_count, 1);
	lab_pass(lab, 20 * MS_US);
	assert_int_equal(lab->net.connect_count, 2);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_pass(lab, 0);
	struct fake_packet *packet = lab_take(lab, "OPTIONS");
	lab_to(packet, "192.0.2.8:5060");
	lab_has(packet, SIP_HEADER_VIA, "SIP/2.0/TCP 192.0.2.1:5060");
	/* the other attempt is given up, without a word */
	assert_int_equal(lab->net.closed_count, 1);
	lab_answer(lab, packet, 200, "a", "", "");
	assert_int_equal(last_status, 200);
	/* and the next request takes the connection that is there */
	ask(lab, "sip:biloxi.com");
	lab_pass(lab, 260 * MS_US);
	packet = lab_take(lab, "OPTIONS");
	lab_to(packet, "192.0.2.8:5060");
	lab_answer(lab, packet, 200, "a", "", "");
	assert_int_equal(last_status, 200);
	assert_int_equal(lab->net.connect_count, 2);
}

/* It may come about by another way while the first still has its start. */
static void a_connection_that_is_there_by_then_wins(void **state)
{
	struct lab *lab = *state;

	race_begins(lab);
	lab->net.connect = FAKE_OPENS;
	ask(lab, "sip:192.0.2.8;transport=tcp");
	lab_answer(lab, lab_take(lab, "OPTIONS"), 200, "a", "", "");
	lab_quiet(lab);
	lab_pass(lab, 260 * MS_US);
	lab_to(lab_take(lab, "OPTIONS"), "192.0.2.8:5060");
}

static void a_race_that_is_given_up_leaves_another_its_connection(void **state)
{
	struct lab *lab = *state;

	lab->net.local6 = fake_address("[2001:db8::1]:5060");
	lab->net.connect = FAKE_HANGS;
	two(lab, V6, V4);
	fake_net_name(&lab->net, "chicago.com", "tcp [2001:db8::7]:5060");
	fake_net_name(&lab->net, "chicago.com", V4);
	struct session *session = lab_call(lab, "sip:bob@biloxi.com", "o1");
	ask(lab, "sip:chicago.com");
	lab_pass(lab, 260 * MS_US);
	assert_int_equal(lab->net.connect_count, 3);
	session_hangup(session, slice_of(NULL));
	lab_pass(lab, 0);
	assert_int_equal(lab->net.closed_count, 1);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_pass(lab, 0);
	lab_to(lab_take(lab, "OPTIONS"), "192.0.2.8:5060");
}

static void the_first_family_wins_when_it_is_quick(void **state)
{
	struct lab *lab = *state;

	race_begins(lab);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_pass(lab, 0);
	struct fake_packet *packet = lab_take(lab, "OPTIONS");
	lab_to(packet, "[2001:db8::8]:5060");
	assert_int_equal(lab->net.connect_count, 1);
	lab_answer(lab, packet, 200, "a", "", "");
}

static void a_refusal_starts_the_other_at_once(void **state)
{
	struct lab *lab = *state;

	race_begins(lab);
	fake_net_closed(&lab->net, fake_net_newest(&lab->net), ERR_REFUSED);
	lab_pass(lab, 0);
	assert_int_equal(lab->net.connect_count, 2);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_pass(lab, 0);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 200, "a", "", "");
	assert_int_equal(last_status, 200);
}

static void when_neither_is_there_the_request_fails(void **state)
{
	struct lab *lab = *state;

	race_begins(lab);
	lab->net.connect = FAKE_REFUSES;
	fake_net_closed(&lab->net, fake_net_newest(&lab->net), ERR_REFUSED);
	lab_pass(lab, SECOND_US);
	assert_int_equal(last_status, 503);
	lab_quiet(lab);
}

#define BOB_AT_BILOXI "Contact: <sip:bob@biloxi.com;transport=%s>\r\n" SDP_LINES

/* An ACK has no transaction that would try the next target. */
static void an_ack_takes_the_connection_that_is_there(void **state)
{
	struct lab *lab = *state;
	char lines[160];

	lab->net.local6 = fake_address("[2001:db8::1]:5060");
	lab->net.connect = FAKE_HANGS;
	two(lab, V6, V4);
	snprintf(lines, sizeof lines, BOB_AT_BILOXI, "tcp");
	lab_call(lab, "sip:bob@biloxi.com;transport=tcp", "o1");
	lab_pass(lab, 260 * MS_US);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_pass(lab, 0);
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_to(invite, "192.0.2.8:5060");
	lab_answer(lab, invite, 200, "b", lines, "a1");
	lab_to(lab_take(lab, "ACK"), "192.0.2.8:5060");
	assert_int_equal(lab->net.connect_count, 2);
}

static void an_ack_that_does_not_arrive_tries_the_next_target(void **state)
{
	static const char *const ways[] = { "192.0.2.8:5060", "192.0.2.8:5060", "192.0.2.9:5060", "192.0.2.9:5060",
					    "192.0.2.8:5060" };
	struct lab *lab = *state;
	char lines[160];

	two(lab, "udp 192.0.2.8:5060", "udp 192.0.2.9:5060");
	snprintf(lines, sizeof lines, BOB_AT_BILOXI, "udp");
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		lab_answer(lab, invite, 200, "b", lines, "a1");
		lab_to(lab_take(lab, "ACK"), ways[i]);
	}
	lab_quiet(lab);
}

/* Which host comes first is the domain's to say (RFC 2782), whatever family its addresses are of. */
static void two_hosts_do_not_race(void **state)
{
	struct lab *lab = *state;

	race_begins(lab);
	lab->net.names[0].targets[1].host = 1;
	lab_pass(lab, 260 * MS_US);
	assert_int_equal(lab->net.connect_count, 2);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_pass(lab, 0);
	lab_answer(lab, lab_take(lab, "OPTIONS"), 200, "a", "", "");
	assert_int_equal(last_status, 200);
	/* From now on they are two hosts: the second is there, and is not asked. */
	ask(lab, "sip:biloxi.com");
	lab_pass(lab, 300 * MS_US);
	assert_int_equal(lab->net.connect_count, 3);
	lab_quiet(lab);
	fake_net_opened(&lab->net, fake_net_newest(&lab->net));
	lab_to(lab_take(lab, "OPTIONS"), "[2001:db8::8]:5060");
}

static void a_phone_that_ends_ends_its_race(void **state)
{
	race_begins(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_server_that_says_503_is_left_alone_as_long_as_it_asks),
		LAB_TEST(a_dead_server_costs_one_request_its_patience),
		LAB_TEST(one_that_stays_dead_is_asked_ever_less),
		LAB_TEST(a_family_that_leads_nowhere_costs_250_ms),
		LAB_TEST(a_connection_that_is_there_by_then_wins),
		LAB_TEST(a_race_that_is_given_up_leaves_another_its_connection),
		LAB_TEST(the_first_family_wins_when_it_is_quick),
		LAB_TEST(a_refusal_starts_the_other_at_once),
		LAB_TEST(when_neither_is_there_the_request_fails),
		LAB_TEST(an_ack_takes_the_connection_that_is_there),
		LAB_TEST(an_ack_that_does_not_arrive_tries_the_next_target),
		LAB_TEST(two_hosts_do_not_race),
		LAB_TEST(a_phone_that_ends_ends_its_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
