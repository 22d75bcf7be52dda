/* man: offhook(1) from the tables, in the man(7) macros that groff and mandoc both know. */
#include "command/argument.h"
#include "command/bind.h"
#include "command/event_keys.h"
#include "command/help.h"
#include "command/options.h"
#include "command/table.h"

#include <stdio.h>
#include <string.h>

/* Text as roff wants it. `marks`: what stands between backticks becomes bold. */
static void text(struct buf *out, const char *from, bool marks)
{
	bool bold = false;

	for (const char *p = from; *p; p++) {
		bool line_begins = !out->n || out->p[out->n - 1] == '\n';
		if (p[0] == '\n' && p[1] == '\n') {
			buf_printf(out, "\n.PP\n");
			p++;
		} else if (*p == '`' && marks) {
			bold = !bold;
			buf_printf(out, "%s", bold ? "\\fB" : "\\fR");
		} else if (*p == '\\') {
			buf_printf(out, "\\e");
		} else if (*p == '-') {
			buf_printf(out, "\\-");
		} else if ((*p == '.' || *p == '\'') && line_begins) {
			buf_printf(out, "\\&%c", *p);
		} else if (*p == '|') {
			buf_printf(out, "|\\:"); /* a long list of choices may break there */
		} else if (*p == '\'') {
			buf_printf(out, "\\(aq");
		} else if (*p == '~' || *p == '^') {
			buf_printf(out, "%s", *p == '~' ? "\\(ti" : "\\(ha");
		} else {
			buf_add_char(out, *p);
		}
	}
}

static void paragraph(struct buf *out, const char *from)
{
	text(out, from, true);
	buf_add_char(out, '\n');
}

static void example(struct buf *out, const char *line)
{
	text(out, line, false);
	buf_add_char(out, '\n');
}

static void styled(struct buf *out, const char *font, const char *word)
{
	buf_printf(out, "\\f%s", font);
	text(out, word, false);
	buf_printf(out, "\\fR");
}

/* mandoc breaks lines at blanks only. */
static void choices(struct buf *out, const char *list)
{
	struct slice rest = slice_of(list);
	struct buf spaced;

	if (strlen(list) <= 60) {
		styled(out, "B", list);
		return;
	}
	buf_init(&spaced, 4096);
	while (rest.p) {
		struct slice word = slice_cut(&rest, '|'); /* SLICE_ARG() looks at what it is given twice */
		buf_printf(&spaced, "%s%.*s", spaced.n ? " | " : "", SLICE_ARG(word));
	}
	styled(out, "B", buf_text(&spaced));
	buf_fini(&spaced);
}

static void argument_word(struct buf *out, const struct command_argument *argument)
{
	if (argument->kind == ARG_CHOICE)
		choices(out, argument->choices);
	else
		styled(out, argument->kind == ARG_KEYWORD ? "B" : "I", argument->name);
	if (argument->repeats)
		text(out, "...", false);
}

static void synopsis(const struct command *command, struct buf *out)
{
	const struct command_argument *arguments = command->arguments;

	styled(out, "B", command->name);
	for (size_t i = 0; i < COMMAND_ARGS_MAX && arguments[i].name; i++) {
		bool opens = arguments[i].optional && !arguments[i].with_previous;
		bool closes = arguments[i].with_previous ||
			      (arguments[i].optional && !(i + 1 < COMMAND_ARGS_MAX && arguments[i + 1].with_previous));
		buf_printf(out, " %s", opens ? "[" : "");
		argument_word(out, &arguments[i]);
		buf_printf(out, "%s", closes ? "]" : "");
		if (command->event_keys && arguments[i].kind == ARG_EVENT)
			buf_printf(out, " [\\fIKEY\\fR=\\fIPATTERN\\fR]...");
	}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++) {
		const struct command_argument *option = &command->options[i];
		buf_printf(out, option->required ? " " : " [");
		styled(out, "B", option->name);
		buf_add_char(out, '=');
		styled(out, option->choices ? "B" : "I",
		       option->choices ? option->choices : argument_kind_word(option->kind));
		buf_printf(out, "%s%s", option->required ? "" : "]", option->repeats ? "..." : "");
	}
	buf_add_char(out, '\n');
}

