/* Comfort noise (RFC 3389): its bytes, its sound, when somebody speaks, and whole streams that pause. */
#include "media/comfort.h"
#include "media/rtp.h"
#include "rig.h"

enum { NOISE_FRAMES = 48000 };

static void bytes_as_the_rfc_says(void **state)
{
	(void)state;
	struct comfort noise = { .level = 55, .order = 3, .reflection = { 0.5F, -0.25F, 0 } }, read;
	uint8_t bytes[COMFORT_MAX_BYTES + 8];

	assert_int_equal(comfort_print(&noise, bytes, 3), 0);
	assert_int_equal(comfort_print(&noise, bytes, sizeof bytes), 4);
	/* 3.2: k = 258 (N - 127) / 32768 */
	assert_memory_equal(bytes, ((uint8_t[]){ 55, 127 + 64, 127 - 32, 127 }), 4);
	assert_true(comfort_parse(&read, bytes, 4));
	assert_int_equal(read.level, 55);
	assert_int_equal(read.order, 3);
	assert_true(fabs(read.reflection[0] - 0.5) < 0.004 && fabs(read.reflection[1] + 0.25) < 0.004 &&
		    read.reflection[2] == 0);
	assert_false(comfort_parse(&read, bytes, 0));
	assert_true(comfort_parse(&read, (uint8_t[]){ 0x80 | 60 }, 1)); /* the first bit means nothing */
	assert_int_equal(read.level, 60);
	assert_int_equal(read.order, 0);
	memset(bytes, 255, sizeof bytes); /* a reserved index, more of them than are followed */
	assert_true(comfort_parse(&read, bytes, sizeof bytes));
	assert_int_equal(read.order, COMFORT_ORDER_MAX);
	assert_true(read.reflection[0] == 0);
}

/* Noise through one pole at `pole`: what is above or below the middle is stronger. */
static void colour(struct random *random, double pole, double rms, int16_t *samples, size_t n)
{
	double last = 0, gain = rms * sqrt(3 * (1 - pole * pole));

	for (size_t i = 0; i < n; i++) {
		last = pole * last + gain * (random_u32(random) / 2147483648.0 - 1);
		samples[i] = (int16_t)lrint(last);
	}
}

/* Power, and how alike neighbours are. */
static void measure(const int16_t *samples, size_t n, double *rms, double *alike)
{
	double power = 0, next = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		power += (double)samples[i] * samples[i];
		next += (double)samples[i] * samples[i + 1];
	}
	*rms = sqrt(power / (double)n);
	*alike = next / power;
}

static void noise_there_is_like_noise_here(void **state)
{
	(void)state;
	static const struct { double pole, rms; } cases[] = { { 0, 100 }, { 0.9, 100 }, { -0.7, 20 }, { 0.5, 3000 } };
	static int16_t said[NOISE_FRAMES], heard[NOISE_FRAMES];
	struct random random;

	random_init_seeded(&random, 5);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct comfort_ear ear = { 0 };
		struct comfort_voice voice = { 0 };
		struct comfort noise;
		uint8_t bytes[COMFORT_MAX_BYTES];
		double rms, alike;
		colour(&random, cases[i].pole, cases[i].rms, said, 8000);
		for (size_t at = 0; at + 160 <= 8000; at += 160)
			comfort_listen(&ear, said + at, 160, &noise);
		assert_true(abs(noise.level - (int)lrint(-20 * log10(cases[i].rms / 32768))) <= 1);
		size_t n = comfort_print(&noise, bytes, sizeof bytes);
		assert_int_equal(n, 1 + COMFORT_ORDER);
		assert_true(comfort_parse(&noise, bytes, n));
		comfort_speak(&voice, &noise, heard, ARRAY_LEN(heard));
		measure(heard + 4000, ARRAY_LEN(heard) - 4000, &rms, &alike);
		if (fabs(20 * log10(rms / cases[i].rms)) > 1.5 || fabs(alike - cases[i].pole) > 0.12)
			fail_msg("pole %g rms %g: heard %g, %g", cases[i].pole, cases[i].rms, alike, rms);
	}
	struct comfort_ear ear = { 0 };
	struct comfort_voice voice = { 0 };
	struct comfort noise;
	memset(said, 0, sizeof said);
	comfort_listen(&ear, said, 160, &noise);
	assert_int_equal(noise.level, 127);
	comfort_speak(&voice, &noise, heard, 160);
	for (size_t i = 0; i < 160; i++)
		assert_int_equal(heard[i], 0);
}

