/* Command files: running them, waiting, expecting, reacting. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

static enum command_result do_source(struct invocation *invocation)
{
	return invocation_end(invocation, runner_push_file(invocation->runner, invocation->values[0], invocation->rest,
							   invocation->rest_count, &invocation->failure));
}

static enum command_result do_let(struct invocation *invocation)
{
	return invocation_end(invocation, variable_set(invocation->commands, slice_of(invocation->values[0]),
						       slice_of(invocation->values[1]), invocation->network[1],
						       &invocation->failure));
}

static enum command_result do_echo(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;
	const char *text = invocation->values[0] ? invocation->values[0] : "";

	/* A request gets it as its result. */
	if (runner->current->reply.send)
		buf_printf(invocation->out, "%s", text);
	else if (runner->output.echo)
		runner->output.echo(runner->output.arg, runner, text);
	return COMMAND_DONE;
}

static enum command_result do_sleep(struct invocation *invocation)
{
	int64_t us;

	if (!duration_parse(slice_of(invocation->values[0]), &us))
		return invocation_fail(invocation, STATUS_USAGE, "duration", "'%s' is no duration",
				       invocation->values[0]);
	if (us == 0)
		return !strcmp(invocation->values[0], "none")
			       ? invocation_fail(invocation, STATUS_USAGE, "duration", "sleep needs a duration")
			       : COMMAND_DONE;
	invocation->runner->wait = (struct wait){ .kind = WAIT_SLEEP, .status = -1 };
	wait_begin_timer(invocation->runner, us);
	return COMMAND_WAITS;
}

static enum command_result do_expect(struct invocation *invocation)
{
	const char *left = invocation->values[0], *operation = invocation->values[1], *right = invocation->values[2];
	const char *status = invocation_option(invocation, "status", 0);
	struct buf was;
	bool truth = false, good;

	buf_init(&was, 4096);
	good = compare(invocation, left, invocation->literal[0], operation, right, &truth, &was);
	if (good && !truth) {
		good = false;
		if (invocation->literal[0] || !strcmp(left, buf_text(&was)))
			invocation_fail(invocation, STATUS_FALSE, "false", "expect %.100s %s %.100s: false", left,
					operation, right);
		else if (was.n)
			invocation_fail(invocation, STATUS_FALSE, "false", "expect %.100s %s %.100s: it was %.100s",
					left, operation, right, buf_text(&was));
		else
			invocation_fail(invocation, STATUS_FALSE, "false",
					"expect %.100s %s %.100s: it has no value now", left, operation, right);
		if (status)
			invocation->failure.status = (enum exit_status)strtoul(status, NULL, 10);
	}
	buf_fini(&was);
	return invocation_end(invocation, good);
}

static enum command_result do_if(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;
	struct buf was;
	bool truth = false;

	buf_init(&was, 4096);
	bool good = compare(invocation, invocation->values[0], invocation->literal[0], invocation->values[1],
			    invocation->values[2], &truth, &was);
	buf_fini(&was);
	if (good && truth)
		runner_push_inner(runner, invocation->values[4], runner->bound.line_at[4], runner->bound.go_on);
	return invocation_end(invocation, good);
}

static enum command_result do_on(struct invocation *invocation)
{
	return invocation_end(invocation, handler_add(invocation));
}

static enum command_result do_off(struct invocation *invocation)
{
	if (handler_remove(invocation->commands, slice_of(invocation->values[0])))
		return COMMAND_DONE;
	return invocation_fail(invocation, STATUS_USAGE, "no-such-handler",
			       "there is no handler %.60s: `show handlers` lists them", invocation->values[0]);
}

static enum command_result do_exit(struct invocation *invocation)
{
	invocation->failure.status =
		invocation->values[0] ? (enum exit_status)strtoul(invocation->values[0], NULL, 10) : STATUS_OK;
	return COMMAND_EXIT;
}

#define STATUS_OPTION                                                                                                  \
	{                                                                                                              \
		.name = "status", .kind = ARG_STATUS, .text = "the exit status of a failure"                           \
	}
