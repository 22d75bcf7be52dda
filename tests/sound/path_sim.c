/*
 * The sound path without devices and in virtual time: two streams, whole with their encoders, RTCP and jitter buffers,
 * and between them a network that loses, delays and reorders as it is told. A minute of speech takes some seconds.
 *
 *   path_sim [KEY=VALUE]... MIC.wav HEARD_BY_B.wav [HEARD_BY_A.wav]
 *
 * Both say MIC.wav (48 kHz, mono), b from its middle on. The loudspeaker files begin at the moment at which the first
 * sample of MIC.wav was spoken, so the lag between the files is the delay from mouth to ear without a sound device.
 * With card=FRAMES whole engines talk, each with a card of such periods, so that their ticks move as those of phones
 * do; card-from=S: it begins to run that late, as one that is still being opened; wake=MS: each period is seen late by
 * up to that; hold-from=S and hold-to=S: b neither sends nor listens meanwhile.
 * The last line of the output is KEY=VALUE pairs, both directions together; with digits=1 the last of them says which
 * digits each side has heard in the other's voice, b's before the slash.
 */
#include "../unit/media/card.h"
#include "media/stream.h"

#include <getopt.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TICK_US = 10000, FLIGHTS_MAX = 4096, DATAGRAM_MAX = 1600, RTCP_PORT = 1, BOTH = 2, DIGITS_MAX = 10000,
       PERIOD_MAX = 2048 };

struct flight {
	double at_us;
	size_t bytes;
	bool rtcp;
	uint8_t data[DATAGRAM_MAX];
};

/* One direction of the network, in the order of arrival. */
struct road {
	struct flight *flights[FLIGHTS_MAX];
	size_t count;
	double last_us;
	bool bad;
	struct random random;
	uint64_t carried, lost, octets;
};

struct options {
	double loss, burst, delay_ms, jitter_ms, drift_ppm, stall_every_s, stall_ms, seconds, loss_from_s, loss_to_s;
	double card, card_from_s, wake_ms, hold_from_s, hold_to_s;
	bool reorder, red, digits;
	uint64_t seed;
	struct stream_codec codec;
	uint32_t min_ms, max_ms;
	int complexity;
};

struct side {
	struct engine *engine;     /* with cards; NULL: the stream alone */
	struct card *microphone, *speaker;
	double step_us;            /* when the engine sees what its card did; INFINITY: it has */
	struct stream_config config;
	bool holds;
	struct stream *stream;
	struct random random;
	int rtp_out, rtcp_out;     /* the network's ends: what comes out here was sent by the stream */
	struct address rtp, rtcp;  /* where the stream listens */
	struct road to_peer;
	double tick_us;            /* of its clock: 10 ms, or a period of its card */
	double next_us;
	const int16_t *mic;
	size_t mic_frames, at;
	int16_t *heard;
	size_t heard_frames;
	size_t heard_at;           /* where in `heard` its loudspeaker's next sample goes */
	double cpu_us, buffer_ms_sum;
	uint64_t ticks;
	char digits[DIGITS_MAX + 1];
	size_t digit_count;
};

static double uniform(struct random *random)
{
	return random_u32(random) / 4294967296.0;
}

static bool key_is(const char *word, const char *key, double *value)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0 || word[n] != '=')
		return false;
	*value = atof(word + n + 1);
	return true;
}

static bool read_codec(const char *word, struct stream_codec *codec)
{
	for (enum media_codec i = 0; i < MEDIA_CODECS; i++)
		if (!strcmp(word, media_codec_name(i))) {
			codec->codec = i;
			return true;
		}
	return false;
}

