#include "sip/transaction/internal.h"

#include "base/utf8.h"
#include "base/xmalloc.h"

static void on_request(void *arg, struct sip_message *request, const struct sip_source *source)
{
	server__receive(arg, request, source);
}

static void on_response(void *arg, struct sip_message *response, const struct sip_source *source)
{
	client__receive(arg, response, source);
}

static void on_failed(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		      enum err err)
{
	struct transactions *transactions = arg;

	client__failed(transactions, protocol, remote, flow_id, err);
	if (transactions->handlers.failed)
		transactions->handlers.failed(transactions->handlers.arg, protocol, remote, flow_id, err);
}

static void on_opened(void *arg, const struct sip_target *target)
{
	struct transactions *transactions = arg;

	if (transactions->handlers.opened)
		transactions->handlers.opened(transactions->handlers.arg, target);
}

static void on_moved(void *arg, const struct address *remote)
{
	struct transactions *transactions = arg;

	if (transactions->handlers.moved)
		transactions->handlers.moved(transactions->handlers.arg, remote);
}

static void on_wire(void *arg, const struct sip_wire *wire)
{
	struct transactions *transactions = arg;

	if (transactions->handlers.wire)
		transactions->handlers.wire(transactions->handlers.arg, wire);
}

struct transactions *transactions_new(const struct sip_world *world, const struct transaction_handlers *handlers)
{
	struct transactions *transactions = xcalloc(1, sizeof *transactions);
	struct transport_handlers below = {
		.request = on_request,
		.response = on_response,
		.failed = on_failed,
		.opened = on_opened,
		.moved = on_moved,
		.wire = on_wire,
		.arg = transactions,
	};

	transactions->world = *world;
	transactions->handlers = *handlers;
	transactions->settings = (struct transaction_settings){
		.t1_us = 500 * MS_US,
		.t2_us = 4 * SECOND_US,
		.t4_us = 5 * SECOND_US,
		.max = 1000,
	};
	map_init(&transactions->clients, world->random);
	map_init(&transactions->servers, world->random);
	map_init(&transactions->merges, world->random);
	list_init(&transactions->client_list);
	list_init(&transactions->server_list);
	list_init(&transactions->finished_list);
	transactions->transport = transport_new(world, &below);
	return transactions;
}

void transactions_free(struct transactions *transactions)
{
	LIST_EACH(&transactions->client_list, node)
		client__free(client_of(LIST_ENTRY(node, struct transaction, node)));
	LIST_EACH(&transactions->server_list, node)
		server__free(server_of(LIST_ENTRY(node, struct transaction, node)));
	LIST_EACH(&transactions->finished_list, node)
		server__free(server_of(LIST_ENTRY(node, struct transaction, node)));
	said_models_fini(&transactions->models);
	transport_free(transactions->transport);
	map_fini(&transactions->clients);
	map_fini(&transactions->servers);
	map_fini(&transactions->merges);
	free(transactions);
}

struct transaction_settings *transaction_settings(struct transactions *transactions)
{
	return &transactions->settings;
}

struct transport *transactions_transport(struct transactions *transactions)
{
	return transactions->transport;
}

const struct transaction_counters *transaction_counters(const struct transactions *transactions)
{
	return &transactions->counters;
}

size_t transactions_count(const struct transactions *transactions)
{
	return transactions->clients.count + transactions->servers.count;
}

bool transactions_await_ack(const struct transactions *transactions)
{
	LIST_EACH(&transactions->finished_list, node) {
		struct transaction *base = LIST_ENTRY(node, struct transaction, node);
		if (base->state == COMPLETED && server_of(base)->method == SIP_INVITE)
			return true;
	}
	return false;
}

/* "INVITE server  proceeding  INVITE  UDP 192.0.2.4:5060"; the method may be anything a peer sent. */
static void show_line(const struct transaction *transaction, struct slice method, enum sip_protocol protocol,
		      const struct address *remote, transaction_show_h *show, void *arg)
{
	char address[ADDRESS_TEXT];
	struct buf line;

	buf_init(&line, 1024);
	buf_printf(&line, "%llu  %s  ", (unsigned long long)transaction->number, transaction->machine->name);
	buf_add_lower(&line, slice_of(machine_state_name(transaction->state)));
	buf_add(&line, SLICE("  "));
	utf8_clean(&line, slice_sub(method, 0, 64), false);
	buf_printf(&line, "  %.*s %s", SLICE_ARG(sip_protocol_name(protocol)), address_print(remote, address));
	show(arg, buf_text(&line));
	buf_fini(&line);
}

static void show_servers(const struct list *list, transaction_show_h *show, void *arg)
{
	LIST_EACH(list, node) {
		struct transaction *base = LIST_ENTRY(node, struct transaction, node);
		const struct server_transaction *st = server_of(base);
		show_line(base, server__method_name(st), st->source.protocol, &st->source.remote, show, arg);
	}
}

void transactions_show(const struct transactions *transactions, transaction_show_h *show, void *arg)
{
	LIST_EACH(&transactions->client_list, node) {
		struct transaction *base = LIST_ENTRY(node, struct transaction, node);
		const struct client_transaction *ct = client_of(base);
		show_line(base, ct->request->method_name, ct->target.protocol, &ct->target.address, show, arg);
	}
	show_servers(&transactions->server_list, show, arg);
	show_servers(&transactions->finished_list, show, arg);
}
