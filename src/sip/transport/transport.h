/*
 * sip/transport: framing, Via and rport, flows, response routing (RFC 3261 18; RFC 3581, 5626). Still no socket: those
 * are behind struct transport_ops, which net/ implements on the loop, and simulations in memory.
 *
 *   transport   messages in and requests out, sent-by, size rule
 *   next_hop    what a URI says of where a request goes: host, port, protocol
 *   targets     which targets failed lately; the race of two families for one connection
 *   receive     what comes in: check, Via completion (received, rport), refusing broken requests without state
 *   response    where responses go (18.2.2, RFC 3581)
 *   flow        one stream connection: state, what waits for it to open
 *   framing     messages out of a byte stream (Content-Length, CRLF keep-alive, limits)
 *   keep_alive  CRLFCRLF on flows and to UDP targets; where outbound was agreed answers are awaited
 *   stun        Binding requests and their answers
 *   internal    what these files share
 */
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer.h"
#include "sip/syntax/syntax.h"

enum sip_protocol { SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS, SIP_PROTOCOLS };

/** "UDP", "TCP" ... as Via writes it. */
struct slice sip_protocol_name(enum sip_protocol protocol);
/** By the name in Via or in transport=, any case. @return false for none of ours */
bool sip_protocol_find(struct slice name, enum sip_protocol *protocol);
bool sip_protocol_is_stream(enum sip_protocol protocol);
/** 5060, or 5061 for TLS; 80 and 443 for WebSocket. */
uint16_t sip_protocol_port(enum sip_protocol protocol);

struct transport;
struct flow;

/* Where a request goes, resolved. A plain value. */
struct sip_target {
	enum sip_protocol protocol;
	struct address address;
	struct address local;  /* unset: any; else the local address (of a UDP socket) to send from */
	char name[256];        /* the host as it was before resolution: what a certificate must show; "" for literals */
	unsigned host;         /* several hosts may answer for a domain (SRV): those with one number are one host's */
	unsigned security;     /* how TLS is spoken: a number of net's (net_set_tls); 0: as everybody's */
	int64_t connect_timeout_us; /* for a stream to open; 0: 5 s. 1 s where size alone chose TCP (18.1.1) */
};

/* Where a message came from: what its response goes back to. */
struct sip_source {
	enum sip_protocol protocol;
	struct address remote, local;
	struct flow *flow;     /* the stream connection, NULL for UDP; may close at any time: keep flow_id instead */
	uint64_t flow_id;      /* never used again for another flow; 0 for UDP */
	bool overloaded;       /* a datagram, behind more than can be read in time: transport_waited() */
};

/* A host to be resolved by RFC 3263: what a Request-URI, topmost Route or sent-by names. */
struct sip_hop {
	char host[256];        /* without brackets */
	uint16_t port;         /* 0: none given */
	bool has_protocol;     /* transport= was given */
	enum sip_protocol protocol;
	bool secure;           /* sips: */
};

/**
 * What a URI says of the hop that a request to it goes to (8.1.2): maddr before the host; transport= or, without it,
 * `protocol`, and its kind with TLS where the hop is secure (26.2.2, RFC 7118 5).
 * @param secure    TLS is a must whatever the URI says: a route's, of a request for a sips URI
 * @param protocol  of the account, where the URI names none; NULL: none
 * @return ERR_SYNTAX: no URI, or no host; ERR_UNSUPPORTED: not sip or sips, a transport= that is none of ours, or UDP
 *         where TLS is a must. Then `hop` has what was read before it.
 */
enum err sip_hop_read(struct slice uri, bool secure, const enum sip_protocol *protocol, struct sip_hop *hop) MUST_CHECK;
/** The protocol where the host is an address, which needs no look-up (RFC 3263 4.1): UDP or TLS where none is named. */
enum sip_protocol sip_hop_protocol(const struct sip_hop *hop);

enum { LOCATE_MAX = 16 };
/** `count` targets in the order to be tried; 0 with `err` when there is none. Called once, never before locate()
 * returned. */
typedef void locate_h(void *arg, enum err err, const struct sip_target *targets, size_t count);

