#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/rpc.h"
#include "loop/loop.h"

#include <jansson.h>
#include <string.h>

enum { OUT_MAX = 4 << 20 };

/* ---- making and ending ---- */

struct runner *runner_new(struct commands *commands, const char *name, const struct runner_output *output)
{
	struct runner *runner = xcalloc(1, sizeof *runner);

	runner->commands = commands;
	runner->name = xstrdup(name ? name : "");
	runner->output = output ? *output : (struct runner_output){ 0 };
	runner->columns = 80;
	runner->begin = runner->seen = events_last(phone_events(commands->phone));
	list_init(&runner->queue);
	list_init(&runner->batches);
	buf_init(&runner->out, OUT_MAX);
	buf_init(&runner->shown, 1024);
	list_append(&commands->runners, &runner->node);
	return runner;
}

static void forget_present(struct runner *runner)
{
	wait_fini(runner);
	runner_item_free(runner->current);
	runner->current = NULL;
	bound_fini(&runner->bound);
	json_decref(runner->invocation.result);
	runner->invocation = (struct invocation){ 0 };
	buf_clear(&runner->out);
	buf_clear(&runner->shown);
}

/* Those who asked are told, and who counts what is not answered yet as well; not when the runner goes, for then they
 * are gone as well. */
static void drop_queue(struct runner *runner, bool only_files)
{
	struct failure failure;

	fail(&failure, STATUS_USAGE, "dropped", "what came before failed or was interrupted: this was not run");
	LIST_EACH(&runner->queue, node) {
		struct item *item = LIST_ENTRY(node, struct item, node);
		if (only_files && !item->script)
			return;
		if (item->reply.send)
			rpc_answer_failure(&item->reply, &failure);
		runner_item_free(item);
	}
}

void runner_free(struct runner *runner)
{
	if (!runner)
		return;
	if (runner->running) { /* by one of its own functions: the last of runner_run() frees it */
		runner->dead = true;
		return;
	}
	if (runner->of_handler)
		runner->commands->firings--;
	forget_present(runner);
	devices_forget_checks(runner);
	LIST_EACH(&runner->queue, node)
		runner_item_free(LIST_ENTRY(node, struct item, node));
	rpc_forget_batches(runner);
	if (runner->commands->typed == runner)
		runner->commands->typed = NULL;
	list_remove(&runner->node);
	for (int i = 0; i < ADOPTED_COUNT; i++)
		free(runner->adopted[i]);
	buf_fini(&runner->out);
	buf_fini(&runner->shown);
	free(runner->used);
	outcomes_forget(runner);
	free(runner->chat);
	free(runner->chat_name);
	free(runner->folder);
	free(runner->name);
	free(runner);
}

bool runner_is_sated(const struct runner *runner)
{
	return runner->turn_cost >= COMMANDS_A_TURN;
}

void runner_keep_going(struct runner *runner, bool keep_going)
{
	runner->keep_going = keep_going;
}

void runner_set_columns(struct runner *runner, unsigned columns, bool ascii)
{
	runner->columns = columns;
	runner->ascii = ascii;
}

void runner_set_folder(struct runner *runner, const char *folder)
{
	xreplace(&runner->folder, *folder ? folder : NULL);
}

const char *runner_shown_line(const struct runner *runner)
{
	return runner ? buf_text(&runner->shown) : "";
}

bool runner_idle(const struct runner *runner)
{
	return !runner->current && list_empty(&runner->queue);
}

bool runner_leaves_nothing(const struct runner *runner)
{
	return runner->quit_said || runner_idle(runner);
}

bool runner_settled(const struct runner *runner)
{
	return runner_idle(runner) &&
	       (runner->over || (!runner->device_checks && (runner->open || !runner->sent_count)));
}

void runner_keep_open(struct runner *runner, bool open)
{
	/* What was sent meanwhile is looked at in the next turn. */
	if (runner->open && !open && runner->sent_count)
		loop_again(runner->commands->loop);
	runner->open = open;
}

int runner_status(const struct runner *runner)
{
	return runner->keep_going ? runner->last_status : runner->status;
}

unsigned runner_call(const struct runner *runner)
{
	return runner->call;
}

void runner_set_call(struct runner *runner, unsigned call)
{
	runner->call = call;
}

bool runner_is_interactive(const struct runner *runner)
{
	return runner->current && runner->current->interactive;
}

const struct item *runner_script(const struct runner *runner)
{
	LIST_EACH(&runner->queue, node) {
		struct item *item = LIST_ENTRY(node, struct item, node);
		if (item->kind == ITEM_SCRIPT)
			return runner->current && runner->current->script ? item : NULL;
	}
	return NULL;
}

/* ---- results ---- */

