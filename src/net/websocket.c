#include "net/websocket.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "sip/syntax/syntax.h"

#include <openssl/evp.h>
#include <stdio.h>

enum {
	HEAD_MAX = 8192,     /* of a handshake */
	CONTROL_MAX = 125,   /* bytes in a control frame (5.5) */
	HEADER_MAX = 14,     /* bytes in front of a frame's payload */
	KEEP_ROOM = 8192,    /* an idle connection holds no more memory than this */
	WIRE_MAX = 256 * 1024,
	KEY_CHARS = 24,      /* 16 bytes in base64 */
	ACCEPT_CHARS = 28,   /* 20 bytes in base64 */
	WHY_MAX = 200,
};

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { CODE_NORMAL = 1000, CODE_PROTOCOL = 1002, CODE_NOT_TEXT = 1007, CODE_TOO_BIG = 1009 };

enum state { HANDSHAKE, OPEN, ENDED };

struct websocket {
	struct random *random;
	enum state state;
	bool is_server, said_close;
	char accept[ACCEPT_CHARS + 1]; /* client: what the server must answer */
	struct buf head;               /* the handshake as far as it has come */
	struct buf wire;
	/* the frame that is being read */
	unsigned char header[HEADER_MAX];
	size_t header_n, header_need;
	enum opcode opcode;
	bool final, masked;
	unsigned char mask[4];
	uint64_t left, taken;          /* of its payload */
	/* the message that is being read */
	struct buf message, control;
	enum opcode message_opcode;    /* CONTINUATION: none has begun */
	bool given;
	char why[WHY_MAX];
};

static struct websocket *create(struct random *random, bool server)
{
	struct websocket *ws = xcalloc(1, sizeof *ws);

	ws->random = random;
	ws->is_server = server;
	ws->header_need = 2;
	buf_init(&ws->head, HEAD_MAX);
	buf_init(&ws->wire, WIRE_MAX);
	buf_init(&ws->message, SIP_MESSAGE_MAX);
	buf_init(&ws->control, CONTROL_MAX);
	return ws;
}

void websocket_free(struct websocket *ws)
{
	if (!ws)
		return;
	buf_fini(&ws->head);
	buf_fini(&ws->wire);
	buf_fini(&ws->message);
	buf_fini(&ws->control);
	free(ws);
}

const char *websocket_why(const struct websocket *ws)
{
	return ws->why;
}

struct slice websocket_wire(const struct websocket *ws)
{
	return buf_slice(&ws->wire);
}

void websocket_sent(struct websocket *ws)
{
	if (ws->wire.room > KEEP_ROOM) {
		buf_fini(&ws->wire);
		buf_init(&ws->wire, WIRE_MAX);
	}
	buf_clear(&ws->wire);
}

/* ---- frames out ---- */

static void add_frame(struct websocket *ws, enum opcode opcode, struct slice payload)
{
	unsigned char header[HEADER_MAX], mask[4] = { 0 };
	size_t n = 2;

	header[0] = (unsigned char)(0x80 | opcode);
	header[1] = ws->is_server ? 0 : 0x80;
	if (payload.n < 126) {
		header[1] |= (unsigned char)payload.n;
	} else {
		size_t bytes = payload.n < 65536 ? 2 : 8;
		header[1] |= bytes == 2 ? 126 : 127;
		for (size_t i = bytes; i > 0; i--)
			header[n++] = (unsigned char)((uint64_t)payload.n >> (8 * (i - 1)));
	}
	/* Only what clients send is masked (5.3). */
	if (!ws->is_server) {
		random_fill(ws->random, mask, sizeof mask);
		memcpy(header + n, mask, sizeof mask);
		n += sizeof mask;
	}
	buf_add(&ws->wire, slice_make(header, n));
	size_t from = ws->wire.n;
	if (buf_add(&ws->wire, payload) && !ws->is_server)
		for (size_t i = 0; i < payload.n; i++)
			ws->wire.p[from + i] ^= (char)mask[i % 4];
}

bool websocket_send(struct websocket *ws, struct slice message)
{
	if (ws->state != OPEN || ws->said_close || ws->wire.n + message.n + HEADER_MAX > ws->wire.max)
		return false;
	add_frame(ws, utf8_valid(message) ? TEXT : BINARY, message);
	return true;
}

static void say_close(struct websocket *ws, unsigned code)
{
	const char payload[2] = { (char)(code >> 8), (char)code };

	if (!ws->said_close && ws->state == OPEN)
		add_frame(ws, CLOSE, slice_make(payload, sizeof payload));
	ws->said_close = true;
}

