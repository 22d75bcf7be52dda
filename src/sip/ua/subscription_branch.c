/* One dialog of a subscription: how long it lasts, its refreshes, its NOTIFYs. */
#include "base/xmalloc.h"
#include "sip/ua/dialog.h"
#include "sip/ua/subscription_internal.h"

#include <stdio.h>

enum {
	REFRESH_LEAST_S = 2, /* whatever the notifier says, no refresh sooner */
	SHORT_S = 60,        /* subscriptions shorter than this are refreshed at half their time */
	REFER_LASTS_S = 600, /* after each NOTIFY at most: who promises news for a year keeps nobody waiting */
};

/* ---- branches ---- */

static const struct usage_ops branch_ops;

struct branch *branch_new(struct subscription *s, struct dialog *dialog)
{
	struct branch *b = xcalloc(1, sizeof *b);

	b->subscription = s;
	b->number = s->branch_count++;
	b->dialog = dialog;
	b->usage.ops = &branch_ops;
	/* Before a session, which knows nothing of NOTIFY and may be over while this goes on (RFC 5057). */
	list_prepend(&dialog->usages, &b->usage.node);
	list_append(&s->branches, &b->node);
	return b;
}

static void bury_branch(struct mortal *mortal)
{
	struct branch *b = CONTAINER_OF(mortal, struct branch, mortal);

	list_remove(&b->usage.node);
	dialog_free(b->dialog);
	free(b);
}

/* It leaves at once, and its memory at the end of the turn: it may be within its own handler. */
void branch_drop(struct branch *b)
{
	struct timers *timers = subscription_timers(b->subscription);

	timer_stop(timers, &b->due);
	timer_stop(timers, &b->silence);
	timer_stop(timers, &b->expiry);
	if (b->request)
		request_detach(b->request);
	b->request = NULL;
	list_remove(&b->node);
	list_remove(&b->usage.node);
	core_bury(b->subscription->ua, &b->mortal, bury_branch);
	b->subscription = NULL;
}

/* ---- the end ---- */

/* A branch is over; with the last one the subscription is. `state` NULL: no NOTIFY said so, `reason` does. */
static void branch_end(struct branch *b, const struct package_state *state, const struct outcome *outcome,
		       const char *reason)
{
	struct subscription *s = b->subscription;
	char text[PACKAGE_TEXT_MAX];

	branch_drop(b);
	if (!list_empty(&s->branches))
		return;
	if (subscription_timers(s)->now_us - s->begun_us >= SUBSCRIPTION_STEADY_S * SECOND_US)
		s->failures = 0;
	if (state)
		snprintf(text, sizeof text, "%.*s", SLICE_ARG(state->reason));
	int64_t pause_us = -1;
	if (!s->refers && s->expires)
		pause_us = state ? subscription_pause(s, state) : subscription_soon(s);
	subscription_end(s, outcome, state ? text : reason, pause_us);
}

static void end_with(struct branch *b, unsigned status, enum cause cause, const char *reason)
{
	struct outcome outcome = core_outcome(status, cause, ERR_NONE);

	branch_end(b, NULL, &outcome, reason);
}

/* ---- how long it lasts ---- */

static void refresh_due(void *arg)
{
	struct branch *b = arg;

	if (!b->request)
		branch_refresh(b, b->subscription->asked);
}

static void expired(void *arg)
{
	end_with(arg, 408, CAUSE_TIMEOUT, "expired");
}

/* Refresh well before the end, but not all subscribers of a server that was restarted in the same moment. */
static int64_t refresh_us(struct subscription *s, uint32_t seconds)
{
	int64_t us = seconds < SHORT_S
			     ? seconds * SECOND_US / 2
			     : (int64_t)seconds * (SECOND_US / 1000) * (850 + random_below(s->ua->world.random, 51));

	return us > REFRESH_LEAST_S * SECOND_US ? us : REFRESH_LEAST_S * SECOND_US;
}

void branch_set_expiry(struct branch *b, uint32_t seconds)
{
	struct subscription *s = b->subscription;

	if (s->refers && seconds > REFER_LASTS_S)
		seconds = REFER_LASTS_S;
	b->expires_us = subscription_timers(s)->now_us + (int64_t)seconds * SECOND_US;
	timer_start(subscription_timers(s), &b->expiry, (int64_t)seconds * SECOND_US, expired, b);
	/* What REFER made ends by itself; so does what is being ended. */
	if (!s->refers && !s->stopping && s->expires)
		timer_start(subscription_timers(s), &b->due, refresh_us(s, seconds), refresh_due, b);
}

/* ---- refreshes ---- */

static bool refresh_contact(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	const struct subscription *s = ((const struct branch *)arg)->subscription;

	return request_add_contact(s->ua, s->profile, draft, target, slice_of(NULL));
}

static void no_notify(void *arg)
{
	end_with(arg, 408, CAUSE_TIMEOUT, "silent");
}

static void heard(struct branch *b)
{
	b->awaits_notify = false;
	timer_stop(subscription_timers(b->subscription), &b->silence);
}

static int64_t retry_after_us(const struct outcome *outcome)
{
	struct sip_retry_after after;

	if (!outcome->response ||
	    !sip_retry_after_parse(sip_message_value(outcome->response, SIP_HEADER_RETRY_AFTER), &after))
		return 0;
	return (int64_t)after.seconds * SECOND_US;
}

