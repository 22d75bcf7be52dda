#include "sip/ua/registration.h"

#include "base/xmalloc.h"
#include "sip/ua/outbound.h"
#include "sip/ua/registration_internal.h"
#include "sip/ua/request.h"

#include <assert.h>

enum {
	RETRY_MIN_S = 30,
	RETRY_MAX_S = 30 * 60,       /* pauses after failures double between these */
	RETRY_AFTER_MAX_S = 60 * 60, /* a registrar that says "later" is believed up to here */
	SHORT_S = 60,                /* bindings shorter than this are refreshed at half their time */
	TOO_BRIEF_MAX = 2,           /* 423 in a row */
	REDIRECTS_MAX = 5,           /* 3xx in a row */
};

static int64_t now_us(const struct registration *r)
{
	return r->ua->world.timers->now_us;
}

/* ---- life ---- */

struct registration *registration_new(struct ua *ua, const struct registration_config *config, enum err *err)
{
	struct profile *profile = profile_new(config->identity);
	char *registrar = registrar_uri(config->registrar);
	struct buf text;

	*err = ERR_SYNTAX;
	if (!profile || !profile->identity.uri || !registrar) {
		profile_unref(profile);
		free(registrar);
		return NULL;
	}
	*err = ERR_NONE;
	struct registration *r = xcalloc(1, sizeof *r);
	r->ua = ua;
	r->profile = profile;
	/* Who registers says who it is, and finds out by itself where it is seen. */
	profile->identity.anonymous = false;
	profile->identity.has_contact = profile->identity.ob = false;
	profile->identity.gruu = profile->identity.temporary_gruu = NULL;
	outbound_init(&r->outbound, config->instance, config->reg_id, config->outbound, config->gruu);
	r->handlers = config->handlers;
	r->asked = config->expires ? config->expires : 3600;
	r->registrar = registrar;
	buf_init(&text, SIP_MESSAGE_MAX);
	profile_from(profile, true, &text);
	r->to = buf_take(&text);
	r->call_id = core_token(ua, CALL_ID_CHARS);
	r->tag = core_token(ua, TAG_CHARS);
	list_append(&ua->registrations, &r->node);
	return r;
}

static void forget_left(struct registration *r)
{
	for (size_t i = 0; i < REGISTRATION_LEFT_MAX; i++)
		xreplace(&r->left[i], NULL);
}

static void bury(struct mortal *mortal)
{
	struct registration *r = CONTAINER_OF(mortal, struct registration, mortal);

	profile_unref(r->profile);
	free(r->registrar);
	free(r->elsewhere);
	free(r->to);
	free(r->call_id);
	free(r->tag);
	free(r->contact);
	free(r->stale_contact);
	forget_left(r);
	outbound_fini(&r->outbound);
	free(r);
}

void registration_free(struct registration *registration)
{
	if (!registration || registration->freed)
		return;
	registration->freed = true;
	registration->handlers = (struct registration_handlers){ 0 };
	timer_stop(registration->ua->world.timers, &registration->timer);
	if (registration->request)
		request_detach(registration->request);
	registration->request = NULL;
	registration_keep_alive(registration, NULL);
	list_remove(&registration->node);
	core_bury(registration->ua, &registration->mortal, bury);
}

/* ---- REGISTER ---- */

void registration_remove_also(struct registration *r, const char *contact)
{
	for (size_t i = 0; i < REGISTRATION_LEFT_MAX; i++) {
		if (r->left[i])
			continue;
		r->left[i] = xstrdup(contact);
		return;
	}
}

const char *registration_elsewhere(const struct registration *r)
{
	return r->elsewhere;
}

const char *registration_contact_uri(const struct registration *r)
{
	return r->contact;
}

/* The registrar that is asked now. */
static struct slice registrar_of(const struct registration *r)
{
	return slice_of(r->elsewhere ? r->elsewhere : r->registrar);
}

