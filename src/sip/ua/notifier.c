#include "sip/ua/notifier.h"

#include "base/xmalloc.h"
#include "sip/ua/dialog.h"
#include "sip/ua/notifier_internal.h"

enum {
	RETRY_AFTER_S = 60, /* told to those that find no room */
	STATE_MAX = 60000,  /* bytes of a body: what we send must fit a message */
	AGAIN_MAX = 4,      /* so often a NOTIFY is sent again that came in the way of another request */
	AGAIN_LEAST_US = 500000,
	SENDS_UNPROVED = 3, /* of a NOTIFY to where nobody has answered yet */
};

struct notifier {
	struct mortal mortal;
	struct list_node node;
	struct usage usage;
	struct ua *ua;
	struct profile *profile;
	struct dialog *dialog;
	struct notifier_handlers handlers;
	struct sip_message *subscribe; /* that made it */
	struct address host;           /* where it came from */
	struct package_event event;    /* of that SUBSCRIBE; of a REFER: "refer" */
	char *id;                      /* of a REFER: its CSeq number */
	uint32_t longest, least;
	enum subscription_state state;
	const char *reason;
	uint32_t retry_after;
	int64_t expires_us;
	struct timer expiry;
	struct request *request; /* the NOTIFY under way */
	bool changed;            /* another follows it */
	bool proved;             /* somebody is there who wants it */
	bool told;               /* the last NOTIFY is under way or done */
	char *body, *type;       /* of the newest NOTIFY; NULL: it has none */
	bool written;            /* they are already those of the one that follows, whose owner is gone */
	unsigned agains;
	struct timer again;
};

static struct timers *timers_of(struct notifier *n)
{
	return n->ua->world.timers;
}

/* ---- life ---- */

static void bury(struct mortal *mortal)
{
	struct notifier *n = CONTAINER_OF(mortal, struct notifier, mortal);

	list_remove(&n->usage.node);
	dialog_free(n->dialog);
	profile_unref(n->profile);
	sip_message_unref(n->subscribe);
	free(n->id);
	free(n->body);
	free(n->type);
	free(n);
}

static void leave(struct notifier *n)
{
	timer_stop(timers_of(n), &n->expiry);
	timer_stop(timers_of(n), &n->again);
	if (n->request)
		request_detach(n->request);
	n->request = NULL;
	list_remove(&n->node);
	list_remove(&n->usage.node);
	core_bury(n->ua, &n->mortal, bury);
}

static void send_notify(struct notifier *n);

void notifier_free_all(struct ua *ua)
{
	LIST_EACH(&ua->notifiers, node) {
		struct notifier *n = LIST_ENTRY(node, struct notifier, node);
		if (n->written)
			send_notify(n);
		leave(n);
	}
}

static void tell_end(struct notifier *n)
{
	struct notifier_handlers handlers = n->handlers;

	n->handlers = (struct notifier_handlers){ 0 };
	if (handlers.ended)
		handlers.ended(handlers.arg, n);
}

/* ---- NOTIFY ---- */

static void transmit(struct notifier *n);

/* Is nobody there for this NOTIFY, or all that follow (4.2.2)? */
static bool is_lost_by(const struct outcome *outcome)
{
	return !outcome->response || outcome->status == 408 || package_is_ended_by(outcome->status);
}

static void send_again(void *arg)
{
	struct notifier *n = arg;

	if (n->changed)
		send_notify(n);
	else
		transmit(n);
}

static void on_notify(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct notifier *n = arg;

	(void)request;
	if (event != REQUEST_FINAL)
		return;
	n->request = NULL;
	n->proved |= outcome->response != NULL;
	/* Some refuse it while another request waits in the same dialog, as they would an INVITE. */
	if (outcome->status == 491 && n->agains < AGAIN_MAX) {
		n->agains++;
		timer_start(timers_of(n), &n->again,
			    AGAIN_LEAST_US + random_below(n->ua->world.random, 100) * 10 * MS_US, send_again, n);
		return;
	}
	n->agains = 0;
	if (n->told) {
		leave(n);
	} else if (is_lost_by(outcome)) {
		tell_end(n);
		leave(n);
	} else if (n->changed) {
		send_notify(n);
		if (n->told)
			tell_end(n);
	}
}

