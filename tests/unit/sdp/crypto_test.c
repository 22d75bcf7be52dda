/* Keys in session descriptions: RFC 4568 rule by rule. */
#include "sdp/offer.h"

#include "../unit.h"

static const struct sdp_codec codecs[] = { { "PCMU", 8000, 1, 0, NULL } };
static const uint8_t key_a[46] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		     key_b[46] = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
static const struct sdp_crypto cryptos[] = {
	{ "AES_256_CM_HMAC_SHA1_80", key_a, 46 },
	{ "AES_CM_128_HMAC_SHA1_80", key_b, 30 },
};

/* 30 bytes of "x", 46 of "y". */
#define KEY30 "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
#define KEY46 "eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eQ=="
#define OWN30 "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
#define HEAD "v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
#define AVP "m=audio 5000 RTP/AVP 0\r\n"
#define SAVP "m=audio 5000 RTP/SAVP 0\r\n"
#define GOOD "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n"

enum wish { OFF, OPTIONAL, REQUIRED };

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
	w->local = (struct sdp_local){ .codecs = codecs, .codec_count = 1, .direction = SDP_SENDRECV };
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

static void want(struct world *w, enum wish wish)
{
	w->local.keying = wish == OFF ? NULL : &sdp_sdes;
	w->local.encryption_required = wish == REQUIRED;
	w->local.cryptos = wish == OFF ? NULL : cryptos;
	w->local.crypto_count = wish == OFF ? 0 : ARRAY_LEN(cryptos);
}

static const char *offer(struct world *w)
{
	buf_clear(&w->text);
	sdp_make_offer(w->n, &w->local, &w->text);
	return buf_text(&w->text);
}

/* Of a call of its own; NULL when it was refused. */
static const char *answer(struct world *w, const char *text)
{
	sdp_negotiation_free(w->n);
	w->n = sdp_negotiation_new(4711, "alice");
	buf_clear(&w->text);
	return sdp_make_answer(w->n, slice_of(text), &w->local, &w->text, &w->agreed) ? buf_text(&w->text) : NULL;
}

static bool take(struct world *w, const char *text)
{
	return sdp_take_answer(w->n, slice_of(text), &w->agreed);
}

static void offers(void **state)
{
	struct world *w = *state;

	assert_null(strstr(offer(w), "crypto"));
	want(w, OPTIONAL);
	const char *text = offer(w);
	assert_non_null(strstr(text, "m=audio 4000 RTP/AVP 0\r\n"));
	assert_non_null(strstr(text, "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:"));
	assert_non_null(strstr(text, "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" OWN30 "\r\n"));
	assert_null(strstr(text, "a=crypto:3"));
	want(w, REQUIRED);
	assert_non_null(strstr(offer(w), "m=audio 4000 RTP/SAVP 0\r\n"));
}

