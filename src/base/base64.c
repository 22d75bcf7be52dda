#include "base/base64.h"

#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_print(struct buf *to, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t group = (uint32_t)from[i] << 16;
		if (i + 1 < n)
			group |= (uint32_t)from[i + 1] << 8;
		if (i + 2 < n)
			group |= from[i + 2];
		buf_add_char(to, DIGITS[group >> 18]);
		buf_add_char(to, DIGITS[group >> 12 & 63]);
		buf_add_char(to, i + 1 < n ? DIGITS[group >> 6 & 63] : '=');
		buf_add_char(to, i + 2 < n ? DIGITS[group & 63] : '=');
	}
}

bool base64_read(struct slice text, void *bytes, size_t room, size_t *n)
{
	uint8_t *to = bytes;
	size_t count = 0;
	uint32_t group = 0;
	unsigned bits = 0;

	for (size_t padding = 0; padding < 2 && text.n && text.p[text.n - 1] == '='; padding++)
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		const char *digit = text.p[i] ? strchr(DIGITS, text.p[i]) : NULL;
		if (!digit)
			return false;
		group = group << 6 | (uint32_t)(digit - DIGITS);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (count == room)
			return false;
		to[count++] = (uint8_t)(group >> bits);
		group &= (1u << bits) - 1;
	}
	if (n)
		*n = count;
	return bits < 6 && group == 0;
}
