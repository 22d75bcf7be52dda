/* What the tables of both server machines do. */
#pragma once

#include "sip/transaction/internal.h"

static inline void answer(struct transaction *transaction, struct sip_message *response)
{
	server__take(server_of(transaction), response);
	server__send(server_of(transaction));
}

static inline void resend(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	server__send(server_of(transaction));
}
