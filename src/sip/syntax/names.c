#include "sip/syntax/names.h"

/* Methods. */

static const struct slice method_names[SIP_METHODS] = {
	[SIP_METHOD_OTHER] = SLICE_INIT(""),
#define METHOD(ident, text) [SIP_##ident] = SLICE_INIT(text),
#include "sip/syntax/method.def"
#undef METHOD
};

static enum sip_method method_if(struct slice name, enum sip_method method)
{
	return slice_eq(name, method_names[method]) ? method : SIP_METHOD_OTHER;
}

/* One comparison at most: first letter, and for P, R and S what tells them apart. */
enum sip_method sip_method_find(struct slice name)
{
	if (name.n < 3)
		return SIP_METHOD_OTHER;
	switch (name.p[0]) {
	case 'A': return method_if(name, SIP_ACK);
	case 'B': return method_if(name, SIP_BYE);
	case 'C': return method_if(name, SIP_CANCEL);
	case 'I': return method_if(name, name.p[2] == 'F' ? SIP_INFO : SIP_INVITE);
	case 'M': return method_if(name, SIP_MESSAGE);
	case 'N': return method_if(name, SIP_NOTIFY);
	case 'O': return method_if(name, SIP_OPTIONS);
	case 'P': return method_if(name, name.p[1] == 'R' ? SIP_PRACK : SIP_PUBLISH);
	case 'R': return method_if(name, name.p[2] == 'G' ? SIP_REGISTER : SIP_REFER);
	case 'S': return method_if(name, SIP_SUBSCRIBE);
	case 'U': return method_if(name, SIP_UPDATE);
	default: return SIP_METHOD_OTHER;
	}
}

struct slice sip_method_name(enum sip_method method)
{
	return (unsigned)method < SIP_METHODS ? method_names[method] : method_names[SIP_METHOD_OTHER];
}

/* Header fields. */

