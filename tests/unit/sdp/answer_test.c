/* Our answers to the offers of others (RFC 3264 6). */
#include "offer_fixture.h"

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

static void test_an_answer_that_takes_nothing(void **state)
{
	struct world *w = *state;

	buf_clear(&w->text);
	assert_true(sdp_make_refusal(w->n, SLICE(HEAD(1) "m=video 7000 RTP/AVP 96\r\nm=audio 7002 RTP/SAVPF 9 18\r\n"),
				     &w->local, &w->text));
	assert_has(buf_text(&w->text), "t=0 0\r\nm=video 0 RTP/AVP 96\r\nm=audio 0 RTP/SAVPF 9 18\r\n");
	buf_clear(&w->text);
	assert_false(sdp_make_refusal(w->n, SLICE(HEAD(1)), &w->local, &w->text));
	assert_false(sdp_make_refusal(w->n, SLICE("hello"), &w->local, &w->text));
	assert_int_equal(w->text.n, 0);
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
		T(test_an_answer_follows_the_offers_order_and_numbers),
		T(test_events_at_the_clock_of_a_codec_or_at_any),
		T(test_redundancy_goes_with_a_codec),
		T(test_other_lines_keep_their_place_and_are_rejected),
		T(test_the_line_in_use_stays_in_use),
		T(test_offers_without_anything_for_us),
		T(test_an_answer_that_takes_nothing),
		T(test_numbers_of_the_peer_are_not_used_for_something_else),
		T(test_all_dynamic_numbers_used_up),
		T(test_rfc_3264_section_10),
		T(test_a_hostile_offer_has_a_bounded_answer),
		T(test_a_line_is_closed_and_opened_again),
		T(why_an_offer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
