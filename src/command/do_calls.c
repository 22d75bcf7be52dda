/* Making, taking and ending calls. */
#include "base/xmalloc.h"
#include "command/call_rows.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

static enum command_result end_dialled(struct invocation *invocation, bool good, unsigned call, struct buf *dialled)
{
	struct call_view view;

	if (good) {
		invocation->runner->call = call;
		handlers_note_call(invocation->runner, call);
		buf_printf(invocation->out, "call %u: %s\n", call, buf_text(dialled));
		bool known = phone_view_call(invocation->phone, call, &view);
		invocation->result = json_pack("{s:i, s:s}", "call", (int)call, "id", known && view.id ? view.id : "");
	}
	buf_fini(dialled);
	return invocation_end(invocation, good);
}

static enum command_result do_call(struct invocation *invocation)
{
	const char *anonymous = invocation_option(invocation, "anonymous", 0),
		   *timeout = invocation_option(invocation, "timeout", 0);
	struct call_options options = {
		.from = invocation_option(invocation, "from", 0),
		.display = invocation_option(invocation, "display", 0),
		.anonymous = anonymous && (!strcmp(anonymous, "yes") || !strcmp(anonymous, "on")),
		.codec = invocation_option(invocation, "codec", 0),
		.encryption = invocation_option(invocation, "encryption", 0),
		.early = invocation_option(invocation, "early", 0),
		.no_sdp = invocation_option(invocation, "sdp", 0) != NULL,
		.input = invocation_option(invocation, "input", 0),
		.output = invocation_option(invocation, "output", 0),
		.record = invocation_option(invocation, "record", 0),
		.type = invocation_option(invocation, "type", 0),
		.body = invocation_option(invocation, "body", 0),
	};
	const char **headers = invocation_headers(invocation);
	struct buf dialled;
	unsigned call = 0;
	bool good = !timeout || duration_parse(slice_of(timeout), &options.timeout_us);

	options.headers = headers;
	buf_init(&dialled, 4096);
	good = good && phone_call(invocation->phone, slice_of(invocation->values[0]), &options, &call, &dialled,
				  &invocation->failure);
	free(headers);
	return end_dialled(invocation, good, call, &dialled);
}

static enum command_result do_redial(struct invocation *invocation)
{
	struct buf dialled;
	unsigned call = 0, entry = invocation->values[0] ? (unsigned)strtoul(invocation->values[0], NULL, 10) : 0;

	buf_init(&dialled, 4096);
	bool good = phone_redial(invocation->phone, entry, &call, &dialled, &invocation->failure);
	return end_dialled(invocation, good, call, &dialled);
}

static enum command_result do_answer(struct invocation *invocation)
{
	const char *after = invocation_option(invocation, "after", 0);
	int64_t after_us = 0;
	unsigned call;
	bool good = (!after || duration_parse(slice_of(after), &after_us)) &&
		    invocation_call(invocation, invocation->values[0], NEED_RINGING, &call) &&
		    invocation_say_also(invocation, MEANT_RINGING, &call) &&
		    phone_answer(invocation->phone, &call, after_us, &invocation->failure);

