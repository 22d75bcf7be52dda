/* Levelled lines to a sink chosen by the owner. No global: who logs was given a struct log. */
#pragma once

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG };

/** Takes one line without a line feed. Called on the loop's thread only. */
typedef void log_h(void *arg, enum log_level level, const char *line);

struct log {
	log_h *write;         /* NULL: nothing is logged */
	void *arg;
	enum log_level level; /* the least important level that is written */
};

/** Write a line; `log` may be NULL. Bytes from the network must have been cleaned (utf8_clean). */
void log_line(const struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