static void entry(struct buf *out, const char *name, const char *sentence)
{
	buf_printf(out, ".TP\n");
	styled(out, "B", name);
	buf_add_char(out, '\n');
	paragraph(out, sentence);
}

static void command_entry(const struct command *command, struct buf *out)
{
	buf_printf(out, ".TP\n");
	synopsis(command, out);
	buf_add_char(out, (char)(command->summary[0] - 'a' + 'A'));
	text(out, command->summary + 1, true);
	buf_printf(out, ".\n");
	if (command->aliases) {
		buf_printf(out, "Also:");
		for (struct slice rest = slice_of(command->aliases), word; table_next_word(&rest, &word);)
			buf_printf(out, " \\fB%.*s\\fR%s", SLICE_ARG(word), rest.n ? "," : ".\n");
	}
	/* Paragraphs inside an entry keep its indentation. */
	for (struct slice rest = slice_of(command->text); rest.n;) {
		size_t end = slice_find_slice(rest, SLICE("\n\n"));
		char part[2048];
		snprintf(part, sizeof part, "%.*s", SLICE_ARG(slice_sub(rest, 0, end)));
		paragraph(out, part);
		rest = slice_from(rest, end + 2);
		if (rest.n)
			buf_printf(out, ".IP\n");
	}
	bool any = false;
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++) {
		buf_printf(out, "%s", any ? "" : ".RS\n");
		any = true;
		entry(out, command->options[i].name, command->options[i].text);
	}
	buf_printf(out, "%s", any ? ".RE\n" : "");
}

static void options(struct buf *out)
{
	for (size_t i = 0; i < program_option_count; i++) {
		const struct program_option *option = &program_options[i];
		buf_printf(out, ".TP\n");
		if (option->letter)
			buf_printf(out, "\\fB\\-%c\\fR", option->letter);
		if (option->letter && option->name)
			buf_printf(out, ", ");
		if (option->name) {
			buf_printf(out, "\\fB\\-\\-");
			text(out, option->name, false);
			buf_printf(out, "\\fR");
		}
		if (option->argument)
			buf_printf(out, " \\fI%s\\fR", option->argument);
		buf_add_char(out, '\n');
		paragraph(out, option->sentence);
	}
}

static void commands(struct buf *out)
{
	const char *group, *title;

	buf_printf(out, ".SH COMMANDS\n");
	paragraph(out, "A line is one command: words separated by blanks, in \"...\" with \\n \\t \\\" \\\\ and \\$, "
		       "or in '...' as they stand. Options are NAME=VALUE words behind the other arguments. "
		       "`$NAME` and `${NAME}` are variables; `$$` is a dollar. Durations carry their unit: 250ms, 10s, "
		       "5m, 1h, none. In files a line that begins with # is a comment, and a "
		       "backslash at the end of a line joins it with the next. At the terminal commands may be "
		       "shortened as far as they stay unambiguous. "
		       "A command that fails ends its script with its status, unless a hyphen stands in front of it.");
	for (size_t g = 0; help_group(g, &group, &title); g++) {
		buf_printf(out, ".SS %s\n", title);
		for (size_t i = 0, n = table_count(); i < n; i++)
			if (!strcmp(table_row(i)->group, group))
				command_entry(table_row(i), out);
	}
}

static void settings(struct buf *out)
{
	buf_printf(out, ".SH SETTINGS\n");
	paragraph(out, "Changed by `set`, asked by `get`, listed by `show settings`, kept by `save`.");
	for (size_t i = 0; i < setting_count; i++) {
		struct buf sentence, range;
		buf_init(&sentence, 2048);
		buf_init(&range, 512);
		setting_print_range(&setting_rows[i], &range);
		buf_printf(&sentence, "%s (%s; default %s)", setting_rows[i].sentence, buf_text(&range),
			   setting_rows[i].initial[0] ? setting_rows[i].initial : "empty");
		entry(out, setting_rows[i].name, buf_text(&sentence));
		buf_fini(&sentence);
		buf_fini(&range);
	}
}

