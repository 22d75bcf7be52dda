"""Where the sound comes from: a peer that changes all that it can in mid-call, forged packets, replayed ones. The call goes on, and what is right is heard."""
import base64
import ctypes
import math
import os
import re
import socket
import struct
import time

from harness import Skip, check, equal, wait_until
from sessions import PEER, Dialog, hang_up, phone_calls, start
from test_sound import hears
from wire import Peer

RTP = 40100


def mu_law(sample):
    sign, sample = (0x80, -sample) if sample < 0 else (0, sample)
    sample = min(sample + 132, 32767)
    exponent = max(sample.bit_length() - 8, 0)
    return ~(sign | exponent << 4 | sample >> (exponent + 3) & 15) & 255


class Voice:
    """A tone as RTP, paced by whoever calls speak()."""

    def __init__(self, to, port=RTP):
        self.to = to
        self.socket = self.bound(port)
        self.ssrc, self.sequence, self.time, self.type, self.rate, self.law = 0x1000, 1000, 5000, 0, 8000, True

    @staticmethod
    def bound(port):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", port))
        return made

    def packet(self, hz):
        n = self.rate // 50
        samples = [int(8000 * math.sin(2 * math.pi * hz * (self.time + i) / self.rate)) for i in range(n)]
        body = bytes(map(mu_law, samples)) if self.law else struct.pack(f">{n}h", *samples)
        header = struct.pack(">BBHII", 0x80, self.type, self.sequence & 0xffff, self.time & 0xffffffff, self.ssrc)
        self.sequence += 1
        self.time += n
        return header + body

    def speak(self, hz, seconds, between=lambda: None):
        began = time.monotonic()
        for i in range(int(seconds * 50)):
            self.socket.sendto(self.packet(hz), self.to)
            between()
            time.sleep(max(0, began + (i + 1) / 50 - time.monotonic()))

    def is_heard(self, phone, hz, what, between=lambda: None, within=30):
        """Speak until the phone hears it."""
        end = time.monotonic() + within
        while True:
            self.speak(hz, 0.3, between)
            if abs(float(phone.get("tone.hz") or 0) - hz) < 5:
                return
            check(time.monotonic() < end, f"{what}: {hz} Hz is not heard, but {phone.get('tone.hz')}")


def call_of(bench, *lines):
    """A call with a peer that speaks PCMU and L16 of 8 and 16 kHz: (phone, peer, dialog, voice, the phone's numbers of L16)."""
    phone, peer = start(bench, "set audio.input tone:440", "set media.redundancy off", *lines), Peer(PEER)
    phone.do('set media.codecs "PCMU L16/8000 L16/16000"')
    body = (f"v=0\no=peer 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {RTP} RTP/AVP 0 120 121\n"
            "a=rtpmap:120 L16/8000\na=rtpmap:121 L16/16000\n")
    _, dialog = phone_calls(phone, peer, body=body)
    offer = dialog.invite.body
    port = int(re.search(r"m=audio (\d+)", offer).group(1))
    numbers = {int(rate): int(number) for number, rate in re.findall(r"a=rtpmap:(\d+) L16/(\d+)", offer)}
    return phone, peer, dialog, Voice(("127.0.0.1", port)), numbers


def test_peer_changes_in_mid_call(bench):
    """Another SSRC, another address, another codec, number and clock rate, and garbage between: each is followed."""
    phone, peer, dialog, voice, numbers = call_of(bench)
    voice.is_heard(phone, 600, "the first packets")
    voice.ssrc, voice.sequence, voice.time = 0xabcdef, 40000, 900000
    voice.is_heard(phone, 700, "another SSRC")
    equal(phone.event("media-restarted")["count"], 1, "another SSRC is told")
    voice.type, voice.law = numbers[8000], False
    voice.is_heard(phone, 800, "another codec and number, the same clock")
    equal(phone.event("codec")["codec"], "L16", "the codec that is told")
    voice.type, voice.rate = numbers[16000], 16000
    voice.is_heard(phone, 900, "another clock rate")
    voice.socket.close()
    voice.socket = Voice.bound(RTP + 10)
    voice.is_heard(phone, 1000, "another address")
    moved = phone.event("media-moved")
    equal((moved["address"], moved["count"]), (f"127.0.0.1:{RTP + 10}", 1), "another address is told")
    voice.type, voice.rate, voice.law, voice.ssrc = 0, 8000, True, 0x77
    voice.is_heard(phone, 1100, "all at once: codec, clock and SSRC")

    def garbage():
        for n in (1, 11, 12, 13, 172, 1400):
            voice.socket.sendto(os.urandom(n), voice.to)
            voice.socket.sendto(struct.pack(">BB", 0x80 | n % 64, 0) + os.urandom(n), voice.to)
    voice.is_heard(phone, 1200, "between garbage", garbage)
    refused = phone.event("media-refused")
    check(refused["stray"] >= 50 and not refused["forged"] + refused["replayed"], f"what of garbage is told: {refused}")
    equal([e for e in phone.events if e["event"] in ("media-moved", "media-refused")], [], "what garbage does besides")
    hang_up(phone, peer, dialog)
    phone.quit()


