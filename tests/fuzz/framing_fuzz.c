/*
 * Fuzz target of streams: the same bytes on two connections, once whole and once in pieces. Both must bring the same
 * messages and the same end, whatever the bytes are. The first byte says how the second connection's pieces are cut.
 * Run: framing_fuzz -dict=tests/fuzz/message.dict tests/fuzz/corpus/framing
 */
#include "sip/transport/transport.h"
#include "tests/unit/sip/fake_net.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct connection {
	struct fake_net net;
	struct transport *transport;
	struct flow *flow;
	struct buf seen; /* all messages, one after the other */
	unsigned count;
	bool failed;
};

static void on_message(void *arg, struct sip_message *message, const struct sip_source *source)
{
	struct connection *c = arg;

	if (source->flow != c->flow)
		abort();
	buf_add(&c->seen, message->bytes);
	buf_add_char(&c->seen, '\n');
	c->count++;
}

static void on_failed(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		      enum err err)
{
	(void)protocol;
	(void)remote;
	(void)flow_id;
	(void)err;
	((struct connection *)arg)->failed = true;
}

static void open_connection(struct connection *c)
{
	struct transport_handlers handlers = {
		.request = on_message, .response = on_message, .failed = on_failed, .arg = c
	};

	*c = (struct connection){ 0 };
	fake_net_init(&c->net, 1);
	buf_init(&c->seen, 1 << 22);
	c->transport = transport_new(&c->net.world, &handlers);
	fake_net_attach(&c->net, c->transport);
	c->flow = fake_net_accept(&c->net, SIP_TCP, "198.51.100.7:40000");
	if (!c->flow)
		abort();
}

static void close_connection(struct connection *c)
{
	transport_free(c->transport);
	fake_net_fini(&c->net);
	buf_fini(&c->seen);
}

/* Pieces of 1 byte, or of some few, or of one size throughout. */
static size_t piece(uint8_t how, uint32_t *state)
{
	if (how < 8)
		return (size_t)how + 1;
	*state = *state * 1664525u + 1013904223u;
	return 1 + (*state >> 16) % (1u << (how & 7));
}

static void feed(struct connection *c, struct slice bytes, uint8_t how)
{
	uint32_t state = how;

	while (bytes.n) {
		struct slice part = slice_sub(bytes, 0, piece(how, &state));
		/* A copy of its own, so that reading one byte too far is seen. */
		char *copy = slice_dup(part);
		fake_net_bytes_n(&c->net, c->flow, slice_make(copy, part.n));
		free(copy);
		bytes = slice_from(bytes, part.n);
	}
	fake_net_pass(&c->net, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connection whole, cut;

	if (!size)
		return 0;
	open_connection(&whole);
	open_connection(&cut);
	struct slice bytes = slice_make(data + 1, size - 1);
	fake_net_bytes_n(&whole.net, whole.flow, bytes);
	fake_net_pass(&whole.net, 0);
	feed(&cut, bytes, data[0]);
	if (whole.count != cut.count || whole.failed != cut.failed ||
	    !slice_eq(buf_slice(&whole.seen), buf_slice(&cut.seen)))
		abort();
	/* A message that has begun ends, or the connection does. */
	fake_net_pass(&cut.net, 40 * SECOND_US);
	close_connection(&whole);
	close_connection(&cut);
	return 0;
}
