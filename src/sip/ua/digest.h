/*
 * Challenges answered (RFC 3261 22; RFC 2617, 7616, 8760): MD5, SHA-256 and SHA-512-256 with their -sess forms; qop
 * auth, auth-int and none.
 *
 * The cache keeps the last challenge of each realm, so that later requests to the same place carry credentials at once.
 * It keeps no passwords.
 */
#pragma once

#include "base/list.h"
#include "sip/ua/profile.h"

enum { DIGEST_CACHE_MAX = 64, DIGEST_REALMS_MAX = 8 };

struct digest_cache;
struct digest_cache *digest_cache_new(struct random *random);
void digest_cache_free(struct digest_cache *cache);

/* What one request has tried so far: that is how a wrong password is told from a nonce that grew old. */
struct digest_tries {
	struct digest_try {
		bool proxy;
		char *realm, *nonce; /* the nonce that was answered last */
		bool fresh;          /* it came in an answer to this very request */
		bool renewed;        /* a stale nonce was replaced once already */
	} tries[DIGEST_REALMS_MAX];
	size_t count;
};
void digest_tries_fini(struct digest_tries *tries);

/**
 * Learn the challenges of a 401 or 407.
 * @param scope     where the request goes: credentials are sent again only with requests of the same scope
 * @param may_learn may a realm be answered that this identity has not met before? (Not in dialogs that others began:
 * whoever calls us could ask for a digest of our password.)
 * @return true: digest_authorize() has something new to say, try again. False: no password, no challenge that we can
 * answer, or ours was refused RFC 3261 22.1 to 22.3, RFC 7616 3.3 and 3.6, RFC 8760 2.4
 */
bool digest_challenge(struct digest_cache *cache, const struct profile *profile, struct slice scope,
		      const struct sip_message *response, bool may_learn, struct digest_tries *tries) MUST_CHECK;
/** Add Authorization and Proxy-Authorization lines for every realm known in this scope. The body counts for auth-int
 * only. */
void digest_authorize(struct digest_cache *cache, const struct profile *profile, struct slice scope,
		      struct sip_draft *draft, struct digest_tries *tries);
