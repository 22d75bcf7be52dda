/*
 * RFC 3263. A locate is a walk through its rules that is repeated from the beginning whenever an answer came in: what
 * is known comes out of the cache, what is not is asked for, and when nothing that is needed is missing the walk has
 * the result.
 */
#include "net/internal.h"

#include "base/xmalloc.h"
#include "net/dns.h"

#include <stdio.h>

#define DEADLINE_US (5 * SECOND_US)

struct locating {
	struct list_node node;      /* in net.locates */
	struct net *net;
	struct sip_hop hop;
	locate_h *done;
	void *arg;
	int64_t since_us;
	struct timer deadline;
	bool late;                  /* what is not known by now counts as missing */
	bool ready;                 /* to be told in this turn */
	/* Of one walk: */
	bool pending;               /* something needed is not known yet */
	bool off;                   /* a SRV record says "decidedly not here" (RFC 2782) */
	bool unreachable;           /* there were addresses, but none that we reach */
	bool answered;              /* a name server has said something of what was needed */
	bool unanswered;            /* of something else none did, or nothing that can be used */
	unsigned host;              /* the number of the one whose addresses are being added */
	enum err err;
	struct sip_target targets[LOCATE_MAX];
	size_t count;
};

static bool is_secure(enum sip_protocol protocol)
{
	return protocol == SIP_TLS || protocol == SIP_WSS;
}

static bool has_family(const struct net *net, bool v6)
{
	LIST_EACH(&net->listeners, node)
		if (address_is_v6(&LIST_ENTRY(node, struct listener, node)->address) == v6)
			return true;
	return false;
}

static void add_target(struct locating *l, enum sip_protocol protocol, const struct address *host, uint16_t port,
		       bool literal)
{
	struct sip_target target = { .protocol = protocol, .address = *host, .host = l->host };
	struct address local;

	address_set_port(&target.address, port ? port : sip_protocol_port(protocol));
	if (address_is_any(host) || !net_local_address(l->net, protocol, &target.address, &local)) {
		l->unreachable = true;
		return;
	}
	if (!literal)
		snprintf(target.name, sizeof target.name, "%s", l->hop.host);
	for (size_t i = 0; i < l->count; i++)
		if (l->targets[i].protocol == protocol && address_eq(&l->targets[i].address, &target.address))
			return;
	if (l->count < LOCATE_MAX)
		l->targets[l->count++] = target;
}

/* Ask; what is still open at the deadline has failed. */
static enum dns_status known(struct locating *l, const char *name, enum dns_type type, const struct dns_record **rows,
			     size_t *count)
{
	enum dns_status status = dns_get(l->net->dns, name, type, l->since_us, rows, count);

	return status == DNS_PENDING && l->late ? DNS_FAILED : status;
}

static enum dns_status needed(struct locating *l, const char *name, enum dns_type type, const struct dns_record **rows,
			      size_t *count)
{
	enum dns_status status = known(l, name, type, rows, count);

	l->pending |= status == DNS_PENDING;
	l->unanswered |= status == DNS_FAILED;
	l->answered |= status == DNS_FOUND || status == DNS_NONE;
	return status;
}

/* Ask now for what may be needed soon: a slow name server is then slow once. */
static void prefetch(struct locating *l, const char *name, enum dns_type type)
{
	const struct dns_record *rows;
	size_t count;

	(void)known(l, name, type, &rows, &count);
}

static void add_rows(struct locating *l, enum sip_protocol protocol, uint16_t port, const struct dns_record *rows,
		     size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_target(l, protocol, &rows[i].address, port, false);
}

/* In the hosts file (or localhost itself)? Whoever maintains that file wants no name server to be asked. */
static bool is_host(struct locating *l, const char *name)
{
	const struct dns_record *rows;
	size_t count;

	return dns_get_host(l->net->dns, name, DNS_A, &rows, &count) == DNS_FOUND ||
	       dns_get_host(l->net->dns, name, DNS_AAAA, &rows, &count) == DNS_FOUND;
}

