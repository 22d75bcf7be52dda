"""How much one phone carries: memory a transaction and a call, cost a message beside others, registrations. Figures, nothing asserted."""
import json
import os
import select
import shutil
import socket
import subprocess
import time

from harness import OFFHOOK, wait_until

QUIET = ("set audio.input null", "set audio.output null", "set audio.ringer null")
HOST = "127.0.0.1"
SDP = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=sendonly\r\n"


def run_seconds(process):
    """CPU of all threads, from the scheduler's own nanoseconds (clock ticks are too coarse for a thousand messages)."""
    total = 0
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/schedstat", encoding="ascii") as text:
            total += int(text.read().split()[0])
    return total / 1e9


def main_seconds(process):
    """CPU of the loop's thread alone: that of signalling."""
    with open(f"/proc/{process.pid}/task/{process.pid}/schedstat", encoding="ascii") as text:
        return int(text.read().split()[0]) / 1e9


def wait_for_rest(process, share=0.02, seconds=0.5):
    """Until the loop's thread has had next to nothing to do for a while."""
    mark = [time.monotonic(), main_seconds(process)]

    def rests():
        now, cpu = time.monotonic(), main_seconds(process)
        if cpu - mark[1] > share * seconds:
            mark[:] = now, cpu
        return now - mark[0] > seconds
    wait_until(rests, "it has done what there was to do", 60)


def media_share(process, seconds=2.0):
    """Of one core, in percent: the threads beside the loop's, that of sound above all."""
    begin, before = time.monotonic(), run_seconds(process) - main_seconds(process)
    time.sleep(seconds)
    return (run_seconds(process) - main_seconds(process) - before) * 100 / (time.monotonic() - begin)


def dirty_kib(process):
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as text:
        return sum(int(line.split()[1]) for line in text if line.startswith("Private_Dirty"))


def plain_phone(bench, *lines, below=()):
    """With the plain front end; nobody reads its events one by one. `below`: the program that runs it."""
    argv = [*below, OFFHOOK, "-n", "--plain", "--stay"]
    for line in (*QUIET, *lines):
        argv += ["-x", line]
    out = open(bench.path(f"plain-{len(bench.processes)}.log"), "wb")
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=out, env=bench.environment(), cwd=bench.folder)
    bench.processes.append(process)
    return process


class Caller:
    """Sends requests by hundreds and counts what comes back."""

    def __init__(self, port, to):
        self.port, self.to, self.number = port, to, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((HOST, port))

    def text(self, method, key, cseq=1, tag="", uri=None, branch=None, body=""):
        return (f"{method} {uri or f'sip:service@{HOST}:{self.to}'} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{branch or f'{key}-{cseq}-{method}'}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:bench@{HOST}:{self.port}>;tag={key}\r\nTo: <sip:service@{HOST}:{self.to}>{tag and ';tag=' + tag}\r\nCall-ID: {key}\r\n"
                f"CSeq: {cseq} {method}\r\nContact: <sip:bench@{HOST}:{self.port}>\r\n"
                f"{'Content-Type: application/sdp' + chr(13) + chr(10) if body else ''}Content-Length: {len(body)}\r\n\r\n{body}").encode()

    def send(self, method, key, **how):
        self.socket.sendto(self.text(method, key, **how), (HOST, self.to))

    def finals(self, count, within=10.0):
        """The next final responses, as text."""
        got, end = [], time.monotonic() + within
        while len(got) < count and time.monotonic() < end:
            if select.select([self.socket], [], [], 0.5)[0]:
                text = self.socket.recv(65536).decode(errors="replace")
                if text.startswith("SIP/2.0 ") and text[8] != "1":
                    got.append(text)
        return got

    def options(self, count):
        """@return how many were answered"""
        answered = 0
        for at in range(0, count, 50):
            for _ in range(min(50, count - at)):
                self.number += 1
                self.send("OPTIONS", f"o{self.port}x{self.number}")
            answered += len(self.finals(min(50, count - at)))
        return answered

    def refused_invites(self, count):
        """INVITEs that are refused and acknowledged: transactions that are confirmed. @return how many"""
        refused = 0
        for at in range(0, count, 50):
            for _ in range(min(50, count - at)):
                self.number += 1
                self.send("INVITE", f"i{self.port}x{self.number}")
            for text in self.finals(min(50, count - at)):
                key = field(text, "Call-ID")
                self.send("ACK", key, tag=field(text, "To").rpartition("tag=")[2], branch=f"{key}-1-INVITE")
                refused += 1
        return refused

    def short_calls(self, count):
        """Calls that are answered, acknowledged and ended, one after the other. @return how many"""
        ended = 0
        for _ in range(count):
            self.number += 1
            key = f"s{self.port}x{self.number}"
            self.send("INVITE", key, body=SDP)
            for text in self.finals(1, 2.0):
                tag, uri = field(text, "To").rpartition("tag=")[2], field(text, "Contact").strip("<>") if text.startswith("SIP/2.0 200") else None
                self.send("ACK", key, tag=tag, uri=uri, branch=f"{key}-ack" if uri else f"{key}-1-INVITE")
                if uri:
                    self.send("BYE", key, cseq=2, tag=tag, uri=uri)
                    ended += len(self.finals(1, 2.0))
        return ended

    def held_calls(self, count):
        """Calls that are answered and acknowledged, and stay. @return how many"""
        held = 0
        for at in range(0, count, 10):
            for _ in range(min(10, count - at)):
                self.number += 1
                self.send("INVITE", f"c{self.port}x{self.number}", body=SDP)
            for text in self.finals(min(10, count - at)):
                key = field(text, "Call-ID")
                if text.startswith("SIP/2.0 200") and key.startswith("c"):
                    self.send("ACK", key, tag=field(text, "To").rpartition("tag=")[2], uri=field(text, "Contact").strip("<>"), branch=f"{key}-ack")
                    held += 1
        return held


