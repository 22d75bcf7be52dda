"""SUBSCRIBE, NOTIFY and PUBLISH: against kamailio's presence server, scripted peers in both roles, and each other."""
import os
import shutil
import socket

from harness import OFFHOOK, Skip, check, equal, need, port_answers, wait_until
from wire import Peer

PHONE, PEER, OTHER = 5070, 5080, 5090
HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = "/usr/share/kamailio/dbtext/kamailio"
PIDF = ('<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@127.0.0.1"><tuple id="a"><status>'
        "<basic>{}</basic></status><note>{}</note></tuple></presence>")
INFO = ('<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{}" state="{}" entity="sip:bob@127.0.0.1">{}</dialog-info>')


def phone_for(bench, *lines, port=PHONE):
    phone = bench.phone(f"set sip.listen 127.0.0.1:{port}", "set call.accept any", *lines)
    wait_until(lambda: port_answers("127.0.0.1", port), "the phone listens")
    return phone


def presence_server(bench):
    need("kamailio")
    if not os.path.isdir(TABLES) or not any(os.path.exists(f"/usr/lib/{arch}/kamailio/modules/presence.so")
                                            for arch in ("x86_64-linux-gnu", "aarch64-linux-gnu")):
        raise Skip("no presence modules of kamailio on this machine")
    shutil.copytree(TABLES, bench.path("dbtext"))
    with open(os.path.join(HERE, "presence.cfg.in")) as text:
        config = bench.write("presence.cfg", text.read().replace("@FOLDER@", bench.folder))
    bench.start(["kamailio", "-f", config, "-DD", "-E", "-Y", bench.folder, "-P", bench.path("kamailio.pid"), "-u", "root", "-g", "root"], log="kamailio.log")
    wait_until(lambda: port_answers("127.0.0.1", 5060), "kamailio listens")


def account(name):
    return f"account add sip:{name}@127.0.0.1 password=secret"


def test_kamailio_presence(bench):
    """Published by one, watched by the other: digest, Expires, refresh of the tag, the end."""
    presence_server(bench)
    alice = phone_for(bench, account("alice"))
    bob = phone_for(bench, account("bob"), port=OTHER)
    for phone in (alice, bob):
        phone.event("registered")
    alice.do("subscribe bob")
    equal(alice.event("subscribed")["state"], "active", "subscribed")
    bob.do("publish")
    bob.event("published")
    equal(alice.event("presence", state="available")["from"], "sip:bob@127.0.0.1", "who")
    bob.do("status away back at ten")
    equal(alice.event("presence", state="away")["text"], "back at ten", "text")
    bob.do("status dnd")
    alice.event("presence", state="dnd")
    bob.do("publish off")
    wait_until(lambda: any(e.get("event") == "notify" and "open" not in e.get("body", "") for e in alice.events) or
               any(e.get("event") == "presence" and e["state"] in ("unknown", "offline") for e in alice.events), "the end of what was published")
    alice.do("unsubscribe bob")
    alice.event("notify", state="terminated")
    equal((alice.quit(), bob.quit()), (0, 0), "exit status")


def test_kamailio_refuses(bench):
    presence_server(bench)
    alice = phone_for(bench, account("alice"))
    alice.event("registered")
    alice.do("subscribe bob package=reg")
    failed = alice.event("subscribe-failed")
    equal((failed["code"], failed["retry"]), (489, 0), "489")


# ---- a notifier that says what the test makes it say ----

class Notifier(Peer):
    def accept(self, expires=600, status=200, phrase="OK", headers=()):
        self.subscribe = self.receive("SUBSCRIBE")
        self.respond(self.subscribe, status, phrase, headers=[f"Expires: {expires}", *headers])
        return self.subscribe

    def notify(self, state, body="", type=None, event=None, cseq=None, tag=None):
        self.cseq = cseq or getattr(self, "cseq", 0) + 1
        me, you = self.subscribe.get("To").split(";tag=")[0] + f";tag={tag or self.tag}", self.subscribe.get("From")
        self.branches += 1
        target = self.subscribe.get("Contact").split("<")[1].split(">")[0]
        rows = [f"NOTIFY {target} SIP/2.0", f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bKn{self.tag}{self.branches}", "Max-Forwards: 70",
                f"From: {me}", f"To: {you}", f"Call-ID: {self.subscribe.get('Call-ID')}", f"CSeq: {self.cseq} NOTIFY",
                f"Contact: <sip:bob@{self.host}:{self.port}>", f"Event: {event or self.subscribe.get('Event')}", f"Subscription-State: {state}",
                *([f"Content-Type: {type}"] if type else []), f"Content-Length: {len(body.encode())}", "", ""]
        self.socket.sendto("\r\n".join(rows).encode() + body.encode(), ("127.0.0.1", PHONE))


