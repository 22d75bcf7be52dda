#include "net/tls_internal.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

struct tls_context *tls_context_new(void)
{
	struct tls_context *context = xcalloc(1, sizeof *context);

	context->verify = true;
	return context;
}

static void forget(struct tls_context *context)
{
	for (size_t i = 0; i < TLS_SESSIONS; i++) {
		SSL_SESSION_free(context->sessions[i].session);
		context->sessions[i].session = NULL;
	}
	SSL_CTX_free(context->client);
	SSL_CTX_free(context->server);
	context->client = context->server = NULL;
}

void tls_context_free(struct tls_context *context)
{
	forget(context);
	free(context->ca);
	free(context->certificate);
	free(context->key);
	free(context);
}

/* ---- pins: SHA-256 of a public key (RFC 7469 2.4), in base64 or as 64 hexadecimal digits ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool read_hex(struct slice text, unsigned char pin[TLS_PIN_BYTES])
{
	for (size_t i = 0; i < TLS_PIN_BYTES; i++) {
		int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		pin[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static bool read_base64(struct slice text, unsigned char pin[TLS_PIN_BYTES])
{
	unsigned char bytes[36]; /* 44 characters are 33 bytes, the last of which is padding */

	if (EVP_DecodeBlock(bytes, (const unsigned char *)text.p, 44) != 33)
		return false;
	memcpy(pin, bytes, TLS_PIN_BYTES);
	return true;
}

bool net_tls_pin_parse(struct slice text, unsigned char pin[32])
{
	if (slice_ibegins(text, SLICE("sha256/")))
		text = slice_from(text, 7);
	else if (slice_ibegins(text, SLICE("sha256:")))
		text = slice_from(text, 7);
	if (text.n == 2 * TLS_PIN_BYTES)
		return read_hex(text, pin);
	return text.n == 44 && text.p[43] == '=' && read_base64(text, pin);
}

void tls_context_set(struct tls_context *context, const struct net_tls *settings)
{
	struct slice rest = slice_of(settings->pin);

	forget(context);
	xreplace(&context->ca, settings->ca && *settings->ca ? settings->ca : NULL);
	xreplace(&context->certificate,
		 settings->certificate && *settings->certificate ? settings->certificate : NULL);
	xreplace(&context->key, settings->key && *settings->key ? settings->key : NULL);
	context->verify = settings->verify;
	context->pin_count = 0;
	while (slice_trim(rest).n && context->pin_count < TLS_PINS_MAX) {
		rest = slice_trim(rest);
		struct slice word = slice_trim(slice_cut(&rest, ' '));
		if (net_tls_pin_parse(word, context->pins[context->pin_count]))
			context->pin_count++;
	}
}

/* ---- what the settings name ---- */

void tls__library_words(char *words, size_t room)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_reason_error_string(error);

	if (ERR_SYSTEM_ERROR(error))
		snprintf(words, room, "%s", strerror((int)ERR_GET_REASON(error)));
	else
		snprintf(words, room, "%s", reason ? reason : "no reason given");
	ERR_clear_error();
}

static bool cannot(struct buf *why, const char *setting, const char *path)
{
	char words[120];

	tls__library_words(words, sizeof words);
	buf_clear(why);
	buf_printf(why, "%s: '%s' cannot be used: %s", setting, path, words);
	return false;
}

static bool load_ca(SSL_CTX *ctx, const char *path, struct buf *why)
{
	struct stat status;

	ERR_clear_error();
	/* A directory is looked into when a certificate is there to be checked, a file is read now. */
	if (!path)
		return SSL_CTX_set_default_verify_paths(ctx) == 1 || cannot(why, "tls.ca", "the system's");
	if (stat(path, &status) != 0) {
		buf_clear(why);
		buf_printf(why, "tls.ca: '%s' cannot be used: %s", path, strerror(errno));
		return false;
	}
	if (S_ISDIR(status.st_mode) ? SSL_CTX_load_verify_dir(ctx, path) == 1
				    : SSL_CTX_load_verify_file(ctx, path) == 1)
		return true;
	return cannot(why, "tls.ca", path);
}

/* A key with a passphrase must not ask the terminal for it. */
static int no_passphrase(char *text, int room, int writes, void *arg)
{
	(void)text;
	(void)room;
	(void)writes;
	(void)arg;
	return -1;
}

static bool load_certificate(SSL_CTX *ctx, const struct tls_context *context, struct buf *why)
{
	const char *key = context->key ? context->key : context->certificate;

	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, context->certificate) != 1)
		return cannot(why, "tls.certificate", context->certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return cannot(why, "tls.key", key);
	return SSL_CTX_check_private_key(ctx) == 1 || cannot(why, "tls.key", key);
}

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_ex_data(ssl, tls__index());
	char key[TLS_SESSION_KEY], text[ADDRESS_TEXT];

	/* The settings may have changed since this connection was made. */
	if (!tls || tls->is_server || SSL_get_SSL_CTX(ssl) != tls->context->client)
		return 0;
	snprintf(key, sizeof key, "%s %s", tls->name, address_print(&tls->remote, text));
	tls_context__keep(tls->context, key, session);
	return 1;
}

static SSL_CTX *make(struct tls_context *context, bool server, struct buf *why)
{
	static const unsigned char id[] = "offhook";
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (!ctx) {
		cannot(why, "TLS", "OpenSSL");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_cert_verify_callback(ctx, tls_verify__chain, NULL);
	if (server) {
		SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
		SSL_CTX_set_num_tickets(ctx, 1);
	} else {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, on_new_session);
	}
	if (((context->verify && !context->pin_count) || server) && !load_ca(ctx, context->ca, why))
		goto failed;
	if ((server || context->certificate) && !load_certificate(ctx, context, why))
		goto failed;
	return ctx;
failed:
	SSL_CTX_free(ctx);
	return NULL;
}

SSL_CTX *tls_context__get(struct tls_context *context, bool server, struct buf *why)
{
	SSL_CTX **ctx = server ? &context->server : &context->client;

	if (!*ctx)
		*ctx = make(context, server, why);
	return *ctx;
}

bool tls_can_serve(struct tls_context *context, struct buf *why)
{
	if (context->certificate)
		return tls_context__get(context, true, why) != NULL;
	buf_clear(why);
	buf_printf(why, "tls.certificate is not set, and a server must show one");
	return false;
}

/* ---- sessions ---- */

SSL_SESSION *tls_context__session(struct tls_context *context, const char *key)
{
	for (size_t i = 0; i < TLS_SESSIONS; i++) {
		SSL_SESSION *session = context->sessions[i].session;
		if (!session || strcmp(context->sessions[i].key, key) != 0)
			continue;
		/* Used once, so that nobody can tell that two connections are of one phone (RFC 8446 C.4). */
		context->sessions[i].session = NULL;
		if (SSL_SESSION_is_resumable(session))
			return session;
		SSL_SESSION_free(session);
	}
	return NULL;
}

void tls_context__keep(struct tls_context *context, const char *key, SSL_SESSION *session)
{
	size_t place = context->next_session++ % TLS_SESSIONS;

	SSL_SESSION_free(context->sessions[place].session);
	context->sessions[place].session = session;
	snprintf(context->sessions[place].key, TLS_SESSION_KEY, "%s", key);
}
