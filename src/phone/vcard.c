/* Contacts as vCards: RFC 6350 (4.0) is written; that and what older programs wrote (3.0, 2.1) is read. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <string.h>

enum { LINE_BYTES = 4096, ADDRESSES_MAX = 16, NAME_BYTES = 256 };

struct card {
	bool inside;
	char *name, *addresses[ADDRESSES_MAX];
	size_t count;
};

static void card_clear(struct card *card)
{
	free(card->name);
	for (size_t i = 0; i < card->count; i++)
		free(card->addresses[i]);
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

static void add_address(struct card *card, struct slice property, char *value)
{
	bool sip = slice_ibegins(slice_of(value), SLICE("sip:")) || slice_ibegins(slice_of(value), SLICE("sips:"));
	bool tel = slice_ieq(property, SLICE("TEL"));
	/* Older programs write the bare address behind X-SIP. */
	bool bare = slice_ieq(property, SLICE("X-SIP")) && strchr(value, '@');

	if (card->count < ADDRESSES_MAX && *value && (sip || tel || bare))
		card->addresses[card->count++] = value;
	else
		free(value);
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
		add_address(card, property, unescaped(value));
	}
	return false;
}

static bool take_card(struct phone *phone, const struct card *card)
{
	struct slice name = card->name ? slice_trim(slice_of(card->name)) : (struct slice){ 0 };
	size_t taken = 0;

	for (size_t i = 0; i < card->count && name.n; i++) {
		struct failure failure;
		char *full = taken ? xasprintf("%.*s %zu", SLICE_ARG(slice_sub(name, 0, NAME_BYTES)), taken + 1)
				   : slice_dup(slice_sub(name, 0, NAME_BYTES));
		taken += contact_put(phone, slice_of(full), slice_of(card->addresses[i]), &failure);
		free(full);
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
			    err == ERR_UNSUPPORTED ? "it is no file" : err_text(err));
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
	char *name; /* of the card that is open */
	size_t addresses, cards;
};

/* Is `name` "Bob 2" while "Bob" with one address less is open? */
static bool goes_on(const struct writing *writing, const char *name)
{
	if (!writing->name)
		return false;
	char *next = xasprintf("%s %zu", writing->name, writing->addresses + 1);
	bool same = !strcmp(next, name);
	free(next);
	return same;
}

static void add_contact(void *arg, const char *name, const char *target)
{
	struct writing *writing = arg;
	struct failure failure;
	struct target read = { 0 };
	bool good = target_read(writing->phone, slice_of(target), writing->phone->default_account, &read, &failure);
	const char *uri = good && *read.uri ? read.uri : target;
	bool tel = !good || !strchr(uri, ':') || slice_ibegins(slice_of(uri), SLICE("tel:"));

	if (!goes_on(writing, name)) {
		if (writing->name)
			buf_printf(&writing->text, "END:VCARD\r\n");
		buf_printf(&writing->text, "BEGIN:VCARD\r\nVERSION:4.0\r\n");
		add_line(&writing->text, "FN:", name);
		xreplace(&writing->name, name);
		writing->addresses = 0;
		writing->cards++;
	}
	writing->addresses++;
	add_line(&writing->text, !tel ? "IMPP:" : strchr(uri, ':') ? "TEL;VALUE=uri:" : "TEL;VALUE=text:", uri);
	target_fini(&read);
}

bool phone_contacts_export(struct phone *phone, const char *path, size_t *count, struct failure *failure)
{
	struct writing writing = { .phone = phone };
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xasprintf("%.*s", (int)(slash - path) + 1, path) : xstrdup(".");

	buf_init(&writing.text, FILE_TEXT_MAX);
	phone_contacts(phone, add_contact, &writing);
	if (writing.name)
		buf_printf(&writing.text, "END:VCARD\r\n");
	*count = writing.cards;
	enum err err = writing.text.full ? ERR_TOO_BIG
					 : write_file(dir, slash ? slash + 1 : path, buf_slice(&writing.text));
	buf_fini(&writing.text);
	free(writing.name);
	free(dir);
	return !err || fail(failure, STATUS_SOUND, err_name(err), "%s cannot be written: %s", path, err_text(err));
}
