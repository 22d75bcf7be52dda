"""A call with a peer that says exactly what the test wants."""
import re

from harness import wait_until

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
