#include "sip/syntax/params.h"

#include "sip/syntax/scan.h"

enum scan sip_params_step(struct slice *rest, struct sip_param *param)
{
	if (!rest->n)
		return SCAN_MORE;
	const char *end = rest->p + rest->n, *from;
	const char *p = scan_blanks(rest->p, end);
	*rest = scan_slice(p, end);
	if (p == end || *p != ';')
		return SCAN_MORE;
	from = p = scan_blanks(p + 1, end);
	p = scan_run(p, end, SCAN_TOKEN);
	*rest = scan_slice(p, end);
	if (p == from)
		return SCAN_BAD;
	*param = (struct sip_param){ .name = scan_slice(from, p) };
	p = scan_blanks(p, end);
	if (p == end || *p != '=')
		return SCAN_OK;
	param->has_value = true;
	from = p = scan_blanks(p + 1, end);
	p = p < end && *p == '"' ? scan_quoted(p, end) : scan_run(p, end, SCAN_VALUE);
	if (!p) {
		*rest = scan_slice(from, end);
		return SCAN_BAD;
	}
	param->value = scan_slice(from, p);
	*rest = scan_slice(p, end);
	return SCAN_OK;
}

/* Takes anything: names and values end where the next character of the list stands. */
bool sip_params_next(struct slice *rest, struct sip_param *param)
{
	if (!rest->n)
		return false;
	const char *p = rest->p, *end = rest->p + rest->n, *from;
	while (p < end && (*p == ';' || *p == ' ' || *p == '\t'))
		p++;
	for (from = p; p < end && *p != ';' && *p != '='; p++)
		;
	*param = (struct sip_param){ .name = slice_trim(scan_slice(from, p)) };
	if (p < end && *p == '=') {
		from = p = scan_blanks(p + 1, end);
		const char *quoted = scan_quoted(p, end);
		for (p = quoted ? quoted : p; p < end && *p != ';'; p++)
			;
		param->has_value = true;
		param->value = slice_trim(scan_slice(from, p));
	}
	*rest = scan_slice(p, end);
	return param->name.n || param->has_value;
}

bool sip_params_find(struct slice params, struct slice name, struct slice *value)
{
	struct sip_param param;

	while (sip_params_next(&params, &param)) {
		if (!slice_ieq(param.name, name))
			continue;
		if (value)
			*value = param.value;
		return true;
	}
	return false;
}

bool sip_params_valid(struct slice params, size_t *offset)
{
	struct slice rest = params;
	struct sip_param param;
	enum scan answer;

	while ((answer = sip_params_step(&rest, &param)) == SCAN_OK)
		;
	if (answer == SCAN_MORE && !rest.n)
		return true;
	if (offset)
		*offset = params.n - rest.n;
	return false;
}

struct slice sip_unquote(struct arena *arena, struct slice value)
{
	if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
		return value;
	struct slice inner = slice_sub(value, 1, value.n - 2);
	if (slice_find(inner, '\\') == inner.n)
		return inner;
	char *out = arena_alloc(arena, inner.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < inner.n; i++) {
		if (inner.p[i] == '\\' && i + 1 < inner.n)
			i++;
		out[n++] = inner.p[i];
	}
	return slice_make(out, n);
}
