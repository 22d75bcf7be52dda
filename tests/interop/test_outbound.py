"""RFC 5626, 5627 and 3608 with kamailio: flows, STUN and CRLF keep-alives, GRUU, Service-Route; proxies that fail and come back."""
import contextlib
import os
import signal
import subprocess

from harness import check, equal, wait_until
from proxies import ALICE, ATLANTA, BILOXI, BOB, DNS, start_dns, start_edge, start_proxy
from wire import Peer, Sniffer


def test_with_kamailio(bench):
    """The registrar agrees: GRUUs in Contact, its Service-Route in Route, keep-alives answered; calls go by the flows, both ends may end them."""
    start_dns(bench)
    start_proxy(bench, "biloxi.com", BILOXI, ["OUTBOUND", "DIGEST", "RECORD_ROUTE"])
    sniffer = Sniffer()
    bob = bench.phone(f"set sip.listen {BOB}:5060", "set media.ports 30000-30098", "account add sip:bob@biloxi.com password=secret transport=tcp")
    alice = bench.phone(f"set sip.listen {ALICE}:5060", "account add sip:alice@biloxi.com password=secret")
    bob.event("registered")
    alice.event("registered")
    for caller, called, name in ((alice, bob, "bob"), (bob, alice, "alice")):
        caller.do(f"call sip:{name}@biloxi.com")
        called.event("incoming")
        called.do("answer")
        caller.event("answered", direction="out")
        check(";gr=urn:uuid:" in caller.get("received.contact"), caller.get("received.contact"))
        caller.event("media")
        called.do("hold")
        caller.event("remote-held")
        called.do("hangup")
        caller.event("ended")
    invites = [m for m in sniffer.messages if m.method == "INVITE" and m.is_request and m.source.startswith(ALICE)]
    check(any(f"sip:{BILOXI}:5060;lr" in (m.get("Route") or "") for m in invites), "the Service-Route is the Route of alice's INVITE")
    registers = [m for m in sniffer.messages if m.method == "REGISTER" and m.is_request and m.source.startswith(ALICE)]
    check("reg-id=1" in registers[-1].get("Contact") and "+sip.instance" in registers[-1].get("Contact"), registers[-1].get("Contact"))
    equal(alice.quit(), 0, "alice's end")
    equal(bob.quit(), 0, "bob's end")


def called_by(caller, called, sniffer, edge):
    """A call to bob that is answered and ended; it came to him by this edge proxy. Returns the INVITE as he got it."""
    before = len(sniffer.messages)
    caller.do("call sip:bob@biloxi.com")
    called.event("incoming")
    called.do("answer")
    caller.event("answered", direction="out")
    called.event("answered", direction="in")
    called.do("hold")
    caller.event("remote-held")
    caller.do("hangup")
    called.event("ended")
    return [m for m in sniffer.messages[before:] if m.method == "INVITE" and m.is_request and m.destination == f"{edge}:5060" and m.source == f"{BILOXI}:5060"]


def test_path(bench):
    """RFC 3327: the registration passes an edge proxy that adds its Path; calls to the phone have that as their Route, and the phone answers through it."""
    start_dns(bench)
    start_proxy(bench, "biloxi.com", BILOXI, ["OUTBOUND", "EDGES"])
    start_edge(bench, ATLANTA)
    sniffer = Sniffer()
    bob = bench.phone(f"set sip.listen {BOB}:5060", "set media.ports 30000-30098", f"account add sip:bob@biloxi.com password=secret proxy=sip:{ATLANTA}")
    alice = bench.phone(f"set sip.listen {ALICE}:5060", "account add sip:alice@biloxi.com password=secret")
    bob.event("registered")
    alice.event("registered")
    register = next(m for m in sniffer.messages if m.method == "REGISTER" and m.is_request and m.destination == f"{ATLANTA}:5060")
    check("path" in register.get("Supported"), register.get("Supported"))
    passed = next(m for m in sniffer.messages if m.method == "REGISTER" and m.is_request and m.source == f"{ATLANTA}:5060")
    check(f"@{ATLANTA}" in passed.get("Path") or f"sip:{ATLANTA}" in passed.get("Path"), passed.get("Path"))
    answer = next(m for m in sniffer.messages if m.method == "REGISTER" and m.status == 200 and m.destination == f"{BOB}:5060")
    equal(answer.get("Path"), passed.get("Path"), "the registrar shows the Path to the phone")
    invites = called_by(alice, bob, sniffer, ATLANTA)
    equal(invites[0].get("Route"), passed.get("Path"), "the Path is the Route of the call to the phone")
    at_bob = [m for m in sniffer.messages if m.method == "INVITE" and m.is_request and m.destination == f"{BOB}:5060"]
    check(at_bob and all(m.source == f"{ATLANTA}:5060" for m in at_bob), "nothing else reaches him")
    check(any(ATLANTA in value for value in at_bob[0].all("Record-Route")), at_bob[0].all("Record-Route"))
    equal(bob.quit(), 0, "bob's end")
    equal(alice.quit(), 0, "alice's end")