static bool add_contact(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct notifier *n = arg;
	const struct sip_uri *uri = sip_message_request_uri(n->subscribe);

	/* Contact may name a third party, and the source of a datagram proves nothing. */
	if (!n->proved && n->request)
		request_send_at_most(n->request, SENDS_UNPROVED);
	return request_add_contact(n->ua, n->profile, draft, target, uri ? uri->user : slice_of(NULL));
}

static void add_event(const struct notifier *n, struct sip_draft *draft)
{
	if (n->id)
		sip_draft_add(draft, SIP_HEADER_EVENT, "refer;id=%s", n->id);
	else if (n->event.id.n)
		sip_draft_add(draft, SIP_HEADER_EVENT, "%.*s;id=%.*s", SLICE_ARG(n->event.name),
			      SLICE_ARG(n->event.id));
	else
		sip_draft_add_slice(draft, SIP_HEADER_EVENT, n->event.name);
}

static uint32_t left_s(struct notifier *n)
{
	int64_t left_us = n->expires_us - timers_of(n)->now_us;

	return left_us > 0 ? (uint32_t)((left_us + SECOND_US - 1) / SECOND_US) : 0;
}

static void add_state(struct notifier *n, struct sip_draft *draft)
{
	if (n->state != SUBSCRIPTION_TERMINATED)
		sip_draft_add(draft, SIP_HEADER_SUBSCRIPTION_STATE, "%s;expires=%u", subscription_state_name(n->state),
			      left_s(n));
	else if (n->retry_after)
		sip_draft_add(draft, SIP_HEADER_SUBSCRIPTION_STATE, "terminated;reason=%s;retry-after=%u", n->reason,
			      n->retry_after);
	else
		sip_draft_add(draft, SIP_HEADER_SUBSCRIPTION_STATE, "terminated;reason=%s", n->reason);
}

static void transmit(struct notifier *n)
{
	bool strict;
	struct sip_draft *draft = dialog_draft(n->dialog, SLICE("NOTIFY"), &strict);

	add_event(n, draft);
	add_state(n, draft);
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	core_user_agent(n->ua, draft);
	if (n->body)
		sip_draft_body(draft, slice_of(n->type), slice_of(n->body));
	n->request = request_start(n->ua, &(struct request_spec){ .profile = n->profile,
								  .draft = draft,
								  .strict = strict,
								  .others_dialog = !n->dialog->ours,
								  .cseq = &n->dialog->local_cseq,
								  .scope = slice_of(n->dialog->scope),
								  .prepare = add_contact,
								  .event = on_notify,
								  .arg = n });
}

static void write_body(struct notifier *n)
{
	struct slice type = slice_of(NULL);
	struct buf body;

	free(n->body);
	free(n->type);
	n->body = n->type = NULL;
	buf_init(&body, STATE_MAX);
	if (n->handlers.state)
		n->handlers.state(n->handlers.arg, n, &body, &type);
	if (body.n) {
		n->type = slice_dup(type);
		n->body = slice_dup(buf_slice(&body));
	}
	buf_fini(&body);
}

static void send_notify(struct notifier *n)
{
	timer_stop(timers_of(n), &n->again);
	n->changed = false;
	n->told = n->state == SUBSCRIPTION_TERMINATED;
	if (!n->written)
		write_body(n);
	n->written = false;
	if (n->request)
		request_detach(n->request);
	transmit(n);
}

void notifier_changed(struct notifier *n)
{
	if (n->told)
		return;
	if (n->request)
		n->changed = true;
	else
		send_notify(n);
}

void notifier_activate(struct notifier *n)
{
	if (n->state != SUBSCRIPTION_PENDING)
		return;
	n->state = SUBSCRIPTION_ACTIVE;
	notifier_changed(n);
}

static void finish(struct notifier *n, const char *reason, uint32_t retry_after)
{
	timer_stop(timers_of(n), &n->expiry);
	n->state = SUBSCRIPTION_TERMINATED;
	n->reason = reason;
	n->retry_after = retry_after;
	notifier_changed(n);
}

