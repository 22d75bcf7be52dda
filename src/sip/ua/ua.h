/*
 * sip/ua: the transaction user (RFC 3261 8 to 15, 22). Bodies are opaque here.
 *
 *   profile       a copied identity: From, Contact
 *   hash          MD5, SHA-256, SHA-512-256
 *   digest        challenges answered (22; RFC 7616, 8760); digest_trust: whose
 *   core          what all files share; what has ended waits here for ua_sweep()
 *   hop           Request-URI and Route; where a request goes next
 *   request       one request from its target list to its one final outcome; request_draft: what it begins with,
 *                 request_form: what it becomes where a refusal asks for another form
 *   dialog        12: route set, remote target, CSeq numbers; the ACK of a 2xx
 *   session       13 to 15: an INVITE session, its life and its end. session_leg is one of its dialogs, session_client
 *                 calls, session_server is called, session_reinvite changes (14), session_update too (RFC 3311),
 *                 session_reliable has PRACK (RFC 3262), session_timer ends what is silent (RFC 4028),
 *                 session_requests sends all others in the dialog, session_also adds what the user wants said,
 *                 session_describe asks for offers and answers, and says who can read them
 *   package       Event and Subscription-State
 *   subscription  RFC 6665: ours to others, made by SUBSCRIBE or REFER; subscription_branch one of its dialogs
 *   notifier      RFC 6665: others' to us
 *   publication   RFC 3903: event state kept at a server
 *   outbound      RFC 5626, 5627, 3608: what a REGISTER says and learns beside its binding
 *   registration  10: one binding kept alive; registration_flow: where we are seen, and by which connection;
 *                 registration_response: what a registrar says of it
 *   ua            requests that come in: 404/405/406/415/416/420/481/501, OPTIONS
 *
 * session_internal.h and its like (digest, subscription, notifier, registration) are what the files of one object
 * share.
 *
 * Above it stands phone/, reached only by the handlers given at creation. What a handler is lent (messages, slices)
 * lives until it returns. Objects are never freed inside their own handler: they die at ua_sweep(), at the end of the
 * turn.
 */
#pragma once

#include "sip/transaction/transaction.h"

struct ua;
struct session;
struct registration;

/* What answers the challenges of one realm. */
struct credential {
	const char *realm, *user, *password; /* user NULL: that of the identity */
};
enum { CREDENTIALS_PER_IDENTITY = 8 };

/* Who we are in one request: an account, or nobody in particular. Borrowed; must outlive what was made with it unless
 * stated. */
struct identity {
	const char *uri;           /* "sip:alice@atlanta.com": From, and To of REGISTER */
	const char *display;       /* or NULL */
	const char *auth_user;     /* NULL: the user part of uri */
	const char *password;      /* NULL: challenges are not answered */
	const char *realm;         /* only this realm is answered; NULL: those met at the account's own servers */
	struct credential credentials[CREDENTIALS_PER_IDENTITY]; /* of single realms, before the above */
	size_t credential_count;
	const char *const *routes; /* preloaded Route URIs in order (outbound proxy ...), NULL-ended, or NULL */
	size_t strange_routes; /* so many at their end others have named: no places of our own (digest_trust.c) */
	const char *contact_user;  /* user part of our Contact; NULL: that of uri */
	bool has_contact;          /* the outside face of the NAT as a registration saw it: */
	struct address contact;    /* host and port of Contact in place of the local ones */
	enum sip_protocol contact_protocol;
	const char *gruu, *temporary_gruu; /* Contact of what begins a dialog (RFC 5627), or NULL; temporary: for the
					    * anonymous */
	bool ob; /* further requests of our dialogs shall come by the flow that we opened (RFC 5626 4.3) */
	bool has_protocol; /* transport of this account, where the target names none */
	enum sip_protocol protocol;
	bool asserts; /* a proxy of ours believes us: P-Asserted-Identity in place of P-Preferred-Identity (RFC 3325) */
	bool no_identity; /* neither of both */
	unsigned security; /* how TLS is spoken (sip_target.security) */
	bool anonymous; /* From: "Anonymous" <sip:anonymous@anonymous.invalid>, Privacy: id */
};

/* Header lines that the user adds to a request (header=Name:value). */
struct extra_header {
	struct slice name, value;
};

/* Why something failed, where no response tells. */
enum cause {
	CAUSE_NONE,
	CAUSE_RESPONSE,
	CAUSE_DNS,
	CAUSE_CONNECT,
	CAUSE_TIMEOUT,
	CAUSE_TLS,
	CAUSE_AUTH,
	CAUSE_REFUSED,
	CAUSE_CANCELLED,
	CAUSE_MEDIA,
	CAUSE_LOCAL
};
/** "timeout", "dns" ...: the words of the `cause` key of events. */
const char *cause_name(enum cause cause);

/* What became of a challenge (401, 407). */
enum challenge_end {
	CHALLENGE_ANSWERED,
	CHALLENGE_REFUSED,       /* what was answered was not taken */
	CHALLENGE_NO_PASSWORD,   /* there is none to answer it with */
	CHALLENGE_STRANGE_HOST,  /* withheld: the host is none of the identity's own */
	CHALLENGE_STRANGE_REALM, /* withheld: the host is, but the realm is not */
	CHALLENGE_UNREADABLE,    /* not Digest, or of a kind that we cannot do */
};

struct outcome {
	unsigned status; /* final SIP status; made up by us where none came: 408 after a timeout, 503 after a transport
			    error (8.1.3.1) */
	struct slice reason; /* its phrase, as received (raw) or ours */
	enum cause cause;    /* what really happened */
	enum err err;
	enum challenge_end challenge;     /* with CAUSE_AUTH: why there is no more than that */
	struct sip_message *response; /* NULL when none came; borrowed */
	struct sip_message *request;  /* of the peer, that ended it: CANCEL; or NULL; borrowed */
};

