/* The dial plan of an account: what becomes of a telephone number before it is called. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

/* "+49:0" -> what a number begins with, and what stands in its place. */
static bool read_rule(struct slice word, struct slice *from, struct slice *to)
{
	*to = word;
	*from = slice_cut(to, ':');
	if (!to->p || !from->n)
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (!strchr("0123456789+*#:", word.p[i]))
			return false;
	return slice_find(*to, ':') == to->n;
}

bool dial_plan_check(struct slice rules, struct failure *failure)
{
	struct slice word, from, to;

	while (slice_list_word(&rules, &word))
		if (!read_rule(word, &from, &to))
			return fail(failure, STATUS_USAGE, "syntax",
				    "rewrite=%.*s: a rule is BEGINNING:REPLACEMENT, as +49:0 or 00:+", SLICE_ARG(word));
	return true;
}

bool dial_plan_check_prefix(struct slice prefix, struct failure *failure)
{
	for (size_t i = 0; i < prefix.n; i++)
		if (!strchr("0123456789+*#", prefix.p[i]))
			return fail(failure, STATUS_USAGE, "syntax", "prefix=%.*s is no beginning of a number",
				    SLICE_ARG(prefix));
	return true;
}

void dial_plan_apply(const struct account *account, struct slice number, struct buf *dialled)
{
	struct slice rest = slice_of(account->rewrite), word, from, to, best_from = { 0 }, best_to = { 0 };

	/* Of several rules that fit the one that says most. */
	while (slice_list_word(&rest, &word))
		if (read_rule(word, &from, &to) && slice_begins(number, from) && from.n > best_from.n) {
			best_from = from;
			best_to = to;
		}
	/* What begins with +, * or # is an international number or a service, and needs no prefix. */
	bool plain = number.n && number.p[0] >= '0' && number.p[0] <= '9';
	if (account->prefix && plain && !best_from.n)
		buf_add(dialled, slice_of(account->prefix));
	buf_add(dialled, best_to);
	buf_add(dialled, slice_from(number, best_from.n));
}
