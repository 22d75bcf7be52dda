/* The protocol by hand. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"

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
};
const size_t protocol_command_count = ARRAY_LEN(protocol_commands);
