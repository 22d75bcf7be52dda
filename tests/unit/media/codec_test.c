/* Codecs: samples in, packets out, and back; what was lost, and what never was a packet. */
#include "media/codec/codec.h"
#include "media/codec/g711.h"
#include "media/codec/g722.h"
#include "wave.h"

#include <opus/opus.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void laws(void **state)
{
	(void)state;
	/* known points of G.711: silence, and the ends of the scale */
	assert_int_equal(g711_mu_encode(0), 0xff);
	assert_int_equal(g711_a_encode(0), 0xd5);
	assert_int_equal(g711_mu_decode(0x00), -32124);
	assert_int_equal(g711_mu_decode(0x80), 32124);
	assert_int_equal(g711_a_decode(0x2a), -32256);
	assert_int_equal(g711_a_decode(0xaa), 32256);
	assert_int_equal(g711_a_decode(0xd5), 8);
	for (int code = 0; code < 256; code++) {
		int16_t mu = g711_mu_decode((uint8_t)code), a = g711_a_decode((uint8_t)code);
		assert_int_equal(g711_mu_decode(g711_mu_encode(mu)), mu);
		assert_int_equal(g711_a_encode(a), code);
	}
	for (int sample = -32768; sample < 32768; sample++) {
		int mu = g711_mu_decode(g711_mu_encode((int16_t)sample));
		int a = g711_a_decode(g711_a_encode((int16_t)sample));
		/* half a step: a 32nd of the value, or of the smallest segment; above the top step the scale ends */
		int error = abs(sample) / 32 + 8;
		assert_true(abs(mu - sample) <= error + (abs(sample) > 32124 ? 700 : 0));
		assert_true(abs(a - sample) <= error + 8);
	}
}

static void codecs_carry_sound(void **state)
{
	(void)state;
	for (enum media_codec codec = 0; codec < MEDIA_CODECS; codec++) {
		for (uint32_t ms = 10; ms <= 60; ms += 10) {
			struct encoder *encoder = encoder_new(codec);
			struct decoder *decoder = decoder_new(codec);
			struct stream_codec settings = { .codec = codec, .cbr = true, .max_bitrate = 20000 };
			uint32_t real = codec_ptime(codec, ms);
			size_t frames = real * CODEC_MS_FRAMES, bytes = 0;
			int16_t in[2880], out[CODEC_PACKET_MAX_FRAMES];
			uint8_t payload[CODEC_PAYLOAD_MAX_BYTES];
			encoder_configure(encoder, &settings);
			for (size_t i = 0; i < 30; i++) {
				sine(in, frames, 1000, 48000, 8000, i * frames);
				size_t n = encoder_encode(encoder, in, frames, payload, sizeof payload);
				assert_true(n > 0);
				bytes += n;
				assert_int_equal(codec_frames(codec, payload, n), frames);
				assert_int_equal(decoder_decode(decoder, payload, n, out), frames);
			}
			assert_true(fabs(20 * log10(rms(out, frames) / (8000 / sqrt(2)))) < 1);
			decoder_conceal(decoder, out, 480);
			assert_true(rms(out, 480) > 500);
			/* constant rate: exactly what the peer allows */
			static const double per_ms[MEDIA_CODECS] = { 8, 8, 2.5, 8, 96, 88.2, 32, 16 };
			assert_int_equal(bytes, (size_t)(30 * real * per_ms[codec]));
			encoder_free(encoder);
			decoder_free(decoder);
		}
	}
	assert_int_equal(codec_ptime(MEDIA_OPUS, 30), 20);
	assert_int_equal(codec_ptime(MEDIA_PCMU, 30), 30);
	assert_int_equal(codec_ptime(MEDIA_PCMU, 0), 20);
	assert_int_equal(codec_ptime(MEDIA_PCMU, 1000), 60);
	assert_int_equal(codec_ptime(MEDIA_L16_48, 20), 10); /* no more fits into an Ethernet frame */
	assert_int_equal(codec_ptime(MEDIA_L16_16, 60), 40);
}

