#include "sip/syntax/message.h"

#include "base/xmalloc.h"
#include "sip/syntax/typed.h"

#include <assert.h>

/*
 * One block of memory holds the message, its typed values, the header index, room for the values that are usually
 * decoded, and a copy of the bytes; only what is more asks for another block. One pass over the copy finds the lines.
 */

enum {
	SPARE_BYTES = 1792, /* for lists of addresses, and Vias beyond the usual few */
	HEADERS_USUAL = 24,
	ALIGN = 16,
};

struct parser {
	const char *p, *end;  /* not yet read */
	const char *from;     /* of the message */
	struct sip_message *message;
	struct sip_message_typed *typed;
	struct sip_header *header, *room_end; /* where the next one goes, and how far there is room */
	uint16_t lines;       /* how many there are */
};

static void note_fault(struct parser *parser, unsigned status, const char *text)
{
	if (parser->typed->fault)
		return;
	parser->typed->fault_status = status;
	parser->typed->fault = text;
}

/* The start line. */

/* "SIP/2.0" or another version: "SIP/" digits "." digits. */
static bool is_version(struct slice s)
{
	if (s.n == 7 && memcmp(s.p, "SIP/2.0", 7) == 0)
		return true;
	if (!slice_ibegins(s, SLICE("SIP/")))
		return false;
	struct slice minor = slice_from(s, 4), major = slice_cut(&minor, '.');
	uint64_t number;
	return slice_to_u64(major, UINT64_MAX, &number) && slice_to_u64(minor, UINT64_MAX, &number);
}

/* @return where the fault is, or NULL */
static const char *parse_request_line(struct parser *parser, const char *p, const char *end)
{
	struct sip_message *message = parser->message;
	const char *from = p, *stop = end;

	p = scan_run(p, end, SCAN_TOKEN);
	if (p == from || p == end || *p != ' ')
		return p;
	message->is_request = true;
	message->method_name = scan_slice(from, p);
	message->method = sip_method_find(message->method_name);
	from = p + 1;
	while (stop > from && scan_is_blank(stop[-1]))
		stop--;
	if (stop < end)
		note_fault(parser, 400, "Blanks behind the start line");
	p = stop;
	if (stop - from > 7 && memcmp(stop - 8, " SIP/2.0", 8) == 0)
		p -= 7;
	while (p > from && p[-1] != ' ')
		p--;
	message->version = scan_slice(p, stop);
	if (p == from || !is_version(message->version))
		return p;
	/* Between is the Request-URI; blanks in it or round it are found later (RFC 4475 3.1.2.8, 3.1.2.9). */
	message->request_uri = scan_slice(from, p - 1);
	return NULL;
}

static const char *parse_status_line(struct parser *parser, const char *p, const char *end)
{
	struct sip_message *message = parser->message;
	const char *from = p;
	unsigned status = 0;

	if (end - p > 7 && memcmp(p, "SIP/2.0 ", 8) == 0) {
		p += 7;
	} else {
		while (p < end && *p != ' ')
			p++;
		if (!is_version(scan_slice(from, p)) || p == end)
			return p;
	}
	message->version = scan_slice(from, p);
	from = ++p;
	for (; p < end && scan_is_digit(*p); p++)
		status = status * 10 + (unsigned)(*p - '0');
	if (p == from || (p < end && *p != ' '))
		return p;
	if (p - from == 3 && status >= 100 && status <= 699)
		message->status = status;
	else
		note_fault(parser, 400, "Status outside 100 to 699");
	/* The blank before an empty phrase is asked for, but easily forgotten (RFC 4475 3.1.1.13). */
	message->reason = p < end ? scan_slice(p + 1, end) : scan_slice(p, p);
	return NULL;
}

static const char *parse_start_line(struct parser *parser, const char *p, const char *end)
{
	/* A slash is no character of a method. */
	if (end - p > 4 && p[3] == '/' &&
	    (memcmp(p, "SIP/", 4) == 0 || slice_ibegins(scan_slice(p, end), SLICE("SIP/"))))
		return parse_status_line(parser, p, end);
	return parse_request_line(parser, p, end);
}