def test_two_flows_by_edges(bench):
    """RFC 5626 with kamailio: a phone keeps flows to two edge proxies; one is killed: it registers anew at once, and calls come by the other flow."""
    start_dns(bench)
    start_proxy(bench, "biloxi.com", BILOXI, ["OUTBOUND", "EDGES"])
    edges = {ip: start_edge(bench, ip) for ip in (ATLANTA, DNS)}
    sniffer = Sniffer()
    bob = bench.phone(f"set sip.listen {BOB}:5060", "set media.ports 30000-30098",
                      f"account add sip:bob@biloxi.com password=secret transport=tcp proxy=\"sip:{ATLANTA};transport=tcp sip:{DNS};transport=tcp\"")
    alice = bench.phone(f"set sip.listen {ALICE}:5060", "account add sip:alice@biloxi.com password=secret")
    bob.event("registered")
    alice.event("registered")

    def passed():
        return [m for m in sniffer.messages if m.method == "REGISTER" and m.is_request and m.destination == f"{BILOXI}:5060" and "bob" in m.get("To")]
    wait_until(lambda: {m.source for m in passed()} == {f"{ATLANTA}:5060", f"{DNS}:5060"}, "both flows are registered")
    ids = {m.source.split(":")[0]: m.get("Contact").split("reg-id=")[1][0] for m in passed()}
    equal(ids, {ATLANTA: "1", DNS: "2"}, "the numbers of the flows")
    check(all(";ob" in m.get("Path") for m in passed()), [m.get("Path") for m in passed()])
    wait_until(lambda: "and by" in bob.do("show accounts")["text"], "shown")
    count = len(passed())
    first = edges[ATLANTA]
    for line in open(f"/proc/{first.pid}/task/{first.pid}/children").read().split():
        with contextlib.suppress(ProcessLookupError):  # one of them that is missed ends the others
            os.kill(int(line), signal.SIGKILL)
    first.kill()
    first.wait()
    wait_until(lambda: len(passed()) > count and passed()[-1].source == f"{DNS}:5060", "it registers anew by what is left")
    check(called_by(alice, bob, sniffer, DNS), "the call came by the flow that is left")
    equal(bob.quit(20), 0, "bob's end")
    equal(alice.quit(), 0, "alice's end")


def test_proxies_that_fail_and_come_back(bench):
    """The first proxy is dead: the second is asked at once; calls go there too; `show accounts` names it."""
    bench.need_namespace()
    second = Peer(5060, ATLANTA)
    phone = bench.phone(f"set sip.listen {ALICE}:5060", "account add sip:alice@biloxi.com password=x registrar=sip:192.0.2.53 "
                        f"proxy=\"sip:{BILOXI}:5999;transport=tcp sip:{ATLANTA}\"")
    failed = phone.event("register-failed")
    equal(failed["cause"], "connect", "why the first proxy failed")
    check(failed["retry"] > 0, failed)
    register = second.receive("REGISTER")
    equal(register.get("Route"), f"<sip:{ATLANTA};lr>", "the route by the second proxy")
    second.respond(register, 200, "OK", headers=[f"Contact: {register.get('Contact')}"])
    phone.event("registered")
    check(f"by sip:{ATLANTA};lr" in str(phone.do("show accounts")), phone.do("show accounts"))
    phone.do("call sip:bob@biloxi.com")
    invite = second.receive("INVITE")
    second.respond(invite, 486, "Busy Here")
    phone.event("failed")
    phone.process.stdin.close()
    wait_until(lambda: phone.process.poll() is not None, "the phone ends")


