#include "net/net.h"

#include "base/list.h"
#include "base/xmalloc.h"

#include <errno.h>
#include <netinet/ip.h>
#include <unistd.h>

enum { EXPEDITED_FORWARDING = 0xb8, PAIRS = 32768, WORD_BITS = 64 };

/* The pairs that we hold at one address of this host. */
struct held {
	struct list_node node;
	struct address host;
	size_t count;
	uint64_t bits[PAIRS / WORD_BITS]; /* by half of the even port */
};

struct net_ports {
	struct random random;
	struct list hosts; /* struct held: those that hold any */
	/* A pair that is open but nobody's yet: not among what we hold. */
	struct {
		int rtp_fd, rtcp_fd; /* -1: there is none */
		struct address bound;
	} spare;
	struct address latest;       /* where one was taken last, and among which; unset: since then one was prepared */
	uint16_t low, high;
};

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

/* ---- what we hold ---- */

struct net_ports *net_ports_new(void)
{
	struct net_ports *ports = xcalloc(1, sizeof *ports);

	random_init(&ports->random);
	list_init(&ports->hosts);
	ports->spare.rtp_fd = ports->spare.rtcp_fd = -1;
	return ports;
}

static void drop(struct held *held)
{
	list_remove(&held->node);
	free(held);
}

void net_ports_free(struct net_ports *ports)
{
	if (!ports)
		return;
	net_rtp_drop_spare(ports);
	while (!list_empty(&ports->hosts))
		drop(LIST_ENTRY(list_first(&ports->hosts), struct held, node));
	free(ports);
}

static struct held *find_held(const struct net_ports *ports, const struct address *host)
{
	LIST_EACH(&ports->hosts, node) {
		struct held *held = LIST_ENTRY(node, struct held, node);
		if (address_same_host(&held->host, host))
			return held;
	}
	return NULL;
}

static bool is_held(const struct held *held, uint32_t pair)
{
	return held && held->bits[pair / WORD_BITS] >> pair % WORD_BITS & 1;
}

static void hold(struct net_ports *ports, struct held *held, const struct address *bound)
{
	uint32_t pair = address_port(bound) / 2u;

	if (!held) {
		held = xcalloc(1, sizeof *held);
		held->host = *bound;
		list_append(&ports->hosts, &held->node);
	}
	held->bits[pair / WORD_BITS] |= UINT64_C(1) << pair % WORD_BITS;
	held->count++;
}

void net_rtp_release(struct net_ports *ports, const struct address *bound)
{
	struct held *held = find_held(ports, bound);
	uint32_t pair = address_port(bound) / 2u;

	if (!is_held(held, pair))
		return;
	held->bits[pair / WORD_BITS] &= ~(UINT64_C(1) << pair % WORD_BITS);
	if (!--held->count)
		drop(held);
}

/* ---- which may be tried ---- */

struct range {
	uint32_t first, count; /* pairs, by half of the even port */
};

static struct range range_of(uint16_t low, uint16_t high)
{
	uint32_t even = (low + 1u) & ~1u;

	return (struct range){ even / 2, low && high > even ? (high - even + 1u) / 2 : 0 };
}

/*
 * This pair is ours. @return how many from it on, up to `end`, are: more than one where it is cheap to say, in a range
 * that is nearly full
 */
static uint32_t held_in_a_row(const struct held *held, uint32_t pair, uint32_t end)
{
	bool whole = pair % WORD_BITS == 0 && end - pair >= WORD_BITS;

	return whole && held->bits[pair / WORD_BITS] == UINT64_MAX ? WORD_BITS : 1;
}

/* The nth pair from `start` on, all around, or the next one that is not ours already. @return false: there is none */
static bool next_pair(const struct held *held, struct range range, uint32_t start, uint32_t *nth, uint32_t *pair)
{
	while (*nth < range.count) {
		*pair = range.first + (start + *nth) % range.count;
		if (!is_held(held, *pair))
			return true;
		*nth += held_in_a_row(held, *pair, range.first + range.count);
	}
	return false;
}

bool net_rtp_full(const struct net_ports *ports, const struct address *local_host, uint16_t low, uint16_t high)
{
	const struct held *held = find_held(ports, local_host);
	struct range range = range_of(low, high);
	uint32_t nth = 0, pair;

	return held && held->count >= range.count && !next_pair(held, range, 0, &nth, &pair);
}

/* ---- one ahead ---- */

void net_rtp_drop_spare(struct net_ports *ports)
{
	close_pair(&ports->spare.rtp_fd, &ports->spare.rtcp_fd);
}

/* Is it one of these? */
static bool spare_fits(const struct net_ports *ports, const struct address *local_host, struct range range)
{
	uint32_t pair = address_port(&ports->spare.bound) / 2u;

	return ports->spare.rtp_fd >= 0 && address_same_host(&ports->spare.bound, local_host) && pair >= range.first &&
	       pair - range.first < range.count;
}

static void take_spare(struct net_ports *ports, int *rtp_fd, int *rtcp_fd, struct address *bound)
{
	*rtp_fd = ports->spare.rtp_fd;
	*rtcp_fd = ports->spare.rtcp_fd;
	*bound = ports->spare.bound;
	ports->spare.rtp_fd = ports->spare.rtcp_fd = -1;
}

/* The first that can be bound of those that are not ours, from a random one on. */
static bool find_pair(struct net_ports *ports, const struct address *local_host, struct range range, int *rtp_fd,
		      int *rtcp_fd, struct address *bound, enum err *err)
{
	struct held *held = find_held(ports, local_host);
	uint32_t nth = 0, pair, start = random_below(&ports->random, range.count);

	*rtp_fd = *rtcp_fd = -1;
	*bound = *local_host;
	*err = ERR_ADDRESS_IN_USE;
	for (; next_pair(held, range, start, &nth, &pair); nth++) {
		if (open_pair(bound, (uint16_t)(2 * pair), rtp_fd, rtcp_fd)) {
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

bool net_rtp_pair(struct net_ports *ports, const struct address *local_host, uint16_t low, uint16_t high, int *rtp_fd,
		  int *rtcp_fd, struct address *bound, enum err *err)
{
	struct range range = range_of(low, high);
	struct held *held = find_held(ports, local_host);

	*rtp_fd = *rtcp_fd = -1;
	*bound = *local_host;
	*err = ERR_RANGE;
	if (!range.count)
		return false;
	*err = ERR_NONE;
	if (spare_fits(ports, local_host, range))
		take_spare(ports, rtp_fd, rtcp_fd, bound);
	else if (!find_pair(ports, local_host, range, rtp_fd, rtcp_fd, bound, err))
		return false;
	hold(ports, held, bound);
	ports->latest = *local_host;
	ports->low = low;
	ports->high = high;
	return true;
}

bool net_rtp_prepare(struct net_ports *ports)
{
	struct range range = range_of(ports->low, ports->high);
	struct address host = ports->latest;
	enum err err;

	if (!address_is_set(&host))
		return false;
	ports->latest = (struct address){ 0 };
	if (spare_fits(ports, &host, range))
		return true;
	net_rtp_drop_spare(ports);
	return find_pair(ports, &host, range, &ports->spare.rtp_fd, &ports->spare.rtcp_fd, &ports->spare.bound, &err);
}
