#include "base/utf8.h"
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/rpc.h"
#include "command/table.h"
#include "loop/loop.h"

#include <jansson.h>
#include <string.h>

enum { OUT_MAX = 4 << 20 };

/* ---- items ---- */

static struct item *item_new(enum item_kind kind)
{
	struct item *item = xcalloc(1, sizeof *item);

	item->kind = kind;
	return item;
}

static void item_free(struct item *item)
{
	if (!item)
		return;
	list_remove(&item->node);
	free(item->line);
	for (size_t i = 0; i < item->word_count; i++)
		free(item->words[i]);
	free(item->words);
	bound_fini(&item->bound);
	script_release(item->script);
	json_decref(item->reply.id);
	free(item);
}

static void item_words(struct item *item, const char *first, const char *const *words, size_t count)
{
	item->words = xcalloc(count + 1, sizeof *item->words);
	if (first)
		item->words[item->word_count++] = xstrdup(first);
	for (size_t i = 0; i < count; i++)
		item->words[item->word_count++] = xstrdup(words[i]);
}

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
	buf_init(&runner->out, OUT_MAX);
	buf_init(&runner->shown, 1024);
	list_append(&commands->runners, &runner->node);
	return runner;
}

static void forget_present(struct runner *runner)
{
	wait_fini(runner);
	item_free(runner->current);
	runner->current = NULL;
	bound_fini(&runner->bound);
	json_decref(runner->invocation.result);
	runner->invocation = (struct invocation){ 0 };
	buf_clear(&runner->out);
	buf_clear(&runner->shown);
}

