/*
 * The four tables, cell by cell: what is printed must be exactly the diagrams below, which were drawn from the figures
 * of RFC 3261 and RFC 6026 (with 9.1 and RFC 4320 4.1). Cells that are not listed are empty.
 */
#include "tests/unit/unit.h"

#include "sip/transaction/machine.h"

static void print_timers(struct buf *text, unsigned timers)
{
	for (int timer = 0; timer < TIMERS; timer++) {
		if (timers & 1u << timer)
			buf_printf(text, " %s", timer_name((enum timer_id)timer));
	}
}

/* @return how many cells are handled */
static int print_machine(struct buf *text, const struct machine *machine)
{
	int handled = 0;

	buf_printf(text, "%s, first %s\n", machine->name, machine_state_name(machine->first));
	for (int s = 0; s < STATES; s++) {
		for (int e = 0; e < EVENTS; e++) {
			const struct cell *cell = &machine->cells[s][e];
			if (!cell->action)
				continue;
			handled++;
			buf_printf(text, "  %s + %s -> %s, %s\n", machine_state_name((enum state)s),
				   machine_event_name((enum event)e), machine_state_name(cell->next), cell->name);
		}
		if (machine->timers[s].may_run) {
			buf_printf(text, "  %s runs", machine_state_name((enum state)s));
			print_timers(text, machine->timers[s].may_run);
			buf_printf(text, "; starts");
			print_timers(text, machine->timers[s].armed);
			buf_printf(text, "\n");
		}
	}
	return handled;
}

static void expect_machine(const struct machine *machine, int cells, const char *diagram)
{
	struct buf text;

	buf_init(&text, 65536);
	assert_int_equal(print_machine(&text, machine), cells);
	assert_string_equal(buf_text(&text), diagram);
	buf_fini(&text);
}

static void invite_client_is_figure_5(void **state)
{
	(void)state;
	expect_machine(&transaction__invite_client, 18,
		       "INVITE client, first CALLING\n"
		       "  CALLING + 1XX -> PROCEEDING, pass_up_and_cancel\n"
		       "  CALLING + 2XX -> ACCEPTED, pass_up\n"
		       "  CALLING + 300_699 -> COMPLETED, ack_and_pass_up\n"
		       "  CALLING + CANCEL -> CALLING, want_cancel\n"
		       "  CALLING + TRANSPORT_ERROR -> TERMINATED, report_error\n"
		       "  CALLING + TIMER_A -> CALLING, resend\n"
		       "  CALLING + TIMER_B -> TERMINATED, time_out\n"
		       "  CALLING runs A B; starts A B\n"
		       "  PROCEEDING + 1XX -> PROCEEDING, pass_up\n"
		       "  PROCEEDING + 2XX -> ACCEPTED, pass_up\n"
		       "  PROCEEDING + 300_699 -> COMPLETED, ack_and_pass_up\n"
		       "  PROCEEDING + CANCEL -> PROCEEDING, send_cancel\n"
		       "  PROCEEDING + TRANSPORT_ERROR -> TERMINATED, report_error\n"
		       "  PROCEEDING + TIMER_CANCEL -> TERMINATED, time_out\n"
		       "  PROCEEDING runs CANCEL; starts\n"
		       "  ACCEPTED + 2XX -> ACCEPTED, pass_up\n"
		       "  ACCEPTED + TIMER_M -> TERMINATED, nothing\n"
		       "  ACCEPTED runs M; starts M\n"
		       "  COMPLETED + 300_699 -> COMPLETED, send_ack\n"
		       "  COMPLETED + TRANSPORT_ERROR -> TERMINATED, nothing\n"
		       "  COMPLETED + TIMER_D -> TERMINATED, nothing\n"
		       "  COMPLETED runs D; starts D\n");
}

static void other_client_is_figure_6(void **state)
{
	(void)state;
	expect_machine(&transaction__other_client, 13,
		       "non-INVITE client, first TRYING\n"
		       "  TRYING + 1XX -> PROCEEDING, pass_up\n"
		       "  TRYING + 2XX -> COMPLETED, pass_up\n"
		       "  TRYING + 300_699 -> COMPLETED, pass_up\n"
		       "  TRYING + TRANSPORT_ERROR -> TERMINATED, report_error\n"
		       "  TRYING + TIMER_E -> TRYING, resend\n"
		       "  TRYING + TIMER_F -> TERMINATED, time_out\n"
		       "  TRYING runs E F; starts E F\n"
		       "  PROCEEDING + 1XX -> PROCEEDING, pass_up\n"
		       "  PROCEEDING + 2XX -> COMPLETED, pass_up\n"
		       "  PROCEEDING + 300_699 -> COMPLETED, pass_up\n"
		       "  PROCEEDING + TRANSPORT_ERROR -> TERMINATED, report_error\n"
		       "  PROCEEDING + TIMER_E -> PROCEEDING, resend\n"
		       "  PROCEEDING + TIMER_F -> TERMINATED, time_out\n"
		       "  PROCEEDING runs E F; starts\n"
		       "  COMPLETED + TIMER_K -> TERMINATED, nothing\n"
		       "  COMPLETED runs K; starts K\n");
}

