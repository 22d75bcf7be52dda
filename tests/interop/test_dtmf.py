"""Digits of the keypad: as tones to and from a peer that knows no RTP events, as events in every clock, once each."""
import math
import os
import re
import socket
import struct
import threading
import time

from harness import check, equal, power_at, wait_until
from test_phones import PEER, PHONE, phone_with_tone
from wire import Peer

LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
DIGITS = ("123A", "456B", "789C", "*0#D")


def mu_decode(byte):
    byte = ~byte & 0xFF
    magnitude = (((byte & 15) << 3) + 132 << (byte >> 4 & 7)) - 132
    return -magnitude if byte & 0x80 else magnitude


MU = [mu_decode(b) for b in range(256)]


def mu_encode(sample):
    return min(range(256), key=lambda b: abs(MU[b] - sample))


class Sound:
    """The RTP side of a scripted peer: mu-law on a port of its own."""

    def __init__(self, port=40000):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.packets = []
        self.source = None
        self.sequence, self.timestamp = 100, 8000
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            packet, self.source = self.socket.recvfrom(2048)
            self.packets.append(packet)

    def samples(self):
        return [MU[b] for packet in self.packets if packet[1] & 0x7F == 0 for b in packet[12:]]

    def digits(self):
        """What the tones that came say, windows of 20 ms."""
        samples, text = self.samples(), []
        for start in range(0, len(samples) - 160, 160):
            part = samples[start:start + 160]
            total = sum(s * s for s in part) / 160
            low, high = max(LOW, key=lambda hz: power_at(part, 8000, hz)), max(HIGH, key=lambda hz: power_at(part, 8000, hz))
            pure = total > 1e5 and power_at(part, 8000, low) + power_at(part, 8000, high) > 0.6 * total
            text.append(DIGITS[LOW.index(low)][HIGH.index(high)] if pure else " ")
        return re.sub(r"(.)\1*", r"\1", "".join(text)).replace(" ", "")

    def say(self, to, encoded):
        """Packets of 20 ms, each at its time by the clock, however long the one before took. Whoever reads them cannot know that this machine was
        busy: a packet too late is a gap in the tone, so they are made before and sent at real-time priority."""
        done = []

        def send():
            try:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
            except PermissionError:
                pass
            begin = time.monotonic()
            for n, start in enumerate(range(0, len(encoded), 160)):
                time.sleep(max(0, begin + n * 0.02 - time.monotonic()))
                self.socket.sendto(struct.pack("!BBHII", 0x80, 0, self.sequence, self.timestamp, 4711) + encoded[start:start + 160], to)
                self.sequence += 1
                self.timestamp += 160
            done.append(True)
        sender = threading.Thread(target=send)
        sender.start()
        sender.join()
        check(done, "everything was said")

    def press(self, to, digits):
        self.say(to, b"".join(tone_of(digit) + bytes([0xFF] * 800) for digit in digits))


def tone_of(digit):
    """100 ms of the two tones of a digit, mu-law."""
    row = next(i for i, r in enumerate(DIGITS) if digit in r)
    low, high = LOW[row], HIGH[DIGITS[row].index(digit)]
    codes = {}
    samples = [round(5000 * (math.sin(2 * math.pi * low * i / 8000) + math.sin(2 * math.pi * high * i / 8000)) / 16) * 16 for i in range(800)]
    return bytes(codes.get(s) or codes.setdefault(s, mu_encode(s)) for s in samples)


def call_peer(phone, peer):
    phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    invite = peer.receive("INVITE")
    peer.respond(invite, 200, "OK", peer.sdp())
    peer.receive("ACK")
    phone.do("wait answered within=30s")
    port = int(re.search(r"m=audio (\d+)", invite.body).group(1))
    return ("127.0.0.1", port)


def test_dtmf_as_tones(bench):
    """A peer with G.711 alone: auto sends tones; its own tones are digits, once each."""
    peer, sound = Peer(PEER), Sound()
    phone = phone_with_tone(bench, "PCMU", "set audio.input null")
    to = call_peer(phone, peer)
    equal(phone.refused("dtmf 1 via=rtp")["data"]["reason"], "no-dtmf", "events that were not agreed on")
    phone.do("dtmf 15#D0")
    wait_until(lambda: sound.digits() == "15#D0", f"the peer hears 15#D0, not {sound.digits()}")
    sound.press(to, "42#")
    for digit in "42#":
        phone.event("dtmf", digit=digit, via="audio")
    sound.press(to, "77")
    for digit in "77":
        phone.event("dtmf", digit=digit, via="audio")
    phone.do("sleep 300ms")
    check(not [e for e in phone.events if e["event"] == "dtmf"], f"no digit twice: {phone.events}")
    phone.do("set dtmf.detect off")
    phone.do("hangup")
    peer.respond(peer.receive("BYE"), 200, "OK")


def test_dtmf_as_events(bench):
    """Opus has events of 48 kHz; tones that are sent beside them are not told."""
    phone = phone_with_tone(bench, "opus", "set audio.input null")
    other = bench.phone("set sip.listen 127.0.0.1:5090", "set call.accept any", "set call.auto-answer on")
    phone.do("call sip:bob@127.0.0.1:5090")
    phone.do("wait answered within=30s")
    phone.do("set dtmf.tone 60ms")
    phone.do("set dtmf.gap 60ms")
    phone.do("dtmf 0123456789*#ABCD")
    for digit in "0123456789*#ABCD":
        other.event("dtmf", digit=digit, via="rtp")
    phone.do("dtmf 5 via=audio")
    phone.do("set dtmf.tone 3s")
    phone.do("dtmf 6 via=rtp")
    other.event("dtmf", digit="6", via="rtp")
    phone.do("sleep 3500ms")
    check(not [e for e in other.events if e["event"] == "dtmf"], f"neither tones nor parts of a long digit: {other.events}")
    phone.do("hangup")


def test_dtmf_behind_a_number(bench):
    """A comma is a pause; the digits go once the call is up."""
    other = bench.phone("set sip.listen 127.0.0.1:5090", "set call.accept any", "set call.auto-answer on")
    phone = phone_with_tone(bench, "PCMU", "set dtmf.pause 300ms")
    phone.do("call 123,,4#@127.0.0.1:5090")
    equal(phone.get("call.remote"), "sip:123@127.0.0.1:5090", "whom we call")
    for digit in "4#":
        other.event("dtmf", digit=digit, via="rtp")
    phone.do("hangup")