def test_a_call_goes_on_by_the_next_proxy(bench):
    """The first proxy has just died, and nothing but a call has noticed: the call goes on by the second, and so does the account."""
    bench.need_namespace()
    first, second = Peer(5060, BILOXI), Peer(5060, ATLANTA)
    phone = bench.phone(f"set sip.listen {ALICE}:5060", "set sip.t1 20ms", "set sip.t2 100ms",
                        f"account add sip:alice@biloxi.com password=x registrar=sip:192.0.2.53 proxy=\"sip:{BILOXI} sip:{ATLANTA}\"")
    register = first.receive("REGISTER")
    first.respond(register, 200, "OK", headers=[f"Contact: {register.get('Contact')}"])
    phone.event("registered")
    first.socket.close()
    call = phone.do("call sip:bob@biloxi.com")["call"]
    for method in ("INVITE", "REGISTER"):
        request = second.receive(method)
        equal(request.get("Route"), f"<sip:{ATLANTA};lr>", f"the route of {method}")
        if method == "INVITE":
            second.respond(request, 407, "Who?", headers=['Proxy-Authenticate: Digest realm="biloxi.com", nonce="1", qop="auth"'])
            again = second.receive("INVITE")
            check('username="alice"' in again.get("Proxy-Authorization"), "it is a proxy of ours that asks")
            second.respond(again, 486, "Busy Here")
        else:
            second.respond(request, 200, "OK", headers=[f"Contact: {request.get('Contact')}"])
    equal(phone.event("failed", call=call)["code"], 486, "how the call ends")
    phone.process.stdin.close()
    wait_until(lambda: phone.process.poll() is not None, "the phone ends")


def test_credentials_of_two_realms(bench):
    """A proxy and a registrar with realms of their own: each gets its own user and password."""
    bench.need_namespace()
    registrar = Peer(5060, BILOXI)
    phone = bench.phone(f"set sip.listen {ALICE}:5060", f"account add sip:alice@{BILOXI} password=one password@outer=two auth-user@outer=gate")
    first = registrar.receive("REGISTER")
    registrar.respond(first, 407, "Proxy Authentication Required", headers=['Proxy-Authenticate: Digest realm="outer", nonce="p1", algorithm=MD5'])
    second = registrar.receive("REGISTER")
    check('username="gate", realm="outer"' in second.get("Proxy-Authorization"), second.get("Proxy-Authorization"))
    registrar.respond(second, 401, "Unauthorized", headers=['WWW-Authenticate: Digest realm="inner", nonce="r1", algorithm=MD5'])
    third = registrar.receive("REGISTER")
    check('username="alice", realm="inner"' in third.get("Authorization"), third.get("Authorization"))
    check('username="gate", realm="outer"' in third.get("Proxy-Authorization"), third.get("Proxy-Authorization"))
    registrar.respond(third, 200, "OK", headers=[f"Contact: {third.get('Contact')}"])
    phone.event("registered")
    phone.process.stdin.close()
    wait_until(lambda: phone.process.poll() is not None, "the phone ends")


def test_two_phones_of_one_user(bench):
    """Phones that run at once with one state folder have names of their own, and each has its own again the next time."""
    registrar = Peer(5080)

    def start():
        phone = bench.phone("set sip.listen 127.0.0.1:0", "account add sip:alice@127.0.0.1:5080 password=x", args=("--stay", "--socket", "none"))
        register = registrar.receive("REGISTER")
        registrar.respond(register, 200, "OK", headers=[f"Contact: {register.get('Contact')};expires=600"])
        phone.event("registered")
        return phone, register.get("Contact").split("urn:uuid:")[1][:36]

    def stop(phone):
        phone.process.terminate()
        register = registrar.receive("REGISTER")
        registrar.respond(register, 200, "OK")
        wait_until(lambda: phone.process.poll() is not None, "the phone ends")

    first, one = start()
    second, two = start()
    check(one != two, "names of their own")
    stop(first)
    third, three = start()
    equal(three, one, "the first one's place is free again")
    stop(second)
    stop(third)
    again, four = start()
    equal(four, one, "alone it is the one that it was")
    stop(again)


