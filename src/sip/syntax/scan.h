/* Character classes of RFC 3261 section 25.1 and the three answers of every parser. */
#pragma once

#include "base/slice.h"

enum scan {
	SCAN_OK,
	SCAN_MORE, /* well formed so far, but not complete: only for streams */
	SCAN_BAD,
};
