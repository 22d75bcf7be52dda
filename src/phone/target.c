/* Targets as people write, say and paste them -> a SIP URI. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

enum { TARGET_TEXT_MAX = 1024 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Marks that come along when a number is copied from a page: they are in no address. */
static bool is_invisible(uint32_t c)
{
	return c == 0xad || c == 0x61c || c == 0xfeff || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f);
}

static bool is_wide_blank(uint32_t c)
{
	return c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_wide_dash(uint32_t c)
{
	return (c >= 0x2010 && c <= 0x2015) || c == 0x2043 || c == 0x2212 || c == 0xfe58 || c == 0xfe63 || c == 0xff0d;
}

/* Copy without invisible marks; typographic blanks and dashes become plain ones. @return false: controls or malformed
 * text */
static bool normalize(struct slice text, struct buf *to)
{
	while (text.n) {
		uint32_t point;
		size_t n = utf8_decode(text, &point);
		if (!n || point < ' ' || (point >= 0x7f && point < 0xa0))
			return false;
		if (is_wide_blank(point))
			buf_add_char(to, ' ');
		else if (is_wide_dash(point))
			buf_add_char(to, '-');
		else if (!is_invisible(point))
			buf_add(to, slice_sub(text, 0, n));
		text = slice_from(text, n);
	}
	return !to->full;
}

/* ---- numbers ---- */

/*
 * Is it written as a number: digits, * and #, a + in front, and what people put between? Letters only as in
 * 1-800-FLOWERS, in capitals after a digit and beside a separator, so that `3com` and `r2d2` stay names.
 */
static bool looks_like_number(struct slice text)
{
	size_t digits = 0, letters = 0, separators = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (is_digit(c) || c == '*' || c == '#')
			digits++;
		else if (strchr(" .-/()[]", c))
			separators++;
		else if (c >= 'A' && c <= 'Z' && digits)
			letters++;
		else if (c == ',' ? !digits : c != '+' || digits)
			return false;
	}
	return digits && (!letters || separators);
}

/* "+49 (0)30 123-45,,4#" -> number "+493012345", digits ",,4#". */
static void clean_number(struct slice text, struct buf *number, struct buf *digits)
{
	bool plus = false;
	size_t comma = slice_find(text, ',');
	struct slice after = slice_from(text, comma);

	text = slice_sub(text, 0, comma);
	for (size_t i = 0; i < text.n; i++) {
		/* The trunk zero that is dialled only inside the country. */
		if (plus && slice_begins(slice_from(text, i), SLICE("(0)"))) {
			i += 2;
			continue;
		}
		plus |= text.p[i] == '+';
		if (!strchr(" .-/()[]", text.p[i]))
			buf_add_char(number, text.p[i]);
	}
	for (size_t i = 0; i < after.n; i++)
		if (is_digit(after.p[i]) || strchr("*#,", after.p[i]) || (after.p[i] >= 'A' && after.p[i] <= 'D'))
			buf_add_char(digits, after.p[i]);
}

/* A user as written -> its place in a URI. `plan`: numbers go through the dial plan of this account; NULL: as they
 * are. */
static void add_user(struct slice user, const struct account *plan, struct buf *uri, struct buf *digits)
{
	struct buf number, dialled;

	buf_init(&number, TARGET_TEXT_MAX);
	buf_init(&dialled, TARGET_TEXT_MAX);
	if (looks_like_number(user)) {
		clean_number(user, &number, digits);
		user = buf_slice(&number);
		if (plan) {
			dial_plan_apply(plan, user, &dialled);
			user = buf_slice(&dialled);
		}
	}
	sip_escape_user(uri, user);
	buf_fini(&number);
	buf_fini(&dialled);
}

/*
 * The parameters of a tel URI that belong to the number go with it into the user part, in the order of the alphabet
 * (RFC 3261 19.1.6); isub, ext and phone-context are those that matter (RFC 3966 3).
 */
static void add_tel_params(struct slice params, struct buf *uri)
{
	static const char *const kept[] = { "ext", "isub", "phone-context" };

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct slice rest = params;
		while (rest.p) {
			struct slice value = slice_cut(&rest, ';'), name = slice_cut(&value, '=');
			if (slice_ieq(name, slice_of(kept[i])) && value.n) {
				buf_printf(uri, ";%s=", kept[i]);
				sip_escape_user(uri, value);
			}
		}
	}
}

/*
 * "bob@biloxi.com,,4#" -> where what is sent after the answer begins; text.n: nowhere. No host and no parameter can
 * have a comma, so a tail of nothing but pauses and digits is none of theirs; numbers are read with theirs by
 * clean_number().
 */
