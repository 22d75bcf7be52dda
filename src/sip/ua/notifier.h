/*
 * A subscription of somebody to us (RFC 6665 4.2): a usage of a dialog that the SUBSCRIBE makes or finds. Each NOTIFY
 * asks the owner for the state as it is then; one is on its way at a time, so they arrive in order and changes
 * meanwhile are told by one.
 *
 * A REFER that we take (RFC 3515 2.4.4): notifier_accept() from ua_handlers.request, or from a session's `request` with
 * that session's dialog; it answers 202 and sends NOTIFY with what `state` writes (message/sipfrag). Call
 * notifier_changed() on progress and notifier_end(.., "noresource", ..) with the last state. For Refer-Sub: false
 * answer the REFER yourself.
 */
#pragma once

#include "sip/ua/package.h"
#include "sip/ua/ua.h"

struct dialog;
struct notifier;

struct notifier_handlers {
	/** Write the body of a NOTIFY and its type; both may stay empty. */
	void (*state)(void *arg, struct notifier *notifier, struct buf *body, struct slice *type);
	/** It is over: unsubscribed, expired, or the subscriber is gone. The last call; not after notifier_end(). May
	 * be NULL. */
	void (*ended)(void *arg, struct notifier *notifier);
	void *arg;
};

struct notifier_config {
	const struct identity *identity; /* copied */
	uint32_t expires;                /* the longest, and what is granted without Expires; seconds */
	uint32_t least;                  /* shorter ones get 423; 0: any */
	bool pending;                    /* not authorized yet */
	struct dialog *dialog;           /* of a session; NULL: the request makes one */
	struct notifier_handlers handlers;
};

/**
 * Take a SUBSCRIBE or REFER: 200 (202 to REFER) and the first NOTIFY, for which `state` is asked before this returns.
 * @return owned by the ua, valid until `ended` or notifier_end(); NULL: nothing is to be kept, and *status says what
 * was answered: 200 (Expires: 0, it got its only NOTIFY), 423, 400 (no Contact), 503 (too many subscriptions, or of
 *         this host), 513
 */
struct notifier *notifier_accept(struct ua *ua, struct server_transaction *st, struct sip_message *request,
				 const struct notifier_config *config, unsigned *status);
/** The state has changed: NOTIFY, now or after the one that is on its way. */
void notifier_changed(struct notifier *notifier);
/** Authorized after all: pending becomes active. */
void notifier_activate(struct notifier *notifier);
/** The last NOTIFY, terminated for `reason` (a literal; RFC 6665 4.1.3); `ended` is not called. @param retry_after
 * seconds, 0: without */
void notifier_end(struct notifier *notifier, const char *reason, uint32_t retry_after);
