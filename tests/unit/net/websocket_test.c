/* WebSocket in memory: handshakes, frames cut anywhere, what is refused and how. */
#include "net/websocket.h"

#include "base/xmalloc.h"

#include "../unit.h"

struct world {
	struct random random;
	struct websocket *client, *server;
	char got[300];
	size_t messages;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	random_init_seeded(&w->random, 7);
	w->client = websocket_client(&w->random, "ws.biloxi.com:8080", "/ws");
	w->server = websocket_server(&w->random);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	websocket_free(w->client);
	websocket_free(w->server);
	free(w);
	return 0;
}

static enum websocket_event take(struct world *w, struct websocket *ws, struct slice in)
{
	enum websocket_event event;
	struct slice message;

	do {
		event = websocket_next(ws, &in, &message);
		if (event == WEBSOCKET_MESSAGE) {
			w->messages++;
			snprintf(w->got, sizeof w->got, "%.*s", SLICE_ARG(message));
		}
	} while (event == WEBSOCKET_MESSAGE || (event == WEBSOCKET_OPENED && in.n));
	return event;
}

/* What one has to say to the other, a byte at a time, each at a place of its own. */
static enum websocket_event carry(struct world *w, struct websocket *from, struct websocket *to)
{
	struct slice wire = websocket_wire(from);
	char *copy = slice_dup(wire);
	enum websocket_event event = WEBSOCKET_MORE;

	websocket_sent(from);
	for (size_t i = 0; i < wire.n; i++) {
		enum websocket_event now = take(w, to, slice_make(copy + i, 1));
		event = now != WEBSOCKET_MORE ? now : event;
	}
	free(copy);
	return event;
}

static void open_both(struct world *w)
{
	assert_int_equal(carry(w, w->client, w->server), WEBSOCKET_OPENED);
	assert_int_equal(carry(w, w->server, w->client), WEBSOCKET_OPENED);
}

