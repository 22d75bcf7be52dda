/* What ua.c tells notifiers. */
#pragma once

#include "sip/ua/core.h"
#include "sip/ua/notifier.h"

/** For ua_free(). */
void notifier_free_all(struct ua *ua);
