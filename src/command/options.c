#include "command/options.h"

const struct program_option program_options[] = {
	{ .letter = 'f',
	  .argument = "FILE",
	  .sentence = "run a command file; '-' is standard input; may be given several times" },
	{ .letter = 'x',
	  .argument = "COMMAND",
	  .sentence = "run a command as a line of a file, in the order of -f and -x" },
	{ .letter = 'e', .argument = "COMMAND", .sentence = "the same as -x" },
	{ .name = "stay", .sentence = "run until quit or a signal, whatever happens to standard input" },
	{ .name = "batch", .sentence = "never prompt, quit after the files, on a terminal too" },
	{ .letter = 'c', .argument = "FILE", .sentence = "another configuration file" },
	{ .letter = 'n', .sentence = "no configuration file and no saved state" },
	{ .name = "screen", .sentence = "show the screen" },
	{ .name = "plain", .sentence = "talk in plain lines" },
	{ .name = "json", .sentence = "talk JSON-RPC 2.0, one message a line" },
	{ .name = "socket",
	  .argument = "PATH",
	  .sentence = "the control socket, or none; default $XDG_RUNTIME_DIR/offhook.sock, none with -n and for -f, -x "
		      "and --batch without --stay" },
	{ .letter = 'v', .sentence = "print events in plain output when not interactive" },
	{ .name = "check", .argument = "FILE", .sentence = "check a command file whole and run nothing" },
	{ .name = "print-man", .sentence = "print the man page" },
	{ .name = "print-commands-man", .sentence = "print the man page of the command language" },
	{ .name = "print-completion", .argument = "SHELL", .sentence = "print the completion for bash, zsh or fish" },
	{ .name = "version", .sentence = "print the version" },
	{ .name = "help", .sentence = "print this list" },
};
const size_t program_option_count = ARRAY_LEN(program_options);
