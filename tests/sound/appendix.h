/*
 * The concealment of ITU-T G.711 Appendix I, as its text describes it: what ours has to be better than. 8 kHz, frames
 * of 10 ms; everything comes out APPENDIX_DELAY samples later than it went in, so that the last quarter of a pitch
 * period can still be blended when the next packet turns out to be missing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	APPENDIX_FRAME = 80,
	APPENDIX_DELAY = 30,     /* 3.75 ms */
	APPENDIX_PITCH_MIN = 40, /* 200 Hz */
	APPENDIX_PITCH_MAX = 120, /* 66 Hz */
	APPENDIX_HISTORY = 3 * APPENDIX_PITCH_MAX + APPENDIX_DELAY, /* 3.25 pitch periods, 48.75 ms */
};

struct appendix {
	float history[APPENDIX_HISTORY];
	float pitch_buffer[APPENDIX_HISTORY]; /* what the repeated periods are taken from, while packets are missing */
	float tail[APPENDIX_DELAY];           /* the last quarter of a period before the hole */
	size_t lost;                          /* frames in a row */
	size_t pitch, quarter;
	size_t loop, at;                      /* samples repeated, at the end of the buffer, and where in them */
};

/** A good frame: joined to what was invented before, and replaced by what is played now. */
void appendix_good(struct appendix *appendix, int16_t frame[APPENDIX_FRAME]);
/** A frame is missing: what is played now. */
void appendix_lost(struct appendix *appendix, int16_t frame[APPENDIX_FRAME]);
