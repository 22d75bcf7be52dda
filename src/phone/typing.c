/* "Is typing" (RFC 3994): that we type, told to whom we write, and who types to us. */
#include "phone/messages_internal.h"

#include "base/xmalloc.h"

enum {
	TYPISTS_MAX = 64,           /* peers whose typing is followed */
	IDLE_US = 15 * 1000 * 1000, /* after the last key we count as idle (RFC 3994 3.2) */
	REFRESH_S = 90,
	REFRESH_MOST_S = 600, /* longer than this nobody types without a word */
};

/* Somebody who types to us. */
struct typist {
	struct list_node node;
	struct messages *messages;
	struct timer timer;
	char *peer, *to, *account;
};

static void typist_free(struct typist *typist)
{
	timer_stop(typist->messages->phone->timers, &typist->timer);
	typist->messages->typist_count--;
	list_remove(&typist->node);
	free(typist->peer);
	free(typist->to);
	free(typist->account);
	free(typist);
}

void typing_free(struct messages *messages)
{
	LIST_EACH(&messages->typists, node)
		typist_free(LIST_ENTRY(node, struct typist, node));
	timer_stop(messages->phone->timers, &messages->idle);
	if (messages->typing_request)
		request_detach(messages->typing_request);
	free(messages->typing_to);
	free(messages->typing_account);
	free(messages->typing_asked);
	free(messages->deaf);
}

/* ---- telling that we type ---- */

static void tell_typing(struct messages *messages, bool active);

static void on_typing_told(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct messages *messages = arg;

	(void)request;
	if (!final)
		return;
	messages->typing_request = NULL;
	/* It takes texts only, or nothing at all: no more of this (RFC 3994 4). */
	if (outcome->status >= 300)
		xreplace(&messages->deaf, messages->typing_asked);
	if (messages->typing_waits)
		tell_typing(messages, messages->typing_told);
}

static void tell_typing(struct messages *messages, bool active)
{
	struct composing composing = { .active = active, .refresh = REFRESH_S };
	struct account *account = account_find(messages->phone, slice_of(messages->typing_account));
	struct buf body;
	enum err err;

	messages->typing_told = active;
	messages->told_us = messages->phone->timers->now_us;
	messages->typing_waits = messages->typing_request != NULL;
	if (messages->typing_waits || (messages->deaf && !strcmp(messages->deaf, messages->typing_to)))
		return;
	xreplace(&messages->typing_asked, messages->typing_to);
	buf_init(&body, 1024);
	composing_write(&composing, &body);
	messages->typing_request = messages_send(messages, account, messages->typing_to, NULL, 0, SLICE(COMPOSING_TYPE),
						 buf_slice(&body), on_typing_told, messages, &err);
	buf_fini(&body);
}

static void typing_over(void *arg)
{
	struct messages *messages = arg;

	if (messages->typing_told)
		tell_typing(messages, false);
}

static bool choose_typing_to(struct phone *phone, struct slice to)
{
	struct messages *messages = phone->messages;
	struct failure ignored;
	struct account *account;
	struct target target;

	if (!messages_target(phone, to, NULL, &account, &target, &ignored))
		return false;
	if (!messages->typing_to || strcmp(messages->typing_to, target.uri) != 0)
		messages->typing_told = false;
	xreplace(&messages->typing_to, target.uri);
	xreplace(&messages->typing_account, account ? account->name : "");
	target_fini(&target);
	return true;
}

void phone_typing(struct phone *phone, struct slice to, bool typing)
{
	struct messages *messages = phone->messages;
	int64_t now_us = phone->timers->now_us;

	if (!settings_on(phone->settings, "message.typing") || !choose_typing_to(phone, to))
		return;
	timer_stop(phone->timers, &messages->idle);
	if (!typing) {
		typing_over(messages);
		return;
	}
	if (!messages->typing_told || now_us - messages->told_us > REFRESH_S * SECOND_US / 2)
		tell_typing(messages, true);
	timer_start(phone->timers, &messages->idle, IDLE_US, typing_over, messages);
}

void typing_said(struct messages *messages)
{
	messages->typing_told = messages->typing_waits = false;
	timer_stop(messages->phone->timers, &messages->idle);
}

/* ---- who types to us ---- */

static struct typist *find_typist(struct messages *messages, const char *peer)
{
	LIST_EACH(&messages->typists, node) {
		struct typist *typist = LIST_ENTRY(node, struct typist, node);
		if (!strcmp(typist->peer, peer))
			return typist;
	}
	return NULL;
}

static void typist_silent(void *arg)
{
	struct typist *typist = arg;
	struct event *event = events_add(typist->messages->phone->events, EVENT_TYPING, 0);

	event_text(event, "from", slice_of(typist->peer));
	event_text(event, "to", slice_of(typist->to));
	event_text(event, "account", slice_of(typist->account));
	event_text(event, "state", SLICE("idle"));
	typist_free(typist);
}

void typing_note(struct messages *messages, const struct letter *letter, const struct composing *composing)
{
	struct typist *typist = find_typist(messages, letter->from);
	uint32_t seconds = composing->refresh < REFRESH_MOST_S ? composing->refresh : REFRESH_MOST_S;

	if (!composing->active) {
		if (typist)
			typist_silent(typist);
		return;
	}
	if (!typist) {
		if (messages->typist_count >= TYPISTS_MAX)
			typist_silent(LIST_ENTRY(list_first(&messages->typists), struct typist, node));
		typist = xcalloc(1, sizeof *typist);
		typist->messages = messages;
		typist->peer = xstrdup(letter->from);
		typist->to = xstrdup(letter->to);
		typist->account = xstrdup(letter->account);
		list_append(&messages->typists, &typist->node);
		messages->typist_count++;
		struct event *event = events_add(messages->phone->events, EVENT_TYPING, 0);
		letter_add(event, letter);
		event_text(event, "state", SLICE("active"));
	}
	timer_start(messages->phone->timers, &typist->timer, seconds * SECOND_US, typist_silent, typist);
}

void typing_heard(struct messages *messages, const char *from)
{
	struct typist *typist = find_typist(messages, from);

	if (typist)
		typist_free(typist);
}
