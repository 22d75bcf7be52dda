#include "sip/ua/subscription.h"

#include "base/xmalloc.h"
#include "sip/ua/dialog.h"
#include "sip/ua/subscription_internal.h"

#include <stdio.h>

enum {
	BRANCHES_MAX = 8, /* dialogs of one forked SUBSCRIBE */
	RETRY_MIN_S = 30,
	RETRY_SILENT_S = 5 * 60, /* 2xx without NOTIFY: a server that will not learn it in half a minute */
	RETRY_MAX_S = 60 * 60,   /* pauses double up to here, and no Retry-After counts beyond */
	TOO_BRIEF_MAX = 2,       /* 423 in a row */
};

/* ---- the end of an attempt, and the next ---- */

static void begin(struct subscription *s);

static void begin_again(void *arg)
{
	begin(arg);
}

static void clear_attempt(struct subscription *s)
{
	timer_stop(subscription_timers(s), &s->silence);
	if (s->request)
		request_detach(s->request);
	s->request = NULL;
	LIST_EACH(&s->branches, node)
		branch_drop(LIST_ENTRY(node, struct branch, node));
	free(s->call_id);
	free(s->tag);
	free(s->local);
	free(s->scope);
	s->call_id = s->tag = s->local = s->scope = NULL;
	s->open = s->notified = s->has_granted = false;
	s->branch_count = 0;
}

static int64_t back_off(struct subscription *s, uint32_t least)
{
	uint32_t seconds = s->failures < 8 ? least << s->failures : RETRY_MAX_S;

	s->failures++;
	seconds = seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S;
	return seconds * SECOND_US + random_below(s->ua->world.random, seconds * 100) * MS_US;
}

static int64_t not_before(uint32_t seconds, int64_t pause_us)
{
	int64_t us = (int64_t)(seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S) * SECOND_US;

	return us > pause_us ? us : pause_us;
}

/* At once, unless it has just been tried: who ends each subscription as soon as it was made must not keep us busy. */
int64_t subscription_soon(struct subscription *s)
{
	return s->failures++ ? back_off(s, RETRY_MIN_S) : 0;
}

void subscription_end(struct subscription *s, const struct outcome *outcome, const char *reason, int64_t retry_us)
{
	bool again = s->keep && !s->stopping && retry_us >= 0;

	clear_attempt(s);
	s->over = !again;
	if (again)
		timer_start(subscription_timers(s), &s->retry, retry_us, begin_again, s);
	if (s->handlers.ended)
		s->handlers.ended(s->handlers.arg, s, outcome, s->stopping ? "unsubscribed" : reason,
				  again ? retry_us : -1);
}

static void end_with(struct subscription *s, unsigned status, enum cause cause, const char *reason, int64_t retry_us)
{
	struct outcome outcome = core_outcome(status, cause, ERR_NONE);

	subscription_end(s, &outcome, reason, retry_us);
}

/* The first time as long as it is asked for, then longer each time. */
static int64_t asked_pause(struct subscription *s, uint32_t seconds)
{
	if (!seconds || s->failures)
		return not_before(seconds, back_off(s, RETRY_MIN_S));
	s->failures++;
	return not_before(seconds, 0);
}

/* What a reason code of the notifier means (4.1.3). */
int64_t subscription_pause(struct subscription *s, const struct package_state *state)
{
	uint32_t pause = state->has_retry_after ? state->retry_after : 0;

	if (slice_ieq(state->reason, SLICE("rejected")) || slice_ieq(state->reason, SLICE("noresource")) ||
	    slice_ieq(state->reason, SLICE("invariant")))
		return -1;
	if (slice_ieq(state->reason, SLICE("deactivated")) || slice_ieq(state->reason, SLICE("timeout")))
		return subscription_soon(s);
	return asked_pause(s, pause);
}

/* ---- the first request ---- */

static void add_event(struct subscription *s, struct sip_draft *draft)
{
	if (s->refers && s->has_id)
		sip_draft_add(draft, SIP_HEADER_EVENT, "%s;id=%u", s->event, s->refer_number);
	else
		sip_draft_add(draft, SIP_HEADER_EVENT, *s->id ? "%s;id=%s" : "%s%s", s->event, s->id);
}

void subscription_add_lines(struct subscription *s, struct sip_draft *draft, uint32_t expires, bool again)
{
	if (!s->refers || again) {
		add_event(s, draft);
		sip_draft_add(draft, SIP_HEADER_EXPIRES, "%u", expires);
		if (*s->accept)
			sip_draft_add(draft, SIP_HEADER_ACCEPT, "%s", s->accept);
	}
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	core_user_agent(s->ua, draft);
	/* What a REFER is about stands in the REFER alone. */
	if (s->refers && again)
		return;
	core_add_extra(draft, s->extra, s->extra_count);
	if (*s->body)
		sip_draft_body(draft, slice_of(s->content_type), slice_of(s->body));
}