def test_notify_before_the_answer(bench):
    bob, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    bob.subscribe = bob.receive("SUBSCRIBE")
    bob.notify("active;expires=600", PIDF.format("open", "here"), "application/pidf+xml")
    bob.receive(200)
    equal(phone.event("presence")["text"], "here", "text")
    bob.respond(bob.subscribe, 200, "OK", headers=["Expires: 600"])
    phone.event("subscribed")
    bob.notify("active;expires=600", PIDF.format("closed", ""), "application/pidf+xml")
    bob.receive(200)
    phone.event("presence", state="offline")
    bob.notify("active;expires=600", "<presence", "application/pidf+xml")
    bob.receive(400)
    bob.notify("active;expires=600", "x", "text/html")
    bob.receive(415)
    phone.do("unsubscribe all")
    equal(bob.accept(0).get("Expires"), "0", "Expires")
    bob.notify("terminated;reason=timeout")
    bob.receive(200)
    equal(phone.quit(), 0, "exit status")


def test_terminated_for_good(bench):
    bob, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    bob.accept()
    bob.notify("pending;expires=600")
    equal(phone.event("subscribed")["state"], "pending", "pending")
    bob.notify("terminated;reason=rejected")
    failed = phone.event("subscribe-failed")
    equal((failed["reason"], failed["retry"]), ("rejected", 0), "rejected")
    bob.nothing("SUBSCRIBE", 1)


def test_bare_200_is_no_subscription(bench):
    """A registrar that answers SUBSCRIBE with 200 and never notifies: no second SUBSCRIBE for minutes."""
    bob, phone = Notifier(PEER), phone_for(bench, "set sip.t1 20ms")
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    bob.accept()
    failed = phone.event("subscribe-failed")
    check(failed["retry"] >= 300 and "NOTIFY" in failed["reason"], failed)
    bob.nothing("SUBSCRIBE", 2)


def test_notify_storm(bench):
    """A notifier that never stops: each NOTIFY is answered, memory stays, the last state stands, and what came out of order changes nothing."""
    bob, phone = Notifier(PEER), phone_for(bench, "set trace.keep 1M")
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    bob.accept()
    bob.notify("active;expires=600", PIDF.format("open", "first"), "application/pidf+xml")
    bob.receive(200)
    phone.event("presence", text="first")
    statuses, before = {}, 0
    for number in range(20000):
        bob.notify("active;expires=600", PIDF.format("open" if number % 2 else "closed", "x" * 200 + str(number)), "application/pidf+xml")
        if number % 50 == 49:
            count(bob.socket, statuses, 0.02)
        if number == 4999:
            before = rss(phone)
    count(bob.socket, statuses, 1.0)
    equal(set(statuses), {200}, "answers")
    check(statuses[200] > 15000, f"answered: {statuses}")
    check(rss(phone) - before < 12000, f"memory grew from {before} to {rss(phone)} kB")
    # An older one is refused and changes nothing (12.2.2); the storm has not hurried a refresh.
    bob.notify("active;expires=600", PIDF.format("closed", "old"), "application/pidf+xml", cseq=3)
    bob.receive(500)
    bob.notify("active;expires=600", PIDF.format("open", "last"), "application/pidf+xml", cseq=30000)
    bob.receive(200)
    phone.event("presence", text="last", within=30)
    check(not any(m.method == "SUBSCRIBE" for m in bob.pending), "no SUBSCRIBE came of it")
    equal(len([row for row in phone.do("show subscriptions")["text"].splitlines() if "bob" in row]), 1, "one subscription")
    check("came: " in phone.do("show transactions")["text"], "counted")
    call = phone.do("call echo")["call"]
    phone.event("answered", call=call)


