#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/binding.h"
#include "command/table.h"
#include "loop/loop.h"

#include <string.h>

struct commands *commands_new(struct phone *phone, struct loop *loop)
{
	struct commands *commands = xcalloc(1, sizeof *commands);

	commands->phone = phone;
	commands->loop = loop;
	list_init(&commands->runners);
	list_init(&commands->handlers);
	list_init(&commands->variables);
	list_init(&commands->aliases);
	list_init(&commands->bindings);
	list_init(&commands->device_requests);
	list_init(&commands->device_checks);
	commands->cursor = events_last(phone_events(phone));
	return commands;
}

void commands_free(struct commands *commands)
{
	if (!commands)
		return;
	/* Runners of handlers are ours; others were their front ends', which are gone by now. */
	LIST_EACH(&commands->runners, node)
		runner_free(LIST_ENTRY(node, struct runner, node));
	handlers_free(commands);
	LIST_EACH(&commands->variables, node) {
		struct variable *variable = LIST_ENTRY(node, struct variable, node);
		list_remove(node);
		free(variable->name);
		free(variable->value);
		free(variable);
	}
	bindings_free(commands);
	LIST_EACH(&commands->aliases, node) {
		struct alias *alias = LIST_ENTRY(node, struct alias, node);
		list_remove(node);
		free(alias->name);
		free(alias->text);
		free(alias);
	}
	devices_forget(commands);
	settings_free(commands->scratch);
	free(commands);
}

void commands_set_output(struct commands *commands, const struct runner_output *output)
{
	commands->output = output ? *output : (struct runner_output){ 0 };
}

struct timers *commands_timers(const struct commands *commands)
{
	return loop_timers(commands->loop);
}

bool commands_quit_wanted(const struct commands *commands, int *status)
{
	if (commands->quit && status)
		*status = commands->quit_status;
	return commands->quit;
}

bool commands_have_handlers(const struct commands *commands)
{
	return commands->handler_count > 0;
}

/* The first runner that is not busy with this turn yet; runners come and go while others run. */
static struct runner *next_runner(struct commands *commands)
{
	LIST_EACH(&commands->runners, node) {
		struct runner *runner = LIST_ENTRY(node, struct runner, node);
		if (runner->busy)
			return runner;
	}
	return NULL;
}

void commands_turn_end(struct commands *commands)
{
	struct runner *runner;

	if (commands->turning)
		return;
	commands->turning = true;
	handlers_turn_end(commands);
	LIST_EACH(&commands->runners, node) {
		LIST_ENTRY(node, struct runner, node)->busy = true;
		LIST_ENTRY(node, struct runner, node)->turn_cost = 0;
	}
	while ((runner = next_runner(commands))) {
		runner->busy = false;
		if (runner->wait.kind != WAIT_NOTHING)
			wait_poll(runner);
		else
			runner_run(runner);
	}
	/* What the commands did may be an event for a handler or another script. */
	if (events_last(phone_events(commands->phone)) > commands->cursor)
		loop_again(commands->loop);
	commands->turning = false;
}

/* ---- variables and aliases ---- */

const struct variable *variable_find(const struct commands *commands, struct slice name)
{
	LIST_EACH(&commands->variables, node) {
		struct variable *variable = LIST_ENTRY(node, struct variable, node);
		if (slice_eq(slice_of(variable->name), name))
			return variable;
	}
	return NULL;
}

bool variable_set(struct commands *commands, struct slice name, struct slice value, bool network,
		  struct failure *failure)
{
	struct variable *variable = NULL;
	const char *const *taken = variable_names();

	for (size_t i = 0; taken[i]; i++)
		if (slice_eq(slice_of(taken[i]), name))
			return fail(failure, STATUS_USAGE, "name", "$%s is the phone's own", taken[i]);
	LIST_EACH(&commands->variables, node)
		if (slice_eq(slice_of(LIST_ENTRY(node, struct variable, node)->name), name))
			variable = LIST_ENTRY(node, struct variable, node);
	if (!variable) {
		if (commands->variable_count == VARIABLES_MAX)
			return fail(failure, STATUS_USAGE, "full", "there are %d variables already", VARIABLES_MAX);
		variable = xcalloc(1, sizeof *variable);
		variable->name = slice_dup(name);
		list_prepend(&commands->variables, &variable->node);
		commands->variable_count++;
	}
	free(variable->value);
	variable->value = slice_dup(value);
	variable->network = network;
	return true;
}

struct slice alias_find(const struct commands *commands, struct slice name)
{
	LIST_EACH(&commands->aliases, node) {
		struct alias *alias = LIST_ENTRY(node, struct alias, node);
		if (slice_eq(slice_of(alias->name), name))
			return slice_of(alias->text);
	}
	return (struct slice){ NULL, 0 };
}

bool alias_set(struct commands *commands, struct slice name, struct slice text, struct failure *failure)
{
	struct alias *alias = NULL;

	if (table_find(name) || table_is_first_word(name))
		return fail(failure, STATUS_USAGE, "name", "%.*s is a command already",
			    SLICE_ARG(slice_sub(name, 0, 60)));
	LIST_EACH(&commands->aliases, node)
		if (slice_eq(slice_of(LIST_ENTRY(node, struct alias, node)->name), name))
			alias = LIST_ENTRY(node, struct alias, node);
	if (!alias) {
		if (commands->alias_count == ALIASES_MAX)
			return fail(failure, STATUS_USAGE, "full", "there are %d aliases already", ALIASES_MAX);
		alias = xcalloc(1, sizeof *alias);
		alias->name = slice_dup(name);
		list_append(&commands->aliases, &alias->node);
		commands->alias_count++;
	}
	free(alias->text);
	alias->text = slice_dup(text);
	return true;
}

void aliases_offer(const struct commands *commands, struct near *near)
{
	LIST_EACH(&commands->aliases, node)
		near_offer(near, slice_of(LIST_ENTRY(node, struct alias, node)->name));
}

/* ---- --check ---- */

struct checked {
	struct buf *out;
	size_t count;
	int status;
};

static void check_error(void *arg, const char *where, const struct failure *failure, const char *shown)
{
	struct checked *checked = arg;

	if (!checked->count)
		checked->status = (int)failure->status;
	if (checked->count++ < ERRORS_SHOWN)
		buf_printf(checked->out, "%s%s\n%s", where, failure->text, shown);
}

size_t commands_check_file(struct commands *commands, const char *path, struct buf *out, int *status)
{
	struct checked checked = { .out = out };

	script_release(script_read(commands, path, check_error, &checked));
	if (checked.count > ERRORS_SHOWN)
		buf_printf(out, "%s: and %zu errors more\n", path, checked.count - ERRORS_SHOWN);
	*status = checked.status;
	return checked.count;
}

bool commands_say_quit(struct slice line)
{
	if (line.n && line.p[0] == '/')
		line = slice_from(line, 1);
	struct slice word = slice_sub(line, 0, slice_find(line, ' '));
	return (word.n && slice_begins(SLICE("quit"), word)) || slice_eq(word, SLICE("exit"));
}

char *commands_quit_question(const struct commands *commands)
{
	size_t calls = phone_calls(commands->phone, NULL, 0);
	bool unsaved = commands_unsaved(commands);

	if (calls)
		return xasprintf("%zu call%s up: quit once more to hang up and leave%s", calls,
				 calls == 1 ? " is" : "s are", unsaved ? "; `save` keeps what you have changed" : "");
	return unsaved ? xstrdup("accounts, settings, aliases or keys were changed: `save` keeps them, quit once more "
				 "leaves without")
		       : NULL;
}
