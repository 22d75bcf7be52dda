/* The words of the command line of the program itself. The table of options is command/options.h. */
#pragma once

#include "phone/phone.h"

enum front_end { FRONT_AUTO, FRONT_SCREEN, FRONT_PLAIN, FRONT_JSON };
enum errand {
	ERRAND_PHONE,
	ERRAND_CHECK,
	ERRAND_CTL,
	ERRAND_MAN,
	ERRAND_COMMANDS_MAN,
	ERRAND_COMPLETION,
	ERRAND_VERSION,
	ERRAND_HELP
};

/* A command file (-f) or a line (-x), in the order of the command line. */
struct source {
	bool is_file;
	const char *text;
};

struct options {
	struct source *sources;
	size_t source_count;
	const char *const *words; /* what follows the options (and `ctl`): one command, its words final */
	size_t word_count;
	enum front_end front;
	enum errand errand;
	const char *argument; /* of --check and --print-completion */
	const char *socket;   /* --socket; NULL: the default */
	const char *config;   /* -c; NULL: the default */
	bool no_config, stay, batch, verbose;
};

/** @return false: usage error, told in `failure` */
bool options_parse(struct options *options, int argc, char *const argv[], struct failure *failure) MUST_CHECK;
void options_fini(struct options *options);
/** What --help prints. */
void options_help(struct buf *out);
