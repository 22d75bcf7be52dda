/* Entries of the history as lines. */
#include "phone/phone.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *uri_plain(const char *uri)
{
	const char *colon = strchr(uri, ':');

	return colon ? colon + 1 : uri;
}

const char *history_target(const struct history_row *row)
{
	return *row->dialled ? row->dialled : row->uri;
}

/* What was typed tells more than the address and the name: a contact's second number, digits for after the answer. */
static bool dialled_tells_more(const struct history_row *row)
{
	const char *plain = uri_plain(row->uri);
	size_t n = strlen(row->dialled);
	bool is_user = !strncasecmp(row->dialled, plain, n) && plain[n] == '@';

	return *row->dialled && strcasecmp(row->dialled, row->uri) != 0 && strcasecmp(row->dialled, plain) != 0 &&
	       strcasecmp(row->dialled, row->name) != 0 && !is_user && !strchr(row->dialled, '<');
}

/* What went wrong here is kept under the code that stands for it (RFC 3261 8.1.3.1), which nobody sent. */
static bool somebody_said(const struct history_row *row)
{
	char code[16];

	snprintf(code, sizeof code, "%u ", row->code);
	return !*row->why || slice_begins(slice_of(row->why), slice_of(code));
}

void history_line(const struct history_row *row, struct buf *out)
{
	time_t when = (time_t)row->unix_s;
	char text[32] = "?", code[16] = "";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	buf_printf(out, "%4u  %s  %-3s  ", row->number, text, row->incoming ? "in" : "out");
	if (!strcmp(row->how, "answered")) {
		size_t before = out->n;
		duration_text(out, row->seconds);
		buf_printf(out, "%*s", (int)(before + 10 > out->n ? before + 10 - out->n : 0), "");
	} else {
		if (row->code && somebody_said(row))
			snprintf(code, sizeof code, "%u", row->code);
		buf_printf(out, "%-6s %-3s", row->how, code);
	}
	buf_printf(out, "  %s%s%s%s", row->name, *row->name ? " <" : "", row->uri, *row->name ? ">" : "");
	if (dialled_tells_more(row))
		buf_printf(out, " as %s", row->dialled);
	buf_add_char(out, '\n');
}

static void csv_text(struct buf *out, const char *text)
{
	/* What a spreadsheet would take for a formula is none. */
	buf_printf(out, ",\"%s", strchr("=+-@", *text) && *text ? "'" : "");
	for (; *text; text++)
		buf_printf(out, *text == '"' ? "\"\"" : "%c", *text);
	buf_add_char(out, '"');
}

void history_csv_line(const struct history_row *row, struct buf *out)
{
	time_t when = (time_t)row->unix_s;
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(out, "%u,%s,%s,%s,%u,%u", row->number, text, row->incoming ? "in" : "out", row->how, row->seconds,
		   row->code);
	csv_text(out, row->account);
	csv_text(out, row->uri);
	csv_text(out, row->name);
	csv_text(out, row->why);
	csv_text(out, row->dialled);
	buf_add_char(out, '\n');
}
