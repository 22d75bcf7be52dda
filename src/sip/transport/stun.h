/* STUN as far as keep-alives need it (RFC 5626 4.4.2, 8; RFC 5389): Binding requests, and success responses to them. */
#pragma once

#include "base/address.h"

enum { STUN_REQUEST = 20, STUN_ID = 12, STUN_RESPONSE_MAX = 44 };

/** Does a datagram that came to the SIP port look like STUN (first two bits zero, the cookie, its length)? */
bool stun_is(struct slice datagram);
void stun_print_request(const unsigned char id[STUN_ID], unsigned char bytes[STUN_REQUEST]);
/**
 * The answer to a Binding request that came from `remote`.
 * @return how many bytes; 0: it is none, or has attributes that must be understood (RFC 5389 7.3.1)
 */
size_t stun_print_response(struct slice request, const struct address *remote, unsigned char bytes[STUN_RESPONSE_MAX]);
/** The success response to the request of this id, and where that came from as the other side saw it. */
bool stun_read_response(struct slice datagram, const unsigned char id[STUN_ID], struct address *mapped) MUST_CHECK;
