/* What the files of session share: session.c (life, BYE, requests), session_client.c (calling, re-INVITE out),
 * session_server.c (called, re-INVITE in). */
#pragma once

#include "sip/ua/dialog.h"
#include "sip/ua/session.h"

enum {
	LEGS_MAX = 16,   /* dialogs of one call; a 2xx takes the place of the oldest early one */
	ACKS_MAX = 4, /* remembered per leg, for 2xx that come again */
	GLARES_MAX = 10, /* 491 in a row before we give up */
};

/* One dialog of a session: a caller whose INVITE was forked has several, a callee one. */
struct leg {
	struct list_node node;
	struct usage usage;
	struct session *session;
	int number;
	struct dialog *dialog;
	struct list acks;          /* newest first */
	struct sip_message *early; /* the 1xx that carried the answer */
	struct request *bye;
};

/* The peer's INVITE or re-INVITE that is being answered. */
struct invite_server {
	struct server_transaction *st; /* NULL once it is gone */
	struct sip_message *request;
	bool again;     /* a re-INVITE */
	bool pending;   /* no final response yet */
	bool wants_ack; /* 2xx sent, no ACK yet */
	bool offered;   /* our 2xx carried an offer: the ACK brings the answer */
	struct timer repeat, give_up;
	int64_t interval_us;
};

/* A request inside the dialog for somebody above. */
struct errand {
	struct list_node node;
	struct session *session;
	struct request *request;
	request_h *handler;
	void *arg;
};

struct session {
	struct mortal mortal;
	struct list_node node;
	struct ua *ua;
	struct profile *profile;
	struct session_handlers handlers;
	enum session_state state;
	bool is_caller;
	bool counted; /* in ua->session_count: its end was not told */
	char *call_id, *local_tag, *target;
	char *peer_text; /* caller: what peer borrows from */
	struct sip_address peer;
	struct sip_message *first; /* callee: the INVITE */
	struct list legs;
	int leg_count;
	struct leg *leg; /* the one that counts once it is answered */
	struct list errands;

	/* the end */
	struct timer farewell; /* tells the end in a turn of its own */
	struct outcome last_words;
	bool was_up;
	bool bye_waits;           /* for the ACK of our 2xx (15) */
	char *reason;             /* value of the Reason header to be sent */
	unsigned byes, lingering; /* BYEs under way; INVITEs of ours that may yet get a 2xx again */

	/* caller, and re-INVITE of ours */
	char *offer;            /* of the first INVITE; NULL: none */
	uint32_t cseq;          /* of the first INVITE */
	struct request *invite; /* NULL once it has its final response */
	struct sip_message *invite_sent;
	struct timer timeout;
	bool cancelled;
	struct outcome cancel_words; /* why we cancelled */
	struct request *reinvite;
	char *next_offer; /* of the re-INVITE that waits or is under way; "": without */
	bool reinvite_waits;
	bool reinvite_offered; /* the one under way carries an offer */
	bool offer_is_old;     /* the peer's offer came after it was written */
	unsigned glares;
	struct timer glare;

	/* callee, and re-INVITE of the peer */
	struct invite_server server;
	struct sip_target hop;             /* where the INVITE came from: our Contact is what is reached from there */
	struct buf progress;               /* the answer that a 1xx carried */
	struct timer ring, expiry, minute; /* our patience, the caller's (Expires), the next repetition of the 1xx */

	/* what was said last */
	struct {
		struct request *request;
		struct ack *ack;
		struct sip_draft *draft;
		struct sip_message *message;
	} sent;
	struct sip_message *received;
};

/* session.c */
struct session *session_new(struct ua *ua, struct profile *profile, bool is_caller);
struct leg *session_add_leg(struct session *session, struct dialog *dialog);
void session_drop_leg(struct leg *leg);
struct leg *session_find_leg(struct session *session, struct slice remote_tag);
/** Tell the end now, from an event of the network ... */
void session_fail(struct session *session, const struct outcome *outcome);
void session_end(struct session *session, const struct outcome *outcome, bool by_peer, struct sip_message *request);
/** ... or in a turn of its own, when the user made it end. The outcome has no response. */
void session_end_later(struct session *session, struct outcome outcome);
/** Say goodbye to one leg. */
void session_bye(struct leg *leg);
/** Does this answer to a request in a dialog say that dialog or session are gone, or that nobody is there any more
 * (12.2.1.2, RFC 5057 5.1)? */
bool session_is_destroyed_by(unsigned status);
/** BYE, now or after the ACK, and tell why. */
void session_break(struct session *session, struct outcome outcome);
/** Free it when nothing is under way any more. */
void session_settle(struct session *session);
static inline bool session_is_over(const struct session *session)
{
	return session->state == SESSION_TERMINATED;
}
void session_note_request(struct session *session, struct request *request);
/** The request is about to go: keep what it sent last. */
void session_note_done(struct session *session, struct request *request);
void session_note_ack(struct session *session, struct ack *ack);
void session_note_response(struct session *session, const struct sip_draft *draft);
void session_note_received(struct session *session, struct sip_message *message);
/** Answer a request inside the dialog with nothing but its status. */
void session_respond(struct session *session, struct server_transaction *st, unsigned status);

/* session_client.c */
void session_cancel(struct session *session, struct slice reason, struct outcome words);
/** Start the re-INVITE that waits, if nothing stands in its way. */
void session_try_reinvite(struct session *session);
/** A 2xx whose transaction is gone. */
void session_late_success(struct session *session, struct leg *leg, struct sip_message *response);

/* session_server.c */
void session_server_stop(struct session *session);
void session_server_release(struct session *session);
void session_take_ack(struct session *session, struct sip_message *ack);
void session_take_reinvite(struct session *session, struct server_transaction *st, struct sip_message *request);
/** The pending INVITE or re-INVITE gets this final refusal. */
void session_refuse(struct session *session, unsigned status);

/* for ua.c */
struct session *session_incoming(struct ua *ua, struct server_transaction *st, struct sip_message *invite);
/** Is it a call from this host that we have not answered yet? */
bool session_rings_from(const struct session *session, const struct address *host);
void session_peer_cancelled(struct session *session, struct sip_message *cancel);
void session_server_gone(struct session *session, struct server_transaction *st);
/** A fork's 2xx long after: ACK and BYE, when a session remembers the INVITE. */
void session_stray(struct ua *ua, struct sip_message *response);
void session_free_all(struct ua *ua);
