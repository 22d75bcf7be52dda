/* Keys that run commands. */
#include "command/binding.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

static void list_one(void *arg, const char *view, const char *key, const char *command)
{
	struct invocation *invocation = arg;

	buf_printf(invocation->out, "bind %s%s%s %s\n", view, *view ? " " : "", *key == ' ' ? "Space" : key, command);
	json_array_append_new(invocation->result,
			      json_pack("{s:s, s:s, s:s}", "view", view, "key", key, "command", command));
}

static enum command_result do_bind(struct invocation *invocation)
{
	const char *view = invocation->values[0], *name = invocation->values[1], *command = invocation->values[2];
	char key[BINDING_KEY];

	if (!name) {
		invocation->result = json_array();
		commands_bindings(invocation->commands, list_one, invocation);
		if (!json_array_size(invocation->result))
			buf_printf(invocation->out, "no keys of your own\n");
		return COMMAND_DONE;
	}
	if (!command)
		return invocation_fail(invocation, STATUS_USAGE, "arguments",
				       "what shall %.20s do? bind [VIEW] KEY COMMAND", name);
	if (!binding_key_read(slice_of(name), key))
		return invocation_fail(invocation, STATUS_USAGE, "key", "%.20s is no key", name);
	return invocation_end(invocation,
			      binding_set(invocation->commands, view, key, command, &invocation->failure));
}

static enum command_result do_unbind(struct invocation *invocation)
{
	const char *view = invocation->values[0], *name = invocation->values[1];
	char key[BINDING_KEY];

	if (!binding_key_read(slice_of(name), key) || !binding_remove(invocation->commands, view, key))
		return invocation_fail(invocation, STATUS_USAGE, "key", "%.20s is not bound%s%s", name,
				       view ? " in the view " : "; `bind` lists the keys that are", view ? view : "");
	return COMMAND_DONE;
}

#define VIEW_ARGUMENT                                                                                                  \
	{                                                                                                              \
		.name = "VIEW", .kind = ARG_VIEW, .choices = BINDING_VIEWS, .optional = true,                          \
		.text = "only while this view has the keys"                                                            \
	}

const struct command keys_commands[] = {
	{ .name = "bind",
	  .group = "phone",
	  .run = do_bind,
	  .arguments = { VIEW_ARGUMENT,
			 { .name = "KEY", .kind = ARG_KEY, .optional = true, .text = "as F5, C-t, M-1, S-F2, PageUp" },
			 { .name = "COMMAND", .kind = ARG_COMMAND, .optional = true, .text = "what the key does" } },
	  .summary = "let a key run a command",
	  .text = "C- is Control, M- is Alt (or Esc before it), S- is Shift. Without VIEW the key works everywhere, "
		  "also in the command line; in a view letters are keys too. A command that names no call means the "
		  "one that the key shows, and does nothing when that changed within the last half second. `save` "
		  "keeps the keys; without arguments they are listed.",
	  .examples = { "bind F5 hold", "bind M-1 select 1", "bind calls m mute" } },
	{ .name = "unbind",
	  .group = "phone",
	  .run = do_unbind,
	  .arguments = { VIEW_ARGUMENT, { .name = "KEY", .kind = ARG_KEY, .text = "a key that was bound" } },
	  .summary = "let a key do again what it did at first",
	  .text = "A key bound in a view and everywhere is unbound there alone.",
	  .examples = { "unbind F5" } },
};
const size_t keys_command_count = ARRAY_LEN(keys_commands);
