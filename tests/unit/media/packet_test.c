/* RTP, RTCP, telephone events: bytes in, facts out; and hostile bytes. */
#include "media/dtmf.h"
#include "media/rtcp.h"
#include "media/rtp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rtp_round_trip(void **state)
{
	(void)state;
	uint8_t bytes[64], payload[5] = { 1, 2, 3, 4, 5 };
	struct rtp_packet packet = { true, 101, 0xfedc, 0x89abcdef, 0x01234567, payload, 5 }, read;

	assert_int_equal(rtp_print(&packet, bytes, 16), 0);
	assert_int_equal(rtp_print(&packet, bytes, 17), 17);
	assert_int_equal(bytes[0], 0x80);
	assert_int_equal(bytes[1], 0x80 | 101);
	assert_true(rtp_parse(&read, bytes, 17));
	assert_true(read.marker && read.payload_type == 101 && read.sequence == 0xfedc && read.timestamp == 0x89abcdef);
	assert_true(read.ssrc == 0x01234567 && read.payload_bytes == 5);
	assert_memory_equal(read.payload, payload, 5);
}

static void rtp_bounds(void **state)
{
	(void)state;
	uint8_t bytes[40] = { 0x80, 0 };
	struct rtp_packet packet;

	assert_false(rtp_parse(&packet, bytes, 11));
	assert_true(rtp_parse(&packet, bytes, 12));
	assert_int_equal(packet.payload_bytes, 0);
	bytes[0] = 0x40;
	assert_false(rtp_parse(&packet, bytes, 40));
	bytes[0] = 0x82; /* two CSRC */
	assert_false(rtp_parse(&packet, bytes, 19));
	assert_true(rtp_parse(&packet, bytes, 21));
	assert_int_equal(packet.payload_bytes, 1);
	bytes[0] = 0x90; /* an extension of 3 words */
	bytes[15] = 3;
	assert_false(rtp_parse(&packet, bytes, 15));
	assert_false(rtp_parse(&packet, bytes, 27));
	assert_true(rtp_parse(&packet, bytes, 30));
	assert_int_equal(packet.payload_bytes, 2);
	bytes[0] = 0xa0; /* padding */
	bytes[39] = 29;
	assert_false(rtp_parse(&packet, bytes, 40));
	bytes[39] = 0;
	assert_false(rtp_parse(&packet, bytes, 40));
	bytes[39] = 28;
	assert_true(rtp_parse(&packet, bytes, 40));
	assert_int_equal(packet.payload_bytes, 0);
}

static enum rtp_verdict feed(struct rtp_source *source, uint16_t sequence)
{
	uint32_t extended;

	return rtp_source_update(source, sequence, &extended);
}

static void rtp_source_states(void **state)
{
	(void)state;
	struct rtp_source source;
	uint32_t extended;

	rtp_source_init(&source, 1, 0, 0);
	assert_int_equal(feed(&source, 0), RTP_RESTARTED);
	assert_int_equal(rtp_source_expected(&source), 1);
	rtp_source_init(&source, 1, 65534, 2);
	assert_int_equal(feed(&source, 65534), RTP_WAIT);
	assert_int_equal(feed(&source, 65535), RTP_RESTARTED);
	assert_int_equal(rtp_source_update(&source, 0, &extended), RTP_GOOD);
	assert_int_equal(extended, 65536);
	assert_int_equal(feed(&source, 0), RTP_DUPLICATE);
	assert_int_equal(feed(&source, 3), RTP_GOOD);
	assert_int_equal(rtp_source_lost(&source), 2);
	assert_int_equal(rtp_source_fraction(&source), 1 * 256 / 5); /* A.3: the duplicate was received */
	assert_int_equal(rtp_source_update(&source, 2, &extended), RTP_GOOD); /* late, but it came */
	assert_int_equal(extended, 65538);
	assert_int_equal(feed(&source, 2), RTP_DUPLICATE);
	assert_int_equal(feed(&source, 65535), RTP_DUPLICATE);
	assert_int_equal(rtp_source_lost(&source), 1);
	assert_int_equal(source.duplicates, 3);
	assert_int_equal(source.bursts, 1);
	assert_int_equal(rtp_source_fraction(&source), 0);
	/* one stray number is no restart, two in sequence are */
	assert_int_equal(feed(&source, 30000), RTP_WAIT);
	assert_int_equal(feed(&source, 4), RTP_GOOD);
	assert_int_equal(feed(&source, 30000), RTP_WAIT);
	assert_int_equal(feed(&source, 30001), RTP_RESTARTED);
	assert_int_equal(rtp_source_expected(&source), 1);
}