/* Asking for one type may move the answers of another. */
static size_t copy_rows(struct locating *l, const char *name, enum dns_type type, struct address addresses[LOCATE_MAX])
{
	const struct dns_record *rows;
	size_t count, copied = 0;

	if (needed(l, name, type, &rows, &count) != DNS_FOUND)
		return 0;
	for (; copied < count && copied < LOCATE_MAX; copied++)
		addresses[copied] = rows[copied].address;
	return copied;
}

/*
 * IPv6 before IPv4 where both have a route (RFC 6724's default policy), and then in turns, so that a family that leads
 * nowhere costs one attempt (RFC 8305 4). Names of the hosts file the other way round: most local programs listen on
 * IPv4 alone.
 */
static void add_addresses(struct locating *l, const char *name, enum sip_protocol protocol, uint16_t port)
{
	static const enum dns_type hosts_order[] = { DNS_A, DNS_AAAA };
	struct address v6[LOCATE_MAX], v4[LOCATE_MAX];
	const struct dns_record *rows;
	size_t count;

	if (is_host(l, name)) {
		for (size_t i = 0; i < ARRAY_LEN(hosts_order); i++)
			if (dns_get_host(l->net->dns, name, hosts_order[i], &rows, &count) == DNS_FOUND)
				add_rows(l, protocol, port, rows, count);
		return;
	}
	if (has_family(l->net, false))
		prefetch(l, name, DNS_A);
	size_t v6_count = has_family(l->net, true) ? copy_rows(l, name, DNS_AAAA, v6) : 0;
	size_t v4_count = has_family(l->net, false) ? copy_rows(l, name, DNS_A, v4) : 0;
	for (size_t i = 0; i < v6_count || i < v4_count; i++) {
		if (i < v6_count)
			add_target(l, protocol, &v6[i], port, false);
		if (i < v4_count)
			add_target(l, protocol, &v4[i], port, false);
	}
}

static void swap(struct dns_record *rows, size_t a, size_t b)
{
	struct dns_record row = rows[a];

	rows[a] = rows[b];
	rows[b] = row;
}

/* RFC 2782: by priority; among equals a draw by weight, in which those of weight 0 stand first and so rarely win. */
static void order_srv(struct random *random, struct dns_record *rows, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0; k--) {
			const struct dns_record *a = &rows[k - 1], *b = &rows[k];
			if (a->priority < b->priority ||
			    (a->priority == b->priority && (a->weight == 0 || b->weight != 0)))
				break;
			swap(rows, k - 1, k);
		}
	for (size_t i = 0; i < count; i++) {
		uint32_t sum = 0, run = 0;
		size_t end = i, k = i;
		while (end < count && rows[end].priority == rows[i].priority)
			sum += rows[end++].weight;
		uint32_t draw = random_below(random, sum + 1);
		while (k + 1 < end && (run += rows[k].weight) < draw)
			k++;
		/* The winner moves to the front and the others keep their line. */
		for (; k > i; k--)
			swap(rows, k - 1, k);
	}
}

/* @return whether there are SRV records (or may be: see l->pending) */
static bool add_srv(struct locating *l, const char *name, enum sip_protocol protocol)
{
	struct dns_record rows[DNS_RECORDS_MAX];
	const struct dns_record *known_rows;
	size_t count;
	enum dns_status status = needed(l, name, DNS_SRV, &known_rows, &count);

	if (status != DNS_FOUND)
		return status == DNS_PENDING;
	memcpy(rows, known_rows, count * sizeof *rows);
	order_srv(&l->net->random, rows, count);
	if (count == 1 && !rows[0].name[0])
		l->off = true;
	for (size_t i = 0; i < count && i < LOCATE_MAX; i++, l->host++)
		if (rows[i].name[0])
			add_addresses(l, rows[i].name, protocol, rows[i].port);
	return true;
}

