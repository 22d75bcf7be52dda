#include "tests/sim/agent.h"

#include "base/xmalloc.h"

#include <stdio.h>

void agent_fault(struct agent *agent, const char *format, ...)
{
	va_list args;

	if (*agent->fault)
		return;
	va_start(args, format);
	int n = snprintf(agent->fault, sizeof agent->fault, "%s at %d: ", agent->uri,
			 (int)(agent->host->world->timers.now_us / SECOND_US));
	vsnprintf(agent->fault + n, sizeof agent->fault - (size_t)n, format, args);
	va_end(args);
}

uint32_t agent_dice(const struct agent *agent, uint32_t bound)
{
	return random_below(&agent->host->world->random, bound);
}

struct deed *deed_new(struct agent *agent, enum deed_kind kind)
{
	struct deed *deed = xcalloc(1, sizeof *deed);

	deed->agent = agent;
	deed->kind = kind;
	list_append(&agent->deeds, &deed->node);
	return deed;
}

void deed_over(struct deed *deed)
{
	if (deed->last++)
		agent_fault(deed->agent, "a deed of kind %d has %u outcomes", deed->kind, deed->last);
	deed->agent->outcomes++;
}

size_t deeds_alive(const struct agent *agent, enum deed_kind kind)
{
	size_t count = 0;

	LIST_EACH(&agent->deeds, node) {
		const struct deed *deed = LIST_ENTRY(node, struct deed, node);
		count += deed->kind == kind && !deed->last;
	}
	return count;
}

static void act(void *arg)
{
	struct agent *agent = arg;

	if (agent->resting)
		return;
	if (agent_dice(agent, 3))
		calls_act(agent);
	else
		states_act(agent);
	timer_start(&agent->host->world->timers, &agent->next, (int64_t)(200 + agent_dice(agent, 4000)) * MS_US, act,
		    agent);
}

void agent_start(struct agent *agent, struct host *host, const char *user, const char *const *others,
		 const char *password, const char *realm, const struct session_options *options,
		 enum sip_protocol protocol, const char *route)
{
	struct ua_handlers handlers = { .arg = agent };

	agent->host = host;
	agent->others = others;
	agent->options = *options;
	agent->resting = false;
	snprintf(agent->uri, sizeof agent->uri, "sip:%s@192.0.2.1", user);
	snprintf(agent->instance, sizeof agent->instance, "urn:uuid:00000000-0000-4000-8000-%012u",
		 ntohl(host->address.u.v4.sin_addr.s_addr) & 0xff);
	agent->identity = (struct identity){
		.uri = agent->uri, .password = password, .realm = realm, .has_protocol = true, .protocol = protocol
	};
	agent->routes[0] = route;
	agent->identity.routes = route ? agent->routes : NULL;
	list_init(&agent->calls);
	list_init(&agent->deeds);
	calls_handlers(agent, &handlers);
	states_handlers(agent, &handlers);
	agent->ua = ua_new(&host->sip, &handlers);
	host->transport = transactions_transport(ua_transactions(agent->ua));
	*ua_settings(agent->ua) = (struct ua_settings){ .ring_timeout_us = 40 * SECOND_US,
							.events = "presence",
							.max_notifiers = 40,
							.session = *options,
							.max_sessions = 64 };
	states_act(agent); /* the first is to register */
	timer_start(&host->world->timers, &agent->next, SECOND_US, act, agent);
}

void agent_stop(struct agent *agent)
{
	if (!agent->ua)
		return;
	timer_stop(&agent->host->world->timers, &agent->next);
	agent->host->transport = NULL;
	states_free(agent);
	ua_free(agent->ua);
	calls_free(agent);
	LIST_EACH(&agent->deeds, node) {
		list_remove(node);
		free(LIST_ENTRY(node, struct deed, node));
	}
	agent->ua = NULL;
}

void agent_sweep(struct agent *agent)
{
	if (agent->ua)
		ua_sweep(agent->ua);
}

void agent_rest(struct agent *agent)
{
	agent->resting = true;
}

void agent_probe(struct agent *agent)
{
	calls_probe(agent);
}

void agent_rested(struct agent *agent)
{
	calls_rested(agent);
}

void agent_finish(struct agent *agent)
{
	calls_finish(agent);
	states_finish(agent);
}

void agent_check(struct agent *agent)
{
	calls_check(agent);
	states_check(agent);
	if (transactions_count(ua_transactions(agent->ua)))
		agent_fault(agent, "%zu transactions outlive their timers",
			    transactions_count(ua_transactions(agent->ua)));
	if (!ua_is_quiet(agent->ua))
		agent_fault(agent, "it still owes somebody something");
}
