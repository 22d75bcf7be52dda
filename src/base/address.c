#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>

socklen_t address_len(const struct address *a)
{
	return address_is_v6(a) ? sizeof a->u.v6 : sizeof a->u.v4;
}

uint16_t address_port(const struct address *a)
{
	return ntohs(address_is_v6(a) ? a->u.v6.sin6_port : a->u.v4.sin_port);
}

void address_set_port(struct address *a, uint16_t port)
{
	if (address_is_v6(a))
		a->u.v6.sin6_port = htons(port);
	else
		a->u.v4.sin_port = htons(port);
}

struct in6_addr address_as_v6(const struct address *a)
{
	struct in6_addr v6 = { 0 };

	if (address_is_v6(a))
		return a->u.v6.sin6_addr;
	v6.s6_addr[10] = v6.s6_addr[11] = 0xff;
	memcpy(&v6.s6_addr[12], &a->u.v4.sin_addr, 4);
	return v6;
}

bool address_same_host(const struct address *a, const struct address *b)
{
	if (!address_is_set(a) || !address_is_set(b))
		return address_is_set(a) == address_is_set(b);
	struct in6_addr left = address_as_v6(a), right = address_as_v6(b);
	return memcmp(&left, &right, sizeof left) == 0;
}

bool address_eq(const struct address *a, const struct address *b)
{
	return address_same_host(a, b) && (!address_is_set(a) || address_port(a) == address_port(b));
}

bool address_is_any(const struct address *a)
{
	if (address_is_v6(a))
		return IN6_IS_ADDR_UNSPECIFIED(&a->u.v6.sin6_addr);
	return a->u.v4.sin_addr.s_addr == 0;
}

bool address_is_loopback(const struct address *a)
{
	if (address_is_v6(a))
		return IN6_IS_ADDR_LOOPBACK(&a->u.v6.sin6_addr);
	return ntohl(a->u.v4.sin_addr.s_addr) >> 24 == 127;
}

bool address_parse_host(struct address *a, struct slice host, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	*a = (struct address){ 0 };
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_sub(host, 1, host.n - 2);
	if (!host.n || host.n >= sizeof text || memchr(host.p, '\0', host.n))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET, text, &a->u.v4.sin_addr) == 1)
		a->u.v4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a->u.v6.sin6_addr) == 1)
		a->u.v6.sin6_family = AF_INET6;
	else
		return false;
	address_set_port(a, port);
	return true;
}

bool address_parse(struct address *a, struct slice text, uint16_t default_port)
{
	uint64_t port = default_port;
	size_t colon = slice_rfind(text, ':');
	bool bracket = text.n && text.p[0] == '[';

	if (bracket ? colon < text.n && text.p[colon - 1] == ']' : slice_find(text, ':') == colon && colon < text.n) {
		if (!slice_to_u64(slice_from(text, colon + 1), 65535, &port))
			return false;
		text = slice_sub(text, 0, colon);
	}
	return address_parse_host(a, text, (uint16_t)port);
}

const char *address_print_host(const struct address *a, bool brackets, char text[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address_is_v6(a))
		inet_ntop(AF_INET6, &a->u.v6.sin6_addr, host, sizeof host);
	else
		inet_ntop(AF_INET, &a->u.v4.sin_addr, host, sizeof host);
	snprintf(text, ADDRESS_TEXT, brackets && address_is_v6(a) ? "[%s]" : "%s", host);
	return text;
}

const char *address_print(const struct address *a, char text[ADDRESS_TEXT])
{
	char host[ADDRESS_TEXT];

	snprintf(text, ADDRESS_TEXT, "%.60s:%u", address_print_host(a, true, host), address_port(a));
	return text;
}