/* What the outside does for us. `net` is its first argument. All calls return at once. */
struct transport_ops {
	/** Send one datagram. Errors that are known at once; later ones (ICMP) come by transport_datagram_failed(). */
	enum err (*send_datagram)(void *net, const struct address *local, const struct address *remote,
				  struct slice bytes);
	/** Begin to connect `flow` (its protocol, remote, name); transport_flow_opened() or _closed() follows. Tells
	 * the local address by flow_set_local(), and by flow_explain() what an error does not say. */
	enum err (*connect)(void *net, struct flow *flow);
	/** Queue bytes on an open stream. ERR_FULL: the peer does not read. */
	enum err (*send_stream)(void *net, struct flow *flow, struct slice bytes);
	/** Close; nothing is reported for it any more. */
	void (*close)(void *net, struct flow *flow);
	/** The local address and listening port that `remote` would be reached from; port 0 where nothing listens for
	 * that protocol. @return false when we do not speak that protocol or family */
	bool (*local_address)(void *net, enum sip_protocol protocol, const struct address *remote,
			      struct address *local);
	/** Has the other side of a TLS flow proved that it is this domain? May be NULL: never. RFC 5922 7.4 */
	bool (*proves)(void *net, const struct flow *flow, struct slice domain);
	/** RFC 3263. @return a handle for locate_cancel */
	void *(*locate)(void *net, const struct sip_hop *hop, locate_h *done, void *arg);
	/** Forget it; `done` is not called. */
	void (*locate_cancel)(void *net, void *handle);
};

/* The world of the protocol: everything that is not a function of bytes enters here. */
struct sip_world {
	struct timers *timers;
	struct random *random;
	const struct log *log;
	const struct transport_ops *ops;
	void *net;
};

/* One packet on the wire, for the trace. Keep-alives are not shown. */
struct sip_wire {
	bool sent;
	enum sip_protocol protocol;
	struct address local, remote;
	struct slice bytes;
};

struct transport_handlers {
	/** A request that passed sip_message_check(), its top Via completed (received, rport). The message is borrowed:
	 * take a reference to keep it. */
	void (*request)(void *arg, struct sip_message *request, const struct sip_source *source);
	void (*response)(void *arg, struct sip_message *response, const struct sip_source *source);
	/** Nothing more can be sent there: a flow closed, a connection was refused, ICMP said so. `flow_id` 0 for
	 * UDP. */
	void (*failed)(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		       enum err err);
	/** May be NULL. A connection of ours is open: every handshake is done. */
	void (*opened)(void *arg, const struct sip_target *target);
	/** May be NULL. The answers to our keep-alives by UDP say that a NAT shows us under another address now. */
	void (*moved)(void *arg, const struct address *remote);
	/** May be NULL. */
	void (*wire)(void *arg, const struct sip_wire *wire);
	void *arg;
};

struct transport_settings {
	size_t udp_limit;          /* bytes of a request above which a stream is tried first (18.1.1); 0: never */
	int64_t keep_alive_us;     /* 25 s; 0: none */
	bool alias; /* we have a certificate to show: peers may send us requests on our connections (RFC 5923) */
	size_t max_flows;          /* connections at a time; further ones are closed at once */
};

/* What came and what became of it, since the transport was made. */
struct transport_counters {
	uint64_t messages;            /* SIP messages that came */
	uint64_t garbage;             /* datagrams that are none, and streams that were cut for what came on them */
	uint64_t keep_alives;         /* by UDP, STUN included */
	uint64_t strays;              /* responses to nothing of ours */
	uint64_t answered;            /* requests that were answered without state */
	uint64_t unanswered;          /* that got no answer, since too many had one in that second */
	uint64_t connections;         /* that came in and were taken */
	uint64_t refused_connections; /* that were too many, of their host or of all */
	uint64_t unfinished;          /* that were closed because no message came, or none became whole */
};

enum {
	STATELESS_PER_SECOND = 100,  /* answers of transport_answer() in one second: nobody can make us a reflector */
};

/** Both are copied; what they point to outlives the transport. It opens nothing by itself. Never NULL. */
struct transport *transport_new(const struct sip_world *world, const struct transport_handlers *handlers);
/** Closes every flow and forgets what waits; no handler is called. */
void transport_free(struct transport *transport);
/** To be read and changed at any time. */
struct transport_settings *transport_settings(struct transport *transport);

const struct transport_counters *transport_counters(const struct transport *transport);
/** Connections that are open or opening. */
size_t transport_flow_count(const struct transport *transport);

