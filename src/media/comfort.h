/*
 * Comfort noise (RFC 3389) and the pauses that it fills: whether somebody speaks, what the noise between words is like,
 * and noise like it. Pure.
 */
#pragma once

#include "base/base.h"

enum {
	COMFORT_ORDER = 8,             /* of what we send */
	COMFORT_ORDER_MAX = 12,        /* of what we follow: more is left out, as 3 allows */
	COMFORT_MAX_BYTES = 1 + COMFORT_ORDER_MAX,
};

/* Noise: how loud, and the all-pole model of its spectrum. */
struct comfort {
	uint8_t level;                 /* 0..127: so many dB below a square wave of full scale */
	uint8_t order;                 /* reflection coefficients; 0: white */
	float reflection[COMFORT_ORDER_MAX]; /* -1 < k < 1 */
};

/** Write the payload of 3.3. @return bytes; 0: `room` is too small */
size_t comfort_print(const struct comfort *noise, uint8_t *out, size_t room);
/** @return false: no payload of comfort noise (empty) */
bool comfort_parse(struct comfort *noise, const uint8_t *payload, size_t n) MUST_CHECK;

/* What was listened to; zero it where a pause begins. */
struct comfort_ear {
	bool any;
	double correlation[COMFORT_ORDER + 1], power;
};
/** Listen to samples of the codec's rate, and say what the noise is like by now. */
void comfort_listen(struct comfort_ear *ear, const int16_t *samples, size_t n, struct comfort *noise);

/* What is heard; zero it where a pause begins. */
struct comfort_voice {
	uint32_t seed;
	float gain, memory[COMFORT_ORDER_MAX];
};
/** Make n samples of the codec's rate. A change of level takes a few ms. */
void comfort_speak(struct comfort_voice *voice, const struct comfort *noise, int16_t *samples, size_t n);

/* ---- does somebody speak? ---- */

enum { VOICE_TICK_FRAMES = 480 };

/* Zero it at the beginning. */
struct voice_watch {
	bool began;
	unsigned ticks, hang;          /* of the window; that are still taken for speech */
	double smooth_db, least_db, least_before_db;
};
/**
 * 10 ms at 48 kHz (NULL: silence) against the noise of the last seconds. What is louder than -40 dBov is never noise,
 * what is quieter than -60 dBov always. @return whether it may be speech, or follows closely behind
 */
bool voice_tick(struct voice_watch *watch, const int16_t *pcm);
