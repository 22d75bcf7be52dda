/* Connections between hosts of the world: bytes in order and whole, but cut anywhere, late, and broken now and then. */
#include "tests/sim/world.h"

#include "base/xmalloc.h"

struct pipe;

/* One end; `waiting` is what the other end has sent and this one has not got. */
struct end {
	struct pipe *pipe;
	struct host *host;
	struct flow *flow; /* NULL: closed, or not there yet */
	struct buf waiting;
	struct timer timer;
	bool closing; /* behind what waits the connection ends */
	enum err err;
};

struct pipe {
	struct list_node node;
	struct world *world;
	struct end ends[2]; /* who connects, who is connected to */
	struct address from;
	bool opened;
	struct timer dead; /* running: a NAT has forgotten it, nothing arrives any more, and at last TCP sees that */
};

static struct end *other_end(struct end *end)
{
	return &end->pipe->ends[end == &end->pipe->ends[0]];
}

static int64_t delay_us(struct world *world)
{
	uint32_t spread = world->delay_max_us - world->delay_min_us;

	return world->delay_min_us + (spread ? random_below(&world->random, spread) : 0);
}

static void pipe_free(struct pipe *pipe)
{
	list_remove(&pipe->node);
	timer_stop(&pipe->world->timers, &pipe->dead);
	for (int i = 0; i < 2; i++) {
		timer_stop(&pipe->world->timers, &pipe->ends[i].timer);
		buf_fini(&pipe->ends[i].waiting);
	}
	free(pipe);
}

static void free_if_done(struct pipe *pipe)
{
	if (!pipe->ends[0].flow && !pipe->ends[1].flow)
		pipe_free(pipe);
}

static void come_to_end(struct end *end)
{
	struct flow *flow = end->flow;

	end->flow = NULL;
	if (flow && end->host->transport)
		transport_flow_closed(end->host->transport, flow, end->err);
	free_if_done(end->pipe);
}

static void arrive(void *arg)
{
	struct end *end = arg;
	struct world *world = end->pipe->world;

	/* Who cannot be reached gets it later: that is what TCP does for a while. */
	if (end->host->cut || other_end(end)->host->cut) {
		timer_start(&world->timers, &end->timer, SECOND_US, arrive, end);
		return;
	}
	if (timer_running(&end->pipe->dead)) {
		buf_clear(&end->waiting);
		return;
	}
	if (end->flow && end->waiting.n) {
		size_t n = 1 + random_below(&world->random, (uint32_t)end->waiting.n);
		if (random_below(&world->random, 3))
			n = end->waiting.n;
		char *copy = slice_dup(slice_sub(buf_slice(&end->waiting), 0, n));
		buf_drop(&end->waiting, n);
		world->arrived++;
		/* It may be closed, but is freed only here. */
		transport_flow_bytes(end->host->transport, end->flow, slice_make(copy, n));
		free(copy);
	}
	if (end->flow && end->waiting.n)
		timer_start(&world->timers, &end->timer, delay_us(world), arrive, end);
	else if (end->closing)
		come_to_end(end);
}

static void wake(struct end *end)
{
	if (!timer_running(&end->timer))
		timer_start(&end->pipe->world->timers, &end->timer, delay_us(end->pipe->world), arrive, end);
}

static void handshake(void *arg)
{
	struct end *end = arg, *there = other_end(end);
	struct pipe *pipe = end->pipe;

	if (end->host->cut || (there->host ? there->host->cut : pipe->world->silent_family))
		return; /* no answer: the transport gives up by itself */
	if (random_below(&pipe->world->random, 100) < pipe->world->broken_handshakes_percent) {
		end->err = ERR_RESET;
		come_to_end(end);
		return;
	}
	if (there->host && there->host->transport)
		there->flow =
			transport_accepted(there->host->transport, flow_target(end->flow)->protocol,
						 &there->host->address, &pipe->from, there);
	if (there->flow) {
		pipe->opened = true;
		transport_flow_opened(end->host->transport, end->flow, &pipe->from);
		return;
	}
	end->err = ERR_REFUSED;
	come_to_end(end);
}

