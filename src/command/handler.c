#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"
#include "loop/loop.h"

#include <jansson.h>
#include <string.h>

static void handler_free(struct handler *handler)
{
	list_remove(&handler->node);
	filter_fini(&handler->filter);
	free(handler->name);
	free(handler->command);
	free(handler->event);
	free(handler);
}

static struct handler *handler_find(const struct commands *commands, struct slice name)
{
	LIST_EACH(&commands->handlers, node) {
		struct handler *handler = LIST_ENTRY(node, struct handler, node);
		if (!handler->dead && slice_eq(slice_of(handler->name), name))
			return handler;
	}
	return NULL;
}

/* Handlers that go while they are looked through are freed afterwards. */
static void retire(struct commands *commands, struct handler *handler)
{
	handler->dead = true;
	commands->handler_count--;
}

static void bury(struct commands *commands)
{
	LIST_EACH(&commands->handlers, node) {
		struct handler *handler = LIST_ENTRY(node, struct handler, node);
		if (handler->dead)
			handler_free(handler);
	}
}

bool handler_add(struct invocation *invocation)
{
	struct commands *commands = invocation->commands;
	const char *name = invocation->values[2];
	struct handler *handler, *old = name ? handler_find(commands, slice_of(name)) : NULL;

	if (!old && commands->handler_count == HANDLERS_MAX)
		return fail(&invocation->failure, STATUS_USAGE, "full", "there are %d handlers already", HANDLERS_MAX);
	handler = xcalloc(1, sizeof *handler);
	if (!filter_from(&handler->filter, invocation, slice_of(invocation->values[0]), true, &invocation->failure)) {
		handler_free(handler);
		return false;
	}
	if (old)
		retire(commands, old);
	do {
		free(handler->name);
		handler->name = name ? xstrdup(name) : xasprintf("%u", ++commands->handlers_made);
	} while (!name && handler_find(commands, slice_of(handler->name)));
	handler->command = xstrdup(invocation->values[4]);
	handler->event = xstrdup(invocation->values[0]);
	handler->since = events_last(phone_events(commands->phone));
	list_append(&commands->handlers, &handler->node);
	commands->handler_count++;
	invocation->result = json_pack("{s:s}", "handler", handler->name);
	if (!name && runner_is_interactive(invocation->runner))
		buf_printf(invocation->out, "handler %s\n", handler->name);
	return true;
}

bool handler_remove(struct commands *commands, struct slice name)
{
	struct handler *handler = handler_find(commands, name);

	if (handler) {
		retire(commands, handler);
		return true;
	}
	if (!slice_eq(name, SLICE("all")))
		return false;
	LIST_EACH(&commands->handlers, node)
		if (!LIST_ENTRY(node, struct handler, node)->dead)
			retire(commands, LIST_ENTRY(node, struct handler, node));
	return true;
}

void handlers_free(struct commands *commands)
{
	LIST_EACH(&commands->handlers, node)
		handler_free(LIST_ENTRY(node, struct handler, node));
}

void handlers_note_call(struct runner *runner, unsigned call)
{
	if (runner->of_handler)
		runner->commands->chain[call % CHAIN_CALLS] = call;
}

/* Each firing is a script of its own, with the event's call as its current one. */
static void fire(struct commands *commands, const struct handler *handler, const struct event *event)
{
	struct runner *runner;
	struct failure failure;
	char *name;

	if (commands->firings >= FIRINGS_MAX) {
		fail(&failure, STATUS_USAGE, "full",
		     "handler %s: %d commands of handlers run already; this %s passes without", handler->name,
		     FIRINGS_MAX, event_name(event->kind));
		if (commands->output.error)
			commands->output.error(commands->output.arg, NULL, "", &failure);
		return;
	}
	name = xasprintf("on %s", handler->name);
	runner = runner_new(commands, name, &commands->output);
	free(name);
	runner->of_handler = true;
	commands->firings++;
	runner->begin = event->number;
	runner->seen = event->number;
	runner->call = event->call;
	runner_adopt(runner, event);
	runner_line(runner, slice_of(handler->command), false);
}

/*
 * May a handler have caused this event? What comes from the network does not count, or whoever floods us with calls
 * would switch our handlers off.
 */
static bool is_of_handlers(const struct commands *commands, const struct event *event)
{
	if (!event->call)
		return event->kind != EVENT_CONNECTION && event->kind != EVENT_NETWORK;
	return event->kind == EVENT_HELD || event->kind == EVENT_RESUMED ||
	       commands->chain[event->call % CHAIN_CALLS] == event->call;
}

/* `on failed do call nobody` fires itself for ever, as fast as the host can. @return true: it is taken off (told) */
static bool fires_without_end(struct commands *commands, struct handler *handler, const struct event *event)
{
	int64_t now_us = commands_timers(commands)->now_us;
	struct failure failure;

	if (!is_of_handlers(commands, event))
		return false;
	if (now_us - handler->second_us >= SECOND_US) {
		handler->second_us = now_us;
		handler->fired = 0;
	}
	if (handler->fired++ < CHAIN_PER_SECOND)
		return false;
	fail(&failure, STATUS_USAGE, "endless",
	     "`on %s` (handler %s) fires itself without end, %d times within a second: it is taken off", handler->event,
	     handler->name, CHAIN_PER_SECOND);
	retire(commands, handler);
	if (commands->output.error)
		commands->output.error(commands->output.arg, NULL, "", &failure);
	return true;
}

void handlers_turn_end(struct commands *commands)
{
	struct events *events = phone_events(commands->phone);
	uint64_t last = events_last(events); /* what the handlers themselves cause is for the next turn */
	const struct event *event;

	if (!commands->handler_count) {
		commands->cursor = last;
		bury(commands);
		return;
	}
	while ((event = events_next(events, commands->cursor)) && event->number <= last) {
		uint64_t number = event->number;
		commands->cursor = number;
		LIST_EACH(&commands->handlers, node) {
			struct handler *handler = LIST_ENTRY(node, struct handler, node);
			/* An event may leave the log while the commands of another handler add theirs. */
			if (!event || event->number != number)
				break;
			if (!handler->dead && number > handler->since && filter_matches(&handler->filter, event) &&
			    !fires_without_end(commands, handler, event)) {
				fire(commands, handler, event);
				event = events_next(events, number - 1);
			}
		}
	}
	bury(commands);
}
