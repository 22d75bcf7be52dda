/* Names that signalling writes; tables alone, without the libraries behind them. */
#include "media/engine.h"

static const struct {
	const char *name, *word;
	uint32_t bitrate;
} codecs[MEDIA_CODECS] = {
	[MEDIA_PCMU] = { "PCMU", "PCMU", 64000 },
	[MEDIA_PCMA] = { "PCMA", "PCMA", 64000 },
	[MEDIA_OPUS] = { "opus", "opus", 0 },
	[MEDIA_G722] = { "G722", "G722", 64000 },
	[MEDIA_L16_48] = { "L16", "L16/48000", 768000 },
	[MEDIA_L16_44] = { "L16", "L16/44100", 705600 },
	[MEDIA_L16_16] = { "L16", "L16/16000", 256000 },
	[MEDIA_L16_8] = { "L16", "L16/8000", 128000 },
};

const char *media_codec_name(enum media_codec codec)
{
	return codecs[codec].name;
}

const char *media_codec_word(enum media_codec codec)
{
	return codecs[codec].word;
}

uint32_t media_codec_bitrate(enum media_codec codec)
{
	return codecs[codec].bitrate;
}

bool media_codec_means(struct slice word, enum media_codec codec)
{
	return slice_ieq(word, slice_of(codecs[codec].word)) || slice_ieq(word, slice_of(codecs[codec].name));
}

bool media_codec_exists(struct slice word)
{
	for (int i = 0; i < MEDIA_CODECS; i++)
		if (media_codec_means(word, (enum media_codec)i))
			return true;
	return false;
}

static const struct {
	const char *name;
	size_t key_bytes; /* master key and salt: RFC 4568 6.2, RFC 6188 4, RFC 7714 12 */
} suites[STREAM_SUITES] = {
	[STREAM_CLEAR] = { "none", 0 },
	[STREAM_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", 30 },
	[STREAM_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", 30 },
	[STREAM_AES_192_CM_HMAC_SHA1_80] = { "AES_192_CM_HMAC_SHA1_80", 38 },
	[STREAM_AES_192_CM_HMAC_SHA1_32] = { "AES_192_CM_HMAC_SHA1_32", 38 },
	[STREAM_AES_256_CM_HMAC_SHA1_80] = { "AES_256_CM_HMAC_SHA1_80", 46 },
	[STREAM_AES_256_CM_HMAC_SHA1_32] = { "AES_256_CM_HMAC_SHA1_32", 46 },
	[STREAM_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 28 },
	[STREAM_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 44 },
};

const char *stream_suite_name(enum stream_suite suite)
{
	return suites[suite].name;
}

size_t stream_suite_key_bytes(enum stream_suite suite)
{
	return suites[suite].key_bytes;
}

bool stream_suite_find(struct slice name, enum stream_suite *suite)
{
	for (int i = STREAM_CLEAR + 1; i < STREAM_SUITES; i++)
		if (slice_eq(name, slice_of(suites[i].name))) {
			*suite = (enum stream_suite)i;
			return true;
		}
	return false;
}