static void srv_name(char name[DNS_NAME], enum sip_protocol protocol, const char *host)
{
	snprintf(name, DNS_NAME, "%s._%s.%.240s", is_secure(protocol) ? "_sips" : "_sip",
		 protocol == SIP_UDP ? "udp" : "tcp", host);
}

/* A service that we speak; for sips: one that is secure (RFC 3263 4.1, RFC 7118 5.5). */
static bool naptr_protocol(const struct locating *l, const struct dns_record *row, enum sip_protocol *protocol)
{
	static const struct {
		struct slice service;
		enum sip_protocol protocol;
	} services[] = {
		{ SLICE_INIT("SIP+D2U"), SIP_UDP },  { SLICE_INIT("SIP+D2T"), SIP_TCP },
		{ SLICE_INIT("SIPS+D2T"), SIP_TLS }, { SLICE_INIT("SIP+D2W"), SIP_WS },
		{ SLICE_INIT("SIPS+D2W"), SIP_WSS },
	};

	if (!slice_ieq(slice_of(row->flags), SLICE("s")) || !row->name[0])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (slice_ieq(slice_of(row->services), services[i].service)) {
			*protocol = services[i].protocol;
			return !l->hop.secure || is_secure(*protocol);
		}
	return false;
}

static bool naptr_before(const struct dns_record *a, const struct dns_record *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->weight < b->weight;
}

/* RFC 3263 4.1: the services that we speak, in their order. @return whether there was one */
static bool add_naptr(struct locating *l, const struct dns_record *rows, size_t count)
{
	const struct dns_record *line[DNS_RECORDS_MAX];
	enum sip_protocol protocol;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!naptr_protocol(l, &rows[i], &protocol))
			continue;
		size_t k = n++;
		for (; k > 0 && naptr_before(&rows[i], line[k - 1]); k--)
			line[k] = line[k - 1];
		line[k] = &rows[i];
	}
	/* Asking may move the cache: what is needed of the line is copied before. */
	struct { char name[DNS_NAME]; enum sip_protocol protocol; } services[5];
	size_t service_count = n < ARRAY_LEN(services) ? n : ARRAY_LEN(services);
	for (size_t i = 0; i < service_count; i++) {
		(void)naptr_protocol(l, line[i], &services[i].protocol);
		snprintf(services[i].name, DNS_NAME, "%s", line[i]->name);
	}
	for (size_t i = 0; i < service_count; i++)
		(void)add_srv(l, services[i].name, services[i].protocol);
	return service_count > 0;
}

/* What is asked for where NAPTR says nothing; sips: the one at the end. */
static const enum sip_protocol in_our_order[] = { SIP_UDP, SIP_TCP, SIP_TLS };

static size_t first_for(const struct locating *l)
{
	return l->hop.secure ? ARRAY_LEN(in_our_order) - 1 : 0;
}

static void ask_ahead(struct locating *l)
{
	char name[DNS_NAME];

	for (size_t i = first_for(l); i < ARRAY_LEN(in_our_order); i++) {
		srv_name(name, in_our_order[i], l->hop.host);
		prefetch(l, name, DNS_SRV);
	}
	if (has_family(l->net, false))
		prefetch(l, l->hop.host, DNS_A);
	if (has_family(l->net, true))
		prefetch(l, l->hop.host, DNS_AAAA);
}

/* No port and no transport were given. */
static void walk_naptr(struct locating *l)
{
	const struct dns_record *rows;
	char name[DNS_NAME];
	size_t count;
	bool found = false;
	enum dns_status status = needed(l, l->hop.host, DNS_NAPTR, &rows, &count);

	if (status == DNS_PENDING) {
		ask_ahead(l);
		return;
	}
	if (status == DNS_FOUND && add_naptr(l, rows, count) && (l->count || l->pending || l->off))
		return;
	for (size_t i = first_for(l); i < ARRAY_LEN(in_our_order); i++) {
		srv_name(name, in_our_order[i], l->hop.host);
		found |= add_srv(l, name, in_our_order[i]);
	}
	if (!found)
		add_addresses(l, l->hop.host, l->hop.secure ? SIP_TLS : SIP_UDP, 0);
}

