/* What message.c, typed.c and check.c share of a message: its index, its faults and the typed values decoded so far. */
#pragma once

#include "sip/syntax/message.h"

/* All values of Via, decoded in one go; a malformed one has no text. */
struct sip_via_list {
	struct sip_via *items;         /* via_usual, or in the arena when there are more */
	size_t count, room;
	bool bad;
};

/* All values of one list of addresses. */
struct sip_address_list {
	struct sip_address_list *next;
	enum sip_header_id id;
	struct sip_address *items;     /* `usual`, or in the arena when there are more */
	size_t count, room;
	bool bad;
	struct sip_address usual[2];
};

enum sip_typed_bit {
	SIP_TYPED_URI = 1,
	SIP_TYPED_FROM = 2,
	SIP_TYPED_TO = 4,
	SIP_TYPED_CSEQ = 8,
	SIP_TYPED_CONTENT_TYPE = 16,
	SIP_TYPED_VIA = 32,
};

struct sip_message_typed {
	/* Found while parsing, judged by sip_message_check(). */
	unsigned fault_status;
	const char *fault;             /* the first fault of the start line or of a header line */
	enum sip_header_id repeated;   /* a typed single field that stands there twice */
	enum { LENGTH_ABSENT, LENGTH_GOOD, LENGTH_BAD, LENGTH_CLASH } length_state;
	uint32_t length;               /* Content-Length */
	uint16_t first[SIP_HEADERS];   /* index of the first line with this id, plus one; 0: there is none */
	size_t block_bytes;            /* of the memory that holds the message, and this */
	unsigned tried, good;          /* bits of enum sip_typed_bit */
	struct sip_via_list via;
	struct sip_address_list *addresses;

	/* What stands above is cleared when a message begins; what follows is valid where the above says so. */
	_Alignas(16) uint16_t last[SIP_HEADERS]; /* as `first`, of the last line */
	struct sip_via via_usual[4];
	struct sip_uri request_uri;
	struct sip_address from, to;
	struct sip_cseq cseq;
	struct sip_media_type content_type;
};

enum { SIP_TYPED_CLEARED = offsetof(struct sip_message_typed, last) }; /* bytes, a multiple of 16 */

/** As sip_message_parse() for a message that we made ourselves: of any size. */
enum scan sip_message_parse_own(struct slice bytes, struct sip_message **message) MUST_CHECK;
/**
 * A message that we make now, of any size: `write` writes its n bytes, which are then parsed where they stand.
 * @return one reference, owned by the caller. Never NULL: what does not parse is a bug
 */
struct sip_message *sip_message_write(size_t n, void (*write)(char *to, const void *what), const void *what);
/** All Vias, all values of a list of addresses. Never NULL. */
const struct sip_via_list *sip_message_vias(const struct sip_message *message);
const struct sip_address_list *sip_message_addresses(const struct sip_message *message, enum sip_header_id id);
