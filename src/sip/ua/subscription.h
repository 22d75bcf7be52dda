/*
 * A subscription of ours (RFC 6665 4.1): SUBSCRIBE, its refreshes, and the NOTIFYs that come. A usage of a dialog,
 * which the first NOTIFY makes, be it before or after the 2xx.
 *
 *   WAITING (notify_wait) -> PENDING | ACTIVE -> TERMINATED, and from there, where the reason allows it, once more
 *
 * A forked SUBSCRIBE may make several dialogs: branches, numbered from 0. Packages that allow but one refuse the others
 * with 481.
 *
 * REFER makes a subscription without SUBSCRIBE (RFC 3515 2.4.4): `method` REFER with Refer-To among the extra header
 * lines, event "refer", `keep` false; inside a call give the call's dialog. `notify` then brings the sipfrag bodies, a
 * 2xx with Refer-Sub: false (RFC 4488) ends it with the reason "norefersub". The other side of it is notifier.h.
 */
#pragma once

#include "sip/ua/package.h"
#include "sip/ua/ua.h"

struct dialog;
struct subscription;

struct subscription_handlers {
	/** SUBSCRIBE or REFER was accepted. May be NULL. */
	void (*accepted)(void *arg, struct subscription *subscription, const struct sip_message *response);
	/**
	 * A NOTIFY of this subscription, answered when this returns.
	 * @return 0: 200; else the status to refuse its body with (415, 400); the subscription goes on all the same
	 */
	unsigned (*notify)(void *arg, struct subscription *subscription, int branch, const struct sip_message *notify,
			   const struct package_state *state);
	/**
	 * It is over: refused (`outcome` has the response), or terminated for `reason`: one of the notifier's
	 * ("rejected", "noresource" ...; "" when it gave none), or ours: "refused" (by a final response), "silent"
	 * (2xx, but no NOTIFY within timer N), "expired", "norefersub", "unsubscribed".
	 * @param retry_us  another begins by itself after this pause; -1: none will, this is the last call
	 */
	void (*ended)(void *arg, struct subscription *subscription, const struct outcome *outcome, const char *reason,
		      int64_t retry_us);
	void *arg;
};

struct subscription_config {
	const struct identity *identity; /* copied */
	struct slice method;             /* empty: SUBSCRIBE; REFER */
	struct slice target;             /* the Request-URI; unused with `dialog` */
	struct slice event, id;          /* "presence"; ;id= or empty */
	struct slice accept;             /* Accept; empty: the line is left out */
	struct slice content_type, body;
	const struct extra_header *extra;
	size_t extra_count;
	uint32_t expires;      /* seconds asked for; 0: one NOTIFY only (4.4.3) */
	bool forks;            /* the package allows several dialogs */
	bool keep;             /* subscribe again after an end that is not for good */
	struct dialog *dialog; /* inside this one (a reference is taken); NULL: of its own */
	struct subscription_handlers handlers;
};

/**
 * Subscribe now. No handler is called before this returns.
 * @return owned by the caller: subscription_free()
 * Errors: as of ua_request()
 */
struct subscription *subscription_new(struct ua *ua, const struct subscription_config *config, enum err *err);
/** Forget it without a word: further NOTIFYs get 481. No handler is called any more. Allowed in its own handlers; NULL
 * is harmless. */
void subscription_free(struct subscription *subscription);
/** Unsubscribe (Expires: 0); `ended` tells when the last NOTIFY came, or the attempt failed. */
void subscription_stop(struct subscription *subscription);
/** Fetch the state again by a refresh (4.4.3); after an end that is being waited out, subscribe now. */
void subscription_refresh(struct subscription *subscription);
enum subscription_state subscription_state(const struct subscription *subscription);
/** Seconds until it ends unless refreshed, 0 when there is none. */
uint32_t subscription_left(const struct subscription *subscription);