/* ---- downwards: what the transaction layer and the ua ask ---- */

/**
 * The Via sent-by ("192.0.2.4:5060", "[2001:db8::1]:5070") that requests to this target carry, and our Contact's host
 * and port. Where nothing of ours listens for the protocol it is the connection itself by which we can be reached: one
 * to that target is opened then, if there is none.
 * @return false: no such protocol or family (ERR_NO_ROUTE), or the connection cannot be made
 */
bool transport_sent_by(struct transport *transport, const struct sip_target *target, char text[ADDRESS_TEXT]);
/** Does our Via to this target say that its connection may be used for requests to us? RFC 5923 */
bool transport_says_alias(const struct transport *transport, const struct sip_target *target);
/** Is it only by the connection itself that this target reaches us, because nothing of ours listens for its
 * protocol? */
bool transport_reached_by_flow(struct transport *transport, const struct sip_target *target);
/**
 * The sentence that net gave with the failure that is being told by handlers.failed, or that the last
 * transport_send_request() met; empty: enum err says it all. Valid until either happens again.
 */
struct slice transport_explanation(const struct transport *transport);
/** In handlers.failed: was it a connection that we opened? Else anybody can make it happen, as often as he likes. */
bool transport_failed_was_ours(const struct transport *transport);
/** transport=ws means secure WebSocket too where that is the connection that is open (RFC 7118 5.2, 8.1). */
void transport_prefer_open(const struct transport *transport, struct sip_target *target);
/**
 * A host of the domain .invalid is the name that a WebSocket client gave itself: only its own connection leads there.
 * @return false: no such connection. RFC 7118 8, Appendix B.1
 */
bool transport_find_invalid(const struct transport *transport, struct slice host, struct sip_target *target);
/**
 * The protocol that a request of `bytes` goes out by: TCP instead of UDP above udp_limit, unless this target
 * has refused TCP before (18.1.1).
 */
enum sip_protocol transport_choose(struct transport *transport, const struct sip_target *target, size_t bytes);
/** Remember that TCP does not reach this target: UDP whatever the size, for 10 minutes. */
void transport_no_stream(struct transport *transport, const struct address *remote);
/**
 * Remember that this target did not answer, could not be reached or said 503: for `us` it is tried after all others.
 * @param us        0: it has not said how long: 30 s, and twice as long each time that it fails again after that, up to
 *                  8 minutes
 * RFC 3263 4.3, RFC 3261 21.5.4
 */
void transport_target_failed(struct transport *transport, const struct sip_target *target, int64_t us);
/** It has answered: what it was before is forgotten. */
void transport_target_works(struct transport *transport, const struct sip_target *target);
/** Those that failed lately go behind the others; the order stays otherwise. */
void transport_order_targets(struct transport *transport, struct sip_target *targets, size_t count);

struct race;
/** `winner`: the target to be used; 0 also when neither could be reached. Never called before transport_race()
 * returned. */
typedef void race_h(void *arg, size_t winner);
/**
 * Two targets of one host, one of each family: connect to the first, after 250 ms to the second too, and take whichever
 * is there first; the other connection is given up. Is the second one there already, it has won.
 * @return the transport's until `done` was called; NULL: no such pair, or a connection to the first is open: no race
 * RFC 8305 5
 */
struct race *transport_race(struct transport *transport, const struct sip_target targets[2], race_h *done, void *arg);
/** Forget it; `done` is not called. */
void transport_race_cancel(struct race *race);
/** Is the connection open that a request to this target would take? */
bool transport_is_connected(const struct transport *transport, const struct sip_target *target);
/**
 * Begin to open the flow that a request to this target will need; nothing to do for UDP or where there is one.
 * Errors: as transport_send_request()
 */
enum err transport_connect(struct transport *transport, const struct sip_target *target) MUST_CHECK;
/**
 * Send a request: UDP at once, streams on the flow to that target, opened when there is none (messages wait for it,
 * bounded). Failures that are seen later come by handlers.failed, never before this returns. *flow_id tells which flow
 * carries it (0 UDP). A flow that is opened takes at most target->connect_timeout_us; a request that finds it opening
 * waits as long as its opener.
 * Errors: ERR_NO_ROUTE no transport of ours reaches the target; ERR_FULL too many flows, or too much waits already; or
 * what the network said
 */