static const struct header_row {
	const char *where;
	uint8_t form, type;
} header_rows[SIP_HEADERS] = {
	[SIP_HEADER_OTHER] = { "", SIP_FORM_SINGLE, SIP_VALUE_TEXT },
#define HEADER(ident, name, compact, key, form, type, where) \
	[SIP_HEADER_##ident] = { where, SIP_FORM_##form, SIP_VALUE_##type },
#include "sip/syntax/header.def"
#undef HEADER
};

#define NULS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
const struct slice sip_header_names[SIP_HEADERS] = {
	[SIP_HEADER_OTHER] = { NULS, 0 },
#define HEADER(ident, name, ...) [SIP_HEADER_##ident] = { name ":" NULS, sizeof(name) - 1 },
#include "sip/syntax/header.def"
#undef HEADER
};

/* A slot given twice is an overridden initialiser, which is a warning and so an error. */
const uint8_t sip_header_slots[SIP_HEADER_SLOTS] = {
#define KEY(length, first, middle, last) SIP_HEADER_HASH(length, first, middle, last)
#define HEADER(ident, name, compact, key, form, type, where) [key] = SIP_HEADER_##ident,
#include "sip/syntax/header.def"
#undef HEADER
#undef KEY
};
_Static_assert(SIP_HEADERS <= UINT8_MAX, "sip_header_slots holds bytes");

static const uint8_t header_letters[26] = {
#define HEADER(...)
#define COMPACT(letter, ident) [(letter) - 'a'] = SIP_HEADER_##ident,
#include "sip/syntax/header.def"
#undef HEADER
};

static enum sip_header_id find_compact(struct slice name)
{
	unsigned letter = name.n ? (unsigned char)name.p[0] | 0x20 : 0;

	return letter >= 'a' && letter <= 'z' ? (enum sip_header_id)header_letters[letter - 'a'] : SIP_HEADER_OTHER;
}

static enum sip_header_id if_equal_but_for_case(enum sip_header_id id, struct slice name)
{
	return slice_ieq(sip_header_names[id], name) ? id : SIP_HEADER_OTHER;
}

/* Nearly everybody writes names as the RFC does; what else there is stands apart, where it costs nothing. */
enum sip_header_id sip_header_find(struct slice name)
{
	if (name.n < 2)
		return find_compact(name);
	enum sip_header_id id = sip_header_slot(name.p, name.n);
	const struct slice *row = &sip_header_names[id];
	if (row->n != name.n)
		return SIP_HEADER_OTHER;
	return bytes_eq(row->p, name.p, name.n) ? id : if_equal_but_for_case(id, name);
}

static const struct header_row *header_row(enum sip_header_id id)
{
	return &header_rows[(unsigned)id < SIP_HEADERS ? id : SIP_HEADER_OTHER];
}

struct slice sip_header_name(enum sip_header_id id)
{
	return sip_header_names[(unsigned)id < SIP_HEADERS ? id : SIP_HEADER_OTHER];
}

bool sip_header_is_list(enum sip_header_id id)
{
	return header_row(id)->form == SIP_FORM_LIST;
}

enum sip_header_form sip_header_form(enum sip_header_id id)
{
	return (enum sip_header_form)header_row(id)->form;
}

enum sip_value_type sip_header_type(enum sip_header_id id)
{
	return (enum sip_value_type)header_row(id)->type;
}

/* "415" or "18x" or "300-699" against a status. @return how particular the match is; 0 when it is none */
static int code_matches(struct slice code, unsigned status)
{
	uint32_t from, to;

	if (code.n == 7 && code.p[3] == '-')
		return slice_to_u32(slice_sub(code, 0, 3), &from) && slice_to_u32(slice_from(code, 4), &to) &&
				       status >= from && status <= to ? 3 : 0;
	if (code.n != 3 || (unsigned)(code.p[0] - '0') != status / 100)
		return 0;
	if (code.p[1] == 'x')
		return 3;
	if ((unsigned)(code.p[1] - '0') != status / 10 % 10)
		return 0;
	return code.p[2] == 'x' ? 4 : (unsigned)(code.p[2] - '0') == status % 10 ? 5 : 0;
}

/* A class of the where column, "R" or "2xx+18x", against a message. @return as code_matches */
static int class_matches(struct slice class, unsigned status)
{
	if (slice_eq(class, SLICE("*")))
		return 1;
	if (slice_eq(class, SLICE("R")))
		return status == 0 ? 2 : 0;
	if (slice_eq(class, SLICE("r")))
		return status != 0 ? 2 : 0;
	int best = 0;
	while (class.n && status) {
		int match = code_matches(slice_cut(&class, '+'), status);
		if (match > best)
			best = match;
	}
	return best;
}

char sip_header_presence(enum sip_header_id id, enum sip_method method, unsigned status)
{
	if (id == SIP_HEADER_OTHER || method == SIP_METHOD_OTHER)
		return 'o';
	struct slice rest = slice_of(header_row(id)->where);
	char presence = '-';
	int best = 0;

	while (rest.n) {
		struct slice class = slice_cut(&rest, ' ');
		struct slice cells = slice_cut(&rest, ' ');
		int match = class_matches(class, status);
		if (match > best) {
			best = match;
			presence = cells.p[method - 1];
		}
	}
	return presence;
}

/* Status codes. */

static const struct status_row {
	unsigned code;
	struct slice phrase;
	const char *sentence;
} status_rows[] = {
#define STATUS(code, phrase, sentence) { code, SLICE_INIT(phrase), sentence },
#include "sip/syntax/status.def"
#undef STATUS
};

/* The rows stand in order. */
static const struct status_row *status_row(unsigned status)
{
	size_t low = 0, high = ARRAY_LEN(status_rows);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (status_rows[middle].code == status)
			return &status_rows[middle];
		if (status_rows[middle].code < status)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct status_row *status_row_or_class(unsigned status)
{
	const struct status_row *row = status_row(status);

	/* An unknown code is treated as the x00 of its class (8.1.3.2); 1xx as 183. */
	if (!row)
		row = status_row(status / 100 == 1 ? 183 : status / 100 * 100);
	return row ? row : status_row(500);
}

struct slice sip_status_phrase(unsigned status)
{
	return status_row_or_class(status)->phrase;
}

const char *sip_status_sentence(unsigned status)
{
	return status_row_or_class(status)->sentence;
}

bool sip_status_known(unsigned status)
{
	return status_row(status) != NULL;
}