static bool prepare(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct registration *r = arg;
	bool secure = slice_ibegins(registrar_of(r), SLICE("sips:"));
	struct buf contact;

	if (r->errand == ERRAND_FETCH)
		return true;
	if (r->errand == ERRAND_REMOVE_ALL) {
		sip_draft_add(draft, SIP_HEADER_CONTACT, "*");
		return true;
	}
	buf_init(&contact, 2048);
	bool ok = profile_contact(r->profile, registration_transport(r), target, secure, slice_of(NULL), &contact);
	if (ok) {
		/* A binding is removed as it was made, even when our address has changed since. */
		if (r->errand == ERRAND_REFRESH || !r->contact)
			registration_note_contact(r, buf_slice(&contact), target);
		buf_clear(&contact);
		buf_printf(&contact, "<%s>", r->contact);
		outbound_add_params(&r->outbound, &contact);
		buf_printf(&contact, ";expires=%u", r->errand == ERRAND_REFRESH ? r->asked : 0);
		sip_draft_add_slice(draft, SIP_HEADER_CONTACT, buf_slice(&contact));
		if (r->stale_contact && strcmp(r->stale_contact, r->contact) != 0)
			sip_draft_add(draft, SIP_HEADER_CONTACT, "<%s>;expires=0", r->stale_contact);
		for (size_t i = 0; i < REGISTRATION_LEFT_MAX && r->errand == ERRAND_REFRESH; i++)
			if (r->left[i] && strcmp(r->left[i], r->contact) != 0)
				sip_draft_add(draft, SIP_HEADER_CONTACT, "<%s>;expires=0", r->left[i]);
		if (r->errand == ERRAND_REFRESH && r->handlers.binds)
			r->handlers.binds(r->handlers.arg, r, slice_of(r->contact));
	}
	buf_fini(&contact);
	return ok;
}

static request_event_h on_answer;

static void send_register(struct registration *r, enum registration_errand errand)
{
	bool strict;
	enum err err;

	assert(!r->request);
	timer_stop(r->ua->world.timers, &r->timer);
	r->errand = errand;
	struct sip_draft *draft = request_outside(r->profile, SLICE("REGISTER"), registrar_of(r), &strict, &err);
	if (!draft) {
		/* A Route that is no URI: it will not become one. */
		struct outcome outcome = core_outcome(503, CAUSE_CONNECT, err);
		r->state = REGISTRATION_FAILED;
		if (r->handlers.failed)
			r->handlers.failed(r->handlers.arg, r, &outcome, 0);
		return;
	}
	request_add_basics(draft, r->profile, true, slice_of(r->tag), slice_of(r->to), slice_of(r->call_id));
	if (errand == ERRAND_REFRESH)
		sip_draft_add(draft, SIP_HEADER_EXPIRES, "%u", r->asked);
	else if (errand != ERRAND_FETCH)
		sip_draft_add(draft, SIP_HEADER_EXPIRES, "0");
	sip_draft_add_slice(draft, SIP_HEADER_ALLOW, core_allow());
	outbound_add_supported(&r->outbound, draft);
	core_user_agent(r->ua, draft);
	r->request = request_start(r->ua, &(struct request_spec){ .profile = r->profile,
								  .draft = draft,
								  .strict = strict,
								  .takes_protocol = true,
								  .registers = true,
								  .elsewhere = r->elsewhere != NULL,
								  .cseq = &r->cseq,
								  .prepare = prepare,
								  .event = on_answer,
								  .arg = r });
}

/* The next errand that waits, the important ones first. */
static void go_on(struct registration *r)
{
	static const enum registration_errand order[] = { ERRAND_REMOVE_ALL, ERRAND_REMOVE, ERRAND_REFRESH,
							  ERRAND_FETCH };

	for (size_t i = 0; !r->request && !r->freed && i < ARRAY_LEN(order); i++) {
		if (!(r->waiting & order[i]))
			continue;
		r->waiting &= ~(unsigned)order[i];
		send_register(r, order[i]);
	}
}

static void time_is_up(void *arg)
{
	struct registration *r = arg;

	r->waiting |= ERRAND_REFRESH;
	if (r->state != REGISTRATION_REGISTERED)
		r->state = REGISTRATION_TRYING;
	go_on(r);
}

void registration_wait_us(struct registration *r, int64_t us)
{
	timer_start(r->ua->world.timers, &r->timer, us, time_is_up, r);
}

/* ---- answers ---- */

