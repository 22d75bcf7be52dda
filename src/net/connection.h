/* A connection and what its two files share: tcp.c has the socket, wrap.c what stands between it and the flow. */
#pragma once

#include "base/buf.h"
#include "net/internal.h"

enum { CONNECTION_QUEUE_MAX = 1 << 20 };

struct tls;
struct websocket;

struct connection {
	struct list_node node;     /* in net.connections */
	struct net *net;
	struct flow *flow;         /* NULL: nobody above knows it any more; it lives until its queue is written */
	enum sip_protocol protocol;
	bool accepted;             /* the other side began it */
	bool open;                 /* every handshake is done: messages may go */
	int fd;
	struct loop_watch *watch;
	struct buf queue;
	size_t written;            /* bytes at the front of `queue` that are on their way */
	struct timer timer;        /* bounds the handshake, later the life without a flow */
	bool connecting, ended;    /* ended: the peer sends no more */
	bool busy, closed;         /* in its handler; to be freed when that returns */
	struct tls *tls;           /* NULL: none */
	struct websocket *ws;      /* NULL: none */
};

/* tcp.c */
/** Bytes for the socket. ERR_FULL: the peer does not read. */
enum err connection_queue(struct connection *c, struct slice bytes);
/** Bytes that the queue still takes. */
size_t connection_room(const struct connection *c);
/** Close it and tell its flow; `why` may be "". To be called last. */
void connection_fail(struct connection *c, enum err err, const char *why);
/** The peer sends no more; what is queued still goes out. To be called last. */
void connection_end(struct connection *c, enum err err);

/* wrap.c */
/** Make what the protocol needs. An error is explained to the flow. */
enum err wrap_prepare(struct connection *c);
void wrap_fini(struct connection *c);
/** The socket is connected: shake hands, or open the flow at once. */
void wrap_begin(struct connection *c);
/** Bytes of the socket. The connection may be closed afterwards. */
void wrap_received(struct connection *c, struct slice bytes);
/** A message of the flow. */
enum err wrap_send(struct connection *c, struct slice bytes);
/** We go: the last words of the protocol. */
void wrap_end(struct connection *c);
/** The socket has ended, in order or not: say so if that was in the middle of a handshake. */
void wrap_cut(struct connection *c);
