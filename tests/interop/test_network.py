"""The network changes under a phone: its address goes, another comes; registration and call follow."""
import subprocess

from harness import OFFHOOK, check, equal, need, wait_until
from wire import Peer


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
                                     "wait incoming within=20s\nanswer\nwait reinvite within=20s\nwait ended within=20s\n")
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
    equal(bob.wait(20), 0, "bob's script")


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
    wait_until(lambda: phone.process.poll() is not None, "the phone ends", 15)