def test_voicemail(bench):
    """The lamp of an account: subscribed once it is registered, unsolicited from its own server too."""
    server, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"account add sip:alice@127.0.0.1 registrar=sip:127.0.0.1:{PEER} voicemail=sip:box@127.0.0.1:{PEER}")
    register = server.receive("REGISTER")
    server.send("\r\n".join(["SIP/2.0 200 OK", *[f"Via: {v}" for v in register.all("Via")], f"From: {register.get('From')}",
                             f"To: {register.get('To')};tag=r", f"Call-ID: {register.get('Call-ID')}", f"CSeq: {register.get('CSeq')}",
                             f"Contact: {register.get('Contact')}", "Content-Length: 0", "", ""]), register.source)
    phone.event("registered")
    equal(server.accept().get("Event"), "message-summary", "package")
    server.notify("active;expires=600", "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/0)\r\n", "application/simple-message-summary")
    lamp = phone.event("voicemail")
    equal((lamp["new"], lamp["old"], lamp["state"], lamp["account"]), (2, 8, "waiting", "alice@127.0.0.1"), "voicemail")
    check("2 new, 8 old" in phone.do("show accounts")["text"], phone.do("show accounts"))
    body = "Messages-Waiting: no\r\nVoice-Message: 0/8\r\n"
    rows = [f"NOTIFY sip:alice@127.0.0.1:{PHONE} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{PEER};branch=z9hG4bKstray", "Max-Forwards: 70",
            "From: <sip:box@127.0.0.1>;tag=s", "To: <sip:alice@127.0.0.1>", "Call-ID: stray", "CSeq: 1 NOTIFY", "Event: message-summary",
            f"Contact: <sip:box@127.0.0.1:{PEER}>", "Subscription-State: active", "Content-Type: application/simple-message-summary"]
    raw = "\r\n".join([*rows, f"Content-Length: {len(body)}", "", ""]) + body
    server.socket.sendto(raw.encode(), ("127.0.0.1", PHONE))
    server.receive(200)
    equal(phone.event("voicemail")["state"], "none", "the lamp is out")


def test_dialog_info_and_pickup(bench):
    """A watched line rings: pickup sends INVITE with Replaces;early-only to the caller."""
    bob, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER} package=dialog")
    bob.accept()
    bob.notify("active;expires=600", INFO.format(0, "full", ""), "application/dialog-info+xml")
    equal(phone.event("dialog-info")["state"], "terminated", "idle")
    phone.refused(f"pickup sip:bob@127.0.0.1:{PEER}")
    ringing = ('<dialog id="x" call-id="c1" local-tag="lt" remote-tag="rt" direction="recipient"><state>early</state><local>'
               f'<target uri="sip:bob@127.0.0.1:{PEER}"/></local><remote><identity>sip:carol@x.com</identity><target uri="sip:carol@127.0.0.1:{OTHER}"/>'
               "</remote></dialog>")
    bob.notify("active;expires=600", INFO.format(1, "partial", ringing), "application/dialog-info+xml")
    event = phone.event("dialog-info")
    equal((event["state"], event["direction"], event["peer"]), ("early", "in", "sip:carol@x.com"), "ringing")
    other = Peer(OTHER)
    phone.do(f"pickup sip:bob@127.0.0.1:{PEER}")
    invite = other.receive("INVITE")
    equal(invite.get("Replaces"), "c1;to-tag=rt;from-tag=lt;early-only", "Replaces")
    check("replaces" in invite.get("Require"), "Require")
    other.respond(invite, 486, "Busy Here")
    # Identifiers that are none make no header field.
    for number, (good, bad) in enumerate((('"c1"', '"c1&#13;&#10;X: y"'), ('"rt"', '"rt;from-tag=z"'), ('"lt"', '"l t"'))):
        bob.notify("active;expires=600", INFO.format(2 + number, "full", ringing.replace(good, bad)), "application/dialog-info+xml")
        bob.receive(200)
        phone.refused(f"pickup sip:bob@127.0.0.1:{PEER}")
    # A version was missed: a full document is asked for.
    bob.notify("active;expires=600", INFO.format(7, "partial", ""), "application/dialog-info+xml")
    bob.accept()
    # A server that never sends one does not keep us busy: it is asked again after a pause.
    for version in (9, 11, 13):
        bob.notify("active;expires=600", INFO.format(version, "partial", ""), "application/dialog-info+xml")
        bob.receive(200)
    bob.nothing("SUBSCRIBE", 0.5)


