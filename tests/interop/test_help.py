"""Every example that `help` shows runs: each in a house where it can, and none may be a mistake of writing."""
import os
import re
import subprocess

from harness import OFFHOOK, check, equal, wait_until, write_tone
from proxies import ALICE, BOB, start_trapezoid

# What an example needs beside the account: calls that are up, one that rings, somebody who asks.
TWO_CALLS = {"conference", "dtmf", "expect", "get", "hangup", "hold", "if", "info", "mute", "play", "record", "reinvite", "resume", "select", "show", "split",
             "stop", "trace", "transfer", "unmute", "update", "why"}
RINGING = {"answer", "progress", "redirect", "reject", "ring"}
# Lines that go before.
BEFORE = {
    "account add sip:2001@192.0.2.4 name=work password=secret": ["account remove work"],
    "allow bob@biloxi.com off": ["allow bob@biloxi.com"],
    "block +4990* off": ["block +4990*"],
    "conference 3": ["conference 1 2", "call echo", "wait answered within=5s"],
    "contact remove": ["contact add Bob +1-555-0100 kind=mobile"],
    "contact import": ["contact export friends.vcf"],
    "expect heard.level > -50dB": ["sleep 1s"],
    "off pick": ["on incoming as pick do answer after=20s"],
    "play music.flac to=both mix=yes": ["record start music.flac", "sleep 300ms", "record stop"],
    "publish off": ["publish", "wait publish-failed within=10s"],
    "record pause": ["record start"],
    "record resume": ["record start", "record pause"],
    "record stop": ["record start"],
    "redial": ["call echo"],
    "redial 12": ["call echo", "hangup"] * 12,
    "resume": ["hold 1", "wait held within=5s"],
    "split": ["conference 1 2"],
    "stop": ["play greeting.wav", "play greeting.wav call=2"],
    "transfer with=2": ["select 1"],
    "unbind": ["bind F5 hold"],
    "unsubscribe": ["subscribe bob@biloxi.com"],
}
# In a file of their own, for they wait or end it: the lines before, and the exit status.
SCRIPTS = {
    "exit": ([], 0),
    "exit 1": ([], 1),
    "quit": ([], 0),
    "wait answered within=20s": (["call echo"], 0),
    "wait failed|ended within=1m": (["call echo", "wait answered", "hangup"], 0),
    "wait not dtmf within=2s": ([], 0),
    "wait registered account=work": ([], 0),
}
# What is not for programs, or has nobody here who could grant it: the reason that is told.
IN_VAIN = {
    "chat bob@biloxi.com": "chat",
    "detach": "not-attached",
    "dtmf": "keypad",
    "expect received.Contact =~ biloxi": "false",
    "join 204": "not-subscribed",
    "pickup 204": "nothing-rings",
    "publish off": "not-published",
    'request PUBLISH sip:alice@atlanta.com header="Event: presence" type=text/plain body=busy': "response",
}


def examples():
    """(command, example) of every command of `help`."""
    listed = subprocess.run([OFFHOOK, "-n", "--batch", "-x", "help"], capture_output=True, text=True, timeout=20).stdout
    found = []
    for name in re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)  ", listed, re.M):
        told = subprocess.run([OFFHOOK, "-n", "--batch", "-x", f"help {name}"], capture_output=True, text=True, timeout=20).stdout
        found += [(name, line.strip()) for line in told.split("\n\n")[-1].splitlines() if line.startswith("    ")]
    return found


