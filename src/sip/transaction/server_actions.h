/* What the tables of both server machines do. */
#pragma once

#include "sip/transaction/internal.h"

static inline void answer(struct transaction *transaction, struct sip_message *response)
{
	server__answer(server_of(transaction), response);
}

static inline void resend(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	server__send(server_of(transaction));
}
