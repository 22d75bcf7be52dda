/* Codecs, concealment, tones, levels, mixing, stretching, devices: samples in, samples out. */
#include "media/audio/device.h"
#include "media/codec/codec.h"
#include "media/codec/conceal.h"
#include "media/codec/g711.h"
#include "media/codec/g722.h"
#include "media/level.h"
#include "media/stretch.h"
#include "media/tone.h"

#include <math.h>
#include <opus/opus.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void sine(int16_t *pcm, size_t n, double hz, double rate, double amplitude, size_t from)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hz * (double)(from + i) / rate));
}

static double rms(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sqrt(sum / (double)n);
}

/* The largest step from one sample to the next: a click is one that the sound itself does not have. */
static int steepest(const int16_t *pcm, size_t n)
{
	int most = 0;

	for (size_t i = 1; i < n; i++)
		most = abs(pcm[i] - pcm[i - 1]) > most ? abs(pcm[i] - pcm[i - 1]) : most;
	return most;
}

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

static void concealment_goes_on_without_a_click(void **state)
{
	(void)state;
	int16_t pcm[8000];

	for (double hz = 100; hz <= 500; hz += 57) {
		struct conceal conceal = { 0 };
		sine(pcm, 8000, hz, 8000, 8000, 0);
		int natural = steepest(pcm, 8000);
		for (size_t at = 0; at < 8000; at += 80) {
			if (at == 4000 || at == 4080)
				conceal_lost(&conceal, pcm + at, 80);
			else
				conceal_good(&conceal, pcm + at, 80);
		}
		assert_true(steepest(pcm, 8000) < natural * 2);
		assert_true(rms(pcm + 4000, 80) > 0.85 * 8000 / sqrt(2));
		assert_true(rms(pcm + 4080, 80) > 0.5 * 8000 / sqrt(2));
	}
	/* a long loss ends in silence */
	struct conceal conceal = { 0 };
	conceal_good(&conceal, pcm, 4000);
	conceal_lost(&conceal, pcm, 800);
	assert_true(rms(pcm + 480, 320) == 0);
	/* noise and silence do not disturb it either */
	memset(pcm, 0, sizeof pcm);
	conceal_good(&conceal, pcm, 4000);
	conceal_lost(&conceal, pcm, 800);
	assert_true(rms(pcm, 800) == 0);
}

/* Something like a vowel: pulses of a pitch through two formants. */
static void vowel(int16_t *pcm, size_t n, double hz, double rate_hz)
{
	double y[2] = { 0 }, z[2] = { 0 }, phase = 0;
	const double formants[2] = { 700, 1800 }, r = exp(-M_PI * 120 / rate_hz);

	for (size_t i = 0; i < n; i++) {
		phase += hz / rate_hz;
		double x = phase >= 1 ? 3000 : 0;
		phase -= phase >= 1;
		double a = x + 2 * r * cos(2 * M_PI * formants[0] / rate_hz) * y[0] - r * r * y[1];
		y[1] = y[0];
		y[0] = a;
		double b = a * 0.2 + 2 * r * cos(2 * M_PI * formants[1] / rate_hz) * z[0] - r * r * z[1];
		z[1] = z[0];
		z[0] = b;
		pcm[i] = (int16_t)(b < -32000 ? -32000 : b > 32000 ? 32000 : b);
	}
}

static double error_share(const int16_t *a, const int16_t *b, size_t n)
{
	double error = 0, all = 1;

	for (size_t i = 0; i < n; i++) {
		error += pow(a[i] - b[i], 2);
		all += pow(a[i], 2);
	}
	return error / all;
}

/* A vowel with a hole of 20 ms: the pitch goes on in phase, louder than it was it never is; both ends help. */
static void a_vowel_goes_on(void **state)
{
	(void)state;
	static int16_t whole[28800], heard[28800];

	for (unsigned scale = 1; scale <= 6; scale = scale == 1 ? 2 : scale + 4) {
		size_t part = 160 * scale, hole = 4000 * scale / part * part;
		double guessed = 0, joined = 0;
		for (double hz = 80; hz <= 300; hz += 20) {
			vowel(whole, ARRAY_LEN(whole), hz, 8000 * scale);
			for (int both = 0; both < 2; both++) {
				static struct conceal conceal;
				conceal = (struct conceal){ .scale = scale };
				memcpy(heard, whole, sizeof heard);
				for (size_t at = 0; at < hole; at += part)
					conceal_good(&conceal, heard + at, part);
				if (both)
					conceal_between(&conceal, heard + hole + part, part, heard + hole, part);
				else
					conceal_lost(&conceal, heard + hole, part);
				conceal_good(&conceal, heard + hole + part, part);
				assert_true(rms(heard + hole, part) < 1.35 * rms(whole + hole, part));
				assert_true(rms(heard + hole, part) > 0.5 * rms(whole + hole, part));
				*(both ? &joined : &guessed) += error_share(whole + hole, heard + hole, part) / 12;
				/* behind it nothing but the join differs, and after both ends not even that */
				assert_memory_equal(heard + hole + part + 80 * scale, whole + hole + part + 80 * scale,
						    80 * scale * sizeof *heard);
				if (both)
					assert_memory_equal(heard + hole + part, whole + hole + part,
							    part * sizeof *heard);
			}
		}
		/* of twelve pitches, some of which fall between two samples */
		assert_true(guessed < 0.35);
		assert_true(joined < 0.2 && joined < guessed * 0.7);
	}
}

