/*
 * Stands in for sip/transport under the tests of net/: it notes what it is told. Holds definitions: include it once a
 * program.
 */
#pragma once

#include "base/xmalloc.h"
#include "loop/loop.h"
#include "net/net.h"

#include "../unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct flow {
	struct transport *transport;
	struct sip_target target;
	void *connection;
	struct address local, remote;
	bool accepted, opened, closed;
	enum err err;
	char why[512];
	size_t messages;
	struct buf bytes;
};

struct transport {
	struct loop *loop;
	struct net *net;
	/* datagrams */
	size_t datagrams;
	struct address local, remote;
	char last[70000];
	size_t last_bytes;
	/* ICMP */
	size_t failures;
	struct address failed;
	enum err failed_err;
	/* flows */
	struct flow *flows[64];
	size_t flow_count;
	bool refuse_flows, echo_flows, close_at_bytes;
	/* what loop_run waits for; after 10 s the test has failed */
	bool (*until)(struct transport *t);
	struct timer guard, later;
	bool too_late, passed;
	size_t wanted;     /* datagrams, where a test counts them */
	int fd;
	struct address bound;
};

struct slice sip_protocol_name(enum sip_protocol protocol)
{
	static const char *const names[] = { "UDP", "TCP", "TLS", "WS", "WSS" };

	return slice_of(names[protocol]);
}

bool sip_protocol_is_stream(enum sip_protocol protocol)
{
	return protocol != SIP_UDP;
}

uint16_t sip_protocol_port(enum sip_protocol protocol)
{
	return protocol == SIP_TLS ? 5061 : 5060;
}

void transport_waited(struct transport *transport, int64_t us)
{
	(void)transport;
	(void)us;
}

void transport_datagram(struct transport *t, const struct address *local, const struct address *remote,
			struct slice bytes)
{
	t->datagrams++;
	t->local = *local;
	t->remote = *remote;
	t->last_bytes = bytes.n;
	memcpy(t->last, bytes.p, bytes.n);
}

void transport_datagram_failed(struct transport *t, const struct address *remote, enum err err)
{
	t->failures++;
	t->failed = *remote;
	t->failed_err = err;
}

static inline struct flow *fake_flow(struct transport *t)
{
	struct flow *flow = xcalloc(1, sizeof *flow);

	assert_true(t->flow_count < ARRAY_LEN(t->flows));
	flow->transport = t;
	buf_init(&flow->bytes, 4 << 20);
	return t->flows[t->flow_count++] = flow;
}

struct flow *transport_accepted(struct transport *t, enum sip_protocol protocol, const struct address *local,
				const struct address *remote, void *connection)
{
	if (t->refuse_flows)
		return NULL;
	struct flow *flow = fake_flow(t);
	flow->target.protocol = protocol;
	flow->accepted = true;
	flow->local = *local;
	flow->remote = *remote;
	flow->connection = connection;
	return flow;
}

void transport_flow_opened(struct transport *t, struct flow *flow, const struct address *local)
{
	assert_ptr_equal(t, flow->transport);
	assert_false(flow->opened || flow->closed);
	flow->opened = true;
	flow->local = *local;
}

void transport_flow_bytes(struct transport *t, struct flow *flow, struct slice bytes)
{
	assert_false(flow->closed);
	buf_add(&flow->bytes, bytes);
	if (t->echo_flows)
		assert_int_equal(net_ops()->send_stream(t->net, flow, bytes), ERR_NONE);
	if (t->close_at_bytes) {
		flow->closed = true;
		net_ops()->close(t->net, flow);
	}
}

void transport_flow_message(struct transport *t, struct flow *flow, struct slice message)
{
	flow->messages++;
	transport_flow_bytes(t, flow, message);
}

void transport_flow_closed(struct transport *t, struct flow *flow, enum err err)
{
	assert_ptr_equal(t, flow->transport);
	assert_false(flow->closed);
	flow->closed = true;
	flow->err = err;
}

void flow_set_local(struct flow *flow, const struct address *local)
{
	flow->local = *local;
}

void flow_explain(struct flow *flow, const char *sentence)
{
	snprintf(flow->why, sizeof flow->why, "%s", sentence);
}

void *flow_connection(const struct flow *flow)
{
	return flow->connection;
}

void flow_set_connection(struct flow *flow, void *connection)
{
	flow->connection = connection;
}

const struct sip_target *flow_target(const struct flow *flow)
{
	return &flow->target;
}

/* ---- what the tests use ---- */

#define AWAIT_S 60

static inline void fake_guard(void *arg)
{
	struct transport *t = arg;

	/* Said at once: a test that fails here ends in an assertion about what it has left open. */
	fprintf(stderr, "# what is awaited has not come within %d s\n", AWAIT_S);
	t->too_late = true;
	loop_stop(t->loop);
}

static inline void fake_turn_end(void *arg)
{
	struct transport *t = arg;

	if (t->until && t->until(t))
		loop_stop(t->loop);
}

/* Turn the loop until `until` says so. A machine may be very busy: only what never comes is waited for for so long. */
static inline void fake_await(struct transport *t, bool (*until)(struct transport *t))
{
	t->until = until;
	t->too_late = false;
	timer_start(loop_timers(t->loop), &t->guard, AWAIT_S * SECOND_US, fake_guard, t);
	loop_run(t->loop);
	timer_stop(loop_timers(t->loop), &t->guard);
	t->until = NULL;
	assert_false(t->too_late);
}

static inline struct transport *fake_transport_new(const struct log *log)
{
	struct transport *t = xcalloc(1, sizeof *t);

	t->loop = loop_new();
	t->net = net_new(t->loop, log);
	net_attach(t->net, t);
	loop_at_turn_end(t->loop, fake_turn_end, t);
	return t;
}

static inline void fake_transport_free(struct transport *t)
{
	net_free(t->net);
	loop_free(t->loop);
	for (size_t i = 0; i < t->flow_count; i++) {
		buf_fini(&t->flows[i]->bytes);
		free(t->flows[i]);
	}
	free(t);
}

static inline struct address fake_address(const char *text)
{
	struct address address;

	assert_true(address_parse(&address, slice_of(text), 0));
	return address;
}

/* Listen and tell where. */
static inline struct address fake_listen(struct transport *t, const char *text)
{
	struct address wanted = fake_address(text), bound = { 0 };
	enum err err;
	size_t i = 0;

	assert_true(net_listen(t->net, NET_PLAIN, &wanted, &err));
	assert_int_equal(err, ERR_NONE);
	while (net_bound(t->net, i, &bound, NULL))
		i++;
	assert_true(i > 0);
	return bound;
}

static inline bool fake_has_v6(void)
{
	struct address loopback = fake_address("[::1]:9"), local;

	return net_route(&loopback, &local);
}
