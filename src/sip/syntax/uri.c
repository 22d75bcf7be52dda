#include "sip/syntax/uri.h"

#include "base/address.h"
#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"

enum { COMPARE_MAX = 64 }; /* parameters or headers of a URI that are compared one by one */

/* Parsing. Each step takes the next byte and gives the byte behind its part, or NULL with *fault set. */

static inline bool scheme_is(const char *p, const char *end, const char *name, size_t n)
{
	if ((size_t)(end - p) <= n || p[n] != ':')
		return false;
	return memcmp(p, name, n) == 0 || slice_ieq(slice_make(p, n), slice_make(name, n));
}

static const char *parse_scheme(const char *p, const char *end, struct sip_uri *uri)
{
	const char *from = p;

	if (scheme_is(p, end, "sip", 3)) {
		uri->scheme = SIP_SCHEME_SIP;
		p += 3;
	} else if (scheme_is(p, end, "sips", 4)) {
		uri->scheme = SIP_SCHEME_SIPS;
		p += 4;
	} else if (scheme_is(p, end, "tel", 3)) {
		uri->scheme = SIP_SCHEME_TEL;
		p += 3;
	} else {
		while (p < end && ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
			p++;
		while (p > from && p < end && ((scan_is(*p, SCAN_HOST) && *p != '_') || *p == '+'))
			p++;
		if (p == from || p == end || *p != ':')
			return NULL;
	}
	uri->scheme_name = scan_slice(from, p);
	return p + 1;
}

/* "user@" or "user:password@", whose '@' stands at `at`. */
static const char *parse_user(struct scanner *scanner, const char *p, const char *at, struct sip_uri *uri,
			      const char **fault)
{
	const char *from = p;

	p = scan_escaped(scanner, p, SCAN_USER, fault);
	if (!p)
		return NULL;
	if (p == from) {
		*fault = p;
		return NULL;
	}
	uri->has_user = true;
	uri->user = scan_slice(from, p);
	if (*p == ':') {
		from = ++p;
		p = scan_escaped(scanner, p, SCAN_USER, fault);
		if (!p)
			return NULL;
		uri->password = scan_slice(from, p);
	}
	if (p == at)
		return at + 1;
	*fault = p;
	return NULL;
}

/* ";name=value" again and again; an empty value is borne, an empty name is not. */
static const char *parse_params(struct scanner *scanner, const char *p, const char **fault)
{
	const char *end = scanner->end;

	while (p < end && *p == ';') {
		const char *name = ++p;
		p = scan_escaped(scanner, p, SCAN_PARAM, fault);
		if (!p)
			return NULL;
		if (p == name) {
			*fault = p;
			return NULL;
		}
		if (p < end && *p == '=') {
			p = scan_escaped(scanner, p + 1, SCAN_PARAM, fault);
			if (!p)
				return NULL;
		}
	}
	return p;
}

/* "?name=value&name=value" */
static const char *parse_headers(struct scanner *scanner, const char *p, const char **fault)
{
	const char *end = scanner->end;

	do {
		const char *name = ++p;
		p = scan_escaped(scanner, p, SCAN_HEADER, fault);
		if (!p)
			return NULL;
		if (p == name || p == end || *p != '=') {
			*fault = p;
			return NULL;
		}
		p = scan_escaped(scanner, p + 1, SCAN_HEADER, fault);
		if (!p)
			return NULL;
	} while (p < end && *p == '&');
	return p;
}

static const char *parse_params_and_headers(struct scanner *scanner, const char *p, struct sip_uri *uri,
					    const char **fault)
{
	const char *from = p;

	if (p == scanner->end || (*p != ';' && *p != '?'))
		return p;
	p = parse_params(scanner, p, fault);
	if (!p)
		return NULL;
	uri->params = scan_slice(from, p);
	if (p < scanner->end && *p == '?' && uri->scheme != SIP_SCHEME_TEL) {
		from = p;
		p = parse_headers(scanner, p, fault);
		if (!p)
			return NULL;
		uri->headers = scan_slice(from + 1, p);
	}
	return p;
}

/*
 * A user part is told by its '@', which may be far behind the first stop: it may itself hold ':', ';' and '?'.
 * @return behind it; p when there is none
 */
static const char *parse_strange_user(struct scanner *scanner, const char *p, const char *stop, char close,
				      struct sip_uri *uri, const char **fault)
{
	const char *at = stop;

	while (at < scanner->end && *at != '@' && *at != close)
		at = scan_stop(scanner, at + 1);
	return at < scanner->end && *at == '@' ? parse_user(scanner, p, at, uri, fault) : p;
}

static const char *parse_sip(struct scanner *scanner, const char *p, char close, struct sip_uri *uri,
			     const char **fault)
{
	const char *end = scanner->end, *stop = scan_stop(scanner, p);

	/* Nearly every user part is of common characters alone. */
	if (stop < end && *stop == '@' && stop > p) {
		uri->has_user = true;
		uri->user = scan_slice(p, stop);
		p = stop + 1;
	} else {
		p = parse_strange_user(scanner, p, stop, close, uri, fault);
		if (!p)
			return NULL;
	}
	const char *from = *fault = p;
	p = scan_host(scanner, p);
	if (!p)
		return NULL;
	uri->host = scan_slice(from, p);
	if (p < end && *p == ':') {
		*fault = p + 1;
		p = scan_port(p + 1, end, &uri->port);
		if (!p)
			return NULL;
	}
	return parse_params_and_headers(scanner, p, uri, fault);
}

static bool is_phone_digit(char c, bool global)
{
	return scan_is_digit(c) || (!global && (scan_hex(c) >= 0 || c == '*' || c == '#'));
}

static bool is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

static const char *parse_tel(struct scanner *scanner, const char *p, struct sip_uri *uri, const char **fault)
{
	const char *from = p, *end = scanner->end;
	bool global = p < end && *p == '+', digits = false;

	for (p += global; p < end && (is_phone_digit(*p, global) || is_separator(*p)); p++)
		digits |= !is_separator(*p);
	*fault = p;
	if (!digits)
		return NULL;
	uri->user = scan_slice(from, p);
	uri->has_user = true;
	return parse_params_and_headers(scanner, p, uri, fault);
}

static const char *parse_opaque(struct scanner *scanner, const char *p, const char **fault)
{
	const char *from = p;

	*fault = p;
	p = scan_escaped(scanner, p, SCAN_URIC, fault);
	return p && p > from ? p : NULL;
}

const char *sip_uri_scan(struct scanner *scanner, const char *p, char close, struct sip_uri *uri, const char **fault)
{
	const char *from = p;

	/* One by one: clearing the whole first takes longer than all that follows. */
	slice_clear(&uri->user);
	slice_clear(&uri->password);
	slice_clear(&uri->host);
	slice_clear(&uri->params);
	slice_clear(&uri->headers);
	uri->has_user = false;
	uri->port = 0;
	uri->scheme = SIP_SCHEME_OTHER;
	*fault = p;
	p = parse_scheme(p, scanner->end, uri);
	if (!p)
		return NULL;
	if (uri->scheme == SIP_SCHEME_TEL)
		p = parse_tel(scanner, p, uri, fault);
	else if (uri->scheme == SIP_SCHEME_OTHER)
		p = parse_opaque(scanner, p, fault);
	else
		p = parse_sip(scanner, p, close, uri, fault);
	uri->text = scan_slice(from, p ? p : from);
	return p;
}

bool sip_uri_parse(struct slice text, struct sip_uri *uri, size_t *offset)
{
	const char *fault = text.p, *p = NULL;
	struct scanner scanner;

	/* An empty slice may have no address, and then must not be reckoned with. */
	if (!text.n) {
		*uri = (struct sip_uri){ 0 };
		if (offset)
			*offset = 0;
		return false;
	}
	scan_begin(&scanner, text.p, text.p + text.n);
	p = sip_uri_scan(&scanner, text.p, '@', uri, &fault);
	if (p && p == text.p + text.n)
		return true;
	if (offset)
		*offset = (size_t)((p ? p : fault) - text.p);
	return false;
}

bool sip_uri_param(const struct sip_uri *uri, struct slice name, struct slice *value)
{
	return sip_params_find(uri->params, name, value);
}

/* Comparison (19.1.4). */

/*
 * The next character for comparison. An escape equals the character itself, except that an escaped reserved
 * character is not the bare one (RFC 2396 2.2). @return the character, or 256 + character; -1 at the end
 */
static int next_char(struct slice *s)
{
	if (!s->n)
		return -1;
	unsigned char c = (unsigned char)s->p[0];
	if (c != '%' || s->n < 3 || scan_hex(s->p[1]) < 0 || scan_hex(s->p[2]) < 0) {
		*s = slice_from(*s, 1);
		return c;
	}
	int decoded = scan_hex(s->p[1]) * 16 + scan_hex(s->p[2]);
	*s = slice_from(*s, 3);
	return decoded && strchr(";/?:@&=+$,", decoded) ? 256 + decoded : decoded;
}

static int fold_case(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool escaped_eq(struct slice a, struct slice b, bool ignore_case)
{
	for (;;) {
		int ca = next_char(&a), cb = next_char(&b);
		if (ca != cb && !(ignore_case && fold_case(ca) == fold_case(cb)))
			return false;
		if (ca < 0)
			return true;
	}
}

static bool hosts_eq(struct slice a, struct slice b)
{
	struct address one, other;

	if (slice_ieq(a, b))
		return true;
	/* IPv6 references are compared as addresses, not as text (RFC 5954 4.2). */
	return a.n && a.p[0] == '[' && address_parse_host(&one, a, 0) && address_parse_host(&other, b, 0) &&
	       address_eq(&one, &other);
}

static size_t count_of(struct slice s, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += s.p[i] == c;
	return count;
}

/* The parameter of the same name, where names may have escapes. */
static bool find_param(struct slice params, struct slice name, struct sip_param *found)
{
	while (sip_params_next(&params, found))
		if (escaped_eq(found->name, name, true))
			return true;
	return false;
}

/* Parameters that count even when only one of the URIs has them. */
static bool always_counts(struct slice name)
{
	static const struct slice names[] = {
		SLICE_INIT("user"),  SLICE_INIT("ttl"),       SLICE_INIT("method"),
		SLICE_INIT("maddr"), SLICE_INIT("transport"),
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (escaped_eq(names[i], name, true))
			return true;
	return false;
}

/* Does every parameter of `a` agree with `b`? `all` makes each of them count, as in tel URIs. */
static bool params_agree(struct slice a, struct slice b, bool all)
{
	struct sip_param mine, theirs;

	while (sip_params_next(&a, &mine)) {
		if (find_param(b, mine.name, &theirs)) {
			if (!escaped_eq(mine.value, theirs.value, true))
				return false;
		} else if (all || always_counts(mine.name)) {
			return false;
		}
	}
	return true;
}

static bool params_eq(struct slice a, struct slice b, bool all)
{
	if (slice_eq(a, b))
		return true;
	/* Comparing is quadratic: a URI that is made to be slow is equal only to itself. */
	if (count_of(a, ';') > COMPARE_MAX || count_of(b, ';') > COMPARE_MAX)
		return false;
	return params_agree(a, b, all) && params_agree(b, a, all);
}

/* How often does "name=value" stand in the headers? */
static size_t count_header(struct slice headers, struct slice name, struct slice value)
{
	size_t count = 0;

	while (headers.n) {
		struct slice rest = slice_cut(&headers, '&');
		struct slice other = slice_cut(&rest, '=');
		count += escaped_eq(name, other, true) && escaped_eq(value, rest, false);
	}
	return count;
}

static bool headers_eq(struct slice a, struct slice b)
{
	size_t count = count_of(a, '&');

	if (slice_eq(a, b))
		return true;
	if (!a.n || !b.n || count != count_of(b, '&') || count > COMPARE_MAX)
		return false;
	for (struct slice rest = a; rest.n;) {
		struct slice value = slice_cut(&rest, '&');
		struct slice name = slice_cut(&value, '=');
		if (count_header(a, name, value) != count_header(b, name, value))
			return false;
	}
	return true;
}

/* Numbers without their visual separators (RFC 3966 4). */
static bool numbers_eq(struct slice a, struct slice b)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a.n && is_separator(a.p[i]))
			i++;
		while (j < b.n && is_separator(b.p[j]))
			j++;
		if (i == a.n || j == b.n)
			return i == a.n && j == b.n;
		if (fold_case(a.p[i++]) != fold_case(b.p[j++]))
			return false;
	}
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme == SIP_SCHEME_OTHER)
		return slice_ieq(a->scheme_name, b->scheme_name) &&
		       slice_eq(slice_from(a->text, a->scheme_name.n), slice_from(b->text, b->scheme_name.n));
	if (a->scheme == SIP_SCHEME_TEL)
		return numbers_eq(a->user, b->user) && params_eq(a->params, b->params, true);
	return a->has_user == b->has_user && escaped_eq(a->user, b->user, false) &&
	       !a->password.p == !b->password.p && escaped_eq(a->password, b->password, false) &&
	       hosts_eq(a->host, b->host) && a->port == b->port && params_eq(a->params, b->params, false) &&
	       headers_eq(a->headers, b->headers);
}