/*
 * What the registrar granted: the expires of our Contact, else Expires, else what we asked for (10.2.4). Simple ones
 * send our Contact back as it was, with a shorter Expires beside it: then that is meant. Gateways on the way write
 * another Contact in its place, with a time of their own: ours is the newest, so that with the longest time left.
 */
static uint32_t granted(const struct registration *r, const struct sip_message *response)
{
	const struct sip_address *binding = response_binding(response, slice_of(r->contact), &r->outbound);
	uint32_t seconds, whole;
	bool has_whole = sip_message_seconds(response, SIP_HEADER_EXPIRES, &whole);

	if (!binding && (seconds = response_longest(response)) != 0)
		return seconds < r->asked ? seconds : r->asked;
	if (!binding || !sip_address_expires(binding, &seconds))
		return has_whole ? whole : r->asked;
	return has_whole && whole && whole < seconds && seconds == r->asked ? whole : seconds;
}

/* Refresh well before the end; not all phones that a power cut restarted at the same moment. */
static int64_t refresh_us(const struct registration *r, uint32_t seconds)
{
	int64_t whole_us = (int64_t)seconds * SECOND_US;

	if (seconds < SHORT_S)
		return whole_us / 2;
	return whole_us / 1000 * (850 + random_below(r->ua->world.random, 51));
}

static void refused(struct registration *r, const struct outcome *outcome);

static void registered(struct registration *r, const struct outcome *outcome)
{
	uint32_t seconds = granted(r, outcome->response);
	bool first = r->state != REGISTRATION_REGISTERED;

	/* A binding for no time is none. */
	if (!seconds) {
		struct outcome none = core_outcome_of(outcome->response, CAUSE_REFUSED);
		refused(r, &none);
		return;
	}
	if (registration_change_face(r, outcome->response)) {
		r->waiting |= ERRAND_REFRESH;
		return;
	}
	free(r->stale_contact);
	r->stale_contact = NULL;
	forget_left(r);
	r->tried_face = false;
	r->strange = r->elsewhere && !request_is_at_home(r->request);
	r->failures = r->too_brief = r->redirects = 0;
	r->expires_us = now_us(r) + (int64_t)seconds * SECOND_US;
	r->state = REGISTRATION_REGISTERED;
	outbound_learn(&r->outbound, outcome->response,
		       response_binding(outcome->response, slice_of(r->contact), &r->outbound));
	registration_keep_alive(r, request_target(r->request));
	if (r->keeps_alive)
		transport_keep_alive_agreed(registration_transport(r), &r->kept, r->outbound.agreed,
					    (int64_t)r->outbound.flow_timer_s * SECOND_US);
	registration_wait_us(r, refresh_us(r, seconds));
	if (r->handlers.registered)
		r->handlers.registered(r->handlers.arg, r, seconds, first);
}

static int64_t retry_us(struct registration *r, const struct outcome *outcome)
{
	struct slice value =
		outcome->response ? sip_message_value(outcome->response, SIP_HEADER_RETRY_AFTER) : slice_of(NULL);
	struct sip_retry_after after;
	uint32_t seconds = RETRY_MAX_S;

	if (value.n && sip_retry_after_parse(value, &after)) {
		seconds = after.seconds < RETRY_AFTER_MAX_S ? after.seconds : RETRY_AFTER_MAX_S;
		return (int64_t)(seconds ? seconds : 1) * SECOND_US;
	}
	if (r->failures < 6)
		seconds = (uint32_t)RETRY_MIN_S << r->failures;
	seconds = seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S;
	r->failures++;
	int64_t us = seconds * SECOND_US + random_below(r->ua->world.random, seconds * 200) * MS_US;
	return us < RETRY_MAX_S * SECOND_US ? us : RETRY_MAX_S * SECOND_US;
}

/* 423: the registrar wants longer bindings. @return true: asked for, try again at once (10.3) */
static bool ask_longer(struct registration *r, const struct outcome *outcome)
{
	uint32_t least;

	if (outcome->status != 423 || !outcome->response || ++r->too_brief > TOO_BRIEF_MAX ||
	    !sip_message_seconds(outcome->response, SIP_HEADER_MIN_EXPIRES, &least) || least <= r->asked)
		return false;
	r->asked = least;
	return true;
}

