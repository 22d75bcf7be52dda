/* What ua.c tells registrations. */
#pragma once

#include "sip/ua/core.h"
#include "sip/ua/registration.h"

/** A connection is gone: bindings that were made over it are made anew. */
void registration_flow_failed(struct ua *ua, enum sip_protocol protocol, const struct address *remote);
/** A NAT shows us under another address to this server. */
void registration_moved(struct ua *ua, const struct address *remote);
