/* Keys and certificates for tests, made when they run. Holds definitions: include it once a program. */
#pragma once

#include "net/tls_internal.h"

#include "../unit.h"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

struct made {
	EVP_PKEY *key;
	X509 *certificate;
};

/* What a certificate shall say. */
struct wish {
	const char *common_name, *names; /* names: as openssl.cnf writes subjectAltName; NULL: none */
	long from_s, to_s;               /* beside now */
	bool is_ca;
};

static inline struct made make_certificate(const struct wish *wish, const struct made *issuer)
{
	static long serial;
	struct made made = { EVP_EC_gen("P-256"), X509_new() };
	X509V3_CTX ctx;

	assert_non_null(made.key);
	X509_set_version(made.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), wish->from_s);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish->to_s);
	X509_NAME *name = X509_get_subject_name(made.certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->common_name, -1, -1, 0);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer ? issuer->certificate : made.certificate));
	X509_set_pubkey(made.certificate, made.key);
	X509V3_set_ctx(&ctx, issuer ? issuer->certificate : made.certificate, made.certificate, NULL, NULL, 0);
	const struct {
		int id;
		const char *value;
	} extensions[] = { { NID_basic_constraints, wish->is_ca ? "critical,CA:TRUE" : "CA:FALSE" },
			   { NID_subject_alt_name, wish->names } };
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		if (!extensions[i].value)
			continue;
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].id, extensions[i].value);
		assert_non_null(extension);
		X509_add_ext(made.certificate, extension, -1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
	return made;
}

static inline void made_free(struct made *made)
{
	EVP_PKEY_free(made->key);
	X509_free(made->certificate);
}

/* Certificate and key in one file; `key` false: the certificate alone. */
static inline void write_pem(const char *path, const struct made *made, bool key)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, made->certificate), 1);
	if (key)
		assert_int_equal(PEM_write_PrivateKey(file, made->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
}

/* The pin of a key, in base64 (RFC 7469 2.4). */
static inline void pin_of(const struct made *made, char text[64])
{
	unsigned char *spki = NULL, digest[32];
	int bytes = i2d_PUBKEY(made->key, &spki);

	assert_true(bytes > 0);
	assert_int_equal(EVP_Digest(spki, (size_t)bytes, digest, NULL, EVP_sha256(), NULL), 1);
	EVP_EncodeBlock((unsigned char *)text, digest, sizeof digest);
	OPENSSL_free(spki);
}