void runner_place(const struct runner *runner, size_t at, struct buf *where, struct buf *shown)
{
	const struct item *item = runner->current;

	if (item->script) {
		script_where(item->script, &item->script->lines[item->script_line], item->shift + at, where, shown);
	} else if (item->kind == ITEM_LINE && !item->interactive && item->number && runner->name[0]) {
		struct slice line = slice_of(item->line);
		buf_printf(where, "%s:%u:%u: ", runner->name, item->number, column_of(line, at));
		show_line(line, at, shown);
	}
}

static void tell_failure(struct runner *runner, size_t at)
{
	struct failure *failure = &runner->invocation.failure;
	struct item *item = runner->current;
	struct buf where;

	if (item->reply.send) {
		rpc_answer_failed(&item->reply, &runner->invocation);
		return;
	}
	buf_init(&where, 8192);
	buf_clear(&runner->shown);
	runner_place(runner, at, &where, &runner->shown);
	if (runner->output.error)
		runner->output.error(runner->output.arg, runner, buf_text(&where), failure);
	buf_fini(&where);
	buf_clear(&runner->shown);
}

static void command_failed(struct runner *runner, size_t at)
{
	struct failure failure = runner->invocation.failure;
	bool go_on = runner->bound.go_on || runner->current->go_on;

	runner->last_status = (int)failure.status;
	if (failure.sip) {
		char code[16];
		snprintf(code, sizeof code, "%u", failure.sip);
		runner_adopt_value(runner, ADOPTED_CODE, slice_of(code));
	}
	tell_failure(runner, at);
	if (go_on)
		return;
	if (runner->keep_going) {
		if (runner->current->script)
			drop_queue(runner, true);
		return;
	}
	runner->status = (int)failure.status;
	runner->over = true;
	drop_queue(runner, false);
}

static void command_done(struct runner *runner)
{
	struct item *item = runner->current;

	runner->last_status = 0;
	if (item->reply.send)
		rpc_answer(&item->reply, &runner->invocation, buf_text(&runner->out));
	else if (runner->output.result)
		runner->output.result(runner->output.arg, runner, &runner->invocation, buf_text(&runner->out));
}

/* `exit`: the script ends; a prompt has nothing else to end than the phone. */
static void command_exit(struct runner *runner)
{
	int status = (int)runner->invocation.failure.status;
	bool leaves = runner->keep_going && !runner->current->script && runner->output.detach &&
		      !runner->commands->quit;

	if (leaves)
		runner->output.detach(runner->output.arg, runner, status);
	if (runner->current->reply.send)
		rpc_answer(&runner->current->reply, &runner->invocation, "");
	runner->last_status = status;
	if (!runner->keep_going) {
		runner->status = status;
		runner->over = true;
		drop_queue(runner, false);
	} else if (runner->current->script) {
		drop_queue(runner, true);
	} else if (!leaves) {
		runner->commands->quit = true;
		runner->commands->quit_status = status;
	}
	runner->quit_said |= runner->commands->quit;
}

static void finish(struct runner *runner, enum command_result result, size_t at)
{
	runner->turn_cost += runner->out.n / ANSWER_BYTES_A_COMMAND;
	switch (result) {
	case COMMAND_DONE:
		command_done(runner);
		break;
	case COMMAND_FAILED:
		command_failed(runner, at);
		break;
	case COMMAND_EXIT:
		command_exit(runner);
		break;
	case COMMAND_WAITS:
		return;
	}
	forget_present(runner);
}

/* ---- running ---- */

/* The next thing to run becomes runner->current. */
static bool take_next(struct runner *runner)
{
	while (!list_empty(&runner->queue)) {
		struct item *item = LIST_ENTRY(list_first(&runner->queue), struct item, node);
		if (item->kind != ITEM_SCRIPT) {
			list_remove(&item->node);
			runner->current = item;
			return true;
		}
		if (item->script_line == item->script->line_count) {
			runner_item_free(item);
			continue;
		}
		struct item *line = runner_item_new(ITEM_LINE);
		line->line = slice_dup(item->script->lines[item->script_line].text);
		line->script = script_keep(item->script);
		line->script_line = item->script_line++;
		line->interactive = false;
		line->go_on = item->go_on;
		runner->current = line;
		return true;
	}
	return false;
}

static bool bind_present(struct runner *runner, size_t *at)
{
	struct item *item = runner->current;
	struct bind_how how = {
		.commands = runner->commands, .interactive = item->interactive, .expand = runner_expand, .arg = runner,
		.folder = item->script ? NULL : runner->folder
	};

	switch (item->kind) {
	case ITEM_LINE:
		if (!item->line)
			return fail(&runner->invocation.failure, STATUS_USAGE, "syntax",
				    "the line is too long, or it has a zero byte");
		return bind_line(&how, slice_of(item->line), &runner->bound, &runner->invocation.failure, at);
	case ITEM_WORDS:
		return bind_words(&how, (const char *const *)item->words, item->word_count, &runner->bound,
				  &runner->invocation.failure);
	case ITEM_BOUND:
		runner->bound = item->bound;
		item->bound = (struct bound){ 0 };
		return true;
	case ITEM_SCRIPT:
		break;
	}
	return false;
}

