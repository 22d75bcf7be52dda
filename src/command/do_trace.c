/* What went over the wire. */
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <langinfo.h>
#include <string.h>

static bool utf8_locale(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static enum command_result end(struct invocation *invocation, bool filtered)
{
	if (!invocation->out->n)
		buf_printf(invocation->out, filtered ? "no such message is kept\n"
						     : "nothing was sent or received yet\n");
	return COMMAND_DONE;
}

/* call=, account=, match= and since=. @return false with the failure */
static bool read_filter(struct invocation *invocation, struct message_filter *filter, bool *filtered)
{
	const char *call = invocation_option(invocation, "call", 0), *since = invocation_option(invocation, "since", 0);
	struct account_view view;

	*filter = (struct message_filter){
		.account = invocation_option(invocation, "account", 0),
		.match = invocation_option(invocation, "match", 0),
	};
	*filtered = call || since || filter->account || filter->match;
	if (call && !invocation_call(invocation, call, NEED_ANY, &filter->call))
		return false;
	if (filter->account && !phone_view_account(invocation->phone, slice_of(filter->account), &view))
		return fail(&invocation->failure, STATUS_USAGE, "no-such-account", "there is no account %.100s",
			    filter->account);
	return !since || duration_parse(slice_of(since), &filter->since_us) ||
	       fail(&invocation->failure, STATUS_USAGE, "duration", "%.60s is no duration", since);
}

static void add_line(void *arg, const struct ladder_line *line)
{
	buf_printf(arg, "%.*s\n", SLICE_ARG(line->text));
}

static enum command_result draw_ladder(struct invocation *invocation, const struct message_filter *filter,
				       bool filtered)
{
	const struct runner *runner = invocation->runner;

	phone_ladder(invocation->phone, filter, runner->columns, runner->ascii || !utf8_locale(), add_line,
		     invocation->out);
	return end(invocation, filtered);
}

enum command_result invocation_ladder(struct invocation *invocation, const char *subject)
{
	struct message_filter filter = { 0 };
	struct account_view view;

	if (subject && phone_view_account(invocation->phone, slice_of(subject), &view))
		filter.account = subject;
	else if (subject && !invocation_call(invocation, subject, NEED_ANY, &filter.call))
		return COMMAND_FAILED;
	return draw_ladder(invocation, &filter, subject != NULL);
}

static enum command_result do_trace_on(struct invocation *invocation)
{
	phone_trace_set(invocation->phone, true);
	return COMMAND_DONE;
}

static enum command_result do_trace_off(struct invocation *invocation)
{
	phone_trace_set(invocation->phone, false);
	return COMMAND_DONE;
}

static enum command_result do_trace_ladder(struct invocation *invocation)
{
	struct message_filter filter;
	bool filtered;

	if (!read_filter(invocation, &filter, &filtered))
		return COMMAND_FAILED;
	return draw_ladder(invocation, &filter, filtered);
}

static enum command_result do_trace_text(struct invocation *invocation)
{
	struct message_filter filter;
	bool filtered;

	if (!read_filter(invocation, &filter, &filtered))
		return COMMAND_FAILED;
	phone_trace_text(invocation->phone, &filter, invocation->out);
	return end(invocation, filtered);
}

static enum command_result do_trace_list(struct invocation *invocation)
{
	struct message_filter filter;
	bool filtered;

	if (!read_filter(invocation, &filter, &filtered))
		return COMMAND_FAILED;
	phone_trace_list(invocation->phone, &filter, (struct slice){ 0 }, invocation->out);
	return end(invocation, filtered);
}

static enum command_result do_trace_find(struct invocation *invocation)
{
	struct message_filter filter;
	bool filtered;

	if (!read_filter(invocation, &filter, &filtered))
		return COMMAND_FAILED;
	phone_trace_list(invocation->phone, &filter, slice_of(invocation->values[0]), invocation->out);
	return end(invocation, true);
}

static enum command_result do_trace_save(struct invocation *invocation)
{
	const char *rtp = invocation_option(invocation, "rtp", 0), *path = invocation->values[0];
	enum capture_rtp which = !rtp || !strcmp(rtp, "off") ? CAPTURE_RTP_OFF
				 : !strcmp(rtp, "all")	     ? CAPTURE_RTP_ALL
							     : CAPTURE_RTP_HEADERS;
	struct message_filter filter;
	size_t packets;
	bool filtered;

	if (!read_filter(invocation, &filter, &filtered))
		return COMMAND_FAILED;
	if (!phone_trace_save(invocation->phone, path, &filter, which, &packets, &invocation->failure))
		return COMMAND_FAILED;
	buf_printf(invocation->out, "%s: %zu packet%s\n", path, packets, packets == 1 ? "" : "s");
	invocation->result = json_pack("{s:s, s:I}", "file", path, "packets", (json_int_t)packets);
	return COMMAND_DONE;
}

#define FILTER_OPTIONS                                                                                                 \
	{ .name = "call", .kind = ARG_CALL, .text = "only this call's messages" },                                     \
		{ .name = "account", .kind = ARG_ACCOUNT, .text = "only the registration of this account" },           \
		{ .name = "match", .kind = ARG_WORD, .text = "only messages with this text in them" },                 \
	{                                                                                                              \
		.name = "since", .kind = ARG_DURATION, .text = "only messages of this last time, as in since=10m"      \
	}

const struct command trace_commands[] = {
	{ .name = "trace on",
	  .group = "watching",
	  .run = do_trace_on,
	  .summary = "print SIP messages as they come and go",
	  .text = "What is kept is kept in either case; credentials are left out (`trace.redact`).",
	  .examples = { "trace on" } },
	{ .name = "trace off",
	  .group = "watching",
	  .run = do_trace_off,
	  .summary = "print them no more",
	  .text = "The trace is still kept.",
	  .examples = { "trace off" } },
	{ .name = "trace ladder",
	  .group = "watching",
	  .run = do_trace_ladder,
	  .options = { FILTER_OPTIONS },
	  .summary = "draw the messages as a ladder",
	  .text = "With times, one column a party: the hosts that we spoke to, and behind them, dashed, those that "
		  "Via, Record-Route and Contact tell of.",
	  .examples = { "trace ladder", "trace ladder call=1" } },
	{ .name = "trace text",
	  .group = "watching",
	  .run = do_trace_text,
	  .options = { FILTER_OPTIONS },
	  .summary = "print the messages kept",
	  .text = "In full, the oldest first.",
	  .examples = { "trace text call=1", "trace text match=REGISTER since=1m" } },
	{ .name = "trace list",
	  .group = "watching",
	  .run = do_trace_list,
	  .options = { FILTER_OPTIONS },
	  .summary = "list the messages kept",
	  .text = "A line a message: its number, when it went where, its first line.",
	  .examples = { "trace list" } },
	{ .name = "trace find",
	  .group = "watching",
	  .run = do_trace_find,
	  .arguments = { { .name = "PATTERN", .kind = ARG_WORD, .text = "a text, upper and lower case alike" } },
	  .options = { FILTER_OPTIONS },
	  .summary = "find a text in the messages kept",
	  .text = "Shows the lines that have it, below their message.",
	  .examples = { "trace find biloxi.com", "trace find \"Record-Route:\" call=1" } },
	{ .name = "trace save",
	  .group = "watching",
	  .run = do_trace_save,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "a new file; none is written over" } },
	  .options = { FILTER_OPTIONS,
		       { .name = "rtp",
			 .kind = ARG_CHOICE,
			 .choices = "off|headers|all",
			 .text = "the sound too: no (off), its packets without what was said, or whole" } },
	  .summary = "write the messages kept for Wireshark or sngrep",
	  .text = "A pcap file of UDP packets, each a whole message; what went by TCP or TLS too, decrypted. "
		  "Credentials and SRTP keys are replaced by `x` unless `trace.redact` is off. Of the sound the last "
		  "16 MiB are kept, some ten minutes of one call, decrypted.",
	  .examples = { "trace save call.pcap call=1", "trace save call.pcap rtp=headers since=5m" } },
};
const size_t trace_command_count = ARRAY_LEN(trace_commands);
