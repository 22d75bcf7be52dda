"""Every suite of SRTP, every codec and every way of digits that baresip 1.0.0 and linphonec 5.1 have, with each of them as caller and as callee; in `check full`.

What they have not: linphonec knows no GCM and no L16, baresip offers one suite alone and sends no digits by INFO; neither finds digits in a voice, so
what they hear of ours is looked for in what they have recorded.
"""
import re
import socket
import struct
import threading
import wave

from harness import check, equal, hears, power_at, read_wav, wait_until
from recordings import BARESIP, LINPHONE, US
from recordings import hears as is_heard
from test_dtmf import DIGITS, HIGH, LOW, MU, tone_of
from test_phones import PEER, PHONE, Baresip, Linphone, phone_with_tone

ALICE, BOB = f"sip:alice@127.0.0.1:{PHONE}", f"sip:bob@127.0.0.1:{PEER}"
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")
LINPHONE_RC = "[sip]\nmedia_encryption=srtp\nmedia_encryption_mandatory=1\nsrtp_crypto_suites=" + ", ".join(SUITES) + "\n"


def dial(other, target):
    other.command("dial", target) if isinstance(other, Baresip) else other.type(f"call {target}")


def connect(phone, other, caller):
    """A call, made by us or by the peer: its number, once it is answered and heard."""
    if caller:
        call = phone.do(f"call {BOB}")["call"]
        phone.event("answered", call=call)
    else:
        dial(other, ALICE)
        call = phone.event("answered")["call"]
    is_heard(phone, other.hz, call)
    return call


def hang_up(phone, other, call):
    phone.do(f"hangup {call}")
    phone.event("ended", call=call)
    if isinstance(other, Baresip):
        other.event("CALL_CLOSED")
    else:
        phone.do("sleep 500ms")


def heard_us(other, calls):
    """In each of its calls it has heard our tone, and nothing else."""
    if isinstance(other, Baresip):
        # A call that came to nothing leaves an empty one.
        wait_until(lambda: sum(hears(path, US, 0.5) for path in other.recordings) == calls, f"baresip heard us in {calls} calls")
        return
    other.type("quit")
    other.process.wait(30)
    check(hears(other.recording, US, 0.5), "linphonec heard us")


# ---- SRTP ----

def suites(bench, other, caller, known):
    phone = phone_with_tone(bench, "PCMU", "set media.encryption required", "set call.auto-answer on")
    for suite in SUITES:
        phone.do(f"set media.encryption-suites {suite}")
        if suite in known:
            call = connect(phone, other, caller)
            equal(phone.get("call.encryption"), suite, "the suite")
            # A calling baresip sends one RTCP packet before it has our key.
            check(int(phone.get("media.forged")) <= (not caller), f"{suite}: {phone.get('media.forged')} packets refused")
            phone.do("sleep 1s")
            hang_up(phone, other, call)
        else:
            # It refuses, or answers with a suite that it was not offered.
            phone.do(f"call {BOB}") if caller else dial(other, ALICE)
            phone.event("failed")
            phone.do("sleep 500ms")
    heard_us(other, len(known))


def test_suites_baresip_called(bench):
    suites(bench, Baresip(bench, "g711", encryption="srtp-mand", hz=BARESIP), True, SUITES[:2] + SUITES[4:])


def test_suites_baresip_calls(bench):
    suites(bench, Baresip(bench, "g711", answers=False, encryption="srtp-mand", hz=BARESIP), False, SUITES[:1])


def test_suites_linphonec_called(bench):
    suites(bench, Linphone(bench, "PCMU", encryption=LINPHONE_RC, hz=LINPHONE), True, SUITES[:4])


def test_suites_linphonec_calls(bench):
    suites(bench, Linphone(bench, "PCMU", answers=False, encryption=LINPHONE_RC, hz=LINPHONE), False, SUITES[:4])


# ---- codecs ----

def codecs(bench, other, caller, names):
    phone = phone_with_tone(bench, "PCMU", "set call.auto-answer on")
    for name in names:
        phone.do(f"set media.codecs {name}")
        call = connect(phone, other, caller)
        equal(phone.get("call.codec"), name.split("/")[0], "the codec")
        phone.do("sleep 1s")
        hang_up(phone, other, call)
    heard_us(other, len(names))


def bob_of_all_codecs(bench, answers):
    return Baresip(bench, "opus", answers, modules=("g711", "g722", "l16"), lines="ausrc_srate 48000\nausrc_channels 1\n", hz=BARESIP)


BARESIP_HAS = ("PCMU", "PCMA", "G722", "opus", "L16/16000", "L16/48000")


def test_codecs_baresip_called(bench):
    codecs(bench, bob_of_all_codecs(bench, True), True, BARESIP_HAS)


def test_codecs_baresip_calls(bench):
    codecs(bench, bob_of_all_codecs(bench, False), False, BARESIP_HAS)


def test_codecs_baresip_without_resampling(bench):
    """L16/8000 from a file of 8 kHz: of one of 48 kHz baresip makes 676 Hz, in its own recording too."""
    codecs(bench, Baresip(bench, "g711", modules=("l16",), hz=BARESIP), True, ("L16/8000",))


def lin_of_all_codecs(bench, answers):
    other = Linphone(bench, "opus", answers, hz=LINPHONE)
    for index, _ in other.codecs():
        other.type(f"codec enable {index}")
    return other


def test_codecs_linphonec_called(bench):
    codecs(bench, lin_of_all_codecs(bench, True), True, ("PCMU", "PCMA", "G722", "opus"))


def test_codecs_linphonec_calls(bench):
    codecs(bench, lin_of_all_codecs(bench, False), False, ("PCMU", "PCMA", "G722", "opus"))


