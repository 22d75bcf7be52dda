/*
 * The world's failures, each once: its name and its sentence. 0 is success. Bugs assert instead,
 * and out of memory aborts.
 */
#pragma once

#include "base/base.h"

#define ERROR_LIST(X)                                                                              \
	X(NONE, "no error")                                                                        \
	X(SYNTAX, "the text is not well formed")                                                   \
	X(TOO_BIG, "too big")                                                                      \
	X(FULL, "no room left")                                                                    \
	X(NOT_FOUND, "not found")                                                                  \
	X(EXISTS, "exists already")                                                                \
	X(STATE, "not possible in the present state")                                              \
	X(RANGE, "outside the permitted range")                                                    \
	X(UNSUPPORTED, "not supported")                                                            \
	X(REFUSED, "refused by the other side")                                                    \
	X(UNREACHABLE, "the network or host cannot be reached")                                    \
	X(RESET, "the connection was closed by the other side")                                    \
	X(TIMEOUT, "no answer in time")                                                            \
	X(DNS, "the name could not be resolved")                                                   \
	X(NAME_SERVER, "no usable answer from the name servers")                                   \
	X(NO_ROUTE, "no transport reaches the target")                                             \
	X(TLS, "the secure connection could not be made")                                          \
	X(AUTH, "the credentials were refused")                                                    \
	X(ADDRESS_IN_USE, "the address is in use by another program")                              \
	X(PERMISSION, "permission denied")                                                         \
	X(READ_ONLY, "the file system is read-only")                                               \
	X(DESCRIPTORS, "too many files and connections are open")                                  \
	X(IO, "input or output failed")                                                            \
	X(DEVICE, "the sound device could not be used")                                            \
	X(MEDIA, "no common media")                                                                \
	X(LIBRARY, "a library that this needs cannot be opened")                                   \
	X(CLOSED, "closed")                                                                        \
	X(INTERNAL, "internal error")

enum err {
#define X(name, text) ERR_##name,
	ERROR_LIST(X)
#undef X
	ERR_COUNT
};

/** One sentence for people, without a full stop; never NULL. */
const char *err_text(enum err err);
/** The name in lower case with hyphens, for JSON ("address-in-use"); never NULL. */
const char *err_name(enum err err);
/** The nearest of ours for an errno value of a socket or file call. */
enum err err_from_errno(int error);
