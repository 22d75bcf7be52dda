#include "media/codec/opus.h"

#include "base/xmalloc.h"

#include <opus/opus.h>
#include <string.h>

/*
 * Clean, speech is coded full band in the hybrid mode (the lower half by SILK): better than the transform mode at the
 * same rate (tests/sound/measure: 4.54 against 4.39 at this one), and FEC needs no change of mode. Libopus 1.3 leaves
 * it above 63 kbit/s unless it is told to stay.
 *
 * Where packets are lost the upper half is left out: FEC has none of it anyway, and SILK alone needs half the bits for
 * what is left.
 */
enum {
	CLEAN_BITRATE = 112000,    /* 95 kbit/s of speech */
	LOSSY_BITRATE = 80000,     /* 60 kbit/s with FEC */
	COPIED_BITRATE = 56000,    /* 39 kbit/s, each of which is sent twice or more */
	LEAST_BITRATE = 6000,
	MEDIUM_BITRATE = 48000,    /* for a receiver below wide band: more is not heard */
	HYBRID_BITRATE = 60000,    /* from here on; below it libopus knows best */
	LOSSY_PERCENT = 3,
};

/* Not in opus.h, but in all releases: as the library's own demonstration sets it. */
enum { SET_FORCE_MODE = 11002, MODE_HYBRID = 1001 };

enum { OPUS_FRAMES_MAX = 48, DTX_COMPLEXITY = 7 };

struct opus_encoder {
	struct encoder base;
	OpusEncoder *state;
	bool fec, dtx;            /* the peer asked for it */
	bool copied;              /* each packet is sent more than once */
	int loss_percent, complexity;
	int bitrate, most_bitrate, path_bitrate; /* path_bitrate 0: no limit */
	int bandwidth, most_bandwidth, mode;
};

struct opus_decoder {
	struct decoder base;
	OpusDecoder *state;
};

static struct encoder *new_encoder(enum media_codec codec)
{
	(void)codec;
	int error;
	OpusEncoder *state = opus_encoder_create(CODEC_RATE_HZ, 1, OPUS_APPLICATION_AUDIO, &error);
	if (!state)
		return NULL;
	struct opus_encoder *encoder = xcalloc(1, sizeof *encoder);
	encoder->base.ops = &opus_ops;
	encoder->state = state;
	encoder->complexity = 9;
	encoder->most_bandwidth = encoder->bandwidth = OPUS_BANDWIDTH_FULLBAND;
	encoder->mode = OPUS_AUTO;
	opus_encoder_ctl(state, OPUS_SET_COMPLEXITY(9));
	opus_encoder_ctl(state, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	return &encoder->base;
}

static void free_encoder(struct encoder *base)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);

	opus_encoder_destroy(encoder->state);
	free(encoder);
}

static struct decoder *new_decoder(enum media_codec codec)
{
	(void)codec;
	int error;
	OpusDecoder *state = opus_decoder_create(CODEC_RATE_HZ, 1, &error);
	if (!state)
		return NULL;
	struct opus_decoder *decoder = xcalloc(1, sizeof *decoder);
	decoder->base.ops = &opus_ops;
	decoder->state = state;
	return &decoder->base;
}

static void free_decoder(struct decoder *base)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);

	opus_decoder_destroy(decoder->state);
	free(decoder);
}

/* libopus has frames of 10, 20, 40 and 60 ms. */
static uint32_t ptime(enum media_codec codec, uint32_t wanted_ms)
{
	(void)codec;
	return wanted_ms == 30 ? 20 : wanted_ms == 50 ? 40 : wanted_ms;
}

static int wanted_bitrate(const struct opus_encoder *encoder)
{
	if (encoder->copied)
		return COPIED_BITRATE;
	return encoder->loss_percent >= LOSSY_PERCENT ? LOSSY_BITRATE : CLEAN_BITRATE;
}

/* Changed only when it changes: each of these may begin the library's decisions anew. */
static void set(struct opus_encoder *encoder, int *now, int request, int value)
{
	if (*now == value)
		return;
	*now = value;
	opus_encoder_ctl(encoder->state, request, value);
}

