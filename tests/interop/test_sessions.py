"""Extensions of sessions against a peer that says exactly what the test wants: UPDATE, PRACK, session timers, INFO, REFER, Replaces; and transfers between phones."""
import re
import subprocess
import urllib.parse

from harness import OFFHOOK, check, equal, wait_until
from proxies import ALICE, BOB, start_trapezoid
from wire import Peer, Sniffer

PHONE, PEER, OTHER = 5070, 5080, 5090
PHONE_AT = ("127.0.0.1", PHONE)


class Dialog:
    """One side of a dialog with the phone, kept by hand."""

    def __init__(self, peer, invite=None, call_id=None):
        self.peer, self.cseq = peer, 1
        if invite:  # the phone called
            self.invite = invite
            self.call_id, self.mine, self.theirs = invite.get("Call-ID"), f"{invite.get('To')};tag={peer.tag}", invite.get("From")
            self.target = re.search(r"<(.*?)>", invite.get("Contact")).group(1)
        else:
            self.call_id, self.theirs = call_id, f"<sip:phone@127.0.0.1:{PHONE}>"
            self.mine, self.target = f"<sip:peer@127.0.0.1:{peer.port}>;tag={peer.tag}", f"sip:phone@127.0.0.1:{PHONE}"

    def respond(self, request, status, phrase, body="", headers=()):
        self.peer.respond(request, status, phrase, body, headers=headers)

    def send(self, method, body="", headers=(), cseq=None, branch=None):
        if cseq is None and method != "ACK":
            self.cseq += 1
        return self.peer.request(method, self.target, self.theirs, self.mine, self.call_id, cseq or self.cseq, PHONE_AT, body, headers, branch)

    def ack(self, body="", cseq=None):
        self.send("ACK", body, cseq=cseq or self.cseq)

    def answered(self, response):
        """The phone has answered our INVITE."""
        self.theirs = response.get("To")
        self.target = re.search(r"<(.*?)>", response.get("Contact")).group(1)


def start(bench, *lines, port=PHONE, auto=True, listen="127.0.0.1"):
    phone = bench.phone(f"set sip.listen {listen}:{port}", "set media.codecs PCMU", *(["set call.auto-answer on"] if auto else []), *lines)
    wait_until(lambda: phone.do("show version"), "the phone answers")
    return phone


def phone_calls(phone, peer, headers=("Allow: INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER, NOTIFY",), body=None, line=""):
    """The phone calls the peer, which answers. (call number, dialog)"""
    number = phone.do(f"call sip:peer@127.0.0.1:{peer.port} {line}")["call"]
    invite = peer.receive("INVITE")
    dialog = Dialog(peer, invite)
    dialog.respond(invite, 200, "OK", peer.sdp() if body is None else body, headers)
    peer.receive("ACK")
    phone.event("answered", call=number)
    return number, dialog


def peer_calls(phone, peer, name, headers=(), body=None):
    """The peer calls the phone, which answers by itself. (call number, dialog, the 200)"""
    dialog = Dialog(peer, call_id=name)
    peer.request("INVITE", dialog.target, dialog.theirs, dialog.mine, name, 1, PHONE_AT, peer.sdp() if body is None else body, headers)
    ok = peer.receive(200)
    dialog.answered(ok)
    dialog.ack(cseq=1)
    return phone.event("answered")["call"], dialog, ok


def hang_up(phone, peer, dialog):
    phone.do("hangup")
    bye = peer.receive("BYE")
    dialog.respond(bye, 200, "OK")
    phone.event("ended")


# ---- UPDATE ----

def test_update_both_ways(bench):
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    phone.do("update")
    update = peer.receive("UPDATE")
    check("m=audio" in update.body, "it brings an offer")
    dialog.respond(update, 200, "OK", peer.sdp("sendonly", 2))
    equal(phone.event("update", direction="out")["code"], 200, "the outcome")
    dialog.send("UPDATE", peer.sdp("sendrecv", 3))
    check("m=audio" in peer.receive(200).body, "theirs is answered")
    phone.event("update", direction="in")
    hang_up(phone, peer, dialog)


def test_overlapping_requests(bench):
    """RFC 3261 14, RFC 3311 5.2: 491 while our offer is pending, 500 to what is out of order, and the call goes on."""
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    phone.do("reinvite")
    ours = peer.receive("INVITE")
    branch = dialog.send("INVITE", peer.sdp(version=2))
    equal(peer.receive(491).method, "INVITE", "a re-INVITE meets ours")
    dialog.send("ACK", branch=branch, cseq=dialog.cseq)
    dialog.send("UPDATE", peer.sdp(version=2))
    equal(peer.receive(491).method, "UPDATE", "an UPDATE with an offer meets ours")
    dialog.respond(ours, 488, "Not Acceptable Here")
    peer.receive("ACK")
    equal(phone.event("reinvite", direction="out")["code"], 488, "the outcome")
    dialog.send("UPDATE", peer.sdp(version=2), cseq=2)
    peer.receive(500)
    equal(phone.get("call.state"), "answered", "the session stands")
    dialog.send("UPDATE", peer.sdp(version=2))
    peer.receive(200)
    hang_up(phone, peer, dialog)


# ---- reliable provisional responses ----

