#include "ui/options.h"

#include "base/xmalloc.h"
#include "command/help.h"
#include "command/options.h"

enum { NAME_COLS = 16 };

static const struct program_option *find_long(struct slice name)
{
	for (size_t i = 0; i < program_option_count; i++)
		if (program_options[i].name && slice_eq(name, slice_of(program_options[i].name)))
			return &program_options[i];
	return NULL;
}

static const struct program_option *find_letter(char letter)
{
	for (size_t i = 0; i < program_option_count; i++)
		if (program_options[i].letter && program_options[i].letter == letter)
			return &program_options[i];
	return NULL;
}

static void add_source(struct options *options, bool is_file, const char *text)
{
	options->sources = xrealloc(options->sources, (options->source_count + 1) * sizeof *options->sources);
	options->sources[options->source_count++] = (struct source){ is_file, text };
}

/* Long options by name, the others by letter. */
static bool take_long(struct options *options, const char *name, const char *value)
{
	static const struct {
		const char *name;
		enum front_end front;
	} fronts[] = { { "screen", FRONT_SCREEN }, { "plain", FRONT_PLAIN }, { "json", FRONT_JSON } };
	static const struct {
		const char *name;
		enum errand errand;
	} errands[] = { { "check", ERRAND_CHECK },
			{ "print-man", ERRAND_MAN },
			{ "print-commands-man", ERRAND_COMMANDS_MAN },
			{ "print-completion", ERRAND_COMPLETION },
			{ "version", ERRAND_VERSION },
			{ "help", ERRAND_HELP } };

	for (size_t i = 0; i < ARRAY_LEN(fronts); i++)
		if (!strcmp(name, fronts[i].name)) {
			options->front = fronts[i].front;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(errands); i++)
		if (!strcmp(name, errands[i].name)) {
			options->errand = errands[i].errand;
			options->argument = value;
			return true;
		}
	if (!strcmp(name, "stay"))
		options->stay = true;
	else if (!strcmp(name, "batch"))
		options->batch = true;
	else if (!strcmp(name, "socket"))
		options->socket = value;
	else
		return false;
	return true;
}

static bool take_letter(struct options *options, char letter, const char *value)
{
	switch (letter) {
	case 'f':
		add_source(options, true, value);
		return true;
	case 'x':
	case 'e':
		add_source(options, false, value);
		return true;
	case 'c':
		options->config = value;
		return true;
	case 'n':
		options->no_config = true;
		return true;
	case 'v':
		options->verbose = true;
		return true;
	default:
		return false;
	}
}

static bool take(struct options *options, const struct program_option *row, char letter, const char *value)
{
	return (row->name && take_long(options, row->name, value)) || take_letter(options, letter, value);
}

static bool needs(struct failure *failure, const char *word, const char *argument)
{
	return fail(failure, STATUS_USAGE, "usage", "%s needs %s; 'offhook --help' lists the options", word, argument);
}

static bool parse_long(struct options *options, int argc, char *const argv[], int *at, struct failure *failure)
{
	struct slice rest = slice_of(argv[*at] + 2), name = slice_cut(&rest, '=');
	const struct program_option *row = find_long(name);
	const char *value = rest.p;

	if (!row)
		return fail(failure, STATUS_USAGE, "usage",
			    "there is no option --%.*s; 'offhook --help' lists the options", SLICE_ARG(name));
	if (row->argument && !value) {
		if (*at + 1 >= argc)
			return needs(failure, argv[*at], row->argument);
		value = argv[++*at];
	} else if (!row->argument && value) {
		return fail(failure, STATUS_USAGE, "usage", "--%s takes no value", row->name);
	}
	return take(options, row, row->letter, value) ||
	       fail(failure, STATUS_USAGE, "usage", "there is no option --%s", row->name);
}

static bool parse_letters(struct options *options, int argc, char *const argv[], int *at, struct failure *failure)
{
	const char *letters = argv[*at] + 1;

	for (; *letters; letters++) {
		char word[3] = { '-', *letters, 0 };
		const struct program_option *row = find_letter(*letters);
		const char *value = NULL;
		if (!row)
			return fail(failure, STATUS_USAGE, "usage",
				    "there is no option %s; 'offhook --help' lists the options", word);
		if (row->argument) {
			value = letters[1] ? letters + 1 : *at + 1 < argc ? argv[++*at] : NULL;
			if (!value)
				return needs(failure, word, row->argument);
		}
		if (!take(options, row, *letters, value))
			return fail(failure, STATUS_USAGE, "usage", "there is no option %s", word);
		if (value)
			break;
	}
	return true;
}

bool options_parse(struct options *options, int argc, char *const argv[], struct failure *failure)
{
	int at = 1;

	*options = (struct options){ 0 };
	for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
		if (!strcmp(argv[at], "--")) {
			at++;
			break;
		}
		bool ok = argv[at][1] == '-' ? parse_long(options, argc, argv, &at, failure)
					     : parse_letters(options, argc, argv, &at, failure);
		if (!ok)
			return false;
	}
	if (at < argc && !strcmp(argv[at], "ctl") && options->errand == ERRAND_PHONE) {
		options->errand = ERRAND_CTL;
		at++;
	}
	options->words = (const char *const *)argv + at;
	options->word_count = (size_t)(argc - at);
	return true;
}

void options_fini(struct options *options)
{
	free(options->sources);
}

void options_help(struct buf *out)
{
	buf_printf(out, "usage: offhook [OPTIONS] [COMMAND...]\n"
			"       offhook [--socket PATH] ctl [COMMAND...]\n\n");
	help_wrap(out,
		  "A softphone in the terminal. The words after the options are one command, run once the phone is up: "
		  "offhook call sip:bob@biloxi.com",
		  0, 0);
	buf_add_char(out, '\n');
	for (size_t i = 0; i < program_option_count; i++) {
		const struct program_option *row = &program_options[i];
		char letter[4] = { '-', row->letter, 0, 0 };
		char *name = xasprintf("%s%s%s%s%s%s", row->letter ? letter : "", row->letter && row->name ? ", " : "",
				       row->name ? "--" : "", row->name ? row->name : "", row->argument ? " " : "",
				       row->argument ? row->argument : "");
		help_print_row(out, name, NAME_COLS, row->sentence);
		free(name);
	}
	buf_add_char(out, '\n');
	help_wrap(out,
		  "'offhook ctl COMMAND' has the running phone run a command and exits with its status; without "
		  "COMMAND it attaches to that phone. 'offhook -x help' lists the commands; the man page tells it all.",
		  0, 0);
}
