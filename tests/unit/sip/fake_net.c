#include "tests/unit/sip/fake_net.h"

#include "base/buf.h"
#include "base/xmalloc.h"

#include <assert.h>
#include <stdio.h>

struct address fake_address(const char *text)
{
	struct address address;
	bool ok = address_parse(&address, slice_of(text), 5060);

	assert(ok);
	(void)ok;
	return address;
}

struct sip_target fake_target(const char *text)
{
	struct sip_target target = { 0 };
	struct slice rest = slice_of(text);
	bool ok = sip_protocol_find(slice_cut(&rest, ' '), &target.protocol) &&
		  address_parse(&target.address, rest, sip_protocol_port(target.protocol));

	assert(ok);
	(void)ok;
	return target;
}

/* ---- what the stack calls ---- */

static void keep(struct fake_net *net, enum sip_protocol protocol, const struct address *local,
		 const struct address *remote, struct flow *flow, struct slice bytes)
{
	struct fake_packet *packet = xcalloc(1, sizeof *packet);
	size_t used, offset;

	packet->sent_us = net->timers.now_us;
	packet->protocol = protocol;
	packet->local = *local;
	packet->remote = *remote;
	packet->flow = flow;
	packet->bytes = slice_dup(bytes);
	packet->bytes_n = bytes.n;
	enum sip_framing framing = flow ? SIP_STREAM : SIP_DATAGRAM;
	if (sip_message_parse(bytes, framing, &packet->message, &used, &offset) != SCAN_OK)
		packet->message = NULL;
	list_append(&net->sent, &packet->node);
}

static enum err send_datagram(void *arg, const struct address *local, const struct address *remote, struct slice bytes)
{
	struct fake_net *net = arg;

	if (net->datagram_err)
		return net->datagram_err;
	net->sent_count++;
	if (net->lose_next || (net->loss_percent && random_below(&net->random, 100) < net->loss_percent)) {
		net->lose_next -= net->lose_next > 0;
		net->lost_count++;
		return ERR_NONE;
	}
	keep(net, SIP_UDP, local, remote, NULL, bytes);
	return ERR_NONE;
}

static void finish_connect(void *arg)
{
	struct fake_connection *connection = arg;
	struct fake_net *net = connection->net;

	if (net->connect == FAKE_REFUSES)
		fake_net_closed(net, connection->flow, ERR_REFUSED);
	else
		fake_net_opened(net, connection->flow);
}

static struct fake_connection *connection_new(struct fake_net *net, struct flow *flow)
{
	struct fake_connection *connection = xcalloc(1, sizeof *connection);

	connection->net = net;
	connection->flow = flow;
	list_append(&net->connections, &connection->node);
	return connection;
}

/* The ephemeral port that a connection of ours would have. */
static void set_local(struct fake_net *net, struct flow *flow)
{
	bool v6 = address_is_v6(&flow_target(flow)->address);
	struct address local = v6 ? net->local6 : net->local[flow_target(flow)->protocol];

	address_set_port(&local, (uint16_t)(40000 + net->connect_count));
	flow_set_local(flow, &local);
}

static enum err connect_flow(void *arg, struct flow *flow)
{
	struct fake_net *net = arg;

	net->connect_count++;
	if (net->connect == FAKE_FAILS)
		return ERR_UNREACHABLE;
	struct fake_connection *connection = connection_new(net, flow);
	flow_set_connection(flow, connection);
	set_local(net, flow);
	if (net->connect != FAKE_HANGS)
		timer_start(&net->timers, &connection->timer, 0, finish_connect, connection);
	return ERR_NONE;
}

static enum err send_stream(void *arg, struct flow *flow, struct slice bytes)
{
	struct fake_net *net = arg;
	const struct sip_target *target = flow_target(flow);

	assert(fake_net_is_open(net, flow));
	if (net->stream_err)
		return net->stream_err;
	net->sent_count++;
	keep(net, target->protocol, &target->local, &target->address, flow, bytes);
	return ERR_NONE;
}

