/* What a runner is given to run: lines, words, what JSON-RPC has bound, files; and lines to whom its chat is with. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/rpc.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

/* ---- items ---- */

struct item *runner_item_new(enum item_kind kind)
{
	struct item *item = xcalloc(1, sizeof *item);

	item->kind = kind;
	return item;
}

static void item_words(struct item *item, const char *first, const char *const *words, size_t count)
{
	item->words = xcalloc(count + 1, sizeof *item->words);
	if (first)
		item->words[item->word_count++] = xstrdup(first);
	for (size_t i = 0; i < count; i++)
		item->words[item->word_count++] = xstrdup(words[i]);
}

void runner_item_free(struct item *item)
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

void runner_refuse(struct runner *runner, const char *where, const struct failure *failure, const char *shown)
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

/* ---- what ends something does not wait ---- */

/* The command that it is, or NULL. Nothing of it is evaluated yet. */
static const struct command *command_of(const struct runner *runner, const struct item *item)
{
	struct bind_how how = { .commands = runner->commands, .interactive = item->interactive, .partial = true };
	struct bound bound = { 0 };
	struct failure ignored;
	size_t at = 0;
	bool good = false;

	if (item->kind == ITEM_BOUND)
		return item->bound.command;
	if (item->kind == ITEM_LINE && item->line)
		good = bind_line(&how, slice_of(item->line), &bound, &ignored, &at);
	else if (item->kind == ITEM_WORDS)
		good = bind_words(&how, (const char *const *)item->words, item->word_count, &bound, &ignored);
	const struct command *command = good ? bound.command : NULL;
	bound_fini(&bound);
	return command;
}

/* Once each: a queue may be long. */
static void look_at(const struct runner *runner, struct item *item)
{
	if (item->looked_at)
		return;
	const struct command *command = command_of(runner, item);
	item->looked_at = true;
	item->sleeps = command && !strcmp(command->name, "sleep");
	item->waits = command && !strcmp(command->name, "wait");
	item->ends = command && command->ends;
}

/*
 * What somebody types, or a program asks for by a request, runs while an earlier command of his waits for an answer
 * from the network. Who said `wait` or `sleep` has said that the next shall come later: a person does not mean that
 * of a `wait`, which would hold a call up for as long as the other side likes.
 */
static bool may_overtake(const struct runner *runner, const struct item *item)
{
	enum wait_kind kind = runner->wait.kind;
	bool asked = item->reply.send && !item->reply.in_turn && kind != WAIT_EVENT;

	return kind != WAIT_NOTHING && kind != WAIT_SLEEP && (item->interactive || asked);
}

/* Is it asked for later than something that is still to come, `upto` excluded? */
static bool is_for_later(const struct runner *runner, const struct item *upto, bool typed)
{
	LIST_EACH(&runner->queue, node) {
		struct item *item = LIST_ENTRY(node, struct item, node);

		if (item == upto)
			return false;
		look_at(runner, item);
		if (item->sleeps || (item->waits && !typed))
			return true;
	}
	return false;
}

static bool overtakes(const struct runner *runner, struct item *item)
{
	if (!may_overtake(runner, item))
		return false;
	look_at(runner, item);
	return item->ends && !is_for_later(runner, item, item->interactive);
}

/* Beside what waits; with the same call, the same voice. It is over when this returns. */
static void run_aside(struct runner *runner, struct item *item)
{
	struct runner *aside = runner_new(runner->commands, runner->name, &runner->output);

	aside->output.ended = NULL;
	aside->call = runner->call;
	aside->columns = runner->columns;
	aside->ascii = runner->ascii;
	runner_keep_going(aside, true);
	runner_set_folder(aside, runner->folder ? runner->folder : "");
	list_append(&aside->queue, &item->node);
	runner_run(aside);
	runner->quit_said |= aside->quit_said;
	runner_free(aside);
}

void runner_let_pass(struct runner *runner)
{
	struct item *passes;

	do {
		passes = NULL;
		LIST_EACH(&runner->queue, node) {
			struct item *item = LIST_ENTRY(node, struct item, node);
			/* What stands behind a file stands behind all of it. */
			if (passes || item->kind == ITEM_SCRIPT || item->script)
				break;
			if (overtakes(runner, item))
				passes = item;
		}
		if (passes) {
			list_remove(&passes->node);
			run_aside(runner, passes);
		}
	} while (passes && !runner->dead);
}

