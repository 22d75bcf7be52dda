#include "media/srtp.h"

#include "base/library.h"
#include "base/xmalloc.h"
#include "media/rtp.h"

#include <assert.h>
#include <srtp2/srtp.h>
#include <string.h>

enum { WINDOW_LEAST = 128, WINDOW_MOST = 0x7fff, SOURCES_MAX = 64, RTCP_SMALLEST_BYTES = 8 };

_Static_assert(SECURE_TRAILER_BYTES >= SRTP_MAX_TRAILER_LEN + 4, "libsrtp writes behind the packet");

/* libsrtp, opened before the first call that is encrypted: Debian's brings the libraries of NSS along. */
#define SRTP_FUNCTIONS(X)                                                                          \
	X(srtp_create) X(srtp_dealloc) X(srtp_init) X(srtp_protect) X(srtp_protect_rtcp) X(srtp_remove_stream)     \
	X(srtp_unprotect_mki) X(srtp_unprotect_rtcp_mki) X(srtp_crypto_policy_set_rtp_default)                     \
	X(srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32) X(srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80)        \
	X(srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32) X(srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80)        \
	X(srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32) X(srtp_crypto_policy_set_aes_gcm_128_16_auth)            \
	X(srtp_crypto_policy_set_aes_gcm_256_16_auth)
static struct srtp_functions {
	SRTP_FUNCTIONS(LIBRARY_MEMBER)
} srtp;

struct secure {
	srtp_t context;
	bool has_mki;
	uint32_t sources[SOURCES_MAX]; /* whose counters the library keeps, in a ring */
	size_t source_count;           /* ever; the library forgets the oldest beyond SOURCES_MAX */
};

/* The tag of SRTCP always has 80 bits or more (RFC 4568 6.2). */
static const struct {
	void (**rtp)(srtp_crypto_policy_t *policy);
	void (**rtcp)(srtp_crypto_policy_t *policy);
} policies[STREAM_SUITES] = {
	[STREAM_AES_CM_128_HMAC_SHA1_80] = { &srtp.srtp_crypto_policy_set_rtp_default,
					     &srtp.srtp_crypto_policy_set_rtp_default },
	[STREAM_AES_CM_128_HMAC_SHA1_32] = { &srtp.srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
					     &srtp.srtp_crypto_policy_set_rtp_default },
	[STREAM_AES_192_CM_HMAC_SHA1_80] = { &srtp.srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
					     &srtp.srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80 },
	[STREAM_AES_192_CM_HMAC_SHA1_32] = { &srtp.srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32,
					     &srtp.srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80 },
	[STREAM_AES_256_CM_HMAC_SHA1_80] = { &srtp.srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
					     &srtp.srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80 },
	[STREAM_AES_256_CM_HMAC_SHA1_32] = { &srtp.srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
					     &srtp.srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80 },
	[STREAM_AEAD_AES_128_GCM] = { &srtp.srtp_crypto_policy_set_aes_gcm_128_16_auth,
				      &srtp.srtp_crypto_policy_set_aes_gcm_128_16_auth },
	[STREAM_AEAD_AES_256_GCM] = { &srtp.srtp_crypto_policy_set_aes_gcm_256_16_auth,
				      &srtp.srtp_crypto_policy_set_aes_gcm_256_16_auth },
};

bool secure_start(void)
{
	static const char *const names[] = { SRTP_FUNCTIONS(LIBRARY_NAME) NULL };

	if (!srtp.srtp_init && !library_open("libsrtp2.so.1", names, &srtp))
		return false;
	return srtp.srtp_init() == srtp_err_status_ok;
}

/* ---- life ---- */

static void write_mki(uint8_t *to, size_t n, uint64_t mki)
{
	for (size_t i = n; i > 0; i--) {
		to[i - 1] = (uint8_t)mki;
		mki >>= 8;
	}
}

