/*
 * sources: what the phone was started with, run one after the other: the configuration, then the files (-f) and lines
 * (-x) in their order, then the words of the command line. The first failure ends it.
 */
#pragma once

#include "command/command.h"
#include "loop/loop.h"
#include "ui/options.h"

struct sources_config {
	const struct options *options;
	struct loop *loop;
	struct phone *phone;
	struct commands *commands;
	const char *config_dir;                    /* where `config` is when no -c names it; NULL: nowhere */
	const char *saved_dir;                     /* where `saved` is; NULL: nowhere */
	bool interactive;                          /* a person goes on where a failure would end the phone */
	struct runner_output output;               /* what lines bring about is told there */
	void (*error)(void *arg, const char *text); /* and what is wrong with a file itself there */
	void *arg;
};

struct sources;
/** What `config` points to outlives it. Runs the configuration, as far as none of its lines waits. */
struct sources *sources_new(const struct sources_config *config);
void sources_free(struct sources *sources);
/** At the end of a turn: go on. */
void sources_turn_end(struct sources *sources);
/** All of it is over, and so are the calls that the words began. */
bool sources_ended(const struct sources *sources);
/** Of the first failure; 0: there was none, or a person was told of it. */
int sources_status(const struct sources *sources);
/** A file or line is under way. */
bool sources_are_running(const struct sources *sources);
/** The words of the command line were run. */
bool sources_had_words(const struct sources *sources);
/** Once it ended: the phone goes on by --stay, or for the handlers that a file or line has set. */
bool sources_stay(const struct sources *sources);
