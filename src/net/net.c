#include "net/internal.h"

#include "base/xmalloc.h"
#include "net/dns.h"
#include "net/tls.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

enum { PORT_TRIES = 64 };
#define ROUTE_KEPT_US (5 * SECOND_US)

struct net *net_new(struct loop *loop, const struct log *log)
{
	struct net *net = xcalloc(1, sizeof *net);

	net->loop = loop;
	net->log = log;
	random_init(&net->random);
	list_init(&net->listeners);
	list_init(&net->connections);
	list_init(&net->locates);
	net->spare_fd = -1;
	net->dns = dns_new(net);
	net_set_tls(net, 0, &(struct net_tls){ .verify = true });
	return net;
}

void net_free(struct net *net)
{
	if (!net)
		return;
	net->transport = NULL;
	locate_drop_all(net);
	changes_free(net->changes);
	dns_free(net->dns);
	timer_stop(loop_timers(net->loop), &net->locate_turn);
	tcp_close_all(net);
	net_close_listeners(net);
	for (size_t i = 0; i < net->tls_count; i++)
		if (net->tls[i])
			tls_context_free(net->tls[i]);
	free(net->tls);
	free(net->ws_path);
	if (net->spare_fd >= 0)
		close(net->spare_fd);
	free(net->packets);
	free(net);
}

const struct transport_ops *net_ops(void)
{
	static const struct transport_ops ops = {
		.send_datagram = udp_send,
		.connect = tcp_connect,
		.send_stream = tcp_send,
		.close = tcp_close,
		.local_address = net_local_address,
		.proves = wrap_proves,
		.locate = locate_start,
		.locate_cancel = locate_drop,
	};

	return &ops;
}

void net_attach(struct net *net, struct transport *transport)
{
	net->transport = transport;
}

void net_seed(struct net *net, uint64_t seed)
{
	random_init_seeded(&net->random, seed);
}

enum err net_set_dns(struct net *net, const char *servers)
{
	return dns_set_servers(net->dns, slice_of(servers));
}

struct address socket_address(int fd)
{
	struct address address = { 0 };
	socklen_t length = sizeof address.u;

	if (getsockname(fd, &address.u.any, &length) != 0)
		return (struct address){ 0 };
	return address;
}

struct tls_context *net_tls_context(const struct net *net, unsigned security)
{
	return security < net->tls_count && net->tls[security] ? net->tls[security] : net->tls[0];
}

void net_set_tls(struct net *net, unsigned security, const struct net_tls *tls)
{
	assert(security < NET_TLS_MAX);
	if (security >= net->tls_count) {
		net->tls = xrealloc(net->tls, (security + 1) * sizeof *net->tls);
		while (net->tls_count <= security)
			net->tls[net->tls_count++] = NULL;
	}
	if (!net->tls[security])
		net->tls[security] = tls_context_new();
	tls_context_set(net->tls[security], tls);
}

void net_set_ws_path(struct net *net, const char *path)
{
	xreplace(&net->ws_path, path);
}

bool net_tls_can_serve(struct net *net, struct buf *why)
{
	return tls_can_serve(net->tls[0], why);
}

/* The same port for both: another program may hold the kernel's choice for the other protocol, so several are tried. */
static enum err open_both(struct listener *listener, const struct address *wanted)
{
	enum err err = ERR_ADDRESS_IN_USE;
	int tries = address_port(wanted) ? 1 : PORT_TRIES;

	for (int i = 0; i < tries && err == ERR_ADDRESS_IN_USE; i++) {
		err = udp_open(wanted, &listener->udp);
		if (err)
			return err;
		listener->address = socket_address(listener->udp);
		err = tcp_open(&listener->address, &listener->tcp);
		if (err)
			close(listener->udp);
	}
	return err;
}

static enum err open_sockets(struct listener *listener, const struct address *wanted)
{
	enum err err;

	listener->udp = listener->tcp = -1;
	if (listener->protocols == NET_PLAIN)
		return open_both(listener, wanted);
	if (listener->protocols & 1 << SIP_UDP)
		err = udp_open(wanted, &listener->udp);
	else
		err = tcp_open(wanted, &listener->tcp);
	if (!err)
		listener->address = socket_address(listener->udp >= 0 ? listener->udp : listener->tcp);
	return err;
}

