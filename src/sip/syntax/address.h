/* name-addr and addr-spec with parameters: From, To, Contact, Route, Record-Route, Refer-To, Reply-To, Path ... */
#pragma once

#include "sip/syntax/uri.h"

struct sip_address {
	struct slice text;     /* the whole value */
	struct slice display;  /* quotes and escapes as they stand; empty when there is none */
	struct sip_uri uri;
	struct slice params;   /* the header's parameters, ";tag=x;q=0.7" or empty */
	struct slice tag;      /* empty without */
	bool star;             /* Contact: * */
};

/** Parse one value, "Bob <sip:bob@biloxi.com>;tag=a6c85cf". Without <> the parameters are the header's (20.10). */
bool sip_address_parse(struct slice value, struct sip_address *address, size_t *offset) MUST_CHECK;
/**
 * Parse the first of several values: p is the next byte, the end that of the scanner.
 * @return what stands behind the value: a comma, or `end`. NULL when it is malformed, with *fault there
 */
const char *sip_address_scan(struct scanner *scanner, const char *p, struct sip_address *address, const char **fault);
/** The display name without quotes and escapes (raw bytes of the network: clean before showing). */
struct slice sip_address_display(struct arena *arena, const struct sip_address *address);
/** Add a display name as token or quoted string, with a blank behind; nothing for an empty one. */
void sip_display_print(struct buf *to, struct slice display);
/** The q of a Contact in thousandths, 1000 without. */
unsigned sip_address_q(const struct sip_address *address);
/** expires= of a Contact in seconds. @return false without or malformed */
bool sip_address_expires(const struct sip_address *address, uint32_t *seconds);
