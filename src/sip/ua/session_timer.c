/* How long a session lives without a sign of life (RFC 4028): asking, answering, refreshing, the end. */
#include "base/xmalloc.h"
#include "sip/ua/session_internal.h"

enum { USUAL_INTERVAL_S = 1800, SAFETY_S = 32, TIMER_MOST_S = 30 * 86400 };

bool session_peer_supports(const struct sip_message *message, const char *option)
{
	return sip_message_lists(message, SIP_HEADER_SUPPORTED, slice_of(option)) ||
	       sip_message_lists(message, SIP_HEADER_REQUIRE, slice_of(option));
}

uint32_t session_least_s(const struct session_options *options)
{
	return options->least_s > SESSION_INTERVAL_LEAST_S ? options->least_s : SESSION_INTERVAL_LEAST_S;
}

static bool read_interval(const struct sip_message *message, struct sip_session_expires *expires)
{
	return sip_session_expires_parse(sip_message_value(message, SIP_HEADER_SESSION_EXPIRES), expires);
}

/* Min-SE of a message; 90 s when it says nothing (5). */
static uint32_t min_se(const struct sip_message *message)
{
	struct sip_session_expires least;

	if (!sip_session_expires_parse(sip_message_value(message, SIP_HEADER_MIN_SE), &least) ||
	    least.seconds < SESSION_INTERVAL_LEAST_S)
		return SESSION_INTERVAL_LEAST_S;
	return least.seconds < TIMER_MOST_S ? least.seconds : TIMER_MOST_S;
}

bool session_interval_too_small(const struct sip_message *request, const struct session_options *options)
{
	struct sip_session_expires expires;

	return options->timer != TIMER_OFF && read_interval(request, &expires) &&
	       expires.seconds < session_least_s(options) && session_peer_supports(request, "timer");
}

/* ---- the clock ---- */

void session_clock_stop(struct session *session)
{
	timer_stop(session->ua->world.timers, &session->clock.refresh);
	timer_stop(session->ua->world.timers, &session->clock.expiry);
	session->clock.runs = false;
}

/* Nobody gave a sign of life. */
static void expired(void *arg)
{
	struct session *session = arg;

	session->clock.runs = false;
	if (session_is_over(session))
		return;
	if (!session->reason)
		session->reason = xstrdup("SIP;cause=408;text=\"Session timer expired\"");
	session_break(session, core_outcome(408, CAUSE_TIMEOUT, ERR_TIMEOUT));
}

static void refresh(void *arg)
{
	struct session *session = arg;

	if (session->state != SESSION_CONFIRMED)
		return;
	/* What is under way refreshes as well. */
	if (session->reinvite || session->reinvite_waits || session->update.request || session->update.waits)
		return;
	if (session->leg->peer_updates)
		session_refresh_by_update(session);
	else
		session_refresh_by_invite(session);
}

/* Halfway to the end the refresher acts; who waits for it ends the session a little before the time is up (10). */
static void start(struct session *session, uint32_t interval_s, bool we_refresh)
{
	struct timers *timers = session->ua->world.timers;
	struct session_clock *clock = &session->clock;
	uint32_t safety_s = interval_s / 3 < SAFETY_S ? interval_s / 3 : SAFETY_S;

	clock->runs = true;
	clock->we_refresh = we_refresh;
	clock->interval_s = interval_s;
	timer_stop(timers, &clock->refresh);
	if (we_refresh)
		timer_start(timers, &clock->refresh, (int64_t)interval_s * SECOND_US / 2, refresh, session);
	timer_start(timers, &clock->expiry, (int64_t)(interval_s - safety_s) * SECOND_US, expired, session);
}

static uint32_t bounded(uint32_t seconds)
{
	return seconds < TIMER_MOST_S ? seconds : TIMER_MOST_S;
}

bool session_interval(const struct session *session, uint32_t *interval_s, bool *we_refresh, uint32_t *left_s)
{
	const struct session_clock *clock = &session->clock;
	const struct timer *next = clock->we_refresh && timer_running(&clock->refresh) ? &clock->refresh
										       : &clock->expiry;

	if (!clock->runs)
		return false;
	int64_t left_us = next->due_us - session->ua->world.timers->now_us;
	*interval_s = clock->interval_s;
	*we_refresh = clock->we_refresh;
	*left_s = left_us > 0 ? (uint32_t)(left_us / SECOND_US) : 0;
	return true;
}

/* ---- as who asks (7) ---- */

static uint32_t wanted_s(const struct session *session)
{
	uint32_t wanted = session->clock.asked_s     ? session->clock.asked_s
			  : session->options.expires_s ? session->options.expires_s
						       : USUAL_INTERVAL_S;
	uint32_t least = session_least_s(&session->options);

	return wanted < least ? least : wanted;
}

