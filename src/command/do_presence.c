/* How others are, how we are, and the calls that ring elsewhere. */
#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

#define PACKAGES "presence|dialog|message-summary|reg"

enum { EXPIRES_S = 3600 };

/* "subscribe dialog sip:a@b": the package is an option, since a contact may be called so. */
static bool package_is_first(struct invocation *invocation)
{
	struct slice rest = slice_of(invocation->values[0]), first = slice_cut(&rest, ' ');

	rest = slice_trim(rest);
	if (!rest.n || !choice_has(PACKAGES, first))
		return false;
	return !fail(&invocation->failure, STATUS_USAGE, "arguments", "the package is an option: %s %.*s package=%.*s",
		     invocation->command->name, SLICE_ARG(rest), SLICE_ARG(first));
}

static enum command_result do_subscribe(struct invocation *invocation)
{
	const char *expires = invocation_option(invocation, "expires", 0);
	int64_t us = EXPIRES_S * SECOND_US;

	if (expires && (!duration_parse(slice_of(expires), &us) || us > 7 * 86400 * SECOND_US))
		return invocation_fail(invocation, STATUS_USAGE, "range",
				       "expires= is a time up to 7 days, or none for one look");
	if (package_is_first(invocation))
		return COMMAND_FAILED;
	const char *package = invocation_option(invocation, "package", 0);
	struct sent sent = { .kind = SENT_SUBSCRIBE, .since = events_last(phone_events(invocation->phone)) };
	outcomes_asked(invocation->runner);
	if (!phone_subscribe(invocation->phone, slice_of(invocation->values[0]), package,
			     invocation_option(invocation, "from", 0), (uint32_t)(us / SECOND_US), &sent.uri,
			     &invocation->failure))
		return COMMAND_FAILED;
	sent.package = xstrdup(package ? package : "presence");
	outcomes_add(invocation->runner, sent);
	return COMMAND_DONE;
}

static enum command_result do_unsubscribe(struct invocation *invocation)
{
	if (package_is_first(invocation))
		return COMMAND_FAILED;
	return invocation_end(invocation,
			      phone_unsubscribe(invocation->phone, slice_of(invocation->values[0]),
						invocation_option(invocation, "package", 0), &invocation->failure));
}

static enum command_result do_publish(struct invocation *invocation)
{
	const char *word = invocation->values[0], *account = NULL;
	uint64_t since = events_last(phone_events(invocation->phone));
	bool on = !word || strcmp(word, "off") != 0;

	outcomes_asked(invocation->runner);
	if (!phone_publish(invocation->phone, invocation_option(invocation, "from", 0), on, &account,
			   &invocation->failure))
		return COMMAND_FAILED;
	outcomes_add_account(invocation->runner, on ? SENT_PUBLISH : SENT_UNPUBLISH, account, since);
	return COMMAND_DONE;
}

static enum command_result do_status(struct invocation *invocation)
{
	const char *word = invocation->values[0], *text = invocation->values[1];

	if (word && !phone_set_status(invocation->phone, slice_of(word), slice_of(text), &invocation->failure))
		return COMMAND_FAILED;
	phone_status(invocation->phone, &word, &text);
	if (!invocation->values[0])
		buf_printf(invocation->out, "%s%s%s\n", word, *text ? ": " : "", text);
	invocation->result = json_pack("{s:s, s:s}", "state", word, "text", text);
	return COMMAND_DONE;
}

static enum command_result do_pickup(struct invocation *invocation)
{
	const char *anywhere = invocation_option(invocation, "anywhere", 0);
	struct buf dialled;
	unsigned call = 0;
	bool good;

	buf_init(&dialled, 4096);
	good = phone_pickup(invocation->phone, slice_of(invocation->values[0]),
			    anywhere && (!strcmp(anywhere, "yes") || !strcmp(anywhere, "on")), &call, &dialled,
			    &invocation->failure);
	if (good) {
		buf_printf(invocation->out, "call %u: picking up at %s\n", call, buf_text(&dialled));
		runner_set_call(invocation->runner, call);
		handlers_note_call(invocation->runner, call);
	}
	buf_fini(&dialled);
	return invocation_end_call(invocation, good, call);
}

static enum command_result admit(struct invocation *invocation, bool may)
{
	const char *word = invocation->values[0];
	unsigned number = word ? (unsigned)strtoul(word, NULL, 10) : 0;

	return invocation_end(invocation, phone_admit_watcher(invocation->phone, number, may, &invocation->failure));
}

static enum command_result do_accept_watcher(struct invocation *invocation)
{
	return admit(invocation, true);
}

static enum command_result do_refuse_watcher(struct invocation *invocation)
{
	return admit(invocation, false);
}

static enum command_result do_join(struct invocation *invocation)
{
	struct buf dialled;
	unsigned call = 0;

	buf_init(&dialled, 4096);
	bool good = phone_join(invocation->phone, slice_of(invocation->values[0]), &call, &dialled,
			       &invocation->failure);
	if (good) {
		buf_printf(invocation->out, "call %u: joining %s\n", call, buf_text(&dialled));
		runner_set_call(invocation->runner, call);
		handlers_note_call(invocation->runner, call);
	}
	buf_fini(&dialled);
	return invocation_end_call(invocation, good, call);
}

