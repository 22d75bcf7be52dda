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

/* The digit of a code; 0: none */
static char digit_of(unsigned code)
{
	return code < sizeof DIGITS - 1 ? DIGITS[code] : '\0';
}

/* ---- sending ---- */

bool dtmf_queue(struct dtmf_sender *sender, const struct dtmf_item *item)
{
	if (sender->count == DTMF_QUEUE)
		return false;
	sender->queue[(sender->first + sender->count++) % DTMF_QUEUE] = *item;
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
	sender->at_ms = sender->told = sender->ends = 0;
	sender->timestamp = timestamp;
	return true;
}

static void write_event(const struct dtmf_sender *sender, bool end, uint32_t duration, struct dtmf_packet *packet)
{
	packet->marker = sender->at_ms == 0;
	packet->timestamp = sender->timestamp;
	packet->payload[0] = (uint8_t)dtmf_code(sender->item.digit);
	packet->payload[1] = (uint8_t)((end ? 0x80 : 0) | DTMF_VOLUME);
	packet->payload[2] = (uint8_t)(duration >> 8);
	packet->payload[3] = (uint8_t)duration;
}

/*
 * Like a voice packet each speaks of the time before it was sent: with a tone of 100 ms they leave at 0, 20 ... 80 ms
 * with durations of 20, 40 ... 100 ms. The last carries the end bit and comes twice more.
 */
static bool make_packet(struct dtmf_sender *sender, uint32_t clock_rate, struct dtmf_packet *packet)
{
	uint32_t last_ms = sender->item.tone_ms - DTMF_UPDATE_MS, since_ms = sender->at_ms - last_ms;
	bool end = sender->at_ms >= last_ms;

	if ((end ? since_ms : sender->at_ms) % DTMF_UPDATE_MS || sender->ends == DTMF_ENDS)
		return false;
	uint32_t duration_ms = end ? sender->item.tone_ms : sender->at_ms + DTMF_UPDATE_MS;
	uint32_t duration = (uint32_t)((uint64_t)duration_ms * clock_rate / 1000) - sender->told;
	if (duration > DTMF_DURATION_MAX) {
		/* What is left is told from here on, under the time at which this part ends. */
		write_event(sender, false, DTMF_DURATION_MAX, packet);
		sender->timestamp += DTMF_DURATION_MAX;
		sender->told += DTMF_DURATION_MAX;
		return true;
	}
	write_event(sender, end, duration, packet);
	sender->ends += end;
	return true;
}

static uint32_t item_ms(const struct dtmf_item *item)
{
	return item->digit == ',' ? item->pause_ms : item->tone_ms + item->gap_ms;
}

enum dtmf_step dtmf_tick(struct dtmf_sender *sender, uint32_t timestamp, uint32_t clock_rate,
			 struct dtmf_packet *packet)
{
	bool was_active = sender->active;

	if (sender->active) {
		sender->at_ms += 10;
		sender->active = sender->at_ms < item_ms(&sender->item);
	}
	if (!sender->active && !take_next(sender, timestamp))
		return was_active ? DTMF_DONE : DTMF_IDLE;
	if (sender->item.digit == ',')
		return DTMF_PAUSE;
	if (sender->at_ms == 0 && !clock_rate)
		sender->item.audible = true;
	if (sender->item.audible)
		return sender->at_ms < sender->item.tone_ms ? DTMF_TONE : DTMF_SILENCE;
	return clock_rate && make_packet(sender, clock_rate, packet) ? DTMF_SEND : DTMF_BUSY;
}

/* ---- receiving ---- */

void dtmf_receiver_reset(struct dtmf_receiver *receiver)
{
	*receiver = (struct dtmf_receiver){ 0 };
}

/*
 * A long press goes on under a new timestamp when the duration is exhausted (2.5.1.3), also when the packet that says
 * so was lost.
 */
static bool goes_on(const struct dtmf_receiver *receiver, uint32_t timestamp, uint8_t code)
{
	uint32_t since = timestamp - receiver->timestamp;

	return receiver->code == code && !receiver->ended && receiver->duration >= DTMF_DURATION_MAX / 2 &&
	       since >= DTMF_DURATION_MAX - 0x200 && since <= DTMF_DURATION_MAX + 0x200;
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
	return more ? '\0' : digit_of(payload[0]);
}
