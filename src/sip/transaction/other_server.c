/* RFC 3261 figure 8, with the 100 (Trying) of RFC 4320 4.1; a transport error ends nothing (RFC 6026 8.8). */
#include "sip/transaction/server_actions.h"

static void send_trying(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	server__send_trying(server_of(transaction));
}

static const struct cell cells[STATES][EVENTS] = {
	[TRYING] = {
		[EV_SEND_1XX]        = GO(PROCEEDING, answer),
		[EV_SEND_2XX]        = GO(COMPLETED, answer),
		[EV_SEND_300_699]    = GO(COMPLETED, answer),
		[EV_TIMER_TRYING]    = GO(PROCEEDING, send_trying),
	},
	[PROCEEDING] = {
		[EV_REQUEST]         = GO(PROCEEDING, resend),
		[EV_SEND_1XX]        = GO(PROCEEDING, answer),
		[EV_SEND_2XX]        = GO(COMPLETED, answer),
		[EV_SEND_300_699]    = GO(COMPLETED, answer),
		[EV_TRANSPORT_ERROR] = GO(PROCEEDING, server__note_error),
	},
	[COMPLETED] = {
		[EV_REQUEST]         = GO(COMPLETED, resend),
		[EV_TIMER_J]         = GO(TERMINATED, nothing),
		[EV_TRANSPORT_ERROR] = GO(COMPLETED, server__note_error),
	},
};

const struct machine transaction__other_server = {
	.name = "non-INVITE server",
	.first = TRYING,
	.cells = cells,
	.timers = {
		[TRYING]    = { .may_run = BIT(TRYING), .armed = BIT(TRYING) },
		[COMPLETED] = { .may_run = BIT(J), .armed = BIT(J) },
	},
};
