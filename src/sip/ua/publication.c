#include "sip/ua/publication.h"

#include "base/xmalloc.h"
#include "sip/ua/request.h"

enum {
	RETRY_MIN_S = 30,
	RETRY_MAX_S = 60 * 60, /* pauses double up to here, and no Retry-After counts beyond */
	SHORT_S = 60,
	TOO_BRIEF_MAX = 2,
	AGAIN_MAX = 3, /* 412 in a row: a server that forgets each tag at once */
	STATE_MAX = 60000,
};

struct publication {
	struct mortal mortal;
	struct ua *ua;
	struct profile *profile;
	struct publication_handlers handlers;
	char *target, *event, *type, *etag; /* etag NULL: nothing is there */
	char *tag, *call_id;                /* of the request */
	uint32_t cseq;
	uint32_t asked;
	struct request *request;
	bool with_body, removes; /* of the request */
	bool repeats; /* the next is the last one for a longer time */
	bool changed, stopping, freed;
	unsigned failures, too_brief, again;
	struct timer timer;
};

static struct timers *timers_of(struct publication *p)
{
	return p->ua->world.timers;
}

static void send_publish(struct publication *p);

static void time_is_up(void *arg)
{
	struct publication *p = arg;

	if (!p->request)
		send_publish(p);
}

static void tell_removed(struct publication *p, const struct outcome *outcome)
{
	/* A 2xx without SIP-ETag may have started it, after the user had stopped. */
	timer_stop(timers_of(p), &p->timer);
	if (p->handlers.removed)
		p->handlers.removed(p->handlers.arg, outcome);
}

/* Nothing has to be removed. */
static void nothing_there(void *arg)
{
	struct outcome outcome = core_outcome(200, CAUSE_NONE, ERR_NONE);

	tell_removed(arg, &outcome);
}

/* ---- answers ---- */

static int64_t refresh_us(struct publication *p, uint32_t seconds)
{
	if (seconds < SHORT_S)
		return (int64_t)(seconds > 2 ? seconds : 2) * SECOND_US / 2;
	return (int64_t)seconds * (SECOND_US / 1000) * (850 + random_below(p->ua->world.random, 51));
}

static void accepted(struct publication *p, const struct sip_message *response)
{
	struct slice etag = slice_trim(sip_message_value(response, SIP_HEADER_SIP_ETAG));
	uint32_t seconds = p->asked;

	p->failures = p->too_brief = p->again = 0;
	free(p->etag);
	p->etag = etag.n ? slice_dup(etag) : NULL;
	if (!sip_message_seconds(response, SIP_HEADER_EXPIRES, &seconds) || !seconds)
		seconds = p->asked;
	timer_start(timers_of(p), &p->timer, refresh_us(p, seconds), time_is_up, p);
	if (p->handlers.published)
		p->handlers.published(p->handlers.arg, seconds);
}

/* @return true: another request went out in its place */
static bool mended(struct publication *p, const struct outcome *outcome)
{
	uint32_t least;

	if (outcome->status == 412 && p->etag && p->again++ < AGAIN_MAX) {
		/* The server does not know it any more: publish anew (4.1). */
		free(p->etag);
		p->etag = NULL;
		send_publish(p);
		return true;
	}
	if (outcome->status == 423 && outcome->response && p->too_brief++ < TOO_BRIEF_MAX &&
	    sip_message_seconds(outcome->response, SIP_HEADER_MIN_EXPIRES, &least) && least > p->asked) {
		p->asked = least;
		p->changed |= p->with_body;
		p->repeats = true;
		send_publish(p);
		return true;
	}
	return false;
}

