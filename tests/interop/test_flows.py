"""The call flows of RFC 3665, RFC 5359 and RFC 5589 that no other test has, each as the phone sees it."""
from harness import check, equal
from sessions import OTHER, PEER, PHONE, PHONE_AT, Dialog, hang_up, peer_calls, phone_calls, start
from wire import Peer


def lines(message, begin):
    return [line for line in message.body.split("\r\n") if line.startswith(begin)]


def fragment(notify):
    return notify.body.split("\r\n")[0]


# ---- RFC 3665 ----

def test_redirected_with_the_answer_in_ack(bench):
    """RFC 3665 3.6: an INVITE without description is redirected, the 200 offers, the ACK answers."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, "set call.follow-redirect on")
    number = phone.do(f"call sip:peer@127.0.0.1:{PEER} sdp=none")["call"]
    invite = peer.receive("INVITE")
    equal(invite.body, "", "no description")
    rows = ["SIP/2.0 302 Moved Temporarily", *(f"{name}: {invite.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")), f"To: {invite.get('To')};tag=r",
            f"Contact: <sip:other@127.0.0.1:{OTHER}>"]
    peer.send(peer.finish(rows), invite.source)
    peer.receive("ACK")
    second = other.receive("INVITE")
    equal((second.body, second.get("Call-ID"), second.get("To")), ("", invite.get("Call-ID"), invite.get("To")), "the same call")
    check(int(second.get("CSeq").split()[0]) > int(invite.get("CSeq").split()[0]), "a higher CSeq")
    dialog = Dialog(other, second)
    dialog.respond(second, 180, "Ringing")
    dialog.respond(second, 200, "OK", other.sdp())
    ack = other.receive("ACK")
    check(ack.body.startswith("v=0") and lines(ack, "m=audio"), f"the answer: {ack.body}")
    phone.event("answered", call=number)
    hang_up(phone, other, dialog)


def test_no_answer_then_cancel(bench):
    """RFC 3665 3.8: nobody answers, the caller gives up: CANCEL, 487, and the ACK goes where the INVITE went."""
    peer, phone = Peer(PEER), start(bench)
    number = phone.do(f"call sip:peer@127.0.0.1:{PEER} timeout=1s")["call"]
    invite = peer.receive("INVITE")
    peer.respond(invite, 180, "Ringing")
    cancel = peer.receive("CANCEL")
    equal((cancel.get("Via"), cancel.get("CSeq"), cancel.get("To")), (invite.get("Via"), invite.get("CSeq").replace("INVITE", "CANCEL"), invite.get("To")), "the CANCEL")
    peer.respond(cancel, 200, "OK")
    peer.respond(invite, 487, "Request Terminated")
    equal(peer.receive("ACK").get("Via"), invite.get("Via"), "the ACK")
    phone.event("failed", call=number)


# ---- RFC 5359 ----

def test_music_on_hold(bench):
    """RFC 5359 2.3: who holds us has us offer, lets a server of music answer in the ACK, and takes us back in the same way."""
    peer, phone = Peer(PEER), start(bench)
    number, dialog, _ = peer_calls(phone, peer, "music")
    for answer, event in ((peer.sdp("sendonly", 2).replace("127.0.0.1", "127.0.0.9"), "remote-held"), (peer.sdp("sendrecv", 3), "remote-resumed")):
        dialog.send("INVITE")
        offer = peer.receive(200)
        check(lines(offer, "m=audio") and "a=sendrecv" in offer.body, f"all of what we can: {offer.body}")
        dialog.ack(answer)
        phone.event(event, call=number)
    equal(phone.get("call.state"), "answered", "the call")
    hang_up(phone, peer, dialog)


def test_forwarded(bench):
    """RFC 5359 2.7, 2.8, 2.9, done by the phone itself: 302 at once, when busy, when nobody answers."""
    peer, phone = Peer(PEER), start(bench, "set call.max 1", auto=False)
    target = f"sip:desk@127.0.0.1:{OTHER}"

    def call(name):
        dialog = Dialog(peer, call_id=name)
        return dialog, peer.request("INVITE", dialog.target, dialog.theirs, dialog.mine, name, 1, PHONE_AT, peer.sdp())

    def moved(dialog, branch):
        answer = peer.receive(302, 5)
        equal((answer.get("Call-ID"), answer.get("Contact")), (dialog.call_id, f"<{target}>"), "where to")
        dialog.theirs = answer.get("To")
        dialog.send("ACK", cseq=1, branch=branch)

    phone.do(f"forward always {target}")
    moved(*call("always"))
    phone.do("forward off")
    phone.do(f"forward noanswer {target} after=1s")
    dialog, branch = call("noanswer")
    peer.receive(180)
    moved(dialog, branch)
    phone.do("forward off")
    phone.do(f"forward busy {target}")
    first, _ = call("first")
    first.answered(peer.receive(180))
    phone.do("answer")
    peer.receive(200)
    first.ack(cseq=1)
    phone.event("answered")
    moved(*call("busy"))
    hang_up(phone, peer, first)


def test_automatic_redial(bench):
    """RFC 5359 2.17: busy; the phone watches the line and calls when it is free."""
    peer, phone = Peer(PEER), start(bench)
    target = f"sip:peer@127.0.0.1:{PEER}"
    number = phone.do(f"call {target}")["call"]
    peer.respond(peer.receive("INVITE"), 486, "Busy Here")
    phone.event("failed", call=number, code=486)
    phone.do(f"on dialog-info state=terminated as free do call {target}")
    phone.do(f"subscribe {target} package=dialog")
    subscribe = peer.receive("SUBSCRIBE")
    equal(subscribe.get("Event"), "dialog", "the package")
    peer.respond(subscribe, 200, "OK", headers=("Expires: 600",))
    watched = Dialog(peer, subscribe)

    def notify(version, state):
        body = (f'<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" entity="{target}">'
                f'<dialog id="a"><state>{state}</state></dialog></dialog-info>\n')
        peer.request("NOTIFY", watched.target, watched.theirs, watched.mine, watched.call_id, version + 1, PHONE_AT, body,
                     ("Event: dialog", "Subscription-State: active;expires=600"), type="application/dialog-info+xml")
        equal(peer.receive(200).method, "NOTIFY", "the NOTIFY")

    notify(0, "confirmed")
    peer.nothing("INVITE", 0.2)
    notify(1, "terminated")
    invite = peer.receive("INVITE")
    peer.respond(invite, 200, "OK", peer.sdp())
    peer.receive("ACK")
    phone.event("answered")
    hang_up(phone, peer, Dialog(peer, invite))


# ---- RFC 5589 ----

def test_transfer_target_does_not_answer(bench):
    """RFC 5589 6.3.2: the target rings and nobody answers; who asked is told and talks on with us."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, "set call.follow-transfer on")
    number, dialog, _ = peer_calls(phone, peer, "unanswered")
    dialog.send("REFER", headers=(f"Refer-To: <sip:other@127.0.0.1:{OTHER}>",))
    peer.receive(202)
    invite = other.receive("INVITE")
    other.respond(invite, 180, "Ringing")
    other.respond(invite, 480, "Temporarily Unavailable")
    other.receive("ACK")
    told = []
    while not told or told[-1][1] == "active":
        notify = peer.receive("NOTIFY")
        dialog.respond(notify, 200, "OK")
        told.append((fragment(notify), notify.get("Subscription-State").split(";")[0]))
    equal(told[-1], ("SIP/2.0 480 Temporarily Unavailable", "terminated"), "the last word")
    equal(phone.event("transfer-failed", call=number)["code"], 480, "and here")
    dialog.send("INVITE", peer.sdp(version=2))
    peer.receive(200)
    dialog.ack()
    equal(phone.get("call.state"), "answered", "the call goes on")
    hang_up(phone, peer, dialog)


