#include "media/jitter.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <string.h>

enum {
	TICK_FRAMES = 480,
	BUCKET_US = 5000,
	EPOCH_US = 4000000,        /* the anchor is the least transit of 4 to 8 s */
	JUMP_US = 1000000,         /* a transit that differs by more is another clock */
	DRY_MAX_FRAMES = 24000,    /* 500 ms without a packet: wait for it as at the beginning */
	RUNAWAY_US = 200000,       /* this much delay too many: throw packets away */
	SLACK_US = 20000,          /* delay up to here above the target is left alone, */
	SHORT_US = 5000,           /* and up to here below it */
	EARLY_US = 3000,           /* a beginning so little before its time does not wait for another tick */
	LATE_RUN_MAX = 5,
	CALM_US = 20000,           /* jitter below this is not believed before ten packets were seen */
};
#define POSITION_MAX (INT64_C(1) << 50) /* of a peer whose timestamps leap on and on: microseconds of it still fit */
static const double QUANTILE = 0.97, FORGET = 0.995, RELAX = 0.02;

static int64_t frames_us(int64_t frames)
{
	return frames * 125 / 6;
}

static int64_t us_frames(int64_t us)
{
	return us * 6 / 125;
}

void jitter_init(struct jitter *jitter, uint32_t min_ms, uint32_t max_ms)
{
	*jitter = (struct jitter){ .slots = xcalloc(JITTER_SLOTS, sizeof *jitter->slots) };
	jitter_reset(jitter);
	jitter_set_bounds(jitter, min_ms, max_ms);
	jitter->target_ms = jitter->min_ms;
}

void jitter_fini(struct jitter *jitter)
{
	free(jitter->slots);
	jitter->slots = NULL;
}

static void clear_slots(struct jitter *jitter)
{
	for (size_t i = 0; i < JITTER_SLOTS; i++)
		jitter->slots[i].used = false;
	jitter->playing = jitter->quiet = jitter->catching_up = false;
	jitter->dry_frames = jitter->unclear = jitter->late_run = 0;
}

void jitter_reset(struct jitter *jitter)
{
	clear_slots(jitter);
	jitter->started = jitter->has_anchor = false;
	jitter->usual_frames = 2 * TICK_FRAMES;
}

void jitter_set_bounds(struct jitter *jitter, uint32_t min_ms, uint32_t max_ms)
{
	jitter->min_ms = min_ms;
	jitter->max_ms = max_ms < min_ms ? min_ms : max_ms;
}

void jitter_set_floor(struct jitter *jitter, uint32_t floor_ms)
{
	jitter->floor_ms = floor_ms;
}

double jitter_loss(const struct jitter *jitter)
{
	return jitter->loss;
}

static struct jitter_slot *slot_of(struct jitter *jitter, uint32_t sequence)
{
	return &jitter->slots[sequence & (JITTER_SLOTS - 1)];
}

/* ---- how much delay ---- */

static double clamp_ms(const struct jitter *jitter, double ms)
{
	double least = jitter->min_ms > jitter->floor_ms ? jitter->min_ms : jitter->floor_ms;

	if (ms < least)
		ms = least;
	return ms > jitter->max_ms ? jitter->max_ms : ms;
}

static int64_t target_us(const struct jitter *jitter)
{
	return (int64_t)(clamp_ms(jitter, jitter->target_ms) * 1000);
}

static double wanted_ms(const struct jitter *jitter)
{
	double sum = 0;

	for (size_t i = 0; i < JITTER_BUCKETS; i++) {
		sum += jitter->weights[i];
		if (sum >= QUANTILE * jitter->weight)
			return (double)(i + 1) * BUCKET_US / 1000.0;
	}
	return JITTER_BUCKETS * BUCKET_US / 1000.0;
}

