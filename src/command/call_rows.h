/* call_rows: arguments and options that rows about calls share. */
#pragma once

#include "command/command.h"

#define CALL_OPTION                                                                                                    \
	{                                                                                                              \
		.name = "call", .kind = ARG_CALL, .text = "the call meant, by its number or id"                        \
	}
#define ONE_CALL                                                                                                       \
	{                                                                                                              \
		.name = "CALL", .kind = ARG_CALL, .optional = true, .text = "a call's number or id"                    \
	}

/* Of what makes us send something in a call: invocation_say_also() reads them. */
#define SENDING_OPTIONS                                                                                                \
	{ .name = "header", .kind = ARG_HEADER, .repeats = true, .text = "one more header field of what is sent" },    \
	{ .name = "type", .kind = ARG_WORD, .text = "the type of body=" },                                             \
	{ .name = "body", .kind = ARG_WORD, .text = "a body for what is sent, beside the session description" }