static bool read_option(struct options *options, const char *word)
{
	double value;

	if (!strncmp(word, "codec=", 6))
		return read_codec(word + 6, &options->codec);
	struct { const char *key; double *to; } rows[] = {
		{ "loss", &options->loss }, { "burst", &options->burst }, { "delay", &options->delay_ms },
		{ "jitter", &options->jitter_ms }, { "drift", &options->drift_ppm },
		{ "stall-every", &options->stall_every_s }, { "stall", &options->stall_ms },
		{ "seconds", &options->seconds }, { "loss-from", &options->loss_from_s },
		{ "loss-to", &options->loss_to_s }, { "card", &options->card },
		{ "card-from", &options->card_from_s }, { "wake", &options->wake_ms },
		{ "hold-from", &options->hold_from_s }, { "hold-to", &options->hold_to_s },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (key_is(word, rows[i].key, rows[i].to))
			return true;
	if (key_is(word, "seed", &value))
		options->seed = (uint64_t)value;
	else if (key_is(word, "reorder", &value))
		options->reorder = value != 0;
	else if (key_is(word, "digits", &value))
		options->digits = value != 0;
	else if (key_is(word, "red", &value))
		options->red = value != 0;
	else if (key_is(word, "ptime", &value))
		options->codec.ptime_ms = (uint32_t)value;
	else if (key_is(word, "fec", &value))
		options->codec.fec = value != 0;
	else if (key_is(word, "max-bitrate", &value))
		options->codec.max_bitrate = (uint32_t)value;
	else if (key_is(word, "complexity", &value))
		options->complexity = (int)value;
	else if (key_is(word, "min", &value))
		options->min_ms = (uint32_t)value;
	else if (key_is(word, "max", &value))
		options->max_ms = (uint32_t)value;
	else
		return false;
	return true;
}

static int16_t *load(const char *path, size_t *frames)
{
	SF_INFO info = { 0 };
	SNDFILE *file = sf_open(path, SFM_READ, &info);

	if (!file || info.channels != 1 || info.samplerate != CODEC_RATE_HZ) {
		fprintf(stderr, "%s: a mono file of 48000 Hz is needed\n", path);
		exit(2);
	}
	int16_t *samples = calloc((size_t)info.frames + CODEC_TICK_FRAMES, sizeof *samples);
	*frames = (size_t)sf_readf_short(file, samples, info.frames);
	sf_close(file);
	return samples;
}

static void save(const char *path, const int16_t *samples, size_t frames)
{
	SF_INFO info = { .samplerate = CODEC_RATE_HZ, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);

	if (!file || sf_writef_short(file, samples, (sf_count_t)frames) != (sf_count_t)frames) {
		fprintf(stderr, "%s: cannot be written\n", path);
		exit(2);
	}
	sf_close(file);
}

/* ---- sockets: all on loopback, where a datagram is there as soon as it was sent ---- */

static int open_socket(struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof *address;

	*address = (struct address){ 0 };
	if (!address_parse_host(address, SLICE("127.0.0.1"), 0) || fd < 0 ||
	    bind(fd, &address->u.any, address_len(address)) != 0 || getsockname(fd, &address->u.any, &n) != 0) {
		perror("socket");
		exit(2);
	}
	return fd;
}

static struct stream_turn turn_at(struct side *side, const struct options *options, struct receive_batch *batch,
				  double now_us)
{
	return (struct stream_turn){
		.now_us = (int64_t)now_us,
		.wall_us = (int64_t)now_us + 1700000000 * SECOND_US,
		.complexity = options->complexity,
		.random = &side->random,
		.batch = batch,
	};
}

static struct stream_config config_of(struct side *side, const struct options *options)
{
	struct stream_config config = { .sends = true, .receives = true, .send = options->codec };

	config.rtp_fd = open_socket(&side->rtp);
	config.rtcp_fd = open_socket(&side->rtcp);
	side->rtp_out = open_socket(&config.rtp);
	side->rtcp_out = open_socket(&config.rtcp);
	config.send.payload_type = 100;
	config.receive[0] = config.send;
	config.receive_count = 1;
	config.detect_tones = options->digits;
	if (options->red) {
		config.has_send_red = true;
		config.send_red = config.receive_reds[0].payload_type = 101;
		config.receive_reds[0].clock_rate = codec_clock_rate(config.send.codec);
		config.receive_red_count = 1;
	}
	strcpy(config.cname, "sim");
	return config;
}

static void open_stream(struct side *side, const struct options *options, struct receive_batch *batch)
{
	struct stream_setup *setup;
	enum err err;

	side->stream = stream_new(&side->config, NULL, options->min_ms, options->max_ms, &side->random, &setup, &err);
	if (!side->stream) {
		fprintf(stderr, "this codec cannot be made\n");
		exit(2);
	}
	struct stream_turn turn = turn_at(side, options, batch, side->next_us);
	stream_apply(side->stream, setup, turn.now_us);
	stream_setup_free(setup);
	stream_start(side->stream, &turn);
}

static void open_phone(struct side *side, const struct options *options)
{
	int period = (int)options->card;
	enum err err;

	side->engine = engine_new(&side->random, false);
	engine_set_jitter(side->engine, options->min_ms, options->max_ms);
	side->stream = side->engine ? engine_add(side->engine, &side->config, side, &err) : NULL;
	if (!side->stream || period > PERIOD_MAX) {
		fprintf(stderr, "this call cannot be made\n");
		exit(2);
	}
	engine_select(side->engine, side->stream);
	side->microphone = card_plug_in(side->engine, ENGINE_INPUT, period);
	side->speaker = card_plug_in(side->engine, ENGINE_OUTPUT, period);
	side->tick_us *= period / (double)CODEC_TICK_FRAMES;
}

static void open_side(struct side *side, const struct options *options, struct receive_batch *batch, uint64_t seed)
{
	random_init_seeded(&side->random, seed);
	random_init_seeded(&side->to_peer.random, seed + 1000);
	side->config = config_of(side, options);
	side->step_us = INFINITY;
	if (options->card > 0)
		open_phone(side, options);
	else
		open_stream(side, options, batch);
}

/* ---- the network ---- */

static bool loses(struct road *road, const struct options *options, double now_us)
{
	double p = options->loss / 100, leave = 1 / options->burst;

	if (now_us < options->loss_from_s * 1e6 || (options->loss_to_s > 0 && now_us > options->loss_to_s * 1e6))
		return false;
	if (options->burst <= 1)
		return uniform(&road->random) < p;
	/* Gilbert's two states: bursts of the mean length `burst`, and `p` of all packets in them. */
	bool lost = road->bad;
	if (road->bad)
		road->bad = uniform(&road->random) >= leave;
	else
		road->bad = uniform(&road->random) < p * leave / (1 - p);
	return lost;
}

static double arrival(struct road *road, const struct options *options, double now_us)
{
	double at_us = now_us + options->delay_ms * 1000;

	if (options->jitter_ms > 0)
		at_us += uniform(&road->random) * options->jitter_ms * 1000;
	if (options->stall_every_s > 0) {
		double every_us = options->stall_every_s * 1e6, into_us = fmod(now_us, every_us);
		if (now_us > every_us && into_us < options->stall_ms * 1000)
			at_us += options->stall_ms * 1000 - into_us;
	}
	if (!options->reorder && at_us < road->last_us)
		at_us = road->last_us;
	road->last_us = at_us;
	return at_us;
}

static void put_flight(struct road *road, struct flight *flight)
{
	size_t at = road->count++;

	if (road->count > FLIGHTS_MAX) {
		fprintf(stderr, "too many packets under way\n");
		exit(2);
	}
	for (; at > 0 && road->flights[at - 1]->at_us > flight->at_us; at--)
		road->flights[at] = road->flights[at - 1];
	road->flights[at] = flight;
}

static void collect(struct side *side, int fd, bool rtcp, const struct options *options, double now_us)
{
	for (;;) {
		struct flight *flight = calloc(1, sizeof *flight);
		ssize_t n = recv(fd, flight->data, sizeof flight->data, 0);
		if (n <= 0) {
			free(flight);
			return;
		}
		struct road *road = &side->to_peer;
		road->carried += !rtcp;
		road->octets += rtcp ? 0 : (uint64_t)n - RTP_HEADER_BYTES;
		if (loses(road, options, now_us)) {
			road->lost += !rtcp;
			free(flight);
			continue;
		}
		flight->bytes = (size_t)n;
		flight->rtcp = rtcp;
		flight->at_us = arrival(road, options, now_us);
		put_flight(road, flight);
	}
}

static void deliver(struct side *from, struct side *to, const struct options *options, struct receive_batch *batch,
		    double now_us)
{
	struct road *road = &from->to_peer;
	size_t n = 0;

	for (; n < road->count && road->flights[n]->at_us <= now_us; n++) {
		struct flight *flight = road->flights[n];
		struct stream_turn turn = turn_at(to, options, batch, flight->at_us);
		/* From the port to which the receiver sends, as symmetric RTP wants it. */
		int fd = flight->rtcp ? to->rtcp_out : to->rtp_out;
		const struct address *address = flight->rtcp ? &to->rtcp : &to->rtp;
		if (to->engine)
			engine_rouse(to->engine, to->stream);
		sendto(fd, flight->data, flight->bytes, 0, &address->u.any, address_len(address));
		if (flight->rtcp)
			stream_receive_rtcp(to->stream, &turn);
		else
			stream_receive_rtp(to->stream, &turn);
		free(flight);
	}
	road->count -= n;
	memmove(road->flights, road->flights + n, road->count * sizeof *road->flights);
}

/* ---- the clocks ---- */

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1000;
}

