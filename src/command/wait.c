#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/event_keys.h"
#include "command/internal.h"
#include "command/table.h"
#include "loop/loop.h"

#include <assert.h>
#include <fnmatch.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

/* ---- filters ---- */

bool filter_from(struct event_filter *filter, const struct invocation *invocation, struct slice events, bool with_call,
		 struct failure *failure)
{
	*filter = (struct event_filter){ 0 };
	if (!events_parse(events, filter->kinds, failure))
		return false;
	for (size_t i = 0; i < invocation->option_count; i++) {
		const char *name = invocation->options[i].option->name;
		if (invocation->options[i].option->kind != ARG_PATTERN || (!with_call && !strcmp(name, "call")))
			continue;
		filter->patterns[filter->pattern_count].key = name;
		filter->patterns[filter->pattern_count++].pattern = xstrdup(invocation->options[i].value);
	}
	return true;
}

void filter_fini(struct event_filter *filter)
{
	for (size_t i = 0; i < filter->pattern_count; i++)
		free(filter->patterns[i].pattern);
	filter->pattern_count = 0;
}

bool filter_matches(const struct event_filter *filter, const struct event *event)
{
	if (!filter->kinds[event->kind])
		return false;
	for (size_t i = 0; i < filter->pattern_count; i++) {
		const char *value = event_value(event, filter->patterns[i].key);
		if (fnmatch(filter->patterns[i].pattern, value ? value : "", 0) != 0)
			return false;
	}
	return true;
}

void *event_object(const struct event *event)
{
	json_t *object = json_object();
	time_t seconds = (time_t)(event->unix_us / SECOND_US);
	char time_text[64], day[40];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(time_text, sizeof time_text, "%s.%03dZ", day, (int)(event->unix_us % SECOND_US / 1000));
	json_object_set_new(object, "event", json_string(event_name(event->kind)));
	json_object_set_new(object, "time", json_string(time_text));
	for (size_t i = 0; i < event->field_count; i++) {
		const struct event_field *field = &event->fields[i];
		json_t *value = NULL;
		if (field->is_number)
			value = strchr(field->value, '.') ? json_real(strtod(field->value, NULL))
							  : json_integer(strtoll(field->value, NULL, 10));
		json_object_set_new(object, field->key,
				    value ? value : json_stringn_nocheck(field->value, strlen(field->value)));
	}
	return object;
}

/* ---- which events have satisfied a wait ---- */

enum { USED_BYTES = EVENT_LOG_MAX / 8 };

/* Bits stand for the newest EVENT_LOG_MAX numbers; those of numbers not seen yet are cleared as they come. */
static void see_events(struct runner *runner)
{
	uint64_t last = events_last(phone_events(runner->commands->phone));

	if (!runner->used)
		runner->used = xcalloc(1, USED_BYTES);
	if (last - runner->seen >= EVENT_LOG_MAX)
		memset(runner->used, 0, USED_BYTES);
	else
		for (uint64_t number = runner->seen + 1; number <= last; number++)
			runner->used[number / 8 % USED_BYTES] &= (unsigned char)~(1u << (number % 8));
	runner->seen = last;
}

static bool is_used(const struct runner *runner, uint64_t number)
{
	return runner->used[number / 8 % USED_BYTES] >> (number % 8) & 1;
}

bool wait_has_used(const struct runner *runner, uint64_t number)
{
	return runner->used && is_used(runner, number);
}

static void use(struct runner *runner, uint64_t number)
{
	runner->used[number / 8 % USED_BYTES] |= (unsigned char)(1u << (number % 8));
}

/* ---- what is so already ---- */

static bool pattern_fits(const struct wait *wait, const char *key, const char *value)
{
	for (size_t i = 0; i < wait->filter.pattern_count; i++)
		if (!strcmp(wait->filter.patterns[i].key, key))
			return value && fnmatch(wait->filter.patterns[i].pattern, value, 0) == 0;
	return true;
}

static bool account_matches(const struct wait *wait, const struct account_view *view)
{
	for (size_t i = 0; i < wait->filter.pattern_count; i++) {
		const char *pattern = wait->filter.patterns[i].pattern;
		if (!strcmp(wait->filter.patterns[i].key, "account") && fnmatch(pattern, view->name, 0) &&
		    fnmatch(pattern, view->address, 0))
			return false;
	}
	return true;
}

