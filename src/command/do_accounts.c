/* Accounts and their registrations. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

/* The KEY=VALUE words, NULL-ended; free(). */
static const char **account_options(const struct invocation *invocation)
{
	const char **options = xcalloc(invocation->rest_count + 1, sizeof *options);

	for (size_t i = 0; i < invocation->rest_count; i++)
		options[i] = invocation->rest[i];
	return options;
}

static enum command_result do_account_add(struct invocation *invocation)
{
	const char **options = account_options(invocation);
	bool good =
		phone_account_add(invocation->phone, slice_of(invocation->values[0]), options, &invocation->failure);

	free(options);
	return invocation_end(invocation, good);
}

static enum command_result do_account_set(struct invocation *invocation)
{
	const char **options = account_options(invocation);
	bool good =
		phone_account_set(invocation->phone, slice_of(invocation->values[0]), options, &invocation->failure);

	free(options);
	return invocation_end(invocation, good);
}

static json_t *account_object(const struct account_view *view)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", view->name, "address", view->address,
				   "registrar", view->registrar ? view->registrar : "", "state", view->state, "default",
				   (int)view->is_default);

	if (view->expires_left_s)
		json_object_set_new(object, "expires", json_integer(view->expires_left_s));
	if (view->retry_s)
		json_object_set_new(object, "retry", json_integer(view->retry_s));
	if (view->mailbox_known)
		json_object_set_new(object, "voicemail",
				    json_pack("{s:b, s:i, s:i}", "waiting", (int)view->voicemail, "new",
					      (int)view->voicemail_new, "old", (int)view->voicemail_old));
	if (view->code)
		json_object_set_new(object, "code", json_integer(view->code));
	if (view->reason && view->reason[0])
		json_object_set_new(object, "reason", json_string(view->reason));
	if (view->cause && view->cause[0])
		json_object_set_new(object, "cause", json_string(view->cause));
	return object;
}

static enum command_result do_account_list(struct invocation *invocation)
{
	size_t room = phone_accounts(invocation->phone, NULL, 0);
	struct account_view *views = xcalloc(room + 1, sizeof *views);
	size_t count = phone_accounts(invocation->phone, views, room);
	json_t *list = json_array();
	bool good = phone_show(invocation->phone, SLICE("accounts"), (struct slice){ NULL, 0 }, invocation->out,
			       &invocation->failure);

	for (size_t i = 0; i < count && i < room; i++)
		json_array_append_new(list, account_object(&views[i]));
	free(views);
	invocation->result = list;
	return invocation_end(invocation, good);
}

static enum command_result do_account_show(struct invocation *invocation)
{
	struct account_view view;

	if (!phone_view_account(invocation->phone, slice_of(invocation->values[0]), &view))
		return invocation->values[0] && phone_view_account(invocation->phone, SLICE(""), &view)
			       ? invocation_fail(invocation, STATUS_USAGE, "no-such-account",
						 "there is no account '%.60s': `account list` shows them",
						 invocation->values[0])
			       : invocation_fail(invocation, STATUS_USAGE, "no-account",
						 "there is no account: add one by `account add sip:you@example.com`");
	buf_printf(invocation->out, "%s%s\naddress    %s\nregistrar  %s\nstate      %s", view.name,
		   view.is_default ? " (default)" : "", view.address, view.registrar ? view.registrar : "", view.state);
	if (view.expires_left_s)
		buf_printf(invocation->out, ", %u s left", view.expires_left_s);
	if (view.code || (view.reason && view.reason[0])) {
		buf_printf(invocation->out, ", ");
		outcome_text(invocation->out, view.code, view.reason, view.cause);
	}
	if (view.retry_s)
		buf_printf(invocation->out, ", retry in %u s", view.retry_s);
	buf_printf(invocation->out, "%s\n", view.needs_password ? "\na password is needed" : "");
	struct buf words;
	buf_init(&words, 1 << 16);
	if (phone_account_words(invocation->phone, slice_of(invocation->values[0]), &words) && words.n)
		buf_printf(invocation->out, "options   %s\n", buf_text(&words));
	invocation->result = account_object(&view);
	json_object_set_new(invocation->result, "options", json_string(words.n ? buf_text(&words) + 1 : ""));
	buf_fini(&words);
	return COMMAND_DONE;
}

static enum command_result do_account_remove(struct invocation *invocation)
{
	return invocation_end(invocation, phone_account_remove(invocation->phone, slice_of(invocation->values[0]),
							       &invocation->failure));
}

static enum command_result do_account_default(struct invocation *invocation)
{
	return invocation_end(invocation, phone_account_default(invocation->phone, slice_of(invocation->values[0]),
								&invocation->failure));
}