static void speak(struct side *side, int16_t *mic, size_t frames)
{
	for (size_t i = 0; i < frames; i++) {
		mic[i] = side->mic[side->at];
		side->at = (side->at + 1) % side->mic_frames;
	}
}

/* The last sample that was said was spoken just now, so the file's time 0 is that of the first one. */
static void listen_to(struct side *side, const int16_t *heard, size_t frames, size_t room)
{
	if (!side->ticks++)
		side->heard_at = (size_t)llround((side->next_us + side->tick_us) * CODEC_RATE_HZ / 1e6);
	size_t at = side->heard_at;
	side->heard_at += frames;
	for (size_t i = 0; i < frames && at + i < room; i++) {
		side->heard[at + i] = heard[i];
		side->heard_frames = at + i + 1;
	}
	side->buffer_ms_sum += side->stream->jitter.delay_ms;
	side->next_us += side->tick_us;
}

static void tick(struct side *side, const struct options *options, struct receive_batch *batch, size_t room)
{
	int16_t mic[CODEC_TICK_FRAMES];
	struct stream_turn turn = turn_at(side, options, batch, side->next_us);

	speak(side, mic, CODEC_TICK_FRAMES);
	double before = cpu_us();
	stream_hear(side->stream, &turn);
	stream_say(side->stream, &turn, mic);
	side->cpu_us += cpu_us() - before;
	listen_to(side, side->stream->heard_now, CODEC_TICK_FRAMES, room);
}