static bool only_keys(const struct wait *wait, const char *keys)
{
	for (size_t i = 0; i < wait->filter.pattern_count; i++) {
		struct slice list = slice_of(keys), key;
		bool found = false;
		while (!found && table_next_word(&list, &key))
			found = slice_eq(key, slice_of(wait->filter.patterns[i].key));
		if (!found)
			return false;
	}
	return true;
}

/* Every account; free(). */
static struct account_view *accounts_of(const struct phone *phone, size_t *count)
{
	struct account_view *views;
	size_t room = phone_accounts(phone, NULL, 0);

	views = xcalloc(room + 1, sizeof *views);
	*count = phone_accounts(phone, views, room);
	if (*count > room)
		*count = room;
	return views;
}

static bool is_registered(const struct runner *runner)
{
	size_t count;
	struct account_view *views = accounts_of(runner->commands->phone, &count);
	bool found = false;

	for (size_t i = 0; i < count && !found; i++)
		found = !strcmp(views[i].state, "registered") && account_matches(&runner->wait, &views[i]);
	free(views);
	return found && only_keys(&runner->wait, "account");
}

/* Is the call as the event would make it? */
static bool call_is(const struct call_view *view, enum event_kind kind)
{
	bool up = view->state == CALL_ANSWERED || view->state == CALL_HELD;

	switch (kind) {
	case EVENT_ANSWERED:
		return up;
	case EVENT_HELD:
		return up && view->held_by_us;
	case EVENT_MEDIA:
		return up && view->has_media;
	default:
		return false;
	}
}

static bool is_so(struct runner *runner)
{
	const struct wait *wait = &runner->wait;
	struct call_view view;

	if (wait->filter.kinds[EVENT_REGISTERED] && is_registered(runner))
		return true;
	if (!wait->call || !phone_view_call(runner->commands->phone, wait->call, &view) ||
	    !only_keys(wait, "id account direction"))
		return false;
	if (!pattern_fits(wait, "id", view.id) || !pattern_fits(wait, "account", view.account) ||
	    !pattern_fits(wait, "direction", view.incoming ? "in" : "out"))
		return false;
	for (int kind = 0; kind < EVENT_KINDS; kind++)
		if (wait->filter.kinds[kind] && call_is(&view, (enum event_kind)kind))
			return true;
	return false;
}

/* ---- what can never come ---- */

/* Every account that could register (or be removed) has been refused for good, or cannot be reached and is not tried
 * again. */
static bool never_comes(const struct runner *runner, enum event_kind kind, struct failure *failure)
{
	size_t count, dead = 0, meant = 0;
	struct account_view *views = accounts_of(runner->commands->phone, &count);

	for (size_t i = 0; i < count; i++) {
		const struct account_view *view = &views[i];
		if (!account_matches(&runner->wait, view))
			continue;
		meant++;
		if (strcmp(view->state, "failed") || view->retry_s ||
		    (kind == EVENT_UNREGISTERED && !view->removal_failed))
			continue;
		dead++;
		const char *cause = view->cause ? view->cause : "";
		bool refused = !strcmp(cause, "auth") || !strcmp(cause, "refused") || (!cause[0] && view->code);
		fail(failure, refused ? STATUS_REGISTER : STATUS_NETWORK, cause[0] ? cause : "register-failed",
		     kind == EVENT_REGISTERED ? "%s is not registered: %s" : "%s may be registered still: %s",
		     view->address,
		     view->reason && view->reason[0] ? view->reason : "given up");
		failure->sip = view->code;
	}
	free(views);
	return meant && dead == meant;
}

static bool call_event_may_come(const struct runner *runner, enum event_kind kind)
{
	const struct phone *phone = runner->commands->phone;
	struct call_view view;

	/* A recording is whole some moments after its call has ended. */
	if (kind == EVENT_RECORD_DONE && phone_is_writing(phone, runner->wait.call))
		return true;
	if (phone_call_ended(phone, runner->wait.call) || !phone_view_call(phone, runner->wait.call, &view))
		return false;
	bool up = view.state == CALL_ANSWERED || view.state == CALL_HELD;
	return !up ||
	       (kind != EVENT_TRYING && kind != EVENT_RINGING && kind != EVENT_EARLY_MEDIA && kind != EVENT_FAILED);
}

static void fail_with_outcome(struct failure *failure, const struct call_view *view)
{
	struct buf outcome;

	buf_init(&outcome, 1024);
	outcome_text(&outcome, view->code, view->reason, view->cause);
	fail(failure, STATUS_CALL, view->cause && view->cause[0] ? view->cause : "failed", "call %u %s: %s",
	     view->number, view->state == CALL_FAILED ? "failed" : "ended", buf_text(&outcome));
	buf_fini(&outcome);
}

