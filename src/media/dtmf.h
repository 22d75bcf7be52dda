/* Telephone events on RTP (RFC 4733): digits to packets and back. Pure. */
#pragma once

#include "base/base.h"

enum {
	DTMF_PAYLOAD_BYTES = 4,
	DTMF_QUEUE = 256,
	DTMF_TONE_MS = 100, DTMF_GAP_MS = 70, DTMF_UPDATE_MS = 20, DTMF_VOLUME = 10, DTMF_ENDS = 3,
	DTMF_DURATION_MAX = 0xffff,
};

/** 0..15 for 0-9 * # A-D (small letters too); -1: none */
int dtmf_code(char digit);

/* ---- sending: stepped once every 10 ms ---- */

struct dtmf_item {
	char digit;              /* ',' is a pause */
	bool audible;            /* as tones in the voice, not as an event */
	uint32_t tone_ms, gap_ms, pause_ms; /* multiples of 10; a tone lasts 40 at least, a gap 60 */
};

struct dtmf_sender {
	size_t first, count;
	bool active;             /* a digit or its gap is under way */
	struct dtmf_item item;
	uint32_t at_ms;          /* since it began */
	uint32_t timestamp;      /* of the event, or of the part of it that is being told */
	uint32_t told;           /* duration of the parts before */
	unsigned ends;           /* packets with the end bit that were sent */
	struct dtmf_item queue[DTMF_QUEUE];
};

struct dtmf_packet {
	bool marker;
	uint32_t timestamp;
	uint8_t payload[DTMF_PAYLOAD_BYTES];
};

enum dtmf_step {
	DTMF_IDLE,               /* nothing queued: voice may go */
	DTMF_PAUSE,              /* a pause of `,`: voice may go, but there is more to come */
	DTMF_BUSY,               /* no voice now */
	DTMF_SEND,               /* no voice, and send `packet` */
	DTMF_TONE,               /* an audible digit: its tones take the place of the voice for 10 ms more */
	DTMF_SILENCE,            /* the gap behind it */
	DTMF_DONE,               /* the last gap is over: voice goes again; told once */
};

/** @return false when the queue is full */
bool dtmf_queue(struct dtmf_sender *sender, const struct dtmf_item *item);
/**
 * One tick. A digit is told by a packet every 20 ms, the last of them with the end bit and three times; what is longer
 * than the duration field can say in several parts (RFC 4733 2.5.1.3). Then comes its gap.
 * @param timestamp   RTP time of the voice frame that would begin now
 * @param clock_rate  of the events; 0: none were agreed on, so every digit is audible
 */
enum dtmf_step dtmf_tick(struct dtmf_sender *sender, uint32_t timestamp, uint32_t clock_rate,
			 struct dtmf_packet *packet);

/* ---- receiving ---- */

struct dtmf_receiver {
	bool any;                /* an event was seen */
	uint32_t timestamp;      /* of the newest one */
	uint8_t code;
	uint16_t duration;
	bool ended;
};

/** A packet of a telephone-event payload type. @return the digit the first time its event is seen, else 0 */
char dtmf_receive(struct dtmf_receiver *receiver, uint32_t timestamp, const uint8_t *payload, size_t n);
/** Another source or sequence: timestamps begin anew. */
void dtmf_receiver_reset(struct dtmf_receiver *receiver);
