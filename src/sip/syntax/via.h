/* Via (RFC 3261 20.42, RFC 3581). */
#pragma once

#include "base/address.h"
#include "sip/syntax/scan.h"

struct sip_via {
	struct slice text;       /* the whole value */
	struct slice transport;  /* "UDP" as it stands */
	struct slice host;       /* sent-by; brackets of IPv6 kept */
	uint16_t port;           /* 0: none given */
	struct slice params;
	struct slice branch;     /* empty without */
	struct slice received;   /* empty without */
	struct slice maddr;
	bool has_rport;
	uint16_t rport;          /* 0: none or without value */
	uint32_t ttl;            /* 0: none */
};

bool sip_via_parse(struct slice value, struct sip_via *via, size_t *offset) MUST_CHECK;
/** As sip_address_scan: the first of several values. */
const char *sip_via_scan(struct scanner *scanner, const char *p, struct sip_via *via, const char **fault);
/** Does the branch begin with z9hG4bK and go on behind it (RFC 3261 8.1.1.7, RFC 4475 3.2.1)? */
bool sip_via_has_magic(const struct sip_via *via);
