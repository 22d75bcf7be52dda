#include "base/log.h"

#include "base/timer.h"
#include "base/xmalloc.h"

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	va_list args;

	if (!log || !log->write || level > log->level)
		return;
	va_start(args, format);
	char *line = xvasprintf(format, args);
	va_end(args);
	log->write(log->arg, level, line);
	free(line);
}

bool log_limit_takes(struct log_limit *limit, int64_t now_us)
{
	if (limit->owed_us < now_us)
		limit->owed_us = now_us;
	if (limit->owed_us - now_us > (LOG_LIMIT_LINES - 1) * SECOND_US)
		return false;
	limit->owed_us += SECOND_US;
	return true;
}
