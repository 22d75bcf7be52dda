"""Extensions of sessions against a peer that says exactly what the test wants: UPDATE, PRACK, session timers, INFO, bodies, who calls."""
from harness import check, equal
from sessions import OTHER, PEER, PHONE, PHONE_AT, Dialog, hang_up, peer_calls, phone_calls, start
from wire import Peer


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


# ---- answers to our INVITE, and what one of others must have ----

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