static void refresh_failed(struct branch *b, const struct outcome *outcome)
{
	struct subscription *s = b->subscription;
	int64_t left_us = b->expires_us - subscription_timers(s)->now_us;

	heard(b);
	if (package_is_ended_by(outcome->status) || (s->stopping && outcome->status != 423)) {
		branch_end(b, NULL, outcome, "refused");
		return;
	}
	if (subscription_ask_longer(s, outcome)) {
		branch_refresh(b, s->asked);
		return;
	}
	/* It stands until it expires; there may be time for another try, though not before the notifier wants it. */
	int64_t pause_us = left_us / 2, asked_us = retry_after_us(outcome);
	if (asked_us > pause_us)
		pause_us = asked_us;
	if (left_us > 2 * REFRESH_LEAST_S * SECOND_US && pause_us < left_us)
		timer_start(subscription_timers(s), &b->due, pause_us, refresh_due, b);
}

static void refreshed(struct branch *b, const struct outcome *outcome)
{
	uint32_t seconds;

	b->subscription->too_brief = 0;
	/* 204: no NOTIFY will follow (RFC 5839). */
	if (outcome->status == 204)
		heard(b);
	if (outcome->status == 204 && !b->asking) {
		branch_end(b, NULL, outcome, "unsubscribed");
		return;
	}
	if (b->asking && sip_message_seconds(outcome->response, SIP_HEADER_EXPIRES, &seconds))
		branch_set_expiry(b, seconds);
	else if (b->asking && b->awaits_notify)
		branch_set_expiry(b, b->asking);
}

static void on_refresh(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct branch *b = arg;
	bool again;

	(void)request;
	if (event != REQUEST_FINAL)
		return;
	b->request = NULL;
	again = b->fetch_wanted;
	b->fetch_wanted = false;
	if (b->subscription->stopping && b->asking) {
		heard(b);
		branch_refresh(b, 0);
	} else if (!outcome->response || outcome->status >= 300) {
		refresh_failed(b, outcome);
	} else {
		refreshed(b, outcome);
		if (again && b->subscription)
			branch_refresh(b, b->subscription->asked);
	}
}

void branch_refresh(struct branch *b, uint32_t expires)
{
	struct subscription *s = b->subscription;
	bool strict;
	struct sip_draft *draft = dialog_draft(b->dialog, SLICE("SUBSCRIBE"), &strict);

	timer_stop(subscription_timers(s), &b->due);
	subscription_add_lines(s, draft, expires, true);
	b->asking = expires;
	b->awaits_notify = true;
	timer_start(subscription_timers(s), &b->silence, subscription_timer_n(s), no_notify, b);
	b->request = request_start(s->ua, &(struct request_spec){ .profile = s->profile,
								  .draft = draft,
								  .strict = strict,
								  .others_dialog = !b->dialog->ours,
								  .cseq = &b->dialog->local_cseq,
								  .scope = slice_of(b->dialog->scope),
								  .prepare = refresh_contact,
								  .event = on_refresh,
								  .arg = b });
}

/* ---- NOTIFY ---- */

static void take_state(struct branch *b, const struct package_state *state)
{
	struct subscription *s = b->subscription;

	s->notified = true;
	b->state = state->state;
	heard(b);
	if (state->state == SUBSCRIPTION_TERMINATED)
		return;
	if (state->has_expires)
		branch_set_expiry(b, state->expires);
	else if (!b->expires_us && (s->has_granted || !s->request))
		branch_set_expiry(b, s->has_granted ? s->granted : s->refers ? REFER_LASTS_S : s->asked);
}

/* @return the status that answers it */
unsigned branch_notify(struct branch *b, const struct sip_message *message)
{
	struct subscription *s = b->subscription;
	struct package_state state;
	struct package_event event;

	if (!package_state_of(message, &state))
		return 400;
	s->has_id = package_event_of(message, &event) && event.id.n;
	dialog_refresh(b->dialog, message);
	take_state(b, &state);
	unsigned status = s->handlers.notify ? s->handlers.notify(s->handlers.arg, s, b->number, message, &state) : 0;
	if (b->subscription && state.state == SUBSCRIPTION_TERMINATED) {
		struct outcome outcome = core_outcome(200, CAUSE_NONE, ERR_NONE);
		branch_end(b, &state, &outcome, NULL);
	} else if (b->subscription && s->stopping && !b->request && !s->request && !b->awaits_notify) {
		branch_refresh(b, 0);
	}
	return status ? status : 200;
}

static bool branch_request(struct usage *usage, struct server_transaction *st, struct sip_message *request,
			   const struct sip_source *source)
{
	struct branch *b = CONTAINER_OF(usage, struct branch, usage);
	struct package_event event;

	(void)source;
	if (request->method != SIP_NOTIFY || !package_event_of(request, &event) ||
	    !subscription_is_about(b->subscription, &event))
		return false;
	struct ua *ua = b->subscription->ua;
	core_respond(ua, st, branch_notify(b, request), NULL, NULL);
	return true;
}

static void branch_nothing(struct usage *usage, struct sip_message *message)
{
	(void)usage;
	(void)message;
}

static const struct usage_ops branch_ops = { branch_request, branch_nothing, branch_nothing };

bool branch_is_first(const struct dialog *dialog)
{
	LIST_EACH(&dialog->usages, node)
		if (LIST_ENTRY(node, struct usage, node)->ops == &branch_ops)
			return false;
	return true;
}
