"""RFC 5626, 5627 and 3608 with kamailio: flows, STUN and CRLF keep-alives, GRUU, Service-Route; proxies that fail and come back."""
from harness import check, equal, wait_until
from proxies import ALICE, ATLANTA, BILOXI, BOB, start_dns, start_proxy
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
        caller.event("answered")
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
    wait_until(lambda: phone.process.poll() is not None, "the phone ends", 15)


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
    wait_until(lambda: phone.process.poll() is not None, "the phone ends", 15)


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
        wait_until(lambda: phone.process.poll() is not None, "the phone ends", 15)

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