static void learn(struct jitter *jitter, int64_t over_us)
{
	size_t bucket = over_us < 0 ? 0 : (size_t)(over_us / BUCKET_US);
	/* The first packets count as a plain mean, later ones push the old out slowly. */
	double keep = jitter->measured < 100 ? 0.97 : FORGET;

	for (size_t i = 0; i < JITTER_BUCKETS; i++)
		jitter->weights[i] *= keep;
	jitter->weights[bucket < JITTER_BUCKETS ? bucket : JITTER_BUCKETS - 1] += 1;
	jitter->weight = jitter->weight * keep + 1;
	jitter->measured++;
	if (jitter->measured < 10 && over_us < CALM_US)
		return;
	double wanted = wanted_ms(jitter);
	/* Up at once, down slowly: too short is heard, too long is not. */
	if (wanted > jitter->target_ms)
		jitter->target_ms = wanted;
	else
		jitter->target_ms += (wanted - jitter->target_ms) * RELAX;
}

/* Keep the least transit of the last one to two epochs as the anchor. */
static void anchor(struct jitter *jitter, int64_t transit_us, int64_t arrival_us)
{
	if (!jitter->has_anchor) {
		jitter->anchor_us = jitter->epoch_anchor_us = transit_us;
		jitter->epoch_us = arrival_us;
		jitter->has_anchor = true;
	}
	if (arrival_us - jitter->epoch_us >= EPOCH_US) {
		jitter->anchor_us = jitter->epoch_anchor_us;
		jitter->epoch_anchor_us = transit_us;
		jitter->epoch_us = arrival_us;
	}
	if (transit_us < jitter->epoch_anchor_us)
		jitter->epoch_anchor_us = transit_us;
	if (jitter->epoch_anchor_us < jitter->anchor_us)
		jitter->anchor_us = jitter->epoch_anchor_us;
}

/* ---- packets in ---- */

static int64_t position_of(struct jitter *jitter, const struct jitter_packet *packet)
{
	int64_t ticks = (int32_t)(packet->timestamp - jitter->newest_timestamp);

	return jitter->newest_at + ticks * 48000 / packet->clock_rate;
}

static void begin(struct jitter *jitter, const struct jitter_packet *packet)
{
	jitter->started = true;
	jitter->newest_timestamp = packet->timestamp;
	jitter->newest_sequence = packet->sequence;
	jitter->last_sequence = packet->sequence - 1;
	jitter->newest_at = 0;
}

/* A packet so far ahead that its slot is taken: what is older than the window is given up. */
static void make_room(struct jitter *jitter, uint32_t sequence)
{
	uint32_t oldest = sequence - JITTER_SLOTS;

	if ((int32_t)(oldest - jitter->last_sequence) <= 0)
		return;
	for (size_t i = 0; i < JITTER_SLOTS; i++) {
		struct jitter_slot *slot = &jitter->slots[i];
		if (slot->used && (int32_t)(slot->sequence - oldest) <= 0) {
			slot->used = false;
			jitter->counts.late += !slot->filler;
		}
	}
	jitter->last_sequence = oldest;
}

static bool store(struct jitter *jitter, const struct jitter_packet *packet, int64_t at)
{
	if ((int32_t)(packet->sequence - jitter->last_sequence) <= 0) {
		jitter->counts.late += packet->frames != 0;
		return false;
	}
	make_room(jitter, packet->sequence);
	struct jitter_slot *slot = slot_of(jitter, packet->sequence);
	if (slot->used)
		return false;
	slot->used = true;
	slot->filler = packet->frames == 0;
	slot->tag = packet->tag;
	slot->bytes = (uint16_t)packet->bytes;
	slot->sequence = packet->sequence;
	slot->frames = packet->frames;
	slot->at = at;
	if (packet->frames && packet->bytes)
		memcpy(slot->payload, packet->payload, packet->bytes);
	return true;
}