def test_prack_as_caller(bench):
    peer, phone = Peer(PEER), start(bench)
    phone.do(f"call sip:peer@127.0.0.1:{PEER}")
    invite = peer.receive("INVITE")
    check("100rel" in invite.get("Supported"), "100rel is supported")
    dialog = Dialog(peer, invite)
    reliable = ("Require: 100rel", "Allow: UPDATE")
    dialog.respond(invite, 183, "Session Progress", peer.sdp(), (*reliable, "RSeq: 10"))
    prack = peer.receive("PRACK")
    equal(prack.get("RAck"), f"10 {invite.get('CSeq')}", "RAck")
    phone.event("early-media")
    dialog.respond(prack, 200, "OK")
    dialog.respond(invite, 180, "Ringing", "", (*reliable, "RSeq: 12"))
    peer.nothing("PRACK", 0.5)
    dialog.send("UPDATE", peer.sdp("sendrecv", 2))
    check("m=audio" in peer.receive(200).body, "an early offer is answered")
    dialog.respond(invite, 200, "OK")
    peer.receive("ACK")
    phone.event("answered")
    hang_up(phone, peer, dialog)


def test_prack_as_callee(bench):
    """Required by the caller, without an offer: the 180 brings ours, the PRACK its answer, the 200 nothing."""
    peer, phone = Peer(PEER), start(bench, auto=False)
    dialog = Dialog(peer, call_id="rel")
    peer.request("INVITE", dialog.target, dialog.theirs, dialog.mine, "rel", 1, PHONE_AT, "", ("Require: 100rel",))
    ringing = peer.receive(180)
    check("m=audio" in ringing.body, "the offer")
    equal(ringing.get("Require"), "100rel", "Require")
    peer.receive(180)  # again, since nobody has acknowledged it
    dialog.answered(ringing)
    dialog.send("PRACK", peer.sdp(), (f"RAck: {int(ringing.get('RSeq')) + 1} 1 INVITE",))
    peer.receive(481)
    dialog.send("PRACK", peer.sdp(), (f"RAck: {ringing.get('RSeq')} 1 INVITE",))
    equal(peer.receive(200).method, "PRACK", "the PRACK is answered")
    phone.do("answer")
    ok = peer.receive(200)
    equal(ok.body, "", "all was said")
    dialog.ack(cseq=1)
    phone.event("answered")
    phone.do("set sip.reliable-provisional required")
    peer.request("INVITE", dialog.target, f"<sip:phone@127.0.0.1:{PHONE}>", dialog.mine, "unreliable", 1, PHONE_AT, peer.sdp())
    equal(peer.receive(421).get("Require"), "100rel", "who cannot is told")
    phone.do("set sip.reliable-provisional off")
    peer.request("INVITE", dialog.target, f"<sip:phone@127.0.0.1:{PHONE}>", dialog.mine, "off", 1, PHONE_AT, peer.sdp(), ("Require: 100rel",))
    equal(peer.receive(420).get("Unsupported"), "100rel", "what is off is not supported")


# ---- session timers ----

def test_session_timer(bench):
    peer, phone = Peer(PEER), start(bench, "set sip.session-timer required", "set sip.session-expires 10m", "set sip.min-se 2m")
    phone.do(f"call sip:peer@127.0.0.1:{PEER}")
    invite = peer.receive("INVITE")
    equal((invite.get("Session-Expires"), invite.get("Min-SE"), "timer" in invite.get("Require")), ("600", "120", True), "what is asked for")
    peer.respond(invite, 422, "Session Interval Too Small", headers=("Min-SE: 900",))
    peer.receive("ACK")
    again = peer.receive("INVITE")
    equal(again.get("Session-Expires"), "900", "asked again")
    dialog = Dialog(peer, again)
    dialog.respond(again, 200, "OK", peer.sdp(), ("Session-Expires: 900;refresher=uac", "Require: timer"))
    peer.receive("ACK")
    phone.event("answered")
    check("900 s, refreshed by us" in str(phone.do("show call")), "show call")
    hang_up(phone, peer, dialog)
    peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", dialog.mine, "short", 1, PHONE_AT, peer.sdp(),
                 ("Supported: timer", "Session-Expires: 100"))
    equal(peer.receive(422).get("Min-SE"), "120", "a short one")
    number, dialog, ok = peer_calls(phone, peer, "timed", ("Supported: timer", "Session-Expires: 300;refresher=uas", "Allow: UPDATE"))
    equal(ok.get("Session-Expires"), "300;refresher=uas", "agreed")


# ---- INFO ----

