#include "sip/syntax/address.h"

#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"

/* ";tag=x;q=0.7" up to a comma or the end: with it ends the value that begins at `text`. */
static const char *scan_header_params(struct scanner *scanner, const char *p, const char *text,
				      struct sip_address *address, const char **fault)
{
	const char *from = p, *behind = p;
	struct sip_param param;
	enum scan answer;

	while ((answer = sip_params_step(scanner, &p, &param)) == SCAN_OK) {
		behind = p;
		if (sip_param_is(param.name, "tag", 3) && !address->tag.n)
			address->tag = param.value;
	}
	*fault = p;
	if (answer != SCAN_MORE || (p < scanner->end && *p != ','))
		return NULL;
	address->params = scan_slice(from, behind);
	address->text = scan_slice(text, behind);
	return p;
}

/* Without <> the URI ends where the parameters of the header begin, and may hold no comma or question mark (20). */
static const char *scan_addr_spec(struct scanner *scanner, const char *p, struct sip_address *address,
				  const char **fault)
{
	const char *from = p, *end = scanner->end;

	for (p = scan_stop(scanner, p); p < end; p = scan_stop(scanner, p + 1))
		if (*p == ';' || *p == ',' || *p == ' ' || *p == '\t' || *p == '?' || *p == '>')
			break;
	*fault = p;
	if (p < end && (*p == '?' || *p == '>'))
		return NULL;
	scanner->end = p;
	const char *behind = p > from ? sip_uri_scan(scanner, from, '@', &address->uri, fault) : NULL;
	scanner->end = end;
	if (behind && behind < p)
		*fault = behind;
	return behind == p ? p : NULL;
}

/* "<URI>", and when it is no URI where its fault is. */
static const char *scan_strange_brackets(const char *p, const char *end, struct sip_address *address,
					 const char **fault)
{
	size_t offset = 0;
	const char *close = memchr(p, '>', (size_t)(end - p));

	*fault = end;
	if (!close)
		return NULL;
	if (sip_uri_parse(scan_slice(p + 1, close), &address->uri, &offset))
		return close + 1;
	*fault = p + 1 + offset;
	return NULL;
}

/* "<URI>": a URI holds no '>', so that it need not be looked for. */
static const char *scan_bracketed(struct scanner *scanner, const char *p, struct sip_address *address,
				  const char **fault)
{
	const char *behind = sip_uri_scan(scanner, p + 1, '>', &address->uri, fault);

	if (behind && behind < scanner->end && *behind == '>')
		return behind + 1;
	return scan_strange_brackets(p, scanner->end, address, fault);
}

/*
 * Behind a display name and the blanks that follow it: at its '<'. Tokens up to '<' are one; a colon before it says
 * that it was a URI. @return NULL when a quoted string does not end
 */
static const char *scan_display(struct scanner *scanner, const char *p, struct sip_address *address)
{
	const char *from = p, *stop;

	if (*p == '"') {
		stop = scan_string(scanner, p);
		if (!stop)
			return NULL;
		p = scan_blanks(stop, scanner->end);
	} else {
		stop = scan_stop(scanner, p);
		/* One word and a blank, or whatever else. */
		if (scanner->end - stop > 1 && *stop == ' ' && stop[1] == '<') {
			address->display = scan_slice(from, stop);
			return stop + 1;
		}
		stop = p = scan_while(scanner, stop, SCAN_DISPLAY);
		if (p == scanner->end || *p != '<')
			return from;
		while (stop > from && scan_is_blank(stop[-1]))
			stop--;
	}
	address->display = scan_slice(from, stop);
	return p;
}

const char *sip_address_scan(struct scanner *scanner, const char *p, struct sip_address *address, const char **fault)
{
	const char *end = scanner->end, *from;

	/* The URI is cleared when it is scanned. */
	slice_clear(&address->text);
	slice_clear(&address->display);
	slice_clear(&address->params);
	slice_clear(&address->tag);
	address->star = false;
	*fault = from = p = scan_blanks(p, end);
	if (p == end)
		return NULL;
	if (*p == '*' && scan_blanks(p + 1, end) == end) {
		*address = (struct sip_address){ .star = true, .text = scan_slice(p, p + 1) };
		return end;
	}
	if (*p != '<') {
		p = scan_display(scanner, p, address);
		if (!p)
			return NULL;
	}
	if (p < end && *p == '<') {
		p = scan_bracketed(scanner, p, address, fault);
	} else if (*from != '"') {
		p = scan_addr_spec(scanner, from, address, fault);
	} else {
		*fault = p;
		return NULL;
	}
	return p ? scan_header_params(scanner, p, from, address, fault) : NULL;
}

bool sip_address_parse(struct slice value, struct sip_address *address, size_t *offset)
{
	const char *fault = value.p, *end = NULL, *behind = NULL;
	struct scanner scanner;

	if (value.n) {
		end = value.p + value.n;
		scan_begin(&scanner, value.p, end);
		behind = sip_address_scan(&scanner, value.p, address, &fault);
	} else {
		*address = (struct sip_address){ 0 };
	}
	if (behind && behind == end)
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
