/* What readers of the trace above the phone see: a row of a ladder, and which messages are wanted. */
#pragma once

#include "base/slice.h"

enum ladder_kind {
	LADDER_NAMES,
	LADDER_BARS,
	LADDER_REQUEST,
	LADDER_RESPONSE,
	LADDER_FAILURE,
	LADDER_ARROW,
	LADDER_MEDIA
};
struct ladder_line {
	struct slice text; /* cleaned; lives until the return */
	enum ladder_kind kind;
	uint64_t number; /* of the message that it shows, for phone_trace_message(); 0: none */
};

/* Which messages: all that is given must hold. */
struct message_filter {
	unsigned call;       /* 0: any */
	const char *account; /* the REGISTERs of this account and their answers; NULL: any */
	const char *match;   /* a text in the message, ASCII case ignored; NULL: any */
	int64_t since_us;    /* no older than this; 0: any age */
};

enum capture_rtp { CAPTURE_RTP_OFF, CAPTURE_RTP_HEADERS, CAPTURE_RTP_ALL };
