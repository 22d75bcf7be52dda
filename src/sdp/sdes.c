/*
 * SDES: keys in the descriptions themselves (RFC 4568). A crypto attribute that breaks a rule or asks for what we
 * cannot do is as if it were not there.
 */
#include "base/base64.h"
#include "sdp/internal.h"

static const uint64_t LIFETIME_MOST = UINT64_C(1) << 48;
enum { TAG_MOST = 999999999, MKI_BYTES_MOST = 128, WINDOW_LEAST = 64, WINDOW_MOST = 1000000 };

/* A decimal without leading zeros. */
static bool number(struct slice text, uint64_t max, uint64_t *value)
{
	return (text.n == 1 || !slice_begins(text, SLICE("0"))) && slice_to_u64(text, max, value);
}

/* ---- keys ---- */

/* "2^20" or "1048576": how many packets the peer will send with this key. Its affair, but it must make sense. */
static bool good_lifetime(struct slice text)
{
	uint64_t value;

	if (slice_begins(text, SLICE("2^")))
		return number(slice_from(text, 2), 48, &value);
	return number(text, LIFETIME_MOST, &value) && value > 0;
}

/* "1:4": identifier and how many bytes it has in a packet. */
static bool read_mki(struct slice text, uint64_t *mki, size_t *bytes)
{
	struct slice value = slice_cut(&text, ':');
	uint64_t length;

	if (!text.p || !number(value, UINT64_MAX, mki) || !number(text, MKI_BYTES_MOST, &length) || !length ||
	    (length < sizeof *mki && *mki >> (8 * length)))
		return false;
	*bytes = (size_t)length;
	return true;
}

/* "inline:KEY|2^20|1:4" */
static bool read_key(struct slice text, size_t key_bytes, struct sdp_secured *secured)
{
	struct slice method = slice_cut(&text, ':'), material = slice_cut(&text, '|');
	struct sdp_key *key = &secured->keys[secured->key_count];
	size_t n, mki_bytes = 0;

	if (!slice_ieq(method, SLICE("inline")) || secured->key_count == SDP_KEYS_MAX ||
	    !base64_read(material, key->bytes, sizeof key->bytes, &n) || n != key_bytes)
		return false;
	key->mki = 0;
	if (text.p && slice_find(text, ':') == text.n) {
		if (!good_lifetime(slice_cut(&text, '|')))
			return false;
	} else if (text.p && slice_find(text, '|') < slice_find(text, ':') && !good_lifetime(slice_cut(&text, '|'))) {
		return false;
	}
	if (text.p && !read_mki(text, &key->mki, &mki_bytes))
		return false;
	/* The identifiers are of one length; a single key needs none. */
	if (secured->key_count && (!mki_bytes || mki_bytes != secured->mki_bytes))
		return false;
	for (size_t i = 0; i < secured->key_count; i++)
		if (secured->keys[i].mki == key->mki)
			return false;
	secured->mki_bytes = mki_bytes;
	secured->key_count++;
	return true;
}

static bool read_keys(struct slice text, size_t key_bytes, struct sdp_secured *secured)
{
	while (text.p)
		if (!read_key(slice_cut(&text, ';'), key_bytes, secured))
			return false;
	return secured->key_count > 0;
}

/* ---- session parameters ---- */

static bool read_parameter(struct slice text, struct sdp_secured *secured)
{
	struct slice value = text, name = slice_cut(&value, '=');
	uint64_t n;

	if (slice_begins(text, SLICE("-")))
		return text.n > 1; /* optional: may be passed over */
	if (slice_ieq(name, SLICE("WSH")) && number(value, WINDOW_MOST, &n) && n >= WINDOW_LEAST) {
		secured->window = (unsigned)n;
		return true;
	}
	/* Keys that are derived once are what we do; FEC streams there are none, so their order is nobody's matter. */
	if (slice_ieq(name, SLICE("KDR")))
		return slice_eq(value, SLICE("0"));
	return slice_ieq(name, SLICE("FEC_ORDER")) &&
	       (slice_ieq(value, SLICE("FEC_SRTP")) || slice_ieq(value, SLICE("SRTP_FEC")));
}

/* ---- the attribute ---- */

/* @return the index among `ours`, or `count` when it is not to be used */
static size_t read_crypto(struct slice text, const struct sdp_crypto *ours, size_t count, struct sdp_secured *secured)
{
	struct slice tag = sdp_word(&text), suite = sdp_word(&text), keys = sdp_word(&text), parameter;
	uint64_t value;
	size_t i = 0;

	*secured = (struct sdp_secured){ 0 };
	while (i < count && !slice_ieq(suite, slice_of(ours[i].suite)))
		i++;
	if (i == count || !number(tag, TAG_MOST, &value) || !read_keys(keys, ours[i].key_bytes, secured))
		return count;
	while ((parameter = sdp_word(&text)).n)
		if (!read_parameter(parameter, secured))
			return count;
	/* Who sends by our own key has only sent our description back. */
	for (size_t k = 0; k < secured->key_count; k++)
		if (!memcmp(secured->keys[k].bytes, ours[i].key, ours[i].key_bytes))
			return count;
	secured->on = true;
	secured->suite = ours[i].suite;
	secured->tag = (uint32_t)value;
	return i;
}

static bool is_crypto(const struct sdp_attribute *attribute)
{
	return slice_ieq(attribute->name, SLICE("crypto"));
}

static void write_crypto(uint32_t tag, const struct sdp_crypto *crypto, struct buf *to)
{
	buf_printf(to, "a=crypto:%u %s inline:", tag, crypto->suite);
	base64_print(to, crypto->key, crypto->key_bytes);
	buf_add(to, SLICE("\r\n"));
}

/* The number in the list is the tag, from 1. */
static void offer(const struct sdp_local *local, struct buf *attributes)
{
	for (size_t i = 0; i < local->crypto_count; i++)
		write_crypto((uint32_t)i + 1, &local->cryptos[i], attributes);
}

static bool choose(const struct sdp_local *local, const struct sdp_media *peer, struct sdp_secured *chosen)
{
	for (size_t i = 0; i < peer->attribute_count; i++)
		if (is_crypto(&peer->attributes[i]) &&
		    read_crypto(peer->attributes[i].value, local->cryptos, local->crypto_count, chosen) <
			    local->crypto_count)
			return true;
	*chosen = (struct sdp_secured){ 0 };
	return false;
}

static void answer(const struct sdp_local *local, const struct sdp_secured *chosen, struct buf *attributes)
{
	for (size_t i = 0; i < local->crypto_count; i++)
		if (!strcmp(local->cryptos[i].suite, chosen->suite))
			write_crypto(chosen->tag, &local->cryptos[i], attributes);
}

static enum sdp_taken take(const struct sdp_crypto *offered, size_t count, const struct sdp_media *peer,
			   struct sdp_secured *taken)
{
	enum sdp_taken said = SDP_TAKEN_NOTHING;

	for (size_t i = 0; i < peer->attribute_count; i++) {
		if (!is_crypto(&peer->attributes[i]))
			continue;
		/* Exactly one of those offered, under its tag (RFC 4568 5.1.2). */
		size_t which = said == SDP_TAKEN_NOTHING
				       ? read_crypto(peer->attributes[i].value, offered, count, taken)
				       : count;
		if (which == count || taken->tag != which + 1)
			return SDP_TAKEN_BAD;
		said = SDP_TAKEN_GOOD;
	}
	return said;
}

const struct sdp_keying sdp_sdes = { "RTP/SAVP", offer, choose, answer, take };
