/* ;name=value lists, of URIs and of header fields. */
#pragma once

#include "base/arena.h"
#include "sip/syntax/scan.h"

struct sip_param {
	struct slice name;
	struct slice value;  /* quotes kept; empty without '=' */
	bool has_value;
};

/**
 * Walk `params` (";a=b;c", as it stands in sip_uri.params or sip_address.params): call with *rest = params first.
 * @return false at the end
 */
bool sip_params_next(struct slice *rest, struct sip_param *param);
/**
 * The strict walk that parsers use: the parameter whose ';' comes next.
 * @return SCAN_OK with a parameter and *p behind it, SCAN_MORE when no other follows (*p is what stands there, without
 *         blanks), SCAN_BAD with *p at the fault
 */
enum scan sip_params_scan(struct scanner *scanner, const char **p, struct sip_param *param) MUST_CHECK;
/** The same, faster for the parameter that nearly all are: ";name=value" without blanks, quotes and rare characters. */
static inline enum scan sip_params_step(struct scanner *scanner, const char **p, struct sip_param *param)
{
	const char *end = scanner->end, *from = *p;

	if (from == end)
		return SCAN_MORE;
	if (*from == ';') {
		const char *name = from + 1, *equals = scan_stop(scanner, name);
		if (equals < end && *equals == '=' && equals > name) {
			const char *value = equals + 1, *behind = scan_stop(scanner, value);
			if (behind < end && *behind != ';' && scan_is(*behind, SCAN_VALUE))
				behind = scan_on(scanner, behind, SCAN_VALUE);
			if (behind > value) {
				param->name = scan_slice(name, equals);
				param->value = scan_slice(value, behind);
				param->has_value = true;
				*p = behind;
				return SCAN_OK;
			}
		}
	}
	/* By way of others, so that what is the caller's can stay in registers. */
	struct sip_param slow;
	const char *at = from;
	enum scan answer = sip_params_scan(scanner, &at, &slow);
	*p = at;
	if (answer == SCAN_OK)
		*param = slow;
	return answer;
}

/** Is it the name in small letters `name`, ASCII case ignored? */
static inline bool sip_param_is(struct slice param, const char *name, size_t n)
{
	return param.n == n && (memcmp(param.p, name, n) == 0 || slice_ieq(param, slice_make(name, n)));
}
/** Nothing but well-formed parameters? @param offset  of the fault; may be NULL */
bool sip_params_valid(struct slice params, size_t *offset) MUST_CHECK;
/** The parameter of this name, ASCII case ignored. @return false when there is none */
bool sip_params_find(struct slice params, struct slice name, struct slice *value);
/** `value` without its quotes and escapes; what is no quoted string is returned as it stands. */
struct slice sip_unquote(struct arena *arena, struct slice value);
