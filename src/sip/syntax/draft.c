#include "sip/syntax/draft.h"

#include "base/xmalloc.h"
#include "sip/syntax/typed.h"

#include <assert.h>

enum { USUAL_VIA = 108 }; /* bytes of a Via line of UDP with a whole IPv6 address, a port and a branch of ours */

struct line {
	enum sip_header_id id;
	struct slice name, value;
};

/* Texts live in the arena; what was replaced stays there until the draft is freed. */
struct sip_draft {
	struct arena arena;
	bool is_request;
	struct slice method, request_uri;
	unsigned status;
	struct slice reason;
	struct line *lines;
	size_t count, room;
	struct slice content_type, body;
};

/* Each of these writes at `to` and returns what stands behind. */

static char *put(char *to, struct slice s)
{
	if (s.n)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

/* Has any byte a value below 14, as CR, LF and NUL? Eight at a time. */
static bool has_controls(struct slice s)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t word, found = 0;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		found |= (word - ones * 14) & ~word;
	}
	for (; i < s.n; i++)
		found |= (unsigned char)s.p[i] < 14 ? 0x80 : 0;
	return (found & ones * 0x80) != 0;
}

/* CR, LF and NUL could begin a line of their own: they become blanks. */
static char *put_clean(char *to, struct slice s)
{
	if (!has_controls(s))
		return put(to, s);
	for (size_t i = 0; i < s.n; i++)
		*to++ = s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0' ? ' ' : s.p[i];
	return to;
}

static struct slice clean_copy(struct arena *arena, struct slice s)
{
	char *p = arena_take(arena, s.n + 1);

	*put_clean(p, s) = '\0';
	return slice_make(p, s.n);
}

static struct sip_draft *new_draft(bool is_request)
{
	struct sip_draft *draft = xcalloc(1, sizeof *draft);

	arena_init(&draft->arena);
	draft->is_request = is_request;
	return draft;
}

static struct line *new_line(struct sip_draft *draft, enum sip_header_id id, struct slice name)
{
	if (draft->count == draft->room) {
		draft->room = draft->room ? draft->room * 2 : 16;
		draft->lines = xrealloc(draft->lines, draft->room * sizeof *draft->lines);
	}
	struct line *line = &draft->lines[draft->count++];
	*line = (struct line){ .id = id, .name = name };
	return line;
}

struct sip_draft *sip_draft_request(struct slice method, struct slice request_uri)
{
	struct sip_draft *draft = new_draft(true);

	assert(scan_is_token(method) && request_uri.n);
	draft->method = clean_copy(&draft->arena, method);
	draft->request_uri = clean_copy(&draft->arena, request_uri);
	return draft;
}

/* To with our tag (8.2.6.2); a To that cannot be read is given back as it came. */
static void add_to(struct sip_draft *draft, const struct sip_message *request, struct slice to_tag)
{
	const struct sip_address *to = sip_message_to(request);

	if (!sip_message_header(request, SIP_HEADER_TO, 0))
		return;
	struct slice value = sip_message_value(request, SIP_HEADER_TO);
	if (!to || to->tag.n || !to_tag.n || draft->status == 100) {
		sip_draft_add_slice(draft, SIP_HEADER_TO, value);
		return;
	}
	/* Not by printf: a quoted string may hold a NUL. */
	struct buf buf;
	buf_init(&buf, value.n + to_tag.n + 8);
	buf_add(&buf, value);
	buf_add(&buf, SLICE(";tag="));
	buf_add(&buf, to_tag);
	sip_draft_add_slice(draft, SIP_HEADER_TO, buf_slice(&buf));
	buf_fini(&buf);
}

static void copy_first(struct sip_draft *draft, const struct sip_message *from, enum sip_header_id id)
{
	const struct sip_header *header = sip_message_header(from, id, 0);

	if (header)
		sip_draft_add_slice(draft, id, header->value);
}

struct sip_draft *sip_draft_response(const struct sip_message *request, unsigned status, struct slice reason,
				     struct slice to_tag)
{
	struct sip_draft *draft = new_draft(false);

