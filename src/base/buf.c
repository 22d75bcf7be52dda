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

/* ---- printing ---- */

size_t decimal_print(uint64_t value, char text[DECIMAL_ROOM])
{
	char back[DECIMAL_ROOM];
	size_t n = 0;

	do
		back[n++] = (char)('0' + value % 10);
	while (value /= 10);
	for (size_t i = 0; i < n; i++)
		text[i] = back[n - 1 - i];
	text[n] = '\0';
	return n;
}

enum conversion { PERCENT, TEXT, TEXT_OF_LENGTH, UNSIGNED, UNSIGNED_LONG, OTHER };

/* What stands behind the percent sign, and how long it is. */
static enum conversion conversion_at(const char *p, size_t *n)
{
	*n = 1;
	if (*p == 's')
		return TEXT;
	if (*p == 'u')
		return UNSIGNED;
	if (*p == '%')
		return PERCENT;
	*n = 2;
	if (p[0] == 'l' && p[1] == 'u')
		return UNSIGNED_LONG;
	*n = 3;
	return p[0] == '.' && p[1] == '*' && p[2] == 's' ? TEXT_OF_LENGTH : OTHER;
}

static bool is_simple(const char *format)
{
	size_t n;

	for (const char *p = format; (p = strchr(p, '%')); p += n)
		if (conversion_at(++p, &n) == OTHER)
			return false;
	return true;
}

/* As printf takes a text: up to a NUL, at most `most` bytes unless that is negative. */
static struct slice text_of(const char *text, int most)
{
	if (!text)
		return slice_of(most >= 0 && most < 6 ? "" : "(null)");
	return most < 0 ? slice_of(text) : slice_make(text, strnlen(text, (size_t)most));
}

static void add_number(struct buf *buf, uint64_t value)
{
	char text[DECIMAL_ROOM];
	size_t n = decimal_print(value, text);

	buf_add(buf, slice_make(text, n));
}

static void print_simple(struct buf *buf, const char *format, va_list args)
{
	for (const char *p = format, *percent; *p; p = percent) {
		size_t n;
		percent = strchr(p, '%');
		if (percent != p) {
			buf_add(buf, percent ? slice_make(p, (size_t)(percent - p)) : slice_of(p));
			if (!percent)
				return;
			continue;
		}
		enum conversion conversion = conversion_at(p + 1, &n);
		percent += 1 + n;
		if (conversion == TEXT) {
			buf_add(buf, text_of(va_arg(args, const char *), -1));
		} else if (conversion == TEXT_OF_LENGTH) {
			int most = va_arg(args, int);
			buf_add(buf, text_of(va_arg(args, const char *), most));
		} else if (conversion == UNSIGNED) {
			add_number(buf, va_arg(args, unsigned));
		} else if (conversion == UNSIGNED_LONG) {
			add_number(buf, va_arg(args, unsigned long));
		} else {
			buf_add_char(buf, '%');
		}
	}
}

/* A message is written by a hundred of these: the conversions that all of them use take no way through the library. */
static bool printed_simply(struct buf *buf, const char *format, va_list args)
{
	bool was_full = buf->full;
	size_t start = buf->n;

	if (!is_simple(format))
		return false;
	buf->full = false;
	print_simple(buf, format, args);
	if (buf->full && buf->p) {
		buf->n = start;
		buf->p[start] = '\0';
	}
	buf->full |= was_full;
	return true;
}

bool buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	char small[256];
	va_list again;

	if (printed_simply(buf, format, args))
		return !buf->full;
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
