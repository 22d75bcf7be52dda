/*
 * What a REGISTER says and learns beside its binding: the instance and the flow (RFC 5626), addresses that lead to this
 * phone alone (GRUU, RFC 5627), and the way to take for requests of ours (Service-Route, RFC 3608).
 */
#pragma once

#include "sip/ua/core.h"

enum { SERVICE_ROUTES_MAX = 8 };

struct outbound {
	char *instance;         /* "urn:uuid:..."; NULL: this phone has none, and asks for nothing */
	unsigned reg_id;        /* which of its flows: 1, 2 ... */
	bool wants_gruu;
	bool refused; /* nobody wants it, or 439: the first hop cannot do it, so it is not asked for any more */
	bool agreed;            /* the registrar keeps our flow: keep-alives are answered, and `ob` may be said */
	uint32_t flow_timer_s;  /* 0: none */
	char *routes[SERVICE_ROUTES_MAX + 1]; /* NULL-ended, as Route writes them */
	char *gruu, *temporary; /* or NULL */
};

void outbound_init(struct outbound *outbound, const char *instance, unsigned reg_id, bool wants_flow, bool wants_gruu);
void outbound_fini(struct outbound *outbound);
/** Supported of a REGISTER. RFC 5626 4.2.1, RFC 3327 5, RFC 5627 4.1 */
void outbound_add_supported(const struct outbound *outbound, struct sip_draft *draft);
/** Behind the Contact of a REGISTER: ";+sip.instance=...;reg-id=1". */
void outbound_add_params(const struct outbound *outbound, struct buf *contact);
/** Is this the binding of our instance and flow, whatever its URI? */
bool outbound_is_ours(const struct outbound *outbound, const struct sip_address *contact);
/** Learn from the 2xx; `contact` is our binding in it, or NULL. RFC 5626 4.2.1, RFC 5627 4.2, RFC 3608 5 */
void outbound_learn(struct outbound *outbound, const struct sip_message *response, const struct sip_address *contact);
/** The binding is gone, and with it all that was learned. */
void outbound_forget(struct outbound *outbound);