def test_pickup_goes_where_it_may_cost_nothing(bench):
    """A watched line names a caller at a third host: nothing is dialled there unasked."""
    bob, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER} package=dialog")
    bob.accept()
    ringing = ('<dialog id="x" call-id="c1" local-tag="lt" remote-tag="rt" direction="recipient"><state>early</state><remote><identity>sip:1900@x.com</identity>'
               f'<target uri="sip:1900@192.0.2.3:{OTHER}"/></remote></dialog>')
    bob.notify("active;expires=600", INFO.format(0, "full", ringing), "application/dialog-info+xml")
    phone.event("dialog-info", state="early")
    error = phone.refused(f"pickup sip:bob@127.0.0.1:{PEER}")
    check("sip:1900@192.0.2.3" in error["message"] and "anywhere=yes" in error["message"], f"what it is: {error}")
    other = Peer(OTHER, "192.0.2.3")
    phone.do(f"pickup sip:bob@127.0.0.1:{PEER} anywhere=yes")
    check(other.receive("INVITE").start.startswith("INVITE sip:1900@192.0.2.3"), "as was said")


def test_pickup_by_prefix(bench):
    other, phone = Peer(PEER), phone_for(bench, "set pickup.prefix **")
    phone.do(f"pickup sip:204@127.0.0.1:{PEER}")
    check(other.receive("INVITE").start.startswith(f"INVITE sip:**204@127.0.0.1:{PEER}"), "the prefix")


def test_two_phones(bench):
    """We watch each other: status and line."""
    alice, bob = phone_for(bench), phone_for(bench, "set call.auto-answer on", port=OTHER)
    alice.do(f"subscribe sip:bob@127.0.0.1:{OTHER}")
    alice.do(f"subscribe sip:bob@127.0.0.1:{OTHER} package=dialog")
    alice.event("presence", state="available")
    alice.event("dialog-info", state="terminated")
    bob.do("status busy")
    alice.event("presence", state="busy")
    bob.do("status available")
    carol = phone_for(bench, port=5095)
    carol.do(f"call sip:bob@127.0.0.1:{OTHER}")
    alice.event("dialog-info", state="confirmed")
    carol.do("hangup")
    alice.event("dialog-info", state="terminated")
    check("dialog" in bob.do("show subscriptions")["text"], "who watches us is shown")
    equal(bob.quit(), 0, "exit status")
    alice.event("subscribe-failed", package="presence")
    equal((alice.quit(), carol.quit()), (0, 0), "exit status")


def test_pickup_between_phones(bench):
    """Carol calls Bob, it rings there, Alice takes the call."""
    alice, bob, carol = phone_for(bench), phone_for(bench, port=OTHER), phone_for(bench, port=5095)
    alice.do(f"subscribe sip:bob@127.0.0.1:{OTHER} package=dialog")
    alice.event("dialog-info", state="terminated")
    carol.do(f"call sip:bob@127.0.0.1:{OTHER}")
    carol.event("ringing")
    alice.event("dialog-info", state="early")
    call = alice.do(f"pickup sip:bob@127.0.0.1:{OTHER}")["call"]
    alice.event("answered", call=call)
    carol.event("answered")
    alice.event("dialog-info", state="terminated")


def between(bench):
    """Alice with the tone 440 and Bob with 660, registered, talk; Carol is registered too."""
    presence_server(bench)
    phones = [phone_for(bench, account(name), f"set audio.input tone:{hz}", "set media.codecs PCMU", port=port)
              for name, hz, port in (("alice", 440, PHONE), ("bob", 660, OTHER), ("carol", 880, 5095))]
    for phone in phones:
        phone.event("registered")
    alice, bob, _ = phones
    alice.do(f"call sip:bob@127.0.0.1:{OTHER}")
    bob.event("incoming")
    bob.do("answer")
    alice.event("answered")
    return phones


def hears(phone, hz):
    wait_until(lambda: abs(float(phone.get("tone.hz")) - hz) < 10, f"a tone of {hz} Hz is the strongest")


