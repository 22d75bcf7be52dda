#include "command/bind.h"

#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/binder.h"
#include "command/event_keys.h"
#include "command/internal.h"

enum { ALIAS_DEPTH_MAX = 16, USAGE_BYTES_MAX = 96 };

/* ---- arguments and options ---- */

bool argument_is_joined(const struct command *command, size_t place)
{
	const struct command_argument *argument = &command->arguments[place];

	/* Where another argument follows it is one word. */
	if (argument->repeats || (place + 1 < COMMAND_ARGS_MAX && command->arguments[place + 1].name))
		return false;
	return argument->kind == ARG_TARGET || argument->kind == ARG_TOPIC || argument->kind == ARG_VALUE;
}

const struct command_argument *option_find(const struct command *command, struct slice name)
{
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++)
		if (slice_eq(slice_of(command->options[i].name), name))
			return &command->options[i];
	return command->event_keys ? event_key_option(name) : NULL;
}

static bool check_value(struct binder *binder, const struct command_argument *argument, struct slice value,
			bool literal, bool unknown)
{
	const char *values[COMMAND_ARGS_MAX];
	struct argument_context context = { .commands = binder->how->commands,
					    .command = binder->bound->command,
					    .values = values,
					    .literal = literal };

	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++)
		values[i] = binder->unknown[i] ? NULL : binder->bound->values[i];
	if (unknown && argument->kind != ARG_ACCOUNT_OPTION)
		return true;
	if (argument_check(&context, argument, value, binder->failure))
		return true;
	binder->at = binder->word.start;
	return false;
}

static bool add_option(struct binder *binder, const struct command_argument *option, struct slice value, bool unknown)
{
	struct bound *bound = binder->bound;

	for (size_t i = 0; i < bound->option_count && !option->repeats; i++)
		if (bound->options[i].option == option)
			return binder_failed(binder, "option", NULL, "%s= is given twice", option->name);
	if (bound->option_count == BOUND_OPTIONS_MAX)
		return binder_failed(binder, "option", NULL, "too many options");
	if (!check_value(binder, option, value, true, unknown))
		return false;
	bound->options[bound->option_count].option = option;
	bound->options[bound->option_count++].value = slice_dup(value);
	return true;
}

/* The present word, from byte `at` on, as the name of a file. */
static char *file_name(const struct binder *binder, size_t at)
{
	char *whole = word_file_name(&binder->word);
	const char *folder = binder->how->folder, *name = strlen(whole) > at ? whole + at : "";
	char *path = folder && *name && *name != '/' && strcmp(name, "-") != 0 ? xasprintf("%s/%s", folder, name)
									       : xstrdup(name);

	free(whole);
	return path;
}

const struct command_argument *binder_word_option(const struct binder *binder)
{
	const struct word *word = &binder->word;

	if (word->name_bytes == SIZE_MAX)
		return NULL;
	return option_find(binder->bound->command, slice_sub(buf_slice(&word->text), 0, word->name_bytes));
}

bool binder_take_option(struct binder *binder, const struct command_argument *option)
{
	struct slice value = slice_from(buf_slice(&binder->word.text), binder->word.name_bytes + 1);
	bool unknown = binder->word.dynamic && !binder->how->expand;
	bool is_file = option->kind == ARG_FILE && !(option->choices && choice_has(option->choices, value));
	char *file = is_file ? file_name(binder, binder->word.name_bytes + 1) : NULL;
	bool good;

	binder->options_began = true;
	size_t count = binder->bound->option_count;
	good = add_option(binder, option, file ? slice_of(file) : value, unknown);
	/* It was the value that did not do. */
	if (!good && binder->bound->option_count == count && binder->at == binder->word.start &&
	    strcmp(binder->failure->reason, "option"))
		binder->at += binder->word.name_bytes + 1;
	free(file);
	return good;
}

static void near_option(const struct binder *binder, struct near *near)
{
	const struct command *command = binder->bound->command;

	near_init(near, slice_sub(buf_slice(&binder->word.text), 0, binder->word.name_bytes));
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++)
		near_offer(near, slice_of(command->options[i].name));
	if (command->event_keys)
		event_keys_offer(near);
}

