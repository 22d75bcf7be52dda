/* complete: what may come next on a line, from the kinds of the arguments. */
#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/event_keys.h"
#include "command/offer.h"
#include "command/table.h"

#include <string.h>

enum { COMPLETE_DEPTH_MAX = 8 };

/* ---- options ---- */

static bool has_option(const struct completing *at, size_t from, const char *name)
{
	for (size_t i = from; i < at->count; i++) {
		struct slice rest = slice_of(at->words[i].text), key = slice_cut(&rest, '=');
		if (rest.p && slice_eq(key, slice_of(name)))
			return true;
	}
	return false;
}

static void offer_name(struct completing *at, const char *name)
{
	char *word = xasprintf("%s=", name);

	/* By case, so that a name of several words goes on: "Bob B" is no beginning of body=. */
	if (slice_begins(slice_of(word), slice_of(at->prefix)))
		offer_text(at, word);
	free(word);
}

static void offer_options(struct completing *at, const struct command *command, size_t from, const char *event)
{
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++)
		if (command->options[i].repeats || !has_option(at, from, command->options[i].name))
			offer_name(at, command->options[i].name);
	if (!command->event_keys || !event)
		return;
	/* Only keys that one of the events has. */
	for (struct slice rest = slice_of(event); rest.p;) {
		enum event_kind kind;
		const struct event_help *help;
		struct slice keys, key;
		if (!event_find(slice_cut(&rest, '|'), &kind) || !(help = event_help(kind)))
			continue;
		for (keys = slice_of(help->keys); table_next_word(&keys, &key);) {
			char *name = slice_dup(key);
			if (!has_option(at, from, name))
				offer_name(at, name);
			free(name);
		}
	}
}

static void offer_account_options(struct completing *at, size_t from)
{
	const char *const *names = phone_account_options();

	for (size_t i = 0; names[i]; i++)
		if (!has_option(at, from, names[i]))
			offer_name(at, names[i]);
}

/* ---- where on the line ---- */

static void complete_line(struct completing *at, size_t begins, unsigned depth);

/* Lists of devices and codecs have many words, numbers and choices one. */
static bool takes_one_word(const char *setting)
{
	const struct setting_row *row = setting ? setting_find(slice_of(setting)) : NULL;

	return row && row->type != SETTING_TEXT;
}

/* Is this optional argument left out, as the word there is not its own? */
static bool steps_aside(const struct command_argument *argument, const char *word)
{
	if (!argument->name || !argument->optional)
		return false;
	return argument->kind == ARG_VIEW ? !choice_has(argument->choices, slice_of(word))
					  : argument->kind == ARG_KEYWORD && strcmp(argument->name, word) != 0;
}

/* How far the words already there have filled the arguments. */
struct filled {
	const struct command *command;
	size_t place;              /* the argument that the next word is */
	size_t joined_from;        /* the first word of a target that may have several; SIZE_MAX: none */
	const char *first, *event; /* the first value, and the one that names an event */
	bool target_ended;         /* no plain word follows an option */
};

static bool is_line(const struct command_argument *argument)
{
	return argument->kind == ARG_COMMAND_LINE || argument->kind == ARG_COMMAND;
}

static const struct command_argument *argument_at(const struct command *command, size_t place)
{
	return place < COMMAND_ARGS_MAX && command->arguments[place].name ? &command->arguments[place] : NULL;
}

/* Arguments that this word leaves out. */
static void step_aside(struct filled *filled, const char *word)
{
	const struct command_argument *arguments = filled->command->arguments;

	while (filled->place < COMMAND_ARGS_MAX && steps_aside(&arguments[filled->place], word)) {
		filled->place++;
		while (filled->place < COMMAND_ARGS_MAX && arguments[filled->place].with_previous)
			filled->place++;
	}
}

static void fill(struct filled *filled, const struct command_argument *argument, const char *word, size_t i)
{
	filled->first = filled->first ? filled->first : word;
	filled->event = argument->kind == ARG_EVENT ? word : filled->event;
	if (argument->kind == ARG_TARGET && argument_is_joined(filled->command, filled->place)) {
		if (filled->joined_from == SIZE_MAX)
			filled->joined_from = i;
	} else if (argument->kind == ARG_VALUE ? takes_one_word(filled->first)
					       : argument->kind != ARG_TEXT && argument->kind != ARG_TOPIC &&
							 !argument->repeats) {
		filled->place++;
	}
}