void notifier_end(struct notifier *n, const char *reason, uint32_t retry_after)
{
	n->handlers.ended = NULL;
	finish(n, reason, retry_after);
	/* Its owner is gone when a NOTIFY that is under way lets the last one go. */
	if (n->changed) {
		write_body(n);
		n->written = true;
	}
	n->handlers = (struct notifier_handlers){ 0 };
}

static void run_out(void *arg)
{
	struct notifier *n = arg;

	finish(n, "timeout", 0);
	/* The owner is asked for the last state when that is sent, and told then. */
	if (n->told)
		tell_end(n);
}

/* ---- SUBSCRIBE ---- */

static void add_min_expires(void *arg, struct sip_draft *draft)
{
	sip_draft_add(draft, SIP_HEADER_MIN_EXPIRES, "%u", *(const uint32_t *)arg);
}

static void add_retry_after(void *arg, struct sip_draft *draft)
{
	(void)arg;
	sip_draft_add(draft, SIP_HEADER_RETRY_AFTER, "%d", RETRY_AFTER_S);
}

/* How long it shall last. @return false: too short (4.2.1.1) */
static bool grant(const struct sip_message *request, uint32_t longest, uint32_t least, uint32_t *seconds)
{
	if (request->method != SIP_SUBSCRIBE || !sip_message_seconds(request, SIP_HEADER_EXPIRES, seconds) ||
	    *seconds > longest)
		*seconds = longest;
	return !*seconds || *seconds >= least || *seconds >= 3600;
}

static void answer(struct notifier *n, struct server_transaction *st, const struct sip_message *request,
		   uint32_t seconds)
{
	bool refers = request->method == SIP_REFER, begins = !sip_message_to(request)->tag.n;
	struct sip_draft *draft =
		core_response(n->ua, request, refers ? 202 : 200, slice_of(NULL), slice_of(n->dialog->local_tag));
	const struct sip_source *source = server_transaction_source(st);
	struct sip_target target = { .protocol = source->protocol, .address = source->remote, .local = source->local };
	const struct sip_uri *uri = sip_message_request_uri(request);
	struct buf contact;

	if (begins)
		sip_draft_copy_header(draft, request, SIP_HEADER_RECORD_ROUTE);
	buf_init(&contact, 2048);
	if (profile_contact(n->profile, transactions_transport(n->ua->transactions), &target,
			    uri && uri->scheme == SIP_SCHEME_SIPS, uri ? uri->user : slice_of(NULL), &contact))
		sip_draft_add_slice(draft, SIP_HEADER_CONTACT, buf_slice(&contact));
	buf_fini(&contact);
	if (!refers)
		sip_draft_add(draft, SIP_HEADER_EXPIRES, "%u", seconds);
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	/* Who did not get it asks again. */
	enum err err = transaction_respond(st, draft);
	if (err)
		log_line(n->ua->world.log, LOG_NOTICE, "the answer to a subscription could not be sent: %s",
			 err_text(err));
	sip_draft_free(draft);
}

/* Granted, refreshed or ended: each is told by a NOTIFY at once (4.2.1.2). */
static void set_time(struct notifier *n, uint32_t seconds)
{
	n->expires_us = timers_of(n)->now_us + (int64_t)seconds * SECOND_US;
	if (!seconds) {
		run_out(n);
		return;
	}
	timer_start(timers_of(n), &n->expiry, (int64_t)seconds * SECOND_US, run_out, n);
	notifier_changed(n);
}

static const struct usage_ops notifier_ops;

/* Has the dialog another subscription that a REFER made? */
static bool has_another_refer(const struct notifier *n)
{
	LIST_EACH(&n->dialog->usages, node) {
		const struct usage *usage = LIST_ENTRY(node, struct usage, node);
		const struct notifier *other = CONTAINER_OF(usage, struct notifier, usage);
		if (usage->ops == &notifier_ops && other != n && other->id)
			return true;
	}
	return false;
}

/* One that a REFER made is named by the CSeq number of that; where there is but one some leave it out (RFC 3515 2.4.6).
 */
static bool is_about(const struct notifier *n, const struct package_event *event)
{
	if (!n->id)
		return package_event_eq(*event, n->event);
	return slice_eq(event->name, SLICE("refer")) &&
	       (slice_eq(event->id, slice_of(n->id)) || (!event->id.n && !has_another_refer(n)));
}