/* No payload makes it howl. */
static void no_description_howls(void **state)
{
	(void)state;
	struct random random;
	int16_t samples[480];

	random_init_seeded(&random, 6);
	for (int i = 0; i < 2000; i++) {
		struct comfort_voice voice = { 0 };
		struct comfort noise;
		uint8_t bytes[COMFORT_MAX_BYTES];
		random_fill(&random, bytes, sizeof bytes);
		bytes[0] = 60;
		assert_true(comfort_parse(&noise, bytes, 1 + random_below(&random, COMFORT_MAX_BYTES)));
		for (int k = 0; k < 20; k++) {
			double rms, alike;
			comfort_speak(&voice, &noise, samples, 480);
			measure(samples, 480, &rms, &alike);
			assert_true(rms < 32768 * 0.001 * 20);
		}
	}
}

static void who_speaks_is_heard(void **state)
{
	(void)state;
	struct voice_watch watch = { 0 };
	struct random random;
	int16_t pcm[480];
	unsigned noise = 0, speech = 0;

	random_init_seeded(&random, 7);
	for (unsigned tick = 0; tick < 3000; tick++) {
		/* a room at -52 dBov in which somebody speaks 15 dB louder for two seconds of each five */
		bool speaks = tick % 500 >= 300;
		colour(&random, 0.8, speaks ? 450 : 80, pcm, 480);
		bool found = voice_tick(&watch, pcm);
		if (tick < 300)
			continue; /* it learns what the room is like */
		if (speaks)
			assert_true(found);
		else if (tick % 500 >= 40)
			noise += found;
		speech += speaks;
	}
	assert_true(speech > 1000 && noise < 10);
	for (unsigned tick = 0; tick < 1000; tick++) { /* a tone that goes on is no noise, however long */
		for (size_t i = 0; i < 480; i++)
			pcm[i] = (int16_t)(3000 * sin((double)i * 2 * 3.14159265 * 5 / 480));
		assert_true(voice_tick(&watch, pcm));
	}
	for (unsigned tick = 0; tick < 100; tick++)
		if (voice_tick(&watch, NULL))
			assert_true(tick < 30);
}

/* ---- whole streams ---- */

struct pause {
	struct rig rig;
	struct stream *here, *there;
	int fd;                   /* of the file that is the microphone */
	char path[64], name[80];
};

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

/* A second of a tone at -10 dB in noise at -50 dB, then three of the noise alone, round and round. */
static void write_microphone(struct pause *pause)
{
	static int16_t samples[4 * 48000];
	uint8_t header[44] = "RIFF....WAVEfmt ";
	uint32_t bytes = sizeof samples, whole = bytes + 36, rate = 48000, per_second = 96000;
	struct random random;

	random_init_seeded(&random, 8);
	colour(&random, 0.9, 103, samples, ARRAY_LEN(samples));
	for (size_t i = 0; i < 48000; i++)
		samples[i] = (int16_t)(samples[i] + 10000 * sin((double)i * 2 * 3.14159265 * 700 / 48000));
	memcpy(header + 4, &whole, 4);
	header[16] = 16;
	put16(header + 20, 1);
	put16(header + 22, 1);
	memcpy(header + 24, &rate, 4);
	memcpy(header + 28, &per_second, 4);
	put16(header + 32, 2);
	put16(header + 34, 16);
	memcpy(header + 36, "data", 4);
	memcpy(header + 40, &bytes, 4);
	snprintf(pause->path, sizeof pause->path, "/tmp/media-comfort-test-XXXXXX");
	pause->fd = mkstemp(pause->path);
	assert_true(pause->fd >= 0);
	assert_int_equal(write(pause->fd, header, sizeof header), sizeof header);
	assert_int_equal(write(pause->fd, samples, sizeof samples), sizeof samples);
	snprintf(pause->name, sizeof pause->name, "file:%s", pause->path);
}

