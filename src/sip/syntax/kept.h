/*
 * A message that somebody may want to look at later: its bytes alone, which is a tenth of what a parsed message takes.
 * It is read again when it is asked for.
 */
#pragma once

#include "sip/syntax/message.h"

struct sip_kept {
	struct slice bytes;          /* owned; empty: nothing is kept */
	struct sip_message *message; /* once it was asked for */
};

/** Keep a copy of the bytes of this message (NULL: of none) in the place of what was kept. */
void sip_kept_put(struct sip_kept *kept, const struct sip_message *message);
/** The same of what `from` keeps. */
void sip_kept_copy(struct sip_kept *kept, const struct sip_kept *from);
/** NULL: nothing is kept. Borrowed, until something else is put here. */
const struct sip_message *sip_kept_message(struct sip_kept *kept);
void sip_kept_fini(struct sip_kept *kept);
