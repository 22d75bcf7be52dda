#include "net/internal.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCHES_A_TURN = 4,
	CONTROL_BYTES = 256,
	FAILED_MAX = 16,
	SEND_TRIES = 4,
	RECEIVE_BYTES = 2 << 20,
	WAITED_MOST_US = 60 * 1000 * 1000, /* nothing waits longer: the clock was set */
};

enum err udp_open(const struct address *address, int *fd)
{
	int on = 1, room = RECEIVE_BYTES;
	bool v6 = address_is_v6(address);
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;

	*fd = socket(address->u.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_from_errno(errno);
	if ((v6 && setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
	    setsockopt(*fd, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) != 0 ||
	    setsockopt(*fd, level, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on) != 0 ||
	    bind(*fd, &address->u.any, address_len(address)) != 0) {
		enum err err = err_from_errno(errno);
		close(*fd);
		*fd = -1;
		return err;
	}
	/*
	 * What is lost because we were away for a moment comes again half a second later, and until then each of those
	 * calls stands. The usual room is some 20 ms of three thousand calls a second. A system that grants less is
	 * fine as well.
	 */
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	/* Without it nobody is known to be late. */
	setsockopt(*fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	return ERR_NONE;
}

/* The address of ours that a datagram came to; the port is the listener's. */
static struct address destination_of(struct msghdr *header, const struct address *bound)
{
	struct address local = *bound;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			local.u.v4.sin_addr = info.ipi_spec_dst;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			local.u.v6.sin6_addr = info.ipi6_addr;
			local.u.v6.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
		}
	}
	return local;
}

/* Since the kernel got it; 0 when it does not say. */
static int64_t waited_us(struct msghdr *header)
{
	struct timespec now, then;
	int64_t us = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&then, CMSG_DATA(c), sizeof then);
		clock_gettime(CLOCK_REALTIME, &now);
		us = (int64_t)(now.tv_sec - then.tv_sec) * SECOND_US + (now.tv_nsec - then.tv_nsec) / 1000;
	}
	/* A wall clock that was set meanwhile makes nobody late. */
	return us > 0 && us < WAITED_MOST_US ? us : 0;
}

/* @return whether more may wait */
static bool receive_batch(struct listener *listener)
{
	struct net *net = listener->net;
	struct mmsghdr messages[PACKET_BATCH] = { 0 };
	struct iovec parts[PACKET_BATCH];
	struct address remotes[PACKET_BATCH];
	_Alignas(struct cmsghdr) char control[PACKET_BATCH][CONTROL_BYTES];

	for (size_t i = 0; i < PACKET_BATCH; i++) {
		parts[i] = (struct iovec){ net->packets + i * PACKET_MAX, PACKET_MAX };
		remotes[i] = (struct address){ 0 };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &remotes[i].u, .msg_namelen = sizeof remotes[i].u,
						       .msg_iov = &parts[i], .msg_iovlen = 1,
						       .msg_control = control[i], .msg_controllen = CONTROL_BYTES };
	}
	int count = recvmmsg(listener->udp, messages, PACKET_BATCH, MSG_DONTWAIT, NULL);
	/* An ICMP error is told here once, too; it waits in the error queue with more detail. */
	if (count < 0)
		return errno != EAGAIN && errno != EBADF && errno != ENOTSOCK;
	if (net->transport)
		transport_waited(net->transport, count == PACKET_BATCH ? waited_us(&messages[0].msg_hdr) : 0);
	for (int i = 0; i < count && !listener->closed; i++) {
		struct address local = destination_of(&messages[i].msg_hdr, &listener->address);
		if (net->transport && address_port(&remotes[i]))
			transport_datagram(net->transport, &local, &remotes[i],
					   slice_make(parts[i].iov_base, messages[i].msg_len));
	}
	return count == PACKET_BATCH && !listener->closed;
}

/* RFC 3261 18.4: unreachable hosts, networks, ports, protocols, parameter problems; neither sizes nor time exceeded. */
static bool is_fatal(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return (e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED) ||
		       e->ee_type == ICMP_PARAMETERPROB;
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB;
	return false;
}

static bool take_error(int fd, struct address *remote, enum err *err)
{
	_Alignas(struct cmsghdr) char control[512];
	char ours[1];
	struct iovec part = { ours, sizeof ours };
	struct msghdr header = { .msg_name = &remote->u, .msg_namelen = sizeof remote->u,
				 .msg_iov = &part, .msg_iovlen = 1,
				 .msg_control = control, .msg_controllen = sizeof control };

	*remote = (struct address){ 0 };
	*err = ERR_NONE;
	if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
		struct sock_extended_err e;
		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof e);
		if (is_fatal(&e))
			*err = e.ee_errno == ECONNREFUSED ? ERR_REFUSED : ERR_UNREACHABLE;
	}
	return true;
}

