"""What a phone remembers: nothing that was reported is lost, whatever happens to it."""
import json
import os
import random
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import threading

from harness import OFFHOOK, check, equal

QUIET = ["-x", "set audio.input null", "-x", "set audio.output null", "-x", "set audio.ringer null", "-x", "set sip.listen 127.0.0.1:0"]


class Peer:
    """Answers every INVITE with 486 and every MESSAGE with 200, on UDP."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            data, source = self.socket.recvfrom(65536)
            text = data.decode(errors="replace")
            method = text.split(" ")[0]
            if method not in ("INVITE", "MESSAGE"):
                continue
            kept = re.findall(r"(?im)^(?:via|v|from|f|call-id|i|cseq):.*\r$", text)
            to = re.search(r"(?im)^(?:to|t):.*(?=\r$)", text).group(0)
            code = "486 Busy Here" if method == "INVITE" else "200 OK"
            self.socket.sendto((f"SIP/2.0 {code}\r\n" + "".join(line + "\n" for line in kept) + f"{to};tag=1\r\nContent-Length: 0\r\n\r\n").encode(), source)


def ask(bench, *lines):
    done = subprocess.run([OFFHOOK, "--json", "--batch", *QUIET, *[w for line in lines for w in ("-x", line)]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          env=bench.environment(), cwd=bench.folder)
    return done


def killed_once(bench, peer, dice, number, reported):
    """One phone that calls and writes until it is killed; what it reported goes to `reported`."""
    lines = []
    for i in range(30):
        lines += [f"-call sip:u{number}-{i}@127.0.0.1:{peer.port}", "-wait failed within=30s"]
        if i % 6 == 1:
            lines += [f"-message sip:m{number}-{i}@127.0.0.1:{peer.port} text {number} {i}"]
    path = bench.write("run.call", "\n".join(lines) + "\n")
    phone = subprocess.Popen([OFFHOOK, "--json", "--batch", *QUIET, "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=bench.environment(),
                             cwd=bench.folder)
    limit = dice.randrange(0, 24)
    timer = threading.Timer(dice.uniform(0.02, 0.2), phone.kill)
    timer.start()
    seen = 0
    for raw in phone.stdout:
        try:
            message = json.loads(raw)
        except ValueError:
            break  # cut off by the end
        if message.get("method") != "event":
            continue
        params = message["params"]
        if params["event"] == "failed":
            reported.add(re.search(r"u\d+-\d+", params["to"]).group(0))
        elif params["event"] == "message-sent":
            reported.add(re.search(r"m\d+-\d+", params["to"]).group(0))
        seen += 1
        if seen == limit:
            phone.kill()
    timer.cancel()
    phone.wait()
    return phone.returncode == -signal.SIGKILL


def test_killed_200_times(bench):
    """kill -9 at random moments while calls and messages are written: the file is whole, and all that was reported is there."""
    bench.need_namespace()
    dice, peer, reported = random.Random(11), Peer(), set()
    bench.write("config-x", "")
    os.makedirs(bench.path("config/offhook"))
    with open(bench.path("config/offhook/config"), "w") as config:
        config.write("set history.keep 100000\n")
    killed = sum(killed_once(bench, peer, dice, number, reported) for number in range(200))
    check(killed > 120 and len(reported) > 400, f"{killed} were killed, {len(reported)} things were reported")
    done = ask(bench, "history", "inbox")
    equal(done.stderr, "", "nothing to complain about")
    folder = bench.path("state/offhook")
    database = sqlite3.connect(os.path.join(folder, "history.db"))
    equal(database.execute("PRAGMA integrity_check").fetchone()[0], "ok", "the file is whole")
    there = {re.search(r"u\d+-\d+", row[0]).group(0) for row in database.execute("SELECT uri FROM calls")}
    there |= {re.search(r"m\d+-\d+", row[0]).group(0) for row in database.execute("SELECT peer FROM messages WHERE state = 'sent'")}
    equal(sorted(reported - there)[:5], [], f"of {len(reported)} reported things are missing")
    for name in os.listdir(folder):
        if name.startswith("history"):
            equal(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, f"mode of {name}")


def test_history(bench):
    """Kept over the end of the phone; asked by kind, time and name; called again; CSV."""
    peer = Peer()
    done = ask(bench, f"call sip:bob@127.0.0.1:{peer.port}", "wait failed", "call echo", "wait answered", "hangup", "wait ended")
    equal(done.returncode, 0, f"two calls ({done.stderr})")
    done = ask(bench, "history", "history out match=bob", "history missed", "history since=1h last=1", "history format=csv")
    texts = [json.loads(line)["params"]["text"] for line in done.stdout.splitlines() if json.loads(line).get("method") == "result"]
    equal(len(texts), 5, f"five answers: {done.stdout} {done.stderr}")
    equal([("echo" in t, "bob" in t) for t in texts[:4]], [(True, True), (False, True), (False, False), (True, False)], f"what each shows: {texts}")
    check("busy" in texts[4].lower() and texts[4].startswith("number,time"), f"why, in the CSV: {texts[4]}")
    done = ask(bench, "redial 1", "wait failed", "history last=1")
    check("bob@" in done.stdout.splitlines()[-1], f"called again: {done.stdout[-300:]}")
    equal(ask(bench, "redial 99").returncode, 4, "no such entry")
    check("no calls like that" in ask(bench, "history match=zed").stdout, "there are calls, but not with zed")


def test_words_and_addresses_are_kept(bench):
    """A contact's number is found in the history by its word and by its address, and called again by either."""
    peer = Peer()
    address = f"sip:work@127.0.0.1:{peer.port}"
    done = ask(bench, f"contact add Bob {address} kind=work", "call Bob/work,,1#", "wait failed", "contact remove Bob", "history match=Bob/work", "history match=work@", "redial", "wait failed", "history last=1")
    texts = [json.loads(line)["params"]["text"] for line in done.stdout.splitlines() if json.loads(line).get("method") == "result"]
    found = [text.strip().split("  ")[-1] for text in texts if "failed" in text]
    equal(found, [f"Bob <{address}> as Bob/work,,1#"] * 2 + [address], f"found by both; the contact gone, the address is called again: {texts} {done.stderr}")


