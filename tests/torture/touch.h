/* Ask a message for everything it has: every typed value in every way, the check, the round trip through a draft. */
#pragma once

#include "sip/syntax/message.h"

/** Nothing of it may do harm, whatever the message. Asserts what must hold for any message. */
void touch_message(const struct sip_message *message);