static void rtp_jitter(void **state)
{
	(void)state;
	struct rtp_source source;

	rtp_source_init(&source, 1, 0, 0);
	/* RFC 3550 A.8: alternately 10 ms early and late converges to the mean difference of 10 ms */
	for (uint32_t i = 0; i < 500; i++)
		rtp_source_arrival(&source, i * 160, (int64_t)i * 20000 + (i & 1 ? 10000 : 0), 8000);
	assert_true(fabs(rtp_source_jitter_ms(&source, 8000) - 10) < 0.5);
}

static void rtcp_round_trip(void **state)
{
	(void)state;
	struct rtcp_report report = { .ssrc = 7, .is_sender = true, .ntp = rtcp_ntp(1000000), .timestamp = 5,
				      .packets = 6, .octets = 7, .has_block = true, .cname = "alice@example.org",
				      .bye = true }, read;
	uint8_t bytes[RTCP_MAX_BYTES];

	report.block = (struct rtcp_block){ 9, 64, -3, 70000, 11, 12, 13 };
	assert_int_equal(rtcp_print(&report, bytes, RTCP_MAX_BYTES - 1), 0);
	size_t n = rtcp_print(&report, bytes, sizeof bytes);
	assert_int_equal(n % 4, 0);
	assert_true(rtcp_parse(&read, bytes, n, 9));
	assert_true(read.ssrc == 7 && read.is_sender && read.ntp == report.ntp && read.timestamp == 5 &&
		    read.packets == 6);
	assert_true(read.octets == 7 && read.has_block && read.bye);
	assert_memory_equal(&read.block, &report.block, sizeof read.block);
	assert_string_equal(read.cname, "alice@example.org");
	assert_true(rtcp_parse(&read, bytes, n, 10));
	assert_false(read.has_block);
	for (size_t cut = 0; cut < n; cut++) {
		/* a copy of exact size, so that the sanitizer sees a read behind it */
		uint8_t *part = malloc(cut ? cut : 1);
		memcpy(part, bytes, cut);
		bool whole_packets = cut == 52 || cut == 80;
		assert_int_equal(rtcp_parse(&read, part, cut, 9), whole_packets);
		free(part);
	}
	memset(report.cname, 'x', sizeof report.cname); /* not even an end */
	report.is_sender = report.bye = report.has_block = false;
	n = rtcp_print(&report, bytes, sizeof bytes);
	assert_true(rtcp_parse(&read, bytes, n, 9));
	assert_int_equal(strlen(read.cname), RTCP_CNAME_MAX_BYTES - 1);
	bytes[1] = RTCP_SDES; /* a report must be first */
	assert_false(rtcp_parse(&read, bytes, n, 9));
}

static void rtcp_times(void **state)
{
	(void)state;
	/* RFC 3550 6.4.1, figure 2 */
	struct rtcp_block block = { .lsr = 0xb7052000, .dlsr = 0x00054000 };
	struct random random;

	assert_true(fabs(rtcp_round_trip_ms(&block, 0xb7108000) - 6125) < 0.1);
	block.lsr = 0;
	assert_true(rtcp_round_trip_ms(&block, 0xb7108000) < 0);
	assert_int_equal(rtcp_ntp(500000) >> 32, 2208988800u);
	assert_int_equal((uint32_t)rtcp_ntp(500000), 0x80000000u);

	random_init_seeded(&random, 1);
	struct rtcp_schedule schedule;
	double sum = 0, least = 1e9, most = 0;
	for (int i = 0; i < 2000; i++) {
		rtcp_schedule_init(&schedule, 0, 64000, &random);
		schedule.members = 2;
		schedule.initial = false;
		double s = (double)rtcp_interval_us(&schedule, &random) / 1e6;
		sum += s;
		least = s < least ? s : least;
		most = s > most ? s : most;
	}
	assert_true(least >= 2.5 / 1.21829 && most <= 7.5 / 1.21828 && fabs(sum / 2000 - 5 / 1.21828) < 0.1);
	/* Reports by reconsideration come every 5 s in the mean, the first after 2.5. */
	int64_t now = 0, first = 0, reports = 0;
	rtcp_schedule_init(&schedule, 0, 64000, &random);
	schedule.members = 2;
	while (now < INT64_C(5000000000)) {
		now = schedule.next_us;
		if (rtcp_schedule_due(&schedule, now, &random) && !reports++)
			first = now;
	}
	assert_true(first >= 1000000 && first <= 3100000);
	assert_true(reports > 900 && reports < 1100);
	/* The first may go at once, which is taken into account; none after it. */
	rtcp_schedule_init(&schedule, 0, 64000, &random);
	assert_true(rtcp_schedule_early(&schedule, 200000, &random));
	assert_true(!schedule.initial && schedule.last_us == 200000 && schedule.next_us >= 2200000);
	assert_false(rtcp_schedule_early(&schedule, 300000, &random));
	assert_int_equal(schedule.last_us, 200000);
}

