"""RFC 5407: what crosses on its way, one test a figure, and what arrives in another order than it left."""
from harness import check, equal
from sessions import OTHER, PEER, PHONE, PHONE_AT, Dialog, hang_up, peer_calls, phone_calls, start
from wire import Peer


def calls(peer, name, body=None, headers=()):
    """The peer calls: its dialog, and the branch of the INVITE."""
    dialog = Dialog(peer, call_id=name)
    return dialog, peer.request("INVITE", dialog.target, dialog.theirs, dialog.mine, name, 1, PHONE_AT, peer.sdp() if body is None else body, headers)


def answered(peer, name, body=None):
    """The peer calls, the phone answers, and the ACK is on its way."""
    dialog, branch = calls(peer, name, body)
    ok = peer.receive(200)
    dialog.answered(ok)
    return dialog, branch


def again(peer, dialog, name, branch):
    """The INVITE once more, byte by byte what it was."""
    peer.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", dialog.mine, name, 1, PHONE_AT, peer.sdp(), branch=branch)


def up(phone, wanted=1):
    equal(phone.get("calls.count"), str(wanted), "calls")


# ---- 3.1: the callee has answered and waits for the ACK ----

def test_invite_again(bench):
    """3.1.1: the INVITE comes again before and after the ACK: it is no second call."""
    peer, phone = Peer(PEER), start(bench)
    dialog, branch = answered(peer, "again")
    again(peer, dialog, "again", branch)
    equal(peer.receive(200).get("To"), dialog.theirs, "the same answer")
    dialog.ack(cseq=1)
    phone.event("answered")
    again(peer, dialog, "again", branch)
    dialog.ack(cseq=1)
    up(phone)
    dialog.send("INVITE", peer.sdp(version=2))
    equal(peer.receive(200).get("CSeq"), "2 INVITE", "and the next INVITE is another")
    dialog.ack()
    hang_up(phone, peer, dialog)


