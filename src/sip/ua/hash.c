#include "sip/ua/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static const EVP_MD *function_of(enum hash_kind kind)
{
	switch (kind) {
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA512_256:
		return EVP_sha512_256();
	case HASH_MD5:
		break;
	}
	return EVP_md5();
}

void hash_hex(enum hash_kind kind, struct slice bytes, char hex[HASH_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	size_t at = 0;

	if (!EVP_Digest(bytes.p ? bytes.p : "", bytes.n, sum, &n, function_of(kind), NULL))
		n = 0;
	for (unsigned i = 0; i < n && at + 2 < HASH_HEX_MAX; i++) {
		hex[at++] = digits[sum[i] >> 4];
		hex[at++] = digits[sum[i] & 15];
	}
	hex[at] = '\0';
}

void hash_wipe(void *secret, size_t n)
{
	OPENSSL_cleanse(secret, n);
}
