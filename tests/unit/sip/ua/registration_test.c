#include "tests/unit/sip/ua/lab/lab.h"

#define OUR_CONTACT "<sip:alice@192.0.2.1:5060>"

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	struct lab *lab = arg;

	assert_int_equal(registration_state(registration), REGISTRATION_REGISTERED);
	buf_printf(&lab->said, "registered %u%s|", expires, first ? " first" : "");
}

static void on_failed(void *arg, struct registration *registration, const struct outcome *outcome, int64_t retry_us)
{
	struct lab *lab = arg;

	assert_int_equal(registration_state(registration), REGISTRATION_FAILED);
	lab->last = *outcome;
	lab->last.response = NULL;
	buf_printf(&lab->said, "failed %u %s %lld|", outcome->status, cause_name(outcome->cause),
		   (long long)(retry_us / SECOND_US));
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct lab *lab = arg;

	assert_int_equal(registration_state(registration), REGISTRATION_IDLE);
	buf_printf(&lab->said, "unregistered %u|", outcome->status);
}

static void on_bindings(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct lab *lab = arg;
	struct slice contact = outcome->response ? sip_message_value(outcome->response, SIP_HEADER_CONTACT) : SLICE("");

	(void)registration;
	buf_printf(&lab->said, "bindings %u %.*s|", outcome->status, SLICE_ARG(contact));
}

static struct registration *begin(struct lab *lab)
{
	struct registration_config config = { .identity = &lab->alice,
					      .registrar = SLICE("sip:alice@192.0.2.50"),
					      .expires = 3600,
					      .handlers = { .registered = on_registered,
							    .failed = on_failed,
							    .unregistered = on_unregistered,
							    .bindings = on_bindings,
							    .arg = lab } };
	enum err err;
	struct registration *registration = registration_new(lab->ua, &config, &err);

	assert_non_null(registration);
	registration_start(registration);
	assert_int_equal(registration_state(registration), REGISTRATION_TRYING);
	return registration;
}

static void done(struct lab *lab, struct registration *registration)
{
	registration_free(registration);
	ua_sweep(lab->ua);
}

static void ok(struct lab *lab, const struct fake_packet *packet, const char *contact)
{
	char lines[512];

	snprintf(lines, sizeof lines, "Contact: %s\r\n", contact);
	lab_answer(lab, packet, 200, "r", lines, "");
}

/* The next REGISTER, which is sent at some time within `us`. */
static struct fake_packet *await(struct lab *lab, int64_t us)
{
	for (int64_t passed_us = 0; passed_us < us; passed_us += 100 * MS_US) {
		lab_pass(lab, 100 * MS_US);
		struct fake_packet *packet = fake_net_take(&lab->net);
		if (packet && packet->message) {
			assert_true(fake_packet_is(packet, "REGISTER"));
			return packet;
		}
	}
	fail_msg("no REGISTER was sent in time");
	return NULL;
}

static void it_registers_refreshes_and_removes(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);
	struct fake_packet *first = lab_take(lab, "REGISTER");

	lab_uri(first, "sip:192.0.2.50");
	lab_value(first, SIP_HEADER_TO, "Alice <sip:alice@192.0.2.1>");
	lab_has(first, SIP_HEADER_FROM, "<sip:alice@192.0.2.1>;tag=");
	lab_value(first, SIP_HEADER_CONTACT, OUR_CONTACT ";expires=3600");
	lab_value(first, SIP_HEADER_EXPIRES, "3600");
	ok(lab, first, "<sip:other@192.0.2.77>;expires=5, " OUR_CONTACT ";expires=600");
	lab_said(lab, "registered 600 first|");
	assert_int_equal(registration_left(registration), 600);
	/* Well before the end: between 0.85 and 0.9 of it. */
	lab_pass(lab, 509 * SECOND_US);
	lab_quiet(lab);
	struct fake_packet *second = await(lab, 32 * SECOND_US);
	assert_true(slice_eq(fake_packet_value(second, SIP_HEADER_CALL_ID, 0),
			     fake_packet_value(first, SIP_HEADER_CALL_ID, 0)));
	assert_true(lab_cseq(second) > lab_cseq(first));
	ok(lab, second, OUR_CONTACT ";expires=600");
	lab_said(lab, "registered 600|");
	registration_stop(registration, false);
	assert_int_equal(registration_state(registration), REGISTRATION_REMOVING);
	struct fake_packet *last = lab_take(lab, "REGISTER");
	lab_value(last, SIP_HEADER_CONTACT, OUR_CONTACT ";expires=0");
	lab_value(last, SIP_HEADER_EXPIRES, "0");
	lab_answer(lab, last, 200, "r", "", "");
	lab_said(lab, "unregistered 200|");
	assert_int_equal(registration_left(registration), 0);
	lab_pass(lab, 2 * 3600 * SECOND_US);
	lab_quiet(lab);
	done(lab, registration);
}