bool net_listen(struct net *net, unsigned protocols, const struct address *address, enum err *err)
{
	struct listener *listener = xcalloc(1, sizeof *listener);

	listener->net = net;
	listener->protocols = protocols;
	*err = open_sockets(listener, address);
	if (*err) {
		free(listener);
		return false;
	}
	if (!net->packets)
		net->packets = xmalloc((size_t)PACKET_BATCH * PACKET_MAX);
	if (net->spare_fd < 0)
		net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	list_append(&net->listeners, &listener->node);
	if (listener->udp >= 0)
		udp_watch(listener);
	if (listener->tcp >= 0)
		tcp_watch(listener);
	return true;
}

bool net_bound(const struct net *net, size_t i, struct address *address, unsigned *protocols)
{
	LIST_EACH(&net->listeners, node) {
		const struct listener *listener = LIST_ENTRY(node, struct listener, node);
		if (i-- > 0)
			continue;
		*address = listener->address;
		if (protocols)
			*protocols = listener->protocols;
		return true;
	}
	return false;
}

void listener_release(struct listener *listener)
{
	if (!listener->closed) {
		listener->closed = true;
		list_remove(&listener->node);
		loop_unwatch(listener->udp_watch);
		loop_unwatch(listener->tcp_watch);
		if (listener->udp >= 0)
			close(listener->udp);
		if (listener->tcp >= 0)
			close(listener->tcp);
	}
	if (!listener->busy)
		free(listener);
}

void net_close_listeners(struct net *net)
{
	while (!list_empty(&net->listeners))
		listener_release(LIST_ENTRY(list_first(&net->listeners), struct listener, node));
}

/* Asked for every message; the kernel is asked every few seconds. */
static const struct route *route_to(struct net *net, const struct address *remote)
{
	int64_t now = loop_timers(net->loop)->now_us;
	struct route *route;

	for (size_t i = 0; i < ROUTES_KEPT; i++) {
		route = &net->routes[i];
		if (route->until_us > now && address_is_v6(&route->remote) == address_is_v6(remote) &&
		    address_same_host(&route->remote, remote))
			return route;
	}
	route = &net->routes[net->next_route++ % ROUTES_KEPT];
	route->remote = *remote;
	route->until_us = now + ROUTE_KEPT_US;
	route->reachable = net_route(remote, &route->local);
	return route;
}

/* The listener on the address that the route leaves from; else one on all addresses; else one on some other. */
static const struct listener *listener_for(struct net *net, unsigned protocols, const struct route *route,
					   const struct address *remote)
{
	const struct listener *best = NULL;
	int best_rank = 0;

	LIST_EACH(&net->listeners, node) {
		const struct listener *l = LIST_ENTRY(node, struct listener, node);
		if (address_is_v6(&l->address) != address_is_v6(remote) || !(l->protocols & protocols))
			continue;
		int rank;
		if (address_is_any(&l->address))
			rank = route->reachable ? 2 : 0;
		else if (route->reachable && address_same_host(&l->address, &route->local))
			rank = 3;
		else /* nothing that leaves this host can come from a loopback address */
			rank = address_is_loopback(&l->address) && !address_is_loopback(remote) &&
					       !(route->reachable && address_same_host(&route->local, remote)) ?
				       0 :
				       1;
		if (rank > best_rank) {
			best = l;
			best_rank = rank;
		}
	}
	return best;
}

bool net_local_address(void *arg, enum sip_protocol protocol, const struct address *remote, struct address *local)
{
	struct net *net = arg;

	*local = (struct address){ 0 };
	if (!address_is_set(remote) || list_empty(&net->listeners))
		return false;
	const struct route *route = route_to(net, remote);
	const struct listener *listener = listener_for(net, 1u << protocol, route, remote);
	bool takes = listener != NULL;
	/* By streams we reach others whether or not we listen; the address is that of the other listeners then. */
	if (!listener && sip_protocol_is_stream(protocol))
		listener = listener_for(net, ~0u, route, remote);
	if (!listener)
		return false;
	*local = address_is_any(&listener->address) ? route->local : listener->address;
	address_set_port(local, takes ? address_port(&listener->address) : 0);
	return true;
}
