#include "sdp/internal.h"

/* ---- directions: two bits each, as seen by us ---- */

enum { SENDS = 1, RECEIVES = 2 };

static unsigned direction_bits(enum sdp_direction direction)
{
	static const unsigned bits[] = {
		[SDP_SENDRECV] = SENDS | RECEIVES,
		[SDP_SENDONLY] = SENDS,
		[SDP_RECVONLY] = RECEIVES,
		[SDP_INACTIVE] = 0,
	};

	return bits[direction];
}

bool sdp_direction_sends(enum sdp_direction direction)
{
	return direction_bits(direction) & SENDS;
}

static enum sdp_direction direction_of(unsigned bits)
{
	static const enum sdp_direction directions[] = { SDP_INACTIVE, SDP_SENDONLY, SDP_RECVONLY, SDP_SENDRECV };

	return directions[bits];
}

/* What of our wish the peer's line allows. RFC 3264 8.4: 0.0.0.0 means that nothing may be sent there. */
static enum sdp_direction common_direction(enum sdp_direction wanted, const struct sdp_media *peer)
{
	unsigned allowed = direction_bits(sdp_direction_reverse(peer->direction));

	if (peer->held_by_address)
		allowed &= ~(unsigned)SENDS;
	return direction_of(direction_bits(wanted) & allowed);
}

static bool holds(const struct sdp_media *peer)
{
	return peer->held_by_address || peer->direction == SDP_SENDONLY || peer->direction == SDP_INACTIVE;
}

/* ---- what was agreed ---- */

void sdp_agree_codec(struct sdp_agreed *agreed, const struct sdp_codec *codec, const struct sdp_format *format,
		     uint8_t receive_pt)
{
	struct sdp_agreed_codec *codecs = agreed->codecs;
	size_t *count = &agreed->codec_count, room = ARRAY_LEN(agreed->codecs);

	if (sdp_is_event(codec)) {
		codecs = agreed->events;
		count = &agreed->event_count;
		room = ARRAY_LEN(agreed->events);
	} else if (sdp_is_red(codec)) {
		codecs = agreed->reds;
		count = &agreed->red_count;
		room = ARRAY_LEN(agreed->reds);
	} else if (sdp_is_comfort(codec)) {
		codecs = agreed->comforts;
		count = &agreed->comfort_count;
		room = ARRAY_LEN(agreed->comforts);
	}

	/* Some list a codec twice: the first counts. */
	for (size_t i = 0; i < *count; i++)
		if (codecs[i].receive_pt == receive_pt)
			return;
	if (*count < room)
		codecs[(*count)++] = (struct sdp_agreed_codec){ codec, format->payload_type, receive_pt, format->fmtp };
}

/* Sound goes to one host. */
bool sdp_is_for_many(const struct address *address)
{
	if (address_is_v6(address))
		return IN6_IS_ADDR_MULTICAST(&address->u.v6.sin6_addr);
	uint32_t host = ntohl(address->u.v4.sin_addr.s_addr);
	return IN_MULTICAST(host) || host == INADDR_BROADCAST;
}

/*
 * Our socket is of one family. An address that is not set is a hold of old (RFC 3264 8.4), in either family. A peer on
 * this very host, with which we speak by the loopback interface, may be heard there; nobody else may have what we say
 * sent to programs that only this host should reach.
 */
static bool can_be_reached(const struct address *peer, const struct address *local)
{
	bool any = address_is_v6(peer) ? IN6_IS_ADDR_UNSPECIFIED(&peer->u.v6.sin6_addr)
				       : peer->u.v4.sin_addr.s_addr == htonl(INADDR_ANY);

	if (any || !address_is_set(local))
		return true;
	if (address_is_v6(peer) && IN6_IS_ADDR_V4MAPPED(&peer->u.v6.sin6_addr))
		return false;
	return address_is_v6(peer) == address_is_v6(local) &&
	       (!address_is_loopback(peer) || address_is_loopback(local));
}

/* Whoever names our own socket would have us talk to ourselves. */
bool sdp_usable_address(const struct sdp_media *media, const struct address *local)
{
	return media->has_address && !sdp_is_for_many(&media->address) && can_be_reached(&media->address, local) &&
	       !address_eq(&media->address, local);
}

/* Reports go where the sound goes when a=rtcp names a place where nothing may go. */
static struct address reports_to(const struct sdp_media *media)
{
	struct address rtcp = media->rtcp;

	if (!address_is_set(&rtcp) || (!sdp_is_for_many(&rtcp) && can_be_reached(&rtcp, &media->address)))
		return rtcp;
	rtcp = media->address;
	address_set_port(&rtcp, (uint16_t)(media->port + 1));
	return media->port < UINT16_MAX ? rtcp : (struct address){ 0 };
}

void sdp_agree_line(struct sdp_agreed *agreed, const struct sdp_media *peer, enum sdp_direction wanted, bool mux)
{
	agreed->direction = common_direction(wanted, peer);
	agreed->peer_holds = holds(peer);
	agreed->ptime_ms = peer->ptime_ms;
	agreed->maxptime_ms = peer->maxptime_ms;
	agreed->bandwidth_as = peer->bandwidth_as;
	agreed->bandwidth_tias = peer->bandwidth_tias;
	if (peer->maxptime_ms && agreed->ptime_ms > peer->maxptime_ms)
		agreed->ptime_ms = peer->maxptime_ms;
	if (peer->held_by_address)
		return;
	agreed->rtp = peer->address;
	agreed->rtcp_mux = mux && peer->rtcp_mux;
	agreed->rtcp = agreed->rtcp_mux ? peer->address : reports_to(peer);
}