bool jitter_put(struct jitter *jitter, const struct jitter_packet *packet, int64_t arrival_us)
{
	assert(packet->clock_rate);
	if (packet->bytes > JITTER_PAYLOAD_MAX_BYTES)
		return false;
	if (!jitter->started) {
		if (!packet->frames)
			return false;
		begin(jitter, packet);
	}
	if (!packet->frames)
		return store(jitter, packet, jitter->newest_at);
	int64_t at = position_of(jitter, packet);
	int64_t transit_us = arrival_us - frames_us(at);
	int64_t over_us = transit_us - (jitter->has_anchor ? jitter->anchor_us : transit_us);
	if (over_us > JUMP_US || over_us < -JUMP_US || at > POSITION_MAX || at < -POSITION_MAX) {
		/* Timestamps leapt (a hold, a new clock) or the network stood still: begin anew from here. */
		if ((int32_t)(packet->sequence - jitter->newest_sequence) <= 0)
			return false;
		clear_slots(jitter);
		jitter->has_anchor = false;
		begin(jitter, packet);
		at = 0;
		transit_us = arrival_us;
	}
	anchor(jitter, transit_us, arrival_us);
	learn(jitter, transit_us - jitter->anchor_us);
	if ((int32_t)(packet->sequence - jitter->newest_sequence) > 0) {
		jitter->newest_sequence = packet->sequence;
		jitter->newest_timestamp = packet->timestamp;
		jitter->newest_at = at;
	}
	return store(jitter, packet, at);
}

/* ---- packets out ---- */

static struct jitter_slot *head_of(struct jitter *jitter)
{
	if (!jitter->started)
		return NULL;
	for (uint32_t i = 1; i <= JITTER_SLOTS; i++) {
		struct jitter_slot *slot = slot_of(jitter, jitter->last_sequence + i);
		if (slot->used && slot->sequence == jitter->last_sequence + i)
			return slot;
	}
	return NULL;
}

static void count_loss(struct jitter *jitter, double lost)
{
	jitter->loss += (lost - jitter->loss) * 0.01;
}

static void take(struct jitter *jitter, struct jitter_slot *slot)
{
	/* What was invented while nobody knew better was loss if numbers are missing, else a pause of the peer. */
	uint32_t gap = slot->sequence - jitter->last_sequence - 1;

	if (gap)
		jitter->counts.concealed += jitter->unclear;
	for (uint32_t i = 0; i < gap && i < JITTER_SLOTS; i++)
		count_loss(jitter, 1);
	count_loss(jitter, 0);
	jitter->unclear = 0;
	jitter->last_sequence = slot->sequence;
	slot->used = false;
}

/*
 * How long before it is fetched the next frame was there, or could have been. What is queued before it plays later
 * still, but that
 * does not help a late packet: it is fetched when less than a tick is left.
 */
static int64_t delay_us(const struct jitter *jitter, int64_t now_us)
{
	return now_us - frames_us(jitter->next_at) - jitter->anchor_us;
}

static void give(struct jitter *jitter, struct jitter_play *play, enum jitter_what what, uint32_t frames)
{
	play->what = what;
	play->frames = frames;
	jitter->next_at += frames;
}

/* Nothing is there at all: no more is given than this tick needs, so that the next packet falls on a tick again. */
static void run_dry(struct jitter *jitter, uint32_t queued, struct jitter_play *play)
{
	jitter->dry_frames += TICK_FRAMES;
	if (jitter->dry_frames > DRY_MAX_FRAMES) {
		jitter->playing = false;
		return;
	}
	jitter->unclear += !jitter->quiet;
	give(jitter, play, jitter->quiet ? JITTER_PAUSE : JITTER_MISSING, TICK_FRAMES - queued);
}

/* The next packet belongs further on: the ones between were lost, or the other side paused. */
static void cross_hole(struct jitter *jitter, const struct jitter_slot *head, int64_t lead, struct jitter_play *play)
{
	bool lost = head->sequence != jitter->last_sequence + 1 && !jitter->quiet;
	uint32_t frames = lost ? jitter->usual_frames : TICK_FRAMES;

	if (frames > lead)
		frames = (uint32_t)lead;
	jitter->counts.concealed += lost ? (frames + TICK_FRAMES - 1) / TICK_FRAMES : 0;
	if (lost && frames == lead)
		play->next = head;
	give(jitter, play, lost ? JITTER_MISSING : JITTER_PAUSE, frames);
}

/* The delay ran away: throw away from the front until it is as wanted. @return whether `head` went */
static bool thrown_away(struct jitter *jitter, struct jitter_slot *head, int64_t excess_us)
{
	if (excess_us > RUNAWAY_US)
		jitter->catching_up = true;
	if (excess_us < SLACK_US)
		jitter->catching_up = false;
	if (!jitter->catching_up || head->sequence == jitter->newest_sequence)
		return false;
	take(jitter, head);
	jitter->counts.late++;
	if (head->at + head->frames > jitter->next_at)
		jitter->next_at = head->at + head->frames;
	return true;
}

