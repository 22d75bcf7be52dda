/* What the files of digest share: digest.c (challenges read, credentials written), digest_trust.c (who may have
 * them). */
#pragma once

#include "sip/ua/digest.h"

struct digest_cache {
	struct random *random;
	struct list entries;
	size_t entry_count;
	struct list learned;
	size_t learned_count;
	struct list homes;
	size_t home_count;
};

/** Credentials belong to one user at one address: this names both; free(). */
char *digest_owner(const struct profile *profile);
/**
 * May this identity tell this realm what it can make of its password? Whoever is called may answer with a challenge,
 * and nobody sees whether it came from our proxy: so a new realm is met by a REGISTER, or is called as our own domain
 * is. Accounts that do not register have no better way to meet one than to be asked.
 * RFC 3261 22.3
 * @param owner  digest_owner() of the profile
 */
bool digest_trusts_realm(struct digest_cache *cache, const struct profile *profile, const char *owner,
			 struct slice realm, enum digest_learning learning);
/** No place and no realm is known any more: for digest_cache_free(). */
void digest_forget_trust(struct digest_cache *cache);
