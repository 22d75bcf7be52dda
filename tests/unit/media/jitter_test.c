/* The jitter buffer under simulated networks and clocks, in virtual time. */
#include "base/random.h"
#include "media/jitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PACKETS_MAX = 20000, TICK = 480, FRAMES = 960 };

/* One packet under way. */
struct flight {
	int64_t at_us;
	uint32_t sequence, timestamp;
};

struct network {
	struct flight flights[PACKETS_MAX];
	size_t count;
};

struct result {
	uint64_t packets, missing, pauses, nothing, skipped;
	double most_buffer_ms, last_delay_ms;
	uint32_t last_sequence;
	uint64_t disorder;
};

static struct network network;

static int by_time(const void *a, const void *b)
{
	const struct flight *x = a, *y = b;

	return x->at_us < y->at_us ? -1 : x->at_us > y->at_us ? 1 : (int)(x->sequence - y->sequence);
}

static void send_packet(int64_t at_us, uint32_t sequence, uint32_t timestamp)
{
	assert_true(network.count < PACKETS_MAX);
	network.flights[network.count++] = (struct flight){ at_us, sequence, timestamp };
}

/* Play until `end_us`; stretches are made exactly as asked when `stretches`. */
static struct result play(struct jitter *jitter, int64_t end_us, bool stretches)
{
	struct result result = { 0 };
	size_t next = 0;
	int64_t queued = 0;

	qsort(network.flights, network.count, sizeof network.flights[0], by_time);
	for (int64_t now = 0; now < end_us; now += 10000) {
		for (; next < network.count && network.flights[next].at_us <= now; next++) {
			uint8_t payload[1] = { 1 };
			struct jitter_packet packet = { network.flights[next].sequence, network.flights[next].timestamp,
				8000, FRAMES, 0, payload, 1, false };
			jitter_put(jitter, &packet, network.flights[next].at_us);
		}
		while (queued < TICK) {
			struct jitter_play it;
			jitter_get(jitter, now, (uint32_t)queued, &it);
			if (it.what == JITTER_NOTHING) {
				result.nothing++;
				queued = TICK;
				break;
			}
			queued += it.frames;
			if (it.what == JITTER_PACKET) {
				result.packets++;
				result.skipped += it.skip > 0;
				int32_t ahead = (int32_t)(it.packet->sequence - result.last_sequence);
				result.disorder += result.last_sequence && ahead <= 0;
				result.last_sequence = it.packet->sequence;
				if (stretches && it.excess) {
					int32_t by = it.excess > TICK ? TICK : it.excess < -TICK ? -TICK : it.excess;
					queued -= by;
					jitter_stretched(jitter, by);
				}
			}
			result.missing += it.what == JITTER_MISSING;
			result.pauses += it.what == JITTER_PAUSE;
		}
		queued -= TICK;
		if (jitter->delay_ms > result.most_buffer_ms)
			result.most_buffer_ms = jitter->delay_ms;
	}
	result.last_delay_ms = jitter->delay_ms;
	network.count = 0;
	return result;
}

static void steady(void **state)
{
	(void)state;
	struct jitter jitter;

	for (int64_t offset = 0; offset < 10000; offset += 1700) {
		jitter_init(&jitter, 10, 300);
		for (uint32_t i = 0; i < 1000; i++)
			send_packet(offset + i * INT64_C(20000), i + 5, i * 160 + 4294960000u);
		struct result result = play(&jitter, 20000000, true);
		assert_true(result.packets >= 998 && result.missing == 0 && result.pauses == 0);
		assert_true(result.most_buffer_ms <= 20.1);
		assert_int_equal(jitter.counts.late + jitter.counts.concealed, 0);
		jitter_fini(&jitter);
	}
}