/* How the command is written; of a long one the options are left to its help. */
static void add_usage(const struct command *command, struct buf *to)
{
	struct buf synopsis;

	buf_init(&synopsis, 4096);
	command_synopsis(command, &synopsis);
	struct slice text = buf_slice(&synopsis), plain = slice_sub(text, 0, slice_find(text, '='));
	if (text.n <= USAGE_BYTES_MAX)
		buf_add(to, text);
	else if (plain.n < text.n)
		buf_printf(to, "%.*s...; `help %s` tells all", SLICE_ARG(slice_sub(plain, 0, slice_rfind(plain, '['))),
			   command->name);
	else
		buf_printf(to, "`help %s` tells all", command->name);
	buf_fini(&synopsis);
}

/* A word that no argument wants. */
static bool unexpected(struct binder *binder)
{
	struct buf usage;
	struct near near;

	if (binder->word.name_bytes != SIZE_MAX && binder->word.name_bytes) {
		near_option(binder, &near);
		return binder_failed(binder, "option", &near, "%.*s: no such option of '%s'",
				     SLICE_ARG(slice_sub(near.word, 0, 60)), binder->bound->command->name);
	}
	buf_init(&usage, 240);
	add_usage(binder->bound->command, &usage);
	binder_failed(binder, "arguments", NULL, "'%.*s' is one word too many: %s",
		      SLICE_ARG(slice_sub(buf_slice(&binder->word.text), 0, 60)), buf_text(&usage));
	buf_fini(&usage);
	return false;
}

static bool missing(struct binder *binder, const struct command_argument *argument)
{
	struct buf usage;

	buf_init(&usage, 300);
	if (argument->kind == ARG_CHOICE)
		buf_printf(&usage, "one of %s", argument->choices);
	else
		add_usage(binder->bound->command, &usage);
	binder->word.start = binder->source.words.line.n;
	binder_failed(binder, "arguments", NULL,
		      argument->kind == ARG_KEYWORD ? "'%s' is missing: %s" : "%s is missing: %s", argument->name,
		      buf_text(&usage));
	buf_fini(&usage);
	return false;
}

const struct command_argument *bound_lacks(const struct bound *bound)
{
	const struct command_argument *options = bound->command->options;

	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && options[i].name; i++) {
		bool has = !options[i].required;
		for (size_t k = 0; k < bound->option_count && !has; k++)
			has = bound->options[k].option == &options[i];
		if (!has)
			return &options[i];
	}
	return NULL;
}

void bound_add_rest(struct bound *bound, char *value)
{
	if (bound->rest_count % 16 == 0)
		bound->rest = xrealloc(bound->rest, (bound->rest_count + 16) * sizeof *bound->rest);
	bound->rest[bound->rest_count++] = value;
}

/* Put the present word into argument `place`. */
static bool place_word(struct binder *binder, size_t place)
{
	struct bound *bound = binder->bound;
	const struct command_argument *argument = &bound->command->arguments[place];
	struct word *word = &binder->word;
	bool unknown = word->dynamic && !binder->how->expand;
	char *text = argument->kind == ARG_FILE ? file_name(binder, 0) : slice_dup(buf_slice(&word->text));

	bound->line_at[place] = word->start;
	bound->network[place] |= word->network.n > 0;
	bound->literal[place] |= word->quoted || word->dynamic;
	binder->given[place] = true;
	binder->unknown[place] |= unknown;
	/* Joined arguments are checked when they are whole. */
	if (!argument_is_joined(bound->command, place) &&
	    !check_value(binder, argument, slice_of(text), bound->literal[place], unknown)) {
		free(text);
		return false;
	}
	if (argument->repeats) {
		bound_add_rest(bound, text);
		bound->literal[place] = false;
	} else if (bound->values[place]) {
		/* Devices have blanks in their names: between them stands a comma. */
		bool comma = argument->kind == ARG_VALUE && bound->values[0] &&
			     slice_begins(slice_of(bound->values[0]), SLICE("audio."));
		char *joined = xasprintf("%s%s%s", bound->values[place], comma ? "," : " ", text);
		free(bound->values[place]);
		free(text);
		bound->values[place] = joined;
	} else {
		bound->values[place] = text;
	}
	return true;
}

/* Does this optional argument step aside because the word is not its own? */
static bool steps_aside(const struct binder *binder, const struct command_argument *argument)
{
	const struct word *word = &binder->word;

	if (argument->optional && argument->kind == ARG_VIEW)
		return word->quoted || word->dynamic || !choice_has(argument->choices, buf_slice(&word->text));
	if (!argument->optional || argument->kind != ARG_KEYWORD)
		return false;
	return word->quoted || word->dynamic || !slice_eq(buf_slice(&word->text), slice_of(argument->name));
}

