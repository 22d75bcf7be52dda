/* Whole engines in one process over real loopback sockets, with virtual time: two of them call each other. */
#include "engine_rig.h"
#include "fake_helper.h"

#include <sched.h>
#include <sys/stat.h>
#include <time.h>

struct pair {
	struct random random;
	struct engine *engines[2];
	struct stream *streams[2];
	int64_t now_us;
};

static void pair_begin(struct pair *pair, enum media_codec codec, bool loops)
{
	struct stream_config configs[2] = { config_of(codec), config_of(codec) };
	struct address rtp[2], rtcp[2];
	enum err err;

	*pair = (struct pair){ .now_us = FIRST_US };
	random_init_seeded(&pair->random, 7);
	for (int i = 0; i < 2; i++) {
		configs[i].rtp_fd = udp_socket(&rtp[i]);
		configs[i].rtcp_fd = udp_socket(&rtcp[i]);
	}
	configs[1].loop_back = loops;
	for (int i = 0; i < 2; i++) {
		configs[i].rtp = rtp[1 - i];
		configs[i].rtcp = rtcp[1 - i];
		pair->engines[i] = engine_new(&pair->random, false);
		pair->streams[i] = engine_add(pair->engines[i], &configs[i], pair, &err);
		assert_non_null(pair->streams[i]);
		engine_select(pair->engines[i], pair->streams[i]);
	}
	assert_int_equal(engine_use(pair->engines[0], ENGINE_INPUT, "tone:440"), ERR_NONE);
}

static void pair_run(struct pair *pair, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++, pair->now_us += STEP_US)
		for (int k = 0; k < 2; k++)
			engine_step(pair->engines[k], pair->now_us);
}

static void pair_end(struct pair *pair)
{
	struct seen seen = { 0 };

	for (int i = 0; i < 2; i++) {
		engine_remove(pair->engines[i], pair->streams[i]);
		engine_step(pair->engines[i], pair->now_us);
		collect(pair->engines[i], &seen);
		assert_int_equal(seen.count[ENGINE_CLOSED], i + 1);
		engine_free(pair->engines[i]);
	}
}

static void check_tone(enum media_codec codec)
{
	struct pair pair;
	struct stream_stats a, b;

	pair_begin(&pair, codec, false);
	pair_run(&pair, 12000);
	engine_stats(pair.streams[0], &a);
	engine_stats(pair.streams[1], &b);
	assert_in_range((uintmax_t)(b.tone_hz * 10), 4390, 4410);
	assert_true(fabs(a.mic_level_db + 10) < 0.1);
	assert_true(fabs(b.heard_level_db + 10) < 1.5);
	assert_true(a.heard_level_db < -60);
	assert_true(a.sent_packets >= 599 && a.sent_packets <= 600);
	assert_true(b.received_packets >= a.sent_packets - 1);
	assert_true(b.expected_packets == b.received_packets);
	assert_true(b.lost_packets == 0 && b.late_packets == 0 && b.duplicate_packets == 0 && b.concealed_frames == 0);
	assert_true(b.loss == 0 && b.mos > 4.2 && b.mos < 4.5);
	assert_true(b.buffer_ms >= 0 && b.buffer_ms <= 20);
	assert_true(b.rtt_ms >= 0 && b.rtt_ms < 30);
	assert_int_equal(b.receive_codec, codec);
	pair_end(&pair);
}

static void tone_by_pcmu(void **state)
{
	(void)state;
	check_tone(MEDIA_PCMU);
}

static void tone_by_pcma(void **state)
{
	(void)state;
	check_tone(MEDIA_PCMA);
}

static void tone_by_opus(void **state)
{
	(void)state;
	check_tone(MEDIA_OPUS);
}

/* What is heard comes back through the other's buffer and codec; digits are told there and not sent back. */
static void echo(void **state)
{
	(void)state;
	for (enum media_codec codec = 0; codec < MEDIA_CODECS; codec++) {
		struct pair pair;
		struct stream_stats a, b;
		struct seen here = { 0 }, there = { 0 };
		pair_begin(&pair, codec, true);
		pair_run(&pair, 2000);
		engine_stats(pair.streams[0], &a);
		assert_true(fabs(a.tone_hz - 440) < 1);
		assert_true(fabs(a.heard_level_db + 10) < 2);
		assert_int_equal(engine_dtmf(pair.engines[0], pair.streams[0], "12,#d",
					     &(struct engine_digits){ .pause_ms = 300 }),
				 ERR_NONE);
		pair_run(&pair, 2000);
		collect(pair.engines[0], &here);
		collect(pair.engines[1], &there);
		assert_string_equal(there.digits, "12#D");
		assert_string_equal(here.digits, "");
		assert_int_equal(here.count[ENGINE_DTMF_SENT], 1);
		assert_int_equal(here.count[ENGINE_FIRST_PACKET], 1);
		engine_stats(pair.streams[0], &a);
		engine_stats(pair.streams[1], &b);
		assert_true(b.concealed_frames == 0 && b.lost_packets == 0);
		assert_true(fabs(a.tone_hz - 440) < 1);
		pair_end(&pair);
	}
}

