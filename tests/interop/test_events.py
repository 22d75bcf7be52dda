"""Requests outside of calls against the scenarios of sipp/, in both roles: MESSAGE, SUBSCRIBE and NOTIFY, PUBLISH, REGISTER, OPTIONS."""
from harness import check, equal, sipp, sipp_ends, wait_until
from proxies import start_dns
from scenarios import FOLDER, PEER, TRANSPORTS, callee, caller, dial, phone_for, rows, start
from wire import Peer

BOB = f"sip:bob@127.0.0.1:{PEER}"


# ---- MESSAGE ----

def test_message_caller(bench):
    phone = phone_for(bench)
    for transport, _ in TRANSPORTS:
        sipp_ends(bench, caller(bench, "message_caller", transport=transport))
        equal([phone.event("message")["text"].strip() for _ in range(3)], ["hello", "two lines", "late"], "texts")
        equal(phone.event("typing")["state"], "active", "typing")


def test_message_callee(bench):
    phone = phone_for(bench)
    for transport, uri in TRANSPORTS:
        for name, event, code in (("message_callee", "message-sent", 200), ("message_later_callee", "message-sent", 202), ("message_refused_callee", "message-failed", 404)):
            process = callee(bench, name, transport=transport)
            phone.do(f"message {BOB}{uri} hello")
            equal(phone.event(event)["code"], code, "code")
            sipp_ends(bench, process)


# ---- SUBSCRIBE and NOTIFY ----

NOTIFIERS = (("presence", "notifier_presence", [("presence", "state", s) for s in ("available", "offline")]),
             ("dialog", "notifier_dialog", [("dialog-info", "state", s) for s in ("early", "confirmed", "terminated")]),
             ("message-summary", "notifier_summary", [("voicemail", "state", "waiting"), ("voicemail", "state", "none")]),
             ("reg", "notifier_reg", [("reg", "state", "active"), ("reg", "state", "terminated")]))


def test_notifiers(bench):
    phone = phone_for(bench)
    for package, name, events in NOTIFIERS:
        process = callee(bench, name)
        phone.do(f"subscribe {BOB} package={package} expires=600s")
        equal(phone.event("subscribed", package=package)["state"], "active", "state")
        for event, key, value in events:
            phone.event(event, **{key: value})
        phone.event("notify", package=package, type="text/html")
        before = len([e for e in phone.events if e["event"] == "notify"])
        phone.do(f"subscribe {BOB} package={package}")
        wait_until(lambda: len([e for e in phone.events if e["event"] == "notify"]) > before, "the NOTIFY of the refresh")
        phone.do(f"unsubscribe {BOB} package={package}")
        phone.event("notify", package=package, state="terminated")
        sipp_ends(bench, process)


def test_subscriptions_that_end(bench):
    """deactivated: asked for again at once; probation: after the second that it says; another that lived so short is left alone for longer, rejected for ever."""
    phone = phone_for(bench)
    process = callee(bench, "notifier_ends", *rows(bench, "deactivated", "rejected"), calls=2)
    phone.do(f"subscribe {BOB}")
    for _ in range(2):
        equal(phone.event("subscribed")["state"], "pending", "state")
    equal(phone.event("subscribe-failed", reason="rejected")["retry"], 0, "never again")
    sipp_ends(bench, process)
    process = callee(bench, "notifier_ends", *rows(bench, "probation", "giveup"), calls=2)
    phone.do(f"subscribe {BOB}")
    equal(phone.event("subscribe-failed", reason="probation")["retry"], 1, "as it says")
    check(phone.event("subscribe-failed", reason="giveup")["retry"] > 1, "longer the second time")
    sipp_ends(bench, process)


def test_subscribe_refused(bench):
    phone = phone_for(bench)
    process = callee(bench, "subscribe_refused")
    phone.do(f"subscribe {BOB} expires=60s")
    failed = phone.event("subscribe-failed")
    equal((failed["code"], failed["retry"]), (489, 0), "489 is the end")
    sipp_ends(bench, process)


def test_watchers(bench):
    """sipp watches: how we are, and a call of ours that ends meanwhile."""
    phone, seen = phone_for(bench), 0
    for transport, _ in TRANSPORTS:
        call = phone.do("call echo")["call"]
        phone.event("answered", call=call)
        for name, line in (("watcher_presence", "status away" if transport == "u1" else "status available"), ("watcher_dialog", f"hangup {call}")):
            process = caller(bench, name, transport=transport)
            seen += 1
            wait_until(lambda: str(phone.do("trace list")).count("489 Bad Event") >= seen, "up to the change")
            phone.do(line)
            sipp_ends(bench, process)


