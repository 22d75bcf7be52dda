/* The voicemail lamp: application/simple-message-summary (RFC 3842). */
#pragma once

#include "bodies/bodies.h"

#define SUMMARY_TYPE "application/simple-message-summary"

struct summary {
	bool waiting;
	bool has_counts; /* a Voice-Message line was there */
	uint32_t fresh, old, urgent_fresh, urgent_old;
	char account[BODY_TEXT_MAX + 1]; /* Message-Account; "" */
};

/** ERR_SYNTAX: no Messages-Waiting line. */
enum err summary_read(struct slice body, struct summary *summary) MUST_CHECK;
