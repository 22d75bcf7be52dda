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
static inline const char *scan_protocol(struct scanner *scanner, const char *p, struct sip_via *via)
{
	const char *end = scanner->end;

	if (end - p > 8 && memcmp(p, "SIP/2.0/", 8) == 0 && p[8] > ' ') {
		p += 8;
	} else {
		p = scan_token_slash(p, end);
		if (p)
			p = scan_token_slash(p, end);
	}
	if (!p)
		return NULL;
	/* Three letters: not by the scanner, whose window then begins with the host. */
	const char *from = p;
	p = scan_run(p, end, SCAN_TOKEN);
	via->transport = scan_slice(from, p);
	if (p == from || p == end || !scan_is_blank(*p))
		return NULL;
	return scan_blanks(p + 1, end);
}

/* @return false when a parameter that is ours has an impossible value */
static bool keep_param(struct sip_via *via, const struct sip_param *param)
{
	uint64_t number;

	if (sip_param_is(param->name, "branch", 6)) {
		via->branch = param->value;
	} else if (sip_param_is(param->name, "received", 8)) {
		via->received = param->value;
	} else if (sip_param_is(param->name, "maddr", 5)) {
		via->maddr = param->value;
	} else if (sip_param_is(param->name, "rport", 5)) {
		via->has_rport = true;
		if (param->value.n && !slice_to_u64(param->value, UINT16_MAX, &number))
			return false;
		via->rport = param->value.n ? (uint16_t)number : 0;
	} else if (sip_param_is(param->name, "ttl", 3)) {
		if (!slice_to_u64(param->value, 255, &number))
			return false;
		via->ttl = (uint32_t)number;
	}
	return true;
}

/* The parameters, with which the value ends that begins at `text`. */
static const char *scan_via_params(struct scanner *scanner, const char *p, const char *text, struct sip_via *via,
				   const char **fault)
{
	const char *from = p, *behind = p;
	struct sip_param param;
	enum scan answer;

	while ((answer = sip_params_step(scanner, &p, &param)) == SCAN_OK) {
		behind = p;
		if (!keep_param(via, &param)) {
			*fault = param.name.p;
			return NULL;
		}
	}
	*fault = p;
	if (answer != SCAN_MORE || (p < scanner->end && *p != ','))
		return NULL;
	via->params = scan_slice(from, behind);
	via->text = scan_slice(text, behind);
	return p;
}

/* ":port", with blanks round the colon, or nothing. */
static const char *scan_via_port(const char *p, const char *end, struct sip_via *via, const char **fault)
{
	const char *colon = scan_blanks(p, end);

	if (colon == end || *colon != ':')
		return p;
	*fault = scan_blanks(colon + 1, end);
	return scan_port(*fault, end, &via->port);
}

const char *sip_via_scan(struct scanner *scanner, const char *p, struct sip_via *via, const char **fault)
{
	const char *end = scanner->end, *from;

	/* One by one: clearing the whole takes longer. Of a Via with a text all others are found. */
	slice_clear(&via->text);
	slice_clear(&via->branch);
	slice_clear(&via->received);
	slice_clear(&via->maddr);
	via->port = via->rport = 0;
	via->has_rport = false;
	via->ttl = 0;
	*fault = from = p = scan_blanks(p, end);
	p = scan_protocol(scanner, p, via);
	if (!p)
		return NULL;
	const char *host = *fault = p;
	p = scan_host(scanner, p);
	if (!p)
		return NULL;
	via->host = scan_slice(host, p);
	if (p < end && *p != ';') {
		p = scan_via_port(p, end, via, fault);
		if (!p)
			return NULL;
	}
	return scan_via_params(scanner, p, from, via, fault);
}

bool sip_via_parse(struct slice value, struct sip_via *via, size_t *offset)
{
	const char *fault = value.p, *end = value.p + value.n, *behind = NULL;
	struct scanner scanner;

	if (value.n) {
		scan_begin(&scanner, value.p, end);
		behind = sip_via_scan(&scanner, value.p, via, &fault);
	} else {
		*via = (struct sip_via){ 0 };
	}
	if (behind && behind == end)
		return true;
	if (offset)
		*offset = value.n ? (size_t)((behind ? behind : fault) - value.p) : 0;
	return false;
}

bool sip_via_has_magic(const struct sip_via *via)
{
	return via->branch.n > 7 && slice_ibegins(via->branch, SLICE("z9hG4bK"));
}
