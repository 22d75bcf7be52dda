/*
 * net: the outside. Sockets and the resolver on the loop, behind struct transport_ops.
 *
 *   net         listeners, the table of operations, which of our addresses a peer would see; internal what all share
 *   udp         datagrams: the address each came to, ICMP errors told
 *   tcp         connections: bounded queues, half-close (connection.h)
 *   wrap        what stands between a connection's socket and its flow: TLS, WebSocket
 *   websocket   handshake and frames without a socket
 *   tls         TLS without a socket; tls_context its settings, tls_verify whom a certificate belongs to,
 *               tls_internal what they share
 *   locate      RFC 3263: a host to a list of targets
 *   dns         questions to name servers (c-ares) and a cache bounded by the time to live
 *   dns_answer  raw DNS answers to records
 *   changes     other addresses, another way out, a computer that slept (rtnetlink)
 *   interfaces  the local address towards a remote one
 *   rtp_pair    a pair of sockets for RTP and RTCP
 *   owner       whose socket is at an address of this machine
 */
#pragma once

#include "base/buf.h"
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

/* What a listener takes: bits 1 << enum sip_protocol. UDP and TCP may share one; the others stand alone. */
enum { NET_PLAIN = 1 << SIP_UDP | 1 << SIP_TCP };

/**
 * Listen on one address and port; may be called several times. Port 0: a free one (for UDP and TCP together when both
 * are asked for). 0.0.0.0 means all of IPv4, [::] all of IPv6 and nothing of IPv4.
 * @param protocols  NET_PLAIN, or one bit
 * Errors: ERR_ADDRESS_IN_USE; ERR_PERMISSION a port below 1024; ERR_UNREACHABLE not an address of this host;
 * ERR_UNSUPPORTED no such family
 */
bool net_listen(struct net *net, unsigned protocols, const struct address *address, enum err *err) MUST_CHECK;
/** The address and port of listener number `i` (from 0), and what it takes (`protocols` may be NULL).
 * @return false when there are fewer */
bool net_bound(const struct net *net, size_t i, struct address *address, unsigned *protocols);

/* How TLS is spoken. "" or NULL: not given. */
struct net_tls {
	const char *ca;          /* file, or directory of hashed names; the system's when not given */
	const char *certificate; /* PEM, the chain after it; a server must have one, a client may show it */
	const char *key;         /* PEM; the certificate's file when not given */
	const char *pin;         /* keys that are trusted whoever signed for them: net_tls_pin_parse() each */
	bool verify;             /* false: anybody may be at the other end */
};

enum { NET_TLS_MAX = 1024 };
/**
 * For connections made from now on. Files are read when first needed: connect() then says what is wrong with them.
 * @param security  whose: sip_target.security, below NET_TLS_MAX; 0 is everybody's, and that of those who come to us
 */
void net_set_tls(struct net *net, unsigned security, const struct net_tls *tls);
/** What WebSocket handshakes of ours ask for from now on: "/ws". */
void net_set_ws_path(struct net *net, const char *path);
/** Can connections be taken by TLS? @return false with the sentence that says why not */
bool net_tls_can_serve(struct net *net, struct buf *why) MUST_CHECK;
/** A pin as people write it: base64 or hexadecimal digits of the SHA-256 of a public key, "sha256/" in front or not.
 * RFC 7469 2.4 */
bool net_tls_pin_parse(struct slice text, unsigned char pin[32]) MUST_CHECK;
/** Connections that are open stay open. */
void net_close_listeners(struct net *net);

/**
 * Ask these name servers, "192.0.2.1,192.0.2.2:5353,[2001:db8::1]:53", instead of the system's; "" or NULL: the
 * system's again. The cache is forgotten. @return ERR_SYNTAX and nothing changed when it is no such list
 */
enum err net_set_dns(struct net *net, const char *servers) MUST_CHECK;
enum net_change {
	NET_MOVED,   /* other addresses than before, or another way out */
	NET_DOWN,    /* no address left but those of this host itself */
	NET_RESUMED, /* this computer has slept */
	NET_STIRRED, /* all as before, but single ways may lead elsewhere: a route, a preference among addresses */
};
/** `outside`: the address that packets to the world leave from; unset when there is none. Connections from addresses
 * that are gone were told before, after a sleep all. */
typedef void net_change_h(void *arg, enum net_change change, const struct address *outside);
/** Tell what changes from now on, half a second after it began. */
void net_watch_changes(struct net *net, net_change_h *handler, void *arg);
/** Make the choice among SRV records repeatable: for tests. */
void net_seed(struct net *net, uint64_t seed);

/** May one listen at this address (any port): is it one of this host's? */
bool net_is_local(const struct address *address) MUST_CHECK;
/** Does a socket of this very user (or of root) send from this loopback address and port? `stream`: TCP. Where the
 * system does not tell, no. */
bool net_is_own_user(const struct address *remote, bool stream) MUST_CHECK;
/**
 * May one listen at this address and port now? Tried and let go at once; `protocols` as for net_listen().
 * Errors: ERR_ADDRESS_IN_USE; ERR_PERMISSION a port below 1024; ERR_UNREACHABLE not an address of this host
 */
enum err net_can_listen(const struct address *address, unsigned protocols) MUST_CHECK;
/** The address of this host that packets to `remote` would come from, with port 0. @return false: no route */
bool net_route(const struct address *remote, struct address *local) MUST_CHECK;

/**
 * The pairs of ports that this phone holds for sound: none of them is tried again before net_rtp_release(), so that
 * another call costs the same beside ten calls and beside all that there is room for.
 */
struct net_ports;
struct net_ports *net_ports_new(void);
/** NULL is harmless. */
void net_ports_free(struct net_ports *ports);
/** What net_rtp_pair() bound was closed. Of anything else nothing happens. */
void net_rtp_release(struct net_ports *ports, const struct address *bound);
/** Do we hold all pairs of this range at this address ourselves? */
bool net_rtp_full(const struct net_ports *ports, const struct address *local_host, uint16_t low,
		  uint16_t high) MUST_CHECK;
/**
 * Open two non-blocking UDP sockets for RTP and RTCP on an even port and the next one, within low..high, beginning at a
 * random place. They are held until net_rtp_release() of `bound`. Arrival times are stamped by the kernel
 * (SO_TIMESTAMPNS); packets are marked as expedited forwarding (DSCP 46).
 * @param bound  where RTP is bound
 * Errors: ERR_RANGE no even port with a successor in the range; ERR_ADDRESS_IN_USE all are taken; ERR_UNREACHABLE not
 * an address of this host
 * RFC 3550 11
 */
bool net_rtp_pair(struct net_ports *ports, const struct address *local_host, uint16_t low, uint16_t high, int *rtp_fd,
		  int *rtcp_fd, struct address *bound, enum err *err) MUST_CHECK;
/**
 * When there is time: where net_rtp_pair() was asked since the last call of this, open a pair for who asks there next,
 * for the eight system calls of it are a third of what an answer takes. Nothing is read from it. It is not held:
 * net_rtp_full() counts it as free.
 * @return whether there is one now that was not, or is still: else nobody asked, or there was none to be had
 */
bool net_rtp_prepare(struct net_ports *ports);
/** Close the one that was prepared, if there is one. */
void net_rtp_drop_spare(struct net_ports *ports);
