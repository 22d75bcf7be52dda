/* help: what help and the man page share. */
#pragma once

#include "command/command.h"

struct help_row {
	const char *name, *text;
};

/** The groups of commands in their order. @return false behind the last */
bool help_group(size_t place, const char **name, const char **title);
const struct help_row *help_quantity_row(size_t place);
/** The keys of the screen. @return NULL behind the last */
const struct help_row *help_key_row(size_t place);
const struct help_row *help_status_row(size_t place);
/** Does the phone have this quantity? */
bool quantity_exists(const char *name);
/** What a setting takes: "on|off", "1 to 10000". */
void setting_print_range(const struct setting_row *setting, struct buf *out);
enum { HELP_COLS = 78 };
/** Print in lines of so many columns, HELP_COLS at most, from now on. */
void help_set_width(size_t cols);
/**
 * Print `text` in lines of the width that was set, else of HELP_COLS, all but the first behind `indent` blanks; the
 * first stands at `column` already. A blank line parts paragraphs; each ends with a newline.
 */
void help_wrap(struct buf *out, const char *text, size_t indent, size_t column);
/** Print a name, in a column `width` wide, and the sentence about it (NULL: none) beside or below it. */
void help_print_row(struct buf *out, const char *name, size_t width, const char *text);
