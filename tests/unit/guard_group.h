/* One guarded place that all tests of a group share. Define GUARD_ROOM [bytes] before; include cmocka before. */
#pragma once

#include "tests/unit/guard.h"

static struct guard guard;

static int guard_set_up(void **state)
{
	(void)state;
	guard = guard_new(GUARD_ROOM);
	return 0;
}

static int guard_tear_down(void **state)
{
	(void)state;
	guard_free(&guard);
	return 0;
}
