/* Bodies of several parts (RFC 5621; RFC 2046 5.1). */
#include "sip/syntax/message.h"
#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"

#include <string.h>

enum {
	DEPTH_MAX = 3,     /* multipart in multipart */
	PARTS_MAX = 32,    /* of one body */
	BOUNDARY_MAX = 70, /* RFC 2046 5.1.1 */
};

/* A part, or the whole message seen as one. */
struct part {
	struct slice type, encoding, transfer_encoding, disposition, body;
};

static bool is_plain(const struct part *part)
{
	struct slice coding = slice_trim(part->encoding), transfer = slice_trim(part->transfer_encoding);

	return (!coding.n || slice_ieq(coding, SLICE("identity"))) &&
	       (!transfer.n || slice_ieq(transfer, SLICE("binary")) || slice_ieq(transfer, SLICE("8bit")) ||
		slice_ieq(transfer, SLICE("7bit")));
}

/* One line without its end. @return false: there is none */
static bool next_line(struct slice *rest, struct slice *line)
{
	if (!rest->n)
		return false;
	*line = slice_cut(rest, '\n');
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* The header lines of a part, and behind the empty line its body. */
static void read_part(struct slice text, struct part *part)
{
	struct slice line;

	*part = (struct part){ 0 };
	while (next_line(&text, &line) && line.n) {
		struct slice value = line, name = slice_trim(slice_cut(&value, ':'));
		if (slice_ieq(name, SLICE("Content-Type")) || slice_ieq(name, SLICE("c")))
			part->type = slice_trim(value);
		else if (slice_ieq(name, SLICE("Content-Encoding")) || slice_ieq(name, SLICE("e")))
			part->encoding = slice_trim(value);
		else if (slice_ieq(name, SLICE("Content-Transfer-Encoding")))
			part->transfer_encoding = slice_trim(value);
		else if (slice_ieq(name, SLICE("Content-Disposition")))
			part->disposition = slice_trim(value);
	}
	part->body = text.p ? text : slice_of("");
}

/* Is this line the delimiter, or the one that closes? */
static bool is_delimiter(struct slice line, struct slice boundary, bool *last)
{
	if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) != 0 ||
	    !slice_eq(slice_sub(line, 2, boundary.n), boundary))
		return false;
	struct slice rest = slice_from(line, 2 + boundary.n);
	*last = slice_begins(rest, SLICE("--"));
	return *last || !slice_trim(rest).n;
}

/* The next part of a multipart body; `rest` begins behind a delimiter line. */
static bool next_part(struct slice *rest, struct slice boundary, struct slice *text)
{
	struct slice at = *rest, line;
	bool last = false;

	if (!rest->n)
		return false;
	while (next_line(&at, &line)) {
		if (!is_delimiter(line, boundary, &last))
			continue;
		/* The line end before a delimiter belongs to it. */
		size_t n = (size_t)(line.p - rest->p);
		n -= n && rest->p[n - 1] == '\n';
		n -= n && rest->p[n - 1] == '\r';
		*text = slice_sub(*rest, 0, n);
		*rest = last || !at.p ? slice_of("") : at;
		return true;
	}
	/* Never closed: what is there is the part. */
	*text = *rest;
	*rest = slice_of("");
	return true;
}

static bool read_boundary(const struct sip_media_type *type, struct slice *boundary)
{
	if (!slice_ieq(type->type, SLICE("multipart")) ||
	    !sip_params_find(type->params, SLICE("boundary"), boundary))
		return false;
	if (boundary->n >= 2 && boundary->p[0] == '"')
		*boundary = slice_sub(*boundary, 1, boundary->n - 2);
	return boundary->n && boundary->n <= BOUNDARY_MAX;
}

/* What stands before the first delimiter is nothing. @return false: there is none */
static bool skip_preamble(struct slice *body, struct slice boundary)
{
	struct slice line;
	bool last = false;

	while (next_line(body, &line))
		if (is_delimiter(line, boundary, &last))
			return !last && body->p;
	return false;
}

struct wanted {
	const char *type, *subtype;
	struct slice found;
	bool refused; /* a part that must be understood and is not */
};

static bool is_handled_as(const struct part *part, struct slice how)
{
	struct sip_token_params disposition;
	struct slice handling;

	return sip_token_params_parse(part->disposition, &disposition) &&
	       sip_params_find(disposition.params, SLICE("handling"), &handling) && slice_ieq(handling, how);
}