static void digits_are_checked(void **state)
{
	(void)state;
	struct pair pair;
	char many[300];
	struct stream_config config = config_of(MEDIA_PCMU);

	pair_begin(&pair, MEDIA_PCMU, false);
	assert_int_equal(
		engine_dtmf(pair.engines[0], pair.streams[0], "12x", &(struct engine_digits){ .pause_ms = 300 }),
		ERR_SYNTAX);
	memset(many, '1', sizeof many);
	many[257] = '\0';
	assert_int_equal(
		engine_dtmf(pair.engines[0], pair.streams[0], many, &(struct engine_digits){ .pause_ms = 300 }),
		ERR_FULL);
	config.has_send_event = false;
	assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &config), ERR_NONE);
	assert_int_equal(engine_dtmf(pair.engines[0], pair.streams[0], "1", &(struct engine_digits){ .pause_ms = 300 }),
			 ERR_UNSUPPORTED);
	config.has_send_event = true;
	config.sends = false;
	assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &config), ERR_NONE);
	assert_int_equal(engine_dtmf(pair.engines[0], pair.streams[0], "1", &(struct engine_digits){ .pause_ms = 300 }),
			 ERR_STATE);
	pair_end(&pair);
}

static void muted_and_held(void **state)
{
	(void)state;
	struct pair pair;
	struct stream_stats a, b, before;
	struct stream_config config = config_of(MEDIA_PCMU);

	pair_begin(&pair, MEDIA_PCMU, false);
	pair_run(&pair, 1000);
	engine_mute(pair.engines[0], pair.streams[0], true);
	pair_run(&pair, 1000);
	engine_stats(pair.streams[0], &a);
	engine_stats(pair.streams[1], &b);
	assert_true(a.muted && a.mic_level_db == -127 && b.heard_level_db < -60);
	assert_true(a.sent_packets >= 99); /* silence is sent, for the way back through firewalls */
	engine_mute(pair.engines[0], pair.streams[0], false);
	engine_mute(pair.engines[0], NULL, true);
	pair_run(&pair, 1000);
	engine_stats(pair.streams[1], &b);
	assert_true(b.heard_level_db < -60);
	engine_mute(pair.engines[0], NULL, false);
	engine_select(pair.engines[0], NULL);
	pair_run(&pair, 1000);
	engine_stats(pair.streams[1], &b);
	assert_true(b.heard_level_db < -60);
	engine_select(pair.engines[0], pair.streams[0]);
	pair_run(&pair, 1000);
	engine_stats(pair.streams[1], &b);
	assert_true(b.heard_level_db > -12);

	/* held: nothing leaves; the addresses stay those of the configuration, which is unset here */
	config.sends = false;
	engine_stats(pair.streams[0], &before);
	assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &config), ERR_NONE);
	pair_run(&pair, 1000);
	engine_stats(pair.streams[0], &a);
	assert_true(a.sent_packets <= before.sent_packets + 1);
	pair_end(&pair);
}

/* A side that does not listen for a while has lost nothing, and hears again at once. */
static void a_hold_loses_nothing(void **state)
{
	(void)state;
	struct pair pair;
	struct stream_stats stats;
	struct stream_config config = config_of(MEDIA_PCMU);

	pair_begin(&pair, MEDIA_PCMU, false);
	for (int i = 0; i < 3; i++) {
		config.receives = true;
		assert_int_equal(engine_change(pair.engines[1], pair.streams[1], &config), ERR_NONE);
		pair_run(&pair, 700);
		config.receives = false;
		assert_int_equal(engine_change(pair.engines[1], pair.streams[1], &config), ERR_NONE);
		pair_run(&pair, 100);
		config = config_of(MEDIA_PCMU);
		config.sends = false; /* and the other side falls silent, as it does when it knows */
		assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &config), ERR_NONE);
		pair_run(&pair, 500);
		config.sends = true;
		assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &config), ERR_NONE);
	}
	config.receives = true;
	assert_int_equal(engine_change(pair.engines[1], pair.streams[1], &config), ERR_NONE);
	pair_run(&pair, 700);
	engine_stats(pair.streams[1], &stats);
	assert_int_equal(stats.lost_packets + stats.late_packets, 0);
	assert_int_equal(stats.concealed_frames, 0);
	assert_true(stats.heard_level_db > -12);
	pair_end(&pair);
}