enum err streams_connect(struct host *host, struct flow *flow)
{
	struct world *world = host->world;
	struct pipe *pipe = xcalloc(1, sizeof *pipe);

	pipe->world = world;
	pipe->from = host->address;
	address_set_port(&pipe->from, (uint16_t)(10000 + world->connections++ % 50000));
	for (int i = 0; i < 2; i++) {
		pipe->ends[i].pipe = pipe;
		buf_init(&pipe->ends[i].waiting, 1 << 22);
	}
	pipe->ends[0].host = host;
	pipe->ends[0].flow = flow;
	pipe->ends[1].host = world_host_at(world, &flow_target(flow)->address);
	list_append(&world->pipes, &pipe->node);
	flow_set_connection(flow, &pipe->ends[0]);
	flow_set_local(flow, &pipe->from);
	/* What TLS and its certificates take, some of them too long. */
	int64_t us = delay_us(world);
	if (random_below(&world->random, 100) < world->slow_handshakes_percent)
		us += (int64_t)random_below(&world->random, 8000) * MS_US;
	timer_start(&world->timers, &pipe->ends[0].timer, us, handshake, &pipe->ends[0]);
	return ERR_NONE;
}

enum err streams_send(struct flow *flow, struct slice bytes)
{
	struct end *there = other_end(flow_connection(flow));

	if (!there->flow || there->closing)
		return ERR_CLOSED;
	if (!buf_add(&there->waiting, bytes))
		return ERR_FULL;
	wake(there);
	return ERR_NONE;
}

void streams_close(struct flow *flow)
{
	struct end *end = flow_connection(flow), *there = other_end(end);

	end->flow = NULL;
	timer_stop(&end->pipe->world->timers, &end->timer);
	if (there->flow) {
		there->closing = true;
		there->err = ERR_CLOSED;
		wake(there);
	} else {
		pipe_free(end->pipe);
	}
}

/* One of those that are open, by chance; NULL: none. */
static struct pipe *any_pipe(struct world *world)
{
	struct pipe *chosen = NULL;
	uint32_t count = 0;

	LIST_EACH(&world->pipes, node) {
		struct pipe *pipe = LIST_ENTRY(node, struct pipe, node);
		if (pipe->opened && !timer_running(&pipe->dead) && random_below(&world->random, ++count) == 0)
			chosen = pipe;
	}
	return chosen;
}

static void break_pipe(struct pipe *pipe, enum err err)
{
	struct world *world = pipe->world;

	world->broken++;
	timer_stop(&world->timers, &pipe->dead);
	for (int i = 0; i < 2; i++) {
		struct end *end = &pipe->ends[i];
		buf_clear(&end->waiting);
		end->closing = true;
		end->err = err;
		timer_stop(&world->timers, &end->timer);
		if (end->flow)
			timer_start(&world->timers, &end->timer, i, arrive, end);
	}
}

void world_break(struct world *world)
{
	struct pipe *pipe = any_pipe(world);

	if (pipe)
		break_pipe(pipe, ERR_RESET);
}

static void tcp_gives_up(void *arg)
{
	break_pipe(arg, ERR_TIMEOUT);
}

void world_forget(struct world *world)
{
	struct pipe *pipe = any_pipe(world);

	if (pipe)
		timer_start(&world->timers, &pipe->dead, (int64_t)(5 + random_below(&world->random, 115)) * SECOND_US,
			    tcp_gives_up, pipe);
}

void streams_heal(struct world *world)
{
	LIST_EACH(&world->pipes, node) {
		struct pipe *pipe = LIST_ENTRY(node, struct pipe, node);
		if (timer_running(&pipe->dead))
			break_pipe(pipe, ERR_TIMEOUT);
	}
}

void streams_fini(struct world *world)
{
	LIST_EACH(&world->pipes, node)
		pipe_free(LIST_ENTRY(node, struct pipe, node));
}
