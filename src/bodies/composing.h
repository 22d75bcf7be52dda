/* "Is typing": application/im-iscomposing+xml (RFC 3994). */
#pragma once

#include "bodies/bodies.h"

#define COMPOSING_TYPE "application/im-iscomposing+xml"
enum { COMPOSING_REFRESH_S = 120 }; /* where a document names none (3.3) */

struct composing {
	bool active;
	uint32_t refresh; /* seconds until it counts as idle without another message */
};

enum err composing_read(struct slice body, struct composing *composing) MUST_CHECK;
void composing_write(const struct composing *composing, struct buf *to);
