#include "tests/sim/agent.h"

#include "base/xmalloc.h"

#include <stdio.h>

static const char *const SDP =
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

static struct timers *timers_of(const struct agent *agent)
{
	return &agent->host->world->timers;
}

static int64_t soon(const struct agent *agent, uint32_t most_s)
{
	return (int64_t)agent_dice(agent, most_s * 1000) * MS_US;
}

static struct agent_call *call_new(struct agent *agent, bool caller)
{
	struct agent_call *call = xcalloc(1, sizeof *call);

	call->agent = agent;
	call->caller = caller;
	list_append(&agent->calls, &call->node);
	return call;
}

static size_t calls_alive(const struct agent *agent)
{
	size_t count = 0;

	LIST_EACH(&agent->calls, node)
		count += LIST_ENTRY(node, struct agent_call, node)->session != NULL;
	return count;
}

static struct agent_call *call_of(struct agent *agent, const struct session *session)
{
	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (session && call->session == session)
			return call;
	}
	return NULL;
}

/* One of those that are up, by chance; NULL: none. */
static struct agent_call *any_up(struct agent *agent, const struct agent_call *but)
{
	struct agent_call *found = NULL;
	uint32_t count = 0;

	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (call != but && call->session && call->up && agent_dice(agent, ++count) == 0)
			found = call;
	}
	return found;
}

bool agent_has_call(const struct agent *agent, const char *id, bool caller)
{
	LIST_EACH(&agent->calls, node) {
		const struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (call->session && call->up && call->caller == caller && !strcmp(call->id, id))
			return true;
	}
	return false;
}

/* ---- what the session tells ---- */

static void end_referral(struct agent_call *call)
{
	if (call->referral && !call->referral->last) {
		notifier_end(call->referral->notifier, "noresource", 0);
		deed_over(call->referral);
	}
	call->referral = NULL;
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	struct agent_call *call = arg;

	(void)leg;
	(void)message;
	if (call->session != session || call->answered++)
		agent_fault(call->agent, "a call is answered twice, or after its end");
	call->up = true;
	call->agent->calls_up += call->caller;
	end_referral(call);
	if (call->replaces && call_of(call->agent, call->replaces))
		session_hangup(call->replaces, slice_of(""));
	call->replaces = NULL;
}

static void over(struct agent_call *call, const struct session *session, const struct outcome *outcome, bool was_up)
{
	if (call->session != session || call->last++)
		agent_fault(call->agent, "a call has %u outcomes", call->last);
	if (!outcome->status || (outcome->status < 200 && was_up))
		agent_fault(call->agent, "a call ends with status %u", outcome->status);
	if (call->up != was_up)
		agent_fault(call->agent, "a call that was %sanswered %s", call->up ? "" : "not ",
			    was_up ? "has ended" : "has failed");
	call->session = NULL;
	call->up = false;
	call->agent->outcomes++;
	timer_stop(timers_of(call->agent), &call->act);
	end_referral(call);
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	over(arg, session, outcome, false);
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	if (by_peer != (request != NULL))
		agent_fault(((struct agent_call *)arg)->agent,
			    "a call ended by the peer has no request, or the reverse");
	over(arg, session, outcome, true);
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	struct agent_call *call = arg;

	(void)session;
	(void)leg;
	(void)message;
	if (agent_dice(call->agent, 40) == 0 && !call->agent->resting)
		return 488;
	buf_add(answer, slice_of(SDP));
	return 0;
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	(void)arg;
	(void)session;
	(void)leg;
	(void) final;
	return message->body.n > 0;
}

static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	(void)arg;
	(void)session;
	(void)leg;
	buf_add(offer, slice_of(SDP));
}

static void note_change(struct agent_call *call, const struct outcome *outcome)
{
	if (!outcome->status || ++call->changed > call->changes)
		agent_fault(call->agent, "%u outcomes of %u changes", call->changed, call->changes);
}

static void on_reinvited(void *arg, struct session *session, const struct outcome *outcome)
{
	struct agent_call *call = arg;

	(void)session;
	call->reinvites = false;
	note_change(call, outcome);
}

static void on_updated(void *arg, struct session *session, const struct outcome *outcome)
{
	struct agent_call *call = arg;

	(void)session;
	call->updates = false;
	note_change(call, outcome);
}

static void change(struct agent_call *call, unsigned how);

/* Some do not wait for the answer before they want something else. */
static void on_provisional(void *arg, struct session *session, int leg, struct sip_message *response)
{
	struct agent_call *call = arg;

	(void)session;
	if (call->agent->host->world->hasty && leg >= 0 && call->session && !call->agent->resting)
		change(call, response->status == 183 ? 2 : 3);
}

static unsigned on_request(void *arg, struct session *session, struct server_transaction *st,
			   struct sip_message *request);

