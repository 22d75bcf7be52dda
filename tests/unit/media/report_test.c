/* Extended reports (RFC 3611), losses in a row, and the E-model. */
#include "media/burst.h"
#include "media/quality.h"
#include "media/rtcp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void losses_in_rows(void **state)
{
	(void)state;
	struct burst burst = { 0 };
	struct burst_metrics metrics = burst_metrics(&burst, 20);

	assert_true(metrics.burst_density == 0 && metrics.gap_ms == 0);
	/* lone losses, 99 received between: all gap, 1 % */
	for (int i = 0; i < 100; i++) {
		for (int k = 0; k < 99; k++)
			burst_received(&burst);
		burst_lost(&burst, false);
	}
	metrics = burst_metrics(&burst, 20);
	assert_true(fabs(metrics.gap_density - 0.01) < 0.001);

	/* every 100 packets a burst of 10 in which every second is lost: half of it is lost, and it lasts 9 packets */
	burst = (struct burst){ 0 };
	for (int i = 0; i < 100; i++) {
		for (int k = 0; k < 90; k++)
			burst_received(&burst);
		for (int k = 0; k < 5; k++) {
			burst_lost(&burst, k == 4);
			if (k < 4)
				burst_received(&burst);
		}
	}
	metrics = burst_metrics(&burst, 20);
	assert_int_equal(burst.lost, 400);
	assert_int_equal(burst.discarded, 100);
	assert_true(metrics.burst_density > 0.5 && metrics.burst_density <= 0.6);
	assert_true(metrics.gap_density == 0);
	assert_true(metrics.burst_ms > 160 && metrics.burst_ms < 200);
	assert_true(metrics.gap_ms > 1750 && metrics.gap_ms < 1850);
}

static void extended_reports_there_and_back(void **state)
{
	(void)state;
	struct rtcp_report report = {
		.ssrc = 11, .ntp = 0x123456789abcdef0, .cname = "a@b",
		.xr = { .has_time = true, .ntp = 0x123456789abcdef0, .has_answer = true, .answer_ssrc = 22, .lrr = 33,
			.dlrr = 44, .has_voip = true,
			.voip = { .ssrc = 22, .loss = 0.25, .discard = 0.5, .burst_density = 0.125, .gap_density = 1,
				  .burst_ms = 180, .gap_ms = 70000, .round_trip_ms = -1, .end_system_ms = 61.6,
				  .signal_db = -21.4, .noise_db = 127, .rating = 92.6, .mos_listening = 4.41,
				  .mos_conversation = 0, .buffer_ms = 15, .buffer_most_ms = 30,
				  .buffer_limit_ms = 300 } },
		.bye = true,
	}, heard;
	uint8_t bytes[RTCP_MAX_BYTES];

	size_t n = rtcp_print(&report, bytes, sizeof bytes);
	assert_true(n > 0 && n % 4 == 0);
	assert_true(rtcp_parse(&heard, bytes, n, 22));
	assert_true(heard.bye && heard.xr.has_time && heard.xr.has_answer && heard.xr.has_voip);
	assert_true(heard.xr.ntp == report.ntp);
	assert_int_equal(heard.xr.lrr, 33);
	assert_int_equal(heard.xr.dlrr, 44);
	const struct rtcp_voip *voip = &heard.xr.voip;
	assert_true(voip->loss == 0.25 && voip->discard == 0.5 && voip->burst_density == 0.125);
	assert_true(voip->gap_density == 255 / 256.0 && voip->gap_ms == 65535 && voip->round_trip_ms == 0);
	assert_true(voip->end_system_ms == 62 && voip->signal_db == -21 && voip->noise_db == 127 && voip->rating == 93);
	assert_true(fabs(voip->mos_listening - 4.4) < 0.001 && voip->mos_conversation == 0);
	/* of others than us nothing is taken */
	assert_true(rtcp_parse(&heard, bytes, n, 23));
	assert_true(heard.xr.has_time && !heard.xr.has_answer && !heard.xr.has_voip);
	/* every byte of it may be wrong: nothing passes the end */
	for (size_t i = 0; i < n; i++) {
		uint8_t copy[RTCP_MAX_BYTES];
		memcpy(copy, bytes, n);
		copy[i] ^= 0xff;
		(void)!rtcp_parse(&heard, copy, n, 22);
	}
}

static void e_model(void **state)
{
	(void)state;
	static const struct { double delay_ms, loss, mos; } ROWS[] = {
		{ 40, 0, 4.41 }, { 40, 0.01, 4.33 }, { 40, 0.05, 3.92 }, { 40, 0.1, 3.41 }, { 40, 0.2, 2.63 },
		{ 160, 0, 4.40 }, { 160, 0.05, 3.91 }, { 160, 0.2, 2.61 }, { 400, 0, 3.56 },
	};
	struct quality_facts facts = { .burst = 1, .robustness = 25.1 };

	for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
		facts.delay_ms = ROWS[i].delay_ms;
		facts.loss = ROWS[i].loss;
		assert_true(fabs(quality_mos(quality_rating(&facts), false) - ROWS[i].mos) < 0.006);
	}
	facts = (struct quality_facts){ .delay_ms = 2000, .loss = 1, .burst = 1, .robustness = 4.3 };
	assert_true(quality_mos(quality_rating(&facts), false) == 1);
	/* G.107.1: best 129, G.722 at 64 kbit/s has an impairment of 13 */
	facts = (struct quality_facts){ .burst = 1, .robustness = 10, .wide = true };
	assert_true(quality_rating(&facts) == 129 && quality_mos(129, true) == 4.5);
	facts.impairment = 13;
	assert_true(quality_rating(&facts) == 116);
	assert_true(fabs(quality_mos(116, true) - 4.34) < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses_in_rows),
		cmocka_unit_test(extended_reports_there_and_back),
		cmocka_unit_test(e_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