enum reliable_mode { RELIABLE_OFF, RELIABLE_SUPPORTED, RELIABLE_REQUIRED };
enum timer_mode { TIMER_OFF, TIMER_OPTIONAL, TIMER_REQUIRED, TIMER_ALWAYS };
enum { SESSION_INTERVAL_LEAST_S = 90 }; /* RFC 4028 4 */

/* Which extensions a session uses, and how. */
struct session_options {
	enum reliable_mode reliable; /* 1xx with RSeq (RFC 3262): where the caller wants them, or of everybody */
	enum timer_mode timer;       /* RFC 4028: where the peer asks for it; asked for; kept by us alone too */
	uint32_t expires_s, least_s; /* Session-Expires that we ask for, Min-SE [s]; 0: 1800, 90 */
};

struct ua_handlers {
	/**
	 * A new INVITE outside a dialog that asks for a session; 100 has been sent. Set its handlers by
	 * session_set_handlers() before returning, then ring, answer, reject or redirect it, now or later.
	 */
	void (*incoming)(void *arg, struct session *session, struct sip_message *invite,
			 const struct sip_source *source);
	/**
	 * MESSAGE, in a dialog too; SUBSCRIBE to one of ua_settings.events (take it by notifier_accept()); NOTIFY
	 * without a To tag, which no subscription asked for. Its body was not looked at.
	 * @return 0: it was answered or taken; else the status to answer. May be NULL: 405, or 481 for NOTIFY
	 */
	unsigned (*request)(void *arg, struct server_transaction *st, struct sip_message *request,
			    const struct sip_source *source);
	/**
	 * May this request outside a dialog reach us? Asked for all of them but NOTIFY, before `incoming` and
	 * `request`.
	 * @return 0: yes; else the status to answer (404; 503, which gets a Retry-After of some seconds)
	 */
	unsigned (*accept)(void *arg, const struct sip_message *request, const struct sip_source *source);
	/** May be NULL: what this INVITE from outside may use, where it is not what the settings say. */
	void (*options)(void *arg, const struct sip_message *invite, const struct sip_source *source,
			struct session_options *options);
	/** The body that answers OPTIONS (our SDP capabilities) and its type into *type; may leave it empty. */
	void (*capabilities)(void *arg, struct buf *body, struct slice *type);
	/** May be NULL: each packet on the wire. */
	void (*wire)(void *arg, const struct sip_wire *wire);
	/** May be NULL: a connection of ours is open. */
	void (*opened)(void *arg, const struct sip_target *target);
	/** May be NULL. */
	void (*failed)(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		       enum err err);
	void *arg;
};

struct ua_settings {
	char user_agent[128];    /* User-Agent and Server; empty: none */
	int64_t ring_timeout_us; /* an unanswered incoming call ends with 480 after this; 0: never */
	const char *events;      /* packages that others may subscribe to: "presence, dialog"; NULL: none. Not copied */
	size_t max_notifiers;    /* further SUBSCRIBEs get 503; one stranger may hold a quarter of them */
	struct session_options session; /* of sessions that are told nothing else; at first everything is off */
	size_t max_sessions;     /* further INVITEs get 486; one stranger may hold a quarter of them ringing */
};

struct ua *ua_new(const struct sip_world *world, const struct ua_handlers *handlers);
/** Ends everything at once, without a word to the peers. Registrations must have been freed before. */
void ua_free(struct ua *ua);
/**
 * Is there nothing that we owe to anybody? False while a BYE, CANCELled INVITE or REGISTER waits for its answer, a BYE
 * for the ACK that must come before it (15), an ACK for the address it goes to, a refused INVITE for its ACK.
 */
bool ua_is_quiet(const struct ua *ua);
/** 202 to a REFER, and no subscription (RFC 4488): Refer-Sub: false. */
void ua_accept_quietly(struct ua *ua, struct server_transaction *st);
/** Time is up: BYEs that still wait for an ACK leave without it. */
void ua_hurry(struct ua *ua);
struct ua_settings *ua_settings(struct ua *ua);
struct transactions *ua_transactions(struct ua *ua);
/** Free what has ended; call it at the end of each turn. */
void ua_sweep(struct ua *ua);

/* ---- requests outside dialogs: OPTIONS and whatever `request` sends ---- */

struct request;
/** Provisional responses too when `wants_provisional`; the last call has the final outcome. */
typedef void request_h(void *arg, struct request *request, const struct outcome *outcome, bool final);
struct request_config {
	const struct identity *identity; /* copied */
	struct slice method;
	struct slice target; /* the Request-URI */
	struct slice content_type, body;
	const struct extra_header *extra;
	size_t extra_count;
	bool wants_provisional;
	bool stays_on_stream; /* where it is too big for UDP it never goes by it (RFC 3428 8) */
	request_h *handler;
	void *arg;
};
/**
 * Send a request outside any dialog. @return owned by the ua, valid until its final outcome was told
 * Errors: ERR_SYNTAX the target, identity or a header name is not well formed; ERR_UNSUPPORTED the target's scheme (tel
 * without a route too), or a method that is no request of its own (INVITE, ACK, CANCEL); ERR_EXISTS an extra header
 * line that we write ourselves
 */
struct request *ua_request(struct ua *ua, const struct request_config *config, enum err *err);
/** Was it too big for UDP, so that it went by a stream, or should have? */
bool request_was_too_big(const struct request *request);
/** No handler call any more. */
void request_detach(struct request *request);
