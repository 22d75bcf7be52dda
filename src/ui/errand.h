/* What the program does without a phone: --help, --version, its man page, completion for a shell. */
#pragma once

#include "ui/options.h"

/** Print what was asked for. @return the exit status */
int errand_run(const struct options *options);
