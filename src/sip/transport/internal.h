/* What the files of sip/transport share. */
#pragma once

#include "base/map.h"
#include "sip/transport/framing.h"
#include "sip/transport/stun.h"
#include "sip/transport/transport.h"

enum {
	WAITING_MAX = 32,              /* messages that wait for one flow to open */
	WAITING_BYTES_MAX = 256 * 1024,
	SENT_BY_MAX = 64,              /* of ours that responses are checked against */
	NO_STREAM_MAX = 64,            /* targets that TCP did not reach */
	FAILED_MAX = 64,               /* targets that are remembered as failed */
	REPLIES_MAX = 64,              /* responses whose target is being looked up */
};

enum flow_state {
	FLOW_CONNECTING,
	FLOW_OPEN,
	FLOW_FAILING, /* told to nobody yet; the timer does it, so that no caller is surprised inside its own call */
};

/* Where a flow leads, byte by byte as address_eq() compares. */
struct flow_key {
	uint8_t protocol, host[16], port[2];
};

struct flow {
	struct list_node node;
	struct map_node by_id, by_target, by_alias;
	struct flow_key key, alias_key;
	struct transport *transport;
	uint64_t id;
	struct sip_target target;
	void *connection;
	enum flow_state state;
	enum err err;                 /* why it is failing */
	char *why;                    /* a sentence that says more, or NULL */
	struct address alias; /* an incoming TLS connection leads there too, as its Via says (RFC 5923); or unset */
	char *invalid;                /* the name in .invalid that a WebSocket client gave itself, or NULL */
	bool incoming;
	bool spoke;                   /* a whole message has come */
	int64_t used_us;              /* when a message went or came last */
	struct framing framing;
	struct list waiting;          /* struct waiting */
	size_t waiting_count, waiting_bytes;
	struct timer timer;           /* connecting: patience; failing: report; open: a message must become complete */
};

struct waiting {
	struct list_node node;
	struct sip_message *message;
	bool may_look_up;             /* a response that may still go where DNS says (18.2.2) */
};

struct keep_alive {
	struct list_node node;
	struct transport *transport;
	struct sip_target target;
	unsigned count;
	struct timer timer;
	/* What follows only where the other side has agreed to answer (RFC 5626 4.4): */
	bool agreed;
	int64_t interval_us;          /* what it asks for; 0: settings.keep_alive_us */
	struct timer answer;          /* patience, over UDP also the next transmission */
	uint64_t flow_id;             /* of the stream that was pinged */
	unsigned char id[STUN_ID];    /* of the Binding request under way */
	unsigned transmissions;       /* of it; 0: none is under way */
	struct address mapped;        /* where it saw us last; unset: not known yet */
};

struct failed_target {
	enum sip_protocol protocol;
	struct address address;
	int64_t until_us;   /* 0: none */
	unsigned doublings; /* so often it has failed again when it was tried again */
};

struct reply {
	struct list_node node;
	struct transport *transport;
	struct sip_message *message;
	enum sip_protocol protocol;
	struct address local;
	void *lookup;
};

struct transport {
	struct sip_world world;
	struct transport_handlers handlers;
	struct transport_settings settings;
	struct transport_counters counters;
	struct list flows, keep_alives, replies;
	struct map flows_by_id, flows_by_target, flows_by_alias;
	size_t reply_count;
	uint64_t last_flow_id;
	bool late, overloaded;        /* transport_waited() */
	int64_t late_since_us;
	char *why;                    /* transport_explanation() */
	bool was_ours;                /* transport_failed_was_ours() */
	uint64_t tag_key[2];          /* for To tags of stateless answers */
	int64_t stateless_since_us;
	unsigned stateless_count;
	int64_t garbage_since_us;     /* how much of it the trace is shown */
	unsigned garbage_count;
	struct address sent_by[SENT_BY_MAX]; /* a ring: the newest are kept */
	size_t sent_by_next;
	struct {
		struct address remote;
		int64_t until_us;
	} no_stream[NO_STREAM_MAX];   /* a ring too */
	size_t no_stream_next;
	struct failed_target failed[FAILED_MAX]; /* and a ring */
	size_t failed_next;
	struct list races;
};

/** A reference of one's own: only the count changes, the message stays as it is. */
static inline struct sip_message *message__keep(const struct sip_message *message)
{
	return sip_message_ref((struct sip_message *)message);
}

/* transport.c */
/** Did a request of ours carry this sent-by? */
bool transport__sent_by_ours(const struct transport *transport, const struct address *address);
void transport__trace(struct transport *transport, bool sent, enum sip_protocol protocol, const struct address *local,
		      const struct address *remote, struct slice bytes);
enum err transport__datagram_send(struct transport *transport, const struct address *local,
				  const struct address *remote, struct slice bytes);

/* receive.c */
/** May one more answer without state be sent in this second? */
bool transport__within_rate(struct transport *transport);
void transport__receive(struct transport *transport, struct sip_message *message, const struct sip_source *source);
/** The last word on a flow that is about to be closed: a request whose end is unknown gets 400 (RFC 4475 3.1.2.3). */
void transport__refuse_unframed(struct flow *flow, struct slice head);

/* flow.c */
void flow__free(struct flow *flow);
struct flow *flow__by_id(const struct transport *transport, uint64_t id);
/** The flow that requests to this target may use, opening or open; NULL when there is none. */
struct flow *flow__to(const struct transport *transport, const struct sip_target *target);
/** A flow to that address by that protocol: the one from target->local, else one that requests to it may use, else any,
 * whatever name it was opened for. */
struct flow *flow__near(const struct transport *transport, const struct sip_target *target);
/** That flow, or a new one that begins to open. */
enum err flow__open(struct transport *transport, const struct sip_target *target, struct flow **flow);
enum err flow__send(struct flow *flow, const struct sip_message *message, bool may_look_up);
/** Close it and tell handlers.failed, as soon as timers run. */
void flow__fail_later(struct flow *flow, enum err err);
struct sip_source flow__source(struct flow *flow);

/* targets.c */
void races__opened(struct transport *transport, uint64_t flow_id);
void races__failed(struct transport *transport, uint64_t flow_id);
void races__free(struct transport *transport);

/* response.c */
void reply__look_up(struct transport *transport, const struct sip_message *message, enum sip_protocol protocol,
		    const struct address *local, struct slice host, uint16_t port);
void reply__free(struct reply *reply);

/* keep_alive.c */
void keep_alive__free(struct keep_alive *keep_alive);
/** A datagram of STUN: an answer to ours, or a request of somebody else's. */
void keep_alive__stun(struct transport *transport, const struct address *local, const struct address *remote,
		      struct slice datagram);
bool keep_alive__wants(const struct transport *transport, const struct flow *flow);
