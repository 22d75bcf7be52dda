/* Contacts as vCards: RFC 6350 (4.0) is written; that and what older programs wrote (3.0, 2.1) is read. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, ADDRESSES_MAX = CONTACT_ADDRESSES_MAX, NAME_BYTES = 256 };

struct card_address {
	char *value, *kind; /* kind: NULL: not told */
	unsigned preference;
};

struct card {
	bool inside;
	char *name;
	struct card_address addresses[ADDRESSES_MAX];
	size_t count;
};

static void card_clear(struct card *card)
{
	free(card->name);
	for (size_t i = 0; i < card->count; i++) {
		free(card->addresses[i].value);
		free(card->addresses[i].kind);
	}
	*card = (struct card){ 0 };
}

/* ---- reading ---- */

/* RFC 6350 3.2: a line that begins with a blank goes on where the last one ended. */
static bool next_line(struct slice *rest, struct buf *line)
{
	buf_clear(line);
	if (!rest->n)
		return false;
	do {
		struct slice part = slice_cut(rest, '\n');
		if (part.n && part.p[part.n - 1] == '\r')
			part.n--;
		buf_add(line, line->n ? slice_from(part, 1) : part);
	} while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t'));
	return true;
}

/* RFC 6350 3.4; line feeds and tabs become blanks, other control characters are cleaned as everywhere. */
static char *unescaped(struct slice value)
{
	struct buf text, clean;

	buf_init(&text, LINE_BYTES);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\\' && i + 1 < value.n)
			c = value.p[++i] == 'n' || value.p[i] == 'N' ? ' ' : value.p[i];
		buf_add_char(&text, (unsigned char)c < ' ' ? ' ' : c);
	}
	buf_init(&clean, 4 * LINE_BYTES);
	utf8_clean(&clean, buf_slice(&text), false);
	buf_fini(&text);
	return buf_take(&clean);
}

/* "work.IMPP;PREF=1" -> "IMPP" */
static struct slice property_of(struct slice head)
{
	struct slice name = slice_cut(&head, ';');
	size_t dot = slice_find(name, '.');

	return dot < name.n ? slice_from(name, dot + 1) : name;
}

/* Where the value begins: the first colon outside of quotes. */
static size_t value_at(struct slice line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (line.p[i] == ':' && !quoted)
			return i;
	}
	return line.n;
}

/* Of the words of TYPE (RFC 6350, 5.6, 6.4.1) the first that says which address it is and not what it can. */
static void take_type(struct card_address *address, struct slice types)
{
	while (types.p) {
		struct slice type = slice_trim(slice_cut(&types, ','));
		if (slice_ieq(type, SLICE("pref"))) { /* as version 3 had it */
			address->preference = address->preference ? address->preference : 1;
			continue;
		}
		if (slice_ieq(type, SLICE("cell")))
			type = SLICE("mobile");
		if (slice_ibegins(type, SLICE("x-")))
			type = slice_from(type, 2);
		if (address->kind || slice_ieq(type, SLICE("voice")) || slice_ieq(type, SLICE("text")) ||
		    slice_ieq(type, SLICE("video")) || slice_ieq(type, SLICE("internet")) ||
		    !contact_kind_is_valid(type))
			continue;
		address->kind = slice_dup_lower(type);
	}
}

/* Cut at the next semicolon that stands outside of quotes. */
static struct slice next_parameter(struct slice *rest)
{
	bool quoted = false;
	size_t at = 0;

	for (; at < rest->n && (quoted || rest->p[at] != ';'); at++)
		quoted ^= rest->p[at] == '"';
	struct slice parameter = slice_sub(*rest, 0, at);
	*rest = at < rest->n ? slice_from(*rest, at + 1) : (struct slice){ 0 };
	return parameter;
}

