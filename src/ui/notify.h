/*
 * A call comes in: the bell, a notification of the terminal (OSC 9 or OSC 777), a program (notify.command). Whoever
 * calls says what their name is: it is cleaned, cut, and an argument of its own.
 */
#pragma once

#include "base/buf.h"
#include "ui/output.h"

struct loop;
struct phone;
struct event;
struct notify;
struct notify *notify_new(struct loop *loop, struct phone *phone, struct output *terminal)
	__attribute__((returns_nonnull));
/** Programs that still run are killed. */
void notify_free(struct notify *notify);
/** Tell of an event `incoming`; `terminal`: there is one, and it may be written to. */
void notify_incoming(struct notify *notify, const struct event *event, bool terminal);

/** The bytes that make the terminal show `text`, whose controls and semicolons go. `how` as notify.osc has it: auto, 9,
 * 777, off. */
void notify_osc(const char *how, const char *term, bool tmux, struct slice text, struct buf *to);
/** The words of notify.command: blanks part them, quotes keep together. @return how many, at most `max` */
size_t notify_words(struct slice text, char **words, size_t max);
