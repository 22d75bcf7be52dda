"""Calls with baresip and linphonec, each as caller and callee, Opus and G.711; sound proved by what the other side recorded."""
import json
import os
import re
import socket
import subprocess
import time

from harness import Failed, check, equal, hears, need, port_answers, wait_until, write_tone

PHONE, PEER, CONTROL = 5070, 5080, 4444

BARESIP = """sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 10
audio_player {player}
audio_source aufile,{tone}
audio_alert aufile,{alert}
audio_level no
rtp_ports 30000-30100
jitter_buffer_delay 1-5
module_path {modules}
module {codec}.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {folder}
{extra}
module_tmp uuid.so
module_app account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
opus_stereo no
opus_sprop_stereo no
"""


class Baresip:
    """Debian's baresip, commanded by netstrings of JSON on a TCP port."""

    def __init__(self, bench, codec, answers=True, encryption=None, contacts="", modules=(), lines="", hz=660, port=PEER, jack=None):
        need("baresip")
        self.bench, self.hz, self.port = bench, hz, port
        rate = {"opus": 48000, "g722": 16000, "l16": 16000}.get(codec, 8000)
        tone = write_tone(bench.path("baresip-says.wav"), hz, 60, rate)
        more, modules = (*modules, *(["portaudio"] if jack else [])), "/usr/lib/baresip/modules"
        if not os.path.isdir(modules):
            modules = next(p for p in ("/usr/lib/x86_64-linux-gnu/baresip/modules", "/usr/local/lib/baresip/modules") if os.path.isdir(p))
        extra = "\n".join(f"module {m}.so" for m in ("auconv", "auresamp", *(["srtp"] if encryption else []), *more) if os.path.exists(f"{modules}/{m}.so"))
        os.makedirs(bench.path("baresip"), exist_ok=True)

        def configure(player):
            bench.write("baresip/config", BARESIP.format(sip=port, folder=bench.folder, tone=tone, alert=bench.path("alert.wav"), modules=modules, codec=codec,
                                                         extra=extra, control=CONTROL, player=player) + lines)
        configure("aubridge,nobody")
        bench.write("baresip/accounts", f"<sip:bob@127.0.0.1:{port}>;regint=0" + (";answermode=auto" if answers else "") +
                    (f";mediaenc={encryption}" if encryption else "") + "\n")
        bench.write("baresip/contacts", contacts)
        env = jack.env if jack else bench.environment()
        if jack:
            lines += "auplay_srate 48000\n"
            configure(f"portaudio,{self.number_of('phoneB', env)}")
        self.process = bench.start(["baresip", "-f", bench.path("baresip")], log="baresip.log", env=env)
        self.control = wait_until(self._connect, "baresip's control port")
        self.buffer = b""

    def number_of(self, card, env):
        """PortAudio's number of a card of JACK, which is all that baresip takes: it lists them when it starts."""
        process = self.bench.start(["stdbuf", "-oL", "baresip", "-v", "-f", self.bench.path("baresip")], log="baresip-lists.log", env=env)
        found = wait_until(lambda: re.search(rf"portaudio: device (\d+): {card}\b", self.bench.log_of(process)), f"baresip sees {card}")
        process.terminate()
        process.wait(30)
        return found.group(1)

    @property
    def recording(self):
        """What it heard: its sndfile module writes one file for each direction of each call."""
        return next(iter(self.recordings), "")

    @property
    def recordings(self):
        """The same of all its calls, oldest first."""
        found = [self.bench.path(n) for n in os.listdir(self.bench.folder) if n.startswith("dump-") and n.endswith("-dec.wav")]
        return sorted(found, key=lambda path: (os.stat(path).st_mtime_ns, path))

    def _connect(self):
        try:
            return socket.create_connection(("127.0.0.1", CONTROL), 0.5)
        except OSError:
            return None

    def command(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": "1"}).encode()
        self.control.sendall(str(len(text)).encode() + b":" + text + b",")

    def event(self, kind, within=30):
        end = time.monotonic() + within
        while time.monotonic() < end:
            match = re.match(rb"(\d+):", self.buffer)
            if match and len(self.buffer) > match.end() + int(match.group(1)):
                length = int(match.group(1))
                text, self.buffer = self.buffer[match.end():match.end() + length], self.buffer[match.end() + length + 1:]
                message = json.loads(text)
                if message.get("type") == kind:
                    return message
                continue
            self.control.settimeout(max(0.05, end - time.monotonic()))
            try:
                self.buffer += self.control.recv(65536)
            except socket.timeout:
                break
        raise Failed(f"baresip: no {kind} within {within} s: {self.bench.log_of(self.process)[-400:]}")


def phone_with_tone(bench, codec, *more):
    return bench.phone(f"set sip.listen 127.0.0.1:{PHONE}", "set call.accept any", "set audio.input tone:440", "set audio.output null",
                       f"set media.codecs {codec}", *more)


def talk(phone, codec):
    """The peer says 660 Hz; we hear it, by the codec that was asked for."""
    phone.do("wait media within=30s")
    phone.do("sleep 2s")
    hz = float(phone.get("tone.hz"))
    check(650 < hz < 670, f"the peer's tone: heard {hz} Hz")
    check(codec.lower() in phone.get("call.codec").lower(), f"codec {phone.get('call.codec')}")


def with_baresip(bench, codec, caller):
    other = Baresip(bench, "opus" if codec == "opus" else "g711", answers=caller)
    phone = phone_with_tone(bench, codec, *([] if caller else ["set call.auto-answer on"]))
    if caller:
        phone.do(f"call sip:bob@127.0.0.1:{PEER}")
        phone.do("wait answered within=30s")
    else:
        other.command("dial", f"sip:alice@127.0.0.1:{PHONE}")
        phone.do("wait answered within=30s")
    other.event("CALL_ESTABLISHED")
    talk(phone, codec)
    if caller:
        phone.do("hangup")
        other.event("CALL_CLOSED")
    else:
        other.command("hangup")
    phone.do("wait ended within=30s")
    equal(phone.quit(), 0, "exit status")
    wait_until(lambda: os.path.exists(other.recording), "baresip's recording")
    check(hears(other.recording, 440), "baresip heard our 440 Hz")


def test_baresip_called_opus(bench):
    with_baresip(bench, "opus", True)


def test_baresip_called_pcma(bench):
    with_baresip(bench, "PCMA", True)


def test_baresip_calls_opus(bench):
    with_baresip(bench, "opus", False)


def test_baresip_calls_pcmu(bench):
    with_baresip(bench, "PCMU", False)


def test_baresip_dtmf(bench):
    """Digits both ways, by RFC 4733."""
    other = Baresip(bench, "g711")
    phone = phone_with_tone(bench, "PCMU")
    phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    phone.do("wait answered within=30s")
    other.event("CALL_ESTABLISHED")
    for digit in "5#":
        other.command("sndcode", digit)
        phone.event("dtmf", digit=digit)
    phone.do("dtmf 19*")
    for digit in "19*":
        wait_until(lambda d=digit: d in other.event("CALL_DTMF_START")["param"], f"baresip hears {digit}")
    phone.do("hangup")


class Linphone:
    """Debian's linphonec, commanded on its standard input."""

    def __init__(self, bench, codec, answers=True, encryption=None, hz=660, port=PEER):
        need("linphonec")
        self.bench, self.hz, self.port = bench, hz, port
        self.recording = bench.path("linphone-heard.wav")
        tone = write_tone(bench.path("linphone-says.wav"), hz, 60, 48000 if codec == "opus" else 8000)
        bench.write("linphonerc", f"[sip]\nsip_port={port}\nuse_ipv6=0\ncontact=sip:bob@127.0.0.1:{port}\nguess_hostname=0\nauto_net_state_mon=0\n"
                                  "[net]\nmtu=1300\nfirewall_policy=0\n[rtp]\naudio_rtp_port=32000\n[sound]\necho_cancellation=0\n[video]\nenabled=0\n[misc]\nstore_friends=0\n")
        if encryption:
            with open(bench.path("linphonerc"), "a") as rc:
                rc.write(f"{encryption}")
        os.makedirs(bench.path(".local/share/linphone"))  # without its data base it takes no calls
        self.process = bench.start(["linphonec", "-c", bench.path("linphonerc"), *(["-a"] if answers else [])], log="linphone.log",
                                   stdin=subprocess.PIPE)
        wait_until(lambda: "linphonec>" in bench.log_of(self.process), "linphonec is ready")
        self.type(f"ports sip {port}")  # the port of the rc file alone opens nothing in 5.1
        self.type("soundcard use files")
        self.type(f"play {tone}")
        self.type(f"record {self.recording}")
        for index, name in self.codecs():
            self.type(f"codec {'enable' if codec.lower() in name.lower() else 'disable'} {index}")

    def codecs(self):
        self.type("codec list")
        text = wait_until(lambda: re.findall(r"^\s*(\d+):\s+(\S+)", self.bench.log_of(self.process), re.M), "the list of codecs")
        wait_until(lambda: len(re.findall(r"^\s*(\d+):\s+(\S+)", self.bench.log_of(self.process), re.M)) > 5, "the whole list")
        return re.findall(r"^\s*(\d+):\s+(\S+)", self.bench.log_of(self.process), re.M) or text

    def type(self, line):
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()


def with_linphone(bench, codec, caller):
    other = Linphone(bench, codec, answers=caller)
    phone = phone_with_tone(bench, codec, *([] if caller else ["set call.auto-answer on"]))
    if caller:
        phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    else:
        other.type(f"call sip:alice@127.0.0.1:{PHONE}")
    phone.do("wait answered within=30s")
    talk(phone, codec)
    if caller:
        phone.do("hangup")
    else:
        other.type("terminate")
    phone.do("wait ended within=30s")
    other.type("quit")
    other.process.wait(30)
    check(hears(other.recording, 440), "linphonec heard our 440 Hz")


def test_linphonec_called_opus(bench):
    with_linphone(bench, "opus", True)


def test_linphonec_called_pcmu(bench):
    with_linphone(bench, "PCMU", True)


def test_linphonec_calls_opus(bench):
    with_linphone(bench, "opus", False)


def test_linphonec_calls_pcma(bench):
    with_linphone(bench, "PCMA", False)


def test_linphonec_dtmf(bench):
    """Digits typed at linphonec come here, by RFC 4733."""
    other = Linphone(bench, "PCMU")
    phone = phone_with_tone(bench, "PCMU")
    phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    phone.do("wait answered within=30s")
    phone.do("wait media within=30s")
    for digit in "7#":
        other.type(digit)
        phone.event("dtmf", digit=digit)
    phone.do("hangup")
    phone.do("wait ended within=30s")
    other.type("quit")
    other.process.wait(30)


def test_baresip_messages_and_presence(bench):
    """Texts both ways, and each watches the other."""
    phone = bench.phone(f"set sip.listen 127.0.0.1:{PHONE}", "set call.accept any")
    wait_until(lambda: port_answers("127.0.0.1", PHONE), "the phone listens")
    other = Baresip(bench, "g711", contacts=f'"Alice" <sip:alice@127.0.0.1:{PHONE}>;presence=p2p\n', modules=("presence",))
    phone.do(f"message sip:bob@127.0.0.1:{PEER} gr\u00fc\u00df dich")
    phone.event("message-sent")
    other.command("message", "back to you")
    equal(phone.event("message")["text"], "back to you", "text")
    wait_until(lambda: "presence" in phone.do("show subscriptions")["text"], "baresip watches us")
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    phone.event("subscribed")
    phone.event("presence")
    phone.do("status offline")
    phone.do("unsubscribe all")
    phone.event("notify", state="terminated")
    equal(phone.quit(), 0, "exit status")


def test_linphonec_message(bench):
    phone = bench.phone(f"set sip.listen 127.0.0.1:{PHONE}", "set call.accept any")
    wait_until(lambda: port_answers("127.0.0.1", PHONE), "the phone listens")
    other = Linphone(bench, "PCMU")
    phone.do(f"message sip:bob@127.0.0.1:{PEER} hello linphone")
    phone.event("message-sent")
    wait_until(lambda: "hello linphone" in bench.log_of(other.process), "linphonec got the text")
    other.type("quit")
    other.process.wait(30)


def test_baresip_is_transferred(bench):
    """baresip follows our REFER to a third phone, and tells how it goes."""
    other = Baresip(bench, "g711")
    phone = phone_with_tone(bench, "PCMU")
    third = bench.phone("set sip.listen 127.0.0.1:5090", "set call.accept any", "set media.codecs PCMU", "set call.auto-answer on")
    call = phone.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    phone.event("answered", call=call)
    phone.do("transfer sip:carol@127.0.0.1:5090")
    phone.event("transferred", call=call)
    phone.event("ended", call=call)
    third.event("answered")
    third.event("media")
    other.command("hangup")


def test_baresip_transfers(bench):
    """baresip asks us to call a third phone."""
    other = Baresip(bench, "g711")
    phone = phone_with_tone(bench, "PCMU", "set call.follow-transfer on")
    third = bench.phone("set sip.listen 127.0.0.1:5090", "set call.accept any", "set media.codecs PCMU", "set call.auto-answer on")
    call = phone.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    phone.event("answered", call=call)
    other.event("CALL_ESTABLISHED")
    other.command("transfer", "sip:carol@127.0.0.1:5090")
    third.event("answered")
    phone.event("transferred", call=call)
    third.event("media")
    wait_until(lambda: phone.get("calls.count") == "1", "baresip hangs up the old call")
