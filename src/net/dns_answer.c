#include "net/dns_answer.h"

#include <stdio.h>

enum { HEADER_BYTES = 12, CNAMES_MAX = 8, LABELS_MAX = 128, CLASS_IN = 1 };

/* A place in the answer; `bad` once something was read past its end. */
struct reader {
	struct slice all;
	size_t at;
	bool bad;
};

static uint8_t take_u8(struct reader *r)
{
	if (r->at >= r->all.n) {
		r->bad = true;
		return 0;
	}
	return (uint8_t)r->all.p[r->at++];
}

static uint16_t take_u16(struct reader *r)
{
	unsigned high = take_u8(r);

	return (uint16_t)(high << 8 | take_u8(r));
}

static uint32_t take_u32(struct reader *r)
{
	uint32_t high = take_u16(r);

	return high << 16 | take_u16(r);
}

/* Bytes that could be mistaken for something else in a name of ours are not accepted: dots, spaces, controls. */
static bool take_label(struct reader *r, size_t length, char name[DNS_NAME], size_t *n)
{
	if (*n + length + 2 > DNS_NAME)
		return false;
	if (*n)
		name[(*n)++] = '.';
	for (size_t i = 0; i < length; i++) {
		char c = (char)take_u8(r);
		if (c <= ' ' || c == '.' || c == 0x7f)
			return false;
		name[(*n)++] = c;
	}
	return !r->bad;
}

/* RFC 1035 4.1.4. Each pointer must lead further back than the one before, so there is no way round in circles. */
static void take_name(struct reader *r, char name[DNS_NAME])
{
	size_t n = 0, limit = r->at, after = 0;
	bool jumped = false;

	for (unsigned labels = 0; !r->bad; labels++) {
		unsigned length = take_u8(r);
		if (length == 0)
			break;
		if (length >= 0xc0) {
			size_t to = (length & 0x3f) << 8 | take_u8(r);
			if (!jumped)
				after = r->at;
			jumped = true;
			if (to >= limit)
				r->bad = true;
			limit = r->at = to;
		} else if (length > 63 || labels > LABELS_MAX || !take_label(r, length, name, &n)) {
			r->bad = true;
		}
	}
	name[n] = '\0';
	if (jumped)
		r->at = after;
}

static void take_text(struct reader *r, char *text, size_t room)
{
	size_t length = take_u8(r), n = 0;

	for (size_t i = 0; i < length; i++) {
		char c = (char)take_u8(r);
		if (n + 1 < room)
			text[n++] = c;
	}
	text[n] = '\0';
	if (length >= room)
		text[0] = '\0'; /* too long for anything that we know */
}

static void take_address(struct reader *r, enum dns_type type, size_t length, struct address *address)
{
	unsigned char bytes[16];

	*address = (struct address){ 0 };
	if (length != (type == DNS_A ? 4 : 16)) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < length; i++)
		bytes[i] = take_u8(r);
	if (type == DNS_A) {
		address->u.v4.sin_family = AF_INET;
		memcpy(&address->u.v4.sin_addr, bytes, 4);
	} else {
		address->u.v6.sin6_family = AF_INET6;
		memcpy(&address->u.v6.sin6_addr, bytes, 16);
	}
}

/* One resource record: owner, type, class, time to live, data. `record` is filled when it is of `type`. */
struct resource {
	char owner[DNS_NAME];
	unsigned type, class;
	uint32_t ttl_s;
	char cname[DNS_NAME];
	struct dns_record record;
};

static void take_data(struct reader *r, size_t length, enum dns_type wanted, struct resource *rr)
{
	struct dns_record *record = &rr->record;
	char regexp[2];

	if (rr->type == DNS_CNAME) {
		take_name(r, rr->cname);
		return;
	}
	if (rr->type != wanted)
		return;
	if (wanted == DNS_A || wanted == DNS_AAAA) {
		take_address(r, wanted, length, &record->address);
		return;
	}
	record->priority = take_u16(r);
	record->weight = take_u16(r);
	if (wanted == DNS_SRV) {
		record->port = take_u16(r);
	} else {
		take_text(r, record->flags, sizeof record->flags);
		take_text(r, record->services, sizeof record->services);
		take_text(r, regexp, sizeof regexp);
	}
	take_name(r, record->name);
}

static void take_resource(struct reader *r, enum dns_type wanted, struct resource *rr)
{
	*rr = (struct resource){ 0 };
	take_name(r, rr->owner);
	rr->type = take_u16(r);
	rr->class = take_u16(r);
	rr->ttl_s = take_u32(r);
	size_t length = take_u16(r), end = r->at + length;
	if (end > r->all.n)
		r->bad = true;
	if (r->bad)
		return;
	take_data(r, length, wanted, rr);
	if (r->at > end)
		r->bad = true;
	r->at = end;
}

static bool same_name(const char *a, const char *b)
{
	return slice_ieq(slice_of(a), slice_of(b));
}

/* RFC 2181 8: a time to live with its highest bit set counts as 0. */
static void keep_ttl(struct dns_records *records, uint32_t ttl_s)
{
	if (ttl_s > INT32_MAX)
		ttl_s = 0;
	if (ttl_s < records->ttl_s)
		records->ttl_s = ttl_s;
}

/* One walk over the answers for `name`: its records, or the name that it stands for. */
static bool collect(struct reader r, unsigned answers, char name[DNS_NAME], enum dns_type type,
		    struct dns_records *records, bool *renamed)
{
	struct resource rr;

	*renamed = false;
	for (unsigned i = 0; i < answers; i++) {
		take_resource(&r, type, &rr);
		if (r.bad)
			return false;
		if (rr.class != CLASS_IN || !same_name(rr.owner, name))
			continue;
		if (rr.type == type && records->count < DNS_RECORDS_MAX) {
			records->rows[records->count++] = rr.record;
			keep_ttl(records, rr.ttl_s);
		} else if (rr.type == DNS_CNAME && !records->count && !*renamed) {
			keep_ttl(records, rr.ttl_s);
			snprintf(name, DNS_NAME, "%s", rr.cname);
			*renamed = true;
		}
	}
	return true;
}

bool dns_answer_parse(struct slice answer, const char *name, enum dns_type type, struct dns_records *records)
{
	struct reader r = { answer, 4, false };
	char wanted[DNS_NAME];
	bool renamed = true;

	*records = (struct dns_records){ .ttl_s = UINT32_MAX };
	unsigned questions = take_u16(&r), answers = take_u16(&r);
	r.at = HEADER_BYTES;
	if (answer.n < HEADER_BYTES || questions != 1)
		return false;
	take_name(&r, wanted);
	bool asked = (!name || same_name(wanted, name)) && take_u16(&r) == type;
	take_u16(&r);
	if (r.bad || !asked)
		return false;
	for (unsigned i = 0; renamed && !records->count && i < CNAMES_MAX; i++)
		if (!collect(r, answers, wanted, type, records, &renamed))
			return false;
	return true;
}
