/*
 * What a script has sent, or asked for, must end well: `message`, `refer` and `subscribe` return at once, and a script
 * that has run out of commands waits for the outcome. A failure that no `wait` of it has looked at is the script's.
 */
#include "base/xmalloc.h"
#include "command/internal.h"

#include <stdlib.h>
#include <string.h>

static void sent_fini(struct sent *sent)
{
	free(sent->uri);
	free(sent->package);
}

void outcomes_forget(struct runner *runner)
{
	for (size_t i = 0; i < runner->sent_count; i++)
		sent_fini(&runner->sent[i]);
	free(runner->sent);
	runner->sent = NULL;
	runner->sent_count = 0;
}

void outcomes_add(struct runner *runner, struct sent sent)
{
	/* People see the event and go on. */
	if (runner->keep_going) {
		sent_fini(&sent);
		return;
	}
	runner->sent = xrealloc(runner->sent, (runner->sent_count + 1) * sizeof *runner->sent);
	runner->sent[runner->sent_count++] = sent;
	if (sent.kind == SENT_MESSAGE)
		runner->last_message = sent.number;
}

static bool has_number(const struct event *event, const char *key, unsigned number)
{
	const char *text = event_value(event, key);

	return text && strtoul(text, NULL, 10) == number;
}

static unsigned code_of(const struct event *event)
{
	const char *code = event_value(event, "code");

	return code ? (unsigned)strtoul(code, NULL, 10) : 0;
}

static bool has_text(const struct event *event, const char *key, const char *wanted)
{
	const char *text = event_value(event, key);

	return text && !strcmp(text, wanted);
}

/* The last that is told of it. */
static bool is_outcome(const struct event *event, struct sent sent)
{
	if (sent.kind == SENT_MESSAGE)
		return (event->kind == EVENT_MESSAGE_SENT || event->kind == EVENT_MESSAGE_FAILED) &&
		       has_number(event, "message", sent.number);
	if (sent.kind == SENT_SUBSCRIBE)
		return (event->kind == EVENT_SUBSCRIBED || event->kind == EVENT_SUBSCRIBE_FAILED) &&
		       event->number > sent.since && has_text(event, "from", sent.uri) &&
		       has_text(event, "package", sent.package);
	const char *direction = event_value(event, "direction");
	return event->kind == EVENT_REFER && direction && !strcmp(direction, "out") &&
	       has_number(event, "request", sent.number) && code_of(event) >= 200;
}

static bool went_wrong(const struct event *event)
{
	return event->kind == EVENT_MESSAGE_FAILED || event->kind == EVENT_SUBSCRIBE_FAILED ||
	       (event->kind == EVENT_REFER && code_of(event) >= 300);
}

static const struct event *outcome_of(const struct runner *runner, struct sent sent)
{
	struct events *events = phone_events(runner->commands->phone);
	const struct event *event;

	for (uint64_t number = runner->begin; (event = events_next(events, number)); number = event->number)
		if (is_outcome(event, sent))
			return event;
	return NULL;
}

static void failure_of(const struct event *event, struct failure *failure)
{
	const char *cause = event_value(event, "cause");
	struct buf sentence;

	buf_init(&sentence, sizeof failure->text - 1);
	event_sentence(event, &sentence);
	fail(failure, STATUS_CALL, cause                               ? cause
				 : event->kind == EVENT_MESSAGE_FAILED ? "message-failed"
								       : "refused",
	     "%s", buf_text(&sentence));
	failure->sip = code_of(event);
	buf_fini(&sentence);
}

bool outcomes_last_failed(struct runner *runner, struct failure *failure)
{
	const struct event *event =
		runner->last_message ? outcome_of(runner, (struct sent){ .number = runner->last_message }) : NULL;

	if (!event || event->kind != EVENT_MESSAGE_FAILED || phone_messages_under_way(runner->commands->phone))
		return false;
	failure_of(event, failure);
	runner_adopt(runner, event);
	return true;
}

void outcomes_asked(struct runner *runner)
{
	runner->asked_at = events_last(phone_events(runner->commands->phone));
	runner->has_asked = true;
}

/* Only the last that the script has asked for: an earlier one may have failed while this one goes well. */
bool outcomes_given_up(struct runner *runner, enum event_kind failed, struct failure *failure)
{
	struct events *events = phone_events(runner->commands->phone);
	const struct event *event;

	if (!runner->has_asked)
		return false;
	for (uint64_t number = runner->asked_at; (event = events_next(events, number)); number = event->number) {
		const char *retry = event_value(event, "retry");
		if (event->kind != failed || !retry || strcmp(retry, "0") || wait_has_used(runner, event->number))
			continue;
		failure_of(event, failure);
		runner_adopt(runner, event);
		return true;
	}
	return false;
}

static bool is_under_way(const struct phone *phone, const struct sent *sent)
{
	switch (sent->kind) {
	case SENT_REFER:
		return phone_refers_under_way(phone);
	case SENT_SUBSCRIBE:
		return phone_subscribe_under_way(phone, sent->uri, sent->package);
	default:
		return phone_messages_under_way(phone);
	}
}

void outcomes_settle(struct runner *runner)
{
	const struct phone *phone = runner->commands->phone;
	size_t kept = 0;
	struct failure failure = { 0 };

	for (size_t i = 0; i < runner->sent_count; i++) {
		struct sent sent = runner->sent[i];
		const struct event *event = outcome_of(runner, sent);
		if (!event && is_under_way(phone, &sent)) {
			runner->sent[kept++] = sent;
			continue;
		}
		if (event && went_wrong(event) && !wait_has_used(runner, event->number) && !failure.text[0])
			failure_of(event, &failure);
		sent_fini(&sent);
	}
	runner->sent_count = kept;
	if (failure.text[0])
		runner_fail(runner, "", "", &failure);
}
