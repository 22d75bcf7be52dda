#include "command/argument.h"
#include "command/internal.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_MAX = 1024, REPEATS_MAX = 1000 };

/*
 * The library builds a machine for a pattern, and {m,n} multiplies it: a short pattern of nested repeats takes all the
 * memory there is. The bounds multiplied must stay small.
 */
static bool is_modest(const char *pattern)
{
	size_t product = 1;

	for (const char *p = pattern; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
		} else if (*p == '{') {
			unsigned long least = strtoul(p + 1, NULL, 10), most = least;
			const char *comma = p + 1 + strspn(p + 1, "0123456789");
			if (*comma == ',')
				most = strtoul(comma + 1, NULL, 10);
			most = most > least ? most : least;
			product *= most ? most : 1;
			if (product > REPEATS_MAX)
				return false;
		}
	}
	return strlen(pattern) <= PATTERN_MAX;
}

static bool matches(struct invocation *invocation, const char *text, const char *pattern, bool *truth)
{
	regex_t regex;
	char why[200];

	if (!is_modest(pattern))
		return fail(&invocation->failure, STATUS_USAGE, "pattern",
			    "'%.80s' would take too much memory: at most %d bytes, and {} counts that multiply to %d",
			    pattern, PATTERN_MAX, REPEATS_MAX);
	int error = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

	if (error) {
		regerror(error, &regex, why, sizeof why);
		return fail(&invocation->failure, STATUS_USAGE, "pattern", "'%.80s' is no regular expression: %s",
			    pattern, why);
	}
	*truth = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return true;
}

static bool holds(int order, const char *operation)
{
	switch (operation[0]) {
	case '=':
		return order == 0;
	case '!':
		return order != 0;
	case '<':
		return operation[1] ? order <= 0 : order < 0;
	default:
		return operation[1] ? order >= 0 : order > 0;
	}
}

bool compare(struct invocation *invocation, const char *left, bool literal, const char *operation, const char *right,
	     bool *truth, struct buf *was)
{
	unsigned call = runner_is_interactive(invocation->runner) ? 0 : invocation->runner->call;
	double left_number = 0, right_number = 0;
	bool is_number = false;

	if (literal || quantity_is_number(slice_of(left))) {
		buf_add(was, slice_of(left));
		is_number = quantity_parse(slice_of(left), &left_number);
	} else if (!phone_quantity(invocation->phone, call, slice_of(left), was, &left_number, &is_number)) {
		return fail(&invocation->failure, STATUS_USAGE, "quantity", "%.60s: no such quantity or setting", left);
	}
	if (!strcmp(operation, "=~"))
		return matches(invocation, buf_text(was), right, truth);
	bool ordered = operation[0] == '<' || operation[0] == '>';
	if (was->n && is_number && quantity_parse(slice_of(right), &right_number)) {
		*truth = holds(left_number < right_number ? -1 : left_number > right_number, operation);
		return true;
	}
	if (ordered && was->n)
		return fail(&invocation->failure, STATUS_USAGE, "compare",
			    "'%.60s' and '%.60s' are not both numbers: %s cannot compare them", buf_text(was), right,
			    operation);
	/* What has no value is neither more nor less than anything. */
	*truth = !ordered && holds(strcmp(buf_text(was), right) != 0, operation);
	return true;
}