/* ";TYPE="voice,home";PREF=1"; version 2.1 had the types bare: ";HOME". */
static void take_parameters(struct card_address *address, struct slice head)
{
	uint64_t number;

	next_parameter(&head);
	while (head.p) {
		struct slice value = next_parameter(&head), name = slice_cut(&value, '=');
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = slice_sub(value, 1, value.n - 2);
		if (!value.p)
			take_type(address, name);
		else if (slice_ieq(name, SLICE("TYPE")))
			take_type(address, value);
		else if (slice_ieq(name, SLICE("PREF")) && slice_to_u64(value, CONTACT_PREFERENCE_MAX, &number))
			address->preference = (unsigned)number;
	}
}

static void add_address(struct card *card, struct slice head, struct slice property, char *value)
{
	bool sip = slice_ibegins(slice_of(value), SLICE("sip:")) || slice_ibegins(slice_of(value), SLICE("sips:"));
	bool tel = slice_ieq(property, SLICE("TEL"));
	/* Older programs write the bare address behind X-SIP. */
	bool bare = slice_ieq(property, SLICE("X-SIP")) && strchr(value, '@');

	if (card->count < ADDRESSES_MAX && *value && (sip || tel || bare)) {
		struct card_address *address = &card->addresses[card->count++];
		*address = (struct card_address){ .value = value };
		take_parameters(address, head);
	} else {
		free(value);
	}
}

static bool line_of(struct card *card, struct slice line)
{
	size_t colon = value_at(line);
	struct slice property = property_of(slice_sub(line, 0, colon));
	struct slice value = colon < line.n ? slice_from(line, colon + 1) : (struct slice){ 0 };

	if (slice_ieq(property, SLICE("BEGIN"))) {
		card_clear(card);
		card->inside = true;
	} else if (slice_ieq(property, SLICE("END"))) {
		return card->inside;
	} else if (card->inside && slice_ieq(property, SLICE("FN")) && !card->name) {
		card->name = unescaped(value);
	} else if (card->inside && (slice_ieq(property, SLICE("IMPP")) || slice_ieq(property, SLICE("TEL")) ||
				    slice_ieq(property, SLICE("X-SIP")))) {
		add_address(card, slice_sub(line, 0, colon), property, unescaped(value));
	}
	return false;
}

static bool take_card(struct phone *phone, const struct card *card)
{
	struct slice name = card->name ? slice_trim(slice_of(card->name)) : (struct slice){ 0 };
	size_t taken = 0;

	for (size_t i = 0; i < card->count && name.n; i++) {
		const struct card_address *address = &card->addresses[i];
		struct address_traits traits = { slice_of(address->kind ? address->kind : ""), address->preference };
		struct failure failure;
		taken += contact_put(phone, slice_sub(name, 0, NAME_BYTES), slice_of(address->value), traits,
				     &failure);
	}
	return taken > 0;
}

bool phone_contacts_import(struct phone *phone, const char *path, size_t *taken, size_t *left, struct failure *failure)
{
	struct card card = { 0 };
	struct buf text, line;

	*taken = *left = 0;
	buf_init(&text, FILE_TEXT_MAX);
	buf_init(&line, LINE_BYTES);
	enum err err = read_file(path, &text);
	if (!err && !text.n)
		err = ERR_NOT_FOUND;
	struct slice rest = buf_slice(&text);
	while (!err && next_line(&rest, &line)) {
		if (!line_of(&card, buf_slice(&line)))
			continue;
		bool good = take_card(phone, &card);
		*taken += good;
		*left += !good;
		card_clear(&card);
	}
	card_clear(&card);
	buf_fini(&line);
	buf_fini(&text);
	if (err)
		return fail(failure, STATUS_SOUND, err_name(err), "%s cannot be read: %s", path,
			    err == ERR_UNSUPPORTED ? "it is no file" :
			    err == ERR_NOT_FOUND   ? "there is no such file" :
						     err_text(err));
	if (!*taken && !*left)
		return fail(failure, STATUS_USAGE, "syntax", "%s has no vCard in it: BEGIN:VCARD ... END:VCARD", path);
	return contacts_save(phone, failure);
}

/* ---- writing ---- */