static enum command_result do_register(struct invocation *invocation)
{
	uint64_t since = events_last(phone_events(invocation->phone));
	size_t room = phone_accounts(invocation->phone, NULL, 0);
	struct account_view named;

	if (!phone_register(invocation->phone, slice_of(invocation->values[0]), &invocation->failure))
		return COMMAND_FAILED;
	if (invocation->values[0] && phone_view_account(invocation->phone, slice_of(invocation->values[0]), &named)) {
		outcomes_add_account(invocation->runner, SENT_REGISTER, named.name, since);
		return COMMAND_DONE;
	}
	struct account_view *views = xcalloc(room + 1, sizeof *views);
	size_t count = phone_accounts(invocation->phone, views, room);
	for (size_t i = 0; i < count && i < room; i++)
		outcomes_add_account(invocation->runner, SENT_REGISTER, views[i].name, since);
	free(views);
	return COMMAND_DONE;
}

static enum command_result do_unregister(struct invocation *invocation)
{
	const char *all = invocation_option(invocation, "all", 0);
	bool all_bindings = all && (!strcmp(all, "yes") || !strcmp(all, "on"));
	struct slice name = slice_of(invocation->values[0]);
	uint64_t since = events_last(phone_events(invocation->phone));
	struct account_view view;

	if (!phone_unregister(invocation->phone, name, all_bindings, &invocation->failure))
		return COMMAND_FAILED;
	if (phone_view_account(invocation->phone, name, &view))
		outcomes_add_account(invocation->runner, SENT_UNREGISTER, view.name, since);
	return COMMAND_DONE;
}

static void print_binding(void *arg, const char *contact, uint32_t expires_s)
{
	struct invocation *invocation = arg;

	buf_printf(invocation->out, "%-50s %u s left\n", contact, expires_s);
	json_array_append_new(invocation->result,
			      json_pack("{s:s, s:i}", "contact", contact, "expires", (int)expires_s));
}

static void print_bindings(struct invocation *invocation)
{
	invocation->result = json_array();
	phone_account_bindings(invocation->phone, slice_of(invocation->values[0]), print_binding, invocation);
	if (!json_array_size(invocation->result))
		buf_printf(invocation->out, "no phone is registered there\n");
}

static enum command_result do_account_bindings(struct invocation *invocation)
{
	uint64_t cursor = events_last(phone_events(invocation->phone));
	unsigned request = 0;

	if (!phone_account_fetch(invocation->phone, slice_of(invocation->values[0]), &request, &invocation->failure))
		return COMMAND_FAILED;
	return wait_begin_response(invocation, request, cursor, print_bindings);
}

/* Aliases are this floor's: they are written behind what the phone saves. */
static void add_binding(void *arg, const char *view, const char *key, const char *command)
{
	buf_printf(arg, "bind %s%s%s %s\n", view, *view ? " " : "", *key == ' ' ? "Space" : key, command);
}

static void add_extra(const struct commands *commands, struct buf *extra)
{
	LIST_EACH(&commands->aliases, node) {
		const struct alias *alias = LIST_ENTRY(node, struct alias, node);
		buf_printf(extra, "alias %s %s\n", alias->name, alias->text);
	}
	commands_bindings(commands, add_binding, extra);
}