static void make_invocation(struct runner *runner)
{
	struct invocation *invocation = &runner->invocation;
	struct bound *bound = &runner->bound;

	*invocation = (struct invocation){ .command = bound->command,
					   .commands = runner->commands,
					   .runner = runner,
					   .phone = runner->commands->phone,
					   .out = &runner->out,
					   .rest = (const char *const *)bound->rest,
					   .rest_count = bound->rest_count,
					   .option_count = bound->option_count };
	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++) {
		invocation->values[i] = bound->values[i];
		invocation->literal[i] = bound->literal[i];
		invocation->network[i] = bound->network[i];
	}
	for (size_t i = 0; i < bound->option_count; i++) {
		invocation->options[i].option = bound->options[i].option;
		invocation->options[i].value = bound->options[i].value;
	}
}

static void run_present(struct runner *runner)
{
	enum command_result result = COMMAND_FAILED;
	size_t at = 0;

	if (bind_present(runner, &at)) {
		make_invocation(runner);
		at = 0;
		result = runner->bound.command->run(&runner->invocation);
	}
	if (result != COMMAND_WAITS)
		finish(runner, result, at);
}

void runner_run(struct runner *runner)
{
	if (runner->running || runner->dead)
		return;
	runner->running = true;
	while (!runner->dead && runner->wait.kind == WAIT_NOTHING && runner->turn_cost < COMMANDS_A_TURN &&
	       take_next(runner)) {
		runner->had_work = true;
		runner->turn_cost++;
		run_present(runner);
		/* What stood behind a `wait` need not wait for what came between. */
		if (!runner->dead && runner->wait.kind != WAIT_NOTHING)
			runner_let_pass(runner);
	}
	if (!runner->dead && runner->turn_cost >= COMMANDS_A_TURN && !runner_idle(runner))
		loop_again(runner->commands->loop);
	if (!runner->dead && runner->sent_count && !runner->open && !runner->over && runner_idle(runner))
		outcomes_settle(runner);
	if (!runner->dead && runner->had_work && runner_settled(runner)) {
		runner->had_work = false;
		if (runner->output.ended && !runner->of_handler)
			runner->output.ended(runner->output.arg, runner, runner->status);
		runner->dead |= runner->of_handler;
	}
	runner->running = false;
	if (runner->dead) {
		runner->dead = false;
		runner_free(runner);
	}
}

void runner_resume(struct runner *runner, enum command_result result)
{
	if (runner->running)
		return;
	wait_fini(runner);
	runner->running = true; /* an output function may free the runner */
	finish(runner, result, 0);
	runner->running = false;
	if (runner->dead) {
		runner->dead = false;
		runner_free(runner);
		return;
	}
	runner_run(runner);
}

/* ---- from outside ---- */

unsigned runner_keypad(const struct runner *runner)
{
	return runner->keypad;
}

void runner_keypad_end(struct runner *runner)
{
	runner->keypad = 0;
}

/* The present command of a script that is over so is not told twice: it ends without a word, but who asked is told. */
static void abandon_present(struct runner *runner)
{
	struct item *item = runner->current;

	if (item && item->reply.send)
		rpc_answer_failure(&item->reply, &runner->invocation.failure);
	forget_present(runner);
}

void runner_fail(struct runner *runner, const char *where, const char *shown, const struct failure *failure)
{
	bool inside = runner->running;

	runner->running = true; /* an output function may free the runner */
	runner_refuse(runner, where, failure, shown);
	if (!runner->keep_going) {
		drop_queue(runner, false);
		if (!inside && runner->wait.kind != WAIT_NOTHING) {
			runner->invocation.failure = *failure;
			abandon_present(runner);
		}
	}
	runner->running = inside;
	if (!inside && runner->dead) {
		runner->dead = false;
		runner_free(runner);
	} else if (!inside) {
		runner_run(runner);
	}
}

void runner_interrupt(struct runner *runner)
{
	bool waited = runner->wait.kind != WAIT_NOTHING;

	if (runner->running) {
		drop_queue(runner, false);
		return;
	}
	drop_queue(runner, false);
	if (waited) {
		fail(&runner->invocation.failure, STATUS_TIMEOUT, "interrupted", "interrupted");
		runner_resume(runner, COMMAND_FAILED);
	} else {
		runner_run(runner);
	}
}

const char *invocation_option(const struct invocation *invocation, const char *name, size_t nth)
{
	for (size_t i = 0; i < invocation->option_count; i++)
		if (!strcmp(invocation->options[i].option->name, name) && nth-- == 0)
			return invocation->options[i].value;
	return NULL;
}
