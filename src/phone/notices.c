/*
 * What happens to a call's sound and can be made to happen without end, by a peer or by a stranger: another address, a
 * new beginning, another codec, packets that are refused. The first few are told at once; what is more is summed up
 * when its window is over, and as long as that goes on each window is twice as long as the one before.
 */
#include "phone/phone_internal.h"

#include <stdio.h>
#include <string.h>

enum { WINDOW_US = 10000000, WINDOW_MAX_US = 320000000 };

static const unsigned at_once[NOTICES] = {
	[NOTICE_MOVED] = 3, [NOTICE_RESTARTED] = 3, [NOTICE_REFUSED] = 1, [NOTICE_CODEC] = 8
};
static const enum event_kind events_of[NOTICES] = {
	[NOTICE_MOVED] = EVENT_MEDIA_MOVED,
	[NOTICE_RESTARTED] = EVENT_MEDIA_RESTARTED,
	[NOTICE_REFUSED] = EVENT_MEDIA_REFUSED,
	[NOTICE_CODEC] = EVENT_CODEC,
};

/* How often since it was told last. The engine's event may be newer than its numbers, or older; a stream that was
 * opened anew counts anew. */
static double since_told(struct notice *notice, size_t which, uint64_t total)
{
	if (total < notice->counted[which])
		total = notice->counted[which];
	uint64_t before = total >= notice->told[which] ? notice->told[which] : 0;
	notice->told[which] = total;
	return (double)(total - before);
}

static void tell(struct call *call, enum notice_kind kind)
{
	struct notice *notice = &call->notices[kind];
	struct event *event = call_event(call, events_of[kind]);
	struct stream_stats stats = { 0 };
	bool known = media_stats(&call->media, &stats);

	notice->pending = false;
	switch (kind) {
	case NOTICE_MOVED:
		event_text(event, "address", slice_of(notice->address));
		event_number(event, "count", since_told(notice, 0, stats.moves));
		break;
	case NOTICE_RESTARTED:
		event_number(event, "count", since_told(notice, 0, stats.restarts));
		break;
	case NOTICE_REFUSED:
		event_number(event, "forged", since_told(notice, 0, stats.forged_packets));
		event_number(event, "replayed", since_told(notice, 1, stats.replayed_packets));
		event_number(event, "stray", since_told(notice, 2, stats.stray_packets));
		break;
	default:
		event_text(event, "codec", slice_of(media_codec_name(notice->codec)));
		if (known)
			event_number(event, "rate", stats.receive_rate);
		event_text(event, "side", SLICE("peer"));
		break;
	}
}

static void sum_up(void *arg);

/* For the first window that something waits for to be over. */
static void arm(struct call *call)
{
	int64_t now_us = call->phone->timers->now_us, first_us = INT64_MAX;

	for (size_t i = 0; i < NOTICES; i++)
		if (call->notices[i].pending && call->notices[i].until_us < first_us)
			first_us = call->notices[i].until_us;
	if (first_us != INT64_MAX)
		timer_start(call->phone->timers, &call->notice_timer, first_us > now_us ? first_us - now_us : 0, sum_up,
			    call);
}

static void sum_up(void *arg)
{
	struct call *call = arg;
	int64_t now_us = call->phone->timers->now_us;

	for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
		struct notice *notice = &call->notices[kind];
		if (!notice->pending || notice->until_us > now_us)
			continue;
		notice->window_us = notice->window_us * 2 < WINDOW_MAX_US ? notice->window_us * 2 : WINDOW_MAX_US;
		notice->until_us = now_us + notice->window_us;
		tell(call, kind);
	}
	arm(call);
}

static enum notice_kind kind_of(const struct engine_event *event)
{
	switch (event->kind) {
	case ENGINE_MOVED:
		return NOTICE_MOVED;
	case ENGINE_RESTARTED:
		return NOTICE_RESTARTED;
	case ENGINE_REFUSED:
		return NOTICE_REFUSED;
	default:
		return NOTICE_CODEC;
	}
}

void call_notice(struct call *call, const struct engine_event *event)
{
	enum notice_kind kind = kind_of(event);
	struct notice *notice = &call->notices[kind];
	int64_t now_us = call->phone->timers->now_us;

	memcpy(notice->counted, event->counts, sizeof notice->counted);
	notice->codec = event->codec;
	snprintf(notice->address, sizeof notice->address, "%.*s", (int)sizeof notice->address - 1, event->text);
	if (call->ended)
		return;
	if (now_us >= notice->until_us && !notice->pending) {
		notice->window_us = WINDOW_US;
		notice->until_us = now_us + WINDOW_US;
		notice->left = at_once[kind];
	}
	if (notice->left) {
		notice->left--;
		tell(call, kind);
		return;
	}
	if (notice->pending)
		return;
	notice->pending = true;
	arm(call);
}
