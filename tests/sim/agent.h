/*
 * A user of the world: one user agent, and somebody who does anything with it that a phone lets people do, at random
 * times. Every command is a deed that is followed to its outcome: a deed has exactly one, whatever the network does.
 *
 *   agent         its life; which deed comes next; what is asked of it when the network is well again
 *   agent_calls   calls, changes in them, transfers in all three roles
 *   agent_states  registration, subscriptions both ways, publication, single requests
 */
#pragma once

#include "sip/ua/dialog.h"
#include "sip/ua/notifier.h"
#include "sip/ua/publication.h"
#include "sip/ua/registration.h"
#include "sip/ua/session.h"
#include "sip/ua/subscription.h"
#include "tests/sim/world.h"

enum { AGENT_CALLS_MAX = 6, AGENT_DEEDS_MAX = 6 };

struct agent {
	struct host *host;
	struct ua *ua;
	char uri[64];                 /* sip:user@192.0.2.1 */
	char instance[64];            /* urn:uuid: of its host */
	struct identity identity;
	const char *routes[2];        /* of it */
	const char *const *others;    /* the users' URIs, NULL-ended */
	struct session_options options;
	struct list calls, deeds; /* struct agent_call, struct deed: kept until the end of this life, ended or not */
	struct registration *registration;
	unsigned registration_told;   /* how often `unregistered` was called since it was stopped */
	struct timer next;            /* the next act */
	bool resting;                 /* no new acts */
	char fault[256];              /* the first thing that must not be; empty: none */
	unsigned calls_up, outcomes;
};

struct agent_call {
	struct list_node node;
	struct agent *agent;
	struct session *session;      /* NULL once it ended */
	char id[160];                 /* Call-ID */
	bool caller, up;
	unsigned answered, last;
	unsigned changes, changed;    /* re-INVITEs and UPDATEs of ours begun, outcomes told */
	bool reinvites, updates;      /* one was begun, and none has been told since */
	unsigned plan;
	struct session *replaces;     /* the one that ends once this one is up */
	struct timer act;
	struct deed *referral;        /* the notifier of whoever asked us to make this call; or NULL */
	struct deed *refer;           /* our REFER in it */
};

enum deed_kind { DEED_REQUEST, DEED_SUBSCRIPTION, DEED_PUBLICATION, DEED_NOTIFIER };

struct deed {
	struct list_node node;
	struct agent *agent;
	enum deed_kind kind;
	unsigned last;                /* how often its last outcome was told */
	bool refers, stopped, in_call; /* in_call: it may go without an outcome, with its call */
	struct subscription *subscription;
	struct publication *publication;
	struct notifier *notifier;
	struct request *request;
};

/** A user agent on `host`, registered and acting from now on; it goes to others by this protocol unless they ask for
 * another. `realm` NULL: it learns by whom it is asked; `route` NULL: it goes straight to the domain. */
void agent_start(struct agent *agent, struct host *host, const char *user, const char *const *others,
		 const char *password, const char *realm, const struct session_options *options,
		 enum sip_protocol protocol, const char *route);
/** Its end, without a word to anybody: as if the plug was pulled. Faults stay. */
void agent_stop(struct agent *agent);
/** At the end of each turn. */
void agent_sweep(struct agent *agent);
/** No new acts. */
void agent_rest(struct agent *agent);
/** Ask the other side of every call that is up whether it knows of it: by an offer. */
void agent_probe(struct agent *agent);
/** Time enough after agent_probe(): has each call been told what became of its changes? Fills `fault` where not. */
void agent_rested(struct agent *agent);
/** End all that was begun. */
void agent_finish(struct agent *agent);
/** After agent_finish() and time enough: has everything had its one outcome? Fills `fault` where not. */
void agent_check(struct agent *agent);
/** Is there a call that is up under this Call-ID, begun by us (`caller`) or not? */
bool agent_has_call(const struct agent *agent, const char *id, bool caller);

/* ---- what these files share ---- */

void agent_fault(struct agent *agent, const char *format, ...) PRINTF_LIKE(2, 3);
/** Below `bound`, of the world's random numbers. */
uint32_t agent_dice(const struct agent *agent, uint32_t bound);
struct deed *deed_new(struct agent *agent, enum deed_kind kind);
/** Its last outcome. */
void deed_over(struct deed *deed);
size_t deeds_alive(const struct agent *agent, enum deed_kind kind);

void calls_handlers(struct agent *agent, struct ua_handlers *handlers);
void calls_act(struct agent *agent);
void calls_probe(struct agent *agent);
void calls_rested(struct agent *agent);
void calls_finish(struct agent *agent);
void calls_check(struct agent *agent);
void calls_free(struct agent *agent);

void states_handlers(struct agent *agent, struct ua_handlers *handlers);
void states_act(struct agent *agent);
void states_finish(struct agent *agent);
void states_check(struct agent *agent);
void states_free(struct agent *agent);
extern const struct subscription_handlers deed_subscription_handlers;
/** The outcome of a request that is a deed. */
void deed_final(void *arg, struct request *request, const struct outcome *outcome, bool final);
/** Take a REFER in a call. @return the status for it, or SESSION_TAKEN with *deed where there is a notifier */
unsigned states_take_refer(struct agent *agent, struct session *session, struct server_transaction *st,
			   struct sip_message *request, struct deed **deed);
