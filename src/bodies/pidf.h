/* Presence: application/pidf+xml (RFC 3863) with the activities of RFC 4480. */
#pragma once

#include "bodies/bodies.h"

#define PIDF_TYPE "application/pidf+xml"

/* What people tell of themselves. */
enum presence { PRESENCE_UNKNOWN, PRESENCE_OFFLINE, PRESENCE_AVAILABLE, PRESENCE_AWAY, PRESENCE_BUSY, PRESENCE_DND };
/** "unknown", "offline", "available", "away", "busy", "dnd" */
const char *presence_name(enum presence presence);
/** @return false: no such word */
bool presence_find(struct slice name, enum presence *presence) MUST_CHECK;

struct pidf {
	enum presence presence;
	char entity[BODY_TEXT_MAX + 1];
	char note[BODY_TEXT_MAX + 1]; /* "back at ten"; "" */
};

/** Of several tuples the most reachable counts. A document without any is PRESENCE_UNKNOWN (3856 6.4: neutral). */
enum err pidf_read(struct slice body, struct pidf *pidf) MUST_CHECK;
/** @param contact  URI; may be empty */
void pidf_write(const struct pidf *pidf, struct slice contact, struct buf *to);
