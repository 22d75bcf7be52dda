#include "base/xmalloc.h"

#include <stdio.h>
#include <string.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("offhook: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

char *xvasprintf(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	return checked(text);
}

char *xasprintf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	return text;
}

void xreplace(char **p, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;

	free(*p);
	*p = copy;
}