static void loss_and_reordering_and_duplicates(void **state)
{
	(void)state;
	struct jitter jitter;

	jitter_init(&jitter, 10, 300);
	jitter_set_floor(&jitter, 32);
	for (uint32_t i = 0; i < 2000; i++) {
		if (i % 20 == 10)
			continue;
		send_packet(i * INT64_C(20000) + (i % 50 == 3 ? 25000 : 0), i, i * 160);
		if (i % 33 == 0)
			send_packet(i * INT64_C(20000) + 3000, i, i * 160);
	}
	struct result result = play(&jitter, 40000000, true);
	assert_int_equal(result.disorder, 0);
	assert_in_range(result.packets, 1896, 1899); /* the last ones are still waiting */
	assert_int_equal(jitter.counts.late, 0);
	/* 100 lost packets of 20 ms, each concealed as a whole with its successor at hand */
	assert_int_equal(result.missing, 100);
	assert_int_equal(jitter.counts.concealed, 200);
	assert_true(jitter_loss(&jitter) > 0.02 && jitter_loss(&jitter) < 0.09);
	jitter_fini(&jitter);
}

static void adapts_to_jitter(void **state)
{
	(void)state;
	struct jitter jitter;
	struct random random;

	random_init_seeded(&random, 5);
	jitter_init(&jitter, 10, 300);
	for (uint32_t i = 0; i < 3000; i++)
		send_packet(i * INT64_C(20000) + random_below(&random, 60000), i, i * 160);
	struct result result = play(&jitter, 60000000, true);
	assert_int_equal(result.disorder, 0);
	assert_true(jitter.counts.late < 60); /* 2 % */
	assert_true(jitter.counts.concealed < 150);
	assert_true(result.last_delay_ms > 40 && result.last_delay_ms < 90);
	/* and back again when it calms down */
	jitter_reset(&jitter);
	for (uint32_t i = 0; i < 3000; i++)
		send_packet(i * INT64_C(20000), i + 3000, i * 160);
	result = play(&jitter, 60000000, true);
	assert_true(result.last_delay_ms < 35);
	jitter_fini(&jitter);
}

static void a_standstill_does_not_stay_as_delay(void **state)
{
	(void)state;
	struct jitter jitter;

	for (int64_t stop = 200000; stop <= 3200000; stop += 1000000) {
		jitter_init(&jitter, 10, 300);
		for (uint32_t i = 0; i < 2000; i++) {
			int64_t at = i * INT64_C(20000);
			if (at >= 10000000 && at < 10000000 + stop)
				at = 10000000 + stop;
			send_packet(at, i, i * 160);
		}
		struct result result = play(&jitter, 40000000, true);
		assert_int_equal(result.disorder, 0);
		assert_true(result.last_delay_ms < 60);
		assert_true(result.packets > 1700 - (uint64_t)stop / 20000);
		jitter_fini(&jitter);
	}
}

static void drift(void **state)
{
	(void)state;
	struct jitter jitter;

	for (int ppm = -300; ppm <= 300; ppm += 150) {
		jitter_init(&jitter, 10, 300);
		for (uint32_t i = 0; i < 15000; i++)
			send_packet((int64_t)(i * 20000.0 * (1 + ppm * 1e-6)), i, i * 160);
		struct result result = play(&jitter, 299000000, true);
		assert_int_equal(jitter.counts.late, 0);
		assert_true(result.missing <= 10);
		assert_true(result.most_buffer_ms < 45);
		jitter_fini(&jitter);
	}
}

/* The first packet is heard within one frame of 20 ms, whenever between two ticks it comes. */
static void begins_at_once(void **state)
{
	(void)state;
	for (int64_t at = 0; at < 10000; at += 700) {
		struct jitter jitter;
		struct jitter_play it = { .what = JITTER_NOTHING };
		uint8_t payload[1] = { 1 };
		struct jitter_packet packet = { 7, 1000, 8000, FRAMES, 0, payload, 1, false };
		int64_t now = 0;
		jitter_init(&jitter, 10, 300);
		for (bool put = false; it.what != JITTER_PACKET; now += 10000) {
			if (!put && at <= now)
				put = jitter_put(&jitter, &packet, at);
			jitter_get(&jitter, now, 0, &it);
		}
		assert_true(now - 10000 - at <= 20000);
		jitter_fini(&jitter);
	}
}