static void silence_loss_and_goodbye_are_told(void **state)
{
	(void)state;
	struct pair pair;
	struct seen here = { 0 }, there = { 0 };

	pair_begin(&pair, MEDIA_PCMU, false);
	pair_run(&pair, 4500);
	collect(pair.engines[0], &here);
	collect(pair.engines[1], &there);
	assert_int_equal(here.count[ENGINE_SILENT], 1); /* I hear nothing */
	assert_int_equal(here.last[ENGINE_SILENT].side, 1);
	assert_int_equal(there.count[ENGINE_SILENT], 1); /* and the other's microphone is the null device */
	assert_int_equal(there.last[ENGINE_SILENT].side, 0);
	pair_run(&pair, 5000);
	collect(pair.engines[0], &here);
	assert_int_equal(here.count[ENGINE_SILENT], 1);
	assert_int_equal(engine_use(pair.engines[1], ENGINE_INPUT, "tone:1000"), ERR_NONE);
	pair_run(&pair, 1000);
	assert_int_equal(engine_use(pair.engines[1], ENGINE_INPUT, "null"), ERR_NONE);
	pair_run(&pair, 4500);
	collect(pair.engines[0], &here);
	assert_int_equal(here.count[ENGINE_SILENT], 2);
	assert_int_equal(here.count[ENGINE_LOST], 0);

	engine_remove(pair.engines[1], pair.streams[1]);
	pair_run(&pair, 4000);
	collect(pair.engines[0], &here);
	assert_int_equal(here.count[ENGINE_PEER_BYE], 1);
	assert_int_equal(here.count[ENGINE_LOST], 1);
	engine_remove(pair.engines[0], pair.streams[0]);
	engine_free(pair.engines[0]);
	engine_free(pair.engines[1]);
}

static void codec_change_is_told(void **state)
{
	(void)state;
	struct pair pair;
	struct seen there = { 0 };
	struct stream_stats b;
	struct address at[2];
	struct stream_config configs[2] = { config_of(MEDIA_PCMU), config_of(MEDIA_PCMU) };
	enum err err;
	pair = (struct pair){ .now_us = FIRST_US };
	random_init_seeded(&pair.random, 5);
	for (int i = 0; i < 2; i++)
		configs[i].rtp_fd = udp_socket(&at[i]);
	for (int i = 0; i < 2; i++) {
		configs[i].rtp = at[1 - i];
		pair.engines[i] = engine_new(&pair.random, false);
		pair.streams[i] = engine_add(pair.engines[i], &configs[i], NULL, &err);
		engine_select(pair.engines[i], pair.streams[i]);
	}
	assert_int_equal(engine_use(pair.engines[0], ENGINE_INPUT, "tone:1234.5"), ERR_NONE);
	pair_run(&pair, 1000);
	configs[0].send = (struct stream_codec){ .codec = MEDIA_OPUS, .payload_type = 111, .ptime_ms = 40 };
	assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &configs[0]), ERR_NONE);
	pair_run(&pair, 2000);
	collect(pair.engines[1], &there);
	engine_stats(pair.streams[1], &b);
	assert_int_equal(there.count[ENGINE_CODEC], 1);
	assert_int_equal(there.last[ENGINE_CODEC].codec, MEDIA_OPUS);
	assert_int_equal(b.receive_codec, MEDIA_OPUS);
	assert_true(fabs(b.tone_hz - 1234.5) < 1);
	assert_true(b.lost_packets == 0);
	pair_end(&pair);
}

