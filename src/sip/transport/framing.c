#include "sip/transport/framing.h"

static const char HEAD_END[] = "\r\n\r\n";

enum { KEEP_ROOM = 8192 }; /* an idle connection holds no more memory than this */

void framing_init(struct framing *framing)
{
	*framing = (struct framing){ 0 };
	buf_init(&framing->held, SIP_MESSAGE_MAX);
}

void framing_fini(struct framing *framing)
{
	buf_fini(&framing->held);
}

static void next_message(struct framing *framing)
{
	if (framing->held.room > KEEP_ROOM) {
		buf_fini(&framing->held);
		buf_init(&framing->held, SIP_MESSAGE_MAX);
	}
	buf_clear(&framing->held);
	framing->given = false;
	framing->total = 0;
	framing->crlfs = framing->head_end = 0;
}

/* Where the header ends in `in`, counting what earlier bytes began; 0 when it does not. */
static size_t find_head_end(struct framing *framing, struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == HEAD_END[framing->head_end])
			framing->head_end++;
		else
			framing->head_end = in.p[i] == '\r';
		if (framing->head_end == 4)
			return i + 1;
	}
	return 0;
}

/* The next header line of *head, folded lines included. */
static struct slice cut_line(struct slice *head)
{
	size_t end = 0;

	for (;;) {
		end += slice_find_slice(slice_from(*head, end), SLICE("\r\n"));
		if (end + 2 >= head->n || (head->p[end + 2] != ' ' && head->p[end + 2] != '\t'))
			break;
		end += 2;
	}
	struct slice line = slice_sub(*head, 0, end);
	*head = slice_from(*head, end + 2);
	return line;
}

/* Exactly one answer of all Content-Length lines: a second one that differs could hide a message from one of two
 * readers. */
static bool content_length(struct slice head, size_t max, size_t *length)
{
	bool found = false;

	(void)cut_line(&head);
	while (head.n) {
		struct slice value = cut_line(&head);
		struct slice name = slice_trim(slice_cut(&value, ':'));
		uint64_t number;
		if (sip_header_find(name) != SIP_HEADER_CONTENT_LENGTH)
			continue;
		if (!slice_to_u64(slice_trim(value), max, &number) || (found && number != *length))
			return false;
		found = true;
		*length = (size_t)number;
	}
	return found;
}

/* CRLFs in front of a message. @return FRAMING_MESSAGE when one begins */
static enum framing_result skip_crlfs(struct framing *framing, struct slice *in)
{
	while (in->n && in->p[0] == HEAD_END[framing->crlfs]) {
		*in = slice_from(*in, 1);
		if (++framing->crlfs == 4) {
			framing->crlfs = 0;
			return FRAMING_PING;
		}
	}
	if (!in->n) {
		if (framing->crlfs != 2 || !framing->awaits_pong)
			return FRAMING_MORE;
		framing->crlfs = 0;
		framing->awaits_pong = false;
		return FRAMING_PONG;
	}
	if (framing->crlfs & 1)
		return FRAMING_BROKEN;
	/* A pong may share its segment with the message behind it. */
	if (framing->crlfs == 2 && framing->awaits_pong) {
		framing->crlfs = 0;
		framing->awaits_pong = false;
		return FRAMING_PONG;
	}
	framing->crlfs = 0;
	/* Every method and "SIP/2.0" begin with a character of a token: TLS, text without end and the like are found at
	 * once. */
	return in->p[0] > ' ' && in->p[0] < 0x7f ? FRAMING_MESSAGE : FRAMING_BROKEN;
}

/* The header, up to and with its empty line. @return FRAMING_MESSAGE when it is complete and says how long the message
 * is */
static enum framing_result take_head(struct framing *framing, struct slice *in)
{
	size_t end = find_head_end(framing, *in), length;
	struct slice part = slice_sub(*in, 0, end ? end : in->n);

	*in = slice_from(*in, part.n);
	if (!buf_add(&framing->held, part))
		return FRAMING_BROKEN;
	if (!end)
		return FRAMING_MORE;
	if (!content_length(buf_slice(&framing->held), SIP_MESSAGE_MAX - framing->held.n, &length))
		return FRAMING_BROKEN;
	framing->total = framing->held.n + length;
	return FRAMING_MESSAGE;
}

enum framing_result framing_next(struct framing *framing, struct slice *in, struct slice *message)
{
	enum framing_result result;

	if (framing->given)
		next_message(framing);
	if (!framing->held.n && (result = skip_crlfs(framing, in)) != FRAMING_MESSAGE)
		return result;
	if (!framing->total && (result = take_head(framing, in)) != FRAMING_MESSAGE)
		return result;
	struct slice part = slice_sub(*in, 0, framing->total - framing->held.n);
	*in = slice_from(*in, part.n);
	buf_add(&framing->held, part);
	if (framing->held.n < framing->total)
		return FRAMING_MORE;
	framing->given = true;
	*message = buf_slice(&framing->held);
	return FRAMING_MESSAGE;
}

struct slice framing_head(const struct framing *framing)
{
	return framing->head_end == 4 ? buf_slice(&framing->held) : slice_of(NULL);
}

bool framing_is_partial(const struct framing *framing)
{
	return (framing->held.n && !framing->given) || framing->crlfs & 1;
}