	assert(status >= 100 && status <= 699);
	draft->status = status;
	draft->reason = clean_copy(&draft->arena, reason.n ? reason : sip_status_phrase(status));
	sip_draft_copy_header(draft, request, SIP_HEADER_VIA);
	copy_first(draft, request, SIP_HEADER_FROM);
	add_to(draft, request, to_tag);
	copy_first(draft, request, SIP_HEADER_CALL_ID);
	copy_first(draft, request, SIP_HEADER_CSEQ);
	if (status == 100)
		copy_first(draft, request, SIP_HEADER_TIMESTAMP);
	return draft;
}

struct sip_draft *sip_draft_copy(const struct sip_draft *draft)
{
	struct sip_draft *copy = new_draft(draft->is_request);
	struct arena *arena = &copy->arena;

	copy->method = arena_copy(arena, draft->method);
	copy->request_uri = arena_copy(arena, draft->request_uri);
	copy->status = draft->status;
	copy->reason = arena_copy(arena, draft->reason);
	for (size_t i = 0; i < draft->count; i++) {
		const struct line *line = &draft->lines[i];
		struct line *added = new_line(copy, line->id, line->id ? line->name : arena_copy(arena, line->name));
		added->value = arena_copy(arena, line->value);
	}
	copy->content_type = arena_copy(arena, draft->content_type);
	copy->body = arena_copy(arena, draft->body);
	return copy;
}

void sip_draft_free(struct sip_draft *draft)
{
	if (!draft)
		return;
	arena_fini(&draft->arena);
	free(draft->lines);
	free(draft);
}

struct slice sip_draft_method(const struct sip_draft *draft)
{
	return draft->method;
}

struct slice sip_draft_request_uri(const struct sip_draft *draft)
{
	return draft->request_uri;
}

void sip_draft_set_request_uri(struct sip_draft *draft, struct slice request_uri)
{
	assert(draft->is_request && request_uri.n);
	draft->request_uri = clean_copy(&draft->arena, request_uri);
}

static struct slice formatted(struct sip_draft *draft, const char *format, va_list args)
{
	char *text = xvasprintf(format, args);
	struct slice value = clean_copy(&draft->arena, slice_of(text));

	free(text);
	return value;
}

void sip_draft_add(struct sip_draft *draft, enum sip_header_id id, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct slice value = formatted(draft, format, args);
	va_end(args);
	new_line(draft, id, sip_header_name(id))->value = value;
}

void sip_draft_add_slice(struct sip_draft *draft, enum sip_header_id id, struct slice value)
{
	struct slice copy = clean_copy(&draft->arena, value);

	new_line(draft, id, sip_header_name(id))->value = copy;
}

void sip_draft_add_named(struct sip_draft *draft, struct slice name, struct slice value)
{
	enum sip_header_id id = sip_header_find(name);

	assert(scan_is_token(name));
	if (id != SIP_HEADER_OTHER) {
		sip_draft_add_slice(draft, id, value);
		return;
	}
	struct slice copied = clean_copy(&draft->arena, value);
	new_line(draft, id, clean_copy(&draft->arena, name))->value = copied;
}

/* Remove all lines of this id from `from` on. */
static void remove_from(struct sip_draft *draft, size_t from, enum sip_header_id id)
{
	size_t kept = from;

	for (size_t i = from; i < draft->count; i++)
		if (draft->lines[i].id != id)
			draft->lines[kept++] = draft->lines[i];
	draft->count = kept < draft->count ? kept : draft->count;
}

void sip_draft_set(struct sip_draft *draft, enum sip_header_id id, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct slice value = formatted(draft, format, args);
	va_end(args);
	for (size_t i = 0; i < draft->count; i++) {
		if (draft->lines[i].id != id)
			continue;
		draft->lines[i].value = value;
		remove_from(draft, i + 1, id);
		return;
	}
	new_line(draft, id, sip_header_name(id))->value = value;
}

void sip_draft_remove(struct sip_draft *draft, enum sip_header_id id)
{
	remove_from(draft, 0, id);
}

struct slice sip_draft_value(const struct sip_draft *draft, enum sip_header_id id, size_t nth)
{
	for (size_t i = 0; i < draft->count; i++)
		if (draft->lines[i].id == id && nth-- == 0)
			return draft->lines[i].value;
	return (struct slice){ NULL, 0 };
}

