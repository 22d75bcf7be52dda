/* What the process was given by who started it: descriptors, the home. */
#pragma once

#include "base/base.h"

/** Files and sockets opened later must never become standard input or output. */
void process_keep_descriptors(void);
/** As many as the system lets us have, up to 65536: a call takes two, and the usual 1024 are used up by 500 of them. */
void process_raise_descriptors(void);
/** What a call has let go of is kept for the next one: the heap does not shrink and grow with each of them. */
void process_keep_memory(void);
/** Are there as many as the loop, the front end and a call need? Better a sentence now than a failure in the midst of
 * it. @return false: told on standard error */
bool process_has_descriptors(void);
/** Our folder, "$XDG_CONFIG_HOME/offhook", or by default below the home: "~/.config/offhook"; free(). NULL: no home. */
char *process_folder(const char *variable, const char *below_home);
/** `-f -`, and what a shell opens for us: `-f <(make-commands)` is /dev/fd/63. @return -1: a path like any other */
int process_descriptor(const char *path);
