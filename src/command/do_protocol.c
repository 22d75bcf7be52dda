/* The protocol by hand. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>

static enum command_result do_options(struct invocation *invocation)
{
	const char **headers = invocation_headers(invocation);
	uint64_t cursor = events_last(phone_events(invocation->phone));
	unsigned request = 0;
	bool good = phone_options(invocation->phone, slice_of(invocation->values[0]), headers, &request,
				  &invocation->failure);

	free(headers);
	if (!good)
		return COMMAND_FAILED;
	return wait_begin_response(invocation, request, cursor, NULL);
}

static enum command_result do_info(struct invocation *invocation)
{
	const char **headers = invocation_headers(invocation);
	uint64_t cursor = events_last(phone_events(invocation->phone));
	unsigned request = 0, call;
	bool good = invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_ALIVE, &call) &&
		    phone_info(invocation->phone, &call, slice_of(invocation->values[0]),
			       slice_of(invocation->values[1]), headers, &request, &invocation->failure);

	free(headers);
	return good ? wait_begin_response(invocation, request, cursor, NULL) : COMMAND_FAILED;
}

static enum command_result do_request(struct invocation *invocation)
{
	const char **headers = invocation_headers(invocation);
	struct request_words words = { .headers = headers,
				       .type = slice_of(invocation_option(invocation, "type", 0)),
				       .body = slice_of(invocation_option(invocation, "body", 0)) };
	uint64_t cursor = events_last(phone_events(invocation->phone));
	unsigned request = 0;
	bool good = phone_request(invocation->phone, slice_of(invocation->values[0]), slice_of(invocation->values[1]),
				  &words, &request, &invocation->failure);

	free(headers);
	return good ? wait_begin_response(invocation, request, cursor, NULL) : COMMAND_FAILED;
}

static enum command_result do_refer(struct invocation *invocation)
{
	const char *to = invocation_option(invocation, "to", 0);
	const char **headers = invocation_headers(invocation);
	unsigned request = 0;
	bool good = phone_refer(invocation->phone, slice_of(invocation->values[0]), slice_of(to), headers, &request,
				&invocation->failure);

	free(headers);
	if (good) {
		outcomes_add(invocation->runner, (struct sent){ .kind = SENT_REFER, .number = request });
		invocation->result = json_pack("{s:i}", "request", (int)request);
	}
	return invocation_end(invocation, good);
}

#define HEADER_OPTION                                                                                                  \
	{                                                                                                              \
		.name = "header", .kind = ARG_HEADER, .repeats = true, .text = "one more header field of the request"  \
	}

const struct command protocol_commands[] = {
	{ .name = "options",
	  .aliases = "ping",
	  .group = "protocol",
	  .run = do_options,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "whom" } },
	  .options = { { .name = "header",
			 .kind = ARG_HEADER,
			 .repeats = true,
			 .text = "one more header field of the request" } },
	  .summary = "ask a phone or server whether it is there",
	  .text = "Sends OPTIONS and waits for the final answer. Says its code and how long it took; an answer other "
		  "than 2xx, or none, is a failure of status 4.",
	  .examples = { "options sip:bob@biloxi.com" } },
	{ .name = "info",
	  .group = "protocol",
	  .run = do_info,
	  .arguments = { { .name = "TYPE", .kind = ARG_WORD, .text = "the type of the body: application/json" },
			 { .name = "BODY", .kind = ARG_TEXT, .optional = true, .text = "the body" } },
	  .options = { { .name = "call", .kind = ARG_CALL, .text = "the call meant, by its number or id" },
		       HEADER_OPTION },
	  .summary = "send INFO in a call",
	  .text = "Waits for the final answer, as `options` does. Without call= the selected call is meant. BODY takes "
		  "the rest of the line, so options stand before it.",
	  .examples = { "info application/json {\"mood\": \"good\"}", "info text/plain call=2 hello" } },
	{ .name = "request",
	  .group = "protocol",
	  .run = do_request,
	  .arguments = { { .name = "METHOD", .kind = ARG_METHOD, .text = "any but INVITE, ACK, CANCEL" },
			 { .name = "TARGET", .kind = ARG_TARGET, .text = "whom" } },
	  .options = { HEADER_OPTION,
		       { .name = "type", .kind = ARG_WORD, .text = "the type of the body" },
		       { .name = "body", .kind = ARG_WORD, .text = "the body" } },
	  .summary = "send any request outside of calls",
	  .text = "Waits for the final answer, as `options` does.",
	  .examples = { "request PUBLISH sip:alice@atlanta.com header=\"Event: presence\" type=text/plain "
			"body=busy" } },
	{ .name = "refer",
	  .group = "protocol",
	  .run = do_refer,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "who shall call" } },
	  .options = { { .name = "to", .kind = ARG_TARGET, .required = true, .text = "whom it shall call" },
		       HEADER_OPTION },
	  .summary = "ask a phone outside of calls to call someone (REFER)",
	  .text = "Returns at once. The event `refer` tells how it goes; the last one has a final code, or none "
		  "where nothing more was told of it, and a script whose commands are done waits for it: a phone "
		  "that refuses, or whose call fails, is the script's failure (status 4). `transfer` does it in a "
		  "call.",
	  .examples = { "refer sip:desk@atlanta.com to=sip:bob@biloxi.com" } },
};
const size_t protocol_command_count = ARRAY_LEN(protocol_commands);
