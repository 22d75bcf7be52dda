#include "net/tls_internal.h"

#include "base/utf8.h"
#include "sip/syntax/syntax.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_SHOWN = 120 };

/* ---- names ---- */

/* A name out of a certificate; one with a NUL in it is none (a classic way to show two readers two names). */
static struct slice text_of(const ASN1_STRING *string)
{
	struct slice text = slice_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));

	return slice_find(text, '\0') < text.n ? slice_of(NULL) : text;
}

/* "sip:biloxi.com" -> "biloxi.com"; a URI with a user names a person. */
static struct slice domain_of_uri(struct slice text)
{
	struct sip_uri uri;

	if (!sip_uri_parse(text, &uri, NULL) || uri.scheme != SIP_SCHEME_SIP || uri.has_user)
		return slice_of(NULL);
	return uri.host;
}

static bool same_domain(struct slice a, struct slice b)
{
	if (a.n && a.p[a.n - 1] == '.')
		a.n--;
	return a.n && slice_ieq(a, b);
}

static struct slice common_name(X509 *certificate)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1, last = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	return last < 0 ? slice_of(NULL) : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
}

/* One identity after the other until `take` has enough. */
typedef bool identity_h(void *arg, struct slice domain);

static bool each_of_type(const GENERAL_NAMES *names, int type, identity_h *take, void *arg, bool *any)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != type)
			continue;
		struct slice domain = type == GEN_URI ? domain_of_uri(text_of(name->d.uniformResourceIdentifier))
						      : text_of(name->d.dNSName);
		if (!domain.n)
			continue;
		*any = true;
		if (take(arg, domain))
			return true;
	}
	return false;
}

/* RFC 5922 7.1: sip URIs; DNS names where there is no such URI; the common name where there are no other names. */
static bool each_identity(X509 *certificate, identity_h *take, void *arg)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool any = false, taken = false;

	if (!names) {
		struct slice name = common_name(certificate);
		return name.n && take(arg, name);
	}
	taken = each_of_type(names, GEN_URI, take, arg, &any);
	if (!any)
		taken = each_of_type(names, GEN_DNS, take, arg, &any);
	GENERAL_NAMES_free(names);
	return taken;
}

static bool is_wanted(void *arg, struct slice domain)
{
	return same_domain(domain, *(struct slice *)arg);
}

bool tls_verify__is_domain(X509 *certificate, struct slice domain)
{
	return each_identity(certificate, is_wanted, &domain);
}

static bool is_address(X509 *certificate, const struct address *address)
{
	const void *bytes = address_is_v6(address) ? (const void *)&address->u.v6.sin6_addr
						   : (const void *)&address->u.v4.sin_addr;

	return X509_check_ip(certificate, bytes, address_is_v6(address) ? 16 : 4, 0) == 1;
}

/* ---- sentences ---- */

static bool show_name(void *arg, struct slice domain)
{
	struct buf *shown = arg;

	if (shown->n)
		buf_add(shown, SLICE(", "));
	buf_add(shown, domain);
	return shown->full;
}

static void say_wrong_name(struct tls *tls, X509 *certificate, const char *wanted)
{
	struct buf names, clean;

	buf_init(&names, NAMES_SHOWN);
	buf_init(&clean, NAMES_SHOWN + 1);
	each_identity(certificate, show_name, &names);
	utf8_clean(&clean, buf_slice(&names), false);
	if (clean.n)
		snprintf(tls->why, sizeof tls->why, "the certificate belongs to %s, not to %s", buf_text(&clean),
			 wanted);
	else
		snprintf(tls->why, sizeof tls->why, "the certificate names no domain, so it cannot show %s", wanted);
	buf_fini(&names);
	buf_fini(&clean);
}

static void day_of(const ASN1_TIME *time, char day[16])
{
	struct tm parts;

	snprintf(day, 16, "?");
	if (ASN1_TIME_to_tm(time, &parts))
		snprintf(day, 16, "%04d-%02d-%02d", (parts.tm_year + 1900) % 10000, parts.tm_mon % 12 + 1,
			 parts.tm_mday % 32);
}

