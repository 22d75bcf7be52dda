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
	LEFT_MAX = 8,                /* bindings of earlier runs that one REGISTER removes */
};

/* What the REGISTER under way is for; several may wait, one at a time is sent (10.2). */
enum errand { ERRAND_NONE, ERRAND_REFRESH = 1, ERRAND_REMOVE = 2, ERRAND_REMOVE_ALL = 4, ERRAND_FETCH = 8 };

struct registration {
	struct mortal mortal;
	struct list_node node;
	struct ua *ua;
	struct profile *profile;
	struct registration_handlers handlers;
	bool freed;
	char *registrar, *to, *call_id, *tag;
	char *elsewhere; /* the registrar's 3xx named this one, which is asked in its place while it answers; NULL */
	unsigned redirects;
	uint32_t cseq;
	uint32_t asked; /* seconds that we ask for; a 423 raises it */
	enum registration_state state;
	struct request *request;
	enum errand errand; /* of the request */
	unsigned waiting;   /* errands to follow */
	struct timer timer; /* refresh or retry */
	int64_t expires_us; /* when the binding ends; 0: there is none */
	unsigned failures, too_brief;
	char *contact;               /* URI of our Contact as last sent */
	char *left[LEFT_MAX];        /* bindings that earlier runs left behind, to be removed too; NULL: no more */
	char *stale_contact;         /* to be removed by the next REGISTER: the face of the NAT has changed */
	struct address sent_contact; /* host and port in it */
	struct address sent_from;    /* our own, whatever a NAT makes of it */
	bool has_face, tried_face;   /* has: identity.contact is what the registrar saw; tried: once for each refresh */
	struct sip_target kept;      /* target of the keep-alive */
	bool keeps_alive;
	struct outbound outbound;
};

static struct transport *transport_of(const struct registration *r)
{
	return transactions_transport(r->ua->transactions);
}

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

static void keep_alive(struct registration *r, const struct sip_target *target)
{
	if (r->keeps_alive && target && r->kept.protocol == target->protocol &&
	    address_eq(&r->kept.address, &target->address))
		return;
	if (r->keeps_alive)
		transport_keep_alive(transport_of(r), &r->kept, false);
	r->keeps_alive = target != NULL;
	if (!target)
		return;
	r->kept = *target;
	transport_keep_alive(transport_of(r), &r->kept, true);
}

static void forget_left(struct registration *r)
{
	for (size_t i = 0; i < LEFT_MAX; i++)
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
	keep_alive(registration, NULL);
	list_remove(&registration->node);
	core_bury(registration->ua, &registration->mortal, bury);
}

/* ---- REGISTER ---- */

