/* offer: what each kind of argument has to offer to somebody who pressed Tab. */
#pragma once

#include "command/internal.h"

enum { COMPLETING_WORDS_MAX = 256 };

/* A word before the one being completed: where it stands and what it says. */
struct before {
	size_t start;
	char *text;
	bool quoted;
};

struct completing {
	struct commands *commands;
	struct completion *completion;
	struct slice line; /* up to the point */
	struct before words[COMPLETING_WORDS_MAX];
	size_t count;
	size_t start;     /* of the word being completed */
	char *prefix;     /* what of it is there, without quotes */
	char quote;       /* it begins with one */
	const char *lead; /* what stands before each offer: "sip.listen" has none, "/" of commands */
	bool plain;       /* blanks in it need no quotes */
	bool variable;    /* offers are variables, with their dollars */
};

/** A word, if it goes on from what is there. */
void offer(struct completing *at, struct slice word);
void offer_text(struct completing *at, const char *word);
/** Values of an argument; `first`: the command's first argument, which tells what a VALUE may be. */
void offer_kind(struct completing *at, const struct command_argument *argument, const char *first);
/** Variables, when the word begins with '$'. */
void offer_variables(struct completing *at);
