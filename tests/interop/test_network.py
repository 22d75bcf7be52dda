"""The network changes under a phone: its address goes, another comes; registration and call follow."""
import os
import re
import socket
import subprocess
import sys

from harness import OFFHOOK, check, equal, need, wait_until
from proxies import ALICE, start_dns
from wire import Message, Peer


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def other_host(bench):
    """A network namespace of its own behind a pair of interfaces; returns the words that enter it."""
    bench.need_namespace()
    need("ip", "nsenter", "unshare")
    holder = bench.start(["unshare", "-n", "sleep", "600"])
    enter = ["nsenter", "-t", str(holder.pid), "-n"]

    def is_apart():
        return subprocess.run([*enter, "ip", "link", "show", "v0"], capture_output=True).returncode != 0
    ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    wait_until(is_apart, "the other host is there")
    ip("link", "set", "v1", "netns", str(holder.pid))
    for words in (["addr", "add", "10.9.0.2/24", "dev", "v1"], ["link", "set", "v1", "up"], ["link", "set", "lo", "up"]):
        subprocess.run([*enter, "ip", *words], check=True)
    ip("addr", "add", "10.9.0.1/24", "dev", "v0")
    ip("link", "set", "v0", "up")
    return enter


def test_a_call_follows(bench):
    """Our address is taken away during a call: the other side hears a re-INVITE from the new one, then sound, then our BYE."""
    enter = other_host(bench)
    script = bench.write("bob.call", "set sip.listen 10.9.0.2:5060\nset audio.input tone:660\nset audio.output null\nset call.accept any\n"
                                     "wait incoming within=30s\nanswer\nwait reinvite within=30s\nwait ended within=30s\n")
    bob = bench.start([*enter, OFFHOOK, "-n", "-v", "-f", script], log="bob.log")
    alice = bench.phone("set sip.listen 0.0.0.0:5060")
    for _ in range(20):
        alice.do("call sip:bob@10.9.0.2")
        try:
            alice.event("answered", within=2)
            break
        except Exception:
            alice.ask("hangup all")
    alice.event("media")
    ip("addr", "del", "10.9.0.1/24", "dev", "v0")
    ip("addr", "add", "10.9.0.7/24", "dev", "v0")
    alice.event("network", state="changed")
    alice.event("reinvite", code=200)
    check("10.9.0.7" in alice.get("sent.contact") or "10.9.0.7" in alice.get("sent.via"), alice.get("sent.via"))
    sent = float(alice.get("media.received").split()[0])
    wait_until(lambda: float(alice.get("media.received").split()[0]) > sent + 20, "sound comes to the new address")
    alice.do("hangup")
    alice.event("ended")
    equal(bob.wait(30), 0, "bob's script")


def test_a_registration_follows(bench):
    """The registrar hears of the new address at once, and of nothing when the network is gone."""
    bench.need_namespace()
    need("ip")
    ip("addr", "add", "10.8.0.1/32", "dev", "lo")
    registrar = Peer(5060, "10.8.0.1")
    phone = bench.phone("set sip.listen 0.0.0.0:5066", "account add sip:alice@10.8.0.1 password=x")
    first = registrar.receive("REGISTER")
    registrar.respond(first, 200, "OK", headers=[f"Contact: {first.get('Contact')}"])
    phone.event("registered")
    ip("addr", "add", "10.7.0.1/32", "dev", "lo")
    phone.event("network", state="changed")
    again = registrar.receive("REGISTER")
    equal(again.get("Call-ID"), first.get("Call-ID"), "the Call-ID")
    registrar.respond(again, 200, "OK", headers=[f"Contact: {again.get('Contact')}"])
    phone.process.stdin.close()
    wait_until(lambda: phone.process.poll() is not None, "the phone ends")


def is_registered(phone):
    return re.search(r"\bregistered\b", phone.do("show accounts")["text"]) is not None


# ---- a computer that sleeps ----

