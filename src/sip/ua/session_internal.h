/*
 * What the files of session share: session.c (life, BYE), session_requests.c (other requests in the dialog),
 * session_client.c (calling), session_reinvite.c (re-INVITE out), session_server.c (called, re-INVITE in),
 * session_update.c (UPDATE), session_reliable.c (reliable 1xx, PRACK), session_timer.c (how long it lives without a
 * sign of life), session_also.c (what the user adds to a message), session_describe.c (whom it asks for descriptions).
 */
#pragma once

#include "sip/ua/dialog.h"
#include "sip/ua/session.h"

enum {
	LEGS_MAX = 16,   /* dialogs of one call; a 2xx takes the place of the oldest early one */
	ACKS_MAX = 4, /* remembered per leg, for 2xx that come again */
	GLARES_MAX = 10, /* 491 in a row before we give up, if they take as long as a re-INVITE that nobody answers */
	TOO_SMALL_MAX = 4, /* 422 in a row before we give up */
	PROGRESS_MAX = 4,  /* 1xx that wait for the PRACK of the one before */
};

#define GLARES_US (40 * SECOND_US)

/* Whose offer waits for its answer in a dialog (RFC 3264 4, RFC 6337 2.2)? */
enum offer_turn { TURN_NONE, TURN_OURS, TURN_PEERS };

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
	enum offer_turn turn;
	bool agreed;       /* an exchange of offer and answer was completed for good */
	bool peer_updates, has_allow; /* the peer takes UPDATE, as its last Allow says; it has said one */
	uint32_t rseq, rseq_cseq; /* of the last reliable 1xx taken, and of its INVITE; 0: none yet */
};

/* A 1xx of ours that the caller must acknowledge by PRACK before the next one leaves (RFC 3262 3). */
struct reliable {
	uint32_t rseq;    /* of the last one; 0: none was sent */
	bool outstanding; /* it has no PRACK yet */
	bool described;   /* it carried an offer or answer */
	struct timer repeat, give_up;
	int64_t interval_us;
	struct {
		unsigned status;
		bool described;
	} waiting[PROGRESS_MAX]; /* those that follow */
	size_t waiting_count;
	bool answer_waits; /* our 2xx waits for the PRACK, too */
};

/* RFC 4028. */
struct session_clock {
	bool runs, we_refresh;
	uint32_t interval_s;
	uint32_t asked_s, least_s; /* what a 422 made of our wish */
	unsigned too_small;
	bool expired;
	struct timer refresh, expiry;
};

/* UPDATE of ours. */
struct update_client {
	struct request *request;
	struct leg *leg;
	bool waits, offers, refreshes; /* those of the next one ... */
	bool offered, refreshing;      /* ... and of the one under way ... */
	bool timed;                    /* which may set the clock */
	unsigned glares;
	int64_t glares_since_us;
	struct timer glare;
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
	struct leg *leg;
	struct request *request;
	request_h *handler;
	void *arg;
};

struct session {
	struct mortal mortal;
	struct list_node node;
	/* in ua->ringing: since it came in, until somebody sees that it rings no more */
	struct list_node among_ringing;
	struct ua *ua;
	struct profile *profile;
	struct session_handlers handlers;
	struct session_options options;
	enum session_state state;
	bool is_caller;
	unsigned warning; /* session_set_warning() */
	bool counted; /* in ua->session_count: its end was not told */
	struct pace changes; /* of the peer */
	char *call_id, *local_tag, *target;
	char *peer_text; /* what peer borrows from */
	struct sip_address peer;
	struct session *replaced, *joined; /* while `incoming` runs */
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
	bool offer_renewed;     /* it is another than that of invite_draft */
	char *more_type, *more_body; /* what the first INVITE carries beside it */
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
	bool reinvite_agreed;  /* the one under way had none, and what a 1xx offered was answered */
	bool next_refreshes, reinvite_refreshes; /* nobody asked for it but the session timer */
	struct sip_draft *invite_draft; /* of the first INVITE, to be sent anew after a 422 */
	bool invite_strict;
	bool offer_is_old;     /* the peer's offer came after it was written */
	unsigned glares;
	int64_t glares_since_us;
	struct timer glare;
	struct timer reinvite_limit; /* nothing more is heard of our re-INVITE */

	/* callee, and re-INVITE of the peer */
	struct invite_server server;
	const struct sip_target *way;      /* while a description is asked for: session_way() */
	struct sip_target hop;             /* where the INVITE came from: our Contact is what is reached from there */
	struct buf progress;               /* the answer that a 1xx carried */
	struct reliable reliable;
	struct update_client update;
	struct also *also; /* what the next message of ours carries besides, or NULL */
	struct session_clock clock;
	struct timer ring, expiry, minute; /* our patience, the caller's (Expires), the next repetition of the 1xx */

