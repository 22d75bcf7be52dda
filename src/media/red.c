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
	memory->full = false;
}

void red_remember(struct red_memory *memory, uint32_t timestamp, const uint8_t *payload, size_t n)
{
	memory->full = n > 0 && n <= sizeof memory->payload;
	if (!memory->full)
		return;
	memory->timestamp = timestamp;
	memory->bytes = n;
	memcpy(memory->payload, payload, n);
}

size_t red_print(struct red_memory *memory, uint8_t payload_type, uint32_t timestamp, const uint8_t *payload, size_t n,
		 uint8_t *out, size_t room)
{
	uint32_t offset = timestamp - memory->timestamp;
	bool copies = memory->full && offset > 0 && offset <= RED_OFFSET_MAX;
	size_t before = copies ? COPY_HEADER + memory->bytes : 0;
	uint8_t *p = out;

	if (PRIMARY_HEADER + n > room)
		return 0;
	if (before + PRIMARY_HEADER + n > room)
		copies = false;
	if (copies) {
		*p++ = (uint8_t)(MORE | payload_type);
		*p++ = (uint8_t)(offset >> 6);
		*p++ = (uint8_t)(offset << 2 | memory->bytes >> 8);
		*p++ = (uint8_t)memory->bytes;
	}
	*p++ = payload_type;
	if (copies) {
		memcpy(p, memory->payload, memory->bytes);
		p += memory->bytes;
	}
	memcpy(p, payload, n);
	red_remember(memory, timestamp, payload, n);
	return (size_t)(p - out) + n;
}