/* Reports in 5000 s of a session of `bits`, where somebody sends; `news`: there is always something to tell. */
static int reports_of(double bits, bool news, int64_t *least_us)
{
	struct rtcp_schedule schedule;
	struct random random;
	int64_t before = 0;
	int reports = 0;

	random_init_seeded(&random, 2);
	rtcp_schedule_init(&schedule, 0, 64000, &random);
	rtcp_schedule_bandwidth(&schedule, bits);
	schedule.members = schedule.senders = 2;
	*least_us = INT64_MAX;
	for (int64_t now = 0; now < INT64_C(5000000000); now += 10000) {
		bool early = news && rtcp_schedule_early(&schedule, now, &random);
		if (!early && (now < schedule.next_us || !rtcp_schedule_due(&schedule, now, &random)))
			continue;
		if (reports++ > 1 && now - before < *least_us)
			*least_us = now - before;
		before = now;
	}
	return reports;
}

/* The reduced minimum of RFC 3550 6.2, and what news does within it: sooner once, no more often. */
static void news_hurries_a_report_and_adds_none(void **state)
{
	static const struct { double bits, mean_s; } rows[] = { { 64000, 5 }, { 160000, 2.25 }, { 256000, 1.406 },
								 { 1600000, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double usual = 5000 / rows[i].mean_s;
		int64_t least_us, least_news_us;
		int plain = reports_of(rows[i].bits, false, &least_us);
		assert_in_range(plain, (uintmax_t)(usual * 0.9), (uintmax_t)(usual * 1.1));
		assert_in_range(reports_of(rows[i].bits, true, &least_news_us), 1, (uintmax_t)(usual * 1.1));
		/* What chance may make of an interval: half of it by 1.21828, and no less. */
		assert_true((double)least_us >= rows[i].mean_s * 0.41e6);
		assert_true((double)least_news_us >= rows[i].mean_s * 0.41e6);
	}
	struct rtcp_schedule schedule;
	struct random random;
	random_init_seeded(&random, 3);
	rtcp_schedule_init(&schedule, 0, 160000, &random);
	schedule.members = schedule.senders = 2;
	rtcp_schedule_early(&schedule, 1000000, &random);
	assert_false(rtcp_schedule_early(&schedule, 1900000, &random));
	assert_true(rtcp_schedule_early(&schedule, 1930000, &random));
	assert_int_equal(schedule.last_us, 3250000); /* when it would have been due */
	assert_false(rtcp_schedule_early(&schedule, 4000000, &random));
}

static void junk_is_survived(void **state)
{
	(void)state;
	struct random random;
	struct rtp_packet packet;
	struct rtcp_report report;
	struct rtp_source source;
	struct dtmf_receiver receiver = { 0 };

	random_init_seeded(&random, 4);
	rtp_source_init(&source, 1, 0, 0);
	for (int i = 0; i < 100000; i++) {
		size_t n = random_below(&random, 80);
		uint8_t *bytes = malloc(n ? n : 1);
		random_fill(&random, bytes, n);
		if (n > 3 && i & 1) {
			bytes[0] = (uint8_t)(0x80 | (bytes[0] & 0x3f));
			bytes[1] = (uint8_t)(200 + bytes[1] % 4);
			bytes[2] = 0;
			bytes[3] %= 20;
		}
		if (rtp_parse(&packet, bytes, n)) {
			assert_true(packet.payload >= bytes && packet.payload + packet.payload_bytes <= bytes + n);
			feed(&source, packet.sequence);
			dtmf_receive(&receiver, packet.timestamp, packet.payload, packet.payload_bytes);
			assert_true(rtp_source_lost(&source) <= rtp_source_expected(&source));
		}
		if (rtcp_parse(&report, bytes, n, 1))
			assert_true(memchr(report.cname, 0, sizeof report.cname) != NULL);
		free(bytes);
	}
}

static void digit_is_sent_exactly(void **state)
{
	(void)state;
	static struct dtmf_sender sender;
	struct dtmf_packet packet;
	unsigned packets = 0, ends = 0, last_duration = 0;
	uint32_t clock = 1000;

	assert_true(dtmf_queue(&sender, &(struct dtmf_item){ .digit = '5', .tone_ms = 100, .gap_ms = 70 }));
	assert_true(dtmf_queue(&sender, &(struct dtmf_item){ .digit = ',', .pause_ms = 200 }));
	assert_true(dtmf_queue(&sender, &(struct dtmf_item){ .digit = '#', .tone_ms = 100, .gap_ms = 70 }));
	enum dtmf_step steps[60];
	for (unsigned tick = 0; tick < 60; tick++, clock += 80) {
		steps[tick] = dtmf_tick(&sender, clock, 8000, &packet);
		if (steps[tick] != DTMF_SEND || tick >= 17)
			continue;
		unsigned duration = (unsigned)(packet.payload[2] << 8 | packet.payload[3]);
		assert_int_equal(packet.marker, tick == 0);
		assert_int_equal(packet.timestamp, 1000);
		assert_int_equal(packet.payload[0], 5);
		assert_int_equal(packet.payload[1] & 0x3f, 10);
		assert_int_equal(tick % 2, 0);
		assert_true(duration == last_duration + 160 || (duration == 800 && ends));
		ends += packet.payload[1] >> 7;
		last_duration = duration;
		packets++;
	}
	assert_int_equal(packets, 7);
	assert_int_equal(ends, 3);
	assert_int_equal(last_duration, 800);
	assert_int_equal(steps[16], DTMF_BUSY);   /* the gap */
	assert_int_equal(steps[17], DTMF_PAUSE);  /* 170 ms later */
	assert_int_equal(steps[36], DTMF_PAUSE);
	assert_int_equal(steps[37], DTMF_SEND);   /* 200 ms later */
	assert_int_equal(steps[53], DTMF_BUSY);
	assert_int_equal(steps[54], DTMF_DONE);
	assert_int_equal(steps[55], DTMF_IDLE);
}

static char hear(struct dtmf_receiver *receiver, uint32_t timestamp, uint8_t code, bool end, uint16_t duration)
{
	uint8_t payload[4] = { code, (uint8_t)(end ? 0x8a : 0x0a), (uint8_t)(duration >> 8), (uint8_t)duration };

	return dtmf_receive(receiver, timestamp, payload, 4);
}

static void digit_is_heard_once(void **state)
{
	(void)state;
	struct dtmf_receiver receiver = { 0 };

	assert_int_equal(hear(&receiver, 1000, 1, false, 160), '1');
	assert_int_equal(hear(&receiver, 1000, 1, false, 320), 0);
	assert_int_equal(hear(&receiver, 1000, 1, true, 800), 0);
	assert_int_equal(hear(&receiver, 1000, 1, true, 800), 0);
	assert_int_equal(hear(&receiver, 3000, 1, true, 800), '1'); /* only its end arrived */
	assert_int_equal(hear(&receiver, 5000, 11, false, 160), '#'); /* its end will be lost */
	assert_int_equal(hear(&receiver, 7000, 15, false, 160), 'D');
	assert_int_equal(hear(&receiver, 5000, 11, true, 800), 0); /* overtaken */
	assert_int_equal(hear(&receiver, 9000, 16, false, 160), 0); /* a flash hook is no digit */
	assert_int_equal(hear(&receiver, 20000, 2, false, 0xffff), '2'); /* a very long press, in two segments */
	assert_int_equal(hear(&receiver, 20000 + 0xffff, 2, false, 160), 0);
	assert_int_equal(hear(&receiver, 200000, 2, false, 0xfc40), '2'); /* the end of the first segment is lost */
	assert_int_equal(hear(&receiver, 200000 + 0xffff, 2, false, 0xfc40), 0);
	assert_int_equal(hear(&receiver, 200000 + 2 * 0xffff, 2, true, 160), 0);
	assert_int_equal(hear(&receiver, 200000 + 3 * 0xffff, 2, false, 160), '2'); /* pressed again */
	uint8_t shorter[3] = { 1, 0, 0 };
	assert_int_equal(dtmf_receive(&receiver, 900000, shorter, 3), 0);
}

/* RFC 4733 2.5.1.3: at 48 kHz the duration is full after 1.365 s. Lost packets make no second digit of it. */
static void a_long_digit_has_several_parts(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 5; lost++) {
		static struct dtmf_sender sender;
		struct dtmf_receiver receiver = { 0 };
		struct dtmf_packet packet;
		enum dtmf_step step;
		unsigned markers = 0, ends = 0, heard = 0, packets = 0;
		uint32_t timestamp = 5000;
		sender = (struct dtmf_sender){ 0 };
		assert_true(dtmf_queue(&sender, &(struct dtmf_item){ .digit = '7', .tone_ms = 3010, .gap_ms = 60 }));
		while ((step = dtmf_tick(&sender, 5000, 48000, &packet)) != DTMF_DONE) {
			if (step != DTMF_SEND)
				continue;
			unsigned duration = (unsigned)(packet.payload[2] << 8 | packet.payload[3]);
			bool end = packet.payload[1] & 0x80;
			packets++;
			markers += packet.marker;
			ends += end;
			assert_true(packet.timestamp == timestamp || packet.timestamp == timestamp + 0xffff);
			timestamp = packet.timestamp;
			if (end)
				assert_int_equal(timestamp + duration, 5000 + 3010 * 48);
			if (lost && packets % 5 == lost)
				continue;
			char digit = dtmf_receive(&receiver, packet.timestamp, packet.payload, sizeof packet.payload);
			assert_true(!digit || digit == '7');
			heard += digit == '7';
		}
		assert_int_equal(timestamp, 5000 + 2 * 0xffff);
		assert_int_equal(markers, 1);
		assert_int_equal(ends, 3);
		assert_int_equal(heard, 1);
	}
}

