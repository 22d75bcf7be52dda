/*
 * A server of one domain on a host of the world: a registrar (RFC 3261 10.3), a proxy that forks to every binding of a
 * user (16), keeps transactions and stays in the route, and a place where event state is published (RFC 3903). Just as
 * strict as it must be to find out faults of user agents.
 */
#pragma once

#include "tests/sim/realm.h"

struct proxy;

struct proxy_style {
	struct realm_style realm;
	bool outbound; /* it keeps the flows that user agents register by (RFC 5626) */
	const char *route; /* how it writes itself into routes */
	bool tells_ends;   /* by 199, of early dialogs (RFC 6228) */
};

struct proxy *proxy_new(struct host *host, const struct proxy_style *style);
/** All that it knew is gone: a restart makes a new one. */
void proxy_free(struct proxy *proxy);
/** What has ended is freed; call it at the end of each turn. */
void proxy_sweep(struct proxy *proxy);
size_t proxy_transactions(const struct proxy *proxy);
/** Those, a line each, on standard error. */
void proxy_show(const struct proxy *proxy);
/** How often it has asked for a password, was told the right one, and found that its nonce was too old. */
void proxy_asked(const struct proxy *proxy, unsigned *asked, unsigned *admitted, unsigned *stale);
/** Bindings by flows that were made, and those that were lost with their flow. */
void proxy_flows(const struct proxy *proxy, unsigned *made, unsigned *lost);
/** Bindings that have not run out. */
size_t proxy_bindings(const struct proxy *proxy);