static size_t find_digits(struct slice text)
{
	struct address host;
	size_t comma = text.n;

	while (comma && (strchr("0123456789*#,", text.p[comma - 1]) ||
			 (text.p[comma - 1] >= 'A' && text.p[comma - 1] <= 'D')))
		comma--;
	while (comma < text.n && text.p[comma] != ',')
		comma++;
	bool is_host = address_parse(&host, slice_sub(text, 0, comma), 0);
	return comma && (is_host || !looks_like_number(text)) ? comma : text.n;
}

/* ---- the forms ---- */

static bool no_domain(struct failure *failure, struct slice text)
{
	struct buf number;

	/* Addresses have no blanks: a name was meant. */
	if (memchr(text.p, ' ', text.n) && !looks_like_number(text))
		return fail(failure, STATUS_USAGE, "no-domain",
			    "'%.*s' is no address and nobody's name: `contact list` shows the names", SLICE_ARG(text));
	buf_init(&number, TARGET_TEXT_MAX);
	if (memchr(text.p, ' ', text.n))
		clean_number(text, &number, &number);
	else
		buf_add(&number, text);
	fail(failure, STATUS_USAGE, "no-domain",
	     "'%.*s' needs a domain: write %.*s@DOMAIN, or add an account whose domain serves", SLICE_ARG(text),
	     SLICE_ARG(buf_slice(&number)));
	buf_fini(&number);
	return false;
}

static bool no_address(struct failure *failure, struct slice text, size_t offset)
{
	struct slice rest = slice_from(text, offset);

	if (!rest.n)
		return fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no address: a host is missing at its end",
			    SLICE_ARG(text));
	return fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no address: '%.*s' cannot stand at character %zu",
		    SLICE_ARG(text), SLICE_ARG(rest), offset + 1);
}

static bool check_uri(struct slice text, struct failure *failure)
{
	struct sip_uri uri;
	struct slice transport;
	enum sip_protocol protocol;
	size_t offset = 0;

	if (!sip_uri_parse(text, &uri, &offset) || !uri.host.n)
		return no_address(failure, text, offset);
	if (!sip_uri_param(&uri, SLICE("transport"), &transport))
		return true;
	if (!sip_protocol_find(transport, &protocol))
		return fail(failure, STATUS_NETWORK, "no-transport",
			    "others are reached by transport=udp, tcp, tls, ws or wss, not by %.*s",
			    SLICE_ARG(transport));
	if (uri.scheme == SIP_SCHEME_SIPS && protocol == SIP_UDP)
		return fail(
			failure, STATUS_NETWORK, "no-transport",
			"sips: goes by TLS, never by transport=udp; write sip: for a call that may be read on the way");
	return true;
}

/* tel:+1-555-0100;phone-context=x at the account's domain (RFC 3261 19.1.6). */
static bool read_tel(struct slice number, const struct account *account, struct buf *uri, struct buf *digits,
		     struct failure *failure)
{
	struct slice params = number;

	number = slice_cut(&params, ';');
	if (!looks_like_number(number))
		return fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no telephone number", SLICE_ARG(number));
	if (!account)
		return no_domain(failure, number);
	buf_printf(uri, "%s:", account_scheme(account));
	add_user(number, account, uri, digits);
	if (params.p)
		add_tel_params(params, uri);
	buf_printf(uri, "@%s;user=phone", account->domain);
	return true;
}

/* A word with a colon that is no host:port must begin with a scheme. */
static bool has_scheme(struct slice text, struct slice *scheme)
{
	size_t colon = slice_find(text, ':');
	uint32_t port;

	*scheme = slice_sub(text, 0, colon);
	if (colon == text.n || !colon || !is_letter(text.p[0]) || slice_find(*scheme, '@') < scheme->n ||
	    slice_find(*scheme, ' ') < scheme->n || slice_find(*scheme, '.') < scheme->n)
		return false;
	return !slice_to_u32(slice_from(text, colon + 1), &port);
}

/* "dialog sip:a@b", "bob carol@b": a word too many, and no user with a blank in it. */
static bool has_address_behind(struct slice text)
{
	size_t blank = slice_find(text, ' ');
	struct slice behind = blank < text.n ? slice_trim(slice_from(text, blank + 1)) : (struct slice){ 0 }, scheme;

	return behind.n && has_scheme(behind, &scheme);
}

static bool read_uri(struct slice text, struct slice scheme, const struct account *account, struct buf *uri,
		     struct buf *digits, struct failure *failure)
{
	struct slice rest = slice_from(text, scheme.n + 1);

