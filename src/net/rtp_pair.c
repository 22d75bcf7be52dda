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
	if (bind(fd, &address->u.any, address_len(address)) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* errno tells why not. */
static bool open_pair(struct address *address, uint16_t port, int *rtp_fd, int *rtcp_fd)
{
	address_set_port(address, port);
	*rtp_fd = open_socket(address);
	if (*rtp_fd < 0)
		return false;
	address_set_port(address, (uint16_t)(port + 1));
	*rtcp_fd = open_socket(address);
	address_set_port(address, port);
	if (*rtcp_fd >= 0)
		return true;
	int error = errno;
	close(*rtp_fd);
	*rtp_fd = -1;
	errno = error;
	return false;
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
			return false;
	}
	return false;
}
