/* screening: whose calls come through, and where others go: blocked callers, do not disturb, forwarding (302). */
#pragma once

#include "phone/phone.h"

struct call;
struct screening;
struct sip_message;
struct sip_source;

struct screening *screening_new(struct phone *phone);
void screening_free(struct screening *screening);
/** Is who sends this request blocked, by From or by the identity that our own server vouches for (RFC 3325)? Tells it
 * by the event `blocked`. */
bool screening_blocks(struct screening *screening, const struct sip_message *request, const struct sip_source *source);
/** What becomes of a call that has just come in: where it does not ring, its reject_code, refusal and forward_to are
 * set.
 * @return true: nobody shall be disturbed */
bool screening_take(struct screening *screening, struct call *call);
/** Are calls that come while there is another sent on? */
bool screening_forwards_busy(const struct screening *screening);
/** It rings: it is sent on when nobody answers. */
void screening_ringing(struct screening *screening, struct call *call);
/** What `save` writes of it. */
void screening_save(const struct screening *screening, struct buf *to);
