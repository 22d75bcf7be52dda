/*
 * What ua.c tells registrations, and what the files of registration share: registration.c (REGISTER and its answers),
 * registration_flow.c (where we are seen, and by which flow), registration_response.c (what a registrar says).
 */
#pragma once

#include "sip/ua/core.h"
#include "sip/ua/outbound.h"
#include "sip/ua/registration.h"

enum { REGISTRATION_LEFT_MAX = 8 }; /* bindings of earlier runs that one REGISTER removes */

/* What the REGISTER under way is for; several may wait, one at a time is sent (10.2). */
enum registration_errand {
	ERRAND_NONE,
	ERRAND_REFRESH = 1,
	ERRAND_REMOVE = 2,
	ERRAND_REMOVE_ALL = 4,
	ERRAND_FETCH = 8
};

struct registration {
	struct mortal mortal;
	struct list_node node;
	struct ua *ua;
	struct profile *profile;
	struct registration_handlers handlers;
	bool freed;
	char *registrar, *to, *call_id, *tag;
	char *elsewhere; /* the registrar's 3xx named this one, which is asked in its place while it answers; NULL */
	bool strange; /* that one, which gets no password, made the binding */
	unsigned redirects;
	uint32_t cseq;
	uint32_t asked; /* seconds that we ask for; a 423 raises it */
	enum registration_state state;
	struct request *request;
	enum registration_errand errand; /* of the request */
	unsigned waiting;   /* errands to follow */
	struct timer timer; /* refresh or retry */
	int64_t expires_us; /* when the binding ends; 0: there is none */
	unsigned failures, too_brief;
	char *contact;               /* URI of our Contact as last sent */
	char *left[REGISTRATION_LEFT_MAX]; /* bindings of earlier runs, to be removed too; NULL: no more */
	char *stale_contact;         /* to be removed by the next REGISTER: the face of the NAT has changed */
	struct address sent_contact; /* host and port in it */
	struct address sent_from;    /* our own, whatever a NAT makes of it */
	bool has_face, tried_face;   /* has: identity.contact is what the registrar saw; tried: once for each refresh */
	struct sip_target kept;      /* target of the keep-alive */
	bool keeps_alive;
	struct outbound outbound;
};

/** A connection is gone: bindings that were made over it are made anew. */
void registration_flow_failed(struct ua *ua, enum sip_protocol protocol, const struct address *remote);
/** A NAT shows us under another address to this server. */
void registration_moved(struct ua *ua, const struct address *remote);

struct transport *registration_transport(const struct registration *registration);
/** Refresh, or try again, when so much time [us] has passed. */
void registration_wait_us(struct registration *registration, int64_t us);
/* registration_flow.c */
/** Keep the way to `target` open, and that to no other; NULL: to none. RFC 5626 4.4 */
void registration_keep_alive(struct registration *registration, const struct sip_target *target);
/** Note what a Contact, just written for `target`, says: its URI, between the <>, and the place in it. */
void registration_note_contact(struct registration *registration, struct slice contact,
			       const struct sip_target *target);
/** @return true: the registrar sees us elsewhere than our Contact says; that is registered now in its place.
 * RFC 3581 */
bool registration_change_face(struct registration *registration, const struct sip_message *response);

/* registration_response.c */
/** The Request-URI of REGISTER has no user part (10.2); free(). NULL: no SIP URI */
char *registrar_uri(struct slice text);
/** Our binding, whose Contact was `contact`, among those of a response; NULL: it is not there. Borrowed. */
const struct sip_address *response_binding(const struct sip_message *response, struct slice contact,
					   const struct outbound *outbound);
/** The longest time, in seconds, that a Contact of a response has left; 0: none says one. */
uint32_t response_longest(const struct sip_message *response);
/** The face of the NAT: where our request to `target` came from, as the registrar saw it. RFC 3581 */
bool response_face(const struct sip_message *response, const struct sip_target *target, struct address *face);
/** Trying again after this status would change nothing. */
bool response_is_final(unsigned status);
/** The Contact that a 3xx likes best, as the URI of a registrar; free(). NULL: none */
char *response_registrar(const struct sip_message *response);