static bool is_known(const struct address *known, size_t count, const struct address *remote)
{
	for (size_t i = 0; i < count; i++)
		if (address_eq(&known[i], remote))
			return true;
	return false;
}

/* Each retransmission makes an ICMP message of its own: a remote is told once for all that wait. */
static void tell_errors(struct listener *listener)
{
	struct address failed[FAILED_MAX], remote;
	enum err errors[FAILED_MAX], err;
	size_t count = 0;

	while (count < FAILED_MAX && take_error(listener->udp, &remote, &err)) {
		if (!err || !address_is_set(&remote) || is_known(failed, count, &remote))
			continue;
		failed[count] = remote;
		errors[count++] = err;
	}
	for (size_t i = 0; i < count && !listener->closed; i++)
		if (listener->net->transport)
			transport_datagram_failed(listener->net->transport, &failed[i], errors[i]);
}

static void on_udp(void *arg, int events)
{
	struct listener *listener = arg;

	listener->busy = true;
	if (events & LOOP_ERROR)
		tell_errors(listener);
	/* Bounded, so that a flood leaves time for everything else; what is left makes the socket ready again. */
	for (int i = 0; i < BATCHES_A_TURN && !listener->closed && receive_batch(listener); i++)
		;
	listener->busy = false;
	if (listener->closed)
		listener_release(listener);
}

void udp_watch(struct listener *listener)
{
	listener->udp_watch = loop_watch(listener->net->loop, listener->udp, LOOP_READ, on_udp, listener);
}

/* Whose socket sends: the one bound to this address and port, else to all addresses, else to this address, else any. */
static struct listener *sender_for(struct net *net, const struct address *local, const struct address *remote)
{
	struct listener *best = NULL;
	int best_rank = 0;

	LIST_EACH(&net->listeners, node) {
		struct listener *l = LIST_ENTRY(node, struct listener, node);
		if (address_is_v6(&l->address) != address_is_v6(remote) || l->udp < 0)
			continue;
		bool any = address_is_any(&l->address);
		int rank = 1;
		if (address_is_set(local)) {
			bool host = address_same_host(&l->address, local);
			bool port = address_port(&l->address) == address_port(local);
			rank = (host || any ? 2 : 1) + (host ? 1 : 0) + (port && (host || any) ? 2 : 0);
		} else if (any) {
			rank = 2;
		}
		if (rank > best_rank) {
			best = l;
			best_rank = rank;
		}
	}
	return best;
}

/* RFC 3261 18.2.2: a response leaves from the address that its request came to. */
static void set_source(struct msghdr *header, const struct address *local)
{
	struct cmsghdr *c = header->msg_control;

	if (address_is_v6(local)) {
		struct in6_pktinfo info = { .ipi6_addr = local->u.v6.sin6_addr,
					    .ipi6_ifindex = local->u.v6.sin6_scope_id };
		header->msg_controllen = CMSG_SPACE(sizeof info);
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof info),
				       .cmsg_level = IPPROTO_IPV6,
				       .cmsg_type = IPV6_PKTINFO };
		memcpy(CMSG_DATA(c), &info, sizeof info);
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = local->u.v4.sin_addr };
		header->msg_controllen = CMSG_SPACE(sizeof info);
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof info),
				       .cmsg_level = IPPROTO_IP,
				       .cmsg_type = IP_PKTINFO };
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
}

enum err udp_send(void *arg, const struct address *local, const struct address *remote, struct slice bytes)
{
	struct net *net = arg;
	struct address none = { 0 }, chosen, to = *remote;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes.p, bytes.n };
	struct msghdr header = { .msg_name = &to.u, .msg_namelen = address_len(remote),
				 .msg_iov = &part, .msg_iovlen = 1,
				 .msg_control = control };

	if (!address_is_set(remote) || !address_port(remote))
		return ERR_NO_ROUTE;
	if ((!local || !address_is_set(local)) && net_local_address(net, SIP_UDP, remote, &chosen))
		local = &chosen;
	if (!local || address_is_v6(local) != address_is_v6(remote))
		local = &none;
	struct listener *listener = sender_for(net, local, remote);
	if (!listener)
		return ERR_NO_ROUTE;
	if (address_is_any(&listener->address) && address_is_set(local) && !address_is_any(local))
		set_source(&header, local);
	if (!header.msg_controllen)
		header.msg_control = NULL;
	/* An ICMP error of an earlier datagram, to whomever, fails the next call: an error counts when it persists. */
	for (int tries = 0; tries < SEND_TRIES; tries++) {
		if (sendmsg(listener->udp, &header, MSG_NOSIGNAL) >= 0)
			return ERR_NONE;
		/* A full queue loses a datagram as any router may: retransmission is there for that. */
		if (errno == EAGAIN || errno == ENOBUFS)
			return ERR_NONE;
		if (errno == EMSGSIZE)
			return ERR_TOO_BIG;
	}
	return errno == EINVAL ? ERR_UNREACHABLE : err_from_errno(errno);
}