def field(text, name):
    return next(line.split(":", 1)[1].strip() for line in text.split("\r\n") if line.lower().startswith(name.lower() + ":"))


def line(what, value, unit):
    print(f"  {what:64}{value:>10} {unit}", flush=True)


def answers(caller):
    """The phone is there; a probe of its own, until it answers."""
    def asked():
        caller.number += 1
        caller.send("OPTIONS", f"p{caller.port}x{caller.number}")
        return caller.finals(1, 0.5)
    wait_until(asked, "offhook answers", 30)


def transactions(bench):
    """Memory of those that are finished, and what a message costs beside them."""
    phone = plain_phone(bench, f"set sip.listen {HOST}:15400", "set call.accept any", "set trace.keep 64k", "set sip.max-transactions 100000", "set call.max 1")
    caller = Caller(15401, 15400)
    answers(caller)
    standing = caller.options(500)
    before, begun = dirty_kib(phone), standing
    for wanted in (1000, 10000, 50000):
        standing += caller.options(wanted - standing)
        cpu = run_seconds(phone)
        answered = caller.options(1000)
        standing += answered
        line(f"an OPTIONS beside {wanted} finished transactions", f"{(run_seconds(phone) - cpu) * 1e6 / max(answered, 1):.0f}", "us of CPU")
    caller.send("OPTIONS", "length")
    length = len(caller.finals(1)[0])
    line("a finished OPTIONS transaction", f"{(dirty_kib(phone) - before) / (standing - begun):.2f}", f"KiB; its response has {length / 1024:.2f}")
    caller.send("INVITE", "it-rings")  # and takes the only line, so that the others are refused
    wait_until(lambda: b" 180 " in caller.socket.recv(65536), "the first call rings")
    before = dirty_kib(phone)
    refused = caller.refused_invites(5000)
    line("an INVITE that was refused and acknowledged", f"{(dirty_kib(phone) - before) / max(refused, 1):.2f}", "KiB")
    phone.terminate()
    phone.wait(10)


CALLS_MOST = 9900  # two descriptors each, and some systems have no more than 20,000 for a process
MANY_CALLS = ("set call.accept any", "set call.auto-answer on", "set call.max 10000", "set trace.keep 64k", "set media.ports 10240-39998", "set sip.max-transactions 20000")


def calls(bench):
    """Memory of calls that are up, sound and all, and what a message costs beside them: CPU of the loop's thread, which has no sound."""
    phone = plain_phone(bench, f"set sip.listen {HOST}:15410", *MANY_CALLS)
    caller = Caller(15411, 15410)
    answers(caller)
    held = caller.held_calls(10)
    before, first = dirty_kib(phone), held
    for wanted in (10, 1000, 10000):
        held += caller.held_calls(min(wanted, CALLS_MOST) - held)
        wait_for_rest(phone, seconds=6 if wanted == 10000 else 0.5)  # after five it is told that no sound comes
        cpu = main_seconds(phone)
        answered = caller.options(1000)
        line(f"an OPTIONS beside {held} calls", f"{(main_seconds(phone) - cpu) * 1e6 / max(answered, 1):.0f}", "us of CPU")
        cpu = main_seconds(phone)
        ended = caller.short_calls(200)
        line(f"INVITE, ACK and BYE beside {held} calls", f"{(main_seconds(phone) - cpu) * 1e6 / max(ended, 1):.0f}", f"us of CPU; {ended} of 200")
    line("a call that is up, sound and all", f"{(dirty_kib(phone) - before) / max(held - first, 1):.1f}", "KiB")
    line(f"the sound of {held} calls in which nothing is heard", f"{media_share(phone):.1f}", "% of a core")
    phone.terminate()
    phone.wait(10)


