/*
 * Payload type numbers: within a session a number that was given a meaning never gets another (RFC 3264 8.3.2), and a
 * codec keeps the number it was last used under.
 */
#include "sdp/internal.h"

#include "base/xmalloc.h"

#include <stdio.h>

bool sdp_same_codec(struct slice encoding, uint32_t clock_rate, uint32_t channels, const struct sdp_codec *codec)
{
	uint32_t ours = codec->channels ? codec->channels : 1;

	return slice_ieq(encoding, slice_of(codec->encoding)) && clock_rate == codec->clock_rate && channels == ours;
}

bool sdp_is_event(const struct sdp_codec *codec)
{
	return slice_ieq(slice_of(codec->encoding), SLICE("telephone-event"));
}

bool sdp_is_red(const struct sdp_codec *codec)
{
	return slice_ieq(slice_of(codec->encoding), SLICE("red"));
}

bool sdp_is_comfort(const struct sdp_codec *codec)
{
	return slice_ieq(slice_of(codec->encoding), SLICE("CN"));
}

bool sdp_is_beside(const struct sdp_codec *codec)
{
	return sdp_is_event(codec) || sdp_is_red(codec) || sdp_is_comfort(codec);
}

static uint8_t first_free(const struct sdp_negotiation *n, uint8_t from, uint8_t to)
{
	for (uint8_t i = from; i <= to; i++)
		if (!n->taken[i])
			return i;
	return SDP_NO_PAYLOAD_TYPE;
}

/* 96 to 127 are dynamic; when those are used up, 35 to 63 may be (RFC 3551 3). 64 to 95 look like RTCP (RFC 5761 4). */
uint8_t sdp_number_for(const struct sdp_negotiation *n, const struct sdp_codec *codec)
{
	if (codec->payload_type >= 0)
		return (uint8_t)codec->payload_type;
	for (size_t i = n->number_count; i > 0; i--) {
		const struct sdp_number *known = &n->numbers[i - 1];
		if (sdp_same_codec(slice_of(known->encoding), known->clock_rate, known->channels, codec))
			return known->payload_type;
	}
	uint8_t number = first_free(n, 96, 127);
	return number != SDP_NO_PAYLOAD_TYPE ? number : first_free(n, 35, 63);
}

void sdp_number_note(struct sdp_negotiation *n, const struct sdp_codec *codec, uint8_t payload_type)
{
	struct sdp_number number = { .payload_type = payload_type, .clock_rate = codec->clock_rate,
				     .channels = codec->channels ? codec->channels : 1 };
	size_t kept = 0;

	snprintf(number.encoding, sizeof number.encoding, "%s", codec->encoding);
	for (size_t i = 0; i < n->number_count; i++)
		if (n->numbers[i].payload_type != payload_type)
			n->numbers[kept++] = n->numbers[i];
	if (kept == NUMBERS_MAX)
		memmove(n->numbers, n->numbers + 1, --kept * sizeof *n->numbers);
	if (kept == n->number_room) {
		n->number_room = kept ? 2 * kept : 4;
		n->numbers = xrealloc(n->numbers, n->number_room * sizeof *n->numbers);
	}
	n->numbers[kept++] = number;
	n->number_count = kept;
	n->taken[payload_type & 127] = true;
}
