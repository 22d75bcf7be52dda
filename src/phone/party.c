#include "phone/party.h"

#include <stdio.h>

enum { HOPS_MAX = 8 };

/* Names of the hops behind the one that we spoke to, the nearest first. */
struct path {
	char hop[HOPS_MAX][PARTY_NAME];
	unsigned count;
};

/* A host without a port means the one of SIP; names that are too long, or not printable, are no party. */
static void add_hop(struct path *path, struct slice host)
{
	size_t colon = slice_rfind(host, ':'), bracket = slice_rfind(host, ']');
	bool has_port = colon < host.n && (bracket >= host.n || colon > bracket);

	if (!host.n || host.n + sizeof ":5060" > PARTY_NAME || path->count == HOPS_MAX)
		return;
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] >= 0x7f)
			return;
	snprintf(path->hop[path->count++], PARTY_NAME, "%.*s%s", SLICE_ARG(host), has_port ? "" : ":5060");
}

/* "SIP/2.0/UDP host:port;branch=..." */
static struct slice via_host(struct slice via)
{
	struct slice rest = slice_trim(slice_from(via, slice_find(via, ' ')));

	return slice_trim(slice_sub(rest, 0, slice_find(rest, ';')));
}

/* "Bob <sip:bob@host:port;lr>", "sip:host" */
static struct slice uri_host(struct slice value)
{
	size_t bracket = slice_find(value, '<');
	struct slice uri = bracket < value.n ? slice_from(value, bracket + 1) : value;

	uri = slice_sub(uri, 0, slice_find(uri, '>'));
	uri = slice_from(uri, slice_find(uri, ':') + 1);
	size_t at = slice_find(uri, '@');
	if (at < uri.n)
		uri = slice_from(uri, at + 1);
	size_t end = 0;
	while (end < uri.n && uri.p[end] != ';' && uri.p[end] != '?' && uri.p[end] != ' ')
		end++;
	return slice_sub(uri, 0, end);
}

/* The further Vias of a request that came to us are those it came through; our answer goes back the same way. */
static void read_vias(struct path *path, struct slice message)
{
	struct trace_values vias;
	struct slice via;

	trace_values_begin(&vias, message, "Via", 'v');
	if (!trace_values_next(&vias, &via))
		return;
	while (path->count < HOPS_MAX && trace_values_next(&vias, &via))
		add_hop(path, via_host(via));
}

/* Record-Route in an answer names the proxies, the nearest last (RFC 3261 12.1.2); Contact who answered. */
static void read_record_route(struct path *path, struct slice message)
{
	struct slice last[HOPS_MAX + 1], route;
	struct trace_values routes;
	size_t count = 0;

	trace_values_begin(&routes, message, "Record-Route", '\0');
	while (trace_values_next(&routes, &route))
		last[count++ % ARRAY_LEN(last)] = route;
	/* The nearest is the one that we spoke to. */
	for (size_t i = 1; i < count && i < ARRAY_LEN(last); i++)
		add_hop(path, uri_host(last[(count - 1 - i) % ARRAY_LEN(last)]));
	add_hop(path, uri_host(trace_header(message, "Contact", 'm')));
}

/* A request within a dialog goes by its Route to whom its URI names. */
static void read_route(struct path *path, struct slice message)
{
	struct trace_values routes;
	struct slice route, first = message;

	trace_values_begin(&routes, message, "Route", '\0');
	if (!trace_values_next(&routes, &route))
		return;
	while (path->count < HOPS_MAX && trace_values_next(&routes, &route))
		add_hop(path, uri_host(route));
	first = slice_cut(&first, '\n');
	slice_cut(&first, ' ');
	add_hop(path, uri_host(slice_cut(&first, ' ')));
}

static void read_path(struct path *path, const struct trace_entry *entry)
{
	bool response = slice_ibegins(entry->bytes, SLICE("SIP/2.0 "));
	char status_class = response && entry->bytes.n > 8 ? entry->bytes.p[8] : '\0';

	path->count = 0;
	if (entry->kind != TRACE_MESSAGE || slice_ibegins(entry->bytes, SLICE("SIP/2.0 100")))
		return;
	if (response == entry->sent)
		read_vias(path, entry->bytes);
	else if (!response)
		read_route(path, entry->bytes);
	else if (status_class <= '2' && !slice_ends(trace_header(entry->bytes, "CSeq", '\0'), SLICE(" REGISTER")))
		read_record_route(path, entry->bytes);
}

static unsigned find_name(const struct parties *parties, const char *name)
{
	unsigned i = 0;

	while (i < parties->count && strcasecmp(parties->party[i].name, name))
		i++;
	return i;
}

unsigned parties_find(const struct parties *parties, const struct address *remote)
{
	for (unsigned i = 0; i < parties->count; i++)
		if (address_is_set(&parties->party[i].address) && address_eq(&parties->party[i].address, remote))
			return i;
	return parties->count ? parties->count - 1 : 0;
}

static void add_party(struct parties *parties, const char *name, const struct address *address)
{
	unsigned place = find_name(parties, name);

	if (place == PARTIES_MAX)
		return;
	if (place == parties->count) {
		snprintf(parties->party[place].name, PARTY_NAME, "%s", name);
		parties->count++;
	}
	if (address)
		parties->party[place].address = *address;
}

void parties_add(struct parties *parties, const struct trace_entry *entry)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];
	struct path path;

	if (!address_is_set(&entry->remote))
		return;
	add_party(parties, address_print(&entry->remote, remote), &entry->remote);
	read_path(&path, entry);
	address_print(&entry->local, local);
	for (unsigned i = 0; i < path.count; i++)
		if (strcasecmp(path.hop[i], local))
			add_party(parties, path.hop[i], NULL);
}

unsigned parties_far(const struct parties *parties, const struct trace_entry *entry)
{
	unsigned near = parties_find(parties, &entry->remote), far;
	struct path path;

	read_path(&path, entry);
	if (!path.count)
		return near;
	far = find_name(parties, path.hop[path.count - 1]);
	return far < parties->count && far > near ? far : near;
}