# ---- digits ----

SAID, LINPHONE_KEYS = "159D*0#", "159*0#"


def digits_in(samples, rate):
    """What the tones of a recording say, in windows of 20 ms."""
    n, text = int(rate * 0.02), []
    for start in range(0, len(samples) - n, n):
        part = samples[start:start + n]
        total = sum(s * s for s in part) / n
        low, high = max(LOW, key=lambda hz: power_at(part, rate, hz)), max(HIGH, key=lambda hz: power_at(part, rate, hz))
        pure = total > 1e5 and power_at(part, rate, low) + power_at(part, rate, high) > 0.6 * total
        text.append(DIGITS[LOW.index(low)][HIGH.index(high)] if pure else " ")
    return re.sub(r"(.)\1*", r"\1", "".join(text)).replace(" ", "")


def write_digits(path):
    """SAID as tones, 8 kHz: two seconds before, as long behind."""
    silence = [0] * 800
    samples = [0] * 16000
    for digit in SAID:
        samples += [MU[code] for code in tone_of(digit)] + silence
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack(f"<{len(samples) + 16000}h", *samples, *[0] * 16000))
    return path


class OldGateway:
    """Between us and a peer: nobody hears of telephone-event in the other's offer. In a dialog both talk to each other."""
    PORT = 5095

    def __init__(self):
        self.outside, self.inside = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.outside.bind(("127.0.0.1", self.PORT))
        self.inside.bind(("127.0.0.1", self.PORT + 1))
        self.caller = None
        threading.Thread(target=self._pass, args=(self.outside, self.inside), daemon=True).start()
        threading.Thread(target=self._pass, args=(self.inside, self.outside), daemon=True).start()

    def _pass(self, one, other):
        while True:
            packet, source = one.recvfrom(65536)
            if one is self.outside:
                self.caller = source
            # As long as before: Content-Length holds.
            other.sendto(packet.replace(b"telephone-event", b"an-unknown-word"), ("127.0.0.1", PEER) if one is self.outside else self.caller)


def as_events(bench, other, caller):
    phone = phone_with_tone(bench, "PCMU", "set call.auto-answer on")
    call = connect(phone, other, caller)
    for digit in SAID if isinstance(other, Baresip) else LINPHONE_KEYS:
        other.command("sndcode", digit) if isinstance(other, Baresip) else other.type(digit)
        phone.event("dtmf", call=call, digit=digit, via="rtp")
    phone.do("sleep 500ms")
    check(not [e for e in phone.events if e["event"] == "dtmf"], "each once")
    for n, via in enumerate(("rtp", "info"), 1):
        phone.do(f"dtmf {SAID} via={via}")
        if isinstance(other, Linphone):
            wait_until(lambda n=n: re.findall(r"Receiving tone (.)", bench.log_of(other.process)) == list(SAID * n), f"what linphonec has got by {via}")
        elif via == "info":
            wait_until(lambda: re.findall(r"received DTMF: '(.)'", bench.log_of(other.process)) == list(SAID), "what baresip has got by INFO")
        else:
            equal([other.event("CALL_DTMF_START")["param"] for _ in SAID], list(SAID), "what baresip has got by events")
    hang_up(phone, other, call)


def test_digits_baresip_called(bench):
    as_events(bench, Baresip(bench, "g711", hz=BARESIP), True)


def test_digits_baresip_calls(bench):
    as_events(bench, Baresip(bench, "g711", answers=False, hz=BARESIP), False)


def test_digits_linphonec_called(bench):
    as_events(bench, Linphone(bench, "PCMU", hz=LINPHONE), True)


def test_digits_linphonec_calls(bench):
    as_events(bench, Linphone(bench, "PCMU", answers=False, hz=LINPHONE), False)


def test_digits_of_linphonec_by_info(bench):
    other = Linphone(bench, "PCMU", encryption="[sip]\nuse_info=1\nuse_rfc2833=0\n", hz=LINPHONE)
    phone = phone_with_tone(bench, "PCMU")
    call = connect(phone, other, True)
    for digit in LINPHONE_KEYS:
        other.type(digit)
        phone.event("dtmf", call=call, digit=digit, via="info")
    phone.do("sleep 500ms")
    check(not [e for e in phone.events if e["event"] == "dtmf"], "each once")
    hang_up(phone, other, call)


def as_tones(bench, other):
    """Neither knows of events: ours are tones in its recording, and its tones are digits here."""
    OldGateway()
    phone = phone_with_tone(bench, "PCMU", "set audio.input null")
    call = phone.do(f"call sip:bob@127.0.0.1:{OldGateway.PORT}")["call"]
    phone.event("answered", call=call)
    for digit in SAID:
        phone.event("dtmf", call=call, digit=digit, via="audio")
    phone.do(f"dtmf {SAID}")
    phone.do("sleep 2s")
    hang_up(phone, other, call)
    check(not [e for e in phone.events if e["event"] == "dtmf"], "each once")
    if isinstance(other, Linphone):
        other.type("quit")
        other.process.wait(30)
    rate, samples = read_wav(other.recording)
    equal(digits_in(samples[::int(rate // 8000)], 8000), SAID, "what the peer has recorded")


def test_digits_as_tones_baresip(bench):
    other = Baresip(bench, "g711", hz=BARESIP)
    write_digits(bench.path("baresip-says.wav"))
    as_tones(bench, other)


def test_digits_as_tones_linphonec(bench):
    other = Linphone(bench, "PCMU", hz=LINPHONE)
    other.type(f"play {write_digits(bench.path('digits.wav'))}")
    as_tones(bench, other)
