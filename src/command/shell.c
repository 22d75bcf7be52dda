/* shell: completion of the program's options and commands for bash, zsh and fish, printed from the tables. */
#include "command/options.h"
#include "command/table.h"

#include <string.h>

/* Each first word of a command or alias, once. */
static void first_words(struct buf *out, const char *separator)
{
	struct slice last = { NULL, 0 };

	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' ');
		if (!slice_eq(word, last))
			buf_printf(out, "%s%.*s", out->n ? separator : "", SLICE_ARG(word));
		last = word;
	}
}

static void option_words(struct buf *out)
{
	for (size_t i = 0; i < program_option_count; i++) {
		if (program_options[i].letter)
			buf_printf(out, "%s-%c", out->n ? " " : "", program_options[i].letter);
		if (program_options[i].name)
			buf_printf(out, "%s--%s", out->n ? " " : "", program_options[i].name);
	}
}

/* The second words behind `first`, or the options NAME= of the command. */
static bool words_behind(struct buf *out, size_t place)
{
	const struct command *command = table_row(place);
	struct slice rest = slice_of(command->name), first = slice_cut(&rest, ' ');

	if (rest.p) {
		for (size_t i = place, n = table_count(); i < n; i++) {
			struct slice second = slice_of(table_row(i)->name), word = slice_cut(&second, ' ');
			if (slice_eq(word, first) && second.n)
				buf_printf(out, "%s%.*s", out->n ? " " : "", SLICE_ARG(second));
		}
		return true;
	}
	for (size_t i = 0; i < COMMAND_ARGS_MAX && command->arguments[i].name; i++)
		if (command->arguments[i].kind == ARG_CHOICE) {
			struct slice choices = slice_of(command->arguments[i].choices);
			while (choices.p) {
				struct slice choice = slice_cut(&choices, '|');
				buf_printf(out, "%s%.*s", out->n ? " " : "", SLICE_ARG(choice));
			}
		}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++)
		buf_printf(out, "%s%s=", out->n ? " " : "", command->options[i].name);
	return out->n > 0;
}

/* Visit each first word with what may follow it. */
static void each_first(struct buf *out, const char *format_open, const char *format_close)
{
	struct slice last = { NULL, 0 };

	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), first = slice_cut(&rest, ' ');
		struct buf behind;
		if (slice_eq(first, last))
			continue;
		last = first;
		buf_init(&behind, 4096);
		if (words_behind(&behind, i))
			buf_printf(out, "%s%.*s%s%s\n", format_open, SLICE_ARG(first), format_close, buf_text(&behind));
		buf_fini(&behind);
	}
}

static void print_bash(struct buf *out, const char *options, const char *words)
{
	struct buf cases;

	buf_init(&cases, 1 << 16);
	each_first(&cases, "\t\t", "\t");
	buf_printf(
		out,
		"# bash completion for offhook, printed by offhook --print-completion bash\n"
		"_offhook_files()\n{\n\tlocal IFS=$'\\n'\n\tcompopt -o filenames 2>/dev/null\n"
		"\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
		"_offhook()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= "
		"i\n\tCOMPREPLY=()\n"
		"\tcase $prev in\n\t-f|-c|--check|--socket) _offhook_files; return;;\n"
		"\t--print-completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return;;\n\t-x|-e) "
		"return;;\n\tesac\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase ${COMP_WORDS[i]} "
		"in\n\t\t-f|-c|-x|-e|--check|--socket|--print-completion) ((i++));;\n\t\t-*|ctl) ;;\n"
		"\t\t*) command=${COMP_WORDS[i]}; break;;\n\t\tesac\n\tdone\n"
		"\tif [[ -z $command ]]; then\n\t\tif [[ $cur == -* ]]; then\n\t\t\tCOMPREPLY=($(compgen -W '%s' -- "
		"\"$cur\"))\n\t\telse\n"
		"\t\t\tCOMPREPLY=($(compgen -W 'ctl %s' -- \"$cur\"))\n\t\tfi\n\t\treturn\n\tfi\n\tcase $command in\n",
		options, words);
	for (struct slice rest = buf_slice(&cases); rest.n;) {
		struct slice line = slice_trim(slice_cut(&rest, '\n')), first = slice_cut(&line, '\t');
		buf_printf(out, "\t%.*s) COMPREPLY=($(compgen -W '%.*s' -- \"$cur\"));;\n", SLICE_ARG(first),
			   SLICE_ARG(line));
	}
	buf_printf(out, "\tsource) _offhook_files;;\n\tesac\n\t[[ ${COMPREPLY[0]} == *= ]] && "
			"compopt -o nospace\n}\ncomplete -F _offhook offhook\n");
	buf_fini(&cases);
}

/* A sentence inside single quotes: without any. */
static void quoted(struct buf *out, const char *sentence)
{
	for (const char *p = sentence; *p; p++)
		if (*p != '\'' && *p != '`' && *p != '[' && *p != ']' && *p != ':')
			buf_add_char(out, *p);
}

