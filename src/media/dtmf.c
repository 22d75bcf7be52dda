#include "media/dtmf.h"

#include <string.h>

static const char DIGITS[] = "0123456789*#ABCD";

int dtmf_code(char digit)
{
	if (digit >= 'a' && digit <= 'd')
		digit = (char)(digit - 'a' + 'A');
	const char *at = digit ? strchr(DIGITS, digit) : NULL;
	return at ? (int)(at - DIGITS) : -1;
}

char dtmf_digit(unsigned code)
{
	return code < sizeof DIGITS - 1 ? DIGITS[code] : '\0';
}

/* ---- sending ---- */

bool dtmf_queue(struct dtmf_sender *sender, char digit, uint32_t pause_ms)
{
	if (sender->count == DTMF_QUEUE)
		return false;
	sender->queue[(sender->first + sender->count++) % DTMF_QUEUE] = (struct dtmf_item){ digit, pause_ms };
	return true;
}

static bool take_next(struct dtmf_sender *sender, uint32_t timestamp)
{
	if (!sender->count)
		return false;
	sender->item = sender->queue[sender->first];
	sender->first = (sender->first + 1) % DTMF_QUEUE;
	sender->count--;
	sender->active = true;
	sender->at_ms = 0;
	sender->timestamp = timestamp;
	return true;
}

/*
 * Packets leave at 0, 20 ... 80 ms with durations of 20, 40 ... 100 ms: like a voice packet each speaks of the time
 * before it was
 * sent. The one of 100 ms carries the end bit and is repeated at 100 and 120 ms.
 */
static bool make_packet(const struct dtmf_sender *sender, uint32_t clock_rate, struct dtmf_packet *packet)
{
	enum { LAST_MS = DTMF_TONE_MS - DTMF_UPDATE_MS };

	if (sender->at_ms % DTMF_UPDATE_MS || sender->at_ms > LAST_MS + 2 * DTMF_UPDATE_MS)
		return false;
	bool end = sender->at_ms >= LAST_MS;
	uint32_t duration_ms = end ? DTMF_TONE_MS : sender->at_ms + DTMF_UPDATE_MS;
	uint32_t duration = duration_ms * (clock_rate / 1000);
	packet->marker = sender->at_ms == 0;
	packet->timestamp = sender->timestamp;
	packet->payload[0] = (uint8_t)dtmf_code(sender->item.digit);
	packet->payload[1] = (uint8_t)((end ? 0x80 : 0) | DTMF_VOLUME);
	packet->payload[2] = (uint8_t)(duration >> 8);
	packet->payload[3] = (uint8_t)duration;
	return true;
}

enum dtmf_step dtmf_tick(struct dtmf_sender *sender, uint32_t timestamp, uint32_t clock_rate,
			 struct dtmf_packet *packet)
{
	bool was_active = sender->active;

	if (sender->active) {
		bool pause = sender->item.digit == ',';
		sender->at_ms += 10;
		if (sender->at_ms >= (pause ? sender->item.pause_ms : (uint32_t)(DTMF_TONE_MS + DTMF_GAP_MS)))
			sender->active = false;
	}
	if (!sender->active && !take_next(sender, timestamp))
		return was_active ? DTMF_DONE : DTMF_IDLE;
	if (sender->item.digit == ',')
		return DTMF_PAUSE;
	return make_packet(sender, clock_rate, packet) ? DTMF_SEND : DTMF_BUSY;
}

/* ---- receiving ---- */

void dtmf_receiver_reset(struct dtmf_receiver *receiver)
{
	*receiver = (struct dtmf_receiver){ 0 };
}

/* A long press goes on under a new timestamp when the duration is exhausted (2.5.1.3). */
static bool goes_on(const struct dtmf_receiver *receiver, uint32_t timestamp, uint8_t code)
{
	return receiver->code == code && !receiver->ended && receiver->duration >= 0xff00 &&
	       timestamp - receiver->timestamp - receiver->duration <= 0x200;
}

char dtmf_receive(struct dtmf_receiver *receiver, uint32_t timestamp, const uint8_t *payload, size_t n)
{
	if (n < DTMF_PAYLOAD_BYTES)
		return '\0';
	uint16_t duration = (uint16_t)(payload[2] << 8 | payload[3]);
	bool end = payload[1] & 0x80;
	if (receiver->any && (int32_t)(timestamp - receiver->timestamp) <= 0) {
		/* Again, or older and overtaken. */
		if (timestamp == receiver->timestamp) {
			receiver->ended |= end;
			if (duration > receiver->duration)
				receiver->duration = duration;
		}
		return '\0';
	}
	bool more = receiver->any && goes_on(receiver, timestamp, payload[0]);
	*receiver = (struct dtmf_receiver){ true, timestamp, payload[0], duration, end };
	return more ? '\0' : dtmf_digit(payload[0]);
}
