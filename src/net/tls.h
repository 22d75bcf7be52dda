/*
 * TLS 1.2 and 1.3 of OpenSSL, between bytes on the wire and bytes of a message. No socket: what came is given to it,
 * and what is to be sent is taken from it.
 *
 *   tls          one connection: handshake, bytes both ways, its end
 *   tls_context  settings, what was read by them, sessions to be resumed
 *   tls_verify   whom a certificate belongs to, and the sentence that says what is wrong with it
 */
#pragma once

#include "base/address.h"
#include "base/buf.h"
#include "net/net.h"

struct tls_context;
struct tls;

/* ---- settings ---- */

struct tls_context *tls_context_new(void);
/** After the connections that were made of it. */
void tls_context_free(struct tls_context *context);
/** For connections made from now on. Copied; files are read when first needed. Sessions are forgotten. */
void tls_context_set(struct tls_context *context, const struct net_tls *settings);
/** Can the certificate be shown? @return false with the sentence that says why not */
bool tls_can_serve(struct tls_context *context, struct buf *why);

/* ---- one connection ---- */

enum tls_state {
	TLS_HANDSHAKE,
	TLS_OPEN,
	TLS_ENDED,  /* the other side has said close_notify */
	TLS_FAILED, /* tls_why() */
};

enum { TLS_WHY = 512 };

/**
 * @param name    the domain that the certificate must show (RFC 5922 7.3); "": the address itself
 * @return owned by the caller: tls_free(). NULL with the sentence in `why`: a file of the settings cannot be used
 */
struct tls *tls_client(struct tls_context *context, const char *name, const struct address *remote, struct buf *why);
/** `asks`: ask for the client's certificate; none, or one that proves nothing, is no failure (RFC 5922 7.4). */
struct tls *tls_server(struct tls_context *context, bool asks, struct buf *why);
void tls_free(struct tls *tls);
/** Begin; a client has something to send then. */
enum tls_state tls_start(struct tls *tls);
/** Bytes came from the wire. Call tls_read() until it gives nothing before more are given. */
enum tls_state tls_take(struct tls *tls, struct slice wire);
/** Bytes of the message. @return how many; 0: no more for now, see tls_state() */
size_t tls_read(struct tls *tls, void *bytes, size_t room);
/** Only in TLS_OPEN. @return false: it has failed */
bool tls_write(struct tls *tls, struct slice bytes);
/** What is to go to the wire; valid until tls_sent() or anything else is called. */
struct slice tls_wire(struct tls *tls);
void tls_sent(struct tls *tls);
/** Say close_notify, if it makes sense. */
void tls_shut(struct tls *tls);
enum tls_state tls_state(const struct tls *tls);
/** TLS_FAILED: what is wrong, a sentence for people; else "". */
const char *tls_why(const struct tls *tls);
/** Did the other side prove that it is this domain? Servers may ask for clients. RFC 5922 7.4, RFC 5923 */
bool tls_peer_is(const struct tls *tls, struct slice domain);
/** Was an earlier session resumed? */
bool tls_resumed(const struct tls *tls);
