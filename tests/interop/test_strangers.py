"""What other people's test suites send: each request on its own, the answer that the RFC asks for, and a phone that lives on."""
import re
import socket
import subprocess
import time

from harness import OFFHOOK, Failed, check, equal, wait_until
from sessions import PEER, PHONE, PHONE_AT, Dialog, hang_up, peer_calls, phone_calls, start
from wire import Message, Peer

RING, SILENCE = "ring", "silence"


class Stranger:
    """Sends requests outside of dialogs, a new transaction each, and clears up what they begin."""

    def __init__(self, peer):
        self.peer, self.count = peer, 0

    def fields(self, method, change):
        self.count += 1
        mark = f"{self.peer.tag}{self.count}"
        fields = {"Via": f"SIP/2.0/UDP 127.0.0.1:{PEER};branch=z9hG4bK{mark}", "Max-Forwards": "70",
                  "From": f"<sip:peer@127.0.0.1:{PEER}>;tag={mark}", "To": f"<sip:phone@127.0.0.1:{PHONE}>", "Call-ID": mark, "CSeq": f"1 {method}",
                  "Contact": f"<sip:peer@127.0.0.1:{PEER}>"}
        fields.update(change)
        return {name: value for name, value in fields.items() if value is not None}

    def say(self, method, uri, fields, add=(), body="", kind=None, length=None):
        body = body.replace("\n", "\r\n")
        rows = [f"{method} {uri} SIP/2.0", *(f"{name}: {value}" for name, value in fields.items()), *add]
        rows += [f"Content-Type: {kind}"] if kind else []
        rows.append(f"Content-Length: {len(body.encode()) if length is None else length}")
        self.peer.send(("\r\n".join(rows) + "\r\n\r\n").encode() + body.encode(), PHONE_AT)

    def ask(self, method="INVITE", uri=f"sip:phone@127.0.0.1:{PHONE}", add=(), body=None, kind="application/sdp", length=None, **change):
        """The status of the answer (RING: 180 and then, cancelled, 487; SILENCE: nothing came) and the answer."""
        change = {name.replace("_", "-"): value for name, value in change.items()}
        body = (self.peer.sdp() if method == "INVITE" else "") if body is None else body
        fields = self.fields(method, change)
        self.say(method, uri, fields, add, body, kind if body else None, length)
        try:
            answer = self.answer(fields, 1.0 if method != "ACK" else 0.3, method)
        except Failed:
            self.catch_up()
            try:
                answer = self.answer(fields, 0.05, method)
            except Failed:
                return SILENCE, None
        if answer.status == 180:
            self.say("CANCEL", uri, {**fields, "CSeq": fields["CSeq"].replace("INVITE", "CANCEL")})
            equal(self.answer(fields, 2, "CANCEL").status, 200, "the CANCEL")
            final = self.answer(fields, 2)
            equal(final.status, 487, "the INVITE that was cancelled")
            self.say("ACK", uri, {**fields, "To": final.get("To"), "CSeq": fields["CSeq"].replace("INVITE", "ACK")})
            return RING, answer
        if method == "INVITE":
            self.say("ACK", uri, {**fields, "To": answer.get("To") or "", "CSeq": "1 ACK"})
        return answer.status, answer

    def catch_up(self):
        """A slow phone is not a silent one: once an OPTIONS is answered, all that was sent before it has been."""
        fields, others = self.fields("OPTIONS", {}), []
        self.say("OPTIONS", f"sip:phone@127.0.0.1:{PHONE}", fields)
        while not others or others[-1].is_request or others[-1].get("Call-ID") != fields["Call-ID"]:
            others.append(self.peer.receive())
        self.peer.pending += others[:-1]

    def answer(self, fields, within, method=None):
        end = time.monotonic() + within
        while True:
            message = self.peer.receive(within=max(0.01, end - time.monotonic()))
            ours = message.get("Call-ID") == fields.get("Call-ID") and (not message.get("CSeq") or (message.method == "CANCEL") == (method == "CANCEL"))
            if not message.is_request and ours and message.status != 100:
                return message


def stranger(bench, *lines):
    peer = Peer(PEER)
    phone = start(bench, "set call.accept any", *lines, auto=False)
    return phone, Stranger(peer)


