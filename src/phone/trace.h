/*
 * trace: the wire bytes of the phone in one ring bounded in bytes; parsed when somebody looks.
 *
 *   trace   the ring, redaction, text
 *   ladder  its layout as a ladder diagram
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
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

/** The value of Call-ID in a message that was not parsed. */
struct slice trace_find_call_id(struct slice message);
/** The first line, cleaned: "INVITE sip:bob@biloxi.com SIP/2.0". */
void trace_first_line(const struct trace_entry *entry, struct buf *line);
/** "10:41:47.002 sent UDP 192.0.2.1:5060 > 192.0.2.4:5060" */
void trace_heading(const struct trace_entry *entry, struct buf *line);
/** The message cleaned for a terminal; credentials left out when `redact`. */
void trace_message(const struct trace_entry *entry, bool redact, struct buf *text);
/** Local time of day "10:41:47.002". */
void trace_time(int64_t unix_us, char text[16]);

struct ladder_options {
	struct slice call_id; /* empty: everything */
	unsigned cols;        /* at most; 40 at least */
	bool ascii;
};
/** Draw what the trace holds. */
void ladder_draw(const struct trace *trace, const struct ladder_options *options, struct buf *out);