/* Escaped, and folded after at most 75 bytes, never within a character (RFC 6350 3.2, 3.4). */
static void add_line(struct buf *out, const char *property, const char *value)
{
	size_t column = strlen(property);

	buf_printf(out, "%s", property);
	for (const char *c = value; *c; c++) {
		bool begins = ((unsigned char)*c & 0xc0) != 0x80;
		if (column >= 70 && begins) {
			buf_printf(out, "\r\n ");
			column = 1;
		}
		if (strchr("\\,;", *c)) {
			buf_add_char(out, '\\');
			column++;
		}
		buf_add_char(out, *c);
		column++;
	}
	buf_printf(out, "\r\n");
}

struct writing {
	struct phone *phone;
	struct buf text;
	size_t cards;
};

/* "TEL;VALUE=uri;TYPE=home;PREF=1:"; what is no kind of RFC 6350 begins with x-. */
static void add_head(const char *property, const struct contact_address *address, struct buf *head)
{
	const char *kind = address->kind;

	buf_printf(head, "%s", property);
	if (!strcmp(kind, "mobile"))
		buf_printf(head, ";TYPE=cell");
	else if (*kind)
		buf_printf(head, ";TYPE=%s%s",
			   !strcmp(kind, "home") || !strcmp(kind, "work") || !strcmp(kind, "fax") ? "" : "x-", kind);
	if (address->preference)
		buf_printf(head, ";PREF=%u", address->preference);
	buf_add_char(head, ':');
}

static void write_address(struct writing *writing, const struct contact_address *address)
{
	struct failure failure;
	struct target read = { 0 };
	struct contact_found found;
	/* What is somebody's name is written as it stands: it is theirs to change. */
	bool good = !contacts_find(writing->phone->contacts, slice_of(address->target), &found) &&
		    target_read(writing->phone, slice_of(address->target), writing->phone->default_account, &read,
				&failure);
	/* Escapes may make it longer than an address may be: then it could not be read again. */
	bool whole = good && *read.uri && strlen(read.uri) <= CONTACT_TEXT_MAX;
	const char *uri = whole ? read.uri : address->target;
	bool tel = !whole || !strchr(uri, ':') || slice_ibegins(slice_of(uri), SLICE("tel:"));
	struct buf head;

	buf_init(&head, 256);
	add_head(!tel ? "IMPP" : strchr(uri, ':') ? "TEL;VALUE=uri" : "TEL;VALUE=text", address, &head);
	add_line(&writing->text, buf_text(&head), uri);
	buf_fini(&head);
	target_fini(&read);
}

static void write_contact(void *arg, const struct contact_view *contact)
{
	struct writing *writing = arg;

	buf_printf(&writing->text, "BEGIN:VCARD\r\nVERSION:4.0\r\n");
	add_line(&writing->text, "FN:", contact->name);
	for (size_t i = 0; i < contact->count; i++)
		write_address(writing, &contact->addresses[i]);
	buf_printf(&writing->text, "END:VCARD\r\n");
	writing->cards++;
}

bool phone_contacts_export(struct phone *phone, const char *path, size_t *count, struct failure *failure)
{
	struct writing writing = { .phone = phone };
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xasprintf("%.*s", (int)(slash - path) + 1, path) : xstrdup(".");

	if (access(dir, F_OK) && errno == ENOENT) {
		fail(failure, STATUS_SOUND, "missing", "%s cannot be written: there is no folder %s", path, dir);
		free(dir);
		return false;
	}
	buf_init(&writing.text, FILE_TEXT_MAX);
	phone_contacts(phone, write_contact, &writing);
	*count = writing.cards;
	enum err err = writing.text.full ? ERR_TOO_BIG
					 : write_file(dir, slash ? slash + 1 : path, buf_slice(&writing.text));
	buf_fini(&writing.text);
	free(dir);
	return !err || fail(failure, STATUS_SOUND, err_name(err), "%s cannot be written: %s", path, err_text(err));
}