/* The network takes another way, 80 ms longer, and later back: the delay follows up at once, down within some
 * seconds. */
static void follows_a_change_of_route(void **state)
{
	(void)state;
	struct jitter jitter;

	for (uint32_t seconds = 20; seconds <= 60; seconds += 20) {
		jitter_init(&jitter, 10, 300);
		for (uint32_t i = 0; i < seconds * 50; i++) {
			bool longer = i >= 500 && i < 1500;
			send_packet(i * INT64_C(20000) + (longer ? 80000 : 0), i, i * 160);
		}
		struct result result = play(&jitter, seconds * INT64_C(1000000), true);
		assert_int_equal(result.disorder, 0);
		/* the packets that are missing while the way gets longer, and none that can be played thrown away */
		assert_in_range(jitter.counts.concealed, 0, 16);
		assert_in_range(jitter.counts.late, 0, 4);
		assert_true(result.last_delay_ms < (seconds < 60 ? 100 : 25));
		jitter_fini(&jitter);
	}
}

/* A radio that scans: every 5 s nothing comes for 120 ms, and then all at once. */
static void learns_that_stalls_come_again(void **state)
{
	(void)state;
	struct jitter jitter;

	jitter_init(&jitter, 10, 300);
	for (uint32_t i = 0; i < 3000; i++) {
		int64_t at = i * INT64_C(20000), into = at % 5000000;
		send_packet(at > 5000000 && into < 120000 ? at - into + 120000 : at, i, i * 160);
	}
	struct result result = play(&jitter, 60000000, true);
	assert_int_equal(result.disorder, 0);
	/* three of the eleven are heard, the others are waited for */
	assert_in_range(jitter.counts.concealed, 1, 3 * 13);
	assert_true(result.last_delay_ms > 120 && result.last_delay_ms < 170);
	jitter_fini(&jitter);
}

/* One single late packet in a quiet network is no reason to wait for all that follow. */
static void one_spike_is_forgotten(void **state)
{
	(void)state;
	struct jitter jitter;

	jitter_init(&jitter, 10, 300);
	for (uint32_t i = 0; i < 2000; i++)
		send_packet(i * INT64_C(20000) + (i == 1000 ? 90000 : 0), i, i * 160);
	struct result result = play(&jitter, 40000000, true);
	assert_int_equal(jitter.counts.late, 1);
	assert_in_range(jitter.counts.concealed, 2, 2);
	assert_true(result.most_buffer_ms < 21 && result.last_delay_ms < 21);
	jitter_fini(&jitter);
}

static void pauses_jumps_and_holds(void **state)
{
	(void)state;
	struct jitter jitter;
	uint32_t sequence = 0;

	/* discontinuous transmission: numbers run on, timestamps leap by the pause */
	jitter_init(&jitter, 10, 300);
	for (int64_t at = 0; at < 20000000; at += 20000)
		if (at / 1000000 % 2 == 0)
			send_packet(at, sequence++, (uint32_t)(at / 125));
	struct result result = play(&jitter, 20000000, true);
	assert_int_equal(result.packets, sequence);
	assert_int_equal(jitter.counts.concealed, 0);
	assert_int_equal(jitter.counts.late, 0);
	assert_true(result.last_delay_ms < 25);
	jitter_fini(&jitter);

	/* a hold during which the timestamps stood still, and one after which they leap by an hour, back or forth */
	static const int64_t LEAPS[] = { 0, 3600 * 8000, -3600 * 8000, 4000, -4000 };
	for (size_t k = 0; k < ARRAY_LEN(LEAPS); k++) {
		jitter_init(&jitter, 10, 300);
		for (uint32_t i = 0; i < 1000; i++)
			send_packet(i * INT64_C(20000) + (i >= 500 ? 5000000 : 0), i,
				    i * 160 + (i >= 500 ? (uint32_t)LEAPS[k] : 0));
		result = play(&jitter, 25000000, true);
		assert_true(result.packets >= 985);
		assert_true(result.last_delay_ms < 40);
		jitter_fini(&jitter);
	}

	/* leaps of less than a second without a hold */
	for (int k = -4; k <= 4; k++) {
		jitter_init(&jitter, 10, 300);
		for (uint32_t i = 0; i < 2000; i++)
			send_packet(i * INT64_C(20000), i, i * 160 + 100000 + (i >= 500 ? (uint32_t)(k * 1600) : 0));
		result = play(&jitter, 40000000, true);
		assert_true(result.packets >= 1900);
		assert_true(result.last_delay_ms < 40);
		jitter_fini(&jitter);
	}
}

