/*
 * Text as pointer and length into memory that somebody else owns.
 *
 * Gain: parsing copies nothing and a header value is two words. Price: a slice must not outlive
 * its bytes, and there is no NUL at its end; slice_dup() makes a C string.
 */
#pragma once

#include "base/base.h"

#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice of a string literal; a constant expression. */
#define SLICE(lit) ((struct slice){ "" lit, sizeof(lit) - 1 })
#define SLICE_INIT(lit) { "" lit, sizeof(lit) - 1 }
/* For "%.*s". */
#define SLICE_ARG(s) ((int)(s).n), ((s).n ? (s).p : "")

static inline struct slice slice_make(const void *p, size_t n)
{
	return (struct slice){ p, n };
}

/** A slice of a C string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *text)
{
	return text ? (struct slice){ text, strlen(text) } : (struct slice){ NULL, 0 };
}

/** As one store of 16 bytes, which an assignment of { NULL, 0 } is not: for structs of many slices. */
static inline void slice_clear(struct slice *s)
{
	memset(s, 0, sizeof *s);
}

/** The same bytes? For names of some letters, where calling memcmp() costs more than comparing. */
static inline bool bytes_eq(const char *a, const char *b, size_t n)
{
	uint64_t x, y, differ = 0;
	uint32_t u, v, w, z;

	if (n >= 8) {
		for (size_t i = 0; i < n - 8; i += 8) {
			memcpy(&x, a + i, 8);
			memcpy(&y, b + i, 8);
			differ |= x ^ y;
		}
		memcpy(&x, a + n - 8, 8);
		memcpy(&y, b + n - 8, 8);
		return (differ | (x ^ y)) == 0;
	}
	if (n >= 4) {
		/* The first and the last four, which may overlap. */
		memcpy(&u, a, 4);
		memcpy(&v, b, 4);
		memcpy(&w, a + n - 4, 4);
		memcpy(&z, b + n - 4, 4);
		return ((u ^ v) | (w ^ z)) == 0;
	}
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && bytes_eq(a.p, b.p, a.n);
}

/** Part of `s` from `from` (clamped), at most `n` bytes. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return (struct slice){ s.p ? s.p + from : NULL, n };
}

static inline struct slice slice_from(struct slice s, size_t from)
{
	return slice_sub(s, from, s.n);
}

/** Equal but for the case of ASCII letters. */
bool slice_ieq(struct slice a, struct slice b);
/** Does `s` begin with `prefix`? ASCII case matters in the first, not in the second. */
bool slice_begins(struct slice s, struct slice prefix);
bool slice_ibegins(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/** Offset of the first `c`, or s.n when there is none. */
size_t slice_find(struct slice s, char c);
size_t slice_rfind(struct slice s, char c);
/** Offset of the first `needle`, or s.n when there is none. ASCII case is ignored in slice_ifind_slice. */
size_t slice_find_slice(struct slice s, struct slice needle);
size_t slice_ifind_slice(struct slice s, struct slice needle);
/** Without blanks, tabs, CR and LF at both ends. */
struct slice slice_trim(struct slice s);
/**
 * Cut at the first `sep`: returns what stands before it and leaves in *s what follows it.
 * Without `sep` all of *s is returned and *s becomes empty with p == NULL.
 */
struct slice slice_cut(struct slice *s, char sep);
/** The next word of a list whose words are parted by blanks or commas, cut off *rest. @return false: there is none */
bool slice_list_word(struct slice *rest, struct slice *word);
/** Decimal digits only, the whole slice, at most `max`. @return false for anything else */
bool slice_to_u64(struct slice s, uint64_t max, uint64_t *value) MUST_CHECK;
bool slice_to_u32(struct slice s, uint32_t *value) MUST_CHECK;
/** A NUL-terminated copy owned by the caller (free). Never NULL. */
char *slice_dup(struct slice s);
/** The same, with the capitals of ASCII as small letters. */
char *slice_dup_lower(struct slice s);
