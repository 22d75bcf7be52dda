/* Raw DNS answers (RFC 1035 4) to records: c-ares 1.18 gives no time to live for SRV and NAPTR. */
#pragma once

#include "base/address.h"

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };
enum { DNS_NAME = 256, DNS_RECORDS_MAX = 32 };

/* One record; which members count depends on the type that was asked for. */
struct dns_record {
	struct address address;              /* A, AAAA; port 0 */
	uint16_t priority, weight, port;     /* SRV; NAPTR: order in priority, preference in weight */
	char flags[8], services[32];         /* NAPTR */
	char name[DNS_NAME];                 /* SRV target, NAPTR replacement, without the last dot; "" for the root */
};

struct dns_records {
	struct dns_record rows[DNS_RECORDS_MAX];
	size_t count;
	uint32_t ttl_s;                      /* the smallest on the way, UINT32_MAX without records */
};

/**
 * The records of `type` that answer a question for `name`, CNAMEs followed. Further records than fit are left out.
 * @param name  NULL: whatever the answer says was asked (search domains)
 * @return false: malformed, or an answer to something else. No records at all is true with count 0.
 */
bool dns_answer_parse(struct slice answer, const char *name, enum dns_type type,
		      struct dns_records *records) MUST_CHECK;
