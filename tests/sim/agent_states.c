#include "tests/sim/agent.h"

#include <stdio.h>

/* ---- registration ---- */

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	struct agent *agent = arg;

	(void)first;
	if (agent->registration != registration || !expires)
		agent_fault(agent, "registered for %u s, or too late", expires);
}

static void on_not_registered(void *arg, struct registration *registration, const struct outcome *outcome,
			      int64_t retry_us)
{
	struct agent *agent = arg;

	if (agent->registration != registration || !outcome->status || retry_us < 0)
		agent_fault(agent, "a registration fails without status, or too late");
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct agent *agent = arg;

	(void)registration;
	(void)outcome;
	agent->registration_told++;
}

static void use_registration(struct agent *agent)
{
	struct registration_config config = {
		.identity = &agent->identity,
		.registrar = SLICE("sip:192.0.2.1"),
		.expires = 40 + agent_dice(agent, 200),
		.instance = agent_dice(agent, 2) ? agent->instance : NULL,
		.outbound = true,
		.handlers = { .registered = on_registered,
			      .failed = on_not_registered,
			      .unregistered = on_unregistered,
			      .arg = agent },
	};
	enum err err;

	if (!agent->registration) {
		agent->registration = registration_new(agent->ua, &config, &err);
		registration_start(agent->registration);
		return;
	}
	switch (agent_dice(agent, 4)) {
	case 0: registration_network_changed(agent->registration); break;
	case 1: registration_stop(agent->registration, false); break;
	default: registration_start(agent->registration); break;
	}
}

/* ---- single requests ---- */

void deed_final(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct deed *deed = arg;

	(void)request;
	if (!outcome->status)
		agent_fault(deed->agent, "a request ends without status");
	if (final)
		deed_over(deed);
}

static void ask(struct agent *agent)
{
	bool message = agent_dice(agent, 2);
	struct deed *deed = deed_new(agent, DEED_REQUEST);
	struct request_config config = { .identity = &agent->identity,
					 .method = message ? SLICE("MESSAGE") : SLICE("OPTIONS"),
					 .target = slice_of(agent->others[agent_dice(agent, 3)]),
					 .content_type = message ? SLICE("text/plain") : slice_of(""),
					 .body = message ? SLICE("hello") : slice_of(""),
					 .handler = deed_final,
					 .arg = deed };
	enum err err;

	deed->request = ua_request(agent->ua, &config, &err);
	if (!deed->request)
		deed_over(deed);
}

/* ---- subscriptions ---- */

static unsigned on_notify(void *arg, struct subscription *subscription, int branch, const struct sip_message *notify,
			  const struct package_state *state)
{
	struct deed *deed = arg;

	(void)branch;
	(void)notify;
	(void)state;
	if (deed->last || (deed->subscription && deed->subscription != subscription))
		agent_fault(deed->agent, "a NOTIFY after the end of its subscription");
	return agent_dice(deed->agent, 30) ? 0 : 415;
}

static void on_subscription_ended(void *arg, struct subscription *subscription, const struct outcome *outcome,
				  const char *reason, int64_t retry_us)
{
	struct deed *deed = arg;

	(void)outcome;
	if (!reason || (retry_us >= 0 && (deed->refers || deed->stopped)))
		agent_fault(deed->agent, "a subscription that was %s goes on by itself: %s",
			    deed->refers ? "a REFER" : "stopped", reason ? reason : "");
	if (retry_us >= 0)
		return;
	deed_over(deed);
	subscription_free(subscription);
	deed->subscription = NULL;
}

const struct subscription_handlers deed_subscription_handlers = { .notify = on_notify, .ended = on_subscription_ended };

static void subscribe(struct agent *agent)
{
	struct deed *deed = deed_new(agent, DEED_SUBSCRIPTION);
	struct subscription_config config = { .identity = &agent->identity,
					      .target = slice_of(agent->others[agent_dice(agent, 3)]),
					      .event = SLICE("presence"),
					      .expires = agent_dice(agent, 6) ? 30 + agent_dice(agent, 120) : 0,
					      .forks = agent_dice(agent, 2),
					      .keep = agent_dice(agent, 2),
					      .handlers = deed_subscription_handlers };
	enum err err;

	config.handlers.arg = deed;
	deed->subscription = subscription_new(agent->ua, &config, &err);
	if (!deed->subscription)
		deed_over(deed);
}

