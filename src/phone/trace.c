#include "phone/trace.h"

#include "base/utf8.h"
#include "base/xmalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

struct trace {
	struct timers *timers;
	struct list entries;
	size_t keep, used;
	uint64_t last;
};

struct trace *trace_new(struct timers *timers, size_t keep)
{
	struct trace *trace = xcalloc(1, sizeof *trace);

	*trace = (struct trace){ .timers = timers, .keep = keep };
	list_init(&trace->entries);
	return trace;
}

static void drop_oldest(struct trace *trace)
{
	struct trace_entry *entry = LIST_ENTRY(list_first(&trace->entries), struct trace_entry, node);

	trace->used -= entry->cost;
	list_remove(&entry->node);
	free(entry);
}

void trace_keep(struct trace *trace, size_t keep)
{
	trace->keep = keep;
	while (trace->used > keep && !list_empty(&trace->entries))
		drop_oldest(trace);
}

void trace_free(struct trace *trace)
{
	while (!list_empty(&trace->entries))
		drop_oldest(trace);
	free(trace);
}

struct slice trace_find_call_id(struct slice message)
{
	struct slice rest = message;

	while (rest.n) {
		struct slice line = slice_cut(&rest, '\n'), value = line;
		if (!slice_trim(line).n)
			break;
		struct slice name = slice_trim(slice_cut(&value, ':'));
		if (value.p && (slice_ieq(name, SLICE("Call-ID")) || slice_ieq(name, SLICE("i"))))
			return slice_trim(value);
	}
	return (struct slice){ 0 };
}

/* The entry's texts stand behind it in one allocation. */
static struct trace_entry *add(struct trace *trace, struct slice call_id, struct slice bytes)
{
	size_t cost = sizeof(struct trace_entry) + bytes.n + call_id.n;
	struct trace_entry *entry = xmalloc(cost);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(entry, 0, sizeof *entry);
	entry->number = ++trace->last;
	entry->time_us = trace->timers->now_us;
	entry->unix_us = (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
	entry->cost = cost;
	if (bytes.n)
		memcpy(entry->memory, bytes.p, bytes.n);
	if (call_id.n)
		memcpy(entry->memory + bytes.n, call_id.p, call_id.n);
	entry->bytes = slice_make(entry->memory, bytes.n);
	entry->call_id = slice_make(entry->memory + bytes.n, call_id.n);
	list_append(&trace->entries, &entry->node);
	trace->used += cost;
	trace_keep(trace, trace->keep);
	/* Larger than the whole ring: nothing is left of it. */
	return list_empty(&trace->entries) ? NULL : entry;
}

void trace_add(struct trace *trace, const struct sip_wire *wire)
{
	struct trace_entry *entry = add(trace, (struct slice){ 0 }, wire->bytes);

	if (!entry)
		return;
	entry->kind = TRACE_MESSAGE;
	entry->sent = wire->sent;
	entry->protocol = wire->protocol;
	entry->local = wire->local;
	entry->remote = wire->remote;
	entry->call_id = trace_find_call_id(entry->bytes);
}

void trace_note(struct trace *trace, enum trace_kind kind, enum sip_protocol protocol, const struct address *remote,
		struct slice call_id, struct slice words)
{
	struct trace_entry *entry = add(trace, call_id, words);

	if (!entry)
		return;
	entry->kind = kind;
	entry->protocol = protocol;
	if (remote)
		entry->remote = *remote;
}

const struct trace_entry *trace_first(const struct trace *trace)
{
	struct list_node *node = list_first(&trace->entries);

	return node ? LIST_ENTRY(node, struct trace_entry, node) : NULL;
}

const struct trace_entry *trace_next(const struct trace *trace, const struct trace_entry *entry)
{
	struct list_node *node = list_next(&trace->entries, &entry->node);

	return node ? LIST_ENTRY(node, struct trace_entry, node) : NULL;
}

const struct trace_entry *trace_latest(const struct trace *trace)
{
	struct list_node *node = list_last(&trace->entries);

	return node ? LIST_ENTRY(node, struct trace_entry, node) : NULL;
}

const struct trace_entry *trace_before(const struct trace *trace, const struct trace_entry *entry)
{
	return entry->node.prev == &trace->entries.head ? NULL : LIST_ENTRY(entry->node.prev, struct trace_entry, node);
}

uint64_t trace_last_number(const struct trace *trace)
{
	return trace->last;
}

/* ---- text ---- */

void trace_time(int64_t unix_us, char text[16])
{
	time_t seconds = (time_t)(unix_us / SECOND_US);
	struct tm tm = { 0 };

	localtime_r(&seconds, &tm);
	snprintf(text, 16, "%02u:%02u:%02u.%03u", (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		 (unsigned)tm.tm_sec % 100, (unsigned)(unix_us / 1000 % 1000));
}

void trace_first_line(const struct trace_entry *entry, struct buf *line)
{
	struct slice rest = entry->bytes, first = slice_cut(&rest, '\n');

	utf8_clean(line, slice_sub(slice_trim(first), 0, 500), false);
}

void trace_heading(const struct trace_entry *entry, struct buf *line)
{
	char time[16], local[ADDRESS_TEXT], remote[ADDRESS_TEXT];

	trace_time(entry->unix_us, time);
	if (entry->kind != TRACE_MESSAGE) {
		buf_printf(line, "%s", time);
		if (address_is_set(&entry->remote))
			buf_printf(line, " %s", address_print(&entry->remote, remote));
		return;
	}
	buf_printf(line, "%s %s %.*s ", time, entry->sent ? "sent" : "received",
		   SLICE_ARG(sip_protocol_name(entry->protocol)));
	buf_printf(line, "%s %s %s", address_print(&entry->local, local), entry->sent ? ">" : "<",
		   address_print(&entry->remote, remote));
}

/* What follows a parameter's name, up to the quote or separator that ends its value, becomes "...". */
static void add_redacted(struct slice line, struct slice parameter, struct buf *text)
{
	size_t at = slice_ifind_slice(line, parameter);

	while (at < line.n) {
		size_t from = at + parameter.n, to;
		bool quoted = from < line.n && line.p[from] == '"';
		for (to = from + quoted;
		     to < line.n && !(quoted ? line.p[to] == '"' : strchr(", \t\r|", line.p[to]) != NULL); to++)
			;
		utf8_clean(text, slice_sub(line, 0, from + quoted), false);
		buf_add(text, SLICE("..."));
		line = slice_from(line, to);
		at = slice_ifind_slice(line, parameter);
	}
	utf8_clean(text, line, false);
}

void trace_message(const struct trace_entry *entry, bool redact, struct buf *text)
{
	struct slice rest = entry->bytes;
	bool secret = false;

	while (rest.n) {
		struct slice line = slice_cut(&rest, '\n'), value = line;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		/* A folded line belongs to the header above it. */
		if (line.n && line.p[0] != ' ' && line.p[0] != '\t') {
			struct slice name = slice_trim(slice_cut(&value, ':'));
			secret = slice_ieq(name, SLICE("Authorization")) ||
				 slice_ieq(name, SLICE("Proxy-Authorization"));
		}
		if (redact && secret)
			add_redacted(line, SLICE("response="), text);
		else if (redact && slice_ibegins(line, SLICE("a=crypto:")))
			add_redacted(line, SLICE("inline:"), text);
		else
			utf8_clean(text, line, false);
		buf_add_char(text, '\n');
	}
}