static void events(struct buf *out)
{
	buf_printf(out, ".SH EVENTS\n");
	paragraph(out, "What `wait` and `on` take, and the keys of each. Keys are matched with shell patterns: "
		       "from=*@biloxi.com.");
	for (int i = 0; i < EVENT_KINDS; i++) {
		const struct event_help *help = event_help((enum event_kind)i);
		if (!help)
			continue;
		entry(out, help->name, help->sentence);
		buf_printf(out, ".br\nKeys: \\fI");
		text(out, help->keys[0] ? help->keys : "none", false);
		while (out->p[out->n - 1] == ' ')
			out->p[--out->n] = '\0';
		buf_printf(out, "\\fR\n");
	}
}

static void quantities(struct buf *out)
{
	buf_printf(out, ".SH QUANTITIES\n");
	paragraph(out, "Left sides of `expect` and `if`, arguments of `get`, and variables as `${media.loss}`. All "
		       "settings are quantities too.");
	for (size_t i = 0; help_quantity_row(i); i++)
		if (quantity_exists(help_quantity_row(i)->name))
			entry(out, help_quantity_row(i)->name, help_quantity_row(i)->text);
}

static void keys(struct buf *out)
{
	buf_printf(out, ".SH KEYS\n");
	paragraph(out, "On the screen; `bind` gives a key another meaning.");
	for (size_t i = 0; help_key_row(i); i++)
		entry(out, help_key_row(i)->name, help_key_row(i)->text);
}

static void rows(struct buf *out, const char *heading, const struct help_row *from, size_t count)
{
	buf_printf(out, ".SH %s\n", heading);
	for (size_t i = 0; i < count; i++)
		entry(out, from[i].name, from[i].text);
}

static void examples(struct buf *out)
{
	static const char *const lines[] = {
		"# smoke.call - is my line alive?",
		"# offhook -n -f smoke.call",
		"account add sip:alice@atlanta.com \\",
		"    password-command=\"pass show sip/alice\"",
		"wait registered within=10s",
		"call echo@atlanta.com",
		"wait answered within=20s",
		"wait media within=3s",
		"sleep 2s",
		"expect media.loss < 1%",
		"expect heard.level > -50dB",
		"hangup",
	};

	buf_printf(out, ".SH EXAMPLES\n");
	paragraph(out, "A call to the built-in echo test, typed at the shell:");
	buf_printf(out, ".PP\n.nf\n.RS\n");
	example(out, "offhook call echo");
	buf_printf(out, ".RE\n.fi\n.PP\n");
	paragraph(out, "A command file that tells by its exit status whether a line is alive:");
	buf_printf(out, ".PP\n.nf\n.RS\n");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		example(out, lines[i]);
	buf_printf(out, ".RE\n.fi\n");
}

static void description(struct buf *out)
{
	paragraph(out, "A SIP softphone for the terminal. On a terminal it shows a screen with a command line; when "
		       "standard input or output is no terminal it reads commands and "
		       "prints plain lines. The words behind the options are one command, run once the phone is up; "
		       "without a terminal the phone then ends with that call.");
	buf_printf(out, ".PP\n");
	paragraph(out,
		  "`offhook ctl` sends a command to the phone that this user has running, prints the answer and exits "
		  "with its status, 7 when no phone runs; the words are final, and names of files are those "
		  "of the folder where it is called. Without COMMAND it attaches: a prompt on a terminal, else the "
		  "lines of standard input, of which the first that fails ends it. `detach`, `exit` or the end of "
		  "input leaves the phone running. The control socket speaks the JSON-RPC of `--json`, to this user's "
		  "processes alone; a program that does not read for 2 MiB is dropped. The notification `bye` comes "
		  "last when the phone ends, or by `detach`, and nothing is left undone: `offhook ctl` without it "
		  "says that the phone has ended, and has status 7.");
	buf_printf(out, ".PP\n");
	paragraph(out, "The same commands are typed, kept in files, given by `-x`, and called as JSON-RPC methods "
		       "(`--json`): the name of the command with a dot for the blank, its "
		       "arguments by name, or in an array by place. Up to 256 requests in an array are answered by an "
		       "array. A client's requests run one after the other, but one that ends something (`hangup`, "
		       "`reject`, `stop`, `quit` ...) does not wait for the answer that one before it waits for, as "
		       "`options` does; `wait` and `sleep` keep their place, and so do arrays and lines. The method "
		       "`interrupt` ends what waits and drops what stands behind it. The configuration file is a "
		       "command file.");
}

