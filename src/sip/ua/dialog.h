/* Dialogs (RFC 3261 12): route set, remote target, CSeq numbers. What a dialog is used for are usages, which it knows
 * by their ops only. */
#pragma once

#include "sip/ua/request.h"

struct dialog;
struct usage;

struct usage_ops {
	/** A request inside the dialog (not ACK, not OPTIONS) in order. @return true: it was taken and is or will be
	 * answered */
	bool (*request)(struct usage *usage, struct server_transaction *st, struct sip_message *request,
			const struct sip_source *source);
	/** The ACK of a 2xx. */
	void (*ack)(struct usage *usage, struct sip_message *ack);
	/** A 2xx to INVITE whose transaction is gone. */
	void (*success)(struct usage *usage, struct sip_message *response);
};

/* A member of the thing that uses a dialog (a session's leg). */
struct usage {
	struct list_node node;
	const struct usage_ops *ops;
};

enum {
	DIALOG_ROUTES_MAX = 70,            /* hops that Max-Forwards lets a request make */
	DIALOG_ROUTE_BYTES_MAX = 16 * 1024, /* of all routes: what we send must still fit a message */
};

struct dialog {
	struct map_node node;
	unsigned references;
	struct ua *ua;
	struct list usages;
	char *id; /* key of the map */
	char *call_id, *local_tag, *remote_tag;
	char *local, *remote; /* From and To of our requests, with tags */
	char *remote_target; /* as a Request-URI */
	char **routes; /* values of Route: "<sip:p1.example.com;lr>" */
	size_t route_count;
	uint32_t local_cseq, remote_cseq;
	bool has_remote_cseq, ours; /* ours: we sent the request that made it, so its Call-ID is ours */
	char *scope;                /* of credentials */
};

/** Made by a response to our request: a 1xx with a To tag, or a 2xx (12.1.2). `scope` is that of the request's
 * credentials. Its owner frees it. */
struct dialog *dialog_new_client(struct ua *ua, const struct sip_message *request, const struct sip_message *response,
				 struct slice scope);
/** Made by a request that we answer with this tag (12.1.1). */
struct dialog *dialog_new_server(struct ua *ua, const struct sip_message *request, struct slice local_tag);
/** Can the dialog of this INVITE be kept? @return false: its Record-Route leads through more hops than a request can
 * make, answer 513 */
bool dialog_can_begin(const struct sip_message *request) MUST_CHECK;
/** Made by the NOTIFY that answers a SUBSCRIBE or REFER of ours (RFC 6665 4.4.1): the route set is its own.
 * @param local  From of our request, with its tag; @param cseq  its number */
struct dialog *dialog_new_notified(struct ua *ua, const struct sip_message *notify, struct slice local, uint32_t cseq,
				   struct slice scope);
/** One more owner. */
struct dialog *dialog_ref(struct dialog *dialog);
/** For each owner once; usages must have left before the last. NULL is harmless. */
void dialog_free(struct dialog *dialog);
/** The dialog that an incoming message belongs to, or NULL. */
struct dialog *dialog_find(struct ua *ua, const struct sip_message *message);
/** By its parts as we see them; NULL: none. */
struct dialog *dialog_find_by(struct ua *ua, struct slice call_id, struct slice local_tag, struct slice remote_tag);
/** Requests find it no more (its session has ended), its owner still holds it. Not while subscriptions use it too: then
 * it ends with the last of them (RFC 5057 4.1). */
void dialog_hide(struct dialog *dialog);
void dialog_add_usage(struct dialog *dialog, struct usage *usage);

/** Is this the tag of the other side? */
bool dialog_has_remote_tag(const struct dialog *dialog, struct slice tag);
/** The 2xx is what counts for the route set (13.2.2.4). One that no request can follow leaves none: then requests go
 * straight to the remote target. */
void dialog_confirm(struct dialog *dialog, const struct sip_message *response);
/** The next request must be numbered above this (12.2.1.1). */
void dialog_raise_cseq(struct dialog *dialog, uint32_t number);
/** Target refresh: the Contact of a request or 2xx (12.2). One that is no target, or longer than a URI may be, or no
 * sips URI where the target has been one (26.2.2), changes nothing. */
void dialog_refresh(struct dialog *dialog, const struct sip_message *message);
/** May this request be acted on (12.2.2)? Its CSeq number is kept when it may. @return false: lower than one seen,
 * answer 500 */
bool dialog_in_order(struct dialog *dialog, const struct sip_message *request) MUST_CHECK;
/** The draft of a request inside the dialog: Request-URI, Route, Max-Forwards, From, To, Call-ID, CSeq to be. Never
 * NULL. */
struct sip_draft *dialog_draft(struct dialog *dialog, struct slice method, bool *strict);

/**
 * Where its next request goes, as far as that can be said without looking up a name: the protocol, and the address of a
 * literal or of an open connection (another one is empty). @return false: neither route set nor target says it
 */
bool dialog_way(struct dialog *dialog, struct sip_target *way);

/* The ACK of a 2xx (13.2.2.4): located by the route set, sent again whenever the 2xx comes again. */
struct ack {
	struct list_node node; /* its owner's */
	struct ua *ua;
	struct profile *profile;
	struct hop hop;
	struct sip_draft *draft;
	struct sip_target target;
	struct sip_message *sent; /* NULL until it was sent */
	uint32_t cseq;
	bool strict;
	bool upgraded; /* TCP in place of UDP because of its size; `place` says which of hop.targets it was meant for */
	size_t place;
	unsigned repeats;
	enum err err; /* why it could not be sent */
};

/**
 * Send the ACK for the INVITE of ours that got a 2xx.
 * @param invite  as sent: its CSeq number and credentials are repeated
 * @param body    the answer to an offer in the 2xx; may be empty
 * @param profile  whose credentials they are: they go to its own hosts only; a reference is taken
 * @return owned by the caller
 */
struct ack *ack_send(struct dialog *dialog, const struct sip_message *invite, struct slice body,
		     struct profile *profile);
/** The 2xx came again: so does the ACK, or the search for a way for it. One that size alone sent by TCP has not got
 * there: it goes by UDP (18.1.1). Each second time it goes to the next target. */
void ack_repeat(struct ack *ack);
/** Nothing of it was ever sent, and nothing is tried at this time: `err` says why. */
bool ack_is_lost(const struct ack *ack);
/** NULL is harmless. */
void ack_free(struct ack *ack);
