/* One binding at one registrar, kept alive (RFC 3261 10; rport face of RFC 3581; keep-alive; RFC 5626, 5627, 3608). */
#pragma once

#include "sip/ua/ua.h"

enum registration_state {
	REGISTRATION_IDLE,
	REGISTRATION_TRYING,
	REGISTRATION_REGISTERED,
	REGISTRATION_FAILED,
	REGISTRATION_REMOVING
};

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
	/** A REGISTER with this Contact is about to leave. May be NULL. */
	void (*binds)(void *arg, struct registration *registration, struct slice contact);
};

struct registration_config {
	const struct identity *identity; /* copied; also who is registered */
	struct slice registrar;          /* "sip:atlanta.com" */
	uint32_t expires;                /* asked for, seconds */
	const char *instance;            /* this phone, "urn:uuid:..."; NULL: no outbound, no GRUU. RFC 5626 4.1 */
	bool outbound, gruu;             /* ask for which of them */
	unsigned reg_id;                 /* which flow of the instance it is (RFC 5626 4.2); 0: the first */
	struct registration_handlers handlers;
};

/** @return owned by the caller: registration_free(). Errors: ERR_SYNTAX the registrar or identity is no URI */
struct registration *registration_new(struct ua *ua, const struct registration_config *config, enum err *err);
/** Forget it without a word to the registrar; no handler is called any more. Allowed in its own handlers. */
void registration_free(struct registration *registration);
/** Register now, and refresh until stopped. A registrar's 300 to 302 is followed (8.1.3.4). */
void registration_start(struct registration *registration);
/** The network is another one: what was learned of it is forgotten, and a REGISTER goes out at once. */
void registration_network_changed(struct registration *registration);
/** Remove our binding (Expires: 0); `all`: every binding of this address (Contact: *). */
void registration_stop(struct registration *registration, bool all);
/** The next REGISTER that adds our binding removes this one too (Expires 0): an earlier run of ours left it behind. */
void registration_remove_also(struct registration *registration, const char *contact);
/** Would a REGISTER leave from another address of this host now than the one that made our binding did? */
bool registration_has_moved(const struct registration *registration);
/** The registrar that the account's own one has sent us to (3xx), while that is asked and its failure told; NULL: none.
 * Its challenges are answered within the account's own domains only. Borrowed. RFC 3261 8.1.3.4, 22.1 */
const char *registration_elsewhere(const struct registration *registration);
/** The URI of our Contact as last sent; NULL: none was yet. Borrowed. */
const char *registration_contact_uri(const struct registration *registration);
/** Ask for the bindings (REGISTER without Contact). */
void registration_fetch(struct registration *registration);
enum registration_state registration_state(const struct registration *registration);
/** Does a removal wait for the answer to the first REGISTER, so that there is no binding yet? No other REGISTER may go
 * before that answer, or before the time for it is over. 10.2 */
bool registration_is_unanswered(const struct registration *registration);
/** Seconds until the binding expires, 0 when there is none. */
uint32_t registration_left(const struct registration *registration);
/** Is there a binding of ours, or one under way? Then registration_stop() has something to remove. */
bool registration_may_be_bound(const struct registration *registration);
/** The face of the NAT that the registrar saw, where it differs from our own address: goes into identity.contact.
 * @return false: none */
bool registration_contact(const struct registration *registration, struct address *contact,
			  enum sip_protocol *protocol);
/** The Service-Route of the registrar, NULL-ended: Route of our requests outside dialogs, behind the outbound proxy.
 * RFC 3608 6.1 */
const char *const *registration_service_route(const struct registration *registration);
/** Is that of a registrar that a 3xx named, outside of the account's own domains? Then it is followed, but its hosts
 * get no password (identity.strange_routes). */
bool registration_is_strange(const struct registration *registration);
/** The address that leads to this phone alone; `temporary`: one that does not show whose it is. NULL: none. RFC 5627 */
const char *registration_gruu(const struct registration *registration, bool temporary);
/** Does the registrar reach us by the flow that we opened (RFC 5626)? */
bool registration_outbound(const struct registration *registration);
/** Register by other routes (as in struct identity) from now on; a binding that stands is not touched before that. */
void registration_set_routes(struct registration *registration, const char *const *routes);
