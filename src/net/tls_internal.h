/* What the files of TLS share. */
#pragma once

#include "net/tls.h"

/* OpenSSL has a type of this name; ours is an enum err. */
#define ERR_STATE ERR_STATE_OF_OPENSSL
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

enum { TLS_SESSIONS = 16, TLS_SESSION_KEY = 320, TLS_PINS_MAX = 8, TLS_PIN_BYTES = 32 };

struct tls_context {
	char *ca, *certificate, *key;
	bool verify;
	unsigned char pins[TLS_PINS_MAX][TLS_PIN_BYTES];
	size_t pin_count;
	SSL_CTX *client, *server; /* made when first needed */
	struct {
		char key[TLS_SESSION_KEY];
		SSL_SESSION *session;
	} sessions[TLS_SESSIONS];     /* a ring; NULL: free */
	size_t next_session;
};

struct tls {
	SSL *ssl;
	BIO *in, *out;
	struct tls_context *context;
	enum tls_state state;
	bool is_server, verify;
	char name[256];
	struct address remote;        /* that the certificate must name where there is no name */
	unsigned char pins[TLS_PINS_MAX][TLS_PIN_BYTES];
	size_t pin_count;
	bool proved;                  /* the certificate of the other side was verified */
	char why[TLS_WHY];
};

/* tls_context.c */
/** The SSL_CTX for that side; NULL with the sentence. */
SSL_CTX *tls_context__get(struct tls_context *context, bool server, struct buf *why);
/** A session with that server that may be resumed, or NULL; the caller's to free. */
SSL_SESSION *tls_context__session(struct tls_context *context, const char *key);
/** Takes the session over. */
void tls_context__keep(struct tls_context *context, const char *key, SSL_SESSION *session);
/** What OpenSSL's queue of errors says first, in its own words; the queue is empty afterwards. */
void tls__library_words(char *words, size_t room);

/* tls_verify.c */
/** OpenSSL's question whether a chain is to be trusted. */
int tls_verify__chain(X509_STORE_CTX *store, void *arg);
/** Is `domain` one of the certificate's SIP domain identities? RFC 5922 7.1, 7.2 */
bool tls_verify__is_domain(X509 *certificate, struct slice domain);
/** The place of the struct tls within its SSL. */
int tls__index(void);
