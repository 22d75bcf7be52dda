#include "sip/ua/hop.h"

#include "base/xmalloc.h"

static struct slice uri_of_route(struct slice route)
{
	struct sip_address address;

	return sip_address_parse(route, &address, NULL) ? address.uri.text : slice_of(NULL);
}

static bool is_loose(struct slice uri_text)
{
	struct sip_uri uri;

	return sip_uri_parse(uri_text, &uri, NULL) && sip_uri_param(&uri, SLICE("lr"), NULL);
}

static void add_route(struct sip_draft *draft, struct slice route)
{
	if (slice_find(route, '<') < route.n)
		sip_draft_add_slice(draft, SIP_HEADER_ROUTE, route);
	else
		sip_draft_add(draft, SIP_HEADER_ROUTE, "<%.*s>", SLICE_ARG(route));
}

struct sip_draft *hop_draft(struct slice method, struct slice target, const struct slice *routes, size_t route_count,
			    bool *strict)
{
	struct slice first = route_count ? uri_of_route(routes[0]) : slice_of(NULL);
	struct sip_uri uri;
	struct buf request_uri;

	*strict = route_count && !is_loose(first);
	if (!sip_uri_parse(*strict ? first : target, &uri, NULL))
		return NULL;
	buf_init(&request_uri, uri.text.n + 1); /* printed it is never longer */
	sip_uri_print_request(&request_uri, &uri);
	struct sip_draft *draft = sip_draft_request(method, buf_slice(&request_uri));
	buf_fini(&request_uri);
	for (size_t i = *strict ? 1 : 0; i < route_count; i++)
		add_route(draft, routes[i]);
	/* A strict router took the place of the remote target, which so becomes the last route. */
	if (*strict)
		sip_draft_add(draft, SIP_HEADER_ROUTE, "<%.*s>", SLICE_ARG(target));
	return draft;
}

/* ---- locating ---- */

static void tell(struct hop *hop, enum err err)
{
	for (size_t i = 0; i < hop->count; i++)
		hop->targets[i].security = hop->security;
	hop->done(hop->arg, err);
}

static void found(void *arg, enum err err, const struct sip_target *targets, size_t count)
{
	struct hop *hop = arg;

	hop->lookup = NULL;
	if (count > LOCATE_MAX)
		count = LOCATE_MAX;
	if (count) {
		hop->targets = xcalloc(count, sizeof *targets);
		memcpy(hop->targets, targets, count * sizeof *targets);
		transport_order_targets(transactions_transport(hop->ua->transactions), hop->targets, count);
	}
	hop->count = count;
	tell(hop, count ? ERR_NONE : err ? err : ERR_DNS);
}

static void found_at_once(void *arg)
{
	struct hop *hop = arg;

	tell(hop, hop->err);
}

/* A literal needs no look-up (RFC 3263 4.1, 4.2). */
static bool is_literal(struct hop *hop, const struct sip_hop *wanted)
{
	enum sip_protocol protocol = sip_hop_protocol(wanted);
	struct address address;

	if (!address_parse_host(&address, slice_of(wanted->host),
				wanted->port ? wanted->port : sip_protocol_port(protocol)))
		return false;
	hop->targets = xcalloc(1, sizeof *hop->targets);
	hop->targets[0].protocol = protocol;
	hop->targets[0].address = address;
	transport_prefer_open(transactions_transport(hop->ua->transactions), &hop->targets[0]);
	hop->count = 1;
	return true;
}

/* Nor does a name that only an open connection knows. */
static bool is_connection(struct hop *hop, const struct sip_hop *wanted)
{
	struct sip_target target;

	if (!transport_find_invalid(transactions_transport(hop->ua->transactions), slice_of(wanted->host), &target))
		return false;
	hop->targets = xcalloc(1, sizeof *hop->targets);
	hop->targets[0] = target;
	hop->count = 1;
	return true;
}

/* Is it for a sips URI? Then every hop is TLS, whatever the routes say (RFC 3261 26.2.2, RFC 5630 4). */
static bool is_for_sips(const struct sip_draft *draft, bool strict)
{
	struct slice target = sip_draft_request_uri(draft), route;

	for (size_t i = 0; strict && (route = sip_draft_value(draft, SIP_HEADER_ROUTE, i)).p; i++)
		target = uri_of_route(route);
	return slice_ibegins(target, SLICE("sips:"));
}

static enum err read_next(const struct sip_draft *draft, bool strict, const enum sip_protocol *protocol,
			  struct sip_hop *wanted)
{
	struct slice route = sip_draft_value(draft, SIP_HEADER_ROUTE, 0);

	return sip_hop_read(route.p && !strict ? uri_of_route(route) : sip_draft_request_uri(draft),
			    is_for_sips(draft, strict), protocol, wanted);
}

void hop_find(struct hop *hop, struct ua *ua, const struct sip_draft *draft, bool strict,
	      const enum sip_protocol *protocol, unsigned security, hop_h *done, void *arg)
{
	struct sip_hop wanted;

	*hop = (struct hop){ .ua = ua, .security = security, .done = done, .arg = arg };
	hop->err = read_next(draft, strict, protocol, &wanted);
	memcpy(hop->host, wanted.host, sizeof hop->host);
	if (hop->err || is_literal(hop, &wanted) || is_connection(hop, &wanted))
		timer_start(ua->world.timers, &hop->timer, 0, found_at_once, hop);
	else
		hop->lookup = ua->world.ops->locate(ua->world.net, &wanted, found, hop);
}

bool hop_way(struct ua *ua, const struct sip_draft *draft, bool strict, struct sip_target *way)
{
	struct hop hop = { .ua = ua };
	struct sip_hop wanted;

	*way = (struct sip_target){ .protocol = SIP_UDP };
	if (read_next(draft, strict, NULL, &wanted))
		return false;
	bool known = is_literal(&hop, &wanted) || is_connection(&hop, &wanted);
	if (known)
		*way = hop.targets[0];
	else if (wanted.has_protocol || wanted.secure)
		way->protocol = sip_hop_protocol(&wanted);
	hop_fini(&hop);
	return known || wanted.has_protocol || wanted.secure;
}

bool hop_is_looking(const struct hop *hop)
{
	return hop->lookup || timer_running(&hop->timer);
}

void hop_fini(struct hop *hop)
{
	if (!hop->ua)
		return;
	timer_stop(hop->ua->world.timers, &hop->timer);
	if (hop->lookup)
		hop->ua->world.ops->locate_cancel(hop->ua->world.net, hop->lookup);
	free(hop->targets);
	*hop = (struct hop){ 0 };
}