static void events_are_no_loss(void **state)
{
	(void)state;
	struct jitter jitter;
	struct jitter_play it;
	uint8_t payload[1] = { 1 };
	int64_t now = 0, queued = 0;

	jitter_init(&jitter, 10, 300);
	for (uint32_t i = 0; i < 100; i++) {
		bool event = i >= 40 && i < 47;
		struct jitter_packet packet = { i, event ? 40 * 160 : i * 160, 8000, event ? 0 : FRAMES, 0, payload,
			1, false };
		jitter_put(&jitter, &packet, now);
		for (int k = 0; k < 2; k++, now += 10000, queued -= TICK)
			while (queued < TICK) {
				jitter_get(&jitter, now, (uint32_t)queued, &it);
				queued += it.what == JITTER_NOTHING ? TICK : it.frames;
			}
	}
	assert_true(jitter.counts.played >= 91);
	assert_int_equal(jitter.counts.concealed, 0);
	assert_int_equal(jitter.counts.late, 0);
	jitter_fini(&jitter);
}

static void junk_never_breaks_it(void **state)
{
	(void)state;
	struct jitter jitter;
	struct jitter_play it;
	struct random random;
	uint8_t payload[JITTER_PAYLOAD_MAX_BYTES + 1] = { 0 };
	int64_t now = 1000000;

	random_init_seeded(&random, 11);
	jitter_init(&jitter, 10, 300);
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t kind = random_below(&random, 8);
		struct jitter_packet packet = {
			.sequence = kind == 0 ? random_u32(&random) : i + random_below(&random, 100),
			.timestamp = kind == 1 ? random_u32(&random) : i * 160 + random_below(&random, 5000),
			.clock_rate = 8000,
			.frames = kind == 2 ? 0 : 1 + random_below(&random, 5760),
			.payload = payload,
			.bytes = kind == 3 ? sizeof payload : random_below(&random, 200),
		};
		jitter_put(&jitter, &packet, now - random_below(&random, 30000));
		uint32_t frames = 0;
		for (int k = 0; k < 100 && frames < TICK; k++) {
			jitter_get(&jitter, now, frames, &it);
			if (it.what == JITTER_NOTHING)
				break;
			assert_true(it.frames <= 5760);
			frames += it.frames;
		}
		now += 10000;
	}
	jitter_fini(&jitter);
}

/* Positions are sums of what the peer's timestamps say: a peer whose timestamps leap on and on must not make them
 * overflow. */
static void leaping_timestamps_do_not_add_up(void **state)
{
	(void)state;
	struct jitter jitter;
	uint8_t payload[160] = { 0 };

	jitter_init(&jitter, 10, 300);
	for (uint32_t i = 0; i < 1000; i++) {
		struct jitter_packet packet = { .sequence = 1000 + i, .timestamp = i * 0x7fffffffu, .clock_rate = 8000,
						.frames = 960, .payload = payload, .bytes = sizeof payload };
		jitter_put(&jitter, &packet, INT64_C(1000000000) + i * 20000);
	}
	assert_in_range(jitter.newest_at + INT64_C(0x7fffffff) * 6, 0, INT64_C(2) * 0x7fffffff * 6);
	jitter_fini(&jitter);
}

