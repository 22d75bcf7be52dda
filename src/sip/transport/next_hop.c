/* Where a request to a URI goes, so far as the URI itself tells. */
#include "sip/transport/transport.h"

#include <string.h>

/* sips means TLS at least: transport=tcp there is TLS over TCP (RFC 3261 26.2.2), and ws is wss (RFC 7118 5). UDP has
 * nothing of the kind. */
static enum err secured(enum sip_protocol *protocol)
{
	if (*protocol == SIP_TCP)
		*protocol = SIP_TLS;
	else if (*protocol == SIP_WS)
		*protocol = SIP_WSS;
	return *protocol == SIP_UDP ? ERR_UNSUPPORTED : ERR_NONE;
}

static enum err choose_protocol(const struct sip_uri *uri, const enum sip_protocol *protocol, struct sip_hop *hop)
{
	struct slice name;

	if (sip_uri_param(uri, SLICE("transport"), &name)) {
		hop->has_protocol = sip_protocol_find(name, &hop->protocol);
		if (!hop->has_protocol)
			return ERR_UNSUPPORTED;
	} else if (protocol) {
		hop->has_protocol = true;
		hop->protocol = *protocol;
	}
	return hop->secure && hop->has_protocol ? secured(&hop->protocol) : ERR_NONE;
}

enum err sip_hop_read(struct slice text, bool secure, const enum sip_protocol *protocol, struct sip_hop *hop)
{
	struct sip_uri uri;

	*hop = (struct sip_hop){ .secure = secure };
	if (!sip_uri_parse(text, &uri, NULL))
		return ERR_SYNTAX;
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS)
		return ERR_UNSUPPORTED;
	struct slice host = sip_uri_hop_host(&uri);
	if (!host.n || host.n >= sizeof hop->host)
		return ERR_SYNTAX;
	memcpy(hop->host, host.p, host.n);
	hop->port = uri.port;
	hop->secure |= uri.scheme == SIP_SCHEME_SIPS;
	return choose_protocol(&uri, protocol, hop);
}

enum sip_protocol sip_hop_protocol(const struct sip_hop *hop)
{
	return hop->has_protocol ? hop->protocol : hop->secure ? SIP_TLS : SIP_UDP;
}
