/*
 * A shared library that is opened when it is first needed: few runs of the phone need it, and the loader would spend
 * time and memory on it, and on all that it needs in turn, at the start of each
 * (docs/decisions/0110-libraries-on-demand.md).
 *
 * Who uses one makes a list of its functions, FUNCTIONS(X) with X(name) for each, and of that
 *
 *   struct functions { FUNCTIONS(LIBRARY_MEMBER) };
 *
 * whose members are pointers of the types that the library's header declares.
 */
#pragma once

#include "base/base.h"

#define LIBRARY_MEMBER(name) __typeof__(name) *name;
/* For the list of names that library_open() takes. */
#define LIBRARY_NAME(name) #name,

/**
 * Open the library and find its functions. It stays open until the process ends.
 * @param soname     "libname.so.1": the one whose header was compiled with
 * @param names      NULL behind the last
 * @param functions  room for as many pointers, one behind the other; all or none are found
 * @return false: it is not installed, cannot be opened now, or lacks one of them
 */
bool library_open(const char *soname, const char *const *names, void *functions) MUST_CHECK;
