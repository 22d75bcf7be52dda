#include "sip/syntax/auth.h"

#include "sip/syntax/scan.h"

/* The next "name = value" of a comma-separated list. @return SCAN_MORE at the end */
static enum scan next_param(struct slice *rest, struct sip_param *param)
{
	while (rest->n && (rest->p[0] == ',' || rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = slice_from(*rest, 1);
	if (!rest->n)
		return SCAN_MORE;
	const char *p = rest->p, *end = p + rest->n, *from = p;
	p = scan_run(p, end, SCAN_TOKEN);
	*param = (struct sip_param){ .name = scan_slice(from, p), .has_value = true };
	from = scan_blanks(p, end);
	if (p == rest->p || from == end || *from != '=')
		return SCAN_BAD;
	from = p = scan_blanks(from + 1, end);
	if (p < end && *p == '"') {
		p = scan_quoted(p, end);
	} else {
		while (p < end && *p != ',' && *p != ' ' && *p != '\t' && *p != '"')
			p++;
	}
	if (!p || p == from)
		return SCAN_BAD;
	param->value = scan_slice(from, p);
	p = scan_blanks(p, end);
	*rest = scan_slice(p, end);
	return p == end || *p == ',' ? SCAN_OK : SCAN_BAD;
}

bool sip_auth_parse(struct slice value, struct sip_auth *auth)
{
	size_t n = 0;

	while (n < value.n && scan_is(value.p[n], SCAN_TOKEN))
		n++;
	auth->scheme = slice_sub(value, 0, n);
	auth->params = slice_trim(slice_from(value, n));
	if (n == 0 || (n < value.n && value.p[n] != ' ' && value.p[n] != '\t'))
		return false;
	struct slice rest = auth->params;
	struct sip_param param;
	enum scan answer;
	while ((answer = next_param(&rest, &param)) == SCAN_OK)
		;
	/* Only Digest is ours to judge: other schemes may have a token68 instead of parameters. */
	return answer == SCAN_MORE || !slice_ieq(auth->scheme, SLICE("Digest"));
}

bool sip_auth_param(struct arena *arena, const struct sip_auth *auth, struct slice name, struct slice *value)
{
	struct slice rest = auth->params;
	struct sip_param param;

	while (next_param(&rest, &param) == SCAN_OK) {
		if (!slice_ieq(param.name, name))
			continue;
		*value = sip_unquote(arena, param.value);
		return true;
	}
	return false;
}