static void tones_and_files(void **state)
{
	(void)state;
	char path[] = "/tmp/media-engine-test-XXXXXX", name[64];
	int fd = mkstemp(path);
	struct random random;
	uint8_t header[44];

	assert_true(fd >= 0);
	snprintf(name, sizeof name, "file:%s", path);
	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	assert_true(engine_next_us(engine) == INT64_MAX);
	assert_int_equal(engine_use(engine, ENGINE_OUTPUT, name), ERR_NONE);
	engine_tone(engine, TONE_RINGBACK);
	for (int64_t now = 0; now < 1000000; now += STEP_US)
		engine_step(engine, now);
	engine_tone(engine, TONE_NONE);
	engine_step(engine, 1000000);
	assert_true(engine_next_us(engine) == INT64_MAX);
	assert_int_equal(engine_use(engine, ENGINE_OUTPUT, "null"), ERR_NONE);
	engine_step(engine, 1010000);
	struct engine_event event;
	assert_false(engine_next_event(engine, &event));
	assert_int_equal(lseek(fd, 0, SEEK_END), 44 + 100 * 480 * 2);
	assert_int_equal(pread(fd, header, sizeof header, 0), sizeof header);
	assert_memory_equal(header, "RIFF", 4);
	assert_int_equal(header[40] | header[41] << 8 | header[42] << 16, 96000);
	assert_int_equal(engine_use(engine, ENGINE_INPUT, "file:/nonexistent/x.wav"), ERR_NOT_FOUND);
	assert_int_equal(engine_use(engine, ENGINE_INPUT, "file:/dev/null"), ERR_IO);
	assert_int_equal(engine_use(engine, ENGINE_INPUT, "tone:x"), ERR_SYNTAX);
	assert_int_equal(engine_use(engine, ENGINE_INPUT, ""), ERR_SYNTAX);
	assert_string_equal(engine_device_name(engine, ENGINE_INPUT), "null");
	engine_free(engine);

	/* what was recorded is the microphone of a call */
	struct pair pair;
	struct stream_stats b;
	pair_begin(&pair, MEDIA_PCMU, false);
	assert_int_equal(engine_use(pair.engines[0], ENGINE_INPUT, name), ERR_NONE);
	assert_string_equal(engine_device_name(pair.engines[0], ENGINE_INPUT), name);
	pair_run(&pair, 3000);
	engine_stats(pair.streams[1], &b);
	assert_true(fabs(b.tone_hz - 440) < 1 || fabs(b.tone_hz - 480) < 1);
	assert_true(b.heard_level_db > -20 && b.heard_level_db < -14);
	pair_end(&pair);
	close(fd);
	unlink(path);
}

/* Few notes fit: nothing is lost when the loop sleeps, and commands wait. */
static void a_sleeping_loop_loses_nothing(void **state)
{
	(void)state;
	enum { MANY = 1500 };
	static struct stream *streams[MANY];
	struct random random;
	struct stream_config config = config_of(MEDIA_PCMU);
	struct seen seen = { 0 };
	enum err err;

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	int64_t now = 0;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < MANY / 5; i++) {
			struct address at;
			config.rtp_fd = udp_socket(&at);
			config.sends = false;
			streams[i] = engine_add(engine, &config, NULL, &err);
			assert_non_null(streams[i]);
			for (int k = 0; k < 5; k++)
				engine_mute(engine, streams[i], k & 1);
		}
		for (int i = 0; i < MANY / 5; i++)
			engine_remove(engine, streams[i]);
		for (int i = 0; i < 20; i++, now += STEP_US)
			engine_step(engine, now);
	}
	while (seen.count[ENGINE_CLOSED] < MANY && now < 100 * SECOND_US) {
		collect(engine, &seen);
		engine_step(engine, now += STEP_US);
	}
	assert_int_equal(seen.count[ENGINE_CLOSED], MANY);
	engine_free(engine);
}

static void set_direction(struct pair *pair, bool talks)
{
	for (int i = 0; i < 2; i++) {
		struct stream_config config = pair->streams[i]->config;
		config.sends = config.receives = talks;
		assert_int_equal(engine_change(pair->engines[i], pair->streams[i], &config), ERR_NONE);
	}
}

