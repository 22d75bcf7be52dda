/* RFC 3261 figure 7 as RFC 6026 replaced it. The 100 (Trying) leaves with the user's
 * first provisional response, or when the user was told of the request and has not answered it (17.2.1). */
#include "sip/transaction/server_actions.h"

static void resend_later(struct transaction *transaction, struct sip_message *none)
{
	int64_t t2_us = transaction->owner->settings.t2_us;

	(void)none;
	transaction->interval_us *= 2;
	if (transaction->interval_us > t2_us)
		transaction->interval_us = t2_us;
	transaction__arm(transaction, TIMER_G);
	server__send(server_of(transaction));
}

static void pass_ack_up(struct transaction *transaction, struct sip_message *ack)
{
	const struct transaction_handlers *handlers = &transaction->owner->handlers;

	handlers->ack(handlers->arg, ack, &server_of(transaction)->source);
}

/* From here on the INVITE is not answered again: its ACK is all that may still come. */
static void acknowledged(struct transaction *transaction, struct sip_message *ack)
{
	(void)ack;
	server__forget_response(server_of(transaction));
}

static void time_out(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	transaction->err = ERR_TIMEOUT;
}

static const struct cell cells[STATES][EVENTS] = {
	[PROCEEDING] = {
		[EV_REQUEST]         = GO(PROCEEDING, resend),
		[EV_SEND_1XX]        = GO(PROCEEDING, answer),
		[EV_SEND_2XX]        = GO(ACCEPTED, answer),
		[EV_SEND_300_699]    = GO(COMPLETED, answer),
		[EV_TRANSPORT_ERROR] = GO(PROCEEDING, server__note_error),
	},
	[ACCEPTED] = {
		[EV_REQUEST]         = GO(ACCEPTED, nothing),
		[EV_ACK]             = GO(ACCEPTED, pass_ack_up),
		[EV_SEND_2XX]        = GO(ACCEPTED, answer),
		[EV_TIMER_L]         = GO(TERMINATED, nothing),
		[EV_TRANSPORT_ERROR] = GO(ACCEPTED, server__note_error),
	},
	[COMPLETED] = {
		[EV_REQUEST]         = GO(COMPLETED, resend),
		[EV_ACK]             = GO(CONFIRMED, acknowledged),
		[EV_TIMER_G]         = GO(COMPLETED, resend_later),
		[EV_TIMER_H]         = GO(TERMINATED, time_out),
		[EV_TRANSPORT_ERROR] = GO(COMPLETED, server__note_error),
	},
	[CONFIRMED] = {
		[EV_TIMER_I]         = GO(TERMINATED, nothing),
	},
};

const struct machine transaction__invite_server = {
	.name = "INVITE server",
	.first = PROCEEDING,
	.cells = cells,
	.timers = {
		[ACCEPTED]  = { .may_run = BIT(L), .armed = BIT(L) },
		[COMPLETED] = { .may_run = BIT(G) | BIT(H), .armed = BIT(G) | BIT(H) },
		[CONFIRMED] = { .may_run = BIT(I), .armed = BIT(I) },
	},
};
