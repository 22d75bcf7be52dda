/* Offer and answer: RFC 3264 rule by rule, and its section 10 with our codecs. */
#include "sdp/offer.h"

#include "../unit.h"

static const struct sdp_codec all[] = {
	{ "opus", 48000, 2, -1, "useinbandfec=1" },
	{ "PCMU", 8000, 1, 0, NULL },
	{ "PCMA", 8000, 1, 8, NULL },
	{ "telephone-event", 48000, 1, -1, "0-16" },
	{ "telephone-event", 8000, 1, -1, "0-16" },
};

struct world {
	struct sdp_negotiation *n;
	struct sdp_local local;
	struct buf text;
	struct sdp_agreed agreed;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->n = sdp_negotiation_new(4711, "alice");
	w->local = (struct sdp_local){
		.codecs = all, .codec_count = ARRAY_LEN(all), .ptime_ms = 20, .direction = SDP_SENDRECV
	};
	assert_true(address_parse(&w->local.rtp, SLICE("192.0.2.1:4000"), 0));
	buf_init(&w->text, 2 * SDP_MAX);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sdp_negotiation_free(w->n);
	buf_fini(&w->text);
	free(w);
	return 0;
}

#define HEAD(version) "v=0\r\no=bob 2890844730 " #version " IN IP4 192.0.2.2\r\ns=\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"

static const char *offer(struct world *w)
{
	buf_clear(&w->text);
	sdp_make_offer(w->n, &w->local, &w->text);
	return buf_text(&w->text);
}

/* Answer; NULL when it was refused. */
static const char *answer(struct world *w, const char *text)
{
	buf_clear(&w->text);
	if (!sdp_make_answer(w->n, slice_of(text), &w->local, &w->text, &w->agreed)) {
		assert_int_equal(w->text.n, 0);
		assert_int_equal(w->agreed.codec_count, 0);
		return NULL;
	}
	return buf_text(&w->text);
}

static bool take(struct world *w, const char *text)
{
	return sdp_take_answer(w->n, slice_of(text), &w->agreed);
}

static void assert_address(const struct address *address, const char *text)
{
	char found[ADDRESS_TEXT];

	assert_true(address_is_set(address));
	assert_string_equal(address_print(address, found), text);
}

