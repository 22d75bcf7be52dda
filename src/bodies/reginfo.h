/* Who is registered where: application/reginfo+xml (RFC 3680). */
#pragma once

#include "bodies/bodies.h"

#define REGINFO_TYPE "application/reginfo+xml"

enum { REGINFO_CONTACTS_MAX = 32 };

struct reginfo_contact {
	char uri[BODY_TEXT_MAX + 1];
	char event[32]; /* "registered", "expired", "deactivated" ... */
	bool active;
};

struct reginfo {
	uint32_t version;
	bool full, active; /* active: the address is registered; of several registrations the last counts */
	char aor[BODY_TEXT_MAX + 1];
	struct reginfo_contact contacts[REGINFO_CONTACTS_MAX];
	size_t count;
};

enum err reginfo_read(struct slice body, struct reginfo *reginfo) MUST_CHECK;