	/* what was said last */
	struct {
		struct request *request;
		struct ack *ack;
		struct sip_draft *draft;
		struct sip_kept kept;
	} sent;
	struct sip_kept received;
};

/* session.c */
struct session *session_new(struct ua *ua, struct profile *profile, bool is_caller);
struct leg *session_add_leg(struct session *session, struct dialog *dialog);
void session_drop_leg(struct leg *leg);
/** Our INVITE is over: so is a call that the peer could not be told of by ACK, since it gives up now (13.3.1.4). */
void session_check_acks(struct session *session);
/** At the end of the session, with whatever it still is. */
void session_free_leg(struct leg *leg);
void session_drop_errand(struct errand *errand);
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
/** It was sent. Takes over the draft. */
void session_note_response(struct session *session, struct sip_draft *draft);
/** The call stands, for an hour perhaps: keep no more of what was said than has to be kept. */
void session_slim(struct session *session);
void session_note_received(struct session *session, struct sip_message *message);
/** The Warning that a 488 or 606 must have (21.4.26, 21.6.4); nothing to other statuses. */
void session_add_warning(struct session *session, struct sip_draft *draft, unsigned status);
/** Answer a request inside the dialog with nothing but its status. */
void session_respond(struct session *session, struct server_transaction *st, unsigned status);

/** A response inside the dialog with what belongs to an answer that refreshes the target: Contact, Allow, Supported. */
struct sip_draft *session_response(struct session *session, struct server_transaction *st, unsigned status);
/** Send it and forget it. */
void session_send(struct session *session, struct server_transaction *st, struct sip_draft *draft);
/** Contact of ours for the peer that this request came from. */
void session_add_contact(struct session *session, struct sip_draft *draft, const struct sip_message *request,
			 const struct sip_target *hop);
/** What the peer says it can do, in a message of this dialog. */
void session_learn(struct leg *leg, const struct sip_message *message);
/** A request inside this dialog, which ends with it; `event` is told its end. */
struct errand *session_errand(struct leg *leg, struct sip_draft *draft, bool strict, request_h *handler, void *arg);
/** Is there a session description in it? */
bool session_has_sdp(const struct sip_message *message);
/** The dialog that counts now: the answered one, or the early one that has agreed. NULL: none */
struct leg *session_current(const struct session *session);
/** Send what waited: re-INVITE, UPDATE. */
void session_go_on(struct session *session);
/** One more refusal of that kind. @return false: there were too many for too long */
bool session_glares_on(struct session *session, unsigned *glares, int64_t *since_us);
/**
 * Was a re-INVITE or UPDATE of ours refused because it met something that will soon be over: 491 (14.1), or 500 with a
 * Retry-After of the few seconds that 14.2 and RFC 3311 5.2 have in mind? Then it is sent again after this pause. [us]
 */
bool session_was_in_the_way(struct session *session, const struct outcome *outcome, int64_t *pause_us);

/* session_describe.c: the handlers `offer` and `make_offer`, while session_way() tells `way` */
/** The answer to this offer. @return 0, or the status that refuses it */
unsigned session_ask_answer(struct leg *leg, const struct sip_message *offer, const struct sip_target *way,
			    struct buf *answer);
/** The same for an answer that a request of ours in the dialog carries (PRACK, ACK). It has one also where the offer is
 * refused: the one that takes nothing of it. */
unsigned session_ask_own_answer(struct leg *leg, const struct sip_message *offer, struct buf *answer);
/** An offer in a response that goes this way; nothing is written: there is none to be had. */
void session_ask_offer(struct leg *leg, const struct sip_target *way, struct buf *offer);
/** The same for an offer that a request of ours in the dialog carries. */
void session_ask_own_offer(struct leg *leg, struct buf *offer);
/** May the offer that is about to leave go there? */
bool session_may_offer_to(struct session *session, const struct sip_target *target);

/* session_also.c */
/** The last touch to a message of ours: its description (may be empty), and what the user adds to it. */
void session_finish(struct session *session, struct sip_draft *draft, struct slice sdp);
/** One body or two. */
void session_bodies(struct ua *ua, struct sip_draft *draft, struct slice sdp, struct slice type, struct slice body);
void session_also_drop(struct session *session);

/* session_update.c */
void session_take_update(struct leg *leg, struct server_transaction *st, struct sip_message *request);
void session_try_update(struct session *session);
void session_update_stop(struct session *session);
/** The early dialog that ours went in has been dropped: this is its end. What waits is session_go_on()'s. */
void session_update_lost(struct session *session);
/** UPDATE, by the timer. */
void session_refresh_by_update(struct session *session);

