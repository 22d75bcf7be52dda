/* Where a request goes next: its Request-URI and Route lines by the rules of 12.2.1.1, and the addresses behind them
 * (8.1.2, RFC 3263). */
#pragma once

#include "sip/ua/core.h"

enum { HOP_URI_MAX = 8 * 1024 }; /* bytes of a URI that we send requests to */

/**
 * A draft with Request-URI and Route for this target and route set.
 * @param routes  Route values in order ("<sip:p1.example.com;lr>"; bare URIs get their <>)
 * @param strict  set: the first router is a strict one, so the request goes where its Request-URI says
 * @return NULL: target or first route is no URI
 */
struct sip_draft *hop_draft(struct slice method, struct slice target, const struct slice *routes, size_t route_count,
			    bool *strict);

/** `err` is ERR_NONE when targets were found. */
typedef void hop_h(void *arg, enum err err);

struct hop {
	struct ua *ua;
	void *lookup;
	struct timer timer;
	struct sip_target *targets;
	size_t count;
	unsigned security; /* of each of them */
	enum err err;
	hop_h *done;
	void *arg;
	char host[256]; /* the name looked up, as sip_uri_hop_host() has it: the scope of credentials */
};

/**
 * Find the targets of a draft; `done` is called once, never before this returns.
 * @param protocol  the account's transport, where the URI names none; NULL: none
 * @param security  how the account wants TLS to be spoken (sip_target.security)
 */
void hop_find(struct hop *hop, struct ua *ua, const struct sip_draft *draft, bool strict,
	      const enum sip_protocol *protocol, unsigned security, hop_h *done, void *arg);
/** What can be said of the way without a look-up. @return false: nothing. See dialog_way() */
bool hop_way(struct ua *ua, const struct sip_draft *draft, bool strict, struct sip_target *way);
/** Is `done` still to be called? */
bool hop_is_looking(const struct hop *hop);
/** Forget it, free the targets. */
void hop_fini(struct hop *hop);
