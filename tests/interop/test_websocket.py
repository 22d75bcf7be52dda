"""SIP over WebSocket, plain and secured: between phones, and through kamailio."""
from browser import Browser
from certificates import make_ca, make_certificate
from harness import check, equal, port_answers, wait_until
from proxies import ALICE, BILOXI, BOB, prepare_tls, start_dns, start_proxy


def test_calls_between_phones(bench):
    """ws and wss; Via and Contact name the transport; both sides may end the call."""
    bench.need_namespace()
    ca = make_ca(bench)
    bob = bench.phone(f"set tls.certificate {make_certificate(bench, 'bob', 'IP:192.0.2.4')}", "set sip.listen 192.0.2.4:5060 ws:192.0.2.4:8080 wss:192.0.2.4:8443",
                      "set media.ports 30000-30098")
    wait_until(lambda: port_answers(BOB, 8443), "bob listens")
    alice = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.1:5060")
    for target, protocol in (("sip:bob@192.0.2.4:8080;transport=ws", "WS"), ("sips:bob@192.0.2.4:8443;transport=ws", "WSS"),
                             ("sip:bob@192.0.2.4:8443;transport=wss", "WSS")):
        alice.do(f"call {target}")
        bob.event("incoming")
        bob.do("answer")
        alice.event("answered")
        check(alice.get("sent.via").startswith(f"SIP/2.0/{protocol} 192.0.2.1:"), alice.get("sent.via"))
        check("transport=ws" in alice.get("received.contact"), alice.get("received.contact"))
        alice.event("media")
        bob.do("hold")
        alice.event("remote-held")
        bob.do("hangup")
        alice.event("ended")
    alice.do("call sip:bob@192.0.2.4:5060;transport=ws")
    failed = alice.event("failed")
    check("does not speak HTTP" in failed["reason"] or "WebSocket handshake" in failed["reason"], failed)
    alice.quit()
    bob.quit()


def test_through_kamailio(bench):
    """Two phones registered by ws and by wss at kamailio's websocket module; ws-path; calls both ways."""
    start_dns(bench)
    prepare_tls(bench)
    start_proxy(bench, "biloxi.com", BILOXI, ["TLS", "WS", "DIGEST", "RECORD_ROUTE"])
    ca = bench.path("ca.pem")
    bob = bench.phone(f"set sip.listen {BOB}:5060", "set media.ports 30000-30098", "set sip.ws-path /ws",
                      "account add sip:bob@biloxi.com password=secret registrar=sip:biloxi.com:8080;transport=ws proxy=sip:biloxi.com:8080;transport=ws")
    alice = bench.phone(f"set sip.listen {ALICE}:5060", f"set tls.ca {ca}")
    alice.do("account add sip:alice@biloxi.com password=secret proxy=sip:biloxi.com:8443;transport=wss")
    failed = alice.event("register-failed")
    check("404" in failed["reason"] and "sip.ws-path" in failed["reason"], failed)
    alice.do("set sip.ws-path /ws")
    alice.do("register")
    bob.event("registered")
    alice.event("registered")
    for caller, called, name in ((alice, bob, "bob"), (bob, alice, "alice")):
        caller.do(f"call sip:{name}@biloxi.com")
        called.event("incoming")
        called.do("answer")
        caller.event("answered")
        caller.event("media")
        called.do("hangup")
        caller.event("ended")
    alice.quit()
    bob.quit()


def test_a_client_without_an_address(bench):
    """A client as browsers are: .invalid in Via and Contact, no Content-Length, messages in fragments. It is called back on its connection."""
    bench.need_namespace()
    bob = bench.phone("set sip.listen 192.0.2.4:5060 ws:192.0.2.4:8080", "set media.ports 30000-30098", "on incoming do answer")
    wait_until(lambda: port_answers(BOB, 8080), "bob listens")
    browser = Browser(BOB, 8080)
    browser.call("sip:bob@192.0.2.4", "192.0.2.1")
    bob.event("answered")
    bob.do("hangup")
    bye = browser.receive("BYE")
    check(bye.start.startswith(f"BYE sip:alice@{browser.name};transport=ws "), bye.start)
    browser.respond(bye, 200, "OK")
    bob.event("ended")
    equal(bob.quit(), 0, "the phone's end")
