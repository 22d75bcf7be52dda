/*
 * Fuzz target of raw DNS answers: the first byte chooses the type that was asked for, the rest is the answer.
 * Run: dns_fuzz tests/fuzz/corpus/dns
 */
#include "net/dns_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dns_records *records)
{
	if (records->count > DNS_RECORDS_MAX || (records->count && records->ttl_s > INT32_MAX))
		abort();
	for (size_t i = 0; i < records->count; i++) {
		const struct dns_record *record = &records->rows[i];
		if (!memchr(record->name, 0, sizeof record->name) ||
		    !memchr(record->flags, 0, sizeof record->flags) ||
		    !memchr(record->services, 0, sizeof record->services))
			abort();
		/* Names go into logs and Via: nothing in them may be mistaken for something else. */
		for (const char *c = record->name; *c; c++)
			if (*c == ' ' || *c == '\r' || *c == '\n')
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };
	static struct dns_records records;

	if (size < 2)
		return 0;
	/* A copy of its own, so that reading one byte too far is seen. */
	char *copy = malloc(size - 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (dns_answer_parse(slice_make(copy, size - 1), data[0] & 4 ? "a.example" : NULL, types[data[0] & 3],
			     &records))
		check(&records);
	free(copy);
	return 0;
}
