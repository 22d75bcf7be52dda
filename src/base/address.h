/* An IPv4 or IPv6 address with a port, as a plain value. */
#pragma once

#include "base/slice.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u; /* any.sa_family 0: no address */
};

enum { ADDRESS_TEXT = 72 }; /* bytes that hold any address as text: "[v6%scope]:port" and NUL */

static inline bool address_is_set(const struct address *a)
{
	return a->u.any.sa_family != 0;
}

static inline bool address_is_v6(const struct address *a)
{
	return a->u.any.sa_family == AF_INET6;
}

socklen_t address_len(const struct address *a);
uint16_t address_port(const struct address *a);
void address_set_port(struct address *a, uint16_t port);
/** Same address and port; address_same_host leaves the port out. A v4-mapped IPv6 address equals its IPv4 one. */
bool address_eq(const struct address *a, const struct address *b);
bool address_same_host(const struct address *a, const struct address *b);
/** What address_same_host() compares: IPv4 as v4-mapped; all zero when it is unset. */
struct in6_addr address_as_v6(const struct address *a);
/** 0.0.0.0 or :: */
bool address_is_any(const struct address *a);
bool address_is_loopback(const struct address *a);
/** From a literal "192.0.2.4", "2001:db8::1" or "[2001:db8::1]"; resolves no names. @return false when it is none */
bool address_parse_host(struct address *a, struct slice host, uint16_t port) MUST_CHECK;
/** From "192.0.2.4:5060", "[::1]:5060" or a literal without port (then `default_port`). */
bool address_parse(struct address *a, struct slice text, uint16_t default_port) MUST_CHECK;
/** "192.0.2.4:5060" or "[2001:db8::1]:5060". @return text */
const char *address_print(const struct address *a, char text[ADDRESS_TEXT]);
/** The host alone: "192.0.2.4", "2001:db8::1", in URIs and Via with brackets when `brackets`. @return text */
const char *address_print_host(const struct address *a, bool brackets, char text[ADDRESS_TEXT]);
