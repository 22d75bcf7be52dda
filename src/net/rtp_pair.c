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
	return ports;
}

static void drop(struct held *held)
{
	list_remove(&held->node);
	free(held);
}

void net_ports_free(struct net_ports *ports)
{
	while (ports && !list_empty(&ports->hosts))
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

/* The nth pair from `start` on, all around, or the next one that is not ours already. @return false: there is none */
static bool next_pair(const struct held *held, struct range range, uint32_t start, uint32_t *nth, uint32_t *pair)
{
	for (; *nth < range.count; ++*nth) {
		*pair = range.first + (start + *nth) % range.count;
		if (!is_held(held, *pair))
			return true;
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

bool net_rtp_pair(struct net_ports *ports, const struct address *local_host, uint16_t low, uint16_t high, int *rtp_fd,
		  int *rtcp_fd, struct address *bound, enum err *err)
{
	struct range range = range_of(low, high);
	struct held *held = find_held(ports, local_host);
	uint32_t nth = 0, pair;

	*rtp_fd = *rtcp_fd = -1;
	*bound = *local_host;
	*err = ERR_RANGE;
	if (!range.count)
		return false;
	*err = ERR_ADDRESS_IN_USE;
	uint32_t start = random_below(&ports->random, range.count);
	for (; next_pair(held, range, start, &nth, &pair); nth++) {
		if (open_pair(bound, (uint16_t)(2 * pair), rtp_fd, rtcp_fd)) {
			hold(ports, held, bound);
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
