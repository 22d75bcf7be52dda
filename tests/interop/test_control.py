"""The control socket and `offhook ctl`: who gets in, what is answered, who is dropped."""
import json
import os
import pty
import random
import select
import signal
import socket
import stat
import subprocess
import time

from harness import OFFHOOK, Failed, Skip, check, equal, wait_until

QUIET = ["-x", "set audio.input null", "-x", "set audio.output null", "-x", "set audio.ringer null", "-x", "set sip.listen 127.0.0.1:0"]


def start(bench, *args, path=None):
    """A phone without a terminal that stays, and the path of its socket."""
    path = path or bench.path("offhook.sock")
    process = bench.start([OFFHOOK, "-n", "--socket", path, "--stay", *QUIET, *args], log=f"stay-{len(bench.processes)}.log")
    wait_until(lambda: os.path.exists(path) and Client(path).hello(), "the control socket")
    return process, path


def ctl(bench, path, *words, text=None, within=30):
    done = subprocess.run([OFFHOOK, "--socket", path, "ctl", *words], input=text, stdin=None if text is not None else subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=within, cwd=bench.folder, env=bench.environment())
    return done.returncode, done.stdout, done.stderr


class Client:
    """One connection; lines as JSON."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        end = time.monotonic() + 5
        while True:
            try:
                self.socket.connect(path)
            except (BlockingIOError, socket.timeout):
                if time.monotonic() < end:
                    continue  # the phone has not taken in those before us yet
            except OSError:
                pass
            break
        self.rest = b""

    def line(self):
        while b"\n" not in self.rest:
            try:
                more = self.socket.recv(65536)
            except (ConnectionError, socket.timeout, OSError):
                more = b""
            if not more:
                return None
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def hello(self):
        line = self.line()
        return line and line.get("method") == "hello"

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else (json.dumps(data) + "\n").encode())

    def ask(self, method, **params):
        self.send({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        return self.until(lambda m: m.get("id") == 7)

    def until(self, fits):
        while True:
            message = self.line()
            if message is None:
                raise Failed("the connection ended")
            if fits(message):
                return message


def test_ctl(bench):
    phone, path = start(bench)
    equal(ctl(bench, path, "get", "calls.count"), (0, "0\n", ""), "get")
    equal(ctl(bench, path, "echo", "a  b $HOME #c"), (0, "a  b $HOME #c\n", ""), "words are final")
    status, out, err = ctl(bench, path, "hangup", "77")
    equal((status, out, "no call 77" in err), (4, "", True), f"a refusal ({err})")
    equal(ctl(bench, path, "nonsense")[0], 2, "no such command")
    equal(ctl(bench, path, "call", "echo")[0], 0, "call")
    equal(ctl(bench, path, "wait", "answered", "within=10s")[0], 0, "wait means the call that is there")
    equal(ctl(bench, path, "hangup")[0], 0, "hangup")
    bench.write("two.call", "echo from the file\nhangup 5\n")
    status, out, err = ctl(bench, path, "source", "two.call")
    equal((status, out), (4, "from the file\n"), f"a file beside ctl, its first failure ({err})")
    equal(ctl(bench, path, text="echo one\nhangup 8\necho two\n")[:2], (4, "one\n"), "a pipe ends at its first failure")
    equal(ctl(bench, path, text="echo one\n-hangup 8\necho two")[:2], (0, "one\ntwo\n"), "-COMMAND goes on")
    for _ in range(10):
        equal(ctl(bench, path, "detach"), (0, "", ""), "detach")
    equal(ctl(bench, path, "exit", "3"), (3, "", ""), "exit has its status")
    equal(ctl(bench, path, text="-hangup 8\necho one\nexit 5\necho two\n")[:2], (5, "one\n"), "so in a pipe")
    equal(ctl(bench, path, text="-hangup 8\nexit\n")[0], 0, "exit is 0 when nothing is said")
    equal(ctl(bench, path, "quit")[0], 0, "quit")
    equal(phone.wait(30), 0, "the phone ends")
    check(not os.path.exists(path), "the socket goes with the phone")
    status, _, err = ctl(bench, path, "hangup")
    equal((status, "no phone of yours runs" in err), (7, True), f"nobody there ({err})")


def test_shell(bench):
    """Programs run where the configuration file allows it, with words that no shell reads."""
    folder = bench.path("config")
    os.makedirs(os.path.join(folder, "offhook"))
    config = os.path.join(folder, "offhook", "config")

    def offhook(*words):
        done = subprocess.run([OFFHOOK, "--batch", *QUIET, *words], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                              env=dict(bench.environment(), XDG_CONFIG_HOME=folder))
        return done.returncode, done.stdout, done.stderr

    status, _, err = offhook("-x", "shell echo hi")
    equal((status, "script.allow-shell" in err), (2, True), f"off by itself ({err})")
    status, _, err = offhook("-x", "set script.allow-shell on")
    equal((status, "configuration file" in err), (2, True), f"no command turns it on ({err})")
    with open(config, "w", encoding="utf-8") as out:
        out.write("set script.allow-shell on\n")
    equal(offhook("-x", "shell echo 'a; b' K=V")[:2], (0, "a; b K=V\n"), "words are final")
    status, out, err = offhook("-x", "shell sh -c 'echo said; exit 5'", "-x", "echo never")
    equal((status, out, "ended with status 5" in err), (5, "said\n", True), f"its status ({err})")
    equal(offhook("-x", "shell no-such-program-here")[0], 2, "no such program")
    status, out, err = offhook("-x", "on answered do shell echo got $to", "-x", "call echo", "-x", "wait answered", "-x", "shell sleep 0.3", "-x", "hangup")
    equal((status, "got " in out), (0, True), f"a handler's program ({out} {err})")
    # offhook() gives up before the program does
    equal(offhook("-x", "on answered do shell sleep 60", "-x", "call echo", "-x", "wait answered", "-x", "quit")[0], 0, "quit waits for no program")


def test_two_clients(bench):
    """Each has its own current call and all hear the events."""
    _, path = start(bench)
    one, two = Client(path), Client(path)
    first = one.ask("call", target="echo")["result"]["call"]
    one.ask("command", line="wait answered within=30s")
    second = two.ask("call", target="echo")["result"]["call"]
    check(first != second, "two calls")
    for client in (one, two):
        client.until(lambda m: m.get("method") == "event" and m["params"]["event"] == "answered" and m["params"]["call"] == second)
    one.ask("command", line="wait held within=30s")
    equal(one.ask("get", name="call.state")["result"]["value"], "held", "the first call, which the second put on hold")
    equal(two.ask("get", name="call.state")["result"]["value"], "answered", "the second")
    equal(one.ask("command", line="get calls.count", text=True)["result"], {"text": "2"}, "as text")
    words = two.ask("complete", line="hang", point=4)["result"]
    equal((words["start"], [w.strip() for w in words["words"]]), (0, ["hangup"]), "completion")
    two.send({"jsonrpc": "2.0", "id": 1, "method": "command", "params": {"line": "wait ended within=60s"}})
    two.send({"jsonrpc": "2.0", "id": 2, "method": "interrupt"})
    equal(two.until(lambda m: m.get("id") == 1)["error"]["code"], 5, "interrupted")


def test_who_gets_in(bench):
    _, path = start(bench)
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
    if os.getuid() != 0:
        raise Skip("only root can become another user")
    os.chmod(bench.folder, 0o755)
    os.chmod(path, 0o666)
    stranger = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
try:
    s.send(b"quit\\n"); print(len(s.recv(100)))
except ConnectionError:
    print(0)
"""
    other = subprocess.run(["python3", "-c", stranger, path], capture_output=True, text=True, timeout=20)
    equal(other.stdout.strip(), "0", f"another user hears nothing ({other.stderr})")
    equal(ctl(bench, path, "get", "calls.count")[0], 0, "the phone goes on")