static void expires_of_the_answer_and_short_bindings(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	lab_answer(lab, lab_take(lab, "REGISTER"), 200, "r", "Contact: <sip:alice@192.0.2.1:5060>\r\nExpires: 20\r\n",
		   "");
	lab_said(lab, "registered 20 first|");
	lab_pass(lab, 10 * SECOND_US - MS_US);
	lab_quiet(lab);
	lab_pass(lab, MS_US);
	lab_take(lab, "REGISTER");
	done(lab, registration);
}

static void all_bindings_go_with_a_star(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	ok(lab, lab_take(lab, "REGISTER"), OUR_CONTACT ";expires=600");
	registration_stop(registration, true);
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_value(packet, SIP_HEADER_CONTACT, "*");
	lab_value(packet, SIP_HEADER_EXPIRES, "0");
	lab_answer(lab, packet, 500, "r", "", "");
	lab_said(lab, "registered 600 first|unregistered 500|");
	done(lab, registration);
}

/* It sends back what came, with its own time in Expires. */
static void the_time_of_a_simple_registrar_counts(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	ok(lab, lab_take(lab, "REGISTER"), OUR_CONTACT ";expires=3600\r\nExpires: 60");
	lab_said(lab, "registered 60 first|");
	ok(lab, await(lab, 60 * SECOND_US), OUR_CONTACT ";expires=600\r\nExpires: 60");
	lab_said(lab, "registered 600|");
	done(lab, registration);
}

/* What a gateway on the way wrote in the place of our Contact is ours: the newest, so that which lasts longest. */
static void the_time_of_a_contact_written_anew_counts(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	ok(lab, lab_take(lab, "REGISTER"), "<sip:alice@203.0.113.9:1024>;expires=60, <sip:alice@192.0.2.77>;expires=7");
	lab_said(lab, "registered 60 first|");
	ok(lab, await(lab, 60 * SECOND_US), "<sip:alice@203.0.113.9:1024>;expires=7200\r\nExpires: 20");
	lab_said(lab, "registered 3600|");
	ok(lab, await(lab, 3600 * SECOND_US), "<sip:alice@203.0.113.9:1024>;expires=0\r\nExpires: 20");
	lab_said(lab, "registered 20|");
	done(lab, registration);
}

static void bindings_are_fetched_without_contact(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	/* One at a time (10.2). */
	registration_fetch(registration);
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_quiet(lab);
	ok(lab, packet, OUR_CONTACT ";expires=600");
	packet = lab_take(lab, "REGISTER");
	assert_null(sip_message_header(packet->message, SIP_HEADER_CONTACT, 0));
	assert_null(sip_message_header(packet->message, SIP_HEADER_EXPIRES, 0));
	ok(lab, packet, "<sip:x@h>");
	lab_said(lab, "registered 600 first|bindings 200 <sip:x@h>|");
	done(lab, registration);
}

