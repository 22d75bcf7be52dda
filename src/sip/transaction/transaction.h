/*
 * sip/transaction: the four machines (RFC 3261 17, RFC 6026), one table per figure.
 *
 *   transaction     the object, what it passes up and down
 *   client          requests out: branch, matching of responses, ACK of a non-2xx, CANCEL
 *   server          requests in: matching (RFC 2543 too), CANCEL, merged requests, the limit
 *   machine         states, events, timers, and the one step() that changes states
 *   invite_client   figure 5 with RFC 6026
 *   other_client    figure 6
 *   invite_server   figure 7 with RFC 6026
 *   other_server    figure 8
 *   said            the bytes of responses that may be sent again
 *   client_actions, server_actions  what two tables do alike; internal what all files share
 */
#pragma once

#include "sip/transport/transport.h"

struct transactions;
struct client_transaction;
struct server_transaction;

struct transaction_settings {
	int64_t t1_us, t2_us, t4_us;  /* 500 ms, 4 s, 5 s */
	size_t max;                   /* server transactions at a time, and 4 KiB for each of what they keep (1 MiB at
				       * least): above, the one that was answered first goes; when none was, 503,
				       * statelessly */
};

/* What became of requests from outside, since the start. */
struct transaction_counters {
	uint64_t again;    /* requests that came again */
	uint64_t merged;   /* that came by another way, too: 482 */
	uint64_t displaced; /* transactions that were finished and made room for others before their time */
	uint64_t refused;  /* requests for which there was no room, or no time */
};

struct transaction_handlers {
	/** A new request (not ACK, not CANCEL, no retransmission). It must be answered by transaction_respond() sooner
	 * or later. `request` is borrowed. */
	void (*request)(void *arg, struct server_transaction *st, struct sip_message *request,
			const struct sip_source *source);
	/** An ACK of a 2xx (13.3.1.4): it belongs to no transaction, or to one in Accepted (RFC 6026). */
	void (*ack)(void *arg, struct sip_message *ack, const struct sip_source *source);
	/** The INVITE transaction got a CANCEL, already answered with 200; the ua answers the INVITE with 487 if it has
	 * not answered it yet (9.2). */
	void (*cancel)(void *arg, struct server_transaction *st, struct sip_message *cancel);
	/** A 2xx to INVITE that matches no transaction any more: a fork's late answer (13.2.2.4), to be ACKed. */
	void (*stray_2xx)(void *arg, struct sip_message *response, const struct sip_source *source);
	/** The server transaction ends: forget the pointer. `err` is ERR_NONE, ERR_TIMEOUT (no ACK for a non-2xx within
	 * timer H), ERR_FULL (it made room for another) or a transport error. */
	void (*server_gone)(void *arg, struct server_transaction *st, enum err err);
	/** May be NULL: each packet for the trace. */
	void (*wire)(void *arg, const struct sip_wire *wire);
	/** May be NULL: a connection of ours is open (transport_handlers). */
	void (*opened)(void *arg, const struct sip_target *target);
	/** May be NULL: a NAT shows us under another address (transport_handlers). */
	void (*moved)(void *arg, const struct address *remote);
	/** May be NULL: transport failures, for flows that registrations use. */
	void (*failed)(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		       enum err err);
	void *arg;
};

/** Makes the transport below too. World and handlers are copied; what they point to outlives this. Never NULL. */
struct transactions *transactions_new(const struct sip_world *world, const struct transaction_handlers *handlers);
/** Forgets all at once: nothing is sent, no handler is called. */
void transactions_free(struct transactions *transactions);
struct transaction_settings *transaction_settings(struct transactions *transactions);
struct transport *transactions_transport(struct transactions *transactions);
const struct transaction_counters *transaction_counters(const struct transactions *transactions);
/** Has an INVITE been refused whose ACK has not come (17.2.1, Completed)? */
bool transactions_await_ack(const struct transactions *transactions);
/** Those alive, for `show transactions` and tests. */
size_t transactions_count(const struct transactions *transactions);
typedef void transaction_show_h(void *arg, const char *line);
void transactions_show(const struct transactions *transactions, transaction_show_h *show, void *arg);

/* ---- client ---- */