static void invite_server_is_figure_7(void **state)
{
	(void)state;
	expect_machine(&transaction__invite_server, 16,
		       "INVITE server, first PROCEEDING\n"
		       "  PROCEEDING + REQUEST -> PROCEEDING, resend\n"
		       "  PROCEEDING + SEND_1XX -> PROCEEDING, answer\n"
		       "  PROCEEDING + SEND_2XX -> ACCEPTED, answer\n"
		       "  PROCEEDING + SEND_300_699 -> COMPLETED, answer\n"
		       "  PROCEEDING + TRANSPORT_ERROR -> PROCEEDING, server__note_error\n"
		       "  ACCEPTED + REQUEST -> ACCEPTED, nothing\n"
		       "  ACCEPTED + ACK -> ACCEPTED, pass_ack_up\n"
		       "  ACCEPTED + SEND_2XX -> ACCEPTED, answer\n"
		       "  ACCEPTED + TRANSPORT_ERROR -> ACCEPTED, server__note_error\n"
		       "  ACCEPTED + TIMER_L -> TERMINATED, nothing\n"
		       "  ACCEPTED runs L; starts L\n"
		       "  COMPLETED + REQUEST -> COMPLETED, resend\n"
		       "  COMPLETED + ACK -> CONFIRMED, acknowledged\n"
		       "  COMPLETED + TRANSPORT_ERROR -> COMPLETED, server__note_error\n"
		       "  COMPLETED + TIMER_G -> COMPLETED, resend_later\n"
		       "  COMPLETED + TIMER_H -> TERMINATED, time_out\n"
		       "  COMPLETED runs G H; starts G H\n"
		       "  CONFIRMED + TIMER_I -> TERMINATED, nothing\n"
		       "  CONFIRMED runs I; starts I\n");
}

static void other_server_is_figure_8(void **state)
{
	(void)state;
	expect_machine(&transaction__other_server, 12,
		       "non-INVITE server, first TRYING\n"
		       "  TRYING + SEND_1XX -> PROCEEDING, answer\n"
		       "  TRYING + SEND_2XX -> COMPLETED, answer\n"
		       "  TRYING + SEND_300_699 -> COMPLETED, answer\n"
		       "  TRYING + TIMER_TRYING -> PROCEEDING, send_trying\n"
		       "  TRYING runs TRYING; starts TRYING\n"
		       "  PROCEEDING + REQUEST -> PROCEEDING, resend\n"
		       "  PROCEEDING + SEND_1XX -> PROCEEDING, answer\n"
		       "  PROCEEDING + SEND_2XX -> COMPLETED, answer\n"
		       "  PROCEEDING + SEND_300_699 -> COMPLETED, answer\n"
		       "  PROCEEDING + TRANSPORT_ERROR -> PROCEEDING, server__note_error\n"
		       "  COMPLETED + REQUEST -> COMPLETED, resend\n"
		       "  COMPLETED + TRANSPORT_ERROR -> COMPLETED, server__note_error\n"
		       "  COMPLETED + TIMER_J -> TERMINATED, nothing\n"
		       "  COMPLETED runs J; starts J\n");
}

/* Of every machine: only timers and errors terminate (so nothing dies inside its user's call), each timer that may run
   has its cell, and a terminated transaction reacts to nothing. */
static void no_table_can_surprise(void **state)
{
	static const struct machine *const machines[] = { &transaction__invite_client, &transaction__other_client,
							  &transaction__invite_server, &transaction__other_server };

	(void)state;
	for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
		for (int s = 0; s < STATES; s++) {
			unsigned handled = 0;
			for (int e = 0; e < EVENTS; e++) {
				const struct cell *cell = &machines[m]->cells[s][e];
				if (!cell->action)
					continue;
				assert_int_not_equal(s, TERMINATED);
				if (e >= EV_TIMER_A)
					handled |= 1u << (e - EV_TIMER_A + TIMER_A);
				else if (e != EV_TRANSPORT_ERROR)
					assert_int_not_equal(cell->next, TERMINATED);
			}
			assert_int_equal(handled, machines[m]->timers[s].may_run);
			assert_int_equal(machines[m]->timers[s].armed & ~machines[m]->timers[s].may_run, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invite_client_is_figure_5),
		cmocka_unit_test(other_client_is_figure_6),
		cmocka_unit_test(invite_server_is_figure_7),
		cmocka_unit_test(other_server_is_figure_8),
		cmocka_unit_test(no_table_can_surprise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
