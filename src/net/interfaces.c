#include "net/net.h"

#include <errno.h>
#include <unistd.h>

bool net_is_local(const struct address *address)
{
	struct address host = *address;
	int fd = socket(host.u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* Where the family is not spoken at all, that is what listening will say. */
	if (fd < 0)
		return true;
	address_set_port(&host, 0);
	bool local = bind(fd, &host.u.any, address_len(&host)) == 0 || errno != EADDRNOTAVAIL;
	close(fd);
	return local;
}

static enum err try_bind(const struct address *address, int type)
{
	struct address at = *address;
	int on = 1, fd = socket(at.u.any.sa_family, type | SOCK_CLOEXEC, 0);
	enum err err = ERR_NONE;

	if (fd < 0)
		return err_from_errno(errno);
	if ((address_is_v6(&at) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
	    (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
	    bind(fd, &at.u.any, address_len(&at)) != 0)
		err = err_from_errno(errno);
	close(fd);
	return err;
}

enum err net_can_listen(const struct address *address, unsigned protocols)
{
	enum err err = ERR_NONE;

	if (protocols & 1u << SIP_UDP)
		err = try_bind(address, SOCK_DGRAM);
	if (!err && protocols & ~(1u << SIP_UDP))
		err = try_bind(address, SOCK_STREAM);
	return err;
}

/* Connecting a UDP socket sends nothing: the kernel only looks the route up and chooses the source address. */
bool net_route(const struct address *remote, struct address *local)
{
	struct address to = *remote;
	socklen_t length = sizeof local->u;
	int fd = socket(remote->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = false;

	*local = (struct address){ 0 };
	if (fd < 0)
		return false;
	if (address_port(&to) == 0)
		address_set_port(&to, 9);
	if (connect(fd, &to.u.any, address_len(&to)) == 0 && getsockname(fd, &local->u.any, &length) == 0)
		found = !address_is_any(local);
	close(fd);
	if (found)
		address_set_port(local, 0);
	return found;
}
