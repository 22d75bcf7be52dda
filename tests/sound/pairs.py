"""Calls between whole phones, several at a time: every pair of phones has a jackd, a network and namespaces of its own (see `live`).

A call that the machine disturbed says nothing about us. Three things tell it: xruns of the pair's JACK; its network, which kept packets longer than it was
told to; and two clocks on each core that went off late, one with a real-time priority just below that of the phones' sound, one with none: what the sound
waits for may be done by threads without. Such a call is made once more, in a later wave.
"""
import importlib.machinery
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_loader("live", importlib.machinery.SourceFileLoader("live", os.path.join(HERE, "live")))
live = importlib.util.module_from_spec(spec)
sys.modules["live"] = live  # for the processes that judge
spec.loader.exec_module(live)

PERIOD, TRIES, MOST_S = 256, 2, "180"
BELOW_MEDIA = 4  # the phone's media thread has 5, where it may
# A clock's tick, and later than that it is late. A buffer that has seen neither loss nor jitter has half a millisecond to three in hand: there one stall
# changes the delay in the middle of a word. Elsewhere it takes a period of JACK.
TICK_S, LATE_MS = 0.002, 2
STALL_MS = {"clean": 2}
ELSEWHERE_MS = 5
# Threads without priority: how late one may be, and the share of late ones.
ORDINARY_MS, MOST_LATE = 15, 0.02
ENTER = 'mount -t tmpfs none /dev/shm && ip link set lo up && exec "$@"'


def cores():
    return sorted(os.sched_getaffinity(0))


def isolation():
    """The words that put a command into namespaces of its own, or none. Also /dev/shm, where jackd keeps a list of all servers."""
    words = ["unshare", *(["-r"] if os.getuid() else []), "-n", "-p", "-m", "-f", "--kill-child", "--mount-proc", "sh", "-c", ENTER, "sh"]
    return words if subprocess.run([*words, "true"], capture_output=True).returncode == 0 else []


def what_is_missing(*more):
    """Why nothing can be measured here, or nothing. `more`: programs."""
    packages = {"jackd": "jackd2", "ip": "iproute2", "ss": "iproute2"}
    missing = [packages.get(name, name) for name in ("jackd", "espeak-ng", "sox", "ethtool", "ip", "ss", *more) if not shutil.which(name)]
    missing += ["python3-numpy"] if not importlib.util.find_spec("numpy") else []
    if missing:
        return "apt-get install " + " ".join(dict.fromkeys(missing))
    if not os.path.exists(live.VCARD):
        return "vcard was not built: apt-get install libjack-jackd2-dev"
    return None if isolation() else "this machine permits no namespaces"


class Call:
    """What is wanted of a call, and `result`: what came of the least disturbed try (see live.talk())."""

    def __init__(self, network, codec, settings=(), phone="offhook"):
        self.network, self.codec, self.settings, self.phone = network, codec, settings, phone
        self.tries, self.result = 0, None

    def take(self, result):
        self.tries += 1
        if not self.result or disturbance(result) < disturbance(self.result):
            self.result = result

    def wants_more(self):
        return self.tries < TRIES and bool(disturbed_by(self.result))


def disturbed_by(result):
    """What the machine did to a call, in words, or nothing."""
    if "error" in result:
        return ""
    clocks, network, most_ms = result["clocks"], result["network"], STALL_MS.get(result["row"], ELSEWHERE_MS)
    words = [f"{result['xruns']} xruns"] if result["xruns"] else []
    if clocks["worst"] > most_ms:
        words.append(f"a clock {clocks['worst']:.1f} ms late")
    if clocks["ordinary"] > ORDINARY_MS or clocks["late"] > MOST_LATE:
        words.append(f"one without priority {clocks['ordinary']:.1f} ms late, and over {LATE_MS} ms {clocks['late']:.1%} of the time")
    if network["worst"] > most_ms:
        words.append(f"a network {network['worst']:.1f} ms late")
    return ", ".join(words)


