#include "media/delay.h"

#include <string.h>

enum {
	EPOCH_US = 4000000,        /* the anchor is the least transit of 4 to 8 s */
	MEAN = 150,                /* new packets push the old out: so many count */
	GROWS_BY = 3,              /* until then a third of those that came: the first ones come while devices open */
	FEW = 100, FEW_LACK = 4,   /* of n < FEW packets the most delayed is FEW_LACK / n less than there will be */
	PEAK_US = 40000,           /* a peak is that much above what is wanted anyway, */
	PEAK_APART_US = 500000,    /* later belongs to another peak, */
	PEAKS_WANTED = 3,          /* so many make a habit of it, */
	PEAK_PERIOD_MAX_US = 12000000, /* unless they are further apart than this */
};
static const double QUANTILE = 0.993, KEEP = 1 - 1.0 / MEAN;

void delay_init(struct delay *delay)
{
	*delay = (struct delay){ 0 };
}

/* The anchor moved: what was measured above the old one is so much more or less above the new one. */
static void shift_histogram(struct delay *delay)
{
	int64_t by = (delay->histogram_us - delay->anchor_us) / DELAY_BUCKET_US;
	double weights[DELAY_BUCKETS] = { 0 };

	if (!by)
		return;
	for (int64_t i = 0; i < DELAY_BUCKETS; i++) {
		int64_t to = i + by;
		to = to < 0 ? 0 : to >= DELAY_BUCKETS ? DELAY_BUCKETS - 1 : to;
		weights[to] += delay->weights[i];
	}
	memcpy(delay->weights, weights, sizeof weights);
	delay->histogram_us -= by * DELAY_BUCKET_US;
}

static void move_anchor(struct delay *delay, int64_t transit_us, int64_t arrival_us)
{
	if (!delay->has_anchor) {
		delay->anchor_us = delay->epoch_anchor_us = delay->histogram_us = transit_us;
		delay->epoch_us = arrival_us;
		delay->has_anchor = true;
	}
	if (arrival_us - delay->epoch_us >= EPOCH_US) {
		delay->anchor_us = delay->epoch_anchor_us;
		delay->epoch_anchor_us = transit_us;
		delay->epoch_us = arrival_us;
	}
	if (transit_us < delay->epoch_anchor_us)
		delay->epoch_anchor_us = transit_us;
	if (delay->epoch_anchor_us < delay->anchor_us)
		delay->anchor_us = delay->epoch_anchor_us;
	shift_histogram(delay);
}

/* The delay that the quantile of the histogram needs. */
static int64_t quantile_us(const struct delay *delay)
{
	double sum = 0;

	for (int64_t i = 0; i < DELAY_BUCKETS; i++) {
		sum += delay->weights[i];
		if (sum >= QUANTILE * delay->weight)
			return (i + 1) * DELAY_BUCKET_US;
	}
	return (int64_t)DELAY_BUCKETS * DELAY_BUCKET_US;
}

static int64_t usual_us(const struct delay *delay)
{
	int64_t seen_us = quantile_us(delay), n = (int64_t)delay->measured;

	return n < 2 || n >= FEW ? seen_us : seen_us + (seen_us - DELAY_BUCKET_US) * FEW_LACK / (n + FEW_LACK);
}

/* Packets that queued behind one late one belong to one peak: its height is the highest of them. */
static void note_peak(struct delay *delay, int64_t over_us, int64_t arrival_us)
{
	struct delay_peak *last = &delay->peaks[(delay->peak_count + DELAY_PEAKS - 1) % DELAY_PEAKS];

	if (over_us < usual_us(delay) + PEAK_US)
		return;
	if (delay->peak_count && arrival_us - last->at_us < PEAK_APART_US) {
		if (over_us > last->over_us)
			last->over_us = over_us;
		return;
	}
	delay->peaks[delay->peak_count++ % DELAY_PEAKS] = (struct delay_peak){ arrival_us, over_us };
}

int64_t delay_add(struct delay *delay, int64_t transit_us, int64_t arrival_us)
{
	move_anchor(delay, transit_us, arrival_us);
	int64_t over_us = transit_us - delay->anchor_us;
	size_t bucket = (size_t)(over_us / DELAY_BUCKET_US);
	double seen = (double)delay->measured;
	double keep = seen < GROWS_BY * MEAN ? 1 - GROWS_BY / (seen + GROWS_BY) : KEEP;

	if (delay->measured)
		note_peak(delay, over_us, arrival_us);
	for (size_t i = 0; keep < 1 && i < DELAY_BUCKETS; i++)
		delay->weights[i] *= keep;
	delay->weights[bucket < DELAY_BUCKETS ? bucket : DELAY_BUCKETS - 1] += 1;
	delay->weight = delay->weight * keep + 1;
	delay->measured++;
	return over_us;
}

/* The height of the peaks while they keep coming: the lowest of the last ones, so that one giant does not count for
 * all. */
static int64_t peak_us(const struct delay *delay, int64_t now_us)
{
	int64_t least_us = INT64_MAX, next_us = now_us;

	if (delay->peak_count < PEAKS_WANTED)
		return 0;
	for (size_t i = 1; i <= PEAKS_WANTED; i++) {
		const struct delay_peak *peak = &delay->peaks[(delay->peak_count - i) % DELAY_PEAKS];
		if (next_us - peak->at_us > PEAK_PERIOD_MAX_US)
			return 0;
		if (peak->over_us < least_us)
			least_us = peak->over_us;
		next_us = peak->at_us;
	}
	return least_us;
}

int64_t delay_wanted_us(const struct delay *delay, int64_t now_us)
{
	int64_t usual = usual_us(delay), peak = peak_us(delay, now_us);

	return peak > usual ? peak : usual;
}