def holds(them, rows):
    """Each row: what it is, the answer wanted, fields that the answer must have as (name, part of its value), and how it is asked for."""
    wrong = []
    for what, wanted, must_have, how in rows:
        status, answer = them.ask(**how)
        missing = [f"{name}: {value}" for name, value in must_have if answer is None or value not in (answer.get(name) or "")]
        if status != wanted or missing:
            wrong.append(f"{what}: {status}, want {wanted} {' '.join(missing)}")
        equal(them.ask("OPTIONS")[0], 200, f"OPTIONS after: {what}")
    check(not wrong, "; ".join(wrong))


def test_fields(bench):
    """8.2, 20: what must be there, what may be missing, what has no place."""
    phone, them = stranger(bench)
    holds(them, [
        ("a plain call", RING, [], {}),
        ("no Max-Forwards", RING, [], {"Max_Forwards": None}),
        ("Max-Forwards 0", RING, [], {"Max_Forwards": "0"}),
        ("no Contact in INVITE", 400, [], {"Contact": None}),
        ("a Contact that is none", 400, [], {"Contact": "<sip:x"}),
        ("no Contact in OPTIONS", 200, [], {"method": "OPTIONS", "Contact": None}),
        ("no From tag, as of old", RING, [], {"From": f"<sip:peer@127.0.0.1:{PEER}>"}),
        ("no From", 400, [], {"From": None}),
        ("no To", 400, [], {"To": None}),
        ("no CSeq", 400, [], {"CSeq": None}),
        ("no Via", SILENCE, [], {"Via": None}),
        ("CSeq of another method", 400, [], {"CSeq": "1 BYE"}),
        ("CSeq 0", RING, [], {"CSeq": "0 INVITE"}),
        ("CSeq 2**31", 400, [], {"CSeq": "2147483648 INVITE"}),
        ("what has no place in INVITE, and broken", RING, [], {"add": ["Event: ;", "RAck: x", "Subscription-State:", "Refer-To: <", "Refer-To: <"]}),
        ("fields of one value twice", RING, [], {"add": ["Subject: a", "Subject: b", "Expires: 60", "Expires: 70", "Priority: urgent", "Priority: normal"]}),
        ("Expires that is none", RING, [], {"add": ["Expires: soon"]}),
        ("a line without colon", 400, [], {"add": ["hello"]}),
        ("30 000 bytes of a field", RING, [], {"add": ["X-Long: " + "x" * 30000]}),
        ("300 lines", 513, [], {"add": [f"X-{i}: 1" for i in range(300)]}),
        ("Proxy-Require is not for us", RING, [], {"add": ["Proxy-Require: foo"]}),
        ("Require", 420, [("Unsupported", "foo"), ("Unsupported", "bar")], {"add": ["Require: foo", "Require: 100rel, bar"]}),
        ("Require of what is known by asking only", RING, [], {"add": ["Require: answermode", "Answer-Mode: Auto"]}),
        ("what is known", 200, [("Supported", "answermode"), ("Supported", "replaces")], {"method": "OPTIONS"}),
        ("a Route of ours", RING, [], {"add": [f"Route: <sip:127.0.0.1:{PHONE};lr>"]}),
        ("Content-Length too large", 400, [], {"length": 9999}),
        ("Content-Length negative", 400, [], {"length": -1}),
        ("a method nobody knows", 501, [], {"method": "FOO"}),
        ("REGISTER", 405, [("Allow", "INVITE")], {"method": "REGISTER"}),
        ("a URI of another scheme", 416, [], {"uri": "http://example.com/"}),
        ("a tel URI", RING, [], {"uri": "tel:+4930123"}),
        ("a To tag of no dialog", 481, [], {"To": f"<sip:phone@127.0.0.1:{PHONE}>;tag=x"}),
        ("BYE of no dialog", 481, [], {"method": "BYE"}),
        ("CANCEL of nothing", 481, [], {"method": "CANCEL"}),
        ("PRACK of nothing", 481, [], {"method": "PRACK", "add": ["RAck: 1 1 INVITE"]}),
        ("ACK of nothing", SILENCE, [], {"method": "ACK"}),
        ("NOTIFY that nobody asked for", 481, [], {"method": "NOTIFY", "add": ["Event: presence", "Subscription-State: active"]}),
        ("SUBSCRIBE without Event", 489, [("Allow-Events", "presence")], {"method": "SUBSCRIBE"}),
        ("SUBSCRIBE for too short", 423, [("Min-Expires", "")], {"method": "SUBSCRIBE", "add": ["Event: presence", "Expires: 1"]}),
        ("REFER with two Refer-To", 400, [], {"method": "REFER", "add": ["Refer-To: <sip:a@b>", "Refer-To: <sip:c@b>"]}),
    ])


