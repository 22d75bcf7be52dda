/*
 * Messages out of a byte stream (RFC 3261 18.3, RFC 5626 3.5.1): Content-Length says where each ends, CRLFs between
 * them are keep-alives. Holds one message at a time and at most SIP_MESSAGE_MAX bytes; every byte is looked at once.
 */
#pragma once

#include "sip/syntax/syntax.h"

enum framing_result {
	FRAMING_MORE,     /* the input is used up */
	FRAMING_MESSAGE,  /* a whole message */
	FRAMING_PING,     /* CRLFCRLF: to be answered with CRLF */
	FRAMING_PONG,     /* CRLF while a pong was awaited */
	FRAMING_BROKEN,   /* where messages begin and end cannot be known any more: close the connection */
};

struct framing {
	struct buf held;     /* the message as far as it has come */
	unsigned crlfs;      /* how much of CR LF CR LF was seen before a message */
	unsigned head_end;   /* how much of the CR LF CR LF that ends the header was seen */
	size_t total;        /* bytes of the message; 0 until its header is complete */
	bool awaits_pong;    /* a ping was sent: a lone CRLF is its answer */
	bool given;          /* the message in `held` was given out */
};

void framing_init(struct framing *framing);
void framing_fini(struct framing *framing);
/**
 * Take bytes from *in until something is complete; call again until FRAMING_MORE or FRAMING_BROKEN.
 * @param message  FRAMING_MESSAGE: its bytes, valid until the next call
 */
enum framing_result framing_next(struct framing *framing, struct slice *in, struct slice *message) MUST_CHECK;
/** After FRAMING_BROKEN: the header whose lengths are of no use; empty when not even the header was whole. */
struct slice framing_head(const struct framing *framing);
/** Has a message begun that is not complete? */
bool framing_is_partial(const struct framing *framing);
