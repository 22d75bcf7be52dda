/*
 * A growing byte buffer with a mandatory maximum: whatever fills it, memory stays bounded.
 */
#pragma once

#include "base/slice.h"

#include <stdarg.h>
#include <stdint.h>

struct buf {
	char *p;      /* p[n] is always NUL once something was added */
	size_t n;     /* bytes held */
	size_t room;  /* bytes allocated */
	size_t max;   /* bytes it may ever hold */
	bool full;    /* something did not fit and was left out whole */
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
/** Add bytes. What would pass the maximum is left out whole and sets `full`. @return !buf->full */
bool buf_add(struct buf *buf, struct slice bytes);
bool buf_add_char(struct buf *buf, char c);
/** With the capitals of ASCII as small letters. */
bool buf_add_lower(struct buf *buf, struct slice text);
bool buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
bool buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/** A number in digits, with a NUL behind. @return how many digits */
enum { DECIMAL_ROOM = 21 };
size_t decimal_print(uint64_t value, char text[DECIMAL_ROOM]);
/** Remove `n` bytes (clamped) from the front. */
void buf_drop(struct buf *buf, size_t n);
/** Forget the contents and `full`, keep the memory. */
void buf_clear(struct buf *buf);
/** The contents as a C string owned by the caller; the buffer is empty afterwards. Never NULL. */
char *buf_take(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
	return slice_make(buf->p, buf->n);
}

/** The contents as a C string, valid until the next change. Never NULL. */
static inline const char *buf_text(const struct buf *buf)
{
	return buf->p ? buf->p : "";
}