def test_somebody_shall_answer(bench):
    """RFC 5373 4.2: Manual is heard by a phone that answers by itself too."""
    phone, them = stranger(bench, "set call.auto-answer on", "set call.auto-answer-for sip:*")
    holds(them, [
        ("Manual", RING, [], {"add": ["Answer-Mode: Manual"]}),
        ("Manual and nothing else", RING, [], {"add": ["Require: answermode", "Priv-Answer-Mode: manual;require"]}),
        ("Manual, and an intercom all the same", RING, [], {"add": ["Answer-Mode: Manual", "Call-Info: <sip:x>;answer-after=0"]}),
    ])


def test_bodies(bench):
    """8.2.3, 20.1, 20.11, RFC 5621: what can be read, and what must be."""
    phone, them = stranger(bench)
    acceptable = [("Accept", "application/sdp"), ("Accept", "multipart/mixed"), ("Accept-Encoding", "identity")]
    description = "Content-Type: application/sdp\n\n" + them.peer.sdp()
    holds(them, [
        ("text", 415, acceptable, {"kind": "text/plain", "body": "hello"}),
        ("no type", 415, acceptable, {"kind": None}),
        ("gzip", 415, acceptable, {"add": ["Content-Encoding: gzip"]}),
        ("identity", RING, [], {"add": ["Content-Encoding: identity"]}),
        ("an icon", 415, acceptable, {"add": ["Content-Disposition: icon"]}),
        ("an early session", 415, acceptable, {"add": ["Content-Disposition: early-session"]}),
        ("an early session that may be ignored", RING, [], {"add": ["Content-Disposition: early-session;handling=optional"]}),
        ("parts", RING, [], {"kind": "multipart/mixed;boundary=x", "body": f"--x\nContent-Type: text/plain\n\nhi\n--x\n{description}\n--x--\n"}),
        ("a part that must be understood", 415, acceptable,
         {"kind": "multipart/mixed;boundary=x", "body": f"--x\nContent-Type: a/b\nContent-Disposition: render;handling=required\n\nhi\n--x\n{description}\n--x--\n"}),
        ("no answer that it could read", 406, [], {"add": ["Accept: text/plain, application/sdp;q=0"]}),
        ("any answer", RING, [], {"add": ["Accept: application/*;q=0.1"]}),
        ("MESSAGE in HTML", 415, [("Accept", "text/plain")], {"method": "MESSAGE", "body": "<b>", "kind": "text/html"}),
        ("MESSAGE in gzip", 415, [("Accept-Encoding", "identity")], {"method": "MESSAGE", "body": "x", "kind": "text/plain", "add": ["Content-Encoding: gzip"]}),
    ])


