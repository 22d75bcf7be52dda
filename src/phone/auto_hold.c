/* Calls that wait while another is dialled or talked in (call.auto-hold, call.auto-resume). */
#include "phone/phone_internal.h"

void calls_auto_hold(struct phone *phone, const struct call *but)
{
	struct failure ignored;

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		bool together = but && ((but->in_conference && call->in_conference) || join_together(but, call));
		bool leads = but && but->instead_of == call->number && !call_is_up(but);
		if (call == but || together || leads || !call_is_up(call) || call_will_be_held(call) ||
		    !settings_on(call_settings(call, "call.auto-hold"), "call.auto-hold"))
			continue;
		call->held_for = but && !call_is_up(but) ? but->number : 0;
		phone->some_wait |= call->held_for != 0;
		call_change_start(call, CHANGE_HOLD, false, &ignored);
	}
}

/* A call other than this that is talked in, or that is on its way to be; NULL: none. */
static struct call *other_in_use(const struct phone *phone, const struct call *but)
{
	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		bool dialled = !call->incoming && !call_is_up(call);
		if (call != but && (dialled || (call_is_up(call) && !call_will_be_held(call))))
			return call;
	}
	return NULL;
}

void calls_return_to_held(struct call *call)
{
	struct phone *phone = call->phone;
	struct failure ignored;

	if (!phone->some_wait)
		return;
	struct call *other = other_in_use(phone, call);
	phone->some_wait = false;
	LIST_EACH(&phone->calls, node) {
		struct call *held = LIST_ENTRY(node, struct call, node);
		bool for_it = held->held_for == call->number;
		/* Another is being dialled: they are held for that one now. */
		if (for_it)
			held->held_for = other && !call_is_up(other) ? other->number : 0;
		phone->some_wait |= held->held_for != 0;
		if (!for_it)
			continue;
		if (other || phone->shutting_down || !call_will_be_held(held) ||
		    !settings_on(call_settings(held, "call.auto-resume"), "call.auto-resume"))
			continue;
		call_change_start(held, CHANGE_RESUME, false, &ignored);
		if (phone->selected == call->number)
			calls_select(phone, held);
	}
}
