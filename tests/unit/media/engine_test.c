/* Whole engines in one process over real loopback sockets, with virtual time: two of them call each other. */
#include "media/engine_internal.h"
#include "media/rtcp.h"
#include "media/rtp.h"

#include <arpa/inet.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEP_US = 10000, FIRST_US = 1000000 };

struct pair {
	struct random random;
	struct engine *engines[2];
	struct stream *streams[2];
	int64_t now_us;
};

struct seen {
	unsigned count[ENGINE_CLOSED + 1];
	char digits[64];
	struct engine_event last[ENGINE_CLOSED + 1];
};

/* On 127.0.0.`host`: a test has as many hosts as it wants. */
static int socket_on(unsigned host, struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof address->u.v4;

	assert_true(fd >= 0);
	*address = (struct address){ 0 };
	address->u.v4.sin_family = AF_INET;
	address->u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
	assert_int_equal(bind(fd, &address->u.any, n), 0);
	assert_int_equal(getsockname(fd, &address->u.any, &n), 0);
	return fd;
}

static int udp_socket(struct address *address)
{
	return socket_on(1, address);
}

static struct stream_config config_of(enum media_codec codec)
{
	static const uint8_t TYPES[MEDIA_CODECS] = { 0, 8, 111, 9, 112, 11, 113, 114 };
	struct stream_config config = { .rtcp_fd = -1, .sends = true, .receives = true, .cname = "x@y" };

	config.send = (struct stream_codec){ .codec = codec, .payload_type = TYPES[codec] };
	for (int i = 0; i < MEDIA_CODECS; i++)
		config.receive[config.receive_count++] = (struct stream_codec){
			.codec = (enum media_codec)i, .payload_type = TYPES[i] };
	config.has_send_event = true;
	config.send_event.payload_type = 101;
	config.send_event.clock_rate = codec == MEDIA_OPUS ? 48000 : 8000;
	config.receive_event_count = 2;
	config.receive_events[0].payload_type = 101;
	config.receive_events[0].clock_rate = 8000;
	config.receive_events[1].payload_type = 102;
	config.receive_events[1].clock_rate = 48000;
	return config;
}

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

