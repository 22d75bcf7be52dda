#include "media/burst.h"

void burst_received(struct burst *burst)
{
	burst->received++;
	burst->since++;
}

/* The counters are named as in A.2: cXY from state X to Y; 1 gap, 4 a lone loss in it; 3 loss, 2 none in a burst. */
void burst_lost(struct burst *burst, bool discarded)
{
	burst->lost += !discarded;
	burst->discarded += discarded;
	if (burst->since >= BURST_GMIN) {
		if (burst->row == 1)
			burst->c14++;
		else
			burst->c13++;
		burst->row = 1;
		burst->c11 += burst->since;
	} else {
		burst->row++;
		if (burst->since == 0) {
			burst->c33++;
		} else {
			burst->c23++;
			burst->c22 += burst->since - 1;
		}
	}
	burst->since = 0;
}

struct burst_metrics burst_metrics(const struct burst *burst, double packet_ms)
{
	double c11 = (double)burst->c11, c13 = (double)burst->c13, c14 = (double)burst->c14;
	double c22 = (double)burst->c22, c23 = (double)burst->c23, c33 = (double)burst->c33;
	double out_of_loss = c13 + c23 + c33, total = c11 + c14 + c13 + c22 + c23 + c13 + c23 + c33;
	double p32 = out_of_loss > 0 ? c23 / out_of_loss : 0;
	double p23 = c22 + c23 < 1 ? 1 : 1 - c22 / (c22 + c23);
	struct burst_metrics metrics = { 0 };

	if (burst->lost + burst->discarded == 0)
		return metrics;
	metrics.burst_density = p23 + p32 > 0 ? p23 / (p23 + p32) : 0;
	metrics.gap_density = c11 + c14 > 0 ? c14 / (c11 + c14) : 0;
	if (c13 > 0) {
		metrics.gap_ms = (c11 + c14 + c13) * packet_ms / c13;
		metrics.burst_ms = total * packet_ms / c13 - metrics.gap_ms;
	}
	return metrics;
}