def test_peer_that_knows_no_refer(bench):
    """RFC 5589 7.4: the one is asked and refuses to know REFER; the call stands, and the other can be asked."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    first, dialog = phone_calls(phone, peer, headers=())
    phone.do("hold")
    hold = peer.receive("INVITE")
    dialog.respond(hold, 200, "OK", peer.sdp("recvonly", 2))
    peer.receive("ACK")
    phone.event("held", call=first)
    second = phone.do(f"call sip:other@127.0.0.1:{OTHER}")["call"]
    invite = other.receive("INVITE")
    consulted = Dialog(other, invite)
    consulted.respond(invite, 200, "OK", other.sdp())
    other.receive("ACK")
    phone.event("answered", call=second)
    phone.do(f"transfer with={second} call={first}")
    dialog.respond(peer.receive("REFER"), 501, "Not Implemented")
    equal(phone.event("transfer-failed", call=first)["code"], 501, "refused")
    equal(len(phone.do("show calls")), 2, "both calls stand")
    phone.do(f"transfer with={first} call={second}")
    refer = other.receive("REFER")
    check(f"127.0.0.1:{PEER}" in refer.get("Refer-To") and "Replaces=" in refer.get("Refer-To"), refer.get("Refer-To"))
    consulted.respond(refer, 202, "Accepted")
    consulted.cseq = 10
    other.request("NOTIFY", consulted.target, consulted.theirs, consulted.mine, consulted.call_id, 11, PHONE_AT, "SIP/2.0 200 OK\n",
                  ("Event: refer", "Subscription-State: terminated;reason=noresource"), type="message/sipfrag")
    phone.event("transferred")
    other.respond(other.receive("BYE"), 200, "OK")


def test_semi_attended(bench):
    """RFC 5589 7.6: the target still rings: the call to it is given up, and the transfer goes on without consultation."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    first, dialog = phone_calls(phone, peer)
    second = phone.do(f"call sip:other@127.0.0.1:{OTHER}")["call"]
    hold = peer.receive("INVITE")
    dialog.respond(hold, 200, "OK", peer.sdp("recvonly", 2))
    peer.receive("ACK")
    invite = other.receive("INVITE")
    other.respond(invite, 180, "Ringing")
    phone.event("ringing", call=second)
    equal(phone.refused(f"transfer with={second} call={first}")["data"]["reason"], "not-answered", "nobody to consult")
    phone.do(f"hangup {second}")
    other.respond(other.receive("CANCEL"), 200, "OK")
    other.respond(invite, 487, "Request Terminated")
    other.receive("ACK")
    phone.event("failed", call=second)
    phone.do(f"transfer sip:other@127.0.0.1:{OTHER} call={first}")
    refer = peer.receive("REFER")
    equal(refer.get("Refer-To"), f"<sip:other@127.0.0.1:{OTHER}>", "without Replaces")
    dialog.respond(refer, 202, "Accepted")
    dialog.cseq = 10
    for number, (state, status) in enumerate((("active;expires=60", "100 Trying"), ("terminated;reason=noresource", "200 OK")), 11):
        peer.request("NOTIFY", dialog.target, dialog.theirs, dialog.mine, dialog.call_id, number, PHONE_AT, f"SIP/2.0 {status}\n",
                     ("Event: refer", f"Subscription-State: {state}"), type="message/sipfrag")
        peer.receive(200)
    phone.event("transferred", call=first)
    dialog.respond(peer.receive("BYE"), 200, "OK")
    phone.event("ended", call=first)
