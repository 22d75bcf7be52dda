/* A copy of an identity that lives as long as anything made with it, and the header values that are written from it. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "sip/ua/ua.h"

struct profile {
	unsigned references;
	struct arena arena;
	struct identity identity; /* its texts are in the arena */
	struct sip_uri uri;       /* of identity.uri; empty for nobody in particular */
	struct slice auth_user;   /* for credentials */
};

/**
 * A deep copy with one reference. NULL, or an identity without `uri`, is nobody in particular: requests say they are
 * from anonymous@anonymous.invalid (8.1.1.3).
 * @return NULL: identity.uri is no SIP URI
 */
struct profile *profile_new(const struct identity *identity);
struct profile *profile_ref(struct profile *profile);
/** NULL is harmless. */
void profile_unref(struct profile *profile);
/** Is there any password at all? */
bool profile_has_password(const struct profile *profile);
/** Is there a credential for this very realm? */
bool profile_knows_realm(const struct profile *profile, struct slice realm);
/** What answers this realm, and as whom; NULL: nothing. */
const char *profile_password(const struct profile *profile, struct slice realm, struct slice *user);
/** Add the value of From without its tag: "Alice <sip:alice@atlanta.com>". `open`: as we are, even when the identity is
 * anonymous (REGISTER). */
void profile_from(const struct profile *profile, bool open, struct buf *to);
/**
 * Add our Contact for messages that go to this target: "<sip:alice@192.0.2.4:5060;transport=tcp>".
 * @param user  what stands before the @ when the identity has nothing to say; may be empty
 * @return false: we have no address towards this target (ERR_NO_ROUTE)
 */
bool profile_contact(const struct profile *profile, struct transport *transport, const struct sip_target *target,
		     bool secure, struct slice user, struct buf *to);
