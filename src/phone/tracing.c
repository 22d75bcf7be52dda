/* What people ask of the trace: ladders, texts, lists, and what is found in them. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/capture.h"
#include "phone/phone_internal.h"

#include <inttypes.h>
#include <time.h>

/* The filter as the trace knows it. @return false: nothing can fit */
static bool read_filter(const struct phone *phone, const struct message_filter *from, struct trace_filter *to)
{
	const struct call *call = from->call ? call_find(phone, from->call) : NULL;
	const struct account *account = from->account ? account_find(phone, slice_of(from->account)) : NULL;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*to = (struct trace_filter){
		.call_id = slice_of(call ? call->call_id : NULL),
		.registering = slice_of(account ? account_address(account) : NULL),
		.match = slice_of(from->match),
		.since_us = from->since_us ? (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000 - from->since_us : 0,
	};
	return (!from->call || to->call_id.n) && (!from->account || account);
}

void phone_ladder(struct phone *phone, const struct message_filter *filter, unsigned cols, bool ascii,
		  phone_ladder_h *each, void *arg)
{
	struct trace_filter wanted;

	if (read_filter(phone, filter, &wanted))
		ladder_draw(phone->trace, &(struct ladder_options){ &wanted, cols, ascii, each, arg });
}

uint64_t phone_trace_last(const struct phone *phone)
{
	return trace_last_number(phone->trace);
}

void phone_trace_text(struct phone *phone, const struct message_filter *filter, struct buf *out)
{
	bool redact = settings_on(phone->settings, "trace.redact");
	struct trace_filter wanted;

	if (!read_filter(phone, filter, &wanted))
		return;
	for (const struct trace_entry *entry = trace_first(phone->trace); entry && !out->full;
	     entry = trace_next(phone->trace, entry)) {
		if (!trace_wanted(entry, &wanted))
			continue;
		trace_heading(entry, out);
		buf_add_char(out, '\n');
		trace_message(entry, redact, out);
		buf_add_char(out, '\n');
	}
}

/* The lines of a message that have the text, each with its number. What is redacted is not found either. */
static bool add_found(const struct trace_entry *entry, bool redact, struct slice find, struct buf *out)
{
	struct buf text;
	bool found = false;
	unsigned number = 0;

	buf_init(&text, entry->bytes.n * 4 + 64);
	trace_message(entry, redact, &text);
	for (struct slice rest = buf_slice(&text); rest.n;) {
		struct slice line = slice_cut(&rest, '\n');
		number++;
		if (slice_ifind_slice(line, find) == line.n)
			continue;
		if (!found) {
			buf_printf(out, "#%" PRIu64 " ", entry->number);
			trace_heading(entry, out);
			buf_add_char(out, '\n');
		}
		found = true;
		buf_printf(out, "%6u  %.*s\n", number, SLICE_ARG(line));
	}
	buf_fini(&text);
	return found;
}

void phone_trace_list(struct phone *phone, const struct message_filter *filter, struct slice find, struct buf *out)
{
	bool redact = settings_on(phone->settings, "trace.redact");
	struct trace_filter wanted;

	if (!read_filter(phone, filter, &wanted))
		return;
	for (const struct trace_entry *entry = trace_first(phone->trace); entry && !out->full;
	     entry = trace_next(phone->trace, entry)) {
		if (!trace_wanted(entry, &wanted))
			continue;
		if (find.n) {
			add_found(entry, redact, find, out);
			continue;
		}
		buf_printf(out, "#%" PRIu64 " ", entry->number);
		trace_heading(entry, out);
		buf_add_char(out, ' ');
		trace_first_line(entry, out);
		buf_add_char(out, '\n');
	}
}

bool phone_trace_message(struct phone *phone, uint64_t number, struct buf *heading, struct buf *text)
{
	for (const struct trace_entry *entry = trace_latest(phone->trace); entry && entry->number >= number;
	     entry = trace_before(phone->trace, entry)) {
		if (entry->number != number)
			continue;
		trace_heading(entry, heading);
		trace_message(entry, settings_on(phone->settings, "trace.redact"), text);
		return true;
	}
	return false;
}

bool phone_trace_save(struct phone *phone, const char *path, const struct message_filter *filter, enum capture_rtp rtp,
		      size_t *packets, struct failure *failure)
{
	bool redact = settings_on(phone->settings, "trace.redact");
	struct trace_filter wanted;
	struct capture *capture;
	enum err err;

	*packets = 0;
	if (!(capture = capture_open(path, &err)) && err == ERR_EXISTS)
		return fail(failure, STATUS_SOUND, "exists",
			    "%s exists, and no file is written over: choose another name, or remove it", path);
	if (!capture)
		return fail(failure, STATUS_SOUND, "file", "%s cannot be written: %s", path, err_text(err));
	if (read_filter(phone, filter, &wanted))
		for (const struct trace_entry *entry = trace_first(phone->trace); entry;
		     entry = trace_next(phone->trace, entry))
			if (entry->kind == TRACE_MESSAGE && trace_wanted(entry, &wanted))
				capture_message(capture, entry, redact);
	(void)rtp;
	if (capture_close(capture, packets, &err))
		return true;
	return fail(failure, STATUS_SOUND, "file", "%s cannot be written: %s", path, err_text(err));
}