static bool first_contact(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct subscription *s = arg;

	return request_add_contact(s->ua, s->profile, draft, target, slice_of(NULL));
}

bool subscription_ask_longer(struct subscription *s, const struct outcome *outcome)
{
	uint32_t least;

	if (outcome->status != 423 || !outcome->response || s->too_brief >= TOO_BRIEF_MAX ||
	    !sip_message_seconds(outcome->response, SIP_HEADER_MIN_EXPIRES, &least) || least <= s->asked)
		return false;
	s->too_brief++;
	s->asked = least;
	return true;
}

/* What a final refusal of the first request leaves to do. */
static int64_t retry_after_refusal(struct subscription *s, const struct outcome *outcome)
{
	struct slice value =
		outcome->response ? sip_message_value(outcome->response, SIP_HEADER_RETRY_AFTER) : slice_of(NULL);
	struct sip_retry_after after = { 0 };

	switch (outcome->status) {
	case 408:
	case 423:
	case 480:
	case 491:
	case 500:
	case 502:
	case 503:
	case 504:
		break;
	default:
		return -1;
	}
	if (value.n && !sip_retry_after_parse(value, &after))
		after.seconds = 0;
	return asked_pause(s, after.seconds);
}

static void nobody_notified(void *arg)
{
	struct subscription *s = arg;

	s->open = false;
	/* A fork's NOTIFY that comes now is too late (4.1.2.4). */
	if (!s->notified)
		end_with(s, 408, CAUSE_TIMEOUT, "silent", s->refers ? -1 : back_off(s, RETRY_SILENT_S));
}

static bool is_without_subscription(const struct sip_message *response)
{
	return slice_ieq(slice_trim(sip_message_value(response, SIP_HEADER_REFER_SUB)), SLICE("false"));
}

/* NOTIFYs that came before the answer to SUBSCRIBE, and did not say for how long. */
static void set_expiries(struct subscription *s, uint32_t seconds)
{
	LIST_EACH(&s->branches, node) {
		struct branch *b = LIST_ENTRY(node, struct branch, node);
		if (b->state != SUBSCRIPTION_WAITING && !b->expires_us)
			branch_set_expiry(b, seconds);
	}
}

/* Who unsubscribed while the first SUBSCRIBE was under way could not be granted it before. */
static void leave_branches(struct subscription *s)
{
	LIST_EACH(&s->branches, node) {
		struct branch *b = LIST_ENTRY(node, struct branch, node);
		if (s->stopping && b->state != SUBSCRIPTION_WAITING && !b->request)
			branch_refresh(b, 0);
	}
}

static void accepted(struct subscription *s, struct request *request, const struct outcome *outcome)
{
	struct sip_message *response = outcome->response;
	struct slice scope = request_scope(request);

	s->too_brief = 0;
	if (!s->scope)
		s->scope = slice_dup(scope);
	s->refer_number = s->within ? sip_message_cseq(request_message(request))->number : s->cseq;
	LIST_EACH(&s->branches, node)
		dialog_raise_cseq(LIST_ENTRY(node, struct branch, node)->dialog, s->within ? 0 : s->cseq);
	if (!s->refers)
		s->has_granted = sip_message_seconds(response, SIP_HEADER_EXPIRES, &s->granted);
	if (s->handlers.accepted)
		s->handlers.accepted(s->handlers.arg, s, response);
	if (s->freed)
		return;
	if (s->refers && is_without_subscription(response)) {
		subscription_end(s, outcome, "norefersub", -1);
		return;
	}
	timer_start(subscription_timers(s), &s->silence, subscription_timer_n(s), nobody_notified, s);
	if (s->has_granted)
		set_expiries(s, s->granted);
	leave_branches(s);
}

/* The same request for a longer time: Call-ID and From stay, the CSeq rises (RFC 3261 8.1.3.5). */
static void repeat(struct subscription *s)
{
	char *call_id = s->call_id, *tag = s->tag;

	s->call_id = s->tag = NULL;
	clear_attempt(s);
	s->call_id = call_id;
	s->tag = tag;
	begin(s);
}

static void on_answer(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct subscription *s = arg;

	if (event != REQUEST_FINAL)
		return;
	s->request = NULL;
	if (outcome->response && outcome->status < 300) {
		accepted(s, request, outcome);
	} else if (subscription_ask_longer(s, outcome)) {
		repeat(s);
	} else if (s->notified && !list_empty(&s->branches)) {
		/* A fork accepted it before another refused (RFC 3261 16.7), or its 2xx was lost on the way. */
		s->open = false;
		if (!s->refers)
			set_expiries(s, s->asked);
		leave_branches(s);
	} else {
		subscription_end(s, outcome, "refused", s->refers ? -1 : retry_after_refusal(s, outcome));
	}
}

