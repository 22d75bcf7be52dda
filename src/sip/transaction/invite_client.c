/* RFC 3261 figure 5 as RFC 6026 replaced it, with the CANCEL of section 9.1. */
#include "sip/transaction/client_actions.h"

static void resend(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	transaction->interval_us *= 2;
	transaction__arm(transaction, TIMER_A);
	client__send(client_of(transaction));
}

/* 9.1: a CANCEL may leave only when a provisional response has come. */
static void send_cancel(struct transaction *transaction, struct sip_message *none)
{
	struct client_transaction *ct = client_of(transaction);

	(void)none;
	if (ct->cancel_sent)
		return;
	ct->cancel_sent = true;
	client__send_cancel(ct);
	transaction__arm(transaction, TIMER_CANCEL);
}

static void want_cancel(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	client_of(transaction)->cancel_wanted = true;
}

static void pass_up_and_cancel(struct transaction *transaction, struct sip_message *response)
{
	if (client_of(transaction)->cancel_wanted)
		send_cancel(transaction, NULL);
	pass_up(transaction, response);
}

static void send_ack(struct transaction *transaction, struct sip_message *response)
{
	client__send_ack(client_of(transaction), response);
}

static void ack_and_pass_up(struct transaction *transaction, struct sip_message *response)
{
	send_ack(transaction, response);
	pass_up(transaction, response);
}

static const struct cell cells[STATES][EVENTS] = {
	[CALLING] = {
		[EV_TIMER_A]         = GO(CALLING, resend),
		[EV_TIMER_B]         = GO(TERMINATED, time_out),
		[EV_1XX]             = GO(PROCEEDING, pass_up_and_cancel),
		[EV_2XX]             = GO(ACCEPTED, pass_up),
		[EV_300_699]         = GO(COMPLETED, ack_and_pass_up),
		[EV_CANCEL]          = GO(CALLING, want_cancel),
		[EV_TRANSPORT_ERROR] = GO(TERMINATED, report_error),
	},
	[PROCEEDING] = {
		[EV_1XX]             = GO(PROCEEDING, pass_up),
		[EV_2XX]             = GO(ACCEPTED, pass_up),
		[EV_300_699]         = GO(COMPLETED, ack_and_pass_up),
		[EV_CANCEL]          = GO(PROCEEDING, send_cancel),
		[EV_TIMER_CANCEL]    = GO(TERMINATED, time_out),
		[EV_TRANSPORT_ERROR] = GO(TERMINATED, report_error), /* of the CANCEL */
	},
	[ACCEPTED] = {
		[EV_2XX]             = GO(ACCEPTED, pass_up),
		[EV_TIMER_M]         = GO(TERMINATED, nothing),
	},
	[COMPLETED] = {
		[EV_300_699]         = GO(COMPLETED, send_ack),
		[EV_TIMER_D]         = GO(TERMINATED, nothing),
		[EV_TRANSPORT_ERROR] = GO(TERMINATED, nothing), /* the user is told by CLIENT_GONE */
	},
};

const struct machine transaction__invite_client = {
	.name = "INVITE client",
	.first = CALLING,
	.cells = cells,
	.timers = {
		[CALLING]    = { .may_run = BIT(A) | BIT(B), .armed = BIT(A) | BIT(B) },
		[PROCEEDING] = { .may_run = BIT(CANCEL) },
		[ACCEPTED]   = { .may_run = BIT(M), .armed = BIT(M) },
		[COMPLETED]  = { .may_run = BIT(D), .armed = BIT(D) },
	},
};
