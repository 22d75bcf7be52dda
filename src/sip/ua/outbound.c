#include "sip/ua/outbound.h"

#include "base/xmalloc.h"

void outbound_init(struct outbound *outbound, const char *instance, unsigned reg_id, bool wants_flow, bool wants_gruu)
{
	*outbound = (struct outbound){ .instance = instance ? xstrdup(instance) : NULL,
				       .reg_id = reg_id ? reg_id : 1,
				       .wants_gruu = wants_gruu,
				       .refused = !wants_flow };
}

void outbound_forget(struct outbound *outbound)
{
	for (size_t i = 0; i < SERVICE_ROUTES_MAX; i++) {
		free(outbound->routes[i]);
		outbound->routes[i] = NULL;
	}
	xreplace(&outbound->gruu, NULL);
	xreplace(&outbound->temporary, NULL);
	outbound->agreed = false;
	outbound->flow_timer_s = 0;
}

void outbound_fini(struct outbound *outbound)
{
	outbound_forget(outbound);
	free(outbound->instance);
}

void outbound_add_supported(const struct outbound *outbound, struct sip_draft *draft)
{
	sip_draft_add(draft, SIP_HEADER_SUPPORTED, "path%s%s",
		      outbound->instance && outbound->wants_gruu ? ", gruu" : "",
		      outbound->instance && !outbound->refused ? ", outbound" : "");
}

void outbound_add_params(const struct outbound *outbound, struct buf *contact)
{
	if (!outbound->instance)
		return;
	buf_printf(contact, ";+sip.instance=\"<%s>\"", outbound->instance);
	if (!outbound->refused)
		buf_printf(contact, ";reg-id=%u", outbound->reg_id);
}

/* A parameter of a Contact without its quotes; empty when it is not there. */
static struct slice param_of(const struct sip_address *contact, const char *name)
{
	struct slice rest = contact->params;
	struct sip_param param;

	while (sip_params_next(&rest, &param)) {
		if (!slice_ieq(param.name, slice_of(name)))
			continue;
		struct slice value = param.value;
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = slice_sub(value, 1, value.n - 2);
		return value;
	}
	return slice_of(NULL);
}

bool outbound_is_ours(const struct outbound *outbound, const struct sip_address *contact)
{
	struct slice instance = param_of(contact, "+sip.instance"), reg_id = param_of(contact, "reg-id");
	uint32_t number;

	if (!outbound->instance || instance.n < 2 || instance.p[0] != '<')
		return false;
	return slice_ieq(slice_sub(instance, 1, instance.n - 2), slice_of(outbound->instance)) &&
	       (!reg_id.n || (slice_to_u32(reg_id, &number) && number == outbound->reg_id));
}

static void learn_gruu(char **gruu, const struct sip_address *contact, const char *name)
{
	struct slice value = contact ? param_of(contact, name) : slice_of(NULL);
	struct sip_uri uri;

	free(*gruu);
	*gruu = value.n && sip_uri_parse(value, &uri, NULL) &&
				(uri.scheme == SIP_SCHEME_SIP || uri.scheme == SIP_SCHEME_SIPS)
			? slice_dup(value)
			: NULL;
}

void outbound_learn(struct outbound *outbound, const struct sip_message *response, const struct sip_address *contact)
{
	const struct sip_address *route;

	outbound_forget(outbound);
	for (size_t i = 0; i < SERVICE_ROUTES_MAX; i++) {
		route = sip_message_address(response, SIP_HEADER_SERVICE_ROUTE, i);
		if (!route || (route->uri.scheme != SIP_SCHEME_SIP && route->uri.scheme != SIP_SCHEME_SIPS))
			break;
		outbound->routes[i] = xasprintf("<%.*s>", SLICE_ARG(route->uri.text));
	}
	if (!outbound->instance)
		return;
	learn_gruu(&outbound->gruu, contact, "pub-gruu");
	learn_gruu(&outbound->temporary, contact, "temp-gruu");
	outbound->agreed = !outbound->refused && sip_message_lists(response, SIP_HEADER_REQUIRE, SLICE("outbound"));
	if (outbound->agreed)
		(void)!sip_message_seconds(response, SIP_HEADER_FLOW_TIMER, &outbound->flow_timer_s);
}
