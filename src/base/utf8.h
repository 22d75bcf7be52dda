/* Is it UTF-8, and what of it may be shown: text from the network never reaches a terminal raw. */
#pragma once

#include "base/buf.h"

/** Well-formed UTF-8 without surrogates and overlong forms? */
bool utf8_valid(struct slice s);
/**
 * Decode the character at the start of `s` (s.n > 0).
 * @return its bytes (1 to 4) with *point set; 0 when it is malformed
 */
size_t utf8_decode(struct slice s, uint32_t *point);
/** The first `max` bytes of `s` at most, cut between characters; malformed bytes are characters too. */
struct slice utf8_cut(struct slice s, size_t max);
/** Keep `s` as a C string in `to`, which has room for `room` bytes (> 0): what does not fit is cut by utf8_cut(). */
void utf8_keep(char *to, size_t room, struct slice s);
/**
 * Add `s` made harmless: C0 and C1 controls, DEL, bidi and zero-width controls and malformed bytes become '?',
 * CR and LF too unless `lines`, which keeps LF. Joiners stay in the scripts that need them, are left out between
 * pictographs (terminals differ on the width of joined ones), and become '?' elsewhere.
 * What finds no room sets `full`, and nothing is added to a full buffer.
 */
void utf8_clean(struct buf *to, struct slice s, bool lines);
/** The same as a C string owned by the caller. */
char *utf8_clean_dup(struct slice s);
