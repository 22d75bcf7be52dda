/* Our status at the servers of accounts, by PUBLISH (RFC 3903). */
#include "phone/presence_internal.h"

#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "sip/ua/publication.h"

/* What is published of an account. */
struct published {
	struct list_node node;
	struct presence_desk *desk;
	struct publication *publication;
	char *account_name, *entity;
	bool told, ending;
	bool settled; /* it is known how the last `publish` ended */
};

static void published_free(struct published *published)
{
	list_remove(&published->node);
	publication_free(published->publication);
	free(published->account_name);
	free(published->entity);
	free(published);
}

/* ---- publishing ---- */

static struct published *find_published(const struct presence_desk *desk, const char *account_name)
{
	LIST_EACH(&desk->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (!strcmp(published->account_name, account_name) && !published->ending)
			return published;
	}
	return NULL;
}

static void stop(struct published *published)
{
	published->ending = true;
	publication_stop(published->publication);
}

static void on_body(void *arg, struct buf *body)
{
	struct published *published = arg;

	presence_write(published->desk, published->entity, body);
}

static struct event *published_event(struct published *published, enum event_kind kind)
{
	struct event *event = events_add(published->desk->phone->events, kind, 0);

	event_text(event, "account", slice_of(published->account_name));
	event_text(event, "state", slice_of(presence_name(published->desk->presence)));
	return event;
}

static void on_published(void *arg, uint32_t expires)
{
	struct published *published = arg;

	published->settled = true;
	if (published->told)
		return;
	published->told = true;
	event_number(published_event(published, EVENT_PUBLISHED), "expires", expires);
}

static struct event *publish_failed(struct published *published, const struct outcome *outcome, int64_t retry_us)
{
	const char *local = explain_local_cause(outcome);
	struct event *event = published_event(published, EVENT_PUBLISH_FAILED);

	event_number(event, "code", outcome->status);
	event_text(event, "reason", local ? slice_of(local) : outcome->reason);
	event_text(event, "cause", slice_of(outcome->cause == CAUSE_RESPONSE ? "refused" : cause_name(outcome->cause)));
	event_number(event, "retry", retry_us > 0 ? (double)((retry_us + SECOND_US - 1) / SECOND_US) : 0);
	phone_note_outcome(published->desk->phone, outcome, published->account_name, event_value(event, "reason"),
			   published->ending ? "the status of %s cannot be taken back"
					     : "the status of %s cannot be published",
			   published->account_name);
	return event;
}

static void on_publish_failed(void *arg, const struct outcome *outcome, int64_t retry_us)
{
	struct published *published = arg;

	published->told = false;
	published->settled = true;
	publish_failed(published, outcome, retry_us);
	if (retry_us < 0)
		published_free(published);
}

static void on_unpublished(void *arg, const struct outcome *outcome)
{
	struct published *published = arg;

	if (outcome->status < 300) {
		struct event *event = published_event(published, EVENT_UNPUBLISHED);
		event_number(event, "code", outcome->status);
		event_text(event, "reason", outcome->reason);
	} else {
		event_text(publish_failed(published, outcome, -1), "removal", SLICE("yes"));
	}
	published_free(published);
}

static bool begin_publishing(struct presence_desk *desk, struct account *account, struct failure *failure)
{
	struct published *published = xcalloc(1, sizeof *published);
	struct identity identity;
	char nobody[160];
	enum err err = ERR_NONE;

	identity_of(desk->phone, account, NULL, nobody, &identity);
	published->desk = desk;
	published->account_name = xstrdup(account->name);
	published->entity = xstrdup(account->uri);
	list_append(&desk->published, &published->node);
	published->publication =
		publication_new(desk->phone->ua,
				&(struct publication_config){ .identity = &identity,
							      .target = slice_of(account->uri),
							      .event = SLICE("presence"),
							      .content_type = SLICE(PIDF_TYPE),
							      .expires = PRESENCE_EXPIRES_S,
							      .handlers = { on_body, on_published, on_publish_failed,
									    on_unpublished, published } },
				&err);
	if (published->publication)
		return true;
	published_free(published);
	return fail(failure, STATUS_CALL, err_name(err), "PUBLISH cannot be sent: %s", err_text(err));
}

bool phone_publish_under_way(const struct phone *phone, const char *account)
{
	LIST_EACH(&phone->presence->published, node) {
		const struct published *published = LIST_ENTRY(node, struct published, node);
		if (!strcmp(published->account_name, account) && (published->ending || !published->settled))
			return true;
	}
	return false;
}

bool phone_publish(struct phone *phone, const char *from, bool on, const char **name, struct failure *failure)
{
	struct presence_desk *desk = phone->presence;
	struct account *account;

	if (!account_for(phone, from, &account, failure))
		return false;
	if (!account)
		return fail(
			failure, STATUS_USAGE, "no-account",
			"a status is published at an account's server: add one by `account add sip:you@example.com`");
	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if (!phone_needs_start(phone, failure))
		return false;
	*name = account->name;
	struct published *published = find_published(desk, account->name);
	if (on && !published)
		return begin_publishing(desk, account, failure);
	if (on) {
		published->told = published->settled = false;
		publication_changed(published->publication);
	}
	if (!on && !published)
		return fail(failure, STATUS_USAGE, "not-published", "nothing is published of %s", account->name);
	if (!on)
		stop(published);
	return true;
}

void presence_forget(struct account *account)
{
	struct published *published = find_published(account->phone->presence, account->name);

	if (published)
		stop(published);
}

void publishing_account_renamed(const struct account *account, const char *old_name)
{
	LIST_EACH(&account->phone->presence->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (!strcmp(published->account_name, old_name))
			xreplace(&published->account_name, account->name);
	}
}

void publishing_changed(struct presence_desk *desk)
{
	LIST_EACH(&desk->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (!published->ending)
			publication_changed(published->publication);
	}
}

void publishing_stop(struct presence_desk *desk)
{
	LIST_EACH(&desk->published, node) {
		struct published *published = LIST_ENTRY(node, struct published, node);
		if (!published->ending)
			stop(published);
	}
}

void publishing_free(struct presence_desk *desk)
{
	LIST_EACH(&desk->published, node)
		published_free(LIST_ENTRY(node, struct published, node));
}

void publishing_show(const struct presence_desk *desk, struct buf *out)
{
	LIST_EACH(&desk->published, node) {
		const struct published *published = LIST_ENTRY(node, struct published, node);
		buf_printf(out, "  %-16s %s at the server of %s\n", "presence",
			   published->told ? "published" : "being published", published->account_name);
	}
}