def test_offers_refused(bench):
    """13.3.1.3, 20.43: 488 says by its Warning what was wrong."""
    phone, them = stranger(bench)
    offer = them.peer.sdp()
    rows = [("300", offer.replace("c=IN IP4 127.0.0.1", "c=ATM NSAP 47.0091")), ("301", offer.replace("c=IN IP4 127.0.0.1", "c=IN IP6 2001:db8::1")),
            ("302", offer.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")), ("304", offer.replace("m=audio", "m=video")), ("304", offer.replace("40000", "0")),
            ("305", offer.replace("RTP/AVP 0\na=rtpmap:0 PCMU", "RTP/AVP 97\na=rtpmap:97 iLBC")), ("307", offer.replace("v=0", "v=1")),
            ("330", offer.replace("c=IN IP4 127.0.0.1", "c=IN IP4 224.2.1.1/127")), ("399", "hello\n")]
    holds(them, [(f"offer {i}", 488, [("Warning", f"{code} ")], {"body": body}) for i, (code, body) in enumerate(rows)])


def test_sound_to_this_host_alone(bench):
    """A caller from another address cannot have the sound sent to the loopback interface: 488 with Warning 301. Who calls from there can."""
    bench.need_namespace()
    peer, phone = Peer(PEER, "192.0.2.4"), bench.phone("set sip.listen 192.0.2.1:5060", "set call.accept any")
    phone.do("show version")
    own = peer.sdp()
    peer.request("INVITE", "sip:alice@192.0.2.1", "<sip:alice@192.0.2.1>", "<sip:bob@192.0.2.4>;tag=b", "loop", 1, ("192.0.2.1", 5060),
                 own.replace("c=IN IP4 192.0.2.4", "c=IN IP4 127.0.0.1"))
    check(peer.receive(488).get("Warning").startswith("301 "), "why")
    peer.request("INVITE", "sip:alice@192.0.2.1", "<sip:alice@192.0.2.1>", "<sip:bob@192.0.2.4>;tag=b", "own", 1, ("192.0.2.1", 5060), own)
    peer.receive(180)
    equal(phone.event("incoming")["from"], "sip:bob@192.0.2.4", "the caller")


def test_a_registrar_that_sends_us_on(bench):
    """A REGISTER is redirected to a host of nobody's: it is asked, but gets no digest of the password whatever realm it names; `why` says so."""
    bench.need_namespace()
    registrar, other = Peer(5060, "192.0.2.2"), Peer(5060, "192.0.2.3")
    phone = bench.phone("set sip.listen 192.0.2.1:5060", "account add sip:alice@192.0.2.2 password=secret")
    challenge = 'WWW-Authenticate: Digest realm="192.0.2.2", nonce="{}", algorithm=MD5'
    registrar.respond(registrar.receive("REGISTER"), 401, "Unauthorized", headers=[challenge.format("a")])
    known = registrar.receive("REGISTER")
    check('realm="192.0.2.2"' in known.get("Authorization"), known.get("Authorization"))
    rows = ["SIP/2.0 302 Moved", *(f"{name}: {known.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")), f"To: {known.get('To')};tag=r",
            "Contact: <sip:192.0.2.3>"]
    registrar.send(registrar.finish(rows), known.source)
    sent_on = other.receive("REGISTER")
    equal(sent_on.get("Authorization"), None, "credentials for another host")
    other.respond(sent_on, 401, "Unauthorized", headers=[challenge.format("b")])
    failed = phone.event("register-failed")
    equal((failed["cause"], failed["code"]), ("auth", 401), "the end")
    check("sip:192.0.2.3" in failed["why"] and "registrar=sip:192.0.2.3" in failed["why"], failed["why"])
    other.nothing("REGISTER", 0.3)
    phone.do("account set alice registrar=sip:192.0.2.3")
    phone.do("register")
    other.respond(other.receive("REGISTER"), 401, "Unauthorized", headers=[challenge.format("c")])
    check('nonce="c"' in other.receive("REGISTER").get("Authorization"), "told to, it is the registrar")


def registered(registrar, register, headers=()):
    rows = ["SIP/2.0 200 OK", *(f"{name}: {register.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")), f"To: {register.get('To')};tag=r",
            f"Contact: {register.get('Contact')};expires=60", *headers]
    registrar.send(registrar.finish(rows), register.source)


def moved(peer, request, status, contact):
    rows = [f"SIP/2.0 {status}", *(f"{name}: {request.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")), f"To: {request.get('To')};tag=m",
            f"Contact: <{contact}>"]
    peer.send(peer.finish(rows), request.source)