def test_the_other_family_of_addresses(bench):
    """A host has AAAA and A, nobody answers at the first: the INVITE to the second names addresses of that family, in Via, Contact and for the sound."""
    start_dns(bench)
    for address in ("2001:db8::1", "2001:db8::2"):
        subprocess.run(["ip", "addr", "add", f"{address}/128", "dev", "lo", "nodad"], check=True)
    subprocess.run(["ip", "-6", "route", "add", "default", "dev", "lo", "src", "2001:db8::1"], check=False)
    peer = Peer(5080, "192.0.2.53")
    phone = bench.phone(f"set sip.listen {ALICE}:5060 [2001:db8::1]:5060", "set media.codecs PCMU")
    call = phone.do("call sip:bob@both.atlanta.com:5080 type=text/plain body=hello")["call"]
    invite = peer.receive("INVITE", 40)
    check("c=IN IP4 192.0.2.1" in invite.body and "IP6" not in invite.body, invite.body)
    check("hello" in invite.body, "what the user adds is there still")
    for name in ("Via", "Contact"):
        check(f"{ALICE}:5060" in invite.get(name) or f"@{ALICE}" in invite.get(name) or f"UDP {ALICE}" in invite.get(name), f"{name}: {invite.get(name)}")
    peer.respond(invite, 200, "OK", peer.sdp())
    phone.event("answered", call=call)
    peer.receive("ACK")
    tried = phone.do("trace list")["text"]
    check("2001:db8::2" in tried, f"the first address was asked before: {tried}")
    check("here        192.0.2.1:" in phone.do("show media")["text"], phone.do("show media")["text"])


def test_two_flows(bench):
    """A registrar that keeps flows and two proxies: two registrations with reg-ids of their own; calls come by either, and one always stands."""
    bench.need_namespace()
    proxies = [Peer(5060, BILOXI), Peer(5060, ATLANTA)]
    phone = bench.phone(f"set sip.listen {ALICE}:5060", f"account add sip:alice@biloxi.com password=x registrar=sip:192.0.2.53 proxy=\"sip:{BILOXI} sip:{ATLANTA}\"")

    def register(proxy, answer=200, expires=60):
        request = proxy.receive("REGISTER", 40)
        rows = [f"Contact: {request.get('Contact').replace(';expires=0', '')};expires={expires}", "Require: outbound"] if answer == 200 else []
        proxy.respond(request, answer, "OK" if answer == 200 else "Service Unavailable", headers=rows)
        return request

    one = register(proxies[0])
    two = register(proxies[1])
    check("reg-id=1" in one.get("Contact") and "reg-id=2" in two.get("Contact"), "reg-ids")
    equal(*(r.get("Contact").split("urn:uuid:")[1][:36] for r in (one, two)), "one instance")
    check(one.get("Call-ID") != two.get("Call-ID"), "registrations of their own")
    wait_until(lambda: f"by sip:{BILOXI};lr and by sip:{ATLANTA};lr" in phone.do("show accounts")["text"], "shown")
    for number, proxy in enumerate(proxies):
        proxy.request("INVITE", f"sip:alice@{ALICE}:5060", "<sip:alice@biloxi.com>", "<sip:bob@biloxi.com>;tag=b", f"in{number}", 1, (ALICE, 5060), proxy.sdp(),
                      ("P-Asserted-Identity: <sip:robert@biloxi.com>",))
        equal(phone.event("incoming")["identity"], "sip:robert@biloxi.com", "its word is believed")
        phone.do("reject")
        proxy.receive(486)
    # The first proxy goes away: the account goes on by the second at once, the spare flow follows when that stands.
    phone.do("register")
    register(proxies[0], 503)
    moved = register(proxies[1])
    check("reg-id=1" in moved.get("Contact"), "the first flow by the second proxy")
    spare = register(proxies[0])
    check("reg-id=2" in spare.get("Contact"), "the second by the first")
    phone.process.stdin.close()
    gone = {register(proxy, 200, 0).get("Contact").split("reg-id=")[1][0] for proxy in proxies}
    equal(gone, {"1", "2"}, "both bindings are removed")
    wait_until(lambda: phone.process.poll() is not None, "the phone ends")
