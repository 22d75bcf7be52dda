/* Allocation that cannot fail: out of memory ends the process with a sentence. */
#pragma once

#include "base/base.h"

#include <stdarg.h>
#include <stdlib.h>

void *xmalloc(size_t n) __attribute__((returns_nonnull, malloc));
/** Zeroed; count * size is checked for overflow. */
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((returns_nonnull));
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));
char *xvasprintf(const char *format, va_list args) PRINTF_LIKE(1, 0) __attribute__((returns_nonnull));
/** Free *p and make it a copy of `text` (NULL stays NULL). */
void xreplace(char **p, const char *text);
