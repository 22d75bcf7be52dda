/* The hash functions of digest, behind a face of our own: the library's names and those of base/error.h do not go
 * together. */
#pragma once

#include "base/slice.h"

enum hash_kind { HASH_MD5, HASH_SHA256, HASH_SHA512_256 };

enum { HASH_HEX_MAX = 2 * 32 + 1 }; /* 32 bytes in hexadecimal digits and a NUL */

/** The hash of `bytes` in lower-case hexadecimal digits; empty when the library refuses the function (MD5 where policy
 * forbids it). */
void hash_hex(enum hash_kind kind, struct slice bytes, char hex[HASH_HEX_MAX]);
/** Overwrite a secret so that the compiler cannot leave it out. */
void hash_wipe(void *secret, size_t n);
