/*
 * How much delay the network wants: a function of the packets' transit times. A transit is an arrival minus what the
 * packet's timestamp says, so only differences mean something: the least transit of the last seconds is the anchor, and
 * what a packet needed more than that is counted in a histogram that forgets. The delay wanted is what nearly all
 * packets needed; delays that come again and again, too seldom for the histogram (a radio that scans every ten
 * seconds), are remembered as peaks.
 */
#pragma once

#include "base/base.h"

enum {
	DELAY_BUCKETS = 400,       /* of DELAY_BUCKET_US */
	DELAY_BUCKET_US = 1000,
	DELAY_PEAKS = 8,
};

struct delay_peak {
	int64_t at_us, over_us;
};

struct delay {
	bool has_anchor;
	int64_t anchor_us;             /* least transit of the last one to two epochs */
	int64_t epoch_anchor_us, epoch_us;
	int64_t histogram_us;          /* the anchor that the histogram counts from */
	double weights[DELAY_BUCKETS], weight;
	uint64_t measured;             /* packets */
	struct delay_peak peaks[DELAY_PEAKS]; /* a ring */
	size_t peak_count;             /* ever */
};

void delay_init(struct delay *delay);
/** A packet came. @return its transit above the anchor [us], 0 or more */
int64_t delay_add(struct delay *delay, int64_t transit_us, int64_t arrival_us);
/** The delay above the anchor [us] that is worth waiting at `now_us`. */
int64_t delay_wanted_us(const struct delay *delay, int64_t now_us);
