/* What the files of net/ share. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "net/net.h"

enum { PACKET_MAX = 65536, PACKET_BATCH = 8, ROUTES_KEPT = 16 };

/* A UDP and a TCP socket on the same address and port, or one of them. */
struct listener {
	struct list_node node;       /* in net.listeners */
	struct net *net;
	struct address address;
	unsigned protocols;          /* bits: 1 << enum sip_protocol */
	int udp, tcp;                /* -1: none */
	struct loop_watch *udp_watch, *tcp_watch;
	bool busy, closed;           /* in its handler; to be freed when that returns */
};

struct route {
	struct address remote, local;
	int64_t until_us;
	bool reachable;
};

struct dns;
struct tls_context;
struct changes;

struct net {
	struct loop *loop;
	const struct log *log;
	struct transport *transport; /* NULL: nobody listens */
	struct random random;
	struct list listeners;
	struct list connections;
	struct list locates;         /* in the order they were asked for */
	struct timer locate_turn;    /* looks at all of `locates` again */
	struct dns *dns;
	struct changes *changes;     /* NULL: nobody asks */
	struct tls_context **tls;    /* by sip_target.security; the first is always there, others as they were set */
	size_t tls_count;
	char *ws_path;               /* NULL: / */
	struct route routes[ROUTES_KEPT];
	size_t next_route;
	unsigned char *packets;      /* PACKET_BATCH * PACKET_MAX; only pages that are used cost memory */
	bool said_refused;           /* that connections are refused; until one is taken again */
	int spare_fd;                /* given up for a moment to refuse a connection when descriptors have run out */
};

/* udp */
enum err udp_open(const struct address *address, int *fd);
void udp_watch(struct listener *listener);
enum err udp_send(void *net, const struct address *local, const struct address *remote, struct slice bytes);

/* tcp */
enum err tcp_open(const struct address *address, int *fd);
void tcp_watch(struct listener *listener);
enum err tcp_connect(void *net, struct flow *flow);
enum err tcp_send(void *net, struct flow *flow, struct slice bytes);
void tcp_close(void *net, struct flow *flow);
void tcp_close_all(struct net *net);
bool wrap_proves(void *net, const struct flow *flow, struct slice domain);

/* net */
/** How TLS is spoken there: the own way, or else everybody's. */
struct tls_context *net_tls_context(const struct net *net, unsigned security);
bool net_local_address(void *net, enum sip_protocol protocol, const struct address *remote, struct address *local);
void listener_release(struct listener *listener);
/** The address a socket is bound to. */
struct address socket_address(int fd);

/* changes */
void changes_free(struct changes *changes);

/* locate */
void *locate_start(void *net, const struct sip_hop *hop, locate_h *done, void *arg);
void locate_drop(void *net, void *handle);
void locate_drop_all(struct net *net);
/** Something that was asked for is known now. */
void locate_look_again(struct net *net);
