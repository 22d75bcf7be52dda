#include "sip/syntax/address.h"

#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"

static bool name_is(struct slice name, const char *text, size_t n)
{
	return name.n == n && (bytes_eq(name.p, text, n) || slice_ieq(name, slice_make(text, n)));
}

/* ";tag=x;q=0.7" up to a comma or the end. */
static const char *scan_header_params(const char *p, const char *end, struct sip_address *address, const char **fault)
{
	struct slice rest = scan_slice(p, end);
	struct sip_param param;
	const char *behind = p;
	enum scan answer;

	while ((answer = sip_params_step(&rest, &param)) == SCAN_OK) {
		behind = rest.p;
		if (name_is(param.name, "tag", 3) && !address->tag.n)
			address->tag = param.value;
	}
	address->params = scan_slice(p, behind);
	*fault = rest.p;
	if (answer == SCAN_BAD || (rest.n && *rest.p != ','))
		return NULL;
	return rest.p;
}

/* Without <> the URI ends where the parameters of the header begin, and may hold no comma or question mark (20). */
static const char *scan_addr_spec(const char *p, const char *end, struct sip_address *address, const char **fault)
{
	const char *from = p;
	size_t offset = 0;

	while (p < end && *p != ';' && *p != ',' && *p != ' ' && *p != '\t' && *p != '?' && *p != '>')
		p++;
	*fault = p;
	if (p < end && (*p == '?' || *p == '>'))
		return NULL;
	if (!sip_uri_parse(scan_slice(from, p), &address->uri, &offset)) {
		*fault = from + offset;
		return NULL;
	}
	return p;
}

/* "<URI>" */
static const char *scan_bracketed(const char *p, const char *end, struct sip_address *address, const char **fault)
{
	size_t offset = 0;
	const char *close = memchr(p, '>', (size_t)(end - p));

	*fault = end;
	if (!close)
		return NULL;
	if (!sip_uri_parse(scan_slice(p + 1, close), &address->uri, &offset)) {
		*fault = p + 1 + offset;
		return NULL;
	}
	return close + 1;
}

/* Tokens up to '<' are a display name; a colon before it says that it was a URI. */
static const char *scan_unquoted(const char *p, const char *end, struct sip_address *address, const char **fault)
{
	const char *from = p;

	p = scan_run(p, end, SCAN_DISPLAY);
	if (p < end && *p == '<') {
		address->display = slice_trim(scan_slice(from, p));
		return scan_bracketed(p, end, address, fault);
	}
	return scan_addr_spec(from, end, address, fault);
}

const char *sip_address_scan(const char *p, const char *end, struct sip_address *address, const char **fault)
{
	*address = (struct sip_address){ 0 };
	*fault = p = scan_blanks(p, end);
	const char *from = p;

	if (p == end)
		return NULL;
	if (*p == '<') {
		p = scan_bracketed(p, end, address, fault);
	} else if (*p == '"') {
		p = scan_quoted(p, end);
		if (!p)
			return NULL;
		address->display = scan_slice(from, p);
		*fault = p = scan_blanks(p, end);
		p = p < end && *p == '<' ? scan_bracketed(p, end, address, fault) : NULL;
	} else if (*p == '*' && scan_blanks(p + 1, end) == end) {
		address->star = true;
		address->text = scan_slice(p, p + 1);
		return end;
	} else {
		p = scan_unquoted(p, end, address, fault);
	}
	if (!p)
		return NULL;
	const char *behind = scan_header_params(p, end, address, fault);
	if (behind)
		address->text = scan_slice(from, address->params.n ? address->params.p + address->params.n : p);
	return behind;
}

bool sip_address_parse(struct slice value, struct sip_address *address, size_t *offset)
{
	const char *fault = value.p, *behind = NULL;

	if (value.n)
		behind = sip_address_scan(value.p, value.p + value.n, address, &fault);
	else
		*address = (struct sip_address){ 0 };
	if (behind && behind == value.p + value.n)
		return true;
	if (offset)
		*offset = value.n ? (size_t)((behind ? behind : fault) - value.p) : 0;
	return false;
}

struct slice sip_address_display(struct arena *arena, const struct sip_address *address)
{
	return sip_unquote(arena, address->display);
}

static bool needs_quotes(struct slice display)
{
	for (size_t i = 0; i < display.n; i++)
		if (!scan_is(display.p[i], SCAN_TOKEN) && display.p[i] != ' ')
			return true;
	return slice_trim(display).n != display.n;
}

void sip_display_print(struct buf *to, struct slice display)
{
	if (!display.n)
		return;
	if (!needs_quotes(display)) {
		buf_add(to, display);
		buf_add_char(to, ' ');
		return;
	}
	buf_add_char(to, '"');
	for (size_t i = 0; i < display.n; i++) {
		char c = display.p[i];
		if (c == '"' || c == '\\')
			buf_add_char(to, '\\');
		/* Control characters have no business in a name. */
		buf_add_char(to, (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
	}
	buf_add(to, SLICE("\" "));
}

/* "0.75" in thousandths: a digit, and up to three behind the point (25.1 qvalue). */
static bool parse_q(struct slice value, unsigned *q)
{
	if (!value.n || value.n > 5 || (value.p[0] != '0' && value.p[0] != '1') || (value.n > 1 && value.p[1] != '.'))
		return false;
	unsigned thousandths = (unsigned)(value.p[0] - '0') * 1000, unit = 100;
	for (size_t i = 2; i < value.n; i++, unit /= 10) {
		if (!scan_is_digit(value.p[i]))
			return false;
		thousandths += (unsigned)(value.p[i] - '0') * unit;
	}
	*q = thousandths;
	return thousandths <= 1000;
}

unsigned sip_address_q(const struct sip_address *address)
{
	struct slice value;
	unsigned q;

	return sip_params_find(address->params, SLICE("q"), &value) && parse_q(value, &q) ? q : 1000;
}

bool sip_address_expires(const struct sip_address *address, uint32_t *seconds)
{
	struct slice value;

	return sip_params_find(address->params, SLICE("expires"), &value) && slice_to_u32(value, seconds);
}
