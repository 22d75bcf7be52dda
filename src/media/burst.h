/*
 * Losses in a row: the model of RFC 3611 4.7.2 and A.2 with its four states. A burst is a time in which losses are
 * never more than BURST_GMIN received packets apart; all else is a gap. Pure.
 */
#pragma once

#include "base/base.h"

enum { BURST_GMIN = 16 };

struct burst {
	uint64_t received, lost, discarded;
	uint32_t since;            /* packets received since the last loss */
	uint32_t row;              /* losses of the burst that may be going on */
	uint64_t c11, c13, c14, c22, c23, c33;
};

struct burst_metrics {
	double burst_density, gap_density; /* share lost or discarded within each, 0..1 */
	double burst_ms, gap_ms;           /* mean durations; 0: none yet */
};

/** A packet was played. */
void burst_received(struct burst *burst);
/** A packet never came, or (`discarded`) came too late. */
void burst_lost(struct burst *burst, bool discarded);
struct burst_metrics burst_metrics(const struct burst *burst, double packet_ms);
