/* What people ask of the trace: ladders, texts, lists, and what is found in them. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "media/tap.h"
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

/* A capture under way: packets of sound and messages in the order of their times. */
struct saving {
	struct phone *phone;
	struct capture *capture;
	const struct message_filter *filter;
	struct trace_filter wanted;
	const struct trace_entry *next; /* the message that was not written yet */
	enum capture_rtp rtp;
	bool redact;
};

static void save_messages(struct saving *saving, int64_t until_us)
{
	for (; saving->next && saving->next->unix_us <= until_us;
	     saving->next = trace_next(saving->phone->trace, saving->next))
		if (saving->next->kind == TRACE_MESSAGE && trace_wanted(saving->next, &saving->wanted))
			capture_message(saving->capture, saving->next, saving->redact);
}

/* A socket that is bound to no address: the one that the peer is reached from. */
static void fill_local(struct phone *phone, const struct address *remote, struct address *local)
{
	uint16_t port = address_port(local);
	struct address found;

	if (address_is_any(local) && phone_local_for(phone, remote, &found)) {
		*local = found;
		address_set_port(local, port);
	}
}

static void save_rtp(void *arg, const struct tap_packet *packet)
{
	enum { RTP_HEADER = 12 };
	struct saving *saving = arg;
	struct address local = packet->local;
	struct slice bytes = packet->bytes;

	if (packet->user >= ECHO_USER_BASE || (saving->filter->call && packet->user != saving->filter->call) ||
	    packet->unix_us < saving->wanted.since_us)
		return;
	save_messages(saving, packet->unix_us);
	fill_local(saving->phone, &packet->remote, &local);
	/* Of a header with contributing sources and extensions, as much as there is of it. */
	if (saving->rtp == CAPTURE_RTP_HEADERS)
		bytes = slice_sub(bytes, 0, RTP_HEADER + 4 * ((size_t)(bytes.n ? bytes.p[0] : 0) & 15));
	capture_part(saving->capture, packet->unix_us, packet->sent ? &local : &packet->remote,
		     packet->sent ? &packet->remote : &local, bytes, packet->bytes.n);
}

bool phone_trace_save(struct phone *phone, const char *path, const struct message_filter *filter, enum capture_rtp rtp,
		      size_t *packets, struct failure *failure)
{
	struct saving saving = { .phone = phone, .filter = filter, .rtp = rtp,
				 .redact = settings_on(phone->settings, "trace.redact") };
	enum err err;

	*packets = 0;
	if (!(saving.capture = capture_open(path, &err)) && err == ERR_EXISTS)
		return fail(failure, STATUS_SOUND, "exists",
			    "%s exists, and no file is written over: choose another name, or remove it", path);
	if (!saving.capture && err == ERR_NOT_FOUND)
		return fail(failure, STATUS_SOUND, "missing", "%s cannot be written: there is no such folder", path);
	if (!saving.capture)
		return fail(failure, STATUS_SOUND, "file", "%s cannot be written: %s", path, err_text(err));
	if (read_filter(phone, filter, &saving.wanted)) {
		saving.next = trace_first(phone->trace);
		/* Sound belongs to a call, not to an account or a text. */
		if (rtp != CAPTURE_RTP_OFF && phone->engine && !filter->account && !filter->match)
			tap_each(engine_tap(phone->engine), save_rtp, &saving);
		save_messages(&saving, INT64_MAX);
	}
	if (capture_close(saving.capture, packets, &err))
		return true;
	return fail(failure, STATUS_SOUND, "file", "%s cannot be written: %s", path, err_text(err));
}