def test_stale_and_second(bench):
    phone, path = start(bench)
    phone.kill()
    phone.wait()
    check(os.path.exists(path), "what a killed phone left")
    phone, path = start(bench)
    # A person's second phone is refused, with the first's process.
    env = bench.environment(XDG_RUNTIME_DIR=bench.folder)
    parent, child = pty.openpty()
    second = subprocess.Popen([OFFHOOK, "--plain"], stdin=child, stdout=child, stderr=child, env=env, cwd=bench.folder)
    os.close(child)
    equal(second.wait(30), 7, "a second interactive phone")
    said = os.read(parent, 4096).decode()
    os.close(parent)
    check(f"pid {phone.pid}" in said and "offhook ctl" in said, f"it names the first: {said}")
    # What is no socket is left alone.
    other = bench.write("precious", "mine")
    done = subprocess.run([OFFHOOK, "-n", "--socket", other, "--stay", *QUIET], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, env=env)
    equal((done.returncode, open(other).read(), "left alone" in done.stderr), (7, "mine", True), f"something else in its place ({done.stderr})")
    # Neither with -n nor in a run that passes.
    for args in (["-n", "--stay"], ["-x", "sleep 5s"]):
        quiet = bench.start([OFFHOOK, *args], env=bench.environment(XDG_RUNTIME_DIR=bench.path("none")))
        os.makedirs(bench.path("none"), exist_ok=True)
        equal(os.listdir(bench.path("none")), [], f"no socket with {args}")
        quiet.kill()