/* What is not coded for a receiver of less than wide band needs no bits (RFC 7587 6.1: maxplaybackrate). */
static int useful_bitrate(const struct opus_encoder *encoder, int bitrate)
{
	bool little = encoder->most_bandwidth < OPUS_BANDWIDTH_WIDEBAND;

	return little && bitrate > MEDIUM_BITRATE ? MEDIUM_BITRATE : bitrate;
}

/* Rate, bandwidth and mode, as loss, the peer and the path have it. */
static void set_bitrate(struct opus_encoder *encoder)
{
	int bitrate = useful_bitrate(encoder, wanted_bitrate(encoder)), bandwidth = encoder->most_bandwidth;
	bool lossy = encoder->copied || encoder->loss_percent >= LOSSY_PERCENT;

	if (bitrate > encoder->most_bitrate)
		bitrate = encoder->most_bitrate;
	if (encoder->path_bitrate && bitrate > encoder->path_bitrate)
		bitrate = encoder->path_bitrate > LEAST_BITRATE ? encoder->path_bitrate : LEAST_BITRATE;
	if (lossy && bandwidth > OPUS_BANDWIDTH_WIDEBAND)
		bandwidth = OPUS_BANDWIDTH_WIDEBAND;
	set(encoder, &encoder->bitrate, OPUS_SET_BITRATE_REQUEST, bitrate);
	set(encoder, &encoder->bandwidth, OPUS_SET_MAX_BANDWIDTH_REQUEST, bandwidth);
	/* With wide band or less it is SILK alone. */
	set(encoder, &encoder->mode, SET_FORCE_MODE,
	    lossy || bitrate >= HYBRID_BITRATE ? MODE_HYBRID : OPUS_AUTO);
}

/* The widest that a receiver of this sampling rate has use for (RFC 7587 6.1). */
static int bandwidth_of(uint32_t rate_hz)
{
	return !rate_hz || rate_hz > 24000 ? OPUS_BANDWIDTH_FULLBAND
	       : rate_hz > 16000           ? OPUS_BANDWIDTH_SUPERWIDEBAND
	       : rate_hz > 12000           ? OPUS_BANDWIDTH_WIDEBAND
	       : rate_hz > 8000            ? OPUS_BANDWIDTH_MEDIUMBAND
					   : OPUS_BANDWIDTH_NARROWBAND;
}

static void configure(struct encoder *base, const struct stream_codec *settings)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);
	uint32_t most = settings->max_bitrate;

	encoder->most_bitrate = !most || most > CLEAN_BITRATE ? CLEAN_BITRATE
				: most < LEAST_BITRATE        ? LEAST_BITRATE
							      : (int)most;
	encoder->fec = settings->fec;
	encoder->most_bandwidth = bandwidth_of(settings->max_rate_hz);
	set_bitrate(encoder);
	opus_encoder_ctl(encoder->state, OPUS_SET_VBR(!settings->cbr));
	encoder->dtx = settings->dtx;
	opus_encoder_ctl(encoder->state, OPUS_SET_DTX(settings->dtx));
	opus_encoder_ctl(encoder->state, OPUS_SET_INBAND_FEC(encoder->fec && encoder->loss_percent > 0));
}

/* The bits of FEC are taken from the speech: below half a percent of loss it costs more than it gives. */
static void adapt(struct encoder *base, const struct codec_path *path)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);
	double loss = path->loss;
	/* Only from there on libopus analyses what is no speech. */
	int complexity = encoder->dtx && path->complexity == ENGINE_COMPLEXITY_MOST ? DTX_COMPLEXITY : path->complexity;
	int percent = loss < 0.005 ? 0 : loss < 0.02 ? 2 : loss > 0.3 ? 30 : (int)(loss * 100 + 0.5);

	if (percent != encoder->loss_percent) {
		encoder->loss_percent = percent;
		opus_encoder_ctl(encoder->state, OPUS_SET_PACKET_LOSS_PERC(percent));
		opus_encoder_ctl(encoder->state, OPUS_SET_INBAND_FEC(encoder->fec && percent > 0));
	}
	encoder->path_bitrate = (int)path->max_bitrate;
	encoder->copied = path->copied;
	set_bitrate(encoder);
	if (complexity != encoder->complexity) {
		encoder->complexity = complexity;
		opus_encoder_ctl(encoder->state, OPUS_SET_COMPLEXITY(complexity));
	}
}

