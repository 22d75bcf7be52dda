/* When the delay changes: what repairs of losses need waits for a pause in what is heard, in virtual time. */
#include "media/codec/g711.h"
#include "media/rtp.h"
#include "media/stream.h"
#include "rig.h"

enum { PACKET_FRAMES = 160, PACKET_MS = 20 };

struct peer {
	struct rig rig;
	struct stream *stream;
	struct address at, rtp_at; /* at: of the stream */
	int rtp;
	uint16_t sequence;
	uint32_t timestamp;
	double noise;              /* around whoever speaks: uniform, of this amplitude */
	struct random random;
};

static void begin(struct peer *peer)
{
	struct stream_config config = { .rtcp_fd = -1, .sends = true, .receives = true, .cname = "x@y" };

	*peer = (struct peer){ 0 };
	random_init_seeded(&peer->random, 6);
	rig_begin(&peer->rig, 1);
	peer->rtp = rig_socket(&peer->rtp_at);
	config.send = (struct stream_codec){ .codec = MEDIA_PCMU, .payload_type = 0 };
	config.receive[config.receive_count++] = config.send;
	config.rtp = peer->rtp_at;
	config.rtp_fd = rig_socket(&peer->at);
	peer->stream = rig_add(&peer->rig, 0, &config);
	rig_step(&peer->rig);
}

static void end(struct peer *peer)
{
	rig_end(&peer->rig);
	close(peer->rtp);
}

static void put(struct peer *peer, double amplitude)
{
	uint8_t payload[PACKET_FRAMES], bytes[200];
	struct rtp_packet packet = { .sequence = peer->sequence, .timestamp = peer->timestamp, .ssrc = 7,
				     .payload = payload, .payload_bytes = sizeof payload };

	for (uint32_t i = 0; i < PACKET_FRAMES; i++) {
		double phase = 2 * M_PI * 200 * (peer->timestamp + i) / 8000;
		double noise = peer->noise * (random_u32(&peer->random) / 2147483648.0 - 1);
		payload[i] = g711_mu_encode((int16_t)lrint(amplitude * sin(phase) + noise));
	}
	size_t n = rtp_print(&packet, bytes, sizeof bytes);
	assert_int_equal(sendto(peer->rtp, bytes, n, 0, &peer->at.u.any, address_len(&peer->at)), n);
}

/* `drop`: every so many packets one is lost; 0: none. @return the delay at the end [ms] */
static double speak(struct peer *peer, unsigned ms, double amplitude, unsigned drop)
{
	uint8_t bytes[2000];
	struct stream_stats stats;

	for (unsigned i = 1; i <= ms / PACKET_MS; i++) {
		if (!drop || i % drop)
			put(peer, amplitude);
		peer->sequence++;
		peer->timestamp += PACKET_FRAMES;
		rig_run(&peer->rig, PACKET_MS);
		while (recv(peer->rtp, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
			continue;
	}
	engine_stats(peer->stream, &stats);
	return stats.buffer_ms;
}

/* Until the buffer knows that nothing is lost, and is as short as it may be. @return the delay [ms] */
static double settle(struct peer *peer)
{
	speak(peer, 2000, 8000, 0);
	speak(peer, 600, 0, 0);
	return speak(peer, 400, 8000, 0);
}

/* The silence between the answer and the first word, in which a call gets its first delay. */
static void pick_up(struct peer *peer)
{
	begin(peer);
	speak(peer, 300, 0, 0);
}

/* A call begins with a packet of delay for losses that nobody has seen, and gives it back in the first pause. */
static void a_call_begins_ready_for_losses(void **state)
{
	struct peer peer;

	(void)state;
	pick_up(&peer);
	double first = speak(&peer, 400, 8000, 0);
	assert_true(first > 20);
	assert_int_equal(peer.stream->jitter.floor_ms, PACKET_MS);
	/* known to be clean since 1.6 s, but in the middle of a word */
	assert_true(fabs(speak(&peer, 3000, 8000, 0) - first) < 2);
	assert_false(stream_hears_pause(peer.stream));
	speak(&peer, 600, 0, 0);
	assert_true(stream_hears_pause(peer.stream));
	assert_int_equal(peer.stream->jitter.floor_ms, 0);
	assert_true(speak(&peer, 1000, 8000, 0) < first - 9);
	end(&peer);
}

/* Where losses come at once, they find it long enough: nothing changes in the middle of the first word. */
static void first_losses_change_nothing(void **state)
{
	struct peer peer;

	(void)state;
	pick_up(&peer);
	double first = speak(&peer, 400, 8000, 0);
	assert_true(fabs(speak(&peer, 3000, 8000, 20) - first) < 2);
	speak(&peer, 600, 0, 0);
	assert_true(fabs(speak(&peer, 3000, 8000, 20) - first) < 2);
	end(&peer);
}

/* Whoever never pauses gets it back as well, by pitch periods, some seconds later. */
static void delay_is_given_back_without_a_pause(void **state)
{
	struct peer peer;

	(void)state;
	pick_up(&peer);
	double first = speak(&peer, 400, 8000, 0);
	assert_true(fabs(speak(&peer, 8600, 8000, 0) - first) < 2);
	assert_true(speak(&peer, 3000, 8000, 0) < first - 9);
	end(&peer);
}

static void few_losses_wait_for_a_pause(void **state)
{
	struct peer peer;

	(void)state;
	begin(&peer);
	double before = settle(&peer);
	assert_true(fabs(speak(&peer, 800, 8000, 20) - before) < 2); /* in the middle of a word */
	speak(&peer, 600, 0, 0);
	double armed = speak(&peer, 1000, 8000, 0);
	assert_true(armed > before + 15);
	/* No longer needed, and given back in a pause again. */
	assert_true(fabs(speak(&peer, 14000, 8000, 0) - armed) < 2);
	speak(&peer, 600, 0, 0);
	assert_true(fabs(speak(&peer, 1000, 8000, 0) - before) < 2);
	end(&peer);
}

/* In a car pauses are as loud as it is, which is -35 dB here, 17 below the voice: they are pauses all the same. */
static void noise_is_a_pause_as_well(void **state)
{
	struct peer peer;

	(void)state;
	begin(&peer);
	peer.noise = 1000;
	double before = settle(&peer);
	assert_true(fabs(speak(&peer, 800, 6000, 20) - before) < 2);
	assert_false(stream_hears_pause(peer.stream));
	speak(&peer, 600, 0, 0);
	assert_true(stream_hears_pause(peer.stream));
	double armed = speak(&peer, 1000, 6000, 0);
	assert_true(armed > before + 15);
	assert_true(fabs(speak(&peer, 14000, 6000, 0) - armed) < 2);
	speak(&peer, 600, 0, 0);
	assert_true(fabs(speak(&peer, 1000, 6000, 0) - before) < 2);
	end(&peer);
}

static void many_losses_do_not_wait(void **state)
{
	struct peer peer;

	(void)state;
	begin(&peer);
	double before = settle(&peer);
	assert_true(speak(&peer, 1600, 8000, 5) > before + 12); /* a smoothed figure */
	end(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_begins_ready_for_losses),
		cmocka_unit_test(first_losses_change_nothing),
		cmocka_unit_test(delay_is_given_back_without_a_pause),
		cmocka_unit_test(few_losses_wait_for_a_pause),
		cmocka_unit_test(noise_is_a_pause_as_well),
		cmocka_unit_test(many_losses_do_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
