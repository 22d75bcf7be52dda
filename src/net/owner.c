/* Whose socket is at an address of this machine: the tables of sockets in /proc/net, which Linux keeps. */
#include "net/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OTHERS, OURS, NOBODY };

/* "0100007F:13E2": the words of the address as they lie in memory. @return false: not that, or another port */
static bool is_bound_there(const char *text, const struct address *remote)
{
	const uint8_t *wanted = remote->u.any.sa_family == AF_INET6 ? remote->u.v6.sin6_addr.s6_addr
								   : (const uint8_t *)&remote->u.v4.sin_addr;
	size_t words = strcspn(text, ":") / 8, any = 0, same = 0;
	unsigned port;

	if (sscanf(text + strcspn(text, ":"), ":%4x", &port) != 1 || port != address_port(remote))
		return false;
	for (size_t i = 0; i < words; i++) {
		uint32_t word, other = 0;
		if (sscanf(text + 8 * i, "%8x", &word) != 1)
			return false;
		if (words == (remote->u.any.sa_family == AF_INET6 ? 4 : 1))
			memcpy(&other, wanted + 4 * i, sizeof other);
		any += word == 0;
		same += word == other;
	}
	/* Bound to all addresses, it may send from this one too. */
	return words && (any == words || same == words);
}

/* One table. A socket of somebody else at that port makes the answer no, whoever else has one there. */
static int owner_in(const char *path, const struct address *remote)
{
	FILE *file = fopen(path, "re");
	char line[512], local[64];
	int found = NOBODY;
	unsigned uid;

	while (file && found != OTHERS && fgets(line, sizeof line, file))
		if (sscanf(line, " %*u: %63s %*s %*s %*s %*s %*s %u", local, &uid) == 2 &&
		    is_bound_there(local, remote))
			found = uid == getuid() || uid == 0 ? OURS : OTHERS;
	if (file)
		fclose(file);
	return found;
}

bool net_is_own_user(const struct address *remote, bool stream)
{
	if (!address_is_loopback(remote))
		return false;
	int narrow = owner_in(stream ? "/proc/net/tcp" : "/proc/net/udp", remote),
	    wide = owner_in(stream ? "/proc/net/tcp6" : "/proc/net/udp6", remote);
	return narrow != OTHERS && wide != OTHERS && (narrow == OURS || wide == OURS);
}
