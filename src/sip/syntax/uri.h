/* SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966). */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "sip/syntax/scan.h"

enum sip_scheme { SIP_SCHEME_OTHER, SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_TEL };

struct sip_uri {
	struct slice text;      /* the whole URI */
	enum sip_scheme scheme;
	struct slice scheme_name;
	struct slice user;      /* as it stands, escapes not decoded; the number of a tel URI; empty without user */
	bool has_user;
	struct slice password;  /* p is NULL without ":" */
	struct slice host;      /* brackets of an IPv6 reference kept; empty for tel and other schemes */
	uint16_t port;          /* 0: none given */
	struct slice params;    /* ";transport=tcp;lr" or empty */
	struct slice headers;   /* "subject=x&priority=urgent" without '?', or empty */
};

/**
 * Parse the whole slice. A scheme other than ours is taken as opaque.
 * @return false when it is no URI, with *offset (may be NULL) at the fault
 */
bool sip_uri_parse(struct slice text, struct sip_uri *uri, size_t *offset) MUST_CHECK;
/**
 * Parse the URI at p as far as characters of a URI go; whether what ends it may do so is the caller's business.
 * @param close  no character of a URI: behind it no '@' of this URI is looked for; '@' itself when there is none such
 * @return behind it; NULL when it is none, with *fault there
 */
const char *sip_uri_scan(struct scanner *scanner, const char *p, char close, struct sip_uri *uri, const char **fault);
/** ASCII case of the name ignored; `value` may be NULL. */
bool sip_uri_param(const struct sip_uri *uri, struct slice name, struct slice *value);
/** Equal by the rules of 19.1.4 (escapes, case of the host, order of parameters). */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);
/** The host that a request to this URI goes to (8.1.2): that of maddr where there is one; brackets of an IPv6 reference
 * off. Empty: none. */
struct slice sip_uri_hop_host(const struct sip_uri *uri);
/** Decode %HH. */
struct slice sip_unescape(struct arena *arena, struct slice text);
/** Add `user` with everything that the user part does not permit written as %HH ('#' becomes %23). */
void sip_escape_user(struct buf *to, struct slice user);
/** As a Request-URI (19.1.5): without headers, and without the method parameter. */
void sip_uri_print_request(struct buf *to, const struct sip_uri *uri);