static void print_zsh(struct buf *out)
{
	struct buf cases;

	buf_init(&cases, 1 << 16);
	each_first(&cases, "\t", "\t");
	buf_printf(out, "#compdef offhook\n# zsh completion for offhook, printed by offhook --print-completion "
			"zsh\n_offhook() {\n\tlocal -a commands\n\tcommands=(\n");
	struct slice last = { NULL, 0 };
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), first = slice_cut(&rest, ' ');
		if (slice_eq(first, last))
			continue;
		last = first;
		buf_printf(out, "\t\t'%.*s:", SLICE_ARG(first));
		quoted(out, rest.p ? table_row(i)->group : table_row(i)->summary);
		buf_printf(out, "'\n");
	}
	buf_printf(out, "\t\t'ctl:send a command to the running phone'\n\t)\n\t_arguments -S \\\n");
	for (size_t i = 0; i < program_option_count; i++) {
		const struct program_option *option = &program_options[i];
		const char *action = !option->argument                    ? ""
				     : !strcmp(option->argument, "FILE") || !strcmp(option->argument, "PATH")
					     ? ":file:_files"
				     : !strcmp(option->argument, "SHELL") ? ":shell:(bash zsh fish)"
									  : ":command:";
		if (option->letter)
			buf_printf(out, "\t\t'%s-%c[",
				   option->letter == 'f' || option->letter == 'x' || option->letter == 'e' ? "*" : "",
				   option->letter);
		else
			buf_printf(out, "\t\t'--%s[", option->name);
		quoted(out, option->sentence);
		buf_printf(out, "]%s' \\\n", action);
	}
	buf_printf(
		out,
		"\t\t'1:command:{_describe command commands}' "
		"'*::argument:_offhook_behind'\n}\n_offhook_behind() {\n"
		"\tif [[ $words[1] == ctl ]]; then\n\t\tshift words; (( CURRENT-- ))\n"
		"\t\tif (( CURRENT == 1 )); then _describe command commands; return; fi\n\tfi\n\tcase $words[1] in\n");
	for (struct slice rest = buf_slice(&cases); rest.n;) {
		struct slice line = slice_trim(slice_cut(&rest, '\n')), first = slice_cut(&line, '\t');
		buf_printf(out, "\t%.*s) compadd -S '' -- %.*s;;\n", SLICE_ARG(first), SLICE_ARG(line));
	}
	buf_printf(out, "\tsource) _files;;\n\tesac\n}\n_offhook \"$@\"\n");
	buf_fini(&cases);
}

static void print_fish(struct buf *out)
{
	struct buf cases;
	struct slice last = { NULL, 0 };

	buf_init(&cases, 1 << 16);
	each_first(&cases, "", "\t");
	buf_printf(
		out,
		"# fish completion for offhook, printed by offhook --print-completion fish\ncomplete -c offhook -f\n");
	for (size_t i = 0; i < program_option_count; i++) {
		const struct program_option *option = &program_options[i];
		buf_printf(out, "complete -c offhook");
		if (option->letter)
			buf_printf(out, " -s %c", option->letter);
		if (option->name)
			buf_printf(out, " -l %s", option->name);
		if (option->argument)
			buf_printf(out, " -r%s",
				   !strcmp(option->argument, "FILE") || !strcmp(option->argument, "PATH") ? " -F"
				   : !strcmp(option->argument, "SHELL") ? " -a 'bash zsh fish'"
									: "");
		buf_printf(out, " -d '");
		quoted(out, option->sentence);
		buf_printf(out, "'\n");
	}
	buf_printf(out,
		   "complete -c offhook -n __fish_use_subcommand -a ctl -d 'send a command to the running phone'\n");
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), first = slice_cut(&rest, ' ');
		if (slice_eq(first, last))
			continue;
		last = first;
		buf_printf(
			out,
			"complete -c offhook -n '__fish_use_subcommand; or begin; __fish_seen_subcommand_from ctl; and "
			"test (count (commandline -opc)) -eq 2; end' -a %.*s -d '",
			SLICE_ARG(first));
		quoted(out, rest.p ? table_row(i)->group : table_row(i)->summary);
		buf_printf(out, "'\n");
	}
	for (struct slice rest = buf_slice(&cases); rest.n;) {
		struct slice line = slice_trim(slice_cut(&rest, '\n')), first = slice_cut(&line, '\t');
		buf_printf(out, "complete -c offhook -n '__fish_seen_subcommand_from %.*s' -a '%.*s'\n",
			   SLICE_ARG(first), SLICE_ARG(line));
	}
	buf_printf(out, "complete -c offhook -n '__fish_seen_subcommand_from source' -F\n");
	buf_fini(&cases);
}

bool help_print_shell_completion(struct slice shell, struct buf *out)
{
	struct buf options, words;
	bool known = true;

	buf_init(&options, 4096);
	buf_init(&words, 4096);
	option_words(&options);
	first_words(&words, " ");
	if (slice_eq(shell, SLICE("bash")))
		print_bash(out, buf_text(&options), buf_text(&words));
	else if (slice_eq(shell, SLICE("zsh")))
		print_zsh(out);
	else if (slice_eq(shell, SLICE("fish")))
		print_fish(out);
	else
		known = false;
	buf_fini(&options);
	buf_fini(&words);
	return known;
}