def test_info_and_digits(bench):
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)

    def typed(kind, body):
        rows = [f"INFO {dialog.target} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{PEER};branch=z9hG4bKinfo{dialog.cseq}", "Max-Forwards: 70", f"From: {dialog.mine}",
                f"To: {dialog.theirs}", f"Call-ID: {dialog.call_id}", f"CSeq: {dialog.cseq + 1} INFO", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        dialog.cseq += 1
        peer.send("\n".join([*rows, "", ""]).replace("\n", "\r\n").encode() + body.encode(), PHONE_AT)
        peer.receive(200)

    typed("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n")
    equal(phone.event("dtmf")["digit"], "7", "a digit")
    typed("application/dtmf", "11")
    event = phone.event("dtmf")
    equal((event["digit"], event["via"]), ("#", "info"), "the other body")
    typed("text/plain", "hello")
    event = phone.event("info")
    equal((event["type"], event["body"]), ("text/plain", "hello"), "anything else")
    dialog.send("INFO", headers=("Info-Package: nothing",))
    check(peer.receive(469).get("Recv-Info") is not None, "a package that nobody asked for")
    phone.do("dtmf 1,2 via=info")
    info = peer.receive("INFO")
    check(info.body.startswith("Signal=1\r\nDuration="), info.body)
    dialog.respond(info, 415, "Unsupported Media Type", headers=("Accept: application/dtmf",))
    info = peer.receive("INFO")
    equal((info.get("Content-Type"), info.body), ("application/dtmf", "1"), "as the peer wants it")
    dialog.respond(info, 200, "OK")
    info = peer.receive("INFO")
    equal(info.body, "2", "the next one")
    dialog.respond(info, 200, "OK")
    # `info` waits for the answer: it is sent while we look.
    import threading
    result = {}
    asking = threading.Thread(target=lambda: result.update(phone.do("info application/json \"{}\"")))
    asking.start()
    info = peer.receive("INFO")
    equal((info.get("Content-Type"), info.body), ("application/json", "{}"), "info")
    dialog.respond(info, 200, "OK")
    asking.join(5)
    equal(result.get("code"), 200, "its result")
    hang_up(phone, peer, dialog)
    number, dialog = phone_calls(phone, peer)
    phone.do("dtmf 1 via=info")
    dialog.respond(peer.receive("INFO"), 415, "Unsupported Media Type", headers=("Accept: text/plain",))
    peer.nothing("INFO", 0.3)
    hang_up(phone, peer, dialog)


def test_request_by_hand(bench):
    import threading
    peer, phone = Peer(PEER), start(bench)
    result = {}
    asking = threading.Thread(target=lambda: result.update(phone.ask(f"request PUBLISH sip:x@127.0.0.1:{PEER} header=\"Event: presence\" type=text/plain body=busy")))
    asking.start()
    publish = peer.receive("PUBLISH")
    equal((publish.get("Event"), publish.body), ("presence", "busy"), "as it was said")
    peer.respond(publish, 489, "Bad Event")
    asking.join(5)
    equal(result["error"]["data"]["sip"], 489, "the refusal")
    check("INVITE" in phone.refused(f"request INVITE sip:x@127.0.0.1:{PEER}")["message"], "INVITE is no request of its own")


# ---- REFER, as who is asked ----

def fragment(message):
    return message.body.split("\r\n")[0]


def refer(dialog, target, *headers):
    dialog.send("REFER", headers=(f"Refer-To: {target}", f"Referred-By: <sip:boss@127.0.0.1:{PEER}>", *headers))


def test_transfer_is_asked_about(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    number, dialog = phone_calls(phone, peer)
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}>")
    peer.receive(202)
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 100 Trying", "the first NOTIFY")
    dialog.respond(notify, 200, "OK")
    asked = phone.event("transfer-request", call=number)
    equal(asked["target"], f"sip:other@127.0.0.1:{OTHER}", "whom")
    other.nothing("INVITE", 0.5)
    phone.do("refuse-transfer")
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 603 Declined", "refused")
    check(notify.get("Subscription-State").startswith("terminated"), "and over")
    dialog.respond(notify, 200, "OK")
    # The next one is accepted.
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}>")
    peer.receive(202)
    dialog.respond(peer.receive("NOTIFY"), 200, "OK")
    phone.event("transfer-request", call=number)
    phone.do("accept-transfer")
    invite = other.receive("INVITE")
    equal(invite.get("Referred-By"), f"<sip:boss@127.0.0.1:{PEER}>", "Referred-By")
    other.respond(invite, 180, "Ringing")
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 180 Ringing", "progress")
    dialog.respond(notify, 200, "OK")
    other.respond(invite, 200, "OK", other.sdp())
    other.receive("ACK")
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 200 OK", "the end")
    check(notify.get("Subscription-State").startswith("terminated"), "and over")
    dialog.respond(notify, 200, "OK")
    phone.event("transferred", call=number)
    # Who asked does not leave: then that call waits.
    hold = peer.receive("INVITE")
    check("a=sendonly" in hold.body, hold.body)
    dialog.respond(hold, 200, "OK", peer.sdp("recvonly", 2))
    dialog.send("BYE")
    equal(peer.receive(200).method, "BYE", "the end")


