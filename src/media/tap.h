/*
 * The RTP packets of the last minutes, decrypted, in one ring bounded in bytes: for captures that are asked for
 * afterwards. The media thread writes and never waits; while somebody reads, packets are left out.
 */
#pragma once

#include "base/address.h"

struct tap;
/** `bytes` of memory, of which only what was written to is ever used. */
struct tap *tap_new(size_t bytes) __attribute__((returns_nonnull));
void tap_free(struct tap *tap);

struct tap_packet {
	int64_t unix_us;
	uintptr_t user; /* of the stream */
	bool sent;
	struct address local, remote;
	struct slice bytes; /* the RTP packet; lives until the return */
};
/** The media thread's. */
void tap_add(struct tap *tap, const struct tap_packet *packet);
/** Oldest first. */
typedef void tap_h(void *arg, const struct tap_packet *packet);
void tap_each(struct tap *tap, tap_h *each, void *arg);