def test_proxies_that_others_name(bench):
    """A proxy that a stranger's 305 names, or the Service-Route of a host that a 302 to REGISTER names, is taken; but it gets no digest of the password."""
    bench.need_namespace()
    registrar, other, callee = Peer(5060, "192.0.2.2"), Peer(5060, "192.0.2.3"), Peer(5060, "192.0.2.4")
    phone = bench.phone("set sip.listen 192.0.2.1:5060", "set call.follow-redirect on", "account add sip:alice@192.0.2.2 password=secret")
    challenge = 'Digest realm="192.0.2.2", nonce="{}", algorithm=MD5'
    registrar.respond(registrar.receive("REGISTER"), 401, "Unauthorized", headers=["WWW-Authenticate: " + challenge.format("a")])
    registered(registrar, registrar.receive("REGISTER"))
    phone.event("registered")

    def gets_nothing(call):
        invite = other.receive("INVITE")
        check(invite.get("Route").startswith("<sip:192.0.2.3"), f"{invite}")
        other.respond(invite, 407, "Who are you", headers=["Proxy-Authenticate: " + challenge.format("b")])
        equal(phone.event("failed", call=call)["code"], 407, "the end")
        other.nothing("INVITE", 0.1)
    call = phone.do("call sip:bob@192.0.2.4")["call"]
    moved(callee, callee.receive("INVITE"), "305 Use Proxy", "sip:192.0.2.3")
    gets_nothing(call)
    phone.do("register")
    moved(registrar, registrar.receive("REGISTER"), "302 Moved", "sip:192.0.2.3")
    registered(other, other.receive("REGISTER"), ["Service-Route: <sip:192.0.2.3;lr>"])
    wait_until(lambda: "192.0.2.3" in str(phone.do("show registrations")) or other.pending, "registered there")
    gets_nothing(phone.do("call sip:bob@192.0.2.2")["call"])


def test_challenges_without_answer(bench):
    """22.1, 22.3: whose challenge was withheld on purpose, or could not be answered, is told apart from a password that was not taken: by `why`, the
    event and the history, of calls and of messages."""
    bench.need_namespace()
    home, stranger = Peer(5060, "192.0.2.2"), Peer(5060, "192.0.2.3")
    phone = bench.phone("set sip.listen 192.0.2.1:5060", "account add sip:alice@192.0.2.2 password=secret name=alice",
                        args=("-n", "--socket", bench.path("socket")))

    def challenge(realm, nonce="n", **more):
        return f'Digest realm="{realm}", nonce="{nonce}", algorithm={more.get("algorithm", "MD5")}'

    def refused(peer, target, realm, rounds=1, account="alice", **more):
        """What is said of a call there that ends by this challenge; it comes so many times."""
        call = phone.do(f"call {target} from={account}")["call"]
        for i in range(rounds):
            invite = peer.receive("INVITE")
            check((invite.get("Proxy-Authorization") is not None) == (i > 0), f"credentials for {realm}")
            peer.respond(invite, 407, "Who are you", headers=["Proxy-Authenticate: " + challenge(realm, f"n{i}", **more)])
            peer.receive("ACK")
        failed = phone.event("failed", call=call)
        equal((failed["code"], failed["cause"]), (407, "auth"), realm)
        check(failed["why"] in phone.do(f"why {call}")["text"], "why says what the event says")
        equal(phone.do("history last=1")[0]["why"], failed["why"], "history")
        return failed["why"]

    home.respond(home.receive("REGISTER"), 401, "Unauthorized", headers=["WWW-Authenticate: " + challenge("home")])
    registered(home, home.receive("REGISTER"))
    phone.event("registered")
    said = refused(home, "sip:bob@192.0.2.2", "strange place")
    check("Realm \"strange place\" asked for the password, and nothing was sent: it is no realm that the account has met" in said, said)
    check("`account set alice 'password@strange place=...'`" in said and "was not taken" not in said, said)
    phone.do("account set alice 'password@strange place=geheim'")
    check("The user or the password was not taken" in refused(home, "sip:bob@192.0.2.2", "strange place", 2), "a wrong password")
    said = refused(stranger, "sip:bob@192.0.2.3", "home")
    check("nothing was sent: only the domain, the registrar and the proxies of the account are answered" in said and "not taken" not in said, said)
    said = refused(home, "sip:bob@192.0.2.2", "home", algorithm="ROT13")
    check("in a way that cannot be answered here" in said, said)
    phone.do("account add sip:carol@192.0.2.3 registrar=none name=carol")
    said = refused(stranger, "sip:bob@192.0.2.3", "there", account="carol")
    check("account carol has none: `account set carol password=`" in said, said)
    phone.do("message sip:bob@192.0.2.3 hello from=alice")
    stranger.respond(stranger.receive("MESSAGE"), 401, "Who", headers=["WWW-Authenticate: " + challenge("x;y")])
    phone.event("message-failed", cause="auth")
    # Who has no call of its own is told what went wrong last, whatever it was.
    said = subprocess.run([OFFHOOK, "--socket", bench.path("socket"), "ctl", "why"], capture_output=True, text=True, timeout=20, cwd=bench.folder).stdout
    check('MESSAGE to sip:bob@192.0.2.3: 401 Who. Realm "x;y" asked for the password, and nothing was sent: only the domain' in said and "set alice proxy=" in said, said)


