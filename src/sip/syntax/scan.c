#include "sip/syntax/scan.h"

/* The characters of each production in RFC 3261 25.1, as sums of classes. */
enum {
	ALNUM = SCAN_TOKEN | SCAN_VALUE | SCAN_HOST | SCAN_USER | SCAN_PARAM | SCAN_HEADER | SCAN_URIC | SCAN_DISPLAY,
	URI_ALL = SCAN_USER | SCAN_PARAM | SCAN_HEADER | SCAN_URIC,
	TOKEN_ALL = SCAN_TOKEN | SCAN_DISPLAY | SCAN_VALUE,
	NON_ASCII = SCAN_DISPLAY | SCAN_VALUE,
};

/* clang-format off */
#define FOUR(c) [c] = NON_ASCII, [(c) + 1] = NON_ASCII, [(c) + 2] = NON_ASCII, [(c) + 3] = NON_ASCII
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)

const uint8_t scan_classes[256] = {
	['0'] = ALNUM, ['1'] = ALNUM, ['2'] = ALNUM, ['3'] = ALNUM, ['4'] = ALNUM,
	['5'] = ALNUM, ['6'] = ALNUM, ['7'] = ALNUM, ['8'] = ALNUM, ['9'] = ALNUM,
	['A'] = ALNUM, ['B'] = ALNUM, ['C'] = ALNUM, ['D'] = ALNUM, ['E'] = ALNUM, ['F'] = ALNUM, ['G'] = ALNUM,
	['H'] = ALNUM, ['I'] = ALNUM, ['J'] = ALNUM, ['K'] = ALNUM, ['L'] = ALNUM, ['M'] = ALNUM, ['N'] = ALNUM,
	['O'] = ALNUM, ['P'] = ALNUM, ['Q'] = ALNUM, ['R'] = ALNUM, ['S'] = ALNUM, ['T'] = ALNUM, ['U'] = ALNUM,
	['V'] = ALNUM, ['W'] = ALNUM, ['X'] = ALNUM, ['Y'] = ALNUM, ['Z'] = ALNUM,
	['a'] = ALNUM, ['b'] = ALNUM, ['c'] = ALNUM, ['d'] = ALNUM, ['e'] = ALNUM, ['f'] = ALNUM, ['g'] = ALNUM,
	['h'] = ALNUM, ['i'] = ALNUM, ['j'] = ALNUM, ['k'] = ALNUM, ['l'] = ALNUM, ['m'] = ALNUM, ['n'] = ALNUM,
	['o'] = ALNUM, ['p'] = ALNUM, ['q'] = ALNUM, ['r'] = ALNUM, ['s'] = ALNUM, ['t'] = ALNUM, ['u'] = ALNUM,
	['v'] = ALNUM, ['w'] = ALNUM, ['x'] = ALNUM, ['y'] = ALNUM, ['z'] = ALNUM,

	['-'] = ALNUM, ['.'] = ALNUM,
	['_'] = TOKEN_ALL | URI_ALL | SCAN_HOST,
	['!'] = TOKEN_ALL | URI_ALL, ['~'] = TOKEN_ALL | URI_ALL,
	['*'] = TOKEN_ALL | URI_ALL, ['\''] = TOKEN_ALL | URI_ALL,
	['('] = URI_ALL | SCAN_VALUE, [')'] = URI_ALL | SCAN_VALUE,
	['%'] = TOKEN_ALL, ['`'] = TOKEN_ALL,

	['+'] = TOKEN_ALL | URI_ALL,
	['$'] = URI_ALL | SCAN_VALUE,
	['&'] = SCAN_USER | SCAN_PARAM | SCAN_URIC | SCAN_VALUE,
	['='] = SCAN_USER | SCAN_URIC | SCAN_VALUE,
	[','] = SCAN_USER | SCAN_URIC,
	[';'] = SCAN_USER | SCAN_URIC,
	['?'] = SCAN_USER | SCAN_HEADER | SCAN_URIC | SCAN_VALUE,
	['/'] = URI_ALL | SCAN_VALUE,
	['['] = SCAN_PARAM | SCAN_HEADER | SCAN_URIC | SCAN_VALUE,
	[']'] = SCAN_PARAM | SCAN_HEADER | SCAN_URIC | SCAN_VALUE,
	[':'] = SCAN_PARAM | SCAN_HEADER | SCAN_URIC | SCAN_VALUE,
	['@'] = SCAN_URIC | SCAN_VALUE,
	['#'] = SCAN_URIC | SCAN_VALUE,
	['^'] = SCAN_VALUE, ['|'] = SCAN_VALUE, ['{'] = SCAN_VALUE, ['}'] = SCAN_VALUE,
	[' '] = SCAN_DISPLAY, ['\t'] = SCAN_DISPLAY,
	/* Non-ASCII bytes: permitted in quotes only, but many write names with umlauts without them. */
	SIXTEEN(0x80), SIXTEEN(0x90), SIXTEEN(0xa0), SIXTEEN(0xb0),
	SIXTEEN(0xc0), SIXTEEN(0xd0), SIXTEEN(0xe0), SIXTEEN(0xf0),
};
/* clang-format on */

