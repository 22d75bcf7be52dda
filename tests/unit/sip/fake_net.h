/*
 * A network in memory for tests of sip/: struct transport_ops over lists. What the stack sends is kept until the test
 * takes it; what the stack shall receive is put in by the test. Time is virtual: `net.timers` is the clock of the
 * world.
 *
 *   struct fake_net net;
 *   fake_net_init(&net, 1);
 *   struct ua *ua = ua_new(&net.world, &handlers);
 *   fake_net_attach(&net, transactions_transport(ua_transactions(ua)));
 *   ... struct fake_packet *invite = fake_net_take(&net); fake_packet_is(invite, "INVITE") ...
 *   fake_net_answer(&net, invite, 180, "xyz", "Contact: <sip:bob@192.0.2.9>\r\n", "");
 */
#pragma once

#include "sip/transport/transport.h"

enum fake_connect {
	FAKE_OPENS,    /* opened as soon as timers run */
	FAKE_REFUSES,  /* closed with ERR_REFUSED as soon as timers run */
	FAKE_HANGS,    /* nothing happens until fake_net_opened() or fake_net_closed() */
	FAKE_FAILS,    /* the connect call itself answers ERR_UNREACHABLE */
};

/* One packet that the stack sent, oldest first in the list. */
struct fake_packet {
	struct list_node node;
	int64_t sent_us;              /* when */
	enum sip_protocol protocol;
	struct address local, remote;
	struct flow *flow;            /* streams; NULL for UDP */
	char *bytes;                  /* NUL behind the last */
	size_t bytes_n;
	struct sip_message *message;  /* parsed; NULL when it is no SIP message (a keep-alive) */
};

struct fake_connection {
	struct list_node node;
	struct fake_net *net;
	struct flow *flow;
	struct timer timer;
};

struct fake_lookup {
	struct list_node node;
	struct fake_net *net;
	struct sip_hop hop;
	locate_h *done;
	void *arg;
	struct timer timer;
};

enum { FAKE_NAMES = 16 };

struct fake_net {
	struct sip_world world;       /* give it to transport_new(), transactions_new() or ua_new() */
	struct timers timers;
	struct random random;
	struct log log;
	struct transport *transport;
	struct list sent;             /* struct fake_packet, not taken yet */
	struct list taken;            /* taken ones: freed with the network */
	struct list connections;      /* struct fake_connection */
	struct list lookups;          /* struct fake_lookup under way */
	struct address local[SIP_PROTOCOLS]; /* unset: not spoken. 192.0.2.1:5060 (TLS 5061) at first; no WebSocket */
	struct address local6;        /* for IPv6 remotes over UDP and TCP; unset at first */
	enum fake_connect connect;    /* what the next connections do; FAKE_OPENS at first */
	enum err datagram_err;        /* what sending a datagram answers; ERR_NONE at first */
	enum err stream_err;          /* what sending on a stream answers */
	unsigned loss_percent;        /* of datagrams that the stack sends: counted, but not kept */
	unsigned lose_next;           /* as many further datagrams are lost */
	unsigned sent_count, lost_count, closed_count, connect_count, locate_count;
	bool lookups_hang;            /* locate() answers only at fake_net_lookup_now() */
	struct {
		char host[256];
		struct sip_target targets[LOCATE_MAX];
		size_t count;
	} names[FAKE_NAMES];
	size_t name_count;
};

void fake_net_init(struct fake_net *net, uint64_t seed);
/** After the stack was freed. */
void fake_net_fini(struct fake_net *net);
/** Where incoming packets go. */
void fake_net_attach(struct fake_net *net, struct transport *transport);
/** Let `us` of virtual time pass. 0: only what is due now (connects, look-ups). */
void fake_net_pass(struct fake_net *net, int64_t us);

/** The oldest packet sent and not taken yet, or NULL. Valid until fake_net_fini(). */
struct fake_packet *fake_net_take(struct fake_net *net);
/** How many wait to be taken. */
size_t fake_net_waiting(const struct fake_net *net);
/** Take and forget all. */
void fake_net_drop(struct fake_net *net);
/** Is it a request of this method ("INVITE"), or a response of this status ("200")? False for NULL. */
bool fake_packet_is(const struct fake_packet *packet, const char *what);
/** Value of the nth line of a header; empty when there is none. */
struct slice fake_packet_value(const struct fake_packet *packet, enum sip_header_id id, size_t nth);

/** A datagram from `remote` ("198.51.100.7:5060") to our UDP address. */
void fake_net_datagram(struct fake_net *net, const char *remote, const char *text);
void fake_net_datagram_bytes(struct fake_net *net, const char *remote, struct slice bytes);
/** ICMP says that datagrams to `remote` do not arrive. */
void fake_net_icmp(struct fake_net *net, const char *remote);
/** A peer connects to us. @return its flow, NULL when the transport did not want it */
struct flow *fake_net_accept(struct fake_net *net, enum sip_protocol protocol, const char *remote);
/** Bytes on a connection. Nothing happens when the flow is not open any more. */
void fake_net_bytes(struct fake_net *net, struct flow *flow, const char *text);
void fake_net_bytes_n(struct fake_net *net, struct flow *flow, struct slice bytes);
void fake_net_opened(struct fake_net *net, struct flow *flow);
/** The peer closes, or connecting failed. */
void fake_net_closed(struct fake_net *net, struct flow *flow, enum err err);
/** Is this flow still a connection of ours? */
bool fake_net_is_open(const struct fake_net *net, const struct flow *flow);
/** The flow of the newest connection, or NULL. */
struct flow *fake_net_newest(const struct fake_net *net);

/**
 * The response of a peer to a packet, back by the way it came: Via, From, To, Call-ID, CSeq copied, `to_tag` added to
 * To when it has none (NULL: none), then `lines` ("Name: value\r\n..."), then `body`.
 */
void fake_net_answer(struct fake_net *net, const struct fake_packet *request, unsigned status, const char *to_tag,
		     const char *lines, const char *body);
/** The same as text, owned by the caller (free). */
char *fake_net_answer_text(const struct fake_packet *request, unsigned status, const char *to_tag, const char *lines,
			   const char *body);
/** Send `text` to us from where `packet` was sent to, by its way. */
void fake_net_send_back(struct fake_net *net, const struct fake_packet *packet, const char *text);

/** Bring the datagrams that `from` sent to the UDP address of `to` there; others are dropped. For two stacks on one
 * test. */
void fake_net_deliver(struct fake_net *from, struct fake_net *to);

/** What locate() finds for a host name: "udp 198.51.100.7:5060", one call for each target in order. Literals need none.
 */
void fake_net_name(struct fake_net *net, const char *host, const char *target);
/** Let hanging look-ups answer. */
void fake_net_lookup_now(struct fake_net *net);

/** "udp 198.51.100.7:5060" as a target. Asserts that it is well formed. */
struct sip_target fake_target(const char *text);
struct address fake_address(const char *text);
