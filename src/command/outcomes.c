/*
 * What a script has sent, or asked for, must end well: `message`, `refer`, `subscribe`, `publish`, `register`, `hold`
 * and their like return at once, and a script that has run out of commands waits for the outcome. A failure that no
 * `wait` of it has looked at is the script's.
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
	if (sent.kind == SENT_MESSAGE)
		runner->last_message = sent.number;
	/* People see the event and go on. */
	if (runner->keep_going) {
		sent_fini(&sent);
		return;
	}
	sent.forgiven = runner->bound.go_on || (runner->current && runner->current->go_on);
	runner->sent = xrealloc(runner->sent, (runner->sent_count + 1) * sizeof *runner->sent);
	runner->sent[runner->sent_count++] = sent;
}

void outcomes_add_call(struct runner *runner, enum sent_kind kind, unsigned call, uint64_t since)
{
	outcomes_add(runner, (struct sent){ .kind = kind, .number = call, .since = since });
}

void outcomes_add_account(struct runner *runner, enum sent_kind kind, const char *account, uint64_t since)
{
	outcomes_add(runner, (struct sent){ .kind = kind, .uri = xstrdup(account), .since = since });
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

/* Which events tell how each ends. */
static const struct { enum event_kind good, bad; } ends[] = {
	[SENT_MESSAGE] = { EVENT_MESSAGE_SENT, EVENT_MESSAGE_FAILED },
	[SENT_REFER] = { EVENT_REFER, EVENT_REFER },
	[SENT_SUBSCRIBE] = { EVENT_SUBSCRIBED, EVENT_SUBSCRIBE_FAILED },
	[SENT_PUBLISH] = { EVENT_PUBLISHED, EVENT_PUBLISH_FAILED },
	[SENT_UNPUBLISH] = { EVENT_UNPUBLISHED, EVENT_PUBLISH_FAILED },
	[SENT_REGISTER] = { EVENT_REGISTERED, EVENT_REGISTER_FAILED },
	[SENT_UNREGISTER] = { EVENT_UNREGISTERED, EVENT_REGISTER_FAILED },
	[SENT_HOLD] = { EVENT_HELD, EVENT_REINVITE },
	[SENT_RESUME] = { EVENT_RESUMED, EVENT_REINVITE },
	[SENT_REINVITE] = { EVENT_REINVITE, EVENT_REINVITE },
	[SENT_UPDATE] = { EVENT_UPDATE, EVENT_UPDATE },
	[SENT_TRANSFER] = { EVENT_TRANSFERRED, EVENT_TRANSFER_FAILED },
	[SENT_DIGITS] = { EVENT_KINDS, EVENT_KINDS },
};

/* A change of a call by us, of which a code tells; what the session timer does is none. */
static bool is_our_change(const struct event *event, struct sent sent)
{
	return has_text(event, "direction", "out") && !event_value(event, "refresh") &&
	       (event->kind == ends[sent.kind].good || code_of(event) >= 300);
}

/* The last that is told of it. */
static bool is_outcome(const struct event *event, struct sent sent)
{
	if ((event->kind != ends[sent.kind].good && event->kind != ends[sent.kind].bad) || event->number <= sent.since)
		return false;
	switch (sent.kind) {
	case SENT_MESSAGE:
		return has_number(event, "message", sent.number);
	case SENT_REFER:
		return has_text(event, "direction", "out") && has_number(event, "request", sent.number) &&
		       (code_of(event) >= 200 || !event_value(event, "code"));
	case SENT_SUBSCRIBE:
		return has_text(event, "from", sent.uri) && has_text(event, "package", sent.package);
	case SENT_PUBLISH:
	case SENT_UNPUBLISH:
	case SENT_REGISTER:
	case SENT_UNREGISTER:
		return has_text(event, "account", sent.uri);
	case SENT_TRANSFER:
		return event->call == sent.number && has_text(event, "by", "us");
	default:
		return event->call == sent.number && (event->kind == EVENT_HELD || event->kind == EVENT_RESUMED ||
						      is_our_change(event, sent));
	}
}

static bool went_wrong(const struct event *event)
{
	switch (event->kind) {
	case EVENT_MESSAGE_FAILED:
	case EVENT_SUBSCRIBE_FAILED:
	case EVENT_PUBLISH_FAILED:
	case EVENT_REGISTER_FAILED:
	case EVENT_TRANSFER_FAILED:
		return true;
	case EVENT_REFER:
		return code_of(event) >= 300 || !event_value(event, "code");
	case EVENT_REINVITE:
	case EVENT_UPDATE:
		return code_of(event) >= 300;
	default:
		return false;
	}
}

/* A registrar that refuses, or that cannot be reached, has a status of its own. */
static enum exit_status status_of(const struct event *event)
{
	bool refused = has_text(event, "cause", "auth") || has_text(event, "cause", "refused");

	return event->kind != EVENT_REGISTER_FAILED ? STATUS_CALL : refused ? STATUS_REGISTER : STATUS_NETWORK;
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
	fail(failure, status_of(event), cause                          ? cause
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

bool outcomes_transfer_failed(struct runner *runner, unsigned call, struct failure *failure)
{
	struct phone *phone = runner->commands->phone;
	const struct event *event, *last = NULL;

	for (uint64_t number = runner->begin; (event = events_next(phone_events(phone), number));
	     number = event->number)
		if ((event->kind == EVENT_TRANSFERRED || event->kind == EVENT_TRANSFER_FAILED) && event->call == call &&
		    has_text(event, "by", "us"))
			last = event;
	if (!last || last->kind != EVENT_TRANSFER_FAILED || wait_has_used(runner, last->number) ||
	    phone_change_under_way(phone, call))
		return false;
	failure_of(last, failure);
	runner_adopt(runner, last);
	return true;
}

static const struct event *last_of(const struct runner *runner, enum event_kind kind)
{
	struct events *events = phone_events(runner->commands->phone);
	const struct event *event, *last = NULL;

	for (uint64_t number = runner->begin; (event = events_next(events, number)); number = event->number)
		if (event->kind == kind)
			last = event;
	return last;
}

void outcomes_add_failures(const struct runner *runner, struct buf *text)
{
	static const enum sent_kind kinds[] = { SENT_SUBSCRIBE, SENT_PUBLISH };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		bool meant = runner->wait.filter.kinds[ends[kinds[i]].good];
		const struct event *event = meant ? last_of(runner, ends[kinds[i]].bad) : NULL;
		if (!event)
			continue;
		buf_printf(text, "; ");
		event_sentence(event, text);
	}
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

/* @param failure  filled where no event will ever tell that it came to nothing */
static bool is_under_way(const struct phone *phone, const struct sent *sent, struct failure *failure)
{
	bool stuck = false;

	switch (sent->kind) {
	case SENT_REFER:
		return phone_refers_under_way(phone);
	case SENT_SUBSCRIBE:
		return phone_subscribe_under_way(phone, sent->uri, sent->package);
	case SENT_PUBLISH:
	case SENT_UNPUBLISH:
		return phone_publish_under_way(phone, sent->uri);
	case SENT_REGISTER:
	case SENT_UNREGISTER:
		return phone_account_under_way(phone, sent->uri);
	case SENT_HOLD:
	case SENT_RESUME:
	case SENT_REINVITE:
	case SENT_UPDATE:
	case SENT_TRANSFER:
		return phone_change_under_way(phone, sent->number);
	case SENT_DIGITS:
		if (phone_digits_under_way(phone, sent->number, &stuck))
			return true;
		return stuck && fail(failure, STATUS_CALL, "state",
				     "call %u: not all digits were sent: no sound of ours leaves, it is on hold",
				     sent->number);
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
		struct failure stuck = { 0 };
		if (!event && is_under_way(phone, &sent, &stuck)) {
			runner->sent[kept++] = sent;
			continue;
		}
		if (stuck.text[0] && !sent.forgiven && !failure.text[0])
			failure = stuck;
		if (event && went_wrong(event) && !sent.forgiven && !wait_has_used(runner, event->number) &&
		    !failure.text[0])
			failure_of(event, &failure);
		sent_fini(&sent);
	}
	runner->sent_count = kept;
	if (failure.text[0])
		runner_fail(runner, "", "", &failure);
}