/* The bits of the recommendation: this sum is that of what the reference algorithm makes of the same samples. */
static void g722_is_bit_exact(void **state)
{
	(void)state;
	enum { SAMPLES = 16000 };
	static int16_t samples[SAMPLES], back[SAMPLES];
	static uint8_t bytes[SAMPLES / 2];
	struct random random;
	void *encoder = g722.state_new(false), *decoder = g722.state_new(true);
	uint32_t sum = 2166136261u;

	random_init_seeded(&random, 722);
	for (int i = 0; i < SAMPLES; i++) {
		int noise = (int)random_below(&random, 4000) - 2000;
		samples[i] = (int16_t)(i / 4000 % 2 ? noise : i / 20 % 2 ? 12000 + noise : noise - 12000);
	}
	g722.encode(encoder, samples, SAMPLES, bytes);
	g722.decode(decoder, bytes, SAMPLES / 2, back);
	for (int i = 0; i < SAMPLES / 2; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	for (int i = 0; i < SAMPLES; i++)
		sum = (sum ^ (uint16_t)back[i]) * 16777619u;
	assert_int_equal(sum, 2514469942u);
	g722.state_free(encoder, false);
	g722.state_free(decoder, true);
}

/* A syllable: a tone that swells and dies away, a little noise. */
static void syllables(int16_t *pcm, size_t n)
{
	struct random random;

	random_init_seeded(&random, 16);
	for (size_t i = 0; i < n; i++) {
		double t = (double)i / 16000, loud = 0.1 + fabs(sin(2 * M_PI * 4 * t));
		pcm[i] = (int16_t)(6000 * loud * sin(2 * M_PI * 220 * t) + 3000 * loud * sin(2 * M_PI * 1430 * t) +
				   (double)random_below(&random, 800) - 400);
	}
}

static double difference_db(const int16_t *a, const int16_t *b, size_t n)
{
	double wrong = 1, right = 1;

	for (size_t i = 0; i < n; i++) {
		wrong += (a[i] - b[i]) * (double)(a[i] - b[i]);
		right += a[i] * (double)a[i];
	}
	return 10 * log10(wrong / right);
}

/*
 * A decoder that followed what was heard instead of a packet is nearly where it would be had it decoded it; one that
 * stayed where it was is not: each learns from all that came before.
 */
static void g722_follows_what_is_heard(void **state)
{
	(void)state;
	enum { PACKET = 320, PACKETS = 50 };
	static int16_t said[PACKET * PACKETS], heard[PACKET * (PACKETS + 1)];
	static uint8_t bytes[PACKET * PACKETS / 2];
	void *encoder = g722.state_new(false), *whole = g722.state_new(true);
	double followed = 0, stayed = 0;

	syllables(said, ARRAY_LEN(said));
	g722.encode(encoder, said, ARRAY_LEN(said), bytes);
	g722.decode(whole, bytes, sizeof bytes, heard);
	for (size_t lost = 5; lost + 1 < PACKETS; lost += 3) {
		void *follows = g722.state_new(true), *stays = g722.state_new(true);
		int16_t first[PACKET], second[PACKET];
		g722.decode(follows, bytes, lost * PACKET / 2, said);
		g722.decode(stays, bytes, lost * PACKET / 2, said);
		g722.follow(follows, heard + lost * PACKET, PACKET);
		g722.decode(follows, bytes + (lost + 1) * PACKET / 2, PACKET / 2, first);
		g722.decode(stays, bytes + (lost + 1) * PACKET / 2, PACKET / 2, second);
		followed += difference_db(heard + (lost + 1) * PACKET, first, PACKET);
		stayed += difference_db(heard + (lost + 1) * PACKET, second, PACKET);
		g722.state_free(follows, true);
		g722.state_free(stays, true);
	}
	assert_true(followed / 15 < -20);
	assert_true(stayed / 15 > followed / 15 + 10);
	g722.state_free(encoder, false);
	g722.state_free(whole, true);
}

/* RFC 7587 6.1: the encoder keeps to what the peer says of its receiver. @return bytes of a second of noise */
static size_t opus_noise(const struct stream_codec *settings, double loss, int *widest, bool *repeats)
{
	struct encoder *encoder = encoder_new(MEDIA_OPUS);
	struct decoder *decoder = decoder_new(MEDIA_OPUS);
	struct codec_path path = { .loss = loss, .complexity = 9 };
	struct random random;
	size_t bytes = 0;
	int16_t in[960];
	uint8_t payload[CODEC_PAYLOAD_MAX_BYTES];

	random_init_seeded(&random, 7587);
	*widest = 0;
	*repeats = false;
	encoder_configure(encoder, settings);
	encoder_adapt(encoder, &path);
	for (int i = 0; i < 50; i++) {
		for (size_t k = 0; k < ARRAY_LEN(in); k++)
			in[k] = (int16_t)((int)random_below(&random, 16000) - 8000);
		size_t n = encoder_encode(encoder, in, ARRAY_LEN(in), payload, sizeof payload);
		int bandwidth = opus_packet_get_bandwidth(payload);
		*widest = bandwidth > *widest ? bandwidth : *widest;
		*repeats |= decoder_carries_last(decoder, payload, n);
		bytes += n;
	}
	encoder_free(encoder);
	decoder_free(decoder);
	return bytes;
}

static void opus_keeps_to_the_peers_words(void **state)
{
	(void)state;
	static const struct {
		uint32_t rate_hz;
		int bandwidth;
	} cases[] = {
		{ 0, OPUS_BANDWIDTH_FULLBAND },          { 44100, OPUS_BANDWIDTH_FULLBAND },
		{ 24000, OPUS_BANDWIDTH_SUPERWIDEBAND }, { 16000, OPUS_BANDWIDTH_WIDEBAND },
		{ 12000, OPUS_BANDWIDTH_MEDIUMBAND },    { 8000, OPUS_BANDWIDTH_NARROWBAND },
	};
	int widest;
	bool repeats;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stream_codec settings = { .codec = MEDIA_OPUS, .max_rate_hz = cases[i].rate_hz };
		size_t bytes = opus_noise(&settings, 0, &widest, &repeats);
		assert_int_equal(widest, cases[i].bandwidth);
		assert_true(cases[i].rate_hz > 12000 || !cases[i].rate_hz || bytes <= 6600);
	}
	/* an average of at most this much, constant if asked for; repeated only for who has use for it */
	assert_true(opus_noise(&(struct stream_codec){ .max_bitrate = 24000 }, 0, &widest, &repeats) <= 3300);
	assert_int_equal(opus_noise(&(struct stream_codec){ .max_bitrate = 24000, .cbr = true }, 0, &widest, &repeats),
			 3000);
	opus_noise(&(struct stream_codec){ .fec = true }, 0.1, &widest, &repeats);
	assert_true(repeats);
	opus_noise(&(struct stream_codec){ .fec = true }, 0, &widest, &repeats);
	assert_false(repeats);
	opus_noise(&(struct stream_codec){ .fec = false }, 0.1, &widest, &repeats);
	assert_false(repeats);
}