static void another_network_does_not_cost_the_bindings(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	ok(lab, lab_take(lab, "REGISTER"), OUR_CONTACT ";expires=600");
	registration_fetch(registration);
	lab_take(lab, "REGISTER");
	registration_network_changed(registration);
	ok(lab, lab_take(lab, "REGISTER"), OUR_CONTACT ";expires=600");
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	assert_null(sip_message_header(packet->message, SIP_HEADER_CONTACT, 0));
	ok(lab, packet, "<sip:x@h>");
	lab_said(lab, "registered 600 first|registered 600|bindings 200 <sip:x@h>|");
	done(lab, registration);
}

static void too_brief_asks_for_longer(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	lab_answer(lab, lab_take(lab, "REGISTER"), 423, "r", "Min-Expires: 7200\r\n", "");
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_value(packet, SIP_HEADER_EXPIRES, "7200");
	/* A registrar that is never content is not asked for ever. */
	lab_answer(lab, packet, 423, "r", "Min-Expires: 7300\r\n", "");
	lab_answer(lab, lab_take(lab, "REGISTER"), 423, "r", "Min-Expires: 7400\r\n", "");
	lab_quiet(lab);
	assert_int_equal(registration_state(registration), REGISTRATION_FAILED);
	done(lab, registration);
}

static void failures_are_tried_again_ever_later(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);
	static const int64_t least_s[] = { 30, 60, 120, 240, 480, 960, 1800, 1800 };

	struct fake_packet *packet = lab_take(lab, "REGISTER");

	for (size_t i = 0; i < ARRAY_LEN(least_s); i++) {
		lab_answer(lab, packet, 500, "r", "", "");
		buf_clear(&lab->said);
		lab_pass(lab, least_s[i] * SECOND_US - MS_US);
		lab_quiet(lab);
		packet = await(lab, least_s[i] * SECOND_US / 5 + SECOND_US);
	}
	/* One that succeeds begins anew. */
	ok(lab, packet, OUR_CONTACT ";expires=600");
	lab_said(lab, "registered 600 first|");
	done(lab, registration);
}

/* A pause after a failure is partly random: only what stands before it is compared. */
static void begins(struct lab *lab, const char *words)
{
	lab_pass(lab, 0);
	if (!slice_begins(buf_slice(&lab->said), slice_of(words)))
		fail_msg("'%s' was awaited, but this was said: %s", words, buf_text(&lab->said));
}

static void silence_and_dead_ports_are_failures(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	lab_take(lab, "REGISTER");
	fake_net_icmp(&lab->net, "192.0.2.50:5060");
	fake_net_icmp(&lab->net, "192.0.2.50:5060");
	begins(lab, "failed 503 connect 3");
	buf_clear(&lab->said);
	lab_pass(lab, 36 * SECOND_US);
	lab_take(lab, "REGISTER");
	lab_pass(lab, 32 * SECOND_US);
	begins(lab, "failed 408 timeout ");
	done(lab, registration);
}

static void retry_after_is_believed_up_to_an_hour(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	lab_answer(lab, lab_take(lab, "REGISTER"), 503, "r", "Retry-After: 100\r\n", "");
	lab_said(lab, "failed 503 refused 100|");
	lab_pass(lab, 100 * SECOND_US);
	lab_answer(lab, lab_take(lab, "REGISTER"), 503, "r", "Retry-After: 999999 (never)\r\n", "");
	lab_said(lab, "failed 503 refused 3600|");
	done(lab, registration);
}

static void some_refusals_are_for_good(void **state)
{
	struct lab *lab = *state;
	static const unsigned statuses[] = { 403, 404, 604 };

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		char said[64];
		struct registration *registration = begin(lab);
		lab_answer(lab, lab_take(lab, "REGISTER"), statuses[i], "r", "", "");
		snprintf(said, sizeof said, "failed %u refused 0|", statuses[i]);
		lab_said(lab, said);
		lab_pass(lab, 2 * 3600 * SECOND_US);
		lab_quiet(lab);
		done(lab, registration);
	}
}