static void connection_free(struct fake_connection *connection)
{
	timer_stop(&connection->net->timers, &connection->timer);
	list_remove(&connection->node);
	free(connection);
}

static void close_flow(void *arg, struct flow *flow)
{
	struct fake_net *net = arg;

	net->closed_count++;
	assert(flow_connection(flow));
	connection_free(flow_connection(flow));
}

static bool local_address(void *arg, enum sip_protocol protocol, const struct address *remote, struct address *local)
{
	struct fake_net *net = arg;

	*local = address_is_v6(remote) ? net->local6 : net->local[protocol];
	return address_is_set(local);
}

static void lookup_free(struct fake_lookup *lookup)
{
	timer_stop(&lookup->net->timers, &lookup->timer);
	list_remove(&lookup->node);
	free(lookup);
}

/* A hop that names a protocol gets the targets of that protocol only; a port of its own replaces theirs. */
static size_t find_targets(const struct fake_net *net, const struct sip_hop *hop, struct sip_target targets[LOCATE_MAX])
{
	enum sip_protocol protocol = hop->has_protocol ? hop->protocol : hop->secure ? SIP_TLS : SIP_UDP;
	struct sip_target literal = { .protocol = protocol };
	size_t count = 0;

	if (address_parse_host(&literal.address, slice_of(hop->host),
			       hop->port ? hop->port : sip_protocol_port(protocol))) {
		targets[0] = literal;
		return 1;
	}
	for (size_t i = 0; i < net->name_count; i++) {
		for (size_t k = 0;
		     slice_ieq(slice_of(net->names[i].host), slice_of(hop->host)) && k < net->names[i].count; k++) {
			struct sip_target target = net->names[i].targets[k];
			if (hop->has_protocol && hop->protocol != target.protocol)
				continue;
			if (hop->port)
				address_set_port(&target.address, hop->port);
			snprintf(target.name, sizeof target.name, "%s", hop->host);
			targets[count++] = target;
		}
	}
	return count;
}

static void finish_lookup(void *arg)
{
	struct fake_lookup *lookup = arg;
	struct sip_target targets[LOCATE_MAX];
	size_t count = find_targets(lookup->net, &lookup->hop, targets);
	locate_h *done = lookup->done;
	void *done_arg = lookup->arg;

	lookup_free(lookup);
	done(done_arg, count ? ERR_NONE : ERR_DNS, targets, count);
}

static void *locate(void *arg, const struct sip_hop *hop, locate_h *done, void *done_arg)
{
	struct fake_net *net = arg;
	struct fake_lookup *lookup = xcalloc(1, sizeof *lookup);

	net->locate_count++;
	*lookup = (struct fake_lookup){ .net = net, .hop = *hop, .done = done, .arg = done_arg };
	list_append(&net->lookups, &lookup->node);
	if (!net->lookups_hang)
		timer_start(&net->timers, &lookup->timer, 0, finish_lookup, lookup);
	return lookup;
}

static void locate_cancel(void *arg, void *handle)
{
	(void)arg;
	lookup_free(handle);
}

static const struct transport_ops fake_ops = {
	.send_datagram = send_datagram,
	.connect = connect_flow,
	.send_stream = send_stream,
	.close = close_flow,
	.local_address = local_address,
	.locate = locate,
	.locate_cancel = locate_cancel,
};

/* ---- what the test calls ---- */

void fake_net_init(struct fake_net *net, uint64_t seed)
{
	*net = (struct fake_net){ 0 };
	timers_init(&net->timers, 1000 * SECOND_US);
	random_init_seeded(&net->random, seed);
	list_init(&net->sent);
	list_init(&net->taken);
	list_init(&net->connections);
	list_init(&net->lookups);
	net->local[SIP_UDP] = net->local[SIP_TCP] = fake_address("192.0.2.1:5060");
	net->local[SIP_TLS] = fake_address("192.0.2.1:5061");
	net->world = (struct sip_world){
		.timers = &net->timers,
		.random = &net->random,
		.log = &net->log,
		.ops = &fake_ops,
		.net = net,
	};
}