static void stop_subscription(struct deed *deed)
{
	if (deed->last || !deed->subscription || deed->refers)
		return;
	deed->stopped = true;
	subscription_stop(deed->subscription);
}

/* ---- whom we notify ---- */

static void write_state(void *arg, struct notifier *notifier, struct buf *body, struct slice *type)
{
	struct deed *deed = arg;

	(void)notifier;
	if (deed->last)
		agent_fault(deed->agent, "the state is asked for after the end");
	buf_add(body, deed->refers ? SLICE("SIP/2.0 100 Trying\r\n") : SLICE("<presence/>"));
	*type = deed->refers ? SLICE("message/sipfrag") : SLICE("application/pidf+xml");
}

static void on_notifier_ended(void *arg, struct notifier *notifier)
{
	struct deed *deed = arg;

	if (deed->notifier && deed->notifier != notifier)
		agent_fault(deed->agent, "another notifier has ended");
	deed_over(deed);
	deed->notifier = NULL;
}

static struct deed *take(struct agent *agent, struct server_transaction *st, struct sip_message *request,
			 struct dialog *dialog)
{
	struct deed *deed = deed_new(agent, DEED_NOTIFIER);
	struct notifier_config config = { .identity = &agent->identity,
					  .expires = 120,
					  .least = dialog ? 0 : 30,
					  .pending = !dialog && agent_dice(agent, 4) == 0,
					  .dialog = dialog,
					  .handlers = { write_state, on_notifier_ended, deed } };
	unsigned status;

	deed->refers = request->method == SIP_REFER;
	struct notifier *notifier = notifier_accept(agent->ua, st, request, &config, &status);
	if (notifier)
		deed->notifier = notifier;
	else if (!deed->last)
		deed_over(deed);
	return deed;
}

unsigned states_take_refer(struct agent *agent, struct session *session, struct server_transaction *st,
			   struct sip_message *request, struct deed **deed)
{
	struct dialog *dialog = session_dialog(session);

	if (!dialog || agent_dice(agent, 5) == 0)
		return 603;
	*deed = take(agent, st, request, dialog);
	return SESSION_TAKEN;
}

static unsigned on_request(void *arg, struct server_transaction *st, struct sip_message *request,
			   const struct sip_source *source)
{
	struct agent *agent = arg;

	(void)source;
	if (request->method == SIP_MESSAGE)
		return agent_dice(agent, 5) ? 200 : 486;
	if (request->method != SIP_SUBSCRIBE)
		return request->method == SIP_NOTIFY ? 481 : 603;
	if (agent_dice(agent, 8) == 0)
		return 403;
	(void)take(agent, st, request, NULL);
	return 0;
}

/* ---- publication ---- */

static void write_body(void *arg, struct buf *body)
{
	(void)arg;
	buf_add(body, SLICE("<presence/>"));
}

static void on_published(void *arg, uint32_t expires)
{
	struct deed *deed = arg;

	if (deed->last || !expires)
		agent_fault(deed->agent, "published after the end, or for no time");
}

static void on_not_published(void *arg, const struct outcome *outcome, int64_t retry_us)
{
	struct deed *deed = arg;

	if (!outcome->status)
		agent_fault(deed->agent, "a PUBLISH ends without status");
	if (retry_us < 0)
		deed_over(deed);
}

static void on_removed(void *arg, const struct outcome *outcome)
{
	(void)outcome;
	deed_over(arg);
}

static void publish(struct agent *agent)
{
	struct deed *deed = deed_new(agent, DEED_PUBLICATION);
	struct publication_config config = { .identity = &agent->identity,
					     .target = slice_of(agent->uri),
					     .event = SLICE("presence"),
					     .content_type = SLICE("application/pidf+xml"),
					     .expires = 60 + agent_dice(agent, 100),
					     .handlers = { write_body, on_published, on_not_published, on_removed,
							   deed } };
	enum err err;

	deed->publication = publication_new(agent->ua, &config, &err);
	if (!deed->publication)
		deed_over(deed);
}

