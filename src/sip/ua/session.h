/*
 * An INVITE session (RFC 3261 13, 14, 15): from the first INVITE to its end, as caller or callee, with its (early)
 * dialogs.
 *
 * Offers and answers are opaque bodies; session knows whose turn it is (RFC 3264, 3261 13.2.1, 14) and asks phone/ by
 * handlers.
 *
 *   caller:  CALLING -> PROCEEDING -> EARLY -> CONFIRMED -> TERMINATED
 *   callee:  INCOMING -> EARLY (180/183 sent) -> CONFIRMED -> TERMINATED
 */
#pragma once

#include "sip/syntax/kept.h"
#include "sip/ua/ua.h"

enum session_state {
	SESSION_CALLING,
	SESSION_PROCEEDING,
	SESSION_INCOMING,
	SESSION_EARLY,
	SESSION_CONFIRMED,
	SESSION_TERMINATED
};
/** "calling", "proceeding", "incoming", "early", "confirmed", "terminated" */
const char *session_state_name(enum session_state state);

enum { SESSION_TAKEN = 1 };

/* A caller may have several early dialogs (forking). Each has a number, 0 for the first, given in `leg` below. */
struct session_handlers {
	/** A provisional response (100 too: leg -1). */
	void (*provisional)(void *arg, struct session *session, int leg, struct sip_message *response);
	/** The session is up. Callee: 2xx sent (ACK not yet seen). Caller: the chosen 2xx came and was ACKed; `leg` is
	 * the one that answered; others got BYE. `message`: the 2xx that came; a callee gets NULL. */
	void (*answered)(void *arg, struct session *session, int leg, struct sip_message *message);
	/** Callee only: the ACK of our 2xx came. */
	void (*acknowledged)(void *arg, struct session *session);
	/** It was never up and never will be. Last call. When we made it end ourselves (reject, hangup) it comes in a
	 * turn of its own, soon after. */
	void (*failed)(void *arg, struct session *session, const struct outcome *outcome);
	/** It was up and has ended: by the peer's BYE (`request`), by us, or because a timer or the transport gave up.
	 * Last call; our BYE may still be on its way. */
	void (*ended)(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		      struct sip_message *request);
	/** The peer's offer, in INVITE, re-INVITE (or 2xx to an INVITE of ours without offer). Write the answer.
	 * @return 0, or the status to refuse with (488) */
	unsigned (*offer)(void *arg, struct session *session, int leg, const struct sip_message *message,
			  struct buf *answer);
	/**
	 * The peer's answer to our offer, in 1xx (early: final false) or 2xx or ACK. When the 2xx has no body because a
	 * 1xx carried it, `message` is that 1xx once more with `final`. @return false: not usable; the session is ended
	 * (`failed` or `ended` with CAUSE_MEDIA)
	 */
	bool (*answer)(void *arg, struct session *session, int leg, const struct sip_message *message, bool final);
	/** Write an offer for this leg: the peer's INVITE had none, so our response brings one; or a re-INVITE or
	 * UPDATE of ours is about to leave. */
	void (*make_offer)(void *arg, struct session *session, int leg, struct buf *offer);
	/** Our re-INVITE ended: status 200, or why not (the session stands unless `ended` follows). */
	void (*reinvited)(void *arg, struct session *session, const struct outcome *outcome);
	/** The peer's re-INVITE was accepted (after offer/answer). */
	void (*peer_reinvited)(void *arg, struct session *session, struct sip_message *request);
	/** Our UPDATE ended: status 200, or why not. May be NULL. */
	void (*updated)(void *arg, struct session *session, const struct outcome *outcome);
	/** The peer's UPDATE was accepted (after offer/answer, if it brought an offer). May be NULL. */
	void (*peer_updated)(void *arg, struct session *session, struct sip_message *request);
	/** The session timer had the session refreshed by us: status 200, or why not. `method`: UPDATE or INVITE. May
	 * be NULL. */
	void (*refreshed)(void *arg, struct session *session, struct slice method, const struct outcome *outcome);
	/**
	 * Any other request inside the dialog (INFO, REFER ...).
	 * @return the status to answer, 0 for 405/501 by the ua, SESSION_TAKEN: it was answered. May be NULL
	 */
	unsigned (*request)(void *arg, struct session *session, struct server_transaction *st,
			    struct sip_message *request);
	void *arg;
	/**
	 * Our first INVITE is about to leave for `remote`: with another offer, because that address cannot use what the
	 * last one names (another family of addresses after a fail-over)? Write it. @return false: the last one is
	 * good. May be NULL
	 */
	bool (*offer_for)(void *arg, struct session *session, const struct address *remote, struct buf *offer);
	/** The offer that our 2xx to the peer's re-INVITE brought has no answer that could be used: what was agreed
	 * before stands (14.1). May be NULL. */
	void (*offer_lost)(void *arg, struct session *session);
	/** An offer of ours in a request is about to leave for this target. @return false: nobody there, or on the way
	 * there, shall read it: it does not go (ERR_NO_ROUTE). May be NULL. */
	bool (*may_offer_to)(void *arg, struct session *session, const struct sip_target *target);
	/** An offer that came in a response and was refused by `offer`: ACK and PRACK must bring an answer all the
	 * same, one that takes nothing. Nothing is written: there is none. May be NULL. RFC 3261 13.2.2.4 */
	void (*refuse)(void *arg, struct session *session, const struct sip_message *message, struct buf *answer);
};