# The clock that goes on in a sleep is as much before the other as the file says: what a sleep looks like to a program.
SLEEPER = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, now);
	FILE *file = clock == CLOCK_BOOTTIME ? fopen(getenv("SLEPT"), "r") : NULL;
	long slept = 0;
	if (!file)
		return rc;
	if (fscanf(file, "%ld", &slept) == 1)
		now->tv_sec += slept;
	fclose(file);
	return rc;
}
"""


def sleeping_phone(bench, *lines):
    """A phone, and what makes its computer sleep for so many seconds."""
    need("cc")
    library, slept = bench.path("sleeper.so"), bench.write("slept", "0")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, bench.write("sleeper.c", SLEEPER)], check=True)
    env = bench.environment(LD_PRELOAD=library, SLEPT=slept, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    phone = bench.phone(*lines, env=env)

    def sleep(seconds):
        bench.write("slept.new", str(seconds))
        os.rename(bench.path("slept.new"), slept)
        phone.do("show version")  # it wakes up and looks at its clocks
        phone.event("network", state="resumed")
    return phone, sleep


def test_connections_after_a_sleep(bench):
    """Whether the other side has forgotten a connection meanwhile, nobody can know: another is made at once, and the registration by it."""
    bench.need_namespace()
    server = socket.create_server(("192.0.2.2", 5060))
    server.settimeout(10)
    phone, sleep = sleeping_phone(bench, "set sip.listen 192.0.2.1:5070", "account add sip:alice@192.0.2.2 password=x transport=tcp")

    def registered():
        connection = server.accept()[0]
        connection.settimeout(10)
        text = b""
        while b"\r\n\r\n" not in text:
            text += connection.recv(65536)
        request = Message(text)
        rows = ["SIP/2.0 200 OK", *(f"{name}: {request.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq", "Contact")), f"To: {request.get('To')};tag=r"]
        connection.sendall(Peer.finish(rows).replace("\n", "\r\n").encode())
        return connection, request
    first, before = registered()
    phone.event("registered")
    sleep(60)
    second, after = registered()
    equal((first.recv(100), after.get("Call-ID")), (b"", before.get("Call-ID")), "the first connection is closed, the registration the same")
    phone.process.kill()


def test_a_computer_that_slept(bench):
    """After two hours of sleep: registered anew at once by a new connection, a session that ran out is told, the other call is asked after and has gone."""
    registrar, peer = Peer(5060, "127.0.0.2"), Peer(5080)
    phone, sleep = sleeping_phone(bench, "set sip.listen 127.0.0.1:5070", "account add sip:alice@127.0.0.2 password=x", "set call.accept any", "set call.auto-hold off")

    def registered():
        request = registrar.receive("REGISTER")
        registrar.respond(request, 200, "OK", headers=[f"Contact: {request.get('Contact')};expires=3600"])
        return request
    first = registered()
    phone.event("registered")
    numbers, ids = [], []
    for extra in (("Require: timer", "Session-Expires: 600;refresher=uas"), ()):
        number = phone.do("call sip:bob@127.0.0.1:5080")["call"]
        invite = peer.receive("INVITE")
        ids.append(invite.get("Call-ID"))
        peer.respond(invite, 200, "OK", peer.sdp(), headers=extra)
        peer.receive("ACK")
        phone.event("answered", call=number)
        numbers.append(number)
    sleep(7200)
    again = registered()
    equal(again.get("Call-ID"), first.get("Call-ID"), "the same registration")
    registrar.nothing("REGISTER", 0.3)
    ended = phone.event("ended", call=numbers[0])
    equal(ended["cause"], "timeout", "the session that nobody refreshed")
    bye = peer.receive("BYE")
    equal(bye.get("Call-ID"), ids[0], "its BYE")
    peer.respond(bye, 200, "OK")
    ask = peer.receive("INVITE")
    equal(ask.get("Call-ID"), ids[1], "the other is asked")
    check(ask.body.startswith("v=0"), "the other is asked with an offer")
    peer.respond(ask, 481, "Call/Transaction Does Not Exist")
    gone = phone.event("ended", call=numbers[1])
    equal(gone["code"], 481, "it has gone")
    check("481" in phone.do(f"why {numbers[1]}")["text"], "why")
    check(is_registered(phone), "registered")
    phone.process.kill()


# ---- two ways out ----

def two_ways(bench):
    """Another host, 10.100.0.1, behind two links: `w0` (10.9.0.1) is there, `l0` (10.8.0.1) not yet. No other way leads out of here. Words that enter it."""
    bench.need_namespace()
    need("ip", "nsenter", "unshare")
    holder = bench.start(["unshare", "-n", "sleep", "600"])
    enter = ["nsenter", "-t", str(holder.pid), "-n"]
    ip("addr", "flush", "dev", "lo", "scope", "global")
    for link in ("w", "l"):
        ip("link", "add", link + "0", "type", "veth", "peer", "name", link + "1")
    wait_until(lambda: subprocess.run([*enter, "ip", "link", "show", "w0"], capture_output=True).returncode, "the other host is there")
    for link, net in (("w", "10.9.0"), ("l", "10.8.0")):
        ip("link", "set", link + "1", "netns", str(holder.pid))
        for words in (["addr", "add", net + ".2/24", "dev", link + "1"], ["link", "set", link + "1", "up"]):
            subprocess.run([*enter, "ip", *words], check=True)
    for words in (["addr", "add", "10.100.0.1/32", "dev", "lo"], ["link", "set", "lo", "up"]):
        subprocess.run([*enter, "ip", *words], check=True)
    way_opens("w", "10.9.0")
    return enter


def way_opens(link, net):
    ip("addr", "replace", net + ".1/24", "dev", link + "0")
    ip("link", "set", link + "0", "up")
    ip("route", "replace", "default", "via", net + ".2", "dev", link + "0", "metric", "100" if link == "w" else "600")


def called_from_bench(bench, enter, host, listen):
    """A phone in the other host that is called and answers: (alice, bob, the call)."""
    script = bench.write("bob.call", f"set sip.listen {host}:5060\nset audio.input tone:660\nset audio.output null\nset call.accept any\n"
                                     "wait incoming within=30s\nanswer\nwait ended within=60s\n")
    bob = bench.start([*enter, OFFHOOK, "-n", "-v", "-f", script], log="bob.log")
    alice = bench.phone(f"set sip.listen {listen}")

    def answers():
        alice.do(f"call sip:bob@{host}")
        try:
            return alice.event("answered", within=2)
        except Exception:
            return alice.ask("hangup all") and None
    call = wait_until(answers, "bob answers", 30)["call"]
    alice.event("media")
    return alice, bob, call


def sound_comes_to(alice, address):
    kept = re.split(r"\n(?=\d\d:\d\d:\d\d\.\d{3} )", alice.do("trace text")["text"])
    offer = [message for message in kept if " sent " in message and "\nINVITE " in message][-1]
    host, family = (f"[{address}]", "IP6") if ":" in address else (address, "IP4")
    check(f"@{host}:5060" in re.search(r"Contact: (.*)", offer)[1], f"the Contact of {offer}")
    check(f"c=IN {family} {address}" in offer, f"the place of the sound in {offer}")
    check(address in alice.do("show media")["text"], f"{address}: {alice.do('show media')['text']}")
    before = float(alice.get("media.received").split()[0])
    wait_until(lambda: float(alice.get("media.received").split()[0]) > before + 15, f"sound comes to {address}")


def test_from_one_way_to_another(bench):
    """A second way comes up and nothing changes; the first loses its route: the call goes on by the second; back by the first; none; again by the second."""
    enter = two_ways(bench)
    alice, bob, call = called_from_bench(bench, enter, "10.100.0.1", "0.0.0.0:5060")
    way_opens("l", "10.8.0")
    alice.event("network", state="changed")
    check("10.9.0.1" in alice.do("show media")["text"], "the better way is the one that it has")
    ip("route", "del", "default", "dev", "w0")
    equal(alice.event("network", state="changed")["address"], "10.8.0.1", "out by the second")
    alice.event("reinvite", code=200)
    sound_comes_to(alice, "10.8.0.1")
    way_opens("w", "10.9.0")
    alice.event("network", state="changed")
    alice.event("reinvite", code=200)
    sound_comes_to(alice, "10.9.0.1")
    for link in ("w0", "l0"):
        ip("link", "set", link, "down")
    alice.event("network", state="down")
    way_opens("l", "10.8.0")
    alice.event("network", state="changed")
    alice.event("reinvite", code=200)
    sound_comes_to(alice, "10.8.0.1")
    alice.do("hangup")
    equal(alice.event("ended")["by"], "us", "the end")
    equal(bob.wait(30), 0, "bob's script")


# A registrar that takes everything, and prints where we are.
REGISTRAR = """
import socket
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.bind(("10.100.0.1", 5060))
print("listens", flush=True)
while True:
    data, source = wire.recvfrom(65536)
    rows = data.decode().split("\\r\\n")
    kept = [row + (";tag=r" if row.startswith("To:") else "") for row in rows if row.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq", "Contact")]
    if rows[0].startswith("REGISTER"):
        print([row for row in kept if row.startswith("Contact:")][0], flush=True)
        wire.sendto("\\r\\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode(), source)
"""


def test_a_single_route(bench):
    """The route to the registrar alone leads out by the other way now: no event, but the registration follows. A change that does not concern it is none."""
    enter = two_ways(bench)
    registrar = bench.start([*enter, sys.executable, "-c", REGISTRAR], log="registrar.log")
    wait_until(lambda: "listens" in bench.log_of(registrar), "the registrar is there")
    way_opens("l", "10.8.0")
    phone = bench.phone("set sip.listen 0.0.0.0:5060", "set sip.t1 100ms", "account add sip:alice@10.100.0.1 password=x")
    phone.event("registered", within=20)

    def contacts():
        return re.findall(r"Contact: <sip:alice@([0-9.]+)", bench.log_of(registrar))
    equal(contacts()[-1], "10.9.0.1", "registered by the first")
    ip("route", "add", "10.99.0.0/16", "via", "10.8.0.2", "dev", "l0")
    ip("route", "add", "10.100.0.1/32", "via", "10.8.0.2", "dev", "l0")
    wait_until(lambda: contacts()[-1] == "10.8.0.1", "registered by the second")
    count = len(contacts())
    ip("route", "del", "10.99.0.0/16")
    ip("addr", "add", "10.77.0.1/32", "dev", "l0")
    phone.event("network", state="changed")
    wait_until(lambda: len(contacts()) == count + 1, "once for the address that is new, none for the route")
    phone.process.kill()


def test_a_temporary_address(bench):
    """IPv6: a new temporary address comes and the old one is not preferred any more (RFC 8981): the call goes on by the new one before the old goes."""
    enter = two_ways(bench)
    ip("addr", "add", "fd00:9::1/64", "dev", "w0", "nodad", "noprefixroute")
    ip("-6", "route", "add", "fd00:9::/64", "dev", "w0")
    subprocess.run([*enter, "ip", "addr", "add", "fd00:9::2/64", "dev", "w1", "nodad"], check=True)
    alice, bob, call = called_from_bench(bench, enter, "[fd00:9::2]", "[::]:5060")
    ip("addr", "add", "fd00:9::77/64", "dev", "w0", "nodad", "noprefixroute")
    ip("addr", "change", "fd00:9::1/64", "dev", "w0", "noprefixroute", "preferred_lft", "0", "valid_lft", "600")
    alice.event("reinvite", code=200)
    sound_comes_to(alice, "fd00:9::77")
    ip("addr", "del", "fd00:9::1/64", "dev", "w0")
    alice.do("hangup")
    equal(alice.event("ended")["by"], "us", "the end")
    equal(bob.wait(30), 0, "bob's script")


def test_a_family_goes(bench):
    """The registrar's name has addresses of both families; ours of IPv6 goes away: registered anew by IPv4 at once."""
    start_dns(bench)
    ip("addr", "add", "2001:db8::1/128", "dev", "lo", "nodad")
    ip("addr", "add", "2001:db8::2/128", "dev", "lo", "nodad")
    ip("-6", "route", "add", "default", "dev", "lo", "src", "2001:db8::1")
    six, four = Peer(5080, "2001:db8::2"), Peer(5080, "192.0.2.53")
    phone = bench.phone(f"set sip.listen {ALICE}:5060 [2001:db8::1]:5060", "account add sip:alice@both.atlanta.com:5080 password=x")
    first = six.receive("REGISTER", 15)
    check("[2001:db8::1]" in first.get("Contact"), first.get("Contact"))
    six.respond(first, 200, "OK", headers=[f"Contact: {first.get('Contact')}"])
    phone.event("registered")
    ip("-6", "route", "del", "default", "dev", "lo")
    for address in ("2001:db8::1/128", "2001:db8::2/128"):
        ip("addr", "del", address, "dev", "lo")
    phone.event("network", state="changed")
    again = four.receive("REGISTER", 15)
    check(ALICE in again.get("Contact"), again.get("Contact"))
    equal(again.get("Call-ID"), first.get("Call-ID"), "the same registration")
    four.respond(again, 200, "OK", headers=[f"Contact: {again.get('Contact')}"])
    wait_until(lambda: is_registered(phone), "registered")
    phone.process.kill()