static void name_of(X509_NAME *name, char *text, size_t room)
{
	char raw[128] = "";
	struct buf clean;

	if (X509_NAME_get_text_by_NID(name, NID_commonName, raw, sizeof raw) <= 0)
		X509_NAME_oneline(name, raw, sizeof raw);
	buf_init(&clean, room - 1);
	utf8_clean(&clean, slice_of(raw), false);
	snprintf(text, room, "%s", buf_text(&clean));
	buf_fini(&clean);
}

static void say_untrusted(struct tls *tls, X509_STORE_CTX *store)
{
	int error = X509_STORE_CTX_get_error(store);
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	const char *whose = X509_STORE_CTX_get_error_depth(store) ? "a certificate of the chain" : "the certificate";
	char day[16], issuer[100] = "?";

	if (certificate)
		name_of(X509_get_issuer_name(certificate), issuer, sizeof issuer);
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		day_of(X509_get0_notAfter(certificate), day);
		snprintf(tls->why, sizeof tls->why, "%s expired on %s", whose, day);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		day_of(X509_get0_notBefore(certificate), day);
		snprintf(tls->why, sizeof tls->why, "%s is not valid before %s", whose, day);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		snprintf(tls->why, sizeof tls->why,
			 "the certificate is signed by itself and not among those of tls.ca; tls.pin can name its key");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		snprintf(tls->why, sizeof tls->why,
			 "the issuer of the certificate is unknown here (%s); tls.ca names others", issuer);
		break;
	default:
		snprintf(tls->why, sizeof tls->why, "%s is refused: %s", whose, X509_verify_cert_error_string(error));
	}
}

/* ---- the decision ---- */

static bool key_digest(X509 *certificate, unsigned char digest[TLS_PIN_BYTES])
{
	unsigned char *spki = NULL;
	unsigned length = 0;
	int bytes = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
	bool good = bytes > 0 && EVP_Digest(spki, (size_t)bytes, digest, &length, EVP_sha256(), NULL) == 1 &&
		    length == TLS_PIN_BYTES;

	OPENSSL_free(spki);
	return good;
}

/* A pin is more than a chain can say: the key is the one that the user knows, whoever signed for it. */
static int check_pins(struct tls *tls, X509_STORE_CTX *store, X509 *certificate)
{
	unsigned char digest[TLS_PIN_BYTES];

	if (key_digest(certificate, digest))
		for (size_t i = 0; i < tls->pin_count; i++)
			if (!memcmp(digest, tls->pins[i], TLS_PIN_BYTES)) {
				X509_STORE_CTX_set_error(store, X509_V_OK);
				return 1;
			}
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	snprintf(tls->why, sizeof tls->why, "the key of the certificate is not the one that tls.pin names");
	return 0;
}

static int check_name(struct tls *tls, X509_STORE_CTX *store, X509 *certificate)
{
	char text[ADDRESS_TEXT];
	const char *wanted = tls->name[0] ? tls->name : address_print_host(&tls->remote, false, text);

	if (tls->name[0] ? tls_verify__is_domain(certificate, slice_of(tls->name))
			 : is_address(certificate, &tls->remote))
		return 1;
	say_wrong_name(tls, certificate, wanted);
	X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
	return 0;
}

int tls_verify__chain(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_ex_data(ssl, tls__index());
	X509 *certificate = X509_STORE_CTX_get0_cert(store);

	(void)arg;
	if (tls->is_server) {
		/* What a client shows may prove its domain; if it does not, it is as if it had shown nothing. */
		tls->proved = X509_verify_cert(store) == 1;
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (!tls->verify) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (tls->pin_count) {
		tls->proved = check_pins(tls, store, certificate);
		return tls->proved;
	}
	if (X509_verify_cert(store) != 1) {
		say_untrusted(tls, store);
		return 0;
	}
	tls->proved = check_name(tls, store, certificate);
	return tls->proved;
}