static size_t encode(struct encoder *base, const int16_t *pcm, size_t frames, uint8_t *out, size_t room)
{
	struct opus_encoder *encoder = CONTAINER_OF(base, struct opus_encoder, base);
	opus_int32 n = opus_encode(encoder->state, pcm, (int)frames, out, (opus_int32)room);

	/* Up to 2 bytes is DTX: nothing need be sent (opus_encode(3)). */
	return n > 2 ? (size_t)n : 0;
}

static size_t count_frames(enum media_codec codec, const uint8_t *payload, size_t n)
{
	(void)codec;
	if (n > CODEC_PAYLOAD_MAX_BYTES)
		return 0;
	int frames = opus_packet_get_nb_samples(payload, (opus_int32)n, CODEC_RATE_HZ);
	return frames > 0 ? (size_t)frames : 0;
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t n, int16_t *pcm)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);
	int frames = opus_decode(decoder->state, payload, (opus_int32)n, pcm, CODEC_PACKET_MAX_FRAMES, 0);

	return frames > 0 ? (size_t)frames : 0;
}

/*
 * In-band FEC is there in the SILK and hybrid modes only (RFC 6716 4.2.3): behind a bit for each 20 ms of speech, the
 * first bit of the range decoder's even-odds symbols that follow says whether the frame before is repeated.
 */
static bool carries_last(const uint8_t *payload, size_t n)
{
	const unsigned char *frames[OPUS_FRAMES_MAX];
	opus_int16 sizes[OPUS_FRAMES_MAX];

	if (n < 2 || payload[0] & 0x80 ||
	    opus_packet_parse(payload, (opus_int32)n, NULL, frames, sizes, NULL) < 1 || sizes[0] < 1)
		return false;
	int speech = opus_packet_get_samples_per_frame(payload, CODEC_RATE_HZ) / (20 * CODEC_MS_FRAMES);
	return frames[0][0] >> (7 - (speech ? speech : 1)) & 1;
}

static size_t recover(struct decoder *base, const uint8_t *next, size_t n, int16_t *pcm, size_t frames)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);

	if (!count_frames(MEDIA_OPUS, next, n))
		return 0;
	/* Without FEC in the packet libopus conceals, which is what the caller would do next. */
	return opus_decode(decoder->state, next, (opus_int32)n, pcm, (int)frames, 1) == (int)frames ? frames : 0;
}

static void conceal(struct decoder *base, int16_t *pcm, size_t frames)
{
	struct opus_decoder *decoder = CONTAINER_OF(base, struct opus_decoder, base);

	if (opus_decode(decoder->state, NULL, 0, pcm, (int)frames, 0) != (int)frames)
		memset(pcm, 0, frames * sizeof *pcm);
}

const struct codec_ops opus_ops = {
	.codec = MEDIA_OPUS,
	.clock_rate = CODEC_RATE_HZ,
	.delay_ms = 7,
	.wide = true,
	.impairment = 3,
	.robustness = 16, /* no ITU table has Opus; fitted to listening-model scores at 5 to 20 % loss */
	.encoder_new = new_encoder,
	.decoder_new = new_decoder,
	.encoder_free = free_encoder,
	.decoder_free = free_decoder,
	.ptime = ptime,
	.configure = configure,
	.adapt = adapt,
	.encode = encode,
	.frames = count_frames,
	.decode = decode,
	.carries_last = carries_last,
	.recover = recover,
	.conceal = conceal,
	.conceal_step = CODEC_CONCEAL_STEP_MAX, /* of less its speech layer forgets the rest of 10 ms */
};