static void a_wrong_password_ends_instead_of_looping(void **state)
{
	struct lab *lab = *state;

	lab->alice.password = "wrong";
	struct registration *registration = begin(lab);
	lab_answer(lab, lab_take(lab, "REGISTER"), 401, "r", "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n",
		   "");
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_has(packet, SIP_HEADER_AUTHORIZATION, "uri=\"sip:192.0.2.50\"");
	lab_value(packet, SIP_HEADER_CONTACT, OUR_CONTACT ";expires=3600");
	lab_answer(lab, packet, 401, "r", "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\"\r\n", "");
	lab_said(lab, "failed 401 auth 0|");
	lab_pass(lab, 3600 * SECOND_US);
	lab_quiet(lab);
	done(lab, registration);
}

/* The 200 of a registrar that saw us behind a NAT. */
static void ok_seen_at(struct lab *lab, const struct fake_packet *packet, const char *seen)
{
	char *text = fake_net_answer_text(packet, 200, "r", "Expires: 600\r\n", "");
	char *rport = strstr(text, ";rport");
	struct buf changed;

	assert_non_null(rport);
	buf_init(&changed, 4096);
	buf_add(&changed, slice_make(text, (size_t)(rport - text)));
	buf_printf(&changed, "%s%s", seen, rport + strlen(";rport"));
	fake_net_send_back(&lab->net, packet, buf_text(&changed));
	ua_sweep(lab->ua);
	buf_fini(&changed);
	free(text);
}

static void the_face_of_the_nat_is_registered_in_place_of_ours(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);
	struct address face;
	enum sip_protocol protocol;

	assert_false(registration_contact(registration, &face, &protocol));
	ok_seen_at(lab, lab_take(lab, "REGISTER"), ";received=203.0.113.5;rport=6000");
	lab_said(lab, "");
	struct fake_packet *second = lab_take(lab, "REGISTER");
	lab_value(second, SIP_HEADER_CONTACT, "<sip:alice@203.0.113.5:6000>;expires=3600");
	assert_true(slice_eq(fake_packet_value(second, SIP_HEADER_CONTACT, 1), SLICE(OUR_CONTACT ";expires=0")));
	ok_seen_at(lab, second, ";received=203.0.113.5;rport=6000");
	lab_said(lab, "registered 600 first|");
	assert_true(registration_contact(registration, &face, &protocol));
	assert_int_equal(address_port(&face), 6000);
	assert_int_equal(protocol, SIP_UDP);
	lab_quiet(lab);
	/* A NAT that shows another face each time makes no loop: once for each refresh. */
	lab_pass(lab, 509 * SECOND_US);
	lab_quiet(lab);
	ok_seen_at(lab, await(lab, 32 * SECOND_US), ";received=203.0.113.5;rport=6001");
	struct fake_packet *moved = lab_take(lab, "REGISTER");
	lab_value(moved, SIP_HEADER_CONTACT, "<sip:alice@203.0.113.5:6001>;expires=3600");
	assert_true(slice_eq(fake_packet_value(moved, SIP_HEADER_CONTACT, 1),
			     SLICE("<sip:alice@203.0.113.5:6000>;expires=0")));
	ok_seen_at(lab, moved, ";received=203.0.113.5;rport=6002");
	lab_quiet(lab);
	lab_said(lab, "registered 600|");
	done(lab, registration);
}

static void no_nat_no_second_register(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	ok_seen_at(lab, lab_take(lab, "REGISTER"), ";received=192.0.2.1;rport=5060");
	lab_said(lab, "registered 600 first|");
	lab_quiet(lab);
	done(lab, registration);
}