const struct command presence_commands[] = {
	{ .name = "subscribe",
	  .group = "presence",
	  .run = do_subscribe,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "whom to watch" } },
	  .options = { { .name = "package",
			 .kind = ARG_CHOICE,
			 .choices = PACKAGES,
			 .text = "what of them: how they are (presence), what their line does (dialog), their mailbox "
				 "(message-summary), where they are registered (reg)" },
		       { .name = "from", .kind = ARG_ACCOUNT, .text = "the account to ask as" },
		       { .name = "expires",
			 .kind = ARG_DURATION,
			 .text = "for how long at a time; none for one look" } },
	  .summary = "watch somebody",
	  .text = "The event `subscribed` says that it works, `subscribe-failed` why not; news come as `presence`, "
		  "`dialog-info`, `voicemail` and `reg`, and each NOTIFY as it was as `notify`. It is kept up until "
		  "`unsubscribe`. What is watched already is asked for again. A script does not end before it knows "
		  "whether it works, and with status 4 when it does not and no `wait subscribe-failed` asked for that.",
	  .examples = { "subscribe bob@biloxi.com", "subscribe 204 package=dialog",
			"subscribe sip:alice@atlanta.com package=message-summary" } },
	{ .name = "unsubscribe",
	  .group = "presence",
	  .run = do_unsubscribe,
	  .ends = true,
	  .arguments = { { .name = "TARGET",
			   .kind = ARG_TARGET,
			   .choices = "all",
			   .text = "whom not to watch any more, or all" } },
	  .options = { { .name = "package", .kind = ARG_CHOICE, .choices = PACKAGES, .text = "only this of them" } },
	  .summary = "watch somebody no longer",
	  .text = "The last `notify` has the state terminated.",
	  .examples = { "unsubscribe bob@biloxi.com", "unsubscribe all" } },
	{ .name = "status",
	  .group = "presence",
	  .run = do_status,
	  .arguments = { { .name = "STATUS",
			   .kind = ARG_CHOICE,
			   .choices = "available|busy|away|dnd|offline",
			   .optional = true,
			   .text = "how you are; without it, show how" },
			 { .name = "TEXT", .kind = ARG_TEXT, .optional = true, .text = "what to say of it" } },
	  .summary = "say how you are",
	  .text = "Told to all who watch you and, after `publish`, to the account's server.",
	  .examples = { "status away back at ten", "status available", "status" } },
	{ .name = "publish",
	  .group = "presence",
	  .run = do_publish,
	  .arguments = { { .name = "WHETHER",
			   .kind = ARG_CHOICE,
			   .choices = "on|off",
			   .optional = true,
			   .text = "off takes it back" } },
	  .options = { { .name = "from", .kind = ARG_ACCOUNT, .text = "at the server of this account" } },
	  .summary = "let the server tell others how you are",
	  .text = "From then on each `status` goes to the server of the account, which tells those who watch you. The "
		  "events are `published`, `unpublished` and `publish-failed`; a script whose commands are done waits "
		  "for one of them, and a server that refuses is its failure (status 4).",
	  .examples = { "publish", "publish off" } },
	{ .name = "pickup",
	  .group = "presence",
	  .run = do_pickup,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "at whose phone it rings" } },
	  .options = { { .name = "anywhere",
			 .kind = ARG_YES_NO,
			 .text = "ask the caller also at a host that is neither theirs nor yours" } },
	  .summary = "take a call that rings at somebody else's phone",
	  .text = "Their line must be watched (`subscribe TARGET package=dialog`): then the caller is asked to speak "
		  "with you instead. Where it is not, what pickup.prefix says is dialled before their number.",
	  .examples = { "pickup 204" } },
	{ .name = "accept-watcher",
	  .group = "presence",
	  .run = do_accept_watcher,
	  .arguments = { { .name = "WATCHER",
			   .kind = ARG_NUMBER,
			   .optional = true,
			   .text = "the key watcher of `watch-request`" } },
	  .summary = "let somebody see whom you talk to",
	  .text = "Without WATCHER the only one that waits is meant; `show subscriptions` lists them. Your own server "
		  "and this machine need not ask; call.watchers says who else.",
	  .examples = { "accept-watcher", "accept-watcher 2" } },
	{ .name = "refuse-watcher",
	  .group = "presence",
	  .run = do_refuse_watcher,
	  .arguments = { { .name = "WATCHER",
			   .kind = ARG_NUMBER,
			   .optional = true,
			   .text = "the key watcher of `watch-request`" } },
	  .summary = "do not let somebody see whom you talk to",
	  .text = "Without WATCHER the only one that waits is meant.",
	  .examples = { "refuse-watcher" } },
	{ .name = "join",
	  .group = "presence",
	  .run = do_join,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "who is in a call" } },
	  .summary = "take part in a call that somebody else is in",
	  .text = "Their line must be watched (`subscribe TARGET package=dialog`), and must say which call it is. They "
		  "are asked to let you in (Join, RFC 3911): all three then hear each other. When somebody wants to "
		  "join a call of yours, `incoming` has the key join, and `answer` lets them in; see call.allow-join.",
	  .examples = { "join 204" } },
};
const size_t presence_command_count = ARRAY_LEN(presence_commands);
