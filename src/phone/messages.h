/* messages: MESSAGE out and in (RFC 3428), "is typing" (RFC 3994). */
#pragma once

#include "phone/message_store.h"
#include "phone/phone.h"

struct messages;
struct sip_message;
struct sip_source;

struct messages *messages_new(struct phone *phone);
void messages_free(struct messages *messages);
/** A MESSAGE came. @return the status that answers it */
unsigned messages_take(struct messages *messages, const struct sip_message *request, const struct sip_source *source);
/** Is one of ours still without its outcome? */
bool messages_wait(const struct messages *messages);
