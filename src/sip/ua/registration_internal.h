/* What ua.c tells registrations, and what these ask responses. */
#pragma once

#include "sip/ua/core.h"
#include "sip/ua/registration.h"

/** A connection is gone: bindings that were made over it are made anew. */
void registration_flow_failed(struct ua *ua, enum sip_protocol protocol, const struct address *remote);
/** A NAT shows us under another address to this server. */
void registration_moved(struct ua *ua, const struct address *remote);

struct outbound;

/** The Request-URI of REGISTER has no user part (10.2); free(). NULL: no SIP URI */
char *registrar_uri(struct slice text);
/** Our binding, whose Contact was `contact`, among those of a response; NULL: it is not there. Borrowed. */
const struct sip_address *response_binding(const struct sip_message *response, struct slice contact,
					   const struct outbound *outbound);
/** The face of the NAT: where our request to `target` came from, as the registrar saw it. RFC 3581 */
bool response_face(const struct sip_message *response, const struct sip_target *target, struct address *face);
/** Trying again after this status would change nothing. */
bool response_is_final(unsigned status);
/** The Contact that a 3xx likes best, as the URI of a registrar; free(). NULL: none */
char *response_registrar(const struct sip_message *response);
