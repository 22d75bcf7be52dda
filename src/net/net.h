/*
 * net: the outside. Sockets and the resolver on the loop, behind struct transport_ops.
 *
 *   net         listeners, the table of operations, which of our addresses a peer would see
 *   udp         datagrams: the address each came to, ICMP errors told
 *   tcp         connections: bounded queues, half-close
 *   locate      RFC 3263: a host to a list of targets
 *   dns         questions to name servers (c-ares) and a cache bounded by the time to live
 *   dns_answer  raw DNS answers to records
 *   interfaces  the local address towards a remote one
 *   rtp_pair    a pair of sockets for RTP and RTCP
 */
#pragma once

#include "base/log.h"
#include "sip/transport/transport.h"

struct net;
struct loop;

/** Opens nothing yet; `log` may be NULL. */
struct net *net_new(struct loop *loop, const struct log *log);
/** Closes everything without telling the transport; never inside one of net's own calls upwards. */
void net_free(struct net *net);
/** The operations for struct sip_world; its `net` is the struct net. */
const struct transport_ops *net_ops(void);
/** Who is told of messages and connections from now on; NULL: nobody (what comes in is dropped). */
void net_attach(struct net *net, struct transport *transport);

/**
 * Listen for UDP and TCP on one address and port; may be called several times. Port 0: a port that is free for both.
 * 0.0.0.0 means all of IPv4, [::] all of IPv6 and nothing of IPv4.
 * Errors: ERR_ADDRESS_IN_USE; ERR_PERMISSION a port below 1024; ERR_UNREACHABLE not an address of this host;
 * ERR_UNSUPPORTED no such family
 */
bool net_listen(struct net *net, const struct address *address, enum err *err) MUST_CHECK;
/** The address and port of listener number `i` (from 0). @return false when there are fewer */
bool net_bound(const struct net *net, size_t i, struct address *address);
/** Connections that are open stay open. */
void net_close_listeners(struct net *net);

/**
 * Ask these name servers, "192.0.2.1,192.0.2.2:5353,[2001:db8::1]:53", instead of the system's; "" or NULL: the
 * system's again. The cache is forgotten. @return ERR_SYNTAX and nothing changed when it is no such list
 */
enum err net_set_dns(struct net *net, const char *servers) MUST_CHECK;
/** Make the choice among SRV records repeatable: for tests. */
void net_seed(struct net *net, uint64_t seed);

/** The address of this host that packets to `remote` would come from, with port 0. @return false: no route */
bool net_route(const struct address *remote, struct address *local) MUST_CHECK;

/**
 * Open two non-blocking UDP sockets for RTP and RTCP on an even port and the next one, within low..high, beginning at a
 * random place. Arrival times are stamped by the kernel (SO_TIMESTAMPNS); packets are marked as expedited forwarding
 * (DSCP 46).
 * @param bound  where RTP is bound
 * Errors: ERR_RANGE no even port with a successor in the range; ERR_ADDRESS_IN_USE all are taken; ERR_UNREACHABLE not
 * an address of this host
 * RFC 3550 11
 */
bool net_rtp_pair(const struct address *local_host, uint16_t low, uint16_t high, int *rtp_fd, int *rtcp_fd,
		  struct address *bound, enum err *err) MUST_CHECK;