static void call_is_over(struct runner *runner, struct failure *failure)
{
	struct events *events = phone_events(runner->commands->phone);
	const struct event *event, *end = NULL;
	struct call_view view = { .reason = "" };
	unsigned call = runner->wait.call;
	bool known = phone_view_call(runner->commands->phone, call, &view);
	bool says_why = view.reason && view.reason[0] && !view.code; /* "OK" is of its answer */

	for (uint64_t number = runner->begin; (event = events_next(events, number)); number = event->number)
		if (event->call == call && (event->kind == EVENT_FAILED || event->kind == EVENT_ENDED))
			end = event;
	if (end)
		runner_adopt(runner, end);
	if (!known)
		fail(failure, STATUS_CALL, "no-such-call", "there is no call %u", call);
	else if (!phone_call_ended(runner->commands->phone, call))
		fail(failure, STATUS_CALL, "answered", "call %u is up: %s cannot come any more", call,
		     runner->wait.words);
	else if (view.code >= 300 || (view.code && view.state == CALL_FAILED))
		fail_with_outcome(failure, &view);
	else
		fail(failure, STATUS_CALL, "ended", "call %u has %s%s%s", call,
		     view.state == CALL_FAILED ? "failed" : "ended", says_why ? ": " : "", says_why ? view.reason : "");
	failure->sip = view.code >= 300 ? view.code : 0;
}

/* Nothing that is waited for can come any more. */
static bool is_hopeless(struct runner *runner, struct failure *failure)
{
	const struct wait *wait = &runner->wait;
	bool call_events = false;

	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		const struct event_help *help = event_help((enum event_kind)kind);
		if (!wait->filter.kinds[kind])
			continue;
		if (kind == EVENT_REGISTERED || kind == EVENT_UNREGISTERED) {
			if (!never_comes(runner, (enum event_kind)kind, failure))
				return false;
		} else if (kind == EVENT_MESSAGE_SENT) {
			if (!outcomes_last_failed(runner, failure))
				return false;
		} else if (kind == EVENT_TRANSFERRED && wait->call &&
			   outcomes_transfer_failed(runner, wait->call, failure)) {
			continue; /* it says why */
		} else if (kind == EVENT_SUBSCRIBED || kind == EVENT_PUBLISHED || kind == EVENT_UNPUBLISHED) {
			enum event_kind failed =
				kind == EVENT_SUBSCRIBED ? EVENT_SUBSCRIBE_FAILED : EVENT_PUBLISH_FAILED;
			if (!outcomes_given_up(runner, failed, failure))
				return false;
		} else if (help && help->of_call && kind != EVENT_INCOMING && wait->call && !wait->any_call) {
			if (call_event_may_come(runner, (enum event_kind)kind))
				return false;
			call_events = true;
		} else {
			return false;
		}
	}
	if (call_events)
		call_is_over(runner, failure);
	return true;
}

/* ---- the wait itself ---- */

static bool is_meant(const struct wait *wait, const struct event *event)
{
	if (event->call && event->kind != EVENT_INCOMING && wait->call && !wait->any_call && event->call != wait->call)
		return false;
	return filter_matches(&wait->filter, event);
}

/* Look at the events that came since; take the first that is meant. */
static const struct event *find_event(struct runner *runner)
{
	struct events *events = phone_events(runner->commands->phone);
	const struct event *event;

	see_events(runner);
	while ((event = events_next(events, runner->wait.cursor))) {
		runner->wait.cursor = event->number;
		if (is_meant(&runner->wait, event) && !is_used(runner, event->number))
			return event;
	}
	return NULL;
}

static enum command_result wait_fails(struct runner *runner, int status, const char *reason, const char *text)
{
	struct failure *failure = &runner->invocation.failure;

	if (!failure->text[0])
		fail(failure, (enum exit_status)status, reason, "%s", text);
	if (runner->wait.status >= 0)
		failure->status = (enum exit_status)runner->wait.status;
	return COMMAND_FAILED;
}

static enum command_result came(struct runner *runner, const struct event *event)
{
	struct wait *wait = &runner->wait;
	struct buf text;
	enum command_result result;

