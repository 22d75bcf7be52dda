"""What `save` keeps, and that nothing is left unsaved without a question."""
import os
import pty
import select
import subprocess
import time

from harness import OFFHOOK, Failed, check, equal, hears, wait_until, write_tone
from test_screening import call
from wire import Peer


class Terminal:
    """The phone on a terminal, in plain lines."""

    def __init__(self, bench, *args):
        self.parent, child = pty.openpty()
        self.process = subprocess.Popen([OFFHOOK, "--plain", "--socket", "none", *args], stdin=child, stdout=child, stderr=child, env=bench.environment(), cwd=bench.folder,
                                        start_new_session=True)
        os.close(child)
        bench.processes.append(self.process)
        self.said = ""
        self.see("offhook>")

    def see(self, text, within=30):
        end = time.monotonic() + within
        while text not in self.said:
            if time.monotonic() > end:
                raise Failed(f"'{text}' was not shown: {self.said[-400:]!r}")
            if select.select([self.parent], [], [], 0.1)[0]:
                self.said += os.read(self.parent, 4096).decode(errors="replace")
        self.said = self.said[self.said.index(text) + len(text):]

    def type(self, line):
        os.write(self.parent, line.encode() + b"\r")

    def ends(self, status=0):
        equal(self.process.wait(30), status, "the exit status")
        os.close(self.parent)


def test_quit_asks(bench):
    """Changed settings and aliases: a question, once; after `save` none; `saved` stands beside the file of -c and is read from there."""
    os.makedirs(bench.path("mine"))
    config = bench.write("mine/phone.conf", "set sip.listen 127.0.0.1:0\nset audio.input null\nset audio.output null\nalias old echo old\n")
    phone = Terminal(bench, "-c", config)
    phone.type("quit")
    phone.ends()  # what the configuration says is no change
    phone = Terminal(bench, "-c", config)
    phone.type("set call.max 7")
    phone.type("alias mine echo it is mine")
    phone.type("quit")
    phone.see("`save` keeps them")
    phone.type("save")
    phone.type("quit")
    phone.ends()
    check(os.path.exists(bench.path("mine/saved")) and not os.path.exists(bench.path("config/offhook/saved")), "beside the file of -c")
    phone = Terminal(bench, "-c", config)
    phone.type("mine")
    phone.see("it is mine")
    phone.type("get call.max")
    phone.see("7")
    phone.type("set call.max 9")
    phone.type("quit")
    phone.see("`save` keeps them")
    phone.type("quit")
    phone.ends()


def test_what_no_longer_fits(bench):
    """A line of `saved` that fails takes none behind it away: accounts are not lost with an address of yesterday."""
    os.makedirs(bench.path("mine"))
    bench.write("mine/saved", "set sip.listen 192.0.2.77:5060\naccount add sip:a@127.0.0.1:9 name=desk registrar=none password=x\nalias mine echo it is mine\n")
    config = bench.write("mine/phone.conf", "set audio.input null\nset audio.output null\n")
    phone = Terminal(bench, "-c", config)
    phone.type("account list")
    phone.see("does not register")
    phone.type("mine")
    phone.see("it is mine")
    phone.type("get audio.input")
    phone.see("null")
    phone.type("quit")
    phone.ends()


def test_account_show(bench):
    status, out, err = bench.script("account add sip:a@127.0.0.1:9 registrar=none password=geheim display=\"Alice A\" transport=tcp dtmf.via=rtp", "account show")
    equal(status, 0, err)
    check("transport=tcp" in out and 'display="Alice A"' in out and "registrar=none" in out and "dtmf.via=rtp" in out and "geheim" not in out, f"all but the password: {out}")


def test_contacts_with_several_addresses(bench):
    """The preferred address is called, each has its word, the address book keeps them; a contact rings in its own way and may be answered by itself."""
    peer, phone = Peer(5080), bench.phone("set sip.listen 127.0.0.1:5070", "set call.accept any", f"set audio.ringer file:{bench.path('ring.wav')}", args=("-c", bench.write("x", "")),
                                          quiet=False)
    for line in ("contact add Bob sip:home@127.0.0.1:5080 kind=home", "contact add Bob sip:work@127.0.0.1:5080 kind=work prefer=1", "contact set Bob speed=7",
                 f"contact export {bench.path('out.vcf')}", "contact remove Bob", f"contact import {bench.path('out.vcf')}", "contact set Bob speed=7"):
        phone.do(line)
    with open(bench.path("out.vcf"), encoding="utf-8", newline="") as card:
        check("IMPP;TYPE=work;PREF=1:sip:work@127.0.0.1:5080\r\nIMPP;TYPE=home:sip:home@127.0.0.1:5080\r\n" in card.read(), "TYPE and PREF")
    equal([(a["call"], a["target"]) for a in phone.do("contact list")[0]["addresses"]],
          [("Bob/work", "sip:work@127.0.0.1:5080"), ("Bob/home", "sip:home@127.0.0.1:5080")], "after both ways")
    for words, user in (("Bob", "work"), ("7", "work"), ("bob/HOME", "home"), ("Bob/2", "home")):
        phone.do(f"call {words}")
        check(peer.receive("INVITE").start.startswith(f"INVITE sip:{user}@"), f"{words} calls {user}")
        phone.do("hangup all")
    check("no-such-contact" in str(phone.refused("contact remove Bob/fax")), "no such kind")
    # A ring of its own: what the ringer plays is the file, not the tone.
    write_tone(bench.path("mine.wav"), 1500, seconds=2)
    check("neither a tone" in str(phone.refused("contact set Bob ring=nothing.wav")), "no such file")
    phone.do(f"contact set Bob ring={bench.path('mine.wav')}")
    call(peer, 1, "home")
    phone.event("incoming")
    wait_until(lambda: os.path.exists(bench.path("ring.wav")) and hears(bench.path("ring.wav"), 1500), "the file rings")
    phone.do("reject")
    phone.do("contact set Bob ring=off auto-answer=on")
    call(peer, 2, "work")
    phone.event("answered")
    phone.do("hangup")
    call(peer, 3, "carol")
    phone.event("incoming", call=7)
    phone.do("reject call=7")  # still rings: others are not answered