	if (good && call)
		invocation->runner->call = call;
	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_ring(struct invocation *invocation)
{
	return invocation_with_call(invocation, invocation->values[0], NEED_RINGING, phone_ring);
}

static enum command_result do_progress(struct invocation *invocation)
{
	return invocation_with_call(invocation, invocation->values[0], NEED_RINGING, phone_progress);
}

static enum command_result do_reject(struct invocation *invocation)
{
	unsigned call, code = invocation->values[0] ? (unsigned)strtoul(invocation->values[0], NULL, 10) : 486;
	bool good = invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_RINGING, &call) &&
		    invocation_say_also(invocation, MEANT_RINGING, &call) &&
		    phone_reject(invocation->phone, &call, code, slice_of(invocation->values[1]), &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_redirect(struct invocation *invocation)
{
	unsigned call;
	bool good = invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_RINGING, &call) &&
		    invocation_say_also(invocation, MEANT_RINGING, &call) &&
		    phone_redirect(invocation->phone, &call, slice_of(invocation->values[0]), &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

/* Those that live on until somebody has answered. */
static void tell_cancelled_later(struct invocation *invocation, unsigned meant)
{
	struct call_view *views = NULL;
	size_t room = phone_calls(invocation->phone, NULL, 0), count;
	json_t *list = json_array();

	views = xcalloc(room + 1, sizeof *views);
	count = phone_calls(invocation->phone, views, room);
	for (size_t i = 0; i < count && i < room; i++) {
		if (!views[i].cancels_later || (meant != ALL_CALLS && meant != views[i].number))
			continue;
		buf_printf(invocation->out, "call %u: nobody has answered yet; it is cancelled as soon as somebody "
					    "does\n", views[i].number);
		json_array_append_new(list, json_integer(views[i].number));
	}
	if (json_array_size(list) && !invocation->result)
		invocation->result = json_object();
	if (json_array_size(list))
		json_object_set(invocation->result, "later", list);
	json_decref(list);
	free(views);
}

static enum command_result do_hangup(struct invocation *invocation)
{
	unsigned call = ALL_CALLS;
	bool all = invocation->values[0] && !strcmp(invocation->values[0], "all");
	bool good = (all || (invocation_call(invocation, invocation->values[0], NEED_ALIVE, &call) &&
			     invocation_say_also(invocation, MEANT_HANGUP, &call))) &&
		    phone_hangup(invocation->phone, &call, &invocation->failure);
	enum command_result result = invocation_end_call(invocation, good, good ? call : 0);

	if (good)
		tell_cancelled_later(invocation, call);
	return result;
}

const struct command calls_commands[] = {
	{ .name = "call",
	  .aliases = "dial invite",
	  .group = "calls",
	  .run = do_call,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .choices = "echo", .text = "whom" } },
	  .options = { { .name = "from", .kind = ARG_ACCOUNT, .text = "the account to call from" },
		       { .name = "display", .kind = ARG_WORD, .text = "the name that the other side sees" },
		       { .name = "anonymous", .kind = ARG_YES_NO, .text = "say nothing about who calls" },
		       { .name = "codec", .kind = ARG_CODEC, .text = "offer this codec alone" },
		       { .name = "encryption",
			 .kind = ARG_CHOICE,
			 .choices = "off|optional|required",
			 .text = "encrypt its sound by SRTP, whatever media.encryption says" },
		       { .name = "early",
			 .kind = ARG_CHOICE,
			 .choices = "on|listen|off",
			 .text = "sound before the answer: heard and sent (on, as when omitted), only heard (listen), "
				 "or "
				 "neither, with our own ringing tone (off)" },
		       { .name = "timeout", .kind = ARG_DURATION, .text = "give up when nobody has answered by then" },
		       { .name = "header",
			 .kind = ARG_HEADER,
			 .repeats = true,
			 .text = "one more header field of the INVITE" },
		       { .name = "type", .kind = ARG_WORD, .text = "the type of body=" },
		       { .name = "body", .kind = ARG_WORD, .text = "a body of yours beside the offer" },
		       { .name = "sdp",
			 .kind = ARG_CHOICE,
			 .choices = "none",
			 .text = "send the INVITE without an offer" },
		       { .name = "input",
			 .kind = ARG_DEVICE,
			 .side = "input",
			 .text = "this call's microphone: a device, tone:HZ, file:PATH.wav, null" },
		       { .name = "output",
			 .kind = ARG_DEVICE,
			 .side = "output",
			 .text = "this call's loudspeaker: a device, file:PATH.wav, null" },
		       { .name = "record",
			 .kind = ARG_FILE,
			 .text = "record it from the answer on, as `record start` does" } },
	  .summary = "call someone",
	  .text = "A TARGET is a SIP address, a name among the contacts, a bare user or number at the default "
		  "account's domain, a host, or `echo`, the built-in echo test.\n\n"
		  "The command returns as soon as the call has its number; `wait answered` waits for the rest. "
		  "`123,,4#` dials 123 and sends 4# after the answer; a comma is a pause. "
		  "The same behind any address: `bob@biloxi.com,,4#`.",
	  .examples = { "call sip:bob@biloxi.com", "call +1-555-0100,,4711#", "call echo",
			"call Bob from=work timeout=20s" } },
	{ .name = "redial",
	  .group = "calls",
	  .run = do_redial,
	  .arguments = { { .name = "ENTRY",
			   .kind = ARG_NUMBER,
			   .optional = true,
			   .text = "the number of an entry of `history`: whoever called or was called then" } },
	  .summary = "call the one called last",
	  .text = "The target is dialled as it was typed, from the account that it was dialled from; where that word "
		  "means somebody else by now, the address that it meant is called.",
	  .examples = { "redial", "redial 12" } },
	{ .name = "answer",
	  .aliases = "accept",
	  .group = "calls",
	  .run = do_answer,
	  .arguments = { ONE_CALL },
	  .options = { { .name = "after", .kind = ARG_DURATION, .text = "let it ring so long first" },
		       SENDING_OPTIONS },
	  .summary = "take an incoming call",
	  .text = "Without CALL the only ringing call is meant. Another call that is active is held "
		  "(`call.auto-hold`).",
	  .examples = { "answer", "answer 2", "answer after=5s" } },
	{ .name = "ring",
	  .group = "calls",
	  .run = do_ring,
	  .arguments = { ONE_CALL },
	  .options = { SENDING_OPTIONS },
	  .summary = "tell the caller that it rings (180)",
	  .text = "Sent by itself unless `call.auto-ring` is off.",
	  .examples = { "ring" } },
	{ .name = "progress",
	  .group = "calls",
	  .run = do_progress,
	  .arguments = { ONE_CALL },
	  .options = { SENDING_OPTIONS },
	  .summary = "send sound to the caller before the answer (183)",
	  .text = "Without CALL the only ringing call is meant.",
	  .examples = { "progress" } },
	{ .name = "reject",
	  .aliases = "decline",
	  .group = "calls",
	  .run = do_reject,
	  .ends = true,
	  .arguments = { { .name = "CODE", .kind = ARG_CODE, .optional = true, .text = "400 to 699; 486 when omitted" },
			 { .name = "REASON",
			   .kind = ARG_TEXT,
			   .optional = true,
			   .text = "the phrase behind it; the usual one when omitted" } },
	  .options = { CALL_OPTION, SENDING_OPTIONS },
	  .summary = "refuse an incoming call",
	  .text = "Without call= the only ringing call is meant. REASON takes the rest of the line, so call= stands "
		  "before it.",
	  .examples = { "reject", "reject 603", "reject 480 call=2 Gone fishing" } },
	{ .name = "redirect",
	  .group = "calls",
	  .run = do_redirect,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "where the caller shall try" } },
	  .options = { CALL_OPTION, SENDING_OPTIONS },
	  .summary = "send a caller elsewhere (302)",
	  .text = "Without call= the only ringing call is meant.",
	  .examples = { "redirect sip:carol@chicago.com" } },
	{ .name = "hangup",
	  .aliases = "bye cancel terminate",
	  .group = "calls",
	  .run = do_hangup,
	  .ends = true,
	  .arguments = { { .name = "CALL",
			   .kind = ARG_CALL_OR_ALL,
			   .optional = true,
			   .text = "a call's number or id, or all" } },
	  .options = { SENDING_OPTIONS },
	  .summary = "end a call, or stop dialling",
	  .text = "Without CALL the selected call is meant or, if none is up, the only one that is being dialled. "
		  "Where nobody has answered a call at all, not even that it is being tried, it can only be cancelled "
		  "when somebody does; that is said, and in JSON `later` lists such calls.",
	  .examples = { "hangup", "hangup 2", "hangup all" } },
};
const size_t calls_command_count = ARRAY_LEN(calls_commands);
