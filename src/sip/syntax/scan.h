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

/** Behind the longest run of `class`; p itself when there is none. */
static inline const char *scan_run(const char *p, const char *end, unsigned class)
{
	while (p < end && scan_is(*p, class))
		p++;
	return p;
}

static inline bool scan_is_blank(char c)
{
	/* One comparison for nearly all characters. */
	return (unsigned char)c <= ' ' && (c == ' ' || c == '\t');
}

/** Behind blanks and tabs; folds have become blanks before values are read. */
static inline const char *scan_blanks(const char *p, const char *end)
{
	while (p < end && scan_is_blank(*p))
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
/** Behind the closing quote of the quoted string that begins at p; NULL without one or with a control character. */
const char *scan_quoted(const char *p, const char *end);
/** Behind the comment that begins at p, nested and escaped (25.1); NULL when it does not end. */
const char *scan_comment(const char *p, const char *end);
/** Behind the digits of a port from 1 to 65535; NULL when there is none. */
const char *scan_port(const char *p, const char *end, uint16_t *port);
/** The first comma outside quotes and <>, or end: how a list field is split (7.3.1). */
const char *scan_element(const char *p, const char *end);
/** Is it a token, not empty? */
bool scan_is_token(struct slice s);

/*
 * A value while it is scanned. Nearly all of its bytes are letters, digits, '-' and '.', which are of every class and
 * so end no run: the others, the stops, are found for 64 bytes at once, and then only they are looked at.
 */
struct scanner {
	const char *end;    /* behind the last byte */
	const char *window; /* the 64 bytes that `stops` tells of */
	uint64_t stops;     /* a bit for each byte that may end a run, and for each behind the end */
};

/** Begin at p. No byte outside p to end is ever read. The first window is filled where the first stop is asked for. */
static inline void scan_begin(struct scanner *scanner, const char *p, const char *end)
{
	scanner->end = end;
	scanner->window = p;
	scanner->stops = 0;
}

/** Move the window to p. @return as scan_stop */
const char *scan_window(struct scanner *scanner, const char *p);

/** The first stop from p on, or the end. */
static inline const char *scan_stop(struct scanner *scanner, const char *p)
{
	size_t passed = (size_t)(p - scanner->window);
	uint64_t ahead = passed < 64 ? scanner->stops >> passed : 0;

	return ahead ? p + (unsigned)__builtin_ctzll(ahead) : scan_window(scanner, p);
}

/** Go on behind the stop at p, which is of the class. */
const char *scan_on(struct scanner *scanner, const char *p, unsigned class);
/** As scan_run, of a scanner. */
static inline const char *scan_while(struct scanner *scanner, const char *p, unsigned class)
{
	p = scan_stop(scanner, p);
	return p < scanner->end && scan_is(*p, class) ? scan_on(scanner, p, class) : p;
}

/** Go on behind the '%' at p. */
const char *scan_escape(struct scanner *scanner, const char *p, unsigned class, const char **fault);
/** As scan_while, and %HH passes too. NULL at a malformed escape, with *fault there. */
static inline const char *scan_escaped(struct scanner *scanner, const char *p, unsigned class, const char **fault)
{
	p = scan_while(scanner, p, class);
	return p < scanner->end && *p == '%' ? scan_escape(scanner, p, class, fault) : p;
}

/** As scan_quoted, of a scanner. */
const char *scan_string(struct scanner *scanner, const char *p);
/** Behind the IPv6 reference at p. */
const char *scan_ipv6_reference(const char *p, const char *end);
/** Behind a host name, IPv4 address or IPv6 reference; NULL when there is none. */
static inline const char *scan_host(struct scanner *scanner, const char *p)
{
	const char *from = p;

	p = scan_while(scanner, p, SCAN_HOST);
	return p > from ? p : scan_ipv6_reference(p, scanner->end);
}

/* Of a message's own bytes, behind which there are SCAN_SLACK more: a NUL, and then 16 line feeds, since the 16 bytes
 * that are looked at may begin behind the NUL. */
enum { SCAN_SLACK = 1 + 16 };
/** The first line feed from p on. */
static inline const char *scan_line_feed(const char *p)
{
#ifdef __SSE2__
	for (;; p += 16) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
		int found = _mm_movemask_epi8(_mm_cmpeq_epi8(c, _mm_set1_epi8('\n')));
		if (found)
			return p + (unsigned)__builtin_ctz((unsigned)found);
	}
#else
	while (*p != '\n')
		p++;
	return p;
#endif
}

enum { SCAN_NO_COLON = 16 };
/** How far off is the first colon of the 16 bytes at p? SCAN_NO_COLON when there is none. */
static inline size_t scan_colon(const char *p)
{
#ifdef __SSE2__
	__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
	unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(c, _mm_set1_epi8(':')));

	return (size_t)__builtin_ctz(found | 1u << SCAN_NO_COLON);
#else
	size_t n = 0;

	while (n < SCAN_NO_COLON && p[n] != ':')
		n++;
	return n;
#endif
}

/** Are the first n of 16 bytes the same? More than 16 never are. */
static inline bool scan_same(const char *a, const char *b, size_t n)
{
#ifdef __SSE2__
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
	__m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);

	/* How many are, before the first that is not. */
	return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y))) >= (unsigned)n;
#else
	return n <= 16 && memcmp(a, b, n) == 0;
#endif
}
