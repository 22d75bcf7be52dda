"""The roles that test_recordings.py leaves out; in `check full`."""
from harness import equal, wait_until
from recordings import ALL, OTHER, THIRD, US, Bob, Lin, blind, call_peer, conference, hears, hold, sent_on, tells
from test_phones import phone_with_tone
from tones import story


def test_hold_baresip(bench):
    hold(bench, Bob, True)


def test_hold_linphonec_that_calls(bench):
    hold(bench, Lin, False)


def test_conference_the_other_way_round(bench):
    conference(bench, (Lin, Bob))


def test_conference_of_two_codecs(bench):
    conference(bench, (Bob, Lin), ("opus", "G722"))


def test_baresip_is_sent_to_linphonec(bench):
    blind(bench, Bob, Lin)


def test_baresip_sends_us_to_linphonec(bench):
    sent_on(bench, Bob, Lin)


def test_linphonec_sends_us_to_baresip(bench):
    sent_on(bench, Lin, Bob)


def attended(bench, kind, to):
    """We talk to both and join them. Baresip 1.0.0 knows no Replaces (RFC 3891): it passes over the header in a Refer-To and in an INVITE, so the call
    that would take ours over is another one, which linphonec's user answers; ours with whom it goes to is ended by us."""
    second = to(bench)
    phone = phone_with_tone(bench, "PCMU")
    first = kind(bench)
    calls = [call_peer(phone, first)]
    phone.do("sleep 1s")
    calls.append(call_peer(phone, second))
    phone.do("sleep 1s")
    phone.do(f"transfer with={calls[1]} call={calls[0]}")
    if to is Lin:
        wait_until(lambda: "is contacting you" in bench.log_of(second.process).split("established")[-1] or
                   bench.log_of(second.process).count("Receiving new incoming call") > 1, "linphonec rings")
        second.type("answer 2")
    phone.event("transferred", call=calls[0])
    for call in calls:
        phone.event("ended", call=call)
    phone.do("sleep 2s")
    tells(first.heard(), [(US,), (), (second.hz,)], "what the first heard")
    heard = [seen for seen, _ in second.heard() if seen]
    # Baresip has both calls at once for a while.
    equal((heard[0], heard[-1]), ((US,), (first.hz,)), f"what the second heard: {heard}")


def test_attended_baresip_to_linphonec(bench):
    attended(bench, Bob, Lin)


def test_attended_linphonec_to_baresip(bench):
    attended(bench, Lin, Bob)


def test_linphonec_joins_us_and_another(bench):
    """linphonec talks to us and to a third phone, which knows Replaces, and joins us."""
    third = bench.phone(f"set sip.listen 127.0.0.1:{OTHER}", "set call.accept any", "set call.auto-answer on", "set media.codecs PCMU", f"set audio.input tone:{THIRD}",
                        f"set audio.output file:{bench.path('third.wav')}")
    phone = phone_with_tone(bench, "PCMU", "set call.follow-transfer on", "set call.auto-answer on", f"set audio.output file:{bench.path('we.wav')}")
    lin = Lin(bench)
    lin.call("sip:alice@127.0.0.1:5070")
    call = phone.event("answered")["call"]
    hears(phone, lin.hz, call)
    phone.do("sleep 1s")
    lin.hold()
    phone.event("remote-held")
    lin.call("sip:carol@127.0.0.1")
    hears(third, lin.hz, third.event("answered")["call"])
    third.do("sleep 1s")
    lin.type("transfer 1 --to-call 2")
    phone.event("transferred", call=call, by="peer")
    third.event("transferred", by="peer")
    third.do("sleep 2s")
    phone.do("hangup all")
    for each in (phone, third):
        equal(each.quit(), 0, "exit status")
    tells(story(bench.path("third.wav"), ALL), [(lin.hz,), (US,)], "what the third heard")
    we = [seen for seen, _ in story(bench.path("we.wav"), ALL) if seen]
    equal((we[0], we[-1]), ((lin.hz,), (THIRD,)), "what we heard")
    lin.heard()