static void handlers_of(struct agent_call *call, struct session_handlers *handlers)
{
	*handlers = (struct session_handlers){ .provisional = on_provisional,
					       .answered = on_answered,
					       .failed = on_failed,
					       .ended = on_ended,
					       .offer = on_offer,
					       .answer = on_answer,
					       .make_offer = on_make_offer,
					       .reinvited = on_reinvited,
					       .updated = on_updated,
					       .request = on_request,
					       .arg = call };
}

/* ---- calling ---- */

static struct agent_call *dial(struct agent *agent, struct slice target, const struct extra_header *extra)
{
	struct agent_call *call = call_new(agent, true);
	struct call_config config = { .identity = &agent->identity,
				      .target = target,
				      .offer = agent_dice(agent, 4) ? slice_of(SDP) : slice_of(""),
				      .extra = extra,
				      .extra_count = extra != NULL,
				      .timeout_us = 30 * SECOND_US };
	enum err err;

	handlers_of(call, &config.handlers);
	call->session = session_call(agent->ua, &config, &err);
	if (call->session)
		snprintf(call->id, sizeof call->id, "%.*s", SLICE_ARG(session_call_id(call->session)));
	else
		call->last = 1;
	return call;
}

/* REFER: a call to who is named, perhaps in the place of another; what the way has spoilt is not passed on. */
static void follow_refer(struct agent *agent, struct sip_message *request, struct deed *deed)
{
	const struct sip_address *to = sip_message_address(request, SIP_HEADER_REFER_TO, 0);
	struct extra_header replaces = { SLICE("Replaces"), { 0 } };
	struct sip_replaces read;
	struct arena arena;
	struct buf target;

	if (!to || calls_alive(agent) >= 2 * AGENT_CALLS_MAX)
		return;
	arena_init(&arena);
	buf_init(&target, 4096);
	sip_uri_print_request(&target, &to->uri);
	struct slice headers = to->uri.headers;
	if (slice_ibegins(headers, SLICE("Replaces=")))
		replaces.value = sip_unescape(&arena, slice_from(slice_cut(&headers, '&'), strlen("Replaces=")));
	bool named = sip_replaces_parse(replaces.value, &read);
	struct agent_call *call = dial(agent, buf_slice(&target), named ? &replaces : NULL);
	if (call->session && deed && !deed->last)
		call->referral = deed;
	buf_fini(&target);
	arena_fini(&arena);
}

static unsigned on_request(void *arg, struct session *session, struct server_transaction *st,
			   struct sip_message *request)
{
	struct agent_call *call = arg;
	struct deed *deed = NULL;

	if (call->session != session)
		agent_fault(call->agent, "a request in a call that is over");
	if (request->method != SIP_REFER)
		return request->method == SIP_INFO ? 200 : 0;
	sip_message_ref(request);
	unsigned status = states_take_refer(call->agent, session, st, request, &deed);
	if (deed)
		follow_refer(call->agent, request, deed);
	sip_message_unref(request);
	return status;
}

/* ---- being called ---- */

static void callee_acts(void *arg)
{
	struct agent_call *call = arg;
	enum err err;

	if (!call->session || session_state(call->session) >= SESSION_CONFIRMED)
		return;
	switch (call->plan % 10) {
	case 0:
		err = session_reject(call->session, 486, slice_of(""), slice_of(""));
		break;
	case 1:
		err = session_reject(call->session, 603, slice_of(""), slice_of(""));
		break;
	case 2:
		err = session_reject(call->session, 302, slice_of(""), SLICE("sip:nobody@192.0.2.1"));
		break;
	case 3: /* never answers */
		err = ERR_NONE;
		break;
	default:
		err = session_answer(call->session);
		break;
	}
	if (err != ERR_NONE && err != ERR_STATE && err != ERR_MEDIA)
		agent_fault(call->agent, "answering says %s", err_name(err));
}

static void on_incoming(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	struct agent *agent = arg;
	struct agent_call *call = call_new(agent, false);
	struct session_handlers handlers;

	(void)invite;
	(void)source;
	call->session = session;
	call->plan = agent_dice(agent, 1000);
	snprintf(call->id, sizeof call->id, "%.*s", SLICE_ARG(session_call_id(session)));
	handlers_of(call, &handlers);
	session_set_handlers(session, &handlers);
	session_set_identity(session, &agent->identity);
	call->replaces = session_replaced(session);
	if (call->replaces) {
		(void)!session_answer(session);
		return;
	}
	if (agent_dice(agent, 4))
		(void)!session_progress(session, 180, slice_of(""));
	if (agent_dice(agent, 3) == 0)
		(void)!session_progress(session, 183, invite->body.n ? slice_of(SDP) : slice_of(""));
	timer_start(timers_of(agent), &call->act, soon(agent, 6), callee_acts, call);
}

