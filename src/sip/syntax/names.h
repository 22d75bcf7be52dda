/* Methods, header fields and status codes: enums made from the .def tables, and their look-ups. */
#pragma once

#include "base/slice.h"

/* method.def rows: METHOD(ident, text): INVITE, ACK, BYE ... */
enum sip_method {
	SIP_METHOD_OTHER,
#define METHOD(ident, text) SIP_##ident,
#include "sip/syntax/method.def"
#undef METHOD
	SIP_METHODS
};

/* header.def rows: HEADER(IDENT, "Long-Name", "compact or empty", ...); idents as CALL_ID, WWW_AUTHENTICATE */
enum sip_header_id {
	SIP_HEADER_OTHER,
#define HEADER(ident, ...) SIP_HEADER_##ident,
#include "sip/syntax/header.def"
#undef HEADER
	SIP_HEADERS
};

enum sip_header_form {
	SIP_FORM_SINGLE, /* one value on one line */
	SIP_FORM_LIST,   /* several values, with commas or on several lines (7.3.1) */
	SIP_FORM_LINES,  /* several lines, but commas do not part values (20.7) */
};

/* How the value of a header field is typed; sip_value_check() in values.h tries it. */
enum sip_value_type {
	SIP_VALUE_TEXT,          /* anything */
	SIP_VALUE_TOKEN,
	SIP_VALUE_TOKEN_PARAMS,  /* token;name=value */
	SIP_VALUE_NUMBER,        /* 0 to 2^32-1 */
	SIP_VALUE_SECONDS,       /* any digits */
	SIP_VALUE_ADDRESS,       /* name-addr or addr-spec with parameters */
	SIP_VALUE_URI_PARAMS,    /* <URI>;name=value */
	SIP_VALUE_VIA,
	SIP_VALUE_CSEQ,
	SIP_VALUE_CALL_ID,
	SIP_VALUE_MEDIA_TYPE,
	SIP_VALUE_MEDIA_RANGE,
	SIP_VALUE_AUTH,
	SIP_VALUE_DATE,
	SIP_VALUE_WARNING,
	SIP_VALUE_TIMESTAMP,
	SIP_VALUE_RETRY_AFTER,
	SIP_VALUE_RACK,
	SIP_VALUE_SESSION_EXPIRES,
	SIP_VALUE_REPLACES,
	SIP_VALUE_REASON,
};

/** Methods are case-sensitive (7.1). */
enum sip_method sip_method_find(struct slice name);
/** "INVITE"; "" for SIP_METHOD_OTHER. */
struct slice sip_method_name(enum sip_method method);
/** Long or compact form, any case. */
enum sip_header_id sip_header_find(struct slice name);
/*
 * How sip_header_find() does it: a perfect hash made by the compiler of a name's length and its first, middle and last
 * character, of which the five bits count that do not tell the case. Who adds a row and meets an error looks for other
 * multipliers.
 */
enum { SIP_HEADER_SLOTS = 1024 };
#define SIP_HEADER_HASH(length, first, middle, last)                                               \
	((((unsigned)(length) + ((middle) & 31u)) * 32 + ((first) & 31u) + ((last) & 31u) * 4) % SIP_HEADER_SLOTS)
extern const uint8_t sip_header_slots[SIP_HEADER_SLOTS];
/** The long forms, each with a colon and 16 NULs behind it. */
extern const struct slice sip_header_names[SIP_HEADERS];

/**
 * The only field that a name of these bytes, two or more, can be: by their hash, so that they must be compared. Of none
 * the byte before p is read too.
 */
static inline enum sip_header_id sip_header_slot(const char *p, size_t n)
{
	unsigned first = (unsigned char)p[0], middle = (unsigned char)p[n / 2], last = (unsigned char)(p + n)[-1];

	return (enum sip_header_id)sip_header_slots[SIP_HEADER_HASH(n, first, middle, last)];
}

/** The long form, "Call-ID". */
struct slice sip_header_name(enum sip_header_id id);
/** May the field hold several values, comma-separated or on several lines (7.3.1)? */
bool sip_header_is_list(enum sip_header_id id);
/** SIP_FORM_SINGLE and SIP_VALUE_TEXT for fields without a row. */
enum sip_header_form sip_header_form(enum sip_header_id id);
enum sip_value_type sip_header_type(enum sip_header_id id);
/**
 * May the field stand in such a message (RFC 3261 tables 2 and 3 with those of the RFCs that extend them)?
 * @param status  of the response; 0 for a request
 * @return m mandatory, M should be sent, o optional, c conditional, t mandatory on streams, * mandatory with a body,
 *         - not applicable. Fields and methods without a row: o
 */
char sip_header_presence(enum sip_header_id id, enum sip_method method, unsigned status);

/** The phrase of the table, "Busy Here"; for an unknown code that of its class. Never empty. */
struct slice sip_status_phrase(unsigned status);
/**
 * One sentence for people: what it means for the one who called, and what to do. Never NULL; a code without a row is
 * explained as the x00 of its class, an unknown 1xx as 183 (8.1.3.2).
 */
const char *sip_status_sentence(unsigned status);
/** Is there a row for it? */
bool sip_status_known(unsigned status);
