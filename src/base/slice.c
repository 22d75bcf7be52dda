#include "base/slice.h"

#include "base/xmalloc.h"

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool slice_begins(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_sub(s, 0, prefix.n), prefix);
}

bool slice_ibegins(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_ieq(slice_sub(s, 0, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

size_t slice_find(struct slice s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : s.n;
}

size_t slice_rfind(struct slice s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return s.n;
}

size_t slice_find_slice(struct slice s, struct slice needle)
{
	for (size_t i = 0; needle.n <= s.n && i <= s.n - needle.n; i++)
		if (slice_eq(slice_sub(s, i, needle.n), needle))
			return i;
	return s.n;
}

size_t slice_ifind_slice(struct slice s, struct slice needle)
{
	for (size_t i = 0; needle.n <= s.n && i <= s.n - needle.n; i++)
		if (slice_ieq(slice_sub(s, i, needle.n), needle))
			return i;
	return s.n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = slice_from(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice slice_cut(struct slice *s, char sep)
{
	size_t at = slice_find(*s, sep);
	struct slice head = slice_sub(*s, 0, at);

	*s = at < s->n ? slice_from(*s, at + 1) : (struct slice){ NULL, 0 };
	return head;
}

bool slice_list_word(struct slice *rest, struct slice *word)
{
	size_t from = 0, end;

	while (from < rest->n && strchr(" \t,", rest->p[from]))
		from++;
	for (end = from; end < rest->n && !strchr(" \t,", rest->p[end]); end++)
		;
	*word = slice_sub(*rest, from, end - from);
	*rest = slice_from(*rest, end);
	return word->n > 0;
}

bool slice_to_u64(struct slice s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	size_t i = 0;

	if (!s.n)
		return false;
	/* So many digits fit whatever they are. */
	for (; i < s.n && i < 19; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
		if (digit > 9)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	for (; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

bool slice_to_u32(struct slice s, uint32_t *value)
{
	uint64_t wide;

	if (!slice_to_u64(s, UINT32_MAX, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

char *slice_dup(struct slice s)
{
	char *copy = xmalloc(s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

char *slice_dup_lower(struct slice s)
{
	char *copy = slice_dup(s);

	for (char *c = copy; *c; c++)
		*c = (char)lower(*c);
	return copy;
}
