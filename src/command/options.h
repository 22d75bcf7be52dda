/* options: the options of the program itself, for its parsing, --help, the man page and shell completion. */
#pragma once

#include "base/base.h"

struct program_option {
	const char *name;     /* "stay" for --stay; NULL: only a letter */
	char letter;          /* 'f' for -f; 0: only a name */
	const char *argument; /* "FILE"; NULL: takes none */
	const char *sentence;
};

extern const struct program_option program_options[];
extern const size_t program_option_count;