	if (slice_ieq(scheme, SLICE("tel")))
		return read_tel(rest, account, uri, digits, failure);
	if (!slice_ieq(scheme, SLICE("sip")) && !slice_ieq(scheme, SLICE("sips")))
		return fail(failure, STATUS_USAGE, "unsupported-scheme",
			    "'%.*s:' is an address that a SIP phone cannot call: use sip: or tel:", SLICE_ARG(scheme));
	/* "#" begins a fragment elsewhere; here it is a key of the telephone, and goes out as %23. */
	size_t at = slice_find(rest, '@');
	buf_printf(uri, "%s:", slice_ieq(scheme, SLICE("sip")) ? "sip" : "sips");
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] == '#' && i < at && at < rest.n)
			buf_add(uri, SLICE("%23"));
		else
			buf_add_char(uri, rest.p[i]);
	return true;
}

static bool read_host(struct slice text, struct buf *uri)
{
	struct address address;
	char host[ADDRESS_TEXT];
	struct slice name = text, port = { 0 };
	uint32_t number = 0;

	if (address_parse(&address, text, 0)) {
		buf_printf(uri, "sip:%s",
			   address_port(&address) ? address_print(&address, host)
						  : address_print_host(&address, true, host));
		return true;
	}
	size_t colon = slice_find(text, ':'), labels = 1;
	if (colon < text.n) {
		name = slice_sub(text, 0, colon);
		port = slice_from(text, colon + 1);
		if (!slice_to_u32(port, &number) || !number || number > 65535)
			return false;
	}
	for (size_t i = 0; i < name.n; i++) {
		if (!is_digit(name.p[i]) && !is_letter(name.p[i]) && name.p[i] != '-' && name.p[i] != '.')
			return false;
		labels += name.p[i] == '.' && i + 1 < name.n;
	}
	/* A host's last label begins with a letter (RFC 3261 25.1 toplabel); one label is a user, unless a port follows
	 * it. */
	size_t dot = slice_rfind(name, '.');
	char top = dot < name.n && dot + 1 < name.n ? name.p[dot + 1] : name.n ? name.p[0] : '0';
	if (!is_letter(top) || (labels < 2 && !port.p && !slice_ieq(name, SLICE("localhost"))))
		return false;
	buf_printf(uri, "sip:%.*s", SLICE_ARG(text));
	return true;
}

/* "192.0.2.4:99999": a host beyond doubt, with a port that is none. */
static bool has_bad_port(struct slice text)
{
	size_t colon = slice_rfind(text, ':');
	struct slice host = slice_sub(text, 0, colon), port = colon < text.n ? slice_from(text, colon + 1) : host;
	struct address literal;
	uint32_t number;

	if (colon == text.n || !port.n || slice_find(host, '.') == host.n || slice_find(text, '@') < text.n)
		return false;
	for (size_t i = 0; i < port.n; i++)
		if (!is_digit(port.p[i]))
			return false;
	bool is_host = address_parse_host(&literal, host, 0) || is_letter(host.p[host.n - 1]);
	return is_host && (!slice_to_u32(port, &number) || !number || number > 65535);
}

static bool read_plain(struct slice text, const struct account *account, struct buf *uri, struct buf *digits,
		       struct failure *failure)
{
	size_t at = slice_rfind(text, '@');
	struct address literal;
	struct slice scheme;

	/* Before the schemes: fe80::1 has colons too. */
	if (address_parse(&literal, text, 0) && read_host(text, uri))
		return true;
	if (has_scheme(text, &scheme))
		return read_uri(text, scheme, account, uri, digits, failure);
	if (at < text.n && !has_address_behind(text)) {
		struct slice user = slice_trim(slice_sub(text, 0, at)), host = slice_trim(slice_from(text, at + 1));
		if (!user.n || !host.n)
			return fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no address: write user@host",
				    SLICE_ARG(text));
		char printed[ADDRESS_TEXT];
		buf_printf(uri, "sip:");
		add_user(user, NULL, uri, digits);
		if (address_parse_host(&literal, host, 0) && address_is_v6(&literal))
			buf_printf(uri, "@%s", address_print_host(&literal, true, printed));
		else
			buf_printf(uri, "@%.*s", SLICE_ARG(host));
		return true;
	}
	if (read_host(text, uri))
		return true;
	if (has_bad_port(text))
		return fail(failure, STATUS_USAGE, "port", "'%.*s' has no port that can be: they go from 1 to 65535",
			    SLICE_ARG(text));
	if (has_address_behind(text))
		return fail(failure, STATUS_USAGE, "syntax",
			    "'%.*s' is more than one word: one address is wanted, and a name before it as in Bob "
			    "<sip:bob@biloxi.com>",
			    SLICE_ARG(text));
	if (!account)
		return no_domain(failure, text);
	if (slice_find(text, ' ') < text.n && !looks_like_number(text))
		return fail(failure, STATUS_USAGE, "no-such-contact",
			    "there is no contact '%.*s', and an address has no blanks", SLICE_ARG(text));
	buf_printf(uri, "%s:", account_scheme(account));
	add_user(text, account, uri, digits);
	buf_printf(uri, "@%s", account->domain);
	return true;
}

