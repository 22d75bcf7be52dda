/* RFC 3261 figure 6. */
#include "sip/transaction/client_actions.h"

static void resend(struct transaction *transaction, struct sip_message *none)
{
	int64_t t2_us = transaction->owner->settings.t2_us;

	(void)none;
	transaction->interval_us *= 2;
	if (transaction->interval_us > t2_us || transaction->state == PROCEEDING)
		transaction->interval_us = t2_us;
	transaction__arm(transaction, TIMER_E);
	struct client_transaction *ct = client_of(transaction);
	if (!ct->sends_counted || ct->repeats_left) {
		ct->repeats_left -= ct->sends_counted;
		client__send(ct);
	}
}

static const struct cell cells[STATES][EVENTS] = {
	[TRYING] = {
		[EV_TIMER_E]         = GO(TRYING, resend),
		[EV_TIMER_F]         = GO(TERMINATED, time_out),
		[EV_1XX]             = GO(PROCEEDING, pass_up),
		[EV_2XX]             = GO(COMPLETED, pass_up),
		[EV_300_699]         = GO(COMPLETED, pass_up),
		[EV_TRANSPORT_ERROR] = GO(TERMINATED, report_error),
	},
	[PROCEEDING] = {
		[EV_TIMER_E]         = GO(PROCEEDING, resend),
		[EV_TIMER_F]         = GO(TERMINATED, time_out),
		[EV_1XX]             = GO(PROCEEDING, pass_up),
		[EV_2XX]             = GO(COMPLETED, pass_up),
		[EV_300_699]         = GO(COMPLETED, pass_up),
		[EV_TRANSPORT_ERROR] = GO(TERMINATED, report_error),
	},
	[COMPLETED] = {
		[EV_TIMER_K]         = GO(TERMINATED, nothing),
	},
};

const struct machine transaction__other_client = {
	.name = "non-INVITE client",
	.first = TRYING,
	.cells = cells,
	.timers = {
		[TRYING]     = { .may_run = BIT(E) | BIT(F), .armed = BIT(E) | BIT(F) },
		[PROCEEDING] = { .may_run = BIT(E) | BIT(F) },
		[COMPLETED]  = { .may_run = BIT(K), .armed = BIT(K) },
	},
};