int scan_hex(char c)
{
	if (scan_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *scan_quoted(const char *p, const char *end)
{
	struct scanner scanner;

	if (p == end || *p != '"')
		return NULL;
	scan_begin(&scanner, p, end);
	return scan_string(&scanner, p);
}

const char *scan_comment(const char *p, const char *end)
{
	unsigned depth = 0;

	for (; p < end; p++) {
		if (*p == '(') {
			depth++;
		} else if (*p == ')') {
			if (--depth == 0)
				return p + 1;
		} else if (*p == '\\') {
			if (++p == end)
				return NULL;
		}
		if (depth == 0)
			return NULL;
	}
	return NULL;
}

const char *scan_port(const char *p, const char *end, uint16_t *port)
{
	unsigned value = 0;

	for (; p < end && scan_is_digit(*p); p++) {
		value = value * 10 + (unsigned)(*p - '0');
		if (value > UINT16_MAX)
			return NULL;
	}
	*port = (uint16_t)value;
	return value ? p : NULL;
}

const char *scan_element(const char *p, const char *end)
{
	while (p < end) {
		if (*p == ',')
			return p;
		if (*p == '"') {
			const char *behind = scan_quoted(p, end);
			if (!behind)
				return end;
			p = behind;
		} else if (*p == '<') {
			const char *close = memchr(p, '>', (size_t)(end - p));
			if (!close)
				return end;
			p = close + 1;
		} else {
			p++;
		}
	}
	return end;
}

bool scan_is_token(struct slice s)
{
	return s.n && scan_run(s.p, s.p + s.n, SCAN_TOKEN) == s.p + s.n;
}

/* The scanner. */

#ifdef __SSE2__

/* A bit for each of 16 bytes that is a letter, digit, '-' or '.'. */
static inline uint64_t common_of(__m128i c)
{
	/* Moved so that the last of the range is the largest signed byte: one comparison each. */
	__m128i letter = _mm_add_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8(INT8_MAX - 'z'));
	__m128i digit = _mm_add_epi8(c, _mm_set1_epi8(INT8_MAX - '9')); /* "-./0123456789" */
	__m128i is_letter = _mm_cmpgt_epi8(letter, _mm_set1_epi8(INT8_MAX - 26));
	__m128i is_digit = _mm_cmpgt_epi8(digit, _mm_set1_epi8(INT8_MAX - 13));
	__m128i is_slash = _mm_cmpeq_epi8(c, _mm_set1_epi8('/'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(is_letter, _mm_andnot_si128(is_slash, is_digit)));
}

static inline uint64_t common_at(const char *p)
{
	return common_of(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* Of 8 to 15 bytes: the first and the last eight, which may overlap. */
static inline uint64_t common_of_few(const char *p, size_t n)
{
	int64_t first, last;

	memcpy(&first, p, 8);
	memcpy(&last, p + n - 8, 8);
	uint64_t common = common_of(_mm_set_epi64x(last, first));
	return (common & 0xff) | common >> 8 << (n - 8);
}

/* Of 16 to 64 bytes: 16 each, and what is left together with what stands before it. */
static inline uint64_t common_of_many(const char *p, size_t n)
{
	uint64_t common = common_at(p) | common_at(p + n - 16) << (n - 16);

	if (n > 32)
		common |= common_at(p + 16) << 16;
	return n > 48 ? common | common_at(p + 32) << 32 : common;
}
#endif

static __attribute__((noinline)) uint64_t common_one_by_one(const char *p, size_t n)
{
	uint64_t common = 0;

	for (size_t i = 0; i < n; i++)
		common |= (uint64_t)(scan_classes[(unsigned char)p[i]] == ALNUM) << i;
	return common;
}

/* A bit for each of up to 64 bytes that is common. */
static inline uint64_t common_bytes(const char *p, size_t n)
{
#ifdef __SSE2__
	if (n >= 16)
		return common_of_many(p, n);
	if (n >= 8)
		return common_of_few(p, n);
#endif
	return common_one_by_one(p, n);
}

/* 64 common bytes are rare. */
static __attribute__((noinline)) const char *next_window(struct scanner *scanner, const char *p)
{
	return scan_window(scanner, p + 64);
}

const char *scan_window(struct scanner *scanner, const char *p)
{
	size_t n = (size_t)(scanner->end - p);
	uint64_t stops = ~common_bytes(p, n < 64 ? n : 64);

	if (!stops)
		return next_window(scanner, p);
	scanner->window = p;
	scanner->stops = stops;
	return p + (unsigned)__builtin_ctzll(stops);
}

const char *scan_on(struct scanner *scanner, const char *p, unsigned class)
{
	do
		p = scan_stop(scanner, p + 1);
	while (p < scanner->end && scan_is(*p, class));
	return p;
}

const char *scan_escape(struct scanner *scanner, const char *p, unsigned class, const char **fault)
{
	do {
		if (scanner->end - p < 3 || scan_hex(p[1]) < 0 || scan_hex(p[2]) < 0) {
			*fault = p;
			return NULL;
		}
		p = scan_while(scanner, p + 3, class);
	} while (p < scanner->end && *p == '%');
	return p;
}

const char *scan_string(struct scanner *scanner, const char *p)
{
	const char *end = scanner->end;

	while ((p = scan_stop(scanner, p + 1)) < end) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			/* quoted-pair: anything but CR and LF, even NUL. */
			if (++p == end || *p == '\r' || *p == '\n')
				return NULL;
		} else if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f) {
			return NULL;
		}
	}
	return NULL;
}

const char *scan_ipv6_reference(const char *p, const char *end)
{
	const char *from = p;

	if (p == end || *p != '[')
		return NULL;
	for (p++; p < end && (scan_hex(*p) >= 0 || *p == ':' || *p == '.'); p++)
		;
	return p < end && *p == ']' && p > from + 2 ? p + 1 : NULL;
}