static void an_answer_takes_one(void **state)
{
	struct world *w = *state;
	static const struct { enum wish wish; const char *text; bool good, on; } cases[] = {
		{ OFF, HEAD AVP, true, false },
		{ OFF, HEAD SAVP, false, false },
		{ OFF, HEAD AVP GOOD, true, false },
		{ OPTIONAL, HEAD AVP, true, false },
		{ OPTIONAL, HEAD AVP "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n", true, true },
		{ OPTIONAL, HEAD SAVP "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n", true, true },
		{ OPTIONAL, HEAD SAVP, false, false },
		{ REQUIRED, HEAD SAVP, false, false },
		{ REQUIRED, HEAD AVP, false, false },
		{ REQUIRED, HEAD SAVP "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" KEY46 "\r\n", true, true },
		/* Another tag than the suite's, a suite that was not offered, two of them, a key that is too short. */
		{ OPTIONAL, HEAD AVP "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n", false, false },
		{ OPTIONAL, HEAD AVP "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "\r\n", false, false },
		{ OPTIONAL, HEAD AVP "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n"
			    "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" KEY46 "\r\n", false, false },
		{ OPTIONAL, HEAD AVP "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" KEY30 "\r\n", false, false },
		/* Our own key come back. */
		{ OPTIONAL, HEAD AVP "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" OWN30 "\r\n", false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		want(w, cases[i].wish);
		sdp_negotiation_free(w->n);
		w->n = sdp_negotiation_new(1, "alice");
		offer(w);
		if (take(w, cases[i].text) != cases[i].good || w->agreed.secured.on != cases[i].on)
			fail_msg("case %zu", i);
	}
	assert_memory_equal(w->agreed.secured.keys[0].bytes, (uint8_t[46]){ 0 }, 46); /* the last was refused */
}

static void a_fork_has_its_own_key(void **state)
{
	struct world *w = *state;

	want(w, REQUIRED);
	offer(w);
	struct sdp_negotiation *fork = sdp_negotiation_copy(w->n);
	assert_true(take(w, HEAD SAVP "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" KEY46 "\r\n"));
	assert_int_equal(w->agreed.secured.keys[0].bytes[0], 'y');
	assert_true(sdp_take_answer(fork, SLICE(HEAD SAVP "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n"),
				    &w->agreed));
	assert_int_equal(w->agreed.secured.keys[0].bytes[0], 'x');
	assert_string_equal(w->agreed.secured.suite, "AES_CM_128_HMAC_SHA1_80");
	sdp_negotiation_free(fork);
}

static void which_line(void **state)
{
	struct world *w = *state;
	static const char both[] = HEAD AVP "m=audio 5002 RTP/SAVP 0\r\n" GOOD,
			  bad[] = HEAD SAVP "a=crypto:1 F8_128 inline:x\r\n";

	assert_non_null(answer(w, both));
	assert_int_equal(address_port(&w->agreed.rtp), 5000);
	assert_false(w->agreed.secured.on);
	assert_null(answer(w, HEAD SAVP GOOD));
	want(w, OPTIONAL);
	const char *text = answer(w, both);
	assert_non_null(text);
	assert_non_null(strstr(text, "m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/SAVP 0\r\n"));
	/* The tag and the suite of the offer, and our own key. */
	assert_non_null(strstr(text, "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:" OWN30 "\r\n"));
	assert_int_equal(address_port(&w->agreed.rtp), 5002);
	assert_int_equal(w->agreed.secured.keys[0].bytes[29], 'x');
	/* The same question again: the same line. */
	assert_true(sdp_make_answer(w->n, slice_of(both), &w->local, &w->text, &w->agreed));
	assert_int_equal(address_port(&w->agreed.rtp), 5002);
	/* Keys on RTP/AVP are taken; a line without is, too, unless they are required. */
	assert_non_null(strstr(answer(w, HEAD AVP GOOD), "m=audio 4000 RTP/AVP 0\r\n"));
	assert_true(w->agreed.secured.on);
	assert_non_null(answer(w, HEAD AVP));
	assert_null(strstr(buf_text(&w->text), "crypto"));
	assert_non_null(answer(w, HEAD AVP "a=crypto:1 F8_128 inline:x\r\n"));
	assert_false(w->agreed.secured.on);
	assert_null(answer(w, bad));
	want(w, REQUIRED);
	assert_null(answer(w, HEAD AVP));
	assert_null(answer(w, bad));
	assert_non_null(answer(w, HEAD AVP GOOD));
	assert_non_null(answer(w, both));
	assert_null(answer(w, HEAD "m=audio 5000 RTP/SAVPF 0\r\n" GOOD));
}

/* Which attributes can be used: RFC 4568 4, 6, 9.2. */
static void attributes(void **state)
{
	struct world *w = *state;
	static const struct { const char *value; bool good; } cases[] = {
#define A "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30
		{ A, true },
		{ "1  AES_CM_128_HMAC_SHA1_80\tinline:" KEY30 " ", true },
		{ "1 aes_cm_128_hmac_sha1_80 inline:" KEY30, true },
		{ "999999999 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, true },
		{ "0 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, true },
		{ "01 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, false },
		{ "1000000000 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, false },
		{ "x AES_CM_128_HMAC_SHA1_80 inline:" KEY30, false },
		{ "1 AES_CM_128_HMAC_SHA1_80", false },
		{ "1", false },
		{ "", false },
		{ "1 AES_CM_128_HMAC_SHA1_80 inline:", false },
		{ "1 AES_CM_128_HMAC_SHA1_80 outline:" KEY30, false },
		{ "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY46, false },
		{ "1 AES_CM_128_HMAC_SHA1_80 inline:e" KEY30, false },
		{ "1 AES_256_CM_HMAC_SHA1_80 inline:" KEY46, true },
		/* Padding may be left out, bits may not be left over. */
		{ "1 AES_256_CM_HMAC_SHA1_80 inline:eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eQ",
		  true },
		{ "1 AES_256_CM_HMAC_SHA1_80 inline:eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eR==",
		  false },
		/* lifetime */
		{ A "|2^20", true }, { A "|2^48", true }, { A "|1048576", true }, { A "|281474976710656", true },
		{ A "|2^49", false }, { A "|281474976710657", false }, { A "|0", false }, { A "|2^", false },
		{ A "|", false }, { A "|020", false }, { A "|2^020", false }, { A "|-1", false },
		/* identifier */
		{ A "|2^20|1:4", true }, { A "|1066:4", true }, { A "|1:128", true }, { A "|1:129", false },
		{ A "|1:0", false }, { A "|1:", false }, { A "|1:04", false }, { A "|01:4", false },
		{ A "|256:1", false },
		{ A "|255:1", true }, { A "|2^20|1", false }, { A "|1:4|2^20", false }, { A "|2^20|1:4|9", false },
		{ A "|:4", false },
		/* several keys: each with an identifier, of one length */
		{ A "|1:4;inline:" KEY30 "|2:4", true }, { A "|1:4;inline:" KEY30 "|2:2", false },
		{ A "|1:4;inline:" KEY30 "|1:4", false }, { A ";inline:" KEY30, false },
		{ A "|1:4;inline:" KEY30, false }, { A ";", false },
		{ A "|1:1;inline:" KEY30 "|2:1;inline:" KEY30 "|3:1;inline:" KEY30 "|4:1", true },
		{ A "|1:1;inline:" KEY30 "|2:1;inline:" KEY30 "|3:1;inline:" KEY30 "|4:1;inline:" KEY30 "|5:1", false },
		/* session parameters: what we cannot or will not do makes the attribute unusable */
		{ A " WSH=64", true }, { A " WSH=63", false }, { A " WSH=0100", false }, { A " WSH=", false },
		{ A " FEC_ORDER=FEC_SRTP WSH=128", true }, { A " FEC_ORDER=OTHER", false },
		{ A " FEC_KEY=inline:" KEY30, false }, { A " KDR=0", true }, { A " KDR=1", false },
		{ A " KDR=x", false },
		{ A " UNENCRYPTED_SRTP", false }, { A " UNENCRYPTED_SRTCP", false },
		{ A " UNAUTHENTICATED_SRTP", false },
		{ A " NEWER=1", false }, { A " -NEWER=1", true }, { A " -", false }, { A " -NEWER WSH=64", true },
#undef A
	};

	want(w, OPTIONAL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[1024];
		snprintf(text, sizeof text, HEAD SAVP "a=crypto:%s\r\n", cases[i].value);
		if ((answer(w, text) != NULL) != cases[i].good)
			fail_msg("%s", cases[i].value);
		/* One that cannot be used hides none behind it. */
		snprintf(text, sizeof text, HEAD SAVP "a=crypto:%s\r\n" GOOD, cases[i].value);
		assert_non_null(answer(w, text));
		assert_int_equal(w->agreed.secured.tag == 7, !cases[i].good);
	}
	assert_non_null(answer(w, HEAD SAVP "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^31|1:2;inline:" KEY30
					    "|2^31|515:2 WSH=256\r\n"));
	assert_int_equal(w->agreed.secured.key_count, 2);
	assert_int_equal(w->agreed.secured.keys[1].mki, 515);
	assert_int_equal(w->agreed.secured.mki_bytes, 2);
	assert_int_equal(w->agreed.secured.window, 256);
}

/* As many as a description holds, the good one last or behind what is kept. */
static void a_hostile_number_of_keys(void **state)
{
	struct world *w = *state;
	struct buf text;

	want(w, REQUIRED);
	for (int lines = 0; lines < SDP_MEDIA_MAX; lines++) {
		buf_init(&text, SDP_MAX);
		buf_add(&text, SLICE(HEAD));
		for (int i = 0; i < lines; i++)
			buf_add(&text, SLICE(SAVP "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"));
		buf_add(&text, SLICE(SAVP));
		while (SDP_MAX - text.n > 200)
			buf_add(&text, SLICE("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " NEWER\r\n"));
		buf_add(&text, SLICE(GOOD));
		/* More attributes than are kept: the good one is not seen. */
		assert_null(answer(w, buf_text(&text)));
		buf_fini(&text);
	}
	buf_init(&text, SDP_MAX);
	buf_add(&text, SLICE(HEAD SAVP));
	for (int i = 0; i < SDP_ATTRIBUTES_MAX - 1; i++)
		buf_add(&text, SLICE("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " N\r\n"));
	buf_add(&text, SLICE(GOOD));
	assert_non_null(answer(w, buf_text(&text)));
	assert_int_equal(w->agreed.secured.tag, 7);
	buf_fini(&text);
}

static void later_exchanges(void **state)
{
	struct world *w = *state;

	/* What was settled on RTP/AVP or RTP/SAVP stays there. */
	want(w, OPTIONAL);
	assert_non_null(answer(w, HEAD SAVP GOOD));
	assert_non_null(strstr(offer(w), "m=audio 4000 RTP/SAVP 0\r\n"));
	assert_true(take(w, HEAD SAVP "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "\r\n"));
	want(w, REQUIRED);
	assert_non_null(answer(w, HEAD AVP GOOD));
	assert_non_null(strstr(offer(w), "m=audio 4000 RTP/AVP 0\r\n"));
	assert_false(take(w, HEAD AVP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(offers, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_takes_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fork_has_its_own_key, setup, teardown),
		cmocka_unit_test_setup_teardown(which_line, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hostile_number_of_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(later_exchanges, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
