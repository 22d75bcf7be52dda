/* Challenges and credentials: WWW-Authenticate, Proxy-Authenticate, Authorization, Proxy-Authorization. */
#pragma once

#include "sip/syntax/params.h"

struct sip_auth {
	struct slice scheme;   /* "Digest" as it stands */
	struct slice params;   /* comma-separated, as it stands */
};

/** One challenge or credentials; the field is never split at commas (20.7, 20.44). */
bool sip_auth_parse(struct slice value, struct sip_auth *auth) MUST_CHECK;
/** The parameter, unquoted. @return false when there is none */
bool sip_auth_param(struct arena *arena, const struct sip_auth *auth, struct slice name, struct slice *value);
