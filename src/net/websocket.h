/*
 * WebSocket (RFC 6455) with the subprotocol sip (RFC 7118): handshake and frames of one connection. No socket: what
 * came is given to it, and what is to be sent is taken from it. Holds one message at a time, at most SIP_MESSAGE_MAX
 * bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/random.h"

struct websocket;

enum websocket_event {
	WEBSOCKET_MORE,    /* the input is used up */
	WEBSOCKET_OPENED,  /* the handshake is done: messages may go */
	WEBSOCKET_MESSAGE, /* a whole one */
	WEBSOCKET_CLOSED,  /* the other side has closed in order; what is in websocket_wire() still goes */
	WEBSOCKET_FAILED,  /* websocket_why(); what is in websocket_wire() still goes */
};

/**
 * @param host  what the Host line says: "ws.biloxi.com:8080"
 * @param path  what is asked for, "/"
 */
struct websocket *websocket_client(struct random *random, const char *host, const char *path);
struct websocket *websocket_server(struct random *random);
void websocket_free(struct websocket *ws);
/**
 * Take bytes from *in until something is complete; call again until WEBSOCKET_MORE, WEBSOCKET_CLOSED or
 * WEBSOCKET_FAILED.
 * @param message  WEBSOCKET_MESSAGE: its bytes, valid until the next call
 */
enum websocket_event websocket_next(struct websocket *ws, struct slice *in, struct slice *message) MUST_CHECK;
/** Frame a message of ours. @return false: not open, or too much waits to be sent */
bool websocket_send(struct websocket *ws, struct slice message) MUST_CHECK;
/** Say that we go, once; nothing is sent after it. */
void websocket_close(struct websocket *ws);
/** What is to go to the other side; valid until anything else is called. */
struct slice websocket_wire(const struct websocket *ws);
void websocket_sent(struct websocket *ws);
/** WEBSOCKET_FAILED: what is wrong, a sentence for people; else "". */
const char *websocket_why(const struct websocket *ws);