def test_routes_that_everybody_reads(bench):
    """A route of sip: does not bring what is for a sips: address over UDP, and a call whose keys could be read on its Service-Route has none."""
    bench.need_namespace()
    registrar, route = Peer(5060, "192.0.2.2"), Peer(5060, "192.0.2.3")
    phone = bench.phone("set sip.listen 192.0.2.1:5060", "account add sip:alice@192.0.2.2")
    registered(registrar, registrar.receive("REGISTER"), ["Service-Route: <sip:192.0.2.3;lr>"])
    phone.event("registered")
    call = phone.do("call sip:bob@192.0.2.4;transport=tls encryption=required")["call"]
    check("media.encryption-over-clear" in phone.event("failed", call=call)["reason"], "by UDP")
    phone.do("call sip:bob@192.0.2.4;transport=tls encryption=optional")
    invite = route.receive("INVITE")
    check("m=audio" in invite.body and "crypto" not in invite.body, invite.body)
    route.respond(invite, 486, "Busy Here")
    route.receive("ACK")
    call = phone.do("call sips:bob@192.0.2.4")["call"]
    equal(phone.event("connection", state="failed")["peer"], "192.0.2.3:5061", "by TLS")
    equal(phone.event("failed", call=call)["cause"], "connect", "nobody there speaks it")
    route.nothing("INVITE", 0.1)


def test_inside_a_call(bench):
    """12.2.2, 14.2: what goes wrong in a dialog changes nothing about the call."""
    peer, phone = Peer(PEER), start(bench, "set call.accept any")
    number, dialog, _ = peer_calls(phone, peer, "inside")

    def refused(code, method, body="", headers=(), **more):
        branch = dialog.send(method, body, headers, **more)
        answer = peer.receive(code)
        if method == "INVITE":
            dialog.send("ACK", cseq=dialog.cseq, branch=branch)
        equal(phone.get("call.state"), "answered", f"the call after {method}: {code}")
        return answer

    bad = peer.sdp().replace("RTP/AVP 0\na=rtpmap:0 PCMU", "RTP/AVP 97\na=rtpmap:97 iLBC")
    refused(501, "FOO")
    refused(405, "REGISTER")
    refused(469, "INFO", headers=("Info-Package: foo",))
    refused(488, "UPDATE", bad)
    check("305" in refused(488, "INVITE", bad).get("Warning"), "why")
    refused(420, "INVITE", peer.sdp(), ("Require: foo",))
    refused(420, "BYE", headers=("Require: foo",))
    refused(415, "INVITE", peer.sdp(), ("Content-Encoding: gzip",))
    refused(422, "UPDATE", headers=("Session-Expires: 30", "Supported: timer"))
    refused(481, "PRACK", headers=("RAck: 1 1 INVITE",))
    refused(489, "SUBSCRIBE")
    refused(481, "NOTIFY", headers=("Event: refer", "Subscription-State: active"))
    refused(400, "REFER")
    refused(500, "OPTIONS", cseq=1)
    # Our offer in the 200 gets no answer: what was agreed before stands.
    dialog.send("INVITE")
    check("m=audio" in peer.receive(200).body, "an offer of ours")
    dialog.ack()
    peer.nothing("BYE", 0.7)
    equal(phone.get("call.state"), "answered", "the call after an ACK without an answer")
    # A CANCEL that comes after the 200 changes nothing; an ACK of another number acknowledges nothing.
    branch = dialog.send("INVITE", peer.sdp(version=2))
    peer.receive(200)
    dialog.send("CANCEL", cseq=dialog.cseq, branch=branch)
    equal(peer.receive(200).method, "CANCEL", "the CANCEL is answered")
    dialog.send("ACK", cseq=dialog.cseq + 50)
    equal(peer.receive(200).method, "INVITE", "the 200 is repeated")
    dialog.ack()
    # Tags of another dialog.
    mine, dialog.mine = dialog.mine, dialog.mine + "x"
    dialog.send("BYE")
    peer.receive(481)
    dialog.mine = mine
    equal(phone.get("call.state"), "answered", "after the BYE of another dialog")
    dialog.send("BYE")
    peer.receive(200)
    phone.event("ended", call=number)