/* Bob <sip:bob@biloxi.com>;x=y -> the part within <>, the name before it. */
static bool split_name_addr(struct slice *text, struct slice *display)
{
	size_t open = slice_find(*text, '<');

	*display = (struct slice){ 0 };
	if (open == text->n)
		return true;
	struct slice inside = slice_from(*text, open + 1);
	size_t shut = slice_find(inside, '>');
	if (shut == inside.n)
		return false;
	*display = slice_trim(slice_sub(*text, 0, open));
	if (display->n >= 2 && display->p[0] == '"' && display->p[display->n - 1] == '"')
		*display = slice_sub(*display, 1, display->n - 2);
	*text = slice_trim(slice_sub(inside, 0, shut));
	return true;
}

static bool read_address(struct slice text, struct slice name, const struct account *account, struct target *target,
			 struct failure *failure)
{
	struct slice display, given = text;
	struct buf uri, digits, shown;

	if (!split_name_addr(&text, &display) || !text.n)
		return fail(failure, STATUS_USAGE, "syntax",
			    "'%.*s' is no address: a '>' or what stands inside is missing", SLICE_ARG(given));
	if (name.n)
		display = name;
	buf_init(&uri, TARGET_TEXT_MAX);
	buf_init(&digits, TARGET_TEXT_MAX);
	buf_init(&shown, 2 * TARGET_TEXT_MAX);
	bool good = read_plain(text, account, &uri, &digits, failure) && check_uri(buf_slice(&uri), failure);
	if (good) {
		if (display.n) {
			utf8_clean(&shown, display, false);
			buf_printf(&shown, " <%s>", buf_text(&uri));
		} else {
			buf_add(&shown, buf_slice(&uri));
		}
		*target = (struct target){ .uri = buf_take(&uri),
					   .digits = buf_take(&digits),
					   .shown = buf_take(&shown) };
	}
	buf_fini(&uri);
	buf_fini(&digits);
	buf_fini(&shown);
	return good;
}

/* "Bob/fax" where Bob has none: no user of that name at our domain is meant, and nobody else may be called for him. */
static bool lacks_place(const struct phone *phone, struct slice word, struct failure *failure)
{
	size_t slash = slice_rfind(word, '/');
	struct slice name = slice_trim(slice_sub(word, 0, slash));

	if (slash == word.n || slice_find(word, '@') < word.n || !contacts_named(phone->contacts, name))
		return false;
	fail(failure, STATUS_USAGE, "no-such-contact",
	     "%.*s has no address '%.*s': `contact list` shows which there are", SLICE_ARG(name),
	     SLICE_ARG(slice_trim(slice_from(word, slash + 1))));
	return true;
}

bool target_read(struct phone *phone, struct slice text, const struct account *account, struct target *target,
		 struct failure *failure)
{
	struct slice digits = { 0 };
	struct buf plain;
	bool good = false;

	*target = (struct target){ 0 };
	buf_init(&plain, TARGET_TEXT_MAX);
	text = slice_trim(text);
	if (!normalize(text, &plain)) {
		fail(failure, STATUS_USAGE, "syntax",
		     plain.full ? "the address is too long" : "the address holds control characters or is no UTF-8");
		goto out;
	}
	struct slice word = slice_trim(buf_slice(&plain));
	if (!word.n) {
		fail(failure, STATUS_USAGE, "syntax", "an address is missing: a contact, user@host, a number, or echo");
		goto out;
	}
	/* Names win over users. */
	struct contact_found kept;
	bool found = contacts_find(phone->contacts, word, &kept);
	if (!found && find_digits(word) < word.n) {
		digits = slice_from(word, find_digits(word));
		word = slice_trim(slice_sub(word, 0, find_digits(word)));
		found = contacts_find(phone->contacts, word, &kept);
	}
	if (found) {
		/* The name as it was given, not as it was typed. */
		good = read_address(slice_of(kept.target), slice_of(kept.name), account, target, failure);
	} else if (slice_ieq(word, SLICE("echo"))) {
		*target = (struct target){
			.uri = xstrdup(""), .shown = xstrdup("the echo test"), .digits = xstrdup(""), .is_echo = true
		};
		good = true;
	} else if (!lacks_place(phone, word, failure)) {
		good = read_address(word, (struct slice){ 0 }, account, target, failure);
	}
	if (good && digits.n) {
		char *all = xasprintf("%s%.*s", target->digits, SLICE_ARG(digits));
		xreplace(&target->digits, all);
		free(all);
	}
out:
	buf_fini(&plain);
	return good;
}

void target_fini(struct target *target)
{
	free(target->uri);
	free(target->shown);
	free(target->digits);
	*target = (struct target){ 0 };
}
