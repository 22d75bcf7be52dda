#include "media/red.h"

#include <string.h>

enum { COPY_HEADER = 4, PRIMARY_HEADER = 1, MORE = 0x80 };

/* Headers of four bytes, each with the length of its block, then one of a byte, whose block has the rest. */
size_t red_parse(struct red_block *blocks, const uint8_t *payload, size_t n)
{
	size_t count = 0, at = 0, wanted = 0;

	while (at < n && payload[at] & MORE) {
		if (count == RED_BLOCKS_MAX || n - at < COPY_HEADER)
			return 0;
		const uint8_t *p = payload + at;
		blocks[count++] = (struct red_block){
			.payload_type = p[0] & 0x7f,
			.offset = (uint32_t)(p[1] << 6 | p[2] >> 2),
			.bytes = (size_t)((p[2] & 3) << 8 | p[3]),
		};
		wanted += blocks[count - 1].bytes;
		at += COPY_HEADER;
	}
	if (at >= n || wanted > n - at - PRIMARY_HEADER)
		return 0;
	blocks[count] = (struct red_block){ .payload_type = payload[at], .bytes = n - at - PRIMARY_HEADER - wanted };
	at += PRIMARY_HEADER;
	for (size_t i = 0; i <= count; at += blocks[i].bytes, i++)
		blocks[i].payload = payload + at;
	return count + 1;
}

void red_forget(struct red_memory *memory)
{
	for (size_t i = 0; i < RED_COPIES_MAX; i++)
		memory->copies[i].full = false;
}

void red_remember(struct red_memory *memory, uint32_t timestamp, const uint8_t *payload, size_t n)
{
	struct red_copy *newest = &memory->copies[0];

	memmove(newest + 1, newest, (RED_COPIES_MAX - 1) * sizeof *newest);
	newest->full = n > 0 && n <= sizeof newest->payload;
	if (!newest->full)
		return;
	newest->timestamp = timestamp;
	newest->bytes = n;
	memcpy(newest->payload, payload, n);
}

/* Up to which of the remembered can go: each right, none missing between, and all with the payload within `room`. */
static size_t count_copies(const struct red_memory *memory, size_t most, uint32_t timestamp, size_t n, size_t room)
{
	size_t bytes = PRIMARY_HEADER + n, count = 0, skipped = memory->skipped;
	uint32_t last = 0;

	for (; count < most + skipped && count < RED_COPIES_MAX; count++) {
		const struct red_copy *copy = &memory->copies[count];
		uint32_t offset = timestamp - copy->timestamp;
		bytes += count < skipped ? 0 : COPY_HEADER + copy->bytes;
		if (!copy->full || offset <= last || offset > RED_OFFSET_MAX || bytes > room)
			break;
		last = offset;
	}
	return count > skipped ? count : skipped;
}

size_t red_print(struct red_memory *memory, size_t copies, uint8_t payload_type, uint32_t timestamp,
		 const uint8_t *payload, size_t n, uint8_t *out, size_t room)
{
	uint8_t *p = out;

	if (PRIMARY_HEADER + n > room)
		return 0;
	size_t count = count_copies(memory, copies, timestamp, n, room);
	for (size_t i = count; i-- > memory->skipped;) {
		const struct red_copy *copy = &memory->copies[i];
		uint32_t offset = timestamp - copy->timestamp;
		*p++ = (uint8_t)(MORE | payload_type);
		*p++ = (uint8_t)(offset >> 6);
		*p++ = (uint8_t)(offset << 2 | copy->bytes >> 8);
		*p++ = (uint8_t)copy->bytes;
	}
	*p++ = payload_type;
	for (size_t i = count; i-- > memory->skipped;) {
		memcpy(p, memory->copies[i].payload, memory->copies[i].bytes);
		p += memory->copies[i].bytes;
	}
	memcpy(p, payload, n);
	red_remember(memory, timestamp, payload, n);
	return (size_t)(p - out) + n;
}
