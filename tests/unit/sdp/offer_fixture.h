/* One side of a call that offers and answers, and what it says. */
#pragma once

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

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	struct world *w = *state;

	sdp_negotiation_free(w->n);
	buf_fini(&w->text);
	free(w);
	return 0;
}

#define HEAD(version) "v=0\r\no=bob 2890844730 " #version " IN IP4 192.0.2.2\r\ns=\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"

static inline const char *offer(struct world *w)
{
	buf_clear(&w->text);
	sdp_make_offer(w->n, &w->local, &w->text);
	return buf_text(&w->text);
}

/* Answer; NULL when it was refused. */
static inline const char *answer(struct world *w, const char *text)
{
	buf_clear(&w->text);
	if (!sdp_make_answer(w->n, slice_of(text), &w->local, &w->text, &w->agreed)) {
		assert_int_equal(w->text.n, 0);
		assert_int_equal(w->agreed.codec_count, 0);
		return NULL;
	}
	return buf_text(&w->text);
}

static inline bool take(struct world *w, const char *text)
{
	return sdp_take_answer(w->n, slice_of(text), &w->agreed);
}

static inline void assert_address(const struct address *address, const char *text)
{
	char found[ADDRESS_TEXT];

	assert_true(address_is_set(address));
	assert_string_equal(address_print(address, found), text);
}

static inline void assert_codec(const struct sdp_agreed_codec *codec, const char *encoding, unsigned send,
				unsigned receive)
{
	assert_string_equal(codec->codec->encoding, encoding);
	assert_int_equal(codec->send_pt, send);
	assert_int_equal(codec->receive_pt, receive);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

#define AT(connection) \
	"v=0\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=\r\n" connection "\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
