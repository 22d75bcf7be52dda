#include "sip/syntax/draft.h"

#include "base/xmalloc.h"
#include "sip/syntax/typed.h"

#include <assert.h>
#include <stdio.h>

enum { USUAL_VIA = 128 }; /* bytes of a Via line with an IPv6 address and a branch */

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

/* CR, LF and NUL could begin a line of their own: they become blanks. */
static struct slice clean_copy(struct arena *arena, struct slice s)
{
	char *p = arena_alloc(arena, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0' ? ' ' : s.p[i];
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

/* Printing. */

static void add_line(struct buf *to, struct slice name, struct slice value)
{
	buf_add(to, name);
	buf_add(to, SLICE(": "));
	buf_add(to, value);
	buf_add(to, SLICE("\r\n"));
}

/* Content-Type and Content-Length are written from the body, whatever lines there are. */
static bool is_printed(const struct line *line, bool has_body)
{
	return line->id != SIP_HEADER_CONTENT_LENGTH && !(has_body && line->id == SIP_HEADER_CONTENT_TYPE);
}

static size_t printed_size(const struct sip_draft *draft, size_t via_bytes)
{
	size_t size = draft->method.n + draft->request_uri.n + draft->reason.n + 32 + via_bytes + 8;

	for (size_t i = 0; i < draft->count; i++)
		size += draft->lines[i].name.n + draft->lines[i].value.n + 4;
	return size + draft->content_type.n + draft->body.n + 64;
}

static void print_start_line(struct buf *to, const struct sip_draft *draft)
{
	if (draft->is_request) {
		buf_add(to, draft->method);
		buf_add_char(to, ' ');
		buf_add(to, draft->request_uri);
		buf_add(to, SLICE(" SIP/2.0\r\n"));
	} else {
		buf_printf(to, "SIP/2.0 %03u %.*s\r\n", draft->status, SLICE_ARG(draft->reason));
	}
}

struct sip_message *sip_draft_finish(const struct sip_draft *draft, struct slice via)
{
	struct sip_message *message;
	struct arena arena;
	struct buf buf;

	arena_init(&arena);
	buf_init(&buf, printed_size(draft, via.n));
	print_start_line(&buf, draft);
	if (via.n)
		add_line(&buf, SLICE("Via"), clean_copy(&arena, via));
	for (size_t i = 0; i < draft->count; i++)
		if (is_printed(&draft->lines[i], draft->content_type.n > 0))
			add_line(&buf, draft->lines[i].name, draft->lines[i].value);
	if (draft->content_type.n)
		add_line(&buf, SLICE("Content-Type"), draft->content_type);
	buf_printf(&buf, "Content-Length: %zu\r\n\r\n", draft->body.n);
	buf_add(&buf, draft->body);
	assert(!buf.full);
	enum scan answer = sip_message_parse_own(buf_slice(&buf), &message);
	assert(answer == SCAN_OK);
	(void)answer;
	buf_fini(&buf);
	arena_fini(&arena);
	return message;
}

size_t sip_draft_size(const struct sip_draft *draft)
{
	struct buf buf;

	/* The room that printing sets aside is more than is used; what counts here is exact but for the Via. */
	buf_init(&buf, printed_size(draft, USUAL_VIA));
	print_start_line(&buf, draft);
	size_t size = buf_slice(&buf).n;
	buf_fini(&buf);
	for (size_t i = 0; i < draft->count; i++)
		if (is_printed(&draft->lines[i], draft->content_type.n > 0))
			size += draft->lines[i].name.n + draft->lines[i].value.n + 4;
	size += draft->content_type.n ? sizeof("Content-Type: \r\n") - 1 + draft->content_type.n : 0;
	size += (size_t)snprintf(NULL, 0, "Content-Length: %zu\r\n\r\n", draft->body.n);
	return size + draft->body.n + (draft->is_request ? USUAL_VIA : 0);
}
