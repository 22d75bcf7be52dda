/* What ua.c tells registrations. */
#pragma once

#include "sip/ua/core.h"
#include "sip/ua/registration.h"

/** A connection is gone: bindings that were made over it are made anew. */
void registration_flow_failed(struct ua *ua, enum sip_protocol protocol, const struct address *remote);