enum client_event {
	CLIENT_RESPONSE,        /* `response`: 1xx, or the final one; further 2xx of forks too (RFC 6026) */
	CLIENT_TIMEOUT,         /* timer B or F, or 64*T1 after a CANCEL without a final response */
	CLIENT_TRANSPORT_ERROR, /* `err` */
	CLIENT_GONE, /* the last event: forget the pointer. `err` says how it ended, also when an ACK was not sent */
};
typedef void client_transaction_h(void *arg, struct client_transaction *ct, enum client_event event,
				  struct sip_message *response, enum err err);

/**
 * Start a client transaction and send its request, with a Via of our own for this target on top.
 *
 * @param draft   without Via; copied, stays the caller's
 * @param target  where; its protocol is final (transport_choose() was asked before)
 * @param handler called on the loop's thread, never before this returns
 * @param err     why there is none
 * @return the transaction, owned by this layer, valid until CLIENT_GONE; NULL on failure
 * Errors: ERR_NO_ROUTE no transport of ours reaches the target; or what sending said at once
 * RFC 3261 17.1, 8.1.1.7, 18.1.1
 */
struct client_transaction *transaction_start(struct transactions *transactions, const struct sip_draft *draft,
					     const struct sip_target *target, client_transaction_h *handler, void *arg,
					     enum err *err);
/** Any but INVITE: of all repetitions (Timer E) only so many sends leave, the first one counted. RFC 3261 17.1.2.2 lets
 * nobody be flooded who never asked. */
void client_transaction_send_at_most(struct client_transaction *ct, unsigned sends);
/** The request as sent, with its Via; borrowed. */
const struct sip_message *client_transaction_request(const struct client_transaction *ct);
/**
 * Cancel an INVITE (9.1): CANCEL goes out when a provisional has come (100 counts), at once or later; same top Via,
 * address, port and transport. Without a final response 64*T1 after the CANCEL the transaction ends with
 * CLIENT_TIMEOUT. A second call does nothing.
 * @param reason  value of a Reason header, may be empty (RFC 3326)
 */
void transaction_cancel(struct client_transaction *ct, struct slice reason);
/** Where the request still waits for its connection it never leaves, and the transaction ends; its handler is not
 * called any more. @return false: it has left */
bool client_transaction_withdraw(struct client_transaction *ct) MUST_CHECK;
/** Was it cancelled, and the CANCEL has to wait until somebody has answered (RFC 3261 9.1)? */
bool client_transaction_cancels_later(const struct client_transaction *ct);
/** No events any more; the transaction runs to its end by itself. */
void client_transaction_detach(struct client_transaction *ct);
/**
 * Send the ACK of a 2xx: no transaction (13.2.2.4), a new branch, a Via of ours. The caller keeps *sent (one reference)
 * and hands it to transaction_resend_ack() when the 2xx comes again. *sent is set also when sending failed, but for
 * ERR_NO_ROUTE.
 */
enum err transaction_send_ack(struct transactions *transactions, const struct sip_draft *draft,
			      const struct sip_target *target, struct sip_message **sent) MUST_CHECK;
void transaction_resend_ack(struct transactions *transactions, const struct sip_target *target,
			    const struct sip_message *ack);

/* ---- server ---- */

/**
 * Answer. A final response ends the transaction after its timers. 2xx to INVITE: the transaction goes to Accepted; the
 * ua repeats the 2xx by transaction_repeat() until the ACK comes (13.3.1.4).
 * @param draft  copied, stays the caller's
 * Errors: ERR_STATE it was answered before; ERR_RANGE a status that a non-INVITE must not get (RFC 4320: 408, 101 to
 * 199, and over UDP a 100, which is sent here after 3.5 s); or what sending said - then the transaction goes on all the
 * same (RFC 6026 8.8)
 */
enum err transaction_respond(struct server_transaction *st, const struct sip_draft *draft) MUST_CHECK;
/** Send the last response once more (2xx until ACK; 1xx every minute, 13.3.1.1). */
void transaction_repeat(struct server_transaction *st);
/** Borrowed. NULL once a final response was sent and handlers.request has returned: only its key is kept. */
struct sip_message *server_transaction_request(const struct server_transaction *st);
const struct sip_source *server_transaction_source(const struct server_transaction *st);
/** The To tag that the ua will answer with; the answer to a CANCEL that comes first has it too (9.2). Copied. */
void server_transaction_set_tag(struct server_transaction *st, struct slice tag);
/** The ua's own pointer, NULL at first. NULL after a 2xx to INVITE: it will not be repeated any more. */
void server_transaction_set_user(struct server_transaction *st, void *user);
void *server_transaction_user(const struct server_transaction *st);