def disturbance(result):
    """The more, the worse."""
    return (bool(disturbed_by(result)), result.get("xruns", 0), result.get("clocks", {}).get("worst", 0))


def clocks_while(late, ordinary, span):
    """Of what the clocks of all cores said, that of `span` (s): how late the worst was [ms], the worst without priority, and which share of those was late."""
    def within(clocks):
        return [ms for clock in clocks for when, ms in clock if span[0] <= when <= span[1]]
    return {"worst": max(within(late), default=0), "ordinary": max(within(ordinary), default=0),
            "late": round(len(within(ordinary)) * TICK_S / (span[1] - span[0]) / len(ordinary), 5)}


class Pair:
    """Two phones, in a process of their own: it says when they have a call, lets them talk when it is told to, and says what came of it."""

    def __init__(self, enter, folder, mic, seconds, call):
        ears = [os.path.join(folder, f"{os.urandom(4).hex()}{ear}.wav") for ear in "AB"]
        what = json.dumps([call.network, call.phone, call.codec, PERIOD, seconds, call.settings, mic, ears])
        self.process = child([*enter, "timeout", "-k", "1", MOST_S], "pair", what)

    def ready(self):
        self.process.stdout.readline()

    def go(self):
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # result() says why

    def result(self):
        out, err = self.process.communicate()
        try:
            return json.loads(out)
        except ValueError:
            return {"error": (err.strip().splitlines() or ["it ended without a word"])[-1]}


def child(enter, *words):
    return subprocess.Popen([*enter, sys.executable, os.path.abspath(__file__), *words], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wave(calls, enter, folder, mic, seconds):
    """Make these calls at the same time: each takes its result."""
    pairs = [Pair(enter, folder, mic, seconds, call) for call in calls]
    for pair in pairs:
        pair.ready()
    clocks = [[child([], "clock", f"{core} {priority}") for core in cores()] for priority in (BELOW_MEDIA, 0)]
    for pair in pairs:
        pair.go()
    results = [pair.result() for pair in pairs]
    late = [[json.loads(clock.communicate()[0]) for clock in some] for some in clocks]
    for call, result in zip(calls, results):
        call.take(dict(result, clocks=clocks_while(*late, result["while"])) if "while" in result else result)


def make(groups, size, folder, mic, seconds):
    """Make the calls, up to `size` at a time; those of a group at the same time, and again together if one of them was disturbed."""
    waiting, enter = list(groups), isolation()
    while waiting:
        now = [waiting.pop(0)]
        while waiting and sum(map(len, now)) + len(waiting[0]) <= size:
            now.append(waiting.pop(0))
        wave([call for group in now for call in group], enter, folder, mic, seconds)
        waiting += [group for group in now if any(call.wants_more() for call in group)]


# ---- the children ----

def run_pair(what):
    def when():
        print("ready", flush=True)
        sys.stdin.readline()
    try:
        result = live.talk(*json.loads(what), when)
    except live.Failed as failed:
        result = {"error": str(failed)}
    print(json.dumps(result), flush=True)


def run_clock(what):
    """A process that wants to wake up every TICK_S, until its standard input ends. It prints when it was late [s], and by how much [ms]."""
    core, priority = map(int, what.split())
    os.sched_setaffinity(0, {core})
    if priority:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
        except PermissionError:
            pass
    ended = select.poll()
    ended.register(0, select.POLLIN | select.POLLHUP)
    late, due = [], time.monotonic()
    while not ended.poll(0):
        due = max(due + TICK_S, time.monotonic())
        time.sleep(max(0, due - time.monotonic()))
        now = time.monotonic()
        if (now - due) * 1000 > LATE_MS:
            late.append((now, round((now - due) * 1000, 1)))
    print(json.dumps(late))


if __name__ == "__main__":
    {"pair": run_pair, "clock": run_clock}[sys.argv[1]](sys.argv[2])