static bool take_plain(struct binder *binder)
{
	const struct command_argument *arguments = binder->bound->command->arguments;

	while (binder->place < COMMAND_ARGS_MAX && arguments[binder->place].name) {
		const struct command_argument *argument = &arguments[binder->place];
		if (steps_aside(binder, argument)) {
			binder->place++;
			while (binder->place < COMMAND_ARGS_MAX && arguments[binder->place].with_previous)
				binder->place++;
			continue;
		}
		if (argument->kind == ARG_KEYWORD && !slice_eq(buf_slice(&binder->word.text), slice_of(argument->name)))
			return binder_failed(binder, "arguments", NULL, "'%s' is expected, not '%.*s'", argument->name,
					     SLICE_ARG(slice_sub(buf_slice(&binder->word.text), 0, 60)));
		bool joined = argument_is_joined(binder->bound->command, binder->place);
		if (joined && binder->given[binder->place]) {
			if (binder->options_began)
				break;
			if (binder->word.name_bytes != SIZE_MAX && binder->word.name_bytes &&
			    argument->kind == ARG_TARGET)
				break;
		}
		if (!place_word(binder, binder->place))
			return false;
		if (!argument->repeats && !joined)
			binder->place++;
		return true;
	}
	return unexpected(binder);
}

/* ---- all of it ---- */

static bool check_joined(struct binder *binder)
{
	struct bound *bound = binder->bound;

	for (size_t i = 0; i < COMMAND_ARGS_MAX && bound->command->arguments[i].name; i++) {
		const struct command_argument *argument = &bound->command->arguments[i];
		if (!argument_is_joined(bound->command, i) || !bound->values[i])
			continue;
		binder->word.start = bound->line_at[i];
		if (!check_value(binder, argument, slice_of(bound->values[i]), bound->literal[i], binder->unknown[i]))
			return false;
	}
	return true;
}

static bool check_missing(struct binder *binder)
{
	const struct command_argument *arguments = binder->bound->command->arguments;

	for (size_t i = 0; i < COMMAND_ARGS_MAX && arguments[i].name; i++) {
		bool wanted = arguments[i].with_previous ? binder->given[i - 1] : !arguments[i].optional;
		if (wanted && !binder->given[i])
			return missing(binder, &arguments[i]);
	}
	const struct command_argument *option = bound_lacks(binder->bound);
	if (!option)
		return true;
	binder->word.start = binder->source.words.line.n;
	return binder_failed(binder, "arguments", NULL, "%s wants %s=%s: %s", binder->bound->command->name,
			     option->name, argument_kind_word(option->kind), option->text);
}

static bool bind_arguments(struct binder *binder)
{
	for (;;) {
		const struct command_argument *option;
		if (binder_takes_rest(binder)) {
			int taken = binder_option_before_rest(binder);
			if (taken < 0)
				return false;
			if (taken)
				continue;
			if (!binder_take_rest(binder))
				return false;
		}
		enum words_result result = binder_next(binder);
		if (result == WORD_BAD)
			return false;
		if (result == WORD_NONE)
			break;
		option = binder_word_option(binder);
		if (option ? !binder_take_option(binder, option) : !take_plain(binder))
			return false;
	}
	return check_joined(binder) && check_missing(binder);
}

/* "ALIAS rest" -> what the alias stands for, and the rest. */
static bool bind_alias(struct binder *binder, struct slice text, bool go_on)
{
	struct bind_how how = *binder->how;
	struct words *words = &binder->source.words;
	struct buf line;
	size_t at = 0, shift = text.n;
	bool good;

	if (how.depth++ >= ALIAS_DEPTH_MAX)
		return binder_failed(binder, "alias", NULL, "aliases that stand for themselves");
	buf_init(&line, LINE_MAX_BYTES);
	buf_add(&line, text);
	if (binder->source.fixed)
		for (; binder->source.next < binder->source.fixed_count; binder->source.next++) {
			buf_add_char(&line, ' ');
			words_quote(&line, slice_of(binder->source.fixed[binder->source.next]), false);
		}
	else
		buf_add(&line, slice_from(words->line, words->at));
	bound_fini(binder->bound);
	good = bind_line(&how, buf_slice(&line), binder->bound, binder->failure, &at);
	binder->bound->go_on |= go_on;
	binder->at = at <= shift ? binder->word.start : words->at + (at - shift);
	buf_fini(&line);
	return good;
}

