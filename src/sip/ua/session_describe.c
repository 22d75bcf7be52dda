/* Whom a session asks for its descriptions, and the way on which others may read each of them. */
#include "sip/ua/session_internal.h"

unsigned session_ask_answer(struct leg *leg, const struct sip_message *offer, const struct sip_target *way,
			    struct buf *answer)
{
	struct session *session = leg->session;
	const struct session_handlers *handlers = &session->handlers;

	session->way = way;
	unsigned status = handlers->offer ? handlers->offer(handlers->arg, session, leg->number, offer, answer) : 0;
	session->way = NULL;
	return status;
}

unsigned session_ask_own_answer(struct leg *leg, const struct sip_message *offer, struct buf *answer)
{
	const struct session_handlers *handlers = &leg->session->handlers;
	struct sip_target way;

	/* Where nothing is known nothing is promised. */
	if (!dialog_way(leg->dialog, &way))
		way = (struct sip_target){ .protocol = SIP_UDP };
	unsigned status = session_ask_answer(leg, offer, &way, answer);
	if (status) {
		buf_clear(answer);
		if (handlers->refuse)
			handlers->refuse(handlers->arg, leg->session, offer, answer);
	}
	return status;
}

void session_ask_offer(struct leg *leg, const struct sip_target *way, struct buf *offer)
{
	struct session *session = leg->session;
	const struct session_handlers *handlers = &session->handlers;

	session->way = way;
	if (handlers->make_offer)
		handlers->make_offer(handlers->arg, session, leg->number, offer);
	session->way = NULL;
}

void session_ask_own_offer(struct leg *leg, struct buf *offer)
{
	struct sip_target way;

	session_ask_offer(leg, dialog_way(leg->dialog, &way) ? &way : NULL, offer);
}

bool session_may_offer_to(struct session *session, const struct sip_target *target)
{
	const struct session_handlers *handlers = &session->handlers;

	return !handlers->may_offer_to || handlers->may_offer_to(handlers->arg, session, target);
}

const struct sip_target *session_way(const struct session *session)
{
	return session->way;
}
