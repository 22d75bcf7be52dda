/*
 * Speech whose packets of 20 ms are lost, and what a concealment makes of it, without network and jitter buffer:
 *
 *   conceal_sim METHOD [KEY=VALUE]... SAID.raw HEARD.raw
 *
 * SAID.raw and HEARD.raw are 16-bit samples: at 8 kHz, which go through PCMU, or with codec=G722 at 16 kHz. METHOD:
 *   alone     ours, when the packet behind a hole is not there yet
 *   ours      ours, when it is
 *   appendix  ITU-T G.711 Appendix I (PCMU only); its delay is taken out
 *   silence   nothing
 * loss=%, burst=(mean length), seed=: which packets are lost; all methods lose the same.
 */
#include "appendix.h"
#include "base/random.h"
#include "base/xmalloc.h"
#include "media/codec/conceal.h"
#include "media/codec/g711.h"

#include <stdio.h>
#include <string.h>

enum { PACKET_MS = 20, FRAMES_IN_PACKET = PACKET_MS * CODEC_MS_FRAMES, NARROW = 8 * PACKET_MS, DOWN = 3 };

struct options {
	const char *method;
	double loss, burst, seed;
	bool wide;
};

struct packet {
	bool lost;
	uint8_t payload[NARROW]; /* G.722 has as many bytes */
};

static size_t samples_of(const struct options *options)
{
	return options->wide ? 2 * NARROW : NARROW;
}

static double uniform(struct random *random)
{
	return random_u32(random) / 4294967296.0;
}

/* Gilbert's two states, as in path_sim. */
static void lose(struct packet *packets, size_t n, const struct options *options)
{
	struct random random;
	double p = options->loss / 100;
	bool lost = false;

	random_init_seeded(&random, (uint64_t)options->seed);
	for (size_t i = 0; i < n; i++) {
		bool stays = options->burst > 1 && lost && uniform(&random) >= 1 / options->burst;
		double enter = options->burst > 1 ? p / options->burst / (1 - p) : p;
		bool enters = (options->burst <= 1 || !lost) && uniform(&random) < enter;
		lost = stays || enters;
		packets[i].lost = lost && i > 0;
	}
}

static struct packet *encode(const int16_t *said, size_t n, const struct options *options)
{
	struct packet *packets = xcalloc(n + 1, sizeof *packets);
	const struct pcm_codec *codec = options->wide ? (const struct pcm_codec *)codec_ops(MEDIA_G722) : &g711_mu;
	void *state = codec->state_new ? codec->state_new(false) : NULL;

	for (size_t i = 0; i < n; i++)
		codec->encode(state, said + i * samples_of(options), samples_of(options), packets[i].payload);
	if (state)
		codec->state_free(state, false);
	return packets;
}

/* ---- methods ---- */

static void decode_narrow(const struct packet *packet, int16_t *samples)
{
	for (size_t i = 0; i < NARROW; i++)
		samples[i] = g711_mu_decode(packet->payload[i]);
}

static void run_ours(const struct packet *packets, size_t n, bool alone, int16_t *heard)
{
	struct conceal conceal = { 0 };

	for (size_t i = 0; i < n; i++, heard += NARROW) {
		int16_t next[NARROW];
		if (!packets[i].lost) {
			decode_narrow(&packets[i], heard);
			conceal_good(&conceal, heard, NARROW);
		} else if (alone || i + 1 == n || packets[i + 1].lost) {
			conceal_lost(&conceal, heard, NARROW);
		} else {
			decode_narrow(&packets[i + 1], next);
			conceal_between(&conceal, next, NARROW, heard, NARROW);
		}
	}
}

static void run_appendix(const struct packet *packets, size_t n, int16_t *heard)
{
	struct appendix appendix = { 0 };
	int16_t *all = xcalloc(n * NARROW, sizeof *all);

	for (size_t i = 0; i < n; i++) {
		int16_t *to = all + i * NARROW;
		if (!packets[i].lost)
			decode_narrow(&packets[i], to);
		for (size_t k = 0; k < NARROW; k += APPENDIX_FRAME)
			(packets[i].lost ? appendix_lost : appendix_good)(&appendix, to + k);
	}
	memcpy(heard, all + APPENDIX_DELAY, (n * NARROW - APPENDIX_DELAY) * sizeof *all);
	free(all);
}

