#include "base/xmalloc.h"
#include "sip/ua/registration_internal.h"
#include "sip/ua/request.h"

struct transport *registration_transport(const struct registration *r)
{
	return transactions_transport(r->ua->transactions);
}

void registration_keep_alive(struct registration *r, const struct sip_target *target)
{
	if (r->keeps_alive && target && r->kept.protocol == target->protocol &&
	    address_eq(&r->kept.address, &target->address))
		return;
	if (r->keeps_alive)
		transport_keep_alive(registration_transport(r), &r->kept, false);
	r->keeps_alive = target != NULL;
	if (!target)
		return;
	r->kept = *target;
	transport_keep_alive(registration_transport(r), &r->kept, true);
}

void registration_note_contact(struct registration *r, struct slice contact, const struct sip_target *target)
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
	if (transport_sent_by(registration_transport(r), target, host))
		(void)!address_parse(&r->sent_from, slice_of(host), sip_protocol_port(target->protocol));
	r->sent_contact = r->profile->identity.has_contact ? r->profile->identity.contact : r->sent_from;
}

bool registration_has_moved(const struct registration *r)
{
	struct address now;
	char host[ADDRESS_TEXT];

	return r->state == REGISTRATION_REGISTERED && !r->request && r->keeps_alive &&
	       !transport_reached_by_flow(registration_transport(r), &r->kept) &&
	       address_is_set(&r->sent_from) && transport_sent_by(registration_transport(r), &r->kept, host) &&
	       address_parse(&now, slice_of(host), sip_protocol_port(r->kept.protocol)) &&
	       !address_same_host(&now, &r->sent_from);
}

bool registration_change_face(struct registration *r, const struct sip_message *response)
{
	struct identity *identity = &r->profile->identity;
	const struct sip_target *target = request_target(r->request);
	struct address face;

	if (r->tried_face || !target || !address_is_set(&r->sent_contact) || !response_face(response, target, &face))
		return false;
	/* A stream's own port is not the one we listen on: only another host shows a NAT, unless nothing listens. */
	bool by_port = !sip_protocol_is_stream(target->protocol) ||
		       transport_reached_by_flow(registration_transport(r), target);
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

/* Is this the way by which the registrar reaches us? By UDP it is a flow only where outbound was agreed. */
static bool flows_to(const struct registration *r, enum sip_protocol protocol, const struct address *remote)
{
	return r->state == REGISTRATION_REGISTERED && !r->request && r->keeps_alive && r->kept.protocol == protocol &&
	       address_eq(&r->kept.address, remote) && (sip_protocol_is_stream(protocol) || r->outbound.agreed);
}

/* Calls reach us by the flow that the registrar knows: make another soon, but not all phones at once. */
static void renew_soon(struct registration *r)
{
	registration_wait_us(r, 500 * MS_US + random_below(r->ua->world.random, 1500) * MS_US);
}

void registration_flow_failed(struct ua *ua, enum sip_protocol protocol, const struct address *remote)
{
	LIST_EACH(&ua->registrations, node) {
		struct registration *r = LIST_ENTRY(node, struct registration, node);
		if (!flows_to(r, protocol, remote))
			continue;
		/* What the registrar saw of that connection is not true of another. */
		if (transport_reached_by_flow(registration_transport(r), &r->kept))
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