static void pause_begin(struct pause *pause, enum media_codec codec, uint8_t payload_type, uint8_t comfort)
{
	struct stream_config config = { .rtcp_fd = -1, .sends = true, .receives = true, .cname = "x@y" };
	struct address here, there;

	*pause = (struct pause){ 0 };
	write_microphone(pause);
	rig_begin(&pause->rig, 2);
	config.send = (struct stream_codec){ .codec = codec, .payload_type = payload_type, .dtx = codec == MEDIA_OPUS };
	config.receive[config.receive_count++] = config.send;
	config.has_send_comfort = comfort != 0;
	config.send_comfort = config.receive_comforts[0] = comfort;
	config.receive_comfort_count = comfort != 0;
	int fd = rig_socket(&here), other = rig_socket(&there);
	config.rtp_fd = fd;
	config.rtp = there;
	pause->here = rig_add(&pause->rig, 0, &config);
	config.rtp_fd = other;
	config.rtp = here;
	pause->there = rig_add(&pause->rig, 1, &config);
	for (size_t i = 0; i < 2; i++)
		engine_select(pause->rig.engines[i], i ? pause->there : pause->here);
	assert_int_equal(engine_use(pause->rig.engines[0], ENGINE_INPUT, pause->name), ERR_NONE);
}

static void pause_end(struct pause *pause)
{
	rig_end(&pause->rig);
	close(pause->fd);
	unlink(pause->path);
}

static void check_pauses(enum media_codec codec, uint8_t payload_type, uint8_t comfort, unsigned packet_ms)
{
	struct pause pause;
	struct stream_stats said, heard;

	pause_begin(&pause, codec, payload_type, comfort);
	rig_run(&pause.rig, 8000); /* what the room is like is known by now */
	for (int round = 0; round < 4; round++) {
		rig_run(&pause.rig, 1000); /* whatever begins and ends here */
		engine_stats(pause.there, &heard);
		if (fabs(heard.heard_level_db + 10.3) > 1.5 || fabs(heard.tone_hz - 700) > 2)
			fail_msg("codec %d: %g Hz at %g dB", codec, heard.tone_hz, heard.heard_level_db);
		rig_run(&pause.rig, 2500);
		engine_stats(pause.there, &heard);
		if (fabs(heard.heard_level_db + 47) > 3)
			fail_msg("codec %d: noise at %g dB", codec, heard.heard_level_db);
		rig_run(&pause.rig, 500);
	}
	engine_stats(pause.here, &said);
	engine_stats(pause.there, &heard);
	/* a quarter of the time somebody speaks, and a little longer; else there is a packet now and then */
	if (said.sent_packets * packet_ms > 24000 * 40 / 100 || said.sent_packets * packet_ms < 24000 * 20 / 100)
		fail_msg("codec %d: %u packets", codec, (unsigned)said.sent_packets);
	/* the first of 10 ms comes before the other side begins */
	assert_int_equal(heard.received_packets + (packet_ms == 10), said.sent_packets);
	assert_int_equal(heard.lost_packets + heard.late_packets, 0);
	assert_int_equal(heard.discarded_packets, 0);
	assert_int_equal(heard.concealed_frames, 0);
	assert_true(heard.loss == 0);
	assert_true(heard.buffer_ms < 40);
	assert_int_equal(pause.rig.seen[ENGINE_LOST], 0);
	pause_end(&pause);
}

