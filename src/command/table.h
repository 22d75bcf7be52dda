/* table: the rows of all commands, joined; finding them by name. */
#pragma once

#include "command/command.h"

/* The rows of each do_*.c, in the order in which help groups them. */
/* A line each, so that two who add one do not meet. */
extern const struct command calls_commands[];
extern const size_t calls_command_count;
extern const struct command in_call_commands[];
extern const size_t in_call_command_count;
extern const struct command screening_commands[];
extern const size_t screening_command_count;
extern const struct command sound_commands[];
extern const size_t sound_command_count;
extern const struct command accounts_commands[];
extern const size_t accounts_command_count;
extern const struct command people_commands[];
extern const size_t people_command_count;
extern const struct command messages_commands[];
extern const size_t messages_command_count;
extern const struct command presence_commands[];
extern const size_t presence_command_count;
extern const struct command protocol_commands[];
extern const size_t protocol_command_count;
extern const struct command watching_commands[];
extern const size_t watching_command_count;
extern const struct command trace_commands[];
extern const size_t trace_command_count;
extern const struct command scripts_commands[];
extern const size_t scripts_command_count;
extern const struct command phone_commands[];
extern const size_t phone_command_count;
extern const struct command keys_commands[];
extern const size_t keys_command_count;

size_t table_count(void);
/** The row at `place`, 0 first. */
const struct command *table_row(size_t place);
/** Exactly this name or alias; "account add" has one blank. NULL: none. */
const struct command *table_find(struct slice name);
/** Is `word` the first of commands with two words? */
bool table_is_first_word(struct slice word);
/**
 * The only first word (or, with `first`, the only second word behind it) that begins with `prefix`.
 * @return empty: none, or several, which are then listed in `several` ("hangup, help, hold"; may be NULL)
 */
struct slice table_complete(struct slice first, struct slice prefix, struct buf *several);
/** "a b c": the next of its words in *word. */
bool table_next_word(struct slice *list, struct slice *word);

/** Steps from one word to the other: a letter put in, left out, exchanged, or two neighbours swapped. */
size_t near_distance(struct slice a, struct slice b);
/** Looking for the candidate most like `word`. */
struct near {
	struct slice word, best;
	size_t distance; /* of `best`; what is further than the limit is no near miss */
};
void near_init(struct near *near, struct slice word);
void near_offer(struct near *near, struct slice candidate);
/** "; did you mean 'answer'?" when there was something near. */
void near_print(const struct near *near, struct buf *to);