static struct slice find_alias(const struct bind_how *how, struct slice name)
{
	struct slice text = how->alias ? how->alias(how->alias_arg, name) : (struct slice){ NULL, 0 };

	return text.n ? text : alias_find(how->commands, name);
}

static bool bind_all(struct binder *binder)
{
	struct slice first, alias;
	bool good;

	switch (binder_next(binder)) {
	case WORD_BAD:
		return false;
	case WORD_NONE:
		return binder_failed(binder, "arguments", NULL, "a command is expected");
	default:
		break;
	}
	first = buf_slice(&binder->word.text);
	if (first.n > 1 && first.p[0] == '/')
		first = slice_from(first, 1);
	if (first.n > 1 && first.p[0] == '-') {
		binder->bound->go_on = true;
		first = slice_from(first, 1);
	}
	if (binder->word.dynamic)
		return binder_failed(binder, "syntax", NULL, "the name of a command cannot come from a variable");
	if (binder->how->depth > 2 * ALIAS_DEPTH_MAX)
		return binder_failed(binder, "syntax", NULL, "commands within commands, too deep");
	if (!table_find(first) && !table_is_first_word(first) && (alias = find_alias(binder->how, first)).n)
		return bind_alias(binder, alias, binder->bound->go_on);
	char *name = slice_dup(first); /* the word's memory is used again for the second one */
	good = binder_find_command(binder, slice_of(name));
	free(name);
	return good && (binder->how->partial || bind_arguments(binder));
}

bool bind_line(const struct bind_how *how, struct slice line, struct bound *bound, struct failure *failure, size_t *at)
{
	struct binder binder = { .how = how,
				 .bound = bound,
				 .failure = failure,
				 .source.words = { .line = line, .expand = how->expand, .arg = how->arg } };
	bool good;

	word_init(&binder.word);
	good = bind_all(&binder);
	word_fini(&binder.word);
	*at = binder.at < line.n ? binder.at : line.n;
	return good;
}

bool bind_words(const struct bind_how *how, const char *const *words, size_t count, struct bound *bound,
		struct failure *failure)
{
	struct binder binder = {
		.how = how, .bound = bound, .failure = failure, .source = { .fixed = words, .fixed_count = count }
	};
	bool good;

	word_init(&binder.word);
	good = bind_all(&binder);
	word_fini(&binder.word);
	return good;
}

void bound_fini(struct bound *bound)
{
	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++)
		free(bound->values[i]);
	for (size_t i = 0; i < bound->rest_count; i++)
		free(bound->rest[i]);
	free(bound->rest);
	for (size_t i = 0; i < bound->option_count; i++)
		free(bound->options[i].value);
	*bound = (struct bound){ 0 };
}

static void print_argument(const struct command_argument *argument, struct buf *to)
{
	if (argument->kind == ARG_CHOICE)
		buf_printf(to, "%s", argument->choices);
	else
		buf_printf(to, "%s", argument->name);
	if (argument->repeats)
		buf_printf(to, "...");
}

void command_synopsis(const struct command *command, struct buf *to)
{
	const struct command_argument *arguments = command->arguments;

	buf_printf(to, "%s", command->name);
	for (size_t i = 0; i < COMMAND_ARGS_MAX && arguments[i].name; i++) {
		/* KEY=PATTERN stands behind the event. */
		bool last_of_optional =
			arguments[i].optional && !(i + 1 < COMMAND_ARGS_MAX && arguments[i + 1].with_previous);
		bool opens = arguments[i].optional && !arguments[i].with_previous;
		buf_printf(to, " %s", opens ? "[" : "");
		print_argument(&arguments[i], to);
		if (last_of_optional || arguments[i].with_previous)
			buf_add_char(to, ']');
		if (command->event_keys && arguments[i].kind == ARG_EVENT)
			buf_printf(to, " [KEY=PATTERN]...");
	}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++)
		buf_printf(to, command->options[i].required ? " %s=%s%s" : " [%s=%s]%s", command->options[i].name,
			   command->options[i].choices ? command->options[i].choices
						       : argument_kind_word(command->options[i].kind),
			   command->options[i].repeats ? "..." : "");
}
