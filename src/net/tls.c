#include "net/tls_internal.h"

#include "base/xmalloc.h"

#include <stdio.h>

/* OpenSSL numbers the places for strangers' data once a process; the number is no state of a phone. */
int tls__index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static struct tls *create(struct tls_context *context, bool server, struct buf *why)
{
	SSL_CTX *ctx = tls_context__get(context, server, why);
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;

	if (!ssl)
		return NULL;
	struct tls *tls = xcalloc(1, sizeof *tls);
	tls->ssl = ssl;
	tls->context = context;
	tls->is_server = server;
	tls->verify = context->verify;
	tls->pin_count = context->pin_count;
	memcpy(tls->pins, context->pins, sizeof tls->pins);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	/* An empty memory is not the end of what comes. */
	BIO_set_mem_eof_return(tls->in, -1);
	SSL_set_bio(ssl, tls->in, tls->out);
	SSL_set_ex_data(ssl, tls__index(), tls);
	return tls;
}

static void resume(struct tls *tls)
{
	char key[TLS_SESSION_KEY], text[ADDRESS_TEXT];

	snprintf(key, sizeof key, "%s %s", tls->name, address_print(&tls->remote, text));
	SSL_SESSION *session = tls_context__session(tls->context, key);
	if (!session)
		return;
	/* It was kept after a handshake that proved the name by these same settings. */
	tls->proved = SSL_set_session(tls->ssl, session) == 1 && tls->verify;
	SSL_SESSION_free(session);
}

struct tls *tls_client(struct tls_context *context, const char *name, const struct address *remote, struct buf *why)
{
	struct tls *tls = create(context, false, why);

	if (!tls)
		return NULL;
	snprintf(tls->name, sizeof tls->name, "%s", name);
	tls->remote = *remote;
	SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, NULL);
	if (*name)
		SSL_set_tlsext_host_name(tls->ssl, tls->name);
	SSL_set_connect_state(tls->ssl);
	resume(tls);
	return tls;
}

struct tls *tls_server(struct tls_context *context, bool asks, struct buf *why)
{
	struct tls *tls = create(context, true, why);

	if (!tls)
		return NULL;
	SSL_set_verify(tls->ssl, asks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	/* A connection that breaks is everyday life for a phone: its session may be resumed all the same. */
	if (tls->state != TLS_FAILED)
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls->ssl);
	free(tls);
}

/* ---- failures ---- */

/* Alerts (RFC 8446 6.2) that people can do something about. */
static const char *alert_advice(int reason)
{
	switch (reason - SSL_AD_REASON_OFFSET) {
	case SSL_AD_HANDSHAKE_FAILURE:
		return "handshake failure: no common cipher, or it wants a certificate of ours (tls.certificate)";
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_UNKNOWN_CA:
		return "it refuses our certificate, or we refused its";
	case SSL_AD_PROTOCOL_VERSION:
		return "no common version of TLS";
	case SSL_AD_UNRECOGNIZED_NAME:
		return "it does not know the name that we asked for";
	case TLS1_AD_NO_APPLICATION_PROTOCOL:
		return "no common application protocol";
	case SSL_AD_CERTIFICATE_REQUIRED:
		return "it requires a certificate of ours: set tls.certificate and tls.key";
	default:
		return NULL;
	}
}

static void say_why(struct tls *tls)
{
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);
	char words[120];

	if (tls->why[0]) {
		ERR_clear_error();
		return;
	}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
		const char *advice = alert_advice(reason);
		tls__library_words(words, sizeof words);
		snprintf(tls->why, sizeof tls->why, "the other side refused the handshake: %s",
			 advice ? advice : words);
		return;
	}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
	     reason == SSL_R_PACKET_LENGTH_TOO_LONG)) {
		ERR_clear_error();
		snprintf(tls->why, sizeof tls->why, "the other side does not speak TLS there");
		return;
	}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_UNSUPPORTED_PROTOCOL) {
		ERR_clear_error();
		snprintf(tls->why, sizeof tls->why, "no common version of TLS: 1.2 is the oldest that is taken");
		return;
	}
	tls__library_words(words, sizeof words);
	snprintf(tls->why, sizeof tls->why, "TLS has failed: %s", words);
}

/* @return the state after an operation that gave `result` <= 0 */
static enum tls_state after(struct tls *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		break;
	case SSL_ERROR_ZERO_RETURN:
		tls->state = TLS_ENDED;
		break;
	default:
		say_why(tls);
		tls->state = TLS_FAILED;
	}
	return tls->state;
}

/* ---- bytes ---- */

enum tls_state tls_start(struct tls *tls)
{
	if (tls->state != TLS_HANDSHAKE)
		return tls->state;
	ERR_clear_error();
	int result = SSL_do_handshake(tls->ssl);
	if (result != 1)
		return after(tls, result);
	tls->state = TLS_OPEN;
	return tls->state;
}

enum tls_state tls_take(struct tls *tls, struct slice wire)
{
	if (tls->state == TLS_FAILED || tls->state == TLS_ENDED)
		return tls->state;
	if (wire.n && BIO_write(tls->in, wire.p, (int)wire.n) != (int)wire.n) {
		snprintf(tls->why, sizeof tls->why, "no memory for TLS");
		return tls->state = TLS_FAILED;
	}
	return tls_start(tls);
}

size_t tls_read(struct tls *tls, void *bytes, size_t room)
{
	size_t n = 0;

	if (tls->state != TLS_OPEN)
		return 0;
	ERR_clear_error();
	int result = SSL_read_ex(tls->ssl, bytes, room, &n);
	if (result != 1) {
		after(tls, result);
		return 0;
	}
	return n;
}

bool tls_write(struct tls *tls, struct slice bytes)
{
	size_t n = 0;

	if (tls->state != TLS_OPEN)
		return false;
	if (!bytes.n)
		return true;
	ERR_clear_error();
	int result = SSL_write_ex(tls->ssl, bytes.p, bytes.n, &n);
	if (result == 1 && n == bytes.n)
		return true;
	after(tls, result);
	/* Memory takes everything, so a write is never half done. */
	tls->state = TLS_FAILED;
	return false;
}

struct slice tls_wire(struct tls *tls)
{
	char *bytes = NULL;
	long n = BIO_get_mem_data(tls->out, &bytes);

	return slice_make(bytes, n > 0 ? (size_t)n : 0);
}

void tls_sent(struct tls *tls)
{
	(void)BIO_reset(tls->out);
}

void tls_shut(struct tls *tls)
{
	ERR_clear_error();
	if (tls->state == TLS_OPEN || tls->state == TLS_ENDED)
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

enum tls_state tls_state(const struct tls *tls)
{
	return tls->state;
}

const char *tls_why(const struct tls *tls)
{
	return tls->why;
}

bool tls_peer_is(const struct tls *tls, struct slice domain)
{
	X509 *certificate = tls->proved ? SSL_get0_peer_certificate(tls->ssl) : NULL;

	return certificate && tls_verify__is_domain(certificate, domain);
}

bool tls_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl) == 1;
}