void session_clock_ask(struct session *session, struct sip_draft *draft)
{
	const struct session_clock *clock = &session->clock;
	uint32_t least = clock->least_s > session_least_s(&session->options) ? clock->least_s
									     : session_least_s(&session->options);

	if (session->options.timer == TIMER_OFF)
		return;
	if (clock->runs)
		sip_draft_add(draft, SIP_HEADER_SESSION_EXPIRES, "%u;refresher=%s",
			      clock->interval_s > clock->asked_s ? clock->interval_s : clock->asked_s,
			      clock->we_refresh ? "uac" : "uas");
	else if (session->options.timer != TIMER_OPTIONAL || clock->asked_s)
		sip_draft_add(draft, SIP_HEADER_SESSION_EXPIRES, "%u", wanted_s(session));
	if (least > SESSION_INTERVAL_LEAST_S)
		sip_draft_add(draft, SIP_HEADER_MIN_SE, "%u", least);
}

void session_clock_take(struct session *session, const struct sip_message *response)
{
	struct sip_session_expires expires;

	session->clock.too_small = 0;
	if (session->options.timer == TIMER_OFF)
		return;
	if (read_interval(response, &expires)) {
		uint32_t seconds = expires.seconds < SESSION_INTERVAL_LEAST_S ? SESSION_INTERVAL_LEAST_S
									      : bounded(expires.seconds);
		start(session, seconds, !slice_ieq(expires.refresher, SLICE("uas")));
	} else if (session->options.timer == TIMER_ALWAYS) {
		/* The peer knows nothing of it: then it is refreshed, and found dead, by us alone (7.2). */
		start(session, wanted_s(session), true);
	} else {
		session_clock_stop(session);
	}
}

bool session_clock_retry(struct session *session, const struct sip_message *response)
{
	struct session_clock *clock = &session->clock;
	uint32_t least = min_se(response);

	if (session->options.timer == TIMER_OFF || !sip_message_header(response, SIP_HEADER_MIN_SE, 0) ||
	    ++clock->too_small > TOO_SMALL_MAX)
		return false;
	clock->least_s = least > clock->least_s ? least : clock->least_s;
	clock->asked_s = wanted_s(session) > clock->least_s ? wanted_s(session) : clock->least_s;
	return true;
}

void session_clock_failed(struct session *session, const struct outcome *outcome)
{
	struct session_clock *clock = &session->clock;
	uint32_t pause_s = 10;
	struct sip_retry_after after;

	if (!clock->runs || !clock->we_refresh || timer_running(&clock->refresh) || session_is_over(session))
		return;
	if (outcome->response &&
	    sip_retry_after_parse(sip_message_value(outcome->response, SIP_HEADER_RETRY_AFTER), &after) &&
	    after.seconds > pause_s)
		pause_s = bounded(after.seconds);
	timer_start(session->ua->world.timers, &clock->refresh, (int64_t)pause_s * SECOND_US, refresh, session);
}

/* ---- as who answers (9) ---- */

/* Who refreshes? Who cannot do timers does not; what the request names stands; else whoever did, at first the caller.
 */
static bool choose_refresher(const struct session *session, struct slice named, bool peer_can)
{
	if (!peer_can)
		return true;
	if (named.n)
		return slice_ieq(named, SLICE("uas"));
	return session->clock.runs && session->clock.we_refresh;
}

void session_clock_answer(struct session *session, const struct sip_message *request, struct sip_draft *draft)
{
	bool peer_can = session_peer_supports(request, "timer");
	struct sip_session_expires expires = { 0 };
	uint32_t seconds = wanted_s(session), least = min_se(request);

	if (session->options.timer == TIMER_OFF)
		return;
	if (read_interval(request, &expires)) {
		/* It may be made shorter, but neither side's least may be undercut (9). */
		if (session->options.timer == TIMER_OPTIONAL || seconds > expires.seconds)
			seconds = expires.seconds;
		seconds = seconds < least ? least : seconds;
	} else if (session->options.timer == TIMER_ALWAYS || (session->options.timer == TIMER_REQUIRED && peer_can)) {
		seconds = seconds < least ? least : seconds;
	} else {
		session_clock_stop(session);
		return;
	}
	bool we_refresh = choose_refresher(session, expires.refresher, peer_can);
	seconds = bounded(seconds);
	sip_draft_add(draft, SIP_HEADER_SESSION_EXPIRES, "%u;refresher=%s", seconds, we_refresh ? "uas" : "uac");
	if (!we_refresh)
		sip_draft_add(draft, SIP_HEADER_REQUIRE, "timer");
	start(session, seconds, we_refresh);
}