/* A pitch that falls by a tenth in the hole: from both ends it is met, from one it is not. */
static void a_gliding_pitch_is_met(void **state)
{
	(void)state;
	int16_t whole[1600], heard[1600];
	struct conceal conceal = { 0 };
	double phase = 0;

	for (size_t i = 0; i < 1600; i++) {
		double hz = i < 800 ? 150 : i > 960 ? 135 : 150 - 15 * ((double)i - 800) / 160;
		phase += 2 * M_PI * hz / 8000;
		whole[i] = (int16_t)(6000 * sin(phase) + 3000 * sin(2 * phase + 1) + 1500 * sin(5 * phase));
	}
	memcpy(heard, whole, sizeof heard);
	conceal_good(&conceal, heard, 800);
	struct conceal alone = conceal;
	conceal_between(&conceal, heard + 960, 160, heard + 800, 160);
	double joined = error_share(whole + 800, heard + 800, 160);
	conceal_lost(&alone, heard + 800, 160);
	double guessed = error_share(whole + 800, heard + 800, 160);
	assert_true(joined < 0.25);
	assert_true(joined < guessed / 2);
}

/* Packets too short to tell a pitch, a hole too long for two ends, no packets at all before: nothing breaks. */
static void concealment_at_its_bounds(void **state)
{
	(void)state;
	static int16_t pcm[5760], next[5760];
	struct random random;
	random_init_seeded(&random, 5);

	for (int i = 0; i < 42; i++) {
		static struct conceal conceal;
		conceal = (struct conceal){ .scale = (unsigned)(i % 7) };
		for (int turn = 0; turn < 6; turn++) {
			size_t n = 1 + random_below(&random, 5760), next_n = random_below(&random, 5761);
			for (size_t k = 0; k < 5760; k++)
				next[k] = i % 3 ? (int16_t)random_u32(&random) : i % 2 ? INT16_MIN : 0;
			switch (random_below(&random, 3)) {
			case 0:
				conceal_good(&conceal, next, n);
				break;
			case 1:
				conceal_lost(&conceal, pcm, n);
				break;
			default:
				conceal_between(&conceal, next, next_n, pcm, n);
			}
		}
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
			decoder_conceal(decoder, pcm, 120 * (1 + random_below(&random, 48)));
			free(payload);
		}
		decoder_free(decoder);
	}
}

static void levels_and_tones(void **state)
{
	(void)state;
	struct level level = { 0 };
	struct decimator decimator = { 0 };
	int16_t pcm[480], narrow[TONE_FIND_FRAMES];

	assert_true(level_db(&level) == -127);
	for (double hz = 50; hz < 3600; hz += 137.7) {
		for (size_t i = 0; i < 50; i++) {
			sine(pcm, 480, hz, 48000, 3276.8, i * 480);
			level_add(&level, pcm);
			decimator_run(&decimator, pcm, narrow + i * 80);
		}
		assert_true(fabs(level_db(&level) + 20) < 0.2);
		assert_true(fabs(tone_find(narrow) - hz) < 0.5);
	}
	for (size_t i = 0; i < 50; i++)
		level_add(&level, NULL);
	assert_true(level_db(&level) == -127);
	memset(narrow, 0, sizeof narrow);
	assert_true(tone_find(narrow) == 0);
	/* a tone above 4 kHz is not taken for its mirror image */
	for (size_t i = 0; i < 100; i++) { /* its beginning is a click; it has passed after the first half second */
		sine(pcm, 480, 6500, 48000, 10000, i * 480);
		decimator_run(&decimator, pcm, narrow + i % 50 * 80);
	}
	assert_true(tone_find(narrow) == 0);
}

static void tones_have_cadence_and_no_clicks(void **state)
{
	(void)state;
	static int16_t pcm[48000 * 7];
	struct tone tone = { 0 };

	assert_false(tone_fill(&tone, pcm, 480));
	tone_start(&tone, TONE_RINGBACK);
	for (size_t i = 0; i < ARRAY_LEN(pcm); i += 480)
		assert_true(tone_fill(&tone, pcm + i, 480));
	assert_true(rms(pcm + 4800, 48000) > 3000);
	assert_true(rms(pcm + 2 * 48000 + 480, 48000 * 4 - 960) == 0);
	assert_true(rms(pcm + 6 * 48000 + 480, 40000) > 3000);
	assert_true(steepest(pcm, ARRAY_LEN(pcm)) < 450); /* both sines together cannot do more */
	tone_start(&tone, TONE_BUSY);
	for (size_t i = 0; i < 48000; i += 480)
		assert_true(tone_fill(&tone, pcm + i, 480));
	assert_true(rms(pcm + 4800, 14400) > 3000 && rms(pcm + 24500, 23000) == 0);
	tone_start(&tone, TONE_NONE);
	assert_false(tone_fill(&tone, pcm, 480));
}

