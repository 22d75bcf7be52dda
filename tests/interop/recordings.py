"""Calls of us with baresip and linphonec in which everybody says a tone of its own, and what every side has recorded of them.

Baresip hears by a virtual card of jackd, since its own recorder writes nothing after a re-INVITE.
"""
import signal

from harness import Failed, check, equal, wait_until, write_tone
from test_failures import Jack
from test_phones import Baresip, Linphone, phone_with_tone
from tones import story

US, BARESIP, LINPHONE, MUSIC, THIRD = 440, 660, 1100, 800, 1400
ALL = (US, BARESIP, LINPHONE, MUSIC, THIRD)
BOB, LIN, OTHER = 5080, 5082, 5060
EDGE_S = 0.6  # how far both ends of what two sides have recorded may be apart, on a busy machine


class Bob(Baresip):
    """A baresip whose loudspeaker is recorded; it says 660 Hz."""
    RECORDS_ALL = True

    def __init__(self, bench, codec="PCMU", answers=True, **more):
        self.jack = Jack(bench, 60)
        super().__init__(bench, "g711" if codec in ("PCMU", "PCMA") else codec.lower(), answers, hz=BARESIP, port=BOB, jack=self.jack, **more)
        self.jack.cards.send_signal(signal.SIGUSR1)

    def call(self, target):
        self.command("dial", target)

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def transfer(self, target):
        self.command("transfer", target)

    def heard(self):
        self.jack.cards.terminate()
        self.jack.cards.wait(30)
        return story(self.bench.path("spkB.wav"), ALL)


class Lin(Linphone):
    """A linphonec; it says 1100 Hz, to whom it holds too, and records nothing meanwhile."""
    RECORDS_ALL = False

    def __init__(self, bench, codec="PCMU", answers=True, **more):
        super().__init__(bench, codec, answers, hz=LINPHONE, port=LIN, **more)

    def call(self, target):
        self.type(f"call {target}")

    def hold(self):
        self.type("pause 1")

    def resume(self):
        self.type("resume 1")

    def transfer(self, target):
        self.type(f"transfer 1 {target}")

    def heard(self):
        self.type("quit")
        self.process.wait(30)
        return story(self.recording, ALL)


def tells(got, want, what):
    """A story has these tones, one after the other, whatever silence is around them; () is silence."""
    inner = list(got)
    while inner and inner[0][0] == ():
        inner.pop(0)
    while inner and inner[-1][0] == ():
        inner.pop()
    if [seen for seen, _ in inner] != want:
        equal(got, want, what)
    return inner


def alike(one, other, what):
    """Two recordings of the same sound: the same tones, each as long but for the first and the last."""
    equal([seen for seen, _ in one], [seen for seen, _ in other], what)
    for (seen, a), (_, b) in list(zip(one, other))[1:-1]:
        check(abs(a - b) <= EDGE_S, f"{what}: {seen} for {a} s and for {b} s: {one} and {other}")


def of_ours(bench, phone, name="call.wav"):
    """(what I said, what I heard) of a recording of ours that is over."""
    phone.event("record-done", file=name)
    return story(bench.path(name), ALL, 0), story(bench.path(name), ALL, 1)


def hears(phone, hz, call="", within=30):
    """`call`: another than the last one that was made here."""
    if call:
        phone.do(f"select {call}")
    try:
        wait_until(lambda: abs(float(phone.get("tone.hz") or 0) - hz) < 5, f"the phone hears {hz} Hz", within)
    except Failed as failed:
        raise Failed(f"{failed}: {phone.get('tone.hz')} Hz by {phone.get('call.codec')}")


def call_peer(phone, peer):
    """The number of a call to it that is up and heard."""
    call = phone.do(f"call sip:bob@127.0.0.1:{peer.port}")["call"]
    phone.event("answered", call=call)
    hears(phone, peer.hz)
    return call


def start(bench, kind, caller, *lines, codec="PCMU"):
    """A call that is up and heard: (phone, its number, peer)."""
    other = kind(bench, codec, answers=caller)
    phone = phone_with_tone(bench, codec, *lines, *([] if caller else ["set call.auto-answer on"]))
    if caller:
        return phone, call_peer(phone, other), other
    other.call("sip:alice@127.0.0.1:5070")
    call = phone.event("answered")["call"]
    hears(phone, other.hz, call)
    return phone, call, other


