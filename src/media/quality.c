#include "media/quality.h"

#include <math.h>

static const double NARROW_BEST = 93.2, WIDE_BEST = 129, WIDE_SCALE = 1.29;

/* G.107 (7-27), with the default sensitivity to delay: sT = 1, mT = 100 ms. */
static double delay_impairment(double delay_ms)
{
	if (delay_ms <= 100)
		return 0;
	double x = log2(delay_ms / 100);
	return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double quality_rating(const struct quality_facts *facts)
{
	double percent = facts->loss * 100;
	double equipment = facts->impairment +
			   (95 - facts->impairment) * percent / (percent / facts->burst + facts->robustness);

	return (facts->wide ? WIDE_BEST : NARROW_BEST) - delay_impairment(facts->delay_ms) - equipment;
}

double quality_mos(double rating, bool wide)
{
	/* G.107.1 7.4: the same curve for a scale that is so much longer. */
	if (wide)
		rating /= WIDE_SCALE;
	/* Below 6.5 the polynomial of annex B falls under 1 and rises again. */
	if (rating < 6.5)
		return 1;
	if (rating > 100)
		return 4.5;
	return 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
}
