/* ctl: `offhook ctl`, the other end of the control socket: one command, or a plain front end attached to the phone. */
#pragma once

#include "base/base.h"

/**
 * @param path   of the socket; NULL: there is no default one here
 * @param words  one command, its words final; count 0: attach to standard input
 * @return the exit status: of the command; of the first line that failed when standard input is no terminal; 7 when no
 * phone runs
 */
int ctl_run(const char *path, const char *const *words, size_t count);
