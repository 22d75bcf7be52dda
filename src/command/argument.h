/* argument: each kind of argument: is a value one of it? */
#pragma once

#include "command/command.h"

struct argument_context {
	struct commands *commands;
	const struct command *command;
	const char *const *values; /* those before it; NULL where not known yet */
	bool literal;              /* quoted or from a variable */
};

/** @return false with `failure` saying what was expected and, for a near miss, what it might be */
bool argument_check(const struct argument_context *context, const struct command_argument *argument, struct slice value,
		    struct failure *failure) MUST_CHECK;
/** Is this the name of a quantity ("media.loss", "sent.Via") or a setting? */
bool quantity_is_known(struct slice name);
bool choice_has(const char *choices, struct slice word);
/** Check "KEY=VALUE" of an account or KEY VALUE of a setting. */
bool setting_value_check(struct commands *commands, struct slice name, struct slice value,
			 struct failure *failure) MUST_CHECK;
/** Events separated by '|'. */
bool events_parse(struct slice text, bool wanted[EVENT_KINDS], struct failure *failure) MUST_CHECK;
/** "DURATION", "CALL": how help writes an option's value. */
const char *argument_kind_word(enum argument_kind kind);
/** Is it a number as it stands, and no name? */
bool quantity_is_number(struct slice value);
/** What a name with a dot may be inside ${...}; others are looked up when they are used. */
bool quantity_check(struct slice name, struct failure *failure) MUST_CHECK;