def test_cancel_after_answer(bench):
    """3.1.2: the CANCEL crosses the 200: it is answered and changes nothing; ACK and BYE end the call."""
    peer, phone = Peer(PEER), start(bench)
    dialog, branch = answered(peer, "cancelled")
    peer.request("CANCEL", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", dialog.mine, "cancelled", 1, PHONE_AT, branch=branch, contact=False)
    equal(peer.receive(200).method, "CANCEL", "the CANCEL")
    peer.nothing(487, 0.3)
    dialog.ack(cseq=1)
    phone.event("answered")
    dialog.send("BYE")
    equal(peer.receive(200).method, "BYE", "the BYE")
    phone.event("ended")


def test_bye_of_the_early_dialog(bench):
    """Appendix A: BYE before the answer: 200, and 487 for the INVITE. 3.1.3: sent early, it arrives after the answer: the ACK may still come."""
    peer, phone = Peer(PEER), start(bench, auto=False)
    dialog, branch = calls(peer, "early")
    peer.receive(100)
    dialog.answered(peer.receive(180))
    dialog.send("BYE")
    peer.receive(200)
    final = peer.receive(487)
    equal(final.get("CSeq"), "1 INVITE", "the INVITE")
    dialog.send("ACK", cseq=1, branch=branch)
    phone.event("failed")
    dialog, branch = calls(peer, "late")
    peer.receive(100)
    dialog.answered(peer.receive(180))
    phone.do("answer")
    peer.receive(200)
    dialog.send("BYE")
    equal(peer.receive(200).get("CSeq"), "2 BYE", "the BYE")
    phone.event("ended")
    dialog.ack(cseq=1)
    peer.nothing(None, 1.2)
    up(phone, 0)


def test_reinvite_before_the_ack(bench):
    """3.1.4: the ACK is lost and a re-INVITE comes: what was offered is answered, so it is taken. 3.1.5: the lost ACK had the answer: 491."""
    peer, phone = Peer(PEER), start(bench)
    dialog, _ = answered(peer, "agreed")
    dialog.send("INVITE", peer.sdp(version=2))
    ok = peer.receive(200, 2)
    while ok.get("CSeq") != "2 INVITE":
        ok = peer.receive(200, 2)
    dialog.ack()
    dialog.ack(cseq=1)
    phone.event("answered")
    hang_up(phone, peer, dialog)
    dialog, _ = answered(peer, "open", "")
    branch = dialog.send("INVITE", peer.sdp(version=2))
    peer.receive(491)
    dialog.send("ACK", branch=branch, cseq=dialog.cseq)
    dialog.ack(peer.sdp(), cseq=1)
    phone.event("answered")
    dialog.send("INVITE", peer.sdp(version=3))
    equal(peer.receive(200).get("CSeq") in ("1 INVITE", "3 INVITE"), True, "then it is taken")
    dialog.ack()
    hang_up(phone, peer, dialog)


def test_bye_before_the_ack(bench):
    """3.1.6, 3.2.4: BYE overtakes the ACK, or that is lost."""
    peer, phone = Peer(PEER), start(bench)
    for name in ("overtaken", "lost"):
        dialog, _ = answered(peer, name)
        dialog.send("BYE")
        equal(peer.receive(200).method, "BYE", "the BYE")
        phone.event("ended")
        if name == "overtaken":
            dialog.ack(cseq=1)
        peer.nothing("BYE", 0.6)
        dialog.ack(cseq=1)
        peer.nothing(481, 0.2)
    up(phone, 0)


# ---- 3.2: after the BYE ----

def test_bye_meets_bye(bench):
    """3.2.1: both hang up: each BYE gets its 200."""
    peer, phone = Peer(PEER), start(bench)
    _, dialog, _ = peer_calls(phone, peer, "both")
    phone.do("hangup")
    bye = peer.receive("BYE")
    dialog.send("BYE")
    equal(peer.receive(200).method, "BYE", "theirs")
    dialog.respond(bye, 200, "OK")
    phone.event("ended")
    up(phone, 0)
    _, dialog, _ = peer_calls(phone, peer, "refused")
    phone.do("hangup")
    bye = peer.receive("BYE")
    dialog.send("BYE")
    peer.receive(200)
    dialog.respond(bye, 481, "Call/Transaction Does Not Exist")
    phone.event("ended")


def test_reinvite_meets_bye(bench):
    """3.2.2: a re-INVITE that crosses our BYE finds no dialog. 3.3.3: neither does a REFER, and ours that crosses theirs is over."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    _, dialog, _ = peer_calls(phone, peer, "mortal")
    phone.do("hangup")
    bye = peer.receive("BYE")
    branch = dialog.send("INVITE", peer.sdp(version=2))
    peer.receive(481)
    dialog.send("ACK", branch=branch, cseq=dialog.cseq)
    dialog.send("REFER", headers=(f"Refer-To: <sip:other@127.0.0.1:{OTHER}>",))
    peer.receive(481)
    dialog.send("UPDATE", peer.sdp(version=2))
    peer.receive(481)
    dialog.respond(bye, 200, "OK")
    phone.event("ended")
    peer.nothing("NOTIFY", 0.2)
    other.nothing("INVITE", 0.1)
    number, dialog, _ = peer_calls(phone, peer, "referred")
    phone.do(f"transfer sip:other@127.0.0.1:{OTHER}")
    refer = peer.receive("REFER")
    dialog.send("BYE")
    equal(peer.receive(200).method, "BYE", "the BYE")
    dialog.respond(refer, 481, "Call/Transaction Does Not Exist")
    equal(phone.event("transfer-failed")["code"], 481, "the transfer")
    phone.event("ended", call=number)
    up(phone, 0)


def test_answers_after_bye(bench):
    """3.2.3, appendix B: our BYE goes while our re-INVITE waits: its answer, whatever it is, gets its ACK, and begins nothing."""
    peer, phone = Peer(PEER), start(bench)
    for status in (200, 487, 481):
        number, dialog = phone_calls(phone, peer)
        phone.do("reinvite")
        invite = peer.receive("INVITE")
        dialog.respond(invite, 100, "Trying")
        phone.do("hangup")
        bye = peer.receive("BYE")
        dialog.respond(bye, 200, "OK")
        dialog.respond(invite, status, "Late", peer.sdp(version=2) if status == 200 else "")
        equal(peer.receive("ACK").get("CSeq").split()[0], invite.get("CSeq").split()[0], f"the ACK of {status}")
        phone.event("ended", call=number)
        peer.nothing("BYE", 0.3)
        up(phone, 0)
    # Theirs crosses ours.
    number, dialog = phone_calls(phone, peer)
    phone.do("hold")
    invite = peer.receive("INVITE")
    dialog.cseq = 100
    dialog.send("BYE")
    equal(peer.receive(200).method, "BYE", "the BYE")
    dialog.respond(invite, 481, "Call/Transaction Does Not Exist")
    peer.receive("ACK")
    phone.event("ended", call=number)
    up(phone, 0)


# ---- 3.3: both change the session ----

def test_update_meets_reinvite(bench):
    """3.3.2: UPDATE and re-INVITE cross: 491 to both, and who owns the Call-ID waits longer."""
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    phone.do("hold")
    invite = peer.receive("INVITE")
    dialog.cseq = 100
    dialog.send("UPDATE", peer.sdp(version=2))
    peer.receive(491)
    dialog.respond(invite, 491, "Request Pending")
    peer.receive("ACK")
    second = peer.receive("INVITE", 6)
    dialog.respond(second, 200, "OK", peer.sdp("recvonly", 2))
    peer.receive("ACK")
    phone.event("held", call=number)
    phone.do("update")
    update = peer.receive("UPDATE")
    branch = dialog.send("INVITE", peer.sdp("recvonly", 3))
    peer.receive(491)
    dialog.send("ACK", branch=branch, cseq=dialog.cseq)
    dialog.respond(update, 491, "Request Pending")
    update = peer.receive("UPDATE", 6)
    dialog.respond(update, 200, "OK", peer.sdp("recvonly", 3))
    phone.event("update", call=number, code=200)
    hang_up(phone, peer, dialog)


# ---- another order than they left in ----

def test_out_of_order(bench):
    """What the network may do to a call: a 1xx after the 200, a reliable one too, a refusal, the 200 again."""
    peer, phone = Peer(PEER), start(bench)
    number = phone.do(f"call sip:peer@127.0.0.1:{PEER}")["call"]
    invite = peer.receive("INVITE")
    dialog = Dialog(peer, invite)
    dialog.respond(invite, 200, "OK", peer.sdp())
    dialog.respond(invite, 180, "Ringing")
    dialog.respond(invite, 183, "Session Progress", peer.sdp(port=40010), headers=("Require: 100rel", "RSeq: 1"))
    dialog.respond(invite, 486, "Busy Here")
    phone.event("answered", call=number)
    peer.receive("ACK")
    dialog.respond(invite, 200, "OK", peer.sdp())
    equal(peer.receive("ACK").get("CSeq"), "1 ACK", "the second ACK")
    peer.nothing("PRACK", 0.3)
    equal(phone.get("call.state"), "answered", "the call")
    hang_up(phone, peer, dialog)