def test_subscribe_caller(bench):
    phone_for(bench)
    for transport, _ in TRANSPORTS:
        sipp_ends(bench, caller(bench, "subscribe_caller", transport=transport))


# ---- PUBLISH, REGISTER, OPTIONS ----

def test_publish(bench):
    process = callee(bench, "publish_server", calls=5)
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} registrar=none")
    phone.do("publish")
    phone.event("published")
    phone.do("status offline")
    wait_until(lambda: str(phone.do("trace list")).count("PUBLISH") >= 5, "changed, anew, refreshed")
    phone.do("publish off")
    sipp_ends(bench, process)


def test_registrar(bench):
    process = callee(bench, "registrar")
    phone = phone_for(bench, "set sip.gruu on", f"account add sip:alice@127.0.0.1:{PEER} password=wonder name=alice")
    equal(phone.event("registered")["expires"], 7200, "expires")
    phone.do("register")
    wait_until(lambda: str(phone.do("trace list")).count("REGISTER") >= 5, "refreshed")
    phone.do("unregister")
    phone.event("unregistered")
    sipp_ends(bench, process)


def test_calls_by_the_registrars_route(bench):
    """Service-Route, Path and GRUU of a binding, then a call by them."""
    process = callee(bench, "registrar")
    phone = phone_for(bench, "set sip.gruu on", f"account add sip:alice@127.0.0.1:{PEER} password=wonder name=alice")
    phone.event("registered")
    process.terminate()
    process.wait()
    process = callee(bench, "routed_callee")
    equal(phone.event("failed", call=dial(phone))["code"], 486, "code")
    sipp_ends(bench, process)


def test_another_server_after_503(bench):
    """RFC 3263 4.3, RFC 3261 21.5.4: the first server of the SRV records answers 503, the second takes the call; the next one goes to the second at once, as Retry-After asks."""
    start_dns(bench, "srv-host=_sip._udp.two.biloxi.com,one.biloxi.com,5080,1,1\nsrv-host=_sip._udp.two.biloxi.com,other.biloxi.com,5090,2,1\n"
                     "host-record=one.biloxi.com,127.0.0.1\nhost-record=other.biloxi.com,127.0.0.1\n")
    with open(f"{FOLDER}/refusal_callee.xml") as text:
        busy = text.read().replace("486 Busy Here", "503 Service Unavailable").replace("X-More: none", "Retry-After: 60")
    first = start(bench, bench.write("503.xml", busy))
    second = sipp(bench, "-sn", "uas", "-i", "127.0.0.1", "-p", "5090", "-m", "2", "-nostdin")
    phone = phone_for(bench)
    for _ in range(2):
        call = phone.do("call sip:bob@two.biloxi.com")["call"]
        phone.event("answered", call=call)
        phone.do(f"hangup {call}")
        phone.event("ended", call=call)
    sipp_ends(bench, first)
    sipp_ends(bench, second)


def test_registrar_refuses(bench):
    process = callee(bench, "registrar_refuses")
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} name=alice")
    failed = phone.event("register-failed")
    equal((failed["code"], failed["retry"] >= 1), (503, True), "503")
    phone.event("registered")
    wait_until(lambda: str(phone.do("trace list")).count("REGISTER") >= 3, "refreshed before it ends")
    phone.do("unregister")
    phone.event("unregistered")
    sipp_ends(bench, process)


def test_registrar_grants_nothing(bench):
    """A 200 whose Contact is ours with expires=0 is no registration: the phone says why, and comes again."""
    peer = Peer(PEER)
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} name=alice")
    register = peer.receive("REGISTER")
    peer.respond(register, 200, "OK", headers=(f"Contact: {register.get('Contact').replace(';expires=3600', ';expires=0')}",))
    failed = phone.event("register-failed")
    check(failed["retry"] >= 1 and "granted no time" in failed["why"], f"{failed}")


def test_options(bench):
    phone = phone_for(bench)
    for transport, uri in TRANSPORTS:
        process = callee(bench, "options_callee", transport=transport)
        equal(phone.do(f"options {BOB}{uri}")["code"], 200, "code")
        check("INVITE" in phone.event("response")["allow"], "what it can")
        sipp_ends(bench, process)