/* The library copies what it needs of the keys. */
static struct secure *secure_new(enum stream_suite suite, srtp_ssrc_type_t whose, const struct stream_key *keys,
				 size_t count, size_t mki_bytes, unsigned window)
{
	struct secure *secure = xcalloc(1, sizeof *secure);
	srtp_policy_t policy = { .ssrc = { .type = whose }, .window_size = window };
	srtp_master_key_t masters[STREAM_KEYS_MAX], *list[STREAM_KEYS_MAX];
	uint8_t bytes[STREAM_KEYS_MAX][STREAM_KEY_BYTES], mkis[STREAM_KEYS_MAX][STREAM_MKI_BYTES];

	assert(suite > STREAM_CLEAR && suite < STREAM_SUITES && count && count <= STREAM_KEYS_MAX &&
	       mki_bytes <= STREAM_MKI_BYTES);
	for (size_t i = 0; i < count; i++) {
		memcpy(bytes[i], keys[i].bytes, STREAM_KEY_BYTES);
		write_mki(mkis[i], mki_bytes, keys[i].mki);
		masters[i] = (srtp_master_key_t){ bytes[i], mkis[i], (unsigned)mki_bytes };
		list[i] = &masters[i];
	}
	(*policies[suite].rtp)(&policy.rtp);
	(*policies[suite].rtcp)(&policy.rtcp);
	policy.keys = list;
	policy.num_master_keys = count;
	secure->has_mki = mki_bytes > 0;
	if (srtp.srtp_create(&secure->context, &policy) != srtp_err_status_ok) {
		free(secure);
		secure = NULL;
	}
	explicit_bzero(bytes, sizeof bytes);
	return secure;
}

struct secure *secure_new_sender(const struct stream_protection *protection)
{
	return secure_new(protection->suite, ssrc_any_outbound, &protection->send, 1, 0, WINDOW_LEAST);
}

struct secure *secure_new_receiver(const struct stream_protection *protection)
{
	unsigned window = protection->window < WINDOW_LEAST ? WINDOW_LEAST
			  : protection->window > WINDOW_MOST ? WINDOW_MOST
							     : protection->window;

	return secure_new(protection->suite, ssrc_any_inbound, protection->receive, protection->receive_count,
			  protection->mki_bytes, window);
}

void secure_free(struct secure *secure)
{
	if (!secure)
		return;
	srtp.srtp_dealloc(secure->context);
	free(secure);
}

bool secure_can(enum stream_suite suite)
{
	struct stream_protection trial = { .suite = suite };
	struct secure *secure = secure_new_sender(&trial);

	secure_free(secure);
	return secure != NULL;
}

/* ---- packets ---- */

bool secure_seal(struct secure *secure, uint8_t *bytes, size_t *n, bool rtcp)
{
	int length = (int)*n;
	srtp_err_status_t status = rtcp ? srtp.srtp_protect_rtcp(secure->context, bytes, &length)
					: srtp.srtp_protect(secure->context, bytes, &length);

	if (status != srtp_err_status_ok)
		return false;
	*n = (size_t)length;
	return true;
}

static uint32_t source_of(const uint8_t *bytes, bool rtcp)
{
	const uint8_t *at = bytes + (rtcp ? 4 : 8);

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/*
 * The library keeps a record of each SSRC it has seen an authentic packet of. A peer that holds the key and changes its
 * SSRC for ever must not fill our memory: the one that came first is forgotten.
 */
static void note_source(struct secure *secure, uint32_t ssrc)
{
	size_t known = secure->source_count < SOURCES_MAX ? secure->source_count : SOURCES_MAX;
	size_t latest = (secure->source_count + SOURCES_MAX - 1) % SOURCES_MAX;

	if (known && secure->sources[latest] == ssrc)
		return;
	for (size_t i = 0; i < known; i++)
		if (secure->sources[i] == ssrc)
			return;
	uint32_t *slot = &secure->sources[secure->source_count++ % SOURCES_MAX];
	if (known == SOURCES_MAX)
		srtp.srtp_remove_stream(secure->context, htonl(*slot));
	*slot = ssrc;
}

enum secure_verdict secure_open(struct secure *secure, uint8_t *bytes, size_t *n, bool rtcp)
{
	int length = (int)*n;

	if (*n < (rtcp ? (size_t)RTCP_SMALLEST_BYTES : (size_t)RTP_HEADER_BYTES) || bytes[0] >> 6 != RTP_VERSION)
		return SECURE_NONE;
	uint32_t ssrc = source_of(bytes, rtcp);
	srtp_err_status_t status =
		rtcp ? srtp.srtp_unprotect_rtcp_mki(secure->context, bytes, &length, secure->has_mki)
		     : srtp.srtp_unprotect_mki(secure->context, bytes, &length, secure->has_mki);
	switch (status) {
	case srtp_err_status_ok:
		*n = (size_t)length;
		note_source(secure, ssrc);
		return SECURE_GOOD;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return SECURE_REPLAYED;
	default:
		return SECURE_FORGED;
	}
}