SOUND = {"engine_add", "stream_prepare", "stream_new"}  # who allocates there does it for sound;
ENDING = {"calls_shut_down", "attempt_now", "session_end", "session_break", "call_finish"}  # or for the end, which comes with the measure


def heap_of(bench, port, count):
    """@return how many calls were up, and the bytes of the heap at its highest, by the functions that asked for them."""
    report = bench.path(f"heap-{count}.json")
    phone = plain_phone(bench, f"set sip.listen {HOST}:{port}", *MANY_CALLS, below=("valgrind", "--tool=dhat", f"--dhat-out-file={report}", "--num-callers=20"))
    caller = Caller(port + 1, port)
    answers(caller)
    held = caller.held_calls(count)
    wait_for_rest(phone)
    phone.terminate()
    phone.wait(60)
    with open(report, encoding="utf-8") as text:
        found = json.load(text)
    names = [frame.split(": ", 1)[-1].split(" (")[0].split(".")[0] for frame in found["ftbl"]]
    return held, [({names[frame] for frame in point["fs"]}, point["gb"]) for point in found["pps"]]


def held_calls(bench):
    """What a held call takes of the heap, signalling and sound apart: by the difference between many of them and some."""
    if not shutil.which("valgrind"):
        print("  valgrind is not installed: what a held call takes is not counted", flush=True)
        return
    (few, some), (more, many) = heap_of(bench, 15440, 30), heap_of(bench, 15450, 130)

    def kib(wanted):
        return (sum(size for who, size in many if wanted(who)) - sum(size for who, size in some if wanted(who))) / 1024 / max(more - few, 1)
    line("a held call: signalling", f"{kib(lambda who: not who & (SOUND | ENDING)):.1f}", "KiB of the heap")
    line("a held call: its stream and codecs", f"{kib(lambda who: bool(who & SOUND)):.1f}", "KiB reserved, most of it never touched")


class Registrar:
    """Says 200 to every REGISTER, with the same Contact for `expires` seconds."""

    def __init__(self, port, expires):
        self.expires, self.count, self.users = expires, 0, set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((HOST, port))

    def serve(self, until, within):
        """Answer until `until()` or so many seconds are over. @return whether it was"""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if until():
                return True
            if not select.select([self.socket], [], [], 0.2)[0]:
                continue
            raw, source = self.socket.recvfrom(65536)
            text = raw.decode(errors="replace")
            if not text.startswith("REGISTER"):
                continue
            self.count += 1
            self.socket.sendto(self.answer(text).encode(), source)
        return bool(until())

    def answer(self, text):
        self.users.add(field(text, "To"))
        return self.response(text, "200 OK", f"Contact: {field(text, 'Contact').split('>')[0]}>;expires={self.expires}")

    @staticmethod
    def response(text, status, line):
        copied = "".join(f"{name}: {field(text, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        return f"SIP/2.0 {status}\r\n{copied}To: {field(text, 'To')};tag=r\r\n{line}\r\nContent-Length: 0\r\n\r\n"


def registrations(bench, count=10000):
    registrar = Registrar(15421, 60)
    bench.write("accounts.txt", "".join(f"account add sip:user{i}@{HOST}:15421 password=x expires=60\n" for i in range(count)) + "register\n")
    begin = time.monotonic()
    phone = plain_phone(bench, f"set sip.listen {HOST}:15420", "set trace.keep 64k", "source " + bench.path("accounts.txt"))
    registrar.serve(lambda: len(registrar.users) >= count, 120)
    line(f"{count} accounts: registered", f"{len(registrar.users)}", f"after {time.monotonic() - begin:.1f} s, {run_seconds(phone):.1f} s of CPU")
    asked, cpu, begin = registrar.count, run_seconds(phone), time.monotonic()
    registrar.serve(lambda: False, 60)
    more = registrar.count - asked
    line("refreshes in a minute that followed", f"{more}", f"{(run_seconds(phone) - cpu) * 1e6 / max(more, 1):.0f} us of CPU each, {dirty_kib(phone) / count:.1f} KiB an account")
    phone.kill()
    phone.wait(10)
    registrar.socket.close()


def main(bench):
    print("\ncapacity")
    for measure in (transactions, calls, held_calls, registrations):
        try:
            measure(bench)
        except Exception as why:  # a figure that cannot be had is said and the others go on
            print(f"  {measure.__name__}: left out: {why!r}", flush=True)