static void language(struct buf *out)
{
	static const struct help_row rules[] = {
		{ "lines",
		  "a line is one command: words separated by blanks. In a file a backslash at the end joins the next "
		  "line, and a line that begins with # is a comment; nowhere else is # special" },
		{ "quotes", "\"...\" with \\n \\t \\\" \\\\ \\$ inside, '...' as it stands" },
		{ "$name, ${name}",
		  "a variable of `let`, a variable of the phone ($call $from $code ...), any quantity, else the "
		  "environment; $$ is a dollar. A value is always one word, never parsed again" },
		{ "NAME=VALUE",
		  "options stand behind the plain arguments; a last argument TEXT takes the rest of the line as it "
		  "stands, options then come before it" },
		{ "units", "durations have one: 250ms, 10s, 5m, 1h, none; sizes too: 64k; shares: 2%; levels: -20dB" },
		{ "prefixes", "at a prompt a command may be shortened as far as it stays unambiguous, in files never" },
		{ "-COMMAND", "a script goes on when this one fails; without the hyphen its status ends it" },
		{ "/COMMAND", "the slash is ignored" },
	};

	rows(out, "LINES AND WORDS", rules, ARRAY_LEN(rules));
}

void help_print_commands_man(struct buf *out)
{
	buf_printf(
		out,
		".\\\" Printed by offhook --print-commands-man from its tables.\n.TH OFFHOOK-COMMANDS 5 \"2026-11-23\" "
		"\"offhook %s\" \"File Formats\"\n.ad l\n",
		PACKAGE_VERSION);
	buf_printf(out, ".SH NAME\noffhook-commands \\- the command language of offhook\n.SH DESCRIPTION\n");
	paragraph(out, "One language for the prompt, command files (`offhook -f`), the configuration, the command line "
		       "and the control socket (`offhook ctl`).");
	language(out);
	commands(out);
	settings(out);
	events(out);
	quantities(out);
	buf_printf(out, ".SH SEE ALSO\n.BR offhook (1)\n");
}

void help_print_man(struct buf *out)
{
	static const struct help_row files[] = {
		{ "$XDG_CONFIG_HOME/offhook/config",
		  "the configuration: a command file, run at the start; ~/.config when the variable is not set" },
		{ "$XDG_CONFIG_HOME/offhook/saved",
		  "what `save` writes, read before it; only its owner may read it; beside FILE with -c FILE" },
		{ "$XDG_CONFIG_HOME/offhook/contacts", "the contacts" },
		{ "$XDG_RUNTIME_DIR/offhook.sock", "the control socket; /run/user/UID when the variable is not set" },
		{ "$XDG_STATE_HOME/offhook/",
		  "the history of calls and of the command line; ~/.local/state when the variable is not set" },
	};
	struct help_row statuses[16];
	size_t count = 0;

	for (; help_status_row(count) && count < ARRAY_LEN(statuses); count++)
		statuses[count] = *help_status_row(count);
	buf_printf(out,
		   ".\\\" Printed by offhook --print-man from its tables.\n.TH OFFHOOK 1 \"2026-11-23\" \"offhook %s\" "
		   "\"User Commands\"\n.ad l\n",
		   PACKAGE_VERSION);
	buf_printf(out, ".SH NAME\noffhook \\- a SIP softphone for the terminal\n.SH SYNOPSIS\n.B "
			"offhook\n[\\fIOPTION\\fR]... [\\fICOMMAND\\fR...]\n.br\n.B offhook\n[\\fB\\-\\-socket\\fR "
			"\\fIPATH\\fR] \\fBctl\\fR [\\fICOMMAND\\fR...]\n.SH DESCRIPTION\n");
	description(out);
	buf_printf(out, ".SH OPTIONS\n");
	options(out);
	commands(out);
	settings(out);
	events(out);
	quantities(out);
	keys(out);
	rows(out, "EXIT STATUS", statuses, count);
	rows(out, "FILES", files, ARRAY_LEN(files));
	examples(out);
	buf_printf(out, ".SH SEE ALSO\n.BR offhook-commands (5),\n.BR sipp (1),\n.BR sngrep (8),\n.BR tshark "
			"(1)\n.PP\nRFC 3261 (SIP), RFC 3264 "
			"(offer and answer), RFC 3550 (RTP), RFC 4733 (telephone events)\n");
}
