/* What the files of sip/transaction share. */
#pragma once

#include "sip/transaction/machine.h"
#include "sip/transaction/said.h"

struct transactions {
	struct sip_world world;
	struct transaction_handlers handlers;
	struct transaction_settings settings;
	struct transaction_counters counters;
	struct transport *transport;
	struct map clients, servers;  /* by what matches messages to them */
	struct map merges;            /* server transactions outside dialogs by From tag, Call-ID and CSeq (8.2.2.2) */
	struct list client_list;
	struct list server_list;      /* those that are being answered, or whose 2xx the user still repeats */
	struct list finished_list;    /* those where nothing but retransmissions and an ACK is awaited, longest first */
	size_t held_bytes;            /* of the messages that server transactions keep */
	struct said_models models;    /* of the responses among them */
	uint64_t last_number;
};

struct client_transaction {
	bool sends_counted;
	unsigned repeats_left; /* where they are counted */
	struct transaction base;
	struct sip_message *request;
	struct sip_message *ack;      /* of a non-2xx, to be sent again (17.1.1.3) */
	struct sip_target target;
	uint64_t flow_id;
	client_transaction_h *handler; /* NULL: nobody listens */
	void *arg;
	bool cancel_wanted, cancel_sent;
	struct client_transaction *cancel; /* the CANCEL of this INVITE while it waits for its answer; NULL */
	bool refused_once;            /* ICMP has said so once; it is believed the second time */
	char *cancel_reason;          /* value of its Reason, or NULL */
};

struct server_transaction {
	struct transaction base;
	struct sip_message *request;  /* NULL when it is not needed any more */
	size_t held;                  /* bytes of what it keeps, as far as owner->held_bytes counts them */
	struct said response;         /* the last one sent, while it may be sent again */
	struct sip_source source;
	enum sip_method method;
	uint32_t cseq;
	char *method_name;            /* of a method that we do not know, else NULL */
	char *to_tag;                 /* that of the request, for RFC 2543 matching; NULL: without */
	char *answer_tag;             /* the To tag of what was or will be answered, once it is known; NULL */
	struct map_node by_merge;
	struct fingerprint merge_key;
	enum err sent_err;            /* how sending the last response went */
	bool rfc2543;                 /* the request's branch has no magic cookie */
	bool answered;                /* a final response was sent */
	bool handling;                /* the user is being told about the request */
	bool internal;                /* CANCEL and merged requests: the user knows nothing of it */
	bool finished;                /* it is in finished_list */
	void *user;
};

static inline struct client_transaction *client_of(struct transaction *transaction)
{
	return CONTAINER_OF(transaction, struct client_transaction, base);
}

static inline struct server_transaction *server_of(struct transaction *transaction)
{
	return CONTAINER_OF(transaction, struct server_transaction, base);
}

/* client.c */
void client__receive(struct transactions *transactions, struct sip_message *response, const struct sip_source *source);
void client__failed(struct transactions *transactions, enum sip_protocol protocol, const struct address *remote,
		    uint64_t flow_id, enum err err);
void client__free(struct client_transaction *ct);
/** Send the request once more; an error is reported later. */
void client__send(struct client_transaction *ct);
void client__tell(struct client_transaction *ct, enum client_event event, struct sip_message *response, enum err err);
void client__send_ack(struct client_transaction *ct, const struct sip_message *response);
void client__send_cancel(struct client_transaction *ct);

/* server.c */
void server__receive(struct transactions *transactions, struct sip_message *request, const struct sip_source *source);
void server__free(struct server_transaction *st);
/** Send the last response once more. */
void server__send(struct server_transaction *st);
/** Send this, and make it the response that is sent again from now on. */
void server__answer(struct server_transaction *st, struct sip_message *response);
/** Nobody will ask for the response again. */
void server__forget_response(struct server_transaction *st);
struct slice server__method_name(const struct server_transaction *st);
/** The action for transport errors: the user was told by transaction_respond() or will be by server_gone. */
void server__note_error(struct transaction *transaction, struct sip_message *none);
/** A 100 (Trying) of our own. */
void server__send_trying(struct server_transaction *st);