/* Header lines. */

/* The end of the line at p without its CR, with *next behind its LF. @return NULL when the line does not end */
static const char *line_end(const char *p, const char *end, const char **next)
{
	const char *lf = scan_line_feed(p);

	if (lf >= end)
		return NULL;
	*next = lf + 1;
	return lf > p && lf[-1] == '\r' ? lf - 1 : lf;
}

/* The first of two equal lengths counts; the second is harmless only when it is equal (RFC 4475 3.3.9). */
static void note_length(struct sip_message_typed *typed, struct slice value)
{
	uint32_t length;

	if (!slice_to_u32(value, &length))
		typed->length_state = LENGTH_BAD;
	else if (typed->length_state == LENGTH_GOOD && typed->length != length)
		typed->length_state = LENGTH_CLASH;
	else if (typed->length_state == LENGTH_ABSENT)
		typed->length_state = LENGTH_GOOD;
	typed->length = length;
}

/*
 * Room for this line; few messages have more than the usual number.
 * @return false when there are too many: where the message ends is noted all the same
 */
static __attribute__((noinline)) bool grow_headers(struct parser *parser, enum sip_header_id id, struct slice value)
{
	struct sip_message *message = parser->message;

	if (parser->lines == SIP_HEADERS_MAX) {
		note_fault(parser, 513, "Too many header lines");
		if (id == SIP_HEADER_CONTENT_LENGTH)
			note_length(parser->typed, value);
		return false;
	}
	struct sip_header *larger = arena_take(&message->arena, SIP_HEADERS_MAX * sizeof *larger);
	memcpy(larger, message->headers, parser->lines * sizeof *larger);
	message->headers = larger;
	parser->header = larger + parser->lines;
	parser->room_end = larger + SIP_HEADERS_MAX;
	return true;
}

/*
 * The field stands there already, of two of which neither may be believed: the five that every message has, and those
 * that say what a request asks for. Of all others the first counts.
 */
static __attribute__((noinline)) void note_repeated(struct parser *parser, enum sip_header_id id)
{
	switch (id) {
	case SIP_HEADER_FROM:
	case SIP_HEADER_TO:
	case SIP_HEADER_CALL_ID:
	case SIP_HEADER_CSEQ:
	case SIP_HEADER_MAX_FORWARDS:
		parser->typed->repeated = id;
		break;
	case SIP_HEADER_CONTENT_TYPE:
	case SIP_HEADER_EVENT:
	case SIP_HEADER_JOIN:
	case SIP_HEADER_RACK:
	case SIP_HEADER_REFER_TO:
	case SIP_HEADER_REPLACES:
	case SIP_HEADER_SIP_IF_MATCH:
	case SIP_HEADER_SUBSCRIPTION_STATE:
		/* Of a response the first one counts; and its method, which decides on the place, is not known yet. */
		if (parser->typed->repeated == SIP_HEADER_OTHER && parser->message->is_request &&
		    sip_message_has_place(parser->message, id))
			parser->typed->repeated = id;
		break;
	default:
		break;
	}
}

static inline __attribute__((always_inline)) void index_header(struct parser *parser, enum sip_header_id id,
								struct slice name, struct slice value)
{
	struct sip_message_typed *typed = parser->typed;

	if (parser->header == parser->room_end && !grow_headers(parser, id, value))
		return;
	*parser->header++ = (struct sip_header){ id, name, value };
	uint16_t line = ++parser->lines;
	typed->last[id] = line;
	if (typed->first[id])
		note_repeated(parser, id);
	else
		typed->first[id] = line;
}

