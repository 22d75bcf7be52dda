/* Our offers and what is agreed on by their answers (RFC 3264). */
#include "offer_fixture.h"

/* ---- offers ---- */

static void test_the_first_offer(void **state)
{
	assert_string_equal(offer(*state), "v=0\r\n"
					   "o=alice 4711 1 IN IP4 192.0.2.1\r\n"
					   "s=-\r\n"
					   "c=IN IP4 192.0.2.1\r\n"
					   "t=0 0\r\n"
					   "m=audio 4000 RTP/AVP 96 0 8 97 98\r\n"
					   "a=rtpmap:96 opus/48000/2\r\n"
					   "a=fmtp:96 useinbandfec=1\r\n"
					   "a=rtpmap:0 PCMU/8000\r\n"
					   "a=rtpmap:8 PCMA/8000\r\n"
					   "a=rtpmap:97 telephone-event/48000\r\n"
					   "a=fmtp:97 0-16\r\n"
					   "a=rtpmap:98 telephone-event/8000\r\n"
					   "a=fmtp:98 0-16\r\n"
					   "a=ptime:20\r\n"
					   "a=sendrecv\r\n");
}

static void test_an_offer_over_ipv6_with_one_codec(void **state)
{
	struct world *w = *state;

	assert_true(address_parse(&w->local.rtp, SLICE("[2001:db8::1]:5000"), 0));
	w->local.codecs = &all[1];
	w->local.codec_count = 4;
	w->local.direction = SDP_SENDONLY;
	w->local.ptime_ms = 0;
	const char *text = offer(w);
	assert_has(text, " IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\n");
	/* No codec has 48 kHz: no events at 48 kHz either. */
	assert_has(text, "m=audio 5000 RTP/AVP 0 8 96\r\n");
	assert_has(text, "a=rtpmap:96 telephone-event/8000\r\n");
	assert_has(text, "a=sendonly\r\n");
	assert_lacks(text, "ptime");
}

static void test_the_version_rises_with_changes_only(void **state)
{
	struct world *w = *state;

	assert_has(offer(w), "o=alice 4711 1 ");
	assert_has(offer(w), "o=alice 4711 1 ");
	w->local.direction = SDP_SENDONLY;
	assert_has(offer(w), "o=alice 4711 2 ");
	/* Refused: a third text is a third version, even when it is the first one again. */
	sdp_drop_offer(w->n);
	w->local.direction = SDP_SENDRECV;
	assert_has(offer(w), "o=alice 4711 3 ");
}

static void test_user_names_in_the_origin(void **state)
{
	struct world *w = *state;

	sdp_negotiation_free(w->n);
	w->n = sdp_negotiation_new(1, "a b\r\nc=x");
	assert_has(offer(w), "\r\no=- 1 1 IN");
	sdp_negotiation_free(w->n);
	w->n = sdp_negotiation_new(1, NULL);
	assert_has(offer(w), "\r\no=- 1 1 IN");
}

/* ---- their answers ---- */

static void test_an_answer_with_one_codec(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(
		w, HEAD(1) "m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 pcma/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			   "a=fmtp:101 0-15\r\na=ptime:30\r\n"));
	assert_false(w->agreed.rejected);
	assert_int_equal(w->agreed.codec_count, 1);
	assert_codec(&w->agreed.codecs[0], "PCMA", 8, 8);
	assert_int_equal(w->agreed.event_count, 1);
	/* It numbers events otherwise: we send its number and receive ours. */
	assert_codec(&w->agreed.events[0], "telephone-event", 101, 98);
	assert_true(slice_eq(w->agreed.events[0].peer_fmtp, SLICE("0-15")));
	assert_address(&w->agreed.rtp, "192.0.2.2:6000");
	assert_address(&w->agreed.rtcp, "192.0.2.2:6001");
	assert_int_equal(w->agreed.direction, SDP_SENDRECV);
	assert_false(w->agreed.peer_holds);
	assert_int_equal(w->agreed.ptime_ms, 30);
	/* There is one answer to an offer. */
	assert_false(take(w, HEAD(1) "m=audio 6000 RTP/AVP 8\r\n"));
}

static void test_an_answer_with_several_codecs_counts_in_its_order(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(
		w,
		HEAD(1) "m=audio 6000 RTP/AVP 0 111 8 96 0\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 stereo=0\r\n"));
	assert_int_equal(w->agreed.codec_count, 3);
	assert_codec(&w->agreed.codecs[0], "PCMU", 0, 0);
	assert_codec(&w->agreed.codecs[1], "opus", 111, 96);
	assert_true(slice_eq(w->agreed.codecs[1].peer_fmtp, SLICE("stereo=0")));
	assert_codec(&w->agreed.codecs[2], "PCMA", 8, 8);
}