/* What a redirected call goes on with: the same To, From tag and Call-ID, the CSeq rising (8.1.3.4). */
struct call_thread {
	char *to, *local_tag, *call_id; /* NULL: no call yet */
	uint32_t cseq;
};
/** Free what it holds and empty it. */
void call_thread_fini(struct call_thread *thread);

struct call_config {
	const struct identity *identity; /* copied */
	struct slice target;             /* Request-URI and To */
	struct slice offer;              /* SDP; empty: INVITE without offer */
	struct slice content_type, body; /* a body of the user's beside it; may be empty */
	const struct extra_header *extra;
	size_t extra_count;
	const struct session_options *options; /* copied; NULL: those of the ua */
	const struct call_thread *thread; /* of the call that was redirected here, copied; NULL: a new call */
	int64_t timeout_us; /* CANCEL when not answered by then; 0: none */
	struct session_handlers handlers;
};

/**
 * Invite. Never calls back before it returns.
 * @return owned by the ua, valid until failed or ended was called
 * Errors: ERR_SYNTAX the target, identity or a header name is not well formed; ERR_UNSUPPORTED the target's scheme (tel
 * without a route too); ERR_EXISTS an extra header line that we write ourselves A 3xx is a failure whose response is
 * handed up: phone may dial its Contacts anew.
 */
struct session *session_call(struct ua *ua, const struct call_config *config, enum err *err);
void session_set_handlers(struct session *session, const struct session_handlers *handlers);
/** Callee: whose name goes into our Contact and whose credentials answer challenges later; copied. Set in `incoming`.
 */
void session_set_identity(struct session *session, const struct identity *identity);
/** Callee: when nobody answers it ends with 480 after this, in place of ua_settings.ring_timeout_us; 0: never. Set in
 * `incoming`. */
void session_set_ring_timeout(struct session *session, int64_t timeout_us);

enum session_state session_state(const struct session *session);
bool session_is_caller(const struct session *session);
struct slice session_call_id(const struct session *session);
/** Caller: what a redirection goes on with, into an empty or used `thread`; owned by the caller. */
void session_thread(const struct session *session, struct call_thread *thread);
/** From/To of the first INVITE: the peer's address as it stood; borrowed. */
const struct sip_address *session_peer(const struct session *session);
/** The dialog that counts now, or NULL: for subscriptions inside it. */
struct dialog *session_dialog(const struct session *session);
/** In `offer` and `make_offer`: where what they write is sent next, so who may read it; of the address only its family
 * and whether it is this host count where a name is still to be looked up. NULL: that is not known before
 * `may_offer_to`. Borrowed. */
const struct sip_target *session_way(const struct session *session);
/** Where our requests in it go: the peer's Contact; or NULL. Borrowed. */
const char *session_remote_target(const struct session *session);
/** The value of the Replaces (RFC 3891) by which somebody else takes our place at the peer. @return false: no dialog is
 * confirmed */
bool session_print_replaces(const struct session *session, struct buf *to);
/** In `incoming`: the session whose place the caller takes by Replaces: end it once this one is answered, which needs
 * no ringing. NULL: none. */
struct session *session_replaced(const struct session *session);
/** In `incoming`: the confirmed session that the caller wants to take part in by Join (RFC 3911). NULL: none. */
struct session *session_joined(const struct session *session);
/** The last message sent and received, for `sent.HEADER` and `received.HEADER`; may be NULL; borrowed. */
const struct sip_message *session_last_sent(const struct session *session);
const struct sip_message *session_last_received(const struct session *session);
/** What these say, for when the session is gone. */
void session_copy_last(struct session *session, struct sip_kept *sent, struct sip_kept *received);

