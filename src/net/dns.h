/*
 * Questions to name servers and a cache of the answers. Asking does not wait: the answer is known at once, or
 * locate_look_again() tells when it may be worth asking again.
 */
#pragma once

#include "base/error.h"
#include "net/dns_answer.h"

struct dns;
struct net;

enum dns_status {
	DNS_PENDING, /* asked; not known yet */
	DNS_FOUND,   /* at least one record */
	DNS_NONE,    /* there is none, says the name server */
	DNS_FAILED,  /* no name server answered, or not what was asked */
};

struct dns *dns_new(struct net *net);
void dns_free(struct dns *dns);
/** Other servers, or the system's for an empty list; forgets the cache, and what is pending fails. */
enum err dns_set_servers(struct dns *dns, struct slice servers) MUST_CHECK;
/**
 * The records of `type` for `name`. An answer counts while its time to live lasts, and for those who began before it
 * came (`since_us`, loop time) in any case.
 * @param rows  valid until the next call of anything in dns.h or the next turn
 */
enum dns_status dns_get(struct dns *dns, const char *name, enum dns_type type, int64_t since_us,
			const struct dns_record **rows, size_t *count);
/** The same for the hosts file, and for "localhost", which is always there: DNS_FOUND or DNS_NONE, at once. */
enum dns_status dns_get_host(struct dns *dns, const char *name, enum dns_type type, const struct dns_record **rows,
			     size_t *count);