def test_join_between_phones(bench):
    """Alice and Bob talk, Carol watches Bob's line and joins: Bob lets her in, all three are in one conversation."""
    alice, bob, carol = between(bench)
    error = carol.refused(f"join sip:bob@127.0.0.1:{OTHER}")
    check("subscribe" in error["message"], "what to do first is said")
    carol.do(f"subscribe sip:bob@127.0.0.1:{OTHER} package=dialog")
    carol.event("dialog-info", state="confirmed")
    call = carol.do(f"join sip:bob@127.0.0.1:{OTHER}")["call"]
    event = bob.event("incoming")
    equal(event["join"], "1", "which call is meant")
    check("wants to take part in call 1" in bob.do("show call 2")["text"], "shown")
    bob.do("answer")
    equal(bob.event("joined")["call"], 2, "joined")
    carol.event("answered", call=call)
    equal([c["conference"] for c in bob.do("show calls")], [True, True], "one conference")
    check(not any(e.get("event") == "held" for e in bob.events), "nobody was put on hold")
    bob.do("mute")
    hears(carol, 440)
    hears(alice, 880)
    bob.do("hangup 2")
    carol.event("ended")
    equal([c["conference"] for c in bob.do("show calls")], [False], "a call as any other")
    # Whoever is not wanted gets 486; nobody at all with call.allow-join off.
    carol.do(f"join sip:bob@127.0.0.1:{OTHER}")
    bob.event("incoming")
    bob.do("reject")
    equal(carol.event("failed")["code"], 486, "rejected")
    bob.do("set call.allow-join off")
    carol.do(f"join sip:bob@127.0.0.1:{OTHER}")
    equal(carol.event("failed")["code"], 603, "off")
    bob.do("set call.allow-join on")
    carol.do(f"join sip:bob@127.0.0.1:{OTHER}")
    bob.event("joined")
    carol.event("answered")
    carol.do("hangup")
    bob.event("ended")
    # What the account says goes before.
    bob.do("account set bob@127.0.0.1 call.allow-join=off")
    bob.event("registered")
    carol.do(f"join sip:bob@127.0.0.1:{OTHER}")
    equal(carol.event("failed")["code"], 603, "off for this account")


def test_join_without_a_server(bench):
    """Two phones of one user on one machine know each other's calls by name; what comes by a proxy, or says so, does not."""
    bob = phone_for(bench, "set call.auto-answer on", "set call.allow-join on", "set audio.input tone:440")
    carol = bench.phone("set sip.listen 127.0.0.1:5095", "set audio.input tone:880")
    bob.do("call echo")
    bob.event("media")
    bob.do("hangup")
    peer = Peer(OTHER)
    bob.do(f"call sip:zed@127.0.0.1:{OTHER}")
    invite = peer.receive("INVITE")
    peer.respond(invite, 200, "OK", peer.sdp())
    peer.receive("ACK")
    carol.do(f"subscribe sip:bob@127.0.0.1:{PHONE} package=dialog")
    carol.event("dialog-info", state="confirmed")
    carol.do(f"join sip:bob@127.0.0.1:{PHONE}")
    bob.event("joined")
    carol.event("answered")
    for number, vias in enumerate(((), (f"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKbehind",))):
        peer.request("SUBSCRIBE", f"sip:bob@127.0.0.1:{PHONE}", f"<sip:bob@127.0.0.1:{PHONE}>", f"<sip:x@127.0.0.1:{OTHER}>;tag=w", f"names{number}", 1, ("127.0.0.1", PHONE), "",
                     ("Event: dialog", "Expires: 600", *vias))
        notify = peer.receive("NOTIFY")
        while notify.get("Call-ID") != f"names{number}":  # that of before, once more
            notify = peer.receive("NOTIFY")
        peer.respond(notify, 200, "OK")
        equal(invite.get("Call-ID") in notify.body, not vias, f"the name of the call is told {'to a proxy' if vias else 'straight'}")


def test_join_by_refer(bench):
    """Alice asks Carol to take part: a REFER whose target names the call by Join."""
    alice, bob, carol = between(bench)
    names = [alice.get(f"sent.{name}").split("tag=")[1] for name in ("From", "To")]
    join = f"{alice.get('sent.Call-ID')}%3Bto-tag%3D{names[0]}%3Bfrom-tag%3D{names[1]}"
    alice.do(f"refer sip:carol@127.0.0.1:5095 to=<sip:alice@127.0.0.1:{PHONE}?Join={join}>")
    carol.event("refer")
    carol.do("accept-transfer")
    equal(alice.event("incoming")["join"], "1", "which call is meant")
    alice.do("answer")
    alice.event("joined")
    carol.event("answered")
    alice.do("mute")
    hears(carol, 660)
    bob.do("hangup")
    alice.event("ended")


def test_join_from_outside(bench):
    """What names no call of ours gets 481, Require: join is understood, Supported says so."""
    phone, peer = phone_for(bench), Peer(PEER)
    me, to = ("127.0.0.1", PHONE), f"<sip:offhook@127.0.0.1:{PHONE}>"
    for number, (lines, status) in enumerate(((("Join: x;to-tag=a;from-tag=b", "Require: join"), 481), (("Join: x",), 400),
                                              (("Join: x;to-tag=a;from-tag=b", "Replaces: x;to-tag=a;from-tag=b"), 400))):
        peer.request("INVITE", f"sip:offhook@127.0.0.1:{PHONE}", to, "<sip:x@127.0.0.1>;tag=x", f"join{number}", 1, me, peer.sdp(), lines)
        peer.receive(status)
    peer.request("OPTIONS", f"sip:offhook@127.0.0.1:{PHONE}", to, "<sip:x@127.0.0.1>;tag=x", "options", 1, me, "")
    check("join" in peer.receive(200).get("Supported"), "Supported")
    equal(phone.quit(), 0, "exit status")


