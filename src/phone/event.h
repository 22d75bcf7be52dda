/*
 * Events: one numbered log, bounded. Whatever happens is appended; scripts, handlers, screen and JSON read it by cursor
 * at the end of the turn.
 */
#pragma once

#include "base/buf.h"

/* events.def rows: EVENT(IDENT, "name")  for every event of the command language */
enum event_kind {
#define EVENT(ident, name) EVENT_##ident,
#include "phone/events.def"
#undef EVENT
	EVENT_KINDS
};
const char *event_name(enum event_kind kind);
bool event_find(struct slice name, enum event_kind *kind);

enum { EVENT_FIELDS_MAX = 24, EVENT_LOG_MAX = 16384 };

struct event_field {
	const char *key; /* static text: "call", "code" ... */
	char *value;     /* cleaned UTF-8 */
	bool is_number;  /* JSON writes it bare */
};

struct event {
	uint64_t number; /* 1 first */
	int64_t unix_us; /* wall clock */
	enum event_kind kind;
	unsigned call; /* 0: no call's */
	struct event_field fields[EVENT_FIELDS_MAX];
	size_t field_count;
};

struct events;
struct events *events_new(void);
void events_free(struct events *events);
/** Append. The fields follow by event_text/event_number, before anything else happens. Borrowed. */
struct event *events_add(struct events *events, enum event_kind kind, unsigned call);
/** A field; raw bytes are cleaned here; empty values are kept out. */
void event_text(struct event *event, const char *key, struct slice value);
/** The same for a text that may have lines: each end of one, and each tab, is a blank, since events are read line by
 * line. */
void event_lines(struct event *event, const char *key, struct slice value);
void event_number(struct event *event, const char *key, double value);
/** The value of a field or NULL. */
const char *event_value(const struct event *event, const char *key);
/** The number of the newest event, 0 before the first. */
uint64_t events_last(const struct events *events);
/** The first event numbered above `after`, or NULL; a reader that fell behind the log's bound goes on with the oldest
 * kept. */
const struct event *events_next(const struct events *events, uint64_t after);
/** "call 1: answered by Bob <sip:bob@biloxi.com> (opus)": one line in words. */
void event_sentence(const struct event *event, struct buf *line);
/** That the echo test is silent because we are, and what helps; microphone: "none" or "lost" */
void silent_echo_sentence(const char *microphone, struct buf *out);
/** "00:12", "1:02:03": how long something took, everywhere the same. */
void duration_text(struct buf *to, double seconds);
/** "486 Busy Here", or when nobody has said a code (no such host, no answer, no way there) the reason alone. Any may be
 * NULL or 0. */
void outcome_text(struct buf *to, unsigned code, const char *reason, const char *cause);