static void packets_free(struct list *packets)
{
	LIST_EACH(packets, node) {
		struct fake_packet *packet = LIST_ENTRY(node, struct fake_packet, node);
		list_remove(node);
		sip_message_unref(packet->message);
		free(packet->bytes);
		free(packet);
	}
}

void fake_net_fini(struct fake_net *net)
{
	packets_free(&net->sent);
	packets_free(&net->taken);
	LIST_EACH(&net->connections, node)
		connection_free(LIST_ENTRY(node, struct fake_connection, node));
	LIST_EACH(&net->lookups, node)
		lookup_free(LIST_ENTRY(node, struct fake_lookup, node));
	timers_fini(&net->timers);
}

void fake_net_attach(struct fake_net *net, struct transport *transport)
{
	net->transport = transport;
}

void fake_net_pass(struct fake_net *net, int64_t us)
{
	timers_advance(&net->timers, us);
}

struct fake_packet *fake_net_take(struct fake_net *net)
{
	struct list_node *node = list_first(&net->sent);

	if (!node)
		return NULL;
	list_remove(node);
	list_append(&net->taken, node);
	return LIST_ENTRY(node, struct fake_packet, node);
}

size_t fake_net_waiting(const struct fake_net *net)
{
	size_t count = 0;

	LIST_EACH(&net->sent, node)
		count++;
	return count;
}

void fake_net_drop(struct fake_net *net)
{
	while (fake_net_take(net))
		;
}

bool fake_packet_is(const struct fake_packet *packet, const char *what)
{
	char status[16];

	if (!packet || !packet->message)
		return false;
	if (packet->message->is_request)
		return slice_eq(packet->message->method_name, slice_of(what));
	snprintf(status, sizeof status, "%u", packet->message->status);
	return slice_eq(slice_of(status), slice_of(what));
}

struct slice fake_packet_value(const struct fake_packet *packet, enum sip_header_id id, size_t nth)
{
	const struct sip_header *header =
		packet && packet->message ? sip_message_header(packet->message, id, nth) : NULL;

	return header ? header->value : slice_of("");
}

void fake_net_datagram_bytes(struct fake_net *net, const char *remote, struct slice bytes)
{
	struct address from = fake_address(remote);
	const struct address *local = address_is_v6(&from) ? &net->local6 : &net->local[SIP_UDP];

	transport_datagram(net->transport, local, &from, bytes);
}

void fake_net_datagram(struct fake_net *net, const char *remote, const char *text)
{
	fake_net_datagram_bytes(net, remote, slice_of(text));
}

void fake_net_icmp(struct fake_net *net, const char *remote)
{
	struct address to = fake_address(remote);

	transport_datagram_failed(net->transport, &to, ERR_REFUSED);
}

struct flow *fake_net_accept(struct fake_net *net, enum sip_protocol protocol, const char *remote)
{
	struct address from = fake_address(remote);
	struct fake_connection *connection = connection_new(net, NULL);
	const struct address *local = address_is_v6(&from) ? &net->local6 : &net->local[protocol];

	connection->flow = transport_accepted(net->transport, protocol, local, &from, connection);
	if (connection->flow)
		return connection->flow;
	connection_free(connection);
	return NULL;
}

bool fake_net_is_open(const struct fake_net *net, const struct flow *flow)
{
	LIST_EACH(&net->connections, node) {
		if (LIST_ENTRY(node, struct fake_connection, node)->flow == flow)
			return true;
	}
	return false;
}

struct flow *fake_net_newest(const struct fake_net *net)
{
	struct list_node *last = list_last(&net->connections);

	return last ? LIST_ENTRY(last, struct fake_connection, node)->flow : NULL;
}