def test_who_asked_for_a_transfer_unsubscribes(bench):
    """RFC 3515 2.4.4: what a REFER made is refreshed and ended by SUBSCRIBE; no SUBSCRIBE makes such a subscription (403)."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    number, dialog = phone_calls(phone, peer)
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}>")
    peer.receive(202)
    notify = peer.receive("NOTIFY")
    dialog.respond(notify, 200, "OK")
    for event in ("refer;id=4711", "refer"):
        dialog.send("SUBSCRIBE", headers=(f"Event: {event}", "Expires: 90"))
        if event == "refer":  # the only one may go without its number
            equal(peer.receive(200).get("Expires"), "90", "refreshed")
            dialog.respond(peer.receive("NOTIFY"), 200, "OK")
        else:
            peer.receive(403)
    dialog.send("SUBSCRIBE", headers=(f"Event: {notify.get('Event')}", "Expires: 0"))
    peer.receive(200)
    last = peer.receive("NOTIFY")
    check(last.get("Subscription-State").startswith("terminated"), last.get("Subscription-State"))
    dialog.respond(last, 200, "OK")
    dialog.send("SUBSCRIBE", headers=(f"Event: {notify.get('Event')}", "Expires: 90"))
    peer.receive(403)
    peer.request("SUBSCRIBE", dialog.target, f"<sip:phone@127.0.0.1:{PHONE}>", "<sip:x@127.0.0.1>;tag=x", "outside", 1, PHONE_AT, headers=("Event: refer",))
    peer.receive(403)
    # Nobody listens any more, but what was asked can still be done.
    phone.do("accept-transfer")
    other.respond(other.receive("INVITE"), 486, "Busy Here")
    equal(phone.event("transfer-failed", call=number)["code"], 486, "the outcome")
    peer.nothing("NOTIFY", 0.5)


def test_transfer_that_fails_goes_back(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, "set call.follow-transfer on")
    number, dialog = phone_calls(phone, peer)
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>")
    peer.receive(202)
    invite = other.receive("INVITE")
    equal((invite.get("Replaces"), "replaces" in invite.get("Require")), ("abc;to-tag=1;from-tag=2", True), "Replaces")
    other.respond(invite, 481, "Call/Transaction Does Not Exist")
    equal(phone.event("transfer-failed", call=number)["code"], 481, "the outcome")
    last = peer.receive("NOTIFY")
    while fragment(last).startswith("SIP/2.0 100"):
        dialog.respond(last, 200, "OK")
        last = peer.receive("NOTIFY")
    equal(fragment(last), "SIP/2.0 481 Call/Transaction Does Not Exist", "what is told")
    peer.nothing("INVITE", 0.5)  # it was not held for that
    equal([(c["call"], c["state"], c["selected"]) for c in phone.do("show calls") if c["state"] == "answered"], [(number, "answered", True)], "the old call is talked in")


def test_refer_is_checked(bench):
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    dialog.send("REFER")
    peer.receive(400)
    dialog.send("REFER", headers=("Refer-To: <sip:a@127.0.0.1>", "Refer-To: <sip:b@127.0.0.1>"))
    peer.receive(400)
    dialog.send("REFER", headers=("Refer-To: <http://example.com/>",))
    peer.receive(416)
    dialog.send("REFER", headers=("Refer-To: <sip:a@127.0.0.1;method=BYE>",))
    peer.receive(603)
    phone.do("set call.follow-transfer off")
    dialog.send("REFER", headers=("Refer-To: <sip:a@127.0.0.1>",))
    peer.receive(603)
    phone.do("set call.follow-transfer ask")
    # Without a subscription (RFC 4488), and outside of a call.
    dialog.send("REFER", headers=(f"Refer-To: <sip:other@127.0.0.1:{OTHER}>", "Refer-Sub: false"))
    equal(peer.receive(202).get("Refer-Sub"), "false", "no subscription")
    peer.nothing("NOTIFY", 0.5)
    phone.event("transfer-request", call=number)
    phone.do("refuse-transfer")
    peer.request("REFER", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", f"<sip:peer@127.0.0.1:{PEER}>;tag=r", "outside", 1, PHONE_AT, "",
                 (f"Refer-To: <sip:other@127.0.0.1:{OTHER}>",))
    peer.receive(202)
    equal(fragment(peer.receive("NOTIFY")), "SIP/2.0 100 Trying", "a NOTIFY")
    equal(phone.event("refer", direction="in")["target"], f"sip:other@127.0.0.1:{OTHER}", "told")
    phone.do("refuse-transfer")


def test_refer_of_a_stranger_waits(bench):
    """follow-transfer on means the other side of a call: a packet from anywhere does not make us call."""
    bench.need_namespace()
    peer, other = Peer(PEER, "192.0.2.1"), Peer(OTHER, "192.0.2.1")
    phone = start(bench, "set call.follow-transfer on", "set call.accept any", listen="192.0.2.4")
    peer.request("REFER", f"sip:phone@192.0.2.4:{PHONE}", f"<sip:phone@192.0.2.4:{PHONE}>", "<sip:peer@192.0.2.1>;tag=r", "outside", 1, ("192.0.2.4", PHONE), "",
                 (f"Refer-To: <sip:other@192.0.2.1:{OTHER}>",))
    peer.receive(202)
    phone.event("refer", direction="in")
    other.nothing("INVITE", 0.5)
    phone.do("accept-transfer")
    other.respond(other.receive("INVITE"), 486, "Busy Here")
    phone.event("transfer-failed")


def test_refers_that_wait_are_bounded_and_named(bench):
    """One host has four that wait, all have sixteen: a stranger's gives way to an honest one. Several that wait are named, and each may be chosen."""
    bench.need_namespace()
    phone = start(bench, "set call.accept any", listen="192.0.2.4")
    for host in range(10, 15):
        subprocess.run(["ip", "addr", "add", f"192.0.2.{host}/32", "dev", "lo"], check=True)
    strangers, count = [Peer(PEER, f"192.0.2.{host}") for host in range(10, 15)], 0
    for stranger in strangers:
        for _ in range(5):
            count += 1
            stranger.request("REFER", f"sip:phone@192.0.2.4:{PHONE}", f"<sip:phone@192.0.2.4:{PHONE}>", f"<sip:x@{stranger.host}>;tag=r{count}", f"refer{count}", 1,
                             ("192.0.2.4", PHONE), "", (f"Refer-To: <sip:a{count}@192.0.2.1:{OTHER}>",))
            answer = stranger.receive(486 if count % 5 == 0 else 202)
            if answer.status == 202:
                stranger.respond(stranger.receive("NOTIFY"), 200, "OK")
    # Twenty of five hosts: the four of the first had to go, and were told so.
    gone = [fragment(strangers[0].receive("NOTIFY")) for _ in range(4)]
    equal(gone, ["SIP/2.0 480 Temporarily Unavailable"] * 4, "the oldest")
    error = phone.refused("accept-transfer")["message"]
    check("16 transfers" in error and "request=6 to sip:a7@192.0.2.1" in error and "by sip:x@192.0.2.11" in error, f"the choices: {error}")
    other = Peer(OTHER, "192.0.2.1")
    phone.do("accept-transfer request=9")
    target = re.search(r"request=9 to (\S+)", error).group(1)
    check(other.receive("INVITE").start.startswith(f"INVITE {target}"), "the one that was chosen")
    phone.refused("accept-transfer request=99")
    phone.do("refuse-transfer request=8")


