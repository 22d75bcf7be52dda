"""What the interop tests stand on: namespaces, processes, the phone on a pipe, sound files.

Every test runs in network, process and mount namespaces of its own (only `lo`, ports cannot clash, every process ends with the test). Where namespaces
are refused a test that needs them is skipped by name. Nothing sleeps: wait_until() waits for a condition.
"""
import json
import math
import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
OFFHOOK = os.environ.get("OFFHOOK") or os.path.join(TOP, "build", "offhook")
HERE = os.path.dirname(os.path.abspath(__file__))


class Skip(Exception):
    """This machine cannot run the test; the text says what is missing."""


class Failed(Exception):
    """The test failed; the text says what was seen."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def equal(got, want, what):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"no {program} on this machine")


# How long what must come is waited for, unless a test says how soon it must: a wait that succeeds costs nothing, and a loaded machine is slow.
GENEROUS = 30.0


def wait_until(condition, what, within=GENEROUS):
    """Call `condition` until it gives something true; returns that."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {within} s")
        time.sleep(0.02)


class Bench:
    """One test: its folder, its processes, and the namespace it runs in."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="offhook-test-")
        self.processes = []
        self.phones = []
        self.isolated = os.environ.get("OFFHOOK_ISOLATED") == "1"

    def need_namespace(self):
        if not self.isolated:
            raise Skip("this machine permits no namespaces")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def environment(self, **more):
        env = dict(os.environ)
        env.update(HOME=self.folder, XDG_CONFIG_HOME=self.path("config"), XDG_STATE_HOME=self.path("state"),
                   XDG_RUNTIME_DIR=self.folder, PULSE_SERVER="unix:/nonexistent", JACK_NO_START_SERVER="1",
                   JACK_NO_AUDIO_RESERVATION="1", TERM="xterm")
        env.update(more)
        return env

    def start(self, argv, log=None, env=None, stdin=subprocess.DEVNULL, cwd=None):
        """Start a process that dies with the test; its output goes to a file of the test's folder."""
        out = open(self.path(log or os.path.basename(argv[0]) + f"-{len(self.processes)}.log"), "wb")
        # Whoever runs the tests by nohup must not make the phone deaf to SIGHUP.
        process = subprocess.Popen(argv, stdin=stdin, stdout=out, stderr=subprocess.STDOUT, env=env or self.environment(),
                                   cwd=cwd or self.folder, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
        process.log = out.name
        self.processes.append(process)
        return process

    def log_of(self, process):
        with open(process.log, errors="replace") as text:
            return text.read()

    def phone(self, *lines, **options):
        self.phones.append(Phone(self, lines, **options))
        return self.phones[-1]

    def last_words(self, count=12):
        """What every process of the test said last, and which events of the phones nobody waited for."""
        words = []
        for process in self.processes:
            log, status, lines = getattr(process, "log", None), process.poll(), []
            if log:
                with open(log, errors="replace") as text:
                    lines = [line.rstrip()[:300] for line in text if line.strip()]
            words.append(f"{os.path.basename(log or process.args[0])}: {'it runs' if status is None else f'it ended with {status}'}{'' if lines else ', silent'}")
            words += ["  " + line for line in lines[-count:]]
        for number, phone in enumerate(self.phones, 1):
            words.append(f"phone {number}, its last events: " + " ".join(str(event.get("event")) for event in phone.events[-count:]))
        return words

    def script(self, *lines, args=(), within=4 * GENEROUS, env=None):
        """Run a command file to its end: (exit status, standard output, standard error)."""
        path = self.write(f"script-{time.monotonic_ns()}.call", "\n".join(lines) + "\n")
        done = subprocess.run([OFFHOOK, "-n", *args, "-f", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=within, env=env or self.environment(), cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def end(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not os.environ.get("OFFHOOK_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


class Phone:
    """offhook --json on pipes: commands in, answers and events out."""

    def __init__(self, bench, lines=(), args=("-n",), env=None, quiet=True, enter=()):
        self.bench = bench
        self.answers = {}
        self.events = []
        self.seen = 0
        self.number = 0
        self.lock = threading.Condition()
        first = ["set audio.input null", "set audio.output null", "set audio.ringer null"] if quiet else []
        argv = [*enter, OFFHOOK, *args, "--json"]
        for line in [*first, *lines]:
            argv += ["-x", line]
        self.errors = open(bench.path(f"phone-{len(bench.processes)}.err"), "wb")
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        env=env or bench.environment(), cwd=bench.folder)
        self.process.log = self.errors.name
        bench.processes.append(self.process)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for raw in self.process.stdout:
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"broken": raw.decode(errors="replace")}
            with self.lock:
                if line.get("method") == "event":
                    self.events.append(line["params"])
                elif line.get("id") is not None:
                    self.answers[line["id"]] = line
                elif "broken" in line:
                    self.events.append({"event": "BROKEN JSON", "text": line["broken"]})
                self.lock.notify_all()
        with self.lock:
            self.closed = True
            self.lock.notify_all()

    closed = False

    def ask(self, line, within=2 * GENEROUS):
        """Run a command line; returns the whole JSON-RPC answer."""
        return self.request("command", {"line": line}, within)

    def request(self, method, params, within=2 * GENEROUS):
        """Call a method; returns the whole JSON-RPC answer."""
        self.number += 1
        number = self.number
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.process.stdin.write((json.dumps(request) + "\n").encode())
        self.process.stdin.flush()
        with self.lock:
            if not self.lock.wait_for(lambda: number in self.answers or self.closed, within) or number not in self.answers:
                raise Failed(f"no answer to {method} {params}" + (": the phone ended: " + self.error_text() if self.closed else ""))
            return self.answers.pop(number)

    def complete(self, line):
        """What may come at the end of this line."""
        return self.request("complete", {"line": line, "point": len(line)})["result"]["words"]

    def do(self, line, within=2 * GENEROUS):
        """Run a command line that must succeed; returns its result."""
        answer = self.ask(line, within)
        if "error" in answer:
            raise Failed(f"'{line}': {answer['error'].get('message')}")
        return answer["result"]

    def refused(self, line, within=2 * GENEROUS):
        """Run a command line that must fail; returns its error."""
        answer = self.ask(line, within)
        if "error" not in answer:
            raise Failed(f"'{line}' succeeded: {answer['result']}")
        return answer["error"]

    def event(self, name, /, within=GENEROUS, **keys):
        """Wait for the next event of this name with these values (since the last one waited for is not consumed out of order)."""
        def find():
            for i, event in enumerate(self.events):
                if event.get("event") == name and all(str(event.get(k)) == str(v) for k, v in keys.items()):
                    return self.events.pop(i)
            return None
        end = time.monotonic() + within
        with self.lock:
            while True:
                found = find()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0 or self.closed:
                    seen = [e.get("event") for e in self.events]
                    raise Failed(f"no event {name} {keys or ''} within {within} s; others: {seen[-12:]} {self.error_text()[-300:]}")
                self.lock.wait(left)

    def get(self, name):
        """A quantity as text."""
        result = self.do(f"get {name}")
        return result.get("value", result.get("text")) if isinstance(result, dict) else result

    def error_text(self):
        self.errors.flush()
        with open(self.errors.name, errors="replace") as text:
            return text.read()

    def quit(self, within=GENEROUS):
        try:
            self.process.stdin.write(b"quit\n")
            self.process.stdin.flush()
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failed("the phone did not quit")


def port_answers(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def bound(port, kind):
    """Does somebody of this namespace listen there, by `kind` (udp, tcp)? Nothing is sent and nothing bound to find out: sipp would take the one for a call,
    and the other would take the port from whom we wait for."""
    with open(f"/proc/self/net/{kind}") as table:
        return any(row.split()[1].endswith(f":{port:04X}") and (kind == "udp" or row.split()[3] == "0A") for row in table.readlines()[1:])


# ---- sound files ----

def write_tone(path, hz, seconds=30, rate=8000, level=0.3):
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        n = int(rate * seconds)
        out.writeframes(b"".join(struct.pack("<h", int(32767 * level * math.sin(2 * math.pi * hz * i / rate))) for i in range(n)))
    return path


def read_wav(path):
    """(rate, mono samples); tolerant of a header that was never completed."""
    data = open(path, "rb").read()
    rate, channels, start = 8000, 1, 44
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at:at + 4], struct.unpack("<I", data[at + 4:at + 8])[0]
        if kind == b"fmt ":
            channels, rate = struct.unpack("<HI", data[at + 10:at + 16])
        if kind == b"data":
            start = at + 8
            break
        at += 8 + size + (size & 1)
    body = data[start:]
    count = len(body) // (2 * channels)
    samples = struct.unpack(f"<{count * channels}h", body[:count * channels * 2])
    return rate, samples[::channels]


def power_at(samples, rate, hz):
    """Goertzel: mean square amplitude of one frequency."""
    k = 2 * math.cos(2 * math.pi * hz / rate)
    a = b = 0.0
    for s in samples:
        a, b = s + k * a - b, a
    return (a * a + b * b - k * a * b) / (len(samples) / 2) ** 2 / 2 if samples else 0.0


def hears(path, hz, seconds=1.0):
    """Is the recording this tone and little else, from where it begins to where it ends, for so long at least? Looked at in windows of a tenth of a
    second, since a gap of a busy machine shifts the phase; one window in five may hold such a gap."""
    rate, samples = read_wav(path)
    n = rate // 10
    good = []
    for start in range(0, len(samples) - n + 1, n):
        part = samples[start:start + n]
        total = sum(s * s for s in part) / n
        good.append(total > 1e4 and power_at(part, rate, hz) / total > 0.7)
    if sum(good) < seconds * 10:
        return False
    first, last = good.index(True), len(good) - good[::-1].index(True)
    return sum(good[first:last]) >= 0.8 * (last - first)


# ---- sipp ----

def sipp(bench, *args, log="sipp.log", within=60):
    """Start sipp; finish with sipp_ends()."""
    need("sipp")
    return bench.start(["sipp", *args, "-timeout", str(within), "-trace_err", "-error_file", bench.path(log + ".errors")], log=log)


def sipp_ends(bench, process, within=60):
    """Wait for sipp; it exits with 0 only when every call went as its scenario says."""
    try:
        status = process.wait(within)
    except subprocess.TimeoutExpired:
        raise Failed("sipp did not end")
    if status != 0:
        errors = ""
        for name in os.listdir(bench.folder):
            if name.endswith(".errors"):
                errors += open(bench.path(name), errors="replace").read()[-1500:]
        raise Failed(f"sipp ended with {status}: {errors}")

