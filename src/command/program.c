/* `shell`: another program runs, and the command ends with it. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "command/internal.h"
#include "loop/loop.h"

#include <jansson.h>
#include <string.h>

static enum command_result outcome(struct invocation *invocation, int status)
{
	json_object_set_new(invocation->result, "status", json_integer(status));
	if (!status)
		return COMMAND_DONE;
	/* What it wrote is told before what came of it. */
	struct runner *runner = invocation->runner;
	if (runner->output.result && !runner->current->reply.send && invocation->out->n)
		runner->output.result(runner->output.arg, runner, invocation, buf_text(invocation->out));
	return invocation_fail(invocation, status < 256 ? (enum exit_status)status : STATUS_USAGE, "program",
			       "'%.100s' ended with status %d", invocation->values[0], status);
}

static void on_done(void *arg, int status, const char *output, size_t bytes)
{
	struct runner *runner = arg;
	struct invocation *invocation = &runner->invocation;

	runner->wait.program = NULL;
	utf8_clean(invocation->out, (struct slice){ output, bytes }, true);
	invocation->result = json_object();
	json_object_set_new(invocation->result, "text", json_string(buf_text(invocation->out)));
	runner_resume(runner, outcome(invocation, status));
}

static bool may_run(struct invocation *invocation)
{
	if (!settings_on(phone_settings(invocation->phone), "script.allow-shell"))
		invocation_fail(invocation, STATUS_USAGE, "not-allowed",
				"programs are not run unless the configuration file says 'set script.allow-shell on'");
	else if (invocation->network[0])
		invocation_fail(invocation, STATUS_USAGE, "not-allowed",
				"the name of the program came from the network: only its arguments may");
	else
		return true;
	return false;
}

enum command_result program_begin(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;
	char **argv;
	enum err err;

	if (!may_run(invocation))
		return COMMAND_FAILED;
	argv = xcalloc(invocation->rest_count + 2, sizeof *argv);
	argv[0] = xstrdup(invocation->values[0]);
	for (size_t i = 0; i < invocation->rest_count; i++)
		argv[i + 1] = xstrdup(invocation->rest[i]);
	runner->wait = (struct wait){ .kind = WAIT_PROGRAM, .status = -1 };
	runner->wait.program = loop_run_child(invocation->commands->loop, argv, on_done, runner, &err);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
	if (runner->wait.program)
		return COMMAND_WAITS;
	wait_fini(runner);
	return invocation_fail(
		invocation, STATUS_USAGE, err_name(err), "'%.100s' cannot be run: %s%s", invocation->values[0],
		err_text(err),
		strchr(invocation->values[0], ' ') ? "; a line for a shell is given as: shell sh -c 'LINE'" : "");
}