static void test_an_answer_by_number_alone(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(w, HEAD(1) "m=audio 6000 RTP/AVP 96\r\n"));
	assert_codec(&w->agreed.codecs[0], "opus", 96, 96);
}

static void test_an_answer_that_refuses_the_line(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(w, HEAD(1) "m=audio 0 RTP/AVP 0\r\n"));
	assert_true(w->agreed.rejected);
	assert_int_equal(w->agreed.codec_count, 0);
	assert_int_equal(w->agreed.direction, SDP_INACTIVE);
}

static void test_answers_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"<xml/>",
		HEAD(1),
		HEAD(1) "m=audio 6000 RTP/AVP 0\r\nm=video 6002 RTP/AVP 31\r\n",
		HEAD(1) "m=video 6000 RTP/AVP 0\r\n",
		HEAD(1) "m=audio 6000 RTP/SAVP 0\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 18\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 98\r\na=rtpmap:98 telephone-event/8000\r\n",
		/* RFC 7587 7: opus/48000/2 and nothing else. */
		HEAD(1) "m=audio 6000 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 host.example.com\r\n",
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		offer(w);
		if (take(w, bad[i]))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(w->agreed.codec_count, 0);
		assert_false(take(w, HEAD(1) "m=audio 6000 RTP/AVP 0\r\n")); /* nothing is pending any more */
	}
	/* One that was not offered, beside one that was, is passed over. */
	offer(w);
	assert_true(take(w, HEAD(1) "m=audio 6000 RTP/AVP 18 0\r\n"));
	assert_int_equal(w->agreed.codec_count, 1);
	assert_codec(&w->agreed.codecs[0], "PCMU", 0, 0);
}

static void test_later_offers_keep_numbers(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(w, HEAD(1) "m=audio 6000 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n"));
	assert_codec(&w->agreed.codecs[0], "opus", 97, 96);
	/* PCMU first, opus last: 96 stays opus. */
	static const struct sdp_codec turned[] = {
		{ "PCMU", 8000, 1, 0, NULL },
		{ "telephone-event", 8000, 1, -1, "0-16" },
		{ "speex", 8000, 1, -1, NULL },
		{ "opus", 48000, 2, -1, NULL },
	};
	w->local.codecs = turned;
	w->local.codec_count = ARRAY_LEN(turned);
	assert_has(offer(w), "m=audio 4000 RTP/AVP 0 98 99 96\r\n");
}

/* ---- hold (RFC 3264 8.4) and directions (6.1) ---- */

