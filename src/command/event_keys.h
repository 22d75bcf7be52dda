/* event_keys: what each event means and which keys it carries; the keys as options of `wait` and `on`. */
#pragma once

#include "command/table.h"

struct event_help {
	const char *name;
	const char *keys; /* "account code reason" */
	const char *sentence;
	bool of_call; /* happens to a call */
};
/** NULL: an event that this table does not know. */
const struct event_help *event_help(enum event_kind kind);
/** KEY=PATTERN as an option; NULL: no event has this key. */
const struct command_argument *event_key_option(struct slice key);
void event_keys_offer(struct near *near);
