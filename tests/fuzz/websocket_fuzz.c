/*
 * Fuzz target of WebSocket: the same bytes to two ends, once whole and once in pieces. Both must bring the same
 * messages and the same end, whatever the bytes are. The first byte says which side we are, whether the handshake is
 * done already and how the pieces are cut.
 * Run: websocket_fuzz tests/fuzz/corpus/websocket
 */
#include "net/websocket.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
	struct random random;
	struct websocket *ws;
	struct buf seen; /* all messages and events, one after the other */
};

static bool feed(struct end *end, struct slice in)
{
	enum websocket_event event;
	struct slice message;

	do {
		event = websocket_next(end->ws, &in, &message);
		if (event != WEBSOCKET_MORE) {
			buf_printf(&end->seen, "%d:", event);
			buf_add(&end->seen, message);
		}
		if (event == WEBSOCKET_FAILED && !*websocket_why(end->ws))
			abort();
	} while (event == WEBSOCKET_OPENED || event == WEBSOCKET_MESSAGE);
	return event == WEBSOCKET_MORE;
}

static void open_end(struct end *end, bool server, bool open)
{
	*end = (struct end){ 0 };
	random_init_seeded(&end->random, 1);
	buf_init(&end->seen, 1 << 22);
	end->ws = server ? websocket_server(&end->random) : websocket_client(&end->random, "x", "/");
	if (!open)
		return;
	/* The client's key follows from the seed, and so does the answer: ours to ourselves. */
	struct random again;
	random_init_seeded(&again, 1);
	struct websocket *client = websocket_client(&again, "x", "/"), *other = websocket_server(&again);
	struct slice wire = websocket_wire(client), message;
	if (server)
		(void)feed(end, wire);
	else if (websocket_next(other, &wire, &message) == WEBSOCKET_OPENED)
		(void)feed(end, websocket_wire(other));
	websocket_free(client);
	websocket_free(other);
	websocket_sent(end->ws);
}

static void close_end(struct end *end)
{
	websocket_close(end->ws);
	websocket_free(end->ws);
	buf_fini(&end->seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct end whole, cut;

	if (!size)
		return 0;
	bool server = data[0] & 1, open = data[0] & 2;
	size_t piece = (size_t)(data[0] >> 2) % 16 + 1;
	open_end(&whole, server, open);
	open_end(&cut, server, open);
	struct slice bytes = slice_make(data + 1, size - 1);
	(void)feed(&whole, bytes);
	for (bool more = true; more && bytes.n; bytes = slice_from(bytes, piece)) {
		/* A copy of its own, so that reading one byte too far is seen. */
		struct slice part = slice_sub(bytes, 0, piece);
		char *copy = slice_dup(part);
		more = feed(&cut, slice_make(copy, part.n));
		free(copy);
	}
	if (!slice_eq(buf_slice(&whole.seen), buf_slice(&cut.seen)) ||
	    !slice_eq(websocket_wire(whole.ws), websocket_wire(cut.ws)))
		abort();
	close_end(&whole);
	close_end(&cut);
	return 0;
}