static void test_we_hold_and_resume(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(w, HEAD(1) "m=audio 6000 RTP/AVP 0\r\n"));
	w->local.direction = SDP_SENDONLY;
	assert_has(offer(w), "a=sendonly\r\n");
	assert_true(take(w, HEAD(2) "m=audio 6000 RTP/AVP 0\r\na=recvonly\r\n"));
	assert_int_equal(w->agreed.direction, SDP_SENDONLY);
	assert_false(w->agreed.peer_holds);
	/* One that answers as if it had not read the offer does not widen it. */
	offer(w);
	assert_true(take(w, HEAD(2) "m=audio 6000 RTP/AVP 0\r\na=sendrecv\r\n"));
	assert_int_equal(w->agreed.direction, SDP_SENDONLY);
	w->local.direction = SDP_INACTIVE;
	offer(w);
	assert_true(take(w, HEAD(3) "m=audio 6000 RTP/AVP 0\r\na=inactive\r\n"));
	assert_int_equal(w->agreed.direction, SDP_INACTIVE);
	assert_false(w->agreed.peer_holds); /* it had no choice */
	w->local.direction = SDP_SENDRECV;
	offer(w);
	assert_true(take(w, HEAD(4) "m=audio 6000 RTP/AVP 0\r\na=sendonly\r\n"));
	assert_int_equal(w->agreed.direction, SDP_RECVONLY);
	assert_true(w->agreed.peer_holds);
	w->local.direction = SDP_INACTIVE;
	offer(w);
	assert_true(take(w, HEAD(5) "m=audio 6000 RTP/AVP 0\r\na=inactive\r\n"));
	assert_true(w->agreed.peer_holds); /* as before */
}

/* Sound goes to one host of our own family of addresses, or nowhere. */
static void test_addresses_that_no_sound_can_be_sent_to(void **state)
{
	static const char *const lines[] = { "c=IN IP4 255.255.255.255\r\n", "c=IN IP4 224.0.0.1\r\n",
					     "c=IN IP6 2001:db8::1\r\n", "c=IN IP6 ff02::1\r\n",
					     "c=IN IP4 127.0.0.1\r\n",   "c=IN IP4 127.1.2.3\r\n",
					     "c=IN IP6 ::1\r\n",	  "c=IN IP6 ::ffff:192.0.2.2\r\n" };
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(text, sizeof text, "%sm=audio 6000 RTP/AVP 0\r\n%s", HEAD(1), lines[i]);
		const char *made = answer(w, text);
		assert_true(!made || strstr(made, "m=audio 0 "));
	}
}

static void test_the_peer_holds(void **state)
{
	static const struct {
		const char *line, *ours;
		enum sdp_direction wanted, direction;
		bool holds;
	} rows[] = {
		{ "a=sendrecv\r\n", "a=sendrecv\r\n", SDP_SENDRECV, SDP_SENDRECV, false },
		{ "", "a=sendrecv\r\n", SDP_SENDRECV, SDP_SENDRECV, false },
		{ "a=sendonly\r\n", "a=recvonly\r\n", SDP_SENDRECV, SDP_RECVONLY, true },
		{ "a=recvonly\r\n", "a=sendonly\r\n", SDP_SENDRECV, SDP_SENDONLY, false },
		{ "a=inactive\r\n", "a=inactive\r\n", SDP_SENDRECV, SDP_INACTIVE, true },
		{ "a=sendrecv\r\n", "a=sendonly\r\n", SDP_SENDONLY, SDP_SENDONLY, false },
		{ "a=sendonly\r\n", "a=inactive\r\n", SDP_SENDONLY, SDP_INACTIVE, true },
		{ "a=recvonly\r\n", "a=sendonly\r\n", SDP_SENDONLY, SDP_SENDONLY, false },
		{ "a=sendrecv\r\n", "a=inactive\r\n", SDP_INACTIVE, SDP_INACTIVE, false },
		{ "c=IN IP4 0.0.0.0\r\n", "a=recvonly\r\n", SDP_SENDRECV, SDP_RECVONLY, true },
		{ "c=IN IP6 ::\r\n", "a=recvonly\r\n", SDP_SENDRECV, SDP_RECVONLY, true },
		{ "c=IN IP4 0.0.0.0\r\na=inactive\r\n", "a=inactive\r\n", SDP_SENDRECV, SDP_INACTIVE, true },
	};
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof text, "%sm=audio 6000 RTP/AVP 0\r\n%s", HEAD(1), rows[i].line);
		w->local.direction = rows[i].wanted;
		assert_non_null(answer(w, text));
		assert_has(buf_text(&w->text), rows[i].ours);
		assert_int_equal(w->agreed.direction, rows[i].direction);
		assert_int_equal(w->agreed.peer_holds, rows[i].holds);
		assert_int_equal(address_is_set(&w->agreed.rtp), strstr(rows[i].line, "c=") == NULL);
		assert_int_equal(address_is_set(&w->agreed.rtcp), strstr(rows[i].line, "c=") == NULL);
	}
}