static void over_tcp_the_contact_says_so_and_a_lost_connection_is_made_again(void **state)
{
	struct lab *lab = *state;

	lab->alice.has_protocol = true;
	lab->alice.protocol = SIP_TCP;
	struct registration *registration = begin(lab);
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_value(packet, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.1:5060;transport=tcp>;expires=3600");
	/* The port of the connection is not the one we listen on: no NAT. */
	ok_seen_at(lab, packet, ";received=192.0.2.1;rport=40001");
	lab_said(lab, "registered 600 first|");
	lab_quiet(lab);
	fake_net_closed(&lab->net, fake_net_newest(&lab->net), ERR_RESET);
	lab_pass(lab, 2 * SECOND_US);
	struct fake_packet *again = lab_take(lab, "REGISTER");
	assert_true(again->flow != NULL);
	done(lab, registration);
}

static void it_is_kept_alive(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);
	struct fake_packet *packet;
	int pings = 0;

	ok(lab, lab_take(lab, "REGISTER"), OUR_CONTACT ";expires=600");
	fake_net_drop(&lab->net);
	lab_pass(lab, 100 * SECOND_US);
	while ((packet = fake_net_take(&lab->net)) != NULL)
		pings += packet->message == NULL;
	assert_in_range(pings, 3, 4);
	done(lab, registration);
	lab_pass(lab, 100 * SECOND_US);
	assert_null(fake_net_take(&lab->net));
}

static void stopping_and_freeing_at_any_time(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	/* Stopped while the first is under way: the answer is awaited, then the binding goes. */
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	registration_stop(registration, false);
	lab_quiet(lab);
	ok(lab, packet, OUR_CONTACT ";expires=600");
	packet = lab_take(lab, "REGISTER");
	lab_value(packet, SIP_HEADER_EXPIRES, "0");
	lab_answer(lab, packet, 200, "r", "", "");
	lab_said(lab, "unregistered 200|");
	/* What was bound meanwhile and is not let go stands. */
	registration_start(registration);
	packet = lab_take(lab, "REGISTER");
	registration_stop(registration, false);
	ok(lab, packet, OUR_CONTACT ";expires=600");
	assert_int_equal(registration_left(registration), 600);
	lab_answer(lab, lab_take(lab, "REGISTER"), 500, "r", "", "");
	lab_said(lab, "unregistered 500|");
	assert_int_equal(registration_left(registration), 600);
	registration_stop(registration, false);
	lab_answer(lab, lab_take(lab, "REGISTER"), 200, "r", "", "");
	lab_said(lab, "unregistered 200|");
	/* The same where nobody has answered, or the answer was no: there is nothing to remove, and it is over then. */
	for (int answered = 0; answered < 2; answered++) {
		registration_start(registration);
		packet = lab_take(lab, "REGISTER");
		registration_stop(registration, false);
		assert_true(registration_is_unanswered(registration));
		if (answered)
			lab_answer(lab, packet, 403, "r", "", "");
		else
			while (registration_is_unanswered(registration)) {
				lab_pass(lab, SECOND_US);
				fake_net_take(&lab->net);
			}
		lab_said(lab, "unregistered 200|");
		assert_false(registration_is_unanswered(registration));
		lab_pass(lab, 3600 * SECOND_US);
		lab_quiet(lab);
	}
	/* Nothing is bound: nothing is sent. */
	registration_stop(registration, false);
	lab_said(lab, "unregistered 200|");
	lab_quiet(lab);
	registration_start(registration);
	lab_take(lab, "REGISTER");
	done(lab, registration);
	/* Before anything left. */
	lab->net.lookups_hang = true;
	done(lab, begin(lab));
	lab_quiet(lab);
}

static void a_bad_account_is_refused(void **state)
{
	struct lab *lab = *state;
	struct registration_config config = { .identity = &lab->alice, .registrar = SLICE("tel:1") };
	enum err err;

	assert_null(registration_new(lab->ua, &config, &err));
	assert_int_equal(err, ERR_SYNTAX);
	config.registrar = SLICE("sip:h");
	lab->alice.uri = "alice";
	assert_null(registration_new(lab->ua, &config, &err));
}

static void answer_of(struct lab *lab, const char *target, bool expected)
{
	struct request_config config = { .identity = &lab->alice,
					 .method = SLICE("OPTIONS"),
					 .target = slice_of(target) };
	enum err err;

	assert_non_null(ua_request(lab->ua, &config, &err));
	lab_answer(lab, lab_take(lab, "OPTIONS"), 401, "r",
		   "WWW-Authenticate: Digest realm=\"atlanta\", nonce=\"n9\"\r\n", "");
	if (expected)
		lab_has(lab_take(lab, "OPTIONS"), SIP_HEADER_AUTHORIZATION, "realm=\"atlanta\"");
	else
		lab_quiet(lab);
}