/* `head` is behind its time by `by` frames. @return whether it is to be played nevertheless */
static bool too_late(struct jitter *jitter, struct jitter_slot *head, int64_t by, int64_t short_us,
		     struct jitter_play *play)
{
	if (short_us * 2 >= frames_us(by)) {
		/* More delay is wanted anyway: play it whole, everything behind it comes later by as much. */
		jitter->next_at = head->at;
		jitter->counts.concealed += jitter->unclear;
		jitter->unclear = 0;
		return false;
	}
	if (by < head->frames) {
		play->skip = (uint32_t)by;
		jitter->counts.concealed += jitter->unclear;
		jitter->unclear = 0;
		return false;
	}
	jitter->counts.concealed += jitter->unclear;
	jitter->unclear = 0;
	take(jitter, head);
	jitter->counts.late++;
	if (++jitter->late_run >= LATE_RUN_MAX) {
		/* All are late: the anchor is of another time. */
		jitter->playing = jitter->has_anchor = false;
		jitter->late_run = 0;
	}
	return true;
}

static void play_packet(struct jitter *jitter, struct jitter_slot *head, int64_t excess_us, uint32_t queued,
			struct jitter_play *play)
{
	int64_t slack_us = target_us(jitter) / 4;

	if (slack_us < SLACK_US)
		slack_us = SLACK_US;
	if (excess_us > slack_us || excess_us < -SHORT_US)
		play->excess = (int32_t)us_frames(excess_us);
	take(jitter, head);
	jitter->dry_frames = jitter->late_run = 0;
	jitter->quiet = false;
	jitter->usual_frames = head->frames;
	jitter->counts.played++;
	double delay_ms = (double)(excess_us + target_us(jitter) + frames_us(queued)) / 1000.0;
	jitter->delay_ms += (delay_ms - jitter->delay_ms) * 0.1;
	play->packet = head;
	give(jitter, play, JITTER_PACKET, head->frames - play->skip);
	jitter->next_at = head->at + head->frames;
}

/* @return whether it may begin to play with `head` */
static bool may_begin(struct jitter *jitter, const struct jitter_slot *head, int64_t now_us)
{
	if (!jitter->has_anchor) {
		jitter->anchor_us = jitter->epoch_anchor_us = now_us - frames_us(head->at);
		jitter->epoch_us = now_us;
		jitter->has_anchor = true;
	}
	if (now_us + EARLY_US < jitter->anchor_us + frames_us(head->at) + target_us(jitter))
		return false;
	jitter->playing = true;
	jitter->next_at = head->at;
	jitter->delay_ms = (double)delay_us(jitter, now_us) / 1000.0;
	return true;
}

void jitter_get(struct jitter *jitter, int64_t now_us, uint32_t queued, struct jitter_play *play)
{
	assert(queued < TICK_FRAMES);
	*play = (struct jitter_play){ .what = JITTER_NOTHING };
	for (;;) {
		struct jitter_slot *head = head_of(jitter);
		if (head && head->filler) {
			take(jitter, head);
			jitter->quiet = true;
			continue;
		}
		if (!jitter->playing && (!head || !may_begin(jitter, head, now_us)))
			return;
		if (!head) {
			run_dry(jitter, queued, play);
			return;
		}
		int64_t excess_us = delay_us(jitter, now_us) - target_us(jitter);
		if (thrown_away(jitter, head, excess_us))
			continue;
		int64_t lead = head->at - jitter->next_at;
		/* A hole need not be filled when the delay is too long anyway, or when it is no hole but a leap. */
		if (lead > 0 && (excess_us > SLACK_US + frames_us(lead) || lead > 2 * DRY_MAX_FRAMES)) {
			excess_us -= frames_us(lead);
			jitter->next_at = head->at;
			lead = 0;
		}
		if (lead > 0) {
			cross_hole(jitter, head, lead, play);
			return;
		}
		if (lead < 0 && too_late(jitter, head, -lead, -excess_us, play))
			continue;
		play_packet(jitter, head, delay_us(jitter, now_us) - target_us(jitter), queued, play);
		return;
	}
}