/* Value with each fold, and the blanks round it, replaced by one blank (7.3.1). */
static struct slice unfold(struct arena *arena, struct slice value)
{
	char *out = arena_alloc(arena, value.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		bool at_fold = c == '\n' || (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n');
		if (!at_fold) {
			out[n++] = c;
			continue;
		}
		while (i + 1 < value.n && (value.p[i + 1] == '\n' || value.p[i + 1] == ' ' || value.p[i + 1] == '\t' ||
					   (value.p[i + 1] == '\r' && i + 2 < value.n && value.p[i + 2] == '\n')))
			i++;
		while (n && (out[n - 1] == ' ' || out[n - 1] == '\t'))
			n--;
		out[n++] = ' ';
	}
	return slice_trim(slice_make(out, n));
}

/* A header line with the lines that fold it, whatever it looks like. SCAN_MORE when it does not end. */
static __attribute__((noinline)) enum scan parse_strange_line(struct parser *parser)
{
	const char *from = parser->p, *end = parser->end, *p = scan_run(from, end, SCAN_TOKEN);
	const char *colon = scan_blanks(p, end);
	const char *value = *colon == ':' ? scan_blanks(colon + 1, end) : colon;
	const char *stop = scan_line_feed(value);
	bool folded = false;

	/* Whether a line is folded is told by the byte behind it. */
	while (stop < end && scan_is_blank(stop[1])) {
		stop = scan_line_feed(stop + 1);
		folded = true;
	}
	if (stop >= end)
		return SCAN_MORE;
	parser->p = stop + 1;
	if (p == from || *colon != ':') {
		note_fault(parser, 400, "Malformed header line");
		return SCAN_OK;
	}
	if (stop > value && stop[-1] == '\r')
		stop--;
	while (stop > value && scan_is_blank(stop[-1]))
		stop--;
	struct slice text = scan_slice(value, stop), name = scan_slice(from, p);
	if (folded)
		text = unfold(&parser->message->arena, slice_trim(text));
	index_header(parser, sip_header_find(name), name, text);
	return SCAN_OK;
}

/*
 * Nearly all header lines are "Name: value" CR LF, with a name that we know and no blank that does not belong there.
 * @return behind it; NULL for any other, of which nothing was done
 */
static inline const char *parse_usual_line(struct parser *parser, const char *from)
{
	size_t n = scan_colon(from);
	enum sip_header_id id = sip_header_slot(from, n);

	/* With the colon, which ends the known name too: so the lengths are the same. Without one they never are. */
	if (!scan_same(from, sip_header_names[id].p, n + 1) || from[n + 1] != ' ' || (unsigned char)from[n + 2] <= ' ')
		return NULL;
	/* A line that does not end is told by the NUL behind it. */
	const char *value = from + n + 2, *lf = scan_line_feed(value);
	if (lf[-1] != '\r' || (unsigned char)lf[-2] <= ' ' || scan_is_blank(lf[1]))
		return NULL;
	index_header(parser, id, slice_make(from, n), scan_slice(value, lf - 1));
	return lf + 1;
}

/* @return SCAN_OK with parser->p at the body. What stands behind the bytes ends every loop. */
static __attribute__((noinline)) enum scan parse_headers(struct parser *parser)
{
	const char *end = parser->end, *p = parser->p;

	for (;;) {
		if ((unsigned char)*p <= '\r') {
			parser->p = p;
			if (p == end)
				return SCAN_MORE;
			const char *lf = p + (*p == '\r');
			if (*lf == '\n' && lf < end) {
				parser->p = lf + 1;
				return SCAN_OK;
			}
		}
		const char *behind = parse_usual_line(parser, p);
		if (!behind) {
			parser->p = p;
			if (parse_strange_line(parser) != SCAN_OK)
				return SCAN_MORE;
			behind = parser->p;
		}
		p = behind;
	}
}

/* Making the message. */

static size_t aligned(size_t bytes)
{
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/*
 * The block of the message that ended last waits for the next one: most messages live as long as they are looked at,
 * and getting and giving back this much costs as much as finding all lines. Checkers of memory see every block.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
enum { SPARE_BLOCK_MAX = 0 };
#else
enum { SPARE_BLOCK_MAX = 8192 };
#endif
static _Thread_local struct {
	void *p;
	size_t bytes;
} spare_block;

static void *take_block(size_t *bytes)
{
	void *block = spare_block.p;

	if (!block || spare_block.bytes < *bytes)
		return xmalloc(*bytes);
	*bytes = spare_block.bytes;
	spare_block.p = NULL;
	return block;
}

static void give_block(void *block, size_t bytes)
{
	if (bytes <= SPARE_BLOCK_MAX && !spare_block.p) {
		spare_block.p = block;
		spare_block.bytes = bytes;
	} else {
		free(block);
	}
}

/*
 * Clear what is found while parsing. Stores one after the other: what memset() becomes for this many bytes, a loop in
 * microcode, takes as long as finding two header lines.
 */
static inline void clear_found(struct sip_message_typed *typed)
{
	char *p = (char *)typed;

#pragma GCC unroll 32
	for (size_t i = 0; i < SIP_TYPED_CLEARED; i += 16)
		memset(p + i, 0, 16);
}

/* The block of a message of n bytes, which the caller writes where the result says; nothing of it read yet. */
static char *make_block(struct parser *parser, size_t n)
{
	size_t typed_at = aligned(sizeof(struct sip_message));
	size_t headers_at = typed_at + aligned(sizeof(struct sip_message_typed));
	size_t spare_at = headers_at + aligned(HEADERS_USUAL * sizeof(struct sip_header));
	size_t bytes_at = spare_at + SPARE_BYTES;
	/* Rounded up, so that the block fits messages of about this size. */
	size_t block_bytes = (bytes_at + n + SCAN_SLACK + 511) & ~(size_t)511;
	char *block = take_block(&block_bytes), *copy = block + bytes_at;
	struct sip_message *message = (struct sip_message *)(void *)block;

	/* A line that does not end ends here; see scan_line_feed(). */
	memset(copy + n, '\n', SCAN_SLACK);
	copy[n] = '\0';
	message->references = 1;
	message->arena = (struct arena){ .next = block + spare_at, .end = copy };
	message->is_request = false;
	message->method = SIP_METHOD_OTHER;
	message->status = 0;
	slice_clear(&message->method_name);
	slice_clear(&message->request_uri);
	slice_clear(&message->reason);
	message->headers = (struct sip_header *)(void *)(block + headers_at);
	message->typed = (struct sip_message_typed *)(void *)(block + typed_at);
	clear_found(message->typed);
	message->typed->block_bytes = block_bytes;
	*parser = (struct parser){ .p = copy,
				   .from = copy,
				   .end = copy + n,
				   .message = message,
				   .typed = message->typed,
				   .header = message->headers,
				   .room_end = message->headers + HEADERS_USUAL };
	return copy;
}

/* It ends here; what stands behind is no part of it. */
static void end_message(struct sip_message *message, const char *from, const char *message_end)
{
	size_t n = (size_t)(message_end - from);

	((char *)(uintptr_t)from)[n] = '\0';
	message->bytes = slice_make(from, n);
	if (message->is_request)
		return;
	const struct sip_cseq *cseq = sip_message_cseq(message);
	if (cseq) {
		message->method = cseq->method;
		message->method_name = cseq->method_name;
	}
}

static void note_lengths(const struct parser *parser)
{
	const struct sip_message *message = parser->message;
	struct sip_message_typed *typed = parser->typed;

	if (!typed->first[SIP_HEADER_CONTENT_LENGTH])
		return;
	for (size_t i = typed->first[SIP_HEADER_CONTENT_LENGTH] - 1u; i < typed->last[SIP_HEADER_CONTENT_LENGTH]; i++)
		if (message->headers[i].id == SIP_HEADER_CONTENT_LENGTH)
			note_length(typed, message->headers[i].value);
}

/*
 * Where does the message end, whose body begins at parser->p?
 * @return SCAN_BAD for a stream whose lengths cannot be trusted
 */
static enum scan find_end(struct parser *parser, enum sip_framing framing, size_t max, const char **message_end)
{
	const struct sip_message_typed *typed = parser->typed;
	size_t rest = (size_t)(parser->end - parser->p), head = (size_t)(parser->p - parser->from);
	bool known = typed->length_state == LENGTH_GOOD;

	if (framing == SIP_STREAM && (!known || typed->length > max - head))
		return SCAN_BAD;
	if (framing == SIP_STREAM && typed->length > rest)
		return SCAN_MORE;
	/* A datagram may end with noise behind the body (18.3); one that is too short is check's business. */
	size_t body = known && typed->length < rest ? typed->length : rest;
	parser->message->body = slice_make(parser->p, body);
	*message_end = parser->p + body;
	return SCAN_OK;
}

static enum scan fail(const struct parser *parser, const char *at, size_t *offset)
{
	*offset = (size_t)(at - parser->from);
	return SCAN_BAD;
}

/* What a stream may still complete, a datagram does not. */
static enum scan incomplete(const struct parser *parser, enum sip_framing framing, size_t max, size_t *offset)
{
	bool more = framing == SIP_STREAM && (size_t)(parser->end - parser->from) < max;

	return more ? SCAN_MORE : fail(parser, parser->end, offset);
}

static enum scan parse_block(struct parser *parser, enum sip_framing framing, size_t max, size_t *offset)
{
	const char *next, *message_end;
	const char *stop = line_end(parser->p, parser->end, &next);

	if (!stop)
		return incomplete(parser, framing, max, offset);
	const char *fault = parse_start_line(parser, parser->p, stop);
	if (fault)
		return fail(parser, fault, offset);
	/* A start line has no folds (7.1); a blank here would make the first header line part of it. */
	parser->p = next;
	if (next < parser->end && (*next == ' ' || *next == '\t'))
		return fail(parser, next, offset);
	if (parse_headers(parser) != SCAN_OK) {
		/* A datagram that lacks only the empty line (7) can be answered: the fault is told. */
		if (framing != SIP_DATAGRAM || parser->p < parser->end)
			return incomplete(parser, framing, max, offset);
		note_fault(parser, 400, "No empty line behind the header fields");
	}
	note_lengths(parser);
	parser->message->header_count = parser->lines;
	enum scan answer = find_end(parser, framing, max, &message_end);
	if (answer == SCAN_BAD)
		return fail(parser, parser->p, offset);
	if (answer == SCAN_OK)
		end_message(parser->message, parser->from, message_end);
	return answer;
}

static enum scan parse(struct slice bytes, enum sip_framing framing, size_t max, struct sip_message **message,
		       size_t *used, size_t *offset)
{
	struct parser parser;
	size_t n = bytes.n < max ? bytes.n : max;

	*offset = 0;
	if (!n)
		return framing == SIP_STREAM ? SCAN_MORE : SCAN_BAD;
	memcpy(make_block(&parser, n), bytes.p, n);
	enum scan answer = parse_block(&parser, framing, max, offset);
	if (answer == SCAN_OK) {
		*message = parser.message;
		*used = parser.message->bytes.n;
	} else {
		sip_message_unref(parser.message);
	}
	return answer;
}

enum scan sip_message_parse(struct slice bytes, enum sip_framing framing, struct sip_message **message, size_t *used,
			    size_t *offset)
{
	return parse(bytes, framing, SIP_MESSAGE_MAX, message, used, offset);
}

enum scan sip_message_parse_own(struct slice bytes, struct sip_message **message)
{
	size_t used, offset;

	return parse(bytes, SIP_STREAM, SIZE_MAX, message, &used, &offset);
}

struct sip_message *sip_message_write(size_t n, void (*write)(char *to, const void *what), const void *what)
{
	struct parser parser;
	size_t offset;

	write(make_block(&parser, n), what);
	enum scan answer = parse_block(&parser, SIP_STREAM, SIZE_MAX, &offset);
	assert(answer == SCAN_OK && parser.message->bytes.n == n);
	(void)answer;
	return parser.message;
}

struct sip_message *sip_message_ref(struct sip_message *message)
{
	message->references++;
	return message;
}

size_t sip_message_memory(const struct sip_message *message)
{
	return (size_t)(message->bytes.p + message->bytes.n + 1 - (const char *)message);
}

void sip_message_unref(struct sip_message *message)
{
	if (!message || --message->references)
		return;
	if (message->arena.blocks)
		arena_fini(&message->arena);
	give_block(message, message->typed->block_bytes);
}
