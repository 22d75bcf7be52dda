/*
 * Fuzz target of session descriptions: any bytes as an offer and as an answer; what comes back must itself be a
 * description, with as many media lines, and hold nothing that was not offered.
 * Run: sdp_fuzz -dict=tests/fuzz/sdp.dict tests/fuzz/corpus/sdp
 */
#include "sdp/offer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sdp_codec codecs[] = {
	{ "opus", 48000, 2, -1, "useinbandfec=1" },
	{ "PCMU", 8000, 1, 0, NULL },
	{ "PCMA", 8000, 1, 8, NULL },
	{ "G722", 8000, 1, 9, NULL },
	{ "L16", 44100, 1, 11, NULL },
	{ "L16", 16000, 1, -1, NULL },
	{ "telephone-event", 48000, 1, -1, "0-16" },
	{ "telephone-event", 8000, 1, -1, "0-16" },
};

static const uint8_t key[SDP_KEY_BYTES] = "a key that the peer had better not send back";
static const struct sdp_crypto cryptos[] = {
	{ "AEAD_AES_256_GCM", key, 44 },
	{ "AES_CM_128_HMAC_SHA1_80", key, 30 },
};

static void check(bool right)
{
	if (!right)
		abort();
}

static bool is_in(const struct sdp_media *offered, const struct sdp_format *format)
{
	for (size_t i = 0; i < offered->format_count; i++) {
		const struct sdp_format *f = &offered->formats[i];
		if (f->payload_type == format->payload_type && slice_ieq(f->encoding, format->encoding) &&
		    f->clock_rate == format->clock_rate && f->channels == format->channels)
			return true;
	}
	return false;
}

/* "7 AES_CM_128_HMAC_SHA1_80 ...": the tag and the suite; blanks between them do not count. */
static bool same_crypto(struct slice a, struct slice b)
{
	for (int i = 0; i < 2; i++) {
		struct slice words[2] = { slice_trim(a), slice_trim(b) };
		size_t ends[2];
		for (int k = 0; k < 2; k++)
			for (ends[k] = 0; ends[k] < words[k].n && !strchr(" \t", words[k].p[ends[k]]); ends[k]++)
				;
		if (!slice_ieq(slice_sub(words[0], 0, ends[0]), slice_sub(words[1], 0, ends[1])))
			return false;
		a = slice_from(words[0], ends[0]);
		b = slice_from(words[1], ends[1]);
	}
	return true;
}

/* RFC 4568 5.1.2: one of those offered, or none; none only on RTP/AVP. */
static void check_cryptos(const struct sdp_media *offered, const struct sdp_media *answered)
{
	size_t count = 0;

	for (size_t i = 0; i < answered->attribute_count; i++) {
		bool found = false;
		if (!slice_eq(answered->attributes[i].name, SLICE("crypto")))
			continue;
		count++;
		for (size_t k = 0; k < offered->attribute_count; k++)
			found |= slice_ieq(offered->attributes[k].name, SLICE("crypto")) &&
				 same_crypto(offered->attributes[k].value, answered->attributes[i].value);
		check(found);
	}
	check(count <= 1 && (count || slice_ieq(answered->protocol, SLICE("RTP/AVP"))));
}

/* RFC 3264 6: as many lines, of the same type and protocol, in the same order; one of them accepted. */
static void check_answer(struct slice offer, struct slice answer)
{
	struct sdp_session *asked = malloc(sizeof *asked), *told = malloc(sizeof *told);
	struct arena arena;
	size_t accepted = 0;

	check(asked && told);
	arena_init(&arena);
	check(sdp_parse(&arena, offer, asked, NULL));
	check(sdp_parse(&arena, answer, told, NULL));
	check(asked->media_count == told->media_count);
	for (size_t i = 0; i < told->media_count; i++) {
		const struct sdp_media *o = &asked->media[i], *a = &told->media[i];
		check(slice_ieq(a->type, o->type) && slice_ieq(a->protocol, o->protocol));
		if (!a->port)
			continue;
		accepted++;
		check(o->port && a->format_count);
		for (size_t k = 0; k < a->format_count; k++)
			check(is_in(o, &a->formats[k]));
		check_cryptos(o, a);
		check(!a->rtcp_mux || o->rtcp_mux);
	}
	check(accepted == 1);
	arena_fini(&arena);
	free(asked);
	free(told);
}

static void check_agreed(const struct sdp_agreed *agreed)
{
	check(!agreed->secured.on || (agreed->secured.suite && agreed->secured.key_count &&
				      agreed->secured.key_count <= SDP_KEYS_MAX && agreed->secured.mki_bytes <= 128));
	check(agreed->rejected || agreed->codec_count > 0);
	for (size_t i = 0; i < agreed->codec_count; i++)
		check(agreed->codecs[i].codec && agreed->codecs[i].send_pt < 128 && agreed->codecs[i].receive_pt < 128);
	for (size_t i = 0; i < agreed->event_count; i++)
		check(agreed->events[i].codec && agreed->events[i].send_pt < 128 && agreed->events[i].receive_pt < 128);
}

static void as_offer(struct slice text, const struct sdp_local *local)
{
	struct sdp_negotiation *n = sdp_negotiation_new(1, "fuzz");
	struct sdp_agreed agreed;
	struct buf first, again;

	buf_init(&first, 2 * SDP_MAX);
	buf_init(&again, 2 * SDP_MAX);
	if (sdp_make_answer(n, text, local, &first, &agreed)) {
		check_agreed(&agreed);
		check_answer(text, buf_slice(&first));
		/* The same question gets the same answer, under the same version. */
		check(sdp_make_answer(n, text, local, &again, &agreed));
		check(slice_eq(buf_slice(&first), buf_slice(&again)));
		buf_clear(&again);
		sdp_make_offer(n, local, &again);
		check(!again.full);
		if (sdp_take_answer(n, text, &agreed))
			check_agreed(&agreed);
	} else {
		check(!first.n);
	}
	buf_fini(&first);
	buf_fini(&again);
	sdp_negotiation_free(n);
}

static void as_answer(struct slice text, const struct sdp_local *local)
{
	struct sdp_negotiation *n = sdp_negotiation_new(2, "fuzz");
	struct sdp_agreed agreed;
	struct buf offer;

	buf_init(&offer, 2 * SDP_MAX);
	sdp_make_offer(n, local, &offer);
	if (sdp_take_answer(n, text, &agreed))
		check_agreed(&agreed);
	buf_fini(&offer);
	sdp_negotiation_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp_local local = { .codecs = codecs, .codec_count = ARRAY_LEN(codecs), .ptime_ms = 20 };
	struct slice text = slice_make(data, size);

	if (!address_parse(&local.rtp, SLICE("192.0.2.1:4000"), 0))
		abort();
	if (size % 2) {
		local.keying = &sdp_sdes;
		local.encryption_required = size % 4 == 1;
		local.cryptos = cryptos;
		local.crypto_count = ARRAY_LEN(cryptos);
	}
	local.rtcp_mux = size % 8 < 5;
	local.bandwidth_as = size % 5 ? 0 : 64;
	local.direction = size % 3 ? SDP_SENDRECV : SDP_SENDONLY;
	as_offer(text, &local);
	as_answer(text, &local);
	return 0;
}