def test_phone_killed_under_ctl(bench):
    """What a command began and cannot end is an error, also where the command itself was answered; `quit` is none."""
    path = bench.path("other.sock")
    file = bench.write("long.call", "echo begun\nsleep 60s\n")
    leaving = bench.write("leaving.call", "quit\n")
    for words, text, want in ((["source", file], None, "ended before the command did"), ([], b"echo begun\n", "has ended")):
        phone, _ = start(bench, path=path)
        client = subprocess.Popen([OFFHOOK, "--socket", path, "ctl", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=bench.folder,
                                  env=bench.environment())
        if text:
            client.stdin.write(text)
            client.stdin.flush()
        equal(client.stdout.readline(), b"begun\n", f"{words} runs")
        phone.kill()
        err = client.stderr.read().decode()
        equal((client.wait(20), want in err), (7, True), f"{words}: {err}")
    for words in (["quit"], ["source", leaving]):
        phone, _ = start(bench, path=path)
        equal(ctl(bench, path, *words), (0, "", ""), f"{words}")
        equal(phone.wait(20), 0, "and so ends the phone")
    phone, path = start(bench, path=path)
    call = ["call", "echo"], ["wait", "answered"], ["hold"], ["wait", "held"], ["resume"], ["wait", "resumed"], ["hangup"], ["wait", "ended", "call=1"]
    for words in call:
        status, _, err = ctl(bench, path, *words)
        equal(status, 0, f"each a script of its own: {words}: {err}")


def test_client_that_reads_nothing(bench):
    """Its requests wait with it; what is pushed to it is bounded, and then it is dropped with a word."""
    bench.need_namespace()
    phone, path = start(bench, "-x", "set sip.listen 127.0.0.1:5062")
    slow, good = Client(path), Client(path)
    slow.socket.setblocking(False)
    request = b'{"jsonrpc":"2.0","id":1,"method":"show","params":{"what":"settings"}}\n' * 50
    for _ in range(100):
        try:
            slow.socket.send(request)
        except BlockingIOError:
            pass
        good.ask("get", name="calls.count")
    check("was dropped" not in bench.log_of(phone), "requests are not piled up")
    good.ask("command", line="trace on")
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))
    for i in range(1000):
        wire.sendto((f"OPTIONS sip:a@127.0.0.1:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{wire.getsockname()[1]};branch=z9hG4bK{i}\r\nMax-Forwards: 70\r\nFrom: <sip:b@c>;tag=1\r\n"
                     f"To: <sip:a@d>\r\nCall-ID: {i}\r\nCSeq: 1 OPTIONS\r\nX: {'a' * 7000}\r\nContent-Length: 0\r\n\r\n").encode(), ("127.0.0.1", 5062))
        wire.recv(4096)
    check("was dropped" in bench.log_of(phone), f"it is dropped: {bench.log_of(phone)[-300:]}")
    memory = int(open(f"/proc/{phone.pid}/statm").read().split()[1]) * 4096
    check(memory < 100 << 20 or b"__asan_init" in open(OFFHOOK, "rb").read(), f"memory is bounded: {memory >> 20} MiB")
    last = b""
    slow.socket.setblocking(True)
    while True:
        try:
            more = slow.socket.recv(65536)
        except OSError:
            more = b""
        if not more:
            break
        last = (last + more)[-400:]
    check(b'"method":"dropped"' in last, f"with a word: {last[-200:]}")


def test_half_written(bench):
    """A request without its line feed is no request."""
    _, path = start(bench)
    half = Client(path)
    half.send(b"quit")
    half.socket.close()
    half = Client(path)
    half.send(b'{"jsonrpc":"2.0","id":1,"method":"quit"}')
    half.socket.shutdown(socket.SHUT_WR)
    while half.line():
        pass
    slow = Client(path)
    for byte in b'{"jsonrpc":"2.0","id":9,"method":"get","params":{"name":"calls.count"}}\n':
        slow.send(bytes([byte]))
    equal(slow.until(lambda m: m.get("id") == 9)["result"]["value"], "0", "byte by byte")