def test_forged_packets(bench):
    """10,000 packets a second of somebody who guesses all but the address: the peer is heard all the time, and nobody else."""
    phone, peer, dialog, voice, _ = call_of(bench)
    voice.is_heard(phone, 600, "the first packets")
    forger = Voice(voice.to, RTP + 20)
    forger.ssrc, forger.sequence, forger.time = voice.ssrc, voice.sequence + 5, voice.time
    packets = [forger.packet(2000) for _ in range(300)]
    heard = []

    def forge():
        for packet in packets:
            forger.socket.sendto(packet, voice.to)
        heard.append(float(phone.get("tone.hz") or 0) if len(heard) % 10 == 9 else 600)
    began = time.monotonic()
    voice.speak(600, 3, forge)
    print(f"{len(heard) * len(packets) / (time.monotonic() - began):.0f} forged packets a second")
    check(all(abs(hz - 600) < 5 for hz in heard), f"heard meanwhile: {heard}")
    refused = phone.event("media-refused")
    check(50 <= refused["stray"] < int(phone.get("media.stray")), f"told: {refused}, of {phone.get('media.stray')}")
    equal([e for e in phone.events if e["event"].startswith("media-")], [], "a flood is told once in ten seconds, and moves nothing")
    voice.is_heard(phone, 700, "the peer afterwards")
    hang_up(phone, peer, dialog)
    phone.quit()


def test_flood_that_fills_the_socket(bench):
    """More packets of strangers before each of the peer's than the socket holds: the kernel drops theirs, and the peer is followed all the same when it moves."""
    phone, peer, dialog, voice, _ = call_of(bench)
    voice.is_heard(phone, 600, "the first packets")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))

        def speak(packets, noise=172, times=600):
            """@return how many of them came"""
            before, began = int(phone.get("media.received")), time.monotonic()
            for i in range(packets):
                for _ in range(times):
                    stranger.sendto(bytes(noise), voice.to)
                voice.socket.sendto(voice.packet(600), voice.to)
                time.sleep(max(0, began + (i + 1) / 50 - time.monotonic()))
            return int(phone.get("media.received")) - before
        speak(10)
        came = speak(100)
        check(came >= 90, f"{came} of 100 packets came through")
        speak(10, 60000, 10)
        came = speak(100, 60000, 10)
        check(came >= 90, f"{came} of 100 packets came through between long ones")
        voice.socket.close()
        voice.socket = Voice.bound(RTP + 10)
        voice.is_heard(phone, 700, "another address")
        came = speak(100)
        check(came >= 90, f"{came} of 100 packets came through from there")
    hang_up(phone, peer, dialog)
    phone.quit()


