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

enum { DIGEST_CACHE_MAX = 64, DIGEST_REALMS_MAX = 8, DIGEST_HOMES_MAX = 64 };

struct digest_cache;
struct digest_cache *digest_cache_new(struct random *random);
void digest_cache_free(struct digest_cache *cache);

/*
 * With which further requests credentials are sent ahead of a challenge: those for a proxy with all that go to the same
 * next hop (22.3), those for a server with the rest of the dialog, registration or attempt only: they are long, and the
 * next one may be answered by another server.
 */
struct digest_scope {
	struct slice hop;  /* names the next hop: for answers to Proxy-Authenticate */
	struct slice call; /* Call-ID: for answers to WWW-Authenticate */
};

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

/* Where a request goes. */
enum digest_place {
	DIGEST_ANY_PLACE,
	DIGEST_REGISTRAR, /* this is a REGISTER of the identity: the place is its registrar from now on */
	DIGEST_ELSEWHERE, /* a REGISTER that was redirected */
};
/**
 * Is the place where a request goes one of the identity's own: may it see what can be made of the password, and name
 * realms?
 *
 * It is when its name is the host of identity.uri or of a preloaded route, when the identity registers there, or when
 * it is at an address where one of those was found before (a proxy that puts its address into Record-Route). A host
 * that others have named, in a 3xx or as one of identity.strange_routes, is such a place when it lies within a domain
 * that is.
 * @param host       the name that was looked up, as sip_uri_hop_host() has it
 * @param address    what was found
 * RFC 3261 22.1, 22.3
 */
bool digest_trusts_hop(struct digest_cache *cache, const struct profile *profile, struct slice host,
		       const struct address *address, enum digest_place place);
/** Is it an address where a request of any identity found one of its own hosts? */
bool digest_knows_host(const struct digest_cache *cache, const struct address *host);
/* May a realm be answered that the identity has not met before? */
enum digest_learning {
	DIGEST_LEARNS_NOTHING, /* in dialogs that others began: whoever calls could ask for a digest of our password */
	DIGEST_LEARNS_OWN,     /* once a registrar has named one, only what is called as the identity's domain or
				  proxy: whoever is called could ask as well */
	DIGEST_LEARNS,         /* REGISTER: the registrar's */
};
/**
 * Learn the challenges of a 401 or 407 that came from one of the identity's own hosts.
 * @param scope     credentials are sent again only with requests of the same scope
 * @return CHALLENGE_ANSWERED: digest_authorize() has something new to say, try again; else why not
 * RFC 3261 22.1 to 22.3, RFC 7616 3.3 and 3.6, RFC 8760 2.4
 */
enum challenge_end digest_challenge(struct digest_cache *cache, const struct profile *profile,
				const struct digest_scope *scope, const struct sip_message *response,
				enum digest_learning learning, struct digest_tries *tries) MUST_CHECK;
/** A 2xx may bring the nonce for the next request (Authentication-Info; RFC 7616 3.5). */
void digest_next_nonce(struct digest_cache *cache, const struct profile *profile, const struct digest_scope *scope,
		       const struct sip_message *response, const struct digest_tries *tries);
/** Add Authorization and Proxy-Authorization lines for every realm known in this scope. The body counts for auth-int
 * only. */
void digest_authorize(struct digest_cache *cache, const struct profile *profile, const struct digest_scope *scope,
		      struct sip_draft *draft, struct digest_tries *tries);
