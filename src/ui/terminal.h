/*
 * The terminal we are on: raw mode, size, stop and continue, and its restoration whatever happens.
 *
 * One per process. While it is held, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and exit() restore it before they take
 * effect.
 */
#pragma once

#include "base/slice.h"

/** Does TERM name a terminal whose cursor can be moved and that NO front end but lines would insult (not "dumb", not
 * unset)? */
bool terminal_is_capable(void);
/** Does the locale say UTF-8? setlocale() must have been called. */
bool terminal_is_utf8(void);
/**
 * Take the terminal: raw mode on `fd`; `enter` is written now and after a stop, `leave` is written when it is given
 * back. Both are copied. @return false when `fd` is no terminal
 */
bool terminal_take(int fd, const char *enter, const char *leave);
/** Give it back: mode and `leave`. Harmless when it was not taken. */
void terminal_give_back(void);
/** Stop our job as C-z does, with the terminal given back; returns when we are continued, at once where no shell could
 * do that, with the terminal taken again. */
void terminal_stop(void);
/** Continued by SIGCONT after a SIGSTOP from outside: raw mode and `enter` once more. */
void terminal_continue(void);
/** Typed characters are shown by the terminal, or not (passwords in line mode). Only while it is not taken. */
void terminal_echo(int fd, bool on);
/** Rows and columns of `fd`; 24 by 80 when it does not say. @return whether it does */
bool terminal_size(int fd, int *rows, int *cols);
