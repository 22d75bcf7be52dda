#include "ui/errand.h"

#include "command/command.h"
#include "command/help.h"
#include "ui/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print_and_exit(struct buf *text)
{
	bool ok = fwrite(buf_text(text), 1, text->n, stdout) == text->n;

	buf_fini(text);
	if (fflush(stdout) == 0 && ok)
		return 0;
	fprintf(stderr, "offhook: standard output cannot be written: %s\n", strerror(errno));
	return STATUS_SOUND; /* the status for files that cannot be written */
}

static void fit_terminal(void)
{
	int rows, cols;

	if (terminal_size(STDOUT_FILENO, &rows, &cols))
		help_set_width((size_t)cols);
}

int errand_run(const struct options *options)
{
	struct buf text;

	buf_init(&text, 8 << 20);
	switch (options->errand) {
	case ERRAND_VERSION:
		buf_printf(&text, "offhook %s\n", PACKAGE_VERSION);
		break;
	case ERRAND_HELP:
		fit_terminal();
		options_help(&text);
		break;
	case ERRAND_MAN:
		help_print_man(&text);
		break;
	case ERRAND_COMMANDS_MAN:
		help_print_commands_man(&text);
		break;
	default:
		if (!help_print_shell_completion(slice_of(options->argument), &text)) {
			buf_fini(&text);
			fprintf(stderr, "offhook: --print-completion knows bash, zsh and fish\n");
			return STATUS_USAGE;
		}
		break;
	}
	return print_and_exit(&text);
}
