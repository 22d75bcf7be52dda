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
 * The strict walk that parsers use, over *rest which may go on behind the parameters.
 * @return SCAN_OK with a parameter, SCAN_MORE when no other follows (*rest is what stands there, without blanks),
 *         SCAN_BAD with *rest at the fault
 */
enum scan sip_params_step(struct slice *rest, struct sip_param *param) MUST_CHECK;
/** Nothing but well-formed parameters? @param offset  of the fault; may be NULL */
bool sip_params_valid(struct slice params, size_t *offset) MUST_CHECK;
/** The parameter of this name, ASCII case ignored. @return false when there is none */
bool sip_params_find(struct slice params, struct slice name, struct slice *value);
/** `value` without its quotes and escapes; what is no quoted string is returned as it stands. */
struct slice sip_unquote(struct arena *arena, struct slice value);