static void pauses_are_not_sent(void **state)
{
	(void)state;
	/* -50 dBov are -47 dB against a sine. */
	check_pauses(MEDIA_PCMU, 0, 13, 20);
	check_pauses(MEDIA_PCMA, 8, 13, 20);
	check_pauses(MEDIA_G722, 9, 13, 20);
	check_pauses(MEDIA_L16_16, 96, 97, 20);
	check_pauses(MEDIA_L16_44, 11, 98, 10);
	check_pauses(MEDIA_L16_48, 99, 100, 10);
}

static void opus_pauses_by_itself(void **state)
{
	(void)state;
	struct pause pause;
	struct stream_stats said, heard;

	pause_begin(&pause, MEDIA_OPUS, 111, 0);
	rig_run(&pause.rig, 24000);
	engine_stats(pause.here, &said);
	engine_stats(pause.there, &heard);
	if (said.sent_packets >= 1200 * 60 / 100)
		fail_msg("%u packets", (unsigned)said.sent_packets);
	assert_int_equal(heard.lost_packets + heard.late_packets, 0);
	assert_int_equal(heard.concealed_frames, 0);
	pause_end(&pause);
}

/* Without agreement nothing is left out; and what comes under the static number is understood all the same. */
static void only_as_agreed(void **state)
{
	(void)state;
	struct pause pause;
	struct stream_stats stats;

	pause_begin(&pause, MEDIA_PCMU, 0, 0);
	rig_run(&pause.rig, 8000);
	engine_stats(pause.here, &stats);
	assert_int_equal(stats.sent_packets, 400);
	pause_end(&pause);

	struct rig rig;
	struct address at, unused;
	struct stream_config config = { .rtcp_fd = -1, .receives = true, .cname = "x@y" };
	rig_begin(&rig, 1);
	config.send = (struct stream_codec){ .codec = MEDIA_PCMU };
	config.receive[config.receive_count++] = config.send;
	config.rtp_fd = rig_socket(&at);
	int fd = rig_socket(&unused);
	struct stream *stream = rig_add(&rig, 0, &config);
	rig_step(&rig);
	uint8_t bytes[200], voice[160];
	memset(voice, 0xff, sizeof voice);
	struct rtp_packet packet = { .ssrc = 1, .payload = voice, .payload_bytes = sizeof voice };
	for (unsigned i = 0; i < 20; i++, packet.sequence++, packet.timestamp += 160) {
		size_t n = rtp_print(&packet, bytes, sizeof bytes);
		assert_int_equal(sendto(fd, bytes, n, 0, &at.u.any, address_len(&at)), n);
		rig_run(&rig, 20);
	}
	packet.payload_type = 13;
	packet.payload = (uint8_t[]){ 40 };
	packet.payload_bytes = 1;
	size_t n = rtp_print(&packet, bytes, sizeof bytes);
	assert_int_equal(sendto(fd, bytes, n, 0, &at.u.any, address_len(&at)), n);
	rig_run(&rig, 10000); /* and never again: the noise goes on, and it is no loss of sound */
	engine_stats(stream, &stats);
	assert_true(fabs(stats.heard_level_db + 37) < 2);
	assert_int_equal(rig.seen[ENGINE_LOST], 0);
	assert_int_equal(stats.lost_packets + stats.concealed_frames, 0);
	rig_run(&rig, 25000);
	assert_int_equal(rig.seen[ENGINE_LOST], 1);
	rig_end(&rig);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_as_the_rfc_says),
		cmocka_unit_test(noise_there_is_like_noise_here),
		cmocka_unit_test(no_description_howls),
		cmocka_unit_test(who_speaks_is_heard),
		cmocka_unit_test(pauses_are_not_sent),
		cmocka_unit_test(opus_pauses_by_itself),
		cmocka_unit_test(only_as_agreed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