static int64_t pause_after(struct publication *p, const struct outcome *outcome)
{
	struct slice value =
		outcome->response ? sip_message_value(outcome->response, SIP_HEADER_RETRY_AFTER) : slice_of(NULL);
	struct sip_retry_after after = { 0 };
	uint32_t seconds = p->failures < 8 ? (uint32_t)RETRY_MIN_S << p->failures : RETRY_MAX_S;

	switch (outcome->status) {
	case 408:
	case 412:
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
	p->failures++;
	if (value.n && sip_retry_after_parse(value, &after) && after.seconds > seconds)
		seconds = after.seconds;
	return (seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S) * SECOND_US;
}

static void refused(struct publication *p, const struct outcome *outcome)
{
	if (mended(p, outcome))
		return;
	int64_t pause_us = pause_after(p, outcome);
	/* What stands there may have expired by then. */
	free(p->etag);
	p->etag = NULL;
	if (pause_us >= 0)
		timer_start(timers_of(p), &p->timer, pause_us, time_is_up, p);
	if (p->handlers.failed)
		p->handlers.failed(p->handlers.arg, outcome, pause_us);
}

static void on_answer(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct publication *p = arg;

	(void)request;
	if (event != REQUEST_FINAL)
		return;
	p->request = NULL;
	bool good = outcome->response && outcome->status < 300;
	/* 412: it is not there any more. */
	if (p->removes && outcome->status == 412) {
		nothing_there(p);
		return;
	}
	if (p->removes) {
		tell_removed(p, outcome);
		return;
	}
	if (good)
		accepted(p, outcome->response);
	else if (!p->stopping)
		refused(p, outcome);
	if (p->freed || p->request)
		return;
	if (p->stopping && !p->etag)
		nothing_there(p);
	else if (p->stopping || (p->changed && good))
		send_publish(p);
}

/* ---- PUBLISH ---- */

static void add_state(struct publication *p, struct sip_draft *draft)
{
	struct buf body;

	/* A refresh goes without a body, and so does a removal (4.1). */
	p->with_body = !p->removes && (!p->etag || p->changed);
	p->changed = false;
	if (!p->with_body)
		return;
	buf_init(&body, STATE_MAX);
	p->handlers.body(p->handlers.arg, &body);
	sip_draft_body(draft, slice_of(p->type), buf_slice(&body));
	buf_fini(&body);
}

/* Each has a Call-ID of its own, but for one that is sent again (RFC 3261 8.1.1.4, 8.1.3.5). */
static void name_request(struct publication *p)
{
	if (p->repeats) {
		p->repeats = false;
		return;
	}
	free(p->tag);
	free(p->call_id);
	p->tag = core_token(p->ua, TAG_CHARS);
	p->call_id = core_token(p->ua, CALL_ID_CHARS);
	p->cseq = 0;
}

static enum err try_publish(struct publication *p)
{
	bool strict;
	enum err err;
	struct sip_draft *draft = request_outside(p->profile, SLICE("PUBLISH"), slice_of(p->target), &strict, &err);
	struct buf to;

	if (!draft)
		return err;
	name_request(p);
	buf_init(&to, SIP_MESSAGE_MAX);
	request_print_to(&to, slice_of(p->target));
	request_add_basics(draft, p->profile, true, slice_of(p->tag), buf_slice(&to), slice_of(p->call_id));
	buf_fini(&to);
	p->removes = p->stopping;
	sip_draft_add(draft, SIP_HEADER_EVENT, "%s", p->event);
	sip_draft_add(draft, SIP_HEADER_EXPIRES, "%u", p->removes ? 0 : p->asked);
	if (p->etag)
		sip_draft_add(draft, SIP_HEADER_SIP_IF_MATCH, "%s", p->etag);
	core_user_agent(p->ua, draft);
	add_state(p, draft);
	timer_stop(timers_of(p), &p->timer);
	p->request = request_start(p->ua, &(struct request_spec){ .profile = p->profile,
								  .draft = draft,
								  .strict = strict,
								  .takes_protocol = true,
								  .cseq = &p->cseq,
								  .event = on_answer,
								  .arg = p });
	return ERR_NONE;
}

static void send_publish(struct publication *p)
{
	/* It could be written before, so it can be now. */
	(void)!try_publish(p);
}

/* ---- life ---- */

static void bury(struct mortal *mortal)
{
	struct publication *p = CONTAINER_OF(mortal, struct publication, mortal);

	profile_unref(p->profile);
	free(p->target);
	free(p->event);
	free(p->type);
	free(p->etag);
	free(p->tag);
	free(p->call_id);
	free(p);
}

void publication_free(struct publication *p)
{
	if (!p || p->freed)
		return;
	p->freed = true;
	p->handlers = (struct publication_handlers){ 0 };
	timer_stop(timers_of(p), &p->timer);
	if (p->request)
		request_detach(p->request);
	p->request = NULL;
	core_bury(p->ua, &p->mortal, bury);
}

struct publication *publication_new(struct ua *ua, const struct publication_config *config, enum err *err)
{
	struct profile *profile = profile_new(config->identity);

	*err = ERR_SYNTAX;
	if (!profile)
		return NULL;
	struct publication *p = xcalloc(1, sizeof *p);
	p->ua = ua;
	p->profile = profile;
	p->handlers = config->handlers;
	p->target = slice_dup(config->target);
	p->event = slice_dup(config->event);
	p->type = slice_dup(config->content_type);
	p->asked = config->expires;
	*err = try_publish(p);
	if (!*err)
		return p;
	publication_free(p);
	return NULL;
}

void publication_changed(struct publication *p)
{
	if (p->stopping)
		return;
	p->changed = true;
	if (!p->request && !p->failures)
		send_publish(p);
}

void publication_stop(struct publication *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	timer_stop(timers_of(p), &p->timer);
	if (p->request)
		return;
	if (p->etag)
		send_publish(p);
	else
		timer_start(timers_of(p), &p->timer, 0, nothing_there, p);
}
