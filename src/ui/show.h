/* What front ends tell, and how: which events, errors in words, what a person reads first. */
#pragma once

#include "ui/ui.h"

/** Is this event to be told, by `which`, the value of events.show? */
bool show_event_if(const char *which, const struct event *event, bool all);
/** The same by the setting itself. */
bool show_event(struct phone *phone, const struct event *event, bool all);
/** Is this a registration that failed for want of a password, for which an interactive front end asks? */
bool show_asks_instead(struct phone *phone, const struct event *event);
/** What a person at plain lines may do now, to stand behind the sentence of `event`; may be empty. */
const char *show_what_to_do(struct phone *phone, const struct event *event);
/** "f.call:1:3: no such command ..." and the line at fault, each with a line feed; free(). Only while
 * runner_output.error is called. */
char *show_error(const struct runner *runner, const char *where, const struct failure *failure);
/** The hint for somebody who has no account yet, or NULL. */
const char *show_hint(struct phone *phone);
/** `text` cleaned for a terminal, with a line feed at its end unless it is empty; free(). */
char *show_cleaned(const char *text);
/** The same for the terminal `fd`, in rows that fit it; free(). What is no terminal, or does not tell how wide it is,
 * gets its lines as they are. */
char *show_wrapped(const char *text, int fd);
/** Calls that are alive. */
size_t show_call_count(struct phone *phone);
