/* Base 64 (RFC 4648 4). */
#pragma once

#include "base/buf.h"

/** Append the text of `n` bytes, padded. */
void base64_print(struct buf *to, const void *bytes, size_t n);
/**
 * Read a whole text; padding may be left out, nothing else may stand in it.
 * @param room  [bytes] of `bytes`
 * @param n     [bytes] how many were written; may be NULL
 * @return false: another character, bits that are no whole byte, or too long for `room`
 */
bool base64_read(struct slice text, void *bytes, size_t room, size_t *n) MUST_CHECK;