/* Those who asked are told; not when the runner goes, for then they are gone as well. */
static void drop_queue(struct runner *runner, bool only_files)
{
	struct failure failure;

	fail(&failure, STATUS_USAGE, "dropped", "what came before failed or was interrupted: this was not run");
	LIST_EACH(&runner->queue, node) {
		struct item *item = LIST_ENTRY(node, struct item, node);
		if (only_files && !item->script)
			return;
		if (item->reply.send && item->reply.id)
			rpc_answer_failure(&item->reply, &failure);
		item_free(item);
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
		item_free(LIST_ENTRY(node, struct item, node));
	list_remove(&runner->node);
	for (int i = 0; i < ADOPTED_COUNT; i++)
		free(runner->adopted[i]);
	buf_fini(&runner->out);
	buf_fini(&runner->shown);
	free(runner->used);
	free(runner->messages);
	free(runner->chat);
	free(runner->chat_name);
	free(runner->folder);
	free(runner->name);
	free(runner);
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

bool runner_settled(const struct runner *runner)
{
	return runner_idle(runner) &&
	       (runner->over || (!runner->device_checks && (runner->open || !runner->message_count)));
}

void runner_keep_open(struct runner *runner, bool open)
{
	/* What was sent meanwhile is looked at in the next turn. */
	if (runner->open && !open && runner->message_count)
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
		rpc_answer_failure(&item->reply, failure);
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

	if (runner->current->reply.send)
		rpc_answer(&runner->current->reply, &runner->invocation, "");
	runner->last_status = status;
	if (!runner->keep_going) {
		runner->status = status;
		runner->over = true;
		drop_queue(runner, false);
	} else if (runner->current->script) {
		drop_queue(runner, true);
	} else if (runner->output.detach && !runner->commands->quit) {
		runner->output.detach(runner->output.arg, runner);
	} else {
		runner->commands->quit = true;
		runner->commands->quit_status = status;
	}
}

static void finish(struct runner *runner, enum command_result result, size_t at)
{
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
			item_free(item);
			continue;
		}
		struct item *line = item_new(ITEM_LINE);
		line->line = slice_dup(item->script->lines[item->script_line].text);
		line->script = script_keep(item->script);
		line->script_line = item->script_line++;
		line->interactive = false;
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
	unsigned count = 0;

	if (runner->running || runner->dead)
		return;
	runner->running = true;
	while (!runner->dead && runner->wait.kind == WAIT_NOTHING && count < COMMANDS_A_TURN && take_next(runner)) {
		runner->had_work = true;
		count++;
		run_present(runner);
	}
	if (!runner->dead && count == COMMANDS_A_TURN && !runner_idle(runner))
		loop_again(runner->commands->loop);
	if (!runner->dead && runner->message_count && !runner->open && !runner->over && runner_idle(runner))
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

/* ---- queueing ---- */

static void refuse(struct runner *runner, const char *where, const struct failure *failure, const char *shown)
{
	buf_clear(&runner->shown);
	buf_printf(&runner->shown, "%s", shown);
	if (!runner->keep_going && !runner->over) {
		runner->status = (int)failure->status;
		runner->over = true;
	}
	runner->last_status = (int)failure->status;
	if (runner->output.error)
		runner->output.error(runner->output.arg, runner, where, failure);
	buf_clear(&runner->shown);
}

/* A script that is over takes nothing more. */
static void queue(struct runner *runner, struct item *item)
{
	if (runner->over) {
		item_free(item);
		return;
	}
	list_append(&runner->queue, &item->node);
	runner_run(runner);
}

/* ---- a keypad ---- */

unsigned runner_keypad(const struct runner *runner)
{
	return runner->keypad;
}

void runner_keypad_end(struct runner *runner)
{
	runner->keypad = 0;
}

/* ---- a chat ---- */

const char *runner_chat(const struct runner *runner)
{
	return runner->chat_name;
}

bool runner_takes_command(const struct runner *runner, struct slice line)
{
	return !runner->chat || (slice_begins(line, SLICE("/")) && !slice_begins(line, SLICE("//")));
}

void runner_typing(struct runner *runner, struct slice line)
{
	if (runner->chat)
		phone_typing(runner->commands->phone, slice_of(runner->chat),
			     line.n && !runner_takes_command(runner, line));
}

static void leave_chat(struct runner *runner)
{
	runner_typing(runner, (struct slice){ 0 });
	free(runner->chat);
	free(runner->chat_name);
	runner->chat = runner->chat_name = NULL;
}

/* A line as it was typed, to whom the chat is with. */
static void say(struct runner *runner, struct slice line)
{
	while (line.n && strchr("\r\n", line.p[line.n - 1]))
		line.n--;
	/* Bound by hand: nothing of it is an option or a quote. */
	struct bound bound = { .command = table_find(SLICE("message")) };
	bound.values[0] = xstrdup(runner->chat);
	bound.values[1] = slice_dup(slice_begins(line, SLICE("//")) ? slice_from(line, 1) : line);
	runner_queue_bound(runner, &bound, (struct reply){ 0 });
}

void runner_line(struct runner *runner, struct slice line, bool interactive)
{
	struct slice text = slice_trim(line);
	struct item *item;

	runner->lines_given++;
	if (runner->chat && text.n && !runner_takes_command(runner, line)) {
		say(runner, line);
		return;
	}
	if (runner->chat && slice_eq(text, SLICE("/close"))) {
		leave_chat(runner);
		return;
	}
	if (!text.n || (!interactive && text.p[0] == '#'))
		return;
	item = item_new(ITEM_LINE);
	item->interactive = interactive;
	item->number = runner->lines_given;
	if (text.n > LINE_MAX_BYTES || memchr(text.p, '\0', text.n))
		item->line = NULL; /* an error in its turn */
	else
		item->line = slice_dup(text);
	queue(runner, item);
}

void runner_words(struct runner *runner, const char *const *words, size_t count)
{
	struct item *item = item_new(ITEM_WORDS);

	item_words(item, NULL, words, count);
	queue(runner, item);
}

void runner_queue_bound(struct runner *runner, struct bound *bound, struct reply reply)
{
	struct item *item = item_new(ITEM_BOUND);

	item->bound = *bound;
	*bound = (struct bound){ 0 };
	item->reply = reply;
	queue(runner, item);
}

void runner_queue_reply_line(struct runner *runner, struct slice line, bool interactive, struct reply reply)
{
	struct item *item = item_new(ITEM_LINE);

	item->line = slice_dup(slice_trim(line));
	item->interactive = interactive;
	item->reply = reply;
	queue(runner, item);
}

void runner_queue_reply_words(struct runner *runner, const char *const *words, size_t count, struct reply reply)
{
	struct item *item = item_new(ITEM_WORDS);

	item_words(item, NULL, words, count);
	item->reply = reply;
	queue(runner, item);
}

void runner_push_inner(struct runner *runner, const char *line, size_t shift, bool go_on)
{
	struct item *item = item_new(ITEM_LINE), *present = runner->current;

	item->line = xstrdup(line);
	item->interactive = present->interactive;
	item->number = present->number;
	item->go_on = go_on || present->go_on;
	item->script = present->script ? script_keep(present->script) : NULL;
	item->script_line = present->script_line;
	item->shift = present->shift + shift;
	item->reply = present->reply;
	present->reply = (struct reply){ 0 };
	list_prepend(&runner->queue, &item->node);
}

struct telling {
	struct runner *runner;
	struct failure first;
	size_t count;
	bool is_inner; /* of `source`: the last error is the command's own */
};

static void script_error(void *arg, const char *where, const struct failure *failure, const char *shown)
{
	struct telling *telling = arg;

	if (!telling->count++)
		telling->first = *failure;
	if (telling->count <= ERRORS_SHOWN && (!telling->is_inner || where[0]))
		refuse(telling->runner, where, failure, shown);
}

static void tell_more(struct telling *telling, const char *name)
{
	struct failure failure;

	if (telling->count <= ERRORS_SHOWN)
		return;
	fail(&failure, STATUS_USAGE, "syntax", "%s: and %zu errors more", name, telling->count - ERRORS_SHOWN);
	refuse(telling->runner, "", &failure, "");
}

static struct item *script_item(struct script *script, const char *name, const char *const *args, size_t arg_count)
{
	struct item *item = item_new(ITEM_SCRIPT);

	item->script = script;
	item_words(item, name, args, arg_count);
	return item;
}

bool runner_file(struct runner *runner, const char *path, const char *const *args, size_t arg_count)
{
	struct telling telling = { .runner = runner };
	struct script *script = script_read(runner->commands, path, script_error, &telling);

	tell_more(&telling, path);
	if (!script)
		return false;
	runner->had_work = true;
	queue(runner, script_item(script, path, args, arg_count));
	return true;
}

bool runner_text(struct runner *runner, const char *name, struct slice text)
{
	struct telling telling = { .runner = runner };
	struct script *script = script_new(runner->commands, name, text, script_error, &telling);

	tell_more(&telling, name);
	if (!script)
		return false;
	runner->had_work = true;
	queue(runner, script_item(script, name, NULL, 0));
	return true;
}

bool runner_push_file(struct runner *runner, const char *path, const char *const *args, size_t arg_count,
		      struct failure *failure)
{
	struct telling telling = { .runner = runner, .is_inner = true };
	struct script *script;
	size_t depth = 0;

	LIST_EACH(&runner->queue, node)
		depth += LIST_ENTRY(node, struct item, node)->kind == ITEM_SCRIPT;
	if (depth >= SCRIPT_DEPTH_MAX)
		return fail(failure, STATUS_USAGE, "depth", "%s: files that source files, more than %d deep", path,
			    SCRIPT_DEPTH_MAX);
	if (!(script = script_read(runner->commands, path, script_error, &telling))) {
		tell_more(&telling, path);
		if (telling.first.reason[0] && !strcmp(telling.first.reason, "file"))
			*failure = telling.first;
		else
			fail(failure, STATUS_USAGE, "syntax", "%s has %zu error%s; nothing of it was run", path,
			     telling.count, telling.count == 1 ? "" : "s");
		return false;
	}
	list_prepend(&runner->queue, &script_item(script, path, args, arg_count)->node);
	return true;
}

/* The present command of a script that is over so is not told twice: it ends without a word, but who asked is told. */
static void abandon_present(struct runner *runner)
{
	struct item *item = runner->current;

	if (item && item->reply.send && item->reply.id)
		rpc_answer_failure(&item->reply, &runner->invocation.failure);
	forget_present(runner);
}

void runner_fail(struct runner *runner, const char *where, const char *shown, const struct failure *failure)
{
	bool inside = runner->running;

	runner->running = true; /* an output function may free the runner */
	refuse(runner, where, failure, shown);
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
