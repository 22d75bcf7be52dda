#include "sip/transport/stun.h"

enum {
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	MAPPED_ADDRESS = 0x0001,
	XOR_MAPPED_ADDRESS = 0x0020,
	FAMILY_V4 = 1,
	FAMILY_V6 = 2,
	OPTIONAL = 0x8000, /* attributes from here on may be passed over */
};

static const unsigned char cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };

static unsigned u16(struct slice s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 | (unsigned char)s.p[at + 1];
}

bool stun_is(struct slice datagram)
{
	return datagram.n >= STUN_REQUEST && !(datagram.p[0] & 0xc0) &&
	       !memcmp(datagram.p + 4, cookie, sizeof cookie) && u16(datagram, 2) % 4 == 0 &&
	       u16(datagram, 2) + STUN_REQUEST == datagram.n;
}

static void print_head(unsigned type, size_t length, const unsigned char id[STUN_ID], unsigned char *bytes)
{
	bytes[0] = (unsigned char)(type >> 8);
	bytes[1] = (unsigned char)type;
	bytes[2] = (unsigned char)(length >> 8);
	bytes[3] = (unsigned char)length;
	memcpy(bytes + 4, cookie, sizeof cookie);
	memcpy(bytes + 8, id, STUN_ID);
}

void stun_print_request(const unsigned char id[STUN_ID], unsigned char bytes[STUN_REQUEST])
{
	print_head(BINDING_REQUEST, 0, id, bytes);
}

/* One attribute after the other. @return false: no more, or malformed (then *type is 0) */
static bool next_attribute(struct slice *rest, unsigned *type, struct slice *value)
{
	*type = 0;
	if (rest->n < 4)
		return false;
	size_t length = u16(*rest, 2), padded = (length + 3) & ~(size_t)3;
	if (padded > rest->n - 4)
		return false;
	*type = u16(*rest, 0);
	*value = slice_sub(*rest, 4, length);
	*rest = slice_from(*rest, 4 + padded);
	return true;
}

/* RFC 5389 15.2: port and address, each xored with the cookie (and the id behind it). */
static void mix(const unsigned char *head, unsigned char *value, size_t address_bytes)
{
	value[2] ^= head[4];
	value[3] ^= head[5];
	for (size_t i = 0; i < address_bytes; i++)
		value[4 + i] ^= head[4 + i];
}

size_t stun_print_response(struct slice request, const struct address *remote, unsigned char bytes[STUN_RESPONSE_MAX])
{
	struct slice rest = slice_from(request, STUN_REQUEST), value;
	size_t address_bytes = address_is_v6(remote) ? 16 : 4, length = 8 + address_bytes;
	uint16_t port = address_port(remote);
	unsigned type;

	if (!stun_is(request) || u16(request, 0) != BINDING_REQUEST)
		return 0;
	while (next_attribute(&rest, &type, &value))
		if (type < OPTIONAL)
			return 0;
	if (rest.n)
		return 0;
	print_head(BINDING_SUCCESS, length, (const unsigned char *)request.p + 8, bytes);
	unsigned char *attribute = bytes + STUN_REQUEST;
	const unsigned char head[4] = { XOR_MAPPED_ADDRESS >> 8, XOR_MAPPED_ADDRESS & 0xff, 0,
					(unsigned char)(4 + address_bytes) };
	memcpy(attribute, head, sizeof head);
	attribute[4] = 0;
	attribute[5] = address_is_v6(remote) ? FAMILY_V6 : FAMILY_V4;
	attribute[6] = (unsigned char)(port >> 8);
	attribute[7] = (unsigned char)port;
	if (address_is_v6(remote))
		memcpy(attribute + 8, &remote->u.v6.sin6_addr, 16);
	else
		memcpy(attribute + 8, &remote->u.v4.sin_addr, 4);
	mix(bytes, attribute + 4, address_bytes);
	return STUN_REQUEST + length;
}

static bool read_address(struct slice value, const unsigned char *head, bool mixed, struct address *address)
{
	unsigned char bytes[20];
	bool v6 = value.n == 20;

	if ((value.n != 8 && value.n != 20) || value.p[1] != (v6 ? FAMILY_V6 : FAMILY_V4))
		return false;
	memcpy(bytes, value.p, value.n);
	if (mixed)
		mix(head, bytes, value.n - 4);
	*address = (struct address){ 0 };
	if (v6) {
		address->u.v6.sin6_family = AF_INET6;
		memcpy(&address->u.v6.sin6_addr, bytes + 4, 16);
	} else {
		address->u.v4.sin_family = AF_INET;
		memcpy(&address->u.v4.sin_addr, bytes + 4, 4);
	}
	address_set_port(address, (uint16_t)(bytes[2] << 8 | bytes[3]));
	return true;
}

bool stun_read_response(struct slice datagram, const unsigned char id[STUN_ID], struct address *mapped)
{
	struct slice rest, value;
	bool found = false;
	unsigned type;

	if (!stun_is(datagram) || u16(datagram, 0) != BINDING_SUCCESS || memcmp(datagram.p + 8, id, STUN_ID) != 0)
		return false;
	rest = slice_from(datagram, STUN_REQUEST);
	while (next_attribute(&rest, &type, &value)) {
		if (type == XOR_MAPPED_ADDRESS &&
		    read_address(value, (const unsigned char *)datagram.p, true, mapped))
			return true;
		if (type == MAPPED_ADDRESS)
			found = read_address(value, NULL, false, mapped);
	}
	return found;
}
