/* What a registrar says: questions to its responses. */
#include "base/xmalloc.h"
#include "sip/ua/outbound.h"
#include "sip/ua/registration_internal.h"

char *registrar_uri(struct slice text)
{
	struct sip_uri uri;

	if (!sip_uri_parse(text, &uri, NULL) || (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS))
		return NULL;
	if (!uri.has_user)
		return slice_dup(text);
	return xasprintf("%.*s:%.*s", SLICE_ARG(uri.scheme_name),
			 SLICE_ARG(slice_from(text, (size_t)(uri.host.p - text.p))));
}

static bool same_binding(const struct sip_uri *mine, const struct sip_uri *theirs)
{
	return sip_uri_eq(mine, theirs) || (slice_eq(mine->user, theirs->user) && slice_ieq(mine->host, theirs->host) &&
					    mine->port == theirs->port);
}

const struct sip_address *response_binding(const struct sip_message *response, struct slice contact,
					   const struct outbound *outbound)
{
	const struct sip_address *theirs, *same = NULL;
	struct sip_uri mine;

	if (!contact.n || !sip_uri_parse(contact, &mine, NULL))
		return NULL;
	for (size_t i = 0; (theirs = sip_message_address(response, SIP_HEADER_CONTACT, i)) != NULL; i++) {
		if (theirs->star)
			continue;
		if (outbound_is_ours(outbound, theirs))
			return theirs;
		if (!same && same_binding(&mine, &theirs->uri))
			same = theirs;
	}
	return same;
}

uint32_t response_longest(const struct sip_message *response)
{
	const struct sip_address *contact;
	uint32_t seconds, longest = 0;

	for (size_t i = 0; (contact = sip_message_address(response, SIP_HEADER_CONTACT, i)) != NULL; i++)
		if (!contact->star && sip_address_expires(contact, &seconds) && seconds > longest)
			longest = seconds;
	return longest;
}

bool response_face(const struct sip_message *response, const struct sip_target *target, struct address *face)
{
	const struct sip_via *via = sip_message_via(response, 0);

	if (!via)
		return false;
	uint16_t port = via->rport ? via->rport : via->port ? via->port : sip_protocol_port(target->protocol);
	return address_parse_host(face, via->received.n ? via->received : via->host, port) && port &&
	       !address_is_any(face);
}

bool response_is_final(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
	case 404:
	case 405:
	case 407:
	case 410:
	case 416:
	case 501:
	case 505:
		return true;
	default:
		return status >= 600;
	}
}

char *response_registrar(const struct sip_message *response)
{
	const struct sip_address *contact, *best = NULL;

	for (size_t i = 0; (contact = sip_message_address(response, SIP_HEADER_CONTACT, i)) != NULL; i++)
		if (!best || sip_address_q(contact) > sip_address_q(best))
			best = contact;
	return best && !best->star ? registrar_uri(best->uri.text) : NULL;
}
