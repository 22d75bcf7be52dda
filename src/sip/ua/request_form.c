/* A request that was refused for its form, and the form that the refusal asks for (RFC 3261 8.1.3.5). */
#include "base/xmalloc.h"
#include "sip/ua/request.h"

#include <stdio.h>

enum { TYPE_TEXT_MAX = 64, TAGS_TEXT_MAX = 1024 };

/* 415: UTF-8 is what text is in any case (7.4.1), but some take no type with a parameter. */
static bool without_charset(struct sip_draft *draft, const struct sip_message *refusal)
{
	struct sip_media_type type;
	struct sip_param param;
	char name[TYPE_TEXT_MAX], subtype[TYPE_TEXT_MAX], *whole;

	if (!sip_media_type_parse(sip_draft_content_type(draft), &type) || !slice_ieq(type.type, SLICE("text")) ||
	    type.subtype.n >= sizeof subtype || !sip_params_next(&type.params, &param) ||
	    !slice_ieq(param.name, SLICE("charset")) || !slice_ieq(param.value, SLICE("UTF-8")) || type.params.n)
		return false;
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(type.type));
	snprintf(subtype, sizeof subtype, "%.*s", SLICE_ARG(type.subtype));
	if (!sip_message_accepts(refusal, name, subtype))
		return false;
	whole = xasprintf("%s/%s", name, subtype);
	sip_draft_body(draft, slice_of(whole), sip_draft_body_bytes(draft));
	free(whole);
	return true;
}

/* 416: the number as a SIP URI of our own domain (19.1.6), secure where that is. A sips URI is never made a sip one. */
static bool number_as_sip(struct sip_draft *draft, const struct profile *profile)
{
	struct slice uri = sip_draft_request_uri(draft), domain = sip_uri_hop_host(&profile->uri);
	bool secure = profile->uri.scheme == SIP_SCHEME_SIPS;
	struct sip_uri parsed;
	char port[8] = "";

	if (!slice_ibegins(uri, SLICE("tel:")) || !profile->identity.uri || !domain.n)
		return false;
	if (profile->uri.port)
		snprintf(port, sizeof port, ":%u", profile->uri.port);
	char *text = xasprintf("%s:%.*s@%.*s%s;user=phone", secure ? "sips" : "sip",
			       SLICE_ARG(slice_from(uri, strlen("tel:"))), SLICE_ARG(profile->uri.host), port);
	bool good = sip_uri_parse(slice_of(text), &parsed, NULL) && parsed.has_user;
	if (good)
		sip_draft_set_request_uri(draft, slice_of(text));
	free(text);
	return good;
}

/*
 * 420: what the refusal does not know is not claimed any more. What we require stays required: that is the user's wish
 * (sip.reliable-provisional required ...), or the request would mean something else without it (a call that replaces
 * another).
 */
static bool claim_less(struct sip_draft *draft, const struct sip_message *refusal)
{
	struct slice claimed = sip_draft_value(draft, SIP_HEADER_SUPPORTED, 0), tag;
	bool fewer = false;
	struct buf left;

	for (size_t i = 0; i < 2; i++) {
		struct slice required =
			sip_draft_value(draft, i ? SIP_HEADER_PROXY_REQUIRE : SIP_HEADER_REQUIRE, 0);
		while (required.n) {
			tag = slice_trim(slice_cut(&required, ','));
			if (tag.n && sip_message_lists(refusal, SIP_HEADER_UNSUPPORTED, tag))
				return false;
		}
	}
	buf_init(&left, TAGS_TEXT_MAX);
	while (claimed.n) {
		tag = slice_trim(slice_cut(&claimed, ','));
		if (sip_message_lists(refusal, SIP_HEADER_UNSUPPORTED, tag))
			fewer = true;
		else
			buf_printf(&left, "%s%.*s", left.n ? ", " : "", SLICE_ARG(tag));
	}
	if (fewer) {
		sip_draft_remove(draft, SIP_HEADER_SUPPORTED);
		sip_draft_add_slice(draft, SIP_HEADER_SUPPORTED, buf_slice(&left));
	}
	buf_fini(&left);
	return fewer;
}

bool request_reshape(struct sip_draft *draft, const struct profile *profile, const struct sip_message *refusal)
{
	switch (refusal->status) {
	case 415:
		return without_charset(draft, refusal);
	case 416:
		return number_as_sip(draft, profile);
	case 420:
		return claim_less(draft, refusal);
	default:
		return false;
	}
}