void websocket_close(struct websocket *ws)
{
	say_close(ws, CODE_NORMAL);
}

static enum websocket_event fail(struct websocket *ws, unsigned code, const char *why)
{
	say_close(ws, code);
	snprintf(ws->why, sizeof ws->why, "%s", why);
	ws->state = ENDED;
	return WEBSOCKET_FAILED;
}

/* ---- the handshake (4) ---- */

/* 1.3: base64 of the SHA-1 of the key and a constant. */
static void answer_to(struct slice key, char accept[ACCEPT_CHARS + 1])
{
	static const char constant[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[KEY_CHARS + sizeof constant];

	snprintf(text, sizeof text, "%.*s%s", SLICE_ARG(slice_sub(key, 0, KEY_CHARS)), constant);
	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
		memset(digest, 0, sizeof digest);
	EVP_EncodeBlock((unsigned char *)accept, digest, 20);
}

struct websocket *websocket_client(struct random *random, const char *host, const char *path)
{
	struct websocket *ws = create(random, false);
	unsigned char nonce[16];
	char key[KEY_CHARS + 1];

	random_fill(random, nonce, sizeof nonce);
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof nonce);
	answer_to(slice_of(key), ws->accept);
	buf_printf(&ws->wire,
		   "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n",
		   path, host, key);
	return ws;
}

struct websocket *websocket_server(struct random *random)
{
	return create(random, true);
}

/* The lines of a handshake that count. */
struct head {
	struct slice first, key, accept, version;
	bool upgrades, connects, sip, extended;
};

/* Is `word` in a list parted by commas? */
static bool lists(struct slice list, struct slice word)
{
	while (list.p)
		if (slice_ieq(slice_trim(slice_cut(&list, ',')), word))
			return true;
	return false;
}

static struct slice next_line(struct slice *text)
{
	struct slice line = slice_cut(text, '\n');

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static void read_head(struct slice text, struct head *head)
{
	*head = (struct head){ .first = next_line(&text) };
	while (text.n) {
		struct slice value = next_line(&text), name = slice_cut(&value, ':');
		value = slice_trim(value);
		if (slice_ieq(name, SLICE("Upgrade")))
			head->upgrades |= lists(value, SLICE("websocket"));
		else if (slice_ieq(name, SLICE("Connection")))
			head->connects |= lists(value, SLICE("Upgrade"));
		else if (slice_ieq(name, SLICE("Sec-WebSocket-Protocol")))
			head->sip |= lists(value, SLICE("sip"));
		else if (slice_ieq(name, SLICE("Sec-WebSocket-Extensions")))
			head->extended |= value.n > 0;
		else if (slice_ieq(name, SLICE("Sec-WebSocket-Key")))
			head->key = value;
		else if (slice_ieq(name, SLICE("Sec-WebSocket-Accept")))
			head->accept = value;
		else if (slice_ieq(name, SLICE("Sec-WebSocket-Version")))
			head->version = value;
	}
}

static enum websocket_event opened(struct websocket *ws)
{
	ws->state = OPEN;
	buf_fini(&ws->head);
	buf_init(&ws->head, HEAD_MAX);
	return WEBSOCKET_OPENED;
}

static enum websocket_event refuse(struct websocket *ws, const char *answer, const char *why)
{
	buf_printf(&ws->wire, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", answer);
	return fail(ws, CODE_PROTOCOL, why);
}

static enum websocket_event answer_handshake(struct websocket *ws, const struct head *head)
{
	char accept[ACCEPT_CHARS + 1];

	if (!slice_begins(head->first, SLICE("GET ")) || !slice_ends(head->first, SLICE(" HTTP/1.1")))
		return refuse(ws, "405 Method Not Allowed\r\nAllow: GET", "the client asks for something else");
	if (!head->upgrades || !head->connects)
		return refuse(ws, "426 Upgrade Required\r\nUpgrade: websocket", "the client asks for something else");
	if (!slice_eq(head->version, SLICE("13")))
		return refuse(ws, "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
			      "the client speaks another version of WebSocket");
	if (head->key.n != KEY_CHARS)
		return refuse(ws, "400 Bad Request", "the client's WebSocket key is malformed");
	if (!head->sip)
		return refuse(ws, "400 Bad Request", "the client does not offer the subprotocol sip");
	answer_to(head->key, accept);
	buf_printf(&ws->wire,
		   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
		   accept);
	return opened(ws);
}

static enum websocket_event check_answer(struct websocket *ws, const struct head *head)
{
	struct slice status = head->first;