static bool notifier_request(struct usage *usage, struct server_transaction *st, struct sip_message *request,
			     const struct sip_source *source)
{
	struct notifier *n = CONTAINER_OF(usage, struct notifier, usage);
	struct package_event event;
	uint32_t seconds;

	(void)source;
	if (request->method != SIP_SUBSCRIBE || !package_event_of(request, &event) || !is_about(n, &event) || n->told ||
	    n->state == SUBSCRIPTION_TERMINATED)
		return false;
	if (!grant(request, n->longest, n->least, &seconds)) {
		core_respond(n->ua, st, 423, add_min_expires, &n->least);
		return true;
	}
	dialog_refresh(n->dialog, request);
	answer(n, st, request, seconds);
	set_time(n, seconds);
	return true;
}

static void notifier_nothing(struct usage *usage, struct sip_message *message)
{
	(void)usage;
	(void)message;
}

static const struct usage_ops notifier_ops = { notifier_request, notifier_nothing, notifier_nothing };

/* Room for one more of this host? The account's own servers bring those of all the world. */
static bool is_trusted(const struct ua *ua, const struct address *host)
{
	return address_is_loopback(host) || digest_knows_host(ua->digests, host);
}

static bool has_room(const struct ua *ua, const struct address *host)
{
	size_t all = 0, of_host = 0, max = ua->settings.max_notifiers;
	bool trusted = is_trusted(ua, host);

	LIST_EACH(&ua->notifiers, node) {
		all++;
		of_host += address_same_host(&LIST_ENTRY(node, struct notifier, node)->host, host);
	}
	return all < max && (trusted || of_host < (max + 3) / 4);
}

static unsigned check(struct ua *ua, const struct sip_message *request, const struct address *host,
		      const struct notifier_config *config, uint32_t *seconds)
{
	if (!sip_message_address(request, SIP_HEADER_CONTACT, 0))
		return 400;
	if (!config->dialog && !dialog_can_begin(request))
		return 513;
	if (!grant(request, config->expires, config->least, seconds))
		return 423;
	return has_room(ua, host) ? 0 : 503;
}

static struct notifier *make(struct ua *ua, struct sip_message *request, const struct address *host,
			     const struct notifier_config *config)
{
	struct notifier *n = xcalloc(1, sizeof *n);
	char *tag = core_token(ua, TAG_CHARS);

	n->ua = ua;
	n->profile = profile_new(config->identity);
	if (!n->profile)
		n->profile = profile_new(NULL);
	n->handlers = config->handlers;
	n->subscribe = sip_message_ref(request);
	n->host = *host;
	n->proved = config->dialog || is_trusted(ua, host);
	n->longest = config->expires;
	n->least = config->least;
	n->state = config->pending ? SUBSCRIPTION_PENDING : SUBSCRIPTION_ACTIVE;
	n->usage.ops = &notifier_ops;
	if (request->method == SIP_REFER) {
		n->event.name = SLICE("refer");
		n->id = xasprintf("%u", sip_message_cseq(request)->number);
	} else if (!package_event_of(request, &n->event)) {
		n->event.name = slice_of(NULL); /* ua.c has looked: it is there */
	}
	n->dialog = config->dialog ? dialog_ref(config->dialog) : dialog_new_server(ua, request, slice_of(tag));
	list_prepend(&n->dialog->usages, &n->usage.node);
	list_append(&ua->notifiers, &n->node);
	free(tag);
	return n;
}

struct notifier *notifier_accept(struct ua *ua, struct server_transaction *st, struct sip_message *request,
				 const struct notifier_config *config, unsigned *status)
{
	const struct address *host = &server_transaction_source(st)->remote;
	uint32_t seconds, least = config->least;

	*status = check(ua, request, host, config, &seconds);
	if (*status) {
		core_respond(ua, st, *status,
			     *status == 423   ? add_min_expires
			     : *status == 503 ? add_retry_after
					      : NULL,
			     &least);
		return NULL;
	}
	struct notifier *n = make(ua, request, host, config);
	answer(n, st, request, seconds);
	if (!seconds) {
		*status = 200;
		notifier_end(n, "timeout", 0);
		return NULL;
	}
	set_time(n, seconds);
	return n;
}