def test_one_look(bench):
    """expires=none: one NOTIFY, and that is no failure."""
    bob, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER} expires=none")
    equal(bob.accept(0).get("Expires"), "0", "Expires")
    bob.notify("terminated;reason=timeout", PIDF.format("open", "seen"), "application/pidf+xml")
    bob.receive(200)
    equal(phone.event("presence")["text"], "seen", "text")
    phone.do("sleep 200ms")
    check(not any(e.get("event") == "subscribe-failed" for e in phone.events), "that is no failure")
    check("no subscriptions" in phone.do("show subscriptions")["text"], "nothing is left")


def test_why_of_a_subscription(bench):
    bob, phone = Notifier(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    bob.accept(status=503, phrase="Service Unavailable", headers=["Retry-After: 120"])
    phone.event("subscribe-failed")
    text = phone.do("why")["text"]
    check("503 Service Unavailable. The server is overloaded" in text and text.endswith("It asks to try again in 120 s."), text)
    check(" waiting       120 s " in phone.do("show subscriptions")["text"], "when it is asked for again")


def test_scripts_end_with_what_became_of_it(bench):
    """A script that subscribes and ends does not do so before it knows whether that works."""
    listen, where = f"set sip.listen 127.0.0.1:{PHONE}", f"sip:bob@127.0.0.1:{PEER}"
    status, _, errors = bench.script(listen, f"subscribe {where}")
    equal(status, 4, "where nothing listens")
    check("is not watched" in errors, errors)
    status, out, _ = bench.script(listen, f"subscribe {where}", "wait subscribe-failed within=30s", "echo $code")
    equal((status, out.strip()), (0, "503"), "a failure that was waited for")
    bob, path = Notifier(PEER), bench.write("watch.call", f"{listen}\nsubscribe {where}\n")
    script = bench.start([OFFHOOK, "-n", "-f", path], log="watch.log")
    bob.accept()
    bob.notify("active;expires=600")
    equal(bob.receive("SUBSCRIBE").get("Expires"), "0", "it is told now, so the script is over")
    script.terminate()


class Watcher(Peer):
    """Who asks from another host than ours to see the calls of alice."""

    def ask(self, number, event="dialog", accept=(), who="x"):
        self.request("SUBSCRIBE", f"sip:alice@127.0.0.1:{PHONE}", "<sip:alice@127.0.0.1>", f"<sip:{who}@192.0.2.1>;tag={number}", f"w{number}", 1, ("127.0.0.1", PHONE), "",
                     (f"Event: {event}", "Expires: 600", *accept))
        others = []
        while True:
            answer = self.receive()
            if not answer.is_request and answer.get("Call-ID") == f"w{number}":
                self.pending += others
                return answer.status
            others.append(answer)

    def told(self, number):
        """The next NOTIFY of this subscription: its state and its body."""
        while True:
            notify = self.receive("NOTIFY")
            self.respond(notify, 200, "OK")
            if notify.get("Call-ID") == f"w{number}":
                return notify.get("Subscription-State").split(";expires")[0], notify.body


def test_who_may_watch_our_calls(bench):
    """Whom we talk to is told to our own server; contacts, who only say that they are, are asked about; others get 403. How we are is told to whom call.accept
    lets in."""
    phone = phone_for(bench, "set call.accept known", "account add sip:alice@127.0.0.1 registrar=none")
    watcher = Watcher(5080, "192.0.2.1")
    equal(watcher.ask(1), 403, "a stranger's look at our calls")
    equal(watcher.ask(2, "presence"), 200, "presence")
    equal(watcher.ask(3, "presence", ("Accept: text/html",)), 406, "what we cannot write")
    phone.do("contact add X sip:x@192.0.2.1")
    equal(watcher.ask(4), 200, "a contact's look")
    equal(watcher.told(4), ("pending", ""), "nothing is told yet")
    event = phone.event("watch-request")
    equal((event["from"], event["package"]), ("sip:x@192.0.2.1", "dialog"), "who asks")
    check(f"accept-watcher {event['watcher']}" in phone.do("show subscriptions")["text"], "shown")
    phone.do("call echo")
    phone.event("answered")
    phone.do("accept-watcher")
    state, body = watcher.told(4)
    check(state == "active" and "<dialog-info" in body, f"told now: {state} {body}")
    phone.refused("accept-watcher")
    equal(watcher.ask(5), 200, "another look")
    equal(watcher.told(5)[0], "pending", "another look")
    phone.do(f"refuse-watcher {phone.event('watch-request')['watcher']}")
    equal(watcher.told(5)[0], "terminated;reason=rejected", "refused")
    phone.do("set call.watchers known")
    equal(watcher.ask(6), 200, "a contact that is believed")
    equal(watcher.told(6)[0], "active", "a contact that is believed")
    phone.do("set call.watchers off")
    equal(watcher.ask(7), 403, "nobody")


def test_who_asks_to_watch_is_bounded(bench):
    """One host has two that wait, all hosts eight: the oldest give way."""
    phone = phone_for(bench)
    watcher = Watcher(5080, "192.0.2.1")
    for number in range(1, 4):
        equal(watcher.ask(number, who=f"x{number}"), 200, "taken")
    equal(watcher.told(1)[0], "pending", "the first one")
    equal(watcher.told(1)[0], "terminated;reason=giveup;retry-after=600", "the first one has to make room")
    error = phone.refused("accept-watcher")["message"]
    check("2 (sip:x2@192.0.2.1), 3 (sip:x3@192.0.2.1)" in error, f"the choices are named: {error}")
    phone.do("refuse-watcher 2")
    phone.do("accept-watcher")
    while watcher.told(3)[0] != "active":
        pass
    equal(phone.quit(), 0, "exit status")


def test_who_watches_our_calls_cannot_take_them(bench):
    """The identifiers of a dialog are a key to it (Replaces): a watcher that is neither our server nor, straight and on this machine, our own user
    gets those of what rings here, no others."""
    phone, watcher, peer = phone_for(bench, "set media.codecs PCMU"), Peer(PEER), Peer(OTHER)
    number = phone.do(f"call sip:peer@127.0.0.1:{OTHER}")["call"]
    invite = peer.receive("INVITE")
    peer.respond(invite, 180, "Ringing")
    phone.event("ringing", call=number)
    watcher.request("SUBSCRIBE", f"sip:offhook@127.0.0.1:{PHONE}", f"<sip:offhook@127.0.0.1:{PHONE}>", "<sip:watcher@127.0.0.1>;tag=w", "watch", 1, ("127.0.0.1", PHONE), "",
                    ("Event: dialog", "Expires: 600", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKstranger"))
    watcher.receive(200)

    def told(state):
        while True:
            notify = watcher.receive("NOTIFY")
            watcher.respond(notify, 200, "OK")
            if f"<state>{state}</state>" in notify.body:
                return notify.body
    outside = told("early")
    peer.respond(invite, 200, "OK", peer.sdp())
    phone.event("answered", call=number)
    confirmed = told("confirmed")
    for body in (outside, confirmed):
        check(f"sip:peer@127.0.0.1:{OTHER}" in body, "who it is")
        check("call-id" not in body and "local-tag" not in body and "remote-tag" not in body, f"no identifiers: {body}")
    phone.do("hangup")
    peer.respond(peer.receive("BYE"), 200, "OK")
    peer.request("INVITE", f"sip:offhook@127.0.0.1:{PHONE}", f"<sip:offhook@127.0.0.1:{PHONE}>", "<sip:peer@127.0.0.1>;tag=in", "rings", 1, ("127.0.0.1", PHONE), peer.sdp())
    phone.event("incoming")
    check('call-id="rings"' in told("early"), "what rings can be picked up")


def test_publish_forgotten(bench):
    """412: published anew without SIP-If-Match; 423: for longer."""
    server, phone = Peer(PEER), phone_for(bench)
    phone.do(f"account add sip:alice@127.0.0.1:{PEER} registrar=none")
    phone.do("publish")
    first = server.receive("PUBLISH")
    server.respond(first, 423, "Interval Too Brief", headers=["Min-Expires: 7200"])
    longer = server.receive("PUBLISH")
    equal(longer.get("Expires"), "7200", "Expires")
    check("<basic>open</basic>" in longer.body, "the body again")
    server.respond(longer, 200, "OK", headers=["Expires: 7200", "SIP-ETag: one"])
    phone.event("published")
    phone.do("status offline")
    changed = server.receive("PUBLISH")
    equal(changed.get("SIP-If-Match"), "one", "SIP-If-Match")
    server.respond(changed, 412, "Conditional Request Failed")
    anew = server.receive("PUBLISH")
    check(anew.get("SIP-If-Match") is None and "<basic>closed</basic>" in anew.body, "published anew")
    server.respond(anew, 200, "OK", headers=["Expires: 7200", "SIP-ETag: two"])
    phone.do("publish off")
    gone = server.receive("PUBLISH")
    equal((gone.get("SIP-If-Match"), gone.get("Expires"), gone.body), ("two", "0", ""), "removal")
    server.respond(gone, 200, "OK")
    equal(phone.event("unpublished")["code"], 200, "gone")
    equal(phone.quit(), 0, "exit status")


def test_publish_off_is_waited_for(bench):
    """A script waits for what becomes of `publish off`, and is told of a server that does not take it back."""
    server = Peer(PEER)
    answers = {"200 OK": (0, "the status is no longer published"), "403 Forbidden": (4, "the status may be published still: 403 Forbidden")}
    for answer, (status, words) in answers.items():
        path = bench.write("off.call", f"set sip.listen 127.0.0.1:{PHONE}\naccount add sip:alice@127.0.0.1:{PEER} registrar=none\npublish\n"
                                       "wait published within=30s\npublish off\n")
        script = bench.start([OFFHOOK, "-n", "-v", "-f", path], log="off.log")
        server.respond(server.receive("PUBLISH"), 200, "OK", headers=["Expires: 600", "SIP-ETag: one"])
        gone = server.receive("PUBLISH")
        equal((gone.get("SIP-If-Match"), gone.get("Expires")), ("one", "0"), "removal")
        server.respond(gone, int(answer.split()[0]), answer.split()[1])
        equal(script.wait(30), status, bench.log_of(script))
        check(words in bench.log_of(script), bench.log_of(script))


def test_why_of_a_status(bench):
    server, phone = Peer(PEER), phone_for(bench)
    phone.do(f"account add sip:alice@127.0.0.1:{PEER} registrar=none")
    phone.do("publish")
    server.respond(server.receive("PUBLISH"), 503, "Service Unavailable", headers=["Retry-After: 120"])
    equal(phone.event("publish-failed")["retry"], 120, "the next try")
    text = phone.do("why")["text"]
    check("cannot be published: 503 Service Unavailable. The server" in text and text.endswith("It asks to try again in 120 s."), text)


def test_floods(bench):
    """SUBSCRIBEs of a stranger and NOTIFYs of nothing: bounded, answered, and the phone goes on."""
    phone = phone_for(bench, "set call.accept any")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("192.0.2.1", 5080))
    statuses = {}
    before = rss(phone)
    for number in range(6000):
        method = "SUBSCRIBE" if number % 2 else "NOTIFY"
        text = (f"{method} sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKf{number}\r\nMax-Forwards: 70\r\n"
                f"From: <sip:x@192.0.2.1>;tag={number}\r\nTo: <sip:alice@127.0.0.1>{'' if number % 2 else ';tag=z'}\r\nCall-ID: f{number}\r\n"
                f"CSeq: 1 {method}\r\nContact: <sip:x@192.0.2.1:5080>\r\nEvent: presence\r\nSubscription-State: active\r\nExpires: 600\r\n"
                "Content-Length: 0\r\n\r\n")
        sock.sendto(text.encode(), ("127.0.0.1", PHONE))
        if number % 40 == 39:
            count(sock, statuses)
    count(sock, statuses, 1.0)
    check(statuses.get(200, 0) <= 64, f"a stranger holds a quarter of the subscriptions at most: {statuses}")
    check(statuses.get(503, 0) > 0 and statuses.get(481, 0) > 0, statuses)
    check(rss(phone) - before < 60000, f"memory grew from {before} to {rss(phone)} kB")
    equal(phone.do("get calls.count") is not None, True, "it goes on")


def count(sock, statuses, within=0.05):
    sock.settimeout(within)
    try:
        while True:
            start = sock.recvfrom(65536)[0].split(b"\r\n", 1)[0]
            if start.startswith(b"SIP/2.0"):
                statuses[int(start.split()[1])] = statuses.get(int(start.split()[1]), 0) + 1
    except OSError:
        pass


def rss(phone):
    with open(f"/proc/{phone.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
