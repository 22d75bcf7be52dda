#include "base/utf8.h"

enum { MARKS_MAX = 4 }; /* on one letter; no script needs more */

size_t utf8_decode(struct slice s, uint32_t *point)
{
	unsigned char first = (unsigned char)s.p[0];
	size_t n = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (!n || n > s.n)
		return 0;
	uint32_t c = n == 1 ? first : first & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*point = c;
	return n;
}

bool utf8_valid(struct slice s)
{
	uint32_t point;

	while (s.n) {
		size_t n = utf8_decode(s, &point);
		if (!n)
			return false;
		s = slice_from(s, n);
	}
	return true;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

struct slice utf8_cut(struct slice s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s;
	while (n && max - n < 3 && continues(s.p[n]))
		n--;
	/* More of them than a character has: nobody's bytes. */
	return slice_sub(s, 0, continues(s.p[n]) ? max : n);
}

void utf8_keep(char *to, size_t room, struct slice s)
{
	s = utf8_cut(s, room - 1);
	memcpy(to, s.n ? s.p : "", s.n);
	to[s.n] = '\0';
}

/* Characters that take no place of their own: they pile up on the one before. */
static bool combines(uint32_t c)
{
	return (c >= 0x300 && c < 0x370) || (c >= 0x483 && c < 0x48a) || (c >= 0x1ab0 && c < 0x1b00) ||
	       (c >= 0x1dc0 && c < 0x1e00) || (c >= 0x20d0 && c < 0x2100) || (c >= 0xfe00 && c < 0xfe10) ||
	       (c >= 0xfe20 && c < 0xfe30);
}

static bool harmless(uint32_t c)
{
	/* Letters that are nothing to be seen, and tags. */
	if (c == 0x115f || c == 0x1160 || c == 0x180e || c == 0x3164 || c == 0xffa0 || (c >= 0xe0000 && c < 0xe1000))
		return false;
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if (c == 0xad || c == 0x61c || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb))
		return false;
	return !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f);
}

static bool joins(uint32_t c)
{
	return c == 0x200c || c == 0x200d;
}

/* Scripts that are not spelt without joiners and non-joiners: Arabic to Sinhala, Myanmar, Khmer and Mongolian. */
static bool takes_joiners(uint32_t c)
{
	return (c >= 0x600 && c < 0xe00) || (c >= 0x1000 && c < 0x10a0) || (c >= 0x1780 && c < 0x18b0);
}

static bool pictograph(uint32_t c)
{
	return (c >= 0x2190 && c < 0x2c00) || c == 0xfe0f || c >= 0x1f000;
}

enum fate { SHOWN, LEFT_OUT, HOSTILE }; /* HOSTILE: shown as '?' */

/*
 * A joiner after `before`, with `rest` behind it. Within the scripts that need it, it stays. Between pictographs it is
 * left out: terminals do not agree on how wide the joined picture is. Elsewhere it can only make two names look alike.
 */
static enum fate judge_joiner(uint32_t before, struct slice rest)
{
	uint32_t after = 0;

	if (!rest.n || !utf8_decode(rest, &after))
		after = 0;
	if (takes_joiners(before) && takes_joiners(after))
		return SHOWN;
	return pictograph(before) && pictograph(after) ? LEFT_OUT : HOSTILE;
}

/* So many bytes at the beginning are printable ASCII. */
static size_t plain(struct slice s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f)
		n++;
	return n;
}

/* What of printable ASCII there is room for. */
static void add_plain(struct buf *to, struct slice ascii)
{
	size_t room = to->max - to->n;

	buf_add(to, slice_sub(ascii, 0, ascii.n < room ? ascii.n : room));
	if (ascii.n > room)
		to->full = true;
}

/* May the character `point`, n bytes long (0: malformed), at the start of `s` be shown? `before` stands before it. */
static enum fate judge(uint32_t point, size_t n, uint32_t before, struct slice s, bool lines)
{
	if (!n)
		return HOSTILE;
	if (joins(point))
		return judge_joiner(before, slice_from(s, n));
	if (lines && point == '\r')
		return LEFT_OUT;
	return harmless(point) || (lines && point == '\n') ? SHOWN : HOSTILE;
}

void utf8_clean(struct buf *to, struct slice s, bool lines)
{
	unsigned marks = 0;
	uint32_t before = 0;

	/* A full buffer ends it: a long name must not be walked over again for every byte of it. */
	while (s.n && !to->full) {
		size_t ascii = plain(s);
		if (ascii) {
			add_plain(to, slice_sub(s, 0, ascii));
			s = slice_from(s, ascii);
			marks = 0;
			before = 0;
			continue;
		}
		uint32_t point = 0;
		size_t n = utf8_decode(s, &point);
		enum fate fate = judge(point, n, before, s, lines);
		marks = n && combines(point) ? marks + 1 : 0;
		if (fate == HOSTILE)
			buf_add_char(to, '?');
		else if (fate == SHOWN && marks <= MARKS_MAX)
			buf_add(to, slice_sub(s, 0, n));
		before = point;
		s = slice_from(s, n ? n : 1);
	}
}

char *utf8_clean_dup(struct slice s)
{
	struct buf buf;

	if (plain(s) == s.n)
		return slice_dup(s);
	buf_init(&buf, s.n + 1);
	utf8_clean(&buf, s, false);
	return buf_take(&buf);
}