static void the_registrar_may_ask_elsewhere_too(void **state)
{
	struct lab *lab = *state;

	lab->alice.password = "zanzibar";
	answer_of(lab, "sip:bob@192.0.2.50", false);
	struct registration *registration = begin(lab);
	lab_answer(lab, lab_take(lab, "REGISTER"), 401, "r",
		   "WWW-Authenticate: Digest realm=\"atlanta\", nonce=\"n1\"\r\n", "");
	lab_has(lab_take(lab, "REGISTER"), SIP_HEADER_AUTHORIZATION, "realm=\"atlanta\"");
	answer_of(lab, "sip:bob@192.0.2.50", true);
	answer_of(lab, "sip:bob@192.0.2.51", false);
	done(lab, registration);
}

/* 300 to 302: the registrar that it names is asked, now and for refreshes, with the same Call-ID, until it fails. */
static void a_redirection_is_followed(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);
	struct fake_packet *first = lab_take(lab, "REGISTER");

	lab_answer(lab, first, 302, "r",
		   "Contact: <sip:192.0.2.61>;q=0.1, \"Other\" <sip:alice@192.0.2.60:5080>;q=0.7\r\n", "");
	struct fake_packet *second = lab_take(lab, "REGISTER");
	lab_uri(second, "sip:192.0.2.60:5080");
	lab_to(second, "192.0.2.60:5080");
	lab_value(second, SIP_HEADER_TO, "Alice <sip:alice@192.0.2.1>");
	assert_true(slice_eq(fake_packet_value(second, SIP_HEADER_CALL_ID, 0),
			     fake_packet_value(first, SIP_HEADER_CALL_ID, 0)));
	assert_true(lab_cseq(second) > lab_cseq(first));
	ok(lab, second, OUR_CONTACT ";expires=600");
	lab_said(lab, "registered 600 first|");
	struct fake_packet *refresh = await(lab, 600 * SECOND_US);
	lab_to(refresh, "192.0.2.60:5080");
	lab_answer(lab, refresh, 500, "r", "", "");
	assert_non_null(strstr(buf_text(&lab->said), "failed 500 refused"));
	buf_clear(&lab->said);
	lab_to(await(lab, 60 * SECOND_US), "192.0.2.50:5060");
	done(lab, registration);
}

/* A host that only the 3xx has named asks for the password in vain, whatever realm it says, and is not asked again. */
static void who_is_named_by_a_redirection_gets_no_password(void **state)
{
	struct lab *lab = *state;

	lab->alice.password = "secret";
	struct registration *registration = begin(lab);
	lab_answer(lab, lab_take(lab, "REGISTER"), 401, "r", "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n",
		   "");
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_has(packet, SIP_HEADER_AUTHORIZATION, "nonce=\"1\"");
	lab_answer(lab, packet, 302, "r", "Contact: <sip:192.0.2.60>\r\n", "");
	packet = lab_take(lab, "REGISTER");
	lab_to(packet, "192.0.2.60:5060");
	lab_has_not(packet, SIP_HEADER_AUTHORIZATION, "");
	lab_answer(lab, packet, 401, "r", "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\"\r\n", "");
	lab_said(lab, "failed 401 auth 0|");
	assert_int_equal(lab->last.err, ERR_PERMISSION);
	assert_null(registration_elsewhere(registration));
	lab_quiet(lab);
	registration_start(registration);
	lab_to(lab_take(lab, "REGISTER"), "192.0.2.50:5060");
	done(lab, registration);
}