/* @return false: nothing is left to offer, or a command inside this one has offered */
static bool fill_all(struct completing *at, struct filled *filled, size_t from, unsigned depth)
{
	for (size_t i = from; i < at->count; i++) {
		struct slice rest = slice_of(at->words[i].text), key = slice_cut(&rest, '=');
		if (rest.p && !at->words[i].quoted && option_find(filled->command, key)) {
			filled->target_ended |= filled->joined_from != SIZE_MAX;
			continue;
		}
		if (!argument_at(filled->command, filled->place))
			return false;
		step_aside(filled, at->words[i].text);
		const struct command_argument *argument = argument_at(filled->command, filled->place);
		if (!argument)
			return false;
		if (is_line(argument)) {
			complete_line(at, at->words[i].start, depth + 1);
			return false;
		}
		fill(filled, argument, at->words[i].text, i);
	}
	return true;
}

/* KEY=VALUE is begun: its values. */
static bool offer_option_values(struct completing *at, const struct filled *filled)
{
	struct slice value = slice_of(at->prefix), key = slice_cut(&value, '=');
	const struct command_argument *option = value.p && !at->quote ? option_find(filled->command, key) : NULL;

	if (!option)
		return false;
	char *rest = slice_dup(value);
	at->start += key.n + 1;
	free(at->prefix);
	at->prefix = rest;
	offer_kind(at, option, filled->first);
	return true;
}

/* A name of several words is one target. */
static void widen_target(struct completing *at, const struct filled *filled, const struct command_argument *argument)
{
	size_t whole = filled->joined_from != SIZE_MAX ? at->words[filled->joined_from].start : at->start;

	if (!at->quote && whole != at->start && !at->completion->count) {
		free(at->prefix);
		at->prefix = slice_dup(slice_from(at->line, whole));
		at->start = whole;
	}
	at->plain = !at->quote && !argument->repeats;
}

static void offer_values(struct completing *at, const struct filled *filled)
{
	const struct command_argument *argument;

	for (size_t place = filled->place; (argument = argument_at(filled->command, place)); place++) {
		if (argument->with_previous && place != filled->place)
			continue;
		offer_kind(at, argument, filled->first);
		/* What may be left out does not hide what follows it. */
		if ((argument->kind != ARG_KEYWORD && argument->kind != ARG_VIEW) || !argument->optional)
			break;
	}
}

/* Behind `from` words the arguments of `command` begin. */
static void complete_arguments(struct completing *at, const struct command *command, size_t from, unsigned depth)
{
	struct filled filled = { .command = command, .joined_from = SIZE_MAX };

	if (!fill_all(at, &filled, from, depth) || offer_option_values(at, &filled))
		return;
	const struct command_argument *argument = argument_at(command, filled.place);
	bool joined = filled.joined_from != SIZE_MAX;
	if (argument && is_line(argument)) {
		complete_line(at, at->start, depth + 1);
		return;
	}
	/* KEY=PATTERN stands before `as` and `do`. */
	bool too_late = argument && argument->kind == ARG_KEYWORD && !argument->optional;
	if (!argument || argument->optional || joined || (filled.event && !too_late))
		offer_options(at, command, from, filled.event);
	if (!argument || filled.target_ended)
		return;
	if (argument->kind == ARG_ACCOUNT_OPTION)
		offer_account_options(at, from + 1);
	/* Behind a target options are wanted; only what begins none may go on with a name of several words. */
	if (joined && at->completion->count)
		return;
	if (joined || argument->kind == ARG_TARGET)
		widen_target(at, &filled, argument);
	offer_values(at, &filled);
}

static void offer_commands(struct completing *at, struct slice first)
{
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' '),
			     aliases = slice_of(table_row(i)->aliases), alias;
		if (first.n) {
			if (slice_eq(word, first) && rest.n)
				offer(at, rest);
			continue;
		}
		offer(at, word);
		while (table_next_word(&aliases, &alias))
			offer(at, alias);
	}
	if (first.n)
		return;
	LIST_EACH(&at->commands->aliases, node)
		offer_text(at, LIST_ENTRY(node, struct alias, node)->name);
}