/* A forked call: one offer, several answers, each with a negotiation of its own. */
static void test_copies_are_independent(void **state)
{
	struct world *w = *state;

	offer(w);
	struct sdp_negotiation *fork = sdp_negotiation_copy(w->n);
	assert_true(take(w, HEAD(1) "m=audio 6000 RTP/AVP 0\r\n"));
	struct sdp_agreed other;
	assert_true(sdp_take_answer(fork, SLICE(HEAD(1) "m=audio 7000 RTP/AVP 96 98\r\n"), &other));
	sdp_negotiation_free(w->n);
	w->n = sdp_negotiation_copy(fork);
	assert_codec(&other.codecs[0], "opus", 96, 96);
	assert_address(&other.rtp, "192.0.2.2:7000");
	assert_has(offer(w), "o=alice 4711 1 "); /* the same description as before: the same version */
	sdp_negotiation_free(fork);
}

static void test_what_we_can_do(void **state)
{
	struct world *w = *state;
	struct buf again;

	buf_init(&again, SDP_MAX);
	sdp_capabilities(&w->local, &w->text);
	sdp_capabilities(&w->local, &again);
	assert_has(buf_text(&w->text), "m=audio 0 RTP/AVP 96 0 8 97 98\r\n");
	assert_has(buf_text(&w->text), "t=0 0\r\n");
	assert_string_not_equal(buf_text(&w->text), buf_text(&again)); /* RFC 3264 9: a session id of its own each */
	buf_fini(&again);
}

static void test_bandwidth_and_mux(void **state)
{
	struct world *w = *state;
	static const char plain[] = HEAD(1) "m=audio 5000 RTP/AVP 0\r\n";
	static const char both[] =
		"v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=\r\nc=IN IP4 192.0.2.2\r\nb=AS:512\r\nt=0 0\r\n"
		"m=audio 5000 RTP/AVP 0\r\nb=TIAS:64000\r\nb=X-YZ:1\r\nb=RS:0\r\na=rtcp:5009\r\n"
		"a=rtcp-mux\r\na=mid:a\r\na=ssrc:1 cname:x\r\n";

	/* Off: neither offered nor taken. */
	assert_null(strstr(answer(w, both), "rtcp-mux"));
	assert_null(strstr(buf_text(&w->text), "b="));
	assert_false(w->agreed.rtcp_mux);
	assert_int_equal(address_port(&w->agreed.rtcp), 5009);
	assert_int_equal(w->agreed.bandwidth_tias, 64000);
	assert_int_equal(w->agreed.bandwidth_as, 0);
	assert_null(strstr(offer(w), "rtcp-mux"));
	/* On: RFC 5761 5.1.1. */
	w->local.rtcp_mux = true;
	w->local.bandwidth_as = 40;
	w->local.bandwidth_tias = 30000;
	const char *text = answer(w, both);
	assert_non_null(strstr(text, "\r\na=rtcp-mux\r\n"));
	assert_non_null(strstr(text, "m=audio 4000 RTP/AVP 0\r\nb=AS:40\r\nb=TIAS:30000\r\na="));
	assert_true(w->agreed.rtcp_mux);
	assert_int_equal(address_port(&w->agreed.rtcp), 5000);
	assert_null(strstr(answer(w, plain), "rtcp-mux"));
	assert_false(w->agreed.rtcp_mux);
	assert_int_equal(address_port(&w->agreed.rtcp), 5001);
	assert_non_null(strstr(offer(w), "a=rtcp-mux\r\n"));
	assert_true(take(w, plain));
	assert_false(w->agreed.rtcp_mux);
	offer(w);
	assert_true(take(w, both));
	assert_true(w->agreed.rtcp_mux);
	/* The session's counts where the line says nothing; nonsense limits nothing. */
	assert_non_null(answer(w,
			       "v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=\r\nc=IN IP4 192.0.2.2\r\nb=AS:512\r\nt=0 0\r\n"
			       "m=audio 5000 RTP/AVP 0\r\n"));
	assert_int_equal(w->agreed.bandwidth_as, 512);
	assert_non_null(
		answer(w, HEAD(1) "m=audio 5000 RTP/AVP 0\r\nb=AS:99999999999\r\nb=AS:\r\nb=TIAS\r\nb=AS:-4\r\n"));
	assert_int_equal(w->agreed.bandwidth_as, 0);
}

