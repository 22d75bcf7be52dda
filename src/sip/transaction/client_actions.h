/* What the tables of both client machines do. */
#pragma once

#include "sip/transaction/internal.h"

static inline void pass_up(struct transaction *transaction, struct sip_message *response)
{
	client__tell(client_of(transaction), CLIENT_RESPONSE, response, ERR_NONE);
}

static inline void time_out(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	transaction->err = ERR_TIMEOUT;
	client__tell(client_of(transaction), CLIENT_TIMEOUT, NULL, ERR_TIMEOUT);
}

static inline void report_error(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	client__tell(client_of(transaction), CLIENT_TRANSPORT_ERROR, NULL, transaction->err);
}