void fake_net_bytes_n(struct fake_net *net, struct flow *flow, struct slice bytes)
{
	if (fake_net_is_open(net, flow))
		transport_flow_bytes(net->transport, flow, bytes);
}

void fake_net_bytes(struct fake_net *net, struct flow *flow, const char *text)
{
	fake_net_bytes_n(net, flow, slice_of(text));
}

void fake_net_opened(struct fake_net *net, struct flow *flow)
{
	struct address local = flow_target(flow)->local;

	transport_flow_opened(net->transport, flow, &local);
}

void fake_net_closed(struct fake_net *net, struct flow *flow, enum err err)
{
	if (!fake_net_is_open(net, flow))
		return;
	connection_free(flow_connection(flow));
	transport_flow_closed(net->transport, flow, err);
}

static void add_lines(struct buf *text, const struct sip_message *request, enum sip_header_id id, const char *suffix)
{
	const struct sip_header *header;

	for (size_t i = 0; (header = sip_message_header(request, id, i)); i++)
		buf_printf(text, "%.*s: %.*s%s\r\n", SLICE_ARG(sip_header_name(id)), SLICE_ARG(header->value), suffix);
}

char *fake_net_answer_text(const struct fake_packet *request, unsigned status, const char *to_tag, const char *lines,
			   const char *body)
{
	struct sip_message *message = request->message;
	struct buf text;
	char tag[128] = "";

	assert(message && message->is_request);
	const struct sip_address *to = sip_message_to(message);
	if (to_tag && to && !to->tag.n)
		snprintf(tag, sizeof tag, ";tag=%s", to_tag);
	buf_init(&text, SIP_MESSAGE_MAX);
	buf_printf(&text, "SIP/2.0 %u %.*s\r\n", status, SLICE_ARG(sip_status_phrase(status)));
	add_lines(&text, message, SIP_HEADER_VIA, "");
	add_lines(&text, message, SIP_HEADER_FROM, "");
	add_lines(&text, message, SIP_HEADER_TO, tag);
	add_lines(&text, message, SIP_HEADER_CALL_ID, "");
	add_lines(&text, message, SIP_HEADER_CSEQ, "");
	buf_printf(&text, "%sContent-Length: %zu\r\n\r\n%s", lines, strlen(body), body);
	return buf_take(&text);
}

void fake_net_send_back(struct fake_net *net, const struct fake_packet *packet, const char *text)
{
	if (packet->flow)
		fake_net_bytes(net, packet->flow, text);
	else
		transport_datagram(net->transport, &packet->local, &packet->remote, slice_of(text));
}

void fake_net_answer(struct fake_net *net, const struct fake_packet *request, unsigned status, const char *to_tag,
		     const char *lines, const char *body)
{
	char *text = fake_net_answer_text(request, status, to_tag, lines, body);

	fake_net_send_back(net, request, text);
	free(text);
}

void fake_net_name(struct fake_net *net, const char *host, const char *target)
{
	size_t i = 0;

	while (i < net->name_count && strcmp(net->names[i].host, host) != 0)
		i++;
	assert(i < FAKE_NAMES);
	if (i == net->name_count) {
		snprintf(net->names[i].host, sizeof net->names[i].host, "%s", host);
		net->name_count++;
	}
	assert(net->names[i].count < LOCATE_MAX);
	net->names[i].targets[net->names[i].count++] = fake_target(target);
}

void fake_net_lookup_now(struct fake_net *net)
{
	struct list_node *node;

	while ((node = list_first(&net->lookups)))
		finish_lookup(LIST_ENTRY(node, struct fake_lookup, node));
}

void fake_net_deliver(struct fake_net *from, struct fake_net *to)
{
	struct fake_packet *packet;

	while ((packet = fake_net_take(from))) {
		if (packet->protocol == SIP_UDP && address_eq(&packet->remote, &to->local[SIP_UDP]))
			transport_datagram(to->transport, &packet->remote, &packet->local,
					   slice_make(packet->bytes, packet->bytes_n));
	}
}