/* Words up to the point; the last one, perhaps unfinished, is the one to be completed. */
static void read_words(struct completing *at, size_t begins)
{
	struct words words = { .line = at->line, .at = begins };
	struct failure ignored;
	struct word word;
	size_t where;

	word_init(&word);
	for (;;) {
		if (!words_more(&words)) {
			at->start = at->line.n;
			break;
		}
		size_t start = words.at;
		enum words_result result = words_next(&words, &word, &ignored, &where);
		if (result == WORD_BAD || words.at >= at->line.n || at->count == COMPLETING_WORDS_MAX) {
			at->start = start;
			break;
		}
		at->words[at->count++] = (struct before){ start, slice_dup(buf_slice(&word.text)), word.quoted };
	}
	word_fini(&word);
	struct slice typed = slice_from(at->line, at->start);
	at->quote = typed.n && (typed.p[0] == '"' || typed.p[0] == '\'') ? typed.p[0] : '\0';
	at->prefix = slice_dup(at->quote ? slice_from(typed, 1) : typed);
}

static void forget_words(struct completing *at)
{
	for (size_t i = 0; i < at->count; i++)
		free(at->words[i].text);
	at->count = 0;
	free(at->prefix);
	at->prefix = NULL;
}

static const struct command *row_of_words(struct completing *at, struct slice first, size_t *from)
{
	struct slice whole = table_find(first) || table_is_first_word(first)
				     ? first
				     : table_complete((struct slice){ NULL, 0 }, first, NULL);

	*from = 1;
	if (!table_is_first_word(whole) || at->count < 2)
		return table_find(whole);
	struct slice second = slice_of(at->words[1].text), full = table_complete(whole, second, NULL);
	char *name = xasprintf("%.*s %.*s", SLICE_ARG(whole), SLICE_ARG(full.n ? full : second));
	const struct command *row = table_find(slice_of(name));
	free(name);
	*from = 2;
	return row;
}

static void complete_line(struct completing *at, size_t begins, unsigned depth)
{
	size_t from;

	forget_words(at);
	if (depth > COMPLETE_DEPTH_MAX)
		return;
	read_words(at, begins);
	/* The word to be completed is the command itself. */
	if (!at->count) {
		char lead[2] = { at->prefix[0], '\0' };
		if (lead[0] == '/' || lead[0] == '-') {
			memmove(at->prefix, at->prefix + 1, strlen(at->prefix));
			at->lead = lead;
		}
		offer_commands(at, (struct slice){ NULL, 0 });
		at->lead = NULL;
		return;
	}
	struct slice first = slice_of(at->words[0].text);
	if (first.n > 1 && (first.p[0] == '/' || first.p[0] == '-'))
		first = slice_from(first, 1);
	const struct command *row = row_of_words(at, first, &from);
	if (at->count == 1) {
		struct slice whole =
			table_is_first_word(first) ? first : table_complete((struct slice){ NULL, 0 }, first, NULL);
		if (table_is_first_word(whole)) {
			offer_commands(at, whole);
			if (!row || !row->arguments[0].name)
				return;
		}
	}
	if (at->prefix[0] == '$')
		offer_variables(at);
	else if (row)
		complete_arguments(at, row, from, depth);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void commands_complete(struct commands *commands, struct slice line, size_t point, struct completion *completion)
{
	struct completing *at = xcalloc(1, sizeof *at);

	*completion = (struct completion){ 0 };
	at->commands = commands;
	at->completion = completion;
	at->line = slice_sub(line, 0, point);
	at->start = at->line.n;
	complete_line(at, 0, 0);
	completion->start = at->start;
	if (completion->count)
		qsort(completion->words, completion->count, sizeof *completion->words, by_text);
	forget_words(at);
	free(at);
}

void completion_fini(struct completion *completion)
{
	for (size_t i = 0; i < completion->count; i++)
		free(completion->words[i]);
	free(completion->words);
	*completion = (struct completion){ 0 };
}