def test_use_proxy_and_alternative_service(bench):
    """305: the same address by the proxy that is named, once; 380 is followed by nobody."""
    peer, proxy = Peer(PEER), Peer(OTHER)
    phone = start(bench, "set call.follow-redirect on")
    number = phone.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    invite = peer.receive("INVITE")
    peer.send(peer.finish(["SIP/2.0 305 Use Proxy", *[f"Via: {v}" for v in invite.all("Via")], f"From: {invite.get('From')}", f"To: {invite.get('To')};tag=x",
                           f"Call-ID: {invite.get('Call-ID')}", f"CSeq: {invite.get('CSeq')}", f"Contact: <sip:127.0.0.1:{OTHER}>"]), invite.source)
    again = proxy.receive("INVITE")
    equal(again.start, f"INVITE sip:bob@127.0.0.1:{PEER} SIP/2.0", "the same address")
    equal(again.get("Route"), f"<sip:127.0.0.1:{OTHER};lr>", "by the proxy")
    event = phone.event("redirected", call=number)
    equal((event["code"], event["target"]), (305, f"sip:127.0.0.1:{OTHER};lr"), "told")
    proxy.respond(again, 305, "Use Proxy")
    equal(phone.event("failed", call=number)["code"], 305, "not round and round")
    number = phone.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    peer.respond(peer.receive("INVITE"), 380, "Alternative Service")
    equal(phone.event("failed", call=number)["code"], 380, "380 is told")
    peer.nothing("INVITE", 0.5)


def test_an_invite_has_a_contact(bench):
    """Without one nobody could say BYE to the caller: 400; only peers of RFC 2543 age had no need of it."""
    peer, phone = Peer(PEER), start(bench, auto=False)
    to = f"<sip:phone@127.0.0.1:{PHONE}>"
    peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", to, "<sip:x@127.0.0.1>;tag=a", "bare", 1, PHONE_AT, peer.sdp(), contact=False)
    peer.receive(400)
    peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", to, "<sip:x@127.0.0.1>;tag=b", "old", 1, PHONE_AT, peer.sdp(), contact=False, branch="1")
    peer.receive(180)
    equal(phone.quit(), 0, "exit status")


def test_a_fork_that_lost_ends_nothing(bench):
    """Two phones ring, one reliably; the other answers. That the first knows its dialog no more (481 to our PRACK) is no end of the call."""
    peer, phone = Peer(PEER), start(bench)
    number = phone.do(f"call sip:peer@127.0.0.1:{PEER}")["call"]
    invite = peer.receive("INVITE")
    peer.respond(invite, 180, "Ringing", tag="lost", headers=("Require: 100rel", "RSeq: 1"))
    prack = peer.receive("PRACK")
    dialog = Dialog(peer, invite)
    peer.respond(invite, 200, "OK", peer.sdp())
    peer.receive("ACK")
    phone.event("answered", call=number)
    peer.respond(prack, 481, "Call/Transaction Does Not Exist")
    peer.nothing("BYE", 0.5)
    equal(phone.get("call.state"), "answered", "the call goes on")
    hang_up(phone, peer, dialog)


# ---- REFER, as who asks ----

def notify(dialog, refer_request, line, state="active;expires=60"):
    body = line + "\r\n"
    dialog.cseq += 1
    rows = [f"NOTIFY {dialog.target} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{dialog.peer.port};branch=z9hG4bKn{dialog.cseq}", "Max-Forwards: 70", f"From: {dialog.mine}",
            f"To: {dialog.theirs}", f"Call-ID: {dialog.call_id}", f"CSeq: {dialog.cseq} NOTIFY", f"Contact: <sip:peer@127.0.0.1:{dialog.peer.port}>",
            f"Event: refer;id={refer_request.get('CSeq').split()[0]}", f"Subscription-State: {state}", "Content-Type: message/sipfrag;version=2.0", f"Content-Length: {len(body)}"]
    dialog.peer.send(("\r\n".join([*rows, "", ""]) + body).encode(), PHONE_AT)
    equal(dialog.peer.receive(200).method, "NOTIFY", "the NOTIFY is answered")


def test_blind_transfer(bench):
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    phone.do("transfer sip:carol@127.0.0.1:9")
    request = peer.receive("REFER")
    equal(request.get("Refer-To"), "<sip:carol@127.0.0.1:9>", "Refer-To")
    check("offhook@" in request.get("Referred-By"), "Referred-By")
    dialog.respond(request, 202, "Accepted")
    notify(dialog, request, "SIP/2.0 180 Ringing")
    equal(phone.event("transfer-progress", call=number)["code"], 180, "progress")
    notify(dialog, request, "SIP/2.0 486 Busy Here", "terminated;reason=noresource")
    equal(phone.event("transfer-failed", call=number)["code"], 486, "it failed")
    equal(phone.get("call.state"), "answered", "our call goes on")
    phone.do("transfer sip:dave@127.0.0.1:9")
    request = peer.receive("REFER")
    dialog.respond(request, 202, "Accepted")
    notify(dialog, request, "SIP/2.0 200 OK", "terminated;reason=noresource")
    phone.event("transferred", call=number)
    dialog.respond(peer.receive("BYE"), 200, "OK")
    phone.event("ended", call=number)


