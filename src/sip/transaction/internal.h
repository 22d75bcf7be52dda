/* What the files of sip/transaction share. */
#pragma once

#include "sip/transaction/machine.h"

struct transactions {
	struct sip_world world;
	struct transaction_handlers handlers;
	struct transaction_settings settings;
	struct transport *transport;
	struct map clients, servers;  /* by what matches messages to them */
	struct map merges;            /* server transactions outside dialogs by From tag, Call-ID and CSeq (8.2.2.2) */
	struct list client_list, server_list;
	size_t held_bytes;            /* of the messages that server transactions keep */
	uint64_t last_number;
};

struct client_transaction {
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
	struct sip_message *response; /* the last one sent, or NULL */
	struct sip_source source;
	enum sip_method method;
	uint32_t cseq;
	char *method_name;
	char *to_tag;                 /* that of the request, for RFC 2543 matching; "" without */
	char *answer_tag;             /* the To tag that the user answers with, once it has said so; NULL */
	struct map_node by_merge;
	char *merge_key;              /* NULL: inside a dialog */
	enum err sent_err;            /* how sending the last response went */
	bool answered;                /* a final response was sent */
	bool handling;                /* the user is being told about the request */
	bool internal;                /* CANCEL and merged requests: the user knows nothing of it */
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
/** Make this the response to be sent from now on. */
void server__take(struct server_transaction *st, struct sip_message *response);
/** The action for transport errors: the user was told by transaction_respond() or will be by server_gone. */
void server__note_error(struct transaction *transaction, struct sip_message *none);
/** A 100 (Trying) of our own. */
void server__send_trying(struct server_transaction *st);