enum err transport_send_request(struct transport *transport, const struct sip_target *target,
				const struct sip_message *request, uint64_t *flow_id) MUST_CHECK;
/** Take back a request that waits for its flow to open. @return false: it has left, or is gone with the flow */
bool transport_withdraw(struct transport *transport, uint64_t flow_id, const struct sip_message *message);
/**
 * Send a response where 18.2.2 and RFC 3581 want it: on the flow it came by while that lives (else a new one to
 * received and sent-by port), for UDP to received:rport, a maddr that is a multicast group, or sent-by. It goes out
 * from the address the request came to.
 */
enum err transport_send_response(struct transport *transport, const struct sip_source *source,
				 const struct sip_message *response) MUST_CHECK;
/**
 * Answer a request without keeping state (8.2.7): the To tag is the same each time the same request comes. Nothing is
 * sent for an ACK, for a request whose Via or CSeq does not allow it, or above STATELESS_PER_SECOND.
 * `reason` NULL: the phrase of the status.
 * @param retry_after_s  value of Retry-After; 0: none
 */
void transport_answer(struct transport *transport, const struct sip_message *request, const struct sip_source *source,
		      unsigned status, const char *reason, unsigned retry_after_s);
/** Keep a binding open: CRLFCRLF every keep_alive_us to this target from now on (counted: as many stops as starts). */
void transport_keep_alive(struct transport *transport, const struct sip_target *target, bool on);
/**
 * What the other side of a keep-alive that was started has agreed to: it answers CRLFCRLF with CRLF, over UDP STUN
 * instead, so that a flow without answer has failed (handlers.failed, ERR_TIMEOUT) after 10 s, over UDP after 39.5 s.
 * @param interval_us  its Flow-Timer; 0: none
 * RFC 5626 4.4
 */
void transport_keep_alive_agreed(struct transport *transport, const struct sip_target *target, bool agreed,
				 int64_t interval_us);

/* ---- upwards: what net/ reports ---- */

/**
 * The datagrams from now on waited so long before they were read; 0: they did not, or there were few, so that soon
 * none waits. When that is more than 250 ms, half of T1, and has been for as long, more comes than can be done, and
 * their sip_source says so; what piled up while the phone or the machine was away for a moment is soon read.
 */
void transport_waited(struct transport *transport, int64_t us);
/** A datagram came to `local`. Keep-alives and what is no SIP message go without a word. */
void transport_datagram(struct transport *transport, const struct address *local, const struct address *remote,
			struct slice bytes);
/** ICMP (port unreachable ...) for datagrams to `remote`. */
void transport_datagram_failed(struct transport *transport, const struct address *remote, enum err err);
/**
 * A connection that came in. @return its flow; NULL: too many, close it: of one host, or one /64 of IPv6, a quarter of
 * max_flows, of all three quarters. A flow whose peer does not complete a message within 32 s is closed, and above the
 * limit the one that was idle longest (a minute at least), else the oldest that never completed one.
 */
struct flow *transport_accepted(struct transport *transport, enum sip_protocol protocol, const struct address *local,
				const struct address *remote, void *connection);
/** connect() has succeeded; what waited is sent. */
void transport_flow_opened(struct transport *transport, struct flow *flow, const struct address *local);
/** Bytes came on a stream, cut anywhere. The flow may be failing afterwards, but it is closed only when timers run. */
void transport_flow_bytes(struct transport *transport, struct flow *flow, struct slice bytes);
/** A whole message came on a stream that keeps messages apart by itself (WebSocket); Content-Length may be missing.
 * RFC 7118 5 */
void transport_flow_message(struct transport *transport, struct flow *flow, struct slice message);
/** The connection is gone (or could not be made); `flow` must not be used by net any more. */
void transport_flow_closed(struct transport *transport, struct flow *flow, enum err err);
/** The local address of a flow that is being opened, as soon as it is known. */
void flow_set_local(struct flow *flow, const struct address *local);
/** The sentence that goes with the flow's end, if it ends now: what enum err cannot say. "": none any more. */
void flow_explain(struct flow *flow, const char *sentence);
/** Net's own pointer for a flow. */
void *flow_connection(const struct flow *flow);
void flow_set_connection(struct flow *flow, void *connection);
const struct sip_target *flow_target(const struct flow *flow);