class House:
    """Alice behind her proxy, and Bob, who answers whatever comes."""

    def __init__(self, bench):
        self.bench = bench
        start_trapezoid(bench)
        for name in ("greeting.wav", "ring.wav"):
            write_tone(bench.path(name), 600, 2)
        os.mkdir(bench.path("mail"))
        bench.write("smoke.call", "echo smoke\n")
        bench.write("dial.call", "call $1\nhangup\n")
        self.settings = bench.write("settings.call", "set script.allow-shell on\n")
        self.bob = bench.phone(f"set sip.listen {BOB}:5060", "set call.auto-answer on", "set call.auto-hold off",
                               "account add sip:bob@biloxi.com password=secret")
        self.bob.event("registered")
        self.watched = 0

    def alice(self):
        phone = self.bench.phone(f"set sip.listen {ALICE}:5060", "set audio.input tone:440", "set call.auto-hold off", "set call.watchers ask",
                                 "account add sip:alice@atlanta.com name=work password=secret", args=("-c", self.settings))
        phone.event("registered")
        phone.do("contact add Bob sip:bob@biloxi.com")
        phone.do("contact add carol sip:carol@chicago.com")
        return phone

    def call_bob(self, phone):
        self.bob.events.clear()
        phone.do("call sip:bob@biloxi.com")
        phone.event("answered")
        return self.bob.event("answered")["call"]

    def two_calls(self, phone):
        self.call_bob(phone)
        phone.do("call echo")
        phone.event("answered")
        for call in (1, 2):
            phone.event("media", call=call)

    def ring(self, phone, example):
        if "2" in re.split(r"\W+", example):
            phone.do("call echo")
        self.bob.do(f"call sip:alice@{ALICE}:5060")
        phone.event("incoming")

    def ask_for_a_transfer(self, phone, example):
        if "request" in example:
            for _ in range(2):
                self.bob.do(f"refer sip:alice@{ALICE}:5060 to=sip:carol@chicago.com")
                phone.event("refer", direction="in")
            return
        call = self.call_bob(phone)
        self.bob.do(f"transfer sip:carol@chicago.com call={call}")
        phone.event("transfer-request")

    def watch(self, phone, example):
        """Each time by another address: what was watched before is still ending."""
        for _ in range(2 if "2" in example else 1):
            self.watched += 1
            self.bob.do(f"subscribe sip:alice@{ALICE}:5060;line={self.watched} package=dialog")
            phone.event("watch-request")

    def prepare(self, phone, command, example):
        word = command.split()[0]
        if word in TWO_CALLS:
            self.two_calls(phone)
        if word in RINGING:
            self.ring(phone, example)
        if word in ("accept-transfer", "refuse-transfer"):
            self.ask_for_a_transfer(phone, example)
        if word in ("accept-watcher", "refuse-watcher"):
            self.watch(phone, example)
        if os.path.exists(self.bench.path("call.pcap")):
            os.remove(self.bench.path("call.pcap"))
        for key in dict.fromkeys((word, command, example)):
            for line in BEFORE.get(key, []):
                phone.do(line)

    def run_script(self, example):
        before, wanted = SCRIPTS[example]
        status, out, err = self.bench.script(f"set sip.listen {ALICE}:5060", "set audio.input tone:440", "set audio.output null",
                                             "account add sip:alice@atlanta.com name=work password=secret", *before, example)
        equal(status, wanted, f"{example}: {out} {err}")

    def run(self, command, example):
        if example in SCRIPTS:
            self.run_script(example)
            return
        phone = self.alice()
        try:
            self.prepare(phone, command, example)
            error = phone.ask(example, within=60).get("error", {})
            equal(error.get("data", {}).get("reason"), IN_VAIN.get(example), f"`{example}`: {error.get('message')}")
        finally:
            phone.quit()
        wait_until(lambda: self.bob.get("calls.count") in ("0", 0), f"Bob is free after `{example}`")


def test_every_example_runs(bench):
    house, all_of_them = House(bench), examples()
    check(len(all_of_them) > 150, f"help shows {len(all_of_them)} examples")
    check(not (set(BEFORE) | set(SCRIPTS) | set(IN_VAIN)) - {key for name, example in all_of_them for key in (name, name.split()[0], example)},
          "no example is prepared for that help does not show")
    for command, example in all_of_them:
        house.run(command, example)


def test_what_is_offered_is_explained(bench):
    """Every setting, quantity and event that completion offers has its help, and help's own topics are those."""
    phone = bench.phone()
    topics = set(phone.complete("help "))
    for line, least in (("get ", 100), ("set ", 70), ("wait ", 50), ("on ", 50), ("help ", 150)):
        words = [word.strip() for word in phone.complete(line) if "=" not in word and word != "not"]
        check(len(words) >= least, f"`{line}` offers {len(words)} words")
        for word in words:
            answer = phone.ask(f"help {word}")
            check("error" not in answer, f"`{line}{word}`: help says {answer.get('error', {}).get('message')}")
    check({"settings", "events", "quantities", "keys"} <= topics, "help's topics")