static void stretching_keeps_the_tone(void **state)
{
	(void)state;
	int16_t pcm[960 + 720];

	for (double hz = 110; hz < 1000; hz += 83) {
		sine(pcm, 960, hz, 48000, 8000, 0);
		int natural = steepest(pcm, 960);
		size_t gone = stretch_shorten(pcm, 960, 480);
		assert_true(gone > 0 && gone <= 480);
		assert_true(steepest(pcm, 960 - gone) < natural * 1.3 + 20);
		assert_true(rms(pcm, 960 - gone) > 0.85 * 8000 / sqrt(2));
		sine(pcm, 960, hz, 48000, 8000, 0);
		size_t more = stretch_lengthen(pcm, 960, 480);
		assert_true(more > 0 && more <= 480);
		assert_true(steepest(pcm, 960 + more) < natural * 1.3 + 20);
		assert_true(rms(pcm, 960 + more) > 0.85 * 8000 / sqrt(2));
	}
	memset(pcm, 0, sizeof pcm);
	assert_int_equal(stretch_shorten(pcm, 960, 300), 300);
	assert_int_equal(stretch_lengthen(pcm, 960, 720), 480);
	struct random random;
	random_init_seeded(&random, 2);
	for (size_t i = 0; i < 960; i++)
		pcm[i] = (int16_t)(random_below(&random, 20000) - 10000);
	assert_int_equal(stretch_shorten(pcm, 960, 480), 0); /* loud noise does not repeat: it is left alone */
}

static void devices(void **state)
{
	(void)state;
	static const char *const WRONG[] = { "", "tone:", "tone:0", "tone:-5", "tone:30000", "tone:4x", "tone:4.",
		"file:" };
	int16_t pcm[480];
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
		assert_null(device_open(DEVICE_IN, WRONG[i], &err));
		assert_int_equal(err, ERR_SYNTAX);
	}
	assert_null(device_open(DEVICE_OUT, "tone:440", &err));
	struct device *device = device_open(DEVICE_IN, "tone:440.5", &err);
	assert_non_null(device);
	assert_int_equal(device->ops->read(device, pcm, 480), 480);
	assert_int_equal(device->ops->pending(device), -1);
	assert_true(rms(pcm, 480) > 7000);
	device_close(device);
	assert_null(device_open(DEVICE_OUT, "file:/nonexistent/dir/x.wav", &err));
	assert_int_equal(err, ERR_NOT_FOUND);

	/* no sound file */
	char path[] = "/tmp/media-sound-test-XXXXXX", name[64];
	int fd = mkstemp(path);
	snprintf(name, sizeof name, "file:%s", path);
	assert_int_equal(write(fd, "RIFFjunk", 8), 8);
	assert_null(device_open(DEVICE_IN, name, &err));
	assert_int_equal(err, ERR_IO);

	/* what was written is read again, round and round */
	device = device_open(DEVICE_OUT, name, &err);
	assert_non_null(device);
	for (int16_t i = 0; i < 100; i++) {
		for (size_t k = 0; k < 480; k++)
			pcm[k] = (int16_t)(i * 100);
		assert_int_equal(device->ops->write(device, pcm, 480), 480);
	}
	assert_int_equal(device->ops->health(device), ERR_NONE);
	device_close(device);
	device = device_open(DEVICE_IN, name, &err);
	assert_non_null(device);
	for (int i = 0; i < 250; i++) {
		device->ops->read(device, pcm, 480);
		assert_in_range(pcm[240] + 10, i % 100 * 100 + 9, i % 100 * 100 + 11);
	}
	device_close(device);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(laws),
		cmocka_unit_test(concealment_goes_on_without_a_click),
		cmocka_unit_test(a_vowel_goes_on),
		cmocka_unit_test(a_gliding_pitch_is_met),
		cmocka_unit_test(concealment_at_its_bounds),
		cmocka_unit_test(codecs_carry_sound),
		cmocka_unit_test(g722_is_bit_exact),
		cmocka_unit_test(g722_follows_what_is_heard),
		cmocka_unit_test(opus_keeps_to_the_peers_words),
		cmocka_unit_test(opus_in_stereo_is_heard),
		cmocka_unit_test(fec_brings_back_what_was_lost),
		cmocka_unit_test(junk_payloads),
		cmocka_unit_test(levels_and_tones),
		cmocka_unit_test(tones_have_cadence_and_no_clicks),
		cmocka_unit_test(stretching_keeps_the_tone),
		cmocka_unit_test(devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
