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

/* The end of the value that begins `s`: a comma outside of quotes and angle brackets. */
static size_t value_end(struct slice s)
{
	bool quoted = false, bracketed = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
		else if (!quoted && (s.p[i] == '<' || s.p[i] == '>'))
			bracketed = s.p[i] == '<';
		else if (!quoted && !bracketed && s.p[i] == ',')
			return i;
	}
	return s.n;
}

void trace_values_begin(struct trace_values *values, struct slice message, const char *name, char compact)
{
	bool is_list = !strcmp(name, "Via") || !strcmp(name, "Route") || !strcmp(name, "Record-Route");

	*values = (struct trace_values){ .rest = message, .name = name, .compact = compact, .is_list = is_list };
	slice_cut(&values->rest, '\n');
}

/*
 * The value of the next line of this name, with the folded lines that go on with it.
 * @return false: the header is over
 */
static bool next_line(struct trace_values *values, struct slice *value)
{
	struct slice *rest = &values->rest;
	const char *end = rest->p + rest->n;

	while (rest->n) {
		struct slice line = slice_cut(rest, '\n');
		*value = line;
		if (!slice_trim(line).n)
			return false;
		struct slice found = slice_trim(slice_cut(value, ':'));
		if (!value->p || !(slice_ieq(found, slice_of(values->name)) ||
				   (values->compact && found.n == 1 && (found.p[0] | 0x20) == values->compact)))
			continue;
		while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
			slice_cut(rest, '\n');
			value->n = rest->n ? (size_t)(rest->p - value->p) - 1 : (size_t)(end - value->p);
		}
		return true;
	}
	return false;
}

bool trace_values_next(struct trace_values *values, struct slice *value)
{
	for (;;) {
		struct slice *line = &values->line;
		if (!line->n && !next_line(values, line)) {
			values->rest.n = 0;
			return false;
		}
		size_t end = values->is_list ? value_end(*line) : line->n;
		*value = slice_trim(slice_sub(*line, 0, end));
		*line = slice_from(*line, end + 1);
		if (value->n || !values->is_list)
			return true;
	}
}

struct slice trace_header(struct slice message, const char *name, char compact)
{
	struct trace_values values;
	struct slice value;