/* session_reliable.c */
/** Must this 1xx go reliably? */
bool session_is_reliable(const struct session *session, bool described);
void session_reliable_sent(struct session *session, bool described);
void session_reliable_stop(struct session *session);
void session_take_prack(struct leg *leg, struct server_transaction *st, struct sip_message *prack);
/** A 1xx: @return false: it was heard before, or one before it is missing: ignore it */
bool session_take_rseq(struct leg *leg, const struct sip_message *response);
/** Acknowledge it. */
void session_send_prack(struct leg *leg, const struct sip_message *response, struct slice body);
bool session_wants_prack(const struct sip_message *response);
/** Send the 1xx now. */
enum err session_send_progress(struct session *session, unsigned status, struct slice answer);

/* session_timer.c */
/** Does the peer list this option tag in Supported or Require? */
bool session_peer_supports(const struct sip_message *message, const char *option);
uint32_t session_least_s(const struct session_options *options);
/** Does the request ask for a shorter interval than we want, and can it take a 422? */
bool session_interval_too_small(const struct sip_message *request, const struct session_options *options);
/** What a request of ours asks for. */
void session_clock_ask(struct session *session, struct sip_draft *draft);
/** What our 2xx answers, and from then on the timer runs. */
void session_clock_answer(struct session *session, const struct sip_message *request, struct sip_draft *draft);
/** The 2xx to a request of ours. */
void session_clock_take(struct session *session, const struct sip_message *response);
/** After a 422: @return true: ask again with what it wants */
bool session_clock_retry(struct session *session, const struct sip_message *response);
/** A re-INVITE or UPDATE of ours has ended without 2xx: where it was a refresh, or one came due meanwhile, that is
 * tried again soon. */
void session_clock_failed(struct session *session, const struct outcome *outcome);
void session_clock_stop(struct session *session);

/* session_client.c */
/** ACK for the 2xx to this INVITE, with the answer to its offer (may be empty). */
void session_acknowledge(struct leg *leg, const struct sip_message *invite, struct slice body);
/** @return true: this 2xx was acknowledged before, and now again */
bool session_repeat_ack(struct leg *leg, const struct sip_message *response);
/** Write the answer to the offer that a 2xx must bring where our INVITE had none (13.2.1). @return the status to refuse
 * with, 0: accepted */
unsigned session_take_offer(struct leg *leg, const struct sip_message *response, struct buf *answer);
/** The answer to our offer, in this 2xx or in a 1xx before it. */
bool session_take_answer(struct leg *leg, const struct sip_message *response);
/** A request_prepare_h: our Contact. */
bool session_own_contact(void *arg, struct sip_draft *draft, const struct sip_target *target);
void session_cancel(struct session *session, struct slice reason, struct outcome words);
/* session_reinvite.c */
/** Start the re-INVITE that waits, if nothing stands in its way. */
void session_try_reinvite(struct session *session);
/** re-INVITE, by the timer. */
void session_refresh_by_invite(struct session *session);
/* session_client.c */
/** A 2xx whose transaction is gone. */
void session_late_success(struct session *session, struct leg *leg, struct sip_message *response);

/* session_server.c */
/** Where the answer to a request goes. */
struct sip_target session_source(const struct server_transaction *st);
void session_server_stop(struct session *session);
void session_server_release(struct session *session);
void session_take_ack(struct session *session, struct sip_message *ack);
void session_take_reinvite(struct session *session, struct server_transaction *st, struct sip_message *request);
/** The pending INVITE or re-INVITE gets this final refusal. */
void session_refuse(struct session *session, unsigned status);
/** session_answer() without waiting for a PRACK (RFC 3262 3). Errors: as there */
enum err session_answer_now(struct session *session);

/* for ua.c */
struct session *session_incoming(struct ua *ua, struct server_transaction *st, struct sip_message *invite,
				 const struct session_options *options);
/**
 * Replaces (RFC 3891 3) and Join (RFC 3911 4).
 * @return 0: there is none, or *replaced or *joined is the session it means; else the status to answer: 400, 481, 486,
 * 488, 603
 */
unsigned session_find_named(struct ua *ua, const struct sip_message *invite, struct session **replaced,
			    struct session **joined);
/** Is a BYE or an ACK of it still to leave or to be answered? */
bool session_owes(const struct session *session);
/** A BYE that waits for the ACK of our 2xx leaves now. */
void session_hurry(struct session *session);
/** Did it come in, and is it neither answered nor over? */
bool session_is_ringing(const struct session *session);
/** Is it a call from this host that we have not answered yet? */
bool session_rings_from(const struct session *session, const struct address *host);
void session_peer_cancelled(struct session *session, struct sip_message *cancel);
void session_server_gone(struct session *session, struct server_transaction *st);
/** A fork's 2xx long after: ACK and BYE, when a session remembers the INVITE. */
void session_stray(struct ua *ua, struct sip_message *response);
void session_free_all(struct ua *ua);