static void collect(struct engine *engine, struct seen *seen)
{
	struct engine_event event;

	while (engine_next_event(engine, &event)) {
		if (event.kind == ENGINE_DTMF)
			strncat(seen->digits, &event.digit, 1);
		seen->count[event.kind]++;
		seen->last[event.kind] = event;
	}
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

/* A socket of a stranger who speaks RTP by hand. */
struct stranger {
	int fd;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
};

static void speak(struct stranger *stranger, const struct address *to, uint8_t payload_type, uint8_t fill, size_t n)
{
	uint8_t payload[400], bytes[500];
	struct rtp_packet packet = { .payload_type = payload_type, .sequence = stranger->sequence++,
				     .timestamp = stranger->timestamp, .ssrc = stranger->ssrc, .payload = payload,
				     .payload_bytes = n };

	memset(payload, fill, sizeof payload);
	stranger->timestamp += 160;
	size_t size = rtp_print(&packet, bytes, sizeof bytes);
	assert_int_equal(sendto(stranger->fd, bytes, size, 0, &to->u.any, address_len(to)), size);
}

static ssize_t hears(struct stranger *stranger)
{
	uint8_t bytes[2048];
	ssize_t n, total = 0;

	while ((n = recv(stranger->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		total += n;
	return total;
}

struct lone {
	struct random random;
	struct engine *engine;
	struct stream *stream;
	struct address at;
	int64_t now_us;
};

static void lone_begin(struct lone *lone, const struct address *peer)
{
	struct stream_config config = config_of(MEDIA_PCMU);
	enum err err;

	*lone = (struct lone){ .now_us = FIRST_US };
	random_init_seeded(&lone->random, 9);
	config.rtp_fd = udp_socket(&lone->at);
	if (peer)
		config.rtp = *peer;
	lone->engine = engine_new(&lone->random, false);
	lone->stream = engine_add(lone->engine, &config, NULL, &err);
	assert_non_null(lone->stream);
	engine_select(lone->engine, lone->stream);
	engine_step(lone->engine, lone->now_us);
}

static void lone_run(struct lone *lone, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++)
		engine_step(lone->engine, lone->now_us += STEP_US);
}

static void lone_end(struct lone *lone)
{
	engine_remove(lone->engine, lone->stream);
	engine_free(lone->engine);
}

static void follows_another_source_only_after_silence(void **state)
{
	(void)state;
	struct address peer_at, thief_at;
	struct stranger peer = { .ssrc = 1 }, thief = { .ssrc = 2 };
	struct lone lone;

	peer.fd = udp_socket(&peer_at);
	thief.fd = udp_socket(&thief_at);
	lone_begin(&lone, NULL); /* nothing signalled: the first valid source is believed */
	speak(&thief, &lone.at, 77, 0, 160); /* an unknown type is no valid source */
	lone_run(&lone, 20);
	assert_int_equal(hears(&thief), 0);
	for (int i = 0; i < 50; i++) {
		speak(&peer, &lone.at, 0, 0x55, 160);
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_true(hears(&peer) > 40 * 172);
	assert_int_equal(hears(&thief), 0);
	struct stream_stats stats;
	engine_stats(lone.stream, &stats);
	assert_int_equal(stats.received_packets, 50);
	for (int i = 0; i < 40; i++) {
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_true(hears(&thief) > 10 * 172);
	struct seen seen = { 0 };
	char there[ADDRESS_TEXT];
	collect(lone.engine, &seen);
	assert_int_equal(seen.count[ENGINE_MOVED], 1);
	assert_string_equal(seen.last[ENGINE_MOVED].text, address_print(&thief_at, there));
	assert_int_equal(seen.count[ENGINE_RESTARTED], 1);
	hears(&peer);
	lone_run(&lone, 100);
	assert_int_equal(hears(&peer), 0);
	lone_end(&lone);
	close(peer.fd);
	close(thief.fd);
}

/* A silent peer (a hold, no voice) leaves nothing for a stranger on another host who does not know its SSRC. */
static void a_silence_is_no_invitation_to_another_host(void **state)
{
	(void)state;
	struct address peer_at, thief_at;
	struct stranger peer = { .ssrc = 1 }, thief = { .ssrc = 2 };
	struct lone lone;

	peer.fd = udp_socket(&peer_at);
	thief.fd = socket_on(2, &thief_at);
	lone_begin(&lone, NULL);
	for (int i = 0; i < 10; i++) {
		speak(&peer, &lone.at, 0, 0x55, 160);
		lone_run(&lone, 20);
	}
	lone_run(&lone, 2000);
	hears(&peer);
	for (int i = 0; i < 50; i++) {
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_int_equal(hears(&thief), 0);
	assert_true(hears(&peer) > 40 * 172);
	/* With the peer's SSRC it is the peer, whose address changed. */
	thief.ssrc = 1;
	for (int i = 0; i < 50; i++) {
		speak(&thief, &lone.at, 0, 0xaa, 160);
		lone_run(&lone, 20);
	}
	assert_true(hears(&thief) > 40 * 172);
	lone_end(&lone);
	close(peer.fd);
	close(thief.fd);
}

static void restarts_and_junk_are_survived(void **state)
{
	(void)state;
	struct address peer_at;
	struct stranger peer = { .ssrc = 1, .sequence = 65530, .timestamp = UINT32_MAX - 500 };
	struct lone lone;
	struct stream_stats stats;
	struct random junk;

	random_init_seeded(&junk, 3);
	peer.fd = udp_socket(&peer_at);
	lone_begin(&lone, &peer_at);
	for (int i = 0; i < 400; i++) {
		if (i == 100)
			peer.ssrc = 99;
		if (i == 200) {
			peer.sequence = (uint16_t)(peer.sequence + 20000);
			peer.timestamp += 4000000;
		}
		if (i == 300)
			peer.timestamp -= 12345678;
		speak(&peer, &lone.at, i % 7 ? 0 : 8, 0x20, 160);
		uint8_t bytes[300];
		random_fill(&junk, bytes, sizeof bytes);
		bytes[0] = (uint8_t)(i % 3 ? 0x80 | (bytes[0] & 0x3f) : bytes[0]);
		bytes[1] = (uint8_t)(i % 2 ? bytes[1] : (i % 4 ? 0 : 101));
		sendto(peer.fd, bytes, random_below(&junk, sizeof bytes), 0, &lone.at.u.any, address_len(&lone.at));
		lone_run(&lone, 20);
	}
	for (int i = 0; i < 100; i++) {
		speak(&peer, &lone.at, 0, (uint8_t)(i & 1 ? 0x20 : 0xa0), 160);
		lone_run(&lone, 20);
	}
	struct seen seen = { 0 };
	collect(lone.engine, &seen);
	assert_in_range(seen.count[ENGINE_RESTARTED], 1, 2); /* not with each of them */
	assert_in_range(seen.count[ENGINE_REFUSED], 1, 4);   /* the junk, when it is 50, and doubled */
	assert_int_equal(seen.count[ENGINE_MOVED], 0);
	engine_stats(lone.stream, &stats);
	assert_true(stats.received_packets > 480);
	assert_true(stats.heard_level_db > -25); /* still heard */
	assert_true(stats.buffer_ms < 60);
	lone_end(&lone);
	close(peer.fd);
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
		cmocka_unit_test(follows_another_source_only_after_silence),
		cmocka_unit_test(a_silence_is_no_invitation_to_another_host),
		cmocka_unit_test(restarts_and_junk_are_survived),
		cmocka_unit_test(codec_change_is_told),
		cmocka_unit_test(tones_and_files),
		cmocka_unit_test(a_sleeping_loop_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