/* What is no place for sound in an offer is none in an answer. */
static void test_answers_without_a_usable_address(void **state)
{
	static const char *const places[] = { "IP4 224.0.0.77", "IP4 255.255.255.255", "IP6 2001:db8::1",
					      "IP6 ff02::1", "IP4 127.0.0.1" };
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		offer(w);
		snprintf(text, sizeof text, "v=0\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN %s\r\nt=0 0\r\n"
					    "m=audio 5000 RTP/AVP 0\r\n", places[i]);
		assert_false(take(w, text));
	}
}

/* The loopback interface is for who is there himself, our own socket for nobody. */
static void test_places_on_this_host(void **state)
{
	struct world *w = *state;

	assert_true(address_parse(&w->local.rtp, SLICE("127.0.0.1:4000"), 0));
	assert_non_null(answer(w, AT("c=IN IP4 127.0.0.1")));
	assert_address(&w->agreed.rtp, "127.0.0.1:9");
	assert_null(answer(w, "v=0\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			      "m=audio 4000 RTP/AVP 0\r\n"));
	assert_true(address_parse(&w->local.rtp, SLICE("192.0.2.1:4000"), 0));
	assert_null(answer(w, AT("c=IN IP4 127.0.0.1")));
	assert_int_equal(sdp_refusal(SLICE(AT("c=IN IP4 127.0.0.1")), &w->local), 301);
	assert_non_null(answer(w, AT("c=IN IP4 192.0.2.1")));
	/* Reports follow the sound rather than go there; to its own port where that is said. */
	assert_non_null(answer(w, HEAD(1) "m=audio 5000 RTP/AVP 0\r\na=rtcp:53 IN IP4 127.0.0.1\r\n"));
	assert_address(&w->agreed.rtcp, "192.0.2.2:5001");
	assert_non_null(answer(w, HEAD(1) "m=audio 5000 RTP/AVP 0\r\na=rtcp:5000\r\n"));
	assert_address(&w->agreed.rtcp, "192.0.2.2:5000");
}

/* Nor is it one for reports: they follow the sound. */
static void test_reports_go_to_no_group(void **state)
{
	struct world *w = *state;

	offer(w);
	assert_true(take(w, HEAD(1) "m=audio 5000 RTP/AVP 0\r\na=rtcp:40101 IN IP4 224.0.0.78\r\n"));
	assert_address(&w->agreed.rtcp, "192.0.2.2:5001");
	offer(w);
	assert_true(take(w, HEAD(2) "m=audio 5000 RTP/AVP 0\r\na=rtcp:40101 IN IP4 192.0.2.3\r\n"));
	assert_address(&w->agreed.rtcp, "192.0.2.3:40101");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_first_offer),
		T(test_answers_without_a_usable_address),
		T(test_places_on_this_host),
		T(test_reports_go_to_no_group),
		T(test_an_offer_over_ipv6_with_one_codec),
		T(test_the_version_rises_with_changes_only),
		T(test_user_names_in_the_origin),
		T(test_an_answer_with_one_codec),
		T(test_an_answer_with_several_codecs_counts_in_its_order),
		T(test_an_answer_by_number_alone),
		T(test_an_answer_that_refuses_the_line),
		T(test_answers_that_are_none),
		T(test_later_offers_keep_numbers),
		T(test_we_hold_and_resume),
		T(test_addresses_that_no_sound_can_be_sent_to),
		T(test_the_peer_holds),
		T(test_copies_are_independent),
		T(test_what_we_can_do),
		T(test_bandwidth_and_mux),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