/*
 * The registrar sends us to another one (8.1.3.4). It is asked as long as it answers; a failure goes back to the first.
 * A registrar that was to be reached securely only sends to another such.
 */
static bool go_elsewhere(struct registration *r, const struct outcome *outcome)
{
	if (!outcome->response || outcome->status < 300 || outcome->status > 302 || r->redirects >= REDIRECTS_MAX)
		return false;
	char *target = response_registrar(outcome->response);
	bool downgrade = slice_ibegins(slice_of(r->registrar), SLICE("sips:")) &&
			 !slice_ibegins(slice_of(target), SLICE("sips:"));
	if (!target || downgrade || slice_eq(slice_of(target), registrar_of(r))) {
		free(target);
		return false;
	}
	r->redirects++;
	free(r->elsewhere);
	r->elsewhere = target;
	return true;
}

/* 439: a proxy in between cannot keep our flow. The binding is made as of old (RFC 5626 11.6). */
static bool go_without_outbound(struct registration *r, const struct outcome *outcome)
{
	if (outcome->status != 439 || !outcome->response || r->outbound.refused)
		return false;
	r->outbound.refused = true;
	return true;
}

static void refused(struct registration *r, const struct outcome *outcome)
{
	struct outcome told = *outcome;
	int64_t pause_us = 0;

	if (ask_longer(r, outcome) || go_elsewhere(r, outcome) || go_without_outbound(r, outcome)) {
		r->waiting |= ERRAND_REFRESH;
		return;
	}
	r->redirects = 0;
	if (told.cause == CAUSE_RESPONSE)
		told.cause = CAUSE_REFUSED;
	r->state = REGISTRATION_FAILED;
	r->tried_face = false;
	r->too_brief = 0;
	if (response_is_final(outcome->status) && outcome->response) {
		r->expires_us = 0;
		outbound_forget(&r->outbound);
		registration_keep_alive(r, NULL);
	} else {
		pause_us = retry_us(r, outcome);
		registration_wait_us(r, pause_us);
	}
	if (r->handlers.failed)
		r->handlers.failed(r->handlers.arg, r, &told, pause_us);
	free(r->elsewhere);
	r->elsewhere = NULL;
}

static void removed(struct registration *r, const struct outcome *outcome)
{
	struct outcome told = *outcome;

	if (told.cause == CAUSE_RESPONSE)
		told.cause = CAUSE_REFUSED;
	r->state = REGISTRATION_IDLE;
	registration_keep_alive(r, NULL);
	/* What the registrar did not let go stays until its time is over. */
	if (outcome->status < 300)
		r->expires_us = 0;
	outbound_forget(&r->outbound);
	if (r->handlers.unregistered)
		r->handlers.unregistered(r->handlers.arg, r, &told);
}

/*
 * A first REGISTER that was refused, or that nobody has answered, made no binding: the removal that waits behind it
 * would only take as long again.
 */
static bool made_no_binding(const struct registration *r, const struct outcome *outcome)
{
	return r->waiting & ERRAND_REMOVE && !(r->waiting & ERRAND_REMOVE_ALL) && !registration_left(r) &&
	       outcome->status >= 300 && (outcome->response || outcome->cause == CAUSE_TIMEOUT);
}

static void nothing_to_remove(void *arg)
{
	struct registration *r = arg;
	struct outcome outcome = core_outcome(200, CAUSE_NONE, ERR_NONE);

	removed(r, &outcome);
}

static void on_answer(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct registration *r = arg;
	bool accepted = outcome && outcome->response && outcome->status < 300;

	(void)request;
	if (event != REQUEST_FINAL)
		return;
	switch (r->errand) {
	case ERRAND_REFRESH:
		/* What was asked for while it was under way counts more. */
		if (made_no_binding(r, outcome)) {
			r->waiting &= ~(unsigned)ERRAND_REMOVE;
			nothing_to_remove(r);
			break;
		}
		if (r->waiting & (ERRAND_REMOVE | ERRAND_REMOVE_ALL)) {
			if (accepted) /* it stands until its removal is answered */
				r->expires_us = now_us(r) + (int64_t)granted(r, outcome->response) * SECOND_US;
			break;
		}
		if (accepted)
			registered(r, outcome);
		else
			refused(r, outcome);
		break;
	case ERRAND_REMOVE:
	case ERRAND_REMOVE_ALL:
		removed(r, outcome);
		break;
	case ERRAND_FETCH:
		if (r->handlers.bindings)
			r->handlers.bindings(r->handlers.arg, r, outcome);
		break;
	case ERRAND_NONE:
		break;
	}
	r->request = NULL;
	r->errand = ERRAND_NONE;
	go_on(r);
}

