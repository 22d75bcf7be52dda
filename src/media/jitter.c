#include "media/jitter.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <string.h>

enum {
	TICK_FRAMES = 480,
	TICK_US = 10000,
	JUMP_US = 1000000,         /* a transit that differs by more is another clock */
	DRY_MAX_FRAMES = 24000,    /* 500 ms without a packet: wait for it as at the beginning */
	RUNAWAY_US = 200000,       /* this much delay too many: throw packets away */
	SLACK_US = 20000,          /* so much lag too many, or a quarter of it, is left alone while somebody speaks */
	SHORT_US = 10000,          /* so much too short is not left alone */
	EARLY_US = 3000,           /* a beginning so little before its time does not wait for another tick */
	MARGIN_US = 500,           /* above what the packets wanted */
	BEGIN_US = 10000,          /* wanted of the first packets, until BEGIN_PACKETS were seen */
	BEGIN_PACKETS = 10,
	WINDOW_US = 500000,        /* the low water of the lag is that of one to two windows */
	LATE_RUN_MAX = 5,
	STEADY_PACKETS = 12,       /* until the low water is that of where the ticks are now, */
	KNOWN_PACKETS = 50,        /* and what the network wants is known: the first ones come while devices open */
	LOSS_BEFORE = 20, LOSS_PACKETS = 80,
};
#define POSITION_MAX (INT64_C(1) << 50) /* of a peer whose timestamps leap on and on: microseconds of it still fit */

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
	/* Not cleared: that is 120 kB for each call. */
	*jitter = (struct jitter){ .slots = xmalloc(JITTER_SLOTS * sizeof *jitter->slots) };
	jitter_reset(jitter);
	jitter_set_bounds(jitter, min_ms, max_ms);
}

void jitter_fini(struct jitter *jitter)
{
	free(jitter->slots);
	jitter->slots = NULL;
}

_Static_assert(JITTER_SLOTS == 64, "as many as a uint64_t has bits");

static bool is_used(const struct jitter *jitter, const struct jitter_slot *slot)
{
	return jitter->used >> (slot - jitter->slots) & 1;
}

static void set_used(struct jitter *jitter, const struct jitter_slot *slot, bool used)
{
	uint64_t bit = UINT64_C(1) << (slot - jitter->slots);

	jitter->used = used ? jitter->used | bit : jitter->used & ~bit;
}

static void clear_slots(struct jitter *jitter)
{
	jitter->used = 0;
	jitter->playing = jitter->quiet = jitter->catching_up = false;
	jitter->dry_frames = jitter->unclear = jitter->late_run = 0;
}