/* On hold at both ends: no ticks, but reports; and when it goes on, nothing tells that it had rested. */
static void a_held_call_rests(void **state)
{
	struct pair pair;
	struct stream_stats stats;

	(void)state;
	pair_begin(&pair, MEDIA_PCMU, false);
	pair_run(&pair, 2000);
	struct stream *stream = pair.streams[0];
	uint32_t clock = stream->clock, packets = (uint32_t)stream->sent_packets;
	int64_t since_us = pair.now_us;
	for (int i = 0; i < 2; i++)
		engine_select(pair.engines[i], NULL);
	set_direction(&pair, false);
	pair_run(&pair, 900);
	assert_false(stream->resting);
	pair_run(&pair, 19100);
	assert_true(stream->resting);
	assert_true(list_empty(&pair.engines[0]->active));
	assert_in_range(pair.now_us - stream->schedule.last_us, 0, 8 * SECOND_US);
	assert_in_range(pair.now_us - pair.streams[1]->schedule.last_us, 0, 8 * SECOND_US);
	assert_int_equal(stream->sent_packets, packets);
	set_direction(&pair, true);
	for (int i = 0; i < 2; i++)
		engine_select(pair.engines[i], pair.streams[i]);
	pair_run(&pair, 2000);
	assert_false(stream->resting);
	assert_int_equal(stream->clock - clock, (pair.now_us - since_us) / 125); /* 8 kHz */
	engine_stats(pair.streams[1], &stats);
	assert_true(fabs(stats.tone_hz - 440) < 2);
	assert_true(stats.lost_packets == 0 && stats.concealed_frames == 0);
	pair_end(&pair);
}

/* Who waits in vain for the peer's sound rests once that was told; the first packet is heard like any other. */
static void a_packet_rouses(void **state)
{
	struct pair pair;
	struct stream_stats stats;
	struct seen seen = { 0 };

	(void)state;
	pair_begin(&pair, MEDIA_PCMU, false);
	pair_run(&pair, 100);
	set_direction(&pair, false);
	struct stream_config config = pair.streams[1]->config;
	config.sends = false;
	config.receives = true;
	assert_int_equal(engine_change(pair.engines[1], pair.streams[1], &config), ERR_NONE);
	engine_select(pair.engines[1], NULL);
	pair_run(&pair, 6000);
	collect(pair.engines[1], &seen);
	assert_int_equal(seen.count[ENGINE_LOST], 1);
	assert_true(pair.streams[1]->resting);
	config = pair.streams[0]->config;
	config.sends = true;
	assert_int_equal(engine_change(pair.engines[0], pair.streams[0], &config), ERR_NONE);
	pair_run(&pair, 1000);
	assert_false(pair.streams[1]->resting);
	engine_stats(pair.streams[1], &stats);
	assert_true(stats.received_packets >= 48 && stats.lost_packets == 0);
	assert_true(fabs(stats.tone_hz - 440) < 2);
	pair_end(&pair);
}

/* One that hangs was chosen, then one that fails: what plays is the one from before both. */
static void the_device_that_goes_on_is_named(void **state)
{
	static const char script[] = "#!/bin/sh\n[ \"$3\" = fails ] || read -r end\n";
	char name[] = FAKE_HELPER_NAME;
	struct engine_event event = { 0 };
	struct random random;

	(void)state;
	fake_helper_make(script, name);
	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, false);
	int64_t now_us = FIRST_US;
	assert_int_equal(engine_use(engine, ENGINE_OUTPUT, "null"), ERR_NONE);
	engine_tone(engine, TONE_BUSY);
	engine_step(engine, now_us += STEP_US);
	assert_int_equal(engine_use(engine, ENGINE_OUTPUT, "hangs"), ERR_NONE);
	engine_step(engine, now_us += STEP_US);
	assert_int_equal(engine_use(engine, ENGINE_OUTPUT, "fails"), ERR_NONE);
	for (time_t end = time(NULL) + 60; time(NULL) < end && event.kind != ENGINE_DEVICE; sched_yield()) {
		engine_step(engine, now_us += STEP_US);
		engine_next_event(engine, &event);
	}
	assert_string_equal(event.state, "failed");
	assert_string_equal(engine_device_name(engine, ENGINE_OUTPUT), "null");
	engine_tone(engine, TONE_NONE);
	engine_free(engine);
	unlink(name);
	unsetenv("OFFHOOK_SOUND");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tone_by_pcmu),
		cmocka_unit_test(tone_by_pcma),
		cmocka_unit_test(tone_by_opus),
		cmocka_unit_test(echo),
		cmocka_unit_test(digits_are_checked),
		cmocka_unit_test(muted_and_held),
		cmocka_unit_test(a_hold_loses_nothing),
		cmocka_unit_test(a_held_call_rests),
		cmocka_unit_test(a_packet_rouses),
		cmocka_unit_test(silence_loss_and_goodbye_are_told),
		cmocka_unit_test(codec_change_is_told),
		cmocka_unit_test(tones_and_files),
		cmocka_unit_test(a_sleeping_loop_loses_nothing),
		cmocka_unit_test(the_device_that_goes_on_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