/* ---- what the user wants ---- */

void registration_start(struct registration *registration)
{
	registration->waiting &= ~(unsigned)(ERRAND_REMOVE | ERRAND_REMOVE_ALL);
	if (registration->errand == ERRAND_REFRESH)
		return;
	registration->waiting |= ERRAND_REFRESH;
	registration->failures = 0;
	if (registration->state != REGISTRATION_REGISTERED)
		registration->state = REGISTRATION_TRYING;
	go_on(registration);
}

void registration_network_changed(struct registration *registration)
{
	struct registration *r = registration;

	if (r->waiting & (ERRAND_REMOVE | ERRAND_REMOVE_ALL) || r->state == REGISTRATION_REMOVING)
		return;
	/* What is under way may never be answered. */
	if (r->errand == ERRAND_FETCH)
		r->waiting |= ERRAND_FETCH;
	if (r->request)
		request_detach(r->request);
	r->request = NULL;
	r->errand = ERRAND_NONE;
	r->has_face = r->tried_face = r->profile->identity.has_contact = false;
	registration_start(r);
}

void registration_stop(struct registration *registration, bool all)
{
	registration->waiting &= ~(unsigned)ERRAND_REFRESH;
	timer_stop(registration->ua->world.timers, &registration->timer);
	if (registration->errand == ERRAND_REMOVE_ALL || (registration->errand == ERRAND_REMOVE && !all))
		return;
	registration->state = REGISTRATION_REMOVING;
	if (!all && !registration->request && !registration_left(registration)) {
		timer_start(registration->ua->world.timers, &registration->timer, 0, nothing_to_remove, registration);
		return;
	}
	registration->waiting |= all ? ERRAND_REMOVE_ALL : ERRAND_REMOVE;
	go_on(registration);
}

void registration_fetch(struct registration *registration)
{
	registration->waiting |= ERRAND_FETCH;
	go_on(registration);
}

enum registration_state registration_state(const struct registration *registration)
{
	return registration->state;
}

bool registration_is_unanswered(const struct registration *registration)
{
	return registration->errand == ERRAND_REFRESH && registration->waiting & ERRAND_REMOVE &&
	       !(registration->waiting & ERRAND_REMOVE_ALL) && !registration_left(registration);
}

bool registration_may_be_bound(const struct registration *registration)
{
	return registration_left(registration) > 0 || registration->errand == ERRAND_REFRESH;
}

uint32_t registration_left(const struct registration *registration)
{
	int64_t left_us = registration->expires_us - now_us(registration);

	return left_us > 0 ? (uint32_t)((left_us + SECOND_US - 1) / SECOND_US) : 0;
}

bool registration_contact(const struct registration *registration, struct address *contact, enum sip_protocol *protocol)
{
	if (!registration->has_face)
		return false;
	*contact = registration->profile->identity.contact;
	*protocol = registration->profile->identity.contact_protocol;
	return true;
}

const char *const *registration_service_route(const struct registration *registration)
{
	return (const char *const *)registration->outbound.routes;
}

bool registration_is_strange(const struct registration *registration)
{
	return registration->strange;
}

const char *registration_gruu(const struct registration *registration, bool temporary)
{
	return temporary ? registration->outbound.temporary : registration->outbound.gruu;
}

bool registration_outbound(const struct registration *registration)
{
	return registration->outbound.agreed;
}

void registration_set_routes(struct registration *registration, const char *const *routes)
{
	struct identity identity = registration->profile->identity;

	identity.routes = routes;
	struct profile *profile = profile_new(&identity);
	profile_unref(registration->profile);
	registration->profile = profile;
}