def hold(bench, kind, caller):
    """We hold with music and go on, the peer holds and goes on."""
    music = write_tone(bench.path("music.wav"), MUSIC, 3)
    phone, _, other = start(bench, kind, caller, f"set call.hold-music {music}")
    phone.do("record start call.wav")
    phone.do("sleep 1s")
    phone.do("hold")
    phone.event("held")
    phone.do("sleep 1500ms")
    phone.do("resume")
    phone.event("resumed")
    phone.do("sleep 1s")
    other.hold()
    phone.event("remote-held")
    phone.do("sleep 1500ms")
    other.resume()
    phone.event("remote-resumed")
    phone.do("sleep 1s")
    phone.do("hangup")
    said, heard = of_ours(bench, phone)
    said = tells(said, [(US,), (MUSIC,), (US,), (), (US,)], "what we said")
    theirs = other.heard()
    if other.RECORDS_ALL:
        tells(heard, [(other.hz,), (), (other.hz,), (), (other.hz,)], "what we heard")
        alike(said, tells(theirs, [(US,), (MUSIC,), (US,), (), (US,)], "what the peer heard"), "what we said and what the peer heard")
    else:
        tells(heard, [(other.hz,), (), (other.hz,)], "what we heard")
        inner = tells(theirs, [(US,), (MUSIC,), (US,)], "what the peer heard")
        check(abs(inner[1][1] - said[1][1]) <= EDGE_S, f"the music: {inner[1][1]} s of {said[1][1]} s")


def conference(bench, order=(Bob, Lin), codecs=("PCMU", "PCMU")):
    """Us, baresip and linphonec: each hears the two others and not itself; then the second is taken out."""
    peers = [kind(bench, codec) for kind, codec in zip(order, codecs)]
    phone = phone_with_tone(bench, "opus G722 PCMU", f"set audio.output file:{bench.path('we.wav')}")
    calls = []
    for n, peer in enumerate(peers):
        calls.append(call_peer(phone, peer))
        phone.do(f"record start {n}.wav call={calls[n]}")
        phone.do("sleep 1s")
    phone.do(f"conference {calls[0]} {calls[1]}")
    phone.do("sleep 2s")
    phone.do(f"split {calls[1]}")
    phone.do("sleep 1s")
    phone.do("hangup all")
    (said_first, heard_first), (said_second, heard_second) = (of_ours(bench, phone, f"{n}.wav") for n in (0, 1))
    equal(phone.quit(), 0, "exit status")
    a, b = sorted((US, peers[1].hz)), sorted((US, peers[0].hz))
    said_first = tells(said_first, [(US,), (), tuple(a), (US,)], "what the first was sent")
    said_second = tells(said_second, [(US,), tuple(b)], "what the second was sent")
    tells(heard_first, [(peers[0].hz,), (), (peers[0].hz,)], "what the first said")
    tells(heard_second, [(peers[1].hz,)], "what the second said")
    for peer, said in zip(peers, (said_first, said_second)):
        name = type(peer).__name__
        alike(said, tells(peer.heard(), [seen for seen, _ in said], f"what {name} heard"), f"sent to {name} and heard")
    both = tuple(sorted(peer.hz for peer in peers))
    tells(story(bench.path("we.wav"), ALL), [(peers[0].hz,), (peers[1].hz,), both, (peers[0].hz,)], "what we heard")


def blind(bench, kind, to):
    """Whom we have called is sent on to another: they hear each other."""
    second = to(bench)
    phone, call, first = start(bench, kind, True)
    phone.do("record start call.wav")
    phone.do("sleep 1s")
    phone.do(f"transfer sip:bob@127.0.0.1:{second.port}")
    phone.event("transferred", call=call)
    phone.event("ended", call=call)
    phone.do("sleep 2s")
    said, heard = of_ours(bench, phone)
    tells(said, [(US,)], "what we said")
    tells(heard, [(first.hz,)], "what we heard")
    tells(first.heard(), [(US,), (second.hz,)], "what the first heard")
    tells(second.heard(), [(first.hz,)], "what the second heard")


def sent_on(bench, kind, to):
    """The peer sends us on to another."""
    second = to(bench)
    phone, call, first = start(bench, kind, True, "set call.follow-transfer on", f"set audio.output file:{bench.path('we.wav')}")
    phone.do("sleep 1s")
    first.transfer(f"sip:bob@127.0.0.1:{second.port}")
    phone.event("transferred", call=call)
    phone.event("ended", call=call)
    phone.do("sleep 1500ms")
    phone.do("hangup all")
    equal(phone.quit(), 0, "exit status")
    tells(story(bench.path("we.wav"), ALL), [(first.hz,), (second.hz,)], "what we heard")
    tells(first.heard(), [(US,)], "what the first heard")
    tells(second.heard(), [(US,)], "what the second heard")
