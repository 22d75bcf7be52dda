/* bind: words or JSON members -> the arguments and options of one row, each checked by its kind. */
#pragma once

#include "command/command.h"
#include "command/words.h"

enum { BOUND_OPTIONS_MAX = 32 };

struct bound {
	const struct command *command;
	bool go_on; /* -COMMAND: a failure ends nothing */
	char *values[COMMAND_ARGS_MAX];
	bool literal[COMMAND_ARGS_MAX], network[COMMAND_ARGS_MAX];
	char **rest;
	size_t rest_count;
	struct {
		const struct command_argument *option;
		char *value;
	} options[BOUND_OPTIONS_MAX];
	size_t option_count;
	size_t line_at[COMMAND_ARGS_MAX]; /* where in the line each value began, for errors of commands within commands
					   */
};

struct bind_how {
	struct commands *commands;
	bool interactive;       /* prefixes of commands will do */
	words_expand_h *expand; /* NULL: only check, values with variables pass */
	void *arg;
	struct slice (*alias)(void *arg,
			      struct slice name); /* a command file's own aliases while it is checked; NULL */
	void *alias_arg;
	const char *folder; /* where relative names of files begin; NULL: at the phone's own folder */
	bool partial;   /* the command's name alone is looked at */
	unsigned depth; /* of aliases and commands within commands */
};

/** @return false with `failure` and *at, the byte of the line at fault; `bound` must be finished in either case */
bool bind_line(const struct bind_how *how, struct slice line, struct bound *bound, struct failure *failure,
	       size_t *at) MUST_CHECK;
/** Words that are final. */
bool bind_words(const struct bind_how *how, const char *const *words, size_t count, struct bound *bound,
		struct failure *failure) MUST_CHECK;
/** Named members of a JSON object (json_t *, may be NULL). */
bool bind_members(const struct bind_how *how, const struct command *command, const void *params, struct bound *bound,
		  struct failure *failure) MUST_CHECK;
void bound_fini(struct bound *bound);
/** One value more of an argument that repeats; `value` is owned from now on. */
void bound_add_rest(struct bound *bound, char *value);
/** The option that must be there and is not; NULL: none. */
const struct command_argument *bound_lacks(const struct bound *bound);

/** The option of a command, its event keys included; NULL: none of that name. */
const struct command_argument *option_find(const struct command *command, struct slice name);
/** Does this argument take several words, since none follows it: a TARGET, a TOPIC, a VALUE? */
bool argument_is_joined(const struct command *command, size_t place);

/** "TARGET [from=ACCOUNT] ...": how a command is written. */
void command_synopsis(const struct command *command, struct buf *to);