def test_flood_of_digits(bench):
    """A peer that sends a thousand digits in a second: the first are told, and what comes later at the pace of a keypad."""
    phone, peer = start(bench), Peer(PEER)
    phone.do(f"call sip:peer@127.0.0.1:{PEER}")
    dialog = Dialog(peer, peer.receive("INVITE"))
    number = re.search(r"a=rtpmap:(\d+) telephone-event/8000", dialog.invite.body).group(1)
    dialog.respond(dialog.invite, 200, "OK", f"v=0\no=peer 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {RTP} RTP/AVP 0 {number}\n"
                   f"a=rtpmap:{number} telephone-event/8000\n")
    peer.receive("ACK")
    phone.event("answered")
    voice = Voice(("127.0.0.1", int(re.search(r"m=audio (\d+)", dialog.invite.body).group(1))))
    voice.is_heard(phone, 600, "the first packets")
    began = time.monotonic()
    for i in range(1000):
        voice.sequence += 1
        voice.socket.sendto(struct.pack(">BBHIIBBH", 0x80, int(number), voice.sequence & 0xffff, voice.time + 1600 * i, voice.ssrc, i % 10, 0x8a, 800), voice.to)
        time.sleep(max(0, began + i / 1000 - time.monotonic()))
    voice.time += 1600 * 1000
    voice.sequence += 1
    voice.is_heard(phone, 700, "the peer afterwards")
    told = [e["digit"] for e in phone.events if e["event"] == "dtmf"]
    most = 64 + 20 * (time.monotonic() - began)
    check(64 <= len(told) <= most, f"{len(told)} digits are told, not up to {most:.0f}")
    equal("".join(told[:64]), ("0123456789" * 7)[:64], "the first ones")
    hang_up(phone, peer, dialog)
    phone.quit()


class Tap:
    """The RTP on `lo`: (port it goes to, payload)."""

    def __init__(self):
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        except (OSError, AttributeError):
            raise Skip("no raw sockets on this machine")
        self.socket.bind(("lo", 0))
        self.socket.settimeout(5)

    def take(self, count, port):
        taken = []
        while len(taken) < count:
            frame, address = self.socket.recvfrom(2048)
            # each frame passes twice, out and in
            if address[2] == socket.PACKET_OUTGOING and frame[14] == 0x45 and frame[23] == socket.IPPROTO_UDP and \
                    struct.unpack_from(">H", frame, 36)[0] == port and frame[42] == 0x80:
                taken.append(frame[42:])
        return taken


def test_replayed_srtp(bench):
    """What was right once is refused when it comes again, from anywhere; it is counted and told, and the call goes on."""
    bench.need_namespace()
    ports = {}
    phones = []
    for name, hz, at, low in (("a", 440, 5070, 30000), ("b", 1200, 5080, 31000)):
        ports[name] = low
        phones.append(bench.phone(f"set sip.listen 127.0.0.1:{at}", f"set audio.input tone:{hz}", "set media.encryption required", "set call.accept any",
                                  "set call.auto-answer on", f"set media.ports {low}-{low + 1}"))
    a, b = phones
    call = a.do("call sip:bob@127.0.0.1:5080")["call"]
    a.event("answered", call=call)
    b.event("answered")
    hears(a, 1200, "b")
    packets = Tap().take(50, ports["a"])
    equal(int(a.get("media.replayed")), 0, "replayed so far")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
        for packet in packets * 4:
            forger.sendto(packet, ("127.0.0.1", ports["a"]))
            time.sleep(0.001)
    wait_until(lambda: int(a.get("media.replayed")) + int(a.get("media.forged")) >= 190, "they are counted")
    check(int(a.get("media.replayed")) >= 190, f"{a.get('media.replayed')} replayed, {a.get('media.forged')} forged")
    hears(a, 1200, "b afterwards")
    hears(b, 440, "a afterwards: its packets still go to b")
    refused = a.event("media-refused", call=call)
    check(refused["replayed"] + refused["forged"] >= 10, f"told: {refused}")
    equal([e for e in a.events if e["event"] in ("media-refused", "media-moved")], [], "told once so far, and that nobody has moved")
    # What came meanwhile is summed up when ten seconds are over.
    rest = a.event("media-refused", call=call)
    equal((rest["replayed"], rest["forged"]), (int(a.get("media.replayed")) - refused["replayed"], int(a.get("media.forged")) - refused["forged"]), "the rest")
    a.do("hangup")
    b.event("ended")


class Policy(ctypes.Structure):
    """srtp_policy_t of libsrtp2."""
    SUITE = [("cipher", ctypes.c_uint32), ("cipher_key", ctypes.c_int), ("authentication", ctypes.c_uint32), ("authentication_key", ctypes.c_int),
             ("tag", ctypes.c_int), ("services", ctypes.c_int)]
    _fields_ = [("ssrc_type", ctypes.c_int), ("ssrc", ctypes.c_uint), *[("rtp_" + name, kind) for name, kind in SUITE],
                *[("rtcp_" + name, kind) for name, kind in SUITE], ("key", ctypes.c_char_p), ("keys", ctypes.c_void_p), ("key_count", ctypes.c_ulong),
                ("ekt", ctypes.c_void_p), ("window", ctypes.c_ulong), ("repeat", ctypes.c_int), ("extensions", ctypes.c_void_p),
                ("extension_count", ctypes.c_int), ("next", ctypes.c_void_p)]


