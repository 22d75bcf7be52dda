/*
 * How many messages a second are parsed to typed fields: Request-URI, To, From, all Vias, CSeq, Contact, Record-Routes.
 * The same messages go through libosip2 and sofia-sip where they are installed (HAVE_OSIP, HAVE_SOFIA), in turns, so
 * that what else the machine does weighs on all alike; the best of the rounds is printed, since only disturbance makes
 * a round slower.
 */
#include "sip/syntax/message.h"
#include "tests/bench/messages.h"
#include "tests/bench/parse_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 9, BATCH = 4000 };

static const struct slice messages[] = {
	SLICE_INIT(BENCH_INVITE),
	SLICE_INIT(BENCH_RINGING),
	SLICE_INIT(BENCH_LARGE),
};
static const char *const titles[] = { "INVITE", "180", "large INVITE" };

static _Noreturn void give_up(const char *who)
{
	fprintf(stderr, "parse_bench: %s does not parse a message\n", who);
	exit(1);
}

static size_t parse_ours(struct slice bytes)
{
	struct sip_message *message;
	size_t used, offset, seen = 0;

	if (sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		give_up("offhook");
	const struct sip_uri *uri = sip_message_request_uri(message);
	const struct sip_address *to = sip_message_to(message), *from = sip_message_from(message);
	const struct sip_cseq *cseq = sip_message_cseq(message);
	if ((message->is_request && !uri) || !to || !from || !cseq)
		give_up("offhook");
	seen += to->uri.host.n + from->uri.host.n + cseq->number;
	for (size_t i = 0; sip_message_via(message, i); i++)
		seen += sip_message_via(message, i)->branch.n;
	for (size_t i = 0; sip_message_address(message, SIP_HEADER_CONTACT, i); i++)
		seen += sip_message_address(message, SIP_HEADER_CONTACT, i)->uri.host.n;
	for (size_t i = 0; sip_message_address(message, SIP_HEADER_RECORD_ROUTE, i); i++)
		seen += sip_message_address(message, SIP_HEADER_RECORD_ROUTE, i)->uri.host.n;
	sip_message_unref(message);
	return seen;
}

/* The same, and everything that decides whether the message is acted on. */
static size_t parse_and_check_ours(struct slice bytes)
{
	struct sip_message *message;
	size_t used, offset;

	if (sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK ||
	    sip_message_check(message).status)
		give_up("offhook");
	sip_message_unref(message);
	return used;
}

#ifdef HAVE_OSIP
static size_t parse_osip(struct slice bytes)
{
	size_t seen = bench_osip_parse(bytes.p, bytes.n);

	if (!seen)
		give_up("libosip2");
	return seen;
}
#endif

#ifdef HAVE_SOFIA
static size_t parse_sofia(struct slice bytes)
{
	size_t seen = bench_sofia_parse(bytes.p, bytes.n);

	if (!seen)
		give_up("sofia-sip");
	return seen;
}
#endif

static const struct parser_row {
	const char *name;
	size_t (*parse)(struct slice bytes);
} rows[] = {
	{ "offhook", parse_ours },
	{ "offhook, checked", parse_and_check_ours },
#ifdef HAVE_OSIP
	{ "libosip2", parse_osip },
#endif
#ifdef HAVE_SOFIA
	{ "sofia-sip", parse_sofia },
#endif
};

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double time_batch(const struct parser_row *row, struct slice bytes)
{
	volatile size_t seen = 0;
	double start = cpu_seconds();

	for (int i = 0; i < BATCH; i++)
		seen = seen + row->parse(bytes);
	return cpu_seconds() - start;
}

/* For counting instructions: one message by one parser again and again and nothing else. */
static int repeat(const char *who, int message, int times)
{
	volatile size_t seen = 0;

	for (size_t r = 0; r < ARRAY_LEN(rows); r++)
		for (int i = 0; !strcmp(rows[r].name, who) && i < times; i++)
			seen = seen + rows[r].parse(messages[message]);
	return seen ? 0 : 2;
}

int main(int argc, char **argv)
{
#ifdef HAVE_OSIP
	bench_osip_init();
#endif
	if (argc == 5 && !strcmp(argv[1], "repeat"))
		return repeat(argv[2], atoi(argv[3]) % (int)ARRAY_LEN(messages), atoi(argv[4]));
	double best[ARRAY_LEN(rows)][ARRAY_LEN(messages)] = { { 0 } };
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

	for (int round = 0; round < rounds; round++)
		for (size_t m = 0; m < ARRAY_LEN(messages); m++)
			for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
				double rate = BATCH / time_batch(&rows[r], messages[m]);
				if (rate > best[r][m])
					best[r][m] = rate;
			}
	printf("thousand messages a second and core, and offhook's multiple of it\n%-18s", "");
	for (size_t m = 0; m < ARRAY_LEN(messages); m++)
		printf("%14s %4zu B", titles[m], messages[m].n);
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		printf("\n%-18s", rows[r].name);
		for (size_t m = 0; m < ARRAY_LEN(messages); m++)
			printf("%12.0f %6.2f x", best[r][m] / 1e3, best[0][m] / best[r][m]);
	}
	printf("\n");
	return 0;
}
