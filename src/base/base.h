/*
 * base: what C lacks. Needs libc only; every other floor stands on it.
 *
 *   slice    text as pointer and length, never owned
 *   xmalloc  allocation that cannot fail
 *   arena    many small allocations, freed together
 *   buf      growing buffer with a mandatory maximum
 *   library  a shared library opened when it is first needed
 *   list     intrusive doubly linked list
 *   map      intrusive hash map with slice keys, keyed hash
 *   error    every failure of the world once: name, sentence
 *   log      levelled lines to a sink chosen by the owner
 *   random   tags, branches and keys that cannot be guessed; seedable in tests
 *   timer    timers on an injected clock
 *   ring     single producer, single consumer queue of fixed records
 *   address  IPv4 and IPv6 address with port
 *   base64   bytes as text and back
 *   utf8     is it UTF-8; what of it may be shown
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MS_US INT64_C(1000)
#define SECOND_US INT64_C(1000000)