static void stop_publication(struct deed *deed)
{
	if (deed->last || deed->stopped)
		return;
	deed->stopped = true;
	publication_stop(deed->publication);
}

/* ---- what is done ---- */

static struct deed *any(struct agent *agent, enum deed_kind kind)
{
	struct deed *found = NULL;
	uint32_t count = 0;

	LIST_EACH(&agent->deeds, node) {
		struct deed *deed = LIST_ENTRY(node, struct deed, node);
		if (deed->kind == kind && !deed->last && !deed->stopped && agent_dice(agent, ++count) == 0)
			found = deed;
	}
	return found;
}

static void on_a_subscription(struct agent *agent)
{
	struct deed *deed = any(agent, DEED_SUBSCRIPTION);

	if (!deed || (deeds_alive(agent, DEED_SUBSCRIPTION) < AGENT_DEEDS_MAX && agent_dice(agent, 2)))
		subscribe(agent);
	else if (agent_dice(agent, 2))
		subscription_refresh(deed->subscription);
	else
		stop_subscription(deed);
}

static void on_a_publication(struct agent *agent)
{
	struct deed *deed = any(agent, DEED_PUBLICATION);

	if (!deed)
		publish(agent);
	else if (agent_dice(agent, 2))
		publication_changed(deed->publication);
	else
		stop_publication(deed);
}

static void on_a_watcher(struct agent *agent)
{
	struct deed *deed = any(agent, DEED_NOTIFIER);

	if (!deed || !deed->notifier || deed->refers)
		return;
	switch (agent_dice(agent, 4)) {
	case 0:
		notifier_end(deed->notifier, agent_dice(agent, 2) ? "deactivated" : "rejected", 0);
		deed->notifier = NULL;
		deed_over(deed);
		break;
	case 1: notifier_activate(deed->notifier); break;
	default: notifier_changed(deed->notifier); break;
	}
}

void states_act(struct agent *agent)
{
	if (!agent->registration) {
		use_registration(agent);
		return;
	}
	switch (agent_dice(agent, 8)) {
	case 0: use_registration(agent); break;
	case 1: ask(agent); break;
	case 2:
	case 3: on_a_publication(agent); break;
	case 4: on_a_watcher(agent); break;
	default: on_a_subscription(agent); break;
	}
}

void states_finish(struct agent *agent)
{
	LIST_EACH(&agent->deeds, node) {
		struct deed *deed = LIST_ENTRY(node, struct deed, node);
		if (deed->kind == DEED_SUBSCRIPTION)
			stop_subscription(deed);
		else if (deed->kind == DEED_PUBLICATION)
			stop_publication(deed);
	}
	/* One end, whether it is bound, never was, or is being removed already. */
	agent->registration_told = 0;
	registration_stop(agent->registration, false);
}

void states_check(struct agent *agent)
{
	LIST_EACH(&agent->deeds, node) {
		const struct deed *deed = LIST_ENTRY(node, struct deed, node);
		if (deed->last != 1 && !(deed->in_call && !deed->last))
			agent_fault(agent, "a deed of kind %d has %u outcomes at the end%s%s", deed->kind, deed->last,
				    deed->refers ? ", REFER" : "", deed->stopped ? ", stopped" : "");
	}
	if (agent->registration_told != 1)
		agent_fault(agent, "the end of the registration was told %u times", agent->registration_told);
}

/* Before the user agent is. */
void states_free(struct agent *agent)
{
	registration_free(agent->registration);
	agent->registration = NULL;
	LIST_EACH(&agent->deeds, node) {
		struct deed *deed = LIST_ENTRY(node, struct deed, node);
		subscription_free(deed->subscription);
		publication_free(deed->publication);
		deed->subscription = NULL;
		deed->publication = NULL;
	}
}

void states_handlers(struct agent *agent, struct ua_handlers *handlers)
{
	(void)agent;
	handlers->request = on_request;
}
