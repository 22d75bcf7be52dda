/* The body of struct ua, what its files share, and the small things that all of them write. */
#pragma once

#include "base/map.h"
#include "sip/ua/digest.h"
#include "sip/ua/ua.h"

/* Something that has ended and is freed by ua_sweep(). A member of the thing. */
struct mortal {
	struct list_node node;
	void (*bury)(struct mortal *mortal); /* frees the thing */
};

struct ua {
	struct sip_world world;
	struct ua_handlers handlers;
	struct ua_settings settings;
	struct transactions *transactions;
	struct digest_cache *digests;
	struct map dialogs;        /* struct dialog, by dialog ID */
	struct list sessions;      /* struct session */
	struct list ringing;       /* of them: those that came in, and were not answered when somebody looked last */
	struct list requests;      /* struct request */
	struct list registrations; /* struct registration */
	struct list subscriptions; /* struct subscription */
	struct list notifiers;     /* struct notifier */
	size_t session_count;      /* sessions whose end was not told yet */
	struct list dead;          /* struct mortal */
	bool closing;              /* ua_free() is at work: nothing is told any more */
};

/** It has ended: free it at the next ua_sweep(). A second call does nothing. */
void core_bury(struct ua *ua, struct mortal *mortal, void (*bury)(struct mortal *mortal));

enum { TAG_CHARS = 12, CALL_ID_CHARS = 24 };
/** A new tag or Call-ID; owned by the caller. */
char *core_token(struct ua *ua, size_t chars);

/** The methods that we take, as Allow lists them. */
struct slice core_allow(void);
/** Understood where it is required, and said by OPTIONS only: nobody needs to know it beforehand (RFC 5373). */
#define OPTION_ANSWER_MODE "answermode"
/**
 * The extensions that we support, as Supported lists them; `options` are those of the session, or of the settings.
 * @param also  one that is of use in this request alone; NULL: none
 */
void core_add_supported(struct sip_draft *draft, const struct session_options *options, const char *also);
/** What a message requires that we do not support, as Unsupported lists it, bounded. @return false: nothing */
bool core_unsupported(const struct sip_message *request, const struct session_options *options, struct buf *list);
/** User-Agent of requests. */
void core_user_agent(struct ua *ua, struct sip_draft *draft);
/** Content-Length aside, a response as 8.2.6 wants it, with Server. */
struct sip_draft *core_response(struct ua *ua, const struct sip_message *request, unsigned status, struct slice reason,
				struct slice to_tag);
/** Answer with status and phrase only (a To tag is made). `draft` (may be NULL) adds header lines before sending. */
typedef void core_add_h(void *arg, struct sip_draft *draft);
void core_respond(struct ua *ua, struct server_transaction *st, unsigned status, core_add_h *add, void *arg);

/** May the user add all these header lines? ERR_EXISTS: one that we write ourselves; ERR_SYNTAX: no header name. */
enum err core_check_extra(const struct extra_header *extra, size_t count) MUST_CHECK;
/** Add them: a single-valued one replaces ours. */
void core_add_extra(struct sip_draft *draft, const struct extra_header *extra, size_t count);

/** An outcome without a response, or of one. */
struct outcome core_outcome(unsigned status, enum cause cause, enum err err);
struct outcome core_outcome_of(struct sip_message *response, enum cause cause);
/** What stands behind a transport error. */
enum cause core_cause(enum err err);