	trace_values_begin(&values, message, name, compact);
	return trace_values_next(&values, &value) ? value : (struct slice){ 0 };
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
	entry->call_id = trace_header(entry->bytes, "Call-ID", 'i');
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

bool trace_wanted(const struct trace_entry *entry, const struct trace_filter *filter)
{
	if (filter->call_id.n && !slice_eq(entry->call_id, filter->call_id))
		return false;
	if (filter->since_us && entry->unix_us < filter->since_us)
		return false;
	if (filter->match.n && slice_ifind_slice(entry->bytes, filter->match) == entry->bytes.n)
		return false;
	if (!filter->registering.n)
		return true;
	struct slice method = entry->kind == TRACE_MESSAGE ? trace_header(entry->bytes, "CSeq", '\0')
							   : (struct slice){ 0 };
	return slice_ends(method, SLICE(" REGISTER")) &&
	       slice_ifind_slice(trace_header(entry->bytes, "To", 't'), filter->registering) <
		       trace_header(entry->bytes, "To", 't').n;
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

/* A secret within a line: [start, end). @return false: there is none behind *at */
static bool next_secret(struct slice line, struct slice parameter, size_t *at, size_t *end)
{
	size_t found = slice_ifind_slice(slice_from(line, *at), parameter);

	if (*at + found >= line.n)
		return false;
	size_t from = *at + found + parameter.n;
	bool quoted = from < line.n && line.p[from] == '"';
	from += quoted;
	for (*end = from; *end < line.n && !(quoted ? line.p[*end] == '"' : strchr(", \t\r|", line.p[*end]) != NULL);)
		++*end;
	*at = from;
	return true;
}

/* Which part of a line must not be seen: the responses of Digest, all other credentials whole, the keys of SRTP.
 * *credentials tells that the header field of the line above, which may be folded, is one of credentials. */
static bool line_secret(struct slice line, bool *credentials, size_t *at, size_t *end)
{
	/* A folded line belongs to the header above it. */
	if (!*at && line.n && line.p[0] != ' ' && line.p[0] != '\t') {
		struct slice value = line, name = slice_trim(slice_cut(&value, ':'));
		*credentials = slice_ieq(name, SLICE("Authorization")) || slice_ieq(name, SLICE("Proxy-Authorization"));
		value = slice_trim(value);
		if (*credentials && !slice_ibegins(value, SLICE("Digest"))) {
			*at = (size_t)(value.p - line.p) + slice_find(value, ' ');
			*end = line.n;
			return *at < line.n;
		}
	}
	if (*credentials)
		return next_secret(line, SLICE("response="), at, end);
	return slice_ibegins(line, SLICE("a=crypto:")) && next_secret(line, SLICE("inline:"), at, end);
}

/* What a message is, as far as the tables of header fields ask for it. */
struct kind {
	enum sip_method method;
	unsigned status; /* 0: a request */
	bool body;       /* the lines that follow are no header fields */
};

static struct kind kind_of(struct slice message)
{
	struct slice rest = message, line = slice_cut(&rest, '\n'), word = slice_cut(&line, ' ');
	uint64_t status = 0;

	if (!slice_ieq(word, SLICE("SIP/2.0")))
		return (struct kind){ .method = sip_method_find(word) };
	(void)!slice_to_u64(slice_trim(slice_cut(&line, ' ')), 699, &status);
	struct slice cseq = trace_header(message, "CSeq", '\0');
	slice_cut(&cseq, ' ');
	return (struct kind){ .method = sip_method_find(slice_trim(cseq)), .status = (unsigned)status };
}

/* Is this the line of a field that has no place in such a message (RFC 3261 20, tables 2 and 3)? */
static bool is_out_of_place(const struct kind *kind, struct slice line)
{
	struct slice value = line, name = slice_cut(&value, ':');

	if (kind->body || !line.n || line.p[0] == ' ' || line.p[0] == '\t' || !value.p)
		return false;
	return sip_header_presence(sip_header_find(slice_trim(name)), kind->method, kind->status) == '-';
}

void trace_message(const struct trace_entry *entry, bool redact, struct buf *text)
{
	struct slice rest = entry->bytes;
	struct kind kind = kind_of(entry->bytes);
	bool credentials = false, first = true;

	while (rest.n) {
		struct slice line = slice_cut(&rest, '\n');
		size_t done = 0, at = 0, end;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		while (redact && line_secret(line, &credentials, &at, &end)) {
			utf8_clean(text, slice_sub(line, done, at - done), false);
			buf_add(text, SLICE("..."));
			done = at = end;
		}
		utf8_clean(text, slice_from(line, done), false);
		kind.body |= !line.n;
		if (entry->kind == TRACE_MESSAGE && !first && is_out_of_place(&kind, line))
			buf_add(text, entry->sent ? SLICE("   <- has no place here")
						  : SLICE("   <- has no place here, ignored"));
		first = false;
		buf_add_char(text, '\n');
	}
}

void trace_mask(struct slice message, struct buf *to)
{
	struct slice rest = message;
	bool credentials = false;

	while (rest.n) {
		struct slice line = slice_sub(rest, 0, slice_find(rest, '\n'));
		size_t done = 0, at = 0, end;
		while (line_secret(line, &credentials, &at, &end)) {
			if (end == line.n && end > at && line.p[end - 1] == '\r')
				end--;
			buf_add(to, slice_sub(line, done, at - done));
			for (size_t i = at; i < end; i++)
				buf_add_char(to, 'x');
			done = at = end > at ? end : at + 1;
		}
		buf_add(to, slice_from(line, done));
		if (line.n < rest.n)
			buf_add_char(to, '\n');
		rest = slice_from(rest, line.n + 1);
	}
}