static void walk(struct locating *l)
{
	const struct sip_hop *hop = &l->hop;
	enum sip_protocol protocol = hop->has_protocol ? hop->protocol : hop->secure ? SIP_TLS : SIP_UDP;
	struct address literal;
	char name[DNS_NAME];

	l->pending = l->off = l->unreachable = l->answered = l->unanswered = false;
	l->host = 0;
	l->count = 0;
	if (hop->secure && !is_secure(protocol)) {
		l->err = ERR_UNSUPPORTED;
		return;
	}
	l->err = ERR_NO_ROUTE;
	if (list_empty(&l->net->listeners))
		return;
	l->err = ERR_DNS;
	if (address_parse_host(&literal, slice_of(hop->host), 0)) {
		add_target(l, protocol, &literal, hop->port, true);
	} else if (hop->port || is_host(l, hop->host)) {
		add_addresses(l, hop->host, protocol, hop->port);
	} else if (hop->has_protocol) {
		srv_name(name, protocol, hop->host);
		if (!add_srv(l, name, protocol))
			add_addresses(l, hop->host, protocol, 0);
	} else {
		walk_naptr(l);
	}
	if (l->unanswered && !l->answered)
		l->err = ERR_NAME_SERVER;
	if (l->unreachable)
		l->err = ERR_NO_ROUTE;
	if (l->count)
		l->err = ERR_NONE;
}

static void discard(struct locating *l)
{
	list_remove(&l->node);
	timer_stop(loop_timers(l->net->loop), &l->deadline);
	free(l);
}

static struct locating *next_ready(struct net *net)
{
	LIST_EACH(&net->locates, node) {
		struct locating *l = LIST_ENTRY(node, struct locating, node);
		if (l->ready)
			return l;
	}
	return NULL;
}

/* Whoever is told may ask for more or cancel others: so the list is read anew each time. */
static void on_locate_turn(void *arg)
{
	struct net *net = arg;
	struct locating *l;

	LIST_EACH(&net->locates, node) {
		l = LIST_ENTRY(node, struct locating, node);
		walk(l);
		l->ready = !l->pending;
	}
	while ((l = next_ready(net))) {
		list_remove(&l->node);
		timer_stop(loop_timers(net->loop), &l->deadline);
		l->done(l->arg, l->err, l->targets, l->count);
		free(l);
	}
}

void locate_look_again(struct net *net)
{
	if (!list_empty(&net->locates) && !timer_running(&net->locate_turn))
		timer_start(loop_timers(net->loop), &net->locate_turn, 0, on_locate_turn, net);
}

static void on_deadline(void *arg)
{
	struct locating *l = arg;

	l->late = true;
	locate_look_again(l->net);
}

void *locate_start(void *arg, const struct sip_hop *hop, locate_h *done, void *done_arg)
{
	struct net *net = arg;
	struct locating *l = xcalloc(1, sizeof *l);
	size_t n = strnlen(hop->host, sizeof hop->host - 1);

	l->net = net;
	l->hop = *hop;
	l->hop.host[n] = '\0';
	if (n > 1 && l->hop.host[n - 1] == '.')
		l->hop.host[n - 1] = '\0';
	l->done = done;
	l->arg = done_arg;
	l->since_us = loop_timers(net->loop)->now_us;
	list_append(&net->locates, &l->node);
	timer_start(loop_timers(net->loop), &l->deadline, DEADLINE_US, on_deadline, l);
	locate_look_again(net);
	return l;
}

void locate_drop(void *arg, void *handle)
{
	(void)arg;
	if (handle)
		discard(handle);
}

void locate_drop_all(struct net *net)
{
	while (!list_empty(&net->locates))
		discard(LIST_ENTRY(list_first(&net->locates), struct locating, node));
}