/* The first packets leave while the peer still opens its devices; two seconds later that is forgotten. */
static void an_uneven_beginning_is_forgotten(void **state)
{
	(void)state;
	struct delay delay;

	delay_init(&delay);
	for (int64_t i = 0; i < 20; i++)
		delay_add(&delay, 1000 + (i % 3) * 8000, i * 20000);
	assert_true(delay_wanted_us(&delay, 400000) >= 16000);
	for (int64_t i = 20; i < 100; i++)
		delay_add(&delay, 1000 + i % 3 * 500, i * 20000);
	assert_true(delay_wanted_us(&delay, 2000000) <= 3000);
	/* what goes on is not */
	for (int64_t i = 100; i < 1000; i++)
		delay_add(&delay, 1000 + (i % 20 ? 0 : 30000), i * 20000);
	assert_true(delay_wanted_us(&delay, 20000000) >= 30000);
}

/*
 * The caller can move its ticks, but not yet: a lag that is short by less than a tick would let all copies come too
 * late, which come with the second packet behind the lost one to the millisecond.
 */
static void copies_are_in_time_before_ticks_move(void **state)
{
	(void)state;

	for (int64_t phase_us = 0; phase_us < 10000; phase_us += 500) {
		const uint8_t payload[1] = { 1 };
		struct jitter jitter;
		int64_t queued = 0;
		uint32_t sent = 0;

		jitter_init(&jitter, 0, 500);
		jitter.phased = true;
		for (int64_t now = 0; now < 1500000; now += 10000) {
			for (;; sent++) {
				int64_t at = (int64_t)sent * 20000 + phase_us + sent % 2 * 5000;
				if (at > now)
					break;
				struct jitter_packet packet = { sent, sent * 160, 8000, FRAMES, 0, payload, 1, false };
				struct jitter_packet copy = packet;
				copy.sequence -= 2;
				copy.timestamp -= 320;
				copy.is_copy = true;
				if (sent % 10 == 1 && sent > 1)
					jitter_put(&jitter, &copy, at);
				if (sent % 10 != 9)
					jitter_put(&jitter, &packet, at);
			}
			if (jitter.playing)
				jitter_set_floor(&jitter, 40);
			while (queued < TICK) {
				struct jitter_play it;
				jitter_get(&jitter, now, (uint32_t)queued, &it);
				queued += it.what == JITTER_NOTHING ? TICK : it.frames;
				/* the silence before the first word */
				if (it.what == JITTER_PACKET && it.excess < 0 && jitter.counts.played < 5) {
					queued -= it.excess;
					jitter_stretched(&jitter, it.excess);
				}
			}
			queued -= TICK;
		}
		assert_int_equal(jitter.counts.late, 0);
		assert_int_equal(jitter.counts.concealed, 0);
		assert_int_equal(jitter.counts.recovered, 7);
		jitter_fini(&jitter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_uneven_beginning_is_forgotten),
		cmocka_unit_test(steady),
		cmocka_unit_test(loss_and_reordering_and_duplicates),
		cmocka_unit_test(adapts_to_jitter),
		cmocka_unit_test(a_standstill_does_not_stay_as_delay),
		cmocka_unit_test(drift),
		cmocka_unit_test(begins_at_once),
		cmocka_unit_test(follows_a_change_of_route),
		cmocka_unit_test(learns_that_stalls_come_again),
		cmocka_unit_test(one_spike_is_forgotten),
		cmocka_unit_test(pauses_jumps_and_holds),
		cmocka_unit_test(events_are_no_loss),
		cmocka_unit_test(junk_never_breaks_it),
		cmocka_unit_test(leaping_timestamps_do_not_add_up),
		cmocka_unit_test(copies_are_in_time_before_ticks_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
