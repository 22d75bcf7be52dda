#include "tests/bench/parse_peers.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_parser.h>

/* sofia-sip types every field that it knows when it extracts a message. */
size_t bench_sofia_parse(const char *p, size_t n)
{
	msg_t *message = msg_make(sip_default_mclass(), 0, p, (ssize_t)n);
	sip_t *sip = message ? sip_object(message) : NULL;
	size_t seen = 0;

	if (sip && sip->sip_to && sip->sip_from && sip->sip_cseq && sip->sip_via && sip->sip_contact)
		seen = sip->sip_cseq->cs_seq;
	if (message)
		msg_destroy(message);
	return seen;
}
