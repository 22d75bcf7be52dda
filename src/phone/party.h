/*
 * Who takes part in what the trace holds: the hosts that we spoke to, and those behind them that Via, Record-Route and
 * Contact tell of. Of the latter we saw nothing, so the ladder draws the way to them dashed.
 */
#pragma once

#include "phone/trace.h"

enum { PARTIES_MAX = 16, PARTY_NAME = 72 };

struct parties {
	struct party {
		char name[PARTY_NAME]; /* "192.0.2.4:5060", "proxy.biloxi.com:5060" */
		struct address address; /* unset: only told of */
	} party[PARTIES_MAX];
	unsigned count;
};

/** Add who takes part in this message. Those above PARTIES_MAX count as the last. */
void parties_add(struct parties *parties, const struct trace_entry *entry);
/** The place of the host that we spoke to. */
unsigned parties_find(const struct parties *parties, const struct address *remote);
/** The place of the one that this message comes from or goes to in the end, as far as it tells; else of the host that
 * we spoke to. */
unsigned parties_far(const struct parties *parties, const struct trace_entry *entry);
