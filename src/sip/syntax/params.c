#include "sip/syntax/params.h"

#include "sip/syntax/scan.h"

enum scan sip_params_scan(struct scanner *scanner, const char **at, struct sip_param *param)
{
	const char *end = scanner->end, *p = scan_blanks(*at, end), *from;

	*at = p;
	if (p == end || *p != ';')
		return SCAN_MORE;
	from = scan_blanks(p + 1, end);
	*at = p = scan_while(scanner, from, SCAN_TOKEN);
	if (p == from)
		return SCAN_BAD;
	*param = (struct sip_param){ .name = scan_slice(from, p) };
	p = scan_blanks(p, end);
	if (p == end || *p != '=')
		return SCAN_OK;
	param->has_value = true;
	*at = from = scan_blanks(p + 1, end);
	p = from < end && *from == '"' ? scan_string(scanner, from) : scan_while(scanner, from, SCAN_VALUE);
	if (!p)
		return SCAN_BAD;
	param->value = scan_slice(from, p);
	*at = p;
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
	struct scanner scanner;
	struct sip_param param;
	const char *p = params.p;
	enum scan answer;

	if (!params.n)
		return true;
	scan_begin(&scanner, p, p + params.n);
	while ((answer = sip_params_scan(&scanner, &p, &param)) == SCAN_OK)
		;
	if (answer == SCAN_MORE && p == scanner.end)
		return true;
	if (offset)
		*offset = (size_t)(p - params.p);
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
