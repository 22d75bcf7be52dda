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
	const char *end = scanner->end, *name = *p + 1;

	if (*p == end)
		return SCAN_MORE;
	if (**p != ';')
		return sip_params_scan(scanner, p, param);
	const char *equals = scan_stop(scanner, name);
	if (equals == end || *equals != '=' || equals == name)
		return sip_params_scan(scanner, p, param);
	const char *value = equals + 1, *behind = scan_while(scanner, value, SCAN_VALUE);
	if (behind == value)
		return sip_params_scan(scanner, p, param);
	*param = (struct sip_param){ scan_slice(name, equals), scan_slice(value, behind), true };
	*p = behind;
	return SCAN_OK;
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
