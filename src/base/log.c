#include "base/log.h"

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