	if (event) {
		use(runner, event->number);
		runner_adopt(runner, event);
		if (event->call)
			runner->call = event->call;
	}
	if (event && wait->prints) {
		event_sentence(event, runner->invocation.out);
		buf_add_char(runner->invocation.out, '\n');
	}
	if (!wait->negated) {
		runner->invocation.result = event ? event_object(event) : json_object();
		return COMMAND_DONE;
	}
	buf_init(&text, 300);
	buf_printf(&text, "%s came, which was not to come%s", wait->words, event ? ": " : "");
	if (event)
		event_sentence(event, &text);
	result = wait_fails(runner, STATUS_FALSE, "unwanted", buf_text(&text));
	buf_fini(&text);
	return result;
}

/* What the wait is at now; COMMAND_WAITS: nothing yet. */
static enum command_result look(struct runner *runner)
{
	struct wait *wait = &runner->wait;
	const struct event *event = find_event(runner);
	struct failure failure = { 0 };

	if (event || is_so(runner))
		return came(runner, event);
	if (!is_hopeless(runner, &failure))
		return COMMAND_WAITS;
	if (wait->negated)
		return COMMAND_DONE;
	runner->invocation.failure = failure;
	return wait_fails(runner, STATUS_CALL, "", "");
}

/* What keeps the accounts from it so far. */
static void add_registrations(const struct runner *runner, struct buf *text)
{
	size_t count;
	struct account_view *views = accounts_of(runner->commands->phone, &count);

	for (size_t i = 0; i < count; i++) {
		if (!account_matches(&runner->wait, &views[i]) || strcmp(views[i].state, "failed"))
			continue;
		buf_printf(text, "; %s: ", views[i].address);
		outcome_text(text, views[i].code, views[i].reason, views[i].cause);
	}
	free(views);
}

static void timed_out(void *arg)
{
	struct runner *runner = arg;
	struct wait *wait = &runner->wait;
	struct buf text;

	if (wait->kind == WAIT_SLEEP || (wait->kind == WAIT_EVENT && wait->negated)) {
		runner_resume(runner, COMMAND_DONE);
		return;
	}
	buf_init(&text, 300);
	buf_printf(&text, wait->words ? "no '%s' within " : "no %s within ", wait->words ? wait->words : "answer");
	duration_print(&text, wait->within_us);
	if (!wait->within_us)
		buf_printf(&text, ", which looks once and waits for nothing");
	if (wait->kind == WAIT_EVENT && wait->filter.kinds[EVENT_REGISTERED])
		add_registrations(runner, &text);
	if (wait->kind == WAIT_EVENT)
		outcomes_add_failures(runner, &text);
	enum command_result result = wait_fails(runner, STATUS_TIMEOUT, "timeout", buf_text(&text));
	buf_fini(&text);
	runner_resume(runner, result);
}

void wait_begin_timer(struct runner *runner, int64_t us)
{
	runner->wait.within_us = us;
	timer_start(commands_timers(runner->commands), &runner->timer, us, timed_out, runner);
}

void wait_fini(struct runner *runner)
{
	timer_stop(commands_timers(runner->commands), &runner->timer);
	filter_fini(&runner->wait.filter);
	free(runner->wait.words);
	if (runner->wait.devices)
		devices_abandon(runner->wait.devices);
	if (runner->wait.doctor)
		doctor_abandon(runner->wait.doctor);
	loop_child_kill(runner->wait.program);
	runner->wait = (struct wait){ 0 };
}

/* call=2, call=ID or a pattern over all calls. */
static bool wait_call(struct invocation *invocation, struct wait *wait)
{
	struct runner *runner = invocation->runner;
	const char *word = invocation_option(invocation, "call", 0);

	if (!word) {
		wait->call = runner->call;
		return true;
	}
	if (!strcmp(word, "all") || strpbrk(word, "*?[")) {
		wait->any_call = true;
		return true;
	}
	wait->call = phone_find_call(invocation->phone, slice_of(word));
	return wait->call || fail(&invocation->failure, STATUS_CALL, "no-such-call", "there is no call %s", word);
}

