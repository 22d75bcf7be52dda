/*
 * Redundancy in RTP payloads (RFC 2198): the packet of now with copies of earlier ones before it. Pure: bytes in,
 * blocks out, and a memory of what was sent.
 */
#pragma once

#include "media/codec/codec.h"

enum {
	RED_BLOCKS_MAX = 8,        /* copies that are looked at; the rest of a packet is not believed */
	RED_OFFSET_MAX = 16383, RED_BLOCK_MAX_BYTES = 1023,
};

struct red_block {
	uint8_t payload_type;
	uint32_t offset;           /* how much older than the packet, in clock units; 0: what the packet is about */
	const uint8_t *payload;    /* into the bytes that were parsed */
	size_t bytes;
};

/**
 * Take a payload apart: the oldest block first, the primary one last.
 * @param blocks  RED_BLOCKS_MAX + 1
 * @return how many; 0: it is not well formed, nothing of it may be used. RFC 2198 3
 */
size_t red_parse(struct red_block *blocks, const uint8_t *payload, size_t n);

/* What was sent last, the newest first. */
struct red_copy {
	bool full;
	uint32_t timestamp;
	size_t bytes;
	uint8_t payload[RED_BLOCK_MAX_BYTES];
};

enum { RED_COPIES_MAX = 2 };

struct red_memory {
	struct red_copy copies[RED_COPIES_MAX];
	/* so many of the newest are not copied: losses in a row take a packet less often with its copy */
	size_t skipped;
};

/**
 * The payload of a redundant packet: up to `copies` of what is remembered, the oldest first, as far as they fit and are
 * right before each other, then the new one. It is remembered in turn.
 * @param copies  1 to RED_COPIES_MAX
 * @param room    of `out`; without room for all, the oldest copies are left out
 * @return bytes; 0: not even the payload itself fits. RFC 2198 3
 */
size_t red_print(struct red_memory *memory, size_t copies, uint8_t payload_type, uint32_t timestamp,
		 const uint8_t *payload, size_t n, uint8_t *out, size_t room);
/** What comes next has nothing to do with what was before. */
void red_forget(struct red_memory *memory);
/** For packets that are sent without redundancy, so that the first with it has copies of the ones before. */
void red_remember(struct red_memory *memory, uint32_t timestamp, const uint8_t *payload, size_t n);
