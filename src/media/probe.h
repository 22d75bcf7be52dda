/*
 * A test of loudspeaker and microphone: a second of silence, then three chirps are played while the microphone is kept;
 * what comes back of them tells how loud and how late.
 */
#pragma once

#include "base/base.h"

struct probe;
struct probe_result {
	char input[128], output[128]; /* the devices, "null" for one that is lost: filled by the engine */
	double noise_db;          /* of the microphone while nothing is played; a sine of full scale is 0 */
	double loudest_db;        /* of the microphone, over the tick of 10 ms that was loudest in the whole test */
	double heard_db;          /* of what came back; -127: nothing did */
	double round_trip_ms;     /* from being written to being read; negative: nothing came back */
	double played_db;         /* of what went to the loudspeaker meanwhile; -127: nothing, the volume is off */
};

struct probe *probe_new(void);
void probe_free(struct probe *probe);
/**
 * The media thread: one tick.
 * @param mic   what the microphone says
 * @param play  gets what is to be played
 * @return false: it is over
 */
bool probe_tick(struct probe *probe, const int16_t *mic, int16_t *play);
/** Has there been a tick? */
bool probe_has_begun(const struct probe *probe);
/** What the loudspeaker gets in this tick, the chirp and all else, at the volume that is set. */
void probe_sounded(struct probe *probe, const int16_t *heard);
/** What was found. It takes some milliseconds: not on the media thread. */
void probe_judge(const struct probe *probe, struct probe_result *result);
