/* What requests begin with, and those that need no more: ua_request(). */
#include "base/xmalloc.h"
#include "sip/syntax/scan.h"
#include "sip/ua/request.h"

bool request_add_contact(struct ua *ua, const struct profile *profile, struct sip_draft *draft,
			 const struct sip_target *target, struct slice user)
{
	struct slice route = sip_draft_value(draft, SIP_HEADER_ROUTE, 0);
	bool secure = slice_ibegins(sip_draft_request_uri(draft), SLICE("sips:")) ||
		      slice_ifind_slice(route, SLICE("<sips:")) < route.n;
	struct buf contact;

	buf_init(&contact, 2048);
	bool ok = profile_contact(profile, transactions_transport(ua->transactions), target, secure, user, &contact);
	if (ok)
		sip_draft_add_slice(draft, SIP_HEADER_CONTACT, buf_slice(&contact));
	buf_fini(&contact);
	return ok;
}

/* Who we are, for the proxy that knows us: where From does not say it, or it is to be believed. To nobody else
 * (RFC 3325 5, 9.2). */
static void add_identity(struct sip_draft *draft, const struct identity *identity, bool open)
{
	if (open || !identity->uri || !identity->routes || identity->no_identity ||
	    (!identity->anonymous && !identity->asserts))
		return;
	sip_draft_add(draft, identity->asserts ? SIP_HEADER_P_ASSERTED_IDENTITY : SIP_HEADER_P_PREFERRED_IDENTITY,
		      "<%s>", identity->uri);
}

void request_add_basics(struct sip_draft *draft, const struct profile *profile, bool open, struct slice tag,
			struct slice to, struct slice call_id)
{
	struct buf from;

	buf_init(&from, SIP_MESSAGE_MAX);
	profile_from(profile, open, &from);
	buf_printf(&from, ";tag=%.*s", SLICE_ARG(tag));
	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "70");
	sip_draft_add_slice(draft, SIP_HEADER_FROM, buf_slice(&from));
	sip_draft_add_slice(draft, SIP_HEADER_TO, to);
	sip_draft_add_slice(draft, SIP_HEADER_CALL_ID, call_id);
	sip_draft_add(draft, SIP_HEADER_CSEQ, "0 %.*s", SLICE_ARG(sip_draft_method(draft)));
	if (profile->identity.anonymous && !open)
		sip_draft_add(draft, SIP_HEADER_PRIVACY, "id");
	add_identity(draft, &profile->identity, open);
	buf_fini(&from);
}

void request_print_to(struct buf *to, struct slice target)
{
	static const char *const forbidden[] = { "method", "maddr", "ttl", "transport", "lr" };
	struct sip_uri uri;
	struct sip_param param;

	buf_add_char(to, '<');
	if (sip_uri_parse(target, &uri, NULL) && (uri.scheme == SIP_SCHEME_SIP || uri.scheme == SIP_SCHEME_SIPS)) {
		size_t end = uri.params.n    ? (size_t)(uri.params.p - target.p)
			     : uri.headers.n ? (size_t)(uri.headers.p - target.p) - 1
					     : target.n;
		buf_add(to, slice_sub(target, 0, end));
		for (struct slice rest = uri.params; sip_params_next(&rest, &param);) {
			bool skip = false;
			for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
				skip |= slice_ieq(param.name, slice_of(forbidden[i]));
			if (!skip)
				buf_printf(to, param.has_value ? ";%.*s=%.*s" : ";%.*s%.*s", SLICE_ARG(param.name),
					   SLICE_ARG(param.value));
		}
	} else {
		buf_add(to, target);
	}
	buf_add_char(to, '>');
}

struct sip_draft *request_outside(const struct profile *profile, struct slice method, struct slice target, bool *strict,
				  enum err *err)
{
	struct slice routes[16];
	struct sip_uri uri;
	size_t count = 0;

	for (; count < ARRAY_LEN(routes) && profile->identity.routes && profile->identity.routes[count]; count++)
		routes[count] = slice_of(profile->identity.routes[count]);
	*err = ERR_SYNTAX;
	if (target.n > HOP_URI_MAX || !sip_uri_parse(target, &uri, NULL))
		return NULL;
	*err = ERR_UNSUPPORTED;
	if (uri.scheme == SIP_SCHEME_OTHER || (uri.scheme == SIP_SCHEME_TEL && !count))
		return NULL;
	*err = ERR_SYNTAX;
	struct sip_draft *draft = hop_draft(method, target, routes, count, strict);
	if (draft)
		*err = ERR_NONE;
	return draft;
}

/* ---- ua_request() ---- */

static bool may_ask(struct slice method)
{
	enum sip_method known = sip_method_find(method);

	return scan_is_token(method) && known != SIP_INVITE && known != SIP_ACK && known != SIP_CANCEL;
}

struct request *ua_request(struct ua *ua, const struct request_config *config, enum err *err)
{
	bool strict;

	*err = ERR_UNSUPPORTED;
	if (!may_ask(config->method))
		return NULL;
	*err = core_check_extra(config->extra, config->extra_count);
	if (*err)
		return NULL;
	struct profile *profile = profile_new(config->identity);
	*err = ERR_SYNTAX;
	struct sip_draft *draft =
		profile ? request_outside(profile, config->method, config->target, &strict, err) : NULL;
	if (!draft) {
		profile_unref(profile);
		return NULL;
	}
	struct buf to;
	char *tag = core_token(ua, TAG_CHARS), *call_id = core_token(ua, CALL_ID_CHARS);
	buf_init(&to, SIP_MESSAGE_MAX);
	request_print_to(&to, config->target);
	request_add_basics(draft, profile, false, slice_of(tag), buf_slice(&to), slice_of(call_id));
	core_user_agent(ua, draft);
	if (slice_eq(config->method, SLICE("OPTIONS")))
		sip_draft_add(draft, SIP_HEADER_ACCEPT, "application/sdp");
	core_add_extra(draft, config->extra, config->extra_count);
	if (config->body.n)
		sip_draft_body(draft, config->content_type, config->body);
	struct request *request =
		request_start(ua, &(struct request_spec){ .profile = profile,
							  .draft = draft,
							  .strict = strict,
							  .takes_protocol = true,
							  .stays_on_stream = config->stays_on_stream });
	request_set_handler(request, config->wants_provisional, config->handler, config->arg);
	profile_unref(profile);
	buf_fini(&to);
	free(tag);
	free(call_id);
	return request;
}
