#include "net/net.h"

#include <errno.h>
#include <netinet/ip.h>
#include <unistd.h>

enum { EXPEDITED_FORWARDING = 0xb8 };

static int open_socket(const struct address *address)
{
	int on = 1, mark = EXPEDITED_FORWARDING;
	bool v6 = address_is_v6(address);
	int fd = socket(address->u.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	/* A network without marks or a kernel without stamps costs quality, not the call. */
	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &mark, sizeof mark);
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	return fd;
}

static void close_pair(int *rtp_fd, int *rtcp_fd)
{
	int error = errno;

	if (*rtp_fd >= 0)
		close(*rtp_fd);
	if (*rtcp_fd >= 0)
		close(*rtcp_fd);
	*rtp_fd = *rtcp_fd = -1;
	errno = error;
}

static bool bind_to(int fd, struct address *address, uint16_t port)
{
	address_set_port(address, port);
	return bind(fd, &address->u.any, address_len(address)) == 0;
}

/*
 * Sockets that are there already serve for the next port where this one is taken: in a range that is nearly full each
 * try is a bind, not a socket. errno tells why not.
 */
static bool open_pair(struct address *address, uint16_t port, int *rtp_fd, int *rtcp_fd)
{
	if (*rtp_fd < 0 && (*rtp_fd = open_socket(address)) < 0)
		return false;
	if (!bind_to(*rtp_fd, address, port))
		return false;
	if (*rtcp_fd < 0 && (*rtcp_fd = open_socket(address)) < 0)
		return false;
	bool good = bind_to(*rtcp_fd, address, (uint16_t)(port + 1));
	address_set_port(address, port);
	if (!good) /* the other one is bound, and stays where it is */
		close_pair(rtp_fd, rtcp_fd);
	return good;
}

bool net_rtp_pair(const struct address *local_host, uint16_t low, uint16_t high, int *rtp_fd, int *rtcp_fd,
		  struct address *bound, enum err *err)
{
	uint32_t first = (low + 1u) & ~1u, pairs = high > first ? (high - first + 1u) / 2 : 0;
	struct random random;

	*rtp_fd = *rtcp_fd = -1;
	*bound = *local_host;
	*err = ERR_RANGE;
	if (!low || !pairs)
		return false;
	random_init(&random);
	uint32_t start = random_below(&random, pairs);
	for (uint32_t i = 0; i < pairs; i++) {
		if (open_pair(bound, (uint16_t)(first + 2 * ((start + i) % pairs)), rtp_fd, rtcp_fd)) {
			*err = ERR_NONE;
			return true;
		}
		*err = err_from_errno(errno);
		if (*err != ERR_ADDRESS_IN_USE)
			break;
	}
	close_pair(rtp_fd, rtcp_fd);
	return false;
}