static struct sip_draft *outside_draft(struct subscription *s, bool *strict, enum err *err)
{
	struct slice method = s->refers ? SLICE("REFER") : SLICE("SUBSCRIBE");
	struct sip_draft *draft = request_outside(s->profile, method, slice_of(s->target), strict, err);
	struct buf to;

	if (!draft)
		return NULL;
	if (!s->call_id) {
		s->tag = core_token(s->ua, TAG_CHARS);
		s->call_id = core_token(s->ua, CALL_ID_CHARS);
		s->cseq = 0;
	}
	buf_init(&to, SIP_MESSAGE_MAX);
	request_print_to(&to, slice_of(s->target));
	request_add_basics(draft, s->profile, false, slice_of(s->tag), buf_slice(&to), slice_of(s->call_id));
	buf_fini(&to);
	s->local = slice_dup(sip_draft_value(draft, SIP_HEADER_FROM, 0));
	s->open = true;
	return draft;
}

static enum err send_first(struct subscription *s)
{
	enum err err = ERR_NONE;
	bool strict;
	struct slice method = s->refers ? SLICE("REFER") : SLICE("SUBSCRIBE");
	struct sip_draft *draft =
		s->within ? dialog_draft(s->within, method, &strict) : outside_draft(s, &strict, &err);

	if (!draft)
		return err;
	s->begun_us = subscription_timers(s)->now_us;
	if (s->within) {
		s->first_in_dialog = branch_is_first(s->within);
		branch_new(s, dialog_ref(s->within));
	}
	subscription_add_lines(s, draft, s->asked, false);
	/* That we understand Refer-Sub (RFC 4488 4), and what Refer-To may be told to call us with. */
	if (s->refers)
		core_add_supported(draft, &s->ua->settings.session, NULL);
	s->request =
		request_start(s->ua, &(struct request_spec){ .profile = s->profile,
							     .draft = draft,
							     .strict = strict,
							     .takes_protocol = !s->within,
							     .others_dialog = s->within && !s->within->ours,
							     .cseq = s->within ? &s->within->local_cseq : &s->cseq,
							     .scope = slice_of(s->within ? s->within->scope : NULL),
							     .prepare = first_contact,
							     .event = on_answer,
							     .arg = s });
	return ERR_NONE;
}

static void begin(struct subscription *s)
{
	/* It could be sent before, so it is no longer a URI only when memory is broken. */
	if (send_first(s))
		end_with(s, 503, CAUSE_LOCAL, "refused", -1);
}

/* ---- NOTIFYs that make a dialog ---- */

bool subscription_is_about(struct subscription *s, const struct package_event *event)
{
	char number[16];

	if (!slice_eq(event->name, slice_of(s->event)))
		return false;
	if (!s->refers)
		return slice_eq(event->id, slice_of(s->id));
	/* The CSeq number of the REFER; the first in a dialog may go without (RFC 3515 2.4.6). */
	const struct sip_message *sent = s->request ? request_message(s->request) : NULL;
	snprintf(number, sizeof number, "%u", sent ? sip_message_cseq(sent)->number : s->refer_number);
	return slice_eq(event->id, slice_of(number)) || (!event->id.n && (s->first_in_dialog || !s->within));
}

static struct subscription *find_open(struct ua *ua, const struct sip_message *message)
{
	struct package_event event;
	struct slice call_id = sip_message_call_id(message), tag = sip_message_to(message)->tag;

	if (!package_event_of(message, &event))
		return NULL;
	LIST_EACH(&ua->subscriptions, node) {
		struct subscription *s = LIST_ENTRY(node, struct subscription, node);
		if (s->open && slice_eq(call_id, slice_of(s->call_id)) && slice_eq(tag, slice_of(s->tag)) &&
		    subscription_is_about(s, &event))
			return s;
	}
	return NULL;
}

bool subscription_take_notify(struct ua *ua, struct server_transaction *st, struct sip_message *message)
{
	struct subscription *s = find_open(ua, message);
	struct package_state state;

	if (!s || !sip_message_from(message)->tag.n || !package_state_of(message, &state))
		return false;
	if (s->branch_count && (!s->forks || s->branch_count >= BRANCHES_MAX))
		return false;
	struct slice scope = s->scope ? slice_of(s->scope) : request_scope(s->request);
	struct branch *b = branch_new(s, dialog_new_notified(ua, message, slice_of(s->local), s->cseq, scope));
	core_respond(ua, st, branch_notify(b, message), NULL, NULL);
	return true;
}

/* ---- life ---- */

