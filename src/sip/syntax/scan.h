/* Character classes of RFC 3261 section 25.1 and the three answers of every parser. */
#pragma once

#include "base/slice.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum scan {
	SCAN_OK,
	SCAN_MORE, /* well formed so far, but not complete: only for streams */
	SCAN_BAD,
};

enum scan_class {
	SCAN_TOKEN = 1,   /* token */
	SCAN_VALUE = 2,   /* gen-value without quotes; wider than the RFC: whatever does not end a value */
	SCAN_HOST = 4,    /* hostname, and the underscore that many name servers serve */
	SCAN_USER = 8,    /* user, without escapes */
	SCAN_PARAM = 16,  /* paramchar, without escapes */
	SCAN_HEADER = 32, /* hname and hvalue, without escapes */
	SCAN_URIC = 64,   /* uric and what may stand in an opaque URI */
	SCAN_DISPLAY = 128, /* unquoted display name: token, blank and non-ASCII */
};
extern const uint8_t scan_classes[256];

static inline bool scan_is(char c, unsigned class)
{
	return (scan_classes[(unsigned char)c] & class) != 0;
}

/* All of these take the rest of a value as p (the next byte) and end (behind the last), and never read *end. */

#ifdef __SSE2__
/* A bit for each of the 16 bytes at p that is a letter, a digit, '-' or '.': those are of every class. */
static inline unsigned scan_common(const char *p)
{
	__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i letter = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i digit = _mm_sub_epi8(c, _mm_set1_epi8('-')); /* "-./0123456789" */
	__m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8('z' - 'a')), letter);
	__m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8('9' - '-')), digit);
	__m128i is_slash = _mm_cmpeq_epi8(c, _mm_set1_epi8('/'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(is_letter, _mm_andnot_si128(is_slash, is_digit)));
}
#endif

/** Behind the longest run of `class`; p itself when there is none. */
static inline const char *scan_run(const char *p, const char *end, unsigned class)
{
#ifdef __SSE2__
	/* Sixteen at a time, and those that are particular to the class one by one. */
	while (end - p >= 16) {
		unsigned other = ~scan_common(p) & 0xffff;
		if (!other) {
			p += 16;
			continue;
		}
		p += __builtin_ctz(other);
		if (!scan_is(*p, class))
			return p;
		p++;
	}
#endif
	/* Four at a time: this loop is a quarter of what parsing costs. */
	for (; end - p >= 4; p += 4) {
		if (!scan_is(p[0], class))
			return p;
		if (!scan_is(p[1], class))
			return p + 1;
		if (!scan_is(p[2], class))
			return p + 2;
		if (!scan_is(p[3], class))
			return p + 3;
	}
	while (p < end && scan_is(*p, class))
		p++;
	return p;
}

/** Behind blanks and tabs; folds have become blanks before values are read. */
static inline const char *scan_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static inline bool scan_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline struct slice scan_slice(const char *from, const char *to)
{
	return slice_make(from, (size_t)(to - from));
}

/** The value of a hexadecimal digit, or -1. */
int scan_hex(char c);
/** As scan_run, and %HH passes too. NULL at a malformed escape, with *fault there. */
const char *scan_escaped(const char *p, const char *end, unsigned class, const char **fault);
/** Behind the closing quote of the quoted string that begins at p; NULL without one or with a control character. */
const char *scan_quoted(const char *p, const char *end);
/** Behind the comment that begins at p, nested and escaped (25.1); NULL when it does not end. */
const char *scan_comment(const char *p, const char *end);
/** Behind a host name, IPv4 address or IPv6 reference; NULL when there is none. */
const char *scan_host(const char *p, const char *end);
/** Behind the digits of a port from 1 to 65535; NULL when there is none. */
const char *scan_port(const char *p, const char *end, uint16_t *port);
/** The first comma outside quotes and <>, or end: how a list field is split (7.3.1). */
const char *scan_element(const char *p, const char *end);
/** Is it a token, not empty? */
bool scan_is_token(struct slice s);