/* RFC 7587 6.1: a receiver takes two channels whatever was said of them; both are heard. */
static void opus_in_stereo_is_heard(void **state)
{
	(void)state;
	int error;
	OpusEncoder *encoder = opus_encoder_create(48000, 2, OPUS_APPLICATION_AUDIO, &error);
	struct decoder *decoder = decoder_new(MEDIA_OPUS);
	int16_t side[960], both[1920], out[CODEC_PACKET_MAX_FRAMES];
	uint8_t payload[CODEC_PAYLOAD_MAX_BYTES];

	assert_non_null(encoder);
	opus_encoder_ctl(encoder, OPUS_SET_FORCE_CHANNELS(2));
	for (int right = 0; right < 2; right++) {
		for (size_t i = 0; i < 30; i++) {
			sine(side, ARRAY_LEN(side), 1000, 48000, 8000, i * ARRAY_LEN(side));
			for (size_t k = 0; k < ARRAY_LEN(side); k++) {
				both[2 * k + (size_t)right] = side[k];
				both[2 * k + 1 - (size_t)right] = 0;
			}
			opus_int32 n = opus_encode(encoder, both, ARRAY_LEN(side), payload, sizeof payload);
			assert_true(n > 0);
			assert_int_equal(opus_packet_get_nb_channels(payload), 2);
			assert_int_equal(decoder_decode(decoder, payload, (size_t)n, out), ARRAY_LEN(side));
		}
		/* half of it: the mean of both */
		assert_true(fabs(20 * log10(rms(out, ARRAY_LEN(side)) / (4000 / sqrt(2)))) < 1);
	}
	opus_encoder_destroy(encoder);
	decoder_free(decoder);
}