	if (!slice_begins(status, SLICE("HTTP/1.")))
		return fail(ws, CODE_PROTOCOL, "the other side does not speak HTTP there");
	(void)slice_cut(&status, ' ');
	if (!slice_begins(status, SLICE("101"))) {
		char *shown = utf8_clean_dup(slice_sub(status, 0, 80));
		snprintf(ws->why, sizeof ws->why,
			 "the server answered the WebSocket handshake with '%s'; sip.ws-path names another path",
			 shown);
		free(shown);
		ws->state = ENDED;
		return WEBSOCKET_FAILED;
	}
	if (!head->upgrades || !head->connects || !slice_eq(head->accept, slice_of(ws->accept)))
		return fail(ws, CODE_PROTOCOL, "the server's answer to the WebSocket handshake is malformed");
	if (!head->sip)
		return fail(ws, CODE_PROTOCOL, "the server does not speak SIP over WebSocket there");
	/* 4.1: we ask for none. */
	if (head->extended)
		return fail(ws, CODE_PROTOCOL, "the server wants to use an extension of WebSocket");
	return opened(ws);
}

static enum websocket_event take_handshake(struct websocket *ws, struct slice *in)
{
	struct head head;

	while (in->n) {
		if (!buf_add_char(&ws->head, in->p[0]))
			return fail(ws, CODE_PROTOCOL, "the WebSocket handshake has no end");
		*in = slice_from(*in, 1);
		if (!slice_ends(buf_slice(&ws->head), SLICE("\r\n\r\n")))
			continue;
		read_head(slice_sub(buf_slice(&ws->head), 0, ws->head.n - 2), &head);
		return ws->is_server ? answer_handshake(ws, &head) : check_answer(ws, &head);
	}
	return WEBSOCKET_MORE;
}

/* ---- frames in (5.2) ---- */

static bool is_control(enum opcode opcode)
{
	return opcode >= CLOSE;
}

static bool is_known(unsigned opcode)
{
	return opcode <= BINARY || (opcode >= CLOSE && opcode <= PONG);
}

/* What the first two bytes forbid. @return NULL: nothing */
static const char *check_header(const struct websocket *ws, bool masked, size_t length)
{
	if (ws->header[0] & 0x70 || !is_known(ws->header[0] & 0x0f))
		return "the other side sent a WebSocket frame of an unknown kind";
	/* 5.1: what clients send is masked, what servers send is not. */
	if (masked != ws->is_server)
		return "the other side sent a WebSocket frame masked the wrong way";
	if (is_control(ws->opcode))
		return !ws->final || length > CONTROL_MAX ? "the other side sent a WebSocket control frame too long"
							  : NULL;
	if ((ws->opcode == CONTINUATION) != (ws->message_opcode != CONTINUATION))
		return "the other side sent WebSocket frames in a wrong order";
	return NULL;
}

static uint64_t length_of(const struct websocket *ws)
{
	size_t bytes = (ws->header[1] & 0x7f) == 126 ? 2 : (ws->header[1] & 0x7f) == 127 ? 8 : 0;
	uint64_t length = 0;

	if (!bytes)
		return ws->header[1] & 0x7f;
	for (size_t i = 0; i < bytes; i++)
		length = length << 8 | ws->header[2 + i];
	return length;
}

/* The header of a frame. @return WEBSOCKET_MORE also when it is complete: then header_n == header_need */
static enum websocket_event take_header(struct websocket *ws, struct slice *in)
{
	while (in->n && ws->header_n < ws->header_need) {
		ws->header[ws->header_n++] = (unsigned char)in->p[0];
		*in = slice_from(*in, 1);
		if (ws->header_n != 2)
			continue;
		size_t short_length = ws->header[1] & 0x7f;
		ws->opcode = (enum opcode)(ws->header[0] & 0x0f);
		ws->final = ws->header[0] & 0x80;
		ws->masked = ws->header[1] & 0x80;
		const char *why = check_header(ws, ws->masked, short_length);
		if (why)
			return fail(ws, CODE_PROTOCOL, why);
		size_t long_length = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
		ws->header_need = 2 + long_length + (ws->masked ? 4 : 0);
	}
	if (ws->header_n < ws->header_need)
		return WEBSOCKET_MORE;
	ws->left = length_of(ws);
	ws->taken = 0;
	if ((ws->header[1] & 0x7f) > 125 && ws->left < ((ws->header[1] & 0x7f) == 126 ? 126 : 65536))
		return fail(ws, CODE_PROTOCOL, "the other side wrote a WebSocket frame's length too long");
	if (ws->masked)
		memcpy(ws->mask, ws->header + ws->header_need - 4, 4);
	if (!is_control(ws->opcode) && ws->left > ws->message.max - ws->message.n)
		return fail(ws, CODE_TOO_BIG, "the other side sent a message that is too big");
	if (!is_control(ws->opcode) && ws->opcode != CONTINUATION)
		ws->message_opcode = ws->opcode;
	return WEBSOCKET_MORE;
}

static void take_payload(struct websocket *ws, struct slice *in)
{
	struct buf *to = is_control(ws->opcode) ? &ws->control : &ws->message;
	size_t n = in->n < ws->left ? in->n : (size_t)ws->left, from = to->n;

	buf_add(to, slice_sub(*in, 0, n));
	if (ws->masked)
		for (size_t i = 0; i < n; i++)
			to->p[from + i] ^= (char)ws->mask[(ws->taken + i) % 4];
	*in = slice_from(*in, n);
	ws->taken += n;
	ws->left -= n;
}

/* May a Close frame say this (7.4)? 1004 to 1006 and 1015 never go over the wire; 1012 to 1014 came later. */
static bool is_close_code(unsigned code)
{
	return (code >= 3000 && code < 5000) || (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006));
}

/* 5.5.1: the same code goes back, if it is one. */
static enum websocket_event take_close(struct websocket *ws)
{
	const unsigned char *payload = (const unsigned char *)ws->control.p;
	unsigned code = CODE_NORMAL;