def test_attended_transfer(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    first, one = phone_calls(phone, peer)
    second = phone.do(f"call sip:other@127.0.0.1:{OTHER}")["call"]
    hold = peer.receive("INVITE")
    one.respond(hold, 200, "OK", peer.sdp("recvonly", 2))
    invite = other.receive("INVITE")
    two = Dialog(other, invite)
    two.respond(invite, 200, "OK", other.sdp())
    other.receive("ACK")
    phone.event("answered", call=second)
    phone.do(f"transfer with={second} call={first}")
    request = peer.receive("REFER")
    target = re.match(r"<(.*)\?Replaces=(.*)>", request.get("Refer-To"))
    equal(urllib.parse.unquote(target.group(2)), f"{invite.get('Call-ID')};to-tag={other.tag};from-tag={invite.get('From').split('tag=')[1]}", "Replaces")
    equal(target.group(1), f"sip:peer@127.0.0.1:{OTHER}", "the Contact of whom it replaces us with")
    one.respond(request, 202, "Accepted", headers=("Refer-Sub: false",))
    phone.event("transferred", call=first)
    one.respond(peer.receive("BYE"), 200, "OK")


def test_attended_transfer_to_who_knows_no_replaces(bench):
    """The transferred call came to him as another one, and he keeps ours: we end it."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, "set call.auto-hold off")
    first, one = phone_calls(phone, peer)
    second, two = phone_calls(phone, other)
    phone.do(f"transfer with={second} call={first}")
    request = peer.receive("REFER")
    one.respond(request, 202, "Accepted")
    notify(one, request, "SIP/2.0 100 Trying")
    notify(one, request, "SIP/2.0 200 OK", "terminated;reason=noresource")
    phone.event("transferred", call=first)
    one.respond(peer.receive("BYE"), 200, "OK")
    two.respond(other.receive("BYE"), 200, "OK")
    equal(phone.event("ended", call=second)["by"], "us", "who ended the call with him")


def test_refer_outside_of_calls(bench):
    peer, phone = Peer(PEER), start(bench)
    phone.do(f"refer sip:desk@127.0.0.1:{PEER} to=sip:bob@127.0.0.1:9")
    request = peer.receive("REFER")
    equal(request.get("Refer-To"), "<sip:bob@127.0.0.1:9>", "Refer-To")
    peer.respond(request, 603, "Decline")
    event = phone.event("refer", direction="out")
    equal((event["code"], event["target"], event["cause"]), (603, "sip:bob@127.0.0.1:9", "refused"), "refused")


def test_a_script_ends_with_what_became_of_its_refer(bench):
    """A REFER that is refused is the script's failure; one that is taken without news (RFC 4488) or waited for is none."""
    peer = Peer(PEER)
    line = f"refer sip:desk@127.0.0.1:{PEER} to=sip:bob@127.0.0.1:9"
    for answer, headers, more, status, words in ((603, (), [], 4, "will not call"), (202, ("Refer-Sub: false",), [], 0, ""),
                                                 (603, (), ["wait refer code=603 within=20s", "echo $code"], 0, "")):
        path = bench.write("refer.call", "\n".join(["set sip.listen 127.0.0.1:0", line, *more, ""]))
        script = subprocess.Popen([OFFHOOK, "-n", "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=bench.environment())
        bench.processes.append(script)
        peer.respond(peer.receive("REFER"), answer, "Answered", headers=headers)
        out, errors = script.communicate(timeout=20)
        equal(script.returncode, status, f"exit status of {answer} {more}: {errors}")
        check(words in errors and ("603" in out) == bool(more), f"{out} {errors}")


# ---- Replaces ----

def test_replaces(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, auto=False)
    number, dialog = phone_calls(phone, peer)
    ours = dialog.theirs.split("tag=")[1]
    whole = f"{dialog.call_id};to-tag={ours};from-tag={peer.tag}"

    def invite(name, value):
        other.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", f"<sip:other@127.0.0.1:{OTHER}>;tag={other.tag}", name, 1, PHONE_AT,
                      other.sdp(), (f"Replaces: {value}", "Require: replaces"))

    invite("r1", f"{dialog.call_id};to-tag=x;from-tag={peer.tag}")
    other.receive(481)
    invite("r2", whole + ";early-only")
    other.receive(486)
    invite("r3", "rubbish")
    other.receive(400)
    invite("r4", whole)
    ok = other.receive(200)
    taken = Dialog(other, call_id="r4")
    taken.answered(ok)
    taken.ack(cseq=1)
    dialog.respond(peer.receive("BYE"), 200, "OK")
    phone.event("transferred", call=number)
    phone.event("ended", call=number)
    equal(phone.event("answered")["from"], f"sip:other@127.0.0.1:{OTHER}", "whom we talk to")


# ---- three phones ----

def three(bench, *lines):
    phones = [start(bench, *lines, port=port, auto=port != PHONE) for port in (PHONE, PEER, OTHER)]
    phones[0].do("set call.auto-hold on")
    return phones


def test_three_phones_blind(bench):
    alice, bob, carol = three(bench, "set call.follow-transfer on")
    call = alice.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    alice.event("answered", call=call)
    alice.do(f"transfer sip:carol@127.0.0.1:{OTHER}")
    alice.event("transferred", call=call)
    alice.event("ended", call=call)
    carol.event("answered")
    bob.event("transferred")
    wait_until(lambda: bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob talks to carol alone")
    carol.event("media")


def test_three_phones_attended(bench):
    alice, bob, carol = three(bench, "set call.follow-transfer on")
    first = alice.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    alice.event("answered", call=first)
    second = alice.do(f"call sip:carol@127.0.0.1:{OTHER}")["call"]
    alice.event("answered", call=second)
    alice.do(f"transfer with={second} call={first}")
    alice.event("transferred", call=first)
    for call in (first, second):
        alice.event("ended", call=call)
    carol.event("transferred")
    wait_until(lambda: alice.get("calls.count") == "0" and bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob and carol talk alone")
    equal(bob.get("call.state"), "answered", "bob's call")
    equal(carol.get("call.state"), "answered", "carol's call")


def trapezoid_phones(bench, transport):
    """alice@atlanta.com, bob and carol at biloxi.com, all registered."""
    phones = []
    for user, domain, listen in (("alice", "atlanta.com", f"{ALICE}:5060"), ("bob", "biloxi.com", f"{BOB}:5060"), ("carol", "biloxi.com", f"{BOB}:5064")):
        account = f"sip:{user}@{domain} proxy=sip:{domain};transport={transport} transport={transport} password=secret"
        secure = [f"set tls.ca {bench.path('ca.pem')}"] if transport == "tls" else []
        if secure:
            account = f"sips:{user}@{domain} proxy=sips:{domain} password=secret"
        phone = bench.phone(f"set sip.listen {listen}", "set media.codecs PCMU", "set call.follow-transfer on", *secure,
                            *(["set call.auto-answer on"] if user != "alice" else []), f"account add {account}")
        phone.event("registered")
        phones.append(phone)
    return phones


def transfers_over_proxies(bench, transport):
    """Blind, then attended, through both proxies, with record-routing and digest."""
    secure = transport == "tls"
    start_trapezoid(bench, "RECORD_ROUTE", "DIGEST", *(["TLS"] if secure else []), tls=secure)
    alice, bob, carol = trapezoid_phones(bench, transport)
    sniffer = Sniffer()
    scheme = "sips" if secure else "sip"
    call = alice.do(f"call {scheme}:bob@biloxi.com")["call"]
    alice.event("answered", call=call)
    alice.do(f"transfer {scheme}:carol@biloxi.com")
    alice.event("transferred", call=call)
    alice.event("ended", call=call)
    carol.event("answered")
    wait_until(lambda: bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob talks to carol alone")
    bob.do("hangup")
    wait_until(lambda: bob.get("calls.count") == "0" and carol.get("calls.count") == "0", "they hang up")
    first = alice.do(f"call {scheme}:bob@biloxi.com")["call"]
    alice.event("answered", call=first)
    second = alice.do(f"call {scheme}:carol@biloxi.com")["call"]
    alice.event("answered", call=second)
    alice.do(f"transfer with={second} call={first}")
    alice.event("transferred", call=first)
    for number in (first, second):
        alice.event("ended", call=number)
    carol.event("transferred")
    wait_until(lambda: alice.get("calls.count") == "0" and bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob and carol talk alone")
    if secure:
        equal([str(m) for m in sniffer.messages], [], "SIP that can be read on the wire")


def test_transfers_over_proxies_udp(bench):
    transfers_over_proxies(bench, "udp")


def test_transfers_over_proxies_tcp(bench):
    transfers_over_proxies(bench, "tcp")


def test_transfers_over_proxies_tls(bench):
    transfers_over_proxies(bench, "tls")


# ---- what an INVITE says of who calls ----

def registered(bench, peer, *lines, options=""):
    """A phone whose account is registered at the peer."""
    phone = start(bench, *lines, f"account add sip:phone@127.0.0.1:{peer.port} proxy=sip:127.0.0.1:{peer.port} {options}", auto=False)
    register = peer.receive("REGISTER")
    peer.respond(register, 200, "OK", headers=(f"Contact: {register.get('Contact')};expires=600",))
    phone.event("registered")
    return phone


def invite(peer, name, *headers, body=None):
    tag = f"<sip:anonymous@anonymous.invalid>;tag={peer.tag}"
    peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", tag, name, 1, PHONE_AT, peer.sdp() if body is None else body, headers)


def test_identity_and_diversion(bench):
    """P-Asserted-Identity counts from our own proxy alone; Diversion and History-Info are shown."""
    peer, stranger = Peer(PEER), Peer(OTHER, "127.0.0.2")
    phone = registered(bench, peer)
    invite(peer, "a1", "P-Asserted-Identity: \"Boss\" <sip:boss@example.com>", "Diversion: <sip:desk@example.com>;reason=no-answer", "Identity: x;info=<http://127.0.0.1:9/>")
    event = phone.event("incoming")
    equal((event["from"], event["identity"], event["name"], event["diverted"], event["signed"]),
          ("sip:boss@example.com", "sip:boss@example.com", "Boss", "sip:desk@example.com (no-answer)", "yes"), "from our proxy")
    check("as our proxy says" in str(phone.do(f"show call {event['call']}")), "show call")
    phone.do("reject")
    invite(stranger, "a2", "P-Asserted-Identity: <sip:boss@example.com>", "History-Info: <sip:one@example.com>;index=1, <sip:two@example.com;cause=302>;index=1.1")
    event = phone.event("incoming")
    equal((event["from"], event.get("identity"), event["diverted"]), ("sip:anonymous@anonymous.invalid", None, "sip:one@example.com (302)"), "from a stranger")
    phone.do("reject")


def test_own_identity(bench):
    peer = Peer(PEER)
    phone = registered(bench, peer)
    phone.do("call sip:x@example.com anonymous=yes")
    request = peer.receive("INVITE")
    equal((request.get("P-Preferred-Identity"), request.get("Privacy"), "anonymous.invalid" in request.get("From")),
          (f"<sip:phone@127.0.0.1:{PEER}>", "id", True), "an anonymous call through our proxy")
    peer.respond(request, 486, "Busy Here")
    phone.event("failed")
    phone.do("account set phone@127.0.0.1:5080 identity=asserted")
    phone.do("call sip:x@example.com")
    request = peer.receive("INVITE")
    equal(request.get("P-Asserted-Identity"), f"<sip:phone@127.0.0.1:{PEER}>", "a trusted trunk")


def test_answered_elsewhere(bench):
    peer, phone = Peer(PEER), start(bench, auto=False)
    tag = f"<sip:peer@127.0.0.1:{PEER}>;tag={peer.tag}"
    branch = peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", tag, "else", 1, PHONE_AT, peer.sdp())
    phone.event("incoming")
    peer.request("CANCEL", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", tag, "else", 1, PHONE_AT, "",
                 ("Reason: SIP;cause=200;text=\"Call completed elsewhere\"",), branch, contact=False)
    event = phone.event("failed")
    check("Call completed elsewhere" in event["detail"], event["detail"])
    check("missed" not in str(phone.do("show history")), "nobody missed it")


def test_answer_mode(bench):
    peer = Peer(PEER)
    phone = start(bench, auto=False)
    tag = f"<sip:peer@127.0.0.1:{PEER}>;tag={peer.tag}"

    def call(name, *headers):
        peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", tag, name, 1, PHONE_AT, peer.sdp(), headers)

    call("m1", "Answer-Mode: Auto")
    peer.receive(180)
    phone.event("incoming")
    peer.nothing(200, 0.5)
    phone.do("reject")
    peer.receive(486)
    call("m2", "Answer-Mode: Auto;require")
    peer.receive(403)
    phone.do(f"set call.auto-answer-for sip:*@127.0.0.1:{PEER}")
    for name, header in (("m3", "Answer-Mode: Auto"), ("m4", "Call-Info: <sip:127.0.0.1>;answer-after=0"), ("m5", "Alert-Info: <http://127.0.0.1>;info=alert-autoanswer;delay=1")):
        call(name, header)
        ok = peer.receive(200)
        dialog = Dialog(peer, call_id=name)
        dialog.answered(ok)
        dialog.ack(cseq=1)
        phone.event("answered")
        dialog.send("BYE")
        peer.receive(200)
        phone.event("ended")


# ---- bodies ----

def test_words_of_the_user(bench):
    """header=, body= and type= of the commands that send."""
    peer, phone = Peer(PEER), start(bench)
    phone.do(f"call sip:peer@127.0.0.1:{PEER} header=\"Subject: tea\" type=text/plain body=hello")
    request = peer.receive("INVITE")
    equal(request.get("Subject"), "tea", "a header field")
    check(request.get("Content-Type").startswith("multipart/mixed") and "m=audio" in request.body and "\r\nhello\r\n" in request.body, request.body)
    dialog = Dialog(peer, request)
    dialog.respond(request, 200, "OK", peer.sdp())
    peer.receive("ACK")
    phone.event("answered")
    phone.do("hangup header=\"Reason: SIP;cause=200;text=\\\"tea is ready\\\"\"")
    bye = peer.receive("BYE")
    equal(bye.get("Reason"), "SIP;cause=200;text=\"tea is ready\"", "Reason")
    dialog.respond(bye, 200, "OK")


def test_bodies_of_several_parts(bench):
    peer, phone = Peer(PEER), start(bench)
    tag = f"<sip:peer@127.0.0.1:{PEER}>;tag={peer.tag}"

    def call(name, content, body):
        body = body.replace("\n", "\r\n")
        rows = [f"INVITE sip:phone@127.0.0.1:{PHONE} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{PEER};branch=z9hG4bK{name}", "Max-Forwards: 70", f"From: {tag}",
                f"To: <sip:phone@127.0.0.1:{PHONE}>", f"Call-ID: {name}", "CSeq: 1 INVITE", f"Contact: <sip:peer@127.0.0.1:{PEER}>", *content, f"Content-Length: {len(body)}"]
        peer.send(("\r\n".join([*rows, "", ""]) + body).encode(), PHONE_AT)

    mixed = f"--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: application/sdp\n\n{peer.sdp()}\n--b--\n"
    call("b1", ["Content-Type: multipart/mixed;boundary=b"], mixed)
    check("m=audio" in peer.receive(200).body, "the offer is found")
    call("b2", ["Content-Type: multipart/mixed;boundary=b"], mixed.replace("text/plain", "text/strange\nContent-Disposition: session;handling=required"))
    refused = peer.receive(415)
    check("application/sdp" in refused.get("Accept"), "what would do")
    call("b3", ["Content-Type: application/sdp", "Content-Encoding: gzip"], peer.sdp())
    equal(peer.receive(415).get("Accept-Encoding"), "identity", "no encoding")
    call("b4", ["Content-Type: text/strange", "Content-Disposition: render;handling=optional"], "x")
    check("m=audio" in peer.receive(200).body, "what is optional is passed over: our offer")
    call("b5", ["Content-Type: application/sdp"], peer.sdp().replace("RTP/AVP 0", "RTP/AVP 99").replace("rtpmap:0 PCMU", "rtpmap:99 nothing"))
    check("305" in peer.receive(488).get("Warning"), "Warning")
