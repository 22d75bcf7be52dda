#include "command/internal.h"

#include <regex.h>
#include <string.h>

static bool matches(struct invocation *invocation, const char *text, const char *pattern, bool *truth)
{
	regex_t regex;
	char why[200];
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

	if (literal) {
		buf_printf(was, "%s", left);
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