def test_reliable_in_disorder(bench):
    """RFC 3262 3, RFC 3261 14.2: a PRACK that does not fit is 481, a second INVITE or an UPDATE with an offer in between 500 with Retry-After."""
    peer, phone = Peer(PEER), start(bench, "set call.accept any", auto=False)
    dialog = Dialog(peer, call_id="disorder")
    peer.request("INVITE", dialog.target, dialog.theirs, dialog.mine, "disorder", 1, PHONE_AT, peer.sdp(), ("Require: 100rel",))
    ringing = peer.receive(180)
    dialog.answered(ringing)
    rseq = int(ringing.get("RSeq"))
    for rack in (f"{rseq + 1} 1 INVITE", f"{rseq} 7 INVITE", f"{rseq} 1 FOO"):
        dialog.send("PRACK", headers=(f"RAck: {rack}",))
        peer.receive(481)
    for method in ("INVITE", "UPDATE"):
        branch = dialog.send(method, peer.sdp(version=2))
        busy = peer.receive(500)
        check(0 <= int(busy.get("Retry-After")) <= 10, f"Retry-After of {method}")
        if method == "INVITE":
            dialog.send("ACK", cseq=dialog.cseq, branch=branch)
    equal(peer.receive(180, 5).get("RSeq"), str(rseq), "it is repeated until it is acknowledged")
    dialog.send("PRACK", headers=(f"RAck: {rseq} 1 INVITE",))
    equal(peer.receive(200).method, "PRACK", "the PRACK")
    dialog.send("PRACK", headers=(f"RAck: {rseq} 1 INVITE",))
    peer.receive(481)
    phone.do("answer")
    peer.receive(200)
    dialog.ack(cseq=1)
    hang_up(phone, peer, dialog)


