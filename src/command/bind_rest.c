/* bind_rest: the rest of a line as it stands, a TEXT or a COMMAND, with the options before and behind it. */
#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/binder.h"
#include "command/internal.h"

static bool is_command(const struct command_argument *argument)
{
	return argument->kind == ARG_COMMAND || argument->kind == ARG_COMMAND_LINE;
}

bool binder_takes_rest(const struct binder *binder)
{
	const struct command_argument *argument = &binder->bound->command->arguments[binder->place];

	return binder->place < COMMAND_ARGS_MAX && argument->name &&
	       (argument->kind == ARG_TEXT || is_command(argument));
}

static bool rest_of_words(struct binder *binder, const struct command_argument *argument, struct buf *text)
{
	struct source *source = &binder->source;

	/* One word for a command is that command: a shell has taken the quotes off. */
	if (is_command(argument) && source->next + 1 == source->fixed_count) {
		buf_add(text, slice_trim(slice_of(source->fixed[source->next++])));
		return !text->full;
	}
	for (bool first = true; source->next < source->fixed_count; source->next++, first = false) {
		if (!first)
			buf_add_char(text, ' ');
		if (argument->kind == ARG_TEXT)
			buf_add(text, slice_of(source->fixed[source->next]));
		else
			words_quote(text, slice_of(source->fixed[source->next]), true);
	}
	return !text->full;
}

/* The command that ends the line. `alias hi "echo ho"`: quotes around all of it are taken off, for nothing but a
 * command can stand there. */
static void take_command(struct binder *binder, size_t place)
{
	struct bound *bound = binder->bound;
	struct words *words = &binder->source.words;
	struct slice whole = slice_trim(slice_from(words->line, words->at));
	struct buf inner;

	buf_init(&inner, LINE_MAX_BYTES);
	bool quoted = words_unquote(whole, &inner);
	bound->line_at[place] = words->at + quoted;
	bound->values[place] = slice_dup(quoted ? slice_trim(buf_slice(&inner)) : whole);
	words->at = words->line.n;
	buf_fini(&inner);
}

/* A command within a command is checked now and read again when it runs. */
static bool check_inner(struct binder *binder, const struct command_argument *argument, struct slice line,
			size_t begins)
{
	struct argument_context context = { .commands = binder->how->commands, .command = binder->bound->command };
	struct bind_how how = *binder->how;
	struct bound inner = { 0 };
	size_t at = 0;
	bool good;

	binder->at = begins;
	if (!argument_check(&context, argument, line, binder->failure))
		return false;
	how.expand = NULL;
	how.partial = argument->kind == ARG_COMMAND;
	how.depth++;
	good = bind_line(&how, line, &inner, binder->failure, &at);
	bound_fini(&inner);
	binder->at = begins + at;
	return good;
}

/* A text that begins with a quote is words like others: joined by blanks, and options may stand among and behind them.
 */
static bool take_quoted(struct binder *binder, size_t place)
{
	struct buf text;
	enum words_result result;
	bool good = true, first = true;

	buf_init(&text, LINE_MAX_BYTES);
	while (good && (result = binder_next(binder)) != WORD_NONE) {
		const struct command_argument *option = result == WORD_OK && !first ? binder_word_option(binder) : NULL;
		if (result == WORD_BAD) {
			good = false;
		} else if (option) {
			good = binder_take_option(binder, option);
		} else {
			buf_printf(&text, "%s%s", first ? "" : " ", buf_text(&binder->word.text));
			binder->bound->network[place] |= binder->word.network.n > 0;
			first = false;
		}
	}
	binder->bound->values[place] = buf_take(&text);
	binder->given[place] = true;
	binder->place++;
	return good;
}

bool binder_take_rest(struct binder *binder)
{
	size_t place = binder->place;
	const struct command_argument *argument = &binder->bound->command->arguments[place];
	struct bound *bound = binder->bound;
	struct words *words = &binder->source.words;
	bool good = true;

	if (binder->source.fixed) {
		struct buf text;
		if (binder->source.next == binder->source.fixed_count)
			return true;
		buf_init(&text, LINE_MAX_BYTES);
		good = rest_of_words(binder, argument, &text) ||
		       binder_failed(binder, "arguments", NULL, "%s is too long", argument->name);
		bound->values[place] = buf_take(&text);
	} else if (!words_more(words)) {
		return true;
	} else if (is_command(argument)) {
		take_command(binder, place);
	} else {
		if (words_at_quote(words))
			return take_quoted(binder, place);
		if (words_rest(words, &binder->word, binder->failure, &binder->at) != WORD_OK)
			return false;
		bound->values[place] = slice_dup(buf_slice(&binder->word.text));
		bound->network[place] = binder->word.network.n > 0;
	}
	binder->given[place] = true;
	binder->place++;
	if (good && is_command(argument))
		good = check_inner(binder, argument, slice_of(bound->values[place]), bound->line_at[place]);
	return good;
}

int binder_option_before_rest(struct binder *binder)
{
	size_t before = binder_position(&binder->source);
	const struct command_argument *option;
	struct failure ignored;
	struct failure *kept = binder->failure;
	enum words_result result;

	if (!binder->source.fixed && words_at_quote(&binder->source.words))
		return 0;
	binder->failure = &ignored; /* what is no option is read as text, where quotes mean nothing */
	result = binder_next(binder);
	binder->failure = kept;
	option = result == WORD_NONE ? NULL : binder_word_option(binder);
	if (!option) {
		binder_go_back(&binder->source, before);
		return 0;
	}
	if (result == WORD_BAD) {
		*kept = ignored;
		return -1;
	}
	return binder_take_option(binder, option) ? 1 : -1;
}
