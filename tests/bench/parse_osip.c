#include "tests/bench/parse_peers.h"

#include <sys/time.h>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>

void bench_osip_init(void)
{
	parser_init();
}

/* libosip2 types Request-URI, From, To, Via, CSeq, Contact and Record-Route while it parses. */
size_t bench_osip_parse(const char *p, size_t n)
{
	osip_message_t *message;

	if (osip_message_init(&message))
		return 0;
	size_t seen = 0;
	if (osip_message_parse(message, p, n) == 0 && message->to && message->from && message->cseq)
		seen = (size_t)osip_list_size(&message->vias) + (size_t)osip_list_size(&message->contacts) +
		       (size_t)osip_list_size(&message->record_routes);
	osip_message_free(message);
	return seen;
}
