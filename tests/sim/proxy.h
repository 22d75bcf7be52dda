/*
 * A server of one domain on a host of the world: a registrar (RFC 3261 10.3), a proxy that forks to every binding of a
 * user (16), keeps transactions and stays in the route, and a place where event state is published (RFC 3903). Just as
 * strict as it must be to find out faults of user agents; it has no passwords.
 */
#pragma once

#include "sip/transaction/transaction.h"
#include "tests/sim/world.h"

struct proxy;

struct proxy *proxy_new(struct host *host);
/** All that it knew is gone: a restart makes a new one. */
void proxy_free(struct proxy *proxy);
/** What has ended is freed; call it at the end of each turn. */
void proxy_sweep(struct proxy *proxy);
size_t proxy_transactions(const struct proxy *proxy);
/** Those, a line each, on standard error. */
void proxy_show(const struct proxy *proxy);
/** Bindings that have not run out. */
size_t proxy_bindings(const struct proxy *proxy);