static void test_handshake(void **state)
{
	struct world *w = *state;
	struct slice wire = websocket_wire(w->client);

	assert_true(slice_begins(wire, SLICE("GET /ws HTTP/1.1\r\nHost: ws.biloxi.com:8080\r\n")));
	assert_true(slice_find_slice(wire, SLICE("\r\nSec-WebSocket-Protocol: sip\r\n")) < wire.n);
	assert_false(websocket_send(w->client, SLICE("too early")));
	open_both(w);
	/* RFC 6455 1.3's own example */
	websocket_free(w->server);
	w->server = websocket_server(&w->random);
	assert_int_equal(
		take(w, w->server,
		     SLICE("GET / HTTP/1.1\r\nhost: x\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n"
			   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, sip\r\n"
			   "Sec-WebSocket-Version: 13\r\n\r\n")),
		WEBSOCKET_OPENED);
	wire = websocket_wire(w->server);
	assert_true(slice_find_slice(wire, SLICE("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) <
		    wire.n);
}

static void test_messages_of_every_length(void **state)
{
	static const size_t lengths[] = { 0, 1, 4, 125, 126, 127, 1300, 65000 };
	struct world *w = *state;

	open_both(w);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char *text = xmalloc(lengths[i] + 1);
		memset(text, 'x', lengths[i]);
		for (int way = 0; way < 2; way++) {
			struct websocket *from = way ? w->server : w->client, *to = way ? w->client : w->server;
			w->messages = 0;
			assert_true(websocket_send(from, slice_make(text, lengths[i])));
			assert_int_equal(carry(w, from, to), WEBSOCKET_MORE);
			assert_int_equal(w->messages, 1);
			assert_int_equal(strlen(w->got), lengths[i] < sizeof w->got ? lengths[i] : sizeof w->got - 1);
		}
		free(text);
	}
	/* RFC 7118 4.2: what is no UTF-8 goes as binary */
	assert_true(websocket_send(w->server, SLICE("plain")));
	assert_int_equal((unsigned char)websocket_wire(w->server).p[0], 0x81);
	websocket_sent(w->server);
	assert_true(websocket_send(w->server, SLICE("\xff\xfe")));
	assert_int_equal((unsigned char)websocket_wire(w->server).p[0], 0x82);
}

/* Frames as a server sends them, unmasked. */
static void test_fragments_and_controls(void **state)
{
	struct world *w = *state;

	open_both(w);
	assert_int_equal(take(w, w->client, SLICE("\x01\x03OPT")), WEBSOCKET_MORE);
	/* a ping between fragments is answered at once, masked */
	assert_int_equal(take(w, w->client, SLICE("\x89\x02hi")), WEBSOCKET_MORE);
	struct slice wire = websocket_wire(w->client);
	assert_int_equal(wire.n, 8);
	assert_int_equal((unsigned char)wire.p[0], 0x8a);
	assert_int_equal((unsigned char)wire.p[1], 0x82);
	assert_int_equal(wire.p[6] ^ wire.p[2], 'h');
	websocket_sent(w->client);
	assert_int_equal(take(w, w->client, SLICE("\x8a\x00")), WEBSOCKET_MORE);
	assert_int_equal(take(w, w->client, SLICE("\x00\x00")), WEBSOCKET_MORE);
	assert_int_equal(take(w, w->client, SLICE("\x80\x04IONS")), WEBSOCKET_MORE);
	assert_int_equal(w->messages, 1);
	assert_string_equal(w->got, "OPTIONS");
	/* the end, with the code of the other side */
	assert_int_equal(take(w, w->client, SLICE("\x88\x02\x03\xe9")), WEBSOCKET_CLOSED);
	wire = websocket_wire(w->client);
	assert_int_equal((unsigned char)wire.p[0], 0x88);
	assert_int_equal(wire.p[6] ^ wire.p[2], 0x03);
	assert_int_equal((unsigned char)(wire.p[7] ^ wire.p[3]), 0xe9);
	assert_false(websocket_send(w->client, SLICE("too late")));
}

static void test_what_is_refused(void **state)
{
	static const struct {
		struct slice frame;
		unsigned code;
	} rows[] = {
		{ SLICE_INIT("\x81\x80"
			     "abcd"), 1002 },              /* masked by a server */
		{ SLICE_INIT("\xc1\x01x"), 1002 },         /* RSV1 without an extension */
		{ SLICE_INIT("\x83\x01x"), 1002 },         /* an unknown kind */
		{ SLICE_INIT("\x80\x01x"), 1002 },         /* a continuation of nothing */
		{ SLICE_INIT("\x01\x01x\x01\x01y"), 1002 },/* a message within a message */
		{ SLICE_INIT("\x09\x01x"), 1002 },         /* a ping in fragments */
		{ SLICE_INIT("\x89\x7e\x01\x00"), 1002 },  /* a ping too long */
		{ SLICE_INIT("\x81\x7e\x00\x7d"), 1002 },  /* a length in more bytes than it needs */
		{ SLICE_INIT("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), 1002 },
		{ SLICE_INIT("\x88\x01\x03"), 1002 },      /* half a code to close with */
		{ SLICE_INIT("\x88\x02\x03\xe7"), 1002 },  /* 999 */
		{ SLICE_INIT("\x88\x02\x03\xed"), 1002 },  /* 1005 never goes over the wire */
		{ SLICE_INIT("\x88\x02\x03\xf7"), 1002 },  /* 1015 */
		{ SLICE_INIT("\x88\x02\x0b\xb7"), 1002 },  /* 2999 */
		{ SLICE_INIT("\x88\x02\x13\x88"), 1002 },  /* 5000 */
		{ SLICE_INIT("\x88\x03\x03\xe8\xff"), 1007 },
		{ SLICE_INIT("\x81\x02\xff\xff"), 1007 },  /* no text */
		{ SLICE_INIT("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 1009 },
		{ SLICE_INIT("\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00"), 1009 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w;
		setup((void **)&w);
		open_both(w);
		if (take(w, w->client, rows[i].frame) != WEBSOCKET_FAILED)
			fail_msg("row %zu was taken", i);
		struct slice wire = websocket_wire(w->client);
		unsigned code = (unsigned)(unsigned char)(wire.p[6] ^ wire.p[2]) << 8 |
				(unsigned char)(wire.p[7] ^ wire.p[3]);
		assert_int_equal(code, rows[i].code);
		assert_true(strlen(websocket_why(w->client)) > 10);
		assert_int_equal(w->messages, 0);
		teardown((void **)&w);
	}
	/* and a client that does not mask */
	struct world *w = *state;
	open_both(w);
	assert_int_equal(take(w, w->server, SLICE("\x81\x01x")), WEBSOCKET_FAILED);
}

static void test_handshakes_that_fail(void **state)
{
	static const struct {
		const char *answer, *words;
	} rows[] = {
		{ "HTTP/1.1 404 Not Found\r\n\r\n", "'404 Not Found'; sip.ws-path" },
		{ "SIP/2.0 400 Bad\r\n\r\n", "does not speak HTTP" },
		{ "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n"
		  "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
		  "malformed" },
	};
	static const struct {
		const char *request, *answer;
	} asked[] = {
		{ "OPTIONS sip:x SIP/2.0\r\n\r\n", "HTTP/1.1 405 " },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 " },
		{ "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
		  "HTTP/1.1 426 " },
		{ "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
		  "HTTP/1.1 400 " },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		websocket_free(w->client);
		w->client = websocket_client(&w->random, "x", "/");
		assert_int_equal(take(w, w->client, slice_of(rows[i].answer)), WEBSOCKET_FAILED);
		if (!strstr(websocket_why(w->client), rows[i].words))
			fail_msg("'%s' does not say '%s'", websocket_why(w->client), rows[i].words);
	}
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		websocket_free(w->server);
		w->server = websocket_server(&w->random);
		assert_int_equal(take(w, w->server, slice_of(asked[i].request)), WEBSOCKET_FAILED);
		assert_true(slice_begins(websocket_wire(w->server), slice_of(asked[i].answer)));
	}
	/* an extension that was not asked for, where all else is well */
	websocket_free(w->client);
	websocket_free(w->server);
	w->client = websocket_client(&w->random, "x", "/");
	w->server = websocket_server(&w->random);
	assert_int_equal(carry(w, w->client, w->server), WEBSOCKET_OPENED);
	struct slice good = websocket_wire(w->server);
	char *extended = xasprintf("%.*sSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", (int)good.n - 2, good.p);
	assert_int_equal(take(w, w->client, slice_of(extended)), WEBSOCKET_FAILED);
	assert_non_null(strstr(websocket_why(w->client), "extension"));
	free(extended);
	/* a head without end is cut off */
	websocket_free(w->server);
	w->server = websocket_server(&w->random);
	enum websocket_event event = WEBSOCKET_MORE;
	for (int i = 0; i < 200 && event == WEBSOCKET_MORE; i++)
		event = take(w, w->server,
			     SLICE("GET / HTTP/1.1 and so on and so on and so on and so on and so on\r\n"));
	assert_int_equal(event, WEBSOCKET_FAILED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_handshake),
		T(test_messages_of_every_length),
		T(test_fragments_and_controls),
		T(test_what_is_refused),
		T(test_handshakes_that_fail),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
