/*
 * What has come about before a script began and holds still: the last that was told of it. `offhook ctl resume` and
 * `offhook ctl wait resumed` are two scripts, and the event is over when the second one begins.
 */
#include "command/internal.h"

#include <string.h>

/* Each of a group takes the place of the others; 0: it tells of a moment, and not of what is so from then on. */
static int group_of(enum event_kind kind)
{
	switch (kind) {
	case EVENT_HELD:
	case EVENT_RESUMED:
		return 1;
	case EVENT_REMOTE_HELD:
	case EVENT_REMOTE_RESUMED:
		return 2;
	case EVENT_FAILED:
	case EVENT_ENDED:
		return 3;
	case EVENT_REGISTERED:
	case EVENT_UNREGISTERED:
	case EVENT_REGISTER_FAILED:
		return 4;
	default:
		return 0;
	}
}

static bool is_same_subject(const struct event *a, const struct event *b)
{
	const char *of_a = event_value(a, "account"), *of_b = event_value(b, "account");

	return a->call == b->call && (a->call || (of_a && of_b && !strcmp(of_a, of_b)));
}

/* Nothing newer is told of whom it was about, nor is that about to change. */
static bool holds_still(struct phone *phone, const struct event *event)
{
	struct events *events = phone_events(phone);
	const char *account = event_value(event, "account");
	const struct event *newer;

	for (uint64_t number = event->number; (newer = events_next(events, number)); number = newer->number)
		if (group_of(newer->kind) == group_of(event->kind) && is_same_subject(newer, event))
			return false;
	return event->call ? !phone_change_under_way(phone, event->call)
			   : account && !phone_account_under_way(phone, account);
}

const struct event *wait_find_earlier(const struct runner *runner)
{
	/* What the phone's state tells (registered, held) is asked there. */
	static const enum event_kind kinds[] = { EVENT_RESUMED, EVENT_REMOTE_HELD, EVENT_REMOTE_RESUMED,
						 EVENT_FAILED,  EVENT_ENDED,       EVENT_UNREGISTERED };
	const struct wait *wait = &runner->wait;
	const struct event *event, *found = NULL;
	bool meant[EVENT_KINDS] = { false }, any = false;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		any |= meant[kinds[i]] = wait->filter.kinds[kinds[i]];
	for (uint64_t number = 0;
	     any && (event = events_next(phone_events(runner->commands->phone), number)) != NULL &&
	     event->number <= runner->begin;
	     number = event->number)
		if (meant[event->kind] && (!event->call || event->call == wait->call) &&
		    filter_matches(&wait->filter, event) && holds_still(runner->commands->phone, event))
			found = event;
	return found;
}
