/* Hashes of texts as a digest has them (RFC 7616 3.4), reckoned by the tests themselves. */
#pragma once

#include "base/xmalloc.h"
#include "sip/ua/hash.h"

#include <stdarg.h>
#include <stdlib.h>

/** The hash of what is printed, in hexadecimal digits. */
static inline void hash_text(enum hash_kind kind, char hex[HASH_HEX_MAX], const char *format, ...) PRINTF_LIKE(3, 4);
static inline void hash_text(enum hash_kind kind, char hex[HASH_HEX_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	hash_hex(kind, slice_of(text), hex);
	free(text);
}
