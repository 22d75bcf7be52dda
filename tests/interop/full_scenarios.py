"""Scenarios of sipp/ that take a minute."""
from harness import equal, sipp_ends
from scenarios import OTHER, callee, caller, phone_for


def test_session_timers(bench):
    """RFC 4028 with the 90 s that it permits: we refresh after half of it, and end a session whose refresher is silent."""
    phone = phone_for(bench, "set call.auto-answer on", "set call.auto-hold off")
    silent = caller(bench, "timer_silent_caller", within=120)
    phone.event("answered")
    refreshed = callee(bench, "timer_refresh_callee", port=OTHER, within=120)
    call = phone.do(f"call sip:bob@127.0.0.1:{OTHER}")["call"]
    phone.event("answered", call=call)
    phone.event("update", call=call, within=60, refresh="yes")
    phone.do(f"hangup {call}")
    sipp_ends(bench, refreshed)
    phone.event("ended", call=call)
    equal(phone.event("ended", within=40)["by"], "us", "who ends the silent one")
    sipp_ends(bench, silent)
