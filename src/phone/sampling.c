/*
 * How the sound of a call was over its whole time: a sample a second at first. When there are as many as are kept, each
 * two become one and the next are taken half as often.
 */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <math.h>

struct sampling {
	struct quality_sample *sample, sum;
	size_t count, room;
	unsigned interval_s, summed;
	uint64_t expected, lost;
};

/* Loss and MOS must not hide a bad second in a good minute: the worse counts, of the rest the mean. */
static struct quality_sample joined(const struct quality_sample *a, const struct quality_sample *b)
{
	return (struct quality_sample){
		.loss = fmaxf(a->loss, b->loss),
		.mos = fminf(a->mos, b->mos),
		.jitter_ms = fmaxf(a->jitter_ms, b->jitter_ms),
		.buffer_ms = (a->buffer_ms + b->buffer_ms) / 2,
		.rtt_ms = fmaxf(a->rtt_ms, b->rtt_ms),
		.heard_db = fmaxf(a->heard_db, b->heard_db),
		.mic_db = fmaxf(a->mic_db, b->mic_db),
	};
}

static void halve(struct sampling *sampling)
{
	for (size_t i = 0; i + 1 < sampling->count; i += 2)
		sampling->sample[i / 2] = joined(&sampling->sample[i], &sampling->sample[i + 1]);
	sampling->count /= 2;
	sampling->interval_s *= 2;
}

static void keep(struct sampling *sampling, const struct quality_sample *sample)
{
	sampling->sum = sampling->summed ? joined(&sampling->sum, sample) : *sample;
	if (++sampling->summed < sampling->interval_s)
		return;
	sampling->summed = 0;
	if (sampling->count == QUALITY_SAMPLES)
		halve(sampling);
	if (sampling->count == sampling->room) {
		sampling->room = sampling->room ? sampling->room * 2 : 32;
		sampling->sample = xrealloc(sampling->sample, sampling->room * sizeof *sampling->sample);
	}
	sampling->sample[sampling->count++] = sampling->sum;
}

static void sample_call(struct call *call)
{
	struct stream_stats stats;

	if (!media_stats(&call->media, &stats) || !call->media.heard)
		return;
	if (!call->sampling) {
		call->sampling = xcalloc(1, sizeof *call->sampling);
		call->sampling->interval_s = 1;
	}
	struct sampling *sampling = call->sampling;
	/* Counts begin anew with another stream. */
	bool goes_on = stats.expected_packets >= sampling->expected && stats.lost_packets >= sampling->lost;
	uint64_t expected = stats.expected_packets - (goes_on ? sampling->expected : 0),
		 lost = stats.lost_packets - (goes_on ? sampling->lost : 0);
	sampling->expected = stats.expected_packets;
	sampling->lost = stats.lost_packets;
	keep(sampling, &(struct quality_sample){
			       .loss = expected ? (float)lost / (float)(expected > lost ? expected : lost) : 0,
			       .jitter_ms = (float)stats.jitter_ms,
			       .buffer_ms = (float)stats.buffer_ms,
			       .rtt_ms = stats.rtt_ms >= 0 ? (float)stats.rtt_ms : NAN,
			       .heard_db = (float)stats.heard_level_db,
			       .mic_db = (float)stats.mic_level_db,
			       .mos = stats.mos > 0 ? (float)stats.mos : NAN,
		       });
}

static void on_second(void *arg)
{
	struct phone *phone = arg;
	bool heard = false;

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		sample_call(call);
		heard |= call->media.heard;
	}
	if (heard)
		sampling_begin(phone);
}

void sampling_begin(struct phone *phone)
{
	if (!timer_running(&phone->sampling_timer))
		timer_start(phone->timers, &phone->sampling_timer, SECOND_US, on_second, phone);
}

void sampling_free(struct sampling *sampling)
{
	if (sampling)
		free(sampling->sample);
	free(sampling);
}

size_t phone_quality(const struct phone *phone, unsigned number, struct quality_sample *samples, unsigned *interval_s)
{
	const struct call *call = call_find(phone, number);

	*interval_s = 1;
	if (!call || !call->sampling)
		return 0;
	memcpy(samples, call->sampling->sample, call->sampling->count * sizeof *samples);
	*interval_s = call->sampling->interval_s;
	return call->sampling->count;
}
