/*
 * Secure RTP and RTCP (RFC 3711, 6188, 7714), by libsrtp: one object a direction. Made and freed on the loop's thread,
 * used by the media thread. How the keys were agreed on is not known here.
 */
#pragma once

#include "media/engine.h"

struct secure;

/** Room that must stand behind a packet that is sealed. */
enum { SECURE_TRAILER_BYTES = 152 };

/**
 * Open the library and wake it; needed once before anything else here, takes some milliseconds.
 * @return false: it cannot be opened, or fails its own tests
 */
bool secure_start(void) MUST_CHECK;
/** Can the library do this suite? */
bool secure_can(enum stream_suite suite);

/** For what we send. @return NULL: the library cannot do it */
struct secure *secure_new_sender(const struct stream_protection *protection);
/** For what the peer sends: any SSRC, each with a roll-over counter of its own (RFC 4568 6.4.1). */
struct secure *secure_new_receiver(const struct stream_protection *protection);
void secure_free(struct secure *secure);

/**
 * Protect a packet in place. A sequence number may be sealed only once.
 * @param bytes  aligned to 4, with SECURE_TRAILER_BYTES behind its end
 * @return false: the key is used up; the packet must not leave
 */
bool secure_seal(struct secure *secure, uint8_t *bytes, size_t *n, bool rtcp) MUST_CHECK;

enum secure_verdict {
	SECURE_GOOD,
	SECURE_FORGED,   /* not made with the peer's key */
	SECURE_REPLAYED, /* was seen already, or is too old to tell */
	SECURE_NONE,     /* neither RTP nor RTCP: STUN and the like (RFC 7983) */
};
/** Verify and decrypt in place; `bytes`, aligned to 4, are of no use unless it is SECURE_GOOD. */
enum secure_verdict secure_open(struct secure *secure, uint8_t *bytes, size_t *n, bool rtcp) MUST_CHECK;
