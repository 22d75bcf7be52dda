"""What a phone costs that waits for a call, baresip beside it in the same run: its start, its wake-ups, its memory. Figures, nothing asserted."""
import os
import shutil
import signal
import statistics
import subprocess
import time

from capacity import HOST, QUIET, Registrar
from harness import OFFHOOK, Failed, wait_until

STARTS, SECONDS = 20, 10


class Program:
    """Started as a shell does it, with nothing of Python's between us and exec."""

    def __init__(self, bench, argv):
        log = bench.path(f"resting-{len(bench.processes)}.log")
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
        environment, path = bench.environment(), shutil.which(argv[0])
        self.begin = time.monotonic()
        self.pid = os.posix_spawn(path, argv, environment, file_actions=actions)
        self.returncode = None
        bench.processes.append(self)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, within=10):
        end = time.monotonic() + within
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), within)
            time.sleep(0.01)
        return self.returncode

    def terminate(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def cpu_ms(self):
        """Of all threads, from the scheduler's own nanoseconds."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as text:
                total += int(text.read().split()[0])
        return total / 1e6

    def wake_ups(self):
        """How often any of its threads has gone to sleep so far; None where the kernel does not count."""
        total, found = 0, False
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status", encoding="ascii") as text:
                for line in text:
                    if line.startswith("voluntary_ctxt_switches"):
                        total, found = total + int(line.split()[1]), True
        return total if found else None

    def memory_mb(self):
        """(private dirty, resident)"""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as text:
            rows = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in text.readlines()[1:]}
        return rows["Private_Dirty"], rows["Rss"]


class Asking(Registrar):
    """Wants to know who it is, as nearly all do; which answer it gets is not its business."""

    def answer(self, text):
        if "\nAuthorization:" in text:
            return super().answer(text)
        return self.response(text, "401 Unauthorized", 'WWW-Authenticate: Digest realm="bench", nonce="once", algorithm=MD5, qop="auth"')


def offhook(bench, port, registrar_port):
    """@param registrar_port  None: without an account"""
    argv = [OFFHOOK, "-n", "--plain", "--stay"]
    lines = [*QUIET, f"set sip.listen {HOST}:{port}"]
    if registrar_port:
        lines += [f"account add sip:offhook@{HOST}:{registrar_port} password=x", "register"]
    for line in lines:
        argv += ["-x", line]
    return Program(bench, argv)


def baresip(bench, port, registrar_port):
    folder = bench.path(f"baresip-{port}")
    if not os.path.isdir(folder):
        os.makedirs(folder)
        modules = next(p for p in ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules") if os.path.isdir(p))
        account = f"<sip:baresip@{HOST}:{registrar_port}>;auth_pass=x;regint=600\n" if registrar_port else f"<sip:baresip@{HOST}:{port}>;regint=0\n"
        for name, text in (("config", f"sip_listen {HOST}:{port}\nnet_interface {HOST}\nmodule_path {modules}\nmodule g711.so\nmodule_app account.so\nmodule_app menu.so\n"),
                           ("accounts", account), ("contacts", "")):
            bench.write(f"baresip-{port}/{name}", text)
    return Program(bench, ["baresip", "-f", folder])


def programs():
    return [("offhook", offhook), *([("baresip", baresip)] if shutil.which("baresip") else [])]


def one_start(registrar, start):
    """(milliseconds from exec to the REGISTER on the wire, CPU milliseconds until then)"""
    program = start()
    while not registrar.socket.recv(65536).startswith(b"REGISTER"):
        pass
    found = (time.monotonic() - program.begin) * 1000, program.cpu_ms()
    program.kill()
    program.wait()
    return found


def starts(bench, table):
    """In turns, so that what else the machine does weighs on both alike; the median is what people meet, the best what the program takes."""
    registrar = Registrar(15461, 600)
    registrar.socket.settimeout(10)
    found = {name: [] for name, _ in programs()}
    for _ in range(STARTS):
        for number, (name, start) in enumerate(programs()):
            found[name].append(one_start(registrar, lambda start=start, number=number: start(bench, 15462 + number, 15461)))
    registrar.socket.close()
    table(f"start to REGISTER on the wire, best of {STARTS}", "ms", {name: min(time for time, _ in rows) for name, rows in found.items()})
    table("the same, median", "ms", {name: statistics.median(time for time, _ in rows) for name, rows in found.items()})
    table("CPU until then, best", "ms", {name: min(cpu for _, cpu in rows) for name, rows in found.items()})


def rest(running, state, table):
    """The same seconds for all of them."""
    time.sleep(2)
    os.sync()  # a program that was just built would count as written to
    before, begin = {name: program.wake_ups() for name, program in running.items()}, time.monotonic()
    cpu = {name: program.cpu_ms() for name, program in running.items()}
    time.sleep(SECONDS)
    seconds = time.monotonic() - begin
    if None not in before.values() and any(before.values()):
        table(f"{state}: wake-ups", "1/s", {name: (program.wake_ups() - before[name]) / seconds for name, program in running.items()})
    else:
        print(f"\n{state}: wake-ups: this kernel does not count them")
    table(f"{state}: CPU", "%", {name: (program.cpu_ms() - cpu[name]) / seconds / 10 for name, program in running.items()})
    memory = {name: program.memory_mb() for name, program in running.items()}
    table(f"{state}: private dirty memory", "MB", {name: dirty for name, (dirty, _) in memory.items()})
    table(f"{state}: resident memory", "MB", {name: resident for name, (_, resident) in memory.items()})
    for program in running.values():
        program.kill()  # asked to end, it would want to unregister first
        program.wait()


def listens(port):
    """Has a program this UDP port of 127.0.0.1?"""
    with open("/proc/net/udp", encoding="ascii") as text:
        return any(line.split()[1] == f"0100007F:{port:04X}" for line in text.readlines()[1:])


def idle(bench, table):
    running = {name: start(bench, 15466 + number, None) for number, (name, start) in enumerate(programs())}
    for number, name in enumerate(running):
        wait_until(lambda number=number: listens(15466 + number), f"{name} listens")
    rest(running, "idle", table)


def registered(bench, table):
    registrar = Asking(15471, 600)
    running = {name: start(bench, 15472 + number, 15471) for number, (name, start) in enumerate(programs())}
    if not registrar.serve(lambda: len(registrar.users) >= len(running), 20):
        raise Failed(f"registered: {registrar.users}")
    rest(running, "registered", table)
    registrar.socket.close()


def main(bench, table):
    for measure in (starts, idle, registered):
        try:
            measure(bench, table)
        except Exception as why:  # a figure that cannot be had is said and the others go on
            print(f"  {measure.__name__}: left out: {why!r}", flush=True)