class Stream:
    """A TCP connection to the phone."""

    def __init__(self):
        self.socket = socket.create_connection(PHONE_AT)
        self.port = self.socket.getsockname()[1]
        self.socket.settimeout(3)
        self.bytes = b""

    def options(self, number, extra="", body=b""):
        return (f"OPTIONS sip:phone@127.0.0.1:{PHONE} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:{self.port};branch=z9hG4bKs{self.port}{number}\r\n"
                f"From: <sip:peer@127.0.0.1>;tag=s{number}\r\nTo: <sip:phone@127.0.0.1>\r\nCall-ID: s{self.port}-{number}\r\nCSeq: 1 OPTIONS\r\n{extra}\r\n").encode() + body

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next message, or None when the phone has closed."""
        while True:
            head, found, rest = self.bytes.lstrip(b"\r\n").partition(b"\r\n\r\n")
            if found:
                message = Message(head + b"\r\n\r\n")
                length = int(message.get("Content-Length"))
                if len(rest) >= length:
                    self.bytes = rest[length:]
                    return message
            more = self.socket.recv(65536)
            if not more:
                return None
            self.bytes += more


def test_streams(bench):
    """18.3, RFC 5626 3.5.1: where messages end on a stream, however they are cut."""
    phone = start(bench, "set call.accept any", auto=False)
    stream = Stream()
    whole = stream.options(1, "Content-Length: 0\r\n")
    for i in range(len(whole)):
        stream.send(whole[i:i + 1])
    equal(stream.receive().status, 200, "byte by byte")
    stream.send(b"".join(stream.options(n, "l: 0\r\n") for n in (2, 3, 4)))
    equal([stream.receive().get("Call-ID")[-1] for _ in range(3)], ["2", "3", "4"], "three at once, in order")
    stream.send(b"\r\n\r\n")
    equal(stream.socket.recv(2), b"\r\n", "the pong")
    stream.send(b"\r\n" + stream.options(5, "Content-Type: text/plain\r\nContent-Length: 4\r\n", b"abcd") + stream.options(6, "Content-Length: 0\r\n"))
    equal([stream.receive().status for _ in range(2)], [415, 200], "a body, and what stands behind it")
    cases = ((7, "", 400, "no Content-Length"), (8, "Content-Length: -5\r\n", 400, "a negative one"), (9, "Content-Length: 99999999\r\n", 513, "one too large"))
    for number, extra, status, why in cases:
        other = Stream()
        other.send(other.options(number, extra))
        equal(other.receive().status, status, why)
        equal(other.receive(), None, f"{why}: closed")
    for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100, b"A" * 100000):
        other = Stream()
        try:
            other.send(junk)
            equal(other.socket.recv(65536), b"", "closed without a word")
        except ConnectionError:
            pass
    stream.send(stream.options("z", "Content-Length: 0\r\n"))
    equal(stream.receive().status, 200, "the first connection has not suffered")
    equal(phone.do("get calls.count")["value"], "0", "and nothing began")


def test_an_early_dialog_ends(bench):
    """RFC 6228: 199 ends one early dialog of the INVITE, reliable or not; the call goes on by another."""
    peer, phone = Peer(PEER), start(bench)
    number = phone.do(f"call sip:peer@127.0.0.1:{PEER}")["call"]
    invite = peer.receive("INVITE")
    check("199" in ", ".join(invite.all("Supported")), "199 is supported")
    early = Dialog(peer, invite)
    early.mine = f"{invite.get('To')};tag=early"
    peer.respond(invite, 183, "Session Progress", peer.sdp(), tag="early", headers=("Require: 100rel", "RSeq: 1"))
    peer.respond(peer.receive("PRACK"), 200, "OK")
    phone.event("early-media", call=number)
    early.send("OPTIONS")
    peer.receive(200)
    peer.respond(invite, 199, "Early Dialog Terminated", tag="early", headers=("Require: 100rel", "RSeq: 2", 'Reason: SIP;cause=486;text="Busy"'))
    peer.respond(peer.receive("PRACK"), 200, "OK")
    early.send("OPTIONS")
    peer.receive(481)
    peer.respond(invite, 199, "Early Dialog Terminated", tag="never heard of")
    peer.respond(invite, 180, "Ringing", tag="other")
    phone.event("ringing", call=number)
    peer.respond(invite, 200, "OK", peer.sdp(port=40004), tag="other")
    check("tag=other" in peer.receive("ACK").get("To"), "the other one answers")
    phone.event("answered", call=number)
    phone.do("hangup")
    bye = peer.receive("BYE")
    check("tag=other" in bye.get("To"), "one dialog was left")
    peer.respond(bye, 200, "OK")
    peer.nothing("BYE", 0.3)


def test_notify_floods_nobody(bench):
    """A SUBSCRIBE with a third party's Contact: what goes there is sent three times at most, and as ever to who has answered once."""
    bench.need_namespace()
    stranger, third = Peer(5061, "192.0.2.3"), Peer(5062, "192.0.2.4")
    phone = bench.phone("set sip.listen 192.0.2.1:5060", "set call.accept any", "set sip.t1 20ms")
    phone.do("show version")
    stranger.request("SUBSCRIBE", "sip:alice@192.0.2.1", "<sip:alice@192.0.2.1>", "<sip:stranger@192.0.2.3>;tag=s", "flood", 1, ("192.0.2.1", 5060),
                     headers=["Event: presence"], contact="Contact: <sip:third@192.0.2.4:5062>")
    equal(stranger.receive().status, 200, "granted")
    first = third.receive("NOTIFY")
    for _ in range(2):
        equal(third.receive("NOTIFY").get("CSeq"), first.get("CSeq"), "the same once more")
    third.nothing("NOTIFY", 1.5)  # 64*T1 are 1.28 s
    # Who answers is there: the next one is repeated as 17.1.2.2 says.
    stranger.request("SUBSCRIBE", "sip:alice@192.0.2.1", "<sip:alice@192.0.2.1>", "<sip:stranger@192.0.2.3>;tag=t", "there", 1, ("192.0.2.1", 5060),
                     headers=["Event: presence"], contact="Contact: <sip:third@192.0.2.4:5062>")
    granted = stranger.receive(200)
    notify = third.receive("NOTIFY")
    third.respond(notify, 200, "OK")
    stranger.request("SUBSCRIBE", "sip:alice@192.0.2.1:5060", granted.get("To"), "<sip:stranger@192.0.2.3>;tag=t", "there", 2, ("192.0.2.1", 5060),
                     headers=["Event: presence"], contact="Contact: <sip:third@192.0.2.4:5062>")
    for _ in range(4):
        third.receive("NOTIFY")
