/* libsndfile, opened with the first sound file: it brings seven libraries of codecs along
 * (docs/decisions/0110-libraries-on-demand.md). */
#pragma once

#include "base/library.h"

#include <sndfile.h>

#define SNDFILE_FUNCTIONS(X)                                                                       \
	X(sf_close) X(sf_command) X(sf_format_check) X(sf_open_fd) X(sf_readf_float) X(sf_seek) X(sf_writef_short)

struct sndfile_functions {
	SNDFILE_FUNCTIONS(LIBRARY_MEMBER)
};

/** Of any thread, once sndfile_start() has said that they are there. */
extern struct sndfile_functions sndfile;

/** Any thread. @return false: libsndfile cannot be opened, and no function of `sndfile` may be called */
bool sndfile_start(void) MUST_CHECK;
