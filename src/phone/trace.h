/*
 * trace: the wire bytes of the phone in one ring bounded in bytes; parsed when somebody looks.
 *
 *   trace   the ring, redaction, text
 *   party   who takes part in it
 *   ladder  its layout as a ladder diagram
 *   capture  it as a file for Wireshark
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "phone/ladder.h"
#include "sip/transport/transport.h"

struct trace;

enum trace_kind { TRACE_MESSAGE, TRACE_NOTE, TRACE_MEDIA };

struct trace_entry {
	struct list_node node;
	uint64_t number;
	enum trace_kind kind;
	int64_t time_us, unix_us; /* loop clock, wall clock */
	bool sent;
	enum sip_protocol protocol;
	struct address local, remote;
	struct slice call_id; /* raw; found when the entry was made; notes bear it too */
	struct slice bytes;   /* the message, or the words of a note */
	size_t cost;
	char memory[];
};

/** `keep` bytes at most. */
struct trace *trace_new(struct timers *timers, size_t keep);
void trace_free(struct trace *trace);
void trace_keep(struct trace *trace, size_t keep);
void trace_add(struct trace *trace, const struct sip_wire *wire);
/** Something that is no message: "port unreachable", or the begin of sound (TRACE_MEDIA, with the codec). */
void trace_note(struct trace *trace, enum trace_kind kind, enum sip_protocol protocol, const struct address *remote,
		struct slice call_id, struct slice words);
const struct trace_entry *trace_first(const struct trace *trace);
const struct trace_entry *trace_next(const struct trace *trace, const struct trace_entry *entry);
/** The newest, and the one before an entry. */
const struct trace_entry *trace_latest(const struct trace *trace);
const struct trace_entry *trace_before(const struct trace *trace, const struct trace_entry *entry);
uint64_t trace_last_number(const struct trace *trace);

/**
 * The values of a header field in a message that was not parsed, one after the other: of Via, Route and Record-Route
 * each value, of others each line. A message may have thousands of them, so they are found in one walk.
 */
struct trace_values {
	struct slice rest, line; /* of the header, of the present line */
	const char *name;
	char compact;
	bool is_list;
};

/** `compact`: the short form of the name in lower case, NUL for none. `name` is kept, not copied. */
void trace_values_begin(struct trace_values *values, struct slice message, const char *name, char compact);
/** @return false: there are no more */
bool trace_values_next(struct trace_values *values, struct slice *value);
/** The first value. Empty: there is none. */
struct slice trace_header(struct slice message, const char *name, char compact);
/** The first line, cleaned: "INVITE sip:bob@biloxi.com SIP/2.0". */
void trace_first_line(const struct trace_entry *entry, struct buf *line);
/** "10:41:47.002 sent UDP 192.0.2.1:5060 > 192.0.2.4:5060" */
void trace_heading(const struct trace_entry *entry, struct buf *line);
/** The message as bytes of the same length, with `x` for credentials and keys. */
void trace_mask(struct slice message, struct buf *to);
/**
 * The message cleaned for a terminal; credentials left out when `redact`. Header fields that have no place in such a
 * message (RFC 3261 20) are marked.
 */
void trace_message(const struct trace_entry *entry, bool redact, struct buf *text);
/** Local time of day "10:41:47.002". */
void trace_time(int64_t unix_us, char text[16]);

/* Which entries: all that is given must hold. */
struct trace_filter {
	struct slice call_id;     /* empty: any */
	struct slice registering; /* "alice@atlanta.com": its REGISTERs and their answers; empty: any */
	struct slice match;       /* text in the message, ASCII case ignored; empty: any */
	int64_t since_us;         /* not older, wall clock; 0: any age */
};
bool trace_wanted(const struct trace_entry *entry, const struct trace_filter *filter);

struct ladder_options {
	const struct trace_filter *filter;
	unsigned cols; /* at most; 40 at least */
	bool ascii;
	void (*each)(void *arg, const struct ladder_line *line);
	void *arg;
};
/** Draw what the trace holds, the newest 4000 entries of it. */
void ladder_draw(const struct trace *trace, const struct ladder_options *options);