def test_export_makes_no_folder(bench):
    done = ask(bench, f"contact export {bench.path('nope')}/x.vcf")
    equal(done.returncode, 6, "exit status")
    check("there is no folder" in done.stdout + done.stderr and not os.path.exists(bench.path("nope")), f"{done.stdout} {done.stderr}")


def test_full_and_read_only(bench):
    """A phone whose folder cannot be written says so once and works."""
    os.makedirs(bench.path("state/offhook"))
    calls = ["call echo", "wait answered", "hangup", "wait ended"] * 2
    if os.getuid() == 0:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "none", bench.path("state/offhook")], capture_output=True)
        if mounted.returncode == 0:
            try:
                with open(bench.path("state/offhook/ballast"), "wb", buffering=0) as ballast:
                    while ballast.write(b"x" * 4096):
                        pass
            except OSError:
                pass
            done = ask(bench, *calls)
            equal(done.returncode, 0, f"calls on a full disk ({done.stderr})")
            equal(done.stderr.count("the history cannot be written"), 1, f"told once: {done.stderr}")
            os.remove(bench.path("state/offhook/ballast"))
            equal(ask(bench, *calls, "history").returncode, 0, "and with room again")
            check("echo" in ask(bench, "history").stdout, "it is written")
            subprocess.run(["umount", bench.path("state/offhook")], check=True)
    os.rmdir(bench.path("state/offhook"))
    bench.write("state/offhook", "a file where the folder should be")
    done = ask(bench, *calls)
    equal(done.returncode, 0, f"calls without a folder ({done.stderr})")
    equal(done.stderr.count("the history cannot be written"), 1, f"told once: {done.stderr}")