def test_flood_and_fuzz(bench):
    phone, path = start(bench)
    dice = random.Random(5)
    good = b'{"jsonrpc":"2.0","id":1,"method":"command","params":{"words":["call","echo"],"text":true,"columns":80,"folder":"/tmp"}}\n'
    crowd = [Client(path) for _ in range(80)]
    refused = sum(1 for c in crowd if (c.line() or {}).get("method") != "hello")
    check(refused >= 16, f"64 clients and no more: {refused} refused")
    for c in crowd:
        c.socket.close()
    wait_until(lambda: Client(path).hello(), "room again")
    for _ in range(300):
        client = Client(path)
        data = bytearray(good * dice.randrange(1, 4))
        for _ in range(dice.randrange(0, 12)):
            data[dice.randrange(len(data))] = dice.choice([0, 10, 34, 91, 92, 93, 123, 125, 127, 200, 255, dice.randrange(256)])
        try:
            client.send(bytes(data[:dice.randrange(len(data) + 1)]))
            if dice.random() < 0.5:
                client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        client.socket.close()
    big = Client(path)
    big.send(b'{"x":"' + b"y" * (2 << 20) + b'"}\n' + b'{"jsonrpc":"2.0","id":3,"method":"get","params":{"name":"calls.count"}}\n')
    check("value" in big.until(lambda m: m.get("id") == 3)["result"], "a line of 2 MiB is left out, the next is answered")
    check(phone.poll() is None, "it lives")
    equal(ctl(bench, path, "quit")[0], 0, "quit")
    equal(phone.wait(30), 0, "the end")


def test_attach(bench):
    """On a terminal: a prompt, completion, events; C-c stops a wait, C-d leaves."""
    phone, path = start(bench)
    parent, child = pty.openpty()
    process = subprocess.Popen([OFFHOOK, "--socket", path, "ctl"], stdin=child, stdout=child, stderr=child, env=bench.environment(), cwd=bench.folder, start_new_session=True)
    os.close(child)
    said = ""

    def see(text, within=30):
        nonlocal said
        end = time.monotonic() + within
        while text not in said:
            if time.monotonic() > end:
                raise Failed(f"'{text}' was not shown: {said[-400:]!r}")
            if select.select([parent], [], [], 0.1)[0]:
                said += os.read(parent, 4096).decode(errors="replace")
        said = said[said.index(text) + len(text):]
    see("offhook ctl>")
    os.write(parent, b"call ec\t")
    see("call echo")
    os.write(parent, b"\r")
    see("answered by")
    os.write(parent, b"wait ended\r")
    see("wait ended")
    wait_until(lambda: os.write(parent, b"\x03") and select.select([parent], [], [], 0.2)[0], "C-c")
    see("interrupted")
    os.write(parent, b"chat sip:bob@127.0.0.1:9\r")
    see("bob> ")
    os.write(parent, b"call is no command here\r")
    see("bob> call is no")
    see("bob> ")
    os.write(parent, b"/get calls.count\r")
    see("1")
    os.write(parent, b"\x04")
    see("offhook ctl>")
    listed = ctl(bench, path, "inbox")[1]
    check("call is no command here" in listed and "calls.count" not in listed, f"what was sent: {listed}")
    os.write(parent, b"\x04")
    equal(process.wait(30), 0, "C-d leaves")
    os.close(parent)
    equal(ctl(bench, path, "get", "calls.count")[1], "1\n", "the call goes on")
    phone.send_signal(signal.SIGTERM)
    equal(phone.wait(30), 143, "the end")


def test_exit_on_standard_input(bench):
    """`exit` there ends the phone with its status; with --stay only the input is over, and that is told."""
    def run(*args):
        process = subprocess.Popen([OFFHOOK, "-n", "--json", *args, *QUIET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=bench.environment(), cwd=bench.folder)
        bench.processes.append(process)
        process.stdin.write("exit 3\necho never\n")
        process.stdin.flush()
        return process
    process = run()
    equal((process.wait(30), "never" in process.stdout.read()), (3, False), "without --stay")
    path = bench.path("json.sock")
    process = run("--stay", "--socket", path)
    told = None
    while told is None:
        line = json.loads(process.stdout.readline())
        told = line["params"].get("code") if line.get("method") == "exit" else None
    equal(told, 3, "the status is told")
    equal(ctl(bench, path, "get", "calls.count"), (0, "0\n", ""), "the phone stays")
    equal(ctl(bench, path, "call", "echo")[0], 0, "and works")
    while json.loads(process.stdout.readline()).get("params", {}).get("event") != "answered":
        pass
    equal(ctl(bench, path, "quit")[0], 0, "quit")
    equal(process.wait(30), 0, "`quit` ends it")
    check("never" not in process.stdout.read(), "what stands behind exit is not run")
