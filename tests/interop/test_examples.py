"""docs/examples and packaging: what stands there runs."""
import os
import socket
import subprocess

from harness import OFFHOOK, TOP, check, equal, need, wait_until
from proxies import ALICE, start_trapezoid

EXAMPLES = os.path.join(TOP, "docs", "examples")
QUIET = ["-x", "set audio.input null", "-x", "set audio.output null", "-x", "set audio.ringer null"]


def test_missed_calls(bench):
    bench.need_namespace()
    need("python3")
    path = bench.path("offhook.sock")
    bench.start([OFFHOOK, "-n", "--socket", path, "--stay", *QUIET, "-x", "set sip.listen 127.0.0.1:5062"])
    wait_until(lambda: os.path.exists(path), "the control socket")
    watcher = bench.start([os.path.join(EXAMPLES, "missed_calls.py"), path], log="watcher.log")
    wait_until(lambda: "listening" in bench.log_of(watcher), "the example listens")
    status, _, err = bench.script("set audio.input null", "set audio.output null", "call sip:me@127.0.0.1:5062 display=Carol", "wait ringing within=30s", "hangup", "wait failed within=30s")
    equal(status, 0, err)
    wait_until(lambda: "missed: Carol" in bench.log_of(watcher), "the missed call is told")


def test_line_check(bench):
    start_trapezoid(bench)
    env = bench.environment(OFFHOOK=OFFHOOK)
    good = subprocess.run([os.path.join(EXAMPLES, "line_check.sh"), "sip:alice@atlanta.com", "password=secret"], capture_output=True, text=True, env=env, timeout=60)
    equal((good.returncode, good.stdout.startswith("OK")), (0, True), f"{good.stdout} {good.stderr}")
    bad = subprocess.run([os.path.join(EXAMPLES, "line_check.sh"), "sip:alice@nosuch.invalid", "password=secret"], capture_output=True, text=True, env=env, timeout=60)
    equal((bad.returncode, "no such host" in bad.stdout), (2, True), f"{bad.stdout} {bad.stderr}")
    check(ALICE, "")


def test_readiness(bench):
    """A service manager hears READY=1 once the phone is up, and STOPPING=1 when it ends."""
    path = bench.path("notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(10)
    phone = bench.start([OFFHOOK, "-n", "--stay", *QUIET, "-x", "set sip.listen 127.0.0.1:0"], env=bench.environment(NOTIFY_SOCKET=path))
    equal(manager.recv(100), b"READY=1", "ready")
    phone.terminate()
    equal(manager.recv(100), b"STOPPING=1", "stopping")
    equal(phone.wait(30), 143, "status")


def test_unit(bench):
    """systemd takes the unit as it stands; the man page that it names is not installed here."""
    need("systemd-analyze")
    text = open(os.path.join(os.path.dirname(OFFHOOK), "packaging", "offhook.service")).read()
    lines = [f"ExecStart={OFFHOOK} --stay" if line.startswith("ExecStart=") else line for line in text.splitlines() if not line.startswith("Documentation=")]
    check(any(line.endswith("offhook --stay") for line in lines), f"it stays: {text}")
    done = subprocess.run(["systemd-analyze", "verify", "--user", bench.write("offhook.service", "\n".join(lines) + "\n")], capture_output=True, text=True, timeout=60,
                          env=bench.environment())
    equal((done.returncode, done.stderr), (0, ""), "systemd-analyze verify")


def test_links(bench):
    """offhook-open: by the running phone, or by one of its own."""
    script = os.path.join(os.path.dirname(OFFHOOK), "packaging", "offhook-open")
    check(os.path.exists(script), "it is built")
    text = open(script).read()
    folder = os.path.dirname(OFFHOOK)
    for line in text.splitlines():
        if "ctl call" in line:
            installed = line.split("/offhook ctl")[0]
            text = text.replace(installed + "/offhook", folder + "/offhook")
    opener = bench.write("open", text)
    path = bench.path("offhook.sock")
    phone = bench.start([OFFHOOK, "--stay", *QUIET, "-x", "set sip.listen 127.0.0.1:0"])
    wait_until(lambda: os.path.exists(path), "the control socket")
    done = subprocess.run(["sh", opener, "sip:nobody@127.0.0.1:9"], capture_output=True, text=True, env=bench.environment(), stdin=subprocess.DEVNULL, timeout=30)
    equal((done.returncode, "sip:nobody@127.0.0.1:9" in done.stdout), (0, True), f"by the phone that runs ({done.stderr})")
    phone.terminate()
    phone.wait(30)
    done = subprocess.run(["sh", opener, "sip:nobody@127.0.0.1:9"], capture_output=True, text=True, env=bench.environment(), stdin=subprocess.DEVNULL, timeout=30)
    equal(done.returncode, 4, f"by one of its own: nobody is there ({done.stderr})")


def test_names_of_other_phones(bench):
    """Every name of the left columns is taken as ours, or the error says what it is called here: the command of its row."""
    rows = [row.split(" | ") for row in open(os.path.join(TOP, "docs", "coming-from.md")) if row.startswith("| `") or row.startswith("| pjsua")]
    names = [(name.strip().lstrip("/").split()[0], cells[1]) for cells in rows for name in cells[0].strip("| ").split("`")[1::2] if name.strip()]
    names = [(name, here) for name, here in names if name[0] not in "~" and not name.startswith("--") and name not in ("stun", "firewall", "linphonecsh", "twinkle", "baresip", "register", "config")]
    check(len(names) > 70, f"the tables were read: {len(names)}")
    for name, here in names:
        done = subprocess.run([OFFHOOK, "-n", "--check", bench.write("name.call", name + "\n")], capture_output=True, text=True, timeout=20, env=bench.environment())
        first = done.stderr.splitlines()[0] if done.stderr else ""
        if "no such command" in first:
            told = [part.split()[0] for part in first.split("`")[1::2] if part.strip()]
            check(any(word in here for word in told), f"'{name}' is told as {first}, not as {here}")


def test_coming_from(bench):
    """Every command of the right columns of docs/coming-from.md is one."""
    lines = []
    for row in open(os.path.join(TOP, "docs", "coming-from.md")):
        cells = row.split(" | ")
        if row.startswith("| `") and len(cells) >= 2:
            lines += [command.strip("`") for command in cells[1].split(" / ")]
    check(len(lines) > 60, f"the tables were read: {len(lines)}")
    bench.write("all.call", "account add sip:alice@atlanta.com name=work\n" + "\n".join(lines) + "\n")
    done = subprocess.run([OFFHOOK, "-n", "--check", bench.path("all.call")], capture_output=True, text=True, timeout=20, env=bench.environment())
    equal((done.returncode, done.stderr), (0, ""), "each is a command")
