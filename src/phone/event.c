#include "phone/event.h"

#include "base/utf8.h"
#include "base/xmalloc.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events {
	struct event **ring; /* grows to EVENT_LOG_MAX places, then the oldest goes */
	size_t room;
	uint64_t last;
};

enum { VALUE_MAX = 8192, FIRST_ROOM = 64 };

static const char *const names[EVENT_KINDS] = {
#define EVENT(ident, name) [EVENT_##ident] = name,
#include "phone/events.def"
#undef EVENT
};

const char *event_name(enum event_kind kind)
{
	return kind < EVENT_KINDS ? names[kind] : "";
}

bool event_find(struct slice name, enum event_kind *kind)
{
	for (size_t i = 0; i < EVENT_KINDS; i++)
		if (slice_eq(name, slice_of(names[i]))) {
			*kind = (enum event_kind)i;
			return true;
		}
	return false;
}

struct events *events_new(void)
{
	struct events *events = xcalloc(1, sizeof *events);

	events->room = FIRST_ROOM;
	events->ring = xcalloc(events->room, sizeof(struct event *));
	return events;
}

static void event_free(struct event *event)
{
	if (!event)
		return;
	for (size_t i = 0; i < event->field_count; i++)
		free(event->fields[i].value);
	free(event);
}

void events_free(struct events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < events->room; i++)
		event_free(events->ring[i]);
	free(events->ring);
	free(events);
}

/* Number n stands at (n - 1) % room, so that a full log overwrites its oldest. */
static void grow(struct events *events)
{
	size_t room = events->room * 2;
	struct event **ring = xcalloc(room, sizeof(struct event *));

	for (size_t i = 0; i < events->room; i++)
		if (events->ring[i])
			ring[(events->ring[i]->number - 1) % room] = events->ring[i];
	free(events->ring);
	events->ring = ring;
	events->room = room;
}

struct event *events_add(struct events *events, enum event_kind kind, unsigned call)
{
	struct event *event = xcalloc(1, sizeof *event);
	struct timespec now;

	assert(kind < EVENT_KINDS);
	if (events->last >= events->room && events->room < EVENT_LOG_MAX)
		grow(events);
	clock_gettime(CLOCK_REALTIME, &now);
	event->number = ++events->last;
	event->unix_us = (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
	event->kind = kind;
	event->call = call;
	struct event **place = &events->ring[(event->number - 1) % events->room];
	event_free(*place);
	*place = event;
	if (call)
		event_number(event, "call", call);
	return event;
}

static void add_field(struct event *event, const char *key, char *value, bool is_number)
{
	assert(event->field_count < EVENT_FIELDS_MAX);
	event->fields[event->field_count++] =
		(struct event_field){ .key = key, .value = value, .is_number = is_number };
}

void event_text(struct event *event, const char *key, struct slice value)
{
	if (value.n)
		add_field(event, key, utf8_clean_dup(utf8_cut(value, VALUE_MAX)), false);
}

void event_lines(struct event *event, const char *key, struct slice value)
{
	struct buf line;

	value = slice_trim(value);
	buf_init(&line, value.n + 1);
	for (size_t i = 0; i < value.n; i++) {
		bool crlf = value.p[i] == '\r' && i + 1 < value.n && value.p[i + 1] == '\n';
		if (!crlf)
			buf_add_char(&line, strchr("\r\n\t", value.p[i]) && value.p[i] ? ' ' : value.p[i]);
	}
	event_text(event, key, buf_slice(&line));
	buf_fini(&line);
}

void event_number(struct event *event, const char *key, double value)
{
	char text[1 + DECIMAL_ROOM] = "-";

	if (!isfinite(value))
		value = 0;
	/* Without the zeros of a fraction, so that `code=200` matches. */
	if (fabs(value) < 1e15 && value == floor(value)) {
		decimal_print((uint64_t)fabs(value), text + 1);
		add_field(event, key, xstrdup(value < 0 ? text : text + 1), true);
		return;
	}
	add_field(event, key, xasprintf("%.3f", value), true);
}

const char *event_value(const struct event *event, const char *key)
{
	for (size_t i = 0; i < event->field_count; i++)
		if (!strcmp(event->fields[i].key, key))
			return event->fields[i].value;
	return NULL;
}

uint64_t events_last(const struct events *events)
{
	return events->last;
}

const struct event *events_next(const struct events *events, uint64_t after)
{
	if (after >= events->last)
		return NULL;
	uint64_t oldest = events->last > events->room ? events->last - events->room + 1 : 1;
	uint64_t number = after + 1 < oldest ? oldest : after + 1;
	return events->ring[(number - 1) % events->room];
}