static bool must_be_understood(const struct part *part)
{
	return is_handled_as(part, SLICE("required"));
}

static bool may_be_ignored(const struct part *part)
{
	return is_handled_as(part, SLICE("optional"));
}

/* A description of something else than this session, an icon's or an early session's, is no offer (20.11). */
static bool describes_session(const struct part *part, const struct wanted *wanted)
{
	struct sip_token_params disposition;

	return strcmp(wanted->subtype, "sdp") != 0 || !sip_token_params_parse(part->disposition, &disposition) ||
	       slice_ieq(disposition.token, SLICE("session"));
}

static void look(const struct part *part, struct wanted *wanted, int depth)
{
	struct sip_media_type type;
	struct slice boundary, rest = part->body, text;

	if (!is_plain(part) || !sip_media_type_parse(part->type, &type)) {
		wanted->refused |= depth && must_be_understood(part);
		return;
	}
	if (sip_media_type_is(&type, wanted->type, wanted->subtype)) {
		bool meant = describes_session(part, wanted);
		if (meant && !wanted->found.n)
			wanted->found = part->body;
		wanted->refused |= !meant && !may_be_ignored(part);
		return;
	}
	if (!read_boundary(&type, &boundary) || depth == DEPTH_MAX || !skip_preamble(&rest, boundary)) {
		wanted->refused |= depth && must_be_understood(part);
		return;
	}
	for (int i = 0; i < PARTS_MAX && next_part(&rest, boundary, &text); i++) {
		struct part inner;
		read_part(text, &inner);
		look(&inner, wanted, depth + 1);
	}
}

static struct wanted look_for(const struct sip_message *message, const char *type, const char *subtype)
{
	struct wanted wanted = { .type = type, .subtype = subtype };
	struct part whole = { .type = sip_message_value(message, SIP_HEADER_CONTENT_TYPE),
			      .disposition = sip_message_value(message, SIP_HEADER_CONTENT_DISPOSITION),
			      .body = message->body };
	struct sip_values values;
	struct slice coding;

	sip_values_begin(&values, message, SIP_HEADER_CONTENT_ENCODING);
	while (sip_values_next(&values, &coding))
		if (!slice_ieq(coding, SLICE("identity")))
			return wanted;
	if (message->body.n)
		look(&whole, &wanted, 0);
	return wanted;
}

struct slice sip_message_body(const struct sip_message *message, const char *type, const char *subtype)
{
	return look_for(message, type, subtype).found;
}

bool sip_message_has_body(const struct sip_message *message, const char *type, const char *subtype)
{
	return look_for(message, type, subtype).found.n > 0;
}

bool sip_message_has_strange_part(const struct sip_message *message, const char *type, const char *subtype)
{
	return look_for(message, type, subtype).refused;
}

bool sip_message_body_is_optional(const struct sip_message *message)
{
	return may_be_ignored(
		&(struct part){ .disposition = sip_message_value(message, SIP_HEADER_CONTENT_DISPOSITION) });
}

/* ---- what a sender takes ---- */

/* How particularly a range means this type; 0: not at all. */
static int how_well(const struct sip_media_type *range, const char *type, const char *subtype)
{
	return sip_media_type_is(range, type, subtype) ? 3
	       : sip_media_type_is(range, type, "*")   ? 2
						       : sip_media_type_is(range, "*", "*");
}

/* q=0, "0.", "0.000": this it does not want (RFC 3261 20.1; RFC 2616 3.9). */
static bool is_unwanted(const struct sip_media_type *range)
{
	struct slice q;

	if (!sip_params_find(range->params, SLICE("q"), &q) || !q.n)
		return false;
	for (size_t i = 0; i < q.n; i++)
		if (q.p[i] != '0' && q.p[i] != '.')
			return false;
	return true;
}

bool sip_message_accepts(const struct sip_message *request, const char *type, const char *subtype)
{
	struct sip_values values;
	struct slice value;
	int best = 0;
	bool accepted = false;

	if (!sip_message_header(request, SIP_HEADER_ACCEPT, 0))
		return true;
	sip_values_begin(&values, request, SIP_HEADER_ACCEPT);
	while (sip_values_next(&values, &value)) {
		struct sip_media_type range;
		int fit = sip_media_type_parse(value, &range) ? how_well(&range, type, subtype) : 0;
		if (fit <= best)
			continue;
		best = fit;
		accepted = !is_unwanted(&range);
	}
	return accepted;
}