	if (ws->control.n >= 2)
		code = (unsigned)payload[0] << 8 | payload[1];
	if (ws->control.n == 1 || !is_close_code(code))
		return fail(ws, CODE_PROTOCOL, "the other side closed the WebSocket with a code that is none");
	if (ws->control.n > 2 && !utf8_valid(slice_from(buf_slice(&ws->control), 2)))
		return fail(ws, CODE_NOT_TEXT, "the other side sent text that is no UTF-8");
	say_close(ws, code);
	ws->state = ENDED;
	return WEBSOCKET_CLOSED;
}

static enum websocket_event control_ends(struct websocket *ws)
{
	if (ws->opcode == CLOSE)
		return take_close(ws);
	if (ws->opcode == PING && !ws->said_close) {
		if (ws->wire.n + ws->control.n + HEADER_MAX > ws->wire.max)
			return fail(ws, CODE_PROTOCOL, "the other side sends pings and reads no answers");
		add_frame(ws, PONG, buf_slice(&ws->control));
	}
	buf_clear(&ws->control);
	return WEBSOCKET_MORE;
}

static enum websocket_event frame_ends(struct websocket *ws, struct slice *message)
{
	ws->header_n = 0;
	ws->header_need = 2;
	if (is_control(ws->opcode))
		return control_ends(ws);
	if (!ws->final)
		return WEBSOCKET_MORE;
	if (ws->message_opcode == TEXT && !utf8_valid(buf_slice(&ws->message)))
		return fail(ws, CODE_NOT_TEXT, "the other side sent text that is no UTF-8");
	ws->message_opcode = CONTINUATION;
	ws->given = true;
	*message = buf_slice(&ws->message);
	return WEBSOCKET_MESSAGE;
}

static void next_message(struct websocket *ws)
{
	if (ws->message.room > KEEP_ROOM) {
		buf_fini(&ws->message);
		buf_init(&ws->message, SIP_MESSAGE_MAX);
	}
	buf_clear(&ws->message);
	ws->given = false;
}

enum websocket_event websocket_next(struct websocket *ws, struct slice *in, struct slice *message)
{
	enum websocket_event event = WEBSOCKET_MORE;

	*message = slice_of(NULL);
	if (ws->state == ENDED)
		return *ws->why ? WEBSOCKET_FAILED : WEBSOCKET_CLOSED;
	if (ws->state == HANDSHAKE)
		return take_handshake(ws, in);
	if (ws->given)
		next_message(ws);
	while (event == WEBSOCKET_MORE) {
		bool complete = ws->header_n == ws->header_need;
		if (!complete) {
			if (!in->n)
				return WEBSOCKET_MORE;
			event = take_header(ws, in);
			if (event != WEBSOCKET_MORE || ws->header_n < ws->header_need)
				continue;
		}
		take_payload(ws, in);
		if (ws->left)
			return WEBSOCKET_MORE;
		event = frame_ends(ws, message);
	}
	return event;
}
