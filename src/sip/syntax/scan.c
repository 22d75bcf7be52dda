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

const char *scan_escaped(const char *p, const char *end, unsigned class, const char **fault)
{
	for (;;) {
		p = scan_run(p, end, class);
		if (p == end || *p != '%')
			return p;
		if (end - p < 3 || scan_hex(p[1]) < 0 || scan_hex(p[2]) < 0) {
			*fault = p;
			return NULL;
		}
		p += 3;
	}
}

const char *scan_quoted(const char *p, const char *end)
{
	if (p == end || *p != '"')
		return NULL;
	for (p++; p < end; p++) {
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

const char *scan_host(const char *p, const char *end)
{
	const char *from = p;

	if (p == end)
		return NULL;
	if (*p != '[') {
		p = scan_run(p, end, SCAN_HOST);
		return p > from ? p : NULL;
	}
	for (p++; p < end && (scan_hex(*p) >= 0 || *p == ':' || *p == '.'); p++)
		;
	return p < end && *p == ']' && p > from + 2 ? p + 1 : NULL;
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