void sip_draft_copy_header(struct sip_draft *draft, const struct sip_message *from, enum sip_header_id id)
{
	for (size_t i = 0; i < from->header_count; i++)
		if (from->headers[i].id == id)
			sip_draft_add_slice(draft, id, from->headers[i].value);
}

void sip_draft_body(struct sip_draft *draft, struct slice content_type, struct slice body)
{
	draft->content_type = clean_copy(&draft->arena, content_type);
	draft->body = arena_copy(&draft->arena, body);
}

struct slice sip_draft_content_type(const struct sip_draft *draft)
{
	return draft->content_type;
}

struct slice sip_draft_body_bytes(const struct sip_draft *draft)
{
	return draft->body;
}

/* Printing: the size first, then the bytes straight into the message's own memory. */

static char *put_line_end(char *to)
{
	to[0] = '\r';
	to[1] = '\n';
	return to + 2;
}

static char *put_name(char *to, struct slice name)
{
	to = put(to, name);
	to[0] = ':';
	to[1] = ' ';
	return to + 2;
}

static char *put_line(char *to, struct slice name, struct slice value)
{
	return put_line_end(put(put_name(to, name), value));
}

static size_t line_size(struct slice name, struct slice value)
{
	return name.n + value.n + 4;
}

static size_t digits_of(size_t number)
{
	size_t digits = 1;

	for (; number >= 10; number /= 10)
		digits++;
	return digits;
}

static char *put_number(char *to, size_t number)
{
	char *behind = to + digits_of(number), *digit = behind;

	do {
		*--digit = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return behind;
}

/* Content-Type and Content-Length are written from the body, whatever lines there are. */
static bool is_printed(const struct line *line, bool has_body)
{
	return line->id != SIP_HEADER_CONTENT_LENGTH && !(has_body && line->id == SIP_HEADER_CONTENT_TYPE);
}

static const struct slice version = SLICE_INIT("SIP/2.0"), via_name = SLICE_INIT("Via"),
			  type_name = SLICE_INIT("Content-Type"), length_name = SLICE_INIT("Content-Length");

/* Without a Via that finish() adds. */
static size_t printed_size(const struct sip_draft *draft)
{
	size_t size = version.n + 4;

	size += draft->is_request ? draft->method.n + draft->request_uri.n : 3 + draft->reason.n;
	for (size_t i = 0; i < draft->count; i++)
		if (is_printed(&draft->lines[i], draft->content_type.n > 0))
			size += line_size(draft->lines[i].name, draft->lines[i].value);
	if (draft->content_type.n)
		size += line_size(type_name, draft->content_type);
	return size + length_name.n + 4 + digits_of(draft->body.n) + 2 + draft->body.n;
}

static char *put_start_line(char *to, const struct sip_draft *draft)
{
	to = put(to, draft->is_request ? draft->method : version);
	*to++ = ' ';
	to = draft->is_request ? put(to, draft->request_uri) : put_number(to, draft->status);
	*to++ = ' ';
	return put_line_end(put(to, draft->is_request ? version : draft->reason));
}

struct finished {
	const struct sip_draft *draft;
	struct slice via;
};

static void write_finished(char *to, const void *what)
{
	const struct finished *finished = what;
	const struct sip_draft *draft = finished->draft;

	to = put_start_line(to, draft);
	if (finished->via.n)
		to = put_line_end(put_clean(put_name(to, via_name), finished->via));
	for (size_t i = 0; i < draft->count; i++)
		if (is_printed(&draft->lines[i], draft->content_type.n > 0))
			to = put_line(to, draft->lines[i].name, draft->lines[i].value);
	if (draft->content_type.n)
		to = put_line(to, type_name, draft->content_type);
	to = put_line_end(put_number(put_name(to, length_name), draft->body.n));
	put(put_line_end(to), draft->body);
}

struct sip_message *sip_draft_finish(const struct sip_draft *draft, struct slice via)
{
	struct finished finished = { draft, via };
	size_t size = printed_size(draft) + (via.n ? line_size(via_name, via) : 0);

	return sip_message_write(size, write_finished, &finished);
}

size_t sip_draft_size(const struct sip_draft *draft)
{
	return printed_size(draft) + (draft->is_request ? USUAL_VIA : 0);
}