enum command_result wait_begin(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;
	struct wait *wait = &runner->wait;
	const char *within = invocation_option(invocation, "within", 0),
		   *status = invocation_option(invocation, "status", 0);
	int64_t within_us = settings_number(phone_settings(invocation->phone), "script.timeout");
	enum command_result result;

	*wait = (struct wait){ .kind = WAIT_EVENT,
			       .negated = invocation->values[0] != NULL,
			       .cursor = runner->begin,
			       .status = status ? (int)strtol(status, NULL, 10) : -1,
			       .words = xstrdup(invocation->values[1]) };
	if (!filter_from(&wait->filter, invocation, slice_of(invocation->values[1]), false, &invocation->failure) ||
	    !wait_call(invocation, wait)) {
		wait_fini(runner);
		return COMMAND_FAILED;
	}
	if (within && !duration_parse(slice_of(within), &within_us))
		within_us = 0;
	bool forever = within ? !strcmp(within, "none") : within_us == 0;
	if (forever && wait->negated) {
		wait_fini(runner);
		return invocation_fail(invocation, STATUS_USAGE, "option", "`wait not` needs an end: within=2s");
	}
	see_events(runner);
	const struct event *earlier = wait->negated ? NULL : wait_find_earlier(runner);
	result = earlier ? came(runner, earlier) : look(runner);
	if (result != COMMAND_WAITS)
		wait_fini(runner);
	else if (!forever)
		wait_begin_timer(runner, within_us);
	return result;
}

enum command_result wait_begin_event(struct invocation *invocation, enum event_kind kind, int64_t within_us)
{
	struct runner *runner = invocation->runner;

	runner->wait = (struct wait){ .kind = WAIT_EVENT,
				      .prints = true,
				      .cursor = events_last(phone_events(invocation->phone)),
				      .status = -1,
				      .words = xstrdup(event_name(kind)) };
	runner->wait.filter.kinds[kind] = true;
	wait_begin_timer(runner, within_us);
	return COMMAND_WAITS;
}

/* The final answer to OPTIONS. */
static enum command_result look_response(struct runner *runner)
{
	struct events *events = phone_events(runner->commands->phone);
	struct wait *wait = &runner->wait;
	struct invocation *invocation = &runner->invocation;
	const struct event *event;

	while ((event = events_next(events, wait->cursor))) {
		const char *request = event_value(event, "request"), *code_text = event_value(event, "code"),
			   *reason = event_value(event, "reason");
		const char *cause = event_value(event, "cause");
		unsigned code = code_text ? (unsigned)strtoul(code_text, NULL, 10) : 0;
		wait->cursor = event->number;
		if (event->kind != EVENT_RESPONSE || !request ||
		    strtoul(request, NULL, 10) != wait->request || (code && code < 200))
			continue;
		const char *duration = event_value(event, "duration"), *server = event_value(event, "server");
		double rtt_ms = duration ? strtod(duration, NULL) * 1000
					 : (double)(commands_timers(runner->commands)->now_us - wait->began_us) / 1000;
		runner_adopt(runner, event);
		if (code >= 200 && code < 300) {
			if (wait->answered) {
				wait->answered(invocation);
				return COMMAND_DONE;
			}
			buf_printf(invocation->out, "%u %s in %.0f ms%s%s\n", code, reason ? reason : "", rtt_ms,
				   server ? ", " : "", server ? server : "");
			invocation->result = json_pack("{s:i, s:s, s:f}", "code", (int)code, "reason",
						       reason ? reason : "", "rtt", rtt_ms);
			return COMMAND_DONE;
		}
		/* The phone writes a code of its own for what never came back. */
		const char *asked = event_value(event, "to");
		bool answered = code && (!cause || !strcmp(cause, "response") || !strcmp(cause, "auth"));
		struct buf outcome;
		buf_init(&outcome, 1024);
		outcome_text(&outcome, code, reason, cause);
		invocation_fail(invocation, STATUS_CALL, cause ? cause : "refused",
				answered ? "%s answered %s" : "%s cannot be asked: %s",
				asked ? asked : invocation->values[0], buf_text(&outcome));
		buf_fini(&outcome);
		invocation->failure.sip = code;
		return COMMAND_FAILED;
	}
	return COMMAND_WAITS;
}

enum command_result wait_begin_response(struct invocation *invocation, unsigned request, uint64_t cursor,
					void (*answered)(struct invocation *invocation))
{
	invocation->runner->wait = (struct wait){ .kind = WAIT_RESPONSE,
						  .request = request,
						  .answered = answered,
						  .cursor = cursor,
						  .status = -1,
						  .began_us = commands_timers(invocation->commands)->now_us };
	return COMMAND_WAITS;
}

void wait_poll(struct runner *runner)
{
	enum command_result result = COMMAND_WAITS;

	if (runner->wait.kind == WAIT_EVENT)
		result = look(runner);
	else if (runner->wait.kind == WAIT_RESPONSE)
		result = look_response(runner);
	else if (runner->wait.kind == WAIT_DOCTOR)
		result = doctor_poll(runner->wait.doctor);
	if (result != COMMAND_WAITS)
		runner_resume(runner, result);
}
