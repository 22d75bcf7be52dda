/* One request from its target list to its one final outcome: what sessions, registrations and ua_request() are made of.
 */
#pragma once

#include "sip/ua/hop.h"

enum request_event {
	REQUEST_PROVISIONAL, /* outcome->response is a 1xx */
	REQUEST_FINAL,       /* the one final outcome */
	REQUEST_AGAIN,       /* INVITE only: a further 2xx, repeated or of another fork, after a final 2xx */
	REQUEST_GONE, /* INVITE only: after a final 2xx, nothing more will come; forget the pointer. `outcome` is NULL
		       */
};
/** Called on the loop's thread, never before request_start() returned. */
typedef void request_event_h(void *arg, struct request *request, enum request_event event,
			     const struct outcome *outcome);
/** Complete the draft of one attempt (Contact ...) for the target it goes to. @return false: it cannot go there
 * (ERR_NO_ROUTE) */
typedef bool request_prepare_h(void *arg, struct sip_draft *draft, const struct sip_target *target);

struct request_spec {
	struct profile *profile; /* a reference is taken */
	struct sip_draft *draft; /* taken over; complete but for Via, CSeq, credentials and what `prepare` adds */
	bool strict;             /* of hop_draft() */
	bool others_dialog;      /* inside a dialog that the peer began: no new realm is answered there */
	bool registers;          /* a REGISTER of the identity: where it goes is the identity's own host */
	bool elsewhere;          /* with registers: but not where a 3xx sends it */
	bool stays_on_stream;    /* too big for UDP it never goes by it */
	bool takes_protocol;     /* the account's transport counts where the URI names none */
	uint32_t *cseq; /* the counter of the sender: raised by one for each attempt; lives until request_detach() */
	struct slice scope;         /* of credentials for proxies; empty: the host of the next hop */
	request_prepare_h *prepare; /* or NULL */
	request_event_h *event;
	void *arg;
};

/**
 * Send it: targets are located, tried in order after a transport error, a timeout or 503; challenges are answered. Each
 * attempt is a new transaction with the next CSeq number; Call-ID and From tag stay.
 * @return owned by the ua; valid until REQUEST_FINAL was told, after a 2xx to INVITE until REQUEST_GONE
 * RFC 3261 8.1, 18.1.1, 22; RFC 3263 4.3
 */
struct request *request_start(struct ua *ua, const struct request_spec *spec);
/** In `prepare`, of any but INVITE: what this attempt sends is not repeated more often. */
void request_send_at_most(struct request *request, unsigned sends);
/** INVITE: CANCEL (9.1), or an end with 487 when nothing was sent yet. No further target is tried. `reason`: value of a
 * Reason header. */
void request_cancel(struct request *request, struct slice reason);
/** Does its CANCEL wait until somebody has answered (9.1)? */
bool request_cancels_later(const struct request *request);
/** The request as last sent, or NULL; borrowed. */
const struct sip_message *request_message(const struct request *request);
/** Where it was last sent; or NULL. */
const struct sip_target *request_target(const struct request *request);
/** The scope of its credentials for proxies, for the requests that follow in its dialog. */
struct slice request_scope(const struct request *request);
/** Tell a request_h what happens, in place of `event` of the spec. */
void request_set_handler(struct request *request, bool wants_provisional, request_h *handler, void *arg);
/** Has every request of ours its final outcome? */
bool request_all_finished(const struct ua *ua);
/** For ua_free(): frees all requests at once. */
void request_free_all(struct ua *ua);
/** A Contact line of the profile for this target. */
bool request_add_contact(struct ua *ua, const struct profile *profile, struct sip_draft *draft,
			 const struct sip_target *target, struct slice user);
/** From with a tag, Privacy for the anonymous, To, Call-ID, CSeq to be, Max-Forwards. */
void request_add_basics(struct sip_draft *draft, const struct profile *profile, bool open, struct slice tag,
			struct slice to, struct slice call_id);
/** To of a request outside a dialog: the target's URI without what 19.1.1 forbids there. */
void request_print_to(struct buf *to, struct slice target);
/** Did it go last to a place where the identity's challenges are answered? See digest_trusts_hop(). */
bool request_is_at_home(struct request *request);
/**
 * Give a request the form that its refusal asks for: 415 text without the charset that it has anyway, 416 a telephone
 * number as a SIP URI of our domain, 420 without what is only claimed to be supported.
 * @return false: there is no such form, or it would not say the same: nothing was changed. True at most a few times
 * for one draft, since each change takes something away. RFC 3261 8.1.3.5
 */
bool request_reshape(struct sip_draft *draft, const struct profile *profile,
		     const struct sip_message *refusal) MUST_CHECK;
/** The draft of a request outside a dialog: the identity's routes, the target. ERR_SYNTAX, ERR_UNSUPPORTED (its scheme,
 * or a tel URI without a route). */
struct sip_draft *request_outside(const struct profile *profile, struct slice method, struct slice target, bool *strict,
				  enum err *err);