void jitter_reset(struct jitter *jitter)
{
	clear_slots(jitter);
	jitter->started = false;
	delay_init(&jitter->delay);
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

bool jitter_knows_loss(const struct jitter *jitter)
{
	return jitter->loss_weighed == LOSS_PACKETS;
}

double jitter_loss(const struct jitter *jitter)
{
	return jitter->loss;
}

double jitter_in_row(const struct jitter *jitter)
{
	return jitter->in_row;
}

static struct jitter_slot *slot_of(struct jitter *jitter, uint32_t sequence)
{
	return &jitter->slots[sequence & (JITTER_SLOTS - 1)];
}

/* ---- how much delay ---- */

/* The bounds are of the lag, which is a tick longer than the delay at fetching at most. */
static void set_target(struct jitter *jitter, int64_t now_us)
{
	int64_t least = (int64_t)jitter->min_ms * 1000 - TICK_US, most = (int64_t)jitter->max_ms * 1000 - TICK_US;
	int64_t target = delay_wanted_us(&jitter->delay, now_us) + MARGIN_US;

	if (jitter->delay.measured < BEGIN_PACKETS && target < BEGIN_US)
		target = BEGIN_US;
	target += (int64_t)jitter->floor_ms * 1000;
	if (target < least)
		target = least;
	jitter->target_us = target > most && most > 0 ? most : target;
}

static void shift_low(struct jitter *jitter, int64_t frames)
{
	jitter->low_us += frames_us(frames);
	jitter->low_before_us += frames_us(frames);
}

void jitter_stretched(struct jitter *jitter, int32_t frames)
{
	shift_low(jitter, -frames);
}

/* Does it know what this way needs, so that its ticks can be moved for good? */
static bool is_settled(const struct jitter *jitter)
{
	return jitter->delay.measured >= KNOWN_PACKETS && jitter_knows_loss(jitter);
}

int32_t jitter_phase(const struct jitter *jitter)
{
	if (!jitter->playing || jitter->steady < STEADY_PACKETS || !is_settled(jitter) || jitter->spare <= -TICK_FRAMES)
		return 0;
	return jitter->spare % TICK_FRAMES;
}

void jitter_move_phase(struct jitter *jitter, int32_t frames)
{
	shift_low(jitter, -frames);
	jitter->spare -= frames;
	jitter->steady = 0;
}

static int64_t lag_us(const struct jitter *jitter, int64_t now_us, uint32_t queued)
{
	return now_us + frames_us((int64_t)queued - jitter->next_at) - jitter->delay.anchor_us;
}

static void restart_low(struct jitter *jitter, int64_t now_us, uint32_t queued)
{
	jitter->low_us = jitter->low_before_us = lag_us(jitter, now_us, queued) + jitter->delay.anchor_us;
	jitter->low_begin_us = now_us;
	jitter->steady = 0;
}

static void note_low(struct jitter *jitter, int64_t now_us, uint32_t queued)
{
	int64_t at = lag_us(jitter, now_us, queued) + jitter->delay.anchor_us;

	if (now_us - jitter->low_begin_us >= WINDOW_US) {
		jitter->low_before_us = jitter->low_us;
		jitter->low_us = at;
		jitter->low_begin_us = now_us;
	}
	if (at < jitter->low_us)
		jitter->low_us = at;
}

/* The least lag of late: a card that fetches in blocks of its own makes it waver. */
static int64_t low_lag_us(const struct jitter *jitter)
{
	int64_t low = jitter->low_us < jitter->low_before_us ? jitter->low_us : jitter->low_before_us;

	return low - jitter->delay.anchor_us;
}

/*
 * Frames of lag too many or (negative) too few, so that it is as short as whole ticks of fetching allow. A lag that is
 * short by less than a tick is not made longer by one when the ticks are going to be moved; until they are, it is:
 * copies come a packet or two behind what they replace to the millisecond, and all of them would be too late.
 */
static int32_t excess_of(const struct jitter *jitter, int64_t spare, uint32_t queued)
{
	if (spare >= 0 || (jitter->phased && is_settled(jitter)))
		return (int32_t)(spare / TICK_FRAMES * TICK_FRAMES + queued);
	return (int32_t)((spare - TICK_FRAMES + 1) / TICK_FRAMES * TICK_FRAMES + queued);
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
	jitter->usual_frames = packet->frames;
}

/* A packet so far ahead that its slot is taken: what is older than the window is given up. */
static void make_room(struct jitter *jitter, uint32_t sequence)
{
	uint32_t oldest = sequence - JITTER_SLOTS;

	if ((int32_t)(oldest - jitter->last_sequence) <= 0)
		return;
	for (size_t i = 0; i < JITTER_SLOTS; i++) {
		struct jitter_slot *slot = &jitter->slots[i];
		if (is_used(jitter, slot) && (int32_t)(slot->sequence - oldest) <= 0) {
			set_used(jitter, slot, false);
			jitter->counts.late += !slot->filler;
		}
	}
	jitter->last_sequence = oldest;
}

static bool store(struct jitter *jitter, const struct jitter_packet *packet, int64_t at)
{
	if ((int32_t)(packet->sequence - jitter->last_sequence) <= 0) {
		jitter->counts.late += packet->frames != 0 && !packet->is_copy;
		return false;
	}
	make_room(jitter, packet->sequence);
	struct jitter_slot *slot = slot_of(jitter, packet->sequence);
	if (is_used(jitter, slot))
		return false;
	set_used(jitter, slot, true);
	slot->filler = packet->frames == 0;
	slot->is_copy = packet->is_copy;
	slot->tag = packet->tag;
	slot->bytes = (uint16_t)packet->bytes;
	slot->sequence = packet->sequence;
	slot->frames = packet->frames;
	slot->at = at;
	if (packet->frames && packet->bytes)
		memcpy(slot->payload, packet->payload, packet->bytes);
	return true;
}

/* It says nothing of the network, and belongs behind what came last or nowhere. */
static bool put_copy(struct jitter *jitter, const struct jitter_packet *packet, int64_t at)
{
	if ((int32_t)(packet->sequence - jitter->newest_sequence) >= 0 || at >= jitter->newest_at ||
	    jitter->newest_at - at > us_frames(JUMP_US))
		return false;
	return store(jitter, packet, at);
}

bool jitter_put(struct jitter *jitter, const struct jitter_packet *packet, int64_t arrival_us)
{
	assert(packet->clock_rate);
	if (packet->bytes > JITTER_PAYLOAD_MAX_BYTES)
		return false;
	if (!jitter->started) {
		if (!packet->frames || packet->is_copy)
			return false;
		begin(jitter, packet);
	}
	if (!packet->frames)
		return store(jitter, packet, jitter->newest_at);
	int64_t at = position_of(jitter, packet);
	if (packet->is_copy)
		return put_copy(jitter, packet, at);
	int64_t transit_us = arrival_us - frames_us(at);
	int64_t over_us = jitter->delay.has_anchor ? transit_us - jitter->delay.anchor_us : 0;
	if (over_us > JUMP_US || over_us < -JUMP_US || at > POSITION_MAX || at < -POSITION_MAX) {
		/* Timestamps leapt (a hold, a new clock) or the network stood still: begin anew from here. */
		if ((int32_t)(packet->sequence - jitter->newest_sequence) <= 0)
			return false;
		clear_slots(jitter);
		delay_init(&jitter->delay);
		begin(jitter, packet);
		at = 0;
		transit_us = arrival_us;
	}
	delay_add(&jitter->delay, transit_us, arrival_us);
	set_target(jitter, arrival_us);
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
	if (!jitter->started || !jitter->used)
		return NULL;
	for (uint32_t i = 1; i <= JITTER_SLOTS; i++) {
		struct jitter_slot *slot = slot_of(jitter, jitter->last_sequence + i);
		if (is_used(jitter, slot) && slot->sequence == jitter->last_sequence + i)
			return slot;
	}
	return NULL;
}

static void count_loss(struct jitter *jitter, bool lost)
{
	/* Of the first ones it is the mean, as if a few had come before: losses from the beginning are seen at once. */
	if (jitter->loss_weighed < LOSS_PACKETS)
		jitter->loss_weighed++;
	jitter->loss += (lost - jitter->loss) / (LOSS_BEFORE + jitter->loss_weighed);
	if (lost)
		jitter->in_row += (jitter->lost_last - jitter->in_row) * 0.1;
	jitter->lost_last = lost;
}

static void take(struct jitter *jitter, struct jitter_slot *slot, bool heard)
{
	/* What was invented while nobody knew better was loss if numbers are missing, else a pause of the peer. */
	uint32_t gap = slot->sequence - jitter->last_sequence - 1;

	if (gap)
		jitter->counts.concealed += jitter->unclear;
	for (uint32_t i = 0; i < gap && i < JITTER_SLOTS; i++) {
		count_loss(jitter, true);
		burst_lost(&jitter->burst, false);
	}
	if (heard)
		burst_received(&jitter->burst);
	else
		burst_lost(&jitter->burst, true);
	count_loss(jitter, slot->is_copy);
	jitter->counts.recovered += slot->is_copy;
	jitter->unclear = 0;
	jitter->last_sequence = slot->sequence;
	set_used(jitter, slot, false);
}

static void give(struct jitter *jitter, struct jitter_play *play, enum jitter_what what, uint32_t frames)
{
	play->what = what;
	play->frames = frames;
	jitter->next_at += frames;
}

/* Go on elsewhere than where playing is: everything behind comes so much sooner or later. */
static void leap_to(struct jitter *jitter, int64_t at)
{
	shift_low(jitter, jitter->next_at - at);
	jitter->next_at = at;
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
	if (lost && frames == lead) {
		play->next = head;
		play->skip = frames < jitter->usual_frames ? jitter->usual_frames - frames : 0;
	}
	give(jitter, play, lost ? JITTER_MISSING : JITTER_PAUSE, frames);
}

/* The delay ran away: throw away from the front until it is as wanted. @return whether `head` went */
static bool thrown_away(struct jitter *jitter, struct jitter_slot *head, int64_t over_us)
{
	if (over_us > RUNAWAY_US)
		jitter->catching_up = true;
	if (over_us < SLACK_US)
		jitter->catching_up = false;
	if (!jitter->catching_up || head->sequence == jitter->newest_sequence)
		return false;
	take(jitter, head, false);
	jitter->counts.late++;
	if (head->at + head->frames > jitter->next_at)
		leap_to(jitter, head->at + head->frames);
	return true;
}

/* `head` is behind its time by `by` frames. @return whether it is not to be played */
static bool too_late(struct jitter *jitter, struct jitter_slot *head, int64_t by, int64_t short_us,
		     struct jitter_play *play)
{
	jitter->counts.concealed += jitter->unclear;
	jitter->unclear = 0;
	if (short_us * 2 >= frames_us(by)) {
		/* More delay is wanted anyway: play it whole, everything behind it comes later by as much. */
		leap_to(jitter, head->at);
		return false;
	}
	if (by < head->frames) {
		play->skip = (uint32_t)by;
		return false;
	}
	take(jitter, head, false);
	jitter->counts.late++;
	if (++jitter->late_run >= LATE_RUN_MAX) {
		/* All are late: the anchor is of another time. */
		jitter->playing = false;
		delay_init(&jitter->delay);
		jitter->late_run = 0;
	}
	return true;
}

static void play_packet(struct jitter *jitter, struct jitter_slot *head, int64_t now_us, uint32_t queued,
			struct jitter_play *play)
{
	int64_t lag = lag_us(jitter, now_us, queued);
	int64_t slack_us = lag / 4 > SLACK_US ? lag / 4 : SLACK_US;

	int64_t spare = us_frames(low_lag_us(jitter) - jitter->target_us) - queued;
	jitter->spare = (int32_t)spare;
	jitter->steady++;
	play->excess = excess_of(jitter, spare, queued);
	play->urgent = frames_us(play->excess) > slack_us ||
		       low_lag_us(jitter) - frames_us(queued) < jitter->target_us - SHORT_US;
	take(jitter, head, true);
	jitter->dry_frames = jitter->late_run = 0;
	jitter->quiet = false;
	jitter->usual_frames = head->frames;
	jitter->counts.played++;
	jitter->delay_ms += ((double)lag / 1000.0 - jitter->delay_ms) * 0.1;
	play->packet = head;
	give(jitter, play, JITTER_PACKET, head->frames - play->skip);
	jitter->next_at = head->at + head->frames;
}

/* @return whether it may begin to play with `head` */
static bool may_begin(struct jitter *jitter, const struct jitter_slot *head, int64_t now_us, uint32_t queued)
{
	if (!jitter->delay.has_anchor) {
		delay_add(&jitter->delay, now_us - frames_us(head->at), now_us);
		set_target(jitter, now_us);
	}
	if (now_us + EARLY_US < jitter->delay.anchor_us + frames_us(head->at) + jitter->target_us)
		return false;
	jitter->playing = true;
	jitter->next_at = head->at;
	restart_low(jitter, now_us, queued);
	jitter->delay_ms = (double)lag_us(jitter, now_us, queued) / 1000.0;
	return true;
}

void jitter_get(struct jitter *jitter, int64_t now_us, uint32_t queued, struct jitter_play *play)
{
	assert(queued < TICK_FRAMES);
	*play = (struct jitter_play){ .what = JITTER_NOTHING };
	for (;;) {
		struct jitter_slot *head = head_of(jitter);
		if (head && head->filler) {
			take(jitter, head, true);
			jitter->quiet = true;
			continue;
		}
		if (!jitter->playing && (!head || !may_begin(jitter, head, now_us, queued)))
			return;
		if (!head) {
			run_dry(jitter, queued, play);
			return;
		}
		note_low(jitter, now_us, queued);
		int64_t over_us = lag_us(jitter, now_us, 0) - jitter->target_us;
		if (thrown_away(jitter, head, over_us))
			continue;
		int64_t lead = head->at - jitter->next_at;
		/* A hole need not be filled when the delay is too long anyway, or when it is no hole but a leap. */
		if (lead > 0 && (over_us > SLACK_US + frames_us(lead) || lead > 2 * DRY_MAX_FRAMES)) {
			leap_to(jitter, head->at);
			lead = 0;
		}
		if (lead > 0) {
			cross_hole(jitter, head, lead, play);
			return;
		}
		if (lead < 0 && too_late(jitter, head, -lead, -over_us, play))
			continue;
		play_packet(jitter, head, now_us, queued, play);
		return;
	}
}
