/* Methods, header fields and status codes: enums made from the .def tables, and their look-ups. */
#pragma once

#include "base/slice.h"

/* method.def rows: METHOD(ident, text)   INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, PRACK, SUBSCRIBE, NOTIFY, PUBLISH, INFO, REFER, MESSAGE, UPDATE */
enum sip_method {
	SIP_METHOD_OTHER,
#define METHOD(ident, text) SIP_##ident,
#include "sip/syntax/method.def"
#undef METHOD
	SIP_METHODS
};

/* header.def rows: HEADER(IDENT, "Long-Name", "compact or empty", form, where ...); idents as CALL_ID, WWW_AUTHENTICATE */
enum sip_header_id {
	SIP_HEADER_OTHER,
#define HEADER(ident, ...) SIP_HEADER_##ident,
#include "sip/syntax/header.def"
#undef HEADER
	SIP_HEADERS
};

/** Methods are case-sensitive (7.1). */
enum sip_method sip_method_find(struct slice name);
/** "INVITE"; "" for SIP_METHOD_OTHER. */
struct slice sip_method_name(enum sip_method method);
/** Long or compact form, any case. */
enum sip_header_id sip_header_find(struct slice name);
/** The long form, "Call-ID". */
struct slice sip_header_name(enum sip_header_id id);
/** May the field hold several values, comma-separated or on several lines (7.3.1)? */
bool sip_header_is_list(enum sip_header_id id);

/** The phrase of the table, "Busy Here"; for an unknown code that of its class. Never empty. */
struct slice sip_status_phrase(unsigned status);
/** One sentence for people: what it means for the one who called, and what to do. Never NULL; a code without a row is explained as its x00. */
const char *sip_status_sentence(unsigned status);
/** Is there a row for it? */
bool sip_status_known(unsigned status);
