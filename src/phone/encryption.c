/* What protects the sound of a call: who wants it, whether keys may be sent, the keys themselves. */
#include "phone/phone_internal.h"

/* ---- the wish ---- */

static bool find_encryption(struct slice word, enum media_encryption *encryption)
{
	static const char *const words[] = { [MEDIA_CLEAR] = "off",
					     [MEDIA_ENCRYPTION_OPTIONAL] = "optional",
					     [MEDIA_ENCRYPTION_REQUIRED] = "required" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (slice_ieq(word, slice_of(words[i]))) {
			*encryption = (enum media_encryption)i;
			return true;
		}
	return false;
}

bool signalling_is_private(enum sip_protocol protocol, const struct address *remote)
{
	return protocol == SIP_TLS || protocol == SIP_WSS || address_is_loopback(remote);
}

enum media_encryption encryption_of_call(const struct call *call)
{
	const char *own = call->encryption
				  ? call->encryption
				  : settings_text(call_settings(call, "media.encryption"), "media.encryption");
	enum media_encryption encryption = MEDIA_CLEAR;

	if (!find_encryption(slice_of(own), &encryption))
		return MEDIA_CLEAR;
	/* Who reads the signalling would read the keys: then no encryption is better than one that is none. */
	if (encryption == MEDIA_ENCRYPTION_OPTIONAL && !encryption_may_send_keys(call))
		return MEDIA_CLEAR;
	return encryption;
}

static bool is_allowed_in_clear(const struct call *call)
{
	return settings_on(call_settings(call, "media.encryption-over-clear"), "media.encryption-over-clear");
}

bool encryption_may_send_keys(const struct call *call)
{
	return call->private_signalling || is_allowed_in_clear(call);
}

/* ---- the way of each later description ---- */

/* Without its keys a description would take from the call what it has, or must have. */
static bool is_needed(const struct call_media *media)
{
	return media->encryption == MEDIA_ENCRYPTION_REQUIRED ||
	       (media->plan.usable && media->plan.config.protection.suite != STREAM_CLEAR);
}

static bool is_open(const struct call *call, const struct sip_target *way)
{
	return !signalling_is_private(way->protocol, &way->address) && !is_allowed_in_clear(call);
}

bool encryption_judge(struct call *call, const struct sip_target *way)
{
	struct call_media *media = &call->media;
	bool needed = is_needed(media);

	if (media->encryption == MEDIA_CLEAR)
		return true;
	/* Not known yet: keys that are needed are judged once more, others are left out. */
	media->in_clear = way ? is_open(call, way) : !needed;
	return !media->in_clear || !needed;
}

bool encryption_may_offer_to(struct call *call, const struct sip_target *target)
{
	return !call->media.offers_keys || !is_open(call, target);
}

bool encryption_may_answer(const struct call_media *media, bool good, struct slice offer)
{
	/* An offer without keys gets none, and is refused by whom needs them. */
	return good || (media->encryption != MEDIA_ENCRYPTION_REQUIRED &&
			slice_find_slice(offer, SLICE("a=crypto:")) == offer.n);
}

/* ---- our keys ---- */

/* Again and again, for each call: there may have been no descriptor or no memory for it. */
static bool library_works(struct phone *phone)
{
	if (phone->srtp_works)
		return true;
	phone->srtp_works = secure_start();
	if (!phone->srtp_works && !phone->srtp_told) {
		log_line(phone->log, LOG_ERROR,
			 "libsrtp2 cannot be opened or fails its own tests: no call can be encrypted");
		phone->srtp_told = true;
	}
	return phone->srtp_works;
}

static const char *suites_of(const struct call_media *media)
{
	return settings_text(media_settings(media, "media.encryption-suites"), "media.encryption-suites");
}

bool encryption_is_possible(const struct call_media *media)
{
	struct slice names = slice_of(suites_of(media)), name;
	enum stream_suite suite;

	while (library_works(media->phone) && slice_list_word(&names, &name))
		if (stream_suite_find(name, &suite) && secure_can(suite))
			return true;
	return false;
}

void encryption_make_keys(struct call_media *media)
{
	struct phone *phone = media->phone;
	struct media_keys *keys = &media->keys;
	struct slice names = slice_of(suites_of(media)), name;

	keys->count = 0;
	if (media->encryption == MEDIA_CLEAR || !library_works(phone))
		return;
	while (slice_list_word(&names, &name) && keys->count < SDP_CRYPTOS_MAX) {
		enum stream_suite suite;
		if (!stream_suite_find(name, &suite) || !secure_can(suite))
			continue;
		uint8_t *bytes = keys->bytes[keys->count];
		random_fill(&phone->random, bytes, stream_suite_key_bytes(suite));
		keys->cryptos[keys->count++] =
			(struct sdp_crypto){ stream_suite_name(suite), bytes, stream_suite_key_bytes(suite) };
	}
}

/* The suite in use stays the first choice: a hold is no reason to change keys. */
static void put_first(struct media_keys *keys, enum stream_suite suite)
{
	for (size_t i = 1; i < keys->count; i++)
		if (!strcmp(keys->cryptos[i].suite, stream_suite_name(suite))) {
			struct sdp_crypto used = keys->cryptos[i];
			memmove(&keys->cryptos[1], &keys->cryptos[0], i * sizeof used);
			keys->cryptos[0] = used;
		}
}

void encryption_describe(struct call_media *media, struct sdp_local *local)
{
	if (media->encryption == MEDIA_CLEAR || media->in_clear)
		return;
	put_first(&media->keys, media->plan.config.protection.suite);
	local->keying = &sdp_sdes;
	local->encryption_required = media->encryption == MEDIA_ENCRYPTION_REQUIRED;
	local->cryptos = media->keys.cryptos;
	local->crypto_count = media->keys.count;
}

/* ---- what was agreed ---- */

_Static_assert((int)STREAM_KEY_BYTES == (int)SDP_KEY_BYTES && (int)STREAM_KEYS_MAX == (int)SDP_KEYS_MAX,
	        "keys are handed on as they are");

void encryption_plan(const struct call_media *media, const struct sdp_secured *secured,
		     struct stream_protection *protection)
{
	*protection = (struct stream_protection){ .suite = STREAM_CLEAR };
	if (!secured->on || !stream_suite_find(slice_of(secured->suite), &protection->suite))
		return;
	for (size_t i = 0; i < media->keys.count; i++)
		if (!strcmp(media->keys.cryptos[i].suite, secured->suite))
			memcpy(protection->send.bytes, media->keys.cryptos[i].key, media->keys.cryptos[i].key_bytes);
	for (size_t i = 0; i < secured->key_count; i++) {
		memcpy(protection->receive[i].bytes, secured->keys[i].bytes, STREAM_KEY_BYTES);
		protection->receive[i].mki = secured->keys[i].mki;
	}
	protection->receive_count = secured->key_count;
	protection->mki_bytes = secured->mki_bytes;
	protection->window = secured->window;
}

const char *media_encryption_in_use(const struct call_media *media)
{
	return media->plan.usable ? stream_suite_name(media->plan.config.protection.suite) : "";
}