static void run_silence(const struct packet *packets, size_t n, int16_t *heard)
{
	for (size_t i = 0; i < n; i++)
		if (!packets[i].lost)
			decode_narrow(&packets[i], heard + i * NARROW);
}

/* Through the decoder as it is, whose sound is at 48 kHz; every third sample of it, as it has nothing above 8 kHz. */
static void run_wide(const struct packet *packets, size_t n, bool alone, int16_t *heard)
{
	struct decoder *decoder = decoder_new(MEDIA_G722);
	int16_t pcm[CODEC_PACKET_MAX_FRAMES];

	for (size_t i = 0; i < n; i++) {
		if (!packets[i].lost)
			decoder_decode(decoder, packets[i].payload, NARROW, pcm);
		else if (alone || i + 1 == n || packets[i + 1].lost)
			decoder_conceal(decoder, pcm, FRAMES_IN_PACKET);
		else
			decoder_recover(decoder, packets[i + 1].payload, NARROW, pcm, FRAMES_IN_PACKET);
		for (size_t k = 0; k < FRAMES_IN_PACKET; k += DOWN)
			*heard++ = pcm[k];
	}
	decoder_free(decoder);
}

static bool run(const struct packet *packets, size_t n, const struct options *options, int16_t *heard)
{
	bool alone = !strcmp(options->method, "alone"), ours = alone || !strcmp(options->method, "ours");

	if (options->wide && ours)
		run_wide(packets, n, alone, heard);
	else if (ours)
		run_ours(packets, n, alone, heard);
	else if (!options->wide && !strcmp(options->method, "appendix"))
		run_appendix(packets, n, heard);
	else if (!options->wide && !strcmp(options->method, "silence"))
		run_silence(packets, n, heard);
	else
		return false;
	return true;
}

/* ---- files ---- */

static int16_t *load(const char *path, size_t *n)
{
	FILE *file = fopen(path, "rb");
	long bytes = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;

	if (bytes < 0) {
		perror(path);
		exit(2);
	}
	int16_t *samples = xcalloc((size_t)bytes / 2 + 1, sizeof *samples);
	rewind(file);
	*n = fread(samples, 2, (size_t)bytes / 2, file);
	fclose(file);
	return samples;
}

static bool read_option(struct options *options, const char *word)
{
	struct { const char *key; double *to; } rows[] = {
		{ "loss=", &options->loss }, { "burst=", &options->burst }, { "seed=", &options->seed },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].key);
		if (!strncmp(word, rows[i].key, n)) {
			*rows[i].to = strtod(word + n, NULL);
			return true;
		}
	}
	options->wide = !strcmp(word, "codec=G722");
	return options->wide || !strcmp(word, "codec=PCMU");
}

int main(int argc, char **argv)
{
	struct options options = { .burst = 1, .seed = 1 };
	int i = 2;

	while (i < argc && strchr(argv[i], '=') && read_option(&options, argv[i]))
		i++;
	if (argc - i != 2) {
		fprintf(stderr, "usage: conceal_sim METHOD [KEY=VALUE]... SAID.raw HEARD.raw\n");
		return 2;
	}
	options.method = argv[1];
	size_t count;
	int16_t *said = load(argv[i], &count);
	size_t n = count / samples_of(&options);
	struct packet *packets = encode(said, n, &options);
	int16_t *heard = xcalloc(n * samples_of(&options) + 1, sizeof *heard);
	lose(packets, n, &options);
	FILE *file = fopen(argv[i + 1], "wb");
	if (!run(packets, n, &options, heard) || !file ||
	    fwrite(heard, 2, n * samples_of(&options), file) != n * samples_of(&options) || fclose(file) != 0) {
		fprintf(stderr, "%s: cannot be done\n", options.method);
		return 2;
	}
	free(heard);
	free(packets);
	free(said);
	return 0;
}