/**
 * Callee. 180 or 183 (any 101-199); `body` may be empty. With SDP in 183 the body is the answer to the INVITE's offer.
 * It goes reliably (RFC 3262) where the caller requires that, where we do and the caller can, and with a body where the
 * caller can. To an INVITE without offer `make_offer` is asked for the one that the first reliable 1xx must bring.
 * While one waits for its PRACK the next one waits too. ERR_STATE: too late.
 */
enum err session_progress(struct session *session, unsigned status, struct slice body) MUST_CHECK;
/** Callee: 200, once the PRACK of a reliable 1xx with a description has come. `offer` or `make_offer` is called for the
 * body unless a 1xx carried it. ERR_MEDIA: the offer was refused, 488 was sent. */
enum err session_answer(struct session *session) MUST_CHECK;
/** Why the next 488 or 606 of this session is sent: a code of Warning (RFC 3261 20.43); 0: none of those there are. */
void session_set_warning(struct session *session, unsigned code);
/** Callee: a final refusal 300-699; `contact` for 3xx; `reason` empty: the phrase. ERR_STATE: too late. */
enum err session_reject(struct session *session, unsigned status, struct slice reason, struct slice contact) MUST_CHECK;
/** Whatever ends it from here: CANCEL, BYE (after the ACK came, as 15 asks), or 480 while incoming. `reason`: value of
 * a Reason header, may be empty. */
void session_hangup(struct session *session, struct slice reason);
/** It was hung up before anybody answered: the CANCEL leaves with the first answer, the call lives on until then, or
 * until its INVITE has run out of time. RFC 3261 9.1 */
bool session_cancels_later(const struct session *session);
/**
 * re-INVITE with this offer (empty: without offer). Waits for a pending one of ours and for the ACK of our 2xx;
 * `reinvited` tells the end. Of several that wait the last counts. 491 is retried after 14.1's pause; 481, 408 and
 * silence end the session (12.2.1.2). ERR_STATE: not up
 */
enum err session_reinvite(struct session *session, struct slice offer) MUST_CHECK;
/** Does a call of ours wait for its final answer, after a request that went by this protocol to this address? */
bool session_waits_on(const struct session *session, enum sip_protocol protocol, const struct address *remote);
/** The same with an offer that `make_offer` is asked for when it can leave. */
enum err session_reoffer(struct session *session) MUST_CHECK;
/**
 * UPDATE (RFC 3311) in the answered dialog, or in the early one that counts: refreshes targets, and with `offer` brings
 * what `make_offer` writes, once no other offer is pending. Waits for its turn; `updated` tells the end; 491 is
 * retried. Of several that wait the last counts.
 * Errors: ERR_STATE no dialog; ERR_UNSUPPORTED the peer has said that it does not take UPDATE, or (with `offer`) the
 * first offer is not answered yet
 */
enum err session_update(struct session *session, bool offer) MUST_CHECK;
/**
 * The next response of ours to its INVITE, or the next re-INVITE, UPDATE or BYE, carries these lines and this body too
 * (beside a session description as multipart/mixed, RFC 5621). A CANCEL takes nothing. What was said before and not
 * sent yet is forgotten. Errors: ERR_SYNTAX a header name is no token; ERR_EXISTS a header line that we write ourselves
 */
enum err session_say_also(struct session *session, const struct extra_header *extra, size_t count, struct slice type,
			  struct slice body) MUST_CHECK;
/** The session timer (RFC 4028). @return false: none runs. `left_s` [s] to the end or the next refresh. */
bool session_interval(const struct session *session, uint32_t *interval_s, bool *we_refresh, uint32_t *left_s);
/**
 * Any request inside the dialog of an answered or incoming session. The body may be empty. `handler` gets the final
 * outcome, unless the session ends before. 481 and 408 end the session (12.2.1.2). Errors: ERR_STATE there is no
 * dialog; ERR_UNSUPPORTED INVITE, ACK, CANCEL, BYE; ERR_SYNTAX the method or a header name
 * is no token; ERR_EXISTS a header line that we write ourselves
 */
enum err session_request(struct session *session, struct slice method, struct slice content_type, struct slice body,
			 const struct extra_header *extra, size_t extra_count, request_h *handler,
			 void *arg) MUST_CHECK;
/** The network is another one: the face of a NAT that this session's Contact showed is not ours any more. */
void session_forget_face(struct session *session);
