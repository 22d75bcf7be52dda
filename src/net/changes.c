/* Changes of the network: other addresses, another way out, a computer that slept. */
#include "net/connection.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SETTLE_US (500 * MS_US)  /* one change is many messages */
#define FAR_S INT64_C(32503680000) /* an alarm that nobody waits for */

struct changes {
	struct net *net;
	net_change_h *handler;
	void *arg;
	int fd, alarm;
	struct loop_watch *watch, *alarm_watch;
	struct timer settle;
	uint64_t addresses; /* which there are: a sum that tells one state from another */
};

static uint64_t sum_of(const struct address *address)
{
	static const uint64_t key[2] = { 0x6164647265737365, 0x6f66666e6574 };

	return address_is_v6(address) ? map_siphash(key, slice_make(&address->u.v6.sin6_addr, 16))
				      : map_siphash(key, slice_make(&address->u.v4.sin_addr, 4));
}

/* An address that others may reach us by. */
static bool counts(const struct ifaddrs *row, struct address *address)
{
	if (!row->ifa_addr || !(row->ifa_flags & IFF_UP) ||
	    (row->ifa_addr->sa_family != AF_INET && row->ifa_addr->sa_family != AF_INET6))
		return false;
	*address = (struct address){ 0 };
	memcpy(&address->u, row->ifa_addr,
	       row->ifa_addr->sa_family == AF_INET ? sizeof address->u.v4 : sizeof address->u.v6);
	return !address_is_loopback(address) &&
	       !(address_is_v6(address) && IN6_IS_ADDR_LINKLOCAL(&address->u.v6.sin6_addr));
}

/* The addresses there are, and those that packets to the world leave from. @return 0: none */
static uint64_t look(struct address *outside)
{
	static const char *const world[] = { "192.0.2.1", "2001:db8::1" };
	struct ifaddrs *rows = NULL;
	struct address address, remote;
	uint64_t sum = 0;

	*outside = (struct address){ 0 };
	if (getifaddrs(&rows) != 0)
		return 0;
	for (const struct ifaddrs *row = rows; row; row = row->ifa_next)
		if (counts(row, &address))
			sum += sum_of(&address);
	freeifaddrs(rows);
	if (!sum)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(world); i++)
		if (address_parse(&remote, slice_of(world[i]), 9) && net_route(&remote, &address)) {
			sum += 3 * sum_of(&address);
			if (!address_is_set(outside))
				*outside = address;
		}
	return sum;
}

/* Connections from an address that is gone never say so by themselves; after a sleep none can be trusted. */
static void cut_connections(struct net *net, bool all)
{
	bool found = true;

	while (found) {
		found = false;
		LIST_EACH(&net->connections, node) {
			struct connection *c = LIST_ENTRY(node, struct connection, node);
			struct address local = socket_address(c->fd);
			if (c->busy || address_is_loopback(&local) || (!all && net_is_local(&local)))
				continue;
			connection_fail(c, ERR_UNREACHABLE, "the network has changed");
			found = true;
			break;
		}
	}
}

static void tell(struct changes *changes, enum net_change change, const struct address *outside)
{
	memset(changes->net->routes, 0, sizeof changes->net->routes);
	cut_connections(changes->net, change == NET_RESUMED);
	changes->handler(changes->arg, change, outside);
}

static void on_settled(void *arg)
{
	struct changes *changes = arg;
	struct address outside;
	uint64_t addresses = look(&outside);
	enum net_change change = addresses ? NET_MOVED : NET_DOWN;

	if (addresses == changes->addresses)
		change = NET_STIRRED;
	changes->addresses = addresses;
	if (addresses || change == NET_DOWN)
		tell(changes, change, &outside);
}

/* An alarm that goes off when the clock of the day jumps, as it does after a sleep: it wakes the loop up, which looks
 * at its clocks. */
static void arm(struct changes *changes)
{
	const struct itimerspec far = { .it_value = { .tv_sec = FAR_S } };

	timerfd_settime(changes->alarm, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_alarm(void *arg, int events)
{
	struct changes *changes = arg;
	uint64_t count;

	(void)events;
	(void)!read(changes->alarm, &count, sizeof count);
	arm(changes);
}

static void on_resume(void *arg)
{
	struct changes *changes = arg;
	struct address outside;

	changes->addresses = look(&outside);
	tell(changes, NET_RESUMED, &outside);
}

static void on_netlink(void *arg, int events)
{
	struct changes *changes = arg;
	char bytes[8192];
	ssize_t n;

	(void)events;
	/* What exactly changed does not matter, nor whether some of it was lost (ENOBUFS). */
	do
		n = recv(changes->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
	timer_start(loop_timers(changes->net->loop), &changes->settle, SETTLE_US, on_settled, changes);
}

static int open_netlink(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
						    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void changes_free(struct changes *changes)
{
	if (!changes)
		return;
	timer_stop(loop_timers(changes->net->loop), &changes->settle);
	loop_on_resume(changes->net->loop, NULL, NULL);
	loop_unwatch(changes->watch);
	loop_unwatch(changes->alarm_watch);
	if (changes->alarm >= 0)
		close(changes->alarm);
	if (changes->fd >= 0)
		close(changes->fd);
	free(changes);
}

void net_watch_changes(struct net *net, net_change_h *handler, void *arg)
{
	struct changes *changes = xcalloc(1, sizeof *changes);
	struct address outside;

	changes_free(net->changes);
	net->changes = changes;
	changes->net = net;
	changes->handler = handler;
	changes->arg = arg;
	changes->addresses = look(&outside);
	loop_on_resume(net->loop, on_resume, changes);
	changes->fd = open_netlink();
	if (changes->fd >= 0)
		changes->watch = loop_watch(net->loop, changes->fd, LOOP_READ, on_netlink, changes);
	changes->alarm = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (changes->alarm < 0)
		return;
	arm(changes);
	changes->alarm_watch = loop_watch(net->loop, changes->alarm, LOOP_READ, on_alarm, changes);
}
