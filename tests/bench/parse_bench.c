/*
 * How many messages a second are parsed to typed fields: Request-URI, To, From, all Vias, CSeq, Contact, Record-Routes.
 * The same messages go through libosip2 and sofia-sip where they are installed (HAVE_OSIP, HAVE_SOFIA), in turns, so
 * that what else the machine does weighs on all alike; the best of the rounds is printed, since only disturbance makes
 * a round slower.
 */
#include "sip/syntax/draft.h"
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
	const struct sip_via *via;
	for (size_t i = 0; (via = sip_message_via(message, i)); i++)
		seen += via->branch.n;
	const struct sip_address *address;
	for (size_t i = 0; (address = sip_message_address(message, SIP_HEADER_CONTACT, i)); i++)
		seen += address->uri.host.n;
	for (size_t i = 0; (address = sip_message_address(message, SIP_HEADER_RECORD_ROUTE, i)); i++)
		seen += address->uri.host.n;
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

/* The draft that prints as this message, its first Via apart, as a transaction adds it. */
static struct sip_draft *draft_of(const struct sip_message *message)
{
	struct slice body = message->body, type = sip_message_value(message, SIP_HEADER_CONTENT_TYPE);
	struct sip_draft *draft;

	if (message->is_request) {
		draft = sip_draft_request(message->method_name, message->request_uri);
		for (size_t i = 0; i < message->header_count; i++)
			if (&message->headers[i] != sip_message_header(message, SIP_HEADER_VIA, 0))
				sip_draft_add_slice(draft, message->headers[i].id, message->headers[i].value);
	} else {
		draft = sip_draft_response(message, message->status, message->reason, slice_make(NULL, 0));
	}
	if (body.n)
		sip_draft_body(draft, type, body);
	return draft;
}

static struct sip_message *parsed(struct slice bytes)
{
	struct sip_message *message;
	size_t used, offset;

	if (sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		give_up("offhook");
	return message;
}

/* Where the message's own copy has its first Via, `bytes` has it too. */
static struct slice bytes_of_first_via(struct slice bytes, const struct sip_message *message)
{
	struct slice via = sip_message_value(message, SIP_HEADER_VIA);

	return slice_make(bytes.p + (via.p - message->bytes.p), via.n);
}

/* Printing a draft that is ready: what comes out is a message, indexed as a received one. */
static size_t print_ours(struct slice bytes)
{
	static struct sip_draft *draft;
	static struct slice of, via;

	if (of.p != bytes.p) {
		struct sip_message *message = parsed(bytes);
		sip_draft_free(draft);
		draft = draft_of(message);
		of = bytes;
		via = message->is_request ? bytes_of_first_via(bytes, message) : slice_make(NULL, 0);
		sip_message_unref(message);
	}
	struct sip_message *printed = sip_draft_finish(draft, via);
	size_t n = printed->bytes.n;
	sip_message_unref(printed);
	return n;
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
	{ "offhook, printed", print_ours },
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

/*
 * Does a message cost what it is long? One that is all of one thing, which a parser that looks back for each of its
 * parts would take the square of.
 */
static const struct shape {
	const char *title, *head, *part;
} shapes[] = {
	{ "Vias on one line", "Via: SIP/2.0/UDP h", ",SIP/2.0/UDP h" },
	{ "Vias, a line each", "Via: SIP/2.0/UDP h", "\r\nVia: SIP/2.0/UDP h" },
	{ "parameters of a Via", "Via: SIP/2.0/UDP h", ";a=b" },
	{ "Contacts without user", "Contact: <sip:h>", ",<sip:h>" },
	{ "parameters of a URI", "Contact: <sip:h", ";a=b" },
	{ "Contacts that do not end", "Contact: <sip:h", ",<sip:h" },
	{ "open quotes", "Contact: \"a\" <sip:h>", ",\"a" },
	{ "escapes", "Contact: sip:", "%41" },
	{ "folds", "Subject: a", "\r\n a" },
	{ "unknown header lines", "X: a", "\r\nY: a" },
};
enum { SMALL = 4096, LARGE = SIP_MESSAGE_MAX - 512 };

/* A message of about n bytes of this shape. */
static char *message_of(const struct shape *shape, size_t n)
{
	static const char start[] = "OPTIONS sip:a@h SIP/2.0\r\n";
	size_t part = strlen(shape->part), size = sizeof start + strlen(shape->head) + n + part + 8;
	char *text = malloc(size);

	if (!text)
		give_up("memory");
	size_t used = (size_t)snprintf(text, size, "%s%s", start, shape->head);
	for (; used < n; used += part)
		memcpy(text + used, shape->part, part + 1);
	memcpy(text + used, "\r\n\r\n", 5);
	return text;
}

/* Nanoseconds a KiB for parsing a message of n bytes with all that is decoded of it. */
static double growth_cost(const struct shape *shape, size_t n)
{
	char *text = message_of(shape, n);
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_seconds();
		for (size_t i = 0; i < 16 * LARGE / n; i++) {
			struct sip_message *message = parsed(slice_of(text));
			sip_message_via(message, 0);
			sip_message_address(message, SIP_HEADER_CONTACT, 0);
			if (!sip_message_check(message).status)
				give_up("the check");
			sip_message_unref(message);
		}
		double cost = (cpu_seconds() - start) * 1e9 * 1024 / (double)n / (double)(16 * LARGE / n);
		if (!best || cost < best)
			best = cost;
	}
	free(text);
	return best;
}

static void print_growth(void)
{
	printf("\nnanoseconds a KiB of a message that is all of one thing\n%-26s%8s%8s\n", "", "4 KiB", "64 KiB");
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		double small = growth_cost(&shapes[i], SMALL), large = growth_cost(&shapes[i], LARGE);
		printf("%-26s%8.0f%8.0f %6.2f x\n", shapes[i].title, small, large, large / small);
	}
}

/* For counting instructions: one message by one parser again and again and nothing else. */
static int repeat(const char *who, int message, int times)
{
	volatile size_t seen = 0;

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		if (strcmp(rows[r].name, who) != 0)
			continue;
		for (int i = 0; i < times; i++)
			seen = seen + rows[r].parse(messages[message]);
	}
	return seen ? 0 : 2;
}

static int print_names(void)
{
	for (size_t r = 0; r < ARRAY_LEN(rows); r++)
		printf("%s\n", rows[r].name);
	return 0;
}

int main(int argc, char **argv)
{
#ifdef HAVE_OSIP
	bench_osip_init();
#endif
	if (argc == 2 && !strcmp(argv[1], "names"))
		return print_names();
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
	print_growth();
	return 0;
}