/* ---- in calls ---- */

/* To C what A says of its call with it, else to anybody. */
static void transfer(struct agent *agent, struct agent_call *call)
{
	struct agent_call *other = agent_dice(agent, 2) ? any_up(agent, call) : NULL;
	struct extra_header refer_to = { SLICE("Refer-To"), { 0 } };
	struct buf replaces, value;

	if (call->refer && !call->refer->last)
		return;
	buf_init(&value, 4096);
	buf_init(&replaces, 1024);
	if (other && session_print_replaces(other->session, &replaces) && session_remote_target(other->session)) {
		buf_printf(&value, "<%s?Replaces=", session_remote_target(other->session));
		for (size_t i = 0; i < replaces.n; i++)
			buf_printf(&value, "%%%02X", (unsigned char)replaces.p[i]);
		buf_printf(&value, ">");
	} else {
		buf_printf(&value, "<%s>", agent->others[agent_dice(agent, 3)]);
	}
	refer_to.value = buf_slice(&value);
	struct deed *deed = deed_new(agent, DEED_SUBSCRIPTION);
	struct subscription_config config = { .identity = &agent->identity,
					      .method = SLICE("REFER"),
					      .event = SLICE("refer"),
					      .extra = &refer_to,
					      .extra_count = 1,
					      .expires = 60,
					      .dialog = session_dialog(call->session) };
	enum err err;
	config.handlers = deed_subscription_handlers;
	config.handlers.arg = deed;
	deed->refers = true;
	deed->subscription = subscription_new(agent->ua, &config, &err);
	if (!deed->subscription)
		deed_over(deed);
	call->refer = deed;
	buf_fini(&value);
	buf_fini(&replaces);
}

static void change(struct agent_call *call, unsigned how)
{
	bool *waits = how == 2 || how == 3 ? &call->updates : &call->reinvites, waited = *waits;
	enum err err;

	*waits = true; /* it may be told at once */
	switch (how) {
	case 0: err = session_reinvite(call->session, slice_of(SDP)); break;
	case 1: err = session_reinvite(call->session, slice_of("")); break;
	case 2: err = session_update(call->session, true); break;
	case 3: err = session_update(call->session, false); break;
	default: err = session_reoffer(call->session); break;
	}
	call->changes += err == ERR_NONE;
	if (err != ERR_NONE)
		*waits = waited;
	if (err != ERR_NONE && err != ERR_UNSUPPORTED && err != ERR_STATE)
		agent_fault(call->agent, "a change says %s", err_name(err));
}

static void inform(struct agent_call *call)
{
	struct deed *deed = deed_new(call->agent, DEED_REQUEST);

	deed->in_call = true;
	if (session_request(call->session, SLICE("INFO"), SLICE("text/plain"), SLICE("x"), NULL, 0, deed_final, deed) !=
	    ERR_NONE)
		deed_over(deed);
}

void calls_act(struct agent *agent)
{
	struct agent_call *call = any_up(agent, NULL);
	uint32_t what = agent_dice(agent, 12);

	if (!call || what < 3) {
		if (calls_alive(agent) < AGENT_CALLS_MAX)
			(void)dial(agent, slice_of(agent->others[agent_dice(agent, 3)]), NULL);
		return;
	}
	switch (what) {
	case 3:
	case 4:
		session_hangup(call->session, slice_of(""));
		break;
	case 5:
		transfer(agent, call);
		break;
	case 6:
		inform(call);
		break;
	default:
		change(call, what - 7);
		break;
	}
}

void calls_probe(struct agent *agent)
{
	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (call->session && call->up)
			change(call, 4);
	}
}

void calls_rested(struct agent *agent)
{
	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (call->session && call->up && (call->reinvites || call->updates))
			agent_fault(agent, "call %s: the outcome of a%s is never told", call->id,
				    call->updates ? "n UPDATE" : " re-INVITE");
	}
}

void calls_finish(struct agent *agent)
{
	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (call->session)
			session_hangup(call->session, slice_of(""));
	}
}

void calls_check(struct agent *agent)
{
	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		if (call->session || call->last != 1)
			agent_fault(agent, "a call has %u outcomes at the end%s", call->last,
				    call->session ? ", and is there still" : "");
	}
}

void calls_free(struct agent *agent)
{
	LIST_EACH(&agent->calls, node) {
		struct agent_call *call = LIST_ENTRY(node, struct agent_call, node);
		timer_stop(timers_of(agent), &call->act);
		list_remove(node);
		free(call);
	}
}

void calls_handlers(struct agent *agent, struct ua_handlers *handlers)
{
	(void)agent;
	handlers->incoming = on_incoming;
}
