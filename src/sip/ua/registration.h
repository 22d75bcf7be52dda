/* One binding at one registrar, kept alive (RFC 3261 10; rport face of RFC 3581; keep-alive). */
#pragma once

#include "sip/ua/ua.h"

enum registration_state {
	REGISTRATION_IDLE,
	REGISTRATION_TRYING,
	REGISTRATION_REGISTERED,
	REGISTRATION_FAILED,
	REGISTRATION_REMOVING
};
/** "idle", "trying", "registered", "failed", "removing" */
const char *registration_state_name(enum registration_state state);

struct registration_handlers {
	/** Registered anew or refreshed; `expires` seconds as the registrar granted. `first`: it was not registered
	 * before. */
	void (*registered)(void *arg, struct registration *registration, uint32_t expires, bool first);
	/** `retry_us`: the next try comes after this; 0: given up (refused for good: wrong password, 403, 404 ...). */
	void (*failed)(void *arg, struct registration *registration, const struct outcome *outcome, int64_t retry_us);
	/** The binding was removed, or (status 300 and above) its removal failed and it may be there still. */
	void (*unregistered)(void *arg, struct registration *registration, const struct outcome *outcome);
	/** After registration_fetch(): a 2xx has the bindings that the registrar keeps as its Contacts. May be NULL. */
	void (*bindings)(void *arg, struct registration *registration, const struct outcome *outcome);
	void *arg;
};

struct registration_config {
	const struct identity *identity; /* copied; also who is registered */
	struct slice registrar;          /* "sip:atlanta.com" */
	uint32_t expires;                /* asked for, seconds */
	struct registration_handlers handlers;
};

/** @return owned by the caller: registration_free(). Errors: ERR_SYNTAX the registrar or identity is no URI */
struct registration *registration_new(struct ua *ua, const struct registration_config *config, enum err *err);
/** Forget it without a word to the registrar; no handler is called any more. Allowed in its own handlers. */
void registration_free(struct registration *registration);
/** Register now, and refresh until stopped. A registrar's 300 to 302 is followed (8.1.3.4). */
void registration_start(struct registration *registration);
/** Remove our binding (Expires: 0); `all`: every binding of this address (Contact: *). */
void registration_stop(struct registration *registration, bool all);
/** Ask for the bindings (REGISTER without Contact). */
void registration_fetch(struct registration *registration);
enum registration_state registration_state(const struct registration *registration);
/** Seconds until the binding expires, 0 when there is none. */
uint32_t registration_left(const struct registration *registration);
/** Is there a binding of ours, or one under way? Then registration_stop() has something to remove. */
bool registration_may_be_bound(const struct registration *registration);
/** The face of the NAT that the registrar saw, where it differs from our own address: goes into identity.contact.
 * @return false: none */
bool registration_contact(const struct registration *registration, struct address *contact,
			  enum sip_protocol *protocol);