/* ---- with cards ---- */

/* A period of the card: what was said is in its ring, and what is heard from now on has left it. */
static void move_card(struct side *side, const struct options *options, size_t room)
{
	int16_t said[PERIOD_MAX], heard[PERIOD_MAX] = { 0 };
	int period = (int)options->card;
	double now_us = side->next_us;

	speak(side, said, (size_t)period);
	if (now_us >= options->card_from_s * 1e6) {
		card_put(side->microphone, said, period);
		card_take(side->speaker, heard, period);
	}
	listen_to(side, heard, (size_t)period, room);
	side->step_us = now_us + uniform(&side->random) * options->wake_ms * 1000;
}

static void hold(struct side *side, const struct options *options, double now_us)
{
	bool holds = now_us >= options->hold_from_s * 1e6 && now_us < options->hold_to_s * 1e6;

	if (holds == side->holds)
		return;
	side->holds = holds;
	side->config.sends = side->config.receives = !holds;
	side->config.on_hold = holds;
	if (engine_change(side->engine, side->stream, &side->config) != ERR_NONE)
		exit(2);
}

static void step(struct side *side)
{
	struct engine_event event;
	double before = cpu_us();

	engine_step(side->engine, (int64_t)side->step_us);
	while (engine_next_event(side->engine, &event))
		continue;
	side->cpu_us += cpu_us() - before;
	side->step_us = INFINITY;
}

static void take_digits(struct side *side)
{
	struct stream *stream = side->stream;

	for (size_t i = 0; i < stream->digits_heard_count && side->digit_count < DIGITS_MAX; i++)
		side->digits[side->digit_count++] = stream->digits_heard[i].digit;
	stream->digits_heard_count = 0;
}

static double time_of(const struct side *side)
{
	return side->step_us < side->next_us ? side->step_us : side->next_us;
}

