#include "media/quality.h"

#include <math.h>

/* G.107 (7-27), with the default sensitivity to delay: sT = 1, mT = 100 ms. */
static double delay_impairment(double delay_ms)
{
	if (delay_ms <= 100)
		return 0;
	double x = log2(delay_ms / 100);
	return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double quality_rating(double delay_ms, double loss, double burst, double impairment, double robustness)
{
	double percent = loss * 100;
	double equipment = impairment + (95 - impairment) * percent / (percent / burst + robustness);

	return 93.2 - delay_impairment(delay_ms) - equipment;
}

double quality_mos(double rating)
{
	/* Below 6.5 the polynomial of annex B falls under 1 and rises again. */
	if (rating < 6.5)
		return 1;
	if (rating > 100)
		return 4.5;
	return 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
}