#define LEFT                                                                                                           \
	{                                                                                                              \
		.name = "LEFT", .kind = ARG_QUANTITY,                                                                  \
		.text = "a quantity, a setting, a $variable, a number, or a text in quotes"                            \
	}
#define OPERATION                                                                                                      \
	{                                                                                                              \
		.name = "OP", .kind = ARG_OPERATOR, .text = "== != < <= > >= or =~, an extended regular expression"    \
	}
#define RIGHT                                                                                                          \
	{                                                                                                              \
		.name = "RIGHT", .kind = ARG_WORD, .text = "a value: 5, 1%, 250ms, -50dB, a text"                      \
	}
#define DO                                                                                                             \
	{                                                                                                              \
		.name = "do", .kind = ARG_KEYWORD                                                                      \
	}
#define COMMAND_ARGUMENT                                                                                               \
	{                                                                                                              \
		.name = "COMMAND", .kind = ARG_COMMAND_LINE, .text = "a command and all that belongs to it"            \
	}

const struct command scripts_commands[] = {
	{ .name = "source",
	  .group = "scripts",
	  .run = do_source,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "a command file" },
			 { .name = "ARG",
			   .kind = ARG_WORD,
			   .optional = true,
			   .repeats = true,
			   .text = "$1, $2 ... in the file" } },
	  .summary = "run a command file",
	  .text = "The file is checked whole first: if it has an error nothing of it runs.",
	  .examples = { "source smoke.call", "source dial.call sip:bob@biloxi.com" } },
	{ .name = "let",
	  .group = "scripts",
	  .run = do_let,
	  .arguments = { { .name = "NAME", .kind = ARG_NAME, .text = "letters, digits and _" },
			 { .name = "VALUE", .kind = ARG_WORD, .text = "one word, or a text in quotes" } },
	  .summary = "set a variable",
	  .text = "Used as $NAME or ${NAME}. A value is always one word and never parsed again.",
	  .examples = { "let peer sip:bob@biloxi.com", "let greeting \"hello there\"" } },
	{ .name = "echo",
	  .group = "scripts",
	  .run = do_echo,
	  .arguments = { { .name = "TEXT", .kind = ARG_TEXT, .optional = true, .text = "the rest of the line" } },
	  .summary = "print a text",
	  .text = "Variables are replaced.",
	  .examples = { "echo the call took ${call.duration}" } },
	{ .name = "sleep",
	  .group = "scripts",
	  .run = do_sleep,
	  .arguments = { { .name = "DURATION", .kind = ARG_DURATION, .text = "how long" } },
	  .summary = "do nothing for a while",
	  .text = "The script sleeps, the phone does not.",
	  .examples = { "sleep 500ms" } },
	{ .name = "wait",
	  .group = "scripts",
	  .run = wait_begin,
	  .event_keys = true,
	  .arguments = { { .name = "not", .kind = ARG_KEYWORD, .optional = true },
			 { .name = "EVENT", .kind = ARG_EVENT, .text = "an event, or several with | between" } },
	  .options = { { .name = "within",
			 .kind = ARG_DURATION,
			 .text = "how long at most; `script.timeout` when omitted" },
		       STATUS_OPTION },
	  .summary = "wait for an event",
	  .text = "A script remembers the events since it began, and each satisfies one `wait`. Events of calls mean "
		  "the script's latest call unless call= says otherwise; `incoming` means any. "
		  "What is so already (registered, answered, held, media) succeeds at once, and so does what was told "
		  "last before the script began and holds still (resumed, remote-held, remote-resumed, ended, failed, "
		  "unregistered): each `offhook ctl COMMAND` is a script of its own. For all other events give the "
		  "command and its `wait` to one: `printf 'message bob hi\\nwait message-sent\\n' | offhook ctl`. "
		  "A wait whose event cannot come any more ends at once: with status 4 when the call is over, 3 when "
		  "the registrar "
		  "refused for good, 7 when it cannot be reached and is not tried again. Out of time is status 5, "
		  "with the last failure named.\n\n`wait not` succeeds when the event does not come within the time.",
	  .examples = { "wait answered within=20s", "wait registered account=work", "wait failed|ended within=1m",
			"wait not dtmf within=2s" } },
	{ .name = "expect",
	  .group = "scripts",
	  .run = do_expect,
	  .arguments = { LEFT, OPERATION, RIGHT },
	  .options = { STATUS_OPTION },
	  .summary = "fail unless it is so",
	  .text = "Numbers are compared as numbers, with their units; all else as text. False is status 1.",
	  .examples = { "expect media.loss < 1%", "expect heard.level > -50dB", "expect received.Contact =~ biloxi" } },
	{ .name = "if",
	  .group = "scripts",
	  .run = do_if,
	  .arguments = { LEFT, OPERATION, RIGHT, DO, COMMAND_ARGUMENT },
	  .summary = "run a command if it is so",
	  .text = "The only branch of the language: more logic belongs in a program on the JSON front end.",
	  .examples = { "if $code == 486 do echo busy", "if media.loss > 5% do exit 1" } },
	{ .name = "on",
	  .group = "scripts",
	  .run = do_on,
	  .event_keys = true,
	  .arguments = { { .name = "EVENT", .kind = ARG_EVENT, .text = "an event, or several with | between" },
			 { .name = "as", .kind = ARG_KEYWORD, .optional = true },
			 { .name = "NAME",
			   .kind = ARG_NAME,
			   .optional = true,
			   .with_previous = true,
			   .text = "a handler of that name is replaced" },
			 DO,
			 COMMAND_ARGUMENT },
	  .summary = "run a command whenever an event comes",
	  .text = "Stays until `off`. Each firing is a script of its own with the event's call as its current one; "
		  "$from, $code and so on are those of the event.",
	  .examples = { "on incoming from=*@atlanta.com do answer", "on dtmf digit=# do hangup",
			"on incoming as pick do answer after=20s" } },
	{ .name = "off",
	  .group = "scripts",
	  .run = do_off,
	  .ends = true,
	  .arguments = { { .name = "NAME", .kind = ARG_HANDLER, .text = "a handler's name, or all" } },
	  .summary = "remove a handler",
	  .text = "`show handlers` lists them.",
	  .examples = { "off pick", "off all" } },
	{ .name = "shell",
	  .group = "scripts",
	  .run = program_begin,
	  .arguments = { { .name = "PROGRAM", .kind = ARG_WORD, .text = "a file, or a name looked up in PATH" },
			 { .name = "ARG", .kind = ARG_WORD, .optional = true, .repeats = true,
			   .text = "its arguments" } },
	  .summary = "run another program",
	  .text = "Off unless the configuration file says `set script.allow-shell on`. It is over with the program, "
		  "shows what that wrote (64 kB at most) and fails with its status; C-c ends both. No shell reads the "
		  "words, so nothing in $from or $text can become a command: for pipes say `shell sh -c 'LINE' NAME "
		  "$from`, where LINE writes \"$1\". A value from the network may begin with -: put -- before it, as "
		  "in `on incoming do shell logger -- \"call from $from\"`.",
	  .examples = { "shell date", "shell sh -c 'ls *.wav | wc -l'" } },
	{ .name = "exit",
	  .group = "scripts",
	  .run = do_exit,
	  .ends = true,
	  .arguments = { { .name = "STATUS", .kind = ARG_STATUS, .optional = true, .text = "0 when omitted" } },
	  .summary = "end the script",
	  .text = "With this exit status. At the prompt and on the standard input of --json it ends the phone, unless "
		  "that was started with --stay: then only that input is over, which is told by the notification "
		  "`exit`. In `offhook ctl` it ends the attachment alone, which then has that status.",
	  .examples = { "exit", "exit 1" } },
};
const size_t scripts_command_count = ARRAY_LEN(scripts_commands);
