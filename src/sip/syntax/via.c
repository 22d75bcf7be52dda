#include "sip/syntax/via.h"

#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"

/* A token, and what separates it from the next: a slash with blanks round it. */
static const char *scan_token_slash(const char *p, const char *end)
{
	const char *from = p;

	p = scan_run(p, end, SCAN_TOKEN);
	if (p == from)
		return NULL;
	p = scan_blanks(p, end);
	return p < end && *p == '/' ? scan_blanks(p + 1, end) : NULL;
}

/* "SIP/2.0/UDP ", with blanks round the slashes. Another version is not the Via's fault, but the start line's. */
static const char *scan_protocol(const char *p, const char *end, struct sip_via *via)
{
	if (end - p > 8 && memcmp(p, "SIP/2.0/", 8) == 0 && scan_is(p[8], SCAN_TOKEN)) {
		p += 8;
	} else {
		p = scan_token_slash(p, end);
		if (p)
			p = scan_token_slash(p, end);
	}
	if (!p)
		return NULL;
	const char *from = p;
	p = scan_run(p, end, SCAN_TOKEN);
	via->transport = scan_slice(from, p);
	from = p;
	p = scan_blanks(p, end);
	return p > from && via->transport.n ? p : NULL;
}

static bool name_is(struct slice name, const char *text, size_t n)
{
	return name.n == n && (bytes_eq(name.p, text, n) || slice_ieq(name, slice_make(text, n)));
}

/* @return false when a parameter that is ours has an impossible value */
static bool keep_param(struct sip_via *via, const struct sip_param *param)
{
	uint64_t number;

	if (name_is(param->name, "branch", 6)) {
		via->branch = param->value;
	} else if (name_is(param->name, "received", 8)) {
		via->received = param->value;
	} else if (name_is(param->name, "maddr", 5)) {
		via->maddr = param->value;
	} else if (name_is(param->name, "rport", 5)) {
		via->has_rport = true;
		if (param->value.n && !slice_to_u64(param->value, UINT16_MAX, &number))
			return false;
		via->rport = param->value.n ? (uint16_t)number : 0;
	} else if (name_is(param->name, "ttl", 3)) {
		if (!slice_to_u64(param->value, 255, &number))
			return false;
		via->ttl = (uint32_t)number;
	}
	return true;
}

static const char *scan_via_params(const char *p, const char *end, struct sip_via *via, const char **fault)
{
	struct slice rest = scan_slice(p, end);
	struct sip_param param;
	const char *behind = p;
	enum scan answer;

	while ((answer = sip_params_step(&rest, &param)) == SCAN_OK) {
		behind = rest.p;
		*fault = param.name.p;
		if (!keep_param(via, &param))
			return NULL;
	}
	via->params = scan_slice(p, behind);
	*fault = rest.p;
	if (answer == SCAN_BAD || (rest.n && *rest.p != ','))
		return NULL;
	return rest.p;
}

const char *sip_via_scan(const char *p, const char *end, struct sip_via *via, const char **fault)
{
	*via = (struct sip_via){ 0 };
	*fault = p = scan_blanks(p, end);
	const char *from = p;

	p = scan_protocol(p, end, via);
	if (!p)
		return NULL;
	const char *host = *fault = p;
	p = scan_host(p, end);
	if (!p)
		return NULL;
	via->host = scan_slice(host, p);
	const char *colon = scan_blanks(p, end);
	if (colon < end && *colon == ':') {
		*fault = p = scan_blanks(colon + 1, end);
		p = scan_port(p, end, &via->port);
		if (!p)
			return NULL;
	}
	const char *behind = scan_via_params(p, end, via, fault);
	if (behind)
		via->text = scan_slice(from, via->params.n ? via->params.p + via->params.n : p);
	return behind;
}

bool sip_via_parse(struct slice value, struct sip_via *via, size_t *offset)
{
	const char *fault = value.p, *behind = NULL;

	if (value.n)
		behind = sip_via_scan(value.p, value.p + value.n, via, &fault);
	else
		*via = (struct sip_via){ 0 };
	if (behind && behind == value.p + value.n)
		return true;
	if (offset)
		*offset = value.n ? (size_t)((behind ? behind : fault) - value.p) : 0;
	return false;
}

bool sip_via_has_magic(const struct sip_via *via)
{
	return via->branch.n > 7 && slice_ibegins(via->branch, SLICE("z9hG4bK"));
}