static void copy_extra(struct subscription *s, const struct subscription_config *config)
{
	s->extra = xcalloc(config->extra_count + 1, sizeof *s->extra);
	s->extra_count = config->extra_count;
	for (size_t i = 0; i < config->extra_count; i++) {
		s->extra[i].name = slice_make(slice_dup(config->extra[i].name), config->extra[i].name.n);
		s->extra[i].value = slice_make(slice_dup(config->extra[i].value), config->extra[i].value.n);
	}
}

static void bury(struct mortal *mortal)
{
	struct subscription *s = CONTAINER_OF(mortal, struct subscription, mortal);
	char *const texts[] = { s->target, s->event, s->id, s->accept, s->content_type, s->body };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < s->extra_count; i++) {
		free((char *)(uintptr_t)s->extra[i].name.p);
		free((char *)(uintptr_t)s->extra[i].value.p);
	}
	free(s->extra);
	dialog_free(s->within);
	profile_unref(s->profile);
	free(s);
}

struct subscription *subscription_new(struct ua *ua, const struct subscription_config *config, enum err *err)
{
	struct profile *profile = profile_new(config->identity);

	*err = core_check_extra(config->extra, config->extra_count);
	if (!*err &&
	    (!profile || !config->event.n || config->event.n > PACKAGE_TEXT_MAX || config->id.n > PACKAGE_TEXT_MAX))
		*err = ERR_SYNTAX;
	if (*err) {
		profile_unref(profile);
		return NULL;
	}
	struct subscription *s = xcalloc(1, sizeof *s);
	s->ua = ua;
	s->profile = profile;
	s->handlers = config->handlers;
	s->refers = slice_eq(config->method, SLICE("REFER"));
	s->forks = config->forks;
	s->keep = config->keep && !s->refers && config->expires;
	s->target = slice_dup(config->target);
	s->event = slice_dup(config->event);
	s->id = slice_dup(config->id);
	s->accept = slice_dup(config->accept);
	s->content_type = slice_dup(config->content_type);
	s->body = slice_dup(config->body);
	s->expires = s->asked = config->expires;
	s->within = config->dialog ? dialog_ref(config->dialog) : NULL;
	copy_extra(s, config);
	list_init(&s->branches);
	list_append(&ua->subscriptions, &s->node);
	*err = send_first(s);
	if (!*err)
		return s;
	subscription_free(s);
	return NULL;
}

void subscription_free(struct subscription *s)
{
	if (!s || s->freed)
		return;
	s->freed = true;
	s->handlers = (struct subscription_handlers){ 0 };
	timer_stop(subscription_timers(s), &s->retry);
	clear_attempt(s);
	list_remove(&s->node);
	core_bury(s->ua, &s->mortal, bury);
}

void subscription_free_all(struct ua *ua)
{
	LIST_EACH(&ua->subscriptions, node)
		subscription_free(LIST_ENTRY(node, struct subscription, node));
}

static void stopped(void *arg)
{
	end_with(arg, 200, CAUSE_NONE, "unsubscribed", -1);
}

void subscription_stop(struct subscription *s)
{
	if (s->stopping || s->over)
		return;
	s->stopping = true;
	/* Nothing stands: told in a turn of its own. */
	if (!s->request && list_empty(&s->branches)) {
		timer_stop(subscription_timers(s), &s->silence);
		s->open = false;
		timer_start(subscription_timers(s), &s->retry, 0, stopped, s);
		return;
	}
	LIST_EACH(&s->branches, node) {
		struct branch *b = LIST_ENTRY(node, struct branch, node);
		if (!b->request && !s->request)
			branch_refresh(b, 0);
	}
}

void subscription_refresh(struct subscription *s)
{
	if (s->stopping || s->over)
		return;
	if (timer_running(&s->retry)) {
		timer_stop(subscription_timers(s), &s->retry);
		begin(s);
		return;
	}
	LIST_EACH(&s->branches, node) {
		struct branch *b = LIST_ENTRY(node, struct branch, node);
		if (b->request)
			b->fetch_wanted = true;
		else if (!s->request)
			branch_refresh(b, s->asked);
	}
}

enum subscription_state subscription_state(const struct subscription *s)
{
	enum subscription_state best = SUBSCRIPTION_WAITING;

	if (s->over)
		return SUBSCRIPTION_TERMINATED;
	LIST_EACH(&s->branches, node) {
		const struct branch *b = LIST_ENTRY(node, struct branch, node);
		if (b->state != SUBSCRIPTION_TERMINATED && b->state > best)
			best = b->state;
	}
	return best;
}

uint32_t subscription_left(const struct subscription *s)
{
	int64_t last_us = 0, now_us = s->ua->world.timers->now_us;

	LIST_EACH(&s->branches, node) {
		const struct branch *b = LIST_ENTRY(node, struct branch, node);
		if (b->expires_us > last_us)
			last_us = b->expires_us;
	}
	return last_us > now_us ? (uint32_t)((last_us - now_us + SECOND_US - 1) / SECOND_US) : 0;
}