/* Escapes. */

struct slice sip_uri_hop_host(const struct sip_uri *uri)
{
	struct slice host;

	if (!sip_uri_param(uri, SLICE("maddr"), &host) || !host.n)
		host = uri->host;
	return host.n > 2 && host.p[0] == '[' ? slice_sub(host, 1, host.n - 2) : host;
}

struct slice sip_unescape(struct arena *arena, struct slice text)
{
	if (slice_find(text, '%') == text.n)
		return text;
	char *out = arena_alloc(arena, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		bool escape = text.p[i] == '%' && text.n - i >= 3 && scan_hex(text.p[i + 1]) >= 0 &&
			      scan_hex(text.p[i + 2]) >= 0;
		out[n++] = escape ? (char)(scan_hex(text.p[i + 1]) * 16 + scan_hex(text.p[i + 2])) : text.p[i];
		i += escape ? 2 : 0;
	}
	return slice_make(out, n);
}

void sip_escape_user(struct buf *to, struct slice user)
{
	for (size_t i = 0; i < user.n; i++) {
		if (scan_is(user.p[i], SCAN_USER))
			buf_add_char(to, user.p[i]);
		else
			buf_printf(to, "%%%02X", (unsigned)(unsigned char)user.p[i]);
	}
}

void sip_uri_print_request(struct buf *to, const struct sip_uri *uri)
{
	if (uri->scheme == SIP_SCHEME_OTHER || uri->scheme == SIP_SCHEME_TEL) {
		buf_add(to, uri->text);
		return;
	}
	/* Everything before the parameters stands as it was; without any, before the headers. */
	const char *stop = uri->text.p + uri->text.n - (uri->headers.p ? uri->headers.n + 1 : 0);
	buf_add(to, scan_slice(uri->text.p, stop - uri->params.n));
	struct slice rest = uri->params;
	struct sip_param param;
	while (sip_params_next(&rest, &param)) {
		if (slice_ieq(param.name, SLICE("method")))
			continue;
		buf_add_char(to, ';');
		buf_add(to, param.name);
		if (param.has_value) {
			buf_add_char(to, '=');
			buf_add(to, param.value);
		}
	}
}
