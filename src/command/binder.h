/* binder: what bind.c, bind_command.c and bind_rest.c share while words become a command. */
#pragma once

#include "command/bind.h"
#include "command/table.h"

/* Where words come from: a line, or words that are final. */
struct source {
	struct words words;
	const char *const *fixed;
	size_t fixed_count, next;
};

struct binder {
	const struct bind_how *how;
	struct source source;
	struct word word;
	struct bound *bound;
	struct failure *failure;
	size_t at;
	size_t place; /* of the argument that comes next */
	bool given[COMMAND_ARGS_MAX];
	bool unknown[COMMAND_ARGS_MAX]; /* only checking, and the value has variables */
	bool options_began;             /* behind an option no plain word continues a joined argument */
};

/** Read the next word into binder->word. */
enum words_result binder_next(struct binder *binder);
size_t binder_position(const struct source *source);
void binder_go_back(struct source *source, size_t to);
/** A failure at the present word; returns false. */
bool binder_failed(struct binder *binder, const char *reason, const struct near *near, const char *format, ...)
	PRINTF_LIKE(4, 5);
/** The row of the command whose first word was read, perhaps reading a second one. `first` must not lie in
 * binder->word. */
bool binder_find_command(struct binder *binder, struct slice first);
/** Is the present word NAME=VALUE with a known NAME? NULL: no. */
const struct command_argument *binder_word_option(const struct binder *binder);
/** The present word is this option: take its value. */
bool binder_take_option(struct binder *binder, const struct command_argument *option);
/** Is the next argument a TEXT or a COMMAND, which takes all that is left? */
bool binder_takes_rest(const struct binder *binder);
bool binder_take_rest(struct binder *binder);
/** Options that stand before a TEXT. @return 1: one was taken, 0: none, -1: failure */
int binder_option_before_rest(struct binder *binder);