class Protection:
    """AES_CM_128_HMAC_SHA1_80 with one key (30 bytes, master key and salt), in one direction."""
    INBOUND, OUTBOUND = 2, 3
    library = None

    def __init__(self, key, direction):
        if not Protection.library:
            try:
                Protection.library = ctypes.CDLL("libsrtp2.so.1")
            except OSError:
                raise Skip("no libsrtp2")
            Protection.library.srtp_init()
        policy = Policy(ssrc_type=direction, key=key)
        for part in (Policy.rtp_cipher, Policy.rtcp_cipher):
            self.library.srtp_crypto_policy_set_rtp_default(ctypes.byref(policy, part.offset))
        self.context = ctypes.c_void_p()
        equal(self.library.srtp_create(ctypes.byref(self.context), ctypes.byref(policy)), 0, "srtp_create")

    def run(self, function, packet):
        """None: it is refused."""
        room, n = ctypes.create_string_buffer(packet, len(packet) + 160), ctypes.c_int(len(packet))
        return None if function(self.context, room, ctypes.byref(n)) else room.raw[:n.value]

    def protect(self, packet):
        return self.run(self.library.srtp_protect, packet)

    def unprotect(self, packet):
        return self.run(self.library.srtp_unprotect, packet)


class SecretVoice(Voice):
    def packet(self, hz):
        return self.protection.protect(super().packet(hz))

    def understands(self, key):
        """Whether packets of the phone that come now open with this key."""
        protection = Protection(key, Protection.INBOUND)
        self.socket.settimeout(1)
        for _ in range(300):
            packet = self.socket.recv(2048)
            if packet[0] == 0x80 and packet[1] & 0x7f < 64 and protection.unprotect(packet):
                return True
        return False


def key_in(body):
    """(tag, key) of the suite that all have."""
    tag, key = re.search(r"a=crypto:(\d+) AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/=]+)", body).groups()
    return int(tag), base64.b64decode(key)


def test_new_keys_in_mid_call(bench):
    """A re-INVITE with another key of the peer (RFC 4568): what comes with it is heard, with the old one no longer, and ours opens with the key that we say."""
    phone, peer = start(bench, "set audio.input tone:440", "set media.redundancy off", "set media.encryption required"), Peer(PEER)

    def body(version, tag, key):
        return (f"v=0\no=peer 1 {version} IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {RTP} RTP/SAVP 0\n"
                f"a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(key).decode()}\n")
    first, second = os.urandom(30), os.urandom(30)
    phone.do(f"call sip:peer@127.0.0.1:{PEER}")
    invite = peer.receive("INVITE")
    tag, theirs = key_in(invite.body)
    dialog = Dialog(peer, invite)
    dialog.respond(invite, 200, "OK", body(1, tag, first))
    peer.receive("ACK")
    phone.event("answered")
    voice = SecretVoice(("127.0.0.1", int(re.search(r"m=audio (\d+)", invite.body).group(1))))
    voice.protection = Protection(first, Protection.OUTBOUND)
    voice.is_heard(phone, 600, "the first key")
    check(voice.understands(theirs), "the phone's packets open with the key of its offer")
    dialog.send("INVITE", body(2, 1, second))
    answer = peer.receive(200)
    dialog.ack()
    _, theirs = key_in(answer.body)
    voice.protection = Protection(second, Protection.OUTBOUND)
    voice.is_heard(phone, 700, "the second key")
    check(voice.understands(theirs), "the phone's packets open with the key of its answer")
    refused = int(phone.get("media.forged"))
    voice.protection = Protection(first, Protection.OUTBOUND)
    voice.speak(900, 1)
    check(int(phone.get("media.forged")) >= refused + 40, f"with the old key: {refused}, then {phone.get('media.forged')} refused")
    check(abs(float(phone.get("tone.hz") or 0) - 900) > 5, "the old key is heard no longer")
    hang_up(phone, peer, dialog)
    phone.quit()