/* The same host under another port is the registrar still. */
static void a_redirection_to_the_same_host_is_answered(void **state)
{
	struct lab *lab = *state;

	lab->alice.password = "secret";
	struct registration *registration = begin(lab);
	lab_answer(lab, lab_take(lab, "REGISTER"), 302, "r", "Contact: <sip:192.0.2.50:5080>\r\n", "");
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_to(packet, "192.0.2.50:5080");
	lab_answer(lab, packet, 401, "r", "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\"\r\n", "");
	packet = lab_take(lab, "REGISTER");
	lab_to(packet, "192.0.2.50:5080");
	lab_has(packet, SIP_HEADER_AUTHORIZATION, "nonce=\"2\"");
	ok(lab, packet, OUR_CONTACT ";expires=600");
	lab_said(lab, "registered 600 first|");
	done(lab, registration);
}

/* Another way to the registrar than the one that our binding was made by. */
static void it_knows_when_it_would_register_from_elsewhere(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);

	assert_false(registration_has_moved(registration));
	ok(lab, lab_take(lab, "REGISTER"), OUR_CONTACT ";expires=600");
	lab_said(lab, "registered 600 first|");
	assert_false(registration_has_moved(registration));
	lab->net.local[SIP_UDP] = fake_address("192.0.2.7:5060");
	assert_true(registration_has_moved(registration));
	registration_network_changed(registration);
	assert_false(registration_has_moved(registration)); /* it is on its way */
	struct fake_packet *packet = lab_take(lab, "REGISTER");
	lab_has(packet, SIP_HEADER_CONTACT, "<sip:alice@192.0.2.7:5060>");
	ok(lab, packet, "<sip:alice@192.0.2.7:5060>;expires=600");
	assert_false(registration_has_moved(registration));
	done(lab, registration);
}

/* Round and round, back to itself, and to what is no SIP URI: failures as any other. */
static void redirections_end(void **state)
{
	struct lab *lab = *state;
	struct registration *registration = begin(lab);
	char lines[64];

	for (unsigned i = 0; i < 6; i++) {
		snprintf(lines, sizeof lines, "Contact: <sip:192.0.2.%u>\r\n", 60 + i % 2);
		lab_answer(lab, lab_take(lab, "REGISTER"), 301, "r", lines, "");
	}
	lab_quiet(lab);
	assert_non_null(strstr(buf_text(&lab->said), "failed 301 refused"));
	buf_clear(&lab->said);
	lab_to(await(lab, 60 * SECOND_US), "192.0.2.50:5060");
	done(lab, registration);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(it_registers_refreshes_and_removes),
		LAB_TEST(expires_of_the_answer_and_short_bindings),
		LAB_TEST(all_bindings_go_with_a_star),
		LAB_TEST(the_time_of_a_simple_registrar_counts),
		LAB_TEST(the_time_of_a_contact_written_anew_counts),
		LAB_TEST(bindings_are_fetched_without_contact),
		LAB_TEST(another_network_does_not_cost_the_bindings),
		LAB_TEST(too_brief_asks_for_longer),
		LAB_TEST(failures_are_tried_again_ever_later),
		LAB_TEST(silence_and_dead_ports_are_failures),
		LAB_TEST(retry_after_is_believed_up_to_an_hour),
		LAB_TEST(some_refusals_are_for_good),
		LAB_TEST(a_wrong_password_ends_instead_of_looping),
		LAB_TEST(the_face_of_the_nat_is_registered_in_place_of_ours),
		LAB_TEST(no_nat_no_second_register),
		LAB_TEST(over_tcp_the_contact_says_so_and_a_lost_connection_is_made_again),
		LAB_TEST(it_is_kept_alive),
		LAB_TEST(stopping_and_freeing_at_any_time),
		LAB_TEST(a_bad_account_is_refused),
		LAB_TEST(the_registrar_may_ask_elsewhere_too),
		LAB_TEST(a_redirection_is_followed),
		LAB_TEST(who_is_named_by_a_redirection_gets_no_password),
		LAB_TEST(a_redirection_to_the_same_host_is_answered),
		LAB_TEST(it_knows_when_it_would_register_from_elsewhere),
		LAB_TEST(redirections_end),
	};

	return cmocka_run_group_tests_name("sip/ua/registration", tests, NULL, NULL);
}