/* What `save` would write, as a number (FNV-1a): there are passwords in the text. */
static uint64_t print_of_saved(const struct commands *commands)
{
	uint64_t print = UINT64_C(0xcbf29ce484222325);
	struct buf extra, text;

	buf_init(&extra, 1 << 20);
	buf_init(&text, 2 << 20);
	add_extra(commands, &extra);
	phone_saved_text(commands->phone, buf_slice(&extra), &text);
	for (size_t i = 0; i < text.n; i++)
		print = (print ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
	if (text.n)
		explicit_bzero(text.p, text.n);
	buf_fini(&text);
	buf_fini(&extra);
	return print;
}

void commands_mark_saved(struct commands *commands)
{
	commands->saved = print_of_saved(commands);
	commands->knows_saved = true;
}

bool commands_unsaved(const struct commands *commands)
{
	return commands->knows_saved && commands->saved != print_of_saved(commands);
}

static enum command_result do_save(struct invocation *invocation)
{
	struct buf extra;

	buf_init(&extra, 1 << 20);
	add_extra(invocation->commands, &extra);
	bool good = phone_save(invocation->phone, buf_slice(&extra), &invocation->failure);
	buf_fini(&extra);
	if (good)
		commands_mark_saved(invocation->commands);
	return invocation_end(invocation, good);
}

#define ACCOUNT                                                                                                        \
	{                                                                                                              \
		.name = "ACCOUNT", .kind = ARG_ACCOUNT, .text = "its name or its address"                              \
	}
#define ANY_ACCOUNT                                                                                                    \
	{                                                                                                              \
		.name = "ACCOUNT", .kind = ARG_ACCOUNT, .optional = true,                                              \
		.text = "its name or its address; all or the default one when omitted"                                 \
	}

const struct command accounts_commands[] = {
	{ .name = "account add",
	  .group = "accounts",
	  .run = do_account_add,
	  .arguments = { { .name = "ADDRESS", .kind = ARG_ADDRESS, .text = "sip:USER@DOMAIN" },
			 { .name = "KEY=VALUE",
			   .kind = ARG_ACCOUNT_OPTION,
			   .optional = true,
			   .repeats = true,
			   .text = "options of the account" } },
	  .summary = "be somebody somewhere",
	  .text = "The first account is the default one. It registers at once; `registrar=none` keeps it from "
		  "registering. `user` is the user part of the address, `auth-user` that of the credentials. "
		  "Without a password you are asked for it; the first line that `password-command` prints is the "
		  "password. `password@REALM` and `auth-user@REALM` are for a realm of its own. `proxy` may list "
		  "several: the next one is taken when one fails, and the first again when it is back. `prefix` "
		  "stands in front of the telephone numbers that are dialled but for those that begin with +, * or #; "
		  "`rewrite` holds rules BEGINNING:REPLACEMENT for them, of which the longest that fits counts.",
	  .examples = { "account add sip:alice@atlanta.com password-command=\"pass show sip/alice\"",
			"account add sip:2001@192.0.2.4 name=work password=secret" } },
	{ .name = "account set",
	  .group = "accounts",
	  .run = do_account_set,
	  .arguments = { ACCOUNT,
			 { .name = "KEY=VALUE",
			   .kind = ARG_ACCOUNT_OPTION,
			   .repeats = true,
			   .text = "options of the account" } },
	  .summary = "change an account",
	  .text = "The keys are those of `account add`.",
	  .examples = { "account set work expires=600" } },
	{ .name = "account list",
	  .group = "accounts",
	  .run = do_account_list,
	  .summary = "list the accounts",
	  .text = "With their registrations.",
	  .examples = { "account list" } },
	{ .name = "account show",
	  .group = "accounts",
	  .run = do_account_show,
	  .arguments = { ANY_ACCOUNT },
	  .summary = "show one account",
	  .text = "Never its password.",
	  .examples = { "account show work" } },
	{ .name = "account bindings",
	  .aliases = "fetch_reg",
	  .group = "accounts",
	  .run = do_account_bindings,
	  .arguments = { ANY_ACCOUNT },
	  .summary = "ask the registrar which phones are registered at an address",
	  .text = "Every contact that the registrar keeps for it, ours and those of other phones, with the seconds "
		  "that each is good for. Nothing is changed; `unregister all=yes` removes them all.",
	  .examples = { "account bindings", "account bindings work" } },
	{ .name = "account remove",
	  .group = "accounts",
	  .run = do_account_remove,
	  .arguments = { ACCOUNT },
	  .summary = "forget an account",
	  .text = "Its binding is removed at the registrar.",
	  .examples = { "account remove work" } },
	{ .name = "account default",
	  .group = "accounts",
	  .run = do_account_default,
	  .arguments = { ACCOUNT },
	  .summary = "call from this account",
	  .text = "Bare users and numbers live at its domain.",
	  .examples = { "account default work" } },
	{ .name = "register",
	  .group = "accounts",
	  .run = do_register,
	  .arguments = { ANY_ACCOUNT },
	  .summary = "register now",
	  .text = "Returns at once: `wait registered` waits, and so does the end of a script: a registrar that refuses "
		  "is its failure (status 3), one that cannot be reached too (7).",
	  .examples = { "register", "register work" } },
	{ .name = "unregister",
	  .aliases = "deregister",
	  .group = "accounts",
	  .run = do_unregister,
	  .ends = true,
	  .arguments = { ANY_ACCOUNT },
	  .options = { { .name = "all",
			 .kind = ARG_YES_NO,
			 .text = "remove the bindings of all other phones as well (Contact: *)" } },
	  .summary = "remove our binding",
	  .text = "Returns at once: `wait unregistered` waits, and so does the end of a script, whose failure it is "
		  "when the registrar does not remove the binding (status 3 or 7). Where a first REGISTER has no "
		  "answer yet, `unregistered` comes within 2 s: what the registrar should still grant is removed then.",
	  .examples = { "unregister", "unregister work all=yes" } },
	{ .name = "save",
	  .group = "accounts",
	  .run = do_save,
	  .summary = "write what was changed",
	  .text = "Accounts, settings, aliases, keys, forwarding and who is blocked go to the file `saved` beside the "
		  "configuration file, which it leaves alone.",
	  .examples = { "save" } },
};
const size_t accounts_command_count = ARRAY_LEN(accounts_commands);