static void assert_codec(const struct sdp_agreed_codec *codec, const char *encoding, unsigned send, unsigned receive)
{
	assert_string_equal(codec->codec->encoding, encoding);
	assert_int_equal(codec->send_pt, send);
	assert_int_equal(codec->receive_pt, receive);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

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

/* ---- our answers ---- */

static void test_an_answer_follows_the_offers_order_and_numbers(void **state)
{
	struct world *w = *state;

	assert_non_null(answer(w, HEAD(1) "m=audio 6000 RTP/AVP 18 8 120 101 0 121 122\r\n"
					  "a=rtpmap:120 OPUS/48000/2\r\na=fmtp:120 maxaveragebitrate=20000\r\n"
					  "a=rtpmap:101 Telephone-Event/8000\r\na=fmtp:101 0-15\r\n"
					  "a=rtpmap:121 telephone-event/48000\r\na=rtpmap:122 opus/48000/2\r\n"
					  "a=ptime:60\r\na=maxptime:40\r\n"));
	assert_string_equal(buf_text(&w->text), "v=0\r\n"
						"o=alice 4711 1 IN IP4 192.0.2.1\r\n"
						"s=-\r\n"
						"c=IN IP4 192.0.2.1\r\n"
						"t=0 0\r\n"
						"m=audio 4000 RTP/AVP 8 120 101 0 121\r\n"
						"a=rtpmap:8 PCMA/8000\r\n"
						"a=rtpmap:120 opus/48000/2\r\n"
						"a=fmtp:120 useinbandfec=1\r\n"
						"a=rtpmap:101 telephone-event/8000\r\n"
						"a=fmtp:101 0-16\r\n"
						"a=rtpmap:0 PCMU/8000\r\n"
						"a=rtpmap:121 telephone-event/48000\r\n"
						"a=fmtp:121 0-16\r\n"
						"a=ptime:20\r\n"
						"a=sendrecv\r\n");
	assert_int_equal(w->agreed.codec_count, 3);
	assert_codec(&w->agreed.codecs[0], "PCMA", 8, 8);
	assert_codec(&w->agreed.codecs[1], "opus", 120, 120);
	assert_true(slice_eq(w->agreed.codecs[1].peer_fmtp, SLICE("maxaveragebitrate=20000")));
	assert_codec(&w->agreed.codecs[2], "PCMU", 0, 0);
	assert_int_equal(w->agreed.event_count, 2);
	assert_codec(&w->agreed.events[0], "telephone-event", 101, 101);
	assert_int_equal(w->agreed.events[0].codec->clock_rate, 8000);
	assert_int_equal(w->agreed.events[1].codec->clock_rate, 48000);
	assert_int_equal(w->agreed.ptime_ms, 40); /* never more than its maximum */
	assert_int_equal(w->agreed.maxptime_ms, 40);
}

static void test_events_at_the_clock_of_a_codec_or_at_any(void **state)
{
	struct world *w = *state;

	assert_has(answer(w, HEAD(1) "m=audio 6000 RTP/AVP 0 100 101\r\na=rtpmap:100 "
				     "telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\n"),
		   "m=audio 4000 RTP/AVP 0 101\r\n");
	assert_has(answer(w, HEAD(2) "m=audio 6000 RTP/AVP 111 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 "
				     "telephone-event/8000\r\n"),
		   "m=audio 4000 RTP/AVP 111 101\r\n");
	assert_int_equal(w->agreed.event_count, 1);
}

/* Redundancy stands beside a codec of its clock, and says which (RFC 2198 5). */
static void test_redundancy_goes_with_a_codec(void **state)
{
	struct world *w = *state;
	static const struct sdp_codec codecs[] = {
		{ "opus", 48000, 2, -1, NULL },
		{ "PCMU", 8000, 1, 0, NULL },
		{ "red", 48000, 2, -1, NULL },
		{ "red", 8000, 1, -1, NULL },
		{ "telephone-event", 8000, 1, -1, "0-15" },
	};

	w->local.codecs = codecs;
	w->local.codec_count = ARRAY_LEN(codecs);
	/* Offered for the best codec alone ... */
	assert_has(offer(w), "m=audio 4000 RTP/AVP 96 0 97 98\r\n");
	assert_has(buf_text(&w->text), "a=rtpmap:97 red/48000/2\r\na=fmtp:97 96/96\r\n");
	assert_true(take(w,
			 HEAD(1) "m=audio 6000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 red/48000/2\r\n"
				 "a=fmtp:97 96/96\r\n"));
	assert_int_equal(w->agreed.codec_count, 1);
	assert_int_equal(w->agreed.red_count, 1);
	assert_codec(&w->agreed.reds[0], "red", 97, 97);
	/* ... taken with any. */
	assert_has(answer(w, HEAD(2) "m=audio 6000 RTP/AVP 0 121\r\na=rtpmap:121 red/8000\r\na=fmtp:121 0/0\r\n"),
		   "m=audio 4000 RTP/AVP 0 121\r\n");
	assert_int_equal(w->agreed.red_count, 1);
	/* that of another clock has nothing to carry, and alone it is no sound */
	assert_has(answer(w, HEAD(3) "m=audio 6000 RTP/AVP 0 120\r\na=rtpmap:120 red/48000/2\r\n"),
		   "m=audio 4000 RTP/AVP 0\r\n");
	assert_int_equal(w->agreed.red_count, 0);
	assert_null(answer(w, HEAD(4) "m=audio 6000 RTP/AVP 120\r\na=rtpmap:120 red/8000\r\n"));
}

static void test_other_lines_keep_their_place_and_are_rejected(void **state)
{
	struct world *w = *state;

	assert_non_null(answer(w, "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=3034423619 3042462419\r\n"
				  "m=image 7000 udptl t38\r\nc=IN IP4 192.0.2.2\r\n"
				  "m=audio 7002 RTP/SAVP 0 8\r\nc=IN IP4 192.0.2.2\r\n"
				  "m=audio 7004 RTP/AVP 18\r\nc=IN IP4 192.0.2.2\r\n"
				  "m=audio 7006 RTP/AVP 0\r\nc=IN IP4 192.0.2.3\r\n"
				  "m=audio 7008 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\n"
				  "m=video 0 RTP/AVP\r\n"));
	assert_has(buf_text(&w->text), "t=3034423619 3042462419\r\n"
				       "m=image 0 udptl t38\r\n"
				       "m=audio 0 RTP/SAVP 0 8\r\n"
				       "m=audio 0 RTP/AVP 18\r\n"
				       "m=audio 4000 RTP/AVP 0\r\n"
				       "a=rtpmap:0 PCMU/8000\r\n"
				       "a=ptime:20\r\n"
				       "a=sendrecv\r\n"
				       "m=audio 0 RTP/AVP 0\r\n"
				       "m=video 0 RTP/AVP 0\r\n");
	assert_address(&w->agreed.rtp, "192.0.2.3:7006");
	/* Our own later offer has the same lines in the same order. */
	w->local.direction = SDP_SENDONLY;
	assert_has(offer(w), "t=0 0\r\nm=image 0 udptl t38\r\nm=audio 0 RTP/SAVP 0 8\r\nm=audio 0 RTP/AVP "
			     "18\r\nm=audio 4000 RTP/AVP 96 0 8 97 98\r\n");
	assert_has(buf_text(&w->text), "a=sendonly\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 0\r\n");
	assert_has(buf_text(&w->text), "o=alice 4711 2 ");
	assert_false(take(w, HEAD(1) "m=audio 6000 RTP/AVP 0\r\n"));
	offer(w);
	assert_true(take(w, HEAD(1) "m=image 0 udptl t38\r\nm=audio 0 RTP/SAVP 0\r\nm=audio 0 RTP/AVP 0\r\nm=audio "
				    "7006 RTP/AVP 0\r\na=recvonly\r\n"
				    "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"));
	assert_address(&w->agreed.rtp, "192.0.2.2:7006");
	assert_int_equal(w->agreed.direction, SDP_SENDONLY);
}

static void test_the_line_in_use_stays_in_use(void **state)
{
	struct world *w = *state;

	assert_has(answer(w, HEAD(1) "m=audio 0 RTP/AVP 0\r\nm=audio 6000 RTP/AVP 0\r\n"),
		   "m=audio 0 RTP/AVP 0\r\nm=audio 4000 ");
	assert_has(answer(w, HEAD(2) "m=audio 6002 RTP/AVP 0\r\nm=audio 6000 RTP/AVP 0\r\n"),
		   "m=audio 0 RTP/AVP 0\r\nm=audio 4000 ");
	assert_address(&w->agreed.rtp, "192.0.2.2:6000");
	assert_has(answer(w, HEAD(3) "m=audio 6002 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n"),
		   "m=audio 4000 RTP/AVP 0\r\n");
	assert_has(buf_text(&w->text), "a=sendrecv\r\nm=audio 0 RTP/AVP 0\r\n");
}

static void test_offers_without_anything_for_us(void **state)
{
	static const char *const bad[] = {
		"",
		"v=0\r\n",
		HEAD(1),
		HEAD(1) "m=audio 0 RTP/AVP 0\r\n",
		HEAD(1) "m=video 6000 RTP/AVP 31\r\n",
		HEAD(1) "m=audio 6000 RTP/SAVP 0\r\n",
		HEAD(1) "m=audio 6000 RTP/AVPF 0\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 111\r\na=rtpmap:111 opus/48000\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 111\r\na=rtpmap:111 opus/16000/2\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 96\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127\r\n",
		HEAD(1) "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 host.example.com\r\n",
		"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n",
	};
	struct world *w = *state;
	char before[2048];

	assert_non_null(answer(w, HEAD(1) "m=video 0 RTP/AVP 31\r\nm=audio 6000 RTP/AVP 0\r\n"));
	snprintf(before, sizeof before, "%s", offer(w));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (answer(w, bad[i]))
			fail_msg("answered: %s", bad[i]);
	/* The state is as before. */
	assert_string_equal(offer(w), before);
}

static void test_numbers_of_the_peer_are_not_used_for_something_else(void **state)
{
	struct world *w = *state;

	assert_non_null(answer(
		w, HEAD(1) "m=audio 6000 RTP/AVP 0 96 97\r\na=rtpmap:96 iLBC/8000\r\na=rtpmap:97 speex/8000\r\n"));
	/* opus gets the first number that means nothing yet. */
	assert_has(offer(w), "m=audio 4000 RTP/AVP 98 0 8 99 100\r\n");
	/* And what was agreed under the peer's number keeps it. */
	assert_non_null(answer(w, HEAD(2) "m=audio 6000 RTP/AVP 113 114\r\na=rtpmap:113 opus/48000/2\r\na=rtpmap:114 "
					  "telephone-event/48000\r\n"));
	assert_has(offer(w), "m=audio 4000 RTP/AVP 113 0 8 114 100\r\n");
}

static void test_all_dynamic_numbers_used_up(void **state)
{
	struct world *w = *state;
	struct buf text;

	buf_init(&text, SDP_MAX);
	for (int block = 0; block < 3; block++) {
		buf_clear(&text);
		buf_add(&text, SLICE(HEAD(1) "m=audio 6000 RTP/AVP 0"));
		for (int i = 0; i < 30; i++)
			buf_printf(&text, " %d", block == 0 ? 96 + i : block == 1 ? 120 + i % 8 : 35 + i);
		buf_add(&text, SLICE("\r\n"));
		assert_non_null(answer(w, buf_text(&text)));
		if (block == 1)
			assert_has(offer(w), "m=audio 4000 RTP/AVP 35 0 8 36 37\r\n");
	}
	buf_fini(&text);
}

/* RFC 3264 10.1 and 10.2, with addresses for names and our codecs for theirs. */
static void test_rfc_3264_section_10(void **state)
{
	struct world *w = *state;
	struct sdp_local bob = w->local;
	struct sdp_negotiation *b = sdp_negotiation_new(2890844730, "bob");
	struct sdp_agreed agreed;
	struct buf text;

	buf_init(&text, 2 * SDP_MAX);
	bob.codecs = &all[1];
	bob.codec_count = 2;
	assert_true(address_parse(&bob.rtp, SLICE("192.0.2.2:49920"), 0));
	const char *first =
		"v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		"m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 "
		"H261/90000\r\n"
		"m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n";
	assert_true(sdp_make_answer(b, slice_of(first), &bob, &text, &agreed));
	assert_has(buf_text(&text),
		   "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\nm=video 0 RTP/AVP "
		   "31\r\nm=video 0 RTP/AVP 32\r\n");
	assert_has(buf_text(&text), "o=bob 2890844730 1 ");
	/* Bob moves his port. */
	address_set_port(&bob.rtp, 65422);
	buf_clear(&text);
	sdp_make_offer(b, &bob, &text);
	assert_has(buf_text(&text), "o=bob 2890844730 2 ");
	assert_has(buf_text(&text), "m=audio 65422 RTP/AVP 0 8\r\n");
	assert_has(buf_text(&text), "m=video 0 RTP/AVP 31\r\nm=video 0 RTP/AVP 32\r\n");
	assert_true(sdp_take_answer(
		b,
		slice_of(
			"v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.1\r\ns=\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
			"m=audio 49170 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nm=video 0 RTP/AVP 32\r\n"),
		&agreed));
	assert_int_equal(agreed.codec_count, 1);
	/* 10.2: inactive first, then one codec with both directions; each side ours. */
	w->local.direction = SDP_INACTIVE;
	bob.direction = SDP_SENDRECV;
	sdp_negotiation_free(b);
	b = sdp_negotiation_new(2890844730, "bob");
	buf_clear(&text);
	assert_true(sdp_make_answer(b, slice_of(offer(w)), &bob, &text, &agreed));
	assert_has(buf_text(&text), "RTP/AVP 0 8\r\n");
	assert_has(buf_text(&text), "a=inactive\r\n");
	assert_true(take(w, buf_text(&text)));
	assert_int_equal(w->agreed.codec_count, 2);
	assert_int_equal(w->agreed.direction, SDP_INACTIVE);
	w->local.direction = SDP_SENDRECV;
	w->local.codecs = &all[2];
	w->local.codec_count = 1;
	buf_clear(&text);
	assert_true(sdp_make_answer(b, slice_of(offer(w)), &bob, &text, &agreed));
	assert_has(buf_text(&text), "o=bob 2890844730 2 ");
	assert_has(buf_text(&text), "RTP/AVP 8\r\n");
	assert_has(buf_text(&text), "a=sendrecv\r\n");
	assert_true(take(w, buf_text(&text)));
	assert_codec(&w->agreed.codecs[0], "PCMA", 8, 8);
	assert_int_equal(w->agreed.direction, SDP_SENDRECV);
	assert_int_equal(agreed.direction, SDP_SENDRECV);
	sdp_negotiation_free(b);
	buf_fini(&text);
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

static void test_a_hostile_offer_has_a_bounded_answer(void **state)
{
	struct world *w = *state;
	struct buf text;

	buf_init(&text, SDP_MAX);
	buf_add(&text, SLICE(HEAD(1) "m=audio 6000 RTP/AVP 0\r\nm=x 1 y "));
	while (text.n < SDP_MAX - 2)
		buf_add_char(&text, 'z');
	buf_add(&text, SLICE("\r\n"));
	assert_non_null(answer(w, buf_text(&text)));
	assert_false(w->text.full);
	/* A buffer without room is told, not cut. */
	struct buf small;
	buf_init(&small, 4096);
	assert_false(sdp_make_answer(w->n, buf_slice(&text), &w->local, &small, &w->agreed));
	assert_int_equal(small.n, 0);
	buf_fini(&small);
	buf_fini(&text);
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

#define AT(connection) \
	"v=0\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=\r\n" connection "\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"

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

/* RFC 3264 8.2: a line that the peer closes is closed, and may be opened again. A first offer so is refused. */
static void test_a_line_is_closed_and_opened_again(void **state)
{
	struct world *w = *state;

	assert_null(answer(w, HEAD(1) "m=audio 0 RTP/AVP 0\r\n"));
	assert_non_null(answer(w, HEAD(1) "m=audio 5000 RTP/AVP 0\r\n"));
	const char *text = answer(w, HEAD(2) "m=audio 0 RTP/AVP 0\r\n");
	assert_non_null(text);
	assert_has(text, "m=audio 0 RTP/AVP 0\r\n");
	assert_true(w->agreed.rejected);
	assert_int_equal(w->agreed.direction, SDP_INACTIVE);
	assert_has(answer(w, HEAD(3) "m=audio 5000 RTP/AVP 0\r\n"), "m=audio 4000 RTP/AVP 0");
	assert_false(w->agreed.rejected);
	assert_has(offer(w), "m=audio 4000 RTP/AVP");
}


/* RFC 3261 20.43 */
static void why_an_offer_is_refused(void **state)
{
	static const struct {
		unsigned code;
		const char *text;
	} rows[] = {
		{ 300, AT("c=ATM NSAP 47.0091") },
		{ 301, AT("c=IN IP6 2001:db8::1") },
		{ 301, AT("c=IN IP4 media.example") },
		{ 302, HEAD(1) "m=audio 9 RTP/SAVP 0\r\n" },
		{ 302, HEAD(1) "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" },
		{ 304, HEAD(1) "m=video 9 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" },
		{ 304, HEAD(1) "m=audio 0 RTP/AVP 0\r\n" },
		{ 304, HEAD(1) },
		{ 305, HEAD(1) "m=audio 9 RTP/AVP 96\r\na=rtpmap:96 iLBC/8000\r\n" },
		{ 305, HEAD(1) "m=video 9 RTP/AVP 97\r\nm=audio 9 RTP/AVP 96\r\na=rtpmap:96 iLBC/8000\r\n" },
		{ 307, "v=1\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=\r\nt=0 0\r\n" },
		{ 330, AT("c=IN IP4 224.2.1.1/127") },
		{ 399, "hello" },
		{ 399, "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(answer(w, rows[i].text));
		assert_int_equal(sdp_refusal(slice_of(rows[i].text), &w->local), rows[i].code);
	}
	/* Where nothing clear will do. */
	static const char clear[] = HEAD(1) "m=audio 9 RTP/AVP 0\r\n";
	w->local.keying = &sdp_sdes;
	w->local.encryption_required = true;
	assert_int_equal(sdp_refusal(slice_of(clear), &w->local), 302);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_the_first_offer),
		T(test_answers_without_a_usable_address),
		T(test_places_on_this_host),
		T(test_reports_go_to_no_group),
		T(test_a_line_is_closed_and_opened_again),
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
		T(test_an_answer_follows_the_offers_order_and_numbers),
		T(test_events_at_the_clock_of_a_codec_or_at_any),
		T(test_redundancy_goes_with_a_codec),
		T(test_other_lines_keep_their_place_and_are_rejected),
		T(test_the_line_in_use_stays_in_use),
		T(test_offers_without_anything_for_us),
		T(test_numbers_of_the_peer_are_not_used_for_something_else),
		T(test_all_dynamic_numbers_used_up),
		T(test_rfc_3264_section_10),
		T(test_copies_are_independent),
		T(test_what_we_can_do),
		T(test_a_hostile_offer_has_a_bounded_answer),
		T(test_bandwidth_and_mux),
		T(why_an_offer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
