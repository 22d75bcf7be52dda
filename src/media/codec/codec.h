/*
 * Codecs as the stream sees them: 48 kHz mono 16 bit on this side, payloads on the other. Objects are made and freed on
 * the loop's
 * thread; everything between allocates nothing.
 *
 *   codec   the face and the table
 *   opus    RFC 6716, RFC 7587, by libopus
 *   pcm     what codecs of samples have in common: resampling by speexdsp, concealment
 *   g711    PCMU and PCMA
 *   g722    wide-band, of our own: libraries that have it bring much else
 *   l16     samples as they are
 *   conceal what is heard where a packet is missing, for those that have no concealment
 */
#pragma once

#include "media/comfort.h"
#include "media/engine.h"

enum {
	CODEC_RATE_HZ = 48000,
	CODEC_MS_FRAMES = 48,
	CODEC_TICK_FRAMES = 480,          /* 10 ms */
	CODEC_PACKET_MAX_FRAMES = 5760,   /* 120 ms: the longest packet that is accepted */
	CODEC_CONCEAL_STEP_MAX = 480,     /* 10 ms */
	CODEC_PAYLOAD_MAX_BYTES = 1920,   /* 20 ms of L16 at 48 kHz */
};

struct encoder {
	const struct codec_ops *ops;
};

struct decoder {
	const struct codec_ops *ops;
};

/* What the way to the peer allows. */
struct codec_path {
	double loss;                      /* share of packets that will be lost, 0..1 */
	bool copied;                      /* what is sent is sent more than once: bits are dear, losses rare */
	uint32_t max_bitrate;             /* bit/s; 0: as configured */
	int complexity;                   /* how much of the processor one stream may have, 0..10 */
};

struct codec_ops {
	enum media_codec codec;
	uint32_t clock_rate;              /* of RTP timestamps */
	uint32_t delay_ms;                /* look-ahead and resampling there and back, for the quality estimate */
	double impairment, robustness;    /* Ie and Bpl of G.107, or of G.107.1 when it is `wide` */
	bool wide;
	uint32_t conceal_step;            /* frames that are invented at once, up to CODEC_CONCEAL_STEP_MAX */
	bool joins; /* conceals better where what follows is known: recover() without repetition */
	struct encoder *(*encoder_new)(enum media_codec codec);
	struct decoder *(*decoder_new)(enum media_codec codec);
	void (*encoder_free)(struct encoder *encoder);
	void (*decoder_free)(struct decoder *decoder);
	uint32_t (*ptime)(enum media_codec codec, uint32_t wanted_ms);
	void (*configure)(struct encoder *encoder, const struct stream_codec *settings);
	void (*adapt)(struct encoder *encoder, const struct codec_path *path);
	size_t (*encode)(struct encoder *encoder, const int16_t *pcm, size_t frames, uint8_t *out, size_t room);
	size_t (*frames)(enum media_codec codec, const uint8_t *payload, size_t n);
	size_t (*decode)(struct decoder *decoder, const uint8_t *payload, size_t n, int16_t *pcm);
	bool (*carries_last)(const uint8_t *payload, size_t n);
	size_t (*recover)(struct decoder *decoder, const uint8_t *next, size_t n, int16_t *pcm, size_t frames);
	void (*conceal)(struct decoder *decoder, int16_t *pcm, size_t frames);
	void (*late)(struct decoder *decoder, size_t frames); /* NULL: it is all one to this codec */
	/* comfort noise (RFC 3389); NULL: the codec has pauses of its own */
	void (*describe)(struct encoder *encoder, const int16_t *pcm, size_t frames, struct comfort_ear *ear,
			 struct comfort *noise);
	void (*noise)(struct decoder *decoder, const struct comfort *noise, int16_t pcm[]);
};

/** The codec's row; `codec` < MEDIA_CODECS. */
const struct codec_ops *codec_ops(enum media_codec codec);
uint32_t codec_clock_rate(enum media_codec codec);
/** The packet length that this codec really makes of a wish: 10 to 60 ms in steps of 10; 0 counts as 20. */
uint32_t codec_ptime(enum media_codec codec, uint32_t wanted_ms);
/** 48 kHz frames in a payload; 0: it is malformed or longer than CODEC_PACKET_MAX_FRAMES. */
size_t codec_frames(enum media_codec codec, const uint8_t *payload, size_t n);

/** @return NULL when the library refuses (ERR_UNSUPPORTED to the user); owned by the caller */
struct encoder *encoder_new(enum media_codec codec);
void encoder_free(struct encoder *encoder);
void encoder_configure(struct encoder *encoder, const struct stream_codec *settings);
/** What can change from packet to packet. */
void encoder_adapt(struct encoder *encoder, const struct codec_path *path);
/**
 * Encode one packet's worth (`frames` as codec_ptime gives). @return bytes written; 0: nothing need be sent (DTX) or it
 * failed
 */
size_t encoder_encode(struct encoder *encoder, const int16_t *pcm, size_t frames, uint8_t *out, size_t room);

/** Instead of encoding a packet's worth: what the noise in it is like (RFC 3389). Only where ops->describe is set. */
void encoder_describe(struct encoder *encoder, const int16_t *pcm, size_t frames, struct comfort_ear *ear,
		      struct comfort *noise);

struct decoder *decoder_new(enum media_codec codec);
void decoder_free(struct decoder *decoder);
/** Decode a payload into `pcm`, which has CODEC_PACKET_MAX_FRAMES. @return frames; 0: malformed */
size_t decoder_decode(struct decoder *decoder, const uint8_t *payload, size_t n, int16_t *pcm);
/** Whether a payload carries something of the packet before it, for decoder_recover(). */
bool decoder_carries_last(const struct decoder *decoder, const uint8_t *payload, size_t n);
/**
 * Replace a lost packet of `frames` by what its successor carries of it or (`joins`) lets guess. @return `frames`; 0:
 * it is no help, conceal instead
 */
size_t decoder_recover(struct decoder *decoder, const uint8_t *next, size_t n, int16_t *pcm, size_t frames);
/** Invent `frames` (a multiple of ops->conceal_step, at most CODEC_PACKET_MAX_FRAMES) that continue what was heard. */
void decoder_conceal(struct decoder *decoder, int16_t *pcm, size_t frames);
/** The last `frames` that were invented are of the packet that is decoded next: it was late, not lost. */
void decoder_late(struct decoder *decoder, size_t frames);
/** CODEC_TICK_FRAMES of such noise. @return false: this codec knows none */
bool decoder_noise(struct decoder *decoder, const struct comfort *noise, int16_t pcm[CODEC_TICK_FRAMES]);
