/* The header fields of event packages (RFC 6665 8.2): which subscription a message is about, and how that stands. */
#pragma once

#include "sip/syntax/message.h"

enum subscription_state {
	SUBSCRIPTION_WAITING, /* SUBSCRIBE sent, no NOTIFY yet (notify_wait) */
	SUBSCRIPTION_PENDING,
	SUBSCRIPTION_ACTIVE,
	SUBSCRIPTION_TERMINATED
};
/** "waiting", "pending", "active", "terminated" */
const char *subscription_state_name(enum subscription_state state);

/* What makes a subscription within a dialog: the Event header. */
struct package_event {
	struct slice name; /* "presence" */
	struct slice id;   /* of ;id=; empty without */
};
/** @return false: there is no Event */
bool package_event_of(const struct sip_message *message, struct package_event *event) MUST_CHECK;
/** Byte by byte, as 8.2.1 asks. */
bool package_event_eq(struct package_event a, struct package_event b);
/** Does a list as "presence, dialog" name this package? */
bool package_is_in(struct slice list, struct slice name);

/** Does this answer to a SUBSCRIBE that refreshes, or to a NOTIFY, say that the subscription is gone (4.1.2.2, 4.2.2;
 * RFC 5057 5.1)? */
bool package_is_ended_by(unsigned status);

/* Subscription-State of a NOTIFY (8.2.3). */
struct package_state {
	enum subscription_state state; /* of an unknown one: active, as its RFC will have to be compatible with */
	bool has_expires, has_retry_after;
	uint32_t expires, retry_after; /* seconds */
	struct slice reason;           /* "timeout"; empty without */
};
/** @return false: there is none */
bool package_state_of(const struct sip_message *notify, struct package_state *state) MUST_CHECK;