/* A script that is over takes nothing more. */
static void queue(struct runner *runner, struct item *item)
{
	if (runner->over) {
		runner_item_free(item);
		return;
	}
	if (overtakes(runner, item)) {
		run_aside(runner, item);
		return;
	}
	list_append(&runner->queue, &item->node);
	runner_run(runner);
}

/* ---- a chat ---- */

void runner_set_typed(struct runner *runner)
{
	runner->commands->typed = runner;
}

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
static void say(struct runner *runner, struct slice line, struct reply reply)
{
	while (line.n && strchr("\r\n", line.p[line.n - 1]))
		line.n--;
	/* Bound by hand: nothing of it is an option or a quote. */
	struct bound bound = { .command = table_find(SLICE("message")) };
	bound.values[0] = xstrdup(runner->chat);
	bound.values[1] = slice_dup(slice_begins(line, SLICE("//")) ? slice_from(line, 1) : line);
	runner_queue_bound(runner, &bound, reply);
}

/* ---- lines and words ---- */

void runner_line(struct runner *runner, struct slice line, bool interactive)
{
	struct slice text = slice_trim(line);
	struct item *item;

	runner->lines_given++;
	if (runner->chat && text.n && !runner_takes_command(runner, line)) {
		say(runner, line, (struct reply){ 0 });
		return;
	}
	if (runner->chat && slice_eq(text, SLICE("/close"))) {
		leave_chat(runner);
		return;
	}
	if (!text.n || (!interactive && text.p[0] == '#'))
		return;
	item = runner_item_new(ITEM_LINE);
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
	struct item *item = runner_item_new(ITEM_WORDS);

	item_words(item, NULL, words, count);
	queue(runner, item);
}

void runner_queue_bound(struct runner *runner, struct bound *bound, struct reply reply)
{
	struct item *item = runner_item_new(ITEM_BOUND);

	item->bound = *bound;
	*bound = (struct bound){ 0 };
	item->reply = reply;
	queue(runner, item);
}

void runner_queue_reply_line(struct runner *runner, struct slice line, bool interactive, struct reply reply)
{
	struct item *item;

	if (runner->chat && interactive && !runner_takes_command(runner, line)) {
		say(runner, line, reply);
		return;
	}
	if (runner->chat && interactive && slice_eq(slice_trim(line), SLICE("/close"))) {
		leave_chat(runner);
		rpc_answer(&reply, &runner->invocation, "");
		return;
	}
	item = runner_item_new(ITEM_LINE);
	item->line = slice_dup(slice_trim(line));
	item->interactive = interactive;
	item->reply = reply;
	queue(runner, item);
}

void runner_queue_reply_words(struct runner *runner, const char *const *words, size_t count, struct reply reply)
{
	struct item *item = runner_item_new(ITEM_WORDS);

	item_words(item, NULL, words, count);
	item->reply = reply;
	queue(runner, item);
}

void runner_push_inner(struct runner *runner, const char *line, size_t shift, bool go_on)
{
	struct item *item = runner_item_new(ITEM_LINE), *present = runner->current;

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

/* ---- files ---- */

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
		runner_refuse(telling->runner, where, failure, shown);
}

static void tell_more(struct telling *telling, const char *name)
{
	struct failure failure;

	if (telling->count <= ERRORS_SHOWN)
		return;
	fail(&failure, STATUS_USAGE, "syntax", "%s: and %zu errors more", name, telling->count - ERRORS_SHOWN);
	runner_refuse(telling->runner, "", &failure, "");
}

static struct item *script_item(struct script *script, const char *name, const char *const *args, size_t arg_count)
{
	struct item *item = runner_item_new(ITEM_SCRIPT);

	item->script = script;
	item_words(item, name, args, arg_count);
	return item;
}

static bool queue_file(struct runner *runner, const char *path, const char *const *args, size_t arg_count, bool go_on)
{
	struct telling telling = { .runner = runner };
	struct script *script = script_read(runner->commands, path, script_error, &telling);

	tell_more(&telling, path);
	if (!script)
		return false;
	runner->had_work = true;
	struct item *item = script_item(script, path, args, arg_count);
	item->go_on = go_on;
	queue(runner, item);
	return true;
}

bool runner_file(struct runner *runner, const char *path, const char *const *args, size_t arg_count)
{
	return queue_file(runner, path, args, arg_count, false);
}

bool runner_file_line_by_line(struct runner *runner, const char *path)
{
	return queue_file(runner, path, NULL, 0, true);
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