void registration_remove_also(struct registration *r, const char *contact)
{
	for (size_t i = 0; i < LEFT_MAX; i++) {
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

/* The URI between the <> of a Contact that was just written. */
static void note_contact(struct registration *r, struct slice contact, const struct sip_target *target)
{
	struct sip_address parsed;
	char host[ADDRESS_TEXT];

	if (!sip_address_parse(contact, &parsed, NULL))
		return;
	/* A binding that stands at another address, as that of a connection that broke, is removed in the same
	 * breath. */
	if (r->contact && !r->stale_contact && !r->outbound.agreed && registration_left(r) &&
	    !slice_eq(parsed.uri.text, slice_of(r->contact)))
		r->stale_contact = xstrdup(r->contact);
	free(r->contact);
	r->contact = slice_dup(parsed.uri.text);
	r->sent_from = r->sent_contact = (struct address){ 0 };
	if (transport_sent_by(transport_of(r), target, host))
		(void)!address_parse(&r->sent_from, slice_of(host), sip_protocol_port(target->protocol));
	r->sent_contact = r->profile->identity.has_contact ? r->profile->identity.contact : r->sent_from;
}

bool registration_has_moved(const struct registration *r)
{
	struct address now;
	char host[ADDRESS_TEXT];

	return r->state == REGISTRATION_REGISTERED && !r->request && r->keeps_alive &&
	       !transport_reached_by_flow(transport_of(r), &r->kept) &&
	       address_is_set(&r->sent_from) && transport_sent_by(transport_of(r), &r->kept, host) &&
	       address_parse(&now, slice_of(host), sip_protocol_port(r->kept.protocol)) &&
	       !address_same_host(&now, &r->sent_from);
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
	bool ok = profile_contact(r->profile, transport_of(r), target, secure, slice_of(NULL), &contact);
	if (ok) {
		/* A binding is removed as it was made, even when our address has changed since. */
		if (r->errand == ERRAND_REFRESH || !r->contact)
			note_contact(r, buf_slice(&contact), target);
		buf_clear(&contact);
		buf_printf(&contact, "<%s>", r->contact);
		outbound_add_params(&r->outbound, &contact);
		buf_printf(&contact, ";expires=%u", r->errand == ERRAND_REFRESH ? r->asked : 0);
		sip_draft_add_slice(draft, SIP_HEADER_CONTACT, buf_slice(&contact));
		if (r->stale_contact && strcmp(r->stale_contact, r->contact) != 0)
			sip_draft_add(draft, SIP_HEADER_CONTACT, "<%s>;expires=0", r->stale_contact);
		for (size_t i = 0; i < LEFT_MAX && r->errand == ERRAND_REFRESH; i++)
			if (r->left[i] && strcmp(r->left[i], r->contact) != 0)
				sip_draft_add(draft, SIP_HEADER_CONTACT, "<%s>;expires=0", r->left[i]);
		if (r->errand == ERRAND_REFRESH && r->handlers.binds)
			r->handlers.binds(r->handlers.arg, r, slice_of(r->contact));
	}
	buf_fini(&contact);
	return ok;
}

static request_event_h on_answer;

static void send_register(struct registration *r, enum errand errand)
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
	static const enum errand order[] = { ERRAND_REMOVE_ALL, ERRAND_REMOVE, ERRAND_REFRESH, ERRAND_FETCH };

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

static void wait_us(struct registration *r, int64_t us)
{
	timer_start(r->ua->world.timers, &r->timer, us, time_is_up, r);
}

/* ---- answers ---- */

/*
 * What the registrar granted: the expires of our Contact, else Expires, else what we asked for (10.2.4). Simple ones
 * send our Contact back as it was, with a shorter Expires beside it: then that is meant.
 */
static uint32_t granted(const struct registration *r, const struct sip_message *response)
{
	const struct sip_address *binding = response_binding(response, slice_of(r->contact), &r->outbound);
	uint32_t seconds, whole;
	bool has_whole = sip_message_seconds(response, SIP_HEADER_EXPIRES, &whole);

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

/* @return true: the registrar sees us elsewhere than our Contact says; that is registered now in its place */
static bool change_face(struct registration *r, const struct sip_message *response)
{
	struct identity *identity = &r->profile->identity;
	const struct sip_target *target = request_target(r->request);
	struct address face;

	if (r->tried_face || !target || !address_is_set(&r->sent_contact) || !response_face(response, target, &face))
		return false;
	/* A stream's own port is not the one we listen on: only another host shows a NAT, unless nothing listens. */
	bool by_port = !sip_protocol_is_stream(target->protocol) || transport_reached_by_flow(transport_of(r), target);
	if (by_port ? address_eq(&face, &r->sent_contact) : address_same_host(&face, &r->sent_contact))
		return false;
	r->tried_face = true;
	r->has_face = true;
	identity->has_contact = true;
	identity->contact = face;
	identity->contact_protocol = target->protocol;
	free(r->stale_contact);
	r->stale_contact = r->contact ? xstrdup(r->contact) : NULL;
	return true;
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
	if (change_face(r, outcome->response)) {
		r->waiting |= ERRAND_REFRESH;
		return;
	}
	free(r->stale_contact);
	r->stale_contact = NULL;
	forget_left(r);
	r->tried_face = false;
	r->failures = r->too_brief = r->redirects = 0;
	r->expires_us = now_us(r) + (int64_t)seconds * SECOND_US;
	r->state = REGISTRATION_REGISTERED;
	outbound_learn(&r->outbound, outcome->response,
		       response_binding(outcome->response, slice_of(r->contact), &r->outbound));
	keep_alive(r, request_target(r->request));
	if (r->keeps_alive)
		transport_keep_alive_agreed(transport_of(r), &r->kept, r->outbound.agreed,
					    (int64_t)r->outbound.flow_timer_s * SECOND_US);
	wait_us(r, refresh_us(r, seconds));
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
		keep_alive(r, NULL);
	} else {
		pause_us = retry_us(r, outcome);
		wait_us(r, pause_us);
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
	keep_alive(r, NULL);
	/* What the registrar did not let go stays until its time is over. */
	if (outcome->status < 300)
		r->expires_us = 0;
	outbound_forget(&r->outbound);
	if (r->handlers.unregistered)
		r->handlers.unregistered(r->handlers.arg, r, &told);
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
		if (r->waiting & (ERRAND_REMOVE | ERRAND_REMOVE_ALL))
			break;
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
	if (r->request)
		request_detach(r->request);
	r->request = NULL;
	r->errand = ERRAND_NONE;
	r->has_face = r->tried_face = r->profile->identity.has_contact = false;
	registration_start(r);
}

static void nothing_to_remove(void *arg)
{
	struct registration *r = arg;
	struct outcome outcome = core_outcome(200, CAUSE_NONE, ERR_NONE);

	removed(r, &outcome);
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

/* Is this the way by which the registrar reaches us? By UDP it is a flow only where outbound was agreed. */
static bool flows_to(const struct registration *r, enum sip_protocol protocol, const struct address *remote)
{
	return r->state == REGISTRATION_REGISTERED && !r->request && r->keeps_alive && r->kept.protocol == protocol &&
	       address_eq(&r->kept.address, remote) && (sip_protocol_is_stream(protocol) || r->outbound.agreed);
}

/* Calls reach us by the flow that the registrar knows: make another soon, but not all phones at once. */
static void renew_soon(struct registration *r)
{
	wait_us(r, 500 * MS_US + random_below(r->ua->world.random, 1500) * MS_US);
}

void registration_flow_failed(struct ua *ua, enum sip_protocol protocol, const struct address *remote)
{
	LIST_EACH(&ua->registrations, node) {
		struct registration *r = LIST_ENTRY(node, struct registration, node);
		if (!flows_to(r, protocol, remote))
			continue;
		/* What the registrar saw of that connection is not true of another. */
		if (transport_reached_by_flow(transport_of(r), &r->kept))
			r->has_face = r->profile->identity.has_contact = false;
		renew_soon(r);
	}
}

void registration_moved(struct ua *ua, const struct address *remote)
{
	LIST_EACH(&ua->registrations, node) {
		struct registration *r = LIST_ENTRY(node, struct registration, node);
		if (flows_to(r, SIP_UDP, remote))
			renew_soon(r);
	}
}