static void audible_digits_leave_room_for_voice(void **state)
{
	(void)state;
	static struct dtmf_sender sender;
	struct dtmf_packet packet;

	assert_true(
		dtmf_queue(&sender, &(struct dtmf_item){ .digit = '1', .audible = true, .tone_ms = 50, .gap_ms = 60 }));
	/* An event that nobody would take is made audible. */
	assert_true(dtmf_queue(&sender, &(struct dtmf_item){ .digit = '2', .tone_ms = 40, .gap_ms = 60 }));
	for (int tick = 0; tick < 11; tick++)
		assert_int_equal(dtmf_tick(&sender, 0, 8000, &packet), tick < 5 ? DTMF_TONE : DTMF_SILENCE);
	for (int tick = 0; tick < 10; tick++)
		assert_int_equal(dtmf_tick(&sender, 0, 0, &packet), tick < 4 ? DTMF_TONE : DTMF_SILENCE);
	assert_int_equal(dtmf_tick(&sender, 0, 0, &packet), DTMF_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtp_round_trip),
		cmocka_unit_test(rtp_bounds),
		cmocka_unit_test(rtp_source_states),
		cmocka_unit_test(rtp_jitter),
		cmocka_unit_test(rtcp_round_trip),
		cmocka_unit_test(rtcp_times),
		cmocka_unit_test(news_hurries_a_report_and_adds_none),
		cmocka_unit_test(junk_is_survived),
		cmocka_unit_test(digit_is_sent_exactly),
		cmocka_unit_test(digit_is_heard_once),
		cmocka_unit_test(a_long_digit_has_several_parts),
		cmocka_unit_test(audible_digits_leave_room_for_voice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
