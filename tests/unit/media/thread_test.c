/* The engine with its thread, over real sockets and in real time: made to be run under a race detector too. */
#include "media/engine.h"

#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The patience ends a test that hangs; a race detector on a busy machine needs most of it. */
enum { CALLS = 8, PATIENCE_MS = 60000 };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int udp_socket(struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof address->u.v4;

	*address = (struct address){ 0 };
	address->u.v4.sin_family = AF_INET;
	address->u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, &address->u.any, n), 0);
	assert_int_equal(getsockname(fd, &address->u.any, &n), 0);
	return fd;
}

static struct stream_config config_of(enum media_codec codec)
{
	static const uint8_t TYPES[MEDIA_CODECS] = { 0, 8, 111, 9, 112, 11, 113, 114 };
	struct stream_config config = { .sends = true, .receives = true, .receive_count = 1, .has_send_event = true };

	config.send = config.receive[0] = (struct stream_codec){ .codec = codec, .payload_type = TYPES[codec] };
	config.send_event.payload_type = 101;
	config.send_event.clock_rate = 8000;
	config.receive_event_count = 1;
	config.receive_events[0].payload_type = 101;
	config.receive_events[0].clock_rate = 8000;
	return config;
}

struct call {
	struct stream *streams[2];
	char digits[16];
	unsigned closed;
};

/* Wait for the next event of either engine. @return false when there is none in time */
static bool next_event(struct engine *engines[2], struct engine_event *event, int64_t until_ms)
{
	for (;;) {
		struct pollfd fds[2] = { { engine_event_fd(engines[0]), POLLIN, 0 },
					 { engine_event_fd(engines[1]), POLLIN, 0 } };
		if (engine_next_event(engines[0], event) || engine_next_event(engines[1], event))
			return true;
		int64_t left = until_ms - now_ms();
		if (left <= 0)
			return false;
		/* Snapshots change without an event: look again now and then. */
		poll(fds, 2, left < 20 ? (int)left : 20);
		if (left > PATIENCE_MS)
			return false;
	}
}

static void start(struct engine *engines[2], struct call *call, enum media_codec codec)
{
	struct stream_config configs[2] = { config_of(codec), config_of(codec) };
	struct address rtp[2], rtcp[2];
	enum err err;

	for (int i = 0; i < 2; i++) {
		configs[i].rtp_fd = udp_socket(&rtp[i]);
		configs[i].rtcp_fd = udp_socket(&rtcp[i]);
	}
	configs[1].loop_back = true;
	for (int i = 0; i < 2; i++) {
		configs[i].rtp = rtp[1 - i];
		configs[i].rtcp = rtcp[1 - i];
		call->streams[i] = engine_add(engines[i], &configs[i], call, &err);
		assert_non_null(call->streams[i]);
	}
}

static void calls(void **state)
{
	(void)state;
	struct random random;
	struct call all[CALLS] = { 0 };
	struct engine *engines[2];
	struct engine_event event;
	struct stream_stats stats = { 0 };

	random_init_seeded(&random, 1);
	for (int i = 0; i < 2; i++)
		engines[i] = engine_new(&random, true);
	assert_int_equal(engine_use(engines[0], ENGINE_INPUT, "tone:600"), ERR_NONE);
	for (int i = 0; i < CALLS; i++)
		start(engines, &all[i], (enum media_codec)(i % MEDIA_CODECS));
	engine_select(engines[0], all[2].streams[0]);
	engine_tone(engines[0], TONE_WAITING);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(
			engine_dtmf(engines[0], all[i].streams[0], "1#", &(struct engine_digits){ .pause_ms = 100 }),
			ERR_NONE);

	/* all digits arrive, and the tone comes back from the echo */
	int64_t until = now_ms() + PATIENCE_MS;
	size_t digits = 0;
	while (digits < 2 * CALLS || fabs(stats.tone_hz - 600) > 2) {
		assert_true(now_ms() < until);
		if (next_event(engines, &event, now_ms() + 20) && event.kind == ENGINE_DTMF) {
			struct call *call = event.user;
			strncat(call->digits, &event.digit, 1);
			digits++;
		}
		engine_stats(all[2].streams[0], &stats);
		for (int i = 0; i < 50; i++) {
			struct stream_stats again;
			engine_stats(all[i % CALLS].streams[i & 1], &again);
			assert_true(again.heard_level_db >= -127 && again.heard_level_db < 4 && again.loss >= 0 &&
				    again.loss <= 1);
		}
		engine_mute(engines[1], all[3].streams[1], digits & 1);
	}
	for (int i = 0; i < CALLS; i++)
		assert_string_equal(all[i].digits, "1#");
	engine_tone(engines[0], TONE_NONE);

	struct stream_config config = config_of(MEDIA_PCMA);
	assert_int_equal(engine_change(engines[0], all[0].streams[0], &config), ERR_NONE);
	for (int i = 0; i < CALLS; i++)
		for (int k = 0; k < 2; k++)
			engine_remove(engines[k], all[i].streams[k]);
	unsigned closed = 0;
	while (closed < 2 * CALLS) {
		assert_true(next_event(engines, &event, now_ms() + PATIENCE_MS));
		closed += event.kind == ENGINE_CLOSED;
	}
	engine_free(engines[0]);
	engine_free(engines[1]);
}

/* Streams come and go by hundreds; the thread ends with work under way. */
static void turnover(void **state)
{
	(void)state;
	enum { MANY = 300 };
	struct random random;
	struct engine_event event;
	enum err err;
	unsigned closed = 0;

	random_init_seeded(&random, 1);
	struct engine *engine = engine_new(&random, true);
	for (int i = 0; i < MANY; i++) {
		struct stream_config config = config_of(MEDIA_OPUS);
		config.rtp_fd = udp_socket(&config.rtp);
		config.rtcp_fd = -1;
		struct stream *stream = engine_add(engine, &config, NULL, &err);
		assert_non_null(stream);
		engine_select(engine, stream);
		engine_remove(engine, stream);
		while (engine_next_event(engine, &event))
			closed += event.kind == ENGINE_CLOSED;
	}
	assert_true(closed <= MANY);
	engine_free(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls),
		cmocka_unit_test(turnover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
