/* Settings, aliases, help, the end. */
#include "command/help.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

static enum command_result do_set(struct invocation *invocation)
{
	static const char *const devices[] = { "input", "output", "ringer" };
	bool from_config = !strcmp(invocation->runner->name, "config");
	const char *name = invocation->values[0];
	struct slice value = slice_of(invocation->values[1]);

	for (size_t i = 0; !strncmp(name, "audio.", 6) && i < ARRAY_LEN(devices); i++)
		if (!strcmp(name + 6, devices[i]))
			return devices_use(invocation, devices[i], NULL, value);
	return invocation_end(invocation,
			      phone_set(invocation->phone, slice_of(name), value, from_config, &invocation->failure));
}

static enum command_result do_get(struct invocation *invocation)
{
	unsigned call = runner_is_interactive(invocation->runner) ? 0 : invocation->runner->call;
	struct buf value;
	double number = 0;
	bool is_number = false;

	buf_init(&value, 1 << 16);
	bool good =
		phone_quantity(invocation->phone, call, slice_of(invocation->values[0]), &value, &number, &is_number) ||
		fail(&invocation->failure, STATUS_USAGE, "quantity", "%.60s: no such quantity or setting",
		     invocation->values[0]);
	if (good) {
		/* An empty line says nothing to people; programs read the empty value of the JSON. */
		buf_printf(invocation->out, value.n ? "%s\n" : "%s has no value\n",
			   value.n ? buf_text(&value) : invocation->values[0]);
		json_t *result = json_pack("{s:s, s:s}", "name", invocation->values[0], "value", buf_text(&value));
		if (result && is_number && value.n)
			json_object_set_new(result, "number", json_real(number));
		invocation->result = result;
	}
	buf_fini(&value);
	return invocation_end(invocation, good);
}

static void list_aliases(struct invocation *invocation)
{
	json_t *list = json_array();

	LIST_EACH(&invocation->commands->aliases, node) {
		const struct alias *alias = LIST_ENTRY(node, struct alias, node);
		buf_printf(invocation->out, "alias %s %s\n", alias->name, alias->text);
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", alias->name, "command", alias->text));
	}
	if (!json_array_size(list))
		buf_printf(invocation->out, "no aliases\n");
	invocation->result = list;
}

static enum command_result do_alias(struct invocation *invocation)
{
	if (!invocation->values[0]) {
		list_aliases(invocation);
		return COMMAND_DONE;
	}
	if (!invocation->values[1])
		return invocation_fail(invocation, STATUS_USAGE, "arguments",
				       "what shall %.60s stand for? alias NAME COMMAND", invocation->values[0]);
	return invocation_end(invocation, alias_set(invocation->commands, slice_of(invocation->values[0]),
						    slice_of(invocation->values[1]), &invocation->failure));
}

static enum command_result do_help(struct invocation *invocation)
{
	help_set_width(invocation->runner->columns);
	help_print(slice_of(invocation->values[0]), invocation->out);
	help_set_width(HELP_COLS);
	return COMMAND_DONE;
}

static enum command_result do_detach(struct invocation *invocation)
{
	const struct runner_output *output = &invocation->runner->output;

	if (!output->detach)
		return invocation_fail(invocation, STATUS_USAGE, "not-attached",
				       "this is the phone itself and no `offhook ctl`: `quit` ends it");
	output->detach(output->arg, invocation->runner, -1);
	return COMMAND_DONE;
}

static enum command_result do_quit(struct invocation *invocation)
{
	invocation->commands->quit = true;
	invocation->commands->quit_status = STATUS_OK;
	invocation->failure.status = STATUS_OK;
	return COMMAND_EXIT;
}

const struct command phone_commands[] = {
	{ .name = "set",
	  .group = "phone",
	  .run = do_set,
	  .arguments = { { .name = "NAME", .kind = ARG_SETTING, .text = "a setting" },
			 { .name = "VALUE", .kind = ARG_VALUE, .text = "its new value; several words are one value" } },
	  .summary = "change a setting",
	  .text = "`help settings` lists them. `save` keeps the changes.",
	  .examples = { "set call.auto-answer on", "set sip.listen 0.0.0.0:5060 [::]:5060" } },
	{ .name = "get",
	  .group = "phone",
	  .run = do_get,
	  .arguments = { { .name = "NAME", .kind = ARG_QUANTITY, .text = "a setting or a quantity" } },
	  .summary = "print a setting or a quantity",
	  .text = "`help quantities` lists what can be asked.",
	  .examples = { "get call.state", "get script.timeout" } },
	{ .name = "alias",
	  .group = "phone",
	  .run = do_alias,
	  .arguments = { { .name = "NAME", .kind = ARG_NAME, .optional = true, .text = "a new word" },
			 { .name = "COMMAND", .kind = ARG_COMMAND, .optional = true, .text = "what it stands for" } },
	  .summary = "give a command a name of your own",
	  .text = "What follows the alias on a line follows the command. Without arguments lists the aliases.",
	  .examples = { "alias bob call sip:bob@biloxi.com" } },
	{ .name = "help",
	  .aliases = "?",
	  .group = "phone",
	  .run = do_help,
	  .arguments = { { .name = "TOPIC",
			   .kind = ARG_TOPIC,
			   .optional = true,
			   .text = "a command, settings, events, quantities, keys, or a setting" } },
	  .summary = "explain a command",
	  .text = "Without TOPIC an overview.",
	  .examples = { "help", "help account add", "help settings" } },
	{ .name = "detach",
	  .group = "phone",
	  .run = do_detach,
	  .ends = true,
	  .summary = "leave a phone that runs on",
	  .text = "For whoever is attached by `offhook ctl`: the phone and its calls go on. The end of input does the "
		  "same.",
	  .examples = { "detach" } },
	{ .name = "quit",
	  .group = "phone",
	  .run = do_quit,
	  .ends = true,
	  .summary = "end the phone",
	  .text = "Calls end by BYE and bindings are removed. From a script it ends the phone too.",
	  .examples = { "quit" } },
};
const size_t phone_command_count = ARRAY_LEN(phone_commands);
