/*
 * A received (or finished) message: one arena with its bytes, an index of its header fields and typed values that
 * are decoded when first asked for. Immutable after parsing; counted references, because transaction, dialog
 * and trace hold it.
 */
#pragma once

#include "sip/syntax/address.h"
#include "sip/syntax/names.h"
#include "sip/syntax/scan.h"
#include "sip/syntax/values.h"
#include "sip/syntax/via.h"

enum {
	SIP_MESSAGE_MAX = 65536,  /* bytes of a message that we read */
	SIP_HEADERS_MAX = 256,    /* header lines that are kept; more are a fault */
	SIP_VALUES_MAX = 256,     /* Vias, or addresses of one field, that are decoded; more are malformed */
};

struct sip_header {
	enum sip_header_id id;
	struct slice name;   /* as it stood */
	struct slice value;  /* trimmed; folds replaced by one blank */
};

struct sip_message {
	unsigned references;
	struct arena arena;
	struct slice bytes;           /* the whole message, in the message's own memory */
	bool is_request;
	enum sip_method method;       /* of a request; of a response the method of its CSeq */
	struct slice method_name;
	struct slice request_uri;     /* request */
	unsigned status;              /* response: 100 to 699; 0 for a number outside */
	struct slice reason;          /* response */
	struct slice version;         /* as it stood: "SIP/2.0" */
	struct sip_header *headers;
	size_t header_count;
	struct slice body;
	struct sip_message_typed *typed; /* index and typed values: typed.h */
};

enum sip_framing {
	SIP_DATAGRAM, /* the message ends with the datagram: Content-Length may be absent or smaller (18.3) */
	SIP_STREAM,   /* Content-Length says where the message ends; without it the stream is broken */
};

/**
 * Parse one message from the front of `bytes`, which are copied.
 *
 * Leading CRLFs must have been removed (framing does). Lenient where RFC 4475 asks it: what only makes a message
 * wrong in meaning is left to sip_message_check(); so are a malformed header line (which is then left out), a status
 * outside 100 to 699 (which is then 0) and a datagram that ends with a header line. Not a SIP message are: a malformed
 * start line, a header section that does not end, and in a stream a message without one valid Content-Length or longer
 * than SIP_MESSAGE_MAX.
 * @param used    bytes of the message (SCAN_OK), for streams
 * @param offset  where the fault is (SCAN_BAD)
 * @return SCAN_OK and *message with one reference owned by the caller; SCAN_MORE only for streams; SCAN_BAD
 * RFC 3261 7, 25
 */
enum scan sip_message_parse(struct slice bytes, enum sip_framing framing, struct sip_message **message, size_t *used,
			    size_t *offset) MUST_CHECK;
struct sip_message *sip_message_ref(struct sip_message *message);
/** NULL is harmless. */
void sip_message_unref(struct sip_message *message);
/** Bytes of memory that the message takes, but for values beyond the usual number. */
size_t sip_message_memory(const struct sip_message *message);

struct sip_fault {
	unsigned status;     /* what to answer: 400, 505 ...; 0: nothing is wrong */
	const char *text;    /* what is wrong, a few words that fit a reason phrase */
};
/**
 * Is the message good enough to act on (8.1.1, 8.2; RFC 4475)?
 *
 * For all: version (505), start line, Via, From, To, Call-ID and CSeq there once and well formed, Content-Length. For
 * requests also: CSeq method, Request-URI, Max-Forwards, other single fields given twice, and the syntax of the fields
 * that a user agent acts on (Contact, Route, Record-Route, Require, Content-Type, Refer-To ...).
 * Left to the user agent: 405 and 501 (method), 415, 416 (scheme), 420 (extension), 482 (merged), a From or To that is
 * no SIP URI, a response with more than one Via (8.1.3.3). A response with a fault is dropped by the caller.
 */
struct sip_fault sip_message_check(const struct sip_message *message);

/** The nth (0 first) header line with this id, or NULL. */
const struct sip_header *sip_message_header(const struct sip_message *message, enum sip_header_id id, size_t nth);
/** Its value; the empty slice when there is none. */
struct slice sip_message_value(const struct sip_message *message, enum sip_header_id id);
/** By name, for fields without an id. ASCII case ignored; a compact form finds the long one. */
const struct sip_header *sip_message_header_named(const struct sip_message *message, struct slice name, size_t nth);

/* The values of a list field, over all its lines, split at the commas outside quotes and <>. */
struct sip_values {
	const struct sip_message *message;
	enum sip_header_id id;
	size_t line;
	struct slice rest;
};
void sip_values_begin(struct sip_values *values, const struct sip_message *message, enum sip_header_id id);
bool sip_values_next(struct sip_values *values, struct slice *value);
/**
 * May the field stand in this message (RFC 3261 20, tables 2 and 3)? Where it may not it is ignored. A field or a
 * method that is not known may stand anywhere.
 */
bool sip_message_has_place(const struct sip_message *message, enum sip_header_id id);
/** Does a list of tokens (Supported, Require, Allow ...) hold this one, ASCII case ignored? */
bool sip_message_lists(const struct sip_message *message, enum sip_header_id id, struct slice token);

/* Typed values, decoded once. NULL: absent or malformed. Borrowed: they live as long as the message. */
const struct sip_uri *sip_message_request_uri(const struct sip_message *message);
const struct sip_via *sip_message_via(const struct sip_message *message, size_t nth);
const struct sip_address *sip_message_from(const struct sip_message *message);
const struct sip_address *sip_message_to(const struct sip_message *message);
/** Nth value of Contact, Route, Record-Route (or any other list of addresses). */
const struct sip_address *sip_message_address(const struct sip_message *message, enum sip_header_id id, size_t nth);
const struct sip_cseq *sip_message_cseq(const struct sip_message *message);
struct slice sip_message_call_id(const struct sip_message *message);
/** A delta-seconds field (Expires, Min-Expires ...), or Max-Forwards. @return false: absent or malformed */
bool sip_message_seconds(const struct sip_message *message, enum sip_header_id id, uint32_t *seconds);
const struct sip_media_type *sip_message_content_type(const struct sip_message *message);
/** The body of this type, or the first part of this type in one of several parts; empty: there is none, or a
 * Content-Encoding other than identity hides it. RFC 5621 */
struct slice sip_message_body(const struct sip_message *message, const char *type, const char *subtype);
/** Is there such a body? */
bool sip_message_has_body(const struct sip_message *message, const char *type, const char *subtype);
/**
 * Is there something in the body that is neither this nor may be left unread: a part of another type with
 * handling=required, or a session description that is not the session's (20.11) without handling=optional?
 */
bool sip_message_has_strange_part(const struct sip_message *message, const char *type, const char *subtype);
/** May the body be left unread (Content-Disposition: ...;handling=optional)? */
bool sip_message_body_is_optional(const struct sip_message *message);
/** May an answer, or a NOTIFY, to this request carry this type? By the most particular range of Accept; without it, it
 * may (20.1). */
bool sip_message_accepts(const struct sip_message *request, const char *type, const char *subtype);
