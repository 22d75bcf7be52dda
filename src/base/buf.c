#include "base/buf.h"

#include "base/xmalloc.h"

#include <stdio.h>

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void buf_fini(struct buf *buf)
{
	free(buf->p);
	buf_init(buf, buf->max);
}

static void grow(struct buf *buf, size_t need)
{
	size_t room = buf->room ? buf->room : 64;

	while (room < need)
		room *= 2;
	if (room != buf->room) {
		buf->p = xrealloc(buf->p, room);
		buf->room = room;
	}
}

bool buf_add(struct buf *buf, struct slice bytes)
{
	if (bytes.n > buf->max - buf->n) {
		buf->full = true;
		return false;
	}
	grow(buf, buf->n + bytes.n + 1);
	if (bytes.n)
		memcpy(buf->p + buf->n, bytes.p, bytes.n);
	buf->n += bytes.n;
	buf->p[buf->n] = '\0';
	return !buf->full;
}

bool buf_add_char(struct buf *buf, char c)
{
	return buf_add(buf, slice_make(&c, 1));
}

bool buf_add_lower(struct buf *buf, struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_add_char(buf, text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] + ('a' - 'A')) : text.p[i]);
	return !buf->full;
}

bool buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	char small[256];
	va_list again;

	va_copy(again, args);
	int n = vsnprintf(small, sizeof small, format, args);
	bool fitted;
	if (n >= 0 && (size_t)n < sizeof small) {
		fitted = buf_add(buf, slice_make(small, (size_t)n));
	} else {
		char *text = xvasprintf(format, again);
		fitted = buf_add(buf, slice_of(text));
		free(text);
	}
	va_end(again);
	return fitted;
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	bool fitted = buf_vprintf(buf, format, args);
	va_end(args);
	return fitted;
}

void buf_drop(struct buf *buf, size_t n)
{
	if (n > buf->n)
		n = buf->n;
	if (!n)
		return;
	buf->n -= n;
	memmove(buf->p, buf->p + n, buf->n + 1);
}

void buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->full = false;
	if (buf->p)
		buf->p[0] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *text = buf->p ? buf->p : xstrdup("");

	buf_init(buf, buf->max);
	return text;
}