/* With FEC the lost packet itself comes back, not a guess: a burst that only it held is heard. */
static void fec_brings_back_what_was_lost(void **state)
{
	(void)state;
	struct encoder *encoder = encoder_new(MEDIA_OPUS);
	struct decoder *fec = decoder_new(MEDIA_OPUS), *plain = decoder_new(MEDIA_OPUS);
	struct stream_codec settings = { .codec = MEDIA_OPUS, .fec = true, .max_bitrate = 32000 };
	int16_t in[960], recovered[CODEC_PACKET_MAX_FRAMES], guessed[CODEC_PACKET_MAX_FRAMES],
		out[CODEC_PACKET_MAX_FRAMES];
	uint8_t packets[40][CODEC_PAYLOAD_MAX_BYTES];
	size_t sizes[40];

	encoder_configure(encoder, &settings);
	encoder_adapt(encoder, &(struct codec_path){ .loss = 0.2, .complexity = 9 });
	struct random random;
	random_init_seeded(&random, 3);
	for (size_t i = 0; i < 40; i++) {
		/* something like a voice: a pulse train through a coarse low-pass; silent but for packets 28 to 32 */
		double last = 0;
		for (size_t k = 0; k < 960; k++) {
			double pulse = (i * 960 + k) % 400 == 0 ? 60000 : (double)random_below(&random, 200) - 100;
			last += (pulse - last) * 0.1;
			in[k] = (int16_t)(i >= 28 && i <= 32 ? last : last / 200);
		}
		sizes[i] = encoder_encode(encoder, in, 960, packets[i], sizeof packets[i]);
	}
	for (size_t i = 0; i < 29; i++) {
		decoder_decode(fec, packets[i], sizes[i], out);
		decoder_decode(plain, packets[i], sizes[i], out);
	}
	assert_int_equal(decoder_recover(fec, packets[30], sizes[30], recovered, 960), 960);
	decoder_conceal(plain, guessed, 960);
	struct decoder *whole = decoder_new(MEDIA_OPUS);
	for (size_t i = 0; i < 30; i++)
		decoder_decode(whole, packets[i], sizes[i], out);
	double fec_error = 0, guess_error = 0;
	for (size_t k = 0; k < 960; k++) {
		fec_error += pow(recovered[k] - out[k], 2);
		guess_error += pow(guessed[k] - out[k], 2);
	}
	assert_true(fec_error < guess_error);
	encoder_free(encoder);
	decoder_free(fec);
	decoder_free(plain);
	decoder_free(whole);
}

static void junk_payloads(void **state)
{
	(void)state;
	struct random random;
	int16_t pcm[CODEC_PACKET_MAX_FRAMES];

	random_init_seeded(&random, 8);
	for (enum media_codec codec = 0; codec < MEDIA_CODECS; codec++) {
		struct decoder *decoder = decoder_new(codec);
		for (int i = 0; i < 3000; i++) {
			size_t n = random_below(&random, 1400);
			uint8_t *payload = malloc(n ? n : 1);
			random_fill(&random, payload, n);
			assert_true(decoder_decode(decoder, payload, n, pcm) <= CODEC_PACKET_MAX_FRAMES);
			decoder_recover(decoder, payload, n, pcm, 960);
			uint32_t step = codec_ops(codec)->conceal_step;
			uint32_t steps = 1 + random_below(&random, CODEC_PACKET_MAX_FRAMES / step);
			decoder_conceal(decoder, pcm, step * steps);
			free(payload);
		}
		decoder_free(decoder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(laws),
		cmocka_unit_test(codecs_carry_sound),
		cmocka_unit_test(g722_is_bit_exact),
		cmocka_unit_test(g722_follows_what_is_heard),
		cmocka_unit_test(opus_keeps_to_the_peers_words),
		cmocka_unit_test(opus_in_stereo_is_heard),
		cmocka_unit_test(fec_brings_back_what_was_lost),
		cmocka_unit_test(junk_payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
