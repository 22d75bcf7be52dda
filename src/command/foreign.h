/* foreign: what the commands of other phones are called here, for people who come from one. */
#pragma once

#include "base/buf.h"

/**
 * Print what the word is elsewhere and here: "; baresip's `x` is `hold` here, pjsua's `transfer`". A leading slash does
 * not count.
 * @return false: no other phone that we know has it, and nothing is printed
 */
bool foreign_print(struct slice word, struct buf *to);