static void run(struct side *sides, const struct options *options, size_t room)
{
	struct receive_batch *batch = receive_batch_new();

	for (int i = 0; i < BOTH; i++)
		open_side(&sides[i], options, batch, options->seed * 10 + (uint64_t)i);
	for (;;) {
		int i = time_of(&sides[0]) <= time_of(&sides[1]) ? 0 : 1;
		struct side *side = &sides[i], *other = &sides[1 - i];
		double now_us = time_of(side);
		if (now_us >= options->seconds * 1e6)
			break;
		if (side->engine && side->next_us <= side->step_us) {
			move_card(side, options, room);
			continue;
		}
		deliver(other, side, options, batch, now_us);
		if (i == 1 && side->engine)
			hold(side, options, now_us);
		if (side->engine)
			step(side);
		else
			tick(side, options, batch, room);
		take_digits(side);
		collect(side, side->rtp_out, false, options, now_us);
		collect(side, side->rtcp_out, true, options, now_us);
	}
	free(batch);
}

static void report(struct side *sides, const struct options *options)
{
	double carried = 0, lost = 0, octets = 0, concealed = 0, late = 0, cpu = 0, buffer_ms = 0, mos = 0;

	for (int i = 0; i < BOTH; i++) {
		struct stream_stats stats;
		engine_stats(sides[i].stream, &stats);
		carried += (double)sides[i].to_peer.carried;
		lost += (double)sides[i].to_peer.lost;
		octets += (double)sides[i].to_peer.octets;
		concealed += (double)stats.concealed_frames;
		late += (double)stats.late_packets;
		cpu += sides[i].cpu_us;
		mos += stats.mos / BOTH;
		buffer_ms += sides[i].buffer_ms_sum / (double)sides[i].ticks / BOTH;
	}
	double ticks = options->seconds * 100 * BOTH;
	printf("packets=%.0f lost=%.2f%% late=%.2f%% concealed=%.2f%% bitrate=%.1fk buffer=%.1fms cpu=%.2f%% "
	       "mos=%.2f",
	       carried, lost * 100 / carried, late * 100 / carried, concealed * 100 / ticks,
	       octets * 8 / options->seconds / BOTH / 1000, buffer_ms, cpu / options->seconds / 1e4 / BOTH, mos);
	if (options->digits)
		printf(" digits=%s/%s", sides[1].digits, sides[0].digits);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct options options = { .burst = 1,
				   .seed = 1,
				   .min_ms = 10,
				   .max_ms = 300,
				   .complexity = ENGINE_COMPLEXITY_MOST,
				   .codec = { .codec = MEDIA_OPUS, .ptime_ms = 20, .fec = true } };
	static struct side sides[BOTH];
	int i = 1;

	for (; i < argc && strchr(argv[i], '='); i++)
		if (!read_option(&options, argv[i])) {
			fprintf(stderr, "%s: no such option\n", argv[i]);
			return 2;
		}
	if (argc - i < 2) {
		fprintf(stderr, "usage: path_sim [KEY=VALUE]... MIC.wav HEARD_BY_B.wav [HEARD_BY_A.wav]\n");
		return 2;
	}
	size_t frames;
	int16_t *mic = load(argv[i], &frames);
	if (options.seconds <= 0)
		options.seconds = (double)frames / CODEC_RATE_HZ;
	size_t room = (size_t)(options.seconds * CODEC_RATE_HZ) + CODEC_TICK_FRAMES;
	for (int k = 0; k < BOTH; k++) {
		sides[k].mic = mic;
		sides[k].mic_frames = frames;
		sides[k].heard = calloc(room, sizeof *mic);
		sides[k].tick_us = k ? TICK_US * (1 + options.drift_ppm * 1e-6) : TICK_US;
	}
	/* No two clocks tick together: b a little after a, at a place that the seed chooses. */
	sides[1].next_us = (double)(options.seed * 3700 % TICK_US);
	sides[1].at = frames / 2;
	run(sides, &options, room);
	report(sides, &options);
	save(argv[i + 1], sides[1].heard, sides[1].heard_frames);
	if (argc - i > 2)
		save(argv[i + 2], sides[0].heard, sides[0].heard_frames);
	for (int k = 0; k < BOTH; k++) {
		stream_free(sides[k].stream);
		close(sides[k].rtp_out);
		close(sides[k].rtcp_out);
		free(sides[k].heard);
		for (size_t n = 0; n < sides[k].to_peer.count; n++)
			free(sides[k].to_peer.flights[n]);
	}
	free(mic);
	return 0;
}
